"""BL304: the gradient grows from layer to layer on its way back, or from epoch to epoch."""

from __future__ import annotations

import numpy as np

from backlit.diagnose.ahead import rounded
from backlit.diagnose.case import Case
from backlit.diagnose.changes import set_setting, usual_weights
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.harm import finite
from backlit.diagnose.records import Finding, Remedy

NAME = "exploding gradient"

LARGEST = 70.0
"""A first layer's gradient of more than so many times the last one's explodes on the way back."""

GROWN = 1000.0
"""A gradient that has grown to so many times that of the first weights explodes on the way."""


@finding("BL304", NAME)
def exploding_gradient(case: Case) -> Finding | None:
    """Find a gradient far larger in the first layer than in the last, or far larger later than at the start."""
    norms = case.start.gradient_norms
    if not norms:
        return None
    sizes = [*norms.values()]
    whole = float(np.sqrt(np.square(sizes).sum()))
    first, last = next(iter(norms)), [*norms][-1]
    ratio = sizes[0] / sizes[-1] if sizes[-1] > 0.0 else 0.0
    grown, epoch = _growth(case, whole)
    by_layer = len(norms) > 1 and ratio > LARGEST
    if not by_layer and not grown > GROWN:
        return None
    limit = rounded(min(1.0, whole, case.settings.clip_norm or 1.0)) or 1.0
    clipped = set_setting("clip_norm", limit, f"clip_norm={limit:g}")
    remedies = [Remedy(f"clipping the gradient's norm at {limit:g}", (clipped,))]
    if by_layer:
        remedies.insert(0, Remedy("the usual first weights", (usual_weights(),)))
    return Finding(
        code="BL304", name=NAME, place=f"layer {first}, at the first weights" if by_layer else f"epoch {epoch}",
        measure=f"gradient norm of layer {first} / that of layer {last}" if by_layer
        else "gradient norm / that at the first weights",
        measured=finite(ratio if by_layer else grown), threshold=LARGEST if by_layer else GROWN,
        healthy="between 0.1 and 10" if by_layer else "falls while the loss falls",
        why="the chain rule multiplies a slope and a weight for each layer: where they are larger than 1 in the mean, "
        "the gradient grows by a factor for each layer" if by_layer else "a step is the rate times the gradient: one "
        "that is too long ends where the error is steeper still, so the next gradient, and step, is longer",
        remedies=tuple(remedies), signal="gradient_norm", layer=first, epoch=1 if by_layer else epoch,
        details=("gradient norms by layer, at the first weights: "
                 + ", ".join(f"{label}: {norm:.2g}" for label, norm in norms.items()),),
    )  # fmt: skip


def _growth(case: Case, first: float) -> tuple[float, int]:
    """Give how many times its first size the gradient has, at most, and in which epoch."""
    signals = case.signals
    if not len(signals) or not first:
        return 0.0, 1
    norms = np.sqrt(np.square([signals.of("gradient_norm", layer) for layer in signals.layers]).sum(axis=0))
    norms = np.where(np.isnan(norms), 0.0, norms)
    place = int(norms.argmax())
    return float(norms[place] / first), int(signals.numbers[place])
