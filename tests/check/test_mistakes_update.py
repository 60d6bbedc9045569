"""The mistakes of updates and batches, slips and general changes: over the registry, and each at a number by hand."""

from __future__ import annotations

import functools
import math

import pytest
from registry_steps import STEPS, step

from backlit.check.catalogue import Mistake, mistakes
from backlit.check.catalogue_page import example_of, shown_form
from backlit.check.digits import OPERATIONS
from backlit.check.evaluation import recorded, value_of
from backlit.check.graph import StepGraph
from backlit.check.site import Changed, Site, parts
from backlit.check.update_examples import UPDATE_EXAMPLES, update_example
from backlit.explain.algebra.printing import plain
from backlit.explain.record.quantities import Key

FILES = ("update", "moments", "divisors", "decay", "limits", "batch", "general", "slips")
OURS = {code: entry for code, entry in mistakes().items() if entry.change.__module__.rpartition(".")[2] in FILES}

THE_SAME = {
    ("decay-left-out", "decay-through-the-gradient"):
        "who puts λw into the gradient leaves it out of w+; only the slot tells the two apart",
}  # fmt: skip
"""Entries that may lead to one formula at one number, and why."""


def sites(graph: StepGraph) -> list[Site]:
    """Give the first number of each quantity and row that has a formula."""
    first = {(key.quantity, key.place.row): key for key in reversed(list(graph.numbers()))}
    return [Site(graph, key) for key in first.values() if graph.formula(key) is not None]


@pytest.mark.parametrize("name", STEPS)
def test_every_entry_runs_over_every_number(name):
    for site in sites(step(name)):
        beliefs: dict[object, str] = {}
        for code, entry in mistakes().items() if name == "loss mse" else OURS.items():
            for changed in entry.at(site):
                value_of(changed.node, recorded)
                assert changed.node != site.node, f"{code} changes nothing at {site.name}"
                if not entry.general:
                    other = beliefs.setdefault(changed.node, code)
                    assert other == code or tuple(sorted((other, code))) in THE_SAME, (
                        f"{other} and {code} are the same at {site.name}: {plain(changed.node)}"
                    )


@pytest.mark.parametrize("name", STEPS)
def test_general_entries_change_every_formula_that_computes(name):
    general = [entry for entry in OURS.values() if entry.general and not entry.harmless and entry.scope != "slip"]
    for site in sites(step(name)):
        if next(parts(site.node), None) is not None:
            assert any(list(entry.at(site)) for entry in general), f"{site.name} = {plain(site.node)}"


@pytest.mark.parametrize("code", OURS)
def test_an_entry_changes_the_number_of_its_example(code):
    entry = OURS[code]
    graph, key = example_of(entry, lambda name: pytest.fail(f"no example {name!r}"))
    changed = shown_form(entry, graph, key)
    assert abs(value_of(changed.node, recorded) - recorded(key)) > 5e-7


@pytest.mark.parametrize("name", UPDATE_EXAMPLES)
def test_an_example_is_of_use(name):
    assert name in {entry.example[0] for entry in mistakes().values()}


# ------------------------------------------------------------------------------------------------------- one at a time


@functools.cache
def made(name: str, number: str, code: str) -> dict[str, str]:
    """Give the formulas that a mistake leads to at a number of an example, by their details."""
    graph = update_example(name) or step(name)
    key = graph.find(number, len(graph.steps) - 1)
    assert key is not None, number
    return {changed.detail: plain(changed.node) for changed in mistakes()[code].at(Site(graph, key))}


W, B, V = "w(i1,o1)", "b(o1)", "v(w(i1,o1))"
G = "dE/dw(i1,o1)"
SECOND = f"(√({V}+ / (1 - β2^t)) + ε)"
LINES = [
    ("sgd-step", f"{W}+", "update-sign", {"": f"{W} + η · {G}"}),
    ("sgd-step", f"{W}+", "rate-left-out", {"": f"{W} - {G}"}),
    ("sgd-step", f"{W}+", "rate-twice", {"": f"{W} - η² · {G}"}),
    ("sgd-step", f"{W}+", "weight-not-updated", {"": W}),
    ("sgd-step", f"{W}+", "bias-not-updated", {}),
    ("sgd-step", f"{B}+", "bias-not-updated", {"": B}),
    ("sgd-step", f"{B}+", "weight-not-updated", {}),
    ("sgd-step", f"{W}+", "change-for-new-weight", {"": f"-η · {G}", "without its sign": f"η · {G}"}),
    ("sgd-step", f"{W}+", "slope-of-another-weight",
     {"with dE/dw(i2,o1)": f"{W} - η · dE/dw(i2,o1)", "with dE/db(o1)": f"{W} - η · dE/db(o1)"}),
    ("sgd-step", f"{W}+", "schedule-left-out", {}),
    ("sgd-step", f"{W}+", "decay-left-out", {}),
    ("sgd-step", f"{W}+", "past-left-out", {}),
    ("schedule-second-step", f"{W}+", "schedule-left-out", {"η = 0.5": f"{W} - η · {G}"}),
    ("two-steps", f"{W}+", "first-weights-again", {"": f"{W} - η · {G}"}),
    ("momentum-second-step", f"{V}+", "past-left-out", {"": f"-η · {G}"}),
    ("momentum-second-step", f"{V}+", "past-sign", {"": f"-μ · {V} - η · {G}"}),
    ("momentum-second-step", f"{V}+", "past-kept-whole", {"": f"{V} - η · {G}"}),
    ("momentum-second-step", f"{V}+", "velocity-sign", {"": f"μ · {V} + η · {G}"}),
    ("momentum-second-step", f"{V}+", "rate-left-out", {"": f"μ · {V} - {G}"}),
    ("momentum-second-step", f"{V}+", "momentum-as-mean", {"": f"μ · {V} - (1 - μ) · η · {G}"}),
    ("momentum-second-step", f"{W}+", "past-left-out", {"": f"{W} - η · {G}"}),
    ("momentum-second-step", f"{W}+", "old-velocity", {"": f"{W} + {V}"}),
    ("momentum-second-step", f"{W}+", "update-sign", {"": f"{W} - {V}+"}),
    ("momentum-second-step", f"{W}+", "momentum-as-nesterov", {"": f"{W} + μ · {V}+ - η · {G}"}),
    ("nesterov-second-step", f"{W}+", "nesterov-as-momentum", {"": f"{W} + {V}+"}),
    ("nesterov-second-step", f"{W}+", "old-velocity", {}),
    ("adam-second-step", f"m({W})+", "past-left-out", {"": f"(1 - β1) · {G}"}),
    ("adam-second-step", f"m({W})+", "share-of-the-slope-left-out", {"": f"β1 · m({W}) + {G}"}),
    ("adam-second-step", f"m({W})+", "shares-swapped", {"": f"(1 - β1) · m({W}) + β1 · {G}"}),
    ("adam-second-step", f"m({W})+", "betas-swapped", {"": f"β2 · m({W}) + (1 - β2) · {G}"}),
    ("adam-second-step", f"{V}+", "square-of-the-slope-left-out", {"": f"β2 · {V} + (1 - β2) · {G}"}),
    ("adam-second-step", f"{W}+", "update-sign", {"": f"{W} + η · m({W})+ / (1 - β1^t) / {SECOND}"}),
    ("adam-second-step", f"{W}+", "rate-left-out", {"": f"{W} - m({W})+ / (1 - β1^t) / {SECOND}"}),
    ("adam-second-step", f"{W}+", "slope-for-the-mean", {"": f"{W} - η · {G} / (1 - β1^t) / {SECOND}"}),
    ("adam-second-step", f"{W}+", "bias-correction-left-out", {
        "": f"{W} - η · m({W})+ / (√({V}+) + ε)",
        "that with β1": f"{W} - η · m({W})+ / {SECOND}",
        "that with β2": f"{W} - η · m({W})+ / (1 - β1^t) / (√({V}+) + ε)",
    }),
    ("adam-second-step", f"{W}+", "steps-not-counted",
     {"with t = 1": f"{W} - η · m({W})+ / (1 - β1^1) / (√({V}+ / (1 - β2^1)) + ε)"}),
    ("adam-second-step", f"{W}+", "epsilon-on-the-other-side-of-the-root",
     {"": f"{W} - η · m({W})+ / (1 - β1^t) / √({V}+ / (1 - β2^t) + ε)"}),
    ("adam-second-step", f"{W}+", "epsilon-left-out", {"": f"{W} - η · m({W})+ / (1 - β1^t) / √({V}+ / (1 - β2^t))"}),
    ("adam-second-step", f"{W}+", "root-left-out",
     {"": f"{W} - η · m({W})+ / (1 - β1^t) / ({V}+ / (1 - β2^t) + ε)"}),
    ("weight-decay", f"{W}+", "decay-left-out", {"": f"{W} - η · {G}"}),
    ("weight-decay", f"{W}+", "decay-sign", {"": f"{W} · (1 + η · λ) - η · {G}"}),
    ("weight-decay", f"{W}+", "decay-without-rate", {"": f"{W} · (1 - λ) - η · {G}"}),
    ("weight-decay", f"{W}+", "rate-left-out", {"": f"{W} · (1 - η · λ) - {G}"}),
    ("weight-decay", f"{B}+", "decay-of-biases", {"": f"{B} · (1 - η · λ) - η · dE/db(o1)"}),
    ("weight-decay", f"{W}+", "decay-of-biases", {}),
    ("adamw", f"m({W})+", "decay-through-the-gradient", {"": f"β1 · m({W}) + (1 - β1) · ({G} + λ · {W})"}),
    ("penalties", f"g({W})", "decay-left-out",
     {"": G, "that of l2": f"{G} + l1 · sign({W})", "that of l1": f"{G} + l2 · {W}"}),
    ("penalties", f"g({W})", "decay-sign", {
        "that of l2": f"{G} - l2 · {W} + l1 · sign({W})", "that of l1": f"{G} + l2 · {W} - l1 · sign({W})"}),
    ("penalties", f"g({W})", "penalty-half-left-out", {"": f"{G} + 2 · l2 · {W} + l1 · sign({W})"}),
    ("penalties", f"g({W})", "penalty-half-kept", {"": f"{G} + l2 / 2 · {W} + l1 · sign({W})"}),
    ("penalties", f"g({W})", "penalty-sign-left-out", {"": f"{G} + l2 · {W} + l1 · {W}"}),
    ("penalties", f"{B}+", "decay-of-biases", {"": f"{B} - η · (dE/db(o1) + l1 · sign({B}) + l2 · {B})"}),
    ("penalties", "penalty", "decay-of-biases", {
        "": f"l2 / 2 · ({W}² + w(i2,o1)² + {B}²) + l1 · (|{W}| + |w(i2,o1)| + |{B}|)"}),
    ("clipped", "g limited(w(i2,o1))", "clipping-left-out", {"": "dE/dw(i2,o1)"}),
    ("clipped-norm", f"g scaled({W})", "clipping-left-out", {"": G}),
    ("clipped-norm", f"g scaled({W})", "clipped-always", {}),
    ("within-the-norm", f"g scaled({W})", "clipped-always", {"": f"{G} · clip_norm / ‖g‖"}),
    ("clipped-norm", f"g scaled({W})", "norm-of-one-array", {"": f"{G} · clip_norm / √({G}² + dE/dw(i2,o1)²)"}),
    ("clipped-norm", "‖g‖", "norm-of-sizes", {"": f"|{G}| + |dE/dw(i2,o1)| + |dE/db(o1)|"}),
    ("largest-norm", f"{W}+", "largest-norm-left-out", {"": f"{W} - η · {G}"}),
    ("batch-of-two", "E", "mean-forgotten", {"": "E[1] + E[2]"}),
    ("batch-of-two", "dE/dout(o1)[1]", "mean-forgotten", {"": "-(t(o1)[1] - out(o1)[1])"}),
    ("batch-of-two", "E", "mean-over-rows-and-outputs", {"": "(E[1] + E[2]) / (n · k)"}),
    ("batch-of-two", "E", "mean-over-outputs", {"": "(E[1] + E[2]) / k"}),
    ("batch-of-two", "E", "mean-over-rows-alone", {}),
    ("mean-of-all", "E", "mean-forgotten", {"": "E[1] + E[2]"}),
    ("mean-of-all", "E", "mean-over-rows-alone", {"": "(E[1] + E[2]) / n"}),
    ("mean-of-all", "E", "mean-over-rows-and-outputs", {}),
    ("sum-of-rows", "E", "mean-forgotten", {}),
    ("sum-of-rows", "dE/dout(o1)[1]", "mean-of-rows-for-a-sum", {"": "(-(t(o1)[1] - out(o1)[1])) / n"}),
    ("sum-of-rows", G, "mean-twice", {}),
    ("batch-of-two", G, "mean-twice", {"": f"({G}[1] + {G}[2]) / n"}),
    ("batch-of-two", G, "rows-averaged", {}),
    ("batch-of-two", G, "rows-not-added", {"that of row 2": f"{G}[2]", "that of row 1": f"{G}[1]"}),
    ("batch-of-two", "E[1]", "error-of-one-output", {"that of o1": "E(o1)[1]", "that of o2": "E(o2)[1]"}),
    ("batch-of-two", "E[1]", "mean-of-outputs-for-a-sum", {"": "(E(o1)[1] + E(o2)[1]) / k"}),
    ("weighted-rows", "E", "row-weight-left-out", {"": "(1 · E[1] + 1 · E[2]) / S"}),
    ("weighted-rows", "E", "mean-forgotten", {"": "s[1] · E[1] + s[2] · E[2]"}),
    ("shared-bias", "dE/db(layer 1)", "shared-bias-by-one-unit",
     {"that of h1": "dE/dnet(h1)", "that of h2": "dE/dnet(h2)"}),
    ("shared-bias", "dE/db(layer 1)", "shared-bias-averaged", {"": "(dE/dnet(h1) + dE/dnet(h2)) / 2"}),
    ("shared-bias", "dE/db(o1)", "shared-bias-by-one-unit", {}),
    ("batch-of-two", "w(i1,o2)+", "step-transposed", {"with dE/dw(i2,o1)": "w(i1,o2) - η · dE/dw(i2,o1)"}),
    ("batch-of-two", f"{W}+", "step-transposed", {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "number", "code", "lines"), LINES, ids=[f"{c}: {n} of {e}" for e, n, c, _ in LINES])
def test_what_a_mistake_makes_of_a_formula(name, number, code, lines):
    assert made(name, number, code) == lines


def test_every_belief_has_a_line_in_the_table():
    left_out = {code for code, entry in OURS.items() if not entry.general} - {code for *_, code, _ in LINES}
    assert left_out <= {"first-for-second-moment", "norm-without-root", "error-of-one-row"}


def test_the_rates_own_form_has_the_optimizers_number():
    graph = update_example("schedule-second-step")
    assert graph is not None
    key = graph.find(f"{W}+")
    assert key is not None
    (changed,) = mistakes()["schedule-left-out"].at(Site(graph, key))
    slope, old = (graph.find(name) for name in (G, W))
    assert slope is not None
    assert old is not None
    assert value_of(changed.node, recorded) == pytest.approx(recorded(old) - 0.5 * recorded(slope), abs=1e-15)


def test_the_first_weights_are_those_of_the_first_step():
    graph = update_example("two-steps")
    assert graph is not None
    first, slope, new = graph.find(W), graph.find(G, 1), graph.find(f"{W}+", 1)
    assert first is not None
    assert slope is not None
    assert new is not None
    (changed,) = mistakes()["first-weights-again"].at(Site(graph, new))
    assert value_of(changed.node, recorded) == pytest.approx(recorded(first) - 0.5 * recorded(slope), abs=1e-15)


# --------------------------------------------------------------------------------------------------- slips and rounding


@pytest.mark.parametrize(
    ("slip", "number", "last", "place", "result"),
    [
        ("digits swapped", 0.3775, -4, -2, 0.7375),
        ("digits swapped", 0.37749, -4, -3, 0.3775),
        ("digits swapped", -12.5, -1, 0, -21.5),
        ("digits swapped", 0.5, -1, -1, 5.0),
        ("digits swapped", 0.5, -1, 0, math.nan),
        ("digit left out", 0.3775, -4, -2, 0.375),
        ("digit left out", -0.37749, -5, -1, -0.7749),
        ("digit left out", 12.5, -1, 1, 2.5),
        ("digit left out", 12.5, -1, 2, math.nan),
        ("digit doubled", 0.3775, -4, -1, 0.33775),
        ("digit doubled", 12.5, -1, 0, 122.5),
        ("digit doubled", math.inf, -1, 0, math.nan),
    ],
)
def test_what_a_slip_makes_of_a_number(slip, number, last, place, result):
    assert OPERATIONS[slip](number, last, place) == pytest.approx(result, abs=1e-15, nan_ok=True)


def slips(code: str, number: str, unit: float, graph: StepGraph | None = None) -> list[Changed]:
    """Give what a slip makes of a number that the sheet gives to a unit."""
    graph = graph or update_example("sgd-step")
    assert graph is not None
    key = graph.find(number)
    assert key is not None
    return list(mistakes()[code].at(Site(graph, key, unit=unit)))


def results(code: str, number: str, unit: float) -> list[float]:
    return [value_of(changed.node, recorded) for changed in slips(code, number, unit)]


def test_slips_are_of_the_digits_on_the_sheet():
    """out(o1) is 0.53743: 0.537 on a sheet of three decimals."""
    assert results("digits-swapped", "out(o1)", 1e-3)[:3] == [0.573, 0.357, 5.037]
    assert results("digit-doubled", "out(o1)", 1e-3)[:2] == [0.5337, 0.5537]
    assert results("digit-left-out", "out(o1)", 1e-3)[:2] == [0.57, 0.37]


def test_the_point_moves_either_way():
    out = 0.5374298453437496
    moved = results("decimal-slip", "out(o1)", 1e-3)
    assert moved == pytest.approx([out * 10.0**k for k in (1, -1, 2, -2, 3, -3)])


def test_a_zero_has_no_sign_and_no_point_to_lose():
    from backlit.explain.algebra.tree import Literal

    graph = update_example("sgd-step")
    assert graph is not None
    key = graph.find("net(o1)")
    assert key is not None
    for code in ("sign-slip", "decimal-slip"):
        assert not list(mistakes()[code].at(Site(graph, key, Literal("0"))))


def test_the_numbers_copied_are_those_of_the_sheet():
    graph = update_example("batch-of-two")
    assert graph is not None
    key, earlier, later = (graph.find(name) for name in ("net(o2)[1]", "net(o1)[1]", "E"))
    assert key is not None
    assert earlier is not None
    assert later is not None
    copied = [
        changed.detail for changed in mistakes()["number-copied"].at(Site(graph, key, sheet=[earlier, key, later]))
    ]
    assert "that of net(o1)[1]" in copied
    assert "that of net(o2)[1]" not in copied  # itself
    assert "that of E" not in copied  # not worked out yet
    assert "that of out(o1)[1]" not in copied  # not on the sheet
    assert {"that of w(i1,o2)", "that of t(o2)[1]"} <= set(copied)  # the task gives these


def test_a_text_on_a_sheet_may_come_of_another_last_digit():
    graph = update_example("sgd-step")
    assert graph is not None
    key = graph.find("out(o1)")
    assert key is not None

    def found(code: str, unit: float) -> set[float]:
        made = mistakes()[code].at(Site(graph, key, sheet=[key], unit=unit))
        return {value_of(changed.node, recorded) for changed in made}

    assert found("digits-swapped", 1e-3) == {0.573, 0.357, 5.037, 0.563, 0.356, 5.036, 0.583, 0.358, 5.038}
    assert {0.57, 0.37, 0.574, 0.374} <= found("digit-left-out", 1e-3)  # of 0.537, and of 0.5374
    assert {0.5337, 0.5537, 0.554} <= found("digit-doubled", 1e-3)  # of 0.537, and of 0.54


def test_rounding_on_the_way_moves_the_result_by_little():
    graph = update_example("sgd-step")
    assert graph is not None
    entry: Mistake = mistakes()["rounded-too-early"]
    assert entry.harmless
    for number in ("net(o1)", "out(o1)", G, f"{W}+"):
        key = graph.find(number)
        assert isinstance(key, Key)
        for changed in entry.at(Site(graph, key)):
            digits = int("".join(filter(str.isdigit, changed.detail.rpartition(" to ")[2])))
            assert abs(value_of(changed.node, recorded) - recorded(key)) <= 3.0 * 10.0**-digits
            assert value_of(changed.node, recorded) != recorded(key)
