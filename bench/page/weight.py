"""How long a weight's chain rule takes: from the command to its answer, with the drawing."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np

from bench.page.client import Client
from bench.page.host import hosted, session_of

NETWORK = "784-128-10 x 2000 / 32"
"""101,770 weights."""

TRIES = 15


def milliseconds(client: Client, name: str) -> float:
    """Choose a weight; give the milliseconds until its answer was read."""
    began = time.perf_counter()
    answer = client.do("weight.choose", {"name": name}, "network", only=("weight",))
    took = 1000 * (time.perf_counter() - began)
    if answer.status != 200:
        raise RuntimeError(answer.content.decode()[:500])
    return took


def table(tries: int = TRIES) -> Iterator[str]:
    """Give the lines of a table (Markdown)."""
    rng = np.random.default_rng(0)
    session = session_of(NETWORK)

    def name() -> str:
        return f"w(i{rng.integers(1, 785)},h{rng.integers(1, 129)})"

    yield f"| {NETWORK.partition(' x')[0]}, batch 32 | median, ms | slowest, ms | processor time, median, ms |"
    yield "|---|---:|---:|---:|"
    with hosted(session) as client:
        client.get()
        states: dict[str, Callable[[], object]] = {
            "paused": lambda: None,
            "right after a batch": lambda: client.do("bar.advance", {"updates": 1}),
            "while it trains at full speed": lambda: client.do("bar.play"),
        }
        for state, begin in states.items():
            found, busy = [], []
            for _ in range(tries):
                if not session.playing:
                    begin()
                spent = time.process_time()
                found.append(milliseconds(client, name()))
                busy.append(1000 * (time.process_time() - spent))
            first = f"; the first {found[0]:.0f}" if state == "paused" else ""
            middle, processor = statistics.median(found), statistics.median(busy)
            slowest = max(found[1:] if first else found)
            yield f"| {state}{first} | {middle:.0f} | {slowest:.0f} | {processor:.0f} |"
