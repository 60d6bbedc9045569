"""The bytes of a sheet's file, and its text, as Excel and other programs write it."""

from __future__ import annotations

import codecs
from pathlib import Path

from backlit.errors import BacklitError

MOST_BYTES = 5_000_000
"""Of a sheet as text: some 100,000 numbers."""
MOST_ARRAY_BYTES = 500_000_000
KINDS = (
    (b"PK\x03\x04", "an Excel workbook, a document or another archive", "save it as CSV UTF-8 from the program"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook or document", "save it as CSV from the program"),
    (b"%PDF", "a PDF", "type its numbers into a CSV of name, number"),
    (b"\x89PNG", "a picture", "type its numbers into a CSV of name, number"),
    (b"\xff\xd8\xff", "a picture", "type its numbers into a CSV of name, number"),
    (b"{\\rtf", "a document in RTF", "save it as plain text"),
)
"""How files of other programs begin, what they are, and what to do."""


def bytes_of(path: Path, most: int = MOST_BYTES) -> bytes:
    """Give the bytes of a file.

    Errors: a BacklitError where it cannot be read, or has more than `most` bytes.
    """
    try:
        if path.is_dir():
            raise BacklitError(f"{path} is a folder; expected a file.")
        size = path.stat().st_size
        if size > most:
            raise BacklitError(
                f"{path} has {size / 1e6:,.1f} MB; a sheet of numbers has at most {most / 1e6:,.0f}: another file?"
            )
        return path.read_bytes()
    except OSError as error:
        txt = Path(f"{path}.txt")
        there = f" There is {txt}: rename it." if txt.is_file() else ""
        raise BacklitError(f"cannot read {path}: {error.strerror}.{there}") from None


def text_of_bytes(raw: bytes, name: str) -> tuple[str, tuple[str, ...]]:
    """Give the text of a sheet's bytes, and what was assumed: UTF-8, UTF-16 as Excel writes it, or Windows-1252.

    Errors: a BacklitError where it is no text, or empty.
    """
    for begin, kind, todo in KINDS:
        if raw.startswith(begin):
            raise BacklitError(f"{name} is {kind}, not text: {todo}.")
    notes: tuple[str, ...] = ()
    try:
        if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            text = raw.decode("utf-16")
        elif raw[1:40:2].count(0) > len(raw[1:40:2]) // 2:
            text = raw.decode("utf-16-le")
        else:
            text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.encoding.startswith("utf-16") or b"\0" in raw:
            raise BacklitError(f"{name} is not text: expected a sheet in UTF-8.") from None
        text = raw.decode("cp1252", errors="replace")
        notes = ("the file is not UTF-8; it was read as Windows-1252",)
    if "\0" in text:
        raise BacklitError(f"{name} is not text: expected a sheet in UTF-8.")
    if not text.strip():
        raise BacklitError(f"{name} is empty; expected numbers by name, such as a line net(h1),0.3775.")
    return text.replace("\r\n", "\n").replace("\r", "\n"), notes
