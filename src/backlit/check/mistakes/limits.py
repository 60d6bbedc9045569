"""Mistakes with limits: the clipping of slopes, and the largest norm of a unit's weights."""

from __future__ import annotations

from collections.abc import Iterator

from backlit.check.catalogue import mistake
from backlit.check.patterns import differing, is_setting
from backlit.check.site import Changed, Site, mapped
from backlit.explain.algebra.tree import Apply, call, over, plus, square, times
from backlit.explain.context import constant
from backlit.explain.record.quantities import Key


@mistake(
    "clipping-left-out", roles=("limited gradient",), title="the slope is not clipped",
    why="A slope beyond the limit is cut to it, or all slopes are scaled down together, before the weights move.",
    example=("clipped", "g limited(w(i2,o1))"),
)  # fmt: skip
def clipping_left_out(site: Site) -> Iterator[Changed]:
    """Leave the slope as it was."""
    if site.quantity.kind in {"g limited", "g scaled"}:
        own = [key for key in site.of_role("gradient", "limited gradient") if key.place == site.place]
        yield from differing(site, *(site.ref(key) for key in own))


@mistake(
    "clipped-always", roles=("limited gradient",),
    title="the slopes are scaled to the largest norm although they are within it",
    why="Only where the norm of all slopes is above the limit are they scaled down; else they stay.",
    example=("within-the-norm", "g scaled(w(i1,o1))"),
)  # fmt: skip
def clipped_always(site: Site) -> Iterator[Changed]:
    """Scale a gradient that is within its norm."""
    norm, limit = site.step.contents.norm, site.step.recording.settings.clip_norm
    if site.quantity.kind == "g scaled" and norm is not None and site.node == site.ref(site.operands[0]):
        yield Changed(times(site.node, over(constant("clip_norm", "c", limit), norm.ref(0, 0))))


@mistake(
    "norm-of-one-array", roles=("limited gradient",), title="the norm of one layer's slopes is taken for that of all",
    why="The limit is for the norm of the whole gradient, over all weights and biases.",
    example=("clipped-norm", "g scaled(w(i1,o1))"),
)  # fmt: skip
def norm_of_one_array(site: Site) -> Iterator[Changed]:
    """Take the norm over the slopes of this parameter alone."""
    norms = site.of_role("norm")
    own = [key for key in site.of_role("gradient", "limited gradient") if key.place == site.place]
    if norms and own:
        quantity = own[0].quantity
        squares = [square(site.ref(Key(quantity, at))) for at in quantity.places(0)]
        yield from differing(site, site.with_key(norms[0], call("sqrt", plus(*squares))))


@mistake(
    "norm-without-root", roles=("norm",), title="the root is left out of the norm",
    why="The norm is the length of the gradient: the root of the sum of the squares.",
    example=("clipped-norm", "‖g‖"),
)  # fmt: skip
def norm_without_root(site: Site) -> Iterator[Changed]:
    """Leave the root out."""
    if isinstance(site.node, Apply) and site.node.head == "sqrt":
        yield Changed(site.node.args[0])


@mistake(
    "norm-of-sizes", roles=("norm",), title="the sizes |g| are added up for the norm in place of the squares",
    why="The norm is the length of the gradient: the root of the sum of the squares.",
    example=("clipped-norm", "‖g‖"),
)  # fmt: skip
def norm_of_sizes(site: Site) -> Iterator[Changed]:
    """Add up the sizes."""
    if isinstance(site.node, Apply) and site.node.head == "sqrt":
        sizes = mapped(site.node.args[0], lambda node: call("abs", node.args[0]) if isinstance(node, Apply)
                       and node.head == "^" else None)  # fmt: skip
        yield from differing(site, sizes)


@mistake(
    "largest-norm-left-out", roles=("new weight",), title="the unit's weights are not scaled down to the largest norm",
    why="Where the norm of a unit's incoming weights exceeds the limit, they are scaled down together after the step.",
    example=("largest-norm", "w(i1,o1)+"),
)  # fmt: skip
def largest_norm_left_out(site: Site) -> Iterator[Changed]:
    """Leave the scaling of the new weights out."""
    node = site.node
    if isinstance(node, Apply) and node.head == "*":
        scale = node.args[-1]
        if isinstance(scale, Apply) and scale.head == "/" and is_setting("max_norm")(scale.args[0]):
            yield from differing(site, node.args[0])
