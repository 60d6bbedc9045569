"""JAX on layers beyond the chain: the fastest of several ways to write the same step, each compiled and tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bench.clock import now
from bench.layers import Step
from bench.peers.base import Peer
from bench.workloads import Array

WINDOWS = ("own", "columns")
"""Convolution by XLA's operation, or as one product of all windows written out."""
LOOPS = ("scan", "steps")
"""All updates in one compiled call, by `lax.scan`, or one call for each: XLA's convolutions are slow in a scan."""


def convolved(X: Any, W: Any, b: Any, same: bool, windows: str) -> Any:
    """Z = the windows of X times W, plus b, over sequences (n, T, F) and pictures (n, rows, columns, channels)."""
    axes = W.ndim - 2
    if windows == "own":
        order = ("NWC", "WIO", "NWC") if axes == 1 else ("NHWC", "HWIO", "NHWC")
        padding = "SAME" if same else "VALID"
        return jax.lax.conv_general_dilated(X, W, (1,) * axes, padding, dimension_numbers=order) + b
    if same:
        X = jnp.pad(X, ((0, 0), *[(size // 2, size // 2) for size in W.shape[:-2]], (0, 0)))
    outs = [places - size + 1 for places, size in zip(X.shape[1:-1], W.shape, strict=False)]
    met = [X[(slice(None), *(slice(k, k + out) for k, out in zip(place, outs, strict=True)))]
           for place in np.ndindex(W.shape[:-2])]  # fmt: skip
    return jnp.concatenate(met, -1) @ W.reshape(-1, W.shape[-1]) + b


def pooled(X: Any, size: int) -> Any:
    """The largest of each window of `size` places along each axis."""
    axes = X.ndim - 2
    cut = X[(slice(None), *(slice(places // size * size) for places in X.shape[1:-1]))]
    shape = [part for places in cut.shape[1:-1] for part in (places // size, size)]
    return cut.reshape(cut.shape[0], *shape, cut.shape[-1]).max(tuple(2 + 2 * axis for axis in range(axes)))


def gru(X: Any, W: Any, U: Any, b: Any) -> Any:
    """The last state of gates r, z, n over (n, T, F)."""
    u = U.shape[0]

    def step(h: Any, x: Any) -> tuple[Any, None]:
        net, own = x @ W + b[: 3 * u], h @ U
        r, z = jnp.split(jax.nn.sigmoid(net[:, : 2 * u] + own[:, : 2 * u]), 2, 1)
        n = jnp.tanh(net[:, 2 * u :] + r * (own[:, 2 * u :] + b[3 * u :]))
        return (1 - z) * n + z * h, None

    return jax.lax.scan(step, jnp.zeros((X.shape[0], u), X.dtype), X.swapaxes(0, 1))[0]


def lstm(X: Any, W: Any, U: Any, b: Any) -> Any:
    """The last state of gates i, f, g, o over (n, T, F)."""

    def step(state: Any, x: Any) -> tuple[Any, None]:
        h, c = state
        i, f, g, o = jnp.split(x @ W + b + h @ U, 4, 1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    start = jnp.zeros((X.shape[0], U.shape[0]), X.dtype)
    return jax.lax.scan(step, (start, start), X.swapaxes(0, 1))[0][0]


def layer(step: Step, A: Any, weights: Any, windows: str) -> Any:
    """Run one layer, which takes its arrays from the iterator `weights`."""
    if step.kind in {"conv", "dense"}:
        W, b = next(weights), next(weights)
        Z = A @ W + b if step.kind == "dense" else convolved(A, W, b, step.same, windows)
        return jax.nn.relu(Z) if step.activation == "relu" else Z
    if step.kind in {"gru", "lstm"}:
        return {"gru": gru, "lstm": lstm}[step.kind](A, next(weights), next(weights), next(weights))
    if step.kind == "embed":
        return jnp.concatenate([next(weights)[A[:, 0].astype(jnp.int32)], A[:, 1:]], 1)
    if step.kind == "pool":
        return pooled(A, step.size)
    return A.mean(tuple(range(1, A.ndim - 1))) if step.kind == "mean" else A.reshape(A.shape[0], -1)


class Layered(Peer):
    """The way that trained the workload fastest when it was tried; its name stands in the note."""

    packages = ("jax", "optax")

    def build(self) -> None:
        """Compile every way, try each once, keep the fastest."""
        workload, problem = self.workload, self.problem
        self.optimizer: Any = optax.adam(workload.rate)
        self.X, self.orders = jnp.asarray(problem.X), jnp.asarray(problem.orders.astype(np.int32))
        self.T = jnp.asarray(problem.T if problem.labels is None else problem.labels.astype(np.int32))
        self.gather = jax.jit(self._batches)
        self.reset()
        convolves = any(step.kind == "conv" for step in workload.layers)
        ways = [(windows, loop) for windows in WINDOWS[: 1 + convolves] for loop in LOOPS]
        tried: list[tuple[float, Callable[[], Any]]] = []
        for windows, loop in ways:
            way = self._way(windows, loop)
            way()
            began = now()
            way()
            tried.append((now() - began, way))
        self.fastest = min(tried, key=lambda pair: pair[0])[1]

    def _way(self, windows: str, loop: str) -> Callable[[], Any]:
        """Compile one way of training; give a function that trains from the start."""

        def update(carry: Any, batch: Any) -> Any:
            weights, state = carry
            loss, gradients = jax.value_and_grad(self.error)(weights, *batch, windows)
            updates, state = self.optimizer.update(gradients, state, weights)
            return (optax.apply_updates(weights, updates), state), loss

        if loop == "scan":

            def whole(carry: Any, X: Any, T: Any, orders: Any) -> Any:
                return jax.lax.scan(
                    lambda carry, order: jax.lax.scan(update, carry, self._batches(X, T, order)), carry, orders
                )

            compiled = jax.jit(whole).lower(self.start, self.X, self.T, self.orders).compile()
            return lambda: jax.block_until_ready(compiled(self.start, self.X, self.T, self.orders)[0])
        step = jax.jit(lambda carry, X, T, k: update(carry, (X[k], T[k]))[0])

        def loop_over() -> Any:
            carry = self.start
            for order in self.orders:
                X, T = self.gather(self.X, self.T, order)
                for k in range(self.workload.batches):
                    carry = step(carry, X, T, k)
            return jax.block_until_ready(carry)

        return loop_over

    def _batches(self, X: Any, T: Any, order: Any) -> Any:
        rows = (self.workload.batches, self.workload.batch)
        return tuple(array[order].reshape(*rows, *array.shape[1:]) for array in (X, T))

    def error(self, weights: list[Any], X: Any, T: Any, windows: str) -> Any:
        """Give the loss of a batch."""
        A, arrays = X, iter(weights)
        for step in self.workload.layers:
            A = layer(step, A, arrays, windows)
        if self.workload.loss == "half_squared_error":
            return 0.5 * ((A - T) ** 2).sum() / len(T)
        return optax.softmax_cross_entropy_with_integer_labels(A, T).mean()

    def reset(self) -> None:
        """Copy the weights to JAX."""
        weights = [jnp.asarray(weight) for weight in self.problem.weights]
        self.start = weights, self.optimizer.init(weights)
        jax.block_until_ready(self.start)

    def train(self) -> None:
        """Train in the fastest way."""
        self.result = self.fastest()

    def weights(self) -> list[Array] | None:
        """Give the trained weights."""
        return [np.asarray(weight) for weight in self.result[0]]
