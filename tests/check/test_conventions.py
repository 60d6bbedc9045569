"""Conventions in which a sheet differs from the worked example by a factor and is right: momentum, a batch's slopes."""

from __future__ import annotations

import functools

import pytest

import backlit as bl
from backlit.check.reading.declarations import velocity_of
from backlit.errors import BacklitError
from backlit.ops.losses.regression import HalfSquaredError

RATE, ROWS = 0.01, 3
X, Y = [[0.5, -1.0], [1.0, 0.25], [0.3, 0.8]], [[1.0], [0.0], [1.0]]

VELOCITIES = [("μv + g", -RATE), ("μv + ηg", -1.0)]


@functools.cache
def momentum_steps(optimizer):
    return [bl.explain("two-layer", optimizer=optimizer, rate=RATE, steps=k).step for k in (1, 2)]


def momentum_sheet(optimizer, factor, digits=6):
    """Give the numbers of two steps with the velocity divided by a factor."""
    found = {}
    for k, step in enumerate(momentum_steps(optimizer), 1):
        for w in ("w5",):
            found[f"step {k}: dE/d{w}"] = f"{step[f'dE/d{w}'].value:.{digits}f}"
            found[f"step {k}: v({w})+"] = f"{step[f'v({w})+'].value / factor:.{digits}f}"
            found[f"step {k}: {w}+"] = f"{step[f'{w}+'].value:.{digits}f}"
    return found


def check_momentum(claimed, optimizer="momentum", **settings):
    return bl.check_work("two-layer", optimizer=optimizer, rate=RATE, claimed=claimed, **settings)


@pytest.mark.parametrize("optimizer", ["momentum", "nesterov"])
@pytest.mark.parametrize(("rule", "factor"), VELOCITIES)
def test_the_velocity_of_books_and_programs_is_recognised(rule, factor, optimizer):
    checked = check_momentum(momentum_sheet(optimizer, factor), optimizer)
    assert checked.all_right
    assert any(note.startswith(f"v is read as {rule}, with w") for note in checked.work.notes)


def test_a_mistake_within_a_convention_is_shown_in_the_sheets_own_numbers():
    sheet = momentum_sheet("momentum", -RATE)
    slope = momentum_steps("momentum")[1]["dE/dw5"].value
    checked = check_momentum(sheet | {"step 2: v(w5)+": f"{slope:.6f}"})
    (wrong,) = checked.wrong
    assert [fit.code for fit in wrong.fits] == ["past-left-out"]
    assert float(wrong.follows) == pytest.approx(float(sheet["step 2: v(w5)+"]), abs=2e-6)
    assert wrong.stands_for == "-v(w5)+ / η"
    assert wrong.allowed < 1e-5
    for text in (str(checked), checked.to_html(), checked.to_markdown()):
        assert "(-v(w5)+ / η in the worked example)" in text
        assert "The lines are in the worked example" in text


def test_a_slip_of_the_pen_is_found_in_the_sheets_own_digits():
    sheet = momentum_sheet("momentum", -RATE)
    text = sheet["step 2: v(w5)+"]
    swapped = text[:-3] + text[-2] + text[-3] + text[-1]
    assert swapped != text
    (wrong,) = check_momentum(sheet | {"step 2: v(w5)+": swapped}).wrong
    assert "digits-swapped" in {fit.code for fit in wrong.fits}


def test_a_mean_in_place_of_the_velocity_is_another_rule():
    step = momentum_steps("momentum")[0]
    sheet = {}
    for w in ("w5", "w6"):
        mean = 0.1 * step[f"dE/d{w}"].value
        sheet |= {f"v({w})+": f"{mean:.6f}", f"{w}+": f"{step[w].value - RATE * mean:.6f}"}
    assert [number.name for number in check_momentum(sheet).wrong] == ["v(w5)+", "v(w6)+"]


def test_velocities_alone_are_given_the_benefit_of_the_doubt_unless_declared():
    step = momentum_steps("momentum")[0]
    sheet = {f"v({w})+": f"{step[f'dE/d{w}'].value:.6f}" for w in ("w5", "w6")}
    assert check_momentum(sheet).all_right
    assert "declare it with velocity" in check_momentum(sheet).work.notes[0]
    assert len(check_momentum(sheet, velocity="mu v - eta g").wrong) == 2
    assert check_momentum(sheet, velocity="mu*v + grad").work.notes == ("v is μv + g, with w - ηv, as declared",)


def test_a_velocity_uphill_is_a_mistake():
    """v = μv + ηg, and then w + v: the sign of the velocity is no convention where the weight moves by it."""
    step = momentum_steps("momentum")[0]
    sheet = {"v(w5)+": f"{-step['v(w5)+'].value:.6f}", "w5+": f"{step['w5'].value - step['v(w5)+'].value:.6f}"}
    assert [number.name for number in check_momentum(sheet).wrong] == ["v(w5)+"]


def test_what_velocity_is_can_be_said_in_many_ways():
    ways = {"v = μ·v − η·∂E/∂w": "μv - ηg", "beta*v + grad": "μv + g", "momentum v - lr g": "μv - ηg", "": ""}
    assert {text: velocity_of(text) for text in ways} == ways
    with pytest.raises(BacklitError, match=r"velocity is 'βv \+ \(1 - β\)g'; expected how the sheet works v out"):
        velocity_of("βv + (1 - β)g")


# ------------------------------------------------------------------------------------------------------------- batches


@functools.cache
def network():
    hidden = bl.Dense(2, "sigmoid", weights=[[0.1, 0.2], [0.3, -0.4]], biases=[0.1, 0.2])
    return bl.Network([hidden, bl.Dense(1, "sigmoid", weights=[[0.5], [-0.3]], biases=[0.1])], 2, HalfSquaredError())


@functools.cache
def batch_step():
    return bl.explain(network(), X, Y, optimizer="sgd", rate=0.5).step


SLOPES = [f"dE/dnet({unit})[{row}]" for row in (1, 2, 3) for unit in ("o1", "h1")]
GRADIENTS, NEW = ["dE/dw(h1,o1)", "dE/db(o1)", "dE/dw(i1,h1)"], ["w(h1,o1)+", "b(o1)+", "w(i1,h1)+"]


def batch_sheet(rows=1.0, gradients=1.0, moved=1.0, delta=0):
    step, found = batch_step(), {}
    for name in SLOPES:
        own = name.replace("dE/dnet", "δ") if delta else name
        found[own] = f"{(delta or 1) * rows * step[name].value:.5f}"
    found |= {name: f"{gradients * step[name].value:.5f}" for name in GRADIENTS}
    for name in NEW:
        old = step[name[:-1]].value
        found[name] = f"{old + moved * (step[name].value - old):.5f}"
    return found


def check_batch(claimed, **settings):
    return bl.check_work(network(), X, Y, claimed=claimed, optimizer="sgd", rate=0.5, **settings)


BATCHES = [
    ({}, ""),
    ({"rows": ROWS}, "the slopes of a row, and δ, are read without the 1/n of the mean, which dE/dw has"),
    ({"rows": ROWS, "delta": 1}, "the slopes of a row, and δ, are read without the 1/n of the mean, which dE/dw has"),
    ({"rows": ROWS, "delta": -1}, "the slopes of a row, and δ, are read without the 1/n of the mean, which dE/dw has"),
    ({"delta": -1}, "δ is read as -dE/dnet"),
    ({"rows": ROWS, "gradients": ROWS}, "the slopes, and δ, are read as those of the sum over the rows"),
]


@pytest.mark.parametrize(("form", "note"), BATCHES)
def test_a_batchs_slopes_without_the_mean_are_recognised(form, note):
    checked = check_batch(batch_sheet(**form))
    assert checked.all_right
    assert any(said.startswith(note) for said in checked.work.notes) if note else not checked.work.notes


@pytest.mark.parametrize("delta", [0, 1, -1])
def test_a_forgotten_mean_is_still_a_mistake(delta):
    checked = check_batch(batch_sheet(rows=ROWS, gradients=ROWS, moved=ROWS, delta=delta))
    assert [fit.code for fit in checked.wrong[0].fits] == ["mean-forgotten"]
    assert {number.name for number in checked.wrong} <= set(batch_sheet(delta=delta))


def test_one_slope_of_a_weight_tells_that_the_mean_was_forgotten():
    """Three slopes of rows would follow without the 1/n; the one number that follows from them has none either."""
    sheet = batch_sheet(rows=ROWS, gradients=ROWS, delta=-1)
    few = {name: text for name, text in sheet.items() if name.startswith("δ") or name == GRADIENTS[0]}
    assert [fit.code for fit in check_batch(few).wrong[0].fits] == ["mean-forgotten"]


def test_a_mistake_beside_two_conventions_is_named_in_the_sheets_numbers():
    sheet = batch_sheet(rows=ROWS, delta=-1)
    own = batch_step()["dE/dout(h1)[2]"].value
    (wrong,) = check_batch(sheet | {"δ(h1)[2]": f"{-ROWS * own:.5f}"}).wrong
    assert (wrong.stands_for, [fit.code for fit in wrong.fits]) == ("-n · dE/dnet(h1)[2]", ["slope-left-out"])
    assert float(wrong.follows) == pytest.approx(float(sheet["δ(h1)[2]"]), abs=2e-5)


def test_slopes_of_rows_alone_are_told_to_be_ambiguous_and_can_be_declared():
    rows = {name: text for name, text in batch_sheet(rows=ROWS).items() if name in SLOPES}
    checked = check_batch(rows)
    assert [fit.code for fit in checked.wrong[0].fits] == ["mean-forgotten"]
    assert any("declare it with delta" in note for note in checked.work.notes)
    assert check_batch(rows, delta="n dE/dnet").all_right
    deltas = {name: text for name, text in batch_sheet(rows=ROWS, delta=-1).items() if name.startswith("δ")}
    assert check_batch(deltas).all_right
    assert not check_batch(deltas, delta="-dE/dnet").all_right


def test_a_hint_says_the_convention_and_no_number():
    sheet = batch_sheet(rows=ROWS, delta=-1)
    wrong = sheet | {"δ(h1)[2]": f"{-ROWS * batch_step()['dE/dout(h1)[2]'].value:.5f}"}
    for hint in (1, 2, 3):
        text = str(check_batch(wrong, hint=hint))
        assert "(-n · dE/dnet(h1)[2] in the worked example)" in text
        assert sheet["δ(h1)[2]"] not in text


def test_a_table_a_json_and_a_network_file_declare_the_velocity(tmp_path):
    (tmp_path / "a.csv").write_text("# velocity = mu v + g\nv(w5)+,0.0822\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("velocity,mu v + g\nv(w5)+,0.0822\n", encoding="utf-8")
    (tmp_path / "c.json").write_text('{"velocity": "mu v + g", "v(w5)+": 0.0822}', encoding="utf-8")
    for path in tmp_path.iterdir():
        checked = bl.check_work("two-layer", optimizer="momentum", rate=RATE, claimed=path)
        assert checked.all_right, path
        assert checked.work.notes[-1] == "v is μv + g, with w - ηv, as declared"
