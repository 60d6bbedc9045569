"""Displays in scikit-learn's manner, drawn with matplotlib: an optional extra, imported when something is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, Self

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from backlit.engine import History, Training, TrainingCurve
from backlit.errors import BacklitError
from backlit.show.curves.figures import spans_decades


class MissingMatplotlibError(BacklitError, ImportError):
    """A display needs matplotlib, which is not installed; an ImportError too, as scikit-learn's displays raise."""


class LossCurveDisplay:
    """The loss over the epochs, in scikit-learn's manner: `from_estimator` draws a fitted estimator's.

    Args:
        loss: the training loss (epochs,).
        validation_loss: that of the validation rows (epochs,), or None.
        validation_scores: the score of the validation rows (epochs,), accuracy or R², or None; higher is better.
        epochs: the numbers of the epochs (epochs,); by default from 1 on.
        name: what the curves are of, for the legend.

    Attributes:
        ax_: matplotlib's axes, `score_ax_` those of the scores at the right, or None. `figure_`: their figure.
        lines_: what was drawn: the training loss, the validation loss, the scores, as far as there are any.
        best_epoch: the epoch of the best score, of the lowest validation loss, or else of the lowest loss.

    Errors: a BacklitError for columns of different lengths, or where matplotlib is missing.

    >>> display = LossCurveDisplay([1.0, 0.5, 0.25], validation_loss=[1.0, 0.4, 0.6])
    >>> display.best_epoch
    2
    """

    def __init__(
        self, loss: Sequence[float], *, validation_loss: Sequence[float] | None = None,
        validation_scores: Sequence[float] | None = None, epochs: Sequence[int] | None = None, name: str | None = None,
    ) -> None:  # fmt: skip
        self.loss = _numbers(loss)
        self.validation_loss = None if validation_loss is None else _numbers(validation_loss)
        self.validation_scores = None if validation_scores is None else _numbers(validation_scores)
        self.epochs = np.arange(1, len(self.loss) + 1) if epochs is None else np.asarray(epochs)
        self.name = name
        for what in ("epochs", "validation_loss", "validation_scores"):
            column = getattr(self, what)
            if column is not None and len(column) != len(self.loss):
                raise BacklitError(f"loss has {len(self.loss)} epochs, {what} has {len(column)}; expected as many.")

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None, name: str | None = None, **options: Any) -> Self:
        """Draw the loss curve of a fitted estimator: Backlit's, scikit-learn's, or what has a `loss_curve_` as theirs.

        Args:
            estimator: a fitted estimator; of a pipeline or a search, the estimator within.
            ax: matplotlib's axes to draw on; by default a new figure's.
            name: what the curves are called; by default the estimator's class.
            options: as `plot` takes them.

        Errors: scikit-learn's NotFittedError where it is not fitted; a BacklitError where it has no loss curve.
        """
        inner = _within(estimator)
        check_is_fitted(inner)
        history: Mapping[str, Sequence[float]] = getattr(inner, "history_", None) or {}
        loss = getattr(inner, "loss_curve_", None) or history.get("loss")
        if not loss:
            raise BacklitError(
                f"{type(inner).__name__} has no loss_curve_; expected an MLPClassifier or MLPRegressor. scikit-learn's "
                "have none with solver='lbfgs': backlit's do."
            )
        validation = getattr(inner, "validation_loss_curve_", None) or history.get("validation_loss") or None
        if validation is not None and len(validation) == len(loss) - 1:  # of an epoch that diverged none is measured
            validation = [*validation, np.nan]
        scores = getattr(inner, "validation_scores_", None) or None
        called = type(inner).__name__ if name is None else name
        return cls(loss, validation_loss=validation, validation_scores=scores, name=called).plot(ax, **options)

    @classmethod
    def from_history(
        cls, history: History | Training | TrainingCurve, *, ax: Any = None, name: str | None = None, **options: Any
    ) -> Self:
        """Draw the loss curve of a `training.history`, of a training, or of a `TrainingCurve`: thinned as that is.

        Args:
            history: what has the losses.
            ax: matplotlib's axes to draw on; by default a new figure's.
            name: what the curves are called, where there are several on one axes.
            options: as `plot` takes them.
        """
        if not isinstance(history, (History, Training, TrainingCurve)):
            raise BacklitError(
                f"from_history was given {type(history).__name__}; expected training.history. "
                "LossCurveDisplay.from_estimator takes fitted estimators."
            )
        curve = history.curve()
        validation = None if curve.validation_loss is None else _known(curve.validation_loss)
        return cls(_known(curve.loss), validation_loss=validation, epochs=curve.numbers, name=name).plot(ax, **options)

    from_training = from_history

    def plot(self, ax: Any = None, *, name: str | None = None, log: bool | None = None, **line: Any) -> Self:
        """Draw the curves.

        Args:
            ax: matplotlib's axes to draw on; by default a new figure's.
            name: what the curves are called in the legend.
            log: whether the losses are on a logarithmic scale; by default where they span decades.
            line: settings of the lines, for matplotlib's `plot`: `linewidth=1`.
        """
        pyplot = _pyplot()
        if ax is None:
            _, ax = pyplot.subplots()
        name = self.name if name is None else name
        before = f"{name}, " if name else ""
        losses = {"training loss": self.loss, "validation loss": self.validation_loss}
        drawn = {what: column for what, column in losses.items() if column is not None}
        self.ax_, self.figure_, self.score_ax_ = ax, ax.figure, None
        self.lines_: list[Any] = []
        for what, column in drawn.items():
            look = {"linestyle": "-" if what == "training loss" else "--", **line}
            self.lines_ += ax.plot(self.epochs, column, label=f"{before}{what}", **look)
        found = np.concatenate([*drawn.values()])
        if spans_decades(found[np.isfinite(found)].tolist()) if log is None else log:
            ax.set_yscale("log")
        ax.set(xlabel="epoch", ylabel="loss")
        ax.xaxis.get_major_locator().set_params(integer=True)
        if self.validation_scores is not None:
            self.score_ax_ = ax.twinx()
            look = {"linestyle": ":", "color": "tab:green", **line}
            label = f"{before}validation score"
            self.lines_ += self.score_ax_.plot(self.epochs, self.validation_scores, label=label, **look)
            self.score_ax_.set(ylabel="score")
        handles = [*self.lines_]
        if self.best_epoch is not None:
            label = f"{before}best epoch {self.best_epoch:,}"
            handles.append(ax.axvline(self.best_epoch, color="gray", linewidth=1, linestyle="--", label=label))
        _add_to_legend(ax, handles)
        return self

    @property
    def best_epoch(self) -> int | None:
        """The epoch of the best score, of the lowest validation loss, or else of the lowest loss; None without any."""
        if self.validation_scores is not None:
            judged = -self.validation_scores
        else:
            judged = self.loss if self.validation_loss is None else self.validation_loss
        finite = np.where(np.isfinite(judged), judged, np.inf)
        return int(self.epochs[finite.argmin()]) if (finite < np.inf).any() else None


def _numbers(given: Sequence[float]) -> Any:
    return np.asarray(given, np.float64)


def _known(values: Iterable[float | None]) -> list[float]:
    return [np.nan if value is None else value for value in values]


def _add_to_legend(ax: Any, handles: Sequence[Any]) -> None:
    """Put lines into the legend after those that stand there: several estimators may share one axes."""
    legend = ax.get_legend()
    earlier = [] if legend is None else [*zip(legend.legend_handles, legend.get_texts(), strict=True)]
    texts = [*(text.get_text() for _, text in earlier), *(handle.get_label() for handle in handles)]
    if texts:
        # above the axes: the best place among the lines of one axes may hide a line of the other, that of the scores
        ax.legend([*(handle for handle, _ in earlier), *handles], texts, loc="lower left", bbox_to_anchor=(0.0, 1.0))


def _within(estimator: Any) -> Any:
    """Give the estimator within a search, a pipeline or a TransformedTargetRegressor."""
    while True:
        if isinstance(estimator, Pipeline):
            estimator = estimator[-1]
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "regressor_"):
            estimator = estimator.regressor_
        else:
            return estimator


def _pyplot() -> Any:
    try:
        return import_module("matplotlib.pyplot")
    except ImportError as error:
        raise MissingMatplotlibError(
            "LossCurveDisplay draws with matplotlib, which is not installed; run pip install 'backlit[plot]'. "
            "training.plot() draws without it."
        ) from error
