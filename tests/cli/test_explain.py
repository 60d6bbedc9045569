"""`backlit explain`: its output."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

import backlit as bl
from backlit.cli.explain import explain
from backlit.errors import BacklitError
from backlit.examples import read_network_file
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
    assert "w(a,out) " in shown(capsys, "gates", names=True)
    for names, found in ((None, False), (True, True)):
        explain("gates", form="html", output=tmp_path / "step.html", names=names)
        page = (tmp_path / "step.html").read_text(encoding="utf-8")
        assert (">w(a,out) </tspan>" in page) == found


def test_rows_run_optimizer_and_rate_are_chosen(capsys: Any) -> None:
    records = json.loads(shown(capsys, "xor", row=(2, 3), optimizer="momentum", rate=0.25, form="json"))["records"]
    assert {record["row"] for record in records} == {"2", "3", None}
    assert any(record["name"].startswith("v(") for record in records)
    assert "w(a,out)" in shown(capsys, "gates", run="XOR")


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
inputs = [[0.5, -1.0], [1.0, 0.25]]
targets = [[1.0], [-0.5]]
[training]
optimizer = {{ op = "{optimizer}", rate = 0.3 }}
schedule = "{schedule}"
batch_size = "full"
epochs = 5
"""


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("schedule", schedules)
def test_a_schedule_changes_the_rate_as_it_does_in_training(
    capsys: Any, tmp_path: Path, schedule: str, steps: int, optimizer: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SCHEDULED.format(schedule=schedule, optimizer=optimizer), encoding="utf-8")
    setup = read_network_file(path).setups[0]
    if schedules[schedule]().needs_loss and steps > 1:  # type: ignore[attr-defined]
        with pytest.raises(BacklitError, match="--steps of at most 1"):
            explain(str(path), steps=steps)
        return
    network = setup.build()
    training = setup.training(network, compiled=False)
    for epoch in training:
        if epoch.number == steps:
            break
    found = json.loads(shown(capsys, str(path), steps=steps, form="json"))
    values = {record["name"]: record for record in found["records"]}
    for unit in (1, 2):
        assert values[f"w(i{unit},o1)+"]["value"] == pytest.approx(network["1.W"][unit - 1, 0], rel=1e-14)
    rate = f"{epoch.rate:.9g}"
    assert f"- {rate} · " in values["b(o1)+"]["plain_substituted"]
    assert (["rate of this step", rate] in found["summary"]["facts"]) == (schedule != "constant")


def test_an_optimizer_without_a_rate_is_refused_beside_a_schedule(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SCHEDULED.format(schedule="warmup", optimizer="sgd"), encoding="utf-8")
    with pytest.raises(BacklitError, match="lbfgs"):
        explain(str(path), optimizer="lbfgs")


@pytest.mark.parametrize(("arguments", "message"), [
    ({"source": "two-lair"}, "two-layer"), ({"source": "two-layer", "row": (2,)}, "rows 1 to 1"),
    ({"source": "two-layer", "data": Path("x.csv")}, "model file"), ({"source": "two-layer", "only": ("w99",)}, "w99"),
    ({"source": "two-layer", "optimizer": "adan"}, "adam"), ({"source": "iris-from-scratch"}, "choose fewer"),
    ({"source": "linear", "form": "html", "output": Path("no/such/folder/x")}, "cannot write"),
])  # fmt: skip
def test_wrong_calls_end_in_one_line(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(BacklitError, match=message):
        explain(**arguments)


def test_the_page_for_students_shows_what_the_command_prints(capsys: Any, tmp_path: Path) -> None:
    """BACKLIT_GOLDEN=write puts the present output into the page."""
    page = PAGE.read_text(encoding="utf-8")
    network, output = (
        re.search(r"```toml\n(.*?)```", page, re.DOTALL),
        re.search(r"```text\n(One .*?|OUTPUT\n)```", page, re.DOTALL),
    )
    assert network
    assert output
    (tmp_path / "mine.toml").write_text(network[1], encoding="utf-8")
    text = shown(capsys, str(tmp_path / "mine.toml"), only=("w(i1,h1)",), digits=6)
    if os.environ.get("BACKLIT_GOLDEN") == "write":
        PAGE.write_text(page.replace(output[1], text), encoding="utf-8")
    else:
        assert output[1] == text


def test_explain_is_a_function_beside_the_package_of_that_name() -> None:
    from backlit.explain.record.step_records import Record

    assert callable(bl.explain), Record
