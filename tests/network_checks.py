"""What must be true of any network, each as a function of one that `any_network` drew.

`tests/engine/test_beyond_the_chain.py` runs them, and so does the test that plants faults in layers.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import any_network
import numpy as np
from any_network import Drawn

import backlit as bl
from backlit.engine.objective import Objective
from backlit.engine.program import sharding

EXACT, CLOSE = 1e-12, 1e-10


def agree(found: Any, wanted: Any, what: str, tolerance: float, scale: float = 0.0) -> None:
    """Hold two arrays equal relative to the largest number, or to `scale` where that is larger."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape, f"{what}: shape {found.shape}, expected {wanted.shape}"
    size = max(np.abs(wanted).max(initial=0.0), scale)
    worst = np.abs(found - wanted).max(initial=0.0)
    assert worst <= tolerance * size, f"{what}: off by {worst:.3g} beside numbers of {size:.3g}"


def same_bits(found: Any, wanted: Any, what: str) -> None:
    assert np.asarray(found).tobytes() == np.asarray(wanted).tobytes(), f"{what}: other bits"


def one_batch(network: Any, X: Any, Y: Any, *, seed: int = 5, **program: Any) -> tuple[float, dict[str, Any]]:
    """Give E of the rows as one batch, and its slope by every parameter and by the inputs."""
    rows, targets = network.check_inputs(X), network.check_targets(Y, len(Y))
    objective = Objective.of(network, rows, targets, step=3, seed=seed, input_gradient=True, **program)
    error = objective.loss()
    found = {name: objective.gradient[o : o + int(np.prod(s))].reshape(s).copy()
             for name, (o, s) in network.layout.items() if name not in network.frozen}  # fmt: skip
    last = (len(rows) - 1) // objective.tables.rows * objective.tables.rows
    of_inputs = objective.executable.input_gradient_of(objective.memory, len(rows) - last)
    return error, found | {"X": of_inputs.copy()}


@contextmanager
def cut(rows: int) -> Iterator[None]:
    """Cut batches into shards of so many rows, and take each to be worth a thread."""
    given = {"SMALLEST_SHARD": rows, "SHARD_ELEMENTS": 1, "THREADED_WORK": 1, "THREADED_ROWS": 2, "SEVERAL_ROWS": 2}
    with mock.patch.multiple(sharding, **given):
        yield


# -------------------------------------------------------------------------------------------------- against the oracles


def pytorch_agrees(drawn: Drawn) -> None:
    """Outputs, loss and all gradients are PyTorch's."""
    from torch_network import Twin

    network, X = drawn.network(), any_network.flat(drawn.X)
    twin = Twin(network)
    for compiled in (False, True):
        mode = "compiled" if compiled else "plain"
        twin.training = False
        outputs = twin.outputs(X).detach()
        agree(network.predict(drawn.X, compiled=compiled), outputs, f"{mode} outputs", CLOSE, 0.1)
        twin.training = True
        wanted_error, wanted = twin.gradients(X, drawn.Y)
        error, found = one_batch(network, drawn.X, drawn.Y, compiled=compiled)
        agree(error, wanted_error, f"{mode} error", CLOSE, 0.1)
        for name, slope in wanted.items():
            agree(found[name].reshape(slope.shape), slope, f"{mode} gradient of {name}", CLOSE, 0.1)


def definitions_agree(drawn: Drawn) -> None:
    """The loss of a single row, and its slope by every parameter and input, are those of 50 digits."""
    from exact_network import Exact

    network, row = drawn.network(), repeated(drawn, 1)
    named = {name: part[0] for name, part in row.X.items()} if isinstance(row.X, dict) else row.X[0]
    exact = Exact(network, named, row.Y[0])
    for compiled in (False, True):
        error, found = one_batch(network, row.X, row.Y, compiled=compiled)
        agree(error, float(exact.error.value), "error", EXACT, 1.0)
        for name in network:
            agree(found[name], exact.slopes(name), f"gradient of {name}", EXACT, 1.0)
        inputs = np.concatenate([exact.slopes(name).reshape(-1) for name in network.graph.inputs])
        agree(found["X"].reshape(-1), inputs, "gradient of X", EXACT, 1.0)


OPTIMIZERS = (lambda: bl.SGD(0.05), lambda: bl.Momentum(0.02, momentum=0.8), lambda: bl.Adam(0.01, epsilon=1e-3))


def pytorch_trains_alike(drawn: Drawn) -> None:
    """Twenty steps lead to the parameters and running statistics that PyTorch's lead to."""
    from torch_network import Twin

    optimizer = OPTIMIZERS[drawn.seed % len(OPTIMIZERS)]()
    size = len(drawn.Y) // 2
    drawn, epochs = repeated(drawn, 2 * size), 10
    network = drawn.network()
    twin = Twin(network)
    given = {"optimizer": optimizer, "batch_size": size, "epochs": epochs, "shuffle": False}
    _run(bl.Training(network, drawn.X, drawn.Y, **given))
    twin.train(optimizer, any_network.flat(drawn.X), drawn.Y, size, epochs)
    for name, value in {**twin.values, **twin.statistics}.items():
        agree(network[name], value.detach(), f"{name} after training by {optimizer.name}", CLOSE, 1.0)


def differences_agree(drawn: Drawn) -> None:
    """The gradient is that of differences of E."""
    for compiled in (False, True):
        check = bl.gradcheck(drawn.network(), drawn.X, drawn.Y, compiled=compiled, directions=3)
        assert check.passed, str(check)


# ------------------------------------------------------------------------------------------------ against one another


def plain_is_compiled(drawn: Drawn) -> None:
    """The plain and the compiled machine give the same outputs, gradients and trainings, dropout on."""
    network = drawn.network()
    outputs = [network.predict(drawn.X, compiled=compiled) for compiled in (True, False)]
    agree(*outputs, "outputs", EXACT, 0.1)
    for rows in (512, 2):
        with cut(rows):
            (error, compiled), (plain_error, plain) = (
                one_batch(network, drawn.X, drawn.Y, compiled=compiled) for compiled in (True, False)
            )
        agree(error, plain_error, "error", EXACT, 1.0)
        for name, slope in plain.items():
            agree(compiled[name], slope, f"gradient of {name}", EXACT, 1.0)
    one, other = (trained(drawn, compiled=compiled, optimizer="momentum").network for compiled in (True, False))
    for name in one:
        agree(one[name], other[name], f"{name} after training", 20 * EXACT, 1.0)
    agree(one.state, other.state, "statistics after training", 20 * EXACT, 1.0)


def trained(drawn: Drawn, network: Any = None, **given: Any) -> Any:
    """Train a little, and give the training."""
    settings = {"optimizer": "adam", "batch_size": 4, "epochs": 3, "seed": 3, "signals": False} | given
    return _run(bl.Training(network or drawn.network(), drawn.X, drawn.Y, **settings))


def _run(training: Any) -> Any:
    """Run a training, dead units and all: a network drawn at random need not be a good one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bl.BacklitWarning)
        return training.run()


def threads_change_no_bit(drawn: Drawn) -> None:
    """One, two and three threads give the same bits, of batches in several shards."""
    many = repeated(drawn, 24)
    for rows, compiled in ((3, True), (4, True), (3, False)):
        with cut(rows):
            ended = [
                trained(many, threads=threads, batch_size=13, epochs=2, compiled=compiled) for threads in (1, 2, 3)
            ]
            outputs = [ended[0].network.predict(many.X, threads=threads) for threads in (1, 2, 3)]
        for other, made in zip(ended[1:], outputs[1:], strict=True):
            same_bits(other.network.parameters, ended[0].network.parameters, f"parameters, shards of {rows} rows")
            same_bits(other.network.state, ended[0].network.state, "statistics")
            same_bits(made, outputs[0], "outputs")


def shards_agree(drawn: Drawn) -> None:
    """However a batch is cut, E and its slopes are the same but for rounding."""
    network, many = drawn.network(), repeated(drawn, 24)
    whole_error, whole = one_batch(network, many.X, many.Y)
    for rows in (1, 5, 8):
        with cut(rows):
            error, found = one_batch(network, many.X, many.Y)
        agree(error, whole_error, f"error, shards of {rows} rows", EXACT, 1.0)
        for name, slope in whole.items():
            if name != "X":  # of which the memory holds the last shard
                agree(found[name], slope, f"gradient of {name}, shards of {rows} rows", EXACT, 1.0)


def repeated(drawn: Drawn, rows: int) -> Drawn:
    """Give so many rows, the same ones again and again."""
    places = np.arange(rows) % len(drawn.Y)
    X = {name: part[places] for name, part in drawn.X.items()} if isinstance(drawn.X, dict) else drawn.X[places]
    return drawn._replace(X=X, Y=drawn.Y[places])


def many_rows_are_few(drawn: Drawn) -> None:
    """A row's outputs do not depend on the rows beside it."""
    network, many = drawn.network(), repeated(drawn, 300)
    few = network.predict(drawn.X)
    agree(network.predict(many.X), few[np.arange(300) % len(few)], "many rows", EXACT, 0.1)
    single = {name: part[:1] for name, part in drawn.X.items()} if isinstance(drawn.X, dict) else drawn.X[:1]
    agree(network.predict(single), few[:1], "a single row", EXACT, 0.1)
    agree(network.predict(any_network.flat(drawn.X)), few, "inputs side by side", EXACT, 0.1)


def single_precision_is_near(drawn: Drawn) -> None:
    network = drawn.network()
    narrow = network.copy(dtype="float32")
    agree(narrow.predict(drawn.X), network.predict(drawn.X), "outputs in float32", 2e-4, 1.0)
    error, slopes = one_batch(network, drawn.X, drawn.Y)
    for compiled in (True, False):
        found_error, found = one_batch(narrow, drawn.X, drawn.Y, compiled=compiled)
        agree(found_error, error, "error in float32", 2e-4, 1.0)
        for name, slope in slopes.items():
            assert found[name].dtype == np.float32
            agree(found[name], slope, f"gradient of {name} in float32", 2e-3, 1.0)


# ------------------------------------------------------------------------------------------- kept, resumed, looked at


def copies_are_equal(drawn: Drawn, folder: Path) -> None:
    """Copies, pickles and files hold the same bits, predict and train alike, and read alike."""
    network = trained(drawn, epochs=1).network
    path = folder / f"{drawn.seed}.backlit"
    bl.save(network, path)
    twins = {"copy": network.copy(), "pickle": pickle.loads(pickle.dumps(network)), "file": bl.load(path)}
    after = trained(drawn, network.copy())
    for kind, twin in twins.items():
        assert repr(twin) == repr(network), kind
        assert twin.to_dict() == network.to_dict(), kind
        same_bits(twin.parameters, network.parameters, kind)
        same_bits(twin.state, network.state, kind)
        same_bits(twin.predict(drawn.X), network.predict(drawn.X), f"outputs of the {kind}")
        same_bits(trained(drawn, twin).network.parameters, after.network.parameters, f"the {kind}, trained")


def resumed_is_whole(drawn: Drawn) -> None:
    """A training that goes on from a state ends in the bits of one that never stopped."""
    whole = trained(drawn, epochs=4)
    half = trained(drawn, epochs=2)
    going_on = bl.Training(
        drawn.network(), drawn.X, drawn.Y, optimizer="adam", batch_size=4, epochs=4, seed=3, signals=False
    )
    going_on.state = pickle.loads(pickle.dumps(half.state))
    _run(going_on)
    same_bits(going_on.network.parameters, whole.network.parameters, "parameters of a resumed training")
    same_bits(going_on.network.state, whole.network.state, "statistics of a resumed training")


def signals_change_no_bit(drawn: Drawn) -> None:
    """Signals, norms and metrics that are measured beside leave the training as it is."""
    without = trained(drawn)
    with_all = trained(drawn, signals=True, gradient_norms=True, validation=(drawn.X, drawn.Y))
    with_all.network.parameters[:] = with_all.state.parameters  # the best ones are put back at the end
    same_bits(with_all.network.parameters, without.network.parameters, "parameters")
    assert len(with_all.signals)
    assert str(with_all.signals)


def everything_looks(drawn: Drawn) -> None:
    """What shows a network, or measures it, takes it, and changes nothing."""
    network = drawn.network()
    before = network.parameters.copy()
    words = [repr(network), str(network.summary()), network.summary()._repr_html_()]
    assert all(words)
    found = network.evaluate(drawn.X, drawn.Y)
    assert np.isfinite(found.loss)
    assert str(found)
    gradient = network.gradient(drawn.X, drawn.Y)
    assert set(gradient) == set(network.layout) - set(network.frozen)
    assert str(gradient)
    for label in network.labels:
        for activated in (True, False):
            assert len(network.outputs(drawn.X, label, activated=activated)) == len(drawn.Y)
    training = trained(drawn, network.copy(), signals=True)
    assert str(bl.diagnose(training))
    assert str(training.summary())
    same_bits(network.parameters, before, "parameters after looking")


ALL = (
    pytorch_agrees, definitions_agree, pytorch_trains_alike, differences_agree, plain_is_compiled,
    threads_change_no_bit, shards_agree, many_rows_are_few, single_precision_is_near, copies_are_equal,
    resumed_is_whole, signals_change_no_bit, everything_looks,
)  # fmt: skip
CHECKS: dict[str, Callable[..., None]] = {check.__name__: check for check in ALL}
WITHOUT_DROPOUT = {"pytorch_agrees", "pytorch_trains_alike", "definitions_agree"}
"""Checks against numbers that have no masks."""
WITHOUT_TRUNCATION = {"differences_agree"}
"""Truncated slopes are not those of E."""
WITHOUT_NORMS = {"definitions_agree"}
"""Batch normalization of a single row has no spread."""


def drawn_for(check: str, seed: int) -> Drawn:
    """Draw a network that a check is for."""
    return any_network.draw(
        seed, dropout=check not in WITHOUT_DROPOUT, norms=check not in WITHOUT_NORMS,
        truncated=check not in WITHOUT_TRUNCATION,
    )  # fmt: skip
