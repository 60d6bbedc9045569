"""The page of a worked example in a real browser: legible at every width, light and dark, and printed on few sheets."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest

import backlit as bl
from backlit.cli.explain import explain
from backlit.show.network.svg import network_svg

PAGES: dict[str, dict[str, Any]] = {
    "two-layer": {"compare": True}, "one-output": {"names": True}, "linear": {"digits": 4}, "xor": {},
    "gates": {"compare": True}, "iris-from-scratch": {"row": (1, 2, 3, 4, 5, 6)}, "exam-scores": {"names": True},
    "convolution": {}, "recurrent": {},
}  # fmt: skip
SHEETS = {
    "two-layer": 2,
    "one-output": 2,
    "linear": 2,
    "xor": 3,
    "gates": 3,
    "iris-from-scratch": 4,
    "exam-scores": 3,
    "convolution": 3,
    "recurrent": 2,
}
WIDTHS = (390, 1100, 1700)
MADE: dict[str, Callable[[], str]] = {
    "folded": lambda: folded(20, 14, 5).to_html(), "tall": lambda: folded(20, 12, 12).to_html(),
    "named": lambda: named().to_html(names=True), "maps": lambda: maps().to_html(),
}  # fmt: skip
PRINTED = (688, 1016)
"""The part of an A4 sheet within the margins, in pixels."""
SMALLEST = 11.0
"""Of letters, in pixels."""

FAULTS = """
const found = [], near = 0.5
for (const svg of document.querySelectorAll('svg.network')) {
  if (!svg.checkVisibility()) continue
  const boxes = [...svg.querySelectorAll('text')].map(text => {
    const scale = text.getScreenCTM().a
    return {text, box: text.getBoundingClientRect(), letters: parseFloat(getComputedStyle(text).fontSize) * scale}
  })
  const circles = [...svg.querySelectorAll('circle')].map(circle => circle.getBoundingClientRect())
  for (const {text, box, letters} of boxes) {
    if (letters < arguments[0]) found.push(`${text.textContent} has letters of ${letters} px`)
    for (const other of boxes)
      if (other.text !== text && Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left) > near
          && Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top) > near)
        found.push(`${text.textContent} lies on ${other.text.textContent}`)
    for (const circle of circles) {
      const radius = circle.width / 2, x = circle.left + radius, y = circle.top + radius
      const reach = (px, py) => Math.hypot(px - x, py - y)
      const middle = reach((box.left + box.right) / 2, (box.top + box.bottom) / 2) < radius
      const ends = [box.left, box.right].flatMap(px => [reach(px, box.top + 2), reach(px, box.bottom - 2)])
      if (middle && Math.max(...ends) > radius + near) found.push(`${text.textContent} goes beyond its circle`)
      if (!middle && Math.min(...ends) < radius - near) found.push(`${text.textContent} lies on a circle`)
    }
  }
}
for (const part of document.querySelectorAll('p, dt, dd, summary, td, figcaption, h1, h2, small'))
  if (parseFloat(getComputedStyle(part).fontSize) < arguments[0]) found.push(`${part.textContent} is too small`)
if (document.documentElement.scrollWidth > innerWidth) found.push('the page scrolls sideways')
return found
"""
HIDDEN = """
const shown = innerWidth <= 640 ? '.wide' : '.narrow'
return [...document.querySelectorAll('svg.network')].filter(svg => svg.checkVisibility() == svg.matches(shown))
"""
"""Drawings that should be shown and are not, or that are for another width."""
OPEN = "document.querySelectorAll('details').forEach(part => part.open = true)"


class Pages:
    """The files of all pages, each made when a test first asks for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __getitem__(self, name: str) -> Path:
        file = self.folder / f"{name}.html"
        if not file.exists():
            if name in PAGES:
                explain(name, form="html", output=file, **PAGES[name])
            else:
                file.write_text(MADE[name](), encoding="utf-8")
        return file


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    return Pages(tmp_path_factory.mktemp("pages"))


def folded(*sizes: int, **names: Any) -> Any:
    layers = [*(bl.Dense(units, "tanh") for units in sizes[1:-1]), bl.Dense(sizes[-1], "softmax")]
    network = bl.Network(layers, sizes[0], "cross_entropy", seed=2)
    X = np.random.default_rng(0).normal(size=(2, sizes[0]))
    return bl.explain(network, X, [0, 2], **names)


def maps() -> Any:
    layers = [bl.Conv2D(6, 5, "relu"), bl.MaxPool(2), bl.Flatten(), bl.Dense(2, "softmax")]
    network = bl.Network(layers, (28, 28, 1), "cross_entropy", seed=0)
    return bl.explain(network, np.random.default_rng(0).normal(size=(1, 28, 28, 1)), [0])


def named() -> Any:
    inputs = ["Stunden Lernens", "Größe in Zentimetern", "身長（センチメートル）", "income before tax, per month",
              "الطول بالسنتيمتر", "длина лепестка", "g", "h", "i"]  # fmt: skip
    return folded(9, 16, 5, 3, inputs=inputs, outputs=["setosa", "versicolor subspecies", "バージニカ種の花びら"])


def pixel(png: bytes) -> tuple[int, ...]:
    """Give the colour of a picture of one pixel: its only line, without filtering."""
    at, data = 8, b""
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += 12 + length
    return tuple(zlib.decompress(data)[1:4])


@pytest.mark.parametrize("name", [*PAGES, *MADE])
def test_no_label_lies_on_another_and_all_are_legible(browser: Any, pages: Pages, name: str) -> None:
    """At each width, in one window: to open all formulas of a large network again would take seconds."""
    browser.show(pages[name], WIDTHS[0])
    browser.run(OPEN)
    found = {}
    for width in WIDTHS:
        browser.resize(width)
        assert browser.run("return innerWidth") == width
        assert browser.run(HIDDEN) == []
        found[width] = browser.run(FAULTS, SMALLEST)
    assert found == {width: [] for width in WIDTHS}


@pytest.mark.parametrize("dark", [False, True])
def test_the_margins_have_the_page_s_colour(browser: Any, pages: Pages, dark: bool) -> None:
    browser.show(pages["linear"], 1700, dark=dark)
    tall = browser.run("return Math.max(innerHeight, document.documentElement.scrollHeight)")
    corners = {pixel(browser.png(x, y, 1, 1)) for x in (0, 850, 1699) for y in (0, tall - 1)}
    assert corners == ({(0x15, 0x1A, 0x21)} if dark else {(255, 255, 255)})
    ink = browser.run("return getComputedStyle(document.querySelector('svg.network .name')).fill")
    assert ink == ("rgb(230, 235, 242)" if dark else "rgb(28, 36, 48)")


@pytest.mark.parametrize("name", SHEETS)
def test_a_page_is_printed_on_few_sheets(browser: Any, pages: Pages, name: str) -> None:
    browser.show(pages[name], 1100)
    sheets = len(re.findall(rb"/Type\s*/Page\b", browser.pdf()))
    assert 1 <= sheets <= SHEETS[name]


@pytest.mark.parametrize("name", ["folded", "tall"])
def test_the_first_sheet_has_the_first_picture_of_a_large_network(browser: Any, pages: Pages, name: str) -> None:
    """What is taller than the rest of the sheet is moved to the next one, and leaves the first empty."""
    browser.show(pages[name], PRINTED[0])
    browser.print_media()
    low = "return document.querySelector('figure').getBoundingClientRect().bottom"
    assert 500 < browser.run(low) < PRINTED[1]
    letters = "const text = document.querySelector('svg.network .label'); return 13 * text.getScreenCTM().a"
    assert browser.run(letters) > 6.4  # 4.8 points


@pytest.mark.parametrize(("width", "beside"), [(390, False), (1200, True), (1700, True)])
def test_forward_and_backward_stand_beside_each_other_where_they_fit(
    browser: Any, pages: Pages, width: int, beside: bool
) -> None:
    for name in ("two-layer", "xor", "linear"):
        browser.show(pages[name], width)
        tops = browser.run("return [...document.querySelectorAll('figure')].map(f => f.getBoundingClientRect().top)")
        assert (tops[0] == tops[1]) == beside, name


@pytest.mark.parametrize(("width", "lines"), [(390, 2), (1200, 1)])
def test_as_many_maps_stand_beside_one_another_as_fit(browser: Any, pages: Pages, width: int, lines: int) -> None:
    browser.show(pages["maps"], width)
    tops = browser.run("""
const shown = [...document.querySelectorAll('svg.forward')].filter(svg => svg.checkVisibility())
const layer = shown.find(svg => svg.ariaLabel.includes('layer 1'))
const names = [...layer.querySelectorAll('.name')].filter(text => /^f[1-6]$/.test(text.textContent))
return names.map(text => Math.round(text.getBoundingClientRect().top))
""")
    assert len(tops) == 4
    assert len(set(tops)) == lines


def test_a_panel_of_maps_is_printed_whole(browser: Any, pages: Pages) -> None:
    """A sheet has room for each, and its letters keep their size."""
    browser.show(pages["maps"], PRINTED[0])
    browser.print_media()
    drawn = "[...document.querySelectorAll('svg.wide')]"
    assert browser.run(f"return {drawn}.every(svg => svg.getBoundingClientRect().height < 700)")
    scales = browser.run(f"return {drawn}.map(svg => svg.getScreenCTM().a)")
    assert [min(scales), max(scales)] == pytest.approx([0.8, 0.8], abs=0.02)


def test_a_dark_page_is_printed_on_white(browser: Any, pages: Pages) -> None:
    browser.show(pages["linear"], 1100, dark=True)
    style = "return getComputedStyle(document.querySelector('.worked')).color"
    assert browser.run(style) == "rgb(230, 235, 242)"
    browser.print_media()
    assert browser.run(style) == "rgb(28, 36, 48)"


def test_every_number_in_a_formula_leads_to_where_it_was_computed(browser: Any, pages: Pages) -> None:
    browser.show(pages["two-layer"], 1100)
    links = browser.run("return [...document.querySelectorAll('math a')].map(a => [a.hash, a.textContent])")
    assert len(links) > 60
    for place, number in links:
        shown = browser.run("return document.getElementById(arguments[0]).textContent", unquote(place[1:]))
        result = shown.rpartition("=")[2].replace("(not trained)", "")
        assert value(result) == value(number), place


def value(text: str) -> float:
    """Read a number as a page shows it."""
    return float(re.sub(r"\s", "", text).replace("−", "-").replace("×10", "e"))


def test_a_link_opens_the_folded_part_that_it_leads_to(browser: Any, pages: Pages) -> None:
    browser.show(pages["xor"], 1100)
    seen = "return document.getElementById('net(h1)[2]').checkVisibility({contentVisibilityAuto: true})"
    assert not browser.run(seen)
    browser.run("location.hash = encodeURIComponent('net(h1)[2]')")
    assert browser.run(seen)


def test_one_box_opens_all_parts(browser: Any, pages: Pages) -> None:
    browser.show(pages["xor"], 1100)
    seen = "return [...document.querySelectorAll('math')].filter(m => m.checkVisibility()).length"
    assert browser.run(seen) == 0
    browser.run("document.querySelector('.every').click()")
    assert browser.run(seen) == browser.run("return document.querySelectorAll('math').length") > 300


@pytest.mark.parametrize("dark", [False, True])
def test_a_picture_stands_alone_light_and_dark(browser: Any, tmp_path: Path, dark: bool) -> None:
    network = bl.Network([bl.Dense(4, "tanh"), bl.Dense(1)], inputs=2, seed=1)
    drawing = bl.explain(network, [[0.5, 1.0]], [[1.0]]).step.drawing()
    (tmp_path / "network.svg").write_text(network_svg(drawing, backward=True, digits=9), encoding="utf-8")
    browser.show(tmp_path / "network.svg", 1100, dark=dark)
    assert pixel(browser.png(1, 1, 1, 1)) == ((0x15, 0x1A, 0x21) if dark else (255, 255, 255))
    assert browser.run(FAULTS.replace("checkVisibility()", "isConnected"), SMALLEST) == []
