"""One row: forward, error, back and the update, one phase and one layer at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from backlit.data import cell_notes
from backlit.errors import BacklitError
from backlit.explain.algebra.numerals import short_text
from backlit.explain.walk import Walk
from backlit.kernels.types import Array
from backlit.page.commands import command
from backlit.page.facts import whole
from backlit.page.recorded import Recorded
from backlit.page.session import Panel, Part, Session
from backlit.page.source import Source, Which
from backlit.page.view import View
from backlit.show.live.step import Cell, ShownRow, idle_html, picture_html, step_html

PLAYING = "The training runs. Pause it to go through one row with every number."

FEWER = {"whole": 8, "brief": 16}
"""Of a step of very many numbers so many are worked out at a stage, and so many more listed."""


class StepPanel(Panel):
    """A row's way through the training's next step.

    Attributes:
        place: of the row in the batch that comes next. alone: of the row among those that train or validate, where it
            is a batch of its own, or None. which: whether it trains or validates; the latter is always alone.
        stage: which stage of the walk is shown, from 0 on.
    """

    name: ClassVar[str] = "step"
    NAMES: ClassVar[tuple[str, ...]] = ("step.place", "step.alone", "step.validation", "step.stage")

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.place, self.stage = 0, 0
        self.alone: int | None = None
        self.which: Which = "training"
        self._walk: tuple[Recorded, int, Walk] | None = None
        self._drawn: tuple[Walk, int, str] | None = None

    def forget(self) -> None:
        """Go back to the first row of the coming batch."""
        self.place, self.stage, self.alone, self.which = 0, 0, None, "training"
        self._walk = self._drawn = None

    def facts(self) -> Mapping[str, str]:
        """Give the row, by its place in the coming batch or alone by its number, and the stage, all from 1 on."""
        if self.alone is None:
            found = {"step.place": self.place + 1}
        else:
            found = {"step.alone" if self.which == "training" else "step.validation": self.alone + 1}
        return {name: str(number) for name, number in (found | {"step.stage": self.stage + 1}).items()
                if number > 1 or name in {"step.alone", "step.validation"}}  # fmt: skip

    def recall(self, facts: Mapping[str, str]) -> None:
        """Go to a row and a stage again."""
        self.go(whole(facts, "step.stage", 1) - 1)
        self.place, self.alone, self.which = 0, None, "training"
        if "step.validation" in facts:
            self.row(whole(facts, "step.validation", 1), "validation")
            return
        if "step.alone" in facts:
            self.single(whole(facts, "step.alone", 1))
            return
        place = whole(facts, "step.place", 1)
        if place > 1:
            count = len(self._coming())
            if place > count:
                raise BacklitError(
                    f"the row's place is {place}; expected one from 1 to {count:,}, of the coming batch."
                )
            self.place = place - 1

    def draw(self, view: View) -> Part:
        """Draw the stage."""
        if view.playing:
            return Part(idle_html(PLAYING, playing=True))
        try:
            walk, recorded, place = self.walk(view)
        except BacklitError as error:
            return Part(idle_html(str(error), playing=False))
        now = min(self.stage, len(walk.stages) - 1)
        if self._drawn is None or self._drawn[:2] != (walk, now):
            self._drawn = walk, now, self._html(walk, now, recorded, place, view)
        return Part(self._drawn[2])

    def walk(self, view: View) -> tuple[Walk, Recorded, int]:
        """Give the walk of the chosen row, the step that it is of, and the row's place in it."""
        recorded = self.session.recorder.of(view.training, view, self.alone, self.which)
        place = 0 if recorded.alone else min(self.place, len(recorded.rows) - 1)
        known = self._walk
        if known is None or known[0] is not recorded or known[1] != place:
            known = self._walk = recorded, place, Walk(recorded.step, place, updates=not recorded.why)
        return known[2], recorded, place

    def _html(self, walk: Walk, now: int, recorded: Recorded, place: int, view: View) -> str:
        stage, several = walk.stages[now], len(recorded.rows) > 1
        number = recorded.rows[place]
        row = ShownRow(
            number + 1, len(view.source.rows(self.which)[0]), place + 1, tuple(k + 1 for k in recorded.rows),
            recorded.alone, recorded.which, self.which,
            {which: len(view.source.rows(which)[0]) for which in ("training", "validation")},
            line_of(view.source, self.which, number),
        )  # fmt: skip
        drawing = walk.together if stage.phase == "update" else walk.drawing
        picture = picture_html(drawing, stage, whose=", of this row alone" if several else "")
        remarks = [recorded.remark]
        if stage.phase == "update" and several:
            remarks.append(
                f"The update is made once for the batch: the slopes of its {len(recorded.rows)} rows add up."
            )
        if now == len(walk.stages) - 1:
            remarks.append(recorded.why)
        coupled = walk.drawing.coupled
        if coupled and stage.phase in {"forward", "backward"}:
            remarks.append(f"{' and '.join(coupled)} takes all rows of the batch together: the other rows have a part "
                           "in this row's numbers.")  # fmt: skip
        cells = cells_of(view.source, self.which, number, walk)
        return step_html(
            walk.stages, now, row, picture, walk.work(now, **FEWER if walk.step.brief else {}), cells, remarks
        )

    # --------------------------------------------------------------------------------------------------- commands

    @command
    def go(self, stage: int) -> None:
        """Show a stage, counted from 0; beyond the last, that one."""
        if stage < 0:
            raise BacklitError(f"the stage is {stage}; expected 0 or more.")
        self.stage = stage

    @command
    def row(self, number: int, which: Which | None = None) -> None:
        """Choose a row by its number, from 1 on: in the coming batch where it is there, else as a batch of its own.

        `which` says whether it trains or validates; without it, it is of the kind that is shown.
        """
        which = which or self.which
        place = self._place(number, which)
        rows = self._coming() if which == "training" else []
        self.which = which
        if place in rows:
            self.place, self.alone = rows.index(place), None
        else:
            self.alone = place

    @command
    def single(self, number: int) -> None:
        """Choose a training row as a batch of its own, by its number from 1 on."""
        self.alone, self.which = self._place(number, "training"), "training"

    @command
    def show(self, which: Which) -> None:
        """Go to the first validation row, or back to the coming batch of training rows.

        Errors: a BacklitError where no row validates.
        """
        if which == "validation":
            self.row(1, which)
        else:
            self.batch()

    @command
    def batch(self) -> None:
        """Go back to the coming batch."""
        self.alone, self.which = None, "training"

    @command
    def move(self, by: int) -> None:
        """Go to another row: of the batch, or of all of its kind where the row is a batch of its own."""
        if self.which == "validation":
            self.alone = ((self.alone or 0) + by) % len(self._rows("validation"))
            return
        rows = self._coming()
        if self.alone is None and len(rows) > 1:
            self.place = (min(self.place, len(rows) - 1) + by) % len(rows)
            return
        at = rows[0] if self.alone is None else self.alone
        self.alone = (at + by) % len(self._rows("training"))
        if [self.alone] == rows:
            self.alone = None

    @command
    def next_row(self) -> None:
        """Go to the next row of the coming batch; after its last row, make the update and begin the next batch."""
        session = self.session
        session.playing, session.replayed = False, None
        rows, self.alone, self.which = self._coming(), None, "training"
        if self.place + 1 < len(rows):
            self.place += 1
            return
        self.place = 0
        session.advance_at_once(updates=1)

    def _rows(self, which: Which) -> Array:
        return self.session.source.rows(which)[0]

    def _place(self, number: int, which: Which) -> int:
        count = len(self._rows(which))
        if not count:
            raise BacklitError(f"there are no {which} rows; expected those of another kind.")
        if not 1 <= number <= count:
            raise BacklitError(f"the row is {number}; expected a number from 1 to {count:,}.")
        return number - 1

    def _coming(self) -> list[int]:
        """Give the places in X of the rows of the coming batch."""
        return list(self.session.recorder.rows(self.session.training))


def line_of(source: Source, which: Which, place: int) -> int:
    """Give the number of a row in the table that was read, from 1; 0 where there is none."""
    if source.table is None:
        return 0
    table, row = source.table.table, int(source.table.of(which)[place])
    return 1 + (row if table.rows is None else int(table.rows[row]))


def cells_of(source: Source, which: Which, place: int, walk: Walk) -> list[Cell]:
    """Give the numbers that a row enters with and its targets, beside what stood in the source's table."""
    contents, recording = walk.step.contents, walk.step.recording
    names = contents.inputs.units
    numbers = [short_text(float(value), 6) for value in recording.X[walk.row]]
    targets = contents.error.targets
    wanted = [(name, short_text(float(value), 6))
              for name, value in zip(targets.units, targets.values(walk.row), strict=False)]  # fmt: skip
    notes = [""] * len(names)
    last = ""
    if source.table is not None:
        row = source.table.table.take([int(source.table.of(which)[place])])
        *notes, last = cell_notes(source.table.encoder, row)[0]
    found = [Cell(name, note, number) for name, note, number in zip(names, notes, numbers, strict=False)]
    return [*found, *(Cell(f"target {name}", last, number) for name, number in wanted)]
