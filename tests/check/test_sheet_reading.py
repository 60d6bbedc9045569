"""A sheet's numbers as claims: signs that are recognised, steps, doubles; and what Python's function takes."""

from __future__ import annotations

import pytest

import backlit as bl
from backlit.errors import BacklitError

STEP = {"net(h1)": "0.3775", "out(h1)": "0.5933", "out(o1)": "0.7514"}


def notes(claimed, source="two-layer", **settings):
    return bl.check_work(source, claimed=STEP | claimed, **settings)


RIGHT = [
    ({"δ(o1)": "0.1385", "δ(o2)": "-0.0381"}, "δ is read as dE/dnet, since more of the sheet's numbers follow so"),
    ({"δ(o1)": "-0.1385", "δ(o2)": "0.0381"}, "δ is read as -dE/dnet, since more of the sheet's numbers follow so"),
    ({"Δw5": "-0.0411"}, "Δw is read as the new weight minus the old one"),
    ({"Δw5": "0.0411", "Δw6": "0.0413"}, "Δw is read as the old weight minus the new one"),
    ({"Δw5": "-0.0411", "w5+": "0.3589"}, "new weight minus the old one"),
    ({"h2": "0.5969"}, "h2 is read as out(h2)"),
    ({"w(o1,h1)": "0.40"}, "w(o1,h1) is read as w5, from h1 to o1"),
    ({"W1[1,1]": "0.15", "W1[2,2]": "0.30", "dW2[1,1]": "0.0822"}, "the indices of arrays are read as counted from 1"),
]


@pytest.mark.parametrize(("claimed", "note"), RIGHT)
def test_a_right_sheet_is_right_in_its_own_convention_and_says_it(claimed, note):
    checked = notes(claimed)
    assert checked.all_right
    assert any(said.startswith(note) or note in said for said in checked.work.notes), checked.work.notes


def test_a_declared_sign_is_not_guessed():
    right, wrong = ({"δ(o1)": "-0.1385"}, {"δ(o1)": "0.1385"})
    assert notes(right, delta="-dE/dnet").all_right
    assert [number.name for number in notes(wrong, delta="-dE/dnet").wrong] == ["δ(o1)"]
    assert notes(wrong, delta="dE/dnet").work.notes == ("δ is dE/dnet, as declared",)
    with pytest.raises(BacklitError, match="delta is 'dE/dw'; expected what δ means"):
        notes(right, delta="dE/dw")


def test_the_sign_that_cannot_be_told_is_said():
    """One δ of the right size and the wrong sign: another reading of it, or a mistake."""
    checked = bl.check_work("two-layer", claimed={"δ(o1)": "0.7"})
    assert "the sheet's numbers do not tell its sign" in checked.work.notes[0]


def test_an_early_mistake_does_not_change_the_sign():
    """With a wrong sum all δ's differ from the right ones; they follow under one sign alone."""
    step = {"net(o1)": "1.2059", "out(o1)": "0.7696"}
    assert notes(step | {"δ(o1)": "-0.1347", "w5+": "0.3600"}).work.notes[0].startswith("δ is read as -dE/dnet, since")
    assert notes(step | {"δ(o1)": "0.1347", "w5+": "0.3600"}).work.notes[0].startswith("δ is read as dE/dnet, since")


def test_the_files_own_figures_tell_the_sign():
    checked = bl.check_work("one-output", claimed={"δ(y5)": "0.04", "δ3": "-0.0041"})
    assert "δ is -dE/dnet, as declared" in checked.work.notes


def test_a_change_is_judged_by_the_weights_of_the_sheet():
    wrong = notes({"Δw5": "0.0411", "w5+": "0.4411"})
    assert [number.name for number in wrong.numbers if number.verdict == "wrong"]
    carried = notes({"dE/dw5": "0.1822", "Δw5": "-0.0911", "w5+": "0.3089"})
    assert {number.name: number.verdict for number in carried.numbers}["Δw5"] == "carried"


def test_several_steps_are_checked_with_the_learners_own_weights():
    steps = [bl.explain("two-layer", steps=k).step for k in (1, 2, 3)]
    w5 = [step["w5+"].value for step in steps]
    claimed = {"w5+": f"{w5[0]:.6f}", "step 2: w5+": f"{w5[1]:.6f}", "step 3: new w5": f"{w5[2]:.6f}"}
    checked = bl.check_work("two-layer", claimed=claimed)
    assert [number.step for number in checked.numbers] == [1, 2, 3]
    assert checked.all_right
    wrong = bl.check_work("two-layer", claimed=claimed | {"w5+": "0.5"})
    assert (wrong.numbers[0].step, wrong.numbers[0].verdict) == (1, "wrong")


def test_steps_says_which_step_the_numbers_are_of():
    value = bl.explain("two-layer", steps=7).step["w5+"].value
    checked = bl.check_work("two-layer", claimed={"w5+": f"{value:.6f}"}, steps=7)
    assert checked.all_right
    assert checked.numbers[0].step == 7
    with pytest.raises(BacklitError, match="numbers of steps 1 to 500; expected at most 100 in a row"):
        bl.check_work("two-layer", claimed={"E": 0.3, "step 500: E": 0.2})


def test_an_epoch_has_its_steps():
    epoch = bl.explain("gates", epoch=2, batch_size=1, shuffle=False)
    values = {f"step {k + 1}: w(a,y)+": f"{example.step['w(a,y)+'].value:.6f}" for k, example in enumerate(epoch)}
    checked = bl.check_work("gates", claimed=values, epoch=2, batch_size=1, shuffle=False)
    assert checked.all_right
    assert [number.step for number in checked.numbers] == [1, 2, 3, 4]
    with pytest.raises(BacklitError, match="'step 5: E' is of step 5; steps 1 to 4 can be checked here"):
        bl.check_work("gates", claimed={"step 5: E": 0.5}, epoch=2, batch_size=1, shuffle=False)


REFUSED = [
    ({"w5+": "0.3589", "w5 new": "0.3590"}, "w5 new is given twice: 0.3589 (w5+), and 0.3590 here; keep one."),
    ({"foo": "1"}, "the step has no number 'foo'"),
]


@pytest.mark.parametrize(("claimed", "says"), REFUSED)
def test_what_does_not_fit_is_refused(claimed, says):
    with pytest.raises(BacklitError) as refused:
        bl.check_work("two-layer", claimed=claimed)
    assert says in str(refused.value)


def test_the_same_number_given_twice_alike_counts_once():
    assert len(bl.check_work("two-layer", claimed=[("w5+", "0.3589"), ("new w5", "0.3589")]).numbers) == 1


def test_arguments_that_do_not_go_together():
    network = bl.Network([bl.Dense(1)], inputs=1)
    for call, says in (
        (lambda: bl.check_work("two-layer"), "check_work was given the example two-layer without numbers to check"),
        (lambda: bl.check_work(network, [[1.0]], [[1.0]]), "check_work was given a Network without numbers to check"),
        (lambda: bl.check_work(network, claimed={"E": 1}), "check_work was given a Network without rows"),
        (lambda: bl.check_work("two-layer", claimed={"E": 1}, foo=2), "check_work has no argument 'foo'"),
        (lambda: bl.check_work("two-layer", claimed={"E": 1}, steps=1, epoch=1), "expected one of them"),
        (lambda: bl.check_work("two-layer", claimed={"E": 1}, hint=4), "hint is 4"),
    ):
        with pytest.raises(BacklitError) as refused:
            call()
        assert says in str(refused.value)


def test_a_network_of_arrays_and_its_title():
    network = bl.Network([bl.Dense(1, weights=[[2.0]], biases=[1.0])], inputs=1)
    checked = bl.check_work(
        network, [[3.0]], [[5.0]], {"net(o1)": 7, "E": "2.0", "w(i1,o1)+": "1.4"}, rate=0.1, name="Ada"
    )
    assert checked.all_right
    assert (checked.work.sheet, checked.work.title[:5]) == ("Ada", "1 → 1")
    assert "All 3 numbers are right." in str(checked)


def test_a_list_under_the_name_of_one_number_is_refused():
    with pytest.raises(BacklitError, match=r"net\(h1\) is one number of the step; a list of shape \(2,\) was given"):
        bl.check_work("two-layer", claimed={"net(h1)": [1.0, 2.0]})


@pytest.mark.parametrize(
    ("given", "says"),
    [({"steps": "a"}, "steps is 'a'; expected a whole number of at least 1"),
     ({"steps": 1.5}, "steps is 1.5; expected a whole number"), ({"delta": 5}, "delta is 5; expected what δ means"),
     ({"velocity": 3}, "velocity is 3; expected how the sheet works v out")],
)  # fmt: skip
def test_arguments_of_another_kind_are_told(given, says):
    with pytest.raises(BacklitError, match=says):
        notes({}, **given)
