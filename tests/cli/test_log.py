"""`backlit train --log`: what is written where, and what becomes of the training where that fails."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from backlit.cli import main
from backlit.model import load
from backlit.model.logs import json_lines
from backlit.model.logs.json_lines import JsonLines

FEW = ["train", "iris", "--layers", "4", "--activation", "tanh", "--l2", "0.01", "--epochs", "20", "--no-report", "-q"]
MODEL = Path("iris.safetensors")


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


def run(capsys, *arguments):
    """Run the command line in this process and give the exit code, standard output and standard error."""
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def lines(path):
    return [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]


def test_the_final_training_is_logged_with_what_the_model_file_says_of_it(capsys):
    code, out, err = run(capsys, *FEW, "--log", "iris.jsonl")
    assert (code, err) == (0, "")
    assert "\nLog of the final training written to iris.jsonl.\nNext:\n" in out
    start, *epochs, end = lines("iris.jsonl")
    report = load(MODEL).report
    assert (start["outline"], start["rows"]) == (report.network, report.train_rows)
    assert start["about"] == {
        "table": "iris", "target": "species", "command": f"backlit {' '.join(FEW)} --log iris.jsonl",
    }  # fmt: skip
    assert [epoch["epoch"] for epoch in epochs] == list(range(1, report.epochs + 1))
    assert epochs[-1]["loss"] == report.loss
    assert (end["stopped"], end["epochs"]) == (report.stopped, report.epochs)
    measured = {epoch["epoch"]: epoch["signals"] for epoch in epochs if "signals" in epoch}
    assert set(report.signals.numbers) <= set(measured)
    norms = report.signals.layers["1"]["gradient_norm"]
    kept = [measured[number]["layers"]["1"]["gradient_norm"] for number in report.signals.numbers]
    assert norms == tuple(pytest.approx(norm, rel=1e-3) for norm in kept)


def test_a_training_with_its_own_validation_has_these_losses(capsys, monkeypatch):
    monkeypatch.setattr("backlit.model.fitting.COMPARED_ROWS", 10)
    assert run(capsys, *FEW, "--log", "iris.jsonl")[0] == 0
    start, *epochs, end = lines("iris.jsonl")
    assert start["validation_rows"] > 0
    assert min(epoch["validation_loss"] for epoch in epochs) == epochs[end["best"] - 1]["validation_loss"]
    assert "are kept" in end["stopped"]


def test_a_file_that_is_named_twice_is_written_once(capsys):
    out = run(capsys, *FEW, "--log", "one.jsonl", "--log", "two.jsonl", "--log", "./one.jsonl")[1]
    assert "\nLog of the final training written to one.jsonl and two.jsonl.\n" in out


def test_nothing_is_logged_unless_asked(capsys):
    code, out, _ = run(capsys, *FEW)
    assert code == 0
    assert "Log of" not in out
    assert [path.name for path in Path().iterdir()] == [MODEL.name]


def test_data_name_the_logs(capsys):
    code, out, _ = run(capsys, *FEW, "--json", "--log", "a.jsonl", "--log", "b.jsonl", "--log", "a.jsonl")
    assert (code, json.loads(out)["logs"]) == (0, ["a.jsonl", "b.jsonl"])
    assert lines("a.jsonl") == lines("b.jsonl")
    assert json.loads(run(capsys, *FEW, "--json")[1])["logs"] == []


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("run.csv", 'the log is to be written to "run.csv"; expected a file that ends in .jsonl, "tensorboard:FOLDER"'),
        ("runs/", 'the log is to be written to "runs/"'),
        ("none/run.jsonl", 'the folder "none" does not exist'),
        ("folder.jsonl", '"folder.jsonl" is a folder'),
        ("rows.jsonl", '"rows.jsonl" is an input too and is not overwritten: choose another name for the log.'),
    ],
)
def test_a_place_that_does_not_do_is_refused_before_any_work(capsys, monkeypatch, place, message):
    monkeypatch.setattr("backlit.model.TableTraining.__iter__", lambda _: pytest.fail("it trains"))
    Path("folder.jsonl").mkdir()
    Path("rows.jsonl").write_text("a,b\n1,2\n")
    data = "rows.jsonl" if place == "rows.jsonl" else "iris"
    code, out, err = run(capsys, "train", data, *FEW[2:], "--log", place)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {message}")
    assert not MODEL.exists()


def test_a_log_that_fails_neither_ends_the_training_nor_the_other_logs(capsys, monkeypatch):
    add = JsonLines.add

    def full(self, epochs):
        if self.path.name == "full.jsonl":
            raise self._refusal(OSError(28, "No space left on device"))
        add(self, epochs)

    monkeypatch.setattr(json_lines.JsonLines, "add", full)
    code, out, err = run(capsys, *FEW, "--log", "full.jsonl", "--log", "good.jsonl")
    assert code == 1
    assert err == (
        "error: the model is written to iris.safetensors, but not its log full.jsonl: cannot write the log "
        '"full.jsonl": No space left on device.\n'
    )
    assert "Log of the final training written to good.jsonl." in out
    assert load(MODEL).report.epochs == lines("good.jsonl")[-1]["epochs"]


def test_any_fault_of_a_log_is_one_line(capsys, monkeypatch):
    monkeypatch.setattr(json_lines.JsonLines, "end", lambda *_: 1 / 0)
    code, _, err = run(capsys, *FEW, "--log", "a.jsonl")
    assert (code, err.count("\n")) == (1, 1)
    assert "but not its log a.jsonl: ZeroDivisionError: division by zero" in err
    assert MODEL.exists()


@pytest.mark.parametrize("times", [1, 2])
def test_after_ctrl_c_the_log_has_the_epochs_so_far(capsys, monkeypatch, times):
    add = JsonLines.add

    def interrupted(self, epochs):
        add(self, epochs)
        for _ in range(times if epochs[0].epoch == 1 else 0):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(JsonLines, "add", interrupted)
    many = [*FEW[:-4], "--epochs", "200000", "--validation", "0", *FEW[-2:]]
    code, _, _ = run(capsys, *many, "--log", "iris.jsonl")
    first, *_, last = lines("iris.jsonl")
    assert first["line"] == "start"
    if times == 1:
        assert code == 0
        assert last["stopped"] == load(MODEL).report.stopped
        assert last["stopped"].endswith("ended by Ctrl-C")
    else:
        assert (code, last["line"]) == (130, "epoch")
        assert not MODEL.exists()
