"""JAX: all epochs in one jitted call, by lax.scan, with optax."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bench.peers.base import Peer
from bench.peers.numpy_loop import EPSILON, layers_of
from bench.workloads import Array, divisor

jax.config.update("jax_enable_x64", True)

ACTIVATIONS = {"sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh, "relu": jax.nn.relu, "silu": jax.nn.silu}


class Jax(Peer):
    """Rows are shuffled once per epoch inside the compiled function, and the scans run over whole batches."""

    packages = ("jax", "optax")

    def build(self) -> None:
        """Compile the whole training ahead of time."""
        workload, problem = self.workload, self.problem
        make: Any = {"sgd": optax.sgd, "adam": optax.adam}
        self.optimizer: Any = (
            optax.adamw(workload.rate, weight_decay=0.01)
            if workload.optimizer == "adamw"
            else make[workload.optimizer](workload.rate)
        )
        self.X, self.orders = jnp.asarray(problem.X), jnp.asarray(problem.orders.astype(np.int32))
        self.T = jnp.asarray(problem.T if problem.labels is None else problem.labels.astype(np.int32))
        self.reset()
        whole = self._full_batch if workload.full_batch else self._batches
        self.compiled = jax.jit(whole).lower(self.start, self.X, self.T, self.orders).compile()

    def error(self, weights: list[Any], X: Any, T: Any, key: Any) -> Any:
        """Give the loss of a batch."""
        workload = self.workload
        layers: Any = layers_of(workload, weights)
        A = X
        for number, layer in enumerate(layers, 1):
            Z = A @ layer[0]
            if len(layer) == 3:
                Z = (Z - Z.mean(axis=0)) * jax.lax.rsqrt(Z.var(axis=0) + EPSILON) * layer[1]
            Z = Z + layer[-1]
            A = ACTIVATIONS[workload.activation](Z) if number < len(layers) else Z
            if workload.dropout and number < len(layers):
                kept = jax.random.bernoulli(jax.random.fold_in(key, number), 1 - workload.dropout, A.shape)
                A = jnp.where(kept, A / (1 - workload.dropout), 0)
        return self._row_losses(A, T).sum() / divisor(workload, workload.batch)

    def _row_losses(self, Z: Any, T: Any) -> Any:
        if self.workload.loss == "half_squared_error":
            A = jax.nn.sigmoid(Z) if self.workload.output == "sigmoid" else Z
            return 0.5 * (A - T) ** 2
        if self.workload.loss == "binary_cross_entropy":
            return optax.sigmoid_binary_cross_entropy(Z, T)
        return optax.softmax_cross_entropy_with_integer_labels(Z, T)

    def _step(self, carry: Any, batch: Any) -> Any:
        """Do one update: what the scans run."""
        weights, state, key = carry
        key, now = jax.random.split(key) if self.workload.dropout else (key, key)
        loss, gradients = jax.value_and_grad(self.error)(weights, *batch, now)
        updates, state = self.optimizer.update(gradients, state, weights)
        return (optax.apply_updates(weights, updates), state, key), loss

    def _full_batch(self, start: Any, X: Any, T: Any, orders: Any) -> Any:
        return jax.lax.scan(lambda carry, _: self._step(carry, (X, T)), start, None, length=orders.shape[0])

    def _batches(self, start: Any, X: Any, T: Any, orders: Any) -> Any:
        def epoch(carry: Any, order: Any) -> Any:
            rows = (self.workload.batches, self.workload.batch)
            batches = tuple(array[order].reshape(*rows, *array.shape[1:]) for array in (X, T))
            return jax.lax.scan(self._step, carry, batches)

        return jax.lax.scan(epoch, start, orders)

    def reset(self) -> None:
        """Copy the weights to JAX."""
        weights = [jnp.asarray(weight) for weight in self.problem.weights]
        key = jax.random.key(0, impl="rbg")  # the cheaper of JAX's generators on a CPU
        self.start = (weights, self.optimizer.init(weights), key)
        jax.block_until_ready(self.start)

    def train(self) -> None:
        """Run all epochs in one call."""
        self.result = jax.block_until_ready(self.compiled(self.start, self.X, self.T, self.orders))

    def weights(self) -> list[Array] | None:
        """Give the trained weights."""
        return [np.asarray(weight) for weight in self.result[0][0]]
