"""What people hold of figures: a picture that prints as block characters, shows itself in a notebook, and is saved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backlit.engine import Shown
from backlit.show.charts.figure import Figure


class Picture(Shown):
    """Figures, one below the other, and the record they were drawn from.

    Printed, or at Python's prompt, it is block characters; in a notebook a picture; `save` writes a file.

    Attributes:
        figures: what is drawn. record: the numbers behind it.
    """

    def __init__(self, figures: Sequence[Figure], record: Any = None) -> None:
        self.figures, self.record = tuple(figures), record
