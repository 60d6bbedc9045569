"""The order of findings, and which of them another one brings about."""

from __future__ import annotations

from backlit.diagnose.ranking import FOLLOWS, _with_causes
from backlit.diagnose.records import Finding


def found(code: str) -> Finding:
    """Give a finding of that code."""
    return Finding(code=code, name="", place="", measure="", measured=1.0, threshold=0.0, healthy="", why="")


def test_a_finding_says_which_one_before_it_brings_it_about() -> None:
    ordered = _with_causes([found(code) for code in ("BL303", "BL502", "BL405", "BL503")])
    assert [finding.follows for finding in ordered] == ["", "", "BL303", "BL303"]


def test_the_first_cause_of_a_chain_is_named() -> None:
    ordered = _with_causes([found(code) for code in ("BL102", "BL401", "BL501", "BL503")])
    assert "BL501" not in FOLLOWS["BL102"]
    assert [finding.follows for finding in ordered] == ["", "BL102", "BL102", "BL102"]


def test_a_finding_that_stands_before_its_cause_is_a_cause() -> None:
    ordered = _with_causes([found(code) for code in ("BL501", "BL303")])
    assert [finding.follows for finding in ordered] == ["", ""]
