"""`backlit.diagnose`: what it takes, what it refuses, and that a table's columns stand in its changes."""

import re

import numpy as np
import pandas as pd
import pytest

import backlit as bl
from backlit.diagnose.case import Case
from backlit.diagnose.naming import TableNames
from backlit.diagnose.plan import Plan
from backlit.model import Settings
from backlit.sources.diagnosing import is_network_file, trained_case

SLOW = Settings(layers=(8,), activation="tanh", l2=0.01, rate=1e-6, epochs=60)


@pytest.fixture(scope="module")
def table():
    random = np.random.default_rng(3)
    X = random.normal(size=(300, 2))
    colour = random.choice(["red", "blue", "green"], 300)
    y = np.where(X[:, 0] + (colour == "red") + 0.3 * random.normal(size=300) > 0.3, "yes", "no")
    return pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "colour": colour, "y": y})


def test_a_table_is_trained_as_fit_table_does_it_but_for_the_first_fold(table):
    case = trained_case(table, "y", SLOW)
    training = case.training
    assert len(training.X) + len(training.validation[0]) == 240  # 60 are the test rows
    assert len(training.validation[0]) == 48
    assert training.optimizer.rate == 1e-6
    assert list(case.columns) == ["a", "b", "colour=blue", "colour=green", "colour=red"]
    assert list(case.table.made_of) == ["a", "b", "colour", "colour", "colour"]


def test_a_table_without_validation_is_trained_for_all_its_epochs(table):
    case = trained_case(table, "y", Settings(layers=(4,), epochs=3, validation=0))
    assert case.training.validation is None
    assert len(case.training.history) == 3


def test_a_table_is_diagnosed(table):
    found = bl.diagnose(table, "y", settings=SLOW)
    assert found.record.harmed
    assert [finding.code for finding in found.findings][:1] == ["BL401"]


def test_a_training_on_a_table_that_diverges_is_diagnosed_too(table):
    case = trained_case(table, "y", Settings(layers=(8,), optimizer="sgd", rate=1e30, epochs=5, activation="relu"))
    assert case.training.stopped.startswith("diverged")


def test_a_network_file_runs_its_first_run():
    case = trained_case("xor")
    assert case.columns == ("i1", "i2") or len(case.columns) == 2
    assert case.training.stopped
    assert case.table is None


def test_test_rows_of_a_network_file_validate_without_changing_its_training():
    from backlit.examples import example_file, read_network_file

    own = read_network_file(example_file("iris-from-scratch"))
    training = own.training(own.build()).run()
    case = trained_case("iris-from-scratch")
    assert (case.training.validation is not None) == bool(len(own.setups[0].held_out()[0]))
    assert np.array_equal(case.training.network.parameters, training.network.parameters)


@pytest.mark.parametrize(
    ("source", "expected"),
    [("xor", True), ("mine.toml", True), ("iris", False), ("mine.csv", False), ("nothing", False), (3, False)],
)
def test_a_network_file_is_told_from_a_table(source, expected):
    assert is_network_file(source) is expected


def test_a_file_with_the_name_of_an_example_is_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "xor").write_text("a,b\n1,2\n")
    assert not is_network_file("xor")


NETWORK = bl.Network([bl.Dense(1)], 1, "mse", seed=0)
TRAINING = bl.Training(NETWORK, [[1.0], [2.0], [3.0]], [1.0, 2.0, 3.5], epochs=2, compiled=False)
RUN = bl.Training(NETWORK.copy(), [[1.0], [2.0], [3.0]], [1.0, 2.0, 3.5], epochs=2, compiled=False).run()


@pytest.mark.parametrize(
    ("arguments", "given", "message"),
    [
        ((NETWORK,), {}, "was given a Network, which does not say how it was trained; give the training"),
        ((bl.MLPClassifier(),), {}, "MLPClassifier; an estimator does not keep its training"),
        ((TRAINING,), {}, "has not run yet"),
        ((TRAINING, "y"), {}, "target does not go with a training"),
        ((TRAINING,), {"settings": Settings()}, "settings does not go with a training"),
        (("xor", "y"), {"settings": Settings()}, "target and settings do not go with a network file"),
        (("iris",), {"columns": ["a"]}, "columns does not go with a source that is no training"),
        (("iris",), {"settings": {"layers": 3}}, "settings is dict; expected backlit.model.Settings"),
        ((RUN,), {"columns": ["a", "b"]}, "columns is 2 names; expected a list of 1 name, one for each input"),
        ((RUN,), {"columns": "a"}, "columns is 'a'; expected a list of 1 name"),
        (("nothing.csv", "y"), {}, 'No file "nothing.csv"'),
        (([[1.0]],), {}, "list"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(arguments, given, message):
    with pytest.raises(bl.BacklitError, match=message):
        bl.diagnose(*arguments, **given)


def test_targets_that_are_all_the_same_are_a_finding():
    training = bl.Training(NETWORK.copy(), [[1.0], [2.0]], [1.0, 1.0], epochs=1, compiled=False).run()
    found = bl.diagnose(training)
    assert found.findings[0].code == "BL203"
    assert found.record.compared.reference is None
    assert found.record.compared.training is None
    assert len(found.findings) == 1
    told = " ".join(str(found).split())
    assert "The targets are all the same, of 2 training rows too: there is nothing to compare." in told


def test_all_epochs_that_the_choice_looks_at_are_made_so_that_a_healthy_table_is_not_called_ill():
    random = np.random.default_rng(1)  # two moons, of which patience saw the first plateau only
    angle = np.pi * random.random(400)
    y = np.arange(400) % 2
    X = np.stack([np.cos(angle), np.sin(angle)], axis=1) * np.where(y, -1, 1)[:, None] + np.where(
        y[:, None], [1, 0.5], 0
    )
    moons = pd.DataFrame(X + 0.25 * random.normal(size=X.shape), columns=["a", "b"]).assign(y=np.where(y, "u", "v"))
    case = trained_case(moons, "y", Settings(layers=(64,), activation="gelu", l2=0.003))
    assert case.training.stopped == f"all {len(case.training.history)} epochs done"
    assert case.training.best.number > 100
    assert case.training.keep_best


def test_findings_name_columns_classes_and_rows_as_the_table_does(table):
    yes = table.y == "yes"
    honest = {f"c{k}": table.a + np.random.default_rng(k).normal(size=300) for k in range(6)}
    leaky = table.assign(**{"the code": np.where(yes, "A", "B"), "-x": 1.5 * yes - 0.1}, **honest)
    found = bl.diagnose(leaky, "y", settings=SLOW, compare=False)
    leak = next(finding for finding in found.findings if finding.code == "BL103")
    assert leak.place == "the code, -x"
    assert leak.remedies[0].words == "train without the code, -x"
    (change,) = leak.remedies[0].changes
    assert change.option == "--ignore 'the code' --ignore=-x"
    assert change.python == "Settings(ignore=('the code', '-x'))"
    assert "BL103" in found.record.untried
    again = pd.concat([table, table.iloc[:150]], ignore_index=True)
    again.loc[5, "y"] = None  # a row without a target counts in the numbers of the rows
    twice = next(f for f in bl.diagnose(again, "y", settings=SLOW, compare=False).findings if f.code == "BL104")
    judged, trained = map(int, re.search(r"row (\d+) of the table is the same as row (\d+) of", twice.place).groups())
    assert abs(judged - trained) == 300  # 1 for the first row
    assert again.iloc[judged - 1].equals(again.iloc[trained - 1])


def test_a_rare_class_has_its_name(table):
    names = TableNames(["a"], ("no", "yes"), np.array([4, 2]), np.array([7]))
    training = bl.Training(NETWORK.copy(), [[1.0], [2.0], [3.0]], [1.0, 2.0, 3.5], epochs=1, compiled=False).run()
    case = Case(training, Plan.of(training), table=names)
    assert case.class_name(1) == 'class "yes"'
    assert (case.rows_named([1, 0]), case.rows_named([0], held_out=True)) == (
        "rows 2, 4 of the table", "row 7 of the table",
    )  # fmt: skip
    plain = Case(training, Plan.of(training))
    assert (plain.class_name(1), plain.rows_named([1])) == ("class 1", "training row at index 1")
