"""The threads of a team, which wait in machine code for their next call."""

from __future__ import annotations

import os
import threading
import weakref
from array import array
from collections.abc import Callable, Sequence

from backlit.engine.machine.barrier import Field, Slot, free_locks, new_state, slot_of
from backlit.kernels.types import Array


class WorkerThreads:
    """The threads of a team, which wait in machine code for their next call; the caller is worker 0."""

    def __init__(self, worker_loop: Callable[[Array, int], None], workers: int) -> None:
        self.process = os.getpid()
        self.worker_loop = worker_loop
        self.barrier = new_state(workers)
        self.threads: list[threading.Thread] = []
        # The finalizer does not join: the collector may run in a thread that holds a lock which an ending thread needs.
        self._shut_down = weakref.finalize(self, _shut_down, worker_loop, self.barrier, self.process)
        self._shut_down.atexit = False  # the interpreter can end while daemon threads block

    def start(self) -> None:
        """Start the threads. Errors: a RuntimeError where the system has none left."""
        for worker in range(1, int(self.barrier[Field.WORKERS])):
            thread = threading.Thread(
                target=self.worker_loop, args=(self.barrier, worker), name=f"backlit-{worker}", daemon=True
            )
            thread.start()
            self.threads.append(thread)

    def call(self, address: int, packs: Sequence[tuple[array[int], array[float]]]) -> None:
        """Have all workers call the entry point at `address`, each with its two vectors; return when all have."""
        for worker, (integers, floats) in enumerate(packs):
            slot = slot_of(worker)
            self.barrier[slot + Slot.INTEGERS] = integers.buffer_info()[0]
            self.barrier[slot + Slot.FLOATS] = floats.buffer_info()[0]
        self.barrier[Field.ENTRY_POINT] = address
        self.worker_loop(self.barrier, 0)

    def shut_down(self) -> None:
        """End the threads, and return when they have ended."""
        if self.process == os.getpid() and self._shut_down.alive:
            self._shut_down()
            for thread in self.threads:
                thread.join()
            free_locks(self.barrier)


def _shut_down(worker_loop: Callable[[Array, int], None], barrier: Array, process: int) -> None:
    """Let the threads of this process end."""
    if os.getpid() == process:
        barrier[Field.ENTRY_POINT] = 0
        worker_loop(barrier, 0)
