"""What is said before code is compiled, and how warnings look on the command line."""

import json
import os
import subprocess
import sys
import warnings

import pytest

from backlit.cli.preparing import Announcer, announced_compilation, silent_compilation
from backlit.engine import Compilation, compilation_listeners
from backlit.engine.code_cache import announcing, disk_cache
from backlit.engine.compiled import compile as compiler

LINE = "Compiling the maths for this computer, once: about 10 s ...\n"


def backlit(cache, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "backlit", *arguments], cwd=cache.parent, text=True,
        env=os.environ | {"BACKLIT_CACHE_DIR": str(cache)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_a_cold_start_says_so_before_it_compiles_and_a_warm_one_says_nothing(tmp_path):
    cache = tmp_path / "cache"
    cold = backlit(cache, "demo", "linear", "--json")
    assert cold.stderr.readline() == LINE
    assert not list(cache.rglob("machine_train_*"))
    assert cold.poll() is None
    out, rest = cold.communicate()
    assert json.loads(out)["name"] == "linear"
    assert (rest, cold.returncode) == ("", 0)
    assert list(cache.rglob("machine_train_*"))
    assert backlit(cache, "demo", "linear").communicate()[1] == ""
    missing = next(cache.rglob("activation_*"), None) or next(cache.rglob("optimizer_sgd_*"))
    missing.unlink()
    assert backlit(cache, "demo", "linear").communicate()[1] == LINE.replace("10", "1")
    there = {path.name for path in cache.rglob("*")}
    options = "--layers", "3", "--activation", "tanh", "--optimizer", "sgd", "--validation", "0", "--epochs", "2"
    training = backlit(cache, "train", "diabetes", *options, "--dtype", "float64", "--quiet")
    assert training.communicate()[1] == ""
    assert training.returncode == 0
    made = {path.name for path in cache.rglob("*")} - there
    assert any(name.startswith("activation_tanh_backward") for name in made)  # it has compiled, and said nothing


def test_what_works_without_compiled_code_says_nothing(tmp_path):
    for arguments in (
        ("explain", "two-layer"),
        ("demo", "linear", "--plain"),
        ("demo", "gates", "--plain", "--epochs", "1"),
        ("demo", "valley", "--plain", "--epochs", "1"),
        ("--help",),
    ):
        assert backlit(tmp_path / "cache", *arguments).communicate()[1] == ""


def test_one_line_unless_much_more_is_missing(capsys):
    announcer = Announcer()
    for seconds in (2.0, 1.0, 2.0, 8.0, 1.0):
        announcer(Compilation(seconds, kept=True))
    said = capsys.readouterr()
    assert said.out == ""
    assert [line.split("about ")[1] for line in said.err.splitlines()] == ["2 s ...", "8 s ..."]


def test_only_a_command_has_a_listener_beside_that_for_prompts(capsys):
    before = [listener.__name__ for listener in compilation_listeners]
    assert before == ["_compiling"]
    announcing.announce(Compilation(10.0, kept=True))
    assert capsys.readouterr() == ("", "")  # a script is no prompt
    with announced_compilation():
        with silent_compilation():
            announcing.announce(Compilation(10.0, kept=True))
        assert capsys.readouterr().err == ""
        with silent_compilation(False):
            announcing.announce(Compilation(10.0, kept=True))
        assert capsys.readouterr().err == LINE
    assert [listener.__name__ for listener in compilation_listeners] == before


def test_every_compilation_is_announced_before_it_begins(monkeypatch):
    """Also of an op that is not kept in the cache, since the cache alone does not see it."""
    order = []
    monkeypatch.setattr(compiler, "_run", lambda *given: order.append("compiled") or {"kernel": None})
    monkeypatch.setattr(announcing, "compilation_listeners", [order.append])
    with pytest.raises(AttributeError):  # there is no kernel
        compiler._compiled("kernel", "", dict)
    assert order[:2] == [Compilation(1.0, kept=disk_cache.keeps()), "compiled"]


@pytest.fixture
def broken_cache(tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("no folder")
    monkeypatch.setenv("BACKLIT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(disk_cache, "_warned", [])
    disk_cache.cache_folder.cache_clear()
    yield tmp_path / "cache"
    disk_cache.cache_folder.cache_clear()


def test_a_cache_that_cannot_be_used_is_one_plain_line(broken_cache, capsys):
    with announced_compilation():
        warnings.simplefilter("default")
        assert not disk_cache.keeps()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"warning: Compiled code is not taken from the cache: {broken_cache} is not a folder. All")
    assert "UserWarning" not in line


def test_what_cannot_be_kept_is_not_said_to_be_once(capsys):
    Announcer()(Compilation(10.0, kept=False))
    assert (
        capsys.readouterr().err == "Compiling the maths for this run: about 10 s (it cannot be kept for the next) ...\n"
    )
