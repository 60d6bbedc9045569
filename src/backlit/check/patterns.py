"""Parts of formulas by what they are, for entries of the catalogue that hold for every optimizer and loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from backlit.check.site import Changed, Site, mapped, without
from backlit.explain.algebra.tree import Apply, Literal, Node, Ref, neg, refs
from backlit.explain.context import setting_ref
from backlit.explain.record.quantities import Key
from backlit.ops.base import Optimizer

Test = Callable[[Node], bool]
NOTHING = Literal("0")
SHARES = ("momentum", "rho", "beta1", "beta2")
"""The settings of optimizers that say how much of the past is kept."""


def is_setting(name: str) -> Test:
    """Give the test whether a node is the setting or count of that plain name, such as "η" or "n"."""
    return lambda node: isinstance(node, Ref) and node.key is None and node.name == name


def has(node: Node, test: Test) -> bool:
    """Tell whether a number of a formula passes a test."""
    return any(test(ref) for ref in refs(node))


def is_any(keys: Sequence[Key]) -> Test:
    """Give the test whether a node is one of some numbers."""
    return lambda node: isinstance(node, Ref) and node.key is not None and node.key in keys


def negated(node: Node) -> Node:
    """Give a term with its sign turned."""
    return node.args[0] if isinstance(node, Apply) and node.head == "neg" else neg(node)


def without_factor(node: Node, test: Test) -> Node:
    """Give a formula without the factors that pass a test; the formula itself where it has none."""

    def change(found: Node) -> Node | None:
        if isinstance(found, Apply) and found.head == "*":
            place = next((k for k, factor in enumerate(found.args) if test(factor)), None)
            if place is not None:
                return without_factor(without(found, "*", place), test)
        return None

    return mapped(node, change)


def without_terms(node: Node, test: Test) -> Node:
    """Give a formula without the terms, of sums, in which a number passes a test."""

    def change(found: Node) -> Node | None:
        if isinstance(found, Apply) and found.head == "+":
            left = tuple(mapped(term, change) for term in found.args if not has(term, test))
            if len(left) < len(found.args):
                return NOTHING if not left else left[0] if len(left) == 1 else Apply("+", left)
        return None

    return mapped(node, change)


def terms_changed(node: Node, test: Test, change: Callable[[Node], Node]) -> Node:
    """Give a formula with the terms changed, of sums or alone, in which a number passes a test."""

    def inside(found: Node) -> Node | None:
        if isinstance(found, Apply) and found.head == "+" and any(has(term, test) for term in found.args):
            return Apply("+", tuple(change(term) if has(term, test) else term for term in found.args))
        return None

    return mapped(node, inside)


# -------------------------------------------------------------------------------------------------------------- updates


def rate_of(site: Site) -> str:
    """Give the plain name of the optimizer's rate; empty where it has none or it is no factor of the step."""
    optimizer = optimizer_of(site)
    return setting_ref(optimizer, "rate").name if hasattr(optimizer, "rate") else ""


def optimizer_of(site: Site) -> Optimizer:
    """Give the optimizer of a number's step."""
    return site.step.recording.optimizer


def shares_of(optimizer: Optimizer) -> list[Ref]:
    """Give the settings of an optimizer that say how much of the past is kept."""
    return [setting_ref(optimizer, name) for name in SHARES if hasattr(optimizer, name)]


def old_weight(site: Site) -> Ref:
    """Give the weight before the step that a slot or a new weight belongs to."""
    assert site.parameter is not None
    return site.ref(Key(site.parameter, site.place))


def is_bias(site: Site) -> bool:
    """Tell whether a number belongs to a bias."""
    parameter = site.parameter
    return parameter is not None and not parameter.sources and parameter.array_name != "gamma"


def gradients(site: Site) -> list[Key]:
    """Give the gradients in a number's formula, as penalties and limits leave them."""
    return site.of_role("gradient", "limited gradient")


def with_steps(site: Site, change: Callable[[Node], Node]) -> Node:
    """Give a new weight's formula with what is added to the old weight changed, term by term."""

    def inside(found: Node) -> Node | None:
        if isinstance(found, Apply) and found.head == "+" and _is_start(found.args[0]):
            return Apply("+", (found.args[0], *map(change, found.args[1:])))
        return None

    def _is_start(first: Node) -> bool:
        if isinstance(first, Apply) and first.head == "*":
            first = first.args[0]
        return isinstance(first, Ref) and first.key is not None and site.role_of(first.key) == "weight"

    return mapped(site.node, inside)


def differing(site: Site, *made: tuple[Node, str] | Node) -> Iterator[Changed]:
    """Give the formulas among `made` that differ from the right one, each once."""
    seen = {site.node}
    for one in made:
        node, detail = one if isinstance(one, tuple) else (one, "")
        if node not in seen:
            seen.add(node)
            yield Changed(node, detail)
