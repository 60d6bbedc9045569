"""The sheets of one network and seed, checked: planted ones, right ones, and ones with two mistakes."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence

import numpy as np

from backlit.check.graph import StepGraph
from backlit.check.judging.verdicts import judge
from backlit.check.sheet import Sheet
from backlit.explain.record.quantities import Key
from bench.check.networks import graph_of
from bench.check.scores import Line, alike, first_shown, found_in, same_as
from bench.check.sheets import STYLES, Planted, Style, Working, chosen, plants, workable

DIGITS = (4, 5, 6, 7, 9)
FEW_DIGITS = 3
PAIRS = 12
"""So many pairs of mistakes of each network and seed."""


class Cell:
    """A network and a seed, with a generator of its own."""

    def __init__(self, network: str, seed: int) -> None:
        self.network, self.seed = network, seed
        self.graph: StepGraph = graph_of(network, seed)
        self.keys: list[Key] = workable(self.graph)
        self.rng = np.random.default_rng([seed, sum(network.encode())])

    def digits(self, few: bool) -> int:
        """Draw how many digits a sheet has."""
        return FEW_DIGITS if few else int(self.rng.choice(DIGITS))

    def planted(self, codes: Sequence[str] | None, *, few: bool = False) -> Iterator[Line]:
        """Give a line for each mistake that can be made."""
        for mistake in plants(self.graph, self.rng, codes):
            line = self._one(mistake, self.digits(few))
            if line is not None:
                yield line

    def _one(self, mistake: Planted, digits: int) -> Line | None:
        given = chosen(self.rng, self.keys)
        variants = mistake.drawn(self.graph, self.rng, digits)
        if variants is None:
            return None
        if mistake.slip:
            given = sorted({*given, *variants.changed}, key=self.graph.order)
            work = Working(self.graph, {}, "at the end", digits, variants.changed)
        else:
            style: Style = "at the end" if self.rng.random() < 0.5 else "each line"
            work = Working(self.graph, variants.changed, style, digits)
        if not work.finite:
            return None
        sheet = work.sheet(given)
        first = first_shown(self.graph, sheet, variants.changed)
        found, codes, wrong, seconds = self._checked(sheet)
        name = "" if first is None else self.graph.name(first)
        same = same_as(self.graph, variants, digits)
        counted = first is not None and not alike(self.graph, work, sheet, variants, digits, (mistake.code, *same))
        return Line(
            "planted", self.network, self.seed, digits, work.style, mistake.code, mistake.scope, counted,
            first is not None, name, found, codes, same, len(given), wrong, seconds,
        )  # fmt: skip

    def _checked(self, sheet: Sheet) -> tuple[str, tuple[str, ...], int, float]:
        begun = time.process_time()
        work = judge(self.graph, sheet)
        return *found_in(work), len(work.wrong), time.process_time() - begun

    def right(self) -> Iterator[Line]:
        """Give a line for a right sheet in each style, with δ in either sign."""
        for style, negative in itertools.product(STYLES, (False, True)):
            digits = int(self.rng.integers(3, 10))
            work = Working(self.graph, {}, style, digits)
            sheet = work.sheet(chosen(self.rng, self.keys), negative=negative)
            found, codes, wrong, seconds = self._checked(sheet)
            yield Line("right", self.network, self.seed, digits, style, "", "", True, False, "", found, codes,
                       (), len(sheet.claims), wrong, seconds)  # fmt: skip

    def two(self) -> Iterator[Line]:
        """Give a line for each of some pairs of mistakes that show at two numbers."""
        every = [mistake for mistake in plants(self.graph, self.rng, None) if not mistake.slip]
        for _ in range(PAIRS):
            one, other = (every[int(k)] for k in self.rng.choice(len(every), 2, replace=False))
            line = self._pair(one, other)
            if line is not None:
                yield line

    def _pair(self, one: Planted, other: Planted) -> Line | None:
        digits = self.digits(few=False)
        drawn = [mistake.drawn(self.graph, self.rng, digits, alone=True) for mistake in (one, other)]
        if drawn[0] is None or drawn[1] is None or drawn[0].changed.keys() & drawn[1].changed.keys():
            return None
        work = Working(self.graph, {**drawn[0].changed, **drawn[1].changed}, "at the end", digits)
        if not work.finite:
            return None
        sheet = work.sheet(chosen(self.rng, self.keys))
        places = [first_shown(self.graph, sheet, variants.changed) for variants in drawn if variants]
        begun = time.process_time()
        found = judge(self.graph, sheet)
        seconds = time.process_time() - begun
        wrong = {number.record for number in found.wrong}
        counted = None not in places and places[0] != places[1]
        names = [self.graph.name(place) for place in places if place is not None]
        both = all(name in wrong for name in names)
        return Line(
            "two", self.network, self.seed, digits, work.style, f"{one.code}, {other.code}", "here", counted, True,
            "; ".join(names), "; ".join(names) if both else "", (), (), len(sheet.claims), len(wrong), seconds,
        )  # fmt: skip


def lines_of(network: str, seed: int, kinds: Sequence[str], codes: Sequence[str] | None = None) -> list[Line]:
    """Give the lines of a network and a seed; `kinds` are planted, few, right, two."""
    cell, lines = Cell(network, seed), list[Line]()
    if "planted" in kinds:
        lines += cell.planted(codes)
    if "few" in kinds:
        lines += cell.planted(codes, few=True)
    if "right" in kinds:
        lines += cell.right()
    if "two" in kinds:
        lines += cell.two()
    return lines
