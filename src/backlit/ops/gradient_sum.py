"""The op behind a buffer with several readers: it adds up their gradients. Programs insert it; no network names it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from backlit.kernels.functions import flat
from backlit.ops.base import Layer, tuned


def add_loops(dX: Any, dY: Any) -> None:
    """Add element by element."""
    total, term = flat(dX), flat(dY)  # (n columns,)
    for i in range(total.shape[0]):
        total[i] += term[i]


class GradientSum(Layer, frozen=True):
    """Adds the gradient that one reader of a buffer computes to that of the others: dX += dY, both (n, columns).

    By the chain rule the derivative with respect to a number that is used several times is the sum over its uses.
    Forward there is nothing to do: all readers read the one buffer.
    """

    name: ClassVar[str] = "gradient_sum"

    @staticmethod
    def forward(X: Any) -> None:
        """Do nothing."""

    @staticmethod
    @tuned(add_loops)
    def backward(dX: Any, dY: Any) -> None:
        """dX += dY."""
        np.add(dX, dY, out=dX)
