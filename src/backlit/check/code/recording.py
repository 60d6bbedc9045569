"""The ways in which learners record the losses of a training, and what a training of ours gives in each of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np

from backlit.check.code.plan import Plan
from backlit.engine import Executable, Network, Objective, SingleUpdates, Training, data_of, rule_of
from backlit.errors import BacklitError
from backlit.kernels.types import Array

MOST_STEPS = 5_000
"""Of a training of more steps the losses of its batches are not looked at, those of its epochs alone."""


class Measured(NamedTuple):
    """A loss without the penalty, and the penalty of the weights at that moment."""

    loss: float
    penalty: float


class BatchSteps(NamedTuple):
    """The steps of an epoch: how many rows each one's batch has, its loss before the step, how to get that after it."""

    sizes: Sequence[int]
    before: Sequence[Measured]
    measure_after: Callable[[], Sequence[Measured]]


class EpochLosses:
    """What can be recorded of an epoch of a training.

    Attributes:
        number: of the epoch, from 1. start, end: on all rows, before its first step and after its last one.
        own: as `Training` records it: the mean over the rows, each batch before its step.
        steps: None where they are not looked at. validation: on the rows of the validation, after the epoch.
    """

    def __init__(
        self, number: int, start: Measured, end: Measured, own: Measured, steps: BatchSteps | None,
        validation: Measured | None,
    ) -> None:  # fmt: skip
        self.number, self.start, self.end, self.own = number, start, end, own
        self.steps, self.validation = steps, validation

    @functools.cached_property
    def after(self) -> Sequence[Measured]:
        """The loss of each batch after its step."""
        return [] if self.steps is None else self.steps.measure_after()

    @property
    def before(self) -> Sequence[Measured]:
        """The loss of each batch before its step."""
        return [] if self.steps is None else self.steps.before

    @property
    def sizes(self) -> Sequence[int]:
        """How many rows each batch has."""
        return [] if self.steps is None else self.steps.sizes


class Way(NamedTuple):
    """A way of recording losses.

    `first` is 0 where the first loss is measured before any step, `begins` the number of the first loss in a table;
    `per` says whether there is a loss for each epoch or for each step.
    """

    measured: str
    of: Callable[[EpochLosses], list[Measured]]
    first: int = 1
    begins: int = 1
    per: Literal["epoch", "step"] = "epoch"
    penalized: bool = True

    def losses(self, epoch: EpochLosses) -> list[float]:
        """Give the losses that are recorded in an epoch."""
        return [one.loss + one.penalty if self.penalized else one.loss for one in self.of(epoch)]


def _mean(of: Sequence[Measured], weights: Sequence[float] | None = None) -> list[Measured]:
    if not of:
        return []
    losses, penalties = zip(*of, strict=True)
    return [Measured(float(np.average(losses, weights=weights)), float(np.average(penalties, weights=weights)))]


def _sum(of: Sequence[Measured]) -> list[Measured]:
    return [Measured(len(of) * mean.loss, len(of) * mean.penalty) for mean in _mean(of)]


_BEFORE_TRAINING = Way("before training, then after each epoch",
                       lambda e: [e.start, e.end] if e.number == 1 else [e.end], 0, 0)  # fmt: skip
_AFTER = Way("after each epoch", lambda e: [e.end])
_ONE_BATCH = (Way("before each step", lambda e: [e.own], 0), _BEFORE_TRAINING, _AFTER)
_SEVERAL = (
    Way("as the mean of the epoch's batches, before each one's step", lambda e: [e.own]),
    _BEFORE_TRAINING,
    _AFTER,
    Way("as the mean of the batches' losses, before each one's step, each batch counted alike, also one of fewer rows",
        lambda e: _mean(e.before)),
    Way("as the sum of the batches' losses, before each one's step", lambda e: _sum(e.before)),
    Way("on the last batch of each epoch, before its step", lambda e: [*e.before[-1:]]),
    Way("on the first batch of each epoch, before its step", lambda e: [*e.before[:1]], 0),
    Way("on each batch, before its step", lambda e: [*e.before], 0, per="step"),
    Way("on each batch, after its step", lambda e: [*e.after], per="step"),
    Way("on the last batch of each epoch, after its step", lambda e: [*e.after[-1:]]),
    Way("as the mean of the epoch's batches, after each one's step", lambda e: _mean(e.after, e.sizes)),
    Way("as the mean of the batches' losses, after each one's step, each batch counted alike, also one of fewer rows",
        lambda e: _mean(e.after)),
    Way("as the sum of the batches' losses, after each one's step", lambda e: _sum(e.after)),
)  # fmt: skip
_VALIDATION = Way("after each epoch, on the rows of the validation",
                  lambda e: [] if e.validation is None else [e.validation])  # fmt: skip


def ways_of(plan: Plan) -> tuple[Way, ...]:
    """Give the ways in which the losses of a training may be recorded, the usual ones first."""
    ways = _ONE_BATCH if plan.batches == 1 else _SEVERAL if plan.steps <= MOST_STEPS else _SEVERAL[:3]
    ways = (*ways, _VALIDATION) if plan.validation is not None else ways
    if not plan.penalized:
        return ways
    return (*ways, *(way._replace(measured=f"{way.measured}, without the penalty", penalized=False) for way in ways))


# ----------------------------------------------------------------------------------------------------------- a training


def epochs_of(plan: Plan, step: int = 0) -> Iterator[EpochLosses]:
    """Make a training, and give what can be recorded of each epoch; ends where the training diverges.

    `step` is how many steps the optimizer takes for done.
    """
    network = plan.network.copy()
    rows = _Rows(network, plan)
    single = plan.batches > 1 and plan.steps <= MOST_STEPS
    kind = SingleUpdates if single else Training
    training = kind(network, plan.X, plan.Y, **plan.arguments())
    training.step = step
    epochs = _stepped(training, rows) if isinstance(training, SingleUpdates) else _whole(training)
    start = Measured(rows.loss(), plan.penalty(network))
    number = 0
    try:
        for own, mean_penalty, steps in epochs:
            number += 1
            end = Measured(rows.loss(), plan.penalty(network))
            penalty = start.penalty if mean_penalty is None else mean_penalty
            validation = rows.validation_loss()
            yield EpochLosses(
                number, start, end, Measured(own - penalty, penalty), steps,
                None if validation is None else Measured(validation, end.penalty),
            )  # fmt: skip
            start = end
    except BacklitError:
        return


Trained = tuple[float, float | None, BatchSteps | None]
"""Of an epoch: the loss that a training records, the mean penalty in it (None: that at its start), its steps."""


def _whole(training: Training) -> Iterator[Trained]:
    for epoch in training:
        yield epoch.loss, None, None


def _stepped(training: SingleUpdates, rows: _Rows) -> Iterator[Trained]:
    """Train step by step."""
    plan, network = rows.plan, training.network
    places, penalties, kept = list[Array](), list[float](), list[Array]()
    for batch in training.updates():
        if batch.batch == 1 and places:
            yield _epoch(training, rows, places, penalties, kept)
            places, penalties, kept = [], [], []
        elif places:
            kept.append(network.parameters.copy())
        places.append(batch.rows.copy())
        penalties.append(plan.penalty(network))
    if places:
        yield _epoch(training, rows, places, penalties, kept)


def _epoch(
    training: SingleUpdates, rows: _Rows, places: list[Array], penalties: list[float], kept: list[Array]
) -> Trained:
    """Give an epoch that has ended; the network has the parameters after its last step."""
    kept = [*kept, training.network.parameters.copy()]
    errors, sizes = training.errors[-len(places) :], [len(of) for of in places]
    before = [Measured(error - penalty, penalty) for error, penalty in zip(errors, penalties, strict=True)]
    steps = BatchSteps(sizes, before, lambda: rows.after(places, kept))
    return training.history[-1].loss, float(np.average(penalties, weights=sizes)), steps


class _Rows:
    """Measures a network that is being trained on rows of the plan."""

    def __init__(self, network: Network, plan: Plan) -> None:
        self.network, self.plan = network, plan
        weights = plan.settings.get("sample_weight")
        self.weights = None if weights is None else np.asarray(weights, np.float64)
        self._executable = Executable(network, len(plan.X), target_columns=plan.Y.shape[1], compiled=False)
        self._memory = self._executable.memory()
        self._all = self._objective(plan.X, plan.Y, self.weights)
        self._validation = None if plan.validation is None else self._objective(*plan.validation)

    def _objective(self, X: Array, Y: Array, weights: Array | None = None) -> Objective:
        data = data_of(X, Y, np.zeros(0) if weights is None else weights, np.arange(len(X)))
        return Objective(self._executable, data, rule_of(self.network), memory=self._memory, training=0)

    def loss(self) -> float:
        """Give the loss of all rows."""
        return self._all.evaluate()

    def validation_loss(self) -> float | None:
        """Give the loss of the validation's rows."""
        return None if self._validation is None else self._validation.evaluate()

    def after(self, places: Sequence[Array], kept: Sequence[Array]) -> list[Measured]:
        """Give the loss of batches, each at the parameters after its step."""
        now, found = self.network.parameters.copy(), list[Measured]()
        for rows, parameters in zip(places, kept, strict=True):
            self.network.parameters[:] = parameters
            weights = None if self.weights is None else self.weights[rows]
            objective = self._objective(self.plan.X[rows], self.plan.Y[rows], weights)
            found.append(Measured(objective.evaluate(), self.plan.penalty(self.network)))
        self.network.parameters[:] = now
        return found
