"""The records of one explained step. They turn into JSON as they are."""

from __future__ import annotations

import msgspec

from backlit.explain.record.drawing_records import Panel
from backlit.explain.record.node_record import Node


class Record(msgspec.Struct, frozen=True, rename={"source": "from"}):
    r"""One number of the step, and how it comes about.

    `phase` is forward, error, backward or update. `layer` counts from 1, and is a label such as "2a.1" inside a block;
    it is None of numbers that belong to no layer.
    `source` (in JSON: `from`) and `unit` name the weight or the unit; `row` is None of numbers that the batch has once.
    `symbol` is LaTeX, and so are `formula` and `substituted`, the formula with its numbers; `plain_formula` and
    `plain_substituted` are the same as text. All four formulas are empty where the number is given. `value` is the
    engine's number in full, `shown` its text in every form: with the digits asked for, or fewer where float64's
    rounding leaves fewer. `depends_on` names the records whose numbers enter the formula; of a selected part, some of
    these lie outside the part.
    """

    name: str
    phase: str
    quantity: str
    layer: int | str | None
    source: str | None
    unit: str | None
    row: str | None
    symbol: str
    formula: str
    substituted: str
    value: float
    depends_on: tuple[str, ...]
    note: str
    plain_formula: str
    plain_substituted: str
    shown: str
    numeric: float | None = None
    """The slope of the error by finite differences, of a gradient that was checked; None at a kink too."""
    checked: str = ""
    """What the differences tell, in words."""


class Edge(msgspec.Struct, frozen=True):
    """A weight in a drawing, from node `source` of a column to node `unit` of the next; a bias's source is -1.

    `name` is the weight's, and `own` says that it is the user's own one, such as w5. `slope` is dE/dw of the drawing's
    row, or of all rows together; it is None of a weight that is not trained.
    """

    source: int
    unit: int
    name: str
    own: bool
    weight: float
    slope: float | None
    new: float


class Column(msgspec.Struct, frozen=True):
    """A column of a drawing: inputs, or a dense layer's units, and the weights to them; `size` counts all units.

    Of a column with many units, `nodes` are those with the strongest weights, in their order. `shows` is the kind of
    the units' numbers: input, or out; where another op follows in the layer, what that makes of them, drop say.
    """

    title: str
    nodes: tuple[Node, ...]
    size: int
    edges: tuple[Edge, ...]
    shows: str = "out"


class Drawing(msgspec.Struct, frozen=True):
    """The network with the numbers of one row, column by column; `targets` stand beside the outputs.

    `row` is the row's name, empty where the step has one row only; it is None of the drawing of all rows together,
    whose edges have the sums of the rows' slopes, dE/dw of the whole error. `coupled` names the ops, batch norm say,
    through which the other rows have a part in the row's slopes. `back` is the drawing of the backward pass where that
    has other units of large layers: those with the largest slopes. `panels` show, from the inputs on, what stands
    before the columns where layers join units otherwise than by one weight for each pair.
    """

    columns: tuple[Column, ...]
    targets: tuple[float, ...]
    row: str | None
    coupled: tuple[str, ...] = ()
    back: Drawing | None = None
    panels: tuple[Panel, ...] = ()

    def way(self, *, backward: bool) -> Drawing:
        """Give the drawing of one pass."""
        return self.back if backward and self.back else self


class Change(msgspec.Struct, frozen=True):
    """A number before and after the step; `shown` has the texts of both and of their difference."""

    name: str
    before: float
    after: float
    shown: tuple[str, str, str]

    @property
    def difference(self) -> float:
        """What the step added."""
        return self.after - self.before


class NumberTable(msgspec.Struct, frozen=True):
    """A table of numbers as texts: the head of each column, and lines that begin with the line's own head.

    A page that is too narrow breaks it between columns, best before the column `group`, and repeats the first `fixed`.
    """

    title: str
    heads: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    fixed: int = 1
    group: int = 0


class Section(msgspec.Struct, frozen=True):
    r"""A part of the worked example, in the order in which a person would work it out.

    `linked` holds, for each record, its `substituted` with every number of the step marked by its name, for a page that
    links them: `\operand{...}{0.5}`, the name in hexadecimal UTF-8. `tables` has numbers of the records once more.
    """

    title: str
    phase: str
    records: tuple[Record, ...]
    linked: tuple[str, ...] = ()
    tables: tuple[NumberTable, ...] = ()

    @property
    def given(self) -> list[Record]:
        """The numbers that have no formula."""
        return [record for record in self.records if not record.formula]

    @property
    def worked(self) -> list[Record]:
        """The numbers that come about by a formula."""
        return [record for record in self.records if record.formula]

    @property
    def linked_records(self) -> list[tuple[Record, str]]:
        """The numbers that come about by a formula, each with its entry in `linked`."""
        return [pair for pair in zip(self.records, self.linked, strict=True) if pair[0].formula]


class Summary(msgspec.Struct, frozen=True):
    """The facts about the step, in pairs such as ("optimizer", "sgd, rate 0.5"), and the error before each step.

    `measured` says what `errors` are: "error", or "E + penalty" where the training has penalties.
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    errors: tuple[float, ...]
    digits: int
    measured: str = "error"

    @property
    def errors_title(self) -> str:
        """The heading of the errors."""
        return f"The {self.measured} before each step"


class Example(msgspec.Struct, frozen=True):
    """A worked example to be drawn: all records that the text, the page and the document show.

    `drawings` holds one for each of the first rows and, of several rows, last the one of all together; `rows_left_out`
    names the rows without a drawing. `changes` is empty where no comparison was asked for.
    """

    summary: Summary
    drawings: tuple[Drawing, ...]
    sections: tuple[Section, ...]
    changes: tuple[Change, ...]
    rows_left_out: tuple[str, ...] = ()

    @property
    def records(self) -> tuple[Record, ...]:
        """All records, in order."""
        return tuple(record for section in self.sections for record in section.records)
