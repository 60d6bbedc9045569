"""What a boundary is drawn of: a network, a training, a table's model or an estimator, each with rows of data."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import msgspec
import numpy as np

from backlit.analysis.boundary.inputs import FrameInputs, Inputs, MatrixInputs, TableInputs
from backlit.analysis.boundary.outputs import (
    EncodedOutputs,
    EstimatorOutputs,
    Kind,
    ModelOutputs,
    NetworkOutputs,
    Outputs,
)
from backlit.analysis.boundary.records import UnitLine
from backlit.analysis.boundary.unit_lines import unit_lines
from backlit.data import Encoder, NumberTarget, Table, read_table
from backlit.data.columns import ColumnPlan, Number, Time
from backlit.data.grids import Grid
from backlit.data.values import as_numbers, label_codes
from backlit.engine import Network, Training, rows_of
from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.model import TabularModel, load

Lines = Callable[[tuple[int, int]], tuple[UnitLine, ...]]
"""Gives the lines of units in the plane of two inputs."""


class Names(msgspec.Struct, frozen=True):
    """Own names: of the inputs, the outputs, two classes, the units of the first layer."""

    inputs: Sequence[str] | None = None
    outputs: Sequence[str] | None = None
    classes: Sequence[str] | None = None
    units: Sequence[str] | None = None


class Subject(msgspec.Struct, frozen=True):
    """A model with its rows.

    Attributes:
        model: what it is, in words. rows: how many there are.
        targets: gives what these rows' targets are for each output, NaN where one is not known.
        lines: gives the lines of the first layer's units in the plane of two inputs.
    """

    model: str
    rows: int
    inputs: Inputs
    outputs: Outputs
    targets: Callable[[Array], list[Array] | None]
    lines: Lines


def subject_of(model: Any, data: Any, Y: Any, kind: Kind | None, names: Names) -> Subject:
    """Give the subject of a model and its rows. Errors: a BacklitError where they do not go together."""
    if isinstance(model, (str, os.PathLike)):
        model = load(model)
    if isinstance(model, TabularModel):
        return _of_table(model, data, Y, kind, names)
    if isinstance(model, Training):
        own = data is None and Y is None
        rows = (model.X, model.Y) if own else data
        return _of_network(model.network, rows, Y, kind, names, compiled=model.compiled)
    if isinstance(model, Network):
        return _of_network(model, data, Y, kind, names)
    if hasattr(model, "fit") and hasattr(model, "predict"):
        return _of_estimator(model, data, Y, kind, names)
    raise BacklitError(
        f"boundary was given {type(model).__name__}; expected a Network, a Training, a table's model, a fitted "
        "estimator, or the path of a model file."
    )


def _pair(data: Any, Y: Any, what: str) -> tuple[Any, Any]:
    """Give X and Y, which may be None, of a pair or of two arguments."""
    if isinstance(data, tuple) and len(data) == 2:
        if Y is not None:
            raise BacklitError("data is a pair (X, Y), and Y is given beside it; leave one of the two out.")
        return data
    if data is None:
        raise BacklitError(f"boundary was given {what} without rows; expected boundary(model, (X, Y)).")
    return data, Y


# ------------------------------------------------------------------------------------------------------------ networks


def _of_network(
    network: Network, data: Any, Y: Any, kind: Kind | None, names: Names, *, compiled: bool = True
) -> Subject:
    X, Y = _pair(data, Y, "a network")
    columns = [str(name) for name in getattr(X, "columns", ())]
    if Y is None:
        X = network.check_inputs(X)
        rows_of(network, X, np.zeros((len(X), network.output_size)) if not _numbered(network) else np.zeros(len(X)))
    else:
        X, Y, _ = rows_of(network, X, Y)
    own = names.inputs or (columns if len(columns) == network.inputs else None)
    inputs = MatrixInputs(X, _input_names(own, network.inputs))
    outputs = NetworkOutputs(network, Y, kind, names.outputs, names.classes, compiled=compiled)

    def lines(places: tuple[int, int]) -> tuple[UnitLine, ...]:
        base = inputs.medians.copy()
        base[list(places)] = 0.0
        return unit_lines(network, base, places, (1.0, 1.0), names.units)

    def targets(rows: Array) -> list[Array] | None:
        return None if Y is None else outputs.targets(Y[rows])

    return Subject(repr(network), len(X), inputs, outputs, targets, lines)


def _numbered(network: Network) -> bool:
    return network.loss.class_targets and network.output_size > 1


def _input_names(given: Sequence[str] | None, count: int) -> list[str]:
    """Give the names of so many columns: those given, or i1, i2 and so on."""
    if given is None:
        return [f"i{k + 1}" for k in range(count)]
    if len(given) != count:
        raise BacklitError(f"inputs holds {len(given)} names; expected {count}, one for each input.")
    return [str(name) for name in given]


# ------------------------------------------------------------------------------------------------------- tables' models


def _of_table(model: TabularModel, data: Any, Y: Any, kind: Kind | None, names: Names) -> Subject:
    refused = {"Y": Y, "kind": kind, "inputs": names.inputs, "outputs": names.outputs, "classes": names.classes}
    for name, value in refused.items():
        if value is not None:
            raise BacklitError(f"{name} does not go with a table's model, which knows it; leave it out.")
    if data is None:
        raise BacklitError("boundary was given a table's model without rows; expected boundary(model, table).")
    table, encoder = model.read(data), model.encoder
    inputs = _table_inputs(encoder, table)

    def targets(rows: Array) -> list[Array] | None:
        if model.target not in table.columns:
            return None
        column = table.take(rows).column(model.target)
        if isinstance(encoder.target, NumberTarget):
            return [as_numbers(column, model.target)]
        codes = label_codes(column, encoder.target.classes, model.target).astype(np.float64)
        return [np.where(codes < 0.0, np.nan, codes)]

    lines = _table_lines(model.network, encoder, inputs, names.units)
    return Subject(repr(model), table.n_rows, inputs, ModelOutputs(model), targets, lines)


def encoded_subject(
    network: Network, encoder: Encoder, table: Table, Y: Array, units: Sequence[str] | None = None
) -> Subject:
    """Give the subject of any network over the rows of an encoded table; Y (n, outputs) are the rows' targets."""
    inputs, outputs = _table_inputs(encoder, table), EncodedOutputs(network, Y, encoder)
    lines = _table_lines(network, encoder, inputs, units)
    return Subject(repr(network), table.n_rows, inputs, outputs, lambda rows: outputs.targets(Y[rows]), lines)


def _table_inputs(encoder: Encoder, table: Table) -> TableInputs:
    encoder.encode(table.slice(0, 1))  # refuses a table without the model's columns
    plans = encoder.features.columns
    if any(isinstance(plan, Grid) for plan in plans):
        raise BacklitError(
            "a boundary lies in the plane of two inputs that are numbers; the model reads pictures or sequences."
        )
    given = {plan.name: _what(plan) for plan in plans if type(plan) is not Number}
    others = {report.column: report.done for report in encoder.reports} | {encoder.target.column: "is the target"}
    return TableInputs(table, [plan.name for plan in plans], given, others)


def _table_lines(network: Network, encoder: Encoder, inputs: TableInputs, units: Sequence[str] | None) -> Lines:
    """Give what draws the lines of the first layer's units over two columns, in the columns' own units."""
    plans = encoder.features.columns
    starts = np.cumsum([0, *(len(plan.outputs) for plan in plans)])

    @cache
    def plane(places: tuple[int, int]) -> tuple[Array, tuple[int, int], tuple[float, float]]:
        """Give the row with both columns 0, which inputs they are, and by what they change."""
        first, second = plans[places[0]], plans[places[1]]
        assert isinstance(first, Number)
        assert isinstance(second, Number)
        columns = int(starts[places[0]]), int(starts[places[1]])
        base = encoder.encode(inputs.plane(places, np.array([first.mean]), np.array([second.mean])), np.float64).X[0]
        base[list(columns)] = [-plan.mean / plan.deviation for plan in (first, second)]
        return base, columns, (1.0 / first.deviation, 1.0 / second.deviation)

    def lines(places: tuple[int, int]) -> tuple[UnitLine, ...]:
        base, columns, scales = plane(places)
        return unit_lines(network, base, columns, scales, units)

    return lines


def _what(plan: ColumnPlan) -> str:
    """Say what a column holds that is no number."""
    if isinstance(plan, Time):
        return "holds times"
    return "holds true and false" if plan.outputs[0] == plan.name else "holds categories"


# ----------------------------------------------------------------------------------------------------------- estimators


def _of_estimator(estimator: Any, data: Any, Y: Any, kind: Kind | None, names: Names) -> Subject:
    from sklearn.base import is_classifier, is_regressor  # noqa: PLC0415  (a second to import)

    for name, value in (("kind", kind), ("outputs", names.outputs), ("classes", names.classes)):
        if value is not None:
            raise BacklitError(f"{name} does not go with an estimator, which knows it; leave it out.")
    if not (is_classifier(estimator) or is_regressor(estimator)):
        raise BacklitError(f"{type(estimator).__name__} is neither a classifier nor a regressor.")
    _check_fitted(estimator)
    X, y = _pair(data, Y, "an estimator")
    inputs = _estimator_inputs(X, names.inputs)
    rows = len(inputs.values(0)) if isinstance(inputs, MatrixInputs) else inputs.table.n_rows  # type: ignore[attr-defined]
    if y is not None and len(y) != rows:
        raise BacklitError(f"y has {len(y)} rows beside {rows} of X; expected as many.")
    try:
        width = np.shape(estimator.predict(inputs.own(np.arange(min(rows, 1)))))[1:]
    except ValueError as error:
        raise BacklitError(f"the estimator does not take these rows: {' '.join(str(error).split())}") from error
    outputs = EstimatorOutputs(
        estimator, width[0] if width else 0, str(getattr(y, "name", None) or ""), classifies=is_classifier(estimator)
    )

    def targets(taken: Array) -> list[Array] | None:
        return None if y is None else outputs.targets(np.asarray(y)[taken])

    def lines(places: tuple[int, int]) -> tuple[UnitLine, ...]:
        if not hasattr(estimator, "to_network") or hasattr(estimator, "preprocessing_") or estimator.n_members > 1:
            return ()
        none = np.zeros(1)
        base = np.asarray(inputs.plane(places, none, none), np.float64)[0]
        return unit_lines(estimator.to_network(), base, places, (1.0, 1.0), names.units)

    return Subject(type(estimator).__name__, rows, inputs, outputs, targets, lines)


def _check_fitted(estimator: Any) -> None:
    from sklearn.exceptions import NotFittedError  # noqa: PLC0415
    from sklearn.utils.validation import check_is_fitted  # noqa: PLC0415

    try:
        check_is_fitted(estimator)
    except NotFittedError:
        raise BacklitError(f"this {type(estimator).__name__} is not fitted yet; call fit first.") from None


def _estimator_inputs(X: Any, names: Sequence[str] | None) -> Inputs:
    if hasattr(X, "toarray"):
        raise BacklitError(f"X is a sparse {type(X).__name__}; expected a dense array: give X.toarray().")
    columns = list(getattr(X, "columns", ()))
    if columns and all(isinstance(name, str) for name in columns):
        return FrameInputs(X, read_table(X))
    try:
        matrix = np.asarray(X, np.float64)
    except (TypeError, ValueError) as error:
        raise BacklitError(f"X does not hold rows of numbers ({error}); give a DataFrame.") from None
    if matrix.ndim != 2 or not matrix.size:
        raise BacklitError(f"X has shape {matrix.shape}; expected rows of inputs (n, inputs).")
    return MatrixInputs(matrix, _input_names(names or list(map(str, columns)) or None, matrix.shape[1]))
