"""Every view of the page: axe finds nothing at any width, light and dark; pictures as tables, what is read out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from live_page import keys, until
from page_checks import AXE, OPEN, WIDER, axe
from page_use import click, focused, shows, text

from backlit.page.routes import VIEWS
from backlit.page.session import Session
from backlit.page.sources import source_of

NAMES = [name for name, _ in VIEWS]
LOOKS = ((1440, 1, "light"), (1440, 1, "dark"), (1440, 2, "light"), (390, 1, "light"), (390, 1, "dark"))
"""Widths of the window, zooms and schemes that axe looks at."""
PANELS_OF = {"network": ("network", "unit", "weight"), "step": ("step",), "check": ("check", "checked"),
             "data": ("predictions", "columns"), "descent": ("descent",), "health": ("findings", "health")}  # fmt: skip
PICTURES = """
const seen = one => one.checkVisibility() && !one.closest('[aria-hidden=true]') && !one.parentElement.closest('svg')
const named = one => one.getAttribute('aria-label') || one.querySelector(':scope > title')?.textContent ||
  document.getElementById(one.getAttribute('aria-labelledby') ?? '')?.textContent || one.closest('[role=slider]')
const what = one => `${one.closest('[data-panel]')?.dataset.panel}: ${one.outerHTML.slice(0, 90)}`
const pictures = [...document.querySelectorAll('[data-panel] svg')].filter(seen)
return {count: pictures.length, nameless: pictures.filter(one => !named(one)).map(what),
        bare: pictures.filter(one => !one.closest('[data-panel]').querySelector('table')).map(what)}
"""
"""The pictures that are seen: how many, those without a name, those without a table in their panel."""
WATCH = """
const live = '[aria-live], [role=status], [role=alert], output'
window.said = {}
const count = (one) => {
  if (!one.checkVisibility() || !one.textContent.trim()) return
  const key = `${one.closest('[data-panel]')?.id} ${one.id || one.className || one.localName}`
  said[key] = (said[key] ?? 0) + 1
}
window.watching = new MutationObserver(records => {
  const regions = new Set()
  for (const {target, addedNodes} of records) {
    const own = (target instanceof Element ? target : target.parentElement)?.closest(live)
    if (own) regions.add(own)
    for (const node of addedNodes) if (node instanceof Element) {
      if (node.matches(live)) regions.add(node)
      node.querySelectorAll(live).forEach(one => regions.add(one))
    }
  }
  regions.forEach(count)
})
watching.observe(document.body, {subtree: true, childList: true, characterData: true})
window.moments = 0
window.counting = new MutationObserver(() => moments += 1)
counting.observe(document.getElementById('bar-place'), {childList: true, characterData: true, subtree: true})
"""
"""Counts how often each region that a screen reader reads out changes, and how many moments the bar shows."""
MOVING = """
return [...document.querySelectorAll('*')].filter(one => {
  const style = getComputedStyle(one)
  return style.animationName !== 'none' || style.transitionDuration !== '0s' || style.scrollBehavior === 'smooth'
}).map(one => one.outerHTML.slice(0, 80)).concat(document.getAnimations().map(String))
"""


@pytest.fixture(autouse=True)
def _trained(page: tuple[Any, Session]) -> Iterator[None]:
    """Iris after forty epochs, with a weight and a row chosen."""
    browser, session = page
    session.take(source_of("iris"))
    for _ in range(4):
        session.do("bar.advance", {"epochs": 10})
    session.do("weight.choose", {"name": "w(petal width (cm),h2)"})
    session.do("predictions.choose", {"row": 2})
    session.do("step.go", {"stage": 3})
    yield
    browser.resize(1440)
    browser.media()
    session.do("lesson.leave", {})


def show(page: tuple[Any, Session], view: str) -> None:
    """Show a view whole, with all that is folded opened."""
    browser, session = page
    browser.run(f"document.getElementById('tab-{view}').click()")
    for panel in (*PANELS_OF[view], "curves", "bar", "build"):
        if panel not in {"descent", "findings"}:
            shows(browser, session, panel)
    until(lambda: view != "descent" or text(browser, "#descent-said"))
    until(lambda: view != "health" or text(browser, "#panel-findings [role=status]").startswith("After epoch"))
    browser.run(OPEN)


def wrong(browser: Any, within: str, *, dark: bool) -> list[str]:
    """Give what axe finds, and what is wider than the page."""
    browser.run(axe())
    found: list[str] = browser.driver.execute_async_script(AXE.replace("document, {", f"{within}, {{"), dark)
    wide = [part for part in browser.run(WIDER) if 'role="tab"' not in part]  # the tabs scroll
    sideways = browser.run("return document.documentElement.scrollWidth - innerWidth")
    return found + wide + ([f"{sideways} pixels to the side"] if sideways > 0 else [])


@pytest.mark.parametrize("view", NAMES)
def test_axe_finds_nothing_at_any_width_light_and_dark(page: tuple[Any, Session], view: str) -> None:
    browser, _ = page
    show(page, view)
    within = "document" if view == NAMES[0] else "'#views'"  # the rest of the page is the same
    for width, zoom, scheme in LOOKS:
        browser.resize(width, zoom=zoom)
        browser.media(prefers_color_scheme=scheme)
        assert wrong(browser, within, dark=scheme == "dark") == [], (width, zoom, scheme)


@pytest.mark.parametrize("state", ["refusals", "lesson", "diverged"])
def test_axe_finds_nothing_in_other_states(page: tuple[Any, Session], state: str) -> None:
    browser, session = page
    show(page, "network")
    if state == "refusals":
        session.do("build.change", {"name": "optimizer.rate", "text": "-1"})
        browser.run("document.getElementById('weight-name').value = 'w99'")
        browser.run("document.getElementById('weight-name').dispatchEvent(new Event('change', {bubbles: true}))")
        until(lambda: text(browser, "#panel-weight [data-errors]") and text(browser, "#panel-build .error"))
    elif state == "lesson":
        session.do("lesson.begin", {"name": "valley"})
        until(lambda: text(browser, "#panel-lesson .where"))
    else:
        session.do("build.change", {"name": "optimizer", "text": "sgd"})
        session.do("build.change", {"name": "optimizer.rate", "text": "1e9"})
        session.do("build.change", {"name": "layers.0.activation", "text": "identity"})
        session.do("build.change", {"name": "loss", "text": "half_squared_error"})
        session.do("build.change", {"name": "layers.1.activation", "text": "identity"})
        session.do("bar.advance", {"epochs": 50})
        until(lambda: "diverged" in session.stopped)
        until(lambda: text(browser, "#bar-ended"))
    browser.run(OPEN)
    for width, scheme in ((1440, "light"), (390, "dark"), (320, "light")):
        browser.resize(width)
        browser.media(prefers_color_scheme=scheme)
        assert wrong(browser, "document", dark=scheme == "dark") == [], (width, scheme)


@pytest.mark.parametrize("view", NAMES)
def test_at_320_pixels_nothing_leads_to_the_side(page: tuple[Any, Session], view: str) -> None:
    browser, _ = page
    show(page, view)
    browser.resize(320)
    assert browser.run("return document.documentElement.scrollWidth") == 320
    assert [part for part in browser.run(WIDER) if 'role="tab"' not in part] == []


@pytest.mark.parametrize("view", NAMES)
def test_each_picture_has_a_name_and_a_table(page: tuple[Any, Session], view: str) -> None:
    browser, _ = page
    show(page, view)
    found = browser.run(PICTURES)
    assert found["count"] >= 1
    assert (found["nameless"], found["bare"]) == ([], [])


@pytest.mark.parametrize("view", NAMES)
def test_while_it_plays_little_is_read_out(page: tuple[Any, Session], view: str) -> None:
    browser, session = page
    show(page, view)
    session.do("bar.pace", {"speed": 100})
    session.do("bar.play", {})
    until(lambda: text(browser, "#bar-said").startswith("Playing. "))
    browser.run(WATCH)
    until(lambda: browser.run("return moments") >= 5)
    said = browser.run("watching.disconnect(); counting.disconnect(); return said")
    session.do("bar.pause", {})
    assert {region: times for region, times in said.items() if times > 2} == {}
    until(lambda: text(browser, "#bar-said").startswith("Paused. "))


def test_what_is_chosen_is_marked_in_forced_colours(page: tuple[Any, Session]) -> None:
    browser, _ = page
    browser.media(forced_colors="active")
    border = "return getComputedStyle(document.querySelector(arguments[0])).borderBottomColor"
    show(page, "network")
    assert browser.run(border, "#network-weights") != browser.run(border, "#network-slopes")
    assert browser.run(border, "#tab-network") != browser.run(border, "#tab-data")
    show(page, "step")
    assert browser.run(border, "#step-stage-3") != browser.run(border, "#step-stage-4")
    keys(browser, "\ue004")
    assert focused(browser)["outlined"]


def test_nothing_moves_where_less_motion_is_asked_for(page: tuple[Any, Session]) -> None:
    browser, session = page
    browser.media(prefers_reduced_motion="reduce")
    show(page, "network")
    session.do("bar.advance", {"epochs": 1})
    shows(browser, session, "network")
    assert browser.run(MOVING) == []


def test_tab_leads_through_the_page_in_its_order(page: tuple[Any, Session]) -> None:
    browser, session = page
    session.do("weight.choose", {"name": ""})
    show(page, "network")
    browser.run("document.querySelectorAll('details').forEach(one => one.open = false)")
    assert browser.run("return [...document.querySelectorAll('[tabindex]')].some(one => one.tabIndex > 0)") is False
    browser.run("document.activeElement.blur()")
    click(browser, "h1.title")
    browser.run("scrollTo(0, 0); document.activeElement.blur()")
    areas: list[str] = []
    for _ in range(150):
        keys(browser, "\ue004")
        stop = focused(browser)
        if not stop["name"] and not stop["id"]:
            break
        if stop["area"] not in areas[-1:]:
            areas.append(stop["area"])
    panels = ["network", "unit", "weight", "curves", "boundary", "build", "address"]
    assert areas == ["source", "bar", "lesson", "tabs", *panels]
