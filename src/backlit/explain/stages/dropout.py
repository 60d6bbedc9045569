"""Dropout explained."""

from __future__ import annotations

from backlit.explain.algebra.parsing import statements
from backlit.explain.algebra.tree import Literal, Node, neg, over, plus, times
from backlit.explain.context import fill, setting_ref
from backlit.explain.record.quantities import Place, Quantity, Readable
from backlit.explain.stages.base import ONE, Stage, explains
from backlit.ops.layers.dropout import Dropout


@explains(Dropout)
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

    def backward(self, grad: Readable) -> tuple[tuple[Quantity, ...], Quantity]:
        """dE/dx = dE/dz m."""
        return (), self.slope(lambda at: times(grad.ref(at.row, at.unit), self.mask.ref(at.row, at.unit)))
