"""Measure the page: `python -m bench.page [PART...]`; without a part, all of them.

start: until the address, the first page and the first picture. sizes: what is sent. weight: a weight's answer.
cost: training with the page open, and without. memory: whether it stays flat. Each prints a table (Markdown), and the
load of the machine before and after, without which no time says anything.
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Callable, Iterator

from bench.page import cost, memory, sizes, start, weight


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="what the page costs")
    parser.add_argument("parts", nargs="*", help="start, cost, memory, weight, sizes; all by default")
    parser.add_argument("--rounds", type=int, default=5, help="starts, and pairs of trainings")
    parser.add_argument("--seconds", type=float, default=5.0, help="of one training of a pair")
    parser.add_argument("--minutes", type=float, default=10.0, help="of the training whose memory is watched")
    parser.add_argument("--networks", nargs="+", help="whose training is slowed, by name or by sizes")
    given = parser.parse_args()
    drawn = shutil.which("chromium") is not None and shutil.which("chromedriver") is not None
    parts: dict[str, Callable[[], Iterator[str]]] = {
        "start": lambda: start.table(given.rounds, drawn=drawn),
        "sizes": sizes.table,
        "weight": weight.table,
        "cost": lambda: cost.table(tuple(given.networks or cost.NETWORKS), given.rounds, given.seconds),
        "memory": lambda: memory.table(60.0 * given.minutes, min(10.0, 6.0 * given.minutes)),
    }
    for name in given.parts or parts:
        if name not in parts:
            parser.error(f"there is no part {name!r}; there are {', '.join(parts)}")
        print(f"\n## {name}, load {_load()}\n")
        for line in parts[name]():
            print(line, flush=True)
        print(f"\nLoad after it: {_load()}.")


def _load() -> str:
    return ", ".join(f"{load:.1f}" for load in os.getloadavg())


if __name__ == "__main__":
    main()
