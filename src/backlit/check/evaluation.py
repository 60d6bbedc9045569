"""Formulas of the worked example evaluated on other numbers: their values, and how these change with the numbers."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from backlit.check import digits
from backlit.explain.algebra.tree import OPERATIONS, Apply, Node, Ref
from backlit.explain.record.quantities import Key

Operations = Mapping[str, Callable[..., Any]]
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
        return float(_value(node, number, _OPERATIONS))
    except (ArithmeticError, ValueError, LookupError):
        return NAN


def values_of(node: Node, number: Callable[[Key], Any]) -> Any:
    """Give a formula's values where numbers are arrays; NaN where it has none, of slips of the pen too.

    Up to float64's rounding they are what `value_of` gives one by one.
    """
    try:
        with np.errstate(all="ignore"):
            return _value(node, number, _ON_ARRAYS)
    except (ArithmeticError, ValueError, LookupError, TypeError):
        return NAN


def _value(node: Node, number: Callable[[Key], Any], operations: Operations) -> Any:
    if isinstance(node, Ref):
        return node.value if node.key is None else number(node.key)
    if isinstance(node, Apply):
        if node.head == "cases":
            return _of_cases(node, number, operations)
        return operations[node.head](*[_value(arg, number, operations) for arg in node.args])
    return _constant(node.symbol)


def _of_cases(node: Apply, number: Callable[[Key], Any], operations: Operations) -> Any:
    if operations is _OPERATIONS:
        return _value(_branch(node, number), number, _OPERATIONS)
    chosen = _value(node.args[-2], number, operations)
    for value, condition in reversed([*zip(node.args[::2], node.args[1::2], strict=True)]):
        chosen = np.where(_value(condition, number, operations), _value(value, number, operations), chosen)
    return chosen


def _constant(symbol: str) -> float:
    """Give the value of a constant."""
    return math.e if symbol == "e" else math.pi if symbol == r"\pi" else float(symbol)


def _branch(node: Apply, number: Number) -> Node:
    """Give the case whose condition holds."""
    for value, condition in zip(node.args[::2], node.args[1::2], strict=True):
        if _value(condition, number, _OPERATIONS):
            return value
    return node.args[-2]


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
            args = [_value(arg, number, _OPERATIONS) for arg in node.args]
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


_MATHS = SimpleNamespace(
    mpf=float, log=_log, log10=math.log10, log2=math.log2, exp=_exp, tan=math.tan, tanh=math.tanh, cosh=math.cosh,
    sin=math.sin, cos=math.cos, sqrt=math.sqrt, erf=math.erf,
)  # fmt: skip

_OPERATIONS: Operations = {
    **{head: functools.partial(does, _MATHS) for head, does in OPERATIONS.items()},
    **{name: does for name, does in vars(_MATHS).items() if name != "mpf"},
    "^": _power,
    **digits.OPERATIONS,
}
"""What an operation does with numbers; functions of ops of one's own are not among them."""

_ARRAY_MATHS = SimpleNamespace(
    mpf=float, log=np.log, log10=np.log10, log2=np.log2, exp=np.exp, tan=np.tan, tanh=np.tanh, cosh=np.cosh,
    sin=np.sin, cos=np.cos, sqrt=np.sqrt, erf=np.vectorize(math.erf, otypes=[float]),
)  # fmt: skip

_ON_ARRAYS: Operations = {
    **{head: functools.partial(does, _ARRAY_MATHS) for head, does in OPERATIONS.items()},
    **{name: does for name, does in vars(_ARRAY_MATHS).items() if name != "mpf"},
    "/": np.divide,
    "^": lambda base, exponent: np.power(np.asarray(base, np.float64), exponent),
    "max": lambda *x: functools.reduce(np.maximum, x),
    "min": lambda *x: functools.reduce(np.minimum, x),
    "sign": np.sign,
    "[]": lambda x: np.where(x, 1.0, 0.0),
    "and": lambda *x: functools.reduce(np.logical_and, x),
}
"""The same with arrays of numbers."""
