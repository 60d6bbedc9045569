"""The order of findings: by cause, and what follows from another one behind it."""

from __future__ import annotations

from collections.abc import Sequence

from backlit.diagnose.case import Case
from backlit.diagnose.records import Finding

FOLLOWS: dict[str, tuple[str, ...]] = {}
"""For a code, those that it brings about: where both are found, they stand behind it."""


def ranked(case: Case, findings: Sequence[Finding]) -> list[Finding]:
    """Put findings in the order of their codes, with those that follow from another one last."""
    codes = {finding.code for finding in findings}
    followers = {code for cause in codes for code in FOLLOWS.get(cause, ())}
    return sorted(findings, key=lambda finding: (finding.code in followers, finding.code))
