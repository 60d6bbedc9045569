"""The entry points of the compiled machine: compiled code reads the arguments that were given."""

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from backlit.engine.compiled import compile as compiler
from backlit.engine.compiled import entry_points
from backlit.engine.executable import Executable
from backlit.engine.machine import passes, python_kernels
from backlit.engine.network import Network
from backlit.engine.program import structs
from backlit.engine.program.structs import Clock, Rule, data_of, monitor_of
from backlit.engine.program.tables import joined
from backlit.engine.training import Training
from backlit.kernels.types import Array
from backlit.ops.layers.dense import Dense
from backlit.ops.optimizers.descent import SGD


def made(dtype="float64", compiled=True):
    network = Network([Dense(3, "tanh"), Dense(2)], 4, "mse", dtype=dtype, seed=0)
    return network, Executable(network, 5, SGD(0.1), compiled=compiled)


@pytest.mark.parametrize("given", ["float32", "strided"])
def test_a_vector_of_another_kind_is_refused(given):
    _, program = made()
    X = np.zeros((5, 4), "float32") if given == "float32" else np.zeros(40)[::2]
    with pytest.raises(
        TypeError, match=r"predict_rows: X (is float32; expected float64|has strides .*; expected a contiguous vector)"
    ):
        program.runner.predict_rows(program.prediction, program.memory(), X.reshape(-1), 5, np.zeros(10), Clock(0, 0))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_compiled_code_reads_every_field_where_it_was_put(dtype):
    numba = pytest.importorskip("numba")
    from backlit.engine.compiled.numba_structs import StructType

    entry_point = entry_points.EntryPoint("train_batches", dtype, 0)
    for kind in entry_points.IN_PLACE:
        struct = StructType(kind, dtype)
        values = kind(
            *(
                np.zeros(3, entry_points.type_of(name, dtype))
                if hint == Array
                else float(k)
                if hint is float
                else 1000 + k
                for k, (name, hint) in enumerate(entry_points.fields_of(kind))
            )
        )
        parts = {"integers": [], "floats": []}
        entry_point._pack(entry_point.fields[kind], values, *parts.values())
        assert [*struct.fields] == [*kind._fields]
        for (what, part, place), value in zip(struct.fields.values(), values, strict=True):
            if isinstance(value, np.ndarray):
                assert parts[part][place] == entry_points.address_of(value)
                assert what == numba.types.CPointer(numba.from_dtype(value.dtype))
            else:
                assert parts[part][place] == value
        assert sum(map(len, parts.values())) == len(struct.fields)


def test_a_repeated_call_takes_changed_arguments():
    network, program = made()
    X, Y = np.random.default_rng(0).normal(size=(5, 4)), np.zeros((5, 2))
    memory = program.memory()
    call = program.runner.ready("predict_rows", program.prediction, memory, X[:0], 0, Y[:0], Clock(0, 0))
    for rows in (5, 1, 0, 3):
        Y[:] = 7.0
        call(X=X, rows=rows, Y=Y)
        assert np.array_equal(Y[:rows], network.predict(X[:rows]))
        assert (Y[rows:] == 7.0).all()
    with pytest.raises(TypeError, match="X is float32; expected float64"):
        call(X=X.astype("float32"))
    with pytest.raises(TypeError, match="Y has strides"):
        call(Y=np.zeros((2, 5)).T)


def test_vectors_that_are_read_only_are_accepted():
    X = np.ones((5, 4))
    X.flags.writeable = False
    network, _ = made()
    assert np.array_equal(network.predict(X, compiled=True), network.predict(X.copy(), compiled=True))


def test_the_numbers_of_a_struct_are_not_taken_for_those_of_another():
    """Many memories in turn through one runner, more than it remembers, each with its own result."""
    network, program = made()
    X, Y = np.random.default_rng(0).normal(size=(5, 4)), np.zeros(10)
    results = []
    for _ in range(1500):
        memory = program.memory()._replace(P=network.parameters * (1 + len(results)))
        program.runner.predict_rows(program.prediction, memory, X.reshape(-1), 5, Y, Clock(0, 0))
        results.append(Y.copy())
        assert len(program.runner.remembered) <= entry_points.REMEMBERED
    assert len({result.tobytes() for result in results}) == 1500


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("settings", [{}, {"l2": 0.1}, {"max_norm": 0.3}], ids=["free", "penalised", "limited"])
def test_joined_ranges_change_nothing(settings, compiled):
    """Neighbouring parameters updated in one go end as those updated array by array."""
    rule = Rule(1, 0.0, settings.get("l2", 0.0), False, 0.0, 0.0, 0.0, settings.get("max_norm", 0.0))
    rows = np.random.default_rng(1)
    X, T = rows.normal(size=(5, 4)), rows.normal(size=(5, 2))
    ends = []
    for join in (False, True):
        network, program = made(compiled=compiled)
        tables = joined(program.training, rule) if join else program.training
        given = (
            tables,
            program.memory(),
            data_of(X, T, np.zeros(0), np.tile(np.arange(5), 4)),
            monitor_of(X.dtype),
            rule,
            structs.no_signals(X.dtype),
        )
        sums = np.zeros(4 * structs.SUMS)
        program.runner.train_batches(*given, Clock(0, 0), 5, 0, 4, np.full(4, 0.1), -np.inf, sums)
        ends.append((network.parameters.tobytes(), sums.tobytes()))
        count = tables.segment_count
    assert ends[0] == ends[1]
    assert count == (1 if not settings else 4)


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
def test_rows_that_stay_in_the_arena_train_as_rows_fetched_anew(compiled):
    rows = np.random.default_rng(2)
    X, T = rows.normal(size=(5, 4)), rows.normal(size=(5, 2))
    ends = []
    for repeats in (False, True):
        network, program = made(compiled=compiled)
        data = data_of(X, T, np.zeros(0), np.tile(np.arange(5), 3), repeats=repeats)
        rule, sums = Rule(1, 0.0, 0.0, False, 0.0, 0.0, 0.0, 0.0), np.zeros(3 * structs.SUMS)
        held, nothing = monitor_of(X.dtype), structs.no_signals(X.dtype)
        given = program.training, program.memory(), data, held, rule, nothing, Clock(0, 0)
        program.runner.train_batches(*given, 5, 0, 3, np.full(3, 0.1), -np.inf, sums)
        ends.append((network.parameters.tobytes(), sums.tobytes()))
    assert ends[0] == ends[1]


def test_rows_fetched_ahead_train_as_rows_that_lie_near():
    rows = np.random.default_rng(3)
    X, T = rows.normal(size=(passes.FAR // 4, 4)), rows.normal(size=(passes.FAR // 4, 2))
    ends = []
    for compiled in (False, True):
        network = made()[0]
        training = Training(network, X, T, epochs=1, batch_size=300, l2=0.1, compiled=compiled).run()
        ends.append((network.parameters, training.history[0].loss))
    np.testing.assert_allclose(ends[1][0], ends[0][0], rtol=1e-12)
    assert ends[1][1] == pytest.approx(ends[0][1], rel=1e-12)


def test_plain_kernels_go_with_their_program():
    network = made(compiled=False)[0]
    training = Training(network, np.zeros((5, 4)), np.zeros((5, 2)), epochs=1, compiled=False).run()
    numbers = set(training.executable._plain_kernels)
    assert numbers <= python_kernels.PLAIN_KERNELS.keys()
    arena = weakref.ref(training.memory.A)
    del training
    gc.collect()
    assert not numbers & python_kernels.PLAIN_KERNELS.keys()
    assert arena() is None


def test_a_thread_waits_until_another_one_has_defined_the_products(monkeypatch):
    """Its kernels would call a product that is not there, which ends the process."""
    begun, go_on, defined = threading.Event(), threading.Event(), []

    def define(name: str, dtype: str) -> None:
        begun.set()
        assert go_on.wait(30)
        defined.append(name)

    monkeypatch.setattr(compiler, "define_product", define)
    monkeypatch.setattr(compiler, "_multiplying", {"float64"})
    monkeypatch.setattr(compiler.background, "claim", lambda name, dtype: False)
    monkeypatch.setattr(compiler, "entry_point", lambda name, dtype: len(defined))
    machine = compiler.CompiledMachine("float64")
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(machine.entry_point, "train")
        assert begun.wait(30)
        second = threads.submit(machine.entry_point, "train")
        threading.Event().wait(0.1)  # time to run ahead
        go_on.set()
        assert first.result(30) >= 2
        assert second.result(30) >= 2
    assert compiler._multiplying == set()
