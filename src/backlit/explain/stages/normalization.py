"""Batch and layer normalization explained."""

from __future__ import annotations

from collections.abc import Callable

from backlit.explain.algebra.tree import Node, call, neg, over, plus, square, times
from backlit.explain.context import constant, setting_ref
from backlit.explain.record.quantities import Place, Quantity, Readable
from backlit.explain.stages.base import ONE, ParameterQuantity, Stage, explains
from backlit.ops.layers.normalization import BatchNorm, LayerNorm

SEVERAL = {"row": ": take several rows in a batch", "unit": ": it needs several units"}
"""What to do where the mean is over one number."""


class NormStage(Stage):
    """x̂ = (x - μ) r, z = γ x̂ + β."""

    takes_net = True
    op: BatchNorm | LayerNorm

    def write(self) -> Quantity:
        """Make r, x̂ and z."""
        quantities = self.make_parameters()
        self.gamma, self.beta = quantities["gamma"], quantities["beta"]
        self.before = [*self.moments()]
        self.norm = self.context.unit_quantity(
            self.k, "norm", self.units, self.buffer("N"), self.normalized, self._alone
        )
        self.before.append(self.norm)
        return self.context.unit_quantity(self.k, "scaled", self.units, self.buffer("Z"), lambda at: plus(
            times(self.gamma.ref(0, at.unit), self.norm.ref(at.row, at.unit)), self.beta.ref(0, at.unit)))  # fmt: skip

    def moments(self) -> tuple[Quantity, ...]:
        """Make the quantities that x̂ needs."""
        raise NotImplementedError

    @property
    def averaged(self) -> tuple[int, str]:
        """How many of what the mean is over."""
        raise NotImplementedError

    def _alone(self, at: Place) -> str:
        """Say that the mean of one number leaves nothing."""
        count, what = self.averaged
        return f"one {what} is its own mean, so the norm is 0{SEVERAL[what]}" if count == 1 else ""

    def _lost(self, at: Place) -> str:
        count, what = self.averaged
        return f"no slope passes the norm of one {what}, whose output is always β" if count == 1 else ""

    def normalized(self, at: Place) -> Node:
        """Give x̂."""
        raise NotImplementedError

    def row_slope(self, parameter: ParameterQuantity, grad: Readable, at: Place) -> Node:
        """dE/dγ = dE/dz x̂, dE/dβ = dE/dz."""
        slope = grad.ref(at.row, at.unit)
        return times(slope, self.norm.ref(at.row, at.unit)) if parameter.array_name == "gamma" else slope

    def vector(self, kind: str, name: str, expression: Callable[[Place], Node]) -> Quantity:
        """Make a quantity that a batch has once per unit."""
        array = self.buffer(name).reshape(-1)
        kind = self.context.free_kind(kind, self.units)
        return Quantity(
            "forward", kind, self.context.layer(self.k), units=self.units,
            name=lambda at: self.context.names.of(kind, self.units[at.unit]), values=lambda _: array,
            expression=expression,
        )  # fmt: skip


def mean(terms: list[Node], count: Node) -> Node:
    """Give the mean of terms."""
    return over(plus(*terms), count)


@explains(BatchNorm)
class BatchNormStage(NormStage):
    """Moments over the rows of the batch."""

    op: BatchNorm

    @property
    def averaged(self) -> tuple[int, str]:
        """The rows."""
        return self.context.recording.rows, "row"

    def moments(self) -> tuple[Quantity, ...]:
        """Make μ and r = 1 / √(σ² + ε) of each unit."""
        rows = range(self.context.recording.rows)
        n = constant("n", "n", float(len(rows)))

        def spread(at: Place) -> Node:
            gaps = [plus(self.read.ref(i, at.unit), neg(self.mu.ref(0, at.unit))) for i in rows]
            variance = mean([square(gap) for gap in gaps], n)
            return over(ONE, call("sqrt", plus(variance, setting_ref(self.op, "epsilon"))))

        self.n = n
        self.mu = self.vector("mu", "mu", lambda at: mean([self.read.ref(i, at.unit) for i in rows], n))
        self.r = self.vector("r", "r", spread)
        return self.mu, self.r

    def normalized(self, at: Place) -> Node:
        """Give x̂ = (x - μ) r."""
        return times(plus(self.read.ref(at.row, at.unit), neg(self.mu.ref(0, at.unit))), self.r.ref(0, at.unit))

    def backward(self, grad: Readable) -> tuple[tuple[Quantity, ...], Quantity]:
        """dE/dx = γ r (dE/dz - (Σ dE/dz + x̂ Σ dE/dz x̂) / n), the sums over the rows."""
        rows = range(self.context.recording.rows)

        def expression(at: Place) -> Node:
            j = at.unit
            shift = plus(*(grad.ref(i, j) for i in rows))
            along = plus(*(times(grad.ref(i, j), self.norm.ref(i, j)) for i in rows))
            inner = over(plus(shift, times(self.norm.ref(at.row, j), along)), self.n)
            return times(self.gamma.ref(0, j), self.r.ref(0, j), plus(grad.ref(at.row, j), neg(inner)))

        return (), self.slope(expression, self._lost)


@explains(LayerNorm)
class LayerNormStage(NormStage):
    """Moments over the units of the row."""

    op: LayerNorm

    @property
    def averaged(self) -> tuple[int, str]:
        """The units."""
        return len(self.units), "unit"

    def moments(self) -> tuple[Quantity, ...]:
        """Make r = 1 / √(σ² + ε) of each row."""
        units = range(len(self.units))
        self.count = constant("k", "k", float(len(units)))
        array = self.buffer("r")
        name = f"layer {self.context.layer(self.k)}"

        def spread(at: Place) -> Node:
            gaps = [plus(self.read.ref(at.row, j), neg(self.mean(at.row))) for j in units]
            variance = mean([square(gap) for gap in gaps], self.count)
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

    def backward(self, grad: Readable) -> tuple[tuple[Quantity, ...], Quantity]:
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

        return (), self.slope(expression, self._lost)
