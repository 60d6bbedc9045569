"""`bl.check_gradients`: learners' functions with planted mistakes are named, right ones never flagged."""

from __future__ import annotations

import numpy as np
import pytest
from learners_code import CASES, FLAWS, RATE, Case, backward, sigmoid

import backlit as bl
from backlit.errors import BacklitError

PLANTED = [(case, flaw) for flaw in FLAWS for case in [case for case in CASES if flaw.can(case)][:2]]
"""Each mistake in two networks; `python -m bench.code` plants them in all."""
TIES = {("one hidden layer", "over outputs too"), ("one hidden layer", "two in slope"), ("yes or no", "slope again")}
"""With four rows and two outputs 1/n² is half of it, and twice the slope that of 1/k: two mistakes, one number. The
squared error's slope through a sigmoid is the cross-entropy's, out - t, times the sigmoid's slope."""
NOT_NAMED = {("one row", "output error for hidden")}
"""No entry of the catalogue gives it: the output's dE/dnet as dE/dout(h1)."""


def check(case: Case, flaw: str = "", **settings):
    X, Y = case.data()
    return bl.check_gradients(backward(case, flaw), case.network(), X, Y, optimizer=bl.SGD(RATE), **settings)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_right_function_is_right(case):
    found = check(case)
    assert found.all_right
    assert not found.mistakes
    assert [array.verdict for array in found.arrays] == ["right"] * len(found.arrays)
    assert "gradients are right" in str(found)


@pytest.mark.parametrize(("case", "flaw"), PLANTED, ids=lambda part: part.name)
def test_a_planted_mistake_is_named(case, flaw):
    found = check(case, flaw.name)
    assert not found.all_right
    codes = {one.code for one in found.mistakes}
    if (case.name, flaw.name) in NOT_NAMED:
        assert found.named is None
    elif (case.name, flaw.name) in TIES:
        assert len(codes) == 2
        assert codes & flaw.codes
    else:
        assert found.named is not None, found
        assert found.named.code in flaw.codes
        assert found.named.title in str(found)
        assert found.named.line
        assert found.named.line != found.named.right_line


# ------------------------------------------------------------------------------------------- what a function is given

NETWORK = bl.Network([bl.Dense(3, "tanh"), bl.Dense(2, "sigmoid")], inputs=2, loss="half_squared_error", seed=5)
X = np.array([[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0]])
Y = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


def right(X, Y, W1, b1, W2, b2):
    """Give dE/dw of NETWORK as (dW1, db1, dW2, db2)."""
    A1 = np.tanh(X @ W1 + b1)
    A2 = sigmoid(A1 @ W2 + b2)
    d2 = (A2 - Y) * A2 * (1 - A2) / len(X)
    d1 = d2 @ W2.T * (1 - A1**2)
    return [X.T @ d1, d1.sum(0), A1.T @ d2, d2.sum(0)]


def by_dictionary(params, X, Y):
    return dict(
        zip(("dW1", "db1", "dW2", "db2"), right(X, Y, *(params[k] for k in ("W1", "b1", "w2", "2.b"))), strict=True)
    )


def by_two_lists(weights, biases, X, Y):
    dW1, db1, dW2, db2 = right(X, Y, weights[0], biases[0], weights[1], biases[1])
    return [dW1, dW2], [db1, db2]


def from_the_last_layer(X, Y, W1, W2, b1, b2):
    dW1, db1, dW2, db2 = right(X, Y, W1, b1, W2, b2)
    return [dW2, db2, dW1, db1]


def by_layers(network, X, Y):
    dW1, db1, dW2, db2 = right(X, Y, *(network[name] for name in network))
    return [{"W": dW1, "b": db1}, {"W": dW2, "b": db2}]


def with_the_loss(X, Y, *arrays):
    A2 = sigmoid(np.tanh(X @ arrays[0] + arrays[1]) @ arrays[2] + arrays[3])
    return 0.5 * ((A2 - Y) ** 2).sum() / len(X), right(X, Y, *arrays)


def counted_from_0(X, Y, *, W1, b1, W2, b2):
    dW1, db1, dW2, db2 = right(X, Y, W1, b1, W2, b2)
    return {"weights": [dW1, dW2], "biases": [db1, db2]}


def pairs_of(grads):
    """Give [(dW1, db1), (dW2, db2)]."""
    return list(zip(grads[::2], grads[1::2], strict=True))


WAYS = {
    "a dictionary": by_dictionary,
    "two lists": by_two_lists,
    "the last layer first": from_the_last_layer,
    "the network, by layers": by_layers,
    "a list": lambda weights, X, Y: right(X, Y, *weights),
    "any names": lambda a, b, c, d, e, f: right(a, b, c, d, e, f) if np.shape(a) == (3, 2) else None,
    "by name alone": lambda *, X, Y, W1, b1, W2, b2: right(X, Y, W1, b1, W2, b2),
    "with the loss": with_the_loss,
    "one vector": lambda X, Y, W1, b1, W2, b2: np.concatenate([np.ravel(g) for g in right(X, Y, W1, b1, W2, b2)]),
    "lists of numbers": lambda X, Y, W1, b1, W2, b2: [g.tolist() for g in right(X, Y, W1, b1, W2, b2)],
    "with a default": lambda X, Y, W1, b1, W2, b2, verbose=False: right(X, Y, W1, b1, W2, b2),
    "biases as columns": lambda weights, X, Y: [np.reshape(g, (len(g), -1)) for g in right(X, Y, *weights)],
    "PyTorch's names": lambda X, Y, W1, b1, W2, b2: dict(zip(
        ("0.weight", "0.bias", "2.weight", "2.bias"), (g.T for g in right(X, Y, W1, b1, W2, b2)), strict=True)),
    "counted from 0": counted_from_0,
    "biases, then weights": lambda weights, biases, X, Y: by_two_lists(weights, biases, X, Y)[::-1],
    "biases as the first row": lambda X, Y, W1, b1, W2, b2: [np.vstack([g[1], g[0]]) for g in pairs_of(
        right(X, Y, W1, b1, W2, b2))],
    "biases as the last row": lambda X, Y, W1, b1, W2, b2: [np.vstack(g) for g in pairs_of(
        right(X, Y, W1, b1, W2, b2))],
    "nested, as of JAX": lambda params, X, Y: {"params": {f"Dense_{k}": {"kernel": dW, "bias": db} for k, (dW, db) in
        enumerate(pairs_of(right(X, Y, *(params[name] for name in ("W1", "b1", "W2", "b2")))))}},
    "with its own rows": lambda W1, b1, W2, b2: right(X, Y, W1, b1, W2, b2),
    "a generator": lambda X, Y, W1, b1, W2, b2: iter(right(X, Y, W1, b1, W2, b2)),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_giving_and_taking(way):
    function = WAYS[way]
    if way == "any names":
        with pytest.raises(BacklitError, match=r"takes \(a, b, c, d, e, f\)"):
            bl.check_gradients(function, NETWORK, X, Y)
        return
    found = bl.check_gradients(function, NETWORK, X, Y)
    assert found.all_right, found
    assert not found.unused
    assert (found.loss is None) == (way != "with the loss")
    if found.loss is not None:
        assert found.loss == pytest.approx(found.right_loss)


class Learner:
    """A learner's class: its weights, and after `backward` their gradients."""

    def __init__(self):
        self.W1, self.b1, self.W2, self.b2 = (NETWORK[name].copy() for name in NETWORK)

    def backward(self, X, Y, rate=0.0):
        self.dW1, self.db1, self.dW2, self.db2 = right(X, Y, self.W1, self.b1, self.W2, self.b2)
        self.W1 -= 0.5 * self.dW1


def test_an_object_that_keeps_its_gradients():
    learner = Learner()
    assert bl.check_gradients(learner.backward, NETWORK, X, Y).all_right
    assert np.array_equal(learner.W1, NETWORK["1.W"])  # it was called on a copy
    learner.backward(X, Y)
    assert bl.check_gradients(learner, NETWORK, X, Y).all_right


def test_gradients_that_were_computed_already():
    given = right(X, Y, *(NETWORK[name] for name in NETWORK))
    assert bl.check_gradients(given, NETWORK, X, Y).all_right
    assert bl.check_gradients(NETWORK.gradient(X, Y, compiled=False), NETWORK, X, Y).all_right
    half = bl.check_gradients([0.5 * array for array in given], NETWORK, X, Y)
    assert {array.relation for array in half.arrays} == {"½ × the right one"}
    assert half.mistakes


@pytest.mark.parametrize("layout", ["units", "columns"])
def test_layouts(layout):
    def as_columns(X, Y, W1, b1, W2, b2):
        A1 = np.tanh(W1 @ X + b1)
        A2 = sigmoid(W2 @ A1 + b2)
        d2 = (A2 - Y) * A2 * (1 - A2) / X.shape[1]
        d1 = W2.T @ d2 * (1 - A1**2)
        return [d1 @ X.T, d1.sum(1, keepdims=True), d2 @ A1.T, d2.sum(1, keepdims=True)]

    def as_units(X, Y, W1, b1, W2, b2):
        return [g.T for g in right(X, Y, W1.T, b1, W2.T, b2)]

    found = bl.check_gradients({"units": as_units, "columns": as_columns}[layout], NETWORK, X, Y, layout=layout)
    assert [array.verdict for array in found.arrays] == ["right"] * 4
    with pytest.raises(BacklitError, match='"units"'):
        bl.check_gradients(as_units, NETWORK, X, Y, layout="rows")


def test_transposed_ones_are_recognised_and_said():
    found = bl.check_gradients(lambda X, Y, W1, b1, W2, b2: [g.T for g in right(X, Y, W1, b1, W2, b2)], NETWORK, X, Y)
    assert found.all_right
    assert [array.verdict for array in found.arrays] == ["transposed", "right", "transposed", "right"]
    assert "transposed: (units, inputs)" in str(found)


def test_square_ones_are_transposed_where_all_are():
    case = CASES[4]  # two inputs, two hidden units, two outputs
    network, (X, Y) = case.network(), case.data()
    found = bl.check_gradients(lambda X, Y, *arrays: [g.T for g in backward(case)(X, Y, *arrays)], network, X, Y)
    assert [array.verdict for array in found.arrays] == ["transposed", "right", "transposed", "right"]

    def one_only(X, Y, *arrays):
        dW1, db1, dW2, db2 = backward(case)(X, Y, *arrays)
        return [dW1, db1, dW2.T, db2]

    found = bl.check_gradients(one_only, network, X, Y)
    assert [array.verdict for array in found.arrays] == ["right", "right", "wrong", "right"]
    assert found.arrays[2].relation == "the right one, transposed"


def test_arrays_of_other_packages():
    torch = pytest.importorskip("torch")
    network = bl.Network([bl.Dense(3, "tanh"), bl.Dense(2)], inputs=2, loss="mse", seed=5)

    def my_backward(X, Y, W1, b1, W2, b2):
        arrays = [array.requires_grad_() for array in (W1, b1, W2, b2)]
        out = torch.tanh(X @ W1.T + b1) @ W2.T + b2
        loss = torch.nn.functional.mse_loss(out, Y)
        loss.backward()
        return loss, [array.grad for array in arrays]

    found = bl.check_gradients(my_backward, network, X, Y, layout="units", convert=torch.tensor)
    assert found.all_right
    assert found.loss == pytest.approx(found.right_loss)
    single = bl.check_gradients(my_backward, network.copy("float32"), X, Y, layout="units", convert=torch.tensor)
    assert single.all_right
    assert single.tolerance == 1e-4


def test_modules_of_pytorch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    pictures, targets = rng.normal(size=(3, 4, 4, 2)), rng.normal(size=(3, 2))
    network = bl.Network([bl.Conv2D(3, 2, "tanh"), bl.Flatten(), bl.Dense(2)], inputs=(4, 4, 2), loss="mse", seed=1)
    module = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 2), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(27, 2))
    module = module.double()
    with pytest.raises(BacklitError, match=r"0.weight: its .grad is None: call loss.backward\(\) before"):
        bl.check_gradients(module, network, pictures, targets)
    weights = bl.torch_weights(network, module.state_dict())
    module.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    outputs = module(torch.from_numpy(pictures.transpose(0, 3, 1, 2)))
    torch.nn.functional.mse_loss(outputs, torch.from_numpy(targets)).backward()
    for given in (module, list(module.parameters()), {k: p.grad for k, p in module.named_parameters()}):
        found = bl.check_gradients(given, network, pictures, targets)
        assert found.all_right, found
        assert "PyTorch's module" in str(found)


GATED = {"Recurrent": 1, "LSTM": 4, "GRU": 3}


@pytest.mark.parametrize("kind", GATED)
def test_pytorchs_recurrent_weights(kind):
    rng = np.random.default_rng(1)
    rows, targets = rng.normal(size=(3, 4, 2)), rng.normal(size=(3, 2))
    network = bl.Network([getattr(bl, kind)(3), bl.Dense(2)], inputs=(4, 2), loss="mse", seed=1)
    own = network.gradient(rows, targets, compiled=False)
    wide = 3 * GATED[kind]  # PyTorch's two biases have the same gradient, but for a GRU's last gate
    second = np.concatenate([own["1.b"][: wide - 3], own["1.b"][-3:]]) if kind == "GRU" else own["1.b"]
    theirs = {"rnn.weight_ih_l0": own["1.W"].T, "rnn.weight_hh_l0": own["1.U"].T, "rnn.bias_ih_l0": own["1.b"][:wide],
              "rnn.bias_hh_l0": second, "fc.weight": own["2.W"].T, "fc.bias": own["2.b"]}  # fmt: skip
    assert bl.check_gradients(theirs, network, rows, targets).all_right
    found = bl.check_gradients({**theirs, "rnn.bias_hh_l0": 2 * second + 1}, network, rows, targets)
    assert "rnn.bias_hh_l0 differs" in str(found) or "1.bias_hh_l0 differs" in str(found)


@pytest.mark.parametrize(("kind", "order"), [("LSTM", (1, 0, 3, 2)), ("GRU", (1, 0, 2))])
def test_gates_in_another_order(kind, order):
    rng = np.random.default_rng(1)
    rows, targets = rng.normal(size=(3, 4, 2)), rng.normal(size=(3, 2))
    network = bl.Network([getattr(bl, kind)(3), bl.Dense(2)], inputs=(4, 2), loss="mse", seed=1)
    own = network.gradient(rows, targets, compiled=False)

    def turned(array):
        return np.concatenate([*(array[..., 3 * k : 3 * k + 3] for k in order), array[..., 3 * len(order) :]], axis=-1)

    given = {name: turned(array) if name.startswith("1.") else array for name, array in own.items()}
    found = bl.check_gradients(given, network, rows, targets)
    assert found.all_right
    said = {"LSTM": "in the order f, i, o, g; here it is i, f, g, o", "GRU": "in the order z, r, n; here it is r, z, n"}
    assert said[kind] in str(found)
    given["1.U"] = own["1.U"]  # not all arrays of the layer
    assert not bl.check_gradients(given, network, rows, targets).all_right


def test_filters_first():
    rng = np.random.default_rng(1)
    pictures, targets = rng.normal(size=(2, 3, 3, 2)), rng.normal(size=(2, 3))
    network = bl.Network([bl.Conv2D(3, 2, "tanh"), bl.GlobalAveragePool()], inputs=(3, 3, 2), loss="mse", seed=1)
    own = network.gradient(pictures, targets, compiled=False)
    given = {"dW1": own["1.W"].transpose(3, 2, 0, 1), "db1": own["1.b"]}
    assert bl.check_gradients(given, network, pictures, targets).all_right

    def my_backward(X, Y, W1, b1):
        assert W1.shape == (3, 2, 2, 2)
        return given

    assert bl.check_gradients(my_backward, network, pictures, targets, layout="units").all_right


def test_jax_arrays():
    jax = pytest.importorskip("jax")
    network = bl.Network([bl.Dense(3, "tanh"), bl.Dense(2)], inputs=2, loss="mse", seed=5)

    def loss(params, X, Y):
        out = jax.numpy.tanh(X @ params["W1"] + params["b1"]) @ params["W2"] + params["b2"]
        return ((out - Y) ** 2).mean()

    def my_backward(X, Y, W1, b1, W2, b2):
        return jax.value_and_grad(loss)({"W1": W1, "b1": b1, "W2": W2, "b2": b2}, X, Y)

    found = bl.check_gradients(my_backward, network, X, Y)
    assert found.all_right, found
    assert found.loss is not None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_float32_is_right(case):
    X, Y = case.data()
    network = case.network("float32")

    def my_backward(X, Y, *arrays):
        grads = backward(case)(X, Y, *arrays)
        assert grads[0].dtype == np.float32
        return grads

    assert bl.check_gradients(my_backward, network, X.astype(np.float32), Y).all_right


def test_large_networks_are_right_in_float32():
    network = bl.Network([bl.Dense(300, "relu"), bl.Dense(200, "relu"), bl.Dense(4)], inputs=100, loss="mse",
                         dtype="float32", seed=1)  # fmt: skip
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(256, 100)), rng.normal(size=(256, 4))
    given = network.gradient(X, Y, compiled=False)
    assert bl.check_gradients(given, network, X, Y).all_right


# --------------------------------------------------------------------------------------------------- what may be wrong


def flawed(change):
    """Give the right function with its list of gradients changed."""
    return lambda X, Y, W1, b1, W2, b2: change(*right(X, Y, W1, b1, W2, b2))


NESTED: list[object] = []
NESTED.append(NESTED)
REFUSED = {
    "a number": (flawed(lambda *g: 0.5), "gave 0.5; expected gradients"),
    "complex numbers": (flawed(lambda *g: [a * 1j for a in g]), r"\[0\]: numbers of type complex128"),
    "nothing": (flawed(lambda *g: []), r"gave \[\]"),
    "None": (flawed(lambda *g: None), "gave None"),
    "a text": (flawed(lambda *g: "done"), "gave 'done'"),
    "too few": (flawed(lambda *g: [np.zeros((4, 4)), g[1]]), "gave 2 arrays of shapes"),
    "too many": (flawed(lambda *g: [*g, np.ones(7)]), "expected 4 arrays: W1 .2, 3., b1"),
    "itself": (flawed(lambda *g: NESTED), "one that holds itself; expected a dictionary"),
    "other shapes": (flawed(lambda *g: [np.ones((5, 5, 5))] * 4), "gave 4 arrays of shapes"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_compared_is_refused(what):
    function, said = REFUSED[what]
    with pytest.raises(BacklitError, match=said):
        bl.check_gradients(function, NETWORK, X, Y)


def test_a_function_that_raises_is_told_with_its_line():
    def my_backward(X, Y, W1, b1, W2, b2):
        return X @ W2

    with pytest.raises(
        BacklitError, match=r"raised ValueError in line \d+ of test_gradients.py \(return X @ W2\)"
    ) as told:
        bl.check_gradients(my_backward, NETWORK, X, Y)
    assert isinstance(told.value.__cause__, ValueError)


def test_an_error_of_targets_that_spread_out_says_what_to_give():
    network = bl.Network([bl.Dense(2, "tanh"), bl.Dense(1)], inputs=2, loss="mse", seed=1)

    def my_backward(X, Y, W1, b1, W2, b2):
        A1 = np.tanh(X @ W1 + b1)
        d2 = 2 * (A1 @ W2 + b2 - Y) / len(X)
        return [X.T @ (d2 @ W2.T), b1, A1.T @ d2, d2.sum(0)]

    with pytest.raises(BacklitError, match=r"give np.reshape\(Y, \(-1, 1\)\)"):
        bl.check_gradients(my_backward, network, X, [1.0, 2.0, 3.0])


@pytest.mark.parametrize("tolerance", ["a", -1, np.nan, True])
def test_a_tolerance_is_a_number_from_0_on(tolerance):
    with pytest.raises(BacklitError, match=r"tolerance is .*; expected a finite number of at least 0"):
        bl.check_gradients(right, NETWORK, X, Y, tolerance=tolerance)
    with pytest.raises(BacklitError, match=r"tolerance is .*; expected a finite number of at least 0"):
        bl.check_losses([0.1], NETWORK, X, Y, tolerance=tolerance)


def test_other_arguments_are_told():
    with pytest.raises(BacklitError, match=r"takes \(a, b, c, d\); expected one of \(network, X, Y\)"):
        bl.check_gradients(lambda a, b, c, d: None, NETWORK, X, Y)
    with pytest.raises(BacklitError, match=r"expected a bl\.Network"):
        bl.check_gradients(NETWORK, right, X, Y)


def test_a_missing_array_and_one_too_many():
    found = bl.check_gradients(
        flawed(lambda dW1, db1, dW2, db2: {"dW1": dW1, "db1": None, "dW2": dW2, "velocity": db2}), NETWORK, X, Y
    )
    assert [array.verdict for array in found.arrays] == ["right", "missing", "right", "missing"]
    assert found.arrays[1].remark == "None in the place of an array"
    assert found.unused == ("velocity",)
    assert "velocity" in str(found)


def test_numbers_that_are_not_finite():
    found = bl.check_gradients(flawed(lambda dW1, *others: [dW1 * [1.0, np.nan, 1.0], *others]), NETWORK, X, Y)
    assert [array.verdict for array in found.arrays] == ["not finite", "right", "right", "right"]
    assert found.arrays[0].element == "w(i1,h2)"
    assert found.arrays[0].off == 2


def test_rows_that_were_not_added_are_told_by_the_shape():
    def my_backward(X, Y, W1, b1, W2, b2):
        A1 = np.tanh(X @ W1 + b1)
        d2 = (sigmoid(A1 @ W2 + b2) - Y) * sigmoid(A1 @ W2 + b2) * (1 - sigmoid(A1 @ W2 + b2)) / len(X)
        dW1, db1, dW2, _ = right(X, Y, W1, b1, W2, b2)
        return {"W1": dW1, "b1": db1, "W2": dW2, "b2": d2}

    found = bl.check_gradients(my_backward, NETWORK, X, Y)
    assert found.arrays[3].verdict == "wrong shape"
    assert "sum over the rows" in found.arrays[3].remark


def test_targets_in_one_column_that_spread_out():
    network = bl.Network([bl.Dense(1)], inputs=2, loss="half_squared_error", seed=1)

    def my_backward(X, Y, W1, b1):
        delta = (X @ W1 + b1 - Y) / len(X)
        return [X.T @ delta, delta.sum(0)]

    found = bl.check_gradients(my_backward, network, X, [1.0, 2.0, 3.0])
    assert not found.all_right
    assert "Y = np.reshape(Y, (-1, 1))" in str(found)
    assert bl.check_gradients(my_backward, network, X, [[1.0], [2.0], [3.0]]).all_right


def test_slopes_at_a_kink_are_a_matter_of_choice():
    network = bl.Network([bl.Dense(3, "relu"), bl.Dense(1)], inputs=2, loss="mse", seed=2)
    network["1.b"], network["2.b"] = 0.0, 0.3
    rows, targets = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([[0.0], [1.0], [1.0], [0.0]])

    def my_backward(X, Y, W1, b1, W2, b2):
        Z1 = X @ W1 + b1
        A1 = np.maximum(Z1, 0)
        d2 = 2 * (A1 @ W2 + b2 - Y) / len(X)
        d1 = d2 @ W2.T * (Z1 >= 0)  # 1 at 0, where ours is 0
        return [X.T @ d1, d1.sum(0), A1.T @ d2, d2.sum(0)]

    found = bl.check_gradients(my_backward, network, rows, targets)
    assert found.all_right
    assert found.rows == 3
    assert "kink" in str(found)


def test_a_function_that_changes_the_weights_is_told():
    def my_backward(X, Y, W1, b1, W2, b2):
        A1 = np.tanh(X @ W1 + b1)
        A2 = sigmoid(A1 @ W2 + b2)
        d2 = (A2 - Y) * A2 * (1 - A2) / len(X)
        dW2 = A1.T @ d2
        W2 -= RATE * dW2
        d1 = d2 @ W2.T * (1 - A1**2)
        return [X.T @ d1, d1.sum(0), dW2, d2.sum(0)]

    before = NETWORK.parameters.copy()
    found = bl.check_gradients(my_backward, NETWORK, X, Y, optimizer=bl.SGD(RATE))
    assert np.array_equal(NETWORK.parameters, before)
    assert found.named is not None
    assert found.named.code == "updated-weights"
    assert "changes W2 while it works" in str(found)


def test_two_mistakes_are_found_together():
    def my_backward(X, Y, W1, b1, W2, b2):
        A1 = np.tanh(X @ W1 + b1)
        A2 = sigmoid(A1 @ W2 + b2)
        d2 = (A2 - Y) * A2 * (1 - A2)  # not divided by the rows
        d1 = d2 @ W2.T * A1 * (1 - A1)  # the sigmoid's slope
        return [X.T @ d1, d1.sum(0), A1.T @ d2, d2.sum(0)]

    found = bl.check_gradients(my_backward, NETWORK, X, Y)
    assert found.together
    assert found.named is None
    assert {one.code for one in found.mistakes} == {"mean-forgotten", "tanh-slope-as-sigmoid"}


def test_a_mistake_of_a_part_says_what_it_explains():
    def my_backward(X, Y, W1, b1, W2, b2):
        dW1, db1, dW2, db2 = right(X, Y, W1, b1, W2, b2)
        return [dW1 + 0.01 * np.arange(6).reshape(2, 3), db1, 3 * dW2, 3 * db2]

    found = bl.check_gradients(my_backward, NETWORK, X, Y)
    assert all(not one.explains_all for one in found.mistakes)
    assert found.named is None


def test_a_mistake_that_spoils_a_right_array_is_not_offered():
    found = bl.check_gradients(flawed(lambda dW1, db1, dW2, db2: [2 * dW1, db1, dW2, db2 / 3]), NETWORK, X, Y)
    assert [(one.code, one.where, one.explains) for one in found.mistakes] == [
        ("mean-twice", "dE/db of layer 2", ("2.b",))
    ]
    assert found.mistakes[0].line.startswith("dE/db(o1) =")  # of the array that it explains
    assert found.arrays[0].relation == "2 × the right one"
    assert "The mistake in 2.b: the rows' slopes are averaged" in str(found)


def test_weights_in_the_place_of_gradients_are_told():
    arrays = [NETWORK[name] for name in NETWORK]
    given = bl.check_gradients(lambda weights, X, Y: weights, NETWORK, X, Y)
    assert given.arrays[0].relation == "the weights themselves"
    after = bl.check_gradients([w - 0.1 * g for w, g in zip(arrays, right(X, Y, *arrays), strict=True)], NETWORK, X, Y)
    assert after.arrays[0].relation == "the weights after a step, w − 0.1 × the right one"


def test_many_rows_are_looked_at_on_the_first():
    rng = np.random.default_rng(1)
    many = rng.normal(size=(400, 2)), rng.uniform(size=(400, 2))

    def my_backward(X, Y, W1, b1, W2, b2):
        A1 = np.tanh(X @ W1 + b1)
        A2 = sigmoid(A1 @ W2 + b2)
        d2 = (A2 - Y) / len(X)
        d1 = d2 @ W2.T * (1 - A1**2)
        return [X.T @ d1, d1.sum(0), A1.T @ d2, d2.sum(0)]

    found = bl.check_gradients(my_backward, NETWORK, *many)
    assert found.rows == 400
    assert found.named_on == 3
    assert found.named is not None
    assert found.named.code == "slope-left-out"
    given = my_backward(*many, *(NETWORK[name] for name in NETWORK))
    assert "give a function of X and Y" in str(bl.check_gradients(given, NETWORK, *many))


def test_a_large_network_has_no_name_but_relations():
    network = bl.Network([bl.Dense(200, "tanh"), bl.Dense(3)], inputs=50, loss="mse", seed=1)
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(10, 50)), rng.normal(size=(10, 3))

    def my_backward(network, X, Y):
        return {name: len(X) * array for name, array in network.gradient(X, Y, compiled=False).items()}

    found = bl.check_gradients(my_backward, network, X, Y)
    assert not found.mistakes
    assert "no mistake was looked for" in str(found).lower()
    assert {array.relation for array in found.arrays} == {"10 (the rows) × the right one"}


def test_an_array_of_zeros_was_not_filled():
    found = bl.check_gradients(flawed(lambda dW1, *others: [0 * dW1, *others]), NETWORK, X, Y)
    assert found.arrays[0].relation == "all zeros"
    assert not found.mistakes


def test_dropout_is_off():
    network = bl.Network([bl.Dense(3, "tanh"), bl.Dropout(0.5), bl.Dense(2)], inputs=2, loss="mse", seed=1)

    def my_backward(X, Y, W1, b1, W3, b3):
        A1 = np.tanh(X @ W1 + b1)
        d2 = 2 * (A1 @ W3 + b3 - Y) / len(X)  # not divided by the outputs
        d1 = d2 @ W3.T * (1 - A1**2)
        return [X.T @ d1, d1.sum(0), A1.T @ d2, d2.sum(0)]

    found = bl.check_gradients(my_backward, network, X, Y)
    assert "mean-over-rows-alone" in {one.code for one in found.mistakes}


def test_penalties():
    def my_backward(network, X, Y):
        return network.gradient(X, Y, l2=0.1, compiled=False)

    assert bl.check_gradients(my_backward, NETWORK, X, Y, l2=0.1).all_right
    found = bl.check_gradients(lambda network, X, Y: network.gradient(X, Y, compiled=False), NETWORK, X, Y, l2=0.1)
    assert found.arrays[0].relation == "the gradient without the penalty"
    found = bl.check_gradients(my_backward, NETWORK, X, Y)
    assert found.arrays[0].relation == "the right one plus 0.1 w, as with a penalty of l2=0.1"
    assert "No mistake" not in str(found)  # what it is, is told
    assert found.arrays[1].verdict == "right"


# ---------------------------------------------------------------------------------------------------------- the forward


def forward(X, W1, b1, W2, b2):
    Z1 = X @ W1 + b1
    A1 = np.tanh(Z1)
    Z2 = A1 @ W2 + b2
    return Z1, A1, Z2, sigmoid(Z2)


FORWARDS = {
    "outputs": lambda X, W1, b1, W2, b2: forward(X, W1, b1, W2, b2)[-1],
    "layers": lambda X, W1, b1, W2, b2: forward(X, W1, b1, W2, b2)[1::2],
    "sums and outputs": lambda X, W1, b1, W2, b2: list(forward(X, W1, b1, W2, b2)),
    "by names": lambda X, W1, b1, W2, b2: dict(zip(("Z1", "A1", "Z2", "A2"), forward(X, W1, b1, W2, b2), strict=True)),
    "with a cache": lambda params, X: (forward(X, *(params[name] for name in ("W1", "b1", "W2", "b2")))[-1],
                                       {"A1": forward(X, *(params[name] for name in ("W1", "b1", "W2", "b2")))[1]}),
}  # fmt: skip


@pytest.mark.parametrize("way", FORWARDS)
def test_a_right_forward_pass(way):
    found = bl.check_gradients(right, NETWORK, X, Y, my_forward=FORWARDS[way])
    assert found.all_right
    assert found.layers


def test_the_first_layer_that_differs():
    def my_forward(X, W1, b1, W2, b2):
        Z1 = X @ W1 + b1
        return {"Z1": Z1, "A1": sigmoid(Z1), "A2": sigmoid(sigmoid(Z1) @ W2 + b2)}

    found = bl.check_gradients(right, NETWORK, X, Y, my_forward=my_forward)
    assert not found.all_right
    assert not found.wrong
    assert found.first_layer is not None
    assert (found.first_layer.layer, found.first_layer.what) == ("1", "out")
    assert "sigmoid" in " ".join(one.title for one in found.forward_mistakes)
    with pytest.raises(BacklitError, match="expected the outputs"):
        bl.check_gradients(right, NETWORK, X, Y, my_forward=lambda X: None)
