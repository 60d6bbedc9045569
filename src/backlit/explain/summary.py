"""The head of a worked example: the network, its error, the optimizer, the penalties and the limits."""

from __future__ import annotations

from backlit.explain.algebra.numerals import DIGITS, short_text
from backlit.explain.record.recording import Recording
from backlit.explain.record.step_records import Summary
from backlit.ops.base import Optimizer


def summary_of(recording: Recording, digits: int) -> Summary:
    """Give the facts about a recorded step: its network, loss and optimizer; `occasion` says which step it is."""
    settings, network = recording.settings, recording.network
    loss, places = network.loss, max(digits, DIGITS)  # those of settings in the formulas
    facts = [
        ("network", repr(network).removeprefix("Network(").removesuffix(")").replace("->", "→")),
        ("error", f"{loss.name}, {_reduction_words(loss.reduction, recording.rows)}"),
        ("optimizer", _settings_words(recording.optimizer, places)),
    ]  # fmt: skip
    named = ((name, getattr(recording.given, name)) for name in ("l1", "l2", "clip_value", "clip_norm", "max_norm"))
    given = [f"{name} {short_text(value, places)}" for name, value in named if value]
    facts += [("penalties and limits", ", ".join(given))] if given else []
    measured = "E + penalty" if settings.l1 or settings.l2 else "error"
    return Summary("One training step, worked out", tuple(facts), tuple(recording.errors), digits, measured)


def _reduction_words(reduction: str, rows: int) -> str:
    if reduction == "sum":
        return "summed over the rows" if rows > 1 else "of the row"
    if reduction == "mean":
        return "mean over the rows" if rows > 1 else "of the row"
    return "mean over rows and outputs" if rows > 1 else "mean over the outputs"


def _settings_words(optimizer: Optimizer, digits: int) -> str:
    """Name the optimizer and its settings, without those that are off."""
    words = [optimizer.name]
    for name in optimizer.__struct_fields__:
        value = getattr(optimizer, name)
        if value is True:
            words.append(name)
        elif value is not False and (value or name != "weight_decay"):
            words.append(f"{name} {short_text(float(value), digits)}")
    return ", ".join(words)
