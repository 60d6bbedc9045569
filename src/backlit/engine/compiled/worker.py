"""The helper process: compiles the entries that its command line names into the cache, in their order."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from backlit.engine.code_cache.background import claim
from backlit.engine.compiled.compile import define_product, entry_point
from backlit.kernels.gemm.symbols import SHARED


def main(dtype: str, names: Sequence[str]) -> None:
    """Compile each name, and report it on a line of standard output once it lies in the cache."""
    for name in names:
        if name not in SHARED:
            entry_point(name, dtype)
        elif claim(name, dtype):
            define_product(name, dtype)
        sys.stdout.write(name + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
