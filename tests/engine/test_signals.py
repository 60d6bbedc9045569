"""The signals of a training against NumPy, from gradients by name and outputs that the test computes itself."""

from __future__ import annotations

import copy
import math
import pickle
import warnings
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pandas as pd
import pytest

import backlit as bl
from backlit.engine import SIGNALS, Repetition, SignalHistory, SingleUpdates, TrainingState, every_epoch, measuring
from backlit.engine.flatness import computed_tails, flat_parts
from backlit.engine.measuring import measured_epochs, spacing
from backlit.engine.program import Graph, Node
from backlit.ops.activations.piecewise import ReLU
from backlit.ops.base import Activation
from backlit.ops.registry import activations

SLOPES = {
    "relu": lambda z: z > 0.0,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)) * (1 - 1 / (1 + np.exp(-z))) / 0.25,
    "tanh": lambda z: 1 - np.tanh(z) ** 2,
    "gelu": lambda z: (z > -2.7392237161613475).astype(float),  # the tail alone
}
"""The slopes of activations, divided by their steepest: flat where at most 1/50."""
VALUES = {
    "relu": lambda z: np.maximum(z, 0.0),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "gelu": lambda z: z * (1 + np.vectorize(math.erf)(z / math.sqrt(2))) / 2,
}


def rows_for(classes=0, n=45, inputs=4):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(n, inputs))
    return X, rng.integers(0, classes, n) if classes else (X[:, 0] > 0.3).astype(float)


CHAINS: dict[str, tuple[list[Any], str, int]] = {
    "relu and sigmoid": ([bl.Dense(8, "relu"), bl.Dense(6, "sigmoid"), bl.Dense(1)], "mse", 0),
    "gelu and softmax": ([bl.Dense(7, "gelu"), bl.Dense(3, "softmax")], "cross_entropy", 3),
    "a softmax alone": ([bl.Dense(7, "tanh"), bl.Dense(3), "softmax"], "cross_entropy", 3),
    "dropout": ([bl.Dense(8, "tanh"), bl.Dropout(0.4), bl.Dense(5, "relu"), bl.Dense(1, "sigmoid")],
                "binary_cross_entropy", 0),
    "batch norm": ([bl.Dense(8, bias=False), bl.BatchNorm(), "relu", bl.Dense(1)], "mse", 0),
    "an activation alone": ([bl.Dense(8), "relu", bl.Dense(5), "gelu", bl.Dense(1, "sigmoid")], "mse", 0),
    "frozen": ([bl.Dense(8, "relu", freeze=("W",)), bl.Dense(5, "relu", freeze=("W", "b")), bl.Dense(1)], "mse", 0),
    "saturated": ([bl.Dense(8, "sigmoid", weights=np.full((4, 8), 9.0)), bl.Dense(1)], "mse", 0),
    "dead": ([bl.Dense(8, "relu", biases=[-9.0] * 4 + [0.0] * 4), bl.Dense(1)], "mse", 0),
}  # fmt: skip

OPTIONS: dict[str, dict[str, Any]] = {
    "adam": {},
    "penalised": {"l2": 0.1, "l1": 0.01, "optimizer": bl.AdamW(0.01, weight_decay=0.1)},
    "clipped": {"clip_norm": 0.01, "clip_value": 0.02, "l2": 0.1, "optimizer": "sgd"},
    "limited": {"max_norm": 0.3, "optimizer": "momentum"},
    "weights": {"sample_weight": 1.0 + np.arange(45) % 3},
    "one batch": {"batch_size": "full", "epochs": 17},
    "odd batches": {"batch_size": 7},
}


def made(chain="relu and sigmoid", kind=bl.Training, dtype="float64", **options):
    layers, loss, classes = CHAINS[chain]
    X, Y = rows_for(classes)
    network = bl.Network(layers, X.shape[1], loss, dtype=dtype, seed=1)
    return kind(network, X, Y, **{"batch_size": 10, "epochs": 7, "seed": 5} | options)


def forward(network, X, step, seed):
    """Give for each label what its layer's activation is given, what it gives, and its name; by NumPy, as it trains."""
    found, given = {}, X
    for number, node in enumerate(network.graph.nodes):
        op, label = node.op, node.label
        if op.name == "dense":
            bias = network[f"{label}.b"]
            given = given @ network[f"{label}.W"] + (bias if bias.size else 0.0)
        elif op.name == "batch_norm":
            scaled = (given - given.mean(axis=0)) / np.sqrt(given.var(axis=0) + op.epsilon)
            given = scaled * network[f"{label}.gamma"] + network[f"{label}.beta"]
        elif op.name == "dropout":
            dropped, mask = np.empty_like(given), np.empty_like(given)
            op.forward(given, dropped, mask, op.p, 1, seed, step, number, 0)
            given = dropped
        elif op.name == "softmax" or (node is network.graph.nodes[-1] and "cross_entropy" in network.loss.name):
            break  # part of the loss
        else:
            last = label if label in found else str(int(label) - 1)
            found[last] = given, VALUES[op.name](given), op.name
            given = found[last][1]
            continue
        found[label] = given, given, None
    return found


def last_shard(training, rows):
    """Give the places in the batch of the rows that are measured."""
    return np.arange((len(rows) - 1) // training.tables.rows * training.tables.rows, len(rows))


def gradient(network, rows, training, step):
    X, Y, w = training.X[rows], training.Y[rows], training.weights
    given = network.gradient(X, Y, sample_weight=w[rows] if w.size else None, seed=training.seed, step=step,
                             compiled=False)  # fmt: skip
    return {name: values.astype(float) for name, values in given.items()}


def reference(training, chain, **options):
    """Compute the signals of a training (points, columns) from its updates, made one by one."""
    single = made(chain, SingleUpdates, **options)
    updates, points = [], []
    for batch in single.updates():
        updates.append((batch, single.network.copy()))
    after = [network for _, network in updates[1:]] + [single.network]
    for k, (batch, network) in enumerate(updates):
        if batch.batch < batch.batches or not (batch.epoch == 1 or batch.epoch % training.measuring.every == 0):
            continue
        g = gradient(network, batch.rows, training, k)
        noise = math.nan
        if batch.batches > 1:
            before, earlier = updates[k - 1]
            h = gradient(earlier, before.rows, training, k - 1)
            dot, g2, h2 = (sum((a[name] * b[name]).sum() for name in g) for a, b in ((g, h), (g, g), (h, h)))
            noise = 1 - dot / ((g2 + h2) / 2)
        point = [batch.epoch, batch.number, noise]
        X = training.X[batch.rows].astype(float)
        outputs, shard = forward(network, X, k, training.seed), last_shard(training, batch.rows)
        for label in training.signals.layers:
            own = {name: network[name].astype(float) for name in network if name.split(".")[0] == label}
            moved = {name: after[k][name].astype(float) - own[name] for name in own}
            values = np.concatenate([g[name].ravel() for name in own if name in g] or [np.zeros(0)])
            norm = math.sqrt(sum((w**2).sum() for w in own.values()))
            step = math.sqrt(sum((w**2).sum() for w in moved.values()))
            of_gradient = (
                (math.sqrt((values**2).sum()), np.abs(values).mean(), (values == 0).mean())
                if values.size
                else [math.nan] * 3
            )
            point += [*of_gradient, norm, step / norm if values.size else math.nan]
            z, a, name = (part if part is None or isinstance(part, str) else part[shard] for part in outputs[label])
            flat = SLOPES[name](z) <= 1 / 50 if name else np.full_like(a, math.nan)
            dead = flat.all(axis=0).mean() if name else math.nan
            point += [a.mean(), a.std(), flat.mean(), dead]
        points.append(point)
    return np.array(points)


def agree(training, wanted, rtol):
    __tracebackhide__ = True
    found = training.signals
    names = [*found.columns()]
    for k, name in enumerate(names):
        np.testing.assert_allclose(found[name], wanted[:, k], rtol=rtol, atol=rtol * 1e-3, err_msg=name)


# --------------------------------------------------------------------------------------------------------- the numbers


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("chain", CHAINS)
def test_the_signals_are_those_that_numpy_computes(chain, compiled):
    training = made(chain, compiled=compiled).run()
    assert len(training.signals) == 2  # 1 and 4: with 5 batches in an epoch
    agree(training, reference(training, chain), 1e-9)


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("options", OPTIONS)
def test_whatever_the_settings_are(options, compiled):
    training = made(compiled=compiled, **OPTIONS[options]).run()
    agree(training, reference(training, "relu and sigmoid", **OPTIONS[options]), 1e-9)


@pytest.mark.parametrize("chain", ["relu and sigmoid", "gelu and softmax", "batch norm"])
def test_in_float32_too(chain):
    training = made(chain, dtype="float32", epochs=1).run()
    agree(training, reference(training, chain, dtype="float32", epochs=1), 2e-4)


@pytest.mark.usefixtures("shared_batches")
@pytest.mark.parametrize("chain", ["relu and sigmoid", "gelu and softmax", "dropout", "batch norm"])
def test_of_a_batch_in_shards_the_outputs_are_those_of_the_last(chain):
    training = made(chain, batch_size=20).run()
    assert training.executable.shards > 1 or chain == "batch norm"
    agree(training, reference(training, chain, batch_size=20), 1e-9)


def test_what_is_known_by_heart():
    dead, saturated = made("dead", epochs=1, compiled=False).run(), made("saturated", epochs=1, compiled=False).run()
    assert dead.signals.of("dead", 1) == [0.5]
    assert dead.signals["1.saturated"] >= 0.5
    assert dead.signals["1.gradient_zeros"] >= 0.5
    assert saturated.signals["1.saturated"] > 0.6
    assert math.isnan(saturated.signals.at(1)["2"]["saturated"])


def test_frozen_layers_have_no_gradient():
    signals = made("frozen", epochs=1).run().signals.at(1)
    assert signals["1"]["gradient_zeros"] < 1.0
    assert signals["2"]["weight_norm"] > 0.0
    assert all(math.isnan(signals["2"][name]) for name in ("gradient_norm", "gradient_mean", "update_ratio"))
    assert signals["2"]["dead"] < 1.0


def test_the_noise_is_0_of_equal_batches_and_2_of_opposite_ones():
    for targets, noise in (([3.0, 3.0], 0.0), ([3.0, -3.0], 2.0)):
        network = bl.Network([bl.Dense(1, bias=False, weights=[[0.0]])], 1, "half_squared_error")
        training = bl.Training(network, [[1.0], [1.0]], targets, batch_size=1, epochs=1, shuffle=False,
                               optimizer=bl.SGD(1e-12), compiled=False)  # fmt: skip
        assert training.run().signals.noise == pytest.approx([noise], abs=1e-9)


def test_a_network_of_a_graph():
    nodes = [Node(bl.Dense(6, "relu"), "hidden", ("X",)), Node(ReLU(), "hidden", ("hidden.Z",)),
             Node(bl.Dense(1), "out", ("hidden.A",))]  # fmt: skip
    X, Y = rows_for()
    network = bl.Network.from_graph(Graph({"X": (4,)}, nodes), bl.MSE(), seed=0)
    start = network.copy()
    signals = bl.Training(network, X, Y, batch_size="full", epochs=1).run().signals
    A = np.maximum(X @ start["hidden.W"] + start["hidden.b"], 0.0)
    assert signals.layers == ("hidden", "out")
    assert signals["hidden.output_mean"] == pytest.approx(A.mean())
    assert signals["hidden.saturated"] == pytest.approx((A <= 0.0).mean())


# --------------------------------------------------------------------------------------------------- the same bits


@pytest.mark.parametrize("chain", CHAINS)
def test_plain_and_compiled_agree(chain):
    plain, compiled = (made(chain, epochs=1, compiled=compiled).run().signals.rows for compiled in (False, True))
    np.testing.assert_allclose(compiled, plain, rtol=1e-11, atol=1e-14)


@pytest.mark.usefixtures("shared_batches")
@pytest.mark.parametrize("options", [{}, {"clip_norm": 0.01, "l2": 0.1}, {"max_norm": 0.3}, {"batch_size": 45}],
                         ids=["free", "clipped", "limited", "one batch"])  # fmt: skip
@pytest.mark.parametrize("chain", ["relu and sigmoid", "dropout", "batch norm"])
def test_threads_change_no_bit(chain, options, monkeypatch):
    monkeypatch.setattr(measuring, "UPDATES", 1)
    given = {"batch_size": 20, "epochs": 150, **options}
    one, *others = (made(chain, threads=threads, **given).run() for threads in (1, 2, 3))
    assert len(one.signals) == 150
    assert one.executable.shards > 1
    for other in others:
        assert other.team is not None
        assert other.signals.rows.tobytes() == one.signals.rows.tobytes()
        assert other.network.parameters.tobytes() == one.network.parameters.tobytes()


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("options", [*OPTIONS, "batch norm", "dropout"])
def test_measuring_changes_no_bit(options, compiled):
    chain = options if options in CHAINS else "relu and sigmoid"
    on, off = (
        made(chain, compiled=compiled, **OPTIONS.get(options, {}), signals=signals).run() for signals in (True, False)
    )
    assert on.network.parameters.tobytes() == off.network.parameters.tobytes()
    assert [epoch.loss for epoch in on.history] == [epoch.loss for epoch in off.history]
    assert len(on.signals) > 0
    assert (len(off.signals), off.signals.layers, off.measuring.signals.kept.size) == (0, (), 0)
    with pytest.raises(KeyError, match="measured none: signals=True has it do so"):
        off.signals["1.dead"]


@pytest.mark.parametrize("options", [{}, {"batch_size": "full"}, {"batch_size": 45, "shuffle": False}])
def test_in_one_call_or_epoch_by_epoch(options):
    given = {"epochs": 70, **options}
    whole, each, chunks, cut = (made(**given) for _ in range(4))
    whole.run()
    assert list(each)
    assert list(chunks.in_chunks(lambda: 13))
    cut.loop.batches_per_call = lambda: 3  # so that a call ends between the last two batches
    cut.run()
    for other in (each, chunks, cut):
        assert other.signals == whole.signals
        assert other.signals.epochs == 70


def test_left_in_the_middle_of_a_chunk():
    left, short = made(epochs=90), made(epochs=47).run()
    epochs = every_epoch(left, 10)
    for epoch in epochs:
        if epoch.number == 47:
            break
    epochs.close()
    assert left.signals == short.signals


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
def test_a_training_that_diverges_has_the_good_epochs_once(compiled):
    X, Y = rows_for()
    network = bl.Network([bl.Dense(1)], 4, "mse", seed=1)
    training = bl.Training(network, X, Y, optimizer=bl.SGD(3.0), batch_size=10, epochs=1000, compiled=compiled)
    with pytest.warns(bl.DivergedWarning):
        training.run()
    epochs = len(training.history)
    assert 20 < epochs < 1000
    assert training.signals.epochs == epochs
    assert training.signals.numbers.tolist() == measured_epochs(1, epochs + 1, 4).tolist()
    assert np.isfinite(training.signals["1.weight_norm"]).all()


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
def test_a_training_that_meets_its_target_has_no_epoch_beyond(compiled):
    training = made(epochs=400, target=0.1, optimizer=bl.Adam(0.01), compiled=compiled).run()
    epochs = len(training.history)
    assert 4 < epochs < 390
    assert training.signals.numbers.tolist() == measured_epochs(1, epochs + 1, 4).tolist()


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
def test_numbers_beyond_all_bounds_give_no_warning(compiled):
    network = bl.Network([bl.Dense(3, "relu", weights=np.full((1, 3), 1e200)), bl.Dense(1, weights=[[1e-200]] * 3)], 1,
                         "mse")  # fmt: skip
    training = bl.Training(network, [[1.0], [2.0]], [1.0, 2.0], optimizer=bl.SGD(1e-300), epochs=1, compiled=compiled)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("ignore", bl.DivergedWarning)
        training.run()
    record = training.signals.record()
    assert training.signals["1.weight_norm"] == [math.inf]
    assert record.layers["1"]["weight_norm"] == (None,)
    assert b"null" in msgspec.json.encode(record)


def test_lbfgs_has_none():
    training = made(optimizer="lbfgs", schedule="constant").run()
    assert (len(training.signals), training.signals.layers) == (0, ())


# ------------------------------------------------------------------------------------------------- which epochs


@pytest.mark.parametrize("every", [1, 3, 16])
def test_an_epoch_is_measured_by_its_number(every):
    for first, stop in ((1, 2), (1, 5000), (501, 7000), (4001, 4002), (4000, 4001), (7, 7), (1, 9)):
        wanted = [n for n in range(first, stop) if n == 1 or n % spacing(n, every) == 0]
        assert measured_epochs(first, stop, every).tolist() == wanted
    assert len(measured_epochs(1, 10**6 + 1, every)) <= 10_000
    assert len(measured_epochs(1, 2**40, 1)) <= 10_000


def test_a_long_training_is_measured_less_often():
    network = bl.Network([bl.Dense(1, weights=[[0.5]])], 1, "mse")
    training = bl.Training(network, [[1.0]] * 2, [1.0] * 2, batch_size="full", epochs=20_000).run()
    assert training.measuring.every == 16
    assert np.diff(training.signals.numbers)[[0, 1, -1]].tolist() == [15, 16, 64]
    assert len(training.signals) == 500 + 250 + (20_000 - 16_000) // 64 + 1


def test_updates_and_rows_lie_between_two_measurements():
    wide = bl.Network([bl.Dense(300), bl.Dense(1)], 4, "mse", seed=0)
    X, Y = rows_for()
    assert bl.Training(wide, X, Y, batch_size=1).measuring.every == 18  # 768 rows
    assert made(batch_size=1).measuring.every == 1
    assert made(batch_size=10).measuring.every == 4  # 16 updates


# ---------------------------------------------------------------------------------------------- copies and states


def test_the_signals_go_with_copies_and_states():
    training = made(epochs=30).run()
    state = training.state
    for twin in (training.history.copy().signals, copy.deepcopy(training).signals,
                 pickle.loads(pickle.dumps(training.history)).signals, pickle.loads(pickle.dumps(training)).signals,
                 TrainingState.from_dict(state.to_dict()).history.signals, training.signals.copy(),
                 SignalHistory.from_columns(training.signals.columns(), 30)):  # fmt: skip
        assert twin == training.signals
        assert twin.rows.tobytes() == training.signals.rows.tobytes()
    training.epochs = 60
    training.run()
    assert (len(state.history.signals), len(training.signals)) == (8, 16)
    assert any(text.startswith("signals.number") for text in training.state.differences(state))
    training.state = state
    assert training.signals == state.history.signals
    assert training.run().signals == made(epochs=60).run().signals


def test_one_bit_of_a_signal_is_a_difference():
    state, other = (made(epochs=3).run().state for _ in range(2))
    assert state == other
    other.history.signals._table.rows[0, 5] = np.nextafter(other.history.signals._table.rows[0, 5], 9.0)
    [difference] = state.differences(other)
    assert difference.startswith("signals.1.gradient_zeros: 1 of 1 differ")


def test_a_state_of_a_training_that_measures_goes_into_one_that_does_not_and_back():
    on, off = made(epochs=8), made(epochs=20, signals=False)
    off.state = on.run().state
    assert (len(off.run().signals), len(off.history)) == (0, 20)
    on.state = off.state
    on.epochs = 30
    assert on.run().signals.numbers.tolist() == [24, 28]
    assert on.signals.epochs == 30


def test_a_repetition_measures_none():
    training = made(epochs=5).run()
    again = Repetition.of(training)
    assert [place.epoch for place in again.places(training)][-1] == 5
    again.refuse_another_end(training)
    assert len(again.signals) == 0


def test_updates_one_by_one_have_the_signals_of_the_plain_training():
    single, plain = made(kind=SingleUpdates), made(compiled=False).run()
    assert list(single.updates())
    assert single.signals == plain.signals


# ------------------------------------------------------------------------------------------------------- the table


class Given(NamedTuple):
    """Rows that were found."""

    given: Any

    def rows(self):
        return self.given


def history(points=9, layers=("1", "2")):
    made = SignalHistory(layers)
    rows = np.random.default_rng(0).random((points, 3 + len(layers) * len(SIGNALS)))
    rows[:, 0], rows[:, 1] = 5.0 * np.arange(1, points + 1), 10.0 * np.arange(1, points + 1)
    for k in range(points):
        made.grow(5 * (k + 1), 1, Given(rows[k : k + 1]))
    made.grow(5 * points + 2, 0, Given(rows[:0]))
    return made, rows


def test_a_column_by_name():
    signals, rows = history()
    assert signals["2.gradient_norm"].tolist() == rows[:, 12].tolist() == signals.of("gradient_norm", "2").tolist()
    assert signals.values[3, 1, SIGNALS.index("dead")] == rows[3, -1] == signals.at(20)["2"]["dead"]
    assert (signals.numbers[2], signals.steps[2], signals.noise[2]) == (15, 30, rows[2, 2])
    assert pd.DataFrame(signals.columns()).shape == (9, 21)
    with pytest.raises(KeyError, match=r"no column '1.gradient_nrom'; did you mean '1.gradient_norm'"):
        signals["1.gradient_nrom"]
    with pytest.raises(KeyError, match=r"no column '3.dead'; "):
        signals.of("dead", 3)


def test_the_measured_epoch_at_or_before_a_number():
    signals, rows = history()
    assert signals.at(14) == signals.at(10) != signals.at(15)
    assert signals.at(10**9)["1"]["gradient_norm"] == rows[-1, 3]
    with pytest.raises(bl.BacklitError, match="no epoch up to number 4 was measured; the first one is 5"):
        signals.at(4)
    with pytest.raises(bl.BacklitError, match="none is"):
        SignalHistory(("1",)).at(4)


def test_the_dead_units_of_the_last_measured_epoch_need_no_row():
    training = made("dead", epochs=30).run()
    assert training.signals._unread
    unread = training.signals.dead()
    assert training.signals._unread
    wanted = {layer: values["dead"] for layer, values in training.signals.at(30).items()}
    assert unread["1"] == 0.5
    np.testing.assert_equal(unread, wanted)
    np.testing.assert_equal(training.signals.dead(), wanted)
    assert SignalHistory(("1",)).dead() == {}


def test_a_record_is_thinned_to_first_last_and_some_between():
    signals, rows = history()
    rows[4, 3] = math.nan
    record = signals.record(3)
    assert (record.epochs, record.numbers) == (47, (5, 25, 45))
    assert record.layers["1"]["gradient_norm"] == (rows[0, 3], None, rows[8, 3])
    assert len(signals.record().numbers) == 9
    assert SignalHistory(("1",)).record().layers["1"]["dead"] == ()
    assert SignalHistory().record().numbers == ()
    assert signals.record(1).numbers == (5,)


def test_copies_share_rows_until_one_grows():
    signals, rows = history()
    twin = signals.copy()
    signals.grow(60, 1, Given(rows[:1]))
    twin.grow(50, 1, Given(rows[1:2]))
    assert (signals.rows[-1].tolist(), twin.rows[-1].tolist()) == (rows[0].tolist(), rows[1].tolist())
    assert signals != twin
    assert signals != 3
    assert repr(twin) == "<SignalHistory: 10 of 50 epochs, layers 1, 2>"
    assert repr(SignalHistory()) == "<SignalHistory: 0 of 0 epochs>"


# -------------------------------------------------------------------------------------------------------- flat parts


@pytest.mark.parametrize("name", activations)
def test_an_activation_is_flat_where_its_slope_is_a_fiftieth_of_the_steepest(name):
    op = activations.make(name)
    flat = flat_parts(op)
    if flat is None:
        assert name in {"identity", "leaky_relu", "exp", "softmax"}
        return
    Z = np.linspace(-20, 20, 4001)
    settings = {key: getattr(op, key) for key in op.__struct_fields__}
    A = op.value(Z, **settings)
    slopes = np.abs(op.slope(A if op.in_place else Z, **settings))
    tested = A if flat.of_output else Z
    found = (tested <= flat.low) | (tested >= flat.high)
    assert (slopes[found] <= slopes.max() * (1 / 50 + 1e-9)).all()
    assert found.any() or name == "softsign"
    beyond = slopes[~found] <= slopes.max() / 50
    assert beyond.mean() < 0.02  # where the slope passes through 0
    assert op.tails is None or op.tails == pytest.approx(computed_tails(op), rel=1e-9)


def test_flat_parts_of_a_falling_function():
    class Falling(Activation, frozen=True):
        name = "falling"
        value = staticmethod(lambda z: -np.tanh(z) + np.where(z > 0, np.tanh(z), 0.0))
        slope = staticmethod(lambda a: np.where(a > 0.0, 1.0 - a * a, 0.0))

    flat = flat_parts(Falling())
    assert flat.low == 0.0
    assert flat.high == pytest.approx(math.sqrt(0.98), rel=1e-4)


def test_an_activation_whose_setting_has_no_hash():
    class Listed(Activation, frozen=True):
        name = "listed"
        parts: list = msgspec.field(default_factory=lambda: [1.0])
        value = staticmethod(lambda z, parts: np.maximum(z, 0.0) * parts[0])
        slope = staticmethod(lambda a, parts: np.sign(a) * parts[0])

    assert flat_parts(Listed()).low == 0.0
