"""What measuring the signals costs: trainings with and without them, in turn, in one process, on one thread.

    python -m bench.signals                  prints a table (Markdown)
    python -m bench.signals '*-32-*' --rounds 40

Each workload of the benchmark trains as it is there, and on so few rows that an epoch has one batch, or sixteen, and
measuring comes as often as it may. Times are those of the thread's processor; of each side the fastest counts, since
what else a machine does only slows. On a machine that is busy, differences of some percent are noise.
"""

from __future__ import annotations

import argparse
import math
import time
from fnmatch import fnmatch

import msgspec

from bench.peers.backlit_peer import Compiled
from bench.workloads import WORKLOADS, Workload, problem_of

SECONDS = 0.02
"""A training takes about so long, so that a tick of the clock is small beside it."""


def variants(workload: Workload) -> list[Workload]:
    """Give the workload as it is, on the rows of one batch and of sixteen, with as many updates."""
    steps = max(32, workload.steps)
    return [
        workload,
        msgspec.structs.replace(workload, rows=workload.batch, epochs=steps),
        msgspec.structs.replace(workload, rows=16 * workload.batch, epochs=-(-steps // 16)),
    ]


def ratio(workload: Workload, rounds: int) -> float:
    """Give the time with signals divided by that without: of the fastest of `rounds` trainings each, in turn."""
    sides = [_peer(workload, wanted) for wanted in (False, True)]
    seconds = [_seconds(peer) for peer in sides * 2][2]
    if seconds < SECONDS:  # a longer training, in the place of several: their start is not what is measured
        longer = int(workload.epochs * 1.2 * SECONDS / seconds) + 1
        sides = [_peer(msgspec.structs.replace(workload, epochs=longer), wanted) for wanted in (False, True)]
    fastest = [math.inf, math.inf]
    for k in range(rounds):
        for side in (0, 1) if k % 2 else (1, 0):
            fastest[side] = min(fastest[side], _seconds(sides[side]))
    return fastest[1] / fastest[0]


def _peer(workload: Workload, wanted: bool) -> Compiled:
    few = msgspec.structs.replace(workload, epochs=1) if workload.full_batch else workload  # it needs no orders
    peer = Compiled(workload, problem_of(few))
    peer.settings = {"signals": wanted, "threads": 1}
    return peer


def _seconds(peer: Compiled) -> float:
    peer.reset()
    began = time.thread_time()
    peer.train()
    return time.thread_time() - began


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="what measuring the signals costs")
    parser.add_argument("names", nargs="*", default=["*"], help="patterns of workloads' names; all by default")
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    print("| workload | as it is | one batch an epoch | sixteen |\n|---|---:|---:|---:|")
    for workload in WORKLOADS:
        if any(fnmatch(workload.name, name) for name in given.names):
            found = [ratio(variant, given.rounds) for variant in variants(workload)]
            cells = [workload.label, *(f"{100 * (one - 1):+.1f} %" for one in found)]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
