"""Records one float64 training step of a copy of a network, run by the engine itself in plain mode, every buffer kept.

The step is the one that `SingleUpdates`, a `Training` with `compiled=False`, makes next: the same rows and shards, the
same rate, the same random numbers, so the recorded parameters are its parameters to the last bit.

Nothing here computes backpropagation: the arrays are what the machine's forward, backward and update left behind, and
what an op's own functions give on those arrays.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal, NamedTuple, cast

import msgspec
import numpy as np
from msgspec import Meta

from backlit.engine import NextUpdate, PlainStep, TrainingSettings, reduction
from backlit.errors import BacklitError
from backlit.explain.record.numeric_slope import NumericSlope, numeric_slope
from backlit.explain.record.own_backward import OwnBackward, owner_of
from backlit.kernels.types import Array
from backlit.ops.base import Activation, Layer, Loss, arguments
from backlit.ops.value_checks import Count, NotNegative, Whole


class Settings(TrainingSettings, frozen=True, kw_only=True):
    """What a training does beside backpropagation, and which of its steps is explained.

    `epochs` of None are those of `TrainingSettings`, or as many as it takes where the rate is constant. `rates` are the
    learning rates of these steps, where they are not the schedule's. A training that goes on has `taken` steps before
    them, which left the optimizer's vectors `slots`. A limit of 0 is none.
    """

    batch_size: Annotated[Count | Literal["full"], Meta(description="as in `TrainingSettings`")] = "full"
    epochs: Whole | None = None  # type: ignore[assignment]
    clip_value: NotNegative = 0.0
    clip_norm: NotNegative = 0.0
    max_norm: NotNegative = 0.0
    steps: Annotated[int, Meta(ge=1)] = 1
    rates: tuple[float, ...] = ()
    taken: Annotated[int, Meta(ge=0)] = 0
    slots: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rates and not (len(self.rates) == self.steps and np.isfinite(self.rates).all()):
            raise BacklitError(f"rates are {self.rates}; expected a finite number for each of {self.steps} steps.")


KEPT = 4_000_000
"""Numbers of the rows' own gradients that are kept: those of 32 rows of a layer of 100,000 weights."""


class Gradients(NamedTuple):
    """The flat gradient vector on its way to the optimizer; None where a stage does nothing."""

    raw: Array
    penalised: Array | None
    limited: Array | None
    scaled: Array | None
    norm: float


class Recording:
    """One training step: the update that a training makes next.

    Attributes:
        batch: which update of which epoch it is, and the places of its rows. `of`: how many rows the training has.
        X, Y, weights: the batch's rows. `number`: the steps up to this one.
        network: that of the update, in float64; its parameters are those after the step.
        before, after: the flat parameters, `slots_before` and `slots_after` the optimizer's vectors, `state_before` and
            `state_after` the running statistics.
        settings: those of the training, as `given`, but that a penalty per batch is divided by this batch's weight.
        rates: the learning rate of the step, alone in a tuple.
        E: the error, reduced, without penalties; `row_losses` and `row_factors` those of the rows.
        penalty: the penalty of the weights. `E_after`: the error of the same rows after the step.
        errors: the error before each of the steps so far, penalties included, the last being this one's.
        gradients: see `Gradients`. `chain`: the same step through the loss and the last activation one by one, where
            the machine trains with a form that joins them; it ends with the backward pass.
    """

    def __init__(
        self, update: NextUpdate, settings: Settings | None = None, *, joined: bool = True
    ) -> None:  # fmt: skip
        self.batch = batch = update.batch
        self.number, self.rates, self.rows = batch.number, (batch.rate,), len(batch.rows)
        self.network = update.network if joined else update.network.copy()
        self.optimizer, self.of = update.optimizer, update.row_count
        self.X, self.Y, self.weights = update.X, update.Y, update.weights
        self.given = settings or Settings()
        self.settings = _per_batch(self.given, self.weights, self.rows)
        self._row_gradients: dict[tuple[int, int], dict[str, Array]] = {}
        self._passed: dict[int, dict[str, Array]] = {}
        self.joined, self.step = joined, self._step(update, joined)
        self.executable = self.step.executable
        self.weight, self.scale = self.step.weight, self.step.scale
        joins = self.executable.loss is not self.network.loss
        self.chain = Recording(update, settings, joined=False) if joined and joins else None
        with np.errstate(all="ignore"):  # numbers beyond float64 are shown as what they are
            self._run(update)

    def _step(self, update: NextUpdate, joined: bool) -> PlainStep:
        """Give the step by the plain program that keeps every buffer, its batch cut into the training's shards."""
        s, network = self.settings, self.network
        if not joined:
            network.loss = _unjoined(network.loss)
        step = PlainStep.of(
            network, self.X, self.Y, self.weights, rule=s.rule(reduction(network.loss, network.output_size)),
            step=self.number - 1, seed=s.seed, optimizer=self.optimizer, decay_biases=s.decay_biases, compiled=False,
            keep=True, batch_size=update.batch_size, rows=update.shard_rows,
        )  # fmt: skip
        return step

    def _run(self, update: NextUpdate) -> None:
        """Run the recorded step."""
        step, network, slots = self.step, self.network, self.step.memory.slots
        self.before, self.state_before = network.parameters.copy(), network.state.copy()
        self.slots_before = update.slots
        self.E = step.loss()
        if not self.joined:
            return  # what is read of it are the slopes
        self.penalty = step.penalty()
        self.errors = [*update.errors, self.E + self.penalty]
        self.gradients = self._gradients()
        slots[:] = update.slots
        step.update(self.rates[-1], self.number)
        self.after, self.slots_after = network.parameters.copy(), slots.copy()
        self.state_after = network.state.copy()
        self.E_after = self.error_at(self.after)

    def _gradients(self) -> Gradients:
        """Take the gradient through the machine's penalties and limits one at a time."""
        s, step = self.settings, self.step
        raw = current = step.gradient.copy()
        stages: list[Array | None] = [None, None, None]
        if s.l1 or s.l2:
            stages[0] = current = step.changed(current, l1=s.l1, l2=s.l2)
        if s.clip_value:
            stages[1] = current = step.changed(current, clip_value=s.clip_value)
        norm = step.norm(current)
        if s.clip_norm:
            stages[2] = step.changed(current, clip_norm=s.clip_norm)
        return Gradients(raw, stages[0], stages[1], stages[2], norm)

    # ---------------------------------------------------------------------------------------------------- what to read

    def array(self, name: str) -> Array:
        """Give a buffer of the recorded step by its name, such as "1.Z" or "2.dA"."""
        return self.step.view(name)

    def has_gradient(self, name: str) -> bool:
        """Whether a parameter, such as "1.W", is trained."""
        return owner_of(self.network, name) not in self.network.frozen

    def decays(self, name: str) -> bool:
        """Whether penalties and decay apply to a parameter."""
        return len(self.network.layout[owner_of(self.network, name)][1]) > 1 or self.settings.decay_biases

    def parameter(self, vector: Array, name: str) -> Array:
        """Give the part of a flat vector that belongs to a parameter."""
        offset, shape = self.network.layout[owner_of(self.network, name)]
        return vector[offset : offset + int(np.prod(shape))].reshape(shape)

    def slot(self, name: str, parameter: str, *, after: bool) -> Array:
        """Give an optimizer's vector for a parameter, before or after the step."""
        vectors = (self.slots_after if after else self.slots_before).reshape(len(self.optimizer.slots), -1)
        return self.parameter(vectors[list(self.optimizer.slots).index(name)], parameter)

    def row_gradient(self, k: int, name: str, row: int) -> Array:
        """Give one row's part of a parameter's gradient: op k's own backward on that row's buffers."""
        found = self._row_gradients.get((k, row))
        if found is None:
            left = self._own.run(k, slice(row, row + 1), inputs=False)
            found = {f"d{own}": left[f"d{own}"] for own in self.network.shapes[k].parameters if f"d{own}" in left}
            size = sum(array.size for array in found.values())
            while self._row_gradients and (len(self._row_gradients) + 1) * size > KEPT:
                del self._row_gradients[next(iter(self._row_gradients))]
            self._row_gradients[k, row] = found
        return found[f"d{name}"]

    def passed_back(self, k: int, name: str) -> Array:
        """Give the slopes (n, numbers) that op k alone passes back to what it reads as `name`.

        Where a buffer has several readers, the machine adds up what each passes back.
        """
        if k not in self._passed:
            self._passed[k] = self._own.run(k, slice(0, self.rows), inputs=True)
        slopes: Array = self._passed[k][f"d{name}"].reshape(self.rows, -1)
        return slopes

    @functools.cached_property
    def _own(self) -> OwnBackward:
        scalars = {"training": 1, "seed": self.settings.seed, "step": self.number - 1}
        return OwnBackward(self.step, self.network, self.before, self.state_before, scalars)

    # ---------------------------------------------------------------------------------------------------------- checks

    def error_at(self, parameters: Array) -> float:
        """Give the error of the step's rows, without penalties, at other parameters: same rows, same dropout."""
        with self._at(parameters):
            return self._probe.forward_loss()

    @contextmanager
    def _at(self, parameters: Array) -> Iterator[None]:
        """Let the network have other parameters, and the statistics before the step, within a `with` block."""
        network = self.network
        kept = network.parameters.copy(), network.state.copy()
        network.parameters[:], network.state[:] = parameters, self.state_before
        try:
            yield
        finally:
            network.parameters[:], network.state[:] = kept

    @functools.cached_property
    def _probe(self) -> PlainStep:
        """The same step with a memory of its own, so that the recorded one stays as it is."""
        step = self.step
        return PlainStep(step.executable, step.data, step.rule, step.clock)

    def numeric_slope(self, name: str, index: tuple[int, ...]) -> NumericSlope:
        """Give the slope of the error along one parameter by differences."""
        offset, shape = self.network.layout[owner_of(self.network, name)]
        place = offset + int(np.ravel_multi_index(index, shape))

        def error(shift: float) -> float:
            self.network.parameters[place], self.network.state[:] = self.before[place] + shift, self.state_before
            return self._probe.forward_loss()

        with self._at(self.before):
            return numeric_slope(error, float(self.before[place]), float(self.gradients.raw[place]))


def _per_batch(settings: Settings, weights: Array, rows: int) -> Settings:
    """Give the settings with the penalties of this batch, where they are divided by the weight of its rows."""
    if not settings.penalty_per_batch:
        return settings
    total = float(np.cumsum(weights)[-1]) if weights.size else float(rows)  # in the machine's order
    share = 1.0 / total if total else 0.0
    penalties = {"l1": settings.l1 * share, "l2": settings.l2 * share}
    return msgspec.structs.replace(settings, penalty_per_batch=False, **penalties)


def _unjoined(loss: Loss) -> Loss:
    """Give the same loss without the forms that take the last activation in."""
    base: Any = type(loss)
    names = {"fused": {}, "__module__": base.__module__}
    cls = type(base)(base.__name__, (base,), names, frozen=True, kw_only=True)
    made: Any = cls(**msgspec.structs.asdict(loss))
    return cast(Loss, made)


def op_value(op: Activation | Loss, function: str, *arrays: Any) -> Array:
    """Give an element-wise op's own value or slope of arrays, with its settings."""
    maths = getattr(type(op), function)
    settings = {name: float(getattr(op, name)) for name in arguments(maths)[len(arrays) :]}
    with np.errstate(all="ignore"):
        result: Array = np.asarray(maths(*arrays, **settings), np.float64)
    return result


def is_elementwise(op: Layer | Loss) -> bool:
    """Tell whether an op works number by number, by a value and a slope of its own."""
    return hasattr(type(op), "value") and hasattr(type(op), "slope")
