"""One weight: its chain rule with the numbers put in, its slope by differences, and its update."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from backlit.engine import SteppedTraining
from backlit.errors import BacklitError
from backlit.explain.algebra.numerals import given_text
from backlit.explain.one_weight import WeightKey, find_weight, weight_of
from backlit.explain.record.quantities import Place
from backlit.page.commands import command
from backlit.page.panels.step import StepPanel
from backlit.page.recorded import Recorded, Recorder
from backlit.page.session import Panel, Part, Session
from backlit.page.view import View
from backlit.show.charts.numbers import minus
from backlit.show.live.weight import Choice, choice_html, idle_weight_html, live_weight_html, weight_html

MOST_CHOICES = 200
"""Of a longer list nothing is listed: the name is typed."""

NONE = "Its chain rule appears here, with the numbers put in."
PLAYING = "The training runs; its slope and its update are worked out when it pauses."


class WeightPanel(Panel):
    """A weight that was chosen, worked out.

    Attributes:
        chosen: its name, or nothing.
    """

    name: ClassVar[str] = "weight"
    NAMES: ClassVar[tuple[str, ...]] = ("weight",)
    touches: ClassVar[tuple[str, ...]] = ("weight", "network")

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.chosen = ""
        self._known: Recorded | None = None
        self._of: SteppedTraining | None = None  # what `_known` is of: a view may be of a training before
        self._drawn: tuple[Recorded, str, int, str] | None = None

    def forget(self) -> None:
        """Forget what was worked out; the name stays where the network has it still."""
        self._known = self._drawn = None

    def facts(self) -> Mapping[str, str]:
        """Give the weight's name."""
        return {"weight": self.chosen} if self.chosen else {}

    def recall(self, facts: Mapping[str, str]) -> None:
        """Choose a weight again, or none."""
        self.choose(facts.get("weight", ""))

    def draw(self, view: View) -> Part:
        """Draw the weight; while training plays, its value alone follows."""
        training = view.training
        try:
            if not view.playing or self._known is None or self._of is not training:
                self._known, self._of = self.session.recorder.of(training, view), training
            key = find_weight(self._known.step, self.chosen) if self.chosen else None
        except BacklitError as error:
            return Part(idle_weight_html(str(error), self._choice(None) if self._known else ""))
        choice = self._choice(key)
        if key is None:
            return Part(idle_weight_html(NONE, choice))
        if view.playing:
            value = self._value(key, view)
            html = live_weight_html(_named(key), value, PLAYING, choice)
            return Part(html, f"live {self.chosen} {view.design}", {"value": value})
        row = self._row(len(self._known.rows))
        if self._drawn is None or self._drawn[:3] != (self._known, self.chosen, row):
            self._drawn = self._known, self.chosen, row, self._html(self._known, choice, row)
        return Part(self._drawn[3])

    def _html(self, recorded: Recorded, choice: str, row: int) -> str:
        work = weight_of(recorded.step, self.chosen, row=row)
        rows = len(recorded.rows)
        on = f"row {recorded.rows[0] + 1}" if rows == 1 else f"{rows:,} rows"
        which = "" if recorded.alone else f": {recorded.which}"
        return weight_html(work, choice, rows=rows, remarks=[f"On {on}{which}.", recorded.remark], why=recorded.why)

    def _row(self, rows: int) -> int:
        """Give the row whose part comes first: the one that the panel of one row shows."""
        panel = self.session.panels.get("step")
        return min(panel.place, rows - 1) if isinstance(panel, StepPanel) else 0

    def _value(self, key: WeightKey, view: View) -> str:
        parameter = key.quantity
        value = view.network[parameter.full][parameter.index(key.place)]
        return minus(given_text(float(value)))

    def _choice(self, key: WeightKey | None) -> str:
        """Give the ways to choose a weight."""
        assert self._known is not None
        parameters = self._known.step.contents.parameters
        if not parameters:
            return ""
        parameter = parameters[0] if key is None else key.quantity
        at = Place(0, 0, 0) if key is None else key.place
        several = parameter.sources if any(parameter.sources) else ()
        if len(set(several)) < len(several) <= MOST_CHOICES:  # the cells of a filter have one input
            several = tuple(parameter.name(Place(0, k, at.unit)).text for k in range(len(several)))
        sizes = [len(p.units) * (len(p.sources) or 1) for p in parameters]
        names = [p.name(place).text for p in parameters for place in p.places(0)] if sum(sizes) <= MOST_CHOICES else []
        return choice_html(Choice(
            tuple(f"layer {p.layer}: {p.kind}" for p in parameters), parameters.index(parameter),
            several if len(several) <= MOST_CHOICES else (), at.source,
            parameter.units if len(parameter.units) <= MOST_CHOICES else (), at.unit,
            tuple(names), "" if key is None else _named(key),
        ))  # fmt: skip

    # --------------------------------------------------------------------------------------------------- commands

    @command
    def first(self, array: str) -> None:
        """Choose the first weight of an array, such as "1.W": of a layer that is drawn as a block.

        Errors: a BacklitError where the network has no such array of weights.
        """
        parameters = self._current().step.contents.parameters
        found = next((parameter for parameter in parameters if parameter.full == array), None)
        if found is None:
            raise BacklitError(f"the network has no weights {array!r}: it has {', '.join(p.full for p in parameters)}.")
        self.chosen = found.name(Place(0, 0, 0)).text

    @command
    def choose(self, name: str) -> None:
        """Choose a weight by its name, such as "w(i1,h1)", or by an own label.

        Errors: a BacklitError where the network has no weight of that name.
        """
        if name:
            find_weight(self._current().step, name)
        self.chosen = name

    @command
    def pick(self, array: int, source: int, unit: int) -> None:
        """Choose a weight by its array, what it comes from and what it leads to, each by its place from 0 on."""
        parameters = self._current().step.contents.parameters
        if not 0 <= array < len(parameters):
            raise BacklitError(f"there is no array {array} of weights; expected one from 0 to {len(parameters) - 1}.")
        parameter = parameters[array]
        source, unit = min(source, max(0, len(parameter.sources) - 1)), min(unit, len(parameter.units) - 1)
        self.chosen = parameter.name(Place(0, max(0, source), max(0, unit))).text

    def _current(self) -> Recorded:
        """Give a step of the training at hand, recorded where nothing was drawn of it yet."""
        session, training = self.session, self.session.training
        if self._known is None or self._of is not training:
            moment = session.moment(training.network.copy())
            self._known, self._of = Recorder(session.turn).of(training, moment), training
        return self._known


def _named(key: WeightKey) -> str:
    return key.quantity.name(key.place).text
