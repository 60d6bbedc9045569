"""Gradients of a PyTorch module of the network's layers, in the network's own layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from backlit.check.code.matching import Pairing
from backlit.check.code.returned import Given
from backlit.engine import Network
from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.model.torch_weights import set_torch_weights, torch_weights
from backlit.ops.layers.convolution import Convolution
from backlit.ops.layers.gru import GRU
from backlit.ops.layers.through_time import ThroughTime

SECOND_BIAS = "bias_hh"
"""PyTorch adds two biases in a recurrent layer, whose gradients are the same; ours is that of their sum."""
RUNNING = ("running_mean", "running_var", "num_batches_tracked")


def of_a_module(given: Sequence[Given], network: Network, right: Mapping[str, Array]) -> Pairing | None:
    """Pair the learner's arrays with the network's where they are those of a module of PyTorch, in the latter's layout.

    They are where they have the shapes of such a module's parameters, under the names of `torch_weights` or in their
    order, and the network's own shapes do not fit. None otherwise, and for networks without convolutions
    and recurrent layers, whose weights are only transposed.
    """
    if not any(isinstance(op, (Convolution, ThroughTime)) for op in network.ops):
        return None
    try:
        theirs = torch_weights(network)
    except BacklitError:
        return None
    names = [name for name in theirs if not name.endswith(RUNNING)]
    ordered = _ordered(given, names)
    if ordered is None or any(one.array is None or one.array.shape != theirs[name].shape
                              for name, one in zip(names, ordered, strict=True)):  # fmt: skip
        return None
    arrays = {name: one.array for name, one in zip(names, ordered, strict=True) if one.array is not None}
    twin = network.copy("float64")
    try:
        set_torch_weights(twin, {**theirs, **_one_bias(network, arrays)})
    except BacklitError:
        return None
    found = {name: Given((), twin[name].copy()) for name in right}
    notes = ["the arrays were read as those of PyTorch's module, in the order and the layout of its state_dict"]
    for name, array in arrays.items():
        if SECOND_BIAS in name and not _same_biases(network, arrays[name.replace(SECOND_BIAS, "bias_ih")], array):
            notes.append(f"{name} differs from the gradient of bias_ih, which is added to the same sums; not compared")
    return Pairing(found, [], notes)


def _ordered(given: Sequence[Given], names: Sequence[str]) -> list[Given] | None:
    """Give the learner's arrays in the order of the module's: by their names where they are the same."""
    if len(given) != len(names):
        return None
    by_name = {one.name: one for one in given}
    return [by_name[name] for name in names] if by_name.keys() == set(names) else list(given)


def _one_bias(network: Network, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Give the arrays with 0 for second biases: both enter the same sum, but for a GRU's last gate, which has two."""
    found = dict(arrays)
    for name, array in arrays.items():
        if SECOND_BIAS in name:
            kept = np.zeros_like(array)
            if _is_gru(network):
                kept[2 * len(array) // 3 :] = array[2 * len(array) // 3 :]
            found[name] = kept
    return found


def _same_biases(network: Network, first: Array, second: Array) -> bool:
    both = slice(0, 2 * len(first) // 3) if _is_gru(network) else slice(None)
    return bool(np.allclose(first[both], second[both], rtol=1e-4, atol=1e-8))


def _is_gru(network: Network) -> bool:
    return any(isinstance(op, GRU) for op in network.ops)
