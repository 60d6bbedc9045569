"""Numbers as a source gives them, by name, made into the claims of a sheet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from backlit.check.conventions import DELTAS, recognised
from backlit.check.graph import StepGraph
from backlit.check.name_forms import form_of, plain, squashed
from backlit.check.name_rules import Reading
from backlit.check.naming import Namer
from backlit.check.sheet import Claim, Sheet
from backlit.check.written import Written
from backlit.errors import BacklitError, counted


class Given(msgspec.Struct, frozen=True):
    """A number of a sheet before its name is read.

    Attributes:
        name, written: the name and the number. step: the step that stands beside it, from 1; None where none does.
        row: the row that stands beside it; may be empty. line: its line in the file, from 1; 0 where that is not known.
        place: where it stands in words, such as "line 7"; may be empty.
    """

    name: str
    written: Written
    step: int | None = None
    row: str = ""
    line: int = 0
    place: str = ""


class GivenSheet(msgspec.Struct, frozen=True):
    """A sheet before its names are read.

    Attributes:
        name: the sheet's; may be empty. numbers: those it gives, in its order.
        delta: what it says that δ is, "dE/dnet" or "-dE/dnet"; empty where it says nothing.
        notes: what was assumed when it was read. student: whose it is, where it says so.
    """

    name: str
    numbers: tuple[Given, ...]
    delta: str = ""
    notes: tuple[str, ...] = ()
    student: str = ""


class GivenError(BacklitError):
    """Something is wrong with a number of a sheet; `given` is the number."""

    def __init__(self, says: str, given: Given) -> None:
        super().__init__(says)
        self.given = given


def delta_of(text: str) -> str:
    """Give the convention that a text declares: "dE/dnet" or "-dE/dnet"; empty for an empty text.

    Errors: a BacklitError for another text.

    >>> delta_of("−∂E/∂net"), delta_of("dE/dz"), delta_of("negative")
    ('-dE/dnet', 'dE/dnet', '-dE/dnet')
    """
    word = squashed(plain(text).replace(" ", "")).removeprefix("δ=")
    sign, rest = ("-", word[1:]) if word.startswith("-") else ("", word.removeprefix("+"))
    if rest in {"minus", "negative"}:
        return "-dE/dnet"
    if word in {"plus", "positive"} or (not rest and text.strip()):
        return f"{sign}dE/dnet"
    if re.fullmatch(r"d(e|l|c|j|loss|etotal)/d(net|z|in|a)[a-z]?", rest):
        return f"{sign}dE/dnet"
    if not word:
        return ""
    raise BacklitError(
        f'delta is {text!r}; expected what δ means on the sheet: "dE/dnet" or "-dE/dnet", where a weight\'s change is '
        "plus the rate times δ times the input."
    )


def steps_named(givens: Iterable[Given]) -> int:
    """Give the last step that a sheet names; 1 where it names none."""
    steps = [given.step if given.step is not None else form_of(given.name).step for given in givens]
    return max((step for step in steps if step is not None), default=1)


def sheet_of(
    graph: StepGraph, given: GivenSheet, *, figures: Mapping[str, str] | None = None, delta: str = ""
) -> Sheet:
    """Read the names of a sheet's numbers.

    Args:
        graph: the numbers of the step, or of several. given: the sheet.
        figures: what the network's file calls numbers, such as {"δ3": "-dE/dnet(y3)"}.
        delta: what δ is, "dE/dnet" or "-dE/dnet", if that is said outside the sheet.

    Errors: a GivenError where a name stands for no number, or a number is given twice in different ways.
    """
    namers = [Namer(step, figures) for step in graph.steps]
    read = [(one, _read(namers, one)) for one in given.numbers]
    if not read:
        raise BacklitError("the sheet gives no number; expected some, such as net(h1) = 0.3775.")
    read = _once(read)
    notes = list(given.notes)
    signs = recognised(graph, read, _declared(delta or given.delta, figures or {}), notes)
    notes += dict.fromkeys(reading.says for _, reading in read if reading.says)
    claims = tuple(
        Claim(one.name, reading.key, one.written, reading.sign * signs.get(reading.kind, 1), reading.base, one.place)
        for one, reading in read
    )
    return Sheet(given.name, claims, tuple(notes))


def _declared(delta: str, figures: Mapping[str, str]) -> int | None:
    """Give the sign of δ that is declared, or that the network's file has in its own figures; else None."""
    if delta:
        return -1 if delta_of(delta).startswith("-") else 1
    negative = {q.startswith("-") for label, q in figures.items()
                if label.startswith(DELTAS) and q.lstrip("-").startswith("dE/dnet")}  # fmt: skip
    return None if len(negative) != 1 else -1 if negative.pop() else 1


def _read(namers: Sequence[Namer], given: Given) -> Reading:
    """Read one name, in the step that it or its place says."""
    named = form_of(given.name).step
    if given.step is not None and named is not None and given.step != named:
        raise GivenError(f"{given.name!r} says step {named}, and step {given.step} stands beside it.", given)
    step = given.step if given.step is not None else named or 1
    if not 1 <= step <= len(namers):
        has = "has one step" if len(namers) == 1 else f"has steps 1 to {len(namers)}"
        raise GivenError(f"{given.name!r} is of step {step}; the sheet's training {has} here.", given)
    name = _without_step(given.name) if named is not None else given.name
    try:
        return namers[step - 1].read(name, given.row)
    except GivenError:
        raise
    except BacklitError as error:
        raise GivenError(str(error), given) from None


def _without_step(name: str) -> str:
    form = form_of(name)
    return f"{'-' if form.negative else ''}{form.body}{'+' if form.new else ''}{f'[{form.row}]' if form.row else ''}"


def _once(read: list[tuple[Given, Reading]]) -> list[tuple[Given, Reading]]:
    """Give each number once; refuse one that is given twice in different ways."""
    first: dict[tuple[object, ...], Given] = {}
    kept = []
    for given, reading in read:
        same = (reading.key, reading.sign, reading.kind)
        before = first.setdefault(same, given)
        if before is given:
            kept.append((given, reading))
        elif before.written.value != given.written.value:
            other = f" ({before.name})" if squashed(before.name) != squashed(given.name) else ""
            where = f" in {before.place}{other}" if before.place else other
            raise GivenError(
                f"{given.name} is given twice: {before.written.text}{where}, and {given.written.text} here; keep one.",
                given,
            )  # fmt: skip
    return kept


def described(sheet: GivenSheet) -> str:
    """Say how many numbers a sheet gives, for messages."""
    return counted(len(sheet.numbers), "number")
