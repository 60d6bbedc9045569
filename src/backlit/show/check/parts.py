"""The parts of checked work in the order in which a learner reads them: what all forms draw."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from backlit.check.records import CheckedNumber, CheckedWork, Fit, Verdict
from backlit.explain import Record
from backlit.show.check import words
from backlit.show.check.hints import HINTS
from backlit.show.check.lines import Piece, Pieces, compared, is_number, parts_of, without_numbers
from backlit.show.report.texts import SENTENCE, listed, plain

MOST_DETAILS = 3
"""So many wrong numbers are gone into: who puts the first right has the others changed."""
MOST_CAUSES = 3
"""Of so many mistakes that give one number the lines are shown, of others the titles."""
LONGEST_LINE = 4_000

MISTAKEN, OWN, EXAMPLE = "with the mistake", "right, from the sheet's numbers", "in the worked example"
RIGHT, THEN = "right", "and from that"


class Line(msgspec.Struct, frozen=True):
    """A line of a calculation: its label and name, and the formula, the numbers and the result as far as it has them.

    The label may be empty. Their pieces say what differs from the line beside it.
    """

    label: str
    name: str
    parts: tuple[Pieces, ...]

    @property
    def ends(self) -> bool:
        """Whether the last part is a result."""
        return is_number(self.texts[-1])

    @property
    def texts(self) -> list[str]:
        """The parts as text."""
        return ["".join(piece.text for piece in part) for part in self.parts]


class Cause(msgspec.Struct, frozen=True):
    """A mistake that gives a number: what it is, why it is wrong and what else there is to say, and its line.

    Of one among several the line is its formula alone; `right` is the right formula beside it where two were made, or
    it was made at another number.
    """

    title: str
    sentences: tuple[str, ...]
    line: Line | None
    right: Line | None = None


class Detail(msgspec.Struct, frozen=True):
    """A wrong number, gone into.

    Attributes:
        place: from 1. heading: its name with what the sheet has. expected: what was expected. named: which mistake.
        causes: the mistakes that give it. tell: what tells several apart.
        lines: the right ones. also: what else there is to say.
        record: the worked example's record of it; None where there is none.
    """

    place: int
    name: str
    heading: str
    expected: str
    named: str
    causes: tuple[Cause, ...]
    tell: str
    lines: tuple[Line, ...]
    also: tuple[str, ...]
    record: Record | None


class Listed(msgspec.Struct, frozen=True):
    """Numbers that need a word: what they are called, their names, the word."""

    title: str
    names: str
    said: str


class Row(msgspec.Struct, frozen=True):
    """A number in the table of all: name, on the sheet, expected from it, in the worked example, verdict, remark.

    `detail` is the place of what says more, 0 where there is none; `mark` is a sign beside the verdict.
    """

    name: str
    given: str
    follows: str
    key: str
    verdict: Verdict
    said: str
    remark: str
    detail: int = 0
    mark: str = ""

    @property
    def kind(self) -> str:
        """The verdict in a word without blanks, for styles."""
        return self.verdict.replace(" ", "-")


class Parts(msgspec.Struct, frozen=True):
    """All that is shown of checked work.

    `keys` says that the table has a column of the worked example's numbers, since they differ from those expected; a
    hint takes out both. `hint` is a sentence on what the next hint gives.
    """

    title: str
    verdict: str
    beside: str
    right: str
    notes: tuple[str, ...]
    details: tuple[Detail, ...]
    rest: str
    listed: tuple[Listed, ...]
    rows: tuple[Row, ...]
    expected: bool
    keys: bool
    hint: str
    good: bool


def parts(work: CheckedWork, hint: int | None = None) -> Parts:
    """Put together what is shown of checked work; under a hint it is what `hinted` gives of it."""
    steps = words.several_steps(work)
    own = [number for number in work.wrong if hint is None or number is work.wrong[0]]
    own = _once_each(own)
    shown = own[:MOST_DETAILS]
    details = tuple(_detail(work, number, place, hint, steps) for place, number in enumerate(shown, 1))
    rest = own[MOST_DETAILS:]
    expected = hint is None
    return Parts(
        _title(work), words.verdict(work), words.beside(work), words.right(work),
        tuple(words.sentence(note) for note in work.notes), details, _rest(rest, steps), _listed(work, steps),
        tuple(_row(number, shown, steps) for number in work.numbers), expected,
        expected and any(map(words.differs, work.numbers)), _next(hint, work), work.all_right,
    )  # fmt: skip


def _once_each(numbers: list[CheckedNumber]) -> list[CheckedNumber]:
    """Leave numbers out whose mistake an earlier one has too: what is said there is said of them."""
    seen: frozenset[str] = frozenset()
    found = []
    for number in numbers:
        codes = number.codes
        if len(codes) != 1 or not codes & seen:
            found.append(number)
            seen |= codes if len(codes) == 1 else frozenset()
    return found


def _title(work: CheckedWork) -> str:
    sheet = plain(work.sheet, SENTENCE) if work.sheet else ""
    title = plain(work.title, SENTENCE) if work.title else "Checked work"
    return f"{title}: {sheet}" if sheet and sheet != title else title


def _next(hint: int | None, work: CheckedWork) -> str:
    """Say what the hint gives, and what the next one adds."""
    if hint is None or work.all_right:
        return ""
    given = [HINTS[level] for level in range(1, hint + 1)]
    following = HINTS.get(hint + 1)
    said = (
        f"hint {hint + 1} adds {following}"
        if following
        else "without a hint, the numbers put in and those expected are shown too"
    )
    return f"Hint {hint} gives {listed(given)} of the first mistake; {said}."


def _rest(numbers: list[CheckedNumber], steps: bool) -> str:
    if not numbers:
        return ""
    what = "1 more number is" if len(numbers) == 1 else f"{len(numbers):,} more numbers are"
    return f"{what} wrong: {words.names(numbers, steps=steps)}. The first ones are the place to begin."


def _listed(work: CheckedWork, steps: bool) -> tuple[Listed, ...]:
    return tuple(Listed(title, words.names(numbers, steps=steps), said) for title, numbers, said in words.groups(work))


def _row(number: CheckedNumber, shown: list[CheckedNumber], steps: bool) -> Row:
    detail = next((place for place, one in enumerate(shown, 1) if one is number), 0)
    said = words.VERDICTS[number.verdict]
    codes = [one.codes for one in shown]
    if number.verdict == "wrong" and not detail and len(number.codes) == 1 and number.codes in codes:
        detail, said = codes.index(number.codes) + 1, "wrong, by the same mistake"
    told = number.verdict in words.REMARKED or detail
    remark = plain(number.remark, SENTENCE) if number.remark and not told else ""
    key = number.key if words.differs(number) else ""
    return Row(words.name_of(number, steps=steps), plain(number.given), number.follows, key, number.verdict, said,
               remark, detail, words.MARKS[number.verdict])  # fmt: skip


# ------------------------------------------------------------------------------------------------------ a wrong number


def _detail(work: CheckedWork, number: CheckedNumber, place: int, hint: int | None, steps: bool) -> Detail:
    """Go into a wrong number; where the mistake was made on the way to it, into the line there too."""
    fits = number.fits
    if len(fits) == 1:
        causes, lines = _of_one(work, number, fits[0], hint, steps)
    else:
        causes = tuple(_briefly(number, fit, fits[:k]) for k, fit in enumerate(fits[:MOST_CAUSES]))
        causes += tuple(Cause(words.sentence(words.title_of(fit)), (), None) for fit in fits[MOST_CAUSES:])
        lines = _own_lines(number, hint)
    records = {record.name: record for record in work.records}
    at = {fit.at for fit in fits if words.made_at(number, fit)}
    record = records.get(min(at)) if len(at) == 1 else records.get(number.record)
    also = (words.turned(number), words.sentence(number.remark) if fits or hint else "")
    tell = "" if hint == 1 else words.tell(number)
    return Detail(place, words.name_of(number, steps=steps), words.heading(number, steps=steps),
                  words.expected(number), words.named(number, hint), causes, tell, tuple(filter(None, lines)),
                  tuple(filter(None, also)), record)  # fmt: skip


def _of_one(
    work: CheckedWork, number: CheckedNumber, fit: Fit, hint: int | None, steps: bool
) -> tuple[tuple[Cause, ...], list[Line | None]]:
    """Give the one mistake of a number with its line, and the right lines."""
    others = [one for one in work.numbers if one is not number and fit.code in one.codes]
    explains = words.explains(fit, words.names(others, steps=steps))
    said = (words.sentence(fit.why), words.made_at(number, fit), explains)
    wrong, lines = _line(MISTAKEN, fit.line, fit.at), _own_lines(number, hint)
    if fit.right:
        lines = [_line(RIGHT, fit.right, fit.at), _line(THEN, number.line, number.record)]
    right = lines[0]
    if wrong is not None and right is not None and wrong.texts == right.texts:  # a slip, under a hint
        wrong = None
    if wrong is not None and right is not None and _same_name(wrong, right):
        wrong, lines[0] = _marked(wrong, right), _marked(right, wrong)
    return (Cause(words.sentence(words.title_of(fit)), tuple(filter(None, said)), wrong),), lines


def _own_lines(number: CheckedNumber, hint: int | None) -> list[Line | None]:
    """Give the right line of a number, and the worked example's where that differs."""
    if hint is not None or not words.differs(number):
        return [_line(RIGHT, number.line, number.record)]
    return [_line(OWN, number.line, number.record), _line(EXAMPLE, number.right_line, number.record)]


def _briefly(number: CheckedNumber, fit: Fit, before: Sequence[Fit]) -> Cause:
    """Give one of several mistakes: its title, its formula; of two made together, why and the right formula too.

    The right formula stands too beside the first of those that were made at another number.
    """
    line = _line("", without_numbers(fit.line, fit.at), fit.at)
    if not fit.together and (not fit.right or fit.at in {one.at for one in before}):
        return Cause(words.sentence(words.title_of(fit)), (), line)
    right = fit.right or number.line
    beside = _line(RIGHT, without_numbers(right, fit.at), fit.at)
    if line is not None and beside is not None:
        line, beside = _marked(line, beside), _marked(beside, line)
        line = msgspec.structs.replace(line, label=MISTAKEN)
    why = (words.sentence(fit.why),) if fit.together and fit.why else ()
    return Cause(words.sentence(words.title_of(fit)), why, line, beside)


def _same_name(line: Line, other: Line) -> bool:
    return line.name.removeprefix("-") == other.name.removeprefix("-")


def _marked(line: Line, other: Line) -> Line:
    """Mark what differs in the formula and the numbers of two lines; results differ always."""
    found = compared(line.texts, other.texts)
    if len(line.parts) == len(other.parts) > 1:
        found[-1] = line.parts[-1]
    return msgspec.structs.replace(line, parts=tuple(found))


def _line(label: str, text: str, name: str) -> Line | None:
    if not text:
        return None
    first, *rest = parts_of(text, name)
    if len(rest) > 1 and all(map(is_number, rest[-2:])) and float(rest[-2]) == float(rest[-1]):
        del rest[-1]  # 0 needs no 0.000000 beside it
    shown = (plain(part, LONGEST_LINE) for part in rest or [first])
    return Line(label, plain(first, SENTENCE) if rest else "", tuple((Piece(part, differs=False),) for part in shown))
