"""The limit: nothing but the matrix products of the steps, in memory allocated beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.peers.base import Peer
from bench.workloads import Array


class Blas(Peer):
    """NumPy's BLAS, through `np.matmul(..., out=)`."""

    packages = ("numpy",)

    def build(self) -> None:
        """Allocate operands and results of every product of a step."""
        rng = np.random.default_rng(0)
        dtype = self.problem.X.dtype
        shapes: dict[str, Any] = {
            "nn": lambda n, k, m: ((n, k), (k, m), (n, m)),
            "tn": lambda n, k, m: ((n, k), (n, m), (k, m)),
            "nt": lambda n, k, m: ((n, k), (m, k), (n, m)),
        }
        self.operands: list[tuple[str, Array, Array, Array]] = []
        for kind, n, k, m in self.workload.products:
            a, b, c = shapes[kind](n, k, m)
            self.operands.append(
                (kind, rng.normal(size=a).astype(dtype), rng.normal(size=b).astype(dtype), np.empty(c, dtype))
            )
        self.calls = [self._views(*operands) for operands in self.operands]

    @staticmethod
    def _views(kind: str, A: Array, B: Array, C: Array) -> tuple[Array, Array, Array]:
        return (A.T if kind == "tn" else A), (B.T if kind == "nt" else B), C

    def reset(self) -> None:
        """Nothing to reset."""

    def train(self) -> None:
        """Multiply."""
        for _ in range(self.workload.steps):
            for A, B, C in self.calls:
                np.matmul(A, B, out=C)

    def weights(self) -> list[Array] | None:
        """There are none."""
        return None


class Own(Blas):
    """Backlit's own compiled products, called from compiled code."""

    packages = ("backlit",)

    def build(self) -> None:
        """Compile one loop over the products of a step."""
        from numba import njit  # noqa: PLC0415  (only this peer needs it)

        from backlit.engine.compiled.compile import define_products  # noqa: PLC0415
        from backlit.kernels.gemm import driver  # noqa: PLC0415

        super().build()
        define_products(str(self.problem.X.dtype))
        calls = {"nn": driver.product, "tn": driver.product_tn, "nt": driver.product_nt}

        def loop_of(product: Any) -> Any:
            @njit(nogil=True)
            def loop(A: Array, B: Array, C: Array, times: int) -> None:
                for _ in range(times):
                    product(A, B, C)

            return loop

        loops = {kind: loop_of(product) for kind, product in calls.items()}
        self.loops = [(loops[kind], A, B, C) for kind, A, B, C in self.operands]

    def train(self) -> None:
        """Multiply, each product as often as there are steps."""
        for loop, A, B, C in self.loops:
            loop(A, B, C, self.workload.steps)
