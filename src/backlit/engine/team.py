"""Several threads for one batch: each takes whole shards, and the shards' gradients are summed in their order.

All members run the same loop over the batches in machine code (`machine.train_batches`), each on its own shards and on
its own range of the parameters, and meet where one needs what another has made (`meeting`). Who computes a shard, or
sums a range, does not change a bit. The threads are Python's, so that a debugger and the interpreter's end know them,
but between calls they wait in machine code: to wake one from Python took as long as many a batch.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from backlit.engine.board import Cell, Desk, desk, free_locks, new_board
from backlit.engine.compiler import CompiledMachine
from backlit.engine.doors import arguments_of
from backlit.engine.machine import LANES, Memory, Tables
from backlit.engine.program import Program
from backlit.ops.op import Array

CALL_SECONDS = 0.05
"""How long the machine runs before it comes back for Ctrl-C and the time limit."""

TRIAL_SECONDS = 0.005
"""How long it is tried, now and then, whether the other way would be faster: with the team or alone."""

TRUST_SECONDS = 2.0
"""How long the faster way is kept to before the other one is tried again."""

FIRST_BATCH = [name for name, _ in arguments_of("train_batches")].index("first_batch") - 2
"""Where the number of the first batch stands among what `train_batches` is given after tables and memory."""


def default_threads() -> int:
    """Give how many threads to use: BACKLIT_THREADS, else OMP_NUM_THREADS, else the processors this process may use."""
    for name in ("BACKLIT_THREADS", "OMP_NUM_THREADS"):
        given = os.environ.get(name, "")
        if given.isdecimal() and int(given):
            return int(given)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def team_for(program: Program, memory: Memory, threads: int) -> Team | None:
    """Give a team of up to so many threads for a program's batches, or None where there is nothing to share."""
    members = min(threads, program.shards)
    whole = program.coupled and program.optimizer is not None and program.optimizer.full_batch
    if members < 2 or whole or not isinstance(program.runner, CompiledMachine):
        return None
    return Team(program, program.runner, memory, members)


class Team:
    """Runs the machine's entry points for training with several threads.

    `memory` is the first member's, who is the caller; each further one has arenas of its own, unless all work in one.
    Where the processors are
    busy with something else, a team can be slower than its first member alone: which is faster is measured as it goes.
    """

    def __init__(self, program: Program, machine: CompiledMachine, memory: Memory, members: int) -> None:
        self.machine = machine
        self.entry = program.entry
        common = memory._replace(members=members)
        if not program.coupled:
            shards = np.zeros(members * memory.size, memory.P.dtype)
            common = common._replace(shards=shards, losses=np.zeros(members * LANES))
        self.memories = [common]
        for member in range(1, members):
            A, dA = (memory.A, memory.dA) if program.coupled else (np.zeros_like(memory.A), np.zeros_like(memory.dA))
            self.memories.append(common._replace(member=member, A=A, dA=dA))
        self.pace = Pace()
        self.process: int | None = None
        self._go_home: Callable[[], object] = bool

    def _assemble(self) -> None:
        """Start the threads, in this process."""
        members = len(self.memories)
        self.process = os.getpid()
        self.board = new_board(members)
        self.memories = [memory._replace(board=self.board) for memory in self.memories]
        threads = [
            threading.Thread(
                target=self.machine.serve, args=(self.board, member), name=f"backlit-{member}", daemon=True
            )
            for member in range(1, members)
        ]
        for thread in threads:
            thread.start()
        self._go_home = weakref.finalize(self, _end, self.machine.serve, self.board, threads, self.process)

    def dismiss(self) -> None:
        """End the threads, until they are needed again."""
        self._go_home()
        self.process = None

    def train_batches(self, tables: Tables, memory: Memory, *given: Any) -> int:
        """Do what the machine's entry point for training does, each batch's shards side by side."""
        *others, sums = given
        began = time.perf_counter()
        # each member keeps the accounts, and comes to the same
        reached = self._run(self.entry, lambda k: (*others, sums if k == 0 else sums.copy()), tables, memory)
        self.pace.note(reached - given[FIRST_BATCH], time.perf_counter() - began)
        return int(reached)

    def batch_gradient(self, tables: Tables, memory: Memory, *given: Any) -> float:
        """Do what `machine.batch_gradient` does."""
        began = time.perf_counter()
        loss = self._run("batch_gradient", lambda _: given, tables, memory)
        self.pace.note(1, time.perf_counter() - began)
        return float(loss)

    def _run(self, entry: str, given: Callable[[int], tuple[Any, ...]], tables: Tables, memory: Memory) -> Any:
        """Call all members into the machine, each with its own memory and what is given for it, or go in alone."""
        door = self.machine.door(entry)
        if not self.pace.together:
            return door(self.machine.remembered, tables, memory, *given(0))
        if os.getpid() != self.process:  # a fork has the team's memory, but not its threads
            self._assemble()
        kept = [given(member) for member in range(len(self.memories))]
        packs = [
            door.packed(self.machine.remembered, tables, own, *rest)
            for own, rest in zip(self.memories, kept, strict=True)
        ]
        for member, (integers, floats) in enumerate(packs):
            place = desk(member)
            self.board[place + Desk.INTEGERS] = integers.buffer_info()[0]
            self.board[place + Desk.FLOATS] = floats.buffer_info()[0]
        self.board[Cell.DOOR] = door.entrance
        self.machine.serve(self.board, 0)
        return packs[0][1][0]


class Pace:
    """Whether it is faster together or alone, by trying now and then what is not done at the moment.

    Batches that take longer than a trial are always shared: what it costs to meet is nothing beside them.
    """

    def __init__(self) -> None:
        self.together = True
        self.trial = True
        self._batches, self._seconds = 0, 0.0
        self._per_batch: dict[bool, float] = {}

    @property
    def seconds(self) -> float:
        """How long the machine may run before it is asked again."""
        return TRIAL_SECONDS if self.trial else CALL_SECONDS

    def note(self, batches: int, seconds: float) -> None:
        """Take note of how long so many batches took, and decide how to go on."""
        self._batches += batches
        self._seconds += seconds
        if self._seconds < (TRIAL_SECONDS if self.trial else TRUST_SECONDS):
            return
        per_batch = self._per_batch[self.together] = self._seconds / max(self._batches, 1)
        self._batches, self._seconds = 0, 0.0
        if self.together and per_batch > TRIAL_SECONDS:
            self.trial = False
            return
        tried = self.trial and len(self._per_batch) == 2
        self.trial = not tried
        self.together = min(self._per_batch, key=self._per_batch.__getitem__) if tried else not self.together


def _end(serve: Any, board: Array, threads: list[threading.Thread], process: int) -> None:
    """End the threads of this process."""
    if os.getpid() != process:
        return
    board[Cell.DOOR] = 0
    serve(board, 0)
    for thread in threads:
        thread.join()
    free_locks(board)
