"""A sheet: the numbers that a learner gives, each as written, with the number of the step that it stands for."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from backlit.check.written import Written
from backlit.explain.record.quantities import Key


class Claim(msgspec.Struct, frozen=True):
    """A number of a sheet.

    The number of the record is `factor · written`; where the sheet has a change, it is `factor · written` plus the
    value that the learner has for `base`.

    Attributes:
        name: as the sheet calls it. key: the number of the step. written: as the learner wrote it.
        factor: what the convention of the sheet makes of it: -1 where the sheet has the negative of the record, as of
            δ = -dE/dnet; 1/n where it leaves the mean's 1/n out; η, or -η, where its velocity has the rate in it.
        base: of a change Δw = w+ - w, the old weight w; the key is then the new one, w+. Else None.
        place: where it stands, such as "line 7" or "cell B3"; may be empty.
        means: what it is by the record's name, such as "-dE/dnet(h1)"; empty where it is the record's number itself.
    """

    name: str
    key: Key
    written: Written
    factor: float = 1.0
    base: Key | None = None
    place: str = ""
    means: str = ""

    @property
    def unit(self) -> float:
        """The unit of the last digit, in the record's terms."""
        return abs(self.factor) * self.written.unit

    @property
    def half(self) -> float:
        """Half a unit of the last digit, in the record's terms."""
        return 0.5 * self.unit

    def in_record(self, own: Callable[[Key], float]) -> float:
        """Give the number in the record's terms; `own` gives the value that the learner has for another number."""
        return self.factor * self.written.value + (0.0 if self.base is None else own(self.base))

    def on_sheet(self, value: float, own: Callable[[Key], float]) -> float:
        """Give a number of the record in the sheet's terms: the inverse of `in_record`."""
        return (value - (0.0 if self.base is None else own(self.base))) / self.factor


class Sheet(msgspec.Struct, frozen=True):
    """The numbers of a sheet, each once.

    Attributes:
        name: the sheet's, such as its file's name; may be empty.
        claims: the numbers, in the sheet's order.
        notes: what was recognised or assumed of the sheet, such as "δ is read as -dE/dnet".
        places: how many places behind the point the sheet asks for; None where it does not say.
        unread: lines that could not be read, and do not count.
    """

    name: str
    claims: tuple[Claim, ...]
    notes: tuple[str, ...] = ()
    places: int | None = None
    unread: tuple[str, ...] = ()
