"""One row worked out: from its cells through the network to its error, in the numbers of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from backlit.analysis.report.cell_text import cell_text, cut
from backlit.analysis.report.measured_rows import Measured
from backlit.analysis.report.network_outline import DenseLayer, dense_layers, unit_names
from backlit.analysis.report.records import WorkedInput, WorkedRow, WorkedUnit
from backlit.analysis.report.worst_rows import row_errors, told
from backlit.data import NumberTarget, Table
from backlit.data.grids import Grid
from backlit.engine import Network
from backlit.kernels.types import Array
from backlit.model import TabularModel

UNITS = 3
"""Units of a layer that are shown, of more than `FEW`."""
FEW = 4
PARTS = 3
"""Products of a unit that are shown, of more than `FEW`."""
INPUTS = 20
"""Of more inputs, those are shown that the shown units name."""


class _Layer(NamedTuple):
    """A layer of the row: what it multiplies (fan_in,), its net inputs and its outputs (units,)."""

    dense: DenseLayer
    inputs: Array
    net: Array
    output: Array


def typical_row(measured: Measured) -> int:
    """The place of the row whose error is the middle one: as many rows have a smaller error as a larger one."""
    errors = np.abs(row_errors(measured)[0])
    known = np.flatnonzero(np.isfinite(errors))
    order = known[np.argsort(errors[known], kind="stable")]
    return int(order[(len(order) - 1) // 2])


def worked_row(model: TabularModel, measured: Measured, i: int, *, which: str, explained: str) -> WorkedRow | None:
    """Row i of the measured rows worked out; None for a network that is no chain with dense layers up to its outputs.

    The row goes through a copy of the network in float64, by the plain machine. A unit is shown for its part in the
    result: its |output| times the |weight| that leads from it to the shown units of the next layer, added up.
    """
    row = measured.table.take([i])
    X = model.encoder.encode(row, model.network.dtype).X.astype(np.float64)
    network = model.network.copy("float64")
    layers = _run(network, X)
    if not layers or layers[-1].dense.label != network.labels[-1]:
        return None
    target = model.encoder.target
    outputs = [model.target] if isinstance(target, NumberTarget) else list(measured.labels[: len(target.classes)])
    names = [list(map(cut, model.encoder.feature_names)), *unit_names([layer.dense for layer in layers], outputs)]
    shown = _shown(layers, None if isinstance(target, NumberTarget) else int(measured.targets[i]))
    units = tuple(
        tuple(_unit(layer, j, names[place], names[place + 1]) for j in shown[place])
        for place, layer in enumerate(layers)
    )
    true, predicted = told(measured, i)
    Y = model.encoder.encode_target(row, model.network.dtype)  # as the network learned it
    return WorkedRow(
        row=int(measured.numbers[i]), which=which, target=true, predicted=predicted,
        inputs=_inputs(model, row, X[0], units[0]), of_inputs=X.shape[1],
        layers=units, sizes=tuple(len(layer.net) for layer in layers),
        activations=tuple(layer.dense.activation for layer in layers),
        loss=network.loss.name, wanted=float(Y[0, 0]) if isinstance(target, NumberTarget) else true,
        error=float(network.evaluate(X, Y, metrics=(), compiled=False).row_losses[0]), explained=explained,
        mean=target.mean if isinstance(target, NumberTarget) else None,
        deviation=target.deviation if isinstance(target, NumberTarget) else None,
    )  # fmt: skip


def _run(network: Network, X: Array) -> list[_Layer]:
    """The row's numbers in every dense layer, as the engine leaves them."""

    def outputs(label: str, *, activated: bool) -> Array:
        return network.outputs(X, label, activated=activated, compiled=False).reshape(-1)

    return [
        _Layer(
            dense, X[0] if dense.reads is None else outputs(dense.reads, activated=True),
            outputs(dense.label, activated=False), outputs(dense.label, activated=True),
        )
        for dense in dense_layers(network)
    ]  # fmt: skip


def _shown(layers: Sequence[_Layer], right: int | None) -> list[list[int]]:
    """The units of each layer that are shown, in order; of the outputs, the largest ones and the right one."""
    shown: list[list[int]] = []
    weigh = np.abs(layers[-1].output).copy()
    if right is not None and right < len(weigh):
        weigh[right] = np.inf
    for place in range(len(layers) - 1, -1, -1):
        chosen = _largest(weigh, UNITS)
        shown.insert(0, chosen)
        weigh = np.abs(layers[place].inputs) * np.abs(layers[place].dense.W[:, chosen]).sum(axis=1)
    return shown


def _largest(weigh: Array, number: int) -> list[int]:
    """The places of the largest, in order; all where there are few."""
    if len(weigh) <= FEW:
        return list(range(len(weigh)))
    return sorted(int(j) for j in np.argsort(-weigh, kind="stable")[:number])


def _unit(layer: _Layer, j: int, sources: Sequence[str], names: Sequence[str]) -> WorkedUnit:
    """A unit's sum."""
    weights = layer.dense.W[:, j]
    products = layer.inputs * weights
    parts = _largest(np.abs(products), PARTS)
    others = np.delete(products, parts)
    bias = float(layer.dense.b[j]) if layer.dense.b.size else 0.0
    return WorkedUnit(
        names[j], tuple((sources[i], float(weights[i]), float(layer.inputs[i])) for i in parts), len(others),
        float(others.sum()), bias, float(layer.net[j]), float(layer.output[j]),
    )  # fmt: skip


def _inputs(model: TabularModel, row: Table, x: Array, units: Sequence[WorkedUnit]) -> tuple[WorkedInput, ...]:
    """The inputs with the cells behind them: all, or those that the shown units name."""
    named = {name for unit in units for name, _, _ in unit.parts}
    found, place = [], 0
    for plan in model.encoder.features.columns:
        cell = "" if isinstance(plan, Grid) else cell_text(row.column(plan.name)[0].as_py())
        for name in map(cut, plan.outputs):
            if len(x) <= INPUTS or name in named:
                found.append(WorkedInput(name, cell, float(x[place])))
            place += 1
    return tuple(found)
