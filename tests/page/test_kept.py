"""Weights on the way: evenly spaced, the first and the last among them, no more of a long training than of a short."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from backlit.engine import Network
from backlit.page import kept
from backlit.page.kept import KeptWeights


def of_size(numbers: int = 4) -> KeptWeights:
    vector = SimpleNamespace(nbytes=8 * numbers)
    return KeptWeights(cast(Network, SimpleNamespace(parameters=vector, state=SimpleNamespace(nbytes=0))))


def add(weights: KeptWeights, step: int, *, now: bool = False) -> None:
    weights.add(step // 10, step, np.full(4, float(step)), np.empty(0), now=now)


def steps(weights: KeptWeights) -> list[int]:
    return [moment.step for moment in weights.all()]


@pytest.mark.parametrize("now", [False, True])
@pytest.mark.parametrize("widths", [[1], [7], [1, 2, 30], [950, 1050, 1000]])
def test_moments_are_few_and_evenly_apart(widths: list[int], now: bool) -> None:
    weights, step = of_size(), 0
    for k in range(5_000):
        add(weights, step, now=now)
        step += widths[k % len(widths)]
    found = steps(weights)
    assert found[0] == 0
    assert kept.MOST_POINTS // 3 < len(found) <= kept.MOST_POINTS
    apart = np.diff(found[:-1])
    assert apart.max() <= 3 * apart.min() + max(widths)
    last = step - widths[4_999 % len(widths)]
    assert found[-1] == last if now else last - found[-1] <= apart.max()
    assert all(moment.parameters[0] == moment.step == moment.epoch * 10 + moment.step % 10 for moment in weights.all())


def test_single_steps_are_all_kept_until_they_are_too_many() -> None:
    weights = of_size()
    for step in range(kept.MOST_POINTS):
        add(weights, step, now=True)
    assert steps(weights) == list(range(kept.MOST_POINTS))
    add(weights, kept.MOST_POINTS, now=True)
    assert steps(weights) == list(range(0, kept.MOST_POINTS + 1, 2))


def test_nothing_is_copied_where_a_moment_is_not_kept() -> None:
    weights = of_size()
    for step in range(0, 100_000, 100):
        add(weights, step)

    class Uncopied:
        def copy(self) -> Any:
            pytest.fail("a moment that is not kept was copied")

    uncopied = cast(Any, Uncopied())
    last = steps(weights)[-1]
    before = weights.all()
    weights.add(0, last + 1, uncopied, uncopied, now=False)
    weights.add(0, last, uncopied, uncopied)
    assert weights.all() == before


def test_the_moment_now_is_kept_and_gives_way_to_the_next_one() -> None:
    weights = of_size()
    for step in range(0, 100_000, 100):
        add(weights, step)
    count, last = len(weights.all()), steps(weights)[-1]
    add(weights, last + 1, now=True)
    assert steps(weights)[-2:] == [last, last + 1]
    add(weights, last + 2, now=True)
    assert steps(weights)[-2:] == [last, last + 2]
    assert len(weights.all()) == count + 1


def test_updates_that_are_undone_are_forgotten() -> None:
    weights = of_size()
    for step in range(20):
        add(weights, step, now=True)
    weights.add(1, 12, np.full(4, -1.0), np.empty(0))
    assert steps(weights) == list(range(13))
    assert weights.all()[-1].parameters[0] == 12.0


def test_of_a_large_network_fewer_moments_are_kept() -> None:
    numbers = kept.BYTES // 8 // 10
    weights = of_size(numbers)
    assert weights.most == 10
    assert of_size(100 * numbers).most == kept.FEWEST_POINTS
    smallest = of_size(100 * numbers)
    for step in range(1_000):
        add(weights, step, now=True)
        add(smallest, step, now=True)
        assert len(weights.all()) <= 10
        assert len(smallest.all()) <= kept.FEWEST_POINTS
    assert steps(weights)[0] == steps(smallest)[0] == 0
    assert steps(weights)[-1] == steps(smallest)[-1] == 999


def test_the_last_moment_of_at_most_so_many_updates() -> None:
    weights = of_size()
    for step in (0, 10, 25):
        add(weights, step, now=True)
    assert [weights.at(step).step for step in (0, 9, 10, 24, 25, 99, -1)] == [0, 0, 10, 10, 25, 25, 0]
