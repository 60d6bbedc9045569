"""`backlit train` with layers of a network file, and on arrays of pictures: to a model that predicts and evaluates."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from backlit.cli import main

NETWORK = """
[network]
inputs = [8, 8, 1]
[[network.layers]]
op = "conv2d"
filters = 4
size = 3
activation = "relu"
[[network.layers]]
op = "max_pool"
[[network.layers]]
op = "flatten"
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.toml").write_text(NETWORK, encoding="utf-8")
    digits = load_digits()
    np.savez("digits.npz", X=digits.images[:300], y=digits.target[:300])


def run(capsysbinary, *arguments):
    """Run the command line in this process and give the exit code, standard output and standard error."""
    code = main(list(arguments))
    captured = capsysbinary.readouterr()
    return code, captured.out.decode(), captured.err.decode()


def open_picture(data):
    return pytest.importorskip("PIL.Image").open(io.BytesIO(data))


QUICK = ("--epochs", "8", "--validation", "0", "--rate", "0.01", "-q")


def test_a_convolution_on_a_table_trains_predicts_and_evaluates(capsysbinary):
    code, out, err = run(capsysbinary, "train", "digits", "--network", "net.toml", *QUICK, "-o", "m.safetensors")
    assert (code, err) == (0, "")
    assert "conv2d, 4 filters of 3 × 3, relu" in out
    assert run(capsysbinary, "predict", "m.safetensors", "digits")[1].startswith("prediction\n0\n")
    found = json.loads(run(capsysbinary, "evaluate", "m.safetensors", "digits", "--json")[1])
    assert found["scores"]["accuracy"] > 0.8


def test_arrays_of_pictures(capsysbinary):
    code, _, err = run(capsysbinary, "train", "digits.npz", "--network", "net.toml", *QUICK, "--no-report")
    assert (code, err) == (0, "")
    found = json.loads(run(capsysbinary, "evaluate", "digits.safetensors", "digits.npz", "--json")[1])
    assert found["scores"]["accuracy"] > 0.6
    lines = run(capsysbinary, "predict", "digits.safetensors", "digits.npz", "--probabilities")[1].splitlines()
    assert len(lines) == 301
    assert lines[0].startswith("prediction,probability 0,probability 1")
    assert run(capsysbinary, "report", "digits.safetensors", "--data", "digits.npz", "-o", "r.json")[0] == 0
    worst = json.loads(Path("r.json").read_text(encoding="utf-8"))["worst"][0]
    shown = np.asarray(open_picture(base64.b64decode(worst["picture"])))
    assert np.abs(shown / 255 * 16 - load_digits().images[worst["row"] - 1]).max() < 16 / 255


def test_a_folder_has_a_line_for_each_file_with_its_probability(capsysbinary, tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    arrays = np.load("digits.npz")
    for k, (image, digit) in enumerate(zip(arrays["X"][:80], arrays["y"], strict=False)):
        folder = tmp_path / "numbers" / ("small" if digit < 5 else "large")
        folder.mkdir(parents=True, exist_ok=True)
        pillow.fromarray((image * 15.9).astype(np.uint8)).save(folder / f"{k:03}.png")
    assert run(capsysbinary, "train", "numbers", "--network", "net.toml", *QUICK)[0] == 0
    lines = run(capsysbinary, "predict", "numbers.safetensors", "numbers/small")[1].splitlines()
    assert lines[0] == "file,prediction,probability"
    assert lines[1].startswith("000.png,")
    assert 0.5 <= float(lines[1].split(",")[2]) <= 1.0
    page = (tmp_path / "numbers.report.html").read_text(encoding="utf-8")
    assert "no importance by column" in page


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["iris", "--network", "net.toml"], "expects rows of shape [8, 8, 1]"),
        (["iris", "--network", "nothing.toml"], "cannot read nothing.toml"),
        (["digits", "--network", "net.toml", "--layers", "8"], "layers and network are both given"),
        (["empty"], "is an empty folder"),
    ],
)
def test_what_does_not_fit_is_one_line(capsysbinary, tmp_path, arguments, says):
    (tmp_path / "empty").mkdir()
    code, out, err = run(capsysbinary, "train", *arguments, *QUICK)
    assert (code, out) == (2, "")
    assert says in err
