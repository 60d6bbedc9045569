"""What the charts and the table of a training's signals say: names, numbers, sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from backlit.show.charts.numbers import minus
from backlit.show.names import short

NOISE = "gradient_noise"
"""The signal of the run; all others are of a layer."""


class Words(NamedTuple):
    """A signal in words: at the head of the table, along an axis, and what the number is."""

    head: str
    label: str
    what: str


WORDS = {
    "gradient_norm": Words("|gradient|", "gradient norm", "The norm of a layer's gradient in the epoch's last batch"),
    "gradient_mean": Words("mean |g|", "mean |g|", "The mean of |g| over a layer's gradient in the epoch's last batch"),
    "gradient_zeros": Words("zeros", "zeros in the gradient",
                            "The share of a layer's gradient that is exactly 0 in the epoch's last batch"),
    "weight_norm": Words("|weights|", "norm of the weights", "The norm of a layer's weights and biases"),
    "update_ratio": Words("update/weights", "update / weights",
                          "The norm of an update of a layer's weights, divided by that of the weights"),
    "output_mean": Words("output mean", "mean output", "The mean of a layer's outputs over rows and units"),
    "output_spread": Words("spread", "spread of the outputs",
                           "The standard deviation of a layer's outputs over rows and units"),
    "saturated": Words("flat", "flat outputs",
                       "The share of a layer's outputs where its activation is flat: saturated, or off"),
    "dead": Words("dead", "dead units", "The share of a layer's units that are flat for every row of the batch"),
    NOISE: Words("noise", "gradient noise",
                 "How little the gradients of an epoch's last two batches agree: 0 where they are the same, about 1 "
                 "where they have nothing in common"),
}  # fmt: skip
"""The signals by name."""

SHARES = {"gradient_zeros", "saturated", "dead"}
"""Parts of a whole, from 0 to 1."""

SIGNED = {"output_mean"}
"""Signals that may be below 0."""

Values = Sequence[float | None]


def layer_words(labels: Sequence[str]) -> list[str]:
    """Give the names of layers: their numbers are of layers, other names stand alone.

    >>> layer_words(["1", "hidden"])
    ['layer 1', 'hidden']
    """
    return [f"layer {label}" if label.isdigit() else short(label) for label in labels]


def number(value: float | None) -> str:
    """Write a number with three digits; None is none.

    >>> number(1.23456e-9), number(-0.5), number(1234.5), number(0.0), number(None)
    ('1.23e−9', '−0.500', '1,230', '0', '-')
    """
    if not value:
        return "-" if value is None else "0"
    rounded = float(f"{value:.2e}")
    if not 1e-4 <= abs(rounded) < 1e6:
        mantissa, _, power = f"{value:.2e}".partition("e")
        return minus(f"{mantissa}e{int(power)}")
    return minus(f"{rounded:,.{max(0, 2 - math.floor(math.log10(abs(rounded)) + 1e-12))}f}")


def share(value: float | None) -> str:
    """Write a part of a whole in percent.

    >>> share(0.125), share(1.0), share(1e-5), share(None)
    ('12.5 %', '100 %', '<0.1 %', '-')
    """
    if value is None:
        return "-"
    return "<0.1 %" if 0.0 < value < 0.0005 else f"{100 * value:.1f}".removesuffix(".0") + " %"


def cell(signal: str, value: float | None) -> str:
    """Write a signal's number."""
    return share(value) if signal in SHARES else number(value)


def times(first: float, last: float) -> str:
    """Say how many times the first of two numbers the last one is, or the other way round, where that is much.

    >>> times(1e-9, 0.25), times(3.0, 1.0), times(2.0, 2.5), times(0.0, 1.0)
    ('the last is 2.50e8 times the first', 'the first is 3.00 times the last', '', '')
    """
    low, high = sorted((abs(first), abs(last)))
    ratio = high / low if low > 0.0 else math.inf
    if not 2.0 <= ratio < math.inf:
        return ""
    return f"the {'last' if high == abs(last) else 'first'} is {number(ratio)} times the " + (
        "first" if high == abs(last) else "last"
    )


def over_layers(signal: str, epoch: int, names: Sequence[str], values: Values) -> str:
    """Say what a signal is in an epoch: in the first layer and in the last, and where it is lowest and highest.

    >>> over_layers("gradient_norm", 30, ["layer 1", "layer 2"], [1e-9, 0.25])
    'in epoch 30, 1.00e−9 in layer 1 and 0.250 in layer 2: the last is 2.50e8 times the first'
    """
    known = [(name, value) for name, value in zip(names, values, strict=True) if value is not None]
    if not known:
        return f"in epoch {epoch:,}, a number in no layer"
    said = f"in epoch {epoch:,}, {cell(signal, known[0][1])} in {known[0][0]}"
    if len(known) == 1:
        return said
    (_, first), (name, last) = known[0], known[-1]
    said += f" and {cell(signal, last)} in {name}"
    if signal not in SHARES | SIGNED and (ratio := times(first, last)):
        said += f": {ratio}"
    ends = (known[0][1], known[-1][1])
    extremes = min(known, key=lambda at: at[1]), max(known, key=lambda at: at[1])
    for what, (name, value) in zip(("lowest", "highest"), extremes, strict=True):
        if value not in ends:
            said += f"; {what} in {name}, {cell(signal, value)}"
    return said


def sentences(
    signal: str, numbers: Sequence[int], names: Sequence[str], columns: Sequence[Values]
) -> Iterator[str]:  # fmt: skip
    """Say what the signal of layers is in the first measured epoch and in the last one."""
    yield WORDS[signal].what
    for place in dict.fromkeys((0, len(numbers) - 1)):
        said = over_layers(signal, numbers[place], names, [column[place] for column in columns])
        yield said[:1].upper() + said[1:]
