"""A second reading of a network, by PyTorch in float64: each layer from its definition, slopes by autograd.

The twin walks the nested list of layers, takes the values of the network's parameters by their names, and knows nothing
of graphs, buffers or shards. A layer without an entry in `LAYERS` fails, so a new one asks for its few lines here.
"""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import oracles
import pytest

from backlit.ops.base import Activation
from backlit.ops.registry import activations

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
F = torch.nn.functional
DOUBLE = torch.float64


class Twin:
    """A network's layers, with its values, to run and to train by PyTorch.

    `masks` hold what dropout multiplies by, for each label; without one it passes on what it reads.
    """

    def __init__(self, network: Any, masks: Mapping[str, Any] | None = None) -> None:
        self.layers, self.loss, self.inputs = network.layers, network.loss, dict(network.graph.inputs)
        frozen = set(network.frozen)
        self.values = {
            name: torch.tensor(np.array(network[name], float), requires_grad=name not in frozen) for name in network
        }
        self.statistics = {name: torch.tensor(np.array(network[name], float)) for name in network.state_layout}
        self.masks = {label: torch.tensor(np.array(mask, float)) for label, mask in (masks or {}).items()}
        self.training = True

    def array(self, layer: Any, label: str, name: str) -> Any:
        """Give a parameter of a layer; of layers that are tied, the first one's."""
        owner = self.ties.setdefault(layer.tie, label) if getattr(layer, "tie", "") else label
        return self.values.get(f"{owner}.{name}")

    def outputs(self, X: Any) -> Any:
        """Give the outputs (n, outputs) for rows whose inputs lie side by side (n, inputs)."""
        rows, self.ties = (X if torch.is_tensor(X) else torch.tensor(np.asarray(X, float))), {}
        ends = np.cumsum([math.prod(shape) for shape in self.inputs.values()])
        self.given = {
            name: rows[:, end - math.prod(shape) : end].reshape(-1, *shape)
            for (name, shape), end in zip(self.inputs.items(), ends, strict=True)
        }
        return self.run(self.layers, "", next(iter(self.given.values()))).reshape(len(rows), -1)

    def run(self, layers: Sequence[Any], before: str, x: Any) -> Any:
        """Give what a chain of layers makes of x."""
        for number, layer in enumerate(layers, 1):
            x = self.layer(layer, f"{before}{number}", x)
        return x

    def layer(self, layer: Any, label: str, x: Any) -> Any:
        if isinstance(layer, Activation):
            return activated(layer, x)
        return LAYERS[layer.name](self, layer, label, x)

    def error(self, X: Any, Y: Any, weights: Any = None) -> Any:
        """Give E of rows as one batch."""
        A, T = self.outputs(X), torch.tensor(np.asarray(Y, float))
        T = T.reshape(len(A)) if self.loss.class_targets else T.reshape(len(A), -1)
        w = torch.ones(len(A), dtype=DOUBLE) if weights is None else torch.tensor(weights)
        total = (w * oracles.torch_loss(self.loss, A, T)).sum()
        shares = {"sum": 1.0, "mean": w.sum(), "mean_all": w.sum() * A.shape[1]}
        return total / shares[self.loss.reduction]

    def gradients(self, X: Any, Y: Any, weights: Any = None) -> tuple[float, dict[str, Any]]:
        """Give E, and its slope by every parameter that is trained and by X."""
        rows = torch.tensor(np.asarray(X, float), requires_grad=True)
        trained = {name: value for name, value in self.values.items() if value.requires_grad} | {"X": rows}
        error = self.error(rows, Y, weights)
        slopes = torch.autograd.grad(error, list(trained.values()), allow_unused=True)
        found = zip(trained.items(), slopes, strict=True)
        return error.item(), {
            name: np.zeros(value.shape) if slope is None else slope.numpy() for (name, value), slope in found
        }

    def train(self, optimizer: Any, X: Any, Y: Any, batch_size: int, epochs: int) -> None:
        """Make the steps of some epochs, batch after batch in the order of the rows."""
        peer = oracles.torch_optimizer(optimizer, [value for value in self.values.values() if value.requires_grad])
        for _ in range(epochs):
            for start in range(0, len(X), batch_size):
                peer.zero_grad()
                self.error(X[start : start + batch_size], Y[start : start + batch_size]).backward()
                peer.step()


def activated(activation: Any, z: Any) -> Any:
    """Give an activation, or the activation of a name, of net inputs; softmax runs over the last axis."""
    op = activations.make(activation)
    return F.softmax(z, dim=-1) if op.name == "softmax" else oracles.torch_activation(op)(z)


# ------------------------------------------------------------------------------------------------ dense and embeddings


def dense(twin: Twin, layer: Any, label: str, x: Any) -> Any:
    z = x @ twin.array(layer, label, "W")
    b = twin.array(layer, label, "b")
    return activated(layer.activation, z if b is None or not b.numel() else z + b)


def embedding(twin: Twin, layer: Any, label: str, x: Any) -> Any:
    return twin.array(layer, label, "W")[x.detach().round().long()]


# ------------------------------------------------------------------------------------------------- convolution, pooling


def of_axes(value: Any, axes: int) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * axes


def padded(x: Any, layer: Any, size: Sequence[int], stride: Sequence[int], dilation: Sequence[int], fill: float) -> Any:
    """Give x (n, channels, *places) with `fill` around it; "same" gives ceil(places / stride) windows, as in Keras."""
    ends: list[int] = []
    for axis in reversed(range(len(size))):
        places = x.shape[2 + axis]
        if layer.padding == "same":
            windows = -(-places // stride[axis])
            added = max((windows - 1) * stride[axis] + dilation[axis] * (size[axis] - 1) + 1 - places, 0)
            ends += [added // 2, added - added // 2]
        else:
            ends += [0 if layer.padding == "valid" else of_axes(layer.padding, len(size))[axis]] * 2
    return F.pad(x, ends, value=fill)


def channels_first(x: Any) -> Any:
    return x.movedim(-1, 1)


def channels_last(x: Any) -> Any:
    return x.movedim(1, -1)


def convolution(twin: Twin, layer: Any, label: str, x: Any) -> Any:
    axes = x.ndim - 2
    W, b = twin.array(layer, label, "W"), twin.array(layer, label, "b")
    size, stride, dilation = (of_axes(value, axes) for value in (layer.size, layer.stride, layer.dilation))
    filters = (
        W.movedim(-1, 0).movedim(-1, 1).contiguous()
    )  # (*window, channels, filters) -> (filters, channels, *window)
    x = padded(channels_first(x), layer, size, stride, dilation, 0.0)
    function = F.conv2d if axes == 2 else F.conv1d
    z = function(x, filters, b if b is not None and b.numel() else None, stride, 0, dilation, layer.groups)
    return activated(layer.activation, channels_last(z))


def windows(layer: Any, x: Any, fill: float) -> Any:
    """Give the windows that pooling looks at: (n, channels, *windows, numbers of a window)."""
    axes = x.ndim - 2
    size = of_axes(layer.size, axes)
    stride = size if layer.stride is None else of_axes(layer.stride, axes)
    x = padded(channels_first(x), layer, size, stride, (1,) * axes, fill)
    for axis in range(axes):
        x = x.unfold(2 + axis, size[axis], stride[axis])
    return x.reshape(*x.shape[: 2 + axes], -1)


def max_pool(twin: Twin, layer: Any, label: str, x: Any) -> Any:
    seen = windows(layer, x, -math.inf)
    first = seen.detach().eq(seen.detach().max(dim=-1, keepdim=True).values).long().argmax(dim=-1, keepdim=True)
    return channels_last(seen.gather(-1, first)[..., 0])


def average_pool(twin: Twin, layer: Any, label: str, x: Any) -> Any:
    counts = windows(layer, torch.ones_like(x), 0.0).sum(-1)
    return channels_last(windows(layer, x, 0.0).sum(-1) / counts)


def global_average_pool(twin: Twin, layer: Any, label: str, x: Any) -> Any:
    return x.mean(dim=tuple(range(1, x.ndim - 1)))


def flatten(twin: Twin, layer: Any, label: str, x: Any) -> Any:
    return x.reshape(len(x), -1)


def upsample(twin: Twin, layer: Any, label: str, x: Any) -> Any:
    for axis, factor in enumerate(of_axes(layer.factor, x.ndim - 2), 1):
        x = x.repeat_interleave(factor, dim=axis)
    return x


# ---------------------------------------------------------------------------------------------------------- recurrence


def recurrent(twin: Twin, layer: Any, label: str, x: Any) -> Any:
    """Give the last state, or all, of steps written one after another; rows that have ended keep their state."""
    W, U, b = (twin.array(layer, label, name) for name in ("W", "U", "b"))
    n, T, _ = x.shape
    lengths = twin.given[layer.lengths].reshape(n).long() if layer.lengths else torch.full((n,), T)
    units = U.shape[0]
    state: tuple[Any, ...] = (torch.zeros(n, units, dtype=DOUBLE),) * (2 if layer.name == "lstm" else 1)
    written = torch.zeros(n, T, units, dtype=DOUBLE)
    for step in range(T):
        goes_on = (step < lengths)[:, None]
        if layer.truncate and step and step % layer.truncate == 0:
            state = tuple(torch.where(goes_on, part.detach(), part) for part in state)
        place = torch.where(goes_on[:, 0], lengths - 1 - step if layer.reverse else torch.full((n,), step), 0)
        moved = STEPS[layer.name](
            layer, x[torch.arange(n), place] @ W, state, U, 0.0 if b is None or not b.numel() else b
        )
        state = tuple(torch.where(goes_on, new, old) for new, old in zip(moved, state, strict=True))
        here = F.one_hot(place, T)[:, :, None] * goes_on[:, :, None]
        written = written + here * state[0][:, None, :]
    return state[0] if layer.returns == "last" else written


def elman_step(layer: Any, from_input: Any, state: Any, U: Any, b: Any) -> tuple[Any, ...]:
    return (activated(layer.activation, from_input + state[0] @ U + b),)


def gru_step(layer: Any, from_input: Any, state: Any, U: Any, b: Any) -> tuple[Any, ...]:
    (h,), units = state, len(U)
    biases, of_recurrent = (b[: 3 * units], b[3 * units :]) if torch.is_tensor(b) else (0.0, 0.0)
    r, z, n = (from_input + biases).chunk(3, dim=1)
    of_r, of_z, of_n = U.chunk(3, dim=1)
    r, z = torch.sigmoid(r + h @ of_r), torch.sigmoid(z + h @ of_z)
    n = torch.tanh(n + r * (h @ of_n + of_recurrent))
    return ((1 - z) * n + z * h,)


def lstm_step(layer: Any, from_input: Any, state: Any, U: Any, b: Any) -> tuple[Any, ...]:
    h, c = state
    i, f, g, o = (from_input + h @ U + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


STEPS = {"recurrent": elman_step, "gru": gru_step, "lstm": lstm_step}


# --------------------------------------------------------------------------------------------- norms, dropout, branches


def layer_norm(twin: Twin, layer: Any, label: str, x: Any) -> Any:
    gamma, beta = twin.array(layer, label, "gamma"), twin.array(layer, label, "beta")
    return F.layer_norm(x, x.shape[-1:], gamma, beta, layer.epsilon)


def batch_norm(twin: Twin, layer: Any, label: str, x: Any) -> Any:
    columns = x.reshape(-1, x.shape[-1])  # a row for each place
    mean, variance = twin.statistics[f"{label}.mean"], twin.statistics[f"{label}.variance"]
    gamma, beta = twin.array(layer, label, "gamma"), twin.array(layer, label, "beta")
    return F.batch_norm(columns, mean, variance, gamma, beta, twin.training, layer.momentum, layer.epsilon).reshape(
        x.shape
    )


def dropout(twin: Twin, layer: Any, label: str, x: Any) -> Any:
    mask = twin.masks.get(label)
    return x if mask is None else x * mask.reshape(len(x), *([1] * (x.ndim - mask.ndim)), *mask.shape[1:])


def select(twin: Twin, layer: Any, label: str, x: Any) -> Any:
    if isinstance(layer.what, str):
        return twin.given[layer.what]
    columns = [layer.what] if isinstance(layer.what, int) else list(layer.what)
    return x[..., columns]


JOINS: dict[str, Callable[[Iterable[Any]], Any]] = {
    "add": sum,
    "multiply": math.prod,
    "concatenate": lambda parts: torch.cat(list(parts), dim=-1),
}


def block(twin: Twin, layer: Any, label: str, x: Any) -> Any:
    """Give what branches make of x, joined; the branches have letters where there are several."""
    if layer.name == "residual":
        branches, join = (layer.layers, layer.shortcut), "add"
    elif layer.name == "parallel":
        branches, join = layer.branches, layer.join
    else:
        tie = {"tie": f"{layer.layer.tie} (reverse)"} if getattr(layer.layer, "tie", "") else {}
        branches, join = ([layer.layer], [msgspec.structs.replace(layer.layer, reverse=True, **tie)]), layer.join
    filled = sum(bool(branch) for branch in branches)
    letters = iter(string.ascii_lowercase)
    parts = [twin.run(branch, f"{label}{next(letters) if filled > 1 else ''}.", x) for branch in branches]
    return JOINS[join](parts)


LAYERS: dict[str, Callable[[Twin, Any, str, Any], Any]] = {
    "dense": dense, "embedding": embedding, "conv2d": convolution, "conv1d": convolution, "max_pool": max_pool,
    "average_pool": average_pool, "global_average_pool": global_average_pool, "flatten": flatten,
    "upsample": upsample, "recurrent": recurrent, "gru": recurrent, "lstm": recurrent, "layer_norm": layer_norm,
    "batch_norm": batch_norm, "dropout": dropout, "spatial_dropout": dropout, "select": select, "residual": block,
    "parallel": block, "bidirectional": block,
}  # fmt: skip
