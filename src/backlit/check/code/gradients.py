"""`backlit.check_gradients`: a learner's backward pass beside the engine's, with the name of the mistake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from backlit.check.code.calling import checked_layout
from backlit.check.code.comparison import Check, Compared, Rows
from backlit.check.code.forward import checked_forward
from backlit.check.code.records import CheckedGradients, FoundMistake
from backlit.engine import Network, rows_of
from backlit.errors import BacklitError, counted
from backlit.kernels.types import Array
from backlit.ops.base import Optimizer


def check_gradients(
    my_backward: Any, network: Network, X: npt.ArrayLike, Y: npt.ArrayLike, *,
    my_forward: Callable[..., Any] | None = None, layout: str = "inputs", convert: Callable[[Array], Any] | None = None,
    tolerance: float | None = None, sample_weight: npt.ArrayLike | None = None, l1: float = 0.0, l2: float = 0.0,
    decay_biases: bool = False, optimizer: Optimizer | str = "sgd",
) -> CheckedGradients:  # fmt: skip
    r"""Check gradients that code of yours computes against backpropagation, array by array, and name the mistake.

    The gradients are dE/dw of every array that is trained, E the loss of all rows as one batch, with penalties: what
    `network.gradient(X, Y)` gives, in float64. An array is right if no element differs by more than `tolerance` times
    the array's largest number: by default 1e-5, and 1e-4 where the network or your arrays are float32.

    For what is wrong, the mistakes of the catalogue are tried on the formulas of the step, each everywhere and in each
    layer; one is named if its gradients are yours in every array. Where the step has many numbers, your function is
    called again, on the first rows.

    Args:
        my_backward: your function, or the gradients themselves. It is called with what the names of its arguments ask
            for: (network, X, Y); (params, X, Y) with a dictionary, params["W1"]; (weights, X, Y) with the list
            [W1, b1, W2, b2]; (weights, biases, X, Y) with two lists; (X, Y, W1, b1, W2, b2) with the arrays; (X, Y); or
            nothing, where it has the rows itself. It returns the gradients as a dictionary, also of dictionaries and
            lists, by such names as "1.W", "W1", "dW1", "fc1.weight"; as a list in the network's order, weights then
            biases, or the last layer first; or as one vector in the order of `network.parameters`; and may return
            (loss, gradients). A method may return nothing and keep them in its object, as `self.dW1`; it is called on a
            copy. Arrays are NumPy's, PyTorch's, JAX's, pandas', or lists; of PyTorch also a module, or its parameters,
            after `loss.backward()`.
        network: whose weights are used; it stays as it is. X, Y: rows (n, inputs) and their targets, which your
            function is given as they are.
        my_forward: your forward pass, checked too. It gives the outputs (n, outputs), a list of what each layer gives,
            or a dictionary such as {"Z1": ..., "A1": ...}.
        layout: how your arrays lie: "inputs", weights (inputs, units); "units", weights (units, inputs) and filters
            (filters, channels, rows, columns), as PyTorch has them; "columns", weights so, biases (units, 1), and a
            column for each row of the data, X (inputs, n).
        convert: makes of each array what your function takes, such as `torch.tensor`.
        tolerance: the largest relative difference that passes.
        sample_weight, l1, l2, decay_biases: as for `network.gradient`.
        optimizer: whose step the mistake of slopes from updated weights is looked for with.

    Errors: a BacklitError where the function raises, takes or returns something else, or X and Y do not fit.

    >>> import backlit as bl
    >>> network = bl.Network([bl.Dense(1, "sigmoid", weights=[[0.5]])], inputs=1, loss="half_squared_error")
    >>> def my_backward(X, Y, W1, b1):
    ...     out = 1 / (1 + np.exp(-(X @ W1 + b1)))
    ...     delta = out - Y  # the slope out (1 - out) is left out
    ...     return {"W1": X.T @ delta, "b1": delta.sum(axis=0)}
    >>> check = bl.check_gradients(my_backward, network, [[1.0]], [[1.0]])
    >>> check.all_right, [array.verdict for array in check.arrays]
    (False, ['wrong', 'wrong'])
    """
    if not isinstance(network, Network):
        raise BacklitError(
            f"network is {network!r}; expected a bl.Network: bl.check_gradients(my_backward, network, X, Y)."
        )
    lay, rows = checked_layout(layout), _rows(network, X, Y, sample_weight)
    settings = {"sample_weight": sample_weight, "l1": l1, "l2": l2, "decay_biases": decay_biases}
    check = Check(
        my_backward, network, settings=settings, layout=lay, tolerance=tolerance, convert=convert, optimizer=optimizer
    )
    compared, notes = check.on(rows), list[str]()
    if not compared.passed:
        rows, compared, more = _otherwise(check, rows, compared)
        notes += more
    notes = [*compared.pairing.notes, *notes, *_layout_notes(compared), *check.changes]
    mistakes: list[FoundMistake] = []
    together, named_on = False, 0
    if not compared.passed:
        mistakes, together, named_on, note = check.named(rows, compared)
        notes += [note] if note else []
    layers, of_forward = checked_forward(my_forward, check, rows) if my_forward is not None else ((), [])
    right_loss = None if compared.loss is None else check.loss(rows)
    return CheckedGradients(
        compared.arrays, compared.scale.tolerance, len(rows.X), tuple(mistakes), together, layers,
        tuple(compared.pairing.unused), compared.loss, right_loss, named_on, tuple(notes), tuple(of_forward),
    )  # fmt: skip


def _rows(network: Network, X: Any, Y: Any, weights: Any) -> Rows:
    """Give the rows as the learner's function gets them. Errors: a BacklitError where they do not fit the network."""
    checked, _, _ = rows_of(network, X, Y, weights)
    if not len(checked):
        raise BacklitError("X has no rows; expected at least one to check the gradient on.")
    plain = np.asarray(X) if not isinstance(X, dict) else checked
    own = plain.astype(network.dtype) if plain.dtype.kind in "biuf" else checked
    targets = np.asarray(Y)
    return Rows(own, targets.astype(network.dtype) if targets.dtype.kind == "f" else targets)


def _otherwise(check: Check, rows: Rows, compared: Compared) -> tuple[Rows, Compared, list[str]]:
    """See whether wrong gradients are right for targets of another shape, or without rows where slopes are a choice."""
    if check.call is None or not check.call.takes_rows:
        at = check.rows_at_kinks(rows)
        return rows, compared, [_at_kinks(at, len(rows.X))] if at else []
    if rows.Y.ndim == 1 and check.exact.output_size == 1:
        column = Rows(rows.X, rows.Y[:, np.newaxis])
        again = check.attempt(column)
        if again is not None and sum(a.passed for a in again.arrays) > sum(a.passed for a in compared.arrays):
            n = len(rows.X)
            said = (
                f"Y has shape ({n},), and out - Y is then ({n}, {n}), each output against each target; "
                f"with Y of shape ({n}, 1), Y = np.reshape(Y, (-1, 1)), "
            )
            if again.passed:
                arrays = tuple(
                    replace(one, relation="Y of shape (n,)" if not one.passed else "") for one in compared.arrays
                )
                return rows, compared._replace(arrays=arrays), [said + "all gradients are right"]
            return column, again, [said + "it is as shown here"]
    at = check.rows_at_kinks(rows)
    left = [row for row in range(len(rows.X)) if row not in at]
    if at and left:
        again = check.attempt(rows.some(left))
        if again is not None and again.passed:
            return rows.some(left), again, [_at_kinks(at, len(rows.X)) + "; without them all gradients are right"]
    return rows, compared, [_at_kinks(at, len(rows.X))] if at else []


def _at_kinks(rows: list[int], n: int) -> str:
    return (
        f"in {counted(len(rows), 'row')} of {n} a weighted sum lies on the kink of its activation, where the slope is "
        "a matter of choice (relu at 0: 0 here)"
    )


def _layout_notes(compared: Compared) -> list[str]:
    if any(array.verdict == "transposed" for array in compared.arrays):
        filters = any(array.verdict == "transposed" and len(array.shape) > 2 for array in compared.arrays)
        lay = "(units, inputs)" + (", filters (filters, channels, ...)" if filters else "")
        return [f'the weights\' gradients are transposed: {lay}, as PyTorch has them; layout="units" says so']
    return []
