"""How the threads of a team meet in machine code: a call to all of them, and a barrier, without Python in between.

Who waits looks at a number for some microseconds, as long as waking takes, and then sleeps at its lock: nothing spins
on a busy machine. The locks are Python's own, which know every system; they are taken and freed without the
interpreter. A sleeper puts down that it sleeps before it looks a last time, a waker changes the number before it looks
who sleeps, so that one of the two sees the other.

The functions are a part of the machine. The first ones are those that only machine code has (`atomics`): in the plain
machine one works alone, and never comes to them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backlit.engine.machine.barrier_state import LINE, Cell, Desk
from backlit.kernels.types import Array

LOOKS = 600
"""How often one looks before it sleeps; with the processor's pause in between some twenty microseconds."""

# Each literal would make Numba compile one more variant of the function it is given to.
_cells: list[Any] = [np.int64(cell) for cell in Cell]
ARRIVED, MET, CALLS, MEMBERS, DOOR, ACQUIRE, RELEASE, DESKS = _cells
ASLEEP, LOCK, INTEGERS, FLOATS = (int(place) for place in Desk)
NONE: Any = np.int64(0)


def read(board: Array, cell: int) -> int:
    """Read a number that another thread may be writing."""
    raise NotImplementedError


def swap(board: Array, cell: int, value: int) -> int:
    """Write a number and give the one that was there."""
    raise NotImplementedError


def count(board: Array, cell: int) -> int:
    """Add one to a number and give the one that was there."""
    raise NotImplementedError


def pause() -> None:
    """Let the processor rest for a moment."""


def call_lock(address: int, lock: int, flag: int) -> None:
    """Call one of Python's functions on a lock; `flag` says to wait, and is not looked at by the one that frees."""


def call_door(address: int, integers: int, floats: int) -> None:
    """Enter the machine by a door's address, with the addresses of its two vectors."""


# ---------------------------------------------------------------------------------------------------- what they are for


def wake(board: Array) -> None:
    """Free the locks of all who sleep."""
    member = 0
    while member < board[MEMBERS]:
        desk = DESKS + member * LINE
        if read(board, desk + ASLEEP) == 1 and swap(board, desk + ASLEEP, 0) == 1:
            call_lock(board[RELEASE], board[desk + LOCK], 0)
        member += 1


def wait(board: Array, member: int, cell: int, value: int) -> None:
    """Wait until a number is no longer `value`."""
    looks = 0
    while read(board, cell) == value:
        looks += 1
        pause()
        if looks >= LOOKS:
            desk = DESKS + member * LINE
            swap(board, desk + ASLEEP, 1)
            if read(board, cell) == value or swap(board, desk + ASLEEP, 0) == 0:
                call_lock(board[ACQUIRE], board[desk + LOCK], 1)


def meet(board: Array, member: int) -> None:
    """Wait until all members have come here: the last one counts a meeting, for which the others wait."""
    met = read(board, MET)
    if count(board, ARRIVED) == board[MEMBERS] - 1:
        swap(board, ARRIVED, 0)
        swap(board, MET, met + 1)
        wake(board)
    else:
        wait(board, member, MET, met)


def serve(board: Array, member: int) -> None:
    """Run what the board says: the first member calls the others and goes ahead, the others wait for its calls."""
    if member == 0:
        count(board, CALLS)
        wake(board)
        if read(board, DOOR) != 0:
            work(board, member)
        return
    calls = NONE
    wait(board, member, CALLS, calls)
    while read(board, DOOR) != 0:
        work(board, member)
        calls += 1
        wait(board, member, CALLS, calls)


def work(board: Array, member: int) -> None:
    """Do one's part of a call, and see that all have done theirs."""
    desk = DESKS + member * LINE
    call_door(board[DOOR], board[desk + INTEGERS], board[desk + FLOATS])
    meet(board, member)
