"""Mistakes in the step of Adam and its kin: the corrections for the first steps, and the divisor."""

from __future__ import annotations

from collections.abc import Iterator

from backlit.check.catalogue import mistake
from backlit.check.patterns import Test, differing, has, is_setting, optimizer_of, shares_of, without_factor
from backlit.check.site import ONE, Changed, Site, mapped
from backlit.explain.algebra.tree import Apply, Literal, Node, Ref, call, plus


def _is_correction(node: Node) -> bool:
    """Tell whether a node is 1 - βᵗ, or its root."""
    if isinstance(node, Apply) and node.head == "sqrt":
        node = node.args[0]
    if not isinstance(node, Apply) or node.head != "+" or len(node.args) != 2:
        return False
    bare = [arg.args[0] if isinstance(arg, Apply) and arg.head == "neg" else arg for arg in node.args]
    return any(isinstance(p, Apply) and p.head == "^" and has(p.args[1], is_setting("t")) for p in bare)


def _without_corrections(node: Node, of: Ref | None = None) -> Node:
    """Give a formula without the corrections, or without those with a certain β."""

    def wanted(found: Node) -> bool:
        return _is_correction(found) and (of is None or has(found, lambda ref: ref == of))

    def change(found: Node) -> Node | None:
        if not isinstance(found, Apply) or found.head != "/":
            return None
        upper, lower = found.args
        if wanted(upper):
            left = ONE if wanted(lower) else mapped(lower, change)
            return ONE if left == ONE else Apply("/", (ONE, left))
        return mapped(upper, change) if wanted(lower) else None

    return without_factor(mapped(node, change), lambda found: found == ONE)


@mistake(
    "bias-correction-left-out", roles=("new weight",), title="Adam's correction by 1 - βᵗ is left out",
    why="m and v start from 0 and are too small in the first steps; dividing by 1 - βᵗ makes up for that.",
    example=("adam-second-step", "w(i1,o1)+"),
)  # fmt: skip
def correction_left_out(site: Site) -> Iterator[Changed]:
    """Leave the corrections out: both, or that of one mean."""
    one_by_one = ((_without_corrections(site.node, share), f"that with {share.name}")
                  for share in shares_of(optimizer_of(site)))  # fmt: skip
    yield from differing(site, _without_corrections(site.node), *one_by_one)


@mistake(
    "steps-not-counted", roles=("new weight",), title="βᵗ is taken with the t of an earlier step",
    why="t counts the steps from 1: in the second step the corrections are 1 - β².",
    example=("adam-second-step", "w(i1,o1)+"),
)  # fmt: skip
def steps_not_counted(site: Site) -> Iterator[Changed]:
    """Take t = 1, or one less than t."""
    t = site.step.recording.number
    if t > 1:
        behind = [] if t == 2 else [(site.with_constant("t", Literal(str(t - 1))), "with t - 1")]
        yield from differing(site, (site.with_constant("t", ONE), "with t = 1"), *behind)


def _with_divisor(site: Site, *, root: bool) -> Node:
    """Give a formula with √x + ε or √(x + ε) changed: ε moved to the other side of the root, or no root."""
    test = is_setting("ε")

    def inside(node: Node) -> Node | None:
        if not isinstance(node, Apply):
            return None
        if node.head == "+" and len(node.args) == 2 and test(node.args[1]):
            under, epsilon = node.args
            if isinstance(under, Apply) and under.head == "sqrt":
                total = plus(under.args[0], epsilon)
                return call("sqrt", total) if root else total
        if node.head == "sqrt" and isinstance(node.args[0], Apply) and node.args[0].head == "+":
            x, *rest = node.args[0].args
            if len(rest) == 1 and test(rest[0]):
                return plus(call("sqrt", x) if root else x, rest[0])
        return None

    return mapped(site.node, inside)


@mistake(
    "epsilon-on-the-other-side-of-the-root", roles=("new weight", "new slot"),
    title="ε is put on the wrong side of the root",
    why="Where ε stands is part of the rule: Adam adds it to the root of v, Adadelta to the means under the roots.",
    example=("adam-large-epsilon", "w(i1,o1)+"),
)  # fmt: skip
def epsilon_moved(site: Site) -> Iterator[Changed]:
    """Move ε to the other side of the root."""
    yield from differing(site, _with_divisor(site, root=True))


@mistake(
    "epsilon-left-out", roles=("new weight", "new slot"), title="ε is left out",
    why="ε keeps the divisor away from 0, and where the slopes are small it counts.",
    example=("adam-large-epsilon", "w(i1,o1)+"),
)  # fmt: skip
def epsilon_left_out(site: Site) -> Iterator[Changed]:
    """Leave ε out."""
    yield from differing(site, _without_summand(site.node, is_setting("ε")))


def _without_summand(node: Node, test: Test) -> Node:
    """Give a formula without the terms that themselves pass a test."""

    def change(found: Node) -> Node | None:
        if isinstance(found, Apply) and found.head == "+" and any(map(test, found.args)):
            return mapped(plus(*(term for term in found.args if not test(term))), change)
        return None

    return mapped(node, change)


@mistake(
    "root-left-out", roles=("new weight", "new slot"), title="the root of the mean of squares is left out",
    why="The slope is divided by the root of the mean of squares, which has the size of a slope again.",
    example=("adam-second-step", "w(i1,o1)+"),
)  # fmt: skip
def root_left_out(site: Site) -> Iterator[Changed]:
    """Leave the root out."""
    yield from differing(site, _with_divisor(site, root=False))
