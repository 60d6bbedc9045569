"""One number for how good a training is on rows, whatever its loss: the share of the targets that stays unexplained."""

from __future__ import annotations

import numpy as np

from backlit.engine import LOGIT_LOSSES, Network, kind_of
from backlit.kernels.types import Array
from backlit.ops.base import Loss


def is_of_classes(network: Network, Y: Array) -> bool:
    """Tell whether targets (n, k) are classes: by the loss, or since they are 0 and 1 with a single 1 in each row."""
    if network.loss.class_targets or kind_of(network.loss) == "labels":
        return True
    return _is_one_hot(Y)


def _is_one_hot(Y: Array) -> bool:
    if not ((Y == 0.0) | (Y == 1.0)).all():
        return False
    return Y.shape[1] == 1 or bool((Y.sum(axis=1) == 1.0).all())


def wanted(network: Network, Y: Array) -> Array:
    """Give targets as the outputs should be (n, outputs): 1 for the class of a class number; of hinge, below 0 is 0."""
    T = np.asarray(Y, np.float64)
    if network.loss.class_targets and T.shape[1] == 1 and network.output_size > 1:
        return np.eye(network.output_size)[T[:, 0].astype(np.int64)]
    return np.clip(T, 0.0, 1.0) if network.loss.name == "hinge" or network.loss.class_targets else T


def predicted(loss: Loss, outputs: Array, classes: bool) -> Array:
    """Give outputs (n, k) as predictions of what is `wanted`: probabilities from 0 to 1 of classes, else numbers."""
    from scipy.special import expit, softmax  # noqa: PLC0415  (late: half of what `import scipy` takes)

    A = np.asarray(outputs, np.float64).reshape(len(outputs), -1)  # those of several axes one after another
    if loss.name in LOGIT_LOSSES:
        A = softmax(A, axis=1) if loss.class_targets else expit(A)
    elif loss.name == "exp_poisson":
        A = np.exp(A)
    elif loss.name in {"hinge", "perceptron"}:
        A = (A + 1.0) / 2.0
    return np.clip(A, 0.0, 1.0) if classes else A


def answers(P: Array) -> Array:
    """Give the class number (n,) that predictions (n, outputs) answer: 0 or 1 of a single output.

    >>> answers(np.array([[0.2], [0.7]])), answers(np.array([[0.1, 0.2, 0.7]]))
    (array([0, 1]), array([2]))
    """
    found: Array = (P[:, 0] > 0.5).astype(np.int64) if P.shape[1] == 1 else P.argmax(axis=1)
    return found


def row_scores(T: Array, P: Array) -> Array:
    """Give Σ (t - p)² over the outputs of each row (n,); a prediction that is not finite gives infinity."""
    with np.errstate(all="ignore"):
        found = ((T - P) ** 2).sum(axis=1)
    return np.where(np.isfinite(found), found, np.inf)


def baseline_score(T_train: Array, T: Array) -> float:
    """Give the mean score of rows T where each is predicted as the mean of T_train; 1 where that is exact."""
    return float(row_scores(T, np.broadcast_to(T_train.mean(axis=0), T.shape)).mean()) or 1.0
