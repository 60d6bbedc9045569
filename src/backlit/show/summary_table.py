"""A record as a table: what each kind of record makes, and what becomes text and HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec


class SummaryTable(msgspec.Struct, frozen=True):
    """A table, a title above it or none, notes below; the columns from `numbers` on stand to the right.

    `line` says the most important of it; without one, the title and the notes do. `picture` draws what stands below in
    a notebook, as HTML.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    numbers: int = 2
    line: str = ""
    picture: Callable[[], str] | None = None
