"""The boundary: what the network predicts over two inputs, the others held, and the rows on that plane, live.

Where one input alone is a number, it is the curve of the predictions over that one.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
import numpy as np

from backlit.analysis.boundary.boundary import Plane
from backlit.analysis.boundary.records import Boundary
from backlit.analysis.boundary.subject import Names, Subject, encoded_subject, subject_of
from backlit.analysis.live.curve import OneInput
from backlit.analysis.live.telling import telling_pair
from backlit.data.messages import listed
from backlit.data.values import as_numbers
from backlit.engine import Network, rows_of
from backlit.errors import BacklitError
from backlit.page.commands import command
from backlit.page.facts import whole
from backlit.page.panels.predictions import PredictionsPanel
from backlit.page.panels.source import input_names
from backlit.page.session import Panel, Part, Session
from backlit.page.view import View
from backlit.show.live.boundary import Axes, boundary_html, nothing_html
from backlit.show.live.curve import curve_html
from backlit.show.live.plane import PlaneNumbers, plane_numbers, raster_bytes

POINTS, MOST_ROWS = 61, 500
"""Points along each side of the grid, and rows on it."""

MOST_ABLE = 2_000
"""The two inputs are chosen among so many by their correlations; of more, the first two are taken."""

SHARE = 0.05
"""While training plays, the picture takes so much of the time at the most."""

NUMBERS = itertools.count(1)
"""Numbers of planes and rasters, each different from all others of the process."""


class Drawn(msgspec.Struct):
    """The plane that is drawn: of which network and inputs, its record of a moment, and what is shown of that."""

    number: int
    network: Network
    columns: tuple[str, str] | None
    plane: Plane
    chosen: str
    key: tuple[Any, ...] = ()
    boundary: Boundary | None = None
    numbers: PlaneNumbers | None = None
    due: float = 0.0


class BoundaryPanel(Panel):
    """The boundary over two inputs.

    Attributes:
        columns: the two inputs that were chosen, or None for those that tell most about the targets. output: the
            place of the output that is shown.
    """

    name: ClassVar[str] = "boundary"
    NAMES: ClassVar[tuple[str, ...]] = ("boundary.x", "boundary.y", "boundary.output")

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.columns: tuple[str, str] | None = None
        self.output = 0
        self._by_network = False
        self._drawn: Drawn | None = None
        self._one: tuple[Network, OneInput | None] | None = None
        self._curve: tuple[tuple[Any, ...], float, Part] = (), 0.0, Part("")

    def facts(self) -> Mapping[str, str]:
        """Give the two inputs, where they were chosen, and the output, from 1 on."""
        drawn, columns = self._drawn, self.columns
        if columns is None and self._by_network and drawn is not None:
            names = drawn.plane.subject.inputs.names
            columns = names[drawn.plane.places[0]], names[drawn.plane.places[1]]
        found = {} if columns is None else {"boundary.x": columns[0], "boundary.y": columns[1]}
        return found | ({"boundary.output": str(self.output + 1)} if self.output else {})

    def recall(self, facts: Mapping[str, str]) -> None:
        """Draw the same two inputs and the same output again."""
        self.columns, self._by_network, self._drawn = None, False, None
        outputs = self.session.training.network.output_size
        output = whole(facts, "boundary.output", 1)
        if not 1 <= output <= outputs:
            raise BacklitError(f"the output is {output}; expected a number from 1 to {outputs}.")
        self.show(output - 1)
        if "boundary.x" in facts or "boundary.y" in facts:
            self.over(facts.get("boundary.x", ""), facts.get("boundary.y", ""))

    def forget(self) -> None:
        """Forget the plane and the output of another network."""
        self._drawn, self._one, self.output = None, None, 0

    def draw(self, view: View) -> Part:
        """Draw the plane; what changes while training plays is in the numbers."""
        try:
            one = self._one_input(view)
            if one is not None:
                return self._curve_part(view, one)
            drawn = self._current(view)
        except BacklitError as error:
            self._drawn, self._one = None, None
            return Part(nothing_html(str(error)))
        boundary, numbers = drawn.boundary, drawn.numbers
        assert boundary is not None
        assert numbers is not None
        output = min(self.output, len(boundary.outputs) - 1)
        html = boundary_html(boundary, output, self._axes(drawn, view), numbers)
        return Part(html, f"boundary {drawn.number} {output}", numbers)

    def raster(self, kind: str, view: View) -> bytes | None:
        """Give the plane's raster, that of the numbers drawn last."""
        if kind != "plane":
            return None
        try:
            drawn = self._drawn or self._current(view)
        except BacklitError:
            return None
        if drawn.boundary is None or drawn.numbers is None:
            return None
        output = min(self.output, len(drawn.boundary.outputs) - 1)
        return raster_bytes(drawn.boundary.outputs[output], drawn.numbers.raster)

    def _current(self, view: View) -> Drawn:
        """Give the plane as it is now, or, while training plays, as it was a short time ago."""
        drawn = self._drawn
        if drawn is None or drawn.network is not view.network or drawn.columns != self.columns:
            drawn = self._drawn = self._made(view)
        chosen = self._chosen(view, drawn.plane.subject, drawn.plane.places)
        asked = self.output, chosen
        key = *asked, view.epoch, view.step, view.replayed
        now = time.monotonic()
        if key == drawn.key or (view.playing and asked == drawn.key[:2] and now < drawn.due):
            return drawn
        drawn.boundary = boundary = drawn.plane.boundary()
        output = boundary.outputs[min(self.output, len(boundary.outputs) - 1)]
        drawn.numbers = plane_numbers(boundary, output, next(NUMBERS), chosen, drawn.chosen)
        drawn.key, drawn.due = key, now + (time.monotonic() - now) / SHARE
        return drawn

    def _one_input(self, view: View) -> OneInput | None:
        """Give the input where it is the only one that is a number; None where there are others, or none."""
        if self._one is None or self._one[0] is not view.network:
            subject = _subject(view)
            able = [place for place in range(len(subject.inputs.names)) if not subject.inputs.refusal(place)]
            self._one = view.network, OneInput(subject, able[0]) if len(able) == 1 else None
        return self._one[1]

    def _curve_part(self, view: View, one: OneInput) -> Part:
        """Draw the curve over one input; while training plays, as seldom as its cost asks."""
        chosen = self._chosen(view, one.subject, (one.place, one.place))
        key, now = (view.network, chosen, view.epoch, view.step, view.replayed), time.monotonic()
        before, due, part = self._curve
        if key == before or (view.playing and key[:2] == before[:2] and now < due):
            return part
        part = Part(curve_html(one.curve(), chosen))
        self._curve = key, now + (time.monotonic() - now) / SHARE, part
        return part

    def _made(self, view: View) -> Drawn:
        """Make the plane of a network: choosing its two inputs takes longer than predicting over them."""
        subject = _subject(view)
        names, refusals = subject.inputs.names, subject.inputs.refusal
        able = [place for place in range(len(names)) if not refusals(place)]
        if self.columns is not None and not {*self.columns} <= {names[place] for place in able}:
            self.columns = None
        columns, why = self.columns, ""
        if columns is None and len(able) > 2 and not self._by_network:
            columns, why = self._telling(subject, able)
        plane = Plane(subject, columns, POINTS, MOST_ROWS)
        if plane.chosen:
            why = f"{plane.chosen[0].upper()}{plane.chosen[1:]}, after {_updates(view.step)}."
            plane.chosen = ""
        return Drawn(next(NUMBERS), view.network, self.columns, plane, why)

    def _telling(self, subject: Subject, able: list[int]) -> tuple[tuple[str, str], str]:
        """Choose two inputs by the rows alone, since the first weights are random."""
        names = subject.inputs.names
        targets = subject.targets(np.arange(subject.rows))
        if targets is None or len(able) > MOST_ABLE:
            return (names[able[0]], names[able[1]]), "They are the first two inputs; others can be chosen."
        x, y = telling_pair(subject.inputs, able, subject.outputs.kinds, targets)
        why = f"Of {len(able)} inputs, these two have the largest correlations with the target in the training rows."
        return (names[x], names[y]), why

    def _axes(self, drawn: Drawn, view: View) -> Axes:
        inputs = drawn.plane.subject.inputs
        able = tuple(name for place, name in enumerate(inputs.names) if not inputs.refusal(place))
        x, y = (inputs.names[place] for place in drawn.plane.places)
        outputs = tuple(kind.name for kind in drawn.plane.subject.outputs.kinds)
        return Axes(able, x, y, outputs)

    def _chosen(
        self, view: View, subject: Subject, places: tuple[int, int]
    ) -> tuple[float, float, str] | None:  # fmt: skip
        """Give where the row lies that was chosen among the predictions."""
        panel = self.session.panels.get("predictions")
        if not isinstance(panel, PredictionsPanel) or panel.chosen is None:
            return None
        which, row = panel.chosen
        source, inputs = view.source, subject.inputs
        table_rows = source.places(which)
        if row >= len(source.rows(which)[0]):
            return None
        if source.table is None or table_rows is None:
            at = [float(source.rows(which)[0][row, place]) for place in places]
        else:
            cells = source.table.table.take(table_rows[row : row + 1])
            names = [inputs.names[place] for place in places]
            at = [float(as_numbers(cells.column(name), name)[0]) for name in names]
        return (at[0], at[1], f"{which} row {row + 1}") if np.isfinite(at).all() else None

    # --------------------------------------------------------------------------------------------------- commands

    @command
    def across(self, name: str) -> None:
        """Choose the input along x; where it is the other one, the two change places."""
        x, y = self._two()
        self.columns = (name, x if name == y else y)

    @command
    def upward(self, name: str) -> None:
        """Choose the input along y; where it is the other one, the two change places."""
        x, y = self._two()
        self.columns = (y if name == x else x, name)

    @command
    def over(self, x: str, y: str) -> None:
        """Choose both inputs, by their names.

        Errors: a BacklitError where the network has no such inputs, or one cannot be drawn.
        """
        session = self.session
        inputs = _subject(session.moment(session.training.network.copy())).inputs
        for name in (x, y):
            if name not in inputs.names:
                raise BacklitError(f"there is no input {name!r}; there are {listed(inputs.names, 20)}.")
            if why := inputs.refusal(inputs.names.index(name)):
                raise BacklitError(f"{name} cannot be drawn along: {why}.")
        if x == y:
            raise BacklitError(f"both inputs are {x}; expected two different ones.")
        self.columns = x, y

    @command
    def strongest(self) -> None:
        """Choose the two inputs that change the predictions most now."""
        self.columns, self._drawn, self._by_network = None, None, True

    @command
    def show(self, output: int) -> None:
        """Show another output, counted from 0."""
        if output < 0:
            raise BacklitError(f"the output is {output}; expected 0 or more.")
        self.output = output

    def _two(self) -> tuple[str, str]:
        if self._drawn is None:
            raise BacklitError("there is no plane of two inputs.")
        inputs = self._drawn.plane.subject.inputs
        x, y = (inputs.names[place] for place in self._drawn.plane.places)
        return x, y


def _subject(view: View) -> Subject:
    """Give the view's network with the training rows."""
    source, setup = view.source, view.design.setup()
    units = setup.names.units[0] if setup.names.units else None
    rows = source.places("training")
    if source.table is not None and rows is not None:
        _, Y, _ = rows_of(view.network, source.X, source.Y)
        return encoded_subject(view.network, source.table.encoder, source.table.table.take(rows), Y, units)
    names = setup.names.units[-1] if setup.names.units else ()
    outputs = names if len(names) == view.network.output_size > 1 else None
    return subject_of(view.network, (source.X, source.Y), None, None, Names(input_names(source), outputs, None, units))


def _updates(count: int) -> str:
    return "1 update" if count == 1 else f"{count:,} updates"
