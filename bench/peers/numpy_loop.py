"""The plain NumPy loop of the tutorials; in float64 also the reference for the loss of all peers."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from bench.peers.base import CannotError, Peer
from bench.workloads import Array, Problem, Workload, divisor

EPSILON = 1e-5


def sigmoid(Z: Array) -> Array:
    """1 / (1 + e⁻ᶻ)."""
    value: Array = 1 / (1 + np.exp(-Z))
    return value


def softmax(Z: Array) -> Array:
    """The softmax of each row."""
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    value: Array = E / E.sum(axis=1, keepdims=True)
    return value


VALUES: dict[str, Any] = {
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda Z: np.maximum(Z, 0),
    "silu": lambda Z: Z * sigmoid(Z),
    "softmax": softmax,
    "identity": lambda Z: Z,
}
SLOPES: dict[str, Any] = {
    "sigmoid": lambda Z, A: A * (1 - A),
    "tanh": lambda Z, A: 1 - A**2,
    "relu": lambda Z, A: Z > 0,
    "silu": lambda Z, A: sigmoid(Z) + A * (1 - sigmoid(Z)),
}


def layers_of(workload: Workload, weights: list[Array]) -> list[list[Array]]:
    """Group the weights by layer: W and b, or W, gamma and beta."""
    layers, rest = [], list(weights)
    for layer in range(1, len(workload.sizes)):
        size = 3 if workload.batch_norm and layer < len(workload.sizes) - 1 else 2
        layers.append(rest[:size])
        rest = rest[size:]
    return layers


def forward(workload: Workload, layers: list[list[Array]], X: Array, rng: Any = None) -> tuple[Array, list[Any]]:
    """Run rows forward, batch statistics included, and keep what backward needs."""
    A, kept = X, []
    for number, layer in enumerate(layers, 1):
        hidden = number < len(layers)
        inputs, Z, scaled, mask = A, A @ layer[0], None, None
        if len(layer) == 3:
            spread = 1 / np.sqrt(Z.var(axis=0) + EPSILON)
            scaled = (Z - Z.mean(axis=0)) * spread, spread
            Z = scaled[0] * layer[1]
        Z = Z + layer[-1]
        A = VALUES[workload.activation if hidden else workload.output](Z)
        value = A
        if hidden and workload.dropout and rng is not None:
            mask = (rng.random(A.shape, A.dtype) >= workload.dropout) / A.dtype.type(1 - workload.dropout)
            A = A * mask
        kept.append((inputs, Z, value, scaled, mask))
    return A, kept


def row_losses(workload: Workload, A: Array, T: Array) -> Array:
    """Give each row's loss, not yet divided by anything."""
    if workload.loss == "half_squared_error":
        losses = 0.5 * ((A - T) ** 2).sum(axis=1)
    elif workload.loss == "binary_cross_entropy":
        losses = -(T * np.log(A) + (1 - T) * np.log(1 - A)).sum(axis=1)
    else:
        losses = -(T * np.log(A)).sum(axis=1)
    return np.asarray(losses)


def backward(workload: Workload, layers: list[list[Array]], kept: list[Any], A: Array, T: Array) -> list[list[Array]]:
    """Give the gradients, layer by layer."""
    dZ = (A - T) / A.dtype.type(divisor(workload, len(T)))
    if workload.loss == "half_squared_error" and workload.output != "identity":
        dZ = dZ * SLOPES[workload.output](None, A)
    gradients: list[list[Array]] = []
    for number in range(len(layers) - 1, -1, -1):
        W = layers[number][0]
        inputs, _, _, scaled, _ = kept[number]
        vectors = [dZ.sum(axis=0)]
        if scaled is not None:
            N, spread = scaled
            dgamma, dbeta = (dZ * N).sum(axis=0), vectors[0]
            dZ = layers[number][1] * spread * (dZ - (dbeta + N * dgamma) / len(dZ))
            vectors = [dgamma, dbeta]
        gradients.insert(0, [inputs.T @ dZ, *vectors])
        if number:
            _, Z, value, _, mask = kept[number - 1]
            dA = dZ @ W.T
            dZ = (dA if mask is None else dA * mask) * SLOPES[workload.activation](Z, value)
    return gradients


class Updates:
    """SGD, Adam (its paper's algorithm 1, or with ε̂ the form of its section 2) and AdamW, weight by weight."""

    def __init__(self, workload: Workload, weights: list[Array], epsilon_hat: bool = False) -> None:
        self.workload, self.epsilon_hat = workload, epsilon_hat
        self.t = 0
        self.m = [np.zeros_like(w) for w in weights]
        self.v = [np.zeros_like(w) for w in weights]

    def __call__(self, weights: list[Array], gradients: list[Array]) -> None:
        """Change the weights in place."""
        rate = self.workload.rate
        self.t += 1
        for k, g in enumerate(gradients):
            w = weights[k]
            if self.workload.optimizer == "sgd":
                w -= rate * g
                continue
            if self.workload.optimizer == "adamw":
                w *= 1 - rate * 0.01
            self.m[k] = 0.9 * self.m[k] + 0.1 * g
            self.v[k] = 0.999 * self.v[k] + 0.001 * g**2
            floor = 1e-8 / np.sqrt(1 - 0.999**self.t) if self.epsilon_hat else 1e-8
            w -= rate * (self.m[k] / (1 - 0.9**self.t)) / (np.sqrt(self.v[k] / (1 - 0.999**self.t)) + floor)


class NumPyLoop(Peer):
    """Forward, backward and update in a dozen lines of NumPy, as a tutorial writes them."""

    packages = ("numpy",)
    epsilon_hat = False

    def build(self) -> None:
        """Nothing to prepare."""
        self.current: list[Array] = []

    def reset(self) -> None:
        """Copy the weights."""
        self.current = [weight.copy() for weight in self.problem.weights]
        self.update = Updates(self.workload, self.current, self.epsilon_hat)
        self.rng = np.random.default_rng(0)

    def train(self) -> None:
        """Loop over epochs and batches."""
        workload, problem = self.workload, self.problem
        layers = layers_of(workload, self.current)
        for order in problem.orders:
            for start in range(0, workload.rows, workload.batch):
                rows = order[start : start + workload.batch]
                X, T = (problem.X, problem.T) if workload.full_batch else (problem.X[rows], problem.T[rows])
                A, kept = forward(workload, layers, X, self.rng)
                gradients = backward(workload, layers, kept, A, T)
                self.update(self.current, [gradient for layer in gradients for gradient in layer])

    def weights(self) -> list[Array] | None:
        """Give the weights."""
        return self.current


def loss_of(workload: Workload, problem: Problem, weights: list[Array]) -> float:
    """Give the loss over all rows, in float64, without dropout."""
    exact = [np.asarray(weight, np.float64) for weight in weights]
    if [w.shape for w in exact] != [w.shape for w in problem.weights]:
        raise CannotError(f"its weights have the shapes {[w.shape for w in exact]}")
    if workload.layers:
        from bench.peers.layers_torch import loss_of as layered_loss  # noqa: PLC0415  (its process may be another's)

        return layered_loss(workload, problem.X, problem.T, exact)
    A, _ = forward(workload, layers_of(workload, exact), problem.X.astype(np.float64))
    return float(row_losses(workload, A, problem.T.astype(np.float64)).sum() / divisor(workload, workload.rows))


def reference_loss(workload: Workload, problem: Problem, epsilon_hat: bool = False) -> float:
    """Give the loss of a call's training in float64, in one of Adam's two forms: the reference of a peer's loss.

    Networks of other layers than dense ones are trained by PyTorch in float64.
    """
    exact = Problem(
        problem.X.astype(np.float64), problem.T.astype(np.float64), problem.labels,
        [weight.astype(np.float64) for weight in problem.weights], problem.orders,
    )  # fmt: skip
    if workload.layers:
        from bench.peers.layers_torch import Layered  # noqa: PLC0415

        peer = Layered(msgspec.structs.replace(workload, dtype="float64"), exact)
        peer.reset()
        peer.train()
        return loss_of(workload, problem, peer.weights() or [])
    loop = NumPyLoop(workload, exact)
    loop.epsilon_hat = epsilon_hat
    loop.reset()
    loop.train()
    return loss_of(workload, problem, loop.current)
