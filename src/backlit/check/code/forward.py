"""A learner's forward pass beside the engine's, layer by layer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from backlit.check.code.calling import Call
from backlit.check.code.comparison import Check, Rows
from backlit.check.code.naming import Search
from backlit.check.code.planted import layer_keys
from backlit.check.code.records import CheckedLayer, FoundMistake
from backlit.check.code.returned import as_array
from backlit.engine import buffer_units
from backlit.errors import BacklitError
from backlit.kernels.types import Array

OUT, NET = "out", "net"
NAMED = re.compile(r"(?P<kind>[A-Za-z]+)_?(?P<number>\d+)")
KINDS = {"z": NET, "net": NET, "a": OUT, "h": OUT, "out": OUT, "o": OUT}

Layers = list[tuple[str, str, Array]]
"""What the learner gave: a layer's label, "net" or "out", the numbers (n, units)."""


def checked_forward(
    my_forward: Callable[..., Any], check: Check, rows: Rows
) -> tuple[tuple[CheckedLayer, ...], list[FoundMistake]]:
    """Compare what each layer gives, from the first layer on, and name the mistake.

    Errors: a BacklitError where the function raises, or gives something else.
    """
    if not callable(my_forward):
        raise BacklitError(f"my_forward is {my_forward!r}; expected a function that gives the outputs.")
    call = Call(my_forward, "my_forward", check.network, layout=check.layout, convert=check.convert)
    found = _compared(call, check, rows)
    places, _ = check.few(rows)
    if all(layer.passed for layer, _, _ in found) or places is None:
        return tuple(layer for layer, _, _ in found), []
    some = rows.some(places)
    here = found if len(some.X) == len(rows.X) else _compared(call, check, some)
    names = {id(layer): f"layer {layer.layer} {layer.what}" for layer, _, _ in here}
    mine = {names[id(layer)]: array for layer, array, _ in here if array is not None}
    right = {names[id(layer)]: array for layer, _, array in here}
    graph = check.graph(some)
    mistakes, together = Search(graph, layer_keys(graph), mine, right, check.scale_for(here[0][2])).found()
    return tuple(layer for layer, _, _ in found), [] if together else mistakes


def _compared(call: Call, check: Check, rows: Rows) -> list[tuple[CheckedLayer, Array | None, Array]]:
    """Give the layers in order, each with the learner's numbers, if they have the right shape, and the right ones."""
    given = call(rows.X)
    labels = list(dict.fromkeys(check.exact.labels))
    layers = _layers(given, labels)
    if not layers:
        raise BacklitError(
            f"my_forward gave a {type(given).__name__}; expected the outputs (n, outputs), a list of what each of the "
            f"{len(labels)} layers gives, or a dictionary such as {{'Z1': ..., 'A1': ...}}."
        )
    order = {label: place for place, label in enumerate(labels)}
    layers.sort(key=lambda one: (order[one[0]], one[1] == OUT))
    units = buffer_units(check.exact.graph)
    named = {node.label: node for node in check.exact.graph.nodes}
    return [
        _checked(label, what, array, check, rows, units[named[label].writes].names) for label, what, array in layers
    ]


def _layers(given: Any, labels: list[str]) -> Layers:
    """Give what was given by layers; nothing where that cannot be told."""
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], (Mapping, list, tuple)):
        inside = _layers(given[1], labels)
        return inside or _layers(given[0], labels)
    if isinstance(given, Mapping):
        found: Layers = []
        for name, value in given.items():
            match, array = NAMED.fullmatch(str(name)), as_array(value)
            kind = KINDS.get(match["kind"].lower()) if match else None
            if array is not None and match and kind and match["number"] in labels:
                found.append((match["number"], kind, array))
        return found
    array = as_array(given)
    if isinstance(given, (list, tuple)) and (array is None or any(hasattr(part, "shape") for part in given)):
        arrays = [as_array(part) for part in given]
        whole = [one for one in arrays if one is not None]
        if len(whole) != len(arrays):
            return []
        if len(arrays) == 2 * len(labels):
            return [
                (label, what, whole[2 * k + j]) for k, label in enumerate(labels) for j, what in enumerate((NET, OUT))
            ]
        if len(arrays) == len(labels) + 1:  # the inputs stand before the first layer
            whole = whole[1:]
        return (
            [(label, OUT, one) for label, one in zip(labels, whole, strict=True)] if len(whole) == len(labels) else []
        )
    return [] if array is None else [(labels[-1], OUT, array)]


def _checked(
    label: str, what: str, given: Array, check: Check, rows: Rows, units: tuple[str, ...]
) -> tuple[CheckedLayer, Array | None, Array]:
    right = check.exact.outputs(rows.X, label, activated=what == OUT, compiled=False)
    right = right.reshape(len(right), -1)
    mine = given.astype(np.float64)
    mine = mine.T if check.layout == "columns" and mine.ndim == 2 else mine
    if mine.size == right.size and (mine.ndim != 2 or mine.shape[0] == right.shape[0]):
        mine = mine.reshape(right.shape)
    if mine.shape != right.shape:
        remark = f"has shape {given.shape}, expected {right.shape}"
        return CheckedLayer(label, what, False, np.inf, remark=remark), None, right
    scale = check.scale_for(given)
    gaps = np.abs(mine - right)
    gaps = np.where(np.isfinite(gaps), gaps, np.inf)
    row, unit = np.unravel_index(int(gaps.argmax()), gaps.shape)
    difference = float(gaps.max()) / scale.of(right, right)
    layer = CheckedLayer(
        label, what, difference <= scale.tolerance, difference, int(row) + 1, units[unit], float(mine[row, unit]),
        float(right[row, unit]),
    )  # fmt: skip
    return layer, mine, right
