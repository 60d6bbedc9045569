"""The cache of compiled kernels: an edited source is compiled anew, an unedited one never again."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backlit
from backlit.engine.compiled import disk_cache
from backlit.engine.network import Network
from backlit.engine.training import Training
from backlit.errors import BacklitError
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.dropout import Dropout
from backlit.ops.layers.normalization import BatchNorm, LayerNorm
from backlit.ops.registry import activations, losses, optimizers
from backlit.ops.registry import layers as layers_by_name

ROOT = Path(backlit.__file__).parent

# Trains one network compiled, and tells its result and how many passes of Numba's compiler ran.
TRAIN = """
import json
import numpy as np
from numba.core import event

class Count(event.Listener):
    total = 0
    def on_start(self, event):
        self.total += 1
    def on_end(self, event):
        pass

passes = Count()
event.register("numba:run_pass", passes)
import backlit
from backlit.engine.compiled import disk_cache
from backlit.engine.network import Network
from backlit.engine.training import Training
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.dropout import Dropout

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(20, 3)), rng.integers(0, 2, 20)
layers = [Dense(4, "leaky_relu"), Dense(4, "selu"), Dropout(0.3), Dense(3, "softmax"), Dense(2, "softmax")]
network = Network(layers, 3, "cross_entropy", seed=1)
training = Training(network, X, Y, optimizer="adam", epochs=3, batch_size=6, compiled=True).run()
print(json.dumps({
    "source": backlit.__file__, "folder": str(disk_cache.cache_folder()), "loss": training.history[-1].loss,
    "compiled": training.compiled, "passes": passes.total,
}))
"""

EDITS = {
    "a slope": ("activations/piecewise.py", "1.0, np.where(a <= 0.0, alpha, a))", "1.5, np.where(a <= 0.0, alpha, a))"),
    "a constant": ("activations/smooth.py", "SELU_SCALE = 1.05", "SELU_SCALE = 1.06"),
    "a helper function that loops call": (
        "activations/softmax.py", 'compiles to one that vectorises."""\n    return np.exp(z)',
        'compiles to one that vectorises."""\n    return np.exp(0.9 * z)'),
    "a helper function of a helper function": (
        "layers/dropout.py", "return h ^ (h >> SHIFT_31)", "return h ^ (h >> SHIFT_30)"),
    "a constant of a helper function": ("layers/dropout.py", "0xBF58476D1CE4E5B9", "0xBF58476D1CE4E5BB"),
    "the loops of a loss": (
        "losses/multiclass.py", "scale * dA[i, j] - shift", "0.9 * scale * dA[i, j] - shift"),
}  # fmt: skip
"""What is edited in a copy of the package: the file among the ops, the old text and the new one."""


def train(sources: Path, cache: Path, **environment: str) -> dict[str, Any]:
    """Train in a process of its own, on a copy of the package."""
    given = {**os.environ, "PYTHONPATH": str(sources), "BACKLIT_CACHE_DIR": str(cache), **environment}
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", TRAIN],
        env=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert Path(told["source"]).is_relative_to(sources)
    assert told["compiled"]
    return told


def kept(cache: Path) -> dict[str, int]:
    """Give the cache's files of machine code and when they were written."""
    files = (path for path in cache.rglob("*") if path.is_file() and not path.suffix)
    return {str(path.relative_to(cache)): path.stat().st_mtime_ns for path in files}


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Copy the package."""
    shutil.copytree(ROOT, tmp_path / "src" / "backlit", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "src"


def edit(sources: Path, file: str, old: str, new: str) -> None:
    path = sources / "backlit" / "ops" / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_second_process_compiles_nothing_and_every_edit_is_seen(sources, tmp_path):
    cache = tmp_path / "cache"
    first = train(sources, cache)
    files = kept(cache)
    assert Path(first["folder"]).is_relative_to(cache)
    assert files
    assert first["passes"] > 0

    second = train(sources, cache)
    assert (second["loss"], second["passes"]) == (first["loss"], 0)
    assert kept(cache) == files

    for what, (file, old, new) in EDITS.items():
        edit(sources, file, old, new)
        assert train(sources, cache)["loss"] != first["loss"], f"an edit was not seen: {what}"
        edit(sources, file, new, old)

    every = kept(cache)
    assert set(files) < set(every)
    undone = train(sources, cache)
    assert (undone["loss"], undone["passes"]) == (first["loss"], 0)
    assert kept(cache) == every


def test_an_edit_of_the_machine_or_of_an_elementary_function_renames_every_kernel(sources):
    """All kernels depend on these files, so their text is part of every kernel's name."""
    told = "from backlit.engine.compiled import disk_cache; print(disk_cache.foundation())"

    def foundation() -> str:
        given = {**os.environ, "PYTHONPATH": str(sources)}
        return subprocess.run(
            [sys.executable, "-c", told], env=given, capture_output=True, text=True, check=True
        ).stdout

    names = [foundation()]
    assert foundation() == names[0]
    packages = ("kernels", "engine/program", "engine/machine", "engine/compiled")
    files = [path for package in packages for path in sorted((sources / "backlit" / package).rglob("*.py"))]
    assert len(files) > 20
    for path in files:
        path.write_text(path.read_text(encoding="utf-8") + "\nEDITED = 1\n", encoding="utf-8")
        names.append(foundation())
    assert len(set(names)) == len(names)


PREDICT = """
from backlit.engine.compiled import disk_cache
from backlit.engine.network import Network
from backlit.ops.layers.dense import Dense

Network([Dense(2)], 3, "mse").predict([[1.0, 2.0, 3.0]], compiled=True)
print(disk_cache.cache_folder())
"""


def test_a_cache_that_cannot_be_written_is_no_obstacle(tmp_path):
    """A file stands where the folder should be, so not even the super-user can write there."""
    (tmp_path / "cache").write_text("in the way")
    given = {**os.environ, "BACKLIT_CACHE_DIR": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", PREDICT], env=given, capture_output=True, text=True, check=True)
    folder = Path(done.stdout.strip())
    assert folder.parent == tmp_path
    assert folder.name.startswith("backlit-kernels-")


def test_a_second_training_in_the_same_process_compiles_nothing(problem):
    from numba.core import event

    network, X, Y = problem("cross_entropy", ["tanh", "relu"])
    Training(network, X, Y, epochs=1).run()
    network.predict(X)
    with event.install_recorder("numba:run_pass") as recorder:
        network, X, Y = problem("cross_entropy", ["tanh", "relu"], units=9, rows=20, seed=3)
        Training(network, X, Y, epochs=2, batch_size=5, l2=0.1, clip_norm=1.0, target=0.0).run()
        network.predict(X)
    assert recorder.buffer == []


LOADED = """
import sys
import numpy as np
from backlit.engine.compiled import compile as compiler
from backlit.engine.compiled import disk_cache
from backlit.engine.network import Network
from backlit.engine.training import Training
from backlit.ops.layers.dense import Dense

compiled = []
translate = compiler._compiled
compiler._compiled = lambda title, *given, **more: (compiled.append(title), translate(title, *given, **more))[1]
network = Network([Dense(3, "tanh"), Dense(2, "softmax")], 2, "cross_entropy", seed=1)
training = Training(network, np.eye(4, 2), [0, 1, 0, 1], epochs=2, batch_size=2).run()
network.predict(np.eye(4, 2))
print(training.history[-1].loss, "numba" in sys.modules, *compiled)
"""


def run(code: str, cache: Path, **environment: str) -> list[str]:
    """Run a program in a process of its own, with a cache of its own, and give the words it prints."""
    given = os.environ | {"BACKLIT_CACHE_DIR": str(cache)} | environment
    done = subprocess.run([sys.executable, "-c", code], env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_warm_start_does_without_numba_and_damaged_files_are_compiled_anew(tmp_path):
    loss, _, *compiled = run(LOADED, tmp_path)
    assert "layer_dense_forward_float64" in compiled
    for seed in "123":  # of the order of sets, which must not show in a kernel's name
        assert run(LOADED, tmp_path, PYTHONHASHSEED=seed) == [loss, "False"]

    whole = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size}
    assert len(whole) > 8
    damage = [
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: b"",
    ]
    for k, (path, content) in enumerate(whole.items()):
        path.write_bytes(damage[k % len(damage)](content))
    again = run(LOADED, tmp_path)
    assert again[:2] == [loss, "True"]
    mended = [path for path in whole if disk_cache._read(path) is not None]  # all but what this program does not need
    assert len(mended) == len(again) - 2 >= 10
    assert run(LOADED, tmp_path) == [loss, "False"]


def test_kernels_of_other_foundations_go_when_unused_for_long(tmp_path):
    old, recent = tmp_path / "kernels" / "old", tmp_path / "kernels" / "recent"
    for folder, days in ((old, disk_cache.KEPT_DAYS + 1), (recent, disk_cache.KEPT_DAYS - 1)):
        folder.mkdir(parents=True)
        (folder / "kernel").write_bytes(b"code")
        os.utime(folder, (time.time() - days * 86_400,) * 2)
    run("from backlit.engine.compiled import disk_cache; disk_cache.cache_folder()", tmp_path)
    assert not old.exists()
    assert recent.exists()


def test_no_kernel_can_allocate_or_raise(problem):
    """What a kernel takes from outside is in its file: elementary functions and the matrix product, nothing else."""
    layers = [[Dense(3, bias=False), BatchNorm(), name, Dropout(0.5), LayerNorm(), Dense(2)] for name in activations]
    trained = [(Network(chain, 2, "mse"), "sgd", np.zeros((8, 2))) for chain in layers]
    trained += [(Network([Dense(2)], 2, "mse"), name, np.zeros((8, 2))) for name in optimizers if name != "lbfgs"]
    for name in losses:
        for last in ("identity", "sigmoid", "softmax", "softplus"):
            with contextlib.suppress(BacklitError):  # where the loss is not defined for these outputs
                network = Network([Dense(2, last)], 2, name)
                trained.append((network, "sgd", network.check_targets(np.eye(8, 2), 8)))
    X = np.random.default_rng(0).normal(size=(8, 2))
    for network, optimizer, Y in trained:
        Training(network, X, Y, optimizer=optimizer, epochs=1, clip_norm=1.0, max_norm=1.0, threads=1).run()
        network.predict(X)
    taken = {}
    for path in disk_cache.cache_folder().iterdir():
        code = disk_cache._read(path)
        if code is not None:
            taken[path.name] = set(code.outside)
    allowed = {
        "sqrt",
        "sqrtf",
        "log1p",
        "log1pf",
        "exp",
        "expf",
        "backlit_multiply_float32",
        "backlit_multiply_float64",
    }
    registries = (layers_by_name, activations, losses, optimizers)
    classes = [registry[name] for registry in registries for name in registry]
    ops = [f"{op.kind}_{op.name}_" for op in classes if op.__module__.startswith("backlit.ops.")]  # not of other tests
    ours = {name: taken for name, taken in taken.items() if name.startswith(("products_", "machine_", *ops))}
    assert len(ours) > 60
    assert {name: outside - allowed for name, outside in ours.items() if outside - allowed} == {}
