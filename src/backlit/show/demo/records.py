"""The record of a demo: a run of a network file, with what its pictures need beside the run's own numbers."""

from __future__ import annotations

import msgspec

from backlit.analysis.boundary.records import Boundary
from backlit.analysis.valley.descent_records import DescentLesson
from backlit.diagnose.records import Diagnosis
from backlit.engine import TrainingSignals
from backlit.examples import ExampleRun, SetupRun
from backlit.examples.file_tables import ComparisonTable, PartTable
from backlit.explain import Drawing, Grid

Pairs = tuple[tuple[float, float], ...]
"""Values of the one input, and of the one output or target."""


class DemoSetup(SetupRun, frozen=True):
    """A setup's training; `boundary` is what the trained network says over its two inputs, where the rows have classes.

    It is None for another number of inputs, and where the targets are no classes. `drawing` is the network at the first
    weights with the numbers of the first row, where it is no chain of dense layers.
    """

    boundary: Boundary | None = None
    drawing: Drawing | None = None


class TroubleRun(msgspec.Struct, frozen=True):
    """What is shown of a run beside its errors.

    `code` names the trouble that the run has, "" where it has none; then there is no `diagnosis`. `signals` are those
    of the layers that have a matrix of weights. `answers` are the network's over its one input, where it has one input
    and one output. `filters` are those of the first convolution after training, `maps` the trained network with the
    first row's numbers, `time` the length of the slope at each time of the first recurrent layer, in the order in which
    it reads them, at the first weights and after training; each where the file shows it.
    """

    name: str
    code: str
    diagnosis: Diagnosis | None
    signals: TrainingSignals
    answers: Pairs = ()
    filters: tuple[Grid, ...] = ()
    maps: Drawing | None = None
    time: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())


class TroubleLesson(msgspec.Struct, frozen=True):
    """Runs of which some have a trouble of training; `table` says which, and what is shown of them.

    `baseline` is E over the training rows where each is answered with the mean target; None where the loss has no such
    number. `rows` and `validation` are the rows of a network of one input and one output. `epochs` were asked for
    instead of the file's own, which its words are about; None where none were.
    """

    table: ComparisonTable
    runs: tuple[TroubleRun, ...]
    baseline: float | None
    rows: Pairs = ()
    validation: Pairs = ()
    epochs: int | None = None


class DemoRun(ExampleRun, frozen=True):
    """A network file's run; `lesson` holds the numbers of the valley, and `parts` says what is shown of it.

    Both are empty where the file has no valley; `trouble` is None where it has no trouble.
    """

    runs: tuple[DemoSetup, ...]
    lesson: DescentLesson | None = None
    parts: tuple[PartTable, ...] = ()
    trouble: TroubleLesson | None = None
