"""What a notebook shows: run by a kernel, converted with sanitizing on and off, and compared with the records.

JupyterLab itself is opened by `python -m bench.notebooks`, which makes pictures to look at; see docs/notebooks.md.
"""

from __future__ import annotations

import functools
import re
from typing import Any

import nbclient
import nbformat
import pytest
from nbconvert import HTMLExporter, LatexExporter, MarkdownExporter
from nbformat.v4 import new_code_cell, new_notebook
from visible import visible_text

import backlit as bl
from backlit.explain.algebra.numerals import decimal_text, latex_number, short_text
from backlit.show import notebook as pieces
from backlit.show.worked import markdown as worked_markdown
from backlit.show.worked import notebook as worked_notebook

PRELUDE = """
import backlit as bl
from backlit.model import Settings, fit_table
X, Y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0.0, 1.0, 1.0, 0.0]
network = bl.Network([bl.Dense(3, "tanh"), bl.Dense(1, "sigmoid")], 2, "binary_cross_entropy", seed=1)
training = bl.Training(network, X, Y, epochs=30, optimizer=bl.Adam(0.05), compiled=False)
watched, left = (bl.Training(network.copy(), X, Y, epochs=30, metrics="accuracy", compiled=False) for _ in range(2))
"""
CELLS = {
    "worked": "bl.explain(network, X, Y, optimizer=bl.Adam(0.1), check=True, compare=True, steps=2)",
    "by name": 'bl.explain("two-layer")',
    "epoch": "bl.explain(network, X, Y, batch_size=2, shuffle=False, epoch=1)",
    "network": "network",
    "before": "training",
    "run": "training.run()",
    "history": "training.history",
    "check": "bl.gradcheck(network, X, Y)",
    "state": "training.state",
    "demo": 'bl.demo("linear", compiled=False)',
    "lesson": 'bl.demo("valley", epochs=2, compiled=False)',
    "classes": 'bl.demo("xor", epochs=2, compiled=False)',
    "list": "bl.demo()",
    "curve": "training.curve()",
    "plot": "training.plot()",
    "watched": "all(bl.watch(watched)) and None",
    "left": "next(iter(bl.watch(left))) and None",
    "displayed": "display(training.history)",
    "in a list": "[network, training]",
    "table": 'fit_table("iris", settings=Settings(epochs=3, layers=(4,)))[0]',
    "report": 'fit_table("iris", settings=Settings(epochs=3, layers=(4,)))[1]',
    "watched history": "watched.history",
    "left history": "left.history",
    "measured": "network.evaluate(X, Y, metrics=['accuracy'])",
    "measured table": 'fit_table("iris", settings=Settings(epochs=3, layers=(4,)))[0].evaluate("iris")',
}
NUMBER = re.compile(r"\d+(?:\.\d+)+")


@functools.cache
def values() -> dict[str, Any]:
    """Give what the cells give, made here, once for all tests: none changes it."""
    space: dict[str, Any] = {"display": lambda shown: shown}
    exec(PRELUDE, space)
    return {name: eval(code, space) for name, code in CELLS.items()}


@pytest.fixture(scope="module")
def ran() -> Any:
    values()  # compiles what the cells need, so that none of them says that it does
    cells = [new_code_cell(PRELUDE), *map(new_code_cell, CELLS.values())]
    book = new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    nbformat.validate(book)
    return book


def outputs(book: Any) -> dict[str, list[Any]]:
    return {name: cell.outputs for name, cell in zip(CELLS, book.cells[1:], strict=True)}


@pytest.fixture(scope="module", params=[False, True], ids=["trusted", "sanitized"])
def visible(ran: Any, request: pytest.FixtureRequest) -> dict[str, str]:
    """Give the text that is seen of each cell on nbconvert's page."""
    exporter = HTMLExporter(template_name="basic", sanitize_html=request.param, exclude_input=True)
    found = {}
    for name, cell in zip(CELLS, ran.cells[1:], strict=True):
        page, _ = exporter.from_notebook_node(new_notebook(cells=[cell], metadata=ran.metadata))
        found[name] = visible_text(page)
    return found


def shows(text: str, number: str) -> bool:
    """Whether a number stands in a text, with no digit next to it."""
    return re.search(rf"(?<![\d.]){re.escape(number)}(?![\d]|\.\d)", text) is not None


def test_every_number_of_a_worked_example_is_seen(visible: dict[str, str]) -> None:
    for record in values()["worked"]:
        if record.formula:
            assert shows(visible["worked"], latex_number(record.shown)), record.name
        for number in NUMBER.findall(record.checked):
            assert shows(visible["worked"], number), record.name


def test_no_number_is_seen_that_no_record_has(visible: dict[str, str]) -> None:
    """Where markup goes, numbers could meet: -1/0.52 was shown as -10.52."""
    example = values()["worked"].example
    plain = [text for record in example.records for text in (record.plain_formula, record.plain_substituted)]
    plain += [text for record in example.records for text in (record.shown, record.checked)]
    plain += [text for change in example.changes for text in change.shown]
    plain += [decimal_text(error) for error in example.summary.errors]
    plain += [fact for _, fact in example.summary.facts]
    plain += [short_text(number, 4) for drawing in example.drawings for column in drawing.columns
              for part in (*column.nodes, *column.edges) for number in (part.slope, getattr(part, "value", None),
              getattr(part, "weight", None)) if number is not None]  # fmt: skip
    plain += [decimal_text(node.value, 4) for drawing in example.drawings for column in drawing.columns
              for node in column.nodes if node.value is not None]  # fmt: skip
    found = set(NUMBER.findall(visible["worked"]))
    assert len(found) > 100
    assert found <= set(NUMBER.findall(" ".join(plain)))


@pytest.mark.parametrize("name", ["network", "history", "check", "demo", "lesson", "classes", "list", "curve",
                                  "plot", "measured", "measured table"])  # fmt: skip
def test_a_table_is_seen_as_it_is_printed(visible: dict[str, str], name: str) -> None:
    printed = str(values()[name])
    for number in NUMBER.findall(printed):
        assert shows(visible[name], number)
    assert set(NUMBER.findall(visible[name])) <= set(NUMBER.findall(printed))


def test_a_training_and_its_state_are_seen(visible: dict[str, str]) -> None:
    here = values()
    last = f"{here['run'].history[-1].loss:.9g}"
    assert "0 of 30" in visible["before"]
    assert shows(visible["run"], last)
    assert shows(visible["state"], last)
    assert "object at 0x" not in "".join(visible.values())


def test_a_training_that_was_watched_is_seen_as_it_ended(ran: Any, visible: dict[str, str]) -> None:
    for name, epochs, why in (("watched", 30, "all 30 epochs done"), ("left", 1, "the loop was left")):
        history = values()[{"watched": "watched history", "left": "left history"}[name]]
        assert len(history) == epochs
        (output,) = outputs(ran)[name]  # one picture, replaced
        head = f"epoch {epochs}/30, loss {history[-1].loss:.4g}, accuracy {history[-1].accuracy:.4g}, "
        assert output.data["text/plain"].startswith(head)
        assert output.data["text/plain"].splitlines()[0].endswith(f" s of training: {why}")
        assert head in visible[name]
        assert str(history.plot()).splitlines()[5] in visible[name]


def test_no_markup_is_seen(visible: dict[str, str]) -> None:
    """What nbconvert does not know it shows as text."""
    for text in visible.values():
        assert not re.search(r"</?[a-z]+[ >]|style=|base64", text)


def test_outputs_keep_to_what_jupyterlab_shows_untrusted(ran: Any) -> None:
    for name, made in outputs(ran).items():
        assert 0 < len(made) < 50  # JupyterLab folds the rest
        for output in made:
            assert output.data["text/plain"].strip()
            assert set(output.data) <= {"text/html", "text/latex", "text/plain"}
            assert name in {"worked", "by name", "epoch", "in a list"} or "text/html" in output.data


def test_other_formats_of_nbconvert_show_the_numbers(ran: Any) -> None:
    value = latex_number(values()["worked"].example.records[-1].shown)
    for exporter in (MarkdownExporter(), LatexExporter()):
        text, _ = exporter.from_notebook_node(ran)
        assert shows(text, value)


def test_a_list_shows_a_line_of_each(ran: Any) -> None:
    text = outputs(ran)["in a list"][0].data["text/plain"]
    assert text.startswith("[Network(2 -> 3 tanh")
    assert "<Training of Network" in text


def test_each_row_is_named_above_its_pictures(visible: dict[str, str]) -> None:
    """Four rows were drawn alike, with nothing that told them apart."""
    seen = visible["worked"]
    parts = re.split(r"^(Row \d|All rows together)\s*$", seen, flags=re.MULTILINE)[1:]
    assert parts[::2] == ["Row 1", "Row 2", "Row 3", "Row 4", "All rows together"]
    for part, inputs in zip(parts[1::2], ["i1 = 0, i2 = 0", "i1 = 0, i2 = 1", "i1 = 1, i2 = 0", "i1 = 1, i2 = 1"],
                            strict=False):  # fmt: skip
        assert part.count(f"inputs: {inputs}\n") == 1
        assert part.count("Backward, of this row alone") == 1


def test_a_tables_model_and_its_report_show_the_scores(visible: dict[str, str]) -> None:
    for name in ("table", "report"):
        assert "petal length" in visible[name]
        assert shows(visible[name], f"{values()['report'].test.model.log_loss:#.4g}")


# ------------------------------------------------------------------------------------------------ without a kernel


def shown() -> dict[str, str]:
    """Give the HTML of everything that shows itself."""
    found = {name: value._repr_html_() for name, value in values().items() if hasattr(value, "_repr_html_")}
    found |= {f"worked {k}": output["text/html"] for k, output in enumerate(values()["worked"]._outputs())
              if "text/html" in output}  # fmt: skip
    return found


def test_html_has_tags_that_all_sanitizers_know_and_inherits_its_colours() -> None:
    for name, html in shown().items():
        assert set(re.findall(r"</?([a-z0-9]+)", html)) <= {"div", "span", "pre", "code"}, name
        assert set(re.findall(r"<[a-z]+ ([a-z-]+)=", html)) <= {"style"}, name
        bare = re.sub(r"url\(data:[^)]*\)", "url()", html)
        for colour in re.findall(r"(?:color|background|border[a-z-]*):([^;\"]*)", bare):
            assert re.fullmatch(r"inherit|transparent|0|1px solid rgba\(128,128,128,[\d.]+\)", colour), (name, colour)


def test_names_are_escaped() -> None:
    network = bl.Network([bl.Dense(1)], inputs=2)
    example = bl.explain(network, [[1.0, 2.0]], [[1.0]], inputs=["<b>&", "$x_1$"])
    html = example._repr_html_() + "".join(output.get("text/html", "") for output in example._outputs())
    assert "<b>" not in html
    assert "<b>&" in visible_text(html)


def test_a_picture_stands_before_its_text() -> None:
    html = pieces.picture_html("<svg/>", (300, 150), "1 < 2\n3")
    assert "padding-bottom:50.00%" in html
    assert visible_text(html).strip() == "1 < 2\n3"


@pytest.mark.parametrize("steps", [3, 12, 13, 40])
def test_the_errors_of_many_steps_are_the_first_and_the_last(steps: int) -> None:
    example = bl.explain(bl.Network([bl.Dense(1, weights=[[2.0]])], 1), [[3.0]], [[5.0]], steps=steps).example
    head = worked_notebook._head_text(example)
    shown = [int(number) for number in re.findall(r"error before step (\d+)", head)]
    every = [*range(1, steps + 1)]
    assert shown == (every if steps <= 12 else [*every[:6], *every[-6:]])
    assert head.endswith(
        f"error before step {steps}: {decimal_text(example.summary.errors[-1], example.summary.digits)}"
    )


def test_a_step_of_too_many_numbers_says_so() -> None:
    example = bl.explain(bl.Network([bl.Dense(60), bl.Dense(60)], 60), [[0.5] * 60], [[0.5] * 60])
    head, *formulas = example._outputs()
    assert "the first 3 units of each layer are shown" in head["text/plain"]
    assert "net(h3)" in formulas[-1]["text/plain"] + formulas[2]["text/plain"]


def test_a_long_step_is_cut_with_a_word_and_stays_in_one_cell() -> None:
    example = values()["worked"].example
    made = list(worked_notebook.worked_outputs(example, 3))
    latex = "".join(output.get("text/latex", "") for output in made)
    assert sum("text/latex" in output for output in made) == 3
    (left_out,) = (int(found[1]) for output in made
                   if (found := re.match(r"(\d+) more numbers are left out here", output["text/plain"])))  # fmt: skip
    numbers = [record for record in example.records if record.formula]
    seen = sum(f"{record.symbol} & = {record.formula}"[:60] in latex for record in numbers)
    assert 0 < left_out < len(example.records)
    assert seen >= len(numbers) - left_out


def test_no_formula_is_longer_than_mathjax_takes() -> None:
    """It refuses more than 5,120 signs."""
    wide = bl.Network([bl.Dense(2, "tanh"), bl.Dense(3, "softmax")], 100, "cross_entropy", seed=1)
    example = bl.explain(wide, [[0.123456789] * 100], [1], only=["h1", "error"])
    made = list(worked_notebook.worked_outputs(example.example))
    assert 4000 < max(len(output.get("text/latex", "")) for output in made) < 4800


def test_a_number_with_too_long_a_formula_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worked_notebook, "MOST_SIGNS", 150)
    monkeypatch.setattr(worked_markdown, "MOST_SIGNS", 150)
    example = values()["worked"]
    made = list(worked_notebook.worked_outputs(example.example, 10_000))
    texts = [visible_text(output["text/html"]) for output in made[1:] if "text/html" in output]
    assert len(texts) > 2
    everything = " ".join([*texts, *(output.get("text/latex", "") for output in made)])
    markdown = example.to_markdown()
    for record in example.example.records:
        if record.formula:
            value = record.shown
            assert shows(everything, value) or shows(everything, latex_number(value))
            assert shows(markdown, value) or shows(markdown, latex_number(value))
    assert "```\nnet(h1)[1] = " in markdown


@pytest.mark.parametrize("name", ["TerminalInteractiveShell", "InteractiveShellEmbed"])
def test_a_terminal_of_ipython_prints_the_text(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    terminal = type(name, (type("TerminalInteractiveShell", (), {}),), {})()
    monkeypatch.setitem(__import__("sys").modules, "IPython", type("Module", (), {"get_ipython": lambda: terminal}))
    with pytest.raises(NotImplementedError):
        values()["worked"]._ipython_display_()


def test_ipython_pretty_prints_the_text_alone_and_a_line_within_others() -> None:
    pretty = pytest.importorskip("IPython.lib.pretty").pretty
    for name, value in values().items():
        if name != "in a list":
            assert pretty(value) == str(value), name
            assert pretty([value]) == f"[{value!r}]", name
            told = repr(value)
            assert len(told) <= 160 or name == "plot", name  # at Python's prompt a picture is seen
            assert "\n" not in told or name == "plot"
            summary = getattr(value, "summary", None)
            assert not callable(summary) or len(repr(summary())) <= 160, name
