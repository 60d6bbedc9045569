"""What a drawing of a network shows, in words: titles, captions, and which rows have no drawing."""

from __future__ import annotations

from collections.abc import Sequence

from backlit.explain.record.step_records import Drawing, Example
from backlit.show.network_layout import numbered

MOST_NAMED = 3
"""Of many rows without a drawing that do not follow one another, so many are named."""


def rows_drawn(drawing: Drawing) -> str:
    """Say which rows a drawing shows; nothing where the step has one row only."""
    return "All rows together" if drawing.row is None else f"Row {drawing.row}" if drawing.row else ""


def drawing_title(drawing: Drawing, *, backward: bool) -> str:
    """Say in a line what a drawing shows, as its label for those who do not see it."""
    of = f" of row {drawing.row}" if drawing.row else ""
    if drawing.row is None:
        return "All rows together: dE/dw on the edges, the sum over the rows"
    if backward:
        return f"Backward pass{of}: dE/dnet in the units, dE/dw on the edges"
    return f"Forward pass{of}: outputs in the units, weights on the edges"


def drawing_caption(drawing: Drawing, *, backward: bool) -> str:
    """Say what the numbers of a drawing are, and what is left out of it."""
    if drawing.row is None:
        words = "All rows together: edges show dE/dw, the sum of the rows' own parts"
    elif backward:
        alone = ", of this row alone" if drawing.row else ""
        words = (
            f"Backward{alone}: units show dE/dnet (many books: δ), edges dE/dw, "
            "which is dE/dnet of the unit they lead to times the output they come from"
        )
    else:
        words = "Forward: units show their outputs, edges their weights"
    return ". ".join([words, *_left_out(drawing, backward=backward)]) + "."


def _left_out(drawing: Drawing, *, backward: bool) -> list[str]:
    """Say which units and numbers a drawing does not have."""
    words = []
    if backward and any(edge.slope is None for column in drawing.columns for edge in column.edges):
        words.append("Edges without a slope, “fixed”, are not trained")
    if any(column.size > len(column.nodes) for column in drawing.columns):
        words.append("Of a large layer the units with the strongest weights are drawn")
    shown = [edges for column in drawing.columns for edges in numbered(column, backward=backward)]
    if sum(map(len, shown)) < sum(len(column.edges) for column in drawing.columns):
        words.append("Of the edges to a unit the strongest have their number")
    return words


def rows_left_out(example: Example) -> str:
    """Say which rows have no drawing, and how to draw one; nothing where all have."""
    rows = example.rows_left_out
    if not rows:
        return ""
    how = "explain it alone" if len(rows) == 1 else "explain one of them alone"
    option = f" (on the command line: --row {rows[0]})" if rows[0].isdigit() else ""
    which = f"Row {rows[0]} is" if len(rows) == 1 else f"Rows {_listed(rows)} are"
    return f"{which} not drawn: {how} to see its picture{option}."


def _listed(rows: Sequence[str]) -> str:
    """List several rows; of many that follow one another the first and the last, of others the first few.

    >>> _listed(["5", "6"]), _listed(["5", "6", "7"]), _listed(["7", "2", "9", "4", "1", "3"])
    ('5 and 6', '5 to 7', '7, 2, 9 and 3 more')
    """
    first = int(rows[0]) if rows[0].isdecimal() else 0
    if len(rows) > 2 and list(rows) == [str(first + k) for k in range(len(rows))]:
        return f"{rows[0]} to {rows[-1]}"
    named = rows if len(rows) <= MOST_NAMED + 1 else rows[:MOST_NAMED]
    last = named[-1] if len(named) == len(rows) else f"{len(rows) - MOST_NAMED:,} more"
    return ", ".join(named[:-1] if len(named) == len(rows) else named) + f" and {last}"
