"""A trained network with the encoder of its table: predictions and scores from a table to a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from backlit.data import Encoder, NumberTarget, Surprise, read_table
from backlit.data.messages import listed, quoted
from backlit.engine import Displayed, Network
from backlit.errors import BacklitError, counted, warn
from backlit.kernels.types import Array
from backlit.model.model_summary import ModelSummary
from backlit.model.reports import Evaluation, FitReport
from backlit.model.scores import class_rows, class_scores, number_scores

CHUNK_ROWS = 65_536
"""Rows are encoded and predicted so many at a time, so that a million of them need little memory."""


class TabularModel(Displayed):
    """A network, the encoder of the table it was trained on, and the record of its training.

    Tables may be anything `backlit.data.read_table` reads: a file's path, a bundled name, a DataFrame.

    >>> from backlit.model import fit_table
    >>> model, report = fit_table("iris")
    >>> model.predict("iris")[:2].tolist()
    ['setosa', 'setosa']
    >>> model.predict_probabilities("iris").shape
    (150, 3)
    """

    def __init__(self, network: Network, encoder: Encoder, report: FitReport | None = None) -> None:
        self.network = network
        self.encoder = encoder
        self.report = report

    @property
    def target(self) -> str:
        """The name of the column that is predicted."""
        return self.encoder.target.column

    def outputs(self, table: Any) -> Iterator[tuple[Array, tuple[Surprise, ...]]]:
        """The outputs (rows, outputs) of one chunk of rows after another, and the surprises in these rows."""
        table = self.read(table)
        for start in range(0, table.n_rows, CHUNK_ROWS):
            encoded = self.encoder.encode(table.slice(start, CHUNK_ROWS), self.network.dtype)
            yield self.network.predict(encoded.X), encoded.surprises

    def read(self, source: Any) -> Any:
        """The table, its columns read as those that the model learned from: as text, or with decimal commas."""
        encoder = self.encoder
        return read_table(source, text_columns=encoder.text_columns, comma_columns=encoder.decimal_commas)

    def with_target(self, table: Any, purpose: str) -> Any:
        """Give the rows of a table that have a target; `purpose` says what it is needed for.

        Errors: a BacklitError where no row has one.
        """
        if self.target not in table.columns:
            raise BacklitError(
                f"{table.name} has no column {quoted(self.target)}, the target, {purpose}. "
                f"Its columns: {listed(table.columns)}."
            )
        known = table.drop_missing(self.target)
        if not known.n_rows:
            raise BacklitError(f"The target {quoted(self.target)} is missing in every row of {table.name}.")
        return known

    def decode(self, outputs: Array) -> Array:
        """Labels, or numbers in the target's own unit (n,), of the network's outputs (n, outputs)."""
        if isinstance(self.encoder.target, NumberTarget):
            return self.encoder.decode_target(outputs)
        return self.encoder.decode_target(outputs.argmax(axis=1))

    def predict(self, table: Any) -> Array:
        """The predicted labels, or numbers, of the table's rows (n,), in their order; the target column is not needed.

        What the rows hold that the training rows did not, such as new categories, is warned of: a BacklitWarning.

        Errors: a BacklitError where a column that the model needs is missing or holds values of another kind.
        """
        return self.decode(self._all_outputs(table))

    def _all_outputs(self, table: Any) -> Array:
        """The outputs (n, outputs) of all rows; warns of what the training rows did not have."""
        chunks = list(self.outputs(table))
        for surprise in merged([surprise for _, found in chunks for surprise in found]):
            warn(f"{surprise.note}.")
        return np.concatenate([outputs for outputs, _ in chunks])

    def predict_probabilities(self, table: Any) -> Array:
        """The probability of each class (n, k), in the order of `encoder.classes`.

        Errors: a BacklitError where the model predicts numbers, and as `predict`.
        """
        self.require_classes()
        return self._all_outputs(table)

    def require_classes(self) -> None:
        """Raise a BacklitError where the model predicts numbers."""
        if isinstance(self.encoder.target, NumberTarget):
            raise BacklitError(f"This model predicts numbers ({quoted(self.target)}): there are no probabilities.")

    def evaluate(self, table: Any) -> Evaluation:
        """The model measured on a table that has the target column; rows without a target are left out.

        A row of a class that training did not have counts as wrong. It is left out of the log-loss, which would be
        infinite. `surprises` and `classes` name such classes.

        Errors: a BacklitError where the target is missing or has no class that training had, and as `predict`.
        """
        table = self.read(table)
        known = self.with_target(table, "to compare predictions with")
        chunks = list(self.outputs(known))
        outputs = np.concatenate([chunk for chunk, _ in chunks])
        surprises = merged([surprise for _, found in chunks for surprise in found])
        skipped = table.n_rows - known.n_rows
        head = (known.name, self.target, known.n_rows, skipped)
        target = self.encoder.target
        if isinstance(target, NumberTarget):
            return Evaluation(*head, number_scores(self.targets(known), self.decode(outputs)), (), (), surprises)
        codes, new = target.encode_any(known)
        if new:
            what = f"classes not seen in training ({listed(new)}), counted as wrong and left out of the log-loss"
            surprises += (Surprise(self.target, what, int((codes >= len(target.classes)).sum())),)
        labels = target.classes + new
        k = len(labels)
        confusion = np.bincount(codes * k + outputs.argmax(axis=1), minlength=k * k).reshape(k, k)
        table_rows = tuple(tuple(map(int, row)) for row in confusion)
        return Evaluation(*head, class_scores(codes, outputs), class_rows(labels, confusion), table_rows, surprises)

    def targets(self, table: Any) -> Array:
        """The targets as scores take them: class indices, or numbers in their own unit (n,)."""
        Y = self.encoder.encode_target(table, np.float64)
        return self.encoder.decode_target(Y) if isinstance(self.encoder.target, NumberTarget) else Y

    def summary(self) -> ModelSummary:
        """Describe the model as a record: what it predicts, from which columns, by which network, and how well."""
        report, target = self.report, self.encoder.target
        classes = () if isinstance(target, NumberTarget) else tuple(map(str, target.classes))
        return ModelSummary(
            target=self.target, classes=classes, columns=tuple(plan.name for plan in self.encoder.features.columns),
            network=repr(self.network), table=report.table if report else None,
            rows=report.train_rows if report else None, comparison=report.test if report else None,
        )  # fmt: skip

    def __repr__(self) -> str:
        columns = counted(len(self.encoder.features.columns), "column")
        return f"TabularModel({quoted(self.target)} from {columns}; {self.network!r})"


def merged(surprises: list[Surprise]) -> tuple[Surprise, ...]:
    """The surprises of several chunks, the rows of the same one added up."""
    rows: dict[tuple[str, str], int] = {}
    for surprise in surprises:
        key = surprise.column, surprise.what
        rows[key] = rows.get(key, 0) + surprise.rows
    return tuple(Surprise(column, what, count) for (column, what), count in rows.items())
