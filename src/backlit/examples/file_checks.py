"""Checks of a network file against the shapes of its layers: weights, labels, rows and divisors.

Each check raises a BacklitError that names the key, its value and the expected one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from backlit.data import BUNDLED
from backlit.data.messages import counted
from backlit.engine import SIGNALS, Network, branch_labels
from backlit.examples.file_errors import MisfitError
from backlit.examples.file_layers import LABELLED, VALUES
from backlit.examples.file_shapes import check_numbers, misfit_of_row, nested_shape
from backlit.examples.file_tables import (
    ComparisonTable,
    DataTable,
    NetworkTable,
    PartTable,
    TroublePartTable,
    ValleyTable,
)
from backlit.examples.layouts import MATRICES
from backlit.examples.strict import unknown_key

INLINE = ("inputs", "targets", "validation_inputs", "validation_targets", "input_divisors", "target_divisors")
"""Keys of `[data]` for rows that stand in the file."""

PLAIN_STEPS = ("schedule", "l1", "l2", "clip_value", "clip_norm", "max_norm")
"""Settings of a training by which an update is not its rate times the slope."""


def check_values(network: NetworkTable, graph: Any) -> None:
    """Check that the lists of numbers and of names of a layer's parameters have the parameters' shapes."""
    for label, table, path in tables_of(network.layers, "", ("network", "layers")):
        parameters: dict[str, Any] = {}
        for node, shapes in zip(graph.nodes, graph.shapes, strict=True):
            parameters |= shapes.parameters if node.label == label else {}
        for key, parameter in (VALUES | LABELLED).items():
            given, shape = table.get(key), parameters.get(parameter)
            if isinstance(given, list) and shape is not None:
                _check_shape(table, label, key, shape, path)


def _check_shape(
    table: Mapping[str, Any], label: str, key: str, shape: tuple[int, ...], path: tuple[str | int, ...]
) -> None:
    """Check that a layer's list of numbers or names has the shape of its parameter, in the layout of the file."""
    units = table.get("layout") == "units" and key in MATRICES
    wanted, given = shape[::-1] if units else shape, nested_shape(table[key])
    if given == wanted:
        return
    noun = "name" if key.endswith("labels") else "number"
    words = f"layer {label}: {key} has {_shape_words(table[key], noun)}; expected "
    if len(shape) == 2 and (units or table.get("op", "dense") == "dense"):
        first, second = ("unit", "input of the layer") if units else ("input of the layer", "unit")
        words += f"{counted(wanted[0], 'row')}, one per {first}, of {wanted[1]}, one per {second}."
        if given == wanted[::-1]:
            other = "inputs" if units else "units"
            words += f' If its rows are of the {other}, write layout = "{other}".'
    else:
        words += f"{_expected(shape, noun)}."
    raise MisfitError(words, (*path, key), decimal_comma)


def tables_of(
    tables: Sequence[Any], within: str, path: tuple[str | int, ...]
) -> Iterator[tuple[str, Mapping[str, Any], tuple[str | int, ...]]]:
    """Give every layer's table with its label and its path, those in blocks too."""
    for number, table in enumerate(tables, 1):
        if not isinstance(table, Mapping):
            continue
        label, here = f"{within}{number}", (*path, number - 1)
        yield label, table, here
        chains = [(key, table[key]) for key in ("layers", "shortcut") if table.get(key)]
        for (key, chain), inside in zip(chains, branch_labels(label, [chain for _, chain in chains]), strict=True):
            yield from tables_of(chain, inside, (*here, key))
        branches = table.get("branches") or []
        for k, inside in enumerate(branch_labels(label, branches)):
            yield from tables_of(branches[k], inside, (*here, "branches", k))


def check_shared(network: NetworkTable, training: Mapping[str, Any]) -> None:
    """Refuse one name of several trained biases: they would be trained apart from each other."""
    for label, table, path in tables_of(network.layers, "", ("network", "layers")):
        names = table.get("bias_labels")
        if not isinstance(names, list) or "b" in (table.get("freeze") or ()) or table.get("bias", True) is not True:
            continue
        if len(names) > 1 and len(set(map(str, names))) == 1 and training:
            values = table.get("biases")
            first = values[0] if isinstance(values, list) and values else 0.0
            raise MisfitError(
                f"layer {label}: bias_labels names {len(names)} biases {names[0]!r}, and each is trained by itself; "
                f'for one bias of all units write bias = "shared", biases = [{first}], bias_labels = ["{names[0]}"]. '
                'Biases that are not trained may share a name: freeze = ["b"].',
                (*path, "bias_labels"),
            )


def decimal_comma(given: str) -> str:
    """Say, of a list of too many numbers as it is written, that commas may be meant for points.

    >>> decimal_comma("[[0,40], [0,45]]"), decimal_comma("[1, 2]")
    (' If 0,40 is one number, write 0.40.', '')
    """
    found = re.search(r"(?<![\w.,])[+-]?\d+,\d+(?![\w.])", given)
    return f" If {found[0]} is one number, write {found[0].replace(',', '.')}." if found else ""


def _shape_words(given: list[Any], noun: str) -> str:
    shape = nested_shape(given)
    if shape is None:
        return f"{len(given)} rows of different lengths"
    if len(shape) > 2:
        return f"{' × '.join(map(str, shape))} {noun}s"
    return counted(shape[0], noun) if len(shape) == 1 else f"{counted(shape[0], 'row')} of {shape[1]}"


def _expected(shape: tuple[int, ...], noun: str) -> str:
    if len(shape) == 1:
        return f"{counted(shape[0], noun)}, one per unit" if shape[0] else "none, for the layer has no bias"
    inner = ", of each a list" * (len(shape) - 2)
    return f"{' × '.join(map(str, shape))} {noun}s: a list of {shape[0]} lists{inner}"


def check_data(table: DataTable) -> None:
    """Check that rows are given in one way: inline, or as a bundled data set."""
    inline = {key: getattr(table, key) for key in INLINE}
    given = [key for key, value in inline.items() if value is not None]
    if table.drawn is not None:
        others = [key for key in ("set", "split") if getattr(table, key) is not None] + given
        if others:
            raise MisfitError(
                f"data: both drawn and {others[0]} are given; expected rows that are drawn, or others, not both.",
                ("data", others[0]),
            )
        return
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
    outputs = network.graph.rows[network.graph.nodes[-1].writes]
    for what, columns in (("input", network.inputs), ("target", network.output_size)):
        has = f"{counted(columns, 'input' if what == 'input' else 'output')}"
        for key in (f"{what}s", f"validation_{what}s"):
            for number, row in enumerate(getattr(table, key) or (), 1):
                check_numbers(row, f"data, {key}", ("data", key, number - 1))
                if what == "input":
                    said = misfit_of_row(row, network.graph.inputs)
                else:
                    said = _misfit_of_target(row, outputs, numbered)
                if said:
                    width = len(row) if isinstance(row, list) else 1
                    raise MisfitError(
                        f"data, {key}, row {number}: {said}.",
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


def _misfit_of_target(row: Any, outputs: tuple[int, ...], numbered: bool) -> str:
    """Say how a target does not fit the outputs of a row; an empty text where it does."""
    count, given = math.prod(outputs), nested_shape(row)
    fits = {(count,), tuple(outputs)} | ({(), (1,)} if numbered or count == 1 else set())
    if given in fits or (len(outputs) > 1 and outputs[-1] == 1 and given == tuple(outputs[:-1])):
        return ""
    width = 1 if given == () else math.prod(given) if given else len(row)
    of = f", {' × '.join(map(str, outputs))}" if len(outputs) > 1 else ""
    return f"{counted(width, 'number')} given; the network has {counted(count, 'output')}{of}"


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


def check_trouble(
    table: ComparisonTable, networks: Sequence[Network], names: Sequence[str], key: str = "trouble"
) -> None:
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
        raise MisfitError(f"{key}, signal: {said}", (key, "signal"))
    _check_parts(key, table.parts, names)
    for k, part in enumerate(table.parts):
        if "finding" in part.shows and part.runs and not any(name in table.findings for name in part.runs):
            raise MisfitError(
                f"{key}, parts, {part.title!r}: a finding is shown of {', '.join(part.runs)}, and findings has no "
                "code of such a run; expected runs that it names, or none, which takes all.",
                (key, "parts", k, "shows"),
            )
        if "signals" in part.shows and not table.signal:
            raise MisfitError(
                f"{key}, parts, {part.title!r}: signals are shown and {key} has no signal; expected such as "
                'signal = "gradient_norm".',
                (key, "parts", k, "shows"),
            )
        if "answers" in part.shows and any((net.inputs, net.output_size) != (1, 1) for net in networks):
            raise MisfitError(
                f"{key}, parts, {part.title!r}: answers are drawn of networks of one input and one output only.",
                (key, "parts", k, "shows"),
            )
