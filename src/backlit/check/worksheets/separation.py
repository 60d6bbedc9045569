"""How far the results of all mistakes lie apart: from the right one, and at the same number from each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from backlit.check.catalogue import mistakes
from backlit.check.graph import StepGraph
from backlit.check.site import Site
from backlit.check.worksheets.draws import Array
from backlit.check.worksheets.numbers import Numbers
from backlit.errors import BacklitError
from backlit.explain.algebra.numerals import smallest_fixed
from backlit.explain.algebra.tree import Node
from backlit.explain.record.quantities import Key

SAME = 1e-9
"""Results that differ by less, in all draws, are those of the same formula."""
HIDDEN = 1e-12


class Variant(msgspec.Struct, frozen=True):
    """What a mistake leads to at a number."""

    code: str
    detail: str
    node: Node


class Asked(msgspec.Struct, frozen=True):
    """A number that a sheet asks for, with what mistakes lead to there: of equal formulas the first."""

    key: Key
    variants: tuple[Variant, ...]


def asked_numbers(graph: StepGraph, keys: Sequence[Key], sample: Numbers) -> list[Asked]:
    """Give the numbers with the mistakes of the catalogue; `sample` has some draws that tell equal formulas."""
    return [Asked(key, tuple(_distinct(key, _variants(graph, key), sample))) for key in keys]


def _variants(graph: StepGraph, key: Key) -> Iterator[Variant]:
    """Give all formulas of mistakes; slips of the pen and what only says that something was changed do not count."""
    for node in graph.formulas(key):
        site = Site(graph, key, node)
        for mistake in mistakes().values():
            if mistake.scope == "slip" or mistake.general or mistake.harmless:
                continue
            for changed in mistake.at(site):
                yield Variant(mistake.code, changed.detail, changed.node)


def _distinct(key: Key, variants: Iterator[Variant], sample: Numbers) -> Iterator[Variant]:
    """Leave out what is the same formula as the right one, or as that of a mistake before it."""
    with np.errstate(all="ignore"):
        seen = [np.asarray(sample.of(key), float)]
        for variant in variants:
            try:
                value = np.asarray(sample.value(variant.node), float)
            except (LookupError, BacklitError, ValueError):  # an op of one's own
                continue
            if not any(_same(value, other) for other in seen):
                seen.append(value)
                yield variant


def _same(one: Array, other: Array) -> bool:
    return bool(np.allclose(one, other, rtol=SAME, atol=SAME, equal_nan=True))


class Separation(msgspec.Struct, frozen=True):
    """The smallest distance of each draw, in units of the last digit, and between what it is.

    Attributes:
        least: (draws,). pairs: for each asked number the smallest distance there (asked, draws).
    """

    least: Array
    pairs: Array


def separation(asked: Sequence[Asked], numbers: Numbers, draws: int, digits: int, *, zeros: bool) -> Separation:
    """Measure the distances of results in every draw, in units of the last digit.

    With `zeros`, results that are equal because a zero hides the difference do not count, if the mistake leads to
    another result at another number of the same kind.
    """
    pairs = np.full((len(asked), draws), np.inf)
    if not draws:
        return Separation(np.empty(0), pairs)
    shows: dict[tuple[str, Any], Any] = {}
    with np.errstate(all="ignore"):
        for place, one in enumerate(asked):
            right = _many(numbers.of(one.key), draws)
            wrong = [_many(numbers.value(variant.node), draws) for variant in one.variants]
            unit = unit_of(right, digits)
            for variant, value in zip(one.variants, wrong, strict=True):
                of = variant.code, one.key.quantity
                seen = ~(np.abs(value - right) <= HIDDEN)
                shows[of] = seen if of not in shows else np.logical_or(shows[of], seen)
            values = np.sort(np.stack([right, *wrong]), axis=0)  # NaN last, which is no result
            apart = np.diff(values, axis=0)
            if zeros:
                apart = np.where(apart <= HIDDEN, np.inf, apart)
            if len(apart):
                pairs[place] = np.nanmin(np.where(np.isnan(apart), np.inf, apart), axis=0) / unit
    least: Array = pairs.min(axis=0, initial=np.inf)
    if zeros and shows:
        least = np.where(np.logical_and.reduce(list(shows.values())), least, 0.0)
    return Separation(least, pairs)


def unit_of(values: Array, digits: int) -> Array:
    """Give the unit of the last digit of numbers as they are written with so many places."""
    sizes = np.abs(values)
    small = (sizes < float(smallest_fixed(digits))) & (sizes > 0)
    exponent = np.floor(np.log10(np.where(small, sizes, 1.0)))
    return np.where(small, 10.0 ** (exponent - max(digits - 1, 0)), 10.0**-digits)


def _many(value: Any, draws: int) -> Array:
    return np.broadcast_to(np.asarray(value, float), (draws,))
