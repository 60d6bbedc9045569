"""`warm` compiles all that chains of the registered ops ask for later, in any place and any combination."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from cases import LOSSES, OTHER_LAYERS

from backlit.engine import machine, warming
from backlit.engine.architecture import Architecture
from backlit.engine.code_cache import background, disk_cache
from backlit.engine.compiled import compile as compiler
from backlit.engine.executable import Executable
from backlit.engine.warming import warm
from backlit.errors import BacklitError
from backlit.kernels.gemm import symbols
from backlit.ops.base import Activation
from backlit.ops.layers.dense import Dense
from backlit.ops.registry import activations, layers, losses, optimizers, register

Asked = set[tuple[str, str]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    """Collect the functions that are asked of the cache, by title and digest, in the place of compiling them."""
    names: Asked = set()
    monkeypatch.setattr(compiler, "load", lambda title, digest, _: (names.add((title, digest)), 1)[1])
    monkeypatch.setattr(compiler, "KEPT", {})
    monkeypatch.setattr(compiler, "_multiplying", set())
    monkeypatch.setattr(symbols, "define", lambda *given: None)
    monkeypatch.setattr(background, "begin", lambda *given: None)
    monkeypatch.setattr(background, "claim", lambda *given: True)
    compiler.entry_point.cache_clear()
    yield names
    compiler.entry_point.cache_clear()


def later(asked: Asked, run) -> Asked:
    """Give what is asked for by what runs now, with an empty memory."""
    compiler.KEPT.clear()
    compiler.entry_point.cache_clear()
    before = asked.copy()
    asked.clear()
    run()
    found = asked.copy()
    asked |= before
    return found


def chains() -> Iterator[tuple[list, object, str]]:
    """Give networks with every op in places that `warm` does not build: first, last, twice, behind another layer."""
    every = [Dense(5, name) for name in activations]
    others = [layer for layer in OTHER_LAYERS if layer.name not in activations]
    for loss in LOSSES:
        for last in activations:
            yield [Dense(4, "relu"), Dense(3, last)], loss, last
    for other in others:
        yield [other, Dense(4, "tanh", bias=False), other, *every, other, Dense(3)], "mse", other.name
        yield [Dense(4), other, "relu", other, "sigmoid", Dense(3, freeze=("W",))], "huber", other.name
    yield ["tanh", "relu", Dense(3, "softmax")], "cross_entropy", "no dense layer before"


@pytest.mark.parametrize("dtype", warming.DTYPES)
def test_every_chain_finds_its_code(asked, dtype):
    assert all(not part.left_out for part in warm([dtype]))
    ready = asked.copy()
    built = 0
    for chain, loss, what in chains():
        for optimizer in (None, *(optimizers[name]() for name in optimizers)) if what == "batch_norm" else (None,):
            for more in ({}, {"keep": True}, {"input_gradient": True}, {"forward_only": True}, {"target_columns": 1}):

                def run(chain=chain, loss=loss, optimizer=optimizer, more=more):
                    executable = Executable(Architecture(chain, 6, loss, dtype=dtype, seed=0), 300, optimizer, **more)
                    _ = executable.prediction, executable.training
                    for name in machine.ENTRY_POINTS:
                        executable.runner.entry_point(name)

                try:
                    missing = {title for title, _ in later(asked, run) - ready}
                except BacklitError:  # the loss is not defined for such outputs
                    continue
                built += 1
                assert not missing, f"{what}, {loss}, {more}"
    assert built > 500


def test_the_two_types_share_nothing(asked):
    first = later(asked, lambda: list(warm(["float32"])))
    second = later(asked, lambda: list(warm(["float64"])))
    assert {title.rpartition("_")[0] for title, _ in first} == {title.rpartition("_")[0] for title, _ in second}
    assert not first & second


def test_a_registered_op_is_compiled_too_and_one_without_defaults_is_left_out(asked):
    @register("warm_cube")
    class Cube(Activation, frozen=True):
        @staticmethod
        def value(z):
            return z * z * z

        @staticmethod
        def slope(z):
            return 3.0 * z * z

    @register("warm_power")
    class Power(Activation, frozen=True):
        factor: float

        @staticmethod
        def value(z, factor):
            return factor * z

        @staticmethod
        def slope(z, factor):
            return factor + 0.0 * z

    try:
        parts = {part.what: part.left_out for part in warm(["float32"])}
    finally:
        del activations["warm_cube"], activations["warm_power"]
    assert not parts["activation warm_cube, float32"]
    assert "factor" in parts["activation warm_power, float32"]
    assert {"activation_warm_cube_forward_float32", "activation_warm_cube_backward_float32"} <= {t for t, _ in asked}


def test_parts_are_numbered_and_cover_the_registries(asked):
    parts = [*warm(["float64"])]
    assert [part.number for part in parts] == [*range(1, parts[0].parts + 1)]
    named = {part.what.removesuffix(", float64") for part in parts}
    for registry in (layers, activations, losses, optimizers):
        assert {f"{registry.kind} {name}" for name in registry} <= named


def test_without_numba_it_is_refused(monkeypatch):
    monkeypatch.setattr(warming, "can_compile", lambda: False)
    with pytest.raises(BacklitError, match="pip install 'numba"):
        list(warm())


def test_a_cache_that_cannot_be_used_is_refused(tmp_path):
    """A file stands where the folder should be; a temporary folder in its place would be of no use."""
    (tmp_path / "file").touch()
    code = "from backlit.cli import main; raise SystemExit(main(['warm']))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=os.environ | {"BACKLIT_CACHE_DIR": str(tmp_path / "file"), "TMPDIR": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "error: the cache cannot be used: " in done.stderr
    assert "BACKLIT_CACHE_DIR" in done.stderr


def test_what_cannot_be_written_is_counted(monkeypatch, tmp_path):
    monkeypatch.setattr(disk_cache, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(disk_cache, "not_kept", [])
    monkeypatch.setattr(disk_cache, "_read", lambda path: None)
    monkeypatch.setattr(disk_cache, "_write", lambda path, code: False)
    monkeypatch.setattr(disk_cache, "link", lambda code: 1)
    disk_cache.load("a", "b", lambda: None)
    assert warming.cache_contents()[1:] == (0, 0, "", 1)


def test_what_could_not_be_written_elsewhere_or_is_there_by_now_is_not_counted(monkeypatch, tmp_path):
    monkeypatch.setattr(disk_cache, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(disk_cache, "not_kept", [tmp_path / "there", tmp_path / "missing", tmp_path / "other" / "gone"])
    (tmp_path / "there").touch()
    assert warming.cache_contents().not_kept == 1
