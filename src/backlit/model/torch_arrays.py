"""How PyTorch lays out what a layer learns, and in which order it flattens pictures: arrays there and back.

PyTorch's modules put the channels first, and the units that a weight leads to before those it comes from; Backlit puts
channels last, and units behind inputs. What a function here calls `order` belongs to numbers that a Flatten wrote:
number k of theirs is number order[k] of ours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.ops.base import Activation, Layer, Shape
from backlit.ops.layers.convolution import Convolution
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.dropout import Dropout
from backlit.ops.layers.embedding import Embedding
from backlit.ops.layers.gru import GRU
from backlit.ops.layers.joins import Add, Concatenate, Multiply
from backlit.ops.layers.normalization import BatchNorm, LayerNorm
from backlit.ops.layers.pooling import Pooling
from backlit.ops.layers.reshaping import Flatten, Upsample
from backlit.ops.layers.spatial_dropout import SpatialDropout
from backlit.ops.layers.through_time import ThroughTime

Arrays = dict[str, Array]
Order = Any
"""An array of whole numbers, or None where both orders are the same."""

IN_PLACE = (Activation, Dropout, SpatialDropout, BatchNorm, LayerNorm)
"""Ops whose number k comes from number k of what they read."""

PICTURE_AXES = 3


class Laid(msgspec.Struct, frozen=True):
    """How the numbers of a buffer lie in PyTorch: channels before places, or, once flat, in another order."""

    channels_first: bool = False
    order: Order = None


def laid_out(inputs: Mapping[str, Shape]) -> dict[str, Laid]:
    """Give how inputs lie: pictures with their channels first, sequences as the recurrent modules read them."""
    return {name: Laid(channels_first=len(shape) == PICTURE_AXES) for name, shape in inputs.items()}


def written(op: Layer, label: str, read: list[Laid], rows: list[Shape]) -> Laid:
    """Give how what an op writes lies, given how what it reads lies and its shapes per row.

    Errors: a BacklitError where PyTorch's layers could not do the same work.
    """
    first, row = read[0], rows[0]
    if isinstance(op, Flatten):
        return Laid(order=_flattened(row) if first.channels_first and len(row) > 1 else first.order)
    if isinstance(op, (Add, Multiply, Concatenate)):
        return _joined(op, label, read, rows)
    if isinstance(op, (Convolution, Pooling, Upsample)):
        return Laid(channels_first=True)
    if isinstance(op, IN_PLACE):
        return first
    if first.order is not None and not isinstance(op, Dense):
        raise BacklitError(
            f"layer {label} ({op.name}) reads the flattened numbers of a picture, which PyTorch has in another order; "
            "expected a dense layer between them."
        )
    return Laid()


def _flattened(row: Shape) -> Array:
    """Give the order of numbers that are flattened channel by channel.

    >>> _flattened((2, 2, 3)).tolist()
    [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]
    """
    order: Array = np.moveaxis(np.arange(math.prod(row)).reshape(row), -1, 0).ravel()
    return order


def _joined(op: Layer, label: str, read: list[Laid], rows: list[Shape]) -> Laid:
    """Give how what branches write lies when it is joined."""
    if all(_same(read[0].order, other.order) for other in read[1:]) and not isinstance(op, Concatenate):
        return read[0]
    if all(each.order is None for each in read):
        return read[0]
    if not isinstance(op, Concatenate):
        raise BacklitError(
            f"layer {label} joins the flattened numbers of a picture, which PyTorch has in another order, with numbers "
            "that it has in this one; expected a dense layer between flatten and join."
        )
    ends = np.cumsum([0, *(shape[-1] for shape in rows)])
    parts = [np.arange(shape[-1]) if each.order is None else each.order
             for each, shape in zip(read, rows, strict=True)]  # fmt: skip
    return Laid(order=np.concatenate([part + end for part, end in zip(parts, ends[:-1], strict=True)]))


def _same(one: Order, other: Order) -> bool:
    return one is other or (one is not None and other is not None and np.array_equal(one, other))


def theirs(op: Layer, label: str, own: Arrays, order: Order) -> Arrays:
    """Give the arrays of PyTorch's module for a layer's parameters and state, in the order of its state_dict."""
    if isinstance(op, Dense):
        weight = own["W"] if order is None else own["W"][order]
        units = own["W"].shape[1]
        bias = {"bias": np.repeat(own["b"], units // own["b"].size)} if own["b"].size else {}
        return {"weight": weight.T, **bias}
    if isinstance(op, Convolution):
        return {"weight": np.moveaxis(own["W"], (-1, -2), (0, 1)), **_given(bias=own["b"])}
    if isinstance(op, ThroughTime):
        return {"weight_ih": own["W"].T, "weight_hh": own["U"].T, **_their_biases(op, own)}
    if isinstance(op, Embedding):
        return {"weight": own["W"]}
    if isinstance(op, (BatchNorm, LayerNorm)):
        named = {"weight": "gamma", "bias": "beta", "running_mean": "mean", "running_var": "variance"}
        found = {name: own[array] for name, array in named.items() if array in own}
        found = found if order is None else {name: array[order] for name, array in found.items()}
        return found | ({"num_batches_tracked": np.array(0)} if isinstance(op, BatchNorm) else {})
    raise BacklitError(
        f"layer {label} ({op.name}) has the parameters {', '.join(own)}; PyTorch's order is known for dense, "
        "convolution, recurrent, embedding and normalization layers."
    )


def ours(op: Layer, label: str, given: Arrays, order: Order) -> Arrays:
    """Give a layer's parameters and state for the arrays of PyTorch's module: the inverse of `theirs`."""
    if isinstance(op, Dense):
        weight = _reordered(given["weight"].T, order)
        return {"W": weight, **_given(b=_one_bias(op, label, given.get("bias", np.empty(0))))}
    if isinstance(op, Convolution):
        return {"W": np.moveaxis(given["weight"], (0, 1), (-1, -2)), **_given(b=given.get("bias", np.empty(0)))}
    if isinstance(op, ThroughTime):
        return {"W": given["weight_ih"].T, "U": given["weight_hh"].T, **_our_biases(op, given)}
    if isinstance(op, Embedding):
        return {"W": given["weight"]}
    named = {"gamma": "weight", "beta": "bias", "mean": "running_mean", "variance": "running_var"}
    return {array: _reordered(given[name], order) for array, name in named.items() if name in given}


def _reordered(array: Array, order: Order) -> Array:
    """Give rows that are in PyTorch's order in ours."""
    if order is None:
        return array
    result = np.empty_like(array)
    result[order] = array
    return result


def _given(**arrays: Array) -> Arrays:
    return {name: array for name, array in arrays.items() if array.size}


def _one_bias(op: Dense, label: str, bias: Array) -> Array:
    """Give the bias of all units where they share one."""
    if op.bias != "shared":
        return bias
    if bias.min() != bias.max():
        raise BacklitError(
            f"layer {label}: its units share one bias; PyTorch's biases are from {bias.min():g} to {bias.max():g}. "
            "Make the layer with bias=True, or give equal biases."
        )
    return bias[:1]


def _their_biases(op: ThroughTime, own: Arrays) -> Arrays:
    """Give both biases: PyTorch adds one to x W, one to h U; ours is the first, but for what a GRU's gate r scales."""
    b = own["b"]
    if not b.size:
        return {}
    wide = op.gates * own["U"].shape[0]
    beside = np.zeros(wide, b.dtype)
    if isinstance(op, GRU):
        beside[-own["U"].shape[0] :] = b[wide:]
    return {"bias_ih": b[:wide].copy(), "bias_hh": beside}


def _our_biases(op: ThroughTime, given: Arrays) -> Arrays:
    if "bias_ih" not in given:
        return {}
    ahead, beside = given["bias_ih"], given["bias_hh"]
    if not isinstance(op, GRU):
        return {"b": ahead + beside}
    units = len(ahead) // op.gates
    kept = 2 * units
    return {"b": np.concatenate([ahead[:kept] + beside[:kept], ahead[kept:], beside[kept:]])}
