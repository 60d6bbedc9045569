"""All findings of data and output: no error for any legal training, and none that stands by itself in healthy ones."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
import pytest
from planted import case_of, classes, codes, numbers, of_classes, of_numbers, rare, trained

import backlit as bl
from backlit.diagnose.plan import run
from backlit.engine import Training
from backlit.engine.program.graph import Graph, Node
from backlit.errors import collecting
from backlit.ops.base import Layer

N, NUMBERS = numbers(n=60)
X, CLASSES = classes(n=60)
YES = (CLASSES == 1).astype(float)


class Product(Layer, frozen=True):
    """Z = X Y, element by element."""

    name: ClassVar[str] = "product"
    reads: ClassVar[tuple[str, ...]] = ("X", "Y")

    @staticmethod
    def forward(X: Any, Y: Any, Z: Any) -> None:
        Z[:] = X * Y

    @staticmethod
    def backward(X: Any, Y: Any, dZ: Any, dX: Any, dY: Any) -> None:
        dX[:] = dZ * Y
        dY[:] = dZ * X


def graph() -> Training:
    """Train a network of two inputs, which meet behind a layer each."""
    nodes = [
        Node(bl.Dense(4), "1", ("a",)),
        Node(bl.Dense(4), "2", ("b",)),
        Node(Product(), "3", ("1.Z", "2.Z")),
        Node(bl.Dense(1), "4", ("3.Z",)),
    ]
    network = bl.Network.from_graph(Graph({"a": (2,), "b": (3,)}, nodes), "mse", seed=0)
    return run(Training(network, N, NUMBERS, epochs=2))


FEW: dict[str, Any] = {"epochs": 2, "hidden": [bl.Dense(4, "tanh")]}
ZOO = {
    "hinge": lambda: trained(X, 2.0 * YES - 1.0, "identity", "hinge", **FEW),
    "several labels": lambda: trained(X, (X > 0).astype(float), "sigmoid", "binary_cross_entropy", **FEW),
    "probabilities": lambda: trained(X, 0.2 + 0.6 * YES, "sigmoid", "binary_cross_entropy", **FEW),
    "class numbers": lambda: trained(X, CLASSES, "softmax", "cross_entropy", **FEW),
    "one-hot": lambda: trained(X, np.eye(3)[CLASSES], "softmax", "cross_entropy", units=3, **FEW),
    "smoothed": lambda: trained(X, np.eye(3)[CLASSES] * 0.7 + 0.1, "softmax", "cross_entropy", units=3, **FEW),
    "several numbers": lambda: trained(X, X[:, :2] ** 2, **FEW),
    "counts": lambda: trained(X, np.floor(np.abs(3 * X[:, 0])), "exp", "poisson", **FEW),
    "weights of 0": lambda: trained(X, CLASSES, "softmax", "cross_entropy",
                                    sample_weight=(np.arange(40) % 2).astype(float), **FEW),
    "one weight": lambda: trained(N, NUMBERS, sample_weight=np.eye(40)[7], **FEW),
    "one row": lambda: trained(N[:1], NUMBERS[:1], held_out=0.0, **FEW),
    "one row of a class": lambda: trained(X[:1], CLASSES[:1], "softmax", "cross_entropy", units=3, held_out=0.0, **FEW),
    "two rows": lambda: trained(N[:2], NUMBERS[:2], held_out=0.5, **FEW),
    "one held-out row": lambda: trained(X, CLASSES, "softmax", "cross_entropy", held_out=1 / 60, **FEW),
    "no held-out rows": lambda: trained(X, CLASSES, "softmax", "cross_entropy", held_out=0.0, **FEW),
    "one input": lambda: trained(N[:, :1], NUMBERS, **FEW),
    "constant inputs": lambda: trained(np.ones((60, 2)), NUMBERS, **FEW),
    "inputs of 0": lambda: trained(np.zeros((60, 2)), NUMBERS, **FEW),
    "one class": lambda: trained(X, np.zeros(60, int), "softmax", "cross_entropy", units=2, **FEW),
    "one number": lambda: trained(N, np.full(60, 3.0), **FEW),
    "huge inputs": lambda: trained(1e200 * N, NUMBERS, **FEW),
    "tiny inputs": lambda: trained(1e-200 * N, NUMBERS, **FEW),
    "huge targets": lambda: trained(N, 1e160 * NUMBERS, **FEW),
    "diverged": lambda: trained(N, NUMBERS, rate=1e200, optimizer="sgd", **FEW),
    "L-BFGS": lambda: trained(N, NUMBERS, optimizer="lbfgs", **FEW),
    "no hidden layer": lambda: trained(X, CLASSES, "softmax", "cross_entropy", epochs=2, hidden=[bl.Dropout(0.1)]),
    "an activation behind": lambda: trained(N, NUMBERS, epochs=2, hidden=[bl.Dense(4), bl.BatchNorm(), "relu"]),
    "xor": lambda: of_classes((np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]]), np.array([0, 1, 1, 0])), held_out=0.0),
    "autoencoder": lambda: trained(np.eye(8), np.eye(8), "sigmoid", held_out=0.0, **FEW),
    "more columns than rows": lambda: trained(np.random.default_rng(0).normal(size=(30, 200)), NUMBERS[:30], **FEW),
    "graph": graph,
}  # fmt: skip


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("compare", [False, True])
def test_no_finding_fails_or_warns_for_any_legal_training(name: str, compare: bool) -> None:
    if compare and name not in {"hinge", "class numbers", "several numbers", "one class", "one number", "graph"}:
        pytest.skip("references are the same for all others")
    with collecting([]), np.errstate(all="ignore"):
        case = case_of(ZOO[name](), compare=compare)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            codes(case)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_float32_finds_the_same(dtype: str) -> None:
    table = 300.0 * X, CLASSES
    network = bl.Network([bl.Dense(4, "tanh"), bl.Dense(3, "softmax")], 4, "cross_entropy", dtype=dtype, seed=0)
    case = case_of(run(Training(network, *table, epochs=2)))
    assert codes(case) == ["BL101"]


def bundled(name: str) -> Any:
    from sklearn import datasets

    table = getattr(datasets, f"load_{name}")()
    kept = np.random.default_rng(7).permutation(len(table.target))[:600]
    inputs, target = table.data[kept], table.target[kept]
    spread = inputs.std(axis=0)
    return (inputs - inputs.mean(axis=0)) / np.where(spread > 0, spread, 1.0), target


def _standard(y: Any) -> Any:
    return (y - y.mean()) / y.std()


HEALTHY = {
    "iris": lambda: of_classes(bundled("iris"), epochs=100),
    "wine": lambda: of_classes(bundled("wine")),
    "digits": lambda: of_classes(bundled("digits")),
    "breast cancer": lambda: of_classes(bundled("breast_cancer")),
    "diabetes": lambda: of_numbers((bundled("diabetes")[0], _standard(bundled("diabetes")[1])), epochs=20),
    "numbers": lambda: of_numbers(numbers(4)),
    "classes": lambda: of_classes(classes(4)),
    "noisy": lambda: of_classes(classes(5, apart=1.0)),
    "rare": lambda: of_classes(rare(apart=4.0), epochs=100),
    "few rows": lambda: of_numbers(numbers(6, n=40)),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_trainings_have_no_finding_that_stands_by_itself(name: str) -> None:
    assert codes(case_of(HEALTHY[name](), compare=True), by_itself=True) == []


def test_the_cost_of_the_tests_is_bounded_by_a_sample() -> None:
    rng = np.random.default_rng(0)
    many = rng.normal(size=(20_000, 300))
    case = case_of(of_numbers((many, many[:, 0]), epochs=1, batch_size=2048))
    assert len(case.rows_sampled.X) <= 2000
    codes(case)
