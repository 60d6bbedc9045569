"""One row and one weight on the page: the numbers of `bl.explain`, to the last digit shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import unescape
from typing import Any

import numpy as np
import pytest

import backlit as bl
from backlit.errors import BacklitError
from backlit.explain import Record
from backlit.explain.algebra.numerals import given_text, latex_number
from backlit.explain.record.quantities import Place
from backlit.page.design import Design
from backlit.page.panels.bar import BarPanel
from backlit.page.panels.curves import CurvesPanel
from backlit.page.panels.network import NetworkPanel
from backlit.page.panels.step import StepPanel
from backlit.page.panels.weight import WeightPanel
from backlit.page.session import Session
from backlit.page.sources import Source, source_of
from backlit.show.charts.numbers import minus
from backlit.show.worked.html import maths

LARGEST = 200_000
"""Bytes of a stage at most."""


def session_of(name: str, **training: Any) -> Session:
    session = Session(source_of(name), (BarPanel, StepPanel, WeightPanel))
    if training:
        design = session.design
        session.build(Design(design.network, design.training | training))
    return session


def of_rows(layers: list[dict[str, Any]], *, inputs: int = 2, rows: int = 4, **training: Any) -> Session:
    """Give a session on rows drawn at random, whose classes are the outputs of the last layer."""
    random = np.random.default_rng(3)
    X, Y = random.normal(size=(rows, inputs)), np.arange(rows) % layers[-1]["units"]
    network = {"inputs": inputs, "layers": layers, "loss": "cross_entropy", "seed": 0}
    design = Design(network, {"optimizer": "adam", "batch_size": "full", "epochs": 9, "seed": 0} | training)
    source = Source(title="rows", given=("rows",), X=X, Y=Y, validation=None, design=design)
    return Session(source, (BarPanel, StepPanel, WeightPanel))


def html(session: Session, panel: str = "step") -> str:
    return session.draw((panel,))[1][panel].html


def at_stage(session: Session, stage: int) -> str:
    session.do("step.go", {"stage": stage})
    return html(session)


def stages(session: Session) -> list[str]:
    return re.findall(r'id="step-stage-\d+"[^>]*title="([^"]*)"', html(session))


def bare(text: str) -> str:
    """Give what is read of a formula."""
    return unescape(re.sub(r"<[^>]*>", "", text))


def results(text: str) -> set[str]:
    """Give the values that formulas end with."""
    tables = re.findall(r'<table class="equation">(.*?)</table>', text, re.DOTALL)
    return {bare(table.rpartition("<tr>")[2]) for table in tables}


def results_of(records: Iterable[Record]) -> set[str]:
    """Give the values of records as formulas end with them."""
    return {bare(maths("= " + latex_number(record.shown))) for record in records}


MIDWAY = [
    ("two-layer", {}, 3), ("xor", {}, 5), ("iris", {"batch_size": 16}, 8),
    ("iris", {"batch_size": 16, "optimizer": {"op": "momentum", "rate": 0.1}}, 8),
]  # fmt: skip


@pytest.mark.parametrize(("name", "settings", "updates"), MIDWAY)
def test_the_numbers_are_those_of_explain(name: str, settings: dict[str, Any], updates: int) -> None:
    session = session_of(name, **settings)
    session.do("bar.advance", {"updates": updates})
    whole = bl.explain(session.training)
    shown = {text for stage in range(len(stages(session))) for text in results(at_stage(session, stage))}
    assert len(shown) > 10
    assert shown <= results_of(whole)
    panel = session.panels["step"]
    assert isinstance(panel, StepPanel)
    with session.view() as view:
        walk, _, _ = panel.walk(view)
    records = [record for k in range(len(walk.stages)) for part in walk.work(k).sections for record in part.records]
    own = {record.name for record in whole}
    for record in (record for record in records if record.name in own):
        assert (record.shown, record.value) == (whole[record.name].shown, whole[record.name].value)


@pytest.mark.parametrize(("name", "settings", "updates"), MIDWAY)
def test_a_weight_is_worked_out_as_explain_does(name: str, settings: dict[str, Any], updates: int) -> None:
    session = session_of(name, **settings)
    session.do("bar.advance", {"updates": updates})
    with session.view() as view:
        step = session.recorder.of(session.training, view).step
    label = step.contents.parameters[0].name(Place(0, 1, 1)).text
    session.do("weight.choose", {"name": label})
    text = html(session, "weight")
    whole = bl.explain(session.training, check=True, inputs=step.contents.inputs.units,
                       labels=step.contents.context.names.labels)  # fmt: skip
    value = float(session.training.network["1.W"][1, 1])
    assert f'<span class="now">{minus(given_text(value))}</span>' in text
    slope, new = whole[f"dE/d{label}"], whole[f"{label}+"]
    assert f"By differences {minus(slope.checked.removeprefix('by differences '))}." in text
    assert f'<td class="n">{minus(new.shown)}</table>' in text
    slots = [whole[f"{slot}({label})+"] for slot in session.training.optimizer.slots]
    assert results_of([slope, new, *slots]) <= results(text)


def signed(session: Session) -> str:
    """Give the panel of a weight with the signs of numbers that Python reads."""
    return html(session, "weight").replace("−", "-")


@pytest.mark.parametrize(("name", "settings", "updates"), MIDWAY)
def test_the_new_value_is_the_one_that_training_comes_to(name: str, settings: dict[str, Any], updates: int) -> None:
    session = session_of(name, **settings)
    session.do("bar.advance", {"updates": updates})
    html(session, "weight")
    session.do("weight.pick", {"array": 0, "source": 1, "unit": 1})
    change = re.findall(r'<td class="n">(\S+)<td class="n">(\S+)<td class="n">(\S+)</table>', signed(session))
    session.do("bar.advance", {"updates": 1})
    now = re.findall(r'<span class="now">(\S+)</span>', signed(session))
    assert float(now[0]) == float(change[0][2])
    assert float(change[0][0]) != float(now[0])


def test_back_and_forth_gives_the_same_fragments() -> None:
    session = session_of("xor")
    there = [at_stage(session, stage) for stage in range(len(stages(session)))]
    assert len(set(there)) == len(there)
    assert [at_stage(session, stage) for stage in reversed(range(len(there)))] == there[::-1]
    assert at_stage(session, 99) == there[-1]
    with pytest.raises(BacklitError, match="expected 0 or more"):
        session.do("step.go", {"stage": -1})


def test_the_next_row_is_the_next_one_of_the_batch_and_then_of_the_next_batch() -> None:
    session = session_of("iris", batch_size=3)
    first = [int(row) + 1 for row in session.training.coming().rows]  # type: ignore[union-attr]
    seen = []
    for _ in range(3):
        seen.append(int(re.findall(r"Row (\d+)[^:]*: row \d of 3 in", html(session))[0]))
        assert session.training.step == 0
        session.do("step.next_row", {})
    assert seen == first
    assert session.training.step == 1
    first_of_next = session.training.coming().rows[0] + 1  # type: ignore[union-attr]
    assert re.search(rf"Row {first_of_next}( \(row \d+ of the table\))?: row 1 of 3 in", html(session))
    assert "batch 2 of 30 of epoch 1" in html(session)


def test_of_one_row_a_batch_each_row_is_an_update() -> None:
    session = session_of("two-layer", batch_size=1)
    for done in (1, 2):
        session.do("step.next_row", {})
        assert session.training.step == done


def test_any_row_can_be_a_batch_of_its_own() -> None:
    session = session_of("iris", batch_size=3)
    session.do("bar.advance", {"updates": 2})
    coming = session.training.coming()
    assert coming is not None
    other = next(row for row in range(90) if row not in coming.rows)
    session.do("step.row", {"number": other + 1})
    text = html(session)
    assert re.search(rf"Row {other + 1} of the 90 training rows \(row \d+ of the table\), worked out as a batch", text)
    step = session.training
    whole = bl.explain(
        step.network, step.X[[other]], step.Y[[other]], optimizer=step.optimizer, slots=step.memory.slots, taken=2,
    )  # fmt: skip
    last = at_stage(session, 99)
    assert "The update is made once" not in last
    assert results(last) <= results_of(whole)
    session.do("step.move", {"by": 1})
    assert f"Row {other + 2} of the 90" in html(session)
    session.do("step.batch", {})
    assert "row 1 of 3 in" in html(session)
    session.do("step.row", {"number": int(coming.rows[2]) + 1})
    assert re.search(rf"Row {coming.rows[2] + 1} \(row \d+ of the table\): row 3 of 3 in", html(session))
    with pytest.raises(BacklitError, match="expected a number from 1 to 90"):
        session.do("step.row", {"number": 91})


def test_a_validation_row_is_stepped_through_and_makes_no_update() -> None:
    session = session_of("iris", batch_size=3)
    session.do("bar.advance", {"updates": 2})
    assert '<option value="validation">the 30 validation rows' in html(session)
    session.do("step.show", {"which": "validation"})
    session.do("step.row", {"number": 7})
    source, step = session.source, session.training
    assert source.table is not None
    line = source.table.of("validation")[6] + 1
    assert f"Row 7 of the 30 validation rows (row {line} of the table), worked out as a batch" in html(session)
    X, Y = source.rows("validation")
    whole = bl.explain(step.network, X[[6]], Y[[6]], optimizer=step.optimizer, slots=step.memory.slots, taken=2)
    count = len(stages(session))
    assert not any(title.startswith("Update") for title in stages(session))
    seen = [at_stage(session, stage) for stage in range(count)]
    found = set().union(*map(results, seen))
    assert found
    assert found <= results_of(whole)
    assert "no update is made by it" in seen[-1]
    cells = source.table.table.take([line - 1]).column("sepal length (cm)").to_pylist()
    assert f"<td>{cells[0]:g}, standardized" in seen[-1]
    session.do("step.move", {"by": -7})
    assert "Row 30 of the 30 validation rows" in html(session)
    assert session.panels["step"].facts()["step.validation"]
    with pytest.raises(BacklitError, match="expected a number from 1 to 30"):
        session.do("step.row", {"number": 31})
    session.do("step.row", {"number": 31, "which": "training"})
    assert "of the 90 training rows" in html(session) or ": row" in html(session)
    session.do("step.show", {"which": "validation"})
    session.do("step.next_row", {})
    assert "row 2 of 3 in" in html(session)
    one = session_of("two-layer")
    assert "step-which" not in html(one)
    with pytest.raises(BacklitError, match="there are no validation rows"):
        one.do("step.show", {"which": "validation"})


def test_a_table_row_shows_its_own_units() -> None:
    session = session_of("iris")
    text = html(session)
    place = session.training.coming().rows[0]  # type: ignore[union-attr]
    encoder = session.source.table.encoder  # type: ignore[union-attr]
    raw = encoder.features.columns[0]
    value = session.source.X[place, 0] * raw.scale + raw.center if hasattr(raw, "center") else None
    said = re.findall(r'scope="row">sepal length \(cm\)<td>([\d.]+), standardized<td class="n">(-?[\d.]+)', text)
    assert len(said) == 1
    assert float(said[0][1]) == pytest.approx(session.source.X[place, 0], abs=1e-6)
    assert value is None or float(said[0][0]) == pytest.approx(value)
    table = session.source.table
    assert table is not None
    row = table.rows["train"][table.folds[0][0][place]]
    assert float(said[0][0]) == table.table.column("sepal length (cm)").to_pylist()[row]


@pytest.mark.parametrize("units", [[32], [12] * 6])
def test_a_wide_or_deep_network_stays_small(units: list[int]) -> None:
    layers: list[dict[str, Any]] = [{"units": size, "activation": "relu"} for size in units]
    session = of_rows([*layers, {"units": 10, "activation": "softmax"}], inputs=64, rows=20)
    count = len(stages(session))
    pages = [at_stage(session, stage) for stage in (0, count // 2 - 1, count // 2 + 1, count - 1)]
    assert max(len(page.encode()) for page in pages) < LARGEST
    assert "more are not listed" in pages[0] + pages[-1]
    columns = len(units) + 2
    assert (f"Of {columns} columns those next to the layer at hand are drawn" in pages[0]) == (columns > 5)
    assert all(page.count('text class="title') == (3 if columns > 5 else columns) for page in pages)
    session.do("weight.choose", {"name": "w(i7,h3)" if len(units) == 1 else "w(i7,h1.3)"})
    assert len(html(session, "weight").encode()) < LARGEST // 4


def test_while_it_plays_the_value_alone_follows() -> None:
    session = session_of("two-layer")
    session.do("weight.choose", {"name": "w5"})
    assert "w5 = <span" in html(session, "weight")
    session.playing = True
    session.training.advance(updates=1, seconds=np.inf)
    part = session.draw(("weight",))[1]["weight"]
    assert part.numbers == {"value": "0.358916480"}
    assert '<span id="weight-live" class="now">0.358916480</span>' in part.html
    session.training.advance(updates=1, seconds=np.inf)
    later = session.draw(("weight",))[1]["weight"]
    assert later.layout == part.layout
    assert later.numbers != part.numbers
    session.training.advance(updates=1, seconds=np.inf)
    assert "The training runs. Pause it" in html(session)
    session.playing = False
    value = given_text(float(session.training.network["2.W"][0, 0]))
    assert f'<span class="now">{minus(value)}</span>' in html(session, "weight")


def test_what_has_no_update_is_said() -> None:
    session = session_of("two-layer", optimizer="lbfgs")
    assert "which has no one formula" in at_stage(session, 99)
    assert not any(title.startswith("Update") for title in stages(session))
    session.do("weight.choose", {"name": "w5"})
    text = html(session, "weight")
    assert "By differences 0.082167041" in text
    assert "which has no one formula" in text
    schedule = {"op": "cosine"}
    session = session_of("iris", epochs=1, batch_size=20, schedule=schedule)
    session.do("bar.advance", {"epochs": 1})
    assert "The training has done all its epochs, over which its schedule" in at_stage(session, 99)
    assert "no batch comes any more" in at_stage(session, 99)
    session = session_of("two-layer", epochs=1, schedule=schedule)
    session.do("bar.advance", {"epochs": 1})
    session.do("bar.go_on", {})  # what was said of the end is not said any more
    session.do("bar.pause", {})
    assert "The training has done all its epochs" not in at_stage(session, 99)


@pytest.mark.parametrize("more", [{}, {"batch_size": 20}])
def test_after_all_epochs_the_update_is_that_of_one_more(more: dict[str, Any]) -> None:
    ended, longer = (session_of("iris", epochs=epochs, **more) for epochs in (2, 3))
    for session in (ended, longer):
        session.do("bar.advance", {"epochs": 2})
        session.do("weight.choose", {"name": "b(h1)"})
    assert ended.stopped
    assert not longer.stopped
    said = "All epochs are done: the update is the one that one more epoch would begin with."
    for panel in ("step", "weight"):
        for session in (ended, longer):
            session.do("step.go", {"stage": 99})
        assert said in html(ended, panel)
        assert results(html(ended, panel)) == results(html(longer, panel))


def test_a_moment_that_is_replayed_has_an_update_where_it_follows_from_the_weights_alone() -> None:
    session = session_of("two-layer")
    first, last = html(session), at_stage(session, 99)
    session.do("bar.advance", {"epochs": 3})
    assert html(session) != first
    session.replayed = 0
    text = at_stage(session, 0)
    assert results(text) == results(first)
    assert "At the weights after update 0, an earlier moment." in text
    assert results(at_stage(session, 99)) == results(last)
    session = session_of("two-layer", optimizer={"op": "adam", "rate": 0.1})
    session.do("bar.advance", {"epochs": 3})
    session.replayed = 0
    assert "moments of that time are not kept" in at_stage(session, 99)
    layers = [{"units": 2, "activation": "softmax"}]
    for size, told in (("full", False), (2, True)):
        session = of_rows(layers, batch_size=size, optimizer={"op": "sgd", "rate": 0.1})
        session.do("bar.advance", {"epochs": 1})
        assert "took another batch" not in html(session)
        session.replayed = 0
        assert ("took another batch" in html(session)) is told


def test_frozen_shared_and_dropped_weights_are_told() -> None:
    session = session_of("two-layer")
    session.do("weight.choose", {"name": "b(h1)"})
    assert "is frozen: training leaves it as it is" in html(session, "weight")
    shared = of_rows([
        {"units": 2, "activation": "tanh", "tie": "twice"}, {"units": 2, "activation": "tanh", "tie": "twice"},
        {"units": 2, "activation": "softmax"},
    ])  # fmt: skip
    shared.do("weight.choose", {"name": "w(i1,h1.1)"})
    text = html(shared, "weight")
    assert "via" in text
    assert "By differences" in text
    dropped = of_rows(
        [{"units": 3, "activation": "relu"}, {"op": "dropout", "p": 0.5}, {"units": 2, "activation": "softmax"}]
    )
    assert "Forward through layer 2: dropout" in stages(dropped)
    normed = of_rows([{"units": 3}, {"op": "batch_norm"}, {"units": 2, "activation": "softmax"}])
    assert "takes all rows of the batch together" in at_stage(normed, 0)


def test_the_first_weight_of_a_block_is_chosen_by_the_block_that_is_drawn() -> None:
    session = Session(source_of("convolution"), (NetworkPanel, StepPanel, WeightPanel))
    drawing = html(session, "network")
    given = re.findall(r'class="block" role="button" tabindex="0" data-do="([^"]*)" data-given=\'([^\']*)\'', drawing)
    assert given == [("weight.first", '{"array":"1.W"}')]  # of three layers as blocks, one has weights
    html(session, "weight")
    session.do(given[0][0], json.loads(given[0][1]))
    assert '<h2 id="weight-title">w(i1,f1@r1c1) = ' in html(session, "weight")
    with pytest.raises(BacklitError, match=r"no weights '9.W': it has 1.W, 1.b, 4.W, 4.b"):
        session.do("weight.first", {"array": "9.W"})


def test_targets_that_do_not_differ_have_no_metric_and_no_baseline() -> None:
    session = Session(source_of("two-layer"), (BarPanel, CurvesPanel))
    bar, curves = (session.draw(("bar", "curves"))[1][name] for name in ("bar", "curves"))
    assert "R²" not in bar.html + bar.numbers["said"] + curves.html
    assert list(curves.numbers) == ["loss"]
    assert "aseline" not in curves.html
    other = Session(source_of("valley"), (BarPanel, CurvesPanel))
    assert "R²" in html(other, "bar")
    assert list(other.draw(("curves",))[1]["curves"].numbers) == ["loss", "metric"]


def test_a_weight_is_chosen_by_its_parts_or_refused() -> None:
    session = session_of("two-layer")
    text = html(session, "weight")
    assert "Its chain rule appears here" in text
    assert '<option value="w5">' in text
    session.do("weight.pick", {"array": 0, "source": 1, "unit": 0})
    assert '<h2 id="weight-title">w2 = ' in html(session, "weight")
    with pytest.raises(BacklitError, match="the network has no weight 'w99'; names look like 'w1'"):
        session.do("weight.choose", {"name": "w99"})
    with pytest.raises(BacklitError, match="expected one from 0 to"):
        session.do("weight.pick", {"array": 9, "source": 0, "unit": 0})
    session.build(Design({**session.design.network, "layers": [{"units": 2}, {"units": 2}]}, session.design.training))
    assert "the network has no weight 'w2'" in unescape(html(session, "weight"))


def test_the_cells_of_a_filter_have_names_of_their_own() -> None:
    session = session_of("convolution")
    choices = re.search(r'<select id="weight-source".*?</select>', html(session, "weight"))
    assert choices is not None
    names = [unescape(name) for name in re.findall(r">([^<]+)<(?:option|/select)", choices[0])]
    assert len(names) == len(set(names)) > 1
    session.do("weight.pick", {"array": 0, "source": 1, "unit": 0})
    assert session.panels["weight"].chosen == names[1]  # type: ignore[attr-defined]
