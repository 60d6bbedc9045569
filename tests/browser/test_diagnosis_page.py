"""The page of a diagnosis in a real browser: axe finds nothing, nothing is wider than the page, nothing is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_checks import AXE, OPEN, SMALL, WIDER, axe

import backlit as bl


@pytest.fixture(scope="module", params=["slow", "healthy"])
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A diagnosis with findings, a remedy that helped and pictures; or one of a training that is as it should be."""
    random = np.random.default_rng(0)
    X = random.normal(size=(300, 5))
    Y = (X @ [1, -1, 0.5, 0, 0] + 0.5 * random.normal(size=300) > 0).astype(float)
    layers = [bl.Dense(16, "relu"), bl.Dense(1, "sigmoid")]
    network = bl.Network(layers, inputs=5, loss="binary_cross_entropy", seed=0)
    rate, epochs = (1e-6, 40) if request.param == "slow" else (0.008, 50)
    training = bl.Training(
        network, X[:200], Y[:200], validation=(X[200:], Y[200:]), optimizer=bl.Adam(rate), epochs=epochs
    ).run()
    found = bl.diagnose(training, fix=True, columns=["a column whose name is long " * 3, *"bcde"])
    assert bool(found.tried) == (request.param == "slow")
    return found.save(tmp_path_factory.mktemp("page") / f"{request.param}.html")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_is_wrong_light_and_dark(browser: Any, file: Path, width: int, dark: bool) -> None:
    browser.show(file, width, dark=dark)
    browser.run(OPEN)
    assert browser.run("return performance.getEntriesByType('resource').map(one => one.name)") == []
    assert browser.run(WIDER) == []
    assert browser.run("return document.documentElement.scrollWidth") == width
    assert browser.run(SMALL) == []
    browser.run(axe())
    assert browser.driver.execute_async_script(AXE, dark) == []


def test_the_page_can_be_read_without_its_pictures(browser: Any, file: Path) -> None:
    """Headings stand in order below the verdict, and each picture has its numbers as a table."""
    browser.show(file, 1200)
    heads = browser.run("return [...document.querySelectorAll('h1, h2, h3')].map(head => head.tagName)")
    assert heads[0] == "H1"
    assert heads.count("H1") == 1
    pictures = browser.run("return document.querySelectorAll('figure').length")
    assert browser.run("return document.querySelectorAll('details table').length") == pictures
    assert (pictures > 0) == (file.stem == "slow")
