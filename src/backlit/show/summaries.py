"""The engine's records as tables: text for a terminal, HTML for a notebook."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import msgspec

from backlit.engine import NetworkSummary


class SummaryTable(msgspec.Struct, frozen=True):
    """A table with a title above and notes below; cells of all columns but the first two stand to the right."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


def text_of(record: Any) -> str | None:
    """Give a record as text; None where it is of no kind that is known here."""
    table = _table_of(record)
    if table is None:
        return None
    lines = [table.head, *table.rows]
    widths = [max(len(line[k]) for line in lines) for k in range(len(table.head))]
    aligned = [
        "  ".join(cell.rjust(width) if k > 1 else cell.ljust(width)
                  for k, (cell, width) in enumerate(zip(line, widths, strict=True))).rstrip()
        for line in lines
    ]  # fmt: skip
    return "\n".join([table.title, *(f"  {line}" for line in aligned), *table.notes])


def html_of(record: Any) -> str | None:
    """Give a record as HTML with inline styles; None where it is of no kind that is known here."""
    table = _table_of(record)
    if table is None:
        return None
    style = "padding:0.1em 0.8em;text-align:{}"

    def line(tag: str, cells: Sequence[str]) -> str:
        aligned = (f'<{tag} style="{style.format("right" if k > 1 else "left")}">{escape(cell)}</{tag}>'
                   for k, cell in enumerate(cells))  # fmt: skip
        return f"<tr>{''.join(aligned)}</tr>"

    rows = "".join(line("td", row) for row in table.rows)
    notes = "".join(f"<div>{escape(note)}</div>" for note in table.notes)
    return f"<div>{escape(table.title)}</div><table>{line('th', table.head)}{rows}</table>{notes}"


def _table_of(record: Any) -> SummaryTable | None:
    make = _TABLES.get(type(record))
    return make(record) if make else None


def _network(record: NetworkSummary) -> SummaryTable:
    inputs = ", ".join(f"{name} {_shape(shape)}" for name, shape in record.inputs.items())
    rows = [(line.label, line.layer, _shape(line.output), f"{line.parameters:,}") for line in record.layers]
    frozen = sum(line.frozen for line in record.layers)
    notes = [f"loss {record.loss}; {record.parameters:,} parameters in {record.dtype}"
             + (f", {frozen:,} of them frozen" if frozen else "")]  # fmt: skip
    return SummaryTable(f"network with the inputs {inputs}", ("layer", "what", "output", "parameters"), rows, notes)


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


_TABLES: dict[type, Callable[[Any], SummaryTable]] = {NetworkSummary: _network}
"""What makes the table of each kind of record."""
