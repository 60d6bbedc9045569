"""What a hint lets through of checked work: the place of the first wrong number, then the kind, then the line.

What a later hint gives is taken out of the record before anything is drawn, so that no form can show it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from backlit.check.records import CheckedNumber, CheckedWork, Fit
from backlit.errors import BacklitError
from backlit.show.check.lines import says, without_numbers

HINTS = {1: "the place", 2: "the kind", 3: "the line"}
"""The hints, each with what it adds."""

BLANK: dict[str, Any] = {"follows": "", "key": "", "allowed": 0.0, "remark": "", "fits": (), "line": "",
                         "right_line": "", "explained_by": "", "tells": "", "terms": ()}  # fmt: skip


def hint_of(hint: int | None) -> int | None:
    """Give a hint that was asked for.

    Errors: a BacklitError where there is no such hint.
    """
    if hint is None:
        return None
    if isinstance(hint, bool) or hint not in HINTS:
        levels = ", ".join(f"{level} ({what})" for level, what in HINTS.items())
        raise BacklitError(f"hint is {hint!r}; expected one of {levels}, or none at all, which shows everything.")
    return hint


def hinted(work: CheckedWork, hint: int | None) -> CheckedWork:
    """Give checked work as a hint shows it: of the numbers expected nothing, of a mistake what the hint gives.

    Every number keeps its verdict; what is said of a mistake is said of the first wrong number alone.
    """
    if hint is None:
        return work
    first = next(iter(work.wrong), None)
    numbers = (_first(number, hint) if number is first else _blank(number) for number in work.numbers)
    return msgspec.structs.replace(work, numbers=tuple(numbers), records=())


def _blank(number: CheckedNumber, **kept: Any) -> CheckedNumber:
    return msgspec.structs.replace(number, **{**BLANK, **kept})


def _first(number: CheckedNumber, hint: int) -> CheckedNumber:
    """Give the first wrong number: its place; from the second hint on, the mistakes; with the third, the formulas."""
    places = {fit.at for fit in number.fits}
    elsewhere = len(places) == 1 and not places & {number.name, number.record}
    if hint == 1:
        at = min(places, default="")
        return _blank(number, remark=f"the mistake may be on the way to it, in the line of {at}" if elsewhere else "")
    fits = tuple(_fit(fit, number, hint) for fit in number.fits)
    if hint == 2:
        return _blank(number, fits=fits, tells=number.tells)
    line = _formula(number.line, number.record, number)
    return _blank(number, fits=fits, line=line, tells=number.tells, terms=number.terms)


def _fit(fit: Fit, number: CheckedNumber, hint: int) -> Fit:
    if hint == 2:
        return msgspec.structs.replace(fit, why="", detail="", line="", right="", explains=1, of=1, more=0)
    detail = "" if _told(fit.detail, number) else fit.detail
    line, right = (_formula(text, fit.at, number) for text in (fit.line, fit.right))
    return msgspec.structs.replace(fit, detail=detail, line=line, right=right)


def _formula(line: str, name: str, number: CheckedNumber) -> str:
    """Give a line's name and formula, without the numbers put in: the sheet may lack them, and they give the result."""
    kept = without_numbers(line, name)
    return "" if _told(kept, number) else kept


def _told(text: str, number: CheckedNumber) -> bool:
    """Tell whether a text has the number expected."""
    return any(says(text, wanted) for wanted in (number.follows, number.key))


def hinted_json(work: CheckedWork, hint: int | None) -> bytes:
    """Give a record with its counts as JSON; under a hint, without the fields that it leaves empty."""
    counts = {"count": msgspec.to_builtins(work.count)}
    found = msgspec.to_builtins(work)
    if hint is None:
        return msgspec.json.encode(found | counts)
    del found["records"]
    for number in found["numbers"]:
        for field, blank in BLANK.items():
            if number[field] in (blank, list(blank) if isinstance(blank, tuple) else blank):
                del number[field]
        for fit in number.get("fits", ()):
            for field in ("why", "detail", "line", "right"):
                if not fit[field]:
                    del fit[field]
    return msgspec.json.encode({"hint": hint} | found | counts)
