"""`bl.check_losses`: the losses of learners' training loops, right ones and ones with a planted mistake."""

from __future__ import annotations

import numpy as np
import pytest
from learners_code import sigmoid

import backlit as bl
from backlit.check.catalogue import mistakes
from backlit.check.code.losses import _plan
from backlit.check.code.trials import trials
from backlit.errors import BacklitError

X = np.array([[0.1, 0.5], [0.3, -0.2], [1.0, 2.0], [-1.0, 0.4], [0.6, -1.5]])
Y = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.2], [0.3, 0.9], [1.0, 1.0]])
RATE, EPOCHS = 0.3, 6


def network(dtype: str = "float64") -> bl.Network:
    return bl.Network([bl.Dense(3, "tanh"), bl.Dense(2, "sigmoid")], inputs=2, loss="mse", seed=1, dtype=dtype)


def losses(flaw: str = "", *, batch: int = 5, momentum: float = 0.0, decimals: int | None = None) -> list[float]:
    """A learner's training in NumPy: the mean loss of each epoch's batches, before their steps."""
    weights = [network()[name].copy() for name in network()]
    speed = [np.zeros_like(array) for array in weights]
    found = []
    for _ in range(EPOCHS):
        total = 0.0
        for first in range(0, len(X), batch):
            rows, targets = X[first : first + batch], Y[first : first + batch]
            if flaw == "last batch dropped" and len(rows) < batch:
                continue
            W1, b1, W2, b2 = weights
            A1 = np.tanh(rows @ W1 + b1)
            A2 = sigmoid(A1 @ W2 + b2)
            total += ((A2 - targets) ** 2).sum()
            d2 = 2 * (A2 - targets) / targets.size * A2 * (1 - A2)
            d2 *= {"sum over rows": len(rows), "half": 0.5}.get(flaw, 1.0)
            d1 = d2 @ W2.T * (1.0 if flaw == "slope" else 1 - A1**2)
            grads = [rows.T @ d1, d1.sum(0), A1.T @ d2, d2.sum(0)]
            rate = {"sign": -RATE, "rate twice": RATE**2}.get(flaw, RATE)
            for k, grad in enumerate(grads):
                if flaw == "biases" and k % 2:
                    continue
                kept = 0.0 if flaw == "momentum" else momentum
                speed[k] = kept * speed[k] - rate * grad
                weights[k] = weights[k] + speed[k]
        count = len(X) - (len(X) % batch if flaw == "last batch dropped" else 0)
        total *= {"loss is a sum": count * 2, "loss has a half": 0.5}.get(flaw, 1.0)
        found.append(total / (count * 2))
    return found if decimals is None else [round(loss, decimals) for loss in found]


def check(mine, **settings):
    asked = {"optimizer": bl.SGD(RATE), "batch_size": "full", "shuffle": False} | settings
    return bl.check_losses(mine, network(), X, Y, **asked)


RIGHT = {
    "all rows": (losses(), {}),
    "batches": (losses(batch=2), {"batch_size": 2}),
    "momentum": (losses(momentum=0.9), {"optimizer": bl.Momentum(RATE, momentum=0.9)}),
    "five decimals": (losses(decimals=5), {}),
    "texts": ([f"{loss:.4f}" for loss in losses()], {}),
    "an array": (np.array(losses()), {}),
}


@pytest.mark.parametrize("what", RIGHT)
def test_right_losses(what):
    mine, settings = RIGHT[what]
    found = check(mine, **settings)
    assert found.all_right
    assert not found.mistakes
    assert "losses are right" in str(found)


def test_losses_measured_elsewhere():
    training = bl.Training(network(), X, Y, optimizer=bl.SGD(RATE), batch_size=2, shuffle=False, l2=0.1, epochs=5,
                           compiled=False)  # fmt: skip
    before = training.network.evaluate(X, Y, compiled=False).loss
    after = [training.network.evaluate(X, Y, compiled=False).loss for _ in training]
    assert check(after, batch_size=2, l2=0.1).measured == "after each epoch, without the penalty"
    assert check([before, *after], batch_size=2, l2=0.1).all_right
    assert check([before, *after], batch_size=2, l2=0.1).measured.startswith("before training")


PLANTED = {
    "loss is a sum": ("loss-factor", 0, {}, {}),
    "loss has a half": ("loss-factor", 0, {}, {}),
    "sum over rows": ("rate-factor", 1, {}, {}),
    "half": ("rate-factor", 1, {}, {}),
    "sign": ("update-sign", 1, {}, {}),
    "rate twice": ("rate-twice", 1, {}, {}),
    "biases": ("bias-not-updated", 1, {}, {}),
    "momentum": ("past-left-out", 2, {"momentum": 0.9}, {"optimizer": bl.Momentum(RATE, momentum=0.9)}),
    "last batch dropped": ("last-batch-dropped", 1, {"batch": 2}, {"batch_size": 2}),
}


@pytest.mark.parametrize("flaw", PLANTED)
@pytest.mark.parametrize("decimals", [None, 6])
def test_planted_mistakes_are_named(flaw, decimals):
    codes, first, own, settings = PLANTED[flaw]
    found = check(losses(flaw, decimals=decimals, **own), **settings)
    assert found.first == first
    assert found.named is not None, found
    assert found.named.code in codes.split()
    assert found.named.title in str(found)
    assert found.named.title in repr(found)
    assert "<div" in found._repr_html_()


def test_a_wrong_gradient_has_no_name_but_a_place():
    found = check(losses("slope"))
    assert (found.first, found.stage, found.mistakes) == (1, "first step", ())
    assert "bl.check_gradients" in str(found)


def test_adam_without_its_correction():
    training = bl.Training(network(), X, Y, optimizer=bl.Adam(0.1), batch_size="full", epochs=5, compiled=False)
    training.step = 10**6
    found = check([epoch.loss for epoch in training], optimizer=bl.Adam(0.1))
    assert found.named is not None
    assert found.named.code == "bias-correction-left-out"


def test_a_training_that_has_not_run():
    def training():
        return bl.Training(network(), X, Y, optimizer=bl.SGD(RATE), batch_size="full", epochs=2, compiled=False)

    assert bl.check_losses(losses(), training()).all_right
    with pytest.raises(BacklitError, match="has run for 2 epochs"):
        bl.check_losses(losses(), training().run())
    with pytest.raises(BacklitError, match="its own rows"):
        bl.check_losses(losses(), training(), X, Y)


def test_a_function_that_trains():
    assert check(lambda X, Y, W1, b1, W2, b2: losses()).all_right


def test_float32():
    found = bl.check_losses(losses(), network("float32"), X, Y, optimizer=bl.SGD(RATE), batch_size="full")
    assert found.all_right


@pytest.mark.parametrize(
    ("mine", "said"), [([], "no losses"), (None, "None"), (["a"], "'a'"), ([[1.0, 2.0], [3.0]], "expected a loss")]
)
def test_what_is_no_list_of_losses(mine, said):
    with pytest.raises(BacklitError, match=said):
        check(mine)


def test_a_loss_that_is_not_finite():
    found = check([losses()[0], float("nan")])
    assert found.first == 1
    assert "nan there" in str(found)


def test_a_wrong_setting_is_told():
    with pytest.raises(BacklitError, match="batchsize"):
        check(losses(), batchsize=3)
    with pytest.raises(BacklitError, match="X and Y are missing"):
        bl.check_losses(losses(), network())


def test_codes_of_the_catalogue_are_used_where_it_has_the_mistake():
    codes = {one.code for one in trials(_plan(network(), X, Y, {"optimizer": bl.Momentum(RATE)}))}
    codes |= {one.code for one in trials(_plan(network(), X, Y, {"optimizer": bl.Adam(RATE), "schedule": "step"}))}
    codes |= {one.code for one in trials(_plan(network(), X, Y, {"optimizer": bl.SGD(RATE, weight_decay=0.1)}))}
    shared = {"rate-twice", "rate-left-out", "update-sign", "past-left-out", "momentum-as-mean", "bias-not-updated",
              "bias-correction-left-out", "schedule-left-out", "decay-left-out"}  # fmt: skip
    assert shared <= codes
    assert shared <= mistakes().keys()
