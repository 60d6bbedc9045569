"""Layers beyond the chain, as data: what each is, the shapes, the weights, and the products of a step.

The arrays of a layer, in this order: a convolution has W (window, channels, filters) and b (filters,); a GRU
W (F, 3 u), U (u, 3 u), b (4 u,), gates r, z, n, the last part of b being the bias of n that r scales; an LSTM
W (F, 4 u), U (u, 4 u) and b (4 u,), gates i, f, g, o; an embedding W (count, size); a dense layer W (k, m) and b (m,).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

Shape = tuple[int, ...]
GATES = {"gru": 3, "lstm": 4}


class Step(msgspec.Struct, frozen=True):
    """One layer: `conv`, `pool` (max), `mean` (over all places), `flatten`, `dense`, `gru`, `lstm` or `embed`.

    `units` are filters, units or the numbers of a category; `size` is that of the window, or the number of categories.
    `embed` takes the first column as the category, and puts its numbers before the other columns. The activation is
    that of conv and dense.
    """

    kind: str
    units: int = 0
    size: int = 0
    same: bool = False
    activation: str = "relu"

    @property
    def label(self) -> str:
        """The layer in words."""
        window = f" @{self.size}" if self.kind in {"conv", "pool"} else f" of {self.size:,}" if self.size else ""
        return f"{self.kind}{f' {self.units}' if self.units else ''}{window}"


def walked(layers: tuple[Step, ...], shape: Shape) -> Iterator[tuple[Step, Shape, Shape]]:
    """Give each layer with the shape of a row that it reads, and of one that it writes."""
    for step in layers:
        read = shape
        if step.kind == "conv":
            cut = 0 if step.same else step.size - 1
            shape = (*(places - cut for places in read[:-1]), step.units)
        elif step.kind == "pool":
            shape = (*(places // step.size for places in read[:-1]), read[-1])
        elif step.kind == "flatten":
            shape = (math.prod(read),)
        elif step.kind == "mean":
            shape = read[-1:]
        elif step.kind == "embed":
            shape = (read[0] - 1 + step.units,)
        else:
            shape = (step.units,)
        yield step, read, shape


def weights_of(layers: tuple[Step, ...], shape: Shape, rng: Any) -> list[Any]:
    """Draw the weights: scaled by the fan-in (He before relu), orthogonal recurrent ones, biases 0."""
    found: list[Any] = []
    for step, read, _ in walked(layers, shape):
        u = step.units
        if step.kind == "conv":
            window = (step.size,) * (len(read) - 1)
            found.append(rng.normal(0, math.sqrt(2 / (math.prod(window) * read[-1])), (*window, read[-1], u)))
            found.append(np.zeros(u))
        elif step.kind == "dense":
            gain = 2 if step.activation == "relu" else 1
            found += [rng.normal(0, math.sqrt(gain / read[0]), (read[0], u)), np.zeros(u)]
        elif step.kind in GATES:
            gates = GATES[step.kind]
            found.append(rng.normal(0, math.sqrt(1 / read[-1]), (read[-1], gates * u)))
            found.append(np.concatenate([np.linalg.qr(rng.normal(size=(u, u)))[0] for _ in range(gates)], axis=1))
            found.append(np.zeros(4 * u))
        elif step.kind == "embed":
            found.append(rng.normal(0, 1, (step.size, u)))
    return found


def products_of(layers: tuple[Step, ...], shape: Shape, batch: int) -> list[tuple[str, int, int, int]]:
    """Give the products of a training step: a convolution as one of windows and filters, time step by time step."""
    found: list[tuple[str, int, int, int]] = []
    for number, (step, read, made) in enumerate(walked(layers, shape)):
        one: list[tuple[int, int, int]] = []
        if step.kind == "conv":
            one = [(batch * math.prod(made[:-1]), step.size ** (len(read) - 1) * read[-1], step.units)]
        elif step.kind == "dense":
            one = [(batch, read[0], step.units)]
        elif step.kind in GATES:
            wide = GATES[step.kind] * step.units
            one = [(batch * read[0], read[1], wide), *[(batch, step.units, wide)] * (read[0] - 1)]
        for place, (n, k, m) in enumerate(one):
            found += [("nn", n, k, m), ("tn", n, k, m)]
            if number or place:  # the slope of the inputs is not asked for
                found.append(("nt", n, m, k))
    return found
