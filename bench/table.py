"""Results as tables: on the terminal, and in Markdown for the documentation."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from rich.console import Console
from rich.table import Table

from bench.peers import LIMITS, PEERS
from bench.results import Measurement, Results, Row

SCALES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def quantity(value: float, unit: str) -> str:
    """Write a number of seconds, or of MiB, with three digits.

    >>> quantity(0.00123456, "s/step"), quantity(250, "MiB")
    ('1.23 ms', '250 MiB')
    """
    if not unit.startswith("s"):
        return f"{value:.3g} {unit}"
    scale, name = next(((scale, name) for scale, name in SCALES if value >= scale), SCALES[-1])
    return f"{value / scale:.3g} {name}" if value / scale < 999.5 else f"{value / scale:.0f} {name}"


def cell(row: Row, name: str) -> str:
    """Write one contender's median with its spread, its threads where they are more than one, and what is wrong."""
    found = row.of(name)
    if found is None:
        return "–"
    threads = f" ·{found.threads}" if found.threads > 1 else ""
    mark = {None: "" if name in LIMITS or not found.note else " *", True: "", False: " ≠"}[found.agrees]
    return f"{quantity(found.median, row.unit)} ±{100 * found.spread:.0f}%{threads}{mark}"


def columns_of(rows: list[Row]) -> list[str]:
    """Name the contenders of some rows: peers in their order, then all others."""
    names = {m.name for row in rows for m in row.measurements} | {name for row in rows for name in row.missing}
    return [name for name in PEERS if name in names] + sorted(names - set(PEERS))


def ratio(value: float | None) -> str:
    """Write a ratio, or a dash where there is none."""
    return "–" if value is None else f"{value:.2f}×" if value < 9.995 else f"{value:.0f}×"


class Target(msgspec.Struct, frozen=True):
    """A goal of the project for some rows: a number that shall be at least, or at most, so large."""

    words: str
    rows: Callable[[Row], bool]
    number: Callable[[Row], float | None]
    bound: float
    at_least: bool = True

    def met(self, row: Row) -> bool | None:
        """Tell whether a row meets the goal; None where it was not measured."""
        got = self.number(row)
        return None if got is None else (got >= self.bound if self.at_least else got <= self.bound)


def _group(name: str) -> Callable[[Row], bool]:
    return lambda row: row.group == name


def _named(name: str) -> Callable[[Row], bool]:
    return lambda row: row.name == name


def _median(row: Row) -> float | None:
    ours = row.of("backlit")
    return ours.median if ours else None


def _over(name: str) -> Callable[[Row], float | None]:
    return lambda row: row.times(name)


TARGETS = (
    Target("faster than the best peer", _group("small"), lambda row: row.ratio, 3.0),
    Target("faster than scikit-learn", _group("small"), _over("scikit-learn"), 100.0),
    Target("faster than PyTorch eager", _group("small"), _over("torch"), 100.0),
    Target("faster than the best peer", _group("tabular"), lambda row: row.ratio, 2.0),
    Target("faster than scikit-learn", _group("tabular"), _over("scikit-learn"), 8.0),
    Target("faster than the best peer", _group("784"), lambda row: row.ratio, 1.5),
    Target("products' share of the step", _group("784"), lambda row: row.products_share, 0.60),
    Target("as fast as the best peer", _group("wide"), lambda row: row.ratio, 1.0),
    Target("products' share of the step", _group("wide"), lambda row: row.products_share, 0.85),
    Target("as fast as the best peer", _group("picture"), lambda row: row.ratio, 1.0),
    Target("faster than the best peer", _group("small picture"), lambda row: row.ratio, 2.0),
    Target("faster than the best peer", _group("recurrent"), lambda row: row.ratio, 1.5),
    Target("faster than scikit-learn", _named("fit digits"), _over("scikit-learn"), 10.0),
    Target("faster than scikit-learn", _named("fit table"), _over("scikit-learn"), 5.0),
    Target("faster than scikit-learn", _named("grid search"), _over("scikit-learn"), 10.0),
    Target("seconds for one row", _named("predict 1 row"), _median, 20e-6, at_least=False),
    Target("seconds of CPU to import", _named("import"), _median, 0.15, at_least=False),
    Target("seconds to the first epoch ever", _named("start cold"), _median, 6.0, at_least=False),
    Target("seconds more than a dense network", _named("start cold, conv"), _median, 2.0, at_least=False),
    Target("seconds more than a dense network", _named("start cold, gru"), _median, 2.0, at_least=False),
    Target("seconds to the first epoch", _named("start warm"), _median, 1.0, at_least=False),
)
"""The project's goals. A share or a ratio shall be at least the bound, a time at most."""


def verdicts(results: Results) -> list[tuple[str, str, str, str, str]]:
    """Give every goal beside what was measured: (row, goal, bound, measured, verdict)."""
    lines = []
    for row in results.rows:
        for target in TARGETS:
            if not target.rows(row):
                continue
            got, met = target.number(row), target.met(row)
            bound = f"{'≥' if target.at_least else '≤'} {target.bound:g}"
            said = "not measured" if got is None else f"{got:.3g}"
            lines.append((row.name, target.words, bound, said, {None: "–", True: "met", False: "missed"}[met]))
    return lines


def machine_line(results: Results) -> str:
    """Describe the run in one line."""
    machine = results.machine
    versions = ", ".join(f"{name} {number}" for name, number in sorted(machine.versions.items()))
    how = f"{results.rounds} rounds" + (", quick" if results.quick else "")
    return (
        f"{machine.processor}, {machine.cores} cores, {machine.system}, Python {machine.python}; {versions}; {how}; "
        f"load {machine.load_before:g} before, {machine.load_after:g} after."
    )


def grid(results: Results) -> tuple[list[str], list[list[str]]]:
    """Give the table's head and lines: the times, then Backlit's ratios."""
    names = columns_of(results.rows)
    head = ["", *names, "best peer", "Backlit is", "products / step"]
    lines = []
    for row in results.rows:
        best, share = row.best_peer, row.products_share
        lines.append([
            row.name, *(cell(row, name) for name in names), best.name if best else "–", ratio(row.ratio),
            "–" if share is None else f"{100 * share:.0f}%",
        ])  # fmt: skip
    return head, lines


def notes(results: Results) -> list[str]:
    """Give the remarks on single numbers: skipped peers, marks, and work that was not the same."""
    lines = []
    for row in results.rows:
        missing = {name: why for name, why in row.missing.items() if name not in LIMITS}
        lines += [f"{row.name}, {name}: not measured: {why}" for name, why in missing.items()]
        lines += [_remark(row, m) for m in row.measurements if m.agrees is False or (m.note and m.name not in LIMITS)]
    return lines


def _remark(row: Row, m: Measurement) -> str:
    if m.agrees is False:
        return f"{row.name}, {m.name} (≠): reached the loss {m.loss:.6g}, the reference {row.reference:.6g}"
    return f"{row.name}, {m.name} (*): {m.note}"


def show(results: Results, console: Console) -> None:
    """Print tables, goals and notes."""
    head, lines = grid(results)
    table = Table(*head, title="Time, median of the rounds ± half the quartile range", title_justify="left")
    for line in lines:
        table.add_row(*line)
    console.print(table)
    goals = Table("", "goal", "bound", "measured", "", title="Goals", title_justify="left")
    for verdict in verdicts(results):
        goals.add_row(*verdict)
    console.print(goals)
    for words in [*notes(results), machine_line(results)]:
        console.print(words, highlight=False)


def markdown(head: list[str], lines: list[list[str]]) -> str:
    """Write a table in Markdown.

    >>> print(markdown(["a", "b"], [["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    texts = ["| " + " | ".join(row) + " |" for row in [head, *lines]]
    return "\n".join([texts[0], "|" + "---|" * len(head), *texts[1:]])
