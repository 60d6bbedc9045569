"""The record of a demo: a run of a network file, with what its pictures need beside the run's own numbers."""

from __future__ import annotations

from backlit.analysis.boundary.records import Boundary
from backlit.analysis.valley.descent_records import DescentLesson
from backlit.examples import ExampleRun, SetupRun
from backlit.examples.file_tables import PartTable


class DemoSetup(SetupRun, frozen=True):
    """A setup's training; `boundary` is what the trained network says over its two inputs, where the rows have classes.

    It is None for another number of inputs, and where the targets are no classes.
    """

    boundary: Boundary | None = None


class DemoRun(ExampleRun, frozen=True):
    """A network file's run; `lesson` holds the numbers of the valley, and `parts` says what is shown of it.

    Both are empty where the file has no valley.
    """

    runs: tuple[DemoSetup, ...]
    lesson: DescentLesson | None = None
    parts: tuple[PartTable, ...] = ()
