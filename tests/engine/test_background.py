"""The helper process that compiles in the background: no entry is compiled twice, and no result depends on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import backlit
from backlit.engine.code_cache import background

TRAIN = """
import os
import sys
import numpy as np
from backlit.engine.code_cache import background
from backlit.engine.compiled import compile as compiler
from backlit.engine.network import Network
from backlit.engine.training import Training
from backlit.ops.layers.dense import Dense

{before}
compiled = []
translate = compiler._compiled
compiler._compiled = lambda title, *given, **more: (compiled.append(title), translate(title, *given, **more))[1]
network = Network([Dense(8, "tanh"), Dense(2, "softmax")], 9, "cross_entropy", seed=1)
X = np.random.default_rng(0).normal(size=(16, 9))
training = Training(network, X, np.arange(16) % 2, epochs=3, batch_size=16)
{between}
training.run()
network.predict(X)
print(training.history[-1].loss, *compiled)
"""

FAILURES = {
    "none is started": ("background.begin = lambda *given: None", ""),
    "it would have no processor": ("background.processors = lambda: 1", ""),
    "it cannot be started": ("sys.executable = '/no/such/python'", ""),
    "it is another program": ("sys.executable = '/bin/true'", ""),
    "it is killed": (
        "begin = background.begin; background.begin = lambda *given: "
        "(begin(*given), [helper.process.kill() for helper in background._helpers])",
        "",
    ),
    "it is killed with the matrix product in hand": (
        "begin = background.begin; background.begin = lambda *given: "
        "(begin(*given), background.claim('multiply', 'float64'), "
        "[helper.process.kill() for helper in background._helpers])",
        "",
    ),
}


def run(cache: Path, before: str = "", between: str = "") -> list[str]:
    code = TRAIN.format(before=before, between=between)
    given = os.environ | {"BACKLIT_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=given, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_the_helper_compiles_what_all_networks_share(tmp_path):
    loss, *compiled = run(tmp_path)
    assert "layer_dense_forward_float64" in compiled
    assert "machine_train_batches_float64" not in compiled
    assert run(tmp_path) == [loss]


@pytest.mark.parametrize("failure", FAILURES)
def test_without_the_helper_this_process_compiles_all_with_the_same_result(failure, thinned_cache, tmp_path):
    """From an empty cache in the first case, else without an entry point and a part of the product."""
    missing = {"machine_predict_rows_float64", "multiply_float64"}
    if failure == "none is started":
        cache = tmp_path
        missing |= {"machine_train_batches_float64", "multiply_blocks_float64"}
    else:
        cache = thinned_cache(*(f"{title}_" for title in missing))
    loss, *compiled = run(cache, *FAILURES[failure])
    assert missing <= {*compiled}
    assert run(cache) == [loss]


def test_a_fork_does_not_wait_for_the_helper(thinned_cache):
    """The child of a fork does not own the helper; it compiles what is not in the cache yet."""
    fork = """
if not os.fork():
    training.run()
    os._exit(0 if training.history else 1)
assert os.wait()[1] == 0
"""
    assert run(thinned_cache("machine_train_batches_"), between=fork)


def test_in_a_temporary_folder_the_helper_compiles_too(tmp_path):
    """The helper is told where: it would make a temporary folder of its own, in which no other process looks."""
    given = os.environ | {"BACKLIT_CACHE_DIR": str(tmp_path / "file"), "TMPDIR": str(tmp_path)}
    (tmp_path / "file").touch()
    code = TRAIN.format(before="", between="")
    done = subprocess.run([sys.executable, "-c", code], env=given, capture_output=True, text=True, check=True)
    assert "machine_train_batches_float64" not in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


TRAP = """
import importlib
import os
import sys

if "backlit.engine.compiled.worker" in sys.orig_argv:
    open({fired!r}, "a").write(__name__ + " ")
own, paths = os.path.dirname(os.path.realpath(__file__)), sys.path[:]
sys.path[:] = [path for path in paths if os.path.realpath(path) != own]  # this process needs the real module
del sys.modules[__name__]
try:
    importlib.import_module(__name__)
finally:
    sys.path[:] = paths
"""
"""A file that is named as a module; it tells when a helper imports it, and gives other processes the real module."""

TRAIN_IRIS = ["train", "iris", "--epochs", "3", "--layers", "4", "--seed", "1", "-q"]
START = """
from backlit.engine.code_cache import background
background.begin("float32", ["predict_rows"])
background.wait_for("predict_rows", "float32")
"""
SOURCES = Path(backlit.__file__).parents[1]


def command(way: str, folder: Path) -> list[str]:
    """Give a command that starts a helper; all but the last three train."""
    if way == "script":
        (folder / "script.py").write_text(START)
    return {
        "-c": [sys.executable, "-c", f"import backlit.cli; backlit.cli.main({TRAIN_IRIS})"],
        "-m": [sys.executable, "-m", "backlit", *TRAIN_IRIS],
        "backlit": [shutil.which("backlit", path=sysconfig.get_path("scripts")) or "", *TRAIN_IRIS],
        "script": [sys.executable, str(folder / "script.py")],
        "isolated": [sys.executable, "-I", "-c", f"import sys; sys.path[:0] = [{str(SOURCES)!r}, '']; {START}"],
        "PYTHONPATH": [sys.executable, "-c", START],
    }[way]


@pytest.mark.parametrize("way", ["-c", "-m", "backlit", "script", "isolated", "PYTHONPATH"])
def test_the_helper_imports_no_file_of_the_working_folder(way, thinned_cache, tmp_path):
    folder, cache = tmp_path / "folder", thinned_cache("machine_predict_rows_float32_")
    folder.mkdir()
    names = {"numpy", "json", "msgspec", "numba", "sitecustomize", "backlit"} - ({"backlit"} if way == "-m" else set())
    for name in names:
        (folder / f"{name}.py").write_text(TRAP.format(fired=str(tmp_path / "fired")))
    given = os.environ | {"BACKLIT_CACHE_DIR": str(cache), "PYTHONPATH": str(SOURCES)}
    if way == "PYTHONPATH":
        given["PYTHONPATH"] += f"{os.pathsep}{folder}{os.pathsep}"
    started = command(way, folder)
    if not started[0]:
        pytest.skip("the script of Backlit is not installed")
    done = subprocess.run(started, cwd=folder, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "fired").exists(), (tmp_path / "fired").read_text()
    assert list(cache.rglob("machine_predict_rows_float32_*"))  # the helper has worked


def test_the_helper_finds_backlit_where_it_lies_in_the_working_folder(monkeypatch):
    sources = Path(backlit.__file__).parents[1]
    monkeypatch.chdir(sources)
    monkeypatch.setattr(sys, "path", ["", str(sources), "relative", "/elsewhere"])
    assert background._search_path().split(os.pathsep) == ["/elsewhere", str(sources)]
    monkeypatch.chdir("/")
    assert background._search_path().split(os.pathsep) == [str(sources), "/elsewhere"]
