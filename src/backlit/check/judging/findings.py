"""What is looked for and found of a sheet's numbers, before it becomes records."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from backlit.check.catalogue import Mistake
from backlit.check.records import Verdict
from backlit.check.sheet import Claim
from backlit.explain.algebra.tree import Node
from backlit.explain.record.quantities import Key


class Variant(msgspec.Struct, frozen=True):
    """A mistake at one number: the formula that it leads to."""

    mistake: Mistake
    site: Key
    node: Node
    detail: str


class Explained(msgspec.Struct, frozen=True):
    """A mistake whose result is the learner's number.

    `site` is where it was made, with `node` the formula that it led to; `changed` has all formulas that are changed
    where it was made at several numbers. `value` is what it makes of the number that it explains. `together` says that
    only two mistakes give the number, of which this is one.
    """

    mistake: Mistake
    site: Key
    node: Node
    detail: str
    changed: Mapping[Key, Node]
    value: float
    together: bool = False

    @property
    def code(self) -> str:
        """The mistake's code."""
        return self.mistake.code

    @property
    def words(self) -> str:
        """What was done, in a line."""
        return f"{self.mistake.title} {self.detail}".rstrip()


class Finding(msgspec.Struct):
    """What is found of a claim.

    `explained` are the mistakes whose result a wrong number is; `by` is the mistake at an earlier number that explains
    this one.
    """

    claim: Claim
    follows: float
    allowed: float
    verdict: Verdict = "right"
    remark: str = ""
    explained: tuple[Explained, ...] = ()
    by: Explained | None = None

    @property
    def codes(self) -> set[str]:
        """The codes of the mistakes that give this number."""
        return {fit.code for fit in self.explained} | ({self.by.code} if self.by else set())
