"""What the page trains on: a table, a classic example or a network file, each with a design to begin with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np

from backlit.data import BUNDLED, ColumnReport, Table, read_table
from backlit.engine import Network
from backlit.errors import collecting
from backlit.examples import NAMES, Setup, example_file, read_network_file
from backlit.kernels.types import Array
from backlit.model import Settings, TableTraining
from backlit.page.design import Design

VALIDATION = 0.2
"""The part of a table's rows that validates; as many more are kept for the test, which the page never looks at."""

UNITS, RATE, BATCH, EPOCHS = 8, 0.01, 16, 1_000
"""Of a table's first design: few units, so that all are drawn."""


Which = Literal["training", "validation"]


class Source(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """Rows to train on, with their names and the design that the page begins with.

    `given` are the words of the command line that name it. `X` (n, inputs) and `Y` train, `validation` measures.
    `classes` are the labels of class numbers, `target` names what is predicted. `columns` says of each column of a
    table what is done to it. `table` is the training that a table's rows, encoder and own units come from.
    `whole` is the table itself, `kept` counts its rows for the test, `told` are the reader's warnings. `setup` is the
    run of a network file; its first weights and names count while its layers are not changed.
    `sample_weight` (n,) are the rows' weights, `changes` says what was done to the rows as a remedy.
    """

    title: str
    given: tuple[str, ...]
    X: Array
    Y: Array
    validation: tuple[Array, Array] | None
    design: Design
    target: str = ""
    classes: tuple[str, ...] = ()
    columns: tuple[ColumnReport, ...] = ()
    table: TableTraining | None = None
    whole: Table | None = None
    kept: int = 0
    told: tuple[str, ...] = ()
    setup: Setup | None = None
    sample_weight: Array | None = None
    changes: tuple[str, ...] = ()

    def places(self, which: Which) -> Array | None:
        """Give the places in the table's rows of those that train or validate, in their order; None without a table."""
        if self.table is None:
            return None
        rest = self.table.rows["train"]
        if not self.table.folds:
            return rest if which == "training" else rest[:0]
        rows, held_out = self.table.folds[0]
        return rest[rows if which == "training" else held_out]

    def rows(self, which: Which) -> tuple[Array, Array]:
        """Give X and Y of the rows that train or validate; there may be none that validate."""
        if which == "training":
            return self.X, self.Y
        return self.validation or (self.X[:0], self.Y[:0])

    def network(self, design: Design) -> Network:
        """Build a design's network at its first weights."""
        return design.setup().build()


def source_of(given: str, target: str | None = None) -> Source:
    """Give the source of a classic example's name, a network file's path, or anything that `read_table` reads.

    Errors: a BacklitError where it is none of these, or does not fit.
    """
    if given.endswith(".toml") or (given not in BUNDLED and _is_example(given)):
        return _of_network_file(given)
    return of_table(given, target)


def _is_example(given: str) -> bool:
    return not Path(given).exists() and given in NAMES


def of_table(table: Any, target: str | None = None) -> Source:
    """Give the source of a table: a part of its rows validates, a part is kept for a test.

    Errors: a BacklitError where it is no table, or its target does not fit.
    """
    told: list[str] = []
    with collecting(told):
        whole = read_table(table)
        training = TableTraining(whole, target, Settings(validation=VALIDATION, dtype="float64"))
    encoder, task = training.encoder, training.task
    rows, held_out = training.folds[0] if training.folds else (np.arange(len(training.X)), None)
    classes = tuple(map(str, encoder.classes)) if encoder.classes is not None else ()
    names = _names(encoder.feature_names, classes, task.column)
    outputs: dict[str, Any] = (
        {"units": 1} if not classes else {"units": len(classes), "activation": "softmax", **names.labels}
    )
    design = Design(
        {"inputs": names.inputs, "layers": [{"units": UNITS, "activation": "tanh"}, outputs],
         "loss": "cross_entropy" if classes else "half_squared_error", "seed": 0},
        {"optimizer": {"op": "adam", "rate": RATE}, "batch_size": BATCH, "epochs": EPOCHS, "seed": 0},
    )  # fmt: skip
    validation = None if held_out is None else (training.X[held_out], training.Y[held_out])
    return Source(
        title=whole.name, given=(whole.name if isinstance(table, Table) else str(table),),
        X=training.X[rows], Y=training.Y[rows], validation=validation,
        design=design, target=task.column, classes=classes, columns=encoder.features.reports, table=training,
        whole=whole, kept=len(training.rows["test"]), told=tuple(told),
    )  # fmt: skip


class _Names(NamedTuple):
    """The inputs of a first design, by their names or their number, and the labels of its last layer."""

    inputs: list[str] | int
    labels: dict[str, list[str]]


def _names(features: Sequence[str], classes: Sequence[str], target: str) -> _Names:
    """Give names that differ, since a network tells its inputs and units apart by them; where they do not, fewer."""
    hidden = {f"h{k + 1}" for k in range(UNITS)}
    inputs: list[str] | int = list(features) if len({*features, *hidden}) == len(features) + UNITS else len(features)
    taken = {*features, *hidden}
    labels = [f"{target}={label}" if {*classes} & taken else label for label in classes]
    return _Names(inputs, {"labels": labels} if labels and len({*labels, *taken}) == len(labels) + len(taken) else {})


def _of_network_file(given: str) -> Source:
    file = read_network_file(Path(given) if given.endswith(".toml") else example_file(given))
    setup = file.setups[0]
    rows = setup.all_rows()
    held_out = next((part for part in (rows.validation, rows.test) if len(part[0])), None)
    return Source(
        title=file.title, given=(given,), kept=len(rows.test[0]) if len(rows.validation[0]) else 0,
        X=rows.training[0], Y=rows.training[1], validation=held_out,
        design=design_of(setup), setup=setup,
    )  # fmt: skip


def design_of(setup: Setup) -> Design:
    """Give the design that a run of a network file describes."""
    network = {key: value for key, value in msgspec.to_builtins(setup.network).items() if value is not None}
    steps = {name: value.to_dict() if hasattr(value, "to_dict") else value for name, value in setup.steps.items()}
    return Design(network, steps)
