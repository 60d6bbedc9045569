"""The most that the page builds, so that a slip of the keyboard does not take all memory; counted before it is made."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from backlit.engine import TrainingSettings, graph_of
from backlit.errors import BacklitError
from backlit.examples.file_errors import MisfitError
from backlit.examples.file_layers import chain_of
from backlit.examples.file_shapes import network_inputs
from backlit.examples.file_tables import NetworkTable
from backlit.examples.strict import decode
from backlit.ops.registry import optimizers
from backlit.page.design import Design
from backlit.page.kept import BYTES, FEWEST_POINTS

LIMITS = {
    "layers": (32, "more do not fit on the page"),
    "units": (4_096, "a layer with more takes seconds to draw"),
    "epochs": (10_000_000, "the page keeps the numbers of each, some 90 bytes"),
    "weights": (2_000_000, "weights on the way are kept, some dozens of times 16 MB"),
}
"""The most that a page builds, each with its reason."""

MEMORY = 2_000_000_000
"""The most bytes that a training takes."""

COPIES = 7
"""Vectors as long as the weights: weights, slopes, those that are drawn, those of the best epoch, their copies."""

WIDE = ("units", "filters")
"""Settings by which a layer grows."""


def refuse_too_large(design: Design, rows: int = 1) -> None:
    """Refuse more than `LIMITS`, or a training on so many rows that takes more than `MEMORY`.

    What does not fit otherwise is left to the checks of the network file.

    Errors: a BacklitError that says how much it is, and how much the page builds.
    """
    found = refuse_many_layers(design.network)
    for path, layer in found:
        for key in WIDE:
            if isinstance(number := layer.get(key), int):
                _hold("units", number, (*path, key))
    if isinstance(epochs := design.training.get("epochs"), int):
        refuse_too_many(epochs)
    try:
        table = decode({**design.network}, NetworkTable)
        if table.inputs is None:
            return
        graph = graph_of(chain_of(table), network_inputs(table.inputs))
        optimizer = design.training.get("optimizer", TrainingSettings().optimizer)
        made = optimizers.from_dict(optimizer) if isinstance(optimizer, Mapping) else optimizers.make(optimizer)
    except BacklitError:
        return
    weights = sum(math.prod(shape) for _, shape in graph.layout.values())
    _hold("weights", weights, ("network", "layers"))
    size = design.training.get("batch_size", TrainingSettings().batch_size)
    batch = rows if not isinstance(size, int) or made.full_batch else min(size, rows)
    width = sum(map(math.prod, graph.rows.values()))
    item = 4 if table.dtype == "float32" else 8
    kept = max(BYTES, FEWEST_POINTS * weights * item)
    bytes_ = item * (weights * (COPIES + 2 * len(made.slots)) + 2 * width * batch) + kept
    if bytes_ > MEMORY:
        raise MisfitError(
            f"this training takes about {bytes_ / 1e9:,.1f} GB of memory: {width:,} numbers for each of the {batch:,} "
            f"rows of a batch, twice, and {weights:,} weights; expected at most {MEMORY / 1e9:g} GB. Take a smaller "
            "batch, or fewer units.",
            ("training", "batch_size"),
        )


def refuse_many_layers(network: Any) -> list[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    """Refuse a network's table with more layers than `LIMITS`; give each layer's table with its path.

    Errors: a BacklitError that says how many there are.
    """
    layers = network.get("layers") if isinstance(network, Mapping) else None
    found = list(_layers(layers, ("network", "layers")))
    _hold("layers", len(found), ("network", "layers"))
    return found


def refuse_too_many(epochs: int) -> None:
    """Refuse more epochs than `LIMITS`: at full speed a small network makes a million a second.

    >>> refuse_too_many(100_000_000)
    Traceback (most recent call last):
    ...
    backlit.examples.file_errors.MisfitError: 100,000,000 epochs are too many for the page; expected ...
    """
    _hold("epochs", epochs, ("training", "epochs"))


def _layers(tables: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    """Give every layer's table with its path, those in blocks too."""
    if isinstance(tables, Mapping):
        yield path, tables
        for key in ("layers", "shortcut", "branches", "layer"):
            yield from _layers(tables.get(key), (*path, key))
    elif isinstance(tables, (list, tuple)):
        for k, table in enumerate(tables):
            yield from _layers(table, (*path, k))


def _hold(what: str, number: int, path: tuple[str | int, ...]) -> None:
    most, why = LIMITS[what]
    if number > most:
        raise MisfitError(f"{number:,} {what} are too many for the page; expected at most {most:,}: {why}.", path)
