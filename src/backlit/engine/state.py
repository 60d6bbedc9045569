"""All that a training changes as it goes: what a checkpoint holds."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import numpy as np

from backlit.engine.display import Summary
from backlit.engine.history import History
from backlit.engine.signals import SignalHistory
from backlit.engine.stopping import Improvement
from backlit.errors import BacklitError, counted
from backlit.kernels.types import Array

MEASURED = ("seconds", "history.seconds")
"""Fields that a clock gives: equal trainings differ in them."""


class TrainingState(Summary, msgspec.Struct, frozen=True, eq=False):
    """All that a training changes as it goes. A training set back to it goes on with the same bits.

    `copy.deepcopy` and `pickle` take it; `to_dict` gives it as arrays, numbers, strings and dictionaries of these.
    `==` and `differences` compare bit for bit, but for the seconds, which a clock gives.

    Attributes:
        optimizer: the name of the optimizer whose vectors `slots` are.
        parameters, statistics: the flat vectors that training goes on from; `slots` the optimizer's, one after another.
        step: updates so far. `position`: of these, in an epoch that was not ended; going on begins the next epoch.
        generator: the state of the generator of the shuffles, as NumPy gives it.
        rate_factor: what the learning rates are multiplied by beside the schedule; `schedule` is what the schedule
            keeps of the losses that it has seen.
        improved_loss, improved_epoch: the monitored loss that patience counts from, and its epoch.
        best_loss: the lowest monitored loss; `best_parameters` and `best_statistics` belong to it, and are empty where
            a training does not keep them.
        holds_best: whether the network holds the best values meanwhile, since the training has ended.
        history: the epochs. `seconds`: the time they took.
    """

    optimizer: str
    parameters: Array
    statistics: Array
    slots: Array
    step: int
    position: int
    generator: dict[str, Any]
    rate_factor: float
    schedule: dict[str, float]
    improved_loss: float
    improved_epoch: int
    best_loss: float
    best_parameters: Array
    best_statistics: Array
    holds_best: bool
    history: History
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Give the state as plain data, the inverse of `from_dict`; a history is a dictionary of its columns.

        Its signals are another one. The generator's numbers have up to 128 bits.
        """
        fields = {name: copy.deepcopy(getattr(self, name)) for name in self.__struct_fields__ if name != "history"}
        return fields | {"history": self.history.columns(), "signals": self.history.signals.columns()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainingState:
        """Make a state of plain data.

        Errors: a BacklitError where fields are missing, or others are there.
        """
        expected = {*cls.__struct_fields__, "signals"}
        if set(values) != expected:
            raise BacklitError(
                f"the state has the fields {', '.join(sorted(values))}; expected {', '.join(sorted(expected))}."
            )
        history = History.from_columns(values["history"])
        history.signals = SignalHistory.from_columns(values["signals"], len(history))
        fields = {name: copy.deepcopy(values[name]) for name in cls.__struct_fields__}
        return cls(**fields | {"history": history})

    def differences(self, other: TrainingState) -> list[str]:
        """Say for each field whose bits differ what it is here and there; an empty list means equal states."""
        mine, theirs = dict(_leaves(self.to_dict())), dict(_leaves(other.to_dict()))
        names = dict.fromkeys([*mine, *theirs])
        found = [_difference(name, mine.get(name), theirs.get(name)) for name in names if name not in MEASURED]
        return [text for text in found if text]

    def __repr__(self) -> str:
        sizes = f"{counted(self.parameters.size, 'parameter')}, {counted(self.step, 'update')} by {self.optimizer}"
        return f"<TrainingState after {counted(len(self.history), 'epoch')}: {sizes}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TrainingState) and not self.differences(other)

    def __ne__(self, other: object) -> bool:  # that of a Struct compares by identity here
        return not self == other

    __hash__ = None  # type: ignore[assignment]  # arrays have no hash


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Give every array, number and string of nested dictionaries by its dotted name."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _difference(name: str, mine: Any, theirs: Any) -> str:
    """Say in which way two values of a field differ; an empty text where their bits are the same."""
    if not (isinstance(mine, np.ndarray) and isinstance(theirs, np.ndarray)):
        return "" if repr(mine) == repr(theirs) else f"{name}: {_shown(mine)}, {_shown(theirs)}"
    if (mine.dtype, mine.shape) != (theirs.dtype, theirs.shape):
        return f"{name}: {_shown(mine)}, {_shown(theirs)}"
    if mine.tobytes() == theirs.tobytes():
        return ""
    bits = f"V{mine.dtype.itemsize}"
    places = np.flatnonzero(np.ascontiguousarray(mine).view(bits) != np.ascontiguousarray(theirs).view(bits))
    first = f"[{places[0]}]: {mine.ravel()[places[0]]!r}, {theirs.ravel()[places[0]]!r}"
    return f"{name}: {len(places)} of {mine.size} differ, first {first}"


def _shown(value: Any) -> str:
    """Give a value in a few words."""
    return f"{value.dtype} of shape {value.shape}" if isinstance(value, np.ndarray) else repr(value)


def check_state(state: TrainingState, like: TrainingState) -> None:
    """Refuse a state that does not fit: of another optimizer, other shapes, another kind of history or schedule."""
    if not isinstance(state, TrainingState):
        raise BacklitError(f"a training's state is {_shown(state)}; expected a TrainingState.")
    if state.optimizer != like.optimizer:
        raise BacklitError(
            f"the state is of the optimizer {state.optimizer!r}; this training has {like.optimizer!r}. "
            "Make the training with that optimizer."
        )
    for name in ("parameters", "statistics", "slots", "best_parameters", "best_statistics"):
        given, expected = getattr(state, name), getattr(like, name)
        if (given.dtype, given.shape) != (expected.dtype, expected.shape):
            raise BacklitError(
                f"the state's {name} are {_shown(given)}; this training has {_shown(expected)}. "
                "A state fits a training of the same network and settings."
            )
    if state.history.kind != like.history.kind:
        raise BacklitError(
            "the state's history is of a training with other validation rows or gradient norms, or other metrics; "
            "expected a training with the same validation, gradient_norms and metrics."
        )


def state_of(training: Any, last: tuple[Array, Array] | None) -> TrainingState:
    """Give a training's state; `last` are the last epoch's values where its network holds the best ones."""
    network, monitor, improved = training.network, training.loop.monitor, training._improvement
    parameters, statistics = last or (network.parameters, network.state)
    return TrainingState(
        training.optimizer.name, parameters.copy(), statistics.copy(), training.memory.slots.copy(),
        training.step, training._position, training.row_order.generator, training.rate_factor,
        dict(training.schedule_state), improved.loss, improved.epoch, float(monitor.lowest[0]),
        monitor.P.copy(),
        monitor.S.copy(), last is not None, training.history.copy(), training._seconds,
    )  # fmt: skip


def set_state(training: Any, saved: TrainingState) -> None:
    """Write a state into a training and its network."""
    training.network.parameters[:], training.network.state[:] = saved.parameters, saved.statistics
    training.memory.slots[:], training.step, training._position = saved.slots, saved.step, saved.position
    training.row_order.generator = saved.generator
    training.rate_factor, training.schedule_state = saved.rate_factor, dict(saved.schedule)
    training._improvement = Improvement(saved.improved_loss, saved.improved_epoch)
    monitor = training.loop.monitor
    monitor.lowest[0], monitor.P[:], monitor.S[:] = saved.best_loss, saved.best_parameters, saved.best_statistics
    training.history, training._seconds = saved.history.copy(), saved.seconds
    if training.signals.layers != training.measuring.layers:  # only one of the two trainings measures them
        training.history.signals = SignalHistory(training.measuring.layers, epochs=len(training.history))
    training._last, training.stopped = None, None


NOTHING = np.zeros(0)


def beginning_of(state: TrainingState) -> TrainingState:
    """Give a state to begin a repetition with: without the vectors that a new training has anyway, or that end with it.

    These are the best values and, before the first update, the vectors of the optimizer. So one vector as long as the
    parameters is kept.
    """
    slots = state.slots if state.step else NOTHING
    return msgspec.structs.replace(state, slots=slots, best_parameters=NOTHING, best_statistics=NOTHING)
