"""The benchmark of the diagnosis: its design covers all, twins differ in one thing alone, the truth is by harm."""

from __future__ import annotations

import importlib
import os
import sys
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.diagnosis import design, faults, recipes, tables, truth
from bench.diagnosis.design import NO_FAULT, SEALED_SEEDS, SEEDS, Cell

CELLS = design.design()
PLANTED = [cell for cell in CELLS if cell.fault != NO_FAULT]
FIRST = list({cell.fault: cell for cell in reversed(PLANTED)}.values())
"""One cell of each fault."""


def test_the_design_is_the_same_whenever_it_is_drawn():
    assert design.design() == CELLS
    assert design.small() == design.small()
    assert len(set(CELLS)) == len(CELLS)


def test_the_design_covers_what_it_shall():
    assert len(faults.FAULTS) >= 20
    assert len(tables.TABLES) >= 10
    assert len(recipes.SHAPES) == 4
    assert len(recipes.OPTIMIZERS) == 2
    assert len(SEEDS) == 5
    assert {(cell.fault, cell.dose) for cell in PLANTED} == {(f.name, d) for f in faults.FAULTS for d in range(3)}
    healthy = {(cell.table, cell.shape, cell.optimizer) for cell in CELLS if cell.fault == NO_FAULT}
    assert len(healthy) == len(tables.TABLES) * 4 * 2


@pytest.mark.parametrize("axis", ["table", "shape", "optimizer"])
def test_the_design_is_balanced(axis):
    counts = Counter(getattr(cell, axis) for cell in PLANTED)
    assert min(counts.values()) > 0.6 * max(counts.values()), counts


def test_cells_are_only_drawn_where_the_fault_can_be_planted():
    for cell in PLANTED:
        fault, table = faults.BY_NAME[cell.fault], tables.BY_NAME[cell.table]
        assert cell.shape in fault.shapes
        assert cell.optimizer in fault.optimizers
        assert fault.classes in {None, bool(table.classes)}
        assert not fault.tables or cell.table in fault.tables


def test_a_third_of_the_seeds_and_three_tables_are_sealed():
    assert sum(table.sealed for table in tables.TABLES) == 3
    assert {bool(table.classes) for table in tables.TABLES if table.sealed} == {True, False}
    assert len(SEALED_SEEDS) / len(SEEDS) >= 1 / 3
    for cell in CELLS:
        sealed = tables.BY_NAME[cell.table].sealed
        assert [cell.sealed(seed) for seed in SEEDS] == [sealed or seed in SEALED_SEEDS for seed in SEEDS]
    assert not any(cell.sealed(0) for cell in design.small())


def test_the_codes_of_the_faults_are_codes():
    assert all(code.startswith("BL") and len(code) == 5 for fault in faults.FAULTS for code in fault.codes)
    assert all(fault.codes for fault in faults.FAULTS)


@pytest.mark.parametrize("table", tables.TABLES, ids=lambda table: table.name)
def test_tables_give_standardized_rows_that_do_not_overlap(table):
    rows = table.rows(1)
    assert (len(rows.X), len(rows.X_validation), len(rows.X_clean)) == table.sizes
    varied = rows.X.std(axis=0) > 0
    np.testing.assert_allclose(rows.X.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(rows.X.std(axis=0)[varied], 1)
    again, other = table.rows(1), table.rows(2)
    np.testing.assert_array_equal(rows.X, again.X)
    assert not np.array_equal(rows.X, other.X)
    if table.classes:
        for y in (rows.y, rows.y_validation, rows.y_clean):
            assert set(np.unique(y)) == set(range(table.classes))
    else:
        np.testing.assert_allclose([rows.y.mean(), rows.y.std()], [0, 1], atol=1e-9)


# ---------------------------------------------------------------------------------------------------------------- twins


def differing(one, other):
    """Name the fields of two records that differ."""
    pairs = zip(msgspec.structs.astuple(one), msgspec.structs.astuple(other), strict=True)
    return {
        name
        for name, (a, b) in zip(one.__struct_fields__, pairs, strict=True)
        if not (np.array_equal(a, b) if isinstance(a, np.ndarray) and isinstance(b, np.ndarray) else a == b)
    }


CHANGES = {
    "unscaled inputs": {"X", "X_validation", "X_clean"},
    "one input of another scale": {"X", "X_validation", "X_clean"},
    "leaked column": {"X", "X_validation", "X_clean"},
    "duplicates across the split": {"X_validation", "y_validation"},
    "shuffled labels": {"y", "y_validation"},
    "noisy labels": {"y", "y_validation"},
    "imbalance": {"balanced"},
    "output out of reach": {"output"},
    "squashed odds": {"output", "loss"},
    "loss that does not fit": {"output", "loss"},
    "relu output": {"output", "loss", "output_bias"},
    "large targets": {"y", "y_validation", "unit"},
    "equal initial weights": {"start"},
    "large initial weights": {"scale"},
    "vanishing gradient": {"hidden", "activation"},
    "dead relu": {"bias"},
    "saturated start": {"scale", "activation"},
    "no non-linearity": {"activation"},
    "rate too small": {"rate"},
    "rate too large": {"rate"},
    "rate far too large": {"rate"},
    "rate that falls too fast": {"decay"},
    "clipping": {"clip_norm"},
    "clipping that adam undoes": {"clip_norm"},
    "batch of all rows": {"batch_size"},
    "batch of one row": {"batch_size"},
    "too few epochs": {"epochs"},
    "impatient stopping": {"patience", "tolerance"},
    "overfitting": {"hidden", "epochs", "l2", "patience", "keep_best"},
    "too few units": {"hidden"},
    "dropout too strong": {"dropout"},
    "penalty too strong": {"l2"},
}
"""What each fault may change; the clean targets never."""


@pytest.mark.parametrize("cell", FIRST, ids=lambda cell: cell.fault)
def test_a_fault_changes_the_planted_thing_alone(cell):
    strong = msgspec.structs.replace(cell, dose=2)
    (recipe, rows), (planted, given) = strong.twin(0), strong.faulty(0)
    changed = differing(recipe, planted) | differing(rows, given)
    assert changed
    assert changed <= CHANGES[cell.fault]
    same, again = strong.faulty(0)
    assert not differing(planted, same) | differing(given, again)


def test_every_fault_says_what_it_may_change():
    assert set(CHANGES) == set(faults.BY_NAME)


@pytest.mark.parametrize("cell", FIRST, ids=lambda cell: cell.fault)
def test_both_twins_can_be_built(cell):
    for recipe, rows in (cell.twin(0), cell.faulty(0)):
        training = recipe.training(rows, 0)
        assert training.X.shape[0] == len(rows.y)
        assert training.seed == 0


def test_the_names_of_cells_lead_back_to_them():
    assert [design.by_name(cell.name) for cell in CELLS[::7]] == CELLS[::7]
    for name in ("nothing", "nothing/0/wine/16 relu/adam", "dead relu/0/wine/17 relu/adam"):
        with pytest.raises(ValueError, match="expected one such as"):
            design.by_name(name)


# ---------------------------------------------------------------------------------------------------------------- truth


@pytest.mark.parametrize(
    ("twins", "faulty", "harmful"),
    [
        ([0.9, 0.9, 0.8, 0.9, 0.85], [0.5, 0.5, 0.4, 0.6, 0.5], True),
        ([0.9, 0.9, 0.9, 0.9, 0.9], [0.88, 0.88, 0.88, 0.88, 0.88], False),  # certain, but 2 % of the gap
        ([0.9, 0.9, 0.9, 0.9, 0.9], [0.9, 0.1, 0.9, 0.9, 0.9], False),  # large, but of one seed
        ([0.5, 0.5, 0.5, 0.5, 0.5], [0.8, 0.8, 0.8, 0.8, 0.8], False),  # better than the twins
        ([0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0], False),
        ([0.5, 0.6, 0.7, 0.5, 0.6], [0.0, 0.0, 0.0, 0.0, 0.0], True),
    ],
)
def test_harm_is_above_chance_and_above_a_share(twins, faulty, harmful):
    assert truth.truth_of(twins, faulty).harmful is harmful


def test_harm_in_numbers():
    found = truth.truth_of([0.8, 0.6], [0.4, 0.3])
    assert found.harm == pytest.approx(0.35)
    assert found.error == pytest.approx(0.05)
    assert found.share == pytest.approx(0.5)


def network_of(cell, seed=0):
    recipe, rows = cell.twin(seed)
    return recipe.training(rows, seed).network, rows


def test_scores_are_shares_of_the_baselines_error():
    network, rows = network_of(Cell(NO_FAULT, 0, "linear", "16 relu", "adam"))
    perfect, mean = rows.y_clean[:, None], np.full((len(rows.y_clean), 1), rows.y_clean.mean())
    assert truth.score_of_outputs(network, perfect, rows) == 1.0
    assert truth.score_of_outputs(network, mean, rows) == pytest.approx(0.0, abs=1e-12)
    assert truth.score_of_outputs(network, (perfect + mean) / 2, rows) == pytest.approx(0.75)
    assert truth.score_of_outputs(network, 50 * perfect, rows) == 0.0
    assert truth.score_of_outputs(network, 7 * perfect, rows, unit=7.0) == 1.0
    assert truth.score_of_outputs(network, np.full_like(perfect, np.nan), rows) == 0.0


def test_scores_of_classes_are_briers():
    network, rows = network_of(Cell(NO_FAULT, 0, "wine", "16 relu", "adam"))
    perfect = np.eye(3)[rows.y_clean.astype(int)]
    shares = np.tile(perfect.mean(axis=0), (len(perfect), 1))
    assert truth.score_of_outputs(network, perfect, rows) == 1.0
    assert truth.score_of_outputs(network, shares, rows) == pytest.approx(0.0, abs=1e-12)
    assert truth.score_of_outputs(network, 5 * perfect, rows) == 1.0  # outputs are divided by their sum
    broken = perfect.copy()
    broken[0] = np.nan
    assert truth.score_of_outputs(network, broken, rows) == 0.0


def test_odds_become_probabilities():
    recipe, rows = Cell("squashed odds", 2, "wine", "16 relu", "adam").faulty(0)
    network = recipe.network(rows.X.shape[1], rows.classes, 0)
    shares = truth.probabilities(network, np.log([[0.2, 0.3, 0.5]]))
    np.testing.assert_allclose(shares, [[0.2, 0.3, 0.5]])


def test_large_targets_are_judged_in_the_unit_of_the_clean_ones():
    cell = Cell("large targets", 2, "linear", "16 relu", "adam")
    recipe, rows = cell.faulty(0)
    network = recipe.network(rows.X.shape[1], 0, 0)
    assert truth.score_of_outputs(network, 1e4 * rows.y_clean[:, None], rows, rows.unit) == 1.0


def test_the_part_of_a_gap_that_is_closed():
    assert truth.closed(0.9, 0.1, 0.9) == 1.0
    assert truth.closed(0.9, 0.1, 0.1) == 0.0
    assert truth.closed(0.9, 0.5, 0.3) == -0.5
    assert truth.closed(0.5, 0.5, 0.9) == 0.0


def test_the_command_changes_no_environment_where_it_is_imported(monkeypatch):
    monkeypatch.delenv("BACKLIT_THREADS", raising=False)
    import bench.diagnosis.__main__ as command

    importlib.reload(command)
    assert "BACKLIT_THREADS" not in os.environ
