"""The page on a port of this machine."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from backlit.page.routes import app_of
from backlit.page.session import Session
from backlit.page.trainer import Trainer


def serve(session: Session, *, port: int = 0, opened: Callable[[str], None]) -> None:
    """Serve a session until Ctrl-C; `opened` is told the address."""
    bound = socket.create_server(("127.0.0.1", port))
    trainer = Trainer(session)
    trainer.start()
    opened(f"http://127.0.0.1:{bound.getsockname()[1]}/")
    config = uvicorn.Config(app_of(session), http="h11", ws="none", log_level="warning", timeout_graceful_shutdown=1)
    try:
        uvicorn.Server(config).run(sockets=[bound])
    finally:
        trainer.stop()
