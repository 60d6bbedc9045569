"""The work of the benchmark, shared out to processes: the truths of the cells, then the runs."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

from bench.diagnosis.design import Cell
from bench.diagnosis.runs import CellTruth, Line, Run, measured, truth


def lines_of(
    cells: list[Cell],
    seeds: Iterable[int],
    sealed: bool,
    jobs: int,
    remedies: Collection[int],
    cache: Path | None,
    done: list[Line],
) -> Iterator[Line]:
    """Give the lines that are not there yet, as they are done: the truths first, then the runs of one part.

    `remedies` are the seeds of which the remedies are tried too.
    """
    truths = {line.cell: line for line in done if isinstance(line, CellTruth)}
    there = {(line.cell, line.seed) for line in done if isinstance(line, Run)}
    for line in _done([(truth, cell, cache) for cell in cells if cell not in truths], jobs):
        truths[line.cell] = line
        yield line
    wanted = [
        (cell, seed) for cell in cells for seed in seeds if cell.sealed(seed) is sealed and (cell, seed) not in there
    ]
    yield from _done([(_measure, truths[cell], seed, seed in remedies) for cell, seed in wanted], jobs)


def _measure(known: CellTruth, seed: int, remedies: bool) -> Run:
    return measured(known, seed, remedies=remedies)


def _done(tasks: list[tuple[Callable[..., Any], *tuple[Any, ...]]], jobs: int) -> Iterator[Any]:
    """Do tasks in so many processes, and give what they give as it comes."""
    if jobs <= 1:
        yield from (function(*given) for function, *given in tasks)
        return
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        waiting = {pool.submit(function, *given) for function, *given in tasks}
        counted, every = 0, len(waiting)
        while waiting:
            finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for one in finished:
                yield one.result()
            counted += len(finished)
            print(f"\r{counted} of {every}", end="" if waiting else "\n", file=sys.stderr, flush=True)
