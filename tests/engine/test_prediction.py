"""Many rows are predicted by several threads, without changing a bit of the result."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import backlit as bl
from backlit.engine import prediction


@pytest.fixture(autouse=True)
def _many_threads(monkeypatch, small_shards):
    """Predict in shards of four rows, and take each to be worth a thread."""
    monkeypatch.setattr(prediction, "THREAD_WORK", 1)
    monkeypatch.setattr(prediction, "processors", lambda: 64)


def network_of(dtype="float64"):
    network = bl.Network([bl.Dense(9, "tanh"), bl.BatchNorm(), bl.Dense(3, "softmax")], 5, "cross_entropy",
                         dtype=dtype, seed=1)  # fmt: skip
    return network, np.random.default_rng(0).normal(size=(131, 5))


def helpers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("backlit")]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [0, 1, 16, 17, 23, 130, 131])
@pytest.mark.parametrize("threads", [2, 3, 7, 64])
def test_threads_do_not_change_a_bit(threads, rows, dtype):
    network, X = network_of(dtype)
    alone = network.predict(X[:rows], threads=1)
    assert alone.shape == (rows, 3)
    assert np.array_equal(network.predict(X[:rows], threads=threads), alone)
    assert not helpers()


def test_threads_really_share(monkeypatch):
    network, X = network_of()
    all_there, names = threading.Barrier(3), []
    call = prediction.Predictor.__call__

    def together(predictor, *given):
        names.append(threading.current_thread().name)
        if len(set(names)) < 3 or names.count(names[-1]) == 1:
            all_there.wait(20)
        call(predictor, *given)

    monkeypatch.setattr(prediction.Predictor, "__call__", together)
    network.predict(X, threads=3)
    assert {"backlit-1", "backlit-2"} < set(names)
    assert len(names) > 2 * prediction.TURNS


def test_arenas_are_used_again(monkeypatch):
    network, X = network_of()
    made = []
    original = prediction.Predictor
    monkeypatch.setattr(prediction, "Predictor", lambda *given: made.append(1) or original(*given))
    for _ in range(20):
        network.predict(X, threads=3)
    assert 1 <= len(made) <= 3


def test_where_the_system_has_no_threads_left_one_works_alone(no_second_helper):
    network, X = network_of()
    alone = network.predict(X, threads=1)
    assert np.array_equal(network.predict(X, threads=4), alone)
    assert not helpers()


@pytest.mark.parametrize(("error", "helps"), [
    (MemoryError, True), (MemoryError, False), (IndexError, True), (IndexError, False), (KeyboardInterrupt, False),
])  # fmt: skip
def test_an_error_in_a_thread_is_raised_where_the_rows_were_given(error, helps, monkeypatch):
    network, X = network_of()
    alone = network.predict(X, threads=1)
    call, failed = prediction.Predictor.__call__, threading.Event()

    def failing(predictor, *given):
        if threading.current_thread().name.startswith("backlit") == helps:
            failed.set()
            raise error("planted")
        failed.wait(20)
        call(predictor, *given)

    with monkeypatch.context() as patch:
        patch.setattr(prediction.Predictor, "__call__", failing)
        with pytest.raises(error, match="planted"):
            network.predict(X, threads=3)
    assert not helpers()
    assert np.array_equal(network.predict(X, threads=3), alone)


def test_the_plain_machine_stays_on_one_thread(monkeypatch):
    network, X = network_of()
    monkeypatch.setattr(threading.Thread, "start", lambda thread: pytest.fail("a thread was started"))
    network.predict(X, threads=4, compiled=False)


def test_little_work_does_not_start_threads(monkeypatch):
    network, X = network_of()
    network.predict(X, threads=4)
    monkeypatch.setattr(prediction, "THREAD_WORK", X.shape[0] * network.parameters.size)
    monkeypatch.setattr(threading.Thread, "start", lambda thread: pytest.fail("a thread was started"))
    network.predict(X, threads=4)


def test_the_number_of_threads_comes_from_the_environment(monkeypatch):
    network, X = network_of()
    monkeypatch.setenv("BACKLIT_THREADS", "1")
    monkeypatch.setattr(threading.Thread, "start", lambda thread: pytest.fail("a thread was started"))
    network.predict(X)


def test_many_predictions_at_once():
    network, X = network_of()
    alone = network.predict(X, threads=1)
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: network.predict(X, threads=3), range(40)):
            assert np.array_equal(found, alone)
    gc.collect()
    assert not helpers()


@pytest.mark.parametrize("threads", [0, -1, 2.5, "two", True])
def test_a_wrong_number_of_threads_is_refused(threads):
    network, X = network_of()
    with pytest.raises(bl.BacklitError, match=f"threads is {threads!r}; expected a whole number of at least 1"):
        network.predict(X, threads=threads)


def test_no_memory_for_a_helper_is_no_error(monkeypatch):
    network, X = network_of()
    alone = network.predict(X, threads=1)
    original = prediction.Predictor

    def refused(*given):
        if threading.current_thread().name.startswith("backlit"):
            raise MemoryError
        return original(*given)

    monkeypatch.setattr(prediction, "Predictor", refused)
    assert np.array_equal(network.copy().predict(X, threads=4), alone)
