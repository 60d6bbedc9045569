"""Copies of a training: what makes another one like it, and one that goes on by itself from where it is."""

from __future__ import annotations

from typing import Any, NamedTuple

from backlit.engine.metrics import Metric
from backlit.engine.network import Network
from backlit.engine.state import TrainingState
from backlit.errors import collecting
from backlit.kernels.types import Array


class Copied(NamedTuple):
    """A training as plain parts: `pickle` and `copy.deepcopy` take these instead of addresses and threads."""

    network: Network
    arguments: dict[str, Any]
    order: Any
    metrics: dict[str, str | Metric | None]
    callbacks: tuple[Any, ...]
    progress: bool
    state: TrainingState
    beginning: TrainingState | None
    stopped: str | None


def arguments_of(training: Any) -> dict[str, Any]:
    """Give the rows, weights, validation rows and settings of a training, as `Training` takes them."""
    rows = training.validation
    return {
        "X": training.X, "Y": training.Y, "sample_weight": _weights(training.weights),
        "validation": rows and (*rows[:2], _weights(rows[2])),
        **{name: getattr(training.settings, name) for name in training.settings.__struct_fields__},
    }  # fmt: skip


def parts_of(training: Any) -> Copied:
    """Give a training as parts; its network is the one it has, which `deepcopy` and `pickle` copy in their turn."""
    hooks = training.hooks
    return Copied(
        training.network, arguments_of(training), training.order, hooks.metrics, hooks.callbacks, hooks.progress,
        training.state, training.explosions.beginning, training.stopped,
    )  # fmt: skip


def remade(kind: Any, parts: Copied) -> Any:
    """Make a training of its parts, which goes on with the same bits as the one they are of."""
    with collecting([]):  # that one has given its warnings
        made = kind(
            parts.network, order=parts.order, metrics=parts.metrics, callbacks=parts.callbacks,
            progress=parts.progress, **parts.arguments,
        )  # fmt: skip
    made.state = parts.state
    made.explosions.beginning, made.stopped = parts.beginning, parts.stopped
    return made


def _weights(given: Array) -> Array | None:
    return given if given.size else None
