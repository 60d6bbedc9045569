"""Ops of one's own, with formulas, without, or with wrong ones: a worked example of any of them, in every form."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import backlit as bl
from backlit.explain.algebra.decimals import decimal_value
from backlit.explain.quantity_names import latex_text
from backlit.ops.base import Shapes
from backlit.ops.registry import REGISTRIES, register

FORMS = ("__str__", "to_markdown", "to_latex", "to_html", "to_json")


@pytest.fixture(autouse=True)
def own() -> Iterator[dict[str, type]]:
    """Ops of one's own, forgotten after the test."""
    before = {kind: list(registry) for kind, registry in REGISTRIES.items()}

    @register("bent_%_line")
    class Bent(bl.Activation, frozen=True):
        leak_size: float = 0.25

        @staticmethod
        def value(z, leak_size):
            return np.arctan(z) + leak_size * z

        @staticmethod
        def slope(z, leak_size):
            return 1.0 / (1.0 + z * z) + leak_size

    @register("slope_of_output")
    class OfOutput(bl.Activation, frozen=True):
        formula = r"\tanh z"

        @staticmethod
        def value(z):
            return np.tanh(z)

        @staticmethod
        def slope(a):
            return 1.0 - a * a

    @register("wrong_texts")
    class Wrong(bl.Activation, frozen=True):
        formula = r"\frac{z"
        slope_formula = "3"

        @staticmethod
        def value(z):
            return 0.5 * z

        @staticmethod
        def slope(z):
            return 0.5 + 0.0 * z

    @register("unknown_symbol")
    class Unknown(bl.Activation, frozen=True):
        formula = r"q z"
        slope_formula = r"\foo"

        @staticmethod
        def value(z):
            return 2.0 * z

        @staticmethod
        def slope(z):
            return 2.0 + 0.0 * z

    @register("fourth")
    class Fourth(bl.ElementwiseLoss, frozen=True):
        @staticmethod
        def value(a, t):
            return (a - t) * (a - t) * (a - t) * (a - t)

        @staticmethod
        def slope(a, t):
            return 4.0 * (a - t) * (a - t) * (a - t)

    @register("of_the_row")
    class OfTheRow(bl.Loss, frozen=True):
        @staticmethod
        def forward(A, T, l):  # noqa: E741
            l[:] = ((A - T) ** 2).sum(axis=1) ** 2

        @staticmethod
        def backward(A, T, g, dA):
            dA[:] = (g * 4.0 * ((A - T) ** 2).sum(axis=1)).reshape(-1, 1) * (A - T)

    @register("own_rule")
    class Rule(bl.Optimizer, frozen=True):
        rate: float = 0.1
        grip_size: float = 0.5
        slots: ClassVar = {"own_slot": 0.0}

        @staticmethod
        def update(w, g, own_slot, rate, grip_size):
            kept = grip_size * own_slot + g
            return w - rate * kept, kept

    @register("prepared_rule")
    class Prepared(bl.Optimizer, frozen=True):
        rate: float = 0.1
        prepared: ClassVar = ("slow",)

        @staticmethod
        def scalars(step, rate):
            return (rate / (1.0 + step),)

        @staticmethod
        def update(w, g, slow):
            return (w - slow * g,)

    @register("said_rule")
    class Said(bl.Optimizer, frozen=True):
        rate: float = 0.1
        formula = r"w \leftarrow w - \eta g"

        @staticmethod
        def update(w, g, rate):
            return (w - rate * g,)

    @register("wrong_rule")
    class WrongRule(bl.Optimizer, frozen=True):
        rate: float = 0.1
        formula = r"w \leftarrow w - 2 \eta g"

        @staticmethod
        def update(w, g, rate):
            return (w - rate * g,)

    @register("per_unit")
    class PerUnit(bl.Layer, frozen=True):
        def shapes(self, *rows):
            return Shapes(buffers={"X": rows[0], "Z": rows[0]}, parameters={"s": rows[0]})

        def initial(self, name):
            return 1.5

        @staticmethod
        def forward(X, s, Z):
            Z[:] = X * s

        @staticmethod
        def backward(X, s, dZ, dX, ds):
            if ds.size:
                ds[:] = (dZ * X).sum(axis=0)
            if dX.size:
                dX[:] = dZ * s

    @register("pair_sum")
    class PairSum(bl.Layer, frozen=True):
        def shapes(self, *rows):
            return Shapes(buffers={"X": rows[0], "Z": (self.columns(rows[0]) // 2,)}, parameters={"K": (3, 1)})

        def initial(self, name):
            return 0.5

        @staticmethod
        def forward(X, K, Z):
            Z[:] = (X[:, 0::2] + X[:, 1::2]) * K[0, 0]

        @staticmethod
        def backward(X, K, dZ, dX, dK):
            if dK.size:
                dK[:] = 0.0
                dK[0, 0] = (dZ * (X[:, 0::2] + X[:, 1::2])).sum()
            if dX.size:
                dX[:, 0::2] = dZ * K[0, 0]
                dX[:, 1::2] = dZ * K[0, 0]

    yield {cls.name: cls for cls in (Bent, OfOutput, Wrong, Unknown, Fourth, OfTheRow, Rule, Prepared, Said, WrongRule)}
    for kind, registry in REGISTRIES.items():
        for name in [name for name in registry if name not in before[kind]]:
            del registry[name]


def example(layers, *, loss="mse", optimizer="sgd", rows=2, **settings):
    network = bl.Network(layers, 4, loss, seed=3)
    X = np.random.default_rng(1).normal(size=(rows, 4)).round(2)
    Y = np.random.default_rng(2).normal(size=(rows, network.output_size)).round(2)
    return bl.explain(network, X, Y, optimizer=optimizer, digits=15, **settings)


def chain(activation="tanh"):
    return [bl.Dense(2, activation), bl.Dense(2, activation)]


CASES = {
    "activation": {"layers": lambda: chain("bent_%_line")},
    "slope of the output": {"layers": lambda: chain("slope_of_output")},
    "wrong texts": {"layers": lambda: chain("wrong_texts")},
    "unknown symbols": {"layers": lambda: chain("unknown_symbol")},
    "element-wise loss": {"layers": chain, "loss": "fourth"},
    "loss of the row": {"layers": chain, "loss": "of_the_row"},
    "optimizer": {"layers": chain, "optimizer": "own_rule"},
    "optimizer with numbers of the step": {"layers": chain, "optimizer": "prepared_rule"},
    "optimizer with a formula": {"layers": chain, "optimizer": "said_rule"},
    "optimizer with a wrong formula": {"layers": chain, "optimizer": "wrong_rule"},
    "layer": {"layers": lambda: [bl.Dense(2), REGISTRIES["layer"]["per_unit"](), *chain()]},
    "layer that changes the columns": {"layers": lambda: [REGISTRIES["layer"]["pair_sum"](), *chain()]},
    "last layer that changes the columns": {"layers": lambda: [*chain(), REGISTRIES["layer"]["pair_sum"]()]},
}


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("name", CASES)
def test_every_form_shows_it(name, rows):
    settings = dict(CASES[name])
    shown = example(settings.pop("layers")(), rows=rows, check=True, compare=True, **settings)
    for form in FORMS:
        assert getattr(shown, form)()
    json.loads(shown.to_json())
    assert not re.search(r"[^\\]%", shown.to_latex())  # else the rest of the line would be a comment


@pytest.mark.parametrize("name", CASES)
def test_every_line_is_true(name, own):
    """A formula gives its number; a call by name is what the op's own function gives for the operands."""
    settings = dict(CASES[name])
    shown = example(settings.pop("layers")(), **settings)
    for _, (quantity, place) in shown.step.contents.numbers():
        node = quantity.expression(place) if quantity.expression else None
        if node is None:
            continue
        value, computed = quantity.value(place), decimal_value(node)
        if computed.is_finite():
            assert float(computed) == pytest.approx(value, rel=1e-9, abs=1e-12), quantity.name(place).text
        else:
            assert called(shown[quantity.name(place).text], own) == pytest.approx(value, rel=1e-9, abs=1e-12)


def called(record, own):
    """Give what the line, as printed, says: the op's function of the printed numbers."""
    text = record.plain_substituted.replace("·", "*").replace("²", "**2")

    def function(match):
        name, mark, slot = match["name"], match["mark"], match["slot"]
        cls = own[name]
        if slot:
            return f"own[{name!r}].update"
        if issubclass(cls, bl.Optimizer):
            return f"(lambda *x: own[{name!r}].update(*x)[0])"
        if mark and issubclass(cls, bl.Activation) and cls().in_place:  # the slope at an input, from the output there
            return f"(lambda z: own[{name!r}].slope(own[{name!r}].value(z)))"
        return f"own[{name!r}].{'slope' if mark else 'value'}"

    names = "|".join(sorted(map(re.escape, own), key=len, reverse=True))
    if "of_the_row" in text:
        return of_the_row(text, own)
    text = re.sub(rf"(?P<name>{names})(?P<mark>')?(?P<slot>\.\w+)?(?=\()", function, text)
    result = eval(text, {"own": own, "np": np})
    return result[1] if isinstance(result, tuple) else result


def of_the_row(text, own):
    factor, _, rest = text.rpartition("*")
    slope, arguments = re.fullmatch(r"\s*(?:dof_the_row/do(\d)|of_the_row)\((.*)\)", rest).groups()
    A, T = np.array(eval(f"[{arguments}]")).reshape(2, 1, -1)
    loss, dA = np.zeros(1), np.zeros_like(A)
    own["of_the_row"].forward(A, T, loss)
    own["of_the_row"].backward(A, T, np.ones(1), dA)
    return eval(factor or "1") * (dA[0, int(slope) - 1] if slope else loss[0])


def test_the_line_of_an_activation_without_formulas():
    shown = example(chain("bent_%_line"), rows=1)
    record = shown["out(h1)"]
    assert record.plain_formula == "bent_%_line(net(h1), leak_size)"
    assert record.formula.startswith(r"\text{bent\_\%\_line}\left(")
    assert shown["dout/dnet(h1)"].plain_formula == "bent_%_line'(net(h1), leak_size)"


@pytest.mark.parametrize(
    "name", ["a<b>&c", "x|y", "50% {z}", "$q$", "a\\b", "two words", "quo'te", "n_1^2~#", "ünï"]
)  # fmt: skip
def test_a_name_of_any_text_is_shown_as_it_is(name):
    @register(name)
    class Odd(bl.Activation, frozen=True):
        @staticmethod
        def value(z):
            return np.arctan(z)

        @staticmethod
        def slope(z):
            return 1.0 / (1.0 + z * z)

    shown = example(chain(name), rows=1)
    assert shown["out(h1)"].plain_formula == f"{name}(net(h1))"
    page = shown.to_html()
    assert f"{name}(net" in html.unescape(re.sub(r"<[^>]*>", "", page))
    assert rf"\text{{{latex_text(name)}}}\left(" in shown.to_latex()


def test_a_right_text_is_shown_and_a_wrong_one_is_not():
    assert example(chain("slope_of_output"), rows=1)["out(h1)"].plain_formula == "tanh(net(h1))"
    assert example(chain("wrong_texts"), rows=1)["out(h1)"].plain_formula == "wrong_texts(net(h1))"
    assert example(chain(), rows=1, optimizer="said_rule")["w(h1,o1)+"].plain_formula == "w(h1,o1) - η · dE/dw(h1,o1)"
    wrong = example(chain(), rows=1, optimizer="wrong_rule")["w(h1,o1)+"]
    assert wrong.plain_formula == "wrong_rule(w(h1,o1), dE/dw(h1,o1), η)"


def test_a_layer_without_a_stage_claims_no_formula():
    """Its slopes are those of its own backward: the numbers of the engine, and no line that is false."""
    shown = example([bl.Dense(2), REGISTRIES["layer"]["per_unit"](), *chain()], rows=1)
    assert shown["dE/ds(h1.1)"].plain_formula == ""
    assert "own backward" in shown["dE/ds(h1.1)"].note
    assert shown["dE/ds(h1.1)"].value == pytest.approx(
        shown["dE/dper_unit(h1.1)"].value * shown["net(h1.1)"].value, rel=1e-12
    )
    assert shown["s(h1.1)+"].value == pytest.approx(1.5 - 0.01 * shown["dE/ds(h1.1)"].value, rel=1e-12)


def test_a_layer_that_changes_the_columns_has_units_of_its_own():
    shown = example([*chain(), REGISTRIES["layer"]["pair_sum"]()], rows=1)
    assert not any(drawing.columns for drawing in shown.example.drawings)  # its weights lead from no unit to a unit
    assert shown["E(pair_sum3.1)"].value > 0.0
    assert "K of shape (3, 1) not shown" in str(shown)


# ------------------------------------------------------------------------------------------------------- every command

PLUGIN = """
import numpy as np
import backlit as bl
from backlit.ops.initializers import Initializer
from backlit.ops.schedules import Schedule

@bl.register("plug_%_act")
class Act(bl.Activation):
    @staticmethod
    def value(z):
        return np.arctan(z)
    @staticmethod
    def slope(z):
        return 1.0 / (1.0 + z * z)

@bl.register("plug_halves")
class Halves(Initializer, frozen=True):
    def draw(self, shape, rng):
        return np.full(shape, 0.5) + 0.1 * rng.standard_normal(shape)

@bl.register("plug_schedule")
class Slower(Schedule, frozen=True):
    def scale(self, steps, batches, total):
        return 1.0 / (1.0 + np.asarray(steps, np.float64))
"""
NETWORK = """
[network]
inputs = 2
[[network.layers]]
units = 2
activation = "plug_%_act"
weights = "plug_halves"
[[network.layers]]
units = 1
activation = "plug_%_act"
[data]
inputs = [[0, 1], [1, 0]]
targets = [0.5, 0.25]
[training]
optimizer = { op = "sgd", rate = 0.5 }
schedule = "plug_schedule"
batch_size = "full"
epochs = 3
"""


def test_a_plugin_goes_through_every_command(tmp_path):
    (tmp_path / "plug.py").write_text(PLUGIN, encoding="utf-8")
    (tmp_path / "net.toml").write_text(NETWORK, encoding="utf-8")
    plug = ["--plugin", "plug.py"]
    train = ["train", "iris", "--activation", "plug_%_act", "--layers", "3", "--epochs", "2", "--validation", "0",
             "--schedule", "plug_schedule", "-o", "m.safetensors"]  # fmt: skip
    calls = [
        [*train, *plug], ["evaluate", "m.safetensors", "iris", *plug], ["predict", "m.safetensors", "iris", *plug],
        ["demo", "net.toml", "--plain", *plug], ["explain", "net.toml", "--steps", "2", *plug],
        *(["explain", "m.safetensors", "--data", "iris", "-o", f"out.{end}", *plug]
          for end in ("txt", "md", "html", "tex", "json")),
    ]  # fmt: skip
    script = (
        "import json, sys\nfrom backlit.cli import main\nfor c in json.loads(sys.argv[1]):\n    assert main(c) == 0, c"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(calls)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert {path.suffix for path in Path(tmp_path).glob("out.*")} == {".txt", ".md", ".html", ".tex", ".json"}
    assert "plug_%_act(net(h1)[1])" in done.stdout
