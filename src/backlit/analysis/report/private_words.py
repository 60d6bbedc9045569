"""What a private report says instead of words that hold values of rows."""

from __future__ import annotations

import msgspec

from backlit.analysis.report.measured_rows import Compared, Measured
from backlit.data import ColumnReport, Encoder, NumberTarget, Surprise
from backlit.data.category_numbers import CategoryNumber
from backlit.data.columns import Boolean, Category, ColumnPlan, Number, Time
from backlit.data.encoding import columns_of
from backlit.data.grids import Grid, sizes
from backlit.errors import counted

CONSTANT = "left out: every value is the same"
LEFT_OUT = {
    "constant": CONSTANT,
    "empty": "left out: every value is missing",
    "identifier": "left out: an identifier, different in every row, or nearly",
    "text": "left out: free text",
    "unsupported": "left out: values of its type cannot become numbers",
    "ignored": "left out as asked",
    "index": "left out: the index of a pandas DataFrame",
    "file": "left out: the names of the files",
}
"""What is said of a column that is left out, by its kind."""


def private_columns(encoder: Encoder) -> tuple[ColumnReport, ...]:
    """The columns' reports without values: no categories, means, medians, constants and no examples.

    Said are a column's name, its kind, how many inputs it became, and how.
    """
    plans = {name: plan for plan in encoder.features.columns for name in columns_of(plan)}
    return tuple(
        msgspec.structs.replace(report, done=_done(report.kind, plans.get(report.column))) for report in encoder.reports
    )


def _done(kind: str, plan: ColumnPlan | None) -> str:
    """Say how a column became numbers."""
    if plan is None:
        return LEFT_OUT.get(kind, "left out")
    if isinstance(plan, Grid):
        return f"{sizes(plan.shape)}, standardized"
    if isinstance(plan, CategoryNumber):
        return "passed on as it is, a category number, for the embedding"
    if isinstance(plan, Category):
        done = f"one-hot: {counted(len(plan.values), 'value')}"
        done += ", the rest together as (other)" if plan.other else ""
        return done + ("; missing is a value of its own" if plan.missing else "")
    if isinstance(plan, Boolean):
        done = "true 1, false 0"
    else:
        done = "as seconds, standardized" if isinstance(plan, Time) else "standardized"
    filled = "the median" if isinstance(plan, Number) else "the more common one"
    return done + (f"; missing filled with {filled} and marked in a column" if plan.indicator else "")


def private_inputs(encoder: Encoder) -> list[str]:
    """The names of the encoded inputs, with a number instead of each category.

    >>> from backlit.data import Table
    >>> table = Table.from_arrays([["red"], ["blue"], ["red"], ["blue"]], [1.0, 2.0, 3.0, 5.0], ["colour"])
    >>> private_inputs(Encoder.fit(table))
    ['colour=(value 1)', 'colour=(value 2)']
    """
    names: list[str] = []
    for plan in encoder.features.columns:
        own = list(plan.outputs)
        if isinstance(plan, Category):
            own[: len(plan.values)] = [f"{plan.name}=(value {k + 1})" for k in range(len(plan.values))]
        names += own
    return names


def private_surprises(found: tuple[Surprise, ...], target: str) -> tuple[Surprise, ...]:
    """The surprises with words that hold no values; of one column, added up by what they are about."""
    rows: dict[tuple[str, str], int] = {}
    for surprise in found:
        if surprise.column == target:
            what = "classes not seen in training, counted as wrong and left out of log-loss and Brier score"
        elif surprise.what.startswith("missing"):
            what = "missing values, none in training"
        elif "farther than" in surprise.what:
            what = "values much farther from the training mean than any in training, clipped"
        else:
            what = "values not seen in training, encoded as zeros"
        key = surprise.column, what
        rows[key] = rows.get(key, 0) + surprise.rows
    return tuple(Surprise(column, what, count) for (column, what), count in rows.items())


def private_measured(measured: Measured, encoder: Encoder) -> Measured:
    """The measured rows with a number instead of each class that training did not have."""
    known = len(encoder.classes or ())
    new = [f"(not in training {k + 1})" for k in range(len(measured.labels) - known)] if measured.labels else []
    surprises = private_surprises(measured.surprises, encoder.target.column)
    return measured._replace(labels=(*measured.labels[:known], *new), surprises=surprises)


def private_beside(beside: Compared, encoder: Encoder) -> Compared:
    """The models beside the network, the mean of the training rows without its number."""
    if not isinstance(encoder.target, NumberTarget):
        return beside
    return beside._replace(baseline_what="always the mean of the training rows")
