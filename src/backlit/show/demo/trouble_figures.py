"""The pictures of a lesson on a trouble: errors, accuracies and answers of runs side by side, the signal per layer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from backlit.examples import SetupRun
from backlit.show.charts.figure import Axis, DataTable, Figure, Layer, Line, Points, Rule
from backlit.show.demo.curves import DASHES, Curve, curve_of, curves_figure
from backlit.show.demo.records import TroubleLesson, TroubleRun
from backlit.show.demo.tables import error_text
from backlit.show.signals.figures import layer_figure, spans
from backlit.show.signals.words import SHARES, WORDS, Values, cell, layer_words

HIGHEST = 10.0
"""Errors beyond so many times the highest one before training are above the picture."""
MARKS = 7
"""The series of rows."""
KINDS = (("error", "training rows"), ("validation_error", "validation rows"))
"""The fields of a recorded epoch, and which rows' error they are."""


def validated(setups: Sequence[SetupRun]) -> bool:
    """Tell whether all of these runs have validation rows."""
    return all(setup.validation_rows for setup in setups)


def mean_of(setups: Sequence[SetupRun]) -> str:
    """Say what the mean target is, which the baseline answers to every row: of classes, their shares."""
    return "the mean target" if setups[0].training_accuracy is None else "the shares of the classes"


def loss_figures(setups: Sequence[SetupRun], colours: Sequence[int], baseline: float | None) -> list[Figure]:
    """Draw the errors over the epochs: of one run those of both kinds of rows in one chart, of several a chart each.

    `baseline` is drawn as a line across the chart of the training rows.
    """
    if max(setup.epochs for setup in setups) < 1:
        return []
    kinds = KINDS if validated(setups) else KINDS[:1]
    across = (baseline, mean_of(setups))
    if len(setups) == 1:
        (setup,), (colour,) = setups, colours
        curves = {said: curve_of(setup.errors, field) for field, said in kinds}
        return [_losses(f"The error of {setup.name!r}", "E", curves, [colour] * len(kinds), *across, whole=True)]
    figures = []
    for field, said in kinds:
        curves = {setup.name: curve_of(setup.errors, field) for setup in setups}
        at = across if field == "error" else (None, "")
        figures.append(_losses(f"The error of the {said}", f"E of the {said}", curves, colours, *at))
    return figures


def _listed(ends: dict[str, str]) -> str:
    """List what each run ended with.

    >>> _listed({"plain": "1.1", "residual": "0.07"}), _listed({"Elman, 10": "0.006", "LSTM, 10": "1e-4"})
    ('plain 1.1, residual 0.07', 'Elman, 10: 0.006; LSTM, 10: 1e-4')
    """
    colon, between = (":", "; ") if any("," in name for name in ends) else ("", ", ")
    return between.join(f"{name}{colon} {end}" for name, end in ends.items())


def _losses(
    title: str, what: str, curves: dict[str, Curve], colours: Sequence[int], baseline: float | None,
    answer: str, *, whole: bool = False,
) -> Figure:  # fmt: skip
    """Draw curves of errors, and the baseline, of one answer to every row; `whole` draws however high they go."""
    curves = {name: curve for name, curve in curves.items() if curve}
    top = math.inf if whole else HIGHEST * max(curve[0][1] for curve in curves.values())
    beyond = [name for name, curve in curves.items() if max(error for _, error in curve) > top]
    said = f"E after the last epoch: {_listed({name: error_text(curve[-1][1]) for name, curve in curves.items()})}."
    if beyond:
        said += f" Above the picture, which ends at {error_text(top)}: {', '.join(beyond)}."
    if baseline is not None:
        said += f" Baseline, {answer} for every row: {error_text(baseline)}."
    figure = curves_figure(title, what, curves, "epoch", said, top=top if beyond else None, series=colours)
    if baseline is None:
        return figure
    layers = (*figure.layers, Rule(y=baseline, text="baseline"))
    return msgspec.structs.replace(figure, layers=layers)


def accuracy_figure(setups: Sequence[SetupRun], colours: Sequence[int]) -> Figure | None:
    """Draw the share of rows that are predicted right: of the validation rows, if there are any."""
    held_out = validated(setups)
    field = "validation_accuracy" if held_out else "accuracy"
    curves = {setup.name: curve_of(setup.errors, field) for setup in setups}
    if not all(curves.values()) or max(setup.epochs for setup in setups) < 1:
        return None
    rows = "validation rows" if held_out else "training rows"
    ends = _listed({name: f"{curve[-1][1]:.0%}" for name, curve in curves.items()})
    said = f"Of the {rows}, so many are predicted right after the last epoch: {ends}."
    return curves_figure(f"The accuracy on the {rows}", "accuracy", curves, "epoch", said, shares=True, series=colours)


def answers_figure(
    lesson: TroubleLesson, runs: Sequence[TroubleRun], colours: Sequence[int], setup: SetupRun
) -> Figure:
    """Draw what networks answer over their one input, with the rows."""
    training, validation = lesson.rows, lesson.validation
    layers: list[Layer] = []
    if validation:
        x, y = zip(*validation, strict=True)
        layers.append(Points(x=x, y=y, name="validation rows", series=MARKS, symbol="ring", size=2.5, faint=True))
    x, y = zip(*training, strict=True)
    layers.append(Points(x=x, y=y, name="training rows", series=MARKS, size=3.5))
    for k, (run, colour) in enumerate(zip(runs, colours, strict=True)):
        places, answers = zip(*run.answers, strict=True)
        seen = [answer if math.isfinite(answer) else math.nan for answer in answers]
        layers.append(Line(x=places, y=seen, name=run.name, series=colour, dash=DASHES[k % len(DASHES)]))
    output = next(layer.units for layer in reversed(setup.layers) if layer.units)[0]
    rows = tuple((f"{places:.4g}", *(f"{run.answers[k][1]:.4g}" for run in runs))
                 for k, (places, _) in enumerate(runs[0].answers) if k % 5 == 0)  # fmt: skip
    names = ", ".join(run.name for run in runs)
    return Figure(
        title=f"What the network answers: {names}",
        summary=f"{len(training)} training rows"
        + (f" and {len(validation)} validation rows" if validation else "")
        + ", and the answers after training.",
        x=Axis(setup.inputs[0]), y=Axis(output), layers=tuple(layers), height=320,
        table=DataTable((setup.inputs[0], *(run.name for run in runs)), rows, 0),
    )  # fmt: skip


def signal_figure(signal: str, run: TroubleRun) -> Figure:
    """Draw the signal of a run's layers, at the first and at the last measured epoch."""
    figure = layer_figure(run.signals, signal, layer_names(run))
    return msgspec.structs.replace(figure, title=f"{run.name}: {figure.title[:1].lower()}{figure.title[1:]}")


def signals_beside(signal: str, runs: Sequence[TroubleRun], colours: Sequence[int]) -> Iterator[Figure]:
    """Draw the signal over the layers of several runs: at the first measured epoch, and at the last one."""
    label = WORDS[signal].label
    names = layer_names(max(runs, key=lambda run: len(run.signals.layers)))
    for place, when in ((0, "the first epoch"), (-1, "the last measured epoch")):
        epochs = {run.name: run.signals.numbers[place] for run in runs}
        columns = {run.name: [layer[signal][place] for layer in run.signals.layers.values()] for run in runs}
        found = [value for column in columns.values() for value in column if value is not None]
        log = spans(signal, found)
        layers = tuple(
            Line(x=range(1, len(column) + 1), y=[math.nan if value is None else value for value in column], name=name,
                 series=colour, dash=DASHES[k % len(DASHES)], dots=True)
            for k, ((name, column), colour) in enumerate(zip(columns.items(), colours, strict=True))
            if any(value is not None for value in column)
        )  # fmt: skip
        rows = tuple(
            (name, *(cell(signal, column[k]) if k < len(column) else "" for column in columns.values()))
            for k, name in enumerate(names)
        )
        share = signal in SHARES
        yield Figure(
            title=f"{label[:1].upper()}{label[1:]} of each layer, {when}",
            summary=_said(signal, columns, names, epochs),
            x=Axis("layer", low=0.6, high=len(names) + 0.4, marks=tuple(enumerate(names, 1))),
            y=Axis(f"{label}, logarithmic" if log else label, log=log, low=0.0 if share else None,
                   high=1.0 if share else None),
            layers=layers, table=DataTable(("layer", *columns), rows, 1),
        )  # fmt: skip


def _said(signal: str, columns: Mapping[str, Values], names: Sequence[str], epochs: Mapping[str, int]) -> str:
    """Say of which epochs the numbers are, what each run has in its first and last layer, and which has no number."""
    parts, without = [], []
    several = len(set(epochs.values())) > 1
    for run, column in columns.items():
        known = [(name, value) for name, value in zip(names, column, strict=False) if value is not None]
        if not known:
            without.append(run)
            continue
        (first, low), (last, high) = known[0], known[-1]
        layers = f"{cell(signal, low)} in layer {first}, {cell(signal, high)} in {layer_words([last])[0]}"
        when = f" in epoch {epochs[run]:,}" if several else ""
        parts.append(f"{run}{when}: {layers if first != last else cell(signal, low)}")
    when = "" if several else f"In epoch {next(iter(epochs.values())):,}, "
    said = f"{WORDS[signal].what}. {when}{'; '.join(parts)}." if parts else f"{WORDS[signal].what}."
    return said + (f" Not drawn: {', '.join(without)}, which has no such number." if without else "")


def layer_names(run: TroubleRun) -> list[str]:
    """Number the layers that have weights from 1 on, whatever lies between them; the last one gives the output."""
    return [str(number) for number in range(1, len(run.signals.layers) + 1)]


def signal_of_layers(run: TroubleRun, signal: str, compares: str, place: int) -> float | None:
    """Give one number of a signal over the layers, at the first (0) or last (-1) measured epoch."""
    if not run.signals.numbers:
        return None
    values = [signals[signal][place] for signals in run.signals.layers.values()]
    if compares == "first / last":
        first, last = values[0], values[-1]
        return first / last if first is not None and last else None
    known = [value for value in values if value is not None]
    return max(known) if known else None
