"""Slips in writing a number down: the point, two digits swapped, the sign, another number copied.

They change what the formula gives on the learner's own numbers, as it would stand on the sheet: see `Site.unit`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from decimal import Decimal

from backlit.check.catalogue import mistake
from backlit.check.mistakes.general import rounded
from backlit.check.site import Changed, Site
from backlit.explain.algebra.tree import Literal, Node, neg, over, times
from backlit.explain.record.quantities import Key

FIGURES = 6
"""The significant figures of a number whose digits on the sheet are not known."""
COPIES = 64
"""So many other numbers are tried as the one that was copied, the nearest first."""


def _text(site: Site) -> str:
    """Give the expected number as it would stand on the sheet, without its sign; empty where it is none."""
    value = abs(site.expected)
    if not math.isfinite(value):
        return ""
    if not site.unit:
        return f"{rounded(value, FIGURES, figures=True):f}"
    return f"{rounded(value, -Decimal(repr(site.unit)).adjusted()):f}"


def _with(site: Site, text: str) -> Node:
    return neg(Literal(text)) if site.expected < 0 else Literal(text)


def _changed(site: Site, *texts: tuple[str, str]) -> Iterator[Changed]:
    """Give the texts whose number is another one."""
    seen = {Decimal(_text(site))}
    for text, detail in texts:
        if text.strip(".") and Decimal(text) not in seen:
            seen.add(Decimal(text))
            yield Changed(_with(site, text), detail)


@mistake(
    "decimal-slip", roles=(), scope="slip", general=True, title="the decimal point is in the wrong place",
    why="The digits are right; the point has moved.", example=("sgd-step", "net(o1)"),
)  # fmt: skip
def decimal_slip(site: Site) -> Iterator[Changed]:
    """Move the point by up to three places."""
    if site.expected == 0 or not math.isfinite(site.expected):
        return
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
    text = _text(site)
    places = [k for k, letter in enumerate(text) if letter.isdigit()]
    made = []
    for one, other in itertools.pairwise(places):
        letters = [*text]
        letters[one], letters[other] = letters[other], letters[one]
        made.append(("".join(letters), f"{text[one]} and {text[other]}"))
    yield from _changed(site, *made) if text else ()


@mistake(
    "sign-slip", roles=(), scope="slip", general=True, title="the sign is lost, or there is one too many",
    why="The digits are right; the sign is not.", example=("sgd-step", "net(o1)"),
)  # fmt: skip
def sign_slip(site: Site) -> Iterator[Changed]:
    """Turn the sign of the result."""
    if site.expected != 0:
        yield Changed(neg(site.node), "lost" if site.expected < 0 else "added")


@mistake(
    "digit-left-out", roles=(), scope="slip", general=True, title="a digit is left out",
    why="A digit got lost in writing the number down.", example=("sgd-step", "net(o1)"),
)  # fmt: skip
def digit_left_out(site: Site) -> Iterator[Changed]:
    """Leave each digit out but the last, which would be rounding."""
    text = _text(site)
    places = [k for k, letter in enumerate(text) if letter.isdigit()][:-1]
    made = [(text[:k] + text[k + 1 :], f"the {text[k]}") for k in places if text[:k].strip("0.") or text[k] != "0"]
    yield from _changed(site, *made) if text else ()


@mistake(
    "digit-doubled", roles=(), scope="slip", general=True, title="a digit is written twice",
    why="A digit was written twice.", example=("sgd-step", "net(o1)"),
)  # fmt: skip
def digit_doubled(site: Site) -> Iterator[Changed]:
    """Write each digit twice, the last one excepted, which would be a digit more."""
    text = _text(site)
    places = [k for k, letter in enumerate(text) if letter.isdigit()][:-1]
    yield from _changed(site, *((text[:k] + text[k:k + 1] + text[k:], f"the {text[k]}") for k in places)) if text else ()


@mistake(
    "number-copied", roles=(), scope="slip", general=True, title="another number of the sheet is copied",
    why="This is another number of the sheet, not what belongs here.", example=("batch-of-two", "net(o1)[1]"),
)  # fmt: skip
def number_copied(site: Site) -> Iterator[Changed]:
    """Put another number in the place: of the same quantity, of the same unit, or one that enters the formula."""
    for key in itertools.islice(_others(site), COPIES):
        yield Changed(site.ref(key), f"that of {site.graph.name(key)}")


def _others(site: Site) -> Iterator[Key]:
    """Give the numbers that may be copied, each once: those that the formula has, then its neighbours."""
    seen = {site.key}
    unit = site.quantity.units[site.place.unit] if not site.quantity.sources else ""

    def found() -> Iterator[Key]:
        yield from site.operands
        yield from site.others(site.key, row=True)
        for quantity in site.step.contents.quantities() if unit else ():
            if not quantity.sources and unit in quantity.units:
                row = site.place.row if quantity.rows else 0
                yield Key(quantity, type(site.place)(row, 0, quantity.units.index(unit)))

    for key in found():
        if key not in seen:
            seen.add(key)
            yield key
