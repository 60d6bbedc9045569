"""What is trained on: the choice of it, and what is done to each column of a table."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from backlit.data import BUNDLED
from backlit.data.messages import listed, quoted
from backlit.errors import BacklitError, counted
from backlit.examples import NAMES
from backlit.page.commands import command
from backlit.page.session import Panel, Part
from backlit.page.sources import Source, of_table, source_of
from backlit.page.uploads import LARGEST, in_words
from backlit.page.view import View
from backlit.show.charts.numbers import four_digits
from backlit.show.live.source import ColumnRow, SourceFacts, columns_html, source_html


class SourcePanel(Panel):
    """The choice of what is trained on: a bundled data set, a classic example, a file, a target."""

    name: ClassVar[str] = "source"
    NAMES: ClassVar[tuple[str, ...]] = ("data", "data.target")

    def draw(self, view: View) -> Part:
        """Draw the controls; the numbers hold the page's title."""
        return Part(source_html(facts_of(view.source)), numbers={"title": view.source.title})

    def facts(self) -> Mapping[str, str]:
        """Give what names the data, and the target where it is not the data's own."""
        source = self.session.source
        found = {"data": shlex.join(source.given)} if source.given else {}
        own = BUNDLED.get(source.given[0]) if source.given else None
        return found if source.table is None or source.target == own else found | {"data.target": source.target}

    def recall(self, facts: Mapping[str, str]) -> None:
        """Take the data again where others are there; a file cannot be opened from here, by whatever name."""
        source = self.session.source
        now = self.facts().get("data", source.title)
        wanted = facts.get("data", now)
        if wanted in {*BUNDLED, *NAMES} and (wanted != now or source.changes):
            self.choose(wanted)
        elif wanted != now:
            raise BacklitError(
                f"the address is of {wanted}, and this page trains on {now}; start the program with it: "
                f"backlit page {wanted}."
            )
        target = facts.get("data.target", BUNDLED.get(str(facts.get("data")), ""))
        if target and target != self.session.source.target:
            self.predict(target)

    @command
    def choose(self, name: str) -> None:
        """Train on a bundled data set or a classic example.

        Errors: a BacklitError for another name.
        """
        known = [*BUNDLED, *NAMES]
        if name not in known:
            raise BacklitError(f"there is no data set or example {quoted(name)}; there are {listed(known, 50)}.")
        self.session.take(of_table(name) if name in BUNDLED else source_of(name))

    @command
    def predict(self, column: str) -> None:
        """Predict another column of the table.

        Errors: a BacklitError where there is no table, or the column cannot be predicted.
        """
        source = self.session.source
        if source.whole is None:
            raise BacklitError("there is no table; expected one, to choose the column that is predicted.")
        own = source.given[0] in BUNDLED
        try:
            chosen = of_table(source.given[0] if own else source.whole, column)
        except BacklitError as error:
            raise BacklitError(in_words(error)) from error
        self.session.take(chosen)


class ColumnsPanel(Panel):
    """What is done to each column of the table, and what the reader warned of."""

    name: ClassVar[str] = "columns"

    def draw(self, view: View) -> Part:
        """Draw the table of columns."""
        source = view.source
        html = columns_html(facts_of(source), predicted_words(source), column_rows(source), source.told,
                            of_table=source.table is not None)  # fmt: skip
        return Part(html)


def facts_of(source: Source) -> SourceFacts:
    """Give what is said of a source."""
    own = source.given[0] if source.given else ""
    return SourceFacts(
        title=source.title, target=source.target if source.table else "",
        columns=source.whole.columns if source.whole is not None else (), training=len(source.X),
        validation=len(source.rows("validation")[0]), kept=source.kept,
        own=own if own in BUNDLED or own in NAMES else "", sets=tuple(BUNDLED), examples=NAMES, largest=LARGEST,
    )  # fmt: skip


def predicted_words(source: Source) -> str:
    """Say what is predicted."""
    if source.table is None:
        outputs = source.Y.shape[1] if source.Y.ndim > 1 else 1
        return f"Each row has {counted(outputs, 'target')}."
    if source.classes:
        return f"Predicted is {quoted(source.target)}, {len(source.classes)} classes: {listed(source.classes)}."
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
