"""`backlit warm`, and that the commands, the estimators and a network in Python compile nothing after it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from backlit.cli import main
from backlit.engine.code_cache import disk_cache

AFTER = """
import subprocess, warnings
import numpy as np
import backlit as bl
from backlit.cli import main
from backlit.engine.code_cache import background
from backlit.engine.compiled import compile as compiler

def refuse(title, *given):
    raise SystemExit("compiled " + title)

compiler._compiled = refuse
warnings.simplefilter("ignore")
for command in (
    "demo two-layer", "demo xor --epochs 2", "demo iris-from-scratch --epochs 2", "demo gates --epochs 2",
    "explain two-layer --format html -o page.html", "explain xor --check",
    "train iris -q --epochs 2", "predict iris.safetensors iris -o out.csv", "evaluate iris.safetensors iris",
    "explain iris.safetensors --data iris --row 1",
    "train diabetes -q --epochs 2 --dtype float64 --layers 8,4 --activation relu,sigmoid --dropout 0.1 "
    "--optimizer lion",
):
    if main(command.split()):
        raise SystemExit("failed: " + command)
X, Y = np.random.default_rng(0).normal(size=(40, 5)), np.arange(40) % 3
for dtype in ("float32", "float64"):
    for solver in ("adam", "sgd", "lbfgs"):
        bl.MLPClassifier(max_iter=3, solver=solver).fit(X.astype(dtype), Y).predict(X[:2].astype(dtype))
    bl.MLPRegressor(max_iter=3, early_stopping=True, normalization="batch").fit(X.astype(dtype), Y)
network = bl.Network([bl.Dense(8, "silu"), bl.BatchNorm(), bl.Dense(1)], 5, "huber")
bl.Training(network, X, Y[:, None], optimizer="nadam", epochs=2, validation=(X, Y[:, None])).run()
assert bl.gradcheck(network, X, Y[:, None]).passed
assert not background._helpers, "a helper process was started"
print("nothing compiled")
"""


@pytest.fixture(scope="module")
def warmed() -> str:
    """Warm the session's cache, where most lies already in a whole run of the tests; give what the command said."""
    done = subprocess.run([sys.executable, "-m", "backlit", "warm"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_after_it_nothing_is_compiled(warmed, tmp_path):
    done = subprocess.run([sys.executable, "-c", AFTER], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
    assert done.stdout.endswith("nothing compiled\n")


def copied(place: Path) -> Path:
    """Copy the cache to another place, as to another computer, where no other test compiles; give its folder there."""
    folder = disk_cache.cache_folder()
    copy = place / "kernels" / folder.name
    shutil.copytree(folder, copy)
    for path in (place, copy.parent, copy):
        path.chmod(0o700)
    return copy


def warm_in(place: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the command with the cache in a place of its own."""
    return subprocess.run(
        [sys.executable, "-m", "backlit", "warm", *options], env=os.environ | {"BACKLIT_CACHE_DIR": str(place)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_second_run_says_that_everything_is_there(warmed, tmp_path):
    copy = copied(tmp_path)
    done = warm_in(tmp_path)
    assert done.returncode == 0
    said, progress = done.stdout, done.stderr
    assert said.startswith("Nothing to compile: everything is there.\nThe cache holds ")
    folder = Path(said.splitlines()[-1].strip())
    functions, megabytes = re.search(r"holds (\d+) functions, ([\d.]+) MB", said).groups()
    files = [path for path in folder.iterdir() if not path.suffix]
    assert folder == copy
    assert int(functions) == len(files) >= 200
    assert float(megabytes) == pytest.approx(sum(path.stat().st_size for path in files) / 1e6, abs=0.06)
    assert "float32 and float64" in progress


def test_what_is_missing_is_compiled_and_counted(warmed, tmp_path):
    """Three functions are missing."""
    copy = copied(tmp_path)
    gone = [
        path for path in copy.iterdir() if path.name.startswith(("activation_tanh_forward_float32", "optimizer_sgd_"))
    ]
    for path in gone:
        path.unlink()
    done = warm_in(tmp_path, "-q")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Compiled {len(gone)} functions" in done.stdout
    assert {path.name for path in gone} <= {path.name for path in copy.iterdir()}


def test_only_one_type_of_number(warmed, capsys):
    assert main(["warm", "--dtype", "float32", "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    assert main(["warm", "--dtype", "float16"]) == 2
    assert "Choose from" in capsys.readouterr().err


def test_the_ops_of_a_plugin_are_compiled(warmed, tmp_path):
    plugin = tmp_path / "plugin.py"
    plugin.write_text(
        "from backlit import Activation, register\n\n"
        "@register('warm_line')\nclass Line(Activation, frozen=True):\n"
        "    @staticmethod\n    def value(z):\n        return 2.0 * z\n\n"
        "    @staticmethod\n    def slope(z):\n        return 2.0 + 0.0 * z\n"
    )
    copy = copied(tmp_path)
    said = [warm_in(tmp_path, "--dtype", "float32", "--plugin", str(plugin)).stdout for _ in range(2)]
    assert "Nothing to compile" in said[1]
    names = [path.name for path in copy.iterdir()]
    assert any(name.startswith("activation_warm_line_forward_float32") for name in names)
