"""What a drawing of a network shows, in words: titles, captions, and which rows have no drawing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from backlit.explain.record.drawing_records import Branches, Maps, Panel, Unrolled
from backlit.explain.record.step_records import Drawing, Example
from backlit.show.network.edge_labels import crowded, faint
from backlit.show.network.grids import coloured

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
    if backward and drawing.panels:
        return f"Backward pass{of}: the slopes of the error, layer by layer"
    if backward:
        return f"Backward pass{of}: dE/dnet in the units, dE/dw on the edges"
    if drawing.panels:
        return f"Forward pass{of}: what each layer gives, and its weights"
    units = "what they pass on" if passed_on(drawing) else "outputs"
    return f"Forward pass{of}: {units} in the units, weights on the edges"


def drawing_caption(drawing: Drawing, *, backward: bool, in_text: bool = False) -> str:
    """Say what the numbers of a drawing are, and what is left out of it; `in_text`, of one made of characters."""
    drawing = drawing.way(backward=backward)
    if drawing.panels:
        return panels_caption(drawing, backward=backward, in_text=in_text)
    return ". ".join([*_shown(drawing, backward=backward), *left_out(drawing, backward=backward)]) + "."


def _shown(drawing: Drawing, *, backward: bool) -> list[str]:
    """Say what the numbers are."""
    others = passed_on(drawing)
    if drawing.row is None:
        return ["All rows together: edges show dE/dw, the sum of the rows' own parts"]
    if not backward:
        if others:
            return [f"Forward: {others}", "Edges show their weights"]
        return ["Forward: units show their outputs, edges their weights"]
    whose = f" of row {drawing.row}" if drawing.coupled else ", of this row alone" if drawing.row else ""
    times = "what the unit they come from passes on" if others else "the output they come from"
    words = [f"Backward{whose}: units show dE/dnet (many books: δ), edges dE/dw, "
             f"which is dE/dnet of the unit they lead to times {times}"]  # fmt: skip
    if shared := _shared(drawing):
        words.append(f"{', '.join(shared)} {'is' if len(shared) == 1 else 'are each'} one bias of several units, and "
                     "dE/dw there the sum of their dE/dnet")  # fmt: skip
    if drawing.coupled:
        verb = "take" if len(drawing.coupled) > 1 else "takes"
        words.append(f"As {' and '.join(drawing.coupled)} {verb} all rows together, "
                     "the other rows' errors have a part in the numbers of the layers up to there")  # fmt: skip
    return words


def _shared(drawing: Drawing) -> list[str]:
    """Name the trained biases that several units of a layer share."""
    biases = [[edge.name for edge in column.edges if edge.source < 0 and edge.slope is not None]
              for column in drawing.columns]  # fmt: skip
    return list(dict.fromkeys(name for names in biases for name in names if names.count(name) > 1))


def panels_caption(drawing: Drawing, *, backward: bool, in_text: bool = False) -> str:
    """Say what the numbers of panels are, and what their frames mark; in text these are brackets."""
    if drawing.row is None:
        return "All rows together: each weight that is drawn shows its dE/dw, the sum of the rows' own parts."
    panels = list(every_panel(drawing.panels))
    grids = [grid for panel in panels if isinstance(panel, Maps) for grid in panel.grids]
    chains = [panel for panel in panels if isinstance(panel, Unrolled)]
    whose = f" of row {drawing.row}" if drawing.row else ""
    if backward:
        words = [
            f"Backward{whose}, from below to above: a layer whose weights are drawn shows dE/dnet and each weight's "
            "dE/dw, any other one the slope of what it gives"
        ]
        if chains:
            barred = not in_text and any(len(chain.lengths) > 1 for chain in chains)
            bars = "; the bars are its length at each time" if barred else ""
            words.append(f"States show dE/dout, the whole slope through time{bars}")
    else:
        words = [f"Forward{whose}, from above to below: each layer shows what it gives, and its weights"]
        if chains:
            words.append("The same weights serve every time")
    if any(grid.window for grid in grids):
        frame = "Brackets mark the window in a map" if in_text else "The frame in a map is the window"
        words.append(
            f"{frame} that the marked number of the next layer {'passes its slope back to' if backward else 'reads'}"
        )
    shown = [numbers for grid in grids if (numbers := grid.slopes if backward else grid.values)]
    if in_text and any(map(coloured, shown)):
        words.append("The darker a place of a large map, the larger its number, whatever its sign")
    elif shown and not in_text:
        words.append("The stronger a cell's colour, the larger its number; negative ones have the other colour")
    if drawing.columns:
        words += left_out(msgspec.structs.replace(drawing, panels=()), backward=backward)
    return ". ".join(words) + "."


def every_panel(panels: Sequence[Panel]) -> Iterator[Panel]:
    """Give panels with those inside blocks."""
    for panel in panels:
        yield panel
        if isinstance(panel, Branches):
            for branch in panel.branches:
                yield from every_panel(branch)


def passed_on(drawing: Drawing) -> str:
    """Say which numbers the units show where they are not all inputs and outputs; nothing where they are.

    What the units of a layer pass on is what its last op makes of their outputs: drop(h1) after dropout.
    """
    places = [(column.shows, "the inputs" if not number else column.title.partition(",")[0])
              for number, column in enumerate(drawing.columns)]  # fmt: skip
    if drawing.panels:
        return ""
    others = [f"{shows}(…) in {'the ' if place == 'outputs' else ''}{place}" for shows, place in places
              if shows not in {"input", "out"}]  # fmt: skip
    if not others:
        return ""
    rest = ["out(…) elsewhere"] if any(shows == "out" for shows, _ in places) else []
    return f"units show what they pass on: {', '.join(others + rest)}"


def left_out(drawing: Drawing, *, backward: bool) -> list[str]:
    """Say which units and numbers a drawing does not have."""
    words = []
    if backward and any(edge.slope is None for column in drawing.columns for edge in column.edges):
        words.append("Edges without a slope, “fixed”, are not trained")
    if any(column.size > len(column.nodes) for column in drawing.columns):
        strongest = "largest slopes" if backward else "strongest weights"
        words.append(f"Of a large layer the units with the {strongest} on their edges are drawn")
    if crowded(drawing):
        words.append("Before a number stands the unit that its edge comes from")
    if faint(drawing):
        strongest = "largest slopes" if backward else "strongest weights"
        words.append(f"Edges without a number are faint: a unit has those of its {strongest} and of its bias")
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
