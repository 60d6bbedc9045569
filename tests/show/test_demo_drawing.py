"""The picture of a demo's network in a notebook has the weights that training left."""

from __future__ import annotations

import base64
import re
from xml.etree import ElementTree

import msgspec
import pytest

import backlit as bl
from backlit.explain.algebra.numerals import short_text
from backlit.show.demo.drawing import network_picture


def pictures(html: str) -> list[str]:
    return [base64.b64decode(data).decode() for data in re.findall(r"svg\+xml;base64,([\w+/=]+)", html)]


@pytest.mark.parametrize("name", ["linear", "two-layer"])
def test_each_weight_after_training_is_in_the_picture(name: str) -> None:
    demo = bl.demo(name, compiled=False)
    setup = demo.run.runs[0]
    svg = pictures(demo._repr_html_())[0]
    root = ElementTree.fromstring(svg)
    texts = [text for text in root.iter("{http://www.w3.org/2000/svg}text") if "label" in (text.get("class") or "")]
    shown = sorted("".join(text.itertext()) for text in texts)
    assert len(shown) == len(setup.parameters)
    for parameter in setup.parameters:
        number = short_text(parameter.after, 4)
        named = f"{parameter.label} {number}" if parameter.label else number
        assert any(text.startswith(named) for text in shown), parameter.name
    assert f"after {setup.epochs:,} epoch" in (root.findtext("{*}title") or "")


def test_a_network_without_weights_between_its_units_has_no_picture() -> None:
    setup = bl.demo("linear", compiled=False).run.runs[0]
    assert "svg+xml" in network_picture(setup)
    without = tuple(parameter for parameter in setup.parameters if not parameter.name.startswith("w("))
    assert network_picture(msgspec.structs.replace(setup, parameters=without)) == ""
