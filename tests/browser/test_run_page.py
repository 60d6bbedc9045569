"""Running the training in a real browser: by mouse and by keyboard, going back, the cursor of the curves."""

from __future__ import annotations

from typing import Any

import pytest
from live_page import keys, until

from backlit.page.session import Session

FOCUSED = "return document.activeElement.id"
PLACE = "return document.getElementById('bar-place').textContent"
LETTERS = """
return [...document.querySelectorAll('.curve text')].map(text => parseFloat(getComputedStyle(text).fontSize) *
  Math.hypot(text.getScreenCTM().a, text.getScreenCTM().b)).filter(size => size < 10.9)
"""


@pytest.fixture(autouse=True)
def _anew(page: tuple[Any, Session]) -> None:
    browser, session = page
    with session.turn():
        session.build(session.source.design)
    session.do("bar.pace", {"speed": 1_000})
    browser.run("document.activeElement.blur(); document.getElementById('tab-network').click(); scrollTo(0, 0)")
    until(lambda: browser.run("return document.getElementById('bar-speed').value") == "1000")
    until(lambda: browser.run(PLACE).startswith("0 of 1,000"))


def shown(browser: Any, key: str) -> str:
    return str(browser.run("return document.getElementById(arguments[0])?.textContent ?? ''", key))


def test_space_plays_and_pauses_where_no_control_has_the_focus(page: tuple[Any, Session]) -> None:
    browser, session = page
    assert browser.run("return document.activeElement === document.body")
    keys(browser, " ")
    until(lambda: session.training.step > 50)
    assert session.playing
    until(lambda: shown(browser, "bar-play") == "Pause")
    until(lambda: "updates a second" in shown(browser, "bar-pace"))
    keys(browser, " ")
    until(lambda: not session.playing)
    until(lambda: shown(browser, "bar-play") == "Play")
    assert f"{session.training.step:,} updates" in browser.run(PLACE)
    until(lambda: shown(browser, "bar-said").startswith("Paused. "))
    step = session.training.step
    browser.run("document.getElementById('bar-batch').focus()")
    keys(browser, " ")
    until(lambda: session.training.step == step + 1)
    assert not session.playing
    assert browser.run(FOCUSED) == "bar-batch"


def test_a_button_stays_the_same_while_it_plays_so_that_no_click_is_lost(page: tuple[Any, Session]) -> None:
    browser, session = page
    browser.run("window.kept = document.getElementById('bar-play'); kept.click()")
    until(lambda: session.training.step > 200 and f"{200:,}" < browser.run(PLACE).split(", ")[-1])
    assert browser.run("return window.kept === document.getElementById('bar-play')")
    browser.run("window.kept.click()")
    until(lambda: not session.playing)


def test_speed_epoch_batch_and_row_by_the_buttons(page: tuple[Any, Session]) -> None:
    browser, session = page
    browser.run("document.getElementById('bar-speed').focus()")
    from selenium.webdriver.common.keys import Keys

    keys(browser, Keys.ARROW_UP)
    until(lambda: session.speed == 100)
    until(lambda: browser.run("return document.getElementById('bar-speed').value") == "100")
    browser.run("document.getElementById('bar-epoch').click()")
    until(lambda: browser.run(PLACE) == "1 of 1,000 epochs, 6 updates")
    browser.run("document.getElementById('bar-row').click()")
    until(lambda: "row 1 of 16" in shown(browser, "step-where"))  # the view opens with the row at hand
    browser.run("document.getElementById('bar-row').click()")
    until(lambda: "row 2 of 16" in shown(browser, "step-where"))
    assert browser.run("return document.getElementById('tab-step').getAttribute('aria-selected')") == "true"
    assert session.training.step == 6


def test_going_back_by_keyboard_shows_the_weights_of_that_moment(page: tuple[Any, Session]) -> None:
    from selenium.webdriver.common.keys import Keys

    browser, session = page
    session.do("bar.advance", {"epochs": 1})
    session.do("bar.advance", {"epochs": 1})
    until(lambda: browser.run("return document.getElementById('bar-moment').max") == "2")
    browser.run("document.getElementById('bar-moment').focus()")
    keys(browser, Keys.ARROW_LEFT)
    until(lambda: browser.run(PLACE) == "Replayed: 1 of 2 epochs, 6 updates")
    value = "return document.getElementById('bar-moment').getAttribute('aria-valuetext')"
    until(lambda: browser.run(value) == "epoch 1 of 2")
    keys(browser, Keys.ARROW_LEFT)
    until(lambda: browser.run(value) == "epoch 0 of 2")
    with session.view() as view:
        assert view.network.parameters.tobytes() == session.kept.all()[0].parameters.tobytes()
    until(lambda: not browser.run("return document.getElementById('bar-now').hidden"))
    assert "replayed" in browser.run("return document.querySelector('#curves-loss svg').textContent")
    assert browser.run(FOCUSED) == "bar-moment"
    browser.run("document.getElementById('bar-now').click()")
    until(lambda: browser.run(PLACE) == "2 of 1,000 epochs, 12 updates")
    assert browser.run(FOCUSED) == "bar-moment"


def test_the_cursor_of_the_curves_tells_an_epoch_and_replays_it(page: tuple[Any, Session]) -> None:
    from selenium.webdriver.common.keys import Keys

    browser, session = page
    for _ in range(4):
        session.do("bar.advance", {"epochs": 1})
    until(lambda: browser.run(PLACE).startswith("4 of"))
    browser.run("document.getElementById('curves-loss').focus()")
    keys(browser, Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    losses = session.training.history["loss"], session.training.history["validation_loss"]
    words = f"Epoch 3: training {losses[0][2]:.4g}, validation {losses[1][2]:.4g}"
    until(lambda: browser.run("return document.getElementById('curves-loss').ariaValueText") == words)
    assert shown(browser, "curves-loss-told") == words
    session.do("bar.advance", {"updates": 1})  # another snapshot: the cursor and the focus stay
    until(lambda: "5 batches" not in browser.run(PLACE) and "1 of 6" in browser.run(PLACE))
    until(lambda: browser.run("return document.querySelectorAll('#curves-loss .cursor').length") == 1)
    assert browser.run(FOCUSED) == "curves-loss"
    keys(browser, Keys.ENTER)
    until(lambda: browser.run(PLACE) == "Replayed: 3 of 4 epochs, 18 updates")
    keys(browser, Keys.ESCAPE)
    until(lambda: browser.run("return document.querySelectorAll('#curves-loss .cursor').length") == 0)


def test_the_end_is_said_and_goes_on(page: tuple[Any, Session]) -> None:
    browser, session = page
    session.do("bar.pace", {"speed": 0})
    keys(browser, " ")
    until(lambda: session.stopped)
    until(lambda: shown(browser, "bar-ended") == "All 1,000 epochs are done.")
    until(lambda: shown(browser, "bar-said").startswith("All 1,000 epochs are done. 1,000 of 1,000 epochs"))
    keys(browser, " ")  # nothing is left to play: the button for more epochs has the focus
    assert browser.run(FOCUSED) == "bar-on"
    assert browser.run("return document.querySelector('.bar [data-errors]').textContent") == ""
    keys(browser, " ")
    until(lambda: session.stopped == "all 2000 epochs done")
    until(lambda: browser.run(PLACE) == "2,000 of 2,000 epochs, 12,000 updates")


def test_letters_are_legible_at_any_width(page: tuple[Any, Session]) -> None:
    browser, session = page
    session.do("bar.advance", {"epochs": 8})
    for width in (1440, 768, 390, 320):
        browser.resize(width)
        assert browser.run(LETTERS) == []
    browser.resize(1440)
