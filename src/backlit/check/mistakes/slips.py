"""Slips in writing a number down: the point, two digits swapped, the sign, another number copied.

They change what the formula gives on the learner's own numbers, as it would stand on the sheet.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from backlit.check.catalogue import mistake
from backlit.check.digits import doubled_node, left_out_node, swapped_node
from backlit.check.patterns import negated
from backlit.check.site import Changed, Site
from backlit.explain.algebra.tree import Literal, over, times
from backlit.explain.record.quantities import Key, Place

COPIES = 64
"""So many other numbers are tried as the one that was copied, the nearest first."""
PLACES = 9
"""So many digits before the last one are tried."""


def _places(site: Site) -> Iterator[tuple[int, str]]:
    """Give the places of digits as powers of ten, from the last but one on, each with its words."""
    for place in range(site.last_place + 1, site.last_place + PLACES):
        yield place, _words(place)


def _words(place: int) -> str:
    """Say which digit stands at a power of ten.

    >>> _words(-2), _words(0)
    ('digit 2 behind the point', 'digit 1 before the point')
    """
    return f"digit {-place} behind the point" if place < 0 else f"digit {place + 1} before the point"


@mistake(
    "decimal-slip", roles=(), scope="slip", general=True, title="the decimal point is in the wrong place",
    why="The digits are right; the point has moved.", example=("sgd-step", "net(o1)"),
)  # fmt: skip
def decimal_slip(site: Site) -> Iterator[Changed]:
    """Move the point by up to three places."""
    for places in (1, 2, 3):
        power = Literal("1" + "0" * places)
        said = f"by {places} place" + ("s" if places > 1 else "")
        yield Changed(times(power, site.node), f"{said} to the right")
        yield Changed(over(site.node, power), f"{said} to the left")


@mistake(
    "digits-swapped", roles=(), scope="slip", general=True, title="two neighbouring digits are swapped",
    why="The digits are right, but two of them stand in each other's place.", example=("sgd-step", "net(o1)"),
)  # fmt: skip
def digits_swapped(site: Site) -> Iterator[Changed]:
    """Swap each pair of neighbouring digits."""
    for place in range(site.last_place, site.last_place + PLACES):
        yield Changed(swapped_node(site.node, site.last_place, place), f"{_words(place)} and the one before it")


@mistake(
    "sign-slip", roles=(), scope="slip", general=True, title="the sign is lost, or there is one too many",
    why="The digits are right; the sign is not.", example=("sgd-step", "net(o1)"),
)  # fmt: skip
def sign_slip(site: Site) -> Iterator[Changed]:
    """Turn the sign of the result."""
    yield Changed(negated(site.node))


@mistake(
    "digit-left-out", roles=(), scope="slip", general=True, title="a digit is left out",
    why="A digit got lost in writing the number down.", example=("sgd-step", "net(o1)"),
)  # fmt: skip
def digit_left_out(site: Site) -> Iterator[Changed]:
    """Leave each digit out but the last, which would be rounding; the sheet then has one decimal less, or a 0."""
    for place, words in _places(site):
        for last in (site.last_place, site.last_place - 1):
            yield Changed(left_out_node(site.node, last, place), words)


@mistake(
    "digit-doubled", roles=(), scope="slip", general=True, title="a digit is written twice",
    why="A digit was written twice.", example=("sgd-step", "net(o1)"),
)  # fmt: skip
def digit_doubled(site: Site) -> Iterator[Changed]:
    """Write each digit twice but the last, which would be a digit more; the sheet may have one decimal more then."""
    for place, words in _places(site):
        for last in (site.last_place, site.last_place + 1):
            if place > last:
                yield Changed(doubled_node(site.node, last, place), words)


@mistake(
    "number-copied", roles=(), scope="slip", general=True, title="another number of the sheet is copied",
    why="This is another number of the sheet, not what belongs here.", example=("batch-of-two", "net(o1)[1]"),
)  # fmt: skip
def number_copied(site: Site) -> Iterator[Changed]:
    """Put another number of the sheet in the place; without a sheet, one that may stand near it there."""
    near = dict.fromkeys(key for key in _near(site) if not site.sheet or key in site.sheet)
    for key in itertools.islice(dict.fromkeys([*near, *site.sheet]), COPIES):
        if key != site.key:
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
