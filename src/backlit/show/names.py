"""Names that a user gave, as they stand in a picture: on one line, of bounded length, so that what differs stays so."""

from __future__ import annotations

JOINERS = "\u200c\u200d"
"""Invisible characters that letters and emoji of several parts need."""

LONGEST = 40


def short(name: str, most: int = LONGEST) -> str:
    """Give a name in a line, without characters that turn or hide others; a long one loses its middle.

    >>> short("loss\\n of \\u202e it"), short(" "), short("abcdefghij", 8)
    ('loss of it', '(no name)', 'abcd…hij')
    """
    seen = "".join(sign if sign.isprintable() or sign in JOINERS else " " for sign in name)
    return without_middle(" ".join(seen.split()) or "(no name)", most)


def without_middle(text: str, most: int) -> str:
    """Give a text of at most so many characters; a longer one loses its middle, since names often differ at the end.

    >>> without_middle("abcdefghij", 8), without_middle("abc", 8)
    ('abcd…hij', 'abc')
    """
    tail = max(3, (most - 1) // 3)
    return text if len(text) <= most else f"{text[: most - 1 - tail]}…{text[-tail:]}"
