"""The curve that grows keeps what the curve of the whole history keeps, and looks at each epoch once."""

from __future__ import annotations

import numpy as np
import pytest

from backlit.analysis.live.growing_curve import SMALL, GrowingCurve
from backlit.engine import History

RNG = np.random.default_rng(0)


def history_of(rows: np.ndarray, validated: bool) -> History:
    return History(validated, rows=rows)


def rows_of(count: int) -> np.ndarray:
    rows = np.full((count, 6), np.nan)
    rows[:, :3] = RNG.normal(size=(count, 3))
    rows[:, 1] += np.linspace(3.0, 0.0, count) ** 2
    return rows


def parts(count: int, most: int) -> list[int]:
    ends, at = [], 0
    while at < count:
        at = min(count, at + int(RNG.integers(1, most)))
        ends.append(at)
    return ends


@pytest.mark.parametrize("validated", [True, False])
@pytest.mark.parametrize(("count", "most"), [(5_000, 7), (5_000, 3_000), (70_000, 9_000), (SMALL, 3), (1, 2)])
def test_it_keeps_what_the_whole_history_has(count, most, validated):
    rows = rows_of(count)
    history = history_of(rows, validated)
    growing = GrowingCurve(history)
    for end in parts(count, most):
        curve = growing.curve(end)
        expected = history_of(rows[:end], validated).curve(400)
        assert (curve.epochs, curve.best) == (end, expected.best)
        assert (curve.numbers[0], curve.numbers[-1]) == (1, end)
        assert len(curve.numbers) <= 320
        places = np.array(curve.numbers) - 1
        assert curve.loss == tuple(rows[places, 0])
        assert curve.rates == tuple(rows[places, 2])
        assert curve.validation_loss == (tuple(rows[places, 1]) if validated else None)
        for column in range(1 + validated):
            for lowest in (rows[:end, column].argmin(), rows[:end, column].argmax()):
                assert lowest in places
    assert len(curve.numbers) >= min(count, 90)


def test_peaks_of_one_epoch_stay_and_what_is_not_finite_is_none():
    rows = rows_of(20_000)
    rows[:, 0] = 1.0
    peaks = [3_001, 9_999, 15_555]
    rows[peaks, 0] = 5.0, 6.0, 7.0
    rows[12_345, 0] = np.inf
    growing = GrowingCurve(history_of(rows, False))
    for end in range(64, 20_001, 64):
        curve = growing.curve(min(end, 20_000))
    assert {5.0, 6.0, 7.0, None} <= set(curve.loss)
    assert curve.loss[curve.numbers.index(12_346)] is None


def test_each_epoch_is_looked_at_once(monkeypatch):
    looked = []
    take = GrowingCurve._take

    def counted(self, rows, length):
        looked.append(length - self._done)
        take(self, rows, length)

    monkeypatch.setattr(GrowingCurve, "_take", counted)
    growing = GrowingCurve(history_of(rows_of(3_000), True))
    for end in (10, 10, 500, 500, 3_000, 3_000):
        growing.curve(end)
    assert looked == [10, 490, 2_500]
    assert growing._values.shape[1] <= 32


def test_epochs_that_are_undone_are_forgotten():
    rows = rows_of(1_000)
    growing = GrowingCurve(history_of(rows, False))
    growing.curve(1_000)
    assert growing.curve(400) == GrowingCurve(history_of(rows, False)).curve(400)
