"""A client of the page that reads as a browser does, without drawing; as a program, it reads a stream to its end.

python -m bench.page.client HOST COOKIE PANELS
"""

from __future__ import annotations

import gzip
import http.client
import re
import sys
import time
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

SEEN = ("source", "bar", "lesson", "curves", "boundary", "build")
"""Panels that are seen beside every view."""

VIEWS = {
    "network": ("network", "unit", "weight"), "step": ("step",), "check": ("check", "checked"),
    "data": ("predictions", "columns"), "descent": ("descent",), "health": ("findings", "health"),
}  # fmt: skip
"""Panels of each view."""


class Answer(NamedTuple):
    """An answer: its status, its length on the wire, and its content."""

    status: int
    length: int
    content: bytes


class Event(NamedTuple):
    """An event of a stream: its length on the wire, and its text."""

    length: int
    text: bytes


GZIP = {"Accept-Encoding": "gzip"}


class Client:
    """A person's browser: it has the cookie of an address that was printed."""

    def __init__(self, address: str) -> None:
        found = re.match(r"http://([^/]+)(/\S*)", address)
        if found is None:
            raise ValueError(f"{address!r} is no address of the page")
        self.host, opening = found[1], found[2]
        connection = http.client.HTTPConnection(self.host)
        connection.request("GET", opening)
        answer = connection.getresponse()
        self.cookie = (answer.getheader("set-cookie") or "").partition(";")[0]
        connection.close()

    def get(self, path: str = "/") -> Answer:
        """Ask for a page, or a file."""
        return self._asked("GET", path, None)

    def do(
        self, name: str, given: dict[str, Any] | None = None, view: str = "network", only: tuple[str, ...] = ()
    ) -> Answer:  # fmt: skip
        """Carry out a command as the page does while a view is shown; `only` where it asks for these panels alone."""
        panels = only or (*SEEN, *VIEWS[view])
        body = msgspec.json.encode({"do": name, "given": given or {}, "panels": panels})
        return self._asked("POST", "/command", body)

    def _asked(self, method: str, path: str, body: bytes | None) -> Answer:
        connection = http.client.HTTPConnection(self.host)
        headers = {"Cookie": self.cookie, "X-Backlit": "1", "Content-Type": "application/json", **GZIP}
        connection.request(method, path, body, headers | {"Origin": f"http://{self.host}"})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        packed = answer.getheader("content-encoding") == "gzip"
        return Answer(answer.status, len(content), gzip.decompress(content) if packed else content)

    def events(self, view: str = "network") -> Iterator[Event]:
        """Give the events of the stream of a view."""
        yield from events(self.host, self.cookie, (*SEEN, *VIEWS[view]))


def events(host: str, cookie: str, panels: tuple[str, ...]) -> Iterator[Event]:
    """Give the events of a stream until it ends."""
    connection = http.client.HTTPConnection(host)
    connection.request("GET", f"/events?panels={','.join(panels)}", headers={"Cookie": cookie, **GZIP})
    answer = connection.getresponse()
    if answer.status != 200:
        raise ConnectionError(f"the stream was answered by {answer.status}: {answer.read()[:200]!r}")
    unpacker, length, text = zlib.decompressobj(wbits=31), 0, b""
    try:
        while packed := answer.read1():
            length += len(packed)
            *found, text = (text + unpacker.decompress(packed)).split(b"\n\n")
            for event in found:
                yield Event(length, event)
                length = 0
    finally:
        connection.close()


def main(host: str, cookie: str, panels: str) -> None:
    """Read a stream, and print for each event the seconds since the start and its length on the wire."""
    began = time.perf_counter()
    for event in events(host, cookie, tuple(panels.split(","))):
        if event.text.startswith(b"event: parts"):
            print(f"{time.perf_counter() - began:.3f} {event.length}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
