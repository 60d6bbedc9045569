"""One number of the next step of a paused training: the record that `explain` has of it, and the training untouched."""

from __future__ import annotations

import math

import numpy as np
import pytest

import backlit as bl
from backlit.engine import History, NextUpdate, SingleUpdates, SteppedTraining
from backlit.errors import BacklitError
from backlit.explain import Step, course_of, next_step, one_number, unit_numbers
from backlit.explain.algebra.tree import Literal
from backlit.explain.context import _has_pair
from backlit.explain.record import numeric_slope as differences
from backlit.explain.stages.true_formula import true_formula
from backlit.explain.step import Presentation
from backlit.ops.equations import Part

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(11, 3)).round(2), RNG.integers(0, 3, 11)

NETWORKS = {
    "relu": [bl.Dense(4, "relu"), bl.Dense(3, "softmax")],
    "normed": [bl.Dense(4, "tanh"), bl.BatchNorm(), bl.Dropout(0.3), bl.Dense(3, "softmax")],
    "frozen": [bl.Dense(4, "tanh", freeze=("W",)), bl.Dense(3, "softmax")],
    "tied": [bl.Dense(3, "tanh", tie="a"), bl.Dense(3, "tanh", tie="a"), bl.Dense(3, "softmax")],
}
SETTINGS = {
    "adam": {"optimizer": "adam"},
    "limited": {"optimizer": "momentum", "l2": 0.1, "clip_norm": 0.05, "schedule": "cosine"},
    "by rows": {"optimizer": "sgd", "batch_size": 1},
    "float32": {"optimizer": "nesterov", "dtype": "float32"},
    "plain": {"compiled": False, "sample_weight": np.arange(1.0, 12.0)},
}


def paused(chain="relu", updates=4, **settings):
    network = bl.Network(NETWORKS[chain], 3, "cross_entropy", seed=2, dtype=settings.pop("dtype", "float64"))
    training = SteppedTraining(network, X, Y, **{"batch_size": 4, "epochs": 5, "seed": 4} | settings)
    if updates:
        training.advance(updates=updates, seconds=math.inf)
    return training


@pytest.mark.filterwarnings("ignore::backlit.errors.BacklitWarning")
@pytest.mark.parametrize(
    ("chain", "settings"),
    [("relu", "adam"), ("normed", "float32"), ("normed", "plain"), ("frozen", "limited"), ("tied", "by rows"),
     ("relu", "limited")],
)  # fmt: skip
def test_the_numbers_are_those_of_explain(chain, settings):
    training = paused(chain, **SETTINGS[settings])
    whole = Step(course_of(training).step(), Presentation.of({"check": True}), training.epochs)
    step = next_step(training)
    names = [key.quantity.name(key.place).text for _, key in whole.contents.numbers()][::17]
    for name in [*names, *(name for name in ("w(i1,h1)", "w(h1,o2)", "1.W[2, 1]") if whole.find(name))]:
        found = one_number(step, name)
        assert bare(found.record) == bare(whole[name])
        for record in (*found.needs, *found.update):
            assert bare(record) == bare(whole[record.name])
        if found.slope is not None:
            assert found.slope == whole[found.slope.name]
    assert step.summary.facts[-len(step.occasion) :] == whole.summary.facts[-len(step.occasion) :]


def bare(record):
    """Leave out what differences tell, which `one_number` gives of the slope alone."""
    return {name: getattr(record, name) for name in record.__struct_fields__ if name not in {"numeric", "checked"}}


def test_a_weight_comes_with_its_slope_and_its_update():
    step = next_step(paused())
    for name in ("w(i1,h2)", "dE/dw(i1,h2)", f"dE/dw(i1,h2)[{step.rows[1]}]", "v(w(i1,h2))+"):
        found = one_number(step, name)
        assert (found.record.name, found.slope.name) == (name, "dE/dw(i1,h2)")
        assert found.slope.numeric == pytest.approx(found.slope.value, rel=1e-6)
        assert [record.name for record in found.update] == [
            "m(w(i1,h2))", "v(w(i1,h2))", "m(w(i1,h2))+", "v(w(i1,h2))+", "w(i1,h2)+",
        ]  # fmt: skip
        first = step.rows[0]
        assert {f"dE/dnet(h2)[{first}]", f"i1[{first}]"} <= {record.name for record in found.needs}
    assert one_number(step, "out(h1)[" + step.rows[0] + "]").slope is None


def test_a_frozen_weight_has_no_slope():
    found = one_number(next_step(paused("frozen")), "w(i1,h2)")
    assert (found.slope, found.needs, found.update) == (None, (), ())


@pytest.mark.parametrize("updates", [0, 2, 3, 7, 14])
def test_what_it_says_is_what_the_training_does_next(updates, monkeypatch):
    whole, training = paused(updates=0).run(), paused(updates=updates)
    before = training.state
    with monkeypatch.context() as patched:
        patched.setattr(History, "copy", None)  # a history may have a million epochs
        step = next_step(training)
    records = [one_number(step, name) for name in ("w(i1,h1)", "w(h4,o3)", "b(o1)")]
    assert training.state.differences(before) == []
    training.advance(updates=1, seconds=np.inf)
    new = [training.network[name][place] for name, place in (("1.W", (0, 0)), ("2.W", (3, 2)), ("2.b", 0))]
    np.testing.assert_allclose([found.update[-1].value for found in records], new, rtol=1e-12)
    assert training.advance(seconds=math.inf).stopped
    assert training.state.differences(whole.state) == []


def test_of_a_training_that_holds_its_best_weights_the_last_ones_go_on():
    training = paused(keep_best=True, updates=0, optimizer=bl.SGD(3.0), patience=1, epochs=50)
    training.advance(seconds=math.inf)
    assert training.best.number < len(training.history)
    step, whole = next_step(training), Step(course_of(training).step(), Presentation(), None)
    assert step.recording.before.tobytes() == whole.recording.before.tobytes()


@pytest.mark.parametrize("layers", [[bl.Dense(40), bl.BatchNorm(), bl.Dense(2)], [bl.Dense(40), bl.Dense(2)]])
def test_the_shards_are_those_of_single_updates(layers):
    rows = RNG.normal(size=(200, 30))
    training = SteppedTraining(bl.Network(layers, 30, seed=0), rows, rows[:, :2], batch_size=128)
    update, single = NextUpdate.of(training, training.coming()), SingleUpdates.of(training)
    assert update.shard_rows == single.executable.rows
    assert (update.shard_rows == 128) == (len(layers) == 3)


def test_a_step_serves_units():
    step = next_step(paused())
    names = [record.name for record in unit_numbers(step, "h2", step.rows[1])]
    row = step.rows[1]
    assert names[:2] == ["b(h2)", f"net(h2)[{row}]"]
    assert {f"out(h2)[{row}]", f"dE/dnet(h2)[{row}]", "dE/db(h2)", "b(h2)+"} <= set(names)
    assert [record.row for record in unit_numbers(step, "i1")] == [step.rows[0]]
    for unit, other, said in (("h9", None, "no unit 'h9'"), ("h1", "99", "no row '99'")):
        with pytest.raises(KeyError, match=said):
            unit_numbers(step, unit, other)


def test_what_has_no_next_step():
    training = paused(updates=15)
    assert next_step(training) is None
    with pytest.raises(BacklitError, match="no one formula"):
        next_step(paused(optimizer="lbfgs", updates=0))
    with pytest.raises(KeyError, match="did you mean 'w\\(i1,h1\\)'"):
        one_number(next_step(paused()), "w(i1,h1")


@pytest.mark.parametrize("shape", [3, (2, 3)])
def test_a_matrix_of_weights_is_named_as_its_elements_are(shape, monkeypatch):
    network = bl.Network([bl.Dense(2, "tanh"), bl.Flatten(), bl.Dense(2)], shape, seed=0)
    rows = RNG.normal(size=(2, *np.atleast_1d(shape))).round(2)
    whole = bl.explain(network, rows, rows.reshape(2, -1)[:, :2]).step
    records = list(whole.records())
    assert any(record.name == "dE/dw(i1,h1)" for record in records)
    assert all(p._where is None for p in whole.contents.parameters if p.kind == "w")
    monkeypatch.setattr(Part, "matrix", False)
    other = bl.explain(network, rows, rows.reshape(2, -1)[:, :2]).step
    assert all(p._where is not None for p in other.contents.parameters if p.kind == "w")
    assert list(other.records()) == records
    assert one_number(whole, "1.W[0, 1]").record == one_number(other, "1.W[0, 1]").record
    assert whole.find("1.W[0, 2]") is None


def test_names_with_commas_are_told_apart():
    assert _has_pair(["a,b,h1"], {"a,b"}, {"h1"})
    assert not _has_pair(["a,b,h1", "h1"], {"a"}, {"h1"})


@pytest.mark.parametrize(
    ("error", "size", "most"),
    [
        (lambda h: (3.0 + h) ** 2, 3.0, 7), (lambda h: max(h, 0.0) + 1e5, 1.0, 7),
        (lambda h: math.exp(20.0 * h), 0.1, 13), (lambda h: 1.0 + 1e-9 * math.sin(h), 5.0, 7), (lambda _: 2.0, 1.0, 7),
        (lambda h: abs(h - 1e-5), 0.0, 25),
    ],
)  # fmt: skip
def test_smaller_steps_that_are_left_out_change_no_slope(error, size, most):
    calls = []
    found = differences.numeric_slope(lambda h: calls.append(h) or error(h), size, 0.0)
    assert len(calls) == len(set(calls)) <= most
    start = differences.FIRST_STEP * max(1.0, size)
    steps = [sides for step in differences._steps(start, size) if (sides := differences._sides(error, step))]
    best = min((sides for sides in steps if not sides.flat or sides is steps[0]), key=lambda sides: sides.error)
    assert found.error <= best.error
    assert found.value == (best.central if best.smooth else None)


def test_formulas_behind_the_one_that_agrees_are_not_written():
    def ways():
        yield Literal("2")
        raise AssertionError("a second way was written")

    assert true_formula(2.0, ways()) == 0
    assert true_formula(2.0, [Literal("3"), Literal("2")]) == 1
