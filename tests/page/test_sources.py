"""What the page trains on: models, network files on tables, runs; the copied command gives each source again."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cyclopts import App
from pyarrow import csv

from backlit.cli.page import page as page_command
from backlit.data import read_table
from backlit.errors import BacklitError
from backlit.model import Settings, TabularModel, fit_table, load, save
from backlit.model.held_out import held_out_rows
from backlit.page.panels.address import AddressPanel
from backlit.page.panels.build import BuildPanel
from backlit.page.panels.source import ColumnsPanel, SourcePanel
from backlit.page.panels.step import StepPanel
from backlit.page.session import Session
from backlit.page.sources import source_of

KINDS = (SourcePanel, ColumnsPanel, BuildPanel, StepPanel, AddressPanel)

LAYERS = '[[network.layers]]\nunits = 4\nactivation = "relu"\n'
RUNS = """
title = "Two rates"
[network]
inputs = 1
layers = [{ units = 1 }]
[data]
inputs = [[1.0], [2.0], [3.0]]
targets = [[2.0], [4.0], [6.0]]
[[runs]]
name = "slow one"
training = { optimizer = { op = "sgd", rate = 0.01 }, epochs = 5 }
[[runs]]
name = "fast"
training = { optimizer = { op = "sgd", rate = 0.1 }, epochs = 7 }
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the models of two tables and one of no table."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("iris", "diabetes"):
        model, _ = fit_table(name, settings=Settings(layers=(5,), epochs=3, rate=0.01, l2=0.001))
        save(model, folder / f"{name}.safetensors")
    save(source_of("two-layer").design.setup().build(), folder / "alone.safetensors")
    return folder


@pytest.fixture
def folder(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder of its own with the models and files, which is the current one."""
    for path in models.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "layers.toml").write_text(LAYERS)
    (tmp_path / "runs.toml").write_text(RUNS)
    rows = "".join(f"{k},{k % 5},{3 * k % 7},{'yes' if k % 3 else 'no'}\n" for k in range(60))
    (tmp_path / "houses.csv").write_text(f"size,-b,rooms,answer\n{rows}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ------------------------------------------------------------------------------------------------------------- models


@pytest.mark.parametrize("name", ["iris", "diabetes"])
def test_a_model_begins_at_its_own_weights_and_reset_goes_back_to_them(folder: Path, name: str) -> None:
    model = load(f"{name}.safetensors")
    session = Session(source_of(f"{name}.safetensors", data=name), KINDS)
    assert np.array_equal(session.training.network.parameters, model.network.parameters)
    assert session.training.network.dtype == model.network.dtype
    table = session.source.table
    assert table is not None
    for which in ("training", "validation"):
        rows = table.table.take(table.of(which))  # type: ignore[arg-type]
        X, _ = session.source.rows(which)  # type: ignore[arg-type]
        predicted = TabularModel(session.training.network, table.encoder).decode(session.training.network.predict(X))
        assert np.array_equal(predicted, model.predict(rows))
    session.training.advance(updates=3)
    assert not np.array_equal(session.training.network.parameters, model.network.parameters)
    session.reset()
    assert np.array_equal(session.training.network.parameters, model.network.parameters)
    assert session.training.optimizer.rate == pytest.approx(0.01)  # type: ignore[attr-defined]


def test_other_units_and_seeds_draw_weights_and_other_activations_keep_them(folder: Path) -> None:
    first = load("iris.safetensors").network.parameters
    session = Session(source_of("iris.safetensors", data="iris"), KINDS)

    def begins(name: str, text: str) -> tuple[bool, bool]:
        session.do("build.change", {"name": name, "text": text})
        own = session.training.network.parameters
        html = session.draw(("source",))[1]["source"].html
        return own.shape == first.shape and np.array_equal(own, first), "It begins at the weights of iris" in html

    assert begins("layers.0.activation", "relu") == (True, True)
    assert begins("l2", "0.5") == (True, True)
    assert begins("network.seed", "3") == (False, False)
    assert begins("network.seed", "0") == (True, True)
    assert begins("layers.0.weights", '{"op":"he_normal"}') == (False, False)
    assert begins("layers.0.weights", "") == (True, True)
    assert begins("layers.0.units", "6") == (False, False)


def test_rows_of_the_models_own_table_are_divided_as_its_training_did(folder: Path) -> None:
    source = source_of("iris.safetensors", data="iris")
    report = load("iris.safetensors").report
    assert source.table is not None
    assert np.array_equal(source.table.rows["test"], held_out_rows(report, read_table("iris")))
    parts = [source.table.of("training"), source.table.of("validation"), source.table.rows["test"]]
    assert sorted(np.concatenate(parts)) == list(range(150))
    assert [len(part) for part in parts] == [96, 24, 30]
    assert "It has learned from the validation rows, too" in source.told[0]


def test_rows_of_another_table_are_divided_anew(folder: Path) -> None:
    csv.write_csv(read_table("iris").take(range(140)).arrow, "mine.csv")
    source = source_of("iris.safetensors", data="mine.csv")
    assert (len(source.X), len(source.rows("validation")[0]), source.kept) == (84, 28, 28)
    assert source.told[0] == (
        "These are not the rows that the model has learned from, which were 150 rows of iris."
    )  # fmt: skip
    assert source.title == "iris.safetensors on mine.csv"


def test_what_the_training_rows_of_the_model_did_not_have_is_said(folder: Path) -> None:
    rows = "".join(f"{k / 9},3,{'' if k == 4 else 1},1,{'' if k < 2 else 'setosa'}\n" for k in range(20))
    head = "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm),species\n"
    Path("odd.csv").write_text(head + rows)
    source = source_of("iris.safetensors", data="odd.csv")
    assert any("petal length (cm)" in one and "missing" in one for one in source.told)
    assert source.told[-1] == "2 rows without a target left out."


MISFITS = [
    (("iris.safetensors",), {}, r"holds the model of a table: give the rows .* backlit page iris\.safetensors --data "
     "iris"),
    (("iris.safetensors",), {"data": "wine"}, 'wine has no column "species", the target'),
    (("iris.safetensors",), {"data": "houses.csv"}, 'houses.csv has no column "species"'),
    (("iris.safetensors", "petal width (cm)"), {"data": "iris"}, 'iris.safetensors predicts "species"'),
    (("iris.safetensors",), {"data": "iris", "run": "a"}, "--run does not go with iris.safetensors, a model file"),
    (("iris.safetensors",), {"data": "none.csv"}, 'No file "none.csv"'),
    (("none.safetensors",), {"data": "iris"}, 'No model file "none.safetensors"'),
    (("alone.safetensors",), {"data": "iris"}, "holds a network alone: it does not say how the columns of a table"),
    (("alone.safetensors",), {"data": "iris-from-scratch"}, "alone.safetensors expects 2 inputs; a row of .* has 4"),
    (("iris",), {"data": "wine"}, "--data does not go with iris, which is a table itself"),
    (("xor", "y"), {}, "--target does not go with xor, which has rows of its own"),
    (("layers.toml",), {}, r"layers\.toml has no rows to train on: give a table with --data, such as backlit page "
     r"layers\.toml --data table\.csv"),
    (("layers.toml",), {"data": "houses.csv", "run": "a"}, "--run does not go with --data"),
    (("runs.toml",), {"run": "fats"}, "unknown run 'fats'; did you mean 'fast'"),
    (("xor",), {"run": "a"}, "xor has one run, without a name"),
    (("houses.csv", "nix"), {}, 'No column "nix" in houses.csv'),
]  # fmt: skip


@pytest.mark.parametrize(("given", "more", "words"), MISFITS)
def test_what_does_not_fit_is_said(folder: Path, given: tuple[str, ...], more: dict[str, str], words: str) -> None:
    with pytest.raises(BacklitError, match=words):
        source_of(*given, **more)


def test_a_column_that_the_model_needs_is_asked_for_in_the_words_of_predict(folder: Path) -> None:
    Path("short.csv").write_text("sepal length (cm),species\n5,setosa\n6,virginica\n")
    with pytest.raises(BacklitError) as of_predict:
        load("iris.safetensors").predict("short.csv")
    with pytest.raises(BacklitError) as of_page:
        source_of("iris.safetensors", data="short.csv")
    assert str(of_page.value) == str(of_predict.value)
    assert "that the model needs" in str(of_page.value)


def test_a_network_alone_takes_the_rows_of_a_network_file(folder: Path) -> None:
    session = Session(source_of("alone.safetensors", data="two-layer"), KINDS)
    assert np.array_equal(session.training.network.parameters, load("alone.safetensors").parameters)
    assert session.source.words == ("alone.safetensors", "--data", "two-layer")


# ------------------------------------------------------------------------------------------------------- network files


def test_layers_of_a_network_file_train_on_a_table(folder: Path) -> None:
    Path("layers.toml").write_text(LAYERS + "[training]\nepochs = 7\nbatch_size = 5\n")
    source = source_of("layers.toml", "rooms", data="houses.csv")
    layers = source.design.network["layers"]
    assert [layer["units"] for layer in layers] == [4, 7]
    assert layers[1] == {"units": 7, "activation": "softmax", "labels": [str(k) for k in range(7)]}
    assert source.design.network["loss"] == "cross_entropy"
    assert source.design.training == {"epochs": 7, "batch_size": 5}
    numbers = source_of("layers.toml", "size", data="houses.csv").design.network
    assert (numbers["layers"][1], numbers["loss"]) == ({"units": 1}, "half_squared_error")
    assert source_of("layers.toml", data="iris").design.network["layers"][1]["units"] == 3


def test_a_saved_network_file_gives_the_design_again_on_its_table(folder: Path) -> None:
    session = Session(source_of("houses.csv", "answer"), KINDS)
    for name, text in (("layers", "3:relu,2:softmax"), ("seed", "8"), ("optimizer", "momentum"), ("epochs", "9")):
        session.do("build.change", {"name": name, "text": text})
    saved = session.panels["build"].saved("toml")
    assert saved is not None
    Path("saved.toml").write_bytes(saved[2])
    again = source_of("saved.toml", "answer", data="houses.csv")
    assert again.design == session.design
    assert np.array_equal(again.X, session.source.X)
    assert np.array_equal(again.network(again.design).parameters, session.training.network.parameters)
    wrong = saved[2].replace(b"epochs = 9", b"epochs = 9.5")
    Path("saved.toml").write_bytes(wrong)
    with pytest.raises(BacklitError, match=r"^saved\.toml: training: epochs is 9\.5"):
        source_of("saved.toml", "answer", data="houses.csv")


def test_a_saved_file_says_which_table_it_opens_with(folder: Path) -> None:
    session = Session(source_of("houses.csv", "rooms", task="numbers"), KINDS)
    saved = session.panels["build"].saved("toml")
    assert saved is not None
    assert saved[2].decode().splitlines()[0] == (
        "# Opens again by: backlit page houses.toml --data houses.csv --target rooms --task numbers"
    )


def test_another_run_of_a_file_is_chosen_by_option_and_on_the_page(folder: Path) -> None:
    session = Session(source_of("runs.toml", run="fast"), KINDS)
    assert session.training.settings.epochs == 7
    assert session.source.words == ("runs.toml", "--run", "fast")
    html = session.draw(("source",))[1]["source"].html
    assert '<option value="fast" selected>' in html
    Path("runs.toml").unlink()  # the page asks no disk for it
    session.do("source.run", {"name": "slow one"})
    assert session.training.settings.epochs == 5
    assert session.source.words == ("runs.toml",)
    with pytest.raises(BacklitError, match="unknown run 'x'"):
        session.do("source.run", {"name": "x"})
    session.do("source.choose", {"name": "xor"})
    assert "source-run" not in session.draw(("source",))[1]["source"].html
    with pytest.raises(BacklitError, match="there is one run"):
        session.do("source.run", {"name": "fast"})


def test_an_examples_name_stays_chosen_with_another_run(folder: Path) -> None:
    session = Session(source_of("gates", run="OR"), KINDS)
    assert '<option value="gates" selected>' in session.draw(("source",))[1]["source"].html


# ------------------------------------------------------------------------------------------------------- the target


def test_without_a_target_the_last_column_that_can_be_is_predicted(folder: Path) -> None:
    assert source_of("houses.csv").target == "answer"
    rows = "".join(f"{k},{k % 3},t{k}\n" for k in range(40))
    Path("t.csv").write_text(f"a,b,name\n{rows}")
    source = source_of("t.csv")
    assert source.target == "b"
    assert source.told[0].startswith('The last column cannot be predicted, so "b" is. The target "name" has 40 classes')
    Path("t.csv").write_text("a,b\n1,2\n3,2\n")
    with pytest.raises(BacklitError, match=r"has only one class|2 in every row"):
        source_of("t.csv")


def test_whole_numbers_are_learned_as_a_number_where_that_is_asked_for(folder: Path) -> None:
    session = Session(source_of("houses.csv", "rooms"), KINDS)
    assert len(session.source.classes) == 7
    assert '<option value="classes" selected>' in session.draw(("source",))[1]["source"].html
    session.do("source.learn", {"task": "numbers"})
    assert session.source.classes == ()
    assert session.source.words == ("houses.csv", "--target", "rooms", "--task", "numbers")
    assert session.design.network["layers"][-1] == {"units": 1}
    assert source_of("houses.csv", "rooms", task="numbers").words == session.source.words
    session.do("source.learn", {"task": "classes"})
    assert session.source.words == ("houses.csv", "--target", "rooms")
    session.do("source.predict", {"column": "answer"})
    assert "source-task" not in session.draw(("source",))[1]["source"].html
    with pytest.raises(BacklitError, match="Expected numbers"):
        session.do("source.learn", {"task": "numbers"})
    assert session.source.target == "answer"


def test_too_few_rows_are_what_is_wrong_with_a_table_of_two(folder: Path) -> None:
    Path("t.csv").write_text("a,b,y\n1,2,3\n2,3,5\n")
    with pytest.raises(BacklitError, match=r"^t\.csv has 2 rows, of which some are kept for a test: too few"):
        source_of("t.csv")


def test_rows_without_the_target_are_counted(folder: Path) -> None:
    Path("t.csv").write_text("a,b\n" + "".join(f"{k},{'' if k < 10 else 2.5 * k}\n" for k in range(40)))
    assert source_of("t.csv", "b").told == ('10 rows without "b" left out.',)


# ------------------------------------------------------------------------------------------------- the copied command


def chosen(session: Session, *commands: tuple[str, dict[str, str]]) -> Session:
    for name, given in commands:
        session.do(name, given)
    return session


SOURCES: list[Callable[[], Session]] = [
    lambda: Session(source_of("iris"), KINDS),
    lambda: chosen(Session(source_of("iris"), KINDS), ("source.predict", {"column": "petal width (cm)"})),
    lambda: Session(source_of("houses.csv", "-b"), KINDS),
    lambda: chosen(Session(source_of("./houses.csv"), KINDS), ("source.predict", {"column": "rooms"})),
    lambda: chosen(Session(source_of("houses.csv", "rooms"), KINDS), ("source.learn", {"task": "numbers"})),
    lambda: Session(source_of("xor"), KINDS),
    lambda: Session(source_of("runs.toml"), KINDS),
    lambda: chosen(Session(source_of("runs.toml"), KINDS), ("source.run", {"name": "fast"})),
    lambda: Session(source_of("layers.toml", "rooms", data="houses.csv"), KINDS),
    lambda: chosen(Session(source_of("layers.toml", data="iris"), KINDS),
                   ("source.predict", {"column": "petal width (cm)"})),
    lambda: Session(source_of("iris.safetensors", data="iris"), KINDS),
    lambda: Session(source_of("alone.safetensors", data="two-layer"), KINDS),
]  # fmt: skip


@pytest.mark.parametrize("make", SOURCES)
def test_the_copied_command_gives_the_source_again(
    folder: Path, make: Callable[[], Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = make()
    session.options = ("--plugin", "own op.py")
    Path("own op.py").write_text("")
    html = session.draw(("address",))[1]["address"].html
    text = html.partition('id="address-command" tabindex="0">')[2].partition("</pre>")[0]
    words = shlex.split(text.replace("&#x27;", "'").replace("&quot;", '"'))
    again = run_by_words(words, monkeypatch)
    one, other = session.source, again.source
    assert (other.title, other.words, other.target) == (one.title, one.words, one.target)
    assert again.options == session.options
    assert again.design == session.design
    assert np.array_equal(np.asarray(other.X), np.asarray(one.X))
    assert np.array_equal(np.asarray(other.Y), np.asarray(one.Y))
    assert np.array_equal(again.training.network.parameters, session.training.network.parameters)


def run_by_words(words: list[str], monkeypatch: pytest.MonkeyPatch) -> Session:
    """Give the session that a command line begins."""
    found: list[Session] = []
    monkeypatch.setattr("backlit.page.running.run", lambda session, place, opened: found.append(session))
    monkeypatch.setattr("signal.signal", lambda number, handler: None)
    assert words[:2] == ["backlit", "page"]
    App(default_command=page_command, result_action="return_value")(words[2:], exit_on_error=False)
    return found[0]


def test_a_target_stands_in_the_command_only_where_it_is_needed(folder: Path) -> None:
    assert source_of("iris").words == ("iris",)
    assert source_of("iris", "species").words == ("iris",)
    assert source_of("iris", "petal width (cm)").words == ("iris", "--target", "petal width (cm)")
    assert source_of("houses.csv").words == ("houses.csv", "--target", "answer")
