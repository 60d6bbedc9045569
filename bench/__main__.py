"""The command: `python -m bench`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.console import Console

from bench import chart, table
from bench.jobs import JOBS, JOBS_BY_NAME, Job, Outcome
from bench.peers import PEERS
from bench.results import Measurement, Results, Row, load_now, machine_now
from bench.rounds import PATIENCE, ROOT, Say, Workers, environment, known, measure
from bench.workloads import BY_NAME, WORKLOADS

app = App(name="python -m bench", help="Measure Backlit and its peers at the same work, in one run.", version_flags=[])


SLOW = ("torch.compile", "backlit plain")
"""Peers that a quick look leaves out unless asked for."""


def do_job(job: Job, rounds: int, quick: bool, peers: Iterable[str], threads: int, say: Say) -> Row:
    """Run a job's contenders in turn, each time in a fresh process."""
    say(job.label)
    names = [name for name in job.contenders if name in peers or name not in PEERS]
    found: dict[str, list[float]] = {name: [] for name in names}
    missing, remarks = {}, {}
    for _ in range(min(rounds, job.repeats)):
        for name in [name for name in names if name not in missing]:
            outcome = run_job(job, name, quick, 1 if job.name == "grid search" else threads)
            if outcome.value is None:
                missing[name] = outcome.cannot or "no result"
                say(f"  {name}: skipped, {missing[name]}")
            else:
                found[name].append(outcome.value)
                remarks[name] = outcome.note
    measurements = [
        Measurement(name, values, min(values), note=remarks[name]) for name, values in found.items() if values
    ]
    return Row(job.name, job.label, "job", job.unit, measurements, missing)


def run_job(job: Job, name: str, quick: bool, threads: int) -> Outcome:
    """Run one contender's job in a process of its own."""
    command = [sys.executable, "-m", "bench.jobs", job.name, name, *(["--quick"] if quick else [])]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment(threads),
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Outcome(cannot=f"took longer than {2 * PATIENCE:g} s")
    lines = done.stdout.strip().splitlines()
    return (
        msgspec.json.decode(lines[-1], type=Outcome) if lines else Outcome(cannot=f"ended with code {done.returncode}")
    )


@app.default
def run(
    *,
    only: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    peers: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    rounds: int = 7,
    quick: bool = False,
    jobs: bool = True,
    json: Path | None = None,
    svg: Path | None = None,
) -> None:
    """Measure, print the tables, and write what is asked for.

    Parameters
    ----------
    only
        Names of workloads or jobs; all by default.
    peers
        Names of the peers to ask; all by default.
    rounds
        How often each contender is asked.
    quick
        Few rounds, short calls: a look, not a measurement.
    jobs
        Whether to measure the whole jobs too.
    json
        Where to write the results.
    svg
        Where to draw the chart.
    """
    console = Console(width=None if sys.stdout.isatty() else 170)
    say: Say = lambda words: console.print(words, highlight=False)  # noqa: E731
    wanted = only or [*BY_NAME, *(JOBS_BY_NAME if jobs else ())]
    unknown = [name for name in wanted if name not in BY_NAME and name not in JOBS_BY_NAME]
    if unknown:
        console.print(f"unknown workload or job {unknown[0]!r}; known: {', '.join([*BY_NAME, *JOBS_BY_NAME])}.")
        sys.exit(2)
    try:
        asked = known(peers or [name for name in PEERS if not quick or name not in SLOW])
    except ValueError as error:
        console.print(str(error))
        sys.exit(2)
    show_and_write(_measure(wanted, asked, 3 if quick else rounds, quick, say), console, json, svg)


def _measure(wanted: list[str], peers: list[str], rounds: int, quick: bool, say: Say) -> Results:
    """Measure rows and jobs in their order."""
    machine = machine_now()
    rows = []
    with Workers(peers, machine.cores) as workers:
        for workload in (w for w in WORKLOADS if w.name in wanted):
            work = workload.shortened(5) if quick else workload
            rows.append(measure(workers, work, rounds, 0.05 if quick else 0.2, say))
    for job in (job for job in JOBS if job.name in wanted):
        rows.append(do_job(job, rounds, quick, peers, machine.cores, say))
    versions = machine.versions | workers.versions
    return Results(msgspec.structs.replace(machine, versions=versions, load_after=load_now()), rounds, quick, rows)


def show_and_write(results: Results, console: Console, json: Path | None, svg: Path | None) -> None:
    """Print the tables; write JSON and chart where asked."""
    table.show(results, console)
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
    if svg is not None:
        svg.write_text(chart.draw(results), encoding="utf-8")


if __name__ == "__main__":
    app()
