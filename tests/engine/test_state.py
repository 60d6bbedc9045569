"""What a training changes as it goes: it can be copied, compared, and gone back to, bit for bit."""

from __future__ import annotations

import copy
import pickle

import msgspec
import numpy as np
import pytest

import backlit as bl
from backlit.engine.batch_loop import BatchLoop
from backlit.engine.state import TrainingState
from backlit.errors import BacklitError
from backlit.ops.registry import optimizers, schedules
from backlit.ops.schedules import AdaptiveRate, ReduceOnPlateau

EPOCHS = 10
RNG = np.random.default_rng(0)
X, Y, V, W = (RNG.normal(size=(rows, k)) for rows, k in ((30, 3), (30, 2), (9, 3), (9, 2)))

VALIDATED = {"validation": (V, W), "patience": 3, "tolerance": 1e-3, "optimizer": bl.SGD(0.2)}
CASES = {
    **{f"optimizer {name}": {"optimizer": name} for name in optimizers if name != "lbfgs"},
    **{f"schedule {name}": {"schedule": name} for name in schedules},
    "a plateau": {"schedule": ReduceOnPlateau(factor=0.5, patience=1, threshold=0.05), "optimizer": bl.SGD(0.05)},
    "an adaptive rate": {"schedule": AdaptiveRate(patience=0, tolerance=0.05), "optimizer": bl.SGD(0.05)},
    "dropout and running statistics": {"layers": [bl.Dropout(0.3), bl.BatchNorm()], "validation": (V, W)},
    "validation and patience": VALIDATED,
    "the last weights": {**VALIDATED, "keep_best": False},
    "gradient norms": {"gradient_norms": True, "l2": 0.1},
    "whole batches": {"batch_size": "full"},
    "no shuffle": {"shuffle": False},
    "threads": {"threads": 2, "batch_size": 15},
    "float32": {"dtype": "float32", "l1": 0.01},
}


def training_of(layers=(), *, dtype="float64", **options) -> bl.Training:
    network = bl.Network([bl.Dense(6, "tanh"), *layers, bl.Dense(2)], 3, "mse", seed=1, dtype=dtype)
    return bl.Training(network, X, Y, **{"batch_size": 8, "epochs": EPOCHS, "seed": 3, "compiled": False} | options)


def trained_for(last: int, **options) -> bl.Training:
    """Train for so many epochs, one at a time."""
    training = training_of(**options)
    for epoch in training:
        if epoch.number == last:
            break
    return training


def timeless(history):
    return [msgspec.structs.replace(epoch, seconds=0.0) for epoch in history]


def assert_same(one: bl.Training, other: bl.Training) -> None:
    assert one.state.differences(other.state) == []
    assert timeless(one.history) == timeless(other.history)
    assert one.network.parameters.tobytes() == other.network.parameters.tobytes()
    assert one.network.state.tobytes() == other.network.state.tobytes()
    assert one.stopped == other.stopped


# ---------------------------------------------------------------------------------------------------------- going on


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_a_new_training_goes_on_from_a_state_with_the_same_bits(options):
    whole = training_of(**options).run()
    saved = copy.deepcopy(trained_for(4, **options).state)
    other = training_of(**options)
    other.state = saved
    assert len(other.history) == 4
    assert_same(other.run(), whole)


@pytest.mark.parametrize("name", ["dropout and running statistics", "validation and patience", "threads", "float32"])
def test_it_goes_on_compiled(name):
    options = CASES[name] | {"compiled": True}
    whole, other = training_of(**options).run(), training_of(**options)
    other.state = trained_for(4, **options).state
    assert_same(other.run(), whole)


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_a_training_goes_back(options):
    training = trained_for(4, **options)
    saved = training.state
    kept = copy.deepcopy(saved)
    training.run()
    ended = training.state
    training.state = saved
    assert training.state == saved
    assert training.stopped is None
    training.run()
    assert training.state.differences(ended) == []
    assert saved == kept


def test_the_cases_depend_on_all_that_the_state_holds():
    """Else forgetting a field would not be seen."""
    plateau, validated = (training_of(**CASES[name]).run() for name in ("a plateau", "validation and patience"))
    assert plateau.rate_factor < 1.0
    assert plateau.schedule_state
    assert validated.stopped == "no better validation loss in 3 epochs"
    assert 4 < len(validated.history) < EPOCHS
    assert validated.best.number < len(validated.history)


FIELDS = ["parameters", "statistics", "slots", "step", "generator", "schedule", "rate_factor", "improved_loss",
          "improved_epoch", "best_loss", "best_parameters", "history"]  # fmt: skip


@pytest.mark.parametrize("field", FIELDS)
def test_a_state_that_forgets_a_field_leads_elsewhere(field):
    options = {
        "layers": [bl.Dropout(0.3), bl.BatchNorm()], "validation": (V, W), "patience": 2, "tolerance": 0.02,
        "optimizer": bl.Adam(0.3), "schedule": ReduceOnPlateau(factor=0.5, patience=1, threshold=0.05), "epochs": 12,
    }  # fmt: skip
    whole = training_of(**options).run()
    saved, fresh = trained_for(4, **options).state, training_of(**options)
    fresh.state = msgspec.structs.replace(saved, **{field: getattr(fresh.state, field)})
    assert fresh.run().state != whole.state


def test_lbfgs_goes_on_with_its_memory_begun_anew():
    options = {"optimizer": "lbfgs", "layers": [bl.Dropout(0.2)]}
    training, other = trained_for(4, **options), training_of(**options)
    other.state = training.state
    assert other.state == training.state
    assert_same(other.run(), training.run())


def test_the_best_values_stay_in_the_network_of_a_training_that_has_ended():
    ended, other = training_of(**VALIDATED).run(), training_of(**VALIDATED)
    assert ended.state.holds_best
    other.state = ended.state
    np.testing.assert_array_equal(other.network.parameters, ended.network.parameters)
    for training in (ended, other):
        training.patience = 30
        training.run()
    assert_same(ended, other)
    ended.network.parameters[:] = 0.5  # changed by hand: these are trained on
    assert not ended.state.holds_best
    assert (ended.state.parameters == 0.5).all()


# --------------------------------------------------------------------------------- what does not depend on the calls


@pytest.mark.parametrize("batches", [1, 4, 7, 1000])
def test_a_training_that_ends_early_goes_on_alike_whatever_a_call_runs(batches, monkeypatch):
    options = {"target": training_of().run().history[5].loss}
    wanted = trained_for(6, **options)
    monkeypatch.setattr(BatchLoop, "batches_per_call", lambda self: batches)
    training = training_of(**options).run()
    assert training.stopped.startswith("error target")
    assert training.state == wanted.state
    for going_on in (training, wanted):
        going_on.target = None
        going_on.run()
    assert_same(training, wanted)


def test_position_counts_the_batches_of_an_epoch_that_was_not_ended(monkeypatch):
    training = training_of()
    monkeypatch.setattr(BatchLoop, "batches_per_call", lambda self: 3)
    call = training.loop.call

    def interrupted(data, clock, *given):
        if clock.step == 7:
            raise KeyboardInterrupt
        call(data, clock, *given)

    monkeypatch.setattr(training.loop, "call", interrupted)
    training.run()
    assert (training.stopped, training.state.step, training.state.position) == ("interrupted", 7, 3)
    monkeypatch.setattr(training.loop, "call", call)
    other = training_of()
    other.state = training.state
    assert_same(training.run(), other.run())


# ------------------------------------------------------------------------------------------------ copying, comparing


@pytest.mark.parametrize("copied", [
    copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state)),
    lambda state: TrainingState.from_dict(state.to_dict()), lambda state: state,
], ids=["deepcopy", "pickle", "from_dict", "state"])  # fmt: skip
def test_a_state_is_a_copy(copied):
    training = trained_for(4, **VALIDATED, gradient_norms=True)
    state = copied(training.state)
    assert state == training.state
    assert timeless(state.history) == timeless(training.history)
    training.run()
    assert state != training.state
    assert len(state.history) == 4


def test_a_state_is_plain_data():
    def plain(value):
        if isinstance(value, dict):
            return all(isinstance(name, str) and plain(item) for name, item in value.items())
        return isinstance(value, (np.ndarray, int, float, str))

    assert plain(trained_for(4, **CASES["a plateau"], gradient_norms=True).state.to_dict())


def test_differences_name_the_field_and_both_values():
    training = trained_for(4)
    state = training.state
    parameters = state.parameters.copy()
    parameters[3] = np.nextafter(parameters[3], 9.0)
    other = msgspec.structs.replace(state, parameters=parameters, step=17, generator=training_of().state.generator)
    differ = state.differences(other)
    assert list(dict.fromkeys(text.partition(":")[0].partition(".")[0] for text in differ)) == [
        "parameters", "step", "generator",
    ]  # fmt: skip
    assert f"1 of {parameters.size} differ, first [3]: " in differ[0]
    assert differ[1] == "step: 16, 17"
    assert state.differences(msgspec.structs.replace(state, seconds=1e9)) == []
    assert (
        state.differences(trained_for(5).state)[-1] == "history.penalty: float64 of shape (4,), float64 of shape (5,)"
    )


def test_states_share_one_history_until_they_grow():
    training = trained_for(4)
    state = training.state
    assert state.history._table is training.history._table
    training.run()
    assert state.history._table is training.history._table
    rows = training.history.rows.copy()
    training.state = state
    assert [epoch.number for epoch in training.run().history] == list(range(1, EPOCHS + 1))
    assert state.history._table is not training.history._table
    np.testing.assert_array_equal(training.history.rows[:, :3], rows[:, :3])


# ------------------------------------------------------------------------------------------------------ wrong states


REFUSED = {
    "another optimizer": ({"optimizer": "sgd"}, "the state is of the optimizer 'sgd'; this training has 'adam'"),
    "another network": ({"layers": [bl.Dense(3)]}, r"the state's parameters are float64 of shape \(53,\); this"),
    "other numbers": ({"dtype": "float32"}, r"parameters are float32 of shape \(38,\); this training has float64"),
    "no best values": ({"keep_best": True}, r"best_parameters are float64 of shape \(38,\); .* of shape \(0,\)"),
    "validation rows": ({"validation": (V, W), "keep_best": False}, "other validation rows or gradient norms"),
    "gradient norms": ({"gradient_norms": True}, "other validation rows or gradient norms"),
}  # fmt: skip


@pytest.mark.parametrize(("options", "message"), REFUSED.values(), ids=REFUSED)
def test_a_state_of_another_training_is_refused(options, message):
    training = training_of()
    before = training.state
    with pytest.raises(BacklitError, match=message):
        training.state = training_of(**options).state
    assert training.state == before


def test_fields_that_are_missing_are_named():
    values = training_of().state.to_dict()
    del values["step"]
    with pytest.raises(BacklitError, match=r"expected .*step"):
        TrainingState.from_dict(values)
