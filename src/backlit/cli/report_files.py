"""The files of a report: where they are, that no other file is lost for them, and what is said where they fail."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from backlit.cli.options import check_output
from backlit.errors import BacklitError

if TYPE_CHECKING:
    from backlit.show.report import Report

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


def said(paths: Sequence[Path]) -> str:
    """Name the files, and what each is for.

    >>> said(beside(Path("iris.safetensors")))
    'iris.report.html, a page for a browser, and iris.report.json, the same as data'
    """
    pages = [f"{path}, a page for a browser" for path in paths if path.suffix.lower() == ".html"]
    data = [f"{path}, {'the same ' if pages else ''}as data" for path in paths if path.suffix.lower() != ".html"]
    return ", and ".join([*pages, *data])


def write_reports(make: Callable[[], Report], paths: Sequence[Path], model: Path) -> tuple[list[Path], str]:
    """Make the report of a training and write it. Whatever fails, the model is there; an error is one line.

    Gives the files that were written, and the line about an error, or an empty text. Ctrl-C leaves the report out.
    """
    written: list[Path] = []
    try:
        made = make()
        for path in paths:
            made.save(path)
            written.append(path)
    except KeyboardInterrupt:
        print(f"\nCtrl-C: the report is left out; the network is written to {model}", file=sys.stderr)
        return written, ""
    except MemoryError:
        why = "there is not enough memory for it."
    except BacklitError as error:
        why = str(error)
    except Exception as error:  # noqa: BLE001  (a fault of ours must not lose the training that is to be shown)
        why = f"{type(error).__name__}: {error}"
    else:
        return written, ""
    earlier = [str(path) for path in paths if path not in written and path.exists()]
    stale = f" ({' and '.join(earlier)}: of an earlier training)" if earlier else ""
    return written, f"error: the model is written to {model}, but not its report{stale}: {' '.join(why.split())}"
