"""Weights in PyTorch's order: a module of the same layers gives the same outputs, and gives the weights back."""

import numpy as np
import pytest
from oracles import torch as torch_or_skip

import backlit as bl
from backlit.errors import BacklitError


@pytest.fixture(scope="module")
def torch():
    return torch_or_skip()


def drawn(network, seed=3):
    """Give a network with all numbers drawn, biases and running statistics included."""
    rng = np.random.default_rng(seed)
    network.parameters[:] = rng.normal(size=network.parameters.size)
    network.state[:] = rng.uniform(0.5, 1.5, network.state.size)
    return network


def loaded(torch, module, network):
    """Give the module with the network's weights, in evaluation mode."""
    module = module.double().eval()
    names = module.state_dict()
    module.load_state_dict({name: torch.from_numpy(np.asarray(array))
                            for name, array in bl.torch_weights(network, names).items()})  # fmt: skip
    return module


def check(torch, network, module, X, inputs):
    """Hold outputs equal, then write the module's weights into another network and hold that equal too."""
    module = loaded(torch, module, drawn(network))
    with torch.no_grad():
        expected = module(torch.from_numpy(inputs)).numpy()
    assert network.predict(X) == pytest.approx(expected, rel=1e-10, abs=1e-10)
    twin = type(network).from_dict(network.to_dict())
    bl.set_torch_weights(twin, module.state_dict())
    assert twin.predict(X) == pytest.approx(expected, rel=1e-10, abs=1e-10)
    for name in network:
        assert twin[name] == pytest.approx(network[name], rel=1e-12), name


def test_a_whole_picture_network_computes_the_same(torch):
    nn = torch.nn
    network = bl.Network(
        [
            bl.Conv2D(4, (3, 2), "relu", padding=1), bl.BatchNorm(), bl.MaxPool(2),
            bl.Conv2D(6, 3, "tanh", groups=2, stride=(2, 1)), bl.AveragePool((1, 2)), bl.Flatten(), bl.BatchNorm(),
            bl.Dropout(0.2), bl.Dense(5, "relu"), bl.LayerNorm(), bl.Dense(3),
        ],
        inputs=(10, 11, 2),
    )  # fmt: skip
    module = nn.Sequential(
        nn.Conv2d(2, 4, (3, 2), padding=1), nn.ReLU(), nn.BatchNorm2d(4), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, groups=2, stride=(2, 1)), nn.Tanh(), nn.AvgPool2d((1, 2)), nn.Flatten(), nn.BatchNorm1d(24),
        nn.Dropout(0.2), nn.Linear(24, 5), nn.ReLU(), nn.LayerNorm(5), nn.Linear(5, 3),
    )  # fmt: skip
    X = np.random.default_rng(0).normal(size=(7, 10, 11, 2))
    check(torch, network, module, X, np.ascontiguousarray(X.transpose(0, 3, 1, 2)))


def test_a_convolution_over_a_sequence_is_flattened_channel_by_channel(torch):
    nn = torch.nn
    network = bl.Network([bl.Conv1D(5, 3, "relu", dilation=2), bl.MaxPool(2), bl.Flatten(), bl.Dense(2)], (12, 3))
    module = nn.Sequential(nn.Conv1d(3, 5, 3, dilation=2), nn.ReLU(), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(20, 2))
    X = np.random.default_rng(0).normal(size=(4, 12, 3))
    check(torch, network, module, X, np.ascontiguousarray(X.transpose(0, 2, 1)))


def recurrent_module(torch, kind, bidirectional, bias):
    class Module(torch.nn.Module):
        def __init__(self):
            super().__init__()
            make = {bl.GRU: torch.nn.GRU, bl.LSTM: torch.nn.LSTM, bl.Recurrent: torch.nn.RNN}[kind]
            self.first = make(3, 4, batch_first=True, bidirectional=bidirectional, num_layers=2, bias=bias)
            self.out = torch.nn.Linear(8 if bidirectional else 4, 2)

        def forward(self, X):
            states = self.first(X)[0]
            return self.out(states)

    return Module()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("kind", [bl.GRU, bl.LSTM, bl.Recurrent])
def test_stacked_recurrent_layers_compute_the_same(torch, kind, bidirectional, bias):
    layers = [kind(4, returns="sequence", bias=bias) for _ in range(2)]
    if bidirectional:
        layers = [bl.Bidirectional(layer) for layer in layers]
    network = bl.Network([*layers, bl.Dense(2)], inputs=(6, 3))
    X = np.random.default_rng(0).normal(size=(5, 6, 3))
    check(torch, network, recurrent_module(torch, kind, bidirectional, bias), X, X)


@pytest.mark.parametrize("kind", [bl.GRU, bl.LSTM, bl.Recurrent])
def test_both_biases_of_pytorch_are_taken(torch, kind):
    """PyTorch draws both; a network made of its weights computes the same."""
    module = recurrent_module(torch, kind, bidirectional=True, bias=True).double()
    network = bl.Network([*[bl.Bidirectional(kind(4, returns="sequence"))] * 2, bl.Dense(2)], inputs=(6, 3))
    bl.set_torch_weights(network, module.state_dict())
    X = np.random.default_rng(0).normal(size=(5, 6, 3))
    with torch.no_grad():
        expected = module(torch.from_numpy(X)).numpy()
    assert network.predict(X) == pytest.approx(expected, rel=1e-10, abs=1e-10)


def test_an_embedding_beside_a_flattened_picture(torch):
    """Flattened numbers keep their order through a join, and a dense layer behind it reads them so."""
    nn = torch.nn

    class Module(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.words = nn.Conv2d(1, 2, 2), nn.Embedding(5, 3)
            self.normal, self.out = nn.LayerNorm(14), nn.Linear(14, 2)

        def forward(self, X):
            picture, category = X[:, :9].reshape(-1, 1, 3, 3), X[:, 9].long()
            seen = torch.cat([self.conv(picture).flatten(1), self.words(category), self.words(category)], 1)
            return self.out(self.normal(seen))

    branches = [
        [bl.Select("picture"), bl.Conv2D(2, 2), bl.Flatten()],
        [bl.Select("word"), bl.Embedding(5, 3, tie="words"), bl.Flatten()],
        [bl.Select("word"), bl.Embedding(5, 3, tie="words"), bl.Flatten()],
    ]
    network = drawn(bl.Network([bl.Parallel(branches), bl.LayerNorm(), bl.Dense(2)],
                               inputs={"picture": (3, 3, 1), "word": 1}))  # fmt: skip
    module = Module().double().eval()
    ours = bl.torch_weights(network)
    assert (ours["1b.2.weight"] == ours["1c.2.weight"]).all()
    names = [*list(module.state_dict())[:3], "again", *list(module.state_dict())[3:]]
    state = bl.torch_weights(network, names)
    del state["again"]
    module.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
    rng = np.random.default_rng(0)
    picture, word = rng.normal(size=(6, 3, 3, 1)), rng.integers(0, 5, (6, 1))
    with torch.no_grad():
        given = np.concatenate([picture.reshape(6, 9), word], axis=1)
        expected = module(torch.from_numpy(given)).numpy()
    assert network.predict({"picture": picture, "word": word}) == pytest.approx(expected, rel=1e-10, abs=1e-10)
    twin = type(network).from_dict(network.to_dict())
    bl.set_torch_weights(twin, ours)
    assert (twin.parameters == network.parameters).all()
    with pytest.raises(BacklitError, match=r"shares .*tie.*the same values"):
        bl.set_torch_weights(twin, ours | {"1c.2.weight": ours["1c.2.weight"] + 1})


def test_a_residual_block_has_the_labels_of_its_layers():
    network = bl.Network([bl.Residual([bl.Dense(3, "relu"), bl.Dense(3)]), bl.Dense(1)], inputs=3)
    assert list(bl.torch_weights(network)) == [
        "1.1.weight", "1.1.bias", "1.2.weight", "1.2.bias", "2.weight", "2.bias",
    ]  # fmt: skip


def test_a_shared_bias_is_one_bias_again():
    network = drawn(bl.Network([bl.Dense(3, bias="shared")], inputs=2))
    state = bl.torch_weights(network)
    assert state["1.bias"].tolist() == [float(network["1.b"][0])] * 3
    twin = bl.Network([bl.Dense(3, bias="shared")], inputs=2)
    bl.set_torch_weights(twin, state)
    assert (twin.parameters == network.parameters).all()
    with pytest.raises(BacklitError, match=r"share one bias.*bias=True"):
        bl.set_torch_weights(twin, state | {"1.bias": np.arange(3.0)})


@pytest.mark.parametrize(("change", "told"), [
    (lambda state: state | {"1.weight": np.zeros((2, 3))}, r"'1.weight' has shape \(2, 3\); .*expects \(3, 2\)"),
    (lambda state: {name: array for name, array in state.items() if name != "2.bias"}, "has 3 arrays.*4 arrays"),
    (list, "state is list; expected arrays by name"),
])  # fmt: skip
def test_what_does_not_fit_is_refused_and_changes_nothing(change, told):
    network = drawn(bl.Network([bl.Dense(3, "tanh"), bl.Dense(1)], inputs=2))
    before = network.parameters.copy()
    with pytest.raises(BacklitError, match=told):
        bl.set_torch_weights(network, change(bl.torch_weights(network)))
    assert (network.parameters == before).all()
    with pytest.raises(BacklitError, match="names has 1 name; the network has 4 arrays"):
        bl.torch_weights(network, ["weight"])


def test_names_of_its_own_may_come_in_any_order():
    network = drawn(bl.Network([bl.Dense(2), bl.Dense(2)], inputs=2))
    twin = bl.Network([bl.Dense(2), bl.Dense(2)], inputs=2)
    bl.set_torch_weights(twin, dict(reversed(bl.torch_weights(network).items())))
    assert (twin.parameters == network.parameters).all()


def test_work_that_pytorch_would_do_in_another_order_is_refused():
    picture = {"picture": (2, 2, 3), "table": 12}
    joined = bl.Parallel([[bl.Select("picture"), bl.Flatten()], [bl.Select("table")]], join="add")
    with pytest.raises(BacklitError, match=r"joins the flattened numbers.*dense layer between"):
        bl.torch_weights(bl.Network([joined, bl.Dense(1)], inputs=picture))
    with pytest.raises(BacklitError, match=r"layer 2 .select. reads the flattened numbers.*dense layer between"):
        bl.torch_weights(bl.Network([bl.Flatten(), bl.Select([0, 1]), bl.Dense(1)], inputs=(2, 2, 3)))
