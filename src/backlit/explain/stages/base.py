"""What every stage of a worked example has: a stage explains one op of the network, forward and backward.

A layer that gives its formulas as data (`Layer.equations`) needs none: `by_equations` explains it. An op whose formulas
are another matter, such as those of all rows at once, has a class here, which the package's import finds:

    @explains(BatchNorm)
    class BatchNormStage(Stage):
        ...
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np

from backlit.explain.algebra.tree import Literal, Node
from backlit.explain.context import Context
from backlit.explain.record.own_backward import owner_of
from backlit.explain.record.quantities import Group, Place, Quantity, Readable
from backlit.explain.record.recording import Recording
from backlit.kernels.types import Array
from backlit.ops.base import Layer

ONE = Literal("1")
OWN_BACKWARD = "by the op's own backward, which has no formula here"


class Stage:
    """One op, explained. This base class shows the numbers of an op that has no stage of its own, without formulas.

    Shown are the parameters that have a number per unit, or per input and unit; the title names the others.

    Attributes:
        reads, written: the quantities that the op reads and writes; `read` is the first. `units`: the names of the
            written ones.
        takes, gives: the names of the buffers that these are.
        forward: the groups of the forward pass. `parameters`: those of the op that the stage shows, sorted by name.
        writes_net, takes_net: whether the op writes a weighted sum, `net`, and whether it works on one. Where an op
            that writes one is followed by an op that takes none, a stage out = net stands between the two.
    """

    writes_net: ClassVar[bool] = False
    takes_net: ClassVar[bool] = False

    def __init__(self, context: Context, k: int, op: Layer, reads: Sequence[Readable], title: str) -> None:
        self.context, self.k, self.op, self.reads, self.title = context, k, op, tuple(reads), title
        self.read = self.reads[0]
        node = context.recording.network.graph.nodes[k]
        self.takes: tuple[str, ...] = node.reads
        self.gives = node.writes
        self.units = context.names.columns[k]
        self.before: list[Quantity] = []
        self.parameters: tuple[ParameterQuantity, ...] = ()
        self.written: Readable = self.write()
        self.forward = self.forward_groups()

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the units, channels or filters that it writes, without places in a picture or a sequence."""
        return self.context.names.of_buffers[self.context.recording.network.graph.nodes[self.k].writes].channels

    def forward_groups(self) -> tuple[Group, ...]:
        """Give the quantities of the forward pass in their groups."""
        assert isinstance(self.written, Quantity)
        return (Group(self.forward_title, (*self.before, self.written)),)

    @property
    def forward_title(self) -> str:
        """The heading of the forward pass, which says whose weights these are where layers share them."""
        owners = {parameter.full.rpartition(".")[0] for parameter in self.parameters}
        owners.discard(self.context.recording.network.labels[self.k])
        return f"{self.title}, with the weights of layer {min(owners)}" if owners else self.title

    def buffer(self, name: str, recording: Recording | None = None) -> Array:
        """Give a buffer of this op (n, numbers), of another recording of the step where one is given."""
        network = self.context.recording.network
        array: Array = (recording or self.context.recording).array(f"{network.labels[self.k]}.{name}")
        return array.reshape(len(array), -1)

    def write(self) -> Readable:
        """Make the quantity that the op writes; here without a formula."""
        self._make_parameters_by_unit()
        return self.context.unit_quantity(self.k, self.op.name, self.units, self.buffer(self.op.writes), None)

    def inner(self, grad: Readable) -> tuple[Group, ...]:
        """Make the derivatives that those of the parameters need, given that of what the op writes."""
        return ()

    def backward(self, grad: Readable) -> tuple[tuple[Quantity, ...], Quantity]:
        """Make the derivative of E with respect to the input; give the quantities that it needs, and it."""
        return (), self.slope(None, lambda _: OWN_BACKWARD)

    def slopes(self, grad: Readable, wanted: Collection[str]) -> tuple[tuple[Group, ...], dict[str, Readable]]:
        """Make the derivatives with respect to the inputs that are wanted, by the op's names of them."""
        before, slope = self.backward(grad)
        found: dict[str, Readable] = {self.op.reads[0]: slope}
        others = tuple(self.slope(None, lambda _: OWN_BACKWARD, place=place)
                       for place, name in enumerate(self.op.reads) if place and name in wanted)  # fmt: skip
        found |= dict(zip(self.op.reads[1:], others, strict=False))
        return (Group(f"back through {self.title}", (*before, slope, *others)),), found

    def slope(
        self, expression: Callable[[Place], Node] | None, note: Callable[[Place], str] | None = None, terms: int = 0,
        place: int = 0,
    ) -> Quantity:  # fmt: skip
        """Make the quantity of derivatives with respect to an input."""
        return self.context.slope_quantity(
            self.context.layer(self.k), self.reads[place], self.slope_array(place), expression, note, terms=terms,
            via=self.via(place),
        )  # fmt: skip

    def slope_array(self, place: int) -> Array:
        """Give the derivatives (n, numbers) with respect to an input that come through this op."""
        name = self.op.reads[place]
        return self.context.recording.passed_back(self.k, name) if self.via(place) else self.buffer(f"d{name}")

    def via(self, place: int) -> str:
        """Name this op as the way of a derivative to an input, where other ops read that too."""
        graph, trained = self.context.recording.network.graph, len(self.context.recording.executable.trained_ops)
        readers = graph.readers(self.takes[place], trained)
        if len(readers) < 2:
            return ""
        label = graph.nodes[self.k].label
        same = [array for k, array in readers if graph.nodes[k].label == label]
        return label if len(same) == 1 else f"{label}.{self.op.reads[place]}"

    def _make_parameters_by_unit(self) -> None:
        shapes = self.context.recording.network.shapes[self.k].parameters
        forms = ((len(self.units),), (len(self.read.units), len(self.units)))
        shown = [name for name, shape in shapes.items() if np.prod(shape) and tuple(shape) in forms]
        self.parameters = tuple(self.parameter(name) for name in sorted(shown))
        others = [f"{name} of shape {tuple(shape)}" for name, shape in shapes.items() if tuple(shape) not in forms]
        self.title += f" ({', '.join(others)} not shown)" if others else ""

    def make_parameters(self) -> dict[str, ParameterQuantity]:
        """Make the quantities of the op's parameters, and give them by their names in the op."""
        shapes = self.context.recording.network.shapes[self.k].parameters
        made = {name: self.parameter(name) for name, shape in shapes.items() if np.prod(shape)}
        self.parameters = tuple(made[name] for name in sorted(made))
        return made

    def parameter(
        self, array: str, part: str = "", describe: Callable[[], dict[str, Any]] | None = None
    ) -> ParameterQuantity:
        """Make the quantity of a parameter, or give that of the first layer that shares it.

        `part` tells a part of the array from others; `describe` gives how its numbers are named.
        """
        network = self.context.recording.network
        key = owner_of(network, f"{network.labels[self.k]}.{array}") + part
        if key not in self.context.parameters:
            given = {"id": key, **describe()} if describe else {}
            self.context.parameters[key] = ParameterQuantity(self, array, **given)
        found: ParameterQuantity = self.context.parameters[key]
        return found

    @property
    def has_formulas(self) -> bool:
        """Whether the stage writes formulas: this base class does not."""
        return type(self) is not Stage

    def row_slope(self, parameter: ParameterQuantity, grad: Readable, at: Place) -> Node:
        """Give how a row's part of a parameter's derivative comes about, where the stage has formulas."""
        return grad.ref(at.row, at.unit)

    def row_note(self, parameter: ParameterQuantity, at: Place) -> str:
        """Give a remark on a row's part of a parameter's derivative."""
        return "" if self.has_formulas else OWN_BACKWARD


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
    """A parameter before the step: weights by source and unit, others by unit.

    Attributes:
        full: the array's name in the network. `array_name`: the op's name of it.
        id: the same, with the quantity's kind behind it where it is a part of the array.
    """

    def __init__(self, stage: Stage, array_name: str, **given: Any) -> None:
        context, k = stage.context, stage.k
        self.full = owner_of(context.recording.network, f"{context.recording.network.labels[k]}.{array_name}")
        self.array_name, self.stage = array_name, stage
        self.array = context.recording.parameter(context.recording.before, self.full)
        frozen = not context.recording.has_gradient(self.full)
        given = given or self._whole(stage)
        self.id = given.pop("id", self.full)
        self._where: Array | None = given.pop("where", None)
        super().__init__(
            "forward", layer=context.layer(k), values=lambda _: self.pick(self.array),
            note=(lambda _: "not trained") if frozen else None, **given,
        )  # fmt: skip

    def _whole(self, stage: Stage) -> dict[str, Any]:
        """Describe the whole array, a matrix by source and unit, or a vector by unit."""
        context, units = stage.context, stage.units
        if self.array.ndim == 1 and len(self.array) != len(units):  # one for each channel of a picture or a sequence
            units = stage.channels
        kind = context.free_kind("w" if self.array_name == "W" else self.array_name, units)
        sources = stage.read.units if self.array.ndim > 1 else ()
        return {
            "kind": kind, "units": units, "sources": sources,
            "name": lambda at: context.names.of(kind, units[at.unit], sources[at.source] if sources else ""),
        }  # fmt: skip

    def pick(self, array: Array) -> Array:
        """Give the numbers of this quantity, by source and unit, of an array in the parameter's shape."""
        if self._where is None:
            return array
        picked: Array = array[tuple(np.moveaxis(self._where, -1, 0))]  # (units, sources)
        return picked.T if self.sources else picked[:, 0]

    def place(self, index: tuple[int, ...]) -> Place | None:
        """Give where an element of the parameter's array is; None where it is none of this quantity's."""
        if self._where is not None:
            return next((at for at in self.places(0) if self.index(at) == index), None)
        shape = self.array.shape
        if len(index) != len(shape) or any(k >= size for k, size in zip(index, shape, strict=True)):
            return None
        return Place(0, index[0], index[1]) if self.sources else Place(0, 0, index[0])

    def index(self, at: Place) -> tuple[int, ...]:
        """Give where an element lies in the parameter's array."""
        if self._where is not None:
            return tuple(int(k) for k in self._where[at.unit, at.source])
        return (at.source, at.unit) if self.sources else (at.unit,)
