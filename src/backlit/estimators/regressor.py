"""The regressor."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions

from backlit.errors import BacklitError
from backlit.estimators.base import LOSSES, BaseMLP, partial_fit_if_descending
from backlit.estimators.build import Output
from backlit.kernels.types import Array
from backlit.ops.base import Loss
from backlit.ops.losses.counts import Poisson
from backlit.ops.losses.regression import HalfSquaredError
from backlit.ops.registry import losses

CLASS_LOSSES = {
    "binary_cross_entropy",
    "hinge",
    *(name for name, loss in losses.items() if loss.class_targets),  # type: ignore[attr-defined]
}
"""Losses of classes, which the regressor refuses."""


class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc]  # scikit-learn has no types
    """A feed-forward network that learns numbers: scikit-learn's `MLPRegressor`, faster and with more settings.

    The parameters up to `max_fun` are scikit-learn's, with the same meaning and defaults: from the same `random_state`
    come the same weights, shuffles and trajectory. Those after it are `MLPClassifier`'s, except for:

    Args:
        loss: "squared_error", "poisson", the name of a loss such as "huber" or "mae", or a loss.
        scale_target: whether to train on standardized targets, (y - mean) / standard deviation; predictions are in
            the targets' own unit. `target_mean_` and `target_scale_` hold the two.
        scoring: what `early_stopping` watches: None for R², "loss" for the validation loss, or any scorer.

    Errors: a ValueError for data or parameters that do not fit, and where training diverges without `early_stopping`.

    >>> import numpy as np
    >>> from backlit.estimators import MLPRegressor
    >>> X = np.linspace(-1, 1, 50)[:, None]
    >>> regressor = MLPRegressor(activation="tanh", solver="lbfgs", random_state=0).fit(X, X[:, 0] ** 2)
    >>> bool(regressor.score(X, X[:, 0] ** 2) > 0.9)
    True
    """

    _numeric_targets: ClassVar[bool] = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseMLP._parameter_constraints,
        "loss": [StrOptions({"squared_error", *(LOSSES - CLASS_LOSSES)}), Loss],
        "scale_target": ["boolean"],
    }

    def __init__(
        self, loss: Any = "squared_error", hidden_layer_sizes: Any = (100,), activation: Any = "relu", *,
        solver: Any = "adam", alpha: float = 0.0001, batch_size: Any = "auto", learning_rate: Any = "constant",
        learning_rate_init: float = 0.001, power_t: float = 0.5, max_iter: int = 200, shuffle: bool = True,
        random_state: Any = None, tol: float = 1e-4, verbose: Any = False, warm_start: bool = False,
        momentum: float = 0.9, nesterovs_momentum: bool = True, early_stopping: bool = False,
        validation_fraction: float = 0.1, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8,
        n_iter_no_change: Any = 10, max_fun: int = 15000,
        hidden_layers: Any = None, input_shape: Any = None, scale_target: bool = False, dropout: float = 0.0,
        normalization: Any = None,
        weight_decay: float = 0.0, clip_value: Any = None, clip_norm: Any = None, max_norm: Any = None,
        scoring: Any = None, preprocess: Any = None, n_members: int = 1, n_jobs: Any = -1,
    ) -> None:  # fmt: skip
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.hidden_layers = hidden_layers
        self.input_shape = input_shape
        self.scale_target = scale_target
        self.dropout = dropout
        self.normalization = normalization
        self.weight_decay = weight_decay
        self.clip_value = clip_value
        self.clip_norm = clip_norm
        self.max_norm = max_norm
        self.scoring = scoring
        self.preprocess = preprocess
        self.n_members = n_members
        self.n_jobs = n_jobs

    @partial_fit_if_descending  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one epoch on these rows, from where the last call ended.

        Args:
            X: inputs (n, features). y: targets (n,) or (n, outputs).
            sample_weight: a weight per row (n,), at least 0.
        """
        return self._partial_fit(X, y, sample_weight)

    def _targets(self, y: Any, weights: Array | None, *, incremental: bool) -> Array:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        T = y.reshape(len(y), -1)
        if not self._is_fitted() or (not self.warm_start and not incremental):
            self._learn_scale(T, weights)
        elif self.scale_target != self._is_scaled():
            raise BacklitError(
                f"scale_target is {self.scale_target}, but this estimator goes on from a fit with {self._is_scaled()}; "
                f"set scale_target={self._is_scaled()} again, or fit anew with warm_start=False."
            )
        return self._known_targets(y)

    def _learn_scale(self, T: Array, weights: Array | None) -> None:
        if not self.scale_target:
            for name in ("target_mean_", "target_scale_"):
                self.__dict__.pop(name, None)
            return
        self.target_mean_ = np.average(T, axis=0, weights=weights)
        spread = np.sqrt(np.average((T - self.target_mean_) ** 2, axis=0, weights=weights))
        self.target_scale_ = np.where(spread > 0.0, spread, 1.0)

    def _known_targets(self, y: Any) -> Array:
        T: Array = np.asarray(y).reshape(len(y), -1)
        self.n_outputs_ = T.shape[1]
        return (T - self.target_mean_) / self.target_scale_ if self._is_scaled() else T

    def _is_scaled(self) -> bool:
        return "target_mean_" in vars(self)

    def _targets_as_given(self, T: Array) -> Array:
        values = T * self.target_scale_ + self.target_mean_ if self._is_scaled() else T
        return values[:, 0] if values.shape[1] == 1 else values

    def _output(self, T: Array) -> Output:
        if self.loss == "squared_error":
            loss: Loss = HalfSquaredError()
        else:
            loss = Poisson(deviance=True) if self.loss == "poisson" else losses.make(self.loss)
        if loss.name in CLASS_LOSSES:
            raise BacklitError(f"loss={self.loss!r} is a loss for classes; for numbers use 'squared_error' or 'huber'.")
        if isinstance(loss, Poisson) and self.scale_target:
            raise BacklitError(
                "scale_target=True makes targets negative, which loss='poisson' cannot take; leave it off."
            )
        self.out_activation_ = "exp" if isinstance(loss, Poisson) else "identity"
        return Output(loss, self.out_activation_, T.shape[1], T.shape[1] if self.loss == "squared_error" else 1)

    def predict(self, X: Any) -> Array:
        """Give the number, or numbers, of each row of X (n, features): (n,) or (n, outputs)."""
        return self._targets_as_given(self._outputs(X))
