"""The head of a worked example: the network, its error, the optimizer, the penalties and the limits."""

from __future__ import annotations

from backlit.explain.algebra.numerals import short_text
from backlit.explain.record.recording import Recording
from backlit.explain.record.step_records import Summary
from backlit.ops.base import Optimizer


def summary_of(recording: Recording, digits: int) -> Summary:
    """Give the facts about a recorded step: its network, loss and optimizer; `occasion` says which step it is."""
    settings, network = recording.settings, recording.network
    loss = network.loss
    facts = [
        ("network", repr(network).removeprefix("Network(").removesuffix(")").replace("->", "→")),
        ("error", f"{loss.name}, {_reduction_words(loss.reduction, recording.rows)}"),
        ("optimizer", _settings_words(recording.optimizer)),
    ]  # fmt: skip
    given = [f"{name} {getattr(settings, name):g}" for name in ("l1", "l2", "clip_value", "clip_norm", "max_norm")
             if getattr(settings, name)]  # fmt: skip
    facts += [("penalties and limits", ", ".join(given))] if given else []
    return Summary("One training step, worked out", tuple(facts), tuple(recording.errors), digits)


def _reduction_words(reduction: str, rows: int) -> str:
    if reduction == "sum":
        return "summed over the rows" if rows > 1 else "of the row"
    if reduction == "mean":
        return "mean over the rows" if rows > 1 else "of the row"
    return "mean over rows and outputs" if rows > 1 else "mean over the outputs"


def _settings_words(optimizer: Optimizer) -> str:
    settings = {name: getattr(optimizer, name) for name in optimizer.__struct_fields__}
    if not optimizer.weight_decay:
        settings.pop("weight_decay", None)
    words = [
        f"{name} {value if isinstance(value, bool) else short_text(float(value))}" for name, value in settings.items()
    ]
    return ", ".join([optimizer.name, *words])
