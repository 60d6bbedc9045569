"""What an op of the network contributes to the explanation of a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from backlit.explain.algebra.tree import Literal, Node
from backlit.explain.context import Context
from backlit.explain.record.quantities import Group, Place, Quantity
from backlit.kernels.types import Array
from backlit.ops.base import Layer

ONE = Literal("1")


class Stage:
    """One op: `read` is what it reads, `written` what it writes, `forward` the groups of the forward pass."""

    def __init__(self, context: Context, k: int, op: Layer, read: Quantity, title: str) -> None:
        self.context, self.k, self.op, self.read, self.title = context, k, op, read, title
        self.units = context.names.columns[k]
        self.before: list[Quantity] = []
        self.written = self.write()
        self.forward = Group(title, (*self.before, self.written))

    def buffer(self, name: str, recording: Any = None) -> Array:
        """Give a buffer of this op."""
        network = self.context.recording.network
        array: Array = (recording or self.context.recording).array(f"{network.labels[self.k]}.{name}")
        return array

    def write(self) -> Quantity:
        """Make the quantity that the op writes: without a formula, unless a kind of op knows one."""
        return self.context.unit_quantity(self.k, self.op.name, self.units, self.buffer(self.op.writes), None)

    def backward(self, grad: Quantity) -> tuple[tuple[Quantity, ...], Quantity]:
        """Give what the derivative of E with respect to the input takes, and that derivative itself."""
        return (), self.slope(lambda at: grad.ref(at.row, min(at.unit, len(grad.units) - 1)))

    def slope(self, expression: Callable[[Place], Node], note: Callable[[Place], str] | None = None) -> Quantity:
        """Make the quantity of derivatives with respect to the input."""
        array = self.buffer(f"d{self.op.reads[0]}")
        return self.context.slope_quantity(self.context.layer(self.k), self.read, array, expression, note)

    def parameters(self) -> dict[str, ParameterQuantity]:
        """Give the op's parameters by their names in the op."""
        shapes = self.context.recording.network.shapes[self.k].parameters
        return {name: ParameterQuantity(self, name) for name, shape in shapes.items() if np.prod(shape)}

    def row_slope(self, parameter: str, grad: Quantity, at: Place) -> Node:
        """Give how a row's part of a parameter's derivative comes about."""
        return grad.ref(at.row, at.unit)


class ParameterQuantity(Quantity):
    """A parameter before the step: weights by source and unit, others by unit. `full` is its name in the network."""

    def __init__(self, stage: Stage, name: str) -> None:
        context, k = stage.context, stage.k
        self.full = f"{context.recording.network.labels[k]}.{name}"
        self.array_name, self.stage = name, stage
        array = context.recording.parameter(context.recording.before, self.full)
        kind = "w" if name == "W" else name
        sources = stage.read.units if array.ndim > 1 else ()
        units = stage.units
        frozen = not context.recording.has_gradient(self.full)
        super().__init__(
            "forward", kind, context.layer(k), units=units, sources=sources,
            name=lambda at: context.names.of(kind, units[at.unit], sources[at.source] if sources else ""),
            values=lambda _: array, note=(lambda _: "not trained") if frozen else None,
        )  # fmt: skip

    def index(self, at: Place) -> tuple[int, ...]:
        """Give where an element lies in the parameter's array."""
        return (at.source, at.unit) if self.sources else (at.unit,)
