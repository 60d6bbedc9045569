"""Lets several worker threads enter the machine together and wait for each other in machine code, without Python.

A waiting thread spins for about 20 µs, which is as long as a wake-up takes, sets its ASLEEP flag, checks once more,
then blocks on its lock: nothing spins for long on a busy machine. The waking thread writes the new value before it
reads the flags, so no wake-up is lost. The locks are Python's own, which exist on every system; machine code acquires
and releases them without the interpreter.

The shared state of the barrier is one vector of int64, whose address all threads know; each field that several threads
write has its own cache line. Python allocates it (`new_state`); the loops below are part of the machine. The functions
above them exist in machine code alone (`compiled/numba_atomics.py`): the plain machine has one worker, which never
waits.
"""

from __future__ import annotations

import ctypes
from enum import IntEnum
from typing import Any

import numpy as np

from backlit.kernels.types import Array

LINE = 8  # int64 numbers in a cache line

SPINS = 600
"""How often a thread looks at a value before it blocks; with the processor's pause in between about 20 µs."""


class Field(IntEnum):
    """The fields of the shared state."""

    ARRIVED = 0  # how many workers have arrived at the barrier
    GENERATION = LINE  # how often all have
    CALLS = 2 * LINE  # how many calls there have been
    WORKERS = 3 * LINE  # how many threads there are, the caller's included
    ENTRY_POINT = 3 * LINE + 1  # address of the function to run; 0 shuts the workers down
    ACQUIRE = 3 * LINE + 2  # addresses of Python's functions that acquire and release a lock
    RELEASE = 3 * LINE + 3
    SLOTS = 4 * LINE  # from here on a cache line for each worker


class Slot(IntEnum):
    """The fields of a worker's slot."""

    ASLEEP = 0  # whether the worker is blocked on its lock, or about to be
    LOCK = 1
    INTEGERS = 2  # addresses of the two vectors that it calls the entry point with
    FLOATS = 3


_allocate = ctypes.PYFUNCTYPE(ctypes.c_void_p)(("PyThread_allocate_lock", ctypes.pythonapi))
_acquire = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)(("PyThread_acquire_lock", ctypes.pythonapi))
_free = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(("PyThread_free_lock", ctypes.pythonapi))


def new_state(workers: int) -> Array:
    """Allocate the state of a barrier for so many workers.

    Every lock starts locked, so a worker that acquires its lock blocks until another thread releases it.
    """
    state = np.zeros(Field.SLOTS + workers * LINE, np.int64)
    state[Field.WORKERS] = workers
    for field, name in ((Field.ACQUIRE, "PyThread_acquire_lock"), (Field.RELEASE, "PyThread_release_lock")):
        state[field] = ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0
    for worker in range(workers):
        lock = _allocate()
        if not lock:
            raise MemoryError("Python cannot allocate a lock.")
        _acquire(lock, 1)
        state[slot_of(worker) + Slot.LOCK] = lock
    return state


def free_locks(state: Array) -> None:
    """Free the locks, once no thread uses them."""
    for worker in range(int(state[Field.WORKERS])):
        _free(int(state[slot_of(worker) + Slot.LOCK]))


def slot_of(worker: int) -> int:
    """Give where a worker's slot begins."""
    return Field.SLOTS + worker * LINE


# --------------------------------------------------------------------------------------- in machine code only


def atomic_read(state: Array, field: int) -> int:
    """Read a number that another thread may be writing."""
    raise NotImplementedError


def atomic_swap(state: Array, field: int, value: int) -> int:
    """Write a number and give the one that was there."""
    raise NotImplementedError


def atomic_increment(state: Array, field: int) -> int:
    """Add one to a number and give the one that was there."""
    raise NotImplementedError


def pause() -> None:
    """Tell the processor that this thread is spinning."""


def call_lock(address: int, lock: int, flag: int) -> None:
    """Call one of Python's functions on a lock; a `flag` of 1 makes acquire wait, and release ignores it."""


def call_entry_point(address: int, integers: int, floats: int) -> None:
    """Call an entry point by its address, with the addresses of its two vectors."""


# ------------------------------------------------------------------------------------------------------------ the loops

# Each literal would make Numba compile one more variant of the function it is given to.
_fields: list[Any] = [np.int64(field) for field in Field]
ARRIVED, GENERATION, CALLS, WORKERS, ENTRY_POINT, ACQUIRE, RELEASE, SLOTS = _fields
ASLEEP, LOCK, INTEGERS, FLOATS = (int(field) for field in Slot)
NONE: Any = np.int64(0)


def wake(state: Array) -> None:
    """Release the locks of all workers that are asleep."""
    worker = 0
    while worker < state[WORKERS]:
        slot = SLOTS + worker * LINE
        if atomic_read(state, slot + ASLEEP) == 1 and atomic_swap(state, slot + ASLEEP, 0) == 1:
            call_lock(state[RELEASE], state[slot + LOCK], 0)
        worker += 1


def wait(state: Array, worker: int, field: int, value: int) -> None:
    """Wait until a field is no longer `value`: spin, then sleep."""
    spins = 0
    while atomic_read(state, field) == value:
        spins += 1
        pause()
        if spins >= SPINS:  # block on the lock, unless the value has changed and no release is on its way
            slot = SLOTS + worker * LINE
            atomic_swap(state, slot + ASLEEP, 1)
            if atomic_read(state, field) == value or atomic_swap(state, slot + ASLEEP, 0) == 0:
                call_lock(state[ACQUIRE], state[slot + LOCK], 1)


def arrive(state: Array, worker: int) -> None:
    """Wait at the barrier until all workers have arrived; the last one starts the next generation."""
    generation = atomic_read(state, GENERATION)
    if atomic_increment(state, ARRIVED) == state[WORKERS] - 1:
        atomic_swap(state, ARRIVED, 0)
        atomic_swap(state, GENERATION, generation + 1)
        wake(state)
    else:
        wait(state, worker, GENERATION, generation)


def worker_loop(state: Array, worker: int) -> None:
    """Run entry points: worker 0 starts a call and takes part in it, the others wait for calls until shut down."""
    if worker == 0:  # the caller: wake the others, take part in one call, return
        atomic_increment(state, CALLS)
        wake(state)
        if atomic_read(state, ENTRY_POINT) != 0:
            run_share(state, worker)
        return
    calls = NONE  # the others: one call after another, until the address is 0
    wait(state, worker, CALLS, calls)
    while atomic_read(state, ENTRY_POINT) != 0:
        run_share(state, worker)
        calls += 1
        wait(state, worker, CALLS, calls)


def run_share(state: Array, worker: int) -> None:
    """Run this worker's share of a call, then wait at the barrier."""
    slot = SLOTS + worker * LINE
    call_entry_point(state[ENTRY_POINT], state[slot + INTEGERS], state[slot + FLOATS])
    arrive(state, worker)
