"""Changes of what a training is made of: how each is made, in words, in Python and as an option, and how it applies.

`CHANGES` maps a change's name to the function that applies it: it takes a plan and the change's value and gives the
changed plan. `changed` applies records. The functions below make the records.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
import numpy as np

from backlit.diagnose.plan import Plan, Rows, mean_and_spread, standardized
from backlit.diagnose.records import Change
from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.ops.base import Activation, Layer
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.dropout import Dropout
from backlit.ops.layers.normalization import BatchNorm
from backlit.ops.registry import activations, optimizers

CHANGES: dict[str, Callable[[Plan, Any], Plan]] = {}
"""What applies a change, by its name."""


def changed(plan: Plan, changes: Iterable[Change]) -> Plan:
    """Apply changes to a plan, one after the other.

    Errors: a BacklitError where one does not fit the plan.
    """
    for change in changes:
        plan = CHANGES[change.name](plan, change.value)
        plan = plan.replaced(changes=(*plan.changes, change))
    return plan


def key_of(changes: Iterable[Change]) -> str:
    """Give what tells changes from others: what they change, and to what; their words do not count."""
    return repr([(change.name, change.value) for change in changes])


def _change(name: str) -> Callable[[Callable[[Plan, Any], Plan]], Callable[[Plan, Any], Plan]]:
    """Register what applies the change of that name."""

    def register(function: Callable[[Plan, Any], Plan]) -> Callable[[Plan, Any], Plan]:
        CHANGES[name] = function
        return function

    return register


# --------------------------------------------------------------------------------------------- settings of the training


@_change("setting")
def _set(plan: Plan, value: Any) -> Plan:
    """Replace settings of the training; `value` is a mapping from their names."""
    return plan.with_settings(**value)


@_change("rate")
def _set_rate(plan: Plan, value: Any) -> Plan:
    """Replace the optimizer's learning rate."""
    if not hasattr(plan.settings.optimizer, "rate"):
        raise BacklitError(f"the optimizer {plan.settings.optimizer.name!r} has no learning rate to change.")
    return plan.with_settings(optimizer=msgspec.structs.replace(plan.settings.optimizer, rate=float(value)))


@_change("optimizer")
def _set_optimizer(plan: Plan, value: Any) -> Plan:
    """Take another optimizer, given as `to_dict` gives it."""
    return plan.with_settings(optimizer=optimizers.from_dict(value))


# ------------------------------------------------------------------------------------------------------- of the network


def _hidden(plan: Plan) -> list[int]:
    """Give the places of the dense layers but the last one."""
    places = [k for k, layer in enumerate(plan.layers) if isinstance(layer, Dense)]
    return places[:-1]


def _with_hidden(
    plan: Plan, make: Callable[[Dense], list[Layer]], other: Callable[[int, Layer], Layer] = lambda k, layer: layer
) -> Plan:
    """Put what `make` gives in the place of each hidden dense layer, and what `other` gives in that of layer k."""
    hidden = _hidden(plan)
    layers: list[Layer] = []
    for k, layer in enumerate(plan.layers):
        layers += make(layer) if k in hidden and isinstance(layer, Dense) else [other(k, layer)]
    return plan.with_layers(layers)


def _with_dense(plan: Plan, places: Iterable[int], **fields: Any) -> Plan:
    """Replace fields of some dense layers; those whose weights fit no more are drawn anew, the others stay."""
    layers = list(plan.layers)
    for k in places:
        layers[k] = msgspec.structs.replace(layers[k], **fields)
    return plan.with_layers(layers)


@_change("activation")
def _set_activation(plan: Plan, value: Any) -> Plan:
    """Take another activation in all hidden layers, with its usual first weights."""
    last = len(plan.layers) - 1

    def other(k: int, layer: Layer) -> Layer:
        return activations.make(value) if isinstance(layer, Activation) and k < last else layer

    return _with_hidden(plan, lambda dense: [Dense(dense.units, value, bias=dense.bias)], other)


@_change("first weights")
def _set_weights(plan: Plan, value: Any) -> Plan:
    """Draw the first weights of all dense layers as their activations' initializers do, or by one of a name."""
    places = [k for k, layer in enumerate(plan.layers) if isinstance(layer, Dense)]
    return _with_dense(plan, places, weights=value, biases=None)


@_change("first biases")
def _set_biases(plan: Plan, value: Any) -> Plan:
    """Let all biases begin at a number; the weights stay."""
    network = plan.network.copy()
    for name in network.layout:
        if name.endswith(".b"):
            network[name] = float(value)
    return plan.replaced(network=network)


@_change("batch norm")
def _add_batch_norm(plan: Plan, value: Any) -> Plan:
    """Put a batch normalization between each hidden dense layer and its activation."""

    def normalized(dense: Dense) -> list[Layer]:
        activation = activations.make(dense.activation)
        weights = activation.initializer if dense.weights is None else dense.weights
        return [Dense(dense.units, bias=dense.bias, weights=weights), BatchNorm(), activation]

    return _with_hidden(plan, normalized)


@_change("dropout")
def _set_dropout(plan: Plan, value: Any) -> Plan:
    """Set the probability of all dropout layers, take them out at 0, or put one behind each hidden layer."""
    there, hidden = any(isinstance(layer, Dropout) for layer in plan.layers), _hidden(plan)
    layers: list[Layer] = []
    for k, layer in enumerate(plan.layers):
        if isinstance(layer, Dropout):
            layers += [Dropout(value)] if value else []
            continue
        layers.append(layer)
        if not there and value and k in hidden:
            layers.append(Dropout(value))
    kept = plan.with_layers(layers)
    if kept.network.parameters.size == plan.network.parameters.size:  # dropout has none: the first weights stay
        kept.network.parameters[:], kept.network.state[:] = plan.network.parameters, plan.network.state
    return kept


@_change("units")
def _set_units(plan: Plan, value: Any) -> Plan:
    """Take hidden layers of so many units, a number for each, with the activation of the first one there was."""
    dense = [layer for layer in plan.layers if isinstance(layer, Dense)]
    name = activations.make(dense[0].activation).name if len(dense) > 1 else "relu"
    name = "relu" if name == "identity" else name
    return plan.with_layers([*(Dense(int(units), name) for units in value), dense[-1]])


@_change("output")
def _set_output(plan: Plan, value: Any) -> Plan:
    """Take another output activation and loss: {"activation": ..., "loss": ..., "units": ...}."""
    layers = list(plan.layers)
    while isinstance(layers[-1], Activation):
        layers.pop()
    last = layers[-1]
    if not isinstance(last, Dense):
        raise BacklitError(f"the last layer is {last.summary()}; expected a dense layer, whose output can be changed.")
    layers[-1] = Dense(int(value.get("units", last.units)), value["activation"], bias=last.bias)
    reshaped = _reshaped_targets(plan, int(value.get("units", last.units)))
    return reshaped.with_layers(layers, loss=value["loss"])


def _reshaped_targets(plan: Plan, units: int) -> Plan:
    """Give targets for so many outputs: class numbers stay; 0 and 1 of one output become class numbers of two."""
    width = plan.rows[1].shape[1]
    if units in {width, plan.network.output_size}:
        return plan
    if width == 1 or units == 1:
        return plan  # class numbers fit any number of outputs, and a column of 0 and 1 one output
    raise BacklitError(f"the targets have {width} columns; a network of {units} outputs cannot learn them.")


# ---------------------------------------------------------------------------------------------------------- of the rows


def _mapped(plan: Plan, change: Callable[[Rows], Rows]) -> Plan:
    """Change the training rows and the validation rows alike."""
    validation = None if plan.validation is None else change(plan.validation)
    return plan.replaced(rows=change(plan.rows), validation=validation)


@_change("standardize")
def _standardize(plan: Plan, value: Any) -> Plan:
    """Subtract the mean of the training rows from each input, and divide by their standard deviation."""
    mean, spread = mean_and_spread(plan.rows[0])
    dtype = plan.network.dtype
    center, scale = plan.center.copy(), plan.spread.copy()
    center[plan.columns] += mean * scale[plan.columns]
    scale[plan.columns] *= spread
    scaled = _mapped(plan, lambda rows: (standardized(rows[0], mean, spread, dtype), *rows[1:]))
    return scaled.replaced(center=center, spread=scale)


@_change("standardize targets")
def _standardize_targets(plan: Plan, value: Any) -> Plan:
    """Subtract the mean of the training targets, and divide by their standard deviation."""
    mean, spread = mean_and_spread(plan.rows[1])
    dtype = plan.network.dtype
    center = plan.target_center + mean * plan.target_spread
    scaled = _mapped(plan, lambda rows: (rows[0], standardized(rows[1], mean, spread, dtype), rows[2]))
    return scaled.replaced(target_center=center, target_spread=plan.target_spread * spread)


@_change("leave out inputs")
def _leave_out(plan: Plan, value: Any) -> Plan:
    """Leave columns of the given inputs out, by their numbers."""
    kept = np.array([k for k, column in enumerate(plan.columns) if column not in set(value)])
    fewer = _mapped(plan, lambda rows: (np.ascontiguousarray(rows[0][:, kept]), *rows[1:]))
    return fewer.replaced(columns=plan.columns[kept]).with_layers(plan.layers, inputs=len(kept))


@_change("leave out rows")
def _leave_out_rows(plan: Plan, value: Any) -> Plan:
    """Leave training rows out, by their numbers."""
    kept = np.setdiff1d(np.arange(len(plan.rows[0])), np.asarray(value, np.int64))
    X, Y, weights = plan.rows
    return plan.replaced(rows=(X[kept], Y[kept], weights[kept] if weights.size else weights))


@_change("class weights")
def _balance(plan: Plan, value: Any) -> Plan:
    """Weigh each row so that all classes count alike, the validation rows too, by which the best epoch is chosen."""
    (X, Y, weights), validation = plan.rows, plan.validation
    others = validation[1] if validation is not None else Y[:0]
    codes = class_codes(np.concatenate([Y, others]))
    given = weights if weights.size else np.ones(len(Y))
    sums = np.bincount(codes[: len(Y)], given, minlength=int(codes.max()) + 1)
    factors = np.where(sums > 0.0, given.sum() / (np.count_nonzero(sums) * np.where(sums > 0.0, sums, 1.0)), 1.0)
    if validation is not None:
        counted = validation[2] if validation[2].size else np.ones(len(others))
        validation = (*validation[:2], counted * factors[codes[len(Y) :]])
    return plan.replaced(rows=(X, Y, given * factors[codes[: len(Y)]]), validation=validation)


def class_codes(Y: Array) -> Array:
    """Give class numbers (n,) of targets: of class numbers, of 0 and 1, or of one column for each class."""
    codes = np.unique(Y[:, 0], return_inverse=True)[1] if Y.shape[1] == 1 else Y.argmax(axis=1)
    return np.asarray(codes, np.int64)


# -------------------------------------------------------------------------------------------------- records of changes


def set_rate(rate: float, now: float) -> Change:
    """Change the learning rate."""
    return Change("rate", rate, f"learning rate {rate:g} instead of {now:g}", f"--rate {rate:g}", f"rate={rate:g}")


def set_setting(name: str, value: Any, words: str, option: str = "") -> Change:
    """Change one setting of `Training`."""
    return Change("setting", {name: value}, words, option, f"bl.Training(..., {name}={value!r})")


def set_activation(name: str, now: str) -> Change:
    """Change the activation of the hidden layers."""
    what = f"{name} instead of {now} in the hidden layers, with its usual first weights"
    return Change("activation", name, what, f"--activation {name}", f'bl.Dense(units, "{name}")')


def usual_weights() -> Change:
    """Draw the first weights as usual."""
    return Change("first weights", None, "the usual first weights (He for relu, Glorot for tanh and sigmoid), biases 0",
                  "", "bl.Dense(units, activation), without weights= and biases=")  # fmt: skip


def usual_biases() -> Change:
    """Begin with biases of 0."""
    return Change("first biases", 0.0, "biases that begin at 0", "", "bl.Dense(units, activation), without biases=")


def add_batch_norm() -> Change:
    """Put batch normalization before the hidden activations."""
    return Change("batch norm", True, "batch normalization before each hidden activation", "",
                  "bl.Dense(units), bl.BatchNorm(), activation")  # fmt: skip


def set_dropout(p: float, now: float) -> Change:
    """Change the probability of dropout."""
    words = f"dropout {p:g} instead of {now:g}" if p else f"no dropout (now {now:g})"
    return Change("dropout", p, words, f"--dropout {p:g}", f"bl.Dropout({p:g})" if p else "no bl.Dropout")


def set_units(units: Sequence[int], now: Sequence[int]) -> Change:
    """Change the sizes of the hidden layers."""
    text = ",".join(map(str, units))
    before = ",".join(map(str, now)) or "none"
    return Change("units", tuple(units), f"hidden layers of {text} units instead of {before}", f"--layers {text}",
                  f"layers of {text} units")  # fmt: skip


def set_output(activation: str, loss: str, now: str, units: int | None = None) -> Change:
    """Change the output's activation and the loss."""
    value: dict[str, Any] = {"activation": activation, "loss": loss} | ({"units": units} if units else {})
    last = f"bl.Dense({units or 'outputs'}, {activation!r})"
    return Change("output", value, f"output {activation} with the loss {loss} instead of {now}", "",
                  f'{last}, loss="{loss}"')  # fmt: skip


def standardize() -> Change:
    """Standardize the inputs."""
    return Change("standardize", True, "inputs standardized to mean 0 and standard deviation 1", "",
                  "X = (X - X_train.mean(0)) / X_train.std(0)")  # fmt: skip


def standardize_targets() -> Change:
    """Standardize the targets."""
    return Change("standardize targets", True, "targets standardized to mean 0 and standard deviation 1", "",
                  "Y = (Y - Y_train.mean(0)) / Y_train.std(0)")  # fmt: skip


def leave_out_inputs(columns: Sequence[int], names: Sequence[str], *, of_table: bool = False) -> Change:
    """Leave inputs out; `names` are those of the table's columns that they are made of, where they are of a table."""
    option, python = "", f"X = np.delete(X, {list(columns)}, axis=1)"
    if of_table:
        option = " ".join(f"--ignore{'=' if name.startswith('-') else ' '}{shlex.quote(name)}" for name in names)
        python = f"Settings(ignore={tuple(names)!r})"
    return Change("leave out inputs", tuple(columns), f"without {', '.join(names)}", option, python)


def leave_out_rows(rows: Sequence[int], why: str, *, of_table: bool = False) -> Change:
    """Leave training rows out, by their places among them; of a table its own file is changed."""
    python = "" if of_table else "X = np.delete(X, rows, axis=0)"
    return Change("leave out rows", tuple(map(int, rows)), f"without {len(rows):,} training rows {why}", "", python)


def balance() -> Change:
    """Weigh the classes alike."""
    return Change("class weights", "balanced", "rows weighted so that all classes count alike", "",
                  "sample_weight=rows / (classes * rows of the class)")  # fmt: skip
