"""Compiles functions, or finds them in the cache, and gives their addresses.

A *kernel* is an op's function behind a fixed signature: it takes a row of the instruction table and the base addresses
of the flat vectors, makes the arrays that the function names, and calls it. Each kernel is compiled by itself when
first used. The instruction table holds its address.
"""

from __future__ import annotations

import functools
import gc
import importlib.util
import os
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from backlit.engine import machine
from backlit.engine.code_cache import announcing, background, disk_cache
from backlit.engine.code_cache.digest import Dependencies, dependencies_of
from backlit.engine.code_cache.disk_cache import has_kernels, load
from backlit.engine.code_cache.object_code import Code, CompilerWarning, link
from backlit.engine.compiled import codegen
from backlit.engine.compiled.entry_points import Call, EntryPoint, Packed
from backlit.engine.compiled.retype import Retyper
from backlit.engine.program.arguments import Binding
from backlit.errors import warn
from backlit.kernels.gemm import symbols
from backlit.kernels.gemm.symbols import SHARED
from backlit.ops.base import Optimizer, arguments
from backlit.ops.whole_arrays import maths_of

SUBSTITUTED = (
    "invoke", "invoke_update", "evaluate_validation", "fetch", "part", "atomic_read", "atomic_swap",
    "atomic_increment", "pause", "call_lock", "call_entry_point",
)  # fmt: skip
"""The functions of the machine for which the compiled machine has others of the same names."""

FIRST_SECONDS = 10.0
"""What the import of Numba and all compilation for a first training take, roughly."""

KEPT: dict[Any, int] = {}
"""The addresses of the kernels in memory, by all that they depend on."""


@functools.cache
def can_compile() -> bool:
    """Tell whether Numba can be imported; without it everything runs plain, of which one warning tells."""
    try:
        for name in ("numba", "llvmlite"):
            if importlib.util.find_spec(name) is None:
                raise ModuleNotFoundError(f"no package {name} is installed")
        if not has_kernels():  # they were compiled by the Numba that is installed
            announcing.announce(announcing.Compilation(FIRST_SECONDS, disk_cache.keeps()))
            import numba  # noqa: F401, PLC0415
    except ImportError as error:
        warn(
            f"Numba cannot be imported ({error}), so all maths runs as plain NumPy Python: the same results, 3 to 370 "
            "times slower in our benchmark. Install it: pip install 'numba>=0.68,<0.69'. To run plain on purpose, pass "
            "compiled=False.",
            CompilerWarning,
        )
        return False
    return True


def compiled_kernel(binding: Binding, which: str, in_place: bool, dtype: str) -> int:
    """Give the address of the kernel of an op's `forward` or `backward`: known, found in the cache or compiled.

    A kernel is known by what its functions depend on now, see `dependencies_of`, not by the op's class: an op that was
    registered again in a notebook, or whose globals were changed, has another kernel from the next training on.

    Errors: a BacklitError where the function asks for an argument that nothing supplies; Numba's error where it cannot
    compile the function.
    """
    op: Any = binding.op
    elementwise = not hasattr(op, which)
    function = getattr(op, _ELEMENTWISE[which] if elementwise else which)
    inside: Any = binding.inside
    inner = {f"{name}_maths": getattr(inside, name) for name in _ELEMENTWISE.values()} if inside else {}
    found = [dependencies_of(each) for each in (function, *inner.values())]
    arrays = binding.arrays, binding.axes, binding.settings, *binding.kinds.items()
    key = (type(op), which, in_place, dtype, arrays, *(each.digest for each in found))
    if key not in KEPT:
        if not elementwise:
            for name in arguments(maths_of(op, which)):
                binding.require(name, which)
        if found[0].multiplies:
            symbols.make_known()
            _multiplying.add(dtype)
        title = f"{op.kind}_{op.name}_{which}_{dtype}"
        text = codegen.kernel(title, binding, which, in_place, dtype)
        taken: list[tuple[Any, Retyper]] = []

        def given() -> dict[str, Any]:
            taken[:] = [_taken_retyper(op, inner.values(), dtype)]
            retyper = taken[0][1]
            scalars = {name: retyper(each, scalar=True) for name, each in inner.items()}
            return {"maths": retyper(function, scalar=elementwise), **scalars}

        KEPT[key] = _address(title, text, found, given)
        if taken:
            _retypers.clear()
            _retypers.update(taken)
    return KEPT[key]


_ELEMENTWISE = {"forward": "value", "backward": "slope"}

_retypers: dict[Any, Retyper] = {}
"""What compiled the kernel before, by all that it depends on: the op's other kernel reaches many of its functions."""


def _taken_retyper(op: Any, inner: Iterable[Any], dtype: str) -> tuple[Any, Retyper]:
    """Take the retyper of an op's kernels, or make one; also give its key, by which it is kept once a kernel is made.

    It is made anew after any change of what either kernel depends on, and after a failure of Numba or ours.
    """
    functions = [getattr(op, each, None) for pair in _ELEMENTWISE.items() for each in pair]
    found = [dependencies_of(each) for each in (*filter(None, functions), *inner)]
    key = (type(op), dtype, *(each.digest for each in found))
    known = _retypers.pop(key, None) if all(each.lasting for each in found) else None
    return key, known or Retyper(dtype, inline=True)


def compiled_update(optimizer: Optimizer, dtype: str) -> int:
    """Give the address of an optimizer's fused loop: known, found in the cache or compiled."""
    rule: Any = optimizer.update  # type: ignore[attr-defined]
    prepare: Any = optimizer.scalars if optimizer.prepared else None  # type: ignore[attr-defined]
    found = [dependencies_of(function) for function in (rule, prepare) if function]
    key = (type(optimizer), dtype, *(each.digest for each in found))
    if key not in KEPT:
        title = f"optimizer_{optimizer.name}_{dtype}"

        def given() -> dict[str, Any]:
            scalars = Retyper("float64")(prepare, scalar=True) if prepare else None
            return {"maths": Retyper(dtype)(rule, scalar=True), "scalars": scalars}

        KEPT[key] = _address(title, codegen.update(title, optimizer, dtype), found, given)
    return KEPT[key]


def _address(title: str, text: str, found: Sequence[Dependencies], given: Callable[[], dict[str, Any]]) -> int:
    """Give the address of a kernel: from the cache, unless it depends on what only this process has, or compiled."""

    def fresh() -> dict[str, Any]:
        for each in found:
            each.refresh()
        return given()

    if all(each.lasting for each in found):
        return load(title, text + "".join(each.digest for each in found), lambda: _compiled(title, text, fresh))
    _values_in_use.append(found)
    return link(_compiled(title, text, fresh))


_values_in_use: list[Any] = []
"""Keeps alive the values whose addresses are in machine code."""


_multiplying: set[str] = set()
"""The types of number for which a kernel multiplies while the matrix product is not yet defined."""

_defining = threading.RLock()
"""Held while the matrix product is defined: another thread waits, since its kernels would call what is not there."""


def _renew_lock() -> None:
    """Give a fork a lock of its own: the thread that held it stays behind."""
    global _defining  # noqa: PLW0603
    _defining = threading.RLock()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_renew_lock)


def define_products(dtype: str) -> None:
    """Compile the parts of the matrix product, or find them in the cache, and let all kernels reach them.

    This process compiles the parts that no process has claimed, largest first, since a helper begins with the smallest;
    then it waits for the helper's.
    """
    with _defining:
        for name in reversed(SHARED):
            if background.claim(name, dtype):
                define_product(name, dtype)
        for name in SHARED:
            background.wait_for(name, dtype)
            define_product(name, dtype)
        _multiplying.discard(dtype)  # last: until then another thread comes here too


def define_product(name: str, dtype: str) -> None:
    """Compile a part of the matrix product, or find it in the cache, and let all kernels reach it."""

    def given() -> dict[str, Any]:
        from backlit.kernels.gemm import driver  # noqa: PLC0415

        return {"product": getattr(driver, name)}

    if (name, dtype) not in KEPT:
        title = f"{name}_{dtype}"
        text = codegen.products(title, dtype)
        symbols.make_known()
        KEPT[name, dtype] = _address(title, text, (), given)
    symbols.define(name, dtype, KEPT[name, dtype])


@functools.cache
def entry_point(name: str, dtype: str) -> EntryPoint:
    """Compile an entry point of the machine, or find it in the cache.

    All that the machine's functions depend on is part of the cache's own name, see `disk_cache.foundation`.
    """
    background.wait_for(name, dtype)
    title = f"machine_{name}_{dtype}"
    text = codegen.entry_point(title, name, dtype)
    address = _address(title, text, (), lambda: {"entry": _machine_retyper()(getattr(machine, name))})
    return EntryPoint(name, dtype, address)


@functools.cache
def _machine_retyper() -> Retyper:
    """Give what compiles the machine's functions: entry points share helpers and must give the same bits."""
    jumps = _run("invoke", codegen.invoking(), {})
    return Retyper("float64", replace={name: jumps[name] for name in SUBSTITUTED}, exact=True)


class CompiledMachine:
    """The machine's functions by their names, in machine code, for networks of one type of number."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype
        self.remembered: dict[int, tuple[Any, Packed]] = {}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Give an entry point as a function."""
        if name not in machine.ENTRY_POINTS:
            raise AttributeError(name)
        entry = functools.partial(self.entry_point(name), self.remembered)
        setattr(self, name, entry)
        return entry

    def ready(self, name: str, *given: Any) -> Call:
        """Give a call of an entry point that can be made again and again."""
        return self.entry_point(name).ready(self.remembered, *given)

    def entry_point(self, name: str) -> EntryPoint:
        """Give an entry point, after defining the matrix product that its kernels may call."""
        if self.dtype in _multiplying:
            define_products(self.dtype)
        return entry_point(name, self.dtype)


def _compiled(title: str, text: str, given: Callable[[], dict[str, Any]]) -> Code:
    """Compile the function `kernel` of a module's text; `given` makes what the module is given."""
    from backlit.engine.compiled import numba_collect  # noqa: PLC0415  (which imports Numba)

    announcing.announce(announcing.Compilation(1.0, disk_cache.keeps()))
    collects = gc.isenabled()
    gc.disable()  # the collector would walk the compiler's objects repeatedly, for a tenth of the compiler's time
    try:
        return numba_collect.compiled(lambda: _run(title, text, given())["kernel"])
    finally:
        if collects:
            gc.enable()


def _run(title: str, text: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Run a module's text, which compiles what is in it; Numba looks the module up by its name."""
    module = types.ModuleType(f"backlit_kernels.{title}")
    module.__dict__.update(given)
    sys.modules[module.__name__] = module
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Numba warns of experimental features and of performance, not of results
        exec(compile(text, f"<{title}>", "exec"), module.__dict__)
    return module.__dict__
