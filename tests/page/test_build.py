"""The panel build: settings by name, refusals beside the control, and the very same state again from its texts."""

from __future__ import annotations

import re
import shlex
import tomllib
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from backlit.cli import main
from backlit.errors import BacklitError
from backlit.model import load
from backlit.page import running
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
    assert tomllib.loads(saved[2].decode()) == {"title": "iris", **session.design.tables()}


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


def test_the_copied_command_opens_the_same_page(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    change(session, "layers", "4:relu,3:softmax")
    change(session, "optimizer.rate", "0.02")
    html = session.draw(("build",))[1]["build"].html
    words = unescape(re.findall(r'id="build-command"[^>]*>([^<]*)<', html)[0])
    served: list[Session] = []
    monkeypatch.setattr(running, "run", lambda session, *_, **__: served.append(session))
    _, *arguments = shlex.split(words)
    assert main(arguments) == 0
    assert served[0].design == session.design
    assert served[0].training.network.parameters.tobytes() == session.training.network.parameters.tobytes()


def test_another_optimizer_is_written_by_its_name_and_settings(session: Session) -> None:
    change(session, "optimizer", "momentum")
    change(session, "optimizer.rate", "0.1")
    settings = settings_of(session.design, session.source.design)
    assert settings == {"optimizer": "momentum", "optimizer.rate": "0.1"}
    assert restored(session.source.design, settings) == session.design
