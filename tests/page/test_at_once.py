"""Several things at once: a design that is built while a snapshot is drawn, long commands, errors of the program."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import pytest

from backlit.page.background import Background
from backlit.page.events import Streams
from backlit.page.facts import facts_of
from backlit.page.panels import PANELS
from backlit.page.routes import answer, app_of
from backlit.page.session import Session
from backlit.page.sources import source_of
from backlit.page.trainer import Trainer

NAMES = tuple(panel.name for panel in PANELS)


def short(**settings: str) -> Session:
    session = Session(source_of("iris"), PANELS)
    session.do("address.restore", {"settings": {"epochs": "60", **settings}})
    return session


def interrupted(monkeypatch: pytest.MonkeyPatch, session: Session, panel: str, *command: Any) -> None:
    """Let a command be carried out in the middle of the panel's next drawing, and draw it."""
    drawn = session.panels[panel]
    draw, commands = type(drawn).draw, [command]

    def late(self: Any, view: Any) -> Any:
        if commands and self is drawn:
            before = draw(self, view)
            session.do(*commands.pop())
            draw(self, view)  # what it notes after the change is of the old network
            return before
        return draw(self, view)

    monkeypatch.setattr(type(drawn), "draw", late)
    session.draw(NAMES)
    assert not commands


@pytest.mark.parametrize("panel", ["curves", "weight"])
@pytest.mark.parametrize("change", [("layers.0.activation", "relu"), ("layers.0.units", "3")])
def test_a_design_that_comes_while_it_is_drawn_spoils_nothing(
    monkeypatch: pytest.MonkeyPatch, panel: str, change: tuple[str, str]
) -> None:
    """The curves of the whole next run were measured with the old network."""
    session, other = short(), short(**dict([change]))
    session.do("bar.advance", {"epochs": 10})
    session.draw(NAMES)
    interrupted(monkeypatch, session, panel, "build.change", dict(zip(("name", "text"), change, strict=True)))
    for one in (session, other):
        for _ in range(3):
            one.do("bar.advance", {"epochs": 20})
            one.draw(NAMES)
        for _ in range(20):
            one.draw(("curves",))
    mine, theirs = session.panels["curves"], other.panels["curves"]
    assert mine.measured == theirs.measured  # type: ignore[attr-defined]
    assert len(mine.earlier) == 1  # type: ignore[attr-defined]
    for name in ("weight", "step", "network", "unit", "predictions", "health"):
        assert session.draw((name,))[1][name].html == other.draw((name,))[1][name].html, name


@pytest.mark.parametrize("panel", ["network", "curves"])
def test_what_a_command_chooses_while_it_is_drawn_stays(monkeypatch: pytest.MonkeyPatch, panel: str) -> None:
    session = short()
    chosen = {"unit": "h2", "step.stage": "4", "step.alone": "3", "weight": "b(h2)"}
    wanted = {"layers": "5:tanh,3:softmax", "epochs": "60"} | chosen
    interrupted(monkeypatch, session, panel, "address.restore", {"settings": wanted})
    assert wanted.items() <= facts_of(session).items()


def test_another_source_that_comes_while_it_is_drawn_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    session = short()
    interrupted(monkeypatch, session, "curves", "source.choose", {"name": "xor"})
    assert session.draw(("network",))[1]["network"].html.count("data-unit") > 0
    assert session.source.given == ("xor",)


@pytest.mark.parametrize("given", [{"updates": 10**7}, {"epochs": 10**7}])
def test_no_command_trains_for_long(monkeypatch: pytest.MonkeyPatch, given: dict[str, int]) -> None:
    """A million updates at once held the lock until they were done, and Ctrl-C did not end the page."""
    monkeypatch.setattr("backlit.page.session.AT_ONCE", 0.1)
    session = short(epochs=str(10**7))
    trainer = Trainer(session)
    trainer.start()
    session.do("bar.advance", given)
    assert session.playing
    session.do("bar.pause", {})
    assert 0 < session.training.step < 10**7
    session.do("bar.advance", given)
    trainer.stop()
    assert not trainer.thread.is_alive()


def test_updates_that_take_long_end_where_they_were_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backlit.page.session.AT_ONCE", 0.0)
    session = short()
    trainer = Trainer(session)
    trainer.start()
    for wanted in (7, 14, 6 * 60):
        session.do("bar.advance", {"updates": wanted - session.training.step})
        end = time.monotonic() + 20
        while session.playing and time.monotonic() < end:
            time.sleep(0.005)
        assert session.training.step == wanted
    trainer.stop()


def test_work_beside_that_fails_by_any_error_says_so() -> None:
    """It was busy for ever."""
    told = threading.Event()
    work: Background[int] = Background(told.set)

    def wrong(_task: Any) -> int:
        raise ValueError("planted")

    work.start("key", wrong)
    work.wait(10)
    assert told.wait(10)
    assert (work.busy, work.result) == (None, None)
    assert work.error == "an error of the program: ValueError: planted"


def test_a_panel_that_cannot_be_drawn_says_so_and_the_others_are_drawn(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    session = short()

    def wrong(*_: Any) -> Any:
        raise ValueError("<planted>")

    monkeypatch.setattr(type(session.panels["unit"]), "draw", wrong)
    with caplog.at_level(logging.ERROR):
        _, parts = session.draw(NAMES)
    assert "an error of the program: ValueError: &lt;planted&gt;" in parts["unit"].html
    assert set(parts) == set(NAMES)
    assert all("error of the program" not in part.html for name, part in parts.items() if name != "unit")
    assert "the panel 'unit' cannot be drawn" in caplog.text


def test_a_command_that_fails_by_any_error_is_answered(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    session = short()
    app_of(session, Streams())

    def wrong() -> None:
        raise ZeroDivisionError("planted")

    with caplog.at_level(logging.ERROR):
        found = answer(session, wrong, ("bar",))
    assert found.status_code == 422
    assert b"an error of the program: ZeroDivisionError: planted" in found.body
    assert "a command failed" in caplog.text


def test_a_source_that_fails_by_any_error_leaves_all_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    session = short()
    session.do("bar.advance", {"epochs": 5})
    before = session.source, session.training, session.panels
    other = source_of("xor")

    def wrong(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(type(other), "network", wrong)
    with pytest.raises(MemoryError):
        session.take(other)
    assert (session.source, session.training, session.panels) == before
