"""What the page's files may hold: no address of another host, no inline script or style, and together little."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import backlit
from backlit.page.panels import PANELS
from backlit.page.routes import page_html, static_files
from backlit.page.session import Session
from backlit.page.sources import source_of

PACKAGE = Path(backlit.__file__).parent
TEMPLATE = PACKAGE / "show" / "templates" / "live.html"
MOST = 100_000
"""Bytes of all static files."""

NAMESPACES = ("http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML", "http://www.w3.org/1999/xlink")
"""Names, which no browser fetches."""

FAULTS = {
    "an address of another host": re.compile(r"""\b(https?|wss?|ftp):|["'`(=\s]//[A-Za-z0-9[]"""),
    "a script within the page": re.compile(r"<script(?![^>]*\bsrc=)", re.IGNORECASE),
    "a script of another kind": re.compile(
        r"javascript:|\beval\(|\bnew Function\b|setAttribute\(\s*.on", re.IGNORECASE
    ),
    "a handler as an attribute": re.compile(r"<[^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "a style that the browser refuses": re.compile(
        r"<style\b|<[^>]*\sstyle\s*=|setAttribute\(\s*.style", re.IGNORECASE
    ),
    "a form that is sent": re.compile(r"<form[^>]*\saction=", re.IGNORECASE),
    "a sheet or module from elsewhere": re.compile(r"@import\b|\bimport\(?\s*[\"'](?!\./)|\bfrom\s+[\"'](?!\./)"),
    "a picture from elsewhere": re.compile(r"url\((?!\s*[\"']?(data:|#))"),
}


def faults(text: str, *, script: bool = False) -> list[str]:
    """Name what a file may not hold."""
    for namespace in NAMESPACES:
        text = text.replace(namespace, "")
    if script:
        text = re.sub(r"(^|\s)//\s[^\n]*", "", text)
    return [fault for fault, pattern in FAULTS.items() if pattern.search(text)]


def files() -> dict[str, str]:
    found = {name: content.decode() for name, (_, content) in static_files().items()}
    return found | {TEMPLATE.name: TEMPLATE.read_text(encoding="utf-8")}


@pytest.mark.parametrize("name", sorted(files()))
def test_a_file_of_the_page_has_no_address_of_another_host_and_nothing_inline(name):
    assert faults(files()[name], script=name.endswith(".js")) == []


def test_the_page_as_it_is_drawn_has_nothing_inline_either():
    session = Session(source_of("iris", None), PANELS)
    session.training.advance(seconds=0.05)
    session.keep()
    session.change()
    drawn = page_html(session, sorted(name for name in static_files() if name.endswith(".css")))
    _, parts = session.draw(tuple(panel.name for panel in PANELS))
    everything = drawn + "".join(part.html for part in parts.values())
    assert 'class="chart"' in drawn
    assert 'class="stage' in everything
    assert faults(everything) == []


def test_the_static_files_are_small():
    assert sum(len(content) for _, content in static_files().values()) <= MOST
    assert {name.rpartition(".")[2] for name in static_files()} == {"js", "css"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('<script src="https://evil.example/x.js"></script>', "an address of another host"),
        ('<img src="//evil.example/x.png">', "an address of another host"),
        ('fetch("http:/" + "/evil.example")', "an address of another host"),
        ("new WebSocket(`wss://evil.example`)", "an address of another host"),
        ("a { background: url(//evil.example/x) }", "an address of another host"),
        ("<script>train()</script>", "a script within the page"),
        ('<a href="javascript:train()">', "a script of another kind"),
        ('eval("train()")', "a script of another kind"),
        ('button.setAttribute("onclick", "train()")', "a script of another kind"),
        ('<button onclick="train()">', "a handler as an attribute"),
        ("<svg\nonload=train()>", "a handler as an attribute"),
        ('<p style="color: red">', "a style that the browser refuses"),
        ("<style>p { color: red }</style>", "a style that the browser refuses"),
        ('part.setAttribute("style", "color: red")', "a style that the browser refuses"),
        ('<form action="/command">', "a form that is sent"),
        ('@import "other.css"', "a sheet or module from elsewhere"),
        ('import { draw } from "three"', "a sheet or module from elsewhere"),
        ('await import("three")', "a sheet or module from elsewhere"),
        ("a { background: url(x.png) }", "a picture from elsewhere"),
    ],
)
def test_each_fault_is_seen(text, fault):
    assert fault in faults(text)


def test_what_is_right_is_no_fault():
    right = """
    // a comment: https is never used
    import { swap } from "./page.js"
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
    part.style.width = "3px"  // half
    button.addEventListener("click", () => swap(1 / 2))
    a { background: url("data:image/svg+xml,") }
    """
    assert faults(right, script=True) == []
