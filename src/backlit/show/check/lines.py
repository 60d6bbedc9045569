"""Lines of a calculation, `name = formula = numbers = result`, taken apart; what differs between two of them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from rich.cells import cell_len

EQUALS = " = "
OPENING, CLOSING = "([{", ")]}"
SUM, PRODUCT = "+-", "·/"
HANG = 2
"""So far the lines hang that a formula goes on in."""
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


def without_numbers(line: str, name: str = "") -> str:
    """Give a line's name and its formula; nothing where it has none.

    >>> without_numbers("a = b · c = 2 · 3 = 6"), without_numbers("a = b · c"), without_numbers("a = 6")
    ('a = b · c', 'a = b · c', '')
    """
    parts = parts_of(line, name)
    return EQUALS.join(parts[:2]) if len(parts) > 2 or not is_number(parts[-1]) else ""


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


def breaks(text: str, width: int) -> Iterator[tuple[int, slice]]:
    """Break a formula into lines of at most `width`: how far each is indented, and its part of the text.

    It breaks before operators, those of the outermost sum first, then those of its products, then those in brackets;
    lines after the first hang. What has no operator breaks between words; a longer word keeps a line.

    >>> [" " * indent + "a · b + (c + d) · e"[part] for indent, part in breaks("a · b + (c + d) · e", 12)]
    ['a · b', '  + (c + d)', '    · e']
    """
    yield from _broken(text, width, (0, len(text)), 0, HANG)


def _broken(text: str, width: int, part: tuple[int, int], indent: int, hang: int) -> Iterator[tuple[int, slice]]:
    """Break a part of a formula: its first line stands at `indent`, those after it at `hang`."""
    start, end = part
    parts = outermost(text, start, end) or _words(text, start, end)
    if cell_len(text[start:end]) <= width - indent or len(parts) < 2:
        yield indent, slice(start, end)
        return
    begin, stop = parts[0]
    for at, till in [*parts[1:], (end, end)]:
        if at < end and cell_len(text[begin:till]) <= width - indent:
            stop = till
            continue
        yield from _broken(text, width, (begin, stop), indent, hang + HANG)
        indent, begin, stop = hang, at, till


def _words(text: str, start: int, end: int) -> list[tuple[int, int]]:
    return [(start + word.start(), start + word.end()) for word in re.finditer(r"(?:[-+·/] )?\S+", text[start:end])]


def outermost(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """Take a formula apart before its outermost operators: where each part begins and ends; none where it has none.

    >>> [text[a:b] for text in ["a · b - c / d"] for a, b in outermost(text)], outermost("f(a + b)")[1:]
    (['a · b', '- c / d'], [(4, 8)])
    """
    end, depth, found = len(text) if end is None else end, 0, dict[int, list[int]]()
    for at in range(start, end):
        depth += (text[at] in OPENING) - (text[at] in CLOSING)
        if at + 2 < end and text[at] == text[at + 2] == " " and text[at + 1] in SUM + PRODUCT:
            found.setdefault(2 * depth + (text[at + 1] in PRODUCT), []).append(at)
    if not found:
        return []
    seams = found[min(found)]
    return list(zip([start, *(at + 1 for at in seams)], [*seams, end], strict=True))


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
