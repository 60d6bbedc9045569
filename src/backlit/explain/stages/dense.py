"""The dense layer explained."""

from __future__ import annotations

from backlit.explain.algebra.tree import Node, plus, times
from backlit.explain.record.quantities import Place, Quantity, Readable
from backlit.explain.stages.base import ParameterQuantity, Stage, explains
from backlit.ops.layers.dense import Dense


@explains(Dense)
class DenseStage(Stage):
    """net = Σ w x + b."""

    writes_net = True

    def write(self) -> Quantity:
        """Make net."""
        quantities = self.make_parameters()
        self.w, self.b = quantities["W"], quantities.get("b")
        terms = 2 * len(self.read.units)
        return self.context.unit_quantity(self.k, "net", self.units, self.buffer("Z"), self.net, terms=terms)

    def net(self, at: Place) -> Node:
        """Give net as the sum of weights times inputs, plus the bias."""
        sources = range(len(self.read.units))
        total = plus(*(times(self.w.ref(0, at.unit, i), self.read.ref(at.row, i)) for i in sources))
        return plus(total, self.b.ref(0, at.unit)) if self.b else total

    def backward(self, grad: Readable) -> tuple[tuple[Quantity, ...], Quantity]:
        """dE/dx_i = Σ_j dE/dnet_j w_ij."""
        units = range(len(self.units))
        return (), self.slope(
            lambda at: plus(*(times(grad.ref(at.row, j), self.w.ref(0, j, at.unit)) for j in units)),
            terms=2 * len(units),
        )  # fmt: skip

    def row_slope(self, parameter: ParameterQuantity, grad: Readable, at: Place) -> Node:
        """dE/dw_ij = dE/dnet_j x_i, dE/db_j = dE/dnet_j."""
        slope = grad.ref(at.row, at.unit)
        return times(slope, self.read.ref(at.row, at.source)) if parameter.array_name == "W" else slope
