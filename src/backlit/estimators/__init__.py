"""The scikit-learn face of Backlit: change the import, keep the code."""

from backlit.estimators.classifier import MLPClassifier
from backlit.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
