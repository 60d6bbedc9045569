"""Remedies of a diagnosis on the page: what was changed in a plan becomes another design, and other rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from backlit.diagnose.plan import Plan, Rows
from backlit.diagnose.records import Remedy
from backlit.examples.file_tables import TRAINING
from backlit.kernels.types import Array
from backlit.page.design import Design, layer_table
from backlit.page.source import Source

LAYERS = {"activation", "first weights", "first biases", "batch norm", "dropout", "units", "output"}
"""Changes of the network; all others are of settings or rows."""


def remedied(source: Source, design: Design, before: Plan, after: Plan, remedy: Remedy) -> tuple[Source, Design]:
    """Give what a remedy makes of rows and design; `before` and `after` are the plans without and with it.

    First weights are drawn by the design's own seed.
    """
    names = {change.name for change in remedy.changes}
    network, training = dict(design.network), dict(design.training)
    if names & LAYERS:
        network["layers"] = _layers(design.network["layers"], before, after)
        network.pop("initial", None)  # a recipe for the weights of the layers as they were
    for change in remedy.changes:
        if change.name == "first biases":
            network["layers"] = [_with_biases(table, float(change.value)) for table in network["layers"]]
    if after.network.loss != before.network.loss:
        network["loss"] = _plain(after.network.loss)
    if len(after.columns) < len(before.columns):
        kept = [int(np.flatnonzero(before.columns == column)[0]) for column in after.columns]
        network["inputs"] = _inputs(network["inputs"], kept)
    for name in TRAINING:
        one, other = (getattr(plan.settings, name) for plan in (before, after))
        if one != other and other is None:
            training.pop(name, None)
        elif one != other:
            training[name] = _plain(other)
    changed = Design(network, training)
    return _with_rows(source, changed, before, after, remedy), changed


def _plain(value: Any) -> Any:
    return value.to_dict() if hasattr(value, "to_dict") else value


# --------------------------------------------------------------------------------------------------------- the layers


def _layers(tables: Sequence[Mapping[str, Any]], before: Plan, after: Plan) -> list[dict[str, Any]]:
    """Give the layers' tables: of layers that stay their own ones, of others what they are made of."""
    own = {id(layer): dict(table) for layer, table in zip(before.layers, tables, strict=True)}
    last = dict(tables[-1])
    made = [own[id(layer)] if id(layer) in own else layer_table(layer) for layer in after.layers]
    units = made[-1].get("units")
    if "labels" not in made[-1] and "labels" in last and units == len(last["labels"]):
        made[-1]["labels"] = last["labels"]
    return made


def _with_biases(table: Mapping[str, Any], value: float) -> dict[str, Any]:
    """Let a layer's biases begin at a number."""
    found = {key: given for key, given in table.items() if key != "biases"}
    if value and "units" in table:
        found["biases"] = value
    return found


def _inputs(given: Any, kept: Sequence[int]) -> Any:
    """Give the inputs without those that are left out: their names, or their number."""
    return [given[k] for k in kept] if isinstance(given, (list, tuple)) else len(kept)


# ----------------------------------------------------------------------------------------------------------- the rows


def _with_rows(source: Source, design: Design, before: Plan, after: Plan, remedy: Remedy) -> Source:
    """Give the source with the rows of a plan; itself where they are the same."""
    if after.rows is before.rows and after.validation is before.validation:
        return source
    X, Y = (_shaped(given, one, other) for given, one, other in zip(
        (source.X, source.Y), before.rows[:2], after.rows[:2], strict=True))  # fmt: skip
    weights = after.rows[2]
    own = source.design
    columns = source.columns
    if len(after.columns) < len(before.columns):
        own = Design({**own.network, "inputs": design.network["inputs"]}, own.training)
        columns = _columns(source, before, after)
    return msgspec.structs.replace(
        source, X=X, Y=Y, validation=_validation(source, before, after), design=own, columns=columns, table=None,
        sample_weight=weights if len(weights) else None, changes=(*source.changes, remedy.words),
    )  # fmt: skip


def _shaped(given: Array, before: Array, after: Array) -> Array:
    """Give changed rows in the shape that the source has them in; the source's own where they are the same."""
    if after is before:
        return given
    return after.reshape(len(after), *given.shape[1:]) if after.shape[1:] == before.shape[1:] else after


def _validation(source: Source, before: Plan, after: Plan) -> Any:
    """Give the validation rows, with their weights where they have any."""
    rows: Rows | None = after.validation
    if rows is None or rows is before.validation:
        return source.validation
    X, Y, weights = rows
    assert source.validation is not None
    targets: Array = Y if before.validation is None or Y is not before.validation[1] else source.validation[1]
    return (X, targets, weights) if len(weights) else (X, targets)


def _columns(source: Source, before: Plan, after: Plan) -> tuple[Any, ...]:
    """Give the reports of the columns that an input is still made of."""
    kept, found, at = set(after.columns.tolist()), [], 0
    for report in source.columns:
        places = {int(before.columns[k]) for k in range(at, at + report.outputs)}
        at += report.outputs
        if places & kept or not report.outputs:
            found.append(report)
    return tuple(found)
