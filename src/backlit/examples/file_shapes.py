"""What a network file says of the shape of a row: a number, names, a shape, several inputs; and nested rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from backlit.data.messages import counted
from backlit.errors import BacklitError
from backlit.examples.file_errors import MisfitError
from backlit.examples.file_slips import KINDS
from backlit.examples.file_tables import DataTable, NetworkTable
from backlit.ops.base import Shape
from backlit.ops.registry import layers
from backlit.ops.value_checks import unquoted

SEQUENCES = {"conv1d", "bidirectional"}
"""Layers that read sequences, beside those that have the setting `returns`."""


def network_inputs(given: Any) -> Any:
    """Give the inputs as `Network` takes them: a number of columns, the shape of a row, or shapes by name.

    Errors: a MisfitError for a list of names and numbers, or an empty one.

    >>> network_inputs(("x1", "x2")), network_inputs((28, 28, 1)), network_inputs({"image": (8, 8, 1), "table": 4})
    (2, (28, 28, 1), {'image': (8, 8, 1), 'table': 4})
    """
    if isinstance(given, Mapping):
        return {name: tuple(shape) if isinstance(shape, (tuple, list)) else shape for name, shape in given.items()}
    if isinstance(given, (tuple, list)):
        kinds = {type(item) for item in given}
        if len(kinds) != 1:
            says = "is empty" if not given else "has names and numbers"
            raise MisfitError(
                f"network, inputs: the list {says}; expected names of the columns, or the shape of a row, such as "
                "[28, 28, 1].",
                ("network", "inputs"),
            )
        return len(given) if kinds == {str} else tuple(given)
    return given


def own_names(given: Any) -> tuple[str, ...] | None:
    """Give the file's names of the inputs, if it has any."""
    named = isinstance(given, (tuple, list)) and bool(given) and isinstance(given[0], str)
    return tuple(given) if named else None


# ----------------------------------------------------------------------------------------------- sequences and pictures


def as_sequences(network: NetworkTable, data: DataTable | None) -> tuple[NetworkTable, DataTable | None]:
    """Take the length of sequences from the rows, where the file gives the numbers of a moment alone.

    `inputs = 1` before a recurrent layer is one number at each moment. Then rows one level deep are the moments of one
    sequence, rows two levels deep are sequences. With a target for each moment, recurrent layers that do not say what
    they return give the whole sequence.
    """
    columns = network_inputs(network.inputs)
    if not isinstance(columns, int) or data is None or not data.inputs or not _reads_sequences(network.layers):
        return network, data
    features, rows = columns, data.inputs
    one = all(isinstance(row, list) and not any(isinstance(item, list) for item in row) for row in rows)
    if one:
        flat = all(len(row) == features for row in rows)
        if not flat:
            return network, data
        targets = data.targets
        if targets is not None and len(targets) == len(rows) > 1:
            network = msgspec.structs.replace(network, layers=[_returning(layer) for layer in network.layers])
            targets = [targets]
        data = msgspec.structs.replace(data, inputs=[rows], targets=targets)
        steps = len(rows)
    else:
        steps = len(rows[0]) if isinstance(rows[0], list) else 0
        if not steps:
            return network, data
    return msgspec.structs.replace(network, inputs=(steps, features)), data


def _reads_sequences(tables: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether the first layer reads sequences."""
    name = tables[0].get("op", "dense") if tables else "dense"
    cls = layers.get(name) if isinstance(name, str) else None
    return name in SEQUENCES or (cls is not None and "returns" in cls.__struct_fields__)


def _returning(layer: Any) -> Any:
    """Let a recurrent layer that does not say what it returns give the whole sequence."""
    if not isinstance(layer, Mapping):
        return layer
    if layer.get("op") == "bidirectional":
        return {**layer, "layer": _returning(layer.get("layer"))}
    cls = layers.get(layer.get("op", "dense"))
    return layer if cls is None or "returns" not in cls.__struct_fields__ else {"returns": "sequence", **layer}


def picture_advice(network: NetworkTable, error: BacklitError) -> str:
    """Say which shape a number of inputs may be meant for, where a layer of pictures is given one long row.

    >>> picture_advice(NetworkTable(inputs=16, layers=[{"op": "conv2d"}]), BacklitError("rows of shape (16,)"))
    ' 16 inputs may be a picture of 4 × 4: write inputs = [4, 4, 1].'
    """
    columns = network_inputs(network.inputs)
    first = network.layers[0].get("op", "") if network.layers else ""
    if not isinstance(columns, int) or not str(first).endswith(("conv2d", "pool")):
        return ""
    side = math.isqrt(columns)
    if side * side != columns or side < 2:
        return ""
    return f" {columns} inputs may be a picture of {side} × {side}: write inputs = [{side}, {side}, 1]."


# ----------------------------------------------------------------------------------------------------------------- rows


def flat_row(row: Any, shapes: Mapping[str, Shape]) -> list[float]:
    """Give the numbers of a row, nested in any way, in order; of several inputs, those of each by its name.

    >>> flat_row([[0, 1], [1, 0]], {"X": (2, 2, 1)}), flat_row({"b": 3, "a": [1, 2]}, {"a": (2,), "b": (1,)})
    ([0, 1, 1, 0], [1, 2, 3])
    """
    if isinstance(row, Mapping):
        return [number for name in shapes for number in _numbers(row[name])]
    return list(_numbers(row))


def _numbers(given: Any) -> Iterator[float]:
    if isinstance(given, (list, tuple)):
        for item in given:
            yield from _numbers(item)
    else:
        yield given


def nested_shape(given: Any) -> tuple[int, ...] | None:
    """Give the shape of nested lists; None where those of one level differ.

    >>> nested_shape([[1, 2], [3, 4]]), nested_shape(3), nested_shape([[1], [2, 3]])
    ((2, 2), (), None)
    """
    if not isinstance(given, (list, tuple)):
        return ()
    inner = {nested_shape(item) for item in given}
    if len(inner) != 1 or None in inner:
        return None if inner else (0,)
    return (len(given), *inner.pop())  # type: ignore[misc]  # None is none of them


def check_numbers(given: Any, says: str, path: tuple[str | int, ...]) -> None:
    """Refuse what is no number among nested rows."""
    if isinstance(given, list):
        for k, item in enumerate(given):
            check_numbers(item, says, (*path, k))
    elif isinstance(given, Mapping):
        for name, item in given.items():
            check_numbers(item, says, (*path, name))
    elif isinstance(given, (bool, str)) or not isinstance(given, (int, float)):
        kind = KINDS.get(type(given), "a date or a time")
        raise MisfitError(f"{says_at(says, path)}: {kind} was given; expected a number{unquoted(given)}.", path)


def says_at(says: str, path: Sequence[str | int]) -> str:
    """Say which row and column a path leads to, behind the key."""
    numbers = [step for step in path[2:] if isinstance(step, int)]
    if not numbers:
        return says
    row, *inner = numbers
    places = "".join(f", column {k + 1}" if len(inner) == 1 else f", item {k + 1}" for k in inner)
    return f"{says}, row {row + 1}{places}"


def misfit_of_row(row: Any, shapes: Mapping[str, Shape]) -> str:
    """Say how a row does not fit the inputs; an empty text where it does.

    A row of a shape may be given nested as the shape says, without a last axis of one number, or as one long list.
    """
    if len(shapes) > 1:
        if not isinstance(row, Mapping):
            count = sum(1 for _ in _numbers(row))
            wanted = sum(map(math.prod, shapes.values()))
            return "" if nested_shape(row) == (wanted,) else (
                f"{counted(count, 'number')} given; the network has the inputs {', '.join(shapes)}: write a table for "
                f"each row, such as {{ {', '.join(f'{name} = [...]' for name in shapes)} }}"
            )  # fmt: skip
        if set(row) != set(shapes):
            return f"values of {', '.join(map(str, row))} are given; the network has the inputs {', '.join(shapes)}"
        told = [(name, _misfit(row[name], shape)) for name, shape in shapes.items()]
        return next((f"{name}: {what}" for name, what in told if what), "")
    ((_, shape),) = shapes.items()
    return _misfit(row, shape)


def _misfit(row: Any, shape: Shape) -> str:
    given = nested_shape(row)
    count = math.prod(shape)
    allowed = {(count,), tuple(shape), (*shape[:-1],) if len(shape) > 1 and shape[-1] == 1 else tuple(shape)}
    if given in allowed or (given == () and count == 1):
        return ""
    if isinstance(row, Mapping):
        return "a table was given; expected a list of numbers"
    if len(shape) == 1:
        return f"{counted(sum(1 for _ in _numbers(row)), 'number')} given; the network has {counted(count, 'input')}"
    found = "lists of different lengths" if given is None else " × ".join(map(str, given)) + " numbers"
    if given is not None and not given:
        found = "one number"
    return (
        f"{found} given; the network reads rows of {' × '.join(map(str, shape))}, as nested lists or {count:,} numbers "
        "in one list"
    )
