"""The names that Backlit takes from inside Numba, which Numba may change in any version.

No other file imports from `numba.core`, `numba.np` or `numba.cpython`; a test holds that. The upper bound on Numba in
pyproject.toml is there because of these names: raise it once the tests pass with the new version.
"""

from __future__ import annotations

from typing import Any

from numba.core import cgutils
from numba.core.typing.templates import AttributeTemplate
from numba.np import arrayobj

__all__ = ["AttributeTemplate", "arrayobj", "cgutils", "compiler_lock", "linear_algebra", "target_context"]


def target_context() -> Any:
    """Give Numba's compilation target for this processor. Making it tells LLVM's linker Numba's own symbols."""
    from numba.core.registry import cpu_target  # noqa: PLC0415

    return cpu_target.target_context


def compiler_lock() -> Any:
    """Give the lock that each thread holds while it compiles.

    It is imported late, as is `linear_algebra`: only collecting needs them. If an import fails, Numba compiles in its
    ordinary way.
    """
    from numba.core.compiler_lock import global_compiler_lock  # noqa: PLC0415

    return global_compiler_lock


def linear_algebra() -> Any:
    """Give the module whose `ensure_blas` loads SciPy's BLAS."""
    from numba.np import linalg  # noqa: PLC0415

    return linalg
