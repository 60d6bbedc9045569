"""What rows hold that the training rows did not have."""

from __future__ import annotations

import msgspec

from backlit.data.messages import counted, quoted


class Surprise(msgspec.Struct, frozen=True):
    """Something in a column that the training rows did not have: `what` it is, and how many `rows` have it."""

    column: str
    what: str
    rows: int

    @property
    def note(self) -> str:
        """What is said about it."""
        return f"the column {quoted(self.column)} has {self.what}, in {counted(self.rows, 'row')}"
