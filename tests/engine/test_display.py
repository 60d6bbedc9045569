"""Objects show themselves through the table of drawers, which `backlit` fills and the engine alone does without."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

import backlit as bl
from backlit.engine.display import Displayed, Summary, drawers


def network() -> bl.Network:
    return bl.Network([bl.Dense(3, "relu", freeze=("b",)), bl.Dropout(0.5), bl.Dense(2, "softmax")], 4, "cross_entropy")


def test_a_network_is_printed_as_a_table():
    assert str(network()).splitlines() == [
        "network of 4 inputs",
        "  layer  what         output  parameters",
        "  1      3 relu            3          15",
        "  2      dropout 0.5       3           0",
        "  3      2 softmax         2           8",
        "loss cross_entropy; 23 parameters in float64, 3 of them frozen",
    ]
    assert str(network().summary()) == str(network())


def test_a_training_its_history_and_a_check_are_printed_as_tables():
    training = bl.Training(
        network(), [[0.0, 1.0, 2.0, 3.0]] * 4, [0, 1, 1, 0], epochs=12, validation=([[1.0] * 4], [1])
    )
    assert str(training).splitlines()[:2] == [
        "training",
        "  network    Network(4 -> 3 relu -> dropout 0.5 -> 2 softmax; cross_entropy; 23 parameters, float64)",
    ]
    assert "loss" not in str(training)
    training.run()
    told = dict(line.split(None, 1) for line in str(training).splitlines()[3:])
    assert told["loss"] == f"{training.history[-1].loss:.9g}"
    assert told["stopped"] == "all 12 epochs done"
    lines = str(training.history).splitlines()
    assert lines[0] == "12 epochs"
    assert lines[1].split() == ["epoch", "loss", "validation", "loss", "rate"]
    best = training.history.lowest()
    assert best is not None
    shown = [line.split()[0] for line in lines[2:]]
    assert [int(number) for number in shown if number != "..."] == sorted({*range(1, 6), *range(8, 13), best.number})
    assert [line.split()[0] for line in lines if "best" in line] == [str(best.number)]
    assert f"{training.history[-1].validation_loss:.9g}" in lines[-1]
    assert repr(training).startswith("<Training of Network(4 -> 3 relu")
    check = bl.gradcheck(network(), [[0.0, 1.0, 2.0, 3.0]], [1])
    assert str(check).splitlines()[-1].startswith("passed: worst relative error")
    for shown in (training, training.history, check):
        assert "display:table" in shown._repr_html_()


METRICS = ["accuracy", "log_loss"]


def test_a_training_with_metrics_shows_the_last_ones():
    training = bl.Training(
        network(), [[0.0, 1.0, 2.0, 3.0]] * 4, [0, 1, 1, 0], epochs=2, metrics=["accuracy", "log_loss"]
    )
    assert "accuracy" not in str(training)
    training.run()
    (told,) = (line.split() for line in str(training).splitlines() if "accuracy" in line)
    assert told == ["accuracy", f"{training.history[-1].accuracy:.6g}"]
    assert f"log loss    {training.history[-1].log_loss:.6g}" in str(training)


@pytest.mark.parametrize(
    ("epochs", "told"), [(0, "no epochs asked for"), (1, "1 epoch done"), (2, "all 2 epochs done")]
)
def test_the_end_is_told_in_good_grammar(epochs, told):
    training = bl.Training(network(), [[0.0, 1.0, 2.0, 3.0]] * 4, [0, 1, 1, 0], epochs=epochs, compiled=False)
    assert training.run().stopped == told


def test_a_notebook_is_given_html_with_names_escaped():
    html = network()._repr_html_()
    assert html is not None
    assert html.count("display:table-row;") + html.count('display:table-row"') == 4
    assert "3 relu" in html


def test_a_record_that_nothing_draws_shows_itself_as_python_does():
    class Unknown(Summary, msgspec.Struct, frozen=True):
        number: int

    class Thing(Displayed):
        def summary(self) -> Unknown:
            return Unknown(3)

        def __repr__(self) -> str:
            return "a thing"

    assert (str(Thing()), Thing()._repr_html_()) == ("a thing", None)
    assert str(Unknown(3)).endswith("Unknown(number=3)")


def test_the_table_is_filled_by_the_package_and_show_is_imported_when_first_needed():
    assert set(drawers) == {"text", "html", "line"}
    code = (
        "import sys, backlit; early = 'backlit.show.summary_tables' in sys.modules;"
        "str(backlit.Network([backlit.Dense(1)], 1)); print(early, 'backlit.show.summary_tables' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "True"]


def test_one_of_a_thing_is_in_the_singular():
    network = bl.Network([bl.Dense(1, bias=False)], inputs=1)
    assert "; 1 parameter, float64" in repr(network)
    training = bl.Training(network, [[1.0]], [[1.0]], epochs=1, compiled=False)
    assert repr(training).endswith("0 of 1 epoch>")
    assert training.run().stopped == "1 epoch done"
    with pytest.raises(bl.BacklitError, match="expects rows of 1 input:"):
        network.predict([[1.0, 2.0]])
