"""Formulas worked out on a learner's numbers in float64: fast, without recursion, and without a raise.

A formula becomes a list of operations in the order in which they are worked out; it is kept with the number that it
gives, since a graph's own formulas are worked out for one sheet after another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from backlit.check.graph import StepGraph
from backlit.explain.algebra.tree import Apply, Literal, Node, Ref
from backlit.explain.record.quantities import Key

NAN = math.nan
Number = Callable[[Ref], float]
"""Gives the number of a quantity."""


def value_of(node: Node, number: Number | None = None) -> float:
    """Give a formula's number; NaN where it has none, as of a logarithm of a negative number.

    `number` gives the numbers of the quantities where these are not the step's own.

    >>> from backlit.explain.algebra.parsing import parse
    >>> value_of(parse(r"2 + 3 \\cdot 4")), value_of(parse(r"\\log(-1)")), value_of(parse(r"\\frac{1}{1 + e^{800}}"))
    (14.0, nan, 0.0)
    """
    return Program(node).run(_recorded if number is None else number)


def _recorded(ref: Ref) -> float:
    return float(ref.value)


class Program:
    """A formula as a list of operations.

    Attributes:
        refs: its quantities, settings and counts included, once for each place where one stands.
    """

    def __init__(self, node: Node) -> None:
        self.refs: list[Ref] = []
        self._start: list[float | None] = []
        self._steps: list[tuple[Callable[..., Any], list[int]]] = []
        waiting: list[tuple[Node, bool]] = [(node, False)]
        done: list[int] = []
        while waiting:
            here, visited = waiting.pop()
            if not isinstance(here, Apply):
                done.append(self._leaf(here))
            elif not visited:
                waiting.append((here, True))
                waiting += [(arg, False) for arg in here.args[::-1]]
            else:
                count = len(here.args)
                places = done[len(done) - count :]
                del done[len(done) - count :]
                self._steps.append((_OPERATIONS.get(here.head, _unknown), places))
                done.append(-len(self._steps))
        self._result = done[0]

    def _leaf(self, leaf: Node) -> int:
        """Give the place of a number: leaves from 0 on, results of operations from -1 downwards."""
        if isinstance(leaf, Ref):
            self.refs.append(leaf)
            self._start.append(None)
        else:
            self._start.append(_constant(leaf))
        return len(self._start) - 1

    def run(self, number: Number) -> float:
        """Work the formula out."""
        waiting = iter(self.refs)
        values: list[Any] = [number(next(waiting)) if value is None else value for value in self._start]
        results: list[Any] = []
        for operation, places in self._steps:
            args = [values[place] if place >= 0 else results[-place - 1] for place in places]
            try:
                results.append(operation(*args))
            except (ArithmeticError, ValueError):
                results.append(NAN)
        value = values[self._result] if self._result >= 0 else results[-self._result - 1]
        return float(value) if isinstance(value, (float, int)) else NAN


class Evaluator:
    """The formulas of a graph as programs, each made when it is first asked for."""

    def __init__(self, graph: StepGraph) -> None:
        self.graph = graph
        self._programs: dict[Key, Program | None] = {}

    def program(self, key: Key) -> Program | None:
        """Give a number's formula; None where it is given."""
        if key not in self._programs:
            node = self.graph.formula(key)
            self._programs[key] = None if node is None else Program(node)
        return self._programs[key]

    def value(self, key: Key, numbers: Mapping[Key, float]) -> float:
        """Work a number's formula out on `numbers`; what is not among them is as recorded.

        A rule of one's own that has no formula gives NaN.
        """
        program = self.program(key)
        if program is None:
            return key.quantity.value(key.place)
        return program.run(lambda ref: numbers.get(ref.key, ref.value))


# ---------------------------------------------------------------------------------------------------------- operations


def _constant(leaf: Node) -> float:
    assert not isinstance(leaf, (Ref, Apply))
    if leaf.symbol == "e":
        return math.e
    if leaf.symbol == r"\pi":
        return math.pi
    return float(leaf.symbol) if isinstance(leaf, Literal) else NAN


def _unknown(*_: Any) -> float:
    return NAN


def _sum(*terms: float) -> float:
    total = 0.0
    for term in terms:
        total += term
    return total


def _product(*factors: float) -> float:
    total = 1.0
    for factor in factors:
        total *= factor
    return total


def _power(base: float, exponent: float) -> float:
    try:
        value = base**exponent
    except OverflowError:
        return math.inf
    return NAN if isinstance(value, complex) else value


def _exp(x: float) -> float:
    return math.inf if x > 709.7 else math.exp(x)


def _log(x: float) -> float:
    return -math.inf if x == 0 else math.log(x)


def _cases(*args: Any) -> Any:
    for value, condition in zip(args[::2], args[1::2], strict=True):
        if condition:
            return value
    return args[-2]


def _largest(*args: float) -> float:
    return NAN if any(x != x for x in args) else max(args)


def _smallest(*args: float) -> float:
    return NAN if any(x != x for x in args) else min(args)


_OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "+": _sum, "*": _product, "^": _power, "exp": _exp, "log": _log, "ln": _log, "cases": _cases,
    "max": _largest, "min": _smallest, "abs": abs, "sqrt": math.sqrt, "tanh": math.tanh, "cosh": math.cosh,
    "erf": math.erf,
    "neg": lambda x: -x,
    "/": lambda x, y: x / y,
    "otherwise": lambda: True,
    "sign": lambda x: NAN if x != x else float((x > 0) - (x < 0)),
    "[]": lambda x: 1.0 if x else 0.0,
    "and": lambda *x: all(x),
    ">": lambda x, y: x > y, "<": lambda x, y: x < y, "=": lambda x, y: x == y,
    "≤": lambda x, y: x <= y, "≥": lambda x, y: x >= y, "≠": lambda x, y: x != y,
}  # fmt: skip
