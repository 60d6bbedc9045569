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


def cut(text: str) -> str:
    """A text of at most `LONGEST_CELL` characters."""
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"
