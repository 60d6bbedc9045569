"""A network measured on rows: its loss and metrics, its gradient by name, the outputs of its layers."""

from __future__ import annotations

import copy
import functools
import pickle
from typing import ClassVar

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn import metrics

import backlit as bl
from backlit.engine.unit_names import element_name
from backlit.explain.quantity_names import Names
from backlit.ops.registry import optimizers, register

RNG = np.random.default_rng(5)
X = RNG.normal(size=(23, 4))
CLASSES = RNG.integers(0, 3, 23)
LABELS = RNG.integers(0, 2, (23, 2)).astype(float)
NUMBERS = RNG.normal(size=(23, 2))
WEIGHTS = RNG.uniform(0.5, 2.0, 23)
HIDDEN = (bl.Dense(5, "tanh"),)
both_modes = pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])


def network(loss="cross_entropy", last="softmax", outputs=3, hidden=HIDDEN, dtype="float64"):
    return bl.Network([*hidden, bl.Dense(outputs, last or "identity")], 4, loss, dtype=dtype, seed=3)


# ---------------------------------------------------------------------------------------------------------------- loss


@both_modes
@pytest.mark.parametrize("reduction", ["sum", "mean", "mean_all"])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["no weights", "weights"])
def test_the_loss_is_that_of_validation_rows(reduction, weights, compiled):
    net = network(bl.MSE(reduction=reduction), None, 2)
    given = (X, NUMBERS) if weights is None else (X, NUMBERS, weights)
    [epoch] = bl.Training(net, X, NUMBERS, optimizer=bl.SGD(0.0), epochs=1, validation=given, compiled=compiled)
    found = net.evaluate(X, NUMBERS, sample_weight=weights, compiled=compiled)
    assert found.loss == pytest.approx(epoch.validation_loss, rel=1e-13)
    rows = ((net.predict(X) - NUMBERS) ** 2).sum(axis=1)
    np.testing.assert_allclose(found.row_losses, rows, rtol=1e-12)
    w = np.ones(23) if weights is None else weights
    divisor = {"sum": 1.0, "mean": w.sum(), "mean_all": 2 * w.sum()}[reduction]
    assert found.loss == pytest.approx((w * rows).sum() / divisor, rel=1e-12)


@both_modes
@pytest.mark.parametrize(
    ("loss", "last", "targets"),
    [("cross_entropy", "softmax", CLASSES), ("binary_cross_entropy", "sigmoid", LABELS), ("mse", None, NUMBERS),
     ("mse", "tanh", NUMBERS)],
)  # fmt: skip
def test_metrics_are_given_what_the_network_predicts_bit_for_bit(loss, last, targets, compiled):
    seen = []
    net = network(loss, last, 3 if targets is CLASSES else 2, (bl.Residual([bl.Dense(4, "relu")]), bl.BatchNorm()))
    net.evaluate(X, targets, metrics={"seen": lambda T, A: seen.append(A.copy()) or 0.0}, compiled=compiled)
    np.testing.assert_array_equal(seen[0], net.predict(X, compiled=compiled))


def test_an_evaluation_runs_each_row_forward_once(monkeypatch):
    counted, forward = [], bl.Dense.forward

    @functools.wraps(forward)
    def counting(**arrays):
        counted.append(len(arrays["X"]))
        return forward(**arrays)

    monkeypatch.setattr(bl.Dense, "forward", staticmethod(counting))
    network().evaluate(X, CLASSES, compiled=False)
    assert counted == [23, 23]  # of the two dense layers


def test_many_rows_are_measured_shard_by_shard(monkeypatch):
    from backlit.engine import evaluation

    net, found = network(), network().evaluate(X, CLASSES, compiled=False)
    monkeypatch.setattr(evaluation, "MANY_ROWS", 4)
    cut = net.evaluate(X, CLASSES, compiled=False)
    assert cut.metrics == pytest.approx(found.metrics, rel=1e-14)
    assert cut.loss == pytest.approx(found.loss, rel=1e-14)
    np.testing.assert_array_equal(cut.row_losses, found.row_losses)
    parts = [net.outputs(X[k : k + 5], 1, compiled=False) for k in range(0, 23, 5)]
    np.testing.assert_allclose(net.outputs(X, 1, compiled=False), np.concatenate(parts), rtol=1e-13)


@both_modes
def test_dropout_is_off_and_batch_norm_takes_its_running_statistics(compiled):
    net = network(hidden=(bl.Dense(5, "relu"), bl.BatchNorm(), bl.Dropout(0.5)))
    bl.Training(net, X, CLASSES, epochs=3, compiled=compiled).run()
    before = net.state.copy()
    alone = [net.evaluate(X[k : k + 1], CLASSES[k : k + 1], compiled=compiled).loss for k in range(23)]
    assert net.evaluate(X, CLASSES, compiled=compiled).loss == pytest.approx(np.mean(alone), rel=1e-12)
    np.testing.assert_array_equal(net.state, before)


# ------------------------------------------------------------------------------------------------------------- metrics


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["no weights", "weights"])
@pytest.mark.parametrize(("loss", "last"), [("cross_entropy", "softmax"), ("softmax_cross_entropy", None)])
def test_metrics_of_classes_are_scikit_learns(loss, last, weights):
    net, wanted = network(loss, last), network("cross_entropy", "softmax")
    wanted.parameters = net.parameters
    P = wanted.predict(X, compiled=False)
    names = ["accuracy", "balanced_accuracy", "f1", "log_loss", "auc"]
    found = net.evaluate(X, CLASSES, sample_weight=weights, metrics=names, compiled=False).metrics
    chosen = P.argmax(axis=1)
    assert found == pytest.approx({
        "accuracy": metrics.accuracy_score(CLASSES, chosen, sample_weight=weights),
        "balanced_accuracy": metrics.balanced_accuracy_score(CLASSES, chosen, sample_weight=weights),
        "f1": metrics.f1_score(CLASSES, chosen, average="macro", sample_weight=weights, zero_division=0.0),
        "log_loss": metrics.log_loss(CLASSES, P, sample_weight=weights),
        "auc": metrics.roc_auc_score(CLASSES, P, multi_class="ovr", sample_weight=weights),
    }, rel=1e-12)  # fmt: skip
    assert [*net.evaluate(X, np.eye(3)[CLASSES], compiled=False).metrics] == ["accuracy", "log_loss"]


@pytest.mark.parametrize(("loss", "last"), [("binary_cross_entropy", "sigmoid"),
                                            ("sigmoid_binary_cross_entropy", None)])  # fmt: skip
def test_metrics_of_labels_count_them_one_by_one(loss, last):
    net = network(loss, last, 2)
    z = net.outputs(X, 2, activated=False, compiled=False)
    found = net.evaluate(X, LABELS, compiled=False).metrics
    assert found["accuracy"] == np.mean((z > 0) == LABELS)
    p = 1 / (1 + np.exp(-z))
    assert found["log_loss"] == pytest.approx(-np.mean(LABELS * np.log(p) + (1 - LABELS) * np.log(1 - p)))
    soft = net.evaluate(X, 0.9 * LABELS, compiled=False).metrics
    assert [*soft] == ["r2", "rmse", "mae"]


def test_the_weight_of_a_row_counts_for_each_of_its_labels():
    net = network("binary_cross_entropy", "sigmoid", 2)
    p = net.predict(X, compiled=False)
    found = net.evaluate(X, LABELS, sample_weight=WEIGHTS, compiled=False).metrics
    each = WEIGHTS[:, None] / (2 * WEIGHTS.sum())
    assert found["accuracy"] == pytest.approx((each * ((p > 0.5) == LABELS)).sum(), rel=1e-12)
    log_loss = -(each * (LABELS * np.log(p) + (1 - LABELS) * np.log(1 - p))).sum()
    assert found["log_loss"] == pytest.approx(log_loss, rel=1e-12)


def test_the_weight_of_a_row_counts_for_each_of_its_counts():
    net, T = network("exp_poisson", None, 2), RNG.integers(1, 5, (23, 2)).astype(float)
    mean = np.exp(net.predict(X, compiled=False))
    found = net.evaluate(X, T, sample_weight=WEIGHTS, compiled=False)["poisson_deviance"]
    deviance = 2 * (T * np.log(T / mean) - T + mean)
    assert found == pytest.approx((WEIGHTS[:, None] * deviance).sum() / (2 * WEIGHTS.sum()), rel=1e-12)


def test_metrics_of_numbers():
    found = network("mse", None, 2).evaluate(X, NUMBERS, compiled=False)
    A = network("mse", None, 2).predict(X, compiled=False)
    assert found.metrics == pytest.approx({
        "r2": metrics.r2_score(NUMBERS, A), "rmse": metrics.root_mean_squared_error(NUMBERS, A),
        "mae": metrics.mean_absolute_error(NUMBERS, A),
    })  # fmt: skip
    assert np.isnan(network("mse", None, 2).evaluate(X[:1], NUMBERS[:1], compiled=False)["r2"])
    counts = network("exp_poisson", None, 1)
    mean = np.exp(counts.predict(X, compiled=False)[:, 0])
    told = counts.evaluate(X, CLASSES, compiled=False)
    assert told["poisson_deviance"] == pytest.approx(metrics.mean_poisson_deviance(CLASSES, mean))


def test_hinge_targets_may_be_minus_one_and_one():
    net = network("hinge", None, 1)
    yes = LABELS[:, :1]
    found = [net.evaluate(X, T, compiled=False).metrics for T in (yes, 2 * yes - 1)]
    assert found[0] == found[1] == {"accuracy": np.mean((net.predict(X, compiled=False) > 0) == yes)}


def test_a_metric_of_ones_own_is_given_targets_and_outputs():
    net = network("mse", None, 2)
    found = net.evaluate(X, NUMBERS, metrics={"largest": lambda T, A: np.abs(T - A).max(), "fit": "r2"}, compiled=False)
    assert found["largest"] == np.abs(NUMBERS - net.predict(X, compiled=False)).max()
    assert found["fit"] == net.evaluate(X, NUMBERS, compiled=False)["r2"]


def test_a_metric_named_loss_is_refused():
    with pytest.raises(bl.BacklitError, match="a metric is named 'loss'"):
        network().evaluate(X, CLASSES, metrics={"loss": lambda T, A: 0.0}, compiled=False)


@pytest.mark.parametrize(("name", "value"), [("seed", "a"), ("seed", 1.5), ("seed", -1), ("seed", True),
                                             ("step", 1.5), ("step", -5), ("step", "a")])  # fmt: skip
def test_a_gradient_by_another_seed_or_step_is_refused_with_words(name, value):
    with pytest.raises(
        bl.BacklitError, match=f"{name} is {value!r}; expected (a whole number|the number of an update)"
    ):
        network().gradient(X, CLASSES, **{name: value}, compiled=False)


SHAPES = {
    "class numbers": (("cross_entropy", "softmax", 3), CLASSES, (23,), (23, 3)),
    "one column of class numbers": (("cross_entropy", "softmax", 3), CLASSES[:, None], (23,), (23, 3)),
    "one-hot rows": (("cross_entropy", "softmax", 3), np.eye(3)[CLASSES], (23, 3), (23, 3)),
    "scores": (("softmax_cross_entropy", None, 3), CLASSES, (23,), (23, 3)),
    "a label": (("binary_cross_entropy", "sigmoid", 1), LABELS[:, 0], (23,), (23,)),
    "labels": (("binary_cross_entropy", "sigmoid", 2), LABELS, (23, 2), (23, 2)),
    "a number": (("mse", None, 1), NUMBERS[:, :1], (23,), (23,)),
    "numbers": (("mse", None, 2), NUMBERS, (23, 2), (23, 2)),
}


@pytest.mark.parametrize(("how", "targets", "T_shape", "A_shape"), SHAPES.values(), ids=SHAPES)
def test_a_metric_of_ones_own_is_given_the_shapes_that_people_expect(how, targets, T_shape, A_shape):
    seen = []
    own = {"mine": lambda T, A: float(seen.append((T.shape, A.shape)) is None)}
    net = network(*how)
    assert net.evaluate(X, targets, metrics=own, compiled=False).mine == 1.0
    run = bl.Training(net, X, targets, metrics=own, validation=(X, targets), epochs=1, compiled=False).run()
    assert run.best.mine == run.best.validation_mine == 1.0
    assert seen == [(T_shape, A_shape)] * 3


def test_scikit_learns_functions_are_metrics_of_ones_own():
    net = network()
    own = {
        "right": lambda T, A: (A.argmax(1) == T).mean(),
        "sklearn": lambda T, A, sample_weight=None: metrics.accuracy_score(T, A.argmax(1), sample_weight=sample_weight),
    }
    found = net.evaluate(X, CLASSES, metrics={**own, "known": "accuracy"}, compiled=False)
    assert found.right == found.sklearn == found.known == np.mean(net.predict(X, compiled=False).argmax(1) == CLASSES)
    weighed = net.evaluate(X, CLASSES, sample_weight=WEIGHTS, metrics={"own": own["sklearn"], "accuracy": "accuracy"},
                           compiled=False)  # fmt: skip
    assert weighed.own == weighed.accuracy != found.known
    label = network("binary_cross_entropy", "sigmoid", 1)
    found = label.evaluate(
        X, LABELS[:, 0], metrics={"own": lambda T, A: metrics.accuracy_score(T, A > 0.5), "known": "accuracy"},
        compiled=False,
    )  # fmt: skip
    assert found.own == found.known
    number = network("mse", None, 1)
    found = number.evaluate(X, NUMBERS[:, 0], metrics=[metrics.r2_score, "r2"], compiled=False)
    assert found.r2_score == found.r2


@pytest.mark.parametrize(("metric", "message"), [
    (lambda T, A: [1, 2], r"returned \[1, 2\]; expected a number"),
    (lambda T, A: None, "returned None; expected a number"),
    (lambda T, A: A[:, 0] == T, r"returned an array \(23,\); expected a number"),
    (lambda T, A: "good", "returned 'good'"),
    (lambda T: 1.0, "failed: TypeError: .* takes 1 positional"),
    (lambda T, A: A[:, 9].mean(), "failed: IndexError"),
])  # fmt: skip
def test_a_metric_that_fails_is_named(metric, message):
    with pytest.raises(bl.BacklitError, match=rf"the metric 'mine', called with targets \(23,\) and .*{message}"):
        network().evaluate(X, CLASSES, metrics={"mine": metric}, compiled=False)


def test_an_evaluation_is_read_by_name_and_not_unpacked():
    found = network().evaluate(X, CLASSES, compiled=False)
    assert dict(found) == found.to_dict() == {"loss": found.loss, **found.metrics}
    assert found.accuracy == found["accuracy"]
    assert "accuracy" in found
    assert "auc" not in found
    with pytest.raises(bl.BacklitError, match=r"is not unpacked; .* loss, accuracy, log_loss = found\.to_dict"):
        _loss, _accuracy = found  # as Keras has it
    with pytest.raises(AttributeError, match="has no 'auc'; it has loss, accuracy, log_loss"):
        _ = found.auc
    with pytest.raises(KeyError, match="did you mean 'accuracy'"):
        found["acc"]
    assert pickle.loads(pickle.dumps(found)).to_dict() == copy.deepcopy(found).to_dict() == found.to_dict()


def test_a_gradient_shows_itself_as_a_table():
    gradient = network().gradient(X, CLASSES, compiled=False)
    assert repr(gradient).startswith("{'1.W': array(")
    title, head, *lines = str(gradient).splitlines()
    assert (title, head.split()) == ("gradient dE/dw", ["array", "shape", "largest", "at", "norm"])
    assert [line.split()[0] for line in lines[:-1]] == [*gradient] == ["1.W", "1.b", "2.W", "2.b"]
    assert f"{np.linalg.norm(gradient['2.W']):.6g}" in lines[2]
    assert "display:table" in gradient._repr_html_()


def test_an_evaluation_shows_itself_as_a_table():
    found = network().evaluate(X, CLASSES, compiled=False)
    assert [line.split()[0] for line in str(found).splitlines()] == ["on", "loss", "accuracy", "log"]
    assert f"{found.loss:.9g}" in str(found)
    assert f"{found['accuracy']:.9g}" in found._repr_html_()
    assert found.to_dict() == {"loss": found.loss, **found.metrics}
    with pytest.raises(KeyError, match="there is no 'auc'; there are loss, accuracy, log_loss"):
        found["auc"]


# ------------------------------------------------------------------------------------------------------------ gradient


@pytest.fixture
def seen():
    """An optimizer that keeps the gradient that it is given."""

    @register("keeps_gradient")
    class KeepsGradient(bl.Optimizer, frozen=True):
        rate: float = 0.1
        slots: ClassVar[dict[str, float]] = {"v": 0.0}

        @staticmethod
        def update(w, g, v, rate):
            return w - rate * g, g + 0.0 * v

    yield KeepsGradient()
    del optimizers["keeps_gradient"]


@both_modes
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["no weights", "weights"])
@pytest.mark.parametrize("p", [0.0, 0.4], ids=["no dropout", "dropout"])
def test_the_gradient_is_what_a_step_hands_to_its_optimizer_bit_for_bit(p, weights, dtype, compiled, seen):
    hidden = (bl.Dense(5, "tanh"), bl.BatchNorm(), bl.Dropout(p), bl.Dense(4, "relu", freeze=("b",)))
    net = network(hidden=hidden, dtype=dtype)
    kept = net.parameters.copy(), net.state.copy()
    found = net.gradient(X, CLASSES, sample_weight=weights, l1=0.01, l2=0.1, seed=7 if p else None, compiled=compiled)
    assert [*found] == [name for name in net if name != "4.b"]
    for before, now in zip(kept, (net.parameters, net.state), strict=True):
        np.testing.assert_array_equal(now, before)
    training = bl.Training(net, X, CLASSES, sample_weight=weights, optimizer=seen, l1=0.01, l2=0.1, epochs=1, seed=7,
                           batch_size="full", compiled=compiled).run()  # fmt: skip
    for name, slope in found.items():
        start, shape = net.layout[name]
        assert slope.shape == shape
        assert slope.dtype == net.dtype
        got = training.memory.slots[start : start + slope.size].reshape(shape)
        np.testing.assert_array_equal(slope, got, err_msg=name)


def test_dropout_is_off_in_a_gradient_unless_a_seed_is_given():
    drops, keeps = (network(hidden=(bl.Dense(5, "tanh"), bl.Dropout(p))) for p in (0.5, 0.0))
    for name, slope in drops.gradient(X, CLASSES, compiled=False).items():
        np.testing.assert_array_equal(slope, keeps.gradient(X, CLASSES, compiled=False)[name])
    masked = [drops.gradient(X, CLASSES, seed=s, step=t, compiled=False)["1.W"] for s, t in ((1, 0), (1, 1), (2, 0))]
    assert len({array.tobytes() for array in masked}) == 3


def test_a_gradient_of_an_infinite_error_is_refused():
    with pytest.raises(bl.BacklitError, match="the error is inf"):
        network("mse", None, 2).gradient(1e300 * X, 1e200 * NUMBERS, compiled=False)


# ------------------------------------------------------------------------------------------------------------- outputs


@both_modes
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_outputs_of_a_layer_before_and_after_its_activation(dtype, compiled):
    net = network(hidden=(bl.Dense(5, "tanh"), bl.Dropout(0.5), "relu"), dtype=dtype)
    Z = X.astype(dtype) @ net["1.W"] + net["1.b"]
    close = {"rtol": 1e-5 if dtype == "float32" else 1e-12, "atol": 1e-6 if dtype == "float32" else 1e-14}
    np.testing.assert_allclose(net.outputs(X, 1, activated=False, compiled=compiled), Z, **close)
    for layer, wanted in ((1, np.tanh(Z)), ("2", np.tanh(Z)), (3, np.maximum(np.tanh(Z), 0))):
        found = net.outputs(X, layer, compiled=compiled)
        np.testing.assert_allclose(found, wanted, **close)
        assert found.dtype == net.dtype
    np.testing.assert_array_equal(net.outputs(X, 4, compiled=compiled), net.predict(X, compiled=compiled))
    alone = bl.Network(["tanh"], 4)
    np.testing.assert_array_equal(alone.outputs(X, 1, activated=False, compiled=compiled), X)


# ------------------------------------------------------------------------------------------------------------ refusals

REFUSED = {
    "a loss that is called": (lambda net: net.loss(X, CLASSES), r"write network.evaluate\(X, Y\).loss"),
    "a network that is called": (lambda net: net(X), r"write network.predict\(X\)"),
    "a row of one axis": (lambda net: net.evaluate(X[0], CLASSES[:1]), "A single row is given as"),
    "sparse rows": (lambda net: net.outputs(csr_matrix(X), 1), r"sparse csr_matrix .* give X.toarray\(\)"),
    "names of classes": (lambda net: net.evaluate(X, list("ab" * 11 + "c")), r"np.unique\(Y, return_inverse=True\)"),
    "no rows": (lambda net: net.evaluate(X[:0], CLASSES[:0]), "no rows"),
    "no rows for a gradient": (lambda net: net.gradient(X[:0], CLASSES[:0]), "no rows"),
    "targets that are missing": (lambda net: net.gradient(X, np.full((23, 3), np.nan)), "nan|Y holds values"),
    "a layer that is not there": (lambda net: net.outputs(X, 3), "layer is 3; the network has the layers 1, 2"),
    "true as a layer": (lambda net: net.outputs(X, True), "layer is True"),
    "an unknown metric": (lambda net: net.evaluate(X, CLASSES, metrics="acc"), "did you mean 'accuracy'"),
    "a metric of numbers": (lambda net: net.evaluate(X, CLASSES, metrics=["r2"]), "'r2' is of numbers; .* of classes"),
    "a metric without a name": (lambda net: net.evaluate(X, CLASSES, metrics=lambda T, A: 0), "give it a name"),
    "a metric that is no function": (lambda net: net.evaluate(X, CLASSES, metrics={"a": 3}), "expected a name or"),
    "weights for a metric without": (
        lambda net: net.evaluate(X, CLASSES, sample_weight=WEIGHTS, metrics={"a": lambda T, A: 0.0}),
        "takes no sample_weight",
    ),
    "a negative penalty": (lambda net: net.gradient(X, CLASSES, l2=-1.0), "l2 is -1"),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused_in_words(call, message):
    with pytest.raises(bl.BacklitError, match=message):
        call(network())


@pytest.mark.parametrize(("name", "wanted"), [
    ("fit", r"bl.Training\(network, X, Y\).run\(\)"), ("backward", r"network.gradient\(X, Y\)"),
    ("colour", "'colour'.$"),
])  # fmt: skip
def test_a_method_of_other_libraries_leads_to_ours(name, wanted):
    assert not hasattr(network(), name)
    with pytest.raises(AttributeError, match=wanted):
        getattr(network(), name)
    assert not hasattr(object.__new__(bl.Network), "_predictors")


LEARNS_NOTHING = {
    "softmax of one unit": ([bl.Dense(8, "relu"), bl.Dense(1, "softmax")], "cross_entropy"),
    "softmax of one unit, another loss": ([bl.Dense(1, "softmax")], "mse"),
    "one sigmoid": ([bl.Dense(1, "sigmoid")], "cross_entropy"),
    "one score": ([bl.Dense(1)], "softmax_cross_entropy"),
    "one margin": ([bl.Dense(1)], "multiclass_hinge"),
}


@pytest.mark.parametrize(("layers", "loss"), LEARNS_NOTHING.values(), ids=LEARNS_NOTHING)
def test_a_network_that_cannot_learn_is_refused(layers, loss):
    with pytest.raises(bl.BacklitError, match=r"learn.*'sigmoid'.*'binary_cross_entropy'.*Dense\(2, 'softmax'\)"):
        bl.Network(layers, 4, loss)


@pytest.mark.parametrize("hidden", [
    (bl.Dense(1, "softmax"),), (bl.Dense(3), bl.Dense(1), "softmax"),
], ids=["softmax", "softmax alone"])  # fmt: skip
def test_a_softmax_of_one_unit_is_refused_anywhere(hidden):
    with pytest.raises(bl.BacklitError, match=r"layer \d is a softmax over one unit, which is 1 whatever .* learned"):
        network(hidden=hidden)


def test_one_unit_that_is_normalized_is_warned_of():
    net = network(hidden=(bl.Dense(1), bl.LayerNorm(), "tanh"))
    with pytest.warns(
        bl.BacklitWarning, match="layer 2 is layer normalization of one unit, which is 0 whatever goes in"
    ):
        bl.Training(net, X, CLASSES, epochs=1, compiled=False).run()


def test_a_network_that_is_frozen_as_a_whole_is_warned_of():
    frozen = bl.Dense(3, "softmax", freeze=("W", "b"))
    with pytest.warns(bl.BacklitWarning, match="all weights of the network are frozen: nothing can be learned"):
        bl.Training(bl.Network([frozen], 4, "cross_entropy"), X, CLASSES, epochs=1, compiled=False).run()
    part = bl.Network([bl.Dense(2), frozen], 4, "cross_entropy")
    bl.Training(part, X, CLASSES, epochs=1, compiled=False).run()


UNREACHABLE = {
    "sigmoid": (300.0, "run from 0 to 1,"), "tanh": (-1.5, "run from -1 to 1,"), "relu": (-0.1, "lie above 0,"),
    "softmax": (2.0, "run from 0 to 1,"), "exp": (-3.0, "lie above 0,"), "elu": (-1.5, "lie above -1,"),
    "selu": (-2.0, r"lie above -1\.75"),
}  # fmt: skip


@pytest.mark.parametrize(("last", "target", "where"), [(last, *given) for last, given in UNREACHABLE.items()])
def test_targets_that_the_outputs_cannot_reach_are_warned_of(last, target, where):
    T, how = np.full((23, 2), 0.5), {"epochs": 1, "compiled": False}
    bl.Training(network("mse", last, 2), X, T, **how).run()
    T[3, 1] = target
    training = bl.Training(network("mse", last, 2), X, T, **how | {"epochs": 2})
    with pytest.warns(bl.BacklitWarning, match=f"the outputs of '{last}' {where}.*cannot reach") as told:
        next(iter(training))
    assert [each.filename for each in told] == [__file__]
    training.run()  # warned of once


def test_batch_normalization_of_single_rows_is_warned_of():
    net, how = network("mse", None, 2, hidden=(bl.Dense(3), bl.BatchNorm())), {"epochs": 1, "compiled": False}
    with pytest.warns(bl.BacklitWarning, match="layer 2 is batch normalization, which makes a batch of one row zeros"):
        bl.Training(net, X, NUMBERS, batch_size=1, **how).run()
    bl.Training(net, X, NUMBERS, batch_size=2, **how).run()


# --------------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize("hidden", [(), (bl.Dense(3, "tanh"),), (bl.Dense(3), bl.LayerNorm(), bl.Dense(2, "relu"))])
def test_gradcheck_names_weights_as_worked_examples_do(hidden):
    net = network(hidden=hidden)
    names, every = Names(net), {}
    before = [names.inputs, *names.columns[:-1]]
    for k, op in enumerate(net.ops):
        for array, shape in net.shapes[k].parameters.items():
            for index in np.ndindex(*shape):
                source = before[k][index[0]] if len(index) == 2 else ""
                letter = "w" if array == "W" else array
                every[f"{net.labels[k]}.{array}", index] = names.of(letter, names.columns[k][index[-1]], source).text
        assert op
    assert {key: element_name(net, *key) for key in every} == every
    check = bl.gradcheck(net, X[:3], CLASSES[:3])
    for array in check.arrays:
        assert array.element
        assert array.element == every.get((array.name, array.index), array.element)
        place = f"{array.name}[{', '.join(map(str, array.index))}]"
        named = f"{place}, of i{array.index[1] + 1}" if array.name == "X" else f"{place} = {array.element}"
        assert f"{named}  " in str(check)  # of X without its row, which would count from 1 beside an index from 0
