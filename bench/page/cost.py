"""How much slower a training is with the page open than without: pairs in turn, for each view of each network.

The clock on the wall says how much slower, where nothing else runs on the machine. What holds on a busy one, too, is
the share: the processor time of all that is not training, drawing among it, as a part of one processor.
"""

from __future__ import annotations

import os
import re
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from backlit.page.session import Session
from bench.page.client import VIEWS
from bench.page.host import hosted, reading, session_of

NETWORKS = ("xor", "iris", "digits", "784-256-128-10 x 100000 / 64")

TRAINING = re.compile(r"backlit-(trainer|\d+)")
"""The names of the threads that train."""

SETTLED = 4.0
"""Seconds after a view was opened: its first drawing, and what it computes at first, are no part of what it costs."""


class Speed(NamedTuple):
    """Updates a second, and the processor time beside training as a part of one processor."""

    updates: float
    share: float


class Cost(NamedTuple):
    """What a view costs: per cent of speed and per cent of processor time, each the median, lowest and highest pair."""

    network: str
    view: str
    slower: tuple[float, float, float]
    share: tuple[float, float, float]
    snapshots: float
    longest: int


def speed(session: Session, seconds: float) -> Speed:
    """Look at a training that runs for so many seconds."""
    step, began, busy = session.training.step, time.perf_counter(), _spent()
    time.sleep(seconds)
    made, took, spent = session.training.step - step, time.perf_counter() - began, _spent()
    training = spent[0] - busy[0]
    return Speed(made / took, (spent[1] - busy[1] - training) / took)


def _spent() -> tuple[float, float]:
    """Give the processor time of the training's threads, and of the whole process."""
    python = {thread.native_id for thread in threading.enumerate() if not TRAINING.fullmatch(thread.name)}
    ticks = 0
    for task in Path("/proc/self/task").iterdir():
        if int(task.name) not in python:  # the trainer, and the threads that its batches are shared among
            fields = (task / "stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK"), time.process_time()


def _begin(session: Session) -> None:
    """Train from the first weights on, so that a training of few rows does not come to its end."""
    if len(session.training.history) > session.training.settings.epochs // 3 or not session.playing:
        session.do("bar.reset", {})
        session.do("bar.play", {})
        time.sleep(0.5)


def costs(name: str, pairs: int, seconds: float) -> Iterator[Cost]:
    """Measure each view of a network."""
    session = session_of(name)
    with hosted(session) as client:
        for view in VIEWS:
            slower, shares, lengths = [], [], list[int]()
            for _ in range(pairs):
                _begin(session)
                alone = speed(session, seconds)
                with reading(client, view) as reader:
                    time.sleep(SETTLED)
                    _begin(session)
                    beside = speed(session, seconds)
                    reader.terminate()
                    assert reader.stdout is not None
                    events = [line.split() for line in reader.stdout]
                lengths += [int(length) for at, length in events[1:] if float(at) >= SETTLED]
                slower.append(100 * (alone.updates / beside.updates - 1))
                shares.append(100 * (beside.share - alone.share))
            count = len(lengths) / (pairs * seconds)
            yield Cost(name, view, _spread(slower), _spread(shares), count, max(lengths, default=0))


def _spread(found: list[float]) -> tuple[float, float, float]:
    return statistics.median(found), min(found), max(found)


def table(networks: tuple[str, ...], pairs: int, seconds: float) -> Iterator[str]:
    """Give the lines of a table (Markdown)."""
    yield "| network | view | slower by the clock | processor time beside training | snapshots a second | longest, kB |"
    yield "|---|---|---:|---:|---:|---:|"
    for name in networks:
        for cost in costs(name, pairs, seconds):
            slower, share = (f"{a:+.1f} % ({b:+.0f} to {c:+.0f})" for a, b, c in (cost.slower, cost.share))
            longest = f"{cost.longest / 1000:.1f}"
            yield f"| {name} | {cost.view} | {slower} | {share} | {cost.snapshots:.1f} | {longest} |"
