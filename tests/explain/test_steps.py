"""The K-th step that is explained is the K-th step that the same training takes, bit for bit."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from cases import RULES
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import backlit as bl
from backlit.explain import explain_step
from backlit.explain.step import course_of
from backlit.ops.registry import optimizers, schedules

pytestmark = pytest.mark.filterwarnings("ignore::backlit.errors.BacklitWarning")  # of what cannot learn

TRAININGS = int(os.environ.get("BACKLIT_NETWORKS", "60"))
"""How many random trainings to compare."""

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
HIDDEN = ("tanh", "sigmoid", "relu", "gelu", "softmax", "leaky_relu")
ENDINGS = (("identity", "half_squared_error"), ("sigmoid", "binary_cross_entropy"), ("softmax", "cross_entropy"))


@st.composite
def networks(draw: Any) -> bl.Network:
    chain: list[Any] = []
    for _ in range(draw(st.integers(0, 2))):
        activation = draw(st.sampled_from(HIDDEN))
        units = draw(st.sampled_from([1, 3, 4, 17]))
        chain.append(bl.Dense(max(units, 2) if activation == "softmax" else units, activation))
        chain += draw(st.sampled_from([[], [], [bl.Dropout(0.4)], [bl.BatchNorm()], [bl.LayerNorm()]]))
    activation, loss = draw(st.sampled_from(ENDINGS))
    outputs = draw(st.sampled_from([1, 2, 3])) if loss != "cross_entropy" else 3
    chain.append(bl.Dense(outputs, activation, freeze=draw(st.sampled_from([(), (), ("b",)]))))
    return bl.Network(chain, draw(st.integers(1, 4)), loss, seed=draw(st.integers(0, 999)))


@st.composite
def trainings(draw: Any) -> SimpleNamespace:
    """Draw a network, rows and the arguments of `Training`."""
    network = draw(networks())
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    n = draw(st.integers(1, 9))
    X, Y = rng.normal(size=(n, network.inputs)), rng.integers(0, 2, (n, network.output_size)).astype(float)
    if network.loss.name == "cross_entropy":
        Y = rng.integers(0, 3, n)
    on = st.sampled_from([None, None, 0.05, 0.5])
    name = draw(st.sampled_from(RULES))
    decay = draw(st.sampled_from([0.0, 0.1])) if name != "rprop" else 0.0
    rule = {
        "optimizer": optimizers[name](rate=draw(st.sampled_from([0.01, 0.3])), weight_decay=decay),
        "schedule": draw(st.sampled_from(["constant", *schedules])),
        "batch_size": draw(st.sampled_from([1, 2, 3, 4, 32, "full"])),
        "shuffle": draw(st.booleans()), "seed": draw(st.integers(0, 99)), "epochs": draw(st.integers(2, 5)),
        "l1": draw(on) or 0.0, "l2": draw(on) or 0.0, "decay_biases": draw(st.booleans()),
        "penalty_per_batch": draw(st.booleans()), "clip_value": draw(on), "clip_norm": draw(on),
        "max_norm": draw(st.sampled_from([None, None, 0.8])),
        "sample_weight": draw(st.sampled_from([None, rng.random(n) + 0.25])),
    }  # fmt: skip
    if draw(st.booleans()):
        rule["validation"] = (X[::-1][:4].copy(), Y[::-1][:4].copy())
    return SimpleNamespace(network=network, X=X, Y=Y, rule=rule)


def steps_of_training(training: Any) -> list[dict[str, Any]]:
    """Run a real `Training` and give what it has before and after each of its steps.

    Its calls of the machine are made one batch long; what they are given is looked at, and nothing is computed here.
    """
    seen: list[dict[str, Any]] = []
    network, call = training.network, training.loop.call

    def vectors() -> tuple[Any, ...]:
        return network.parameters.copy(), training.memory.slots.copy(), network.state.copy()

    def watched(data: Any, clock: Any, first: int, last: int, rates: Any, sums: Any, *others: Any) -> None:
        assert last == first + 1
        before, size, n = vectors(), training.batch_size, data.rows
        epoch, batch = divmod(first, -(-n // size))
        rows = data.order[epoch * n : (epoch + 1) * n][batch * size : (batch + 1) * size].copy()
        call(data, clock, first, last, rates, sums, *others)
        seen.append({"before": before, "after": vectors(), "rows": rows, "rate": rates[first], "step": clock.step + 1})

    training.loop.call, training.loop.batches_per_call = watched, lambda: 1
    training.run()
    return seen


def trained(case: SimpleNamespace) -> list[dict[str, Any]]:
    seen = steps_of_training(bl.Training(case.network.copy(), case.X, case.Y, compiled=False, **case.rule))
    assert [step["step"] for step in seen] == list(range(1, len(seen) + 1))
    return seen


def assert_same_step(recording: Any, expected: dict[str, Any]) -> None:
    assert recording.number == expected["step"]
    assert recording.rates == (expected["rate"],)
    assert recording.batch.rows.tolist() == expected["rows"].tolist()
    before = recording.before, recording.slots_before, recording.state_before
    after = recording.after, recording.slots_after, recording.state_after
    for mine, theirs in ((before, expected["before"]), (after, expected["after"])):
        assert [values.tobytes() for values in mine] == [values.tobytes() for values in theirs]


@settings(max_examples=TRAININGS, deadline=None, phases=PHASES)
@given(case=trainings(), data=st.data())
def test_a_step_of_any_training_is_the_step_explained(case: SimpleNamespace, data: Any) -> None:
    seen = trained(case)
    steps = data.draw(st.integers(1, len(seen)), "steps")
    step = explain_step(case.network, case.X, case.Y, steps=steps, **case.rule)
    assert_same_step(step.recording, seen[steps - 1])
    if step.recording.chain is not None:
        assert step.recording.chain.before.tobytes() == seen[steps - 1]["before"][0].tobytes()


@settings(max_examples=TRAININGS // 3, deadline=None, phases=PHASES)
@given(case=trainings())
def test_an_epoch_of_any_training_is_the_epoch_explained(case: SimpleNamespace) -> None:
    training = bl.Training(case.network.copy(), case.X, case.Y, compiled=False, **case.rule)
    recordings = list(course_of(training, epochs=training.epochs).epoch(2))
    seen = trained(case)
    batches = -(-len(case.X) // training.batch_size)
    for recording, expected in zip(recordings, seen[batches : 2 * batches], strict=True):
        assert_same_step(recording, expected)
    assert training.step == 0
    assert training.network.parameters.tobytes() == case.network.parameters.tobytes()


def sharded(between: Any = None, **rule: Any) -> SimpleNamespace:
    """A training whose batches of 90 rows are cut into shards, the last one short."""
    rng = np.random.default_rng(5)
    chain = [bl.Dense(64, "tanh"), between or bl.Dropout(0.3), bl.Dense(4, "softmax")]
    network = bl.Network(chain, 40, "cross_entropy", seed=3)
    return SimpleNamespace(
        network=network, X=rng.normal(size=(200, 40)), Y=rng.integers(0, 4, 200),
        rule={"optimizer": "nadam", "batch_size": 90, "epochs": 2, "l2": 0.1, "clip_norm": 0.5} | rule,
    )  # fmt: skip


@pytest.mark.parametrize("between", [bl.Dropout(0.3), bl.BatchNorm()], ids=["dropout", "batch norm"])
@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_a_batch_in_shards_is_summed_as_in_training(steps: int, between: Any) -> None:
    case = sharded(between)
    training = bl.Training(case.network.copy(), case.X, case.Y, compiled=False, **case.rule)
    assert (training.executable.rows < training.batch_size) == (between.name == "dropout"), "shards"
    seen = steps_of_training(training)
    recording = explain_step(case.network, case.X, case.Y, steps=steps, **case.rule).recording
    assert_same_step(recording, seen[steps - 1])


def test_the_buffers_of_a_batch_in_shards_are_those_of_its_rows() -> None:
    case = sharded(epochs=1)
    rows = bl.Training(case.network.copy(), case.X, case.Y, compiled=False, **case.rule).executable.rows
    recording = explain_step(case.network, case.X, case.Y, steps=2, **case.rule).recording
    assert recording.rows == 90 > rows
    W, b = (recording.parameter(recording.before, name) for name in ("1.W", "1.b"))
    np.testing.assert_allclose(recording.array("1.Z"), recording.X @ W + b, rtol=1e-12)
    masks = recording.array("2.M")
    assert masks.shape == (90, 64)
    assert not np.array_equal(masks[:rows], masks[rows : 2 * rows]), "each shard draws for its own rows"
    # The sum of the rows' own parts is the gradient, to the rounding of another order.
    parts = sum(recording.row_gradient(0, "W", row) for row in range(90))
    np.testing.assert_allclose(parts, recording.parameter(recording.gradients.raw, "1.W"), rtol=1e-9, atol=1e-15)
    assert recording.error_at(recording.before) == recording.E


def test_the_buffers_of_the_last_shard_are_left_in_a_trainings_memory() -> None:
    case = sharded(epochs=1, batch_size=200)
    training = bl.Training(case.network.copy(), case.X, case.Y, compiled=False, **case.rule)
    training.run()
    rows = training.executable.rows
    last = 200 - (200 - 1) // rows * rows
    recording = explain_step(case.network, case.X, case.Y, **case.rule).recording
    for name in ("1.A", "2.M", "3.Z", "3.dZ", "1.dZ"):  # what the training keeps, or overwrites last
        theirs = training.executable.view(training.memory, name, last)
        assert recording.array(name)[-last:].tobytes() == theirs.tobytes(), name


@pytest.mark.parametrize("schedule", ["plateau", "adaptive"])
def test_a_schedule_that_goes_by_losses_is_followed(schedule: str) -> None:
    rng = np.random.default_rng(1)
    network = bl.Network([bl.Dense(3, "tanh"), bl.Dense(1)], 2, "half_squared_error", seed=1)
    X, Y = rng.normal(size=(5, 2)), rng.normal(size=5)
    rule = {"optimizer": bl.SGD(1.0), "schedule": schedules[schedule](patience=1), "batch_size": 2, "epochs": 12}
    seen = steps_of_training(bl.Training(network.copy(), X, Y, compiled=False, **rule))
    rates = [step["rate"] for step in seen]
    assert rates[-1] < rates[0], "the rate falls"
    for steps in (1, 20, len(seen)):
        assert_same_step(explain_step(network, X, Y, steps=steps, **rule).recording, seen[steps - 1])
