"""docs/python.md, docs/coming-from-pytorch-and-keras.md and the starter notebook: what they show is what happens."""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import re
from pathlib import Path

import msgspec
import pytest

import backlit as bl
from backlit.ops.registry import activations

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"```python\n(?P<code>.*?)```(?:\n\n```text\n(?P<text>.*?)```)?", re.DOTALL)
FROM_OTHERS = (DOCS / "coming-from-pytorch-and-keras.md").read_text(encoding="utf-8")
OPTIMIZERS = re.findall(
    r"^\| `(\w+)` \| `([^`]*)` \| (?:`(\w+)`: `([^`]*)`)? ?\|", FROM_OTHERS.partition("## Optimizers")[2], re.MULTILINE
)


def test_the_examples_of_the_python_page_print_what_it_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (DOCS / "python.md").read_text(encoding="utf-8")
    blocks = [*BLOCK.finditer(page)]
    assert len(blocks) == page.count("```python") >= 10
    names: dict[str, object] = {"__name__": "python_page"}
    try:
        for block in blocks:
            shown = io.StringIO()
            with contextlib.redirect_stdout(shown):
                exec(compile(block["code"], "docs/python.md", "exec"), names)
            assert shown.getvalue() == (block["text"] or ""), block["code"]
    finally:
        activations.pop("squash", None)


def settings(text: str) -> dict[str, object]:
    """The settings of "lr=0.01, betas=(0.9, 0.999)"."""
    call = ast.parse(f"f({text})", mode="eval").body
    assert isinstance(call, ast.Call)
    return {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}


def test_every_optimizer_of_the_table_is_read():
    assert [name for name, *_ in OPTIMIZERS] == [
        "SGD", "Momentum", "RMSProp", "Adagrad", "Adadelta", "Adam", "AdamW", "NAdam", "RProp", "LBFGS",
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "defaults"), [row[:2] for row in OPTIMIZERS])
def test_our_defaults_are_those_of_the_table(name, defaults):
    found = {field.name: field.default for field in msgspec.structs.fields(getattr(bl, name))}
    for setting, value in settings(defaults).items():
        assert found[setting] == value


@pytest.mark.parametrize(("name", "defaults"), [row[2:] for row in OPTIMIZERS])
def test_pytorchs_defaults_are_those_of_the_table(name, defaults):
    optim = pytest.importorskip("torch.optim")
    found = inspect.signature(getattr(optim, name)).parameters
    for setting, value in settings(defaults).items():
        assert found[setting].default == value


def test_the_names_of_the_tables_exist():
    for name in re.findall(r"\bbl\.([A-Za-z]\w*)", FROM_OTHERS + (DOCS / "python.md").read_text(encoding="utf-8")):
        assert hasattr(bl, name), name


def test_the_starter_notebook_runs(tmp_path, monkeypatch):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    for variable in ("IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    notebook = nbformat.read(DOCS / "notebooks" / "first-steps.ipynb", as_version=4)
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")
    done = nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    outputs = {cell.source: cell.outputs for cell in done.cells if cell.cell_type == "code"}
    texts = {source: out[-1]["data"]["text/plain"] for source, out in outputs.items() if out}
    explained = next(out for source, out in outputs.items() if source.startswith("bl.explain"))
    assert any("net" in shown["data"]["text/plain"] for shown in explained)
    assert "passed" in texts["bl.gradcheck(network, X, Y)"]
    said = texts["network.predict(X).round(3)"]
    assert [round(float(number)) for number in re.findall(r"[\d.]+\d|\d\.", said)] == [0, 1, 1, 0]
