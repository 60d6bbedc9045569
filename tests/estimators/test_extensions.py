"""What the estimators offer beyond scikit-learn's classes."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import warnings

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_sample_weight

from backlit import MLPClassifier, MLPRegressor, Training
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.dropout import Dropout
from backlit.ops.losses.multiclass import CrossEntropy
from backlit.ops.losses.regression import Huber
from backlit.ops.optimizers.adaptive import AdamW
from backlit.ops.optimizers.quasi_newton import LBFGS
from backlit.ops.registry import activations, losses, optimizers, schedules

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = (IRIS - IRIS.mean(axis=0)) / IRIS.std(axis=0)
DIABETES, PROGRESS = load_diabetes(return_X_y=True)
DIABETES = DIABETES / DIABETES.std(axis=0)
SMALL = {"hidden_layer_sizes": (12,), "max_iter": 60, "batch_size": 32, "random_state": 0, "learning_rate_init": 0.02}

CLASSIFIERS = [
    {"activation": ["silu"]},
    {"activation": "gelu", "hidden_layer_sizes": (12, 6)},
    {"hidden_layers": [Dense(12), "batch_norm", "relu", Dropout(0.1), Dense(6, "tanh")]},
    {"hidden_layers": []},
    {"loss": "hinge"},
    {"loss": "mse"},
    {"loss": CrossEntropy(label_smoothing=0.1)},
    {"class_weight": "balanced"},
    {"class_weight": {0: 1.0, 1: 2.0, 2: 1.0}},
    {"dropout": 0.2},
    {"normalization": "batch"},
    {"normalization": "layer", "dropout": 0.1},
    {"weight_decay": 0.01},
    {"clip_norm": 1.0, "clip_value": 0.5, "max_norm": 4.0},
    {"solver": AdamW(0.02), "learning_rate": schedules["cosine"]()},
    {"early_stopping": True, "scoring": "loss"},
    {"early_stopping": True, "scoring": "f1_macro"},
    {"n_members": 3, "n_jobs": 2},
    {"n_members": 2, "solver": "lbfgs"},
    *({"solver": name} for name in optimizers if name not in {"lbfgs", "adam", "sgd", "adadelta", "rprop", "lion"}),
    {"solver": "rprop", "batch_size": len(IRIS)},
    {"solver": "lion", "learning_rate_init": 0.003},
]
REGRESSORS = [
    {"scale_target": True},
    {"loss": "huber", "scale_target": True},
    {"loss": Huber(2.0), "scale_target": True},
    {"loss": "mae", "scale_target": True},
    {"loss": "log_cosh", "scale_target": True},
    {"n_members": 3, "scale_target": True, "early_stopping": True, "scoring": "neg_mean_absolute_error"},
]


@pytest.mark.parametrize("settings", CLASSIFIERS, ids=repr)
def test_a_classifier_learns_and_survives_pickling_and_cloning(settings):
    classifier = MLPClassifier(**SMALL | settings).fit(IRIS, SPECIES)
    assert classifier.score(IRIS, SPECIES) > 0.85
    assert np.array_equal(pickle.loads(pickle.dumps(classifier)).predict(IRIS), classifier.predict(IRIS))
    assert np.array_equal(clone(classifier).fit(IRIS, SPECIES).predict(IRIS), classifier.predict(IRIS))


@pytest.mark.parametrize("settings", REGRESSORS, ids=repr)
def test_a_regressor_learns_and_survives_pickling(settings):
    regressor = MLPRegressor(**SMALL | settings).fit(DIABETES, PROGRESS)
    assert regressor.score(DIABETES, PROGRESS) > 0.45
    assert np.array_equal(pickle.loads(pickle.dumps(regressor)).predict(DIABETES), regressor.predict(DIABETES))


@pytest.mark.parametrize("name", schedules)
def test_every_schedule_is_accepted(name):
    assert MLPClassifier(**SMALL | {"learning_rate": name}).fit(IRIS, SPECIES).n_iter_ > 1


@pytest.mark.parametrize("name", activations)
def test_every_activation_is_accepted(name):
    classifier = MLPClassifier((4,), name, max_iter=2, random_state=0).fit(IRIS, SPECIES)
    assert classifier.to_network().ops[1].name in {name, "dense"}


def test_class_weights_are_sample_weights():
    weights = {0: 1.0, 1: 3.0, 2: 0.5}
    by_class = MLPClassifier(**SMALL, class_weight=weights).fit(IRIS, SPECIES)
    by_row = MLPClassifier(**SMALL).fit(IRIS, SPECIES, compute_sample_weight(weights, SPECIES))
    assert np.array_equal(by_class.coefs_[0], by_row.coefs_[0])


def test_members_do_not_depend_on_how_many_there_are():
    single, three = (MLPClassifier(**SMALL, n_members=n).fit(IRIS, SPECIES) for n in (1, 3))
    assert np.array_equal(single.coefs_[0], three.coefs_[0])
    assert not np.array_equal(three.to_network(1)["1.W"], three.to_network(2)["1.W"])
    mean = np.mean([three.to_network(k).predict(IRIS) for k in range(3)], axis=0)
    assert np.allclose(three.predict_proba(IRIS), mean, rtol=1e-12)


def test_verbose_prints_the_epochs_of_the_first_member_only(capsys):
    classifier = MLPClassifier(**SMALL | {"max_iter": 4}, n_members=2, verbose=True).fit(IRIS, SPECIES)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"Iteration {k}, loss = {loss:.8f}" for k, loss in enumerate(classifier.loss_curve_, 1)]


def test_validation_rows_give_a_curve_of_their_loss():
    classifier = MLPClassifier(**SMALL).fit(IRIS[::2], SPECIES[::2], X_val=IRIS[1::2], y_val=SPECIES[1::2])
    assert len(classifier.validation_loss_curve_) == classifier.n_iter_
    ours, theirs = classifier.validation_loss_curve_[-1], log_loss(SPECIES[1::2], classifier.predict_proba(IRIS[1::2]))
    assert abs(ours / theirs - 1) < 1e-12
    with pytest.raises(ValueError, match="X_val is provided, but y_val was not"):
        classifier.fit(IRIS, SPECIES, X_val=IRIS)


def test_early_stopping_watches_the_rows_given_and_restores_the_best_weights():
    settings = SMALL | {"early_stopping": True, "scoring": "loss", "max_iter": 300, "learning_rate_init": 0.2}
    validation = {"X_val": IRIS[1::2], "y_val": SPECIES[1::2]}
    classifier = MLPClassifier(**settings, tol=0.0).fit(IRIS[::2], SPECIES[::2], **validation)
    assert classifier.n_iter_ < 300
    assert classifier.best_validation_score_ == -min(classifier.validation_loss_curve_)
    ends_with = log_loss(SPECIES[1::2], classifier.predict_proba(IRIS[1::2]))
    assert abs(ends_with / -classifier.best_validation_score_ - 1) < 1e-12


def test_the_history_has_a_value_per_epoch_and_names_the_layers():
    classifier = MLPClassifier(**SMALL, early_stopping=True).fit(IRIS, SPECIES)
    names = {"loss", "learning_rate", "seconds", "validation_score", "gradient_norm_1", "gradient_norm_2"}
    assert set(classifier.history_) == names
    assert {len(values) for values in classifier.history_.values()} == {classifier.n_iter_}
    assert classifier.history_["loss"] == classifier.loss_curve_


def test_gradient_norms_are_those_of_the_last_batch():
    classifier = MLPClassifier(3, solver="sgd", momentum=0.0, alpha=0.0, max_iter=1, random_state=0, batch_size=150)
    classifier.fit(IRIS, SPECIES)
    ends = classifier.coefs_ + classifier.intercepts_
    moved = [after - before for before, after in zip(initial(classifier), ends, strict=True)]
    norms = [np.sqrt(sum((moved[k + half] ** 2).sum() for half in (0, 2))) / 0.001 for k in range(2)]
    history = classifier.history_
    assert np.allclose(norms, [history["gradient_norm_1"][0], history["gradient_norm_2"][0]], rtol=1e-6)


def initial(classifier):
    """The weights that scikit-learn draws."""
    twin = neural_network.MLPClassifier(**{k: v for k, v in classifier.get_params().items()
                                           if k in neural_network.MLPClassifier().get_params()})  # fmt: skip
    twin.set_params(learning_rate_init=1e-300).fit(IRIS, SPECIES)
    return twin.coefs_ + twin.intercepts_


def test_preprocessing_encodes_a_data_frame():
    pandas = pytest.importorskip("pandas")
    random = np.random.default_rng(0)
    size = random.normal(10.0, 5.0, 300)
    colour = random.choice(["red", "green", "blue"], 300)
    y = np.where((colour == "red") | (size > 14.0), "yes", "no")
    table = pandas.DataFrame({"size": np.where(random.random(300) < 0.1, np.nan, size), "colour": colour, "same": 1})
    classifier = MLPClassifier(16, solver="lbfgs", random_state=0, preprocess="auto").fit(table, y)
    assert classifier.score(table, y) > 0.9
    assert classifier.feature_names_in_.tolist() == ["size", "colour", "same"]
    assert [report.done.split(":")[0] for report in classifier.preprocessing_.reports] == [
        "standardized", "one-hot", "left out"]  # fmt: skip
    again = pickle.loads(pickle.dumps(classifier))
    assert np.array_equal(again.predict_proba(table[::-1]), classifier.predict_proba(table)[::-1])


def test_skops_keeps_everything_and_trusts_no_type_but_ours():
    skops = pytest.importorskip("skops.io")
    fitted = MLPRegressor(**SMALL, n_members=2, scale_target=True, preprocess="auto").fit(DIABETES, PROGRESS)
    stored = skops.dumps(fitted)
    untrusted = skops.get_untrusted_types(data=stored)
    assert all(name.startswith("backlit.") for name in untrusted)
    again = skops.loads(stored, trusted=untrusted)
    for estimator in (fitted, again):
        estimator.partial_fit(DIABETES, PROGRESS)
    assert np.array_equal(again.predict(DIABETES), fitted.predict(DIABETES))


def test_a_network_continues_training_in_the_engine():
    classifier = MLPClassifier(**SMALL).fit(IRIS, SPECIES)
    network = classifier.to_network()
    before = network.parameters.copy()
    Training(network, IRIS, SPECIES, epochs=1).run()
    assert not np.array_equal(network.parameters, before)
    assert np.array_equal(classifier.to_network().parameters, before)


def test_weights_can_be_written_through_the_views():
    regressor = MLPRegressor(hidden_layer_sizes=3, max_iter=2, random_state=0).fit(DIABETES, PROGRESS)
    regressor.coefs_[1] = np.zeros((3, 1))
    regressor.intercepts_[1][:] = 7.0
    assert set(regressor.predict(DIABETES)) == {7.0}
    regressor.coefs_ = [np.zeros_like(W) for W in regressor.coefs_]
    assert not regressor.coefs_[0].any()


def test_divergence_says_where_and_keeps_the_last_good_weights():
    regressor = MLPRegressor(solver="sgd", learning_rate_init=1e6, random_state=0)
    with pytest.raises(
        ValueError, match=r"non-finite .* epoch \d+, batch \d+: the (output of layer \d|loss) .* smaller rate"
    ):
        regressor.fit(DIABETES, PROGRESS)
    assert np.isfinite(regressor.predict(DIABETES)).all()
    with pytest.warns(ConvergenceWarning, match="diverged"):
        regressor.set_params(early_stopping=True).fit(DIABETES, PROGRESS)
    assert np.isfinite(regressor.predict(DIABETES)).all()


@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}, {"n_members": 2}, {"solver": "lbfgs"}], ids=str)
def test_ctrl_c_keeps_the_model_and_warns(settings):
    many = {
        "max_iter": 30_000,  # minutes at the most, should the signal get lost
        "tol": 0.0,
        "n_iter_no_change": 10**6,
        "random_state": 0,
        "hidden_layer_sizes": (100, 50),
    }
    X, y = np.tile(IRIS, (20, 1)) + np.random.default_rng(0).normal(size=(3000, 4)), np.tile(SPECIES, 20)
    MLPClassifier(**many | settings | {"max_iter": 1}).fit(X, y)  # compiles
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # workers of pytest-xdist ignore it
    try:
        timer.start()
        with pytest.warns(UserWarning, match="interrupted by user"):
            classifier = MLPClassifier(**many | settings).fit(X, y)
    finally:
        signal.signal(signal.SIGINT, before)
    timer.join()
    assert 0 < classifier.n_iter_ < many["max_iter"]
    assert classifier.score(X, y) > 0.5


def test_callbacks_see_every_epoch_and_may_stop():
    callback = pytest.importorskip("sklearn.callback")
    monitor = callback.ScoringMonitor(scoring="accuracy")

    class StopAtThree:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...
        def on_fit_task_end(self, estimator, context):
            return context.task_name == "epoch" and context.task_id == 2

    classifier = MLPClassifier(**SMALL).set_callbacks(monitor, StopAtThree()).fit(IRIS, SPECIES)
    assert classifier.n_iter_ == 3
    scores = [row["accuracy"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == 3
    assert scores[-1] == classifier.score(IRIS, SPECIES)


def test_the_notebook_shows_the_network_and_its_size():
    classifier = MLPClassifier((12, 5)).fit(IRIS, SPECIES)
    html = classifier._repr_html_()
    assert "print-color-adjust" in html  # a picture, as notebooks that are not trusted show it
    assert f"{classifier.to_network().parameters.size:,} parameters" in html
    assert "print-color-adjust" not in MLPClassifier()._repr_html_()


REFUSED = [
    ({"activation": ["relu", "tanh"]}, "2 activations for 1 hidden"),
    ({"loss": "cross_entropy"}, "three or more classes"),
    ({"hidden_layer_sizes": (3, 0)}, "must be > 0"),
    ({"hidden_layers": ["nonsense"]}, "nonsense"),
    ({"dropout": 1.0}, "dropout"),
    ({"solver": "adamm"}, "solver"),
    ({"solver": "lbfgs", "clip_norm": 1.0}, "no updates to which clip_norm=1.0 could apply"),
    ({"solver": "lbfgs", "clip_value": 1.0}, "clip_value=1.0"),
    ({"solver": "lbfgs", "max_norm": 1.0}, "max_norm=1.0"),
    ({"solver": LBFGS(), "weight_decay": 0.1}, "weight_decay=0.1"),
]


@pytest.mark.parametrize(("settings", "message"), REFUSED)
def test_wrong_settings_are_refused_by_name(settings, message):
    with pytest.raises((ValueError, KeyError), match=message):
        MLPClassifier(**settings).fit(IRIS, SPECIES > 0)


BAD_DATA = [
    (np.where(IRIS > 2, np.nan, IRIS), SPECIES, None, "NaN"),
    (IRIS[:, 0], SPECIES, None, "2D array"),
    (IRIS, SPECIES[:-1], None, "inconsistent"),
    (IRIS, SPECIES, -np.ones(150), "[Nn]egative"),
    (IRIS, SPECIES, np.zeros(150), "zero|all 0"),
    (np.array([["a"] * 4] * 150), SPECIES, None, "could not convert|dtype"),
    (IRIS, np.linspace(0, 1, 150), None, "Unknown label type"),
]


@pytest.mark.parametrize(("X", "y", "weights", "message"), BAD_DATA)
def test_bad_data_is_refused_as_scikit_learn_does(X, y, weights, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier().fit(X, y, weights)


def test_losses_of_classes_are_no_losses_of_numbers():
    assert "hinge" in losses
    with pytest.raises(ValueError, match="loss"):
        MLPRegressor(loss="hinge").fit(DIABETES, PROGRESS)
    with warnings.catch_warnings(), pytest.raises(ValueError, match="poisson"):
        MLPRegressor(loss="poisson", scale_target=True).fit(DIABETES, PROGRESS)
