"""Names of a package that are imported when first used, so that importing the package costs nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


class LazyPackage(ModuleType):
    """A package in which a public name stays what it is, although Python imports a module of that name."""

    lazy_names: Mapping[str, str]

    def __setattr__(self, name: str, value: Any) -> None:
        if not (isinstance(value, ModuleType) and name in self.lazy_names):  # Python binds a module when it is imported
            super().__setattr__(name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        """Let a function that mentions the package go to another process: a module is pickled by its name."""
        return import_module, (self.__name__,)


def lazily(
    package: str, places: Mapping[str, str], advice: Callable[[str], str] = lambda _: ""
) -> Callable[[str], Any]:
    """Give the `__getattr__` of a package whose names lie in the modules that `places` tells.

    `advice` gives the end of the message about a name that the package lacks.

    >>> from backlit import engine
    >>> engine.Network.__name__, engine.gradcheck.__name__
    ('Network', 'gradcheck')
    """
    module = sys.modules[package]
    module.__class__ = LazyPackage
    module.__dict__["lazy_names"] = places

    def get(name: str) -> Any:
        if name not in places:
            # With `obj` and no `name`, Python adds no guess of its own to the advice.
            raise AttributeError(f"module {package!r} has no attribute {name!r}{advice(name)}", obj=module)
        return getattr(import_module(f"{package}.{places[name]}"), name)

    return get
