"""The files of a report: where they are, that no other file is lost for them, and what is said where they fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from backlit.cli.options import check_output
from backlit.errors import BacklitError

if TYPE_CHECKING:
    from backlit.show.report.report import Report

SUFFIXES = [".html", ".json"]
"""A page for a browser, and the same as data."""


def beside(model: Path, of: str = "") -> list[Path]:
    """The files of a report beside a model; `of` names the table, where it is not the one of the training.

    >>> [path.name for path in beside(Path("iris.safetensors"))]
    ['iris.report.html', 'iris.report.json']
    """
    return [model.with_name(f"{model.stem}{of and '.'}{of}.report{suffix}") for suffix in SUFFIXES]


def check_reports(paths: Sequence[Path], inputs: Iterable[Path]) -> None:
    """Refuse, before any work, files that cannot be written, have another ending, or are read by the command."""
    for path in paths:
        check_output(path, SUFFIXES)
        for given in inputs:
            if path.exists() and given.exists() and path.samefile(given):
                raise BacklitError(
                    f'"{path}" is an input too and is not overwritten: choose another name for the report.'
                )


def earlier(paths: Sequence[Path], written: Sequence[Path]) -> str:
    """Name the files that are there and were not written now: they tell of an earlier training."""
    return " and ".join(str(path) for path in paths if path not in written and path.exists())


def said(paths: Sequence[Path]) -> str:
    """Name the files, and what each is for.

    >>> said(beside(Path("iris.safetensors")))
    'iris.report.html, a page for a browser, and iris.report.json, the same as data'
    """
    pages = [f"{path}, a page for a browser" for path in paths if path.suffix.lower() == ".html"]
    data = [f"{path}, {'the same ' if pages else ''}as data" for path in paths if path.suffix.lower() != ".html"]
    return ", and ".join([*pages, *data])


class ReportFiles:
    """The files of a training's report. Whatever fails while they are written, the model is there already.

    Attributes:
        written: the files that are written. failure: a line about what failed, or an empty text.
    """

    def __init__(self, paths: Sequence[Path], model: Path, make: Callable[[], Report]) -> None:
        self.paths, self.model, self.make = paths, model, make
        self.written: list[Path] = []
        self.failure = ""

    def write(self) -> None:
        """Make the report and write it; Ctrl-C leaves it out."""
        try:
            made = self.make()
            for path in self.paths:
                made.save(path)
                self.written.append(path)
        except KeyboardInterrupt:  # `stopped_by_ctrl_c` says what it does
            return
        except MemoryError:
            self._fail("there is not enough memory for it.")
        except BacklitError as error:
            self._fail(str(error))
        except Exception as error:  # noqa: BLE001  (a fault of ours must not lose the training that is to be shown)
            self._fail(f"{type(error).__name__}: {error}")

    def _fail(self, why: str) -> None:
        stale = earlier(self.paths, self.written)
        stale = stale and f" ({stale}: of an earlier training)"
        why = " ".join(why.split())
        self.failure = f"error: the model is written to {self.model}, but not its report{stale}: {why}"
