"""docs/notebooks/check-your-code.ipynb: what it says of each cell is what the cell gives."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

CELLS = json.loads(
    (Path(__file__).parents[2] / "docs" / "notebooks" / "check-your-code.ipynb").read_text(encoding="utf-8")
)["cells"]


@pytest.fixture(scope="module")
def ran() -> dict[str, Any]:
    """Run the code cells; give the names that they leave."""
    names: dict[str, Any] = {}
    for cell in CELLS:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            exec(compile(ast.parse("".join(cell["source"])), "cell", "exec"), names)
    return names


def test_the_mistake_is_named_and_mended(ran):
    assert ran["check"].named.code == "tanh-slope-as-sigmoid"
    assert [array.verdict for array in ran["check"].arrays] == ["wrong", "wrong", "right", "right"]
    assert ran["check"].first_layer is None
    assert ran["mended"].all_right


def test_the_training_is_that_of_another_rate(ran):
    assert ran["losses"].first == 1
    assert "η/4" in ran["losses"].named.title


def test_it_needs_no_other_package():
    source = "\n".join("".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code")
    assert {node.names[0].name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import)} == {
        "numpy", "backlit",
    }  # fmt: skip


def test_losses_of_batches_are_recognised(ran):
    assert ran["batches"].all_right
    assert ran["batches"].measured == "as the mean of the epoch's batches, before each one's step"
