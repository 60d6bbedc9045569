"""What a training does after each epoch where it is asked for: metrics, callbacks, a progress display."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from backlit.engine import display
from backlit.engine.code_cache.announcing import Compilation, compilation_listeners
from backlit.engine.curves import NORM
from backlit.engine.history import Epoch
from backlit.engine.metrics import chosen, measure
from backlit.engine.network import Network
from backlit.errors import BacklitError
from backlit.kernels.types import Array

Callback = Callable[[Epoch], Any]
Rows = tuple[Array, Array, Array]

VALIDATION = "validation_"


class EpochHooks:
    """The metrics that are measured and the callbacks that are called after each epoch of a training.

    Args:
        network: what is measured. rows: the training rows (X, Y, weights). validation: the validation rows, or None.
        metrics: as `Network.evaluate` takes them, but none by default; each is measured on the training rows, under its
            name, and on the validation rows, under "validation_" and its name.
        callbacks: functions of an `Epoch`, or one. progress: whether to show how far the training is.
        compiled: whether to predict by compiled kernels.
    """

    def __init__(
        self, network: Network, rows: Rows, validation: Rows | None, metrics: Any, callbacks: Any, *,
        progress: bool, compiled: bool,
    ) -> None:  # fmt: skip
        self.network, self.compiled = network, compiled
        self.metrics = chosen(() if metrics is None else metrics, network.loss)
        self.measured = [("", rows), *([(VALIDATION, validation)] if validation is not None else [])]
        self.names = tuple(f"{which}{name}" for which, _ in self.measured for name in self.metrics)
        _check_names(self.names)
        self.callbacks = _checked(callbacks)
        if not isinstance(progress, (bool, np.bool_)):
            raise BacklitError(f"progress is {progress!r}; expected True or False.")
        self.progress = progress
        self._epochs = 0
        self._shown: display.ProgressDisplay | None = None

    @property
    def each_epoch(self) -> bool:
        """Whether something needs the network as it is after each epoch."""
        return bool(self.metrics or self.callbacks)

    @property
    def wanted(self) -> bool:
        """Whether an epoch that has ended is to be shown or passed on."""
        return bool(self.progress or self.callbacks)

    def measure(self) -> Array:
        """Give the metrics (names,) of the network as it is."""
        if not self.metrics:
            return np.empty(0)
        found: list[float] = []
        for _, (X, Y, weights) in self.measured:
            with self.compiling(self._epochs):
                outputs = self.network.predict(X, compiled=self.compiled).reshape(len(X), -1)
            found += measure(self.metrics, self.network.loss, Y, outputs, weights).values()
        return np.array(found)

    def after(self, epoch: Epoch, epochs: int) -> str | None:
        """Show and pass on an epoch that has ended; give why the training has to stop, where a callback asks for it."""
        if self.progress:
            self._open(epochs)
            if self._shown is not None:
                self._shown.show(epoch)
        asked = [callback for callback in self.callbacks if _asks_to_stop(callback, epoch)]
        return f"the callback {_name_of(asked[0])} asked to stop" if asked else None

    def _open(self, epochs: int) -> None:
        if self._shown is None and display.progress_displays:
            self._shown = display.progress_displays["epochs"](epochs)

    @contextmanager
    def compiling(self, epochs: int) -> Iterator[None]:
        """Show in the progress display, where one is asked for, that code is compiled meanwhile."""
        self._epochs = epochs

        def show(compilation: Compilation) -> None:
            self._open(epochs)
            if self._shown is not None:
                self._shown.compiling(compilation.seconds)

        if not self.progress:
            yield
            return
        compilation_listeners.append(show)
        try:
            yield
        finally:
            compilation_listeners.remove(show)

    def close(self) -> None:
        """End the progress display."""
        if self._shown is not None:
            self._shown.close()
            self._shown = None


def _check_names(names: Sequence[str]) -> None:
    """Refuse names that cannot be fields of an `Epoch` beside its own, or columns of a history."""
    for place, name in enumerate(names):
        if name in dir(Epoch) or name.startswith(NORM):
            why = "as something of each epoch is"
        elif keyword.iskeyword(name):
            why = "a word of Python's own"
        elif name.startswith("_"):
            why = "and names that begin with _ are not fields of an epoch"
        elif name in names[:place]:
            why = "as another one is"
        else:
            continue
        advice = "give it another name: metrics={'my_metric': function}."
        raise BacklitError(f"a metric is named {name!r}, {why}; {advice}")


def _checked(given: Any) -> tuple[Callback, ...]:
    callbacks = tuple(given) if isinstance(given, Iterable) else () if given is None else (given,)
    for k, callback in enumerate(callbacks):
        if not callable(callback):
            raise BacklitError(
                f"callbacks[{k}] is {callback!r}; expected a function that takes an Epoch, such as "
                "lambda epoch: print(epoch.number, epoch.loss)."
            )
    return callbacks


def _asks_to_stop(callback: Callback, epoch: Epoch) -> bool:
    try:
        asked = callback(epoch)
    except StopIteration:  # a generator that trains would end in a RuntimeError
        return True
    return isinstance(asked, (bool, np.bool_)) and bool(asked)


def _name_of(callback: Callback) -> str:
    return str(getattr(callback, "__name__", type(callback).__name__))
