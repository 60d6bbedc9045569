"""Looking ahead: short trainings with other learning rates, which tell where rules cannot."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import numpy as np

from backlit.diagnose.plan import Plan, run
from backlit.engine import Network

FACTORS = (1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 1e3, 1e4)
"""What the rate is multiplied by."""

UPDATES, FEWEST, SHARE, FEWEST_EPOCHS = 150, 30, 0.1, 3
"""A short training makes about UPDATES updates, in this share of the training's epochs at most, so that all of them
together cost about as much as the training; but not fewer than FEWEST, in FEWEST_EPOCHS at least."""

FEWEST_ROWS = 2_000
"""Of more rows than UPDATES batches have, those are enough; but no fewer than this."""

AS_GOOD = 0.1
"""Rates are as good as the best where they leave at most this share more of what it explains unexplained."""

LEARNED = 0.97
"""Where the best of the rates leaves more than this unexplained, none learns anything, and nothing can be said."""


class RateSearch(NamedTuple):
    """What short trainings reach with other rates: the training rows' unexplained shares, by the rate's factor."""

    rate: float
    epochs: int
    found: dict[float, float]

    @property
    def now(self) -> float:
        """The unexplained share at the training's own rate."""
        return self.found[1.0]

    @property
    def best(self) -> float:
        """The smallest unexplained share."""
        return min(self.found.values())

    @property
    def learns(self) -> bool:
        """Whether any of the rates learns something."""
        return self.best < LEARNED

    @property
    def good(self) -> list[float]:
        """The factors about as good as the best."""
        return self.within(AS_GOOD)

    def within(self, share: float) -> list[float]:
        """Give the factors around the best one, without a gap, that leave at most a share more unexplained."""
        limit = self.best + share * (1.0 - self.best)
        factors = sorted(self.found)
        low = high = min(range(len(factors)), key=lambda k: self.found[factors[k]])
        while low > 0 and self.found[factors[low - 1]] <= limit:
            low -= 1
        while high < len(factors) - 1 and self.found[factors[high + 1]] <= limit:
            high += 1
        return factors[low : high + 1]

    @property
    def advised(self) -> float:
        """The rate in the middle of the good ones, on a scale of logarithms, rounded to one digit."""
        logarithms = np.log([self.good[0], self.good[-1]])
        return rounded(self.rate * math.exp(float(logarithms.mean())))


def rounded(value: float) -> float:
    """Round a rate to one digit.

    >>> rounded(0.0123), rounded(0.00047)
    (0.01, 0.0005)
    """
    return float(f"{value:.0e}")


def rate_search(plan: Plan, unexplained: Callable[[Network], float]) -> RateSearch | None:
    """Train with other rates for a few epochs each; None for an optimizer whose steps do not follow from a rate.

    `unexplained` gives the unexplained share of the training rows by a network.
    """
    settings = plan.settings
    plan = plan.sampled(max(FEWEST_ROWS, UPDATES * settings.batch_rows(len(plan.rows[0]))))
    rows = len(plan.rows[0])
    rate = getattr(settings.optimizer, "rate", None)
    if not rate or settings.optimizer.full_batch or settings.optimizer.name == "rprop":
        return None
    batches = -(-rows // settings.batch_rows(rows))
    fewest = max(FEWEST_EPOCHS, -(-FEWEST // batches), math.ceil(SHARE * settings.epochs))
    epochs = min(-(-UPDATES // batches), fewest)
    found = {}
    for factor in _factors(settings.optimizer):
        optimizer = msgspec.structs.replace(settings.optimizer, rate=rate * factor)
        training = plan.training(
            optimizer=optimizer, schedule="constant", epochs=epochs, patience=None, target=None, time_limit=None,
            keep_best=False, divergence="warn", signals=False,
        )  # fmt: skip
        run(training)
        fine = not (training.stopped or "").startswith("diverged")
        share = unexplained(training.network) if fine else math.inf
        found[factor] = share if math.isfinite(share) else math.inf
    return RateSearch(float(rate), epochs, found)


def usual_rate(optimizer: Any) -> float:
    """Give the learning rate that an optimizer has by default."""
    return float(type(optimizer)().rate)


def _factors(optimizer: Any) -> tuple[float, ...]:
    """Give what the rate is multiplied by, up or down to the optimizer's usual rate where that is farther away."""
    usual = usual_rate(optimizer) / optimizer.rate
    far = usual < FACTORS[0] or usual > FACTORS[-1]
    return (*FACTORS, 0.1 * usual, usual, 10.0 * usual) if far else FACTORS
