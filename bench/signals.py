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
    peer = _peer(workload)
    seconds = [_seconds(peer, wanted) for wanted in (False, True) * 2][2]
    if seconds < SECONDS:  # a longer training, in the place of several: their start is not what is measured
        peer = _peer(msgspec.structs.replace(workload, epochs=int(workload.epochs * 1.2 * SECONDS / seconds) + 1))
    fastest = {False: math.inf, True: math.inf}
    for k in range(rounds):
        for wanted in (False, True) if k % 2 else (True, False):
            fastest[wanted] = min(fastest[wanted], _seconds(peer, wanted))
    return fastest[True] / fastest[False]


def _peer(workload: Workload) -> Compiled:
    """Give what trains, with signals and without: the same network, since where one lies in memory tells too."""
    few = msgspec.structs.replace(workload, epochs=1) if workload.full_batch else workload  # it needs no orders
    return Compiled(workload, problem_of(few))


def _seconds(peer: Compiled, wanted: bool) -> float:
    peer.settings = {"signals": wanted, "threads": 1}
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
