"""The text drawings."""

from itertools import pairwise

import pytest

from backlit.show.text_charts import JOINTS, bars, network_drawing


@pytest.mark.parametrize("sizes", [(1, 1), (2, 4, 1), (4, 2, 3), (1, 8, 1), (3, 3, 3), (5, 2)])
def test_every_unit_is_joined_to_the_bars_beside_it(sizes):
    columns = [[f"{chr(97 + k)}{unit}" for unit in range(size)] for k, size in enumerate(sizes)]
    lines = network_drawing(columns)
    assert len(lines) == 2 * max(sizes) - 1
    text = "\n".join(lines)
    for k, column in enumerate(columns):
        for unit in column:
            assert text.count(unit) == 1
            assert (f"─ {unit}" in text) == (k > 0)
            assert (f"{unit} ─" in text) == (k < len(columns) - 1)


@pytest.mark.parametrize("sizes", [(1, 1), (2, 4, 1), (4, 2, 3), (5, 2)])
def test_lines_meet(sizes):
    """Where a joint has a line up, the joint above has one down."""
    sides = {joint: directions for directions, joint in JOINTS.items() if joint != "─"}
    lines = network_drawing([["x"] * size for size in sizes])
    width = max(map(len, lines))
    grid = [line.ljust(width) for line in lines]
    for above, below in pairwise(grid):
        for up, down in zip(above, below, strict=True):
            assert sides.get(up, (0, 0, 0, False))[3] == sides.get(down, (0, 0, False, 0))[2]


def test_bars_of_equal_values_and_of_zeros():
    assert bars([2.0, 2.0]) == "▁▁"
    assert bars([1.0, 0.5, 0.0]) == "█▄▁"
