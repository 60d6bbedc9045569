"""The sum over the shards of a batch is a fixed binary tree, whoever computes a shard."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from backlit.engine.machine.reduce import add_blocks
from backlit.engine.network import Network
from backlit.engine.objective import Objective
from backlit.engine.parallel.thread_team import ThreadTeam
from backlit.engine.program.structs import data_of
from backlit.kernels.types import Array
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.normalization import BatchNorm


def tree(gradients: list[Array]) -> Array:
    """Sum in halves of which the left one is the largest power of two that leaves something to the right."""
    if len(gradients) == 1:
        return gradients[0]
    left = 1 << ((len(gradients) - 1).bit_length() - 1)
    return tree(gradients[:left]) + tree(gradients[left:])


def problem(rows: int, dtype: str) -> Objective:
    rng = np.random.default_rng(rows)
    network = Network([Dense(16, "tanh"), Dense(5, "elu"), Dense(2)], 7, "mse", dtype=dtype, seed=1)
    X, Y = rng.normal(size=(rows, 7)).astype(dtype), rng.normal(size=(rows, 2)).astype(dtype)
    return Objective.of(network, X, Y)


def gradients_of(objective: Objective) -> list[Array]:
    """Give the gradient of each shard alone, with the scale of the whole batch."""
    found = []
    shard, rows = objective.executable.shard, objective.data.rows
    for first in range(0, rows, shard):
        order = np.arange(first, min(first + shard, rows))
        memory, data = objective.executable.memory(), objective.data._replace(order=order, rows=order.size)
        objective.runner.batch_gradient(
            objective.tables, memory, data, 0, order.size, objective.scale, 1, objective.clock
        )
        found.append(memory.dP.copy())
    return found


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shards", [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 16, 23])
def test_the_sum_is_a_binary_tree_for_any_number_of_workers(shards, dtype, shared_batches):
    objective = problem(4 * shards - 1, dtype)
    assert objective.executable.shards == shards
    expected = tree(gradients_of(objective))
    objective.loss()
    assert objective.gradient.tobytes() == expected.tobytes()
    for workers in (2, 3, 4, 5, 7):
        memory = objective.executable.memory()
        team = ThreadTeam(
            objective.runner, "batch_gradient", memory, workers, shards=objective.executable.shards, coupled=False
        )
        team.batch_gradient(objective.tables, memory, objective.data, 0, objective.data.rows, objective.scale, 1,
                            objective.clock)  # fmt: skip
        team.shut_down()
        assert memory.dP.tobytes() == expected.tobytes(), workers


@pytest.mark.parametrize("shards", [2, 3, 4, 5, 7, 8])
def test_plain_and_compiled_sum_in_the_same_tree(shards, small_shards):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(4 * shards, 3)), rng.normal(size=(4 * shards, 1))
    found = []
    for compiled in (False, True):
        objective = Objective.of(Network([Dense(1)], 3, "mse", seed=1), X, Y, compiled=compiled, rows=4)
        objective.loss()
        found.append(objective.gradient.copy())
        assert objective.gradient.tobytes() == tree(gradients_of(objective)).tobytes()
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)


@pytest.mark.parametrize("shards", range(1, 18))
def test_gradients_that_are_all_there_are_summed_in_the_same_tree(shards):
    rng = np.random.default_rng(shards)
    gradients = [rng.normal(size=5).astype(np.float32) for _ in range(shards)]
    memory = SimpleNamespace(
        dP=gradients[0].copy(), shards=np.concatenate([*gradients[1:], np.zeros(0, np.float32)]), size=5, worker=0,
        workers=1,
    )  # fmt: skip
    add_blocks(memory, shards)
    assert memory.dP.tobytes() == tree(gradients).tobytes()


@pytest.mark.parametrize("rows", [20, 45, 64, 100])
def test_shards_of_a_coupled_batch_are_summed_in_that_tree(rows, shared_batches):
    """Two workers and five give the bits of one."""
    from backlit.engine.training import Training

    rng = np.random.default_rng(2)
    X, Y = rng.normal(size=(rows, 4)), rng.normal(size=(rows, 1))
    ends = []
    for threads in (1, 2, 5):
        network = Network([Dense(16), BatchNorm(), Dense(1)], 4, "mse", seed=3)
        training = Training(network, X, Y, batch_size="full", epochs=2, threads=threads)
        assert training.executable.coupled
        training.run()
        ends.append(network.parameters.tobytes())
    assert ends[0] == ends[1] == ends[2]


def test_a_batch_smaller_than_the_others_has_a_tree_of_its_own(small_shards):
    rng = np.random.default_rng(4)
    X, Y = rng.normal(size=(44, 3)), rng.normal(size=(44, 1))
    whole = Objective.of(Network([Dense(1)], 3, "mse", seed=1), X, Y, rows=4)
    data = data_of(X, Y, np.zeros(0), np.arange(44))
    memory = whole.executable.memory()
    for stop in (44, 12, 28, 4):
        whole.runner.batch_gradient(whole.tables, memory, data, 0, stop, 1.0, 1, whole.clock)
        part = Objective.of(Network([Dense(1)], 3, "mse", seed=1), X[:stop], Y[:stop], rows=4)
        part.runner.batch_gradient(part.tables, part.memory, part.data, 0, stop, 1.0, 1, part.clock)
        assert memory.dP.tobytes() == part.gradient.tobytes()
