"""Lines of a calculation, `name = formula = numbers = result`, taken apart; what differs between two of them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

EQUALS = " = "
OPENING, CLOSING = "([{", ")]}"
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e[-+]?\d+)?(?!\w)")
WORDS = re.compile(r"\s+|[\w.]+\+?|.")
"""What is compared: names, of a new weight with its +, and numbers."""


class Piece(NamedTuple):
    """A piece of a formula; `differs` says that the other line has it not."""

    text: str
    differs: bool


Pieces = tuple[Piece, ...]


def parts_of(line: str, name: str = "") -> list[str]:
    """Take a line apart at its equals signs, but for those in brackets; `name`, if it begins with it, stays whole.

    >>> parts_of("a = [b = 1] · c = 0.5"), parts_of("x = y = 2 = 2", "x = y")
    (['a', '[b = 1] · c', '0.5'], ['x = y', '2', '2'])
    """
    whole = [name] if name and line.startswith(name + EQUALS) else []
    rest = line[len(name) + len(EQUALS) :] if whole else line
    parts, depth, start = [], 0, 0
    for at, sign in enumerate(rest):
        depth += (sign in OPENING) - (sign in CLOSING)
        if not depth and rest.startswith(EQUALS, at) and at >= start:
            parts.append(rest[start:at].strip())
            start = at + len(EQUALS)
    return [*whole, *parts, rest[start:].strip()]


def without_result(line: str, name: str = "") -> str:
    """Give a line without its result; one that is no more than a result is left empty.

    >>> without_result("a = b · c = 2 · 3 = 6"), without_result("a = b = 6 = 6"), without_result("a = 6")
    ('a = b · c = 2 · 3', 'a = b', '')
    """
    parts = parts_of(line, name)
    result = parts.pop()
    while len(parts) > 1 and parts[-1] == result:
        parts.pop()
    return EQUALS.join(parts) if len(parts) > 1 else ""


def without_numbers(line: str, name: str = "") -> str:
    """Give a line's name and its formula.

    >>> without_numbers("a = b · c = 2 · 3 = 6"), without_numbers("a = 6")
    ('a = b · c', '')
    """
    parts = parts_of(line, name)
    return EQUALS.join(parts[:2]) if len(parts) > 2 and not is_number(parts[1]) else ""


def is_number(text: str) -> bool:
    """Tell whether a text is one number."""
    return NUMBER.fullmatch(text.removeprefix("-")) is not None


def says(text: str, number: str) -> bool:
    """Tell whether a text has a number in it, of either sign, with as many digits, or rounded to one fewer.

    >>> says("0.3775 · 0.5", "0.37750"), says("-0.3775", "0.3775"), says("0.377", "0.3775"), says("0.4", "0.3775")
    (True, True, True, False)
    """
    try:
        wanted = abs(Decimal(number))
    except ArithmeticError:
        return False
    if not wanted.is_finite():
        return False
    half = Decimal(5).scaleb(int(wanted.as_tuple().exponent))
    return any(abs(Decimal(found) - wanted) <= half for found in NUMBER.findall(text))


def compared(line: Sequence[str], other: Sequence[str]) -> list[Pieces]:
    """Give the parts of a line in pieces, those marked that the other line's part has not.

    >>> compared(["b · c"], ["b · d"])[0]
    (Piece(text='b · ', differs=False), Piece(text='c', differs=True))
    """
    padded = [*other, *[""] * len(line)]
    return [tuple(_compared(part, against)) for part, against in zip(line, padded, strict=False)]


def _compared(part: str, other: str) -> Iterator[Piece]:
    """Give the pieces of one part; all are alike where there is nothing to compare it with."""
    if not other:
        yield Piece(part, differs=False)
        return
    mine, theirs = WORDS.findall(part), WORDS.findall(other)
    for what, start, end, _, _ in difflib.SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        text = "".join(mine[start:end])
        if not text:
            continue
        inner = text.strip()
        differs = what != "equal" and bool(inner)
        before, _, after = text.partition(inner) if differs else ("", "", "")
        yield from (piece for piece in (Piece(before, differs=False), Piece(inner if differs else text, differs),
                                        Piece(after, differs=False)) if piece.text)  # fmt: skip
