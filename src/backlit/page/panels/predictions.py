"""Predictions beside targets: the most wrong rows first, in the columns' own units."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar

from backlit.analysis.boundary.outputs import EncodedOutputs, NetworkOutputs
from backlit.analysis.live.predictions import Predictions, predictions
from backlit.data.values import label_text
from backlit.engine import Network, rows_of
from backlit.errors import BacklitError
from backlit.page import commands
from backlit.page.commands import command
from backlit.page.facts import whole
from backlit.page.panels.source import input_names
from backlit.page.session import Panel, Part, Session
from backlit.page.source import Source, Which
from backlit.page.view import View
from backlit.show.live.numbers import printed
from backlit.show.live.predictions import PageOfRows, RowCells, nothing_html, predictions_html

SIZE = 50
"""Rows of a page."""

MOST_COLUMNS = 10

APART, SHARE = 1.0, 0.02
"""While training plays, the table is made anew after so many seconds, and takes so much of the time at the most."""


class PredictionsPanel(Panel):
    """The predictions of training or validation rows.

    Attributes:
        which: the rows that are looked at. page: the page of them. chosen: a row's kind and place from 0, or None.
    """

    name: ClassVar[str] = "predictions"
    NAMES: ClassVar[tuple[str, ...]] = ("predictions.rows", "predictions.page", "predictions.chosen")

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.which: Which = "training"
        self.page = 0
        self.chosen: tuple[Which, int] | None = None
        self._key: tuple[Any, ...] = ()
        self._drawn, self._due = Part(""), 0.0
        self._outputs: tuple[Network, str, NetworkOutputs] | None = None

    def draw(self, view: View) -> Part:
        """Draw the table; while training plays, at most once a second."""
        asked = view.network, self.which, self.page, self.chosen
        key = *asked, view.epoch, view.step, view.replayed
        now = time.monotonic()
        if key == self._key or (view.playing and asked == self._key[:4] and now < self._due):
            return self._drawn
        self._drawn, self._key = Part(self._html(view)), key
        took = time.monotonic() - now
        self._due = now + max(APART, took / SHARE)
        return self._drawn

    def _html(self, view: View) -> str:
        source = view.source
        X, Y = source.rows(self.which)
        try:
            outputs = self._outputs_of(view)
            page = min(self.page, (len(X) - 1) // SIZE)
            found = predictions(view.network, outputs, X, Y, first=SIZE * page, count=SIZE)
        except BacklitError as error:
            return nothing_html(str(error))
        chosen = self.chosen[1] if self.chosen and self.chosen[0] == self.which else None
        page_of = PageOfRows(
            which=self.which, training=len(source.X), validation=len(source.rows("validation")[0]), size=SIZE,
            chosen=chosen, said=self._said(), step=self._step(),
        )  # fmt: skip
        return predictions_html(found, cells_of(source, self.which, found), page_of)

    def _outputs_of(self, view: View) -> NetworkOutputs:
        """Give what the network predicts: once for a network."""
        known = self._outputs
        if known is None or known[0] is not view.network or known[1] != self.which:
            known = self._outputs = (
                view.network, self.which, outputs_of(view.network, view.source, *view.source.rows(self.which))
            )  # fmt: skip
        return known[2]

    def _said(self) -> str:
        """Say what follows from the chosen row."""
        if self.chosen is None:
            return ""
        which, row = self.chosen
        return f"Chosen is {which} row {row + 1:,}: it is marked in the boundary's plane."

    def _step(self) -> dict[str, Any]:
        """Give the arguments that the view One row takes the chosen row by, none where there is neither."""
        if self.chosen is None or "step" not in self.session.panels:
            return {}
        which, row = self.chosen
        return {"number": row + 1, "which": which}

    def facts(self) -> Mapping[str, str]:
        """Give which rows are looked at, their page from 1 on, and the chosen row."""
        found: dict[str, str] = {} if self.which == "training" else {"predictions.rows": self.which}
        if self.page:
            found["predictions.page"] = str(self.page + 1)
        if self.chosen is not None:
            found["predictions.chosen"] = f"{self.chosen[0]}:{self.chosen[1] + 1}"
        return found

    def recall(self, facts: Mapping[str, str]) -> None:
        """Look at the same rows again; the view of one row is left as it is."""
        self.chosen = None
        commands.call(self, "show", {"which": facts.get("predictions.rows", "training")})
        self.go(whole(facts, "predictions.page", 1) - 1)
        if "predictions.chosen" in facts:
            which, _, row = facts["predictions.chosen"].partition(":")
            commands.call(self, "mark", {"which": which, "row": whole({"row": row}, "row", 1)})

    # --------------------------------------------------------------------------------------------------- commands

    @command
    def show(self, which: Which) -> None:
        """Look at training or validation rows.

        Errors: a BacklitError where there are none.
        """
        if not len(self.session.source.rows(which)[0]):
            raise BacklitError(f"there are no {which} rows; expected those of another kind.")
        self.which, self.page = which, 0

    @command
    def go(self, page: int) -> None:
        """Go to a page, counted from 0."""
        last = (len(self.session.source.rows(self.which)[0]) - 1) // SIZE
        self.page = min(max(page, 0), last)

    @command
    def choose(self, row: int, which: Which = "training") -> None:
        """Choose a row by its number, from 1 on: it is marked, and is the one that is stepped through.

        Errors: a BacklitError for another number.
        """
        self.mark(row, which)
        step = self.session.panels.get("step")
        if step is not None and which == "training":
            commands.call(step, "row", {"number": row})

    @command
    def mark(self, row: int, which: Which = "training") -> None:
        """Mark a row by its number, from 1 on.

        Errors: a BacklitError for another number.
        """
        count = len(self.session.source.rows(which)[0])
        if not 1 <= row <= count:
            raise BacklitError(f"the row is {row}; expected a number from 1 to {count:,}.")
        self.chosen = which, row - 1
        step = self.session.panels.get("step")
        if step is not None:
            commands.call(step, "row", {"number": row, "which": which})


def outputs_of(network: Network, source: Source, X: Any, Y: Any) -> NetworkOutputs:
    """Give what a network predicts for rows of a source: classes by their names, numbers in their own unit."""
    _, targets, _ = rows_of(network, X, Y)
    if source.table is not None:
        return EncodedOutputs(network, targets, source.table.encoder)
    names = source.setup.names.units[-1] if source.setup is not None else ()
    return NetworkOutputs(network, targets, None, names if len(names) == network.output_size else None, None)


def cells_of(source: Source, which: Which, found: Predictions) -> RowCells:
    """Give what stands in the source's table for the rows shown, or the numbers that they are."""
    rows = [one.row for one in found.shown]
    places = source.places(which)
    if source.table is None or places is None:
        X, names = source.rows(which)[0], input_names(source)
        cells = tuple(tuple(printed(f"{value:.6g}") for value in X[row, :MOST_COLUMNS]) for row in rows)
        return RowCells(names[:MOST_COLUMNS], len(names), cells)
    table = source.table.table.take(places[rows])
    names = tuple(one.column for one in source.columns if one.outputs)
    shown = [name for name in names if name in table.columns][:MOST_COLUMNS]
    columns = [[_text(cell) for cell in table.column(name).to_pylist()] for name in shown]
    lines = tuple(int(row) + 1 for row in table.rows) if table.rows is not None else ()
    return RowCells(tuple(shown), len(names), tuple(zip(*columns, strict=True)) or ((),) * len(rows), lines)


def _text(cell: Any) -> str:
    """Write a cell; nothing for one that is empty."""
    if cell is None:
        return ""
    return label_text(cell) if isinstance(cell, (bool, str)) else str(cell)
