"""The live page of a session, served in this process behind its guard, for a browser; and what a browser does there."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
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


REFUSED = re.compile(r"/(command|upload\?\S*) - Failed to load resource: the server responded with a status of 422")
"""What the console says of a command or a file that does not fit, which the page shows beside the control."""


@contextmanager
def opened(browser: Any, session: Session) -> Iterator[None]:
    """Open a session's page in a wide, light window, and leave it at the end: its console has had no error then."""
    with live_page(session) as address:
        browser.resize(1440)
        browser.media()
        browser.console()
        browser.driver.get(address)
        yield
        wrong = [one for one in browser.console() if not REFUSED.search(one)]
        browser.driver.get("about:blank")
        if wrong:
            pytest.fail(f"the console has had errors: {wrong}")


def until(holds: Callable[[], Any]) -> None:
    """Wait until something holds, at most ten seconds."""
    for _ in range(200):
        if holds():
            return
        time.sleep(0.05)
    pytest.fail("it did not come to hold within 10 s")


def comes(browser: Any, script: str, wanted: Any) -> None:
    """Wait until a script gives what is wanted, at most ten seconds."""
    found = None
    for _ in range(200):
        found = browser.run(script)
        if found == wanted:
            return
        time.sleep(0.05)
    pytest.fail(f"{script} gives {found!r} after 10 s; expected {wanted!r}")


def keys(browser: Any, *pressed: str) -> None:
    """Press keys one after another."""
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser.driver).send_keys(*pressed).perform()
