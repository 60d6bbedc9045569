"""The parts of a demo in their order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backlit.examples import SetupRun
from backlit.show.boundary.figures import boundary_figures
from backlit.show.demo import curves as demo_curves
from backlit.show.demo import tables as demo_tables
from backlit.show.demo.blocks import Block, Chart, Facts, Heading, Lines, NetworkPicture, PanelPicture, Words
from backlit.show.demo.lesson import lesson_blocks, paragraphs
from backlit.show.demo.records import DemoRun, DemoSetup
from backlit.show.demo.trouble import trouble_blocks
from backlit.show.network.words import drawing_caption

TOO_MANY = "Weights and biases: too many to list here; the records (--json, or demo.run) have them all."


def demo_parts(run: DemoRun) -> Iterator[Block]:
    """Give what is said of a run and all that is shown of it, below its title."""
    yield from paragraphs(run.about)
    if run.source:
        yield Words(f"Source: {run.source}.")
    if run.trouble is not None:
        yield from trouble_blocks(run, run.trouble)
        return
    if run.lesson is not None:
        yield from lesson_blocks(run, run.lesson)
        return
    for k, setup in enumerate(run.runs):
        if setup.name:
            yield Heading(setup.name)
            yield from paragraphs(setup.about)
        yield from _setup(setup, brief=run.race, series=k if run.race else 0)
    if run.race:
        yield from _race(run.runs)


def _setup(setup: DemoSetup, *, brief: bool, series: int) -> Iterator[Block]:
    yield Facts(tuple(demo_tables.facts(setup)))
    yield from (Words(f"Warning: {warning}") for warning in setup.warnings)
    if not brief:
        yield from _pictures(setup)
        yield demo_tables.parameters(setup) or Words(TOO_MANY)
    yield demo_tables.errors(setup)
    if setup.kept is not None:
        yield Words(demo_tables.kept(setup))
    curves = demo_curves.setup_curves(setup, series)
    if curves is not None:
        yield curves
    if not brief:
        yield demo_tables.predictions(setup)
        if setup.boundary is not None:
            yield Chart(boundary_figures(setup.boundary))
    accuracies = demo_tables.accuracies(setup)
    if accuracies:
        yield Lines("\n".join(accuracies))
    classes = demo_tables.class_counts(setup)
    if classes:
        yield classes
    yield from demo_tables.figures(setup)


def _pictures(setup: DemoSetup) -> Iterator[Block]:
    """Draw the network: with weights after training, or, of other layers than dense ones, the first row's step."""
    if setup.drawing is None:
        yield NetworkPicture(setup)
        return
    which = "At the first weights" + (", the first row" if setup.rows > 1 else "")
    for backward in (False, True):
        said = [f"{which}. {drawing_caption(setup.drawing, backward=backward, in_text=text)}" for text in (False, True)]
        yield PanelPicture(setup.drawing, *said, backward)


def _race(runs: Sequence[SetupRun]) -> Iterator[Block]:
    """Compare runs by epoch and by time."""
    yield Heading("side by side")
    yield demo_tables.race(runs)
    figures = tuple(demo_curves.race_figures(runs))
    if figures:
        yield Chart(figures)
