"""BL201 to BL204: each is found where it is planted, not in healthy trainings like it, and its remedy helps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from planted import case_of, classes, found, numbers, of_classes, of_numbers, rare, trained, with_remedy

import backlit as bl
from backlit.diagnose.plan import run
from backlit.engine import Training
from backlit.errors import BacklitError


def one_hot(y: Any) -> Any:
    return np.eye(int(y.max()) + 1)[y]


def counts(seed: int = 0) -> Any:
    """Counts whose logarithm rises with an input; many are 0."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(300, 3))
    return X, rng.poisson(np.exp(1.2 * X[:, 0] - 0.5)).astype(float)


def helps(training: Any, code: str, part: float) -> Any:
    """See that a code is found, and that its first remedy leaves less than a part unexplained; give the finding."""
    case = case_of(training)
    finding = found(case, code)
    assert finding is not None
    better, _ = with_remedy(case, finding)
    assert better < part * case.unexplained
    return finding


# ---------------------------------------------------------------------------------------------------------------- BL201


@pytest.mark.parametrize("output", ["tanh", "sigmoid", "relu"])
def test_outputs_that_cannot_reach_the_targets_are_found(output: str) -> None:
    finding = helps(trained(*numbers(), output), "BL201", 0.8)
    assert output in finding.place


def test_the_part_out_of_reach_is_what_is_measured() -> None:
    X = np.arange(6.0)[:, None]
    y = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 4.0])  # 3 beyond a sigmoid; variance 6 (17/6 - 1) = 12, times 6 rows / 6
    finding = found(case_of(trained(X, y, "sigmoid", held_out=0.0, epochs=1)), "BL201")
    assert finding is not None
    assert finding.measured == pytest.approx(9.0 / 12.0)


def test_a_dead_relu_output_is_found() -> None:
    X, y = numbers()
    layers = [bl.Dense(16, "tanh"), bl.Dense(1, "relu", biases=[-30.0])]
    network = bl.Network(layers, X.shape[1], "half_squared_error", seed=0)
    y = y - y.min()
    given = {"optimizer": bl.Adam(0.05), "epochs": 30, "seed": 0}
    training = run(Training(network, X[:200], y[:200], validation=(X[200:], y[200:]), **given))
    assert helps(training, "BL201", 0.5).measured == 1.0


def test_hinge_needs_outputs_on_both_sides() -> None:
    X, y = rare(share=0.5)
    assert found(case_of(trained(X, 2.0 * y - 1.0, "sigmoid", "hinge")), "BL201") is not None
    assert found(case_of(trained(X, 2.0 * y - 1.0, "tanh", "hinge")), "BL201") is None
    assert found(case_of(trained(X, 2.0 * y - 1.0, "identity", "hinge")), "BL201") is None


def test_targets_within_reach_are_fine() -> None:
    X, y = numbers()
    share = 1 / (1 + np.exp(-y))
    assert found(case_of(trained(X, share, "sigmoid")), "BL201") is None
    assert found(case_of(trained(X, np.exp(0.3 * y), "relu", epochs=100)), "BL201") is None
    assert found(case_of(trained(X, 2.0 * share - 1.0, "tanh")), "BL201") is None
    assert found(case_of(trained(*counts(), "identity", "exp_poisson")), "BL201") is None


# ---------------------------------------------------------------------------------------------------------------- BL202

X, CLASSES = classes()
YES = (CLASSES == 0).astype(float)
UNFIT = {
    "softmax twice": (CLASSES, "softmax", "softmax_cross_entropy", 0.8),
    "sigmoid twice": (YES, "sigmoid", "sigmoid_binary_cross_entropy", 0.8),
    "softmax, squares": (one_hot(CLASSES), "softmax", "mse", 1.1),
    "sigmoid, squares": (YES, "sigmoid", "half_squared_error", 1.1),
    "identity, squares": (one_hot(CLASSES), "identity", "half_squared_error", 1.1),
    "absolute distances": (one_hot(CLASSES), "identity", "mae", 1.0),
    "sigmoids for one class of three": (one_hot(CLASSES), "sigmoid", "binary_cross_entropy", 1.1),
    "sigmoids in cross-entropy": (CLASSES, "sigmoid", "cross_entropy", 0.8),
    "softmax without a margin": (CLASSES, "softmax", "multiclass_hinge", 1.2),
}


@pytest.mark.parametrize("name", UNFIT)
def test_a_loss_that_does_not_fit_is_found(name: str) -> None:
    Y, output, loss, part = UNFIT[name]
    training = trained(X, Y, output, loss, units=3 if Y is CLASSES else None)
    finding = helps(training, "BL202", part)
    assert loss in finding.place


def test_predicted_counts_below_0_are_found() -> None:
    case = case_of(trained(*counts(), epochs=100))
    finding = found(case, "BL202")
    assert finding is not None
    assert finding.remedies[0].changes[0].value["loss"] == "exp_poisson"
    _, training = with_remedy(case, finding)
    assert training.network.loss.name == "exp_poisson"


FIT = {
    "softmax": (CLASSES, "softmax", "cross_entropy"),
    "scores": (CLASSES, "identity", "softmax_cross_entropy"),
    "yes or no": (YES, "sigmoid", "binary_cross_entropy"),
    "several labels": ((X[:, :3] > 0).astype(float), "sigmoid", "binary_cross_entropy"),
    "margins": (CLASSES, "identity", "multiclass_hinge"),
    "numbers": (X[:, 0] ** 2, "identity", "mae"),
    "whole numbers": (np.round(50 + 20 * X[:, 0]), "identity", "mse"),
}


@pytest.mark.parametrize("name", FIT)
def test_a_loss_that_fits_is_fine(name: str) -> None:
    Y, output, loss = FIT[name]
    assert found(case_of(trained(X, Y, output, loss, units=3 if Y is CLASSES else None, epochs=20)), "BL202") is None


# ---------------------------------------------------------------------------------------------------------------- BL203


def test_a_softmax_over_one_unit_is_refused_and_needs_no_finding() -> None:
    with pytest.raises(BacklitError, match="softmax over one unit"):
        bl.Network([bl.Dense(1, "softmax")], 2, "half_squared_error")


def test_targets_of_one_class_or_number_are_found() -> None:
    for training in (
        trained(X, np.ones(len(X), int), "softmax", "cross_entropy", units=3, epochs=3),
        trained(X, np.zeros(len(X)), "sigmoid", "binary_cross_entropy", epochs=3),
        trained(X, np.full(len(X), 7.0), epochs=3),
    ):
        assert found(case_of(training), "BL203") is not None


def test_a_class_without_training_rows_is_found() -> None:
    y = np.sort(CLASSES)
    finding = found(case_of(of_classes((X, y), epochs=3)), "BL203")
    assert finding is None
    finding = found(case_of(of_classes((X, y), epochs=3, held_out=0.5)), "BL203")
    assert finding is not None
    assert finding.place == "class 2"
    assert found(case_of(trained(X, CLASSES, "softmax", "cross_entropy", units=5, epochs=3)), "BL203") is None


# ---------------------------------------------------------------------------------------------------------------- BL204


@pytest.mark.parametrize(("factor", "offset"), [(1e4, 0.0), (1.0, 1e4), (1e-4, 0.0), (1.0, 1e6)])
def test_targets_of_another_scale_are_found_and_standardizing_helps(factor: float, offset: float) -> None:
    inputs, y = numbers()
    helps(of_numbers((inputs, factor * y + offset)), "BL204", 0.8)


def test_targets_of_usual_scales_are_fine() -> None:
    inputs, y = numbers()
    for targets in (y, 5.0 * y, 0.1 * y, y + 3.0):
        assert found(case_of(of_numbers((inputs, targets), epochs=2)), "BL204") is None
    assert found(case_of(of_classes((X, CLASSES), epochs=2)), "BL204") is None
    assert found(case_of(trained(*counts(), "identity", "exp_poisson", epochs=2)), "BL204") is None


def test_a_bounded_output_is_replaced_with_the_scale() -> None:
    inputs, y = numbers()
    finding = helps(trained(inputs, 1000.0 * y, "sigmoid"), "BL204", 0.5)
    assert [change.name for change in finding.remedies[0].changes] == ["output", "standardize targets"]
