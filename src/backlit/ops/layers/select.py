"""What a branch reads: some columns of the last axis, or an input of the network."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
import numpy as np

from backlit.errors import BacklitError
from backlit.ops.base import Interval, Layer, Shape, Shapes, tuned
from backlit.ops.equations import Equations, Formula, Index, Part, Value, every, of, total
from backlit.ops.registry import register


def select_loops(X: Any, Z: Any, columns: Any) -> None:
    """Copy the columns: X (n, all), Z (n, selected), columns (selected,)."""
    for i in range(Z.shape[0]):
        for j in range(Z.shape[1]):
            Z[i, j] = X[i, int(columns[j])]


def select_backward_loops(dZ: Any, dX: Any, columns: Any) -> None:
    """Add the slopes back to the columns they are of, 0 to the others."""
    for i in range(dX.shape[0]):
        for j in range(dX.shape[1]):
            dX[i, j] = 0.0
        for j in range(dZ.shape[1]):
            dX[i, int(columns[j])] += dZ[i, j]


@register("select")
class Select(Layer, frozen=True):
    r"""Reads some columns of the last axis, in the order given, or, by its name, an input of the network.

    Select("table") is the first layer of a branch, or of the network, and says what the layers behind it read. With
    columns, z_j = x_{c_j}; the slope of a column is the sum of those of the outputs that read it.

    Args:
        what: the number of a column, from 0, a list of such numbers, or the name of an input of the network. Where a
            table is learned (`backlit train --network`, `Settings(network=...)`), names are those of its columns, and a
            list may hold names too.

    Errors: a BacklitError where a column is no whole number of at least 0, or lies beyond the last one.

    >>> Select([2, 0]).summary(), Select("table").summary()
    ('columns 2, 0', 'table')
    """

    what: Any

    by_position: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if isinstance(self.what, str):
            return
        listed = isinstance(self.what, (list, tuple))
        columns = list(self.what) if listed else np.atleast_1d(np.asarray(self.what)).tolist()
        columns = [column.item() if isinstance(column, np.generic) else column for column in columns]
        fits = all((isinstance(column, int) and not isinstance(column, bool) and column >= 0)
                   or (listed and isinstance(column, str) and column) for column in columns)  # fmt: skip
        if not (columns and fits):
            raise BacklitError(
                f"Select is given {self.what!r}; expected numbers of columns from 0, such as [0, 3], or the name of an "
                "input of the network; of a table's columns, names."
            )
        msgspec.structs.force_setattr(self, "what", tuple(columns))

    @property
    def source(self) -> str:
        """The name of the network's input that it selects, or ""."""
        return self.what if isinstance(self.what, str) else ""

    def shapes(self, *rows: Shape) -> Shapes:
        """Give the buffers X and Z, and the columns."""
        ((*positions, columns),) = rows
        if self.source:
            raise BacklitError(f"Select({self.source!r}) is no op of its own; expected as the first layer of a branch.")
        named = [name for name in self.what if isinstance(name, str)]
        if named:
            raise BacklitError(
                f"Select names the column {named[0]!r}; a network knows columns by their numbers from 0, and only the "
                "layers that `backlit train --network` or Settings(network=...) trains on a table know their names."
            )
        beyond = [column for column in self.what if column >= columns]
        if beyond:
            raise BacklitError(
                f"Select names column {beyond[0]}; it is given rows of shape {rows[0]}, whose columns are 0 to "
                f"{columns - 1}."
            )
        buffers = {"X": rows[0], "Z": (*positions, len(self.what))}
        return Shapes(buffers, constants={"columns": self.what})

    def reach(self, *inputs: Interval | None) -> Interval | None:
        """Give where the inputs lie."""
        return inputs[0]

    @classmethod
    def sample(cls) -> tuple[Layer, Shape]:
        """Give one of two columns of four."""
        return cls([3, 1]), (4,)

    def equations(self, *rows: Shape) -> Equations:
        """Give each number as that of its column, and a column's slope as the sum over the places that it has."""
        (row,) = rows

        def back(index: Index) -> Formula:
            *place, column = index
            return total(*(of("dZ", *place, j) for j, chosen in enumerate(self.what) if chosen == column))

        def left_out(index: Index, _: Value) -> str:
            return "" if index[-1] in self.what else "it is not selected: no slope comes here"

        return Equations(
            forward=(Part(array="Z", kind="chosen", places=every((*row[:-1], len(self.what))),
                          unit=lambda index: self.what[index[-1]],
                          formula=lambda index: of("X", *index[:-1], self.what[index[-1]])),),
            backward=(Part(array="dX", kind="x", places=every(row), formula=back, note=left_out),),
        )  # fmt: skip

    @staticmethod
    @tuned(select_loops)
    def forward(X: Any, Z: Any, columns: Any) -> None:
        """Z = the columns of X."""
        Z[:] = X[:, columns.astype(np.int64)]

    @staticmethod
    @tuned(select_backward_loops)
    def backward(dZ: Any, dX: Any, columns: Any) -> None:
        """dX = the sum of the slopes of each column's places in Z, 0 of the others."""
        if dX.size:
            dX[:] = 0.0
            np.add.at(dX.T, columns.astype(np.int64), dZ.T)

    def summary(self) -> str:
        """Give the columns, or the input's name."""
        if self.source:
            return self.source
        return f"column{'s' * (len(self.what) > 1)} {', '.join(map(str, self.what))}"
