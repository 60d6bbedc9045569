"""Numbers as a source gives them, by name, before the names are read."""

from __future__ import annotations

import msgspec

from backlit.check.reading.number_texts import rounded_floats
from backlit.check.written import Written
from backlit.errors import BacklitError

LONGEST_NAME = 200
"""Characters of a name: those of the worked example have some 30."""


MOST_NUMBERS = 20_000
"""Numbers of a sheet: so many are read and judged in some seconds."""


class Given(msgspec.Struct, frozen=True):
    """A number of a sheet before its name is read.

    Attributes:
        name, written: the name and the number. step: the step that stands beside it, from 1; None where none does.
        row: the row that stands beside it; may be empty. line: its line in the file, from 1; 0 where that is not known.
        place: where it stands in words, such as "line 7"; may be empty.
        is_float: whether the number came as a float, without the zeros at its end.
    """

    name: str
    written: Written
    step: int | None = None
    row: str = ""
    line: int = 0
    place: str = ""
    is_float: bool = False

    def __post_init__(self) -> None:
        _check_length(self.name, self.line)


class GivenArray(msgspec.Struct, frozen=True):
    """An array of a sheet before its name is read.

    It has its shape, its numbers in C order, where it stands, and whether they came as floats of JSON.
    """

    name: str
    shape: tuple[int, ...]
    numbers: tuple[Written, ...]
    step: int | None = None
    line: int = 0
    is_float: bool = False

    def __post_init__(self) -> None:
        _check_length(self.name, self.line)


class GivenSheet(msgspec.Struct, frozen=True):
    """A sheet before its names are read.

    Attributes:
        name: the sheet's; may be empty. numbers: those it gives, in its order.
        delta, velocity: what it says that δ is, such as "-dE/dnet", and how v is worked out, such as "μv + g"; empty
            where it says nothing.
        notes: what was assumed when it was read. student: whose it is, where it says so.
        arrays: those of gradients, or of weights, by the parameters' names.
        asked: how many numbers the sheet has names for, given or not.
        sheet: which worksheet it is, as its head has it; may be empty.
        places: how many places behind the point it asks for; None where that is not known.
        unread: the lines that cannot be read, as "net(h1) = abc", where the others are to count; None where one such
            line refuses the sheet.
    """

    name: str
    numbers: tuple[Given, ...]
    delta: str = ""
    notes: tuple[str, ...] = ()
    student: str = ""
    arrays: tuple[GivenArray, ...] = ()
    asked: int = 0
    sheet: str = ""
    places: int | None = None
    velocity: str = ""
    unread: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        count = len(self.numbers) + sum(len(array.numbers) for array in self.arrays)
        if count > MOST_NUMBERS:
            raise BacklitError(too_many(self.name or "the sheet", count))


class EmptySheetError(BacklitError):
    """A sheet on which no number is given; `sheet` is what it says else."""

    def __init__(self, says: str, sheet: GivenSheet) -> None:
        super().__init__(says)
        self.sheet = sheet


class GivenError(BacklitError):
    """Something is wrong with a number of a sheet: in a line from 1, 0 where that is not known, at a text in it."""

    def __init__(self, says: str, line: int, mark: str = "") -> None:
        super().__init__(says)
        self.line, self.mark = line, mark


def _check_length(name: str, line: int) -> None:
    """Refuse a name that is longer than any, before it is looked for: that may take minutes."""
    if len(name) > LONGEST_NAME:
        raise GivenError(
            f"the name {name[:20]!r}... has {len(name):,} characters; expected at most {LONGEST_NAME}.",
            line,
        )


def with_lost_zeros(sheet: GivenSheet) -> GivenSheet:
    """Give a sheet with the zeros that its floats have lost, as its other floats tell; a note says so."""
    singles = [one.written for one in sheet.numbers if one.is_float]
    rounded = rounded_floats([*singles, *(n for array in sheet.arrays if array.is_float for n in array.numbers)])
    if rounded is None:
        return sheet
    numbers = tuple(
        msgspec.structs.replace(one, written=rounded.whole(one.written)) if one.is_float else one
        for one in sheet.numbers
    )
    arrays = tuple(
        msgspec.structs.replace(array, numbers=tuple(map(rounded.whole, array.numbers))) if array.is_float else array
        for array in sheet.arrays
    )
    if numbers == sheet.numbers and arrays == sheet.arrays:
        return sheet
    note = f"numbers without zeros at their ends are read with {rounded.places} places behind the point, as others have"
    return msgspec.structs.replace(sheet, numbers=numbers, arrays=arrays, notes=(*sheet.notes, note))


def too_many(name: str, count: int) -> str:
    """Say that a sheet, or an array, has more numbers than are judged."""
    return f"{name} has {count:,} numbers; expected at most {MOST_NUMBERS:,}: check a part of them."
