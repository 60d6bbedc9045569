"""Standard output and standard error that are full, closed, cut off or of a small character set."""

import json
import os
import subprocess
import sys

import pytest

from backlit.cli import main
from backlit.model import load

pytestmark = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")

TRAIN = "train iris --layers 3 --activation tanh --l2 0.1 --epochs 2"
COMMANDS = [
    TRAIN, f"{TRAIN} --json", "predict m.safetensors iris", "predict m.safetensors iris --json",
    "evaluate m.safetensors iris", "explain two-layer", "explain two-layer --format md", "demo",
    "--help", "train --help",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from backlit.model import Settings, fit_table, save

    made = tmp_path_factory.mktemp("streams")
    save(
        fit_table("iris", settings=Settings(layers=(3,), activation=("tanh",), l2=0.1, epochs=2))[0],
        made / "m.safetensors",
    )
    return made


def shell(folder, command, **environment):
    """Run `backlit` in a shell, with its redirections."""
    line = f'"{sys.executable}" -m backlit {command}'
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_output_is_one_line_and_loses_no_model(folder, command):
    (folder / "iris.safetensors").unlink(missing_ok=True)
    done = shell(folder, f"{command} > /dev/full")
    assert done.returncode == 2
    assert done.stderr.decode().splitlines()[-1] == "error: cannot write to standard output: No space left on device."
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr
    if command.startswith("train iris"):
        assert load(folder / "iris.safetensors").predict("iris").shape == (150,)


@pytest.mark.parametrize("redirection", [">&-", "2>&- >/dev/null", ">&- 2>&-", "2> /dev/full"])
@pytest.mark.parametrize("command", [TRAIN, "predict m.safetensors iris", "evaluate m.safetensors iris"])
def test_closed_streams_and_a_full_standard_error_end_nothing(folder, command, redirection):
    (folder / "iris.safetensors").unlink(missing_ok=True)
    done = shell(folder, f"{command} {redirection}")
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert (folder / "iris.safetensors").exists() == command.startswith("train")


def test_a_pipe_whose_reader_has_enough_loses_no_model(folder):
    (folder / "iris.safetensors").unlink(missing_ok=True)
    done = shell(folder, f"{TRAIN} -q | head -n 1")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"Task:")
    assert load(folder / "iris.safetensors").predict("iris").shape == (150,)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp1252:strict"])
@pytest.mark.parametrize("command", [TRAIN, "train --help", "explain two-layer"])
def test_characters_that_cannot_be_written_are_replaced(folder, command, encoding):
    done = shell(folder, command, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert b"?" in done.stdout or command == TRAIN


def test_documents_are_in_utf_8_whatever_the_terminal_is(folder):
    (folder / "umlauts.csv").write_text("größe,t\n" + "1,ä\n2,ö\n" * 10, encoding="utf-8")
    done = shell(folder, f"{TRAIN.replace('iris', 'umlauts.csv')} --target t --json", PYTHONIOENCODING="ascii")
    assert json.loads(done.stdout)["task"]["classes"] == ["ä", "ö"]
    done = shell(folder, "predict umlauts.safetensors umlauts.csv --json --keep größe", PYTHONIOENCODING="ascii")
    assert json.loads(done.stdout)[0].keys() == {"größe", "prediction"}


def test_no_memory_is_one_line(capsys, monkeypatch):
    def greedy(*_, **__):
        raise MemoryError("Unable to allocate 29.8 GiB")

    monkeypatch.setattr("backlit.model.TableTraining.__iter__", greedy)
    assert main(["train", "iris", "-q"]) == 2
    assert capsys.readouterr().err == "error: there is not enough memory for that: Unable to allocate 29.8 GiB.\n"
