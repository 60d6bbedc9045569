"""The stream of what changes, as server-sent events: the newest moment, at most ten times a second.

The trainer says by `Streams.changed` that there is something new. Each open stream then has a snapshot made, in a
worker thread, and sends it. A slow reader gets fewer of them: none is made while one is sent; the next is the newest.
"""

from __future__ import annotations

import asyncio
import statistics
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import msgspec
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

APART = 0.1
"""Seconds between two snapshots at least."""

IDLE_TO_BUSY = 25.0
"""How long a stream waits after a snapshot, in the processor time that making it took.

A stream thus takes at most 1 / (1 + 25) of a processor, and several less than 4 % together, whatever a snapshot costs;
what is computed beside a training may take 1 % more, but for the first time after each change.
"""

HEARTBEAT = 15.0
"""Seconds after which a comment says that the stream is open, when nothing changes."""

MOST = 12
"""Streams that are open at once. A browser opens six to one host at most."""

RETRY = 1000
"""Milliseconds after which a browser whose stream broke connects again."""

STREAM_HEADERS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]
GZIP = (b"content-encoding", b"gzip")

Snapshot = Callable[[], tuple[int, Mapping[str, Any]]]
"""Gives the version of the moment, and the parts that have changed since its last call. Each stream has its own."""


class _Stream:
    """An open stream: `new` is set when something may have changed, `closed` when the page or the reader has ended."""

    def __init__(self) -> None:
        self.new, self.closed = asyncio.Event(), asyncio.Event()

    def close(self) -> None:
        self.closed.set()
        self.new.set()


class Streams:
    """The open streams of a page.

    Args:
        apart, heartbeat: seconds, as `APART` and `HEARTBEAT`. most: as `MOST`.
    """

    def __init__(self, *, apart: float = APART, heartbeat: float = HEARTBEAT, most: int = MOST) -> None:
        self.apart, self.heartbeat, self.most = apart, heartbeat, most
        self.open: set[_Stream] = set()
        self.ended = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = False
        self._answering, self._late = 0, False

    def changed(self) -> None:
        """Say that something has changed. Any thread may call it, as often as it likes."""
        if self._loop is not None and not self._told:
            self._told = True
            with suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        self._told = False  # first: what changes from here on is told again
        self._late = self._answering > 0
        if self._late:
            return
        for stream in self.open:
            stream.new.set()

    @contextmanager
    def answered_first(self) -> Iterator[None]:
        """Draw no snapshot until the end of the block, where a command is answered: drawings are made one at a time.

        For the thread of the loop.
        """
        self._answering += 1
        try:
            yield
        finally:
            self._answering -= 1
            if self._late:
                self._tell()

    def end(self) -> None:
        """End all streams, each with an event "end", and open no more. For the thread of the loop."""
        self.ended = True
        for stream in self.open:
            stream.close()

    def response(self, snapshot: Snapshot) -> Response:
        """Give the answer to a request for the stream. The first snapshot is sent at once.

        An event "parts" has the version as its id and the parts as one JSON object; nothing is sent where no part has
        changed. An event "end" is the last. Where no more streams may be open, the answer is 503 and says so.
        """
        return _StreamResponse(self, snapshot)

    def refusal(self) -> Response | None:
        """Give the answer to a stream that is one too many."""
        if self.ended:
            return PlainTextResponse("The page has ended.\n", 503)
        if len(self.open) >= self.most:
            words = f"The page is open {self.most} times already. Close one of its tabs, and load this one again."
            return PlainTextResponse(words + "\n", 503)
        return None

    async def send(self, snapshot: Snapshot, receive: Receive, send: Send, *, packed: bool = False) -> None:
        """Send events until the reader has gone or the page ends; `packed` where it takes what gzip has packed."""
        self._loop = asyncio.get_running_loop()
        stream = _Stream()
        self.open.add(stream)
        headers, write = STREAM_HEADERS, _write
        if packed:  # drawings are packed to a tenth
            headers, write = [*STREAM_HEADERS, GZIP], _Packing().write
        costs = deque([0.0, 0.0], maxlen=3)
        watching = asyncio.create_task(_watch(receive, stream))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await write(send, b"retry: %d\n\n" % RETRY)
            stream.new.set()
            while not stream.closed.is_set():
                if not await _within(stream.new, self.heartbeat):
                    await write(send, b": nothing new\n\n")
                elif not stream.closed.is_set():
                    stream.new.clear()
                    event, cost = await asyncio.to_thread(_made, snapshot)
                    if event:
                        await write(send, event)
                    costs.append(cost)  # of three the middle one counts: the first may have compiled something
                    await _within(stream.closed, self.pause(statistics.median(costs)))
            await write(send, b"event: end\ndata: {}\n\n", more=False)
        finally:
            self.open.discard(stream)
            watching.cancel()

    def pause(self, cost: float) -> float:
        """Give the seconds to wait after a snapshot that took so many of processor time."""
        return max(self.apart, IDLE_TO_BUSY * cost * len(self.open))


class _StreamResponse(Response):
    def __init__(self, streams: Streams, snapshot: Snapshot) -> None:
        super().__init__()
        self.streams, self.snapshot = streams, snapshot

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self.streams.refusal()
        if refusal is not None:
            await refusal(scope, receive, send)
        else:
            packed = b"gzip" in dict(scope.get("headers", ())).get(b"accept-encoding", b"")
            await self.streams.send(self.snapshot, receive, send, packed=packed)


class _Packing:
    """Packs a stream by gzip, each event so that it can be read at once."""

    def __init__(self) -> None:
        self._packer = zlib.compressobj(level=1, wbits=31)

    async def write(self, send: Send, content: bytes, *, more: bool = True) -> None:
        """Send content, or the last of it."""
        packed = self._packer.compress(content) + self._packer.flush(zlib.Z_SYNC_FLUSH if more else zlib.Z_FINISH)
        await _write(send, packed, more=more)


async def _write(send: Send, content: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": content, "more_body": more})


async def _watch(receive: Receive, stream: _Stream) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.close()


async def _within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, at most so long; say whether it is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


def _made(snapshot: Snapshot) -> tuple[bytes, float]:
    """Make a snapshot; give its event, empty where nothing has changed, and the processor time that it took.

    It is not the time on the clock: waiting for the trainer to finish its slice costs the training nothing.
    """
    began = time.thread_time()
    version, parts = snapshot()
    event = b"event: parts\nid: %d\ndata: %s\n\n" % (version, msgspec.json.encode(parts)) if parts else b""
    return event, time.thread_time() - began
