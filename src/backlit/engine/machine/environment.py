"""Thread counts, and NumPy's warnings and threads while the machine runs."""

from __future__ import annotations

import functools
import os
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from backlit.ops.value_checks import checked


def threads_of(given: Any) -> int:
    """Give how many threads to use: as many as are given, else the default."""
    if given is None:
        return default_threads()
    return int(checked("threads", given, Annotated[int, Meta(ge=1)]))


def default_threads() -> int:
    """Give how many threads to use: BACKLIT_THREADS, else OMP_NUM_THREADS, else the processors this process may use."""
    for name in ("BACKLIT_THREADS", "OMP_NUM_THREADS"):
        given = os.environ.get(name, "")
        if given.isdecimal() and int(given):
            return int(given)
    return processors()


def processors() -> int:
    """Give how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
