"""Lessons: each step's finished state is the same each time, and what it says to notice is so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backlit.engine import Network
from backlit.page.lesson_files import LessonStep, lessons
from backlit.page.panels.lesson import LessonPanel
from backlit.page.panels.weight import WeightPanel
from backlit.page.session import Session
from backlit.page.sources import source_of

STEPS = [(name, at) for name, lesson in lessons().items() for at in range(len(lesson.steps))]


def finished(name: str, at: int) -> tuple[Session, LessonStep]:
    """Give the session after a step was done by its button."""
    session = Session(source_of("two-layer"), (LessonPanel, WeightPanel))
    session.do("lesson.begin", {"name": name})
    session.do("lesson.go", {"step": at + 1})
    panel = session.panels["lesson"]
    assert isinstance(panel, LessonPanel)
    session.do("lesson.show", {})
    return session, panel.step


def measured(session: Session) -> dict[str, Any]:
    """Give what steps expect something of."""
    training, source = session.training, session.source
    network: Network = training.network
    found: dict[str, Any] = {"stopped": session.stopped, "outputs": network.predict(source.X).ravel()}
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
        if name == "stopped":
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
