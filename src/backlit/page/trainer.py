"""The thread that trains: while the session plays, a little at a time, so that a command waits at most some 50 ms."""

from __future__ import annotations

import threading
import time

from backlit.errors import BacklitError, collecting
from backlit.page.session import Session

SLICE = 0.05
"""Seconds of training in one go."""


class Trainer:
    """Trains a session's training while it plays."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.thread = threading.Thread(target=self._work, name="backlit-trainer", daemon=True)

    def start(self) -> None:
        """Begin to wait for the session to play."""
        self.thread.start()

    def stop(self) -> None:
        """End the thread."""
        with self.session.lock:
            self.session.closed = True
            self.session.wake.notify_all()
        self.thread.join(timeout=5.0)

    def _work(self) -> None:
        session = self.session
        while True:
            with session.lock:
                while not (session.playing or session.closed):
                    session.wake.wait()
                if session.closed:
                    return
                pause = self._advance()
            time.sleep(pause)
            while session.waiting > 0:
                time.sleep(0.0005)

    def _advance(self) -> float:
        """Train a little; give how long to wait then."""
        session = self.session
        told: list[str] = []
        try:
            with collecting(told):
                stopped = session.train(SLICE)
        except BacklitError as error:
            stopped = str(error)
        if stopped:
            session.playing, session.stopped = False, stopped
        session.told = " ".join(told) or session.told
        session.change()
        return 0.0
