"""Cells and names as text, cut where they are long: a report stays small whatever a table holds."""

from __future__ import annotations

import math
from typing import Any

from backlit.analysis.report.records import LONGEST_CELL
from backlit.data.values import label_text


def cell_text(cell: Any) -> str:
    """A cell as its file would spell it, cut where it is long; empty where it is missing.

    >>> cell_text(True), cell_text(None), cell_text(5.0), cell_text(math.nan), len(cell_text("a" * 300))
    ('true', '', '5.0', '', 200)
    """
    missing = cell is None or (isinstance(cell, float) and math.isnan(cell))
    return "" if missing else cut(label_text(cell))


def cut(text: str, most: int = LONGEST_CELL) -> str:
    """A text of at most so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def number_text(value: float) -> str:
    """A number with six digits, or all of its whole ones, with commas where they are many.

    >>> [number_text(x) for x in (303100.0, 1234567.8, 0.0001234, 2e20)]
    ['303,100', '1,234,568', '0.0001234', '2e+20']
    """
    return f"{value:,.0f}" if 1e6 <= abs(value) < 1e15 else f"{value:,.6g}"
