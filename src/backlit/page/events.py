"""The stream of what changes, as server-sent events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from backlit.page.session import Part, Session

APART = 0.1
"""Seconds between two snapshots at least."""


def parts_stream(session: Session, panels: tuple[str, ...], request: Request) -> Response:
    """Give the stream of panels that have changed."""
    return StreamingResponse(_events(session, panels, request), media_type="text/event-stream")


async def _events(session: Session, panels: tuple[str, ...], request: Request) -> AsyncIterator[bytes]:
    loop, changed = asyncio.get_running_loop(), asyncio.Event()

    def listener() -> None:
        loop.call_soon_threadsafe(changed.set)

    session.listeners.append(listener)
    seen: dict[str, Part] = {}
    changed.set()
    try:
        while not await request.is_disconnected():
            await asyncio.wait_for(changed.wait(), 15.0)
            changed.clear()
            (version, parts), took = await run_in_threadpool(_timed, session, panels)
            new: dict[str, Any] = {name: part for name, part in parts.items() if seen.get(name) != part}
            for name, part in new.items():
                if part.layout and name in seen and seen[name].layout == part.layout:
                    new[name] = {"layout": part.layout, "numbers": part.numbers}
            seen |= parts
            if new:
                yield b"event: parts\nid: %d\ndata: %s\n\n" % (version, msgspec.json.encode(new))
            await asyncio.sleep(max(APART, 20 * took) if session.playing else APART)
    finally:
        session.listeners.remove(listener)


def _timed(session: Session, panels: tuple[str, ...]) -> tuple[tuple[int, dict[str, Part]], float]:
    """Draw panels, and give the seconds that this took of the processor: to wait for the training costs it nothing."""
    began = time.thread_time()
    return session.draw(panels), time.thread_time() - began
