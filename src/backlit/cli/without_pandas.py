"""pyarrow without pandas: for commands that read files, and are to begin at once."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from typing import NoReturn


class _Refusing(MetaPathFinder):
    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname == "pandas":
            _refuse(fullname)


def _refuse(name: str) -> NoReturn:
    raise ModuleNotFoundError(f"{name} is not looked for now", name=name)


def without_pandas() -> None:
    """Keep pyarrow's first conversion from importing pandas where it is installed, which takes a quarter of a second.

    pyarrow asks once whether there is pandas, at its first conversion of whatever kind, and remembers the answer. A
    conversion to or from pandas itself asks again, and works as ever.
    """
    import pyarrow as pa

    if "pandas" in sys.modules:
        return
    refusing = _Refusing()
    sys.meta_path.insert(0, refusing)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(refusing)
