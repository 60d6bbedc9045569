"""Texts of the user and numbers as they stand in a report: on one line, of bounded length, with nothing invisible."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence

from backlit.show.charts.numbers import minus
from backlit.show.names import JOINERS, without_middle
from backlit.show.network.edge_labels import isolated

NAME, CELL, WORDS, SENTENCE = 60, 48, 240, 1_000
"""The most characters of a name, of a table's cell, of a description, and of a sentence with names in it."""

ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def plain(text: object, most: int = NAME) -> str:
    r"""Give a text of the user: a long one loses its middle, what is invisible is written out, as Python writes it.

    Names often differ at the end, so that the end stays. Characters that turn the direction of writing would turn what
    stands beside them; a name that is written from right to left is isolated from it. Blanks alone stand in quotes.

    >>> plain("two\nlines"), plain("a\u202eb"), plain("abcdefghij", 8), plain("")
    ('two\\nlines', 'a\\u202eb', 'abcd…hij', '(empty)')
    """
    text = without_middle(str(text), most)
    shown = isolated("".join(map(_visible, text)))
    return shown if shown.strip() else f"“{shown}”" if shown else "(empty)"


def _visible(character: str) -> str:
    if character.isascii() and character.isprintable():
        return character
    kind = unicodedata.category(character)
    if character in ESCAPES:
        return ESCAPES[character]
    if (kind in {"Cc", "Cs", "Cf", "Zl", "Zp"} and character not in JOINERS) or ord(character) & 0xFFFE == 0xFFFE:
        code = ord(character)
        return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return character


def number(value: float | None, digits: int = 4) -> str:
    """Give a number with so many significant digits, in the house's notation; a dash where there is none.

    >>> number(0.123456), number(185432.7), number(-0.00001234), number(None), number(0.5)
    ('0.1235', '185,433', '−1.234e−05', '–', '0.5')
    """
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "∞" if value > 0 else "−∞"
    if value and not 1e-4 <= abs(value) < 1e9:
        return minus(f"{value:.{digits - 1}e}")
    places = max(0, digits - 1 - math.floor(math.log10(abs(value)))) if value else 0
    text = f"{value:,.{places}f}"
    return minus(text.rstrip("0").rstrip(".") if "." in text else text)


def score(value: float | None) -> str:
    """Give a score with four decimals, so that those below each other can be compared; large ones as `number` does.

    >>> score(0.5), score(1.0), score(12345.678), score(None)
    ('0.5000', '1.0000', '12,346', '–')
    """
    if value is None or not math.isfinite(value) or not (value == 0 or 5e-4 <= abs(value) < 10):
        return number(value)
    return minus(f"{value:.4f}")


def share(value: float | None) -> str:
    r"""Give a part of one in per cent, with a decimal where it is near an end; only 0 is shown as 0, only 1 as 100.

    >>> share(0.9), share(0.9967), share(0.004), share(1e-8), share(1.0), share(None)
    ('90\xa0%', '99.7\xa0%', '0.4\xa0%', '<\xa00.1\xa0%', '100\xa0%', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if 0 < value < 0.0005 or 0.9995 < value < 1:
        return "<\u00a00.1\u00a0%" if value < 0.5 else ">\u00a099.9\u00a0%"
    near = 0 < value < 0.01 or 0.99 < value < 1
    return f"{100 * value:.{int(near)}f}\u00a0%"


def listed(texts: Sequence[str], most: int = 6) -> str:
    """Give texts with commas and an "and"; of many, the first and the number of the rest.

    >>> listed(["a"]), listed(["a", "b", "c"]), listed(["a", "b", "c", "d"], 2)
    ('a', 'a, b and c', 'a, b and 2 more')
    """
    if len(texts) <= 1:
        return "".join(texts)
    if len(texts) > most:
        return f"{', '.join(texts[:most])} and {len(texts) - most:,} more"
    return f"{', '.join(texts[:-1])} and {texts[-1]}"
