"""What `backlit.watch` shows while a training runs: a picture in a notebook, a bar in a terminal."""

from __future__ import annotations

import io
import itertools
from typing import Any

import pytest
from rich.console import Console
from visible import visible_text

import backlit as bl
from backlit.show.curves import live as live_curve


def training(epochs: int = 40, **given) -> bl.Training:
    network = bl.Network([bl.Dense(3, "tanh"), bl.Dense(1, "sigmoid")], 2, "binary_cross_entropy", seed=1)
    rows = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
    return bl.Training(network, *rows, **{"epochs": epochs, "compiled": False, "optimizer": bl.Adam(0.05)} | given)


class Clock:
    """A clock that goes on by a second each time it is read."""

    def __init__(self, step: float = 1.0) -> None:
        self.times = itertools.count(0.0, step)

    def __call__(self) -> float:
        return next(self.times)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """Give the bundles that a notebook is sent, one after the other."""
    display = pytest.importorskip("IPython.display")
    sent: list[dict[str, str]] = []

    class Handle:
        def update(self, bundle: dict[str, str], raw: bool) -> None:
            assert raw
            sent.append(bundle)

    def show(bundle: dict[str, str], **_: Any) -> Handle:
        sent.append(bundle)
        return Handle()

    monkeypatch.setattr(display, "display", show)
    monkeypatch.setattr(live_curve, "Console", lambda **_: Console(force_jupyter=True))
    return sent


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each look at the clock be late enough for another picture."""
    monkeypatch.setattr("time.monotonic", Clock())
    monkeypatch.setattr(live_curve, "SHARE", 1e9)


@pytest.mark.usefixtures("slow")
def test_a_notebook_is_sent_pictures_that_grow(notebook):
    seen = [epoch.number for epoch in bl.watch(training(metrics="accuracy"))]
    assert seen == [*range(1, 41)]
    texts = [bundle["text/plain"] for bundle in notebook]
    assert texts[0] == "epoch 0/40"
    heads = [text.splitlines()[0] for text in texts]
    assert len(heads) > 10
    assert "left" in heads[1]
    assert heads[-1].startswith("epoch 40/40, loss 0.1")
    assert heads[-1].endswith("all 40 epochs done")
    assert all("Accuracy over the epochs" in text for text in texts[1:])
    assert "Loss goes from" in texts[-1]
    assert "Loss goes from" not in texts[-2]


@pytest.mark.usefixtures("slow")
def test_a_picture_has_no_epochs_that_were_not_given_yet(notebook):
    made = training(30, compiled=True)
    seen = [(epoch.number, len(made.history)) for epoch in bl.watch(made, at_once=None)]
    assert any(number < done for number, done in seen)  # they ran in one call
    for number, bundle in enumerate(notebook[1:-1], 1):
        assert bundle["text/plain"].startswith(f"epoch {number}/30")
        assert f"┊ best epoch {number}\n" in bundle["text/plain"]


def test_the_network_is_that_of_the_epoch_in_hand():
    made, plain = training(30, compiled=True), training(30, compiled=True)
    seen = [made.network.parameters.tobytes() for _ in bl.watch(made)]
    assert seen == [plain.network.parameters.tobytes() for _ in plain]


@pytest.mark.usefixtures("slow")
def test_a_picture_is_true_without_its_styles(notebook):
    for _ in bl.watch(training()):
        pass
    for bundle in notebook[1:]:
        seen = visible_text(bundle["text/html"])
        assert bundle["text/plain"].splitlines()[0] in seen
        assert "<svg" not in bundle["text/html"]
        assert "Loss over the epochs" in seen


def test_pictures_are_few_where_epochs_are_quick(notebook, monkeypatch):
    monkeypatch.setattr("time.monotonic", Clock(0.001))
    assert len([*bl.watch(training(600, compiled=True), at_once=None)]) == 600
    assert 2 < len(notebook) < 10


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("why", [None, ValueError, KeyboardInterrupt])
def test_a_loop_that_is_left_leaves_the_picture_of_the_epoch_in_hand(notebook, why):
    made = training()

    def loop() -> None:
        for epoch in bl.watch(made):
            if epoch.number == 7:
                if why is None:
                    break
                raise why

    if why is None:
        loop()
    else:
        with pytest.raises(why):
            loop()
    head = notebook[-1]["text/plain"].splitlines()[0]
    assert head.startswith("epoch 7/40")
    assert head.endswith("the loop was left")
    assert "in epoch 7 (the best one)." in notebook[-1]["text/plain"]
    assert len(made.history) == 7


def test_a_loop_that_is_left_is_not_said_to_have_ended_as_its_call_would(notebook):
    made = training(5, target=0.7, compiled=True)
    for epoch in bl.watch(made):
        if epoch.number == 1:
            break
    assert (made.stopped, made.run().stopped, len(made.history)) == (None, "error target 0.7 reached", 2)
    assert notebook[-1]["text/plain"].splitlines()[0].endswith("the loop was left")


def test_a_training_that_is_over_shows_what_there_is(notebook):
    assert [*bl.watch(training().run())] == []
    assert notebook[-1]["text/plain"].startswith("epoch 40/40: all 40 epochs done")
    assert [*bl.watch(training(0))] == []
    assert "no epochs yet" in notebook[-1]["text/plain"]


def test_a_terminal_shows_a_bar_with_its_last_state(monkeypatch):
    written = io.StringIO()
    monkeypatch.setattr(live_curve, "Console", lambda **_: Console(file=written, width=90))
    for epoch in bl.watch(training()):
        if epoch.number == 9:
            break
    assert "epoch 9/40" in written.getvalue()
    assert f"loss {epoch.loss:.4g}" in written.getvalue()


def test_a_training_that_shows_its_progress_has_no_second_bar(monkeypatch):
    monkeypatch.setattr(live_curve, "EpochProgress", lambda *_: pytest.fail("a second bar"))
    monkeypatch.setitem(bl.engine.progress_displays, "epochs", lambda _: live_curve.Nothing())
    monkeypatch.setattr(live_curve.Nothing, "compiling", lambda *_: None, raising=False)
    monkeypatch.setattr(live_curve.Nothing, "close", lambda *_: None)
    assert len([*bl.watch(training(5, progress=True))]) == 5


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (None, {}, r"bl.watch was given NoneType; expected a training: bl.watch\(bl.Training\("),
        (training, {"at_once": 0}, "at_once is 0; expected at least 1"),
        (training, {"gradient_norms": True}, r"give bl.Training\(..., gradient_norms=True\)"),
    ],
)
def test_what_cannot_be_watched_is_refused_at_once(given, options, message):
    with pytest.raises(bl.BacklitError, match=message):
        bl.watch(given and given(), **options)
