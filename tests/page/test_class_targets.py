"""Classes beside losses of numbers: an output for each class, as a comparison of losses on the same rows needs it."""

from __future__ import annotations

import numpy as np

import backlit as bl
from backlit.ops import registry
from backlit.page.panels import PANELS
from backlit.page.panels.bar import BarPanel
from backlit.page.panels.build import BuildPanel
from backlit.page.session import Session
from backlit.page.sources import source_of

NAMES = tuple(panel.name for panel in PANELS)


def test_a_squared_error_learns_classes_by_an_output_for_each() -> None:
    """It was refused with words about the shape of Y, and no lecture could compare it with the cross entropy."""
    session = Session(source_of("iris"), PANELS)
    numbers, held_out = session.source.Y, session.source.validation
    assert held_out is not None
    session.do("build.change", {"name": "loss", "text": "half_squared_error"})
    source = session.source
    assert np.array_equal(source.Y, np.eye(3)[numbers.astype(int)])
    assert source.validation is not None
    assert np.array_equal(source.validation[1], np.eye(3)[held_out[1].astype(int)])
    session.do("bar.advance", {"epochs": 5})
    parts = session.draw(NAMES)[1]
    assert "1 for the rows of the class" in parts["columns"].html
    assert not any("cannot be drawn" in part.html for part in parts.values())
    network = session.source.network(session.design)
    bl.Training(network, source.X, source.Y, **session.design.setup().rules_alone() | {"epochs": 5}).run()
    assert np.array_equal(network.parameters, session.training.network.parameters)
    session.do("build.change", {"name": "loss", "text": "cross_entropy"})
    assert np.array_equal(session.source.Y, numbers)
    assert session.source.validation is not None
    assert np.array_equal(session.source.validation[1], held_out[1])


def test_one_output_learns_two_classes() -> None:
    session = Session(source_of("breast_cancer"), PANELS)
    numbers = session.source.Y
    session.do("address.restore", {"settings": {"layers": "4:tanh,1:sigmoid", "loss": "binary_cross_entropy"}})
    assert np.array_equal(session.source.Y, numbers)
    session.do("bar.advance", {"epochs": 2})
    assert not any("cannot be drawn" in part.html for part in session.draw(NAMES)[1].values())
    session.do("address.restore", {"settings": {"layers": "4:tanh,2:softmax", "loss": "mse"}})
    assert session.source.Y.shape == (len(numbers), 2)


def test_every_loss_takes_classes_or_says_why_not() -> None:
    session = Session(source_of("iris"), (BuildPanel, BarPanel))
    taken = 0
    for loss in registry.losses:
        session.do("build.change", {"name": "loss", "text": loss})
        refused = session.panels["build"].refused  # type: ignore[attr-defined]
        if refused is None:
            taken += 1
            session.do("bar.advance", {"updates": 1})
            assert session.training.step == 1
        else:
            assert "shape" not in refused[2]
    assert taken >= 8
