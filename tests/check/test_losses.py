"""`bl.check_losses`: the losses of learners' training loops, right ones and ones with a planted mistake."""

from __future__ import annotations

from typing import Any, NamedTuple

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


class Epoch(NamedTuple):
    """What a learner's loop has of an epoch: the mean loss of each batch before and after its step, its rows."""

    before: list[float]
    after: list[float]
    rows: list[int]
    end: float


def mean(epoch: Epoch) -> float:
    """Give the mean over the rows, each batch before its step."""
    return float(np.average(epoch.before, weights=epoch.rows))


def losses(
    flaw: str = "", *, batch: int = 5, momentum: float = 0.0, decimals: int | None = None, record=mean,
    order=lambda: lambda: range(5), rate=lambda epoch: RATE,
) -> list[float]:  # fmt: skip
    """A learner's training in NumPy; `record` gives the loss, or the losses, of an epoch."""
    weights = [network()[name].copy() for name in network()]
    speed = [np.zeros_like(array) for array in weights]
    found, draw = list[float](), order()

    def outputs(rows):
        A1 = np.tanh(rows @ weights[0] + weights[1])
        return A1, sigmoid(A1 @ weights[2] + weights[3])

    for number in range(EPOCHS):
        epoch, places = Epoch([], [], [], 0.0), np.array(draw())
        for first in range(0, len(X), batch):
            rows, targets = X[places[first : first + batch]], Y[places[first : first + batch]]
            if flaw == "last batch dropped" and len(rows) < batch:
                continue
            A1, A2 = outputs(rows)
            epoch.before.append(((A2 - targets) ** 2).mean())
            epoch.rows.append(len(rows))
            d2 = 2 * (A2 - targets) / targets.size * A2 * (1 - A2)
            d2 *= {"sum over rows": len(rows), "half": 0.5}.get(flaw, 1.0)
            d1 = d2 @ weights[2].T * (1.0 if flaw == "slope" else 1 - A1**2)
            grads = [rows.T @ d1, d1.sum(0), A1.T @ d2, d2.sum(0)]
            step = {"sign": -RATE, "rate twice": RATE**2}.get(flaw, rate(number))
            for k, grad in enumerate(grads):
                if flaw == "biases" and k % 2:
                    continue
                kept = 0.0 if flaw == "momentum" else momentum
                speed[k] = kept * speed[k] - step * grad
                weights[k] = weights[k] + speed[k]
            epoch.after.append(((outputs(rows)[1] - targets) ** 2).mean())
        found += np.atleast_1d(record(epoch._replace(end=((outputs(X)[1] - Y) ** 2).mean()))).tolist()
    found = [loss * {"loss has a half": 0.5}.get(flaw, 1.0) for loss in found]
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
    "Keras's history": ({"loss": losses(), "accuracy": [0.5] * EPOCHS}, {}),
}


@pytest.mark.parametrize("what", RIGHT)
def test_right_losses(what):
    mine, settings = RIGHT[what]
    found = check(mine, **settings)
    assert found.all_right
    assert not found.mistakes
    assert "losses are right" in str(found)


ALIKE = "each batch counted alike, also one of fewer rows"
RECORDED = {
    "as the mean of the epoch's batches, before each one's step": mean,
    f"as the mean of the batches' losses, before each one's step, {ALIKE}": lambda epoch: np.mean(epoch.before),
    "as the sum of the batches' losses, before each one's step": lambda epoch: sum(epoch.before),
    "on the first batch of each epoch, before its step": lambda epoch: epoch.before[0],
    "on the last batch of each epoch, before its step": lambda epoch: epoch.before[-1],
    "on each batch, before its step": lambda epoch: epoch.before,
    "as the mean of the epoch's batches, after each one's step":
        lambda epoch: np.average(epoch.after, weights=epoch.rows),
    f"as the mean of the batches' losses, after each one's step, {ALIKE}": lambda epoch: np.mean(epoch.after),
    "as the sum of the batches' losses, after each one's step": lambda epoch: sum(epoch.after),
    "on the last batch of each epoch, after its step": lambda epoch: epoch.after[-1],
    "on each batch, after its step": lambda epoch: epoch.after,
    "after each epoch": lambda epoch: epoch.end,
}  # fmt: skip


@pytest.mark.parametrize("way", RECORDED)
def test_ways_of_recording_batches(way):
    found = check(losses(batch=2, record=RECORDED[way]), batch_size=2)
    assert found.all_right, found
    assert (found.measured, found.per) == (way, "step" if way.startswith("on each") else "epoch")
    assert way in str(found)
    first = found.mine[0]
    wrong = check([first, *(1.01 * loss for loss in found.mine[1:3])], batch_size=2)
    assert wrong.agree == 1  # the same way, until it differs


def test_losses_that_are_sums():
    found = check([10 * loss for loss in losses()])
    assert found.all_right
    assert found.measured == "before each step, as a sum: 10 (rows × outputs) × ours"
    assert found.right == pytest.approx(found.mine)


def test_losses_of_the_rows_of_the_validation():
    rows = X[:2] + 0.25, Y[:2]
    training = bl.Training(network(), X, Y, optimizer=bl.SGD(RATE), batch_size="full", epochs=4, validation=rows,
                           compiled=False)  # fmt: skip
    mine = [epoch.validation_loss for epoch in training]
    assert check(mine, validation=rows).measured == "after each epoch, on the rows of the validation"


def test_a_first_loss_that_is_none_of_ours():
    found = check(losses("slope", record=lambda epoch: epoch.end))
    assert (found.stage, found.agree, found.mistakes) == ("first loss", 0, ())
    assert "is none of ours: 0.210654652 before any step, " in str(found)
    assert "if yours is measured after a step" in str(found).lower()


def test_losses_measured_elsewhere():
    training = bl.Training(network(), X, Y, optimizer=bl.SGD(RATE), batch_size=2, shuffle=False, l2=0.1, epochs=5,
                           compiled=False)  # fmt: skip
    before = training.network.evaluate(X, Y, compiled=False).loss
    after = [training.network.evaluate(X, Y, compiled=False).loss for _ in training]
    assert check(after, batch_size=2, l2=0.1).measured == "after each epoch, without the penalty"
    assert check([before, *after], batch_size=2, l2=0.1).all_right
    assert check([before, *after], batch_size=2, l2=0.1).measured.startswith("before training")


PLANTED = {
    "loss has a half": ("loss-factor", 0, {}, {}),
    "sum over rows": ("rate-factor", 1, {}, {}),
    "half": ("rate-factor", 1, {}, {}),
    "sign": ("update-sign", 1, {}, {}),
    "rate twice": ("rate-twice", 1, {}, {}),
    "biases": ("bias-not-updated", 1, {}, {}),
    "momentum": ("past-left-out", 2, {"momentum": 0.9}, {"optimizer": bl.Momentum(RATE, momentum=0.9)}),
    "last batch dropped": ("last-batch-dropped", 1, {"batch": 2}, {"batch_size": 2}),
}


def falling(by: float) -> Any:
    """Give a rate that falls from epoch to epoch, the first one `by` epochs on."""
    return lambda epoch: RATE * 0.9 ** (epoch + by)


def shuffled(generator) -> dict[str, Any]:
    """Give a training in batches that draws the order of the rows of each epoch."""

    def order():
        rng = generator()
        return lambda: rng.permutation(len(X))

    return {"batch": 2, "order": order}


PLANTED |= {
    "epochs from 1": ("schedule-counted", 1, {"rate": falling(1)}, {"schedule": bl.ExponentialDecay(0.9)}),
    "no schedule": ("schedule-left-out", 2, {}, {"schedule": bl.ExponentialDecay(0.9)}),
    "a schedule": ("another-schedule", 2, {"rate": falling(0)}, {}),
    "other batches": ("batch-size", 1, {"batch": 2}, {}),
    "another seed": ("other-seed", 1, shuffled(lambda: np.random.default_rng(42)),
                     {"batch_size": 2, "shuffle": True}),
    "shuffled by NumPy's older generator": (
        "shuffled", 1, shuffled(lambda: np.random.RandomState(1)), {"batch_size": 2}),
    "not shuffled": ("not-shuffled", 1, {"batch": 2}, {"batch_size": 2, "shuffle": True}),
    "after the step": ("rate-factor", 1, {"record": lambda epoch: epoch.end, "rate": lambda epoch: 2 * RATE}, {}),
}  # fmt: skip


@pytest.mark.parametrize(
    ("flaw", "decimals"), [*((flaw, None) for flaw in PLANTED), ("half", 6), ("biases", 6), ("momentum", 6)]
)
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
    ("mine", "said"),
    [
        ([], "no losses"),
        (None, "None"),
        (["a"], "'a'"),
        ([[1.0, 2.0], [3.0]], "expected a loss"),
        (["1e400"], "beyond the numbers"),
        (["1e999999999"], "beyond the numbers"),
        (["0·2871"], "is no number"),
    ],
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
