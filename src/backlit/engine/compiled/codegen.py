"""Writes the source of generated modules: kernels behind their fixed signature, updates, entry points."""

from __future__ import annotations

from typing import Any, get_type_hints

from backlit.engine import machine
from backlit.engine.compiled.entry_points import IN_PLACE, STRUCTS, arguments_of, fields_of, type_of
from backlit.engine.program import structs
from backlit.engine.program.arguments import Binding
from backlit.engine.program.structs import LANES, Row
from backlit.kernels.types import Array
from backlit.ops.base import INSIDE, Activation, Optimizer, arguments
from backlit.ops.whole_arrays import is_matrix, maths_of

KERNEL_ARGUMENTS = "row, P, dP, A, dA, S, C, n, training, seed, step, first_row"
UPDATE_ARGUMENTS = "row, P, dP, slots, C, start, stop, size, rate, step, l1, l2, decay"

HEAD = '''"""Generated: {title}."""

import numpy as np
from numba import cfunc, njit, types

from backlit.engine.compiled import retype
from backlit.engine.compiled.numba_intrinsics import advance, as_pointer, call_kernel, call_update, fetch
from backlit.engine.compiled.numba_intrinsics import kernel_signature, matrix, tensor, update_signature, vector

T = np.{dtype}
OPTIONS = dict(error_model="numpy", fastmath=retype.FAST)
ANY_ORDER = OPTIONS | dict(fastmath=retype.ANY_ORDER)


@njit(forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def sign(w):
    return T(w > T(0.0)) - T(w < T(0.0))
'''


def _argument_text(binding: Binding, name: str, flat: bool = False) -> str:
    """Write the expression that makes one argument of an op's function."""
    if name in binding.arrays:
        column = binding.column(name)
        rows = f"n * row[{column + 1}]" if binding.kind(name) == "buffer" else f"row[{column + 1}]"
        base = binding.vector_of(name)
        sizes = [f"row[{k}]" for k in binding.sizes(name)]
        if len(sizes) > 1 and not flat:
            return f"tensor({base}, row[{column}], ({rows}, {', '.join(sizes)}))"
        if is_matrix(name) and not flat:
            return f"matrix({base}, row[{column}], {rows}, {sizes[0]})"
        return f"vector({base}, row[{column}], {' * '.join([rows, *sizes])})"
    if name in binding.settings:
        return f"T(C[row[{int(Row.SETTINGS)}] + {binding.settings.index(name)}])"
    if binding.inside and name == "settings":
        inner = [f"inside_{setting}" for setting in binding.inside.numbers()]
        return f"({''.join(_argument_text(binding, setting) + ', ' for setting in inner)})"
    return f"row[{int(Row.NUMBER)}]" if name == "op_number" else name


def _head(title: str, dtype: str) -> str:
    return HEAD.format(title=title, dtype=dtype) + "\n\n"


def kernel(title: str, binding: Binding, which: str, in_place: bool, dtype: str) -> str:
    """Write the kernel of an op's forward or backward; its maths, `maths`, is given to the module when it runs."""
    options = "OPTIONS"
    if hasattr(binding.op, which):
        body = _general_body(binding, which)
        if hasattr(_loops(binding, which), "any_order"):
            options = "ANY_ORDER"
    elif isinstance(binding.op, Activation):
        body = _elementwise_body(binding, which, in_place)
    else:
        body, options = _loss_body(binding, which), "ANY_ORDER"
    return _head(title, dtype) + _inside_text(binding) + _kernel_text(body, dtype, options)


INSIDE_FUNCTIONS = """
@njit(forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, **OPTIONS)
def value(z, settings):
    return value_maths({value})


@njit(forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, **OPTIONS)
def slope(z, a, settings):
    return slope_maths({slope})


"""


def _inside_text(binding: Binding) -> str:
    """Write the functions of the activation that an op applies itself: each takes all of its settings as one tuple."""
    activation: Any = binding.inside
    if activation is None:
        return ""
    places = {name: f"settings[{k}]" for k, name in enumerate(activation.numbers())}
    given = {}
    for name, operand in (("value", "z"), ("slope", "a" if activation.in_place else "z")):
        asked = arguments(getattr(activation, name))[1:]
        given[name] = ", ".join([operand, *(places[setting] for setting in asked)])
    return INSIDE_FUNCTIONS.format(**given)


def _kernel_text(body: list[str], dtype: str, options: str) -> str:
    lines = [f"@cfunc(kernel_signature(types.{dtype}), **{options})", f"def kernel({KERNEL_ARGUMENTS}):"]
    return "\n".join([*lines, *("    " + line for line in body)]) + "\n"


def _loops(binding: Binding, which: str) -> Any:
    """Give what is compiled of an op's function: itself, or its tuned loops."""
    maths = maths_of(binding.op, which)
    return getattr(maths, "compiled", maths)


def _general_body(binding: Binding, which: str) -> list[str]:
    names = arguments(_loops(binding, which))
    given = [name if binding.inside and name in INSIDE[:2] else f"{name}_" for name in names]
    return [*(f"{name} = {_argument_text(binding, name[:-1])}" for name in given if name[-1] == "_"),
            f"maths({', '.join(given)})"]  # fmt: skip


def _elementwise_body(binding: Binding, which: str, in_place: bool) -> list[str]:
    """Write the loop of an element-wise activation; in place, input and output are one array."""
    op: Any = binding.op
    function = op.value if which == "forward" else op.slope
    settings = arguments(function)[1:]
    lines = [f"{name} = {_argument_text(binding, name)}" for name in settings]
    extra = "".join(f", {name}" for name in settings)
    arrays = {"forward": ["A"] if in_place else ["Z", "A"], "backward": ["dA"] if in_place else ["dA", "dZ"]}[which]
    if which == "backward":
        arrays.append("A" if op.in_place else "Z")
    lines += [f"v{name} = {_argument_text(binding, name, flat=True)}" for name in arrays]
    if which == "forward":
        statement = f"vA[i] = maths({'vA' if in_place else 'vZ'}[i]{extra})"
    else:
        statement = f"v{'dA' if in_place else 'dZ'}[i] = vdA[i] * maths(v{arrays[-1]}[i]{extra})"
    return [*lines, *_over_all(f"v{arrays[0]}.shape[0]", statement)]


def _over_all(count: str, statement: str) -> list[str]:
    """Write the loop of a statement over `count` elements i, on to the next multiple of LANES.

    Buffers are padded, so the extra writes are harmless, and no remainder loop is compiled.
    """
    return [f"for i in range(-(-({count}) // {LANES}) * {LANES}):", "    " + statement]


def _loss_body(binding: Binding, which: str) -> list[str]:
    """Write the loops of an element-wise loss: one over all elements, which vectorises, then one over the rows.

    A, T and dA are (n, k), l and g are (n,). Forward writes the elements' losses into dA, which the backward pass
    overwrites.
    """
    op: Any = binding.op
    forward = which == "forward"
    settings = arguments(op.value if forward else op.slope)[2:]
    lines = [f"{name}_ = {_argument_text(binding, name)}" for name in ["dA", "l" if forward else "g", *settings]]
    lines += [f"v{name} = {_argument_text(binding, name, flat=True)}" for name in ("A", "T", "dA")]
    lines.append("n, k = dA_.shape")
    if forward:
        lines.append("vdA = vdA if k > 1 else l_")
    extra = "".join(f", {name}_" for name in settings)
    lines += _over_all("n * k", f"vdA[i] = maths(vA[i], vT[i]{extra})")
    sums = ["if 1 < k < 4:", "    for i in range(n):", "        l_[i] = dA_[i, 0]", "    for j in range(1, k):",
            "        for i in range(n):", "            l_[i] += dA_[i, j]", "elif k > 1:", "    for i in range(n):",
            "        total = T(0.0)", "        for j in range(k):", "            total += dA_[i, j]",
            "        l_[i] = total"]  # fmt: skip
    scaling = ["if k < 4:", "    for j in range(k):", "        for i in range(n):", "            dA_[i, j] *= g_[i]",
               "else:", "    for i in range(n):", "        for j in range(k):",
               "            dA_[i, j] *= g_[i]"]  # fmt: skip
    return [*lines, *(sums if forward else scaling)]


def update(title: str, optimizer: Optimizer, dtype: str) -> str:
    """Write the one fused loop of an optimizer: penalty, decay, update of the weight and its slots."""
    rule: Any = optimizer.update  # type: ignore[attr-defined]
    fields = list(optimizer.__struct_fields__)
    slots = list(optimizer.slots)
    setting = {name: f"C[row[{int(Row.SETTINGS)}] + {k}]" for k, name in enumerate(fields)}
    setting |= {"rate": "rate", "step": "float(step)"}
    body = []
    if optimizer.prepared:
        scalars: Any = optimizer.scalars  # type: ignore[attr-defined]
        given = ", ".join(setting[name] for name in arguments(scalars))
        body.append(f"{''.join(name + '_, ' for name in optimizer.prepared)}= scalars({given})")
        body += [f"{name}_ = T({name}_)" for name in optimizer.prepared]
    known = {*slots, *optimizer.prepared}
    body += [f"{name}_ = T({setting[name]})" for name in arguments(rule)[2:] if name not in known]
    body += [
        "l1_, l2_, keep, count = T(l1), T(l2), T(1.0 - rate * decay), stop - start",
        "w, g = vector(P, start, count), vector(dP, start, count)",
    ]
    body += [f"{name}s = vector(slots, {k} * size + start, count)" for k, name in enumerate(slots)]
    body.append("for i in range(count):")
    body.append("    gradient = g[i] + l2_ * w[i] + l1_ * sign(w[i])")
    given = ", ".join(f"{name}s[i]" if name in slots else f"{name}_" for name in arguments(rule)[2:])
    results = "".join(f"{name}, " for name in ["w_", *(f"{name}_new" for name in slots)])
    body.append(f"    {results}= maths(w[i] * keep, gradient{', ' + given if given else ''})")
    body.append("    w[i] = w_")
    body += [f"    {name}s[i] = {name}_new" for name in slots]
    lines = [f"@cfunc(update_signature(types.{dtype}), **OPTIONS)", f"def kernel({UPDATE_ARGUMENTS}):"]
    return _head(title, dtype) + "\n".join([*lines, *("    " + line for line in body)]) + "\n"


PRODUCTS = """
from backlit.kernels.gemm.driver import signature

kernel = cfunc(signature(types.{dtype}), **OPTIONS)(product.py_func)
"""


def products(title: str, dtype: str) -> str:
    """Write the matrix product, or a part of it, as a function of its own, which all kernels call."""
    return _head(title, dtype) + PRODUCTS.format(dtype=dtype)


INVOKE = """
from backlit.engine.compiled.numba_atomics import atomic_increment, atomic_read, atomic_swap
from backlit.engine.compiled.numba_atomics import call_entry_point, call_lock, pause
from backlit.engine.compiled.numba_intrinsics import advance as part


@njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def invoke(table, i, column, memory, dP, n, training, clock, first_row):
    row = advance(table, i * {width})
    call_kernel(
        row[column], row, memory.P, dP, memory.A, memory.dA, memory.S, memory.C,
        n, training, clock.seed, clock.step, first_row,
    )


@njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def invoke_update(row, memory, start, stop, rate, step, l1, l2, decay):
    call_update(
        row[0], row, memory.P, memory.dP, memory.slots, memory.C, start, stop, memory.size, rate, step, l1, l2, decay,
    )


@njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def evaluate_validation(tables, memory, monitor, clock):
    call_entry_point(monitor.entry_point, monitor.integers, monitor.floats)
    return monitor.result[0]
"""


def invoking() -> str:
    """Write what replaces the functions of SUBSTITUTED: calls to addresses, and imports of intrinsics."""
    return _head("invoke", "float64") + INVOKE.format(width=structs.WIDTH)


def entry_point(title: str, name: str, dtype: str) -> str:
    """Write an entry point of the machine as it is called: with a vector of integers and addresses, and one of floats.

    The first of the floats is for the result; `entry`, the machine's function, is given to the module when it runs. The
    clock is the one struct that the machine makes anew, so it is handed over field by field.
    """
    integers, floats = 0, 1
    given = []
    for argument, kind in arguments_of(name):
        if kind in IN_PLACE:
            given.append(f"struct_at(advance(i, {integers}), advance(f, {floats}), {kind.__name__})")
        elif kind is structs.Clock:
            given.append(f"structs.Clock({', '.join(f'i[{integers + k}]' for k in range(len(fields_of(kind))))})")
        elif kind == Array:
            given.append(f"as_pointer(i[{integers}], np.{type_of(argument, dtype)})")
        else:
            given.append(f"f[{floats}]" if kind is float else f"i[{integers}]")
        hints = [hint for _, hint in fields_of(kind)] if kind in STRUCTS else [kind]
        integers += len(hints) - hints.count(float)
        floats += hints.count(float)
    returns = get_type_hints(getattr(machine, name))["return"] is not type(None)
    declared = [f'{kind.__name__} = StructType(structs.{kind.__name__}, "{dtype}")' for kind in IN_PLACE]
    lines = [
        "from backlit.engine.program import structs",
        "from backlit.engine.compiled.numba_structs import StructType, struct_at\n",
        *declared,
        "\n\n@cfunc(types.void(types.CPointer(types.int64), types.CPointer(types.float64)), **OPTIONS)",
        "def kernel(i, f):",
        f"    {'f[0] = ' if returns else ''}entry({', '.join(given)})",
    ]
    return _head(title, dtype) + "\n".join(lines) + "\n"
