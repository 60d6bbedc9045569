"""The numbers that a browser shows are those of `bl.explain`, as strings, to the last digit shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from live_page import opened
from page_use import shows, text

import backlit as bl
from backlit.explain import Example, Record
from backlit.page.design import Design
from backlit.page.names import presented
from backlit.page.panels import PANELS
from backlit.page.session import Session
from backlit.page.sources import source_of
from backlit.show.live.numbers import printed
from backlit.show.worked.html import maths

FORMULAS = """
const panel = document.getElementById(arguments[0])
const cell = (row, k) => row.cells[k].textContent
return {
  worked: [...panel.querySelectorAll('table.equation')].map(one =>
    [cell(one.rows[0], 0), cell(one.rows[one.rows.length - 1], 1)]),
  given: [...panel.querySelectorAll('.given > span')].map(one =>
    [one.querySelector('math').textContent, one.textContent.slice(one.querySelector('math').textContent.length)]),
  drawn: [...panel.querySelectorAll('#step-picture text:has(> title)')].map(one => {
    const title = one.querySelector('title').textContent
    return [title, one.textContent.slice(0, -title.length).split(' ').pop()]
  }),
}
"""
"""Of each formula its symbol and its last line, the given numbers, and those of the picture with their names."""
UNIT = """
const panel = document.getElementById('panel-unit')
return {weights: [...panel.querySelectorAll('.unit-weights tbody tr')].map(row =>
          [row.querySelector('button').dataset.weight, row.cells[1].textContent]),
        mean: panel.querySelector('p').textContent.match(/mean (\\S+), /)?.[1]}
"""
NETWORKS = [
    ("two-layer", {}, 3), ("xor", {"optimizer": {"op": "momentum", "rate": 0.1}}, 7), ("iris", {"batch_size": 5}, 8),
    ("convolution", {"epochs": 9}, 2), ("recurrent", {"epochs": 9}, 2),
]  # fmt: skip
SHOWN = re.compile(r"(-?\d+(?:\.(\d+))?)(?:e(-?\d+))?")
PLAIN = str.maketrans("−⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "--0123456789")


@pytest.fixture(scope="module")
def page(browser: Any) -> Iterator[tuple[Any, Session]]:
    session = Session(source_of("xor"), PANELS)
    with opened(browser, session):
        yield browser, session


@pytest.fixture(scope="module", params=NETWORKS, ids=["classic", "momentum", "adam", "convolution", "recurrent"])
def trained(request: pytest.FixtureRequest, page: tuple[Any, Session]) -> tuple[Any, Session, Example]:
    """A network after some updates, and all numbers of its next one, worked out apart from the page."""
    browser, session = page
    name, settings, updates = request.param
    session.take(source_of(name))
    design = session.design
    with session.turn():
        session.build(Design(design.network, design.training | settings))
    session.do("bar.advance", {"updates": updates})
    shown = presented(session.design, session.training.network)
    names = {key: getattr(shown, key) for key in ("inputs", "units", "labels")}
    whole = bl.explain(session.training, check=True, **names)
    return browser, session, whole


def bare(html: str) -> str:
    """Give what is read of a formula."""
    return unescape(re.sub(r"<[^>]*>", "", html))


def agrees(shown: str, value: float) -> bool:
    """Say whether a number as it is shown is the value, rounded at the last digit shown."""
    text = as_written(shown).replace(",", "")
    found = SHOWN.fullmatch(text)
    if not found:
        return False
    last = Decimal(10) ** (int(found[3] or "0") - len(found[2] or ""))
    return abs(Decimal(text) - Decimal(repr(float(value)))) <= last * Decimal("0.500001")


def as_written(number: str) -> str:
    """Give a number, such as "=−1.5×10−7" of a formula or "−1.5×10⁻⁷", as a record has it: "-1.5e-7"."""
    return number.removeprefix("=").translate(PLAIN).replace("×10", "e")


def test_only_the_value_itself_agrees() -> None:
    assert agrees("0.3589", 0.35891648)
    assert agrees("−1.234×10⁻⁵", -1.23449e-5)
    assert not agrees("−1.234×10⁻⁴", -1.23449e-5)
    assert agrees("1,234", 1234.4)
    assert not agrees("0.3588", 0.35891648)
    assert not agrees("0.3589", -0.35891648)
    assert not agrees("0.3590", 0.35891648)
    assert not agrees("", 0.0)


def differing(found: dict[str, Any], whole: Example) -> list[Any]:
    """Give what a panel shows that is not among the numbers of the step."""
    by_value: dict[str, list[Record]] = {}
    for one in whole:
        by_value.setdefault(one.shown, []).append(one)
    value = {one.name: one.value for one in whole}
    shown = [
        *found["worked"],
        *([symbol, words.removeprefix(" = ").split(" (")[0]] for symbol, words in found["given"]),
    ]
    wrong = [[symbol, number] for symbol, number in shown
             if symbol not in {bare(maths(one.symbol)) for one in by_value.get(as_written(number), ())}]  # fmt: skip
    drawn = [[one[0].replace("∂E/∂", "dE/d"), one[1]] for one in found["drawn"]]
    drawn = [one for one in drawn if one[1] != "fixed" or one[0] in value]  # a weight that is not trained
    return wrong + [one for one in drawn if one[0] not in value or not agrees(one[1], value[one[0]])]


def test_the_numbers_of_a_weight(trained: tuple[Any, Session, Example]) -> None:
    browser, session, whole = trained
    browser.run("document.getElementById('tab-network').click()")
    slopes = [one.removeprefix("dE/d") for one in (record.name for record in whole) if one.startswith("dE/d")]
    known = {record.name for record in whole}
    weights = [name for name in slopes if f"{name}+" in known and name in known]
    assert len(weights) > 2
    for name in (weights[0], weights[len(weights) // 2], weights[-1]):
        session.do("weight.choose", {"name": name})
        shows(browser, session, "weight")
        assert text(browser, "#weight-title") == f"{name} = {printed(whole[name].shown)}"
        found = browser.run(FORMULAS, "panel-weight")
        assert len(found["worked"]) > 2
        assert differing(found, whole) == []
        slope = printed(whole[f"dE/d{name}"].checked)
        assert text(browser, "#panel-weight .checked").startswith(f"B{slope[1:]}.")
        before, change, after = (one.text for one in browser.driver.find_elements("css selector", ".change td"))
        assert (before, after) == (printed(whole[name].shown), printed(whole[f"{name}+"].shown))
        assert agrees(change, whole[f"{name}+"].value - whole[name].value)


def test_the_numbers_of_one_row(trained: tuple[Any, Session, Example]) -> None:
    browser, session, whole = trained
    browser.run("document.getElementById('tab-step').click()")
    session.do("step.go", {"stage": 0})
    shows(browser, session, "step")
    stages = browser.run("return [...document.querySelectorAll('.stage')].map(one => one.title)")
    seen, known = {"worked": 0, "given": 0, "drawn": 0}, {record.name for record in whole}
    for place, title in enumerate(stages):
        session.do("step.go", {"stage": place})
        shows(browser, session, "step")
        assert text(browser, "#step-title") == f"{place + 1} of {len(stages)}: {title}"
        found = browser.run(FORMULAS, "panel-step")
        if title.startswith("Update"):  # the weights drawn are the new ones, as the caption says
            new = [f"{name}+" if f"{name}+" in known else name for name, _ in found["drawn"]]
            found["drawn"] = [(name, shown) for name, (_, shown) in zip(new, found["drawn"], strict=True)]
        assert differing(found, whole) == [], title
        seen = {kind: count + len(found[kind]) for kind, count in seen.items()}
    assert seen["worked"] > len(stages)


def test_the_numbers_of_a_unit(trained: tuple[Any, Session, Example]) -> None:
    browser, session, whole = trained
    browser.run("document.getElementById('tab-network').click()")
    value = {one.name: one.value for one in whole}
    units = browser.run("return [...document.querySelectorAll('svg.net .unit')].map(one => one.dataset.unit)")
    if not units:
        assert "each block is a layer" in text(browser, "#panel-unit")
        return
    checked = 0
    for unit in units[-6:]:
        session.do("unit.look", {"name": unit})
        shows(browser, session, "unit")
        found = browser.run(UNIT)
        for name, shown in found["weights"]:
            assert agrees(shown, value[name]), (name, shown)
            checked += 1
        outputs = [value[f"out({unit})[{row}]"] for row in range(1, len(session.source.X) + 1)
                   if f"out({unit})[{row}]" in value]  # fmt: skip
        if outputs and len(outputs) == len(session.source.X):
            assert agrees(found["mean"], sum(outputs) / len(outputs)), unit
            checked += 1
    assert checked > 2
