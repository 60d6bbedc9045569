"""The parts of checked work in the order in which a learner reads them: what all forms draw."""

from __future__ import annotations

import msgspec

from backlit.check.records import CheckedNumber, CheckedWork, Fit, Verdict
from backlit.explain import Record
from backlit.show.check import words
from backlit.show.check.hints import HINTS
from backlit.show.check.lines import EQUALS, Piece, Pieces, compared, is_number, parts_of
from backlit.show.report.texts import SENTENCE, listed, plain

MOST_DETAILS = 3
"""So many wrong numbers are gone into: who puts the first right has the others changed."""
MOST_CAUSES = 3
"""Of so many mistakes that give one number the lines are shown, of others the titles."""
LONGEST_LINE = 4_000

MISTAKEN, OWN, EXAMPLE = "with the mistake", "right, from the sheet's numbers", "in the worked example"
RIGHT = "right"


class Line(msgspec.Struct, frozen=True):
    """A line of a calculation: its label, the name, and the formula, the numbers and the result as far as it has them.

    Their pieces say what differs from the line beside it.
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
    """A mistake that gives a number: what it is, why it is wrong and what else there is to say, and its line."""

    title: str
    sentences: tuple[str, ...]
    line: Line | None


class Detail(msgspec.Struct, frozen=True):
    """A wrong number, gone into.

    Attributes:
        place: from 1. heading: its name with what the sheet has. expected: what was expected. named: which mistake.
        causes: the mistakes that give it. lines: the right ones. also: what else there is to say.
        record: the worked example's record of it; None where there is none.
    """

    place: int
    name: str
    heading: str
    expected: str
    named: str
    causes: tuple[Cause, ...]
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
        """The verdict in a word without blanks, for styles; that of a number with an earlier one's mistake is again."""
        return "again" if self.said == words.AGAIN else self.verdict.replace(" ", "-")


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
    seen: set[str] = set()
    found = []
    for number in numbers:
        codes = codes_of(number)
        if len(codes) != 1 or not codes & seen:
            found.append(number)
            seen |= codes if len(codes) == 1 else set()
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
    said = f"hint {hint + 1} adds {following}" if following else "without a hint, the numbers expected are shown too"
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
    said = words.said_of(number)
    codes = [codes_of(one) for one in shown]
    if not detail and len(codes_of(number)) == 1 and codes_of(number) in codes:
        detail = codes.index(codes_of(number)) + 1
        said = "wrong, by the same mistake" if number.verdict == "wrong" else said
    told = number.verdict in words.REMARKED or words.is_same(number)
    remark = plain(number.remark, SENTENCE) if number.remark and not told else ""
    key = number.key if words.differs(number) else ""
    return Row(words.name_of(number, steps=steps), plain(number.given), number.follows, key, number.verdict, said,
               remark, detail, words.mark_of(number))  # fmt: skip


# ------------------------------------------------------------------------------------------------------ a wrong number


def _detail(work: CheckedWork, number: CheckedNumber, place: int, hint: int | None, steps: bool) -> Detail:
    """Go into a wrong number; where the mistake was made on the way to it, into the line there too."""
    own = _line(OWN if words.differs(number) or hint else RIGHT, number.line, number.record)
    made = number.fits[0] if len(number.fits) == 1 and number.fits[0].right else None
    right = own if made is None else _line(RIGHT, made.right, made.at)
    causes = tuple(_cause(work, number, fit, right, steps) for fit in number.fits[:MOST_CAUSES])
    causes += tuple(Cause(words.title_of(fit), (), None) for fit in number.fits[MOST_CAUSES:])
    lines = [_beside(right, causes)]
    if made is not None:
        lines.append(own)
    if words.differs(number):
        lines.append(_line(EXAMPLE, number.right_line, number.record))
    records = {record.name: record for record in work.records}
    at = {fit.at for fit in number.fits if words.made_at(number, fit)}
    record = records.get(min(at)) if len(at) == 1 else records.get(number.record.removeprefix("-"))
    if at and record is not None:
        parts = (record.plain_formula, record.plain_substituted, record.shown)
        lines.insert(0, _line(EXAMPLE, EQUALS.join((record.name, *dict.fromkeys(parts))), record.name))
    remark = words.sentence(number.remark) if number.remark and (number.fits or hint) else ""
    also = tuple(filter(None, (words.in_terms(number), remark)))
    return Detail(place, words.name_of(number, steps=steps), words.heading(number, steps=steps),
                  words.expected(number), words.named(number, hint), causes, tuple(filter(None, lines)), also,
                  record)  # fmt: skip


def _cause(work: CheckedWork, number: CheckedNumber, fit: Fit, right: Line | None, steps: bool) -> Cause:
    alone = len(number.fits) == 1
    others = [one for one in work.numbers if alone and one is not number and fit.code in codes_of(one)]
    explains = words.explains(fit, words.names(others, steps=steps))
    said = (words.sentence(fit.why), words.made_at(number, fit), explains)
    line = _line(MISTAKEN, fit.line, fit.at)
    if line is not None and right is not None and line.name.removeprefix("-") == right.name.removeprefix("-"):
        line = msgspec.structs.replace(line, parts=_marked(line, right))
    return Cause(words.title_of(fit), tuple(filter(None, said)), line)


def codes_of(number: CheckedNumber) -> set[str]:
    """Give the codes of the mistakes that give a number."""
    return {fit.code for fit in number.fits} | ({number.explained_by} if number.explained_by else set())


def _beside(right: Line | None, causes: tuple[Cause, ...]) -> Line | None:
    """Mark in the right line what the one wrong line beside it has not."""
    wrong = causes[0].line if len(causes) == 1 else None
    if right is None or wrong is None or wrong.name.removeprefix("-") != right.name.removeprefix("-"):
        return right
    return msgspec.structs.replace(right, parts=_marked(right, wrong))


def _marked(line: Line, other: Line) -> tuple[Pieces, ...]:
    """Mark what differs in the formula and the numbers of two lines; results differ always."""
    found = compared(line.texts, other.texts)
    whole = len(line.parts) == len(other.parts) > 1
    return (*found[:-1], line.parts[-1]) if whole else tuple(found)


def _line(label: str, text: str, name: str) -> Line | None:
    if not text:
        return None
    first, *rest = parts_of(text, name)
    shown = (plain(part, LONGEST_LINE) for part in rest or [first])
    return Line(label, plain(first, SENTENCE) if rest else "", tuple((Piece(part, differs=False),) for part in shown))
