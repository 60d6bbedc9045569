"""`backlit.report`: the report of a table's model, from its training, its file, or the model itself."""

from __future__ import annotations

import os
from typing import Any

from backlit.analysis.reporting import model_report
from backlit.errors import BacklitError
from backlit.model import FitReport, Settings, TableTraining, TabularModel, load
from backlit.show.report import Report


def report(source: Any, data: Any = None, *, private: bool = False) -> Report:
    """Give the report of a model on a table: how good it is, where it is wrong, what it uses, how it was made.

    With the table that it was trained on, the report is of the rows that were kept for the test; with another table, of
    all rows that have a target. Without a table, it has what the model itself knows.

    Args:
        source: a `TableTraining` that has run; the path of a model file; the model of `fit_table`, or the two things
            that `fit_table` gives.
        data: the table, as `backlit.data.read_table` takes it. A training has its own.
        private: leave the values of the table's rows out.

    Errors: a BacklitError where the source is no model of a table, or `data` does not fit it.

    >>> import backlit as bl
    >>> from backlit.model import Settings, fit_table
    >>> model, _ = fit_table("iris", settings=Settings(layers=(3,), epochs=20))
    >>> report = bl.report(model, "iris")
    >>> report.record.counts["test"], report.record.verdict.kind
    (30, 'good')
    >>> path = report.save("iris.report.html")  # doctest: +SKIP
    """
    if isinstance(source, TableTraining):
        return _of_training(source, data, private)
    name = os.fspath(source) if isinstance(source, (str, os.PathLike)) else ""
    model = load(name) if name else source
    if isinstance(model, tuple) and len(model) == 2 and isinstance(model[1], FitReport):
        model = model[0]
    if not isinstance(model, TabularModel):
        raise BacklitError(_refusal(model, name))
    raise NotImplementedError


def _refusal(given: Any, name: str) -> str:
    """Say why there is no report of it, and what to do instead."""
    from backlit.engine import Network
    if name:
        return (
            f'"{name}" holds a network alone: it does not say how the columns of a table become its {given.inputs} '
            "inputs. Give a model that `backlit train` or fit_table wrote."
        )
    what = f"report was given {type(given).__name__}; expected "
