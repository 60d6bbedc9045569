"""The thread that trains: while the session plays, a little at a time, so that a command waits at most some 50 ms."""

from __future__ import annotations

import math
import threading
import time
from collections import deque

from backlit.page.session import Session

SLICE = 0.05
"""Seconds of training in one go."""

TICK = 0.03
"""At a speed that is chosen, updates are made together that are due within so many seconds."""

MOST_LATE = 0.25
"""A training that cannot keep its speed leaves out what is later than so many seconds."""

MEASURED = 2.0
"""Over so many seconds the updates a second are counted."""


class Trainer:
    """Trains a session's training while it plays, at the session's speed."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.thread = threading.Thread(target=self._work, name="backlit-trainer", daemon=True)
        self._marks: deque[tuple[float, int]] = deque()
        self._paced: object = None
        self._due = 0.0

    def start(self) -> None:
        """Begin to wait for the session to play."""
        self.thread.start()

    def stop(self) -> None:
        """End the thread, and those of the training."""
        with self.session.lock:
            self.session.closed = True
            self.session.wake.notify_all()
        self.thread.join(timeout=5.0)
        if not self.thread.is_alive():
            self.session.training.close()

    def _work(self) -> None:
        session = self.session
        while True:
            with session.lock:
                while not (session.playing or session.closed):
                    self._paced = None
                    session.wake.wait()
                if session.closed:
                    return
                wait = self._tried()
                if wait > 0.0 and session.playing:
                    session.wake.wait(wait)
            session.turns.let_go()

    def _tried(self) -> float:
        """Train for a slice, and stop with words where that fails: nobody else hears of an error in this thread."""
        try:
            return self._train()
        except Exception as error:  # noqa: BLE001
            self.session.end(error)
            return 0.0

    def _train(self) -> float:
        """Train for a slice; give the seconds until the next update is due."""
        session, now = self.session, time.perf_counter()
        speed = math.inf if session.hurried else session.speed
        paced = session.training, speed, session.until
        if paced != self._paced:
            self._paced, self._due = paced, now
            self._marks.clear()
        if speed == math.inf:
            session.train(SLICE)
            session.change()
        else:
            updates = int((now - self._due) * speed) + 1
            if now >= self._due:
                self._due = max(self._due + updates / speed, now - MOST_LATE)
                session.train(SLICE, updates)
                session.change()
        self._mark(time.perf_counter())
        if speed == math.inf:
            return 0.0
        return max(self._due - time.perf_counter(), TICK)

    def _mark(self, now: float) -> None:
        """Count the updates a second, from one slice's end to that of another."""
        marks, step = self._marks, self.session.training.step
        if marks and step == marks[-1][1]:
            return
        marks.append((now, step))
        while len(marks) > 2 and now - marks[1][0] > MEASURED:
            marks.popleft()
        seconds = now - marks[0][0]
        if seconds > 0.0:
            self.session.pace = max(0.0, (step - marks[0][1]) / seconds)
