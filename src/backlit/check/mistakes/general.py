"""What can be done to any formula: a term or a factor left out, a sign turned, a neighbour's number, rounding.

These say what was done but not which belief is behind it, so they count only where no other mistake fits.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from backlit.check.catalogue import mistake
from backlit.check.digits import rounded_node, to_digits
from backlit.check.evaluation import value_of
from backlit.check.patterns import negated
from backlit.check.site import Changed, Site, mapped, parts, swapped, without
from backlit.explain.algebra.printing import plain
from backlit.explain.algebra.tree import Apply, Literal, Node, Ref, over, refs, square, times
from backlit.explain.record.quantities import Key

LONGEST = 64
"""Sums and products of more parts are left alone: too many of their parts would give any number."""
NEIGHBOURS = 16
"""So many numbers of the same kind are tried in the place of one, those nearest first."""
SAME = 1e-12
"""What rounding moves by a smaller part of it, it does not move: 0.15 as the sum of floats."""
MOST_DIGITS = 5
"""Rounding to more digits is none that is seen."""


def _short(node: Apply) -> bool:
    return 1 < len(node.args) <= LONGEST


def _flat(node: Node) -> Node:
    """Give a formula with the terms of sums within sums side by side: net is one sum of products and the bias."""
    if not isinstance(node, Apply):
        return node
    args = tuple(map(_flat, node.args))
    if node.head != "+":
        return Apply(node.head, args)
    terms: list[Node] = []
    for arg in args:
        terms += arg.args if isinstance(arg, Apply) and arg.head == "+" else (arg,)
    return Apply("+", tuple(terms))


def _of(node: Node, *heads: str) -> Iterator[Apply]:
    """Give the operations of a formula with these heads, each once."""
    seen: set[int] = set()
    for part in parts(node):
        if part.head in heads and id(part) not in seen:
            seen.add(id(part))
            yield part


def _is_constant(node: Node) -> bool:
    return isinstance(node, Literal) or (isinstance(node, Ref) and node.key is None)


def _sum_like(node: Node) -> bool:
    return isinstance(node, Apply) and node.head == "+"


@mistake(
    "term-left-out", roles=(), general=True, title="a term of a sum is left out",
    why="Every term of the sum has its part in the result, so none can be left out.", example=("sgd-step", "net(o1)"),
)  # fmt: skip
def term_left_out(site: Site) -> Iterator[Changed]:
    """Leave each term of each sum out, and all but one of longer sums."""
    node = _flat(site.node)
    for part in _of(node, "+"):
        if _short(part):
            for place, term in enumerate(part.args):
                yield Changed(swapped(node, part, without(part, "+", place)), f"without {plain(term)}")
            if len(part.args) > 2:
                for term in part.args:
                    yield Changed(swapped(node, part, term), f"only {plain(term)}")


@mistake(
    "factor-left-out", roles=(), general=True, title="a factor is left out",
    why="Every factor of the product counts, so none can be left out.", example=("sgd-step", "dE/dw(i1,o1)"),
)  # fmt: skip
def factor_left_out(site: Site) -> Iterator[Changed]:
    """Leave each factor out that is no constant, and each divisor."""
    for part in _of(site.node, "*"):
        if _short(part):
            for place, factor in enumerate(part.args):
                if not _is_constant(factor):
                    yield Changed(swapped(site.node, part, without(part, "*", place)), f"without {plain(factor)}")
    for part in _of(site.node, "/"):
        if not _is_constant(part.args[1]):
            yield Changed(swapped(site.node, part, part.args[0]), f"not divided by {plain(part.args[1])}")


@mistake(
    "constant-left-out", roles=(), general=True, title="a constant factor is left out",
    why="The constant belongs to the formula: without it the result is so many times too large, or too small.",
    example=("sgd-step", "E(o1)"),
)  # fmt: skip
def constant_left_out(site: Site) -> Iterator[Changed]:
    """Leave each constant factor and divisor out."""
    for part in _of(site.node, "*"):
        if _short(part):
            for place, factor in enumerate(part.args):
                if _is_constant(factor):
                    yield Changed(swapped(site.node, part, without(part, "*", place)), f"without {plain(factor)}")
    for part in _of(site.node, "/"):
        upper, lower = part.args
        if _is_constant(lower):
            yield Changed(swapped(site.node, part, upper), f"not divided by {plain(lower)}")
        if _is_constant(upper) and upper != Literal("1"):
            yield Changed(swapped(site.node, part, over(Literal("1"), lower)), f"without {plain(upper)}")


@mistake(
    "sign-of-a-term", roles=(), general=True, title="a term has the wrong sign",
    why="Each term of the sum has the sign that the formula gives it, and a minus before a bracket turns all in it.",
    example=("sgd-step", "net(o1)"),
)  # fmt: skip
def sign_of_a_term(site: Site) -> Iterator[Changed]:
    """Turn the sign of each term of each sum, and leave each minus out that stands within a formula."""
    node = _flat(site.node)
    terms: set[int] = {id(node)}
    for part in _of(node, "+"):
        terms.update(map(id, part.args))
        if _short(part):
            for place, term in enumerate(part.args):
                turned = Apply("+", (*part.args[:place], negated(term), *part.args[place + 1 :]))
                yield Changed(swapped(node, part, turned), f"that of {plain(term)}")
    for part in _of(node, "neg"):
        if id(part) not in terms:
            yield Changed(swapped(node, part, part.args[0]), f"that of {plain(part)}")


@mistake(
    "power-left-out", roles=(), general=True, title="a square, a root or a size is left out",
    why="The formula takes a function of this number, such as its square, its root or its size, not the number itself.",
    example=("sgd-step", "E(o1)"),
)  # fmt: skip
def square_left_out(site: Site) -> Iterator[Changed]:
    """Leave each power, root, size, sign and other function of one number out."""
    for part in _of(site.node, "^", "sqrt", "abs", "sign", "tanh", "exp", "log", "ln", "erf", "cosh"):
        if part.head == "^" and part.args[0] == Literal("e"):
            continue
        yield Changed(swapped(site.node, part, part.args[0]), f"{plain(part.args[0])} for {plain(part)}")


@mistake(
    "factor-doubled", roles=(), general=True, title="a factor is multiplied in twice",
    why="Every factor of the product counts once.", example=("sgd-step", "dE/dw(i1,o1)"),
)  # fmt: skip
def factor_doubled(site: Site) -> Iterator[Changed]:
    """Square each factor."""
    for part in _of(site.node, "*"):
        if _short(part):
            for place, factor in enumerate(part.args):
                twice = Apply("*", (*part.args[:place], square(factor), *part.args[place + 1 :]))
                yield Changed(swapped(site.node, part, twice), f"{plain(factor)} twice")
    for part in _of(site.node, "/"):
        upper, lower = part.args
        yield Changed(swapped(site.node, part, over(upper, square(lower))), f"divided by {plain(lower)} twice")


@mistake(
    "division-for-multiplication", roles=(), general=True,
    title="multiplication and division are mixed up",
    why="The formula multiplies where this divides, or the other way round.", example=("sgd-step", "dE/dw(i1,o1)"),
)  # fmt: skip
def division_for_multiplication(site: Site) -> Iterator[Changed]:
    """Divide by each factor but the first, and multiply by each divisor."""
    for part in _of(site.node, "*"):
        if _short(part):
            for place, factor in enumerate(part.args):
                rest = without(part, "*", place)
                if rest != Literal("1"):
                    yield Changed(swapped(site.node, part, over(rest, factor)), f"divided by {plain(factor)}")
    for part in _of(site.node, "/"):
        upper, lower = part.args
        yield Changed(swapped(site.node, part, times(upper, lower)), f"multiplied by {plain(lower)}")
        if upper != Literal("1"):
            yield Changed(swapped(site.node, part, over(lower, upper)), "turned over")


@mistake(
    "product-for-sum", roles=(), general=True, title="multiplication and addition are mixed up",
    why="The formula multiplies where this adds, or the other way round.", example=("sgd-step", "dE/dw(i1,o1)"),
)  # fmt: skip
def product_for_sum(site: Site) -> Iterator[Changed]:
    """Add the factors of each product, and multiply the terms of each sum of two."""
    for part in _of(site.node, "*"):
        if _short(part):
            yield Changed(swapped(site.node, part, Apply("+", part.args)), f"{plain(part)} added")
    for part in _of(site.node, "+"):
        if len(part.args) == 2:
            yield Changed(swapped(site.node, part, Apply("*", part.args)), f"{plain(part)} multiplied")


@mistake(
    "bracket-left-out", roles=(), general=True,
    title="a factor, or divisor, of a whole bracket is applied to one of its terms alone",
    why="A factor before a bracket multiplies every term in it, and a divisor divides every one.",
    example=("sgd-step", "dout/dnet(o1)"),
)  # fmt: skip
def bracket_left_out(site: Site) -> Iterator[Changed]:
    """Multiply one end of a sum alone: a (b + c) as a b + c; divide the last term alone: (a + b) / c as a + b / c."""
    for part in _of(site.node, "*"):
        if 1 < len(part.args) <= LONGEST and _sum_like(part.args[-1]):
            *before, bracket = part.args
            assert isinstance(bracket, Apply)
            first = times(*before, bracket.args[0])
            yield Changed(swapped(site.node, part, Apply("+", (first, *bracket.args[1:]))), f"of {plain(part)}")
    for part in _of(site.node, "/"):
        upper, lower = part.args
        if _sum_like(upper):
            assert isinstance(upper, Apply)
            last = over(upper.args[-1], lower)
            yield Changed(swapped(site.node, part, Apply("+", (*upper.args[:-1], last))), f"of {plain(part)}")
        if _sum_like(lower):
            assert isinstance(lower, Apply)
            first = over(upper, lower.args[0])
            yield Changed(swapped(site.node, part, Apply("+", (first, *lower.args[1:]))), f"of {plain(part)}")


@mistake(
    "neighbour", roles=(), general=True, title="a neighbouring number is taken in place of the right one",
    why="The formula is about this very unit, connection and row, so the number of another one does not belong in it.",
    example=("sgd-step", "net(o1)"),
)  # fmt: skip
def neighbour(site: Site) -> Iterator[Changed]:
    """Put other numbers of the same quantity in the place of each operand: the nearest ones."""
    for key in site.operands[:LONGEST]:
        for other in itertools.islice(_near(site, key), NEIGHBOURS):
            yield Changed(site.with_key(key, other), f"with {site.graph.name(other)} for {site.graph.name(key)}")


def _near(site: Site, key: Key) -> Iterator[Key]:
    """Give the other numbers of a quantity: those that differ in one of unit, source and row, nearest first."""
    quantity, at = key
    sizes = len(quantity.rows) or 1, len(quantity.sources) or 1, len(quantity.units)
    reach = max(sizes)
    for distance in range(1, reach):
        for axis in (2, 1, 0):
            for step in (distance, -distance):
                place = at[axis] + step
                if 0 <= place < sizes[axis]:
                    moved = [*at]
                    moved[axis] = place
                    yield Key(quantity, type(at)(*moved))
    if at.source != at.unit and at.source < sizes[2] and at.unit < sizes[1]:
        yield Key(quantity, type(at)(at.row, at.unit, at.source))


# ------------------------------------------------------------------------------------------------------------- rounding


@mistake(
    "rounded-too-early", roles=(), general=True, harmless=True, title="numbers on the way were rounded to fewer digits",
    why="Each rounding on the way adds to that of the result: keep two digits more than the result is to have.",
    example=("sgd-step", "dE/dw(i1,o1)"),
)  # fmt: skip
def rounded_too_early(site: Site) -> Iterator[Changed]:
    """Round all operands, one operand, or all products on the way, to some decimals or significant figures."""
    numbers = {node: site.number(node.key) for node in refs(site.node) if node.key is not None}
    products = _products(site)
    for digits in range(MOST_DIGITS, 1, -1):
        for figures in (False, True):
            said = f"{digits} {'figures' if figures else 'decimals'}"
            moved = _moved(numbers, digits, figures)
            choices = [(moved, f"all to {said}")] if moved else []
            choices += [([node], f"{plain(node)} to {said}") for node in moved if len(numbers) > 1]
            between = _moved(products, digits, figures)
            choices += [(between, f"what is added up to {said}")] if between else []
            for chosen, detail in choices:
                yield Changed(_rounded(site.node, chosen, digits, figures), detail)


def _moved(numbers: Mapping[Any, float], digits: int, figures: bool) -> list[Node]:
    """Give those of some parts of a formula that rounding changes."""

    def moves(number: float) -> bool:
        result = to_digits(number, digits, figures=figures)
        return math.isfinite(result) and not math.isclose(number, result, rel_tol=SAME)

    return [node for node, number in numbers.items() if moves(number)][:LONGEST]


def _products(site: Site) -> dict[Node, float]:
    """Give the products and quotients that a formula adds up, and what its functions are of."""
    found: dict[Node, float] = {}
    for part in parts(site.node):
        if part.head in {"+", "/", "exp", "tanh", "^"} and len(part.args) <= LONGEST:
            for arg in part.args:
                inside = arg.args[0] if isinstance(arg, Apply) and arg.head == "neg" else arg
                if isinstance(inside, Apply) and inside.head != "+":
                    found[inside] = value_of(inside, site.number)
    return found


def _rounded(node: Node, chosen: Collection[Node], digits: int, figures: bool) -> Node:
    return mapped(node, lambda found: rounded_node(found, digits, figures=figures) if found in chosen else None)
