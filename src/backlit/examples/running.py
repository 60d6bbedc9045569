"""Running a network file: train each of its setups, and record its errors, predictions and figures. Prints nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from backlit.data import BUNDLED
from backlit.engine import Network, Training, class_level
from backlit.errors import BacklitError, collecting
from backlit.examples.file_tables import ComputedTable, PublishedTable
from backlit.examples.measuring import Measurement, classes_of
from backlit.examples.netfile import NetworkFile, Setup, read_network_file
from backlit.examples.quantity_parsing import parse_quantity
from backlit.examples.rows_are_units import rows_are_units
from backlit.examples.run_records import (
    ClassCount,
    ComputedFigure,
    ErrorAt,
    Example,
    ExampleRun,
    Figure,
    LayerInWords,
    Parameter,
    Prediction,
    SetupRun,
    same_digits,
    significant_digits,
)
from backlit.examples.strict import unknown_key
from backlit.kernels.types import Array

FOLDER = Path(__file__).parent
NAMES = (
    "two-layer", "one-output", "linear", "xor", "gates", "iris-from-scratch", "exam-scores", "descent", "valley",
    "vanishing", "exploding", "overfitting", "rate", "dead-relu", "convolution",
    "digits-convolution", "recurrent", "memory", "residual",
)  # fmt: skip
"""The classic examples, in the order in which to read them; behind the first nine come five troubles of training and
their cures, and five networks that are no chain of dense layers."""

NO_NETWORKS = {".csv", ".tsv", ".parquet", ".xlsx", ".npy", ".npz", ".json", ".py", ".ipynb", ".html", ".pdf", ".gz"}
"""Endings of files that hold something else."""

POINTS = 60
"""How many evenly spaced epochs the error is recorded at, besides 0, 1, 2, 5, 10, 20, 50 and so on."""

SHOWN_ROWS = 12


def examples() -> tuple[Example, ...]:
    """Give the bundled examples.

    >>> [example.name for example in examples()][:3]
    ['two-layer', 'one-output', 'linear']
    """
    files = [(name, read_network_file(example_file(name))) for name in NAMES]
    return tuple(Example(name, file.title, file.teaches) for name, file in files)


def example_file(name: str) -> Path:
    """Give the file of a bundled example, or a file of one's own at that path.

    Errors: a BacklitError that names the nearest example, or a file of nearly that name, where there is neither.
    """
    if name in NAMES:
        return FOLDER / f"{name}.toml"
    path = Path(name)
    if path.suffix.lower() in NO_NETWORKS and path.exists():
        raise BacklitError(f"{name} is no network file; expected one in TOML (.toml), or an example's name.")
    if path.is_file():
        return path
    if path.is_dir():
        files = sorted(path.glob("*.toml"))
        raise BacklitError(f"{name} is a folder; expected a network file{f', such as {files[0]}' if files else ''}.")
    if name in BUNDLED:
        near = [example for example in NAMES if example.startswith(name)]
        there = f"; the example on it is {near[0]!r}" if near else ""
        raise BacklitError(f"{name} is a bundled data set, no example{there}. `backlit train {name}` trains on it.")
    raise BacklitError(unknown_key(name, NAMES).replace("unknown key", "unknown example") + _near_files(path))


def _near_files(path: Path) -> str:
    """Name the files beside that path whose names begin alike, as the end of a message."""
    folder = path.parent
    alike = sorted(p.name for p in folder.glob("*.toml*") if p.name.startswith(path.stem)) if folder.is_dir() else []
    if path.suffix or path.parent != Path():
        missing = f" There is no file {path}"
        return f"{missing}; there is {folder / alike[0]}." if alike else f"{missing}."
    return f" There is a file {folder / alike[0]}." if alike else ""


class Trained(NamedTuple):
    """A run of a network file: its record, the file, and of each of its setups the trained network and its training."""

    run: ExampleRun
    file: NetworkFile
    networks: tuple[Network, ...]
    trainings: tuple[Training, ...]


def run_example(name: str, *, epochs: int | None = None, compiled: bool = True) -> ExampleRun:
    """Run a bundled example, or the network file at a path.

    `epochs` replaces the file's number; `compiled` False runs the same maths as plain NumPy.

    Errors: a BacklitError for an unknown example or a file that does not fit.

    >>> run = run_example("linear", compiled=False).runs[0]
    >>> [f"{at.error:.9f}" for at in run.errors]
    ['0.327240500', '0.276957171']
    """
    return train_example(name, epochs=epochs, compiled=compiled).run


def train_example(name: str, *, epochs: int | None = None, compiled: bool = True) -> Trained:
    """Run a bundled example, or the network file at a path, as `run_example` does, and give its networks too."""
    path = Path(name) if name.endswith(".toml") else example_file(name)
    file = read_network_file(path)
    overrides = {} if epochs is None else {"epochs": epochs}
    networks = tuple(setup.build() for setup in file.setups)
    trainings = tuple(setup.training(network, compiled=compiled, **overrides)
                      for setup, network in zip(file.setups, networks, strict=True))  # fmt: skip
    runs = tuple(_run(setup, training, file, compiled)
                 for setup, training in zip(file.setups, trainings, strict=True))  # fmt: skip
    run = ExampleRun(path.stem, file.title, file.teaches, file.about, file.source, file.race, compiled, runs)
    return Trained(run, file, networks, trainings)


def _run(setup: Setup, training: Training, file: NetworkFile, compiled: bool) -> SetupRun:
    network = training.network
    first = network.copy()
    errors: list[ErrorAt] = []
    listed: tuple[PublishedTable | ComputedTable, ...] = (*setup.published, *setup.computed)
    found: dict[PublishedTable | ComputedTable, float] = {}
    wanted, said = _sampled(training.epochs) | {item.after for item in listed}, list[str]()
    classifies, rows = _classifies(training.Y), setup.all_rows()
    measured = Measurement(setup, network, compiled=compiled, rows=rows)
    for epoch, seconds in _epochs(training, sorted(wanted), said):
        measured.at(network)
        errors.append(_error_at(epoch, seconds, measured, classifies=classifies))
        due = [item for item in listed if item.after == epoch]
        found |= {item: measured.value(parse_quantity(item.quantity, setup.names)) for item in due}
    done = len(training.history)
    best = training.best.number if training.keep_best and training.best is not None else done
    measured.at(network)
    last = _error_at(best, training.history[best - 1].seconds if best else 0.0, measured, classifies=classifies)
    if best == done != errors[-1].epoch:
        errors.append(last)
    per_epoch = errors[-1].seconds / max(done, 1)
    if file.race:
        per_epoch = _seconds_per_epoch(setup, done, compiled)
        errors = [msgspec.structs.replace(at, seconds=at.epoch * per_epoch) for at in errors]
    X, T = rows.test
    figures = tuple(_published(item, found.get(item)) for item in setup.published)
    advice = rows_are_units(setup, figures, compiled=compiled)
    return SetupRun(
        setup.name, setup.about, setup.names.inputs, _layers(setup),
        network.loss.to_dict(), training.optimizer.to_dict(),
        training.batch_size, done, training.stopped or "", len(training.X), len(X), per_epoch, tuple(errors),
        _parameters(setup, first, network), _predictions(setup, first, network, compiled),
        last.accuracy, last.test_accuracy,
        _class_counts(setup, network.predict(X, compiled=compiled), T) if classifies and len(X) else (),
        figures, tuple(_computed(item, found.get(item)) for item in setup.computed),
        (*said, *filter(None, [advice])), len(rows.validation[0]), last if best != done else None,
        next(iter(network.graph.inputs.values())) if len(network.graph.inputs) == 1 else (), setup.names.outputs,
    )  # fmt: skip


def _epochs(training: Training, wanted: Sequence[int], said: list[str]) -> Iterator[tuple[int, float]]:
    """Train, giving the number of epochs done and the seconds they took: at 0, at the wanted ones, and at the end.

    Epochs in between run in one call of the machine. What a training warns of belongs to the record of the run: it is
    added to `said`.
    """
    yield 0, 0.0
    later = [*wanted, training.epochs]

    def unseen() -> int:
        done = len(training.history)
        return max(1, next((number for number in later if number > done), done) - done)

    epochs = training.in_chunks(unseen)
    while True:
        with collecting(said):
            epoch = next(epochs, None)
        if epoch is None:
            return
        if epoch.number in wanted or (training.stopped and epoch.number == len(training.history)):
            yield epoch.number, epoch.seconds


def _sampled(epochs: int) -> set[int]:
    """Choose the epochs to record: evenly spaced ones, and 0, 1, 2, 5, 10, 20, 50 ... and the last."""
    even = {round(k * epochs / POINTS) for k in range(POINTS + 1)}
    return even | set(milestones(epochs))


def milestones(epochs: int) -> list[int]:
    """Give 0, 1, 2, 5, 10, 20, 50 ... up to the last epoch.

    >>> milestones(60)
    [0, 1, 2, 5, 10, 20, 50, 60]
    """
    steps = [digit * 10**power for power in range(len(str(epochs))) for digit in (1, 2, 5)]
    return sorted({0, *(step for step in steps if step < epochs), epochs})


def _seconds_per_epoch(setup: Setup, epochs: int, compiled: bool) -> float:
    """Time an epoch of a training without measurements in between: the best of three."""
    times = []
    for _ in range(3):
        training = setup.training(setup.build(), compiled=compiled, epochs=epochs).run()
        times.append(training.history[-1].seconds if training.history else 0.0)
    return min(times) / max(epochs, 1)


# -------------------------------------------------------------------------------------------------------------- records


def _error_at(epoch: int, seconds: float, measured: Measurement, *, classifies: bool) -> ErrorAt:
    """Record the errors, and the accuracies where the targets are classes."""
    validation = measured.validation_error()
    if not classifies:
        return ErrorAt(epoch, measured.error, seconds, validation_error=validation)
    return ErrorAt(epoch, measured.error, seconds, measured.accuracy(), measured.test_accuracy(), validation,
                   measured.validation_accuracy())  # fmt: skip


def _layers(setup: Setup) -> tuple[LayerInWords, ...]:
    pairs = zip(setup.layers(), setup.names.units, strict=True)
    return tuple(LayerInWords(layer.name, layer.summary(), units) for layer, units in pairs)


def _published(item: PublishedTable, ours: float | None) -> Figure:
    verdict = None if ours is None else same_digits(item.value, ours)
    digits = significant_digits(item.value)
    return Figure(item.after, item.quantity, item.label, item.value, digits, ours, verdict, item.note)


def _computed(item: ComputedTable, ours: float | None) -> ComputedFigure:
    verdict = None if ours is None else same_digits(item.value, ours)
    digits = significant_digits(item.value)
    return ComputedFigure(
        item.after, item.quantity, item.label, item.value, item.origin, digits, ours, verdict, item.note
    )


def _parameters(setup: Setup, before: Network, after: Network) -> tuple[Parameter, ...]:
    """List all weights and biases by name."""
    listed = []
    for array in after:
        old, new, trained = before[array], after[array], array not in after.frozen
        for index in np.ndindex(new.shape):
            listed.append(Parameter(
                setup.names.parameter(array, *index), setup.names.own_label(array, *index), trained,
                float(old[index]), float(new[index]),
            ))  # fmt: skip
    return tuple(listed)


def _predictions(setup: Setup, before: Network, after: Network, compiled: bool) -> tuple[Prediction, ...]:
    """Give the first rows with their outputs."""
    first, last = (Measurement(setup, network, compiled=compiled) for network in (before, after))
    sums = last.array(_last_sums(setup.names.graph))
    columns = [of.reshape(len(last.X), -1) for of in (last.X, last.T, first.outputs, last.outputs, sums)]
    return tuple(
        Prediction(*(tuple(map(float, column[row])) for column in columns))
        for row in range(min(SHOWN_ROWS, len(last.X)))
    )


def _last_sums(graph: Any) -> str:
    """Name the array that the last layer with weights writes, before its activation."""
    weighted = [node.writes for node, shapes in zip(graph.nodes, graph.shapes, strict=True) if shapes.parameters]
    return str(weighted[-1] if weighted else graph.nodes[-1].writes)


def _classifies(targets: Array) -> bool:
    """Whether targets are classes: 0 in places and 1 in the others, and of several columns exactly one 1 per row."""
    zero_one = set(np.unique(targets)) == {0.0, 1.0}
    return zero_one and (targets.shape[1] == 1 or bool((targets.sum(axis=1) == 1.0).all()))


def _class_counts(setup: Setup, outputs: Array, targets: Array) -> tuple[ClassCount, ...]:
    """Count the test rows of each class, how many were predicted to be of it, and how many of these are."""
    predicted, actual = classes_of(outputs, class_level(setup.build().loss)), classes_of(targets)
    names: Sequence[str] = setup.names.outputs if outputs.shape[1] > 1 else ("0", "1")
    return tuple(
        ClassCount(
            name, int((actual == k).sum()), int((predicted == k).sum()), int(((predicted == k) & (actual == k)).sum())
        )
        for k, name in enumerate(names)
    )
