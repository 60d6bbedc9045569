"""A network's numbers for one row, at 50 digits by mpmath: forward from the definitions, backward by the chain rule.

Every number is a `Num`, which knows the numbers it was made of and its slope by each. From E backwards, each hands its
own slope on to them; so a weight that is used at many places, or at many times, gets the sum over all of them without
any formula for it. Names are those of worked examples: i1@r1c2, w(i1,f1@r1c2), net(f1@r2c1), dE/dout(h1@t2).
"""

from __future__ import annotations

import itertools
import math
import string
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import oracles
from mpmath import mp, mpf

from backlit.ops.base import Activation
from backlit.ops.registry import activations

DIGITS = 50
WORKING = 80
"""More, since slopes of activations and losses are taken by differences."""


class Num:
    """A number, what it was made of, and dE by it."""

    __slots__ = ("made_of", "slope", "value")

    def __init__(self, value: Any, made_of: Sequence[tuple[Num, Any]] = ()) -> None:
        self.value, self.made_of, self.slope = mpf(value), tuple(made_of), mpf(0)

    def __add__(self, other: Any) -> Num:
        other = as_num(other)
        return Num(self.value + other.value, [(self, 1), (other, 1)])

    __radd__ = __add__

    def __mul__(self, other: Any) -> Num:
        other = as_num(other)
        return Num(self.value * other.value, [(self, other.value), (other, self.value)])

    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> Num:
        return as_num(other) + self * -1


def as_num(value: Any) -> Num:
    return value if isinstance(value, Num) else Num(value)


def function(f: Callable[[Any], Any], z: Num) -> Num:
    """Give f(z), with its slope by a difference."""
    return Num(f(z.value), [(z, mp.diff(f, z.value))])


def backwards(end: Num) -> None:
    """Hand slopes down from E, each number after all that were made of it."""
    order: list[Num] = []
    done: set[int] = set()
    waiting: list[tuple[Num, bool]] = [(end, False)]
    while waiting:
        number, ready = waiting.pop()
        if ready:
            order.append(number)
        elif id(number) not in done:
            done.add(id(number))
            waiting += [(number, True), *((part, False) for part, _ in number.made_of)]
    end.slope = mpf(1)
    for number in reversed(order):
        for part, slope in number.made_of:
            part.slope += number.slope * slope


Grid = Any
"""An array of Num, one for each number of a row: (T, units), (rows, columns, channels) or (units,)."""


def grid(shape: Sequence[int], at: Callable[[tuple[int, ...]], Num]) -> Grid:
    made = np.empty(shape, object)
    for index in np.ndindex(*shape):
        made[index] = at(index)
    return made


def place(index: Sequence[int]) -> str:
    """Write a place: "" of one position, "@t2" in a sequence, "@r1c2" in a picture."""
    return "" if not index else f"@t{index[0] + 1}" if len(index) == 1 else f"@r{index[0] + 1}c{index[1] + 1}"


def total(terms: Any) -> Num:
    return sum(terms, Num(0))


class Exact:
    """All numbers of one row of a network: `named` by the names of worked examples, `arrays` by those of the network.

    `row` is a mapping from inputs to their numbers, or the numbers of the only input.
    """

    def __init__(self, network: Any, row: Any, target: Any) -> None:
        with mp.workdps(WORKING):
            self.network, self.named = network, {}
            self.arrays: dict[str, Grid] = {name: self.numbers(network[name]) for name in network}
            shapes = network.graph.inputs
            given = row if isinstance(row, dict) else {next(iter(shapes)): row}
            self.inputs = {name: self.numbers(np.reshape(v, shapes[name])) for name, v in given.items()}
            self.ties: dict[str, str] = {}
            out = self.run(network.layers, "", next(iter(self.inputs.values())))
            self.outputs = out
            self.error = self.loss(list(out.reshape(-1)), target)
            backwards(self.error)

    @staticmethod
    def numbers(values: Any) -> Grid:
        return grid(values.shape, lambda index: Num(float(values[index])))

    def slopes(self, name: str) -> Any:
        """Give dE by a parameter, or by an input, of the network."""
        numbers = self.arrays[name] if name in self.arrays else self.inputs[name]
        return np.array([float(number.slope) for number in numbers.reshape(-1)]).reshape(numbers.shape)

    def array(self, layer: Any, label: str, name: str) -> Grid | None:
        owner = self.ties.setdefault(layer.tie, label) if getattr(layer, "tie", "") else label
        found = self.arrays.get(f"{owner}.{name}")
        return found if found is not None and found.size else None

    def run(self, layers: Sequence[Any], before: str, x: Grid) -> Grid:
        for number, layer in enumerate(layers, 1):
            label = f"{before}{number}"
            made = activated if isinstance(layer, Activation) else LAYERS[layer.name]
            x = made(layer, x) if isinstance(layer, Activation) else made(self, layer, label, x)
        return x

    def note(self, layer: str, kind: str, numbers: Grid) -> Grid:
        """Keep numbers under the label of the layer that makes them and the kind of number they are."""
        self.named[layer, kind] = numbers
        return numbers

    def loss(self, out: list[Num], target: Any) -> Num:
        """Give E of the row, with its slopes by the outputs by differences."""
        loss = self.network.loss
        t = oracles.long_row(np.asarray(target, float).reshape(-1))
        share = mpf(1) / (len(out) if loss.reduction == "mean_all" else 1)

        def value(a: Sequence[Any]) -> Any:
            return mp.fsum(oracles.loss_parts(loss, list(a), t)) * share

        values = [number.value for number in out]

        def slope(j: int) -> Any:
            return mp.diff(lambda a: value([*values[:j], a, *values[j + 1 :]]), values[j])

        return Num(value(values), [(number, slope(j)) for j, number in enumerate(out)])


def activated(activation: Any, z: Grid) -> Grid:
    """Give the activation of each net input; softmax over the last axis."""
    op = activations.make(activation)
    if op.name == "identity":
        return z
    if op.name == "softmax":
        made = np.empty(z.shape, object)
        for index in np.ndindex(*z.shape[:-1]):
            a = oracles.softmax([number.value for number in z[index]])
            made[index] = [
                Num(a[j], [(z[(*index, k)], a[j] * ((j == k) - a[k])) for k in range(len(a))]) for j in range(len(a))
            ]
        return made
    return grid(z.shape, lambda index: function(lambda v: oracles.activation(op, v), z[index]))


# ---------------------------------------------------------------------------------------------------------- the layers


def dense(net: Exact, layer: Any, label: str, x: Grid) -> Grid:
    W, b = net.array(layer, label, "W"), net.array(layer, label, "b")

    def at(index: tuple[int, ...]) -> Num:
        *where, j = index
        bias = 0 if b is None else b[j % len(b)]
        return total(x[(*where, i)] * W[i, j] for i in range(len(W))) + bias

    z = net.note(label, "net", grid((*x.shape[:-1], W.shape[1]), at))
    return net.note(label, "out", activated(layer.activation, z))


def embedding(net: Exact, layer: Any, label: str, x: Grid) -> Grid:
    W = net.array(layer, label, "W")
    return net.note(
        label, "out", grid((*x.shape, W.shape[1]), lambda index: W[int(x[index[:-1]].value), index[-1]] * 1)
    )


def of_axes(value: Any, axes: int) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * axes


def seen_through(layer: Any, places: Sequence[int], stride: Any, dilation: Any) -> tuple[tuple[int, ...], Any]:
    """Give the number of windows along each axis, and what gives the place that a window has under one of its own.

    Window i begins at i stride - before; place k of it lies dilation k further. A place may lie outside the picture.
    """
    axes = len(places)
    size, stride, dilation = (of_axes(value, axes) for value in (layer.size, stride, dilation))
    before, counts = [], []
    for axis, (n, k, s, d) in enumerate(zip(places, size, stride, dilation, strict=True)):
        span = d * (k - 1) + 1
        if layer.padding == "same":
            counts.append(math.ceil(n / s))
            before.append(max((counts[-1] - 1) * s + span - n, 0) // 2)
        else:
            before.append(0 if layer.padding == "valid" else of_axes(layer.padding, axes)[axis])
            counts.append((n + 2 * before[-1] - span) // s + 1)

    def under(window: Sequence[int], own: Sequence[int]) -> tuple[int, ...] | None:
        found = tuple(w * s - p + d * k for w, s, p, d, k in zip(window, stride, before, dilation, own, strict=True))
        return found if all(0 <= f < n for f, n in zip(found, places, strict=True)) else None

    return tuple(counts), under


def convolution(net: Exact, layer: Any, label: str, x: Grid) -> Grid:
    W, b = net.array(layer, label, "W"), net.array(layer, label, "b")
    *size, channels, filters = W.shape
    counts, under = seen_through(layer, x.shape[:-1], layer.stride, layer.dilation)

    def at(index: tuple[int, ...]) -> Num:
        *window, f = index
        first = f // (filters // layer.groups) * channels
        terms = [
            x[(*found, first + c)] * W[(*own, c, f)]
            for own in itertools.product(*map(range, size)) if (found := under(window, own)) is not None
            for c in range(channels)
        ]  # fmt: skip
        return total(terms) + (0 if b is None else b[f])

    z = net.note(label, "net", grid((*counts, filters), at))
    return net.note(label, "out", activated(layer.activation, z))


def pooling(net: Exact, layer: Any, label: str, x: Grid) -> Grid:
    axes = x.ndim - 1
    size = of_axes(layer.size, axes)
    counts, under = seen_through(layer, x.shape[:-1], layer.size if layer.stride is None else layer.stride, 1)

    def at(index: tuple[int, ...]) -> Num:
        *window, c = index
        places = (under(window, own) for own in itertools.product(*map(range, size)))
        seen = [x[(*found, c)] for found in places if found is not None]
        if layer.name == "max_pool":
            return max(seen, key=lambda number: number.value) * 1  # of equal numbers Python gives the first
        return total(seen) * (mpf(1) / len(seen))

    return net.note(label, "out", grid((*counts, x.shape[-1]), at))


def global_average_pool(net: Exact, layer: Any, label: str, x: Grid) -> Grid:
    columns = x.reshape(-1, x.shape[-1])
    share = mpf(1) / len(columns)
    return net.note(label, "out", grid(x.shape[-1:], lambda index: total(columns[:, index[0]]) * share))


def flatten(net: Exact, layer: Any, label: str, x: Grid) -> Grid:
    return x.reshape(-1)


def upsample(net: Exact, layer: Any, label: str, x: Grid) -> Grid:
    factors = of_axes(layer.factor, x.ndim - 1)
    shape = (*(n * f for n, f in zip(x.shape[:-1], factors, strict=True)), x.shape[-1])

    def at(index: tuple[int, ...]) -> Num:
        return x[(*(i // f for i, f in zip(index[:-1], factors, strict=True)), index[-1])] * 1

    return net.note(label, "out", grid(shape, at))


def recurrent(net: Exact, layer: Any, label: str, x: Grid) -> Grid:
    """Step by step; where truncated, a step goes on from a copy of the state, which hands no slope back."""
    W, U, b = (net.array(layer, label, name) for name in ("W", "U", "b"))
    units = len(U)
    T = int(net.inputs[layer.lengths].reshape(-1)[0].value) if layer.lengths else len(x)
    h, c = [Num(0)] * units, [Num(0)] * units
    written: Any = np.full((len(x), units), None, object)
    for step in range(T):
        if layer.truncate and step and step % layer.truncate == 0:
            h, c = [Num(n.value) for n in h], [Num(n.value) for n in c]
        t = T - 1 - step if layer.reverse else step

        def pre(j: int, t: int = t) -> Num:
            return total(x[t, i] * W[i, j] for i in range(len(W))) + (0 if b is None else b[j])

        def back(j: int, h: list[Num] = h, own: bool = False) -> Num:
            """With a bias of its own, which a GRU has for n."""
            return total(h[i] * U[i, j] for i in range(units)) + (b[j + units] if own and b is not None else 0)

        h, c = STEPS[layer.name](net, layer, f"{label}@t{t + 1}", units, h, c, pre, back)
        written[t] = net.note(f"{label}@t{t + 1}", "out", np.array(h, object))
    if layer.returns == "last":
        return np.array(h, object)
    for t in range(T, len(x)):
        written[t] = [Num(0)] * units
    return written


Step = tuple[list[Num], list[Num]]


def elman_step(net: Exact, layer: Any, label: str, units: int, h: Any, c: Any, pre: Any, back: Any) -> Step:
    z = net.note(label, "net", np.array([pre(j) + back(j) for j in range(units)], object))
    return list(activated(layer.activation, z)), c


def gate(net: Exact, label: str, name: str, activation: str, z: list[Num]) -> list[Num]:
    net.note(label, f"net_{name}", np.array(z, object))
    return list(net.note(label, name, activated(activation, np.array(z, object))))


def gru_step(net: Exact, layer: Any, label: str, units: int, h: Any, c: Any, pre: Any, back: Any) -> Step:
    r = gate(net, label, "r", "sigmoid", [pre(j) + back(j) for j in range(units)])
    z = gate(net, label, "z", "sigmoid", [pre(units + j) + back(units + j) for j in range(units)])
    n = gate(net, label, "n", "tanh", [pre(2 * units + j) + r[j] * back(2 * units + j, own=True) for j in range(units)])
    return [(1 - z[j]) * n[j] + z[j] * h[j] for j in range(units)], c


def lstm_step(net: Exact, layer: Any, label: str, units: int, h: Any, c: Any, pre: Any, back: Any) -> Step:
    i, f, g, o = (
        gate(net, label, name, "tanh" if name == "g" else "sigmoid",
             [pre(k * units + j) + back(k * units + j) for j in range(units)])
        for k, name in enumerate("ifgo")
    )  # fmt: skip
    c = list(net.note(label, "c", np.array([f[j] * c[j] + i[j] * g[j] for j in range(units)], object)))
    return [o[j] * function(mp.tanh, c[j]) for j in range(units)], c


STEPS: dict[str, Callable[..., Step]] = {"recurrent": elman_step, "gru": gru_step, "lstm": lstm_step}


def layer_norm(net: Exact, layer: Any, label: str, x: Grid) -> Grid:
    gamma, beta = net.array(layer, label, "gamma"), net.array(layer, label, "beta")
    made = np.empty(x.shape, object)
    for index in np.ndindex(*x.shape[:-1]):
        share = mpf(1) / x.shape[-1]
        mean = total(x[index]) * share
        apart = [number + mean * -1 for number in x[index]]
        variance = total(a * a for a in apart) * share
        r = function(lambda v: 1 / mp.sqrt(v + mpf(float(layer.epsilon))), variance)
        made[index] = [gamma[j] * (a * r) + beta[j] for j, a in enumerate(apart)]
    return net.note(label, "scaled", made)


def select(net: Exact, layer: Any, label: str, x: Grid) -> Grid:
    if isinstance(layer.what, str):
        return net.inputs[layer.what]
    return grid((*x.shape[:-1], len(layer.what)), lambda index: x[(*index[:-1], layer.what[index[-1]])] * 1)


def block(net: Exact, layer: Any, label: str, x: Grid) -> Grid:
    branches = layer.in_branches()
    alone = sum(map(bool, branches)) == 1
    parts = [
        net.run(branch, f"{label}{'' if alone else letter}.", x)
        for branch, letter in zip(branches, string.ascii_lowercase, strict=False)
    ]
    if layer.joined_by() == "concatenate":
        return np.concatenate(parts, axis=-1)
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + part if layer.joined_by() == "add" else joined * part
    return net.note(label, "out", joined)


LAYERS: dict[str, Callable[[Exact, Any, str, Grid], Grid]] = {
    "dense": dense, "embedding": embedding, "conv2d": convolution, "conv1d": convolution, "max_pool": pooling,
    "average_pool": pooling, "global_average_pool": global_average_pool, "flatten": flatten, "upsample": upsample,
    "recurrent": recurrent, "gru": recurrent, "lstm": recurrent, "layer_norm": layer_norm, "select": select,
    "residual": block, "parallel": block, "bidirectional": block,
}  # fmt: skip
