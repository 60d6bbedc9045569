"""The next step of a training that is paused anywhere, and of it one number, or those of one unit: for a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from backlit.engine import NextUpdate, SteppedTraining
from backlit.explain.record.quantities import Key, Place, Quantity
from backlit.explain.record.record_making import record_of
from backlit.explain.record.recording import Recording
from backlit.explain.record.step_records import Record
from backlit.explain.stages.base import ParameterQuantity
from backlit.explain.step import Presentation, Step, check_explainable, precision_facts, settings_of


class OneNumber(msgspec.Struct, frozen=True):
    """A number of a step with what it depends on; of a weight, its slope and its update.

    Attributes:
        record: the number that was asked for.
        slope: dE/dw, where the number belongs to a trained parameter, with the slope by finite differences beside it;
            else None.
        needs: what enters the formula of the slope, or of the number where there is no slope: of several rows the
            first ones' parts, and what enters the first part (the unit's own slope, the input).
        update: the numbers that lead from the slope to the new value, which comes last: penalties and limits, the
            optimizer's moments before and after.
    """

    record: Record
    slope: Record | None
    needs: tuple[Record, ...]
    update: tuple[Record, ...]


def next_step(training: SteppedTraining, **shown: Any) -> Step | None:
    """Record the next update of a training, which stays as it is; None where all epochs are done.

    It is the step that `backlit.explain(training)` explains. Only the batch's rows are copied, and nothing of the
    history. The arguments are those of `backlit.explain` that say how it is shown, such as `inputs` and `digits`.

    Errors: a BacklitError for L-BFGS.
    """
    check_explainable(training.network, training.optimizer)
    batch = training.coming()
    if batch is None:
        return None
    facts = (*shown.pop("facts", ()), *precision_facts(training.network))
    recording = Recording(NextUpdate.of(training, batch), settings_of(training, steps=1))
    return Step(recording, Presentation.of({**shown, "facts": facts}), None if training.stopped else training.epochs)


def one_number(step: Step, name: str) -> OneNumber:
    """Give a number of a step by its name: "w(i1,h1)", "dE/dw(i1,h1)", "net(h1)", "1.W[0, 0]".

    A step that was recorded serves many numbers; it keeps what it has worked out.

    Errors: a KeyError for a name that no number has.
    """
    asked = step.key(name)
    parameter = _parameter_of(step, asked)
    slope = None if parameter is None else step.contents.backward.gradients.get(parameter.id)
    at = asked.place._replace(row=0)
    start = asked if slope is None else Key(slope, at)
    update = next((found for found in step.contents.updates if found.parameter is parameter), None)
    return OneNumber(
        _record(step, asked), None if slope is None else _record(step, start, check=True),
        tuple(_record(step, key) for key in _needs(start)),
        () if update is None else tuple(_record(step, Key(quantity, at)) for quantity in update.quantities),
    )  # fmt: skip


def unit_numbers(step: Step, unit: str, row: str | None = None) -> tuple[Record, ...]:
    """Give the numbers of a unit in a row of the batch, the first one by default, in the order of the passes.

    They are its sum, what it passes on, its slopes, and its bias with slope and update; not the weights to it.

    Errors: a KeyError where the step has no such unit or row.
    """
    contents = step.contents
    rows = contents.context.rows
    if row is not None and row not in (rows or step.rows):
        raise KeyError(f"the batch has no row {row!r}; it has {', '.join(rows or step.rows)}.")
    place = rows.index(row) if rows and row is not None else 0
    found = dict.fromkeys(
        Key(quantity, Place(place if quantity.rows else 0, 0, quantity.units.index(unit)))
        for quantity in contents.quantities() if not quantity.sources and unit in quantity.units
    )  # fmt: skip
    if not found:
        raise KeyError(f"the step has no unit {unit!r}; names look like 'h1' or 'o1'.")
    return tuple(_record(step, key) for key in found)


def _record(step: Step, key: Key, *, check: bool = False) -> Record:
    return record_of(key, step.exact, step.digits, check=check)


def _parameter_of(step: Step, key: Key) -> ParameterQuantity | None:
    """Give the parameter that a number is of: the weight itself, its slope, a row's part of that, its new value."""
    if isinstance(key.quantity, ParameterQuantity):
        return key.quantity
    backward = step.contents.backward

    def belong(parameter: ParameterQuantity) -> Iterator[Quantity | None]:
        yield from (backward.gradients.get(parameter.id), backward.row_gradients.get(parameter.id))
        yield from (quantity for update in step.contents.updates if update.parameter is parameter
                    for quantity in update.quantities)  # fmt: skip

    return next((p for p in step.contents.parameters if any(q is key.quantity for q in belong(p))), None)


def _needs(start: Key) -> tuple[Key, ...]:
    """Give what enters a number; where that are the rows' parts of it, what enters the first of these too."""
    needed = start.quantity.needs(start.place)
    parts = [key for key in needed if key.quantity.rows and not start.quantity.rows and key.quantity.sources]
    within = [key for part in parts[:1] for key in part.quantity.needs(part.place)]
    return tuple(dict.fromkeys([*needed, *within]))
