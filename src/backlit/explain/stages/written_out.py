"""The formulas that ops give as data, `ops/equations.py`, as trees that are printed and evaluated."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from backlit.explain.algebra.decimals import FLOATS
from backlit.explain.algebra.parsing import statements
from backlit.explain.algebra.printing import plain_symbol
from backlit.explain.algebra.tree import Literal, Node, Ref, call, evaluate, neg, over, plus, power, times
from backlit.explain.context import fill
from backlit.explain.record.recording import op_value
from backlit.explain.stages.own_formula import own_call, written
from backlit.ops.base import Activation
from backlit.ops.equations import Activated, Applied, Constant, Count, Element, Formula

ONE = Literal("1")
OPERATIONS: dict[str, Callable[..., Node]] = {
    "+": plus, "*": times, "neg": neg, "/": over, "^": power,
    "sigmoid": lambda x: over(ONE, plus(ONE, power(Literal("e"), neg(x)))),
}  # fmt: skip
"""What makes the tree of an operation; other heads are functions that trees know."""
GREEK = {"alpha": r"\alpha", "α": r"\alpha", "beta": r"\beta", "β": r"\beta", "ε": r"\varepsilon", "γ": r"\gamma"}


def written_out(formula: Formula, of: Callable[[Element], Node]) -> Node:
    """Give a formula as a tree; `of` gives the number of an element.

    >>> from backlit.explain.algebra.printing import plain
    >>> from backlit.ops.equations import function, of, product
    >>> plain(written_out(function("sigmoid", product(of("X", 0), of("W", 0))), lambda e: Ref(e.array, e.array, 0.5)))
    '1 / (1 + e^(-X · W))'
    """
    if isinstance(formula, Element):
        return of(formula)
    if isinstance(formula, Constant):
        return neg(Literal(formula.text[1:])) if formula.text.startswith("-") else Literal(formula.text)
    if isinstance(formula, Count):
        symbol = GREEK.get(formula.name, formula.name)
        return Ref(plain_symbol(symbol), symbol, formula.value)
    if isinstance(formula, Activated):
        return _activated(formula, of)
    args = [written_out(arg, of) for arg in formula.args]
    return OPERATIONS[formula.head](*args) if formula.head in OPERATIONS else call(formula.head, *args)


def _activated(formula: Activated, of: Callable[[Element], Node]) -> Node:
    """Give an activation's own formula of a tree, or its slope there."""
    op, z = formula.activation, written_out(formula.z, of)
    known, inside = {"z": z}, np.array([evaluate(z, FLOATS)])
    if formula.output is None:
        value = op_value(op, "value", inside)[0]
        instead = own_call(op, "value", z)
        return _written(op, op.formula, value, known, instead)
    known["a"] = written_out(formula.output, of)
    at = np.array([evaluate(known["a"], FLOATS)]) if op.in_place else inside
    value = op_value(op, "slope", at)[0]
    return _written(op, op.slope_formula, value, known, own_call(op, "slope", z, name=f"{op.name}'"))


def _written(op: Activation, text: str, value: float, known: dict[str, Node], instead: Node) -> Node:
    """Give a formula's text with numbers for its symbols; where that gives another number, the function's name."""
    return written(op, float(value), [text], lambda t: fill(statements(t)[0].value, op, known), instead)[0]


def elements(formula: Formula) -> Iterator[Element]:
    """Give the elements of a formula, from left to right."""
    if isinstance(formula, Element):
        yield formula
    elif isinstance(formula, Applied):
        for arg in formula.args:
            yield from elements(arg)
    elif isinstance(formula, Activated):
        yield from elements(formula.z)
