"""The backward pass of a step: derivatives of the error through every stage, and the gradients of the parameters."""

from __future__ import annotations

from collections.abc import Sequence

from backlit.explain.algebra.tree import Node, plus
from backlit.explain.context import Context
from backlit.explain.record.quantities import Group, Place, Quantity
from backlit.explain.stages.base import OWN_BACKWARD, ParameterQuantity, Stage
from backlit.explain.stages.loss import ErrorPart

CEILING = "E is at its ceiling, which the slope leaves out"


class BackwardPass:
    """The quantities of the backward pass, collected from the last stage to the first that needs one.

    Attributes:
        groups: the groups in the order of the pass.
        gradients: dE/dw of each trained parameter, by the parameter's name in the network. `row_gradients`: where there
            are several rows, each row's part of it.
    """

    def __init__(self, context: Context, stages: Sequence[Stage], error: ErrorPart) -> None:
        self.context, self.recording = context, context.recording
        self.gradients: dict[str, Quantity] = {}
        self.row_gradients: dict[str, Quantity] = {}
        self.remark = CEILING if error.at_ceiling() else ""
        groups, grad = error.first()
        self.groups: list[Group] = [Group(title, quantities) for title, quantities in groups]
        to_pass = stages[:-1] if error.joined else stages
        for place, stage in reversed(list(enumerate(to_pass))):
            self._parameter_gradients(stage, grad)
            if not any(self.recording.has_gradient(p.full) for s in to_pass[:place] for p in s.parameters):
                break
            before, grad = stage.backward(grad)
            self.groups.append(Group(f"back through {stage.title}", (*before, grad)))

    def _parameter_gradients(self, stage: Stage, grad: Quantity) -> None:
        """Add the group of the gradients of a stage's trained parameters."""
        wanted = [p for p in stage.parameters if self.recording.has_gradient(p.full)]
        if not wanted:
            return
        for parameter in wanted:
            if self.context.rows:
                self.row_gradients[parameter.full] = self._row_gradient(stage, parameter, grad)
            self.gradients[parameter.full] = self._gradient(stage, parameter, grad)
        shown = self.row_gradients if self.context.rows else self.gradients
        self.groups.append(Group(f"weights of {stage.title}", tuple(shown[p.full] for p in wanted)))

    def _row_gradient(self, stage: Stage, parameter: ParameterQuantity, grad: Quantity) -> Quantity:
        """Make each row's part of dE/dw of a parameter."""
        rows, name = self.context.rows, parameter.array_name
        return Quantity(
            "backward", f"dE/d{parameter.kind}", parameter.layer,
            units=parameter.units, sources=parameter.sources, rows=rows,
            name=lambda at: parameter.name(at).slope(rows[at.row]),
            values=lambda row: self.recording.row_gradient(stage.k, name, row),
            expression=(lambda at: stage.row_slope(name, grad, at)) if stage.has_formulas else None,
            note=None if stage.has_formulas else lambda _: OWN_BACKWARD,
        )  # fmt: skip

    def _gradient(self, stage: Stage, parameter: ParameterQuantity, grad: Quantity) -> Quantity:
        """Make dE/dw of a parameter; with several rows, the sum of their parts."""
        recording, full = self.recording, parameter.full
        array = recording.parameter(recording.gradients.raw, full)
        rows = range(len(self.context.rows))

        def expression(at: Place) -> Node:
            if not rows:
                return stage.row_slope(parameter.array_name, grad, at)
            return plus(*(self.row_gradients[full].ref(row, at.unit, at.source) for row in rows))

        return Quantity(
            "backward", f"dE/d{parameter.kind}", parameter.layer, units=parameter.units, sources=parameter.sources,
            name=lambda at: parameter.name(at).slope(), values=lambda _: array,
            expression=expression if rows or stage.has_formulas else None,
            note=None if rows or stage.has_formulas else lambda _: OWN_BACKWARD,
            numeric=lambda at: recording.numeric_slope(full, parameter.index(at))._replace(remark=self.remark),
        )  # fmt: skip
