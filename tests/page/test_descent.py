"""The panels descent and health: the engine's numbers, a surface that ages, work that another takes the place of."""

from __future__ import annotations

import html
import json
import re
import threading
from functools import cache

import numpy as np
import pytest

from backlit.analysis.valley.valley import valley
from backlit.errors import BacklitError
from backlit.page.background import Background
from backlit.page.panels.descent import FINE, DescentPanel
from backlit.page.panels.findings import copied
from backlit.page.panels.health import RANGES, HealthPanel
from backlit.page.panels.weight import WeightPanel
from backlit.page.session import Session
from backlit.page.sources import source_of
from backlit.show.signals.words import cell

source = cache(source_of)


def began(example: str) -> tuple[Session, DescentPanel]:
    session = Session(source(example), (DescentPanel, HealthPanel))
    panel = session.panels["descent"]
    assert isinstance(panel, DescentPanel)
    return session, panel


def by_epoch(session: Session, epochs: int) -> None:
    for _ in range(epochs):
        session.training.advance(epochs=1, seconds=np.inf)
        session.keep()


def drawn(session: Session, panel: DescentPanel):
    session.draw(("descent",))
    panel.work.wait()
    return session.draw(("descent",))[1]["descent"]


@pytest.mark.parametrize("over", ["path", ("w(i2,h1)", "b(o1)")])
def test_the_numbers_are_those_of_the_valley_of_the_training_repeated(over):
    session, panel = began("xor")
    by_epoch(session, 12)
    if over != "path":
        session.do("descent.weights", {"x": over[0], "y": over[1]})
    part = drawn(session, panel)
    repeated = valley(copied(session.training), weights=None if over == "path" else over, resolution=FINE)
    assert panel.work.result.valley == repeated
    points = json.loads(html.unescape(re.search(r'data-points="([^"]*)"', part.html)[1]))
    assert len(points) == 13
    assert points[4][2].startswith("Epoch 4: ")
    assert f"{repeated.paths[0].points[4].true:.4g}"[:5] in points[4][2]
    assert "of the path&#x27;s variance" in part.html or over != "path"
    assert len(part.html) < 50_000  # what a snapshot may have


def test_of_two_weights_there_is_no_other_plane_to_choose():
    session, panel = began("valley")
    by_epoch(session, 5)
    part = drawn(session, panel)
    assert "The path lies on the surface." in part.html
    assert "descent-over" not in part.html
    assert "descent-errors" not in part.html
    own = {"w(i1,o1)": "w", "b(o1)": "b"}
    assert panel.work.result.valley == valley(copied(session.training), labels=own, resolution=FINE)
    assert (panel.work.result.valley.x_name, panel.work.result.valley.y_name) == ("w", "b")


def test_while_it_plays_the_path_grows_on_a_surface_that_ages():
    session, panel = began("xor")
    by_epoch(session, 5)
    old = drawn(session, panel)
    assert old.numbers["state"] == "Surface through the weights after 5 epochs."
    assert old.numbers["later"] == ""
    session.playing = True
    by_epoch(session, 3)
    new = session.draw(("descent",))[1]["descent"]
    assert panel.work.busy is None  # it was drawn a moment ago
    assert new.layout == old.layout
    assert new.html == old.html
    assert "the network drawn here now: 8 epochs" in new.numbers["state"]
    assert new.numbers["aged"]
    ends = [[float(v) for v in pair.split(",")] for pair in new.numbers["later"].split()]
    assert len(ends) == 4
    assert new.numbers["now"] == pytest.approx(ends[-1], abs=0.1)
    session.do("descent.redraw", {})
    again = drawn(session, panel)
    assert again.layout != old.layout
    assert again.numbers["state"].startswith("Surface through the weights after 8 epochs.")
    session.playing = False
    by_epoch(session, 1)
    assert drawn(session, panel).numbers["state"] == "Surface through the weights after 9 epochs."


def test_without_a_path_it_is_over_the_steepest_weights_and_says_so():
    session, panel = began("xor")
    assert "is being computed" in session.draw(("descent",))[1]["descent"].html
    part = drawn(session, panel)
    assert "too few points for a plane of its own" in part.html
    assert "these two have the largest slopes" in part.html
    session.do("descent.take", {"over": "steepest"})
    chosen = session.draw(("descent",))[1]["descent"].html  # at once, whatever surface there is
    assert '<option value="steepest" selected>' in chosen
    assert "too few points" not in drawn(session, panel).html


def test_weights_that_do_not_fit_are_refused_and_another_network_forgets_them():
    session, panel = began("xor")
    with pytest.raises(BacklitError, match="the same weight"):
        session.do("descent.weights", {"x": "w(i1,h1)", "y": "1.W[0,0]"})
    with pytest.raises(BacklitError, match="did you mean"):
        session.do("descent.weights", {"x": "w(i1,h1)", "y": "w(i1,h99)"})
    session.do("descent.weights", {"x": "w(i1,h2)", "y": "b(h2)"})
    session.reset()
    assert panel.over == ("w(i1,h2)", "b(h2)")
    drawn(session, panel)
    one = {"inputs": 2, "layers": [{"units": 1}]}
    session.build(type(session.design)(one, session.design.training))
    assert panel.over == "path"
    assert panel.work.result is None


def test_of_many_weights_the_names_are_typed_and_two_of_them_are_given():
    session, panel = began("digits")
    part = drawn(session, panel)
    first = json.loads(html.unescape(re.search(r'data-first="([^"]*)"', part.html)[1]))
    session.do("descent.weights", {"x": first[0], "y": first[1]})
    assert f'<input id="descent-y" type="text" value="{html.escape(first[1])}"' in drawn(session, panel).html


def test_weights_have_the_names_that_the_other_panels_give_them():
    session, panel = began("iris")
    drawn(session, panel)
    session.do("descent.weights", {"x": "w(petal length (cm),h1)", "y": "b(virginica)"})
    assert "w(petal length (cm),h1)" in drawn(session, panel).html
    other = Session(source("iris"), (WeightPanel,))
    for name in panel.over:
        other.do("weight.choose", {"name": name})
        assert other.panels["weight"].facts() == {"weight": name}
    session.do("descent.weights", {"x": "w(i1,h2)", "y": "w(h1,o1)"})  # the usual names are known, too
    assert panel.over == ("w(sepal length (cm),h2)", "w(h1,setosa)")
    session, panel = began("two-layer")
    session.do("descent.weights", {"x": "w5", "y": "w(i1,h1)"})
    assert panel.over == ("w5", "w1")


# --------------------------------------------------------------------------------------------------------- the signals


def test_the_signals_are_the_engines_with_what_is_healthy():
    session, _ = began("vanishing")
    assert "begin with the first epoch" in session.draw(("health",))[1]["health"].html
    by_epoch(session, 6)
    text = session.draw(("health",))[1]["health"].html
    record = session.training.signals.record(40)
    for name in ("gradient_norm", "update_ratio", "saturated", "dead"):
        assert f'id="health-{name.replace("_", "-")}"' in text
        assert html.escape(RANGES[name].words) in text
        for layer in record.layers.values():
            assert f">{cell(name, layer[name][-1])}</td>" in text
    assert "0.1: large" in text
    assert len(text) < 90_000
    session.replayed = next(kept.step for kept in session.kept.all() if kept.epoch == 3)
    assert "epoch 3<" in session.draw(("health",))[1]["health"].html


def test_where_no_activation_is_flat_it_says_so_and_lbfgs_has_none():
    session, _ = began("valley")
    by_epoch(session, 2)
    text = session.draw(("health",))[1]["health"].html
    assert "nowhere flat" in text
    assert "health-dead" not in text
    design = session.design
    session.build(type(design)(design.network, {"optimizer": "lbfgs", "epochs": 2, "batch_size": "full"}))
    assert "L-BFGS has none" in session.draw(("health",))[1]["health"].html


# ------------------------------------------------------------------------------------------------------ the background


def test_a_work_takes_the_place_of_the_one_before():
    told: list[str] = []
    background: Background[str] = Background(lambda: told.append("new"))
    at, go = threading.Event(), threading.Event()

    def long(task):
        task.show("a part", "long")
        at.set()
        go.wait(10.0)
        task.between()
        return "the whole"

    background.start("long", long)
    assert at.wait(10.0)
    assert (background.result, background.key, background.busy) == ("a part", "long", "long")
    background.start("short", lambda task: "short")
    go.set()
    background.wait()
    assert (background.result, background.key, background.busy, background.error) == ("short", "short", None, "")
    assert told


def test_what_does_not_fit_is_said_and_dropped_work_leaves_nothing():
    background: Background[str] = Background(lambda: None)

    def wrong(task):
        raise BacklitError("it does not fit.")

    background.start("wrong", wrong)
    background.wait()
    assert (background.result, background.error) == (None, "it does not fit.")
    go = threading.Event()

    def late(task):
        go.wait(10.0)
        return "late"

    background.start("late", late)
    background.drop()
    go.set()
    with background._working:
        pass
    assert (background.result, background.key, background.busy) == (None, None, None)
