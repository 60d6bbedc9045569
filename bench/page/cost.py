"""How much slower a training is with the page open than without: pairs in turn, for each view of each network."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import NamedTuple

from backlit.page.session import Session
from bench.page.client import VIEWS
from bench.page.host import hosted, reading, session_of

NETWORKS = ("xor", "iris", "digits", "784-256-128-10 x 100000 / 64")


class Speed(NamedTuple):
    """Updates a second: by the clock on the wall, and by the processor time of the process."""

    wall: float
    processor: float


class Cost(NamedTuple):
    """What a view costs a training, in per cent: the medians over pairs, and the lowest and the highest pair.

    `events` counts the snapshots a second, `longest` is the longest of them in bytes.
    """

    network: str
    view: str
    wall: tuple[float, float, float]
    processor: tuple[float, float, float]
    events: float
    longest: int
    pairs: int


def speed(session: Session, seconds: float) -> Speed:
    """Count the updates of so many seconds, from the first weights on."""
    session.do("bar.reset", {})
    session.do("bar.play", {})
    time.sleep(0.2)
    step, began, busy = session.training.step, time.perf_counter(), time.process_time()
    time.sleep(seconds)
    made, took, spent = session.training.step - step, time.perf_counter() - began, time.process_time() - busy
    return Speed(made / took, made / spent)


def costs(name: str, pairs: int, seconds: float) -> Iterator[Cost]:
    """Measure each view of a network."""
    session = session_of(name)
    with hosted(session) as client:
        for view in VIEWS:
            ratios, lengths, watched = [], [], 0.0
            for k in range(pairs + 1):
                alone = speed(session, seconds)
                with reading(client, view) as reader:
                    assert reader.stdout is not None
                    reader.stdout.readline()  # it has begun
                    beside = speed(session, seconds)
                    reader.terminate()
                    lengths += [int(line.split()[1]) for line in reader.stdout]
                watched += seconds
                if k:  # the first pair may have loaded and compiled something
                    ratios.append((alone.wall / beside.wall, alone.processor / beside.processor))
            wall, processor = (_spread(side) for side in zip(*ratios, strict=True))
            yield Cost(name, view, wall, processor, len(lengths) / watched, max(lengths, default=0), pairs)


def _spread(ratios: tuple[float, ...]) -> tuple[float, float, float]:
    low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
    return 100 * (middle - 1), 100 * (low - 1), 100 * (high - 1)


def table(networks: tuple[str, ...], pairs: int, seconds: float) -> Iterator[str]:
    """Give the lines of a table (Markdown)."""
    yield "| network | view | slower by the clock | by processor time | snapshots a second | longest, kB |"
    yield "|---|---|---:|---:|---:|---:|"
    for name in networks:
        for cost in costs(name, pairs, seconds):
            wall, processor = (f"{a:+.1f} % ({b:+.0f} to {c:+.0f})" for a, b, c in (cost.wall, cost.processor))
            longest = f"{cost.longest / 1000:.1f}"
            yield f"| {name} | {cost.view} | {wall} | {processor} | {cost.events:.1f} | {longest} |"
