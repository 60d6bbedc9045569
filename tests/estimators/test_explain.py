"""An estimator explains its next step with the numbers that its next `partial_fit` then trains with."""

import copy

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_regression

from backlit import MLPClassifier, MLPRegressor
from backlit.errors import BacklitError

IRIS = load_iris(return_X_y=True, as_frame=True)
INPUTS, SPECIES = load_iris(return_X_y=True)
INPUTS = (INPUTS - INPUTS.mean(axis=0)) / INPUTS.std(axis=0)
ROWS = [0, 60, 120, 3, 70]


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
    for values in (regressor.coefs_, regressor.intercepts_):
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
    assert step["g(w(i1,h1))"].value == pytest.approx(slope + l2 * w, rel=1e-12)
    assert_explains_the_next_partial_fit(regressor, X, y, None)


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


def assert_explains_the_next_partial_fit(estimator, X, y, weights, **settings):
    step = estimator.explain(X, y, sample_weight=weights, **settings)
    next_one = copy.deepcopy(estimator).set_params(batch_size=len(X), shuffle=False, early_stopping=False)
    for _ in range(settings.get("steps", 1)):
        next_one.partial_fit(X, y, sample_weight=weights)
    moved = 0.0
    for k, (W, b) in enumerate(zip(next_one.coefs_, next_one.intercepts_, strict=True)):
        names = [[f"{kind}{n + 1}" for n in range(size)] for kind, size in zip(("ih", "ho")[k], W.shape, strict=True)]
        shown = [[step[f"w({source},{unit})+"].value for unit in names[1]] for source in names[0]]
        moved = max(moved, np.abs(W - estimator.coefs_[k]).max())
        assert np.abs(np.array(shown) - W).max() < 1e-12
        assert np.abs(np.array([step[f"b({unit})+"].value for unit in names[1]]) - b).max() < 1e-12
    assert moved > 1e-6


NEXT_STEPS = [
    {"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False},
    {"solver": "sgd", "nesterovs_momentum": False},
    {"solver": "sgd"},
    {"solver": "sgd", "learning_rate": "invscaling"},
    {"solver": "sgd", "learning_rate": "adaptive", "tol": 10.0, "n_iter_no_change": 1},
    {"solver": "adam"},
    {"solver": "adam", "learning_rate": "cosine"},
    {"solver": "adam", "learning_rate": "plateau"},
    {"solver": "rprop"},
    {"solver": "adamw", "weight_decay": 0.1},
    {"clip_norm": 0.01, "clip_value": 0.005, "max_norm": 0.9},
    {"early_stopping": True},
    {"dropout": 0.3},
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("class_weight", [None, {0: 1.0, 1: 5.0, 2: 0.5}], ids=["alike", "class weights"])
@pytest.mark.parametrize("weights", [None, np.arange(1.0, 6.0)], ids=["no weights", "weights"])
@pytest.mark.parametrize("settings", NEXT_STEPS, ids=str)
def test_the_new_weights_are_those_of_the_next_partial_fit(settings, weights, class_weight):
    settings = {"activation": "tanh", "alpha": 1.0, "learning_rate_init": 0.1, "max_iter": 3} | settings
    classifier = MLPClassifier((3,), **settings, class_weight=class_weight, batch_size=50, random_state=0)
    classifier.fit(INPUTS, SPECIES)
    classifier.set_params(max_iter=100)
    columns = [f"o{k + 1}" for k in range(3)]
    assert_explains_the_next_partial_fit(classifier, INPUTS[ROWS], SPECIES[ROWS], weights, outputs=columns)


def test_dropout_draws_what_the_next_call_will_draw():
    random = np.random.RandomState(3)
    classifier = MLPClassifier((3,), dropout=0.3, n_members=2, random_state=random)
    classifier.partial_fit(INPUTS, SPECIES, classes=[0, 1, 2])
    before = random.get_state()[1].tolist()
    columns = ["o1", "o2", "o3"]
    assert_explains_the_next_partial_fit(classifier, INPUTS[ROWS], SPECIES[ROWS], None, outputs=columns)
    assert random.get_state()[1].tolist() == before


def test_a_regressor_goes_on_too():
    y = np.stack([INPUTS[:, 0], 100.0 * INPUTS[:, 1]], axis=1)
    regressor = MLPRegressor(hidden_layer_sizes=3, scale_target=True, random_state=0).partial_fit(INPUTS, y)
    assert_explains_the_next_partial_fit(regressor, INPUTS[ROWS], y[ROWS], np.arange(5.0))


def test_several_steps_are_several_calls():
    classifier = MLPClassifier((3,), random_state=0, learning_rate="cosine", max_iter=10)
    classifier.partial_fit(INPUTS, SPECIES, classes=[0, 1, 2])
    columns = ["o1", "o2", "o3"]
    assert_explains_the_next_partial_fit(classifier, INPUTS[ROWS], SPECIES[ROWS], None, outputs=columns, steps=3)
    for changed in ({"dropout": 0.1}, {"solver": "sgd", "learning_rate": "adaptive"}):
        other = MLPClassifier((3,), random_state=0, **changed).partial_fit(INPUTS, SPECIES, classes=[0, 1, 2])
        with pytest.raises(BacklitError, match="one step at a time"):
            other.explain(INPUTS[ROWS], SPECIES[ROWS], steps=2)


def test_an_optimizer_of_ones_own_starts_afresh():
    classifier = MLPClassifier((3,), random_state=0).partial_fit(INPUTS, SPECIES, classes=[0, 1, 2])
    step = classifier.explain(INPUTS[ROWS], SPECIES[ROWS], optimizer="momentum")
    assert step["v(w(i1,h1))"].value == 0.0
    assert classifier.explain(INPUTS[ROWS], SPECIES[ROWS])["m(w(i1,h1))"].value != 0.0


def test_another_solver_starts_afresh():
    classifier = MLPClassifier((3,), random_state=0).partial_fit(INPUTS, SPECIES, classes=[0, 1, 2])
    classifier.set_params(solver="sgd")
    columns = ["o1", "o2", "o3"]
    assert_explains_the_next_partial_fit(classifier, INPUTS[ROWS], SPECIES[ROWS], None, outputs=columns)


def test_rows_that_do_not_count_are_refused():
    classifier = MLPClassifier((3,), random_state=0).partial_fit(INPUTS, SPECIES, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="zero"):
        classifier.explain(INPUTS[ROWS], SPECIES[ROWS], sample_weight=np.zeros(5))


@pytest.mark.parametrize(("given", "message"), [({"slots": np.zeros(3)}, "2 vectors of 27"), ({"taken": -1}, "taken")])
def test_a_state_that_is_none_is_refused(given, message):
    classifier = MLPClassifier((3,), random_state=0).partial_fit(INPUTS, SPECIES, classes=[0, 1, 2])
    with pytest.raises(BacklitError, match=message):
        classifier.explain(INPUTS[ROWS], SPECIES[ROWS], **given)
