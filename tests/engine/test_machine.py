"""The machine and its programs: tables, places, memory, and the pieces of the loop against their NumPy forms."""

from __future__ import annotations

import inspect
import itertools
from typing import Any

import numpy as np
import pytest

from backlit.engine import machine
from backlit.engine.executable import Executable
from backlit.engine.machine import vector_ops
from backlit.engine.network import Network
from backlit.engine.program.sharding import LARGEST_ARENA, SHARD_ELEMENTS, SMALLEST_SHARD, shard_rows
from backlit.engine.program.structs import Clock, Row, data_of
from backlit.engine.program.tables import fused_loss
from backlit.errors import BacklitError
from backlit.ops.base import Activation
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.normalization import BatchNorm
from backlit.ops.layers.reshaping import Flatten
from backlit.ops.losses.multiclass import CrossEntropy
from backlit.ops.optimizers.adaptive import Adam
from backlit.ops.registry import REGISTRIES, losses

TUNED = [f for f in vars(vector_ops).values() if inspect.isfunction(f) and hasattr(f, "compiled")]


# ------------------------------------------------------------------------------------------- loops and array forms


def arguments_of(function: Any, rng: np.random.Generator, first: int) -> dict[str, Any]:
    """Draw arguments by their names: some columns of rows from `first` on, or, for 0, whole rows."""
    n, columns, start = 5, 3, 2
    vectors = {"source": 60, "target": 42, "total": 17, "one": 17, "other": 17, "P": 30, "dP": 30, "A": 30}
    numbers = {"columns": columns, "n": n, "start": start, "stop": start + 4 * columns, "offset": 4, "size": 17}
    numbers |= {"first": first, "width": columns + first}
    given = {name: rng.normal(size=size) for name, size in vectors.items()} | numbers
    given |= {"order": rng.permutation(12), "ahead": 2, "l1": 0.1, "l2": 0.3, "by": 0.7, "limit": 0.8}
    given |= {"l": 3, "g": 12, "scale": 0.2}
    return {name: given[name] for name in inspect.signature(function).parameters}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("first", [0, 2])
@pytest.mark.parametrize("function", TUNED, ids=lambda f: f.__name__)
def test_loops_equal_their_array_form(function, first, dtype):
    given = [arguments_of(function, np.random.default_rng(1), first) for _ in range(2)]
    for each in given:
        each.update({k: v.astype(dtype) for k, v in each.items() if isinstance(v, np.ndarray) and v.dtype.kind == "f"})
    arrays, loops = function(**given[0]), function.compiled(**given[1])
    tolerance = 1e-14 if dtype == "float64" else 1e-6
    for name, value in given[0].items():
        np.testing.assert_allclose(given[1][name], value, rtol=tolerance, atol=tolerance)
    if arrays is not None:
        assert loops == pytest.approx(arrays, rel=tolerance)


@pytest.mark.parametrize(
    ("reduction", "weight", "wanted"), [(0, 5.0, 1.0), (1, 5.0, 0.2), (4, 5.0, 0.05), (1, 0.0, 0.0), (0, 0.0, 1.0)]
)
def test_the_factor_of_a_reduction(reduction, weight, wanted):
    assert machine.factor(reduction, weight) == wanted


# ------------------------------------------------------------------------------------------------------------ programs


def test_every_place_lies_apart_from_the_others(problem):
    network, *_ = problem("cross_entropy", ["tanh", BatchNorm(), "relu", "gelu"])
    program = Executable(network, 7, Adam(), target_columns=1, compiled=False, keep=True)
    memory = program.memory()
    seen: dict[tuple[str, int], str] = {}
    for name, place in program.places.items():
        view = program.view(memory, name)
        assert np.shares_memory(view, getattr(memory, place.vector)) or not view.size
        other = seen.setdefault((place.vector, place.offset), name)
        same = {name.rpartition(".")[2].lstrip("d"), other.rpartition(".")[2].lstrip("d")}
        assert other == name or same <= {"X", "Z", "A", "b"} or not view.size
    ends = sorted(
        (p.offset, p.offset + 7 * p.columns) for p in program.places.values() if p.vector == "A" and not p.rows
    )
    for (start, stop), (following, _) in itertools.pairwise(ends):
        assert following == start or following >= stop
    assert program.size >= ends[-1][1]


def test_ops_run_in_place_only_where_no_op_needs_what_they_overwrite():
    network = Network(["tanh", Dense(3, "tanh"), "sigmoid", Dense(3, "gelu"), Dense(2, "relu")], 3, "mse")
    names = [op.name for op in network.ops]
    program = Executable(network, 4, compiled=False)
    assert dict(zip(names[1:], program.in_place[1:], strict=True))["relu"]
    # The first reads the inputs themselves; sigmoid overwrites what tanh's slope needs; gelu's slope needs its input.
    wanted = [False, False, True, False, False, False, False, True]
    assert program.in_place == wanted
    assert Executable(network, 4, compiled=False, keep=True).in_place == [False] * len(names)


def test_in_place_and_kept_give_the_same_bits(problem):
    network, X, Y = problem("mse", ["tanh", "relu", "sigmoid", "elu"])
    found = []
    for keep in (False, True):
        program = Executable(network, 7, compiled=False, keep=keep)
        memory = program.memory()
        machine.batch_gradient(
            program.training, memory, data_of(X, Y, np.zeros(0), np.arange(7)), 0, 7, 0.1, 1, Clock(0, 0)
        )
        found.append(memory.dP)
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
def test_a_memory_made_before_the_tables_holds_all_settings(compiled, problem):
    network, X, Y = problem("huber", ["leaky_relu"])
    errors = []
    for memory_first in (False, True):
        program = Executable(network, 7, Adam(), compiled=compiled)
        tables, memory = (program.training, None) if not memory_first else (None, program.memory())
        tables, memory = tables or program.training, memory or program.memory()
        run = program.runner.batch_gradient
        errors.append(run(tables, memory, data_of(X, Y, np.zeros(0), np.arange(7)), 0, 7, 1.0, 1, Clock(0, 0)))
    assert errors[0] == errors[1] > 0.0


def test_the_loss_takes_the_last_activation_in_where_it_can():
    smoothed = CrossEntropy(label_smoothing=0.1, reduction="sum")
    loss, ops, scores = fused_loss(Network([Dense(3, "softmax")], 2, smoothed).graph, smoothed)
    assert (loss.name, loss.label_smoothing, loss.reduction) == ("softmax_cross_entropy", 0.1, "sum")
    assert (ops, scores) == (1, "1.Z")
    loss, ops, scores = fused_loss(Network([Dense(3, "sigmoid")], 2, smoothed).graph, smoothed)
    assert (loss.name, ops, scores) == ("cross_entropy", 2, "1.A")


def test_every_fused_loss_is_registered_and_takes_the_same_settings():
    for cls in losses.values():
        for activation, name in cls.fused.items():
            assert losses[name].__struct_fields__ == cls.__struct_fields__, activation


@pytest.mark.parametrize(("batch", "elements", "wanted"), [
    (100, 10, 100), (10_000, 1, 10_000), (10_000, 100, SHARD_ELEMENTS // 100), (10_000, 30_000, SMALLEST_SHARD),
    (10_000, 10**6, LARGEST_ARENA // 10**6), (10_000, 10**8, 1),
])  # fmt: skip
def test_shards_are_a_function_of_network_and_batch(batch, elements, wanted):
    assert shard_rows(Network([Dense(1)], 1).parameters.size, batch, elements, coupled=False) == wanted


@pytest.mark.parametrize(("units", "batch", "coupled", "wanted"), [
    (64, 31, False, 31),  # too few rows for two shards
    (64, 32, False, 16),
    (64, 200, False, 100),  # too few for four
    (64, 256, False, 64),
    (2, 200, False, 200),  # too little work
    (64, 200, True, 112),  # at lines of the cache
    (64, 256, True, 64),
    (64, 100_000, True, 6256),  # sixteen at the most
    (4000, 256, False, 256),  # too many parameters to sum
])  # fmt: skip
def test_batches_of_medium_networks_are_cut_for_threads(units, batch, coupled, wanted):
    network = Network([Dense(units), Dense(units), Dense(1)], 50)
    assert shard_rows(network.parameters.size, batch, 4 * units + 50, coupled) == wanted


def test_every_op_fits_into_a_row():
    for kind in ("layer", "activation"):
        for cls in REGISTRIES[kind].values():
            op, row = cls.sample()
            network = Network([op, Flatten(), Dense(1)] if len(row) > 1 else [op, Dense(1)], row, "mse")
            program = Executable(network, 4, compiled=False)
            assert all(Row.ARRAYS + 3 * len(step.binding.arrays) <= Row.WIDTH for step in program._steps)


def test_a_kernel_that_asks_for_an_unknown_argument_is_refused(problem):
    class Asking(Activation, frozen=True):
        name = "asking"

        @staticmethod
        def forward(Z: Any, A: Any, temperature: float) -> None:
            A[:] = Z

        @staticmethod
        def backward(dA: Any, dZ: Any) -> None:
            dZ[:] = dA

    network, *_ = problem("mse", [Asking()])
    for compiled in (False, True):
        with pytest.raises(BacklitError, match="forward asks for 'temperature', which is none of its arrays"):
            _ = Executable(network, 7, compiled=compiled).training
