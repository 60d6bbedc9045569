"""Fitted models from scikit-learn and back, with equal predictions."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
from sklearn import neural_network
from sklearn.base import is_classifier
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from backlit.engine import Network
from backlit.estimators.build import BIASES, WEIGHTS, dense_labels, dense_layers, optimizer_of
from backlit.estimators.member import Member, OptimizerState
from backlit.kernels.types import Array
from backlit.ops.layers.dense import Dense
from backlit.ops.registry import activations

CURVES = ("loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_")
NUMBERS = ("n_iter_", "t_", "loss_", "n_layers_", "n_outputs_", "out_activation_")
INPUTS = ("n_features_in_", "feature_names_in_")
CLASSES = ("classes_", "_label_binarizer")

ACTIVATIONS = {"identity": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}
"""Our names of activations -> scikit-learn's."""

CLASS_LOSSES = {"binary_cross_entropy", "cross_entropy"}
NUMBER_LOSSES = {"half_squared_error": "squared_error", "poisson": "poisson"}


def from_sklearn(cls: Any, fitted: Any) -> Any:
    """Give an estimator of class `cls` with parameters, weights, curves and optimizer of scikit-learn's `fitted`."""
    theirs = getattr(neural_network, cls.__name__)
    if not isinstance(fitted, theirs):
        raise ValueError(f"from_sklearn was given {type(fitted).__name__}; expected scikit-learn's {cls.__name__}.")
    if not hasattr(fitted, "coefs_"):
        raise ValueError(
            f"this {cls.__name__} is not fitted yet; fit it first, or give {cls.__name__} of Backlit its get_params()."
        )
    estimator = cls(**fitted.get_params(deep=False))
    for name in (*INPUTS, *CLASSES):
        if hasattr(fitted, name):
            setattr(estimator, name, copy.deepcopy(getattr(fitted, name)))
    estimator.n_outputs_ = fitted.n_outputs_
    first = fitted.coefs_[0]
    targets = np.zeros((1, fitted.n_outputs_))
    member = estimator._new_member(first[:1].T[:0].reshape(0, first.shape[0]).astype(first.dtype),
                                   estimator._output(targets), np.random.RandomState(0))  # fmt: skip
    estimator._members = [member]
    estimator.coefs_, estimator.intercepts_ = fitted.coefs_, fitted.intercepts_
    _copy_record(member, fitted)
    estimator._random_state = copy.deepcopy(getattr(fitted, "_random_state", None))
    estimator._publish()
    return estimator


def _copy_record(member: Member, fitted: Any) -> None:
    """Copy the curves and the optimizer's state, so that training continues as in scikit-learn."""
    for name in (*CURVES, *NUMBERS[:3]):
        if hasattr(fitted, name):
            setattr(member, name.strip("_"), copy.deepcopy(getattr(fitted, name)))
    _copy_best(member, fitted)
    optimizer = getattr(fitted, "_optimizer", None)
    if optimizer is None:
        return
    member.no_improvement_count = fitted._no_improvement_count
    if hasattr(optimizer, "velocities"):
        name = "nesterov" if optimizer.nesterov else "momentum"
        slots, step, rate = [optimizer.velocities], 0, optimizer.learning_rate
    else:
        name, slots, step, rate = "adam", [optimizer.ms, optimizer.vs], optimizer.t, optimizer.learning_rate_init
    vectors = [_in_our_order(member.network, arrays) for arrays in slots]
    member.optimizer = OptimizerState(name, rate, step, np.concatenate(vectors))


def _copy_best(member: Member, fitted: Any) -> None:
    """Copy the weights of the best validation score so far; the present ones where there is none."""
    member.keep_best()
    if hasattr(fitted, "_best_coefs"):
        member.best_parameters[:] = _in_our_order(member.network, [*fitted._best_coefs, *fitted._best_intercepts])


def _places(network: Network) -> list[tuple[int, tuple[int, ...]]]:
    """Give offset and shape of the dense layers' parameters in scikit-learn's order: all matrices, then all vectors."""
    return [network.layout[f"{label}.{name}"] for name in (WEIGHTS, BIASES) for label in dense_labels(network)]


def _in_our_order(network: Network, arrays: list[Array]) -> Array:
    """Lay scikit-learn's list of arrays into a vector of the parameters' layout."""
    vector = np.zeros(network.parameters.size, arrays[0].dtype)
    for (offset, _), array in zip(_places(network), arrays, strict=True):
        vector[offset : offset + array.size] = array.ravel()
    return vector


def _in_their_order(network: Network, vector: Array) -> list[Array]:
    """Give a vector of the parameters' layout as scikit-learn's list of arrays."""
    return [vector[offset : offset + math.prod(shape)].reshape(shape).copy() for offset, shape in _places(network)]


def _their_optimizer(fitted: Any, state: OptimizerState, vectors: list[list[Array]]) -> Any:
    """Give the optimizer of `fitted` in the state of ours; `vectors` are its slots in scikit-learn's order."""
    parameters, rate = fitted.coefs_ + fitted.intercepts_, float(fitted.learning_rate_init)
    if state.optimizer == "adam":
        adam = AdamOptimizer(parameters, rate, fitted.beta_1, fitted.beta_2, fitted.epsilon)
        (adam.ms, adam.vs), adam.t = vectors, state.step
        return adam
    sgd = SGDOptimizer(
        parameters, rate, fitted.learning_rate, fitted.momentum, fitted.nesterovs_momentum, fitted.power_t
    )
    (sgd.velocities,), sgd.learning_rate = vectors, float(state.learning_rate)
    return sgd


def to_sklearn(estimator: Any) -> Any:
    """Give scikit-learn's estimator with the weights of ours."""
    member = estimator._members[0]
    network = member.network
    functions = _check_convertible(estimator)
    theirs = getattr(neural_network, type(estimator).__name__)
    known = theirs().get_params(deep=False)
    parameters = {name: value for name, value in estimator.get_params(deep=False).items() if name in known}
    parameters |= {"hidden_layer_sizes": tuple(layer.units for layer in dense_layers(network)[:-1])}
    parameters |= {"activation": functions.pop() if functions else "identity"}
    if not is_classifier(estimator):
        parameters["loss"] = NUMBER_LOSSES[network.loss.name]
    if parameters["solver"] not in {"lbfgs", "sgd", "adam"}:
        parameters["solver"] = known["solver"]
    if parameters["learning_rate"] not in {"constant", "invscaling", "adaptive"}:
        parameters["learning_rate"] = known["learning_rate"]
    fitted = theirs(**parameters)
    for name in (*INPUTS, *CLASSES, *NUMBERS, *CURVES):
        if hasattr(estimator, name):
            setattr(fitted, name, copy.deepcopy(getattr(estimator, name)))
    fitted.coefs_, fitted.intercepts_ = _weights(estimator, network.parameters)
    fitted._best_coefs, fitted._best_intercepts = _weights(estimator, member.best_parameters)
    fitted._no_improvement_count = estimator._no_improvement_count
    fitted._random_state = copy.deepcopy(estimator._random_state)
    state = member.state_for(optimizer_of(estimator)) if estimator.solver == fitted.solver else None
    if state is not None and not hasattr(estimator, "target_mean_"):  # else it belongs to weights in the scaled unit
        vectors = [_in_their_order(network, vector) for vector in state.slots.reshape(-1, network.parameters.size)]
        fitted._optimizer = _their_optimizer(fitted, state, vectors)
    return fitted


def _weights(estimator: Any, parameters: Array) -> tuple[list[Array], list[Array]]:
    """Copy matrices and vectors, the last ones such that the network predicts targets in their own unit."""
    arrays = _in_their_order(estimator._members[0].network, parameters)
    half = len(arrays) // 2
    coefs, intercepts = arrays[:half], arrays[half:]
    if hasattr(estimator, "target_mean_"):
        coefs[-1] = coefs[-1] * estimator.target_scale_
        intercepts[-1] = intercepts[-1] * estimator.target_scale_ + estimator.target_mean_
    return coefs, intercepts


def _check_convertible(estimator: Any) -> set[str]:
    """Give scikit-learn's names of the hidden activations; a ValueError names what its class does not support."""
    network = estimator._members[0].network
    others = [layer.summary() for layer in network.layers if not isinstance(layer, Dense)]
    names = [activations.make(layer.activation).name for layer in dense_layers(network)[:-1]]
    functions = {ACTIVATIONS.get(name, "") for name in names}
    losses = CLASS_LOSSES if is_classifier(estimator) else set(NUMBER_LOSSES)
    problems = {
        f"{len(estimator._members)} members": len(estimator._members) > 1,
        "preprocess='auto'": estimator.preprocess is not None,
        f"the layers {', '.join(others)}": bool(others),
        f"the hidden activations {', '.join(names)}": len(functions) > 1 or "" in functions,
        f"the loss {network.loss.name}": network.loss.name not in losses,
        "layers without biases": any(not layer.bias for layer in dense_layers(network)),
        "biases that units share": any(layer.bias == "shared" for layer in dense_layers(network)),
        "weights that layers share": any(layer.tie for layer in dense_layers(network)),
    }
    for what, found in problems.items():
        if found:
            raise ValueError(f"scikit-learn's {type(estimator).__name__} does not support {what}; keep this estimator.")
    return functions
