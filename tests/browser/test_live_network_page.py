"""The network of the live page in a real browser: numbers are written in, by mouse, by keyboard, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from live_page import opened, until

from backlit.page.panels import PANELS
from backlit.page.session import Session
from backlit.page.sources import source_of

CLEAN = """
const clean = (html) => {
  const made = document.createElement("div")
  made.innerHTML = html.replace(/ style="[^"]*"/g, "")  // which the page's policy refuses
  for (const one of made.querySelectorAll("svg, .unit, path, details, .net-told"))
    for (const name of ["style", "tabindex", "aria-pressed", "data-hot", "data-on", "open"]) one.removeAttribute(name)
  for (const one of made.querySelectorAll("path")) for (const name of ["role", "aria-label"]) one.removeAttribute(name)
  made.querySelector(".net-told").textContent = ""
  made.querySelector("svg.net").classList.remove("at-edge")
  return made.innerHTML
}
"""
"""Leaves out what the page's module adds for pointer and keyboard."""
SAME = CLEAN + "return clean(document.getElementById('panel-network').innerHTML) === clean(arguments[0])"
FOCUSED = "return document.activeElement.getAttribute('aria-label') ?? ''"


@pytest.fixture(scope="module")
def page(browser: Any) -> Iterator[tuple[Any, Session]]:
    """Serve iris and open it."""
    session = Session(source_of("iris"), PANELS)
    with opened(browser, session):
        until(lambda: browser.run("return document.querySelectorAll('.unit[tabindex=\"0\"]').length") == 1)
        yield browser, session


def keys(browser: Any, *pressed: str) -> str:
    """Press keys one after another, and give what is focused then."""
    from selenium.webdriver.common.action_chains import ActionChains

    for key in pressed:
        ActionChains(browser.driver).send_keys(key).perform()
    return str(browser.run(FOCUSED))


def test_numbers_written_into_the_drawing_give_the_drawing_that_would_be_sent_whole(page: Any) -> None:
    browser, session = page
    browser.run("window.kept = document.querySelector('svg.net')")
    _, parts = session.draw(("network",))
    assert browser.run(SAME, parts["network"].html)
    session.do("bar.advance", {"epochs": 40})
    after = session.draw(("network",))[1]["network"]
    assert after.html != parts["network"].html
    until(lambda: browser.run(SAME, after.html))
    assert browser.run("return document.querySelector('svg.net') === window.kept")


def test_a_unit_that_is_pointed_at_is_looked_at_and_a_line_tells_its_number(page: Any) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    browser, session = page
    unit = browser.run("return document.querySelector('.unit[data-unit=h6]')")
    ActionChains(browser.driver).move_to_element(unit).perform()
    until(lambda: browser.run("return document.querySelector('#panel-unit h2').textContent") == "Unit h6")
    assert browser.run("return document.querySelectorAll('.edges path[data-hot]').length") == 4 + 1 + 3
    assert browser.run("return document.querySelector('.unit[aria-pressed=true]').dataset.unit") == "h6"
    path = browser.run("return document.querySelectorAll('.edges path')[5]")
    ActionChains(browser.driver).move_to_element(path).perform()
    weight = session.training.network["1.W"][0, 1]
    name = "w(sepal length (cm),h2)"
    told = f"{name} = {weight:.4g}".replace("-", "−")
    until(lambda: browser.run("return document.querySelector('.net-told').textContent") == told)


def test_the_keyboard_goes_from_unit_to_unit_to_their_weights_and_back(page: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    browser, session = page
    browser.run("document.querySelector('.unit[data-unit=h3]').focus()")
    assert keys(browser, Keys.ARROW_DOWN) == "h4, layer 1"
    assert keys(browser, Keys.ARROW_RIGHT) in {f"{name}, outputs" for name in ("setosa", "versicolor", "virginica")}
    browser.run("document.querySelector('.unit[data-unit=h4]').focus()")
    until(lambda: session.panels["unit"].unit == "h4")  # type: ignore[attr-defined]
    W, b = session.training.network["1.W"][:, 3], session.training.network["1.b"][3]
    named = [*zip(("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"), W, strict=True)]
    every = sorted([*((f"w({name},h4)", weight) for name, weight in named), ("b(h4)", b)], key=lambda one: -abs(one[1]))
    for name, weight in every:
        key = Keys.ENTER if name == every[0][0] else Keys.ARROW_DOWN
        assert keys(browser, key) == f"{name} = {weight:.4g}".replace("-", "−")
    assert keys(browser, Keys.ESCAPE) == "h4, layer 1"
    assert browser.run("return document.querySelectorAll('.edges path[tabindex]').length") == 0


def test_the_focus_stays_where_the_drawing_is_swapped(page: Any) -> None:
    browser, session = page
    browser.run("document.querySelector('.unit[data-unit=h5]').focus()")
    until(lambda: session.panels["unit"].unit == "h5")  # type: ignore[attr-defined]
    session.do("network.mode", {"slopes": True})
    until(lambda: browser.run("return document.querySelector('svg.net').dataset.slopes") == "1")
    until(lambda: browser.run(FOCUSED) == "h5, layer 1")
    session.do("network.mode", {"slopes": False})
    until(lambda: browser.run("return document.querySelector('svg.net').dataset.slopes") == "0")


def test_letters_of_the_drawing_are_legible(page: Any) -> None:
    browser, _ = page
    browser.resize(390)
    size = browser.run("return 13 * document.querySelector('svg.net').getScreenCTM().a")
    browser.resize(1440)
    assert size >= 11
