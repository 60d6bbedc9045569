"""The slope through time of several runs: how much of it is left at each step back from the end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from backlit.show.charts.figure import Axis, DataTable, Figure, Line
from backlit.show.demo.curves import DASHES
from backlit.show.demo.records import TroubleRun

SMALLEST = 1e-12
"""Slopes below are drawn as if they were this: an axis of more powers of ten says no more."""
WHAT = "The length of the slope, divided by that at the end; of an LSTM it is the slope of the cells"


def time_figures(runs: Sequence[TroubleRun], colours: Sequence[int]) -> Iterator[Figure]:
    """Draw the slope through time at the first weights and after training.

    The slope at a time is dE/dout of the states there, or dE/dc of an LSTM's cells: its length, the mean of all rows,
    divided by that at the last time, so that runs of different lengths begin at 1.
    """
    for place, when in ((0, "at the first weights"), (1, "after training")):
        shares = {run.name: _back_from_the_end(run.time[place]) for run in runs}
        layers = tuple(
            Line(x=range(len(share)), y=[max(value, SMALLEST) if value > 0 else math.nan for value in share], name=name,
                 series=colour, dash=DASHES[k % len(DASHES)])
            for k, ((name, share), colour) in enumerate(zip(shares.items(), colours, strict=True))
        )  # fmt: skip
        longest = max(map(len, shares.values()))
        rows = tuple(
            (str(k), *(f"{share[k]:.3g}" if k < len(share) else "" for share in shares.values()))
            for k in range(longest)
        )
        ends = "; ".join(f"{name}: {share[-1]:.2g}, {len(share) - 1} steps back" for name, share in shares.items())
        yield Figure(
            title=f"The slope through time, {when}",
            summary=f"{WHAT}. At the first time it is: {ends}.",
            x=Axis("steps back from the end", low=0.0, high=float(longest - 1)),
            y=Axis("slope, logarithmic", log=True), layers=layers, table=DataTable(("steps back", *shares), rows, 1),
        )  # fmt: skip


def _back_from_the_end(lengths: Sequence[float]) -> list[float]:
    last = lengths[-1] or 1.0
    return [length / last for length in reversed(lengths)]
