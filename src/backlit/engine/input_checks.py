"""What a training is given: rows, targets, weights, settings, each as the engine wants it or refused in words."""

from __future__ import annotations

from typing import Any

import numpy as np

from backlit.engine.architecture import Architecture
from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.ops.base import Optimizer


def rows_of(network: Architecture, X: Any, Y: Any, weights: Any = None) -> tuple[Array, Array, Array]:
    """Check inputs, targets and weights against the network and each other."""
    X = network.check_inputs(X)
    Y = network.check_targets(Y, X.shape[0])
    for name, array in (("X", X), ("Y", Y)):
        if not np.isfinite(array).all():
            row, column = np.argwhere(~np.isfinite(array))[0]
            raise BacklitError(
                f"{name}[{row}, {column}] is {array[row, column]}; expected finite numbers. Fill or drop it first."
            )
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
        raise BacklitError("the weights are all 0; expected at least one row that counts.")
    return X, Y, weights


def validation_rows(network: Architecture, given: Any) -> tuple[Array, Array, Array]:
    """Check the rows to validate on."""
    if not isinstance(given, (tuple, list)) or len(given) not in {2, 3}:
        raise BacklitError("validation is not a pair; expected (X, Y) or (X, Y, weights).")
    rows = rows_of(network, *given)
    if not rows[0].shape[0]:
        raise BacklitError("validation has no rows; expected at least one, or None.")
    return rows


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


def amounts(optimizer: Optimizer, penalties: dict[str, Any], limits: dict[str, Any]) -> dict[str, float]:
    """Give penalties and limits as numbers, 0 where there is none."""
    given = {name: not_negative(name, value) for name, value in (penalties | limits).items()}
    for name in limits:
        if optimizer.full_batch and given[name]:
            raise BacklitError(
                f"{name} is {given[name]:g}; expected none beside the optimizer {optimizer.name!r}, whose steps come "
                "from a line search. Leave it out, or take another optimizer."
            )
    return given


def batch_rows(given: int | str, rows: int, optimizer: Optimizer) -> int:
    """Give the rows of a batch, at most all."""
    if given == "full" or optimizer.full_batch:
        return rows
    if isinstance(given, bool) or not isinstance(given, (int, np.integer)) or given < 1:
        raise BacklitError(f"batch_size is {given!r}; expected a number of rows of at least 1, or 'full'.")
    return min(int(given), rows)


def at_least(name: str, value: Any, low: int) -> int:
    """Give a whole number of at least `low`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < low:
        raise BacklitError(f"{name} is {value!r}; expected a whole number of at least {low}.")
    return int(value)


def not_negative(name: str, value: float | None) -> float:
    """Give a finite number of at least 0; 0 for None."""
    if value is None:
        return 0.0
    if number(name, value) < 0 or value == np.inf:
        raise BacklitError(f"{name} is {value!r}; expected a finite number of at least 0.")
    return float(value)


def number(name: str, value: Any) -> float:
    """Give a number, infinite perhaps."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or np.isnan(value):
        raise BacklitError(f"{name} is {value!r}; expected a number.")
    return float(value)
