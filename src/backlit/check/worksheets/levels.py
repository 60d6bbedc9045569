"""The levels of worksheets: for each a network file whose numbers are drawn anew for every student."""

from __future__ import annotations

import copy
from typing import Any

import msgspec

from backlit.check.worksheets.draws import INPUTS, SMALL_TARGETS, WEIGHTS, WHOLE_INPUTS, Draw
from backlit.errors import BacklitError

Tables = dict[str, Any]
"""The tables of a network file, as TOML gives them."""

KINDS = ("convolution", "recurrent")
"""The networks of level 6."""


class Level(msgspec.Struct, frozen=True):
    """A sheet before its numbers are drawn.

    Attributes:
        title: what is on the sheet. tables: the network file, with numbers that stand for those to be drawn.
        draws: what is drawn: "X", "Y", and "weights" for all weights and biases together. steps: how many steps.
        digits: places behind the point to work with.
        zeros: whether there are zeros that no draw avoids, such as a target of 0 or an idle relu unit: a mistake need
            not show where such a zero hides it, if it shows at another number of the sheet.
    """

    title: str
    tables: Tables
    draws: dict[str, Draw]
    steps: int = 1
    digits: int = 4
    zeros: bool = False


def _file(
    title: str, inputs: Any, layers: list[Tables], X: list[Any], Y: list[Any], loss: Any = "half_squared_error",
    optimizer: Tables | None = None, epochs: int = 1,
) -> Tables:  # fmt: skip
    return {
        "title": title,
        "network": {"inputs": inputs, "loss": loss, "layers": layers},
        "data": {"inputs": X, "targets": Y},
        "training": {"optimizer": optimizer or {"op": "sgd", "rate": 0.4}, "batch_size": "full", "epochs": epochs},
    }


def _dense(inputs: int, units: int, activation: str) -> Tables:
    """Give a dense layer's table, with numbers that are drawn later."""
    weights = [[0.1 * (1 + k + units * j) for k in range(units)] for j in range(inputs)]
    return {"units": units, "activation": activation, "weights": weights, "biases": [0.2] * units}


def _levels() -> dict[str, Level]:
    sums = {"op": "half_squared_error", "reduction": "sum"}
    drawn = {"X": INPUTS, "Y": SMALL_TARGETS, "weights": WEIGHTS}
    momentum = {"op": "momentum", "rate": 0.4, "momentum": 0.9}
    picture = [[[1.0, 2.0, 3.0], [2.0, 3.0, 1.0], [3.0, 1.0, 2.0]]]
    conv = {"op": "conv2d", "filters": 1, "size": 2, "activation": "relu",
            "weights": [[[[0.5]], [[0.4]]], [[[0.3]], [[0.2]]]], "biases": [-0.1]}  # fmt: skip
    memory = {"op": "recurrent", "units": 1, "activation": "tanh", "returns": "sequence", "weights": [[0.5]],
              "recurrent_weights": [[0.1]], "biases": [0.2]}  # fmt: skip
    out = {"units": 1, "weights": [[0.8]], "biases": [0.3]}
    return {
        "1": Level("One neuron", _file("One neuron", 2, [_dense(2, 1, "sigmoid")], [[0.5, 2.0]], [[0.9]]), drawn),
        "2": Level(
            "One hidden layer",
            _file("One hidden layer", 2, [_dense(2, 2, "sigmoid"), _dense(2, 2, "sigmoid")], [[0.5, 2.0]],
                  [[0.9, 0.2]], sums), drawn, digits=5),
        "3": Level(
            "Softmax and cross-entropy",
            _file("Softmax and cross-entropy", 2, [_dense(2, 3, "softmax")], [[0.5, 2.0]], [[0.0, 1.0, 0.0]],
                  "cross_entropy"), {"X": INPUTS, "Y": Draw(one_hot=True), "weights": WEIGHTS}, zeros=True),
        "4": Level(
            "Momentum: two steps of one neuron",
            _file("Momentum: two steps of one neuron", 2, [_dense(2, 1, "tanh")], [[0.5, 2.0]], [[0.9]],
                  optimizer=momentum, epochs=2), drawn, steps=2),
        "5": Level(
            "A batch of two rows",
            _file("A batch of two rows", 2, [_dense(2, 2, "sigmoid")], [[0.5, 2.0], [1.5, 0.4]],
                  [[0.9, 0.2], [0.1, 0.8]]), drawn),
        "6 convolution": Level(
            "A small convolution",
            _file("A small convolution", [3, 3, 1], [conv, {"op": "flatten"}, _dense(4, 1, "sigmoid")], picture,
                  [[0.9]]), {"X": WHOLE_INPUTS, "Y": SMALL_TARGETS, "weights": WEIGHTS}, zeros=True),
        "6 recurrent": Level(
            "A unit with a memory, over two time steps",
            _file("A unit with a memory, over two time steps", [2, 1], [memory, out], [[0.5, 2.0]], [[0.9, 0.2]],
                  sums), drawn),
    }  # fmt: skip


def level_of(number: int, kind: str | None, seed: int) -> Level:
    """Give a level by its number, from 1 to 6; level 6 alternates by the seed where no kind is given.

    Errors: a BacklitError for another number or kind, or a kind for another level.
    """
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= 6:
        raise BacklitError(
            f"level is {number!r}; expected 1 (one neuron), 2 (one hidden layer), 3 (softmax and cross-entropy), "
            "4 (momentum), 5 (a batch of two rows) or 6 (a convolution, or two time steps)."
        )
    if kind is not None and kind not in KINDS:
        raise BacklitError(f"kind is {kind!r}; expected one of level 6: {' or '.join(KINDS)}.")
    if kind is not None and number != 6:
        raise BacklitError(f"kind is {kind!r}, which chooses the network of level 6; level is {number}: leave it out.")
    found = _levels()[f"6 {kind or KINDS[seed % 2]}" if number == 6 else str(number)]
    tables = copy.deepcopy(found.tables)
    tables["title"] = f"Level {number}: {found.title}"
    name_weights(tables)
    return msgspec.structs.replace(found, title=tables["title"], tables=tables)


LETTERS = {"weights": ("weight_labels", "w"), "recurrent_weights": ("recurrent_labels", "u"),
           "biases": ("bias_labels", "b")}  # fmt: skip
"""Keys of a layer's numbers, each with that of their names, and with which letter these begin."""


def name_weights(tables: Tables) -> None:
    """Name all weights w1, w2, ..., unit by unit, and the biases b1, b2, ..., where the file names none."""
    layers = tables["network"]["layers"]
    if any(labels in layer for layer in layers for labels, _ in LETTERS.values()):
        return
    counts = dict.fromkeys("wub", 0)
    for layer in layers:
        for key, (labels, letter) in LETTERS.items():
            if key in layer:
                layer[labels] = named(layer[key], letter, counts[letter])
                counts[letter] += len(leaves(layer[key]))


def named(numbers: Any, letter: str, before: int) -> Any:
    """Give names in the shape of nested lists of numbers, unit by unit: by the last place first."""
    places = list(_places(numbers))
    order = sorted(range(len(places)), key=lambda k: (places[k][-1], places[k][:-1]))
    names = {places[k]: f"{letter}{before + number}" for number, k in enumerate(order, 1)}
    return shaped(numbers, [names[place] for place in places])


def _places(nested: Any, at: tuple[int, ...] = ()) -> Any:
    if not isinstance(nested, list):
        yield at
        return
    for k, part in enumerate(nested):
        yield from _places(part, (*at, k))


def leaves(nested: Any) -> list[Any]:
    """Give what stands in nested lists, in order.

    >>> leaves([[1, 2], [3]])
    [1, 2, 3]
    """
    return [leaf for part in nested for leaf in leaves(part)] if isinstance(nested, list) else [nested]


def shaped(like: Any, flat: list[Any]) -> Any:
    """Give a list in the shape of nested lists.

    >>> shaped([[0, 0], [0, 0]], [1, 2, 3, 4])
    [[1, 2], [3, 4]]
    """
    waiting = iter(flat)

    def filled(part: Any) -> Any:
        return [filled(one) for one in part] if isinstance(part, list) else next(waiting)

    return filled(like)
