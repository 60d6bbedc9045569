"""The valley of a path that is given: the record of the path repeated, and a surface that later weights lie on."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from backlit.analysis.valley.growing import GrowingValley, weight_names
from backlit.analysis.valley.valley import valley
from backlit.engine import Network, SteppedTraining
from backlit.errors import BacklitError, collecting
from backlit.ops.layers.dense import Dense
from backlit.ops.registry import optimizers
from backlit.page.kept import KeptWeights

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = np.array([[0.0], [1.0], [1.0], [0.0]])


def driven(epochs: int, each: str = "epoch", units: int = 2, **settings):
    """Give a training driven epoch by epoch, or update by update, and its weights on the way."""
    layers = [Dense(units, "sigmoid"), Dense(1, "sigmoid")] if units else [Dense(1)]
    network = Network(layers, 2 if units else 1, loss="half_squared_error", seed=3)
    rows = (X, Y) if units else (X[:, 1:], Y)
    given = {"optimizer": "sgd", "batch_size": 2, "epochs": epochs, "l2": 1e-3, "compiled": False} | settings
    training = SteppedTraining(network, *rows, **given)
    kept = KeptWeights(network)
    kept.add(0, 0, network.parameters, network.state)
    while training.stopped is None:
        with collecting([]):  # where it diverges, it says so
            training.advance(**({"epochs": 1} if each == "epoch" else {"updates": 1}), seconds=np.inf)
        kept.add(len(training.history), training.step, network.parameters, network.state)
    return training, kept.all()


@pytest.mark.parametrize("each", ["epoch", "step"])
@pytest.mark.parametrize("over", ["path", ("w(i2,h1)", "b(o1)")])
def test_a_given_path_gives_the_record_of_the_path_repeated(each, over):
    training, moments = driven(9, each)
    names = None if over == "path" else over
    assert GrowingValley(training, moments, over, 100).valley(7) == valley(
        training, weights=names, each=each, resolution=7
    )


def test_a_path_that_leaves_is_cut_where_the_repeated_one_is():
    training, moments = driven(40, units=0, optimizer=optimizers.from_dict({"op": "sgd", "rate": 2.2}))
    mine, repeated = GrowingValley(training, moments, "path", 100).valley(3), valley(training, resolution=3)
    assert mine == repeated
    assert mine.paths[0].far > 0


def test_over_the_steepest_weights_the_reason_is_given():
    training, moments = driven(60, optimizer=optimizers.from_dict({"op": "sgd", "rate": 3.0}))
    found = GrowingValley(training, moments[:6], "steepest", 100).valley(3)
    network = training.network.copy()
    network.parameters[:] = moments[5].parameters
    gradient = np.concatenate([values.ravel() for values in network.gradient(X, Y).values()])
    slopes = dict(zip(weight_names(training.network, 99), gradient, strict=True))
    steepest = sorted(slopes, key=lambda name: -abs(slopes[name]))[:2]
    assert [found.x_name, found.y_name] == steepest
    assert "largest slopes" in found.chosen
    assert found.paths[0].points[-1].true == found.paths[0].points[-1].drawn


def test_of_many_rows_a_part_is_taken_and_said():
    training, moments = driven(5)
    found = GrowingValley(training, moments, "path", 3).valley(3)
    assert "the mean of 3 of 4 rows" in found.what
    part = [0, 1, 3]
    loss = training.network.evaluate(X[part], Y[part], compiled=False, metrics=()).loss
    weights = training.network["1.W"], training.network["2.W"]
    penalty = 0.5e-3 * sum(float((values**2).sum()) for values in weights)
    assert found.paths[0].points[-1].true == pytest.approx(loss + penalty)


def test_later_weights_lie_where_the_record_would_have_them():
    training, moments = driven(9)
    early = GrowingValley(training, moments[:6], "path", 100)
    x, y = early.below(moments[8].parameters)
    away = moments[8].parameters - moments[5].parameters
    assert (x, y) == pytest.approx((float(away @ early.plane.along), float(away @ early.plane.across)))
    assert early.below(moments[5].parameters) == (0.0, 0.0)
    assert [point.epoch for point in early.valley(3).paths[0].points] == list(range(6))


def test_what_is_raised_between_two_places_ends_the_work():
    training, moments = driven(3)
    asked = []

    def between() -> None:
        asked.append(1)
        if len(asked) == 5:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        GrowingValley(training, moments, "path", 100).valley(9, between)
    assert len(asked) == 5


def test_a_path_of_one_line_and_a_network_of_one_weight_say_what_is_missing():
    training, moments = driven(5)
    with pytest.raises(BacklitError, match="two directions"):
        GrowingValley(training, moments[:2], "path", 100)
    alone = Network([Dense(1, bias=False)], 1, loss="mse")
    single = SteppedTraining(alone, X[:, 1:], Y, epochs=1, compiled=False)
    kept = KeptWeights(alone)
    kept.add(0, 0, alone.parameters, alone.state)
    with pytest.raises(BacklitError, match="trains 1 number"):
        GrowingValley(single, kept.all(), "path", 100)
    assert msgspec.json.encode(weight_names(training.network, 2)) == b'["w(i1,h1)","w(i1,h2)"]'
