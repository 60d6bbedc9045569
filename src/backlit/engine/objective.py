"""The error E of a batch and its gradient as a training has them, for L-BFGS, checks and explanations."""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Self

import numpy as np

from backlit.engine import machine
from backlit.engine.architecture import Architecture
from backlit.engine.executable import Executable
from backlit.engine.machine.environment import steady
from backlit.engine.machine.vector_ops import square_of
from backlit.engine.program.structs import Clock, Data, Memory, Row, Rule, Segment, Tables, data_of
from backlit.engine.program.tables import joined
from backlit.kernels.types import Array
from backlit.ops.base import Loss

START = Clock(0, 0)
"""The clock before the first update, with the seed 0."""


def reduction(loss: Loss, outputs: int) -> int:
    """Give a loss's reduction as the machine knows it: 0 for the sum, else the divisor beside the rows."""
    return {"sum": 0, "mean": 1, "mean_all": outputs}[loss.reduction]


def rule_of(network: Architecture, **given: Any) -> Rule:
    """Give the rule of a network's loss: no penalties and no limits but those given."""
    rule = Rule(reduction(network.loss, network.output_size), 0.0, 0.0, False, 0.0, 0.0, 0.0, 0.0)
    return rule._replace(**given)


class Objective:
    """The error E of one batch, its rows in their order, at the parameters that the network holds.

    E is the loss, reduced over the rows, plus the penalties. `loss()` leaves the gradient of the loss in `gradient`,
    and what the executable keeps of the forward and the backward pass in the memory, where `view` finds it by name.

    Args:
        executable: the program, for as many rows as the data has.
        data: the rows. rule: reduction and penalties. clock: which step it is, and the seed of dropout.
        tables, memory, runner: those of a training, to work in; by default the executable's own, with new memory.
        training: 0 to leave dropout and batch statistics out.

    >>> import numpy as np
    >>> from backlit.engine.network import Network
    >>> from backlit.engine.objective import Objective
    >>> from backlit.ops.layers.dense import Dense
    >>> network = Network([Dense(1, bias=False, weights=[[2.0]])], inputs=1, loss="mse")
    >>> objective = Objective.of(network, np.array([[1.0], [3.0]]), np.array([[1.0], [5.0]]), compiled=False)
    >>> objective.loss(), objective.gradient, objective.view("1.Z").ravel()
    (1.0, array([4.]), array([2., 6.]))
    """

    def __init__(
        self, executable: Executable, data: Data, rule: Rule, clock: Clock = START, *,
        tables: Tables | None = None, memory: Memory | None = None, runner: Any = None, training: int = 1,
    ) -> None:  # fmt: skip
        self.executable, self.network = executable, executable.network
        self.data, self.rule, self.clock, self.training = data, rule, clock, training
        self.tables = executable.training if tables is None else tables
        self.memory = executable.memory() if memory is None else memory
        self.runner = executable.runner if runner is None else runner
        self.weight = float(machine.total_weight(data, 0, data.rows))
        self.scale = machine.factor(rule.reduction, self.weight)

    @classmethod
    def of(
        cls, network: Architecture, X: Array, Y: Array, weights: Array | None = None, *,
        rule: Rule | None = None, step: int = 0, seed: int = 0, training: int = 1, **program: Any,
    ) -> Self:  # fmt: skip
        """Make the objective of rows X (n, inputs) and Y (n, columns) as the network takes them.

        Weights (n,) count the rows; none, or an empty array, counts each once. `step` and `seed` are what dropout draws
        by; the settings of an `Executable` follow.
        """
        n = X.shape[0]
        executable = Executable(network, **{"batch_size": n, "target_columns": Y.shape[1]} | program)
        weights = np.zeros(0) if weights is None else weights
        data = data_of(X, Y, weights, np.arange(n))
        return cls(executable, data, rule or rule_of(network), Clock(step, seed), training=training)

    # ------------------------------------------------------------------------------------- at the network's parameters

    def _quiet(self) -> AbstractContextManager[Any]:
        """Let numbers overflow without NumPy's warnings; compiled code gives none."""
        return nullcontext() if self.executable.compiled else np.errstate(all="ignore")

    def loss(self) -> float:
        """Run the batch forward and backward, and give the reduced loss without penalties."""
        with self._quiet():
            total = self.runner.batch_gradient(
                self.tables, self.memory, self.data, 0, self.data.rows, self.scale, self.training, self.clock
            )
        return float(total * self.scale)

    def penalty(self) -> float:
        """Give the penalties l2/2 Σw² + l1 Σ|w| of the parameters."""
        return float(machine.penalty(self.tables, self.memory, self.rule))

    @property
    def gradient(self) -> Array:
        """The gradient of the loss, without that of the penalties, in the layout of the parameters."""
        return self.memory.dP

    def view(self, name: str) -> Array:
        """Give an array of the program by its name, such as "1.Z" (rows, units), "2.dW" or "loss.l".

        Of a batch that is cut into shards, the buffers hold the rows of the last shard.
        """
        return self.executable.view(self.memory, name, self.data.rows - self._rows_before_last_shard)

    @property
    def _rows_before_last_shard(self) -> int:
        rows = self.tables.rows
        return (self.data.rows - 1) // rows * rows

    def evaluate(self) -> float:
        """Give the reduced loss as validation measures it: without dropout, and with the running statistics."""
        with self._quiet():
            total = self.runner.evaluate_rows(self.tables, self.memory, self.data, self.clock)
        return float(total) * self.scale

    def outputs(self) -> Array:
        """Give the network's outputs (rows, outputs) for the rows, without dropout."""
        rows, Y = self.data.rows, np.zeros((self.data.rows, self.network.output_size), self.network.dtype)
        with self._quiet():
            self.runner.predict_rows(
                self.executable.prediction, self.memory, self.data.X, rows, Y.reshape(-1), self.clock
            )
        return Y

    # ---------------------------------------------------------------------------------- as a function of a flat vector

    @functools.cached_property
    def _trainable(self) -> tuple[Array, Array]:
        """The places of the trainable parameters in the flat vector, and for each whether penalties apply to it."""
        segments = self.tables.segments.reshape(-1, Segment.WIDTH)
        ranges = [np.arange(row[Segment.START], row[Segment.STOP]) for row in segments]
        places = np.concatenate(ranges) if ranges else np.zeros(0, np.int64)
        return places, np.repeat(segments[:, Segment.DECAYS].astype(np.float64), [r.size for r in ranges])

    def values(self) -> Array:
        """Give the trainable parameters in float64."""
        values: Array = self.network.parameters[self._trainable[0]].astype(np.float64)
        return values

    def write(self, values: Array) -> None:
        """Put the trainable parameters into the network."""
        self.network.parameters[self._trainable[0]] = values

    def __call__(self, values: Array) -> tuple[float, Array]:
        """Give E and its gradient at `values`."""
        loss, penalty, gradient = self.parts(values)
        return loss + penalty, gradient

    def parts(self, values: Array) -> tuple[float, float, Array]:
        """Give the loss without penalties, the penalties, and the gradient of both at `values`, which it writes.

        The penalties are those of `values` in float64, smooth even where the network rounds them to float32.
        """
        self.write(values)
        with steady(self.executable.compiled):
            loss = self.loss()
        places, decays = self._trainable
        share = machine.factor(1, self.weight) if self.rule.penalty_per_batch else 1.0
        l1, l2 = self.rule.l1 * share * decays, self.rule.l2 * share * decays
        cost = float((0.5 * l2 * values**2 + l1 * np.abs(values)).sum())
        gradient = self.gradient[places].astype(np.float64) + l2 * values + l1 * np.sign(values)
        return loss, cost, gradient


class PlainStep(Objective):
    """One update on the batch, a stage at a time, by the plain machine; `explain` shows it.

    The tables are those that a training updates by, neighbouring parameters joined. Of a batch that is cut into shards,
    the buffers of all of them are kept.
    """

    def __init__(self, executable: Executable, data: Data, rule: Rule, clock: Clock = START, **given: Any) -> None:
        super().__init__(executable, data, rule, clock, tables=joined(executable.training, rule), **given)
        self._kept: list[tuple[Memory, int]] = []

    def _quiet(self) -> AbstractContextManager[Any]:
        return steady(compiled=False)

    def loss(self) -> float:
        """Run the batch forward and backward, shard by shard, and give the reduced loss without penalties."""
        loss = super().loss()
        n, size = self.data.rows, self.tables.rows
        if n <= size:
            self._kept = [(self.memory, n)]
        else:  # each shard once more, for its buffers: their sums have been made above
            self._kept = [self._shard(first, min(size, n - first)) for first in range(0, n, size)]
        self._run_left_out()
        return loss

    def _shard(self, first: int, n: int) -> tuple[Memory, int]:
        """Run n rows forward and backward in an arena of their own."""
        memory = self.executable.memory()._replace(P=self.memory.P, S=self.memory.S)
        with self._quiet():
            machine.shard_gradient(
                self.tables, memory, memory.dP, self.data, first, n, first, self.scale, self.training, self.clock
            )
        return memory, n

    def _run_left_out(self) -> None:
        """Run the last activation where the loss was joined with it, so that its output can be read too."""
        tables = self.executable.prediction  # where several read a buffer, it has more steps than the network has ops
        left_out = len(self.network.ops) - len(self.executable.trained_ops)
        for k in range(tables.ops - left_out, tables.ops):
            first = 0
            for memory, n in self._kept:
                with self._quiet():
                    machine.invoke(
                        tables.chain, k, Row.FORWARD, memory, memory.dP, n, self.training, self.clock, first
                    )
                first += n

    def view(self, name: str) -> Array:
        """Give an array of the program by its name; of buffers, the rows of the whole batch."""
        if self.executable.places[name].rows is not None or not self._kept:
            return super().view(name)
        parts = [self.executable.view(memory, name, n) for memory, n in self._kept]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def forward_loss(self) -> float:
        """Run the batch forward only, and give the reduced loss without penalties."""
        n, size, total = self.data.rows, self.tables.rows, 0.0
        with self._quiet():
            for first in range(0, n, size):
                total += machine.shard_loss(
                    self.tables, self.memory, self.data, first, min(size, n - first), first, self.scale, self.training,
                    self.clock,
                )  # fmt: skip
        return float(total * self.scale)

    def changed(
        self, gradient: Array, *, l1: float = 0.0, l2: float = 0.0, clip_value: float = 0.0, clip_norm: float = 0.0
    ) -> Array:
        """Give a gradient after adding that of penalties, clipping its elements, and clipping its norm."""
        memory = self.memory._replace(dP=gradient.copy())
        with self._quiet():
            machine.clip(self.tables, memory, self.rule._replace(clip_value=clip_value, clip_norm=clip_norm), l1, l2)
        return memory.dP

    def norm(self, gradient: Array) -> float:
        """Give the Euclidean norm of the trainable part of a gradient."""
        segments = self.tables.segments.reshape(-1, Segment.WIDTH)
        with self._quiet():
            norm = np.sqrt(sum(square_of(gradient, row[Segment.START], row[Segment.STOP]) for row in segments))
        largest = float(np.abs(gradient).max(initial=0.0))
        if norm == np.inf > largest:  # the squares are beyond float64
            return largest * self.norm(gradient / largest)
        return float(norm)

    def update(self, rate: float, number: int) -> None:
        """Make the update of the gradient, step `number` from 1 on, at a learning rate."""
        with self._quiet():
            machine.apply_update(self.tables, self.memory, self.rule, rate, number, 1.0)
