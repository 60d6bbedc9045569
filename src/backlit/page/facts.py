"""What is chosen on the page, as names with texts: the address, the copied command and lessons hold the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from backlit.errors import BacklitError
from backlit.page.session import Panel, Session


def facts_of(session: Session) -> dict[str, str]:
    """Give all that is chosen, panel by panel: what is trained on, its settings, then what is looked at."""
    panels = session.panels
    first = [panels[name] for name in ("source", "build") if name in panels]
    rest = [panel for panel in panels.values() if panel not in first]
    return {name: text for panel in (*first, *rest) for name, text in panel.facts().items()}


def owners(panels: Iterable[Panel]) -> dict[str, str]:
    """Give the panel that each name belongs to; all other names are settings of the network and its training."""
    return {name: panel.name for panel in panels for name in panel.NAMES}


def recall(panels: Iterable[Panel], facts: Mapping[str, str]) -> list[str]:
    """Let panels choose what facts say of them, and give what was refused; all that fits is chosen."""
    refused = []
    for panel in panels:
        own = {name: facts[name] for name in panel.NAMES if name in facts}
        try:
            panel.recall(own)
        except BacklitError as error:
            said = ", ".join(f"{name}={text}" for name, text in own.items())
            refused.append(f"{said}: {error}")
    return refused


MOST_DIGITS = 12


def whole(facts: Mapping[str, str], name: str, usual: int) -> int:
    """Read a whole number of facts.

    Errors: a BacklitError for another text.

    >>> whole({"step.stage": "3"}, "step.stage", 1), whole({}, "step.stage", 1)
    (3, 1)
    """
    text = facts.get(name, str(usual))
    if not text.isascii() or not text.isdecimal() or len(text) > MOST_DIGITS:
        raise BacklitError(f"{name} is {text!r}; expected a whole number.")
    return int(text)
