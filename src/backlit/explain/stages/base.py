"""What every stage of a worked example has: a stage explains one op of the network, forward and backward.

A new layer is explained by one class in a file of this package, which the package's import finds:

    @explains(Convolution)
    class ConvolutionStage(Stage):
        ...
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeVar

import numpy as np

from backlit.explain.algebra.tree import Literal, Node
from backlit.explain.context import Context
from backlit.explain.record.quantities import Group, Place, Quantity
from backlit.explain.record.recording import Recording
from backlit.kernels.types import Array
from backlit.ops.base import Layer

ONE = Literal("1")
OWN_BACKWARD = "by the op's own backward, which has no formula here"


class Stage:
    """One op, explained. This base class shows the numbers of an op that has no stage of its own, without formulas.

    Shown are the parameters that have a number per unit, or per input and unit; the title names the others.

    Attributes:
        read, written: the quantities that the op reads and writes. `units`: the names of the written ones.
        forward: the group of the forward pass. `parameters`: those of the op that the stage shows, sorted by name.
        writes_net, takes_net: whether the op writes a weighted sum, `net`, and whether it works on one. Where an op
            that writes one is followed by an op that takes none, a stage out = net stands between the two.
    """

    writes_net: ClassVar[bool] = False
    takes_net: ClassVar[bool] = False

    def __init__(self, context: Context, k: int, op: Layer, read: Quantity, title: str) -> None:
        self.context, self.k, self.op, self.read, self.title = context, k, op, read, title
        self.units = context.names.columns[k]
        self.before: list[Quantity] = []
        self.parameters: tuple[ParameterQuantity, ...] = ()
        self.written = self.write()
        self.forward = Group(title, (*self.before, self.written))

    def buffer(self, name: str, recording: Recording | None = None) -> Array:
        """Give a buffer of this op, of another recording of the step where one is given."""
        network = self.context.recording.network
        array: Array = (recording or self.context.recording).array(f"{network.labels[self.k]}.{name}")
        return array

    def write(self) -> Quantity:
        """Make the quantity that the op writes; here without a formula."""
        self._make_parameters_by_unit()
        return self.context.unit_quantity(self.k, self.op.name, self.units, self.buffer(self.op.writes), None)

    def backward(self, grad: Quantity) -> tuple[tuple[Quantity, ...], Quantity]:
        """Make the derivative of E with respect to the input; give the quantities that it needs, and it."""
        return (), self.slope(None, lambda _: OWN_BACKWARD)

    def slope(
        self, expression: Callable[[Place], Node] | None, note: Callable[[Place], str] | None = None, terms: int = 0
    ) -> Quantity:
        """Make the quantity of derivatives with respect to the input."""
        array = self.buffer(f"d{self.op.reads[0]}")
        return self.context.slope_quantity(self.context.layer(self.k), self.read, array, expression, note, terms=terms)

    def _make_parameters_by_unit(self) -> None:
        shapes = self.context.recording.network.shapes[self.k].parameters
        forms = ((len(self.units),), (len(self.read.units), len(self.units)))
        shown = [name for name, shape in shapes.items() if np.prod(shape) and tuple(shape) in forms]
        self.parameters = tuple(ParameterQuantity(self, name) for name in sorted(shown))
        others = [f"{name} of shape {tuple(shape)}" for name, shape in shapes.items() if tuple(shape) not in forms]
        self.title += f" ({', '.join(others)} not shown)" if others else ""

    def make_parameters(self) -> dict[str, ParameterQuantity]:
        """Make the quantities of the op's parameters, and give them by their names in the op."""
        shapes = self.context.recording.network.shapes[self.k].parameters
        made = {name: ParameterQuantity(self, name) for name, shape in shapes.items() if np.prod(shape)}
        self.parameters = tuple(made[name] for name in sorted(made))
        return made

    @property
    def has_formulas(self) -> bool:
        """Whether the stage writes formulas: this base class does not."""
        return type(self) is not Stage

    def row_slope(self, parameter: str, grad: Quantity, at: Place) -> Node:
        """Give how a row's part of a parameter's derivative comes about, where the stage has formulas."""
        return grad.ref(at.row, at.unit)


STAGES: dict[type[Layer], type[Stage]] = {}
"""The stage of each op's class, as `explains` registered it."""

S = TypeVar("S", bound=type[Stage])


def explains(op: type[Layer]) -> Callable[[S], S]:
    """Register the decorated class as the stage of an op's class."""

    def register(stage: S) -> S:
        STAGES[op] = stage
        return stage

    return register


class ParameterQuantity(Quantity):
    """A parameter before the step: weights by source and unit, others by unit. `full` is its name in the network."""

    def __init__(self, stage: Stage, name: str) -> None:
        context, k = stage.context, stage.k
        self.full = f"{context.recording.network.labels[k]}.{name}"
        self.array_name, self.stage = name, stage
        array = context.recording.parameter(context.recording.before, self.full)
        kind = context.free_kind("w" if name == "W" else name, stage.units[0])
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
