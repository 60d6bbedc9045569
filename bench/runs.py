"""Several runs of the benchmark, kept small: how far a number depends on the day and on the machine.

    python -m bench.runs add results.json --machine "a quiet virtual machine" --date 2026-11-23 --commit e0211a3
    python -m bench.runs write docs/performance.md bench/README.md README.md

`add` keeps the medians of a run in bench/runs; `write` writes ranges and verdicts of all kept runs between the marks
`<!-- runs: NAME -->` and `<!-- /runs -->` of documents. It measures nothing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec
from cyclopts import App

from bench.results import Measurement, Results, Row
from bench.table import TARGETS, Target, markdown, quantity, ratio

FOLDER = Path(__file__).parent / "runs"
MARKED = re.compile(r"(<!-- runs: (\w+) -->\n).*?(<!-- /runs -->)", re.DOTALL)
COMPARED = ("best peer", "jax", "torch", "scikit-learn")

app = App(name="python -m bench.runs", help="Keep the medians of runs, and write their ranges.", version_flags=[])


class Medians(msgspec.Struct, frozen=True):
    """One row of a run: its group and unit, and each contender's median."""

    group: str
    unit: str
    medians: dict[str, float] = {}


class Run(msgspec.Struct, frozen=True, omit_defaults=True):
    """One run, small: when, where, of which code, and the medians.

    Of a run of which only ratios against the best peer were recorded, these are in `ratios`. A run with a reason in
    `left_out` is kept and listed, but is in no range and no verdict.
    """

    date: str
    machine: str
    commit: str
    rounds: int = 0
    load: tuple[float, float] | None = None
    left_out: str = ""
    rows: dict[str, Medians] = {}
    ratios: dict[str, float] = {}

    def row(self, name: str) -> Row | None:
        """Give a row as the benchmark has it, with one round: the median."""
        kept = self.rows.get(name)
        if kept is None:
            return None
        measurements = [Measurement(who, [median], median) for who, median in kept.medians.items()]
        return Row(name, name, kept.group, kept.unit, measurements)


class Number(msgspec.Struct, frozen=True):
    """A number of one row in one run."""

    value: float
    run: Run


def kept(folder: Path = FOLDER) -> list[Run]:
    """Read the runs that are kept, the oldest first."""
    runs = [msgspec.json.decode(path.read_bytes(), type=Run) for path in folder.glob("*.json")]
    return sorted(runs, key=lambda run: run.date)


def counted(runs: Iterable[Run]) -> list[Run]:
    """Give the runs that count."""
    return [run for run in runs if not run.left_out]


def small(results: Results, *, machine: str, date: str, commit: str, left_out: str = "") -> Run:
    """Give the medians of a run's results, to four digits."""
    rows = {
        row.name: Medians(row.group, row.unit, {m.name: float(f"{m.median:.4g}") for m in row.measurements})
        for row in results.rows
    }
    load = results.machine.load_before, results.machine.load_after
    return Run(date, machine, commit, results.rounds, load, left_out, rows)


def numbers(runs: Sequence[Run], name: str, number: Callable[[Row], float | None], *, of_best: bool) -> list[Number]:
    """Give a number of a row in all runs that have it; `of_best` says that it is the ratio to the best peer."""
    found = []
    for run in runs:
        row = run.row(name)
        value = number(row) if row is not None else run.ratios.get(name) if of_best else None
        if value is not None:
            found.append(Number(value, run))
    return found


def groups(runs: Sequence[Run]) -> dict[str, str]:
    """Give the names of all rows, in the order of the benchmark, with their groups."""
    return {name: row.group for run in reversed(runs) for name, row in run.rows.items()}


# ------------------------------------------------------------------------------------------------ what is written


def ranges(runs: Sequence[Run]) -> str:
    """Write how many times faster Backlit is, lowest to highest over the runs, row by row."""
    lines = []
    for name in groups(runs):
        cells = [_range(numbers(runs, name, _times(peer), of_best=peer == "best peer"), ratio) for peer in COMPARED]
        unit = next(run.rows[name].unit for run in runs if name in run.rows)
        ours = numbers(runs, name, _ours, of_best=False)
        lines.append([name, _range(ours, lambda value, unit=unit: quantity(value, unit)), *cells])
    return markdown(["", "Backlit takes", *(f"against {peer}" for peer in COMPARED)], lines)


def verdicts(runs: Sequence[Run]) -> str:
    """Write every goal with the lowest and the highest number over the runs; the worst run decides."""
    lines = []
    for name, group in groups(runs).items():
        for target in TARGETS:
            if target.rows(Row(name, name, group, "", [])):
                lines.append([name, target.words, *_judged(target, runs, name)])
    return markdown(["row", "goal", "bound", "over the runs", "by the worst run"], lines)


def _judged(target: Target, runs: Sequence[Run], name: str) -> list[str]:
    found = numbers(runs, name, target.number, of_best=target.words.endswith("the best peer"))
    bound = f"{'≥' if target.at_least else '≤'} {target.bound:g}"
    if not found:
        return [bound, "not measured", "–"]
    worst = (min if target.at_least else max)(found, key=lambda each: each.value)
    met = worst.value >= target.bound if target.at_least else worst.value <= target.bound
    return [bound, _range(found, _plain), "met" if met else f"missed ({worst.run.date})"]


def listing(runs: Sequence[Run]) -> str:
    """Write which runs there are."""
    lines = [
        [
            run.date, f"`{run.commit}`", run.machine, str(run.rounds or "–"),
            "–" if run.load is None else f"{run.load[0]:g}, {run.load[1]:g}",
            f"no: {run.left_out}" if run.left_out else "yes" if run.rows else f"yes, of {len(run.ratios)} ratios",
        ]
        for run in runs
    ]  # fmt: skip
    return markdown(["date", "commit", "machine", "rounds", "load before, after", "counted"], lines)


def in_short(runs: Sequence[Run]) -> str:
    """Write the table of the README: few columns."""
    lines = []
    for name in groups(runs):
        cells = [_range(numbers(runs, name, _times(peer), of_best=peer == "best peer"), ratio) for peer in COMPARED]
        if any(cell != "–" for cell in cells):
            lines.append([name, cells[0], cells[3], cells[2]])
    return markdown(["", "best peer", "scikit-learn", "PyTorch"], lines)


SECTIONS: dict[str, Callable[[list[Run]], str]] = {
    "ranges": lambda runs: ranges(counted(runs)),
    "verdicts": lambda runs: verdicts(counted(runs)),
    "listing": listing,
    "short": lambda runs: in_short(counted(runs)),
}


def written(text: str, runs: list[Run]) -> str:
    """Give a document with what stands between the marks written anew."""
    return MARKED.sub(lambda found: f"{found[1]}{SECTIONS[found[2]](runs)}\n{found[3]}", text)


def section(name: str, runs: list[Run]) -> str:
    """Give what stands between the marks, with the marks."""
    return written(f"<!-- runs: {name} -->\n<!-- /runs -->", runs)


def _times(peer: str) -> Callable[[Row], float | None]:
    return (lambda row: row.ratio) if peer == "best peer" else lambda row: row.times(peer)


def _ours(row: Row) -> float | None:
    ours = row.of("backlit")
    return ours.median if ours else None


def _range(found: Sequence[Number], write: Callable[[float], str]) -> str:
    if not found:
        return "–"
    low, high = (write(end(each.value for each in found)) for end in (min, max))
    return low if low == high else f"{low} to {high}"


def _plain(value: float) -> str:
    return f"{value:.3g}" if value < 999.5 else f"{value:.0f}"


# --------------------------------------------------------------------------------------------------- the commands


@app.command
def add(
    results: Path, *, machine: str, date: str, commit: str, name: str = "", left_out: str = "", folder: Path = FOLDER
) -> None:
    """Keep the medians of a run.

    Parameters
    ----------
    results
        What `python -m bench --json` wrote.
    machine
        Which machine it was, in a few words.
    date
        When it ran: 2026-11-23, or 2026-11-22 12:10.
    commit
        Which commit was measured.
    name
        A word for the file's name, beside the date; by default the commit.
    left_out
        Why the run is in no range and no verdict, such as that its code is older. By default it counts.
    folder
        Where runs are kept.
    """
    found = msgspec.json.decode(results.read_bytes(), type=Results)
    if found.quick:
        sys.exit(f"{results} is of a quick look, which is no measurement: run python -m bench without --quick.")
    run = small(found, machine=machine, date=date, commit=commit, left_out=left_out)
    folder.mkdir(exist_ok=True)
    path = folder / f"{date[:10]}-{name or commit}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n")
    print(f"kept in {path}")


@app.command
def write(*documents: Path) -> None:
    """Write ranges and verdicts into documents."""
    runs = kept()
    for document in documents:
        text = document.read_text(encoding="utf-8")
        if not MARKED.search(text):
            sys.exit(f"{document} has no place for runs: <!-- runs: NAME --> with one of {', '.join(SECTIONS)}.")
        document.write_text(written(text, runs), encoding="utf-8")


if __name__ == "__main__":
    app()
