"""What the charts of training curves say: in sentences, and as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from backlit.engine import TrainingCurve
from backlit.errors import counted
from backlit.show.charts.figure import DataTable
from backlit.show.curves.lines import Drawn

SAID = 6
"""Of more lines the others stand in the table alone."""

ROWS = 14
"""About so many epochs stand in a chart's table."""


def sentences(lines: Sequence[Drawn]) -> Iterator[str]:
    """Say where each line begins and ends, and where it is lowest or highest in between."""
    drawn = [line for line in lines if line.known]
    if any(line.run for line in drawn):
        drawn = [*{line.run: line for line in drawn}.values()]  # of each run the validation rows, where it has some
    yield from map(_sentence, drawn[:SAID])
    if len(drawn) > SAID:
        yield f"{counted(len(drawn) - SAID, 'more line')} in the table"


def _sentence(line: Drawn) -> str:
    """Say where a line begins and ends; "the best one" is the best epoch."""
    (first, begin), (last, end) = line.known[0], line.known[-1]
    low, high = min(line.known, key=lambda at: at[1]), max(line.known, key=lambda at: at[1])
    said = f"{line.said[:1].upper()}{line.said[1:]}"
    if first == last:
        return f"{said}: {begin:.4g} in epoch {first:,}"

    def at(number: int, value: float) -> str:
        return f"{value:.4g} in epoch {number:,}" + (" (the best one)" if number == line.best else "")

    said += f" goes from {at(first, begin)} to {at(last, end)}"
    said += f", lowest {at(*low)}" if low[1] < min(begin, end) else ""
    said += f", highest {at(*high)}" if high[1] > max(begin, end) else ""
    if broken := len(line.values) - len(line.known):
        said += f"; {broken:,} not finite"
    best = dict(line.known).get(line.best or 0)
    return said + ("" if best is None or "the best one" in said else f"; {best:.4g} in the best epoch, {line.best:,}")


def numbers_table(lines: Sequence[Drawn], what: str) -> DataTable:
    """Give the numbers of some epochs: the first, the best, the last, and others at even distances."""
    alone = "training" if any(line.part == "training" for line in lines) else what
    columns = list(dict.fromkeys(line.part or alone for line in lines))
    named = any(line.run for line in lines)
    rows = []
    for run in dict.fromkeys(line.run for line in lines):
        own = {line.part or alone: line for line in lines if line.run == run}
        numbers, best = next((line.numbers, line.best) for line in own.values())
        places = {*np.linspace(0, len(numbers) - 1, min(ROWS, len(numbers))).round().astype(int).tolist()}
        places |= {numbers.index(best)} if best in numbers else set()
        for place in sorted(places):
            cells = (_cell(own[column].values[place]) if column in own else "" for column in columns)
            mark = "best" if numbers[place] == best else ""
            rows.append((*([run] if named else []), f"{numbers[place]:,}", *cells, mark))
    return DataTable((*(["run"] if named else []), "epoch", *columns, ""), tuple(rows), numbers=int(named))


def _cell(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.6g}"


def left_out(curves: Mapping[str, TrainingCurve]) -> str:
    """Say of what the numbers are, and how many of the epochs are drawn where these are not all."""
    whats = dict.fromkeys(curve.what for curve in curves.values() if curve.what)
    kept = max((len(curve.numbers) for curve in curves.values()), default=0)
    count = max((curve.epochs for curve in curves.values()), default=0)
    drawn = f"{kept:,} of {counted(count, 'epoch')} are drawn, the highest and the lowest numbers among them"
    return ". ".join([*(f"Each number is {what}" for what in whats), *([drawn] if kept < count else [])])


def what_is_best(curves: Mapping[str, TrainingCurve]) -> str:
    """Say by what the best epoch is the best, below charts of other numbers; nothing where runs differ in it."""
    losses = {"validation loss" if curve.validation_loss else "loss" for curve in curves.values() if curve.best}
    return f"The best epoch is that of the lowest {losses.pop()}" if len(losses) == 1 else ""
