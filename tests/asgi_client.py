"""Requests to an ASGI application as a server would make them, with nothing tidied on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from typing import Any, NamedTuple
from urllib.parse import unquote

Headers = list[tuple[bytes, bytes]]


class Asked(NamedTuple):
    """A request. The last chunk of its body is the end, or with `endless` comes again and again."""

    method: str
    target: str
    headers: Headers
    chunks: tuple[bytes, ...] = ()
    endless: bool = False
    kind: str = "http"

    def scope(self) -> dict[str, Any]:
        raw_path, _, query = self.target.encode().partition(b"?")
        return {
            "type": self.kind,
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": ("127.0.0.1", 8123),
            "client": ("127.0.0.1", 50000),
            "scheme": "http",
            "method": self.method,
            "root_path": "",
            "path": unquote(raw_path.decode()),
            "raw_path": raw_path,
            "query_string": query,
            "headers": self.headers,
        }

    def messages(self) -> Iterator[dict[str, Any]]:
        last = len(self.chunks) - 1
        for place, chunk in enumerate(self.chunks):
            yield {"type": "http.request", "body": chunk, "more_body": self.endless or place < last}
        if not self.chunks:
            yield {"type": "http.request", "body": b"", "more_body": False}
        if self.endless:
            yield from repeat({"type": "http.request", "body": self.chunks[-1], "more_body": True})


class Answered(NamedTuple):
    status: int
    headers: Headers
    body: bytes

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key == name]

    def one(self, name: bytes) -> bytes:
        (value,) = self.all(name)
        return value


async def answered(app: Any, asked: Asked) -> Answered:
    """Ask, and give the answer."""
    messages, sent = asked.messages(), []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        message = next(messages, None)
        if message is None:
            await asyncio.Event().wait()
        return message

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(asked.scope(), receive, send)
    return of_messages(sent)


def of_messages(sent: Iterable[dict[str, Any]]) -> Answered:
    start, *rest = sent
    if start["type"] == "websocket.close":
        return Answered(403, [], b"")
    assert start["type"] == "http.response.start"
    assert [message["type"] for message in rest] == ["http.response.body"] * len(rest)
    return Answered(start["status"], start["headers"], b"".join(chain(message["body"] for message in rest)))


def ask(app: Any, asked: Asked) -> Answered:
    return asyncio.run(answered(app, asked))
