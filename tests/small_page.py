"""A small application with the page's routes, and the same served by a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from backlit.errors import BacklitError
from backlit.page.events import Streams

LIMITS = {"/upload": 100_000}


def small_app(streams: Streams) -> Starlette:
    versions, came = count(1), []

    async def told(request: Request) -> Response:
        body = await request.body()
        came.append(f"{request.scope['scheme']} {request.method} {request.scope['path']} {len(body)}")
        return HTMLResponse(f"<!doctype html><title>page</title><body>{came[-1]}")

    async def all_that_came(request: Request) -> Response:
        return PlainTextResponse("\n".join(came))

    async def events(request: Request) -> Response:
        return streams.response(lambda: (next(versions), {"count": time.monotonic_ns()}))

    return Starlette(
        routes=[
            Route("/", told),
            Route("/static/{name}", told),
            Route("/events", events),
            Route("/command", told, methods=["POST"]),
            Route("/upload", told, methods=["POST"]),
            Route("/raster/{panel}/{kind}", told),
            Route("/save/{panel}/{kind}", all_that_came),
        ]
    )


class Served:
    """The small page, served by a process of its own."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-W", "error", __file__, *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        self.port = urlsplit(self.url).port
        self.cookie = ""

    def open(self) -> str:
        """Open the page and keep the cookie."""
        status, headers, _ = self.ask("GET", f"/?{urlsplit(self.url).query}")
        assert (status, headers["location"]) == (303, "/")
        self.cookie = headers["set-cookie"].split(";")[0]
        return self.cookie

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        found = answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
        connection.close()
        return found

    def raw(self, *lines: str, body: bytes = b"") -> bytes:
        """Send lines as they are, and give the whole answer; the server must close, or answer within its keep-alive."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1") + body)
            return self.until(connection, b"\r\n\r\n")

    def until(self, connection: socket.socket, end: bytes) -> bytes:
        found = b""
        while end not in found:
            more = connection.recv(65536)
            assert more, f"the server closed after {found!r}"
            found += more
        return found

    def end(self, number: int) -> tuple[int, str, str]:
        """Send a signal; give the exit code and what was printed."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err


@contextmanager
def served(*options: str) -> Iterator[Served]:
    page = Served(*options)
    try:
        yield page
    finally:
        page.process.kill()
        page.process.communicate()


def main() -> None:
    from backlit.page.serving import Place, serve

    streams = Streams()

    def train() -> None:
        while True:
            streams.changed()
            time.sleep(0.01)

    threading.Thread(target=train, daemon=True).start()
    options = dict(word.split("=") for word in sys.argv[1:])
    files = {name: Path(options[name]) for name in ("certificate", "key") if name in options}
    try:
        serve(
            small_app(streams),
            Place(options.get("host", "127.0.0.1"), int(options.get("port", "0")), **files),
            opened=lambda url: print(url, flush=True),  # noqa: T201
            ending=streams.end,
            limits=LIMITS,
        )
    except BacklitError as error:
        sys.exit(f"error: {error}")
    print("last words", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
