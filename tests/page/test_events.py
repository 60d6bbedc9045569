"""The stream of events: its form, the newest moment at most ten times a second, its ends, and how many there may be."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from backlit.page import events
from backlit.page.events import Streams

Snapshot = Callable[[], tuple[int, Mapping[str, Any]]]


class Reader:
    """Reads a stream; while `free` is not set, what is sent waits, as with a client that reads no further."""

    def __init__(self, streams: Streams, snapshot: Snapshot) -> None:
        self.sent: list[dict[str, Any]] = []
        self.free, self.gone, self.news = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.free.set()
        self.waiting = 0
        self.task = asyncio.create_task(streams.response(snapshot)({"type": "http"}, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        self.waiting += 1
        self.news.set()
        await self.free.wait()
        self.waiting -= 1
        self.sent.append(message)
        self.news.set()

    async def until(self, true: Callable[[], Any]) -> None:
        while not true():
            self.news.clear()
            await asyncio.wait_for(self.news.wait(), 20.0)

    @property
    def text(self) -> str:
        return b"".join(message.get("body", b"") for message in self.sent).decode()

    @property
    def snapshots(self) -> list[tuple[int, Any]]:
        """The version and the parts of each snapshot."""
        found = []
        for block in self.text.split("\n\n"):
            if block.startswith("event: parts\n"):
                _, version, data = block.split("\n")
                found.append((int(version.removeprefix("id: ")), json.loads(data.removeprefix("data: "))))
        return found

    async def of(self, count: int) -> None:
        await self.until(lambda: len(self.snapshots) >= count)


class Counter:
    """What is shown: a number that another thread counts up."""

    def __init__(self) -> None:
        self.value, self.made = 0, 0

    def __call__(self) -> tuple[int, dict[str, int]]:
        self.made += 1
        return self.value, {"value": self.value}


def test_the_form_of_the_stream():
    async def stream() -> None:
        streams = Streams(apart=0.0)
        moments = iter([(7, {"curves": {"html": "<p>a\nb é</p>"}, "bar": 1}), (9, {"bar": 2})])
        reader = Reader(streams, lambda: next(moments))
        await reader.of(1)
        streams.changed()
        await reader.of(2)
        streams.end()
        await reader.task
        start, first, *rest = reader.sent
        assert start["status"] == 200
        assert (b"content-type", b"text/event-stream; charset=utf-8") in start["headers"]
        assert first["body"] == b"retry: 1000\n\n"
        assert [message["more_body"] for message in rest] == [True] * (len(rest) - 1) + [False]
        assert reader.text == (
            "retry: 1000\n\n"
            'event: parts\nid: 7\ndata: {"curves":{"html":"<p>a\\nb é</p>"},"bar":1}\n\n'
            'event: parts\nid: 9\ndata: {"bar":2}\n\n'
            "event: end\ndata: {}\n\n"
        )

    asyncio.run(stream())


def test_nothing_is_made_or_sent_until_something_changes():
    async def stream() -> None:
        streams, shown = Streams(apart=0.0, heartbeat=0.01), Counter()
        reader = Reader(streams, shown)
        await reader.until(lambda: reader.text.count(": nothing new\n\n") == 3)
        assert shown.made == 1
        assert reader.snapshots == [(0, {"value": 0})]
        shown.value = 5
        streams.changed()
        await reader.of(2)
        assert reader.snapshots[1] == (5, {"value": 5})
        reader.gone.set()
        await reader.task

    asyncio.run(stream())


def test_a_moment_without_changed_parts_is_not_sent():
    async def stream() -> None:
        streams = Streams(apart=0.0, heartbeat=0.01)
        reader = Reader(streams, lambda: (3, {}))
        await reader.until(lambda: reader.text.count(": nothing new") == 2)
        assert "event" not in reader.text
        reader.gone.set()
        await reader.task

    asyncio.run(stream())


def test_a_slow_reader_gets_the_newest_and_nothing_queues():
    async def stream() -> None:
        streams, shown = Streams(apart=0.0), Counter()
        reader = Reader(streams, shown)
        await reader.of(1)
        reader.free.clear()
        streams.changed()
        await reader.until(lambda: reader.waiting == 1)
        for _ in range(100):
            shown.value += 1
            streams.changed()
            await asyncio.sleep(0)
        assert (shown.made, reader.waiting) == (2, 1)
        reader.free.set()
        await reader.of(3)
        await asyncio.sleep(0.02)
        assert reader.snapshots == [(0, {"value": 0}), (0, {"value": 0}), (100, {"value": 100})]
        streams.end()
        await reader.task

    asyncio.run(stream())


def test_a_thread_that_changes_all_the_time_gets_few_snapshots_and_the_last_one_for_sure():
    async def stream() -> None:
        streams, shown = Streams(apart=0.05), Counter()
        reader = Reader(streams, shown)
        await reader.of(1)
        began = time.monotonic()

        def work() -> None:
            while time.monotonic() - began < 0.3:
                shown.value += 1
                streams.changed()

        thread = threading.Thread(target=work)
        thread.start()
        await reader.until(lambda: not thread.is_alive() and reader.snapshots[-1][0] == shown.value)
        assert shown.made <= 2 + (time.monotonic() - began) / streams.apart
        streams.end()
        await reader.task

    asyncio.run(stream())


def test_telling_the_loop_once_is_enough_for_many_changes():
    class Loop:
        calls = 0

        def call_soon_threadsafe(self, _: Any) -> None:
            self.calls += 1

    streams = Streams()
    streams.changed()  # before anything is served
    streams._loop = loop = Loop()
    for _ in range(50):
        streams.changed()
    assert loop.calls == 1
    streams._tell()
    streams.changed()
    assert loop.calls == 2


def test_a_trainer_that_outlives_the_server_may_go_on_telling():
    streams = Streams()

    async def stream() -> None:
        reader = Reader(streams, Counter())
        await reader.of(1)
        streams.end()
        await reader.task

    asyncio.run(stream())
    streams.changed()


def test_the_pause_is_a_tenth_of_a_second_or_a_multiple_of_the_cost_of_all_streams():
    streams = Streams()
    streams.open = {events._Stream()}
    assert [streams.pause(cost) for cost in (0.0, 0.004, 0.04)] == [0.1, 0.1, 1.0]
    streams.open.add(events._Stream())
    assert [streams.pause(cost) for cost in (0.0, 0.004, 0.04)] == [0.1, 0.2, 2.0]


def test_a_snapshot_that_waits_for_a_lock_costs_nothing():
    def waiting() -> tuple[int, dict[str, int]]:
        time.sleep(0.05)
        return 1, {"value": 1}

    def computing() -> tuple[int, dict[str, int]]:
        began = time.thread_time()
        while time.thread_time() - began < 0.05:
            pass
        return 1, {"value": 1}

    assert events._made(waiting)[1] < 0.05 <= events._made(computing)[1]


def test_a_reader_that_goes_is_noticed():
    async def stream() -> None:
        streams = Streams(heartbeat=100.0)
        reader = Reader(streams, Counter())
        await reader.of(1)
        assert len(streams.open) == 1
        reader.gone.set()
        await asyncio.wait_for(reader.task, 20.0)
        assert len(streams.open) == 0

    asyncio.run(stream())


def test_a_snapshot_that_fails_ends_its_stream():
    async def stream() -> None:
        streams = Streams()
        reader = Reader(streams, lambda: (0, {"value": 1 / 0}))
        with pytest.raises(ZeroDivisionError):
            await reader.task
        assert len(streams.open) == 0

    asyncio.run(stream())


def test_streams_end_at_once_and_no_more_are_opened():
    async def stream() -> None:
        streams = Streams(apart=100.0, heartbeat=100.0)
        readers = [Reader(streams, Counter()) for _ in range(3)]
        for reader in readers:
            await reader.of(1)
        streams.end()
        await asyncio.wait_for(asyncio.gather(*(reader.task for reader in readers)), 20.0)
        assert all(reader.text.endswith("event: end\ndata: {}\n\n") for reader in readers)
        late = Reader(streams, Counter())
        await late.task
        assert (late.sent[0]["status"], late.sent[1]["body"]) == (503, b"The page has ended.\n")

    asyncio.run(stream())


def test_at_most_twelve_are_open_at_once():
    async def stream() -> None:
        streams = Streams()
        readers = [Reader(streams, Counter()) for _ in range(12)]
        for reader in readers:
            await reader.of(1)
        late = Reader(streams, Counter())
        await late.task
        assert late.sent[0]["status"] == 503
        assert b"open 12 times already. Close one of its tabs" in late.sent[1]["body"]
        readers[0].gone.set()
        await readers[0].task
        another = Reader(streams, Counter())
        await another.of(1)
        streams.end()
        await asyncio.gather(another.task, *(reader.task for reader in readers))

    asyncio.run(stream())
