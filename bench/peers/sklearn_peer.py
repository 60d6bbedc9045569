"""scikit-learn's MLP: `fit` with a warm start from the given weights."""

from __future__ import annotations

import warnings
from typing import Any

from sklearn.neural_network import MLPClassifier, MLPRegressor

from bench.peers.base import CannotError, Peer
from bench.workloads import Array

ACTIVATIONS = {"sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}


class ScikitLearn(Peer):
    """`fit`, with everything switched off that the others do not do: penalty, early stopping, tolerance."""

    packages = ("scikit-learn",)

    def build(self) -> None:
        """Make the estimator and have it allocate its weights."""
        workload = self.workload
        if workload.batch_norm or workload.dropout or workload.activation not in ACTIVATIONS:
            raise CannotError("scikit-learn's MLP has no silu, dropout or batch normalization")
        cls = MLPRegressor if workload.loss == "half_squared_error" else MLPClassifier
        if workload.loss == "half_squared_error" and workload.output == "sigmoid":
            self.note = (
                "without the output's sigmoid, which scikit-learn cannot train with this loss: not the same loss"
            )
        self.model: Any = cls(
            hidden_layer_sizes=workload.sizes[1:-1], activation=ACTIVATIONS[workload.activation],
            solver=workload.optimizer, alpha=0.0, batch_size=workload.batch, learning_rate_init=workload.rate,
            max_iter=1, shuffle=not workload.full_batch, random_state=0, momentum=0.0, nesterovs_momentum=False,
            warm_start=True, n_iter_no_change=10**9,
        )  # fmt: skip
        labels, T = self.problem.labels, self.problem.T
        self.targets = T if labels is None else labels
        if self.targets.ndim == 2 and self.targets.shape[1] == 1:
            self.targets = self.targets[:, 0]
        warnings.simplefilter("ignore")  # of no convergence, since the number of epochs is fixed
        self.model.fit(self.problem.X, self.targets)
        self.model.max_iter = workload.epochs

    def reset(self) -> None:
        """Give the estimator the weights; a warm start makes a new optimizer."""
        self.model.coefs_ = [weight.copy() for weight in self.problem.weights[0::2]]
        self.model.intercepts_ = [weight.copy() for weight in self.problem.weights[1::2]]

    def train(self) -> None:
        """Fit."""
        self.model.fit(self.problem.X, self.targets)

    def weights(self) -> list[Array] | None:
        """Give coefs_ and intercepts_ in turn."""
        if self.note:
            return None
        return [array for pair in zip(self.model.coefs_, self.model.intercepts_, strict=True) for array in pair]
