"""The board of a team: the numbers over which its threads meet in machine code, and the locks on which they sleep.

Everything is in one vector of integers, whose address the threads share. Numbers that several threads write have a line
of the cache each.
"""

from __future__ import annotations

import ctypes
from enum import IntEnum

import numpy as np

from backlit.kernels.types import Array

LINE = 8  # numbers of 64 bits in a line of the cache


class Cell(IntEnum):
    """Where things stand on the board."""

    ARRIVED = 0  # how many have come to the meeting
    MET = LINE  # how many meetings there have been
    CALLS = 2 * LINE  # how many calls
    MEMBERS = 3 * LINE  # how many threads, the caller's included
    DOOR = 3 * LINE + 1  # the address of what is called; 0 sends the threads home
    ACQUIRE = 3 * LINE + 2  # the addresses of Python's functions that take and free a lock
    RELEASE = 3 * LINE + 3
    DESKS = 4 * LINE  # from here on a line per member


class Desk(IntEnum):
    """What stands in a member's line."""

    ASLEEP = 0  # whether it waits at its lock
    LOCK = 1
    INTEGERS = 2  # the addresses of what it is called with
    FLOATS = 3


_allocate = ctypes.PYFUNCTYPE(ctypes.c_void_p)(("PyThread_allocate_lock", ctypes.pythonapi))
_acquire = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)(("PyThread_acquire_lock", ctypes.pythonapi))
_free = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(("PyThread_free_lock", ctypes.pythonapi))


def new_board(members: int) -> Array:
    """Lay out a board for so many threads; every lock is taken, so that who comes to it sleeps until it is freed."""
    board = np.zeros(Cell.DESKS + members * LINE, np.int64)
    board[Cell.MEMBERS] = members
    for cell, name in ((Cell.ACQUIRE, "PyThread_acquire_lock"), (Cell.RELEASE, "PyThread_release_lock")):
        board[cell] = ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0
    for member in range(members):
        lock = _allocate()
        if not lock:
            raise MemoryError("Python has no lock to give.")
        _acquire(lock, 1)
        board[desk(member) + Desk.LOCK] = lock
    return board


def free_locks(board: Array) -> None:
    """Give the locks back, once nobody waits at them."""
    for member in range(int(board[Cell.MEMBERS])):
        _free(int(board[desk(member) + Desk.LOCK]))


def desk(member: int) -> int:
    """Give where a member's line begins."""
    return Cell.DESKS + member * LINE
