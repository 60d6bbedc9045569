"""Two commits at the same work, in turn: `python -m bench.compare BEFORE AFTER`.

Each is a git revision or a folder with a checkout. Every row of Backlit's own is measured for one and the other in
turn, `--rounds` times, each time in a fresh process with that checkout's `src` and a code cache of its own, which an
unmeasured run of the row has warmed, as it has Python's bytecode. The code that measures is this checkout's for both.

How to read the table: a row's number is, per round, the fastest call of its process, shown as the median and the least
of the rounds. The ratio is after / before of each round's pair: the median, and in brackets the lowest and the highest.
Below 1, AFTER is faster. One pair shares a spell of the machine, so trust the pairs more than the columns before them.
The last column says `slower than noise` only where even the lowest ratio is above 1.02 and the ratio of the two minima
is above 1.03; an empty cell with a wide bracket is no proof of the contrary, only a reason for more rounds. `other
result` means that losses, epochs or scores differ, so that the times are not of the same work.

`--clock cpu` counts processor time, which a busy machine changes less than the wall's; use it with `--threads 1`. The
processes of the grid search are not in it.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import msgspec
from cyclopts import App, Parameter

from bench.jobs import JOBS, JOBS_BY_NAME, Outcome
from bench.results import machine_now
from bench.rounds import PATIENCE, ROOT, environment
from bench.table import markdown, quantity
from bench.workloads import WORKLOADS

app = App(name="python -m bench.compare", help="Measure two commits in turn, row by row.", version_flags=[])

HEAD = ["row", "before (median, min)", "after (median, min)", "after / before (lowest to highest)", ""]
PAIR_LIMIT, LEAST_LIMIT = 1.02, 1.03
"""What the lowest ratio of a pair and the ratio of the minima must exceed before a row is called slower than noise."""


class Side(msgspec.Struct, frozen=True):
    """A checkout with its code cache, and where Python's bytecode goes; all are folders."""

    checkout: Path
    cache: Path
    bytecode: Path


class RowName(msgspec.Struct, frozen=True):
    """A workload or a job with a number of threads."""

    name: str
    threads: int

    @property
    def label(self) -> str:
        """The name as the table has it."""
        return self.name if self.threads == 1 or self.name in JOBS_BY_NAME else f"{self.name} ·{self.threads}"


class Comparison(msgspec.Struct):
    """A row's numbers, in the order of the rounds, and the remarks that tell whether the work was the same."""

    unit: str
    before: list[float] = []
    after: list[float] = []
    notes: set[str] = set()
    cannot: str | None = None

    @property
    def ratios(self) -> list[float]:
        """After / before of each round."""
        return [after / before for before, after in zip(self.before, self.after, strict=False)]

    @property
    def verdict(self) -> str:
        """What the last column says."""
        if self.cannot is not None:
            return self.cannot
        least = min(self.after) / min(self.before)
        slower = min(self.ratios) > PAIR_LIMIT and least > LEAST_LIMIT
        return ", ".join(["slower than noise"] * slower + ["other result"] * (len(self.notes) > 1))

    def cells(self) -> list[str]:
        """Give the row's cells after its name.

        >>> Comparison("s", [1.0, 2.0, 1.0], [1.1, 2.1, 1.0]).cells()
        ['1 s, 1 s', '1.1 s, 1 s', '1.050 (1.000 to 1.100)', '']
        """
        columns = [
            f"{quantity(statistics.median(side), self.unit)}, {quantity(min(side), self.unit)}" if side else "–"
            for side in (self.before, self.after)
        ]
        if not self.ratios:
            return [*columns, "–", self.verdict]
        low, high = min(self.ratios), max(self.ratios)
        return [*columns, f"{statistics.median(self.ratios):.3f} ({low:.3f} to {high:.3f})", self.verdict]


@contextmanager
def sides_of(before: str, after: str, repository: Path = ROOT) -> Iterator[list[Side]]:
    """Give both checkouts, with detached worktrees for revisions; worktrees and caches are removed at the end."""
    with tempfile.TemporaryDirectory(prefix="backlit-compare-") as temporary:
        made: list[Path] = []
        try:
            sides = []
            for label, given in (("before", before), ("after", after)):
                checkout = Path(given).resolve()
                if not checkout.is_dir():
                    checkout = Path(temporary) / label
                    made.append(checkout)
                    _git(repository, "worktree", "add", "--detach", str(checkout), given)
                if not (checkout / "src" / "backlit").is_dir():
                    raise ValueError(f"{given} has no src/backlit: expected a git revision or a folder with a checkout")
                sides.append(Side(checkout, Path(temporary) / f"cache-{label}", Path(temporary) / "bytecode"))
            yield sides
        finally:
            for checkout in made:
                with suppress(ValueError):  # it was not made, or not quite: its folder goes with the temporary one
                    _git(repository, "worktree", "remove", "--force", "--force", str(checkout))


def _git(repository: Path, *arguments: str) -> None:
    """Run git, out of reach of the terminal's Ctrl-C, or raise ValueError with what it said."""
    done = subprocess.run(
        ["git", "-C", str(repository), *arguments], capture_output=True, text=True, check=False, start_new_session=True
    )
    if done.returncode:
        raise ValueError(f"git {' '.join(arguments)}: {done.stderr.strip()}")


def ask(side: Side, row: RowName, quick: bool, clock: str) -> Outcome:
    """Measure a row of a checkout once, in a process of its own, which ends with all that it started."""
    given = environment(row.threads) | {"BACKLIT_CACHE_DIR": str(side.cache), "BENCH_CLOCK": clock}
    given |= {"BACKLIT_THREADS": str(row.threads), "PYTHONPYCACHEPREFIX": str(side.bytecode)}
    given.pop("PYTHONDONTWRITEBYTECODE", None)  # or an import would compile every file
    given["PYTHONPATH"] = os.pathsep.join(filter(None, [str(side.checkout / "src"), os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.compare_worker", row.name, *(["--quick"] if quick else [])], cwd=ROOT, env=given,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        printed, errors = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return Outcome(cannot=f"took longer than {PATIENCE:g} s")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.returncode:
        return Outcome(cannot=(errors.strip().splitlines() or [f"ended with code {process.returncode}"])[-1])
    return msgspec.json.decode(printed.strip().splitlines()[-1], type=Outcome)


def compare(sides: list[Side], row: RowName, rounds: int, quick: bool, clock: str) -> Comparison:
    """Measure a row for both in turn, after a run of each that is not counted and fills the caches."""
    found = Comparison(JOBS_BY_NAME[row.name].unit if row.name in JOBS_BY_NAME else "s/step")
    for number in range(-1, rounds):
        for side, values in zip(sides, (found.before, found.after), strict=True):
            warming = number < 0
            outcome = ask(side, row, quick or warming, clock)
            if outcome.value is None:
                found.cannot = f"{('before', 'after')[values is found.after]}: {outcome.cannot}"
                return found
            if not warming:
                values.append(outcome.value)
                found.notes.add(outcome.note)
    return found


def rows_of(patterns: list[str] | None, threads: list[int]) -> list[RowName]:
    """Give the rows whose name or label matches a pattern, or all; workloads that are never cut have one thread.

    >>> [row.label for row in rows_of(["784", "2-2-2", "start *"], [1, 2])]
    ['2-2-2', '784', '784 ·2', 'start cold', 'start warm']
    """
    rows = [
        RowName(workload.name, count)
        for workload in WORKLOADS
        for count in (threads if workload.group != "small" else [min(threads)])
    ]
    rows += [RowName(job.name, 1 if job.name == "grid search" else max(threads)) for job in JOBS]
    if patterns is None:
        return rows
    return [row for row in rows if any(fnmatchcase(text, p) for text in (row.name, row.label) for p in patterns)]


def _terminate(*_: object) -> NoReturn:
    """End by SystemExit, so that what was made is removed."""
    sys.exit(128 + signal.SIGTERM)


@app.default
def main(
    before: str,
    after: str,
    /,
    *,
    rounds: int = 5,
    rows: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    threads: Annotated[list[int] | None, Parameter(consume_multiple=True)] = None,
    clock: Literal["wall", "cpu"] = "wall",
    quick: bool = False,
) -> None:
    """Print a table of the ratios of two commits' times, row by row as they are measured.

    Parameters
    ----------
    before, after
        A git revision, or a folder with a checkout.
    rounds
        How many pairs are measured for each row.
    rows
        Names of rows, or patterns such as '2-*' or '784*'; all by default.
    threads
        Numbers of threads for the workloads that are cut into shards; 1 and 2 by default, where there are two cores.
        Jobs take the highest.
    clock
        The wall's clock, or `cpu` for processor time.
    quick
        Short calls and little data: a look, not a measurement.
    """
    if rounds < 1:
        sys.exit(f"rounds is {rounds}; expected at least 1.")
    signal.signal(signal.SIGTERM, _terminate)
    machine = machine_now()
    wanted = rows_of(rows, threads or [count for count in (1, 2) if count <= max(machine.cores, 1)])
    if not wanted:
        sys.exit(f"no row matches {' '.join(rows or [])}; known: {', '.join(row.label for row in rows_of(None, [1]))}.")
    try:
        with sides_of(before, after) as sides:
            print(f"{machine.processor}, {machine.cores} cores, load {machine.load_before}; clock: {clock}\n")
            print(markdown(HEAD, []), flush=True)
            for row in wanted:
                print(f"| {row.label} | {' | '.join(compare(sides, row, rounds, quick, clock).cells())} |", flush=True)
    except ValueError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


if __name__ == "__main__":
    app()
