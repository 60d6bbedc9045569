"""Run the benchmark of the diagnosis: python -m bench.diagnosis run | table | show | look; --help tells the rest."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import App, Parameter

from backlit.diagnose import diagnose
from bench.diagnosis import design as drawn
from bench.diagnosis import report
from bench.diagnosis.design import SEEDS
from bench.diagnosis.runs import Line, training_of, truth
from bench.diagnosis.scores import Results
from bench.diagnosis.tools import TOOLS
from bench.diagnosis.work import lines_of

app = App(name="bench.diagnosis", help=__doc__)
CACHE = Path(tempfile.gettempdir()) / "backlit-diagnosis"
DECODER = msgspec.json.Decoder(Line)


@app.command
def run(
    *, output: Annotated[Path, Parameter(alias="-o")], small: bool = False, sealed: bool = False, jobs: int = 2,
    remedies: Literal["all", "one", "none"] = "all", faults: list[str] | None = None, cache: Path = CACHE,
) -> None:  # fmt: skip
    """Train, diagnose and measure, a line of JSON for each cell and seed; what the file has is not done again.

    Parameters
    ----------
    output
        The file of results.
    small
        A few cells of one seed, for a quick look and for tests.
    sealed
        Only the sealed part, instead of the open one: once per change, never to choose a threshold.
    jobs
        How many processes work.
    remedies
        Of which seeds the remedies are tried too: of all, of one in each cell, or of none, which is the quickest. Where
        they are not tried, causes are right by their code alone.
    faults
        Only the cells of these planted faults; "none" for the healthy ones.
    cache
        A folder that keeps the truth between runs, outside the repository.
    """
    cells = [cell for cell in (drawn.small() if small else drawn.design()) if faults is None or cell.fault in faults]
    seeds = SEEDS[:1] if small else SEEDS
    tried = {"all": seeds, "one": (drawn.SEALED_SEEDS if sealed else seeds)[:1], "none": ()}[remedies]
    with output.open("ab") as file:
        for line in lines_of(cells, seeds, sealed, jobs, tried, cache, read(output)):
            file.write(msgspec.json.encode(line) + b"\n")
            file.flush()
    print(report.markdown(Results.of(read(output), lambda one: one.sealed is sealed)))


def read(path: Path) -> list[Line]:
    """Give the lines of a results file; a last line that was cut off does not count."""
    if not path.exists():
        return []
    lines: list[Line] = []
    for text in path.read_bytes().splitlines():
        try:
            lines.append(DECODER.decode(text))
        except msgspec.DecodeError:
            print(f"{path}: left out a line that is no result", file=sys.stderr)
    return lines


@app.command
def table(results: Path, *, sealed: bool = False) -> None:
    """Print the tables of a results file in Markdown: of the open part, or of the sealed one."""
    print(report.markdown(Results.of(read(results), lambda one: one.sealed is sealed)))


@app.command
def harm(*, jobs: int = 2, cache: Path = CACHE) -> None:
    """Train all cells and their twins, without any diagnosis, and print in Markdown what harm the faults do."""
    cells = [cell for cell in drawn.design() if cell.fault != drawn.NO_FAULT]
    found = list(lines_of(cells, (), False, jobs, (), cache, []))
    print("\n".join(report.harm(Results.of(found))))


@app.command
def show(cell: str, *, seed: int = 0, fix: bool = False) -> None:
    """Train one cell with one seed and print what the tools say of it; a cell is named as the tables name it."""
    one = drawn.by_name(cell)
    training, _ = training_of(one, seed)
    known = truth(one, CACHE)
    print(
        f"{cell}: twins {known.twins}, here {known.faulty}; faulty: {known.is_faulty}\n{training}\n"
        f"{training.history[-1]}"
    )
    for name, tool in TOOLS.items():
        print(f"{name}: {' '.join(tool(training)) or 'no alarm'}")
    print(msgspec.json.format(msgspec.json.encode(diagnose(training, fix=fix))).decode())


if __name__ == "__main__":
    os.environ.setdefault("BACKLIT_THREADS", "1")  # each process keeps one processor busy; those it starts have it too
    app()
