"""Activations explained."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

import numpy as np

from backlit.explain.algebra.parsing import statements
from backlit.explain.algebra.tree import Apply, Node, expand, over, plus, times
from backlit.explain.context import fill
from backlit.explain.quantity_names import Name
from backlit.explain.record.quantities import KEPT, Place, Quantity, Readable
from backlit.explain.record.recording import op_value
from backlit.explain.stages.base import Stage, explains
from backlit.explain.stages.own_formula import own_call, written
from backlit.kernels.types import Array
from backlit.ops.activations.softmax import Softmax
from backlit.ops.base import Activation


class ActivationStage(Stage):
    """out = f(net), number by number."""

    takes_net = True
    op: Activation

    def write(self) -> Quantity:
        """Make out."""
        outputs = self.outputs()

        def expression(at: Place) -> Node:
            z = self.read.ref(at.row, at.unit)
            return self.true(self.op.formula, float(outputs[at.row, at.unit]), "value", {"z": z})

        return self.context.unit_quantity(self.k, "out", self.units, outputs, expression, self.side)

    def true(self, text: str, value: float, function: str, known: dict[str, Node]) -> Node:
        """Give a formula of the op with numbers for its symbols, or the op's function by its name."""
        name = f"{self.op.name}'" if function == "slope" else self.op.name
        instead = own_call(self.op, function, known["z"], name=name)
        ways = written(self.op, value, [text], lambda t: fill(statements(t)[0].value, self.op, known), instead)
        return ways[0]

    def outputs(self) -> Array:
        """Give the recorded outputs."""
        return self.buffer("A")

    def inputs(self) -> Array:
        """Give the recorded inputs."""
        return self.buffer("Z")

    def side(self, at: Place) -> str:
        """Say on which side of a kink the input lies."""
        if not self.op.kinks:
            return ""
        z = self.read.value(at)
        return side_of_kinks(z, self.op.kinks, self.read.kind, lambda x: float(self.local_slope(np.array([x]))[0]))

    def local_slope(self, z: Array) -> Array:
        """Give the op's own slope at inputs z."""
        return op_value(self.op, "slope", op_value(self.op, "value", z) if self.op.in_place else z)

    def local(self) -> Quantity:
        """Make dout/dnet, the slope of the activation."""
        z, a = self.inputs(), self.outputs()
        slopes = op_value(self.op, "slope", a if self.op.in_place else z)

        def expression(at: Place) -> Node:
            known: dict[str, Node] = {"a": self.written.ref(at.row, at.unit), "z": self.read.ref(at.row, at.unit)}
            return self.true(self.op.slope_formula, float(slopes[at.row, at.unit]), "slope", known)

        return Quantity(
            "backward", f"d{self.written.kind}/d{self.read.kind}", self.context.layer(self.k), units=self.units,
            rows=self.context.rows, name=lambda at: ratio(self.written.name(at), self.read, at),
            values=lambda row: slopes[row], expression=expression, note=self.side,
        )  # fmt: skip

    def chain_rule(self, grad: Readable, local: Quantity, at: Place) -> Node:
        """dE/dnet = dE/dout dout/dnet."""
        return times(grad.ref(at.row, at.unit), local.ref(at.row, at.unit))

    def backward(self, grad: Readable) -> tuple[tuple[Quantity, ...], Quantity]:
        """Make dout/dnet and dE/dnet."""
        local = self.local()
        return (local,), self.slope(lambda at: self.chain_rule(grad, local, at))


class IdentityStage(ActivationStage):
    """out = net, where an op that writes net has no activation: both are one buffer."""

    def outputs(self) -> Array:
        """Give the buffer that is both."""
        return self.buffer(self.context.recording.network.ops[self.k].writes)

    inputs = outputs

    def slope_array(self, place: int) -> Array:
        """Give dE/dnet, which is dE/dout."""
        return self.buffer(f"d{self.context.recording.network.ops[self.k].writes}")

    def via(self, place: int) -> str:
        """Name no way: no other op reads net."""
        return ""


@explains(Softmax)
class SoftmaxStage(ActivationStage):
    """out_j = exp(net_j) / Σ_k exp(net_k) at each position, whose slope is a matrix."""

    def write(self) -> Quantity:
        """Make out."""
        value = statements(self.op.formula)[0].value
        assert isinstance(value, Apply)
        power, total = value.args
        sizes = {"k": len(self.channels)}

        def write(node: Node, row: int, first: int, at: Mapping[str, int]) -> Node:
            return expand(node, sizes, lambda _, k: self.read.ref(row, first + k), at)

        @functools.lru_cache(maxsize=KEPT)
        def below(row: int, first: int) -> Node:  # the same for all outputs of a position
            return write(total, row, first, {})

        def expression(at: Place) -> Node:
            first, own = self.place_of(at.unit)
            return over(write(power, at.row, first, {"j": own}), below(at.row, first))

        return self.context.unit_quantity(self.k, "out", self.units, self.buffer("A"), expression)

    def place_of(self, unit: int) -> tuple[int, int]:
        """Give the first unit of the same position, and which of that position's units it is."""
        own = unit % len(self.channels)
        return unit - own, own

    def local(self) -> Quantity:
        """Make the Jacobian dout_k/dnet_j of each position: the op's own backward of each unit vector."""
        value, count = statements(self.op.slope_formula)[0].value, len(self.channels)
        A = self.buffer("A")

        def jacobian(row: int) -> Array:
            J = np.empty((len(self.units), count))
            outputs = np.repeat(A[row].reshape(-1, count), count, axis=0)
            Softmax.backward(outputs, np.tile(np.eye(count), (len(self.units) // count, 1)), J)
            return np.concatenate(np.split(J, len(self.units) // count), axis=1)  # (units of a position, units)

        def expression(at: Place) -> Node:
            first, own = self.place_of(at.unit)
            return expand(value, {}, lambda _, k: self.written.ref(at.row, first + k), {"k": at.source, "j": own})

        return Quantity(
            "backward", f"d{self.written.kind}/d{self.read.kind}", self.context.layer(self.k), units=self.units,
            sources=self.channels, rows=self.context.rows, values=jacobian, expression=expression,
            name=lambda at: ratio(
                self.written.name(at._replace(unit=self.place_of(at.unit)[0] + at.source)), self.read, at
            ),
        )  # fmt: skip

    def chain_rule(self, grad: Readable, local: Quantity, at: Place) -> Node:
        """dE/dnet_j = Σ_k dE/dout_k dout_k/dnet_j."""
        first, _ = self.place_of(at.unit)
        units = range(len(self.channels))
        return plus(*(times(grad.ref(at.row, first + k), local.ref(at.row, at.unit, k)) for k in units))


def ratio(upper: Name, lower: Readable, at: Place) -> Name:
    """Name the derivative of one quantity with respect to another of the same row."""
    below = lower.name(at)
    row = below.text[below.text.rindex("[") :] if lower.rows else ""
    head = upper.text.removesuffix(row)
    same = head.partition("(")[2] == below.text.removesuffix(row).partition("(")[2] and "(" in head
    shown = f"d{head.partition('(')[0]}/d{below.text}" if same else f"d{head}/d{below.text}"
    return Name(shown, rf"\frac{{\partial {upper.symbol}}}{{\partial {below.symbol}}}")


def side_of_kinks(x: float, kinks: tuple[float, ...], what: str, slope: Callable[[float], float]) -> str:
    """Say on which side of the nearest kink a number lies, or which one-sided slope was taken at it."""
    kink = min(kinks, key=lambda k: abs(x - k))
    if x != kink:
        return f"{what} {'>' if x > kink else '<'} {kink:g}: {'right' if x > kink else 'left'} of the kink"
    reach = 1e-6 * max(1.0, abs(kink))
    taken = slope(x)
    for side, there in (("left", slope(x - reach)), ("right", slope(x + reach))):
        if np.isclose(taken, there, rtol=1e-4, atol=1e-5):
            return f"{what} = {kink:g}, at the kink: the slope taken is that from the {side}"
    return f"{what} = {kink:g}, at the kink: the slope taken is {taken:g}, between the two sides'"
