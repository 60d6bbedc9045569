"""Numbers as people and spreadsheets write them: decimal commas, powers of ten, fractions; and what is no number."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple

from backlit.check.written import PLAIN, Written
from backlit.errors import BacklitError

MINUS = str.maketrans({"−": "-", "–": "-", "—": "-", "‐": "-", "⁻": "-", "·": "*", "×": "*", "⋅": "*", "∙": "*"})
POWER = re.compile(r"(?P<front>[+-]?(?:\d+\.?\d*|\.\d+))[*x]10\^?\(?(?P<power>[+-]?\d+)\)?", re.IGNORECASE)
FRACTION = re.compile(r"(?P<above>[+-]?\d+)/(?P<below>\d+)")
LONGEST = 60
"""Characters of a number: float64 needs at most some 25."""
SHORTEST, LONGEST_FLOAT, MISSING = 2, 10, 2
"""Floats are taken for rounded with so many places behind the point at least and at most; so many zeros may be missing
from one of them: of a hundred numbers, one ends in two zeros."""
PROGRAM_PLACES, PROGRAM_NUMBERS = 7, 5
"""Of so many numbers of so many places, which only a program writes, any number of zeros may be missing."""

WRONG: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (r"#(?:DIV/0|NAME|REF|VALUE|N/A|NUM|NULL|WERT|ZAHL|BEZUG|NV)[!?]?", lambda m: (
        f"{m[0]} is a spreadsheet's error: mend the cell's formula")),
    (r"=.*", lambda m: (
        "a formula was left in the cell; expected its number: save the sheet as CSV from the spreadsheet, which writes "
        "the numbers")),
    (r"[+-]?(?:inf|infinity|∞)", lambda m: "infinite; expected a number of finitely many digits"),
    (r"[+-]?nan", lambda m: "NaN, which is no number; expected digits such as 0.3775"),
    (r"([+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?)", lambda m: f"write it without commas between thousands: {_joined(m[1])}"),
    (r"([+-]?\d+),(\d+)", lambda m: f"other numbers of the sheet have points: write {m[1]}.{m[2]}"),
    (r"([+-]?\d{1,3}(?:\.\d{3})+,\d+)", lambda m: f"write {m[1].replace('.', '').replace(',', '.')}, with one point"),
    (r"([+-]?[\d.,]+)\s*%", lambda m: f"write it without a percent sign: {_hundredth(m[1])}"),
    (r"([+-]?[\d.,]+)[\s-]*((?!e$)[a-zµ°€$²³]+)", lambda m: (
        f"a number has no unit here: write {m[1].replace(',', '.')}")),
    (r"([+-]?[\d.,]+)\s*(?:\+/?-|±).*", lambda m: f"a number has no tolerance here: write {m[1]}"),
    (r"\[.*|\(.*", lambda m: "it is a list, where one number belongs"),
    (r"true|false|yes|no", lambda m: "expected digits such as 0.3775"),
)  # fmt: skip
"""What is wrong with a text that is no number, by its form."""


def number_of(given: str, *, points: bool = False) -> Written:
    """Read a number as a person writes it; the unit of its last digit is that of the text, a fraction is exact.

    A comma is a decimal comma unless it stands between thousands; `points` says that the sheet's other numbers have
    points, so that it is none.

    Errors: a BacklitError that says what is wrong with the text.

    >>> number_of("−0,3770").value, number_of("≈ 3.5·10⁻⁵").value, number_of("1/4").unit, number_of("3,51E-05").figures
    (-0.377, 3.5e-05, 0.0, 3)
    """
    text = given.strip()
    if not text:
        raise BacklitError("nothing stands there; expected a number such as 0.3775, or no line at all.")
    if len(text) > LONGEST:
        raise BacklitError(f"{text[:20]!r}... has {len(text):,} characters; expected a number such as 0.3775.")
    bare = _bare(text)
    if not points and re.fullmatch(r"[^.,]*\d,\d*(?:e[+-]?\d+|[*x]10.*)?|[+-]?,\d+", bare, re.IGNORECASE):
        bare = bare.replace(",", ".")
    if fraction := FRACTION.fullmatch(bare):
        if not int(fraction["below"]):
            raise BacklitError(f"{text!r} is no number: nothing is divided by 0.")
        return Written(text, int(fraction["above"]) / int(fraction["below"]), 0.0, 17)
    if power := POWER.fullmatch(bare):
        bare = f"{power['front']}e{power['power']}"
    if not PLAIN.fullmatch(bare):
        raise BacklitError(f"{text!r} is no number: {_wrong(text, bare)}.")
    return Written.of(bare, text)


def with_digits(number: Written, digits: int | None) -> Written:
    """Give a number with at least so many places behind the point: trailing zeros were left out."""
    if digits is None or not number.unit or number.decimals >= digits:
        return number
    unit = 10.0**-digits
    figures = number.figures + digits - number.decimals
    return Written(number.text, number.value, unit, figures)


class Rounded(NamedTuple):
    """How numbers were rounded that came as floats.

    Attributes:
        places: behind the point. missing: so many zeros at their ends may be lost.
    """

    places: int
    missing: int

    def whole(self, number: Written) -> Written:
        """Give a float with the zeros that it has lost.

        >>> Rounded(3, 2).whole(Written.of("0.4")).unit, Rounded(6, 2).whole(Written.of("0.4")).unit
        (0.001, 0.1)
        """
        short = "." in number.text and 0 < self.places - number.decimals <= self.missing
        return with_digits(number, self.places) if short else number


def rounded_floats(numbers: Sequence[Written]) -> Rounded | None:
    """Give how numbers were rounded that came as floats, without zeros at their ends; None if unknown.

    At least half of them have so many places and none has more: those with fewer have lost zeros. Where one has a zero
    at its end, they are as a person wrote them.

    >>> rounded_floats([Written.of(text) for text in ("0.4", "0.45", "0.12")]), rounded_floats([Written.of("0.40")])
    (Rounded(places=2, missing=2), None)
    """
    plain = [number for number in numbers if "." in number.text and "e" not in number.text.lower()]
    broken = [number.text.partition(".")[2] for number in plain if not number.text.endswith(".0")]
    if not broken or any(digits.endswith("0") for digits in broken):
        return None
    most = max(map(len, broken))
    usual = sum(len(digits) == most for digits in broken)
    if not SHORTEST <= most <= LONGEST_FLOAT or 2 * usual < len(plain):
        return None
    by_program = most >= PROGRAM_PLACES and usual >= PROGRAM_NUMBERS
    return Rounded(most, most if by_program else MISSING)


def _bare(text: str) -> str:
    """Give a number's text without what only decorates it: "≈", "= ", "...", spaces."""
    text = "".join(sign for sign in text if unicodedata.category(sign) != "Cf")  # unseen, as a zero-width space is
    superscripts = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+", lambda m: "^" + unicodedata.normalize("NFKC", m[0]), text)
    bare = unicodedata.normalize("NFKC", superscripts).translate(MINUS)
    bare = re.sub(r"^(?:≈|~|ca\.?\s)\s*|(?:\.\.\.|…)$", "", bare.strip())
    bare = re.sub(r"(?<=\d)[\s'_](?=\d{3}(?:\D|$))", "", bare)
    return re.sub(r"^([+-])\s+|\s*(\*)\s*|\s+(?=e[+-]?\d)|(?<=\d)\s+(?=[x*]\s*10)|(?<=[x*])\s+(?=10)", r"\1\2", bare)


def _wrong(text: str, bare: str) -> str:
    for pattern, says in WRONG:
        for form in (text, bare):
            if found := re.fullmatch(pattern, form, re.IGNORECASE):
                return says(found)
    return "expected digits such as 0.3775 or 3.5e-5"


def _joined(number: str) -> str:
    return number.replace(",", "")


def _hundredth(number: str) -> str:
    try:
        return f"{Decimal(number.replace(',', '.')) / 100:f}"
    except ArithmeticError:
        return "0.35 for 35 %"
