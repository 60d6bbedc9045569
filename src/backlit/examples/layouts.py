"""Weights as books write them: a row for each input of the layer, as here, or a row for each of its units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from backlit.examples.file_tables import NetworkTable

LAYOUTS = ("inputs", "units")
"""What a row of a matrix of weights is of: an input of the layer, the usual one, or a unit."""

MATRICES = ("weights", "recurrent_weights", "weight_labels", "recurrent_labels")
"""Keys of a layer's table whose lists are laid out in one of these ways."""

HOLDING = ("layers", "shortcut", "branches", "layer")
"""Keys of a block that hold layers."""


def settled(network: NetworkTable) -> NetworkTable:
    """Give the network with the file's layout at each layer that has matrices, and no layout of its own.

    >>> settled(NetworkTable(inputs=1, layout="units", layers=[{"units": 2, "weights": [[1], [2]]}])).layers
    [{'units': 2, 'weights': [[1], [2]], 'layout': 'units'}]
    """
    if network.layout == "inputs":
        return network
    return msgspec.structs.replace(network, layout="inputs", layers=[_told(table) for table in network.layers])


def _told(table: Any) -> Any:
    if isinstance(table, list):
        return [_told(item) for item in table]
    if not isinstance(table, Mapping):
        return table
    inner = {key: _told(table[key]) for key in HOLDING if key in table}
    own = {"layout": "units"} if any(is_matrix(table.get(key)) for key in MATRICES) else {}
    return {**table, **inner, **({} if "layout" in table else own)}


def is_matrix(given: Any) -> bool:
    """Tell whether something is a list of lists of numbers or names, all of one length.

    >>> is_matrix([[1, 2], [3, 4]]), is_matrix([[1, 2], [3]]), is_matrix([[[1]], [[2]]]), is_matrix("zeros")
    (True, False, False, False)
    """
    rows = given if isinstance(given, list) else []
    return bool(rows) and all(isinstance(row, list) and len(row) == len(rows[0]) for row in rows) and not any(
        isinstance(item, (list, Mapping)) for row in rows for item in row
    )  # fmt: skip


def turned(given: Any) -> Any:
    """Give a matrix with its rows as columns; anything else as it is.

    >>> turned([[1, 2, 3], [4, 5, 6]])
    [[1, 4], [2, 5], [3, 6]]
    """
    return [list(column) for column in zip(*given, strict=True)] if is_matrix(given) else given


def by_inputs(table: Mapping[str, Any]) -> dict[str, Any]:
    """Give a layer's table with a row for each input, whatever layout the file has, and without that key.

    >>> by_inputs({"units": 2, "weights": [[1, 2, 3], [4, 5, 6]], "layout": "units"})
    {'units': 2, 'weights': [[1, 4], [2, 5], [3, 6]]}
    """
    units = table.get("layout") == "units"
    return {
        key: turned(value) if units and key in MATRICES else value for key, value in table.items() if key != "layout"
    }
