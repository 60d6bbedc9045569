"""Whose turn it is to hold the session's lock."""

from __future__ import annotations

import threading


class Turns:
    """Who waits for the session's lock, so that the trainer lets them go first."""

    def __init__(self) -> None:
        self.waiting = 0
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        with self._changed:
            self.waiting += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self.waiting -= 1
            self._changed.notify_all()

    def let_go(self) -> None:
        """Wait until nobody waits for the lock."""
        with self._changed:
            self._changed.wait_for(lambda: self.waiting == 0)
