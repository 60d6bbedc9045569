"""Gradients of recurrent layers whose gates lie in another order than ours."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from backlit.check.code.comparing import Scale
from backlit.check.code.matching import Pairing
from backlit.check.code.returned import Given, of_units
from backlit.engine import Network
from backlit.kernels.types import Array

LETTERS = {"lstm": "ifgo", "gru": "rzn"}
"""The gates of layers in our order, which is PyTorch's; behind those of a GRU's b is the recurrent bias of n."""


def in_our_order(pairing: Pairing, network: Network, right: Mapping[str, Array], scale: Scale) -> Pairing:
    """Give the pairing with the gates in our order where all arrays of a layer are right in another one."""
    found, notes = dict(pairing.of), list(pairing.notes)
    for label, op in zip(network.labels, network.ops, strict=True):
        letters = LETTERS.get(op.name, "")
        names = [name for name in (f"{label}.W", f"{label}.U", f"{label}.b") if name in right]
        mine = {name: _laid(found.get(name), right[name]) for name in names}
        given = {name: array for name, array in mine.items() if array is not None}
        if not letters or len(given) < len(names) or all(scale.close(given[name], right[name]) for name in names):
            continue
        for order in itertools.permutations(range(len(letters))):
            turned = {name: _ordered(array, order, len(right[f"{label}.U"])) for name, array in given.items()}
            if all(scale.close(turned[name], right[name]) for name in names):
                found |= {name: found[name]._replace(array=array) for name, array in turned.items()}
                theirs = ", ".join(letters[order.index(k)] for k in range(len(letters)))
                notes.append(f"the gates of layer {label} were read in the order {theirs}; here it is "
                             f"{', '.join(letters)}")  # fmt: skip
                break
    return pairing._replace(of=found, notes=notes)


def _laid(given: Given | None, right: Array) -> Array | None:
    """Give an array in the right one's shape, transposed if need be; None where it has another."""
    if given is None or given.array is None:
        return None
    for array in (given.array, of_units(given.array)):
        if array.shape == right.shape:
            return array
    return None


def _ordered(array: Array, order: Sequence[int], units: int) -> Array:
    """Give an array whose part for gate k is the one that lies at order[k]."""
    parts = [array[..., units * k : units * (k + 1)] for k in order]
    return np.concatenate([*parts, array[..., units * len(order) :]], axis=-1)
