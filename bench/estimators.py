"""Fit times of the estimators beside scikit-learn's, as docs/coming-from-scikit-learn.md shows them.

`python -m bench.estimators` prints the table in Markdown; `--rounds N` measures more often. The two are fitted in turn
in one process, after a fit that compiles what has to be compiled; what counts is the median. With as many BLAS threads
as processors, scikit-learn's times explode while anything else runs; OPENBLAS_NUM_THREADS=1 is the fair comparison.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn import neural_network
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from backlit import estimators


def jobs() -> Iterator[tuple[str, str, dict[str, Any], Any, Any]]:
    """Give each job's description, estimator, parameters and data."""
    digits, iris, cancer, diabetes = (
        load(return_X_y=True) for load in (load_digits, load_iris, load_breast_cancer, load_diabetes)
    )
    wide = make_classification(20_000, 50, n_informative=20, random_state=0)
    yield "digits, defaults", "MLPClassifier", {}, *digits
    yield "digits, defaults, float32", "MLPClassifier", {}, digits[0].astype(np.float32), digits[1]
    yield "iris, defaults", "MLPClassifier", {}, *iris
    yield "breast cancer, two layers of 16, batches of 16", "MLPClassifier", {
        "hidden_layer_sizes": (16, 16), "batch_size": 16, "max_iter": 50}, *cancer  # fmt: skip
    yield "breast cancer, early stopping", "MLPClassifier", {"early_stopping": True}, *cancer
    yield "iris, lbfgs", "MLPClassifier", {"solver": "lbfgs"}, *iris
    yield "diabetes, defaults", "MLPRegressor", {}, *diabetes
    yield "20,000 × 50, 5 epochs", "MLPClassifier", {"max_iter": 5}, *wide


def seconds(module: Any, name: str, parameters: dict[str, Any], X: Any, y: Any) -> float:
    """Fit once and give how long it took."""
    estimator = getattr(module, name)(random_state=0, **parameters)
    began = time.perf_counter()
    estimator.fit(X, y)
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    warnings.simplefilter("ignore", ConvergenceWarning)
    sys.stdout.write("| fit | scikit-learn | Backlit | faster |\n|---|---|---|---|\n")
    for label, name, parameters, X, y in jobs():
        scaled = StandardScaler().fit_transform(X).astype(X.dtype)
        work = (name, parameters, scaled, y)
        seconds(estimators, *work)
        times = [(seconds(neural_network, *work), seconds(estimators, *work)) for _ in range(rounds)]
        theirs, ours = (statistics.median(column) for column in zip(*times, strict=True))
        sys.stdout.write(f"| {label} | {theirs:.3f} s | {ours:.3f} s | {theirs / ours:.1f}× |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
