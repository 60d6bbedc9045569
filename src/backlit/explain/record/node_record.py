"""The record of a unit in a drawing."""

from __future__ import annotations

import msgspec


class Node(msgspec.Struct, frozen=True):
    """A unit in a drawing: what it passes on, and the slope of the error with respect to its net input.

    `value` is None in the drawing of all rows together, where a unit has as many outputs as there are rows; `slope` is
    None there too, of inputs, and of units that the backward pass does not reach because nothing before is trained.
    `record` names the value's record.
    """

    name: str
    value: float | None
    slope: float | None
    record: str = ""
