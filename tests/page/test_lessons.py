"""Lessons: each step's finished state is the same each time, and what it says to notice is so."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_page import until

from backlit.engine import Network
from backlit.examples import NAMES
from backlit.page.design import Design
from backlit.page.lesson_files import LessonStep, lessons
from backlit.page.panels import PANELS
from backlit.page.panels.address import VIEWS
from backlit.page.panels.findings import FindingsPanel
from backlit.page.panels.lesson import FIRST_WEIGHTS, LessonPanel
from backlit.page.session import Panel, Session
from backlit.page.sources import source_of
from backlit.page.trainer import Trainer

STEPS = [(name, at) for name, lesson in lessons().items() for at in range(len(lesson.steps))]


def begun(name: str, at: int, panels: Sequence[type[Panel]] = PANELS) -> tuple[Session, LessonPanel]:
    """Give a session that stands at a step, with nothing trained."""
    session = Session(source_of(lessons()[name].example), panels)
    session.do("lesson.begin", {"name": name})
    session.do("lesson.go", {"step": at + 1})
    panel = session.panels["lesson"]
    assert isinstance(panel, LessonPanel)
    return session, panel


def trained(session: Session) -> None:
    """Train as the trainer's thread does."""
    while session.playing:
        session.train(1.0)


def left(session: Session, panel: LessonPanel) -> list[str] | None:
    """Give what the step says is left to do."""
    with session.view() as view:
        return panel.left(view, lessons()[panel.place[0]].example, panel.step.state)


def finished(name: str, at: int) -> tuple[Session, LessonStep]:
    """Give the session after a step was done by its button."""
    session, panel = begun(name, at)
    session.do("lesson.show", {})
    trained(session)
    assert left(session, panel) == []
    return session, panel.step


def measured(session: Session) -> dict[str, Any]:
    """Give what steps expect something of."""
    training, source = session.training, session.source
    network: Network = training.network
    found: dict[str, Any] = {"stopped": session.stopped, "outputs": network.predict(source.X).ravel()}
    found |= {"updates": training.step, "rows": len(source.X)}
    on_training = network.evaluate(source.X, source.Y)
    found |= {"loss": on_training.loss, "accuracy": on_training.metrics.get("accuracy")}
    if source.validation is not None:
        held_out = network.evaluate(*source.validation)
        found |= {"validation": held_out.loss, "validation_accuracy": held_out.metrics.get("accuracy")}
    if len(training.history):
        found["best"] = training.history.lowest().number
    return found


def check(found: dict[str, Any], session: Session, expect: dict[str, Any]) -> None:
    """Compare what a step expects with what is there."""
    for name, wanted in expect.items():
        if name == "confused":
            assert wanted == confused(session)
        elif name == "stopped":
            assert wanted in found[name]
        elif name == "outputs":
            for value, (low, high) in zip(found[name], wanted, strict=False):
                assert low <= value <= high
        elif name in {"weights", "gradients"}:
            source = session.source
            arrays: Any = (
                session.training.network if name == "weights" else session.training.network.gradient(source.X, source.Y)
            )
            for array, (place, low, high) in wanted.items():
                assert low <= arrays[array].ravel()[place] <= high
        elif name in {"first_gradient_share", "first_update_ratio", "dead_share"}:
            low, high = wanted
            assert low <= signal(session, name) <= high
        else:
            low, high = wanted
            assert low <= found[name] <= high, name


def confused(session: Session) -> list[list[str]]:
    """Give the class and the answer of each validation row that is answered wrong."""
    X, Y = session.source.rows("validation")
    answers = session.training.network.predict(X).argmax(axis=1)
    targets = Y.ravel().astype(int) if Y.size == len(Y) else Y.argmax(axis=1)
    names = session.source.classes
    return [[names[t], names[a]] for t, a in zip(targets, answers, strict=True) if t != a]


def signal(session: Session, name: str) -> float:
    """Give a number of the training's signals."""
    training, X = session.training, session.source.X
    if name == "dead_share":
        hidden = [training.network.outputs(X, layer) for layer in (1, 2)]
        return float(np.mean(np.concatenate([(layer == 0.0).all(axis=0) for layer in hidden])))
    signals, layers = training.signals, training.signals.layers
    if name == "first_gradient_share":
        return float(signals.of("gradient_norm", layers[0])[-1] / signals.of("gradient_norm", layers[-1])[-1])
    return float(max(signals.of("update_ratio", layer)[0] for layer in layers))


@pytest.mark.parametrize(("name", "at"), STEPS)
def test_what_is_to_be_noticed_is_so(name: str, at: int) -> None:
    session, step = finished(name, at)
    assert step.expect, "say in the lesson's file what holds"
    check(measured(session), session, step.expect)


# ----------------------------------------------------------------------------------------- what a step asks to be done


def not_on_the_page(session: Session, named: set[str]) -> set[str]:
    """Give which of these words are no button, tab, label, group or choice of the page as it is."""
    left = named - {label for _, label in VIEWS}
    for name in WITH_CONTROLS:
        if left:
            html = session.draw((name,))[1][name].html
            found = re.findall(r"<(?:button|label|summary|legend|option)\b[^>]*>([^<]*)", html)
            left = left - ({unescape(words).strip() for words in found} - {*NAMES})  # examples have names such as rate
    return left


WITH_CONTROLS = ("source", "lesson", "bar", "build", "predictions", "step", "weight", "check")
"""The panels that have the controls of lessons, beside the remedies."""


@pytest.mark.parametrize(("name", "at"), STEPS)
def test_the_controls_that_a_step_names_are_on_the_page(name: str, at: int) -> None:
    session, panel = begun(name, at)
    named = {words for text in (panel.step.do, panel.step.notice) for words in re.findall(r"`([^`]+)`", text)}
    assert "`" not in re.sub(r"`[^`]+`", "", panel.step.do)
    remedies = {words for words in named if f"the remedy `{words}`" in panel.step.do}
    assert not_on_the_page(session, named - remedies) == set()
    if remedies:
        session.do("lesson.again", {})
        trained(session)
        assert remedies <= {remedy.words for finding in findings(session) for remedy in finding.remedies}


def findings(session: Session) -> Any:
    """Give the findings of the training, looked at in the background."""
    panel = session.panels["findings"]
    assert isinstance(panel, FindingsPanel)
    for _ in range(400):
        session.draw(("findings",))
        if panel.live.busy is None and panel.live.result is not None:
            break
        time.sleep(0.02)
    return panel._findings()


SET = re.compile(r"[Ss]et `(?P<label>[^`]+)` to (?P<text>[\w.]+)| and `(?P<other>[^`]+)` to (?P<value>[\w.]+)")


def by_hand(session: Session, panel: LessonPanel) -> None:
    """Do what a step asks, by the commands that its controls send."""
    do = panel.step.do
    html = session.draw(("build",))[1]["build"].html
    for found in SET.finditer(do):
        label, text = found["label"] or found["other"], found["text"] or found["value"]
        names = re.findall(rf'<label for="build-([^"]+)">{label}</label>', html)
        if layers := re.search(r"layers (\d) and (\d)", do):
            names = [f"layers.{int(layer) - 1}.{names[0].split('.')[-1]}" for layer in layers.groups()]
        assert len(names) == (2 if layers else 1), f"{label} is the label of {names}"
        for name in names:
            session.do("build.change", {"name": name, "text": {"yes": "true"}.get(text, text)})
            if own := re.search(r"its (\w+) to ([\d.]+\d)", do):
                session.do("build.change", {"name": f"{name}.{own[1]}", "text": own[2]})
    if re.search(r"[Ee]mpty `L2 penalty`", do):
        session.do("build.change", {"name": "l2", "text": ""})
    if run := re.search(r"Choose `(\w+)` in the list `run`", do):
        session.do("source.run", {"name": run[1]})
    if "button `Remove`" in do:
        session.do("build.layer", {"do": "remove", "at": 0})
    if "One batch" in do:
        session.do("bar.advance", {"updates": 1})
    if remedy := re.search(r"the remedy `([^`]+)`", do):
        code, place = next((one.code, place) for one in findings(session) for place, each in enumerate(one.remedies)
                           if each.words == remedy[1])  # fmt: skip
        session.do("findings.apply", {"code": code, "remedy": place})
    if "Play to epoch" in do:
        session.do("lesson.play", {})
    elif "Press `Play`" in do or "press `Play`" in do:
        session.do("bar.play", {})
    trained(session)
    if view := re.search(r"(?:view|views) `(\w+(?: row)?)`", do):
        session.do("address.show", {"view": {"One row": "step"}.get(view[1], view[1].lower())})


MORE_TO_DO = re.compile(r"[Ss]et `|remedy|One batch|`Remove`|`run`")
HANDS = [(name, at) for name, at in STEPS if MORE_TO_DO.search(lessons()[name].steps[at].do)]
"""The steps with more to do than to play and to look."""


@pytest.mark.parametrize(("name", "at"), HANDS)
def test_a_step_that_is_done_by_hand_from_where_it_begins_is_done(name: str, at: int) -> None:
    session, panel = begun(name, at)
    session.do("lesson.again", {})
    trained(session)
    by_hand(session, panel)
    chosen = [words for words in left(session, panel) or [] if not words.startswith(CHOSEN)]
    assert chosen == []
    check(measured(session), session, panel.step.expect)


CHOSEN = ("choose ", "look at ", "go on to ")


def test_first_weights_that_no_control_brings_are_brought_by_the_lessons_button() -> None:
    session, panel = begun("xor", 1)
    session.do("lesson.again", {})
    session.do("build.change", {"name": "seed", "text": "1"})
    session.do("build.change", {"name": "network.initial", "text": ""})
    assert any("press Begin this step" in words for words in left(session, panel) or [])
    session.do("lesson.again", {})
    assert left(session, panel) == ["train to epoch 1,000"]


def test_what_is_left_is_said_and_goes_as_it_is_done() -> None:
    session, panel = begun("rate", 1)
    session.do("lesson.again", {})
    assert left(session, panel) == ["set learning rate to 0.1", "train to epoch 60"]
    session.do("build.change", {"name": "optimizer.rate", "text": "0.1"})
    assert left(session, panel) == ["train to epoch 60"]
    assert "Still to do: train to epoch 60." in session.draw(("lesson",))[1]["lesson"].html
    session.do("lesson.play", {})
    trained(session)
    assert left(session, panel) == []
    assert "✓ Done." in session.draw(("lesson",))[1]["lesson"].html
    session.do("source.choose", {"name": "iris"})
    assert left(session, panel) is None
    assert "Other data are there" in session.draw(("lesson",))[1]["lesson"].html


def test_first_weights_that_no_control_gives_come_with_the_step() -> None:
    session, panel = begun("xor", 1)
    session.do("lesson.again", {})
    design = session.design
    session.build(Design({key: value for key, value in design.network.items() if key != "initial"}, design.training))
    assert left(session, panel) == [FIRST_WEIGHTS, "train to epoch 1,000"]
    session.do("lesson.again", {})
    assert left(session, panel) == ["train to epoch 1,000"]


def test_the_state_of_a_step_is_the_same_after_whatever_was_done_before() -> None:
    session, _ = begun("two-layer", 3)
    session.do("lesson.show", {})
    trained(session)
    weights = session.training.network.parameters.tobytes()
    facts = {name: dict(one.facts()) for name, one in session.panels.items()}
    session.do("build.change", {"name": "optimizer.rate", "text": "3"})
    session.do("weight.choose", {"name": "w1"})
    session.do("network.mode", {"slopes": True})
    session.do("source.choose", {"name": "iris"})
    session.do("lesson.go", {"step": 5})
    session.do("lesson.show", {})
    session.do("lesson.go", {"step": 4})
    session.do("lesson.show", {})
    trained(session)
    assert session.training.network.parameters.tobytes() == weights
    assert {name: dict(one.facts()) for name, one in session.panels.items()} == facts


def test_the_state_is_played_at_full_speed_and_the_page_says_so() -> None:
    session, _ = begun("xor", 2)
    session.speed = 1.0
    session.do("lesson.show", {})
    assert (session.playing, session.hurried, session.training.step) == (True, True, 0)
    assert "It trains to epoch 10,000 at full speed" in session.draw(("lesson",))[1]["lesson"].html
    trained(session)
    assert (session.hurried, session.speed, len(session.training.history)) == (False, 1.0, 10_000)


def test_the_documentation_names_all_lessons() -> None:
    text = (Path(__file__).parents[2] / "docs" / "page.md").read_text(encoding="utf-8")
    said = text[text.index("The lessons are") :].split(".")[0]
    assert re.findall(r"[a-z]+(?:-[a-z]+)*", said.removeprefix("The lessons are").replace(" and ", " ")) == list(
        lessons()
    )


def test_who_has_gone_further_is_told_the_way_back() -> None:
    session, _ = begun("valley", 1)
    session.do("lesson.show", {})
    trained(session)
    assert "the slider goes back to it" not in session.draw(("lesson",))[1]["lesson"].html
    session.do("bar.go_on", {})
    trained(session)
    assert (
        "The numbers are those of epoch 20; the slider goes back to it." in session.draw(("lesson",))[1]["lesson"].html
    )
    session.do("bar.at", {"epoch": 20})
    assert "the slider goes back to it" not in session.draw(("lesson",))[1]["lesson"].html


def test_another_run_is_asked_for_where_a_step_is_about_its_rows() -> None:
    session, panel = begun("gates", 3)
    session.do("lesson.again", {})
    trained(session)
    assert left(session, panel) == ["choose the run OR", "train to epoch 2,000"]
    session.do("source.run", {"name": "OR"})
    assert left(session, panel) == ["train to epoch 2,000"]


def test_the_trainer_takes_no_heed_of_the_speed_on_the_way_to_a_state() -> None:
    session, _ = begun("xor", 1)
    session.speed = 1.0
    trainer = Trainer(session)
    trainer.start()
    try:
        session.do("lesson.show", {})
        until(lambda: not session.playing)
    finally:
        trainer.stop()
    assert len(session.training.history) == 1_000
