"""Measure `backlit.valley` of three networks, and print the table of docs/pictures.md.

    python -m bench.valley

Times are those of the whole call, the repetition of the training included, after a first call that compiles; the median
of three. Processor seconds add up all threads, and say on a busy computer what an idle one would take.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import backlit as bl


def trainings() -> dict[str, tuple[bl.Training, dict[str, Any]]]:
    """Give each training that has run, with the settings of its valley."""
    X, Y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    network = bl.Network([bl.Dense(2, "tanh"), bl.Dense(1, "sigmoid")], 2, "binary_cross_entropy", seed=2)
    xor = bl.Training(network, X, Y, optimizer=bl.SGD(0.5), batch_size="full", epochs=500)
    rng = np.random.default_rng(0)
    network = bl.Network([bl.Dense(16, "relu"), bl.Dense(3, "softmax")], 4, "cross_entropy", seed=0)
    iris = bl.Training(network, rng.normal(size=(150, 4)), rng.integers(0, 3, 150), epochs=60)
    network = bl.Network([bl.Dense(128, "relu"), bl.Dense(10, "softmax")], 784, "cross_entropy", seed=0)
    large = bl.Training(network, rng.normal(size=(10_000, 784)), rng.integers(0, 10, 10_000), epochs=5, batch_size=100)
    return {
        "xor, 9 weights, 4 rows, 500 epochs": (xor, {}),
        "4-16-3 as for iris, 131 weights, 150 rows, 60 epochs": (iris, {}),
        "784-128-10, 101,770 weights, 10,000 rows, 5 epochs, `resolution=9`": (large, {"resolution": 9}),
    }


def measured(call: Callable[[], Any]) -> tuple[float, float]:
    """Give the median seconds of three calls, and the processor seconds of the same."""
    call()
    found = []
    for _ in range(3):
        began, busy = time.perf_counter(), time.process_time()
        call()
        found.append((time.perf_counter() - began, time.process_time() - busy))
    seconds, processor = zip(*found, strict=True)
    return statistics.median(seconds), statistics.median(processor)


if __name__ == "__main__":
    print("| training | seconds | processor seconds |\n|---|---:|---:|")
    for name, (training, settings) in trainings().items():
        training.run()
        seconds, processor = measured(lambda training=training, settings=settings: bl.valley(training, **settings))  # type: ignore[misc]
        print(f"| {name} | {seconds:.2g} | {processor:.2g} |")
