"""scikit-learn's `DecisionBoundaryDisplay` draws our estimators as it draws its own."""

import numpy as np
import pandas as pd
import pytest
from sklearn import neural_network
from sklearn.datasets import load_iris

from backlit import MLPClassifier, MLPRegressor

matplotlib = pytest.importorskip("matplotlib")

SETTINGS = {"max_iter": 9, "tol": 1.0, "n_iter_no_change": 2, "random_state": 0}
TABLE = load_iris(as_frame=True)
X = TABLE.data.iloc[:, 2:]
NAMES = TABLE.target.map({0: "setosa", 1: "versicolor", 2: "virginica"})


@pytest.fixture(autouse=True)
def display():
    matplotlib.use("agg")
    from matplotlib import pyplot
    from sklearn.inspection import DecisionBoundaryDisplay

    yield lambda *given, **more: DecisionBoundaryDisplay.from_estimator(*given, grid_resolution=9, **more)
    pyplot.close("all")


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("frame", [True, False])
@pytest.mark.parametrize("targets", [TABLE.target, NAMES], ids=["numbers", "texts"])
@pytest.mark.parametrize(
    ("loss", "method"),
    [("log_loss", "auto"), ("log_loss", "predict"), ("log_loss", "predict_proba"),
     ("hinge", "auto"), ("hinge", "predict"), ("hinge", "decision_function")],
)  # fmt: skip
def test_a_classifier_is_drawn(display, classes, frame, targets, loss, method):
    rows = slice(0, 50 * classes)
    data, y = X[rows], targets[rows]
    given = data if frame else data.to_numpy()
    fitted = MLPClassifier(4, loss=loss, **SETTINGS).fit(given, y)
    made = display(fitted, given, response_method=method)
    points = np.stack([made.xx0.ravel(), made.xx1.ravel()], axis=1)
    asked = pd.DataFrame(points, columns=X.columns) if frame else points
    expected = {"auto": "predict_proba" if loss == "log_loss" else "decision_function"}.get(method, method)
    found = getattr(fitted, expected)(asked)
    if expected == "predict":
        found = np.searchsorted(fitted.classes_, found)
    elif classes == 2:
        found = found.reshape(81, -1)[:, -1]
    assert np.allclose(made.response, found.reshape(made.response.shape))
    if frame:
        assert (made.xlabel, made.ylabel) == tuple(X.columns)


def test_a_class_of_interest_is_drawn(display):
    fitted = MLPClassifier(4, **SETTINGS).fit(X, NAMES)
    made = display(fitted, X, response_method="predict_proba", class_of_interest="versicolor")
    points = pd.DataFrame({name: side.ravel() for name, side in zip(X, (made.xx0, made.xx1), strict=True)})
    assert np.allclose(made.response.ravel(), fitted.predict_proba(points)[:, 1])


@pytest.mark.parametrize("method", ["auto", "predict"])
@pytest.mark.parametrize("plot", ["contourf", "contour", "pcolormesh"])
def test_a_regressor_is_drawn(display, method, plot):
    fitted = MLPRegressor(hidden_layer_sizes=4, **SETTINGS).fit(X, TABLE.target)
    made = display(fitted, X, response_method=method, plot_method=plot)
    points = pd.DataFrame({name: side.ravel() for name, side in zip(X, (made.xx0, made.xx1), strict=True)})
    assert np.allclose(made.response.ravel(), fitted.predict(points))


def test_it_is_as_scikit_learns_own_estimator(display):
    theirs = neural_network.MLPClassifier(4, **SETTINGS).fit(X, NAMES)
    ours = MLPClassifier(4, **SETTINGS).fit(X, NAMES)
    drawn = [display(fitted, X).response for fitted in (ours, theirs)]
    assert np.allclose(*drawn, atol=1e-9)
    for fitted in (ours, theirs):
        with pytest.raises(AttributeError, match="decision_function"):
            display(fitted, X, response_method="decision_function")
