"""The page of a report in a real browser: axe finds nothing, nothing is wider than the page, nothing is loaded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import model_reports
import pytest
from page_checks import AXE, OPEN, SMALL, WIDER, axe

from backlit.show.report.page import report_html

STACKED = """
const wider = part => part.scrollWidth > part.clientWidth
return [...document.querySelectorAll('.scroll:has(> .stack)')].filter(wider).length
"""
HIDDEN = """
const drawn = document.querySelector('.drawn .scroll')
return drawn !== null && drawn.scrollHeight > drawn.clientHeight + 1
"""
CUT = """
const found = []
for (const svg of document.querySelectorAll('.picture > svg'))
  for (const text of svg.querySelectorAll('text')) {
    const box = text.getBoundingClientRect(), all = svg.getBoundingClientRect()
    const inside = box.left >= all.left - 2 && box.right <= all.right + 2 && box.bottom <= all.bottom + 2
    if (!inside) found.push(text.textContent)
  }
return found
"""
SHEETS = {"iris": 9, "houses": 9, "gaits": 13}
"""So many sheets of paper a report takes, at most."""


@pytest.fixture(params=model_reports.REPORTS)
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made = tmp_path / f"{request.param}.html"
    made.write_text(report_html(model_reports.REPORTS[request.param]()), encoding="utf-8")
    return made


@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_wrong_light_and_dark(browser: Any, file: Path, dark: bool) -> None:
    """On a narrow screen with all tables open, light and dark; the wide one has the same parts."""
    browser.show(file, 390, dark=dark)
    browser.run(OPEN)
    assert browser.run("return innerWidth") == 390
    assert browser.run("return performance.getEntriesByType('resource').map(one => one.name)") == []
    assert browser.run(WIDER) == []
    assert browser.run("return document.documentElement.scrollWidth") == 390
    assert browser.run(SMALL) == []
    assert browser.run(CUT) == []
    assert browser.run(STACKED) == 0
    assert not browser.run(HIDDEN)
    browser.run(axe())
    assert browser.driver.execute_async_script(AXE, dark) == []
    ink = browser.run("return getComputedStyle(document.querySelector('.verdict')).color")
    assert ink == ("rgb(230, 235, 242)" if dark else "rgb(28, 36, 48)")


def test_pictures_of_rows_fit_a_narrow_screen(browser: Any, tmp_path: Path) -> None:
    made = tmp_path / "pictures.html"
    made.write_text(report_html(model_reports.of_pictures()), encoding="utf-8")
    browser.show(made, 390)
    assert browser.run("return performance.getEntriesByType('resource').map(one => one.name)") == []
    assert browser.run("return [...document.images].map(img => img.naturalWidth)") == [8] * 10
    assert browser.run(STACKED) == 0
    assert browser.run("return document.querySelector('.stack:has(img) caption').getBoundingClientRect().height") < 40
    browser.run(axe())
    assert browser.driver.execute_async_script(AXE, False) == []


@pytest.mark.parametrize("file", ["iris"], indirect=True)
def test_the_keyboard_reaches_the_report_first(browser: Any, file: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.show(file, 1200)
    assert browser.run("return document.documentElement.scrollWidth") == 1200
    browser.driver.switch_to.active_element.send_keys(Keys.TAB)
    assert browser.run("return document.activeElement.getAttribute('href')") == "#report"
    assert browser.run("return document.activeElement.getBoundingClientRect().top") >= 0


def test_a_printed_report_is_light_and_nothing_is_cut(browser: Any, file: Path) -> None:
    browser.show(file, 688, dark=True)
    browser.print_media()
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.run("return document.documentElement.scrollWidth") <= 688
    assert len(re.findall(rb"/Type\s*/Page\b", browser.pdf())) <= SHEETS[file.stem]
