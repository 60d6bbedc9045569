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
from typing import TYPE_CHECKING, Any

from backlit.engine import compilation_listeners, drawers, plots, progress_displays
from backlit.lazy import lazily
from backlit.model.after_training import look_at

if TYPE_CHECKING:
    from backlit.check.code import CheckedGradients, CheckedLosses, check_gradients, check_losses
    from backlit.engine import DivergedWarning, Epoch, GradientCheck, Network, Training, gradcheck
    from backlit.errors import BacklitError, BacklitWarning
    from backlit.estimators import LossCurveDisplay, MLPClassifier, MLPRegressor
    from backlit.model.file import load, save
    from backlit.model.logs.following import save_log
    from backlit.model.torch_weights import set_torch_weights, torch_weights
    from backlit.ops.base import Activation, ElementwiseLoss, Layer, Loss, Optimizer
    from backlit.ops.registry import register
    from backlit.show.check.checked import Checked
    from backlit.show.demo.demo import Demo
    from backlit.show.diagnose.diagnosed import Diagnosed
    from backlit.show.report.report import Report
    from backlit.show.worked.epoch import WorkedEpoch
    from backlit.show.worked.example import WorkedExample
    from backlit.show.worksheet.worksheets import Worksheets
    from backlit.sources import boundary, check_work, demo, diagnose, explain, report, valley, watch, worksheet

__version__ = "0.1.0"

_PLACES = {
    "BacklitError": "errors",
    "BacklitWarning": "errors",
    "LossCurveDisplay": "estimators",
    "MLPClassifier": "estimators",
    "MLPRegressor": "estimators",
    "check_gradients": "check.code",
    "CheckedGradients": "check.code",
    "check_losses": "check.code",
    "CheckedLosses": "check.code",
    "Network": "engine",
    "Training": "engine",
    "Epoch": "engine",
    "DivergedWarning": "engine",
    "gradcheck": "engine",
    "GradientCheck": "engine",
    "boundary": "sources",
    "check_work": "sources",
    "Checked": "show.check.checked",
    "demo": "sources",
    "Demo": "show.demo.demo",
    "diagnose": "sources",
    "Diagnosed": "show.diagnose.diagnosed",
    "explain": "sources",
    "watch": "sources",
    "worksheet": "sources",
    "WorkedEpoch": "show.worked.epoch",
    "WorkedExample": "show.worked.example",
    "Worksheets": "show.worksheet.worksheets",
    "report": "sources",
    "Report": "show.report.report",
    "save": "model.file",
    "save_log": "model.logs.following",
    "load": "model.file",
    "set_torch_weights": "model.torch_weights",
    "torch_weights": "model.torch_weights",
    "register": "ops.registry",
    "valley": "sources",
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
    "BacklitWarning",
    "Checked",
    "CheckedGradients",
    "CheckedLosses",
    "Demo",
    "Diagnosed",
    "DivergedWarning",
    "ElementwiseLoss",
    "Epoch",
    "GradientCheck",
    "Layer",
    "Loss",
    "LossCurveDisplay",
    "MLPClassifier",
    "MLPRegressor",
    "Network",
    "Optimizer",
    "Report",
    "Training",
    "WorkedEpoch",
    "WorkedExample",
    "Worksheets",
    "boundary",
    "check_gradients",
    "check_losses",
    "check_work",
    "demo",
    "diagnose",
    "explain",
    "gradcheck",
    "load",
    "register",
    "report",
    "save",
    "save_log",
    "set_torch_weights",
    "torch_weights",
    "valley",
    "watch",
    "worksheet",
]


def _ops() -> dict[str, Any]:
    """Give every registered op's class by its name in Python."""
    registries = import_module("backlit.ops.registry").REGISTRIES
    return {cls.__name__: cls for registry in registries.values() for cls in registry.values()}


def _advice(name: str) -> str:
    """Give the end of the message about a name that is missing here."""
    if name.startswith("_"):  # Python and its tools ask for such names
        return ""
    synonyms = import_module("backlit.ops.synonyms")
    if placed := synonyms.instead("backlit", name, ()):
        return str(placed)
    advice = synonyms.hint(name, [*__all__, *_ops()], "python")
    return f"; {advice.partition('known:')[0]}" + ("dir(backlit) lists what it has." if "known:" in advice else "")


_place = lazily(__name__, _PLACES, _advice)


def __getattr__(name: str) -> Any:
    if not name.startswith("_") and name not in _PLACES and name[:1].isupper() and name in (ops := _ops()):
        return ops[name]
    return _place(name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__", *_ops()])


def _draw(function: str, record: Any) -> str | None:
    """Draw a record of the engine with a function of `show`, which is imported when first needed."""
    drawn: str | None = getattr(import_module("backlit.show.summary_tables"), function)(record)
    return drawn


for _form in ("text", "html", "line"):
    drawers[_form] = partial(_draw, f"{_form}_of")


def _plot(curves: Any, **options: Any) -> Any:
    """Draw training curves, by `show`, which is imported when first needed."""
    return import_module("backlit.show.curves.figures").curve_picture(curves, **options)


plots["curves"] = _plot


def _plot_signals(signals: Any, names: Any, layers: Any, **options: Any) -> Any:
    """Draw the signals of a training, by `show`, which is imported when first needed."""
    return import_module("backlit.show.signals.figures").signal_picture(signals, names, layers, **options)


plots["signals"] = _plot_signals


def _noticed(training: Any) -> Any:
    """Look at a training on a table for what may be wrong, by `diagnose`, which is imported when first needed."""
    return import_module("backlit.diagnose.noticing").noticed(training)


look_at.append(_noticed)


def _progress(epochs: int) -> Any:
    """Make the progress display of a training, by `show`, which is imported when first needed."""
    return import_module("backlit.show.epoch_progress").EpochProgress(epochs)


progress_displays["epochs"] = _progress


def _interactive() -> bool:
    """Tell whether a person waits: at Python's prompt, in IPython or in a notebook; a script is none."""
    ipython = sys.modules.get("IPython")
    return hasattr(sys, "ps1") or (ipython is not None and ipython.get_ipython() is not None)


def _compiling(compilation: Any) -> None:
    """Show, once in a process, that code is compiled, where a person waits and nothing else shows it."""
    if _interactive() and len(compilation_listeners) == 1:
        compilation_listeners.remove(_compiling)
        import_module("backlit.show.compiling").show_compiling(compilation)


compilation_listeners.append(_compiling)
