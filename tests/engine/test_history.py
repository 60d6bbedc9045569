"""The history of a training, read epoch by epoch and as a whole."""

import copy
import dataclasses
import pprint
import threading
import time

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pytest

import backlit as bl
from backlit.engine.batch_loop import BatchLoop
from backlit.engine.growing import GrowingTable
from backlit.engine.history import Epoch, History
from backlit.engine.program.structs import LOSS
from backlit.ops.schedules import CosineAnnealing


def training(epochs: int = 12, **options) -> bl.Training:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(10, 3)), rng.normal(size=(10, 1))
    network = bl.Network([bl.Dense(4), "tanh", bl.Dense(1)], inputs=3, loss="mse", seed=0)
    return bl.Training(
        network, X, Y, **{"batch_size": 4, "l2": 0.1, "schedule": CosineAnnealing(), "compiled": False} | options,
        epochs=epochs,
    )  # fmt: skip


def timeless(epochs) -> list[Epoch]:
    return [msgspec.structs.replace(epoch, seconds=0.0) for epoch in epochs]


def test_epochs_of_one_call_are_recorded_as_those_of_a_call_each():
    one, other = training(), training()
    assert timeless(one) == timeless(one.history) == timeless(other.run().history)
    assert msgspec.structs.replace(other.best, seconds=0.0) == msgspec.structs.replace(one.best, seconds=0.0)


@pytest.mark.parametrize("compiled", [False, True])
def test_gradient_norms_are_those_of_each_layer_in_the_last_batch(compiled):
    one, other = (training(gradient_norms=True, compiled=compiled) for _ in range(2))
    for epoch in one:
        norms = {
            label: np.hypot(*(np.linalg.norm(one.executable.view(one.memory, f"{label}.{name}"))
                              for name in ("dW", "db"))) for label in ("1", "3")
        }  # fmt: skip
        assert epoch.gradient_norms == pytest.approx(norms, rel=1e-12)
    assert [epoch.gradient_norms for epoch in other.run().history] == [epoch.gradient_norms for epoch in one.history]
    assert len({epoch.gradient_norms["1"] for epoch in one.history}) == 12


def test_gradient_norms_are_given_where_they_are_asked_for():
    assert all(epoch.gradient_norms == {} for epoch in training().run().history)
    assert (
        training(epochs=2, optimizer="lbfgs", schedule="constant", gradient_norms=True).run().history[-1].gradient_norms
        == {}
    )
    frozen = bl.Network(["tanh"], inputs=1, loss="mse")
    [epoch] = bl.Training(frozen, [[1.0]], [[1.0]], epochs=1, gradient_norms=True)
    assert epoch.gradient_norms == {}


@pytest.mark.parametrize("chunk", [1, 2, 5, 100])
def test_a_chunk_has_as_many_epochs_as_asked_for(chunk, monkeypatch):
    monkeypatch.setattr(BatchLoop, "batches_per_call", lambda self: 1000)
    run = training()
    for seen, epoch in enumerate(run.in_chunks(lambda: chunk), 1):
        assert epoch.number == seen
        assert len(run.history) == min(12, -(-seen // chunk) * chunk)
        assert run.step == 3 * len(run.history)
    assert timeless(run.history) == timeless(training())


def test_a_chunk_is_no_longer_than_a_call_of_the_machine(monkeypatch):
    monkeypatch.setattr(BatchLoop, "batches_per_call", lambda self: 13)
    run = training()
    lengths = [len(run.history) for _ in run.in_chunks(lambda: 100)]
    assert lengths == [4] * 4 + [8] * 4 + [12] * 4


def test_a_history_is_read_like_a_list():
    history = training().run().history
    epochs = list(history)
    assert history == epochs
    assert history != epochs[:-1]
    assert len(history) == 12
    assert [history[k] for k in range(-12, 12)] == [*epochs, *epochs]
    assert history[2:9:3] == epochs[2:9:3]
    assert history[::-1] == epochs[::-1] == list(reversed(history))
    assert epochs[3] in history
    assert history.index(epochs[5]) == 5
    assert msgspec.json.decode(msgspec.json.encode(list(history)), type=list[Epoch]) == epochs
    for k in (12, -13):
        with pytest.raises(IndexError, match=f"there are 12 epochs; number {k}"):
            history[k]


def test_single_epochs_and_chunks_follow_each_other():
    run = training()
    for epoch in run:
        if epoch.number == 3:
            break
    run.run()
    assert [epoch.number for epoch in run.history] == [run.history[k].number for k in range(12)] == list(range(1, 13))
    run.epochs = 14
    assert [epoch.number for epoch in run] == [13, 14]
    assert [run.history[k].number for k in (2, 3, 11, 12, -1)] == [3, 4, 12, 13, 14]


def test_an_empty_history():
    assert History() == []
    assert not History()
    with pytest.raises(IndexError, match="there are 0 epochs"):
        History()[0]


def test_the_lowest_epoch_is_the_first_of_the_lowest():
    history = History()
    assert history.lowest() is None
    made = [Epoch(k, loss, None, 0.1, 0.0, best=False) for k, loss in enumerate([np.nan, 3.0, 2.0, np.nan, 2.0], 1)]
    assert History.of(made).lowest() == made[2]
    assert len({hash(epoch) for epoch in made}) == 5
    run = training()
    run.run()
    assert run.best == run.history.lowest() == min(run.history, key=lambda epoch: epoch.loss)


# ------------------------------------------------------------------------------------------------------------- columns


@pytest.mark.parametrize("options", [{}, {"validation": (np.ones((4, 3)), np.ones((4, 1)))}, {"gradient_norms": True}],
                         ids=["plain", "validated", "norms"])  # fmt: skip
def test_columns_hold_what_the_epochs_do(options):
    history = training(**options).run().history
    columns = history.columns()
    for name in (
        "number",
        "loss",
        "rate",
        "seconds",
        "best",
        "penalty",
        *(["validation_loss"] * bool(history.validated)),
    ):
        assert columns[name].tolist() == [getattr(epoch, name) for epoch in history]
    norms = {f"gradient_norm_{k}": [e.gradient_norms[k] for e in history] for k in history.layers}
    assert {name: values.tolist() for name, values in columns.items() if name.startswith("gradient")} == norms
    assert ("validation_loss" in columns) == history.validated == (history[0].validation_loss is not None)
    assert columns["best"].dtype == bool
    for again in (History.from_columns(columns), History.of(list(history)), copy.deepcopy(history), history.copy()):
        assert again == history
        assert list(again) == list(history)


@pytest.mark.parametrize("options", [
    {}, {"gradient_norms": True}, {"metrics": "mae"}, {"validation": (np.ones((4, 3)), np.ones((4, 1)))},
    {"gradient_norms": True, "metrics": ["mae", "r2"], "validation": (np.ones((4, 3)), np.ones((4, 1)))},
], ids=["plain", "norms", "metrics", "validated", "all"])  # fmt: skip
def test_a_frame_of_a_history_has_its_columns(options, tmp_path):
    history = training(**options).run().history
    columns = history.columns()
    polars = pl.DataFrame(history)
    for frame in (pd.DataFrame(history), pd.DataFrame(list(history)), polars.to_pandas()):
        assert list(frame.columns) == [*columns]
        for name, values in columns.items():
            np.testing.assert_array_equal(frame[name], values)
            assert frame[name].dtype.kind == values.dtype.kind
    polars.write_csv(tmp_path / "history.csv")  # which takes no nested columns
    assert pl.read_csv(tmp_path / "history.csv").columns == [*columns]
    polars.write_parquet(tmp_path / "history.parquet")
    assert len(pd.DataFrame(History())) == len(pl.DataFrame(History())) == 0


def test_a_column_of_keras_name_leads_to_ours():
    validated = training(metrics="mae", validation=(np.ones((4, 3)), np.ones((4, 1)))).run().history
    for given, meant in {
        "val_loss": "validation_loss",
        "val_mae": "validation_mae",
        "validation_los": "validation_loss",
    }.items():
        with pytest.raises(KeyError, match=f"has no column '{given}'; did you mean '{meant}'"):
            validated[given]
    for given in ("val_loss", "validation_loss", "val_accuracy"):
        with pytest.raises(KeyError, match="the training has no validation rows"):
            training().run().history[given]


def test_an_epoch_is_shown_and_changed_as_a_dataclass_is():
    history = training(gradient_norms=True).run().history
    epoch = history[-1]
    assert dataclasses.asdict(epoch) == {name: values[-1] for name, values in history.columns().items()}
    changed = dataclasses.replace(epoch, loss=2.0)
    assert changed == msgspec.structs.replace(epoch, loss=2.0) != epoch
    assert changed.gradient_norms == epoch.gradient_norms
    assert pprint.pformat(epoch) == repr(epoch)
    assert str(epoch).startswith(f"epoch 12: loss {epoch.loss:.6g}, rate ")
    assert f"{epoch.gradient_norms['1']:.6g}" in epoch._repr_html_()
    assert epoch != "epoch 12"


def test_histories_share_rows_until_they_grow():
    history = training().run().history
    before = list(history)
    shared = history.copy()
    sums = np.ones((3, 5))
    shared.record(sums, np.ones(3), 1.0, 0.0)
    history.record(2.0 * sums, np.ones(3), 2.0, 0.0)
    assert (len(history), len(shared)) == (15, 15)
    assert list(history)[:12] == list(shared)[:12] == before
    assert ({e.loss for e in history[12:]}, {e.loss for e in shared[12:]}) == ({2.0}, {1.0})
    part = history.copy()
    history.record(sums, np.ones(3), 3.0, 0.0)
    assert (len(part), len(history)) == (15, 18)
    assert history != part


@pytest.mark.parametrize("late", [False, True])
def test_an_interrupted_reading_neither_loses_nor_doubles_epochs(monkeypatch, late):
    history, stops = History(), iter([False, True, False, True])
    for k in range(4):
        history.record(np.full((k + 1, 5), 1.0 + k), np.full(k + 1, 0.5), float(k), 9.0)
    append = GrowingTable.append

    def interrupted(table, *rows):
        grown = append(table, *rows) if late else None
        if next(stops, False):
            raise KeyboardInterrupt
        return grown if late else append(table, *rows)

    monkeypatch.setattr(GrowingTable, "append", interrupted)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            len(history.rows)
    assert [epoch.loss for epoch in history] == [1.0] + 2 * [2.0] + 3 * [3.0] + 4 * [4.0]


def test_threads_read_a_history_while_it_grows():
    history, wrong = History(), []

    def read():
        seen = 0
        while seen < 3_000:
            numbers = [epoch.loss for epoch in history]
            wrong.extend(pair for pair in enumerate(numbers) if pair[0] != pair[1])
            seen = len(numbers)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for k in range(0, 3_000, 3):
        sums = np.ones((3, 5))
        sums[:, LOSS] = range(k, k + 3)
        history.record(sums, np.ones(3), 0.0, 0.0)
    for reader in readers:
        reader.join()
    assert not wrong


def test_a_million_epochs_are_recorded_one_by_one_in_seconds():
    history, sums, rate = History(), np.ones((1, 5)), np.ones(1)
    began = time.perf_counter()
    for _ in range(100_000):
        history.record(sums, rate, 0.0, 0.0)
    assert time.perf_counter() - began < 10.0  # about 1 on a quiet machine
    history.record(np.ones((900_000, 5)), np.ones(900_000), 0.0, 0.0)
    assert (len(history), history[-1].number) == (1_000_000, 1_000_000)
    assert sum(epoch.best for epoch in history) == 0
    assert time.perf_counter() - began < 30.0
