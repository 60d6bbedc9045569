"""Imports the names of a package when they are first used, so that importing the package is fast."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazily(package: str, places: Mapping[str, str]) -> Callable[[str], Any]:
    """Give the `__getattr__` of a package that imports each name from its module in `places`.

    >>> get = lazily("backlit", {"BacklitError": "errors"})
    >>> get("BacklitError").__name__
    'BacklitError'
    """

    def get(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{places[name]}"), name)

    return get
