"""Mistakes with what an optimizer keeps from step to step: momentum, means of slopes and of their squares."""

from __future__ import annotations

from collections.abc import Iterator

from backlit.check.catalogue import mistake
from backlit.check.patterns import (
    differing,
    gradients,
    has,
    is_any,
    is_setting,
    negated,
    optimizer_of,
    rate_of,
    shares_of,
    terms_changed,
    with_steps,
    without_factor,
    without_terms,
)
from backlit.check.site import ONE, Changed, Site, mapped
from backlit.explain.algebra.tree import Apply, Literal, Node, Ref, call, neg, plus, times
from backlit.explain.context import setting_ref
from backlit.explain.record.quantities import Key
from backlit.ops.optimizers.descent import Momentum, Nesterov


def _slots(site: Site, kind: str = "new slot") -> list[Key]:
    """Give the optimizer's numbers, after the step or before it ("slot"), of this very weight in a formula."""
    return [key for key in site.of_role("new slot", "slot") if site.role_of(key) == kind and key.place == site.place]


def _in_gradient(site: Site, kind: str) -> Key | None:
    """Give the slot of a kind after the step, of the same weight."""
    update = site.update
    found = [] if update is None else [q for q in update.quantities if q.kind == f"{kind}+"]
    return Key(found[0], site.place) if found else None


# ------------------------------------------------------------------------------------------------------------ momentum


@mistake(
    "past-left-out", roles=("new weight", "new slot"),
    title="what is kept from the steps before, the momentum, is left out",
    why="The velocity, or mean, goes on from its last value: the share that is kept of it belongs to the new one.",
    example=("momentum-second-step", "v(w(i1,o1))+"),
)  # fmt: skip
def past_left_out(site: Site) -> Iterator[Changed]:
    """Leave the slot's old value out; of a new weight that adds the velocity, put the step without it."""
    old = is_any(_slots(site, "slot"))
    if site.role == "new slot":
        yield from differing(site, without_terms(site.node, old))
    elif isinstance(optimizer_of(site), (Momentum, Nesterov)):
        node = site.node
        for key in _slots(site):
            formula = site.graph.formula(key)
            if formula is not None:
                past = is_any([k for k in Site(site.graph, key).operands if site.role_of(k) == "slot"])
                node = Site(site.graph, site.key, node).with_key(key, without_terms(formula, past))
        yield from differing(site, node)


@mistake(
    "past-sign", roles=("new slot",), title="what is kept from the steps before is subtracted",
    why="Momentum goes on in the direction of the steps before, so μ times the old velocity is added.",
    example=("momentum-second-step", "v(w(i1,o1))+"),
)  # fmt: skip
def past_sign(site: Site) -> Iterator[Changed]:
    """Turn the sign of the term with the slot's old value."""
    yield from differing(site, terms_changed(site.node, is_any(_slots(site, "slot")), negated))


@mistake(
    "past-kept-whole", roles=("new slot",), title="the share μ (or β, ρ) of the past is left out: all of it is kept",
    why="Only a share of the old velocity, or mean, is kept, so that it forgets.",
    example=("momentum-second-step", "v(w(i1,o1))+"),
)  # fmt: skip
def past_kept_whole(site: Site) -> Iterator[Changed]:
    """Leave the factor out that the slot's old value has."""
    shares = shares_of(optimizer_of(site))
    old = is_any(_slots(site, "slot"))
    yield from differing(site, terms_changed(site.node, old, lambda term: without_factor(term, lambda node: node
                                                                                           in shares)))  # fmt: skip


@mistake(
    "old-velocity", roles=("new weight",), title="the velocity, or mean, from before the step moves the weight",
    why="First the new velocity, or mean, is worked out; the weight moves by that one.",
    example=("momentum-second-step", "w(i1,o1)+"),
)  # fmt: skip
def old_velocity(site: Site) -> Iterator[Changed]:
    """Put the slots from before the step in the place of the new ones; Nesterov's step is that of momentum then."""
    update = site.update
    if update is None or isinstance(optimizer_of(site), Nesterov):
        return
    before = {f"{quantity.kind}+": quantity for quantity in update.slots.values()}

    def old(node: Node) -> Node | None:
        if isinstance(node, Ref) and node.key is not None and site.role_of(node.key) == "new slot":
            quantity = before.get(node.key.quantity.kind)
            return None if quantity is None else site.ref(Key(quantity, node.key.place))
        return None

    yield from differing(site, mapped(site.node, old))


@mistake(
    "momentum-as-nesterov", roles=("new weight",), title="Nesterov's step is taken in place of that of plain momentum",
    why="Plain momentum adds the new velocity; only Nesterov's form looks one step further: μv - ηg.",
    example=("momentum-second-step", "w(i1,o1)+"),
)  # fmt: skip
def momentum_as_nesterov(site: Site) -> Iterator[Changed]:
    """Put μ v - η g in the place of v."""
    optimizer = optimizer_of(site)
    if type(optimizer) is Momentum:
        for key in _slots(site):
            formula = site.graph.formula(key)
            old = [k for k in Site(site.graph, key).operands if site.role_of(k) == "slot"]
            if formula is not None and old:
                ahead = Site(site.graph, key).with_key(old[0], key)
                yield from differing(site, site.with_key(key, ahead))


@mistake(
    "nesterov-as-momentum", roles=("new weight",), title="the step of plain momentum is taken in place of Nesterov's",
    why="Nesterov's form does not add the new velocity v but looks one step further: μv - ηg.",
    example=("nesterov-second-step", "w(i1,o1)+"),
)  # fmt: skip
def nesterov_as_momentum(site: Site) -> Iterator[Changed]:
    """Put v in the place of μ v - η g."""
    if isinstance(optimizer_of(site), Nesterov):
        velocity = {site.ref(key) for key in _slots(site)}
        rate, mu = is_setting(rate_of(site)), setting_ref(optimizer_of(site), "momentum")

        def change(term: Node) -> Node:
            if isinstance(term, Apply) and term.head == "*" and velocity.intersection(term.args):
                return without_factor(term, lambda node: node == mu)
            return ZERO_TERM if has(term, rate) else term

        node = with_steps(site, change)
        yield from differing(site, mapped(node, _without_zeros))


ZERO_TERM = Literal("0")


def _without_zeros(node: Node) -> Node | None:
    if isinstance(node, Apply) and node.head == "+" and ZERO_TERM in node.args:
        return plus(*(term for term in node.args if term != ZERO_TERM))
    return None


@mistake(
    "momentum-as-mean", roles=("new slot",), title="the slope's part of the velocity is multiplied by 1 - μ",
    why="This momentum adds the whole step -ηg to the velocity; with 1 - μ it would be a mean, as in other books.",
    example=("momentum-second-step", "v(w(i1,o1))+"),
)  # fmt: skip
def momentum_as_mean(site: Site) -> Iterator[Changed]:
    """Multiply the slope's term by 1 - μ."""
    optimizer = optimizer_of(site)
    if isinstance(optimizer, (Momentum, Nesterov)):
        share = plus(ONE, neg(setting_ref(optimizer, "momentum")))

        def change(term: Node) -> Node:
            return neg(times(share, negated(term))) if _is_neg(term) else times(share, term)

        yield from differing(site, terms_changed(site.node, is_setting(rate_of(site)), change))


def _is_neg(node: Node) -> bool:
    return isinstance(node, Apply) and node.head == "neg"


# --------------------------------------------------------------------------------------------------------------- means


def _is_rest(site: Site) -> list[Node]:
    """Give 1 - β of each share of the optimizer."""
    return [plus(ONE, neg(share)) for share in shares_of(optimizer_of(site))]


@mistake(
    "share-of-the-slope-left-out", roles=("new slot",), title="the factor 1 - β (or 1 - ρ) of the slope is left out",
    why="The new mean takes β of the old one and 1 - β of the new slope, so that the shares add up to 1.",
    example=("adam-second-step", "m(w(i1,o1))+"),
)  # fmt: skip
def share_left_out(site: Site) -> Iterator[Changed]:
    """Leave the factors 1 - β out."""
    rest = _is_rest(site)
    yield from differing(site, without_factor(site.node, lambda node: node in rest))


@mistake(
    "shares-swapped", roles=("new slot",), title="β and 1 - β are swapped",
    why="Of the old mean the larger share, β, is kept, and the new slope gets the rest, 1 - β.",
    example=("adam-second-step", "m(w(i1,o1))+"),
)  # fmt: skip
def shares_swapped(site: Site) -> Iterator[Changed]:
    """Swap β and 1 - β."""
    shares = shares_of(optimizer_of(site))
    rest = dict(zip(_is_rest(site), shares, strict=True))
    if has(site.node, lambda node: node in shares) and any(node in rest for node in _factors(site.node)):
        yield from differing(site, mapped(site.node, lambda node: rest.get(node) or (
            plus(ONE, neg(node)) if node in shares else None)))  # fmt: skip


def _factors(node: Node) -> Iterator[Node]:
    if isinstance(node, Apply):
        if node.head == "*":
            yield from node.args
        for arg in node.args:
            yield from _factors(arg)


@mistake(
    "betas-swapped", roles=("new slot", "new weight"), title="β1 and β2 are swapped",
    why="β1 is the share of the mean of slopes m, β2 that of the mean of their squares v.",
    example=("adam-second-step", "m(w(i1,o1))+"),
)  # fmt: skip
def betas_swapped(site: Site) -> Iterator[Changed]:
    """Swap β1 and β2."""
    shares = shares_of(optimizer_of(site))
    if len(shares) == 2:
        other = dict(zip(shares, shares[::-1], strict=True))
        yield from differing(site, mapped(site.node, lambda node: other.get(node) if isinstance(node, Ref) else None))


@mistake(
    "square-of-the-slope-left-out", roles=("new slot",), title="the slope itself is averaged in place of its square",
    why="v is the mean of the squares of the slopes: g has to be squared before it is averaged.",
    example=("adam-second-step", "v(w(i1,o1))+"),
)  # fmt: skip
def square_left_out(site: Site) -> Iterator[Changed]:
    """Leave the square of the slope out."""
    own = is_any(gradients(site))

    def change(node: Node) -> Node | None:
        if isinstance(node, Apply) and node.head == "^" and has(node.args[0], own):
            return node.args[0]
        return None

    yield from differing(site, mapped(site.node, change))


@mistake(
    "first-for-second-moment", roles=("new weight",), title="the mean m stands under the root in place of v",
    why="The step is the mean of the slopes, m, over the root of the mean of their squares, v.",
    example=("adam-second-step", "w(i1,o1)+"),
)  # fmt: skip
def first_for_second(site: Site) -> Iterator[Changed]:
    """Put |m| for v under the root, or swap the two."""
    new = {kind: _in_gradient(site, kind) for kind in ("m", "v", "u")}
    second = new["u"] or new["v"]
    if new["m"] is None or second is None or second not in site.operands or new["m"] not in site.operands:
        return
    m, v = site.ref(new["m"]), site.ref(second)
    swap = {m: v, v: m}
    yield from differing(
        site, (site.with_key(second, call("abs", m)), "without its sign"), site.with_key(second, m),
        (mapped(site.node, lambda node: swap.get(node) if isinstance(node, Ref) else None), "the two swapped"),
    )  # fmt: skip


@mistake(
    "slope-for-the-mean", roles=("new weight",), title="the step is made with the slope g in place of its mean m",
    why="Adam's step is along the mean m of the slopes so far, not along the last slope alone.",
    example=("adam-second-step", "w(i1,o1)+"),
)  # fmt: skip
def slope_for_the_mean(site: Site) -> Iterator[Changed]:
    """Put g in the place of m."""
    m = _in_gradient(site, "m")
    slopes = [] if m is None else gradients(Site(site.graph, m))
    if m is not None and m in site.operands and slopes:
        yield from differing(site, site.with_key(m, slopes[0]))
