"""A file that a browser sends: a table, read by the one reader."""

from __future__ import annotations

import tempfile
from pathlib import Path

from backlit.errors import BacklitError
from backlit.page.sources import Source, of_table

LARGEST = 20_000_000
"""Bytes of an uploaded table."""


def uploaded_source(name: str, content: bytes, target: str | None = None) -> Source:
    """Give the source of an uploaded table; its name says of which kind it is, and nothing else comes from the browser.

    Errors: a BacklitError for another kind of file, one that is too large, or one that does not fit.
    """
    ending = Path(name).suffix.lower()
    if ending not in {".csv", ".parquet"}:
        raise BacklitError(f"the file is called {name!r}; expected a table, .csv or .parquet.")
    if len(content) > LARGEST:
        raise BacklitError(f"{name} has {len(content):,} bytes; the page takes up to {LARGEST:,}.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{Path(name).stem or 'table'}{ending}"
        path.write_bytes(content)
        return of_table(str(path), target)
