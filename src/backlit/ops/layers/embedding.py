"""Embedding: a vector of learned numbers for each category."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from backlit.errors import BacklitError
from backlit.ops.base import Interval, Layer, Op, Shape, Shapes, check_settings, tuned
from backlit.ops.equations import Constant, Equations, Formula, Index, Part, Value, every, of, total
from backlit.ops.initializers import Normal
from backlit.ops.registry import register
from backlit.ops.value_checks import Count, refuse_texts

MOST = 2**24
"""Up to so many, float32 holds whole numbers exactly."""


def embedding_loops(X: Any, W: Any, Z: Any) -> None:
    """Copy the row of W that each number of X names; the nearest one, since compiled code must not read elsewhere.

    A half is added in float64: in float32 there are no halves from 2²³ on.
    """
    n, places = X.shape
    count, size = W.shape
    for i in range(n):
        for t in range(places):  # X (n, places), W (count, size), Z (n, places size)
            c = int(min(max(np.float64(X[i, t]) + 0.5, 0.0), count - 0.5))
            for j in range(size):
                Z[i, t * size + j] = W[c, j]


def embedding_backward_loops(X: Any, W: Any, dZ: Any, dX: Any, dW: Any) -> None:
    """Add each slope to the row of W that was copied, row after row."""
    n, places = X.shape
    count, size = W.shape
    for c in range(dW.shape[0]):
        for j in range(dW.shape[1]):
            dW[c, j] = 0.0
    for i in range(n if dW.size > 0 else 0):
        for t in range(places):  # dZ (n, places size), dW (count, size)
            c = int(min(max(np.float64(X[i, t]) + 0.5, 0.0), count - 0.5))
            for j in range(size):
                dW[c, j] += dZ[i, t * size + j]
    for i in range(dX.shape[0]):
        for t in range(dX.shape[1]):
            dX[i, t] = 0.0


@register("embedding")
class Embedding(Layer, frozen=True):
    r"""Gives for each category number, from 0 to count - 1, a row of learned numbers: z = W_c.

    It is a dense layer without bias behind numbers that are 1 at the category and 0 elsewhere, without computing with
    the zeros. Backward: the slope of W_c is the sum of the slopes of all places where the category c stands; that of a
    category number is 0. Shapes: X (n, T), W (count, size), Z (n, T, size); of one column, (n, 1, size): a Flatten
    behind it gives (n, size).

    It reads an input of the network, whole or by columns: Select([2]) before it takes one column of a table. The
    network checks the numbers.

    Args:
        count: the number of categories.
        size: the numbers of each.
        weights: initializer of W, or W outright, (count, size). By default a standard normal one, PyTorch's choice, so
            that the numbers are as large as standardized inputs beside them; Keras' is uniform from -0.05 to 0.05.
        freeze: ("W",) where training leaves W alone.
        tie: layers of one tie share W.

    Errors: a BacklitError where count or size is not a whole number of at least 1, or count is above 2²⁴, beyond which
    float32 does not hold every whole number.

    Source: Bengio, Ducharme, Vincent, Jauvin, "A neural probabilistic language model", JMLR 3, 2003.

    >>> Z = np.empty((1, 4))
    >>> Embedding.forward(np.array([[1.0, 0.0]]), np.array([[0.1, 0.2], [0.3, 0.4]]), Z)
    >>> Z.tolist()
    [[0.3, 0.4, 0.1, 0.2]]
    """

    count: Count
    size: Count
    weights: Any = None
    freeze: tuple[str, ...] = ()
    tie: str = ""

    nested: ClassVar[Mapping[str, str]] = {"weights": "initializer"}
    outputs: ClassVar[Interval] = (-math.inf, math.inf)
    formula: ClassVar[str] = r"z_j = w_{cj}, \quad c = x"

    def __post_init__(self) -> None:
        check_settings(self)
        if self.count > MOST:
            raise BacklitError(f"Embedding: count is {self.count:,}; expected at most {MOST:,}.")
        if not isinstance(self.weights, (str, Op)):
            refuse_texts(self.weights, "Embedding: weights", "an initializer's name, or numbers")
        for name in self.freeze:
            if name != "W":
                raise BacklitError(f"Embedding: freeze names {name!r}; an embedding has the parameter 'W'.")

    def shapes(self, *rows: Shape) -> Shapes:
        """Give W (count, size), and the buffers X, and Z with one more axis."""
        (row,) = rows
        return Shapes({"X": row, "Z": (*row, self.size)}, {"W": (self.count, self.size)})

    def whole_numbers(self, *rows: Shape) -> Mapping[str, tuple[int, int]]:
        """Give that X holds category numbers from 0 to count - 1."""
        return {"X": (0, self.count - 1)}

    def initial(self, name: str) -> Any:
        """Give the initializer or the values of W."""
        return Normal(1.0) if self.weights is None else self.weights

    @classmethod
    def sample(cls) -> tuple[Layer, Shape]:
        """Give an embedding of four categories in a sequence of three."""
        return cls(4, 2), (3,)

    def to_dict(self) -> dict[str, Any]:
        """Give the settings as plain data; initial values given outright are left out, the parameters hold them."""
        return super().to_dict() | {"weights": self.weights if isinstance(self.weights, str) else None}

    def summary(self) -> str:
        """Give the numbers of categories and of what each is given."""
        return f"embedding {self.count} × {self.size}"

    def equations(self, *rows: Shape) -> Equations:
        """Give each number as that of its category's row of W; the row's slope is the sum over its places."""
        (row,) = rows

        def category(place: Index, value: Value) -> int:
            return int(_rows(np.array(value(of("X", *place))), np.empty((self.count, 0))))

        def picked(index: Index, value: Value) -> Formula:
            return of("W", category(index[:-1], value), index[-1])

        def note(index: Index, value: Value) -> str:
            return f"category {category(index[:-1], value)}: that row of the weights is picked"

        def slope(index: Index, value: Value) -> Formula:
            c, j = index
            return total(*(of("dZ", *place, j) for place in every(row) if category(place, value) == c))

        def absent(index: Index, value: Value) -> str:
            found = any(category(place, value) == index[0] for place in every(row))
            return "" if found else f"the row does not have category {index[0]}"

        weights = functools.partial(
            Part, kind="w", places=every((self.count, self.size)), position=lambda index: (),
            source=lambda index: str(index[0]),
        )  # fmt: skip
        return Equations(
            letter="e",
            parameters=(weights(array="W"),),
            forward=(Part(array="Z", kind="out", places=every((*row, self.size)), row_formula=picked, note=note),),
            backward=(Part(array="dX", kind="x", places=every(row), formula=lambda index: Constant("0")),),
            gradients=(weights(array="dW", row_formula=slope, note=absent),),
        )

    @staticmethod
    @tuned(embedding_loops)
    def forward(X: Any, W: Any, Z: Any) -> None:
        """Z = the rows of W that X names."""
        Z[:] = W[_rows(X, W)].reshape(Z.shape)

    @staticmethod
    @tuned(embedding_backward_loops)
    def backward(X: Any, W: Any, dZ: Any, dX: Any, dW: Any) -> None:
        """dW_c = the sum of the slopes of the places where c stands; dX = 0."""
        if dW.size:
            dW[:] = 0.0
            np.add.at(dW, _rows(X, W).reshape(-1), dZ.reshape(-1, W.shape[1]))
        if dX.size:
            dX[:] = 0.0


def _rows(X: Any, W: Any) -> Any:
    """Give the numbers of the rows of W that X names, the nearest where there is no such row."""
    return np.clip(np.nan_to_num(X.astype(np.float64)) + 0.5, 0.0, len(W) - 0.5).astype(np.int64)
