"""The second process: compiles the entry points it is asked for, in their order."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from backlit.engine.compiled.background import take
from backlit.engine.compiled.compile import define_product, entry_point
from backlit.kernels.gemm.symbols import SHARED


def main(dtype: str, names: Sequence[str]) -> None:
    """Compile the names in their order, and tell of each when it lies in the cache."""
    for name in names:
        if name not in SHARED:
            entry_point(name, dtype)
        elif take(name, dtype):
            define_product(name, dtype)
        sys.stdout.write(name + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
