"""Formulas of the worked example evaluated on other numbers: their values, and how these change with the numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from backlit.check import digits
from backlit.check.graph import operands
from backlit.errors import BacklitError
from backlit.explain.algebra.tree import Apply, Node, Ref, evaluate
from backlit.explain.record.quantities import Key
from backlit.kernels.types import Array

Number = Callable[[Key], float]
"""Gives the number that stands for one of the step's."""

NAN = math.nan
STEP = 2.0**-17
"""The half width of the differences that give the slope of a function of one number, relative to it."""


def recorded(key: Key) -> float:
    """Give the step's own number."""
    return key.quantity.value(key.place)


def value_of(node: Node, number: Number) -> float:
    """Give a formula's value; NaN where it has none, or where a function in it is known by its name alone."""
    try:
        return float(_value(node, number))
    except (ArithmeticError, ValueError, LookupError):
        return NAN


def _value(node: Node, number: Number) -> Any:
    if isinstance(node, Ref):
        return node.value if node.key is None else number(node.key)
    if isinstance(node, Apply):
        if node.head == "cases":
            return _value(_branch(node, number), number)
        return _OPERATIONS[node.head](*[_value(arg, number) for arg in node.args])
    return _constant(node.symbol)


def _constant(symbol: str) -> float:
    """Give the value of a constant."""
    return math.e if symbol == "e" else math.pi if symbol == r"\pi" else float(symbol)


def _branch(node: Apply, number: Number) -> Node:
    """Give the case whose condition holds."""
    for value, condition in zip(node.args[::2], node.args[1::2], strict=True):
        if _value(condition, number):
            return value
    return node.args[-2]


def values_of(node: Node, columns: Mapping[Key, float | Array], count: int, *, known: float | None = None) -> Array:
    """Give a formula's value in many cases at once, (count,); NaN as in `value_of`.

    `columns` are the numbers of its operands: one for all cases, or one for each. `known` is the value at the numbers
    of the step itself, where it is to be that to the last bit.
    """
    keys = operands(node)
    if all(head in _SIMPLE for head in _heads(node)):
        try:
            found = evaluate(node, _VECTORS, lambda ref: ref.value if ref.key is None else columns[ref.key])
            return np.array(np.broadcast_to(np.asarray(found, np.float64), count))
        except (ArithmeticError, ValueError, TypeError, BacklitError):
            pass
    table = [column.tolist() if isinstance(column, np.ndarray) else [column] * count
             for column in (columns[key] for key in keys)]  # fmt: skip
    found_by = {} if known is None else {tuple(recorded(key) for key in keys): known}
    values = []
    for row in zip(*table, strict=True) if keys else [()] * count:
        if row not in found_by:
            found_by[row] = value_of(node, dict(zip(keys, row, strict=True)).__getitem__)
        values.append(found_by[row])
    return np.array(values)


_SIMPLE = {"+", "*", "neg", "/", "^", "exp", "log", "ln", "tanh", "cosh", "sqrt"}
_VECTORS = SimpleNamespace(mpf=float, exp=np.exp, log=np.log, tanh=np.tanh, cosh=np.cosh, sqrt=np.sqrt, pi=np.pi)
"""The operations that NumPy does in all cases at once."""


def _heads(node: Node) -> Iterator[str]:
    if isinstance(node, Apply):
        yield node.head
        for arg in node.args:
            yield from _heads(arg)


def slopes_of(node: Node, number: Number) -> dict[Key, float]:
    """Give the derivative of a formula with respect to each number in it; empty where it has no value there."""
    found: dict[Key, float] = {}
    try:
        _add_slopes(node, number, 1.0, found)
    except (ArithmeticError, ValueError, LookupError, TypeError):
        return {}
    return found


def _add_slopes(node: Node, number: Number, factor: float, found: dict[Key, float]) -> None:
    """Add `factor` times a formula's derivatives."""
    if isinstance(node, Ref):
        if node.key is not None:
            found[node.key] = found.get(node.key, 0.0) + factor
    elif isinstance(node, Apply):
        if node.head == "cases":
            _add_slopes(_branch(node, number), number, factor, found)
        elif node.head in {"+", "neg"}:
            for arg in node.args:
                _add_slopes(arg, number, -factor if node.head == "neg" else factor, found)
        elif any(_has_number(arg) for arg in node.args):
            args = [_value(arg, number) for arg in node.args]
            for place, arg in enumerate(node.args):
                if _has_number(arg):
                    _add_slopes(arg, number, factor * _slope(node.head, args, place), found)


def _slope(head: str, args: list[float], place: int) -> float:
    """Give the derivative of an operation with respect to one of its operands."""
    if head == "*":
        return math.prod(args[:place] + args[place + 1 :])
    if head == "/":
        return 1.0 / args[1] if place == 0 else -args[0] / (args[1] * args[1])
    if head in digits.STEADY:
        return 0.0
    x = args[place]
    reach = STEP * max(abs(x), 1e-3)
    here = _applied(head, args)
    sides = [_applied(head, [*args[:place], x + step, *args[place + 1 :]]) for step in (-reach, reach)]
    left, right = (here if math.isnan(side) else side for side in sides)  # beside the end of a root's range
    width = reach * (2 - sum(map(math.isnan, sides)))
    return (right - left) / width if width else 0.0


def _applied(head: str, args: list[float]) -> float:
    try:
        return float(_OPERATIONS[head](*args))
    except (ArithmeticError, ValueError):
        return NAN


def _has_number(node: Node) -> bool:
    if isinstance(node, Apply):
        return any(_has_number(arg) for arg in node.args)
    return isinstance(node, Ref) and node.key is not None


def _power(base: float, exponent: float) -> float:
    try:
        return float(base**exponent)
    except OverflowError:
        return math.inf
    except TypeError:  # a root of a negative number is complex
        return NAN


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def _log(x: float) -> float:
    return math.log(x) if x else -math.inf


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": lambda *terms: sum(terms),
    "*": lambda *factors: math.prod(factors),
    "neg": lambda x: -x,
    "/": lambda x, y: x / y,
    "^": _power,
    "otherwise": lambda: True,
    "abs": abs,
    "max": lambda *x: max(x),
    "min": lambda *x: min(x),
    "sign": lambda x: float((x > 0) - (x < 0)),
    "ln": _log,
    "log": _log,
    "log10": math.log10,
    "log2": math.log2,
    "exp": _exp,
    "tan": math.tan,
    "tanh": math.tanh,
    "cosh": math.cosh,
    "sin": math.sin,
    "cos": math.cos,
    "sqrt": math.sqrt,
    "erf": math.erf,
    "[]": lambda x: 1.0 if x else 0.0,
    "and": lambda *x: all(x),
    ">": lambda x, y: x > y,
    "<": lambda x, y: x < y,
    "=": lambda x, y: x == y,
    "≤": lambda x, y: x <= y,
    "≥": lambda x, y: x >= y,
    "≠": lambda x, y: x != y,
    **digits.OPERATIONS,
}
"""What an operation does with numbers; functions of ops of one's own are not among them."""
