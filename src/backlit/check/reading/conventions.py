"""Which conventions a sheet has: as declared, else those under which clearly more of its numbers follow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

from backlit.check.graph import StepGraph
from backlit.check.reading.convention_table import OF_A_ROW, Factor, Topic, Way, kinds_of, topics
from backlit.check.reading.declarations import Declared
from backlit.check.reading.name_rules import Reading
from backlit.check.worlds import World
from backlit.check.written import Written
from backlit.errors import BacklitError
from backlit.explain.record.quantities import Key

DELTAS = ("δ", "delta", "Delta", "Δ")
SIGNS = ("delta", "change")
"""The topics that are a sign alone: where no number tells, it is the one that the numbers have."""
NEAR = 0.01
"""A number follows, for this purpose, that differs by so much of itself at most, or by its last digit."""
CLEARLY = 2
"""Another way than Backlit's is recognised where so many more numbers follow."""
ROUNDS = 3
"""So often all topics are gone through: what is chosen of one may tell another."""
SINCE = "since more of the sheet's numbers follow so"


class Numbered(Protocol):
    """What has a number as written."""

    @property
    def written(self) -> Written:
        """The number."""

    @property
    def name(self) -> str:
        """Its name on the sheet."""


def recognised(
    graph: StepGraph, read: Sequence[tuple[Numbered, Reading]], declared: Declared, notes: list[str]
) -> list[Factor]:
    """Give the factor of each number, between the sheet's and the record's; add to the notes what was recognised."""
    sheet = _Sheet(graph, read)
    said = _declared(sheet, declared)
    for _ in range(ROUNDS):
        before = dict(sheet.chosen)
        for topic in sheet.topics:
            if topic.name not in said:
                sheet.why[topic.name] = _chosen(sheet, topic, declared)
        if sheet.chosen == before:
            break
    notes += filter(None, (_note(sheet, topic, said) for topic in sheet.topics))
    return sheet.factors(sheet.chosen)


class _Sheet:
    """The numbers of a sheet, to be tried under one way after another.

    Attributes:
        topics: those that it has numbers of. chosen: the way of each, by its name. why: what speaks for it.
    """

    def __init__(self, graph: StepGraph, read: Sequence[tuple[Numbered, Reading]]) -> None:
        self.graph, self.read = graph, read
        self.kinds = [kinds_of(graph, reading) for _, reading in read]
        there = {kind for kinds in self.kinds for kind in kinds}
        self.topics = [topic for topic in topics(graph) if there & topic.kinds and len(topic.ways) > 1]
        self.chosen: dict[str, Way] = {topic.name: topic.ways[0] for topic in self.topics}
        self.why: dict[str, str] = {}
        self.plain = World(graph, {})
        self._weights = {update.new: update.parameter for step in graph.steps for update in step.contents.updates}
        self._order = sorted(range(len(read)), key=lambda k: graph.order(read[k][1].key))
        self._tried: dict[tuple[int, ...], list[int]] = {}

    def factors(self, ways: Mapping[str, Way]) -> list[Factor]:
        """Give the factor of each number under some ways, the sign of its reading included."""
        found = []
        for (_, reading), kinds in zip(self.read, self.kinds, strict=True):
            factor = Factor(float(reading.sign))
            for kind in kinds:
                for way in ways.values():
                    if kind in way.factors:
                        factor = factor.by(way.factors[kind](self.graph.steps[self.graph.step_of(reading.key)]))
            found.append(factor)
        return found

    def following(self, ways: Mapping[str, Way]) -> list[int]:
        """Tell of each number whether it follows from the others under some ways: 1, or 2 of a change in two ways."""
        tried = tuple(map(id, ways.values()))
        if tried not in self._tried:
            self._tried[tried] = self._following(self.factors(ways))
        return self._tried[tried]

    def _following(self, factors: Sequence[Factor]) -> list[int]:
        given: dict[Key, float] = {}
        for k in self._order:
            numbered, reading = self.read[k]
            value = factors[k].value * numbered.written.value
            if reading.base is not None:
                value += given.get(reading.base, self.plain.value(reading.base))
            if reading.base is None or reading.key not in given:
                given[reading.key] = value
        own = World(self.graph, given)
        found = []
        for (numbered, reading), factor in zip(self.read, factors, strict=True):
            base = 0.0 if reading.base is None else own.value(reading.base)
            claimed, follows = factor.value * numbered.written.value, own.follows(reading.key) - base
            last = 1.5 * numbered.written.unit * abs(factor.value)
            size = abs(follows - self._old(reading, own))
            count = int(abs(claimed - follows) <= max(last, NEAR * size))
            if reading.base is not None and reading.key in given:
                count += abs(claimed + base - given[reading.key]) <= max(last, NEAR * abs(claimed))
            found.append(count)
        return found

    def _old(self, reading: Reading, own: World) -> float:
        """Give the old weight of a new one, whose change tells more than its size; 0 of another number."""
        if reading.base is not None or self.graph.role(reading.key) != "new weight":
            return 0.0
        old = self._weights.get(reading.key.quantity)
        return 0.0 if old is None else own.value(Key(old, reading.key.place))

    def of(self, topic: Topic) -> list[int]:
        """Give the places of a topic's numbers."""
        return [k for k, kinds in enumerate(self.kinds) if topic.kinds.intersection(kinds)]


def _declared(sheet: _Sheet, declared: Declared) -> set[str]:
    """Choose what is declared; give the topics that it settles."""
    signs = {None: "", 1: "dE/dnet", -1: "-dE/dnet"}
    wanted = {"delta": signs[declared.sign], "mean": "n" if declared.rows else "", "velocity": declared.velocity}
    settled = {topic.name for topic in sheet.topics if wanted.get(topic.name)}
    for topic in sheet.topics:
        if topic.name in settled:
            fits = [way for way in topic.ways if way.name == wanted[topic.name]]
            if not fits:
                raise BacklitError(
                    f"velocity is declared as {declared.velocity}, with the rate at the update; the rate changes "
                    "between the steps here, so that is another rule than Backlit's: declare none."
                )
            sheet.chosen[topic.name] = fits[0]
    return settled


def _chosen(sheet: _Sheet, topic: Topic, declared: Declared) -> str:
    """Choose the way of a topic; give what speaks for it: "more", or "" where the numbers do not tell."""
    own, *others = topic.ways
    usual = sheet.following({**sheet.chosen, topic.name: own})
    if topic.name in SIGNS:
        return _sign(sheet, topic, sum(usual))
    sheet.chosen[topic.name], best, why = own, 0, "own"
    about = sheet.of(topic)
    tells = [k for k, (_, reading) in enumerate(sheet.read) if sheet.graph.role(reading.key) in topic.after]
    if all(usual[k] for k in {*about, *tells}):
        return "own"
    for way in others:
        found = sheet.following({**sheet.chosen, topic.name: way})
        gain = sum(found) - sum(usual)
        after = [k for k in tells if not set(way.factors).intersection(sheet.kinds[k])]
        told = sum(found[k] - usual[k] for k in after)
        if gain < CLEARLY or gain <= best or told < 0 or (not told and not all(found[k] for k in after)):
            continue
        moved = [k for k in about if set(way.factors).intersection(sheet.kinds[k])]
        if not told and not _is_named_freely(sheet, moved, declared):
            why = "unclear" if way is OF_A_ROW else why
            continue
        sheet.chosen[topic.name], best, why = way, gain, "more" if told else ""
    return why


def _is_named_freely(sheet: _Sheet, about: Sequence[int], declared: Declared) -> bool:
    """Tell whether numbers have names that leave their meaning open, as δ and v do, and dE/dnet does not."""
    free = all("delta" in sheet.kinds[k] or "velocity" in sheet.kinds[k] for k in about)
    return free and declared.sign is None


def _sign(sheet: _Sheet, topic: Topic, usual: int) -> str:
    """Choose the sign under which more numbers follow, of equally many the one that more have."""
    own, other = topic.ways
    negative = sum(sheet.following({**sheet.chosen, topic.name: other}))
    if negative != usual:
        sheet.chosen[topic.name] = own if usual > negative else other
        return "more"
    same, factors = 0, sheet.factors({**sheet.chosen, topic.name: own})
    for k in sheet.of(topic):
        numbered, reading = sheet.read[k]
        right = sheet.plain.value(reading.key) - (0.0 if reading.base is None else sheet.plain.value(reading.base))
        agrees = math.copysign(1.0, factors[k].value) * numbered.written.value * right
        same += (agrees > 0) - (agrees < 0)
    sheet.chosen[topic.name] = other if same < 0 else own
    return ""


# --------------------------------------------------------------------------------------------------------------- notes


def _note(sheet: _Sheet, topic: Topic, said: set[str]) -> str:
    """Say which way a topic's numbers are read; of Backlit's own way only where it is not obvious, as of δ."""
    way, why = sheet.chosen[topic.name], sheet.why.get(topic.name, "")
    is_own = way is topic.ways[0]
    if topic.name in said:
        return f"{way.says.replace('are read', 'are').replace('is read as', 'is')}, as declared" if way.says else ""
    if topic.name == "delta":
        return f"{way.says}, {SINCE}" if why else f"{way.says}; {UNTOLD[topic.name]}"
    if topic.name == "change":
        return way.says if is_own else f"{way.says}, {SINCE}"
    if why == "unclear":
        return UNCLEAR
    if is_own:
        return ""
    return f"{way.says}, {SINCE}" if why else f"{way.says}; {UNTOLD[topic.name]}"


UNCLEAR = (
    'the slopes of rows follow without the 1/n of the mean, too; if that is meant, declare it with delta, "n dE/dnet"'
)
UNTOLD = {
    "delta": 'the sheet\'s numbers do not tell its sign: declare it with delta, "dE/dnet" or "-dE/dnet"',
    "mean": 'no other number of the sheet tells: declare it with delta, "dE/dnet" or "n dE/dnet"',
    "velocity": 'no new weight of the sheet tells that: declare it with velocity, such as "μv - ηg"',
}
"""What is said of a way that was chosen though no number that follows from it is given."""
