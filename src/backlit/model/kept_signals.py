"""The signals of a training in short form, as a model file keeps them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from backlit.engine import SIGNALS, SignalHistory, TrainingSignals

MOST, FEWEST, NUMBERS = 40, 12, 720
"""At most so many epochs are kept, fewer of many layers, down to the second one, so that there are about so many
numbers in all."""

DIGITS = 4


def kept_signals(signals: SignalHistory) -> TrainingSignals | None:
    """Give the signals of some epochs with four digits; None where none were measured.

    >>> history = SignalHistory.from_columns({"number": [1], "step": [3], "gradient_noise": [0.123456],
    ...                                       **{f"1.{signal}": [2 / 3] for signal in SIGNALS}})
    >>> kept_signals(history).gradient_noise, kept_signals(history).layers["1"]["dead"], kept_signals(SignalHistory())
    ((0.1235,), (0.6667,), None)
    """
    if not len(signals):
        return None
    per_epoch = max(len(signals.layers), 1) * len(SIGNALS)
    record = signals.record(max(FEWEST, min(MOST, NUMBERS // per_epoch)))
    layers = {label: {name: _short(values) for name, values in own.items()} for label, own in record.layers.items()}
    return msgspec.structs.replace(record, gradient_noise=_short(record.gradient_noise), layers=layers)


def _short(values: Sequence[float | None]) -> tuple[float | None, ...]:
    return tuple(None if value is None else float(f"{value:.{DIGITS}g}") for value in values)
