"""How a learner rounds, as the numbers of the sheet show that follow from the others."""

from __future__ import annotations

import msgspec

from backlit.check.learner import Learner

FEWEST = 2
"""So many numbers make a habit."""
STRAY = 0.34
"""Such a share of them may be off otherwise: a wrong number can look like a rounded one."""


class Habits(msgspec.Struct, frozen=True):
    """What a sheet shows of its writer.

    Attributes:
        cuts: digits are cut off, not rounded, as far as the sheet tells.
        exact: numbers on the way keep all their digits.
    """

    cuts: bool
    exact: bool

    @classmethod
    def of(cls, learner: Learner) -> Habits:
        """Read them off the numbers that follow from the others, all but for their rounding."""
        cut = rounded = kept = lost = 0
        for claim in learner.claims:
            estimate, half = learner.own.estimate(claim.key), claim.written.half
            allowance = learner.allowance(claim, estimate)
            if not half:
                continue
            slack = (allowance.written + allowance.on_the_way) / half
            off = (abs(learner.value(claim)) - abs(estimate.value)) / half
            if slack <= 1.0:
                cut += -2.0 - 2.0 * slack <= off < -1.0 - slack
                rounded += 2.0 * slack < off <= 1.0 + slack  # cut operands move it by twice as much
            if allowance.on_the_way > allowance.own + allowance.written:
                gap = abs(off) * half
                kept += gap <= allowance.right
                lost += allowance.right < gap <= allowance.rounded
        return cls(rounded <= cut * STRAY, kept >= FEWEST and lost <= kept * STRAY)
