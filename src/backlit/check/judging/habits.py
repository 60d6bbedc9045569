"""How a learner rounds, as the numbers of the sheet show that follow from the others."""

from __future__ import annotations

import msgspec

from backlit.check.judging.learner import Learner

FEWEST = 2
"""So many numbers make a habit."""
FINER = 20.0
"""Numbers tell float32 from float64 if they have so many times more digits than the one keeps."""
LONG = 8
"""Nearly every number of fewer figures is as a float32 is written."""
STRAY = 0.34
"""Such a share of them may be off otherwise: a wrong number can look like a rounded one."""


class Habits(msgspec.Struct, frozen=True):
    """What a sheet shows of its writer.

    Attributes:
        cuts: digits are cut off, not rounded, as far as the sheet tells.
        exact: numbers on the way keep all their digits.
        single: numbers may have been worked out in float32, with its 7 digits.
    """

    cuts: bool
    exact: bool
    single: bool

    @classmethod
    def of(cls, learner: Learner) -> Habits:
        """Read them off the numbers that follow from the others, all but for their rounding."""
        cut = rounded = kept = lost = sharp = dull = 0
        for claim in learner.claims:
            estimate, half = learner.own.estimate(claim.key), claim.half
            allowance = learner.allowance(claim, estimate)
            if not half:
                continue
            gap = abs(learner.value(claim) - estimate.value)
            if allowance.single > FINER * allowance.right:
                sharp += gap <= allowance.right
                dull += allowance.right < gap <= allowance.right + allowance.single
            slack = (allowance.written + allowance.on_the_way) / half
            off = (abs(learner.value(claim)) - abs(estimate.value)) / half
            noise = allowance.double / half
            if slack <= 1.0:
                cut += -2.0 - 2.0 * slack - noise <= off < -1.0 - slack - noise
                rounded += 2.0 * slack + noise < off <= 1.0 + slack  # cut operands move it by twice as much
            if allowance.on_the_way > allowance.own + allowance.written:
                kept += gap <= allowance.right
                lost += allowance.right < gap <= allowance.rounded
        exact, double = kept >= FEWEST and lost <= kept * STRAY, sharp >= FEWEST and dull <= sharp * STRAY
        return cls(rounded <= cut * STRAY, exact, _is_single(learner) or not double)


def _is_single(learner: Learner) -> bool:
    """Tell whether all numbers have the digits with which a program writes a float32, and some have many."""
    long = [claim.written for claim in learner.claims if claim.written.figures >= LONG]
    return len(long) >= FEWEST and all(written.is_of_single() for written in long)
