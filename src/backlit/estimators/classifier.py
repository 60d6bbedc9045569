"""The classifier."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels

from backlit.estimators.base import LOSSES, BaseMLP, partial_fit_if_descending
from backlit.estimators.build import Output
from backlit.kernels.types import Array
from backlit.ops.base import Loss
from backlit.ops.losses.binary import BinaryCrossEntropy, Hinge
from backlit.ops.losses.multiclass import CrossEntropy, MulticlassHinge
from backlit.ops.registry import losses

SCORES = (Hinge, MulticlassHinge)
"""Losses of unbounded scores, which give no probabilities."""


def gives_probabilities(estimator: Any) -> bool:
    """Tell whether the outputs are probabilities."""
    if _is_hinge(estimator.loss):
        raise AttributeError(f"probabilities are not available with loss={estimator.loss!r}; use loss='log_loss'.")
    return True


def gives_scores(estimator: Any) -> bool:
    """Tell whether the outputs are unbounded scores."""
    if not _is_hinge(estimator.loss):
        raise AttributeError("decision_function is available with loss='hinge' only; use predict_proba.")
    return True


def _is_hinge(loss: Any) -> bool:
    return isinstance(loss, SCORES) or loss in {"hinge", "multiclass_hinge"}


class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc]  # scikit-learn has no types
    """A feed-forward network that learns classes: scikit-learn's `MLPClassifier`, faster and with more settings.

    The parameters up to `max_fun` are scikit-learn's, with the same meaning and defaults: from the same `random_state`
    come the same weights, shuffles and trajectory. See docs/coming-from-scikit-learn.md for those that follow.

    Args:
        hidden_layers: the hidden layers as Backlit's, instead of `hidden_layer_sizes`, `activation`, `dropout` and
            `normalization`: layers, blocks, activations, or names of activations. The output layer follows them.
        input_shape: the shape of a row that they read, such as (8, 8, 1) of pictures or (50, 8) of sequences; X stays
            (n, columns), each row the numbers of that shape in order. Of several inputs, side by side in X, the shape
            of each: {"X": (50, 8), "length": 1} for GRU(8, lengths="length"). `coefs_` and `intercepts_` are of the
            dense layers; `to_network()` has all parameters.
        activation: also any of Backlit's activations, or a list with one for each hidden layer.
        solver: also the name of any optimizer of Backlit, which takes `learning_rate_init` and `weight_decay`, or an
            optimizer with settings of its own.
        learning_rate: also a schedule or its name.
        loss: "log_loss", "hinge", the name of a loss, or a loss.
        class_weight: "balanced", or weights by class, which multiply `sample_weight`.
        dropout: the fraction of each hidden layer's outputs set to 0 while training.
        normalization: "batch" or "layer", between a hidden layer's linear map and its activation.
        weight_decay: decoupled from the gradient, unlike `alpha`.
        clip_value, clip_norm: limits of each gradient element, and of the whole gradient's norm.
        max_norm: limit of the norm of each unit's incoming weights.
        scoring: what `early_stopping` watches: None for accuracy, "loss" for the validation loss, or any scorer.
        preprocess: "auto" takes a DataFrame as it is: scales numbers, encodes categories, fills missing values;
            `preprocessing_` holds the encoding.
        n_members: how many networks to train, on threads; predictions are their mean.
        n_jobs: how many of them at once, -1 for one per processor.

    Attributes:
        coefs_, intercepts_: views of the first network's parameters.
        history_: lists with a value per epoch: loss, learning_rate, seconds, the norm of each layer's gradient; nan
            where an epoch did not measure what another one did. Epochs that ran in one call have the time of its end.
        validation_loss_curve_: the loss of `X_val`, `y_val` after each epoch, without penalties.
        loss_, loss_curve_, best_loss_, validation_scores_, best_validation_score_, n_iter_, t_, n_layers_, n_outputs_,
            out_activation_, classes_, n_features_in_, feature_names_in_: as scikit-learn's.

    Errors: a ValueError for data or parameters that do not fit, and where training diverges without `early_stopping`.

    >>> from sklearn.datasets import load_iris
    >>> from backlit.estimators import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier(8, solver="lbfgs", max_iter=500, random_state=0).fit(X, y)
    >>> bool(classifier.score(X, y) > 0.95)
    True
    """

    _numeric_targets: ClassVar[bool] = False
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseMLP._parameter_constraints,
        "loss": [StrOptions({"log_loss", *LOSSES}), Loss],
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    def __init__(
        self, hidden_layer_sizes: Any = (100,), activation: Any = "relu", *,
        solver: Any = "adam", alpha: float = 0.0001, batch_size: Any = "auto", learning_rate: Any = "constant",
        learning_rate_init: float = 0.001, power_t: float = 0.5, max_iter: int = 200, shuffle: bool = True,
        random_state: Any = None, tol: float = 1e-4, verbose: Any = False, warm_start: bool = False,
        momentum: float = 0.9, nesterovs_momentum: bool = True, early_stopping: bool = False,
        validation_fraction: float = 0.1, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8,
        n_iter_no_change: Any = 10, max_fun: int = 15000,
        hidden_layers: Any = None, input_shape: Any = None, loss: Any = "log_loss", class_weight: Any = None,
        dropout: float = 0.0,
        normalization: Any = None, weight_decay: float = 0.0, clip_value: Any = None, clip_norm: Any = None,
        max_norm: Any = None, scoring: Any = None, preprocess: Any = None, n_members: int = 1, n_jobs: Any = -1,
    ) -> None:  # fmt: skip
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
        self.loss = loss
        self.class_weight = class_weight
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

    # ----------------------------------------------------------------------------------------------------- fitting

    @partial_fit_if_descending  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train for one epoch on these rows, from where the last call ended.

        Args:
            X: inputs (n, features). y: targets (n,), or labels (n, labels).
            sample_weight: a weight per row (n,), at least 0.
            classes: the classes of all calls; the first call needs them, the others may leave them out.

        Errors: a ValueError for classes that are missing, unknown or changed, and with `early_stopping`.
        """
        if _check_partial_fit_first_call(self, classes):
            labels = y if type_of_target(y).startswith("multilabel") else classes
            self._label_binarizer = LabelBinarizer().fit(labels)
        return self._partial_fit(X, y, sample_weight)

    def _targets(self, y: Any, weights: Array | None, *, incremental: bool) -> Array:
        """Learn the classes, or check that y holds known ones, and encode y."""
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        elif self.warm_start:
            self._refuse_other_classes(unique_labels(y))
        return self._known_targets(y)

    def _refuse_other_classes(self, found: Array) -> None:
        if set(found) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. Previously "
                f"got {self.classes_}, `y` has {found}"
            )

    def _known_targets(self, y: Any) -> Array:
        """Encode y: class numbers (n, 1) of several classes, else a 0 or 1 per label."""
        found = unique_labels(y)
        if np.setdiff1d(found, self.classes_, assume_unique=True).size:
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {found}."
            )
        kind = self._label_binarizer.y_type_
        self.n_outputs_: int = 1 if kind == "binary" else len(self.classes_)
        if kind != "multiclass":
            return np.asarray(self._label_binarizer.transform(y), bool)
        codes: Array = np.searchsorted(self.classes_, column_or_1d(y))[:, None]
        return codes if self._loss().class_targets else codes == np.arange(self.n_outputs_)

    def _loss(self, dtype: Any = np.float64) -> Loss:
        """Give the loss that `loss` names for this kind of target; log losses have scikit-learn's limit per row."""
        several = self._label_binarizer.y_type_ == "multiclass"
        if self.loss == "log_loss":
            kind = CrossEntropy if several else BinaryCrossEntropy
            return kind(ceiling=-np.log(np.finfo(dtype).eps))
        if self.loss == "hinge":
            return MulticlassHinge() if several else Hinge()
        loss: Loss = losses.make(self.loss)
        if loss.class_targets and not several:
            raise ValueError(
                f"loss={self.loss!r} needs three or more classes; for two, or labels, use loss='log_loss'."
            )
        return loss

    def _output(self, T: Array) -> Output:
        loss = self._loss(T.dtype)
        if isinstance(loss, SCORES):
            activation = "identity"
        else:
            activation = "softmax" if self._label_binarizer.y_type_ == "multiclass" else "sigmoid"
        self.out_activation_ = {"sigmoid": "logistic"}.get(activation, activation)
        return Output(loss, activation, self.n_outputs_)

    def _weights(self, sample_weight: Any, X: Array, y: Any) -> Array | None:
        weights = super()._weights(sample_weight, X, y)
        if self.class_weight is None:
            return weights
        by_class: Array = compute_sample_weight(self.class_weight, y)
        return by_class if weights is None else weights * by_class

    # -------------------------------------------------------------------------------------------------- predicting

    def _codes_of_outputs(self, outputs: Array) -> Array:
        """Give the predicted class numbers (n,), or True and False per label."""
        if self._label_binarizer.y_type_ == "multiclass":
            classes: Array = outputs.argmax(axis=1)
            return classes
        yes: Array = outputs > (0.0 if _is_hinge(self.loss) else 0.5)
        return yes[:, 0] if self.n_outputs_ == 1 else yes

    def _codes_of_targets(self, T: Array) -> Array:
        if self._label_binarizer.y_type_ == "multiclass":
            return T[:, 0] if T.shape[1] == 1 else T.argmax(axis=1)
        return T[:, 0] > 0.5 if self.n_outputs_ == 1 else T > 0.5

    def _labels(self, codes: Array) -> Array:
        """Give the class labels of codes; of several labels a sparse matrix, where they were learned from one."""
        if codes.ndim == 2:
            labels: Array = self._label_binarizer.inverse_transform(codes.astype(int))
            return labels
        chosen: Array = self.classes_[np.minimum(codes.astype(int), len(self.classes_) - 1)]
        return chosen

    def _targets_as_given(self, T: Array) -> Array:
        return self._labels(self._codes_of_targets(T))

    def predict(self, X: Any) -> Array:
        """Give the class of each row of X (n, features): (n,), or (n, labels), sparse as the labels given to `fit`."""
        return self._labels(self._codes_of_outputs(self._outputs(X)))

    @available_if(gives_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Array:
        """Give the probability of each class, in the order of `classes_`, for the rows of X: (n, classes)."""
        outputs = self._outputs(X)
        return np.hstack([1 - outputs, outputs]) if self.n_outputs_ == 1 else outputs

    @available_if(gives_probabilities)  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any) -> Array:
        """Give the logarithm of `predict_proba`."""
        with np.errstate(divide="ignore"):  # the logarithm of 0 is -inf, as it should be
            logarithms: Array = np.log(self.predict_proba(X))
            return logarithms

    @available_if(gives_scores)  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Array:
        """Give the scores of the classes (n, classes), or of the second of two (n,)."""
        outputs = self._outputs(X)
        return outputs[:, 0] if self.n_outputs_ == 1 else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
