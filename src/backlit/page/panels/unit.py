"""A unit: the weights that lead to it, its output over the training rows, and how much of it is flat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, cast

import numpy as np

from backlit.analysis.live.network import chosen_rows
from backlit.analysis.live.outline import Plan
from backlit.analysis.live.unit import live_unit
from backlit.data.messages import listed
from backlit.engine import kind_of
from backlit.errors import BacklitError
from backlit.page.commands import command
from backlit.page.names import names_of
from backlit.page.panels.network import NetworkPanel
from backlit.page.session import Panel, Part, Session
from backlit.page.view import View
from backlit.show.live.unit import unit_html, unit_line


class UnitPanel(Panel):
    """The unit that is looked at."""

    name: ClassVar[str] = "unit"
    NAMES: ClassVar[tuple[str, ...]] = ("unit",)
    touches: ClassVar[tuple[str, ...]] = ("unit", "network")

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.unit = ""

    def draw(self, view: View) -> Part:
        """Draw the unit, or the first one that has weights."""
        plan = cast(NetworkPanel, self.session.panels["network"]).plan(view)
        unit = self.unit
        if plan.unit(unit) is None:
            unit = _first(plan)
        if not unit:
            return Part('<h2>Unit</h2><p class="quiet">No single units are drawn: each block is a layer.</p>')
        rows = chosen_rows(view.source.X, view.source.Y)
        live = live_unit(view.network, plan, unit, rows, _classes(view, plan))
        return Part(unit_html(live), numbers={"unit": unit, "told": unit_line(live)})

    def facts(self) -> Mapping[str, str]:
        """Give the unit's name."""
        return {"unit": self.unit} if self.unit else {}

    def recall(self, facts: Mapping[str, str]) -> None:
        """Look at a unit again; without one, at the first that has weights."""
        unit = facts.get("unit", "")
        if unit:
            names = names_of(self.session.design, self.session.training.network)
            known = list(dict.fromkeys([*names.inputs, *(unit for column in names.columns for unit in column)]))
            if unit not in known:
                raise BacklitError(f"the network has no unit {unit!r}; it has {listed(known, 20)}.")
        self.look(unit)

    @command
    def look(self, name: str) -> None:
        """Look at a unit."""
        self.unit = name


def _first(plan: Plan) -> str:
    columns = [column for column in plan.outline.columns if column.units]
    weighted = [column for column in columns if column.weighted]
    return next((column.units[0] for column in (*weighted, *columns)), "")


def _classes(view: View, plan: Plan) -> tuple[str, ...]:
    """Name the classes that the targets tell apart; none where they are numbers."""
    outputs, Y = plan.names.outputs, view.source.Y
    if kind_of(view.network.loss) == "classes" and len(outputs) > 1:
        return outputs
    single = Y.size == len(Y) and bool(np.isin(Y, (0.0, 1.0)).all())
    return ("target 0", "target 1") if single else ()
