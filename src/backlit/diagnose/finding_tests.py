"""The table of findings: every test of `findings/`, in the order of cause."""

from __future__ import annotations

import functools
import math
import pkgutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import msgspec

from backlit.diagnose.case import Case
from backlit.diagnose.records import Finding
from backlit.diagnose.remedies import sensible

FOLDER = Path(__file__).parent / "findings"

GROUPS = {
    "1": "the data", "2": "loss and output", "3": "first weights and activation", "4": "the rate and the updates",
    "5": "capacity, penalties and stopping",
}  # fmt: skip
"""What the first digit of a code says of the cause, in the order of cause."""


class FindingTest(NamedTuple):
    """A test of a finding.

    `by_itself` says that the finding stands whether or not the training is worse than the reference: no loss of the
    held-out rows can show it.
    """

    code: str
    name: str
    by_itself: bool
    run: Callable[[Case], Finding | None]


_tests: dict[str, FindingTest] = {}


def finding(code: str, name: str, *, by_itself: bool = False) -> Callable[
    [Callable[[Case], Finding | None]], Callable[[Case], Finding | None]
]:  # fmt: skip
    """Register a test of a finding: a function of a case that gives the finding, or None.

    A finding whose measure is no number is left out. Of the remedies that it gives, those are kept that apply to the
    training, change it, and are given once.
    """

    def register(function: Callable[[Case], Finding | None]) -> Callable[[Case], Finding | None]:
        @functools.wraps(function)
        def run(case: Case) -> Finding | None:
            found = function(case)
            if found is None or (found.measured is not None and math.isnan(found.measured)):
                return None  # a measure that is no number is evidence of nothing
            return msgspec.structs.replace(found, remedies=sensible(case, found.remedies))

        _tests[code] = FindingTest(code, name, by_itself, run)
        return run

    return register


def finding_tests() -> list[FindingTest]:
    """Give all tests in the order of their codes, which is the order of cause."""
    for module in pkgutil.iter_modules([str(FOLDER)]):
        import_module(f"backlit.diagnose.findings.{module.name}")
    return [_tests[code] for code in sorted(_tests)]
