"""The benchmark of the diagnosis at work: tools, remedies, counts, tables; a small setting, with wide bounds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

sys.path.insert(0, str(ROOT := Path(__file__).parents[2]))

from bench.diagnosis import design, repairs, report, runs, tools
from bench.diagnosis.__main__ import read
from bench.diagnosis.design import Cell
from bench.diagnosis.recipes import trained
from bench.diagnosis.runs import Cause, CellTruth, Repair, Run, Verdict
from bench.diagnosis.scores import (
    Results,
    Share,
    alarms_on_unhurt,
    causes,
    causes_of_found,
    closing,
    confusion,
    detection,
)
from bench.diagnosis.work import lines_of

from backlit.diagnose.changes import changed, set_rate, standardize, standardize_targets
from backlit.diagnose.plan import Plan

SLOW = Cell("rate too small", 2, "tiny iris", "16 relu", "adam")
HEALTHY = Cell("none", 0, "tiny iris", "16 relu", "adam")
DEAD = Cell("dead relu", 2, "tiny iris", "16 relu", "adam")


def training_of(cell, seed=0):
    return runs.training_of(cell, seed)


# ---------------------------------------------------------------------------------------------------------------- tools


def test_the_rules_of_published_tools_name_what_they_look_for():
    training, _ = training_of(DEAD)
    assert "BL305" in tools.autotrainer(training)
    assert "BL305" in tools.deep_diagnosis(training)
    training, _ = training_of(Cell("vanishing gradient", 2, "tiny iris", "16 relu", "adam"))
    assert "BL303" in tools.autotrainer(training)
    training, _ = training_of(Cell("rate far too large", 2, "linear", "16 relu", "momentum"))
    assert "BL403" in tools.deep_diagnosis(training)
    assert {"BL402", "BL403"} <= set(tools.umlaut(training))
    training, _ = training_of(SLOW)
    assert "BL401" in tools.deep_diagnosis(training)
    assert tools.umlaut(training) == []


def test_a_training_without_signals_is_judged_by_its_losses():
    recipe, rows = HEALTHY.twin(0)
    training = recipe.training(rows, 0)
    training.epochs = 0
    training.run()
    for tool in (tools.autotrainer, tools.deep_diagnosis, tools.umlaut):
        assert isinstance(tool(training), list)


# -------------------------------------------------------------------------------------------------------------- repairs


@pytest.mark.parametrize(
    ("cell", "change", "least"),
    [
        (SLOW, [set_rate(0.005, 5e-7)], 0.8),
        (Cell("unscaled inputs", 2, "linear", "16 relu", "adam"), [standardize()], 0.7),
        (Cell("large targets", 2, "linear", "16 relu", "momentum"), [standardize_targets()], 0.7),
    ],
    ids=["rate", "inputs", "targets"],
)
def test_the_right_change_closes_the_gap_on_the_clean_rows(cell, change, least):
    training, rows = training_of(cell)
    before = repairs.scored(Plan.of(training), rows, training)
    after = repairs.scored(changed(Plan.of(training), change), rows)
    assert before.clean < 0.5
    assert after.clean > least
    assert after.validation > before.validation


def test_the_plan_of_a_training_repeats_its_score():
    training, rows = training_of(Cell("large targets", 0, "heavy", "16 relu", "adam"))
    repeated = repairs.scored(Plan.of(training), rows)
    assert repeated.clean == repairs.scored(Plan.of(training), rows, training).clean > 0.5


def test_every_possible_change_can_be_made_or_is_refused():
    for cell in (HEALTHY, Cell("none", 0, "linear", "64-32 relu", "momentum")):
        training, rows = training_of(cell)
        plan = Plan.of(training)
        found = [changed(plan, [change]) for change in repairs.possible_changes(training, rows)]
        assert len(found) >= 25


def test_random_changes_keep_only_what_validates():
    training, rows = training_of(HEALTHY)
    found = [repairs.random_changes(training, rows, 3, np.random.default_rng(5)) for _ in range(2)]
    assert found[0] == found[1]
    assert found[0] > 0.5


def test_the_search_of_train_learns_a_bundled_table():
    training, rows = training_of(DEAD)
    assert repairs.searched(training, rows) > 0.7


# --------------------------------------------------------------------------------------------------------------- counts


def run_of(cell, seed, *codes, twin=0.9, score=0.1, **more):
    return Run(cell, seed, False, twin, score, 0.1, {"Backlit": Verdict(codes, 0.2)}, **more)


def repair(tried, random=0.0):
    return Repair(("a change",), 2, tried, random, 0.0, 1.0, 0.5)


LINES = [
    CellTruth(SLOW, (0.9,) * 5, (0.1,) * 5),
    CellTruth(DEAD, (0.9,) * 5, (0.88,) * 5),
    CellTruth(HEALTHY, (0.9,) * 5, (0.9,) * 5),
    run_of(SLOW, 0, "BL401", repair=repair(0.95)),
    run_of(SLOW, 1, "BL999", "BL401", repair=repair(0.5, random=0.95)),
    run_of(SLOW, 2, "BL999", causes=(Cause("BL999", 0.93),), repair=repair(1.0)),
    run_of(SLOW, 3),
    run_of(DEAD, 0, "BL305", score=0.88),
    run_of(HEALTHY, 0, score=0.9),
]


def test_counts_of_made_up_runs():
    results = Results.of(LINES)
    assert (len(results.faulty), len(results.healthy)) == (4, 2)
    found = detection(results, "Backlit")
    assert (found.recall, found.alarms, found.precision) == (Share(3, 4), Share(1, 2), Share(3, 4))
    assert causes(results, "Backlit", 1) == Share(2, 4)
    assert causes(results, "Backlit", 2) == Share(3, 4)
    assert closing(results, "tried")[0] == Share(2, 3)
    assert closing(results, "random") == (Share(1, 3), pytest.approx(0.95 / 3))
    assert confusion(results) == {
        "rate too small": {"BL401": 1, "BL999": 2, "–": 1},
        "healthy": {"BL305": 1, "–": 1},
    }


def test_alarms_on_runs_that_lost_are_counted_apart():
    lines = [
        CellTruth(HEALTHY, (0.9,) * 5, (0.9,) * 5),
        run_of(HEALTHY, 0, "BL401", score=0.89),
        run_of(HEALTHY, 1, score=0.9),
        run_of(HEALTHY, 2, "BL402", score=0.5),
        CellTruth(SLOW, (0.9,) * 5, (0.1,) * 5),
        run_of(SLOW, 0, "BL401"),
        run_of(SLOW, 1),
    ]
    results = Results.of(lines)
    assert alarms_on_unhurt(results, "Backlit") == (Share(1, 2), Share(1, 1))
    assert causes_of_found(results, "Backlit", 1) == Share(1, 1)
    assert causes(results, "Backlit", 1) == Share(1, 2)


def test_faults_by_label_count_without_harm():
    cell = Cell("duplicates across the split", 0, "wine", "16 relu", "adam")
    known = CellTruth(cell, (0.9,) * 5, (0.9,) * 5)
    assert known.is_faulty
    assert not known.truth.harmful


def test_intervals_are_wilsons():
    assert Share(0, 20).interval == (0.0, pytest.approx(0.161, abs=1e-3))
    assert Share(50, 100).interval == (pytest.approx(0.404, abs=1e-3), pytest.approx(0.596, abs=1e-3))
    assert Share(0, 0).interval == (0.0, 1.0)


def test_the_tables_have_the_goals_and_every_failure():
    text = report.markdown(Results.of(LINES))
    assert "| recall of faulty runs | ≥ 0.95 | 0.750" in text
    assert "**Missed** (1):" in text
    assert "**False alarms** (1):" in text
    assert f"- `{DEAD.name}` seed 0: BL305" in text
    assert "| rate too small | 4 | BL999 2, BL401 1, – 1 |" in text


# ------------------------------------------------------------------------------------------------------ from end to end


def test_a_cell_from_end_to_end(tmp_path):
    known = runs.truth(SLOW, tmp_path / "cache")
    assert known.is_faulty
    assert runs.truth(SLOW, tmp_path / "cache") == known
    kept = list((tmp_path / "cache").iterdir())
    assert len(kept) == 10
    for file in kept:
        file.write_text("0.25")
    assert runs.truth(SLOW, tmp_path / "cache").twins == (0.25,) * 5
    found = runs.measured(known, 0)
    assert found.repair is not None
    assert found.score == known.faulty[0] < 0.5 < known.twins[0] == found.twin
    assert msgspec.json.decode(msgspec.json.encode(found), type=Run) == found


def test_a_healthy_run_is_not_repaired():
    assert runs.measured(runs.truth(HEALTHY), 0, tools=("UMLAUT's rules",)).repair is None


def test_what_a_killed_run_has_done_is_not_done_again(tmp_path, capsys):
    cells = [SLOW, HEALTHY]
    lines = list(lines_of(cells, (0,), False, 1, (), None, []))
    assert [type(line).__name__ for line in lines] == ["CellTruth", "CellTruth", "Run", "Run"]
    file = tmp_path / "results.jsonl"
    whole = b"\n".join(map(msgspec.json.encode, lines))
    file.write_bytes(whole[:-20])
    assert len(read(file)) == 3
    assert "left out a line" in capsys.readouterr().err
    (again,) = lines_of(cells, (0,), False, 1, (), None, read(file))
    assert (again.cell, again.seed) == (HEALTHY, 0)


def test_the_sealed_part_is_opened_only_where_it_is_asked_for():
    cells = [Cell("none", 0, table, "16 relu", "adam") for table in ("tiny iris", "breast_cancer")]
    done = [CellTruth(cell, (0.9,) * 5, (0.9,) * 5) for cell in cells]
    found = {}
    for sealed in (False, True):
        lines = lines_of(cells, range(5), sealed, 1, (), None, list(done))
        found[sealed] = {(line.cell.table, line.seed) for line in lines}
    assert found[False] == {("tiny iris", seed) for seed in (0, 1, 2)}
    assert found[True] == {("tiny iris", seed) for seed in (3, 4)} | {("breast_cancer", seed) for seed in range(5)}


def test_the_small_setting_finds_most_faults_and_gives_few_false_alarms():
    results = Results.of(lines_of(design.small(), (0,), False, 1, (), None, []))
    assert len(results.faulty) >= 20
    assert len(results.healthy) >= len(results.faulty)
    found = detection(results, "Backlit")
    assert found.recall.value >= 0.8
    assert found.alarms.value <= 0.1
    assert causes(results, "Backlit", 1).value >= 0.6
    for rival in tools.TOOLS:
        if rival != "Backlit":
            theirs = detection(results, rival)
            assert found.recall.value - found.alarms.value > theirs.recall.value - theirs.alarms.value


def command(*given):
    words = [sys.executable, "-m", "bench.diagnosis", *map(str, given)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_shows_a_cell():
    shown = command("show", DEAD.name)
    assert "AUTOTRAINER's rules: BL303 BL305" in shown
    assert '"harmed": true' in shown


def test_two_processes_write_a_file_of_which_the_tables_are_made(tmp_path):
    file = tmp_path / "results.jsonl"
    told = command("run", "--small", "--faults", "dead relu", "-o", file, "--cache", tmp_path / "cache", "--jobs", 2)
    assert told == command("table", file)
    assert "1 runs: 1 faulty" in told
    assert [type(line) for line in read(file)] == [CellTruth, Run]
    command("run", "--small", "--faults", "dead relu", "-o", file, "--cache", tmp_path / "cache")
    assert len(read(file)) == 2


def test_trainings_of_the_benchmark_are_silent_where_they_diverge():
    recipe, rows = Cell("rate far too large", 2, "linear", "16 relu", "momentum").faulty(0)
    assert (trained(recipe.training(rows, 0)).stopped or "").startswith("diverged")
