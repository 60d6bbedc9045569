"""The order of findings: by cause, then by what comes of their remedies."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.finding_tests import finding_tests
from backlit.diagnose.records import Finding
from backlit.diagnose.trial import CLOSED, closed_by

FOLLOWS: dict[str, tuple[str, ...]] = {
    "BL101": ("BL107", "BL302", "BL303", "BL304", "BL305", "BL306", "BL401", "BL402", "BL403", "BL404", "BL405"),
    "BL102": ("BL107", "BL302", "BL303", "BL304", "BL305", "BL306", "BL401", "BL402", "BL403", "BL404", "BL405"),
    "BL201": ("BL403", "BL404", "BL405", "BL503"),
    "BL202": ("BL403", "BL404", "BL405", "BL503"),
    "BL203": ("BL405", "BL503"),
    "BL204": ("BL302", "BL304", "BL305", "BL402", "BL403", "BL404"),
    "BL301": ("BL303", "BL305", "BL307", "BL405", "BL503"),
    "BL302": ("BL303", "BL304", "BL306", "BL402", "BL403", "BL404", "BL405", "BL502"),
    "BL303": ("BL401", "BL405", "BL407", "BL501", "BL503"),
    "BL305": ("BL303", "BL307", "BL405", "BL501", "BL503"),
    "BL306": ("BL303", "BL405", "BL501", "BL503"),
    "BL402": ("BL303", "BL304", "BL305", "BL306", "BL307", "BL403", "BL404", "BL405", "BL501", "BL503"),
    "BL403": ("BL304", "BL305", "BL306"),
    "BL401": ("BL307", "BL405", "BL501", "BL503"),
    "BL406": ("BL401", "BL405", "BL407", "BL501", "BL503"),
    "BL407": ("BL307", "BL401", "BL501", "BL503"),
    "BL408": ("BL404",),
    "BL501": ("BL307", "BL405", "BL503"),
    "BL504": ("BL401", "BL402", "BL404", "BL405", "BL501", "BL503"),
    "BL505": ("BL303", "BL305", "BL307", "BL401", "BL405", "BL501", "BL503"),
}
"""For a code, those that it brings about: where both are found, they stand behind it."""

SHOWN_BY_LOSS = ("BL107",)
"""Of the findings that stand by themselves, those whose remedy the held-out rows can judge, so that it is tried."""

MOST_TRIALS = 4
"""So many findings' first remedies are trained at the most to find which cures."""

ALIKE = 0.1
"""Of remedies that close parts of the gap less than this apart, the earlier cause stands first."""

HELPS = 0.2
"""Where no remedy closes so much of the gap, the order stays that of cause."""


def not_shown_by_loss() -> set[str]:
    """Give the codes of findings that no loss of the held-out rows can show."""
    return {test.code for test in finding_tests() if test.by_itself and test.code not in SHOWN_BY_LOSS}


def ranked(case: Case, findings: Sequence[Finding]) -> list[Finding]:
    """Put findings in the order of cause, and the first whose remedy cures at the head.

    The order of cause is that of the codes, with those that follow from another finding last. Then the first remedies
    of the first few are trained in that order, up to one that closes the gap to the reference. Findings that stand by
    themselves, as a leak, stay at the head: no loss of the held-out rows shows what they cost. Each says which one
    before it may bring it about.
    """
    codes = {finding.code for finding in findings}
    followers = {code for cause in codes for code in FOLLOWS.get(cause, ())}
    ordered = sorted(findings, key=lambda finding: (finding.code in followers, finding.code))
    alone = not_shown_by_loss()
    heads = [finding for finding in ordered if finding.code in alone]
    others = [finding for finding in ordered if finding.code not in alone]
    cure = _cure(case, others) if len(others) > 1 and case.reference is not None else None
    if cure is not None:
        others = [cure, *(finding for finding in others if finding is not cure)]
    return _with_causes(heads + others)


def _with_causes(ordered: Sequence[Finding]) -> list[Finding]:
    """Say of each finding which one before it may bring it about: the first cause of its chain."""
    causes: dict[str, str] = {}
    for finding in ordered:
        cause = next((code for code in causes if finding.code in FOLLOWS.get(code, ())), "")
        causes[finding.code] = causes.get(cause, "") or cause
    return [msgspec.structs.replace(finding, follows=causes[finding.code]) for finding in ordered]


def _cure(case: Case, ordered: Sequence[Finding]) -> Finding | None:
    """Give the first finding whose first remedy closes the gap, or most of it; None where none helps."""
    parts: list[tuple[Finding, float]] = []
    for finding in [finding for finding in ordered if finding.remedies][:MOST_TRIALS]:
        part = closed_by(case, finding.remedies[0])
        if part >= CLOSED:
            return finding
        parts.append((finding, part))
    most = max((part for _, part in parts), default=-np.inf)
    return next(finding for finding, part in parts if part >= most - ALIKE) if most >= HELPS else None
