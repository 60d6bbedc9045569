"""The network: drawn with its weights, or the slopes of the error, as it is now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from backlit.analysis.live.network import chosen_rows, live_network
from backlit.analysis.live.outline import Plan, plan_of
from backlit.engine import Network
from backlit.errors import BacklitError
from backlit.page.commands import command
from backlit.page.names import names_of
from backlit.page.session import Panel, Part, Session
from backlit.page.view import View
from backlit.show.live.network import layout_of, network_html, network_numbers
from backlit.show.live.network_panel import network_panel_html


class NetworkPanel(Panel):
    """The network with its weights as width and colour.

    The units of a large layer that are drawn are chosen when a network is drawn first, and stay until the choice is
    asked for anew.
    """

    name: ClassVar[str] = "network"
    NAMES: ClassVar[tuple[str, ...]] = ("edges",)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.slopes = False
        self._plan: tuple[Network, Plan] | None = None

    def plan(self, view: View) -> Plan:
        """Give what is drawn of the view's network."""
        known = self._plan
        if known is None or known[0] is not view.network:
            known = self._plan = (view.network, plan_of(view.network, names_of(view.design, view.network)))
        return known[1]

    def draw(self, view: View) -> Part:
        """Draw the network."""
        plan, slopes, rows, penalties = self.plan(view), self.slopes, None, {}
        if slopes:
            training = view.training
            settings, weights = training.settings, training.weights if training.weights.size else None
            rows = chosen_rows(view.source.X, view.source.Y, weights)
            penalties = {name: getattr(settings, name) for name in ("l1", "l2", "decay_biases")}
        live = live_network(view.network, plan, rows, **penalties)
        numbers = network_numbers(live, slopes=slopes)
        html = network_panel_html(network_html(live, slopes=slopes, numbers=numbers), live.outline, slopes=slopes)
        chosen = getattr(self.session.panels.get("weight"), "chosen", "")
        return Part(html, layout_of(live.outline, slopes=slopes), numbers.plain() | {"weight": chosen})

    def facts(self) -> Mapping[str, str]:
        """Give whether slopes are shown."""
        return {"edges": "slopes"} if self.slopes else {}

    def recall(self, facts: Mapping[str, str]) -> None:
        """Colour the edges as it was."""
        shown = facts.get("edges", "weights")
        if shown not in {"weights", "slopes"}:
            raise BacklitError(f"the edges show {shown!r}; expected weights or slopes.")
        self.mode(shown == "slopes")

    @command
    def mode(self, slopes: bool) -> None:
        """Colour the edges by the slopes ∂E/∂w, or by the weights."""
        self.slopes = slopes

    @command
    def choose(self) -> None:
        """Choose anew which units of large layers are drawn: those with the strongest weights now."""
        self._plan = None
