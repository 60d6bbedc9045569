"""A session's page as it runs: its application behind the guard, and its trainer beside it."""

from __future__ import annotations

from collections.abc import Callable

from backlit.page.events import Streams
from backlit.page.routes import LIMITS, app_of
from backlit.page.serving import Place, serve
from backlit.page.session import Session
from backlit.page.trainer import Trainer


def run(session: Session, place: Place, *, opened: Callable[[str], None]) -> None:
    """Serve a session and train it until Ctrl-C or SIGTERM, and return then; `opened` is told the address.

    Errors: a BacklitError for a port that is taken and for what is not safe, before anything is served.
    """
    streams, trainer = Streams(), Trainer(session)
    trainer.start()
    try:
        serve(app_of(session, streams), place, opened=opened, ending=streams.end, limits=LIMITS)
    finally:
        trainer.stop()
