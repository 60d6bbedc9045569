"""Maps as grids: each number in its cell, the window marked that the next layer's cell reads, and that cell.

A map of many cells has no room for numbers: its cells are coloured by them, with the range written below, and the
window stands beside it with its numbers. Of a map with more cells than there are pixels, a cell is the mean of several.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from backlit.explain.algebra.numerals import short_text
from backlit.explain.record.drawing_records import Grid, Numbers
from backlit.show.network.parts import LETTERS, LOWERED, Box, Text
from backlit.show.text_width import shortened, text_width, wrapped

CELL_LETTERS = 12.0
ROW = 26.0
"""The height of a cell with a number."""
LINE = 17.0
MOST_COLUMNS, MOST_ROWS = 8, 12
"""A grid of more has colours instead of numbers."""
PIXEL, SMALLEST_PIXEL, MAP = 8.0, 3.0, 140.0
"""The side of a coloured cell; it is larger where a map would else be smaller than the last."""
FEWEST_PLACES = 2
"""Behind the point, in a grid whose columns are narrow."""
BESIDE = 14.0
"""Between a coloured map and its window with numbers."""
SHORTEST_NAME = 96.0
INSET = 2.5
"""From a cell's edge to the frame of a marked one: within its number's own margin of 4 pixels."""
PALE = 0.3
"""The strongest colour behind a number."""


class Placed(NamedTuple):
    """The parts of something that is placed at (0, 0), and its size; `factor` is that of all its numbers, in words."""

    boxes: tuple[Box, ...]
    texts: tuple[Text, ...]
    width: float
    height: float
    factor: str = ""


def numbers_of(grid: Grid, *, backward: bool) -> Numbers:
    """Give what a grid shows on the way; nothing where no slope comes back to it."""
    return grid.slopes if backward else grid.values


def place_grid(
    grid: Grid, numbers: Numbers, *, digits: int, most: float, compared: Sequence[npt.NDArray[Any]] = ()
) -> Placed:
    """Place a grid with its name above.

    Args:
        grid: its name and its marked cells. numbers: those to show, by row and column.
        digits: places behind the point; fewer where the cells are narrow.
        most: the width that there is.
        compared: the numbers of grids, this one among them, that are written and coloured alike: the largest of all
            has the strongest colour.
    """
    array = array_of(numbers)
    compared = compared or (array,)
    placed = (_coloured if coloured(numbers) else _numbered)(grid, array, digits, most, compared)
    whole = f"{grid.name} {placed.factor}".strip()
    if not whole:
        return placed
    room = max(placed.width, SHORTEST_NAME) - text_width(f" {placed.factor}", LETTERS, bold=True)
    name = f"{shortened(grid.name, room, LETTERS, bold=True)} {placed.factor}".strip()
    title = Text(0.0, LETTERS, name, "name", "start", LETTERS, bold=True, full=whole)
    return Placed(
        tuple(box._replace(y=box.y + LINE + 3) for box in placed.boxes),
        (title, *(text._replace(y=text.y + LINE + 3) for text in placed.texts)),
        max(placed.width, title.width),
        placed.height + LINE + 3,
    )


def array_of(numbers: Numbers) -> npt.NDArray[Any]:
    """Give numbers as an array, with NaN where there is none."""
    return np.array([[np.nan if number is None else number for number in row] for row in numbers], float)


def coloured(numbers: Numbers) -> bool:
    """Tell whether a grid has too many cells for numbers."""
    return len(numbers) > MOST_ROWS or len(numbers[0]) > MOST_COLUMNS


def largest_of(*arrays: npt.NDArray[Any]) -> float:
    """Give the size of the largest finite number."""
    sizes = [np.abs(array[np.isfinite(array)]).max(initial=0.0) for array in arrays]
    return float(max(sizes, default=0.0))


def fitting_texts(
    array: npt.NDArray[Any], digits: int, most: float, compared: Sequence[npt.NDArray[Any]] = ()
) -> tuple[list[list[str]], int]:
    """Write numbers with as many places as let all columns fit into a width; give the power of ten of their factor.

    Where the largest would have less than two digits of its own, all have one factor, which makes it a number of one
    digit before the point. Only 0 is written without places. Grids that are `compared` have the same places and factor.

    >>> fitting_texts(np.array([[0.00125, 0.0, -0.025]]), 4, 130.0)
    ([['0.12', '0', '-2.50']], -2)
    """
    compared = compared or (array,)
    largest = largest_of(*compared)
    fewest = min(digits, FEWEST_PLACES)
    power = math.floor(math.log10(largest)) if largest else 0

    def texts(numbers: npt.NDArray[Any], places: int, power: int) -> list[list[str]]:
        return [["" if np.isnan(number) else _written(float(number), places, power) for number in row]
                for row in numbers]  # fmt: skip

    def fit(places: int, power: int) -> bool:
        return all((_widest(texts(one, places, power)) + 8) * one.shape[1] <= most for one in compared)

    plain = [(places, 0) for places in range(digits, fewest - 1, -1) if 1 - places <= power < digits or not power]
    scaled = [(places, power) for places in range(digits, fewest - 1, -1)]
    places, power = next((way for way in (*plain, *scaled) if fit(*way)), plain[-1] if plain else scaled[-1])
    return texts(array, places, power), power


def _written(number: float, places: int, power: int) -> str:
    """Write a number without an exponent of its own."""
    text = short_text(number, places) if not power else "e"
    if "e" in text and math.isfinite(number):
        text = f"{Decimal(repr(number)).scaleb(-power):.{places}f}" if number else "0"
    return text


def _widest(texts: Sequence[Sequence[str]]) -> float:
    return max((text_width(text, CELL_LETTERS) for row in texts for text in row), default=0.0)


def _factor(power: int) -> str:
    """Write the factor of all numbers of a grid.

    >>> _factor(-12), _factor(0)
    ('(× 10⁻¹²)', '')
    """
    return f"(× 10{str(power).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))})" if power else ""


def _numbered(
    grid: Grid, array: npt.NDArray[Any], digits: int, most: float, compared: Sequence[npt.NDArray[Any]]
) -> Placed:
    sides = [shortened(side, 90.0, CELL_LETTERS) for side in grid.sides]
    left = max((text_width(side, CELL_LETTERS) + 6 for side in sides), default=0.0)
    texts, power = fitting_texts(array, digits, most - left, compared)
    widest, largest = _widest(texts), largest_of(*compared)
    heads = [shortened(head, 70.0, CELL_LETTERS) for head in grid.heads]
    widest = max([widest, *(text_width(head, CELL_LETTERS) for head in heads)])
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
    for row, line in enumerate(texts):
        for column, text in enumerate(line):
            x, y = left + column * wide, top + row * ROW
            boxes.append(Box(x, y, wide, ROW, "cell", PALE * _shade(array[row, column], largest)))
            written.append(
                Text(x + wide / 2, y + ROW / 2 + CELL_LETTERS * LOWERED, text, "cell", "middle", CELL_LETTERS)
            )
    boxes += [_moved(box._replace(x=box.x + left), top) for box in _marks(grid, wide, ROW)]
    width, height = left + wide * array.shape[1], top + ROW * array.shape[0]
    return Placed(tuple(boxes), tuple(written), width, height, _factor(power))


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
        Box(
            (column - offset[1]) * wide + INSET,
            (row - offset[0]) * high + INSET,
            wide - 2 * INSET,
            high - 2 * INSET,
            "made",
        )
        for row, column in sorted(picked)
    ]
    return boxes


def _shade(number: float, largest: float) -> float:
    return float(number) / largest if largest and np.isfinite(number) else 0.0


def _coloured(
    grid: Grid, array: npt.NDArray[Any], digits: int, most: float, compared: Sequence[npt.NDArray[Any]]
) -> Placed:
    """Colour the cells, with the range below; the window's numbers stand beside them where there is room."""
    step, means, largest = 1, array, largest_of(*compared)
    while max(means.shape[1], 1) * SMALLEST_PIXEL > most:
        step += 1
        means = block_means(array, step)
    side = max(SMALLEST_PIXEL, min(max(PIXEL, MAP / max(means.shape)), most / means.shape[1]))
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
    for line in (line for words in range_words(array, step, digits) for line in _lines(words, width)):
        height += LINE
        texts.append(Text(0.0, height - 4, line, "title", "start", CELL_LETTERS))
    width = max([width, *(text.width for text in texts)])
    beside = _excerpt(grid, array, digits, most, largest)
    if beside is None:
        return Placed(tuple(boxes), tuple(texts), width, height)
    down = 0.0 if width + BESIDE + beside.width <= most else height + 10
    right = 0.0 if down else width + BESIDE
    return Placed(
        (*boxes, *(box._replace(x=box.x + right, y=box.y + down) for box in beside.boxes)),
        (*texts, *(text._replace(x=text.x + right, y=text.y + down) for text in beside.texts)),
        max(width, right + beside.width),
        max(height, down + beside.height),
    )


def _lines(text: str, most: float) -> list[str]:
    """Break a text behind a comma, and between words, where it is wider than a map."""
    parts = [text] if text_width(text, CELL_LETTERS) <= most else text.replace(", ", ",\n").split("\n")
    return [line for part in parts for line in wrapped(part, max(most, SHORTEST_NAME), CELL_LETTERS)]


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


def _excerpt(grid: Grid, array: npt.NDArray[Any], digits: int, most: float, largest: float) -> Placed | None:
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
    placed = _numbered(within, part, digits, min(most, 200.0), (part,))
    lines = _lines(f"{span_words(rows, columns)} {placed.factor}".strip(), placed.width)
    titles = [Text(0.0, CELL_LETTERS + k * LINE, line, "title", "start", CELL_LETTERS) for k, line in enumerate(lines)]
    down = LINE * len(lines)
    boxes = [*placed.boxes, Box(0.0, 0.0, placed.width, placed.height, "window")]
    return Placed(
        tuple(_moved(box, down) for box in boxes),
        (*titles, *(text._replace(y=text.y + down) for text in placed.texts)),
        max([placed.width, *(title.width for title in titles)]),
        placed.height + down,
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
