"""The benchmark of checking in a small setting: mistakes are found and named, right sheets are not accused."""

from __future__ import annotations

import pytest
from bench.check.report import markdown
from bench.check.work import lines_of

CODES = [
    "slope-left-out", "updated-weights", "bias-left-out", "error-sign", "update-sign", "rate-left-out", "one-share",
    "transposed-weights", "half-left-out", "input-left-out", "gradient-transposed", "digits-swapped", "decimal-slip",
    "term-left-out", "factor-left-out", "sign-of-a-term",
]  # fmt: skip


@pytest.fixture(scope="module")
def planted():
    """Give the lines of two networks on which some mistakes were planted."""
    names = ["2-2-2 sigmoid", "4-3-2 softmax, two rows"]
    return [line for name in names for seed in (11, 12) for line in lines_of(name, seed, ("planted",), CODES)]


def test_planted_mistakes_are_found_and_named(planted):
    counted = [line for line in planted if line.counted]
    assert len(counted) >= 25
    assert [line for line in counted if not line.located] == []
    named = sum(line.named for line in counted)
    assert named >= 0.95 * len(counted), [(line.planted, line.codes) for line in counted if not line.named]
    assert sum(line.misnamed for line in counted) <= 1


def test_what_rounding_hides_is_left_out(planted):
    assert all(line.shows for line in planted if line.counted)
    assert "sheets with one mistake" in markdown(planted)


@pytest.mark.parametrize("name", ["2-3-2-1 momentum", "2-3-1 leaky relu, three rows", "2-2-2-2 adam", "5-5-3 decay"])
def test_right_sheets_are_not_accused(name):
    lines = [line for seed in (101, 102, 103) for line in lines_of(name, seed, ("right",))]
    assert len(lines) == 24
    assert [line for line in lines if line.wrong] == []


def test_both_of_two_mistakes_are_found():
    lines = [line for seed in (3, 4) for line in lines_of("3-4-3 relu, softmax", seed, ("two",))]
    counted = [line for line in lines if line.counted]
    assert counted
    assert all(line.located for line in counted)
