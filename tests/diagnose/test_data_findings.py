"""BL101 to BL107: each is found where it is planted, not in healthy tables that look like it, and its remedy helps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from planted import case_of, classes, found, numbers, of_classes, of_numbers, rare, trained, with_remedy

import backlit as bl
from backlit.diagnose.findings.duplicate_rows import _keys
from backlit.diagnose.samples import robust

RNG = np.random.default_rng(9)  # of tables only, which are made in the order of this file


def found_in(code: str, training: Any, **given: Any) -> Any:
    return found(case_of(training, **given), code)


# --------------------------------------------------------------------------------------------------------- BL101, BL102


@pytest.mark.parametrize(("factor", "offset"), [(300.0, 0.0), (1e-3, 0.0), (1.0, 50.0), (1000.0, 3.0)])
def test_unscaled_inputs_are_found_and_standardizing_helps(factor: float, offset: float) -> None:
    X, y = numbers()
    case = case_of(of_numbers((factor * (X + offset), y), epochs=20))
    finding = found(case, "BL101")
    assert finding is not None
    assert found(case, "BL102") is None
    better, _ = with_remedy(case, finding)
    assert better < 0.7 * case.unexplained


def test_the_size_of_inputs_is_what_is_measured() -> None:
    X, y = numbers()
    X = 100.0 * X / np.sqrt((X**2).mean(axis=0))
    finding = found_in("BL101", of_numbers((X, y), epochs=2, held_out=0.0))
    assert finding.measured == pytest.approx(100.0)
    assert finding.measured > finding.threshold


@pytest.mark.parametrize("factor", [0.2, 1.0, 5.0])
def test_inputs_of_usual_sizes_are_fine(factor: float) -> None:
    X, y = numbers()
    case = case_of(of_numbers((factor * X, y), epochs=2))
    assert found(case, "BL101") is None
    assert found(case, "BL102") is None


def test_categories_and_sparse_columns_are_of_no_other_scale() -> None:
    X, y = numbers()
    X[:, 0] = X[:, 0] > 0.0  # yes and no
    X[:, 1] = np.arange(len(X)) % 150 == 0  # a category that two rows have
    X[:, 2] = 0.0
    assert found_in("BL102", of_numbers((X, y), epochs=2)) is None


@pytest.mark.parametrize("factor", [1e4, 1e-4])
def test_one_input_of_another_scale_is_found_and_standardizing_helps(factor: float) -> None:
    X, y = numbers()
    X[:, 1] *= factor
    case = case_of(of_numbers((X, y)), columns=["a", "price", "c", "d", "e"])
    finding = found(case, "BL102")
    assert finding is not None
    assert finding.place == "price"
    assert finding.measured == pytest.approx(factor, rel=0.2)
    assert found(case, "BL101") is None
    better, _ = with_remedy(case, finding)
    assert better < 0.8 * case.unexplained


@pytest.mark.parametrize("scales", [[1.0, 100.0, 1e4, 1e3, 300.0], [1.0, 1e3, 1e-3, 200.0, 0.01]])
def test_columns_of_many_scales_are_unscaled_as_a_whole(scales: list[float]) -> None:
    X, y = numbers()
    case = case_of(of_numbers((X * np.array(scales), y), epochs=2))
    assert found(case, "BL101") is not None
    assert found(case, "BL102") is None


# ---------------------------------------------------------------------------------------------------------------- BL103


def with_column(table: Any, column: Any) -> Any:
    X, y = table
    return np.column_stack([X, column(np.asarray(y, float))]), y


NOISE = RNG.normal(size=400)
LEAKS = {
    "the number": (of_numbers, numbers(), lambda y: y),
    "in another unit": (of_numbers, numbers(), lambda y: 32.0 - 1.8 * y),
    "coded": (of_numbers, numbers(), np.exp),
    "the number, little noise": (of_numbers, numbers(), lambda y: y + 0.05 * NOISE[: len(y)]),
    "the number, more noise": (of_numbers, numbers(), lambda y: y + 0.25 * NOISE[: len(y)]),
    "the class": (of_classes, classes(), lambda y: y),
    "the class, coded": (of_classes, classes(), lambda y: np.array([7.0, 2.0, 5.0])[y.astype(int)]),
    "the class, noise": (of_classes, classes(), lambda y: y + 0.1 * NOISE[: len(y)]),
    "the class, one column each": (of_classes, classes(), lambda y: np.eye(3)[y.astype(int)]),
    "yes or no": (of_classes, rare(share=0.25, apart=1.0), lambda y: 5.0 - 2.0 * y),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_is_found_and_left_out(name: str) -> None:
    train, table, column = LEAKS[name]
    X, y = with_column(table, column)
    own = X.shape[1] - table[0].shape[1]
    columns = [f"x{k}" for k in range(table[0].shape[1])] + [f"leak{k}" for k in range(own)]
    case = case_of(train((X, y), epochs=5), columns=columns)
    finding = found(case, "BL103")
    assert finding is not None
    assert finding.place.startswith("leak0")
    assert "x" not in finding.place
    assert finding.measured <= finding.threshold
    (change,) = finding.remedies[0].changes
    assert change.value == tuple(range(table[0].shape[1], X.shape[1]))
    _, training = with_remedy(case, finding)
    assert np.array_equal(training.X, case.X[:, : table[0].shape[1]])


def iris() -> Any:
    from sklearn.datasets import load_iris

    X, y = load_iris(return_X_y=True)
    kept = np.random.default_rng(1).permutation(150)
    return (X - X.mean(axis=0))[kept] / X.std(axis=0), y[kept]


def decided_by_one() -> Any:
    """A target that one column decides, with noise; the others tell nothing."""
    X = RNG.normal(size=(300, 4))
    return X, 2.0 * X[:, 0] + 0.1 * RNG.normal(size=300)


def summed() -> Any:
    """A target to which one column gives nearly all, another one the rest."""
    X = RNG.normal(size=(300, 4))
    X[:, 1] += X[:, 0]
    return X, 3.0 * X[:, 0] + 0.2 * X[:, 1] + 0.1 * X[:, 2]


def blobs() -> Any:
    from sklearn.datasets import make_blobs

    X, y = make_blobs(300, n_features=3, centers=4, random_state=3)
    return X / 5.0, y


def autoencoder() -> Any:
    X = RNG.normal(size=(200, 4))
    return X, X


HONEST = {
    "petal width": (of_classes, iris()),
    "setosa or not": (of_classes, (iris()[0], (iris()[1] == 0).astype(int))),
    "one column decides": (of_numbers, decided_by_one()),
    "a sum": (of_numbers, summed()),
    "a threshold": (of_classes, (numbers()[0], (numbers()[0][:, 0] > 0).astype(int))),
    "blobs": (of_classes, blobs()),
    "its own inputs": (of_numbers, autoencoder()),
    "a proportion": (of_numbers, (np.arange(60.0)[:, None] / 30, np.arange(60.0) / 15)),
    "and": (of_classes, (np.tile([[0, 0], [0, 1], [1, 0], [1, 1.0]], (15, 1)), np.tile([0, 0, 0, 1], 15))),
    "the first bit": (of_classes, ((np.arange(64)[:, None] >> np.arange(6) & 1).astype(float), np.arange(64) & 1)),
}


@pytest.mark.parametrize("name", HONEST)
def test_a_strong_honest_input_is_no_leak(name: str) -> None:
    train, table = HONEST[name]
    assert found_in("BL103", train(table, epochs=3)) is None


@pytest.mark.parametrize("far", [1e3, 1e7])
def test_a_row_far_off_makes_no_leak(far: float) -> None:
    X, y = numbers()
    X[5, 0], y[5] = far, far
    assert found_in("BL103", of_numbers((X, y), epochs=2)) is None


# ---------------------------------------------------------------------------------------------------------------- BL104


@pytest.mark.parametrize("copies", [10, 50, 100])
def test_copies_across_the_split_are_found_and_left_out(copies: int) -> None:
    X, y = classes(n=300)
    held_out = np.concatenate([np.arange(copies), np.arange(200 + copies, 300)])
    case = case_of(of_classes((X[:200], y[:200]), held_out=0.0, validation=(X[held_out], y[held_out]), epochs=5))
    finding = found(case, "BL104")
    assert finding is not None
    assert finding.measured == pytest.approx(copies / 100)
    _, training = with_remedy(case, finding)
    assert len(training.X) == 200 - copies


def test_a_table_that_was_doubled_before_the_split_is_found() -> None:
    X, y = numbers(n=150)
    kept = np.random.default_rng(5).permutation(300)
    finding = found_in("BL104", of_numbers((np.tile(X, (2, 1))[kept], np.tile(y, 2)[kept]), epochs=2))
    assert finding is not None


def test_equal_rows_are_natural_in_tables_of_few_values() -> None:
    gate = np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]])
    xor = np.array([0, 1, 1, 0])
    assert found_in("BL104", of_classes((gate, xor), held_out=0.0, validation=(gate, xor), epochs=2)) is None
    rng = np.random.default_rng(6)
    X = rng.integers(3, size=(400, 6)).astype(float)  # 729 possible rows
    assert found_in("BL104", of_classes((X, (X.sum(axis=1) > 6).astype(int)), epochs=2)) is None
    answers = np.repeat(rng.integers(4, size=(60, 12)), 1 + rng.integers(12, size=60), axis=0).astype(float)
    kept = rng.permutation(len(answers))
    assert found_in("BL104", of_classes((answers[kept], (answers[kept, 0] > 1).astype(int)), epochs=2)) is None


def test_the_same_inputs_with_other_targets_are_no_copies() -> None:
    X, y = numbers(n=200)
    training = of_numbers((X, y), held_out=0.0, validation=(X[:50], y[:50] + 0.1), epochs=2)
    assert found_in("BL104", training) is None


def test_rows_that_are_oversampled_within_the_training_are_fine() -> None:
    X, y = rare()
    more = np.concatenate([np.arange(300), np.repeat(np.flatnonzero(y[:300]), 10)])
    training = of_classes((X[more], y[more]), held_out=0.0, validation=(X[300:], y[300:]), epochs=2)
    assert found_in("BL104", training) is None


# --------------------------------------------------------------------------------------------------------- BL105, BL106


def shuffled(y: Any) -> Any:
    return np.random.default_rng(3).permutation(y)


@pytest.mark.parametrize("compare", [False, True])
def test_shuffled_labels_are_found(compare: bool) -> None:
    X, y = classes()
    finding = found_in("BL105", of_classes((X, shuffled(y))), compare=compare)
    assert finding is not None
    assert any("nearest rows" in line for line in finding.details)


def test_shuffled_numbers_are_found() -> None:
    X, y = numbers()
    assert found_in("BL105", of_numbers((X, shuffled(y)))) is not None


def weak(seed: int) -> Any:
    """Classes of which the inputs tell little, but something."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(400, 5))
    return X, (rng.uniform(size=400) < 1 / (1 + np.exp(-1.2 * X[:, 0]))).astype(int)


def overlapping(seed: int) -> Any:
    """Classes whose probabilities change slowly: a fifth of the labels is against the odds."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(500, 5))
    return X, (rng.uniform(size=500) < 1 / (1 + np.exp(-2.5 * X[:, 0] + 2.0 * X[:, 1]))).astype(int)


def parity() -> Any:
    X = (np.arange(256)[:, None] >> np.arange(8) & 1).astype(float)
    kept = np.random.default_rng(4).permutation(256)
    return X[kept], X[kept].sum(axis=1).astype(int) % 2


@pytest.mark.parametrize("seed", range(3))
def test_weak_and_noisy_but_honest_labels_are_not_shuffled(seed: int) -> None:
    for training in (of_classes(weak(seed)), of_classes(overlapping(seed)), of_numbers(numbers(seed))):
        case = case_of(training)
        assert found(case, "BL105") is None
        assert found(case, "BL106") is None


def test_a_hard_function_and_few_rows_are_not_shuffled_labels() -> None:
    assert found_in("BL105", of_classes(parity())) is None
    X, y = classes(n=40)
    assert found_in("BL105", of_classes((X, shuffled(y)))) is None


def flipped(y: Any, share: float) -> Any:
    y = y.copy()
    mixed = np.flatnonzero(np.random.default_rng(1).uniform(size=len(y)) < share)
    y[mixed] = np.random.default_rng(2).permutation(y[mixed])
    return y


@pytest.mark.parametrize("compare", [False, True])
def test_noisy_labels_are_found_and_a_stronger_penalty_helps(compare: bool) -> None:
    X, y = classes(n=900, apart=4.0)
    wrong = flipped(y, 0.4)
    case = case_of(of_classes((X, wrong), epochs=200, keep_best=False), compare=compare)
    finding = found(case, "BL106")
    assert finding is not None
    better, _ = with_remedy(case, finding)
    assert better < 0.95 * case.unexplained
    kept = np.setdiff1d(np.arange(603), finding.remedies[1].changes[0].value)
    assert (wrong[:603] != y[:603])[kept].mean() < 0.5 * (wrong[:603] != y[:603]).mean()


def test_noisy_numbers_are_found() -> None:
    X, y = numbers(n=600)
    assert found_in("BL106", of_numbers((X, flipped(y, 0.4)))) is not None


def test_honest_noise_is_no_noise_of_labels() -> None:
    X, y = numbers(n=600)
    wild = np.random.default_rng(3).standard_t(3, size=600)
    growing = np.exp(0.7 * y) * (1.0 + 0.3 * np.random.default_rng(4).normal(size=600))
    normal = y + np.random.default_rng(5).normal(size=600)
    for noisy in (y + 0.4 * wild, growing, normal):
        assert found_in("BL106", of_numbers((X, (noisy - noisy.mean()) / noisy.std()))) is None


# ---------------------------------------------------------------------------------------------------------------- BL107


def test_a_rare_class_that_is_not_learned_is_found_and_weights_help() -> None:
    X, y = rare(n=900, apart=1.5)
    case = case_of(of_classes((X, y), epochs=30))
    finding = found(case, "BL107")
    assert finding is not None
    assert finding.measured < finding.threshold
    _, training = with_remedy(case, finding)
    Q, T = case.held_out[0], case.held_out[1][:, 0]
    now, then = (network.predict(Q).argmax(axis=1) for network in (case.network, training.network))
    assert (then[T == 1] == 1).mean() > (now[T == 1] == 1).mean() + 0.25


def test_a_rare_class_that_is_learned_or_cannot_be_is_fine() -> None:
    assert found_in("BL107", of_classes(rare(n=600, apart=4.0))) is None
    assert found_in("BL107", of_classes(rare(n=600, apart=0.5), epochs=30)) is None
    assert found_in("BL107", of_classes(classes())) is None


def test_rows_that_are_weighted_already_are_fine() -> None:
    X, y = rare(n=600)
    weights = np.where(y[:402] == 1, 25.0, 1.0)
    assert found_in("BL107", of_classes((X, y), sample_weight=weights, epochs=30)) is None


def test_yes_and_no_count_too() -> None:
    X, y = rare(n=900, apart=1.5)
    training = trained(X, y.astype(float), "sigmoid", "binary_cross_entropy", epochs=30)
    assert found_in("BL107", training) is not None
    assert isinstance(training.network.layers[-1], bl.Dense)


def test_the_squares_of_wild_inputs_make_no_wild_predictions() -> None:
    """Of a linear relation with inputs of heavy tails, the rows far off are predicted as well as the others."""
    rng = np.random.default_rng(1)
    X = rng.standard_t(2, (800, 5))
    X /= X.std(axis=0)
    truth = X @ [1.0, 2.0, 0.0, -1.0, 0.5]
    y = truth + 0.3 * rng.standard_t(2, 800)
    P = robust(X[:600], y[:600, None], X[600:])[:, 0]
    assert np.abs(P - truth[600:]).max() < 2.0  # 11 with the squares of all values


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_are_compared_by_numbers_that_are_equal_for_equal_rows_only(dtype: type) -> None:
    rng = np.random.default_rng(5)
    X = rng.integers(-2, 3, (4000, 4)).astype(dtype)
    Y = rng.integers(0, 2, (4000, 1)).astype(dtype)
    keys = _keys(X, Y)
    _, rows = np.unique(np.concatenate([X, Y], axis=1), axis=0, return_inverse=True)
    assert len(np.unique(keys)) == rows.max() + 1
    assert len(np.unique(np.stack([keys, rows.reshape(-1).astype(np.uint64)], axis=1), axis=0)) == rows.max() + 1
    assert (_keys(-X * 0.0, Y) == _keys(X * 0.0, Y)).all()
