"""The data of the live page in a real browser: files opened and dropped, the plane, a row chosen, all by keyboard."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live_page import comes, opened, until

from backlit.model import Settings, fit_table, save
from backlit.page.panels import PANELS
from backlit.page.session import Session
from backlit.page.sources import source_of

TITLE = "return document.querySelector('h1.title').textContent"
ERROR = "return document.querySelector('#panel-source [data-errors]').textContent"
ROWS = "a,b,answer\n" + "".join(f"{k},{k * k % 11},{'yes' if k % 3 else 'no'}\n" for k in range(60))
DROP = """
const data = new DataTransfer()
for (const [name, text] of arguments[0]) data.items.add(new File([text], name))
for (const type of ['dragenter', 'dragover', 'drop'].slice(0, arguments[1])) {
  document.body.dispatchEvent(new DragEvent(type, {dataTransfer: data, bubbles: true, cancelable: true}))
}
"""
DRAWN = """
const canvas = document.querySelector('#boundary-plane canvas')
const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
const middle = 4 * (300 * 600 + 300)
const colours = new Set()
for (let k = 0; k < data.length; k += 4001 * 4) colours.add([data[k], data[k + 1], data[k + 2]].join())
const [plot, box] = [document.querySelector('#boundary-plane svg rect'), canvas].map(one => one.getBoundingClientRect())
return {alpha: data[middle + 3], colours: colours.size, first: [data[0], data[1], data[2]],
        off: Math.max(Math.abs(plot.left - box.left), Math.abs(plot.top - box.top), Math.abs(plot.width - box.width))}
"""


@pytest.fixture(scope="module")
def page(browser: Any) -> Iterator[tuple[Any, Session]]:
    """Serve iris and open it."""
    session = Session(source_of("iris"), PANELS)
    with opened(browser, session):
        yield browser, session


READING = "return document.getElementById('source-reading').textContent"


def begin(page: tuple[Any, Session]) -> tuple[Any, Session]:
    """Train on iris, from its first weights, with the view of the data shown."""
    browser, session = page
    if (session.source.title, session.source.target) != ("iris", "species"):
        session.do("source.choose", {"name": "iris"})
    browser.run("document.getElementById('tab-data').click()")
    comes(browser, TITLE, "iris")
    comes(browser, "return document.getElementById('source-target').value", "species")
    return browser, session


def test_a_file_is_opened_by_keyboard_and_what_does_not_fit_changes_nothing(page: Any, tmp_path: Path) -> None:
    browser, session = begin(page)
    good, bad = tmp_path / "good.csv", tmp_path / "<b>.csv"
    good.write_text(ROWS)
    bad.write_text("a,b\n1,2\n3\n")
    browser.run("document.getElementById('source-file').focus()")
    assert browser.run("return document.activeElement.id") == "source-file"
    field = browser.driver.find_element("id", "source-file")
    field.send_keys(str(bad))
    comes(browser, f"{ERROR}.slice(0, 23)", "Line 3 of <b>.csv has 1")
    assert (browser.run(TITLE), session.source.title) == ("iris", "iris")
    browser.driver.find_element("id", "source-file").send_keys(str(good))
    comes(browser, TITLE, "good.csv")
    comes(browser, ERROR, "")
    assert browser.run("return [...document.getElementById('source-target').options].map(one => one.value)") == [
        "a", "b", "answer"]  # fmt: skip
    assert browser.run("return document.title") == "good.csv – Backlit"
    assert "60" not in browser.run("return document.querySelector('.source .rows').textContent")


def test_a_file_is_dropped_anywhere(page: Any) -> None:
    browser, session = begin(page)
    browser.run(DROP, [["t.csv", ROWS]], 2)
    assert "Drop the file" in browser.run("return getComputedStyle(document.body, '::after').content")
    browser.run(DROP, [["t.csv", ROWS]], 3)
    comes(browser, TITLE, "t.csv")
    assert browser.run("return document.body.className") == ""
    browser.run(DROP, [["a.csv", ROWS], ["b.csv", ROWS]], 3)
    comes(browser, ERROR, "2 files were dropped; expected one.")
    assert session.source.title == "t.csv"


def test_network_and_model_files_are_dropped_too(page: Any, tmp_path: Path) -> None:
    browser, session = begin(page)
    browser.run(DROP, [["n.toml", "[[network.layers]]\nunits = 3\n"]], 3)
    comes(browser, "return document.querySelectorAll('#build-model').length", 1)
    until(lambda: session.source.words == ("n.toml", "--data", "iris"))
    command = "return document.getElementById('address-command').textContent"
    comes(browser, command, "backlit page n.toml --data iris --set view=data")
    browser.run(DROP, [["n.toml", "[[network.layers]]\nunit = 3\n"]], 3)
    comes(browser, f"{ERROR}.slice(0, 15)", "n.toml, line 2:")
    assert session.source.words == ("n.toml", "--data", "iris")
    model, _ = fit_table("iris", settings=Settings(layers=(3,), epochs=1))
    path = save(model, tmp_path / "m.safetensors")
    browser.driver.find_element("id", "source-file").send_keys(str(path))
    comes(browser, TITLE, "m.safetensors on iris")
    said = "return [...document.querySelectorAll('body > [role=status]')].map(one => one.textContent).join()"
    comes(browser, f"{said}.slice(0, 22)", "m.safetensors is open:")
    assert "It begins at the weights of m.safetensors" in browser.run(
        "return document.getElementById('source-begins').textContent"
    )


def test_a_wrong_row_is_stepped_through(page: Any) -> None:
    browser, _ = begin(page)
    comes(browser, "return document.querySelectorAll('#predictions-which').length", 1)
    browser.run(
        "const list = document.getElementById('predictions-which'); list.value = 'validation'; "
        "list.dispatchEvent(new Event('change', {bubbles: true}))"
    )
    kind = "return JSON.parse(document.querySelector('#predictions-scroll tbody tr').dataset.given).which"
    comes(browser, kind, "validation")
    browser.run("document.getElementById('predictions-at-0').click()")
    step = "return JSON.parse(document.getElementById('predictions-step')?.dataset.given ?? '{}').which"
    comes(browser, step, "validation")
    browser.run("document.getElementById('predictions-step').click()")
    comes(browser, "return document.activeElement.id", "step-on")
    comes(browser, "return document.getElementById('step-which')?.value", "validation")


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(page: Any) -> None:
    browser, _ = begin(page)
    limit = "return document.getElementById('source-file').dataset.largest"
    most = browser.run(limit)
    browser.run(f"{limit} = '100'")
    browser.run(DROP, [["t.csv", ROWS]], 3)
    comes(
        browser,
        ERROR,
        f"t.csv has {len(ROWS)} bytes; the page takes up to 100 from a browser; in the "
        "terminal, backlit page t.csv takes it.",
    )
    browser.run(f"{limit} = '{most}'")


def test_a_target_is_chosen_by_keyboard(page: Any) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    browser, session = begin(page)
    browser.run("document.getElementById('source-target').focus()")
    ActionChains(browser.driver).send_keys(Keys.ARROW_UP).perform()
    comes(browser, READING, "Enter takes petal width (cm), Escape goes back.")
    ActionChains(browser.driver).send_keys(Keys.ESCAPE).perform()
    comes(browser, "return document.getElementById('source-target').value", "species")
    assert session.source.target == "species"
    ActionChains(browser.driver).send_keys(Keys.ARROW_UP, Keys.ENTER).perform()
    comes(browser, "return document.getElementById('source-target').value", "petal width (cm)")
    comes(browser, "return document.querySelector('#panel-boundary h2').textContent", "Predicted petal width (cm)")
    assert session.source.target == "petal width (cm)"
    assert browser.run("return document.activeElement.id") == "source-target"


def test_the_plane_is_drawn_below_its_axes_and_follows_the_training(page: Any) -> None:
    browser, session = begin(page)
    comes(browser, f"return (() => {{{DRAWN}}})().alpha", 255)
    before = browser.run(DRAWN)
    assert before["off"] < 1.0
    assert before["colours"] > 3
    words = "return document.getElementById('boundary-words').textContent"
    told = browser.run(words)
    session.do("bar.advance", {"epochs": 40})
    for _ in range(100):
        after = browser.run(DRAWN)
        if after["first"] != before["first"] and browser.run(words) != told:
            break
        time.sleep(0.05)
    assert after["first"] != before["first"]
    assert browser.run(words) != told


def test_a_row_is_chosen_by_keyboard_and_keeps_the_focus(page: Any) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    browser, session = begin(page)
    comes(browser, "return document.querySelectorAll('#panel-predictions tbody tr[data-do]').length", 50)
    browser.run("document.getElementById('predictions-at-2').focus()")
    row = browser.run("return document.activeElement.textContent")
    ActionChains(browser.driver).send_keys(Keys.ENTER).perform()
    comes(browser, "return document.querySelector('#panel-predictions tr.chosen button')?.textContent ?? ''", row)
    assert browser.run("return document.activeElement.id") == "predictions-at-2"
    assert session.panels["step"].facts() or vars(session.panels["step"])
    which = browser.driver.find_element("id", "predictions-which")
    which.send_keys(Keys.ARROW_DOWN)
    comes(browser, "return document.getElementById('predictions-which').value", "validation")
    comes(browser, "return document.querySelectorAll('#panel-predictions tbody tr[data-do]').length", 30)
