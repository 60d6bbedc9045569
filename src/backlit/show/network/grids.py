"""Maps as grids: each number in its cell, the window marked that the next layer's cell reads, and that cell.

A map of many cells has no room for numbers: its cells are coloured by them, with the range written below, and the
window stands beside it with its numbers. Of a map with more cells than there are pixels, a cell is the mean of several.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from backlit.explain.algebra.numerals import short_text
from backlit.explain.record.drawing_records import Grid, Numbers
from backlit.show.network.parts import LETTERS, LOWERED, Box, Text
from backlit.show.text_width import shortened, text_width

CELL_LETTERS = 12.0
ROW = 26.0
"""The height of a cell with a number."""
LINE = 17.0
MOST_COLUMNS, MOST_ROWS = 8, 12
"""A grid of more has colours instead of numbers."""
PIXEL, SMALLEST_PIXEL = 12.0, 3.0
"""The side of a coloured cell."""
SHORTEST_NAME = 96.0
PALE = 0.3
"""The strongest colour behind a number."""


class Placed(NamedTuple):
    """The parts of something that is placed at (0, 0), and its size."""

    boxes: tuple[Box, ...]
    texts: tuple[Text, ...]
    width: float
    height: float


def numbers_of(grid: Grid, *, backward: bool) -> Numbers:
    """Give what a grid shows on the way; nothing where no slope comes back to it."""
    return grid.slopes if backward else grid.values


def place_grid(grid: Grid, numbers: Numbers, *, digits: int, most: float, largest: float = 0.0) -> Placed:
    """Place a grid with its name above.

    Args:
        grid: its name and its marked cells. numbers: those to show, by row and column.
        digits: places behind the point; fewer where the cells are narrow.
        most: the width that there is.
        largest: the size of the largest number in grids that are compared, which has the strongest colour.
    """
    array = np.array([[np.nan if number is None else number for number in row] for row in numbers], float)
    if not largest:
        largest = largest_of(array)
    placed = (_coloured if coloured(numbers) else _numbered)(grid, array, digits, most, largest)
    if not grid.name:
        return placed
    name = shortened(grid.name, max(placed.width, SHORTEST_NAME), LETTERS, bold=True)
    title = Text(0.0, LETTERS, name, "name", "start", LETTERS, bold=True, full=grid.name)
    return Placed(
        tuple(box._replace(y=box.y + LINE + 3) for box in placed.boxes),
        (title, *(text._replace(y=text.y + LINE + 3) for text in placed.texts)),
        max(placed.width, title.width),
        placed.height + LINE + 3,
    )


def coloured(numbers: Numbers) -> bool:
    """Tell whether a grid has too many cells for numbers."""
    return len(numbers) > MOST_ROWS or len(numbers[0]) > MOST_COLUMNS


def largest_of(*arrays: npt.NDArray[Any]) -> float:
    """Give the size of the largest finite number."""
    sizes = [np.abs(array[np.isfinite(array)]).max(initial=0.0) for array in arrays]
    return float(max(sizes, default=0.0))


def fitting_texts(array: npt.NDArray[Any], digits: int, most: float) -> list[list[str]]:
    """Write numbers with as many places as let all columns fit into a width."""
    texts: list[list[str]] = []
    for places in range(digits, 0, -1):
        texts = [["" if np.isnan(number) else short_text(float(number), places) for number in row] for row in array]
        widest = max((text_width(text, CELL_LETTERS) for row in texts for text in row), default=0.0)
        if (widest + 8) * array.shape[1] <= most:
            return texts
    return texts


def _numbered(grid: Grid, array: npt.NDArray[Any], digits: int, most: float, largest: float) -> Placed:
    texts = fitting_texts(array, digits, most)
    widest = max((text_width(text, CELL_LETTERS) for row in texts for text in row), default=0.0)
    heads = [shortened(head, 70.0, CELL_LETTERS) for head in grid.heads]
    widest = max([widest, *(text_width(head, CELL_LETTERS) for head in heads)])
    sides = [shortened(side, 90.0, CELL_LETTERS) for side in grid.sides]
    left = max((text_width(side, CELL_LETTERS) + 6 for side in sides), default=0.0)
    wide, top = max(30.0, widest + 8), LINE if heads else 0.0
    boxes: list[Box] = []
    written = [
        Text(0.0, top + (row + 0.5) * ROW + CELL_LETTERS * LOWERED, side, "title", "start", CELL_LETTERS,
             full=grid.sides[row])
        for row, side in enumerate(sides)
    ]  # fmt: skip
    for column, head in enumerate(heads):
        written.append(
            Text(
                left + (column + 0.5) * wide,
                CELL_LETTERS,
                head,
                "title",
                "middle",
                CELL_LETTERS,
                full=grid.heads[column],
            )
        )
    picked = {cell for cell in (grid.made, grid.winner) if cell is not None}
    for row, line in enumerate(texts):
        for column, text in enumerate(line):
            x, y = left + column * wide, top + row * ROW
            boxes.append(Box(x, y, wide, ROW, "cell", PALE * _shade(array[row, column], largest)))
            bold = (row, column) in picked
            written.append(
                Text(
                    x + wide / 2, y + ROW / 2 + CELL_LETTERS * LOWERED, text, "cell", "middle", CELL_LETTERS, bold=bold
                )
            )
    boxes += [_moved(box._replace(x=box.x + left), top) for box in _marks(grid, wide, ROW)]
    return Placed(tuple(boxes), tuple(written), left + wide * array.shape[1], top + ROW * array.shape[0])


def _moved(box: Box, down: float) -> Box:
    return box._replace(y=box.y + down)


def _marks(grid: Grid, wide: float, high: float, offset: tuple[int, int] = (0, 0)) -> list[Box]:
    """Frame the window, cell by cell where it has gaps, and the marked cells."""
    boxes = []
    if grid.window:
        rows, columns = sorted({row for row, _ in grid.window}), sorted({column for _, column in grid.window})
        whole = rows[-1] - rows[0] + 1 == len(rows) and columns[-1] - columns[0] + 1 == len(columns)
        framed = [(rows[0], columns[0], len(rows), len(columns))] if whole else [(*at, 1, 1) for at in grid.window]
        boxes += [
            Box((column - offset[1]) * wide, (row - offset[0]) * high, across * wide, down * high, "window")
            for row, column, down, across in framed
        ]
    picked = {cell for cell in (grid.made, grid.winner) if cell is not None}
    boxes += [
        Box((column - offset[1]) * wide + 3, (row - offset[0]) * high + 3, wide - 6, high - 6, "made")
        for row, column in sorted(picked)
    ]
    return boxes


def _shade(number: float, largest: float) -> float:
    return float(number) / largest if largest and np.isfinite(number) else 0.0


def _coloured(grid: Grid, array: npt.NDArray[Any], digits: int, most: float, largest: float) -> Placed:
    """Colour the cells, with the range below; the window's numbers stand beside them where there is room."""
    step, means = 1, array
    while max(means.shape[1], 1) * SMALLEST_PIXEL > most:
        step += 1
        means = block_means(array, step)
    side = max(SMALLEST_PIXEL, min(PIXEL, most / means.shape[1]))
    boxes = [
        Box(column * side, row * side, side, side, "pixel", _shade(means[row, column], largest))
        for row in range(means.shape[0]) for column in range(means.shape[1])
    ]  # fmt: skip
    width, height = side * means.shape[1], side * means.shape[0]
    boxes.append(Box(0.0, 0.0, width, height, "frame"))
    scaled = side / step
    if grid.window:
        rows, columns = [row for row, _ in grid.window], [column for _, column in grid.window]
        x, y = min(columns) * scaled, min(rows) * scaled
        across, down = (max(columns) + 1) * scaled - x, (max(rows) + 1) * scaled - y
        boxes.append(Box(x, y, across, down, "window"))
    elif grid.made:
        boxes.append(Box(grid.made[1] * scaled - 1, grid.made[0] * scaled - 1, scaled + 2, scaled + 2, "window"))
    texts = []
    for line in range_words(array, step, digits):
        height += LINE
        texts.append(Text(0.0, height - 4, line, "title", "start", CELL_LETTERS))
    width = max([width, *(text.width for text in texts)])
    beside = _excerpt(grid, array, digits, largest)
    if beside is None:
        return Placed(tuple(boxes), tuple(texts), width, height)
    down = 0.0 if width + 20 + beside.width <= most else height + 10
    right = 0.0 if down else width + 20
    return Placed(
        (*boxes, *(box._replace(x=box.x + right, y=box.y + down) for box in beside.boxes)),
        (*texts, *(text._replace(x=text.x + right, y=text.y + down) for text in beside.texts)),
        max(width, right + beside.width),
        max(height, down + beside.height),
    )


def block_means(array: npt.NDArray[Any], step: int) -> npt.NDArray[Any]:
    """Give the means of blocks of step × step cells; those at the edges are of fewer.

    >>> block_means(np.array([[1.0, 3.0, 5.0]]), 2)
    array([[2., 5.]])
    """
    rows = [np.nanmean(array[row : row + step], axis=0) for row in range(0, array.shape[0], step)]
    lines = np.array(rows)
    return np.stack(
        [np.nanmean(lines[:, column : column + step], axis=1) for column in range(0, array.shape[1], step)], 1
    )


def range_words(array: npt.NDArray[Any], step: int, digits: int) -> list[str]:
    """Say how many cells there are, what their numbers span, and of how many one that is drawn is the mean."""
    rows, columns = array.shape
    finite = array[np.isfinite(array)]
    low, high = (short_text(float(number), digits) for number in (finite.min(initial=0.0), finite.max(initial=0.0)))
    words = [f"{rows:,} × {columns:,}, from {low} to {high}"]
    if step > 1:
        words.append(f"each square: the mean of {step} × {step}")
    return words


def _excerpt(grid: Grid, array: npt.NDArray[Any], digits: int, largest: float) -> Placed | None:
    """Give the window of a coloured map, or its marked cell, with numbers, and where it is."""
    cells = grid.window or ((grid.made,) if grid.made else ())
    rows, columns = sorted({row for row, _ in cells}), sorted({column for _, column in cells})
    if not cells or len(rows) > MOST_ROWS or len(columns) > MOST_COLUMNS:
        return None
    part = array[np.ix_(rows, columns)]
    place = {cell: (rows.index(cell[0]), columns.index(cell[1])) for cell in cells}
    within = Grid(
        "", (), made=place.get(grid.made) if grid.made else None, winner=place.get(grid.winner) if grid.winner else None
    )
    placed = _numbered(within, part, digits, 200.0, largest)
    title = Text(0.0, CELL_LETTERS, span_words(rows, columns), "title", "start", CELL_LETTERS)
    boxes = [*placed.boxes, Box(0.0, 0.0, placed.width, placed.height, "window")]
    return Placed(
        tuple(_moved(box, LINE) for box in boxes),
        (title, *(text._replace(y=text.y + LINE) for text in placed.texts)),
        max(placed.width, title.width),
        placed.height + LINE,
    )


def span_words(rows: list[int], columns: list[int]) -> str:
    """Say which rows and columns, counted from 1."""
    return f"{_span('row', rows)}, {_span('column', columns)}"


def _span(word: str, numbers: list[int]) -> str:
    """Say which rows or columns, counted from 1.

    >>> _span("row", [2]), _span("row", [2, 3, 4])
    ('row 3', 'rows 3 to 5')
    """
    if len(numbers) == 1:
        return f"{word} {numbers[0] + 1}"
    return f"{word}s {numbers[0] + 1} to {numbers[-1] + 1}"
