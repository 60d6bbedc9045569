"""What people hold of checked work: it prints, shows itself in a notebook, and is saved as a page or as records."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import msgspec
from rich.text import Text

from backlit.check.records import CheckedNumber, CheckedWork, Verdict
from backlit.engine import Shown
from backlit.show.check import html as check_html
from backlit.show.check import markdown as check_markdown
from backlit.show.check import notebook as check_notebook
from backlit.show.check import text as check_text
from backlit.show.check.hints import hint_of, hinted, hinted_json
from backlit.show.check.parts import Parts, parts
from backlit.show.saving import saved


class Checked(Shown):
    """A sheet of numbers, checked: prints as text, shows itself in a notebook, indexes by name.

    Args:
        work: the record of all of it.
        hint: 1 gives the place of the first wrong number, 2 the kind of mistake too, 3 the line too; None everything.

    Attributes:
        work: the record, under a hint without all that the hint does not give: no form has more.
        hint: the hint.

    Errors: a BacklitError for another hint.

    >>> from backlit.check.records import CheckedNumber, CheckedWork
    >>> number = CheckedNumber("net(h1)", "net(h1)", 1, "forward", "0.3775", "right", "0.37750", "0.37750", 5e-5)
    >>> print(Checked(CheckedWork("two-layer", "", (number,))).text().plain.splitlines()[0])
    The number is right.
    """

    def __init__(self, work: CheckedWork, *, hint: int | None = None) -> None:
        self.hint = hint_of(hint)
        self.work = hinted(work, self.hint)

    @functools.cached_property
    def parts(self) -> Parts:
        """What is shown, in the order in which it is read."""
        return parts(self.work, self.hint)

    @property
    def numbers(self) -> tuple[CheckedNumber, ...]:
        """The numbers of the sheet, in the order of the computation."""
        return self.work.numbers

    @property
    def wrong(self) -> tuple[CheckedNumber, ...]:
        """The wrong numbers, in the order of the computation; the first is where to look."""
        return self.work.wrong

    @property
    def all_right(self) -> bool:
        """Whether there is no mistake."""
        return self.work.all_right

    def of(self, *verdicts: Verdict) -> tuple[CheckedNumber, ...]:
        """Give the numbers of these verdicts."""
        return self.work.of(*verdicts)

    def __getitem__(self, name: str) -> CheckedNumber:
        """Give a number by its name on the sheet, or in the worked example; of several steps, that of the first."""
        for number in self.numbers:
            if number.name == name:
                return number
        for number in self.numbers:
            if number.record == name:
                return number
        raise KeyError(f"the sheet has no number {name!r}; it has {', '.join(n.name for n in self.numbers[:12])}.")

    def __str__(self) -> str:
        return self.text().plain

    def __repr__(self) -> str:
        return f"<checked work: {self.parts.verdict.rstrip('.')}; print it>"

    def text(self, width: int = check_text.WIDTH) -> Text:
        """Give the text with its styles, for a terminal of that width."""
        return check_text.checked_text(self.parts, width)

    def to_markdown(self) -> str:
        """Give Markdown, as GitHub and Jupyter render it."""
        return check_markdown.checked_markdown(self.parts)

    def to_html(self) -> str:
        """Give one self-contained page: no script, nothing loaded from elsewhere."""
        return check_html.checked_page(self.parts)

    def to_fragment(self, *, prefix: str = check_html.PREFIX, level: int = 2) -> str:
        """Give a part of a page; `prefix` begins its ids, `level` is that of its first heading."""
        return check_html.checked_fragment(self.parts, prefix=prefix, level=level)

    def to_json(self) -> str:
        """Give the record; under a hint, without what the hint does not give."""
        return msgspec.json.format(hinted_json(self.work, self.hint), indent=1).decode()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to a file and give its path; the ending says how: .html, .md, .txt or .json.

        Errors: a BacklitError for another ending, or where the file cannot be written.
        """
        forms = {".html": self.to_html, ".md": self.to_markdown, ".txt": self.__str__, ".json": self.to_json}
        return saved(path, forms, "checked work")

    def _repr_html_(self) -> str:
        return check_notebook.checked_cell(self.parts)
