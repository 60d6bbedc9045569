"""Which sign a sheet's δ and Δw have: as declared, else the one under which more of its numbers follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from backlit.check.graph import StepGraph
from backlit.check.reading.name_rules import Reading
from backlit.check.worlds import World
from backlit.check.written import Written
from backlit.explain.record.quantities import Key

DELTAS = ("δ", "delta", "Delta", "Δ")
NEAR = 0.01
"""A number follows, for this purpose, that differs by so much of itself at most, or by its last digit."""


class Numbered(Protocol):
    """What has a number as written."""

    @property
    def written(self) -> Written:
        """The number."""


def recognised(
    graph: StepGraph, read: Sequence[tuple[Numbered, Reading]], declared: int | None, notes: list[str]
) -> Mapping[str, int]:
    """Give the sign of the sheet's δ's and of its Δw's; add to the notes what was recognised.

    `declared` is the sign of δ, if it is said: 1 for dE/dnet, -1 for -dE/dnet.
    """
    signs = {"delta": declared or 1, "change": 1}
    kinds = {reading.kind for _, reading in read}
    if "delta" in kinds:
        if declared is None:
            signs["delta"], sure = _chosen(graph, read, signs, "delta")
            notes.append(_of_delta(signs["delta"], sure))
        else:
            notes.append(f"δ is {'-' if declared < 0 else ''}dE/dnet, as declared")
    if "change" in kinds:
        signs["change"], sure = _chosen(graph, read, signs, "change")
        notes.append(_of_change(signs["change"]))
    return signs


def _of_delta(sign: int, sure: bool) -> str:
    meaning = f"δ is read as {'-' if sign < 0 else ''}dE/dnet"
    if not sure:
        return f'{meaning}; the sheet\'s numbers do not tell its sign: declare it with delta, "dE/dnet" or "-dE/dnet"'
    return f"{meaning}, since more of the sheet's numbers follow so"


def _of_change(sign: int) -> str:
    if sign > 0:
        return "Δw is read as the new weight minus the old one"
    return "Δw is read as the old weight minus the new one, since more of the sheet's numbers follow so"


def _chosen(
    graph: StepGraph, read: Sequence[tuple[Numbered, Reading]], signs: Mapping[str, int], kind: str
) -> tuple[int, bool]:
    """Give the sign under which more numbers follow, of equally many the one that more have; and whether that tells."""
    scores = {sign: _following(graph, read, {**signs, kind: sign}) for sign in (1, -1)}
    if scores[1] != scores[-1]:
        return (1 if scores[1] > scores[-1] else -1), True
    plain = World(graph, {})
    same = 0
    for numbered, reading in read:
        if reading.kind == kind:
            right = plain.value(reading.key) - (0.0 if reading.base is None else plain.value(reading.base))
            agrees = reading.sign * numbered.written.value * right
            same += (agrees > 0) - (agrees < 0)
    return (-1 if same < 0 else 1), False


def _following(graph: StepGraph, read: Sequence[tuple[Numbered, Reading]], signs: Mapping[str, int]) -> int:
    """Count the numbers that follow from the others under some signs."""
    plain = World(graph, {})
    given: dict[Key, float] = {}
    for numbered, reading in sorted(read, key=lambda pair: graph.order(pair[1].key)):
        value = reading.sign * signs.get(reading.kind, 1) * numbered.written.value
        if reading.base is not None:
            value += given.get(reading.base, plain.value(reading.base))
        if reading.base is None or reading.key not in given:
            given[reading.key] = value
    own = World(graph, given)
    count = 0
    for numbered, reading in read:
        base = 0.0 if reading.base is None else own.value(reading.base)
        claimed = reading.sign * signs.get(reading.kind, 1) * numbered.written.value
        follows = own.follows(reading.key) - base
        count += abs(claimed - follows) <= max(1.5 * numbered.written.unit, NEAR * abs(follows))
        if reading.base is not None and reading.key in given:
            count += abs(claimed + base - given[reading.key]) <= max(1.5 * numbered.written.unit, NEAR * abs(claimed))
    return count
