"""Metrics of a network's outputs, by scikit-learn's functions, chosen by what the network's loss is of.

scikit-learn takes a second to import, so it is imported when a metric is first measured.

>>> import numpy as np
>>> from backlit.ops.losses.regression import MSE
>>> T, A = np.array([[1.0], [3.0]]), np.array([[1.0], [2.0]])
>>> measure(chosen(None, MSE()), MSE(), T, A)
{'r2': 0.5, 'rmse': 0.7071067811865476, 'mae': 0.5}
"""

from __future__ import annotations

import functools
import inspect
import numbers
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.ops.base import Loss
from backlit.ops.synonyms import hint

Kind = Literal["classes", "labels", "numbers"]
Metric = Callable[..., float]
"""Gives a number for targets and the network's outputs, in the shapes of `as_people_have_them`."""

LOGIT_LOSSES = {"sigmoid_binary_cross_entropy", "softmax_cross_entropy"}
"""Losses of scores z, of which the probabilities are the sigmoid's or the softmax's."""


def kind_of(loss: Loss) -> Kind:
    """Say what a loss is of: one class among several, yes-or-no labels, or numbers."""
    if loss.class_targets:
        return "classes"
    return "labels" if loss.targets == (0.0, 1.0) or loss.name == "hinge" else "numbers"


def class_level(loss: Loss) -> float:
    """Give the level above which a single output says yes: 0 of scores of any size, 1/2 of probabilities and numbers.

    >>> from backlit.ops.registry import losses
    >>> class_level(losses["perceptron"]()), class_level(losses["binary_cross_entropy"]()), class_level(losses["mse"]())
    (0.0, 0.5, 0.5)
    """
    scores = loss.name in LOGIT_LOSSES or (kind_of(loss) == "labels" and loss.outputs != (0.0, 1.0))
    return 0.0 if scores else 0.5


class Judged(NamedTuple):
    """Targets and outputs as scikit-learn's functions take them.

    Of classes, `targets` and `predicted` are class numbers (n,); of labels, 0 and 1, (n labels,) one row after another;
    of numbers, they are matrices (n, outputs). `probabilities` are None where the outputs are none.
    """

    kind: Kind
    targets: Array
    predicted: Array
    probabilities: Array | None
    weights: Array | None


def judged(loss: Loss, T: Array, A: Array, weights: Array | None) -> Judged:
    """Judge outputs A (n, outputs) by targets T (n, outputs), or (n, 1) class numbers."""
    kind, A, T = kind_of(loss), A.astype(np.float64), T.astype(np.float64)
    logits = loss.name in LOGIT_LOSSES
    known = logits or loss.outputs == (0.0, 1.0)
    if kind == "classes":
        classes = T[:, 0] if T.shape[1] == 1 else T.argmax(axis=1)
        P = _of_scores(A, "softmax") if logits else A / np.maximum(A.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        return Judged(kind, classes.astype(np.int64), A.argmax(axis=1), P if known else None, weights)
    if kind == "labels" and _are_labels(loss, T):
        each = None if weights is None else np.repeat(weights, T.shape[1])
        P = _of_scores(A, "expit") if logits else A
        chosen = (P > 0.5 if known else A > 0.0).astype(np.int64).reshape(-1)
        return Judged(kind, (T > 0.0).astype(np.int64).reshape(-1), chosen, P.reshape(-1) if known else None, each)
    return Judged("numbers", T, np.exp(A) if loss.name == "exp_poisson" else A, None, weights)


def _of_scores(A: Array, name: Literal["expit", "softmax"]) -> Array:
    from scipy import special  # noqa: PLC0415  (late: it takes a tenth of a second, and few losses need it)

    probabilities: Array = special.expit(A) if name == "expit" else special.softmax(A, axis=1)
    return probabilities


def _are_labels(loss: Loss, T: Array) -> bool:
    """Whether targets are yes or no, not probabilities in between."""
    return loss.name == "hinge" or bool(np.isin(T, (0.0, 1.0)).all())


# -------------------------------------------------------------------------------------------------- by name, and chosen


def _sklearn(name: str, given: Judged, *values: Any, **options: Any) -> float:
    from sklearn import metrics  # noqa: PLC0415  (a second to import)

    return float(getattr(metrics, name)(*values, sample_weight=given.weights, **options))


def _by(name: str, **options: Any) -> Callable[[Judged], float]:
    return lambda given: _sklearn(name, given, given.targets, given.predicted, **options)


def _f1(given: Judged) -> float:
    average = "binary" if given.kind == "labels" else "macro"
    return _sklearn("f1_score", given, given.targets, given.predicted, average=average, zero_division=0.0)


def _log_loss(given: Judged) -> float:
    P = _probabilities(given, "log_loss")
    classes = np.arange(P.shape[1]) if P.ndim == 2 else np.arange(2)
    return _sklearn("log_loss", given, given.targets, P, labels=classes)


def _auc(given: Judged) -> float:
    P = _probabilities(given, "auc")
    if len(np.unique(given.targets)) < (P.shape[1] if P.ndim == 2 else 2):
        return np.nan  # a class that no row has has no curve
    P = P[:, 1] if P.ndim == 2 and P.shape[1] == 2 else P
    return _sklearn("roc_auc_score", given, given.targets, P, **({"multi_class": "ovr"} if P.ndim == 2 else {}))


def _probabilities(given: Judged, name: str) -> Array:
    if given.probabilities is None:
        raise BacklitError(f"the metric {name!r} needs probabilities, which the outputs for this loss are not.")
    return given.probabilities


def _r2(given: Judged) -> float:
    varied = len(given.targets) > 1 and bool((np.ptp(given.targets, axis=0) > 0).any())
    return _sklearn("r2_score", given, given.targets, given.predicted) if varied else np.nan


def _poisson_deviance(given: Judged) -> float:
    if (given.predicted <= 0).any() or (given.targets < 0).any():
        return np.nan
    each = given.weights if given.weights is None else np.repeat(given.weights, given.targets.shape[1])
    given = given._replace(weights=each)
    return _sklearn("mean_poisson_deviance", given, given.targets.reshape(-1), given.predicted.reshape(-1))


CHOICE: tuple[Kind, ...] = ("classes", "labels")
METRICS: Mapping[str, tuple[tuple[Kind, ...], Callable[[Judged], float]]] = {
    "accuracy": (CHOICE, _by("accuracy_score")),
    "balanced_accuracy": (CHOICE, _by("balanced_accuracy_score")),
    "f1": (CHOICE, _f1),
    "auc": (CHOICE, _auc),
    "log_loss": (CHOICE, _log_loss),
    "r2": (("numbers",), _r2),
    "rmse": (("numbers",), _by("root_mean_squared_error")),
    "mae": (("numbers",), _by("mean_absolute_error")),
    "mse": (("numbers",), _by("mean_squared_error")),
    "poisson_deviance": (("numbers",), _poisson_deviance),
}
"""What each metric is of, and its function."""


def defaults(loss: Loss) -> tuple[str, ...]:
    """Name the metrics that are measured where none are asked for."""
    if kind_of(loss) == "numbers":
        return ("r2", "rmse", "mae", *(["poisson_deviance"] if "poisson" in loss.name else []))
    known = loss.name in LOGIT_LOSSES or loss.outputs == (0.0, 1.0)
    return ("accuracy", "log_loss") if known else ("accuracy",)


def chosen(given: Any, loss: Loss) -> dict[str, str | Metric | None]:
    """Give the metrics that were asked for by the names of their results: of the loss's kind where `given` is None.

    `given` is a name, a function (targets, outputs), several of these, or a mapping from names to functions.

    Errors: a BacklitError for a name that no metric has, or of a metric that is not of the loss's kind.
    """
    if given is None:
        return dict.fromkeys(defaults(loss))
    if isinstance(given, Mapping):
        found = {str(name): metric for name, metric in given.items()}
    else:
        several = given if isinstance(given, Iterable) and not isinstance(given, str) else [given]
        found = {metric if isinstance(metric, str) else _name_of(metric): metric for metric in several}
    for name, metric in found.items():
        if not name.isidentifier():
            raise BacklitError(f"a metric is named {name!r}; give it a name: metrics={{'my_metric': function}}.")
        if isinstance(metric, str):
            _check(metric, loss)
        elif not callable(metric):
            raise BacklitError(f"the metric {name!r} is {metric!r}; expected a name or a function (targets, outputs).")
    return found


def _name_of(metric: Any) -> str:
    return str(getattr(metric, "__name__", type(metric).__name__))


def _check(name: str, loss: Loss) -> None:
    kind = kind_of(loss)
    fitting = [known for known, (kinds, _) in METRICS.items() if kind in kinds or kind == "labels"]
    if name not in METRICS:
        raise BacklitError(f"unknown metric {name!r} for the loss {loss.name!r}; {hint(name, fitting)}")
    if name not in fitting:
        raise BacklitError(
            f"the metric {name!r} is of {' and '.join(METRICS[name][0])}; the loss {loss.name!r} is of {kind}. "
            f"Take {', '.join(fitting)}, or give a function (targets, outputs)."
        )


def measure(
    wanted: Mapping[str, str | Metric | None], loss: Loss, T: Array, A: Array, weights: Array | None = None
) -> dict[str, float]:
    """Measure outputs A (n, outputs) by targets T, each row counted by its weight (n,).

    A metric is NaN where it is not defined, and where the outputs are not finite. Of targets between 0 and 1 for a loss
    of yes or no, those that are chosen by default are the metrics of numbers.
    """
    weights = weights if weights is not None and weights.size else None
    finite = bool(np.isfinite(A).all())
    given = judged(loss, T, A, weights) if finite else None
    names = dict(wanted)
    if given and given.kind == "numbers" and kind_of(loss) == "labels" and None in names.values():
        names = dict.fromkeys(("r2", "rmse", "mae"))
    found = {}
    for name, metric in names.items():
        if callable(metric):
            targets, outputs = as_people_have_them(loss, T.copy(), A.copy())  # the metric may work in place
            found[name] = _own(name, _with_weights(name, metric, weights), targets, outputs)
        elif given is None or given.kind not in METRICS[metric or name][0]:
            found[name] = np.nan
        else:
            found[name] = METRICS[metric or name][1](given)
    return found


def as_people_have_them(loss: Loss, T: Array, A: Array) -> tuple[Array, Array]:
    """Give targets and outputs to a function of a person: class numbers and single outputs without a second axis.

    T: class numbers are integers (n,); else (n,) for one output and (n, outputs) for several. A: (n,) or (n, outputs).
    As columns they would make a matrix (n, n) of a comparison with other vectors.
    """
    if loss.class_targets and T.shape[1] == 1:
        return T[:, 0].astype(np.int64), A
    return (T[:, 0], A[:, 0]) if A.shape[1] == 1 else (T, A)


def _own(name: str, metric: Metric, T: Array, A: Array) -> float:
    """Measure by a function of a person: NaN where it fails on outputs that are not finite."""
    given = f"the metric {name!r}, called with targets {T.shape} and outputs {A.shape}, "
    try:
        value: Any = metric(T, A)
    except Exception as error:
        if not np.isfinite(A).all():
            return np.nan
        raise BacklitError(
            f"{given}failed: {type(error).__name__}: {error}. Expected a function of both that returns a number."
        ) from error
    if np.ndim(value) or not isinstance(value, (numbers.Real, np.number, np.bool_, np.ndarray)):
        raise BacklitError(f"{given}returned {_short(value)}; expected a number.")
    return float(value)


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array {value.shape}"
    return repr(value) if len(repr(value)) < 60 else f"a {type(value).__name__}"


def _with_weights(name: str, metric: Metric, weights: Array | None) -> Metric:
    if weights is None:
        return metric
    try:
        taken = set(inspect.signature(metric).parameters)
    except (TypeError, ValueError):
        taken = set()
    if "sample_weight" not in taken:
        raise BacklitError(f"the metric {name!r} takes no sample_weight; expected one, since the rows have weights.")
    return functools.partial(metric, sample_weight=weights.copy())
