"""The networks of an estimator, its members: a random state for each, and their training on threads."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from numbers import Integral
from typing import Any

import joblib  # type: ignore[import-untyped]
import numpy as np

from backlit.engine import default_threads
from backlit.estimators.build import Settings
from backlit.estimators.fit_loop import descend, minimize
from backlit.estimators.member import Held, Limits, Rows, Watch


def random_states(estimator: Any, first: np.random.RandomState) -> list[np.random.RandomState]:
    """Give a random state per member; each is the same however many members follow it."""
    count = estimator.n_members
    if isinstance(estimator.random_state, Integral):
        root = int(estimator.random_state)
        seeds = [np.random.SeedSequence([root, k]).generate_state(1)[0] for k in range(1, count)]
    else:
        seeds = [first.randint(2**31 - 1) for _ in range(1, count)]
    return [first, *map(np.random.RandomState, seeds)]


def train_members(
    estimator: Any, plans: Sequence[tuple[Rows, Held | None]], settings: Settings, limits: Limits,
    sources: Sequence[np.random.RandomState], watch: Watch | None,
) -> None:  # fmt: skip
    """Train every member on its rows, `n_jobs` of them at once; `watch` is called after each epoch of the first.

    Ctrl-C ends all of them after their current epoch.
    """
    members = estimator._members
    stop = threading.Event()
    workers = 1 if len(members) == 1 else min(joblib.effective_n_jobs(estimator.n_jobs), len(members))
    threads = max(1, default_threads() // workers)

    def train(k: int) -> None:
        rows, held = plans[k]
        each = watch if k == 0 else None
        if settings.optimizer.full_batch:
            minimize(members[k], rows, held, settings, limits, each, stop, threads)
        else:
            descend(members[k], rows, held, settings, limits, sources[k], each, stop, threads)

    if len(members) == 1:
        train(0)
        return
    with ThreadPoolExecutor(workers) as pool:
        running = [pool.submit(train, k) for k in range(len(members))]
        try:
            wait(running)
        except KeyboardInterrupt:
            stop.set()
            wait(running)
        for done in running:
            done.result()
