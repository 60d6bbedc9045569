"""A table as what the page trains on, with a network of the page's own or the layers of a network file."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from backlit.data import Table, choose_task, read_table
from backlit.data.messages import quoted
from backlit.data.target import TaskKind, without_target
from backlit.engine import Network
from backlit.errors import BacklitError, collecting, counted
from backlit.examples.file_layers import LABELLED
from backlit.examples.layers_alone import FileLayers
from backlit.model import Settings, TableTraining
from backlit.page.design import Design, op_table
from backlit.page.source import Source, TableRows

VALIDATION = 0.2
"""The part of a table's rows that validates; as many more are kept for the test, which the page never looks at."""

UNITS, RATE, BATCH, EPOCHS = 8, 0.01, 16, 1_000
"""Of a table's first design: few units, so that all are drawn."""

FEW_ROWS = 10
"""In a table of fewer rows what cannot be learned is the number of rows."""

CANDIDATES = 5
"""So many columns, from the last one back, are tried as the one to predict."""

TRAINING = {"optimizer": {"op": "adam", "rate": RATE}, "batch_size": BATCH, "epochs": EPOCHS, "seed": 0}
"""How a network is trained at first."""

OWN_NAMES = re.compile(r"[hof]\d+(\.\d+)*")
"""What the page calls units that have no name."""


def of_table(
    table: Any, target: str | None = None, given: Sequence[str] = (), layers: FileLayers | None = None,
    task: TaskKind | None = None,
) -> Source:  # fmt: skip
    """Give the source of a table: a part of its rows validates, a part is kept for a test.

    Args:
        table: anything that `read_table` reads. target: the column to predict; where neither this nor the table says
            it, the last one that can be predicted.
        given: the words of the command line that name it, where they are not the table's name.
        layers: the layers of a network file, instead of the page's own.
        task: whether classes or numbers are learned, where the column's values are not to decide.

    Errors: a BacklitError where it is no table, or its target or the layers do not fit.
    """
    told: list[str] = []
    with collecting(told):
        whole = read_table(table)
    words = tuple(given) or ((whole.name if isinstance(table, Table) else str(table)),)

    def predicting(column: str | None, kind: TaskKind | None = None) -> Source:
        source = _predicting(whole, column, words, layers, kind)
        return msgspec.structs.replace(source, told=(*told, *source.told), retarget=predicting)

    if target is not None or whole.target is not None or without_target(whole):
        return predicting(target, task)
    return _last_that_fits(lambda column: predicting(column, task), whole)


def _last_that_fits(predicting: Callable[[str], Source], table: Table) -> Source:
    """Predict the last column that can be predicted. Errors: that of the last column where none can be."""
    first: BacklitError | None = None
    for column in table.columns[: -CANDIDATES - 1 : -1]:
        try:
            source = predicting(column)
        except BacklitError as error:
            first = first or error
            continue
        if first is None:
            return source
        told = f"The last column cannot be predicted, so {quoted(column)} is. {first}"
        return msgspec.structs.replace(source, told=(told, *source.told))
    assert first is not None
    raise first


def _predicting(
    whole: Table, target: str | None, given: tuple[str, ...], layers: FileLayers | None, kind: TaskKind | None
) -> Source:
    """Give the source of a table with a column that is predicted."""
    told: list[str] = []
    with collecting(told):
        try:
            training = TableTraining(whole, target, _settings(layers, kind))
        except BacklitError as error:
            if whole.n_rows >= FEW_ROWS or not str(error).startswith("No column of"):
                raise
            raise BacklitError(
                f"{whole.name} has {counted(whole.n_rows, 'row')}, of which some are kept for a test: too few to learn "
                f"from; give it at least {FEW_ROWS}. {error}"
            ) from error
    X, Y = training.X, training.Y
    kept = TableRows(training.table, training.encoder, training.task, training.rows, training.folds)
    trained, held_out = training.folds[0] if training.folds else (slice(None), None)
    column, missing = training.task.column, training.task.n_missing
    if missing:
        told.append(f"{counted(missing, 'row')} without {quoted(column)} left out.")
    return Source(
        title=whole.name, given=given, asks=whole.target != column, X=X[trained], Y=Y[trained],
        validation=None if held_out is None else (X[held_out], Y[held_out]), design=_design(training, layers),
        target=column, task=kind if kind is not None and kind != _usual_task(whole, column) else None,
        classes=class_names(training.encoder), columns=training.encoder.features.reports, table=kept,
        whole=whole, kept=len(training.rows["test"]), told=tuple(told),
    )  # fmt: skip


def _usual_task(table: Table, column: str) -> TaskKind | None:
    """Give what is learned of a column where nothing is asked for; None where it is refused then."""
    try:
        return choose_task(table, column).kind
    except BacklitError:
        return None


def class_names(encoder: Any) -> tuple[str, ...]:
    """Give the classes that an encoder knows as texts; none where it predicts numbers."""
    return tuple(map(str, encoder.classes)) if encoder.classes is not None else ()


def _settings(layers: FileLayers | None, kind: TaskKind | None) -> Settings:
    if layers is None:
        return Settings(kind=kind, validation=VALIDATION, dtype="float64")
    return Settings(
        kind=kind, validation=VALIDATION, dtype=layers.given.get("dtype", "float64"), network=layers.layers,
        inputs=layers.inputs, loss=layers.loss,
    )  # fmt: skip


def _design(training: TableTraining, layers: FileLayers | None) -> Design:
    """Give the design that a table begins with."""
    encoder, task, recipe = training.encoder, training.task, training.recipes[0]
    classes = class_names(encoder)
    names = input_and_class_names(encoder.feature_names, classes, task.column)
    if not recipe.own:
        outputs: dict[str, Any] = (
            {"units": 1} if not classes else {"units": len(classes), "activation": "softmax", **names.labels}
        )
        return Design(
            {"inputs": names.inputs, "layers": [{"units": UNITS, "activation": "tanh"}, outputs],
             "loss": "cross_entropy" if classes else "half_squared_error", "seed": 0}, TRAINING,
        )  # fmt: skip
    network = recipe.network(task, training.X.shape[1], 0)
    tables = [plain_table(layer) for layer in recipe.own]
    if len(network.layers) > len(tables):  # an output layer was added
        tables.append({"units": len(classes) or 1, **({"activation": "softmax"} if classes else {})})
    own = layers.given if layers is not None else {}
    design = Design(
        {"inputs": list(recipe.inputs) if len(recipe.inputs) > 1 else names.inputs, "layers": tables,
         "loss": plain_loss(network), **plain_type(recipe.dtype), "seed": own.get("seed", 0)},
        (layers.training if layers is not None else {})
        or TRAINING | {"optimizer": {"op": "adam", "rate": recipe.rate}},
    )  # fmt: skip
    return with_labels(design, own.get("layers", ()), names.labels)


def plain_table(layer: dict[str, Any]) -> dict[str, Any]:
    """Give a layer's table without the op that it has anyhow."""
    return {key: value for key, value in layer.items() if not (key == "op" and value == "dense")}


def plain_loss(network: Network) -> str | dict[str, Any]:
    """Give a network's loss as a network file writes it."""
    loss = op_table(network.loss)
    return str(loss["op"]) if len(loss) == 1 else loss


def plain_type(dtype: str) -> dict[str, str]:
    """Give the type of numbers where it is not the usual one of a network file."""
    return {} if dtype == "float64" else {"dtype": dtype}


def with_labels(design: Design, written: Sequence[dict[str, Any]], labels: dict[str, Any]) -> Design:
    """Give the design with the names that a file gives its layers, and the classes' names, where these can be given.

    Errors: a BacklitError where the design itself does not fit.
    """
    layers = design.network["layers"]
    own = [{key: value for key, value in table.items() if key == "labels" or key in LABELLED} for table in written]
    own += [{}] * (len(layers) - len(own))
    own[-1] = own[-1] | labels
    named = [table | more for table, more in zip(layers, own, strict=False)]
    for tables in (named, [*layers[:-1], layers[-1] | labels]):
        tried = Design({**design.network, "layers": tables}, design.training)
        try:
            tried.setup()
        except BacklitError:
            continue
        return tried
    design.setup()
    return design


class Names(NamedTuple):
    """The inputs of a first design, by their names or their number, and the labels of its last layer."""

    inputs: list[str] | int
    labels: dict[str, list[str]]


def input_and_class_names(features: Sequence[str], classes: Sequence[str], target: str) -> Names:
    """Give names that differ, since a network tells its inputs and units apart by them; where they do not, fewer.

    A column that is called as units are is named so that it is told apart: `column h1`.
    """
    features = [f"column {name}" if OWN_NAMES.fullmatch(name) else name for name in features]
    clear = len({*features}) == len(features)
    taken = {*features}
    labels = [f"{target}={label}" if {*classes} & taken else label for label in classes]
    distinct = len({*labels, *taken}) == len(labels) + len(taken) and not any(map(OWN_NAMES.fullmatch, labels))
    return Names(features if clear else len(features), {"labels": labels} if labels and distinct else {})
