"""What the tests of findings read: a training that has run, its rows, signals and curves, and what it is compared with.

Everything is computed when it is first asked for, and once.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from backlit.diagnose.ahead import RateSearch, rate_search
from backlit.diagnose.naming import TableNames, told
from backlit.diagnose.plan import Plan, Rows, mean_and_spread
from backlit.diagnose.reference import Reference, references
from backlit.diagnose.samples import MOST_ROWS, Sample, class_numbers, sample_of
from backlit.diagnose.score import baseline_score, is_of_classes, predicted, row_scores, wanted
from backlit.diagnose.start import Start, flat_outputs, settled
from backlit.engine import SignalHistory, Training
from backlit.kernels.types import Array
from backlit.ops.base import Activation
from backlit.ops.layers.dense import Dense
from backlit.ops.registry import activations

SAMPLE = 512
"""Outputs of hidden units are looked at over so many training rows at the most, evenly spread."""

REFERENCE_ROWS = 5_000
"""Where there are validation rows, references are trained on at most so many training rows."""


class HiddenLayer(NamedTuple):
    """A hidden layer with an activation: its label, its units, its activation, and the label of the latter's layer.

    The two labels differ where the activation is a layer of its own, with a normalization before it for instance.
    """

    label: str
    units: int
    activation: Activation
    active: str


class Case:
    """A training that is diagnosed.

    Args:
        training: the training, which has run.
        plan: what it is made of.
        compare: whether to train references; without, `references` are empty.
        columns: names of the inputs, for the findings' words; by default "input 1" and so on.
        table: the names in the table that the rows are of, if they are of one.
        ahead: whether tests may train networks themselves; without, `rates` is None.
        most_rows: the tests of the data look at so many training rows at the most.
    """

    def __init__(
        self,
        training: Training,
        plan: Plan,
        *,
        compare: bool = True,
        columns: Sequence[str] | None = None,
        table: TableNames | None = None,
        ahead: bool = True,
        most_rows: int = MOST_ROWS,
    ) -> None:
        self.training, self.plan, self.compare = training, plan, compare
        self.ahead, self.table, self.most_rows = ahead, table, most_rows
        self.network, self.settings = training.network, training.settings
        self.columns = list(columns or [f"input {k + 1}" for k in range(training.X.shape[1])])
        self.rows: Rows = plan.rows
        self.X, self.Y, self.weights = plan.rows
        self.validation = plan.validation
        self.harmed: bool | None = None
        """Whether the training is worse than the reference by more than chance; None until that is known."""
        self.trained: dict[Any, Any] = {}
        """What trials of changes gave, by the changes: each is trained once."""

    # ------------------------------------------------------------------------------------------------------- the names

    def columns_of(self, inputs: Sequence[int]) -> list[str]:
        """Name inputs: by the columns of the table that they are made of, where there is one."""
        names = self.columns if self.table is None else self.table.made_of
        return list(dict.fromkeys(names[place] for place in inputs))

    def class_name(self, number: int) -> str:
        """Name a class: as the table does, where there is one."""
        return f"class {number}" if self.table is None else f'class "{self.table.classes[number]}"'

    def rows_named(self, places: Sequence[int], *, held_out: bool = False) -> str:
        """Name rows: by their numbers in the table, from 1 on; where there is none by their places, from 0 on."""
        rows = "row" if len(places) == 1 else "rows"
        if self.table is None:
            return f"{'validation' if held_out else 'training'} {rows} at index {told(places)}"
        numbers = (self.table.held_out if held_out else self.table.rows)[list(places)].tolist()
        return f"{rows} {told(numbers)} of the table"

    # ------------------------------------------------------------------------------------------------ rows and scores

    @functools.cached_property
    def of_classes(self) -> bool:
        """Whether the targets are classes, or yes and no; else they are numbers."""
        return is_of_classes(self.network, self.Y)

    @functools.cached_property
    def held_out(self) -> Rows:
        """The rows that are judged by: the validation rows, or the training rows where there are none."""
        return self.rows if self.validation is None else self.validation

    @functools.cached_property
    def targets(self) -> Array:
        """The training targets as the outputs should be (n, outputs)."""
        return wanted(self.network, self.Y)

    @functools.cached_property
    def held_out_targets(self) -> Array:
        """The targets of the rows that are judged by, as the outputs should be."""
        return wanted(self.network, self.held_out[1])

    @functools.cached_property
    def constant(self) -> bool:
        """Whether all targets, of the training rows and of those that are judged by, are the same."""
        return not (self.targets != self.targets[:1]).any() and not (self.held_out_targets != self.targets[:1]).any()

    @functools.cached_property
    def classes(self) -> Array | None:
        """The class of each training row (n,); None where the targets are not one class for each row."""
        return class_numbers(self.targets, self.of_classes)

    @functools.cached_property
    def rows_sampled(self) -> Sample:
        """A bounded sample of the rows, standardized, for tests of the data."""
        return sample_of(self.rows, self.targets, self.held_out, self.held_out_targets, self.most_rows)

    @functools.cached_property
    def baseline(self) -> float:
        """The mean score of the held-out rows where each is predicted as the training rows' mean."""
        return baseline_score(self.targets, self.held_out_targets)

    def predictions(self, network: Any, X: Array) -> Array:
        """Give a network's predictions of rows (n, outputs), as the targets should be."""
        with np.errstate(all="ignore"):
            outputs = network.predict(X)
        return predicted(network.loss, outputs, self.of_classes)

    def scores(self, network: Any, X: Array, T: Array) -> Array:
        """Give the rows' scores (n,) of a network, as shares of the baseline's mean score."""
        return row_scores(T, self.predictions(network, X)) / self.baseline

    @functools.cached_property
    def predictions_held_out(self) -> Array:
        """The predictions of the held-out rows (n, outputs) by the network as the training left it."""
        return self.predictions(self.network, self.held_out[0])

    @functools.cached_property
    def held_out_scores(self) -> Array:
        """The scores of these predictions (n,), as shares of the baseline's mean score."""
        return row_scores(self.held_out_targets, self.predictions_held_out) / self.baseline

    @functools.cached_property
    def unexplained(self) -> float:
        """Their mean: 0 is perfect, 1 no better than the baseline; infinite where predictions are not finite."""
        return float(self.held_out_scores.mean())

    @functools.cached_property
    def unexplained_training(self) -> float:
        """The same of the training rows, against the same baseline."""
        return float(self.scores(self.network, self.X, self.targets).mean())

    @functools.cached_property
    def linear(self) -> float:
        """The unexplained share of the held-out rows by a linear model: least squares with a small ridge."""
        mean, spread = mean_and_spread(self.X)
        X, X_held_out = ((X.astype(np.float64) - mean) / spread for X in (self.X, self.held_out[0]))
        gram = X.T @ X + 1e-2 * len(X) ** 0.5 * np.eye(X.shape[1])
        W = np.linalg.solve(gram, X.T @ (self.targets - self.targets.mean(axis=0)))
        P = X_held_out @ W + self.targets.mean(axis=0)
        return float(
            row_scores(self.held_out_targets, np.clip(P, 0.0, 1.0) if self.of_classes else P).mean() / self.baseline
        )

    # -------------------------------------------------------------------------------------------------- the references

    @functools.cached_property
    def references(self) -> tuple[Reference, ...]:
        """Standard trainings on the same rows, best first; none where nothing is to be compared."""
        if not self.compare:
            return ()
        plan = self.plan if self.validation is None else self.plan.sampled(REFERENCE_ROWS)
        T = self.targets if plan is self.plan else wanted(self.network, plan.rows[1])
        found = references(plan, T, self.held_out_targets, self.of_classes, self.baseline)
        return tuple(sorted(found, key=lambda reference: reference.unexplained))

    @functools.cached_property
    def reference(self) -> Reference | None:
        """The reference that the training is compared with: the middle one of those with other seeds."""
        return self.references[len(self.references) // 2] if self.references else None

    @functools.cached_property
    def unlearned(self) -> float:
        """How much of the way from the reference up to the baseline is lost on the training rows.

        About 0 where the training rows are learned as well as they can be; 1 where nothing is learned. Without a
        reference it is their unexplained share.
        """
        if self.constant:
            return 0.0
        best = min(0.9, self.reference.unexplained_training) if self.reference is not None else 0.0
        found = (self.unexplained_training - best) / (1.0 - best)
        return found if math.isfinite(found) else math.inf

    # ---------------------------------------------------------------------------------------------------- looking ahead

    @functools.cached_property
    def start(self) -> Start:
        """The network at its first weights."""
        return Start(self.plan, self.sample, self.Y[self.sampled])

    @functools.cached_property
    def rates(self) -> RateSearch | None:
        """What short trainings with other rates reach."""
        if not self.ahead:
            return None
        X, Y, _ = self.plan.sampled(REFERENCE_ROWS).rows
        T = wanted(self.network, Y)
        return rate_search(self.plan, lambda network: float(self.scores(network, X, T).mean()))

    # ----------------------------------------------------------------------------------------------- the training's way

    @property
    def signals(self) -> SignalHistory:
        """The signals of the training."""
        return self.training.signals

    @functools.cached_property
    def history(self) -> dict[str, Array]:
        """The history's columns: "loss", "validation_loss" ..."""
        return self.training.history.columns()

    @property
    def diverged(self) -> bool:
        """Whether the training ended since a loss or weights were not finite."""
        return (self.training.stopped or "").startswith("diverged") or not math.isfinite(self.unexplained)

    @functools.cached_property
    def updates(self) -> int:
        """The updates that the training made."""
        return int(self.training.step)

    @functools.cached_property
    def first_network(self) -> Any:
        """The network at its first weights: a copy."""
        return self.plan.network

    @functools.cached_property
    def first_loss(self) -> float:
        """The loss of the training rows with the first weights, without penalties."""
        with np.errstate(all="ignore"):
            given = self.weights if self.weights.size else None
            return float(
                settled(self.first_network, self.sample).evaluate(self.X, self.Y, sample_weight=given, metrics=[]).loss
            )

    # ------------------------------------------------------------------------------------------------- layers and units

    @functools.cached_property
    def hidden(self) -> tuple[HiddenLayer, ...]:
        """The hidden dense layers of the chain with their activations, linear ones too."""
        found = []
        layers = list(self.network.layers)
        dense = [(k, layer) for k, layer in enumerate(layers) if isinstance(layer, Dense)]
        for (k, layer), (following, _) in itertools.pairwise(dense):
            own: Activation = activations.make(layer.activation)
            after = [(j, op) for j, op in enumerate(layers) if k < j < following and isinstance(op, Activation)]
            place, activation = after[0] if own.name == "identity" and after else (k, own)
            found.append(HiddenLayer(self.label_of(k), int(layer.units), activation, self.label_of(place)))
        return tuple(found)

    def label_of(self, place: int) -> str:
        """Give the label by which the parameters of the layer at a place of the network's layers are named."""
        owner = self.network.layers[place]
        labels = [label for label, op in zip(self.network.labels, self.network.ops, strict=True) if op is owner]
        return labels[0] if labels else str(place + 1)

    @functools.cached_property
    def sampled(self) -> Array:
        """The places in X of the training rows that hidden outputs are looked at over."""
        return np.unique(np.linspace(0, len(self.X) - 1, SAMPLE).astype(int))

    @functools.cached_property
    def sample(self) -> Array:
        """These rows (rows, inputs)."""
        rows: Array = self.X[self.sampled]
        return rows

    def flat_units(self, hidden: HiddenLayer, *, first: bool = False) -> Array | None:
        """Tell which outputs of a hidden layer (rows, units) are where its activation is flat; None if nowhere."""
        before = self.hidden_outputs(hidden, first=first, activated=False)
        after = self.hidden_outputs(hidden, first=first)
        return flat_outputs(hidden.activation, before, after)

    def hidden_outputs(self, hidden: HiddenLayer, *, first: bool = False, activated: bool = True) -> Array:
        """Give what a hidden layer's activation writes, or reads, for the sample (rows, units), at the end or first."""
        network = self.start.network if first else self.network
        with np.errstate(all="ignore"):
            found: Array = network.outputs(self.sample, hidden.active, activated=activated)
        return found
