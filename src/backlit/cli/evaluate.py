"""`backlit evaluate`: a model measured on a table whose targets are known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter

from backlit.cli.options import read_model, unwrapped
from backlit.cli.plugins import run_plugins
from backlit.cli.streams import print_document
from backlit.cli.table_printing import console, score_cells, score_heads, show_table, surprise_note

if TYPE_CHECKING:
    from rich.console import Console

    from backlit.model import Evaluation

MOST_CLASSES = 12
"""Of more classes no confusion table is drawn: it would be wider than the terminal."""


@unwrapped
def evaluate(
    model: Path,
    data: str,
    *,
    plugin: Annotated[list[Path] | None, Parameter(negative="")] = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Measure a model on a table whose targets are known: scores, and which classes are taken for which.

    On the rows that the model was trained on, the scores say little about new rows.

    Parameters
    ----------
    model
        A model file, as `backlit train` writes it.
    data
        A CSV or Parquet file, or a bundled data set, with the columns that the model learned from and the target.
    plugin
        A Python file to run first, for a model with ops of your own.
    json
        Print the evaluation as JSON, and nothing else.
    """
    run_plugins(plugin or ())
    evaluation = read_model(model).evaluate(data)
    if json:
        print_document(msgspec.json.encode(evaluation))
        return
    _show(console(), evaluation)


def _show(to: Console, evaluation: Evaluation) -> None:
    from backlit.data.messages import counted

    skipped = f"; {counted(evaluation.skipped, 'row')} without a target left out" if evaluation.skipped else ""
    to.print(f'"{evaluation.target}" in {counted(evaluation.rows, "row")} of {evaluation.table}{skipped}\n')
    show_table(to, score_heads(evaluation.scores), [score_cells(evaluation.scores)], left=0)
    if evaluation.classes:
        _show_classes(to, evaluation)
    for surprise in evaluation.surprises:
        to.print(surprise_note(surprise))


def _show_classes(to: Console, evaluation: Evaluation) -> None:
    """Precision and recall of each class, and the confusion table."""
    from backlit.data.values import label_text

    to.print()
    labels = [label_text(row.label) for row in evaluation.classes]
    shares = [("-" if x is None else f"{x:.4f}" for x in (row.precision, row.recall)) for row in evaluation.classes]
    show_table(
        to, ["class", "rows", "predicted", "precision", "recall"],
        [
            (label, f"{row.rows:,}", f"{row.predicted:,}", *share)
            for label, row, share in zip(labels, evaluation.classes, shares, strict=True)
        ],
    )  # fmt: skip
    if len(labels) > MOST_CLASSES:
        return
    to.print("\nRows of each class (down) by prediction (across):")
    show_table(
        to, ["", *labels],
        [(label, *map(str, row)) for label, row in zip(labels, evaluation.confusion, strict=True)],
    )  # fmt: skip
