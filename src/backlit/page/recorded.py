"""The training's next step as `backlit.explain` records it: once for each moment, for all panels that show it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import msgspec
import numpy as np

from backlit.engine import Network, SteppedTraining, TrainingSettings
from backlit.errors import BacklitError
from backlit.explain import Presentation, Step, course_of, explain_step
from backlit.kernels.types import Array
from backlit.page.design import Design
from backlit.page.session import Session
from backlit.page.view import View
from backlit.sources.network_files import own_labels

LARGEST_BATCH = 4_000_000
"""Of a larger batch, numbers of its rows in all layers counted, one row is looked at alone."""

REPLAYED = (
    "These are the weights of an earlier moment. Its optimizer's moments are not kept, so the update that followed is "
    "not worked out: the forward pass, the error and the slopes are."
)


class Recorded(NamedTuple):
    """A step that was recorded.

    `rows` are the places in X of its rows, in their order. `alone` says that it is a row as a batch of its own, which is
    not the batch that the training takes next. `why` says why there is no update, or is empty. `number` counts the
    update among those of the training, `place` says which batch of which epoch it is.
    """

    step: Step
    rows: tuple[int, ...]
    alone: bool
    why: str
    number: int
    place: str


class Recorder:
    """Records the step that a session's training takes next, once for each moment."""

    def __init__(self) -> None:
        self._known: dict[bool, tuple[Any, Recorded]] = {}

    def of(self, session: Session, view: View, alone: int | None) -> Recorded:
        """Give the next step of the training, or the step of one row alone, by its place in X.

        Errors: a BacklitError where the step cannot be recorded.
        """
        training = session.training
        replayed = view.step if view.replayed is not None else None
        key = (id(training), training.step, replayed, alone)
        known = self._known.get(alone is None)
        if known is not None and known[0] == key:
            return known[1]
        made = self._made(session, view, alone)
        self._known[alone is None] = key, made
        return made

    def _made(self, session: Session, view: View, alone: int | None) -> Recorded:
        training = session.training
        presentation = presented(view.design, view.network, len(training.X))
        with session.turn():
            rows, rate, place = _coming(training)
            whole = training.optimizer.full_batch
            if alone is None and len(rows) * _numbers(training.network) > LARGEST_BATCH:
                alone = int(rows[0])
            if alone is None and view.replayed is None and not whole:
                course = course_of(training)
            else:
                course = None
                slots, network, number = training.memory.slots.copy(), training.network.copy("float64"), training.step
        if course is not None:
            recording = course.step()
            step = Step(recording, presentation)
            return Recorded(step, tuple(map(int, recording.batch.rows)), False, "", recording.number, place)
        chosen = rows if alone is None else np.array([alone])
        why = REPLAYED if view.replayed is not None else ""
        if why:
            network.parameters[:], network.state[:] = view.network.parameters, view.network.state
            number = view.step
        elif whole:
            why = (f"The optimizer {training.optimizer.name!r} searches along a line for its step over all rows, which "
                   "has no one formula: the forward pass, the error and the slopes are worked out.")  # fmt: skip
        step = _of_rows(training, network, chosen, presentation, number, None if why else (slots, rate))
        return Recorded(step, tuple(map(int, chosen)), alone is not None, why, number + 1, place)


def _coming(training: SteppedTraining) -> tuple[Array, float, str]:
    """Give the rows of the next batch, its rate, and which batch of which epoch it is."""
    if training.optimizer.full_batch:
        return np.arange(len(training.X)), 0.0, "all rows"
    batch = training.coming()
    if batch is None:  # all epochs are done: the step is that of one more
        rows = training.row_order.ahead(shuffle=training.settings.shuffle and training.batch_size < len(training.X))
        return rows[: training.batch_size], float(training._rates(1, 1)[0]), "if the training went on"
    return batch.rows, batch.rate, f"batch {batch.batch} of {batch.batches} of epoch {batch.epoch}"


def _of_rows(
    training: SteppedTraining, network: Network, rows: Array, shown: Presentation, taken: int,
    optimizer: tuple[Array, float] | None,
) -> Step:  # fmt: skip
    """Record a step on some rows as a batch of their own; without the optimizer's vectors, of plain descent."""
    given = {name: getattr(training.settings, name) for name in TrainingSettings.__struct_fields__}
    names = ("seed", "l1", "l2", "decay_biases", "penalty_per_batch", "clip_value", "clip_norm", "max_norm")
    settings: dict[str, Any] = {name: given[name] for name in names}
    settings |= {"batch_size": "full", "taken": taken}
    if training.weights.size:
        settings["sample_weight"] = training.weights[rows]
    if optimizer is not None:
        settings |= {"optimizer": training.optimizer, "slots": optimizer[0], "rates": (optimizer[1],)}
    assert shown.rows is not None
    settings["rows"] = [shown.rows[place] for place in rows]
    fields = {name: getattr(shown, name) for name in ("inputs", "units", "labels")}
    return explain_step(network, training.X[rows], training.Y[rows], **settings, **fields)


def _numbers(network: Network) -> int:
    """Count the numbers of a row in all layers."""
    return sum(int(np.prod(shape)) for shape in network.graph.rows.values())


def presented(design: Design, network: Network, rows: int) -> Presentation:
    """Give the names of a design's own inputs, units and weights; the usual ones where these do not fit."""
    names = [str(k + 1) for k in range(rows)]
    try:
        setup = design.setup()
        own = Presentation(inputs=setup.names.inputs, units=setup.names.units, labels=own_labels(setup), rows=names)
        from backlit.explain.quantity_names import Names

        Names(network, own.inputs, None, own.units, own.labels)
    except BacklitError:
        return Presentation(rows=names)
    return own
