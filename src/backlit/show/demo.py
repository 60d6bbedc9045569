"""A run of a network file, and the list of the classic examples: how they print and show themselves in a notebook."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import msgspec

from backlit.engine import Shown
from backlit.errors import counted
from backlit.examples import Example, ExampleRun, SetupRun
from backlit.show import demo_tables, demo_text
from backlit.show.curve_svg import Curve, curve_svg
from backlit.show.demo_drawing import network_picture
from backlit.show.demo_tables import DemoTable
from backlit.show.notebook import heading_html, lines_html, picture_html, table_html, words_html
from backlit.show.text_charts import bars, network_drawing


class Demo(Shown):
    """A run of a network file; prints as `backlit demo` does, shows itself in a notebook.

    Attributes:
        run: the record of all of it: `run.runs[0].errors`, `.parameters`, `.predictions`, `.figures` ...

    >>> import backlit as bl
    >>> demo = bl.demo("linear", compiled=False)
    >>> f"{demo.run.runs[0].errors[-1].error:.9f}"
    '0.276957171'
    """

    def __init__(self, run: ExampleRun) -> None:
        self.run = run

    @functools.cached_property
    def _text(self) -> str:
        return demo_text.demo_text(self.run)

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        run = self.run.runs[0]
        several = f"{len(self.run.runs)} runs" if len(self.run.runs) > 1 else counted(run.epochs, "epoch")
        return f"<demo {self.run.name!r}: {several}, E = {run.errors[-1].error:.6g}; print it>"

    def to_json(self) -> str:
        """Give everything as JSON, as `backlit demo --json` does."""
        return msgspec.json.encode(self.run).decode()

    def _repr_html_(self) -> str:
        return f"<div>{''.join(_parts(self.run))}</div>"


class DemoList(Shown, tuple[Example, ...]):
    """The classic examples; prints as `backlit demo` does without a name."""

    __slots__ = ()

    def __str__(self) -> str:
        return demo_text.list_text(self)

    def __repr__(self) -> str:
        return f"<{len(self)} classic examples: {', '.join(example.name for example in self)}>"

    def _repr_html_(self) -> str:
        rows = [(example.name, example.teaches) for example in self]
        return table_html(("name", "what it teaches"), rows, 2)


# ----------------------------------------------------------------------------------------------------- in a notebook


def _parts(run: ExampleRun) -> Iterator[str]:
    """Give the parts of a run as HTML, in the order in which the terminal has them."""
    yield heading_html(run.title or run.name, size="1.3em")
    yield from _paragraphs(run.about)
    if run.source:
        yield words_html(f"Source: {run.source}.")
    for setup in run.runs:
        if setup.name:
            yield heading_html(setup.name, size="1.2em")
            yield from _paragraphs(setup.about)
        yield from _setup(setup, brief=run.race)
    if run.race:
        yield from _race(run.runs)


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.strip().split("\n\n"):
        if paragraph:
            yield words_html(" ".join(paragraph.split()))


def _setup(setup: SetupRun, *, brief: bool) -> Iterator[str]:
    yield table_html(("", ""), demo_tables.facts(setup), 2)
    yield from (words_html(f"Warning: {warning}") for warning in setup.warnings)
    if not brief:
        columns = demo_tables.drawn_units(setup)
        if columns:
            yield network_picture(setup) or lines_html("\n".join(network_drawing(columns)))
        table = demo_tables.parameters(setup)
        yield _table(table) if table else words_html(f"{demo_text.TOO_MANY}; run.runs has them all.")
    yield _table(demo_tables.errors(setup))
    yield from _error_curve(setup)
    if not brief:
        yield _table(demo_tables.predictions(setup))
    yield from map(words_html, demo_tables.accuracies(setup))
    for last in (demo_tables.class_counts(setup), *demo_tables.figures(setup)):
        if last:
            yield _table(last)


def _error_curve(setup: SetupRun) -> Iterator[str]:
    """Draw the error of every recorded epoch."""
    curve = [(float(at.epoch), at.error) for at in setup.errors]
    if curve[-1][0] <= 1 or min(error for _, error in curve) <= 0:
        return
    last = setup.errors[-1].epoch
    text = f"{bars(demo_tables.evenly(curve, demo_text.POINTS))}\n{demo_text.LOGARITHMIC.format(last=last)}"
    svg, size = curve_svg({"E": curve}, "epochs; the height is the logarithm of E")
    yield picture_html(svg, size, text)


def _race(runs: Sequence[SetupRun]) -> Iterator[str]:
    """Compare runs by epoch and by time."""
    yield heading_html("side by side", size="1.2em")
    yield _table(demo_tables.race(runs))
    if any(at.error <= 0 for run in runs for at in run.errors):
        return
    epochs: dict[str, Curve] = {run.name: [(float(at.epoch), at.error) for at in run.errors] for run in runs}
    seconds: dict[str, Curve] = {run.name: [(at.seconds, at.error) for at in run.errors] for run in runs}
    shortest = min(curve[-1][0] for curve in seconds.values())
    for curves, across, right in (
        (epochs, "epochs; the height is the logarithm of E", None),
        (seconds, "seconds; the height is the logarithm of E", shortest),
    ):
        svg, size = curve_svg(curves, across, right)
        ends = "\n".join(f"{name}: E = {curve[-1][1]:.6f} at the end" for name, curve in curves.items())
        yield picture_html(svg, size, f"E over {across.partition(';')[0]}\n{ends}")


def _table(table: DemoTable) -> str:
    title = heading_html(table.title) if table.title else ""
    return f"{title}{table_html(table.head, table.rows, table.names)}{''.join(map(words_html, table.notes))}"
