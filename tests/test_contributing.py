"""The page for contributors is right: its activation and its layer, taken from its text, work like any other op."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

import backlit as bl
from backlit.cli import main
from backlit.ops.registry import activations, layers

PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def toy(tmp_path: Path) -> Iterator[Path]:
    """The page's file, in a folder outside the package; what it registers is forgotten afterwards."""
    code = next(block for block in BLOCKS if "Activation" in block)
    name = re.match(r"# (\w+\.py)\n", code)
    assert name, "the page's code begins with the name of its file"
    file = tmp_path / name[1]
    file.write_text(code, encoding="utf-8")
    yield file
    activations.pop("swishlet", None)


@pytest.fixture
def registered(toy: Path) -> None:
    """The page's file, imported as a person would import it."""
    spec = spec_from_file_location(toy.stem, toy)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(module_from_spec(spec))


@pytest.fixture
def table() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.normal(size=(30, 4)), rng.integers(0, 3, 30)


def network() -> bl.Network:
    chain = [*(bl.Dense(units, "swishlet") for units in (5, 4, 3)), bl.Dense(3, "softmax")]
    return bl.Network(chain, inputs=4, loss="cross_entropy", seed=1)


@pytest.mark.usefixtures("registered")
def test_it_trains_the_same_plain_and_compiled(table):
    trained = []
    for compiled in (False, True):
        trained.append(network())
        training = bl.Training(trained[-1], *table, optimizer=bl.Adam(0.05), epochs=30, compiled=compiled).run()
        assert training.history[-1].loss < 0.9 * training.history[0].loss
    np.testing.assert_allclose(trained[0].parameters, trained[1].parameters, rtol=1e-10, atol=1e-12)


@pytest.mark.usefixtures("registered")
def test_its_gradients_are_checked(table):
    X, Y = table
    assert bl.gradcheck(network(), X[:8], Y[:8]).passed


@pytest.mark.usefixtures("registered")
def test_a_wrong_slope_would_be_seen(table, monkeypatch):
    X, Y = table
    monkeypatch.setattr(activations["swishlet"], "slope", staticmethod(lambda z: 1.0 / (1.0 + np.abs(z)) ** 2))
    assert not bl.gradcheck(network(), X[:8], Y[:8]).passed


@pytest.mark.usefixtures("registered")
def test_it_is_saved_and_loaded(table, tmp_path):
    net = network()
    bl.save(net, tmp_path / "toy.safetensors")
    loaded = bl.load(tmp_path / "toy.safetensors")
    np.testing.assert_array_equal(loaded.predict(table[0]), net.predict(table[0]))


def test_a_model_that_needs_it_says_so_without_it(registered, tmp_path):
    bl.save(network(), tmp_path / "toy.safetensors")
    del activations["swishlet"]
    with pytest.raises(bl.BacklitError, match="swishlet"):
        bl.load(tmp_path / "toy.safetensors")


NETWORK = """
[network]
inputs = 2
[[network.layers]]
units = 2
activation = "swishlet"
[[network.layers]]
op = "scale"
[[network.layers]]
units = 1
activation = "swishlet"
[data]
inputs = [[0.5, -1.0], [1.0, 2.0]]
targets = [0.1, 0.2]
[training]
optimizer = { op = "sgd", rate = 0.5 }
batch_size = "full"
epochs = 2
"""


def test_the_activation_and_the_layer_go_through_every_command(toy, tmp_path, capsys, monkeypatch):
    """As printed, with the commands of the page."""
    monkeypatch.chdir(tmp_path)
    layer = next(block for block in BLOCKS if "Layer)" in block)
    (tmp_path / "scale.py").write_text(layer, encoding="utf-8")
    (tmp_path / "my-network.toml").write_text(NETWORK, encoding="utf-8")
    plugins = ["--plugin", str(toy), "--plugin", "scale.py"]
    try:
        assert main(["demo", "my-network.toml", "--plain", *plugins]) == 0
        assert "swishlet -> scale -> 1 swishlet" in capsys.readouterr().out
        for form in ("text", "md", "latex", "html", "json"):
            assert main(["explain", "my-network.toml", "--format", form, "--check", "--compare", *plugins]) == 0
            assert "swishlet" in capsys.readouterr().out
        commands = re.findall(r"^backlit (.*--plugin swishlet.py)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(commands) == 3
        for command in commands:
            quick = ["--epochs", "2", "--validation", "0", "--layers", "128"] if command.startswith("train") else []
            extra = plugins[2:] if command.startswith("demo") else []
            assert main([*command.split(), *quick, *extra]) == 0, command
            capsys.readouterr()
    finally:
        layers.pop("scale", None)


def test_the_formulas_of_the_page_are_those_of_the_activation(toy, tmp_path, capsys):
    texts = re.findall(r'^((?:slope_)?formula) = r"(.*)"$', PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(texts) == 2
    lines = "".join(f"    {name} = r{text!r}\n".replace("\\\\", "\\") for name, text in texts)
    code = toy.read_text(encoding="utf-8").replace('a toy."""\n', f'a toy."""\n\n{lines}')
    toy.write_text(code, encoding="utf-8")
    (tmp_path / "net.toml").write_text(NETWORK.replace('[[network.layers]]\nop = "scale"\n', ""), encoding="utf-8")
    assert main(["explain", str(tmp_path / "net.toml"), "--plugin", str(toy)]) == 0
    said = capsys.readouterr().out
    assert "swishlet(" not in said
    assert "out(h1)[1] = net(h1)[1] / (1 + |net(h1)[1]|)²" in said
    assert "dout/dnet(h1)[1] = (1 - |net(h1)[1]|) / (1 + |net(h1)[1]|)^3" in said


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
def test_the_gradients_of_the_layer_are_right(compiled, table):
    code = next(block for block in BLOCKS if "Layer" in block)
    exec(code, {"__name__": __name__})
    try:
        with_layer = bl.Network([bl.Dense(3, "tanh"), layers["scale"](), bl.Dense(1)], 4, "mse", seed=1)
        assert bl.gradcheck(with_layer, table[0][:8], table[1][:8], compiled=compiled).passed
    finally:
        del layers["scale"]


def test_it_is_taken_by_the_command_line(toy, tmp_path, capsys):
    model, predictions = tmp_path / "iris.safetensors", tmp_path / "predictions.csv"
    plugin = ["--plugin", str(toy)]
    settings = ["--activation", "swishlet", "--layers", "8", "--epochs", "3", "--validation", "0"]
    assert main(["train", "iris", *settings, *plugin, "-o", str(model), "--json"]) == 0
    assert "8 swishlet" in json.loads(capsys.readouterr().out)["network"]
    for module in [name for name in sys.modules if name.startswith("backlit_plugin_")]:
        del sys.modules[module]
    del activations["swishlet"]  # as in a new process
    assert main(["evaluate", str(model), "iris", *plugin, "--json"]) == 0
    assert main(["predict", str(model), "iris", *plugin, "-o", str(predictions)]) == 0
    assert len(predictions.read_text(encoding="utf-8").splitlines()) == 151
    del activations["swishlet"]
    assert main(["evaluate", str(model), "iris"]) == 2
    assert "swishlet" in capsys.readouterr().err
