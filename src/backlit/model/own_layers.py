"""Layers of one's own on a table: what they read of its columns, the output layer and the loss that its target needs.

Layers are plain data here, as `Layer.to_dict` gives them, for a model file keeps the settings of its training.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import numpy as np

from backlit.data import Encoder, Task
from backlit.data.encoding import columns_of
from backlit.data.grids import Grid, is_grid
from backlit.data.messages import did_you_mean, listed, quoted
from backlit.engine import Network
from backlit.errors import BacklitError
from backlit.ops.base import Layer
from backlit.ops.layers.dense import Dense
from backlit.ops.registry import layer_from_dict, losses

Described = Mapping[str, Any]
"""A layer, or a loss, as plain data."""

BLOCKS = {"residual": ("layers", "shortcut"), "parallel": ("branches",), "bidirectional": ("layer",)}
"""The settings of blocks that hold layers."""

_HOLDING = {key for keys in BLOCKS.values() for key in keys}

VALUES = ("weights", "recurrent_weights", "biases")
"""Settings that may hold the first numbers of parameters, which a layer's plain data leaves out."""

SMALL_SIDE = 8
"""Pooling halves a picture until its shorter side is at most so long: what is left goes to a dense layer."""


def described(given: Any) -> tuple[dict[str, Any], ...] | None:
    """Give layers as plain data; None stays None."""
    if given is None:
        return None
    if not isinstance(given, (Layer, str, Mapping, list, tuple)):
        raise BacklitError(f"network is {given!r}; expected a list of layers, such as [Dense(16, 'relu')].")
    layers = [given] if isinstance(given, (Layer, str, Mapping)) else list(given)
    return plain(map(make_dict, layers))


def plain(layers: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Give layers as a model file gives them back: lists in the place of tuples."""
    found: tuple[dict[str, Any], ...] = tuple(msgspec.json.decode(msgspec.json.encode(list(layers))))
    return found


def make_dict(layer: Any) -> dict[str, Any]:
    """Give a layer, or an activation by its name, as plain data."""
    if isinstance(layer, str):
        return {"op": layer}
    if isinstance(layer, Mapping):
        return {key: _made(value) if key in _HOLDING else value for key, value in layer.items()}
    if not isinstance(layer, Layer):
        raise BacklitError(f"a layer is {layer!r}; expected a layer such as Dense(16, 'relu'), or a name.")
    values = {name: np.asarray(value).tolist() for name in VALUES if isinstance(value := getattr(layer, name, None),
              (list, tuple, np.ndarray, float))}  # fmt: skip
    return layer.to_dict() | values


def _made(held: Any) -> Any:
    """Give the layers that a block's plain data holds under a key, each as plain data."""
    return [_made(one) for one in held] if isinstance(held, (list, tuple)) else make_dict(held)


def picture_layers(shape: Sequence[int]) -> tuple[dict[str, Any], ...]:
    """Give the hidden layers for pictures where none are given: a small convolutional network.

    Filters of 3 × 3, relu, padding that keeps the size, and after each a pooling that halves it, two times or until the
    shorter side is 8 or less; 16 filters first, then 32; then a dense layer of 64 units. So a picture of 28 × 28 has
    about 105,000 weights. It is the plainest form of LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied
    to document recognition", Proceedings of the IEEE 86, 1998, with today's activation and pooling.

    >>> [layer["op"] for layer in picture_layers((8, 8, 1))]
    ['conv2d', 'max_pool', 'conv2d', 'max_pool', 'flatten', 'dense']
    """
    layers: list[dict[str, Any]] = []
    height, width, filters = shape[0], shape[1], 16
    while len(layers) < 4 or min(height, width) > SMALL_SIDE:
        layers.append({"op": "conv2d", "filters": filters, "size": 3, "activation": "relu", "padding": "same"})
        layers.append({"op": "max_pool", "size": [min(2, height), min(2, width)]})
        height, width, filters = max(1, height // 2), max(1, width // 2), 32
    return (*layers, {"op": "flatten"}, {"op": "dense", "units": 64, "activation": "relu"})


# ------------------------------------------------------------------------------------------------------- what they read


def embedded_columns(layers: Sequence[Described]) -> dict[str, int]:
    """Give the columns of the table that embeddings read, with the number of categories of each.

    Errors: a BacklitError for an embedding without a `select` of columns by name before it.
    """
    found: dict[str, int] = {}
    for chain in _chains(layers):
        for before, layer in zip([None, *chain], chain, strict=False):
            if layer.get("op") != "embedding":
                continue
            names = _names(before) if before is not None and before.get("op") == "select" else []
            if not names:
                raise BacklitError(
                    "an embedding reads category numbers, and on a table it must say of which columns: put "
                    '{ op = "select", what = "column" } right before it, as the first layer of a branch of '
                    '{ op = "parallel", branches = [...] }.'
                )
            found |= dict.fromkeys(names, int(layer.get("count", 0)))
    return found


def columns_read(layers: Sequence[Described]) -> set[str | int] | None:
    """Give what the first layers select, by name or number; None where one of them reads all that comes in.

    >>> columns_read([{"op": "select", "what": ["age", 3]}, {"op": "dense", "units": 2}]) == {"age", 3}
    True
    """
    first = layers[0] if layers else {}
    if first.get("op") == "select":
        what = first["what"]
        return {what} if isinstance(what, str) else set(what)
    found: set[str | int] = set()
    for part in _parts(first):
        read = columns_read(part)
        if read is None:
            return None
        found |= read
    return found or None


def shape_read(layers: Sequence[Described] | None, table: Any) -> tuple[int, ...] | None:
    """Give the shape (times, features) where layers read it of a table's grids, and could not as grey pictures.

    None where that is not so, or where the table has no grids of two axes.
    """
    kinds = [table.column(name).type for name in table.columns]
    given = next((tuple(kind.shape) for kind in kinds if is_grid(kind) and len(kind.shape) == 2), None)
    if not (layers and given):
        return None
    for shape in ((*given, 1), given):
        with suppress(BacklitError):
            Network([layer_from_dict(layer) for layer in layers], shape)
            return shape
    return None


def _chains(layers: Sequence[Described]) -> Iterator[Sequence[Described]]:
    """Give each chain of layers: the outer one and those within blocks."""
    yield layers
    for layer in layers:
        for part in _parts(layer):
            yield from _chains(part)


def _parts(layer: Described) -> list[Sequence[Described]]:
    """Give the chains of a block."""
    found: list[Sequence[Described]] = []
    for key in BLOCKS.get(str(layer.get("op")), ()):
        value = layer.get(key) or ()
        if isinstance(value, Mapping):
            found.append([value])
        elif key == "branches":
            found += list(value)
        else:
            found.append(value)
    return found


def _names(select: Described) -> list[str]:
    """Give the names that a `select` has; none where it has numbers."""
    what = select.get("what")
    given = [what] if isinstance(what, str) else what if isinstance(what, (list, tuple)) else []
    return [name for name in given if isinstance(name, str)]


def with_places(layers: Sequence[Described], encoder: Encoder, *, grid: bool = False) -> tuple[dict[str, Any], ...]:
    """Give the layers with numbers of encoded inputs in place of the names of columns that a `select` has.

    A column of the table stands for all inputs that it became, such as one for each category; "colour=red" for that
    one.

    Errors: a BacklitError for an unknown name, or a `select` by name behind other layers.
    """
    return _placed(layers, encoder, first=True, grid=grid)


def _placed(layers: Sequence[Described], encoder: Encoder, *, first: bool, grid: bool) -> tuple[dict[str, Any], ...]:
    made: list[dict[str, Any]] = []
    for place, layer in enumerate(layers):
        at_input = first and place == 0
        new = dict(layer)
        if layer.get("op") == "select" and _names(layer):
            if not at_input or grid:
                where = "rows of several axes" if grid else "what other layers write"
                raise BacklitError(
                    f"select names the column {quoted(_names(layer)[0])}, and reads {where}; expected numbers from 0 "
                    "there. Columns are named in the first layer of the network or of a branch that reads the table."
                )
            new["what"] = _places(layer["what"], encoder)
        for key in BLOCKS.get(str(layer.get("op")), ()):
            value = layer.get(key)
            if isinstance(value, Mapping):
                new[key] = _placed([value], encoder, first=at_input, grid=grid)[0]
            elif key == "branches" and value:
                new[key] = [list(_placed(branch, encoder, first=at_input, grid=grid)) for branch in value]
            elif value:
                new[key] = list(_placed(value, encoder, first=at_input, grid=grid))
        made.append(new)
    return tuple(made)


def _places(what: Any, encoder: Encoder) -> list[int]:
    """Give the numbers of the encoded inputs that names and numbers stand for."""
    by_name: dict[str, list[int]] = {name: [k] for k, name in enumerate(encoder.feature_names)}
    start = 0
    for plan in encoder.features.columns:
        for name in columns_of(plan)[:1]:
            by_name[name] = list(range(start, start + len(plan.outputs)))
        start += len(plan.outputs)
    found: list[int] = []
    for given in [what] if isinstance(what, (str, int)) else what:
        if isinstance(given, str) and given not in by_name:
            left_out = next((report for report in encoder.reports if report.column == given), None)
            why = f" That column is {left_out.done}." if left_out is not None else ""
            raise BacklitError(
                f"select names {quoted(given)}, which is no input.{did_you_mean(given, list(by_name))}{why} The "
                f"inputs: {listed(list(by_name), 8)}."
            )
        found += by_name[given] if isinstance(given, str) else [int(given)]
    return found


def own_layers(settings: Any, encoder: Encoder) -> tuple[tuple[dict[str, Any], ...], tuple[int, ...]]:
    """Give the hidden layers that the settings have, or those for pictures, and the shape of a row that they read.

    No layers where a table has usual ones. Names of columns are resolved.

    Errors: a BacklitError where the shape that is stated does not fit the table's columns.
    """
    grid = next((plan for plan in encoder.features.columns if isinstance(plan, Grid)), None)
    _refuse_lengths(settings.network or ())
    if settings.network is None:
        return (picture_layers(grid.shape), grid.shape) if grid is not None and settings.layers is None else ((), ())
    k = len(encoder.feature_names)
    shape = grid.shape if grid is not None else settings.inputs or (k,)
    if math.prod(shape) != k:
        raise BacklitError(
            f"the network has inputs = {math.prod(shape)}; the columns of the table become {k}: "
            f"{listed(list(encoder.feature_names), 6)}. Leave inputs out, and it is what the table has."
        )
    return with_places(settings.network, encoder, grid=len(shape) > 1), shape


def _refuse_lengths(layers: Sequence[Described]) -> None:
    """Refuse layers that read the lengths of sequences, which no table and no array file holds beside them."""
    for chain in _chains(layers):
        given = next((layer["lengths"] for layer in chain if layer.get("lengths")), None)
        if given:
            raise BacklitError(
                f"a recurrent layer reads the lengths {quoted(given)}; on a table, and of arrays X and y, all "
                "sequences have one length. Leave lengths out, or train in Python, where they are an input beside: "
                "bl.Training(network, {...}, Y)."
            )


# ------------------------------------------------------------------------------------------------------ what they write


def network_of(
    task: Task, layers: Sequence[Described], loss: Described | None, inputs: Sequence[int], dtype: Any, seed: Any
) -> Network:
    """Give the network of the layers on a task: with their own output layer where it fits, else with one more.

    Classes are learned by softmax with cross-entropy, numbers, which are standardized, by one linear output with half
    the squared error, unless the layers end in such an output and `loss` fits.

    Errors: a BacklitError where the layers do not fit the inputs, the output layer or the loss not the target.
    """
    k = len(task.classes) or 1
    chain = [layer_from_dict(layer) for layer in layers]
    row = tuple(int(size) for size in inputs)
    body = Network(chain, row, "half_squared_error") if chain else None  # checks that the layers fit the inputs
    written = body.graph.shapes[-1].buffers[body.ops[-1].writes] if body is not None else row
    if not _is_output(task, chain, written, k):
        if len(written) != 1:
            raise BacklitError(
                f"the layers write rows of shape {written}; the output layer reads one row of numbers: end with "
                '{ op = "flatten" }, or { op = "global_average_pool" }.'
            )
        if loss is not None:
            raise BacklitError(_no_output(task, chain, k))
        chain.append(Dense(k, "softmax" if task.kind == "classes" else "identity"))
    made = losses.from_dict(loss) if loss is not None else losses.make(_usual_loss(task))
    _check_loss(task, made)
    return Network(chain, row, made, dtype=dtype, seed=seed)


def _usual_loss(task: Task) -> str:
    return "cross_entropy" if task.kind == "classes" else "half_squared_error"


def _ends_in(chain: Sequence[Layer]) -> str:
    """Name the activation that a chain of layers ends in; an empty text where it ends in another layer."""
    op = chain[-1].ops()[-1] if chain else None
    return op.name if op is not None and op.kind == "activation" else "identity" if isinstance(op, Dense) else ""


def _is_output(task: Task, chain: Sequence[Layer], written: Sequence[int], k: int) -> bool:
    """Tell whether the last layer is an output layer for the target."""
    end = _ends_in(chain)
    if task.kind == "classes":
        if end == "softmax" and tuple(written) != (k,):
            raise BacklitError(
                f"the last layer gives {math.prod(written)} probabilities; the target {quoted(task.column)} has {k} "
                f"classes: write units = {k}, or leave the layer out, for it is added."
            )
        return end == "softmax"
    return tuple(written) == (1,) and end == "identity" and isinstance(chain[-1], Dense)


def _no_output(task: Task, chain: Sequence[Layer], k: int) -> str:
    """Say which output layer a file with a loss has to end in."""
    last = chain[-1].summary() if chain else "none"
    if task.kind == "classes":
        return (
            f"the file has a loss, so its last layer ({last}) is taken for the output layer; the target "
            f'{quoted(task.column)} has {k} classes, which expect units = {k}, activation = "softmax" (two classes '
            "too). Or leave the loss out: an output layer and its loss are added."
        )
    return (
        f"the file has a loss, so its last layer ({last}) is taken for the output layer; the target "
        f"{quoted(task.column)} is a number, standardized, which expects units = 1 and no activation. Or leave the "
        "loss out: an output layer and its loss are added."
    )


def _check_loss(task: Task, loss: Any) -> None:
    """Refuse a loss that does not fit the target."""
    if task.kind == "classes":
        if not (loss.class_targets and "softmax" in loss.fused):
            raise BacklitError(
                f"the loss {loss.name!r} does not fit the target {quoted(task.column)}, which is a class; expected "
                "cross_entropy, or none, which is the same."
            )
    elif loss.class_targets or loss.name == "hinge" or tuple(loss.targets) != (-np.inf, np.inf):
        raise BacklitError(
            f"the loss {loss.name!r} does not fit the target {quoted(task.column)}, which is a number, standardized; "
            "expected such as half_squared_error, mse, mae or huber."
        )
