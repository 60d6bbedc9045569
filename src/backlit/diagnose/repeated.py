"""The comparison with the reference on other splits of the same rows, for where one split leaves it open."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.plan import Plan, Rows, run
from backlit.diagnose.reference import references
from backlit.diagnose.score import baseline_score, predicted, row_scores, wanted
from backlit.kernels.types import Array

SPLITS = 5
"""On so many other splits the training is made again, and a reference beside it."""


class Repeated(NamedTuple):
    """What other splits say: the mean gap, and the mean difference of the rows' scores in standard errors."""

    gap: float
    errors: float


def repeated(case: Case) -> Repeated | None:
    """Train again on other splits of training and validation rows, with a reference beside it on each.

    A split has as many validation rows as there were. The first weights are the same numbers in another order in each
    array, the shuffles begin with other seeds; so neither the choice of rows nor that of weights decides. The variance
    of the mean is the larger one of two estimates: that between the splits, and that of the rows.

    It is None where there are no validation rows.
    """
    if case.validation is None:
        return None
    plan = case.plan
    X, Y, weights = (_joined(one, other) for one, other in zip(plan.rows, case.validation, strict=True))
    weights = weights if len(weights) == len(X) else np.zeros(0)
    differences, ways = [], []
    for k in range(SPLITS):
        split = _split(plan, (X, Y, weights), len(plan.rows[0]), k)
        mine, theirs = _scores(case, split, k)
        differences.append(mine - theirs)
        ways.append((float(mine.mean()), float(theirs.mean())))
    return _judged(differences, ways)


def _joined(one: Array, other: Array) -> Array:
    return np.concatenate([one, other]) if one.size and other.size else np.zeros(0)


def _split(plan: Plan, rows: Rows, count: int, k: int) -> Plan:
    """Give the plan on another split of the rows, each target's share in both parts as it was in all."""
    rng = np.random.default_rng([k, len(rows[0])])
    order = rng.permutation(len(rows[0]))
    order = order[np.argsort(rows[1][order, 0], kind="stable")]  # neighbours have alike targets
    places = np.floor(np.arange(len(order)) * (count / len(order))) != np.floor(
        (np.arange(len(order)) + 1.0) * (count / len(order))
    )
    taken = [np.sort(rng.permutation(order[places])), np.sort(rng.permutation(order[~places]))]
    X, Y, weights = rows
    first, second = ((X[part], Y[part], weights[part] if weights.size else weights) for part in taken)
    network = plan.network.copy()
    for name in network.layout:
        values = network[name]
        values[...] = rng.permutation(values.ravel()).reshape(values.shape)
    settings = {"seed": plan.settings.seed + 1 + k, "time_limit": None, "divergence": "warn"}
    return plan.replaced(rows=first, validation=second, network=network).with_settings(**settings)


def _scores(case: Case, plan: Plan, k: int) -> tuple[Array, Array]:
    """Give the scores of a split's held-out rows (n,) by the training, and by a reference."""
    assert plan.validation is not None
    T_train, T = wanted(plan.network, plan.rows[1]), wanted(plan.network, plan.validation[1])
    baseline = baseline_score(T_train, T)
    training = run(plan.training())
    with np.errstate(all="ignore"):
        outputs = predicted(plan.network.loss, training.network.predict(plan.validation[0]), case.of_classes)
    mine = row_scores(T, outputs) / baseline
    mine = np.where(np.isfinite(mine), mine, 1.0)  # of what diverges: no better than the baseline
    return mine, references(plan, T_train, T, case.of_classes, baseline, seeds=[10 + k])[0].scores


def _judged(differences: list[Array], ways: list[tuple[float, float]]) -> Repeated:
    means = np.array([difference.mean() for difference in differences])
    pooled = np.concatenate(differences)
    of_rows = float(pooled.var(ddof=1)) / len(pooled)
    of_splits = float(means.var(ddof=1)) / len(means)
    spread = math.sqrt(max(of_rows, of_splits))
    mean = float(means.mean())
    way = 1.0 - float(np.mean([theirs for _, theirs in ways]))
    return Repeated(mean / max(way, 0.02), mean / spread if spread > 0.0 else math.copysign(math.inf, mean))
