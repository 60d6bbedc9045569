import json
import struct
from pathlib import Path

import msgspec
import numpy as np
import pytest
from safetensors.numpy import save as to_bytes

from backlit.data import read_table
from backlit.engine.network import Network
from backlit.errors import BacklitError
from backlit.model import TabularModel, fit_table, load, save
from backlit.model.file import DESCRIPTION, DIGEST, digest
from backlit.model.recipe import Settings
from backlit.ops import base, registry
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.dropout import Dropout
from backlit.ops.layers.normalization import BatchNorm

QUICK = Settings(layers=(5,), activation=("tanh",), l2=0.01, epochs=3)


def networks(dtype):
    plain = Network([Dense(3, "relu"), Dense(2, "softmax")], inputs=4, loss="cross_entropy", dtype=dtype, seed=1)
    rich = Network(
        [Dense(6, registry.activations["leaky_relu"](alpha=0.2), bias=False), BatchNorm(), Dropout(0.1),
         Dense(4, "gelu", weights="orthogonal", freeze=("b",)), Dense(1)],
        inputs=3, loss=registry.losses["huber"](delta=0.7), dtype=dtype, seed=2,
    )  # fmt: skip
    rich.state[:] += np.linspace(0.1, 1, rich.state.size)
    return [plain, rich]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("which", [0, 1])
def test_a_loaded_network_is_the_same_to_the_bit(tmp_path, dtype, which):
    network = networks(dtype)[which]
    twin = load(save(network, tmp_path / "net.safetensors"))
    X = np.random.default_rng(0).normal(size=(50, network.inputs))
    assert twin.to_dict() == network.to_dict()
    assert np.array_equal(twin.parameters, network.parameters)
    assert np.array_equal(twin.state, network.state)
    assert np.array_equal(twin.predict(X), network.predict(X))


@pytest.mark.parametrize("name", ["iris", "diabetes"])
def test_a_loaded_tabular_model_is_the_same_to_the_bit(tmp_path, name):
    model, report = fit_table(name, settings=QUICK)
    twin = load(save(model, tmp_path / "m.safetensors"))
    assert isinstance(twin, TabularModel)
    assert twin.report == report
    assert twin.encoder == model.encoder
    table = read_table(name)
    assert np.array_equal(twin.predict(table), model.predict(table))
    assert twin.evaluate(table) == model.evaluate(table)


def test_every_cut_and_flip_of_a_file_is_noticed(tmp_path):
    path = save(networks("float32")[0], tmp_path / "net.safetensors")
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for position in [0, 7, 8, 20, len(whole) - 1, *rng.integers(0, len(whole), 60)]:
        flipped = bytearray(whole)
        flipped[position] ^= 1
        path.write_bytes(flipped)
        with pytest.raises(BacklitError):
            load(path)
        path.write_bytes(whole[:position])
        with pytest.raises(BacklitError):
            load(path)
    path.write_bytes(whole)
    load(path)


def description_of(path: Path) -> dict:
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    return json.loads(json.loads(raw[8 : 8 + length])["__metadata__"][DESCRIPTION])


def rewrite(path: Path, network: Network, changes: dict) -> Path:
    """A file with another description, and a digest that fits it."""
    text = json.dumps(description_of(path) | changes)
    tensors = {"parameters": network.parameters, "state": network.state}
    path.write_bytes(to_bytes(tensors, {DESCRIPTION: text, DIGEST: digest(text.encode(), tensors)}))
    return path


CHANGES = {
    "later format": ({"format": 2, "version": "9.9", "more": 1}, r"by Backlit 9\.9 in format 2.*Install a newer"),
    "another network": ({"network": {"layers": [{"op": "dense", "units": 9}], "inputs": 4,
                                     "loss": {"op": "mse"}, "dtype": "float32"}}, "does not fit its own description"),
    "another dtype": ({"network": {"layers": [{"op": "dense", "units": 3}], "inputs": 4,
                                   "loss": {"op": "mse"}, "dtype": "float64"}}, "does not fit its own description"),
    "unknown field": ({"surprise": 1}, "unknown field `surprise`"),
    "unknown loss": ({"network": {"layers": [], "inputs": 4, "loss": {"op": "mme"}, "dtype": "float32"}},
                     "unknown loss 'mme'.*--plugin"),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGES)
def test_a_strange_description_is_refused_with_one_line(tmp_path, case):
    network = networks("float32")[0]
    changes, message = CHANGES[case]
    path = rewrite(save(network, tmp_path / "net.safetensors"), network, changes)
    with pytest.raises(BacklitError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_an_op_that_is_not_registered_is_named(tmp_path):
    @registry.register("cube_of_test_file")
    class Cube(base.Activation):
        @staticmethod
        def value(z):
            return z * z * z

        @staticmethod
        def slope(z):
            return 3 * z * z

    network = Network([Dense(2, "cube_of_test_file")], inputs=1)
    path = save(network, tmp_path / "net.safetensors")
    assert np.array_equal(load(path).predict([[2.0]]), network.predict([[2.0]]))
    del registry.activations["cube_of_test_file"]
    with pytest.raises(BacklitError, match=r"unknown activation 'cube_of_test_file'\. Import the module.*--plugin"):
        load(path)


def test_foreign_files_are_refused(tmp_path):
    foreign = tmp_path / "foreign.safetensors"
    foreign.write_bytes(to_bytes({"w": np.zeros(3)}))
    with pytest.raises(BacklitError, match="not of Backlit"):
        load(foreign)
    with pytest.raises(BacklitError, match="not a model file"):
        load(Path(__file__))
    with pytest.raises(BacklitError, match="No model file"):
        load(tmp_path / "missing")
    with pytest.raises(BacklitError, match="is a folder"):
        load(tmp_path)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = save(networks("float32")[0], tmp_path / "net.safetensors")
    before = path.read_bytes()

    def full(_file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("backlit.model.file.os.fsync", full)
    with pytest.raises(BacklitError, match="No space left"):
        save(networks("float32")[1], path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_report_is_json_as_it_is():
    _, report = fit_table("iris", settings=QUICK)
    assert msgspec.json.decode(msgspec.json.encode(report), type=type(report)) == report
