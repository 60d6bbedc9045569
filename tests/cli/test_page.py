"""`backlit page`: what it takes, what it refuses before it serves anything, and what it says last."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time

import pytest

from backlit.cli import main
from backlit.errors import BacklitError
from backlit.ops.registry import activations

OWN = """
import numpy as np
import backlit as bl
@bl.register("bent_page")
class BentPage(bl.Activation, frozen=True):
    \"\"\"z + 0.1 z^2.\"\"\"
    formula = r"z + 0.1 z^2"
    slope_formula = r"1 + 0.2 z"
    @staticmethod
    def value(z):
        return z + 0.1 * z * z
    @staticmethod
    def slope(z):
        return 1.0 + 0.2 * z
"""


@pytest.fixture
def served(monkeypatch, tmp_path):
    """Give the sessions that would be served."""
    found = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("backlit.page.running.run", lambda session, place, opened: found.append(session))
    before = signal.getsignal(signal.SIGINT)
    yield found
    signal.signal(signal.SIGINT, before)
    activations.pop("bent_page", None)


def test_an_op_of_ones_own_is_built_and_stands_in_the_command(served, tmp_path, capsys):
    (tmp_path / "bent.py").write_text(OWN)
    (tmp_path / "n.toml").write_text('[[network.layers]]\nunits = 2\nactivation = "bent_page"\n')
    assert main(["page", "n.toml", "--data", "iris"]) == 2
    assert "unknown activation 'bent_page'" in capsys.readouterr().err
    assert main(["page", "n.toml", "--data", "iris", "--plugin", "bent.py"]) == 0
    assert "bent_page" in repr(served[0].training.network)
    assert "backlit page n.toml --data iris --plugin bent.py<" in served[0].draw(("address",))[1]["address"].html
    assert main(["page", "iris", "--set", "layers=3:bent_page,3:softmax"]) == 0  # registered by now
    assert main(["page", "iris", "--plugin", "none.py"]) == 2
    assert "no plugin file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("none.csv", 'No file "none.csv"'),
        ("none.toml", "cannot read none.toml"),
        ("none.safetensors --data iris", 'No model file "none.safetensors"'),
        ("iris --run a", "--run does not go with iris"),
        ("iris --target nix", 'No column "nix" in iris'),
        ("gates --run XNOR", "unknown run 'XNOR'; did you mean 'NOR'|unknown run 'XNOR'"),
    ],
)
def test_what_cannot_be_trained_on_is_one_line(arguments, words, served, capsys):
    assert main(["page", *arguments.split()]) == 2
    said = capsys.readouterr().err
    assert re.search(words, said)
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert not served


def test_an_error_gives_ctrl_c_back(served, monkeypatch):
    def refuse(session, place, opened):
        raise BacklitError("taken")

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr("backlit.page.running.run", refuse)
    assert main(["page", "xor"]) == 2
    assert signal.getsignal(signal.SIGINT) is before


def test_its_help_says_what_it_takes(capsys):
    assert main(["page", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for part in ("CSV or Parquet", "model file (.safetensors) together with --data", "--run", "--plugin"):
        assert part in said


def test_ctrl_c_twice_ends_it_with_its_last_words():
    command = [sys.executable, "-m", "backlit", "page", "xor", "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    for _ in range(100):
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert out == "The page has ended. Nothing was saved by its buttons; what was trained is gone.\n"
