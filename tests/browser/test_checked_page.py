"""The pages of checked work and of a class in a real browser: axe finds nothing, nothing is wider than the page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from checked_samples import SAMPLES, with_records
from page_checks import AXE, OPEN, WIDER, axe

from backlit.check.marking import class_result
from backlit.show.check.checked import Checked
from backlit.show.check.marking import Marking

PAGES = {
    **{name: Checked(with_records(sample)).to_html for name, sample in SAMPLES.items() if name != "empty"},
    "hint": Checked(SAMPLES["one mistake"], hint=2).to_html,
    "class": Marking(class_result("a class", SAMPLES, of=12, problems={"Ivan": "an empty file"})).to_html,
}
INKS = {False: "rgb(28, 36, 48)", True: "rgb(230, 235, 242)"}


@pytest.fixture(params=PAGES)
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made = tmp_path / "page.html"
    made.write_text(PAGES[request.param](), encoding="utf-8")
    return made


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1100])
def test_nothing_is_wrong_narrow_and_wide_light_and_dark(browser: Any, file: Path, width: int, dark: bool) -> None:
    browser.show(file, width, dark=dark)
    browser.run(OPEN)
    assert browser.run("return performance.getEntriesByType('resource').map(one => one.name)") == []
    assert browser.run(WIDER.replace(".scroll", ".all")) == []
    assert browser.run("return document.documentElement.scrollWidth") == width
    browser.run(axe())
    assert browser.driver.execute_async_script(AXE, dark) == []
    assert browser.run("return getComputedStyle(document.querySelector('.verdict')).color") == INKS[dark]
    assert browser.console() == []


def test_it_prints_light_on_few_sheets_of_paper(browser: Any, file: Path) -> None:
    browser.show(file, 688, dark=True)
    browser.print_media()
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.run("return document.documentElement.scrollWidth") <= 688
    assert len(re.findall(rb"/Type\s*/Page\b", browser.pdf())) <= 3
