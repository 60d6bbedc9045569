"""Which epochs of a training are measured, what the machine is to measure of them, and the signals of what it found.

An epoch is measured by its number and the sizes alone, so neither threads nor chunks of epochs change the signals: the
first one, and every multiple of a spacing. The first spacing is so many epochs that UPDATES lie between two
measurements, which keeps the time they take small beside that of the updates. It lasts for DENSE measured epochs, and
doubles whenever the number of epochs has doubled since: of a million epochs 3,238 are measured at most.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Self

import numpy as np

from backlit.engine.executable import Executable
from backlit.engine.flatness import Flat, flat_parts
from backlit.engine.machine import signals as machine_signals
from backlit.engine.program import structs
from backlit.engine.program.graph import layer_ranges
from backlit.engine.program.structs import NEVER, OUTPUT, SPAN, Signals
from backlit.engine.signals import SIGNALS, SignalHistory
from backlit.kernels.types import Array
from backlit.ops.base import Activation

UPDATES = 16
"""Between two measurements are at least so many updates."""

LARGE, ROWS = 1000, 768
"""In a network of at least so many parameters they have at least so many rows: measuring takes as long as twenty."""

DENSE = 500
"""So many measured epochs lie at the first spacing."""


ONE = np.array([0, NEVER])
"""The points of a chunk of one epoch, which is measured."""


def spacing(number: int, every: int) -> int:
    """Give how far apart the measured epochs around an epoch are, where the first ones lie `every` apart.

    >>> spacing(500, every=1), spacing(501, every=1), spacing(10**6, every=1)
    (1, 2, 2048)
    """
    return every << ((number - 1) // (DENSE * every)).bit_length()


def measured_epochs(first: int, stop: int, every: int) -> Array:
    """Give the numbers of the measured epochs from number `first` up to `stop`.

    >>> measured_epochs(1, 20, every=8).tolist()
    [1, 8, 16]
    >>> len(measured_epochs(1, 10**6 + 1, every=1))
    3238
    """
    found, number = [np.arange(1, 2)] if first == 1 < min(every, stop) else [], first
    while number < stop:
        step = spacing(number, every)
        end = DENSE * step + 1  # behind the last number of this spacing, which is a multiple of it
        found.append(np.arange(-(-number // step) * step, min(stop, end), step))
        number = end
    return np.concatenate(found) if found else np.zeros(0, np.int64)


class Measuring(NamedTuple):
    """What is measured of a training's layers.

    Attributes:
        layers: their labels; none where nothing is measured. every: the first spacing. batches: those of an epoch.
        first_spans: for each layer its first range of parameters. sizes: of each range, the parameters that are
            trained, or 0.
        signals: what the machine measures, but for the epochs.
    """

    layers: tuple[str, ...]
    every: int
    batches: int
    first_spans: Array
    sizes: Array
    signals: Signals

    @classmethod
    def of(cls, executable: Executable, rows: int, wanted: bool) -> Self:
        """Make what measures a training on so many rows; where it is not wanted, or of L-BFGS, it measures nothing."""
        graph, optimizer = executable.graph, executable.optimizer
        full_batch = optimizer is not None and optimizer.full_batch
        layers = tuple(layer_ranges(graph.layout)) if wanted and not full_batch else ()
        batches, nothing = -(-rows // executable.batch_size), structs.no_signals(executable.dtype)
        size = executable.network.parameters.size
        every = max(-(-UPDATES // batches), -(-ROWS // rows) if size >= LARGE else 1)
        if not layers:
            return cls((), every, batches, np.zeros(0, np.int64), np.zeros(0), nothing)
        ranges = [(layers.index(name.rpartition(".")[0]), offset, offset + math.prod(shape), name in graph.frozen)
                  for name, (offset, shape) in graph.layout.items() if math.prod(shape)]  # fmt: skip
        spans = _joined(sorted(ranges))  # those of a layer side by side
        outputs = [_outputs(executable, layer) for layer in layers]
        limits = [(flat.low, flat.high) if flat else (np.nan, np.nan) for _, flat in outputs]
        signals = nothing._replace(
            spans=np.array([[start, stop] for _, start, stop, _ in spans], np.int64).reshape(-1),
            span_count=len(spans), outputs=np.array([places for places, _ in outputs], np.int64).reshape(-1),
            output_count=len(layers), limits=np.array(limits, np.float64).reshape(-1),
            kept=np.zeros(size, executable.dtype),
        )  # fmt: skip
        owners = [owner for owner, *_ in spans]
        first_spans = np.array([owners.index(k) for k in range(len(layers))])
        sizes = np.array([0.0 if frozen else stop - start for _, start, stop, frozen in spans])
        return cls(layers, every, batches, first_spans, sizes, signals)

    def chunk(self, before: int, count: int) -> Signals:
        """Give what the machine measures of `count` epochs after the first `before`."""
        if not self.layers:
            return self.signals
        points = ONE
        if count > 1:
            points = np.append(measured_epochs(before + 1, before + count + 1, self.every) - before - 1, NEVER)
        elif before and (before + 1) % spacing(before + 1, self.every):  # in a third of the time
            return self.signals
        width = SPAN * self.signals.span_count + OUTPUT * self.signals.output_count
        return self.signals._replace(points=points, found=np.full((len(points) - 1) * width, np.nan))

    def record(self, history: SignalHistory, chunk: Signals, before: int, ended: int, step: int) -> None:
        """Add what was found in a chunk to a history, of `ended` epochs after `before`, which began after `step`."""
        count = int(np.searchsorted(chunk.points, ended)) if chunk.found.size else 0
        history.grow(before + ended, count, Found(self, chunk.points[:count], chunk.found, before, step))


class Found(NamedTuple):
    """What the machine found in a chunk, to be made signals of when they are read.

    Attributes:
        measuring: what was measured. points: the places of the epochs among those of the chunk. found: the machine's
            numbers, of as many epochs or more. before, step: the epochs and the updates that were done before.
    """

    measuring: Measuring
    points: Array
    found: Array
    before: int
    step: int

    def rows(self) -> Array:
        """Give a row for each epoch: its number, its step, the noise, and the signals layer by layer."""
        numbers, steps = self.before + self.points + 1, self.step + (self.points + 1) * self.measuring.batches
        noise, signals = self._signals()
        return np.column_stack([numbers, steps, noise, signals.reshape(len(numbers), -1)])

    def dead(self) -> list[float]:
        """Give the share of dead units of each layer in the last of the epochs."""
        found: list[float] = self._parts()[1][-1, :, machine_signals.DEAD].tolist()
        return found

    def _parts(self) -> tuple[Array, Array]:
        """Give the sums (points, spans, SPAN) and the numbers of the outputs (points, layers, OUTPUT)."""
        count, measured = len(self.points), self.measuring.signals
        spans, layers = measured.span_count, measured.output_count
        found = self.found.reshape(-1, spans * SPAN + layers * OUTPUT)[:count]
        sums, outputs = found[:, : spans * SPAN], found[:, spans * SPAN :]
        return sums.reshape(count, spans, SPAN), outputs.reshape(count, layers, OUTPUT)

    def _signals(self) -> tuple[Array, Array]:
        """Give the noise (points,) and the signals (points, layers, SIGNALS)."""
        sums, outputs = self._parts()
        sums = sums.transpose(2, 0, 1)  # (SPAN, points, spans)
        trained = np.where(self.measuring.sizes > 0.0, sums, 0.0)
        # The spans of a layer lie side by side: its sums (SPAN, points, layers) are those from its first one on.
        first = self.measuring.first_spans
        sizes = np.add.reduceat(self.measuring.sizes, first)
        own = np.where(sizes > 0.0, np.add.reduceat(trained, first, axis=2), np.nan)
        made = np.empty((*outputs.shape[:2], len(SIGNALS)))
        with np.errstate(all="ignore"):
            made[:, :, 0] = np.sqrt(own[machine_signals.SQUARES])
            made[:, :, 1] = own[machine_signals.SIZES] / sizes
            made[:, :, 2] = own[machine_signals.ZEROS] / sizes
            made[:, :, 3] = np.sqrt(np.add.reduceat(sums[machine_signals.WEIGHTS], first, axis=1))
            made[:, :, 4] = np.sqrt(own[machine_signals.UPDATE]) / made[:, :, 3]
            made[:, :, 5:] = outputs
            of_all = trained.sum(axis=2)
            squares = (of_all[machine_signals.SQUARES] + of_all[machine_signals.BEFORE]) / 2.0
            noise = 1.0 - of_all[machine_signals.PRODUCTS] / squares
        return noise if self.measuring.batches > 1 else np.full(len(noise), np.nan), made


Span = tuple[int, int, int, bool]
"""A range of parameters: its layer's place, start, stop, whether it is frozen."""


def _joined(ranges: list[Span]) -> list[Span]:
    """Join neighbouring ranges of a layer that are all trained, or all frozen."""
    spans: list[Span] = []
    for owner, start, stop, frozen in ranges:
        if spans and (spans[-1][0], spans[-1][2], spans[-1][3]) == (owner, start, frozen):
            spans[-1] = owner, spans[-1][1], stop, frozen
        else:
            spans.append((owner, start, stop, frozen))
    return spans


def _outputs(executable: Executable, layer: str) -> tuple[tuple[int, int, int], Flat | None]:
    """Give where a layer's outputs lie, how many columns they have, where to look whether they are flat, and its tails.

    The outputs are those of the layer's last op, or of the activation that alone reads what it writes: a network may
    have it as a layer of its own. The activation that a loss contains is not run.
    """
    graph, trained = executable.graph, len(executable.trained_ops)
    nodes = [k for k, node in enumerate(graph.nodes[:trained]) if node.label == layer]
    last = graph.nodes[nodes[-1]]
    readers = graph.readers(last.writes)
    if not isinstance(last.op, Activation) and len(readers) == 1 and readers[0][0] < trained:
        reader = graph.nodes[readers[0][0]]
        last = reader if isinstance(reader.op, Activation) else last
    place = executable.places[last.writes]
    flat = flat_parts(last.op)
    tested = place if flat is None or flat.of_output else executable.places[last.reads[0]]
    return (place.offset, place.columns, tested.offset), flat
