"""How the errors of the rows become that of the batch: their sum or mean, with the weights of the rows."""

from __future__ import annotations

from collections.abc import Sequence

from backlit.explain.algebra.decimals import decimal_value
from backlit.explain.algebra.tree import Literal, Node, Ref, over, plus, times
from backlit.explain.context import Context, constant
from backlit.explain.quantity_names import row_symbol
from backlit.ops.base import Loss

WEIGHTLESS = "all rows of the batch have weight 0: their mean counts as 0"


class BatchMean:
    """A loss's reduction: E of the rows' errors, and the factor of each row's slopes.

    Attributes:
        weighted: whether the rows have weights. `weightless`: whether E is a mean of rows whose weights are all 0; it
            counts as 0, and so do its slopes.
    """

    def __init__(self, context: Context, loss: Loss, outputs: int) -> None:
        self.context, self.recording, self.loss, self.outputs = context, context.recording, loss, outputs
        self.weighted = bool(self.recording.weights.size)
        self.weightless = loss.reduction != "sum" and self.recording.weight == 0.0

    def total(self, errors: Sequence[Node]) -> Node:
        """Give E as the sum or the mean of the rows' errors; a row of weight 0 counts nothing, even an infinite one."""
        left_out = self._left_out(errors)
        kept = [(row, error) for row, error in enumerate(errors) if row not in left_out]
        if self.weightless or not kept:
            return Literal("0")
        terms = [times(self.row_weight(row), error) if self.weighted else error for row, error in kept]
        divisor = self.divisor()
        return plus(*terms) if divisor is None else over(plus(*terms), divisor)

    def remark(self, errors: Sequence[Node]) -> str:
        """Say what the weights leave out."""
        if self.weightless:
            return WEIGHTLESS
        names = ", ".join(self.context.row_name(row) for row in self._left_out(errors))
        return f"left out, for its weight is 0: row {names}" if names else ""

    def _left_out(self, errors: Sequence[Node]) -> list[int]:
        """Give the rows of weight 0 whose errors are not finite."""
        if not self.weighted:
            return []
        zero = [row for row, weight in enumerate(self.recording.weights) if not weight]
        return [row for row in zero if not decimal_value(errors[row]).is_finite()]

    def row_weight(self, row: int) -> Ref:
        """Give a row's weight for use in a formula."""
        weight = float(self.recording.weights[row]) if self.weighted else 1.0
        name = self.context.row_name(row)
        return constant(f"s[{name}]", rf"s_{{{row_symbol(name)}}}", weight) if name else constant("s", "s", weight)

    def divisor(self) -> Node | None:
        """Give the divisor of the sum over the rows; None for 1."""
        if self.loss.reduction == "sum":
            return None
        total = constant("S", r"\textstyle\sum s", self.recording.weight) if self.weighted else None
        n = total or constant("n", "n", float(self.recording.rows))
        k = constant("k", "k", float(self.outputs))
        parts: list[Node] = [n] if self.weighted or self.recording.rows > 1 else []
        parts += [k] if self.loss.reduction == "mean_all" and k.value != 1.0 else []
        return times(*parts) if parts else None

    def scaled(self, slope: Node, row: int) -> Node:
        """Multiply a row's slope by the row's weight and the reduction's factor."""
        if self.weightless:
            return times(Literal("0"), slope)
        divisor = self.divisor()
        weight = self.row_weight(row) if self.weighted else None
        if weight is None and divisor is None:
            return slope
        factor: Node = weight or Literal("1")
        return times(factor if divisor is None else over(factor, divisor), slope)
