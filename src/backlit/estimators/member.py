"""One network of an estimator with all that its training leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np

from backlit.engine import Network
from backlit.kernels.types import Array
from backlit.ops.base import Optimizer


class Rows(msgspec.Struct, frozen=True, eq=False):
    """Rows to train on or to measure: inputs (n, k), targets as the network takes them, weights (n,) or None."""

    X: Array
    T: Array
    weights: Array | None

    @property
    def count(self) -> int:
        """The number of rows."""
        return int(self.X.shape[0])

    def batch(self, batch_size: int | str) -> int:
        """Give the rows of a batch; at most all, or 200 if `"auto"`."""
        return min(200 if isinstance(batch_size, str) else int(batch_size), self.count)

    def as_validation(self) -> tuple[Array, ...]:
        """Give what a training measures after each epoch."""
        return (self.X, self.T) if self.weights is None else (self.X, self.T, self.weights)


class Held(msgspec.Struct, frozen=True, eq=False):
    """Rows held out: `score` measures the network on them after each epoch, `curve` asks for their loss as well."""

    rows: Rows
    score: Callable[[Member], float] | None
    curve: bool


class Limits(msgspec.Struct, frozen=True):
    """When a training ends: the parameters of the same names."""

    max_iter: int
    tol: float
    n_iter_no_change: float
    power_t: float
    shuffle: bool
    parts: int
    incremental: bool


@dataclass
class OptimizerState:
    """What an optimizer remembers from one call of `partial_fit` to the next; not a Struct, which skops cannot keep."""

    optimizer: str
    learning_rate: float
    step: int
    slots: Array


class Member:
    """A network, the state of its optimizer, and the record of its training; plain data, so that it pickles."""

    def __init__(self, network: Network, early_stopping: bool) -> None:
        self.network = network
        self.optimizer: OptimizerState | None = None
        self.n_iter = 0
        self.t = 0
        self.loss = np.inf
        self.loss_curve: list[float] = []
        self.best_loss: float | None = None if early_stopping else np.inf
        self.validation_scores: list[float] | None = [] if early_stopping else None
        self.best_validation_score: float | None = -np.inf if early_stopping else None
        self.validation_loss_curve: list[float] = []
        self.no_improvement_count = 0
        self.history: dict[str, list[float]] = {}
        self.diverged: str | None = None
        self.interrupted = False
        self.exhausted = False
        self._begun: dict[str, int] = {}
        self._epochs = 0
        self._best = self.values()

    def begin(self) -> None:
        """Make ready for another run, which goes on with the same curves."""
        self.n_iter = 0
        self.diverged, self.interrupted, self.exhausted = None, False, False
        self._begun = {name: len(curve) for name, curve in self._curves().items()}
        self._epochs = max(map(len, self.history.values()), default=0)

    def settle(self) -> None:
        """Forget what an interruption left recorded of an epoch that is not counted yet."""
        for name, curve in self._curves().items():
            del curve[self._begun.get(name, 0) + self.n_iter :]
        for column in self.history.values():
            del column[self._epochs + self.n_iter :]

    def _curves(self) -> dict[str, list[float]]:
        """Give the lists that get a value per epoch, if what they are of is measured."""
        curves = {"loss_curve_": self.loss_curve, "validation_loss_curve_": self.validation_loss_curve}
        return curves | {"validation_scores_": self.validation_scores or []}

    def values(self) -> tuple[Array, Array]:
        """Copy the parameters and running statistics."""
        return self.network.parameters.copy(), self.network.state.copy()

    def restore(self, values: tuple[Array, Array]) -> None:
        """Put values back into the network."""
        self.network.parameters[:], self.network.state[:] = values

    def keep_best(self) -> None:
        """Remember the values as the best so far."""
        self._best = self.values()

    def restore_best(self) -> None:
        """Put the values of the best validation score back."""
        self.restore(self._best)

    @property
    def best_parameters(self) -> Array:
        """The parameters of the best validation score so far; those of the beginning where there is none."""
        return self._best[0]

    def snapshot(self) -> Member:
        """Give a member of the same values that training on leaves alone."""
        twin = Member(self.network.copy(), self.best_loss is None)
        return twin

    def finite(self) -> bool:
        """Tell whether all parameters are finite numbers."""
        return bool(np.isfinite(self.network.parameters).all())

    def state_for(self, optimizer: Optimizer) -> OptimizerState | None:
        """Give the state that `partial_fit` goes on from; None where nothing is left of this optimizer."""
        state = self.optimizer
        return state if state is not None and state.optimizer == optimizer.name else None

    # ---------------------------------------------------------------------------------------------- the record of a run

    def judge(self, score: float | None, tol: float) -> None:
        """Count epochs without improvement by more than `tol`, of the validation score or else of the training loss."""
        if score is None:
            best = np.inf if self.best_loss is None else self.best_loss
            self.no_improvement_count = self.no_improvement_count + 1 if self.loss > best - tol else 0
            self.best_loss = min(best, self.loss)
            return
        best = -np.inf if self.best_validation_score is None else self.best_validation_score
        self.validation_scores = [*(self.validation_scores or []), score]
        self.no_improvement_count = self.no_improvement_count + 1 if score < best + tol else 0
        self.best_validation_score = best
        if score > best:
            self.best_validation_score = score
            self.keep_best()

    def record(self, **values: float) -> None:
        """Append an epoch to the history; nan stands where a value was not measured, in this epoch or those before."""
        epochs = max(map(len, self.history.values()), default=0)
        for name in {**self.history, **values}:
            self.history.setdefault(name, [np.nan] * epochs).append(values.get(name, np.nan))


Watch = Callable[[Member], bool]
"""Called after each epoch; True asks the training to stop."""
