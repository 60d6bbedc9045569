"""An estimator explains its next step with the numbers that its next `partial_fit` then trains with."""

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_regression

from backlit import MLPClassifier, MLPRegressor
from backlit.errors import BacklitError

IRIS = load_iris(return_X_y=True, as_frame=True)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_the_numbers_are_those_of_the_next_step(solver):
    X, y = make_regression(4, 2, random_state=0)
    options = {
        "solver": solver,
        "hidden_layer_sizes": (3,),
        "random_state": 0,
        "alpha": 0.5,
        "nesterovs_momentum": False,
    }
    regressor = MLPRegressor(**options, batch_size=4, shuffle=False).partial_fit(X, y)
    fresh = MLPRegressor(**options, batch_size=4, shuffle=False)
    fresh.partial_fit(X, y)
    for values in (regressor.coefs_, regressor.intercepts_):  # both at the same place, neither having moved before
        for k, array in enumerate(values):
            array[:] = (0.1 * (1 + np.arange(array.size)) * (-1.0) ** k).reshape(array.shape)
    step = regressor.explain(X, y)
    l2 = 0.5 / 4
    w = regressor.coefs_[0][0, 0]
    slope = step["dE/dw(i1,h1)"].value
    epsilon = 1e-6

    def error(value):
        regressor.coefs_[0][0, 0] = value
        found = 0.5 * np.mean((regressor.predict(X) - y) ** 2)
        regressor.coefs_[0][0, 0] = w
        return found

    assert slope == pytest.approx((error(w + epsilon) - error(w - epsilon)) / (2 * epsilon), rel=1e-5)
    moved = step["w(i1,h1)+"].value
    gradient = slope + l2 * w
    expected = w - 0.001 * gradient if solver == "sgd" else w - 0.001 * np.sign(gradient)
    assert moved == pytest.approx(expected, rel=1e-6)


def test_columns_and_classes_give_their_names():
    X, y = IRIS
    classifier = MLPClassifier((2,), alpha=1.0, max_iter=900, random_state=0, solver="lbfgs").fit(
        X, y.map(dict(enumerate("abc")))
    )
    text = str(classifier.explain(X.iloc[:1], np.array(["a"]), only="forward"))
    assert "petal width (cm)" in text
    assert "net(c)" in text


def test_settings_go_through_and_unfitted_is_refused():
    X, y = IRIS
    classifier = MLPClassifier((2,), alpha=1.0, max_iter=900, random_state=0, solver="lbfgs")
    with pytest.raises(ValueError, match="not fitted"):
        classifier.explain(X, y)
    classifier.fit(X, y)
    with pytest.raises(BacklitError):
        classifier.explain(X.iloc[:1], y.iloc[:1], only="nothing like it")
