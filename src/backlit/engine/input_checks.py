"""Checks the rows, targets, weights and orders of a training; `settings` checks its other arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from backlit.engine.architecture import Architecture
from backlit.engine.row_shapes import place_in_row
from backlit.errors import ArgumentError, BacklitError
from backlit.kernels.types import Array


def rows_of(network: Architecture, X: Any, Y: Any, weights: Any = None) -> tuple[Array, Array, Array]:
    """Check inputs, targets and weights against the network and each other."""
    X = network.check_inputs(X)
    Y = network.check_targets(Y, X.shape[0])
    for name, array in (("X", X), ("Y", Y)):
        if not np.isfinite(array).all():
            row, column = np.argwhere(~np.isfinite(array))[0].tolist()
            place = place_in_row(network.graph, row, column) if name == "X" else f"Y[{row}, {column}]"
            raise BacklitError(f"{place} is {array[row, column]}; expected finite numbers. Fill or drop it first.")
    if weights is None:
        return X, Y, np.zeros(0)
    try:
        weights = np.ascontiguousarray(weights, np.float64)
    except (TypeError, ValueError) as error:
        raise BacklitError(f"the weights are no numbers ({error}); expected one weight per row.") from None
    if weights.shape != (X.shape[0],):
        raise BacklitError(f"the weights have shape {weights.shape}; expected one weight per row: ({X.shape[0]},).")
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise BacklitError("the weights hold negative or non-finite values; expected numbers of at least 0.")
    if not weights.sum():
        raise BacklitError("the weights are all 0; expected at least one above 0.")
    return X, Y, weights


def validation_rows(network: Architecture, given: Any) -> tuple[Array, Array, Array]:
    """Check the rows to validate on."""
    if not isinstance(given, (tuple, list)) or len(given) not in {2, 3}:
        raise BacklitError("validation is not a pair; expected (X, Y) or (X, Y, weights).")
    rows = rows_of(network, *given)
    if not rows[0].shape[0]:
        raise BacklitError("validation has no rows; expected at least one, or None.")
    return rows


def refuse_swapped(network: Any, called: str) -> None:
    """Refuse what is no network in a network's place, such as rows."""
    if not isinstance(network, Architecture):
        raise ArgumentError(
            f"{called} is given a {type(network).__name__} first; expected a network, then the rows: "
            f"{called}(network, X, Y)."
        )


def checked_order(given: Any, rows: int) -> Array:
    """Give the order of an epoch's rows as the machine reads it, or say what is wrong with it."""
    order = np.asarray(given)
    if order.dtype.kind not in "iu" or order.shape != (rows,):
        raise BacklitError(
            f"order gave an array of {order.dtype} of shape {order.shape}; expected the numbers of the rows of an "
            f"epoch: integers of shape ({rows},)."
        )
    if order.min() < 0 or order.max() >= rows:
        raise BacklitError(
            f"order gave row numbers from {order.min()} to {order.max()}; expected numbers from 0 to {rows - 1}."
        )
    return order.astype(np.int64, copy=False)
