"""How each layer's numbers come about, forward and backward.

A stage is one op of the chain as a person would work it out. Its formulas are the op's own formula texts wherever they
say it all; the numbers are the recorded buffers, or what the op's own functions give on them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from backlit.explain.algebra.parsing import statements
from backlit.explain.algebra.tree import Literal, Node, call, expand, neg, over, plus, power, times
from backlit.explain.context import Context, constant, fill, setting_ref
from backlit.explain.naming import Name
from backlit.explain.record.quantities import Group, Place, Quantity
from backlit.explain.record.recording import is_elementwise, op_value
from backlit.kernels.types import Array
from backlit.ops.activations import Identity, Softmax
from backlit.ops.base import Activation, Layer
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.dropout import Dropout
from backlit.ops.layers.normalization import BatchNorm, LayerNorm

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
        array = self.buffer(f"d{self.op.reads}")
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


# --------------------------------------------------------------------------------------------------------------- dense


class DenseStage(Stage):
    """net = Σ w x + b."""

    def write(self) -> Quantity:
        """Make net."""
        quantities = self.parameters()
        self.w, self.b = quantities["W"], quantities.get("b")
        return self.context.unit_quantity(self.k, "net", self.units, self.buffer("Z"), self.net)

    def net(self, at: Place) -> Node:
        """Give net as the sum of weights times inputs, plus the bias."""
        sources = range(len(self.read.units))
        total = plus(*(times(self.w.ref(0, at.unit, i), self.read.ref(at.row, i)) for i in sources))
        return plus(total, self.b.ref(0, at.unit)) if self.b else total

    def backward(self, grad: Quantity) -> tuple[tuple[Quantity, ...], Quantity]:
        """dE/dx_i = Σ_j dE/dnet_j w_ij."""
        units = range(len(self.units))
        return (), self.slope(
            lambda at: plus(*(times(grad.ref(at.row, j), self.w.ref(0, j, at.unit)) for j in units))
        )  # fmt: skip

    def row_slope(self, parameter: str, grad: Quantity, at: Place) -> Node:
        """dE/dw_ij = dE/dnet_j x_i, dE/db_j = dE/dnet_j."""
        slope = grad.ref(at.row, at.unit)
        return times(slope, self.read.ref(at.row, at.source)) if parameter == "W" else slope


# --------------------------------------------------------------------------------------------------------- activations


class ActivationStage(Stage):
    """out = f(net), number by number."""

    op: Activation

    def write(self) -> Quantity:
        """Make out."""
        value = statements(self.op.formula)[0].value
        return self.context.unit_quantity(
            self.k, "out", self.units, self.outputs(),
            lambda at: fill(value, self.op, {"z": self.read.ref(at.row, at.unit)}), self.side,
        )  # fmt: skip

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
        return side_of_kinks(z, self.op.kinks, "net", lambda x: float(self.local_slope(np.array([x]))[0]))

    def local_slope(self, z: Array) -> Array:
        """Give the op's own slope at inputs z."""
        return op_value(self.op, "slope", op_value(self.op, "value", z) if self.op.in_place else z)

    def local(self) -> Quantity:
        """Make dout/dnet, the slope of the activation."""
        z, a = self.inputs(), self.outputs()
        slopes = op_value(self.op, "slope", a if self.op.in_place else z)
        value = statements(self.op.slope_formula)[0].value

        def expression(at: Place) -> Node:
            known = {"a": self.written.ref(at.row, at.unit), "z": self.read.ref(at.row, at.unit)}
            return fill(value, self.op, known)  # type: ignore[arg-type]

        return Quantity(
            "backward", f"d{self.written.kind}/d{self.read.kind}", self.context.layer(self.k), units=self.units,
            rows=self.context.rows, name=lambda at: ratio(self.written.name(at), self.read, at),
            values=lambda row: slopes[row], expression=expression, note=self.side,
        )  # fmt: skip

    def backward(self, grad: Quantity) -> tuple[tuple[Quantity, ...], Quantity]:
        """dE/dnet = dE/dout dout/dnet."""
        local = self.local()
        return (local,), self.slope(lambda at: times(grad.ref(at.row, at.unit), local.ref(at.row, at.unit)))


class IdentityStage(ActivationStage):
    """out = net, where a dense layer has no activation: both are one buffer."""

    def outputs(self) -> Array:
        """Give the buffer that is both."""
        return self.buffer(self.context.recording.network.ops[self.k].writes)

    inputs = outputs

    def slope(self, expression: Callable[[Place], Node], note: Callable[[Place], str] | None = None) -> Quantity:
        """Make dE/dnet, which is dE/dout."""
        array = self.buffer(f"d{self.context.recording.network.ops[self.k].writes}")
        return self.context.slope_quantity(self.context.layer(self.k), self.read, array, expression, note)


class SoftmaxStage(ActivationStage):
    """out_j = exp(net_j) / Σ_k exp(net_k), whose slope is a matrix."""

    def write(self) -> Quantity:
        """Make out."""
        value = statements(self.op.formula)[0].value
        sizes = {"k": len(self.units)}
        return self.context.unit_quantity(
            self.k, "out", self.units, self.buffer("A"),
            lambda at: expand(value, sizes, lambda _, k: self.read.ref(at.row, k), {"j": at.unit}),
        )  # fmt: skip

    def local(self) -> Quantity:
        """Make the Jacobian dout_k/dnet_j: the op's own backward of each unit vector."""
        value, count = statements(self.op.slope_formula)[0].value, len(self.units)
        A = self.buffer("A")

        def jacobian(row: int) -> Array:
            J = np.empty((count, count))
            Softmax.backward(np.tile(A[row], (count, 1)), np.eye(count), J)
            return J

        return Quantity(
            "backward", f"d{self.written.kind}/d{self.read.kind}", self.context.layer(self.k), units=self.units,
            sources=self.units, rows=self.context.rows, values=jacobian,
            name=lambda at: ratio(self.written.name(at._replace(unit=at.source)), self.read, at),
            expression=lambda at: expand(
                value, {}, lambda _, k: self.written.ref(at.row, k), {"k": at.source, "j": at.unit}
            ),
        )  # fmt: skip

    def backward(self, grad: Quantity) -> tuple[tuple[Quantity, ...], Quantity]:
        """dE/dnet_j = Σ_k dE/dout_k dout_k/dnet_j."""
        local, units = self.local(), range(len(self.units))
        return (local,), self.slope(
            lambda at: plus(*(times(grad.ref(at.row, k), local.ref(at.row, at.unit, k)) for k in units))
        )  # fmt: skip


def ratio(upper: Name, lower: Quantity, at: Place) -> Name:
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


# ---------------------------------------------------------------------------------------------- dropout, normalization


class DropoutStage(Stage):
    """Each input times its mask."""

    op: Dropout

    def write(self) -> Quantity:
        """Make the mask, and the input times the mask."""
        M = self.buffer("M")
        self.mask = self.context.unit_quantity(self.k, "mask", self.units, M, self.drawn, self.fate)
        self.before = [self.mask]
        value = statements(self.op.formula)[0].value

        def masked(at: Place) -> Node:
            return fill(value, self.op, {"m_j": self.mask.ref(at.row, at.unit), "x_j": self.read.ref(at.row, at.unit)})

        return self.context.unit_quantity(self.k, "drop", self.units, self.buffer("Z"), masked)

    def drawn(self, at: Place) -> Node:
        """Give the mask's two values' formulas."""
        return over(ONE, plus(ONE, neg(setting_ref(self.op, "p")))) if self.mask.value(at) else Literal("0")

    def fate(self, at: Place) -> str:
        """Say what was drawn."""
        return "drawn: kept" if self.mask.value(at) else "drawn: dropped"

    def backward(self, grad: Quantity) -> tuple[tuple[Quantity, ...], Quantity]:
        """dE/dx = dE/dz m."""
        return (), self.slope(lambda at: times(grad.ref(at.row, at.unit), self.mask.ref(at.row, at.unit)))


class NormStage(Stage):
    """x̂ = (x - μ) r, z = γ x̂ + β."""

    op: BatchNorm | LayerNorm

    def write(self) -> Quantity:
        """Make r, x̂ and z."""
        quantities = self.parameters()
        self.gamma, self.beta = quantities["gamma"], quantities["beta"]
        self.before = [*self.moments()]
        self.norm = self.context.unit_quantity(self.k, "norm", self.units, self.buffer("N"), self.normalized)
        self.before.append(self.norm)
        return self.context.unit_quantity(self.k, "scaled", self.units, self.buffer("Z"), lambda at: plus(
            times(self.gamma.ref(0, at.unit), self.norm.ref(at.row, at.unit)), self.beta.ref(0, at.unit)))  # fmt: skip

    def moments(self) -> tuple[Quantity, ...]:
        """Make the quantities that x̂ needs."""
        raise NotImplementedError

    def normalized(self, at: Place) -> Node:
        """Give x̂."""
        raise NotImplementedError

    def row_slope(self, parameter: str, grad: Quantity, at: Place) -> Node:
        """dE/dγ = dE/dz x̂, dE/dβ = dE/dz."""
        slope = grad.ref(at.row, at.unit)
        return times(slope, self.norm.ref(at.row, at.unit)) if parameter == "gamma" else slope

    def vector(self, kind: str, name: str, expression: Callable[[Place], Node]) -> Quantity:
        """Make a quantity that a batch has once per unit."""
        array = self.buffer(name).reshape(-1)
        kind = self.context.free_kind(kind, self.units[0])
        return Quantity(
            "forward", kind, self.context.layer(self.k), units=self.units,
            name=lambda at: self.context.names.of(kind, self.units[at.unit]), values=lambda _: array,
            expression=expression,
        )  # fmt: skip


def mean(terms: list[Node], count: Node) -> Node:
    """Give the mean of terms."""
    return over(plus(*terms), count)


class BatchNormStage(NormStage):
    """Moments over the rows of the batch."""

    op: BatchNorm

    def moments(self) -> tuple[Quantity, ...]:
        """Make μ and r = 1 / √(σ² + ε) of each unit."""
        rows = range(self.context.recording.rows)
        n = constant("n", "n", float(len(rows)))

        def spread(at: Place) -> Node:
            gaps = [plus(self.read.ref(i, at.unit), neg(self.mu.ref(0, at.unit))) for i in rows]
            variance = mean([power(gap, Literal("2")) for gap in gaps], n)
            return over(ONE, call("sqrt", plus(variance, setting_ref(self.op, "epsilon"))))

        self.n = n
        self.mu = self.vector("mu", "mu", lambda at: mean([self.read.ref(i, at.unit) for i in rows], n))
        self.r = self.vector("r", "r", spread)
        return self.mu, self.r

    def normalized(self, at: Place) -> Node:
        """Give x̂ = (x - μ) r."""
        return times(plus(self.read.ref(at.row, at.unit), neg(self.mu.ref(0, at.unit))), self.r.ref(0, at.unit))

    def backward(self, grad: Quantity) -> tuple[tuple[Quantity, ...], Quantity]:
        """dE/dx = γ r (dE/dz - (Σ dE/dz + x̂ Σ dE/dz x̂) / n), the sums over the rows."""
        rows = range(self.context.recording.rows)

        def expression(at: Place) -> Node:
            j = at.unit
            shift = plus(*(grad.ref(i, j) for i in rows))
            along = plus(*(times(grad.ref(i, j), self.norm.ref(i, j)) for i in rows))
            inner = over(plus(shift, times(self.norm.ref(at.row, j), along)), self.n)
            return times(self.gamma.ref(0, j), self.r.ref(0, j), plus(grad.ref(at.row, j), neg(inner)))

        return (), self.slope(expression)


class LayerNormStage(NormStage):
    """Moments over the units of the row."""

    op: LayerNorm

    def moments(self) -> tuple[Quantity, ...]:
        """Make r = 1 / √(σ² + ε) of each row."""
        units = range(len(self.units))
        self.count = constant("k", "k", float(len(units)))
        array = self.buffer("r")
        name = f"layer {self.context.layer(self.k)}"

        def spread(at: Place) -> Node:
            gaps = [plus(self.read.ref(at.row, j), neg(self.mean(at.row))) for j in units]
            variance = mean([power(gap, Literal("2")) for gap in gaps], self.count)
            return over(ONE, call("sqrt", plus(variance, setting_ref(self.op, "epsilon"))))

        self.r = Quantity(
            "forward", "r", self.context.layer(self.k), rows=self.context.rows,
            name=lambda at: self.context.names.of("r", name, row=self.context.row_name(at.row)),
            values=lambda row: array[row].reshape(-1), expression=spread,
        )  # fmt: skip
        return (self.r,)

    def mean(self, row: int) -> Node:
        """Give μ, the mean of a row."""
        return mean([self.read.ref(row, j) for j in range(len(self.units))], self.count)

    def normalized(self, at: Place) -> Node:
        """Give x̂ = (x - μ) r."""
        return times(plus(self.read.ref(at.row, at.unit), neg(self.mean(at.row))), self.r.ref(at.row, 0))

    def backward(self, grad: Quantity) -> tuple[tuple[Quantity, ...], Quantity]:
        """dE/dx_j = r (γ_j dE/dz_j - mean of γ dE/dz - x̂_j mean of γ dE/dz x̂), the means over the units."""
        units = range(len(self.units))

        def expression(at: Place) -> Node:
            scaled = [times(self.gamma.ref(0, i), grad.ref(at.row, i)) for i in units]
            along = [times(self.gamma.ref(0, i), grad.ref(at.row, i), self.norm.ref(at.row, i)) for i in units]
            inner = plus(
                scaled[at.unit], neg(mean(scaled, self.count)),
                neg(times(self.norm.ref(at.row, at.unit), mean(along, self.count))),
            )  # fmt: skip
            return times(self.r.ref(at.row, 0), inner)

        return (), self.slope(expression)


STAGES: dict[type[Layer], type[Stage]] = {
    Dense: DenseStage, Dropout: DropoutStage, BatchNorm: BatchNormStage, LayerNorm: LayerNormStage,
    Softmax: SoftmaxStage,
}  # fmt: skip


def stages_of(context: Context, inputs: Quantity) -> list[Stage]:
    """Give the stages of the whole chain; a dense layer without an activation has a stage for out = net too."""
    stages: list[Stage] = []
    ops = context.recording.network.ops
    read = inputs
    for k, op in enumerate(ops):
        kind = STAGES.get(type(op)) or (ActivationStage if is_elementwise(op) else Stage)
        stages.append(kind(context, k, op, read, f"layer {context.layer(k)}: {layer_title(op)}"))
        follows = ops[k + 1] if k + 1 < len(ops) else None
        if isinstance(op, Dense) and not isinstance(follows, (Activation, BatchNorm, LayerNorm)):
            stages.append(
                IdentityStage(context, k, Identity(), stages[-1].written, f"layer {context.layer(k)}: no activation")
            )
        read = stages[-1].written
    return stages


def layer_title(op: Layer) -> str:
    """Give an op's name for a heading."""
    return op.name.replace("_", " ")
