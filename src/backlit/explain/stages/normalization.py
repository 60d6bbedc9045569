"""Batch and layer normalization explained."""

from __future__ import annotations

from collections.abc import Callable

from backlit.engine import without_place
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
            times(self.gamma.ref(0, self.channel(at.unit)), self.norm.ref(at.row, at.unit)),
            self.beta.ref(0, self.channel(at.unit))))  # fmt: skip

    def channel(self, unit: int) -> int:
        """Give which channel a number is of; of a row with one axis, which unit it is."""
        return unit % len(self.channels)

    def positions_of(self, channel: int) -> range:
        """Give the numbers of a channel at all positions."""
        return range(channel, len(self.units), len(self.channels))

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
        """dE/dγ = dE/dz x̂, dE/dβ = dE/dz, summed over the positions."""
        slopes = [(grad.ref(at.row, j), self.norm.ref(at.row, j)) for j in self.positions_of(at.unit)]
        return plus(*(times(slope, norm) if parameter.array_name == "gamma" else slope for slope, norm in slopes))

    def vector(self, kind: str, name: str, expression: Callable[[Place], Node]) -> Quantity:
        """Make a quantity that a batch has once per unit."""
        array = self.buffer(name).reshape(-1)
        units = self.channels
        kind = self.context.free_kind(kind, units)
        return Quantity(
            "forward", kind, self.context.layer(self.k), units=units,
            name=lambda at: self.context.names.of(kind, units[at.unit]), values=lambda _: array,
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
        """The rows, at all positions."""
        return self.context.recording.rows * len(self.positions_of(0)), "row"

    def moments(self) -> tuple[Quantity, ...]:
        """Make μ and r = 1 / √(σ² + ε) of each unit."""
        n = constant("n", "n", float(self.averaged[0]))

        def spread(at: Place) -> Node:
            gaps = [plus(self.read.ref(i, j), neg(self.mu.ref(0, at.unit))) for i, j in self.averaged_over(at.unit)]
            variance = mean([square(gap) for gap in gaps], n)
            return over(ONE, call("sqrt", plus(variance, setting_ref(self.op, "epsilon"))))

        self.n = n
        self.mu = self.vector(
            "mu", "mu", lambda at: mean([self.read.ref(i, j) for i, j in self.averaged_over(at.unit)], n)
        )
        self.r = self.vector("r", "r", spread)
        return self.mu, self.r

    def averaged_over(self, channel: int) -> list[tuple[int, int]]:
        """Give the rows and units whose mean is taken for a channel."""
        rows = range(self.context.recording.rows)
        return [(row, unit) for row in rows for unit in self.positions_of(channel)]

    def normalized(self, at: Place) -> Node:
        """Give x̂ = (x - μ) r."""
        channel = self.channel(at.unit)
        return times(plus(self.read.ref(at.row, at.unit), neg(self.mu.ref(0, channel))), self.r.ref(0, channel))

    def backward(self, grad: Readable) -> tuple[tuple[Quantity, ...], Quantity]:
        """dE/dx = γ r (dE/dz - (Σ dE/dz + x̂ Σ dE/dz x̂) / n), the sums over the rows and positions."""

        def expression(at: Place) -> Node:
            j = self.channel(at.unit)
            shift = plus(*(grad.ref(row, unit) for row, unit in self.averaged_over(j)))
            along = plus(*(times(grad.ref(i, unit), self.norm.ref(i, unit)) for i, unit in self.averaged_over(j)))
            inner = over(plus(shift, times(self.norm.ref(at.row, at.unit), along)), self.n)
            return times(self.gamma.ref(0, j), self.r.ref(0, j), plus(grad.ref(at.row, at.unit), neg(inner)))

        return (), self.slope(expression, self._lost)


@explains(LayerNorm)
class LayerNormStage(NormStage):
    """Moments over the units of the row, or over the channels of each position."""

    op: LayerNorm

    @property
    def averaged(self) -> tuple[int, str]:
        """The units."""
        return len(self.channels), "unit"

    def moments(self) -> tuple[Quantity, ...]:
        """Make r = 1 / √(σ² + ε) of each row and position."""
        self.count = constant("k", "k", float(len(self.channels)))
        array = self.buffer("r")
        layer = f"layer {self.context.layer(self.k)}"
        places = [layer + name.removeprefix(without_place(name)) for name in self.units[:: len(self.channels)]]

        def spread(at: Place) -> Node:
            mean_of = self.mean(at.row, at.unit * len(self.channels))
            units = self.beside(at.unit * len(self.channels))
            gaps = [plus(self.read.ref(at.row, j), neg(mean_of)) for j in units]
            variance = mean([square(gap) for gap in gaps], self.count)
            return over(ONE, call("sqrt", plus(variance, setting_ref(self.op, "epsilon"))))

        self.r = Quantity(
            "forward", "r", self.context.layer(self.k), units=places if len(places) > 1 else ("",),
            rows=self.context.rows, values=lambda row: array[row].reshape(-1), expression=spread,
            name=lambda at: self.context.names.of("r", places[at.unit], row=self.context.row_name(at.row)),
        )  # fmt: skip
        return (self.r,)

    def beside(self, unit: int) -> range:
        """Give the units of the same position."""
        first = unit - self.channel(unit)
        return range(first, first + len(self.channels))

    def mean(self, row: int, unit: int) -> Node:
        """Give μ, the mean of a row, or of a position of it."""
        return mean([self.read.ref(row, j) for j in self.beside(unit)], self.count)

    def rate(self, row: int, unit: int) -> Node:
        """Give r of the position of a unit."""
        return self.r.ref(row, unit // len(self.channels))

    def normalized(self, at: Place) -> Node:
        """Give x̂ = (x - μ) r."""
        gap = plus(self.read.ref(at.row, at.unit), neg(self.mean(at.row, at.unit)))
        return times(gap, self.rate(at.row, at.unit))

    def backward(self, grad: Readable) -> tuple[tuple[Quantity, ...], Quantity]:
        """dE/dx_j = r (γ_j dE/dz_j - mean of γ dE/dz - x̂_j mean of γ dE/dz x̂), the means over the units."""

        def expression(at: Place) -> Node:
            units = self.beside(at.unit)
            gammas = [self.gamma.ref(0, self.channel(i)) for i in units]
            scaled = [times(gamma, grad.ref(at.row, i)) for gamma, i in zip(gammas, units, strict=True)]
            along = [times(gamma, grad.ref(at.row, i), self.norm.ref(at.row, i))
                     for gamma, i in zip(gammas, units, strict=True)]  # fmt: skip
            inner = plus(
                scaled[self.channel(at.unit)], neg(mean(scaled, self.count)),
                neg(times(self.norm.ref(at.row, at.unit), mean(along, self.count))),
            )  # fmt: skip
            return times(self.rate(at.row, at.unit), inner)

        return (), self.slope(expression, self._lost)
