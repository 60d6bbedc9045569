"""How long it takes from the command to the address, to the first page, and to the first picture in a browser."""

from __future__ import annotations

import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from bench.notebooks import browser
from bench.page.client import Client

PAINTED = """
const [done] = arguments
const painted = () => requestAnimationFrame(() => setTimeout(done))
const look = () => document.querySelector('#panel-network svg') ? painted() : setTimeout(look, 5)
look()
"""
"""Calls back when the network's drawing was painted."""


class Start(NamedTuple):
    """Seconds since the process began; processor seconds of it; `picture` is None without a browser."""

    address: float
    page: float
    processor: float
    picture: float | None


def table_of_a_person(folder: Path) -> str:
    """Write a table of 300 rows; give its path."""
    path = folder / "houses.csv"
    sides = "north", "south"
    rows = (f"{50 + k % 170},{1 + k % 7},{sides[k % 2]},{100 + 3 * (k % 170) + k % 7}" for k in range(300))
    path.write_text("\n".join(["area,rooms,side,price", *rows]) + "\n")
    return str(path)


def start(words: tuple[str, ...], bytecode: Path, driver: object = None) -> Start:
    """Start the command once, as it is installed: with its bytecode and its machine code kept."""
    environment = os.environ | {"PYTHONPYCACHEPREFIX": str(bytecode)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    command = [sys.executable, "-m", "backlit", "page", *words, "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as page:
        assert page.stdout is not None
        address = page.stdout.readline().strip()
        printed = time.perf_counter() - began
        picture = None
        if driver is None:
            Client(address).get()
        else:
            driver.get(address)  # type: ignore[attr-defined]
            driver.execute_async_script(PAINTED)  # type: ignore[attr-defined]
            picture = time.perf_counter() - began
        whole = time.perf_counter() - began
        fields = Path(f"/proc/{page.pid}/stat").read_text().rpartition(")")[2].split()
        page.send_signal(signal.SIGINT)
    busy = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    if not re.match(r"http://", address):
        raise RuntimeError(f"the page did not start: {address}")
    return Start(printed, whole, busy, picture)


def table(rounds: int, *, drawn: bool) -> Iterator[str]:
    """Give the lines of a table (Markdown); `drawn` starts a browser as well."""
    yield "| command | address, s | first page, s | processor, s | painted in a browser that is open, s |"
    yield "|---|---:|---:|---:|---:|"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        driver = stack.enter_context(browser(folder / "profile")) if drawn else None
        table_file = table_of_a_person(folder)
        for name, words in {"xor": ("xor",), "iris": ("iris",), "digits": ("digits",),
                            "a table of 300 rows": (table_file, "--target", "price")}.items():  # fmt: skip
            start(words, folder / "bytecode")
            found = [start(words, folder / "bytecode") for _ in range(rounds)]
            painted = [start(words, folder / "bytecode", driver).picture for _ in range(rounds)] if driver else []
            cells = [f"{_middle([one[k] for one in found]):.2f}" for k in range(3)]  # type: ignore[misc]
            picture = f"{_middle([one for one in painted if one is not None]):.2f}" if painted else "–"
            yield f"| {name} | {' | '.join(cells)} | {picture} |"


def _middle(found: list[float]) -> float:
    return statistics.median(found)
