"""Worked examples of networks beyond the chain: every number is that of 50 digits, by its name."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from exact_network import Exact
from mpmath import mp

import backlit as bl

RATE = 0.5
CLOSE = 1e-13


def sequence(*layers: Any, inputs: Any = (3, 2)) -> tuple[list[Any], Any]:
    return [*layers, bl.Dense(1, "tanh")], inputs


def picture(*layers: Any, inputs: Any = (4, 3, 2)) -> tuple[list[Any], Any]:
    return [*layers, bl.Flatten(), bl.Dense(2, "sigmoid")], inputs


NETWORKS = {
    "a convolution": picture(bl.Conv2D(2, (2, 3), "tanh")),
    "pooled": picture(bl.Conv2D(1, 2, "tanh", padding="same"), bl.MaxPool(2)),
    "moved, spread, padded, in groups": picture(bl.Conv2D(4, 2, "silu", (2, 1), (1, 2), (1, 2), groups=2)),
    "without activation or bias": picture(bl.Conv2D(1, 2, bias=False), bl.AveragePool((2, 1), 1, padding="same")),
    "two convolutions": picture(bl.Conv2D(2, 2, "sigmoid"), bl.Conv2D(1, 2, "tanh")),
    "windows of one number": picture(bl.Conv2D(2, 1, "tanh"), bl.MaxPool((2, 1), (1, 2))),
    "averaged": ([bl.Conv2D(2, 2, "tanh"), bl.GlobalAveragePool(), bl.Dense(1)], (3, 3, 1)),
    "grown": picture(bl.Upsample(2), bl.Conv2D(1, 3, "tanh", 2), inputs=(2, 2, 1)),
    "along time": sequence(bl.Conv1D(2, 2, "tanh"), bl.MaxPool(2), bl.Flatten()),
    "recurrent": sequence(bl.Recurrent(2)),
    "recurrent, all states": sequence(bl.Recurrent(2, "sigmoid", returns="sequence"), bl.Flatten()),
    "recurrent, backward": sequence(bl.Recurrent(1, "identity", reverse=True, bias=False)),
    "recurrent, cut": sequence(bl.Recurrent(1, truncate=2), inputs=(5, 1)),
    "LSTM": sequence(bl.LSTM(2)),
    "LSTM, backward, all states": sequence(bl.LSTM(1, returns="sequence", reverse=True), bl.GlobalAveragePool()),
    "LSTM, cut": sequence(bl.LSTM(1, truncate=1)),
    "GRU": sequence(bl.GRU(2)),
    "GRU, all states": sequence(bl.GRU(1, returns="sequence", reverse=True, truncate=2), bl.Flatten()),
    "GRU without biases": sequence(bl.GRU(1, bias=False)),
    "stacked": sequence(bl.GRU(2, returns="sequence"), bl.LSTM(1)),
    "of its length": ([bl.LSTM(1, lengths="steps"), bl.Dense(1)], {"moments": (4, 1), "steps": (1,)}),
    "of its length, backward": ([bl.GRU(1, reverse=True, lengths="steps"), bl.Dense(1)], {"x": (4, 1), "steps": (1,)}),
    "both directions": sequence(bl.Bidirectional(bl.Recurrent(1, returns="sequence")), bl.Flatten()),
    "dense at each time": sequence(bl.Dense(2, "tanh"), bl.LayerNorm(), bl.Flatten()),
    "categories": ([bl.Embedding(3, 2), bl.GRU(1), bl.Dense(1)], (3,)),
    "residual": ([bl.Dense(2, "tanh"), bl.Residual([bl.Dense(2, "sigmoid")]), bl.Dense(1)], 2),
    "residual with a shortcut": ([bl.Residual([bl.Dense(2, "tanh")], [bl.Dense(2)]), bl.Dense(1)], 3),
    "branches": ([bl.Parallel([[bl.Dense(1, "tanh")], [bl.Dense(2, "silu")]]), bl.Dense(1)], 2),
    "branches multiplied": ([bl.Parallel([[bl.Dense(2, "tanh")], [bl.Dense(2)]], "multiply"), bl.Dense(1)], 2),
    "a residual picture": picture(bl.Residual([bl.Conv2D(1, 2, "tanh", padding="same")]), inputs=(2, 3, 1)),
    "a shared bias": ([bl.Dense(3, "tanh", bias="shared"), bl.Dense(1)], 2),
}  # fmt: skip


def row_for(inputs: Any, rng: np.random.Generator, categories: bool) -> Any:
    if isinstance(inputs, dict):
        return {name: np.array([2.0]) if name == "steps" else rng.normal(size=shape) for name, shape in inputs.items()}
    return np.array([0.0, 2.0, 0.0]) if categories else rng.normal(size=inputs)


@pytest.mark.parametrize("case", NETWORKS)
def test_every_number_is_that_of_fifty_digits(case):
    layers, inputs = NETWORKS[case]
    network = bl.Network(layers, inputs, seed=1)
    rng = np.random.default_rng(2)
    network.parameters[:] += rng.normal(0.0, 0.3, network.parameters.size)
    row = row_for(inputs, rng, case == "categories")
    target = rng.uniform(-0.5, 0.5, network.output_size)
    exact = Exact(network, row, target)
    X = {name: [part] for name, part in row.items()} if isinstance(row, dict) else [row]
    compared = {
        record.name for record in bl.explain(network, X, [target], optimizer=bl.SGD(RATE)) if held(record, exact)
    }
    assert len(compared) > 3 * network.parameters.size


def held(record: Any, exact: Exact) -> bool:
    """Hold a record to the number of its name; False of those that have none, such as parts of a sum."""
    name = record.name
    if record.quantity in {"input", "target"} or " via " in name or name.startswith(("dout", "dE/dout(o", "E(")):
        return False
    if (placed := re.search(r"@t(\d+)", name)) and int(placed[1]) > exact.length:
        return False  # behind the row's end
    if name == "E":
        wanted = exact.error.value
    elif through := re.fullmatch(r"‖dE/d(out|c)\(layer (.+)(@t\d+)\)‖", name):
        kind, label, place = through.groups()
        units = (f"{kind}({exact.letters[label]}{j}{place})" for j in range(1, 9))
        wanted = mp.sqrt(sum(exact.slope(unit) ** 2 for unit in units if unit in exact.named))
    elif name.startswith("dE/d"):
        wanted = exact.slope(name.removeprefix("dE/d"))
    elif name.endswith("+"):
        wanted = exact.named[name[:-1]].value - RATE * exact.slope(name[:-1])
    else:
        wanted = exact.named[name].value
    assert abs(record.value - float(wanted)) <= CLOSE * max(1.0, abs(float(wanted))), (
        name,
        record.value,
        float(wanted),
    )
    return True
