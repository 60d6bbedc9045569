"""The dense (fully connected, linear) layer."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from backlit.errors import BacklitError
from backlit.kernels.matmul import affine, product, product_nt, product_tn, sum_rows
from backlit.ops.base import Activation, Interval, Layer, Op, Shape, Shapes
from backlit.ops.equations import Equations, Formula, Index, Part, every, of, total
from backlit.ops.equations import product as times
from backlit.ops.registry import activations, register
from backlit.ops.value_checks import refuse_texts

PARAMETERS = ("W", "b")


@register("dense")
class Dense(Layer, frozen=True):
    r"""A fully connected layer of `units` neurons, followed by its activation.

    Forward: Z = X W + b. Backward: dW = Xᵀ dZ, db = the sum of the rows of dZ, dX = dZ Wᵀ.
    Shapes: X (n, fan_in), W (fan_in, units), b (units,), Z (n, units). Of a sequence (T, fan_in) or a picture, it works
    on the last axis: one W and b for all positions, whose gradients add up (Keras' TimeDistributed).

    Args:
        units: the number of neurons.
        activation: a name or an activation; `"identity"` for none.
        bias: whether the layer has a bias vector b; with "shared" all units have one bias, of shape (1,).
        weights: initializer of W, or W outright as nested lists or an array of shape (fan_in, units);
            None takes the activation's own choice (He for relu, Glorot for sigmoid ...).
        biases: initializer of b, or b outright, shape (units,); None starts from zeros.
        freeze: names of the parameters that training leaves alone: `("W",)`, `("b",)` or both.
        tie: layers of one tie share W and b, whose gradients add up; their first values are those of the first.

    Errors: a BacklitError where units is not positive, a frozen name is neither W nor b, or the network is built with
    weights of another shape.

    Source: Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", Nature 323, 1986.

    >>> from backlit.ops.layers.dense import Dense
    >>> Dense(16, "relu").shapes((4,)).parameters
    {'W': (4, 16), 'b': (16,)}
    """

    units: int
    activation: str | Activation = "identity"
    bias: bool | Literal["shared"] = True
    weights: Any = None
    biases: Any = None
    freeze: tuple[str, ...] = ()
    tie: str = ""

    nested: ClassVar[Mapping[str, str]] = {
        "activation": "activation",
        "weights": "initializer",
        "biases": "initializer",
    }
    by_position: ClassVar[bool] = True
    outputs: ClassVar[Interval] = (-math.inf, math.inf)
    """Of the linear map: an activation is an op of its own."""
    formula: ClassVar[str] = r"\mathrm{net}_j = \sum_i w_{ij} x_i + b_j"

    def __post_init__(self) -> None:
        if isinstance(self.units, bool) or not isinstance(self.units, (int, np.integer)) or self.units < 1:
            raise BacklitError(f"Dense: units is {self.units!r}; expected a whole number of at least 1.")
        if not isinstance(self.bias, (bool, np.bool_)) and self.bias != "shared":
            raise BacklitError(
                f"Dense: bias is {self.bias!r}; expected True, False, or 'shared' for one bias of all units: its "
                "numbers are written as biases=[...]."
            )
        for name in ("weights", "biases"):
            if not isinstance(given := getattr(self, name), (str, Op)):
                refuse_texts(given, f"Dense: {name}", "an initializer's name, or numbers")
        if isinstance(self.activation, (int, np.integer)):
            raise BacklitError(
                f"Dense: activation is {self.activation!r}; expected a name such as 'relu'. The inputs of a layer are "
                f"what the layer before gives, those of the first one inputs={self.units} of the network: PyTorch's "
                f"Linear({self.units}, {self.activation}) is Dense({self.activation})."
            )
        activations.make(self.activation)
        for name in self.freeze:
            if name not in PARAMETERS:
                raise BacklitError(f"Dense: freeze names {name!r}; a dense layer has the parameters 'W' and 'b'.")

    def shapes(self, *rows: Shape) -> Shapes:
        """Give W (fan_in, units), b (units,) and the buffers X and Z."""
        ((*positions, fan_in),) = rows
        biases = 1 if self.bias == "shared" else self.units if self.bias else 0
        buffers = {"X": (*positions, fan_in), "Z": (*positions, self.units)}
        return Shapes(buffers, {"W": (fan_in, self.units), "b": (biases,)})

    def initial(self, name: str) -> Any:
        """Give the initializer or the values of W or b."""
        if name == "b":
            return 0.0 if self.biases is None else self.biases
        return activations.make(self.activation).initializer if self.weights is None else self.weights

    def equations(self, *rows: Shape) -> Equations:
        """Give net as Σ w x + b at each position, and the slopes of weights as sums over the positions."""
        (row,) = rows
        fan_in, places, written = row[-1], every(row[:-1]), (*row[:-1], self.units)
        biases = [0] if self.bias == "shared" else list(range(self.units)) if self.bias else []

        def net(index: Index) -> Formula:
            *place, j = index
            terms = total(*(times(of("W", i, j), of("X", *place, i)) for i in range(fan_in)))
            return total(terms, of("b", biases[min(j, len(biases) - 1)])) if biases else terms

        def back(index: Index) -> Formula:
            *place, i = index
            return total(*(times(of("dZ", *place, j), of("W", i, j)) for j in range(self.units)))

        def weight_slope(index: Index) -> Formula:
            i, j = index
            return total(*(times(of("dZ", *place, j), of("X", *place, i)) for place in places))

        def bias_slope(index: Index) -> Formula:
            units = range(self.units) if self.bias == "shared" else index
            return total(*(of("dZ", *place, j) for place in places for j in units))

        weights = functools.partial(
            Part, kind="w", places=every((fan_in, self.units)), position=lambda index: (), source=lambda index: index[0]
        )
        unit = (lambda index: -1) if self.bias == "shared" else lambda index: index[0]
        bias = functools.partial(Part, kind="b", places=tuple((j,) for j in biases), unit=unit)
        return Equations(
            letter="h",
            parameters=(weights(array="W", matrix=True), bias(array="b")),
            forward=(Part(array="Z", kind="net", places=every(written), formula=net),),
            backward=(Part(array="dX", kind="x", places=every(row), formula=back),),
            gradients=(weights(array="dW", formula=weight_slope), bias(array="db", formula=bias_slope)),
        )

    def ops(self) -> tuple[Layer, ...]:
        """Give the linear map and, but for the identity, its activation."""
        activation = activations.make(self.activation)
        own = _with_shared_bias(self) if self.bias == "shared" else self
        return (own,) if activation.name == "identity" else (own, activation)

    @classmethod
    def sample(cls) -> tuple[Layer, Shape]:
        """Give two units for four inputs."""
        return cls(2), (4,)

    def numbers(self) -> dict[str, float]:
        """Give none: the functions see units and bias in the arrays."""
        return {}

    def to_dict(self) -> dict[str, Any]:
        """Give the settings as plain data; initial values given outright are left out, the parameters hold them."""
        activation = activations.make(self.activation).to_dict()
        plain = super().to_dict() | {"activation": activation["op"] if len(activation) == 1 else activation}
        return plain | {
            name: value if isinstance(value := plain[name], str) else None for name in ("weights", "biases")
        }

    def summary(self) -> str:
        """Give the number of units and the activation."""
        return f"{self.units} {activations.make(self.activation).name}"

    @staticmethod
    def forward(X: Any, W: Any, b: Any, Z: Any) -> None:
        """Z = X W + b."""
        affine(X, W, b, Z)  # (n, fan_in) (fan_in, units) + (units,) -> (n, units)

    @staticmethod
    def backward(X: Any, W: Any, dZ: Any, dX: Any, dW: Any, db: Any) -> None:
        """dW = Xᵀ dZ, db = Σ rows of dZ, dX = dZ Wᵀ; each only where it is wanted."""
        if dW.size:
            product_tn(X, dZ, dW)  # (fan_in, n) (n, units) -> (fan_in, units)
        if db.size:
            sum_rows(dZ, db)  # (n, units) -> (units,)
        if dX.size:
            product_nt(dZ, W, dX)  # (n, units) (units, fan_in) -> (n, fan_in)


class SharedBiasDense(Dense, frozen=True):
    """A dense layer whose units have one bias: Z = X W + b with b (1,), db = the sum of all dZ."""

    name: ClassVar[str] = "dense"

    @staticmethod
    def forward(X: Any, W: Any, b: Any, Z: Any) -> None:
        """Z = X W + b."""
        product(X, W, Z)  # (n, fan_in) (fan_in, units) -> (n, units)
        Z += b[0]

    @staticmethod
    def backward(X: Any, W: Any, dZ: Any, dX: Any, dW: Any, db: Any) -> None:
        """dW = Xᵀ dZ, db = Σ of all dZ, dX = dZ Wᵀ; each only where it is wanted."""
        if dW.size:
            product_tn(X, dZ, dW)  # (fan_in, n) (n, units) -> (fan_in, units)
        if db.size:
            db[0] = dZ.sum()
        if dX.size:
            product_nt(dZ, W, dX)  # (n, units) (units, fan_in) -> (n, fan_in)


def _with_shared_bias(layer: Dense) -> SharedBiasDense:
    return SharedBiasDense(**{field: getattr(layer, field) for field in layer.__struct_fields__})
