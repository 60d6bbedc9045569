"""One cell with one seed: the training, what the tools say of it, and what remedies are worth on the clean rows."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy as np

from backlit.diagnose import Diagnosis, diagnose
from backlit.diagnose.changes import changed
from backlit.diagnose.plan import Plan
from backlit.engine import Training
from bench.diagnosis import repairs
from bench.diagnosis.design import SEEDS, Cell
from bench.diagnosis.recipes import Recipe, trained
from bench.diagnosis.tables import Rows
from bench.diagnosis.tools import TOOLS, Tool
from bench.diagnosis.truth import CLOSED, Truth, closed, score, truth_of

MOST_REMEDIES = 4
"""So many remedies of a finding are tried for themselves, to tell whether it names a right cause."""

JUDGED = 2
"""So many findings are judged: the first, and the second."""


class CellTruth(msgspec.Struct, frozen=True, tag="truth"):
    """What the trainings of a cell and their healthy twins are worth on clean rows, seed by seed."""

    cell: Cell
    twins: tuple[float, ...]
    faulty: tuple[float, ...]

    @property
    def truth(self) -> Truth:
        """The harm that the fault does."""
        return truth_of(self.twins, self.faulty)

    @property
    def is_faulty(self) -> bool:
        """Whether the runs of the cell count as faulty: by label, or by harm."""
        fault = self.cell.planted
        return fault is not None and (fault.by_label or self.truth.harmful)


class Verdict(msgspec.Struct, frozen=True):
    """What a tool said of a training: the codes, the first cause first, and how long it took."""

    codes: tuple[str, ...]
    seconds: float


class Cause(msgspec.Struct, frozen=True):
    """One of the first findings, and the share of the gap that the best of its remedies closes alone."""

    code: str
    closed: float


class Repair(msgspec.Struct, frozen=True):
    """The share of the gap that is closed by the kept remedies, by as many random changes, by one, by a search."""

    kept: tuple[str, ...]
    trials: int
    tried: float
    random: float
    random_one: float
    search: float
    seconds: float


class Run(msgspec.Struct, frozen=True, tag="run"):
    """One training of the benchmark."""

    cell: Cell
    seed: int
    sealed: bool
    twin: float
    score: float
    seconds: float
    verdicts: dict[str, Verdict]
    causes: tuple[Cause, ...] = ()
    repair: Repair | None = None


Line = CellTruth | Run


def truth(cell: Cell, cache: Path | None = None) -> CellTruth:
    """Train a cell and its twins with all seeds; trainings whose scores the cache has are not made again."""
    twins = [_worth(*cell.twin(seed), seed, cache) for seed in SEEDS]
    faulty = [_worth(*cell.faulty(seed), seed, cache) for seed in SEEDS] if cell.planted else twins
    return CellTruth(cell, tuple(twins), tuple(faulty))


def _worth(recipe: Recipe, rows: Rows, seed: int, cache: Path | None) -> float:
    """Give the score of a training, which is kept under a name for all that it depends on but the engine."""
    if cache is None:
        return score(trained(recipe.training(rows, seed)).network, rows)
    place = cache / f"{_digest(recipe, rows, seed)}.json"
    if not place.exists():
        found = _worth(recipe, rows, seed, None)
        cache.mkdir(parents=True, exist_ok=True)
        part = place.with_suffix(f".{os.getpid()}")
        part.write_bytes(msgspec.json.encode(found))
        part.replace(place)
    return msgspec.json.decode(place.read_bytes(), type=float)


def _digest(recipe: Recipe, rows: Rows, seed: int) -> str:
    folder = Path(__file__).parent
    found = hashlib.sha256(b"".join((folder / name).read_bytes() for name in ("recipes.py", "truth.py")))
    found.update(msgspec.json.encode((recipe, seed, rows.unit, rows.classes)))
    for field in msgspec.structs.astuple(rows):
        if isinstance(field, np.ndarray):
            found.update(repr(field.shape).encode() + np.ascontiguousarray(field).tobytes())
    return found.hexdigest()[:32]


def training_of(cell: Cell, seed: int) -> tuple[Training, Rows]:
    """Give the training of a cell, which has run, and its rows."""
    recipe, rows = cell.faulty(seed)
    return trained(recipe.training(rows, seed)), rows


def verdict(tool: Tool, training: Training) -> Verdict:
    """Let a tool diagnose."""
    began = time.perf_counter()
    with np.errstate(all="ignore"):
        codes = tuple(tool(training))
    return Verdict(codes, time.perf_counter() - began)


def measured(known: CellTruth, seed: int, *, remedies: bool = True, tools: Iterable[str] = TOOLS) -> Run:
    """Train a cell with a seed, let the tools diagnose it, and of faulty runs measure causes and remedies too."""
    began = time.perf_counter()
    training, rows = training_of(known.cell, seed)
    seconds = time.perf_counter() - began
    k = SEEDS.index(seed)
    found = Run(
        known.cell, seed, known.cell.sealed(seed), known.twins[k], known.faulty[k], seconds,
        {name: verdict(TOOLS[name], training) for name in tools},
    )  # fmt: skip
    fault = known.cell.planted
    if not (remedies and known.is_faulty and fault is not None) or fault.by_label:
        return found
    fixed = diagnose(training, fix=True)
    return msgspec.structs.replace(
        found, causes=_causes(found, fixed, training, rows), repair=_repair(found, fixed, training, rows)
    )


def _causes(run: Run, found: Diagnosis, training: Training, rows: Rows) -> tuple[Cause, ...]:
    """Train the remedies of the first findings, each for itself, until one closes the gap."""
    causes = []
    for finding in found.findings[:JUDGED]:
        best = -1.0
        for remedy in finding.remedies[:MOST_REMEDIES]:
            worth = repairs.worth(Plan.of(training), remedy.changes, rows)
            best = max(best, -1.0 if worth is None else closed(run.twin, run.score, worth))
            if best >= CLOSED:
                break
        causes.append(Cause(finding.code, best))
    return tuple(causes)


def _repair(run: Run, found: Diagnosis, training: Training, rows: Rows) -> Repair:
    """Measure what the remedies of the diagnosis, random changes, and the search of `train` are worth."""
    plan = Plan.of(training)
    rng = np.random.default_rng([run.seed, *run.cell.name.encode()])
    kept = repairs.scored(changed(plan, found.kept), rows).clean if found.kept else run.score

    def share(worth: float) -> float:
        return closed(run.twin, run.score, worth)

    return Repair(
        tuple(change.words for change in found.kept), len(found.tried), share(kept),
        share(repairs.random_changes(training, rows, max(1, len(found.tried)), rng)),
        share(repairs.random_changes(training, rows, 1, rng)), share(repairs.searched(training, rows)), found.seconds,
    )  # fmt: skip
