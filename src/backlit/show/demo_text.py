"""A demo as text: its parts, in order, for a terminal that `rich` writes to."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from backlit.examples import Example, ExampleRun, SetupRun
from backlit.show import demo_tables
from backlit.show.demo_tables import DemoTable
from backlit.show.text_charts import bars, network_drawing, plot

WIDTH = 80
POINTS = 60
"""Of the drawn error."""


def demo_text(run: ExampleRun, width: int = WIDTH) -> str:
    """Give a run as plain text."""
    return _plain(demo_parts(run, width), width)


def list_text(found: Sequence[Example], width: int = WIDTH) -> str:
    """Give the examples as plain text, a line each."""
    return _plain(list_parts(found), width)


def _plain(parts: Iterator[RenderableType], width: int) -> str:
    written = io.StringIO()  # not to a notebook, where rich would make an output of it
    console = Console(file=written, width=width, highlight=False, color_system=None, force_jupyter=False)
    for part in parts:
        console.print(part)
    return "\n".join(line.rstrip() for line in written.getvalue().rstrip("\n").split("\n"))


def list_parts(found: Sequence[Example]) -> Iterator[RenderableType]:
    """Give the parts of a list of examples."""
    longest = max(len(example.name) for example in found)
    for example in found:
        yield Text.assemble((f"{example.name:{longest}}", "bold"), f"  {example.teaches}")
    yield Text("\nRun one with its name, such as: backlit demo two-layer")


def demo_parts(run: ExampleRun, width: int) -> Iterator[RenderableType]:
    """Give the parts of a run, each to be printed with a line break after it."""
    yield Text(run.title or run.name, style="bold")
    yield ""
    for paragraph in (run.about, f"Source: {run.source}." if run.source else ""):
        yield from _paragraphs(paragraph, width)
    for setup in run.runs:
        if setup.name:
            yield Rule(setup.name, style="dim")
            yield from _paragraphs(setup.about, width)
        yield from _setup(setup, width, brief=run.race)
    if run.race:
        yield from _race(run.runs)


def _setup(setup: SetupRun, width: int, *, brief: bool) -> Iterator[RenderableType]:
    yield Text("\n".join(f"{name:10}{fact}" for name, fact in demo_tables.facts(setup)) + "\n")
    for warning in setup.warnings:
        yield from _paragraphs(f"Warning: {warning}", width)
    if not brief:
        yield from _drawing(setup, width)
        table = demo_tables.parameters(setup)
        if table is None:
            yield Text(f"{TOO_MANY}; --json gives them all\n")
        else:
            yield from (_table(table), "")
    yield from _errors(setup)
    if not brief:
        yield from _noted(demo_tables.predictions(setup))
    accuracies = demo_tables.accuracies(setup)
    if accuracies:
        yield Text("\n".join(accuracies) + "\n")
    classes = demo_tables.class_counts(setup)
    if classes:
        yield from _noted(classes, style="bold")
    for figures in demo_tables.figures(setup):
        yield from _noted(figures, width=width)


TOO_MANY = "Weights and biases  too many to list here"


def _drawing(setup: SetupRun, width: int) -> Iterator[RenderableType]:
    """Draw the network where it is small."""
    columns = demo_tables.drawn_units(setup)
    drawing = network_drawing(columns) if columns else []
    if drawing and max(map(len, drawing)) < width - 2:
        yield Text("\n".join("  " + line for line in drawing) + "\n")


def _errors(setup: SetupRun) -> Iterator[RenderableType]:
    """List the error after 0, 1, 10, 100 ... epochs, and draw it."""
    last = setup.errors[-1].epoch
    yield _table(demo_tables.errors(setup))
    even = demo_tables.evenly([(float(at.epoch), at.error) for at in setup.errors], POINTS)
    if last > 1 and min(even) > 0:
        yield Text(f"  {bars(even)}\n  {LOGARITHMIC.format(last=last)}\n")
    else:
        yield ""


LOGARITHMIC = "E from epoch 0 to {last:,}; the height is its logarithm"


def _race(runs: Sequence[SetupRun]) -> Iterator[RenderableType]:
    """Compare runs by epoch and by time."""
    yield Rule("side by side", style="dim")
    yield _table(demo_tables.race(runs))
    if any(at.error <= 0 for run in runs for at in run.errors):
        return  # the drawing is logarithmic
    legend = ", ".join(f"{run.name[0]} {run.name}" for run in runs)
    epochs = {run.name: [(float(at.epoch), at.error) for at in run.errors] for run in runs}
    seconds = {run.name: [(at.seconds, at.error) for at in run.errors] for run in runs}
    shortest = min(curve[-1][0] for curve in seconds.values())
    yield _curves(f"E after each epoch, from 0 to {runs[0].epochs}: {legend}", plot(epochs))
    yield _curves(f"E over time, from 0 to {demo_tables.time_text(shortest)}: {legend}", plot(seconds, right=shortest))


def _curves(title: str, lines: Sequence[str]) -> Text:
    return Text("\n".join([f"\n{title}\n", *(f"  {line}" for line in lines)]))


def _paragraphs(text: str, width: int) -> Iterator[RenderableType]:
    for paragraph in text.strip().split("\n\n"):
        if paragraph:
            yield Text(textwrap.fill(" ".join(paragraph.split()), width))
            yield ""


def _noted(table: DemoTable, *, style: str = "", width: int = WIDTH) -> Iterator[RenderableType]:
    """Give a table with its notes and an empty line; numbered notes hang behind their numbers."""
    yield _table(table)
    for note in table.notes:
        hang = "      " if note.startswith("(") else "  "
        yield Text(textwrap.fill(note, width - 4, initial_indent="  ", subsequent_indent=hang), style=style)
    yield ""


def _table(table: DemoTable) -> Table:
    drawn = Table(title=table.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_edge=False)
    for k, heading in enumerate(table.head):
        drawn.add_column(heading, justify="left" if k < table.names else "right")
    for row in table.rows:
        drawn.add_row(*map(Text, row))
    return drawn
