"""Work that takes longer than a drawing may: done in a thread of its own, never with the session's lock held."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import numpy as np

from backlit.errors import collecting
from backlit.page.endings import words_of

Result = TypeVar("Result")

APART, SHARE = 2.0, 0.01
"""Of work that is done again and again beside a training, so many seconds lie between two at least; and it takes at
most this share of the time, but for the first time after each change."""


class ReplacedError(Exception):
    """Another work has taken the place of this one."""


class Background(Generic[Result]):
    """Does one work at a time, the last one that was asked for.

    `done` is called when there is something new. The thread ends with the work.

    Attributes:
        result: what the last work gave, or has given so far. error: why it could not be done, else "".
        busy: what is worked on, by its key; None where nothing is. said: how far the work is, in words.
    """

    def __init__(self, done: Callable[[], None]) -> None:
        self.done = done
        self.result: Result | None = None
        self.error, self.said = "", ""
        self.busy: Hashable = None
        self.key: Hashable = None
        """What the result, or the error, is of."""
        self.next = 0.0
        """Until then, work beside a training is not done again."""
        self._took: float | None = None
        self._number = 0
        self._lock, self._working = threading.Lock(), threading.Lock()

    def start(self, key: Hashable, work: Callable[[Task[Result]], Result]) -> None:
        """Work on something else from now on."""
        with self._lock:
            self._number += 1
            self.busy, self.said = key, ""
            task = Task(self, self._number)
        threading.Thread(target=self._work, args=(key, task, work), name="backlit-work", daemon=True).start()

    def drop(self) -> None:
        """Forget what is there, and what is worked on."""
        with self._lock:
            self._number += 1
            self.result, self.error, self.said, self.busy, self.key, self.next = None, "", "", None, None, 0.0

    def due(self) -> bool:
        """Tell whether work beside a training may be done again."""
        return time.monotonic() >= self.next

    def wait(self, seconds: float = 60.0) -> None:
        """Wait until nothing is worked on, for a test."""
        until = time.monotonic() + seconds
        while self.busy is not None and time.monotonic() < until:
            time.sleep(0.005)

    def _work(self, key: Hashable, task: Task[Result], work: Callable[[Task[Result]], Result]) -> None:
        try:
            with self._working, collecting([]), np.errstate(all="ignore"):
                task.between()
                began = time.thread_time()
                result: Result | None = None
                try:
                    result, error = work(task), ""
                except ReplacedError:
                    raise
                except Exception as wrong:  # noqa: BLE001  (whatever it is, nothing is worked on any more)
                    error = words_of(wrong)
                self._finish(task, key, result, error, time.thread_time() - began)
        except ReplacedError:
            return
        self.done()

    def _finish(self, task: Task[Result], key: Hashable, result: Result | None, error: str, took: float) -> None:
        with self._lock:
            task.between()
            self.result, self.error, self.key, self.busy, self.said = result, error, key, None, ""
            cost = 0.0 if self._took is None else min(took, self._took)  # the first work loads and compiles, too
            self.next, self._took = time.monotonic() + max(APART, cost / SHARE), took


class Task(Generic[Result]):
    """A work at hand."""

    def __init__(self, owner: Background[Result], number: int) -> None:
        self._owner, self._number = owner, number

    def between(self) -> None:
        """End the work where another one has taken its place; to be called often."""
        if self._number != self._owner._number:
            raise ReplacedError

    def show(self, result: Result, key: Hashable) -> None:
        """Give what there is so far."""
        with self._owner._lock:
            self.between()
            self._owner.result, self._owner.key, self._owner.error = result, key, ""
        self._owner.done()

    def tell(self, words: str) -> None:
        """Say how far the work is."""
        self.between()
        self._owner.said = words
        self._owner.done()
