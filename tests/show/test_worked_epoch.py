"""An epoch step by step, in every form."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import numpy as np
import pytest

import backlit as bl
from backlit.errors import BacklitError
from backlit.show.worked.epoch import _apart

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(5, 2)).round(2), RNG.normal(size=5).round(2)


def epoch(**settings: Any) -> bl.WorkedEpoch:
    network = bl.Network([bl.Dense(2, "tanh"), bl.Dense(1)], 2, "half_squared_error", seed=1)
    return bl.explain(network, X, Y, **{"batch_size": 2, "epoch": 2, "optimizer": "momentum", **settings})


def new_weight(step: Any) -> str:
    return f"{step['w(i1,h1)+'].value:.9f}"


FORMS = {"txt": str, "md": lambda e: e.to_markdown(), "tex": lambda e: e.to_latex(), "html": lambda e: e.to_html()}


@pytest.mark.parametrize("form", FORMS)
def test_every_step_stands_in_every_form_in_order(form: str) -> None:
    shown = epoch()
    text = FORMS[form](shown)
    places = [text.index(new_weight(step)) for step in shown]
    assert len(places) == 3
    assert places == sorted(places)
    assert text.count("One epoch of training, step by step") >= 1
    for number in (4, 5, 6):
        assert f"Step {number}: batch {number - 3} of 3 of epoch 2" in text


def test_the_head_lists_steps_rows_and_errors() -> None:
    shown = epoch()
    lines = str(shown).splitlines()
    table = lines[lines.index(next(line for line in lines if line.split()[:2] == ["step", "rows"])) + 1 :][:3]
    for line, step in zip(table, shown, strict=True):
        recording = step.step.recording
        rows = ", ".join(str(place + 1) for place in recording.batch.rows)
        assert line.split() == [str(recording.number), *rows.split(), f"{recording.errors[-1]:.9f}"]
    assert dict(shown.summary.facts)["steps"] == "4 to 6, the batches of epoch 2"
    assert dict(epoch(batch_size="full").summary.facts)["step"] == "2, the one batch of epoch 2"
    assert "worked steps" in repr(shown)


def test_the_page_is_one_document_whose_places_differ() -> None:
    page = epoch().to_html()
    assert (
        page.count("<title>One epoch of training")
        == page.count("<!DOCTYPE")
        == page.count("<head>")
        == page.count("</body>")
        == page.count("<h1>One epoch")
        == 1
    )
    assert page.count('<main class="worked">') == 4
    places: list[str] = []
    links: list[str] = []

    class Finder(HTMLParser):
        def handle_starttag(self, tag: str, attributes: Any) -> None:
            found = dict(attributes)
            places.extend([found["id"]] if "id" in found else [])
            links.extend([found["href"][1:]] if found.get("href", "").startswith("#") else [])

    Finder().feed(page)
    assert len(set(places)) == len(places)
    assert set(links) <= set(places)
    assert not re.search(r"<script|https?://(?!www\.w3\.org)", page)


def test_links_of_a_part_stay_inside_it() -> None:
    part = '<p id="a" class="id"><a href="#a">x</a><svg fill="url(#b)"/><label for="c">'
    assert _apart(part, 2) == '<p id="s2-a" class="id"><a href="#s2-a">x</a><svg fill="url(#s2-b)"/><label for="s2-c">'


def test_json_holds_each_step_with_its_records() -> None:
    shown = epoch(compare=True)
    decoded = msgspec.json.decode(shown.to_json())
    assert len(decoded["steps"]) == 3
    for part, step in zip(decoded["steps"], shown, strict=True):
        values = {record["name"]: record["value"] for record in part["records"]}
        assert values["w(i1,h1)+"] == step["w(i1,h1)+"].value
        assert part["changes"]
        number = step.step.recording.number
        assert dict(part["summary"]["facts"])["step"] == f"{number}: batch {number - 3} of 3 of epoch 2"


def test_an_epoch_of_too_many_numbers_is_refused_in_words() -> None:
    network = bl.Network([bl.Dense(2, "tanh"), bl.Dense(1)], 2, "half_squared_error", seed=1)
    many = np.zeros((300, 2)), np.zeros(300)
    with pytest.raises(
        BacklitError, match=r"epoch 1 has 300 steps; the first numbers of each are 1\d,\d{3}, more than the 10,000"
    ):
        bl.explain(network, *many, batch_size=1, epoch=1)
    assert len(bl.explain(network, *many, batch_size=1, epoch=1, only="error")) == 300
    with pytest.raises(BacklitError, match="expected one of them"):
        bl.explain(network, *many, epoch=1, steps=2)


def test_a_notebook_shows_the_head_and_each_step() -> None:
    head, *steps = epoch()._outputs()
    assert "step by step" in head["text/html"]
    titles = [output["text/plain"] for output in steps if output["text/plain"].startswith("Step ")]
    assert len(titles) == 3


def test_a_long_epoch_is_cut_with_a_word() -> None:
    network = bl.Network([bl.Dense(2, "tanh"), bl.Dense(1)], inputs=1, seed=1)
    rows = [[k / 10] for k in range(12)]
    made = list(bl.explain(network, rows, rows, batch_size=1, shuffle=False, epoch=1)._outputs())
    assert len(made) < 50
    assert made[-1]["text/plain"] == "4 more steps are left out here; epoch[8] is the next one."
