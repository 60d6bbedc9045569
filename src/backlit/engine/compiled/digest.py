"""What compiled code depends on, digested without compiling anything."""

from __future__ import annotations

import hashlib
import types
from collections.abc import Callable, Collection
from typing import Any

from backlit.engine.compiled.substitutes import PRODUCTS


class Dependencies:
    """What a function reaches through its globals, digested without compiling anything.

    `digest` is of the code of all functions reached and of the constants they name; `multiplies` tells whether the
    matrix product is among them. `skip` names globals that something else will stand for.
    """

    def __init__(self, function: Callable[..., Any], skip: Collection[str] = ()) -> None:
        self.skip = skip
        self.multiplies = False
        self._seen: set[Any] = set()
        self._sum = hashlib.sha256()
        self._follow(function)
        self.digest = self._sum.hexdigest()

    def _follow(self, function: Any) -> None:
        function = getattr(function, "compiled", function)
        if function in self._seen:
            return
        self._seen.add(function)
        self._sum.update(_fingerprint(function.__code__).encode())
        self._sum.update(str(hasattr(function, "any_order")).encode())
        for cell in function.__closure__ or ():
            self._sum.update(repr(cell.cell_contents).encode())
        for name in sorted(_global_names(function.__code__)):
            if name in function.__globals__ and name not in self.skip:
                self._visit(name, function.__globals__[name])

    def _visit(self, name: str, value: Any) -> None:
        if isinstance(value, types.FunctionType):
            if value in PRODUCTS:
                self.multiplies = True
            else:
                self._follow(value)
        elif not isinstance(value, (types.ModuleType, type)):
            self._sum.update(f"{name}={value!r}".encode())


def _fingerprint(code: types.CodeType) -> str:
    """Describe a function's code by its content, the code nested in it included, and by no address."""
    constants = [_fingerprint(c) if isinstance(c, types.CodeType) else repr(c) for c in code.co_consts]
    return repr((code.co_code, code.co_names, code.co_varnames, constants))


def _global_names(code: types.CodeType) -> set[str]:
    """Give the names a function, or a comprehension in it, may take from its globals."""
    nested = [_global_names(c) for c in code.co_consts if isinstance(c, types.CodeType)]
    return set(code.co_names).union(*nested)
