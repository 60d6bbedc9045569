"""The training of a page: driven in any way it has the bits of `Training.run()`; going back shows the bits it had."""

from __future__ import annotations

import math
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from backlit.engine import SteppedTraining, Training
from backlit.errors import BacklitError
from backlit.page import session as session_module
from backlit.page import trainer as trainer_module
from backlit.page.design import Design
from backlit.page.endings import limit_of
from backlit.page.panels.bar import BarPanel
from backlit.page.session import Session
from backlit.page.sources import source_of
from backlit.page.speeds import SPEEDS, first_speed
from backlit.page.trainer import Trainer
from backlit.page.turns import Turns

IRIS = source_of("iris")
DROPOUT = {
    "inputs": 4,
    "layers": [{"units": 8, "activation": "tanh"}, {"op": "dropout", "p": 0.2}, {"units": 3, "activation": "softmax"}],
    "loss": "cross_entropy",
    "seed": 3,
}
RELU = {"inputs": 4, "layers": [{"units": 8, "activation": "relu"}, {"units": 3, "activation": "softmax"}],
        "loss": "cross_entropy", "seed": 1}  # fmt: skip
MOMENTUM = {"optimizer": {"op": "momentum", "rate": 0.02}, "batch_size": 7, "epochs": 300, "seed": 5}


def began(network: dict[str, Any] | None = None, **training: Any) -> Session:
    session = Session(IRIS, (BarPanel,))
    design = session.design
    session.build(Design(network or design.network, {**design.training, **training}))
    return session


@pytest.fixture
def playing() -> Iterator[Callable[[Session], Session]]:
    """Give what starts a session's trainer, which ends with the test."""
    trainers: list[Trainer] = []

    def start(session: Session) -> Session:
        trainers.append(Trainer(session))
        trainers[-1].start()
        return session

    yield start
    for trainer in trainers:
        trainer.stop()
        assert not trainer.thread.is_alive()


def until(holds: Callable[[], Any]) -> None:
    for _ in range(2_000):
        if holds():
            return
        time.sleep(0.005)
    pytest.fail("it does not come about in 10 s")


def plain(session: Session, epochs: int | None = None) -> Training:
    """Train the session's design without the page."""
    source, design = session.source, session.design
    rules = {"keep_best": False, **design.setup().rules_alone(), "validation": source.validation}
    rules["epochs"] = epochs or rules["epochs"]
    return Training(source.network(design), source.X, source.Y, **rules).run()


def bar(session: Session) -> Any:
    return session.draw(("bar",))[1]["bar"]


@pytest.mark.parametrize("network", [None, DROPOUT], ids=["adam", "dropout and momentum"])
@pytest.mark.parametrize("seed", [1, 2])
def test_any_mixture_ends_with_the_bits_of_run(playing: Any, network: Any, seed: int) -> None:
    given = MOMENTUM if network else {"epochs": 300}
    session, rng = playing(began(network, **given)), random.Random(seed)
    session.speed = math.inf
    for _ in range(12):
        kind = rng.choice(("batch", "epoch", "play", "paced"))
        if session.stopped:
            break
        if kind == "batch":
            session.do("bar.advance", {"updates": rng.randint(1, 9)})
        elif kind == "epoch":
            session.do("bar.advance", {"epochs": rng.randint(1, 3)})
        else:
            session.do("bar.pace", {"speed": 0 if kind == "play" else 1_000})
            step = session.training.step
            session.do("bar.play", {})
            until(lambda before=step: session.training.step > before + 3 or session.stopped)
            session.do("bar.pause", {})
    if not session.stopped:
        session.do("bar.pace", {"speed": 0})
        session.do("bar.play", {})
        until(lambda: session.stopped)
    expected = plain(session)
    assert session.stopped == "all 300 epochs done"
    assert session.training.network.parameters.tobytes() == expected.network.parameters.tobytes()
    assert session.training.history["loss"].tobytes() == expected.history["loss"].tobytes()


@pytest.mark.parametrize(("epochs", "batch_size"), [(250, 16), (5, 1)], ids=["whole epochs", "within an epoch"])
def test_what_is_replayed_is_what_the_training_had(playing: Any, epochs: int, batch_size: int) -> None:
    session = playing(began(epochs=epochs, batch_size=batch_size))
    session.speed = math.inf
    session.do("bar.play", {})
    until(lambda: session.stopped)
    moments = session.kept.all()
    assert len(moments) > 80
    assert (moments[0].step, moments[-1].step) == (0, session.training.step)
    rules = {"keep_best": False, **session.design.setup().rules_alone(), "validation": session.source.validation}
    again = SteppedTraining(session.source.network(session.design), session.source.X, session.source.Y, **rules)
    within = 0
    for place, moment in enumerate(moments):
        if moment.step > again.step:
            again.advance(updates=moment.step - again.step, seconds=math.inf)
        session.do("bar.replay", {"place": place, "of": len(moments)})
        with session.view() as view:
            assert view.network.parameters.tobytes() == again.network.parameters.tobytes()
            assert (view.epoch, view.step) == (len(again.history), again.step)
            assert view.batch == again.begun
            within += view.batch > 0
            assert (view.replayed is None) == (place == len(moments) - 1)
    assert within or batch_size > 1
    session.do("bar.replay", {"place": 0, "of": len(moments)})
    assert "Replayed: 0 of" in bar(session).numbers["texts"]["bar-place"]
    session.do("bar.now", {})
    with session.view() as view:
        assert view.network.parameters.tobytes() == session.training.network.parameters.tobytes()


def test_of_few_epochs_that_are_asked_for_each_is_kept(playing: Any) -> None:
    session = playing(began())
    session.do("bar.play", {})
    session.do("bar.pause", {})
    session.reset()
    with session.turn():
        session.play(4, hurried=True)
        session.change()
    until(lambda: not session.playing)
    assert {0, 1, 2, 3, 4} <= {kept.epoch for kept in session.kept.all()}


def test_scrolling_pauses_and_going_on_is_from_now(playing: Any) -> None:
    session = playing(began(epochs=100_000))
    session.speed = math.inf
    session.do("bar.play", {})
    until(lambda: len(session.kept.all()) > 3)
    session.do("bar.replay", {"place": 1, "of": 4})
    assert not session.playing
    step, shown = session.training.step, session.replayed
    assert shown is not None
    assert 0 < shown < step
    assert session.kept.all()[-1].step == step
    session.do("bar.advance", {"updates": 1})
    assert (session.training.step, session.replayed) == (step + 1, None)
    session.do("bar.at", {"epoch": 1})
    assert session.replayed is not None
    assert session.kept.at(session.replayed).epoch <= 1
    with pytest.raises(BacklitError, match="number 5 of 4"):
        session.do("bar.replay", {"place": 4, "of": 4})


def test_after_pause_the_state_shown_is_the_state(playing: Any) -> None:
    session = playing(began(epochs=1_000_000))
    session.speed = math.inf
    for _ in range(5):
        session.do("bar.play", {})
        step = session.training.step
        until(lambda before=step: session.training.step > before)
        session.do("bar.pause", {})
        first, step = bar(session), session.training.step
        time.sleep(0.06)
        assert (bar(session), session.training.step) == (first, step)
        assert f"{step:,} updates" in first.numbers["texts"]["bar-place"]
        assert not first.numbers["playing"]
        with session.view() as view:
            assert view.network.parameters.tobytes() == session.training.network.parameters.tobytes()


def test_commands_and_drawings_get_their_turn_at_full_speed(playing: Any) -> None:
    session = playing(began(epochs=10_000_000))
    session.speed = math.inf
    session.do("bar.play", {})
    done: list[int] = []

    def ask() -> None:
        for _ in range(5):
            session.do("bar.pace", {"speed": 0})
            done.append(session.draw(("bar",))[0])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20.0)
    assert len(done) == 20
    assert session.turns.waiting == 0
    assert session.playing


def test_who_waits_is_counted_by_many_threads() -> None:
    turns = Turns()

    def come_and_go() -> None:
        for _ in range(2_000):
            with turns:
                pass

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert turns.waiting == 0
    turns.let_go()


def test_an_epoch_that_takes_long_is_played_to_its_end(playing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "AT_ONCE", 0.0)
    session = began(epochs=50)
    session.speed = math.inf
    session.do("bar.advance", {"updates": 2})
    session.do("bar.advance", {"epochs": 3})
    assert session.playing
    assert session.training.step < 18
    playing(session)
    until(lambda: not session.playing)
    assert (session.training.step, len(session.training.history), session.stopped) == (18, 3, "")


def test_the_speed_is_kept_and_what_cannot_be_kept_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    session = began(epochs=100_000)
    trainer, clock = Trainer(session), SimpleNamespace(now=100.0)
    monkeypatch.setattr(trainer_module, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    session.do("bar.pace", {"speed": 10})
    session.do("bar.play", {})
    found, waits = [], []
    for at in (0.0, 0.05, 0.1, 0.21, 0.5, 10.0, 10.1):
        clock.now = 100.0 + at
        waits.append(trainer._train())
        found.append(session.training.step)
    assert found[:5] == [1, 1, 2, 3, 6]
    assert found[5] == 6 + 95  # what is due
    assert found[6] == found[5] + 1
    assert waits[0] == pytest.approx(0.1)
    assert waits[1] == pytest.approx(0.05)
    with pytest.raises(BacklitError, match="the speed is 7; expected 1, 3, 10"):
        session.do("bar.pace", {"speed": 7})


def test_a_short_training_begins_slowly_and_a_long_one_at_full_speed() -> None:
    speeds = []
    for epochs in (10, 150, 1_000, 10_000, 100_000):
        session = began(epochs=epochs)
        speeds.append(first_speed(session.training.settings.epochs * session.batches))
    assert speeds == [10, 10, 100, 1_000, math.inf]
    assert set(speeds) <= {*SPEEDS, math.inf}


# ------------------------------------------------------------------------------------------------------------- the end


def test_all_epochs_done_and_as_many_more(playing: Any) -> None:
    session = playing(began(epochs=7))
    session.speed = math.inf
    session.do("bar.play", {})
    until(lambda: session.stopped)
    part = bar(session)
    assert "All 7 epochs are done." in part.html
    assert 'data-do="bar.go_on">7 more epochs<' in part.html
    assert "All 7 epochs are done" in part.numbers["said"]
    assert re.findall(r'id="(bar-\w+)"[^>]*aria-disabled="true"', part.html) == ["bar-play", "bar-epoch", "bar-batch"]
    for command, given in (("bar.play", {}), ("bar.advance", {"updates": 1})):
        with pytest.raises(BacklitError, match="all 7 epochs are done: go on for more"):
            session.do(command, given)
    session.do("bar.go_on", {})
    until(lambda: session.stopped)
    assert (len(session.training.history), session.design.training["epochs"]) == (14, 14)
    assert session.training.network.parameters.tobytes() == plain(session).network.parameters.tobytes()
    session.do("bar.reset", {})
    assert not re.search("are done|aria-disabled", bar(session).html)


@pytest.mark.parametrize(("setting", "value", "words", "offer"), [
    ("target", 0.9, "Error target 0.9 reached", "Go on without the target"),
    ("patience", 1, "No better validation loss in 1 epoch", "Go on without patience"),
    ("time_limit", 1e-6, "Time limit of 1e-06 s reached", "Go on without the time limit"),
])  # fmt: skip
def test_limits_are_said_and_lifted(setting: str, value: Any, words: str, offer: str) -> None:
    training = {"optimizer": {"op": "sgd", "rate": 5.0}} if setting == "patience" else {}
    session = began(epochs=400, **training, **{setting: value})
    while not session.stopped:
        session.do("bar.advance", {"epochs": 20})
    assert limit_of(session.stopped) == setting
    part = bar(session)
    assert words in part.html
    assert f'data-do="bar.go_on">{offer}<' in part.html
    ended = len(session.training.history)
    session.do("bar.go_on", {})
    assert (session.playing, session.stopped, setting in session.design.training) == (True, "", False)
    session.do("bar.pause", {})
    session.do("bar.advance", {"epochs": 2})
    assert (len(session.training.history), session.stopped) == (ended + 2, "")


def test_the_weights_of_the_best_epoch_are_said_and_the_last_ones_replayed() -> None:
    session = began(epochs=60, keep_best=True, optimizer={"op": "adam", "rate": 0.3})
    session.do("bar.advance", {"epochs": 60})
    best = session.training.history.lowest().number
    assert best < 60
    assert f"the weights of its best epoch, {best}." in bar(session).html
    last = session.kept.all()[-1]
    state = session.training.state
    assert last.step == session.training.step
    assert last.parameters.tobytes() == state.parameters.tobytes()
    assert last.parameters.tobytes() != session.training.network.parameters.tobytes()


def test_a_divergence_is_said_with_its_update_and_what_to_do(playing: Any) -> None:
    session = playing(began(RELU, optimizer={"op": "sgd", "rate": 1e20}, epochs=50))
    session.speed = math.inf
    session.do("bar.play", {})
    until(lambda: session.stopped)
    found = session.divergence
    assert found is not None
    part = bar(session)
    update = (found.epoch - 1) * 6 + found.batch
    assert f"Update {update}: training diverged in epoch {found.epoch}, batch {found.batch}:" in part.html
    assert "Try a smaller learning rate than 1e20 or 1 as limit of the gradient." in part.html
    assert "Reset begins anew" in part.html
    assert "bar.go_on" not in part.html
    assert f"Update {update}: training diverged" in part.numbers["said"]
    assert not part.numbers["playing"]
    assert session.kept.all()[-1].step == session.training.step
    with pytest.raises(BacklitError, match="did not end by a limit"):
        session.do("bar.go_on", {})
    for _ in range(found.batch - 1):
        session.do("bar.advance", {"updates": 1})  # the epoch begins again, with the weights from before it
        assert "diverged" not in bar(session).html
    session.do("bar.reset", {})
    assert (session.stopped, session.told, session.divergence) == ("", "", None)


@pytest.mark.parametrize("place", ["advance", "keep"])
def test_an_error_in_the_thread_is_said_on_the_page(
    playing: Any, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    session, heard = playing(began(epochs=100_000)), []
    session.listeners.append(lambda: heard.append(session.stopped))

    def fail(*_: Any, **__: Any) -> None:
        raise MemoryError("no memory left")

    with session.turn():
        owner = session.training if place == "advance" else session.kept
        monkeypatch.setattr(owner, place.replace("keep", "add"), fail)
        session.play()
        session.change()
    until(lambda: session.stopped)
    assert "An error of the program: MemoryError: no memory left." in bar(session).html
    assert not session.playing
    assert session.stopped in heard
    monkeypatch.undo()
    session.do("bar.reset", {})
    session.do("bar.play", {})
    until(lambda: session.training.step)


@pytest.mark.parametrize("given", [{}, {"epochs": -1}, {"epochs": 1, "updates": -1}])
def test_an_advance_by_nothing_is_refused(given: dict[str, int]) -> None:
    session = began()
    with pytest.raises(BacklitError, match="at least 1"):
        session.do("bar.advance", given)
    assert session.training.step == 0


def test_while_it_plays_the_numbers_alone_change() -> None:
    session = began(epochs=50)
    session.play()
    layouts, htmls, numbers = set(), set(), []
    for _ in range(3):
        session.train(1.0, updates=3)
        part = bar(session)
        layouts.add(part.layout)
        htmls.add(part.html)
        numbers.append(part.numbers)
    assert len(layouts) == 1
    assert len(htmls) == 3
    assert [one["texts"]["bar-place"].split(", ")[-1] for one in numbers] == ["3 updates", "6 updates", "9 updates"]
    assert numbers[0]["texts"]["bar-place"] == "0 of 50 epochs and 3 of 6 batches, 3 updates"
    assert [one["moments"] for one in numbers] == [4, 7, 10]
    assert numbers[0]["said"].startswith("Playing. 0 of 50 epochs and 3 of 6 batches, 3 updates; loss ")
    ids = set(numbers[0]["texts"])
    assert all(f'id="{key}"' in part.html for key in ids)


def test_the_numbers_now_are_those_of_evaluate() -> None:
    session = began()
    session.do("bar.advance", {"epochs": 3})
    texts, network, source = bar(session).numbers["texts"], session.training.network, session.source
    for key, rows in (("bar", (source.X, source.Y)), ("bar-validation", source.validation)):
        found = network.evaluate(*rows)
        assert texts[f"{key}-loss"] == f"{found.loss:.4g}"
        assert texts[f"{key}-metric"] == f"{100 * found.accuracy:.1f} %"


def test_lbfgs_is_played_by_iterations(playing: Any) -> None:
    session = playing(began(optimizer={"op": "lbfgs"}, batch_size="full", epochs=12))
    session.do("bar.advance", {"updates": 1})
    assert (session.training.step, len(session.training.history)) == (1, 1)
    session.speed = math.inf
    session.do("bar.play", {})
    until(lambda: session.stopped)
    with session.view() as view:
        assert (view.batch, view.batches) == (0, 1)
    assert np.isfinite(session.training.network.parameters).all()
