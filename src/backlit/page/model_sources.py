"""A model file as what the page trains on: its network at its own weights, on the rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from backlit.data import Encoder, NumberTarget, Table, Task
from backlit.data.messages import quoted
from backlit.engine import Network
from backlit.errors import BacklitError, counted
from backlit.examples import NAMES, example_file
from backlit.examples.file_text import text_of
from backlit.kernels.types import Array
from backlit.model import FitReport, Settings, TabularModel, load
from backlit.model.held_out import held_out_rows, keep_test_rows
from backlit.model.recipe import optimizer
from backlit.model.recipe_search import folds_of
from backlit.page.design import Design, layer_table, op_table
from backlit.page.file_sources import of_file_text
from backlit.page.source import FirstWeights, Source, TableRows
from backlit.page.table_sources import (
    TRAINING,
    VALIDATION,
    class_names,
    input_and_class_names,
    plain_loss,
    plain_type,
    with_labels,
)


def of_model(path: Path, data: str | None, target: str | None = None) -> Source:
    """Give the source of a model file on rows: a table for the model of a table, a network file for a network alone.

    Errors: a BacklitError where it is no model, `data` is missing, or does not fit.
    """
    model = load(path)
    if not isinstance(model, TabularModel):
        return _of_network(model, str(path), data, target)
    if data is None:
        table = model.report.table if model.report is not None else "table.csv"
        raise BacklitError(
            f"{path} holds the model of a table: give the rows that it is trained on with --data, such as backlit page "
            f"{path} --data {table}."
        )
    return of_tabular_model(model, path.name, data, target, (str(path), "--data", data))


def of_tabular_model(
    model: TabularModel, name: str, data: Any, target: str | None, given: Sequence[str]
) -> Source:  # fmt: skip
    """Give the source of a table's model on a table: the model's own columns and target, its network and its weights.

    Errors: a BacklitError where the table does not have what the model needs, in the words of `backlit predict`.
    """
    if target is not None and target != model.target:
        raise BacklitError(
            f"--target is {quoted(target)}; {name} predicts {quoted(model.target)}, and its network has learned that: "
            "leave --target out."
        )
    table = model.read(data)
    known = model.with_target(table, "which training needs")
    network, encoder = model.network, model.encoder
    encoded = encoder.encode(known, network.dtype)
    Y = encoder.encode_target(known, network.dtype)
    divided = _divided(model, known, Y)
    rest, kept = divided.rows["train"], TableRows(known, encoder, divided.task, divided.rows, divided.folds)
    X, Y = encoded.X[rest], Y[rest]
    trained, held_out = divided.folds[0] if divided.folds else (slice(None), None)
    told = [f"{surprise.note}." for surprise in encoded.surprises]
    if table.n_rows > known.n_rows:
        told.append(f"{counted(table.n_rows - known.n_rows, 'row')} without a target left out.")
    return Source(
        title=f"{name} on {table.name}", given=tuple(given), X=X[trained], Y=Y[trained],
        validation=None if held_out is None else (X[held_out], Y[held_out]),
        design=Design(_network_tables(network, encoder, model.target), _training(model.report)),
        target=model.target, classes=class_names(encoder), columns=encoder.features.reports, table=kept, whole=table,
        kept=len(divided.rows["test"]), told=(divided.said, *told), first=FirstWeights(name, network),
    )  # fmt: skip


def _of_network(network: Network, path: str, data: str | None, target: str | None) -> Source:
    """Give the source of a network alone, on the rows of a network file or a classic example."""
    if data is None or not (data.endswith(".toml") or data in NAMES):
        raise BacklitError(
            f'"{path}" holds a network alone: it does not say how the columns of a table become its {network.inputs} '
            "inputs. Give --data a network file with rows, or a classic example; or use a model that `backlit train` "
            "wrote."
        )
    if target is not None:
        raise BacklitError("--target names a column of a table; a network file has rows of its own: leave it out.")
    file = Path(data) if data.endswith(".toml") else example_file(data)
    rows = of_file_text(text_of(file), data, (data,))
    return of_network(network, Path(path).name, rows, (path, "--data", data))


def of_network(network: Network, name: str, rows: Source, given: Sequence[str]) -> Source:
    """Give the source of a network alone on the rows that a network file has.

    Errors: a BacklitError where the rows do not fit the network.
    """
    shape = rows.X.shape[1:] if hasattr(rows.X, "shape") else ()
    if np.prod(shape) != np.prod(np.atleast_1d(_inputs(network))):
        raise BacklitError(f"{name} expects {network.inputs} inputs; a row of {rows.title} has {int(np.prod(shape))}.")
    tables = {"inputs": _inputs(network), **_tables(network)}
    design = with_labels(Design(tables, rows.design.training), (), {})
    return msgspec.structs.replace(
        rows, title=f"{name} on {rows.title}", given=tuple(given), design=design, setup=None, file=None,
        first=FirstWeights(name, network),
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------------ the rows


class _Divided(NamedTuple):
    """Which rows of a table train, validate and are kept for a test, and what is to be known about that."""

    task: Task
    rows: dict[str, Array]
    folds: list[tuple[Array, Array]]
    said: str


def _divided(model: TabularModel, known: Table, Y: Array) -> _Divided:
    """Divide the rows as the model's own training did, where they are its rows; else as those of any table."""
    report = model.report
    test = held_out_rows(report, known) if report is not None else None
    if report is None or report.settings is None or test is None:
        settings = Settings(validation=VALIDATION)
        said = "The model does not say which rows it has learned from."
        if report is not None:
            rows = f"{counted(report.task.n_rows, 'row')} of {report.table}"
            said = f"These are not the rows that the model has learned from, which were {rows}."
    else:
        settings = report.settings
        seen = " It has learned from the validation rows, too: at first their error is low for that reason."
        said = "These are the rows that the model has learned from; those that it was tested on are kept for a test."
        said += "" if report.validation_rows else seen
    task = _task(model, known)
    rest, test, random = keep_test_rows(known, task, settings)
    folds, _ = folds_of(settings, task, Y[rest], known.n_rows, random)
    return _Divided(task, {"train": rest, "test": test}, folds[:1], said)


def _task(model: TabularModel, known: Table) -> Task:
    """Give what is learned, of the model's own classes."""
    if model.report is not None:
        return msgspec.structs.replace(model.report.task, n_rows=known.n_rows)
    numbers = isinstance(model.encoder.target, NumberTarget)
    classes = () if numbers else tuple(model.encoder.classes or ())
    return Task(model.target, "numbers" if numbers else "classes", "as the model learned it", classes, known.n_rows, 0)


# ---------------------------------------------------------------------------------------------------------- the design


def _network_tables(network: Network, encoder: Encoder, target: str) -> dict[str, Any]:
    """Give a model's network as the table `[network]`, with the names of columns and classes."""
    names = input_and_class_names(encoder.feature_names, class_names(encoder), target)
    inputs = _inputs(network)
    named = inputs if isinstance(inputs, list) else names.inputs
    return with_labels(Design({"inputs": named, **_tables(network)}), (), names.labels).network


def _tables(network: Network) -> dict[str, Any]:
    return {
        "layers": [layer_table(layer) for layer in network.layers], "loss": plain_loss(network),
        **plain_type(network.dtype.name), "seed": 0,
    }  # fmt: skip


def _inputs(network: Network) -> Any:
    """Give the number of inputs, or the shape of a row."""
    return network.to_dict()["inputs"]


def _training(report: FitReport | None) -> dict[str, Any]:
    """Give the table `[training]` of the model's own training; the page's usual one where it is not known."""
    if report is None:
        return TRAINING
    recipe = report.recipe
    made = optimizer(recipe.optimizer, recipe.rate, recipe.decay)
    return {
        "optimizer": op_table(made), "schedule": recipe.schedule, "l2": recipe.l2, "batch_size": recipe.batch_size,
        "epochs": recipe.epochs, "seed": recipe.seed,
    }  # fmt: skip
