"""Threads share out a batch's shards without changing a bit of the result."""

import gc
import itertools
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from cases import RULES

import backlit as bl
from backlit.engine import default_threads, lbfgs
from backlit.engine.parallel import auto_switch, thread_team


@pytest.fixture(autouse=True)
def _small_shards(shared_batches):
    """Cut batches of twenty rows into shards of four, and keep to threads, whichever way is faster."""


def training_of(threads, dtype="float64", optimizer="adam", freeze=(), coupled=False, **options):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(45, 5)), rng.integers(0, 3, 45)
    layers = [bl.Dense(16, "tanh"), bl.Dropout(0.3), bl.Dense(7, "elu", freeze=freeze), bl.Dense(3, "softmax")]
    if coupled:
        options.setdefault("batch_size", 45)
        layers[1:1] = [bl.BatchNorm()]
        layers[4:4] = [bl.BatchNorm(), bl.LayerNorm()]
    network = bl.Network(layers, 5, "cross_entropy", dtype=dtype, seed=1)
    weights = 1.0 + np.arange(45) % 3
    training = bl.Training(
        network, X, Y, optimizer=optimizer, **{"batch_size": 20, "epochs": 3, "sample_weight": weights} | options,
        threads=threads,
    )  # fmt: skip
    assert training.executable.coupled == (coupled and training.compiled)
    cut = -(-training.batch_size // 16) if training.compiled else 1
    assert training.executable.shards == (cut if coupled else -(-training.batch_size // 4))
    return training


def train(threads, *given, **options):
    training = training_of(threads, *given, **options).run()
    return training.network.parameters.copy(), training.memory.dP.copy(), [epoch.loss for epoch in training.history]


def assert_same(one, other):
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


OPTIONS = {
    "plain": {},
    "penalised": {"l2": 0.1, "l1": 0.01, "penalty_per_batch": True},
    "clipped": {"l2": 0.1, "clip_norm": 0.5},
    "limited": {"clip_value": 0.01, "max_norm": 0.4, "decay_biases": True},
    "coupled": {"coupled": True},
    "coupled, clipped": {"coupled": True, "clip_norm": 0.5, "l2": 0.1},
    "frozen": {"freeze": ("W",), "clip_norm": 0.01},
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("threads", [2, 3, 5, 7])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_threads_do_not_change_a_bit(dtype, threads, options):
    assert_same(train(1, dtype, **options), train(threads, dtype, **options))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", RULES)
def test_threads_do_not_change_a_bit_with_any_optimizer(optimizer, dtype):
    assert_same(train(1, dtype, optimizer), train(3, dtype, optimizer))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lbfgs_takes_the_same_steps_with_a_team(dtype):
    one, other = (training_of(threads, dtype, "lbfgs", l2=0.1).run() for threads in (1, 3))
    assert other.team is not None
    assert_same(state_of(one), state_of(other))


def test_lbfgs_takes_a_coupled_batch_whole():
    assert training_of(3, optimizer="lbfgs", coupled=True).run().team is None


def state_of(training):
    return training.network.parameters, training.network.state


@pytest.mark.parametrize("batch", [45, 33, 17])
def test_shards_of_a_coupled_batch_are_one_batch_to_its_maths(batch):
    """Compiled, a batch with normalized columns is cut; plain, it is whole."""
    cut, whole = (training_of(3, coupled=True, compiled=compiled, batch_size=batch).run() for compiled in (True, False))
    for one, other in zip(state_of(cut), state_of(whole), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
    losses = ([epoch.loss for epoch in training.history] for training in (cut, whole))
    np.testing.assert_allclose(*losses, rtol=1e-9)
    assert np.array_equal(cut.network.predict(cut.X[:2]), cut.network.predict(cut.X)[:2])


def test_a_coupled_team_works_in_one_arena_and_on_all_processors():
    training = training_of(3, coupled=True)
    next(iter(training))
    memories = training.team.memories
    assert len({id(memory.A) for memory in memories}) == 1
    assert [memory.worker for memory in memories] == [0, 1, 2]


def test_a_team_really_shares():
    training = training_of(3)
    work = set()
    for _ in training:
        work |= {thread.name for thread in threading.enumerate()}
        assert training.team is not None
        arenas = [memory.A for memory in training.team.memories]
        assert len(arenas) == 3
        assert all(arena.any() for arena in arenas)
    assert {"backlit-1", "backlit-2"} <= work
    assert "backlit-3" not in work


def test_no_more_threads_than_shards():
    training = training_of(64)
    next(iter(training))
    assert training.executable.shards == 5


def helpers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("backlit")]


def test_threads_end_with_the_training():
    train(4)
    assert not helpers()


def test_threads_end_where_the_loop_is_left():
    training = training_of(4)
    for _ in training:
        break
    gc.collect()
    assert not helpers()
    list(training)
    assert_same(state_of(training), state_of(training_of(1).run()))


def test_threads_end_where_a_training_is_collected():
    training = training_of(4)
    training.team._running_threads()
    threads = helpers()
    assert len(threads) == 3
    del training
    gc.collect()
    for thread in threads:
        thread.join(20)
    assert not helpers()


def test_a_loss_that_is_not_finite_ends_all_workers():
    one, other = (training_of(threads, optimizer=bl.SGD(1e300)) for threads in (1, 3))
    for training in (one, other):
        with pytest.warns(bl.DivergedWarning):
            training.run()
    assert one.stopped == other.stopped
    assert np.array_equal(one.network.parameters, other.network.parameters)


@pytest.mark.parametrize("coupled", [False, True])
def test_the_norms_of_the_gradients_are_the_same(coupled):
    one, other = (training_of(threads, coupled=coupled, epochs=40, gradient_norms=True).run() for threads in (1, 3))
    norms = [epoch.gradient_norms for epoch in one.history]
    assert norms == [epoch.gradient_norms for epoch in other.history]
    assert all(norm > 0.0 for epoch in norms for norm in epoch.values())


def test_a_target_that_is_met_ends_all_workers():
    one, other = (training_of(threads, target=1.9) for threads in (1, 3))
    assert one.run().stopped == other.run().stopped
    assert len(one.history) == len(other.history)


def run_apart(script):
    """Run a script that begins in the middle of a training with threads, in a process of its own."""
    begun = """
import os, sys, threading, warnings
import numpy as np, backlit as bl
from backlit.engine import lbfgs
from backlit.engine.program import sharding
from backlit.engine.parallel import auto_switch, thread_team
sharding.SMALLEST_SHARD, sharding.SHARD_ELEMENTS = 4, 1
auto_switch.AutoSwitch.note = lambda self, batches, seconds: None
thread_team.processors = lambda: 64
def training(threads):
    network = bl.Network([bl.Dense(16, "tanh"), bl.Dense(1)], 5, "mse", seed=1)
    X = np.random.default_rng(0).normal(size=(45, 5))
    return bl.Training(network, X, X[:, 0], batch_size=20, epochs=9, threads=threads)
alone, shared = training(1).run(), training(3)
epochs = iter(shared)
next(epochs)
def same():
    return np.array_equal(alone.network.parameters, shared.network.parameters)
def helpers():
    return sum(thread.name.startswith("backlit") for thread in threading.enumerate())
"""
    run = [sys.executable, "-c", begun + script]
    done = subprocess.run(run, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_in_the_middle_of_a_training_goes_on_with_threads_of_its_own():
    script = """
warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads, which this is about
child = os.fork()
list(epochs)
print(same(), flush=True)
if not child:
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
    assert run_apart(script) == ["True", "True"]


def test_the_end_of_python_in_the_middle_of_a_training():
    assert run_apart("print(helpers())") == ["2"]


def test_where_the_system_has_no_threads_left_one_works_alone(no_second_helper):
    alone = train(1)
    assert_same(alone, train(3))
    assert not helpers()


def test_an_interrupted_shutdown_leaves_a_team_that_can_be_called_again(monkeypatch):
    training = training_of(3, epochs=2)
    join = threading.Thread.join

    def interrupted(thread):
        monkeypatch.setattr(threading.Thread, "join", join)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "join", interrupted)
    with pytest.raises(KeyboardInterrupt):
        training.run()
    training.epochs = 4
    assert len(training.run().history) == 4
    for thread in helpers():
        thread.join(20)
    assert not helpers()


def test_switching_between_one_thread_and_the_team_changes_no_bit(monkeypatch):
    alone = train(1)
    calls = itertools.count()

    def note(switch, batches, seconds):
        switch.together = next(calls) % 3 != 1

    monkeypatch.setattr(auto_switch.AutoSwitch, "note", note)
    monkeypatch.setattr(auto_switch, "CALL_SECONDS", 0.0)
    assert_same(alone, train(3))
    assert next(calls) > 6


def test_a_team_has_no_more_workers_than_there_are_processors(monkeypatch):
    monkeypatch.setattr(thread_team, "processors", lambda: 2)
    assert len(training_of(64).team.memories) == 2
    monkeypatch.setattr(thread_team, "processors", lambda: 1)
    assert training_of(64).team is None


def test_many_teams_at_once_on_few_processors():
    alone = train(1)
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: train(3), range(24)):
            assert_same(alone, found)


def worked(switch, batches, together, alone):
    """Let a switch choose for so many batches, which take so many seconds; give the way of each."""
    ways = []
    while len(ways) < batches:
        seconds = together if switch.together else alone
        count = max(1, int(switch.seconds / seconds))
        ways += [switch.together] * count
        switch.note(count, count * seconds)
    return ways


class TestAutoSwitch:
    @pytest.fixture(autouse=True)
    def _as_it_is(self, monkeypatch, _small_shards):
        monkeypatch.undo()

    @pytest.mark.parametrize(("together", "alone", "batches"), [
        (0.002, 0.001, 20_000), (0.0015, 0.001, 20_000), (0.008, 0.0002, 100_000), (2.0, 1.0, 500),
    ])  # fmt: skip
    def test_a_team_that_is_slower_is_not_used(self, together, alone, batches):
        ways = worked(auto_switch.AutoSwitch(), batches, together, alone)
        assert ways[0]
        assert np.mean(ways) < 0.07
        assert not all(ways[:200])

    @pytest.mark.parametrize(("together", "alone", "batches"), [
        (0.001, 0.002, 20_000), (0.00003, 0.00005, 400_000), (0.1, 0.19, 2_000),
    ])  # fmt: skip
    def test_a_team_that_is_faster_is_kept(self, together, alone, batches):
        ways = worked(auto_switch.AutoSwitch(), batches, together, alone)
        assert all(ways[:20])
        assert np.mean(ways) > 0.95

    def test_a_change_of_the_faster_way_is_noticed(self):
        switch = auto_switch.AutoSwitch()
        assert np.mean(worked(switch, 10_000, 0.001, 0.0015)) > 0.95
        assert not worked(switch, 10_000, 0.003, 0.0015)[-1]
        assert worked(switch, 10_000, 0.001, 0.0015)[-1]


def test_a_thread_is_waited_for_however_often_one_is_interrupted():
    class Interrupted:
        times = 0

        def is_alive(self):
            return self.times < 3

        def join(self):
            self.times += 1
            raise KeyboardInterrupt

    thread = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        lbfgs._join(thread)
    assert thread.times == 3


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"BACKLIT_THREADS": "3"}, 3),
        ({"OMP_NUM_THREADS": "2"}, 2),
        ({"BACKLIT_THREADS": "0", "OMP_NUM_THREADS": "5"}, 5),
    ],
)
def test_default_threads(variables, expected, monkeypatch):
    for name in ("BACKLIT_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert default_threads() == expected
