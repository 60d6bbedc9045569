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

THOROUGH = bool(os.environ.get("BACKLIT_THOROUGH"))
"""Compiling all ops takes minutes: `BACKLIT_THOROUGH=1 pytest tests/cli/test_warm.py` does, before a release. Otherwise
a plugin forgets most of them first."""

FORGETS = """
import backlit
from backlit.ops import registry

for ops, kept in (
    (registry.layers, {"dense", "batch_norm", "gru"}),
    (registry.activations, {"identity", "relu", "tanh", "sigmoid", "softmax"}),
    (registry.losses, {"mse", "half_squared_error", "cross_entropy", "softmax_cross_entropy"}),
    (registry.optimizers, {"sgd", "adam"}),
):
    if missing := kept - set(ops):
        raise SystemExit(f"no ops of these names: {missing}")
    for name in set(ops) - kept:
        del ops[name]
"""

AFTER = """
import warnings
import numpy as np
import backlit as bl
from backlit.cli import main
from backlit.engine.code_cache import background
from backlit.engine.compiled import compile as compiler

def refuse(title, *given):
    raise SystemExit("compiled " + title)

def run(*commands):
    for command in commands:
        if main(command.split()):
            raise SystemExit("failed: " + command)

compiler._compiled = refuse
warnings.simplefilter("ignore")
X, Y = np.random.default_rng(0).normal(size=(40, 6)), np.arange(40) % 3
"""

FEW = """
run(
    "demo two-layer", "explain two-layer --check", "train iris -q --epochs 2 --activation tanh",
    "predict iris.safetensors iris -o out.csv", "evaluate iris.safetensors iris",
    "explain iris.safetensors --data iris --row 1",
)
bl.MLPClassifier(max_iter=3).fit(X.astype("float32"), Y).predict(X[:2].astype("float32"))
network = bl.Network([bl.GRU(4), bl.BatchNorm(), bl.Dense(1)], (3, 2), "mse")
bl.Training(network, X, Y[:, None], optimizer="adam", epochs=2, validation=(X, Y[:, None])).run()
assert bl.gradcheck(network, X, Y[:, None]).passed
"""

ALL = """
run(
    "demo xor --epochs 2", "demo iris-from-scratch --epochs 2", "demo gates --epochs 2",
    "explain two-layer --format html -o page.html", "explain xor --check", "train iris -q --epochs 2",
    "train diabetes -q --epochs 2 --dtype float64 --layers 8,4 --activation relu,sigmoid --dropout 0.1 "
    "--optimizer lion",
)
for dtype in ("float32", "float64"):
    for solver in ("adam", "sgd", "lbfgs"):
        bl.MLPClassifier(max_iter=3, solver=solver).fit(X.astype(dtype), Y).predict(X[:2].astype(dtype))
    bl.MLPRegressor(max_iter=3, early_stopping=True, normalization="batch").fit(X.astype(dtype), Y)
network = bl.Network([bl.Dense(8, "silu"), bl.BatchNorm(), bl.Dense(1)], 6, "huber")
bl.Training(network, X, Y[:, None], optimizer="nadam", epochs=2, validation=(X, Y[:, None])).run()
assert bl.gradcheck(network, X, Y[:, None]).passed
"""

AT_THE_END = """
assert not background._helpers, "a helper process was started"
print("nothing compiled")
"""


@pytest.fixture(scope="module")
def ops(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Give the options that leave few ops, or none in the large setting."""
    plugin = tmp_path_factory.mktemp("few") / "forgets.py"
    plugin.write_text(FORGETS)
    return [] if THOROUGH else ["--plugin", str(plugin)]


def warm(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "backlit", "warm", *options], env=os.environ | environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def warmed(ops) -> None:
    """Warm the session's cache, where much lies already in a whole run of the tests."""
    done = warm(*ops)
    assert done.returncode == 0, done.stderr


def test_after_it_nothing_is_compiled(warmed, tmp_path):
    script = AFTER + FEW + (ALL if THOROUGH else "") + AT_THE_END
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
    assert done.stdout.endswith("nothing compiled\n")


def copied(place: Path) -> Path:
    """Copy the cache to another place, as to another computer, where no other test compiles; give its folder there."""
    folder = disk_cache.cache_folder()
    copy = place / "kernels" / folder.name
    unfinished = shutil.ignore_patterns("*" + disk_cache.UNFINISHED)  # of other tests: they are renamed meanwhile
    shutil.copytree(folder, copy, ignore=unfinished)
    for path in (place, copy.parent, copy):
        path.chmod(0o700)
    return copy


def functions_in(folder: Path) -> set[Path]:
    return {path for path in folder.iterdir() if not path.suffix}


def test_a_second_run_says_that_everything_is_there(ops, warmed, tmp_path):
    copy = copied(tmp_path)
    done = warm(*ops, BACKLIT_CACHE_DIR=str(tmp_path))
    assert done.returncode == 0
    said, progress = done.stdout, done.stderr
    assert said.startswith("Nothing to compile: everything is there.\nThe cache holds ")
    folder = Path(said.splitlines()[-1].strip())
    functions, megabytes = re.search(r"holds (\d+) functions, ([\d.]+) MB", said).groups()
    files = functions_in(folder)
    assert folder == copy
    assert int(functions) == len(files) >= (200 if THOROUGH else 50)
    assert float(megabytes) == pytest.approx(sum(path.stat().st_size for path in files) / 1e6, abs=0.06)
    assert "float32 and float64" in progress


def test_only_one_type_of_number(capsys):
    assert main(["warm", "--dtype", "float16"]) == 2
    assert "Choose from" in capsys.readouterr().err


PLUGIN = """
from backlit import Activation, register

@register('warm_line')
class Line(Activation, frozen=True):
    @staticmethod
    def value(z):
        return 2.0 * z

    @staticmethod
    def slope(z):
        return 2.0 + 0.0 * z
"""


def test_the_ops_of_a_plugin_are_compiled_and_counted(ops, warmed, tmp_path):
    """In one type of number; and once more those that are missing."""
    (tmp_path / "plugin.py").write_text(PLUGIN)
    options = [*ops, "--dtype", "float32", "--quiet", "--plugin", str(tmp_path / "plugin.py")]
    copy = copied(tmp_path)
    before = functions_in(copy)
    done = warm(*options, BACKLIT_CACHE_DIR=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    new = sorted(functions_in(copy) - before)
    assert {re.sub("_float32_.*", "", path.name) for path in new} == {
        "activation_warm_line_forward", "activation_warm_line_backward",
    }  # fmt: skip
    assert f"Compiled {len(new)} functions in " in done.stdout
    new[0].unlink()
    assert "Compiled 1 function in " in warm(*options, BACKLIT_CACHE_DIR=str(tmp_path)).stdout
    assert functions_in(copy) == before | set(new)
