"""`backlit.watch`: a training that is looked at while it trains."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

from backlit.engine import Epoch, History, Training, TrainingCurve, epochs_at_once, every_epoch
from backlit.errors import BacklitError
from backlit.show.curves.live import live_curve


def watch(
    training: Training, *, at_once: int | None = 1, gradient_norms: bool = False, metrics: bool = True,
    log: bool | None = None,
) -> Iterator[Epoch]:  # fmt: skip
    """Train, giving every epoch, and show how it goes: the curves in a notebook, a bar in a terminal, with time left.

    `for epoch in bl.watch(training): ...` trains as `for epoch in training: ...` does. The picture in a notebook is
    replaced a few times a second, and stays in its file as it was last. Leaving the loop by `break`, by an error or by
    Ctrl-C leaves network, history and picture at the epoch in hand.

    Within the loop the network is as it is after the epoch. Where nothing there reads the network, `at_once=None` runs
    many epochs of a small network in one call and gives them one after the other, which is much faster.

    Args:
        training: what trains.
        at_once: so many epochs run in one call at the most, and the network is that of the last one; None stands for
            up to 1,000, fewer of larger networks.
        gradient_norms, metrics, log: what to draw, as `training.plot` takes it.

    Errors: a BacklitError for what is no training, for an `at_once` below 1, and for `gradient_norms=True` where the
    training does not measure them.

    >>> import backlit as bl
    >>> network = bl.Network([bl.Dense(1)], inputs=1, loss="mse", seed=0)
    >>> training = bl.Training(network, [[1.0], [2.0]], [2.0, 4.0], epochs=5, compiled=False)
    >>> [epoch.number for epoch in bl.watch(training)], training.stopped
    ([1, 2, 3, 4, 5], 'all 5 epochs done')
    """
    if not isinstance(training, Training):
        raise BacklitError(
            f"bl.watch was given {type(training).__name__}; expected a training: bl.watch(bl.Training(network, X, Y))."
        )
    if at_once is not None and at_once < 1:
        raise BacklitError(f"at_once is {at_once}; expected at least 1, the epochs that run in one call.")
    if gradient_norms and not training.history.layers:
        raise BacklitError(
            "gradient_norms=True asks for norms that are not measured; give bl.Training(..., gradient_norms=True)."
        )
    options = {"gradient_norms": gradient_norms, "metrics": metrics, "log": log}
    return _watched(training, at_once or epochs_at_once(training), options)


def _watched(training: Training, at_once: int, options: dict[str, bool | None]) -> Iterator[Epoch]:
    def curve(number: int, most: int) -> TrainingCurve:
        history = training.history
        rows = history.rows[: number or len(history)]  # those of a call are in the history before they are given
        return History(history.validated, history.layers, rows, history.metrics).curve(most)

    live = live_curve(training.epochs, curve, options, bar=not training.hooks.progress)
    epoch, clock = None, time.monotonic
    try:
        with closing(every_epoch(training, at_once)) as epochs:  # so that it has gone back when the last state is shown
            for epoch in epochs:
                if clock() >= live.due:
                    live.show(epoch)
                yield epoch
    finally:
        live.close(epoch, training.stopped or "the loop was left")
