"""A second process that compiles the machine, while this one compiles the kernels of its network.

The first training ever on a machine waits for the compiler, which uses one processor. Half of its work does not depend
on the network: the machine's entry points, and the matrix product, whose parts go to the process that comes first.
Where the cache lacks them, a process is started that puts them there. It is asked for nothing twice, whoever runs at
the same time, and nobody depends on it: where it cannot be started, ends early or does not know something, the one who
needs it compiles it himself.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from backlit.engine.compiled.disk_cache import cache_folder
from backlit.engine.machine.environment import processors
from backlit.kernels.gemm.symbols import SHARED

PREDICTION = ("predict_rows",)
TRAINING = (*SHARED, "evaluate_rows", *PREDICTION)
"""What a program needs of these, in the order of need: only to predict; to train, beside the entry point for that."""


class _Helper:
    """The process, and what it has told so far to have done."""

    def __init__(self, dtype: str, names: Sequence[str]) -> None:
        path = os.pathsep.join(filter(None, sys.path))
        self.dtype, self.owner = dtype, os.getpid()
        self.names, self.done = set(names), set[str]()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "backlit.engine.compiled.worker", dtype, *names],
            env=os.environ | {"PYTHONPATH": path},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self.lock = threading.Lock()
        atexit.register(self.end)

    def wait_for(self, name: str) -> None:
        """Wait until something is done, or the process has ended."""
        if os.getpid() != self.owner:  # a fork does not own the process
            return
        with self.lock:
            while name in self.names - self.done:
                assert self.process.stdout is not None
                line = self.process.stdout.readline()
                self.done.add(line.strip())
                if not line:
                    self.end()
            if self.names <= self.done:
                self.end()

    def ended(self) -> bool:
        """Tell whether the process has ended, and take leave of it if so."""
        if os.getpid() == self.owner and self.process.poll() is not None and self.lock.acquire(blocking=False):
            self.end()
            self.lock.release()
        return not self.names

    def end(self) -> None:
        """End the process; what it has not done is no longer waited for."""
        self.names = set()
        if os.getpid() == self.owner and self.process.stdout is not None and not self.process.stdout.closed:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


_helpers: list[_Helper] = []


def begin(dtype: str, names: Sequence[str]) -> None:
    """Have a second process compile some names for a type of number, those that nobody has been asked for yet."""
    _helpers[:] = [helper for helper in _helpers if not helper.ended()]
    alone = getattr(sys, "frozen", False) or not sys.executable or processors() < 2
    missing = [] if alone else [name for name in names if _to_do(name, dtype)]
    if not {*missing} <= {*SHARED}:
        try:
            _helpers.append(_Helper(dtype, missing))
        except OSError:  # no process to be had; all is compiled here
            return


def _to_do(name: str, dtype: str) -> bool:
    """Take something for the process that is to be started, all but what is taken when somebody comes to it."""
    return not _mark(name, dtype).exists() if name in SHARED else take(name, dtype)


def take(name: str, dtype: str) -> bool:
    """Mark something as asked for; False if somebody has already asked for it."""
    try:
        _mark(name, dtype).touch(exist_ok=False)
    except OSError:  # it is there; or nothing can be written, and then a second process is of no use
        return False
    return True


def _mark(name: str, dtype: str) -> Path:
    return cache_folder() / f"{name}_{dtype}.asked"


def wait_for(name: str, dtype: str) -> None:
    """Wait until no helper is at work on something for a type of number."""
    for helper in _helpers:
        if helper.dtype == dtype:
            helper.wait_for(name)
