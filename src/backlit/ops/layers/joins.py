"""The ops that join what two branches write. Blocks insert them; no network names them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from backlit.kernels.functions import flat
from backlit.ops.base import Interval, Layer, Shape, Shapes, tuned
from backlit.ops.equations import Equations, Formula, Index, Part, every, of, product, total


def add_loops(X: Any, Y: Any, Z: Any) -> None:
    """Add element by element."""
    x, y, z = flat(X), flat(Y), flat(Z)  # (n columns,)
    for i in range(z.shape[0]):
        z[i] = x[i] + y[i]


def add_backward_loops(dZ: Any, dX: Any, dY: Any) -> None:
    """Copy the slope to both, where it is wanted."""
    dz, dx, dy = flat(dZ), flat(dX), flat(dY)
    for i in range(dx.shape[0]):
        dx[i] = dz[i]
    for i in range(dy.shape[0]):
        dy[i] = dz[i]


class Add(Layer, frozen=True):
    """Adds what two branches write: Z = X + Y, number by number; both slopes are that of Z. All are (n, columns)."""

    name: ClassVar[str] = "add"
    reads: ClassVar[tuple[str, ...]] = ("X", "Y")
    formula: ClassVar[str] = "z_j = x_j + y_j"

    def reach(self, *inputs: Interval | None) -> Interval | None:
        """Give the sum of both intervals."""
        of_x, of_y = inputs
        return of_x and of_y and (of_x[0] + of_y[0], of_x[1] + of_y[1])

    def equations(self, *rows: Shape) -> Equations:
        """Give each number as the sum of both; both slopes are that of the sum."""
        places = every(rows[0])
        return Equations(
            forward=(Part(array="Z", kind="sum", places=places,
                          formula=lambda index: total(of("X", *index), of("Y", *index))),),
            backward=tuple(Part(array=array, kind="x", places=places, formula=lambda index: of("dZ", *index))
                           for array in ("dX", "dY")),
        )  # fmt: skip

    @staticmethod
    @tuned(add_loops)
    def forward(X: Any, Y: Any, Z: Any) -> None:
        """Z = X + Y."""
        np.add(X, Y, out=Z)

    @staticmethod
    @tuned(add_backward_loops)
    def backward(dZ: Any, dX: Any, dY: Any) -> None:
        """dX = dZ, dY = dZ."""
        if dX.size:
            dX[:] = dZ
        if dY.size:
            dY[:] = dZ


def multiply_loops(X: Any, Y: Any, Z: Any) -> None:
    """Multiply element by element."""
    x, y, z = flat(X), flat(Y), flat(Z)  # (n columns,)
    for i in range(z.shape[0]):
        z[i] = x[i] * y[i]


def multiply_backward_loops(X: Any, Y: Any, dZ: Any, dX: Any, dY: Any) -> None:
    """Multiply the slope by the other factor, where it is wanted."""
    x, y, dz, dx, dy = flat(X), flat(Y), flat(dZ), flat(dX), flat(dY)
    for i in range(dx.shape[0]):
        dx[i] = dz[i] * y[i]
    for i in range(dy.shape[0]):
        dy[i] = dz[i] * x[i]


class Multiply(Layer, frozen=True):
    """Multiplies what two branches write: Z = X Y, number by number; dX = dZ Y, dY = dZ X. All are (n, columns)."""

    name: ClassVar[str] = "multiply"
    reads: ClassVar[tuple[str, ...]] = ("X", "Y")
    formula: ClassVar[str] = "z_j = x_j y_j"

    def equations(self, *rows: Shape) -> Equations:
        """Give each number as the product of both, and each slope as that of the product times the other factor."""
        places = every(rows[0])
        return Equations(
            forward=(Part(array="Z", kind="product", places=places,
                          formula=lambda index: product(of("X", *index), of("Y", *index))),),
            backward=(Part(array="dX", kind="x", places=places,
                           formula=lambda index: product(of("dZ", *index), of("Y", *index))),
                      Part(array="dY", kind="x", places=places,
                           formula=lambda index: product(of("dZ", *index), of("X", *index)))),
        )  # fmt: skip

    @staticmethod
    @tuned(multiply_loops)
    def forward(X: Any, Y: Any, Z: Any) -> None:
        """Z = X Y."""
        np.multiply(X, Y, out=Z)

    @staticmethod
    @tuned(multiply_backward_loops)
    def backward(X: Any, Y: Any, dZ: Any, dX: Any, dY: Any) -> None:
        """dX = dZ Y, dY = dZ X."""
        if dX.size:
            np.multiply(dZ, Y, out=dX)
        if dY.size:
            np.multiply(dZ, X, out=dY)


def concatenate_loops(X: Any, Y: Any, Z: Any) -> None:
    """Copy both into each row: X (n, a), Y (n, b), Z (n, a + b)."""
    n, a = X.shape
    for i in range(n):
        for j in range(a):
            Z[i, j] = X[i, j]
        for j in range(Y.shape[1]):
            Z[i, a + j] = Y[i, j]


def concatenate_backward_loops(dZ: Any, dX: Any, dY: Any) -> None:
    """Copy each part of the slope back, where it is wanted: dX (n, a), dY (n, b), dZ (n, a + b)."""
    for i in range(dX.shape[0]):
        for j in range(dX.shape[1]):
            dX[i, j] = dZ[i, j]
    a = dZ.shape[1] - dY.shape[1]
    for i in range(dY.shape[0]):
        for j in range(dY.shape[1]):
            dY[i, j] = dZ[i, a + j]


class Concatenate(Layer, frozen=True):
    """Puts the last axes of what two branches write side by side: Z = [X Y]; dX and dY are the parts of dZ.

    Shapes, at each position: X (a,), Y (b,), Z (a + b,).
    """

    name: ClassVar[str] = "concatenate"
    reads: ClassVar[tuple[str, ...]] = ("X", "Y")
    by_position: ClassVar[bool] = True

    def shapes(self, *rows: Shape) -> Shapes:
        """Give X, Y, and Z with as many columns as both."""
        of_x, of_y = rows
        return Shapes({"X": of_x, "Y": of_y, "Z": (*of_x[:-1], of_x[-1] + of_y[-1])})

    def reach(self, *inputs: Interval | None) -> Interval | None:
        """Give the interval that holds both."""
        of_x, of_y = inputs
        return of_x and of_y and (min(of_x[0], of_y[0]), max(of_x[1], of_y[1]))

    def equations(self, *rows: Shape) -> Equations:
        """Give each number as what stands in its place, and the slopes as the parts of dZ."""
        of_x, of_y = rows
        first = of_x[-1]

        def joined(index: Index) -> Formula:
            *place, j = index
            return of("X", *index) if j < first else of("Y", *place, j - first)

        return Equations(
            forward=(Part(array="Z", kind="joined", places=every(self.shapes(*rows).buffers["Z"]), formula=joined),),
            backward=(Part(array="dX", kind="x", places=every(of_x), formula=lambda index: of("dZ", *index)),
                      Part(array="dY", kind="x", places=every(of_y),
                           formula=lambda index: of("dZ", *index[:-1], first + index[-1]))),
        )  # fmt: skip

    @staticmethod
    @tuned(concatenate_loops)
    def forward(X: Any, Y: Any, Z: Any) -> None:
        """Z = [X Y]."""
        Z[:, : X.shape[1]] = X
        Z[:, X.shape[1] :] = Y

    @staticmethod
    @tuned(concatenate_backward_loops)
    def backward(dZ: Any, dX: Any, dY: Any) -> None:
        """dX and dY are the parts of dZ."""
        if dX.size:
            dX[:] = dZ[:, : dX.shape[1]]
        if dY.size:
            dY[:] = dZ[:, dZ.shape[1] - dY.shape[1] :]


JOINING: Mapping[str, type[Layer]] = {"add": Add, "multiply": Multiply, "concatenate": Concatenate}
"""The op that joins two branches, for each way to join."""
