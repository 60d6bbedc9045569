"""How the error comes about from outputs and targets, and its derivative with respect to the outputs.

Where training computes the derivatives of the loss and the last activation in one formula, both ways are shown: the
chain rule through the activation, recorded by running the two one by one, and that formula.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from backlit.explain.algebra.decimals import decimal_value
from backlit.explain.algebra.parsing import statements
from backlit.explain.algebra.tree import Apply, Literal, Node, Ref, Symbol, call, expand, neg, over, plus, square, times
from backlit.explain.context import Context, constant, fill
from backlit.explain.quantity_names import Name, row_symbol
from backlit.explain.record.quantities import Place, Quantity, Readable
from backlit.explain.record.recording import Recording, is_elementwise, op_value
from backlit.explain.stages.activation import ActivationStage, side_of_kinks
from backlit.explain.stages.base import ParameterQuantity, Stage
from backlit.explain.stages.batch_mean import WEIGHTLESS, BatchMean
from backlit.explain.stages.own_formula import is_own, own_output, own_row, own_slope, written
from backlit.explain.stages.true_formula import true_formula
from backlit.kernels.types import Array
from backlit.ops.base import Loss
from backlit.ops.losses.multiclass import class_weights


class ErrorPart:
    """The error and its derivatives.

    Attributes:
        last: the last stage, whose outputs the loss compares with the targets. `parameters`: those before the step.
        joined: whether the machine trains with a form that joins the loss and the last activation.
        targets: the targets. `per_output`, `per_row`: the errors of outputs and rows, where they differ from E itself.
        E: the error. `penalty`: the penalty of the weights, or None.
    """

    def __init__(self, context: Context, last: Stage, parameters: Sequence[ParameterQuantity]) -> None:
        self.context, self.last, self.parameters = context, last, parameters
        self.recording = context.recording
        self.loss: Loss = self.recording.network.loss
        self.trained: Loss = self.recording.executable.loss
        self.units = last.units
        self.mean = BatchMean(context, self.loss, len(self.units))
        self.joined = self.recording.chain is not None
        self._rows_written: dict[int, tuple[Node, str]] = {}
        self.targets = self._targets()
        self.per_output = self._per_output() if is_elementwise(self.loss) else None
        self.per_row = self._per_row() if self.recording.rows > 1 else None
        self.E = self._total()
        self.penalty = self._penalty()

    # --------------------------------------------------------------------------------------------------------- forward

    @property
    def scores(self) -> Readable:
        """The numbers z of a loss's formula: the input of the activation that it is joined with, else the outputs."""
        return self.last.read if self.joined else self.last.written

    def _targets(self) -> Quantity:
        """Make the targets as the loss takes them: per output, class numbers as 1 and 0, smoothed if asked."""
        T = self.recording.Y
        smoothing = float(getattr(self.loss, "label_smoothing", 0.0))
        if self.loss.class_targets:
            T = np.asarray(class_weights(T, len(self.units), smoothing))
        note = f"smoothed by s = {smoothing:g}: (1 - s) t + s / {len(self.units)}" if smoothing else ""
        return Quantity(
            "error", "target", None, units=self.units, rows=self.context.rows, values=lambda row: T[row],
            name=lambda at: self.context.names.of("t", self.units[at.unit], row=self.context.row_name(at.row)),
            note=lambda _: note,
        )  # fmt: skip

    def row_formula(self, row: int) -> Node:
        """Give the loss of a row, for losses that are no sum over outputs."""
        return self._of_row(row)[0]

    def _of_row(self, row: int) -> tuple[Node, str]:
        """Give the formula that gives a row's loss, and the remark on its limits."""
        if row not in self._rows_written:
            self._rows_written[row] = self._write_row(row)
        return self._rows_written[row]

    def _write_row(self, row: int) -> tuple[Node, str]:
        value = float(self.recording.array("l").reshape(-1)[row])
        own = own_row(self.loss, self.last.written, self.targets, row)
        ways = written(self.loss, value, self._ways(), lambda text: self.expanded(text, row, {}), own)
        return self._written(ways, value)

    def _ways(self) -> list[str]:
        """Give the formulas that may give the loss: the plain one, that with its limits, the one that trained."""
        ways = (self.loss.formula, self.loss.limited_formula, self.trained.formula if self.joined else "")
        return [formula for formula in ways if formula]

    def _written(self, ways: list[Node], value: float) -> tuple[Node, str]:
        """Choose the first way to write a loss that gives its number; give the remark on its limits with it."""
        ceiling = float(getattr(self.loss, "ceiling", 0.0))
        capped = [self.capped(node) for node in ways]
        place = true_formula(value, capped)
        if value == ceiling > 0.0 and not decimal_value(ways[place]).is_finite():  # its limit acts below the ceiling
            place = next((other for other, way in enumerate(ways) if decimal_value(way).is_finite()), place)
        remarks = [self.loss.limits] if place == 1 and self.loss.limited_formula else []
        remarks += (
            [f"the ceiling, {ceiling:g}, limits the error alone, not its slope"] if value == ceiling > 0.0 else []
        )
        return capped[place], "; ".join(remarks)

    def capped(self, node: Node) -> Node:
        """Limit a loss to its ceiling, where it has one."""
        ceiling = float(getattr(self.loss, "ceiling", 0.0))
        return call("min", node, constant("ceiling", r"\ell_{\text{max}}", ceiling)) if ceiling else node

    def at_ceiling(self) -> bool:
        """Tell whether a part of the error is at its ceiling."""
        ceiling = float(getattr(self.loss, "ceiling", 0.0))
        losses = self.recording.array("l").reshape(-1)
        parts = [self.per_output.values(row) for row in range(self.recording.rows)] if self.per_output else losses
        return ceiling > 0.0 and bool(np.any(np.asarray(parts) == ceiling))

    def expanded(self, formula: str, row: int, at: dict[str, int]) -> Node:
        """Write out a formula over the outputs of a row."""
        return self._expand(statements(formula)[0].value, row, at)

    def _expand(self, node: Node, row: int, at: dict[str, int]) -> Node:
        size = len(self.units)
        quantities = {"a": self.last.written, "z": self.scores, "t": self.targets}
        places = at | self._classes(row)
        return expand(
            node, {"j": size, "k": size},
            lambda base, *j: quantities[base].ref(row, j[0]) if j and base in quantities else Symbol(base), places,
        )  # fmt: skip

    @functools.lru_cache(maxsize=1)  # noqa: B019  (of the row at hand)
    def _classes(self, row: int) -> dict[str, int]:
        """Give the class of a row, and its rival of the highest score, as formulas name them."""
        if is_elementwise(self.loss):
            return {}
        T = self.recording.Y
        true = int(T[row, 0]) if T.shape[1] == 1 else int(np.argmax(T[row]))
        scores = [(self.last.written.value(Place(row, 0, j)), -j) for j in range(len(self.units)) if j != true]
        return {"c": true, "r": -max(scores)[1] if scores else true}

    def _outputs(self) -> Array:
        """Give what the loss that trained reads: the input of the activation that it is joined with, or the outputs."""
        if self.joined:
            return self.last.buffer(self.last.op.reads[0])
        return np.array([self.last.written.values(row) for row in range(self.recording.rows)])

    def _per_output(self) -> Quantity:
        """Make E(o1), E(o2), ...: the loss's own value of each output."""
        values = op_value(self.trained, "value", self._outputs(), self.recording.Y)

        def chosen(at: Place) -> tuple[Node, str]:
            value = float(values[at.row, at.unit])
            own = own_output(self.loss, "value", self.last.written, self.targets, at)
            ways = written(
                self.loss, value, self._ways(), lambda text: self._with_least(self.elementwise(text, at), at), own
            )
            return self._written(ways, value)

        return Quantity(
            "error", "E", None, units=self.units, rows=self.context.rows, values=lambda row: values[row],
            name=lambda at: self.context.names.of("E", self.units[at.unit], row=self.context.row_name(at.row)),
            expression=lambda at: chosen(at)[0], note=lambda at: chosen(at)[1],
        )  # fmt: skip

    def _with_least(self, node: Node, at: Place) -> Node:
        """Add t log t - t where the loss is a deviance."""
        t = self.targets.ref(at.row, at.unit)
        if getattr(self.loss, "deviance", False) and t.value > 0:
            return plus(node, plus(times(t, call("log", t)), neg(t)))
        return node

    def elementwise(self, formula: str, at: Place) -> Node:
        """Put one output's numbers into a formula."""
        return fill(statements(formula)[0].value, self.loss, self._known(at))

    def _known(self, at: Place) -> dict[str, Node]:
        """Give what the symbols of an element-wise loss stand for: its output, its target, its score."""
        return {
            "a": self.last.written.ref(at.row, at.unit), "t": self.targets.ref(at.row, at.unit),
            "z": self.scores.ref(at.row, at.unit),
        }  # fmt: skip

    def _sum_of_row(self, row: int) -> Node:
        if self.per_output is None:
            return self.row_formula(row)
        return plus(*(self.per_output.ref(row, j) for j in range(len(self.units))))

    def _note_of_row(self, row: int) -> str:
        return "" if self.per_output else self._of_row(row)[1]

    def _per_row(self) -> Quantity:
        """Make E[1], E[2], ...: the losses of the rows."""
        losses = self.recording.array("l").reshape(-1)

        def name(at: Place) -> Name:
            row = self.context.row_name(at.row)
            return Name(f"E[{row}]", rf"E^{{({row_symbol(row)})}}")

        return Quantity(
            "error", "E", None, rows=self.context.rows, name=name, values=lambda row: losses[row : row + 1],
            expression=lambda at: self._sum_of_row(at.row), note=lambda at: self._note_of_row(at.row),
        )  # fmt: skip

    def _total(self) -> Quantity:
        return Quantity(
            "error", "E", None, name=lambda _: Name("E", "E"), values=lambda _: np.array([self.recording.E]),
            expression=lambda _: self.mean.total(self._errors()),
            note=lambda _: "; ".join(filter(None, [
                self.mean.remark(self._errors()), "" if self.per_row else self._note_of_row(0)])),
        )  # fmt: skip

    def _errors(self) -> list[Node]:
        """Give the errors of the rows; of one row, what its loss is made of."""
        if self.per_row is None:
            return [self._sum_of_row(0)]
        return [self.per_row.ref(row, 0) for row in range(self.recording.rows)]

    def _penalty(self) -> Quantity | None:
        s = self.recording.settings
        if not (s.l1 or s.l2):
            return None
        return Quantity(
            "error", "penalty", None, name=lambda _: Name("penalty", "R"),
            expression=lambda _: self._penalty_formula(), values=lambda _: np.array([self.recording.penalty]),
            note=lambda _: "training minimizes E + penalty" if self._penalised() else "no trained weight has one",
        )  # fmt: skip

    def _penalised(self) -> list[Ref]:
        """Give the weights that are penalised: those that are trained, the biases only where they decay too."""
        recording = self.recording
        w: list[Ref] = []
        for quantity in self.parameters:
            if recording.has_gradient(quantity.full) and recording.decays(quantity.full):
                w += [
                    quantity.ref(0, j, i) for i in range(len(quantity.sources) or 1) for j in range(len(quantity.units))
                ]
        return w

    def _penalty_formula(self) -> Node:
        s, w = self.recording.settings, self._penalised()
        if not w:
            return Literal("0")
        squares = times(over(constant("l2", r"\lambda_2", s.l2), Literal("2")), plus(*(square(x) for x in w)))
        sizes = times(constant("l1", r"\lambda_1", s.l1), plus(*(call("abs", x) for x in w)))
        return plus(*([squares] if s.l2 else []), *([sizes] if s.l1 else []))

    # -------------------------------------------------------------------------------------------------------- backward

    def output_slopes(self) -> Quantity:
        """Make dE/dout of the outputs."""
        op = self.recording.network.ops[self.last.k]
        array = self.last.buffer(f"d{op.writes}", self.recording.chain)

        def chosen(at: Place) -> tuple[Node, str]:
            ways = self._output_slopes(at, float(array[at.row, at.unit]))
            place = true_formula(float(array[at.row, at.unit]), ways)
            remark = self.loss.limits if place else self._side(at)
            return ways[place], WEIGHTLESS if self.mean.weightless else remark

        return self.context.slope_quantity(
            None, self.last.written, array, lambda at: chosen(at)[0], lambda at: chosen(at)[1]
        )  # fmt: skip

    def _output_slopes(self, at: Place, value: float) -> list[Node]:
        """Give the ways to write dE/dout: the plain one, and that with the loss's limits."""
        alone = is_elementwise(self.loss)

        def make(text: str) -> Node:
            node = self.elementwise(text, at) if alone else self.expanded(text, at.row, {"j": at.unit})
            return self.mean.scaled(node, at.row)

        own = own_slope(self.loss, self.last.written, self.targets, at)
        texts = (self.loss.slope_formula, self.loss.limited_slope_formula)
        return written(self.loss, value, texts, make, self.mean.scaled(own, at.row))

    def _side(self, at: Place) -> str:
        if tuple(self.loss.kinks) != (0.0,):
            return ""
        gap = self.last.written.value(at) - self.targets.value(at)

        def slope(x: float) -> float:
            return float(op_value(self.loss, "slope", np.array([x]), np.array([0.0]))[0])

        return side_of_kinks(gap, tuple(self.loss.kinks), "out - t", slope)

    def first(self) -> tuple[list[tuple[str, tuple[Quantity, ...]]], Quantity]:
        """Give the first groups of the backward pass, and the derivative from which the stages go on.

        It is that with respect to the outputs; where loss and activation are joined, to the activation's input.
        """
        slopes = self.output_slopes()
        if not self.joined:
            return [("the error's slopes", (slopes,))], slopes
        last = self.last
        assert isinstance(last, ActivationStage)
        local = last.local()
        chain = self._input_slopes(self.recording.chain, lambda at: last.chain_rule(slopes, local, at), kind="chain")
        short = self._input_slopes(self.recording, self._short_form, self._agreement(chain))
        return [
            ("by the chain rule, through the loss and the activation", (slopes, local, chain)),
            ("the same derivative simplified, as training computes it", (short,)),
        ], short

    def _input_slopes(
        self, recording: Recording | None, expression: Callable[[Place], Node],
        note: Callable[[Place], str] | None = None, kind: str = "",
    ) -> Quantity:  # fmt: skip
        """Make dE/dnet of the last activation, as a recording holds it."""
        array = self.last.buffer(f"d{self.last.op.reads[0]}", recording)
        return self.context.slope_quantity(
            self.context.layer(self.last.k), self.last.read, array, expression, note, kind
        )  # fmt: skip

    def _short_form(self, at: Place) -> Node:
        """Give the joined loss's slope, the activation's formula in it written as its output where that is as good."""
        value = float(self._trained_slopes[at.row, at.unit])
        if is_own(self.trained) or is_own(self.last.op):
            own = self.mean.scaled(own_slope(self.trained, self.scores, self.targets, at), at.row)
            texts = [self.trained.slope_formula]
            return written(self.trained, value, texts, lambda t: self._slope_of(statements(t)[0].value, at), own)[0]
        activation = statements(self.last.op.formula)[0].value  # type: ignore[attr-defined]
        full = statements(self.trained.slope_formula)[0].value
        ways: list[Node] = []

        def writing() -> Iterator[Node]:  # the second one, which is long, only where the first does not agree
            ways.append(self._in_outputs(full, activation, at))
            yield ways[-1]
            ways.append(self._slope_of(full, at))
            yield ways[-1]

        return ways[true_formula(value, writing())]

    @functools.cached_property
    def _trained_slopes(self) -> Array:
        """The slopes (n, units) of the error by the input of the last activation, as training has them."""
        return self.last.buffer(f"d{self.last.op.reads[0]}")

    def _slope_of(self, node: Node, at: Place) -> Node:
        """Put a row's numbers into a slope of the joined loss."""
        if is_elementwise(self.trained):
            return self.mean.scaled(fill(node, self.trained, self._known(at)), at.row)
        return self.mean.scaled(self._expand(node, at.row, {"j": at.unit}), at.row)

    def _in_outputs(self, node: Node, activation: Node, at: Place) -> Node:
        """Write the activation's formula as its output, and leave the sum of the targets out where it is 1."""
        if is_elementwise(self.trained):
            return self._slope_of(_put(node, activation, Symbol("a")), at)
        return self._slope_of(_output_form(node, activation, abs(self._sum_of_targets(at.row) - 1.0) < 1e-12), at)

    @functools.lru_cache(maxsize=1)  # noqa: B019  (of the row at hand)
    def _sum_of_targets(self, row: int) -> float:
        return sum(self.targets.value(Place(row, 0, j)) for j in range(len(self.units)))

    def _agreement(self, chain: Quantity) -> Callable[[Place], str]:
        """Give the note that compares the numbers of the chain rule with those of the joined form."""

        def why(row: int) -> str:
            if is_elementwise(self.trained):
                return "the product above, written out and simplified, is this form"
            total = self._sum_of_targets(row)
            return f"Σk (-tk / pk) pk ([k = j] - pj) = pj Σk tk - tj, and the targets sum to {total:.6g}"

        trained = self._trained_slopes

        def note(at: Place) -> str:
            long, short = chain.value(at), float(trained[at.row, at.unit])
            if np.isclose(long, short, rtol=1e-9, atol=1e-12):
                return (
                    f"the same as by the chain rule: {why(at.row)}" if at.unit == 0 else "the same as by the chain rule"
                )
            return "by the chain rule the numbers lost digits where an output rounds to 0 or 1; this form does not"

        return note


@functools.lru_cache(maxsize=8)
def _output_form(node: Node, activation: Node, one: bool) -> Node:
    """Write the activation's formula in a slope as its output, and leave out the sum of the targets where it is 1."""
    a = Symbol("a_j")
    node = _put(node, activation, a)
    return _put(node, times(a, Apply("sum:k", (Symbol("t_k"),))), a) if one else node


def _put(node: Node, pattern: Node, new: Node) -> Node:
    """Replace every tree that equals the pattern."""
    if node == pattern:
        return new
    if isinstance(node, Apply):
        return Apply(node.head, tuple(_put(arg, pattern, new) for arg in node.args))
    return node
