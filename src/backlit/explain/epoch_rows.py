"""The table of an epoch, as classrooms write it: row by row inputs, net, out and error, and the weights after each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from backlit.explain.record.quantities import Place, Readable
from backlit.explain.record.step_records import NumberTable
from backlit.explain.step import Step

MOST_INPUTS, MOST_OUTPUTS, MOST_WEIGHTS = 8, 4, 18
"""Of more, the table of an epoch leaves them out."""
MOST_STEPS = 200
"""An epoch of more steps has no table."""
DIGITS = 6
"""The most places in the table of an epoch: the steps have them all."""


class Column(NamedTuple):
    """A column of an epoch's table: its head, the number at a step, and that before the first step, if there is one."""

    head: str
    cell: Callable[[Step], str]
    start: str = ""


def epoch_table(steps: Sequence[Step]) -> NumberTable | None:
    """Give a line for each step of an epoch: of one row its inputs, net, out and error; the weights behind the step.

    Where parts of the steps are asked for, the weights whose new values are among them. None without any, or where
    there is too much of it.
    """
    first = steps[0]
    if first.brief or len(steps) > MOST_STEPS:
        return None
    digits = min(first.digits, DIGITS)
    single = all(step.recording.rows == 1 for step in steps)
    columns = [Column("step", lambda step: str(step.recording.number))]
    columns += [Column("row" if single else "rows", lambda step: ", ".join(step.rows))]
    before = [*columns, *(_of_row(first, digits) if single else (_error(digits),))]
    weights = list(_weights(first, digits))
    if not weights:
        return None
    title = "Row by row, with the weights after each" if single else "Step by step, with the weights after each"
    every = [*before, *weights]
    lines = [tuple("start" if not k else column.start for k, column in enumerate(every))]
    lines += [tuple(column.cell(step) for column in every) for step in steps]
    return NumberTable(title, tuple(column.head for column in every), tuple(lines), fixed=2, group=len(before))


def _of_row(first: Step, digits: int) -> Iterator[Column]:
    """Give the inputs, the targets, net and out of the outputs, the error, and its slopes with respect to net."""
    contents = first.contents

    def column(find: Callable[[Step], Readable], unit: int) -> Column:
        return Column(
            find(first).name(Place(0, 0, unit)).text, lambda step: step.exact.within(find(step).ref(0, unit), digits)
        )

    if len(contents.inputs.units) <= MOST_INPUTS:
        yield from (column(lambda step: step.contents.inputs, k) for k in range(len(contents.inputs.units)))
    outputs = range(len(contents.error.units) if len(contents.error.units) <= MOST_OUTPUTS else 0)
    yield from (column(lambda step: step.contents.error.targets, k) for k in outputs)
    last = contents.stages[-1]
    has_net = last.read.kind == "net" and last.read.units == last.units
    if has_net:
        yield from (column(lambda step: step.contents.stages[-1].read, k) for k in outputs)
    if not (has_net and np.array_equal(last.read.values(0), last.written.values(0))):
        yield from (column(lambda step: step.contents.stages[-1].written, k) for k in outputs)
    yield _error(digits)
    if has_net and (slopes := _net_slopes(first)) is not None and slopes.units == last.units:
        yield from (column(_net_slopes, k) for k in outputs)


def _net_slopes(step: Step) -> Any:
    """Give the slopes with respect to the outputs' net inputs; None where there are none."""
    kinds = (q for group in step.contents.backward.groups for q in group.quantities)
    return next((quantity for quantity in kinds if quantity.kind == "dE/dnet"), None)


def _error(digits: int) -> Column:
    return Column("E", lambda step: step.exact.within(step.contents.error.E.ref(0, 0), digits))


def _weights(first: Step, digits: int) -> Iterator[Column]:
    """Give the trained numbers before the first step and after each."""
    updates, wanted = first.contents.updates, first.wanted
    chosen = [(number, update, at) for number, update in enumerate(updates) for at in update.new.places(0)
              if wanted is None or at in wanted.get(update.new, ())]  # fmt: skip
    for number, update, at in chosen if len(chosen) <= MOST_WEIGHTS else ():
        start = first.exact.within(update.parameter.ref(0, at.unit, at.source), digits)

        def cell(step: Step, number: int = number, at: Place = at) -> str:
            new = step.contents.updates[number].new
            return step.exact.within(new.ref(0, at.unit, at.source), digits)

        yield Column(update.parameter.name(at).text, cell, start)
