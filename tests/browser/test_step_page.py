"""One row and one weight on the live page in a real browser, by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from live_page import comes, keys, opened

from backlit.page.panels import PANELS
from backlit.page.session import Session
from backlit.page.sources import source_of

TITLE = "return document.getElementById('step-title')?.textContent ?? ''"
FOCUSED = "return document.activeElement.id"


@pytest.fixture(scope="module")
def page(browser: Any) -> Iterator[tuple[Any, Session]]:
    """Serve XOR and open it."""
    session = Session(source_of("xor"), PANELS)
    with opened(browser, session):
        yield browser, session


def test_a_row_is_walked_through_by_keyboard(page: tuple[Any, Session]) -> None:
    from selenium.webdriver.common.keys import Keys

    browser, session = page
    session.do("step.go", {"stage": 0})
    session.do("step.row", {"number": 1})
    browser.run("document.getElementById('tab-step').click()")
    comes(browser, "return document.getElementById('step-on') !== null", True)  # a view is drawn when it is shown
    browser.run("document.getElementById('step-on').focus()")
    comes(browser, TITLE, "1 of 7: Forward through layer 1: dense, sigmoid")
    first = browser.run("return document.getElementById('panel-step').innerHTML")
    for key, title in (
        (Keys.ARROW_RIGHT, "2 of 7: Forward through layer 2: dense, sigmoid"), (Keys.ENTER, "3 of 7: Error"),
        (Keys.END, "7 of 7: Update of layer 2: dense, sigmoid"),
        (Keys.ARROW_LEFT, "6 of 7: Update of layer 1: dense, sigmoid"),
        (Keys.HOME, "1 of 7: Forward through layer 1: dense, sigmoid"),
    ):  # fmt: skip
        keys(browser, key)
        comes(browser, TITLE, title)
        assert browser.run(FOCUSED) == "step-on"
    assert browser.run("return document.getElementById('panel-step').innerHTML") == first
    for box in ("step-picture", "step-formulas"):  # in a box that has nothing to scroll, the keys are the walk's
        browser.run(f"document.getElementById('{box}').focus()")
        keys(browser, Keys.ARROW_RIGHT)
        comes(browser, TITLE, "2 of 7: Forward through layer 2: dense, sigmoid")
        keys(browser, Keys.ARROW_LEFT)
        comes(browser, TITLE, "1 of 7: Forward through layer 1: dense, sigmoid")
        assert browser.run(FOCUSED) == box
    browser.run(f"document.getElementById('{box}').style.width = '3rem'")
    keys(browser, Keys.ARROW_RIGHT)
    comes(browser, f"return document.getElementById('{box}').scrollLeft > 0", True)
    assert browser.run(TITLE) == "1 of 7: Forward through layer 1: dense, sigmoid"
    browser.run(f"document.getElementById('{box}').style.width = ''")
    browser.run("document.getElementById('step-row').select()")
    keys(browser, "3", Keys.ENTER)
    comes(browser, "return document.getElementById('step-where')?.textContent.slice(0, 18)", "Row 3: row 3 of 4 ")
    assert browser.run(FOCUSED) == "step-row"
    browser.run("document.getElementById('step-row').select()")
    keys(browser, "9", Keys.ENTER)
    comes(
        browser, "return document.querySelector('#panel-step [data-errors]').textContent.slice(0, 12)", "the row is 9"
    )


def test_a_weight_is_chosen_by_its_name_or_its_units(page: tuple[Any, Session]) -> None:
    from selenium.webdriver.common.keys import Keys

    browser, session = page
    session.do("weight.choose", {"name": ""})
    head = "return document.getElementById('weight-title')?.textContent.split(' =')[0] ?? ''"
    browser.run("document.getElementById('tab-network').click()")
    comes(browser, "return document.getElementById('weight-name') !== null", True)
    browser.run("document.getElementById('weight-name').select()")
    keys(browser, "w(i1,h2)", Keys.ENTER)
    comes(browser, head, "w(i1,h2)")
    browser.run("document.getElementById('weight-by').open = true; document.getElementById('weight-unit').focus()")
    keys(browser, "h4")
    comes(browser, head, "w(i1,h4)")
    assert browser.run(FOCUSED) == "weight-unit"
