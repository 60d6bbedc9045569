"""Records of a network file's run: errors, parameters, predictions and published figures; they encode as JSON."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec


class ErrorAt(msgspec.Struct, frozen=True):
    """The error E over all training rows after so many epochs; `seconds` of training had passed by then.

    `accuracy` is the share of the training rows whose class is predicted, `test_accuracy` that of the test rows; None
    where the targets are no classes, or where there are no test rows. `validation_error` is E over the validation rows,
    `validation_accuracy` the share of them that is predicted right; None where there are none.
    """

    epoch: int
    error: float
    seconds: float
    accuracy: float | None = None
    test_accuracy: float | None = None
    validation_error: float | None = None
    validation_accuracy: float | None = None


class Parameter(msgspec.Struct, frozen=True):
    """A weight or bias before and after training; `label` is the file's own name for it, if any."""

    name: str
    label: str
    trained: bool
    before: float
    after: float


class Prediction(msgspec.Struct, frozen=True):
    """A row's inputs and targets, its outputs before and after training, and the last weighted sums after it."""

    inputs: tuple[float, ...]
    targets: tuple[float, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    sums: tuple[float, ...]


class ClassCount(msgspec.Struct, frozen=True):
    """Counts of a class: its rows, those predicted to be of it, and those of both."""

    name: str
    rows: int
    predicted: int
    right: int


class Figure(msgspec.Struct, frozen=True):
    """A number that a source prints, beside ours; `equal` tells whether ours, rounded to its digits, is the same.

    `digits` says how many digits the source prints. `ours` and `equal` are None where the run ended earlier.
    """

    after: int
    quantity: str
    label: str
    published: str
    digits: int
    ours: float | None
    equal: bool | None
    note: str


class ComputedFigure(msgspec.Struct, frozen=True):
    """A number that no source prints: `origin` says what gives it, apart from this run. Otherwise as `Figure`."""

    after: int
    quantity: str
    label: str
    computed: str
    origin: str
    digits: int
    ours: float | None
    equal: bool | None
    note: str


class LayerInWords(msgspec.Struct, frozen=True):
    """A layer: its op, a summary, and the names of its units (none where it has no units of its own)."""

    op: str
    summary: str
    units: tuple[str, ...]


class SetupRun(msgspec.Struct, frozen=True):
    """The record of a setup's training; `warnings` are what the training warned of.

    `kept` has the numbers of the weights that the network was given at the end, those of the epoch of the lowest loss,
    where these are not the last ones; parameters, predictions and accuracies are those of the network. `shape` is that
    of a row of inputs, `outputs` are the names of all outputs: those of a sequence at each time.
    """

    name: str
    about: str
    inputs: tuple[str, ...]
    layers: tuple[LayerInWords, ...]
    loss: dict[str, Any]
    optimizer: dict[str, Any]
    batch_size: int
    epochs: int
    stopped: str
    rows: int
    test_rows: int
    seconds_per_epoch: float
    errors: tuple[ErrorAt, ...]
    parameters: tuple[Parameter, ...]
    predictions: tuple[Prediction, ...]
    training_accuracy: float | None
    test_accuracy: float | None
    test_classes: tuple[ClassCount, ...]
    figures: tuple[Figure, ...]
    computed: tuple[ComputedFigure, ...]
    warnings: tuple[str, ...] = ()
    validation_rows: int = 0
    kept: ErrorAt | None = None
    shape: tuple[int, ...] = ()
    outputs: tuple[str, ...] = ()

    @property
    def end(self) -> ErrorAt:
        """The numbers of the network as the training left it."""
        return self.kept or self.errors[-1]


class ExampleRun(msgspec.Struct, frozen=True):
    """The record of a network file and its setups. `msgspec.json.encode` turns it into JSON as it is."""

    name: str
    title: str
    teaches: str
    about: str
    source: str
    race: bool
    compiled: bool
    runs: tuple[SetupRun, ...]


class Example(msgspec.Struct, frozen=True):
    """An example: its name, its title and the lesson in it."""

    name: str
    title: str
    teaches: str


def significant_digits(value: str) -> int:
    """Count the digits that a figure is given with, without the zeros in front.

    >>> [significant_digits(value) for value in ("0.0081", "-.30", "0.298371109", "2.5e-7", "0.0", "10")]
    [2, 2, 9, 2, 1, 2]
    """
    return len(Decimal(value).as_tuple().digits)


def same_digits(published: str, ours: float) -> bool:
    """Whether our number, rounded to the published digits, is the published one.

    >>> same_digits("0.298371109", 0.2983711087600027), same_digits(".30", 0.2983711), same_digits("3.5e-5", 3.46e-5)
    (True, True, True)
    >>> same_digits("0.291027924", 0.29102777369359933)
    False
    """
    wanted = Decimal(published)
    return Decimal(ours).quantize(wanted) == wanted
