"""The same op functions, plain or compiled, and the cache of compiled kernels.

A *kernel* is an op's function behind a fixed signature: it takes a row of the instruction table and the base addresses
of the flat vectors, makes the arrays the function names, and calls it. This module makes kernels of both speeds:

* plain: a Python callable, named in the table by its place in `machine.PLAIN_KERNELS`;
* compiled: the very same function compiled by Numba, named in the table by its address.

What the compiler changes in a function, without touching its text: floating-point constants take the type of the
network, so that `0.5 * z` does not turn float32 into float64; `np.exp` and its kin become the vectorising functions of
`elementary`; a function marked `tuned` gives way to its loops.

Compiled kernels are cached on disk, one small generated module each, in a folder named by a digest of everything the
machine code depends on: the code of all functions reached, their constants, this module and its neighbours, the
versions of Python, Numba and LLVM, and the processor. Edit an op and its kernel has another name.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import os
import platform
import sys
import tempfile
import types
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import platformdirs

from backlit.engine import machine
from backlit.engine.machine import Row
from backlit.errors import BacklitError
from backlit.ops import kernels, special
from backlit.ops.op import MACHINE_SCALARS, Activation, Array, ElementwiseLoss, Op, Optimizer, arguments

ARENAS = {"buffer": "A", "work": "A", "parameter": "P", "state": "S"}
"""In which vector of the memory an array lies; its gradient lies in the vector of the same name with a `d`."""

FAST = {"contract"}
"""The liberties the compiler may take: fusing a multiplication with an addition; none that assumes finite numbers."""


INNER: dict[str, Any] = {
    "error_model": "numpy", "fastmath": FAST, "nogil": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True,
}  # fmt: skip
"""How functions are compiled that only compiled code calls: without the wrappers for callers in Python and C, which
would take a third of the compiler's time."""


class Binding:
    """How an op's function finds its arguments: for each name an array of the row, a setting, or a machine's scalar."""

    def __init__(self, op: Op, kinds: Mapping[str, str], names: tuple[str, ...]) -> None:
        self.op = op
        self.kinds = kinds
        self.arrays = tuple(name for name in names if self.kind(name))
        self.settings = tuple(field for field in op.__struct_fields__ if self.is_number(field))

    def kind(self, name: str) -> str | None:
        """Give the kind of array a name stands for, or None."""
        return self.kinds.get(name) or (self.kinds.get(name[1:]) if name[0] == "d" else None)

    def is_number(self, field: str) -> bool:
        """Tell whether a setting is a number, which kernels may be handed."""
        return isinstance(getattr(self.op, field), (int, float))

    def vector_of(self, name: str) -> str:
        """Give the flat vector an array lies in: P, dP, A, dA or S."""
        if name in self.kinds:
            return ARENAS[self.kinds[name]]
        return "d" + ARENAS[self.kinds[name[1:]]]

    def column(self, name: str) -> int:
        """Give the column of the row where an array's offset stands."""
        return Row.ARRAYS + 3 * self.arrays.index(name)

    def require(self, name: str, function: str) -> None:
        """Refuse an argument that nothing supplies."""
        if name not in self.arrays and name not in self.settings and name not in MACHINE_SCALARS:
            raise BacklitError(
                f"{self.op.kind} {self.op.name!r}: {function} asks for {name!r}, which is none of its arrays "
                f"({', '.join(self.kinds)}, or these with a leading d), its numeric settings "
                f"({', '.join(self.settings) or 'none'}) or the machine's scalars ({', '.join(MACHINE_SCALARS)})."
            )


def is_matrix(name: str) -> bool:
    """Tell whether a name stands for a matrix: upper case, after a leading `d`."""
    return name.removeprefix("d")[:1].isupper()


# ------------------------------------------------------------------------------------------------------------- plain


def _activation_plain(op: Activation, which: str) -> Callable[..., None]:
    """Give forward or backward of an element-wise activation on whole arrays."""
    function: Any = op.value if which == "forward" else op.slope  # type: ignore[attr-defined]
    settings = {name: getattr(op, name) for name in arguments(function)[1:]}
    of_output = op.in_place

    def forward(Z: Array, A: Array) -> None:
        A[:] = function(Z, **settings)

    def backward(Z: Array, A: Array, dA: Array, dZ: Array) -> None:
        np.multiply(dA, function(A if of_output else Z, **settings), out=dZ)

    return forward if which == "forward" else backward


def _loss_plain(op: ElementwiseLoss, which: str) -> Callable[..., None]:
    """Give forward or backward of an element-wise loss on whole arrays."""
    function: Any = op.value if which == "forward" else op.slope  # type: ignore[attr-defined]
    settings = {name: getattr(op, name) for name in arguments(function)[2:]}

    def forward(A: Array, T: Array, l: Array) -> None:  # noqa: E741
        l[:] = function(A, T, **settings).sum(axis=1)

    def backward(A: Array, T: Array, g: Array, dA: Array) -> None:
        np.multiply(g[:, None], function(A, T, **settings), out=dA)

    return forward if which == "forward" else backward


def maths_of(op: Op, which: str) -> Callable[..., None]:
    """Give an op's `forward` or `backward` on whole arrays, made from value and slope where the op is element-wise."""
    if hasattr(op, which):
        return getattr(op, which)  # type: ignore[no-any-return]
    if isinstance(op, Activation) and hasattr(op, "value"):
        return _activation_plain(op, which)
    if isinstance(op, ElementwiseLoss):
        return _loss_plain(op, which)
    raise BacklitError(f"{op.kind} {op.name!r} has neither {which} nor value and slope; define them as static methods.")


def array_names(op: Op) -> tuple[str, ...]:
    """Give all argument names of an op's two functions, without repeats: the arrays of its row are among them."""
    return tuple(dict.fromkeys([*arguments(maths_of(op, "forward")), *arguments(maths_of(op, "backward"))]))


def plain_kernel(binding: Binding, which: str) -> int:
    """Make a plain kernel and give its handle."""
    function = maths_of(binding.op, which)
    names = arguments(function)
    for name in names:
        binding.require(name, which)
    fetch = [(name, binding.vector_of(name), binding.column(name), binding.kind(name)) for name in names
             if name in binding.arrays]  # fmt: skip
    settings = {name: getattr(binding.op, name) for name in names if name in binding.settings}
    asked = [name for name in names if name in MACHINE_SCALARS]
    made: dict[int, tuple[Any, dict[str, Any]]] = {}  # by rows: the memory the arrays view, and the arrays

    def arrays(row: Array, memory: Any, n: int) -> dict[str, Any]:
        given = dict(settings)
        for name, vector, column, kind in fetch:
            offset, rows, columns = row[column : column + 3].tolist()
            rows = rows * n if kind == "buffer" else rows
            array = getattr(memory, vector)[offset : offset + rows * columns]
            given[name] = array.reshape(rows, columns) if is_matrix(name) else array
        return given

    def kernel(row: Array, memory: Any, n: int, training: int, seed: int, step: int, first_row: int) -> None:
        of, given = made.get(n, (None, {}))
        if of is None or of.dP is not memory.dP or of.A is not memory.A:
            given = arrays(row, memory, n)
            made[n] = memory, given
        if asked:
            scalars = zip(MACHINE_SCALARS, (training, seed, step, first_row, int(row[Row.NUMBER])), strict=True)
            given.update(pair for pair in scalars if pair[0] in asked)
        function(**given)

    machine.PLAIN_KERNELS.append(kernel)
    return len(machine.PLAIN_KERNELS) - 1


def plain_update(optimizer: Optimizer) -> int:
    """Make an optimizer's plain kernel and give its handle."""
    update: Any = optimizer.update  # type: ignore[attr-defined]
    names = arguments(update)
    settings = {name: getattr(optimizer, name) for name in optimizer.__struct_fields__}

    def kernel(
        row: Array, memory: Any, start: int, stop: int,
        rate: float, step: int, l1: float, l2: float, decay: float,
    ) -> None:  # fmt: skip
        given = settings | prepared_scalars(optimizer, rate, step) | {"rate": rate}
        w = memory.P[start:stop]
        size = memory.P.shape[0]
        kept = [memory.slots[k * size + start : k * size + stop] for k in range(len(optimizer.slots))]
        g = memory.dP[start:stop]
        g = g + l2 * w + l1 * np.sign(w)
        given |= dict(zip(optimizer.slots, kept, strict=True))
        new = update(w * (1.0 - rate * decay), g, **{name: given[name] for name in names[2:]})
        for target, value in zip((w, *kept), new, strict=True):
            target[:] = value

    machine.PLAIN_KERNELS.append(kernel)
    return len(machine.PLAIN_KERNELS) - 1


def prepared_scalars(optimizer: Optimizer, rate: float, step: int) -> dict[str, float]:
    """Give the numbers an optimizer prepares once per step, in float64."""
    if not optimizer.prepared:
        return {}
    scalars: Any = optimizer.scalars  # type: ignore[attr-defined]
    known = {"rate": rate, "step": float(step)}
    given = [known[name] if name in known else float(getattr(optimizer, name)) for name in arguments(scalars)]
    return dict(zip(optimizer.prepared, map(float, scalars(*given)), strict=True))


# ---------------------------------------------------------------------------------------------------------- compiled


def can_compile() -> bool:
    """Tell whether Numba can be imported; without it everything runs plain."""
    try:
        import numba  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True


class Jit:
    """Compiles functions for one type of number, reaching through their globals, and digests all it reaches."""

    def __init__(self, dtype: str, replace: Mapping[str, Any] | None = None) -> None:
        self.dtype = dtype
        self.number = np.dtype(dtype).type
        self.replace = dict(replace or {})
        self.done: dict[tuple[Any, bool], Any] = {}
        self.digest = hashlib.sha256(dtype.encode())

    def __call__(self, function: Callable[..., Any], scalar: bool = False) -> Any:
        """Give the compiled twin of a function; `scalar` says that its arguments are numbers, not arrays."""
        function = getattr(function, "compiled", function)
        if (function, scalar) not in self.done:
            self.done[function, scalar] = None
            self.done[function, scalar] = self._compile(function, scalar or not _takes_arrays(function))
        return self.done[function, scalar]

    def _compile(self, function: Any, scalar: bool) -> Any:
        from numba import njit  # noqa: PLC0415

        code = function.__code__
        constants = tuple(self._typed(constant) for constant in code.co_consts)
        self.digest.update(_fingerprint(code).encode())
        for cell in function.__closure__ or ():
            self.digest.update(repr(cell.cell_contents).encode())
        namespace = {name: self._resolve(name, function.__globals__[name], scalar)
                     for name in sorted(_global_names(code)) if name in function.__globals__}  # fmt: skip
        namespace["__name__"] = function.__module__
        twin = types.FunctionType(
            code.replace(co_consts=constants), namespace, function.__name__, function.__defaults__, function.__closure__
        )
        # A loop with a call left in it does not vectorise, and LLVM leaves long functions as calls.
        return njit(twin, forceinline=scalar, **INNER)

    def _typed(self, constant: Any) -> Any:
        if type(constant) is float and self.dtype != "float64":
            return self.number(constant)
        return constant

    def _resolve(self, name: str, value: Any, scalar: bool) -> Any:
        """Give what a global name of a compiled function stands for, and digest it."""
        if name in self.replace:
            return self.replace[name]
        if value is np or value is special:
            return _numpy_for(self.dtype) if scalar else value
        if isinstance(value, types.FunctionType):
            return value if _has_compiled_form(value) else self(value, scalar)
        if not isinstance(value, (types.ModuleType, type)):
            self.digest.update(f"{name}={value!r}".encode())
        return self._typed(value)


def _has_compiled_form(function: types.FunctionType) -> bool:
    """Tell whether a function's module teaches Numba a compiled form of it, and have it do so."""
    register = getattr(sys.modules[function.__module__], "register_compiled", None)
    if register is not None:
        register()
    return register is not None


def _fingerprint(code: types.CodeType) -> str:
    """Describe a function's code by its content, the code nested in it included, and by no address."""
    constants = [_fingerprint(c) if isinstance(c, types.CodeType) else repr(c) for c in code.co_consts]
    return repr((code.co_code, code.co_names, code.co_varnames, constants))


def _global_names(code: types.CodeType) -> set[str]:
    """Give the names a function, or a comprehension in it, may take from its globals."""
    nested = [_global_names(c) for c in code.co_consts if isinstance(c, types.CodeType)]
    return set(code.co_names).union(*nested)


def _takes_arrays(function: Any) -> bool:
    """Tell whether a function's first argument is an array by its name: upper case."""
    first = next(iter(arguments(function)), "")
    return is_matrix(first)


@functools.cache
def _library(module_name: str) -> dict[str, Any]:
    """Compile every function of a module of low-level maths, as it stands."""
    from numba import njit  # noqa: PLC0415

    module = importlib.import_module(module_name)
    namespace = dict(vars(module))
    for name, function in vars(module).items():
        if isinstance(function, types.FunctionType) and function.__module__ == module_name:
            twin = types.FunctionType(function.__code__, namespace, name, function.__defaults__)
            namespace[name] = njit(twin, forceinline=True, **INNER)
    return namespace


@functools.cache
def _numpy_for(dtype: str) -> Any:
    """Give NumPy as compiled scalar maths sees it: with functions that vectorise in the place of library calls."""
    from numba import njit  # noqa: PLC0415

    from backlit.ops.kernels import elementary  # noqa: PLC0415

    library = _library("backlit.ops.kernels.elementary")
    seen = types.ModuleType("numpy")
    seen.__dict__.update({name: getattr(np, name) for name in np.__all__ if hasattr(np, name)})
    for name, function in elementary.SUBSTITUTES[dtype].items():
        setattr(seen, name, library[function.__name__])
    branchless: dict[str, Callable[..., Any]] = {"where": _select, "maximum": _maximum, "minimum": _minimum}
    for name, choice in branchless.items():
        setattr(seen, name, njit(choice, forceinline=True, **INNER))
    return seen


def _select(condition: Any, value: Any, otherwise: Any) -> Any:
    """`np.where` on scalars."""
    return value if condition else otherwise


def _maximum(one: Any, other: Any) -> Any:
    """`np.maximum` on scalars, NaN if either is; Numba's own has branches, which do not vectorise."""
    larger = other if one < other else one
    return larger if other == other else other  # noqa: PLR0124  (false for NaN)


def _minimum(one: Any, other: Any) -> Any:
    """`np.minimum` on scalars, NaN if either is."""
    smaller = other if one > other else one
    return smaller if other == other else other  # noqa: PLR0124  (false for NaN)


# ------------------------------------------------------------------------------------------ the texts of the modules

KERNEL_ARGUMENTS = "row, P, dP, A, dA, S, C, n, training, seed, step, first_row"
UPDATE_ARGUMENTS = "row, P, dP, slots, C, start, stop, size, rate, step, l1, l2, decay"

HEAD = '''"""Generated: {title}."""

import numpy as np
from numba import cfunc, njit, types

from backlit.engine.lowlevel import advance, call_kernel, call_update, kernel_signature, matrix, pointer
from backlit.engine.lowlevel import update_signature, vector

T = np.{dtype}
OPTIONS = dict(cache=True, error_model="numpy", fastmath={fast})


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
        if is_matrix(name) and not flat:
            return f"matrix({base}, row[{column}], {rows}, row[{column + 2}])"
        return f"vector({base}, row[{column}], {rows} * row[{column + 2}])"
    if name in binding.settings:
        return f"T(C[row[{int(Row.SETTINGS)}] + {binding.settings.index(name)}])"
    return f"row[{int(Row.NUMBER)}]" if name == "op_number" else name


def _kernel_text(body: list[str], dtype: str) -> str:
    lines = [f"@cfunc(kernel_signature(types.{dtype}), **OPTIONS)", f"def kernel({KERNEL_ARGUMENTS}):"]
    return "\n".join([*lines, *("    " + line for line in body)]) + "\n"


def _general_body(binding: Binding, which: str) -> list[str]:
    names = arguments(maths_of(binding.op, which))
    return [*(f"{name}_ = {_argument_text(binding, name)}" for name in names),
            f"maths({', '.join(name + '_' for name in names)})"]  # fmt: skip


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
    return [*lines, f"for i in range(v{arrays[0]}.shape[0]):", "    " + statement]


def _loss_body(binding: Binding, which: str) -> list[str]:
    """Write the loops of an element-wise loss."""
    op: Any = binding.op
    settings = arguments(op.value if which == "forward" else op.slope)[2:]
    names = ["A", "T", "l"] if which == "forward" else ["A", "T", "g", "dA"]
    lines = [f"{name}_ = {_argument_text(binding, name)}" for name in [*names, *settings]]
    extra = "".join(f", {name}_" for name in settings)
    lines.append("for i in range(A_.shape[0]):")
    if which == "forward":
        return [*lines, "    total = T(0.0)", "    for j in range(A_.shape[1]):",
                f"        total += maths(A_[i, j], T_[i, j]{extra})", "    l_[i] = total"]  # fmt: skip
    return [*lines, "    for j in range(A_.shape[1]):",
            f"        dA_[i, j] = g_[i] * maths(A_[i, j], T_[i, j]{extra})"]  # fmt: skip


def _update_text(optimizer: Optimizer, dtype: str) -> str:
    """Write the one fused loop of an optimizer: penalty, decay, update of the weight and its slots."""
    update: Any = optimizer.update  # type: ignore[attr-defined]
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
    body += [f"{name}_ = T({setting[name]})" for name in arguments(update)[2:] if name not in known]
    body += [
        "l1_, l2_, keep, count = T(l1), T(l2), T(1.0 - rate * decay), stop - start",
        "w, g = vector(P, start, count), vector(dP, start, count)",
    ]
    body += [f"{name}s = vector(slots, {k} * size + start, count)" for k, name in enumerate(slots)]
    body.append("for i in range(count):")
    body.append("    gradient = g[i] + l2_ * w[i] + l1_ * sign(w[i])")
    given = ", ".join(f"{name}s[i]" if name in slots else f"{name}_" for name in arguments(update)[2:])
    results = "".join(f"{name}, " for name in ["w_", *(f"{name}_new" for name in slots)])
    body.append(f"    {results}= maths(w[i] * keep, gradient{', ' + given if given else ''})")
    body.append("    w[i] = w_")
    body += [f"    {name}s[i] = {name}_new" for name in slots]
    lines = [f"@cfunc(update_signature(types.{dtype}), **OPTIONS)", f"def kernel({UPDATE_ARGUMENTS}):"]
    return "\n".join([*lines, *("    " + line for line in body)]) + "\n"


# -------------------------------------------------------------------------------------------------- making and keeping


@functools.cache
def _foundation() -> str:
    """Digest what every kernel depends on: this engine's own sources, the versions, the processor."""
    import llvmlite  # noqa: PLC0415
    import llvmlite.binding as llvm  # noqa: PLC0415
    import numba  # noqa: PLC0415

    digest = hashlib.sha256()
    for name in ("compiler", "lowlevel", "machine"):
        digest.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    for path in sorted(Path(kernels.__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    versions = (sys.version, np.__version__, numba.__version__, llvmlite.__version__, platform.machine())
    digest.update(repr((versions, llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())).encode())
    return digest.hexdigest()


@functools.cache
def cache_folder() -> Path:
    """Give the folder of the compiled kernels: BACKLIT_CACHE_DIR, else the user's cache, else a temporary one."""
    given = os.environ.get("BACKLIT_CACHE_DIR")
    for folder in [Path(given)] if given else [Path(platformdirs.user_cache_dir("backlit"))]:
        try:
            (folder / "kernels").mkdir(parents=True, exist_ok=True)
            if os.access(folder / "kernels", os.W_OK):
                return folder / "kernels"
        except OSError:
            pass
    return Path(tempfile.mkdtemp(prefix="backlit-kernels-"))


def _load(title: str, text: str, digest: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Write a generated module once, under a name made of its digest, and run it with the given names."""
    key = hashlib.sha256(f"{_foundation()} {digest} {text}".encode()).hexdigest()[:20]
    path = cache_folder() / f"{title}_{key}.py"
    if not path.exists():
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    return _run(f"backlit_kernels.{path.stem}", str(path), text, given)


def _run(name: str, path: str, text: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Run a module's text; its cached machine code asks for the module by name, so it must be known."""
    module = types.ModuleType(name)
    module.__dict__.update({"__file__": path, **given})
    sys.modules[name] = module
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Numba warns of experimental features and of performance, not of results
        exec(compile(text, path, "exec"), module.__dict__)
    return module.__dict__


KEPT: dict[Any, dict[str, Any]] = {}
"""Modules of compiled kernels, which must live as long as a table may hold their addresses."""


def _head(title: str, dtype: str) -> str:
    return HEAD.format(title=title, dtype=dtype, fast=repr(FAST))


def compiled_kernel(binding: Binding, which: str, in_place: bool, dtype: str) -> int:
    """Compile an op's function, or find it in the cache, and give its address."""
    op: Any = binding.op
    key = (type(op), which, in_place, dtype, binding.arrays)
    if key not in KEPT:
        elementwise = not hasattr(op, which)
        jit = Jit(dtype)
        if not elementwise:
            for name in arguments(maths_of(op, which)):
                binding.require(name, which)
            maths, body = jit(getattr(op, which)), _general_body(binding, which)
        elif isinstance(op, Activation):
            function = op.value if which == "forward" else op.slope  # type: ignore[attr-defined]
            maths, body = jit(function, scalar=True), _elementwise_body(binding, which, in_place)
        else:
            maths = jit(op.value if which == "forward" else op.slope, scalar=True)
            body = _loss_body(binding, which)
        title = f"{op.kind}_{op.name}_{which}_{dtype}"
        text = _head(title, dtype) + "\n\n" + _kernel_text(body, dtype)
        KEPT[key] = _load(title, text, jit.digest.hexdigest(), {"maths": maths})
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
        text = _head(title, dtype) + "\n\n" + _update_text(optimizer, dtype)
        KEPT[key] = _load(title, text, jit.digest.hexdigest() + exact.digest.hexdigest(), given)
    return int(KEPT[key]["kernel"].address)


INVOKE = """
@njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def invoke(table, i, column, memory, n, training, clock, first_row):
    row = advance(table, i * {width})
    call_kernel(
        row[column], row, memory.P, memory.dP, memory.A, memory.dA, memory.S, memory.C,
        n, training, clock.seed, clock.step, first_row,
    )


@njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def invoke_update(row, memory, start, stop, rate, step, l1, l2, decay):
    call_update(
        row[0], row, memory.P, memory.dP, memory.slots, memory.C, start, stop, memory.size, rate, step, l1, l2, decay,
    )
"""


def _entry_text(name: str) -> str:
    """Write an entry point: what comes as arrays goes on as addresses."""
    names = arguments(getattr(machine, name))
    given = []
    for argument in names:
        group = machine.__dict__.get(argument.capitalize())
        if group is None:
            given.append(f"pointer({argument})" if argument in machine.FLAT else argument)
        else:
            fields = (f"pointer({argument}.{field})" if kind == Array else f"{argument}.{field}"
                      for field, kind in get_type_hints(group).items())  # fmt: skip
            given.append(f"machine.{argument.capitalize()}({', '.join(fields)})")
    call = f"entry_{name}({', '.join(given)})"
    return f"@njit(nogil=True, **OPTIONS)\ndef {name}({', '.join(names)}):\n    return {call}\n"


@functools.cache
def compiled_machine() -> types.SimpleNamespace:
    """Compile the machine's entry points, lazily by the types they are called with."""
    invoking = _run(
        "backlit_kernels.invoke", "<invoke>", _head("invoke", "float64") + INVOKE.format(width=machine.WIDTH), {}
    )
    jit = Jit("float64", replace={name: invoking[name] for name in ("invoke", "invoke_update")})
    entries = {name: jit(getattr(machine, name)) for name in machine.ENTRY_POINTS}
    text = "\n\n".join([_head("machine", "float64"), "from backlit.engine import machine\n",
                        *(_entry_text(name) for name in machine.ENTRY_POINTS)])  # fmt: skip
    given = {f"entry_{name}": entry for name, entry in entries.items()}
    module = _load("machine", text, jit.digest.hexdigest(), given)
    return types.SimpleNamespace(**{name: module[name] for name in machine.ENTRY_POINTS})
