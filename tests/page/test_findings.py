"""Findings on the page: each trouble is found, and its remedy's button leads to a training that is better."""

from __future__ import annotations

import html
import json
import re
from functools import cache, partial

import msgspec
import numpy as np
import pytest

from backlit.diagnose.changes import CHANGES, changed
from backlit.diagnose.plan import Plan
from backlit.diagnose.records import Change, Remedy
from backlit.engine import SteppedTraining
from backlit.errors import BacklitError
from backlit.examples import example_file, read_network_file
from backlit.page.design import Design
from backlit.page.panels.findings import FindingsPanel, copied
from backlit.page.remedies import remedied
from backlit.page.session import Session
from backlit.page.sources import design_of, source_of

source = cache(source_of)

TROUBLES = ("vanishing", "exploding", "dead-relu", "overfitting", "rate")

FOUND = [
    (example, run, code)
    for example in TROUBLES
    for run, code in read_network_file(example_file(example)).trouble.findings.items()
]


def trained(session: Session) -> None:
    """Train as the trainer's thread does, while the session plays."""
    while session.playing:
        session.train(0.05)


def began(example: str, run: str | None = None) -> tuple[Session, FindingsPanel]:
    session = Session(source(example), (FindingsPanel,))
    if run is not None:
        session.build(design_of(read_network_file(example_file(example)).setup(run)))
    panel = session.panels["findings"]
    assert isinstance(panel, FindingsPanel)
    return session, panel


def drawn(session: Session) -> str:
    """Draw until nothing is worked on."""
    panel = session.panels["findings"]
    for _ in range(3):
        session.draw(("findings",))
        for work in (panel.live, panel.full, panel.judging):
            work.wait()
    return session.draw(("findings",))[1]["findings"].html


def codes(text: str) -> list[str]:
    return re.findall(r'<span class="code">(BL\d+)</span>', text)


@pytest.mark.parametrize(("example", "run", "code"), FOUND)
def test_each_trouble_is_found_and_its_remedy_helps(example, run, code):
    session, _ = began(example, run)
    session.playing = True
    trained(session)
    text = drawn(session)
    if code not in codes(text):  # found by short trainings with other rates, which only the comparison makes
        session.do("findings.compare", {})
        text = drawn(session)
        assert "compared with references" in text
    assert code in codes(text)
    buttons = re.findall(rf'id="remedy-{code}-\d" data-do="findings.apply" data-given="([^"]*)"', text)
    before = session.training.history[-1]
    verdicts = []
    for given in buttons:
        session.do("findings.apply", json.loads(html.unescape(given)))
        assert session.playing
        assert len(session.training.history) == 0
        trained(session)
        told = drawn(session)
        assert 'id="trial-curves"' in told
        assert "before, training" in told
        verdicts.append(re.search(r'<section class="trial".*?<p role="status">(.*?)</p>', told, re.DOTALL)[1])
        after = session.training.history[-1]
        if verdicts[-1].startswith("It helped."):
            assert not (after.validation_loss >= before.validation_loss)
            return
        session.do("findings.undo", {})
        session.playing = True
        trained(session)
        drawn(session)
    raise AssertionError(verdicts)


def test_a_training_that_goes_on_is_not_blamed_for_its_end():
    session, panel = began("vanishing")
    session.training.advance(epochs=3, seconds=np.inf)
    session.keep()
    text = drawn(session)
    assert codes(text)[0] == "BL303"
    assert not {"BL501", "BL503"} & set(codes(text))
    assert re.search(r"After epoch 3: \d things? (is|are) odd\.", text)
    assert "BL501 and BL503 are of the end" in text
    assert panel.live.result is not None
    finding = panel.live.result.findings[0]
    assert f"{finding.measured:.3g}"[:4] in text
    assert "<dt>threshold</dt><dd>0.02</dd>" in text


def test_before_the_first_epoch_nothing_is_said_and_nothing_compared():
    session, _ = began("xor")
    assert "Train at least one epoch" in drawn(session)
    with pytest.raises(BacklitError, match="has not begun"):
        session.do("findings.compare", {})
    with pytest.raises(BacklitError, match="not there any more"):
        session.do("findings.apply", {"code": "BL303", "remedy": 0})
    with pytest.raises(BacklitError, match="no remedy to undo"):
        session.do("findings.undo", {})


def test_where_nothing_is_odd_it_says_what_was_looked_at():
    session, _ = began("rate", "good")
    session.training.advance(epochs=20, seconds=np.inf)
    session.keep()
    text = drawn(session)
    assert "After epoch 20: nothing is odd." in text
    assert re.search(r"Looked at: \d\d tests of the data, loss and output", text)
    session.do("findings.compare", {})
    assert "Comparing: " in session.draw(("findings",))[1]["findings"].html
    session.do("findings.cancel", {})
    assert "Compare with references" in drawn(session)


def test_undo_goes_back_and_another_design_drops_the_trial():
    session, panel = began("vanishing")
    rows, design = session.source, session.design
    first = session.training.network.parameters.copy()
    session.training.advance(epochs=2, seconds=np.inf)
    session.keep()
    drawn(session)
    session.do("findings.apply", {"code": "BL303", "remedy": 0})
    assert (session.until, session.playing) == (2, True)
    assert [layer.get("activation") for layer in session.design.network["layers"]] == ["relu"] * 10 + ["softmax"]
    trained(session)
    assert (len(session.training.history), session.playing) == (2, False)
    session.reset()
    assert len(panel.trials) == 1
    session.do("findings.undo", {})
    assert (session.source, session.design, panel.trials) == (rows, design, [])
    np.testing.assert_array_equal(session.training.network.parameters, first)
    session.training.advance(epochs=2, seconds=np.inf)
    session.keep()
    drawn(session)
    session.do("findings.apply", {"code": "BL303", "remedy": 1})
    assert len(session.design.network["layers"]) == 3
    session.build(design)
    assert panel.trials == []


VALUES = {
    "setting": {"batch_size": 7, "clip_norm": None, "keep_best": True}, "rate": 0.02,
    "optimizer": {"op": "adam", "rate": 0.005}, "activation": "relu", "first weights": None, "first biases": 0.0,
    "batch norm": True, "dropout": 0.2, "units": (3, 2), "output": {"activation": "identity", "loss": "huber"},
    "standardize": True, "standardize targets": True, "leave out inputs": (1, 4), "leave out rows": (0, 5),
    "class weights": "balanced",
}  # fmt: skip
"""A value of each change that diagnose makes."""

DESIGN = Design(
    {"inputs": list("abcdefghij"), "loss": "mse", "layers": [
        {"units": 5, "activation": "tanh", "biases": -1.0}, {"units": 4, "activation": "sigmoid"},
        {"units": 1, "labels": ["y"]},
    ]}, {"optimizer": {"op": "sgd", "rate": 0.1}, "epochs": 4, "batch_size": 50, "clip_norm": 3.0, "keep_best": False},
)  # fmt: skip


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_every_change_of_diagnose_applies_on_the_page(name, monkeypatch):
    monkeypatch.setattr("backlit.page.session.SteppedTraining", partial(SteppedTraining, compiled=False))
    session = Session(source("exploding"), ())
    session.build(DESIGN)
    if name == "class weights":
        Y = (session.source.Y > 0).astype(float)
        held = (session.source.validation[0], (session.source.validation[1] > 0).astype(float))
        session.take(msgspec.structs.replace(session.source, Y=Y, validation=held), DESIGN)
    before = Plan.of(session.training)
    remedy = Remedy("a remedy", (Change(name, VALUES[name], "a change"),))
    after = changed(before, remedy.changes)
    changed_source, design = remedied(session.source, session.design, before, after, remedy)
    session.take(changed_source, design)
    now = Plan.of(session.training)
    assert now.settings == after.settings
    if name != "first biases":  # which the plan changes behind the layers' backs
        assert [layer.to_dict() for layer in now.layers] == [layer.to_dict() for layer in after.layers]
    assert now.network.loss == after.network.loss
    np.testing.assert_array_equal(now.network.parameters, after.network.parameters)
    for mine, theirs in zip((*now.rows, *now.validation), (*after.rows, *after.validation), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    of_rows = name in {"standardize", "standardize targets", "leave out inputs", "leave out rows", "class weights"}
    assert session.source.changes == (("a remedy",) if of_rows else ())
    if name == "leave out inputs":
        assert design.network["inputs"] == ["a", "c", "d", "f", "g", "h", "i", "j"]
    if name not in {"units", "batch norm"}:
        assert design.network["layers"][-1].get("labels") == ["y"]


def test_a_recipe_of_first_weights_goes_with_the_layers_that_it_was_for():
    session, _ = began("xor")
    assert "initial" in session.design.network
    before = Plan.of(session.training)
    remedy = Remedy("more units", (Change("units", (5, 4), "a change"),))
    after = changed(before, remedy.changes)
    _, design = remedied(session.source, session.design, before, after, remedy)
    session.build(design)
    assert "initial" not in session.design.network
    assert [layer["units"] for layer in session.design.network["layers"]] == [5, 4, 1]


def test_a_column_of_a_table_is_left_out_by_its_name_and_the_rows_cannot_judge_that(tmp_path):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 200))
    y = (a + 0.8 * rng.normal(size=200) > 0).astype(int)
    paid = 2.0 * y + 1e-3 * rng.normal(size=200)
    cells = zip(a, paid, b, np.where(y, "yes", "no"), strict=True)
    rows = ["a,paid back,b,answer", *(f"{one:.4f},{leak:.5f},{two:.4f},{answer}" for one, leak, two, answer in cells)]
    (tmp_path / "leak.csv").write_text("\n".join(rows))
    session = Session(source_of(str(tmp_path / "leak.csv"), "answer"), (FindingsPanel,))
    session.until, session.playing = 20, True
    trained(session)
    text = drawn(session)
    assert '<h3><span class="code">BL103</span> Leak</h3>' in text
    assert ">train without paid back</button>" in text
    session.do("findings.apply", {"code": "BL103", "remedy": 0})
    assert session.source.changes == ("train without paid back",)
    assert session.design.network["inputs"] == ["a", "b"]
    assert [report.column for report in session.source.columns] == ["a", "b"]
    trained(session)
    assert "Whether it helped, these rows cannot tell" in drawn(session)
    session.do("findings.undo", {})
    assert session.source.X.shape[1] == 3
    assert session.source.table is not None


def test_the_table_of_values_has_every_change():
    assert set(VALUES) == set(CHANGES)


def test_a_copy_shares_the_rows_and_goes_on_as_it_was():
    session, _ = began("xor")
    session.training.advance(epochs=2, updates=3, seconds=np.inf)
    other = copied(session.training)
    assert other.X is session.training.X
    assert other.network.parameters is not session.training.network.parameters
    session.training.advance(epochs=3, seconds=np.inf)
    other.advance(epochs=3, seconds=np.inf)
    np.testing.assert_array_equal(other.network.parameters, session.training.network.parameters)
