"""A network's numbers for one row, at 50 digits by mpmath: forward from the definitions, backward by the chain rule.

Every number is a `Num`, which knows the numbers it was made of and its slope by each. From E backwards, each hands its
own slope on to them; so a weight that is used at many places, or at many times, gets the sum over all of them without
any formula for it. Names are those of worked examples: i1@r1c2, w(i1,f1@r1c2), net(f1@r2c1), dE/dout(h1@t2).
"""

from __future__ import annotations

import itertools
import math
import string
from collections.abc import Callable, Iterator, Sequence
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
    """A number, what it was made of, and dE by it; of a unit's number the unit's name, and the place after it."""

    __slots__ = ("channel", "made_of", "place", "slope", "value")

    def __init__(self, value: Any, made_of: Sequence[tuple[Num, Any]] = ()) -> None:
        self.value, self.made_of, self.slope = mpf(value), tuple(made_of), mpf(0)
        self.channel = self.place = ""

    @property
    def unit(self) -> str:
        return self.channel + self.place

    def of(self, channel: str, place: str) -> Num:
        self.channel, self.place = channel, place
        return self

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
            self.network = network
            self.named: dict[str, Num] = {}
            self.arrays: dict[str, Grid] = {name: self.numbers(network[name]) for name in network}
            self.letters = letters(network.layers)
            shapes = network.graph.inputs
            given = row if isinstance(row, dict) else {next(iter(shapes)): row}
            self.inputs = {name: self.numbers(np.reshape(v, shapes[name])) for name, v in given.items()}
            for name, numbers in self.inputs.items():
                letter = "i" if len(shapes) == 1 else name
                for index in np.ndindex(*numbers.shape):
                    alone = len(shapes) > 1 and numbers.shape[-1] == 1
                    channel = letter if alone else f"{letter}{index[-1] + 1}"
                    self.named[numbers[index].of(channel, place(index[:-1])).unit] = numbers[index]
            self.ties: dict[str, str] = {}
            self.length = math.inf
            """Of sequences that have one."""
            self.outputs = self.run(network.layers, "", next(iter(self.inputs.values())))
            self.error = self.loss(list(self.outputs.reshape(-1)), target)
            backwards(self.error)

    def slope(self, name: str) -> Any:
        """Give dE by a number that has a name."""
        return self.named[name].slope

    @staticmethod
    def numbers(values: Any) -> Grid:
        return grid(values.shape, lambda index: Num(float(values[index])))

    def slopes(self, name: str) -> Any:
        """Give dE by all numbers of a parameter, or of an input, of the network."""
        numbers = self.arrays[name] if name in self.arrays else self.inputs[name]
        return np.array([float(number.slope) for number in numbers.reshape(-1)]).reshape(numbers.shape)

    def array(self, layer: Any, label: str, name: str) -> Grid | None:
        owner = self.ties.setdefault(layer.tie, label) if getattr(layer, "tie", "") else label
        found = self.arrays.get(f"{owner}.{name}")
        return found if found is not None and found.size else None

    def run(self, layers: Sequence[Any], before: str, x: Grid) -> Grid:
        for number, layer in enumerate(layers, 1):
            label = f"{before}{number}"
            if isinstance(layer, (str, Activation)):
                x = self.note("out", activated(layer, x))
            else:
                x = LAYERS[layer.name](self, layer, label, x)
        return x

    def units(self, label: str, numbers: Grid) -> Grid:
        """Name the numbers of a layer that has units of its own, by its letter."""
        for index in np.ndindex(*numbers.shape):
            numbers[index].of(f"{self.letters[label]}{index[-1] + 1}", place(index[:-1]))
        return numbers

    def taken_over(self, numbers: Grid, x: Grid) -> Grid:
        """Name numbers at new places after the channels that they come from."""
        for index in np.ndindex(*numbers.shape):
            numbers[index].of(x[(0,) * (x.ndim - 1) + index[-1:]].channel, place(index[:-1]))
        return numbers

    def note(self, kind: str, numbers: Grid) -> Grid:
        """Keep numbers by their names; of a unit's second one of a kind, the kind has a 2."""
        for number in numbers.reshape(-1):
            self.keep(kind, f"({number.unit})", number)
        return numbers

    def keep(self, kind: str, unit: str, number: Num) -> None:
        several = (f"{kind}{n if n > 1 else ''}{unit}" for n in range(1, 9))
        self.named.setdefault(next(name for name in several if self.named.get(name, number) is number), number)

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


def letters(layers: Sequence[Any]) -> dict[str, str]:
    """Give what the units of each layer are called, by its label: h1., f, e, o of a dense layer at last."""
    found = dict(lettered(layers, ""))
    if found and found[last := [*found][-1]] == "dense":
        found[last] = "o"
    found = {label: {"dense": "h"}.get(letter, letter) for label, letter in found.items()}
    several = [letter for letter in found.values() if [*found.values()].count(letter) > 1]
    counts: dict[str, int] = {}
    for label, letter in found.items():
        counts[letter] = counts.get(letter, 0) + 1
        found[label] = f"{letter}{counts[letter]}." if letter in several else letter
    return found


def lettered(layers: Sequence[Any], before: str) -> Iterator[tuple[str, str]]:
    for number, layer in enumerate(layers, 1):
        label = f"{before}{number}"
        if hasattr(layer, "in_branches"):
            for own, branch in branches_of(layer, label):
                yield from lettered(branch, own)
        elif letter := LETTERS.get(getattr(layer, "name", "")):
            yield label, letter


LETTERS = {"dense": "dense", "conv1d": "f", "conv2d": "f", "recurrent": "h", "gru": "h", "lstm": "h", "embedding": "e"}


def branches_of(block: Any, label: str) -> list[tuple[str, Any]]:
    """Give what stands before the numbers of each branch's layers, and its layers."""
    branches = block.in_branches()
    alone = sum(map(bool, branches)) == 1
    return [(f"{label}{'' if alone else letter}.", branch)
            for branch, letter in zip(branches, string.ascii_lowercase, strict=False)]  # fmt: skip


def activated(activation: Any, z: Grid) -> Grid:
    """Give the activation of each net input; softmax over the last axis."""
    op = activations.make(activation)
    if op.name == "identity":
        return z
    return like(z, made_by(op, z))


def like(z: Grid, made: Grid) -> Grid:
    """Give numbers the units of others."""
    for index in np.ndindex(*z.shape):
        made[index].of(z[index].channel, z[index].place)
    return made


def made_by(op: Any, z: Grid) -> Grid:
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


def weights_of(net: Exact, kind: str, W: Grid, sources: Sequence[str], units: Sequence[str]) -> None:
    """Name weights from sources to units, the last two axes of W, each with the place in the window before."""
    for index in np.ndindex(*W.shape):
        net.keep(kind, f"({sources[index[-2]]},{units[index[-1]]}{place(index[:-2])})", W[index])


def sources_of(x: Grid) -> list[str]:
    """Name what weights lead from: the numbers of a row, or the channels of a picture or a sequence."""
    return [number.unit if x.ndim == 1 else number.channel for number in x[(0,) * (x.ndim - 1)]]


def biases_of(net: Exact, kind: str, b: Grid | None, units: Sequence[str]) -> None:
    for unit, number in zip(units, () if b is None else b, strict=False):
        net.keep(kind, f"({unit})", number)


def dense(net: Exact, layer: Any, label: str, x: Grid) -> Grid:
    W, b = net.array(layer, label, "W"), net.array(layer, label, "b")
    names = [f"{net.letters[label]}{j + 1}" for j in range(W.shape[1])]
    weights_of(net, "w", W, sources_of(x), names)
    biases_of(net, "b", b, names if layer.bias != "shared" else [f"layer {label}"])

    def at(index: tuple[int, ...]) -> Num:
        *where, j = index
        bias = 0 if b is None else b[j % len(b)]
        return total(x[(*where, i)] * W[i, j] for i in range(len(W))) + bias

    z = net.note("net", net.units(label, grid((*x.shape[:-1], W.shape[1]), at)))
    return net.note("out", activated(layer.activation, z))


def embedding(net: Exact, layer: Any, label: str, x: Grid) -> Grid:
    W = net.array(layer, label, "W")
    weights_of(
        net, "w", W, [str(k) for k in range(len(W))], [f"{net.letters[label]}{j + 1}" for j in range(W.shape[1])]
    )
    made = grid((*x.shape, W.shape[1]), lambda index: W[int(x[index[:-1]].value), index[-1]] * 1)
    return net.note("out", net.units(label, made))


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

    names = [f"{net.letters[label]}{f + 1}" for f in range(filters)]
    for *own, c, f in np.ndindex(*W.shape):
        source = x[(0,) * (x.ndim - 1)][f // (filters // layer.groups) * channels + c].channel
        net.keep("w", f"({source},{names[f]}{place(own)})", W[(*own, c, f)])
    biases_of(net, "b", b, names)
    z = net.note("net", net.units(label, grid((*counts, filters), at)))
    return net.note("out", activated(layer.activation, z))


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

    return net.note("pool", net.taken_over(grid((*counts, x.shape[-1]), at), x))


def global_average_pool(net: Exact, layer: Any, label: str, x: Grid) -> Grid:
    columns = x.reshape(-1, x.shape[-1])
    share = mpf(1) / len(columns)
    made = grid(x.shape[-1:], lambda index: total(columns[:, index[0]]) * share)
    return net.note("pool", net.taken_over(made, x))


def flatten(net: Exact, layer: Any, label: str, x: Grid) -> Grid:
    return x.reshape(-1)


def upsample(net: Exact, layer: Any, label: str, x: Grid) -> Grid:
    factors = of_axes(layer.factor, x.ndim - 1)
    shape = (*(n * f for n, f in zip(x.shape[:-1], factors, strict=True)), x.shape[-1])

    def at(index: tuple[int, ...]) -> Num:
        return x[(*(i // f for i, f in zip(index[:-1], factors, strict=True)), index[-1])] * 1

    return net.note("out", net.taken_over(grid(shape, at), x))


def recurrent(net: Exact, layer: Any, label: str, x: Grid) -> Grid:
    """Step by step; where truncated, a step goes on from a copy of the state, which hands no slope back."""
    W, U, b = (net.array(layer, label, name) for name in ("W", "U", "b"))
    units = len(U)
    names = [f"{net.letters[label]}{j + 1}" for j in range(units)]
    for k, gate in enumerate(GATES[layer.name]):
        part = slice(k * units, (k + 1) * units)
        if k * units < W.shape[1]:
            weights_of(net, f"w{gate}", W[:, part], [n.channel for n in x[0]], names)
            weights_of(net, f"u{gate}", U[:, part], names, names)
        biases_of(net, f"b{gate}", None if b is None else b[part], names)
    T = len(x)
    if layer.lengths:
        T = net.length = int(net.inputs[layer.lengths].reshape(-1)[0].value)
    h, c = [Num(0)] * units, [Num(0)] * units
    written: Any = np.full((len(x), units), None, object)
    for step in range(T):
        if layer.truncate and step and step % layer.truncate == 0:
            h, c = [Num(n.value) for n in h], [Num(n.value) for n in c]
        t = T - 1 - step if layer.reverse else step

        def pre(j: int, t: int = t) -> Num:
            return total(x[t, i] * W[i, j] for i in range(len(W))) + (0 if b is None else b[j])

        def back(j: int, h: list[Num] = h) -> Num:
            return total(h[i] * U[i, j] for i in range(units))

        def note(kind: str, numbers: list[Num], t: int = t) -> list[Num]:
            for name, number in zip(names, numbers, strict=True):
                number.of(name, place((t,)))
            return list(net.note(kind, np.array(numbers, object)))

        h, c = STEPS[layer.name](layer, b, h, c, pre, back, note)
        written[t] = note("out", h)
    if layer.returns == "last":
        return net.note("y", np.array([(n * 1).of(name, "") for n, name in zip(h, names, strict=True)], object))
    for t in range(T, len(x)):
        written[t] = [Num(0)] * units
    return net.note("y", net.units(label, grid(written.shape, lambda index: written[index] * 1)))


GATES = {"recurrent": [""], "gru": ["_r", "_z", "_n", "_q"], "lstm": ["_i", "_f", "_g", "_o"]}
Step = tuple[list[Num], list[Num]]
Note = Callable[[str, list[Num]], list[Num]]


def elman_step(layer: Any, b: Any, h: Any, c: Any, pre: Any, back: Any, note: Note) -> Step:
    z = note("net", [pre(j) + back(j) for j in range(len(h))])
    return [n * 1 for n in activated(layer.activation, np.array(z, object))], c


def gate(name: str, activation: str, z: list[Num], note: Note) -> list[Num]:
    return note(name, list(activated(activation, np.array(note(f"net_{name}", z), object))))


def gru_step(layer: Any, b: Any, h: Any, c: Any, pre: Any, back: Any, note: Note) -> Step:
    units = range(n := len(h))
    r = gate("r", "sigmoid", [pre(j) + back(j) for j in units], note)
    z = gate("z", "sigmoid", [pre(n + j) + back(n + j) for j in units], note)
    q = note("q", [back(2 * n + j) + (0 if b is None else b[3 * n + j]) for j in units])
    new = gate("n", "tanh", [pre(2 * n + j) + r[j] * q[j] for j in units], note)
    return [(1 - z[j]) * new[j] + z[j] * h[j] for j in units], c


def lstm_step(layer: Any, b: Any, h: Any, c: Any, pre: Any, back: Any, note: Note) -> Step:
    units = range(n := len(h))
    i, f, g, o = (
        gate(name, "tanh" if name == "g" else "sigmoid", [pre(k * n + j) + back(k * n + j) for j in units], note)
        for k, name in enumerate("ifgo")
    )
    c = note("c", [f[j] * c[j] + i[j] * g[j] for j in units])
    return [o[j] * function(mp.tanh, c[j]) for j in units], c


STEPS: dict[str, Callable[..., Step]] = {"recurrent": elman_step, "gru": gru_step, "lstm": lstm_step}


def layer_norm(net: Exact, layer: Any, label: str, x: Grid) -> Grid:
    gamma, beta = net.array(layer, label, "gamma"), net.array(layer, label, "beta")
    names = [number.channel for number in x[(0,) * (x.ndim - 1)]]
    biases_of(net, "gamma", gamma, names)
    biases_of(net, "beta", beta, names)
    share, epsilon = mpf(1) / x.shape[-1], mpf(float(layer.epsilon))
    normal = np.empty(x.shape, object)
    for index in np.ndindex(*x.shape[:-1]):
        mean = total(x[index]) * share
        apart = [number + mean * -1 for number in x[index]]
        r = function(lambda v: 1 / mp.sqrt(v + epsilon), total(a * a for a in apart) * share)
        net.named[f"r(layer {label}{place(index)})"] = r
        normal[index] = [a * r for a in apart]
    normal = net.note("norm", like(x, normal))
    return net.note("scaled", like(x, grid(x.shape, lambda i: gamma[i[-1]] * normal[i] + beta[i[-1]])))


def select(net: Exact, layer: Any, label: str, x: Grid) -> Grid:
    if isinstance(layer.what, str):
        return net.inputs[layer.what]
    made = grid((*x.shape[:-1], len(layer.what)), lambda index: x[(*index[:-1], layer.what[index[-1]])] * 1)
    return like(x[..., list(layer.what)], made)


def block(net: Exact, layer: Any, label: str, x: Grid) -> Grid:
    parts = [net.run(branch, own, x) for own, branch in branches_of(layer, label)]
    if layer.joined_by() == "concatenate":
        side_by_side = np.concatenate(parts, axis=-1)
        return net.note("joined", like(side_by_side, grid(side_by_side.shape, lambda index: side_by_side[index] * 1)))
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + part if layer.joined_by() == "add" else joined * part
    return net.note("sum" if layer.joined_by() == "add" else "product", like(parts[0], joined))


LAYERS: dict[str, Callable[[Exact, Any, str, Grid], Grid]] = {
    "dense": dense, "embedding": embedding, "conv2d": convolution, "conv1d": convolution, "max_pool": pooling,
    "average_pool": pooling, "global_average_pool": global_average_pool, "flatten": flatten, "upsample": upsample,
    "recurrent": recurrent, "gru": recurrent, "lstm": recurrent, "layer_norm": layer_norm, "select": select,
    "residual": block, "parallel": block, "bidirectional": block,
}  # fmt: skip
