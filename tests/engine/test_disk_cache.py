"""The cache of compiled kernels: an edited source is compiled anew, an unedited one never again."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import shutil
import subprocess
import sys
import time
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import SAMPLES, draw_rows

import backlit
from backlit.engine.code_cache import disk_cache
from backlit.engine.code_cache.object_code import Code, code_of
from backlit.engine.network import Network
from backlit.engine.training import Training
from backlit.errors import BacklitError
from backlit.ops.layers.branches import Parallel
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
from backlit.engine.code_cache import disk_cache
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

EDITS = [
    {
        "a slope": (
            "activation_leaky_relu_backward", "activations/piecewise.py", "1.0, np.where(a <= 0.0, alpha, a))",
            "1.5, np.where(a <= 0.0, alpha, a))"),
        "a constant": ("activation_selu", "activations/smooth.py", "SELU_SCALE = 1.05", "SELU_SCALE = 1.06"),
        "a helper function that loops call": (
            "activation_softmax", "activations/softmax.py", "return np.exp(z)", "return np.exp(0.9 * z)"),
        "a helper function of a helper function": (
            "layer_dropout", "layers/dropout.py", "return h ^ (h >> SHIFT_31)", "return h ^ (h >> SHIFT_30)"),
        "the loops of a loss": (
            "loss_softmax_cross_entropy", "losses/multiclass.py", "scale * dA[i, j] - shift",
            "0.9 * scale * dA[i, j] - shift"),
    },
    {
        "a constant of a helper function": (
            "layer_dropout", "layers/dropout.py", "0xBF58476D1CE4E5B9", "0xBF58476D1CE4E5BB"),
    },
]  # fmt: skip
"""What is edited in a copy of the package, at once: how the kernel's title begins, the file, the old text, the new."""


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


def test_a_second_process_compiles_nothing_and_every_edit_is_seen(sources, thinned_cache):
    cache = thinned_cache("activation_", "layer_", "loss_", "optimizer_")
    first = train(sources, cache)
    files = kept(cache)
    assert Path(first["folder"]).is_relative_to(cache)
    assert files
    assert first["passes"] > 0

    second = train(sources, cache)
    assert (second["loss"], second["passes"]) == (first["loss"], 0)
    assert kept(cache) == files

    losses_found, every = [first["loss"]], files
    for edits in EDITS:
        for _, file, old, new in edits.values():
            edit(sources, file, old, new)
        losses_found.append(train(sources, cache)["loss"])
        for _, file, old, new in edits.values():
            edit(sources, file, new, old)
        before, every = every, kept(cache)
        made = [Path(name).name for name in every if name not in before]
        for what, (title, *_) in edits.items():
            assert any(name.startswith(title) for name in made), f"an edit was not seen: {what}"
    assert len({*losses_found}) == len(losses_found)

    assert set(files) < set(every)
    undone = train(sources, cache)
    assert (undone["loss"], undone["passes"]) == (first["loss"], 0)
    assert kept(cache) == every


FOUNDATIONS = """
import sys
from pathlib import Path
from backlit.engine.code_cache import disk_cache

print(disk_cache.foundation())
for line in sys.stdin:
    path = Path(line.strip())
    path.write_text(path.read_text(encoding="utf-8") + "\\nEDITED = 1\\n", encoding="utf-8")
    disk_cache.foundation.cache_clear()
    print(disk_cache.foundation())
"""
"""Edits the files that are given on standard input, and tells the digest before and after each edit."""


def test_an_edit_of_the_machine_or_of_an_elementary_function_renames_every_kernel(sources):
    """All kernels depend on these files, so their text is part of every kernel's name."""
    packages = ("kernels", "engine/program", "engine/machine", "engine/code_cache", "engine/compiled")
    files = [path for package in packages for path in sorted((sources / "backlit" / package).rglob("*.py"))]
    assert len(files) > 20

    def foundations(edited: list[Path]) -> list[str]:
        given = {**os.environ, "PYTHONPATH": str(sources)}
        return subprocess.run(
            [sys.executable, "-c", FOUNDATIONS], input="\n".join(map(str, edited)), env=given, capture_output=True,
            text=True, check=True,
        ).stdout.split()  # fmt: skip

    before = foundations([])
    names = foundations(files)
    assert names[:1] == before  # of two processes
    assert len(set(names)) == len(names) == len(files) + 1
    assert foundations([]) == names[-1:]


PREDICT = """
from backlit.engine.code_cache import disk_cache
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
    assert folder.is_relative_to(tmp_path)
    assert folder.relative_to(tmp_path).parts[0].startswith("backlit-")
    assert not folder.exists()  # it is removed at the end
    assert done.stderr.count("Warning") == 1
    assert f"{tmp_path / 'cache'} is not a folder" in done.stderr


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
from backlit.engine.code_cache import disk_cache
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


def test_a_warm_start_does_without_numba_and_damaged_files_are_compiled_anew(thinned_cache):
    cache = thinned_cache("activation_", "layer_", "loss_", "optimizer_", "multiply_", "machine_predict_rows_")
    undamaged = set(kept(cache))
    loss, _, *compiled = run(LOADED, cache)
    assert "layer_dense_forward_float64" in compiled
    for seed in "123":  # of the order of sets, which must not show in a kernel's name
        assert run(LOADED, cache, PYTHONHASHSEED=seed) == [loss, "False"]

    whole = {cache / name: (cache / name).read_bytes() for name in kept(cache) if name not in undamaged}
    assert len(whole) > 8
    damage = [
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: b"",
    ]
    for k, (path, content) in enumerate(whole.items()):
        path.write_bytes(damage[k % len(damage)](content))
    again = run(LOADED, cache)
    assert again[:2] == [loss, "True"]
    mended = [path for path in whole if disk_cache._read(path) is not None]  # all but what this program does not need
    assert len(mended) == len(again) - 2 >= 10
    assert run(LOADED, cache) == [loss, "False"]


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
    others = [(layer, row) for layer, row in SAMPLES.values()]
    others += [(Parallel([[Dense(2, tie="one")], [Dense(2, tie="one")]]), (2,)), (Dense(2, bias="shared"), (2,))]
    networks = [Network([layer], row, "mse") for layer, row in others]
    trained += [(network, "sgd", np.zeros((8, network.output_size))) for network in networks]
    for network, optimizer, Y in trained:
        X = draw_rows(network, 8, np.random.default_rng(0))
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
    classes = [op for op in classes if op.__module__.startswith("backlit.ops.")]  # not of other tests
    ops = [f"{op.kind}_{op.name}_{which}" for op in classes for which in ("forward", "backward", "float")]
    ours = {name: taken for name, taken in taken.items() if name.startswith(("products_", "machine_", *ops))}
    assert len(ours) > 60
    assert {name: outside - allowed for name, outside in ours.items() if outside - allowed} == {}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give this process a cache of its own, not opened yet, and give its root."""
    monkeypatch.setenv("BACKLIT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(disk_cache, "_warned", [])
    disk_cache.cache_folder.cache_clear()
    yield tmp_path / "cache"
    disk_cache.cache_folder.cache_clear()


def adding(number: float, symbol: str = "f") -> Code:
    """Compile, without Numba, a function that adds a number."""
    text = f"define double @f(double %x) {{\n%y = fadd double %x, {number:.6e}\nret double %y\n}}"
    code = code_of(text, "f")
    return Code(code.object_file, symbol, code.outside)


def added(title: str, number: float, compiled: list[str] | None = None) -> float:
    """Load a kernel that adds a number, call it with 0, and note where it had to be compiled."""

    def compile_it() -> Code:
        if compiled is not None:
            compiled.append(title)
        return adding(number)

    address = disk_cache.load(title, "a digest", compile_it)
    result: float = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(address)(0.0)
    return result


def file_of(title: str) -> Path:
    (path,) = disk_cache.cache_folder().glob(f"{title}_*")
    return path


def test_a_kernel_under_the_name_of_another_is_compiled_anew(cache):
    assert (added("one", 1), added("two", 2)) == (1, 2)
    shutil.copy(file_of("one"), file_of("two"))
    compiled: list[str] = []
    assert added("two", 2, compiled) == 2
    assert added("two", 2, compiled) == 2
    assert compiled == ["two"]


SEALED = r"""
import sys
import msgspec
sys.path[:0] = sys.argv[1:]
from test_disk_cache import added, adding, file_of
from backlit.engine.code_cache import disk_cache
from backlit.engine.code_cache.object_code import Code

def packed(object_file, symbol="f", outside=()):
    return msgspec.msgpack.encode(Code(object_file, symbol, outside))

added("kernel", 1)
path, good = file_of("kernel"), adding(1).object_file
cases = {
    "no object": packed(b""), "text": packed(b"no object file " * 100), "zeros": packed(bytes(1000)),
    "cut at 16": packed(good[:16]), "cut at 64": packed(good[:64]), "cut at half": packed(good[: len(good) // 2]),
    "cut by one": packed(good[:-1]), "elf of 32 bits": packed(good[:4] + b"\1" + good[5:]),
    "elf of other endian": packed(good[:5] + b"\2" + good[6:]), "elf of ARM": packed(good[:18] + b"\xb7" + good[19:]),
    "an executable": packed(good[:16] + b"\2" + good[17:]), "mach-o": packed(b"\xcf\xfa\xed\xfe" + bytes(100)),
    "coff": packed(b"\x64\x86" + bytes(100)), "bitcode": packed(b"BC\xc0\xde" + bytes(100)),
    "archive": packed(b"!<arch>\n" + bytes(100)), "another symbol": packed(good, "g"),
    "an unknown function": packed(good, "f", ("no_such_function",)),
    "nothing": b"", "no msgpack": b"\xc1", "other types": msgspec.msgpack.encode({"object_file": 1, "symbol": 2}),
    "a list": b"\x90", "no text": packed(good).replace(b"\xa1f", b"\xa1\xff"), "nested": b"\x81\xa1a" * 100_000,
}
for name, content in cases.items():
    path.write_bytes(disk_cache._seal(path.name, content) + content)
    compiled = []
    assert (added("kernel", 1, compiled), compiled) == (1, ["kernel"]), name
    assert (added("kernel", 1, compiled), compiled) == (1, ["kernel"]), name
print(len(cases))
"""


def test_sealed_files_that_hold_no_kernel_are_compiled_anew(tmp_path):
    """In a process of its own, since LLVM's linker ends the process at what is no object file of this machine."""
    given = os.environ | {"BACKLIT_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", SEALED, *map(str, Path(__file__).parents[:2])]
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "23"), done.stderr


def test_a_clean_up_at_any_moment_costs_at_most_a_kernel(cache):
    """Before each line that runs in the cache's file, the folder is removed as by another process."""
    expected = cache / "kernels" / disk_cache.foundation()[:16]

    def steps(removed_at: int) -> int:
        count = 0

        def trace(frame: types.FrameType, event: str, _: Any) -> Any:
            nonlocal count
            if frame.f_code.co_filename != disk_cache.__file__:
                return None
            if event == "line":
                count += 1
                if count == removed_at:
                    shutil.rmtree(expected, ignore_errors=True)
            return trace

        disk_cache.cache_folder.cache_clear()
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            claimed = disk_cache.claim(f"claim-{removed_at}.asked")
            result = added("kernel", 1)
        finally:
            sys.settrace(before)
        assert disk_cache.cache_folder() == expected
        assert (result, claimed) == (1, True)
        added("kernel", 1)
        assert disk_cache.has_kernels()
        return count

    total = steps(0)
    assert total > 30
    for k in range(1, total + 40):
        for path in expected.glob("kernel_*"):
            path.unlink(missing_ok=True)
        steps(k)


def aged(path: Path, days: float) -> None:
    os.utime(path, (time.time() - days * 86_400,) * 2, follow_symlinks=False)


def test_marked_folders_go_when_unused_for_long_and_no_other_does(cache, tmp_path):
    kernels = cache / "kernels"
    days = {"old": 31, "recent": 29, "users": 31}
    for name in days:
        (kernels / name).mkdir(parents=True)
        (kernels / name / "kernel").write_bytes(b"code")
        if name != "users":
            (kernels / name / disk_cache.MARKER).touch()
    (kernels / "file").write_text("the user's")
    marked = tmp_path / "elsewhere"
    marked.mkdir()
    (marked / disk_cache.MARKER).touch()
    (kernels / "link").symlink_to(marked)
    (kernels / "old" / "link").symlink_to(marked)
    for name in ("file", "link"):
        aged(kernels / name, 31)
    aged(marked, 31)
    for name, age in days.items():
        aged(kernels / name, age)
    disk_cache.cache_folder()
    assert {path.name for path in kernels.iterdir()} - {disk_cache.cache_folder().name} == {
        "recent", "users", "file", "link",
    }  # fmt: skip
    assert (marked / disk_cache.MARKER).exists()


def test_folders_that_the_cache_makes_are_marked_and_the_users_own_is_not(cache):
    folder = disk_cache.cache_folder()
    assert (folder / disk_cache.MARKER).is_file()
    assert (folder.parent / disk_cache.MARKER).is_file()
    assert not (cache / disk_cache.MARKER).exists()
    shutil.rmtree(cache)
    (cache / "kernels").mkdir(parents=True)
    disk_cache.cache_folder.cache_clear()
    assert (disk_cache.cache_folder() / disk_cache.MARKER).is_file()
    assert not (cache / "kernels" / disk_cache.MARKER).exists()


posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has other permissions; the check is left out")
root = pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root can give files away")
OTHER = 54_321
"""A user who is neither this one nor root, and has no name."""


@posix
@pytest.mark.parametrize("mask", [0, 0o022, 0o777])
def test_only_the_user_can_read_the_cache_whatever_the_umask(cache, mask):
    before = os.umask(mask)
    try:
        added("kernel", 1)
        folder = disk_cache.cache_folder()
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in (cache, folder.parent, folder)} == {0o700}
    assert file_of("kernel").stat().st_mode & 0o777 == 0o600


def opened(folder: Path) -> tuple[bool, list[str]]:
    """Open the cache and load a kernel from it; tell whether the given folder was used, and the warnings."""
    disk_cache.cache_folder.cache_clear()
    disk_cache._warned.clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert (added("one", 1), added("two", 2)) == (1, 2)
        return disk_cache.cache_folder() == folder, [str(warning.message) for warning in caught]


@posix
@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777, 0o1777])
@pytest.mark.parametrize("above", [0, 1])
def test_a_folder_that_others_can_write_is_not_used(cache, above, mode):
    folder = disk_cache.cache_folder()
    part = [folder, *folder.parents][above]
    part.chmod(mode)
    used, (warning,) = opened(folder)
    assert not used
    for words in (str(part), f"mode {mode:04o}", "chmod go-w", "BACKLIT_CACHE_DIR", "temporary folder"):
        assert words in warning
    part.chmod(0o755)
    assert opened(folder) == (True, [])


@posix
@pytest.mark.parametrize(("mode", "safe"), [(0o755, True), (0o1777, True), (0o777, False), (0o775, False)])
def test_a_folder_above_the_cache_may_be_sticky(tmp_path, cache, monkeypatch, mode, safe):
    folder = disk_cache.cache_folder()
    for above in (cache, tmp_path):
        above.chmod(mode)
        assert opened(folder)[0] == safe
        above.chmod(0o700)
    monkeypatch.setenv("HOME", str(cache))  # what is above the home folder does not count
    tmp_path.chmod(mode)
    assert opened(folder) == (True, [])


@root
@pytest.mark.parametrize("above", range(4))
def test_a_folder_of_another_user_is_not_used_even_by_root(cache, above):
    folder = disk_cache.cache_folder()
    part = [folder, *folder.parents][above]
    os.chown(part, OTHER, -1)
    used, (warning,) = opened(folder)
    assert not used
    assert f"{part} belongs to user {OTHER}" in warning
    os.chown(part, 0, -1)
    assert opened(folder) == (True, [])


@posix
@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_files_that_others_can_write_are_replaced_with_one_warning(cache, mode):
    folder = disk_cache.cache_folder()
    opened(folder)
    for title in ("one", "two"):
        file_of(title).chmod(mode)
    used, (warning,) = opened(folder)
    assert used
    assert f"{file_of('one')} belongs" in warning
    assert f"mode {mode:04o}" in warning
    assert [file_of(title).stat().st_mode & 0o777 for title in ("one", "two")] == [0o600] * 2
    assert opened(folder) == (True, [])


@root
def test_a_file_of_another_user_is_replaced(cache):
    folder = disk_cache.cache_folder()
    opened(folder)
    os.chown(file_of("one"), OTHER, -1)
    used, (warning,) = opened(folder)
    assert used
    assert f"{file_of('one')} belongs to user {OTHER}" in warning
    assert file_of("one").stat().st_uid == 0


@posix
@pytest.mark.timeout(60)
def test_links_and_named_pipes_in_the_place_of_files_are_replaced(cache, tmp_path):
    folder = disk_cache.cache_folder()
    opened(folder)
    one, two = file_of("one"), file_of("two")
    one.rename(tmp_path / "target")
    one.symlink_to(tmp_path / "target")
    two.unlink()
    os.mkfifo(two)
    content = (tmp_path / "target").read_bytes()
    assert opened(folder)[0]
    assert one.is_file()
    assert not one.is_symlink()
    assert two.is_file()
    assert (tmp_path / "target").read_bytes() == content


AS_OTHER = """
import os, sys, tempfile
from pathlib import Path
from backlit.engine.code_cache import disk_cache
disk_cache.foundation()
os.setgid(int(sys.argv[1]))
os.setuid(int(sys.argv[1]))
print(disk_cache.cache_folder())
"""


def as_other(tmp_path: Path, **environment: str) -> tuple[str, str]:
    """Open the cache as another user, and give its folder and the warnings."""
    given = {name: value for name, value in os.environ.items() if name not in {"HOME", "BACKLIT_CACHE_DIR"}}
    temporary = tmp_path / "temporary"
    temporary.mkdir(exist_ok=True)
    temporary.chmod(0o1777)
    done = subprocess.run(
        [sys.executable, "-c", AS_OTHER, str(OTHER)], env=given | {"TMPDIR": str(temporary)} | environment,
        capture_output=True, text=True, check=False, cwd=temporary,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not {path.name for path in temporary.iterdir()} - {"cache"}
    return done.stdout.strip(), done.stderr


@pytest.fixture
def open_path(tmp_path: Path) -> Path:
    """Let another user enter the folders above; Pytest closes them."""
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(0o711)
    return tmp_path


@root
def test_a_user_without_name_and_home_compiles_into_a_temporary_folder(open_path):
    folder, said = as_other(open_path)
    assert folder.startswith(f"{open_path}/temporary/backlit-")
    assert said.count("UserWarning") == 1
    assert "HOME" in said


@root
def test_a_user_uses_a_folder_of_their_own_and_none_of_a_third_user(open_path):
    cache = open_path / "temporary" / "cache"
    folder, said = as_other(open_path, BACKLIT_CACHE_DIR=str(cache))
    assert (Path(folder).parents[1], said) == (cache, "")
    os.chown(cache / "kernels", OTHER + 1, -1)
    folder, said = as_other(open_path, BACKLIT_CACHE_DIR=str(cache))
    assert folder.startswith(f"{open_path}/temporary/backlit-")
    assert f"{cache / 'kernels'} belongs to user {OTHER + 1}" in said
    os.chown(cache / "kernels", 0, 0)  # of root, who may, but here the user cannot reach it
    folder, said = as_other(open_path, BACKLIT_CACHE_DIR=str(cache))
    assert folder.startswith(f"{open_path}/temporary/backlit-")
    assert "Permission denied" in said


@root
def test_a_cache_that_only_root_can_write_is_used_by_others(open_path, cache):
    folder = disk_cache.cache_folder()
    added("kernel", 1)
    for path in (cache, folder.parent, folder):
        path.chmod(0o755)
    for path in (*folder.iterdir(), folder.parent / disk_cache.MARKER):
        path.chmod(0o644)
    assert as_other(open_path, BACKLIT_CACHE_DIR=str(cache)) == (str(folder), "")


def test_no_folder_is_named_by_a_tilde(cache, tmp_path, monkeypatch):
    """Older versions of platformdirs leave it in the name where they find no home folder."""
    monkeypatch.delenv("BACKLIT_CACHE_DIR")
    monkeypatch.setattr(disk_cache.os.path, "expanduser", lambda path: path)
    monkeypatch.setattr(disk_cache.platformdirs, "user_cache_dir", lambda name: f"~/.cache/{name}")
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match="home folder of ~/.cache/backlit is unknown"):
        folder = disk_cache.cache_folder()
    assert added("kernel", 1) == 1
    assert not folder.is_relative_to(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_write_leaves_no_file(cache, monkeypatch, error):
    whole = os.fdopen

    @contextlib.contextmanager
    def full(handle: int, mode: str) -> Iterator[Any]:
        def write(content: bytes) -> None:
            file.write(content[:100])
            raise error

        with whole(handle, mode) as file:
            yield types.SimpleNamespace(write=write)

    before = {*disk_cache.cache_folder().iterdir()}
    monkeypatch.setattr(disk_cache.os, "fdopen", full)
    with contextlib.suppress(KeyboardInterrupt):
        assert added("kernel", 1) == 1
    assert {*disk_cache.cache_folder().iterdir()} == before


def test_unfinished_files_of_killed_processes_go_after_a_day(cache):
    folder = disk_cache.cache_folder()
    added("kernel", 1)
    old, recent = folder / "tmp1.tmp", folder / "tmp2.tmp"
    for path, days in ((old, 1.1), (recent, 0.9), (file_of("kernel"), 400)):
        path.touch()
        aged(path, days)
    disk_cache.cache_folder.cache_clear()
    disk_cache.cache_folder()
    assert not old.exists()
    assert recent.exists()
    assert file_of("kernel").exists()


def test_claims_and_markers_are_not_taken_for_kernels(cache):
    assert not disk_cache.has_kernels()
    assert disk_cache.claim("entry_float64.asked")
    assert not disk_cache.claim("entry_float64.asked")
    assert not disk_cache.has_kernels()
    added("kernel", 1)
    assert disk_cache.has_kernels()
