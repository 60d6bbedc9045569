"""What the formulas of a step are made of: the terms of a sum, a weight in its product, an activation and its slope.

The entries of the catalogue read formulas with these; each gives nothing where a formula has another shape.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from backlit.check.evaluation import recorded, value_of
from backlit.check.graph import operands
from backlit.check.patterns import negated
from backlit.check.site import Changed, Site, mapped
from backlit.explain.algebra.parsing import statements
from backlit.explain.algebra.tree import Apply, Literal, Node, Ref, neg, plus, refs, times
from backlit.explain.context import fill
from backlit.explain.record.quantities import Key, Place, Quantity
from backlit.explain.stages.activation import ActivationStage
from backlit.explain.stages.base import ParameterQuantity, Stage
from backlit.explain.stages.own_formula import is_own
from backlit.ops.base import Activation, Op
from backlit.ops.registry import activations

FEW = 36
"""In a matrix of so many weights every edge beside another one is tried; in a larger one only those next to it."""
LONGEST = 64
"""In a longer sum the terms are not tried one by one."""
MANY = 12
"""So many units of a layer are tried one by one."""
SAME = 1e-12


class Term(NamedTuple):
    """A product of a sum: a weight, or a slope, times another number; `node` is the product itself."""

    node: Node
    key: Key
    other: Node


def terms_of(node: Node) -> tuple[Node, ...]:
    """Give the terms of a sum, sums within it flat; of anything else, itself."""
    if isinstance(node, Apply) and node.head == "+":
        return tuple(term for arg in node.args for term in terms_of(arg))
    return (node,)


def products(site: Site, *roles: str) -> list[Term]:
    """Give the terms of the formula that are a number of these roles times something else."""
    found = []
    for term in terms_of(site.node):
        if isinstance(term, Apply) and term.head == "*" and len(term.args) == 2:
            for one, other in (term.args, term.args[::-1]):
                if isinstance(one, Ref) and one.key is not None and site.role_of(one.key) in roles:
                    found.append(Term(term, one.key, other))
                    break
    return found


def biases(site: Site) -> list[Key]:
    """Give the parameters that stand alone in a sum, which are its biases."""
    return [term.key for term in terms_of(site.node)
            if isinstance(term, Ref) and term.key is not None and site.role_of(term.key) == "weight"]  # fmt: skip


def is_net(site: Site) -> bool:
    """Tell whether a number is a weighted sum, of a recurrent layer too."""
    return site.role == "sum" or (site.role == "forward" and site.quantity.kind.rstrip("0123456789") == "net")


def with_keys(site: Site, new: Mapping[Key, Key | Node]) -> Node:
    """Give the formula with other numbers, or formulas, in the place of some."""
    put = {key: site.ref(to) if isinstance(to, Key) else to for key, to in new.items() if to != key}
    return mapped(site.node, lambda node: put.get(node.key) if isinstance(node, Ref) and node.key is not None else None)


def text_formula(text: str, known: Mapping[str, Node], op: Op | None = None) -> Node:
    """Give an op's formula text as a tree, with numbers for its symbols, and the settings of `op`."""
    node = statements(text)[0].value
    return fill(node, op if op is not None else activations["identity"](), dict(known))


def turned(node: Node) -> Node:
    """Give minus a formula as a person writes it: of a - b, b - a."""
    if isinstance(node, Apply) and node.head == "*":
        return times(*node.args[:-1], turned(node.args[-1]))
    if isinstance(node, Apply) and node.head == "+" and len(node.args) == 2:
        one, other = node.args
        if isinstance(other, Apply) and other.head == "neg":
            return plus(other.args[0], neg(one))
    return negated(node)


def changed(site: Site, node: Node, detail: str = "") -> Iterator[Changed]:
    """Give a changed formula, if it is another one with another number: a step may have numbers that agree."""
    if node == site.node:
        return
    values = [value_of(formula, recorded) for formula in (node, site.node)]
    one, other = values
    if math.isfinite(one) and math.isfinite(other) and abs(one - other) <= SAME * max(abs(one), abs(other)):
        return
    yield Changed(node, detail)


# ---------------------------------------------------------------------------------------------------------- the weights


def is_matrix(quantity: Quantity) -> bool:
    """Tell whether a parameter is a matrix from units to units, as of a dense layer."""
    if not (isinstance(quantity, ParameterQuantity) and quantity.sources):
        return False
    last = Place(0, len(quantity.sources) - 1, len(quantity.units) - 1)
    return all(quantity.index(at) == (at.source, at.unit) for at in (last, Place(0, 0, last.unit)))


def transposed(weight: Key) -> Key:
    """Give the weight that stands in a matrix's place where it is read by columns: w(j,i) of a square one."""
    quantity, at = weight
    if not is_matrix(quantity):
        return weight
    source, unit = divmod(at.unit * len(quantity.sources) + at.source, len(quantity.units))
    return Key(quantity, Place(0, source, unit))


def beside(site: Site, weight: Key) -> Iterator[Key]:
    """Give the weights of the same unit, and of the same source; of a large matrix only the nearest."""
    quantity, at = weight
    near = len(quantity.units) * (len(quantity.sources) or 1) > FEW
    for other in site.others(weight):
        steps = abs(other.place.unit - at.unit), abs(other.place.source - at.source)
        if 0 in steps and (not near or sum(steps) == 1):
            yield other


def other_edges(site: Site, terms: Sequence[Term], *turned: Node) -> Iterator[Changed]:
    """Give the formula with another edge's weight in one term; not where all weights turned round give the same."""
    if len(terms) > LONGEST:
        return
    all_turned = (*turned, with_keys(site, {term.key: transposed(term.key) for term in terms}))
    for term in terms:
        for other in beside(site, term.key):
            yield from (found for found in in_place_of(site, term.key, other) if found.node not in all_turned)


def in_place_of(site: Site, old: Key, new: Key) -> Iterator[Changed]:
    """Give the formula with another number in a number's place."""
    yield from changed(site, site.with_key(old, new), f"with {site.graph.name(new)} in place of {site.graph.name(old)}")


# ----------------------------------------------------------------------------------------------- activations and slopes


class Activated(NamedTuple):
    """An activation in a formula: the op, and the numbers of its input and output."""

    op: Activation
    net: Key
    out: Key


def activation_of_units(site: Site) -> ActivationStage | None:
    """Give the activation of the units that a dE/dout is of."""
    for stage in site.step.contents.stages:
        if isinstance(stage, ActivationStage) and tuple(stage.units) == site.quantity.units:
            return stage
    return None


class SlopePart(NamedTuple):
    """The slope of an activation in a formula: what it is of, its tree, and how the formula is with another one."""

    of: Activated
    node: Node
    put: Callable[[Node], Node]


def activation_at(site: Site) -> Activated | None:
    """Give the activation of an output, of a recurrent layer too; None of other numbers."""
    stage, net = site.activation, site.net()
    if site.role == "output" and stage is not None and net is not None:
        return Activated(stage.op, net, site.key)
    if site.role == "forward" and len(site.operands) == 1:
        return _recognised(site, site.key)
    return None


def _recognised(site: Site, out: Key) -> Activated | None:
    """Tell an activation by its formula: an output inside a layer's equations has no stage of its own."""
    formula = site.graph.formula(out)
    inside = operands(formula) if formula is not None else ()
    if len(inside) != 1 or not inside[0].quantity.kind.startswith("net") or isinstance(formula, Ref):
        return None
    known = {"z": site.ref(inside[0])}
    for cls in elementwise():
        op = cls()
        if formula == text_formula(op.formula, known, op):
            return Activated(op, inside[0], out)
    return None


def slope_at(site: Site) -> SlopePart | None:
    """Give the slope of an element-wise activation: the number dout/dnet itself, or that inside of dE/dnet."""
    stage, net, out = site.activation, site.net(), site.out()
    if site.role == "local slope":
        if stage is None or net is None or out is None or site.quantity.sources:
            return None
        if not site.quantity.kind.startswith("dout/dnet"):
            return None
        return SlopePart(Activated(stage.op, net, out), site.node, lambda node: node)
    if site.role != "net slope":
        return None
    for term in products(site, "unit slope"):
        of = _of_slope(site, term.other) if not isinstance(term.other, Ref) and term.node is site.node else None
        if of is not None:
            return SlopePart(of, term.other, functools.partial(times, site.ref(term.key)))
    return None


def _of_slope(site: Site, slope: Node) -> Activated | None:
    """Tell an activation by its slope inside a layer's equations."""
    keys = {ref.key for ref in refs(slope) if ref.key is not None}
    if len(keys) != 1:
        return None
    key = keys.pop()
    return _recognised(site, key) if key.quantity.kind.startswith("out") else None


def elementwise() -> Iterable[type[Activation]]:
    """Give the activations of the registry that work number by number, those of the package."""
    return [cls for cls in activations.values() if issubclass(cls, Activation)
            and cls.__module__.startswith("backlit.") and cls.name != "softmax"]  # fmt: skip


def activation_name(stage: Stage) -> str:
    """Give the name of the activation that a stage explains; nothing of another stage, or of an op of one's own."""
    return str(stage.op.name) if isinstance(stage, ActivationStage) and not is_own(stage.op) else ""


def slope_of(name: str, of: Activated, site: Site) -> Node:
    """Give another activation's slope, by its name, at an output and input."""
    op = activations[name]()
    assert isinstance(op, Activation)
    return text_formula(op.slope_formula, {"a": site.ref(of.out), "z": site.ref(of.net)}, op)


def value_at(of: Activated, at: Node) -> Node:
    """Give an activation's value at any formula."""
    return text_formula(of.op.formula, {"z": at}, of.op)


ONE, HALF = Literal("1"), Apply("/", (Literal("1"), Literal("2")))
