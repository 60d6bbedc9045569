"""A training repeated on a copy passes through the weights it had, bit for bit; its error is a function of these."""

from __future__ import annotations

import numpy as np
import pytest

from backlit.engine import Network, Repetition, Training, WeightError
from backlit.errors import BacklitError
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.dropout import Dropout
from backlit.ops.layers.normalization import BatchNorm
from backlit.ops.schedules import ReduceOnPlateau

pytestmark = pytest.mark.filterwarnings("ignore::backlit.errors.BacklitWarning")  # of batches of one row, of divergence

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(23, 3)), RNG.normal(size=(23, 2))
CASES = {
    "adam": {"batch_size": 5},
    "row by row": {"batch_size": 1, "epochs": 2},
    "as they are": {"batch_size": 4, "shuffle": False, "schedule": "cosine"},
    "full": {"batch_size": "full", "optimizer": "momentum", "l2": 0.1, "clip_norm": 0.1},
    "l-bfgs": {"optimizer": "lbfgs"},
    "l-bfgs to a target": {"optimizer": "lbfgs", "target": 1e9},
    "plateau": {"schedule": ReduceOnPlateau(patience=0), "validation": (X[:6], -Y[:6]), "optimizer": "sgd"},
    "best weights": {"validation": (X[:6], -Y[:6]), "batch_size": 4},
    "patience": {"batch_size": 7, "patience": 2, "tolerance": 1.0, "gradient_norms": True,
                 "metrics": {"none": lambda T, Y: 0.0}},
    "target": {"batch_size": 7, "target": 1e9},
    "diverges": {"optimizer": "sgd", "schedule": "constant", "l2": 300.0, "batch_size": "full", "epochs": 200},
}  # fmt: skip


def network(dtype="float64"):
    return Network([Dense(4, "tanh"), BatchNorm(), Dropout(0.2), Dense(2)], 3, "mse", seed=1, dtype=dtype)


def trained(**settings):
    """Give a training that has run, and the weights after each of its epochs."""
    kept = []
    made = network(settings.pop("dtype", "float64"))
    training = Training(
        made, X, Y, callbacks=lambda epoch: kept.append(made.parameters.copy()) and None,
        **{"epochs": 4, "seed": 3, "compiled": False} | settings,
    )  # fmt: skip
    kept.append(made.parameters.copy())
    return training.run(), kept


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("each", ["epoch", "step"])
def test_a_repetition_has_the_weights_of_each_epoch(case, each):
    training, kept = trained(**case)
    again, ended = Repetition.of(training), training.state
    found = {}
    for place in (places := list_places(again, training, each)):
        found.setdefault(place[0], place[2])  # after so many epochs, the first one
    assert [found[epoch].tobytes() for epoch in range(len(training.history) + 1)] == [w.tobytes() for w in kept]
    assert len(places) == again.__class__.of(training).place_count(training, each)
    assert places[-1][1] == training.step
    again.refuse_another_end(training)
    assert training.state == ended


def list_places(again, training, each="epoch"):
    return [(*place, again.network.parameters.copy()) for place in again.places(training, each)]


@pytest.mark.parametrize("settings", [{}, {"dtype": "float32"}, {"threads": 2}], ids=str)
def test_a_compiled_training_is_repeated(settings):
    training, kept = trained(compiled=True, batch_size=6, **settings)
    for each in ("epoch", "step"):
        again = Repetition.of(training)
        assert list_places(again, training, each)[-1][2].tobytes() == kept[-1].tobytes()
        again.refuse_another_end(training)


def test_a_checkpoint_is_a_beginning():
    first, _ = trained(batch_size=5, epochs=4)
    second = Training(network(), X, Y, seed=3, batch_size=5, epochs=6, compiled=False)
    second.state = first.state
    second.run()
    again = Repetition.of(second)
    assert [place[:2] for place in list_places(again, second)] == [(4, 20), (5, 25), (6, 30)]
    again.refuse_another_end(second)


def test_a_checkpoint_has_what_schedules_and_patience_know_of_the_losses():
    settings = {
        "schedule": ReduceOnPlateau(patience=0), "optimizer": "sgd", "validation": (X[:6], -Y[:6]), "patience": 7,
        "tolerance": 1.0, "batch_size": 5,
    }  # fmt: skip
    first, _ = trained(**settings, epochs=4)
    assert first.rate_factor < 1.0
    second = Training(network(), X, Y, seed=3, epochs=20, compiled=False, **settings)
    second.state = first.state
    other = Repetition.of(second).run()
    second.run()
    assert len(second.history) == len(other.history) < 20
    again = Repetition.of(second)
    list_places(again, second)
    again.refuse_another_end(second)


def test_a_training_that_was_set_back_is_repeated_to_where_it_is():
    training, kept = trained(batch_size=5, epochs=3)
    state = training.state
    training.epochs = 6
    training.run()
    training.state = state
    again = Repetition.of(training)
    assert list_places(again, training)[-1][2].tobytes() == kept[3].tobytes()
    again.refuse_another_end(training)


def _weights_changed():
    training, _ = trained(batch_size=5)
    training.network["1.b"][0] += 1.0
    return training


def _by_a_callback():
    made = network()
    return Training(made, X, Y, epochs=3, compiled=False, callbacks=lambda e: made["4.b"].__iadd__(1.0) is None).run()


def _epochs_changed():
    training, _ = trained(batch_size=5, schedule="cosine")
    training.epochs = 8
    return training.run()


def _lbfgs_went_on():
    training, _ = trained(optimizer="lbfgs", epochs=3)
    training.epochs = 6
    return training.run()


ENDS = {
    "other weights: 1 of": _weights_changed,
    "Its callbacks are not called": _by_a_callback,
    "the number of epochs": _epochs_changed,
    "L-BFGS went on": _lbfgs_went_on,
}


@pytest.mark.parametrize("said", ENDS)
def test_another_end_is_refused(said):
    training = ENDS[said]()
    again = Repetition.of(training)
    list_places(again, training)
    with pytest.raises(BacklitError, match=said):
        again.refuse_another_end(training)


def test_what_cannot_be_repeated_is_refused():
    with pytest.raises(BacklitError, match="order="):
        Repetition.of(Training(network(), X, Y, order=lambda: np.arange(23), compiled=False))
    training, _ = trained(batch_size=5)
    training.step += 2
    with pytest.raises(BacklitError, match=r"made 22 updates in 4 epochs of 5: it was ended within an epoch"):
        list_places(Repetition.of(training), training)


def test_a_part_of_an_epoch_is_repeated():
    training, _ = trained(batch_size=5, epochs=2)
    longer, _ = trained(batch_size=5, epochs=3)
    other = Repetition.of(longer)
    for place in other.places(longer, "step"):
        if place.step == 12:
            break
    training.network.parameters[:], training.network.state[:] = other.network.parameters, other.network.state
    training.step, training._position = 12, 2  # as Ctrl-C leaves it
    again = Repetition.of(training)
    assert [place[:2] for place in list_places(again, training)] == [(0, 0), (1, 5), (2, 10), (2, 12)]
    again.refuse_another_end(training)


ERRORS = {
    "plain": {},
    "penalties": {"l1": 0.1, "l2": 0.2},
    "on biases, per batch": {"l2": 0.2, "decay_biases": True, "penalty_per_batch": True},
    "weights": {"sample_weight": np.arange(23.0), "l2": 0.2, "penalty_per_batch": True},
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("loss", ["mse", "half_squared_error"])
@pytest.mark.parametrize("case", ERRORS.values(), ids=ERRORS.keys())
@pytest.mark.parametrize("layers", [[], [BatchNorm()]], ids=["dense", "batch norm"])
def test_the_error_is_that_of_a_full_batch(layers, case, loss, dtype):
    made = Network([Dense(4, "tanh"), *layers, Dense(2)], 3, loss, seed=1, dtype=dtype)
    first = made.parameters.copy()
    training = Training(made, X, Y, batch_size="full", shuffle=False, epochs=1, compiled=False, **case)
    error = WeightError(
        made, (training.X, training.Y, training.weights), training.rule, optimizer=training.optimizer,
        decay_biases=training.settings.decay_biases, compiled=False,
    )  # fmt: skip
    loss = training.run().history[0].loss
    assert error(first) == pytest.approx(loss, rel=1e-14 if dtype == "float64" else 1e-6)
    assert error(first) == error(first)  # running statistics take no part


def test_dropout_is_off_in_the_error():
    chains = [[Dense(4, "tanh"), *between, Dense(2)] for between in ([], [Dropout(0.5)])]
    for more in ([], [BatchNorm()]):
        plain, dropping = (Network([*chain, *more], 3, "mse", seed=1) for chain in chains)
        rows = (X, Y, np.zeros(0))
        assert WeightError(plain, rows, compiled=False)(plain.parameters) == WeightError(
            dropping, rows, compiled=False
        )(plain.parameters)


def test_numbers_beyond_the_type_give_no_warning():
    made = network("float32")
    error = WeightError(made, (made.check_inputs(X), made.check_targets(Y, 23), np.zeros(0)), compiled=False)
    assert not np.isfinite(error(np.full(made.parameters.size, 1e300)))
