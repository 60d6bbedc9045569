"""BL403: numbers that are not finite: where, when, and of which rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from backlit.diagnose.ahead import rounded, usual_rate
from backlit.diagnose.case import Case
from backlit.diagnose.changes import set_setting, standardize
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.findings.one_input_of_another_scale import LARGEST
from backlit.diagnose.records import Finding, Remedy
from backlit.diagnose.remedies import rate_of
from backlit.diagnose.samples import sizes
from backlit.diagnose.start import told
from backlit.engine import Repetition
from backlit.errors import BacklitError
from backlit.kernels.types import Array

NAME = "divergence"

SLOWER = 30.0
"""The rate is divided by this, or the usual one taken if that is smaller, where short trainings tell no better one."""

FEW = 5
"""So many rows are named."""


class Failure(NamedTuple):
    """A batch after which numbers are not finite: the update's number, the rows in X, and what was not finite."""

    step: int
    rows: Array
    what: str


@finding("BL403", NAME)
def divergence(case: Case) -> Finding | None:
    """Find a training that ended since a loss or weights were not finite, or whose predictions are not."""
    if not case.diverged:
        return None
    failure = _failure(case)
    stopped = case.training.stopped or ""
    place = stopped if stopped.startswith("diverged") else "after the last epoch"
    details: tuple[str, ...] = ()
    if failure is not None and stopped.startswith("diverged"):
        place, details = f"{stopped}, update {failure.step}", _details(case, failure)
    epochs = case.settings.epochs
    return Finding(
        code="BL403", name=NAME, place=place, measure=f"epochs that ended with finite numbers, of {epochs:,}",
        measured=float(len(case.training.history)), threshold=None, healthy="all of them, and finite predictions",
        why=_why(case, failure),
        remedies=_remedies(case), signal="weight_norm", layer=case.signals.layers[0] if len(case.signals) else None,
        epoch=len(case.training.history) + 1, details=details,
    )  # fmt: skip


def _why(case: Case, failure: Failure | None) -> str:
    """Say how numbers get so large: at once, or by steps that overshoot."""
    if failure is not None and failure.step == 1:
        return (
            "the first batch already leads to numbers beyond the largest of "
            f"{case.network.dtype}: its inputs, its targets or the first weights are too large for these layers"
        )
    return (
        "each step that overshoots makes the next slope larger, so weights and outputs grow from update to update "
        f"until one passes the largest number of {case.network.dtype}"
    )


def _details(case: Case, failure: Failure) -> tuple[str, ...]:
    """Say what was not finite, which rows the batch had, and which of them have the largest inputs."""
    sizes = np.abs(case.X).max(axis=1)
    largest = failure.rows[np.argsort(-sizes[failure.rows], kind="stable")[:FEW]]
    named = ", ".join(f"{sizes[row]:.3g} ({case.rows_named([row])})" for row in largest.tolist())
    most = int(sizes.argmax())
    return (
        failure.what,
        f"the batch had {case.rows_named(sorted(failure.rows.tolist()))}",
        f"its largest inputs: {named}; of all rows the middle one has {np.median(sizes):.3g}, and "
        f"{case.rows_named([most])} the most, {sizes[most]:.3g}",
    )


def _failure(case: Case) -> Failure | None:
    """Make the updates again up to the batch that failed, and look at it; None where that cannot be repeated."""
    try:
        again = Repetition.of(case.training)
        rows = again.until_it_failed(case.training)
    except BacklitError:
        return None
    return Failure(again.step + 1, rows, _not_finite(again.network, case, rows))


def _not_finite(network: Any, case: Case, rows: Array) -> str:
    """Say what is not finite in a batch: the output of a layer, with unit and rows, the loss, or the gradient."""
    parameters = network.parameters
    largest = float(np.abs(parameters).max()) if parameters.size else 0.0
    before = f"the largest weight before the update is {told(largest)}"
    X, Y = case.X[rows], case.Y[rows]
    for hidden in [*[layer.active for layer in case.hidden], None]:
        with np.errstate(all="ignore"):
            outputs = network.predict(X) if hidden is None else network.outputs(X, hidden)
        broken = ~np.isfinite(outputs)
        if broken.any():
            unit = int(broken.any(axis=0).argmax())
            failing = rows[broken.any(axis=1)]
            what = "the network's output" if hidden is None else f"the output of layer {hidden}"
            where = f"first in unit {unit + 1}, for {case.rows_named(sorted(failing.tolist()))}"
            return f"{what} is not finite, {where}; {before}"
    try:
        with np.errstate(all="ignore"):
            gradient = network.gradient(X, Y)
    except BacklitError:
        return f"the loss of the batch is not finite; {before}"
    names = [name for name, values in gradient.items() if not np.isfinite(values).all()]
    if names:
        return f"the gradient of {', '.join(names[:3])} is not finite; {before}"
    return f"the update, or the loss after it, is not finite; {before}"


def _remedies(case: Case) -> tuple[Remedy, ...]:
    """Give a smaller rate, by short trainings if they tell one, then clipping, then inputs standardized."""
    rate = getattr(case.settings.optimizer, "rate", None)
    inputs = Remedy("standardized inputs", (standardize(),))
    if not rate:
        return (inputs,)
    rates = case.rates
    better = min(usual_rate(case.settings.optimizer), rounded(rate / SLOWER))
    if rates is not None and rates.learns and rates.advised < rates.rate:
        better = rates.advised
    found = [rate_of(case, better)]
    if not case.settings.optimizer.full_batch and (case.settings.clip_norm or 2.0) > 1.0:
        found.append(Remedy("clipping the gradient's norm at 1",
                            (set_setting("clip_norm", 1.0, "clip_norm=1"),)))  # fmt: skip
    return tuple(found) if _are_scaled(case) else (*found, inputs)


def _are_scaled(case: Case) -> bool:
    """Whether no input is too large, so that other ones would change little: standardized numbers, yes and no."""
    each = sizes(case.X[case.rows_sampled.numbers].astype(np.float64))
    return not (each > LARGEST).any()
