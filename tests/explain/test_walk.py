"""A step walked through: every number of the row comes, at its stage, and is the one that explain gives."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import backlit as bl
from backlit.explain import Step, course_of
from backlit.explain.step import Presentation
from backlit.explain.walk import Walk
from backlit.show.network.staged import staged_svg


def training_of(kind: str, *, batch_size: int = 3, optimizer: str = "adam") -> bl.Training:
    """Give a training of a small network of some kind, on its way."""
    layers: dict[str, Any] = {
        "dense": [bl.Dense(3, "tanh"), bl.Dense(2, "softmax")],
        "dropout": [bl.Dense(3, "relu"), bl.Dropout(0.5), bl.Dense(2, "softmax")],
        "batch norm": [bl.Dense(3), bl.BatchNorm(), bl.Dense(2, "softmax")],
        "residual": [bl.Residual([bl.Dense(2, "tanh")]), bl.Dense(2, "softmax")],
    }
    network = bl.Network(layers[kind], inputs=2, loss="cross_entropy", seed=1)
    random = np.random.default_rng(0)
    X, Y = random.normal(size=(6, 2)), np.array([0, 1, 1, 0, 1, 0])
    training = bl.Training(network, X, Y, optimizer=optimizer, batch_size=batch_size, epochs=9, seed=2, compiled=False)
    for _ in zip(range(2), training, strict=False):
        pass
    return training


def walked(training: bl.Training, row: int = 0) -> Walk:
    return Walk(Step(course_of(training).step(), Presentation()), row)


@pytest.mark.parametrize("kind", ["dense", "dropout", "batch norm", "residual"])
@pytest.mark.parametrize("optimizer", ["adam", "momentum"])
def test_every_number_of_a_row_comes_once_as_explain_gives_it(kind: str, optimizer: str) -> None:
    training = training_of(kind, optimizer=optimizer)
    walk, whole = walked(training, 1), bl.explain(training)
    found = {}
    for place in range(len(walk.stages)):
        work = walk.work(place, whole=1000)
        assert not work.brief
        assert not work.beside
        for section in work.sections:
            for record in section.records:
                assert record.name not in found
                found[record.name] = record
    row = walk.step.rows[1]
    wanted = {record.name: record for record in whole if record.row in (row, None) and record.formula}
    assert {name: record for name, record in found.items() if record.formula} == wanted


def test_stages_go_forward_layer_by_layer_back_and_to_the_update() -> None:
    stages = walked(training_of("dropout")).stages
    assert [(stage.phase, stage.layer, stage.column, stage.done) for stage in stages] == [
        ("forward", "1", 1, False), ("forward", "2", 1, True), ("forward", "3", 2, True), ("error", "", None, True),
        ("backward", "3", 2, True), ("backward", "2", 1, False), ("backward", "1", 1, True),
        ("update", "1", 1, True), ("update", "3", 2, True),
    ]  # fmt: skip
    assert stages[1].title == "Forward through layer 2: dropout"
    assert [stage.phase for stage in Walk(walked(training_of("dense")).step, updates=False).stages][-1] == "backward"


def test_more_numbers_are_listed_and_the_rest_counted() -> None:
    walk = walked(training_of("dense"))
    work = walk.work(0, whole=4, brief=1)
    assert [record.name for section in work.sections for record in section.records] == [
        f"{kind}(h{unit})[{walk.step.rows[0]}]" for kind in ("net", "out") for unit in (1, 2)
    ]
    assert [record.name.partition("[")[0] for section in work.brief for record in section.records] == ["net(h3)"]
    assert work.beside == 1


def test_a_rule_is_shown_to_its_end() -> None:
    walk = walked(training_of("dense"))
    place = [stage.phase for stage in walk.stages].index("update")
    rules = [section for section in walk.work(place, whole=8).sections if section.title == "the rule of adam"]
    assert rules
    assert all(section.records[-1].quantity in {"w+", "b+"} for section in rules)


def numbers(svg: str) -> dict[str, list[str]]:
    """Give the numbers of a staged drawing by the colour of the pass that they are of; those in units have a u."""
    found: dict[str, list[str]] = {"forward": [], "backward": []}
    for group in re.findall(r'<g class="network (\w+)[^>]*>(.*?)</g>', svg, re.DOTALL):
        found[group[0]] += re.findall(
            r'<text class="(?:value|label)[^>]*>(?:<tspan[^>]*>[^<]*</tspan>)?([^<]*)', group[1]
        )
    return found


def test_a_drawing_has_no_number_of_a_later_stage() -> None:
    walk = walked(training_of("dense"))
    row, drawing = walk.step.rows[0], walk.drawing

    def short(*names: str) -> set[str]:
        return {f"{walk.step[name].value:.4f}" for name in names}

    layer = [f"out(h{j})[{row}]" for j in (1, 2, 3)]
    outputs = [f"out(o{k})[{row}]" for k in (1, 2)]
    slopes = {2: [f"dE/dnet(o{k})[{row}]" for k in (1, 2)], 1: [f"dE/dnet(h{j})[{row}]" for j in (1, 2, 3)]}
    came: list[tuple[set[str], set[str]]] = [
        (short(*layer), short(*outputs, *slopes[1], *slopes[2])),
        (short(*layer, *outputs), short(*slopes[1], *slopes[2])),
        (short(*layer, *outputs), short(*slopes[1], *slopes[2])),
        (short(*layer, *slopes[2]), short(*slopes[1])),
        (short(*slopes[1], *slopes[2]), set()),
    ]
    for stage, (known, later) in zip(walk.stages, came, strict=False):
        svg = staged_svg(drawing, stage.phase, stage.column, done=stage.done, digits=4, title="")
        shown = numbers(svg)
        every = {*shown["forward"], *shown["backward"]}
        assert known <= every
        assert not later & every
        assert ("target" in svg) == (stage.phase != "forward")
        assert bool(shown["backward"]) == (stage.phase == "backward")
    svgs = [staged_svg(drawing, stage.phase, stage.column, done=stage.done, digits=4, title="")
            for stage in walk.stages[:5]]  # fmt: skip
    places = [re.findall(r"<circle[^>]*?cx=\S+ cy=\S+", svg) for svg in svgs]
    assert all(place == places[0] for place in places)


def test_a_layer_behind_a_dense_one_keeps_its_numbers_to_its_own_stage() -> None:
    walk = walked(training_of("dropout"))
    first, second = (staged_svg(walk.drawing, stage.phase, stage.column, done=stage.done, digits=4, title="")
                     for stage in walk.stages[:2])  # fmt: skip
    units = [f">{node.value:.4f}<" for node in walk.drawing.columns[1].nodes if node.value]
    assert units
    assert not any(unit in first for unit in units)
    assert all(unit in second for unit in units)
