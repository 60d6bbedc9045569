"""What the command line and the page name to train on, as a `Source`."""

from __future__ import annotations

from pathlib import Path

from backlit.data import BUNDLED
from backlit.data.target import TaskKind
from backlit.errors import BacklitError
from backlit.examples import NAMES, example_file
from backlit.examples.file_text import text_of
from backlit.model.file import SUFFIX
from backlit.page.file_sources import design_of, of_file_on_table, of_file_text
from backlit.page.model_sources import of_model
from backlit.page.source import Source, TableRows, Which
from backlit.page.table_sources import VALIDATION, of_table

__all__ = ["VALIDATION", "Source", "TableRows", "Which", "design_of", "of_table", "source_of"]


def source_of(
    given: str, target: str | None = None, *, data: str | None = None, run: str | None = None,
    task: TaskKind | None = None,
) -> Source:  # fmt: skip
    """Give the source of what `backlit page` is given.

    Args:
        given: a classic example's name, the path of a network file or of a model file, or anything that `read_table`
            reads. target: the column of a table that is predicted. data: the rows for a model, or for the layers of a
            network file. run: which run of a network file that has several. task: whether the column is learned as
            classes or as numbers.

    Errors: a BacklitError where it is none of these, or does not fit.
    """
    if given.endswith(SUFFIX):
        _refuse(f"{given}, a model file", run=run, task=task)
        return of_model(Path(given), data, target)
    if is_network_file(given):
        path = Path(given) if given.endswith(".toml") else example_file(given)
        if data is not None:
            _refuse(f"--data: with a table, [network] and [training] of {given} count, and no run of it", run=run)
            return of_file_on_table(text_of(path), given, data, target, (given, "--data", data), task)
        _refuse(f"{given}, which has rows of its own", target=target, task=task)
        return of_file_text(text_of(path), given, (given,), run)
    _refuse(f"{given}, which is a table itself", data=data, run=run)
    return of_table(given, target, task=task)


def is_network_file(given: str) -> bool:
    """Say whether a word names a network file, or a classic example, which is one."""
    return given.endswith(".toml") or (given not in BUNDLED and not Path(given).exists() and given in NAMES)


def _refuse(what: str, **given: str | None) -> None:
    for name, value in given.items():
        if value is not None:
            raise BacklitError(f"--{name} does not go with {what}: leave it out.")
