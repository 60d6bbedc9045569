"""Estimators whose hidden layers are convolutions, recurrent layers and blocks, on rows of a shape."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score

import backlit as bl
from backlit.errors import ArgumentError, BacklitError

DIGITS = load_digits()
X, Y = DIGITS.data[:300] / 16.0, DIGITS.target[:300]
SETTINGS = {"max_iter": 5, "random_state": 0, "tol": 0.0, "n_iter_no_change": 99}
CONVOLUTION = [bl.Conv2D(4, 3, "relu"), bl.MaxPool(2), bl.Flatten()]


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_convolution_learns_digits_pickles_and_clones():
    classifier = bl.MLPClassifier(
        hidden_layers=CONVOLUTION, input_shape=(8, 8, 1), learning_rate_init=0.01, **SETTINGS | {"max_iter": 30}
    )
    twin = clone(classifier)
    assert twin.get_params()["hidden_layers"] == CONVOLUTION
    classifier.fit(X, Y)
    assert classifier.score(X, Y) > 0.9
    assert classifier.to_network().graph.inputs == {"X": (8, 8, 1)}
    assert [W.shape for W in classifier.coefs_] == [(36, 10)]  # of the output layer, the only dense one
    again = pickle.loads(pickle.dumps(classifier))
    assert (again.predict_proba(X) == classifier.predict_proba(X)).all()
    assert (twin.fit(X, Y).predict_proba(X) == classifier.predict_proba(X)).all()
    assert "circle" not in classifier._repr_html_()


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_grid_search_compares_networks_of_several_kinds():
    grid = {"hidden_layers": [[bl.GRU(4)], [bl.Residual([bl.Dense(8, "tanh")]), bl.Flatten()]]}
    search = GridSearchCV(bl.MLPClassifier(input_shape=(8, 8), **SETTINGS), grid, cv=2)
    search.fit(X[:100], Y[:100])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_regressor_reads_sequences():
    regressor = bl.MLPRegressor(hidden_layers=[bl.LSTM(3)], input_shape=(16, 4), **SETTINGS).fit(X, X[:, 20])
    assert np.isfinite(regressor.predict(X)).all()
    with pytest.raises(ValueError, match="does not support the layers lstm, 3 units"):
        regressor.to_sklearn()


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_sequences_of_different_lengths_stand_beside_their_lengths():
    rng = np.random.default_rng(0)
    ends = rng.integers(2, 9, len(X))
    rows = np.column_stack([X, ends])
    settings = {"hidden_layers": [bl.GRU(4, lengths="end")], "input_shape": {"lines": (8, 8), "end": 1}}
    scores = cross_val_score(bl.MLPClassifier(**settings, **SETTINGS), rows, Y, cv=2)
    assert np.isfinite(scores).all()
    classifier = bl.MLPClassifier(**settings, **SETTINGS).fit(rows, Y)
    behind = np.arange(8) >= ends[:, None]
    other = np.column_stack([(X.reshape(-1, 8, 8) + 5.0 * behind[:, :, None]).reshape(len(X), -1), ends])
    assert (classifier.predict_proba(other) == classifier.predict_proba(rows)).all()
    assert classifier.to_network().graph.inputs == {"lines": (8, 8), "end": (1,)}


@pytest.mark.parametrize(
    ("settings", "rows", "says"),
    [
        ({"hidden_layers": CONVOLUTION, "input_shape": (8, 8)}, X, r"the estimator input_shape=\(8, 8, 1\)"),
        ({"hidden_layers": [bl.Flatten(), *CONVOLUTION]}, X, r"Conv2D.* such as input_shape=\(28, 28, 1\)"),
        ({"hidden_layers": [bl.GRU(3, lengths="end")], "input_shape": (8, 8)}, X, r"input_shape=\{\.\.\., 'end': 1\}"),
        ({"hidden_layers": [bl.Select("end"), bl.Dense(2)]}, X, r"selects 'end'.* input_shape=\{\.\.\., 'end': 1\}"),
        ({"hidden_layers": CONVOLUTION, "input_shape": {"X": (8, 8), "end": 1}}, X, r"8 × 8 \+ 1 = 65 numbers; .* 64"),
        ({"hidden_layers": CONVOLUTION, "input_shape": {"X": "8x8"}}, X, r"expected the shape of a row"),
        ({"input_shape": {"X": 64}}, X, "expected hidden_layers that read such a shape"),
        ({"hidden_layers": CONVOLUTION, "input_shape": (8, 7, 1)}, X, "8 × 7 × 1 = 56 numbers; X has 64 columns"),
        ({"hidden_layers": CONVOLUTION}, X, "Conv2D"),
        ({"hidden_layers": CONVOLUTION[:1], "input_shape": (8, 8, 1)}, X, r"write rows of shape \(6, 6, 4\).*Flatten"),
        ({"hidden_layers": CONVOLUTION, "input_shape": "8x8"}, X, "input_shape"),
        ({"hidden_layers": CONVOLUTION, "input_shape": (8, 8.5, 1)}, X, "expected the shape of a row"),
        ({"input_shape": (8, 8, 1)}, X, "expected hidden_layers that read such a shape"),
        (
            {"hidden_layers": CONVOLUTION, "input_shape": (8, 8, 1)},
            X.reshape(-1, 8, 8, 1),
            r"X.reshape\(len\(X\), -1\)",
        ),
        ({}, X.reshape(-1, 8, 8), r"input_shape=\(8, 8, 1\)"),
        ({"hidden_layers": CONVOLUTION, "input_shape": (8, 8, 1), "preprocess": "auto"}, X, "columns that do not vary"),
    ],
)
def test_what_does_not_fit_is_said(settings, rows, says):
    with pytest.raises(ValueError, match=says):
        bl.MLPClassifier(**SETTINGS, **settings).fit(rows, Y)


def test_the_word_layers_leads_to_hidden_layers():
    with pytest.raises(ArgumentError, match="did you mean 'hidden_layers', a list of layers, or 'hidden_layer_sizes'"):
        bl.MLPClassifier(layers=[bl.Dense(3)])
    assert issubclass(BacklitError, ValueError)
