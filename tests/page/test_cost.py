"""What a page costs: snapshots leave nothing behind, are packed and small, and a command's answer draws few panels."""

from __future__ import annotations

import asyncio
import gc
import json
import zlib
from collections import Counter
from typing import Any

import pytest

from backlit.errors import BacklitError
from backlit.page.design import Design
from backlit.page.events import Streams
from backlit.page.panels import PANELS
from backlit.page.panels.address import OF_VIEWS, VIEWS
from backlit.page.routes import Asked, changed_parts, page_html, touched
from backlit.page.session import Part, Session
from backlit.page.sources import source_of
from backlit.page.view import View

LATER = {name for view, names in OF_VIEWS.items() if view != VIEWS[0][0] for name in names}
WITHOUT_THREADS = tuple(panel.name for panel in PANELS if panel.name not in {"descent", "findings", "health"})


def left_behind(session: Session, snapshots: int) -> list[int]:
    """Take snapshots of a training; give how many moments and drawings there are after each of the later ones."""
    snapshot = changed_parts(session, WITHOUT_THREADS)
    counts = []
    for k in range(snapshots):
        session.training.advance(updates=5)
        session.keep(now=False)
        session.change()
        snapshot()
        if k >= 4:
            gc.collect()
            found = Counter(map(type, gc.get_objects()))  # isinstance() would ask proxies of what is gone
            counts.append(found[View] + found[Part])
    return counts


@pytest.mark.parametrize("leak", [False, True])
def test_snapshots_leave_nothing_behind(leak, monkeypatch):
    session, kept = Session(source_of("iris"), PANELS), []
    if leak:  # a snapshot at each tick
        draw = Session.draw

        def keeping(self: Session, names: tuple[str, ...]) -> Any:
            kept.append(draw(self, names))
            return kept[-1]

        monkeypatch.setattr(Session, "draw", keeping)
    counts = left_behind(session, 10)
    assert (len(set(counts)) == 1) is not leak


def test_a_stream_is_packed_for_who_takes_it_and_each_event_is_read_at_once():
    async def stream() -> None:
        streams, sent, moments = Streams(apart=0.0), [], iter([(1, {"a": "x" * 9_000}), (2, {"a": "y" * 9_000})])
        arrived = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await asyncio.Event().wait()
            return {}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)
            arrived.set()

        scope = {"type": "http", "headers": [(b"accept-encoding", b"gzip, br")]}
        task = asyncio.create_task(streams.response(lambda: next(moments))(scope, receive, send))
        unpacker, text, read = zlib.decompressobj(wbits=31), b"", 0
        for letter in ("x", "y"):
            while letter * 9_000 not in text.decode():
                while read == len(sent):
                    arrived.clear()
                    await asyncio.wait_for(arrived.wait(), 20.0)
                text += unpacker.decompress(sent[read].get("body", b""))
                read += 1
            streams.changed()
            if letter == "y":
                streams.end()
        await task
        text += b"".join(unpacker.decompress(message.get("body", b"")) for message in sent[read:])
        assert (b"content-encoding", b"gzip") in sent[0]["headers"]
        assert text.endswith(b"event: end\ndata: {}\n\n")
        assert unpacker.eof
        assert sum(len(message.get("body", b"")) for message in sent) < 1_000

    asyncio.run(stream())


def test_an_answer_is_drawn_before_the_next_snapshot():
    async def stream() -> None:
        streams = Streams()
        streams._loop = asyncio.get_running_loop()
        told = []
        streams.open.add(type("Told", (), {"new": type("Event", (), {"set": lambda self: told.append(1)})()})())  # type: ignore[arg-type]
        with streams.answered_first():
            streams.changed()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert told == []
        assert told == [1]
        streams.changed()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert told == [1, 1]

    asyncio.run(stream())


def test_a_weight_is_answered_without_the_other_panels():
    session = Session(source_of("iris"), PANELS)
    seen = ("bar", "network", "weight", "curves")
    assert touched(session, Asked("weight.choose", {}, seen)) == ("network", "weight")
    assert touched(session, Asked("bar.play", {}, seen)) == seen
    assert touched(session, Asked("none.such", {}, seen)) == seen


def test_views_that_are_not_seen_at_first_come_later():
    session = Session(source_of("iris"), PANELS)
    html = page_html(session, [])
    assert html.count("This view is being drawn.") == len(LATER)
    assert {panel.name for panel in PANELS} >= LATER
    assert len(VIEWS) == 1 + html.count('class="view" hidden')
    assert session.panels["step"]._walk is None  # type: ignore[attr-defined]


@pytest.mark.parametrize("source", ["iris", "digits", "digits-convolution", "recurrent"])
def test_a_snapshot_is_small_on_the_wire(source):
    session = Session(source_of(source), PANELS)
    session.training.advance(epochs=1)
    session.keep()
    packer = zlib.compressobj(level=1, wbits=31)
    _, parts = session.draw(WITHOUT_THREADS)  # of all views together, which is more than any one sends
    text = json.dumps({name: part.html for name, part in parts.items()}).encode()
    assert len(packer.compress(text) + packer.flush()) <= 50_000


def test_more_epochs_than_the_page_keeps_are_refused():
    session = Session(source_of("iris"), PANELS)
    before = session.design, session.training
    with pytest.raises(BacklitError, match="20,000,000 epochs are too many for the page; expected at most 10,000,000"):
        session.build(Design(session.design.network, {**session.design.training, "epochs": 20_000_000}))
    assert (session.design, session.training) == before
    session.build(Design(session.design.network, {**session.design.training, "epochs": 6_000_000}))
    session.stopped = "all 6,000,000 epochs done"
    with pytest.raises(BacklitError, match="12,000,000 epochs are too many"):
        session.lift()
    assert session.training.settings.epochs == 6_000_000
