"""The formulas of an op as data: for each number that it computes, what it is made of.

An op whose formulas one line of LaTeX cannot hold, since a window slides or a sum runs back through time, gives them by
`equations`: parts of its arrays that have one name, each with a function from a place in the array to the formula of
the number there. Worked examples interpret them, so adding a layer touches one file.

A formula is a tree of elements of the op's own arrays. A buffer's element is one of the row at hand; its index leaves
the row out.

>>> x, w = of("X", 0), of("W", 0, 2)
>>> total(product(w, x), of("b", 2))
Applied(head='+', args=(Applied(head='*', args=(Element(array='W', index=(0, 2)), Element(array='X', index=(0,)))), \
Element(array='b', index=(2,))))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product as pairs_of
from typing import Any

import msgspec

Index = tuple[int, ...]
"""A place in an array, counted from 0."""


class Element(msgspec.Struct, frozen=True):
    """A number of one of the op's arrays, or of the gradient of one: "X", "W", "dZ"."""

    array: str
    index: Index


class Constant(msgspec.Struct, frozen=True):
    """A number that the formula states, as it is written: "1", "0.5"."""

    text: str


class Count(msgspec.Struct, frozen=True):
    """A number that follows from sizes or settings, with the name that formulas have for it: n = 4, α = 0.2."""

    name: str
    value: float


class Applied(msgspec.Struct, frozen=True):
    """An operation on other formulas.

    `head` is "+", "*", "neg", "/", "^", "max", or a function: "tanh", "sigmoid", "exp", "sqrt" ...
    """

    head: str
    args: tuple[Formula, ...]


class Activated(msgspec.Struct, frozen=True):
    """An activation of a formula, out = f(z); worked examples write the activation's own formula.

    With `output` it is the activation's slope there: f'(z), of which `output` is f(z).
    """

    activation: Any
    z: Formula
    output: Formula | None = None


Formula = Element | Constant | Count | Applied | Activated

Value = Callable[[Element], float]
"""Gives the number of an element in the row at hand."""


def of(array: str, *index: int) -> Element:
    """Give an element of an array."""
    return Element(array, index)


def total(*terms: Formula) -> Formula:
    """Give a sum; of one term the term, of none 0."""
    return Applied("+", terms) if len(terms) > 1 else terms[0] if terms else Constant("0")


def product(*factors: Formula) -> Formula:
    """Give a product; of one factor, the factor."""
    return factors[0] if len(factors) == 1 else Applied("*", factors)


def minus(term: Formula) -> Formula:
    """Give a term with the other sign."""
    return Applied("neg", (term,))


def quotient(upper: Formula, lower: Formula) -> Formula:
    """Give a quotient."""
    return Applied("/", (upper, lower))


def function(name: str, *args: Formula) -> Formula:
    """Give a function of formulas: "max", "tanh", "sigmoid", "exp", "sqrt"."""
    return Applied(name, args)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of one array of the op that have one name in worked examples: net, out, w, the gate f at time 2.

    Attributes:
        array: the array: a buffer such as "Z", a parameter such as "W", or a gradient such as "dX", "dN", "dW".
        kind: the name: "net", "out", "c", "w", "u_f". Of a gradient it is that of the array without the d: the part
            of "dN" is shown as dE/dnet(...), so its kind is "net".
        places: the indices of the numbers, in the order in which a person would work them out.
        unit: gives the number of the unit, channel or filter at a place, from 0; -1 for a number of the op as a whole,
            such as one bias of all units.
        position: gives where in the picture (row, column) or the sequence (time,) it is, from 0; () for nowhere. Of a
            weight, the place in the window.
        source: of a weight, gives the number of the unit or channel that it leads from, or a text for what is no
            channel, such as a category; None of others.
        own_source: the source is a unit of the op itself, as of recurrent weights.
        formula: gives the formula at a place; None of parameters, which are given.
        row_formula: gives a formula that depends on the numbers of the row, in the place of `formula`: which number of
            a window is the largest. It is handed a function from elements to their numbers in this row.
        note: gives a remark at a place, such as which of equal numbers takes the slope; it is handed a function from
            elements to their numbers in this row.
        title: begins a new heading: "time 2".
        matrix: of a parameter whose element [i, j] is the weight from channel i that the op reads to its own unit j,
            nowhere in particular; large ones are then named without a look at each element.
    """

    array: str
    kind: str
    places: tuple[Index, ...]
    unit: Callable[[Index], int] = lambda index: index[-1]
    position: Callable[[Index], Index] = lambda index: index[:-1]
    source: Callable[[Index], int | str] | None = None
    own_source: bool = False
    formula: Callable[[Index], Formula] | None = None
    row_formula: Callable[[Index, Value], Formula] | None = None
    note: Callable[[Index, Value], str] | None = None
    title: str = ""
    matrix: bool = False


class Equations(msgspec.Struct, frozen=True, kw_only=True):
    """All formulas of an op.

    Attributes:
        letter: what the units that the op writes are called, with their number behind it: "f" of filters, "h" of hidden
            units; empty where they are those that it reads, at other positions perhaps.
        parameters: the parts of the parameters.
        forward: the parts in the order of the forward pass; together the last ones hold what the op writes.
        backward: those of the backward pass, in its order; the last ones hold the gradient of what it reads.
        gradients: a row's part of each parameter's gradient.
        same_numbers: the op writes the numbers that it reads, in the same order, such as a picture as one long row; it
            has no formulas, and the names stay.
    """

    letter: str = ""
    parameters: tuple[Part, ...] = ()
    forward: tuple[Part, ...] = ()
    backward: tuple[Part, ...] = ()
    gradients: tuple[Part, ...] = ()
    same_numbers: bool = False


def every(sizes: Iterable[int]) -> tuple[Index, ...]:
    """Give all places of an array of these sizes, the last index first to move.

    >>> every((1, 2))
    ((0, 0), (0, 1))
    """
    return tuple(pairs_of(*map(range, sizes)))
