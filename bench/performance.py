"""The page docs/performance.md: `python -m bench.performance RESULTS.json docs/performance.md`.

It measures where the time of a step goes, kernel by kernel, and how time and memory grow. The comparison with the
peers is taken from the results of a run of `python -m bench`, ranges and verdicts from the runs in bench/runs.
"""

# mypy: disable-error-code="call-arg"
# An intrinsic of Numba is called without the first parameter it is written with.

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from backlit.engine.compiled.numba_intrinsics import call_kernel, call_update
from backlit.engine.compiled.retype import Retyper
from backlit.engine.machine import passes, vector_ops
from backlit.engine.program import structs
from backlit.engine.program.structs import Clock, Segment, data_of
from bench.peers.backlit_peer import Compiled
from bench.peers.products import Own
from bench.results import Results
from bench.runs import kept, written
from bench.table import grid, machine_line, markdown, notes, quantity
from bench.workloads import BY_NAME, WORKLOADS, Array, Workload, problem_of

SECONDS, TURNS = 0.05, 16
CORES = 64


class Parts(msgspec.Struct, frozen=True):
    """Where a step's time goes, in seconds: `python` is what `Training.run` adds to the machine's own time."""

    products: float
    elementwise: float
    update: float
    gather: float
    machine: float
    python: float

    @property
    def step(self) -> float:
        """The whole step, as a user of `Training.run` sees it."""
        return float(sum(getattr(self, name) for name in self.__struct_fields__))

    @property
    def rows(self) -> float:
        """The part that is work on rows, which is divided by shards."""
        return self.products + self.elementwise + self.gather

    @property
    def rest(self) -> float:
        """The part that is work neither on rows nor on parameters, which stays whole."""
        return max(0.0, self.step - self.rows - self.update)

    def gain(self, cores: int, shards: int) -> float:
        """Give how many times faster a step could be on so many cores, by Amdahl's law.

        >>> Parts(0.6, 0.1, 0.2, 0.1, 0.0, 0.0).gain(cores=4, shards=2)
        2.22
        """
        divided = self.rest + self.rows / min(cores, shards) + self.update / cores
        return round((self.rest + self.rows + self.update) / divided, 2)


@intrinsic
def pointer(typingctx: Any, array: Any) -> Any:
    """Give the address of a contiguous array's first element, as a typed pointer."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, args[0]).data

    return types.CPointer(array.dtype)(array), codegen


@njit(nogil=True)
def _kernel_loop(address: int, row: Any, P: Any, dP: Any, A: Any, dA: Any, S: Any, C: Any, n: int, times: int) -> None:
    for step in range(times):
        call_kernel(
            address, pointer(row), pointer(P), pointer(dP), pointer(A), pointer(dA), pointer(S), pointer(C),
            n, 1, 0, step, 0,
        )  # fmt: skip


@njit(nogil=True)
def _update_loop(
    address: int, row: Any, P: Any, dP: Any, slots: Any, C: Any, start: int, stop: int, size: int, times: int
) -> None:
    for step in range(times):
        call_update(
            address, pointer(row), pointer(P), pointer(dP), pointer(slots), pointer(C), start, stop, size,
            0.0, step + 1, 0.0, 0.0, 0.0,
        )  # fmt: skip


_gather_rows = Retyper("float64")(vector_ops.gather)


@njit(nogil=True)
def _gather_loop(X: Any, columns: int, order: Any, n: int, A: Any, times: int) -> None:
    for _ in range(times):
        _gather_rows(X, columns, 0, columns, order, 0, n, A, 0, 0)


def each(loop: Callable[[int], Any], restore: Callable[[], None] = lambda: None) -> float:
    """Give the seconds of one turn of a loop that is told how many turns to take.

    Bursts are short and begin from restored buffers, so that every turn works on numbers such as a real step has. The
    least of the bursts counts, less the cost of a call with no turns.
    """
    loop(1)
    turns = 1 if _timed(loop, 1) > 1e-3 else TURNS
    empty: list[float] = []
    full: list[float] = []
    end = time.perf_counter() + SECONDS
    while len(full) < 5 or time.perf_counter() < end:
        restore()
        empty.append(_timed(loop, 0))
        full.append(_timed(loop, turns))
    return max(0.0, min(full) - min(empty)) / turns


def _keeper(arrays: Sequence[Array]) -> Callable[[], None]:
    """Give a function that writes back what the arrays hold now."""
    kept = [array.copy() for array in arrays]

    def restore() -> None:
        for array, values in zip(arrays, kept, strict=True):
            array[:] = values

    return restore


def _timed(loop: Callable[[int], Any], times: int, clock: Callable[[], float] = time.thread_time) -> float:
    """Give the seconds a loop takes: by default this thread's own, to which other processes do not add."""
    began = clock()
    loop(times)
    return clock() - began


def parts_of(workload: Workload) -> Parts:
    """Time each kernel of a step on the buffers of a training, and what the loop around them adds."""
    peer = Compiled(workload, problem_of(workload))
    peer.reset()
    peer.train()
    training = peer.training
    whole = min(_run(peer) for _ in range(5)) / workload.steps
    own = min(_own_machine(peer) for _ in range(5)) / workload.steps
    update, gather = _update(training), _gather(training, workload.batch)
    shards = shards_of(workload.batch, training.tables.rows)
    kernels = sum(sum(_kernels(training, rows)) for rows in shards)
    products = sum(_products(msgspec.structs.replace(workload, batch=rows)) for rows in shards)
    elementwise = kernels - products
    rest = own - products - elementwise - update - gather
    return Parts(products, elementwise, update, gather, rest, whole - own)


def shards_of(batch: int, rows: int) -> list[int]:
    """Give the rows of each shard of a batch; the arena holds one shard, not the batch.

    >>> shards_of(128, 50)
    [50, 50, 28]
    """
    return [min(rows, batch - first) for first in range(0, batch, rows)]


def pieces_of(workload: Workload) -> int:
    """Give into how many shards the workload's batches are cut."""
    peer = Compiled(workload, problem_of(workload))
    peer.reset()
    return int(peer.training.executable.shards)


def _run(peer: Compiled, clock: Callable[[], float] = time.thread_time) -> float:
    peer.reset()
    return _timed(lambda _: peer.train(), 1, clock)


def _own_machine(peer: Compiled) -> float:
    """Give the seconds of the same updates in one call of the machine, without the training around it."""
    peer.reset()
    training, workload = peer.training, peer.workload
    order = peer.problem.orders.reshape(-1)
    data = data_of(training.X, training.Y, training.weights, order, repeats=workload.full_batch)
    rates, sums = np.full(workload.steps, workload.rate), np.zeros(structs.SUMS * workload.epochs)
    held = structs.monitor_of(training.network.dtype)
    return _timed(
        lambda steps: training.executable.train(
            training.tables, training.memory, data, held, training.rule, structs.no_signals(training.network.dtype),
            Clock(0, 0), workload.batch, 0, steps, rates, -np.inf, sums,
        ),
        workload.steps,
    )  # fmt: skip


def _kernels(training: Any, n: int) -> list[float]:
    """Time the forward and backward kernels of the chain and the loss."""
    tables, memory = training.tables, training.memory
    rows = [*tables.chain.reshape(-1, structs.WIDTH)[: tables.ops], tables.loss[: structs.WIDTH]]
    vectors = (memory.P, memory.dP, memory.A, memory.dA, memory.S, memory.C)
    restore = _keeper(vectors)

    def time_of(row: Any, address: int) -> float:
        return each(lambda times: _kernel_loop(address, row, *vectors, n, times), restore)

    return [time_of(row, int(row[column])) for row in rows for column in (passes.FORWARD, passes.BACKWARD)]


def _update(training: Any) -> float:
    """Time the optimizer over all parameters."""
    tables, memory = training.tables, training.memory
    address = int(tables.update[passes.FORWARD])
    restore = _keeper((memory.P, memory.slots))

    def time_of(start: int, stop: int) -> float:
        vectors = (memory.P, memory.dP, memory.slots, memory.C)
        return each(
            lambda times: _update_loop(address, tables.update, *vectors, start, stop, memory.size, times), restore
        )

    return sum(time_of(int(row[0]), int(row[1])) for row in tables.segments.reshape(-1, int(Segment.WIDTH)))


def _gather(training: Any, n: int) -> float:
    """Time copying a batch's rows of X and Y into the arena."""
    order = np.random.default_rng(0).permutation(training.X.shape[0])

    def time_of(X: Array) -> float:
        target = np.empty(n * X.shape[1], X.dtype)
        return each(lambda times: _gather_loop(X.reshape(-1), X.shape[1], order, n, target, times))

    return time_of(training.X) + time_of(training.Y)


def _products(workload: Workload) -> float:
    def time_of(loop: Any, A: Array, B: Array, C: Array) -> float:
        return each(lambda times: loop(A, B, C, times))

    return sum(time_of(*call) for call in Own(workload, problem_of(workload)).loops)


def _bytes(workload: Workload) -> int:
    """Give the memory a training allocates: parameters, gradients, optimizer, arenas."""
    peer = Compiled(workload, problem_of(workload))
    peer.reset()
    return sum(array.nbytes for array in peer.training.memory if isinstance(array, np.ndarray))


def _relu_net(width: int = 64, depth: int = 2, batch: int = 64, rows: int = 1_024) -> Workload:
    return Workload(
        "growth", (64, *[width] * depth, 10), "relu", "softmax", "cross_entropy", batch, rows, 3, "adam", 1e-3,
        "float32", "growth",
    )  # fmt: skip


GROWTH: dict[str, list[tuple[str, Workload]]] = {
    "width": [(str(width), _relu_net(width=width)) for width in (16, 64, 256, 1024)],
    "depth": [(str(depth), _relu_net(depth=depth)) for depth in (1, 2, 4, 8, 16)],
    "batch": [(str(batch), _relu_net(batch=batch)) for batch in (1, 8, 64, 256, 1024)],
    "rows": [(f"{rows:,}", _relu_net(rows=rows)) for rows in (1_024, 8_192, 65_536)],
    "rows, full batch": [(f"{rows:,}", _relu_net(batch=rows, rows=rows)) for rows in (1_024, 8_192, 65_536)],
}


def growth(name: str) -> str:
    """Measure one family of networks: time of a step and of a row, and memory."""
    lines = []
    for value, workload in GROWTH[name]:
        peer = Compiled(workload, problem_of(workload))
        peer.reset()
        peer.train()
        seconds = min(_run(peer) for _ in range(3)) / workload.steps
        row = quantity(seconds / workload.batch, "s")
        lines.append([value, quantity(seconds, "s"), row, quantity(_bytes(workload) / 2**20, "MiB")])
    return markdown([name, "a step", "a row", "memory beyond the data"], lines)


def threads_table() -> str:
    """Measure a step of the networks that are cut on one thread and on two."""
    lines = []
    for name in ("30-64-32-1", "64-128-10", "deep", "silu", "784", "wide"):
        seconds = []
        for threads in ("1", "2"):
            os.environ["BACKLIT_THREADS"] = threads
            peer = Compiled(BY_NAME[name], problem_of(BY_NAME[name]))
            end, calls = time.perf_counter() + 0.5, [_run(peer, time.perf_counter)]
            while time.perf_counter() < end or len(calls) < 4:  # two threads take a while after a pause
                calls.append(_run(peer, time.perf_counter))
            seconds.append(min(calls) / peer.workload.steps)
        lines.append([name, *(quantity(value, "s") for value in seconds), f"{seconds[0] / seconds[1]:.2f}×"])
    os.environ["BACKLIT_THREADS"] = "1"
    return markdown(["", "one thread", "two threads", "gain"], lines)


OVER_RUNS = (
    "## Over several runs",
    "How many times faster Backlit is, lowest to highest over the runs below (below 1: slower). The ratios depend on "
    "the day and on the machine: count on the lower end. `python -m bench.runs write docs/performance.md` writes these "
    "tables from the medians in bench/runs, and measures nothing.",
    "<!-- runs: ranges -->\n<!-- /runs -->",
    "The runs are of different commits, so a range holds changes of the code too. The date is that of the commit of "
    "the results. Of the last run, four ratios against the best peer were recorded and nothing else.",
    "<!-- runs: listing -->\n<!-- /runs -->",
    "## Goals",
    "The worst of the runs decides whether a goal is met. [bench/README.md](../bench/README.md) says why one is "
    "missed.",
    "<!-- runs: verdicts -->\n<!-- /runs -->",
)
"""The sections that come from several runs, before `bench.runs` has filled them in."""


def page(results: Results) -> str:
    """Write the page; all but the table of threads is measured on one."""
    os.environ["BACKLIT_THREADS"] = "1"
    found = {workload.name: parts_of(workload) for workload in WORKLOADS if not workload.layers}
    fields = Parts.__struct_fields__
    breakdown = [
        [name, quantity(parts.step, "s"), *(f"{100 * getattr(parts, field) / parts.step:.0f}%" for field in fields)]
        for name, parts in found.items()
    ]
    cores = []
    for name, parts in found.items():
        whole, shards = parts.rest + parts.rows + parts.update, pieces_of(BY_NAME[name])
        shares = [f"{100 * part / whole:.0f}%" for part in (parts.rows, parts.update)]
        cores.append([name, str(shards), *shares, f"{parts.gain(CORES, shards):.1f}×"])
    sections = [
        "# Performance",
        "Made by `python -m bench --json bench/results.json` and `python -m bench.performance bench/results.json "
        "docs/performance.md`. How it is measured stands in [bench/README.md](../bench/README.md).",
        machine_line(results),
        "## One run: Backlit and its peers",
        markdown(*grid(results)),
        "A cell is the median of the rounds ± half the quartile range; ·2 means two threads, ≠ another loss than the "
        "reference's, * a remark below. The last columns: how many times faster Backlit is than the best peer (below "
        "1: slower), and the time of the step's matrix products alone as a share of Backlit's step.",
        "\n".join(f"- {note}" for note in notes(results)) or "No remarks.",
        *OVER_RUNS,
        "## Where the time of a step goes",
        "Processor time of one thread. Each kernel is run alone on a training's own buffers, so data that a real step "
        "finds in a farther cache may be nearer here. `machine` is what is left of the machine's own time: its loop, "
        "the sum over shards, and how far kernels alone differ from kernels in a step, so it may be negative; `python` "
        "is what `Training.run` adds. Of the networks of dense layers.",
        markdown(["", "step", *fields], breakdown),
        "## How cost grows",
        "A network of 64 inputs, two layers of 64 relu units unless the table says otherwise, 10 classes; batch 64, "
        "Adam, float32, one thread, processor time, the least of three runs. The last table is by the wall's clock.",
        *(growth(name) for name in GROWTH),
        threads_table(),
        f"## What {CORES} cores could do at most",
        "Gathering, forward and backward work on rows, which are divided by the batch's shards; the update works on "
        "parameters, which can be divided at will; the rest is not divided. Into how many shards a batch is cut "
        "follows from the network and the batch alone, so that the bits do not depend on the machine: these batches "
        "have work for few cores, larger ones for more. This is Amdahl's law on the table above, not a measurement: it "
        "leaves out memory bandwidth and waiting for each other.",
        markdown(["", "shards", "work on rows", "on parameters", f"at most, {CORES} cores"], cores),
    ]
    return written("\n\n".join(sections) + "\n", kept())


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(
        page(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Results)), encoding="utf-8"
    )
