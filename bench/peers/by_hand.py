"""The least time of 2-2-2: its step written out for this one network and one row, with every number in a register."""

from __future__ import annotations

from math import exp
from typing import Any, ClassVar

import numpy as np
from numba import njit

from bench.peers.base import CannotError, Peer
from bench.workloads import Array


@njit(fastmath={"contract"}, error_model="numpy")
def _train(w: Any, x: Any, t: Any, rate: float, steps: int) -> None:
    w11, w12, w21, w22, b1, b2, v11, v12, v21, v22, c1, c2 = w
    x1, x2, t1, t2 = x[0], x[1], t[0], t[1]
    for _ in range(steps):
        h1, h2 = 1 / (1 + exp(-(w11 * x1 + w21 * x2 + b1))), 1 / (1 + exp(-(w12 * x1 + w22 * x2 + b2)))
        o1, o2 = 1 / (1 + exp(-(v11 * h1 + v21 * h2 + c1))), 1 / (1 + exp(-(v12 * h1 + v22 * h2 + c2)))
        d1, d2 = (o1 - t1) * o1 * (1 - o1), (o2 - t2) * o2 * (1 - o2)
        e1, e2 = (d1 * v11 + d2 * v12) * h1 * (1 - h1), (d1 * v21 + d2 * v22) * h2 * (1 - h2)
        v11, v12, v21, v22 = v11 - rate * d1 * h1, v12 - rate * d2 * h1, v21 - rate * d1 * h2, v22 - rate * d2 * h2
        w11, w12, w21, w22 = w11 - rate * e1 * x1, w12 - rate * e2 * x1, w21 - rate * e1 * x2, w22 - rate * e2 * x2
        b1, b2, c1, c2 = b1 - rate * e1, b2 - rate * e2, c1 - rate * d1, c2 - rate * d2
    for k, value in enumerate((w11, w12, w21, w22, b1, b2, v11, v12, v21, v22, c1, c2)):
        w[k] = value


class ByHand(Peer):
    """The chain of operations alone: no batches, no loss, no history, no other network."""

    packages: ClassVar[tuple[str, ...]] = ("numba",)

    def build(self) -> None:
        """Refuse all but the one network."""
        if self.workload.sizes != (2, 2, 2) or self.workload.rows != 1:
            raise CannotError("written for one row through 2-2-2")

    def reset(self) -> None:
        """Lay all weights end to end."""
        self.values = np.concatenate([weight.reshape(-1) for weight in self.problem.weights])

    def train(self) -> None:
        """Run the loop."""
        _train(self.values, self.problem.X[0], self.problem.T[0], self.workload.rate, self.workload.steps)

    def weights(self) -> list[Array] | None:
        """Cut the weights apart again."""
        ends = np.cumsum([weight.size for weight in self.problem.weights])[:-1]
        parts = np.split(self.values, ends)
        return [part.reshape(weight.shape) for part, weight in zip(parts, self.problem.weights, strict=True)]
