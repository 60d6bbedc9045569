"""A network: its architecture, and the prediction of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from backlit.engine.architecture import Architecture
from backlit.engine.arguments import known_arguments
from backlit.engine.display import Displayed
from backlit.engine.evaluation import NetworkEvaluation, evaluate_network, layer_outputs
from backlit.engine.gradients import Gradient, gradient_by_name
from backlit.engine.input_checks import rows_of
from backlit.engine.prediction import FEW_ROWS, MANY_ROWS, Predictors
from backlit.engine.summaries import NetworkSummary, network_summary
from backlit.errors import ArgumentError, BacklitError
from backlit.kernels.types import Array
from backlit.ops.synonyms import instead


class Network(Displayed, Architecture):
    """A network: layers one after another, and in branches, and the loss it is trained with.

    Args:
        layers: one after another; layers, activations, or an activation's name. Blocks such as Residual and Parallel
            hold lists of layers themselves.
        inputs: the number of columns of X, or the shape of a row of X, such as (28, 28, 1); or these of several inputs
            by their names, {"image": (8, 8, 1), "table": 4}, of which the first is read by the first layer, the others
            by Select("table").
        loss: a loss or its name.
        dtype: "float64" (default) or "float32".
        seed: of the generator that draws the initial weights.

    Attributes:
        parameters: all weights and biases, one contiguous vector (size,). `network["1.W"]` is a view of it: assigning
            to the view changes the network.
        state: running statistics of batch normalization, one vector that no optimizer sees.
        inputs, output_size: how many numbers a row of X has, and a row of the outputs.
        ops: what the machine runs, in order; a dense layer and its activation are two ops of one layer. Array names
            begin with the label of the layer, its number from 1: `1.W`, `1.Z`, `1.A`; `2.1.W` of the first layer inside
            a block that is layer 2, `2b.1.W` of that in its second branch.

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

    def __getattr__(self, name: str) -> Any:
        # With `obj` and no `name`, Python adds no guess of its own to the advice.
        advice = instead("network", name, [*self.__dict__, *dir(type(self))]) or "."
        raise AttributeError(f"a network has no {name!r}{advice}", obj=self)

    def __call__(self, *given: Any, **settings: Any) -> Array:
        """Refuse the call. Errors: an ArgumentError that names `predict`."""
        raise ArgumentError("a network is not a function; write network.predict(X).")

    def summary(self) -> NetworkSummary:
        """Describe the network as a record: inputs, layers with shapes and parameters, loss. Printing it draws it."""
        return network_summary(self)

    @known_arguments("network.predict")
    def predict(self, X: npt.ArrayLike, *, compiled: bool = True, threads: int | None = None) -> Array:
        """Run the rows of X (n, inputs) forward and give the outputs (n, outputs).

        Rows may come in the shape of the inputs, (n, 28, 28, 1), or as {name: rows} where there are several inputs.
        Outputs with several axes have their shape: those of a sequence are (n, time, outputs).

        Many rows are shared out to up to so many threads, by default BACKLIT_THREADS, else OMP_NUM_THREADS, else all
        processors; it does not change a bit of the result.
        """
        Y, shape = self._predicted(self.check_inputs(X), compiled, threads), self.output_shape
        return Y if len(shape) == 1 else Y.reshape(len(Y), *shape)

    def _predicted(self, X: Array, compiled: bool, threads: int | None = None) -> Array:
        few = X.shape[0] <= FEW_ROWS
        predictors = self._predictors.get((compiled, few))
        if predictors is None:
            predictors = Predictors(self, FEW_ROWS if few else MANY_ROWS, compiled)
            predictors = self._predictors.setdefault((compiled, few), predictors)
        Y = np.empty((X.shape[0], self.output_size), self.dtype)
        predictors(X, Y, threads)
        return Y

    @known_arguments("network.evaluate")
    def evaluate(
        self, X: npt.ArrayLike, Y: npt.ArrayLike, *, sample_weight: npt.ArrayLike | None = None, metrics: Any = None,
        compiled: bool = True,
    ) -> NetworkEvaluation:  # fmt: skip
        """Measure the network on rows X (n, inputs) with targets Y: its loss, and metrics by scikit-learn's functions.

        The loss is reduced over the rows as the network's loss says, each row counted by its weight (n,), without
        penalties: what a training gives as `validation_loss`. Dropout is off; batch normalization takes its running
        statistics.

        `metrics` are names, functions (targets, outputs), or a mapping from names to functions. A function is given the
        outputs as (n, outputs), those of several axes one after another, and the targets: class numbers as integers
        (n,), all others as (n, outputs); where the network has one output, both are (n,). Rows with weights give it
        `sample_weight` (n,) too. By default the metrics are those of the loss's kind: accuracy and log-loss for classes
        and for labels of
        yes or no, R², RMSE and MAE for numbers, and the mean Poisson deviance for counts. Known are accuracy,
        balanced_accuracy, f1, auc, log_loss; r2, rmse, mae, mse, poisson_deviance. Several labels of a row count one
        by one.

        Errors: a BacklitError for shapes that do not fit the network, values that are not finite, unknown metrics, or a
        metric that fails.

        >>> from backlit.engine.network import Network
        >>> from backlit.ops.layers.dense import Dense
        >>> network = Network([Dense(1, weights=[[2.0]])], inputs=1, loss="mse")
        >>> found = network.evaluate([[1.0], [3.0]], [1.0, 5.0], compiled=False)
        >>> found.loss, found["mae"], found.row_losses
        (1.0, 1.0, array([1., 1.]))
        """
        rows = rows_of(self, X, Y, sample_weight)
        if not len(rows[0]):
            raise BacklitError("X has no rows; expected at least one to measure the network on.")
        return evaluate_network(self, rows, metrics, compiled=compiled)

    @known_arguments("network.gradient")
    def gradient(
        self, X: npt.ArrayLike, Y: npt.ArrayLike, *, sample_weight: npt.ArrayLike | None = None, l1: float = 0.0,
        l2: float = 0.0, decay_biases: bool = False, seed: int | None = None, step: int = 0, compiled: bool = True,
    ) -> Gradient:  # fmt: skip
        r"""Give dE/dw of every array that is trained, by its name: `network.gradient(X, Y)["1.W"]`.

        E is the loss of all rows as one batch, reduced as the loss says, plus the penalties l2/2 Σw² + l1 Σ|w|. The
        values are bit for bit those that a step of a training hands to its optimizer on these rows in this order, with
        the same `compiled`, before clipping. So batch normalization takes the statistics of the batch. Dropout is off;
        with a `seed` it is on, by the masks of a training with that seed at the update `step`, from 0. The network
        stays as it is. Frozen arrays have no gradient and are left out.

        The names are those of `network[...]` and `network.layout`: "1.W" (inputs, units), "1.b" (units,).

        Errors: a BacklitError for shapes that do not fit the network, or an error E that is not finite.

        >>> from backlit.engine.network import Network
        >>> from backlit.ops.layers.dense import Dense
        >>> network = Network([Dense(1, weights=[[2.0]])], inputs=1, loss="half_squared_error")
        >>> network.gradient([[3.0]], [5.0], compiled=False)
        {'1.W': array([[3.]]), '1.b': array([1.])}
        """
        rows = rows_of(self, X, Y, sample_weight)
        if not len(rows[0]):
            raise BacklitError("X has no rows; expected at least one to take the gradient of.")
        return gradient_by_name(
            self, rows, l1=l1, l2=l2, decay_biases=decay_biases, seed=seed, step=step, compiled=compiled
        )

    @known_arguments("network.outputs")
    def outputs(
        self, X: npt.ArrayLike, layer: int | str, *, activated: bool = True, compiled: bool = True
    ) -> Array:  # fmt: skip
        """Run the rows of X (n, inputs) forward and give what a layer writes: (n, units), or (n, *shape).

        Layers are numbered from 1, as in "1.W"; inside blocks they have labels such as "2a.1". With `activated=False`
        it is what goes into the layer's activation.
        Dropout is off; batch normalization takes its running statistics.

        Errors: a BacklitError for a layer that the network does not have, or rows that do not fit.

        >>> from backlit.engine.network import Network
        >>> from backlit.ops.layers.dense import Dense
        >>> network = Network([Dense(1, "relu", weights=[[2.0]]), Dense(1)], inputs=1)
        >>> [network.outputs([[-3.0]], 1, activated=on, compiled=False).item() for on in (True, False)]
        [0.0, -6.0]
        """
        return layer_outputs(self, self.check_inputs(X), layer, activated=activated, compiled=compiled)
