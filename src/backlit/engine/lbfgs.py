"""Full-batch L-BFGS: SciPy's, on the network's flat vector."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import numpy as np

from backlit.engine import machine
from backlit.engine.machine.environment import steady
from backlit.engine.program.structs import Clock, Segment, data_of

if TYPE_CHECKING:
    from backlit.engine.training import Training
    from backlit.kernels.types import Array


class Objective:
    """The loss of all training rows, penalties included, as a function of the trainable parameters in float64."""

    def __init__(self, training: Training) -> None:
        self.training = training
        segments = training.tables.segments.reshape(-1, Segment.WIDTH)
        ranges = [np.arange(row[Segment.START], row[Segment.STOP]) for row in segments]
        self.trainable = np.concatenate(ranges) if ranges else np.zeros(0, np.int64)
        self.decays = np.repeat(segments[:, Segment.DECAYS].astype(np.float64), [r.size for r in ranges])
        self.data = data_of(training.X, training.Y, training.weights, np.arange(training.X.shape[0]))

    def values(self) -> Array:
        """Give the trainable parameters."""
        values: Array = self.training.network.parameters[self.trainable].astype(np.float64)
        return values

    def write(self, values: Array) -> None:
        """Put values into the network."""
        self.training.network.parameters[self.trainable] = values

    def __call__(self, values: Array) -> tuple[float, Array]:
        """Give the loss and its gradient at `values`."""
        loss, penalty, gradient = self.parts(values)
        return loss + penalty, gradient

    def parts(self, values: Array) -> tuple[float, float, Array]:
        """Give the loss without penalties, the penalties, and the gradient of both at `values`."""
        training, rule = self.training, self.training.rule
        self.write(values)
        rows = training.X.shape[0]
        weight = machine.total_weight(self.data, 0, rows)
        scale = machine.factor(rule.reduction, weight)
        with steady(training.compiled):
            loss = (training.team or training.machine).batch_gradient(
                training.tables, training.memory, self.data, 0, rows, scale, 1, Clock(training.step, training.seed)
            )
        share = machine.factor(1, weight) if rule.penalty_per_batch else 1.0
        l1, l2 = rule.l1 * share * self.decays, rule.l2 * share * self.decays
        cost = float((0.5 * l2 * values**2 + l1 * np.abs(values)).sum())
        gradient = training.memory.dP[self.trainable].astype(np.float64) + l2 * values + l1 * np.sign(values)
        return loss * scale, cost, gradient


def minimize(training: Training) -> Generator[float]:
    """Run SciPy's L-BFGS-B, giving the loss after each iteration with the network at that iterate.

    SciPy calls back, while a training is a generator: so SciPy runs in a thread of its own, and only one of the two
    runs at any time.
    """
    objective = Objective(training)
    results: queue.Queue[Any] = queue.Queue()
    resume = threading.Semaphore(0)
    leaving = threading.Event()
    result: Any = None

    def evaluate(values: Array) -> tuple[float, Array]:
        if leaving.is_set():
            raise _Left
        return objective(values)

    def after_iteration(intermediate_result: Any) -> None:
        results.put((float(intermediate_result.fun), intermediate_result.x.copy()))
        resume.acquire()
        if leaving.is_set():
            raise StopIteration

    def work() -> None:
        from scipy.optimize import minimize as scipy_minimize  # noqa: PLC0415

        try:
            results.put(scipy_minimize(
                evaluate, objective.values(), jac=True, method="L-BFGS-B", callback=after_iteration,
                options=lbfgs_options(training),
            ))  # fmt: skip
        except BaseException as error:  # noqa: BLE001  (handed on to the thread that waits)
            results.put(error)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        while isinstance(result := results.get(), tuple):
            loss, values = result
            objective.write(values)
            yield loss
            resume.release()
        if isinstance(result, BaseException):
            raise result
        objective.write(result.x)
        training.stopped = _reason(result)
    finally:
        leaving.set()
        resume.release()
        _join(worker)
        if training.history and isinstance(result, tuple):
            objective.write(result[1])


class _Left(Exception):  # noqa: N818  (nothing went wrong)
    """Nobody waits for what SciPy would find."""


def _join(worker: threading.Thread) -> None:
    """Wait until a thread has ended, which works on the network, and only then let an interruption through."""
    interrupted = None
    while worker.is_alive():
        try:
            worker.join()
        except KeyboardInterrupt as error:
            interrupted = error
    if interrupted is not None:
        raise interrupted


def lbfgs_options(training: Training) -> dict[str, Any]:
    """Give SciPy's options: the epochs that are left bound the iterations, the optimizer's settings the rest."""
    optimizer: Any = training.optimizer
    return {"maxiter": training.epochs - len(training.history), "maxfun": optimizer.max_evaluations,
            "maxcor": optimizer.history, "gtol": optimizer.tolerance,
            "ftol": optimizer.relative_tolerance}  # fmt: skip


def _reason(result: Any) -> str | None:
    """Say why SciPy stopped; None where it merely used up the epochs."""
    if result.status == 0:
        return "converged: the gradient or the decrease is below its tolerance"
    if "ITERATIONS" in str(result.message).upper():
        return None
    return f"L-BFGS stopped: {result.message}"
