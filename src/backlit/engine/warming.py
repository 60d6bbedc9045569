"""Compiles what registered ops can need before any network needs it, so that later processes find it in the cache.

Kernels depend on an op, on the type of the numbers, and on whether the op may overwrite its input; not on sizes or on
the values of settings. So a small network for each op, built and never run, asks for all of its kernels. The machine's
entry points and the matrix product are shared by all networks.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from backlit.engine import machine
from backlit.engine.architecture import Architecture
from backlit.engine.code_cache import background, disk_cache
from backlit.engine.compiled import CompiledMachine, can_compile
from backlit.engine.executable import Executable
from backlit.engine.gradients import Revealing
from backlit.errors import BacklitError
from backlit.kernels.gemm.symbols import SHARED
from backlit.ops.base import Activation, Layer, Loss, Optimizer, Shape
from backlit.ops.layers.dense import Dense
from backlit.ops.registry import activations, layers, losses, optimizers

INPUTS, UNITS, ROWS = 3, 2, 4
DTYPES = ("float32", "float64")


class Warmed(NamedTuple):
    """A part that lies in the cache now: its number of all, its name; and why it was left out, or ""."""

    number: int
    parts: int
    what: str
    left_out: str = ""


class CacheContents(NamedTuple):
    """What the cache holds: its folder, the number of compiled functions, their bytes.

    `temporary` says why a folder that ends with this process is used in its place, or "". `not_kept` counts what this
    process compiled and could not write there, on a full disk for instance, and what is missing there still.
    """

    folder: Path
    functions: int
    size: int
    temporary: str
    not_kept: int


def cache_contents() -> CacheContents:
    """Look into the cache; where its folder cannot be read, it counts as empty."""
    folder, sizes = disk_cache.cache_folder(), []
    with contextlib.suppress(OSError):
        sizes = [path.stat().st_size for path in folder.iterdir() if not path.suffix]
    missing = [path for path in disk_cache.not_kept if path.parent == folder and not path.exists()]
    return CacheContents(folder, len(sizes), sum(sizes), disk_cache.temporary.get(folder, ""), len(missing))


def warm(dtypes: Sequence[str] = DTYPES) -> Iterator[Warmed]:
    """Compile what any network of the registered ops needs, in these types of number; give each part when it is done.

    What lies in the cache already is found there. A layer that cannot be made without settings and gives no `sample` is
    left out.

    Errors: a BacklitError where Numba is missing, so that nothing can be compiled, or where the cache cannot be used.

    >>> from backlit.engine.warming import parts_of
    >>> [part for part, _ in parts_of("float64")][:2]
    ['start', 'layer dense']
    """
    if not can_compile():
        raise BacklitError(
            "nothing can be compiled, since Numba cannot be imported. Install it: pip install 'numba>=0.68,<0.69'."
        )
    held = cache_contents()
    if held.temporary:
        raise BacklitError(
            f"the cache cannot be used: {held.temporary}. To use the cache, mend this, or set BACKLIT_CACHE_DIR to a "
            "folder of your own."
        )
    parts = [(f"{what}, {dtype}", make) for dtype in dtypes for what, make in parts_of(dtype)]
    for number, (what, make) in enumerate(parts, 1):
        left_out = ""
        try:
            make()
        except (BacklitError, TypeError) as error:  # of an op whose settings have no defaults
            left_out = str(error)
        yield Warmed(number, len(parts), what, left_out)


def parts_of(dtype: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Give the parts for one type of number: a name, and what compiles it. The first starts a helper process."""
    yield "start", functools.partial(background.begin, dtype, (*SHARED, *machine.ENTRY_POINTS))
    yield "layer dense", lambda: _build(dtype, [Dense(UNITS), Dense(UNITS)], "mse")
    for name, layer in layers.items():
        if name != "dense":
            yield f"layer {name}", functools.partial(_layer, dtype, layer)
    yield "tied layers", lambda: _build(dtype, [Dense(INPUTS, tie="both"), Dense(INPUTS, tie="both")], "mse")
    yield "a shared bias", lambda: _build(dtype, [Dense(UNITS, bias="shared")], "mse")
    for name, activation in activations.items():
        yield f"activation {name}", functools.partial(_activation, dtype, activation)
    for name, loss in losses.items():
        yield f"loss {name}", functools.partial(_loss, dtype, loss)
    for name, optimizer in optimizers.items():
        yield f"optimizer {name}", functools.partial(_optimizer, dtype, optimizer)
    yield "gradients as a network gives them", functools.partial(_optimizer, dtype, Revealing)
    for entry in machine.ENTRY_POINTS:
        yield f"entry point {entry}", functools.partial(_entry_point, dtype, entry)


def _build(
    dtype: str, layers: Sequence[Layer], loss: Loss | str, optimizer: Optimizer | None = None, *, keep: bool = False,
    inputs: int | Shape = INPUTS,
) -> None:  # fmt: skip
    """Ask for the kernels of a network: those to predict, and those to train; `keep` lets no op overwrite its input."""
    network = Architecture(layers, inputs, loss, dtype=dtype, seed=0)
    executable = Executable(network, ROWS, optimizer, keep=keep)
    _ = executable.prediction, executable.training


def _layer(dtype: str, layer: Any) -> None:
    sample, row = layer.sample()
    _build(dtype, [sample], "mse", inputs=row)


def _activation(dtype: str, activation: Any) -> None:
    """Ask for an activation's kernels: where it overwrites its input, as in training, and where not, as in a trace."""
    op: Activation = activation()
    for keep in (False, True):
        _build(dtype, [Dense(UNITS, op), Dense(UNITS)], "mse", keep=keep)


def _loss(dtype: str, loss: Any) -> None:
    """Ask for a loss's kernels, behind the first activation that it is defined for and that it is not fused with."""
    op: Loss = loss()
    refused: BacklitError | None = None
    for name in activations:
        if name in op.fused:
            continue
        try:
            _build(dtype, [Dense(UNITS, name)], op)
        except BacklitError as error:
            refused = error
        else:
            return
    if refused is not None:
        raise refused


def _optimizer(dtype: str, optimizer: Any) -> None:
    _build(dtype, [Dense(UNITS)], "mse", optimizer())


def _entry_point(dtype: str, name: str) -> None:
    CompiledMachine(dtype).entry_point(name)
