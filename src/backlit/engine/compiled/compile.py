"""From functions to addresses of machine code.

A *kernel* is an op's function behind a fixed signature: it takes a row of the instruction table and the base addresses
of the flat vectors, makes the arrays the function names, and calls it. Here each is found in the cache, or compiled by
Numba, alone and when first used, and named in the table by its address; `plain` makes the kernels that Python runs.
"""

from __future__ import annotations

import functools
import gc
import importlib.util
import sys
import types
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from backlit.engine import machine
from backlit.engine.compiled import background, codegen
from backlit.engine.compiled.digest import Dependencies
from backlit.engine.compiled.disk_cache import has_kernels, load
from backlit.engine.compiled.entry_points import Call, EntryPoint, Packed
from backlit.engine.compiled.object_code import Code
from backlit.engine.compiled.retype import Retyper
from backlit.engine.program.arguments import Binding, maths_of
from backlit.kernels.gemm import symbols
from backlit.kernels.gemm.symbols import SHARED
from backlit.ops.base import Optimizer, arguments

SUBSTITUTED = (
    "invoke", "invoke_update", "evaluate_validation", "fetch", "part", "atomic_read", "atomic_swap",
    "atomic_increment", "pause", "call_lock", "call_entry_point",
)  # fmt: skip
"""What the compiled machine has in the place of the machine's functions of these names."""

KEPT: dict[Any, int] = {}
"""The addresses of what is in memory."""


@functools.cache
def can_compile() -> bool:
    """Tell whether Numba can be imported; without it everything runs plain."""
    try:
        if any(importlib.util.find_spec(name) is None for name in ("numba", "llvmlite")):
            return False
        if not has_kernels():  # what lies there was compiled by this very Numba
            import numba  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True


def compiled_kernel(binding: Binding, which: str, in_place: bool, dtype: str) -> int:
    """Compile an op's function, or find it in the cache, and give its address."""
    op: Any = binding.op
    key = (type(op), which, in_place, dtype, binding.arrays)
    if key not in KEPT:
        elementwise = not hasattr(op, which)
        if elementwise:
            function = op.value if which == "forward" else op.slope
        else:
            function = getattr(op, which)
            for name in arguments(maths_of(op, which)):
                binding.require(name, which)
        reach = Dependencies(function)
        if reach.multiplies:
            symbols.make_known()
            _multiplying.add(dtype)
        title = f"{op.kind}_{op.name}_{which}_{dtype}"
        text = codegen.kernel(title, binding, which, in_place, dtype)
        jit = Retyper(dtype, inline=True)
        KEPT[key] = load(
            title, text + reach.digest, lambda: _compiled(title, text, maths=jit(function, scalar=elementwise))
        )
    return KEPT[key]


def compiled_update(optimizer: Optimizer, dtype: str) -> int:
    """Compile an optimizer's fused loop, or find it in the cache, and give its address."""
    key = (type(optimizer), dtype)
    if key not in KEPT:
        rule: Any = optimizer.update  # type: ignore[attr-defined]
        prepare: Any = optimizer.scalars if optimizer.prepared else None  # type: ignore[attr-defined]
        digest = Dependencies(rule).digest + (Dependencies(prepare).digest if prepare else "")
        title = f"optimizer_{optimizer.name}_{dtype}"
        text = codegen.update(title, optimizer, dtype)

        def compiled() -> Code:
            scalars = Retyper("float64")(prepare, scalar=True) if prepare else None
            return _compiled(title, text, maths=Retyper(dtype)(rule, scalar=True), scalars=scalars)

        KEPT[key] = load(title, text + digest, compiled)
    return KEPT[key]


_multiplying: set[str] = set()
"""The types of number for which a kernel multiplies and the matrix product is not yet defined."""


def define_products(dtype: str) -> None:
    """Compile the parts of the matrix product, or find them in the cache, and let all kernels reach them.

    What nobody has begun is compiled here, the largest part first, since a helper begins with the smallest; then what
    a helper has begun is waited for.
    """
    _multiplying.discard(dtype)
    for name in reversed(SHARED):
        if background.claim(name, dtype):
            define_product(name, dtype)
    for name in SHARED:
        background.wait_for(name, dtype)
        define_product(name, dtype)


def define_product(name: str, dtype: str) -> None:
    """Compile a part of the matrix product, or find it in the cache, and let all kernels reach it."""

    def compiled() -> Code:
        from backlit.kernels.gemm import driver  # noqa: PLC0415

        return _compiled(title, text, product=getattr(driver, name))

    if (name, dtype) not in KEPT:
        title = f"{name}_{dtype}"
        text = codegen.products(title, dtype)
        symbols.make_known()
        KEPT[name, dtype] = load(title, text, compiled)
    symbols.define(name, dtype, KEPT[name, dtype])


@functools.cache
def entry_point(name: str, dtype: str) -> EntryPoint:
    """Compile an entry point of the machine, or find it in the cache."""

    def compiled() -> Code:
        return _compiled(title, text, entry=_machine_retyper()(function))

    background.wait_for(name, dtype)
    function = getattr(machine, name)
    title = f"machine_{name}_{dtype}"
    text = codegen.entry_point(title, name, dtype)
    reach = Dependencies(function, skip=SUBSTITUTED)
    return EntryPoint(name, dtype, load(title, text + reach.digest, compiled))


@functools.cache
def _machine_retyper() -> Retyper:
    """Give what compiles the machine's functions: entry points share what they call, and must agree to the last bit."""
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
        """Give an entry point, once everything it may call is there."""
        if self.dtype in _multiplying:
            define_products(self.dtype)
        return entry_point(name, self.dtype)


def _compiled(title: str, text: str, **given: Any) -> Code:
    """Compile the function `kernel` of a module's text."""
    from backlit.engine.compiled.numba_collect import collecting  # noqa: PLC0415  (which imports LLVM)
    from backlit.engine.compiled.object_code import code_of  # noqa: PLC0415  (which imports LLVM)

    collects = gc.isenabled()
    gc.disable()  # which looks again and again through all that the compiler makes, for a tenth of its time
    try:
        with collecting():
            kernel = _run(title, text, given)["kernel"]
        return code_of(kernel.inspect_llvm(), kernel.native_name)
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
