"""A network: its architecture, and the prediction of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from backlit.engine.architecture import Architecture
from backlit.engine.display import Displayed
from backlit.engine.prediction import FEW_ROWS, MANY_ROWS, Predictors
from backlit.engine.summaries import NetworkSummary, network_summary
from backlit.kernels.types import Array


class Network(Displayed, Architecture):
    """A feed-forward network: a chain of layers and the loss it is trained with.

    Args:
        layers: the chain; layers, activations, or an activation's name.
        inputs: the number of columns of X, or the shape of a row of X, such as (28, 28, 1).
        loss: a loss or its name.
        dtype: "float64" (default) or "float32".
        seed: of the generator that draws the initial weights.

    Attributes:
        parameters: all weights and biases, one contiguous vector (size,). `network["1.W"]` is a view of it: assigning
            to the view changes the network.
        state: running statistics of batch normalization, one vector that no optimizer sees.
        ops: the chain as the machine runs it; a dense layer and its activation are two ops of one layer. Array names
            begin with the number of the layer, from 1: `1.W`, `1.Z`, `1.A`.

    Errors: a BacklitError where a layer, loss or dtype is unknown, sizes do not fit, or the last layer's outputs may
    lie where the loss is not defined, as a tanh's do for cross-entropy.

    >>> import numpy as np
    >>> from backlit.engine.network import Network
    >>> from backlit.ops.layers.dense import Dense
    >>> network = Network([Dense(2, "sigmoid"), Dense(1)], inputs=2, loss="half_squared_error", seed=0)
    >>> network["1.W"].shape, network["2.b"].shape, network.parameters.size
    ((2, 2), (1,), 9)
    >>> network.predict([[0.0, 1.0]]).shape
    (1, 1)
    """

    def _build(self, *given: Any) -> None:
        super()._build(*given)
        self._predictors: dict[Any, Predictors] = {}

    def summary(self) -> NetworkSummary:
        """Describe the network as a record: inputs, layers with shapes and parameters, loss. Printing it draws it."""
        return network_summary(self)

    def predict(self, X: npt.ArrayLike, *, compiled: bool = True, threads: int | None = None) -> Array:
        """Run the rows of X (n, inputs) forward and give the outputs (n, outputs).

        Many rows are shared out to up to so many threads, by default BACKLIT_THREADS, else OMP_NUM_THREADS, else all
        processors; it does not change a bit of the result.
        """
        X = self.check_inputs(X)
        few = X.shape[0] <= FEW_ROWS
        predictors = self._predictors.get((compiled, few))
        if predictors is None:
            predictors = Predictors(self, FEW_ROWS if few else MANY_ROWS, compiled)
            predictors = self._predictors.setdefault((compiled, few), predictors)
        Y = np.empty((X.shape[0], self.outputs), self.dtype)
        predictors(X, Y, threads)
        return Y
