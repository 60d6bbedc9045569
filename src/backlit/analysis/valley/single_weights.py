"""Single weights of a network by name: those of worked examples, w(i1,h1), own ones, and places of arrays, 1.W[0,1]."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from backlit.engine import Network, element_name
from backlit.errors import BacklitError
from backlit.kernels.types import Array

PLACE = re.compile(r"\s*(\w+\.\w+)\s*\[\s*(\d+(?:\s*,\s*\d+)*)\s*\]\s*")


class SingleWeight(NamedTuple):
    """A weight, a bias or another single parameter: its name, and its place in the network's vector of parameters."""

    name: str
    place: int


def trained_places(network: Network) -> Array:
    """Give the places (n,) in the vector of parameters of those that are trained."""
    ranges = [
        np.arange(start, start + math.prod(shape))
        for name, (start, shape) in network.layout.items()
        if name not in network.frozen
    ]
    return np.concatenate(ranges) if ranges else np.zeros(0, np.int64)


def weight_at(network: Network, place: int, labels: Mapping[str, str]) -> SingleWeight:
    """Name the weight at a place of the vector of parameters: by its own name, the usual one, or that of its array."""
    for array, (start, shape) in network.layout.items():
        if start <= place < start + math.prod(shape):
            index = tuple(int(k) for k in np.unravel_index(place - start, shape))
            usual = element_name(network, array, index)
            found = f"{array}[{','.join(map(str, index))}]"
            return SingleWeight(labels.get(usual, labels.get(found, usual or found)), place)
    raise IndexError(place)


def weight_named(network: Network, name: str, labels: Mapping[str, str], said: str = "weights") -> SingleWeight:
    """Find a weight by its own name, the name that worked examples give it, or its place in an array.

    `said` is the argument that names it.

    Errors: a BacklitError, with the nearest name, where the network has none of that name.

    >>> from backlit.ops.layers.dense import Dense
    >>> network = Network([Dense(2, "tanh"), Dense(1)], inputs=3)
    >>> weight_named(network, "b(h2)", {}), weight_named(network, "1.W[0,1]", {})
    (SingleWeight(name='b(h2)', place=7), SingleWeight(name='w(i1,h2)', place=1))
    """
    wanted = str(name).strip()
    if len(own := [usual for usual, label in labels.items() if label == wanted]) == 1:
        wanted = own[0]
    if placed := PLACE.fullmatch(wanted):
        array, index = placed[1], tuple(int(k) for k in placed[2].split(","))
        if array in network.layout:
            start, shape = network.layout[array]
            if len(index) == len(shape) and all(k < size for k, size in zip(index, shape, strict=True)):
                return weight_at(network, start + int(np.ravel_multi_index(index, shape)), labels)
            raise BacklitError(
                f"{said}: {wanted} is no place of {array}, which has shape {shape}; its places begin at 0."
            )
    for usual, place in _usual_names(network):
        if usual == wanted:
            return weight_at(network, place, labels)
    raise BacklitError(f"{said}: the network has no {name!r}; {_advice(network, wanted, labels)}")


def _usual_names(network: Network) -> Iterator[tuple[str, int]]:
    for array, (start, shape) in network.layout.items():
        if element_name(network, array, (0,) * len(shape)):
            for k, index in enumerate(np.ndindex(shape)):
                yield element_name(network, array, index), start + k


def _advice(network: Network, wanted: str, labels: Mapping[str, str]) -> str:
    names = [*labels.values(), *(name for (name, _), _ in zip(_usual_names(network), range(10_000), strict=False))]
    if near := difflib.get_close_matches(wanted, names, n=1):
        return f"did you mean {near[0]!r}?"
    if not network.layout:
        return "it has no weights at all."
    array, (_, shape) = next(iter(network.layout.items()))
    placed = f"{array}[{','.join('0' * len(shape))}]"
    usual = f"{names[0]!r}, or its place in an array, " if names else "a place in an array, "
    return f"expected a name such as {usual}{placed!r}."
