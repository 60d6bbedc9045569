"""Parts of messages: names in quotes, short lists, counts with their nouns, the nearest known name."""

import difflib
import json
from collections.abc import Iterable, Sequence

from backlit.errors import counted

__all__ = ["counted", "did_you_mean", "in_full", "listed", "quoted"]

IN_FULL, WHOLE = 1e4, 1e15
"""Numbers from the first to below the second are told in full, to the unit."""


LONGEST = 200
"""So many characters of a name or a value are in a message, at most."""


def quoted(name: object) -> str:
    r"""A name or value in double quotes, on one line: line breaks are escaped, and a very long one loses its middle.

    >>> print(quoted("sepal\nlength"), len(quoted("a" * 10_000)))
    "sepal\nlength" 202
    """
    text = str(name)
    if len(text) > LONGEST:
        text = f"{text[: LONGEST - 60]}…{text[-59:]}"
    return json.dumps(text, ensure_ascii=False)


def listed(names: Sequence[object], limit: int = 8) -> str:
    """The names in quotes with commas between; where there are more than `limit`, the number of the rest.

    >>> listed(["a", "b", "c"], limit=2)
    '"a", "b" and 1 more'
    """
    shown = ", ".join(map(quoted, names[:limit]))
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def in_full(value: float, digits: int) -> str:
    """A number of a table's column with some digits; where it has more before the point, all of those, as of prices.

    >>> [in_full(x, 5) for x in (0.1234567, 43.0, 12815.4, 194821.3, 6.91804e7, 2e17)]
    ['0.12346', '43', '12,815', '194,821', '69,180,400', '2e+17']
    """
    return f"{value:,.0f}" if min(10**digits, IN_FULL) <= abs(value) < WHOLE else f"{value:.{digits}g}"


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """A question that names the known name nearest to the given one; an empty text where none is near.

    Letter case does not count. Nearness is `difflib`'s ratio of matching characters.

    >>> did_you_mean("Speces", ["species", "sepal length"])
    ' Did you mean "species"?'
    >>> did_you_mean("colour", ["species"])
    ''
    """
    by_lower = {name.lower(): name for name in known}
    nearest = difflib.get_close_matches(given.lower(), by_lower, n=1)
    return f" Did you mean {quoted(by_lower[nearest[0]])}?" if nearest else ""
