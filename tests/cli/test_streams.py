"""Standard output and standard error that are full, closed, cut off or of a small character set.

Every command is run here, on streams made for it. What the start and the end of a process add (how Python opens and
closes its streams, and that a file may get the number of a closed stream) is tried in a process, of a few commands.
"""

import io
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


def shell(folder, command, start="-m backlit", **environment):
    """Run `backlit` in a shell, with its redirections."""
    line = f'"{sys.executable}" {start} {command}'
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        check=False,
    )


@pytest.fixture
def here(folder, monkeypatch):
    """Work in the folder, where there is no model of iris yet."""
    monkeypatch.chdir(folder)
    (folder / "iris.safetensors").unlink(missing_ok=True)
    return folder


NO_SPACE = "error: cannot write to standard output: No space left on device."


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_output_is_one_line_and_loses_no_model(here, command, capsys, monkeypatch):
    with open("/dev/full", "w", encoding="utf-8") as full:  # whose end writes what is buffered, as that of a process
        monkeypatch.setattr(sys, "stdout", full)
        assert main(command.split()) == 2
    said = capsys.readouterr().err
    assert said.splitlines()[-1] == NO_SPACE
    assert "Traceback" not in said
    if command.startswith("train iris"):
        assert load(here / "iris.safetensors").predict("iris").shape == (150,)


@pytest.mark.parametrize("command", [TRAIN, "--help"])
def test_a_process_with_a_full_output_ends_with_one_line(here, command):
    done = shell(here, f"{command} > /dev/full")
    assert done.returncode == 2
    assert done.stderr.decode().splitlines()[-1] == NO_SPACE
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr
    assert (here / "iris.safetensors").exists() == command.startswith("train")


READING = ["predict m.safetensors iris", "evaluate m.safetensors iris"]
SEVERAL = """
import sys
from backlit.cli import main
sys.exit(max([main(command.split()) for command in sys.argv[1:]]))
"""


@pytest.mark.parametrize("redirection", [">&-", "2>&- >/dev/null", ">&- 2>&-", "2> /dev/full"])
def test_closed_streams_and_a_full_standard_error_end_nothing(here, redirection):
    """Three commands in one process; the last trains, so that its model is seen to have got no stream's place."""
    given = " ".join(f"'{command}'" for command in (*READING, TRAIN))
    done = shell(here, f"{given} {redirection}", start=f"-c '{SEVERAL}'")
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert load(here / "iris.safetensors").predict("iris").shape == (150,)


@pytest.mark.parametrize("command", [TRAIN, *READING])
def test_a_full_standard_error_ends_nothing(here, command, capsys, monkeypatch):
    with open("/dev/full", "w", encoding="utf-8", buffering=1) as full:
        monkeypatch.setattr(sys, "stderr", full)
        assert main(command.split()) == 0
    assert capsys.readouterr().out
    assert (here / "iris.safetensors").exists() == command.startswith("train")


def test_a_pipe_whose_reader_has_enough_loses_no_model(folder):
    (folder / "iris.safetensors").unlink(missing_ok=True)
    done = shell(folder, f"{TRAIN} -q | head -n 1")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"Task:")
    assert load(folder / "iris.safetensors").predict("iris").shape == (150,)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("command", [TRAIN, "train --help", "explain two-layer"])
def test_characters_that_cannot_be_written_are_replaced(here, command, encoding, capsys, monkeypatch):
    """Python opens standard output with `strict`, given or not."""
    out = io.TextIOWrapper(io.BytesIO(), encoding, errors="strict")
    err = io.TextIOWrapper(io.BytesIO(), encoding, errors="strict")
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert main(command.split()) == 0, err.buffer.getvalue()
    assert b"?" in out.buffer.getvalue() or command == TRAIN


@pytest.mark.parametrize("encoding", ["ascii", "cp1252:strict"])
def test_a_process_replaces_characters_that_cannot_be_written(folder, encoding):
    done = shell(folder, "explain two-layer", PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert b"?" in done.stdout


def test_documents_are_in_utf_8_whatever_the_terminal_is(here, capsys, monkeypatch):
    (here / "umlauts.csv").write_text("größe,t\n" + "1,ä\n2,ö\n" * 10, encoding="utf-8")

    def document(command):
        out = io.TextIOWrapper(io.BytesIO(), "ascii", errors="strict")
        monkeypatch.setattr(sys, "stdout", out)
        assert main(command.split()) == 0, capsys.readouterr().err
        return json.loads(out.buffer.getvalue())

    assert document(f"{TRAIN.replace('iris', 'umlauts.csv')} --target t --json")["task"]["classes"] == ["ä", "ö"]
    rows = document("predict umlauts.safetensors umlauts.csv --json --keep größe")
    assert rows[0].keys() == {"größe", "prediction"}
    done = shell(here, "predict umlauts.safetensors umlauts.csv --json --keep größe", PYTHONIOENCODING="ascii")
    assert json.loads(done.stdout) == rows


def test_no_memory_is_one_line(capsys, monkeypatch):
    def greedy(*_, **__):
        raise MemoryError("Unable to allocate 29.8 GiB")

    monkeypatch.setattr("backlit.model.TableTraining.__iter__", greedy)
    assert main(["train", "iris", "-q"]) == 2
    assert capsys.readouterr().err == "error: there is not enough memory for that: Unable to allocate 29.8 GiB.\n"
