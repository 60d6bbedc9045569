"""What the tests of pages look at in a browser: scripts that give what is wrong, and axe."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

AXE = """
const done = arguments[1]
const colours = {runOnly: ['color-contrast']}  // all that differs in the dark
axe.run(document, {resultTypes: ['violations'], ...(arguments[0] ? colours : {})}).then(
  found => done(found.violations.flatMap(one => one.nodes.map(node => `${one.id}: ${node.html.slice(0, 200)}`))),
  error => done([String(error)]))
"""
OPEN = "document.querySelectorAll('details').forEach(part => part.open = true)"
WIDER = """
const wide = document.documentElement.clientWidth
const beyond = part => part.getBoundingClientRect().right > wide + 0.5
const free = part => !part.closest('.scroll, .wide, .unseen, .skip, svg') && beyond(part)
return [...document.querySelectorAll('body *')].filter(free).map(part => part.outerHTML.slice(0, 120))
"""
SMALL = """
const texts = [...document.querySelectorAll('svg text')].filter(text => text.checkVisibility())
const scale = ({a, b}) => Math.hypot(a, b)
const size = text => parseFloat(getComputedStyle(text).fontSize) * scale(text.getScreenCTM())
return texts.filter(text => size(text) < 9.9).map(text => `${text.textContent}: ${size(text)} px`)
"""


def axe() -> str:
    if os.environ.get("BACKLIT_BROWSER") != "required":
        pytest.importorskip("axe_core_python")
    import axe_core_python

    return Path(axe_core_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
