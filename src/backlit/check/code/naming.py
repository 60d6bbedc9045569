"""Which mistake of the catalogue gives a learner's arrays."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from backlit.check.code.comparing import Scale
from backlit.check.code.planted import EVERYWHERE, PlantedStep, Planting, arrays_of, lineage, plantings, rank_of
from backlit.check.code.records import FoundMistake
from backlit.check.evaluation import recorded, value_of
from backlit.check.graph import StepGraph
from backlit.explain.algebra.printing import plain
from backlit.explain.algebra.tree import Apply, Node
from backlit.explain.record.quantities import Key
from backlit.kernels.types import Array

MOST_TIES = 4
PAIRED = 8
"""So many mistakes that explain a part are tried together with each other."""
DIGITS = 6
THOROUGH_UP_TO = 2_000
"""In steps of more numbers wrong beliefs are looked for alone, and no two mistakes together."""
RANKS = (0, 1, 2)
"""Wrong beliefs are tried first, then what is done at one number, then any change of a formula."""


class Fitting(NamedTuple):
    """A planting, or two together, with the wrong arrays that come out as the learner's."""

    plantings: tuple[Planting, ...]
    explains: tuple[str, ...]


class Search:
    """Looks for the mistakes that give a learner's arrays.

    Args:
        graph: of the step on the rows that the arrays are of. keys: which numbers of the step each array holds.
            mine: the learner's arrays by names. right: the right ones. scale: how they are compared.
    """

    def __init__(
        self, graph: StepGraph, keys: Mapping[str, Array], mine: Mapping[str, Array], right: Mapping[str, Array],
        scale: Scale,
    ) -> None:  # fmt: skip
        self.graph, self.mine, self.right, self.scale = graph, mine, right, scale
        self.keys = {name: keys[name] for name in mine if name in keys}
        self.wrong = [name for name in mine if not scale.close(mine[name], right[name])]

    def predicted(self, changes: Sequence[Mapping[Key, Node]]) -> dict[str, Array]:
        """Give the arrays for all plantings, (plantings, *shape)."""
        return arrays_of(PlantedStep(self.graph, changes), self.keys)

    def found(self) -> tuple[list[FoundMistake], bool]:
        """Give the mistakes that explain the most, and whether it takes all of them together."""
        if not self.wrong:
            return [], False
        parts = list[Fitting]()
        thorough = len(self.graph.steps[0]) <= THOROUGH_UP_TO
        for rank in RANKS if thorough else RANKS[:1]:
            self.tried = plantings(self.graph, rank)
            fits = self._fits([(one,) for one in self.tried])
            whole = [fit for fit in fits if len(fit.explains) == len(self.wrong)]
            if whole:
                return self._told(whole), False
            parts += fits
            if rank == 0:
                known, beliefs = fits, self.tried
        pairs = self._pairs(known, beliefs) if thorough else []
        if pairs:
            return [self._record(one, pairs[0].explains) for one in pairs[0].plantings], True
        most = max((len(fit.explains) for fit in parts), default=0)
        return self._told([fit for fit in parts if len(fit.explains) == most]) if most else [], False

    def _fits(self, candidates: Sequence[tuple[Planting, ...]]) -> list[Fitting]:
        """Give the candidates that lead to some of the wrong arrays, and spoil none of the right ones."""
        changes = []
        for of in candidates:
            merged: dict[Key, Node] = {}
            for one in of:
                merged |= one.changes
            changes.append(merged)
        if not changes:
            return []
        predicted = self.predicted(changes)
        same = {name: self._same(predicted[name], self.mine[name]) for name in self.mine if name in predicted}
        unchanged = {name: self._same(predicted[name], self.right[name]) for name in self.wrong if name in predicted}
        found = []
        for m, of in enumerate(candidates):
            explains = tuple(name for name in self.wrong if name in same and same[name][m] and not unchanged[name][m])
            spoilt = any(not same[name][m] for name in same if name not in self.wrong)
            if explains and not spoilt:
                found.append(Fitting(of, explains))
        return found

    def _same(self, predicted: Array, other: Array) -> Array:
        """Tell for each planting whether an array is another, within the tolerance."""
        axes = tuple(range(1, predicted.ndim))
        with np.errstate(all="ignore"):
            gaps = np.abs(predicted - other).max(axis=axes)
            top = np.maximum(np.abs(predicted).max(axis=axes), self.scale.of(other, other))
            return np.asarray(np.isfinite(gaps) & (gaps <= self.scale.tolerance * top))

    def _pairs(self, fits: Sequence[Fitting], beliefs: Sequence[Planting]) -> list[Fitting]:
        """Give the pairs of mistakes that explain all arrays together.

        The later layers' arrays depend on fewer mistakes: one of the two explains some of them alone.
        """
        ones = [fit.plantings[0] for fit in sorted(fits, key=lambda fit: -len(fit.explains))][:PAIRED]
        pairs = [(one, other) for one, other in itertools.product(ones, beliefs)
                 if one.mistake.code != other.mistake.code and one.with_other(other) is not None]  # fmt: skip
        return [fit for fit in self._fits(pairs) if len(fit.explains) == len(self.wrong)]

    # ----------------------------------------------------------------------------------------------------------- words

    def _told(self, fits: Sequence[Fitting]) -> list[FoundMistake]:
        """Give the mistakes, once each: where several forms of one lead to the same, that made everywhere."""
        least = min(rank_of(fit.plantings[0].mistake) for fit in fits)
        known = [fit for fit in fits if rank_of(fit.plantings[0].mistake) == least]
        most: dict[str, Fitting] = {}
        for fit in known:
            (one,) = fit.plantings
            before = most.get(one.mistake.code)
            if before is None or (before.plantings[0].where != EVERYWHERE and one.where == EVERYWHERE):
                most[one.mistake.code] = fit
        return [self._record(fit.plantings[0], fit.explains) for fit in most.values()][:MOST_TIES]

    def _record(self, planting: Planting, explains: tuple[str, ...]) -> FoundMistake:
        mistake = planting.mistake
        line, right_line = self._lines(planting, explains)
        return FoundMistake(
            mistake.code, mistake.title, mistake.why, planting.where, planting.detail, explains, len(self.wrong), line,
            right_line,
        )  # fmt: skip

    def _lines(self, planting: Planting, explains: Sequence[str]) -> tuple[str, str]:
        """Give a line as the mistake changes it, and as it is right: of the first kind of number that it changes.

        It enters an array that the mistake explains, and is the one that differs the most: where an input is 0, nothing
        is to be seen.
        """
        entering = lineage(self.graph, [key for name in explains for key in self.keys[name].flat])
        first, best = None, (0.0, "", "")
        for key, node in planting.changes.items():
            if key not in entering or (first is not None and key.quantity is not first):
                continue
            value, right = value_of(node, recorded), recorded(key)
            if not abs(value - right) > best[0]:
                continue
            formula = self.graph.formula(key)
            assert formula is not None
            first = key.quantity
            best = abs(value - right), self._line(key, node, value), self._line(key, formula, right)
        return best[1], best[2]

    def _line(self, key: Key, node: Node, value: float) -> str:
        numbers = plain(node, DIGITS) if isinstance(node, Apply) else ""  # a number alone is the result
        parts = (self.graph.name(key), plain(node), numbers, f"{value:.{DIGITS}g}")
        return " = ".join(dict.fromkeys(filter(None, parts)))
