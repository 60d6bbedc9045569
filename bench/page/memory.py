"""Whether a page that trains for long keeps its memory flat: resident memory, and how many objects it holds.

While digits train at full speed, a client reads the stream, each view in turn. A training keeps the numbers of each of
its epochs, some 90 bytes; nothing else may grow.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from backlit.page.panels.curves import CurvesPanel
from backlit.page.session import Part, Session
from backlit.page.view import View
from bench.page.client import VIEWS
from bench.page.host import hosted, reading, session_of

MOST = {"views": 6, "parts": 400, "kept weights": 401, "points": 402}
"""The most of each there may be: views and parts of the moments that are drawn now, moments that are kept."""

GROWTH = 25.0
"""Megabytes that the second half of the time may have more than the first: the numbers of its epochs among them."""


class Held(NamedTuple):
    """What a page holds: megabytes in memory, epochs, and how many there are of each kind of object."""

    seconds: float
    megabytes: float
    epochs: int
    counts: dict[str, int]


def held(session: Session, began: float) -> Held:
    """Count what a session holds now."""
    gc.collect()
    objects = gc.get_objects()
    curves = session.panels["curves"]
    assert isinstance(curves, CurvesPanel)
    counts = {
        "views": sum(isinstance(one, View) for one in objects),
        "parts": sum(isinstance(one, Part) for one in objects),
        "kept weights": len(session.kept.all()),
        "points": len(curves.measured),
    }
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Held(
        time.perf_counter() - began, pages * os.sysconf("SC_PAGE_SIZE") / 1e6, len(session.training.history), counts
    )  # fmt: skip


def watched(session: Session, seconds: float, every: float) -> Iterator[Held]:
    """Train with the page open for so long, and count now and then."""
    began = time.perf_counter()
    with hosted(session) as client:
        session.do("bar.play", {})
        turn = 0
        while (past := time.perf_counter() - began) < seconds:
            with reading(client, [*VIEWS][turn % len(VIEWS)]):
                time.sleep(min(every, seconds - past))
            turn += 1
            if session.stopped:
                session.do("bar.reset", {})
                session.do("bar.play", {})
            yield held(session, began)


def faults(found: list[Held]) -> list[str]:
    """Say what grew that may not."""
    wrong = [f"{name}: {one.counts[name]} after {one.seconds:.0f} s, at most {most} expected"
             for one in found for name, most in MOST.items() if one.counts[name] > most]  # fmt: skip
    later = found[len(found) // 3 :]  # at first, code is loaded and moments are kept
    half = len(later) // 2
    first, last = (max(one.megabytes for one in part) for part in (later[:half], later[half:]))
    if half and last - first > GROWTH:
        wrong.append(f"memory: {first:.0f} MB, later {last:.0f} MB")
    return wrong


def table(seconds: float, every: float) -> Iterator[str]:
    """Give the lines of a table (Markdown), and at the end what grew."""
    yield "| seconds | MB | epochs | views | parts | kept weights | points |\n|---:|---:|---:|---:|---:|---:|---:|"
    found = []
    for one in watched(session_of("digits"), seconds, every):
        found.append(one)
        cells = (f"{one.seconds:.0f}", f"{one.megabytes:.0f}", f"{one.epochs:,}", *map(str, one.counts.values()))
        yield f"| {' | '.join(cells)} |"
    yield "\n".join(["", *(faults(found) or ["Nothing grew."])])
