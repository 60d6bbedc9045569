"""Metrics, callbacks and the progress display of a training, its unknown arguments; what a divergence leaves."""

from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from rich.console import Console

import backlit as bl
from backlit.engine import stopping
from backlit.engine.batch_loop import BatchLoop
from backlit.engine.code_cache.announcing import Compilation, announce, compilation_listeners
from backlit.engine.history import Epoch, History
from backlit.show.epoch_progress import EpochProgress, NotebookLine

RNG = np.random.default_rng(3)
X = RNG.normal(size=(40, 3))
Y = RNG.integers(0, 3, 40)
HELD = (X[:11] + 0.1, Y[:11])
both_modes = pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])


def network(seed: int = 1) -> bl.Network:
    return bl.Network([bl.Dense(4, "tanh"), bl.Dropout(0.2), bl.Dense(3, "softmax")], 3, "cross_entropy", seed=seed)


def training(net: bl.Network | None = None, **given) -> bl.Training:
    settings = {"optimizer": bl.Adam(0.01), "batch_size": 9, "epochs": 8, "compiled": False}
    return bl.Training(net or network(), X, Y, **settings | given)


# ------------------------------------------------------------------------------------------------- metrics, callbacks


@both_modes
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_metrics_are_those_of_the_network_after_each_epoch(optimizer, compiled):
    net, seen = network(), []

    def measure(epoch):
        for which, rows in (("", (X, Y)), ("validation_", HELD)):
            found = net.evaluate(*rows, metrics=["accuracy", "log_loss"], compiled=compiled).metrics
            seen.append({f"{which}{name}": value for name, value in found.items()})
        assert epoch.metrics == seen[-2] | seen[-1]
        assert epoch.accuracy == seen[-2]["accuracy"]

    run = training(net, optimizer=optimizer, metrics=["accuracy", "log_loss"], validation=HELD, callbacks=measure,
                   compiled=compiled).run()  # fmt: skip
    assert len(seen) == 2 * len(run.history) > 0
    assert run.history["validation_log_loss"].tolist() == [found["validation_log_loss"] for found in seen[1::2]]


def test_metrics_and_callbacks_change_no_bit_of_a_training():
    plain, watched = network(), network()
    one = training(plain, validation=HELD).run()
    other = training(watched, validation=HELD, metrics=["accuracy"], callbacks=[lambda epoch: None]).run()
    np.testing.assert_array_equal(watched.parameters, plain.parameters)
    assert other.history["loss"].tolist() == one.history["loss"].tolist()


@pytest.mark.parametrize("way", ["run", "iterate", "in_chunks"])
def test_callbacks_get_each_epoch_with_the_network_as_it_is_then(way):
    net, seen = network(), []
    run = training(net, callbacks=[lambda epoch: seen.append((epoch.number, net.parameters.copy()))])
    {"run": run.run, "iterate": lambda: list(run), "in_chunks": lambda: list(run.in_chunks(lambda: 5))}[way]()
    assert [number for number, _ in seen] == [*range(1, 9)]
    twin = network()
    for (_, parameters), _epoch in zip(seen, training(twin), strict=True):
        np.testing.assert_array_equal(parameters, twin.parameters)


def stops(epoch):
    if epoch.number == 3:
        raise StopIteration


ENDS = {
    "True": (lambda epoch: epoch.number == 3, "the callback <lambda> asked to stop"),
    "NumPy's True": (lambda epoch: np.bool_(epoch.number == 3), "the callback <lambda> asked to stop"),
    "StopIteration": (stops, "the callback stops asked to stop"),
    "a number": (lambda epoch: epoch.number, "all 8 epochs done"),
}


@pytest.mark.parametrize(("callback", "stopped"), ENDS.values(), ids=ENDS)
def test_a_callback_that_returns_true_stops_the_training(callback, stopped):
    others = []
    run = training(callbacks=[callback, others.append]).run()
    assert run.stopped == stopped
    assert len(run.history) == len(others) == (8 if stopped.startswith("all") else 3)


def test_without_them_epochs_run_in_chunks(monkeypatch):
    lengths = []
    monkeypatch.setattr("backlit.engine.batch_loop.BatchLoop.batches_per_call", lambda self: 1000)
    record = History.record
    monkeypatch.setattr(
        History, "record", lambda self, sums, *rest: lengths.append(len(sums)) or record(self, sums, *rest)
    )
    training().run()
    training(progress=True, epochs=8).run()
    training(metrics="accuracy").run()
    assert lengths == [8, 8, *[1] * 8]


def works_in_place(T, A, sample_weight):
    T -= T.mean()
    A[:] = 0.0
    sample_weight[:] = 0.0
    return 0.0


def test_a_metric_that_works_in_place_changes_no_data():
    net, plain, seen = network(), network(), []
    targets, weights = np.eye(3)[Y], np.ones(40)
    given = bl.Training(plain, X, targets, sample_weight=weights, epochs=3, compiled=False).run()
    metrics = {"own": works_in_place, "after": lambda T, A, sample_weight: seen.append((T, A, sample_weight)) or 0.0}
    run = bl.Training(net, X, targets, sample_weight=weights, metrics=metrics, epochs=3, compiled=False).run()
    assert run.history["loss"].tolist() == given.history["loss"].tolist()
    net.evaluate(X, targets, sample_weight=weights, metrics=metrics, compiled=False)
    np.testing.assert_array_equal(targets, np.eye(3)[Y])
    np.testing.assert_array_equal(weights, np.ones(40))
    np.testing.assert_array_equal(seen[-1][0], targets)
    np.testing.assert_array_equal(seen[-1][1], net.predict(X, compiled=False))
    np.testing.assert_array_equal(seen[-1][2], weights)


def test_an_error_in_a_callback_comes_out_and_the_training_can_go_on():
    def fails(epoch):
        if epoch.number == 2:
            raise RuntimeError("mine")

    run = training(callbacks=[fails])
    with pytest.raises(RuntimeError, match="mine"):
        run.run()
    assert len(run.run().history) == 8


# ------------------------------------------------------------------------------------------------------- the history


def test_a_history_is_a_table():
    history = training(metrics=["accuracy"], validation=HELD, gradient_norms=True).run().history
    columns = history.to_dict()
    assert [*columns] == ["number", "loss", "validation_loss", "rate", "seconds", "best", "penalty", "gradient_norm_1",
                          "gradient_norm_3", "accuracy", "validation_accuracy"]  # fmt: skip
    for name in ("loss", "accuracy", "validation_accuracy", "rate"):
        assert isinstance(history[name], np.ndarray)
        assert history[name].tolist() == [getattr(epoch, name) for epoch in history]
    for frame in (pd.DataFrame(history), pl.DataFrame(history).to_pandas(), pd.DataFrame(columns)):
        np.testing.assert_array_equal(frame["validation_accuracy"], columns["validation_accuracy"])
        np.testing.assert_array_equal(frame["loss"], columns["loss"])
    assert "accuracy" in str(history)
    with pytest.raises(KeyError, match="has no column 'auc'; it has number, loss"):
        history["auc"]


def test_epochs_with_metrics_are_copied_and_pickled():
    run = training(metrics=["accuracy"]).run()
    for twin in (copy.deepcopy(run.history), pickle.loads(pickle.dumps(run.history)), History.of(list(run.history)),
                 History.from_columns(run.history.columns())):  # fmt: skip
        assert twin == run.history
    epoch = pickle.loads(pickle.dumps(run.history[-1]))
    assert epoch == run.history[-1]
    assert isinstance(epoch, Epoch)
    other = training(metrics=["accuracy"])
    other.state = run.state
    assert other.history == run.history
    with pytest.raises(bl.BacklitError, match="other metrics"):
        training().state = run.state


# ------------------------------------------------------------------------------------------------------------ progress


def test_progress_is_shown_in_a_terminal(monkeypatch):
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=100)
    monkeypatch.setitem(bl.engine.progress_displays, "epochs", lambda epochs: EpochProgress(epochs, console))
    run = training(progress=True, validation=HELD, metrics="accuracy").run()
    shown = written.getvalue()
    assert "epoch 8/8" in shown
    assert f"loss {run.history[-1].loss:.4g}, validation loss {run.history[-1].validation_loss:.4g}" in shown
    assert "0:00:0" in shown


def test_what_a_callback_prints_goes_to_standard_output_not_to_the_bar(monkeypatch, capsys):
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=100)
    monkeypatch.setitem(bl.engine.progress_displays, "epochs", lambda epochs: EpochProgress(epochs, console))
    training(progress=True, callbacks=lambda epoch: print("seen", epoch.number)).run()  # noqa: T201
    assert capsys.readouterr().out.split() == [word for number in range(1, 9) for word in ("seen", str(number))]
    assert "seen" not in written.getvalue()


def test_progress_in_a_notebook_is_one_line_of_text(monkeypatch):
    pytest.importorskip("IPython")
    shown = []

    class Handle:
        def update(self, bundle, raw):
            shown.append(bundle)

    def display(bundle, raw, display_id):
        shown.append(bundle)
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    console = Console(force_jupyter=True)
    monkeypatch.setitem(bl.engine.progress_displays, "epochs", lambda epochs: EpochProgress(epochs, console))
    run = training(progress=True).run()
    assert shown[0] == {"text/plain": "epoch 0/8"}
    assert shown[-1]["text/plain"].startswith("epoch 8/8, loss ")
    assert shown[-1]["text/plain"].endswith(f", {run.history[-1].seconds:.3g} s")
    for epoch in training(progress=True):
        if epoch.number == 3:
            break
    assert shown[-1]["text/plain"].startswith("epoch 3/8, loss ")
    assert "left" not in shown[-1]["text/plain"]
    line = NotebookLine(8)
    line.compiling(9.7)
    assert shown[-1] == {"text/plain": "epoch 0/8, compiling, about 10 s ..."}


def test_progress_shows_that_code_is_compiled(monkeypatch):
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=100)
    monkeypatch.setitem(bl.engine.progress_displays, "epochs", lambda epochs: EpochProgress(epochs, console))
    prepare, listeners = BatchLoop.prepare, [*compilation_listeners]
    monkeypatch.setattr(BatchLoop, "prepare", lambda self: announce(Compilation(9.7, kept=True)) or prepare(self))
    run = training(progress=True).run()
    assert "compiling, about 10 s ..." in written.getvalue()
    assert f"loss {run.history[-1].loss:.4g}" in written.getvalue()
    assert compilation_listeners == listeners
    before = written.getvalue()
    training().run()
    assert written.getvalue() == before


SAYS = """
import sys
{prompt}
import backlit
from backlit.engine.code_cache.announcing import Compilation, announce, compilation_listeners
{more}
for _ in range(2):
    announce(Compilation(9.7, kept=True))
"""


@pytest.mark.parametrize(("prompt", "more", "lines"), [
    ("sys.ps1 = '>>> '", "", 1), ("", "", 0), ("sys.ps1 = '>>> '", "compilation_listeners.append(lambda _: None)", 0),
], ids=["prompt", "script", "shown already"])  # fmt: skip
def test_a_prompt_is_told_of_compiling_once(prompt, more, lines):
    code = SAYS.format(prompt=prompt, more=more)
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == ""
    assert told.stderr == "Compiling the maths for this computer, once: about 10 s ...\n" * lines


# ------------------------------------------------------------------------------------------------------------ refusals

REFUSED = {
    "lr": "optimizer=bl.SGD",
    "learning_rate": "optimizer=bl.SGD",
    "validation_data": "did you mean 'validation'",
    "class_weight": r"sample_weight=np.array",
    "device": "processor",
    "verbose": "progress=True",
    "random_state": "did you mean 'seed'",
    "eposch": "did you mean 'epochs'",
}


@pytest.mark.parametrize(("name", "message"), REFUSED.items())
def test_an_unknown_argument_leads_to_the_right_one(name, message):
    with pytest.raises(bl.BacklitError, match=f"Training has no argument '{name}'; .*{message}") as told:
        training(**{name: 1})
    assert isinstance(told.value, TypeError)


@pytest.mark.parametrize(("given", "message"), [
    ({"callbacks": ["accuracy"]}, r"callbacks\[0\] is 'accuracy'; expected a function"),
    ({"callbacks": 3}, r"callbacks\[0\] is 3"),
    ({"progress": "yes"}, "progress is 'yes'; expected True or False"),
    ({"metrics": "r2"}, "'r2' is of numbers"),
    ({"metrics": {"validation_accuracy": "accuracy", "accuracy": "accuracy"}, "validation": HELD}, "as another one is"),
    *(({"metrics": {name: lambda T, A: 0.0}}, f"a metric is named '{name}'") for name in (
        "loss", "number", "class", "__init__", "_own", "metrics", "metric_names", "monitored", "gradient_norm_1")),
])  # fmt: skip
def test_hooks_that_do_not_fit_are_refused(given, message):
    with pytest.raises(bl.BacklitError, match=message):
        training(**given)


# ---------------------------------------------------------------------------------------------------------- divergence


class Spoils(bl.Optimizer, frozen=True):
    """Gradient descent whose update number `at`, from 1, writes numbers that are not finite."""

    name = "spoils"
    rate: float = 0.01
    at: float = 1.0
    to: float = 0.0
    prepared = ("spoiled",)

    @staticmethod
    def scalars(step: float, at: float, to: float) -> tuple[float, ...]:
        return ((np.inf if to == 0.0 else to) if step == at else 0.0,)

    @staticmethod
    def update(w, g, rate, spoiled):
        return (w - rate * g + spoiled,)


@pytest.mark.parametrize("way", ["run", "iterate"])
@pytest.mark.parametrize("to", [0.0, 1e200], ids=["infinite", "overflowing"])
@pytest.mark.parametrize(("at", "epoch", "batch"), [(5, 1, 5), (10, 2, 5), (7, 2, 3), (40, 8, 5)])
def test_weights_after_a_divergence_are_finite_and_from_before(at, epoch, batch, to, way):
    """Five batches an epoch: updates 5, 10 and 40 end one, and no loss of that epoch tells of them."""
    rows = RNG.normal(size=(40, 3)), RNG.normal(size=(40, 1))
    nets = [bl.Network([bl.Dense(4), bl.Dense(1)], 3, "mse", seed=1) for _ in range(2)]
    settings = {"batch_size": 8, "epochs": 8, "keep_best": True, "compiled": False}
    bl.Training(nets[0], *rows, optimizer=bl.SGD(0.01), **settings | {"epochs": epoch - 1}).run()
    run = bl.Training(nets[1], *rows, optimizer=Spoils(at=float(at), to=to), **settings)
    with pytest.warns(bl.DivergedWarning, match=rf"epoch {epoch}, batch \d: .* from before that epoch") as told:
        run.run() if way == "run" else list(run)
    assert told[0].filename == __file__
    assert len(run.history) == epoch - 1
    assert run.stopped in {f"diverged in epoch {epoch}, batch {batch}", f"diverged in epoch {epoch}, batch {batch + 1}"}
    np.testing.assert_array_equal(nets[1].parameters, nets[0].parameters)
    assert np.isfinite(run.loop.monitor.P).all()


@pytest.mark.parametrize("size", [5, 5000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_number_that_is_large_or_not_finite_is_seen(size, dtype):
    values = np.zeros(size, dtype)
    for place in (0, size // 2, size - 1):
        for number in (3.0, -3.0, 1e12, -1e12, np.inf, -np.inf, np.nan):
            values[:] = 0.0
            values[place] = number
            size_of_it = np.fmin(abs(number), 1e15)
            assert not stopping.are_within([np.empty(0), np.ones(3), values], 0.999 * size_of_it)
            assert stopping.are_within([values], 1.001 * size_of_it) == np.isfinite(number)
    values[:] = 0.0
    values[0], values[-1] = 1e12, -1e12  # whose sum is 0
    assert not stopping.are_within([values], 1e11)


def test_a_row_is_far_by_the_middle_row_not_by_its_own_size():
    rows = np.full((5, 2), 0.01)
    rows[3, 1] = 2e4
    assert stopping.far_row(rows).startswith(" X[3, 1] is 20000, where half of the rows hold nothing larger than 0.01")
    rows *= 1e9
    rows[3, 1] = 2e12
    assert stopping.far_row(rows) == ""  # 200,000 times the usual


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "lbfgs"])
def test_a_huge_row_is_named(optimizer):
    far = X.copy()
    far[38, 1] = 1e200
    net = bl.Network([bl.Dense(4, "relu"), bl.Dense(1)], 3, "mse", seed=1)
    with pytest.warns(bl.DivergedWarning, match=r"X\[38, 1\] is 1e\+200, where half of the rows") as told:
        bl.Training(net, far, Y, optimizer=optimizer, batch_size=8, epochs=3, compiled=False, shuffle=False).run()
    assert len(told) == 1
    assert np.isfinite(net.parameters).all()


def test_estimators_warn_at_the_callers_line():
    with pytest.warns(match="Maximum iterations") as told:
        bl.MLPClassifier(max_iter=2, hidden_layer_sizes=(3,)).fit(X, Y)
    assert told[0].filename == __file__


def test_a_model_warns_of_what_training_rows_did_not_have():
    from backlit.model import Settings, fit_table

    table = pd.DataFrame({"a": RNG.normal(size=60), "c": RNG.choice(list("xyz"), 60)})
    table["t"] = np.where(table["a"] > 0, "p", "q")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, _ = fit_table(table, "t", Settings(epochs=2, layers=(3,)))
    new = pd.DataFrame({"a": [1.0, None], "c": ["x", "w"]})
    for predict in (model.predict, model.predict_probabilities):
        with pytest.warns(bl.BacklitWarning) as told:
            predict(new)
        texts = [str(each.message) for each in told]
        assert any(text.startswith('the column "c" has values not seen in training (such as "w")') for text in texts)
        assert any(text.startswith('the column "a" has missing values') for text in texts)
        assert {each.filename for each in told} == {__file__}
    model.predict(table.head(3))


def test_trainings_leave_nothing_behind():
    """Functions that are made anew for each training are kept by none of the caches."""
    import gc
    import weakref

    from backlit.engine.machine.python_kernels import PLAIN_KERNELS

    gc.collect()
    before = len(PLAIN_KERNELS)
    run = training(metrics=["accuracy"]).run()
    alive = weakref.ref(run.executable)
    network().gradient(X, Y, compiled=False)
    del run
    gc.collect()
    assert alive() is None
    assert len(PLAIN_KERNELS) == before
