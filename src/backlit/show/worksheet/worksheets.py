"""The sheets of a class, with what writes them into a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

from backlit.check.worksheets.sheets import Worksheet
from backlit.engine import Shown
from backlit.errors import BacklitError, counted
from backlit.show.worksheet.html import sheets_html
from backlit.show.worksheet.latex import sheets_latex
from backlit.show.worksheet.markdown import sheet_markdown
from backlit.show.worksheet.words import blank_csv

Format = Literal["html", "md", "latex"]
ENDINGS = {"html": ".html", "md": ".md", "latex": ".tex"}
BYTE_ORDER_MARK = "\ufeff"
"""Begins a CSV file, for Excel reads one without it in its country's encoding."""


class Worksheets(Shown, Sequence[Worksheet]):
    """Sheets of a step to work out by hand, each with its key; `save` writes them into a folder.

    >>> import backlit as bl
    >>> sheets = bl.worksheet(level=1, students=["Ada", "Grace"])
    >>> sheets
    <2 worksheets, Level 1: One neuron; save("FOLDER") writes them>
    >>> dict(sheets[0].key())["net(o1)"] == sheets[0].parts[0].lines[0].record.shown
    True
    """

    def __init__(self, sheets: Sequence[Worksheet], *, title: str) -> None:
        self.sheets, self.title = tuple(sheets), title

    def __len__(self) -> int:
        return len(self.sheets)

    def __getitem__(self, place: int) -> Worksheet:  # type: ignore[override]
        return self.sheets[place]

    def __iter__(self) -> Iterator[Worksheet]:
        return iter(self.sheets)

    def __repr__(self) -> str:
        return f'<{counted(len(self), "worksheet")}, {self.title}; save("FOLDER") writes them>'

    def to_html(self, *, key: bool = False) -> str:
        """Give one page to print with all sheets, or all keys."""
        return sheets_html(self.sheets, key=key)

    def to_latex(self, *, key: bool = False) -> str:
        """Give one LaTeX document with all sheets, or all keys; it compiles as it is."""
        return sheets_latex(self.sheets, key=key)

    def to_markdown(self, *, key: bool = False) -> str:
        """Give all sheets, or all keys, in Markdown."""
        return "\n".join(sheet_markdown(sheet, key=key) for sheet in self.sheets)

    def save(self, folder: str | os.PathLike[str], *, formats: Sequence[str] = ("html",)) -> Path:
        """Write the sheets into a folder, and give its path.

        There are `NAME.csv`, to be filled in and handed back; `sheets/NAME.html` and `all-sheets.html` to print; in
        `key/`, `NAME.toml`, by which the folder is checked, `NAME.html` and `all-keys.html`.

        Args:
            formats: "html", "md", "latex", or several of them.

        Errors: a BacklitError for another format, where a folder has CSV files that are filled in, or where a file
        cannot be written.
        """
        for given in formats:
            if given not in get_args(Format):
                raise BacklitError(f"format is {given!r}; expected html, md or latex.")
        target = Path(folder)
        files = dict(self._files(formats))
        self._check(target, files)
        try:
            for name, text in files.items():
                path = target / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(text.encode())
        except OSError as error:
            raise BacklitError(f"cannot write {error.filename or target}: {error.strerror}.") from None
        return target

    def written(self, folder: Path, formats: Sequence[str]) -> Iterator[str]:
        """Say what `save` wrote, and what a teacher does with it."""
        several = len(self) > 1 and any(form != "md" for form in formats)
        printed = next((f"all-sheets{ENDINGS[form]}" for form in formats if form != "md"), "") if several else "sheets"
        keys = f"key/{printed.replace('sheets', 'keys')}" if several else "key"
        yield f'{counted(len(self), "worksheet")}, "{self.title}", written to {folder}:'
        if several:
            yield f"  print    {printed} (sheets/ has them one by one); the key: {keys}"
        else:
            yield "  print    what is in sheets; the key is in key"
        names = ", ".join(f"{sheet.stem}.csv" for sheet in self.sheets[:2])
        yield f"  hand out {names}{', ...' if len(self) > 2 else ''}, to be filled in"
        yield f"  check    backlit check {folder}"
        least = min(sheet.apart for sheet in self)
        if not all(sheet.tells_apart for sheet in self):
            places = counted(self[0].digits, "place")
            yield (
                f"  note     at {places} behind the point, two mistakes give results {least:.1f} units of the last "
                f"place apart; --digits {self[0].digits + 1} tells more of them apart."
            )

    def _files(self, formats: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Give all files by their paths in the folder."""
        for sheet in self.sheets:
            yield f"{sheet.stem}.csv", BYTE_ORDER_MARK + blank_csv(sheet).replace("\n", "\r\n")
            yield f"key/{sheet.stem}.toml", sheet.network
        for key, folder, every in ((False, "sheets", "all-sheets"), (True, "key", "all-keys")):
            place = "" if not key else "key/"
            for form in dict.fromkeys(formats):
                for sheet in self.sheets:
                    yield f"{folder}/{sheet.stem}{ENDINGS[form]}", _written([sheet], form, key=key)
                if len(self) > 1 and form != "md":
                    yield f"{place}{every}{ENDINGS[form]}", _written(self.sheets, form, key=key)

    def _check(self, target: Path, files: dict[str, str]) -> None:
        """Refuse to write over what students have filled in."""
        for name in files:
            path = target / name
            if name.endswith(".csv") and path.exists() and _is_filled_in(path.read_bytes()):
                raise BacklitError(
                    f"{path} is there already, and is filled in; choose another folder, or move it away."
                )


def _is_filled_in(raw: bytes) -> bool:
    """Tell whether a line after the first has something behind its name."""
    lines = (line.strip() for line in raw.decode("utf-8", errors="replace").splitlines()[1:])
    return any(
        re.split("[,;\t]", line)[-1].strip('" ') for line in lines if line and not line.startswith(("student", "sheet"))
    )


def _written(sheets: Sequence[Worksheet], form: str, *, key: bool) -> str:
    if form == "html":
        return sheets_html(sheets, key=key)
    if form == "latex":
        return sheets_latex(sheets, key=key)
    return "\n".join(sheet_markdown(sheet, key=key) for sheet in sheets)
