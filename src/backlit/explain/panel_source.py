"""What panels are made of: a row's numbers and slopes by buffer, with the names of channels, and formulas as data."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from backlit.engine import Units, equations_of
from backlit.explain.contents import LARGEST_EXAMPLE, Contents
from backlit.explain.record.drawing_records import Numbers
from backlit.explain.record.exact import ExactNumbers
from backlit.explain.record.quantities import Place, Readable
from backlit.kernels.types import Array
from backlit.ops.base import Shape
from backlit.ops.equations import Applied, Element, Formula, Index

SMALL = 1e-6
"""Numbers below this share of the largest one may be what rounding leaves of a difference that is 0 on paper."""


class Read(NamedTuple):
    """A number that a formula reads, and the weight beside it, if there is one."""

    number: Index
    weight: Element | None


class Making(NamedTuple):
    """A formula of the form Σ weight · number + bias, a maximum or a mean of numbers; `bias` may be None."""

    head: str
    reads: tuple[Read, ...]
    bias: Element | None


class Source:
    """The numbers of one row of a recorded step, or with row None the slopes of parameters of all rows together."""

    def __init__(self, contents: Contents, row: int | None, exact: ExactNumbers) -> None:
        self.contents, self.context, self.row = contents, contents.context, row
        self.recording = self.context.recording
        self.graph = self.recording.network.graph
        self.nodes = self.graph.nodes
        self.equations = equations_of(self.graph)
        self._exact = exact if len(contents) <= LARGEST_EXAMPLE else None
        self._written = {stage.gives: stage.written for stage in contents.stages}

    def units(self, buffer: str) -> Units:
        """Give the names of a buffer's channels and numbers."""
        return self.context.names.of_buffers[buffer]

    def shape(self, buffer: str) -> Shape:
        """Give the shape of a row of a buffer."""
        return self.graph.rows[buffer]

    def values(self, buffer: str) -> Array:
        """Give the row's numbers of a buffer, in its shape; without a row NaN."""
        shape = self.shape(buffer)
        if self.row is None:
            return np.full(shape, np.nan)
        if buffer in self.graph.inputs:
            first, count = self.graph.columns[buffer]
            found: Array = self.recording.X[self.row, first : first + count].reshape(shape)
        else:
            found = self.recording.array(buffer).reshape(-1, *shape)[self.row]
            found = self._without_rounding(found, self._written.get(buffer))
        return found

    def slopes(self, buffer: str) -> Array | None:
        """Give dE/d of the row's numbers of a buffer, in its shape; None where the backward pass does not come."""
        if self.row is None or buffer in self.graph.inputs or buffer not in self._reached:
            return None
        label, _, array = buffer.rpartition(".")
        name = f"{label}.d{array}"
        if name not in self.recording.executable.places:
            return None
        found: Array = self.recording.array(name).reshape(-1, *self.shape(buffer))[self.row]
        return self._without_rounding(found, self.contents.backward.slopes.get(buffer))

    def _without_rounding(self, array: Array, of: Readable | None) -> Array:
        """Give a row's numbers, those near 0 by the digits that float64's rounding leaves, as the lines show them."""
        small = (array != 0.0) & (np.abs(array) < SMALL * max(1.0, np.abs(array).max(initial=0.0)))
        if of is None or self._exact is None or self.row is None or not small.any():
            return array
        found = array.astype(float)
        for place in np.flatnonzero(small):
            found.flat[place] = self._exact.right(of.key(Place(self.row if of.rows else 0, 0, int(place))))
        return found

    def name(self, k: int, index: Index) -> str:
        """Give the name of a number that a node writes, without the row's: net(f1@r1c2), pool(f1@r1c2)."""
        written = next(stage.written for stage in self.contents.stages if stage.k == k)
        node = self.nodes[k]
        place = int(np.ravel_multi_index(index, self.shape(node.writes)))
        return f"{written.kind}({self.units(node.writes).names[place]})"

    @functools.cached_property
    def _reached(self) -> set[str]:
        """The buffers that depend on a trained parameter."""
        found: set[str] = set()
        for k, node in enumerate(self.nodes):
            trained = any(
                self.recording.has_gradient(f"{node.label}.{name}") for name in self.graph.shapes[k].parameters
            )
            if trained or found.intersection(node.reads):
                found |= {f"{node.label}.{array}" for array in self.graph.shapes[k].buffers}
        return found

    def weights(self, k: int, name: str) -> Array:
        """Give a parameter of a node before the step; or, of a row, a buffer of its own, such as a mask."""
        if name in self.graph.shapes[k].buffers:
            return self.values(f"{self.nodes[k].label}.{name}")
        return self.recording.parameter(self.recording.before, f"{self.nodes[k].label}.{name}")

    def gradient(self, k: int, name: str) -> Array | None:
        """Give dE/d of a parameter: the row's part of it, or that of all rows; None where it is not trained."""
        full, recording = f"{self.nodes[k].label}.{name}", self.recording
        if not recording.has_gradient(full):
            return None
        if self.row is None or recording.rows == 1:
            return recording.parameter(recording.gradients.raw, full)
        return recording.row_gradient(k, name, self.row).reshape(self.weights(k, name).shape)

    def making(self, k: int, index: Index) -> Making | None:
        """Give how the number at a place of what a node writes is made, where that is a sum, a maximum or a mean."""
        equations = self.equations[k]
        writes = self.nodes[k].op.writes
        parts = equations.forward if equations else ()
        part = next((part for part in parts if part.array == writes and index in part.places), None)
        if part is None or part.formula is None:
            return None
        return making_of(part.formula(index))


def making_of(formula: Formula) -> Making | None:
    """Take a formula apart; None where it has another form.

    >>> from backlit.ops.equations import of, product, total
    >>> making_of(total(product(of("W", 0, 0), of("X", 1)), of("b", 0)))
    Making(head='sum', reads=(Read(number=(1,), weight=Element(array='W', index=(0, 0))),), \
bias=Element(array='b', index=(0,)))
    """
    if isinstance(formula, Applied) and formula.head == "max":
        reads = [_read(term) for term in formula.args]
        return Making("max", tuple(reads), None) if all(reads) else None  # type: ignore[arg-type]
    if isinstance(formula, Applied) and formula.head == "/" and isinstance(formula.args[0], (Applied, Element)):
        upper = making_of(formula.args[0])
        return Making("mean", upper.reads, None) if upper and upper.bias is None else None
    terms = tuple(_terms(formula))
    found: list[Read] = []
    bias = None
    for term in terms:
        read = _read(term)
        if read is not None:
            found.append(read)
        elif isinstance(term, Element) and bias is None:
            bias = term
        else:
            return None
    return Making("sum", tuple(found), bias) if found else None


def _terms(formula: Formula) -> Iterator[Formula]:
    """Give the terms of a sum, those of sums within it too."""
    if isinstance(formula, Applied) and formula.head == "+":
        for term in formula.args:
            yield from _terms(term)
    else:
        yield formula


def _read(term: Formula) -> Read | None:
    """Take a term apart: a number that is read, alone or times a weight."""
    if isinstance(term, Element):
        return Read(term.index, None) if term.array == "X" else None
    if isinstance(term, Applied) and term.head == "*" and all(isinstance(arg, Element) for arg in term.args):
        read = [arg for arg in term.args if isinstance(arg, Element) and arg.array == "X"]
        others = [arg for arg in term.args if isinstance(arg, Element) and arg.array != "X"]
        if len(read) == len(others) == 1:
            return Read(read[0].index, others[0])
    return None


def numbers(array: Array) -> Numbers:
    """Give a matrix as a record has it; NaN that stands for no number becomes None."""
    return tuple(tuple(None if np.isnan(number) else float(number) for number in row) for row in array)


def first_of(names: Sequence[str], most: int, wanted: int | None) -> list[int]:
    """Choose at most so many of some channels, the wanted one among them.

    >>> first_of("abcdef", 4, 5), first_of("ab", 4, None)
    ([0, 1, 2, 5], [0, 1])
    """
    chosen = list(range(min(most, len(names))))
    if wanted is not None and wanted not in chosen:
        chosen[-1] = wanted
    return chosen
