"""What people hold of a diagnosis: the record, which prints, shows itself and is saved, and the repaired training."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from backlit.diagnose.records import Diagnosis, Finding, Tried
from backlit.diagnose.repairing import Repaired
from backlit.engine import Shown
from backlit.errors import BacklitError
from backlit.show.curves.figures import curve_figures
from backlit.show.demo.text import WIDTH
from backlit.show.diagnose import forms, words
from backlit.show.picture import Picture
from backlit.show.saving import saved


class Diagnosed(Shown):
    """A diagnosis of a training: prints, shows itself in a notebook, and is saved as a page.

    Attributes:
        record: all of its numbers.
    """

    def __init__(self, record: Diagnosis, repair: Callable[[], Repaired]) -> None:
        self.record = record
        self._repair = repair

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong, in the order of cause."""
        return self.record.findings

    @property
    def tried(self) -> tuple[Tried, ...]:
        """The remedies that were trained."""
        return self.record.tried

    def repaired(self) -> Repaired:
        """Train with all changes that helped, from the same seed: the same bits as the last remedy that was kept.

        Errors: a BacklitError where no change is kept.
        """
        if not self.record.kept:
            why = "no remedy that was tried helped" if self.record.tried else "none was tried: give fix=True"
            raise BacklitError(f"there is no change to train with: {why}.")
        return self._repair()

    def plot(self) -> Picture:
        """Draw the losses before and with all that helped, over each other.

        Errors: a BacklitError where no change is kept.
        """
        helped = [tried for tried in self.tried if tried.helped and tried.after is not None]
        if not helped or helped[0].before.curve is None or helped[-1].after is None or helped[-1].after.curve is None:
            raise BacklitError(
                "there is nothing to draw: no remedy that was tried helped. The history draws its curve."
            )
        curves = {"before": helped[0].before.curve, "after": helped[-1].after.curve}
        return Picture(curve_figures(curves), curves, title="The training before and with what helped")

    def to_html(self) -> str:
        """Give a page of its own that loads nothing."""
        return forms.page_of(self.record)

    def to_text(self, width: int = WIDTH) -> str:
        """Give the diagnosis as text, in lines of at most `width`."""
        return forms.text_of(self.record, width)

    def to_json(self) -> str:
        """Give the record as JSON."""
        return msgspec.json.encode(self.record).decode()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the diagnosis to a file and give its path; the ending says how: .html, .txt or .json.

        Errors: a BacklitError for another ending, or where the file cannot be written.
        """
        return saved(path, {".html": self.to_html, ".txt": self.to_text, ".json": self.to_json}, "a diagnosis")

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"<Diagnosed: {words.line(self.record)}; print it>"

    def _repr_html_(self) -> str:
        return forms.html_of(self.record)
