"""`backlit.diagnose`: what it takes, what it refuses, and that a table's columns stand in its changes."""

import numpy as np
import pandas as pd
import pytest

import backlit as bl
from backlit.diagnose import Change, Compared, Diagnosis, Finding, Remedy
from backlit.model import Settings
from backlit.sources.diagnosing import is_network_file, trained_case, with_table_columns

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
    assert list(case.made_of) == ["a", "b", "colour", "colour", "colour"]


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
    assert case.made_of == ()


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
    assert "the targets are all the same" in str(found).replace("\n", " ")


def test_a_change_that_leaves_inputs_out_names_the_columns_that_they_are_made_of():
    change = Change("leave out inputs", (2, 3, 0), "without some", "--ignore colour=blue,colour=green,a", "np.delete")
    rate = Change("rate", 0.1, "rate 0.1", "--rate 0.1", "rate=0.1")
    finding = Finding(code="BL103", name="leak", place="", measure="", measured=None, threshold=None, healthy="",
                      why="", remedies=(Remedy("", (change, rate)),))  # fmt: skip
    compared = Compared(training=1, training_rows=1, reference=1, reference_what="", linear=1, gap=None, errors=None,
                        rows=1, held_out=True)  # fmt: skip
    record = Diagnosis(what="", stopped="", harmed=True, compared=compared, findings=(finding,), kept=(change,))
    found = with_table_columns(record, ["a", "b", "the colour", "the colour"])
    first, second = found.findings[0].remedies[0].changes
    assert first.option == "--ignore 'the colour' --ignore a" == found.kept[0].option
    assert first.python == "Settings(ignore=('the colour', 'a'))"
    assert second == rate
