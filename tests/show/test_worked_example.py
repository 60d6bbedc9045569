"""The classic examples in every form, held to golden files.

After a change that is meant, `BACKLIT_GOLDEN=write pytest tests/show` writes the files anew: look at their difference.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import msgspec
import numpy as np
import pytest
from cases import RULES

import backlit as bl
from backlit.examples import example_file, read_network_file
from backlit.show.worked.equation_parts import equation_parts
from backlit.show.worked.html import LINKED, anchor

GOLDEN = Path(__file__).parent / "golden"
CLASSICS = ("two-layer", "one-output", "linear")
FORMS = {"txt": str, "md": lambda e: e.to_markdown(), "tex": lambda e: e.to_latex(), "html": lambda e: e.to_html(),
         "json": lambda e: e.to_json()}  # fmt: skip
RICH = "rich"
"""A network with everything in it, beside the classics."""


def worked(name: str, **settings: Any) -> Any:
    if name == RICH:
        layers = [
            bl.Dense(3),
            bl.BatchNorm(),
            "relu",
            bl.Dropout(0.25),
            bl.Dense(2),
            bl.LayerNorm(),
            bl.Dense(3, "softmax"),
        ]
        network = bl.Network(layers, inputs=2, loss="cross_entropy", seed=3)
        X = [[0.5, -1.0], [1.5, 0.25]]
        return bl.explain(
            network,
            X,
            [0, 2],
            optimizer=bl.Adam(0.1),
            l2=0.1,
            clip_norm=0.5,
            inputs=["width (cm)", "a_b^c%"],
            **settings,
        )
    setup = read_network_file(example_file(name)).setups[0]
    X, Y = setup.rows()
    return bl.explain(setup.build(), X, Y, optimizer=setup.rules()["optimizer"], compare=True, **settings)


def numbers(text: str) -> np.ndarray:
    return np.array([float(number) for number in re.findall(r"-?\d+\.\d+(?:[eE]-?\d+)?", text)])


def canonical(text: str) -> str:
    """Leave out zeros at the ends of decimals, and padding: 0.21 and 0.210000000 differ in the platform's last bit."""
    return re.sub(r" +", " ", re.sub(r"(\d\.\d*?)0+(?!\d)", r"\1", text)).strip()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", [*CLASSICS, "recurrent"])
def test_the_full_table_is_the_golden_one(name: str, form: str) -> None:
    text = FORMS[form](worked(name))
    path = GOLDEN / f"{name}.{form}"
    if os.environ.get("BACKLIT_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    golden = path.read_text(encoding="utf-8")
    if form == "json":  # in full precision, where the last bit is the platform's
        blank = re.compile(r"-?\d+\.\d+(?:[eE]-?\d+)?")
        assert blank.sub("#", text) == blank.sub("#", golden)
        np.testing.assert_allclose(numbers(text), numbers(golden), rtol=1e-9)
    else:
        assert canonical(text) == canonical(golden)


@pytest.mark.parametrize("name", [*CLASSICS, RICH])
def test_the_page_is_whole_and_loads_nothing(name: str) -> None:
    page = worked(name).to_html()
    assert not re.search(r"<script|<link(?! rel=\"icon\" href=\"data:)|<img|@import|url\(|\bon\w+=", page)
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", page)
    for formula in re.findall(r"<math.*?</math>", page, flags=re.DOTALL):
        ElementTree.fromstring(formula)
        assert r"\text" not in formula
    drawings = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    rows = [drawing.row for drawing in worked(name).example.drawings]
    assert len(drawings) == 2 * len(rows) - rows.count(None)
    for drawing in drawings:
        ElementTree.fromstring(drawing)


@pytest.mark.parametrize("name", [*CLASSICS, RICH])
def test_every_number_of_the_step_in_a_formula_is_a_link_to_it(name: str) -> None:
    example, page = worked(name), worked(name).to_html()
    places = re.findall(r' id="([^"]*)"', page)
    assert len(set(places)) == len(places) == len(example)
    rows = {
        unescape(place): block
        for place, block in re.findall(r'class="number-of" id="([^"]*)">(.*?)</div>', page, re.DOTALL)
    }
    for section in example.example.sections:
        for record, linked in section.linked_records:
            assert LINKED.sub(r"\2", linked) == record.substituted
            links = [unquote(unescape(link)) for link in re.findall(r'href="#([^"]*)"', rows[anchor(record.name)])]
            assert set(links) <= {anchor(name) for name in record.depends_on}
            alone = len(equation_parts(record)) == 2
            assert alone or len(set(links)) == len(record.depends_on) or "more terms" in record.plain_formula, record


def test_names_are_escaped_in_every_form() -> None:
    network = bl.Network([bl.Dense(1)], inputs=2)
    example = bl.explain(network, [[1.0, 2.0]], [[1.0]], inputs=["<b>&", "$x_1$"])
    assert "<b>" not in example.to_html()
    assert r"\$x\_1\$" in example.to_latex()
    assert str(example)


@pytest.mark.parametrize("digits", [0, 1, 3, 9, 17, 40])
def test_any_number_of_digits(digits: int) -> None:
    example = worked("two-layer", digits=digits)
    for form in FORMS.values():
        assert form(example)


def test_json_holds_every_record_in_full_precision() -> None:
    example = worked("two-layer")
    decoded = msgspec.json.decode(example.to_json())
    by_name = {record["name"]: record for record in decoded["records"]}
    assert by_name["out(h1)"]["value"] == example["out(h1)"].value
    assert by_name["dE/dw(i1,h1)"]["from"] == "i1"
    assert len(by_name) == len(example)


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("name", RULES)
def test_json_holds_every_number_that_another_depends_on(name: str, rows: int) -> None:
    network = bl.Network([bl.Dense(2, "tanh"), bl.LayerNorm(), bl.Dense(2, "sigmoid")], inputs=1, seed=1)
    limits = {"l1": 0.1, "l2": 0.1, "clip_value": 0.1, "clip_norm": 0.1, "max_norm": 1.0}
    example = bl.explain(network, [[0.5], [0.75]][:rows], [[0.0, 1.0]] * rows, optimizer=name, **limits)
    records = msgspec.json.decode(example.to_json())["records"]
    names = [record["name"] for record in records]
    assert len(set(names)) == len(names) == len(example)
    assert {name for record in records for name in record["depends_on"]} <= set(names)


def test_a_part_has_as_many_records_as_it_says() -> None:
    network = bl.Network([bl.Dense(1)], inputs=1)
    example = bl.explain(network, [[0.5]], [[0.25]], optimizer="adam", only="w(i1,o1)")
    assert len(list(example)) == len(example)


def test_jupyter_shows_it() -> None:
    example = worked("linear")
    assert "<!DOCTYPE" not in example._repr_html_()
    assert example._repr_html_().count("data:image/svg+xml") == 2
    assert example._repr_markdown_().startswith("# ")
    assert r"\documentclass" not in example._repr_latex_()
    assert "numbers" in repr(example)


def test_text_columns_are_aligned() -> None:
    lines = str(worked("two-layer")).splitlines()
    section = lines[lines.index("Backward: the error's slopes") + 1 :][:4]
    points = [line.rindex(".") for line in section if line.strip().startswith("=")]
    assert len(set(points)) == 1


@pytest.mark.parametrize("name", [*CLASSICS, RICH])
def test_latex_compiles(name: str, tmp_path: Path) -> None:
    compiler = shutil.which("pdflatex") or shutil.which("tectonic")
    if compiler is None:
        pytest.skip("no TeX is installed")
    (tmp_path / "step.tex").write_text(worked(name).to_latex(), encoding="utf-8")
    options = ["-interaction=nonstopmode", "-halt-on-error"] if "pdflatex" in compiler else []
    subprocess.run([compiler, *options, "step.tex"], cwd=tmp_path, check=True, capture_output=True)


def test_the_page_opens_without_a_console_message(tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no Chromium is installed")
    page = tmp_path / "step.html"
    page.write_text(worked(RICH).to_html(), encoding="utf-8")
    run = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}",
         "--enable-logging=stderr", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert "CONSOLE" not in run.stderr
    assert "</math>" in run.stdout
