"""What every part of the page is: a name, what it remembers, how it is drawn, and what can be done there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

if TYPE_CHECKING:
    from backlit.page.session import Session
    from backlit.page.view import View


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """A panel as it is drawn: `html` whole.

    Where most of it stays the same from one moment to the next, `layout` names what stays, and `numbers` are what
    changes: a browser that has the layout is sent these alone, and the panel's own module writes them in.
    """

    html: str
    layout: str = ""
    numbers: Any = None


class Panel:
    """A part of the page.

    A panel is made anew for each source. Its attributes are what a person chose there (a unit, a row, two columns); all
    tabs share them. `draw` runs in a thread of its own, without the session's lock, and only where a browser shows the
    panel; commands run with the lock held.
    """

    name: ClassVar[str]

    def __init__(self, session: Session) -> None:
        self.session = session

    def draw(self, view: View) -> Part:
        """Draw the panel for a moment of the training."""
        raise NotImplementedError

    def forget(self) -> None:
        """Forget what was chosen that another network does not have: called after the design has changed."""

    def raster(self, kind: str, view: View) -> bytes | None:
        """Give a picture's numbers as bytes, fetched apart; None where there is none of that kind."""
        return None

    def saved(self, kind: str) -> tuple[str, str, bytes] | None:
        """Give a file to save: its name, its media type and its bytes; None where there is none of that kind."""
        return None

    def facts(self) -> Mapping[str, Any]:
        """Give what is chosen here, for the address's fragment."""
        return {}
