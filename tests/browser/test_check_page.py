"""A learner's own numbers on the live page in a real browser, by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from live_page import comes, keys, opened, until
from page_checks import AXE, OPEN, WIDER, axe
from page_use import focused, tab_to, text

from backlit.page.panels import PANELS
from backlit.page.panels.check import CheckPanel
from backlit.page.session import Session
from backlit.page.sources import source_of

TYPED = "return document.getElementById('check-text')?.value"
ENTER = "\ue007"


@pytest.fixture(scope="module")
def page(browser: Any) -> Iterator[tuple[Any, Session]]:
    """Serve the two-layer example and open it."""
    session = Session(source_of("two-layer"), PANELS)
    with opened(browser, session):
        yield browser, session


@pytest.fixture(autouse=True)
def _nothing_written(page: tuple[Any, Session]) -> None:
    _, session = page
    session.do("check.write", {"numbers": ""})
    session.do("check.reveal", {"hint": 1})


def numbers_of(session: Session) -> str:
    panel = session.panels["check"]
    assert isinstance(panel, CheckPanel)
    return panel.text


def check_now(browser: Any) -> None:
    """Press Ctrl and Enter in the field."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    ActionChains(browser.driver).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()


def test_numbers_are_checked_by_keyboard_and_survive_a_redraw_and_a_reload(page: tuple[Any, Session]) -> None:
    browser, session = page
    browser.run("document.getElementById('tab-step').focus(); document.getElementById('tab-step').click()")
    until(lambda: text(browser, "#step-check"))
    tab_to(browser, "step-check")
    keys(browser, ENTER)
    until(lambda: focused(browser)["id"] == "check-text")
    comes(browser, TYPED, "")
    tab_to(browser, "check-names", back=True)
    keys(browser, ENTER)
    comes(browser, "return document.getElementById('check-text').selectionStart", len("net(h1) = "))
    assert focused(browser)["id"] == "check-text"
    assert browser.run(TYPED).startswith("net(h1) = \nnet(h2) = \n")
    keys(browser, "0.37", "75")
    check_now(browser)
    comes(browser, "return document.getElementById('check-said').textContent", "The number is right.")
    until(lambda: "The number is right." in text(browser, "#panel-checked"))
    assert focused(browser)["id"] == "check-text"
    keys(browser, "9")  # typed, and not sent yet
    session.do("check.reveal", {"hint": 3})  # as another tab does
    comes(browser, "return document.getElementById('check-hint').value", "3")
    assert browser.run(TYPED).startswith("net(h1) = 0.37759\n")
    tab_to(browser, "check-check")
    until(lambda: numbers_of(session).startswith("net(h1) = 0.37759\n"))  # the field was left
    keys(browser, ENTER)
    until(lambda: "net(h1), is wrong" in text(browser, "#check-said"))
    browser.driver.refresh()
    until(lambda: (browser.run(TYPED) or "").startswith("net(h1) = 0.37759\n"))
    assert text(browser, "[role=tab][aria-selected=true]") == "Check"
    until(lambda: text(browser, "#panel-checked .verdict"))


def test_what_does_not_fit_is_said_beside_the_field_and_nothing_is_lost(page: tuple[Any, Session]) -> None:
    browser, session = page
    browser.run("document.getElementById('tab-check').click()")
    comes(browser, TYPED, "")
    browser.run("document.getElementById('check-text').focus()")
    keys(browser, "net(h1) = abc")
    check_now(browser)
    until(lambda: text(browser, "#check-error").startswith("Line 1: 'abc' is no number"))
    comes(browser, "return document.getElementById('check-text').getAttribute('aria-invalid')", "true")
    assert focused(browser)["id"] == "check-text"
    assert browser.run(TYPED) == "net(h1) = abc"
    keys(browser, *["\ue003"] * 3, "0.3775")
    check_now(browser)
    until(lambda: text(browser, "#check-said") == "The number is right.")
    comes(browser, "return document.getElementById('check-text').hasAttribute('aria-invalid')", False)
    assert text(browser, "#check-error") == ""
    session.do("check.write", {"numbers": "out(h1) = 0.5933"})  # as another tab does, while nothing is typed here
    comes(browser, TYPED, "out(h1) = 0.5933")


def test_axe_finds_nothing_in_the_verdicts_and_nothing_leads_to_the_side(page: tuple[Any, Session]) -> None:
    browser, session = page
    browser.run("document.getElementById('tab-check').click()")
    session.do("check.reveal", {"hint": 0})
    session.do("check.judge", {"numbers": "out(h1) = 0.5933\nδ(o1) = 0.7414\ndE/dw5 = 0.4399\nw5+ = 0.1801\nE = 9"})
    until(lambda: text(browser, "#panel-checked .verdict").endswith("The first of 2 wrong ones is E."))
    browser.run(OPEN)
    browser.run(axe())
    for width, scheme in ((1440, "light"), (390, "dark"), (320, "light")):
        browser.resize(width)
        browser.media(prefers_color_scheme=scheme)
        found = browser.driver.execute_async_script(AXE.replace("document, {", "'#views', {"), scheme == "dark")
        assert found == [], (width, scheme)
        assert browser.run("return document.documentElement.scrollWidth") == width
        assert [part for part in browser.run(WIDER) if 'role="tab"' not in part] == []
    browser.resize(1440)
    browser.media()
