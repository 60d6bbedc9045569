"""One network of an estimator with all that its training leaves behind, and the two ways to train it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import scipy.optimize
from sklearn.utils.optimize import _check_optimize_result

from backlit.engine import DivergedError, Epoch, Network, Objective, Training, lbfgs_options
from backlit.estimators.build import Settings, is_random
from backlit.kernels.types import Array
from backlit.ops.base import Optimizer

SMALLEST_RATE = 1e-6
"""`learning_rate="adaptive"` stops rather than divide a rate of this by five again."""


class Rows(msgspec.Struct, frozen=True, eq=False):
    """Rows to train on or to measure: inputs (n, k), targets as the network takes them, weights (n,) or None."""

    X: Array
    T: Array
    weights: Array | None

    @property
    def count(self) -> int:
        """The number of rows."""
        return int(self.X.shape[0])

    def batch(self, batch_size: int | str) -> int:
        """Give the rows of a batch; at most all, or 200 if `"auto"`."""
        return min(200 if isinstance(batch_size, str) else int(batch_size), self.count)

    def as_validation(self) -> tuple[Array, ...]:
        """Give what a training measures after each epoch."""
        return (self.X, self.T) if self.weights is None else (self.X, self.T, self.weights)


class Held(msgspec.Struct, frozen=True, eq=False):
    """Rows held out: `score` measures the network on them after each epoch, `curve` asks for their loss as well."""

    rows: Rows
    score: Callable[[Member], float] | None
    curve: bool


class Limits(msgspec.Struct, frozen=True):
    """When a training ends: the parameters of the same names."""

    max_iter: int
    tol: float
    n_iter_no_change: float
    power_t: float
    shuffle: bool
    parts: int
    incremental: bool


@dataclass
class OptimizerState:
    """What an optimizer remembers from one call of `partial_fit` to the next; not a Struct, which skops cannot keep."""

    optimizer: str
    learning_rate: float
    step: int
    slots: Array


class Member:
    """A network, the state of its optimizer, and the record of its training; plain data, so that it pickles."""

    def __init__(self, network: Network, early_stopping: bool) -> None:
        self.network = network
        self.optimizer: OptimizerState | None = None
        self.n_iter = 0
        self.t = 0
        self.loss = np.inf
        self.loss_curve: list[float] = []
        self.best_loss: float | None = None if early_stopping else np.inf
        self.validation_scores: list[float] | None = [] if early_stopping else None
        self.best_validation_score: float | None = -np.inf if early_stopping else None
        self.validation_loss_curve: list[float] = []
        self.no_improvement_count = 0
        self.history: dict[str, list[float]] = {}
        self.diverged: str | None = None
        self.interrupted = False
        self.exhausted = False
        self._begun: dict[str, int] = {}
        self._epochs = 0
        self._best = self.values()

    def begin(self) -> None:
        """Make ready for another run, which goes on with the same curves."""
        self.n_iter = 0
        self.diverged, self.interrupted, self.exhausted = None, False, False
        self._begun = {name: len(curve) for name, curve in self._curves().items()}
        self._epochs = max(map(len, self.history.values()), default=0)

    def settle(self) -> None:
        """Forget what an interruption left recorded of an epoch that is not counted yet."""
        for name, curve in self._curves().items():
            del curve[self._begun.get(name, 0) + self.n_iter :]
        for column in self.history.values():
            del column[self._epochs + self.n_iter :]

    def _curves(self) -> dict[str, list[float]]:
        """Give the lists that get a value per epoch, if what they are of is measured."""
        curves = {"loss_curve_": self.loss_curve, "validation_loss_curve_": self.validation_loss_curve}
        return curves | {"validation_scores_": self.validation_scores or []}

    def values(self) -> tuple[Array, Array]:
        """Copy the parameters and running statistics."""
        return self.network.parameters.copy(), self.network.state.copy()

    def restore(self, values: tuple[Array, Array]) -> None:
        """Put values back into the network."""
        self.network.parameters[:], self.network.state[:] = values

    def keep_best(self) -> None:
        """Remember the values as the best so far."""
        self._best = self.values()

    def restore_best(self) -> None:
        """Put the values of the best validation score back."""
        self.restore(self._best)

    @property
    def best_parameters(self) -> Array:
        """The parameters of the best validation score so far; those of the beginning where there is none."""
        return self._best[0]

    def snapshot(self) -> Member:
        """Give a member of the same values that training on leaves alone."""
        twin = Member(self.network.copy(), self.best_loss is None)
        return twin

    def finite(self) -> bool:
        """Tell whether all parameters are finite numbers."""
        return bool(np.isfinite(self.network.parameters).all())

    def state_for(self, optimizer: Optimizer) -> OptimizerState | None:
        """Give the state that `partial_fit` goes on from; None where nothing is left of this optimizer."""
        state = self.optimizer
        return state if state is not None and state.optimizer == optimizer.name else None

    # ---------------------------------------------------------------------------------------------- the record of a run

    def judge(self, score: float | None, tol: float) -> None:
        """Count epochs without improvement by more than `tol`, of the validation score or else of the training loss."""
        if score is None:
            best = np.inf if self.best_loss is None else self.best_loss
            self.no_improvement_count = self.no_improvement_count + 1 if self.loss > best - tol else 0
            self.best_loss = min(best, self.loss)
            return
        best = -np.inf if self.best_validation_score is None else self.best_validation_score
        self.validation_scores = [*(self.validation_scores or []), score]
        self.no_improvement_count = self.no_improvement_count + 1 if score < best + tol else 0
        self.best_validation_score = best
        if score > best:
            self.best_validation_score = score
            self.keep_best()

    def record(self, **values: float) -> None:
        """Append an epoch to the history; nan stands where a value was not measured, in this epoch or those before."""
        epochs = max(map(len, self.history.values()), default=0)
        for name in {**self.history, **values}:
            self.history.setdefault(name, [np.nan] * epochs).append(values.get(name, np.nan))


Watch = Callable[[Member], bool]
"""Called after each epoch; True asks the training to stop."""


# ---------------------------------------------------------------------------------------------------- gradient descent


def descend(
    member: Member, rows: Rows, held: Held | None, settings: Settings, limits: Limits,
    random: np.random.RandomState, watch: Watch | None, stop: threading.Event, threads: int,
) -> None:  # fmt: skip
    """Train by batches, epoch by epoch, with scikit-learn's rules for when to stop and how the rate changes."""
    training = Training(
        member.network, rows.X, rows.T, optimizer=settings.optimizer, schedule=settings.schedule,
        batch_size=rows.batch(settings.batch_size), epochs=limits.max_iter, sample_weight=rows.weights,
        validation=held.rows.as_validation() if held is not None and held.curve else None, keep_best=False,
        order=_shuffles(rows.count, random) if limits.shuffle else None, shuffle=False,
        seed=random.randint(2**31 - 1) if is_random(member.network) else 0,
        penalty_per_batch=True, gradient_norms=True, divergence="raise", threads=threads, **settings.penalties,
    )  # fmt: skip
    rate = _resume(member, training, limits.incremental)
    member.begin()
    score = held.score if held is not None else None
    watched = watch is not None or score is not None or limits.incremental or settings.policy == "invscaling"

    def unseen() -> int:
        """Give how many epochs are sure to end before anything depends on one of them."""
        return 1 if watched else int(min(limits.n_iter_no_change + 1 - member.no_improvement_count, limits.max_iter))

    def note(epoch: Epoch) -> None:
        _take(member, epoch, limits.parts)
        judged = None if score is None else score(member)
        _remember(member, epoch, judged)
        member.judge(judged, limits.tol)
        member.t += rows.count
        member.n_iter += 1

    try:
        for epoch in training.in_chunks(unseen):
            note(epoch)
            asked_to_stop = watch is not None and watch(member)
            if settings.policy == "invscaling":
                rate = training.optimizer.rate / (member.t + 1) ** limits.power_t  # type: ignore[attr-defined]
            if member.no_improvement_count > limits.n_iter_no_change:
                if settings.policy != "adaptive" or rate <= SMALLEST_RATE:
                    break
                rate /= 5.0
                member.no_improvement_count = 0
            _set_rate(training, rate)
            if limits.incremental or asked_to_stop or stop.is_set():
                break
            member.exhausted = member.n_iter == limits.max_iter
    except DivergedError as error:
        member.diverged = str(error)
        member.n_iter += 1
        member.loss_curve.append(np.nan)
        if score is not None:
            member.judge(np.nan, limits.tol)
    except KeyboardInterrupt:
        member.interrupted = True
    member.settle()
    for epoch in training.history[member.n_iter :]:  # an interruption came between
        note(epoch)
    member.interrupted |= training.stopped == "interrupted" or stop.is_set()
    member.optimizer = OptimizerState(training.optimizer.name, rate, training.step, training.memory.slots.copy())
    if score is not None:
        member.restore_best()


def _shuffles(count: int, random: np.random.RandomState) -> Callable[[], Array]:
    """Give what gives the next epoch's order: the last one shuffled again, by the draws of `sklearn.utils.shuffle`."""
    order = np.arange(count)

    def next_order() -> Array:
        nonlocal order
        draw = np.arange(count)
        random.shuffle(draw)
        order = order[draw]
        return order

    return next_order


def _resume(member: Member, training: Training, incremental: bool) -> float:
    """Start the optimizer afresh, or where the last call of `partial_fit` left it; give the learning rate."""
    initial: float = training.optimizer.rate  # type: ignore[attr-defined]
    state = member.state_for(training.optimizer) if incremental else None
    if state is None:
        return initial
    training.memory.slots[:] = state.slots
    training.step = state.step
    _set_rate(training, state.learning_rate)
    return state.learning_rate


def _set_rate(training: Training, rate: float) -> None:
    initial: float = training.optimizer.rate  # type: ignore[attr-defined]
    if not training.schedule.needs_loss:  # else the schedule itself sets the factor
        training.rate_factor = rate / initial


def _take(member: Member, epoch: Epoch, parts: int) -> None:
    """Note an epoch's losses; scikit-learn reports a squared error's mean over the outputs and trains on its sum."""
    member.loss = epoch.loss if parts == 1 else (epoch.loss - epoch.penalty) / parts + epoch.penalty
    member.loss_curve.append(member.loss)
    if epoch.validation_loss is not None:
        member.validation_loss_curve.append(epoch.validation_loss / parts)


def _remember(member: Member, epoch: Epoch, score: float | None) -> None:
    held_loss = None if epoch.validation_loss is None else member.validation_loss_curve[-1]
    measured = {"validation_loss": held_loss, "validation_score": score}
    known = {name: value for name, value in measured.items() if value is not None}
    norms = {f"gradient_norm_{label}": norm for label, norm in epoch.gradient_norms.items()}
    member.record(loss=member.loss, learning_rate=epoch.rate, seconds=epoch.seconds, **known, **norms)


# ------------------------------------------------------------------------------------------------------------- L-BFGS


def minimize(
    member: Member, rows: Rows, held: Held | None, settings: Settings, limits: Limits, watch: Watch | None,
    stop: threading.Event, threads: int,
) -> None:  # fmt: skip
    """Train on all rows at once by SciPy's L-BFGS, an iteration an epoch."""
    training = Training(
        member.network, rows.X, rows.T, optimizer=settings.optimizer, epochs=limits.max_iter,
        sample_weight=rows.weights, validation=held.rows.as_validation() if held is not None else None,
        shuffle=False, keep_best=False, penalty_per_batch=True, l2=settings.penalties["l2"], threads=threads,
    )  # fmt: skip
    objective = Objective(training)
    last = member.values()
    asked_to_stop = False
    member.begin()

    def cost(values: Array) -> tuple[float, Array]:
        loss, penalty, gradient = objective.parts(values)
        return loss / limits.parts + penalty, gradient

    def after_iteration(intermediate_result: Any) -> None:
        nonlocal last, asked_to_stop
        objective.write(intermediate_result.x)
        last = member.values()
        member.loss = float(intermediate_result.fun)
        measured = {}
        if held is not None:
            measured["validation_loss"] = training.after_epoch(member.loss) / limits.parts
            member.validation_loss_curve.append(measured["validation_loss"])
        member.record(loss=member.loss, **measured)
        member.n_iter += 1
        asked_to_stop = (watch is not None and watch(member)) or stop.is_set()
        if asked_to_stop:
            raise StopIteration

    try:
        result = scipy.optimize.minimize(
            cost, objective.values(), jac=True, method="L-BFGS-B", callback=after_iteration,
            options=lbfgs_options(training),
        )  # fmt: skip
    except KeyboardInterrupt:
        member.restore(last)
        member.settle()
        member.interrupted = True
        return
    objective.write(result.x)
    member.loss = float(result.fun)
    if not asked_to_stop:
        member.n_iter = _check_optimize_result("lbfgs", result, limits.max_iter)
