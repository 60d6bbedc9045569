"""Under which conditions the machine runs."""

from __future__ import annotations

import functools
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import numpy as np


@contextmanager
def steady(compiled: bool) -> Generator[None]:
    """Let numbers overflow without warnings, and hold the plain machine's matrix products to one thread.

    NumPy's products give other last bits on two threads than on one; the compiled machine has products of its own.
    """
    if compiled:
        yield
    else:
        with np.errstate(all="ignore"), _libraries().limit(limits=1, user_api="blas"):
            yield


@functools.cache
def _libraries() -> Any:
    from threadpoolctl import ThreadpoolController  # noqa: PLC0415

    return ThreadpoolController()
