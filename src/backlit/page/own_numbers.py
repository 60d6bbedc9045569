"""A learner's own numbers as they write them into the page: a name and a number on each line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from backlit.errors import BacklitError
from backlit.explain import Step
from backlit.explain.record.quantities import Group, Key

if TYPE_CHECKING:
    from backlit.check.graph import StepGraph
    from backlit.check.records import CheckedWork
    from backlit.check.sheet import Sheet

MOST_NUMBERS, MOST_BYTES = 300, 20_000
"""So many numbers, in a text of so many bytes, are taken."""

MOST_SAID = 3
"""Of more lines that do not fit these are named."""

StepPart = Literal["forward", "error", "backward", "update"]

PARTS: dict[StepPart, str] = {
    "forward": "the forward pass", "error": "the error", "backward": "the slopes", "update": "the new weights",
}  # fmt: skip
"""The parts of a step whose names can be added, in their order."""


class Line(NamedTuple):
    """A line that gives a number: which one it is, from 1, the name, and the number as it is written."""

    number: int
    name: str
    written: str


def lines_of(text: str) -> list[Line]:
    """Read the lines that give a number; those with a name alone, or behind a #, are passed over.

    A sum that is worked out has its number last. A semicolon ends a line, too.

    Errors: a BacklitError for more than is taken, and for a line without a name.

    >>> lines_of("net(h1) = 0.15 · 0.05 + 0.35 = 0.3575; out(h1) = \\nw(i1,h1), .149")
    [Line(number=1, name='net(h1)', written='0.3575'), Line(number=2, name='w(i1,h1)', written='.149')]
    """
    check_length(text)
    found, nameless = [], []
    for number, line in enumerate(text.splitlines(), 1):
        for part in line.split(";"):
            name, written = _split(part)
            if written and not name:
                nameless.append(f"line {number} is {part.strip()!r}; expected a name and a number, as net(h1) = 0.3775")
            elif written:
                found.append(Line(number, name, written))
    if nameless:
        raise BacklitError(_sentences(nameless))
    if len(found) > MOST_NUMBERS:
        raise BacklitError(f"there are {len(found):,} numbers; expected at most {MOST_NUMBERS}: check a part of them.")
    return found


def names_with_numbers(text: str) -> set[str]:
    """Give the names that have a number; none where the text cannot be read."""
    try:
        return {line.name for line in lines_of(text)}
    except BacklitError:
        return set()


def check_length(text: str) -> None:
    """Refuse a longer text than is taken.

    Errors: a BacklitError that says how long it is.
    """
    size = len(text.encode())
    if size > MOST_BYTES:
        raise BacklitError(f"the numbers take {size:,} bytes; expected at most {MOST_BYTES:,}: check a part of them.")


def _split(part: str) -> tuple[str, str]:
    """Take a name and a number apart; of a formula that is worked out between them, the last part is the number."""
    if not part.strip() or part.lstrip().startswith("#"):
        return "", ""
    for sign in ("=", "\t", ":"):
        if sign in part:
            name, *_, written = part.split(sign)
            return name.strip(), written.strip()
    found = re.fullmatch(r"\s*(?P<name>.*?[\s,]+)(?P<written>[-+−]?[\d.]\S*)\s*", part)
    if found:
        return found["name"].rstrip(" ,\t"), found["written"]
    return ("", part.strip()) if re.match(r"\s*[-+−]?\.?\d", part) else (part.strip(), "")


def with_names(text: str, names: Iterable[str]) -> str:
    """Add names that are not in a text yet, each on a line of its own, for the numbers to be written behind.

    Errors: a BacklitError where they would be more than are taken.

    >>> with_names("net(h1) = 0.3775", ["net(h1)", "net(h2)"])
    'net(h1) = 0.3775\\nnet(h2) = \\n'
    """
    there = {_split(part)[0] for line in text.splitlines() for part in line.split(";")}
    new = [name for name in names if name not in there]
    count = len(there - {""}) + len(new)
    if count > MOST_NUMBERS:
        raise BacklitError(
            f"with these there would be {count:,} names; expected at most {MOST_NUMBERS}: write those that you check."
        )
    begun = text if not text or text.endswith("\n") else f"{text}\n"
    return begun + "".join(f"{name} = \n" for name in new)


def names_in(step: Step, row: int, part: StepPart) -> list[str]:
    """Give the names of a part of a step that a person works out, of one row of its batch, in their order."""
    return [key.quantity.name(key.place).text for key in _keys(step, row, part)]


def _keys(step: Step, row: int, part: StepPart) -> Iterator[Key]:
    new = [update.new for update in step.contents.updates]
    for _, group, of in step.contents.groups():
        if of not in (row, 0):
            continue
        chosen = tuple(
            quantity for quantity in group.quantities
            if quantity.phase == part and quantity.expression is not None and (of == row or not quantity.rows)
            and not quantity.kind.startswith("chain ") and (part != "update" or quantity in new)
        )  # fmt: skip
        yield from Group(group.title, chosen).keys(of)


def read(step: Step, lines: Sequence[Line], *, delta: str = "", no_update: str = "") -> tuple[StepGraph, Sheet]:
    """Read the names and numbers of lines as those of a step.

    Args:
        lines: the numbers; a line "velocity = μv + g" says how v is worked out.
        delta: what δ means, such as "dE/dnet" or "-dE/dnet"; nothing where that is recognised.
        no_update: why the step has no update, or nothing.

    Errors: a BacklitError that says which lines do not fit.
    """
    from backlit.check.graph import StepGraph  # noqa: PLC0415
    from backlit.check.reading.givens import Given, GivenError, GivenSheet  # noqa: PLC0415  (few people check)
    from backlit.check.reading.number_texts import number_of  # noqa: PLC0415
    from backlit.check.reading.sheet_reading import sheet_of  # noqa: PLC0415

    given, wrong = [], []
    velocity = next((line.written for line in lines if line.name.casefold() == "velocity"), "")
    lines = [line for line in lines if line.name.casefold() != "velocity"]
    points = any("." in line.written for line in lines)
    for line in lines:
        try:
            written = number_of(line.written, points=points)
            given.append(Given(line.name, written, line=line.number, place=f"line {line.number}"))
        except BacklitError as error:
            wrong.append(f"line {line.number}: {_bare(error)}")
    graph, sheet = StepGraph([step]), None
    while given and sheet is None and len(wrong) < MOST_SAID:
        try:
            sheet = sheet_of(graph, GivenSheet("", tuple(given)), figures=step.figures, delta=delta, velocity=velocity)
        except GivenError as error:
            wrong.append(f"line {error.line}: {_bare(error)}")
            given = [one for one in given if one.line != error.line]
    updates = [c for c in sheet.claims if c.key.quantity.phase == "update"] if sheet and no_update else []
    wrong += [f"{claim.place}: {claim.name} belongs to an update. {no_update.rstrip('.')}" for claim in updates[:1]]
    if wrong or sheet is None:
        raise BacklitError(_sentences(wrong) or NOTHING)
    notes = tuple(note.replace("declare it with delta", "choose above what δ is") for note in sheet.notes)
    return graph, msgspec.structs.replace(sheet, notes=notes)


def judged(graph: StepGraph, sheet: Sheet, title: str) -> CheckedWork:
    """Check numbers against the step that they were read for; `title` is that of the network."""
    from backlit.check.judging.verdicts import judge  # noqa: PLC0415  (few people check)

    return judge(graph, sheet, title=title)


NOTHING = "There is no number yet: write one behind a name, as in net(h1) = 0.3775."


def _bare(error: BacklitError) -> str:
    return str(error).rstrip(".")


def _sentences(wrong: Sequence[str]) -> str:
    """Write what does not fit as sentences, of much the first."""
    ends = (one if one.endswith("?") else f"{one}." for one in wrong[:MOST_SAID])
    return " ".join(f"{one[0].upper()}{one[1:]}" for one in ends)
