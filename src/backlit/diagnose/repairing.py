"""The training with what helped, made again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from backlit.diagnose.changes import changed
from backlit.diagnose.plan import Plan, run
from backlit.diagnose.records import Change
from backlit.engine import Training
from backlit.kernels.types import Array


class Repaired:
    """A training with changes that helped, which has run, and predictions for rows as they were before the changes.

    Attributes:
        training: the training. Where a change standardizes inputs or leaves some out, its rows are the changed ones.
        changes: what was changed.
    """

    def __init__(self, plan: Plan, training: Training) -> None:
        self._plan, self.training = plan, training

    @property
    def changes(self) -> tuple[Change, ...]:
        """What was changed, in order."""
        return self._plan.changes

    def predict(self, X: Any) -> Array:
        """Give the outputs (n, outputs) for rows X (n, inputs) as the training that was diagnosed takes them."""
        rows = np.asarray(X, np.float64)
        return self._plan.outputs_of(self.training.network.predict(self._plan.inputs_of(rows)))

    def __repr__(self) -> str:
        return f"<Repaired: {', '.join(change.words for change in self.changes)}>"


def repaired(plan: Plan, changes: Iterable[Change]) -> Repaired:
    """Train a plan with changes from its first weights on."""
    after = changed(plan, changes)
    return Repaired(after, run(after.training(divergence="warn")))
