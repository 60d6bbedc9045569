"""What part a number plays in a step: a weighted sum, an output, a slope ..., by which mistakes ask for it."""

from __future__ import annotations

from typing import Literal

from backlit.explain.contents import Contents
from backlit.explain.record.quantities import Quantity
from backlit.explain.stages.activation import ActivationStage

Role = Literal[
    "input", "weight", "target", "sum", "output", "forward", "output error", "row error", "error", "penalty",
    "output slope", "local slope", "net slope", "unit slope", "backward", "row gradient", "gradient", "norm",
    "limited gradient", "slot", "new slot", "new weight", "other",
]  # fmt: skip
"""The roles.

input, weight, target, slot: given, the slots before the step. sum: net. output: what an activation gives. forward:
other numbers of the forward pass. output error, row error, error: E(o1), E[1], E. output slope: dE/dout of the outputs.
local slope: dout/dnet. net slope: dE/dnet. unit slope: dE/dout of what a layer reads. backward: other slopes. row
gradient, gradient: dE/dw of a row and of all. limited gradient: with penalties or limits. new slot, new weight: after
the step.
"""


def roles_of(contents: Contents) -> dict[Quantity, Role]:
    """Give the role of every quantity of a step."""
    found: dict[Quantity, Role] = {contents.inputs: "input", contents.error.targets: "target"}
    found |= dict.fromkeys(contents.parameters, "weight")
    sums: set[str] = set()
    for stage in contents.stages:
        for group in stage.forward:
            for quantity in group.quantities:
                found[quantity] = "forward"
        written = stage.written
        if isinstance(written, Quantity) and written in found:
            found[written] = "output" if isinstance(stage, ActivationStage) else "forward"
            if stage.writes_net:
                found[written] = "sum"
                sums.add(written.kind)
    error = contents.error
    of_error: tuple[tuple[Quantity | None, Role], ...] = (
        (error.per_output, "output error"),
        (error.per_row, "row error"),
        (error.E, "error"),
        (error.penalty, "penalty"),
    )
    found |= {quantity: role for quantity, role in of_error if quantity is not None}
    found |= _backward(contents, {f"dE/d{kind}" for kind in sums})
    backward = contents.backward
    found |= dict.fromkeys(backward.gradients.values(), "gradient")
    found |= dict.fromkeys(backward.row_gradients.values(), "row gradient")
    for update in contents.updates:
        found |= dict.fromkeys(update.quantities, "limited gradient")
        found |= dict.fromkeys(update.slots.values(), "slot")
        found |= {q: "new slot" for q in update.quantities if q.kind.endswith("+")}
        found[update.new] = "new weight"
    if contents.norm is not None:
        found[contents.norm] = "norm"
    return found


def _backward(contents: Contents, sums: set[str]) -> dict[Quantity, Role]:
    found: dict[Quantity, Role] = {}
    first = f"dE/d{contents.error.last.written.kind}"
    for number, group in enumerate(contents.backward.groups):
        for quantity in group.quantities:
            kind = quantity.kind.removeprefix("chain ")
            if not kind.startswith("dE/d"):
                found[quantity] = "local slope"
            elif kind in sums:
                found[quantity] = "net slope"
            elif number == 0 and kind == first:
                found[quantity] = "output slope"
            else:
                found[quantity] = "unit slope" if kind.startswith("dE/dout") else "backward"
    return found
