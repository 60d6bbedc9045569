"""What an op's own backward gives on some rows of a step: a row's part of a gradient, a reader's part of a slope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from backlit.engine import Network, PlainStep
from backlit.kernels.types import Array
from backlit.ops.base import arguments
from backlit.ops.whole_arrays import inside_functions, is_matrix, maths_of


class OwnBackward:
    """Runs the ops' own functions on copies of the recorded arrays, so that these stay as they are.

    `before` and `state` are the parameters and the running statistics with which the step was made.
    """

    def __init__(
        self, step: PlainStep, network: Network, before: Array, state: Array, scalars: Mapping[str, int]
    ) -> None:
        self.step, self.network, self.scalars = step, network, scalars
        self.before, self.state = before, state

    def run(self, k: int, rows: slice, *, inputs: bool) -> dict[str, Array]:
        """Give what op k's backward leaves in its arrays, for these rows of the batch.

        The slopes of the parameters are those of these rows alone; those of what it reads come where `inputs` says so.
        """
        op, shapes = self.network.ops[k], self.network.shapes[k]
        count = len(range(*rows.indices(self.step.data.rows)))
        work = {name: np.zeros(shape) for name, shape in shapes.work.items()}
        if op.batch_coupled:
            work = {name: self._recorded(k, name).reshape(shape).copy() for name, shape in shapes.work.items()}
        elif work:  # what the forward pass keeps there is of these rows
            forward = maths_of(op, "forward")
            forward(**{name: self._given(k, name, rows, count, work, True) for name in arguments(forward)})
        backward = maths_of(op, "backward")
        given = {name: self._given(k, name, rows, count, work, inputs) for name in arguments(backward)}
        with np.errstate(all="ignore"):
            backward(**given)
        return given

    def _recorded(self, k: int, name: str) -> Array:
        return self.step.view(f"{self.network.labels[k]}.{name}")

    def _given(self, k: int, name: str, rows: slice, count: int, work: Mapping[str, Array], inputs: bool) -> Any:
        """Give an argument of a function of op k as the machine would on these rows."""
        op, shapes, array = self.network.ops[k], self.network.shapes[k], name.removeprefix("d")
        slope = name != array and array in (*shapes.buffers, *shapes.parameters) and name not in shapes.buffers
        of = array if slope else name
        if of in shapes.buffers:
            return self._buffer(k, of, slope, rows, count, inputs)
        if of in shapes.parameters:
            return np.zeros(shapes.parameters[of]) if slope else self._parameter(f"{self.network.labels[k]}.{of}")
        if name in shapes.state:
            offset, shape = self.network.state_layout[f"{self.network.labels[k]}.{name}"]
            return self.state[offset : offset + int(np.prod(shape))].reshape(shape).copy()
        scalars = {"first_row": rows.start, "op_number": k, **self.scalars}
        others: dict[str, Any] = {**work, **op.numbers(), **inside_functions(op), **scalars}
        others |= {constant: np.array(values) for constant, values in shapes.constants.items()}
        return others[name]

    def _buffer(self, k: int, of: str, slope: bool, rows: slice, count: int, inputs: bool) -> Array:
        """Give a buffer of op k, or its slope, as the op sees it; slopes of what it reads are to be written."""
        op = self.network.ops[k]
        form = _form(op, self.network.shapes[k].buffers[of], count)
        if slope and of in op.reads:
            numbers = np.zeros(form if inputs else (0,) * len(form))
        else:
            numbers = self._recorded(k, f"d{of}" if slope else of)[rows].reshape(form).copy()
        return numbers if is_matrix(of) or len(form) > 2 else numbers.reshape(-1)

    def _parameter(self, name: str) -> Array:
        offset, shape = self.network.layout[owner_of(self.network, name)]
        values = self.before[offset : offset + int(np.prod(shape))].reshape(shape)
        values.flags.writeable = False  # a copy for each row would take longer than the rest
        return values


def owner_of(network: Network, name: str) -> str:
    """Give the name under which the network keeps a parameter that several layers share; else the name itself."""
    return network.graph.shared.get(name, name)


def _form(op: Any, row: tuple[int, ...], count: int) -> tuple[int, ...]:
    """Give the shape in which an op sees a buffer of so many rows."""
    if op.shaped:
        return (count, *row)
    return (count * int(np.prod(row[:-1])), row[-1]) if op.by_position else (count, int(np.prod(row)))
