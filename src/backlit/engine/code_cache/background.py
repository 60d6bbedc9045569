"""A helper process compiles what all networks share, while this process compiles the kernels of its own network.

The first training on a machine waits for the compiler, which uses one processor. Half of its work does not depend on
the network: the machine's entry points and the matrix product. Where the cache lacks them, `begin` starts a helper
process (worker.py) that compiles them into the cache. The processes tell each other two things:

* A *claim* is an empty file NAME_TYPE.asked in the cache. The process that creates it compiles the entry, or has it
  compiled: `begin` claims entry points for its helper, and the process that comes first claims a part of the product.
* A *line* on the pipe from the helper names an entry that now lies in the cache. `wait_for` reads up to that line.

No result depends on a helper: the main process compiles what its helper has not reported before it ended.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from backlit.engine.code_cache import announcing, disk_cache
from backlit.engine.machine.environment import processors
from backlit.kernels.gemm.symbols import SHARED

PREDICTION = ("predict_rows",)
TRAINING = (*SHARED, "evaluate_rows", *PREDICTION)
"""What a program needs of these, in the order of need: only to predict; to train, beside the entry point for that."""

SECONDS = 2.0
"""What a name and the kernels that go with it take, roughly: a first training 10 s, a first prediction 2 s."""


class _Helper:
    """A helper process, and the names that it has not reported yet."""

    def __init__(self, dtype: str, names: Sequence[str]) -> None:
        cache = disk_cache.cache_folder().parents[1]
        self.dtype, self.pending, self.owner = dtype, set(names), os.getpid()
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "backlit.engine.compiled.worker", dtype, *names],
            env=os.environ | {"PYTHONPATH": _search_path(), "BACKLIT_CACHE_DIR": str(cache)},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self.lock = threading.Lock()
        atexit.register(self.end)

    def wait_for(self, name: str) -> None:
        """Wait until the helper has reported a name, or has ended."""
        if os.getpid() != self.owner:  # a fork does not own the process
            return
        with self.lock:
            while name in self.pending:
                assert self.process.stdout is not None
                line = self.process.stdout.readline()
                self.pending.discard(line.strip())
                if not line:
                    self.end()
            if not self.pending:
                self.end()

    def ended(self) -> bool:
        """Tell whether the process has ended, and release it if so."""
        if os.getpid() == self.owner and self.process.poll() is not None and self.lock.acquire(blocking=False):
            self.end()
            self.lock.release()
        return not self.pending

    def end(self) -> None:
        """End the process; names it has not reported are no longer waited for."""
        self.pending = set()
        if os.getpid() == self.owner and self.process.stdout is not None and not self.process.stdout.closed:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


def _search_path() -> str:
    """Give the folders that a helper imports from: those of this process, without the working folder and the script's.

    Python puts these first, where a file of the user's named `numpy.py` takes the package's place. Where Backlit itself
    lies in one of them, it comes last.
    """
    main = sys.modules["__main__"]
    script = None if getattr(main, "__spec__", None) else getattr(main, "__file__", None)
    left_out = {os.path.realpath(os.curdir), os.path.dirname(os.path.realpath(script or __file__))}
    kept = [path for path in sys.path if os.path.isabs(path) and os.path.realpath(path) not in left_out]
    package = str(Path(__file__).parents[3])
    return os.pathsep.join(kept if package in kept else [*kept, package])


_helpers: list[_Helper] = []


def begin(dtype: str, names: Sequence[str]) -> None:
    """Start a helper that compiles, for a type of number, those of some names that no process has claimed yet."""
    _announce(dtype, names)
    _helpers[:] = [helper for helper in _helpers if not helper.ended()]
    alone = getattr(sys, "frozen", False) or not sys.executable or processors() < 2
    missing = [] if alone else [name for name in names if name in SHARED or claim(name, dtype)]
    if not {*missing} <= {*SHARED}:
        try:
            _helpers.append(_Helper(dtype, missing))
        except OSError:  # the main process compiles everything
            return


_complete: set[tuple[Path, str, *tuple[str, ...]]] = set()
"""Folders of the cache with a type of number and names that were all there; a folder is not read for every training."""


def _announce(dtype: str, names: Sequence[str]) -> None:
    """Tell the listeners which of some names have to be waited for, by whichever process they are compiled."""
    folder = disk_cache.cache_folder()
    if (folder, dtype, *names) in _complete or not announcing.compilation_listeners:
        return
    kept = disk_cache.titles()
    missing = [name for name in names if f"{'' if name in SHARED else 'machine_'}{name}_{dtype}" not in kept]
    if missing:
        announcing.announce(announcing.Compilation(SECONDS * len(missing), disk_cache.keeps()))
    else:
        _complete.add((folder, dtype, *names))


def claim(name: str, dtype: str) -> bool:
    """Claim an entry; False where a process has claimed it, or no file can be written, so that no helper is of use."""
    return disk_cache.claim(f"{name}_{dtype}.asked")


def wait_for(name: str, dtype: str) -> None:
    """Wait until no helper of this process is compiling an entry."""
    for helper in _helpers:
        if helper.dtype == dtype:
            helper.wait_for(name)
