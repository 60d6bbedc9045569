"""The address in a real browser: reloading, a second tab, going back, an address that a person gives; a lesson."""

from __future__ import annotations

from typing import Any

import pytest
from live_page import comes, until

from backlit.page.session import Session

HASH = "return location.hash"
VIEW = "return document.querySelector('[role=tab][aria-selected=true]').textContent"
TOLD = "return document.getElementById('told').textContent"
LEFT = "return document.getElementById('lesson-left')?.textContent ?? ''"


@pytest.fixture(autouse=True)
def _anew(page: tuple[Any, Session]) -> None:
    browser, session = page
    session.do("address.keep", {})
    session.do("lesson.leave", {})
    session.do("source.choose", {"name": "iris"})
    click(browser, "tab-network")
    comes(browser, HASH, "#data=iris")


def click(browser: Any, key: str) -> None:
    until(lambda: browser.run("return document.getElementById(arguments[0]) !== null", key))
    browser.run("document.getElementById(arguments[0]).click()", key)


def test_the_address_follows_and_neither_reload_tab_nor_back_destroys_anything(page: tuple[Any, Session]) -> None:
    browser, session = page
    comes(browser, HASH, "#data=iris")
    click(browser, "bar-epoch")
    comes(browser, HASH, "#data=iris&trained=1")
    click(browser, "tab-descent")
    comes(browser, HASH, "#data=iris&trained=1&view=descent")
    training, length = session.training, browser.run("return history.length")
    session.do("bar.advance", {"epochs": 2})
    session.do("unit.look", {"name": "h2"})
    wanted = "#data=iris&unit=h2&trained=3&view=descent"
    comes(browser, HASH, wanted)
    browser.driver.refresh()
    comes(browser, VIEW, "Descent")
    comes(browser, HASH, wanted)
    # a second tab, with the address copied
    first, address = browser.driver.current_window_handle, browser.driver.current_url
    browser.driver.switch_to.new_window("tab")
    browser.driver.get(address)
    comes(browser, VIEW, "Descent")
    comes(browser, HASH, wanted)
    click(browser, "tab-health")  # a tab has its own view
    comes(browser, HASH, wanted.replace("descent", "health"))
    browser.driver.close()
    browser.driver.switch_to.window(first)
    comes(browser, VIEW, "Descent")
    # the link over the page, and back
    browser.run("document.querySelector('.skip').click()")
    comes(browser, HASH, wanted)
    browser.driver.back()
    comes(browser, HASH, wanted)
    browser.driver.forward()
    comes(browser, HASH, wanted)
    assert browser.run("return history.length") == min(length + 1, 50)  # a browser keeps no more
    assert (session.training, len(session.training.history)) == (training, 3)


def test_an_address_that_a_person_gives_is_restored_and_what_does_not_fit_is_told(page: tuple[Any, Session]) -> None:
    browser, session = page
    browser.run("location.hash = '#data=iris&layers=2:tanh,3:softmax&view=step&step.stage=3&trained=4'")
    until(lambda: len(session.training.history) == 4 and not session.playing)
    comes(browser, VIEW, "One row")
    assert session.design.network["layers"][0]["units"] == 2
    comes(browser, HASH, "#data=iris&layers=2:tanh,3:softmax&step.stage=3&trained=4&view=step")
    until(lambda: browser.run("return document.getElementById('step-title')?.textContent ?? ''").startswith("3 of"))
    browser.run("location.hash = '#data=iris&layers=2:tanh,3:softmax&view=step&trained=4&weight=w(nothing)'")
    until(lambda: "no weight 'w(nothing)'" in browser.run(TOLD))
    comes(browser, HASH, "#data=iris&layers=2:tanh,3:softmax&trained=4&view=step")  # the address says what is there
    browser.run("location.hash = '#data=../secret.csv'")
    until(lambda: "start the program with it: backlit page ../secret.csv" in browser.run(TOLD))
    assert len(session.training.history) == 4


def test_an_address_that_would_undo_a_training_asks_with_the_focus_on_keeping_it(page: tuple[Any, Session]) -> None:
    browser, session = page
    click(browser, "tab-network")
    session.do("source.choose", {"name": "iris"})
    for _ in range(5):
        session.do("bar.advance", {"epochs": 1})
    until(lambda: len(session.training.history) == 5 and not session.playing)
    comes(browser, HASH, "#data=iris&trained=5")
    training = session.training
    browser.run("location.hash = '#data=iris&optimizer.rate=0.2'")
    comes(browser, "return document.activeElement.id", "address-keep")
    comes(browser, HASH, "#data=iris&trained=5")
    assert session.training is training
    click(browser, "address-build")
    comes(browser, HASH, "#data=iris&optimizer.rate=0.2")


def test_a_lesson_is_done_by_its_controls(page: tuple[Any, Session]) -> None:
    browser, session = page
    click(browser, "tab-network")
    browser.run("document.getElementById('lesson-list').open = true")
    click(browser, "lesson-valley")
    comes(browser, LEFT, "Still to do: open the view Descent.")
    click(browser, "tab-descent")
    comes(browser, LEFT, "✓ Done.")
    click(browser, "lesson-next")
    comes(browser, LEFT, "Still to do: train to epoch 20.")
    session.do("bar.pace", {"speed": 1_000})
    click(browser, "lesson-play")
    comes(browser, LEFT, "✓ Done.")
    click(browser, "lesson-next")
    comes(browser, LEFT, "Still to do: set learning rate to 0.01.")
    click(browser, "lesson-again")
    comes(browser, LEFT, "Still to do: set learning rate to 0.01; train to epoch 20.")
    click(browser, "lesson-show")
    comes(browser, LEFT, "✓ Done.")
    comes(browser, VIEW, "Descent")
    wanted = "#data=valley&optimizer.rate=0.01&speed=1000&lesson=valley&lesson.step=3&trained=20&view=descent"
    comes(browser, HASH, wanted)
    browser.run("document.getElementById('lesson-leave').click()")
    comes(browser, HASH, wanted.replace("lesson=valley&lesson.step=3&", ""))
