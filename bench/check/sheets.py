"""Learners' sheets: numbers worked out with a mistake or without, and written down in one of several ways."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from typing import Literal

import msgspec
import numpy as np

from backlit.check.catalogue import Mistake, mistakes
from backlit.check.graph import StepGraph
from backlit.check.judging.findings import Variant
from backlit.check.judging.search import variants_at
from backlit.check.sheet import Claim, Sheet
from backlit.check.worlds import World
from backlit.check.written import Written
from backlit.explain.algebra.tree import Node
from backlit.explain.record.quantities import Key

Style = Literal["at the end", "each line", "truncated", "float32"]
STYLES: tuple[Style, ...] = ("at the end", "each line", "truncated", "float32")
BARE = {"input", "weight", "target", "slot"}
"""The roles of numbers that the task gives."""


def written_text(value: float, digits: int, *, cut: bool = False) -> str:
    """Write a number down with so many places behind the point; a small one with so many figures."""
    number = Decimal(repr(float(value)))
    if number and abs(number) < Decimal("0.001"):
        return f"{number:.{digits - 1}e}"
    return str(number.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_DOWN if cut else ROUND_HALF_EVEN))


class Working(World):
    """A learner's way through a step: every number, worked out from those before as this learner has them.

    Args:
        graph: the step. changed: the formulas that a mistake changed. slips: numbers that were written down wrongly, as
            functions of the right one. style, digits: how numbers are rounded.
    """

    def __init__(
        self, graph: StepGraph, changed: Mapping[Key, Node], style: Style, digits: int,
        slips: Mapping[Key, Node] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(graph, {}, changed)
        self.style, self.digits, self.slips = style, digits, slips or {}

    def kept(self, value: float) -> float:
        """Give a number as the learner goes on with it."""
        if not math.isfinite(value) or self.style == "at the end":
            return value
        if self.style == "float32":
            return float(np.float32(value))
        return float(written_text(value, self.digits, cut=self.style == "truncated"))

    @property
    def finite(self) -> bool:
        """Whether every number has a value."""
        numbers = [*map(self.value, self.graph.numbers()), *map(self.of, self.slips.values())]
        return all(map(math.isfinite, numbers))

    def text(self, key: Key, sign: int = 1) -> str:
        """Give a number as it is written down."""
        value = self.of(self.slips[key]) if key in self.slips else self.value(key)
        return written_text(sign * value, self.digits, cut=self.style == "truncated")

    def sheet(self, keys: Sequence[Key], *, negative: bool = False) -> Sheet:
        """Write the sheet; `negative` gives slopes of weighted sums as δ = -dE/dnet."""
        claims = []
        for key in keys:
            sign = -1 if negative and self.graph.role(key) == "net slope" else 1
            name = self.graph.name(key)
            claims.append(Claim(name, key, Written.of(self.text(key, sign)), sign))
        return Sheet("", tuple(claims))


def workable(graph: StepGraph) -> list[Key]:
    """Give the numbers that a learner works out."""
    return [key for key in graph.numbers() if graph.role(key) not in BARE and graph.formula(key) is not None]


def chosen(rng: np.random.Generator, keys: Sequence[Key], share: float = 0.5) -> list[Key]:
    """Choose the numbers that the sheet gives."""
    return [key for key in keys if rng.random() < share] or [keys[-1]]


class Changes(msgspec.Struct, frozen=True):
    """Where a mistake is made, and which formulas it leads to there."""

    code: str
    changed: dict[Key, Node]


class Planted:
    """A mistake that can be made in a step, at the numbers `keys`."""

    def __init__(self, entry: Mistake, keys: Sequence[Key]) -> None:
        self.code, self.scope, self.slip, self.keys = entry.code, entry.scope, entry.scope == "slip", list(keys)
        self.belief = entry.scope == "everywhere" and not entry.general

    def drawn(self, graph: StepGraph, rng: np.random.Generator, digits: int, *, alone: bool = False) -> Changes | None:
        """Draw where it is made: a belief everywhere or at one number, others at one number; None where it cannot."""
        places = [key for key in rng.permutation(len(self.keys)) for key in [self.keys[int(key)]]]
        for key in places[:8]:
            found = self._at(graph, key, digits)
            if not found:
                continue
            one = found[int(rng.integers(len(found)))]
            if not self.belief or alone or rng.random() < 0.5:
                return Changes(self.code, {key: one.node})
            same = {other: variant.node for other in self.keys for variant in self._at(graph, other, digits)
                    if variant.detail == one.detail}  # fmt: skip
            return Changes(self.code, same)
        return None

    def _at(self, graph: StepGraph, key: Key, digits: int) -> list[Variant]:
        return [variant for variant in kept_variants(graph, key, digits) if variant.mistake.code == self.code]


@functools.lru_cache(maxsize=4096)
def kept_variants(graph: StepGraph, key: Key, digits: int) -> tuple[Variant, ...]:
    """Give all that mistakes lead to at a number of a sheet with so many digits."""
    return tuple(variants_at(graph, key, unit=10.0**-digits))


def plants(graph: StepGraph, rng: np.random.Generator, codes: Sequence[str] | None = None) -> Iterator[Planted]:
    """Give each mistake that can be made in a step, in a random order."""
    keys = workable(graph)
    entries = [entry for entry in mistakes().values() if not entry.harmless and (codes is None or entry.code in codes)]
    for place in rng.permutation(len(entries)):
        entry = entries[int(place)]
        where = [key for key in keys if not entry.roles or graph.role(key) in entry.roles]
        if where:
            yield Planted(entry, where)
