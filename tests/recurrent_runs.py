"""Recurrent layers in all ways, and one forward and backward pass of them, with every array in sight."""

from __future__ import annotations

import numpy as np
from projection import Projection

from backlit.engine.input_checks import rows_of
from backlit.engine.network import Network
from backlit.engine.objective import Objective
from backlit.ops.layers.gru import GRU
from backlit.ops.layers.lstm import LSTM
from backlit.ops.layers.recurrent import Recurrent

KINDS = {"recurrent": Recurrent, "lstm": LSTM, "gru": GRU}
WAYS = [
    {},
    {"returns": "sequence"},
    {"reverse": True},
    {"reverse": True, "returns": "sequence"},
    {"truncate": 3},
    {"truncate": 2, "returns": "sequence"},
    {"truncate": 3, "reverse": True, "returns": "sequence"},
    {"bias": False},
    {"lengths": "long"},
    {"lengths": "long", "returns": "sequence"},
    {"lengths": "long", "reverse": True},
    {"lengths": "long", "reverse": True, "returns": "sequence"},
    {"lengths": "long", "truncate": 2},
    {"lengths": "long", "truncate": 2, "reverse": True, "returns": "sequence"},
]
LENGTHS = np.array([7, 1, 4, 6, 7, 3])
STEPS, COLUMNS, UNITS = 7, 3, 5


def made(kind, way, dtype="float64", units=UNITS):
    """A network of the layer alone, with biases that are not 0, and rows for it."""
    rng = np.random.default_rng(3)
    inputs = {"X": (STEPS, COLUMNS)} | ({"long": 1} if "lengths" in way else {})
    network = Network([KINDS[kind](units, **way)], inputs, Projection(), dtype=dtype, seed=1)
    network.parameters[:] = rng.normal(0.0, 0.5, network.parameters.size)
    X = rng.normal(size=(len(LENGTHS), STEPS, COLUMNS)).astype(dtype)
    given = {"X": X, "long": LENGTHS[:, None]} if "lengths" in way else X
    return network, given, rng.normal(size=(len(LENGTHS), network.output_size)).astype(dtype)


class Ran:
    """One forward and backward pass: E = Σ outputs T."""

    def __init__(self, network, X, T, mode, batch_size=None):
        rows = rows_of(network, X, T, None)
        self.objective = Objective.of(
            network, *rows, compiled=mode == "compiled", input_gradient=True, batch_size=batch_size or len(T)
        )
        self.error = self.objective.loss()
        self.gradients = {
            name: self.objective.gradient[offset : offset + int(np.prod(shape))].reshape(shape).copy()
            for name, (offset, shape) in network.layout.items()
        }
        self.gradients["X"] = self["dX"]
        self.outputs = self["1.Z"]

    def __getitem__(self, name):
        return self.objective.view(name).copy()
