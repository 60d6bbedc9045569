"""Checks of a network file against the shapes of its layers: weights, labels, rows and divisors.

Each check raises a BacklitError that names the key, its value and the expected one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from backlit.data import BUNDLED
from backlit.data.messages import counted
from backlit.engine import SIGNALS, Network
from backlit.examples.file_errors import MisfitError
from backlit.examples.file_tables import DataTable, NetworkTable, PartTable, TroublePartTable, TroubleTable, ValleyTable
from backlit.examples.quantity_parsing import Names, shape_after
from backlit.examples.strict import unknown_key
from backlit.ops.base import Layer
from backlit.ops.layers.dense import Dense

PARAMETER_OF = {"weights": "W", "weight_labels": "W", "biases": "b", "bias_labels": "b"}
"""Which parameter of a dense layer the lists under these keys have an element for, each."""

INLINE = ("inputs", "targets", "validation_inputs", "validation_targets", "input_divisors", "target_divisors")
"""Keys of `[data]` for rows that stand in the file."""

PLAIN_STEPS = ("schedule", "l1", "l2", "clip_value", "clip_norm", "max_norm")
"""Settings of a training by which an update is not its rate times the slope."""


def check_values(network: NetworkTable, chain: list[Layer], names: Names) -> None:
    """Check that weights, biases and their labels, where a dense layer's table lists them, have the layer's shapes."""
    row: tuple[int, ...] = (names.input_count,)
    for number, layer in enumerate(chain, 1):
        parameters = layer.shapes(row).parameters if isinstance(layer, Dense) else {}
        for key, parameter in PARAMETER_OF.items():
            given, shape = network.layers[number - 1].get(key), parameters.get(parameter)
            if isinstance(given, list) and shape is not None and _shape(given) != shape:
                path = ("network", "layers", number - 1, key)
                noun = "name" if key.endswith("labels") else "number"
                words = f"layer {number}: {key} has {_shape_words(given, noun)}; expected {_expected(shape, noun)}."
                raise MisfitError(words, path, decimal_comma)
        row = shape_after(layer, row)


def decimal_comma(given: str) -> str:
    """Say, of a list of too many numbers as it is written, that commas may be meant for points.

    >>> decimal_comma("[[0,40], [0,45]]"), decimal_comma("[1, 2]")
    (' If 0,40 is one number, write 0.40.', '')
    """
    found = re.search(r"(?<![\w.,])[+-]?\d+,\d+(?![\w.])", given)
    return f" If {found[0]} is one number, write {found[0].replace(',', '.')}." if found else ""


def _shape(given: list[Any]) -> tuple[int, ...] | None:
    """Give the shape of nested lists; None where rows differ in length."""
    if not any(isinstance(row, list) for row in given):
        return (len(given),)
    lengths = {len(row) if isinstance(row, list) else -1 for row in given}
    return None if len(lengths) > 1 else (len(given), lengths.pop())


def _shape_words(given: list[Any], noun: str) -> str:
    shape = _shape(given)
    if shape is None:
        return f"{len(given)} rows of different lengths"
    return counted(shape[0], noun) if len(shape) == 1 else f"{counted(shape[0], 'row')} of {shape[1]}"


def _expected(shape: tuple[int, ...], noun: str) -> str:
    if len(shape) == 1:
        return f"{counted(shape[0], noun)}, one per unit" if shape[0] else "none, for the layer has no bias"
    return f"{counted(shape[0], 'row')}, one per input of the layer, of {shape[1]}, one per unit"


def check_data(table: DataTable) -> None:
    """Check that rows are given in one way: inline, or as a bundled data set."""
    inline = {key: getattr(table, key) for key in INLINE}
    given = [key for key, value in inline.items() if value is not None]
    if table.set is not None:
        if given:
            raise MisfitError(
                f"data: both set and {given[0]} are given; expected a bundled data set or rows, not both.",
                ("data", given[0]),
            )
        if table.set not in BUNDLED:
            raise MisfitError(
                f"data, set: {unknown_key(table.set, BUNDLED).replace('key', 'data set')}", ("data", "set")
            )
        if table.split is not None and not (table.split.test or table.split.validation):
            raise MisfitError(
                "data, split holds no rows out; expected such as test = 20, validation = 20, or both.",
                ("data", "split"),
            )
        return
    _check_pairs(inline, "inputs", "targets")
    if table.validation_inputs is not None or table.validation_targets is not None:
        _check_pairs(inline, "validation_inputs", "validation_targets")
    if table.split is not None:
        raise MisfitError(
            "data: split is given with rows inline; only a bundled data set is split. Rows of your own are held out as "
            "validation_inputs and validation_targets.",
            ("data", "split"),
        )
    for key in ("input_divisors", "target_divisors"):
        if 0.0 in (inline[key] or []):
            place = ("data", key, inline[key].index(0.0))
            raise MisfitError(f"data: {key} has a 0; expected numbers to divide by.", place)


def _check_pairs(inline: Mapping[str, Any], inputs: str, targets: str) -> None:
    """Check that there are rows, and as many inputs as targets."""
    for key in (inputs, targets):
        if not inline[key]:
            missing = inline[key] is None
            raise MisfitError(
                f"data: {key} is {'missing' if missing else 'empty'}; expected at least one row.",
                ("data",) if missing else ("data", key),
            )
    if len(inline[inputs]) != len(inline[targets]):
        raise MisfitError(
            f"data: {counted(len(inline[inputs]), 'row')} of {inputs} and {counted(len(inline[targets]), 'target')} "
            "are given; expected one target per row.",
            ("data", targets),
            decimal_comma if len(inline[targets]) > len(inline[inputs]) else None,
        )


def check_columns(table: DataTable, network: Network) -> None:
    """Check that every row and divisor has a number per input, or per output, of the network."""
    numbered = network.loss.class_targets and network.output_size > 1
    for what, columns in (("input", network.inputs), ("target", network.output_size)):
        widths = {columns, 1} if what == "target" and numbered else {columns}
        has = f"{counted(columns, 'input' if what == 'input' else 'output')}"
        for key in (f"{what}s", f"validation_{what}s"):
            for number, row in enumerate(getattr(table, key) or (), 1):
                width = len(row) if isinstance(row, list) else 1
                if width not in widths:
                    raise MisfitError(
                        f"data, {key}, row {number}: {counted(width, 'number')} given; the network has {has}.",
                        ("data", key, number - 1),
                        decimal_comma if width > columns else None,
                    )
        divisors = getattr(table, f"{what}_divisors")
        if divisors is not None and len(divisors) != columns:
            raise MisfitError(
                f"data, {what}_divisors: {len(divisors)} given; the network has {has}.",
                ("data", f"{what}_divisors"),
                decimal_comma if len(divisors) > columns else None,
            )


def check_valley(
    table: ValleyTable, networks: Sequence[Network], rules: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> None:
    """Check that the networks have two trained parameters, that the steps are plain, and that the parts name runs."""
    for key in ("x_range", "y_range"):
        low, high = getattr(table, key)
        if not low < high:
            raise MisfitError(
                f"valley, {key}: {low:g} to {high:g} is given; expected the lower end first.", ("valley", key)
            )
    for network, steps in zip(networks, rules, strict=True):
        trained = sum(network[name].size for name in network if name not in network.frozen)
        if trained != 2:
            raise MisfitError(
                f"valley: the network trains {counted(trained, 'number')}; expected two, such as a weight and a bias, "
                "which are the valley's axes.",
                ("valley",),
            )
        _check_plain(steps)
    _check_parts("valley", table.parts, names)


def _check_parts(table: str, parts: Sequence[PartTable | TroublePartTable], names: Sequence[str]) -> None:
    """Check that the parts of a lesson name runs of the file."""
    for k, part in enumerate(parts):
        for number, name in enumerate(part.runs):
            if name not in names:
                raise MisfitError(
                    f"{table}, parts, {part.title!r}: {_unknown_run(name, names)}", (table, "parts", k, "runs", number)
                )


def _unknown_run(name: str, names: Sequence[str]) -> str:
    return unknown_key(name, names).replace("unknown key", "unknown run")


def _check_plain(steps: Mapping[str, Any]) -> None:
    """Check that an update is the rate times the slope, which is what a valley shows."""
    optimizer = getattr(steps.get("optimizer"), "name", "adam")
    if optimizer != "sgd":
        raise MisfitError(
            f'valley: the optimizer is {optimizer}; expected {{ op = "sgd", rate = 0.1 }} or another rate: the valley '
            "shows steps of the rate times the slope.",
            ("training", "optimizer"),
        )
    for name in PLAIN_STEPS:
        if steps.get(name):
            raise MisfitError(
                f"valley: training has {name}; expected none: the valley shows steps of the rate times the slope.",
                ("training", name),
            )


def check_trouble(table: TroubleTable, networks: Sequence[Network], names: Sequence[str]) -> None:
    """Check that findings and parts name runs of the file, that the signal is one, and that answers can be drawn."""
    for name, code in table.findings.items():
        if name not in names:
            raise MisfitError(f"trouble, findings: {_unknown_run(name, names)}", ("trouble", "findings"))
        if not re.fullmatch(r"BL[1-5]\d\d", code):
            raise MisfitError(
                f'trouble, findings: {name} is {code!r}; expected the code of a finding, such as "BL303".',
                ("trouble", "findings"),
            )
    if table.signal and table.signal not in SIGNALS:
        said = unknown_key(table.signal, SIGNALS).replace("unknown key", "unknown signal")
        raise MisfitError(f"trouble, signal: {said}", ("trouble", "signal"))
    _check_parts("trouble", table.parts, names)
    for k, part in enumerate(table.parts):
        if "finding" in part.shows and part.runs and not any(name in table.findings for name in part.runs):
            raise MisfitError(
                f"trouble, parts, {part.title!r}: a finding is shown of {', '.join(part.runs)}, and findings has no "
                "code of such a run; expected runs that it names, or none, which takes all.",
                ("trouble", "parts", k, "shows"),
            )
        if "signals" in part.shows and not table.signal:
            raise MisfitError(
                f"trouble, parts, {part.title!r}: signals are shown and trouble has no signal; expected such as "
                'signal = "gradient_norm".',
                ("trouble", "parts", k, "shows"),
            )
        if "answers" in part.shows and any((net.inputs, net.output_size) != (1, 1) for net in networks):
            raise MisfitError(
                f"trouble, parts, {part.title!r}: answers are drawn of networks of one input and one output only.",
                ("trouble", "parts", k, "shows"),
            )
