"""What the sources of the classic examples print, where it is wrong and why; and the figures that no source prints.

Everything is computed here once more, without Backlit: single steps in 40 digits, long trainings in NumPy's longest
floating-point type. Where a figure of a source is wrong, the slip is repeated and has to give the digits printed.
"""

from decimal import ROUND_DOWN, Decimal
from functools import cache

import msgspec
import numpy as np
import pytest
from mpmath import exp, mp, mpf, nstr
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split

from backlit.examples import example_file, parse_network_file, read_network_file, run_example
from backlit.examples.run_records import same_digits
from backlit.examples.running import NAMES

DIGITS = 40
LONG = np.longdouble

# After, quantity and digits of the published figures that are wrong; all others are right to their digits.
WRONG = {
    "two-layer": {(1, "E", "0.291027924"), (10_000, "E", "0.0000351085"),
                  (10_000, "out(o1)", "0.015912196"), (10_000, "out(o2)", "0.984065734")},
    "one-output": {
        (0, "out(y3)", "0.56"), (0, "net(y5)", "0.702"), (0, "-dE/dnet(y5)", "-0.0376"),
        (0, "-dE/dnet(y4)", "-0.0819"), (1, "w(y4,y5)", "0.67816"), (1, "w(y3,y5)", "0.08567"),
        (1, "w(x1,y3)", "0.200945"), (1, "w(x2,y3)", "0.29811"), (1, "w(x2,y4)", "0.24267"),
        (1, "out(y3)", "0.57"), (1, "out(y4)", "0.56"), (1, "out(y5)", "0.61"),
    },
    "xor": {(0, "mean squared error", "0.26804276"), (4_000, "mean squared error", "0.01247730"),
            (8_000, "mean squared error", "0.00298015")},
}  # fmt: skip

PUBLISHED = {"two-layer": 21, "one-output": 17, "linear": 7, "xor": 3, "iris-from-scratch": 1}
"""How many figures the sources print; no more are called published."""


@cache
def runs(name):
    return run_example(name).runs


def figures(name, kind):
    return [figure for setup in runs(name) for figure in getattr(setup, kind)]


def note_of(value, after=None):
    """The reason that stands beside a wrong figure of one-output."""
    (figure,) = [
        figure for figure in figures("one-output", "figures")
        if figure.published == value and after in (None, figure.after)
    ]  # fmt: skip
    assert figure.equal is False
    return figure.note


def test_no_other_example_has_figures():
    for name in set(NAMES) - set(PUBLISHED) - {"exam-scores"}:
        assert not any(setup.published or setup.computed for setup in read_network_file(example_file(name)).setups)


@pytest.mark.parametrize("name", [*PUBLISHED, "exam-scores"])
def test_each_published_figure_is_right_to_its_digits_or_has_a_reason(name):
    published = figures(name, "figures")
    assert len(published) == PUBLISHED.get(name, 0)
    wrong = {(figure.after, figure.quantity, figure.published) for figure in published if not figure.equal}
    assert wrong == WRONG.get(name, set())
    assert all(figure.note for figure in published if not figure.equal)
    assert read_network_file(example_file(name)).source


# -------------------------------------------------------------------------------------------- the figures of no source


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def one_step(W1, W2, x, t, rate, squash):
    """Give the numbers of a step of a net without biases by their names, in 40 digits: before it, and after it."""

    def f(z):
        return 1 / (1 + exp(-z)) if squash else z

    def slope(y):
        return y * (1 - y) if squash else mpf(1)

    told = []
    for _ in range(2):
        net = [sum(x[i] * W1[i][j] for i in range(2)) for j in range(2)]
        h = [f(z) for z in net]
        last = sum(h[j] * W2[j] for j in range(2))
        y = f(last)
        delta = (t - y) * slope(y)
        deltas = [delta * W2[j] * slope(h[j]) for j in range(2)]
        told.append({"net": net, "h": h, "last": last, "y": y, "delta": delta, "deltas": deltas, "E": (t - y) ** 2 / 2})
        W1 = [[W1[i][j] + rate * deltas[j] * x[i] for j in range(2)] for i in range(2)]
        W2 = [W2[j] + rate * delta * h[j] for j in range(2)]
        told[-1] |= {"W1": W1, "W2": W2}  # those after the step
    return told


def one_output():
    with mp.workdps(DIGITS):
        W1 = [[mpf("0.2"), mpf("0.3")]] * 2
        a, b = one_step(W1, [mpf("0.3"), mpf("0.9")], [mpf("0.35"), mpf("0.7")], mpf("0.5"), 1, squash=True)
    before = {
        "net(y3)": a["net"][0], "net(y4)": a["net"][1], "out(y3)": a["h"][0], "out(y4)": a["h"][1],
        "net(y5)": a["last"], "out(y5)": a["y"],
        "-dE/dnet(y5)": a["delta"], "-dE/dnet(y3)": a["deltas"][0], "-dE/dnet(y4)": a["deltas"][1],
    }  # fmt: skip
    after = {
        "w(y4,y5)": a["W2"][1], "w(y3,y5)": a["W2"][0], "w(x1,y3)": a["W1"][0][0], "w(x2,y3)": a["W1"][1][0],
        "w(x1,y4)": a["W1"][0][1], "w(x2,y4)": a["W1"][1][1],
        "out(y3)": b["h"][0], "out(y4)": b["h"][1], "out(y5)": b["y"],
    }  # fmt: skip
    return {(0, name): value for name, value in before.items()} | {(1, name): value for name, value in after.items()}


def linear():
    with mp.workdps(DIGITS):
        W1 = [[mpf("0.11"), mpf("0.12")], [mpf("0.21"), mpf("0.08")]]
        a, b = one_step(W1, [mpf("0.14"), mpf("0.15")], [2, 3], 1, mpf("0.05"), squash=False)
    weights = {f"w(i{i + 1},h{j + 1})": a["W1"][i][j] for i in range(2) for j in range(2)}
    weights |= {f"w(h{j + 1},o1)": a["W2"][j] for j in range(2)}
    return {(0, "out(o1)"): a["y"], (0, "E"): a["E"], (1, "out(o1)"): b["y"], (1, "E"): b["E"]} | {
        (1, name): value for name, value in weights.items()
    }


def trained(X, T, weights, epochs, rate, biases=(True, True)):
    """Train two layers of sigmoids by the half sum of squares; give the outputs after 0, 1, 2 ... epochs."""
    X, T, (W1, b1, W2, b2) = X.astype(LONG), T.astype(LONG), [array.astype(LONG) for array in weights]
    for epoch in range(epochs + 1):
        H = sigmoid(X @ W1 + b1)
        Y = sigmoid(H @ W2 + b2)
        yield epoch, Y
        d2 = (Y - T) * Y * (1 - Y)
        d1 = d2 @ W2.T * H * (1 - H)
        W2, W1 = W2 - rate * (H.T @ d2), W1 - rate * (X.T @ d1)
        b1 = b1 - rate * d1.sum(axis=0) if biases[0] else b1
        b2 = b2 - rate * d2.sum(axis=0) if biases[1] else b2


def two_layer():
    x, t = np.array([[LONG("0.05"), LONG("0.10")]]), np.array([[LONG("0.01"), LONG("0.99")]])
    W1, b1 = [[".15", ".25"], [".20", ".30"]], [".35", ".35"]
    W2, b2 = [[".40", ".50"], [".45", ".55"]], [".60", ".60"]
    weights = [np.array(array).astype(LONG) for array in (W1, b1, W2, b2)]
    found = {}
    for epoch, Y in trained(x, t, weights, 10_000, LONG("0.5"), (False, False)):
        found[epoch, "E"] = ((Y - t) ** 2).sum() / 2
        found |= {(epoch, f"out(o{k})"): y for k, y in enumerate(Y[0], 1)}
    return found


def of_outputs(outputs, T, name):
    """The figures of a training by its outputs, as (after, quantity)."""
    found = {}
    for epoch, Y in outputs:
        found[epoch, "mean squared error"] = ((Y - T) ** 2).mean()
        found |= {(epoch, f"out({name})[{row}]"): y for row, y in enumerate(Y[:, 0], 1)}
    return found


def xor():
    draw = np.random.RandomState(0)
    weights = draw.randn(2, 4), np.zeros(4), draw.randn(4, 1), np.zeros(1)
    X, T = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]])
    return of_outputs(trained(X, T, weights, 10_000, 0.1), T, "o1")


def exam_scores(divisor, hidden_biases):
    draw = np.random.RandomState(0)
    weights = [draw.uniform(size=size) for size in ((2, 3), 3, (3, 1), 1)]
    X, T = np.array([[2, 9], [1, 5], [3, 6]]) / LONG(1), np.array([[92], [86], [89]]) / LONG(divisor)
    return of_outputs(trained(X / X.max(axis=0), T, weights, 7_000, 0.1, (hidden_biases, True)), T, "mark")


@cache
def iris():
    """The script on iris: half the mean of squares and, as printed, the mean of differences; accuracies at the end."""
    classes = np.eye(3)[load_iris().target]
    X, X_test, T, T_test = train_test_split(load_iris().data, classes, test_size=20, random_state=4)
    draw = np.random.RandomState(10)
    W1, W2 = (draw.normal(scale=0.5, size=size).astype(LONG) for size in ((4, 2), (2, 3)))
    found = {}
    for epoch in range(5_001):
        H = sigmoid(X @ W1)
        Y = sigmoid(H @ W2)
        if epoch in {0, 5_000}:
            found[epoch, "E"] = ((Y - T) ** 2).sum() / (2 * Y.size)
            found[epoch, "as printed"] = ((Y - T) * 2).sum() / (2 * Y.size)
            found[epoch, "training accuracy"] = (Y.argmax(axis=1) == T.argmax(axis=1)).mean()
            test = sigmoid(sigmoid(X_test @ W1) @ W2)
            found[epoch, "test accuracy"] = (test.argmax(axis=1) == T_test.argmax(axis=1)).mean()
        d2 = (Y - T) * Y * (1 - Y)
        d1 = d2 @ W2.T * H * (1 - H)
        W2, W1 = W2 - 0.1 * (H.T @ d2) / T.size, W1 - 0.1 * (X.T @ d1) / T.size
    return found


RECOMPUTED = {
    ("two-layer", ""): two_layer,
    ("one-output", ""): one_output,
    ("linear", ""): linear,
    ("xor", ""): xor,
    ("iris-from-scratch", "the script"): iris,
    ("exam-scores", "corrected"): lambda: exam_scores(100, hidden_biases=True),
    ("exam-scores", "as printed"): lambda: exam_scores(1, hidden_biases=False),
}


@pytest.mark.parametrize(("name", "run"), RECOMPUTED)
def test_computed_figures_come_out_without_backlit(name, run):
    (setup,) = [setup for setup in runs(name) if setup.name == run]
    found = RECOMPUTED[name, run]()
    assert setup.computed
    for figure in setup.computed:
        exact = found[figure.after, figure.quantity]
        text = nstr(exact, 30) if isinstance(exact, mpf) else np.format_float_positional(exact, 18)
        wanted = Decimal(figure.computed)
        assert Decimal(text).quantize(wanted) == wanted, (figure.after, figure.quantity, text)
        assert figure.equal, figure
        assert figure.digits >= 7
        assert figure.origin


def test_every_example_with_computed_figures_is_recomputed():
    files = {name: read_network_file(example_file(name)) for name in NAMES}
    with_figures = {(name, setup.name) for name, file in files.items() for setup in file.setups if setup.computed}
    assert with_figures == set(RECOMPUTED)


def test_published_figures_that_are_right_are_right_without_backlit():
    for name, found in (("linear", linear()), ("one-output", one_output())):
        for figure in figures(name, "figures"):
            if figure.equal and (figure.after, figure.quantity) in found:
                exact = found[figure.after, figure.quantity]
                assert Decimal(nstr(exact, 30)).quantize(Decimal(figure.published)) == Decimal(figure.published)


# -------------------------------------------------------------------------------- one-output: the slips of the page


def rounded(value, digits):
    """Write a product as the page does."""
    return Decimal(nstr(mpf(value), 30)).quantize(Decimal(digits))


def d(text):
    return Decimal(text)


def logistic(z):
    return 1 / (1 + (-z).exp())


Y3, Y4, Y5, DELTA3, DELTA4, DELTA5 = map(d, ("0.57", "0.59", "0.67", "-0.0027", "-0.0819", "-0.0376"))
"""The page's own intermediate numbers."""


def test_the_output_is_right_to_two_digits_for_hidden_outputs_that_are_not():
    assert d("0.3") * Y3 + d("0.9") * Y4 == d("0.702")
    assert logistic(d("0.702")).quantize(Y5) == Y5
    assert "0.3 × 0.57 + 0.9 × 0.59" in note_of("0.702")
    assert logistic(d("0.21")).quantize(d("0.01")) == d("0.55")
    assert "rounds to 0.55" in note_of("0.56", after=0)


def test_the_output_delta_is_of_the_rounded_output():
    product = Y5 * (1 - Y5) * (d("0.5") - Y5)
    assert product.quantize(DELTA5) == DELTA5
    assert "0.67 × (1 - 0.67) × (-0.17)" in note_of("-0.0376")


def test_a_decimal_place_is_lost_in_the_second_hidden_delta():
    product = Y4 * (1 - Y4) * d("0.9") * DELTA5
    assert product.quantize(d("0.00001")) == d("-0.00819")
    assert product.quantize(d("0.00001")) * 10 == DELTA4
    assert "-0.00819" in note_of("-0.0819")


def test_what_the_page_does_to_its_weights_gives_its_digits():
    assert d("0.9") + 10 * DELTA5 * Y4 == d("0.67816")
    assert d("-0.022184") == DELTA5 * Y4
    assert "0.9 - 0.22184" in note_of("0.67816")
    assert d("0.2") - DELTA3 * d("0.35") == d("0.200945")  # the minus lost
    assert d("0.2") + DELTA3 * d("0.35") == d("0.199055")
    assert "0.199055" in note_of("0.200945")
    assert d("0.3") + DELTA3 * d("0.7") == d("0.29811")  # from 0.3, where the weight is 0.2
    assert "starts at 0.2" in note_of("0.29811")
    assert d("0.3") + DELTA4 * d("0.7") == d("0.24267")  # with the delta that lost a decimal place
    assert "0.0819 × 0.7" in note_of("0.24267")
    exact = one_output()[0, "-dE/dnet(y3)"]
    assert rounded(mpf("0.3") + exact * mpf("0.7"), "0.0001") == d("0.2981")


def test_one_weight_is_left_without_a_reason():
    """The slip of the weight beside it gives another last digit, with any output that the page has for its unit."""
    slips = {y3: d("0.3") + 10 * DELTA5 * d(y3) for y3 in ("0.55", "0.56", "0.57", "0.58", "0.59")}
    assert slips["0.57"] == d("0.08568")
    assert d("0.08567") not in {slip.quantize(d("0.00001")) for slip in slips.values()}
    assert "no arithmetic that was tried" in note_of("0.08567")


@pytest.mark.parametrize("w12", ["0.271335", "0.273225", "0.297175"])
def test_the_next_forward_pass_follows_from_the_wrong_weights(w12):
    """The figure for w12 is unknown: 0.3 - 0.0819 × 0.35, that of another copy of the page, and the right one."""
    y3 = logistic(d("0.200945") * d("0.35") + d("0.29811") * d("0.7"))
    y4 = logistic(d(w12) * d("0.35") + d("0.24267") * d("0.7"))
    y5 = logistic(d("0.08567") * y3 + d("0.67816") * y4)
    assert (y3.quantize(d("0.01")), y5.quantize(d("0.01"))) == (d("0.57"), d("0.61"))
    assert y3.quantize(d("0.001")) == d("0.569")
    assert "0.569" in note_of("0.57")
    if w12 != "0.297175":
        assert (y4.quantize(d("0.001")), y5.quantize(d("0.001"))) == (d("0.566"), d("0.606"))
        assert y4.quantize(d("0.01"), ROUND_DOWN) == d("0.56")
        assert "0.566, cut off" in note_of("0.56", after=1)
        assert "0.606" in note_of("0.61")


def note_parts():
    return {figure.note for figure in figures("one-output", "figures") if figure.note}


def test_no_reason_serves_for_two_kinds_of_slip():
    assert len(note_parts()) == len(WRONG["one-output"])


# ------------------------------------------------------------------------------------------------ the other examples


def test_rounded_weights_of_the_linear_net_give_another_answer():
    """The page's 0.26 is the answer of the exact weights."""
    w1, w2, w3, w4, w5, w6 = map(d, ("0.12", "0.23", "0.13", "0.10", "0.17", "0.17"))
    assert (2 * w1 + 3 * w2) * w5 + (2 * w3 + 3 * w4) * w6 == d("0.2533")
    assert "0.2533" in read_network_file(example_file("linear")).about


def test_losses_without_a_seed_are_not_ours_and_say_so():
    for figure in figures("xor", "figures"):
        assert "sets no seed" in figure.note
    first = {seed: np.random.RandomState(seed) for seed in range(5)}
    X, T = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]])
    losses = {
        round(float(((sigmoid(sigmoid(X @ draw.randn(2, 4)) @ draw.randn(4, 1)) - T) ** 2).mean()), 8)
        for draw in first.values()
    }
    assert len(losses) == 5  # each run of the script prints its own
    assert 0.26804276 not in losses


def test_the_exam_script_as_printed_pushes_every_answer_to_one():
    corrected, printed = runs("exam-scores")
    assert (corrected.name, printed.name) == ("corrected", "as printed")
    assert min(row.after[0] for row in printed.predictions) > 0.999997
    assert {row.targets for row in printed.predictions} == {(92.0,), (86.0,), (89.0,)}
    frozen = {parameter.name for parameter in printed.parameters if not parameter.trained}
    assert frozen == {"b(h1)", "b(h2)", "b(h3)"}
    assert all(parameter.trained for parameter in corrected.parameters)
    found = exam_scores(1, hidden_biases=False)
    assert min(found[1, f"out(mark)[{row}]"] for row in (1, 2, 3)) > 0.9999
    lowest = np.mean([(1 - mark) ** 2 for mark in (92, 86, 89)])
    assert lowest == 7750
    assert found[7_000, "mean squared error"] == pytest.approx(7750, abs=1e-3)


def test_the_error_of_the_iris_page_is_no_error_and_changes_no_weight():
    """With *2 for **2 it is the mean of the differences; the accuracies are those of the script."""
    found = iris()
    about = " ".join(runs("iris-from-scratch")[0].about.split())
    assert f"{found[5_000, 'as printed']:.4f} at the end" in about
    assert f"half the mean square is {found[5_000, 'E']:.4f}" in about
    assert found[5_000, "test accuracy"] == pytest.approx(0.8)


def test_json_keeps_what_is_printed_apart_from_what_is_computed():
    record = msgspec.json.decode(msgspec.json.encode(runs("one-output")[0]))
    printed = {(figure["quantity"], figure["published"]): figure for figure in record["figures"]}
    delta = printed["-dE/dnet(y4)", "-0.0819"]
    assert (delta["equal"], delta["digits"], round(delta["ours"], 9)) == (False, 3, -0.008071427)
    assert "published" not in record["computed"][0]
    assert {figure["origin"] for figure in record["computed"]} == {"exact arithmetic"}


# ------------------------------------------------------------------------------------------------------- the format

FILE = """
[network]
inputs = 1
[[network.layers]]
units = 1
weights = [[0.5]]
[data]
inputs = [[1]]
targets = [1]
[training]
optimizer = { op = "sgd", rate = 0.5 }
batch_size = "full"
epochs = 1
"""


def test_a_figure_of_few_digits_says_to_how_many_it_is_right(tmp_path):
    from backlit.show.demo.tables import figures as tables

    given = FILE + (
        '[[published]]\nquantity = "out(o1)"\nvalue = ".5"\n'
        '[[published]]\nquantity = "w(i1,o1)"\nafter = 1\nvalue = "0.8"\nnote = "cut off"\n'
        '[[published]]\nquantity = "E"\nafter = 9\nvalue = "0.1"\nnote = "later"\n'
        '[[computed]]\nquantity = "w(i1,o1)"\nafter = 1\nvalue = "0.75"\norigin = "exact arithmetic"\n'
        '[[computed]]\nquantity = "E"\nvalue = "0.125"\norigin = "a script"\nnote = "half of 0.25"\n'
    )
    (tmp_path / "mine.toml").write_text(given)
    (setup,) = run_example(str(tmp_path / "mine.toml"), compiled=False).runs
    published, exact, script = tables(setup)
    assert [table.title for table in (published, exact, script)] == [
        "Published figures", "From exact arithmetic", "From a script",
    ]  # fmt: skip
    assert published.rows == (
        ("0", "out(o1)", ".5", "0.50", "1 digit equal"),
        ("1", "w(i1,o1)", "0.8", "0.75", "1 digit equal (1)"),
        ("9", "E", "0.1", "not reached", ""),
    )
    assert published.notes == ("(1) cut off",)
    assert exact.rows == (("1", "w(i1,o1)", "0.75", "0.750", "2 digits equal"),)
    assert script.rows == (("0", "E", "0.125", "0.1250", "3 digits equal (1)"),)


@pytest.mark.parametrize("published", ["0.292", ".30", "1"])
def test_same_digits(published):
    """The digits decide: 0.2984 is .30 and 0 to their digits, but not 0.292."""
    assert same_digits(published, 0.2984) == (published == ".30")


def test_computed_figures_are_inherited_by_runs_and_added_to():
    text = FILE + (
        '[[computed]]\nquantity = "E"\nvalue = "0.125"\norigin = "x"\n[[runs]]\nname = "a"\n'
        '[[runs]]\nname = "b"\n[[runs.computed]]\nquantity = "out(o1)"\nvalue = "0.5"\norigin = "y"\n'
    )
    a, b = parse_network_file(text).setups
    assert [item.quantity for item in a.computed] == ["E"]
    assert [item.quantity for item in b.computed] == ["E", "out(o1)"]


PAGE = """
[network]
inputs = 2
[[network.layers]]
units = 2
bias = false
weights = [[0.1, 0.2], [0.3, 0.4]]
[data]
inputs = [[1, 0]]
targets = [[1, 2]]
[[published]]
quantity = "out(o1)"
value = "0.1"
[[published]]
quantity = "out(o2)"
value = "{second}"
"""


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (PAGE.format(second="0.3"), True),  # a row for each unit
        (PAGE.format(second="0.2"), False),  # a row for each input, as here
        (PAGE.format(second="0.5"), False),  # neither
        (PAGE.format(second="0.3").replace("0.3]", "0.2]").replace("[0.3", "[0.2"), False),  # the same either way
        (PAGE.format(second="0.3").replace("bias =", 'weight_labels = [["a", "b"], ["c", "d"]]\nbias ='), False),
    ],
)
def test_a_page_whose_matrices_have_a_row_for_each_unit_is_recognized(tmp_path, page, said):
    (tmp_path / "page.toml").write_text(page, encoding="utf-8")
    (run,) = run_example(str(tmp_path / "page.toml"), epochs=1, compiled=False).runs
    expected = "1 of 2 published figures before the first update agree; with the weights of layer 1 transposed all do."
    assert [warning.startswith(expected) for warning in run.warnings] == [True] * said
