"""Runs that are kept: the worst of them decides, and the documents say what bench/runs says. No test asserts a time."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import runs
from bench.results import Machine, Measurement, Results, Row
from bench.runs import Run
from bench.table import TARGETS

ROOT = Path(__file__).parents[2]


def results(ours: float, jax: float, quick: bool = False) -> Results:
    """Give a run with one row, in which Backlit takes `ours` seconds and JAX `jax`."""
    measured = [
        Measurement(name, [value, 2 * value, value], value) for name, value in (("backlit", ours), ("jax", jax))
    ]
    rows = [Row("30-64-32-1", "a network", "tabular", "s/step", measured)]
    return Results(Machine("a processor", 2, "Linux", "3.11", {"numpy": "2"}, 1.0, 2.0), 3, quick, rows)


def run(ours: float, jax: float, date: str, **more: str) -> Run:
    return runs.small(results(ours, jax), machine="one", date=date, commit="abc", **more)


GOOD, WORSE = run(1e-5, 2.5e-5, "2026-01-01"), run(1e-5, 1.9e-5, "2026-01-02")


def goal(kept: list[Run]) -> str:
    """Give the line of the goal "twice the best peer"."""
    return next(line for line in runs.verdicts(kept).splitlines() if "the best peer" in line)


def test_the_worst_run_decides():
    assert goal([GOOD]).endswith("| 2.5 | met |")
    assert goal([GOOD, WORSE]).endswith("| 1.9 to 2.5 | missed (2026-01-02) |")
    assert goal([WORSE, GOOD]) == goal([GOOD, WORSE])


def test_of_a_time_the_longest_decides():
    start = next(target for target in TARGETS if target.words == "seconds to the first epoch ever")
    fast, slow = (
        Run(f"2026-01-0{k}", "one", "abc", rows={"start cold": runs.Medians("job", "s", {"backlit": seconds})})
        for k, seconds in ((1, 5.0), (2, start.bound + 1))
    )
    assert "| 5 to 7 | missed (2026-01-02) |" in runs.verdicts([fast, slow])


def test_a_run_of_which_only_ratios_are_known_counts_for_them():
    told = Run("2026-01-03", "another", "abc", ratios={"30-64-32-1": 1.6})
    assert goal([GOOD, told]).endswith("| 1.6 to 2.5 | missed (2026-01-03) |")
    assert "1.60× to 2.50×" in runs.ranges([GOOD, told])
    assert "| 2.50× | – | – |" in runs.ranges([GOOD, told]), "against JAX by name, nothing was told"


def test_a_run_that_is_left_out_is_listed_with_its_reason_and_in_no_range():
    old = run(1e-5, 1e-5, "2026-01-03", left_out="older code")
    text = runs.written(
        "<!-- runs: verdicts -->\nold\n<!-- /runs -->\n<!-- runs: listing -->\n<!-- /runs -->", [GOOD, old]
    )
    assert "| 2.5 | met |" in text
    assert "no: older code" in text
    assert "old\n" not in text


def test_medians_are_kept_and_read_again(tmp_path):
    path = tmp_path / "results.json"
    path.write_bytes(msgspec.json.encode(results(1.23456e-5, 2e-5)))
    runs.add(path, machine="one", date="2026-01-01 10:00", commit="abc", folder=tmp_path / "runs")
    (read,) = runs.kept(tmp_path / "runs")
    assert read.rows["30-64-32-1"].medians == {"backlit": 1.235e-5, "jax": 2e-5}
    assert (read.load, read.rounds) == ((1.0, 2.0), 3)


def test_a_quick_look_is_refused(tmp_path):
    path = tmp_path / "results.json"
    path.write_bytes(msgspec.json.encode(results(1e-5, 2e-5, quick=True)))
    with pytest.raises(SystemExit, match="a quick look"):
        runs.add(path, machine="one", date="2026-01-01", commit="abc", folder=tmp_path / "runs")


@pytest.mark.parametrize("name", ["README.md", "bench/README.md", "docs/performance.md"])
def test_documents_say_what_the_kept_runs_say(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "<!-- runs: " in text
    assert runs.written(text, runs.kept()) == text, "write it anew: python -m bench.runs write " + name


def test_at_least_three_runs_count():
    assert len(runs.counted(runs.kept())) >= 3
