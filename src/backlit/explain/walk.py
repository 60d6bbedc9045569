"""A step walked through: one row forward, its error, back, and the update, one phase and one layer at a time."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence

import msgspec

from backlit.explain.contents import GIVEN
from backlit.explain.network_drawing import columns_of
from backlit.explain.record.quantities import Group, Key, Place, Quantity
from backlit.explain.record.step_records import Drawing, Section
from backlit.explain.stages.chain import layer_title
from backlit.explain.step import Step

WHOLE, BRIEF = 12, 60
"""Of a stage so many numbers are worked out whole; so many more are listed in short."""
FIRST = 8
"""Of what has no place in the drawing so many units are shown, and of each so many sources."""
SUMS = "the slopes of the batch's rows add up"


class WalkStage(msgspec.Struct, frozen=True):
    """A stage of the walk: its phase, and the layer by its number, empty where it is the error.

    `column` is the layer's column in the drawing, None where a panel shows it; `kinds` are its ops. `done` says whether
    the column's numbers of the phase are known then: dropout behind a dense layer is a stage of its own.
    """

    phase: str
    layer: str
    column: int | None
    kinds: tuple[str, ...]
    done: bool = True

    @property
    def title(self) -> str:
        """What the stage does, in a line."""
        verb = {"forward": "Forward through", "backward": "Back through", "update": "Update of"}.get(self.phase)
        if verb is None:
            return "Error"
        return f"{verb} layer {self.layer}" + (f": {', '.join(self.kinds)}" if self.kinds else "")


class StageWork(msgspec.Struct, frozen=True):
    """The numbers of a stage: worked out in `sections`, more of them in short, and how many there are beside these."""

    sections: tuple[Section, ...]
    brief: tuple[Section, ...]
    beside: int


class Part(msgspec.Struct, frozen=True):
    """A group of numbers of a stage, and which row's they are."""

    title: str
    group: Group
    row: int

    @property
    def quantities(self) -> list[Quantity]:
        """The quantities that have numbers of the row."""
        return [quantity for quantity in self.group.quantities if quantity.rows or self.row == 0]


class Walk:
    """A recorded step as one of its rows goes through it.

    Args:
        step: the step. row: the row's place in its batch. updates: whether the walk ends with the update.

    Attributes:
        stages: forward from the first layer to the last, the error, back from the last to the first that is trained,
            and the update, layer by layer.
    """

    def __init__(self, step: Step, row: int = 0, *, updates: bool = True) -> None:
        self.step, self.row = step, row
        contents = step.contents
        last = _top(contents.context.layer(contents.stages[-1].k))
        parts: dict[tuple[str, str], list[Part]] = {}
        for heading, group, of in contents.groups():
            if heading == GIVEN or of not in (row, 0):
                continue
            quantities = group.quantities if of == row else tuple(q for q in group.quantities if not q.rows)
            if quantities:
                phase, title = quantities[0].phase, group.title or heading.removeprefix("Update: ")
                if title.startswith("layer ") and phase == "update":
                    title = f"the rule of {step.recording.optimizer.name}"
                if phase == "backward" and contents.context.rows and not group.title:
                    phase, title = "update", SUMS
                layers = [q.layer for q in quantities if q.layer is not None]
                where = "" if phase == "error" else last if not layers and phase == "backward" else _top(*layers[-1:])
                parts.setdefault((phase, where), []).append(Part(title, Group(group.title, quantities), of))
        norm = parts.pop(("update", ""), [])
        if norm:
            first = next(key for key in parts if key[0] == "update")
            parts[first] = norm + parts[first]
        self._parts = [found for key, found in parts.items() if updates or key[0] != "update"]
        columns, kinds = columns_of(contents), self._kinds()
        keys = [key for key in parts if updates or key[0] != "update"]
        stages = [WalkStage(*key, columns.get(key[1]), kinds.get(key[1], ())) for key in keys]
        self.stages = tuple(
            msgspec.structs.replace(stage, done=not any(_goes_on(stage, later) for later in stages[k + 1 :]))
            for k, stage in enumerate(stages)
        )

    def _kinds(self) -> dict[str, tuple[str, ...]]:
        """Give the names of each layer's ops."""
        found: dict[str, dict[str, None]] = {}
        for stage in self.step.contents.stages:
            found.setdefault(_top(stage.context.layer(stage.k)), {})[layer_title(stage.op)] = None
        return {layer: tuple(names) for layer, names in found.items()}

    @functools.cached_property
    def drawing(self) -> Drawing:
        """The network with the row's numbers, the same units forward and backward."""
        return self.step.drawing(self.row, units_of=self.row)

    @functools.cached_property
    def together(self) -> Drawing:
        """The same units with the slopes of all rows of the batch added up."""
        return self.step.drawing(None if self.step.recording.rows > 1 else 0, units_of=self.row)

    def size(self, number: int) -> int:
        """Give how many numbers a stage has."""
        parts = self._parts[number]
        return sum(len(q.units) * (len(q.sources) or 1) for part in parts for q in part.quantities)

    def work(self, number: int, *, whole: int = WHOLE, brief: int = BRIEF) -> StageWork:
        """Give the numbers of a stage, each with its formula; of a large layer, those of the units that are drawn."""
        parts = self._parts[number]
        keys = [part.group.keys(part.row, self._wanted(part)) for part in parts]
        counts = _shares([sum(key.quantity.expression is not None for key in found) for found in keys], whole)
        sections, others, left = [], [], brief
        for part, found, count in zip(parts, keys, counts, strict=True):
            cut = _cut(found, count)
            if found[:cut]:
                sections.append(self.step.section(part.title, found[:cut], links=False))
            more = found[cut : cut + left]
            left -= len(more)
            if more:
                others.append(self.step.section(part.title, more, links=False))
        shown = sum(len(section.records) for section in (*sections, *others))
        return StageWork(tuple(sections), tuple(others), self.size(number) - shown)

    def _wanted(self, part: Part) -> dict[Quantity, set[Place]]:
        """Give the places that may be shown: of units that are drawn, or the first ones."""
        drawn = {node.name for column in self.drawing.columns for node in column.nodes}
        found = {}
        for quantity in part.quantities:
            units, sources = (_some(names, drawn) for names in (quantity.units, quantity.sources or ("",)))
            found[quantity] = {Place(part.row if quantity.rows else 0, i, j) for j in units for i in sources}
        return found


def _goes_on(stage: WalkStage, later: WalkStage) -> bool:
    """Tell whether a later stage of the same phase makes numbers of the same column."""
    return stage.column is not None and (stage.phase, stage.column) == (later.phase, later.column)


def _top(layer: int | str | None = None) -> str:
    """Give the number of the layer that a label belongs to: "2" of "2a.1"."""
    found = re.match(r"\d+", str(layer))
    return found[0] if found else ""


def _some(names: Sequence[str], drawn: Iterable[str]) -> list[int]:
    """Give the places of the names that are drawn; of other names, the first few."""
    chosen = set(drawn)
    return [k for k, name in enumerate(names) if name in chosen] or list(range(min(FIRST, len(names))))


def _shares(counts: Sequence[int], whole: int) -> list[int]:
    """Share out so many places among parts of so many numbers, alike at first, the rest in order.

    >>> _shares([8, 1, 30], 12)
    [7, 1, 4]
    """
    shares = [min(count, whole // max(1, len(counts)) or 1) for count in counts]
    for k, count in enumerate(counts):
        shares[k] += max(0, min(count - shares[k], whole - sum(shares)))
    return shares


def _cut(keys: Sequence[Key], count: int) -> int:
    """Give how many numbers from the first on hold so many that have a formula, and all of the last one's place."""
    places = [place for place, key in enumerate(keys) if key.quantity.expression is not None]
    if count >= len(places):
        return len(keys)
    cut = places[count - 1] + 1 if count else 0
    while 0 < cut < len(keys) and keys[cut].place == keys[cut - 1].place:
        cut += 1  # a weight's rule ends with its new value
    return cut
