"""The lesson on the valley: its parts as blocks, with the numbers of the steps in the form in which one writes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backlit.analysis.valley.descent_records import Descent, DescentLesson, WeightStep
from backlit.errors import counted
from backlit.examples.file_tables import PartTable
from backlit.show.demo import tables as demo_tables
from backlit.show.demo.blocks import Block, Chart, Facts, Heading, Lines, Words
from backlit.show.demo.lesson_figures import THE_RUN, curve_figure, errors_figure, valley_figure
from backlit.show.demo.records import DemoRun
from backlit.show.demo.tables import DIGITS, DemoTable, error_text, plain

HIGHEST = 4.0
"""Errors beyond so many times the first one are above the picture."""
STEPS = 3
"""So many updates are written out."""
MOST_ROWS = 12


def lesson_blocks(run: DemoRun, lesson: DescentLesson) -> Iterator[Block]:
    """Give the parts of a lesson."""
    for part in run.parts:
        yield Heading(part.title)
        yield from paragraphs(part.about)
        descents = _descents(lesson, part)
        for shown in part.shows:
            if shown == "neuron":
                yield from _neuron(run, lesson)
            elif shown == "valley":
                yield _map(lesson, descents)
            elif shown == "steps":
                yield from _steps(run, lesson, descents[0])
            elif shown == "signs":
                yield Chart((curve_figure(lesson),))
                yield from _second_sign(lesson)
            elif shown == "rows":
                yield _row_slopes(run, lesson)
            else:
                yield _beside(lesson, descents)
                if any(descent.steps for descent in descents):
                    yield Chart((errors_figure(lesson, descents, HIGHEST * lesson.error),))
                yield _map(lesson, descents)


def _map(lesson: DescentLesson, descents: Sequence[Descent]) -> Chart:
    """Draw the paths on the valley; of several, block characters show the points alone, for their lines hide all."""
    coarse = (valley_figure(lesson, descents, lines=False),) if len(descents) > 1 else ()
    return Chart((valley_figure(lesson, descents),), coarse=coarse)


def paragraphs(text: str) -> Iterator[Words]:
    """Give the paragraphs of a text of a network file."""
    for paragraph in text.strip().split("\n\n"):
        if paragraph.strip():
            yield Words(" ".join(paragraph.split()))


def _descents(lesson: DescentLesson, part: PartTable) -> list[Descent]:
    """Give the descents that a part names, or the first."""
    by_name = {descent.name: descent for descent in lesson.descents}
    return [by_name[name] for name in part.runs] or [lesson.descents[0]]


# ---------------------------------------------------------------------------------------------------------- the numbers


def _neuron(run: DemoRun, lesson: DescentLesson) -> Iterator[Block]:
    """List the rows with the answers at the first weights, and the error of all."""
    setup = run.runs[0]
    yield Facts(tuple(demo_tables.facts(setup)))
    values = zip(_names(lesson), lesson.start, strict=True)
    yield Lines(f"at the start: {', '.join(f'{name} = {plain(value)}' for name, value in values)}")
    outputs = next(layer.units for layer in reversed(setup.layers) if layer.units)
    head = ("row", *setup.inputs, *(f"target {unit}" for unit in outputs), *(f"answer {unit}" for unit in outputs))
    rows = tuple(
        (str(row.row), *map(plain, (*row.inputs, *row.targets, *row.outputs, row.error)))
        for row in lesson.rows[:MOST_ROWS]
    )
    notes = _rows_left_out(lesson)
    yield DemoTable("The rows at the start", (*head, "error"), rows, notes=notes)
    yield Lines(f"E = {_reduced(run, [row.error for row in lesson.rows], lesson.error)}")


def _rows_left_out(lesson: DescentLesson) -> tuple[str, ...]:
    return (f"the first {MOST_ROWS} of {len(lesson.rows)} rows",) if len(lesson.rows) > MOST_ROWS else ()


def _reduced(run: DemoRun, values: Sequence[float], result: float) -> str:
    """Write a number of all rows as the sum, or the mean, of the rows' own numbers."""
    if len(values) > MOST_ROWS:
        return plain(result)
    total = plain(values[0]) + "".join(f" {'-' if value < 0 else '+'} {plain(abs(value))}" for value in values[1:])
    mean = run.runs[0].loss["reduction"] != "sum"
    return f"({total}) / {len(values)} = {plain(result)}" if mean else f"{total} = {plain(result)}"


def _steps(run: DemoRun, lesson: DescentLesson, descent: Descent) -> Iterator[Block]:
    """Write the first slopes out, and the first updates."""
    names = _names(lesson)
    if not descent.steps:
        yield Words("No update is made in 0 epochs.")
        return
    if descent.batch_size >= descent.of_rows:
        slopes = (f"dE/d{name} = {_reduced(run, [row.slopes[k] for row in lesson.rows], lesson.slopes[k])}"
                  for k, name in enumerate(names))  # fmt: skip
        yield Lines("\n".join(["the slopes at the start, row by row:", *(f"  {line}" for line in slopes)]))
    lines = ["new value = old value - rate * slope"]
    for step in descent.steps[:STEPS]:
        lines += ["", f"update {step.number}, where E = {plain(step.error)}:"]
        lines += [f"  {name} = {update}" for name, update in zip(names, map(_update, [step] * 2, (0, 1)), strict=True)]
    yield Lines("\n".join(lines))
    yield Words(f"Numbers are rounded to {DIGITS} digits. After {counted(len(descent.steps), 'update')} "
                f"E = {plain(descent.errors[-1])}.")  # fmt: skip


def _update(step: WeightStep, k: int) -> str:
    slope = plain(step.slopes[k])
    slope = f"({slope})" if slope.startswith("-") else slope
    return f"{plain(step.old[k])} - {plain(step.rate)} * {slope} = {plain(step.new[k])}"


def _second_sign(lesson: DescentLesson) -> Iterator[Words]:
    """Say which way the second weight goes in the first update."""
    if lesson.descents[0].steps:
        name, step = lesson.curve.held, lesson.descents[0].steps[0]
        slope = step.slopes[1]
        if slope:
            sign, way = ("positive", "shrinks") if slope > 0 else ("negative", "grows")
            yield Words(f"The same rule for {name}: in the first update {name} = {plain(step.old[1])} and its slope is "
                        f"{plain(slope)}, {sign}: {name} {way} to {plain(step.new[1])}.")  # fmt: skip


def _row_slopes(run: DemoRun, lesson: DescentLesson) -> DemoTable:
    """List the slopes of each row alone, and those of E below."""
    names = _names(lesson)
    outputs = [f"dE/d{name}" for name in names]
    rows = [(str(row.row), *map(plain, (*row.inputs, *row.targets, *row.slopes))) for row in lesson.rows[:MOST_ROWS]]
    blank = [""] * (len(lesson.rows[0].inputs) + len(lesson.rows[0].targets))
    mean = run.runs[0].loss["reduction"] != "sum"
    rows.append(("their mean" if mean else "their sum", *blank, *map(plain, lesson.slopes)))
    targets = ["target"] * len(lesson.rows[0].targets)
    head = ("row", *run.runs[0].inputs, *targets, *outputs)
    return DemoTable("Each row's own slopes at the start", head, tuple(rows), notes=_rows_left_out(lesson))


def _beside(lesson: DescentLesson, descents: Sequence[Descent]) -> DemoTable:
    """Compare descents by their updates and errors."""
    rows = []
    for descent in descents:
        last = descent.errors[-1]
        rises = sum(_rises(before, after) for before, after in zip(descent.errors, descent.errors[1:], strict=False))
        rows.append((descent.name or THE_RUN, plain(descent.rate), str(descent.batch_size), f"{len(descent.steps):,}",
                     f"{rises:,}", error_text(last), _share(lesson, last)))  # fmt: skip
    head = ("run", "rate", "rows", "updates", "E rises", "last E", "way down")
    x, y = _names(lesson)
    low = lesson.lowest
    lowest = f"{error_text(low.error)} at {x} = {low.x:.4g}, {y} = {low.y:.4g}"
    notes = [
        "Rows: of each update. E rises: at so many updates. Way down: how much of the way from "
        f"{plain(lesson.error)}, E at the start, to the lowest E that L-BFGS finds, {lowest}."
    ]
    notes += [f"{descent.name}: {descent.stopped}" for descent in descents if descent.stopped]
    return DemoTable("Side by side", head, tuple(rows), notes=tuple(notes))


def _rises(before: float | None, after: float | None) -> bool:
    return before is not None and (after is None or after > before)


def _share(lesson: DescentLesson, last: float | None) -> str:
    """Say how much of the way from the first error down to the lowest one is gone."""
    way = lesson.error - lesson.lowest.error
    if last is None or last > lesson.error:
        return "none"
    return f"{(lesson.error - last) / way:.0%}" if way > 0 else "none left"


def _names(lesson: DescentLesson) -> tuple[str, str]:
    return lesson.valley.x_name, lesson.valley.y_name
