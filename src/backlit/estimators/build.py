"""Builds the network of an estimator, its initial weights and its optimizer from the parameters."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np

from backlit.engine import Network
from backlit.errors import BacklitError, counted
from backlit.kernels.types import Array
from backlit.ops.base import Activation, Layer, Loss, Optimizer, arguments
from backlit.ops.layers.dense import PARAMETERS, Dense
from backlit.ops.layers.dropout import Dropout
from backlit.ops.layers.normalization import BatchNorm, LayerNorm
from backlit.ops.optimizers.adaptive import Adam
from backlit.ops.optimizers.descent import Momentum as PlainMomentum
from backlit.ops.optimizers.descent import Nesterov
from backlit.ops.optimizers.quasi_newton import LBFGS
from backlit.ops.registry import activations, make_layer, optimizers, schedules
from backlit.ops.schedules import Schedule

SCIKIT_LEARN_ACTIVATIONS: Mapping[str, str] = {"logistic": "sigmoid"}
"""scikit-learn's names of activations, where ours differ -> ours."""

NORMALIZATIONS: Mapping[str, type[Layer]] = {"batch": BatchNorm, "layer": LayerNorm}

SCIKIT_LEARN_RATES = ("constant", "invscaling", "adaptive")

WEIGHTS, BIASES = PARAMETERS
"""A dense layer's names of the arrays that scikit-learn keeps in `coefs_` and `intercepts_`."""


class Output(msgspec.Struct, frozen=True):
    """The loss and the last layer; the reported loss is a mean over `parts` summands."""

    loss: Loss
    activation: str
    units: int
    parts: int = 1


class Settings(msgspec.Struct, frozen=True):
    """The settings of a training, resolved from the parameters."""

    optimizer: Optimizer
    schedule: Schedule
    policy: str
    batch_size: int | str
    penalties: Mapping[str, Any]


def settings_of(estimator: Any) -> Settings:
    """Resolve solver, learning rate and penalties.

    `solver="sgd"` and `"adam"` are scikit-learn's own forms: momentum with the rate inside the velocity, Adam with the
    epsilon that does not shrink. `learning_rate="invscaling"` and `"adaptive"` act on `"sgd"` alone.
    """
    optimizer = optimizer_of(estimator)
    _refuse_for_full_batches(estimator, optimizer)
    given = estimator.learning_rate
    named = isinstance(given, str) and given in SCIKIT_LEARN_RATES
    return Settings(
        optimizer,
        schedules.make("constant" if named else given),
        given if named and estimator.solver == "sgd" else "constant",
        estimator.batch_size,
        {
            "l2": float(estimator.alpha),
            "clip_value": estimator.clip_value,
            "clip_norm": estimator.clip_norm,
            "max_norm": estimator.max_norm,
        },
    )


def _refuse_for_full_batches(estimator: Any, optimizer: Optimizer) -> None:
    """Refuse limits of a single update where the solver is L-BFGS, which searches along a line instead."""
    names = ("clip_value", "clip_norm", "max_norm", "weight_decay")
    given = [f"{name}={getattr(estimator, name)!r}" for name in names if getattr(estimator, name)]
    if optimizer.full_batch and given:
        raise BacklitError(
            f"solver {optimizer.name!r} makes no updates to which {', '.join(given)} could apply; leave it off, use "
            "alpha against large weights, or choose a solver that trains by batches, such as 'adam'."
        )


def optimizer_of(estimator: Any) -> Optimizer:
    """Give the optimizer that `solver` is or names, with the parameters that belong to it."""
    solver = estimator.solver
    rate, decay = float(estimator.learning_rate_init), float(estimator.weight_decay)
    if isinstance(solver, Optimizer):
        return solver
    if solver == "lbfgs":
        return LBFGS(max_evaluations=int(estimator.max_fun), tolerance=float(estimator.tol))
    if solver == "sgd":
        momentum = Nesterov if estimator.nesterovs_momentum else PlainMomentum
        return momentum(rate=rate, momentum=float(estimator.momentum), weight_decay=decay)
    if solver == "adam":
        betas = {"beta1": float(estimator.beta_1), "beta2": float(estimator.beta_2)}
        return Adam(rate=rate, epsilon=float(estimator.epsilon), epsilon_hat=True, weight_decay=decay, **betas)
    kind: Any = optimizers[solver]
    own = {"weight_decay": decay} if decay else {}
    chosen: Optimizer = kind(rate=rate, **own)
    return chosen


# ---------------------------------------------------------------------------------------------------------- the network


def network_of(estimator: Any, inputs: int, output: Output, dtype: Any, random: np.random.RandomState) -> Network:
    """Build the network and draw its weights.

    Layers described by `hidden_layer_sizes` get the weights that scikit-learn draws from the same random state; those
    of `hidden_layers` are drawn as each layer says.
    """
    row = _rows_of(estimator.input_shape, inputs)
    if estimator.hidden_layers is not None:
        hidden = [make_layer(layer) for layer in estimator.hidden_layers]
        with _in_an_estimators_words():
            _refuse_other_ends(hidden, row)
            layers = [*hidden, Dense(output.units, output.activation)]
            return Network(layers, row, output.loss, dtype=dtype, seed=random.randint(2**31 - 1))
    if estimator.input_shape is not None and (isinstance(row, dict) or len(row) > 1):
        raise BacklitError(
            f"input_shape is {row}, and hidden_layer_sizes are units of dense layers, which read one row of numbers; "
            "expected hidden_layers that read such a shape, such as [bl.Conv2D(8, 3, 'relu'), bl.Flatten()]."
        )
    sizes, functions = hidden_layers(estimator)
    layers = [layer for size, function in zip(sizes, functions, strict=True)
              for layer in _hidden(size, function, estimator.normalization, estimator.dropout)]  # fmt: skip
    layers.append(Dense(output.units, output.activation, weights="zeros"))
    network = Network(layers, inputs, output.loss, dtype=dtype)
    _draw(network, [*functions, functions[-1] if functions else _activation(estimator.activation)], random)
    return network


Rows = tuple[int, ...] | dict[str, tuple[int, ...]]
"""The shape of a row, or that of each of several inputs."""


@contextmanager
def _in_an_estimators_words() -> Iterator[None]:
    """Name the setting of an estimator where an error of a network names its own."""
    try:
        yield
    except BacklitError as error:
        said = str(error).replace("the network inputs=", "the estimator input_shape=")
        raise BacklitError(re.sub(r"\binputs=", "input_shape=", said)) from None


def _rows_of(given: Any, inputs: int) -> Rows:
    """Give the shape of a row, or of each input by its name, for so many columns of X."""
    if given is None:
        return (inputs,)
    shapes = {name: _shape(size, given) for name, size in (given if isinstance(given, dict) else {"": given}).items()}
    counts = [math.prod(shape) for shape in shapes.values()]
    if sum(counts) != inputs:
        product = " + ".join(" × ".join(map(str, shape)) for shape in shapes.values())
        raise BacklitError(
            f"input_shape is {given!r}, {product} = {sum(counts):,} numbers; X has {counted(inputs, 'column')}. "
            "Expected one column for each number, in the order of X.reshape(len(X), -1); preprocess='auto' leaves out "
            "columns that do not vary."
        )
    return shapes if isinstance(given, dict) else shapes[""]


def _shape(given: Any, whole: Any) -> tuple[int, ...]:
    sizes = np.atleast_1d(np.asarray(given)) if isinstance(whole, dict) else np.asarray(given)
    if sizes.ndim != 1 or not sizes.size or sizes.dtype.kind not in "iu" or (sizes < 1).any():
        raise BacklitError(
            f"input_shape is {whole!r}; expected the shape of a row, such as (8, 8, 1) or (50, 8), or of each of "
            "several inputs by its name, {'X': (50, 8), 'length': 1}."
        )
    return tuple(map(int, sizes))


def _refuse_other_ends(hidden: Sequence[Layer], row: Rows) -> None:
    """Refuse hidden layers behind which the output layer would read rows of several axes."""
    graph = Network(hidden, row).graph if hidden else None
    written = graph.rows[graph.nodes[-1].writes] if graph is not None else () if isinstance(row, dict) else row
    if len(written) > 1:
        raise BacklitError(
            f"the hidden layers write rows of shape {written}; the output layer reads one row of numbers. End them "
            "with bl.Flatten(), or bl.GlobalAveragePool(); recurrent layers with returns='last'."
        )


def hidden_layers(estimator: Any) -> tuple[list[int], list[Activation]]:
    """Give the sizes of the hidden layers and the activation of each."""
    sizes = estimator.hidden_layer_sizes
    sizes = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
    if np.any(np.array(sizes) <= 0):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    sizes = [int(size) for size in sizes]
    given = estimator.activation
    if not isinstance(given, (list, tuple)):
        return sizes, [_activation(given)] * len(sizes)
    if len(given) != len(sizes):
        raise ValueError(
            f"activation lists {counted(len(given), 'activation')} for {counted(len(sizes), 'hidden layer')}; give one "
            "for each, or a single one for all."
        )
    return sizes, [_activation(one) for one in given]


def _activation(given: Any) -> Activation:
    if isinstance(given, (list, tuple)):  # a list for no hidden layer
        return _activation("identity")
    made: Activation = activations.make(SCIKIT_LEARN_ACTIVATIONS.get(given, given) if isinstance(given, str) else given)
    return made


def _hidden(size: int, function: Activation, normalization: str | None, dropout: float) -> Iterator[Layer]:
    """Give the layers of one hidden layer, with normalization between the linear map and the activation."""
    if normalization is None:
        yield Dense(size, function, weights="zeros")
    else:
        yield Dense(size, weights="zeros")
        yield NORMALIZATIONS[normalization]()
        yield function
    if dropout:
        yield Dropout(float(dropout))


def _draw(network: Network, functions: Sequence[Activation], random: np.random.RandomState) -> None:
    """Draw weights and biases in scikit-learn's order: Glorot's uniform bound, smaller for the logistic function."""
    for label, function in zip(dense_labels(network), functions, strict=True):
        W, b = network[f"{label}.{WEIGHTS}"], network[f"{label}.{BIASES}"]
        bound = np.sqrt((2.0 if function.name == "sigmoid" else 6.0) / sum(W.shape))
        W[...] = random.uniform(-bound, bound, W.shape)
        b[...] = random.uniform(-bound, bound, b.shape)


def dense_labels(network: Network) -> list[str]:
    """Give the numbers of the dense layers, in order, as the network names its parameters."""
    return [str(number) for number, layer in enumerate(network.layers, 1) if isinstance(layer, Dense)]


def dense_layers(network: Network) -> list[Dense]:
    """Give the dense layers, in order."""
    return [layer for layer in network.layers if isinstance(layer, Dense)]


def is_random(network: Network) -> bool:
    """Tell whether the network draws random numbers while it trains, as dropout does."""
    forwards = [getattr(type(op), "forward", None) for op in network.ops]
    return any("seed" in arguments(forward) for forward in forwards if forward is not None)


class Views(list[Array]):
    """A list of views of a network's parameters: `views[i] = values` writes into the network, as changing one does."""

    def __setitem__(self, index: Any, value: Any) -> None:
        """Write values into the view."""
        self[index][...] = value


def views(network: Network, name: str) -> Views:
    """Give the views of one parameter, WEIGHTS or BIASES, of all dense layers."""
    return Views(network[f"{label}.{name}"] for label in dense_labels(network))
