"""The valley: its surface is the engine's error, its path the training's, and what differs is said."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from backlit.analysis.valley import path as descent_path
from backlit.analysis.valley import words as valley_words
from backlit.analysis.valley.single_weights import trained_places, weight_at
from backlit.analysis.valley.valley import valley
from backlit.engine import Network, Training
from backlit.errors import BacklitError
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.dropout import Dropout
from backlit.ops.layers.normalization import BatchNorm
from backlit.ops.optimizers.descent import SGD

pytestmark = pytest.mark.filterwarnings("ignore::backlit.errors.BacklitWarning")

RNG = np.random.default_rng(0)
X1, Y1 = RNG.normal(size=(9, 1)), RNG.normal(size=(9, 1))
X, Y = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([0.0, 1.0, 1.0, 0.0])


def neuron(**how):
    return Network([Dense(1, weights=[[-1.0]], biases=[0.5], **how)], 1, "mse")


def descent(network=None, **settings):
    settings = {"optimizer": SGD(0.2), "batch_size": "full", "epochs": 6, "compiled": False} | settings
    return Training(network or neuron(), X1, Y1, **settings)


def xor(dtype="float64", **settings):
    network = Network([Dense(2, "tanh"), Dense(1, "sigmoid")], 2, "binary_cross_entropy", seed=2, dtype=dtype)
    return Training(
        network, X, Y, **{"optimizer": SGD(0.5), "batch_size": "full", "epochs": 30, "compiled": False} | settings
    )


def test_the_valley_of_a_neuron_is_its_formula():
    found = valley(descent(l2=0.3), resolution=7)
    w, b = np.meshgrid(found.x, found.y)
    error = ((w[..., None] * X1[:, 0] + b[..., None] - Y1[:, 0]) ** 2).mean(axis=-1) + 0.15 * w**2
    np.testing.assert_allclose(np.array(found.error), error, rtol=1e-13)
    w, b = -1.0, 0.5
    for point in found.paths[0].points:  # w - rate * slope, by hand
        assert (point.x, point.y) == (pytest.approx(w, rel=1e-12), pytest.approx(b, rel=1e-12))
        apart = w * X1 + b - Y1
        assert point.true == point.drawn == pytest.approx(float((apart**2).mean()) + 0.15 * w**2, rel=1e-12)
        w, b = w - 0.2 * (2.0 * float((apart * X1).mean()) + 0.3 * w), b - 0.2 * 2.0 * float(apart.mean())
    assert (found.kind, found.x_name, found.y_name, found.weights) == ("weights", "w(i1,o1)", "b(o1)", 2)
    assert found.hypothetical
    assert "l2 = 0.3" in found.what
    assert "mean of 9 rows" in found.what
    inside = [found.x[0] < p.x < found.x[-1] and found.y[0] < p.y < found.y[-1] for p in found.paths[0].points]
    assert all(inside)


@pytest.mark.parametrize("names", [("w(i2,h1)", "b(o1)"), ("1.W[1,0]", "2.b[0]"), ("steep", "2.b[0]")])
def test_over_two_weights_all_others_are_those_of_the_end(names):
    training = xor()
    kept = [training.network.parameters.copy()]
    for _ in training:
        kept.append(training.network.parameters.copy())
    found = valley(training, weights=names, resolution=5, labels={"w(i2,h1)": "steep", "w(i1,h1)": "<b>"})
    assert (found.x_name, found.y_name, found.hypothetical) == ("steep", "b(o1)", False)
    end = training.network.copy()
    for (i, y), (k, x) in itertools.product(enumerate(found.y), enumerate(found.x)):
        end["1.W"][1, 0], end["2.b"][0] = x, y
        error = found.error[i][k]
        assert error == pytest.approx(end.evaluate(X, Y, compiled=False, metrics=()).loss, rel=1e-13)
    for point, weights in zip(found.paths[0].points, kept, strict=True):
        own = training.network.copy()
        own.parameters[:] = weights
        assert (point.x, point.y) == (own["1.W"][1, 0], own["2.b"][0])
        assert point.true == pytest.approx(own.evaluate(X, Y, compiled=False, metrics=()).loss, rel=1e-13)
        end["1.W"][1, 0], end["2.b"][0] = point.x, point.y
        assert point.drawn == pytest.approx(end.evaluate(X, Y, compiled=False, metrics=()).loss, rel=1e-13)
    assert found.paths[0].points[0].true != found.paths[0].points[0].drawn
    assert found.paths[0].points[-1].true == found.paths[0].points[-1].drawn


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_main_plane_is_that_of_the_path(dtype):
    training = xor(dtype)
    kept = [training.network.parameters.astype(float)]
    for _ in training:
        kept.append(training.network.parameters.astype(float))
    found = valley(training, resolution=5)
    away = np.array(kept) - kept[-1]
    values, vectors = np.linalg.eigh(away.T @ away)
    places = away @ vectors[:, :-3:-1]
    points = found.paths[0].points
    np.testing.assert_allclose(np.abs([(p.x, p.y) for p in points]), np.abs(places), atol=1e-9)
    assert found.share == pytest.approx(values[-2:].sum() / values.sum())
    assert found.share < 1.0
    assert found.shares == pytest.approx((values[-1] / values.sum(), values[-2] / values.sum()))
    below = training.network.copy()
    for point, place in zip(points, places, strict=True):
        below.parameters[:] = kept[-1] + vectors[:, :-3:-1] @ place
        drawn = below.evaluate(X, Y, compiled=False, metrics=()).loss
        assert point.drawn == pytest.approx(drawn, rel=1e-9 if dtype == "float64" else 1e-5)
    assert (points[-1].x, points[-1].y, points[-1].true) == (0.0, 0.0, points[-1].drawn)
    assert points[0].true != points[0].drawn
    wide, high = found.x[-1] - found.x[0], found.y[-1] - found.y[0]
    assert wide == pytest.approx(high)


@pytest.mark.parametrize("compiled", [False, True])
def test_training_and_network_stay_as_they_are(compiled):
    calls = []
    training = xor(compiled=compiled, epochs=3, callbacks=lambda epoch: calls.append(epoch.number), time_limit=1e9)
    before = training.state
    first = valley(training, resolution=3)
    assert training.state == before
    assert not calls
    assert first.hypothetical
    training.run()
    after = training.state
    assert calls == [1, 2, 3]
    assert valley(training, resolution=3).paths == first.paths
    assert training.state == after
    assert calls == [1, 2, 3]


def test_points_after_each_update():
    found = valley(descent(batch_size=4), each="step", resolution=3)
    assert [(p.epoch, p.step) for p in found.paths[0].points][:5] == [(0, 0), (0, 1), (0, 2), (1, 3), (1, 4)]
    assert (found.paths[0].updates, found.paths[0].epochs, len(found.paths[0].points)) == (18, 6, 19)


def test_a_long_path_keeps_its_ends(monkeypatch):
    monkeypatch.setattr(descent_path, "MOST_POINTS", 20)
    path = valley(descent(epochs=61), resolution=3).paths[0]
    assert [p.epoch for p in path.points][::19] == [0, 61]
    assert (len(path.points), path.left_out, path.far) == (20, 42, 0)
    monkeypatch.setattr(descent_path, "NUMBERS", 1)
    assert len(valley(descent(epochs=61), resolution=3).paths[0].points) == descent_path.FEWEST_POINTS


def test_a_path_that_diverges_keeps_its_first_points(monkeypatch):
    whole = valley(descent(optimizer=SGD(1.3), epochs=3000), resolution=9)
    monkeypatch.setattr(descent_path, "MOST_POINTS", 20)
    found = valley(descent(optimizer=SGD(1.3), epochs=3000), resolution=9)
    path = found.paths[0]
    assert found == whole
    assert path.ended.startswith("diverged in epoch")
    assert path.far > 100
    assert path.left_out == 0
    assert [p.epoch for p in path.points] == [*range(len(path.points))]
    assert len(path.points) > 3
    assert path.far + len(path.points) == path.epochs + 1
    assert all(math.isfinite(e) for row in found.error for e in row)
    assert max(map(abs, found.x)) < 1000


def test_places_without_a_finite_error_are_none():
    found = valley(neuron(), X1, Y1, resolution=3, x_range=(-1e200, 1e200), y_range=(-1, 1))
    assert [[e is None for e in row] for row in found.error] == [[True, False, True]] * 3
    single = Network([Dense(1, weights=[[-1.0]])], 1, "mse", dtype="float32")
    assert valley(single, X1, Y1, resolution=3, x_range=(-1e30, 1e30)).error[0] == (
        None,
        *[pytest.approx(3, abs=9)],
        None,
    )


def test_the_best_epoch_whose_weights_the_network_got_is_named():
    training = descent(optimizer=SGD(0.9), validation=(X1[:3], -Y1[:3]), epochs=8).run()
    path = valley(training, resolution=3).paths[0]
    assert path.kept == training.best.number < 8
    assert path.points[path.kept].true == valley(training.network, X1, Y1, resolution=3, x_range=(
        path.points[path.kept].x, 9.0), y_range=(path.points[path.kept].y, 9.0)).error[0][0]  # fmt: skip


def test_a_network_without_a_path():
    network = Network([Dense(3, "tanh"), Dense(1)], 1, "mse", seed=5)
    found = valley(network, X1, Y1, resolution=3)
    slopes = {weight_at(network, k, {}).name: abs(slope) for k, slope in enumerate(_slopes(network))}
    steepest = sorted(slopes, key=slopes.get)[-2:]
    assert {found.x_name, found.y_name} == set(steepest)
    assert f"dE/d{found.x_name} = " in found.chosen
    assert found.paths == ()
    assert found.share is None
    assert found.here == tuple(network.parameters[weight_place(network, name)] for name in (found.x_name, found.y_name))
    assert found.error[1][1] is not None


def _slopes(network):
    return np.concatenate([slope.ravel() for slope in network.gradient(X1, Y1, compiled=False).values()])


def weight_place(network, name):
    return next(k for k in range(network.parameters.size) if weight_at(network, k, {}).name == name)


def test_frozen_weights_stay_and_two_others_are_taken():
    network = Network([Dense(2, "tanh", freeze=("W", "b")), Dense(1, freeze=("b",))], 1, "mse", seed=1)
    assert trained_places(network).tolist() == [4, 5]
    found = valley(Training(network, X1, Y1, epochs=3, compiled=False), resolution=3)
    assert (found.x_name, found.y_name, found.kind) == ("w(h1,o1)", "w(h2,o1)", "weights")
    assert all(point.true == point.drawn for point in found.paths[0].points)


def test_batch_norm_and_dropout_leave_the_error_a_function_of_the_weights():
    chain = [Dense(3, "tanh"), BatchNorm(), Dropout(0.5), Dense(1)]
    training = Training(Network(chain, 1, "mse", seed=1), X1, Y1, epochs=5, batch_size=4, compiled=False)
    found = valley(training, resolution=3, each="step")
    assert found.paths[0].points[-1].true == found.paths[0].points[-1].drawn
    assert "without dropout" in found.what
    assert "batch normalization" in found.what


def test_several_paths_on_one_valley():
    trainings = {"batch": descent(), "<stochastic>": descent(batch_size=1, optimizer=SGD(0.05), epochs=2)}
    found = valley(trainings, resolution=3)
    assert [path.name for path in found.paths] == ["batch", "<stochastic>"]
    assert found.paths[0].points == valley(trainings["batch"], resolution=3).paths[0].points
    assert {path.points[0].true for path in found.paths} == {found.paths[0].points[0].true}
    planes = valley({"a": xor(), "b": xor(optimizer="adam")}, resolution=3)
    assert planes.kind == "plane"
    assert 0.0 < planes.share < 1.0


def test_l_bfgs_has_a_path_of_its_iterations():
    training = xor(optimizer="lbfgs")
    (path,) = valley(training, resolution=3).paths
    assert path.points[-1].true < path.points[0].true
    assert [point.step for point in path.points] == list(range(path.updates + 1))


def test_the_plane_of_several_paths_is_that_of_the_first_ones_end():
    found = valley({"a": xor(), "b": xor(optimizer=SGD(0.1))}, resolution=3)
    assert (found.paths[0].points[-1].x, found.paths[0].points[-1].y) == (0.0, 0.0)
    assert found.base == "The plane goes through the last weights of the path 'a', which are at 0, 0."


def test_the_rows_of_the_error_can_be_others():
    found = valley(descent(), X1[:4], Y1[:4], sample_weight=[1, 2, 0, 1], resolution=3)
    assert "mean of 4 other rows, each counted by its weight" in found.what
    first = found.paths[0].points[0]
    assert first.true == pytest.approx(np.average(((-X1 + 0.5 - Y1) ** 2)[:4, 0], weights=[1, 2, 0, 1]))


def test_threads_do_not_change_a_bit(monkeypatch):
    training = xor(compiled=True, threads=2)
    alone = valley(training, resolution=5)
    monkeypatch.setattr(valley_words, "THREADED_WORK", 0)
    assert valley(training, resolution=5) == alone


REFUSED = {
    "the network trains 1 number": lambda: valley(Network([Dense(1, bias=False)], 1, "mse"), X1, Y1),
    "the path does not move": lambda: valley(xor(epochs=0)),
    "the path has 2 points on one line": lambda: valley(xor(epochs=1)),
    "leaves at once for weights far beyond": lambda: valley(xor(optimizer=SGD(1e9))),
    "did you mean 'w(i2,h1)'": lambda: valley(xor(), weights=("w(i3,h1)", "b(h1)")),
    "no place of 1.W, which has shape (2, 2)": lambda: valley(xor(), weights=("1.W[0,2]", "b(h1)")),
    "no place of 1.W": lambda: valley(xor(), weights=("1.W[0]", "b(h1)")),
    "has no ''": lambda: valley(xor(), weights=("", "b(h1)")),
    "the same weight": lambda: valley(xor(), weights=("1.b[0]", "b(h1)")),
    "expected the names of two weights": lambda: valley(xor(), weights="w1"),
    "names of two weights": lambda: valley(xor(), weights=("b(h1)",)),
    "weights is 3; expected the names of two": lambda: valley(xor(), weights=3),
    "labels: the network has no 'w(i3,h1)'; did you mean": lambda: valley(xor(), labels={"w(i3,h1)": "a"}),
    "labels is ['a']; expected names by weights": lambda: valley(xor(), labels=["a"]),
    "x_range is (1, -1)": lambda: valley(xor(), x_range=(1, -1)),
    "y_range is 'ab'": lambda: valley(xor(), y_range="ab"),
    "y_range is (0, inf)": lambda: valley(xor(), y_range=(0, math.inf)),
    "resolution is 1;": lambda: valley(xor(), resolution=1),
    "each is 'batch'; expected 'epoch' or 'step'": lambda: valley(xor(), each="batch"),
    "was given a NoneType": lambda: valley(None),
    "a network without rows": lambda: valley(xor().network),
    "X has no rows": lambda: valley(neuron(), X1[:0], Y1[:0]),
    "only a part of other rows": lambda: valley(xor(), X),
    "have other rows": lambda: valley({"a": descent(), "b": Training(neuron(), X1[:3], Y1[:3])}),
    "have other layers": lambda: valley({"a": descent(), "b": descent(neuron(activation="tanh"))}),
    "have other losses": lambda: valley({"a": descent(), "b": descent(Network([Dense(1)], 1, "huber"))}),
    "have other penalties": lambda: valley({"a": descent(), "b": descent(l2=0.1)}),
    "order=": lambda: valley(descent(order=lambda: np.arange(9))),
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_has_no_valley_is_refused_in_words(said):
    with pytest.raises(BacklitError) as caught:
        REFUSED[said]()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
