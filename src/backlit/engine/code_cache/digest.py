"""A digest of all that decides what a function compiles to, made without compiling it.

Equal digests mean equal machine code: they name kernels on disk and in memory. A function is digested by value: its
code, its default arguments, the cells of its closure, and each global that it names, functions included.
"""

from __future__ import annotations

import enum
import functools
import hashlib
import struct
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from backlit.kernels.matmul import PRODUCTS

MISSING = object()
LIBRARIES = {"numpy", "scipy", "numba", "llvmlite"} | sys.stdlib_module_names
"""Packages of which the name and the version are digested, not the content."""

EMBEDDED = 10**6
"""Bytes up to which Numba copies a contiguous array into the code; of a larger array the code has the address."""

_known: dict[Any, Dependencies] = {}


def dependencies_of(function: Callable[..., Any]) -> Dependencies:
    """Digest what a function depends on, or give what was found before if all of it is unchanged.

    A changed global, default argument or function body is seen at the next call, without the op being registered
    again. (Triton raises an error where a kernel's global was changed.)
    """
    known = _known.get(function)
    if known is None or known.changed():
        known = _known[function] = Dependencies(function)
    return known


class Dependencies:
    """What a function depends on.

    Attributes:
        digest: SHA-256 of all that.
        lasting: whether the digest means the same in other processes. It does not where a value of a kind unknown here
            was digested by its address; code that depends on such a value is never written to disk.
        multiplies: whether a function of the matrix product is among what is reached.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.lasting, self.multiplies = True, False
        self._dispatchers: list[Any] = []  # functions that the user compiled with Numba, each after those it calls
        self._mutable = False  # whether a value may change in place
        self._globals: list[tuple[dict[str, Any], str, Any]] = []  # what was found where, to see changes
        self._attributes: list[tuple[Any, str, Any]] = []
        self._order: dict[Any, int] = {}  # functions, modules and classes in the order in which they were reached
        self._outer: list[Any] = []  # the containers around the value at hand
        self._kept: list[Any] = []  # values digested by their address, which no other value may take
        self.digest = self._function(function, by_numba=False).hex()

    def changed(self) -> bool:
        """Tell whether anything reached may have changed since."""
        if self._mutable:
            return True
        for namespace, name, value in self._globals:
            if namespace.get(name, MISSING) is not value:
                return True
        for owner, name, value in self._attributes:  # noqa: SIM110  (a generator takes twice as long, at every start)
            if getattr(owner, name, MISSING) is not value:
                return True
        return False

    def refresh(self) -> None:
        """Have Numba compile the user's own compiled functions anew: it keeps the values that their globals had."""
        for function in self._dispatchers:
            if function.overloads:
                function.recompile()

    def _attribute(self, owner: Any, name: str) -> Any:
        value = getattr(owner, name, MISSING)
        self._attributes.append((owner, name, value))
        return value

    def _function(self, function: Any, by_numba: bool) -> bytes:
        """Digest a function; `by_numba` says that the user gave it to Numba, so that `Retyper` leaves it as it is."""
        loops = MISSING if by_numba else self._attribute(function, "compiled")
        function = function if loops is MISSING else loops
        if (function, by_numba) in self._order:
            return _sum("again", self._order[function, by_numba])
        self._order[function, by_numba] = len(self._order)
        code = self._attribute(function, "__code__")
        names = _global_names(code)
        if "getattr" in names:
            names |= {constant for constant in code.co_consts if isinstance(constant, str)}
        named = tuple(sorted(names))
        values = [self._attribute(function, name) for name in ("__code__", "__defaults__", "__kwdefaults__")]
        values += [self._attribute(cell, "cell_contents") for cell in function.__closure__ or ()]
        parts = [
            self._attribute(function, "any_order") is not MISSING,
            self._attribute(function, "apart") is not MISSING,
            *(self._value(value, (), by_numba) for value in values),
        ]
        for name in named:
            value = function.__globals__.get(name, MISSING)
            self._globals.append((function.__globals__, name, value))
            if value is not MISSING:
                parts += [name, self._value(value, named, by_numba)]
        return _sum("function", *parts)

    def _value(self, value: Any, names: tuple[str, ...], by_numba: bool) -> bytes:  # noqa: PLR0911
        """Digest a value by its content; `names` are those that the code may take from modules and classes."""
        kind = type(value)
        if kind in {bool, int, str, bytes, type(None), type(Ellipsis)}:
            return _sum(kind.__name__, repr(value))
        if kind in {float, complex}:  # bit by bit: -0.0 is not 0.0, and one NaN is not another
            return _sum(kind.__name__, struct.pack("<dd", value.real, value.imag))
        if isinstance(value, (np.ndarray, np.generic, np.dtype)):
            return self._numbers(value)
        if isinstance(value, enum.Enum):
            return _sum("member", kind.__qualname__, value.name, self._value(value.value, (), by_numba))
        if kind in {tuple, list, set, frozenset, dict} or (isinstance(value, tuple) and hasattr(kind, "_fields")):
            return self._container(value, names, by_numba)
        if kind in {functools.partial, types.MethodType, staticmethod, types.CodeType}:
            parts = tuple(getattr(value, name) for name in _PARTS[kind])
            return _sum(kind.__name__, self._container(parts, names, by_numba))
        if isinstance(value, (types.ModuleType, type)):
            return self._namespace(value, names, by_numba)
        if kind.__name__ == "CPUDispatcher" and _library(kind.__module__):
            return self._dispatcher(value)
        if isinstance(value, types.FunctionType):
            if value in PRODUCTS:
                self.multiplies = True
                return _sum("product", value.__qualname__)
            if not by_numba:  # Numba itself calls a plain function only as an overload, whose code is not seen here
                return self._function(value, by_numba)
        module, name = getattr(value, "__module__", None) or "", getattr(value, "__name__", "")
        if _library(module) and getattr(sys.modules.get(module), name, MISSING) is value:  # math.exp, np.exp
            return _sum(_library(module), name)
        return self._address(value)

    def _address(self, value: Any) -> bytes:
        """Digest a value whose content is not known to describe it, for this process alone."""
        self.lasting = False
        self._kept.append(value)
        return _sum("address", id(value))

    def _numbers(self, value: Any) -> bytes:
        """Digest an array, a scalar or a type of NumPy: type, shape, strides, bytes."""
        dtype = value if isinstance(value, np.dtype) else value.dtype
        described = dtype.str, dtype.descr
        if dtype.hasobject:
            return self._address(value)
        if isinstance(value, np.dtype):
            return _sum("dtype", described)
        if isinstance(value, np.generic):
            return _sum("scalar", described, value.tobytes())
        self._mutable = True
        if type(value) is np.ndarray and value.flags.forc and value.nbytes <= EMBEDDED:
            return _sum("array", described, value.shape, value.strides, value.tobytes("A"))
        return _sum(self._address(value), value.tobytes() if value.nbytes <= EMBEDDED else b"")

    def _container(self, value: Any, names: tuple[str, ...], by_numba: bool) -> bytes:
        """Digest what a container holds: a set without its order, which differs from process to process."""
        kind = type(value)
        if any(value is outer for outer in self._outer):
            return self._address(value)
        self._outer.append(value)
        self._mutable |= kind in {list, set, dict}
        content = [part for pair in value.items() for part in pair] if kind is dict else value
        parts = [self._value(part, names, by_numba) for part in content]
        self._outer.pop()
        if kind in {set, frozenset}:
            parts.sort()
        return _sum(kind.__qualname__, getattr(kind, "_fields", ()), *parts)

    def _namespace(self, value: Any, names: tuple[str, ...], by_numba: bool) -> bytes:
        """Digest a module or a class: of a library its name, else those of its attributes that the code may take."""
        is_class = isinstance(value, type)
        name = value.__qualname__ if is_class else value.__name__
        library = _library(value.__module__ if is_class else name)
        if library:
            return _sum(library, name)
        if _library(type(value).__module__).startswith("numba"):  # a class that Numba compiles
            return self._address(value)
        if (value, names) in self._order:
            return _sum("again", self._order[value, names])
        self._order[value, names] = len(self._order)
        names = (*names, *getattr(value, "__members__", ()), *(("_fields", "_field_defaults") if is_class else ()))
        parts: list[Any] = []
        for name in names:
            attribute = self._attribute(value, name)
            if attribute is not MISSING:
                parts += [name, self._value(attribute, names, by_numba)]
        return _sum("namespace", *parts)

    def _dispatcher(self, value: Any) -> bytes:
        """Digest a function that the user compiled with Numba: its Python code, its options, its declared types."""
        declared = () if getattr(value, "_can_compile", True) else tuple(map(str, value.nopython_signatures))
        options = self._container(tuple(sorted(value.targetoptions.items())), (), True)
        function = self._function(value.py_func, by_numba=True)
        if value not in self._dispatchers:
            self._dispatchers.append(value)
        return _sum("dispatcher", options, declared, function)


_PARTS: dict[type, tuple[str, ...]] = {
    functools.partial: ("func", "args", "keywords"),
    types.MethodType: ("__func__", "__self__"),
    staticmethod: ("__func__",),
    types.CodeType: (
        "co_code", "co_consts", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_argcount",
        "co_posonlyargcount", "co_kwonlyargcount", "co_flags", "co_exceptiontable",
    ),
}  # fmt: skip
"""What other objects are digested by: nothing that is an address, a file's name or the number of a line."""

_STANDARD = str(Path(functools.__file__).parent)


def _sum(*parts: Any) -> bytes:
    """Digest parts, each with its length, so that no two lists of parts read the same."""
    texts = [part if isinstance(part, bytes) else repr(part).encode("utf-8", "surrogatepass") for part in parts]
    return hashlib.sha256(b"".join(len(text).to_bytes(8, "little") + text for text in texts)).digest()


@functools.cache
def _library(module: str) -> str:
    """Give the name and version of the library that a module belongs to; "" for the user's own code and for Backlit."""
    top = sys.modules.get(module.partition(".")[0])
    if top is None or top.__name__ not in LIBRARIES:
        return ""
    standard = top.__name__ in sys.stdlib_module_names
    if standard and not (getattr(top, "__file__", None) or _STANDARD).startswith(_STANDARD):
        return ""  # the user's, under a name of the standard library
    return f"{module} {sys.version if standard else top.__version__}"


def _global_names(code: types.CodeType) -> set[str]:
    """Give the names a function, or a comprehension in it, may take from its globals."""
    nested = [_global_names(c) for c in code.co_consts if isinstance(c, types.CodeType)]
    return set(code.co_names).union(*nested)
