"""Text that is probably meant as numbers or dates: the values that are none, and hints for messages."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from backlit.data.decimal_commas import AMBIGUOUS
from backlit.data.messages import quoted

_PLAIN_NUMBER = r"^[-+]?(\d+[.]?\d*|[.]\d+)([eE][-+]?\d+)?$"
_NUMBER = r"((\d{1,3}([,. ]\d{3})+|\d+)([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?"
_NUMBER_LIKE = rf"^[-+]?\s*[$€£¥]?\s*[-+]?{_NUMBER}\s*[%$€£¥]?$"
_DATE_LIKE = r"^(\d{1,2}[/.-]\d{1,2}[/.-](\d{2}|\d{4})|\d{4}[/.]\d{1,2}[/.]\d{1,2})([ T]\d{1,2}:\d{2}(:\d{2})?)?$"


def no_numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values of a text column that are not plain numbers, as they are written; missing ones do not count.

    >>> no_numbers(pa.chunked_array([["1", " 2.5e3", None, "$3", "-"]])).to_pylist()
    ['$3', '-']
    """
    known = column.drop_null()
    return known.filter(pc.invert(_match(known, _PLAIN_NUMBER)))


def number_hint(column: pa.ChunkedArray) -> str:
    """A hint on what keeps a text column, at least half of it like numbers, from being numbers; else an empty text.

    Such a column is mostly a mistake in the file: a thousands separator, a "?" for a missing value.

    >>> number_hint(pa.chunked_array([["1", "12%"]]))
    'nearly numbers, but for example "12%": write plain numbers or leave the cell empty'
    >>> number_hint(pa.chunked_array([["1", "2"]])), number_hint(pa.chunked_array([["1", "a", "b"]]))
    ('', '')
    """
    known, odd = column.drop_null(), no_numbers(column)
    if not len(odd) or pc.mean(_match(known, _NUMBER_LIKE)).as_py() < 0.5:
        return ""
    if pc.all(pc.match_substring_regex(odd, AMBIGUOUS)).as_py():
        written = odd[0].as_py().strip()
        thousands, decimals = written.replace(",", ""), written.replace(",", ".")
        return f"numbers, but {quoted(written)} may be {thousands} or {decimals}: write the one that is meant"
    return f"nearly numbers, but for example {quoted(odd[0].as_py())}: write plain numbers or leave the cell empty"


def date_hint(column: pa.ChunkedArray) -> str:
    """A hint on how dates are written that are read as such, where a text column looks like dates; else an empty text.

    >>> date_hint(pa.chunked_array([["25/05/2023", "18.1.2023", None]]))
    'dates, it seems, such as "25/05/2023": write them as 2023-05-25, and they are read as dates'
    >>> date_hint(pa.chunked_array([["A 1/2/2023", "25/05/2023"]]))
    ''
    """
    known = column.drop_null()
    if not len(known) or not pc.all(_match(known, _DATE_LIKE)).as_py():
        return ""
    return f"dates, it seems, such as {quoted(known[0].as_py())}: write them as 2023-05-25, and they are read as dates"


def _match(column: pa.ChunkedArray, pattern: str) -> pa.ChunkedArray:
    return pc.match_substring_regex(pc.utf8_trim_whitespace(column), pattern)
