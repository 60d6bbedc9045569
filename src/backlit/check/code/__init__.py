"""A learner's own code, checked against the engine: its gradients, its forward pass, the losses of its training.

`bl.check_gradients` calls the learner's backward pass and compares what it gives array by array; `bl.check_losses`
compares the losses of a whole training. What is wrong is named by the catalogue of mistakes: `planted` works out the
gradient of every mistake from the step's own formulas.
"""

from typing import TYPE_CHECKING

from backlit.lazy import lazily

if TYPE_CHECKING:
    from backlit.check.code.gradients import check_gradients
    from backlit.check.code.losses import check_losses
    from backlit.check.code.records import CheckedArray, CheckedGradients, CheckedLayer, CheckedLosses, FoundMistake

_PLACES = {
    "check_gradients": "gradients",
    "check_losses": "losses",
    "CheckedArray": "records",
    "CheckedGradients": "records",
    "CheckedLayer": "records",
    "CheckedLosses": "records",
    "FoundMistake": "records",
}

__all__ = [
    "CheckedArray", "CheckedGradients", "CheckedLayer", "CheckedLosses", "FoundMistake", "check_gradients",
    "check_losses",
]  # fmt: skip

__getattr__ = lazily(__name__, _PLACES)
