"""BL303: the gradient shrinks from layer to layer on its way back, so that the first layers do not learn."""

from __future__ import annotations

from backlit.diagnose.case import Case
from backlit.diagnose.changes import add_batch_norm, set_activation, set_units
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Finding, Remedy
from backlit.ops.layers.normalization import BatchNorm

NAME = "vanishing gradient"

SMALLEST = 0.02
"""A first layer's gradient smaller than this part of the last one's vanishes on the way back."""

SHALLOW = 2
"""So many hidden layers are left by the remedy that takes layers out."""

SLOPES = {"sigmoid": 0.25, "hard_sigmoid": 1 / 6}
"""The steepest slopes of activations that pass on only a part of any gradient."""


@finding("BL303", NAME)
def vanishing_gradient(case: Case) -> Finding | None:
    """Find a first layer whose gradient is a tiny part of the last one's, at the first weights."""
    norms = case.start.gradient_norms
    hidden = case.hidden
    if len(hidden) < SHALLOW or len(norms) < 1 + SHALLOW:
        return None
    (first, smallest), (last, largest) = next(iter(norms.items())), [*norms.items()][-1]
    if not largest or not 0.0 < smallest < SMALLEST * largest:
        return None
    ratio, depth = smallest / largest, len(hidden)
    names = sorted({layer.activation.name for layer in hidden})
    name = ", ".join(names)
    activation = "relu" if name != "relu" else "tanh"
    units = [layer.units for layer in hidden]
    rectified = set_activation(activation, name)
    remedies = [Remedy(f"{activation} with its usual first weights", (rectified,))]
    if depth > SHALLOW:
        fewer = set_units(units[:SHALLOW], units)
        remedies.append(Remedy(f"{activation} and {SHALLOW} hidden layers instead of {depth}", (rectified, fewer)))
    if not any(isinstance(layer, BatchNorm) for layer in case.network.layers):
        remedies.append(Remedy(f"{activation} and batch normalization", (rectified, add_batch_norm())))
    return Finding(
        code="BL303", name=NAME, place=f"layer {first}, at the first weights",
        measure=f"gradient norm of layer {first} / that of layer {last}", measured=ratio, threshold=SMALLEST,
        healthy="between 0.1 and 10",
        why=_why(name, depth, ratio), remedies=tuple(remedies), signal="gradient_norm", layer=first, epoch=1,
        details=("gradient norms by layer: " + ", ".join(f"{label}: {norm:.2g}" for label, norm in norms.items()),),
    )  # fmt: skip


def _why(name: str, depth: int, ratio: float) -> str:
    """Say by the chain rule why the gradient shrinks."""
    each = ratio ** (1.0 / depth)
    told = f"each of the {depth} hidden layers passes on about {each:.2g} of the gradient"
    slope = SLOPES.get(name)
    if slope is not None:
        most = f"{slope:.3g}^{depth} = {slope**depth:.1g}"
        return (
            f"the slope of {name} is at most {slope:.3g}, so {depth} layers pass on at most about {most} where weights "
            f"do not make up for it; {told}"
        )
    return f"the chain rule multiplies a slope and a weight for each layer; {told}"
