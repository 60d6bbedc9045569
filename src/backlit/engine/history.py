"""What is known of the epochs of a training, an `Epoch` each.

Many small epochs run in one call of the machine, in less time than it takes to make a Python object of each. So what is
known of them stays in columns, and an epoch is described when somebody looks at it.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import operator
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import overload

import msgspec
import numpy as np

from backlit.engine.program.structs import LOSS, SUMS, VALIDATION_LOSS
from backlit.kernels.types import Array


class Epoch(msgspec.Struct, frozen=True):
    """One pass over the training rows.

    `loss` is measured as training goes, each batch before its own update, penalties included; `validation_loss` after
    the epoch, without penalties. `rate` is the learning rate of the epoch's last update, `seconds` the time since the
    training began; of epochs that ran in one call of the machine, when that came back. `best` says that the monitored
    loss was the lowest so far. `penalty` is the penalties' part of `loss`.

    `gradient_norms`, where they are asked for, has the Euclidean norm of each layer's gradient in the epoch's last
    batch, by the layer's number: of the loss without penalties or, where the training clips, of what the clipping left.
    """

    number: int
    loss: float
    validation_loss: float | None
    rate: float
    seconds: float
    best: bool
    penalty: float = 0.0
    gradient_norms: Mapping[str, float] = {}

    def __hash__(self) -> int:
        return hash((self.number, self.loss, self.validation_loss, self.rate, self.seconds))

    @property
    def monitored(self) -> float:
        """The loss that stopping and best weights go by: of the validation rows if there are any."""
        return self.loss if self.validation_loss is None else self.validation_loss


class _Epochs(Sequence[Epoch]):
    """A sequence that is shown and compared as the list of its epochs."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (list, _Epochs)) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # it grows

    def __repr__(self) -> str:
        return repr(list(self))

    @overload
    def __getitem__(self, index: int) -> Epoch: ...
    @overload
    def __getitem__(self, index: slice) -> list[Epoch]: ...
    def __getitem__(self, index: int | slice) -> Epoch | list[Epoch]:
        if isinstance(index, slice):
            return [self._at(k) for k in range(*index.indices(len(self)))]
        k = operator.index(index)
        if not -len(self) <= k < len(self):
            raise IndexError(f"there are {len(self)} epochs; number {k} in their order was asked for.")
        return self._at(k % len(self))

    @abstractmethod
    def _at(self, index: int) -> Epoch: ...


class Unwatched(_Epochs):
    """Epochs that ended while nobody looked, from number `first` on: their sums, as the machine has them, and rates.

    `seconds` is when the last of them had ended, `lowest` the lowest monitored loss before them; `validated` says
    whether that is of validation rows, `layers` are those whose gradients' norms there are.
    """

    def __init__(
        self, first: int, seconds: float, sums: Array, rates: Array, lowest: float, validated: bool,
        layers: Sequence[str],
    ) -> None:  # fmt: skip
        self.first, self.seconds, self.layers = first, seconds, layers
        self.sums, self.rates, self.lowest, self.validated = sums, rates, lowest, validated

    @property
    def monitored(self) -> Array:
        """The losses that stopping and best weights go by."""
        return self.sums[:, VALIDATION_LOSS if self.validated else LOSS]

    @functools.cached_property
    def columns(self) -> tuple[Array, ...]:
        """Losses, validation losses, rates, whether each was the best so far, penalties and norms."""
        weights, penalties, losses, validation = (self.sums[:, k] for k in range(1, SUMS))
        bests = self.monitored < np.fmin.accumulate(np.append(self.lowest, self.monitored[:-1]))
        shares = np.divide(penalties, weights, out=np.zeros(len(self)), where=weights != 0.0)
        return losses, validation, self.rates, bests, shares, self.sums[:, SUMS:]

    def __len__(self) -> int:
        return len(self.sums)

    def __iter__(self) -> Iterator[Epoch]:
        return self._described(itertools.count(self.first), *self.columns)

    def _at(self, index: int) -> Epoch:
        return next(self._described([self.first + index], *(column[index : index + 1] for column in self.columns)))

    def _described(
        self, numbers: Iterable[int],
        losses: Array, validation: Array, rates: Array, bests: Array, penalties: Array, norms: Array,
    ) -> Iterator[Epoch]:  # fmt: skip
        measured: Iterable[float | None] = validation.tolist() if self.validated else itertools.repeat(None)
        seconds = itertools.repeat(self.seconds)
        columns = losses.tolist(), measured, rates.tolist(), seconds, bests.tolist(), penalties.tolist()
        if not self.layers:
            return map(Epoch, numbers, *columns)
        return map(Epoch, numbers, *columns, (dict(zip(self.layers, row, strict=True)) for row in norms.tolist()))


class History(_Epochs):
    """The epochs of a training so far, to be read like a list.

    >>> history = History()
    >>> history.extend([Epoch(1, 0.5, None, 0.1, 0.0, best=True)])
    >>> len(history), history[-1].loss
    (1, 0.5)
    """

    def __init__(self) -> None:
        self._parts: list[Sequence[Epoch]] = []
        self._ends: list[int] = []

    def extend(self, epochs: Sequence[Epoch]) -> None:
        """Add the epochs that come next."""
        last = self._parts[-1] if self._parts else None
        if isinstance(last, list) and isinstance(epochs, list):
            last += epochs
            self._ends[-1] += len(epochs)
        else:
            self._parts.append(epochs)
            self._ends.append(len(self) + len(epochs))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[Epoch]:
        return itertools.chain.from_iterable(self._parts)

    def lowest(self) -> Epoch | None:
        """Give the first epoch with the lowest monitored loss; None where there is no epoch."""
        lows = [part[_first_lowest(part)] for part in self._parts if len(part)]
        return lows[_first_lowest(lows)] if lows else None

    def _start(self, part: int) -> int:
        return self._ends[part - 1] if part else 0

    def _at(self, index: int) -> Epoch:
        part = bisect.bisect_right(self._ends, index)
        return self._parts[part][index - self._start(part)]


def _first_lowest(epochs: Sequence[Epoch]) -> int:
    """Give the place of the lowest monitored loss, a loss that is not a number being the highest."""
    monitored = epochs.monitored if isinstance(epochs, Unwatched) else np.array([e.monitored for e in epochs])
    return int(np.where(np.isnan(monitored), np.inf, monitored).argmin())
