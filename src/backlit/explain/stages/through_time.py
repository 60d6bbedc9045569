"""How large the slope is at each moment of a recurrent layer, and so where it vanishes or explodes on its way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from backlit.engine import place_text
from backlit.explain.algebra.tree import Node, call, plus, square
from backlit.explain.context import Context
from backlit.explain.quantity_names import Name
from backlit.explain.record.quantities import Place, Quantity
from backlit.explain.stages.written_out import elements
from backlit.kernels.types import Array
from backlit.ops.equations import Formula, Part

VANISHED, EXPLODED = 1e-2, 1e2
"""A slope that is less, or more, than so many times that of the last step has vanished, or exploded."""

Slopes = list[tuple[Part, Quantity]]
"""The derivatives with respect to a state, moment by moment, in the order of the backward pass."""


def states_of(forward: Sequence[Part], formula: Callable[[Part], Formula], reads: Sequence[str]) -> list[str]:
    """Name the arrays that a moment takes from another one: what a recurrent layer carries through time."""
    found: dict[str, None] = {}
    for part in forward:
        moment = part.position(part.places[0])
        for element in elements(formula(part)) if len(moment) == 1 else ():
            earlier = len(element.index) > 1 and element.index[:1] != moment
            if earlier and element.array not in reads and any(other.array == element.array for other in forward):
                found[element.array] = None
    return list(found)


def sizes_through_time(context: Context, k: int, slopes: Slopes) -> Quantity:
    """Make the size of the slope at each moment, √Σ (dE/dh)², with how it compares with the moments behind it."""
    layer = f"layer {context.layer(k)}"
    units = [layer + place_text(part.position(part.places[0])) for part, _ in slopes]
    of_kind = slopes[0][1].kind.removeprefix("dE/d")
    rows = context.rows

    def values(row: int) -> Array:
        return np.array([np.linalg.norm(quantity.values(row)) for _, quantity in slopes])

    def name(at: Place) -> Name:
        row = f"[{context.row_name(at.row)}]" if rows else ""
        inside = context.names.of(of_kind, units[at.unit], row=context.row_name(at.row)).slope().symbol
        return Name(f"‖dE/d{of_kind}({units[at.unit]})‖{row}", rf"\lVert {inside} \rVert")

    def expression(at: Place) -> Node:
        quantity = slopes[at.unit][1]
        refs = [quantity.ref(at.row, unit) for unit in range(len(quantity.units))]
        return call("abs", refs[0]) if len(refs) == 1 else call("sqrt", plus(*map(square, refs)))

    def note(at: Place) -> str:
        sizes = values(at.row)
        return _compared(sizes[: at.unit + 1], [unit.rpartition("@t")[2] for unit in units])

    return Quantity(
        "backward", "size", context.layer(k), units=units, rows=rows, name=name, values=values, expression=expression,
        note=note,
    )  # fmt: skip


def _compared(sizes: Array, times: Sequence[str]) -> str:
    """Say how the last of some sizes compares with that of the moment before it on the way back, and with the first.

    >>> _compared(np.array([1.0, 0.05, 0.0025]), ["3", "2", "1"])
    '0.05 times that of time 2, 0.0025 times that of time 3: it vanishes, by 0.05 a step'
    >>> _compared(np.array([0.0, 0.5]), ["2", "1"])
    'time 1 is where the way back begins'
    """
    place, first = len(sizes) - 1, int(np.argmax(sizes > 0.0))
    if not sizes[-1]:
        return "no slope comes here"
    if place == first:
        return f"time {times[place]} is where the way back begins"
    words = [f"{sizes[-1] / sizes[at]:.3g} times that of time {times[at]}" for at in dict.fromkeys((place - 1, first))
             if sizes[at]]  # fmt: skip
    whole, steps = sizes[-1] / sizes[first], place - first
    if VANISHED <= whole <= EXPLODED:
        return ", ".join(words)
    step = f", by {whole ** (1 / steps):.3g} a step" if steps > 1 else ""
    return f"{', '.join(words)}: it {'vanishes' if whole < VANISHED else 'explodes'}{step}"
