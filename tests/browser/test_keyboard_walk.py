"""The whole page by keyboard alone: no pointer and no script moves anything here; scripts only read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live_page import comes, keys, opened, until
from page_use import focused, retype, tab_to, text

from backlit.page.panels import PANELS
from backlit.page.session import Session
from backlit.page.sources import source_of

PLACE = "#bar-place"
SELECTED = "return document.querySelector('[role=tab][aria-selected=true]').textContent"


@pytest.fixture(scope="module")
def page(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Session, Path]]:
    """Serve iris and open it; what is saved comes into a folder."""
    saved = tmp_path_factory.mktemp("saved")
    browser.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(saved)})
    session = Session(source_of("iris"), PANELS)
    with opened(browser, session):
        yield browser, session, saved


def test_the_whole_page_is_used_by_keyboard_alone(page: tuple[Any, Session, Path]) -> None:
    browser, session, saved = page
    until(lambda: text(browser, PLACE).startswith("0 of 1,000"))
    assert "token" not in browser.driver.current_url
    first = session.training.network.parameters.copy()
    _run(browser, session)
    _look_at_a_unit_and_a_weight(browser, session)
    _step_through_a_row(browser)
    _open_the_other_views(browser, session)
    _go_back_by_the_curve(browser, session)
    _build(browser, session)
    _save_and_copy(browser, session, saved)
    _reset(browser, session)
    assert session.training.network.parameters.shape != first.shape
    _do_a_step_of_a_lesson(browser, session)


def _run(browser: Any, session: Session) -> None:
    """Play and pause by Space, then an epoch, a batch and another speed."""
    from selenium.webdriver.common.keys import Keys

    keys(browser, " ")
    until(lambda: session.training.step > 20)
    until(lambda: text(browser, "#bar-play") == "Pause")
    keys(browser, " ")
    until(lambda: text(browser, "#bar-play") == "Play")
    assert not session.playing
    stops = [stop["id"] for stop in tab_to(browser, "bar-epoch")]
    assert stops[-2:] == ["bar-play", "bar-epoch"]
    epochs = len(session.training.history)
    keys(browser, Keys.ENTER)
    until(lambda: len(session.training.history) == epochs + 1)
    tab_to(browser, "bar-batch")
    step = session.training.step
    keys(browser, " ")
    until(lambda: session.training.step == step + 1)
    tab_to(browser, "bar-speed")
    keys(browser, Keys.HOME)
    until(lambda: session.speed == 1)
    until(lambda: browser.run("return document.getElementById('bar-speed').value") == "1")
    assert focused(browser)["id"] == "bar-speed"


def _look_at_a_unit_and_a_weight(browser: Any, session: Session) -> None:
    """Go to a unit of the drawing, to its strongest weight, and to the chain rule of that."""
    from selenium.webdriver.common.keys import Keys

    tab_to(browser, "tab-network")
    tab_to(browser, browser.run("return document.querySelector('.unit[tabindex=\"0\"]').getAttribute('aria-label')"))
    keys(browser, Keys.ARROW_RIGHT)
    assert focused(browser)["name"].endswith(", layer 1")
    keys(browser, *[Keys.ARROW_UP] * 8, Keys.ARROW_DOWN)
    until(lambda: text(browser, "#panel-unit h2") == "Unit h2")
    keys(browser, Keys.ENTER)
    name = focused(browser)["name"].split(" = ")[0]
    assert name.endswith("h2)")
    keys(browser, Keys.ENTER)
    until(lambda: focused(browser)["id"] == "weight-box")
    assert focused(browser)["name"] == f"{name} worked out"
    assert text(browser, "#weight-title").startswith(f"{name} = ")
    assert "By differences" in text(browser, "#weight-box")
    keys(browser, Keys.ESCAPE)
    assert focused(browser)["name"].startswith(f"{name} = ")
    keys(browser, Keys.ESCAPE)
    assert focused(browser)["name"] == "h2, layer 1"


def _step_through_a_row(browser: Any) -> None:
    """Go through a row forth and back, and to the row after it."""
    from selenium.webdriver.common.keys import Keys

    tab_to(browser, "tab-network", back=True)
    keys(browser, Keys.ARROW_RIGHT)
    assert browser.run(SELECTED) == "One row"
    tab_to(browser, "step-on")
    begun = text(browser, "#step-title")
    assert begun.startswith("1 of 7: Forward")
    keys(browser, Keys.ENTER)
    until(lambda: text(browser, "#step-title").startswith("2 of 7: Forward"))
    keys(browser, Keys.ARROW_RIGHT)
    until(lambda: text(browser, "#step-title").startswith("3 of 7: Error"))
    keys(browser, Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    until(lambda: text(browser, "#step-title") == begun)
    assert focused(browser)["id"] == "step-on"
    where = text(browser, "#step-where")
    tab_to(browser, "step-next", back=True)
    keys(browser, Keys.ENTER)
    until(lambda: text(browser, "#step-where") != where)
    assert focused(browser)["id"] == "step-next"


def _open_the_other_views(browser: Any, session: Session) -> None:
    """Choose a row of the predictions, two weights of the valley, and read the signals as a table."""
    from selenium.webdriver.common.keys import Keys

    tab_to(browser, "tab-step", back=True)
    keys(browser, Keys.ARROW_RIGHT)
    assert browser.run(SELECTED) == "Check"
    keys(browser, Keys.ARROW_RIGHT)
    assert browser.run(SELECTED) == "Data"
    until(lambda: text(browser, "#predictions-at-0"))
    tab_to(browser, "predictions-at-0")
    keys(browser, Keys.ENTER)
    until(lambda: "is marked in the boundary" in text(browser, "#panel-predictions .said"))
    assert focused(browser)["id"] == "predictions-at-0"
    tab_to(browser, "tab-data", back=True)
    keys(browser, Keys.ARROW_RIGHT)
    assert browser.run(SELECTED) == "Descent"
    until(lambda: text(browser, "#descent-said"))
    tab_to(browser, "descent-over")
    keys(browser, Keys.END)
    until(lambda: text(browser, "#descent-x"))
    assert focused(browser)["id"] == "descent-over"
    until(lambda: text(browser, "#descent-said"))
    tab_to(browser, "descent-point")
    keys(browser, Keys.HOME)
    until(lambda: text(browser, "#descent-said").startswith("Epoch 0"))
    tab_to(browser, "tab-descent", back=True)
    keys(browser, Keys.ARROW_RIGHT)
    assert browser.run(SELECTED) == "Health"
    until(lambda: text(browser, "#health-all summary").startswith("All signals of epoch "))
    tab_to(browser, text(browser, "#health-all summary"))
    keys(browser, Keys.ENTER)
    until(lambda: browser.run("return document.getElementById('health-all').open"))
    tab_to(browser, "All signals")


def _go_back_by_the_curve(browser: Any, session: Session) -> None:
    """Go to an epoch by the curve's cursor, and back to now by the bar."""
    from selenium.webdriver.common.keys import Keys

    tab_to(browser, "curves-loss")
    keys(browser, Keys.HOME, Keys.ENTER)
    until(lambda: text(browser, PLACE).startswith("Replayed: "))
    assert focused(browser)["id"] == "curves-loss"
    assert session.replayed is not None
    tab_to(browser, "bar-now", back=True)
    keys(browser, Keys.ENTER)
    until(lambda: session.replayed is None)
    until(lambda: focused(browser)["id"] == "bar-moment")


def _build(browser: Any, session: Session) -> None:
    """Change the units, add a layer and remove it; what does not fit is said, and the field keeps the focus."""
    from selenium.webdriver.common.keys import Keys

    tab_to(browser, "build-add-layers")
    keys(browser, Keys.ENTER)
    until(lambda: len(session.design.network["layers"]) == 3)
    until(lambda: focused(browser)["id"] == "build-add-layers")
    tab_to(browser, "build-remove-1", back=True)
    keys(browser, Keys.ENTER)
    until(lambda: len(session.design.network["layers"]) == 2)
    until(lambda: focused(browser)["area"] == "build")  # its button has gone: the focus is at the one before it
    tab_to(browser, "build-layers.0.units", back=True)
    retype(browser, "none")
    until(lambda: text(browser, "#panel-build .error"))
    assert focused(browser)["id"] == "build-layers.0.units"
    assert browser.run("return document.activeElement.ariaInvalid") == "true"
    retype(browser, "5")
    until(lambda: session.design.network["layers"][0]["units"] == 5)
    until(lambda: text(browser, "#panel-build .error") == "")
    assert focused(browser)["id"] == "build-layers.0.units"


def _save_and_copy(browser: Any, session: Session, saved: Path) -> None:
    """Copy the command, and save the network file and the model."""
    from selenium.webdriver.common.keys import Keys

    granted = ["clipboardReadWrite", "clipboardSanitizedWrite"]  # to read; writing alone needs none
    browser.driver.execute_cdp_cmd("Browser.grantPermissions", {"permissions": granted})
    tab_to(browser, "address-copy")
    keys(browser, Keys.ENTER)
    read = "navigator.clipboard.readText().then(arguments[0], error => arguments[0](String(error)))"
    until(lambda: browser.driver.execute_async_script(read).startswith("backlit page iris --set "))
    for link, name in (("build-save", "iris.toml"), ("build-model", "iris.safetensors")):
        tab_to(browser, link)
        keys(browser, Keys.ENTER)
        until((saved / name).exists)
    until(lambda: "units = " in (saved / "iris.toml").read_text())


def _reset(browser: Any, session: Session) -> None:
    """Train and reset: the very same weights."""
    from selenium.webdriver.common.keys import Keys

    first = session.training.network.parameters.tobytes()
    tab_to(browser, "bar-epoch", back=True)
    keys(browser, Keys.ENTER)
    until(lambda: len(session.training.history) == 1)
    assert session.training.network.parameters.tobytes() != first
    tab_to(browser, "bar-reset")
    keys(browser, Keys.ENTER)
    until(lambda: not len(session.training.history))
    assert session.training.network.parameters.tobytes() == first
    assert focused(browser)["id"] == "bar-reset"


def _do_a_step_of_a_lesson(browser: Any, session: Session) -> None:
    """Begin a lesson, have its first step done, go on to the second, and leave."""
    from selenium.webdriver.common.keys import Keys

    tab_to(browser, "Lessons")
    keys(browser, Keys.ENTER)
    tab_to(browser, "lesson-xor")
    keys(browser, Keys.ENTER)
    until(lambda: "step 1 of 4" in text(browser, "#panel-lesson .where"))
    until(lambda: focused(browser)["area"] == "lesson" or focused(browser)["id"] == "panel-lesson")
    tab_to(browser, "lesson-show")
    keys(browser, Keys.ENTER)
    until(lambda: len(session.training.history) == 5000)
    comes(browser, "return document.activeElement.id", "lesson-show")
    tab_to(browser, "lesson-next")
    keys(browser, Keys.ENTER)
    until(lambda: "step 2 of 4" in text(browser, "#panel-lesson .where"))
    assert focused(browser)["id"] == "lesson-next"
    tab_to(browser, "lesson-leave")
    keys(browser, Keys.ENTER)
    until(lambda: "step 2 of 4" not in text(browser, "#panel-lesson"))
    until(lambda: focused(browser)["area"] == "lesson" or focused(browser)["id"] == "panel-lesson")
