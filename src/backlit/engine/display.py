"""How the objects that people hold show themselves: by functions that `backlit.show` provides.

The engine draws nothing, and imports nothing that does. An object gives a record of itself, its `summary`; `drawers`
says what draws such a record as text and as HTML. `backlit` fills it when it is imported, with functions that import
`show` when they are first called. Without them a record shows itself as Python shows any record.

>>> import msgspec
>>> class Point(Summary, msgspec.Struct, frozen=True):
...     x: int
>>> print(Point(1))
Point(x=1)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

drawers: dict[str, Callable[[Any], str | None]] = {}
"""What draws a record: as "text", as "html", and in a "line" for its `repr`.

It gives None for a record that it does not know.
"""


plots: dict[str, Callable[..., Any]] = {}
"""What draws records as a `Picture` that can be saved: "curves" by name, and "signals", with what to draw of them."""


class ProgressDisplay(Protocol):
    """Shows how far a training is; `show` is called after epochs, `close` once at the end."""

    def show(self, epoch: Any) -> None:
        """Show an `Epoch` that has ended."""

    def compiling(self, seconds: float) -> None:
        """Show that code is compiled first, which takes about so many seconds."""

    def close(self) -> None:
        """Leave the last state on the screen."""


progress_displays: dict[str, Callable[[int], ProgressDisplay]] = {}
"""What makes the progress display of a training of so many "epochs"; without it none is shown."""


class Shown:
    """What shows itself in IPython as it is printed: a terminal there, and a notebook's text, get that."""

    __slots__ = ()

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        cls._repr_pretty_ = Shown._repr_pretty_  # type: ignore[method-assign]  # else a `__repr__` of cls comes first

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        alone = len(getattr(printer, "stack", ())) <= 1  # within a list or a dictionary its one line stands
        printer.text(str(self) if alone and not cycle else repr(self))


class Summary(Shown):
    """What makes a record show itself: as text when it is printed, as HTML in a notebook."""

    __slots__ = ()

    def __str__(self) -> str:
        return _drawn("text", self) or repr(self)

    def __repr__(self) -> str:
        line = _drawn("line", self)
        return super().__repr__() if line is None else f"<{type(self).__name__}: {line}>"

    def _repr_html_(self) -> str | None:
        return _drawn("html", self)


class Displayed(Shown):
    """An object that shows itself by its record."""

    def summary(self) -> Summary:
        """Give the record of what is shown."""
        raise NotImplementedError

    def __str__(self) -> str:
        return _drawn("text", self.summary()) or repr(self)

    def _repr_html_(self) -> str | None:
        return _drawn("html", self.summary())


def _drawn(form: str, record: Summary) -> str | None:
    return drawers[form](record) if form in drawers else None
