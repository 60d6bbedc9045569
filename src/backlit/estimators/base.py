"""The base of both estimators: their parameters, fitting, prediction and conversion."""

from __future__ import annotations

import copy
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from backlit.engine import Network
from backlit.errors import BacklitError, warn
from backlit.estimators import html_repr, sklearn_conversion, validation_split
from backlit.estimators.arguments import refuse_unknown
from backlit.estimators.build import BIASES, SCIKIT_LEARN_RATES, WEIGHTS, Output, Views, network_of, settings_of, views
from backlit.estimators.callbacks import CallbackSupport, callbacks_of
from backlit.estimators.ensemble import random_states, train_members
from backlit.estimators.inputs import read_inputs
from backlit.estimators.member import Limits, Member, Rows
from backlit.estimators.next_step import next_step_settings
from backlit.kernels.types import Array
from backlit.ops.base import Activation, Op, Optimizer
from backlit.ops.registry import activations, losses, optimizers, schedules

if TYPE_CHECKING:
    from backlit.show.worked.example import WorkedExample

FUSED = {fused for loss in losses.values() for fused in loss.fused.values()}  # type: ignore[attr-defined]
"""Losses that combine another loss with the last activation; the engine substitutes them by itself."""

LOSSES = {name for name in losses if name not in FUSED}

CURVES = ("loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_", "validation_loss_curve_")
"""Fitted attributes that only some fits set."""

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
)


class BaseMLP(CallbackSupport, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """The base class of `MLPClassifier` and `MLPRegressor`."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions({"logistic", *activations}), list, tuple, Activation],
        "solver": [StrOptions(set(optimizers)), Optimizer],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({*SCIKIT_LEARN_RATES, *schedules}), Op],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "hidden_layers": ["array-like", None],
        "input_shape": ["array-like", dict, None],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "normalization": [StrOptions({"batch", "layer"}), None],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "clip_value": [Interval(Real, 0, None, closed="neither"), None],
        "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
        "max_norm": [Interval(Real, 0, None, closed="neither"), None],
        "scoring": [str, callable, HasMethods("score"), None],
        "preprocess": [StrOptions({"auto"}), None],
        "n_members": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
    }

    def __new__(cls, *_: Any, **settings: Any) -> Self:
        """Make one, once the names of its arguments are known to be right."""
        refuse_unknown(cls, settings)
        made: Self = super().__new__(cls)
        return made

    # ----------------------------------------------------------------------------------------------------- fitting

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:  # fmt: skip
        """Train on X and y.

        Args:
            X: inputs (n, features): an array, a sparse matrix or a DataFrame.
            y: targets (n,) or (n, outputs).
            sample_weight: a weight per row (n,), at least 0.
            X_val, y_val, sample_weight_val: validation rows, measured after each epoch; with `early_stopping`, no
                others are split off.

        Errors: a ValueError for invalid input, and where the training diverges: the weights of the epoch before are
        kept then.
        """
        given = None if X_val is None and y_val is None else (X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, given, incremental=False)

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any) -> Self:
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        return self._fit(X, y, sample_weight, None, incremental=True)

    def _is_descending(self) -> bool:
        """Tell whether the solver updates the weights batch by batch."""
        solver: Any = self.solver if isinstance(self.solver, Optimizer) else optimizers.get(self.solver)
        return solver is None or not solver.full_batch

    def _fit(self, X: Any, y: Any, sample_weight: Any, given: Any, *, incremental: bool) -> Self:
        settings = settings_of(self)
        first = not self._is_fitted() or (not self.warm_start and not incremental)
        inputs = read_inputs(self, X, y, reset=first)
        weights = self._weights(sample_weight, inputs.X, y)
        T = self._targets(inputs.y, weights, incremental=incremental).astype(inputs.X.dtype, copy=False)
        output = self._output(T)
        sources = random_states(self, check_random_state(self.random_state))
        self._random_state = sources[0]
        if first:
            self._members = [self._new_member(inputs.X, output, source) for source in sources]
        elif len(self._members) != len(sources):
            raise BacklitError(
                f"n_members is {len(sources)}, but this estimator goes on from a fit with {len(self._members)}; "
                f"set n_members={len(self._members)} again, or fit anew with warm_start=False."
            )
        rows = Rows(inputs.X, T, weights)
        callbacks = callbacks_of(self, X, y, sample_weight, silent=incremental)
        plans = validation_split.plan(self, rows, self._validation_rows(given), sources)
        limits = Limits(
            int(self.max_iter), float(self.tol), float(self.n_iter_no_change), float(self.power_t), bool(self.shuffle),
            output.parts, incremental,
        )  # fmt: skip
        train_members(self, plans, settings, limits, sources, callbacks.first)
        callbacks.finish()
        self._publish()
        self._report()
        return self

    def _new_member(self, X: Array, output: Output, random: np.random.RandomState) -> Member:
        return Member(network_of(self, X.shape[1], output, X.dtype, random), bool(self.early_stopping))

    def _validation_rows(self, given: Any) -> Rows | None:
        """Check and encode the validation rows given to `fit`."""
        if given is None:
            return None
        X, y, weights = given
        for name, value, other in (("X_val", X, "y_val"), ("y_val", y, "X_val")):
            if value is None:
                raise ValueError(f"{other} is provided, but {name} was not provided.")
        inputs = read_inputs(self, X, y, reset=False)
        T = self._known_targets(inputs.y).astype(inputs.X.dtype, copy=False)
        return Rows(inputs.X, T, None if weights is None else _check_sample_weight(weights, inputs.X))

    def _weights(self, sample_weight: Any, X: Array, y: Any) -> Array | None:
        """Give a weight per row, or None where all are 1."""
        if sample_weight is None:
            return None
        return np.asarray(_check_sample_weight(sample_weight, X, ensure_non_negative=True), np.float64)

    # ----------------------------------------------------------------------------------------------- fitted attributes

    def _is_fitted(self) -> bool:
        return "_members" in vars(self)

    def __sklearn_is_fitted__(self) -> bool:
        return self._is_fitted()

    def _publish(self) -> None:
        """Set the fitted attributes from the first member."""
        member = self._members[0]
        self.n_iter_, self.t_, self.loss_ = member.n_iter, member.t, member.loss
        self.n_layers_ = len(self.coefs_) + 1
        self.history_ = member.history
        self._no_improvement_count, self._optimizer = member.no_improvement_count, member.optimizer
        curves: dict[str, Any] = {}
        if member.optimizer is not None or member.loss_curve:
            curves = {
                "loss_curve_": member.loss_curve, "best_loss_": member.best_loss,
                "validation_scores_": member.validation_scores,
                "best_validation_score_": member.best_validation_score,
            }  # fmt: skip
        if member.validation_loss_curve:
            curves["validation_loss_curve_"] = member.validation_loss_curve
        for name in CURVES:  # remove those of an earlier fit
            self.__dict__.pop(name, None)
        self.__dict__.update(curves)

    def _report(self) -> None:
        """Warn of an interruption, of missing convergence and of divergence; refuse weights that are not finite."""
        members = self._members
        if any(member.interrupted for member in members):
            warn("Training interrupted by user.", UserWarning)
        if any(member.exhausted for member in members):
            warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization hasn't "
                "converged yet.", ConvergenceWarning,
            )  # fmt: skip
        diverged = next((member.diverged for member in members if member.diverged), None)
        if diverged is not None and self.early_stopping:
            warn(diverged, ConvergenceWarning)
        elif diverged is not None or not all(member.finite() for member in members):
            raise ValueError(f"{NOT_FINITE} {diverged or ''}".strip())

    @property
    def coefs_(self) -> Views:
        """The weight matrices (fan_in, fan_out), layer by layer: views of the first network's parameters."""
        return views(self._fitted_network(), WEIGHTS)

    @coefs_.setter
    def coefs_(self, values: Any) -> None:
        self._write(WEIGHTS, values)

    @property
    def intercepts_(self) -> Views:
        """The bias vectors (fan_out,), layer by layer: views of the first network's parameters."""
        return views(self._fitted_network(), BIASES)

    @intercepts_.setter
    def intercepts_(self, values: Any) -> None:
        self._write(BIASES, values)

    def _write(self, name: str, values: Any) -> None:
        for view, value in zip(views(self._fitted_network(), name), values, strict=True):
            view[...] = value

    def _fitted_network(self) -> Network:
        if not self._is_fitted():
            raise AttributeError(f"this {type(self).__name__} is not fitted yet; call fit first.")
        network: Network = self._members[0].network
        return network

    # -------------------------------------------------------------------------------------------------- predicting

    def _outputs(self, X: Any) -> Array:
        """Give the networks' outputs (n, outputs) for the rows of X, averaged over the members."""
        check_is_fitted(self)
        return self._average(read_inputs(self, X, None, reset=False, predicting=True).X)

    def _average(self, X: Array) -> Array:
        total = self._members[0].network.predict(X)
        for member in self._members[1:]:
            total += member.network.predict(X)
        total /= len(self._members)
        return total

    def _alone(self, member: Member) -> Self:
        """Give a copy of this estimator with that member as its only one."""
        twin = copy.copy(self)
        twin._members = [member]
        return twin

    # ---------------------------------------------------------------------------------------- conversion, explanation

    def to_network(self, member: int = 0) -> Network:
        """Give a copy of a fitted network, to explain, save or train it with the engine.

        Its inputs are those after `preprocess`; its outputs are in the scale of `scale_target`.
        """
        check_is_fitted(self)
        network: Network = self._members[member].network.copy()
        return network

    def explain(self, X: Any, y: Any, sample_weight: Any = None, **settings: Any) -> WorkedExample:
        """Work out the next training step on the given rows: every number of the chain rule, as `backlit.explain` does.

        The step is the one that `partial_fit` would take next with these rows as one batch, in their order, in float64:
        with the optimizer as the training left it, its penalties and limits. Of several members, it is the first one's.
        L-BFGS, which takes no step on a single batch, is replaced by plain gradient descent.

        Args:
            X: inputs (n, features). y: targets (n,) or (n, outputs).
            sample_weight: a weight per row (n,), at least 0; `class_weight` multiplies it.
            settings: those of `backlit.explain`; another `optimizer` starts without a past, at its own rate.

        Errors: a BacklitError for several `steps` that `partial_fit` would take otherwise in several calls: with
        another learning rate, or another draw of dropout.

        >>> from backlit.estimators import MLPRegressor
        >>> regressor = MLPRegressor(hidden_layer_sizes=(2,), random_state=0, solver="lbfgs")
        >>> regressor = regressor.fit([[0.0], [1.0]], [0.0, 1.0])
        >>> regressor.explain([[1.0]], [1.0])["net(o1)"].phase
        'forward'
        """
        from backlit.show.worked.example import explain  # noqa: PLC0415  (few callers need it)

        check_is_fitted(self)
        inputs = read_inputs(self, X, y, reset=False)
        T = self._known_targets(inputs.y)
        weights = self._weights(sample_weight, inputs.X, y)
        return explain(self.to_network(), inputs.X, T, **next_step_settings(self, weights, len(T), settings))

    @classmethod
    def from_sklearn(cls, fitted: Any) -> Self:
        """Give the estimator that predicts, and continues training, as scikit-learn's fitted one does.

        >>> from sklearn import neural_network
        >>> from backlit.estimators import MLPRegressor
        >>> theirs = neural_network.MLPRegressor(solver="lbfgs", random_state=0).fit([[0.0], [1.0]], [0.0, 1.0])
        >>> bool(abs(MLPRegressor.from_sklearn(theirs).predict([[0.5]]) - theirs.predict([[0.5]])) < 1e-12)
        True
        """
        return sklearn_conversion.from_sklearn(cls, fitted)  # type: ignore[no-any-return]

    def to_sklearn(self) -> Any:
        """Give scikit-learn's estimator that predicts the same.

        Errors: a ValueError that names what scikit-learn's class does not support: another activation, dropout's or
        normalization's layers, several members, a preprocessing.
        """
        check_is_fitted(self)
        return sklearn_conversion.to_sklearn(self)

    def _html_repr(self) -> str:
        return html_repr.html_of(self, super()._html_repr)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.preprocess is None
        tags.input_tags.allow_nan = self.preprocess is not None
        tags.input_tags.string = self.preprocess is not None
        tags.input_tags.categorical = self.preprocess is not None
        return tags

    # Each estimator defines these.

    def _targets(self, y: Any, weights: Array | None, *, incremental: bool) -> Array:
        raise NotImplementedError

    def _known_targets(self, y: Any) -> Array:
        raise NotImplementedError

    def _output(self, T: Array) -> Output:
        raise NotImplementedError


def trains_by_batches(estimator: BaseMLP) -> bool:
    """Tell `available_if` that an estimator has `partial_fit`, or say why not."""
    if not estimator._is_descending():
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {estimator.solver} is not stochastic."
        )
    return True


partial_fit_if_descending = available_if(trains_by_batches)
