"""Networks and rows to run them on, for any op of the registries.

Hypothesis draws few examples by default, always the same, so that the suite stays short and steady;
`BACKLIT_THOROUGH=1 pytest tests/engine` draws forty times as many, others each time.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from cases import draw_targets, last_activation
from hypothesis import HealthCheck, settings

from backlit.engine.network import Network
from backlit.engine.parallel import auto_switch, thread_team
from backlit.engine.program import sharding
from backlit.ops.base import Activation, Layer, Loss
from backlit.ops.layers.dense import Dense
from backlit.ops.registry import losses

# Compiling takes what it takes, and a failing draw is printed whole: neither deadlines nor a database on disk.
COMMON: dict[str, Any] = {
    "deadline": None, "database": None, "print_blob": True,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
}  # fmt: skip
settings.register_profile("engine", max_examples=25, derandomize=True, **COMMON)
settings.register_profile("engine-thorough", max_examples=1000, **COMMON)
settings.load_profile("engine-thorough" if os.environ.get("BACKLIT_THOROUGH") else "engine")


def make_problem(
    loss: Loss | str, hidden: Sequence[Activation | Layer | str] = ("tanh",), *, rows: int = 7, inputs: int = 3,
    units: int = 3, outputs: int = 3, output: Activation | str | None = None, seed: int = 0, dtype: str = "float64",
    spread: float = 0.5, **dense: Any,
) -> tuple[Network, Any, Any]:  # fmt: skip
    """Make a network with random weights and biases, inputs and targets.

    `hidden` lists activations, each behind a dense layer of `units`, and other layers, which stand on their own.
    """
    loss = losses.make(loss)
    rng = np.random.default_rng(seed)
    layers: list[Any] = []
    for op in hidden:
        alone = isinstance(op, Layer) and not isinstance(op, Activation)
        layers.append(op if alone else Dense(units, op, **dense))
    layers.append(Dense(outputs, output or last_activation(loss), **dense))
    network = Network(layers, inputs, loss, dtype=dtype, seed=seed)
    network.parameters[:] += rng.normal(0.0, spread, network.parameters.size)
    return network, rng.normal(size=(rows, inputs)), draw_targets(loss, rows, outputs, rng)


@pytest.fixture(scope="session")
def problem() -> Callable[..., tuple[Network, Any, Any]]:
    """Give the function that makes a network, inputs and targets."""
    return make_problem


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> int:
    """Cut every batch into shards of 4 rows."""
    monkeypatch.setattr(sharding, "SMALLEST_SHARD", 4)
    monkeypatch.setattr(sharding, "SHARD_ELEMENTS", 1)
    return 4


@pytest.fixture
def shared_batches(monkeypatch: pytest.MonkeyPatch, small_shards: int) -> None:
    """Share the smallest batches among as many threads as given, whichever way is faster."""
    monkeypatch.setattr(sharding, "THREADED_WORK", 1)
    monkeypatch.setattr(sharding, "THREADED_ROWS", 2)
    monkeypatch.setattr(sharding, "SEVERAL_ROWS", 4)
    monkeypatch.setattr(thread_team, "processors", lambda: 64)
    monkeypatch.setattr(auto_switch.AutoSwitch, "note", lambda self, batches, seconds: None)


@pytest.fixture
def no_second_helper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system refuse to start a second helper thread."""
    start = threading.Thread.start

    def starts(thread: threading.Thread) -> None:
        if thread.name == "backlit-2":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", starts)
