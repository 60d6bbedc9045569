"""What a drawing of a network shows, in words: titles, captions, and which rows have no drawing."""

from __future__ import annotations

from backlit.explain.record.step_records import Drawing, Example
from backlit.show.network_layout import numbered


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
    which = {1: f"Row {rows[0]} is", 2: f"Rows {rows[0]} and {rows[-1]} are"}
    how = "explain it alone" if len(rows) == 1 else "explain one of them alone"
    option = f" (on the command line: --row {rows[0]})" if rows[0].isdigit() else ""
    words = which.get(len(rows), f"Rows {rows[0]} to {rows[-1]} are")
    return f"{words} not drawn: {how} to see its picture{option}."
