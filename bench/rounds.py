"""Runs the peers in turn: workers, the choice of threads, rounds, and the check that all did the same work."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from bench.peers import PEERS, THREADS
from bench.peers.numpy_loop import reference_loss
from bench.results import Measurement, Row
from bench.worker import Answer, Request
from bench.workloads import Workload, problem_of

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 900.0
"""Seconds after which a worker that does not answer is ended."""
TRIALS = 2
"""How often each number of threads is tried before one is chosen."""

PAUSE = 0.05
"""Seconds between two asks, in which the last peer's threads stop spinning."""
TOLERANCE = {"float64": 1e-7, "float32": 2e-2}
"""How far a loss may be from the reference in float64, relatively: rounding, grown over some hundred updates."""

EPSILON_HAT = ("scikit-learn",)
"""Peers with Adam in the form of the paper's section 2, compared with a reference of that form."""

Say = Callable[[str], None]


def environment(threads: int) -> dict[str, str]:
    """Give the environment of a process with so many threads."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    given = os.environ | dict.fromkeys(names, str(threads))
    given["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
    if threads == 1:
        given["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    return given


class Worker:
    """A peer's process with a number of threads, started when first asked."""

    def __init__(self, peer: str, threads: int) -> None:
        self.peer, self.threads = peer, threads
        self.process: subprocess.Popen[bytes] | None = None

    def ask(self, request: Request) -> Answer:
        """Send a request and wait for the answer; a worker that dies or hangs has an answer too."""
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bench.worker", self.peer], cwd=ROOT, env=environment(self.threads),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        watch = threading.Timer(PATIENCE, self.process.kill)
        watch.start()
        try:
            self.process.stdin.write(msgspec.json.encode(request) + b"\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = b""
        finally:
            watch.cancel()
        if not line:
            code, self.process = self.process.wait(), None
            return Answer(cannot=f"its process ended with code {code}")
        return msgspec.json.decode(line, type=Answer)

    def close(self) -> None:
        """End the process."""
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
            self.process.wait()
            self.process = None


class Workers:
    """All workers of a run, kept from row to row."""

    def __init__(self, peers: Iterable[str], cores: int) -> None:
        self.by_peer = {
            peer: [Worker(peer, threads) for threads in THREADS.get(peer, (1, 2)) if threads <= max(cores, 1)]
            for peer in peers
        }
        self.versions: dict[str, str] = {}

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: Any) -> None:
        for workers in self.by_peer.values():
            for worker in workers:
                worker.close()


def agrees(workload: Workload, loss: float | None, reference: float) -> bool | None:
    """Tell whether a loss is the reference's, within what rounding explains; None where it cannot be compared."""
    if loss is None:
        return None
    return abs(loss - reference) <= TOLERANCE[workload.dtype] * max(abs(reference), 1e-6)


def choose(workers: list[Worker], workload: Workload, seconds: float) -> tuple[Worker | None, Answer, float | None]:
    """Make the workload ready with each number of threads and keep the faster; give its answer and a checked loss.

    The numbers of threads are tried in turn, TRIALS times and as long as in a round, so that neither a busy spell
    decides nor the first milliseconds after a pause, in which two threads are slow.
    """
    able: list[tuple[Worker, Answer, float | None]] = []
    refused = Answer(cannot="no number of threads fits this machine")
    for worker in workers:
        checked = None
        if workload.dropout:  # random masks differ between libraries, so the loss is compared without them
            ready = worker.ask(Request("prepare", workload.without_dropout()))
            checked = ready.cannot or worker.ask(Request("run")).loss
        ready = worker.ask(Request("prepare", workload))
        answer = worker.ask(Request("run")) if ready.cannot is None else ready
        if answer.cannot is not None:
            refused = answer
            continue
        loss = checked if workload.dropout and isinstance(checked, float) else answer.loss
        able.append((worker, msgspec.structs.replace(ready, note=answer.note), loss))
    if len(able) < 2:
        return able[0] if able else (None, refused, None)
    steps: list[list[float]] = [[] for _ in able]
    for _ in range(TRIALS):
        for (worker, _, _), seen in zip(able, steps, strict=True):
            seen.extend(worker.ask(Request("run", seconds=seconds)).steps)
    return min(zip(able, steps, strict=True), key=lambda pair: statistics.median(pair[1]))[0]


def measure(workers: Workers, workload: Workload, rounds: int, seconds: float, say: Say) -> Row:
    """Measure one row: choose threads, then ask all peers in turn, as many rounds as wanted, in a rotating order."""
    say(f"{workload.label}: {workload.steps} steps a call, {workload.multiply_adds:,} multiply-adds a step")
    calm = workload.without_dropout()
    problem = problem_of(calm)
    reference = reference_loss(calm, problem)
    hat = reference_loss(calm, problem, epsilon_hat=True) if calm.optimizer == "adam" else reference
    chosen: dict[str, tuple[Worker, Answer, float | None]] = {}
    missing: dict[str, str] = {}
    for peer, own in workers.by_peer.items():
        worker, answer, loss = choose(own, workload, seconds)
        workers.versions.update(answer.versions)
        if worker is None:
            missing[peer] = answer.cannot or "unknown"
            say(f"  {peer}: skipped, {missing[peer]}")
        else:
            chosen[peer] = worker, answer, loss
    found = _rounds({peer: worker for peer, (worker, _, _) in chosen.items()}, rounds, seconds, missing)
    measurements = []
    for peer, calls in found.items():
        worker, answer, loss = chosen[peer]
        medians = [statistics.median(call) for call in calls]
        best = min(min(call) for call in calls)
        expected = hat if peer in EPSILON_HAT else reference
        same = agrees(workload, loss, expected)
        measurements.append(Measurement(peer, medians, best, worker.threads, loss, same, answer.note))
        if same is False:
            say(f"  {peer}: reached the loss {loss!r} instead of {expected!r}: not the same work")
    return Row(
        workload.name, workload.label, workload.group, "s/step", measurements, missing, workload.multiply_adds,
        reference=reference,
    )  # fmt: skip


def _rounds(
    workers: dict[str, Worker], rounds: int, seconds: float, missing: dict[str, str]
) -> dict[str, list[list[float]]]:
    """Ask each peer once per round; each round begins with another peer."""
    found: dict[str, list[list[float]]] = {peer: [] for peer in workers}
    for number in range(rounds):
        names = list(found)
        turn = number % max(len(names), 1)
        for peer in names[turn:] + names[:turn]:
            time.sleep(PAUSE)
            answer = workers[peer].ask(Request("run", seconds=seconds))
            if answer.cannot is not None:
                missing[peer] = answer.cannot
                del found[peer]
            else:
                found[peer].append(answer.steps)
    return found


def known(peers: list[str]) -> list[str]:
    """Check names of peers, or say which are known."""
    unknown = [peer for peer in peers if peer not in PEERS]
    if unknown:
        raise ValueError(f"unknown peer {unknown[0]!r}; known: {', '.join(PEERS)}.")
    return peers
