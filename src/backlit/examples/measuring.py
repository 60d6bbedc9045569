"""The numbers of a network at rest: read from the engine's buffers after one forward and one backward pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from backlit.engine import Network, Objective, can_compile, class_level
from backlit.errors import BacklitError
from backlit.examples.file_rows import FileRows, Rows
from backlit.examples.netfile import Setup
from backlit.examples.quantity_parsing import Quantity
from backlit.examples.quantity_table import Place
from backlit.kernels.types import Array
from backlit.ops.base import ElementwiseLoss
from backlit.ops.layers.dense import Dense
from backlit.ops.losses.regression import MSE

ARRAYS = {"net": "Z", "dE/dnet": "dZ", "out": "A", "dE/dout": "dA", "w": "W", "b": "b", "dE/dw": "dW", "dE/db": "db"}
"""Which of a layer's arrays a kind of quantity is read from."""


class Measurement:
    """A network's numbers on a setup's rows, without training it: forward and backward once, every buffer kept.

    `error` is E over the training rows, `outputs` are the network's outputs for them. `rows` are the setup's, where
    they have been read already. `at` measures the network again, after it was trained further: what runs it is made
    once.

    Errors: a BacklitError for a quantity that these rows do not have.
    """

    def __init__(self, setup: Setup, network: Network, *, compiled: bool = True, rows: FileRows | None = None) -> None:
        self.setup, self.file_rows = setup, setup.all_rows() if rows is None else rows
        self.network = network.copy()
        self.X, self.T = self.file_rows.training
        self.compiled = compiled and can_compile()
        self.objective = self._objective(self.file_rows.training, keep=True)
        held_out = self.file_rows.validation
        self.held_out = self._objective(held_out, forward_only=True) if len(held_out[0]) else None
        self.at(network)

    def _objective(self, rows: Rows, **program: Any) -> Objective:
        """Make what runs the network on rows."""
        n = len(rows[0])
        X, T = self.network.check_inputs(rows[0]), self.network.check_targets(rows[1], n)
        return Objective.of(self.network, X, T, compiled=self.compiled, rows=n, **program)

    def at(self, network: Network) -> None:
        """Take the network's parameters as they are now, and measure it."""
        self.network.parameters[:], self.network.state[:] = network.parameters, network.state
        self.objective.loss()
        self.network.state[:] = network.state  # batch statistics move in a training pass
        self.error = self.objective.evaluate()
        self.outputs: Array = self.objective.outputs()

    def array(self, name: str) -> Array:
        """Give an array by the name the engine has for it, such as "1.Z" (rows, units) or "2.dW"."""
        return self.objective.view(name)

    def value(self, quantity: Quantity) -> float:
        """Give the number that a quantity asks for."""
        if quantity.kind == "E":
            number = self.error if quantity.unit is None else self._output_error(quantity.unit)
        elif quantity.kind == "mean squared error":
            number = float(MSE.value(self.outputs, self.T).mean())
        elif quantity.kind == "training accuracy":
            number = self.accuracy()
        elif quantity.kind == "test accuracy":
            number = self._tested()
        else:
            number = self._entry(quantity)
        return quantity.sign * number

    def _entry(self, quantity: Quantity) -> float:
        """Give an element of one of the engine's arrays."""
        if quantity.place is not None:
            return self._placed(quantity, quantity.place)
        name = self._name(quantity)
        if name not in self.objective.executable.places:
            raise BacklitError(f"{quantity.kind} of layer {quantity.layer} is not a number that this network computes.")
        array = self.array(name)
        if quantity.kind in ("w", "dE/dw"):
            return float(array[quantity.source, quantity.unit])
        if quantity.kind in ("b", "dE/db"):
            return float(array[0, quantity.unit])
        return float(array[self._row(quantity), quantity.unit])

    def _placed(self, quantity: Quantity, place: Place) -> float:
        """Give an element by its place in one of the engine's arrays."""
        if place.array not in self.objective.executable.places:
            raise BacklitError(f"{quantity.kind} is not a number that this network computes.")
        array = self.array(place.array)
        if not place.per_row:
            return float(array.reshape(-1)[place.at])
        return float(array[self._row(quantity)].reshape(-1)[place.at])

    def _row(self, quantity: Quantity) -> int:
        """Give the row that a quantity is of, from 0; of a single row it need not say so."""
        if quantity.row is None and len(self.X) > 1:
            raise BacklitError(
                f"{quantity.kind} is asked for without a row; expected such as [1], of {len(self.X)} rows."
            )
        row = quantity.row or 0
        if row >= len(self.X):
            raise BacklitError(f"{quantity.kind}[{row + 1}] is asked for; there are {len(self.X)} rows.")
        return row

    def _name(self, quantity: Quantity) -> str:
        """Give the engine's name of the array; a layer without activation gives out what came in."""
        array = ARRAYS[quantity.kind]
        plain = f"{quantity.layer}.A" not in self.objective.executable.places
        return f"{quantity.layer}.{array.replace('A', 'Z') if plain else array}"

    def _output_error(self, output: int) -> float:
        """Give one output's part of E, by the loss's own formula."""
        loss = self.network.loss
        if not isinstance(loss, ElementwiseLoss):
            raise BacklitError(f"the error of one output is asked for; {loss.name} is not a sum over outputs.")
        settings = {name: getattr(loss, name) for name in loss.__struct_fields__ if name != "reduction"}
        parts = loss.value(self.outputs[:, output], self.T[:, output], **settings)  # type: ignore[attr-defined]
        return float(parts.sum()) * self.objective.scale

    def accuracy(self) -> float:
        """Give the share of the training rows whose class is predicted."""
        return self._accuracy(self.outputs, self.T)

    def test_accuracy(self) -> float | None:
        """Give the share of the test rows whose class is predicted; None where no rows are held out."""
        X, T = self.file_rows.test
        return self._accuracy(self.network.predict(X, compiled=self.compiled), T) if len(X) else None

    def validation_accuracy(self) -> float | None:
        """Give the share of the validation rows whose class is predicted; None where there are none."""
        return self._accuracy(self.held_out.outputs(), self.file_rows.validation[1]) if self.held_out else None

    def validation_error(self) -> float | None:
        """Give the error E over the validation rows; None where there are none."""
        return self.held_out.evaluate() if self.held_out else None

    def _accuracy(self, outputs: Array, T: Array) -> float:
        return accuracy(outputs, T, class_level(self.network.loss))

    def _tested(self) -> float:
        found = self.test_accuracy()
        if found is None:
            raise BacklitError("the test accuracy is asked for; expected a [data.split] that holds rows out.")
        return found


def baseline_error(setup: Setup) -> float | None:
    """Give E over the training rows where each is answered with the mean target: what inputs that say nothing allow.

    None for a loss whose best such answer is another.
    """
    Y, loss = setup.rows()[1], setup.build().loss
    if loss.class_targets and Y.shape[1] == 1 and setup.build().output_size > 1:
        Y = np.eye(setup.build().output_size)[Y[:, 0].astype(np.int64)]
    mean = Y.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        forms = {"mse": ("identity", mean), "half_squared_error": ("identity", mean),
                 "cross_entropy": ("softmax", np.log(mean)),
                 "binary_cross_entropy": ("sigmoid", np.log(mean) - np.log1p(-mean))}  # fmt: skip
    activation, biases = forms.get(loss.name, ("", mean))
    if not activation or not np.isfinite(biases).all():
        return None
    constant = Network([Dense(len(mean), activation, weights=0.0, biases=biases.tolist())], 1, loss)
    return constant.evaluate(np.zeros((len(Y), 1)), Y, metrics=[], compiled=False).loss


def classes_of(outputs: Array, level: float = 0.5) -> Array:
    """Give the class that a row names: the largest of several outputs, or whether one output is above a level."""
    if outputs.shape[1] == 1:
        return (outputs[:, 0] > level).astype(np.int64)
    numbers: Array = outputs.argmax(axis=1)
    return numbers


def accuracy(outputs: Array, targets: Array, level: float = 0.5) -> float:
    """Give the share of rows whose class is predicted; `level` is that of the outputs.

    >>> import numpy as np
    >>> accuracy(np.array([[0.9], [0.2], [0.6]]), np.array([[1.0], [0.0], [0.0]]))
    0.6666666666666666
    """
    return float((classes_of(outputs, level) == classes_of(targets)).mean())
