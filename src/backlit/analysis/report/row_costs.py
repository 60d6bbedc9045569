"""What each row's answer costs, of the network and of the models beside it, and whether the rows tell two apart."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from backlit.analysis.report.class_scores import normalized
from backlit.analysis.report.intervals import Resamples, told_apart
from backlit.analysis.report.measured_rows import Compared, Measured
from backlit.kernels.types import Array

Than = Literal["better", "worse", "apart"]
"""Whether the network is better or worse than another model; "apart" where these rows do not tell the two apart."""


class RowCosts(NamedTuple):
    """What each row's answer costs (n,): of the network and beside it. None where there is no such model."""

    network: Array
    baseline: Array | None
    linear: Array | None

    def than(self, other: Array | None, resamples: Resamples) -> Than | None:
        """How the network compares with another model, by the middle 95 % of the bootstrapped mean difference."""
        if other is None:
            return None
        differences = other - self.network
        if not told_apart(differences, resamples):
            return "apart"
        return "better" if differences.mean() > 0 else "worse"

    @property
    def useful(self) -> bool:
        """Whether the network's costs are smaller than the baseline's, told apart or not."""
        return self.baseline is None or bool(self.network.mean() < self.baseline.mean())


def judging_costs(measured: Measured, beside: Compared) -> RowCosts:
    """What accuracy and R² are made of: 1 where a class is wrong, or the squared residual."""
    targets, baseline, linear = measured.targets, beside.baseline, beside.linear
    if measured.labels:
        always = baseline if baseline is None or isinstance(baseline, int) else int(np.argmax(baseline))
        return RowCosts(
            (measured.answers != targets).astype(np.float64),
            None if always is None else (targets != always).astype(np.float64),
            None if linear is None else (targets != linear.argmax(axis=1)).astype(np.float64),
        )
    network, *others = _errors(measured, beside)
    assert network is not None
    return RowCosts(network**2, *(None if errors is None else errors**2 for errors in others))


def milder_costs(measured: Measured, beside: Compared) -> RowCosts:
    """What log-loss and the mean |error| are made of; a row of a class that training did not have costs nothing.

    The baseline has none where it only answers a class; the linear model is not asked for.
    """
    if not measured.labels:
        network, always, _ = _errors(measured, beside)
        assert network is not None
        return RowCosts(np.abs(network), None if always is None else np.abs(always), None)
    P, targets = normalized(measured.outputs), measured.targets
    known = targets < P.shape[1]
    at, eps = np.where(known, targets, 0), np.finfo(np.float64).eps

    def losses(p: Array) -> Array:
        return np.where(known, -np.log(np.clip(p, eps, 1.0)), 0.0)

    shares = beside.baseline
    return RowCosts(
        losses(P[np.arange(len(P)), at]), losses(shares[at]) if isinstance(shares, np.ndarray) else None, None
    )


def _errors(measured: Measured, beside: Compared) -> list[Array | None]:
    """The residuals of the network, the baseline and the linear model, near 1: squares of 1e200 would overflow."""
    unit = float(np.abs(measured.targets).max()) or 1.0
    answers = (measured.answers, beside.baseline, beside.linear)
    return [None if answer is None else (measured.targets - answer) / unit for answer in answers]
