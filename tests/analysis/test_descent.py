"""A lesson on descent: its steps are the training's own, its slopes those of pencil and paper."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import backlit as bl
from backlit.analysis.valley import descent
from backlit.analysis.valley.descent import descent_lesson
from backlit.analysis.valley.descent_records import DescentLesson
from backlit.errors import BacklitError

X, Y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([[1.0], [2.0], [2.0], [4.0]])
RUNS = {"batch": (0.1, "full"), "mini-batch": (0.1, 2), "stochastic": (0.1, 1), "too large": (0.6, "full")}


def training(rate: float = 0.1, batch_size: Any = "full", epochs: int = 12, **layer: Any) -> bl.Training:
    given = {"weights": [[-1.0]], "biases": [4.0]} | layer
    network = bl.Network([bl.Dense(1, **given)], inputs=1, loss="half_squared_error")
    return bl.Training(network, X, Y, optimizer=bl.SGD(rate), batch_size=batch_size, epochs=epochs, compiled=False)


@functools.cache
def lesson() -> DescentLesson:
    trainings = {name: training(*given) for name, given in RUNS.items()}
    return descent_lesson(trainings, {"w(i1,o1)": "w", "b(o1)": "b"}, (-2.0, 3.0), (-1.0, 5.0))


def test_the_numbers_at_the_start_are_those_of_pencil_and_paper() -> None:
    found = lesson()
    assert (found.start, found.error, found.slopes) == ((-1.0, 4.0), 2.375, (-2.0, 0.25))
    assert [row.slopes for row in found.rows] == [(0.0, 3.0), (1.0, 1.0), (0.0, 0.0), (-9.0, -3.0)]
    assert [row.outputs for row in found.rows] == [(4.0,), (3.0,), (2.0,), (1.0,)]
    assert [row.error for row in found.rows] == [4.5, 0.5, 0.0, 4.5]
    assert (found.valley.x_name, found.valley.y_name) == ("w", "b")


def test_the_lowest_error_is_that_of_the_straight_line() -> None:
    line, residuals, *_ = np.linalg.lstsq(np.column_stack([X, np.ones(4)]), Y, rcond=None)
    low = lesson().lowest
    assert [low.x, low.y] == pytest.approx(line.ravel().tolist(), abs=1e-5)
    assert low.error == pytest.approx(residuals.item() / 8, rel=1e-9)


@pytest.mark.parametrize("k", range(len(RUNS)))
def test_each_step_is_the_rate_times_the_slope_of_its_rows(k: int) -> None:
    found = lesson().descents[k]
    for step in found.steps:
        rows = [row - 1 for row in step.rows]
        w, b = step.old
        difference = w * X[rows, 0] + b - Y[rows, 0]
        slopes = ((difference * X[rows, 0]).mean(), difference.mean())
        assert step.slopes == pytest.approx(slopes, rel=1e-9, abs=1e-12)
        assert step.error == pytest.approx((difference**2).mean() / 2, rel=1e-9)
        for old, slope, new in zip(step.old, step.slopes, step.new, strict=True):
            assert new == pytest.approx(old - step.rate * slope, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", RUNS)
def test_a_descent_is_that_of_the_training(name: str) -> None:
    rate, batch_size = RUNS[name]
    whole = training(rate, batch_size).run()
    found = next(one for one in lesson().descents if one.name == name)
    assert found.steps[-1].new == tuple(whole.network.parameters.tolist())
    each = len(found.steps) // 12
    assert len(found.errors) == len(found.steps) + 1
    after = [w * X + b - Y for w, b in (step.new for step in found.steps)]
    assert found.errors[1:] == pytest.approx([(one**2).mean() / 2 for one in after], rel=1e-9)
    path = next(path for path in lesson().valley.paths if path.name == name)
    inside = [point for point in path.points if point.step <= len(found.steps)]
    assert [point.true for point in inside] == pytest.approx([found.errors[point.step] for point in inside], rel=1e-9)
    assert each == -(-4 // found.batch_size)


def test_tangents_have_the_slope_of_the_curve_on_both_sides() -> None:
    curve = lesson().curve
    assert [tangent.slope < 0 for tangent in curve.tangents] == [True, False]
    for tangent in curve.tangents:
        at = [((w * X + 4.0 - Y) ** 2).mean() / 2 for w in (tangent.at - 1e-4, tangent.at, tangent.at + 1e-4)]
        assert tangent.error == pytest.approx(at[1])
        assert tangent.slope == pytest.approx((at[2] - at[0]) / 2e-4, rel=1e-6)
        assert tangent.after == pytest.approx(tangent.at - tangent.rate * tangent.slope)


def test_a_long_descent_is_followed_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descent, "MOST_UPDATES", 5)
    found = descent_lesson({"": training()}, {}, (-2.0, 3.0), (-1.0, 5.0)).descents[0]
    assert len(found.steps) == 5
    assert len(found.errors) == 6
    assert found.stopped == "the first 5 updates are shown"


def test_a_descent_ends_where_its_error_is_not_finite() -> None:
    found = descent_lesson({"": training(rate=1e80, epochs=9)}, {}, (-2.0, 3.0), (-1.0, 5.0)).descents[0]
    assert "not a finite number" in found.stopped
    assert len(found.errors) == len(found.steps) + 1
    assert found.errors[-1] is None


def test_no_updates_at_all() -> None:
    found = descent_lesson({"": training(epochs=0)}, {}, (-2.0, 3.0), (-1.0, 5.0))
    assert found.descents[0].steps == ()
    assert found.descents[0].errors == (2.375,)


def test_a_frozen_layer_is_no_axis_and_three_weights_are_too_many() -> None:
    network = bl.Network([bl.Dense(1, "tanh"), bl.Dense(1)], inputs=1, loss="mse")
    four = bl.Training(network, X, Y, optimizer="sgd", epochs=1, compiled=False)
    with pytest.raises(BacklitError, match="the network has 4 trained weights; a valley of two is drawn"):
        descent_lesson({"": four}, {}, (-2.0, 3.0), (-1.0, 5.0))
    network = bl.Network([bl.Dense(1, "tanh", freeze=("W", "b")), bl.Dense(1)], inputs=1, loss="mse")
    two = bl.Training(network, X, Y, optimizer="sgd", epochs=1, compiled=False)
    assert len(descent_lesson({"": two}, {}, (-2.0, 3.0), (-1.0, 5.0)).descents[0].steps) == 1
