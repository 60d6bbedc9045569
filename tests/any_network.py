"""Networks beyond the chain, drawn by a seed: pictures, sequences, categories, several inputs, nested branches.

`draw(seed)` gives a `Drawn`: the layers and inputs, which build a network, rows and targets that fit it. Sizes are
small, so that a network takes milliseconds; settings are drawn widely, since faults hide at odd strides and edges. The
shapes are reckoned here by themselves, not asked of the layers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np

import backlit as bl
from backlit.ops.base import Layer

Shape = tuple[int, ...]

SMOOTH = ("tanh", "sigmoid", "softplus", "silu", "gelu", "identity")
ALL = (*SMOOTH, "relu", "leaky_relu", "elu", "softsign")


class Drawn(NamedTuple):
    """A network's description, with rows and targets for it."""

    seed: int
    layers: list[Any]
    inputs: Any
    loss: str
    X: Any
    Y: Any
    coupled: bool

    def network(self, **given: Any) -> bl.Network:
        """Build the network, with weights and biases away from those it begins with."""
        network = bl.Network(self.layers, self.inputs, self.loss, seed=self.seed, **given)
        rng = np.random.default_rng(self.seed)
        network.parameters[:] += rng.normal(0.0, 0.2, network.parameters.size)
        return network

    def __repr__(self) -> str:
        return f"seed {self.seed}: Network({written(self.layers)}, {self.inputs}, {self.loss!r}), {len(self.Y)} rows"


def written(value: Any) -> str:
    """Write layers as a person would, settings by default left out."""
    if isinstance(value, (list, tuple)) and any(isinstance(item, (Layer, list, tuple)) for item in value):
        return f"[{', '.join(map(written, value))}]"
    if not isinstance(value, Layer):
        return repr(value)
    fields = zip(value.__struct_fields__, msgspec.structs.fields(value), strict=True)
    given = [
        f"{name}={written(getattr(value, name))}" for name, field in fields if getattr(value, name) != field.default
    ]
    return f"{type(value).__name__}({', '.join(given)})"


class Draft:
    """What is drawn so far: the generator, the named inputs, what ties there are."""

    def __init__(self, rng: np.random.Generator, *, norms: bool, dropout: bool, truncated: bool) -> None:
        self.rng, self.norms, self.dropout, self.truncated = rng, norms, dropout, truncated
        self.inputs: dict[str, Shape] = {}
        self.lengths = ""

    def one(self, *choices: Any) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def size(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def activation(self) -> str:
        return str(self.one(*ALL))


def draw(seed: int, *, norms: bool = True, dropout: bool = True, truncated: bool = True, tie: bool = True) -> Drawn:
    """Draw a network with rows; the same seed gives the same one."""
    draft = Draft(np.random.default_rng(seed), norms=norms, dropout=dropout, truncated=truncated)
    kind = str(draft.one(*KINDS))
    layers, inputs = KINDS[kind](draft, tie)
    outputs = draft.size(1, 3)
    loss, last = draft.one(("half_squared_error", "identity"), ("mse", "tanh"), ("cross_entropy", "softmax"))
    if loss == "cross_entropy":
        outputs += 1
    layers.append(bl.Dense(outputs, last))
    rows = draft.size(4, 9)
    X = rows_for(draft, inputs, rows)
    numbers = draft.rng.uniform(-0.9, 0.9, (rows, outputs))
    Y = draft.rng.integers(0, outputs, rows) if loss == "cross_entropy" else numbers
    return Drawn(seed, layers, inputs, loss, X, Y, "BatchNorm" in str(layers))


def rows_for(draft: Draft, inputs: Any, rows: int) -> Any:
    """Draw rows for inputs: an array, or a mapping of arrays; categories and lengths are whole numbers."""
    named = inputs if isinstance(inputs, Mapping) else {"X": inputs}
    X = {}
    for name, given in named.items():
        shape = (given,) if isinstance(given, int) else tuple(given)
        X[name] = draft.rng.normal(size=(rows, *shape))
        if name.startswith("words") or (not isinstance(inputs, Mapping) and draft.inputs.get("words")):
            X[name] = draft.rng.integers(0, 3, (rows, *shape)).astype(float)
        if name == "lengths":
            longest = next(shape[0] for other, shape in draft.inputs.items() if other != "lengths")
            X[name] = draft.rng.integers(1, longest + 1, (rows, 1)).astype(float)
    return X if isinstance(inputs, Mapping) else X["X"]


def flat(X: Any) -> Any:
    """Give the rows of a network's inputs side by side (n, numbers)."""
    parts = X.values() if isinstance(X, Mapping) else [X]
    return np.concatenate([np.asarray(part, float).reshape(len(part), -1) for part in parts], axis=1)


# ------------------------------------------------------------------------------------------------ what a network reads


def picture(draft: Draft, tie: bool) -> tuple[list[Any], Any]:
    shape = (draft.size(3, 7), draft.size(3, 7), draft.size(1, 3))
    layers, end = body(draft, shape, draft.size(1, 4), 1)
    return layers + ending(draft, end), shape


def sequence(draft: Draft, tie: bool) -> tuple[list[Any], Any]:
    shape = (draft.size(2, 6), draft.size(1, 3))
    draft.inputs["X"] = shape
    layers, end = body(draft, shape, draft.size(1, 3), 1)
    return layers + ending(draft, end), shape


def ragged(draft: Draft, tie: bool) -> tuple[list[Any], Any]:
    """Sequences of different lengths, which the recurrent layers at the start know."""
    shape = (draft.size(2, 6), draft.size(1, 3))
    draft.inputs = {"moments": shape, "lengths": (1,)}
    draft.lengths = "lengths"
    layers: list[Any] = [recurrent(draft, "sequence")] if draft.chance(0.5) else []
    if layers and draft.chance(0.5):
        layers = [bl.Bidirectional(forward(layers[0]), str(draft.one("concatenate", "add", "multiply")))]
    layers.append(recurrent(draft, "last"))
    return layers, dict(draft.inputs)


def words(draft: Draft, tie: bool) -> tuple[list[Any], Any]:
    shape = (draft.size(2, 5),)
    draft.inputs["words"] = shape
    size = draft.size(1, 4)
    layers, end = body(draft, (*shape, size), draft.size(0, 2), 1)
    return [bl.Embedding(3, size), *layers, *ending(draft, end)], shape


def table(draft: Draft, tie: bool) -> tuple[list[Any], Any]:
    shape = (draft.size(2, 5),)
    layers, _ = body(draft, shape, draft.size(1, 3), 2)
    return layers, shape


def several(draft: Draft, tie: bool) -> tuple[list[Any], Any]:
    """Two or three inputs of different kinds, each with layers of its own, joined."""
    kinds = draft.rng.permutation(["picture", "moments", "words", "table"])[: draft.size(2, 3)].tolist()
    branches = []
    for name in kinds:
        shape: Shape = {"picture": (4, 5, 2), "moments": (4, 2), "words": (3,), "table": (3,)}[name]
        draft.inputs[name] = shape
        start = [bl.Select(name)]
        if name == "words":
            start.append(bl.Embedding(3, 2))
            shape = (3, 2)
        layers, end = body(draft, shape, draft.size(1, 2), 0)
        branches.append([*start, *layers, *ending(draft, end)])
    join = str(draft.one("concatenate", "add", "multiply"))
    if join != "concatenate":
        branches = [[*branch, bl.Dense(3, "tanh")] for branch in branches]
    return [bl.Parallel(branches, join)], dict(draft.inputs)


def tied(draft: Draft, tie: bool) -> tuple[list[Any], Any]:
    """Layers that share their weights: in two branches, or one after another."""
    name = "shared" if tie else ""
    units = draft.size(2, 3)
    made: list[tuple[Any, Shape]] = [
        (lambda: bl.Dense(units, "tanh", tie=name), (4, units)),
        (lambda: bl.Conv1D(units, 3, "tanh", padding="same", tie=name), (5, units)),
        (lambda: bl.Conv2D(units, (2, 3), "tanh", padding="same", tie=name), (3, 4, units)),
        (lambda: bl.GRU(units, returns="sequence", tie=name), (4, units)),
        (lambda: bl.LSTM(units, returns="sequence", tie=name), (4, units)),
        (lambda: bl.Recurrent(units, returns="sequence", tie=name), (4, units)),
        (lambda: bl.LayerNorm(tie=name), (3, units)),
    ]
    make, shape = made[draft.size(0, len(made) - 1)]
    chain = [make(), make()] if draft.chance(0.5) else [bl.Parallel([[make(), "tanh"], [make()]], join="add")]
    if draft.chance(0.4):
        chain = [bl.Residual(chain)]
    return [*chain, bl.Flatten()], shape


KINDS: dict[str, Callable[[Draft, bool], tuple[list[Any], Any]]] = {
    "picture": picture, "sequence": sequence, "ragged": ragged, "words": words, "table": table, "several": several,
    "tied": tied,
}  # fmt: skip


# --------------------------------------------------------------------------------------------------------------- bodies


def body(draft: Draft, shape: Shape, layers: int, depth: int) -> tuple[list[Any], Shape]:
    """Draw a chain of layers that fit on rows of a shape, and give the shape it ends in."""
    chain: list[Any] = []
    for _ in range(layers):
        layer, shape = PIECES[len(shape)](draft, shape, depth)
        chain.append(layer)
        if draft.chance(0.25):
            chain.append(between(draft, shape))
    return chain, shape


def between(draft: Draft, shape: Shape) -> Any:
    """Draw a layer that keeps the shape: where it is not wanted, an activation, and the rest is drawn as it was."""
    activation, together = draft.activation(), shape[-1] > 1
    norms = [bl.BatchNorm(momentum=0.3), bl.LayerNorm()] if together else [bl.BatchNorm()]
    dropout = [bl.Dropout(0.3)] + [bl.SpatialDropout(0.4)] * (len(shape) > 1)
    drawn = draft.one(activation, *norms, *dropout)
    return activation if (drawn in norms and not draft.norms) or (drawn in dropout and not draft.dropout) else drawn


def ending(draft: Draft, shape: Shape) -> list[Any]:
    """Draw what makes one axis of a picture or a sequence."""
    if len(shape) == 1:
        return []
    return [bl.GlobalAveragePool() if draft.chance(0.3) else bl.Flatten()]


def windowed(draft: Draft, places: int, size: int, stride: int, padding: Any, dilation: int = 1) -> int:
    """Give the number of windows along an axis; 0 where none fits."""
    if padding == "same":
        return -(-places // stride)
    around = 0 if padding == "valid" else 2 * padding
    return max((places + around - dilation * (size - 1) - 1) // stride + 1, 0)


def convolution(draft: Draft, shape: Shape) -> tuple[Any, Shape]:
    """Draw a convolution whose window fits."""
    *places, channels = shape
    while True:
        size, stride, dilation = ([draft.size(1, most) for _ in places] for most in (3, 2, 2))
        padding: Any = draft.one("valid", "same", 1, [draft.size(0, 2) for _ in places])
        around = padding if isinstance(padding, list) else [padding] * len(places)
        counts = [windowed(draft, *axis) for axis in zip(places, size, stride, around, dilation, strict=True)]
        if all(counts):
            break
    groups = int(draft.one(*[g for g in range(1, channels + 1) if channels % g == 0]))
    filters = groups * draft.size(1, 2)
    pairs = [size, stride, dilation, padding]
    pairs = [as_given(draft, values, len(places)) for values in pairs]
    made = bl.Conv1D if len(places) == 1 else bl.Conv2D
    layer = made(
        filters, pairs[0], draft.activation(), stride=pairs[1], dilation=pairs[2], padding=pairs[3], groups=groups,
        bias=draft.chance(0.8),
    )  # fmt: skip
    return layer, (*counts, filters)


def as_given(draft: Draft, values: Any, axes: int) -> Any:
    """Write settings as people do: one number where the axes have the same one, else a pair."""
    if not isinstance(values, list):
        return values
    return values[0] if axes == 1 or len(set(values)) == 1 else tuple(values)


def pooling(draft: Draft, shape: Shape) -> tuple[Any, Shape]:
    *places, channels = shape
    while True:
        size, stride = ([draft.size(1, most) for _ in places] for most in (3, 3))
        padding: Any = draft.one("valid", "same", *([1] if min(size) > 1 else []))
        plain = draft.chance(0.4)
        steps = size if plain else stride
        counts = [windowed(draft, *axis, padding) for axis in zip(places, size, steps, strict=True)]
        if all(counts):
            break
    made = draft.one(bl.MaxPool, bl.AveragePool)
    step = None if plain else as_given(draft, stride, len(places))
    return made(as_given(draft, size, len(places)), step, padding), (*counts, channels)


def recurrent(draft: Draft, returns: str) -> Any:
    """Draw a recurrent layer."""
    given: dict[str, Any] = {
        "returns": returns, "reverse": draft.chance(0.3), "truncate": int(draft.one(0, 0, 1, 2, 3)) * draft.truncated,
        "bias": draft.chance(0.8), "lengths": draft.lengths,
    }  # fmt: skip
    made = draft.one(bl.Recurrent, bl.GRU, bl.LSTM)
    if made is bl.Recurrent:
        given["activation"] = draft.activation()
    return made(draft.size(1, 3), **given)


def forward(layer: Any) -> Any:
    """Give a recurrent layer that reads forward in time."""
    return msgspec.structs.replace(layer, reverse=False)


def branches(draft: Draft, shape: Shape, depth: int) -> tuple[Any, Shape]:
    """Draw a residual or parallel block; a residual body ends in the shape it began with."""
    if draft.chance(0.5):
        inner, end = keeping(draft, shape, depth)
        if draft.chance(0.3):
            width = draft.size(1, 3)
            return bl.Residual([*inner, bl.Dense(width, "tanh")], shortcut=[bl.Dense(width)]), (*shape[:-1], width)
        return bl.Residual(inner), end
    join = str(draft.one("add", "concatenate", "multiply"))
    found: list[list[Any]] = []
    widths = []
    common = draft.size(1, 3)
    for _ in range(draft.size(2, 3)):
        if join == "concatenate" and draft.chance(0.2):
            found.append([])
            widths.append(shape[-1])
            continue
        width = common if join != "concatenate" else draft.size(1, 3)
        inner, _ = keeping(draft, shape, depth) if draft.chance(0.5) else ([], shape)
        if draft.chance(0.3):
            inner = [bl.Select([draft.size(0, shape[-1] - 1) for _ in range(2)]), *inner_of_width(draft, 2)]
        found.append([*inner, bl.Dense(width, draft.activation())])
        widths.append(width)
    return bl.Parallel(found, join), (*shape[:-1], sum(widths) if join == "concatenate" else common)


def inner_of_width(draft: Draft, width: int) -> list[Any]:
    return [bl.Dense(width, draft.activation())] if draft.chance(0.5) else []


def keeping(draft: Draft, shape: Shape, depth: int) -> tuple[list[Any], Shape]:
    """Draw layers that keep the shape, blocks among them."""
    chain: list[Any] = []
    for _ in range(draft.size(1, 2)):
        if depth > 0 and draft.chance(0.3):
            layer, end = branches(draft, shape, depth - 1)
            chain.append(layer)
            if end != shape:
                chain.append(bl.Dense(shape[-1], draft.activation()))
        elif len(shape) == 3 and draft.chance(0.7):
            chain.append(bl.Conv2D(shape[-1], draft.size(1, 3), draft.activation(), padding="same"))
        elif len(shape) == 2 and draft.chance(0.4):
            chain.append(bl.Conv1D(shape[-1], draft.size(1, 3), draft.activation(), padding="same"))
        elif len(shape) == 2 and draft.chance(0.5):
            made = draft.one(bl.Recurrent, bl.GRU, bl.LSTM)
            chain.append(made(shape[-1], returns="sequence", reverse=draft.chance(0.5)))
        else:
            chain.append(bl.Dense(shape[-1], draft.activation()))
        if draft.chance(0.3):
            chain.append(between(draft, shape))
    return chain, shape


def dense(draft: Draft, shape: Shape) -> tuple[Any, Shape]:
    units = draft.size(1, 4)
    return bl.Dense(units, draft.activation(), bias=draft.one(True, True, False, "shared")), (*shape[:-1], units)


def of_picture(draft: Draft, shape: Shape, depth: int) -> tuple[Any, Shape]:
    u = draft.rng.random()
    if u < 0.45:
        return convolution(draft, shape)
    if u < 0.65:
        return pooling(draft, shape)
    if u < 0.75 and depth > 0:
        return branches(draft, shape, depth - 1)
    if u < 0.85 and math.prod(shape) < 60:
        rows, columns = draft.one((2, 2), (1, 2), (3, 1))
        factor = rows if rows == columns else (rows, columns)
        return bl.Upsample(factor), (rows * shape[0], columns * shape[1], shape[2])
    return dense(draft, shape)


def of_sequence(draft: Draft, shape: Shape, depth: int) -> tuple[Any, Shape]:
    u = draft.rng.random()
    if u < 0.4:
        return over_time(draft, shape)
    if u < 0.7:
        return convolution(draft, shape) if draft.chance(0.6) else pooling(draft, shape)
    if u < 0.85 and depth > 0:
        return branches(draft, shape, depth - 1)
    return (bl.Upsample(2), (2 * shape[0], shape[1])) if u < 0.9 else dense(draft, shape)


def over_time(draft: Draft, shape: Shape) -> tuple[Any, Shape]:
    """Draw a recurrent layer, in one direction or in both."""
    layer = recurrent(draft, str(draft.one("last", "sequence")))
    end = (layer.units,) if layer.returns == "last" else (shape[0], layer.units)
    if draft.chance(0.6):
        return layer, end
    join = str(draft.one("concatenate", "add", "multiply"))
    return bl.Bidirectional(forward(layer), join), (*end[:-1], end[-1] * (2 if join == "concatenate" else 1))


def of_row(draft: Draft, shape: Shape, depth: int) -> tuple[Any, Shape]:
    return branches(draft, shape, depth - 1) if depth > 0 and draft.chance(0.6) else dense(draft, shape)


PIECES: dict[int, Callable[[Draft, Shape, int], tuple[Any, Shape]]] = {1: of_row, 2: of_sequence, 3: of_picture}
