"""Check planted and right sheets, and count what is found: python -m bench.check run | table; --help tells the rest."""

from __future__ import annotations

import re
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from bench.check.networks import NETWORKS
from bench.check.report import SMALL, markdown, missed
from bench.check.scores import Line
from bench.check.work import lines_of

app = App(name="bench.check", help=__doc__)
KINDS = ("planted", "few", "right", "two")
MARKS = re.compile(r"(<!-- measured -->\n).*?(<!-- end of what was measured -->)", re.DOTALL)


@app.command
def run(
    *, output: Annotated[Path, Parameter(alias="-o")], seeds: int = 3, small: bool = False, jobs: int = 2,
    networks: list[str] | None = None, codes: list[str] | None = None, kinds: list[str] | None = None,
) -> None:  # fmt: skip
    """Make the sheets, check them, and write a line of JSON for each.

    Parameters
    ----------
    output
        The file of results.
    seeds
        How many seeds of each network; right sheets, which are quick, have eight times as many.
    small
        Two networks and one seed, as the tests take them.
    jobs
        How many processes work.
    networks, codes, kinds
        Only these networks, mistakes, and kinds of sheets: planted, few (digits), right, two (mistakes).
    """
    chosen = tuple(kinds or KINDS)
    names = networks or (SMALL if small else list(NETWORKS))
    cells = [(name, seed, _kinds(chosen, seed, 1 if small else seeds), codes)
             for name in names for seed in range((1 if small else seeds) * 8)]  # fmt: skip
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool, output.open("wb") as file:
        waiting = [pool.submit(lines_of, *cell) for cell in cells if cell[2]]
        for done in as_completed(waiting):
            file.writelines(msgspec.json.encode(line) + b"\n" for line in done.result())
            file.flush()
    print(markdown(read(output)))


def _kinds(chosen: tuple[str, ...], seed: int, seeds: int) -> tuple[str, ...]:
    """Give the kinds of sheets that a seed has."""
    here = {"right"} | ({"planted", "two"} if seed < seeds else set()) | ({"few"} if seed < 1 else set())
    return tuple(kind for kind in chosen if kind in here)


@app.command
def table(results: Path, page: Path | None = None) -> None:
    """Print the table of results, or write it into a page between its marks."""
    text = markdown(read(results))
    if page is None:
        print(text)
        return
    old = page.read_text(encoding="utf-8")
    page.write_text(MARKS.sub(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", old), encoding="utf-8")


@app.command
def look(results: Path) -> None:
    """Print the sheets on which something was missed."""
    print(missed(read(results)))


def read(path: Path) -> list[Line]:
    """Read lines of results."""
    decoder = msgspec.json.Decoder(Line)
    return [decoder.decode(line) for line in path.read_bytes().splitlines()]


if __name__ == "__main__":
    app()
