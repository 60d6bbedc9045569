"""What a swap of a panel must not take away: the focus, and a word that is half typed; keys that lead through views."""

from __future__ import annotations

from typing import Any

import pytest
from live_page import keys, until
from page_use import click, focused, retype, shows, tab_to, text

from backlit.page.session import Session
from backlit.page.sources import source_of

TYPED = "return [document.activeElement.dataset.setting, document.activeElement.value]"
EPOCHS = "return document.querySelector('[data-setting=epochs]').value"
SELECTED = "[role=tab][aria-selected=true]"


@pytest.fixture(autouse=True)
def _begun(page: tuple[Any, Session]) -> None:
    browser, session = page
    session.take(source_of("iris"))
    session.do("bar.pace", {"speed": 1_000})
    click(browser, "#tab-network")
    for panel in ("unit", "curves", "build"):
        shows(browser, session, panel)


@pytest.mark.parametrize("panel", ["unit", "curves"])
def test_the_focus_stays_at_what_has_no_id_while_it_plays(page: tuple[Any, Session], panel: str) -> None:
    browser, session = page
    session.do("bar.advance", {"epochs": 3})
    shows(browser, session, panel)
    summary = f"#panel-{panel} summary"
    click(browser, summary)
    words = text(browser, summary)
    assert focused(browser)["name"] == words
    browser.run(f"window.kept = document.querySelector('{summary}')")
    session.do("bar.play", {})
    until(lambda: not browser.run("return kept.isConnected"))  # another is in its place
    assert (focused(browser)["name"], focused(browser)["area"]) == (words, panel)
    session.do("bar.pause", {})


def test_a_half_typed_word_stays_and_is_not_sent(page: tuple[Any, Session]) -> None:
    browser, session = page
    click(browser, "[data-setting=seed]")
    retype(browser, "7", end="")
    for epochs in ("77", "78"):  # as another tab does
        session.do("build.change", {"name": "epochs", "text": epochs})
        until(lambda epochs=epochs: browser.run(EPOCHS) == epochs)
        assert browser.run(TYPED) == ["seed", "7"]
    assert session.design.network["seed"] == 0
    retype(browser, "71")
    until(lambda: session.design.network["seed"] == 71)
    shows(browser, session, "build")


def test_where_a_button_goes_the_focus_is_at_the_one_before_it(page: tuple[Any, Session]) -> None:
    browser, session = page
    session.do("build.layer", {"do": "add", "at": 0})
    shows(browser, session, "build")
    tab_to(browser, "build-remove-1")
    keys(browser, "\ue007")
    until(lambda: len(session.design.network["layers"]) == 2)
    until(lambda: browser.run("return document.getElementById('build-remove-1')") is None)
    assert focused(browser)["id"] == "build-add-layers"


def test_the_arrow_keys_step_after_a_click_on_the_view_or_into_it(page: tuple[Any, Session]) -> None:
    browser, session = page
    click(browser, "#tab-step")
    shows(browser, session, "step")
    keys(browser, "\ue014")
    until(lambda: text(browser, "#step-title").startswith("2 of 7"))
    click(browser, "#step-title")
    keys(browser, "\ue014", "\ue014")
    until(lambda: text(browser, "#step-title").startswith("4 of 7"))
    assert text(browser, SELECTED) == "One row"


def test_home_and_end_lead_to_the_first_and_the_last_view(page: tuple[Any, Session]) -> None:
    browser, _ = page
    browser.run("document.getElementById('tab-network').focus()")
    for key, view in (("\ue010", "Health"), ("\ue011", "Network"), ("\ue012", "Health"), ("\ue014", "Network")):
        keys(browser, key)
        assert text(browser, SELECTED) == view
