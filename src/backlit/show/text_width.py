"""How wide a text may be in any common sans-serif font, from above: what a drawing leaves room for."""

from __future__ import annotations

import textwrap
import unicodedata

NARROW, WIDE, WIDEST = " .,:;'|!ijlIft()[]-", "mwMW%@—…∞−+±=<>≤≥~", 1.12
"""Characters much narrower and much wider than others. Widths are in units of the font size (em)."""


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Give the most that a text takes, in the units of the font size.

    The widths are those of DejaVu Sans, the widest of the usual fonts, rounded up.

    >>> text_width("0.15", 10), text_width("層", 10)
    (24.0, 11.2)
    """
    return round(sum(map(_em, text)) * size * (1.12 if bold else 1.0), 1)


def shortened(text: str, most: float, size: float, *, bold: bool = False) -> str:
    """Give a text of at most that width: a longer one loses its middle, since names often differ at the end.

    >>> shortened("hidden unit 12", 60, 10)
    'hidde… 12'
    """
    if text_width(text, size, bold=bold) <= most:
        return text
    for kept in range(len(text) - 1, 0, -1):
        tail = min(3, kept // 2)
        cut = text[: kept - tail] + "…" + text[len(text) - tail :]
        if text_width(cut, size, bold=bold) <= most:
            return cut
    return "…"


def wrapped(text: str, most: float, size: float, *, bold: bool = False) -> list[str]:
    """Break a text between words into lines of at most that width; a longer word has a line of its own.

    >>> wrapped("one two three", 60, 10)
    ['one two', 'three']
    """
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, bold=bold) <= most:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def hung(text: str, width: int) -> list[str]:
    """Break a text into lines of so many characters, of which the second and later ones hang."""
    return textwrap.wrap(text, width, subsequent_indent="    ")


def _em(character: str) -> float:
    """Give the most that a character takes, by its kind."""
    category = unicodedata.category(character)
    kinds = (
        (character.isdigit() and character.isascii(), 0.66),
        (category in {"Mn", "Me", "Cf"}, 0.0),
        (unicodedata.east_asian_width(character) in {"W", "F"}, WIDEST),
        (character in NARROW, 0.42),
        (character in WIDE or category in {"So", "Mc"}, WIDEST),
        (character.islower(), 0.68),
        (character.isascii(), 0.86),
    )
    return next((width for is_of_kind, width in kinds if is_of_kind), 1.05)
