"""Convolution, pooling, flatten and upsample: what they compute, against PyTorch, and by their formulas."""

from __future__ import annotations

import functools
import math

import numpy as np
import oracles
import pytest
from formula_numbers import evaluated
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backlit.engine.gradcheck import gradcheck
from backlit.engine.network import Network
from backlit.engine.training import Training
from backlit.errors import BacklitError
from backlit.ops.equations import Constant, Element
from backlit.ops.layers.convolution import Conv1D, Conv2D
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.pooling import AveragePool, GlobalAveragePool, MaxPool
from backlit.ops.layers.reshaping import Flatten, Upsample
from backlit.ops.layers.windows import pair
from backlit.ops.optimizers.descent import SGD

drawn = functools.partial(settings, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WINDOWS = st.tuples(st.integers(1, 4), st.integers(1, 4))


def rng(seed=3):
    return np.random.default_rng(seed)


def from_torch(array, weights=False):
    """Give an array of PyTorch's with the channels last, and of weights the filters last."""
    last = np.moveaxis(array, 1, -1)
    return np.moveaxis(last, 0, -1) if weights else last


@st.composite
def convolutions(draw):
    """Draw a convolution over pictures or sequences, and the shape of rows that it fits."""
    flat, groups = draw(st.booleans()), draw(st.integers(1, 3))
    size, stride, dilation = draw(WINDOWS), draw(st.tuples(*[st.integers(1, 3)] * 2)), draw(
        st.tuples(*[st.integers(1, 2)] * 2)
    )  # fmt: skip
    padding = draw(st.sampled_from(["valid", "same"]) | st.tuples(*[st.integers(0, 3)] * 2))
    channels, filters = groups * draw(st.integers(1, 9)), groups * draw(st.integers(1, 9))
    needed = [d * (s - 1) + 1 for d, s in zip(dilation, size, strict=True)]
    rows, columns = (n + draw(st.integers(0, 7)) for n in needed)
    more = {"groups": groups, "bias": draw(st.booleans())}
    if flat:
        more |= {"stride": stride[1], "dilation": dilation[1],
                 "padding": padding if isinstance(padding, str) else padding[1]}  # fmt: skip
        return Conv1D(filters, size[1], **more), (columns, channels)
    more |= {"stride": stride, "dilation": dilation, "padding": padding}
    return Conv2D(filters, size, **more), (rows, columns, channels)


@st.composite
def pools(draw):
    """Draw a pooling layer, and the shape of rows that it fits."""
    cls, flat = draw(st.sampled_from([MaxPool, AveragePool])), draw(st.booleans())
    size, stride = draw(WINDOWS), draw(st.none() | st.tuples(*[st.integers(1, 4)] * 2))
    padding = draw(st.sampled_from(["valid", "same"]) | st.tuples(*[st.integers(0, s - 1) for s in size]))
    rows, columns = (s + draw(st.integers(0, 6)) for s in size)
    channels = draw(st.integers(1, 18))
    if flat:
        return cls(size[1], stride and stride[1], padding if isinstance(padding, str) else padding[1]), (
            columns, channels)  # fmt: skip
    return cls(size, stride, padding), (rows, columns, channels)


def sample(layer, row, n, seed=3):
    """Draw inputs, slopes of the outputs, and parameters."""
    shapes = layer.shapes(row)
    X, G = rng(seed).normal(size=(n, *row)), rng(seed + 1).normal(size=(n, *shapes.buffers["Z"]))
    parameters = rng(seed + 2).normal(size=sum(map(math.prod, shapes.parameters.values())))
    return X, G, parameters


# ------------------------------------------------------------------------------------------------ plain and compiled


@drawn(max_examples=15)
@given(case=convolutions() | pools(), n=st.integers(1, 5), keep=st.booleans())
def test_plain_equals_compiled(case, n, keep, plain_and_compiled):
    layer, row = case
    X, G, parameters = sample(layer, row, n)
    plain_and_compiled([layer], X, G, parameters=parameters, keep=keep)


@pytest.mark.parametrize(
    ("layer", "row"),
    [(GlobalAveragePool(), (3, 5, 6)), (GlobalAveragePool(), (7, 3)), (Flatten(), (3, 5, 2)), (Flatten(), (4,)),
     (Upsample(2), (3, 5, 2)), (Upsample((1, 3)), (2, 2, 3)), (Upsample(3), (4, 2)),
     (Conv2D(6, 5, padding=2), (28, 28, 1)), (Conv2D(16, 5), (14, 14, 6)), (MaxPool(), (28, 28, 6)),
     (Conv1D(16, 5), (128, 8)), (Conv2D(8, 3), (8, 8, 1)), (Conv2D(40, 1), (3, 3, 70)),
     (Conv2D(6, 3, groups=6), (9, 8, 6)), (Conv2D(18, 3, padding=1, groups=18), (5, 6, 18)),
     (Conv2D(18, (2, 3), stride=(1, 2), groups=18), (5, 7, 18)), (Conv2D(12, 3, stride=2, groups=3), (7, 8, 6)),
     (Conv1D(8, 3, padding="same", groups=2), (9, 6)),
     # each fits into the memory that compiled loops work in; those below are swept for the slope of the inputs too
     (Conv2D(9, (3, 2), padding=1, dilation=(1, 2)), (7, 8, 17)), (Conv2D(5, 3, padding="same"), (6, 7, 20)),
     (Conv1D(33, 5, padding="same"), (64, 32)), (Conv2D(3, (2, 4), padding=(1, 3)), (5, 5, 16)),
     (Conv2D(3, 2, padding=(1, 2)), (5, 6, 16)), (Conv2D(3, 2, padding=(2, 1)), (5, 6, 16))],
    ids=str,
)  # fmt: skip
def test_plain_equals_compiled_in_common_shapes(layer, row, plain_and_compiled):
    X, G, parameters = sample(layer, row, 7)
    plain_and_compiled([layer], X, G, parameters=parameters)


@pytest.mark.parametrize(
    ("layer", "row"),
    [(Conv2D(3, 3, padding="same"), (90, 110, 5)), (Conv2D(2, 3, padding=1), (3, 400, 64)),
     (Conv2D(2, 3, stride=2), (5, 5, 1000)), (Conv2D(2, 3), (4, 120, 80)), (Conv1D(3, 2, padding=(1)), (9000, 1)),
     (Conv2D(1, 2, padding=3, stride=9), (1, 1, 3)), (Conv1D(3, 3, stride=2, dilation=2), (17_000, 2)),
     (Conv2D(3, 3, padding=1, stride=2, groups=3), (4, 2_400, 12))],
    ids=["bands", "rows too large", "windows too large", "slopes of inputs too large", "too many windows", "padding",
         "parts of rows", "parts of rows in groups"],
)  # fmt: skip
def test_plain_equals_compiled_where_the_memory_to_work_in_is_small(layer, row, plain_and_compiled):
    X, G, parameters = sample(layer, row, 2)
    plain_and_compiled([layer], X, G, parameters=parameters)


@pytest.mark.parametrize("batch", [32, 96])
def test_any_number_of_threads_gives_the_same_bits(batch):
    layers = [Conv2D(6, 3, "relu", padding="same"), MaxPool(), Conv2D(16, 3, "tanh"), AveragePool(2, 1), Flatten()]
    X, Y = rng().normal(size=(96, 12, 12, 2)).astype("float32"), rng().normal(size=(96, 3)).astype("float32")
    found = []
    for threads in (1, 2):
        network = Network([*layers, Dense(3)], (12, 12, 2), "mse", dtype="float32", seed=1)
        Training(network, X, Y, batch_size=batch, epochs=3, threads=threads, seed=2).run()
        found.append(network.parameters.tobytes())
    assert found[0] == found[1]


@pytest.mark.parametrize("freeze", [("W",), ("b",), ("W", "b")], ids=str)
def test_frozen_parameters_have_no_gradient(freeze, mode, run):
    for layer, row in ((Conv2D(3, 2, freeze=freeze), (4, 5, 2)), (Conv1D(3, 2, freeze=freeze), (5, 2))):
        X, G, parameters = sample(layer, row, 3)
        whole = run([type(layer)(3, 2)], X, G, parameters=parameters, mode=mode)
        got = run([layer], X, G, parameters=parameters, mode=mode)
        np.testing.assert_array_equal(got.d_inputs, whole.d_inputs)
        for name in ("W", "b"):
            wanted = np.zeros_like(whole[f"1.d{name}"]) if name in freeze else whole[f"1.d{name}"]
            np.testing.assert_array_equal(got[f"1.d{name}"] if name not in freeze else wanted, wanted)


# ------------------------------------------------------------------------------------------------------------ PyTorch


def channels_first(A):
    return oracles.torch().tensor(np.moveaxis(A, -1, 1).copy(), requires_grad=True)


def torch_padding(layer, row):
    """Give the padding on each side of each axis, the last axis first, as PyTorch's `pad` takes it."""
    sides = []
    for axis in layer.sliding(row):
        after = max((axis.out - 1) * axis.stride + axis.dilation * (axis.size - 1) + 1 - axis.given - axis.before, 0)
        sides = [axis.before, after, *sides]
    return sides


def torch_convolution(layer, row, x, w, b):
    F = oracles.torch().nn.functional
    axes = len(row) - 1
    stride, dilation = (pair(setting)[:axes] for setting in (layer.stride, layer.dilation))
    convolve = F.conv2d if axes == 2 else F.conv1d
    return convolve(
        F.pad(x, torch_padding(layer, row)), w, b if layer.bias else None, stride, 0, dilation, layer.groups
    )


@drawn(max_examples=20)
@given(case=convolutions(), n=st.integers(1, 3))
def test_torch_convolves_alike(case, n, run):
    torch = oracles.torch()
    layer, row = case
    X, G, parameters = sample(layer, row, n)
    got = run([layer], X, G, parameters=parameters)
    W = got.network["1.W"]
    x, w = channels_first(X), torch.tensor(np.moveaxis(np.moveaxis(W, -1, 0), -1, 1).copy(), requires_grad=True)
    b = torch.tensor(got.network["1.b"].copy(), requires_grad=True)
    z = torch_convolution(layer, row, x, w, b)
    z.backward(torch.tensor(np.moveaxis(G, -1, 1).copy()))
    close = functools.partial(np.testing.assert_allclose, rtol=1e-10, atol=1e-11)
    close(got["1.Z"], from_torch(z.detach().numpy()))
    close(got.d_inputs, from_torch(x.grad.numpy()))
    close(got["1.dW"].reshape(W.shape), from_torch(w.grad.numpy(), weights=True))
    if layer.bias:
        close(got["1.db"].ravel(), b.grad.numpy())


@pytest.mark.filterwarnings("ignore:Using padding=.same.")  # which copies the input
@pytest.mark.parametrize(("size", "dilation"), [((2, 4), 1), ((3, 2), (2, 3)), ((1, 5), 1)], ids=str)
def test_same_pads_as_torch_does(size, dilation, mode, run):
    layer, row = Conv2D(3, size, padding="same", dilation=dilation), (6, 7, 2)
    X, G, parameters = sample(layer, row, 2)
    got = run([layer], X, G, parameters=parameters, mode=mode)
    tensor, W = oracles.torch().tensor, got.network["1.W"]
    w = tensor(np.moveaxis(np.moveaxis(W, -1, 0), -1, 1).copy())
    z = oracles.torch().nn.functional.conv2d(
        channels_first(X), w, tensor(got.network["1.b"].copy()), padding="same", dilation=dilation
    )
    np.testing.assert_allclose(got["1.Z"], from_torch(z.detach().numpy()), rtol=1e-10, atol=1e-12)


@drawn(max_examples=20)
@given(case=pools(), n=st.integers(1, 3), whole=st.booleans())
def test_torch_pools_alike(case, n, whole, run):
    torch = oracles.torch()
    F = torch.nn.functional
    layer, row = case
    X, G, _ = sample(layer, row, n)
    X = np.round(X) if whole else X  # then windows have equal numbers
    axes = len(row) - 1
    size, stride = pair(layer.size)[-axes:], pair(layer.size if layer.stride is None else layer.stride)[-axes:]
    got = run([layer], X, G)
    x = channels_first(X)
    sides = torch_padding(layer, row)
    if isinstance(layer, MaxPool):
        pooled = (F.max_pool2d if axes == 2 else F.max_pool1d)(F.pad(x, sides, value=-math.inf), size, stride)
    else:
        pool = F.avg_pool2d if axes == 2 else F.avg_pool1d
        pooled = pool(F.pad(x, sides), size, stride) / pool(F.pad(torch.ones_like(x), sides), size, stride)
    pooled.backward(torch.tensor(np.moveaxis(G, -1, 1).copy()))
    np.testing.assert_allclose(got["1.Z"], from_torch(pooled.detach().numpy()), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(got.d_inputs, from_torch(x.grad.numpy()), rtol=1e-10, atol=1e-12)


def test_torch_trains_alike():
    torch = oracles.torch()
    layers = [Conv2D(3, 3, "tanh", padding="same"), MaxPool(), Conv2D(4, 2, "relu"), Flatten(), Dense(3, "softmax")]
    X, Y = rng().normal(size=(16, 6, 8, 2)), rng().integers(0, 3, 16)
    network = Network(layers, (6, 8, 2), "cross_entropy", seed=1)
    peer = torch.nn.Sequential(
        torch.nn.Conv2d(2, 3, 3, padding=1), torch.nn.Tanh(), torch.nn.MaxPool2d(2), torch.nn.Conv2d(3, 4, 2),
        torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(4 * 2 * 3, 3),
    ).double()  # fmt: skip
    with torch.no_grad():
        for name, module in (("1", peer[0]), ("3", peer[3])):
            module.weight[:] = torch.tensor(np.moveaxis(np.moveaxis(network[f"{name}.W"], -1, 0), -1, 1).copy())
            module.bias[:] = torch.tensor(network[f"{name}.b"])
        V = network["5.W"].T.reshape(3, 2, 3, 4)
        peer[6].weight[:] = torch.tensor(np.moveaxis(V, -1, 1).reshape(3, -1).copy())
        peer[6].bias[:] = torch.tensor(network["5.b"])
    optimizer = torch.optim.SGD(peer.parameters(), 0.1)
    x, y = torch.tensor(np.moveaxis(X, -1, 1).copy()), torch.tensor(Y)
    for _ in range(20):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(peer(x), y).backward()
        optimizer.step()
    Training(network, X, Y, optimizer=SGD(0.1), batch_size="full", epochs=20, shuffle=False).run()
    wanted = from_torch(peer[3].weight.detach().numpy(), weights=True)
    np.testing.assert_allclose(network["3.W"], wanted, rtol=1e-10, atol=1e-12)
    V = peer[6].weight.detach().numpy().reshape(3, 4, 2, 3)
    np.testing.assert_allclose(network["5.W"], from_torch(V).reshape(3, -1).T, rtol=1e-10, atol=1e-12)


# ---------------------------------------------------------------------------------------------------------- gradients


@pytest.mark.parametrize(
    "layers",
    [[Conv2D(4, (2, 3), "tanh", stride=(2, 1), padding="same", dilation=(1, 2), groups=2), Flatten()],
     [Conv2D(4, 3, "tanh"), MaxPool(2, 1), AveragePool(2, padding=1), Conv2D(2, 2, "sigmoid"), GlobalAveragePool()],
     [Upsample(2), Conv2D(2, 2, "tanh", padding=(0, 1)), MaxPool((2, 3), padding="same"), Flatten()]],
    ids=["all settings", "a stack", "upsampled"],
)  # fmt: skip
def test_backward_is_the_central_difference(layers, mode):
    network = Network([*layers, Dense(2)], (5, 6, 2), "mse", seed=2)
    X, Y = rng().normal(size=(4, 5, 6, 2)), rng().normal(size=(4, 2))
    assert gradcheck(network, X, Y, compiled=mode == "compiled").passed


# ----------------------------------------------------------------------------------------------------------- formulas


@drawn(max_examples=20)
@given(case=convolutions() | pools())
def test_formulas_give_the_numbers_of_the_arrays(case, run):
    check_formulas(*case, run)


@pytest.mark.parametrize(
    ("layer", "row"),
    [
        (GlobalAveragePool(), (3, 2, 2)),
        (GlobalAveragePool(), (4, 3)),
        (Upsample((2, 3)), (2, 2, 2)),
        (Upsample(2), (3, 2)),
    ],
    ids=str,
)
def test_formulas_of_the_others_give_the_numbers_of_the_arrays(layer, row, run):
    check_formulas(layer, row, run)


def check_formulas(layer, row, run):
    X, G, parameters = sample(layer, row, 1)
    got = run([layer], X, G, parameters=parameters, keep=True)
    equations, shapes = layer.equations(row), layer.shapes(row)

    def value(element):
        array = got[f"1.{element.array}"] if element.array != "dX" else got.d_inputs
        name = element.array.removeprefix("d")
        if name in shapes.parameters:
            return float(array.reshape(shapes.parameters[name])[element.index])
        return float(array[0].reshape(shapes.buffers[name])[element.index])

    parts = [*equations.forward, *equations.backward, *equations.gradients]
    assert {part.array for part in parts} >= {"Z", "dX"}
    for part in parts:
        shape = (shapes.parameters | shapes.buffers)[part.array.removeprefix("d")]
        assert len(part.places) == math.prod(shape)
        for place in part.places:
            formula = part.row_formula(place, value) if part.row_formula else part.formula(place)
            assert evaluated(formula, value) == pytest.approx(value(Element(part.array, place)), rel=1e-9, abs=1e-10)


def test_a_weights_name_tells_its_channel_and_its_place():
    weights, biases = Conv2D(4, 3, groups=2).equations((5, 5, 6)).parameters
    assert weights.places[-1] == (2, 2, 2, 3)
    assert (weights.unit((2, 1, 2, 3)), weights.position((2, 1, 2, 3)), weights.source((2, 1, 2, 3))) == (3, (2, 1), 5)
    assert weights.source((0, 0, 1, 1)) == 1
    assert (biases.unit((3,)), biases.position((3,))) == (3, ())


def test_of_equal_numbers_the_first_takes_the_slope_and_a_note_says_so(run, mode):
    X = np.array([[1.0, 3.0], [3.0, 3.0]]).reshape(1, 2, 2, 1)
    got = run([MaxPool()], X, [[5.0]], mode=mode)
    assert got.outputs.tolist() == [[3.0]]
    assert got.d_inputs.ravel().tolist() == [0.0, 5.0, 0.0, 0.0]
    (out,), (back,) = MaxPool().equations((2, 2, 1)).forward, MaxPool().equations((2, 2, 1)).backward

    def value(element):
        return float(X[0][element.index])

    assert "the first of them" in out.note((0, 0, 0), value)
    assert out.note((0, 0, 0), lambda element: float(element.index[0] * 2 + element.index[1])) == ""
    assert back.row_formula((0, 1, 0), value) == Element("dZ", (0, 0, 0))
    assert back.row_formula((1, 1, 0), value) == Constant("0")


def test_a_nan_is_the_largest(run, mode):
    for place in range(4):
        X = np.arange(4.0)
        X[place] = np.nan
        got = run([MaxPool()], X.reshape(1, 2, 2, 1), [[1.0]], mode=mode)
        assert np.isnan(got.outputs).all()
        assert got.d_inputs.ravel().tolist() == [float(k == place) for k in range(4)]
    got = run([MaxPool()], np.full((1, 2, 2, 1), -np.inf), [[1.0]], mode=mode)
    assert got.outputs.tolist() == [[-np.inf]]
    assert got.d_inputs.ravel().tolist() == [1.0, 0.0, 0.0, 0.0]


# ------------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("layer", "row", "words"),
    [(Conv2D(6, 31), (28, 28, 1), r"\(28 - 31\) / 1 \+ 1 = -2 rows"),
     (Conv2D(6, 5, padding=1), (2, 9, 1), r"\(2 \+ 2 · 1 - 5\) / 1 \+ 1 = 0 rows"),
     (Conv2D(6, (1, 4), dilation=3), (28, 6, 1), r"\(4 places, 3 apart\).*\(6 - 10\) / 1 \+ 1 = -3 columns"),
     (Conv2D(6, 5), (28, 28), r"inputs=\(28, 28, 1\)"),
     (Conv2D(6, 5), (784,), r"inputs=\(28, 28, 1\)"),
     (Conv1D(6, 5), (50,), r"inputs=\(50, 1\)"),
     (Conv1D(6, 5), (28, 28, 1), "Conv2D"),
     (Conv1D(6, 5), (3, 1), r"\(3 - 5\) / 1 \+ 1 = -1 times"),
     (Conv2D(6, 5, groups=3), (28, 28, 4), "3 groups.*4 channels"),
     (MaxPool(3), (2, 5, 1), r"\(2 - 3\) / 3 \+ 1 = 0 rows"),
     (MaxPool(), (784,), "pictures"),
     (MaxPool((2, 2)), (50, 3), "expected one number"),
     (AveragePool(2, padding=2), (4, 4, 1), "at most 1"),
     (GlobalAveragePool(), (5,), "no places"),
     (Upsample((2, 2)), (5, 2), "expected one number"),
     (Upsample(2), (5,), "pictures")],
    ids=str,
)  # fmt: skip
def test_rows_of_unfit_shapes_are_refused_with_the_arithmetic(layer, row, words):
    with pytest.raises(BacklitError, match=words) as caught:
        Network([layer, Flatten(), Dense(1)], row)
    assert type(layer).__name__ in str(caught.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [(lambda: Conv2D(0, 3), "filters is 0"), (lambda: Conv2D(2, (3, 0)), "size is .3, 0.*pair"),
     (lambda: Conv2D(2, (3, 3, 3)), "size"), (lambda: Conv2D(2, 3, padding="full"), "padding is 'full'.*'same'"),
     (lambda: Conv2D(2, 3, padding=-1), "padding is -1"), (lambda: Conv1D(2, (3, 3)), "size"),
     (lambda: Conv2D(3, 3, groups=2), "3 filters.*2 groups"), (lambda: Conv2D(2, 3, bias=[0.0]), "biases="),
     (lambda: Conv2D(2, 3, freeze=("V",)), "'V'"), (lambda: Conv2D(2, 3, 3), "activation is 3"),
     (lambda: Conv2D(2, 3, "rleu"), "rleu"), (lambda: MaxPool(0), "size is 0"), (lambda: MaxPool(2, 0), "stride is 0"),
     (lambda: Upsample(1.5), "factor is 1.5"), (lambda: Conv2D(2, 3, weights="he"), "he")],
)  # fmt: skip
def test_settings_out_of_bounds_are_refused(make, words):
    with pytest.raises(BacklitError, match=words):
        Network([make(), Flatten(), Dense(1)], (9, 9, 2))


def test_a_network_of_them_survives_a_round_trip():
    layers = [
        Conv2D(4, (2, 3), "relu", padding=(1, 0)),
        MaxPool((2, 1)),
        Upsample((1, 2)),
        AveragePool(2, 1),
        Flatten(),
    ]
    network = Network([*layers, Dense(2)], (7, 6, 1), seed=4)
    twin = Network.from_dict(network.to_dict())
    assert twin.layers == network.layers
    assert twin.layout == network.layout


def test_first_weights_have_the_fans_of_a_window():
    W = Network([Conv2D(64, 5, "relu"), Flatten(), Dense(1)], (9, 9, 32), seed=0)["1.W"]
    assert W.std() == pytest.approx(math.sqrt(2 / (5 * 5 * 32)), rel=0.02)
    W = Network([Conv1D(64, 5, "tanh"), Flatten(), Dense(1)], (9, 32), seed=0)["1.W"]
    assert W.std() == pytest.approx(math.sqrt(2 / (5 * 32 + 5 * 64)), rel=0.03)
