"""Numbers and labels as the sentences of a report say them: rounded once, and never to what they are not."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from backlit.analysis.report.cell_text import cut
from backlit.data.messages import quoted

LONGEST_NAME = 60
"""Longer labels are cut in a sentence."""
MOST_PLACES = 16
"""float64 has no number below 1 that is nearer to it than so many places show."""


def short(label: str) -> str:
    """A label in quotes, cut where it is long.

    >>> print(short("setosa"), len(short("a" * 1000)))
    "setosa" 62
    """
    return quoted(cut(label, LONGEST_NAME))


def shown(value: float) -> str:
    """A number with some three digits.

    >>> [shown(x) for x in (0.012345, 43.087, 1234.5, 2e12)]
    ['0.0123', '43.1', '1,234', '2e+12']
    """
    return f"{value:,.0f}" if 100 <= abs(value) < 1e12 else f"{value:.3g}"


def with_places(value: float, places: int) -> str:
    """A number with so many places, a half rounded up as on paper: 39 of 40 rows are 0.975, which binary numbers miss.

    >>> with_places(39 / 40, 2), with_places(-0.001, 2)
    ('0.98', '0.00')
    """
    rounded = Decimal(repr(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return f"{rounded.copy_abs() if rounded.is_zero() else rounded:f}"


def r2_words(value: float) -> str:
    """An R² with two places, or as many as tell it from 1; one far below 0 as other numbers are shown.

    >>> [r2_words(x) for x in (0.485, 0.9957, 0.99998, 1.0, -0.004, -12345.6)]
    ['0.49', '0.996', '0.99998', '1.00', '0.00', '-12,346']
    """
    if value <= -100:
        return shown(value)
    places = 2
    while value < 1 and float(with_places(value, places)) == 1 and places < MOST_PLACES:
        places += 1
    return with_places(value, places)
