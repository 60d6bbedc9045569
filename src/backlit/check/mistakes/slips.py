"""Slips in writing a number down: the point, two digits swapped, the sign, another number copied.

They change what the formula gives on the learner's own numbers, as it would stand on the sheet.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

from backlit.check.catalogue import mistake
from backlit.check.digits import doubled_node, left_out_node, number_node, rounded, swapped_node
from backlit.check.evaluation import value_of
from backlit.check.patterns import negated
from backlit.check.site import Changed, Site
from backlit.explain.algebra.tree import Literal, Node, over, times
from backlit.explain.record.quantities import Key, Place

COPIES = 64
"""So many other numbers are tried as the one that was copied, the nearest first."""
TASK = ("input", "weight", "target")
"""The roles of numbers that the task gives."""
OFF = (0, -1, 1)
"""Units of the last digit by which the learner's number may be off the expected one."""
Make = Callable[[Node, int, int, int, float], Node]
PLACES = 9
"""So many digits from the last one on are tried."""


def _words(place: int) -> str:
    """Say which digit stands at a power of ten.

    >>> _words(-2), _words(0)
    ('digit 2 behind the point', 'digit 1 before the point')
    """
    return f"digit {-place} behind the point" if place < 0 else f"digit {place + 1} before the point"


def _at_digits(site: Site, make: Make, first: int, longer: int = 0) -> Iterator[Changed]:
    """Give what a slip makes of each digit, where that is another number; the number was rounded before it.

    On a sheet the learner's own last digit may be one more or less, since the numbers before it were rounded too, and
    what stands there may be a digit `longer` by the slip, or shorter, than the number was.
    """
    yield from _of_length(site, make, site.last_place, first)
    if site.sheet and longer:
        yield from _of_length(site, make, site.last_place + longer, first)


def _of_length(site: Site, make: Make, last: int, first: int) -> Iterator[Changed]:
    """Give what a slip makes of each digit of a number that is rounded to 10^last."""
    if not math.isfinite(site.expected) or not site.expected:
        return
    scale, on_sheet = site.scale, site.expected / site.scale
    seen = {float(rounded(on_sheet, -last)) * scale}
    top = math.floor(math.log10(abs(on_sheet)))  # zeros before the first digit: the point moves with them
    own = number_node(site.expected)
    for off, place in itertools.product(
        OFF if site.sheet else OFF[:1], range(last + first, min(last + PLACES, top + 1))
    ):
        result = value_of(make(own, last, place, off, scale), site.number)
        if math.isfinite(result) and result not in seen:
            seen.add(result)
            yield Changed(make(site.node, last, place, off, scale), _words(place))


@mistake(
    "decimal-slip", roles=(), scope="slip", general=True, title="the decimal point is in the wrong place",
    why="The digits are right but the point has moved, so the number is 10, 100 or 1,000 times too large or too small.",
    example=("sgd-step", "net(o1)"),
)  # fmt: skip
def decimal_slip(site: Site) -> Iterator[Changed]:
    """Move the point by up to three places."""
    for places in (1, 2, 3) if site.expected else ():
        power = Literal("1" + "0" * places)
        said = f"by {places} place" + ("s" if places > 1 else "")
        yield Changed(times(power, site.node), f"{said} to the right")
        yield Changed(over(site.node, power), f"{said} to the left")


@mistake(
    "digits-swapped", roles=(), scope="slip", general=True, title="two neighbouring digits are swapped",
    why="The digits are right, but two of them stand in each other's place.", example=("sgd-step", "out(o1)"),
)  # fmt: skip
def digits_swapped(site: Site) -> Iterator[Changed]:
    """Swap each pair of neighbouring digits."""
    for changed in _at_digits(site, swapped_node, 0):
        yield Changed(changed.node, f"{changed.detail} and the one before it")


@mistake(
    "sign-slip", roles=(), scope="slip", general=True, title="the sign is lost, or there is one too many",
    why="The digits are right but the sign is not, so the number points the other way.",
    example=("sgd-step", "net(o1)"),
)  # fmt: skip
def sign_slip(site: Site) -> Iterator[Changed]:
    """Turn the sign of the result."""
    if site.expected:
        yield Changed(negated(site.node))


@mistake(
    "digit-left-out", roles=(), scope="slip", general=True, title="a digit is left out",
    why="A digit got lost in writing the number down, so those behind it moved up a place.",
    example=("sgd-step", "out(o1)"),
)  # fmt: skip
def digit_left_out(site: Site) -> Iterator[Changed]:
    """Leave each digit out but the last, which would be rounding."""
    yield from _at_digits(site, left_out_node, 1, -1)


@mistake(
    "digit-doubled", roles=(), scope="slip", general=True, title="a digit is written twice",
    why="A digit was written down twice, so those behind it moved down a place.", example=("sgd-step", "out(o1)"),
)  # fmt: skip
def digit_doubled(site: Site) -> Iterator[Changed]:
    """Write each digit twice but the last, which would be rounding."""
    yield from _at_digits(site, doubled_node, 1, 1)


@mistake(
    "number-copied", roles=(), scope="slip", general=True, title="another number of the sheet is copied",
    why="This is another number of the sheet, not the one that the formula gives here.",
    example=("batch-of-two", "net(o1)[1]"),
)  # fmt: skip
def number_copied(site: Site) -> Iterator[Changed]:
    """Put an earlier number of the sheet in the place; without a sheet, one that may stand near it there."""
    order = site.graph.order
    sheet = set(site.sheet)

    def on_paper(key: Key) -> bool:
        return not sheet or key in sheet or key in site.operands or site.role_of(key) in TASK

    near = dict.fromkeys(key for key in _near(site) if on_paper(key))
    for key in itertools.islice(dict.fromkeys([*near, *sorted(sheet, key=site.graph.order)]), COPIES):
        if order(key) < order(site.key) and site.node != site.ref(key):
            yield Changed(site.ref(key), f"that of {site.graph.name(key)}")


def _near(site: Site) -> Iterator[Key]:
    """Give the numbers that may be copied: those in the formula, those of the same kind, those of the same unit."""
    yield from site.operands
    yield from site.others(site.key, row=True)
    unit = site.quantity.units[site.place.unit] if not site.quantity.sources else ""
    for quantity in site.step.contents.quantities() if unit else ():
        if not quantity.sources and unit in quantity.units:
            row = site.place.row if quantity.rows else 0
            yield Key(quantity, Place(row, 0, quantity.units.index(unit)))
