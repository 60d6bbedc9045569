"""The records of checked work: each number with its verdict, the mistakes found, the counts. They turn into JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Literal, Self

import msgspec

from backlit.explain import Record

Verdict = Literal["right", "carried", "rounded", "truncated", "not tested", "wrong"]
"""What is said of a number.

right: it follows from the learner's own earlier numbers. carried: it does, and differs from the key because of an
earlier wrong one. rounded: it does where numbers on the way were rounded to fewer digits. truncated: its last digits
were cut off. not tested: what is wrong before changes it by less than its own rounding. wrong: none of these.
"""

FEW_DIGITS = "too few digits to be tested"
"""The remark of a number that says nothing, as 0 for 0.3: it is no mistake, and earns no point."""

FEW_PLACES = "it has fewer places behind the point than the sheet asks for"
"""The remark of a number that follows as far as it goes, as 0.38 for 0.3775: no mistake, and no point."""

FEW_ON_THE_WAY = "a number on the way to it has a single figure left at the sheet's digits, which allows for this one"
"""The remark of a number that may come from rounding alone, or may not: give more digits to know."""

MISTAKES: tuple[Verdict, ...] = ("wrong",)
"""The verdicts that make the exit code 1."""


class Fit(msgspec.Struct, frozen=True):
    """A mistake of the catalogue whose result is the learner's number.

    Attributes:
        code: the mistake's, such as "slope-left-out". title, why: what it is, and why it is wrong, in one sentence.
        at: the name of the number that was worked out wrongly: the wrong number itself, or one before it that the
            sheet does not give. detail: which of several, such as "with w6 in place of w5"; may be empty.
        line: the wrong line as it was worked out, `name = formula = numbers = result`.
        explains: how many of the sheet's numbers it explains. of: how many are wrong, or explained by a mistake that
            was found before them.
    """

    code: str
    title: str
    why: str
    at: str
    line: str
    detail: str = ""
    explains: int = 1
    of: int = 1
    together: bool = False
    """Whether only two mistakes together give the number, of which this is one."""
    right: str = ""
    """The right line, with the learner's numbers, of the number that it was made at, where that is another one."""
    more: int = 0
    """At so many other numbers it was made too."""


class CheckedNumber(msgspec.Struct, frozen=True):
    """A number of the sheet with what is said of it.

    Attributes:
        name: as the sheet calls it. record: as the worked example does.
        step: which of several steps, from 1.
        given: the text on the sheet. follows: what follows from the learner's own earlier numbers. key: the right one.
            Both have one digit more than the sheet gives, in the sheet's convention.
        allowed: how far from `follows` it may lie, in that convention.
        remark: what there is to say beside the verdict; may be empty.
        fits: of a wrong number, the mistakes whose result it is: one is its name, several are a tie.
        line: of a wrong number, the right line of the worked example with the learner's own numbers.
        right_line: the line of the worked example itself.
    """

    name: str
    record: str
    step: int
    phase: str
    given: str
    verdict: Verdict
    follows: str
    key: str
    allowed: float
    remark: str = ""
    fits: tuple[Fit, ...] = ()
    line: str = ""
    right_line: str = ""
    explained_by: str = ""
    """The code of a mistake that was found at an earlier number and explains this one too."""
    stands_for: str = ""
    """What it is in the worked example's names where that is no name alone: -dE/dnet(h1), or w5+ - w5 of a change."""
    tells: str = ""
    """Of a tie, a number that would tell its mistakes apart if it were given; its own name where more digits would."""
    terms: tuple[str, ...] = ()
    """Of a wrong number, what the numbers of the sheet in its lines are by the names there, where a factor other than a
    sign lies between: the lines are those of the worked example."""

    @property
    def codes(self) -> frozenset[str]:
        """The codes of the mistakes that give it."""
        return frozenset({fit.code for fit in self.fits} | ({self.explained_by} - {""}))

    @property
    def is_coarse(self) -> bool:
        """Whether it has too few digits."""
        return self.remark in {FEW_DIGITS, FEW_PLACES}


class Count(msgspec.Struct, frozen=True):
    """How many numbers are right, and how many are not.

    Attributes:
        numbers: all of them. right: those without a mistake of their own, `carried` of which follow from an earlier
            wrong one. untested: those that say nothing. wrong: the others.
    """

    numbers: int
    right: int
    carried: int
    untested: int
    wrong: int

    @classmethod
    def of(cls, numbers: Collection[CheckedNumber]) -> Self:
        """Count numbers by their verdicts.

        >>> Count.of(())
        Count(numbers=0, right=0, carried=0, untested=0, wrong=0)
        """
        verdicts = Counter(number.verdict for number in numbers)
        carried, untested, wrong = verdicts["carried"], verdicts["not tested"], sum(verdicts[one] for one in MISTAKES)
        return cls(len(numbers), len(numbers) - untested - wrong, carried, untested, wrong)


class CheckedWork(msgspec.Struct, frozen=True):
    """A sheet, checked: its numbers in the order of the computation.

    Attributes:
        title: of the network or file. sheet: the sheet's name; may be empty. numbers: those it gives.
        notes: what was recognised or assumed, such as "δ is read as -dE/dnet".
        records: the records of the worked example of the numbers that are wrong, for a page that shows them.
        unread: of a class's sheet, the lines that could not be read and do not count, such as "net(h1) = abc".
    """

    title: str
    sheet: str
    numbers: tuple[CheckedNumber, ...]
    notes: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()
    unread: tuple[str, ...] = ()

    def of(self, *verdicts: Verdict) -> tuple[CheckedNumber, ...]:
        """Give the numbers of these verdicts."""
        return tuple(number for number in self.numbers if number.verdict in verdicts)

    @property
    def count(self) -> Count:
        """How many numbers are right, carried, not tested and wrong."""
        return Count.of(self.numbers)

    @property
    def wrong(self) -> tuple[CheckedNumber, ...]:
        """The wrong numbers, in the order of the computation; the first is where to look."""
        return self.of("wrong")

    @property
    def all_right(self) -> bool:
        """Whether there is no mistake."""
        return not self.wrong
