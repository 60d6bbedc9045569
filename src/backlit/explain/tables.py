"""Square matrices of weights as tables with heads, since no shape says which of their indices is the unit."""

from __future__ import annotations

from backlit.explain.contents import Contents
from backlit.explain.record.exact import ExactNumbers
from backlit.explain.record.quantities import Place, Quantity
from backlit.explain.record.step_records import NumberTable

LARGEST_MATRIX = 6
"""Of more rows and columns a matrix has no table: its weights stand one by one."""


def weight_tables(contents: Contents, exact: ExactNumbers, digits: int) -> tuple[NumberTable, ...]:
    """Give a table of each matrix with as many rows as columns."""
    found = []
    for p in contents.parameters:
        square = p.array.ndim == 2 and 2 <= len(p.sources) == len(p.units) <= LARGEST_MATRIX
        if not square or p.array_name not in {"W", "U"}:
            continue
        lines = [
            (f"from {source}", *(_weight(contents, exact, digits, p, Place(0, i, j)) for j in range(len(p.units))))
            for i, source in enumerate(p.sources)
        ]
        title = f"{'weights' if p.kind == 'w' else p.kind} of layer {p.layer}"
        found.append(NumberTable(title, ("", *(f"to {unit}" for unit in p.units)), tuple(lines)))
    return tuple(found)


def _weight(contents: Contents, exact: ExactNumbers, digits: int, parameter: Quantity, at: Place) -> str:
    """Give a weight, behind its own name where it has one."""
    ref = parameter.ref(0, at.unit, at.source)
    with contents.context.names.usual():
        usual = parameter.name(at).text
    return f"{'' if usual == ref.name else f'{ref.name} = '}{exact.within(ref, digits)}"
