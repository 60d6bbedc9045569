"""BL406: the gradient is clipped in every update, far below its size."""

from __future__ import annotations

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.changes import set_setting
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Change, Finding, Remedy
from backlit.diagnose.start import gradients_of, norms_of
from backlit.kernels.types import Array

NAME = "clipping that always clips"

OFTEN, FAR = 0.9, 2.0
"""Clipping always clips where at least this share of the measured gradients is more than FAR times the limit."""

PLAIN = {"sgd", "momentum", "nesterov"}
"""Optimizers whose steps are in proportion to the gradient."""


@finding("BL406", NAME)
def clipping(case: Case) -> Finding | None:
    """Find a limit of the gradient that nearly every measured gradient is far above."""
    found = [_found(case, name, float(limit), sizes) for name, limit, sizes in _limits(case) if limit]
    return next((one for one in found if one is not None), None)


def _limits(case: Case) -> list[tuple[str, float | None, Array]]:
    """Give each limit with the sizes of the gradients that it cuts."""
    if not (case.settings.clip_norm or case.settings.clip_value):
        return []
    signals = case.signals
    if len(signals):
        norms = np.sqrt(np.square([signals.of("gradient_norm", layer) for layer in signals.layers]).sum(axis=0))
        means = np.max([signals.of("gradient_mean", layer) for layer in signals.layers], axis=0)
    else:
        X, Y = case.sample, case.Y[case.sampled]
        each = [norms_of(gradients_of(network, X, Y)) for network in (case.first_network, case.network)]
        norms = np.array([np.sqrt(np.square([*layers.values()]).sum()) for layers in each])
        means = norms / max(1.0, float(case.network.parameters.size)) ** 0.5
    return [("clip_norm", case.settings.clip_norm, norms), ("clip_value", case.settings.clip_value, means)]


def _why(case: Case, times: float) -> str:
    """Say what clipping does, by what the optimizer makes of a gradient's length."""
    told = f"the gradient is {times:,.0f} times the limit in the median"
    if case.settings.optimizer.name in PLAIN:
        return (
            f"{told}, so every step is as long as the limit says, however steep the loss: a rate divided by that number"
        )
    return (
        f"{told}, so every batch counts alike, however large its error; {case.settings.optimizer.name} divides by the "
        "gradient's own size, so the steps are about as long as before, but for gradients so small that its epsilon "
        "counts"
    )


def _found(case: Case, name: str, limit: float, sizes: Array) -> Finding | None:
    sizes = sizes[np.isfinite(sizes)]
    if not sizes.size:
        return None
    share, median = float((sizes > FAR * limit).mean()), float(np.median(sizes))
    if share < OFTEN:
        return None
    usual = float(f"{4.0 * float(sizes.max()):.1g}")
    without = Change("setting", {name: None}, f"no {name} (now {limit:g})", "", f"bl.Training(..., without {name})")
    return Finding(
        code="BL406", name=NAME, place=f"{name}={limit:g}",
        measure="share of the measured gradients that are more than twice the limit", measured=share, threshold=OFTEN,
        healthy="below 0.1: only outliers are clipped",
        why=_why(case, median / limit),
        remedies=(Remedy(f"no {name}", (without,)),
                  Remedy(f"{name} above the usual gradient", (set_setting(name, usual, f"{name}={usual:g}"),))),
        signal="gradient_norm", layer=case.signals.layers[0] if len(case.signals) else None,
    )  # fmt: skip
