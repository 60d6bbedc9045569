"""The two ways to train a network of an estimator: gradient descent by batches, and L-BFGS on all rows."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
from sklearn.utils.optimize import _check_optimize_result

from backlit.engine import DivergedError, Epoch, Training, lbfgs_options
from backlit.engine import minimize as minimize_by_lbfgs
from backlit.estimators.build import Settings, is_random
from backlit.estimators.member import Held, Limits, Member, OptimizerState, Rows, Watch
from backlit.kernels.types import Array

SMALLEST_RATE = 1e-6
"""`learning_rate="adaptive"` stops rather than divide a rate of this by five again."""


# ---------------------------------------------------------------------------------------------------- gradient descent


class Rules:
    """scikit-learn's rules for the end of an epoch: what is recorded, how the rate changes, when training ends."""

    def __init__(
        self, member: Member, rows: int, held: Held | None, settings: Settings, limits: Limits, rate: float
    ) -> None:
        self.member, self.rows, self.limits, self.policy = member, rows, limits, settings.policy
        self.initial: float = settings.optimizer.rate  # type: ignore[attr-defined]
        self.score = held.score if held is not None else None
        self.rate = rate

    def epochs_before_a_decision(self) -> int:
        """Give how many epochs will end before one of them could end the training or change its rate."""
        if self.score is not None or self.limits.incremental or self.policy == "invscaling":
            return 1
        waited = self.member.no_improvement_count
        return int(min(self.limits.n_iter_no_change + 1 - waited, self.limits.max_iter))

    def note(self, epoch: Epoch) -> None:
        """Record an epoch that has ended."""
        member = self.member
        _take(member, epoch, self.limits.parts)
        judged = None if self.score is None else self.score(member)
        _remember(member, epoch, judged)
        member.judge(judged, self.limits.tol)
        member.t += self.rows
        member.n_iter += 1

    def diverged(self, message: str) -> None:
        """Record an epoch whose loss was not a finite number."""
        member = self.member
        member.diverged = message
        member.n_iter += 1
        member.loss_curve.append(np.nan)
        if self.score is not None:
            member.judge(np.nan, self.limits.tol)

    def next_rate(self) -> float | None:
        """Give the learning rate of the next epoch; None where too many epochs brought no improvement."""
        member = self.member
        if self.policy == "invscaling":
            self.rate = self.initial / (member.t + 1) ** self.limits.power_t
        if member.no_improvement_count > self.limits.n_iter_no_change:
            if self.policy != "adaptive" or self.rate <= SMALLEST_RATE:
                return None
            self.rate /= 5.0
            member.no_improvement_count = 0
        return self.rate


def descend(
    member: Member, rows: Rows, held: Held | None, settings: Settings, limits: Limits,
    random: np.random.RandomState, watch: Watch | None, stop: threading.Event, threads: int,
) -> None:  # fmt: skip
    """Train by batches, epoch by epoch, with scikit-learn's rules for when to stop and how the rate changes."""
    training = _training(member, rows, held, settings, limits, random, threads)
    rules = Rules(member, rows.count, held, settings, limits, _resume(member, training, limits.incremental))
    member.begin()
    try:
        for epoch in training.in_chunks(rules.epochs_before_a_decision if watch is None else lambda: 1):
            rules.note(epoch)
            asked_to_stop = watch is not None and watch(member)
            rate = rules.next_rate()
            if rate is None:
                break
            _set_rate(training, rate)
            if limits.incremental or asked_to_stop or stop.is_set():
                break
            member.exhausted = member.n_iter == limits.max_iter
    except DivergedError as error:
        rules.diverged(str(error))
    except KeyboardInterrupt:
        member.interrupted = True
    member.settle()
    for epoch in training.history[member.n_iter :]:  # an interruption came between
        rules.note(epoch)
    member.interrupted |= training.stopped == "interrupted" or stop.is_set()
    member.optimizer = OptimizerState(training.optimizer.name, rules.rate, training.step, training.memory.slots.copy())
    if rules.score is not None:
        member.restore_best()


def _training(
    member: Member, rows: Rows, held: Held | None, settings: Settings, limits: Limits,
    random: np.random.RandomState, threads: int,
) -> Training:  # fmt: skip
    """Give the training of the network on the rows."""
    return Training(
        member.network, rows.X, rows.T, optimizer=settings.optimizer, schedule=settings.schedule,
        batch_size=rows.batch(settings.batch_size), epochs=limits.max_iter, sample_weight=rows.weights,
        validation=held.rows.as_validation() if held is not None and held.curve else None, keep_best=False,
        order=_shuffles(rows.count, random) if limits.shuffle else None, shuffle=False,
        seed=random.randint(2**31 - 1) if is_random(member.network) else 0,
        penalty_per_batch=True, gradient_norms=True, divergence="raise", threads=threads, **settings.penalties,
    )  # fmt: skip


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
    objective = training.objective()
    last = member.values()
    asked_to_stop = False
    member.begin()

    def cost(values: Array) -> tuple[float, Array]:
        loss, penalty, gradient = objective.parts(values)
        return loss / limits.parts + penalty, gradient

    def after_iteration(loss: float, values: Array) -> bool:
        nonlocal last, asked_to_stop
        objective.write(values)
        last = member.values()
        member.loss = loss
        measured = {}
        if held is not None:
            measured["validation_loss"] = training.after_epoch(member.loss) / limits.parts
            member.validation_loss_curve.append(measured["validation_loss"])
        member.record(loss=member.loss, **measured)
        member.n_iter += 1
        asked_to_stop = (watch is not None and watch(member)) or stop.is_set()
        return asked_to_stop

    options = lbfgs_options(training.optimizer, limits.max_iter)
    try:
        minimum = minimize_by_lbfgs(cost, objective.values(), options, after_iteration)
    except KeyboardInterrupt:
        member.restore(last)
        member.settle()
        member.interrupted = True
        return
    objective.write(minimum.point)
    member.loss = minimum.value
    if not asked_to_stop:
        member.n_iter = _check_optimize_result("lbfgs", minimum.result, limits.max_iter)
