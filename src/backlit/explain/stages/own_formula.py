"""Formulas of ops of one's own: their own text where it gives the op's numbers, else the op's name as a function.

So every line is true as written: `swishlet(net(h1)) = swishlet(0.3) = ...` says what was computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from backlit.errors import BacklitError
from backlit.explain.algebra.decimals import as_written, decimal_value, distance
from backlit.explain.algebra.tree import OWN, Node, call
from backlit.explain.context import setting_ref
from backlit.explain.record.quantities import Place, Readable
from backlit.explain.record.recording import is_elementwise
from backlit.explain.stages.true_formula import allowances
from backlit.ops.base import Layer, Loss, Op, arguments


def is_own(op: Op) -> bool:
    """Tell whether an op was registered outside the package: its texts are not under the package's tests."""
    return not type(op).__module__.startswith("backlit.")


def own_call(op: Layer | Loss, function: str, *args: Node, name: str = "") -> Node:
    """Give a function of an op by its name, with the settings that it takes behind its operands."""
    takes = arguments(getattr(type(op), function)) if hasattr(type(op), function) else ()
    settings = [setting_ref(op, field) for field in takes if field in op.__struct_fields__]
    return call(f"{OWN}{name or op.name}", *args, *settings)


def own_output(op: Layer | Loss, function: str, output: Readable, targets: Readable, at: Place) -> Node:
    """Give an output's part of an element-wise loss, "value", or its "slope", as a function of output and target."""
    refs = output.ref(at.row, at.unit), targets.ref(at.row, at.unit)
    return own_call(op, function, *refs, name=f"{op.name}'" if function == "slope" else "")


def own_slope(op: Layer | Loss, scores: Readable, targets: Readable, at: Place) -> Node:
    """Give the slope of a loss with respect to an output, or to the score in its place."""
    if is_elementwise(op):
        return own_output(op, "slope", scores, targets, at)
    return own_row(op, scores, targets, at.row, scores.units[at.unit])


def own_row(op: Layer | Loss, scores: Readable, targets: Readable, row: int, slope_of: str = "") -> Node:
    """Give a loss of a row as a function of all its outputs and targets, or its slope with respect to an output."""
    refs = [quantity.ref(row, j) for quantity in (scores, targets) for j in range(len(scores.units))]
    return own_call(op, "slope" if slope_of else "value", *refs, name=f"d{op.name}/d{slope_of}" if slope_of else "")


def written(op: Op, value: float, texts: Iterable[str], make: Callable[[str], Node], instead: Node) -> list[Node]:
    """Give the trees of an op's formula texts; of an op of one's own, those that give its number, or `instead`."""
    given = [text for text in texts if text]
    if not is_own(op):
        return [make(text) for text in given]
    nodes = (tree(make, text) for text in given)
    return [node for node in nodes if node is not None and agrees(node, value)] or [instead]


def tree(make: Callable[[str], Node], text: str) -> Node | None:
    """Give a formula's tree; None where the text cannot be read."""
    try:
        return make(text)
    except (BacklitError, LookupError, ValueError, TypeError, AssertionError):
        return None


def agrees(node: Node, value: float) -> bool:
    """Tell whether a formula gives a number of the engine, to nine digits."""
    try:
        gap = distance(decimal_value(node), as_written(value))
    except (BacklitError, ArithmeticError, LookupError, ValueError, TypeError):
        return False
    return gap.is_finite() and gap <= max(allowances(as_written(value)))
