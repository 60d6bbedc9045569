"""What is trained on: the choice of it, and what is done to each column of a table."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from typing import ClassVar

import msgspec
import numpy as np

from backlit.data import BUNDLED
from backlit.data.messages import listed, quoted
from backlit.data.target import TaskKind
from backlit.data.values import is_number
from backlit.errors import BacklitError, counted
from backlit.examples import NAMES
from backlit.page.commands import slow_command
from backlit.page.file_sources import of_run
from backlit.page.session import Panel, Part
from backlit.page.sources import Source, of_table, source_of
from backlit.page.uploads import LARGEST, in_words
from backlit.page.view import View
from backlit.show.charts.numbers import four_digits
from backlit.show.live.source import ColumnRow, SourceFacts, columns_html, source_html
from backlit.show.names import short

LONGEST = 80
"""Characters of an address's data that a message repeats."""

NAME = re.compile(r"(?!-)[\w./\\: +()-]+")
"""A name of data, or a path, that means nothing to a shell; of letters of any language."""


class SourcePanel(Panel):
    """The choice of what is trained on: a bundled data set, a classic example, a file, a target."""

    name: ClassVar[str] = "source"
    NAMES: ClassVar[tuple[str, ...]] = ("data", "data.target")

    def draw(self, view: View) -> Part:
        """Draw the controls; the numbers hold the page's title."""
        return Part(source_html(facts_of(view.source), begins(view)), numbers={"title": view.source.title})

    def facts(self) -> Mapping[str, str]:
        """Give what names the data, and the target where it is not the data's own."""
        source = self.session.source
        found = {"data": shlex.join(source.given)} if source.given else {}
        return found | ({"data.target": source.target} if source.asks else {})

    def recall(self, facts: Mapping[str, str]) -> None:
        """Take the data again where others are there; a file cannot be opened from here, by whatever name."""
        source = self.session.source
        now = self.facts().get("data", source.title)
        wanted = facts.get("data", now)
        own = _own(wanted)
        if own is not None and (wanted != now or source.changes):
            self.session.take(of_table(own[0]) if own[0] in BUNDLED else source_of(own[0], run=own[1]))
        elif wanted != now:
            command = _command(wanted)
            raise BacklitError(
                f"the address is of {f'other data, {quoted(short(wanted, LONGEST))}' if not command else wanted}, and "
                f"this page trains on {now}{f'; start the program with it: {command}' if command else ''}."
            )
        target = _target(facts)
        if target and target != self.session.source.target:
            self.predict(target)

    def takes(self, facts: Mapping[str, str]) -> bool:
        """Whether other rows or another target would be taken."""
        source = self.session.source
        now = self.facts().get("data", source.title)
        wanted = facts.get("data", now)
        if wanted != now or source.changes:
            return _own(wanted) is not None
        return _target(facts) not in ("", source.target)

    @slow_command
    def choose(self, name: str) -> None:
        """Train on a bundled data set or a classic example.

        Errors: a BacklitError for another name.
        """
        known = [*BUNDLED, *NAMES]
        if name not in known:
            raise BacklitError(f"there is no data set or example {quoted(name)}; there are {listed(known, 50)}.")
        self.session.take(of_table(name) if name in BUNDLED else source_of(name))

    @slow_command
    def predict(self, column: str) -> None:
        """Predict another column of the table.

        Errors: a BacklitError where there is no table, or the column cannot be predicted.
        """
        source = self.session.source
        if source.retarget is None:
            why = "a model predicts what it has learned" if source.whole is not None else "there is no table"
            raise BacklitError(f"{why}; expected a table, to choose the column that is predicted.")
        self._take(source, lambda: source.retarget(column, None) if source.retarget else source)

    @slow_command
    def learn(self, task: TaskKind) -> None:
        """Learn the column as classes, or as numbers.

        Errors: a BacklitError where it does not hold such.
        """
        source = self.session.source
        if source.retarget is None:
            raise BacklitError("what is learned is fixed here; expected a table, to choose it.")
        self._take(source, lambda: source.retarget(source.target, task) if source.retarget else source)

    @slow_command
    def run(self, name: str) -> None:
        """Take another run of the network file.

        Errors: a BacklitError where there is none of that name.
        """
        source = self.session.source
        if source.file is None:
            raise BacklitError("there is one run; expected a network file that has several.")
        file = source.file
        self._take(source, lambda: of_run(file, source.given, source.given[0], name))

    def _take(self, before: Source, make: Callable[[], Source]) -> None:
        """Take another source that is made of the one before, unless a third one was taken meanwhile."""
        try:
            made = msgspec.structs.replace(make(), uploaded=before.uploaded)
        except BacklitError as error:
            raise BacklitError(in_words(error)) from error
        with self.session.turn():
            if self.session.source is not before:
                raise BacklitError("something else was opened meanwhile, and stays; choose again.")
            self.session.take(made)


def _own(data: str) -> tuple[str, str | None] | None:
    """Give the bundled data set or the example, and the run of that, which words of an address name; else None."""
    try:
        name, *rest = shlex.split(data)
    except ValueError:  # nothing, or a quotation mark without another one
        return None
    if name in BUNDLED and not rest:
        return name, None
    run = rest[1] if len(rest) == 2 and rest[0] == "--run" else None
    return (name, run) if name in NAMES and (run is not None or not rest) else None


def _target(facts: Mapping[str, str]) -> str:
    """Give the target that facts name; that of bundled data where they name none."""
    return facts.get("data.target", BUNDLED.get(str(facts.get("data")), ""))


def _command(data: str) -> str:
    """Give the command that opens data by words of an address; nothing where they are no names of data alone.

    An address comes from anybody, and a person runs a command that the page names.

    >>> _command("houses.csv --data 'my rows.csv'"), _command("iris --plugin evil.py"), _command("x; rm y")
    ("backlit page houses.csv --data 'my rows.csv'", '', '')
    """
    try:
        name, *rest = shlex.split(data)
    except ValueError:
        return ""
    values = [name, *rest[1::2]]
    if len(rest) % 2 or not {*rest[::2]} <= {"--data", "--run", "--task"}:
        return ""
    return shlex.join(["backlit", "page", name, *rest]) if all(map(NAME.fullmatch, values)) else ""


class ColumnsPanel(Panel):
    """What is done to each column of the table, and what the reader warned of."""

    name: ClassVar[str] = "columns"

    def draw(self, view: View) -> Part:
        """Draw the table of columns."""
        source = view.source
        html = columns_html(facts_of(source), predicted_words(source), column_rows(source), source.told,
                            of_table=source.table is not None, basis=basis_of(source))  # fmt: skip
        return Part(html)


def facts_of(source: Source) -> SourceFacts:
    """Give what is said of a source."""
    own = source.given[0] if len(source.given) == 1 or source.file is not None else ""
    return SourceFacts(
        title=source.title, target=source.target if source.retarget is not None else "",
        columns=source.whole.columns if source.whole is not None else (), training=len(source.X),
        runs=tuple(setup.name for setup in source.file.setups) if source.file is not None else (),
        run=source.setup.name if source.setup is not None else "", task=task_of(source),
        validation=len(source.rows("validation")[0]), kept=source.kept,
        own=own if own in BUNDLED or own in NAMES else "", sets=tuple(BUNDLED), examples=NAMES, largest=LARGEST,
    )  # fmt: skip


def task_of(source: Source) -> str:
    """Say what is learned of a column that could be learned as classes or as numbers; nothing of others."""
    if source.retarget is None or source.table is None or source.whole is None:
        return ""
    return source.table.task.kind if is_number(source.whole.column(source.target).type) else ""


def basis_of(source: Source) -> str:
    """Say which rows the means and the like of a table's columns are of."""
    if source.table is None:
        return ""
    if source.first is not None:
        return f"What is told of a column is of the rows that {source.first.of} has learned from."
    rows = len(source.table.rows["train"])
    return f"What is told of a column is of all {rows:,} rows that train or validate." if source.table.folds else ""


def begins(view: View) -> str:
    """Say at which weights a model's network begins."""
    first = view.source.first
    if first is None:
        return ""
    if view.source.begins_at_model(view.design, view.network):
        return f"It begins at the weights of {first.of}."
    return f"Its layers or its seed are not those of {first.of} any more, so its first weights are drawn."


def predicted_words(source: Source) -> str:
    """Say what is predicted."""
    if source.table is None:
        outputs = source.Y.shape[1] if source.Y.ndim > 1 else 1
        return f"Each row has {counted(outputs, 'target')}."
    if source.classes:
        what = f"{len(source.classes)} classes: {listed(source.classes)}."
        each = " Each class has an output: 1 for the rows of the class, 0 for the others." if source.Y.ndim > 1 else ""
        return f"Predicted is {quoted(source.target)}, {what}{each}"
    return f"Predicted is {quoted(source.target)}, a number; it is learned standardized."


def column_rows(source: Source) -> list[ColumnRow]:
    """Give a row for each column of a table, or for each input of rows of numbers."""
    if source.table is not None:
        return [ColumnRow(one.column, one.kind, one.done, one.outputs) for one in source.columns]
    names, X = input_names(source), source.X
    if not len(X):
        return []
    return [ColumnRow(name, "number", _range(X[:, k]), 1) for k, name in enumerate(names[: X.shape[1]])]


def input_names(source: Source) -> tuple[str, ...]:
    """Name the inputs of rows of numbers."""
    given = source.setup.names.inputs if source.setup is not None else ()
    count = source.X.shape[1]
    return tuple(given) if len(given) == count else tuple(f"i{k + 1}" for k in range(count))


def _range(values: np.ndarray) -> str:
    low, high = float(values.min()), float(values.max())
    if low == high:
        return f"{four_digits(low)} in every row"
    return f"{four_digits(low)} to {four_digits(high)}, mean {four_digits(float(values.mean()))}"
