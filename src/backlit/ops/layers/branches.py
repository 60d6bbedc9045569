"""Blocks of layers: branches that read the same numbers and are joined, and what selects what a branch reads.

A block is a record of layers with no maths of its own. `engine/wiring.py` makes a graph of it: the layers of each
branch, and ops that join what the branches write.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
import numpy as np

from backlit.errors import BacklitError
from backlit.kernels.functions import flat
from backlit.ops.base import Interval, Layer, Shape, Shapes, tuned
from backlit.ops.registry import make_layer, register


class Block(Layer, frozen=True):
    """Layers in branches that all read what the block reads, and how what they write becomes the block's output.

    A block has no `forward`; the graph has its layers and its joining ops as nodes.
    """

    nested: ClassVar[Mapping[str, str]] = {"layers": "layer", "shortcut": "layer", "branches": "layer",
                                           "layer": "layer"}  # fmt: skip

    def in_branches(self) -> tuple[tuple[Layer, ...], ...]:
        """Give the layers of each branch; an empty branch passes on what the block reads."""
        raise NotImplementedError

    def joined_by(self) -> str:
        """Give how the branches' outputs are joined: "add", "multiply" or "concatenate"."""
        raise NotImplementedError

    def advice(self, shapes: tuple[Shape, ...]) -> str:
        """Say what to do where outputs of these shapes cannot be joined."""
        raise NotImplementedError

    def summary(self) -> str:
        """Give the branches' layers in a few words."""
        parts = [", ".join(layer.summary() for layer in branch) or "as it is" for branch in self.in_branches()]
        return f"{self.name} [{' | '.join(parts)}]"


@register("residual")
class Residual(Block, frozen=True):
    r"""Adds what its layers write to what they read: out = layers(x) + x, a residual block.

    Backward: the slope of x is that of out, plus that through the layers; so it reaches early layers whole.

    Args:
        layers: the layers, one after another.
        shortcut: the layers of the other way, where the first change the shape: out = layers(x) + shortcut(x).

    Errors: a BacklitError where there are no layers, or what they write has another shape than what is added to it.

    Source: He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016.

    >>> from backlit.ops.layers.dense import Dense
    >>> Residual([Dense(4, "relu"), Dense(4)]).summary()
    'residual [4 relu, 4 identity]'
    """

    layers: Any
    shortcut: Any = ()

    def __post_init__(self) -> None:
        _set(self, "layers", layers_of(self.layers, "Residual"))
        _set(self, "shortcut", layers_of(self.shortcut, "Residual: shortcut", empty=True))

    def in_branches(self) -> tuple[tuple[Layer, ...], ...]:
        """Give the layers, and those of the shortcut."""
        return self.layers, self.shortcut

    def joined_by(self) -> str:
        """Give "add"."""
        return "add"

    def advice(self, shapes: tuple[Shape, ...]) -> str:
        """Say which shortcut fits."""
        made, passed = shapes
        if made[:-1] == passed[:-1]:
            return f"let them write {passed}, or give a shortcut that writes {made}: shortcut=[Dense({made[-1]})]"
        return f"let them write {passed}, or give a shortcut=[...] of layers that write {made}"

    def summary(self) -> str:
        """Give the layers in a few words."""
        parts = [", ".join(layer.summary() for layer in branch) for branch in self.in_branches() if branch]
        return f"residual [{' | '.join(parts)}]"


@register("parallel")
class Parallel(Block, frozen=True):
    r"""Branches of layers that all read the same numbers; what they write is joined.

    Args:
        branches: a list of lists of layers; an empty one passes on what is read.
        join: "concatenate" puts the last axes side by side, in the order of the branches; "add" and "multiply" join
            number by number.

    Errors: a BacklitError where there are fewer than two branches, or their outputs' shapes cannot be joined.

    Source: Szegedy, Liu, Jia and others, "Going deeper with convolutions", CVPR 2015: the inception block.

    >>> from backlit.ops.layers.dense import Dense
    >>> Parallel([[Dense(4, "relu")], [Dense(2)]]).summary()
    'parallel [4 relu | 2 identity]'
    """

    branches: Any
    join: str = "concatenate"

    def __post_init__(self) -> None:
        if isinstance(self.branches, (str, Layer, Mapping)) or not isinstance(self.branches, (list, tuple)):
            raise BacklitError(
                f"Parallel: branches is {self.branches!r}; expected a list of lists of layers, such as "
                "[[Dense(4)], [Dense(2)]]."
            )
        if len(self.branches) < 2:
            raise BacklitError(
                f"Parallel has {len(self.branches)} branches; expected at least two: Parallel([[...], [...]])."
            )
        branches = [layers_of(branch, f"Parallel: branch {k}", empty=True) for k, branch in enumerate(self.branches, 1)]
        _set(self, "branches", tuple(branches))
        check_join(self)

    def in_branches(self) -> tuple[tuple[Layer, ...], ...]:
        """Give the layers of each branch."""
        return self.branches  # type: ignore[no-any-return]

    def joined_by(self) -> str:
        """Give the setting `join`."""
        return self.join

    def advice(self, shapes: tuple[Shape, ...]) -> str:
        """Say which shapes fit."""
        if self.join == "concatenate":
            return "let the branches write shapes that differ in the last axis alone"
        return "let the branches write one shape, or take join='concatenate'"


@register("bidirectional")
class Bidirectional(Block, frozen=True):
    r"""A recurrent layer forward in time beside one of the same settings that reads the sequence from its end.

    What the second writes is in the order of time again, so that both parts of an output belong to one moment. Each
    direction has its own parameters.

    Args:
        layer: a recurrent layer, such as GRU(8); the other direction is the same with `reverse=True`.
        join: "concatenate" (by default), "add" or "multiply".

    Errors: a BacklitError where the layer has no `reverse`, or it is set already.

    Source: Schuster, Paliwal, "Bidirectional recurrent neural networks", IEEE Transactions on Signal Processing 45,
    1997.
    """

    layer: Any
    join: str = "concatenate"

    def __post_init__(self) -> None:
        _set(self, "layer", make_layer(self.layer))
        if "reverse" not in type(self.layer).__struct_fields__:
            raise BacklitError(
                f"Bidirectional is given a {self.layer.name} layer; expected a recurrent one, such as GRU(8)."
            )
        if self.layer.reverse:
            raise BacklitError(
                "Bidirectional is given a layer with reverse=True; expected the forward one: it makes the other itself."
            )
        check_join(self)

    def in_branches(self) -> tuple[tuple[Layer, ...], ...]:
        """Give the layer, and the same one backward in time."""
        other: dict[str, Any] = {"reverse": True}
        if tie := getattr(self.layer, "tie", ""):
            other["tie"] = f"{tie} (reverse)"
        return (self.layer,), (msgspec.structs.replace(self.layer, **other),)

    def joined_by(self) -> str:
        """Give the setting `join`."""
        return self.join

    def summary(self) -> str:
        """Give the layer in a few words."""
        return f"bidirectional [{self.layer.summary()}]"


@register("select")
class Select(Layer, frozen=True):
    r"""Reads some columns of the last axis, in the order given, or, by its name, an input of the network.

    Select("table") is the first layer of a branch, or of the network, and says what the layers behind it read. With
    columns, z_j = x_{c_j}; the slope of a column is the sum of those of the outputs that read it.

    Args:
        what: the number of a column, from 0, a list of such numbers, or the name of an input of the network.

    Errors: a BacklitError where a column is no whole number of at least 0, or lies beyond the last one.

    >>> Select([2, 0]).summary(), Select("table").summary()
    ('columns 2, 0', 'table')
    """

    what: Any

    def __post_init__(self) -> None:
        if isinstance(self.what, str):
            return
        columns = np.atleast_1d(np.asarray(self.what)).tolist() if not isinstance(self.what, bool) else [None]
        whole = all(isinstance(column, int) and not isinstance(column, bool) and column >= 0 for column in columns)
        if not (columns and whole):
            raise BacklitError(
                f"Select is given {self.what!r}; expected numbers of columns from 0, such as [0, 3], or the name of an "
                "input of the network."
            )
        _set(self, "what", tuple(columns))

    @property
    def source(self) -> str:
        """The name of the network's input that it selects, or ""."""
        return self.what if isinstance(self.what, str) else ""

    def summary(self) -> str:
        """Give the columns, or the input's name."""
        if self.source:
            return self.source
        return f"column{'s' * (len(self.what) > 1)} {', '.join(map(str, self.what))}"


# ------------------------------------------------------------------------------------------------------ joining ops


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


def layers_of(given: Any, where: str, empty: bool = False) -> tuple[Layer, ...]:
    """Give a list of layers, or one layer, as a tuple of layers."""
    if isinstance(given, (str, Layer)):
        given = (given,)
    if not isinstance(given, (list, tuple)):
        raise BacklitError(f"{where} is given {given!r}; expected a list of layers, such as [Dense(16, 'relu')].")
    if not (given or empty):
        raise BacklitError(f"{where} has no layers; expected at least one, such as [Dense(16, 'relu')].")
    return tuple(make_layer(layer) for layer in given)


def check_join(block: Any) -> None:
    """Refuse an unknown way to join branches."""
    if block.join not in JOINING:
        raise BacklitError(
            f"{type(block).__name__}: join is {block.join!r}; expected one of {', '.join(map(repr, JOINING))}."
        )


def _set(record: msgspec.Struct, name: str, value: Any) -> None:
    msgspec.structs.force_setattr(record, name, value)
