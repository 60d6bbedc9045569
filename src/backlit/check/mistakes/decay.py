"""Mistakes with weight decay and with the penalties l1 and l2."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from backlit.check.catalogue import mistake
from backlit.check.patterns import (
    differing,
    gradients,
    has,
    is_bias,
    is_setting,
    negated,
    old_weight,
    optimizer_of,
    rate_of,
    terms_changed,
    without_factor,
    without_terms,
)
from backlit.check.site import ONE, Changed, Site, mapped
from backlit.explain.algebra.tree import Apply, Literal, Node, Ref, call, over, plus, square, times
from backlit.explain.context import constant, setting_ref

PENALTIES = ("l2", "l1")


def _decay(site: Site) -> str:
    """Give the plain name of λ where the optimizer has weight decay; empty where not."""
    optimizer = optimizer_of(site)
    return setting_ref(optimizer, "weight_decay").name if optimizer.weight_decay else ""


def _is_decayed(name: str, node: Node) -> bool:
    """Tell whether a node is w (1 - η λ)."""
    return isinstance(node, Apply) and node.head == "*" and len(node.args) == 2 and has(node.args[1], is_setting(name))


def _with_decay(site: Site, change: Callable[[Node], Node]) -> Node:
    """Give a new weight's formula with the factor 1 - η λ of the old weight changed; 1 leaves it out."""
    name = _decay(site)

    def inside(node: Node) -> Node | None:
        if not name or not isinstance(node, Apply) or not _is_decayed(name, node):
            return None
        factor = change(node.args[1])
        return node.args[0] if factor == ONE else times(node.args[0], factor)

    return mapped(site.node, inside)


def _with_slope(site: Site, node: Node, term: Node) -> Node:
    """Give a formula with a term added to the weight's own slope."""
    own = [key for key in gradients(site) if key.place == site.place]
    return mapped(node, lambda found: plus(found, term) if isinstance(found, Ref) and found.key in own else None)


@mistake(
    "decay-left-out", roles=("new weight", "limited gradient"), title="the weight decay is left out",
    why="With weight decay, or a penalty, every step also draws the weight towards 0.",
    example=("weight-decay", "w(i1,o1)+"),
)  # fmt: skip
def decay_left_out(site: Site) -> Iterator[Changed]:
    """Leave the factor of the old weight out, or the penalties' terms of the gradient."""
    if site.role == "new weight":
        yield from differing(site, _with_decay(site, lambda _: ONE))
        return
    both = without_terms(site.node, lambda node: any(is_setting(name)(node) for name in PENALTIES))
    yield from differing(site, both, *((without_terms(site.node, is_setting(name)), f"that of {name}")
                                       for name in PENALTIES))  # fmt: skip


@mistake(
    "decay-sign", roles=("new weight", "limited gradient"), title="the weight decay has the wrong sign",
    why="Decay makes weights smaller: the step takes ηλw away from the weight, so the slope gets +λw.",
    example=("weight-decay", "w(i1,o1)+"),
)  # fmt: skip
def decay_sign(site: Site) -> Iterator[Changed]:
    """Turn the sign of the decay."""
    if site.role == "new weight":
        name = _decay(site)
        yield from differing(site, _with_decay(site, lambda factor: terms_changed(factor, is_setting(name), negated)))
        return
    for name in PENALTIES:
        yield from differing(site, (terms_changed(site.node, is_setting(name), negated), f"that of {name}"))


@mistake(
    "decay-without-rate", roles=("new weight",), title="the weight decay is not multiplied by η",
    why="The decay is part of the step: the weight is multiplied by 1 - ηλ, not by 1 - λ.",
    example=("weight-decay", "w(i1,o1)+"),
)  # fmt: skip
def decay_without_rate(site: Site) -> Iterator[Changed]:
    """Leave η out of 1 - η λ."""
    test = is_setting(rate_of(site))
    yield from differing(site, _with_decay(site, lambda factor: without_factor(factor, test)))


@mistake(
    "decay-through-the-gradient", roles=("new weight", "new slot"),
    title="λw is added to the slope in place of decaying the weight itself",
    why="Decoupled decay multiplies the weight by 1 - ηλ and keeps λw out of the optimizer's means.",
    example=("adamw", "m(w(i1,o1))+"),
)  # fmt: skip
def decay_through_the_gradient(site: Site) -> Iterator[Changed]:
    """Add λ w to the gradient, and leave the factor of the old weight out."""
    name, update = _decay(site), site.update
    if not name or update is None or not update.decays or not update.slots:
        return
    node = _with_decay(site, lambda _: ONE) if site.role == "new weight" else site.node
    term = times(setting_ref(optimizer_of(site), "weight_decay"), old_weight(site))
    yield from differing(site, _with_slope(site, node, term))


@mistake(
    "decay-of-biases", roles=("new weight", "new slot", "penalty"), title="the biases decay as the weights do",
    why="Weight decay and penalties are for weights; a bias only shifts the sum and is left alone.",
    example=("weight-decay", "b(o1)+"),
)  # fmt: skip
def decay_of_biases(site: Site) -> Iterator[Changed]:
    """Let a bias decay that does not."""
    if site.role == "penalty":
        yield from _penalty_of_biases(site)
        return
    update, settings, name = site.update, site.step.recording.settings, _decay(site)
    if update is None or update.decays or not is_bias(site):
        return
    node = site.node
    if name and site.role == "new weight":
        b, rate = old_weight(site), setting_ref(optimizer_of(site), "rate", site.step.recording.rates[-1])
        decay = setting_ref(optimizer_of(site), "weight_decay")
        decayed = times(b, plus(ONE, Apply("neg", (times(rate, decay),))))
        node = mapped(node, lambda found: decayed if found == b else None)
    for penalty in PENALTIES:
        size = float(getattr(settings, penalty))
        if size:
            b = old_weight(site)
            term = times(_penalty_constant(penalty, size), b if penalty == "l2" else call("sign", b))
            node = _with_slope(site, node, term)
    yield from differing(site, node)


def _penalty_constant(name: str, size: float) -> Ref:
    return constant(name, rf"\lambda_{name[1]}", size)


def _penalty_of_biases(site: Site) -> Iterator[Changed]:
    """Add the biases to the sums of the penalty."""
    updates = [update for update in site.step.contents.updates if not update.decays and not update.parameter.sources]
    biases = [update.parameter.ref(0, at.unit, at.source) for update in updates for at in update.parameter.places(0)]

    def change(node: Node) -> Node | None:
        if isinstance(node, Apply) and node.head in {"^", "abs"}:
            return None
        if isinstance(node, Apply) and node.head == "*":
            terms = node.args[-1].args if _is_sum(node.args[-1]) else (node.args[-1],)  # type: ignore[union-attr]
            squares = isinstance(terms[0], Apply) and terms[0].head == "^"
            more = tuple(square(b) if squares else call("abs", b) for b in biases)
            return Apply("*", (*node.args[:-1], Apply("+", (*terms, *more))))
        return None

    if biases:
        yield from differing(site, mapped(site.node, change))


def _is_sum(node: Node) -> bool:
    return isinstance(node, Apply) and node.head == "+"


@mistake(
    "penalty-half-left-out", roles=("penalty", "limited gradient"), title="the ½ of the penalty l2 is left out",
    why="The penalty is l2/2 times the sum of the squares, so that its slope is l2 · w and has no 2.",
    example=("penalties", "penalty"),
)  # fmt: skip
def penalty_half_left_out(site: Site) -> Iterator[Changed]:
    """Take l2 in the place of l2 / 2, and 2 l2 in that of l2."""
    test = is_setting("l2")
    if site.role == "penalty":
        yield from differing(site, mapped(site.node, lambda node: node.args[0] if isinstance(node, Apply)
                                          and node.head == "/" and test(node.args[0]) else None))  # fmt: skip
    elif site.quantity.kind == "g":
        yield from differing(site, mapped(site.node, lambda node: times(Literal("2"), node) if test(node) else None))


@mistake(
    "penalty-half-kept", roles=("limited gradient",), title="the ½ of the penalty l2 is kept in its slope",
    why="The slope of l2/2 · w² is l2 · w: the 2 of the square and the ½ cancel.",
    example=("penalties", "g(w(i1,o1))"),
)  # fmt: skip
def penalty_half_kept(site: Site) -> Iterator[Changed]:
    """Take l2 / 2 in the place of l2."""
    test = is_setting("l2")
    if site.quantity.kind == "g":
        yield from differing(site, mapped(site.node, lambda node: over(node, Literal("2")) if test(node) else None))


@mistake(
    "penalty-sign-left-out", roles=("limited gradient",), title="l1 · w is taken in place of l1 · sign(w)",
    why="The slope of |w| is 1 or -1, whatever the size of w.", example=("penalties", "g(w(i1,o1))"),
)  # fmt: skip
def penalty_sign_left_out(site: Site) -> Iterator[Changed]:
    """Leave the sign function out."""
    if site.quantity.kind == "g":
        yield from differing(site, mapped(site.node, lambda node: node.args[0] if isinstance(node, Apply)
                                          and node.head == "sign" else None))  # fmt: skip
