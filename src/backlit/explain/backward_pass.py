"""The backward pass of a step: derivatives of the error through every stage, and the gradients of the parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from backlit.explain.algebra.tree import Node, plus
from backlit.explain.context import Context
from backlit.explain.record.quantities import Group, Place, Quantity, Readable
from backlit.explain.stages.base import ParameterQuantity, Stage
from backlit.explain.stages.loss import ErrorPart
from backlit.kernels.types import Array

CEILING = "E is at its ceiling, which the slope leaves out"


class BackwardPass:
    """The quantities of the backward pass, collected from the last stage to the first that needs one.

    Attributes:
        groups: the groups in the order of the pass.
        gradients: dE/dw of each trained parameter, by the parameter's id. `row_gradients`: where there are several
            rows, each row's part of it. `slopes`: those with respect to what the stages write, by their buffers.
    """

    def __init__(self, context: Context, stages: Sequence[Stage], error: ErrorPart) -> None:
        self.context, self.recording = context, context.recording
        self.gradients: dict[str, Quantity] = {}
        self.row_gradients: dict[str, Quantity] = {}
        self.slopes: dict[str, Readable] = {}
        self.remark = CEILING if error.at_ceiling() else ""
        self.stages, self._needed = stages, self._needing(stages)
        self._shared = _shared(stages)
        self._parts: dict[str, list[Quantity]] = {}
        groups, grad = error.first()
        self.groups: list[Group] = [Group(title, quantities) for title, quantities in groups]
        to_pass = stages[:-1] if error.joined else stages
        found: dict[str, list[Readable]] = {stages[-1].takes[0] if error.joined else stages[-1].gives: [grad]}
        for stage in reversed(to_pass):
            if stage.gives in found and (stage.gives in self._needed or self._wanted(stage)):
                self._pass(stage, found)

    def _wanted(self, stage: Stage) -> list[ParameterQuantity]:
        return [p for p in stage.parameters if self.recording.has_gradient(p.full)]

    def _needing(self, stages: Sequence[Stage]) -> set[str]:
        """Give the buffers before which something is trained: the backward pass goes on to these."""
        needed: set[str] = set()
        for stage in stages:
            if self._wanted(stage) or not needed.isdisjoint(stage.takes):
                needed.add(stage.gives)
        return needed

    def _pass(self, stage: Stage, found: dict[str, list[Readable]]) -> None:
        """Go back through a stage: to its parameters, and to what it reads."""
        grad = self.slopes[stage.gives] = self._sum(stage, found[stage.gives])
        if self._wanted(stage):
            self.groups += stage.inner(grad)
            self._parameter_gradients(stage, grad)
        wanted = [name for name, buffer in zip(stage.op.reads, stage.takes, strict=True) if buffer in self._needed]
        if not wanted:
            return
        if not self._wanted(stage):
            self.groups += stage.inner(grad)
        groups, slopes = stage.slopes(grad, wanted)
        self.groups += groups
        for name, buffer in zip(stage.op.reads, stage.takes, strict=True):
            if name in wanted:
                found.setdefault(buffer, []).append(slopes[name])

    def _sum(self, stage: Stage, parts: Sequence[Readable]) -> Readable:
        """Give the derivative with respect to what a stage writes: where several ops read it, the sum of their parts.

        The engine adds them up from the last reader's on, then in the readers' order.
        """
        if len(parts) == 1:
            return parts[0]
        ordered = [parts[0], *reversed(parts[1:])]
        array = self.recording.array(_gradient_name(stage)).reshape(self.recording.rows, -1)
        slope = self.context.slope_quantity(
            self.context.layer(stage.k), stage.written, array,
            lambda at: plus(*(part.ref(at.row, at.unit) for part in ordered)),
        )  # fmt: skip
        self.groups.append(Group(f"{stage.title}, the sum over what reads it", (slope,)))
        return slope

    # ------------------------------------------------------------------------------------------------------ parameters

    def _parameter_gradients(self, stage: Stage, grad: Readable) -> None:
        """Add the group of the gradients of a stage's trained parameters."""
        shown: list[Quantity] = []
        for parameter in self._wanted(stage):
            places = self._shared[parameter.id]
            if len(places) > 1:
                self._parts.setdefault(parameter.id, []).append(self._part_of_place(stage, parameter, grad))
                shown.append(self._parts[parameter.id][-1])
                if len(self._parts[parameter.id]) < len(places):
                    continue
                shown += self._of_all_places(places[0])
                continue
            if self.context.rows:
                self.row_gradients[parameter.id] = self._row_gradient(stage, parameter, grad)
            self.gradients[parameter.id] = self._gradient(stage, parameter, grad)
            shown.append((self.row_gradients if self.context.rows else self.gradients)[parameter.id])
        self.groups.append(Group(f"weights of {stage.title}", tuple(shown)))

    def _part_of_place(self, stage: Stage, parameter: ParameterQuantity, grad: Readable) -> Quantity:
        """Make the part of a shared parameter's derivative that comes through one of the layers that share it."""
        rows, label = self.context.rows, str(self.context.layer(stage.k))
        first = self._shared[parameter.id][0]
        return self._quantity(
            first, rows=rows, name=lambda at: first.name(at).slope(rows[at.row] if rows else "").via(label),
            values=lambda row: parameter.pick(self.recording.row_gradient(stage.k, parameter.array_name, row)),
            expression=(lambda at: stage.row_slope(parameter, grad, at)) if stage.has_formulas else None,
            note=lambda at: stage.row_note(parameter, at),
        )  # fmt: skip

    def _of_all_places(self, first: ParameterQuantity) -> list[Quantity]:
        """Make dE/dw of a parameter that several layers share: the sum over these, of each row and of all."""
        rows, parts = self.context.rows, self._parts[first.id]

        def expression(at: Place) -> Node:
            return plus(*(part.ref(at.row, at.unit, at.source) for part in parts))

        def values(row: int) -> Array:
            return np.sum([part.values(row) for part in parts], axis=0)  # type: ignore[no-any-return]

        if not rows:
            self.gradients[first.id] = self._whole(first, expression)
            return [self.gradients[first.id]]
        self.row_gradients[first.id] = self._quantity(
            first, rows=rows, name=lambda at: first.name(at).slope(rows[at.row]), values=values, expression=expression
        )
        self.gradients[first.id] = self._over_rows(first)
        return [self.row_gradients[first.id]]

    def _row_gradient(self, stage: Stage, parameter: ParameterQuantity, grad: Readable) -> Quantity:
        """Make each row's part of dE/dw of a parameter."""
        rows, name = self.context.rows, parameter.array_name
        return self._quantity(
            parameter, rows=rows, name=lambda at: parameter.name(at).slope(rows[at.row]),
            values=lambda row: parameter.pick(self.recording.row_gradient(stage.k, name, row)),
            expression=(lambda at: stage.row_slope(parameter, grad, at)) if stage.has_formulas else None,
            note=lambda at: stage.row_note(parameter, at),
        )  # fmt: skip

    def _gradient(self, stage: Stage, parameter: ParameterQuantity, grad: Readable) -> Quantity:
        """Make dE/dw of a parameter; with several rows, the sum of their parts."""
        if self.context.rows:
            return self._over_rows(parameter)
        formula = (lambda at: stage.row_slope(parameter, grad, at)) if stage.has_formulas else None
        return self._whole(parameter, formula, lambda at: stage.row_note(parameter, at))

    def _over_rows(self, parameter: ParameterQuantity) -> Quantity:
        rows = range(len(self.context.rows))
        return self._whole(parameter, lambda at: plus(
            *(self.row_gradients[parameter.id].ref(row, at.unit, at.source) for row in rows)))  # fmt: skip

    def _whole(
        self, parameter: ParameterQuantity, expression: Callable[[Place], Node] | None,
        note: Callable[[Place], str] | None = None,
    ) -> Quantity:  # fmt: skip
        """Make dE/dw as the engine has it."""
        recording, full = self.recording, parameter.full
        array = parameter.pick(recording.parameter(recording.gradients.raw, full))
        return self._quantity(
            parameter, name=lambda at: parameter.name(at).slope(), values=lambda _: array, expression=expression,
            note=note,
            numeric=lambda at: recording.numeric_slope(full, parameter.index(at))._replace(remark=self.remark),
        )  # fmt: skip

    def _quantity(self, parameter: ParameterQuantity, **given: Any) -> Quantity:
        """Make a quantity that every element of a parameter has."""
        return Quantity(
            "backward", f"dE/d{parameter.kind}", parameter.layer, units=parameter.units, sources=parameter.sources,
            source_name=parameter.source_name, **given,
        )  # fmt: skip


def _shared(stages: Sequence[Stage]) -> dict[str, list[ParameterQuantity]]:
    """Give the quantities of each parameter, one for each layer that has it, in the order of the layers."""
    found: dict[str, list[ParameterQuantity]] = {}
    for stage in stages:
        for parameter in stage.parameters:
            found.setdefault(parameter.id, []).append(parameter)
    return found


def _gradient_name(stage: Stage) -> str:
    """Give the engine's name of the gradient of what a stage writes."""
    network = stage.context.recording.network
    return f"{network.labels[stage.k]}.d{network.ops[stage.k].writes}"
