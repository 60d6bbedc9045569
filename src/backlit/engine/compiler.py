"""From ops to addresses of machine code.

A *kernel* is an op's function behind a fixed signature: it takes a row of the instruction table and the base addresses
of the flat vectors, makes the arrays the function names, and calls it. Here each is compiled by Numba, alone and when
first used, or found in the cache, and named in the table by its address; `plain` makes the kernels that Python runs.
"""

from __future__ import annotations

import functools
from typing import Any

from backlit.engine import ahead, machine, texts
from backlit.engine.binding import Binding, maths_of
from backlit.engine.cache import load, run
from backlit.engine.jit import Jit
from backlit.ops.op import Optimizer, arguments


def can_compile() -> bool:
    """Tell whether Numba can be imported; without it everything runs plain."""
    try:
        import numba  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True


KEPT: dict[Any, dict[str, Any]] = {}
"""Modules of compiled kernels, which must live as long as a table may hold their addresses."""


def compiled_kernel(binding: Binding, which: str, in_place: bool, dtype: str) -> int:
    """Compile an op's function, or find it in the cache, and give its address."""
    op: Any = binding.op
    key = (type(op), which, in_place, dtype, binding.arrays)
    if key not in KEPT:
        jit = Jit(dtype)
        if hasattr(op, which):
            for name in arguments(maths_of(op, which)):
                binding.require(name, which)
            maths = jit(getattr(op, which))
        else:
            maths = jit(op.value if which == "forward" else op.slope, scalar=True)
        if jit.multiplies:
            _multiplying.add(dtype)
        title = f"{op.kind}_{op.name}_{which}_{dtype}"
        text = texts.kernel(title, binding, which, in_place, dtype)
        KEPT[key] = load(title, text, jit.digest.hexdigest(), {"maths": maths})
    return int(KEPT[key]["kernel"].address)


def compiled_update(optimizer: Optimizer, dtype: str) -> int:
    """Compile an optimizer's fused loop, or find it in the cache, and give its address."""
    key = (type(optimizer), dtype)
    if key not in KEPT:
        jit, exact = Jit(dtype), Jit("float64")
        given = {"maths": jit(optimizer.update, scalar=True)}  # type: ignore[attr-defined]
        if optimizer.prepared:
            given["scalars"] = exact(optimizer.scalars, scalar=True)  # type: ignore[attr-defined]
        title = f"optimizer_{optimizer.name}_{dtype}"
        text = texts.update(title, optimizer, dtype)
        KEPT[key] = load(title, text, jit.digest.hexdigest() + exact.digest.hexdigest(), given)
    return int(KEPT[key]["kernel"].address)


_multiplying: set[str] = set()
"""The types of number for which a kernel multiplies and the matrix product is not yet defined."""


def define_products(dtype: str) -> None:
    """Compile the matrix product, or find it in the cache, and let all kernels reach it."""
    from backlit.ops.kernels import compiled_products, linking  # noqa: PLC0415

    _multiplying.discard(dtype)
    if ("products", dtype) not in KEPT:
        ahead.wait_for(ahead.PRODUCTS)
        title = f"products_{dtype}"
        KEPT["products", dtype] = load(
            title, texts.products(title, dtype), "", {"multiply": compiled_products.multiply}
        )
    linking.define(dtype, KEPT["products", dtype]["kernel"].address)


class CompiledMachine:
    """The machine's entry points, compiled by the types they are first called with or loaded from the cache."""

    def __init__(self) -> None:
        invoking = run("backlit_kernels.invoke", "<invoke>", texts.invoking(), {})
        jit = Jit("float64", replace={name: invoking[name] for name in ("invoke", "invoke_update")})
        given = {f"entry_{name}": jit(getattr(machine, name)) for name in machine.ENTRY_POINTS}
        self._module = load("machine", texts.doors(), jit.digest.hexdigest(), given)

    def __getattr__(self, name: str) -> Any:
        """Give an entry point, once everything it may call is there."""
        for dtype in tuple(_multiplying):
            define_products(dtype)
        ahead.wait_for(name)
        return self._module[name]


compiled_machine = functools.cache(CompiledMachine)
