"""What diagnoses: Backlit's own diagnosis, and the rules of published tools on the same signals, as rivals.

A tool takes a training that has run and gives the codes that it names, the first cause first; none is no alarm.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from backlit.diagnose import diagnose
from backlit.engine import Training
from bench.diagnosis.tables import Array

Tool = Callable[[Training], list[str]]


def backlit(training: Training) -> list[str]:
    """Give the codes of Backlit's findings, in their order."""
    found = diagnose(training)
    return [finding.code for finding in found.findings] or (["BL000"] if found.harmed else [])


def autotrainer(training: Training) -> list[str]:
    """Apply the rules of AUTOTRAINER at every measured epoch.

    Vanishing: the first layer's gradient norm is below 1e-3 of the last one's and below 1e-4. Exploding: above 70
    times, or not finite. Dying ReLU: at least 70 % of a layer's gradients are 0. Oscillating and not converging: of the
    losses, at the end.

    Source: Zhang, Zhai, Xue, Ma, Shen, "AUTOTRAINER: An automatic DNN training problem detection and repair system",
    ICSE 2021.
    """
    norms, zeros = _signal(training, "gradient_norm"), _signal(training, "gradient_zeros")
    losses = _losses(training)
    found: list[str] = []
    if norms.shape[1] > 1:
        ratio = norms[:, 0] / np.maximum(norms[:, -1], 1e-300)
        if ((ratio < 1e-3) & (norms[:, 0] < 1e-4)).any():
            found.append("BL303")
        if (ratio > 70.0).any() or not np.isfinite(norms).all():
            found.append("BL304")
    if (zeros[:, :-1] >= 0.7).any():
        found.append("BL305")
    if _turns(losses) >= 0.3:
        found.append("BL404")
    if len(losses) > 1 and not losses.min() < 0.99 * losses[0]:
        found.append("BL401")
    return found


def deep_diagnosis(training: Training) -> list[str]:
    """Apply the rules of DeepDiagnosis and TheDeepChecker at every measured epoch.

    A loss that is not finite; a mean |g| of a layer below 1e-6 or above 1e6; at least half of a layer's units dead, or
    its outputs saturated; an update outside 1e-4 to 1e-1 of the weights in a layer, at half of the epochs.

    Source: Wardat, Cruz, Le, Rajan, "DeepDiagnosis: automatically diagnosing faults and recommending actionable fixes
    in deep learning programs", ICSE 2022; Ben Braiek, Khomh, "Testing feedforward neural networks training programs",
    TOSEM 2022.
    """
    mean, ratio = _signal(training, "gradient_mean"), _signal(training, "update_ratio")
    found: list[str] = []
    if _diverged(training):
        found.append("BL403")
    if (mean < 1e-6).any():
        found.append("BL303")
    if (mean > 1e6).any():
        found.append("BL304")
    if (_signal(training, "dead")[:, :-1] >= 0.5).any():
        found.append("BL305")
    if _bounded(training) and (_signal(training, "saturated")[:, :-1] >= 0.5).any():
        found.append("BL306")
    if np.nanmean(ratio > 0.1, axis=0).max(initial=0.0) >= 0.5:
        found.append("BL402")
    if np.nanmean(ratio < 1e-4, axis=0).max(initial=0.0) >= 0.5:
        found.append("BL401")
    return found


def umlaut(training: Training) -> list[str]:
    """Apply two rules of UMLAUT: a validation loss that rose in one epoch is overfitting, a rate above 0.01 is high.

    Source: Schoop, Huang, Hartmann, "UMLAUT: debugging deep learning programs using program structure and model
    behavior", CHI 2021.
    """
    losses = np.array([epoch.validation_loss for epoch in training.history], float)
    found: list[str] = []
    if _diverged(training):
        found.append("BL403")
    if getattr(training.optimizer, "rate", 0.0) > 0.01:
        found.append("BL402")
    if (np.diff(losses) > 0.0).any():
        found.append("BL502")
    return found


TOOLS: dict[str, Tool] = {
    "Backlit": backlit,
    "AUTOTRAINER's rules": autotrainer,
    "DeepDiagnosis's rules": deep_diagnosis,
    "UMLAUT's rules": umlaut,
}


def _signal(training: Training, name: str) -> Array:
    """Give a signal (points, layers); one row of 0 where nothing was measured."""
    signals = training.signals
    if not len(signals):
        return np.zeros((1, max(1, len(signals.layers))))
    return np.column_stack([signals.of(name, layer) for layer in signals.layers])


def _diverged(training: Training) -> bool:
    return (training.stopped or "").startswith("diverged") or not np.isfinite(_losses(training)).all()


def _bounded(training: Training) -> bool:
    """Tell whether hidden units are flat at both ends: of the others, zeros are not saturated."""
    return any(str(getattr(layer, "activation", "")) in {"tanh", "sigmoid"} for layer in training.network.layers[:-1])


def _losses(training: Training) -> Array:
    return np.array([epoch.loss for epoch in training.history], float)


def _turns(losses: Array) -> float:
    """Give the share of epochs at which the loss turned by more than a tenth of its range, as AUTOTRAINER counts."""
    steps = np.diff(losses)
    if len(steps) < 2 or not np.isfinite(losses).all():
        return 0.0
    large = np.abs(steps) > 0.1 * max(float(np.ptp(losses)), 1e-300)
    return float(((steps[:-1] * steps[1:] < 0) & large[:-1] & large[1:]).mean())
