"""Under which conditions the machine runs."""

from __future__ import annotations

import functools
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np


def steady(compiled: bool) -> AbstractContextManager[None]:
    """Let numbers overflow without warnings, and hold the plain machine's matrix products to one thread.

    NumPy's products give other last bits on two threads than on one; the compiled machine has products of its own, and
    no warnings.
    """
    return nullcontext() if compiled else _plain()


@contextmanager
def _plain() -> Generator[None]:
    with np.errstate(all="ignore"), _libraries().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _libraries() -> Any:
    from threadpoolctl import ThreadpoolController  # noqa: PLC0415

    return ThreadpoolController()
