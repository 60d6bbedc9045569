"""The panel build: settings by name, refusals beside the control, and the very same state again from its texts."""

from __future__ import annotations

import functools
import re
import shlex
import tomllib
from html import unescape
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from backlit.cli import main
from backlit.engine import SteppedTraining
from backlit.errors import BacklitError
from backlit.model import load
from backlit.page import session as session_module
from backlit.page.design import Design
from backlit.page.panels import PANELS
from backlit.page.session import Session
from backlit.page.settings_text import restored, settings_of
from backlit.page.sources import source_of


@pytest.fixture
def session() -> Session:
    return Session(source_of("iris"), PANELS)


def change(session: Session, name: str, text: str) -> None:
    session.do("build.change", {"name": name, "text": text})


def test_what_differs_makes_the_same_design_again(session: Session) -> None:
    for name, text in (("layers.0.units", "5"), ("optimizer.rate", "0.05"), ("batch_size", "full"), ("seed", "3")):
        change(session, name, text)
    settings = settings_of(session.design, session.source.design)
    assert settings["layers"] == "5:tanh,3:softmax"
    assert settings["optimizer.rate"] == "0.05"
    assert settings["seed"] == "3"
    assert restored(session.source.design, settings) == session.design


def test_reset_and_another_seed_and_back_give_the_very_same_weights(session: Session) -> None:
    first = session.training.network.parameters.copy()
    session.do("bar.advance", {"epochs": 2})
    assert not np.array_equal(session.training.network.parameters, first)
    session.do("bar.reset", {})
    assert session.training.network.parameters.tobytes() == first.tobytes()
    change(session, "seed", "7")
    assert session.training.network.parameters.tobytes() != first.tobytes()
    change(session, "seed", "0")
    assert session.training.network.parameters.tobytes() == first.tobytes()


@pytest.mark.parametrize(
    ("name", "text"),
    [("layers.0.units", "many"), ("layers.0.units", "99999"), ("optimizer.rate", "-1"), ("loss", "nothing")],
)
def test_what_does_not_fit_is_said_beside_its_control_and_the_old_design_stays(
    session: Session, name: str, text: str
) -> None:
    before = session.design
    change(session, name, text)
    html = session.draw(("build",))[1]["build"].html
    assert session.design == before
    assert f'aria-describedby="build-{name}-error"' in html
    assert f'id="build-{name}-error"' in html


def test_an_unknown_setting_of_the_address_is_refused(session: Session) -> None:
    with pytest.raises(BacklitError, match="nonsense"):
        session.do("build.restore", {"settings": {"nonsense": "1"}})


def test_a_layer_is_added_and_removed(session: Session) -> None:
    before = session.design
    session.do("build.layer", {"do": "add", "at": 1})
    assert len(session.design.network["layers"]) == 3
    session.do("build.layer", {"do": "remove", "at": 1})
    assert session.design == before
    with pytest.raises(BacklitError, match="the last one gives the prediction"):
        session.do("build.layer", {"do": "remove", "at": 1})


def test_the_saved_network_file_reads_back_as_the_design(session: Session) -> None:
    change(session, "optimizer", "sgd")
    saved = session.panels["build"].saved("toml")
    assert saved is not None
    assert saved[0] == "iris.toml"
    assert tomllib.loads(saved[2].decode()) == session.design.tables()


def test_the_saved_model_predicts_the_table_with_the_weights_of_now(session: Session, tmp_path: Path) -> None:
    session.do("bar.advance", {"epochs": 1})
    saved = session.panels["build"].saved("model")
    assert saved is not None
    path = tmp_path / saved[0]
    path.write_bytes(saved[2])
    model = load(path)
    assert model.network.parameters.tobytes() == session.training.network.parameters.tobytes()
    assert set(model.predict("iris")) <= set(session.source.classes)


def test_other_units_drop_only_the_given_weights_that_cannot_stay() -> None:
    session = Session(source_of("two-layer"), PANELS)
    change(session, "layers.1.units", "2")
    assert session.design == session.source.design
    change(session, "layers.0.units", "3")
    assert session.training.network.parameters.size == 2 * 3 + 3 + 3 * 2 + 2
    assert "weights" not in session.design.network["layers"][1]
    assert session.design.network["layers"][1].get("biases") == session.source.design.network["layers"][1].get("biases")


def test_another_optimizer_is_written_by_its_name_and_settings(session: Session) -> None:
    change(session, "optimizer", "momentum")
    change(session, "optimizer.rate", "0.1")
    settings = settings_of(session.design, session.source.design)
    assert settings == {"optimizer": "momentum", "optimizer.rate": "0.1"}
    assert restored(session.source.design, settings) == session.design


def error_of(session: Session, name: str) -> str:
    """Give what is said beside a control; nothing where the control is not marked as wrong."""
    html = drawn(session)
    if not re.search(rf'id="build-{re.escape(name)}"[^>]*aria-invalid="true"', html):
        return ""
    found = re.search(rf'id="build-{re.escape(name)}-error">([^<]*)<', html)
    return unescape(found[1]) if found else ""


def drawn(session: Session) -> str:
    return session.draw(("build",))[1]["build"].html


def value_of_control(session: Session, name: str) -> str:
    found = re.search(rf'<input id="build-{re.escape(name)}"[^>]* value="([^"]*)"', drawn(session))
    assert found
    return unescape(found[1])


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> Session:
    """A session on the two-layer example that compiles nothing."""
    monkeypatch.setattr(session_module, "SteppedTraining", functools.partial(SteppedTraining, compiled=False))
    return Session(source_of("two-layer"), PANELS)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("layers.0.units", "many", "units is 'many'; expected a whole number. It stays at 2."),
        ("optimizer.rate", "-1", "rate is -1; expected a finite number of at least 0. It stays at 0.5."),
        ("optimizer.rate", "0,1", "If 0,1 is one number, write 0.1."),
        ("seed", "abc", "seed is 'abc'; expected a whole number of at least 0. It stays at 0."),
        ("epochs", "0", "epochs is 0; expected at least 1"),
        ("l2", "-1", "l2 is -1; expected a finite number of at least 0. It stays at 0."),
        ("dropout", "2", "p is 2; expected a finite number of at least 0 and below 1"),
        ("network.inputs", "7", "7"),
    ],
)  # fmt: skip
def test_a_refusal_stands_beside_its_control_with_what_was_typed(
    plain: Session, name: str, text: str, words: str
) -> None:
    before, weights = plain.design, plain.training.network.parameters.copy()
    right = value_of_control(plain, name)
    change(plain, name, text)
    assert words in error_of(plain, name)
    assert value_of_control(plain, name) == text
    assert plain.design == before
    assert plain.training.network.parameters.tobytes() == weights.tobytes()
    trained = plain.training
    change(plain, name, right)
    assert not error_of(plain, name)
    assert plain.training is trained
    assert plain.design == before


def test_a_refusal_also_marks_the_control_that_it_is_about(plain: Session) -> None:
    change(plain, "optimizer", "lbfgs")
    change(plain, "clip_norm", "1")
    assert "clip_norm is 1" in error_of(plain, "clip_norm")
    assert 'id="build-group-more" class="group" open data-open' in drawn(plain)
    change(plain, "optimizer", "sgd")
    change(plain, "clip_norm", "1")
    change(plain, "optimizer", "lbfgs")
    assert "clip_norm" in error_of(plain, "optimizer")
    assert "clip_norm" in error_of(plain, "clip_norm")


def test_layers_of_each_kind_are_added_moved_and_removed(plain: Session) -> None:
    def kinds_now() -> list[str]:
        return [table.get("op", "dense") for table in plain.design.network["layers"]]

    def layer(do: str, at: int, **more: Any) -> None:
        plain.do("build.layer", {"do": do, "at": at, **more})

    first = plain.design
    layer("add", 1, kind="batch_norm")
    layer("add", 1, kind="dropout")
    assert kinds_now() == ["dense", "dropout", "batch_norm", "dense"]
    layer("down", 1)
    assert kinds_now() == ["dense", "batch_norm", "dropout", "dense"]
    layer("up", 2)
    assert kinds_now() == ["dense", "dropout", "batch_norm", "dense"]
    for do, at in (("up", 0), ("down", 2), ("remove", 3), ("down", 3), ("up", 3)):
        with pytest.raises(BacklitError, match="the last one gives the prediction"):
            layer(do, at)
    layer("add", 1, kind="gru")
    assert kinds_now() == ["dense", "dropout", "batch_norm", "dense"]
    assert "gru reads sequences" in drawn(plain)
    layer("remove", 2)
    layer("remove", 1)
    assert plain.design == first
    layer("add", 1, kind="parallel")
    layer("add", 1, place="layers.1.branches.0", kind="dense")
    assert len(plain.design.network["layers"][1]["branches"][0]) == 2
    layer("up", 1, place="layers.1.branches.0")
    layer("remove", 0, place="layers.1.branches.0")
    assert len(plain.design.network["layers"][1]["branches"][0]) == 1


@pytest.mark.parametrize(
    "given",
    [
        {"do": "add", "at": 9},
        {"do": "add", "at": -1},
        {"do": "add", "at": 0, "kind": "x"},
        {"do": "add", "at": 0, "place": "layers.9.layers"},
        {"do": "up", "at": 5},
    ],
)
def test_a_layer_where_none_can_be_is_refused(plain: Session, given: dict[str, Any]) -> None:
    before = plain.design
    with pytest.raises(BacklitError):
        plain.do("build.layer", given)
    assert plain.design == before


def test_rows_in_the_shape_of_a_picture_take_a_convolution(plain: Session) -> None:
    rows = np.arange(48.0).reshape(3, 16) / 48
    plain.source = msgspec.structs.replace(plain.source, X=rows, Y=np.array([[0.0], [1.0], [0.0]]), validation=None)
    plain.build(Design({"inputs": 16, "layers": [{"units": 1}]}, {"epochs": 2}))
    change(plain, "network.inputs", "4 × 4 × 1")
    assert plain.design.network["inputs"] == [4, 4, 1]
    assert plain.design.network["layers"] == [{"op": "flatten"}, {"units": 1}]
    assert "A layer flatten was put first" in drawn(plain)
    plain.do("build.layer", {"do": "add", "at": 0, "kind": "conv2d"})
    plain.do("build.layer", {"do": "add", "at": 1, "kind": "max_pool"})
    assert [table.get("op") for table in plain.design.network["layers"]] == ["conv2d", "max_pool", "flatten", None]
    change(plain, "layers.0.size", "2x3")
    assert plain.design.network["layers"][0]["size"] == [2, 3]
    plain.do("bar.advance", {"epochs": 2})
    assert plain.stopped == "all 2 epochs done"


def test_names_of_the_classes_come_back_with_their_number() -> None:
    session = Session(source_of("iris"), PANELS)
    first = session.design
    change(session, "layers.1.units", "4")
    change(session, "layers.1.units", "3")
    assert session.design == first
    assert settings_of(session.design, session.source.design) == {}


# ------------------------------------------------------------------------------------------ with the weights of now


def test_another_rate_goes_on_with_the_weights_of_now_where_one_asks_for_it(plain: Session) -> None:
    plain.do("bar.advance", {"epochs": 5})
    weights = plain.training.network.parameters.copy()
    change(plain, "optimizer.rate", "0.25")
    first = plain.training.network.parameters.copy()
    assert plain.training.step == 0

    plain.do("bar.advance", {"epochs": 5})
    plain.do("build.go_on", {"on": True})
    change(plain, "optimizer.rate", "0.5")
    change(plain, "optimizer.rate", "0.25")
    assert plain.training.step == 5
    assert len(plain.training.history) == 5
    assert "The copied command does not restore that state" in drawn(plain)
    assert [moment.epoch for moment in plain.kept.all()][:2] == [0, 5]
    plain.do("bar.advance", {"epochs": 1})

    whole = Session(plain.source, PANELS)
    change(whole, "optimizer.rate", "0.25")
    whole.do("bar.advance", {"epochs": 6})
    assert whole.training.network.parameters.tobytes() == plain.training.network.parameters.tobytes()
    assert weights.tobytes() != plain.training.network.parameters.tobytes()
    plain.do("bar.reset", {})
    assert plain.training.network.parameters.tobytes() == first.tobytes()
    assert plain.training.step == 0
    assert "The copied command" not in drawn(plain)


def test_at_the_end_of_a_training_other_settings_wait_for_more_epochs(plain: Session) -> None:
    change(plain, "epochs", "5")
    plain.do("bar.advance", {"epochs": 5})
    plain.do("build.go_on", {"on": True})
    change(plain, "optimizer.rate", "0.25")
    assert plain.stopped == "all 5 epochs done"
    plain.do("bar.go_on", {})
    plain.do("bar.advance", {"epochs": 1})
    assert len(plain.training.history) == 6


def test_another_optimizer_keeps_the_weights_and_counts_epochs_anew(plain: Session) -> None:
    plain.do("bar.advance", {"epochs": 5})
    weights = plain.training.network.parameters.copy()
    plain.do("build.go_on", {"on": True})
    change(plain, "optimizer", "adam")
    assert plain.training.network.parameters.tobytes() == weights.tobytes()
    assert len(plain.training.history) == 0
    assert "counts epochs from 0" in drawn(plain)
    change(plain, "layers.0.activation", "tanh")
    assert plain.training.network.parameters.tobytes() != weights.tobytes()
    assert "The copied command" not in drawn(plain)


def test_a_begun_epoch_ends_before_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(source_of("iris"), PANELS)
    session.do("bar.advance", {"epochs": 1})
    session.do("bar.advance", {"updates": 2})
    session.do("build.go_on", {"on": True})
    change(session, "l2", "0.1")
    assert len(session.training.history) == 2
    assert session.training.step == 2 * session.batches
    change(session, "batch_size", "8")
    assert session.training.step == 0


# ------------------------------------------------------------------------------------------------- files and commands


def test_the_saved_network_file_of_an_example_has_its_rows_and_opens_again(plain: Session, tmp_path: Path) -> None:
    change(plain, "layers.0.units", "3")
    saved = plain.panels["build"].saved("toml")
    assert saved is not None
    assert saved[0] == "two-layer.toml"
    path = tmp_path / saved[0]
    path.write_bytes(saved[2])
    again = source_of(str(path))
    assert np.array_equal(again.X, plain.source.X)
    assert np.array_equal(again.Y, plain.source.Y)
    assert again.design.setup().build().parameters.tobytes() == plain.training.network.parameters.tobytes()
    assert "backlit page two-layer.toml" in re.sub(r"</?span>", "", drawn(plain))


def test_the_saved_network_file_of_a_table_is_trained_by_the_command_that_is_shown(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(session, "dropout", "0.1")
    saved = session.panels["build"].saved("toml")
    assert saved is not None
    monkeypatch.chdir(tmp_path)
    Path(saved[0]).write_bytes(saved[2])
    listed = re.sub(r"</?span>", "", drawn(session))
    words = re.findall(r"<code>(backlit train [^<]*)</code>", listed)[0]
    assert words == "backlit train iris --network iris.toml"
    _, *arguments = shlex.split(unescape(words))
    assert main([*arguments, "--epochs", "1", "--validation", "0.2", "-o", "out.safetensors"]) == 0
    assert [layer.name for layer in load("out.safetensors").network.layers] == ["dense", "dropout", "dense"]


# ------------------------------------------------------------------------------------------------- losses and classes


@pytest.mark.parametrize("loss", ["mse", "half_squared_error", "mae", "binary_cross_entropy"])
def test_classes_are_learned_by_a_loss_that_compares_numbers_too(loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "SteppedTraining", functools.partial(SteppedTraining, compiled=False))
    session = Session(source_of("iris"), PANELS)
    numbers = session.source.Y.copy()
    change(session, "loss", loss)
    assert not error_of(session, "loss")
    assert session.source.Y.shape == (90, 3)
    assert np.array_equal(session.source.Y.argmax(axis=1), numbers.ravel())
    assert session.source.validation is not None
    assert session.source.validation[1].shape == (30, 3)
    session.do("bar.advance", {"epochs": 1})
    for part in session.draw(tuple(panel.name for panel in PANELS))[1].values():
        assert part.html
    change(session, "loss", "cross_entropy")
    assert np.array_equal(session.source.Y.ravel(), numbers.ravel())
    change(session, "loss", "nothing")
    assert error_of(session, "loss")
    assert np.array_equal(session.source.Y.ravel(), numbers.ravel())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"network.layers": "5"}, "Y has shape"),
        ({"network.layers": "{}"}, "is no layer"),
        ({"network.layers": "[5]"}, "expected a JSON list of tables"),
        ({"layers": '[{"op": []}]'}, "unknown layer"),
        ({"layers": "9" * 5_000}, "is no layer"),
        ({"layers." + "9" * 5_000 + ".units": "1"}, "there is no layer"),
        ({"loss": "[" * 60_000}, "loss"),
        ({"rate": "1"}, "did you mean 'optimizer.rate'"),
        ({"inputs": "1"}, "did you mean 'network.inputs'"),
        ({"epoch": "1"}, "epochs"),
        ({"epochs": "100000000000"}, "epochs are too many"),
    ],
)
def test_settings_that_cannot_be_read_are_refused_in_words(
    plain: Session, settings: dict[str, str], words: str
) -> None:
    before = plain.design
    with pytest.raises(BacklitError, match=re.escape(words)):
        plain.do("build.restore", {"settings": settings})
    assert plain.design == before


def test_the_saved_model_has_the_weights_of_the_moment_that_is_looked_at(plain: Session, tmp_path: Path) -> None:
    plain.do("bar.advance", {"epochs": 3})
    plain.do("bar.replay", {"place": 0, "of": len(plain.kept.all())})
    saved = plain.panels["build"].saved("model")
    assert saved is not None
    (tmp_path / saved[0]).write_bytes(saved[2])
    found = load(tmp_path / saved[0])
    assert found.parameters.tobytes() == plain.kept.all()[0].parameters.tobytes()
    assert found.parameters.tobytes() != plain.training.network.parameters.tobytes()


@pytest.mark.parametrize(("trained", "epochs"), [(5, "5"), (8, "5")])
def test_what_goes_on_where_all_epochs_are_done_can_be_given_more(session: Session, trained: int, epochs: str) -> None:
    session.do("bar.advance", {"epochs": trained})
    while session.playing:
        session.train(1.0)
    session.do("build.go_on", {"on": True})
    change(session, "epochs", epochs)
    assert f"the weights after {trained} epochs" in session.panels["build"].said  # type: ignore[attr-defined]
    assert session.stopped
    session.do("bar.go_on", {})
    while session.playing:
        session.train(1.0)
    assert len(session.training.history) == trained + 5


def test_a_begun_epoch_that_is_ended_is_said(session: Session) -> None:
    session.do("bar.advance", {"updates": 3})
    session.do("build.go_on", {"on": True})
    change(session, "optimizer.rate", "0.02")
    assert "It goes on with the weights after 1 epoch. The epoch that had begun was trained" in drawn(session)


def test_the_commands_of_saved_files_have_the_programs_options(session: Session) -> None:
    session.options = ("--plugin", "my op.py")
    for words in ("page iris.toml --data iris", "train iris --network iris.toml", "predict iris.safetensors ROWS.csv"):
        assert f"backlit {words} --plugin 'my op.py'" in unescape(re.sub(r"</?span[^>]*>", "", drawn(session)))
