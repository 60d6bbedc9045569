"""The training's next step as `backlit.explain` records it: once for each moment, for all panels that show it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np

from backlit.engine import Batch, Network, NextUpdate, SteppedTraining
from backlit.explain import Presentation, Step, explain_step
from backlit.explain.record.recording import Recording
from backlit.explain.step import settings_of
from backlit.kernels.types import Array
from backlit.page.names import presented
from backlit.page.source import Which
from backlit.page.view import View

LARGEST_BATCH = 2_000_000
"""Of a larger batch, the numbers of its rows in all layers counted, one row is looked at alone."""

KEPT = ("seed", "l1", "l2", "decay_biases", "penalty_per_batch", "clip_value", "clip_norm", "max_norm")
"""Settings of a training that count where rows are a batch of their own."""

REPLAYED = (
    "These are the weights of an earlier moment. The optimizer's moments and the batch of that time are not kept, so "
    "the forward pass, the error and the slopes are worked out, and no update."
)
OTHER_BATCH = (
    "The rows are those of the batch that comes after the last moment; from here the training took another batch, so "
    "the next moment's weights are other ones."
)
HELD_OUT = (
    "This row validates: no update is made by it. The forward pass, the error and the slopes that it would give are "
    "worked out."
)
BEYOND = "All epochs are done: the update is the one that one more epoch would begin with."
ENDED = "The training has done all its epochs, over which its schedule spreads the learning rate: no update follows."
TOO_LARGE = "The batch is too large to be worked out whole: this row is worked out as a batch of its own."


class Recorded(NamedTuple):
    """A step that was recorded.

    `rows` are the places of its rows among those of their kind, in their order. `alone` says that it is one
    row as a batch of its own, which is not the batch that the training takes next. `which` says which rows these are,
    `remark` what is to be known beside, and `why` why there is no update, or nothing.
    """

    step: Step
    rows: tuple[int, ...]
    alone: bool
    which: str
    remark: str
    why: str


class Recorder:
    """Records the step that a training takes next, once for each moment.

    Args:
        turn: holds the lock of the session, for as long as the training is copied.
    """

    def __init__(self, turn: Callable[[], AbstractContextManager[None]]) -> None:
        self.turn = turn
        self._known: dict[bool, tuple[SteppedTraining, Any, Recorded]] = {}  # of the coming batch, and of a row alone
        self._named: tuple[Any, Presentation] | None = None

    def of(
        self, training: SteppedTraining, view: View, alone: int | None = None, which: Which = "training"
    ) -> Recorded:
        """Give the next step of the training on its batch, or on one row alone, by its place among its kind of rows.

        At a moment that is replayed, the network is that of the view.

        Errors: a BacklitError where the step cannot be recorded.
        """
        replayed = None if view.replayed is None else view.step
        key = (training.step, training.settings.epochs, replayed, alone, which)
        known = self._known.get(alone is None)
        if known is None or known[0] is not training or known[1] != key:
            known = self._known[alone is None] = training, key, self._made(training, view, alone, which)
        return known[2]

    @staticmethod
    def rows(training: SteppedTraining) -> tuple[int, ...]:
        """Give the places in X of the rows of the next batch; the session's lock is to be held."""
        return tuple(map(int, _Coming.of(training).rows))

    def _presentation(self, view: View) -> Presentation:
        if self._named is None or self._named[0] != view.design:
            self._named = view.design, presented(view.design, view.network)
        return self._named[1]

    def _made(self, training: SteppedTraining, view: View, alone: int | None, which: Which) -> Recorded:
        with self.turn():
            coming = _Coming.of(training)
            remark = ""
            if alone is None and len(coming.rows) * _numbers(training.network) > LARGEST_BATCH:
                alone, remark = int(coming.rows[0]), TOO_LARGE
            held_out = HELD_OUT if which == "validation" else ""
            forgotten = view.replayed is not None and not _is_plain(training)
            why = held_out or (REPLAYED if forgotten else coming.why)
            beyond = coming.beyond if view.replayed is None and not held_out else ""
            update = None
            if alone is None and not why and coming.batch is not None and view.replayed is None:
                update = NextUpdate.of(training, coming.batch)
            else:
                network, taken = training.network.copy("float64"), training.step
                optimizer = None if why else (training.memory.slots.astype(np.float64), coming.rate)
        shown = self._presentation(view)
        if training.network.dtype != np.float64:
            remark += " Worked out in float64; the training's float32 rounds to about 7 digits."
        if update is not None:
            step = Step(Recording(update, settings_of(training, steps=1)), shown)
            return Recorded(step, tuple(map(int, coming.rows)), False, coming.which, f"{beyond} {remark}".strip(), "")
        if view.replayed is not None:
            network.parameters[:], network.state[:] = view.network.parameters, view.network.state
            taken = view.step
            other = "" if alone is not None or len(coming.rows) == len(training.X) else OTHER_BATCH
            remark = f"At the weights after update {view.step:,}, an earlier moment. {other} {remark}"
        remark = f"{beyond} {remark}"
        chosen = coming.rows if alone is None else np.array([alone])
        rows = rows_of(training, which)
        step = _of_rows(training, network, tuple(part[chosen] for part in rows), chosen, shown, taken, optimizer)
        return Recorded(step, tuple(map(int, chosen)), alone is not None, coming.which, remark.strip(), why)


class _Coming(NamedTuple):
    """The next batch of a training; `why` says why there is no update that has one formula, or nothing.

    `beyond` says that all epochs are done, and the batch is that of one more.
    """

    rows: Array
    rate: float
    which: str
    why: str
    batch: Batch | None = None
    beyond: str = ""

    @classmethod
    def of(cls, training: SteppedTraining) -> _Coming:
        optimizer, count = training.optimizer, len(training.X)
        if optimizer.full_batch:
            why = (f"The optimizer {optimizer.name!r} searches along a line over all rows for its step, which has no "
                   "one formula: the forward pass, the error and the slopes are worked out.")  # fmt: skip
            return cls(np.arange(count), 0.0, "all rows, which the optimizer takes together", why)
        batch, beyond = training.coming(), ""
        if batch is None and training.settings.schedule.name == "constant":
            batch, beyond = training.coming(beyond=True), BEYOND
        if batch is None:
            rows = np.arange(min(count, training.batch_size))
            which = "all rows that train" if len(rows) == count else "the first rows, as no batch comes any more"
            return cls(rows, 0.0, which, ENDED)
        if len(batch.rows) == count:
            which = "all rows that train" if count > 1 else "the only row that trains"
        elif beyond:
            which = "the batch that one more epoch would begin with"
        else:
            which = f"the batch that comes next (batch {batch.batch} of {batch.batches} of epoch {batch.epoch})"
        return cls(batch.rows, batch.rate, which, "", batch, beyond)


def _is_plain(training: SteppedTraining) -> bool:
    """Say whether an update follows from the weights alone: no moments, a rate that stays, and always all rows."""
    whole = training.batch_size >= len(training.X)
    return whole and not training.memory.slots.size and training.settings.schedule.name == "constant"


def rows_of(training: SteppedTraining, which: Which) -> tuple[Array, ...]:
    """Give X, Y and the weights, where there are any, of a training's rows that train or validate."""
    training_rows = (training.X, training.Y, training.weights)
    X, Y, *weights = training_rows if which == "training" or training.validation is None else training.validation
    return (X, Y, *(part for part in weights if part.size))


def _of_rows(
    training: SteppedTraining, network: Network, rows: tuple[Array, ...], places: Array, shown: Presentation,
    taken: int, optimizer: tuple[Array, float] | None,
) -> Step:  # fmt: skip
    """Record a step on some rows as a batch of their own, by the optimizer's vectors and rate where they are given."""
    given: dict[str, Any] = {name: getattr(training.settings, name) for name in KEPT}
    X, Y, *weights = rows
    if weights:
        given["sample_weight"] = weights[0]
    if optimizer is not None:
        given |= {"optimizer": training.optimizer, "slots": optimizer[0], "rates": (optimizer[1],)}
    names = {name: getattr(shown, name) for name in ("inputs", "units", "labels")}
    called = [str(place + 1) for place in places]
    return explain_step(network, X, Y, **given, taken=taken, rows=called, **names)


def _numbers(network: Network) -> int:
    """Count the numbers of a row in all layers."""
    return sum(int(np.prod(shape)) for shape in network.graph.rows.values())
