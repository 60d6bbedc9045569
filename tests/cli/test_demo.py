"""`backlit demo`: its output."""

import json

import pytest

from backlit.cli.demo import demo
from backlit.errors import BacklitError
from backlit.examples.running import NAMES


def shown(capsys, *arguments, **options):
    demo(*arguments, **options)
    return capsys.readouterr().out


def words(text):
    return " ".join(text.split())


def test_without_a_name_the_examples_are_listed_a_line_each(capsys):
    lines = shown(capsys).splitlines()
    assert [line.split()[0] for line in lines[: len(NAMES)]] == list(NAMES)
    assert lines[len(NAMES) :] == ["", "Run one with its name, such as: backlit demo two-layer"]


@pytest.mark.parametrize("name", NAMES)
def test_a_run_fits_eighty_columns_and_shows_every_part(capsys, name):
    text = shown(capsys, name, epochs=12)
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    lessons = dict.fromkeys(
        (
            "valley",
            "vanishing",
            "exploding",
            "overfitting",
            "rate",
            "dead-relu",
            "digits-convolution",
            "memory",
            "residual",
        ),
        ("┐", "The error E"),
    )
    lacks = {"descent": ("┐",), "recurrent": ("┐",), **lessons}.get(name, ())
    for part in ("Network ", "Error ", "Training ", "The error E", "┐"):
        assert part in text or part in lacks


def test_a_run_from_start_to_end(capsys):
    text = words(shown(capsys, "two-layer"))
    for expected in (
        "Network 2 inputs -> 2 sigmoid -> 2 sigmoid; 12 parameters, 4 of them not trained",
        "Training sgd (rate 0.5); 1 row, one update per epoch",
        "w(i1,h1) w1 0.150000000 0.378509988",
        "b(h1) b1 0.350000000 not trained",
        "0 0.298371109 1 0.291027774",
        "0.99 o2 0.772928465 0.984064274",
        "0 E 0.298371109 0.2983711088 9 digits equal",
        "1 E 0.291027924 0.2910277737 differs (1)",
        "(1) the page's hidden slopes were computed with the output weights already updated",
    ):
        assert expected in text


def test_a_class_that_is_never_predicted_is_named(capsys):
    assert "never predicted: versicolor" in shown(capsys, "iris-from-scratch")


def test_descents_are_drawn_side_by_side(capsys):
    text = shown(capsys, "descent", epochs=20)
    for title in ("E over the epochs", "E over the time", "The accuracy over the epochs"):
        assert f"{title}\n  ● batch   ○ mini-batch   + stochastic\n" in text
    assert words(text).count("run rows per update") == 1


def test_figures_beyond_the_last_epoch_are_not_reached(capsys):
    assert "9,999 E 0.0000351085481 not reached" in words(shown(capsys, "two-layer", epochs=1))


def test_no_epochs_at_all(capsys):
    assert "after 0 epochs" in shown(capsys, "xor", epochs=0)


def test_json_holds_all_of_it(capsys):
    run = json.loads(shown(capsys, "linear", json=True, plain=True))
    assert (run["name"], run["compiled"]) == ("linear", False)
    assert run["runs"][0]["errors"][1]["error"] == pytest.approx(0.2769571714)
    assert [example["name"] for example in json.loads(shown(capsys, json=True))] == list(NAMES)


def test_a_network_file_of_your_own(capsys, tmp_path):
    (tmp_path / "mine.toml").write_text(
        "[network]\ninputs = 1\n[[network.layers]]\nunits = 40\n[[network.layers]]\nunits = 1\n"
        "[data]\ninputs = [[1], [2]]\ntargets = [1, 2]\n[training]\nepochs = 2\n"
    )
    text = shown(capsys, str(tmp_path / "mine.toml"))
    assert text.startswith("mine\n")
    assert "too many to list here" in text


def test_an_unknown_name_names_the_nearest():
    with pytest.raises(BacklitError, match="unknown example 'two-layers'; did you mean 'two-layer'"):
        demo("two-layers")


def test_demo_counts_epochs_alone(capsys):
    """Of `explain`, --steps is a number of updates."""
    from backlit.cli import main

    assert main(["demo", "two-layer", "--steps", "2"]) == 2
    assert "Did you mean --epochs?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("ending", "begins"), [("html", "<!DOCTYPE html>"), ("txt", "Two inputs"), ("json", '{"name"')]
)
def test_a_demo_is_written_to_a_file(capsys, tmp_path, ending, begins):
    path = tmp_path / f"out.{ending}"
    assert shown(capsys, "linear", plain=True, output=path) == f"Demo written to {path}.\n"
    assert (tmp_path / f"out.{ending}").read_text(encoding="utf-8").startswith(begins)


@pytest.mark.parametrize(
    ("name", "output", "message"),
    [
        ("linear", "out.png", r"does not end in \.html or \.txt or \.json"),
        (None, "out.html", "--output writes one demo; name it too"),
        ("linear", "no/such/out.html", "does not exist"),
    ],
)
def test_an_output_that_cannot_be_is_refused_before_any_work(tmp_path, name, output, message):
    with pytest.raises(BacklitError, match=message):
        demo(name, output=tmp_path / output)
    assert not list(tmp_path.iterdir())


def test_an_accuracy_is_shown_of_classes_alone(capsys):
    text = shown(capsys, "xor", epochs=40)
    assert "after epoch E accuracy ─" in words(text)
    assert "0 0.653364305 0.5000 1 0.644925815 0.5000" in words(text)
    assert "\n  accuracy  ▄" in text
    assert "E on a logarithmic scale, accuracy from 0 to 1" in text
    assert "accuracy" not in shown(capsys, "two-layer", epochs=40)
    assert "after epoch E accuracy of test rows ─" in words(shown(capsys, "iris-from-scratch", epochs=20))


def test_json_has_accuracies_boundaries_and_the_lesson(capsys):
    runs = json.loads(shown(capsys, "gates", epochs=2, json=True))["runs"]
    assert [at["accuracy"] for at in runs[0]["errors"]] == [0.5, 0.5, 0.5]
    assert [run["boundary"] is not None for run in runs] == [True, True, True, False, *[True] * 4]  # NOT has one input
    valley = json.loads(shown(capsys, "valley", epochs=2, json=True))
    assert valley["lesson"]["slopes"] == [-2.0, 0.25]
    assert [part["shows"] for part in valley["parts"]][-1] == ["rows", "descents"]


@pytest.mark.parametrize(("name", "lines"), [("xor", 4), ("gates", 0)])
def test_the_regions_of_two_inputs_are_drawn_with_the_hidden_units_lines(capsys, name, lines):
    text = shown(capsys, name, epochs=50)
    assert text.count("Decision boundary") == (7 if name == "gates" else 1)
    assert ("a hidden unit's net input is 0" in text) == (lines > 0)


def test_a_network_file_with_validation_rows_shows_their_error_and_whose_weights_are_kept(capsys, tmp_path):
    (tmp_path / "mine.toml").write_text(
        '[network]\ninputs = 4\nloss = "cross_entropy"\n[[network.layers]]\nunits = 6\nactivation = "tanh"\n'
        '[[network.layers]]\nunits = 3\nactivation = "softmax"\n[data]\nset = "iris"\nscale = "standard"\n'
        "split = { validation = 30, test = 40, seed = 0 }\n[training]\nepochs = 400\npatience = 20\n"
        'optimizer = { op = "adam", rate = 0.03 }\n'
    )
    text = words(shown(capsys, str(tmp_path / "mine.toml")))
    assert "Held out 30 rows for validation and 40 rows for testing" in text
    record = json.loads(shown(capsys, str(tmp_path / "mine.toml"), json=True))["runs"][0]
    kept, last = record["kept"], record["errors"][-1]
    assert kept["epoch"] == record["epochs"] - 20
    assert f"the weights are those of epoch {kept['epoch']}, where the error was lowest" in text
    assert f"{last['error']:.9f} {last['validation_error']:.9f} {last['accuracy']:.4f}" in text
    assert record["training_accuracy"] == kept["accuracy"]
    assert f"after {kept['epoch']} epochs" in text  # the predictions are those of the weights that are kept
