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
from array import array
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from backlit.engine.compiled.compile import CompiledMachine
from backlit.engine.executable import Program
from backlit.engine.machine.barrier_state import LINE, Cell, Desk, desk, free_locks, new_board
from backlit.engine.machine.environment import processors
from backlit.engine.program.structs import Clock, Data, Held, Memory, Rule, Tables
from backlit.kernels.types import Array

CALL_SECONDS = 0.05
"""How long the machine runs before it comes back for Ctrl-C and the time limit."""

TRIAL_SECONDS = 0.005
"""How long, for one batch at the least, the other way is tried: with the team, or the first member alone."""

FIRST_SECONDS = 20 * TRIAL_SECONDS
FIRST_BATCHES = 20
"""How long, and for how many batches, a team works before the other way is tried for the first time."""

TRUST_SECONDS = 2.0
TRUST = 50
"""How long the faster way is kept to before the other one is tried again, and for how many times the trial's length."""


def team_for(program: Program, memory: Memory, threads: int) -> Team | None:
    """Give a team of up to so many threads for a program's batches, or None where there is nothing to share.

    It never has more members than there are processors: those who wait would keep the others from working.
    """
    members = min(threads, program.shards, processors())
    whole = program.coupled and program.optimizer is not None and program.optimizer.full_batch
    if members < 2 or whole or not isinstance(program.runner, CompiledMachine):
        return None
    return Team(program, program.runner, memory, members)


class Team:
    """Runs the machine's entry points for training with several threads.

    `memory` is the first member's, who is the caller; each further one has arenas of its own, unless all work in one.
    Where the processors are busy with something else, a team can be slower than its first member alone: which is faster
    is measured as it goes. Where no threads are to be had, the first member works alone.
    """

    def __init__(self, program: Program, machine: CompiledMachine, memory: Memory, members: int) -> None:
        self.machine = machine
        self.entry = program.entry
        self.pace = Pace()
        self.crew: Crew | None = None
        self.refused = False
        common = memory._replace(members=members)
        if not program.coupled:
            shards = np.zeros(members * memory.size, memory.P.dtype)
            common = common._replace(shards=shards, losses=np.zeros(members * LINE))
        self.memories = [common]
        for member in range(1, members):
            A, dA = memory.A, memory.dA
            if not program.coupled:
                A, dA = np.zeros(A.size, A.dtype), np.zeros(A.size, A.dtype)  # untouched until the member works there
            self.memories.append(common._replace(member=member, A=A, dA=dA))

    def train_batches(
        self, tables: Tables, memory: Memory, data: Data, held: Held, rule: Rule, clock: Clock,
        batch_size: int, first_batch: int, last_batch: int, rates: Array, target: float, sums: Array,
    ) -> int:  # fmt: skip
        """Do what the machine's entry point for training does, each batch's shards side by side."""

        def given(member: int) -> tuple[Any, ...]:  # each keeps the accounts, and comes to the same
            own = sums if member == 0 else sums.copy()
            return data, held, rule, clock, batch_size, first_batch, last_batch, rates, target, own

        return int(self._run(self.entry, tables, memory, given, lambda reached: int(reached) - first_batch))

    def batch_gradient(self, tables: Tables, memory: Memory, *given: Any) -> float:
        """Do what `machine.batch_gradient` does."""
        return float(self._run("batch_gradient", tables, memory, lambda _: given, lambda _: 1))

    def dismiss(self) -> None:
        """End the threads, until they are needed again."""
        crew, self.crew = self.crew, None
        if crew is not None:
            crew.end()

    def _run(
        self, entry: str, tables: Tables, memory: Memory,
        given: Callable[[int], tuple[Any, ...]], batches: Callable[[Any], int],
    ) -> Any:  # fmt: skip
        """Call all members into the machine, each with its own memory and what is given for it, or go in alone."""
        door = self.machine.door(entry)
        crew = self._assembled() if self.pace.together else None
        began = time.perf_counter()
        if crew is None:
            result = door(self.machine.remembered, tables, memory, *given(0))
        else:
            kept = [given(member) for member in range(len(self.memories))]
            packs = [
                door.packed(self.machine.remembered, tables, own, *rest)
                for own, rest in zip(self.memories, kept, strict=True)
            ]
            crew.call(door.entrance, packs)
            result = packs[0][1][0]
        self.pace.note(batches(result), time.perf_counter() - began)
        return result

    def _assembled(self) -> Crew | None:
        """Give the threads, started in this process; None where the system has none to give."""
        if self.crew is not None and self.crew.process != os.getpid():  # a fork has the memory, but not the threads
            self.crew = None
        if self.crew is None and not self.refused:
            crew = Crew(self.machine.serve, len(self.memories))
            try:
                crew.start()
            except RuntimeError:
                crew.end()
                self.refused = True
                return None
            self.crew = crew
            self.memories = [memory._replace(board=crew.board) for memory in self.memories]
        return self.crew


class Crew:
    """The threads of a team, which wait in machine code to be called; the caller is the first member."""

    def __init__(self, serve: Callable[[Array, int], None], members: int) -> None:
        self.process = os.getpid()
        self.serve = serve
        self.board = new_board(members)
        self.threads: list[threading.Thread] = []
        # not joined there: a collector may run in a thread that holds what an ending thread waits for
        self._leave = weakref.finalize(self, _send_home, serve, self.board, self.process)
        self._leave.atexit = False  # those who sleep do not keep the interpreter from ending

    def start(self) -> None:
        """Start the threads. Errors: a RuntimeError where there are none to be had."""
        for member in range(1, int(self.board[Cell.MEMBERS])):
            thread = threading.Thread(
                target=self.serve, args=(self.board, member), name=f"backlit-{member}", daemon=True
            )
            thread.start()
            self.threads.append(thread)

    def call(self, entrance: int, packs: Sequence[tuple[array[int], array[float]]]) -> None:
        """Call all members through the door with that address, each with its two vectors; come back when all have."""
        for member, (integers, floats) in enumerate(packs):
            place = desk(member)
            self.board[place + Desk.INTEGERS] = integers.buffer_info()[0]
            self.board[place + Desk.FLOATS] = floats.buffer_info()[0]
        self.board[Cell.DOOR] = entrance
        self.serve(self.board, 0)

    def end(self) -> None:
        """Send the threads home and wait until they have gone."""
        if self.process == os.getpid() and self._leave.alive:
            self._leave()
            for thread in self.threads:
                thread.join()
            free_locks(self.board)


def _send_home(serve: Callable[[Array, int], None], board: Array, process: int) -> None:
    """Let the threads of this process end."""
    if os.getpid() == process:
        board[Cell.DOOR] = 0
        serve(board, 0)


class Pace:
    """Whether it is faster together or alone: the faster way is kept to, and the other is tried now and then.

    A trial is short beside the time for which its result is trusted, so that the slower way costs next to nothing. What
    is measured right after a change is not counted, since caches and threads are not yet warm.
    """

    def __init__(self) -> None:
        self.together = True
        self.trying = False
        self._changed = True
        self._batches, self._seconds = 0, 0.0
        self._long = FIRST_SECONDS, FIRST_BATCHES
        self._per_batch: dict[bool, float] = {}

    @property
    def seconds(self) -> float:
        """How long the machine may run before it is asked again."""
        return TRIAL_SECONDS if self.trying else CALL_SECONDS

    def note(self, batches: int, seconds: float) -> None:
        """Take note of how long so many batches took, and decide how to go on."""
        if self._changed:
            self._changed = False
            return
        self._batches += batches
        self._seconds += seconds
        least, enough = (TRIAL_SECONDS, 1) if self.trying else self._long
        if self._seconds < least or self._batches < enough:
            return
        self._per_batch[self.together] = self._seconds / self._batches
        before = self.together
        if self.trying:
            self._long = max(TRUST_SECONDS, TRUST * self._seconds), 1
            self.together = self._per_batch[True] <= self._per_batch[False]
        else:
            self.together = not self.together
        self.trying = not self.trying
        self._changed = self.together != before
        self._batches, self._seconds = 0, 0.0
