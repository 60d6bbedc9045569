"""Full-batch L-BFGS: SciPy's, on a function of a flat vector."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any, NamedTuple

import numpy as np

from backlit.engine import stopping
from backlit.engine.objective import Objective
from backlit.engine.program.structs import Clock
from backlit.kernels.types import Array

Function = Callable[[Array], tuple[float, Array]]
"""Gives a value and its gradient at a point (n,)."""


class Minimum(NamedTuple):
    """Where L-BFGS ended: the point, the function's value there, and SciPy's message."""

    point: Array
    value: float
    result: Any

    @property
    def reason(self) -> str | None:
        """Why SciPy stopped; None where it merely used up the iterations."""
        if self.result.status == 0:
            return "converged: the gradient or the decrease is below its tolerance"
        if "ITERATIONS" in str(self.result.message).upper():
            return None
        return f"L-BFGS stopped: {self.result.message}"


def lbfgs_options(optimizer: Any, iterations: int) -> dict[str, Any]:
    """Give SciPy's options: a bound of the iterations, and the optimizer's settings."""
    return {"maxiter": iterations, "maxfun": optimizer.max_evaluations, "maxcor": optimizer.history,
            "gtol": optimizer.tolerance, "ftol": optimizer.relative_tolerance}  # fmt: skip


def minimize(
    function: Function, start: Array, options: dict[str, Any], after_iteration: Callable[[float, Array], bool | None]
) -> Minimum:
    """Minimize a function by SciPy's L-BFGS-B from a starting point.

    `after_iteration` is given the value and the point of each iteration, and ends the search where it gives True.
    """
    from scipy.optimize import minimize as scipy_minimize  # noqa: PLC0415

    def callback(intermediate_result: Any) -> None:
        if after_iteration(float(intermediate_result.fun), intermediate_result.x):
            raise StopIteration

    result = scipy_minimize(function, start, jac=True, method="L-BFGS-B", callback=callback, options=options)
    return Minimum(result.x, float(result.fun), result)


class Search:
    """Minimizes a function as `minimize` does; iterating gives the value and the point of each iteration.

    `minimum` is where it ended, None before that. SciPy calls back, while a training is a generator: so SciPy runs in a
    thread of its own, and only one of the two threads runs at any time. Closing the iterator ends that thread.
    """

    def __init__(self, function: Function, start: Array, options: dict[str, Any]) -> None:
        self.function, self.start, self.options = function, start, options
        self.minimum: Minimum | None = None

    def __iter__(self) -> Generator[tuple[float, Array]]:
        bridge = _Bridge(self.function)
        worker = threading.Thread(target=bridge.work, args=(self.start, self.options), daemon=True)
        worker.start()
        try:
            while isinstance(result := bridge.results.get(), _Iteration):
                yield result
                bridge.resume.release()
        finally:
            bridge.leaving.set()
            bridge.resume.release()
            _join(worker)
        if isinstance(result, BaseException):
            raise result
        self.minimum = result


def iterates(search: Search, objective: Objective) -> Generator[float]:
    """Run a search on an objective, giving the value after each iteration with the network at that iterate.

    The network ends at the last iterate, whenever the search ends.
    """
    last = search.start
    try:
        with closing(iter(search)) as iterations:
            for value, last in iterations:
                objective.write(last)
                yield value
        if search.minimum is not None:
            last = search.minimum.point
    finally:
        objective.write(last)


def iterations(training: Any) -> Generator[int]:
    """Train by full-batch L-BFGS, an iteration an epoch, giving after each how many epochs there were before it."""
    left = training.settings.epochs - len(training.history)
    if left <= 0:  # SciPy would make one iteration
        return
    objective, began = training.objective(), time.perf_counter()
    search = Search(objective, objective.values(), lbfgs_options(training.optimizer, left))
    with closing(iterates(search, objective)) as losses:
        for loss in losses:
            training.step += 1
            objective.clock = Clock(training.step, training.settings.seed)
            lowest = float(training.loop.monitor.lowest[0])
            sums = np.array([[loss, 1.0, 0.0, loss, training.after_epoch(loss)]])
            training._seconds += time.perf_counter() - began
            training._record(sums, np.ones(1), lowest)
            yield len(training.history) - 1
            if training._out_of_time():
                training.stopped = stopping.over_time(training.settings.time_limit or 0.0)
                return
            began = time.perf_counter()
    if search.minimum is not None and not np.isfinite(search.minimum.value):
        stopping.diverged(training, 1, "the loss is not a finite number")
        return
    training.stopped = search.minimum.reason if search.minimum else None


class _Iteration(NamedTuple):
    value: float
    point: Array


class _Left(Exception):  # noqa: N818  (nothing went wrong)
    """The iterator was closed, so SciPy's search has to end."""


class _Bridge:
    """Hands the iterations from the thread that runs SciPy to the one that iterates."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.results: queue.Queue[Any] = queue.Queue()
        self.resume = threading.Semaphore(0)
        self.leaving = threading.Event()

    def work(self, start: Array, options: dict[str, Any]) -> None:
        """Run SciPy; its end, or its error, is the last result."""
        try:
            self.results.put(minimize(self.evaluate, start, options, self.after_iteration))
        except BaseException as error:  # noqa: BLE001  (raised again in the other thread)
            self.results.put(error)

    def evaluate(self, point: Array) -> tuple[float, Array]:
        if self.leaving.is_set():
            raise _Left
        return self.function(point)

    def after_iteration(self, value: float, point: Array) -> bool:
        self.results.put(_Iteration(value, point.copy()))
        self.resume.acquire()
        return self.leaving.is_set()


def _join(worker: threading.Thread) -> None:
    """Wait until the thread that works on the network has ended; raise an interruption only then."""
    interrupted = None
    while worker.is_alive():
        try:
            worker.join()
        except KeyboardInterrupt as error:
            interrupted = error
    if interrupted is not None:
        raise interrupted
