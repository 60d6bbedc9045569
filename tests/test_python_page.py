"""docs/python.md, docs/coming-from-pytorch-and-keras.md and the starter notebook: what they show is what happens."""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import json
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


@pytest.mark.parametrize("name", ["python.md", *(path.name for path in sorted(DOCS.glob("pictures*.md")))])
def test_the_examples_of_a_page_print_what_it_shows(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    page = (DOCS / name).read_text(encoding="utf-8")
    blocks = [*BLOCK.finditer(page)]
    assert len(blocks) == page.count("```python") >= (10 if name == "python.md" else 0)
    names: dict[str, object] = {"__name__": "python_page"}
    try:
        for block in blocks:
            shown = io.StringIO()
            with contextlib.redirect_stdout(shown):
                exec(compile(block["code"], f"docs/{name}", "exec"), names)
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


@pytest.fixture(scope="module")
def starter(tmp_path_factory):
    """The starter notebook, run: the outputs of each code cell by its source."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    folder = tmp_path_factory.mktemp("jupyter")
    notebook = nbformat.read(DOCS / "notebooks" / "first-steps.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
            patch.setenv(variable, str(folder / variable))
        done = nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    return {cell.source: cell.outputs for cell in done.cells if cell.cell_type == "code"}


def text_of(starter, start):
    """What the cell shows whose source starts so."""
    (shown,) = (out[-1] for source, out in starter.items() if source.startswith(start))
    return shown.get("text") or shown["data"]["text/plain"]


def test_the_starter_notebook_shows_what_it_says(starter):
    explained = next(out for source, out in starter.items() if source.startswith("step = bl.explain"))
    texts = [shown["data"]["text/plain"] for shown in explained]
    assert any("i1 = 1\ni2 = 1\n" in text for text in texts)  # "both inputs are 1, the target is 0"
    assert any("t(o1) = 0" in text for text in texts)
    by_name, worked = ast.literal_eval(text_of(starter, 'float(slopes["1.W"][0, 1])'))
    assert by_name == worked != 0
    assert "passed" in text_of(starter, "bl.gradcheck")
    assert 1 < int(text_of(starter, "next(epoch.number")) < 100
    said = text_of(starter, "network.predict(X).round(3)")
    assert [round(float(number)) for number in re.findall(r"[\d.]+\d|\d\.", said)] == [0, 1, 1, 0]
    assert "Write your number" in text_of(starter, "layer = bl.Dense")


@pytest.mark.parametrize(("answer", "said"), [("0.459", "Right"), ("0.341", "two minus signs"), ("0.4", "Not yet")])
def test_the_starter_notebooks_exercise_knows_the_answer(answer, said, capsys):
    cells = json.loads((DOCS / "notebooks" / "first-steps.ipynb").read_text(encoding="utf-8"))["cells"]
    (check,) = ("".join(cell["source"]) for cell in cells if "neuron = " in "".join(cell["source"]))
    exec(check, {"bl": bl, "answer": float(answer)})
    assert said in capsys.readouterr().out


def test_a_seed_that_the_starter_notebook_names_does_not_learn():
    X, Y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    for seed, learns in ((1, False), (2, True)):
        network = bl.Network([bl.Dense(2, "tanh"), bl.Dense(1, "sigmoid")], 2, "binary_cross_entropy", seed=seed)
        bl.Training(network, X, Y, optimizer=bl.Adam(rate=0.1), batch_size="full", epochs=200, compiled=False).run()
        assert (network.predict(X).ravel().round().tolist() == Y) is learns
