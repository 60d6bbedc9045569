"""Rows of several axes, and of several inputs, as matrices that the engine works on; and what is wrong with them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from backlit.engine.program.graph import Graph
from backlit.errors import BacklitError, counted
from backlit.kernels.types import Array
from backlit.ops.base import Shape
from backlit.ops.layers.select import Select


def as_matrix(X: Any, inputs: Mapping[str, Shape], size: int, numbers: Any) -> Array:
    """Give rows as a matrix (n, size): the inputs side by side, each row's numbers one after another.

    X has a row (its shape) for each input: (n, numbers), (n, *shape), and (n, 28, 28) where a row is (28, 28, 1). With
    several inputs it is {name: rows}, or the matrix. `numbers(name, given)` makes an array of what is given.
    """
    if not isinstance(X, np.ndarray) and isinstance(X, Mapping):  # the second question takes longer than the first
        return _side_by_side(X, inputs, numbers)
    if len(inputs) > 1 and isinstance(X, (list, tuple)) and any(getattr(part, "ndim", 1) > 1 for part in X):
        raise BacklitError(
            f"X is a list of {len(X)} arrays; the network has several inputs, which are given by their names: "
            f"{{{', '.join(f'{name!r}: ...' for name in inputs)}}}."
        )
    array: Array = numbers("X", X)
    if array.ndim == 2 and array.shape[1] == size:
        return array
    ((name, row), *others) = inputs.items()
    if others or len(row) == 1:
        single = " A single row is given as [row]." if array.shape == (size,) else ""
        named = f" Or give them as {{{', '.join(f'{one!r}: ...' for one in inputs)}}}." if others else ""
        raise BacklitError(
            f"X has shape {array.shape}; the network expects rows of {counted(size, 'input')}: (n, {size})."
            f"{single}{named}"
        )
    return _rows(name, array, row)


def _side_by_side(X: Mapping[str, Any], inputs: Mapping[str, Shape], numbers: Any) -> Array:
    if set(X) != set(inputs):
        raise BacklitError(f"X has the inputs {_listed(X)}; the network expects {_listed(inputs)}.")
    parts = [_rows(name, numbers(name, X[name]), row) for name, row in inputs.items()]
    for name, part in zip(inputs, parts, strict=True):
        if len(part) != len(parts[0]):
            raise BacklitError(
                f"the input {name!r} has {counted(len(part), 'row')}, {next(iter(inputs))!r} has {len(parts[0])}; "
                "expected as many of each input."
            )
    return np.concatenate(parts, axis=1)


def _rows(name: str, array: Array, row: Shape) -> Array:
    """Give one input's rows as a matrix."""
    fitting = shapes_that_fit(row)
    if array.shape[1:] not in fitting or not array.ndim:
        told = " or ".join(str(("n", *shape)).replace("'n'", "n") for shape in fitting)
        raise BacklitError(
            f"{name} has shape {array.shape}; the network expects rows of shape {row}: {told}."
            f"{_way_out(name, array.shape, row, fitting)}"
        )
    return array.reshape(len(array), math.prod(row))


def _way_out(name: str, given: Shape, row: Shape, fitting: Sequence[Shape]) -> str:
    """Say what to do about rows in another order, a single row, or a sequence of another length."""
    if given in fitting:
        return f" A single row is given as {name}[None]."
    if len(row) == 3 and given[1:] == (row[2], row[0], row[1]):
        return f" The channels come last: {name}.transpose(0, 2, 3, 1)."
    if len(row) == 2 and given[1:] == row[::-1]:
        return f" The steps come first, then the numbers of a step: {name}.transpose(0, 2, 1)."
    if len(row) == 2 and len(given) == 3 and given[2] == row[1]:
        return (
            f" All sequences have {counted(row[0], 'step')} here: pad shorter ones with zeros at the end, and say how "
            "long each is by lengths= of the recurrent layers."
        )
    return ""


def shapes_that_fit(row: Shape) -> list[Shape]:
    """Give the shapes in which rows may come: their own, without a last axis of 1, and as one row of numbers.

    >>> shapes_that_fit((28, 28, 1))
    [(28, 28, 1), (28, 28), (784,)]
    """
    return [*dict.fromkeys([row, *([row[:-1]] if row[-1] == 1 else []), (math.prod(row),)])]


def one_row_of(shape: Shape) -> str:
    """Say how outputs with several positions become one row of numbers; nothing where they are that already.

    >>> one_row_of((6, 6, 3))
    ' For one answer per row, put Flatten() or GlobalAveragePool() before the last Dense.'
    >>> one_row_of((3,))
    ''
    """
    if len(shape) == 1:
        return ""
    last = ", or let the last recurrent layer return its last step, returns='last'" if len(shape) == 2 else ""
    return f" For one answer per row, put Flatten() or GlobalAveragePool() before the last Dense{last}."


def _listed(names: Sequence[str] | Mapping[str, Any]) -> str:
    return ", ".join(map(repr, names)) or "none"


def place_in_row(graph: Graph, row: int, column: int) -> str:
    """Name a number of X by its input and its place there: X[3, 17], or image[3, 0, 2, 0] of rows with several axes."""
    for name, (first, count) in graph.columns.items():
        if first <= column < first + count:
            index = np.unravel_index(column - first, graph.inputs[name])
            return f"{name}[{', '.join(map(str, (row, *map(int, index))))}]"
    return f"X[{row}, {column}]"


class WholeNumbers(NamedTuple):
    """Columns of X that a layer takes for whole numbers from `low` to `high`."""

    columns: Array
    low: int
    high: int
    layer: str


def whole_numbers_of(graph: Graph) -> list[WholeNumbers]:
    """Give which columns of X must hold whole numbers, such as those of categories.

    Errors: a BacklitError where a layer would take them from another layer's outputs.
    """
    places = {name: np.arange(first, first + count).reshape(graph.inputs[name])
              for name, (first, count) in graph.columns.items()}  # fmt: skip
    found = []
    for node in graph.nodes:
        wanted = node.op.whole_numbers(*(graph.rows[name] for name in node.reads))
        for array, (low, high) in wanted.items():
            buffer = node.reads[node.op.reads.index(array)]
            if buffer not in places:
                raise BacklitError(
                    f"layer {node.label} ({node.op.summary()}) takes whole numbers from {low} to {high}; it reads "
                    f"what layer {buffer.rpartition('.')[0]} writes. Let it read an input of the network, or "
                    "columns of one: [Select([0]), ...]."
                )
            found.append(WholeNumbers(places[buffer].reshape(-1), low, high, f"{node.label} ({node.op.summary()})"))
        if isinstance(node.op, Select) and node.reads[0] in places:
            places[node.writes] = places[node.reads[0]][..., list(node.op.what)]
    return found


def check_whole_numbers(graph: Graph, rules: Sequence[WholeNumbers], X: Array) -> None:
    """Refuse numbers that a layer does not take, such as a category that there is not."""
    for columns, low, high, layer in rules:
        part = X[:, columns]
        fits = (part >= low) & (part <= high) & (part == np.floor(part))
        if not fits.all():
            row, k = np.argwhere(~fits)[0].tolist()
            place, given = place_in_row(graph, row, int(columns[k])), float(part[row, k])
            fraction = math.isfinite(given) and given != math.floor(given)
            scaled = " They are category numbers or lengths, not to be scaled." if fraction else ""
            raise BacklitError(
                f"{place} is {given:.10g}; layer {layer} takes whole numbers from {low} to {high} there.{scaled}"
            )
