"""The engine: a network, its training, and the checks of both. Other packages import from here, not from its modules.

`architecture` and `network` describe a network, `training` trains it. Below them are the packages that turn a network
into integer tables (`program`), run these (`machine`), keep machine code on disk (`code_cache`), compile what runs
(`compiled`) and share the work among threads (`parallel`). The interface is `__all__`; a name is imported when it is
first used.

>>> from backlit.engine import Network, Training
>>> from backlit.ops.layers.dense import Dense
>>> network = Network([Dense(1)], inputs=1, loss="mse", seed=0)
>>> training = Training(network, [[1.0], [2.0]], [2.0, 4.0], epochs=5, compiled=False).run()
>>> len(training.history)
5
"""

from typing import TYPE_CHECKING

from backlit.lazy import lazily

if TYPE_CHECKING:
    from backlit.engine.architecture import graph_of
    from backlit.engine.chunks import epochs_at_once, every_epoch
    from backlit.engine.code_cache.announcing import Compilation, compilation_listeners
    from backlit.engine.compiled import can_compile
    from backlit.engine.curves import TrainingCurve, curve_of, plotted
    from backlit.engine.display import Displayed, ProgressDisplay, Shown, Summary, drawers, plots, progress_displays
    from backlit.engine.evaluation import NetworkEvaluation
    from backlit.engine.executable import Executable
    from backlit.engine.flatness import flat_parts
    from backlit.engine.gradcheck import ArrayCheck, GradientCheck, gradcheck
    from backlit.engine.gradients import Gradient
    from backlit.engine.history import Epoch, History, HistorySummary
    from backlit.engine.input_checks import rows_of
    from backlit.engine.lbfgs import lbfgs_options, minimize
    from backlit.engine.machine.environment import default_threads
    from backlit.engine.metrics import LOGIT_LOSSES, class_level, kind_of
    from backlit.engine.network import Network
    from backlit.engine.next_update import NextUpdate
    from backlit.engine.objective import Objective, PlainStep, reduction, rule_of
    from backlit.engine.program.structs import data_of
    from backlit.engine.repeating import Repetition
    from backlit.engine.settings import TrainingSettings, describe_setting
    from backlit.engine.signals import SIGNALS, SignalHistory, TrainingSignals
    from backlit.engine.single_updates import SingleUpdates
    from backlit.engine.state import TrainingState
    from backlit.engine.stepping import Advanced, Batch, SteppedTraining
    from backlit.engine.stopping import DivergedError, DivergedWarning, Divergence, all_done
    from backlit.engine.summaries import LayerLine, NetworkSummary, TrainingSummary
    from backlit.engine.training import Training
    from backlit.engine.unit_names import (
        PLACED,
        Units,
        buffer_units,
        element_name,
        equations_of,
        input_units,
        letters_of,
        parameter_names,
        place_text,
        usual_unit,
        without_place,
    )
    from backlit.engine.warming import CacheContents, Warmed, cache_contents, warm
    from backlit.engine.weight_error import WeightError
    from backlit.engine.wiring import branch_labels

_PLACES = {
    "Advanced": "stepping",
    "ArrayCheck": "gradcheck",
    "Batch": "stepping",
    "CacheContents": "warming",
    "Compilation": "code_cache.announcing",
    "Displayed": "display",
    "DivergedError": "stopping",
    "DivergedWarning": "stopping",
    "Divergence": "stopping",
    "Epoch": "history",
    "Executable": "executable",
    "Gradient": "gradients",
    "GradientCheck": "gradcheck",
    "History": "history",
    "HistorySummary": "history",
    "LOGIT_LOSSES": "metrics",
    "LayerLine": "summaries",
    "Network": "network",
    "NetworkEvaluation": "evaluation",
    "NetworkSummary": "summaries",
    "NextUpdate": "next_update",
    "Objective": "objective",
    "PLACED": "unit_names",
    "PlainStep": "objective",
    "ProgressDisplay": "display",
    "Repetition": "repeating",
    "SIGNALS": "signals",
    "Shown": "display",
    "SignalHistory": "signals",
    "SingleUpdates": "single_updates",
    "SteppedTraining": "stepping",
    "Summary": "display",
    "Training": "training",
    "TrainingCurve": "curves",
    "TrainingSettings": "settings",
    "TrainingSignals": "signals",
    "TrainingState": "state",
    "TrainingSummary": "summaries",
    "Units": "unit_names",
    "Warmed": "warming",
    "WeightError": "weight_error",
    "all_done": "stopping",
    "branch_labels": "wiring",
    "buffer_units": "unit_names",
    "cache_contents": "warming",
    "can_compile": "compiled",
    "class_level": "metrics",
    "compilation_listeners": "code_cache.announcing",
    "curve_of": "curves",
    "data_of": "program.structs",
    "default_threads": "machine.environment",
    "describe_setting": "settings",
    "drawers": "display",
    "element_name": "unit_names",
    "epochs_at_once": "chunks",
    "equations_of": "unit_names",
    "every_epoch": "chunks",
    "flat_parts": "flatness",
    "gradcheck": "gradcheck",
    "graph_of": "architecture",
    "input_units": "unit_names",
    "kind_of": "metrics",
    "lbfgs_options": "lbfgs",
    "letters_of": "unit_names",
    "minimize": "lbfgs",
    "parameter_names": "unit_names",
    "place_text": "unit_names",
    "plots": "display",
    "plotted": "curves",
    "progress_displays": "display",
    "reduction": "objective",
    "rows_of": "input_checks",
    "rule_of": "objective",
    "usual_unit": "unit_names",
    "warm": "warming",
    "without_place": "unit_names",
}

__all__ = [
    "LOGIT_LOSSES",
    "PLACED",
    "SIGNALS",
    "Advanced",
    "ArrayCheck",
    "Batch",
    "CacheContents",
    "Compilation",
    "Displayed",
    "DivergedError",
    "DivergedWarning",
    "Divergence",
    "Epoch",
    "Executable",
    "Gradient",
    "GradientCheck",
    "History",
    "HistorySummary",
    "LayerLine",
    "Network",
    "NetworkEvaluation",
    "NetworkSummary",
    "NextUpdate",
    "Objective",
    "PlainStep",
    "ProgressDisplay",
    "Repetition",
    "Shown",
    "SignalHistory",
    "SingleUpdates",
    "SteppedTraining",
    "Summary",
    "Training",
    "TrainingCurve",
    "TrainingSettings",
    "TrainingSignals",
    "TrainingState",
    "TrainingSummary",
    "Units",
    "Warmed",
    "WeightError",
    "all_done",
    "branch_labels",
    "buffer_units",
    "cache_contents",
    "can_compile",
    "class_level",
    "compilation_listeners",
    "curve_of",
    "data_of",
    "default_threads",
    "describe_setting",
    "drawers",
    "element_name",
    "epochs_at_once",
    "equations_of",
    "every_epoch",
    "flat_parts",
    "gradcheck",
    "graph_of",
    "input_units",
    "kind_of",
    "lbfgs_options",
    "letters_of",
    "minimize",
    "parameter_names",
    "place_text",
    "plots",
    "plotted",
    "progress_displays",
    "reduction",
    "rows_of",
    "rule_of",
    "usual_unit",
    "warm",
    "without_place",
]

__getattr__ = lazily(__name__, _PLACES)
