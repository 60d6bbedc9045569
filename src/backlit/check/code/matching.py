"""Which array of the network each array of the learner's is: by its name, its place, or its shape."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from backlit.check.code.calling import KINDS, array_called, short_name
from backlit.check.code.returned import Given, as_units, is_flat, of_units, plain_name
from backlit.errors import BacklitError, counted
from backlit.kernels.types import Array

TOKEN = re.compile(r"(?P<number>\d+)|(?P<word>[A-Za-z]+)")

Close = Callable[[Array, Array], bool]


class Pairing(NamedTuple):
    """The learner's arrays by the names of the network's, what was left over, and what was assumed."""

    of: dict[str, Given]
    unused: list[str]
    notes: list[str]


def paired(given: Sequence[Given], right: Mapping[str, Array], close: Close) -> Pairing:
    """Give each of the network's arrays the learner's.

    Errors: a BacklitError where neither names nor places nor shapes tell.
    """
    names = list(right)
    if len(given) == 1 and is_flat(given[0].array, [array.shape for array in right.values()]):
        return _split(given[0], right)
    if any(isinstance(part, str) for one in given for part in one.path):
        found, notes = by_name(given, names)
        if found:
            return Pairing(found, [one.name for one in given if one not in found.values()], notes)
    return by_place(given, right, close)


def _split(given: Given, right: Mapping[str, Array]) -> Pairing:
    """Take one vector apart, in the order of `network.parameters`."""
    assert given.array is not None
    flat, found, start = given.array.reshape(-1), dict[str, Given](), 0
    for name, array in right.items():
        found[name] = Given((), flat[start : start + array.size].reshape(array.shape))
        start += array.size
    return Pairing(found, [], ["one vector of all gradients, read in the order of network.parameters"])


# -------------------------------------------------------------------------------------------------------------- by name


def by_name(given: Sequence[Given], names: Sequence[str]) -> tuple[dict[str, Given], list[str]]:
    """Pair arrays by names such as "1.W", "dW1", "W_1", "fc1.weight", "weights[0]".

    >>> found, _ = by_name([Given(("dW1",), None), Given(("db1",), None)], ["1.W", "1.b"])
    >>> list(found)
    ['1.W', '1.b']
    """
    known, found = list(names), dict[str, Given]()
    for one in given:
        for text in (one.name, plain_name(one.name)):
            name = array_called(text, known)
            if name is not None and name not in found:
                found[name] = one
                break
    left = [one for one in given if all(one is not taken for taken in found.values())]
    if found and not any(_read(one, known) for one in left):
        return found, []
    ranked = _by_rank(given, known)
    return (ranked, []) if len(ranked) > len(found) else (found, [])


def _read(one: Given, names: Sequence[str]) -> tuple[str, int] | None:
    """Give which of a layer's arrays a name means, "W" or "b", and the number in it; -1 where it has none."""
    own = {name.rpartition(".")[2] for name in names}
    kind, numbers = None, []
    for part in one.path:
        if isinstance(part, int):
            numbers.append(part)
            continue
        for text in (str(part), plain_name(str(part))):
            for token in TOKEN.finditer(text):
                word = token["word"]
                if token["number"] and text == plain_name(str(part)):
                    numbers.append(int(token["number"]))
                elif word and (word in own or KINDS.get(word.lower()) in own):
                    kind = word if word in own else KINDS[word.lower()]
    return None if kind is None else (kind, numbers[0] if numbers else -1)


def _by_rank(given: Sequence[Given], names: Sequence[str]) -> dict[str, Given]:
    """Pair arrays of a kind in the order of their numbers: "0.weight", "2.weight" are those of layers 1 and 2."""
    of_kind: dict[str, list[tuple[int, Given]]] = {}
    for one in given:
        read = _read(one, names)
        if read is not None:
            of_kind.setdefault(read[0], []).append((read[1], one))
    numbers = sorted({number for ones in of_kind.values() for number, _ in ones})
    labels = list(dict.fromkeys(name.rpartition(".")[0] for name in names))
    if len(numbers) == len(labels):
        label_of = dict(zip(numbers, labels, strict=True))
    elif {str(number) for number in numbers} <= set(labels):
        label_of = {number: str(number) for number in numbers}
    else:
        label_of = {number: str(number + 1) for number in numbers}
    return {f"{label_of[number]}.{kind}": one for kind, ones in of_kind.items() for number, one in ones
            if f"{label_of[number]}.{kind}" in names}  # fmt: skip


# ------------------------------------------------------------------------------------------------------------- by place


def fits(given: Array | None, shape: tuple[int, ...]) -> bool:
    """Tell whether an array can be a gradient of that shape: as it is, transposed, or a bias as a row or a column."""
    if given is None:
        return True
    if given.shape in {shape, as_units(np.empty(shape)).shape}:
        return True
    return len(shape) == 1 and given.size == shape[0] and given.squeeze().shape in {shape, ()}


def orders(names: Sequence[str]) -> dict[str, list[str]]:
    """Give the orders in which learners list gradients, by what they are called; the network's own comes first."""
    biases = [name for name in names if name.rpartition(".")[2] == "b"]
    others = [name for name in names if name not in biases]
    labels = list(dict.fromkeys(name.rpartition(".")[0] for name in names))
    reversed_layers = [name for label in reversed(labels) for name in names if name.rpartition(".")[0] == label]
    return {
        "the network's order": list(names),
        "the order weights, then biases": others + biases,
        "the order biases, then weights": biases + others,
        "the order of the backward pass, the last layer first": reversed_layers,
        "the order weights, then biases, the last layer first": others[::-1] + biases[::-1],
        "the order biases, then weights, the last layer first": biases[::-1] + others[::-1],
        "the reversed order": list(names)[::-1],
    }


def by_place(given: Sequence[Given], right: Mapping[str, Array], close: Close) -> Pairing:
    """Pair arrays by their places in the list; where several orders fit the shapes, by that in which most are right."""
    names = list(right)
    if len(given) == len(names):
        possible: list[tuple[int, int, int, str, list[tuple[str, Given]]]] = []
        for called, order in orders(names).items():
            pairs = list(zip(order, given, strict=True))
            if all(fits(one.array, right[name].shape) for name, one in pairs):
                exact = sum(one.array is not None and one.array.shape == right[name].shape for name, one in pairs)
                agree = sum(one.array is not None and _agrees(one.array, right[name], close) for name, one in pairs)
                possible.append((agree, exact, -len(possible), called, pairs))
        if possible:
            *_, called, pairs = max(possible)
            notes = [] if called == "the network's order" else [f"the arrays were read in {called}"]
            return Pairing(dict(pairs), [], notes)
        if all(one.array is not None for one in given):
            return _named_shapes(given, right)
    return with_bias_rows(given, right, close) or by_shape(given, right)


def with_bias_rows(given: Sequence[Given], right: Mapping[str, Array], close: Close) -> Pairing | None:
    """Take weights apart that have their layer's biases as one row more, (inputs + 1, units), the first or the last."""
    layers = [(name, f"{name[:-2]}.b") for name in right if name.endswith(".W")]
    if len(given) != len(layers) or any(bias not in right or right[name].ndim != 2 for name, bias in layers):
        return None
    found: list[tuple[int, str, dict[str, Given]]] = []
    for called, bias_at, rest in (("first", 0, slice(1, None)), ("last", -1, slice(None, -1))):
        pairs: dict[str, Given] = {}
        for one, (name, bias) in zip(given, layers, strict=True):
            wanted = (right[name].shape[0] + 1, right[name].shape[1])
            array = one.array
            if array is not None and array.shape == wanted[::-1] != wanted:
                array = array.T
            if array is None or array.shape != wanted:
                return None
            pairs |= {name: Given(one.path, array[rest]), bias: Given(one.path, array[bias_at])}
        agree = sum(close(one.array, right[name]) for name, one in pairs.items() if one.array is not None)
        found.append((agree, called, pairs))
    _, called, pairs = max(found, key=lambda one: one[0])
    return Pairing(pairs, [], [f"the {called} row of each array was read as the biases"])


def _named_shapes(given: Sequence[Given], right: Mapping[str, Array]) -> Pairing:
    """Take arrays of other shapes in the network's order, to say which; not those of another number of axes."""
    pairs = list(zip(right, given, strict=True))
    if 2 * sum(one.array is None or one.array.ndim == right[name].ndim for name, one in pairs) < len(pairs):
        raise BacklitError(_no_order(given, right))
    return Pairing(dict(pairs), [], [])


def by_shape(given: Sequence[Given], right: Mapping[str, Array]) -> Pairing:
    """Pair arrays by their shapes where these tell."""
    found: dict[str, Given] = {}
    for one in given:
        can = [name for name, array in right.items() if one.array is not None and array.shape == one.array.shape]
        if len(can) == 1 and can[0] not in found:
            found[can[0]] = one
    if not found or len(found) < len(given):
        raise BacklitError(_no_order(given, right))
    return Pairing(found, [], ["the arrays were told apart by their shapes"])


def _no_order(given: Sequence[Given], right: Mapping[str, Array]) -> str:
    shapes = ", ".join("None" if one.array is None else str(one.array.shape) for one in given)
    expected = ", ".join(f"{short_name(name)} {array.shape}" for name, array in right.items())
    return (
        f"my_backward gave {counted(len(given), 'array')} of shapes {shapes}; expected {counted(len(right), 'array')}: "
        f"{expected}. Return them in this order, or as a dictionary by these names."
    )


def _agrees(given: Array, right: Array, close: Close) -> bool:
    if given.size != right.size:
        return False
    if close(given.reshape(right.shape) if right.ndim == 1 else given, right):
        return True
    return given.ndim == right.ndim > 1 and close(of_units(given), right)
