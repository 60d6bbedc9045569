"""What the last layer can put out, and which outputs and losses fit which targets."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.changes import set_output
from backlit.diagnose.records import Change
from backlit.kernels.types import Array
from backlit.ops.base import Interval

SQUARES = {"half_squared_error", "mse", "mae", "huber", "log_cosh"}
"""Losses of numbers, which grow with the distance of the output from the target."""


class Last(NamedTuple):
    """The last op's name, where its outputs lie, and the loss's name."""

    name: str
    reach: Interval
    loss: str

    @property
    def words(self) -> str:
        """Output and loss in words: "softmax with the loss mse"."""
        return f"{self.name} with the loss {self.loss}"


def last_of(case: Case) -> Last:
    """Describe the end of a network; a layer without an activation counts as identity."""
    graph = case.network.graph
    names = [node.op.name for node in graph.nodes]
    name = names[-1] if graph.reach is not None else "identity"
    return Last(name, graph.reach or (-math.inf, math.inf), case.network.loss.name)


def fitting_output(case: Case) -> Change:
    """Change output and loss to those that fit the targets."""
    now = last_of(case)
    if case.network.loss.class_targets or (case.classes is not None and case.targets.shape[1] > 1):
        return set_output("softmax", "cross_entropy", now.words)
    if now.loss in {"hinge", "perceptron"}:
        return set_output("identity", now.loss, now.words)
    if case.of_classes:
        return set_output("sigmoid", "binary_cross_entropy", now.words)
    if now.loss in {"poisson", "exp_poisson"}:
        return set_output("identity", "exp_poisson", now.words)
    return set_output("identity", now.loss if now.loss in SQUARES else "half_squared_error", now.words)


def sampled_outputs(case: Case) -> Array:
    """Give the network's outputs (n, outputs) for the sampled training rows, NaN where they are not finite."""
    X = case.X[case.rows_sampled.numbers]
    with np.errstate(all="ignore"):
        A = np.asarray(case.network.predict(X), np.float64).reshape(len(X), -1)
    return np.where(np.isfinite(A), A, np.nan)
