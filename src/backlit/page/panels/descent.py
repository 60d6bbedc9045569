"""The panel descent: the error over a plane of weights, and the way that the training goes down it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, NamedTuple

import numpy as np

from backlit.analysis.valley.growing import GrowingValley, Over, weight_names
from backlit.analysis.valley.records import Valley
from backlit.analysis.valley.single_weights import weight_named
from backlit.errors import BacklitError
from backlit.page.background import Background, Task
from backlit.page.commands import call, command
from backlit.page.design import Design
from backlit.page.session import Panel, Part, Session
from backlit.page.view import Kept, View
from backlit.show.live.descent import Choice, Growth, descent_html, growth_of, waiting_html

COARSE, FINE = 31, 51
"""Points of the surface along each side: at first, and where the training rests."""

ROWS, POINTS, LATER = 2_000, 100, 40
"""The error is of at most so many rows, and the path has at most so many points; so many more as it goes on."""

NO_PLANE = "The path has too few points for a plane of its own: this is the plane of the two steepest weights."

NAMES = 300
"""So many weights can be chosen from a list."""


class Surface(NamedTuple):
    """A surface that was computed, for the weights of a moment, and why it is not the one that was asked for."""

    ground: GrowingValley
    valley: Valley
    first: Kept
    epoch: int
    step: int
    over: Over
    note: str
    number: int


class DescentPanel(Panel):
    """The valley, with the path on it."""

    name: ClassVar[str] = "descent"
    NAMES: ClassVar[tuple[str, ...]] = ("descent.plane", "descent.x", "descent.y")

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.over: Over = "path"
        self.work: Background[Surface] = Background(session.change)
        self._count = 0
        self._names: tuple[Design, tuple[str, ...]] | None = None
        self._drawn: tuple[str, str, Growth] | None = None

    def forget(self) -> None:
        """Forget the surface: it is of another network."""
        self.work.drop()
        if not isinstance(self.over, str) and hasattr(self.session, "training"):
            try:
                for name in self.over:
                    weight_named(self.session.training.network, name, {})
            except BacklitError:
                self.over = "path"

    def facts(self) -> Mapping[str, str]:
        """Give the plane, or its two weights."""
        if isinstance(self.over, str):
            return {} if self.over == "path" else {"descent.plane": self.over}
        return {"descent.x": self.over[0], "descent.y": self.over[1]}

    def recall(self, facts: Mapping[str, str]) -> None:
        """Draw the same plane again."""
        if "descent.x" in facts or "descent.y" in facts:
            self.weights(facts.get("descent.x", ""), facts.get("descent.y", ""))
        else:
            call(self, "take", {"over": facts.get("descent.plane", "path")})

    def draw(self, view: View) -> Part:
        """Draw the surface that there is, with the path as far as it goes; ask for another where it has aged."""
        self._renew(view)
        surface, choice = self.work.result, self._choice(view)
        if surface is None or surface.first is not view.kept[0]:
            return Part(waiting_html(choice, self.work.error))
        layout = f"surface {surface.number}, {choice.over}"
        if self._drawn is None or self._drawn[0] != layout:
            html, growth = descent_html(surface.valley, choice, surface.note)
            self._drawn = layout, html, growth
        _, html, growth = self._drawn
        later = [kept for kept in view.kept if kept.step > surface.step]
        spots = [surface.ground.below(later[k].parameters) for k in _spread(len(later), LATER)]
        now = surface.ground.below(view.network.parameters)
        numbers = growth_of(growth, spots, now, view.epoch, surface.epoch, self.work.busy is not None, self.work.error)
        return Part(html, layout, numbers)

    def _choice(self, view: View) -> Choice:
        if self._names is None or self._names[0] is not view.design:
            self._names = view.design, tuple(weight_names(view.network, NAMES + 1))
        _, names = self._names
        return Choice(self.over, names if len(names) <= NAMES else (), names[:2], len(names))

    # ------------------------------------------------------------------------------------------------- the surface

    def _renew(self, view: View) -> None:
        """Begin to compute the surface where there is none, or where it is of earlier weights or another plane."""
        key = (self.over, view.kept[0].step, view.kept[-1].step)
        if key in (self.work.busy, self.work.key):
            return
        another = self.work.result is None or self.work.result.over != self.over
        if view.playing and not another and (self.work.busy is not None or not self.work.due()):
            return
        if view.playing and self.work.busy is not None and self.work.busy[0] == self.over:  # type: ignore[index]
            return
        self.work.start(key, self._compute)

    def _compute(self, task: Task[Surface]) -> Surface:
        session = self.session
        with session.turn():
            training, moments, over, playing = session.training, session.kept.all(), self.over, session.playing
        moments = tuple(moments[k] for k in _spread(len(moments), POINTS))
        last, note = moments[-1], ""
        key = (over, moments[0].step, last.step)
        try:
            ground = GrowingValley(training, moments, over, ROWS)
        except BacklitError:
            if over != "path":
                raise
            ground, note = GrowingValley(training, moments, "steepest", ROWS), NO_PLANE
        found: Surface | None = None
        for resolution in (COARSE, FINE)[: 1 if playing else 2]:
            if found is not None:
                task.show(found, key)
            self._count += 1
            valley = ground.valley(resolution, task.between)
            found = Surface(ground, valley, moments[0], last.epoch, last.step, over, note, self._count)
        assert found is not None
        return found

    # -------------------------------------------------------------------------------------------------- the commands

    @command
    def take(self, over: Literal["path", "steepest"]) -> None:
        """Draw the plane of the path's main directions, or that of the two steepest weights."""
        self.over = over

    @command
    def weights(self, x: str, y: str) -> None:
        """Draw the plane of two weights, by their names."""
        network = self.session.training.network
        chosen = [weight_named(network, name, {}) for name in (x, y)]
        if chosen[0].place == chosen[1].place:
            raise BacklitError(f"{x} and {y} are the same weight; choose two different ones.")
        self.over = (chosen[0].name, chosen[1].name)

    @command
    def redraw(self) -> None:
        """Compute the surface anew, for the weights of now."""
        self.work.next = 0.0


def _spread(count: int, most: int) -> list[int]:
    """Choose at most so many of the places 0 to count - 1, evenly, the first and the last among them."""
    return sorted({int(k) for k in np.linspace(0, count - 1, min(count, most)).round()}) if count else []
