"""The page on a port: checked options, a bound socket, the guard around the application, an end by Ctrl-C."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import ssl
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, NoReturn

import uvicorn
from starlette.applications import Starlette

from backlit.errors import BacklitError
from backlit.page.guard import Address, Guard

LOOPBACK = "127.0.0.1"
LOCAL = {LOOPBACK, "localhost", "::1"}
"""What `--host` may be without TLS: this machine alone."""

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))


class Place(NamedTuple):
    """Where a page is served.

    Attributes:
        host: this machine's loopback, or, with TLS and `i_know`, the name or address that browsers open.
        port: 0 for a free one. certificate, key: the files of TLS, in the PEM format.
    """

    host: str = LOOPBACK
    port: int = 0
    certificate: Path | None = None
    key: Path | None = None
    i_know: bool = False


def serve(
    app: Starlette,
    place: Place,
    *,
    opened: Callable[[str], None],
    ending: Callable[[], None],
    limits: Mapping[str, int],
) -> None:
    """Serve an application behind the guard until Ctrl-C or SIGTERM, and return then.

    Args:
        opened: is told the address that opens the page, before it is served: browsers that come early wait.
        ending: is called in the server's loop when it begins to end; it must end the open streams.
        limits: the most bytes of a body by route, as for `Guard`.

    Errors: a BacklitError for a port that is taken and for what is not safe, before anything is served.
    """
    loopback = check_host(place)
    bound = bind(place.host, place.port)
    scheme = "https" if place.certificate else "http"
    address = Address(scheme, place.host.lower(), bound.getsockname()[1], loopback)
    guard = Guard(app, address, limits=limits)
    config = uvicorn.Config(
        guard,
        loop="asyncio",
        http="h11",
        ws="none",
        interface="asgi3",
        lifespan="on",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,  # a client of this machine could name itself another
        server_header=False,
        timeout_graceful_shutdown=1,
        ssl_certfile=place.certificate,
        ssl_keyfile=place.key,
    )
    server = Server(config, ending)
    with bound, server.capture_signals():  # from here on, also before it serves
        opened(guard.opening_url)
        server.run(sockets=[bound])


def open_browser(url: str) -> threading.Thread | None:
    """Open an address in the person's browser, in a thread that is given, where there is a screen.

    Without one, Python would open a browser in the terminal, over what is printed.
    """
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return None
    thread = threading.Thread(target=webbrowser.open, args=(url,), daemon=True)
    thread.start()
    return thread


class Server(uvicorn.Server):
    """Uvicorn's server, which ends streams when it ends, and returns after a signal instead of raising it again."""

    def __init__(self, config: uvicorn.Config, ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._ending = ending

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End by a signal. Uvicorn's own would end the process by SIGTERM, before last words are said."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End: streams first, for uvicorn waits until they have ended."""
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # a request that is cut off is no fault
        self._ending()
        await super().shutdown(sockets)


def check_host(place: Place) -> bool:
    """Refuse what would show the page to others unprotected; say whether the host is this machine alone."""
    host, certificate, key = place.host, place.certificate, place.key
    if (certificate is None) != (key is None):
        raise BacklitError("--certificate and --key belong together: give both files, in the PEM format, or neither.")
    if host in {"0.0.0.0", "::", ""}:
        raise BacklitError(f'--host "{host}" is no address that a browser opens: give this machine\'s name or address.')
    if host not in LOCAL and not (place.i_know and certificate):
        raise BacklitError(
            f"--host {host} shows the page to other machines. Leave it out to see the page on this machine; to show it "
            "to others, add --i-know, and --certificate FILE and --key FILE, so that what is sent is encrypted."
        )
    if certificate is not None and key is not None:
        _check_certificate(certificate, key)
    return host in LOCAL


def _check_certificate(certificate: Path, key: Path) -> None:
    for option, path in (("--certificate", certificate), ("--key", key)):
        if not path.is_file():
            raise BacklitError(f"{option} {path}: there is no such file; give a file in the PEM format.")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:
        raise BacklitError(
            f"--certificate {certificate} and --key {key} cannot be used: {_reason(error)}. Give a certificate and its "
            "own key without a password, both in the PEM format."
        ) from error


def _no_password() -> NoReturn:
    raise ValueError("the key has a password")


def _reason(error: Exception) -> str:
    return (getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)).replace("_", " ").lower()


def bind(host: str, port: int) -> socket.socket:
    """Give a socket that listens on a port, 0 for a free one."""
    if not 0 <= port <= 65535:
        raise BacklitError(f"--port {port} is no port: give a number from 1 to 65535, or leave it out for a free one.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((LOOPBACK if host == "localhost" else host, port), family=family)
    except OSError as error:
        raise BacklitError(_not_bound(host, port, error)) from error


def _not_bound(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is taken by another program: give another one by --port, or leave it out for a free one."
    if error.errno == errno.EACCES:
        return f"port {port} needs rights that you do not have: give one above 1023 by --port, or leave it out."
    number = error.errno or 0  # negative for a name that is not found, which has its own words
    reason = os.strerror(number) if number > 0 else error.strerror or str(error)
    return f"the page cannot be served on --host {host} --port {port}: {reason.lower()}."
