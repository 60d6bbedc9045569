"""The numbers of formulas that layers give as data, by their definitions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from backlit.ops.equations import Activated, Applied, Constant, Count, Element

HEADS: dict[str, Callable[[list[Any]], Any]] = {
    "+": math.fsum,
    "*": math.prod,
    "neg": lambda terms: -terms[0],
    "/": lambda terms: terms[0] / terms[1],
    "^": lambda terms: terms[0] ** terms[1],
    "max": max,
    "tanh": lambda terms: math.tanh(terms[0]),
    "sigmoid": lambda terms: 1.0 / (1.0 + math.exp(-terms[0])),
}


def evaluated(formula: Any, value: Callable[[Element], Any]) -> Any:
    """Give the number of a formula, of which `value` gives those of the elements."""
    match formula:
        case Element():
            return value(formula)
        case Constant(text):
            return float(text)
        case Count(_, number):
            return number
        case Activated(activation, z, None):
            return float(activation.value(evaluated(z, value)))
        case Activated(activation, z, output):
            return float(activation.slope(evaluated(output if activation.in_place else z, value)))
        case Applied(head, terms):
            return HEADS[head]([evaluated(term, value) for term in terms])
    raise AssertionError(formula)
