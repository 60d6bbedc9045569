"""The log of a training: what stands in it, that it is there after a crash, and each place it can be written to."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

import backlit as bl
from backlit.engine import SIGNALS
from backlit.errors import BacklitError
from backlit.model.logs import following
from backlit.model.logs.following import TrainingLog, destination_of
from backlit.model.logs.numbers import numbers_of
from backlit.model.logs.records import End, LoggedEpoch, MeasuredLayers, Start

X = np.random.default_rng(0).normal(size=(40, 2))
Y = (X[:, 0] > 0.0).astype(float)


def training(epochs=20, optimizer="adam", **given):
    layers = [bl.Dense(4, "tanh"), bl.Dense(3, "relu"), bl.Dense(1, "sigmoid")]
    network = bl.Network(layers, inputs=2, loss="binary_cross_entropy", seed=1)
    options = {"validation": (X[:9], Y[:9]), "metrics": "accuracy", "gradient_norms": True} | given
    return bl.Training(network, X, Y, optimizer=optimizer, epochs=epochs, compiled=False, **options)


def diverged():
    """Two epochs with a validation loss that is infinite, then a divergence."""
    network = bl.Network([bl.Dense(1)], inputs=1, loss="mse", seed=0)
    rows = [[1e3], [2e3]], [1.0, 2.0]
    held = [[1e200]], [1.0]
    made = bl.Training(network, *rows, validation=held, optimizer=bl.SGD(1e60), epochs=9, compiled=False)
    with pytest.warns(bl.DivergedWarning):
        made.run()
    return made


def lines(path):
    """The objects of a file of JSON lines, by the strict rules of JSON."""
    refuse = lambda name: pytest.fail(f"{name} is not JSON")  # noqa: E731
    return [json.loads(line, parse_constant=refuse) for line in Path(path).read_text("utf-8").splitlines()]


def logged(made, tmp_path):
    bl.save_log(made, tmp_path / "run.jsonl")
    return lines(tmp_path / "run.jsonl")


def test_a_log_has_what_trains_every_epoch_and_why_it_stopped(tmp_path):
    made = training().run()
    start, *epochs, end = logged(made, tmp_path)
    assert [line["line"] for line in (start, *epochs, end)] == ["start", *["epoch"] * 20, "end"]
    assert start["network"] == json.loads(json.dumps(made.network.to_dict()))
    assert start["optimizer"] == made.optimizer.to_dict()
    assert (start["rows"], start["validation_rows"], start["batch_size"]) == (40, 9, 32)
    assert (start["layers"], start["signals"]) == (["1", "2", "3"], list(SIGNALS))
    assert start["settings"]["epochs"] == 20
    assert start["versions"]["backlit"] == bl.__version__
    history = made.history
    for name in ("loss", "validation_loss", "rate", "seconds"):
        assert [epoch[name] for epoch in epochs] == history[name].tolist()
    for name in ("accuracy", "validation_accuracy"):
        assert [epoch["metrics"][name] for epoch in epochs] == history[name].tolist()
    assert [epoch["gradient_norms"]["2"] for epoch in epochs] == history["gradient_norm_2"].tolist()
    assert [epoch.get("best", False) for epoch in epochs] == history["best"].tolist()
    assert end == {
        "line": "end", "stopped": "all 20 epochs done", "epochs": 20, "best": made.best.number,
        "seconds": history["seconds"][-1],
    }  # fmt: skip


def test_measured_epochs_have_their_signals(tmp_path):
    made = training().run()
    _, *epochs, _ = logged(made, tmp_path)
    measured = {epoch["epoch"]: epoch["signals"] for epoch in epochs if "signals" in epoch}
    assert list(measured) == made.signals.numbers.tolist()
    assert 1 < len(measured) < 20
    for place, number in enumerate(measured):
        signals = measured[number]
        assert signals["updates"] == made.signals.steps[place] == 2 * number
        assert signals["gradient_noise"] == made.signals.noise[place]
        for layer in ("1", "2", "3"):
            found = [math.nan if signals["layers"][layer][name] is None else signals["layers"][layer][name]
                     for name in SIGNALS]  # fmt: skip
            expected = [made.signals.of(name, layer)[place] for name in SIGNALS]
            assert np.array_equal(found, expected, equal_nan=True)


def test_a_training_without_signals_has_none(tmp_path):
    start, *epochs, _ = logged(training(signals=False).run(), tmp_path)
    assert (start["layers"], start["signals"]) == ([], [])
    assert not any("signals" in epoch for epoch in epochs)


def test_numbers_that_are_not_finite_are_null(tmp_path):
    _, *epochs, end = logged(diverged(), tmp_path)
    assert [epoch["validation_loss"] for epoch in epochs] == [None, None]
    assert all(epoch["loss"] > 0.0 for epoch in epochs)
    assert (end["stopped"], end["best"]) == ("diverged in epoch 3, batch 1", None)


def test_each_line_is_a_record(tmp_path):
    bl.save_log(training().run(), tmp_path / "run.jsonl")
    decoder = msgspec.json.Decoder(Start | LoggedEpoch | End)
    start, *epochs, end = decoder.decode_lines((tmp_path / "run.jsonl").read_bytes())
    assert isinstance(start, Start)
    assert isinstance(end, End)
    assert isinstance(epochs[0].signals, MeasuredLayers)


def test_a_training_that_has_not_run_or_not_ended_is_logged_so_far(tmp_path):
    assert [line["line"] for line in logged(training(), tmp_path)] == ["start", "end"]
    made = training()
    for epoch in made:
        if epoch.number == 3:
            break
    assert [line["line"] for line in logged(made, tmp_path)] == ["start", "epoch", "epoch", "epoch", "end"]
    assert lines(tmp_path / "run.jsonl")[-1]["stopped"]


@pytest.mark.parametrize("at_once", [1, 2, 4096])
def test_a_log_that_follows_a_training_is_the_one_of_the_end(tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(following, "AT_ONCE", at_once)
    made, path = training(), tmp_path / "live.jsonl"
    with TrainingLog(destination_of(path)) as log:
        for epoch in made.in_chunks(lambda: 6):
            log.follow(made)
            assert len(lines(path)) == 1 + len(made.history), epoch.number  # on the disk before the next chunk
        log.finish()
    bl.save_log(made, tmp_path / "after.jsonl")
    assert path.read_bytes() == (tmp_path / "after.jsonl").read_bytes()


def test_a_process_that_dies_leaves_the_epochs_so_far(tmp_path):
    program = f"""
import os
import backlit as bl
from backlit.model.logs.following import TrainingLog, destination_of
network = bl.Network([bl.Dense(1)], inputs=1, loss="mse", seed=0)
training = bl.Training(network, [[1.0], [2.0]], [2.0, 4.0], epochs=99, compiled=False)
log = TrainingLog(destination_of({str(tmp_path / "run.jsonl")!r}))
for epoch in training:
    log.follow(training)
    if epoch.number == 5:
        os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 9
    assert [line.get("epoch", line["line"]) for line in lines(tmp_path / "run.jsonl")] == ["start", 1, 2, 3, 4, 5]


def test_an_earlier_log_is_replaced(tmp_path):
    logged(training().run(), tmp_path)
    assert len(logged(training(epochs=2).run(), tmp_path)) == 4


@pytest.mark.parametrize(
    ("to", "given"),
    [
        ("run.csv", '"run.csv"'), ("runs/", '"runs/"'), ("tensorboard:", '"tensorboard:"'), ("MLflow", '"MLflow"'),
        ("", "''"), (None, "None"), (Path("tensorboard:x"), '"tensorboard:x"'),
    ],
)  # fmt: skip
def test_another_place_is_refused(to, given):
    expected = r'expected a file that ends in \.jsonl, "tensorboard:FOLDER", or "mlflow"'
    with pytest.raises(BacklitError, match=f"^the log is to be written to {given}; {expected}"):
        bl.save_log(training(epochs=1), to)


def test_what_is_no_training_is_refused(tmp_path):
    with pytest.raises(BacklitError, match="save_log was given History; expected a training"):
        bl.save_log(training().history, tmp_path / "run.jsonl")
    with pytest.raises(BacklitError, match="followed no training"):
        TrainingLog(destination_of(tmp_path / "run.jsonl")).finish()


def test_a_file_that_cannot_be_written_is_an_error_in_words(tmp_path):
    with pytest.raises(BacklitError, match=r'^cannot write the log ".*none/run\.jsonl": No such file or directory\.'):
        bl.save_log(training(), tmp_path / "none" / "run.jsonl")
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    (tmp_path / "full.jsonl").symlink_to("/dev/full")
    with pytest.raises(BacklitError, match=r'^cannot write the log ".*full\.jsonl": No space left on device\.'):
        bl.save_log(training(), tmp_path / "full.jsonl")


@pytest.mark.parametrize(("package", "to"), [("tensorboard", "tensorboard:runs"), ("mlflow", "mlflow")])
def test_a_package_that_is_missing_is_named(monkeypatch, package, to):
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(BacklitError, match=rf"cannot be imported .*pip install 'backlit\[{package}\]'"):
        bl.save_log(training(), to)


def test_names_of_numbers_are_grouped_by_what_they_are():
    names = [name for epoch in (training().run().history[0],) for name, _ in numbers_of(LoggedEpoch(
        epoch=1, loss=epoch.loss, validation_loss=epoch.validation_loss, metrics=epoch.metrics, rate=epoch.rate,
        seconds=epoch.seconds,
    ))]  # fmt: skip
    assert names == ["loss/training", "loss/validation", "accuracy/training", "accuracy/validation", "rate"]


# -------------------------------------------------------------------------------------------------- other packages


@pytest.fixture
def event_files():
    return pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="no tensorboard here")


def test_event_files_have_every_number(tmp_path, event_files):
    made, folder = training().run(), tmp_path / "runs" / "one"
    bl.save_log(made, f"tensorboard:{folder}")
    found = event_files.EventAccumulator(str(folder), size_guidance={"scalars": 0})
    found.Reload()
    for tag, column in (("loss/training", "loss"), ("loss/validation", "validation_loss"),
                        ("accuracy/validation", "validation_accuracy"), ("rate", "rate")):  # fmt: skip
        scalars = found.Scalars(tag)
        assert [scalar.step for scalar in scalars] == list(range(1, 21))
        assert [scalar.value for scalar in scalars] == made.history[column].astype(np.float32).tolist()
    for layer in made.signals.layers:
        for signal in SIGNALS:
            values = made.signals.of(signal, layer)
            tag = f"{signal}/layer_{layer}"
            scalars = found.Scalars(tag) if tag in found.Tags()["scalars"] else []
            assert [scalar.step for scalar in scalars] == made.signals.numbers[np.isfinite(values)].tolist()
            assert [scalar.value for scalar in scalars] == values[np.isfinite(values)].astype(np.float32).tolist()
    texts = {tag: found.Tensors(tag)[0].tensor_proto.string_val[0].decode() for tag in ("training", "stopped")}
    assert '"op": "adam"' in texts["training"]
    assert texts["stopped"] == "all 20 epochs done"
    times = np.array([scalar.wall_time for scalar in found.Scalars("loss/training")])
    assert np.allclose(np.diff(times), np.diff(made.history["seconds"]), atol=1e-5)
    assert "tensorflow" not in sys.modules


def test_a_loss_that_is_not_finite_is_nan_in_event_files(tmp_path, event_files):
    bl.save_log(diverged(), f"tensorboard:{tmp_path}")
    found = event_files.EventAccumulator(str(tmp_path)).Reload()
    assert [math.isnan(scalar.value) for scalar in found.Scalars("loss/validation")] == [True, True]


def test_two_trainings_do_not_mix_in_a_folder(tmp_path, event_files):
    bl.save_log(training(epochs=1).run(), f"tensorboard:{tmp_path}")
    with pytest.raises(BacklitError, match=r'^the folder ".*" has event files of another training'):
        bl.save_log(training(epochs=1).run(), f"tensorboard:{tmp_path}")


def test_a_folder_that_cannot_be_made_is_an_error_in_words(tmp_path, event_files):
    (tmp_path / "file").touch()
    with pytest.raises(BacklitError, match="cannot write event files in"):
        bl.save_log(training(epochs=1).run(), f"tensorboard:{tmp_path / 'file' / 'runs'}")


@pytest.fixture
def mlflow(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="no mlflow here")
    monkeypatch.chdir(tmp_path)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'runs.db'}")
    yield mlflow
    mlflow.set_tracking_uri(before)


def runs_of(mlflow):
    return mlflow.MlflowClient().search_runs(["0"])


@pytest.mark.filterwarnings("ignore")  # those of the database's own packages
def test_a_run_of_mlflow_has_parameters_and_every_number(mlflow, monkeypatch, capsys):
    monkeypatch.setattr("backlit.model.logs.mlflow_runs.METRICS", 7)
    monkeypatch.setattr("backlit.model.logs.mlflow_runs.PARAMETERS", 3)
    made = training().run()
    bl.save_log(made, "mlflow")
    (run,) = runs_of(mlflow)
    assert run.info.status == "FINISHED"
    assert run.data.params["optimizer"] == "adam"
    assert run.data.params["batch_size"] == "32"
    assert run.data.params["network"] == repr(made.network)
    assert run.data.tags["backlit.stopped"] == "all 20 epochs done"
    for name, column in (("loss/training", "loss"), ("accuracy/validation", "validation_accuracy")):
        values = {one.step: one.value for one in mlflow.MlflowClient().get_metric_history(run.info.run_id, name)}
        assert values == dict(enumerate(made.history[column].tolist(), 1))
    norms = mlflow.MlflowClient().get_metric_history(run.info.run_id, "gradient_norm/layer_2")
    assert {one.step: one.value for one in norms} == dict(
        zip(made.signals.numbers.tolist(), made.signals.of("gradient_norm", "2").tolist(), strict=True)
    )
    assert mlflow.active_run() is None
    assert capsys.readouterr().out == ""


@pytest.mark.filterwarnings("ignore")
def test_an_active_run_is_used_and_stays_active(mlflow):
    with mlflow.start_run() as active:
        bl.save_log(training(epochs=2).run(), "mlflow")
        assert mlflow.active_run().info.run_id == active.info.run_id
    (run,) = runs_of(mlflow)
    assert run.data.metrics["rate"] == pytest.approx(0.001)


@pytest.mark.filterwarnings("ignore")
def test_what_mlflow_refuses_is_an_error_in_words_and_its_run_has_failed(mlflow):
    made = training(epochs=2).run()

    def log_into_a_deleted_run():
        with TrainingLog(destination_of("mlflow")) as log:
            log.follow(made)
            mlflow.MlflowClient().delete_run(mlflow.active_run().info.run_id)
            log.finish()

    with pytest.raises(BacklitError, match=r"^MLflow takes no log: The run \w+ must be in the 'active' state"):
        log_into_a_deleted_run()
    assert mlflow.active_run() is None
