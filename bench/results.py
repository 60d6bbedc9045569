"""The results of a run, as records that turn into JSON and back."""

from __future__ import annotations

import os
import platform
import statistics
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from bench.peers import LIMITS, OURS, PRODUCTS


class Measurement(msgspec.Struct, frozen=True):
    """One contender in one row: a number per round, in seconds or the row's unit, and the best of all calls."""

    name: str
    rounds: list[float]
    best: float
    threads: int = 1
    loss: float | None = None
    agrees: bool | None = None
    note: str = ""

    @property
    def median(self) -> float:
        """The median over the rounds."""
        return statistics.median(self.rounds)

    @property
    def spread(self) -> float:
        """Half of the range between the quartiles over the median: how far to trust the median."""
        if len(self.rounds) < 2:
            return 0.0
        low, _, high = statistics.quantiles(self.rounds, n=4, method="inclusive")
        return (high - low) / 2 / self.median if self.median else 0.0


class Row(msgspec.Struct, frozen=True):
    """A workload or a whole job: each contender's measurement, or why it has none. Smaller is better."""

    name: str
    label: str
    group: str
    unit: str
    measurements: list[Measurement]
    missing: dict[str, str] = {}
    multiply_adds: int = 0
    peak: float = 0.0
    reference: float | None = None

    def of(self, name: str) -> Measurement | None:
        """Give a contender's measurement."""
        return next((m for m in self.measurements if m.name == name), None)

    @property
    def peers(self) -> list[Measurement]:
        """The measurements of others that do the whole work."""
        return [m for m in self.measurements if m.name not in LIMITS and m.name not in OURS]

    @property
    def best_peer(self) -> Measurement | None:
        """The fastest of the others."""
        return min(self.peers, key=lambda m: m.median, default=None)

    def times(self, other: str) -> float | None:
        """Give how many times faster Backlit is than another, by the medians; below 1 it is slower."""
        ours, theirs = self.of("backlit"), self.of(other)
        return theirs.median / ours.median if ours and theirs and ours.median else None

    @property
    def ratio(self) -> float | None:
        """How many times faster Backlit is than the best of the others."""
        return self.times(self.best_peer.name) if self.best_peer else None

    @property
    def products_share(self) -> float | None:
        """The time of the step's products alone, by the fastest way measured, as a share of Backlit's step."""
        ours, limits = self.of("backlit"), [m.median for m in self.measurements if m.name in PRODUCTS]
        return min(limits) / ours.median if ours and limits else None


class Machine(msgspec.Struct, frozen=True):
    """Where and when the run took place."""

    processor: str
    cores: int
    system: str
    python: str
    versions: dict[str, str]
    load_before: float
    load_after: float = 0.0


class Results(msgspec.Struct, frozen=True):
    """A whole run."""

    machine: Machine
    rounds: int
    quick: bool
    rows: list[Row]

    def row(self, name: str) -> Row | None:
        """Give a row by its name."""
        return next((row for row in self.rows if row.name == name), None)


def load_now() -> float:
    """Give the system's load over the last minute."""
    return round(os.getloadavg()[0], 2)


def processor() -> str:
    """Give the processor's name as the system knows it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def version_of(package: str) -> str:
    """Give a package's version, also where it runs from its source without being installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return str(getattr(import_module(package), "__version__", "unknown"))


def machine_now() -> Machine:
    """Describe this machine."""
    versions = {name: version_of(name) for name in ("backlit", "numpy", "numba")}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    system = f"{platform.system()} {platform.machine()}"
    return Machine(processor(), cores, system, platform.python_version(), versions, load_now())
