"""A network file as what the page trains on: a run with rows of its own, or its layers on the rows of a table."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from backlit.data.target import TaskKind
from backlit.errors import BacklitError
from backlit.examples import NetworkFile, Setup, parse_network_file
from backlit.examples.layers_alone import parse_layers
from backlit.page.design import Design
from backlit.page.source import Source
from backlit.page.table_sources import of_table


def of_file_text(text: str, name: str, given: Sequence[str], run: str | None = None) -> Source:
    """Give the source of a network file with rows, by its text; `name` begins the messages of errors.

    Errors: a BacklitError where it does not fit, has no rows or no such run.
    """
    if not has_rows(tables_of(text)):
        path = given[0]
        raise BacklitError(
            f"{name} has no rows to train on: give a table with --data, such as backlit page {path} --data table.csv "
            "--target COLUMN, or write rows in [data] (docs/network-file.md)."
        )
    return of_run(parse_network_file(text, name), given, name, run)


def of_run(file: NetworkFile, given: Sequence[str], name: str, run: str | None = None) -> Source:
    """Give the source of a network file's run, by default the first.

    Errors: a BacklitError for a run that is not there, and one without rows.
    """
    if run is not None and len(file.setups) == 1 and not file.setups[0].name:
        raise BacklitError(f"run is {run!r}; {name} has one run, without a name: leave --run out.")
    setup = file.setups[0] if run is None else file.setup(run)
    rows = setup.all_rows()
    held_out = next((part for part in (rows.validation, rows.test) if len(part[0])), None)
    words = (given[0], *(["--run", setup.name] if setup is not file.setups[0] else []))
    return Source(
        title=file.title or Path(name).name, given=words,
        kept=len(rows.test[0]) if len(rows.validation[0]) else 0,
        X=rows.training[0], Y=rows.training[1], validation=held_out,
        design=design_of(setup), setup=setup, file=file if len(file.setups) > 1 else None,
    )  # fmt: skip


def of_file_on_table(
    text: str, name: str, table: Any, target: str | None, given: Sequence[str], task: TaskKind | None = None
) -> Source:
    """Give the source of a table with a network file's layers and training; the file's own rows do not count.

    Layers are read as by `backlit train DATA --network FILE`: an output layer and a loss that fit the target are added
    where the file has none.

    Errors: a BacklitError where one of them does not fit the other.
    """
    layers = parse_layers(text, name)
    try:
        return of_table(table, target, given, layers, task)
    except BacklitError as error:
        if re.match(r"training\b", str(error)):  # of the file's steps, which the table has no part in
            raise BacklitError(f"{name}: {error}") from error
        raise


def tables_of(text: str) -> dict[str, Any] | None:
    """Give the tables of a network file; None where it cannot be read, which is said by its reader."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):  # a TOMLDecodeError is a ValueError; too many digits are one, too
        return None


def has_rows(tables: Mapping[str, Any] | None) -> bool:
    """Say whether a network file's tables have rows; also where it cannot be read."""
    if tables is None:
        return True
    runs = tables.get("runs")
    return "data" in tables or any(
        "data" in run for run in (runs if isinstance(runs, list) else []) if isinstance(run, dict)
    )


def design_of(setup: Setup) -> Design:
    """Give the design that a run of a network file describes."""
    network = {key: value for key, value in msgspec.to_builtins(setup.network).items() if value is not None}
    steps = {name: value.to_dict() if hasattr(value, "to_dict") else value for name, value in setup.steps.items()}
    return Design(network, steps)
