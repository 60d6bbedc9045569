"""Estimators: `MLPClassifier` and `MLPRegressor` with the interface of scikit-learn's classes of the same names.

A program that uses scikit-learn's classes changes the import and nothing else. These two classes are the interface of
the package, with `LossCurveDisplay`, which draws their loss curve by matplotlib. `build` turns their parameters into a
network and an optimizer, `member` and `ensemble` train it, and `sklearn_conversion` exchanges fitted models with
scikit-learn.

>>> from backlit.estimators import MLPClassifier
>>> classifier = MLPClassifier(4, solver="lbfgs", random_state=0).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
>>> classifier.predict([[0.5], [2.5]])
array([0, 1])
"""

from backlit.estimators.classifier import MLPClassifier
from backlit.estimators.displays import LossCurveDisplay
from backlit.estimators.regressor import MLPRegressor

__all__ = ["LossCurveDisplay", "MLPClassifier", "MLPRegressor"]
