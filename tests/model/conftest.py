"""A clock that only the machine's batches move."""

from __future__ import annotations

import functools
from types import SimpleNamespace

import pytest

from backlit.engine.batch_loop import BatchLoop
from backlit.model.run_limits import RunLimits


class Clock:
    """Gives seconds: so many for each batch that the machine has done."""

    now = 0.0
    per_batch = 0.001

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock, call = Clock(), BatchLoop.call

    def timed(self, *given):
        before = int(self.memory.reached[0])
        call(self, *given)
        done = int(self.memory.reached[0]) - before
        clock.now += clock.per_batch * done
        self.batch_seconds = clock.per_batch

    monkeypatch.setattr(BatchLoop, "call", timed)
    monkeypatch.setattr("backlit.engine.batch_loop._slow_seconds", lambda work: clock.per_batch)
    monkeypatch.setattr("backlit.engine.training.time", SimpleNamespace(perf_counter=clock))
    monkeypatch.setattr("backlit.model.fitting.RunLimits", functools.partial(RunLimits, clock=clock))
    return clock
