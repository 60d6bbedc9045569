"""Splits: every row once, sizes and classes in proportion, every class in training, the same by the same seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backlit.data import split_rows
from backlit.errors import BacklitError

fractions = st.floats(0, 0.49)
labels = st.lists(st.integers(0, 6), min_size=1, max_size=120).map(np.array)


def split(labels, n_rows, validation, test, seed=0):
    return split_rows(labels, n_rows, validation=validation, test=test, rng=np.random.default_rng(seed))


@settings(deadline=None)
@given(labels, fractions, fractions)
def test_every_row_once_and_every_class_in_training(labels, validation, test):
    parts = split(labels, len(labels), validation, test)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))
    assert all((np.diff(part) > 0).all() for part in parts)
    assert set(labels[parts[0]]) == set(labels)


@settings(deadline=None)
@given(labels, fractions, fractions)
def test_classes_in_proportion(labels, validation, test):
    _, in_validation, in_test = split(labels, len(labels), validation, test)
    for value in np.unique(labels):
        count = (labels == value).sum()
        assert abs((labels[in_test] == value).sum() - count * test) <= 1
        given = (labels[in_validation] == value).sum()
        assert given <= count * validation + 1
        spare = count - 1 - (labels[in_test] == value).sum()
        assert given >= min(np.floor(count * validation), spare)


@settings(deadline=None)
@given(st.integers(8, 200), st.integers(1, 8), st.floats(0, 0.3), st.floats(0, 0.3))
def test_sizes_are_the_fractions(rows_per_class, n_classes, validation, test):
    labels = np.repeat(np.arange(n_classes), rows_per_class)
    _, in_validation, in_test = split(labels, len(labels), validation, test)
    for part, fraction in [(in_validation, validation), (in_test, test)]:
        wanted = max(round(len(labels) * fraction), 1 if fraction else 0)
        assert len(part) == wanted


def test_the_largest_remainder_goes_first():
    in_test = split(np.repeat([0, 1], [7, 3]), 10, 0.0, 0.3)[2]  # shares 2.1 and 0.9 of 3 rows
    assert np.bincount(in_test // 7).tolist() == [2, 1]


def test_without_labels():
    train, in_validation, in_test = split(None, 1000, 0.1, 0.2)
    assert (len(train), len(in_validation), len(in_test)) == (700, 100, 200)


def test_same_seed_same_rows_other_seed_other_rows():
    labels = np.arange(200) % 3
    first, again, other = (split(labels, 200, 0.1, 0.2, seed)[2] for seed in (1, 1, 2))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_every_row_is_as_likely():
    rng = np.random.default_rng(0)
    hits = np.zeros(12)
    for _ in range(2000):
        hits[split_rows(np.arange(12) % 3, 12, validation=0.1, test=0.3, rng=rng)[2]] += 1
    # 12 * 0.3 = 3.6, rounded 4 rows of 12; binomial deviation is 21
    np.testing.assert_allclose(hits, 2000 * 4 / 12, atol=6 * 21)


@pytest.mark.parametrize("n_rows", [1, 2, 3])
def test_tiny(n_rows):
    train, in_validation, in_test = split(None, n_rows, 0.1, 0.2)
    assert (len(train), len(in_validation), len(in_test)) == (1, int(n_rows > 2), int(n_rows > 1))


def test_text_and_object_labels():
    for values in (["a", "b"] * 10, np.array(["a", "b"] * 10, dtype=object), [True, False] * 10):
        assert [len(part) for part in split(values, 20, 0.1, 0.2)] == [14, 2, 4]


@pytest.mark.parametrize(("validation", "test"), [(-0.1, 0.2), (0.5, 0.5), (0.1, 1.0), (float("nan"), 0.1)])
def test_refuses_fractions(validation, test):
    with pytest.raises(BacklitError, match="rows are left for training"):
        split(None, 10, validation, test)


def test_refuses_labels_of_another_length():
    with pytest.raises(BacklitError, match=r"expected one per row, \(3,\)"):
        split([1, 2], 3, 0.1, 0.1)
