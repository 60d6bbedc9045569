"""The signals of a training as figures: over the epochs, a line for each layer; and over the layers.

The layers stand in an order, so their colours are a ramp, from the first layer to the last.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np

from backlit.engine import SIGNALS, TrainingSignals
from backlit.errors import BacklitError, counted
from backlit.show.charts.figure import Axis, DataTable, Figure, Layer, Line, Note, Points
from backlit.show.charts.palette import ramp
from backlit.show.curves.figures import DECADES, FEW
from backlit.show.picture import Picture
from backlit.show.signals.words import NOISE, SHARES, WORDS, Values, cell, layer_words, over_layers, sentences

ALL = "all"
"""Stands for all signals."""

ROWS = 14
"""About so many epochs stand in a chart's table."""

MOST_ENDS = 16
"""Of more layers than so many, not every one is named at the end of its line."""

GLYPHS = "123456789abcdefghijklmnopqrstuvwxyz"
"""What marks the layers in block characters."""

HALF = 0.5
"""The axis of a share ends at 1 where one is higher than this."""

WIDTH, HEIGHT = 440, 320


def signal_picture(
    signals: TrainingSignals, names: str | Sequence[str] = ("gradient_norm",),
    layers: Sequence[str | int] | None = None, *, by_layer: bool = False,
) -> Picture:  # fmt: skip
    """Give the picture of signals: a chart for each, over the epochs or `by_layer`."""
    if by_layer:
        kept = {label: signals.layers[label] for label in _chosen_layers(signals, layers)}
        chosen = msgspec.structs.replace(signals, layers=kept)
        figures = [layer_figure(chosen, name) for name in _chosen_signals(names) if names != ALL or name != NOISE]
    else:
        figures = signal_figures(signals, names, layers)
    return Picture(figures, signals, title="Signals of the training" if len(figures) > 1 else "")


def signal_figures(
    signals: TrainingSignals, names: str | Sequence[str] = ("gradient_norm",), layers: Sequence[str | int] | None = None
) -> list[Figure]:
    """Give a chart for each signal: a line for each layer, over the measured epochs.

    Args:
        signals: what was measured.
        names: the signals; "all" for all of them.
        layers: the labels of the layers; by default all of them.

    Errors: a BacklitError for a signal or a layer that there is not.
    """
    chosen = _chosen_layers(signals, layers)
    return [_chart(signals, name, chosen) for name in _chosen_signals(names)]


def _chosen_signals(names: str | Sequence[str]) -> list[str]:
    if names == ALL:
        return [*SIGNALS, NOISE]
    given = [names] if isinstance(names, str) else list(names)
    for name in given:
        if name not in WORDS:
            raise BacklitError(f"signals has {name!r}; expected {', '.join(map(repr, WORDS))}, or 'all'.")
    if not given:
        raise BacklitError("signals names none; expected at least one, such as 'gradient_norm', or 'all'.")
    return given


def _chosen_layers(signals: TrainingSignals, layers: Sequence[str | int] | None) -> list[str]:
    if layers is None:
        return list(signals.layers)
    given = [layers] if isinstance(layers, (str, int)) else layers
    chosen = [str(layer) for layer in given]
    for layer in chosen:
        if layer not in signals.layers:
            known = ", ".join(map(repr, signals.layers)) or "none"
            raise BacklitError(f"layers has {layer!r}; the layers with weights are {known}.")
    if not chosen:
        raise BacklitError("layers names none; expected at least one, or None for all.")
    return [label for label in signals.layers if label in chosen]


# ------------------------------------------------------------------------------------------------------ over the epochs


def _chart(signals: TrainingSignals, name: str, layers: Sequence[str]) -> Figure:
    """Give the chart of one signal over the measured epochs."""
    words, numbers = WORDS[name], signals.numbers
    every = [""] if name == NOISE else layer_words(layers)
    columns = [signals.gradient_noise] if name == NOISE else [signals.layers[label][name] for label in layers]
    found = [value for column in columns for value in column if value is not None]
    log = spans(name, found)
    title = f"{words.label[:1].upper()}{words.label[1:]} over the epochs"
    if not found:
        return _empty(title, words.label, name, numbers)
    order = {label: k for k, label in enumerate(signals.layers)}
    lines: list[Layer] = [
        _line(numbers, column, title, ramp(order[label], len(order)), GLYPHS[k % len(GLYPHS)])
        for k, (label, title, column) in enumerate(zip(layers, every, columns, strict=True))
    ] if name != NOISE else [_line(numbers, columns[0], "", 0, "")]  # fmt: skip
    lines = list(_with_ends(lines))
    said = [*sentences(name, numbers, every, columns)] if name != NOISE else [words.what, *_noise(signals)]
    said += [*_not_drawn(every, columns, log=log), *_drawn(signals)]
    return Figure(
        title=title, summary=" ".join(f"{sentence}." for sentence in said), x=_epochs(numbers),
        y=Axis(f"{words.label}, on a logarithmic scale" if log else words.label, log=log,
               low=0.0 if name in {*SHARES, NOISE} else None, high=_end(name, found)),
        layers=(*lines, *_breaks(lines, max(found))), table=_table(name, numbers, every, columns),
        width=WIDTH, height=HEIGHT if len(lines) > 1 else HEIGHT - 60,
    )  # fmt: skip


def spans(name: str, found: Sequence[float]) -> bool:
    """Whether a signal's numbers are for a logarithmic scale: far apart, whatever of them is 0.

    >>> spans("gradient_norm", [0.0, 1e-9, 1.0]), spans("dead", [0.001, 1.0]), spans("output_mean", [-1e-9, 1.0])
    (True, False, False)
    """
    positive = [value for value in found if value > 0.0]
    if name in {*SHARES, NOISE} or not positive or min(found) < 0.0:
        return False
    return math.log10(max(positive)) - math.log10(min(positive)) >= DECADES


def _end(name: str, found: Sequence[float]) -> float | None:
    """Give the upper end of a signal's axis: of a share it is 1, unless all are small."""
    return 1.0 if name in SHARES and not 0.0 < max(found) <= HALF else None


def _line(numbers: Sequence[int], values: Values, name: str, series: int, glyph: str) -> Line:
    known = np.array([False, *(value is not None for value in values), False])
    alone = bool((known[1:-1] & ~known[:-2] & ~known[2:]).any())  # a line is not seen where it is one point
    return Line(x=numbers, y=[math.nan if value is None else value for value in values], name=name, series=series,
                dots=alone or len(values) <= FEW, glyph=glyph)  # fmt: skip


def _with_ends(lines: Sequence[Layer]) -> Iterator[Layer]:
    """Name lines at their end: the first, the last, and as many in between as there is room for."""
    step = -(-len(lines) // MOST_ENDS)
    for k, line in enumerate(lines):
        assert isinstance(line, Line)
        named = k in {0, len(lines) - 1} or (k % step == 0 and k + step <= len(lines))
        yield Line(x=line.x, y=line.y, name=line.name, series=line.series, dots=line.dots, glyph=line.glyph,
                   end=line.name if named else "")  # fmt: skip


def _breaks(lines: Sequence[Layer], top: float) -> Iterator[Points]:
    """Mark at the top the epochs whose number is not finite, where the line has others."""
    named = False
    for line in lines:
        assert isinstance(line, Line)
        values = np.asarray(line.y, np.float64)
        broken = [number for number, value in zip(line.x, values, strict=True) if math.isnan(value)]
        if broken and len(broken) < len(values):
            yield Points(x=broken, y=[top] * len(broken), name="" if named else "not finite", series=line.series,
                         symbol="cross", size=4.0)  # fmt: skip
            named = True


def _epochs(numbers: Sequence[int]) -> Axis:
    """Give the axis of the epochs; of a few of them the marks are whole numbers."""
    first, last = numbers[0], numbers[-1]
    if last - first >= 6:
        return Axis("epoch")
    edge = 1.0 if last == first else 0.15
    places = range(first, last + 1)
    return Axis("epoch", low=first - edge, high=last + edge, marks=tuple((place, str(place)) for place in places))


def _noise(signals: TrainingSignals) -> Iterator[str]:
    known = [(number, value) for number, value in zip(signals.numbers, signals.gradient_noise, strict=True)
             if value is not None]  # fmt: skip
    for number, value in dict.fromkeys((known[0], known[-1])):
        yield f"In epoch {number:,}: {cell(NOISE, value)}"


def _not_drawn(names: Sequence[str], columns: Sequence[Values], *, log: bool) -> Iterator[str]:
    """Say of which layers the logarithmic scale lacks a 0, and where a signal is no number."""
    for name, column in zip(names, columns, strict=True):
        zeros = sum(value == 0.0 for value in column) if log else 0
        if zeros:
            yield f"Of {name} {counted(zeros, 'number')} of 0 {'is' if zeros == 1 else 'are'} not drawn"
    without = [name for name, column in zip(names, columns, strict=True) if all(value is None for value in column)]
    if without and len(without) < len(names):
        yield f"It is not defined in {', '.join(without)}"


def _drawn(signals: TrainingSignals) -> Iterator[str]:
    if len(signals.numbers) < signals.epochs:
        yield f"{len(signals.numbers):,} of {counted(signals.epochs, 'epoch')} are drawn"


def _empty(title: str, label: str, name: str, numbers: Sequence[int]) -> Figure:
    """Give a chart without numbers that says why there are none."""
    if not numbers:
        why = "no epoch was measured"
    elif name == NOISE:
        why = "an epoch of one batch has none"
    else:
        why = "it is not defined for these layers" if name in SHARES else "no number is finite"
    return Figure(
        title=title, summary=f"{WORDS[name].what}. {why[:1].upper()}{why[1:]}.",
        x=Axis("epoch", low=0.0, high=1.0, shown=False), y=Axis(label, low=0.0, high=1.0, shown=False),
        layers=(Note(x=0.5, y=0.5, text=why, side="above"),), table=DataTable(("epoch",), ()), height=160,
    )  # fmt: skip


def _table(name: str, numbers: Sequence[int], names: Sequence[str], columns: Sequence[Values]) -> DataTable:
    """Give the numbers of some epochs: the first, the last, and others at even distances."""
    places = np.unique(np.linspace(0, len(numbers) - 1, min(ROWS, len(numbers))).round().astype(int)).tolist()
    rows = tuple((f"{numbers[place]:,}", *(cell(name, column[place]) for column in columns)) for place in places)
    return DataTable(("epoch", *(title or WORDS[name].label for title in names)), rows, numbers=0)


# ------------------------------------------------------------------------------------------------------ over the layers


def layer_figure(
    signals: TrainingSignals, signal: str = "gradient_norm", names: Mapping[str, str] | Sequence[str] | None = None
) -> Figure:
    """Give the chart of a signal over the layers, in the first measured epoch and in the last one.

    Gradients that vanish fall from the right to the left.

    Args:
        signals: what was measured.
        signal: which signal of the layers.
        names: of the layers, by label or in order; by default their numbers.

    Errors: a BacklitError for a signal of no layer, or names that are not as many as the layers.
    """
    if signal not in SIGNALS:
        raise BacklitError(f"signal is {signal!r}; expected {', '.join(map(repr, SIGNALS))}.")
    labels, words = list(signals.layers), WORDS[signal]
    shown = _names_of(labels, names)
    title = f"{words.label[:1].upper()}{words.label[1:]} of each layer"
    places = list(dict.fromkeys((0, len(signals.numbers) - 1))) if signals.numbers else []
    columns = {signals.numbers[place]: [signals.layers[label][signal][place] for label in labels] for place in places}
    found = [value for column in columns.values() for value in column if value is not None]
    if not found:
        return _empty(title, words.label, signal, signals.numbers)
    log = spans(signal, found)
    lines = [
        Line(x=list(range(1, len(labels) + 1)), y=[math.nan if value is None else value for value in column],
             name=f"epoch {number:,}", series=k, dash="dashed" if k == 0 and len(columns) > 1 else "solid", dots=True)
        for k, (number, column) in enumerate(columns.items())
    ]  # fmt: skip
    spoken = layer_words(shown)
    said = [words.what, *(over_layers(signal, number, spoken, column) for number, column in columns.items())]
    said += _zeros(columns, spoken) if log else ()
    return Figure(
        title=title, summary=" ".join(f"{sentence[:1].upper()}{sentence[1:]}." for sentence in said),
        x=Axis("layer", low=0.6, high=len(labels) + 0.4, marks=tuple(enumerate(shown, 1))),
        y=Axis(f"{words.label}, on a logarithmic scale" if log else words.label, log=log,
               low=0.0 if signal in SHARES else None, high=_end(signal, found)),
        layers=tuple(lines), width=WIDTH, height=HEIGHT - 30,
        table=DataTable(("layer", *(f"epoch {number:,}" for number in columns)), tuple(
            (name, *(cell(signal, column[k]) for column in columns.values())) for k, name in enumerate(shown)
        ), numbers=1),
    )  # fmt: skip


def _names_of(labels: Sequence[str], names: Mapping[str, str] | Sequence[str] | None) -> list[str]:
    if names is None:
        return list(labels)
    if isinstance(names, Mapping):
        return [names.get(label, label) for label in labels]
    if len(names) != len(labels):
        raise BacklitError(f"{counted(len(names), 'name')} of layers were given; there are {len(labels)} layers.")
    return list(names)


def _zeros(columns: Mapping[int, Values], names: Sequence[str]) -> Iterator[str]:
    for number, column in columns.items():
        without = [name for name, value in zip(names, column, strict=True) if value == 0.0]
        if without:
            yield f"In epoch {number:,} it is 0, which is not drawn, in {', '.join(without)}"
