"""The input of an estimator, checked by scikit-learn's rules and turned into a matrix."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from scipy import sparse
from sklearn.utils.validation import _check_y, check_consistent_length, validate_data

from backlit.data import FeatureEncoder, Table, read_table
from backlit.errors import BacklitError
from backlit.kernels.types import Array


class Inputs(msgspec.Struct, frozen=True, eq=False):
    """The matrix X (n, k), and the targets as checked, or None where there are none."""

    X: Array
    y: Any


def read_inputs(estimator: Any, X: Any, y: Any, *, reset: bool, predicting: bool = False) -> Inputs:
    """Check X, and y unless `predicting`, and give them as arrays; `reset` learns the columns from X.

    float32 stays float32, everything else becomes float64. Sparse input becomes dense.
    """
    if getattr(estimator, "_inputs_are_ready", False):
        return Inputs(X, y)
    if reset:
        estimator.__dict__.pop("preprocessing_", None)
    elif hasattr(estimator, "preprocessing_") != (estimator.preprocess is not None):
        fitted = "'auto'" if hasattr(estimator, "preprocessing_") else None
        raise BacklitError(
            f"preprocess is {estimator.preprocess!r}, but this estimator was fitted with {fitted}; set "
            f"preprocess={fitted} again, or fit anew with warm_start=False."
        )
    _refuse_axes(estimator, X)
    if estimator.preprocess is not None:
        return _read_table(estimator, X, y, reset=reset, predicting=predicting)
    options = {"accept_sparse": ["csr", "csc"], "dtype": (np.float64, np.float32), "reset": reset}
    if predicting:
        checked = validate_data(estimator, X, **options)
    else:
        numeric = estimator._numeric_targets
        checked, y = validate_data(estimator, X, y, multi_output=True, y_numeric=numeric, **options)
    return Inputs(checked.toarray() if sparse.issparse(checked) else checked, y)


def _refuse_axes(estimator: Any, X: Any) -> None:
    """Refuse pictures and sequences that are not laid out as rows, as all of scikit-learn takes them."""
    axes = getattr(X, "ndim", 2)
    if axes > 2:
        shape = tuple(X.shape[1:]) if axes == 4 else (*X.shape[1:], 1)
        given = estimator.input_shape
        advice = ""
        if given is None:
            sequences = f" of pictures, or {tuple(X.shape[1:])} of sequences," if axes == 3 else ""
            advice = f", with input_shape={shape}{sequences} for layers that read such rows"
        raise BacklitError(
            f"Found array with dim {axes}, X has shape {tuple(X.shape)}; {type(estimator).__name__} expected 2: "
            f"(n, columns), as all of scikit-learn. Write X.reshape(len(X), -1){advice}."
        )


def _read_table(estimator: Any, X: Any, y: Any, *, reset: bool, predicting: bool) -> Inputs:
    """Encode the columns of X by `backlit.data`; `reset` learns their encoding first."""
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    if not predicting:
        y = _check_y(y, multi_output=True, y_numeric=estimator._numeric_targets, estimator=estimator)
        check_consistent_length(X, y)
    table = read_table(X) if hasattr(X, "columns") else Table.from_arrays(X)
    if reset:
        estimator.preprocessing_ = FeatureEncoder.fit(table)
    return Inputs(estimator.preprocessing_.encode(table, np.float64).X, y)
