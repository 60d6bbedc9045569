"""Backlit: neural networks trained by backpropagation that show their work.

>>> import backlit as bl
>>> network = bl.Network([bl.Dense(4, "tanh"), bl.Dense(1, "sigmoid")], inputs=2, loss="binary_cross_entropy", seed=2)
>>> X, Y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
>>> training = bl.Training(network, X, Y, optimizer=bl.Adam(0.1), batch_size="full", epochs=200).run()
>>> network.predict(X).round().ravel()
array([0., 1., 1., 0.])

Importing this package imports nothing heavy: each name is imported when it is first used. Every registered
op can be reached under its class's name: `bl.Dense`, `bl.LeakyReLU`, `bl.Huber`, `bl.Adam`, `bl.OneCycle` ...
"""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from backlit.engine.display import drawers

if TYPE_CHECKING:
    from backlit.engine.gradcheck import GradientCheck, gradcheck
    from backlit.engine.history import Epoch
    from backlit.engine.network import Network
    from backlit.engine.stopping import DivergedWarning
    from backlit.engine.training import Training
    from backlit.errors import BacklitError
    from backlit.estimators import MLPClassifier, MLPRegressor
    from backlit.model.file import load, save
    from backlit.ops.base import Activation, ElementwiseLoss, Layer, Loss, Optimizer
    from backlit.ops.registry import register
    from backlit.show.worked_example import WorkedExample, explain

__version__ = "0.1.0"

_PLACES = {
    "BacklitError": "errors",
    "MLPClassifier": "estimators",
    "MLPRegressor": "estimators",
    "Network": "engine.network",
    "Training": "engine.training",
    "Epoch": "engine.history",
    "DivergedWarning": "engine.stopping",
    "gradcheck": "engine.gradcheck",
    "GradientCheck": "engine.gradcheck",
    "explain": "show.worked_example",
    "WorkedExample": "show.worked_example",
    "save": "model.file",
    "load": "model.file",
    "register": "ops.registry",
    "Activation": "ops.base",
    "Layer": "ops.base",
    "Loss": "ops.base",
    "ElementwiseLoss": "ops.base",
    "Optimizer": "ops.base",
}
"""Where each public name lives; the ops' own names come from their registries."""

__all__ = [
    "Activation",
    "BacklitError",
    "DivergedWarning",
    "ElementwiseLoss",
    "Epoch",
    "GradientCheck",
    "Layer",
    "Loss",
    "MLPClassifier",
    "MLPRegressor",
    "Network",
    "Optimizer",
    "Training",
    "WorkedExample",
    "explain",
    "gradcheck",
    "load",
    "register",
    "save",
]


def _ops() -> dict[str, Any]:
    """Give every registered op's class by its name in Python."""
    registries = import_module("backlit.ops.registry").REGISTRIES
    return {cls.__name__: cls for registry in registries.values() for cls in registry.values()}


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(import_module(f"backlit.{_PLACES[name]}"), name)
    if not name.startswith("_") and name[:1].isupper() and name in (ops := _ops()):
        return ops[name]
    raise AttributeError(f"module 'backlit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__", *_ops()])


def _draw(function: str, record: Any) -> str | None:
    """Draw a record of the engine with a function of `show`, which is imported when first needed."""
    drawn: str | None = getattr(import_module("backlit.show.summary_tables"), function)(record)
    return drawn


class _Package(ModuleType):
    """Keeps the function `explain` from being hidden by the package of that name."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _PLACES and isinstance(value, ModuleType)):  # which Python sets when it is imported
            super().__setattr__(name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the module by its name, so that a function that names it can be sent to another process."""
        return import_module, (self.__name__,)


sys.modules[__name__].__class__ = _Package

for _form in ("text", "html"):
    drawers[_form] = partial(_draw, f"{_form}_of")
