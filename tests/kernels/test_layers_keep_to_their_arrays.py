"""The kernels of layers read and write nothing outside of their arrays.

Each array lies between pages whose reading ends the process. A batch has as many rows as a cache line has numbers, so
that buffers end where the element-wise kernels end too.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import subprocess
import sys
from typing import Any
from unittest import mock

import network_checks
import numpy as np
import pytest
from projection import Projection

import backlit as bl
from backlit.engine.input_checks import rows_of
from backlit.engine.objective import Objective
from backlit.engine.program.buffers import Buffers, Place
from backlit.engine.program.structs import CACHE_LINE

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pages are fenced by POSIX's mprotect")
PAGE = mmap.PAGESIZE
PLACES = Buffers.places


class Fences:
    """Lays the arrays of a program between fenced pages: each ends where a page ends, or begins where one begins."""

    def __init__(self, dtype: Any, *, behind: bool) -> None:
        self.dtype, self.behind = np.dtype(dtype), behind
        self.sizes = dict.fromkeys(("P", "dP", "A", "dA"), PAGE)
        self.fences: dict[str, list[int]] = {vector: [0] for vector in self.sizes}

    def places(self, buffers: Buffers, rows: int) -> tuple[dict[str, Place], int]:
        """Give where every array lies; names of one place have one place again."""
        given = PLACES(buffers, rows)[0]
        moved = {place: self.fenced(place, rows) for place in dict.fromkeys(given.values())}
        return {name: moved[place] for name, place in given.items()}, max(self.sizes.values())

    def fenced(self, place: Place, rows: int) -> Place:
        """Give an array the next pages of its vector, and a fence behind them."""
        if place.vector not in self.sizes:
            return place
        size = (rows if place.rows is None else place.rows) * place.columns * self.dtype.itemsize
        start = self.sizes[place.vector]
        end = start + -(-size // PAGE) * PAGE
        self.fences[place.vector].append(end)
        self.sizes[place.vector] = end + PAGE
        return Place(
            place.vector, (end - size if self.behind else start) // self.dtype.itemsize, place.rows, place.shape
        )

    def memory(self, vector: str) -> Any:
        """Give a vector with its fences up."""
        memory = mmap.mmap(-1, self.sizes[vector])
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        for fence in self.fences[vector]:
            assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(address + fence), ctypes.c_size_t(PAGE), 0) == 0
        return np.frombuffer(memory, self.dtype)


def ran(network: bl.Network, X: Any, T: Any, *, behind: bool) -> dict[str, Any]:
    """Run a batch forward and backward between fences, compiled, and give E, the outputs and all gradients."""
    fences = Fences(network.dtype, behind=behind)

    def places(buffers: Buffers, rows: int) -> tuple[dict[str, Place], int]:
        return fences.places(buffers, rows)

    with mock.patch.object(Buffers, "places", places):
        objective = Objective.of(network, *rows_of(network, X, T), step=3, seed=5, input_gradient=True)
    objective.memory = objective.memory._replace(**{vector: fences.memory(vector) for vector in fences.sizes})
    executable = objective.executable
    for name in network:
        given = executable.view(objective.memory, name)
        given[:] = network[name].reshape(given.shape)
    error = objective.loss()
    gradients = {name: objective.view(name.replace(".", ".d")).copy() for name in network}
    return gradients | {"X": executable.input_gradient_of(objective.memory, len(T)).copy(), "E": error}


LENGTHS = {"x": (5, 3), "lengths": (1,)}
NETWORKS: dict[str, tuple[list[Any], Any]] = {
    "convolution": ([bl.Conv2D(5, (3, 2), stride=(1, 2), padding=1, dilation=(2, 1)), bl.Conv2D(9, 2)], (6, 7, 3)),
    "convolution, slopes swept": ([bl.Conv2D(9, 3), bl.Conv2D(17, 3, padding="same"), bl.Conv2D(3, 2)], (7, 6, 17)),
    "convolution, groups": ([bl.Conv2D(6, 3, groups=2, stride=2, padding=2), bl.Conv2D(18, 2, groups=6),
                              bl.Conv2D(18, (1, 2), groups=18)], (6, 7, 4)),
    "convolution of sequences": ([bl.Conv1D(9, 3), bl.Conv1D(5, 2, groups=1, padding="same", bias=False)], (9, 2)),
    "windows too large": ([bl.Conv2D(2, 3, stride=2, padding=1)], (3, 3, 1000)),
    "parts of rows": ([bl.Conv1D(1, 3, padding=1), bl.Conv1D(1, 2, stride=3)], (8_400, 1)),
    "pooling": ([bl.MaxPool(3, 1, 1), bl.MaxPool(2), bl.AveragePool((2, 1), 1, "same")], (5, 6, 19)),
    "pooling of sequences": ([bl.AveragePool(3, 2, 1), bl.MaxPool(2, 1, "same"), bl.GlobalAveragePool()], (7, 3)),
    "a larger picture": ([bl.Upsample((2, 3)), bl.Flatten()], (2, 3, 3)),
    "categories": ([bl.Embedding(3, 5), bl.Flatten()], (3,)),
    "branches": (
        [bl.Parallel([[bl.Select([2, 0, 2])], []]), bl.Parallel([[], [bl.Select([5, 4, 3, 2, 1, 0])]], "multiply")],
        (2, 3),
    ),
    "norms": ([bl.BatchNorm(), bl.LayerNorm(), bl.SpatialDropout(0.3), bl.Dropout(0.3)], (3, 5)),
} | {
    f"{kind.__name__}, {way}": ([kind(3, **settings)], LENGTHS if "lengths" in settings else LENGTHS["x"])
    for kind in (bl.Recurrent, bl.GRU, bl.LSTM)
    for way, settings in {
        "cut": {"truncate": 2},
        "lengths, backward": {"lengths": "lengths", "reverse": True, "returns": "sequence"},
    }.items()
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", NETWORKS)
def test_nothing_outside_is_touched(case, dtype):
    layers, inputs = NETWORKS[case]
    network = bl.Network(layers, inputs, Projection(), dtype=dtype, seed=1)
    rng = np.random.default_rng(2)
    X = rng.normal(size=(CACHE_LINE, network.graph.input_size))
    if case == "categories":
        X = rng.integers(0, 3, X.shape).astype(float)
    if "lengths" in case:
        X[:, -1] = rng.integers(1, 6, len(X))
    T = rng.normal(size=(CACHE_LINE, network.output_size))
    error, wanted = network_checks.one_batch(network, X, T, compiled=False)
    tolerance = network_checks.EXACT if dtype == "float64" else 1e-4
    for behind in (True, False):
        found = ran(network, X, T, behind=behind)
        network_checks.agree(found["E"], error, "error", tolerance, 100.0)
        for name, slope in wanted.items():
            network_checks.agree(found[name].reshape(slope.shape), slope, f"gradient of {name}", tolerance, 10.0)


BEYOND = """
from test_layers_keep_to_their_arrays import Fences
from backlit.engine.program.buffers import Place
fences = Fences("float64", behind={behind})
place = fences.fenced(Place("A", 0, 1, (3,)), 1)
memory = fences.memory("A")
memory[place.offset : place.offset + 3] = 1.0
print(memory[place.offset + ({place})])
"""


@pytest.mark.parametrize(("behind", "place", "ends"), [(True, 2, False), (True, 3, True), (False, -1, True)])
def test_a_fence_ends_the_process(behind, place, ends):
    code = BEYOND.format(behind=behind, place=place)
    found = os.pathsep.join([os.path.dirname(__file__), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": found},
    )
    assert (done.stdout, done.returncode < 0) == (("", True) if ends else ("1.0\n", False)), done.stderr
