"""Mistakes of the update: the sign, the rate, a weight left as it was, the slope of another weight."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from backlit.check.catalogue import mistake
from backlit.check.patterns import (
    Test,
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
    with_steps,
    without_factor,
)
from backlit.check.site import Changed, Site, mapped
from backlit.explain.algebra.tree import Apply, Node, Ref, refs, square
from backlit.explain.record.quantities import Key, Place


@mistake(
    "update-sign", roles=("new weight",), title="the step is taken uphill: w + ηg in place of w - ηg",
    why="The slope g says in which direction E grows, so the weight must go the other way.",
    example=("sgd-step", "w(i1,o1)+"),
)  # fmt: skip
def update_sign(site: Site) -> Iterator[Changed]:
    """Turn the sign of all that is added to the old weight."""
    yield from differing(site, with_steps(site, negated))


@mistake(
    "velocity-sign", roles=("new slot",), title="the velocity goes uphill: μv + ηg in place of μv - ηg",
    why="The weight is moved by adding the velocity, so the velocity itself must point down the slope: it gets -ηg.",
    example=("momentum-second-step", "v(w(i1,o1))+"),
)  # fmt: skip
def velocity_sign(site: Site) -> Iterator[Changed]:
    """Turn the sign of the term with the rate."""
    rate = rate_of(site)
    yield from differing(site, terms_changed(site.node, is_setting(rate), negated))


def _with_rate(site: Site, change: Callable[[Node, Test], Node]) -> Node:
    """Give the formula with the rate changed in the step; a decay keeps its own."""
    test = is_setting(rate_of(site))
    if site.role == "new weight":
        return with_steps(site, lambda term: change(term, test))
    return change(site.node, test)


def _squared(node: Node, test: Test) -> Node:
    return mapped(node, lambda found: square(found) if test(found) else None)


@mistake(
    "rate-left-out", roles=("new weight", "new slot"), title="the learning rate η is left out",
    why="The slope only says which way is down; how far to go is the slope times the learning rate η.",
    example=("sgd-step", "w(i1,o1)+"),
)  # fmt: skip
def rate_left_out(site: Site) -> Iterator[Changed]:
    """Leave η out of the step."""
    yield from differing(site, _with_rate(site, without_factor))


@mistake(
    "rate-twice", roles=("new weight", "new slot"), title="the learning rate η is multiplied in twice: η²",
    why="The slope is multiplied by η once, when the weight is changed, not already when the slope is worked out.",
    example=("sgd-step", "w(i1,o1)+"),
)  # fmt: skip
def rate_twice(site: Site) -> Iterator[Changed]:
    """Square η in the step."""
    yield from differing(site, _with_rate(site, _squared))


@mistake(
    "schedule-left-out", roles=("new weight", "new slot"),
    title="the optimizer's own rate is taken in place of the schedule's",
    why="The schedule changes the learning rate from step to step; this step's is the optimizer's own times its share.",
    example=("schedule-second-step", "w(i1,o1)+"),
)  # fmt: skip
def schedule_left_out(site: Site) -> Iterator[Changed]:
    """Put the optimizer's own rate in the place of this step's."""
    name, own = rate_of(site), float(getattr(optimizer_of(site), "rate", 0.0))
    test = is_setting(name)
    rate = next((ref for ref in refs(site.node) if test(ref)), None)
    if rate is not None and rate.value != own:
        yield Changed(site.with_constant(name, msgspec.structs.replace(rate, value=own)), f"η = {own:g}")


@mistake(
    "bias-not-updated", roles=("new weight",), title="the bias is not updated",
    why="The bias is a parameter like every weight: its slope is the unit's own dE/dnet, and it moves by η times that.",
    example=("sgd-step", "b(o1)+"),
)  # fmt: skip
def bias_not_updated(site: Site) -> Iterator[Changed]:
    """Leave the bias as it was."""
    if is_bias(site):
        yield Changed(old_weight(site))


@mistake(
    "weight-not-updated", roles=("new weight",), scope="here", title="the weight is not updated",
    why="Every trained weight moves in every step, by η times its own slope.", example=("sgd-step", "w(i2,o1)+"),
)  # fmt: skip
def weight_not_updated(site: Site) -> Iterator[Changed]:
    """Leave the weight as it was."""
    if not is_bias(site):
        yield Changed(old_weight(site))


@mistake(
    "change-for-new-weight", roles=("new weight",), title="the change of the weight is given as its new value",
    why="η times the slope is by how much the weight changes; the new weight is the old one minus that.",
    example=("sgd-step", "w(i1,o1)+"),
)  # fmt: skip
def change_for_new_weight(site: Site) -> Iterator[Changed]:
    """Leave the old weight out."""
    node = site.node
    if isinstance(node, Apply) and node.head == "+" and has(node.args[0], lambda ref: ref == old_weight(site)):
        rest = node.args[1:]
        step = rest[0] if len(rest) == 1 else Apply("+", rest)
        yield from differing(site, step, (negated(step), "without its sign"))


@mistake(
    "step-transposed", roles=("new weight", "new slot", "limited gradient"),
    title="the matrix of the slopes is transposed",
    why="The slope in a source's row and a unit's column is that of the weight from that source to that unit.",
    example=("batch-of-two", "w(i1,o2)+"),
)  # fmt: skip
def gradient_transposed(site: Site) -> Iterator[Changed]:
    """Put the slope of the weight at the mirrored place in the place of this weight's."""
    for key in gradients(site):
        mirrored = Key(key.quantity, Place(key.place.row, key.place.unit, key.place.source))
        if key.place == site.place and mirrored != key and _exists(mirrored):
            yield Changed(site.with_key(key, mirrored), f"with {site.graph.name(mirrored)}")


def _exists(key: Key) -> bool:
    quantity, place = key
    return place.unit < len(quantity.units) and place.source < len(quantity.sources)


@mistake(
    "slope-of-another-weight", roles=("new weight", "new slot", "limited gradient"), scope="here",
    title="the weight is moved by another weight's slope",
    why="Each weight moves by its own slope: the unit's dE/dnet times what came in along this very connection.",
    example=("sgd-step", "w(i1,o1)+"),
)  # fmt: skip
def slope_of_another_weight(site: Site) -> Iterator[Changed]:
    """Put the slope of another weight to the same unit, or from the same source, in the place of this one's."""
    for key in gradients(site):
        if key.place != site.place:
            continue
        mirrored = Place(key.place.row, key.place.unit, key.place.source)
        for other in [*site.others(key, unit=False), *site.others(key, source=False)]:
            if other.place != mirrored:
                yield Changed(site.with_key(key, other), f"with {site.graph.name(other)}")
        bias = _slope_of_bias(site, key)
        if bias is not None:
            yield Changed(site.with_key(key, bias), f"with {site.graph.name(bias)}")


def _slope_of_bias(site: Site, key: Key) -> Key | None:
    """Give the same number of the unit's bias, for a weight."""
    if site.parameter is None or not site.parameter.sources:
        return None
    backward = site.step.contents.backward
    for parameter in site.parameter.stage.parameters:
        slopes = backward.gradients.get(parameter.id)
        if not parameter.sources and slopes is not None and slopes.units == key.quantity.units:
            return Key(slopes, key.place._replace(source=0))
    return None


@mistake(
    "first-weights-again", roles=("sum", "unit slope", "new weight"),
    title="a later step begins with the weights from before the first one",
    why="A step begins with the weights that the step before has left, not with those that the work began with.",
    example=("two-steps", "net(o1)"),
)  # fmt: skip
def first_weights_again(site: Site) -> Iterator[Changed]:
    """Put the weights of the step before in the place of this step's."""
    if site.graph.step_of(site.key) == 0:
        return

    def earlier(node: Node) -> Node | None:
        if not isinstance(node, Ref) or node.key is None or site.role_of(node.key) != "weight":
            return None
        new = site.graph.earlier(node.key)
        before = None if new is None else Site(site.graph, new)
        return None if before is None or before.parameter is None else old_weight(before)

    yield from differing(site, mapped(site.node, earlier))
