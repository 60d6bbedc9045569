"""The clock of every measurement: the wall's, or the processor's where BENCH_CLOCK=cpu.

The processor's clock counts the user and system time of this process and of the processes that it started and that
have ended. Work of one thread takes about the same processor time on a busy machine as on a quiet one.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable


def processor_time() -> float:
    """Give the processor time of this process and its ended children, in seconds."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": processor_time}
now = CLOCKS[os.environ.get("BENCH_CLOCK", "wall")]
