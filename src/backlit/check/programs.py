"""Formulas as lists of operations: worked out again and again on one learner's numbers after another's.

`evaluation.value_of` walks through a formula's tree each time. A program is made of it once, without recursion.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from backlit.check.evaluation import NAN, constant_of, operation_of
from backlit.explain.algebra.tree import Apply, Node, Ref
from backlit.explain.record.quantities import Key


class Program:
    """A formula as a list of operations.

    Args:
        node: the formula. index: gives the place of each number of the step in the list that `run` takes.

    Attributes:
        needs: the places of the numbers of the step that enter it, once each.

    >>> from backlit.explain.algebra.parsing import parse
    >>> Program(parse(r"2 + 3 \\cdot 4"), {}).run([]), Program(parse(r"\\log(-1)"), {}).run([])
    (14.0, nan)
    """

    def __init__(self, node: Node, index: Mapping[Key, int]) -> None:
        self._start: list[float] = []
        self._numbers: list[tuple[int, int]] = []
        self._steps: list[tuple[Callable[..., Any], tuple[int, ...]]] = []
        waiting: list[tuple[Node, bool]] = [(node, False)]
        done: list[int] = []
        made: list[tuple[Apply, tuple[int, ...]]] = []
        while waiting:
            here, visited = waiting.pop()
            if not isinstance(here, Apply):
                done.append(self._leaf(here, index))
            elif not visited:
                waiting.append((here, True))
                waiting += [(arg, False) for arg in here.args[::-1]]
            else:
                places = tuple(done[len(done) - len(here.args) :])
                del done[len(done) - len(here.args) :]
                done.append(~len(made))
                made.append((here, places))
        leaves = len(self._start)
        self._steps = [(_safe(node.head), tuple(self._at(place, leaves) for place in places)) for node, places in made]
        self._result = self._at(done[0], leaves)
        self.needs = tuple(dict.fromkeys(number for _, number in self._numbers))

    @staticmethod
    def _at(place: int, leaves: int) -> int:
        """Give where a number is: first all leaves, then the results of the operations."""
        return place if place >= 0 else leaves + ~place

    def _leaf(self, leaf: Node, index: Mapping[Key, int]) -> int:
        if isinstance(leaf, Ref):
            if leaf.key is not None:
                self._numbers.append((len(self._start), index[leaf.key]))
            self._start.append(leaf.value)
        else:
            assert not isinstance(leaf, Apply)
            self._start.append(constant_of(leaf.symbol))
        return len(self._start) - 1

    def run(self, numbers: Sequence[float]) -> float:
        """Work the formula out on some numbers; NaN where it has no value."""
        values: list[Any] = self._start.copy()
        for place, number in self._numbers:
            values[place] = numbers[number]
        for operation, places in self._steps:
            values.append(operation(*[values[place] for place in places]))
        value = values[self._result]
        return float(value) if isinstance(value, (float, int)) else NAN


@functools.cache
def _safe(head: str) -> Callable[..., Any]:
    """Give an operation that has the value NaN where it has none; all cases are worked out before one is chosen."""
    if head == "cases":
        return _chosen
    operation = operation_of(head)
    if operation is None:
        return lambda *_: NAN
    if head in {"+", "*", "neg"}:
        return operation

    def safe(*args: Any) -> Any:
        try:
            return operation(*args)
        except (ArithmeticError, ValueError):
            return NAN

    return safe


def _chosen(*args: Any) -> Any:
    for value, condition in zip(args[::2], args[1::2], strict=True):
        if condition:
            return value
    return args[-2]
