"""The lesson on a trouble of training: its parts as blocks. The numbers in them are those of the runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from backlit.errors import counted
from backlit.examples.file_tables import TroublePartTable
from backlit.explain import Drawing, Maps
from backlit.show.demo import tables as demo_tables
from backlit.show.demo.blocks import Block, Chart, Facts, Heading, PanelPicture, Words
from backlit.show.demo.lesson import paragraphs
from backlit.show.demo.records import DemoRun, DemoSetup, TroubleLesson, TroubleRun
from backlit.show.demo.tables import DemoTable, error_text
from backlit.show.demo.time_figures import time_figures
from backlit.show.demo.trouble_figures import (
    accuracy_figure,
    answers_figure,
    loss_figures,
    mean_of,
    signal_figure,
    signal_of_layers,
    signals_beside,
    validated,
)
from backlit.show.diagnose.parts import finding_parts
from backlit.show.network.words import drawing_caption
from backlit.show.signals.words import SHARES, WORDS, number, share

Chosen = Sequence[tuple[DemoSetup, TroubleRun]]


def trouble_blocks(run: DemoRun, lesson: TroubleLesson) -> Iterator[Block]:
    """Give the parts of a lesson."""
    if lesson.epochs is not None:
        yield Words(f"These are runs of at most {counted(lesson.epochs, 'epoch')}. The file's words are about its own "
                    "number of epochs; the numbers and pictures are about these.")  # fmt: skip
    for part in lesson.table.parts:
        yield Heading(part.title)
        yield from paragraphs(part.about)
        chosen = _chosen(run, lesson, part)
        for shown in part.shows:
            yield from _shown(shown, run, lesson, chosen)


def _shown(shown: str, run: DemoRun, lesson: TroubleLesson, chosen: Chosen) -> Iterator[Block]:
    """Give what one word of `shows` stands for."""
    setups = [setup for setup, _ in chosen]
    colours = [run.runs.index(setup) for setup in setups]
    if shown == "network":
        yield from _network(setups)
    elif shown == "losses":
        yield from _charts(loss_figures(setups, colours, lesson.baseline))
    elif shown == "accuracy":
        figure = accuracy_figure(setups, colours)
        yield from _charts([figure] if figure else [])
    elif shown == "answers":
        yield Chart((answers_figure(lesson, [found for _, found in chosen], colours, run.runs[0]),))
    elif shown == "signals":
        yield from _signals(lesson, [found for _, found in chosen], colours)
    elif shown == "finding":
        troubled = [found for _, found in chosen if found.code]
        for found in troubled:
            yield from _finding(found, alone=len(troubled) == 1)
    elif shown == "filters":
        yield from _filters(lesson, [found for _, found in chosen])
    elif shown == "maps":
        yield from _maps([found for _, found in chosen])
    elif shown == "time":
        yield Chart(tuple(time_figures([found for _, found in chosen], colours)))
    elif shown == "warnings":
        yield from (Words(f"Warning: {warning}") for setup in setups for warning in setup.warnings)
    else:
        yield _beside(lesson, chosen)


def _chosen(run: DemoRun, lesson: TroubleLesson, part: TroublePartTable) -> Chosen:
    """Give the runs that a part names, or all."""
    both = {setup.name: (setup, found) for setup, found in zip(run.runs, lesson.runs, strict=True)}
    return [both[name] for name in part.runs or both]


def _charts(figures: Sequence[object]) -> Iterator[Block]:
    if figures:
        yield Chart(tuple(figures))  # type: ignore[arg-type]


def _network(setups: Sequence[DemoSetup]) -> Iterator[Block]:
    """Say what the one run is made of, or in what several differ."""
    if len(setups) > 1:
        yield from (Words(f"{setup.name}: {setup.about}.") for setup in setups if setup.about)
        return
    (setup,) = setups
    yield Facts(tuple(demo_tables.facts(setup)))


def _filters(lesson: TroubleLesson, runs: Sequence[TroubleRun]) -> Iterator[Block]:
    """Draw the weights of the first convolution's filters."""
    for found in runs:
        panel = Maps(f"{found.name}: its filters", (), 0, found.filters)
        caption = "The weights after training; positive and negative ones have two colours, the largest the strongest."
        yield PanelPicture(Drawing((), (), "", panels=(panel,)), caption, "The weights after training.", digits=2)


def _maps(runs: Sequence[TroubleRun]) -> Iterator[Block]:
    """Draw the trained networks with the first row's numbers."""
    for found in runs:
        if found.maps is not None:
            maps = msgspec.structs.replace(found.maps, columns=())
            which = f"{found.name} after training, the first row."
            said = [f"{which} {drawing_caption(maps, backward=False, in_text=text)}" for text in (False, True)]
            yield PanelPicture(maps, *said, digits=2)


# ------------------------------------------------------------------------------------------------ signals and diagnosis


def _signals(lesson: TroubleLesson, runs: Sequence[TroubleRun], colours: Sequence[int]) -> Iterator[Block]:
    """Draw the signal over the layers; of runs of which no epoch was measured, say so."""
    signal = lesson.table.signal
    measured = [(found, colour) for found, colour in zip(runs, colours, strict=True) if found.signals.numbers]
    if measured and len(runs) == 1:
        yield Chart((signal_figure(signal, runs[0]),))
    elif measured:
        yield Chart(tuple(signals_beside(signal, *zip(*measured, strict=True))))
    without = [found.name for found in runs if not found.signals.numbers]
    if without:
        yield Words(f"There is no {WORDS[signal].label} of {', '.join(without)}: no epoch was measured.")


def _finding(run: TroubleRun, *, alone: bool) -> Iterator[Block]:
    """Give the finding that names the trouble of a run, and name the other ones."""
    if run.diagnosis is None:
        yield Words(f"{run.name}: no training, no diagnosis.")
        return
    every = (*run.diagnosis.findings, *run.diagnosis.remarks)
    named = next((finding for finding in every if finding.code == run.code), None)
    if named is None:
        yield Words(f"The diagnosis of {run.name!r} does not find {run.code} in {_epochs(run)}.")
    else:
        rows = [("run", run.name)] if not alone else []
        rows.append(("finding", f"{named.code} {named.name}"))
        yield from (Facts((*rows, *block.rows)) for block in finding_parts(named) if isinstance(block, Facts))
    others = [f"{finding.code} {finding.name}" for finding in run.diagnosis.findings if finding is not named]
    if others:
        yield Words(f"It finds besides: {', '.join(others)}. A trouble shows in more than one way: cure the first, and "
                    "look again.")  # fmt: skip


def _epochs(run: TroubleRun) -> str:
    return counted(run.signals.epochs, "epoch")


# --------------------------------------------------------------------------------------------------------- side by side


def _beside(lesson: TroubleLesson, chosen: Chosen) -> DemoTable:
    """Compare runs by their errors, their accuracy, and the signal that tells of the trouble."""
    setups = [setup for setup, _ in chosen]
    held_out, classes = validated(setups), setups[0].training_accuracy is not None
    signal, compares = lesson.table.signal, lesson.table.compares
    rows = []
    for setup, found in chosen:
        end = setup.end
        row = [setup.name, f"{end.epoch:,}", error_text(end.error)]
        row += [error_text(end.validation_error)] if held_out else []
        accuracy = end.validation_accuracy if held_out else end.accuracy
        row += [f"{accuracy:.0%}" if accuracy is not None else "-"] if classes else []
        row += [_cell(signal, signal_of_layers(found, signal, compares, k)) for k in (0, -1)] if signal else []
        rows.append(tuple(row))
    heads = ["at first", "at last"] if signal else []
    head = ("run", "epoch", "E", *(["E, validation"] if held_out else []), *(["accuracy"] if classes else []), *heads)
    return DemoTable("Side by side", head, tuple(rows), notes=tuple(_notes(lesson, setups)))


def _cell(signal: str, value: float | None) -> str:
    return share(value) if signal in SHARES else number(value)


def _notes(lesson: TroubleLesson, setups: Sequence[DemoSetup]) -> Iterator[str]:
    if lesson.baseline is not None:
        answer = mean_of(setups)
        yield f"Baseline: E is {error_text(lesson.baseline)} where every training row is answered with {answer}."
    if setups[0].training_accuracy is not None and validated(setups):
        yield "Accuracy: of the validation rows."
    if signal := lesson.table.signal:
        ratio = lesson.table.compares == "first / last"
        which = "the first layer's divided by the last one's" if ratio else "of the layer that has the most"
        yield f"At first, at last: {WORDS[signal].label} in the first and the last measured epoch, {which}."
    for setup in setups:
        if setup.kept is not None:
            yield f"{setup.name}: {demo_tables.kept(setup)}"
