"""A demo as text: its parts, in order, for a terminal that `rich` writes to."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from rich import box
from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from backlit.examples import Example, SetupRun
from backlit.show.charts.text import figure_text
from backlit.show.demo import tables as demo_tables
from backlit.show.demo.blocks import Block, Chart, Facts, Heading, Lines, NetworkPicture, PanelPicture, Words
from backlit.show.demo.parts import demo_parts
from backlit.show.demo.records import DemoRun
from backlit.show.demo.tables import DemoTable
from backlit.show.network.text import drawing_lines
from backlit.show.text_charts import network_drawing

WIDTH = 80
INDENT = "  "


def demo_text(run: DemoRun, width: int = WIDTH) -> str:
    """Give a run as plain text."""
    return plain_text(demo_renderables(run, width), width)


def list_text(found: Sequence[Example], width: int = WIDTH) -> str:
    """Give the examples as plain text, a line each."""
    return plain_text(list_parts(found), width)


def plain_text(parts: Iterable[RenderableType], width: int) -> str:
    """Give what is printed as plain text of lines of at most `width`."""
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


def printed(found: DemoRun | Sequence[Example], width: int) -> Iterator[RenderableType]:
    """Give the parts of a run, or of a list of examples."""
    return demo_renderables(found, width) if isinstance(found, DemoRun) else list_parts(found)


def demo_renderables(run: DemoRun, width: int) -> Iterator[RenderableType]:
    """Give the parts of a run, each to be printed with a line break after it."""
    yield Text(run.title or run.name, style="bold")
    yield ""
    for block in demo_parts(run):
        yield from renderables(block, width)


def renderables(block: Block, width: int) -> Iterator[RenderableType]:
    """Give what is printed of a block, an empty line at its end."""
    if isinstance(block, Heading):
        room = len(block.text) + 4 <= width  # a rule would cut a longer text
        yield Rule(block.text, style="dim") if room else Text(textwrap.fill(block.text, width), style="bold")
    elif isinstance(block, Words):
        yield from (Text(textwrap.fill(block.text, width)), "")
    elif isinstance(block, Facts):
        yield Text("\n".join(_fact(name, fact, width) for name, fact in block.rows) + "\n")
    elif isinstance(block, Lines):
        yield Text(f"{block.text}\n")
    elif isinstance(block, NetworkPicture):
        yield from _network(block.setup, width)
    elif isinstance(block, PanelPicture):
        lines = drawing_lines(block.drawing, block.digits, width - len(INDENT), backward=block.backward)
        yield Text("\n".join(f"{INDENT}{line}".rstrip() for line in lines) + "\n", no_wrap=True, overflow="crop")
        yield Text(textwrap.indent(textwrap.fill(block.in_text, width - len(INDENT)), INDENT) + "\n")
    elif isinstance(block, Chart):
        yield from _chart(block, width)
    else:
        yield from _noted(block, width)


def _fact(name: str, fact: str, width: int) -> str:
    """Give a name and what is said of it, in lines that hang beside the name."""
    return textwrap.fill(fact, width, initial_indent=f"{name:10}", subsequent_indent=" " * 10)


def _network(setup: SetupRun, width: int) -> Iterator[RenderableType]:
    """Draw the network where it is small."""
    columns = demo_tables.drawn_units(setup)
    drawing = network_drawing(columns) if columns else []
    if drawing and max(map(len, drawing)) < width - 2:
        yield Text("\n".join(INDENT + line for line in drawing) + "\n")


def _chart(chart: Chart, width: int) -> Iterator[RenderableType]:
    """Print the lines of a chart, or each figure in block characters with what is seen in it."""
    room = width - len(INDENT)
    for text, said in zip(chart_texts(chart, room), chart_words(chart), strict=True):
        lines = f"{text}\n{textwrap.fill(said, room)}".strip("\n")
        if lines:
            yield Text(textwrap.indent(lines, INDENT) + "\n", no_wrap=True, overflow="crop")


def chart_texts(chart: Chart, width: int = WIDTH - len(INDENT)) -> list[str]:
    """Give what stands for each figure of a chart in a terminal; the chart's own lines stand for all of them."""
    if chart.text and max(map(len, chart.text.split("\n"))) <= width:
        return [chart.text, *("" for _ in chart.figures[1:])]
    return [figure_text(figure, width) for figure in chart.coarse or chart.figures]


def chart_words(chart: Chart) -> list[str]:
    """Give what is said below each figure of a chart."""
    return ["" if chart.text else figure.summary for figure in chart.figures]


def _noted(table: DemoTable, width: int = WIDTH) -> Iterator[RenderableType]:
    """Give a table with its notes and an empty line; numbered notes hang behind their numbers."""
    forms = map(_table, _narrower(table))
    yield next((form for form in forms if _measured(form) <= width), None) or _listed(table, width)
    for note in table.notes:
        hang = "      " if note.startswith("(") else INDENT
        style = "bold" if note.startswith(demo_tables.NEVER) else ""
        yield Text(textwrap.fill(note, width - 4, initial_indent=INDENT, subsequent_indent=hang), style=style)
    yield ""


_MEASURING = Console(width=10_000, file=io.StringIO(), force_jupyter=False)
"""What tables are measured on, to tell whether they fit."""


def _narrower(table: DemoTable) -> Iterator[DemoTable]:
    """Give a table as it is, then with headings in more and more lines, broken between words alone."""
    longest = max(map(len, table.head), default=0)
    for room in range(max(longest, 1), 0, -1):
        lines = ("\n".join(textwrap.wrap(head, room, break_long_words=False)) for head in table.head)
        yield msgspec.structs.replace(table, head=tuple(lines))


def _measured(table: Table) -> int:
    """Give the width of a table whose cells are whole."""
    return Measurement.get(_MEASURING, _MEASURING.options, table).maximum


def _listed(table: DemoTable, width: int) -> Text:
    """Give a table whose columns have no room as a list: the first cell of each row, then the others by their heads."""
    wide = max(map(len, table.head[1:]), default=0)
    lines = textwrap.wrap(table.title, width)
    for first, *others in table.rows:
        lines += [f"{table.head[0]} {first}".strip()] if first else []
        lines += [f"{INDENT}{head:{wide}}  {cell}".rstrip() for head, cell in zip(table.head[1:], others, strict=True)
                  if cell]  # fmt: skip
    return Text("\n".join(lines) + "\n")


def _table(table: DemoTable) -> Table:
    drawn = Table(title=table.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_edge=False)
    for k, heading in enumerate(table.head):
        drawn.add_column(heading, justify="left" if k < table.names else "right")
    for row in table.rows:
        drawn.add_row(*map(Text, row))
    return drawn
