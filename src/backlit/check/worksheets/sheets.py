"""A worksheet as records: what is given, the lines to work out with their blanks, and the key."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal, get_args

import msgspec

from backlit.check.graph import StepGraph
from backlit.check.worksheets.search import APART, is_shown, is_worked
from backlit.errors import BacklitError
from backlit.explain import Drawing, Record, Step
from backlit.explain.algebra.numerals import given_text
from backlit.explain.algebra.tree import refs
from backlit.explain.record.drawing_records import Grid, Maps, Moment, Unrolled
from backlit.explain.record.node_record import Node
from backlit.explain.record.quantities import Key

Gaps = Literal["final", "lines", "all"]
"""What is blank: the results at the end of the step alone; each line's result; the formulas too."""


class Line(msgspec.Struct, frozen=True):
    """A number of the sheet: its record, its name on the sheet, what of it is blank, and whether its result is printed.

    That is left out of a line that is not blank where it copies another number, which may be.
    """

    record: Record
    name: str
    blank: bool
    formula_blank: bool
    shows_result: bool


class Part(msgspec.Struct, frozen=True):
    """Lines under a heading."""

    title: str
    phase: str
    lines: tuple[Line, ...]


class Worksheet(msgspec.Struct, frozen=True):
    """A student's sheet.

    Attributes:
        title: what it is about. student: the name; empty without one. stem: the name of its files.
        digits: places behind the point to work with. gaps: see `Gaps`. seed: what it was drawn by.
        facts: the error, the optimizer and its settings, as pairs. given: the given numbers, group by group.
        matrices: filters, with the names of their weights where they stand, in LaTeX.
        drawing: the network without results; None where it has no drawing.
        parts: the lines, in the order of the computation. network: the network file, as TOML.
        apart: how many units of the last digit are between the results of any two mistakes at least.
        draws: how many draws the search took.
    """

    title: str
    student: str
    stem: str
    digits: int
    gaps: Gaps
    seed: int
    facts: tuple[tuple[str, str], ...]
    given: tuple[tuple[str, tuple[Record, ...]], ...]
    matrices: tuple[tuple[str, str], ...]
    drawing: Drawing | None
    parts: tuple[Part, ...]
    network: str
    apart: float
    draws: int

    @property
    def lines(self) -> Iterator[Line]:
        """All lines in order."""
        return (line for part in self.parts for line in part.lines)

    @property
    def blanks(self) -> tuple[str, ...]:
        """The names of the numbers to fill in."""
        return tuple(line.name for line in self.lines if line.blank)

    @property
    def mark(self) -> str:
        """What tells this sheet from others, for the head of the file to fill in."""
        return mark_of(self.stem, self.seed, self.title)

    @property
    def tells_apart(self) -> bool:
        """Whether the results of any two mistakes are far enough apart."""
        return self.apart >= APART

    def key(self) -> tuple[tuple[str, str], ...]:
        """The numbers to fill in with what is right."""
        return tuple((line.name, line.record.shown) for line in self.lines if line.blank)


def mark_of(stem: str, seed: int, title: str) -> str:
    """Give what tells a sheet from others.

    >>> mark_of("ada", 7, "Level 1: One neuron")
    'ada / seed 7 / Level 1: One neuron'
    """
    return f"{stem} / seed {seed} / {title}"


def checked_gaps(gaps: Any) -> Gaps:
    """Give the gaps. Errors: a BacklitError for another word."""
    if gaps not in get_args(Gaps):
        raise BacklitError(
            f"gaps is {gaps!r}; expected final (only the results at the end are blank), lines (each line's result), or "
            "all (the formulas too)."
        )
    found: Gaps = gaps
    return found


def worksheet_of(
    steps: Sequence[Step], gaps: Gaps, *, student: str, stem: str, seed: int, title: str, network: str, apart: float,
    draws: int,
) -> Worksheet:  # fmt: skip
    """Make the sheet of recorded steps: no number in it is worked out anew."""
    graph = StepGraph(steps)
    parts: list[Part] = []
    given: list[tuple[str, tuple[Record, ...]]] = []
    slots: list[Record] = []
    for number, step in enumerate(steps):
        keys = iter(step.keys())
        for section in step.sections():
            pairs = [(record, next(keys)[1]) for record in section.records]
            if section.given and not section.worked:
                given += _given(pairs, graph) if not number else []
                continue
            several = len(steps) > 1
            slots += () if number else (record for record, key in pairs if graph.role(key) == "slot")
            lines = tuple(_line(record, key, graph, gaps, number if several else None) for record, key in pairs
                          if is_shown(graph, key))  # fmt: skip
            lines = tuple(line for line in lines if line.record.formula)
            title_here = f"Step {number + 1}. {section.title}" if several else section.title
            if lines:
                parts.append(Part(title_here, section.phase, lines))
    if slots:
        given.append(("At first", tuple(slots)))
    contents = steps[0].contents
    drawing = blanked(steps[0].drawing(0), contents.context.names.labels, several=steps[0].recording.rows > 1)
    return Worksheet(
        title, student, stem, steps[0].digits, gaps, seed, tuple(_facts(graph)), tuple(given),
        tuple(_matrices(steps[0])), drawing if contents.drawable else None, tuple(parts), network, apart, draws,
    )  # fmt: skip


def sheet_name(name: str, step: int | None) -> str:
    """Give a number's name on the sheet; of several steps with the step's number."""
    return name if step is None else f"step {step + 1}: {name}"


def _line(record: Record, key: Key, graph: StepGraph, gaps: Gaps, step: int | None) -> Line:
    worked = is_worked(graph, key)
    needed = graph.needs(key)
    blank = worked and (gaps != "final" or is_final(graph, key))
    shows = not blank and (not needed or (gaps == "final" and worked))
    return Line(record, sheet_name(record.name, step), blank, blank and gaps == "all", shows)


def is_final(graph: StepGraph, key: Key) -> bool:
    """Tell whether a number is a result at the end of the step: an output of the network, the error, a new weight."""
    role = graph.role(key)
    error = graph.steps[graph.step_of(key)].contents.error
    outputs = error.last.written
    alone = role == "output error" and not is_worked(graph, Key(error.E, key.place._replace(row=0, unit=0, source=0)))
    return role in {"error", "new weight"} or key.quantity is outputs or alone


def _given(pairs: Sequence[tuple[Record, Key]], graph: StepGraph) -> list[tuple[str, tuple[Record, ...]]]:
    """Give the given numbers in groups: inputs, weights and biases, targets; of several rows, row by row."""
    groups: dict[str, list[Record]] = {}
    names = {"input": "Inputs", "weight": "Weights", "target": "Targets"}
    for record, key in pairs:
        groups.setdefault(names.get(graph.role(key), "Given"), []).append(record)
    order = ["Inputs", "Targets", "Weights", "Given"]
    return [(name, tuple(groups[name])) for name in order if name in groups]


def _facts(graph: StepGraph) -> Iterator[tuple[str, str]]:
    """Give what a learner has to know beside the numbers: the error, the optimizer, the settings in the formulas."""
    known = dict(graph.steps[0].summary.facts)
    known["network"] = known.get("network", "").partition(";")[0]
    yield from ((name, known[name]) for name in ("network", "error", "optimizer") if known.get(name))
    settings: dict[str, float] = {}
    for key in graph.numbers(None):
        node = graph.formula(key)
        for ref in () if node is None else refs(node):
            if ref.key is None:
                settings[ref.name] = ref.value
    if settings:
        yield "settings", ", ".join(f"{name} = {given_text(value)}" for name, value in settings.items())


# -------------------------------------------------------------------------------------------------------------- drawing


def blanked(drawing: Drawing, labels: Mapping[str, str], *, several: bool) -> Drawing:
    """Leave out what is to be worked out; of several rows, their inputs and targets too, for which there is a table.

    `labels` has own names by the usual ones.
    """
    columns = tuple(
        msgspec.structs.replace(column, nodes=tuple(
            msgspec.structs.replace(node, slope=None, value=node.value if not number and not several
                                    and not drawing.panels else None) for node in column.nodes))
        for number, column in enumerate(drawing.columns)
    )  # fmt: skip
    panels = tuple(_panel(panel, labels, first=not number) for number, panel in enumerate(drawing.panels)
                   if not isinstance(panel, Maps) or panel.grids)  # fmt: skip
    return msgspec.structs.replace(drawing, columns=columns, targets=() if several else drawing.targets, panels=panels,
                                   back=None, row="")  # fmt: skip


def _panel(panel: Any, labels: Mapping[str, str], *, first: bool) -> Any:
    """Leave out the results of a panel: the first one's are the inputs."""
    if isinstance(panel, Maps):
        grids = tuple(_unmarked(grid) if first else _empty(grid) for grid in panel.grids)
        weights = tuple(msgspec.structs.replace(grid, name=labels.get(grid.name, grid.name), slopes=())
                        for grid in panel.weights)  # fmt: skip
        bias = panel.bias and _named(panel.bias, labels)
        return msgspec.structs.replace(panel, grids=grids, made=None, weights=weights, bias=bias)
    if isinstance(panel, Unrolled):
        return msgspec.structs.replace(
            panel, moments=tuple(map(_moment, panel.moments)), lengths=(), inward=_named(panel.inward, labels),
            onward=_named(panel.onward, labels),
        )  # fmt: skip
    return panel


def _named(node: Node, labels: Mapping[str, str]) -> Node:
    return msgspec.structs.replace(node, name=labels.get(node.name, node.name), slope=None)


def _unmarked(grid: Grid) -> Grid:
    return msgspec.structs.replace(grid, slopes=(), window=(), made=None, winner=None)


def _empty(grid: Grid) -> Grid:
    return msgspec.structs.replace(_unmarked(grid), values=tuple(tuple(None for _ in row) for row in grid.values))


def _moment(moment: Moment) -> Moment:
    def bare(nodes: Collection[Node]) -> tuple[Node, ...]:
        return tuple(msgspec.structs.replace(node, value=None, slope=None) for node in nodes)

    return msgspec.structs.replace(moment, states=bare(moment.states), cells=bare(moment.cells))


def _matrices(step: Step) -> Iterator[tuple[str, str]]:
    """Give each filter of a picture as a matrix of the names of its weights."""
    network = step.contents.context.recording.network
    for parameter in step.contents.parameters:
        shape = network[parameter.full].shape
        if len(shape) != 4:
            continue
        for channel, unit in itertools.product(range(shape[2]), range(shape[3])):
            places = [[parameter.place((r, c, channel, unit)) for c in range(shape[1])] for r in range(shape[0])]
            rows = [" & ".join(parameter.name(at).symbol for at in row if at) for row in places]
            title = "Filter" if shape[3] == 1 else f"Filter {unit + 1}"
            yield title, r"\begin{pmatrix} " + r" \\ ".join(rows) + r" \end{pmatrix}"
