"""`backlit explain`: its output."""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

import backlit as bl
from backlit.cli import main
from backlit.cli.explain import explain
from backlit.engine import SingleUpdates
from backlit.errors import BacklitError
from backlit.examples import read_network_file
from backlit.explain.algebra.numerals import short_text
from backlit.ops.registry import schedules

PAGE = Path(__file__).parents[2] / "docs" / "worked-example.md"


def shown(capsys: Any, *arguments: Any, **options: Any) -> str:
    explain(*arguments, **options)
    return capsys.readouterr().out  # type: ignore[no-any-return]


def test_a_classic_example_with_its_own_labels(capsys: Any) -> None:
    text = shown(capsys, "two-layer", only=("w5",), compare=True)
    assert "w5+ = w5 - η · dE/dw5" in text
    assert "0.358916480" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("form", "start"), [("text", "One"), ("md", "# One"), ("latex", r"\doc"), ("html", "<!DOC"), ("json", "{")]
)
def test_every_form_to_the_terminal_and_to_a_file(capsys: Any, tmp_path: Path, form: Any, start: str) -> None:
    assert shown(capsys, "linear", form=form).startswith(start)
    explain("linear", form=form, output=tmp_path / "step")
    assert (tmp_path / "step").read_text(encoding="utf-8").startswith(start)


def test_names_of_weights_are_drawn_on_request(capsys: Any, tmp_path: Path) -> None:
    """The file's own ones stand beside the values without being asked for."""
    assert "w5 0.4 ─┐" in re.sub(" +", " ", shown(capsys, "two-layer"))
    assert "w5 0.4" not in shown(capsys, "two-layer", names=False)
    assert "w(a,y) " in shown(capsys, "gates", names=True)
    for names, found in ((None, False), (True, True)):
        explain("gates", form="html", output=tmp_path / "step.html", names=names)
        assert capsys.readouterr().out == f"Worked example written to {tmp_path / 'step.html'}.\n"
        page = (tmp_path / "step.html").read_text(encoding="utf-8")
        assert (">w(a,y) </tspan>" in page) == found


def test_rows_run_optimizer_and_rate_are_chosen(capsys: Any) -> None:
    records = json.loads(shown(capsys, "xor", row=(2, 3), optimizer="momentum", rate=0.25, form="json"))["records"]
    assert {record["row"] for record in records} == {"2", "3", None}
    assert any(record["name"].startswith("v(") for record in records)
    assert "w(a,y)" in shown(capsys, "gates", run="XOR")


def test_the_classes_of_a_model_file(capsys: Any, tmp_path: Path) -> None:
    from backlit.model import fit_table, save

    model, _ = fit_table("iris")
    path = tmp_path / "iris.safetensors"
    save(model, path)
    records = json.loads(shown(capsys, str(path), data=Path("iris"), row=(1, 51), only=("setosa",), form="json"))[
        "records"
    ]
    names = {record["name"] for record in records}
    assert {"out(setosa)[1]", "net(setosa)[51]"} <= names
    with pytest.raises(BacklitError, match="--data"):
        explain(str(path))


@pytest.mark.parametrize("given", [["--row", "2,3"], ["--row", "2", "3"], ["--row", "2", "--row", "3"], ["--row=2,3"]])
def test_rows_are_given_with_commas_spaces_or_one_by_one(capsys: Any, given: list[str]) -> None:
    assert main(["explain", "xor", *given, "--only", "error"]) == 0
    text = capsys.readouterr().out
    assert "rows 2, 3 of 4 as one batch, as if the training had no other rows" in text
    assert "Error, row 3" in text
    assert "Error, row 1" not in text


def test_a_row_that_is_no_number_is_said_so(capsys: Any) -> None:
    assert main(["explain", "xor", "--row", "2;3"]) == 2
    assert "2;3" in capsys.readouterr().err


def test_a_page_of_two_rows_of_a_tanh_model(tmp_path: Path) -> None:
    from backlit.model import Settings, fit_table, save

    model, _ = fit_table("iris", settings=Settings(layers=(3,), activation=("tanh",), epochs=1))
    save(model, tmp_path / "iris.safetensors")
    page = tmp_path / "step.html"
    explain(str(tmp_path / "iris.safetensors"), data=Path("iris"), row=(1, 51), form="html", output=page)
    assert page.read_text(encoding="utf-8").rstrip().endswith("</html>")


SCHEDULED = """
[network]
inputs = 2
loss = "half_squared_error"
seed = 4
[[network.layers]]
units = 1
activation = "tanh"
[data]
inputs = [[0.5, -1.0], [1.0, 0.25], [-0.5, 0.75]]
targets = [[1.0], [-0.5], [0.25]]
[training]
optimizer = {{ op = "{optimizer}", rate = 0.3 }}
schedule = "{schedule}"
batch_size = {batch}
seed = 3
epochs = 5
"""


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize(("batch", "steps"), [('"full"', 1), ('"full"', 3), ("2", 5), ("1", 7)])
@pytest.mark.parametrize("schedule", schedules)
def test_a_step_of_a_file_is_that_of_its_training(
    capsys: Any, tmp_path: Path, schedule: str, batch: str, steps: int, optimizer: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SCHEDULED.format(schedule=schedule, optimizer=optimizer, batch=batch), encoding="utf-8")
    setup = read_network_file(path).setups[0]
    network = setup.build()
    single = SingleUpdates(network, *setup.rows(), **setup.rules())
    for batches, made in zip(single.updates(), range(steps + 1), strict=False):
        if made == steps:
            break
        update = batches
    found = json.loads(shown(capsys, str(path), steps=steps, form="json"))
    values = {record["name"]: record for record in found["records"]}
    for unit in (1, 2):
        assert values[f"w(i{unit},o1)+"]["value"] == network["1.W"][unit - 1, 0]
    assert f"- {short_text(update.rate, 9)} · " in values["b(o1)+"]["plain_substituted"]
    facts = dict(found["summary"]["facts"])
    assert facts.get("rate of this step") == (short_text(update.rate) if schedule != "constant" else None)
    if batch != '"full"':
        rows = ", ".join(str(place + 1) for place in update.rows)
        assert facts["rows"] == f"{len(update.rows)} of 3: row{'s' * (len(update.rows) > 1)} {rows}"
        assert facts["step"] == f"{steps}: batch {update.batch} of {update.batches} of epoch {update.epoch}"


def test_an_optimizer_without_a_rate_is_refused_beside_a_schedule(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SCHEDULED.format(schedule="warmup", optimizer="sgd", batch=2), encoding="utf-8")
    with pytest.raises(BacklitError, match="lbfgs"):
        explain(str(path), optimizer="lbfgs")


@pytest.mark.parametrize(("arguments", "message"), [
    ({"source": "two-lair"}, "two-layer"), ({"source": "two-layer", "row": (2,)}, "rows 1 to 1"),
    ({"source": "two-layer", "data": Path("x.csv")}, "rows of its own"),
    ({"source": "two-layer", "only": ("w99",)}, "w99"),
    ({"source": "two-layer", "optimizer": "adan"}, "adam"),
    ({"source": "linear", "form": "html", "output": Path("no/such/folder/x")}, "cannot write"),
])  # fmt: skip
def test_wrong_calls_end_in_one_line(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(BacklitError, match=message):
        explain(**arguments)


BLOCK = re.compile(r"```(toml|text|python)\n(.*?)```", re.DOTALL)


def test_the_page_for_students_shows_what_the_commands_print(
    capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BACKLIT_GOLDEN=write puts the present outputs into the page."""
    page = PAGE.read_text(encoding="utf-8")
    blocks = [(found[1], found[2]) for found in BLOCK.finditer(page)]
    files = [text for kind, text in blocks if kind == "toml"]
    for name, text in zip(("mine.toml", "or.toml", "picture.toml", "sequence.toml"), files, strict=True):
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    compared = 0
    for (_, command), (_, output) in itertools.pairwise(blocks):
        if command.startswith("backlit explain") and output.startswith(("One ", "OUTPUT")):
            assert main(shlex.split(command)[1:]) == 0
            text = capsys.readouterr().out
            compared += 1
            if os.environ.get("BACKLIT_GOLDEN") == "write":
                page = page.replace(
                    f"```text\n{command}```\n\n```text\n{output}", f"```text\n{command}```\n\n```text\n{text}"
                )
            else:
                assert output == text
    assert compared == 5
    if os.environ.get("BACKLIT_GOLDEN") == "write":
        PAGE.write_text(page, encoding="utf-8")


def test_the_pages_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from backlit.model import Settings, fit_table, save

    blocks = [(found[1], found[2]) for found in BLOCK.finditer(PAGE.read_text(encoding="utf-8"))]
    monkeypatch.chdir(tmp_path)
    Path("or.toml").write_text([text for kind, text in blocks if kind == "toml"][1], encoding="utf-8")
    rows = "".join(f"{20 + k % 50},{'red' if k % 3 else 'blue'},{k % 7}.5\n" for k in range(60))
    Path("data.csv").write_text("age,colour,price\n" + rows, encoding="utf-8")
    save(fit_table("data.csv", "price", Settings(layers=(2,), epochs=1))[0], "model.safetensors")
    names: dict[str, Any] = {}
    for kind, text in blocks:
        if kind == "python":
            exec(text, names)
    assert names["step"].step.recording.number == 1


def test_the_pages_command_for_a_model_runs_as_printed_on_a_model_of_the_usual_size(
    capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from backlit.model import Settings, fit_table, save

    (command,) = re.findall(r"^backlit (explain model.safetensors .*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{20 + k % 50},{'red' if k % 3 else 'blue'},{k % 7}.5\n" for k in range(60))
    Path("data.csv").write_text("age,colour,price\n" + rows, encoding="utf-8")
    save(fit_table("data.csv", "price", Settings(layers=(128, 128), epochs=1))[0], "model.safetensors")
    assert main(shlex.split(command)) == 0
    text = capsys.readouterr().out
    assert re.search(r"left out +\d+,\d{3} of \d+,\d{3} numbers; the first 3 units", text)
    assert "--row 8, --only h1.1, " in text
    assert "standardized)" in text
    for smaller in ("--row 8", "--only h1.1", '--only "w(age,h1.1)"'):
        assert (
            main([*shlex.split(command)[:4], *shlex.split(smaller), *["--row", "8"][: 2 * ("row" not in smaller)]]) == 0
        )
        capsys.readouterr()


def test_explain_is_a_function_beside_the_package_of_that_name() -> None:
    from backlit.explain.record.step_records import Record

    assert callable(bl.explain), Record
