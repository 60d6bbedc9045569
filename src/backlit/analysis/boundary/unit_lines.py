"""The lines where the units of a network's first layer have the net input 0, in a plane of two inputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backlit.analysis.boundary.records import UnitLine
from backlit.engine import Network, usual_unit
from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.ops.base import Activation
from backlit.ops.layers.dense import Dense

MOST_UNITS = 8
"""Lines of more units would hide the picture."""


def unit_lines(
    network: Network, base: Array, columns: tuple[int, int], scales: tuple[float, float], names: Sequence[str] | None
) -> tuple[UnitLine, ...]:
    """Give a line for each unit of the first layer, where it is a hidden one of up to MOST_UNITS units.

    The net input of unit j is Σ_i w_ij x_i + b_j. `base` is the row of inputs with x and y both 0 and the others held;
    `columns` are the inputs that x and y change, by `scales` of their own units. A layer whose net inputs are
    normalized before the activation has no such lines.
    """
    ops = network.ops
    dense = [op for op in ops if isinstance(op, Dense)]
    first, after = ops[0], ops[1] if len(ops) > 1 else None
    plain = isinstance(after, (Activation, Dense))
    if not (network.layers and isinstance(first, Dense) and len(dense) > 1 and plain and first.units <= MOST_UNITS):
        return ()
    if names is not None and len(names) != first.units:
        raise BacklitError(f"units holds {len(names)} names; expected {first.units}, one for each unit of layer 1.")
    W = network["1.W"].astype(np.float64)  # (inputs, units)
    b = network["1.b"].astype(np.float64) if first.bias else np.zeros(first.units)
    with np.errstate(over="ignore", invalid="ignore"):
        lines = np.stack([W[columns[0]] * scales[0], W[columns[1]] * scales[1], base @ W + b])  # (3, units)
    own = [str(name) for name in names] if names is not None else [
        usual_unit(0, len(dense), j) for j in range(first.units)
    ]  # fmt: skip
    return tuple(UnitLine(own[j], *lines[:, j].tolist()) for j in range(first.units) if np.isfinite(lines[:, j]).all())
