r"""Formulas as trees, each printed as symbols and as numbers, in LaTeX and in plain text.

A leaf that names a quantity (`Ref`) knows its symbol and its number, so the two lines of a worked example, the formula
and the formula with numbers, are one tree printed twice:

>>> from backlit.explain.algebra.printing import latex, plain
>>> w, x = Ref("w(i1,h1)", r"w_{i_1 h_1}", 0.15), Ref("i1", "i_1", 0.05)
>>> product = times(w, x)
>>> latex(product), plain(product), plain(product, 9)
('w_{i_1 h_1} \\cdot i_1', 'w(i1,h1) · i1', '0.15 · 0.05')
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from backlit.errors import BacklitError

LONGEST_SUM = 9
"""A sum of more terms is shortened to its first ones, how many are left out, and the total."""
FIRST_TERMS = 3


class Ref(msgspec.Struct, frozen=True):
    """A quantity of the step: its name, its symbol in LaTeX, its number.

    `key` says where the step has it; None of settings and counts, which no record is about.
    """

    name: str
    symbol: str
    value: float
    key: Any = None


class Literal(msgspec.Struct, frozen=True):
    """A number or a constant that a formula states: 1, 1.05, e, π."""

    symbol: str


class Symbol(msgspec.Struct, frozen=True):
    """A symbol of a formula text, before a quantity takes its place."""

    symbol: str


class Apply(msgspec.Struct, frozen=True):
    """An operation on other trees: `head` is +, neg, *, /, ^, a comparison, "cases", "sum:k" or a function's name."""

    head: str
    args: tuple[Node, ...]


Node = Ref | Literal | Symbol | Apply

COMPARISONS = {">": ">", "<": "<", r"\le": "≤", r"\leq": "≤", r"\ge": "≥", r"\geq": "≥", "=": "=", r"\neq": "≠"}
FUNCTIONS = {
    r"\tanh": "tanh", r"\cosh": "cosh", r"\log": "log", r"\ln": "ln", r"\exp": "exp", r"\max": "max", r"\min": "min",
    r"\operatorname{erf}": "erf", r"\operatorname{sign}": "sign",
}  # fmt: skip

OWN = "own "
"""Begins the head of a function that is known by its name alone: an op of one's own."""

# -------------------------------------------------------------------------------------------------------------- making


def plus(*terms: Node) -> Node:
    """Give a sum; of one term, the term."""
    return terms[0] if len(terms) == 1 else Apply("+", terms)


def neg(term: Node) -> Node:
    """Give minus a term."""
    return Apply("neg", (term,))


def times(*factors: Node) -> Node:
    """Give a product; of one factor, the factor."""
    return factors[0] if len(factors) == 1 else Apply("*", factors)


def over(upper: Node, lower: Node) -> Node:
    """Give a quotient."""
    return Apply("/", (upper, lower))


def power(base: Node, exponent: Node) -> Node:
    """Give a power."""
    return Apply("^", (base, exponent))


def square(base: Node) -> Node:
    """Give a square."""
    return power(base, Literal("2"))


def call(name: str, *args: Node) -> Node:
    """Give a function of trees."""
    return Apply(name, args)


# ------------------------------------------------------------------------------------------------------------- walking


def replace(node: Node, put: Callable[[Symbol], Node]) -> Node:
    """Put a tree in the place of every symbol."""
    if isinstance(node, Symbol):
        return put(node)
    if isinstance(node, Apply):
        return Apply(node.head, tuple(replace(arg, put) for arg in node.args))
    return node


def expand(node: Node, sizes: Mapping[str, int], put: Callable[..., Node], at: Mapping[str, int]) -> Node:
    """Write out sums and products over indices: `put("w", 0, 1)` gives what w_{ij} stands for at i = 0, j = 1.

    `sizes` says how far each index runs, `at` where the free ones stand.
    """
    if isinstance(node, Symbol):
        base, _, index = node.symbol.partition("_")
        places = [at[letter] for letter in index.strip("{}") if letter in at]
        return put(base, *places) if places else put(node.symbol)
    if not isinstance(node, Apply):
        return node
    kind, _, index = node.head.partition(":")
    if index:
        index, _, without = index.partition(r"\neq")
        places = [k for k in range(sizes[index]) if not without or k != at[without]]
        terms = [expand(node.args[0], sizes, put, {**at, index: k}) for k in places]
        return plus(*terms) if kind == "sum" else call(kind, *terms)
    if kind == "[]" and isinstance(node.args[0], Apply):
        sides = [arg.symbol for arg in node.args[0].args if isinstance(arg, Symbol)]
        if len(sides) == 2 and all(side in at for side in sides):
            return Literal(str(int(at[sides[0]] == at[sides[1]])))
    return Apply(node.head, tuple(expand(arg, sizes, put, at) for arg in node.args))


def refs(node: Node) -> Iterator[Ref]:
    """Give the quantities of a tree, from left to right."""
    waiting: list[Node] = [node]
    while waiting:  # without recursion, which takes three times as long
        here = waiting.pop()
        if isinstance(here, Ref):
            yield here
        elif isinstance(here, Apply):
            waiting += here.args[::-1]


def shown_refs(node: Node) -> Iterator[Ref]:
    """Give the quantities that are left where long sums are shortened."""
    if isinstance(node, Ref):
        yield node
    elif isinstance(node, Apply):
        for arg in node.args[:FIRST_TERMS] if is_long(node) else node.args:
            yield from shown_refs(arg)


def is_long(node: Apply) -> bool:
    """Tell whether a sum is shortened."""
    return node.head == "+" and len(node.args) > LONGEST_SUM


def evaluate(node: Node, maths: Any, number: Callable[[Ref], Any] | None = None) -> Any:
    """Give the number of a tree in the arithmetic of `maths`: a module or object with `mpf`, `exp`, `log`, `tanh` ...

    `number` gives the numbers of the quantities where these are not the step's own.

    Errors: a BacklitError for a symbol that has no number.
    """
    if isinstance(node, Ref):
        return maths.mpf(node.value) if number is None else number(node)
    if isinstance(node, Literal):
        if node.symbol == "e":
            return maths.exp(maths.mpf(1))
        return maths.mpf(maths.pi) if node.symbol == r"\pi" else maths.mpf(node.symbol)
    if isinstance(node, Symbol):
        raise BacklitError(f"the symbol {node.symbol!r} of a formula has no number.")
    if node.head == "cases":
        return evaluate(branch_of(node, maths, number), maths, number)
    return _operation(node.head)(maths, *(evaluate(arg, maths, number) for arg in node.args))


def branch_of(node: Apply, maths: Any, number: Callable[[Ref], Any] | None = None) -> Node:
    """Give the case whose condition holds."""
    for value, condition in zip(node.args[::2], node.args[1::2], strict=True):
        if evaluate(condition, maths, number):
            return value
    return node.args[-2]


def choose_cases(node: Node, maths: Any) -> Node:
    """Put the case that holds in the place of all cases."""
    if not isinstance(node, Apply):
        return node
    if node.head == "cases":
        return choose_cases(branch_of(node, maths), maths)
    return Apply(node.head, tuple(choose_cases(arg, maths) for arg in node.args))


def _sum(maths: Any, *terms: Any) -> Any:
    return sum(terms, start=maths.mpf(0))


def _product(maths: Any, *factors: Any) -> Any:
    total = maths.mpf(1)
    for factor in factors:
        total = total * factor
    return total


OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "+": _sum, "*": _product,
    "neg": lambda _, x: -x,
    "/": lambda _, x, y: x / y,
    "^": lambda _, x, y: x**y,
    "otherwise": lambda _: True,
    "abs": lambda _, x: abs(x),
    "max": lambda _, *x: max(x),
    "min": lambda _, *x: min(x),
    "sign": lambda m, x: m.mpf((x > 0) - (x < 0)),
    "ln": lambda m, x: m.log(x),
    "[]": lambda m, x: m.mpf(1 if x else 0),
    "and": lambda _, *x: all(x),
    ">": lambda _, x, y: x > y, "<": lambda _, x, y: x < y, "=": lambda _, x, y: x == y,
    "≤": lambda _, x, y: x <= y, "≥": lambda _, x, y: x >= y, "≠": lambda _, x, y: x != y,
}  # fmt: skip
"""What an operation does with numbers, the first argument being the `maths` of `evaluate`; others are its functions."""


def _operation(head: str) -> Callable[..., Any]:
    return OPERATIONS.get(head) or (lambda m, *x: getattr(m, head)(*x))
