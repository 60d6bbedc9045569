"""How a person uses the live page in a browser: with the keyboard alone, or with the mouse alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from live_page import keys, until

from backlit.page.session import Session

FOCUSED = """
const one = document.activeElement
if (!one || one === document.body) return {id: '', name: '', area: ''}
const box = one.getBoundingClientRect()
const cover = document.elementFromPoint(box.left + Math.min(4, box.width / 2), box.top + Math.min(4, box.height / 2))
const head = document.querySelector('header.top')
return {
  id: one.id, tag: one.localName, name: one.getAttribute('aria-label') ?? one.textContent.trim().slice(0, 60),
  area: one.closest('[data-panel]')?.dataset.panel ?? one.closest('[role=tablist]')?.className ?? one.className,
  seen: one.checkVisibility({checkVisibilityCSS: true}) && box.width > 0 && box.height > 0,
  inside: box.bottom > 0 && box.top < innerHeight,
  covered: !head.contains(one) && head.contains(cover) && getComputedStyle(head).position === 'sticky',
  outlined: getComputedStyle(one).outlineStyle !== 'none' || one.closest('svg') !== null ||
    one.classList.contains('unseen') && getComputedStyle(one.parentElement).outlineStyle !== 'none',
}
"""
"""What has the focus: its id and name, the part it is in, whether it can be seen, and whether its focus can."""

MOST_STOPS = 150
"""So often Tab is pressed at most."""


def focused(browser: Any) -> dict[str, Any]:
    """Give what has the focus."""
    found: dict[str, Any] = browser.run(FOCUSED)
    return found


def tab_to(browser: Any, wanted: str, *, back: bool = False) -> list[dict[str, Any]]:
    """Press Tab, or Shift and Tab, until the control of an id, or of an accessible name, has the focus.

    Give the stops on the way; each of them can be seen, and so can its focus.
    """
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    assert wanted
    stops = []
    for _ in range(MOST_STOPS):
        if back:
            ActionChains(browser.driver).key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()
        else:
            keys(browser, Keys.TAB)
        found = focused(browser)
        stops.append(found)
        if found["id"] or found["name"]:
            assert found["seen"], found
            assert found["inside"], found
            assert found["outlined"], found
            assert not found["covered"], found
        if wanted in (found["id"], found["name"]):
            return stops
    pytest.fail(f"Tab does not lead to {wanted!r}; it leads to {[stop['id'] or stop['name'] for stop in stops]}")


def retype(browser: Any, words: str, *, end: str = "\ue007") -> None:
    """Replace what stands in the field that has the focus, and press Enter, or another key."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    chain = ActionChains(browser.driver).key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL)
    chain.send_keys(words, end).perform()


def _at(browser: Any, css: str, does: Callable[[Any], Any]) -> None:
    """Scroll to a part and do something there; once more where it has just been swapped."""
    from selenium.common.exceptions import StaleElementReferenceException

    for tries in range(5):
        try:
            part = browser.driver.find_element("css selector", css)
            browser.run("arguments[0].scrollIntoView({block: 'center'})", part)
            does(part)
        except StaleElementReferenceException:
            if tries == 4:  # a panel that is drawn anew all the time cannot be used
                raise
        else:
            return


def click(browser: Any, css: str) -> None:
    """Move the mouse onto a part and press; another part that covers it lets the test fail."""
    _at(browser, css, lambda part: part.click())


def pick(browser: Any, css: str, words: str) -> None:
    """Choose an option of a list by its text."""
    from selenium.webdriver.support.select import Select

    _at(browser, css, lambda part: Select(part).select_by_visible_text(words))


def write(browser: Any, css: str, words: str) -> None:
    """Click a field, replace what stands in it, and leave it."""
    from selenium.webdriver.common.keys import Keys

    click(browser, css)
    retype(browser, words, end=Keys.TAB)


def point_at(browser: Any, css: str) -> None:
    """Move the mouse onto a part, without pressing."""
    from selenium.webdriver.common.action_chains import ActionChains

    _at(browser, css, lambda part: ActionChains(browser.driver).move_to_element(part).perform())


def text(browser: Any, css: str) -> str:
    """Give the text of a part; nothing where it is not there."""
    return str(browser.run("return document.querySelector(arguments[0])?.textContent ?? ''", css))


SAME = """
const read = part => {
  for (const one of part.querySelectorAll('[data-list]')) one.textContent = ''  // the browser fills these
  for (const one of part.querySelectorAll('[data-errors]')) one.textContent = ''  // what was said of a command
  return part.textContent
}
const made = document.createElement('div')
made.innerHTML = arguments[1]
return read(made) === read(document.getElementById(`panel-${arguments[0]}`).cloneNode(true))
"""


def shows(browser: Any, session: Session, name: str) -> None:
    """Wait until a panel shows what the session has for it now."""
    until(lambda: browser.run(SAME, name, session.draw((name,))[1][name].html))
