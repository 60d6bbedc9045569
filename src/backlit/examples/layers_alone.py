"""The layers of a network file alone, for rows from elsewhere: a table, pictures, sequences."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from backlit.errors import BacklitError
from backlit.examples.file_errors import MisfitError, misfit
from backlit.examples.file_layers import chain_of, op_of, with_ops
from backlit.examples.file_shapes import network_inputs
from backlit.examples.file_tables import FileTable, NetworkAlone
from backlit.examples.file_text import not_too_deep, parsed, text_of
from backlit.examples.layouts import by_inputs, settled
from backlit.examples.strict import decode, refuse_not_finite
from backlit.ops.registry import losses


class FileLayers(msgspec.Struct, frozen=True):
    """The layers of a network file alone, for rows from elsewhere.

    `layers` are plain data, with the numbers of their parameters where the file gives them. `inputs` is the shape of a
    row, None where the file leaves it out; `loss` that of the file, None where it has none. `given` are the keys of
    `[network]`, and `training` those of `[training]`, as they are written, but with a row of weights for each input.
    """

    layers: tuple[dict[str, Any], ...]
    inputs: tuple[int, ...] | None
    loss: dict[str, Any] | None
    given: dict[str, Any] = {}
    training: dict[str, Any] = {}


def read_layers(path: str | Path) -> FileLayers:
    """Read the layers of a network file, whose rows and steps do not count.

    Errors: a BacklitError as `read_network_file`, and where the file has several runs, several inputs, or a recipe of
    initial weights.
    """
    return parse_layers(text_of(Path(path)), str(path))


def parse_layers(text: str, name: str) -> FileLayers:
    """Read the layers of a network file's text, as `read_layers`; `name` begins the messages of errors."""
    with not_too_deep(name):
        raw = parsed(text, name)
        try:
            refuse_not_finite(raw)
            return _layers_alone(raw)
        except BacklitError as error:
            raise misfit(name, text, raw, error) from None


def _layers_alone(raw: dict[str, Any]) -> FileLayers:
    file = decode(raw, FileTable)
    own = next((k for k, run in enumerate(file.runs) if run.network), None)
    if own is not None:
        raise MisfitError(
            f"the file has {len(file.runs)} runs, and the run {file.runs[own].name!r} a network of its own; expected "
            "one network for the table: write the one that you want in [network], and leave the runs out.",
            ("runs", own, "network"),
        )
    if not file.network:
        raise BacklitError("[network] is missing; expected [[network.layers]], a table for each hidden layer.")
    network = settled(decode({"network": file.network}, NetworkAlone).network)
    if not network.layers:
        raise MisfitError(
            "network.layers is empty; expected at least one [[network.layers]] table.", ("network", "layers")
        )
    if network.initial is not None:
        raise MisfitError(
            "network.initial repeats a known draw of first weights; on a table the seed of the training draws them: "
            "leave it out.",
            ("network", "initial"),
        )
    given = network_inputs(network.inputs)
    tables = [{"op": "dense", **with_ops(table)} for table in network.layers]
    if isinstance(given, dict):
        tables, given = _by_columns(tables, given), None
    chain_of(network)
    loss = None
    if "loss" in file.network:
        loss = op_of(losses, network.loss, "loss", "network", "loss").to_dict()
    inputs = given if given is None or isinstance(given, tuple) else (given,)
    written = {key: value for key, value in file.network.items() if key != "layout"}
    written["layers"] = [by_inputs(table) for table in network.layers]
    return FileLayers(tuple(tables), inputs, loss, written, file.training)


def _by_columns(tables: list[dict[str, Any]], inputs: Mapping[str, int | tuple[int, ...]]) -> list[dict[str, Any]]:
    """Give layers that read several inputs as layers that read columns of a table by these names.

    A `select` names a column as it does an input; layers that begin without one read the first input.
    """
    for name, shape in inputs.items():
        if not isinstance(shape, int) and len(shape) > 1:
            raise MisfitError(
                f"network, inputs: {name!r} has the shape {list(shape)} beside others; on a table each of several "
                "inputs is a column by that name. Such a network is trained in Python: bl.Training(network, {...}, Y).",
                ("network", "inputs", name),
            )
    return _begun(tables, list(inputs))


def _begun(chain: list[dict[str, Any]], inputs: list[str]) -> list[dict[str, Any]]:
    """Give a chain of layers that begins by selecting, in all its branches: the first input where nothing is said."""
    first: dict[str, Any] = dict(chain[0]) if chain else {}
    if first.get("op") == "select":
        if isinstance(name := first.get("what"), str) and name not in inputs:
            raise MisfitError(
                f"a layer selects {name!r}, which is none of the file's inputs: {', '.join(inputs)}.",
                ("network", "inputs"),
            )
        return chain
    if "branches" in first:
        first["branches"] = [_begun(branch, inputs) for branch in first["branches"]]
    elif "layers" in first:
        first |= {key: _begun(first.get(key) or [], inputs) for key in ("layers", "shortcut")}
    else:
        return [{"op": "select", "what": inputs[0]}, *chain]
    return [first, *chain[1:]]
