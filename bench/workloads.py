"""What is measured: networks, batches, data and initial weights, the same bits for every peer."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from bench.layers import Step, products_of, weights_of

Array = npt.NDArray[Any]


class Workload(msgspec.Struct, frozen=True):
    """One row of the benchmark: a network and how it is trained.

    `sizes` are the units of each layer, the inputs first. `loss` is `half_squared_error`, `binary_cross_entropy` or
    `cross_entropy`; each batch's loss is the sum over its rows divided by `divide`: nothing, the rows, or rows times
    outputs. A call trains `epochs` passes over `rows` rows from the same initial weights. A network that is no chain of
    dense layers has `layers`, which read rows of the shape `shape`; its `sizes` are those of inputs and outputs alone.
    """

    name: str
    sizes: tuple[int, ...]
    activation: str
    output: str
    loss: str
    batch: int
    rows: int
    epochs: int
    optimizer: str
    rate: float
    dtype: str
    group: str
    divide: str = "rows"
    dropout: float = 0.0
    batch_norm: bool = False
    shape: tuple[int, ...] = ()
    layers: tuple[Step, ...] = ()

    @property
    def batches(self) -> int:
        """The updates of an epoch."""
        return self.rows // self.batch

    @property
    def steps(self) -> int:
        """The updates of a call."""
        return self.batches * self.epochs

    @property
    def full_batch(self) -> bool:
        """Whether a batch is all rows, so that their order does not matter."""
        return self.batch == self.rows

    @property
    def products(self) -> list[tuple[str, int, int, int]]:
        """The matrix products of a step as (kind, n, k, m): X W, then Xᵀ dZ and dZ Wᵀ from last layer to first."""
        if self.layers:
            return products_of(self.layers, self.shape, self.batch)
        layers = list(zip(self.sizes, self.sizes[1:], strict=False))
        forward = [("nn", self.batch, k, m) for k, m in layers]
        backward = []
        for number, (k, m) in reversed(list(enumerate(layers))):
            backward.append(("tn", self.batch, k, m))
            if number:
                backward.append(("nt", self.batch, m, k))
        return forward + backward

    @property
    def multiply_adds(self) -> int:
        """The multiply-adds of a step's products."""
        return sum(n * k * m for _, n, k, m in self.products)

    @property
    def label(self) -> str:
        """The workload in words: layers, activation, batch, optimizer, type."""
        sizes = "-".join(map(str, self.sizes)) if len(self.sizes) < 8 else f"{len(self.sizes) - 2} × {self.sizes[1]}"
        extras = (" + batch norm" if self.batch_norm else "") + (" + dropout" if self.dropout else "")
        batch = f"full batch {self.batch}" if self.full_batch else f"batch {self.batch}"
        if self.layers:
            shape = " × ".join(map(str, self.shape))
            told = ", ".join(step.label for step in self.layers)
            return f"{shape}: {told}; {batch}, {self.optimizer}, {self.dtype}"
        return f"{sizes} {self.activation}{extras}, {batch}, {self.optimizer}, {self.dtype}"

    def without_dropout(self) -> Workload:
        """Give the same workload without its random part, whose losses can be compared."""
        return msgspec.structs.replace(self, dropout=0.0)

    def shortened(self, times: int) -> Workload:
        """Give the same workload with fewer epochs per call, at least one."""
        return msgspec.structs.replace(self, epochs=max(1, self.epochs // times))


def _classic(
    name: str, sizes: tuple[int, ...], batch: int, rows: int, epochs: int, divide: str, rate: float
) -> Workload:
    """Give a network of the textbooks: sigmoid throughout, squared error, plain gradient descent, float64."""
    return Workload(
        name,
        sizes,
        "sigmoid",
        "sigmoid",
        "half_squared_error",
        batch,
        rows,
        epochs,
        "sgd",
        rate,
        "float64",
        "small",
        divide,
    )


def _classes(
    name: str, sizes: tuple[int, ...], batch: int, rows: int, epochs: int, dtype: str, group: str,
    optimizer: str = "adam", rate: float = 1e-3, activation: str = "relu",
) -> Workload:  # fmt: skip
    """Give a classifier: cross-entropy of a softmax."""
    return Workload(
        name, sizes, activation, "softmax", "cross_entropy", batch, rows, epochs, optimizer, rate, dtype, group
    )


def _layers(
    name: str, shape: tuple[int, ...], layers: tuple[Step, ...], batch: int, updates: int, loss: str, group: str
) -> Workload:
    """Give a network of other layers than dense ones: Adam, float32, `updates` updates a call in two epochs."""
    sizes = int(np.prod(shape)), layers[-1].units
    output = "softmax" if loss == "cross_entropy" else "identity"
    return Workload(
        name, sizes, "relu", output, loss, batch, batch * updates // 2, 2, "adam", 1e-3, "float32", group, shape=shape,
        layers=layers,
    )  # fmt: skip


LENET = (
    Step("conv", 6, 5, same=True), Step("pool", size=2), Step("conv", 16, 5), Step("pool", size=2), Step("flatten"),
    Step("dense", 120), Step("dense", 84), Step("dense", 10, activation="identity"),
)  # fmt: skip
"""LeNet's sizes, with relu and max pooling."""

DIGITS = (
    Step("conv", 8, 3, same=True), Step("pool", size=2), Step("conv", 16, 3, same=True), Step("pool", size=2),
    Step("flatten"), Step("dense", 10, activation="identity"),
)  # fmt: skip

SEQUENCE = (
    Step("conv", 32, 5), Step("pool", size=2), Step("conv", 32, 5), Step("mean"),
    Step("dense", 4, activation="identity"),
)  # fmt: skip

BESIDE = (Step("embed", 16, 10_000), Step("dense", 32), Step("dense", 1, activation="identity"))
"""The first of eleven numbers is the category."""


WORKLOADS = (
    _classic("2-2-2", (2, 2, 2), 1, 1, 2_000, "nothing", 0.5),
    _classic("2-2-2 rows", (2, 2, 2), 1, 1_000, 2, "nothing", 0.5),
    _classic("2-4-1", (2, 4, 1), 4, 4, 2_000, "nothing", 0.1),
    _classic("4-2-3", (4, 2, 3), 130, 130, 1_000, "elements", 0.1),
    Workload(
        "30-64-32-1", (30, 64, 32, 1), "relu", "sigmoid", "binary_cross_entropy",
        32, 2_048, 10, "adam", 1e-3, "float32", "tabular",
    ),
    _classes("64-128-10", (64, 128, 10), 64, 1_792, 10, "float32", "tabular"),
    _classes("64-128-10 f64", (64, 128, 10), 64, 1_792, 10, "float64", "tabular"),
    Workload(
        "silu", (100, 256, 256, 1), "silu", "identity", "half_squared_error",
        256, 2_560, 5, "adamw", 1e-3, "float32", "tabular", dropout=0.1, batch_norm=True,
    ),
    _classes("784", (784, 256, 128, 10), 128, 1_280, 5, "float32", "784"),
    _classes("wide", (1024, 2048, 2048, 10), 512, 1_024, 2, "float32", "wide", "sgd", 1e-2),
    _classes("deep", (64, *[64] * 20, 10), 32, 1_024, 4, "float32", "tabular", activation="tanh"),
    _layers("lenet", (28, 28, 1), LENET, 64, 16, "cross_entropy", "picture"),
    _layers("lenet 1", (28, 28, 1), LENET, 1, 256, "cross_entropy", "picture"),
    _layers("digits cnn", (8, 8, 1), DIGITS, 32, 128, "cross_entropy", "small picture"),
    _layers("conv1d", (128, 8), SEQUENCE, 32, 32, "cross_entropy", "small picture"),
    _layers("gru", (50, 8), (Step("gru", 32), Step("dense", 1, activation="identity")), 32, 64,
            "half_squared_error", "recurrent"),
    _layers("lstm", (50, 8), (Step("lstm", 32), Step("dense", 1, activation="identity")), 32, 64,
            "half_squared_error", "recurrent"),
    _layers("embedding", (11,), BESIDE, 64, 128, "half_squared_error", "embedding"),
)  # fmt: skip
"""The rows of the table, by the length of a call: each from 4 to 2,000 updates."""

BY_NAME = {workload.name: workload for workload in WORKLOADS}


CLASSICS: dict[int, tuple[list[list[float]], list[list[float]]]] = {
    1: ([[0.05, 0.10]], [[0.01, 0.99]]),
    4: ([[0, 0], [0, 1], [1, 0], [1, 1]], [[0], [1], [1], [0]]),
}
"""The data of the textbooks' two smallest examples, by their number of rows: two layers by hand, and XOR."""


class Problem(msgspec.Struct, frozen=True):
    """A workload's arrays: what every peer starts from.

    `weights` holds each dense layer's W (k, m) and b (m,); with batch normalization a hidden layer has W, gamma and
    beta instead. Other layers have the arrays that `bench/layers.py` tells. `T` (rows, outputs) are the targets;
    `labels` (rows,) the class numbers of a classifier. `orders` (epochs, rows) is the order of the rows in each epoch:
    those that scikit-learn draws from the seed 0.
    """

    X: Array
    T: Array
    labels: Array | None
    weights: list[Array]
    orders: Array


def problem_of(workload: Workload) -> Problem:
    """Draw the data and the initial weights of a workload."""
    rng = np.random.default_rng(5)
    rows, outputs = workload.rows, workload.sizes[-1]
    X = rng.normal(size=(rows, workload.sizes[0]))
    score = np.tanh(X @ rng.normal(size=(X.shape[1], outputs)) / np.sqrt(X.shape[1])) + rng.normal(
        0, 0.1, (rows, outputs)
    )
    labels = score.argmax(axis=1) if workload.loss == "cross_entropy" else None
    if labels is not None:
        T = np.eye(outputs)[labels]
    elif workload.loss == "binary_cross_entropy":
        T = (score > 0).astype(float)
    else:
        T = 1 / (1 + np.exp(-score)) if workload.output == "sigmoid" else score
    if rows in CLASSICS and not workload.layers:
        X, T = (np.array(given, float) for given in CLASSICS[rows])
    if workload.layers and workload.layers[0].kind == "embed":
        X[:, 0] = rng.integers(0, workload.layers[0].size, rows)
    X = X.reshape(rows, *workload.shape) if workload.layers else X
    dtype = np.dtype(workload.dtype)
    weights = [weight.astype(dtype) for weight in _weights(workload, rng)]
    return Problem(X.astype(dtype), T.astype(dtype), labels, weights, _orders(workload))


def _weights(workload: Workload, rng: np.random.Generator) -> list[Array]:
    """Draw W scaled by the fan-in (He for relu and its kin); vectors start at 0, gamma at 1."""
    if workload.layers:
        return weights_of(workload.layers, workload.shape, rng)
    gain = 2.0 if workload.activation in {"relu", "silu"} else 1.0
    weights: list[Array] = []
    for layer, (k, m) in enumerate(zip(workload.sizes, workload.sizes[1:], strict=False), 1):
        weights.append(rng.normal(0, np.sqrt(gain / k), (k, m)))
        if workload.batch_norm and layer < len(workload.sizes) - 1:
            weights.append(np.ones(m))
        weights.append(np.zeros(m))
    return weights


def _orders(workload: Workload) -> Array:
    """Give the rows' order per epoch: each epoch shuffles the order of the one before, as scikit-learn does."""
    rows = np.arange(workload.rows)
    if workload.full_batch:
        return np.tile(rows, (workload.epochs, 1))
    random, orders = np.random.RandomState(0), []  # the generator scikit-learn uses
    for _ in range(workload.epochs):
        shuffled = np.arange(workload.rows)
        random.shuffle(shuffled)
        rows = rows[shuffled]
        orders.append(rows)
    return np.stack(orders)


def divisor(workload: Workload, rows: int) -> int:
    """Give what the loss, summed over `rows` rows, is divided by."""
    return {"nothing": 1, "rows": rows, "elements": rows * workload.sizes[-1]}[workload.divide]
