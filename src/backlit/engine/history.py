"""The history of a training: the numbers of its epochs, in columns.

Many small epochs run in one call of the machine, in less time than making a Python object of each, or even a row of a
table, would take. So the machine's sums are kept as they are until they are read; then their numbers go into one array,
a row per epoch, and an `Epoch` is made of a row that is asked for.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import operator
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count, repeat
from typing import Any, ClassVar, NamedTuple, overload

import msgspec
import numpy as np

from backlit.engine.curves import MOST, NORM, Plotted, TrainingCurve, curve_of
from backlit.engine.display import Displayed, Summary
from backlit.engine.growing import GrowingTable
from backlit.engine.program.structs import LOSS, SUMS, VALIDATION_LOSS
from backlit.engine.signals import SignalHistory
from backlit.kernels.types import Array
from backlit.ops.synonyms import hint


class Epoch(Summary, msgspec.Struct, frozen=True):
    """One pass over the training rows.

    `loss` is measured as training goes, each batch before its own update, penalties included; `validation_loss` after
    the epoch, without penalties. `rate` is the learning rate of the epoch's last update, `seconds` the time since the
    training began; of epochs that ran in one call of the machine, when that came back. `best` says that the monitored
    loss was the lowest so far. `penalty` is the penalties' part of `loss`.

    `gradient_norms`, where they are asked for, has the Euclidean norm of each layer's gradient in the epoch's last
    batch, by the layer's number: of the loss without penalties or, where the training clips, of what the clipping left.

    Metrics, where they are asked for, are further fields, measured after the epoch: on the training rows under their
    names, on the validation rows under "validation_" and their names. `metrics` has them by name.
    """

    number: int
    loss: float
    validation_loss: float | None
    rate: float
    seconds: float
    best: bool
    penalty: float = 0.0
    gradient_norms: Mapping[str, float] = {}
    metric_names: ClassVar[tuple[str, ...]] = ()
    layers: ClassVar[tuple[str, ...]] = ()
    validated: ClassVar[bool] = False
    __dataclass_fields__: ClassVar[Mapping[str, Any]]
    __dataclass_params__: ClassVar[Any]

    def __str__(self) -> str:
        losses = {"loss": self.loss, "validation loss": self.validation_loss}
        told = {name: value for name, value in losses.items() if value is not None} | self.metrics
        numbers = ", ".join(f"{name.replace('_', ' ')} {value:.6g}" for name, value in told.items())
        return f"epoch {self.number}: {numbers}, rate {self.rate:g}{', the best so far' if self.best else ''}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Epoch) or self.metric_names != other.metric_names:
            return NotImplemented
        return msgspec.structs.astuple(self) == msgspec.structs.astuple(other)

    def __hash__(self) -> int:
        return hash((self.number, self.loss, self.validation_loss, self.rate, self.seconds))

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics by name; `epoch.accuracy` is one of them."""
        return {name: getattr(self, name) for name in self.metric_names}

    def __reduce__(self) -> tuple[Any, ...]:
        return _epoch_of, ((self.metric_names, self.layers, self.validated), msgspec.structs.astuple(self))

    @property
    def monitored(self) -> float:
        """The loss that stopping and best weights go by: of the validation rows if there are any."""
        return self.loss if self.validation_loss is None else self.validation_loss


def _declare(cls: Any) -> None:
    """Declare a class's fields as dataclasses do: pandas and polars make a table of a sequence of such elements.

    The fields are the columns of the history: a norm for each layer, and a validation loss where there is one. What the
    constructor takes otherwise is an `InitVar`, which is no field, but which `dataclasses.replace` hands on.
    """
    fields: list[tuple[str, Any, Any]] = []
    for name in cls.__struct_fields__:
        if name == "gradient_norms" or (name == "validation_loss" and not cls.validated):
            fields.append((name, dataclasses.InitVar[Any], dataclasses.field(default=None)))
        else:
            fields.append((name, Any, dataclasses.field()))
        if name == "gradient_norms":
            fields += [(_field_of(label), float, dataclasses.field(init=False)) for label in cls.layers]
    twin: Any = dataclasses.make_dataclass(
        "Epoch", fields, namespace={"__doc__": cls.__doc__}, init=False, repr=False, eq=False
    )  # without methods and a made-up docstring, which take most of the time
    cls.__dataclass_fields__, cls.__dataclass_params__ = twin.__dataclass_fields__, twin.__dataclass_params__


@functools.cache
def epoch_class(metrics: tuple[str, ...], layers: tuple[str, ...] = (), validated: bool = False) -> type[Epoch]:
    """Give the class of epochs with these metrics, each a field of its own, and with the norms of these layers."""
    if not (metrics or layers or validated):
        return Epoch
    fields = [(name, float, math.nan) for name in metrics]
    norms = {_field_of(label): property(_norm_of(label)) for label in layers}
    own = {"metric_names": metrics, "layers": layers, "validated": validated, **norms}
    cls: Any = msgspec.defstruct("Epoch", fields, bases=(Epoch,), module=__name__, frozen=True, namespace=own)
    cls.__annotations__ = dict.fromkeys([*norms, *metrics], float)  # polars takes the columns' types from here
    _declare(cls)
    made: type[Epoch] = cls
    return made


def _field_of(label: str) -> str:
    """Name the field of a layer's norm: of layer 2a.1 in a block, gradient_norm_2a_1."""
    return f"{NORM}{label.replace('.', '_')}"


def _norm_of(label: str) -> Callable[[Epoch], float]:
    return lambda epoch: epoch.gradient_norms[label]


def _epoch_of(kind: tuple[Any, ...], values: tuple[Any, ...]) -> Epoch:
    return epoch_class(*kind)(*values)


_declare(Epoch)

COLUMNS = ("loss", "validation_loss", "rate", "seconds", "best", "penalty")
"""The columns of a history's table, before the gradient norms."""

NONE = np.empty(0)
"""The metrics of an epoch where there are none."""

BLOCK = 4096
"""How many epochs are read from the table at a time."""


SHOWN = 5
"""Of a long history so many first and last epochs are printed, and the best one."""


class HistorySummary(Summary, msgspec.Struct, frozen=True):
    """A history: how many epochs there are, those that are printed, and which has the lowest monitored loss."""

    count: int
    epochs: tuple[Epoch, ...]
    best: int | None = None


class _Chunk(NamedTuple):
    """The epochs of one call of the machine, from place `first` on, as `History.record` was given them."""

    first: int
    sums: Array
    rates: Array
    seconds: float
    lowest: float
    measured: Array


class History(Plotted, Displayed, Sequence[Epoch]):
    """The epochs of a training so far: a list of them, and a table.

    `history[-1]` is an `Epoch`; `history["loss"]` is a column, an array (epochs,); `history.to_dict()` has all columns
    by name, and `pandas.DataFrame(history)` or `polars.DataFrame(history)` makes a table with a row of each epoch.

    `validated` says whether there is a loss of validation rows; `layers` are the labels of the layers with gradient
    norms; `metrics` are the names of the metrics. `signals` are those of the layers, at the measured epochs.

    >>> history = History.of([Epoch(1, 0.5, None, 0.1, 0.0, best=True), Epoch(2, 0.25, None, 0.1, 0.0, best=True)])
    >>> len(history), history[-1].loss, history["loss"]
    (2, 0.25, array([0.5 , 0.25]))
    """

    def __init__(
        self, validated: bool = False, layers: Sequence[str] = (), rows: Array | None = None,
        metrics: Sequence[str] = (), signals: SignalHistory | None = None,
    ) -> None:  # fmt: skip
        self.signals = SignalHistory() if signals is None else signals
        self.validated, self.layers, self.metrics = validated, tuple(layers), tuple(metrics)
        width = len(COLUMNS) + len(self.layers) + len(self.metrics)
        self._table = GrowingTable(np.empty((0, width)) if rows is None else rows)
        self._length = self._table.used
        self._unread: deque[_Chunk] = deque()
        self._reading = threading.Lock()  # another thread may look at a history that grows

    @classmethod
    def of(cls, epochs: Sequence[Epoch]) -> History:
        """Make a history of epochs, which are numbered from 1 on."""
        first = epochs[0] if epochs else None
        layers = tuple(first.gradient_norms) if first else ()
        rows = []
        for epoch in epochs:
            validation = np.nan if epoch.validation_loss is None else epoch.validation_loss
            numbers = epoch.loss, validation, epoch.rate, epoch.seconds, epoch.best, epoch.penalty
            rows.append([*numbers, *epoch.gradient_norms.values(), *epoch.metrics.values()])
        metrics = tuple(first.metrics) if first else ()
        validated = first is not None and first.validation_loss is not None
        table = np.array(rows, np.float64).reshape(len(rows), len(COLUMNS) + len(layers) + len(metrics))
        return cls(validated, layers, table, metrics)

    # ------------------------------------------------------------------------------------------------------ growing

    def record(
        self, sums: Array, rates: Array, seconds: float, lowest: float, measured: Array = NONE
    ) -> Array:  # fmt: skip
        """Add epochs that ended in one call of the machine, after so many seconds in all; give their monitored losses.

        `sums` (epochs, SUMS + layers) are their sums as the machine has them, not to be changed any more, `rates`
        (epochs,) their last learning rates, `lowest` the lowest monitored loss before them, `measured` (metrics,) the
        metrics of the one epoch that there is where there are metrics.
        """
        rates = rates.copy()  # those of all batches are many
        self._unread.append(_Chunk(self._length, sums, rates, seconds, lowest, measured))
        self._length += len(sums)
        return self._monitored_in(sums)

    def _monitored_in(self, sums: Array) -> Array:
        return sums[:, VALIDATION_LOSS if self.validated else LOSS]

    def _rows_of(self, chunk: _Chunk) -> Array:
        """Give the rows (epochs, COLUMNS and layers) of the epochs of one call."""
        sums, monitored = chunk.sums, self._monitored_in(chunk.sums)
        weights, penalties = sums[:, 1], sums[:, 2]
        rows = np.empty((len(sums), len(COLUMNS) + len(self.layers) + len(self.metrics)))
        rows[:, 0], rows[:, 2], rows[:, 3] = sums[:, LOSS], chunk.rates, chunk.seconds
        rows[:, 1] = sums[:, VALIDATION_LOSS] if self.validated else np.nan
        rows[:, 4] = monitored < np.fmin.accumulate(np.append(chunk.lowest, monitored[:-1]))
        rows[:, 5] = np.divide(penalties, weights, out=np.zeros(len(sums)), where=weights != 0.0)
        rows[:, 6 : 6 + len(self.layers)] = sums[:, SUMS:]
        rows[:, 6 + len(self.layers) :] = chunk.measured
        return rows

    def copy(self) -> History:
        """Give the history as it is now; it shares its rows with this one until either grows."""
        twin = History(self.validated, self.layers, metrics=self.metrics, signals=self.signals.copy())
        length = self._length
        self._read()
        twin._table, twin._length = self._table, length
        return twin

    def __deepcopy__(self, memo: dict[int, object]) -> History:
        return self.copy()

    # ------------------------------------------------------------------------------------------------------ reading

    def _read(self) -> Array:
        """Give the table's array after adding the rows of the chunks that were not read yet.

        Those that come meanwhile are left: another thread may train faster than this one reads.
        """
        with self._reading:
            for _ in range(len(self._unread)):  # a chunk is dropped when its rows are there: Ctrl-C loses, doubles none
                chunk = self._unread[0]
                self._table = self._table.append(chunk.first, self._rows_of(chunk))
                self._unread.popleft()
            return self._table.rows

    @property
    def rows(self) -> Array:
        """The table (epochs, COLUMNS and layers); not to be changed."""
        length = self._length  # first, since it may grow meanwhile
        return self._read()[:length]

    @property
    def monitored(self) -> Array:
        """The losses (epochs,) that stopping and best weights go by."""
        return self.rows[:, COLUMNS.index("validation_loss" if self.validated else "loss")]

    def columns(self) -> dict[str, Array]:
        """Give an array (epochs,) by name for each of an epoch's numbers, norms (`gradient_norm_1`) and metrics."""
        names = [name for name in COLUMNS if self.validated or name != "validation_loss"]
        found: dict[str, Array] = {"number": np.arange(1, len(self) + 1)}
        found |= {name: self.rows[:, COLUMNS.index(name)].copy() for name in names}
        found["best"] = found["best"] != 0.0
        others = [*(f"{NORM}{label}" for label in self.layers), *self.metrics]
        return found | {name: self.rows[:, 6 + k].copy() for k, name in enumerate(others)}

    def to_dict(self) -> dict[str, Array]:
        """Give the table as columns by name: what `columns` gives."""
        return self.columns()

    @classmethod
    def from_columns(cls, columns: Mapping[str, Array]) -> History:
        """Make a history of its `columns()`."""
        layers = [name.removeprefix(NORM) for name in columns if name.startswith(NORM)]
        unknown = np.full(len(columns["loss"]), np.nan)
        metrics = [name for name in columns if name not in {"number", *COLUMNS} and not name.startswith(NORM)]
        names = [*COLUMNS, *(f"{NORM}{label}" for label in layers), *metrics]
        rows = np.stack([np.asarray(columns.get(name, unknown), np.float64) for name in names], axis=1)
        return cls("validation_loss" in columns, layers, rows, metrics)

    def lowest(self) -> Epoch | None:
        """Give the first epoch with the lowest monitored loss; None where there is none that is finite."""
        monitored = self.monitored
        finite = np.where(np.isfinite(monitored), monitored, np.inf)
        return self[int(finite.argmin())] if (finite < np.inf).any() else None

    def summary(self) -> HistorySummary:
        """Describe the history as a record: how many epochs, and the first, the best and the last of them."""
        best, places = self.lowest(), set(range(len(self)))
        if len(self) > 2 * SHOWN + 1:
            places = {*range(SHOWN), *range(len(self) - SHOWN, len(self)), *([best.number - 1] if best else [])}
        shown = tuple(self[place] for place in sorted(places))
        return HistorySummary(len(self), shown, best.number if best else None)

    def curve(self, most: int = MOST) -> TrainingCurve:
        """Give the numbers of the epochs as a record, at most some `most` of them: see `curves.curve_of`."""
        return curve_of(self, most)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Epoch]:
        return self.between(0, None)

    def between(self, first: int, stop: int | None) -> Iterator[Epoch]:
        """Give the epochs at the places from `first` up to `stop`; those that are there by then, if it is None."""
        while first < (self._length if stop is None else stop):
            end = min(first + BLOCK, self._length if stop is None else stop)
            yield from self._epochs(first, self._read()[first:end])
            first = end

    @overload
    def __getitem__(self, index: int) -> Epoch: ...
    @overload
    def __getitem__(self, index: slice) -> list[Epoch]: ...
    @overload
    def __getitem__(self, index: str) -> Array: ...
    def __getitem__(self, index: int | slice | str) -> Epoch | list[Epoch] | Array:
        if isinstance(index, str):
            columns = self.columns()
            if index not in columns:
                meant = re.sub(r"acc$", "accuracy", re.sub(r"^val(?=_|$)", "validation", index))
                advice = hint(meant, columns).replace("known:", "it has")
                if meant.startswith("validation") and not self.validated:
                    advice = "the training has no validation rows: bl.Training(..., validation=(X, Y))."
                raise KeyError(f"the history has no column {index!r}; {advice}")
            return columns[index]
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        k = operator.index(index)
        if not -len(self) <= k < len(self):
            raise IndexError(f"there are {len(self)} epochs; number {k} in their order was asked for.")
        k %= len(self)
        return next(self._epochs(k, self._read()[k : k + 1]))

    def _epochs(self, first: int, rows: Array) -> Iterator[Epoch]:
        """Make the epochs of the rows of the table from place `first` on."""
        losses, validation, rates, seconds, bests, penalties = rows[:, : len(COLUMNS)].T.tolist()
        measured: Iterable[float | None] = validation if self.validated else repeat(None)
        columns = count(first + 1), losses, measured, rates, seconds, map(bool, bests), penalties
        kind = epoch_class(self.metrics, self.layers, self.validated)
        if not (self.layers or self.metrics):
            return map(kind, *columns)
        place = len(COLUMNS) + len(self.layers)
        norms = (dict(zip(self.layers, row, strict=True)) for row in rows[:, len(COLUMNS) : place].tolist())
        return map(kind, *columns, norms, *rows[:, place:].T.tolist())

    @property
    def kind(self) -> tuple[Any, ...]:
        """What a table of this history has: validation losses, the layers with norms, the metrics."""
        return self.validated, self.layers, self.metrics

    def __eq__(self, other: object) -> bool:
        if isinstance(other, History):
            same = (self.kind, len(self)) == (other.kind, len(other))
            return same and np.array_equal(self.rows, other.rows, equal_nan=True)
        return isinstance(other, list) and list(self) == other

    __hash__ = None  # type: ignore[assignment]  # it grows

    def __repr__(self) -> str:  # short, since it stands within lists and in debuggers; list(history) has all
        last = f", loss {self.rows[-1, 0]:.9g} at the end" if len(self) else ""
        return f"<History: {len(self):,} {'epoch' if len(self) == 1 else 'epochs'}{last}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return History, (self.validated, self.layers, self.rows, self.metrics, self.signals)
