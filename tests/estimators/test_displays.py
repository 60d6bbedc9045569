"""`LossCurveDisplay`: of our estimators, of scikit-learn's, of histories; what it refuses."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import backlit as bl

matplotlib = pytest.importorskip("matplotlib")
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.usefixtures("_closed"),
]

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
LABELS, NUMBERS = (X[:, 0] > 0).astype(int), X @ [1.0, 2.0, 3.0]
FEW = {"hidden_layer_sizes": (4,), "max_iter": 12, "random_state": 0}


@pytest.fixture
def _closed():
    from matplotlib import pyplot

    pyplot.switch_backend("Agg")
    yield
    pyplot.close("all")


def labels(display) -> list[str]:
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


@pytest.mark.parametrize("module", [bl, neural_network], ids=["backlit", "scikit-learn"])
@pytest.mark.parametrize(("kind", "Y"), [("MLPClassifier", LABELS), ("MLPRegressor", NUMBERS)])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_loss_curve_of_an_estimator_is_drawn(module, kind, Y, early_stopping):
    estimator = getattr(module, kind)(**FEW, early_stopping=early_stopping).fit(X, Y)
    display = bl.LossCurveDisplay.from_estimator(estimator)
    assert display.lines_[0].get_ydata().tolist() == estimator.loss_curve_
    assert display.lines_[0].get_xdata().tolist() == [*range(1, len(estimator.loss_curve_) + 1)]
    assert display.ax_.figure is display.figure_
    assert labels(display)[0] == f"{kind}, training loss"
    assert len(display.lines_) == 1 + early_stopping
    assert (display.score_ax_ is not None) == early_stopping
    if early_stopping:
        assert display.lines_[1].get_ydata().tolist() == estimator.validation_scores_
        assert display.best_epoch == 1 + int(np.argmax(estimator.validation_scores_))


def test_the_legend_hides_no_line_and_epochs_are_whole():
    display = bl.LossCurveDisplay.from_estimator(bl.MLPClassifier(**FEW, early_stopping=True).fit(X, LABELS))
    display.figure_.canvas.draw()
    assert display.ax_.get_legend().get_window_extent().y0 >= display.ax_.get_window_extent().y1
    assert all(place == round(place) for place in display.ax_.get_xticks())


def test_validation_rows_given_to_fit_are_drawn():
    estimator = bl.MLPClassifier(**FEW).fit(X, LABELS, X_val=X[:9], y_val=LABELS[:9])
    display = bl.LossCurveDisplay.from_estimator(estimator, name="mine", linewidth=3)
    assert display.lines_[1].get_ydata().tolist() == estimator.validation_loss_curve_
    assert [line.get_linewidth() for line in display.lines_] == [3, 3]
    assert labels(display)[:2] == ["mine, training loss", "mine, validation loss"]


def test_lbfgs_of_ours_has_a_curve_and_scikit_learns_has_none():
    ours = bl.MLPRegressor(**FEW, solver="lbfgs").fit(X, NUMBERS)
    assert bl.LossCurveDisplay.from_estimator(ours).lines_[0].get_ydata().tolist() == ours.history_["loss"]
    theirs = neural_network.MLPRegressor(**FEW, solver="lbfgs").fit(X, NUMBERS)
    with pytest.raises(bl.BacklitError, match="MLPRegressor has no loss_curve_"):
        bl.LossCurveDisplay.from_estimator(theirs)


@pytest.mark.parametrize(
    ("estimator", "Y"),
    [
        (make_pipeline(StandardScaler(), bl.MLPClassifier(**FEW)), LABELS),
        (GridSearchCV(bl.MLPClassifier(**FEW), {"alpha": [0.1]}, cv=2), LABELS),
        (TransformedTargetRegressor(make_pipeline(StandardScaler(), bl.MLPRegressor(**FEW))), NUMBERS),
    ],
)
def test_the_estimator_within_is_found(estimator, Y):
    assert len(bl.LossCurveDisplay.from_estimator(estimator.fit(X, Y)).loss) == 12


def test_two_estimators_share_axes():
    first = bl.LossCurveDisplay.from_estimator(bl.MLPClassifier(**FEW, early_stopping=True).fit(X, LABELS), name="one")
    second = bl.LossCurveDisplay.from_estimator(
        bl.MLPClassifier(**FEW, alpha=1.0).fit(X, LABELS), ax=first.ax_, name="two"
    )
    assert second.ax_ is first.ax_
    assert [text.split(",")[0] for text in labels(second)] == ["one"] * 3 + ["two"] * 2


def test_a_history_a_training_and_a_curve_are_drawn():
    network = bl.Network([bl.Dense(1)], 3, "mse", seed=0)
    training = bl.Training(network, X, NUMBERS, epochs=600, optimizer=bl.SGD(0.05), compiled=False,
                           validation=(X[:5], NUMBERS[:5])).run()  # fmt: skip
    curve = training.history.curve()
    for given in (training, training.history, curve):
        display = bl.LossCurveDisplay.from_history(given)
        assert tuple(display.lines_[0].get_xdata()) == curve.numbers
        assert tuple(display.lines_[1].get_ydata()) == curve.validation_loss
        assert display.best_epoch == training.best.number
        assert display.ax_.get_yscale() == "log"
    assert bl.LossCurveDisplay.from_training(training, log=False).ax_.get_yscale() == "linear"


def test_losses_that_are_not_finite_leave_gaps():
    display = bl.LossCurveDisplay([2.0, np.nan, np.inf, 1.0]).plot()
    assert display.best_epoch == 4
    assert bl.LossCurveDisplay([np.nan]).plot().best_epoch is None
    assert bl.LossCurveDisplay([]).plot().best_epoch is None


def test_what_has_no_curve_is_refused():
    unfitted = bl.MLPClassifier(), make_pipeline(bl.MLPClassifier()), GridSearchCV(bl.MLPClassifier(), {})
    for estimator in unfitted:
        with pytest.raises(NotFittedError, match="instance is not fitted yet"):
            bl.LossCurveDisplay.from_estimator(estimator)
    with pytest.raises(bl.BacklitError, match="LogisticRegression has no loss_curve_"):
        bl.LossCurveDisplay.from_estimator(LogisticRegression().fit(X, LABELS))
    with pytest.raises(bl.BacklitError, match=r"from_history was given MLPClassifier; expected training\.history"):
        bl.LossCurveDisplay.from_history(bl.MLPClassifier())
    with pytest.raises(bl.BacklitError, match="loss has 2 epochs, validation_loss has 1"):
        bl.LossCurveDisplay([1.0, 2.0], validation_loss=[1.0])


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    for kind in (bl.BacklitError, ImportError):
        with pytest.raises(kind, match=r"pip install 'backlit\[plot\]'"):
            bl.LossCurveDisplay([1.0]).plot()
