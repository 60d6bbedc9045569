"""Counts over the runs: detection, causes, repairs; each share with its 95 % interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import msgspec
import numpy as np

from bench.diagnosis.design import NO_FAULT, Cell
from bench.diagnosis.faults import BY_NAME
from bench.diagnosis.runs import CellTruth, Line, Repair, Run
from bench.diagnosis.truth import CLOSED, SHARE

UNNAMED = "BL000"
"""What stands for an alarm that names no cause."""


class Share(msgspec.Struct, frozen=True):
    """So many of so many."""

    found: int
    of: int

    @property
    def value(self) -> float:
        """The share; NaN of nothing."""
        return self.found / self.of if self.of else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Give the 95 % interval of a proportion.

        Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.

        >>> tuple(round(end, 3) for end in Share(8, 10).interval)
        (0.49, 0.943)
        """
        if not self.of:
            return 0.0, 1.0
        z, n, p = 1.959964, self.of, self.value
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return float(max(0.0, middle - half)), float(min(1.0, middle + half))


def share(flags: Iterable[bool]) -> Share:
    """Count the flags that are set."""
    given = list(flags)
    return Share(sum(given), len(given))


class Results(msgspec.Struct, frozen=True):
    """The lines of a results file: the truth of the cells, and the runs, of which those in question are `runs`."""

    truths: dict[Cell, CellTruth]
    runs: list[Run]

    @classmethod
    def of(cls, lines: Iterable[Line], keep: Callable[[Run], bool] = lambda run: True) -> Results:
        """Sort lines; a run that stands twice counts once, as it stood last."""
        truths: dict[Cell, CellTruth] = {}
        runs: dict[tuple[Cell, int], Run] = {}
        for line in lines:
            if isinstance(line, CellTruth):
                truths[line.cell] = line
            elif keep(line):
                runs[line.cell, line.seed] = line
        return cls(truths, list(runs.values()))

    def is_faulty(self, run: Run) -> bool:
        """Tell whether a run counts as faulty."""
        return self.truths[run.cell].is_faulty

    @property
    def faulty(self) -> list[Run]:
        """The runs that count as faulty."""
        return [run for run in self.runs if self.is_faulty(run)]

    @property
    def healthy(self) -> list[Run]:
        """The runs that count as healthy."""
        return [run for run in self.runs if not self.is_faulty(run)]

    @property
    def repaired(self) -> list[tuple[Run, Repair]]:
        """The faulty runs whose gap a remedy could close: those that lost more than a twentieth to their twin."""
        return [(run, run.repair) for run in self.faulty if run.repair and run.twin - run.score > 0.05 * run.twin]


class Detection(msgspec.Struct, frozen=True):
    """How a tool tells faulty runs from healthy ones: `precision` is of its alarms."""

    recall: Share
    alarms: Share
    precision: Share


def detection(results: Results, tool: str) -> Detection:
    """Count a tool's alarms."""
    faulty = [bool(run.verdicts[tool].codes) for run in results.faulty]
    healthy = [bool(run.verdicts[tool].codes) for run in results.healthy]
    return Detection(share(faulty), share(healthy), Share(sum(faulty), sum(faulty) + sum(healthy)))


def alarms_on_unhurt(results: Results, tool: str) -> tuple[Share, Share]:
    """Count a tool's alarms on the healthy runs that kept 95 % of their twin's score, and on those that did not.

    The latter count as healthy where the harm differs so much between the seeds that its mean may be chance.
    """
    hurt, unhurt = list[bool](), list[bool]()
    for run in results.healthy:
        lost = run.twin - run.score > SHARE * run.twin
        (hurt if lost else unhurt).append(bool(run.verdicts[tool].codes))
    return share(unhurt), share(hurt)


def causes_of_found(results: Results, tool: str, most: int) -> Share:
    """Count the runs with a right cause among the first `most` findings, of the faulty ones that gave an alarm."""
    return share(named_rightly(run, tool, most) for run in results.faulty if run.verdicts[tool].codes)


def right_by_code(run: Run, code: str) -> bool:
    """Tell whether a code is one of the fault's."""
    return run.cell.fault != NO_FAULT and code in BY_NAME[run.cell.fault].codes


def named_rightly(run: Run, tool: str, most: int) -> bool:
    """Tell whether a right cause is among the first findings: by its code, or since its remedy closes the gap."""
    if any(right_by_code(run, code) for code in run.verdicts[tool].codes[:most]):
        return True
    return tool == "Backlit" and any(cause.closed >= CLOSED for cause in run.causes[:most])


def causes(results: Results, tool: str, most: int) -> Share:
    """Count the faulty runs of which a right cause is among the first `most` findings; a missed one is not."""
    return share(named_rightly(run, tool, most) for run in results.faulty)


def confusion(results: Results, tool: str = "Backlit") -> dict[str, Counter[str]]:
    """Give for each fault what was named first in its faulty runs, and for "healthy" what was in the others."""
    table: dict[str, Counter[str]] = {}
    for run in results.runs:
        row = run.cell.fault if results.is_faulty(run) else "healthy"
        table.setdefault(row, Counter())[next(iter(run.verdicts[tool].codes), "–")] += 1
    return table


def closing(results: Results, way: str) -> tuple[Share, float]:
    """Give how often a way ("tried", "random" ...) closes 90 % of the gap, and the mean share that it closes."""
    shares = [getattr(repair, way) for _, repair in results.repaired]
    return share(value >= CLOSED for value in shares), float(np.mean(shares)) if shares else float("nan")


def median(values: Sequence[float]) -> float:
    """Give the median; NaN of nothing."""
    return float(np.median(values)) if len(values) else float("nan")
