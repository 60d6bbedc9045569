"""A graph and a batch as integer tables: an instruction for each op, the loss, the update, the places of the batch.

An instruction names its op's kernels by numbers or addresses, which the caller supplies.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from backlit.engine.program.arguments import Binding
from backlit.engine.program.buffers import Buffers, Place, gradient_name, part_name, partial_gradients, rows_of
from backlit.engine.program.graph import Graph
from backlit.engine.program.sharding import largest_shard, shard_rows
from backlit.engine.program.structs import Row, Rule, Segment, Tables
from backlit.kernels.types import Array
from backlit.ops.base import Activation, Loss, Op, Optimizer
from backlit.ops.gradient_sum import GradientSum
from backlit.ops.registry import losses
from backlit.ops.whole_arrays import array_names


class Step(NamedTuple):
    """What an instruction is written from: an op's binding and number, and its arrays' names in the graph."""

    binding: Binding
    number: int
    names: Mapping[str, str]
    in_place: bool = False
    coupled: bool = False


class Program:
    """The tables of a graph for batches of up to `batch_size` rows, but for the kernels.

    Args:
        graph: what to run. loss: what its output is measured by.
        batch_size: the largest batch.
        optimizer: what updates the parameters; None where nothing is trained.
        target_columns: 1 for class numbers; the graph's outputs by default.
        decay_biases: whether penalties and decay apply to vectors too.
        keep: keep every buffer, for a trace: no op runs in place.
        input_gradient: whether the gradient of the inputs is computed too.
        rows: the rows of a shard; by default a function of the graph and the batch alone.
        forward_only: for prediction, where the rows of a batch never depend on each other.
        together: whether a batch whose rows depend on each other is cut into shards; the plain machine takes it whole.

    `places` maps names such as `"1.Z"`, `"1.dW"` or `"l"` to where the array lies. `trained_ops` are the ops before the
    loss: where that is a fused form, the last activation is none of them.
    """

    def __init__(
        self, graph: Graph, loss: Loss, batch_size: int, optimizer: Optimizer | None = None, *,
        target_columns: int | None = None, decay_biases: bool = False, keep: bool = False,
        input_gradient: bool = False, rows: int | None = None, forward_only: bool = False, together: bool = True,
    ) -> None:  # fmt: skip
        self.graph = graph
        self.optimizer = optimizer
        self.decay_biases = decay_biases
        self.input_gradient = input_gradient
        self.batch_size = batch_size
        self.loss, trained, self.scores = fused_loss(graph, loss)
        self.trained_ops = [node.op for node in graph.nodes[:trained]]
        self.buffers = Buffers(graph, trained, self.scores, target_columns or graph.output_size, keep)
        self.in_place = self.buffers.in_place
        self.partial = partial_gradients(graph)
        self._divide(rows, forward_only, together)
        self.places, self.size = self.buffers.places(self.rows)
        self.settings: list[float] = []
        self._steps = [*self._sums_of(graph.inputs), *(step for k in range(len(graph.nodes)) for step in self._node(k))]
        self._trained = self._steps[: len(self._steps) - (len(graph.nodes) - trained)]
        self._instructions = [self._instruction(step) for step in self._steps]
        kinds = dict.fromkeys("ATlg", "buffer")
        names = {"A": self.scores, "dA": gradient_name(self.scores)}
        self._loss_step = Step(Binding(self.loss, kinds, array_names(self.loss)), len(graph.nodes), names)
        self._loss_row = self._instruction(self._loss_step)
        self._update_row = self._update()

    @property
    def shards(self) -> int:
        """How many shards a batch has."""
        return -(-self.batch_size // self.shard)

    @property
    def coupled(self) -> bool:
        """Whether a batch's shards lie in the arena together, since an op needs all of them at once."""
        return self.shard < self.rows

    def view(self, memory: Any, name: str, n: int | None = None) -> Array:
        """Give the array of that name as it lies in the memory; of buffers, the first n rows."""
        place = self.places[name]
        rows = place.rows if place.rows is not None else (self.rows if n is None else n)
        array: Array = getattr(memory, place.vector)[place.offset : place.offset + rows * place.columns]
        return array.reshape(rows, *place.shape)

    def _divide(self, rows: int | None, forward_only: bool, together: bool) -> None:
        """Choose how many rows lie in the arena, and how many a shard has."""
        coupled = any(map(self._couples, range(len(self.graph.nodes))))
        elements, batch_size = self.buffers.elements, self.batch_size
        size = sum(math.prod(shape) for _, shape in self.graph.layout.values())
        work = max(size, self.graph.multiply_adds)
        if rows or forward_only:
            self.rows = self.shard = rows or min(batch_size, largest_shard(elements, work > size))
            return
        whole = coupled and not together
        self.shard = batch_size if whole else shard_rows(size, batch_size, elements, coupled, work)
        self.rows = batch_size if coupled else self.shard

    def _couples(self, k: int) -> bool:
        """Whether an op needs all rows of a batch at once, or has running statistics that each batch moves."""
        return self.graph.nodes[k].op.batch_coupled or bool(self.graph.shapes[k].state)

    def _node(self, k: int) -> list[Step]:
        """Give the step of a node, and behind it the sums of the gradients into what it writes."""
        node, shapes = self.graph.nodes[k], self.graph.shapes[k]
        kinds = dict.fromkeys(shapes.buffers, "buffer") | dict.fromkeys(shapes.parameters, "parameter")
        kinds |= dict.fromkeys(shapes.state, "state") | dict.fromkeys(shapes.work, "work")
        kinds |= dict.fromkeys(shapes.constants, "constant")
        parts = {f"d{name}": f"{node.label}.{name}" for name in shapes.parameters
                 if f"{node.label}.{name}" in self.partial}  # fmt: skip
        kinds |= dict.fromkeys(parts, "work")
        axes = {}
        if node.op.shaped:
            axes = {name: len(shape) for name, shape in shapes.buffers.items()}
            whole = {**shapes.parameters, **shapes.state, **shapes.work}
            axes |= {name: len(rows_of(shape)[1]) for name, shape in whole.items()}
            axes |= {name: axes[name[1:]] for name in parts}
        binding = Binding(node.op, kinds, array_names(node.op), axes)
        names = {array: f"{node.label}.{array}" for array in binding.arrays}
        names |= {f"d{array}": gradient_name(self.buffers.copies[k, array]) for array in node.op.reads
                  if (k, array) in self.buffers.copies}  # fmt: skip
        names |= {name: part_name(own) for name, own in parts.items()}
        coupled = self._couples(k) or bool(shapes.work) or bool(parts)
        own = Step(binding, k, names, self.in_place[k], coupled)
        return [*self._sums_of_parts(parts.values()), own, *self._sums_of([node.writes])]

    def _sums_of_parts(self, parts: Iterable[str]) -> list[Step]:
        """Give the steps that add a node's part of the gradients of parameters that it shares with later nodes."""
        steps = []
        for name in parts:
            binding = Binding(GradientSum(), {"X": "parameter", "dY": "work"}, ("X", "dX", "dY"))
            names = {"X": name, "dX": gradient_name(name), "dY": part_name(name)}
            steps.append(Step(binding, len(self.graph.nodes), names, coupled=True))
        return steps

    def _sums_of(self, written: Any) -> list[Step]:
        """Give the steps that add up the gradients of buffers with several readers, the last reader's first."""
        steps = []
        for buffer in written:
            if buffer in self.graph.inputs and not self.input_gradient:
                continue
            for copy in self.buffers.sums.get(buffer, ()):
                binding = Binding(GradientSum(), dict.fromkeys("XY", "buffer"), ("X", "dX", "dY"))
                names = {"X": buffer, "dX": gradient_name(buffer), "dY": gradient_name(copy)}
                steps.append(Step(binding, len(self.graph.nodes), names))
        return steps

    def _instruction(self, step: Step) -> Array:
        """Write an instruction but for its kernels."""
        binding = step.binding
        row = np.zeros(Row.WIDTH, np.int64)
        row[Row.NUMBER] = step.number
        row[Row.SETTINGS] = len(self.settings)
        self.settings += map(float, binding.op.numbers().values())
        for name in binding.arrays:
            if binding.kind(name) == "constant":
                values = self.graph.shapes[step.number].constants[name]
                row[binding.column(name) :][:3] = len(self.settings), 1, len(values)
                self.settings += map(float, values)
                continue
            place, wanted = self._place(step, name), self._wanted(step, name)
            column, sizes = binding.column(name), binding.sizes(name)
            by_position = place.rows is None and getattr(binding.op, "by_position", False)
            positions = math.prod(place.shape[:-1]) if by_position else 1  # rows of the op for a row of the batch
            row[column : column + 2] = place.offset, wanted * (positions if place.rows is None else place.rows)
            row[sizes.start : sizes.stop] = (
                place.shape if len(sizes) == len(place.shape) else place.columns // positions
            )
        return row

    def _place(self, step: Step, name: str) -> Place:
        return self.places[step.names.get(name, name)]

    def _wanted(self, step: Step, name: str) -> int:
        """Whether a gradient is worth computing: not of the inputs, nor of frozen parameters."""
        binding = step.binding
        if name in binding.kinds or isinstance(binding.op, (Loss, GradientSum)):
            return 1
        if binding.kind(name) != "buffer":
            own = f"{self.graph.nodes[step.number].label}.{name[1:]}"
            return int(self.graph.shared.get(own, own) not in self.graph.frozen)
        if self.input_gradient or isinstance(binding.op, Activation):  # its loops always write it
            return 1
        node = self.graph.nodes[step.number]
        read = dict(zip(node.op.reads, node.reads, strict=True))
        return int(read.get(name[1:]) not in self.graph.inputs)

    def _update(self) -> Array:
        """Write the instruction of the update but for its kernel."""
        row = np.zeros(Row.WIDTH, np.int64)
        if self.optimizer is not None and not self.optimizer.full_batch:
            row[Row.SETTINGS] = len(self.settings)
            self.settings += [float(getattr(self.optimizer, name)) for name in self.optimizer.__struct_fields__]
        return row

    def prediction_tables(self, kernel: Callable[[Step, str], int]) -> Tables:
        """Give the tables of the whole graph forward; `kernel` gives the kernel of a step's "forward"."""
        rows = [row.copy() for row in self._instructions]
        for step, row in zip(self._steps, rows, strict=True):
            row[Row.FORWARD] = kernel(step, "forward")
        return self._tables(self._steps, rows, np.zeros(Row.WIDTH, np.int64), np.zeros(Row.WIDTH, np.int64))

    def training_tables(self, kernel: Callable[[Step, str], int], update: Callable[[Optimizer], int]) -> Tables:
        """Give the tables with the kernels of both directions, of the loss and of the update."""
        loss, updating = self._loss_row.copy(), self._update_row.copy()
        for column, which in ((Row.FORWARD, "forward"), (Row.BACKWARD, "backward")):
            loss[column] = kernel(self._loss_step, which)
        if self.optimizer is not None and not self.optimizer.full_batch:
            updating[Row.FORWARD] = update(self.optimizer)
        rows = [row.copy() for row in self._instructions[: len(self._trained)]]
        for step, row in zip(self._trained, rows, strict=True):
            row[Row.BACKWARD], row[Row.FORWARD] = kernel(step, "backward"), kernel(step, "forward")
        return self._tables(self._trained, rows, loss, updating)

    def _tables(self, steps: list[Step], rows: list[Array], loss: Array, update: Array) -> Tables:
        shards = range(self.shards if self.coupled else 1)
        chain = [self._moved(row, step, k) for k in shards for step, row in zip(steps, rows, strict=True)]
        inputs = [(self.places[name].offset, *columns) for name, columns in self.graph.columns.items()]
        segments = self._segments()
        t, y = self.places["T"], self.places[self.graph.output]
        return Tables(
            np.array(chain, np.int64).reshape(-1), len(steps),
            np.array([self._moved(loss, self._loss_step, k) for k in shards], np.int64).reshape(-1), update,
            segments.reshape(-1), len(segments),
            np.array(inputs, np.int64).reshape(-1), len(inputs), self.graph.input_size, t.offset, t.columns,
            self.places["l"].offset, self.places["g"].offset, y.offset, y.columns, self.rows, self.shard,
            np.array([step.coupled for step in steps] or [False], np.int64), np.zeros(0, np.int64), 0,
            sum(math.prod(shape) for _, shape in self.graph.state_layout.values()),
        )  # fmt: skip

    def _moved(self, row: Array, step: Step, shard: int) -> Array:
        """Give an instruction for one of the shards that lie in the arena together."""
        row, binding = row.copy(), step.binding
        for name in binding.arrays if shard else ():
            if binding.kind(name) == "buffer":
                row[binding.column(name)] += shard * self.shard * self._place(step, name).columns
        return row

    def _segments(self) -> Array:
        """Describe the trainable parameters: their ranges in the flat vector and whether they decay."""
        rows = []
        for name, (offset, shape) in self.graph.layout.items():
            size = math.prod(shape)
            if size and name not in self.graph.frozen:
                decays = len(shape) > 1 or self.decay_biases
                of_units = (size // shape[-1], shape[-1]) if len(shape) > 1 else (0, size)
                rows.append([offset, offset + size, *of_units, int(decays)])
        return np.array(rows, np.int64).reshape(len(rows), Segment.WIDTH)


def fused_loss(graph: Graph, loss: Loss) -> tuple[Loss, int, str]:
    """Give the loss to train with, how many nodes stand before it, and the buffer it reads.

    Where the loss knows a fused form for the last activation, that form takes the activation's input: the two steps'
    product is simpler and does not round to 0 or 1 in between.
    """
    last = graph.nodes[-1]
    fused = loss.fused.get(last.op.name)
    if fused is None or graph.output != last.writes or graph.readers(last.writes):
        return loss, len(graph.nodes), graph.output
    op: Op = losses.from_dict(loss.to_dict() | {"op": fused})
    assert isinstance(op, Loss)
    return op, len(graph.nodes) - 1, last.reads[0]


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
