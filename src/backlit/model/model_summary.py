"""The record by which a table's model shows itself."""

from __future__ import annotations

import msgspec

from backlit.engine import Summary
from backlit.model.reports import Comparison


class ModelSummary(Summary, msgspec.Struct, frozen=True, kw_only=True):
    """A model: its target and the target's classes (none where it is a number), its columns, network and test scores.

    `table` and `rows` say what it was trained on, `comparison` how it does on the test rows; None where it has no report.
    """

    target: str
    classes: tuple[str, ...]
    columns: tuple[str, ...]
    network: str
    table: str | None
    rows: int | None
    comparison: Comparison | None
