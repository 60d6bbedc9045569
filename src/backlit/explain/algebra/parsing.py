r"""Reads the ops' formula texts, LaTeX, into trees.

The subset: sums and products (a space, `\,` or `\cdot`), `\frac`, `\sqrt`, powers, `|x|`, functions, `\sum_k`, `cases`,
brackets `[k = j]` that are 1 or 0, and statements `x = ...` or `x \leftarrow ...` set apart by `, \quad`.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from backlit.errors import BacklitError
from backlit.explain.algebra.tree import (
    COMPARISONS,
    FUNCTIONS,
    Apply,
    Literal,
    Node,
    Symbol,
    call,
    neg,
    over,
    plus,
    power,
    times,
)

TOKEN = re.compile(
    r"\\(?:begin|end)\{cases\}|"
    r"\\(?:operatorname|mathrm|text)\{\w+\}|\\[A-Za-z]+|\\\\|\\[,;! ]|\d+(?:\.\d+)?|[A-Za-z]|\S"
)
SPACES = {r"\,", r"\;", r"\!", r"\ ", r"\left", r"\right", r"\quad"}
CLOSING = {")", "]", "}", "|", ",", "&", r"\\", r"\end{cases}", "+", "-"}
CONSTANTS = {"e", r"\pi"}
OTHERWISE = Apply("otherwise", ())


class Statement(NamedTuple):
    """A formula that gives a name to its value; the name is empty where it does not."""

    target: str
    value: Node


@functools.cache
def statements(text: str) -> tuple[Statement, ...]:
    r"""Read all statements of a formula.

    >>> [statement.target for statement in statements(r"v \leftarrow \mu v - \eta g, \quad w \leftarrow w + v")]
    ['v', 'w']
    """
    found = []
    for part in re.split(r",\s*\\quad\s*", text):
        given = re.match(r"([^\[=&]*?)\s*(?:\\leftarrow|=)\s*(.*)", part)
        if r"\in" in part.split():  # gives the set that a symbol lies in, not its value
            continue
        target, value = given.groups() if given else ("", part)
        found.append(Statement(_canonical(target), parse(value)))
    return tuple(found)


def _canonical(target: str) -> str:
    """Give the symbol as the parser writes it."""
    node = _Parser(target).factor() if target else None
    return node.symbol if isinstance(node, Symbol) else target


@functools.cache
def parse(text: str) -> Node:
    r"""Read one formula.

    Errors: a BacklitError that shows where the text is not understood.

    >>> from backlit.explain.algebra.printing import plain
    >>> plain(parse(r"\frac{1}{1 + e^{-z}}"))
    '1 / (1 + e^(-z))'
    """
    parser = _Parser(text)
    node = parser.expression()
    if parser.next:
        raise BacklitError(f"the formula {text!r} is not understood from {parser.next!r} on.")
    return node


class _Parser:
    """A recursive descent through the tokens of a formula."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = [token for token in TOKEN.findall(text) if token not in SPACES]
        self.place = 0

    @property
    def next(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.next
        if not token or (expected and token != expected):
            raise BacklitError(
                f"the formula {self.text!r} has {token or 'its end'!r} where {expected or 'more'!r} is expected."
            )
        self.place += 1
        return token

    def expression(self) -> Node:
        terms = [self.signed_term()]
        while self.next in {"+", "-"}:
            terms.append(self.signed_term())
        return plus(*terms)

    def signed_term(self) -> Node:
        if self.next == "-":
            self.take()
            return neg(self.term())
        if self.next == "+":
            self.take()
        return self.term()

    def term(self) -> Node:
        factors = [self.factor()]
        while self.next and self.next not in CLOSING and self.next not in COMPARISONS:
            if self.next == r"\cdot":
                self.take()
            factors.append(self.factor())
        return times(*factors)

    def factor(self) -> Node:
        base = self.base()
        if self.next == "^":
            self.take()
            if self.next in {"+", "-"} and isinstance(base, Symbol):
                return Symbol(f"{base.symbol}^{self.take()}")
            return power(base, self.group())
        return base

    def group(self) -> Node:
        """Read an expression in braces, or a single token."""
        if self.next != "{":
            return self.base()
        self.take("{")
        node = self.expression()
        self.take("}")
        return node

    def base(self) -> Node:
        token = self.take()
        if token in FUNCTIONS or token == r"\sum":
            return self.function(token)
        if token in {"(", "[", "|"}:
            return self.enclosed(token)
        if token in {r"\frac", r"\sqrt", r"\begin{cases}"}:
            return self.structure(token)
        if re.fullmatch(r"[\d.]+", token) or token in CONSTANTS:
            return Literal(token)
        if re.fullmatch(r"\\?[A-Za-z]+(\{\w+\})?", token):
            return self.symbol(token)
        raise BacklitError(f"the formula {self.text!r} has {token!r} where a value is expected.")

    def structure(self, token: str) -> Node:
        if token == r"\frac":
            return over(self.group(), self.group())
        return self.cases() if token == r"\begin{cases}" else call("sqrt", self.group())

    def enclosed(self, opening: str) -> Node:
        node = self.condition()
        self.take({"(": ")", "[": "]", "|": "|"}[opening])
        return {"(": node, "[": call("[]", node), "|": call("abs", node)}[opening]

    def condition(self) -> Node:
        """Read an expression, or a comparison of two or three."""
        if self.next == r"\text{otherwise}":
            self.take()
            return OTHERWISE
        left = self.expression()
        if self.next not in COMPARISONS:
            return left
        first = Apply(COMPARISONS[self.take()], (left, middle := self.expression()))
        if self.next not in COMPARISONS:
            return first
        return Apply("and", (first, Apply(COMPARISONS[self.take()], (middle, self.expression()))))

    def cases(self) -> Node:
        args: list[Node] = []
        while True:
            args.append(self.expression())
            self.take("&")
            args.append(self.condition())
            if self.take() == r"\end{cases}":
                return Apply("cases", tuple(args))

    def function(self, token: str) -> Node:
        if token == r"\sum":
            self.take("_")
            return Apply(f"sum:{self.take()}", (self.term(),))
        name = FUNCTIONS[token]
        if self.next == "_":
            self.take()
            return Apply(f"{name}:{self.raw_group()}", (self.factor(),))
        if self.next != "(":
            return call(name, self.factor())
        self.take()
        args = [self.expression()]
        while self.next == ",":
            self.take()
            args.append(self.expression())
        self.take(")")
        return call(name, *args)

    def symbol(self, token: str) -> Node:
        """Read a symbol with its hat, its subscript, or the ∂ before it."""
        if token == r"\hat":
            token = rf"\hat {self.raw_group()}"
        if token == r"\partial":
            inner = self.base()
            return Symbol(rf"\partial {inner.symbol if isinstance(inner, Symbol) else inner}")
        if self.next == "_":
            self.take()
            inside = self.raw_group()
            return Symbol(f"{token}_{inside}" if len(inside) == 1 else f"{token}_{{{inside}}}")
        return Symbol(token)

    def raw_group(self) -> str:
        """Give the text in braces, or a single token, as it is."""
        if self.next != "{":
            return self.take()
        self.take("{")
        inside, depth = "", 1
        while True:
            token = self.take()
            depth += {"{": 1, "}": -1}.get(token, 0)
            if not depth:
                return inside
            inside += token
