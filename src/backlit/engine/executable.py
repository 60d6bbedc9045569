"""A network and a batch shape become a program: an instruction table, a buffer layout, and kernels for both.

Buffers lie one after another in an arena, each with room for a shard of rows; their gradients lie at the same offsets
of a second arena. Parameters and running statistics are the network's own flat vectors. The layout of the chain is made
once; what reads it (the machine, a trace, a test) finds every array by its name, `layer.array`.
"""

from __future__ import annotations

import functools
import math
import weakref
from collections.abc import Callable
from itertools import pairwise
from types import ModuleType
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from backlit.engine import machine
from backlit.engine.compiled import CompiledMachine, background, compiled_kernel, compiled_update
from backlit.engine.machine import python_kernels
from backlit.engine.machine.barrier import LINE
from backlit.engine.program.arguments import Binding, array_names, maths_of
from backlit.engine.program.structs import CACHE_LINE, Memory, Row, Rule, Segment, Tables
from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.ops.base import Activation, Layer, Loss, Op, Optimizer, arguments
from backlit.ops.registry import losses

if TYPE_CHECKING:
    from backlit.engine.architecture import Architecture

SMALLEST_SHARD = 512
SHARD_ELEMENTS = 131_072
"""A shard is as many rows as keep its activations within so many elements, the size of a second-level cache, but at
least SMALLEST_SHARD, so that the matrix products stay efficient. Never a function of the number of threads."""

THREADED_WORK = 50_000
"""Parameters times rows, the multiply-adds of a forward pass, from which a shard is worth a thread of its own."""

THREADED_ROWS = 16
"""The rows of a shard at the least, where a batch is cut in two; with fewer, products run less efficiently."""

SEVERAL_ROWS = 64
"""The same where it is cut into more."""

COUPLED_SHARDS = 16
"""The most shards of a batch that lies in the arena whole, where each has a gradient of its own. They end where lines
of the cache do, since element-wise kernels go on to the end of a vector."""

PARAMETERS_PER_ROW = 25_000
"""Keeps the sum over a shard's gradient small beside the products that made it."""


class Place(msgspec.Struct, frozen=True):
    """Where an array lies: in which vector of the memory, at which offset, with how many rows and columns.

    `rows` is None for buffers, which have the batch's rows.
    """

    vector: str
    offset: int
    rows: int | None
    columns: int


def shard_rows(network: Architecture, batch_size: int, elements: int, coupled: bool = False) -> int:
    """Give the rows of a shard of a batch to train on: a function of the network and the batch alone.

    A batch is cut in two, so that two threads have work, or into a larger power of two, where each shard still has
    enough rows and work; with many parameters a shard has more rows, since each costs one more sum over all parameters.
    """
    size = max(1, network.parameters.size)
    most = batch_size if coupled else largest_shard(elements)
    least = max(THREADED_ROWS, THREADED_WORK // size, size // PARAMETERS_PER_ROW)
    shards = 1
    while shards < (COUPLED_SHARDS if coupled else batch_size):
        if batch_size < 2 * shards * (least if shards == 1 else max(least, SEVERAL_ROWS)):
            break
        shards *= 2
    rows = min(most, -(-batch_size // shards))
    return min(batch_size, whole_lines(rows)) if coupled else rows


def whole_lines(count: int) -> int:
    """Give the room for so many numbers in whole lines of the cache, which element-wise kernels ask for."""
    return -(-count // CACHE_LINE) * CACHE_LINE


def largest_shard(elements: int) -> int:
    """Give the most rows that a shard has where each has so many elements."""
    return max(SMALLEST_SHARD, SHARD_ELEMENTS // elements)


class Executable:
    """The instruction tables of a network for batches of up to `batch_size` rows.

    Args:
        network: what to run.
        batch_size: the largest batch.
        optimizer: what updates the parameters; None where nothing is trained.
        target_columns: 1 for class numbers; the network's outputs by default.
        decay_biases: whether penalties and decay apply to vectors too.
        compiled: whether kernels are compiled; plain ones otherwise.
        keep: keep every buffer, for a trace: no op runs in place.
        input_gradient: whether the gradient of the inputs is computed too.
        rows: the rows of a shard; by default a function of the network and the batch alone.
        forward_only: for prediction, where the rows of a batch never depend on each other.

    `places` maps names such as `"1.Z"`, `"1.dW"` or `"loss.l"` (op number, array) to where the array lies.
    """

    def __init__(
        self, network: Architecture, batch_size: int, optimizer: Optimizer | None = None, *,
        target_columns: int | None = None, decay_biases: bool = False,
        compiled: bool = True, keep: bool = False, input_gradient: bool = False, rows: int | None = None,
        forward_only: bool = False,
    ) -> None:  # fmt: skip
        self.network = network
        self.compiled = compiled
        self.keep = keep
        self.input_gradient = input_gradient
        self.dtype = network.dtype.name
        self.optimizer = optimizer
        self.decay_biases = decay_biases
        self.loss, self.trained_ops = fused_loss(network)
        self.settings: list[float] = []
        self.places: dict[str, Place] = {}
        self.in_place: list[bool] = []
        self.forward_only = forward_only
        self._lay_out(batch_size, target_columns or network.outputs, rows)
        self._bindings = [self._bind(op, k) for k, op in enumerate(network.ops)]
        self._rows = [self._row(binding, k) for k, binding in enumerate(self._bindings)]
        self._loss_binding = self._bind(self.loss, None)
        self._loss_row = self._row(self._loss_binding, len(network.ops))
        self._update_row = self._optimizer_row()
        self._plain_kernels: list[int] = []
        weakref.finalize(self, python_kernels.forget, self._plain_kernels)
        if compiled:
            background.begin(self.dtype, self._shared_code())

    @functools.cached_property
    def runner(self) -> ModuleType | CompiledMachine:
        """The machine that runs the tables, plain or compiled."""
        return CompiledMachine(self.dtype) if self.compiled else machine

    @functools.cached_property
    def prediction(self) -> Tables:
        """The tables for prediction: the whole chain forward."""
        return self._tables(self._rows)

    @functools.cached_property
    def training(self) -> Tables:
        """The tables for training: the loss may take the place of the last activation."""
        return self._training_tables()

    @property
    def shards(self) -> int:
        """How many shards a batch has."""
        return -(-self.batch_size // self.shard)

    @property
    def coupled(self) -> bool:
        """Whether a batch's shards lie in the arena together, since an op needs all of them at once."""
        return self.shard < self.rows

    @property
    def entry(self) -> str:
        """The machine's entry point that trains on such batches."""
        return "train_coupled" if self.coupled else "train_batches"

    @property
    def train(self) -> Callable[..., Any]:
        """The machine's way to train on such batches."""
        return getattr(self.runner, self.entry)  # type: ignore[no-any-return]

    def _shared_code(self) -> tuple[str, ...]:
        """Name what this program will run that all programs share."""
        if self.optimizer is None:
            return background.PREDICTION
        entry = "batch_gradient" if self.optimizer.full_batch else self.entry
        return (entry, *(["worker_loop"] if self.shards > 1 else []), *background.TRAINING)

    def memory(self) -> Memory:
        """Allocate what the program works on, over the network's own parameters and running statistics."""
        network = self.network
        zeros = np.zeros(network.parameters.size, network.dtype)
        apart = self.shards - 1 if self.coupled else min(self.shards - 1, 1)
        return Memory(
            network.parameters, zeros, np.zeros(apart * zeros.size, network.dtype),
            np.zeros(self.size, network.dtype), np.zeros(self.size, network.dtype), network.state,
            np.array(self.settings or [0.0]), self._slots(), network.parameters.size,
            np.zeros((apart + 1) * LINE), np.zeros(1, np.int64), np.zeros(0, np.int64),
        )  # fmt: skip

    def _slots(self) -> Array:
        """Give the optimizer's vectors, one after another, each of the parameters' layout."""
        optimizer = self.optimizer
        values = [] if optimizer is None else optimizer.slots.values()
        first = [getattr(optimizer, value) if isinstance(value, str) else value for value in values]
        return np.repeat(np.array(first, self.network.dtype), self.network.parameters.size)

    def view(self, memory: Memory, name: str, n: int | None = None) -> Array:
        """Give the array of that name as it lies in the memory; of buffers, the first n rows."""
        place = self.places[name]
        rows = place.rows if place.rows is not None else (self.rows if n is None else n)
        array: Array = getattr(memory, place.vector)[place.offset : place.offset + rows * place.columns]
        return array.reshape(rows, place.columns)

    # ------------------------------------------------------------------------------------------------------- layout

    def _lay_out(self, batch_size: int, target_columns: int, rows: int | None) -> None:
        """Give every buffer its offset in the arena."""
        network = self.network
        columns: dict[str, int] = {"X": network.inputs}
        current = "X"
        self._aliases: dict[str, str] = {}
        self._outputs: list[str] = []
        for k, op in enumerate(network.ops):
            label = network.labels[k]
            self.in_place.append(self._runs_in_place(k))
            for name, width in network.shapes[k].columns.items():
                if name == op.reads or (name == op.writes and self.in_place[k]):
                    self._aliases[f"{label}.{name}"] = current
                else:
                    columns[f"{label}.{name}"] = width
            current = self._aliases.get(f"{label}.{op.writes}", f"{label}.{op.writes}")
            self._outputs.append(current)
        columns |= {"T": target_columns, "l": 1, "g": 1}
        self.batch_size = batch_size
        coupled = any(map(self._couples, range(len(network.ops))))
        elements = sum(columns.values())
        if rows or self.forward_only:
            self.rows = self.shard = rows or min(batch_size, largest_shard(elements))
        else:
            self.shard = (
                batch_size if coupled and not self.compiled else shard_rows(network, batch_size, elements, coupled)
            )
            self.rows = batch_size if coupled else self.shard
        self.size = 0
        for name, width in columns.items():
            self.places[name] = Place("A", self.size, None, width)
            self.places[_gradient_name(name)] = Place("dA", self.size, None, width)
            self.size += whole_lines(self.rows * width)
        for label, shapes in zip(network.labels, network.shapes, strict=True):
            for name, shape in shapes.work.items():
                self.places[f"{label}.{name}"] = Place("A", self.size, *_rows_columns(shape))
                self.size += whole_lines(math.prod(shape))
        for name, other in self._aliases.items():
            self.places[name] = self.places[other]
            self.places[_gradient_name(name)] = self.places[_gradient_name(other)]
        for name, (offset, shape) in network.layout.items():
            place = Place("P", offset, *_rows_columns(shape))
            self.places[name] = place
            self.places[_gradient_name(name)] = msgspec.structs.replace(place, vector="dP")
        for name, (offset, shape) in network.state_layout.items():
            self.places[name] = Place("S", offset, *_rows_columns(shape))

    def _couples(self, k: int) -> bool:
        """Whether an op needs all rows of a batch at once, or leaves something of each batch behind."""
        return self.network.ops[k].batch_coupled or bool(self.network.shapes[k].state)

    def _runs_in_place(self, k: int) -> bool:
        """An activation overwrites its input where its slope needs only the output and nobody else needs the input."""
        op = self.network.ops[k]
        if self.keep or k == 0 or not (isinstance(op, Activation) and op.in_place):
            return False
        maker = self.network.ops[k - 1]
        return maker.writes not in arguments(maths_of(maker, "backward"))

    # ----------------------------------------------------------------------------------------------------- the tables

    def _bind(self, op: Op, k: int | None) -> Binding:
        if isinstance(op, Loss):
            kinds = dict.fromkeys("ATlg", "buffer")
        else:
            shapes = self.network.shapes[k]  # type: ignore[index]
            kinds = dict.fromkeys(shapes.columns, "buffer") | dict.fromkeys(shapes.parameters, "parameter")
            kinds |= dict.fromkeys(shapes.state, "state") | dict.fromkeys(shapes.work, "work")
        return Binding(op, kinds, array_names(op))

    def _row(self, binding: Binding, k: int) -> Array:
        """Write an instruction but for its kernels."""
        row = np.zeros(Row.WIDTH, np.int64)
        row[Row.NUMBER] = k
        row[Row.SETTINGS] = len(self.settings)
        self.settings += [float(getattr(binding.op, name)) for name in binding.settings]
        for name in binding.arrays:
            place = self._place(binding, name, k)
            rows = int(self._wanted(binding, name, k)) if place.rows is None else place.rows
            if binding.kind(name) == "parameter" and name not in binding.kinds and not self._wanted(binding, name, k):
                rows = 0
            column = binding.column(name)
            row[column : column + 3] = place.offset, rows, place.columns
        return row

    def _place(self, binding: Binding, name: str, k: int) -> Place:
        if isinstance(binding.op, Loss):
            local = {"A": self._logits, "dA": _gradient_name(self._logits)}
            return self.places[local.get(name, name)]
        return self.places[f"{self.network.labels[k]}.{name}"]

    def _wanted(self, binding: Binding, name: str, k: int) -> bool:
        """Whether a gradient is worth computing: not of the inputs, nor of frozen parameters."""
        if name in binding.kinds:
            return True
        if binding.kind(name) == "buffer":
            first = k == 0 and not isinstance(binding.op, (Loss, Activation))  # an activation's loop asks nothing
            return self.input_gradient or not (first and name[1:] == binding.op.reads)  # type: ignore[attr-defined]
        return f"{self.network.labels[k]}.{name[1:]}" not in self.network.frozen

    @property
    def _logits(self) -> str:
        """The name of the buffer that the loss reads."""
        return self._outputs[len(self.trained_ops) - 1] if self.trained_ops else "X"

    def _optimizer_row(self) -> Array:
        """Write the instruction of the update but for its kernel."""
        row = np.zeros(Row.WIDTH, np.int64)
        if self.optimizer is not None and not self.optimizer.full_batch:
            row[Row.SETTINGS] = len(self.settings)
            self.settings += [float(getattr(self.optimizer, name)) for name in self.optimizer.__struct_fields__]
        return row

    def _training_tables(self) -> Tables:
        """Give the tables with the kernels of both directions, of the loss and of the update."""
        row, update = self._loss_row.copy(), self._update_row.copy()
        row[Row.FORWARD] = self._kernel(self._loss_binding, "forward", in_place=False)
        row[Row.BACKWARD] = self._kernel(self._loss_binding, "backward", in_place=False)
        if self.optimizer is not None and not self.optimizer.full_batch:
            if self.compiled:
                update[Row.FORWARD] = compiled_update(self.optimizer, self.dtype)
            else:
                update[Row.FORWARD] = self._plain(python_kernels.plain_update(self.optimizer))
        chain = [row.copy() for row in self._rows[: len(self.trained_ops)]]
        for k, instruction in enumerate(chain):
            instruction[Row.BACKWARD] = self._kernel(self._bindings[k], "backward", self.in_place[k])
        return self._tables(chain, row, update)

    def _tables(self, chain: list[Array], loss: Array | None = None, update: Array | None = None) -> Tables:
        for k, instruction in enumerate(chain):
            instruction[Row.FORWARD] = self._kernel(self._bindings[k], "forward", self.in_place[k])
        coupled = [self._couples(k) or bool(self.network.shapes[k].work) for k in range(len(chain))]
        shards = range(self.shards if self.coupled else 1)
        empty = np.zeros(Row.WIDTH, np.int64)
        loss = empty if loss is None else loss
        segments = self._segments()
        x, t, y = self.places["X"], self.places["T"], self.places[self._outputs[-1]]
        return Tables(
            np.array([self._moved(row, binding, k) for k in shards
                      for row, binding in zip(chain, self._bindings, strict=False)], np.int64).reshape(-1), len(chain),
            np.array([self._moved(loss, self._loss_binding, k) for k in shards], np.int64).reshape(-1),
            empty if update is None else update,
            segments.reshape(-1), len(segments), x.offset, x.columns, t.offset, t.columns,
            self.places["l"].offset, self.places["g"].offset, y.offset, y.columns, self.rows,
            self.shard, np.array(coupled or [False], np.int64), np.zeros(0, np.int64), 0,
            self.network.state.size,
        )  # fmt: skip

    def _moved(self, row: Array, binding: Binding, shard: int) -> Array:
        """Give an instruction for one of the shards that lie in the arena together."""
        row = row.copy()
        for name in binding.arrays:
            if binding.kind(name) == "buffer":
                column = binding.column(name)
                row[column] += shard * self.shard * row[column + 2]
        return row

    def _kernel(self, binding: Binding, which: str, in_place: bool) -> int:
        if not self.compiled:
            return self._plain(python_kernels.plain_kernel(binding, which))
        try:
            return compiled_kernel(binding, which, in_place, self.dtype)
        except Exception as error:
            if not type(error).__module__.startswith("numba"):
                raise
            op = binding.op
            reason = next((line for line in str(error).splitlines() if line.strip() and "Failed in" not in line), "")
            raise BacklitError(
                f"{op.kind} {op.name!r}: its {which} cannot be compiled: {reason.strip()} Write it in what NumPy and "
                "Numba share (static methods, float constants, no branches), or train with compiled=False."
            ) from error

    def _plain(self, number: int) -> int:
        """Take note of a plain kernel, which lives as long as the program."""
        self._plain_kernels.append(number)
        return number

    def _segments(self) -> Array:
        """Describe the trainable parameters: their ranges in the flat vector and whether they decay."""
        rows = []
        for name, (offset, shape) in self.network.layout.items():
            size = int(np.prod(shape))
            if size and name not in self.network.frozen:
                decays = len(shape) > 1 or self.decay_biases
                of_units = _rows_columns(shape) if len(shape) > 1 else (0, size)
                rows.append([offset, offset + size, *of_units, int(decays)])
        return np.array(rows, np.int64).reshape(len(rows), Segment.WIDTH)


def joined(tables: Tables, rule: Rule) -> Tables:
    """Join neighbouring parameter arrays that the update treats alike, so that it takes them in one go."""
    if rule.max_norm > 0.0:
        return tables
    penalised = bool(rule.l1 or rule.l2 or rule.decay)
    ranges: list[list[int]] = []
    for start, stop, _, _, may_decay in tables.segments.reshape(-1, Segment.WIDTH).tolist():
        decays = int(penalised and may_decay)
        if ranges and ranges[-1][1] == start and ranges[-1][4] == decays:
            ranges[-1][1] = stop
        else:
            ranges.append([start, stop, 0, stop - start, decays])
    return tables._replace(segments=np.array(ranges, np.int64).reshape(-1), segment_count=len(ranges))


def layer_ranges(network: Architecture) -> dict[str, tuple[int, int]]:
    """Give where each layer's parameters lie in the flat vector, by the layer's number."""
    starts: dict[str, int] = {}
    for name, (offset, _) in network.layout.items():
        starts.setdefault(name.partition(".")[0], offset)
    bounds = pairwise([*starts.values(), network.parameters.size])
    return {label: bound for label, bound in zip(starts, bounds, strict=True) if bound[1] > bound[0]}


def _rows_columns(shape: tuple[int, ...]) -> tuple[int, int]:
    """Give a parameter's shape as a matrix; a vector is one row."""
    return (1, shape[0]) if len(shape) == 1 else (shape[0], shape[1])


def _gradient_name(name: str) -> str:
    """Give the name of an array's gradient: "1.W" -> "1.dW"."""
    head, _, tail = name.rpartition(".")
    return f"{head}.d{tail}" if head else f"d{tail}"


def fused_loss(network: Architecture) -> tuple[Loss, list[Layer]]:
    """Give the loss to train with and the ops before it.

    Where the loss knows a fused form for the last activation, that form takes the activation's input: the two steps'
    product is simpler and does not round to 0 or 1 in between.
    """
    last = network.ops[-1]
    fused = network.loss.fused.get(last.name)
    if fused is None:
        return network.loss, list(network.ops)
    return losses.from_dict(network.loss.to_dict() | {"op": fused}), list(network.ops[:-1])
