"""One peer in a process of its own: `python -m bench.worker NAME`, asked by lines of JSON.

Threads are set in the environment before anything is imported, so no two peers, and no two numbers of threads, share a
process. Requests are `{"do": "prepare", "workload": {...}}` and `{"do": "run", "seconds": s}`; each answer is one line.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import msgspec

from bench.clock import now
from bench.peers import load
from bench.peers.base import CannotError, Peer
from bench.results import version_of
from bench.workloads import Workload, problem_of

MOST_CALLS = 200


class Request(msgspec.Struct, frozen=True):
    """A request to the worker: to make a workload ready, or to run it for some seconds."""

    do: str
    workload: Workload | None = None
    seconds: float = 0.0


class Answer(msgspec.Struct, frozen=True):
    """The worker's answer: seconds per step of each call and the loss reached, or why it cannot do the work."""

    steps: list[float] = []
    loss: float | None = None
    note: str = ""
    cannot: str | None = None
    versions: dict[str, str] = {}


def prepare(cls: type[Peer], workload: Workload) -> tuple[Peer, Answer]:
    """Build the peer and train once, which compiles what is not yet compiled."""
    peer = cls(workload, problem_of(workload))
    peer.reset()
    peer.train()
    return peer, Answer(note=peer.note, versions={name: version_of(name) for name in peer.packages})


def run(peer: Peer, seconds: float) -> Answer:
    """Train from the initial weights again and again for so long, at least once; the last call's loss is checked."""
    from bench.peers.numpy_loop import loss_of  # noqa: PLC0415  (NumPy is imported by the peer, after its threads are set)

    steps: list[float] = []
    end = time.perf_counter() + seconds
    while not steps or (time.perf_counter() < end and len(steps) < MOST_CALLS):
        peer.reset()
        began = now()
        peer.train()
        steps.append((now() - began) / peer.workload.steps)
    weights = peer.weights()
    loss = None if weights is None else loss_of(peer.workload, peer.problem, weights)
    return Answer(steps=steps, loss=loss, note=peer.note)


def worker_loop(name: str) -> None:
    """Answer requests until there are no more; whatever a library prints goes to the error stream."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    peer: Any = None
    for line in sys.stdin.buffer:
        request = msgspec.json.decode(line, type=Request)
        try:
            if request.workload is not None:
                peer = None  # the memory of the last workload, before the next one asks for its own
                layered = bool(request.workload.layers)
                peer, answer = prepare(load(name, layered=layered), request.workload)
            else:
                answer = run(peer, request.seconds)
        except CannotError as error:
            answer = Answer(cannot=str(error))
        except Exception as error:  # noqa: BLE001  (a peer's failure is a result, to be printed with its reason)
            answer = Answer(cannot=f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
        answers.write(msgspec.json.encode(answer) + b"\n")


if __name__ == "__main__":
    worker_loop(sys.argv[1])
