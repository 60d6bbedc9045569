"""The live page of a session, served in this process behind its guard, for a browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from backlit.page.events import Streams
from backlit.page.guard import Address, Guard
from backlit.page.routes import LIMITS, app_of
from backlit.page.serving import LOOPBACK, Server, bind
from backlit.page.session import Session
from backlit.page.trainer import Trainer


@contextmanager
def live_page(session: Session) -> Iterator[str]:
    """Serve a session and train it; give the address that opens it."""
    streams, trainer = Streams(), Trainer(session)
    trainer.start()
    with bind(LOOPBACK, 0) as bound:
        guard = Guard(app_of(session, streams), Address("http", LOOPBACK, bound.getsockname()[1], True), limits=LIMITS)
        config = uvicorn.Config(guard, http="h11", ws="none", log_level="error", timeout_graceful_shutdown=1)
        server = Server(config, streams.end)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        try:
            yield guard.opening_url
        finally:
            server.should_exit = True
            thread.join(10)
            trainer.stop()
