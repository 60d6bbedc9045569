"""The two inputs that tell most about the targets."""

from __future__ import annotations

import numpy as np

from backlit.analysis.boundary.inputs import MatrixInputs
from backlit.analysis.boundary.outputs import OutputKind
from backlit.analysis.live.telling import telling_pair


def test_a_number_goes_with_the_inputs_that_it_is_correlated_with() -> None:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(200, 5))
    y = 2.0 * X[:, 3] - X[:, 1] + 0.1 * rng.normal(size=200)
    X[:5, 3], X[:, 0] = np.nan, 7.0
    found = telling_pair(MatrixInputs(X, list("abcde")), range(5), [OutputKind("y")], [y])
    r2 = [np.corrcoef(X[5:, k], y[5:])[0, 1] ** 2 for k in range(1, 5)]
    assert found == (1, 3) == tuple(sorted(1 + np.argsort(r2)[-2:]))


def test_classes_count_by_membership_and_only_able_inputs_are_chosen() -> None:
    rng = np.random.default_rng(4)
    classes = rng.integers(0, 3, 300).astype(np.float64)
    X = rng.normal(size=(300, 4))
    X[:, 2] += 3.0 * (classes == 1.0)  # a middle class: no correlation with the class's number
    X[:, 0] += 1.0 * (classes == 2.0)
    kind = OutputKind("", ("p", "q", "r"))
    assert telling_pair(MatrixInputs(X, list("abcd")), range(4), [kind], [classes]) == (0, 2)
    assert 2 not in telling_pair(MatrixInputs(X, list("abcd")), [0, 1, 3], [kind], [classes])


def test_huge_numbers_do_not_overflow() -> None:
    X = np.array([[1e300, 0.0, 1.0], [-1e300, 1.0, 1.0], [1e300, 0.0, 2.0], [-1e300, 1.0, 3.0]])
    assert telling_pair(MatrixInputs(X, list("abc")), range(3), [OutputKind("")], [X[:, 0]]) == (0, 1)
