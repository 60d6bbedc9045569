"""The sections of a report about the model itself: columns, network, training, gradients, how to repeat it."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby

import msgspec
from markupsafe import Markup

from backlit.analysis.report.records import ModelReport
from backlit.engine import TrainingCurve
from backlit.errors import counted
from backlit.explain.record.node_record import Node
from backlit.explain.record.step_records import Column, Drawing, Edge
from backlit.model.recipe import Recipe
from backlit.model.reports import Choice, Notice
from backlit.show.charts.figure import Figure, Line
from backlit.show.curves.figures import curve_figures
from backlit.show.network.svg import network_svg
from backlit.show.report.parts import Block, Code, Facts, Grid, NetworkPicture, Notes, Said, Section, charts
from backlit.show.report.texts import CELL, NAME, SENTENCE, WORDS, listed, number, plain, score

MOST_COLUMNS, MOST_SURPRISES, MOST_TRIALS, MOST_METRICS, MOST_LAYERS = 100, 20, 30, 6, 12
MOST_LINES = 20
"""Of a command."""
TRIAL_CURVES = 6
"""So many of the settings that were tried have their curve drawn."""
SHRUNK = 0.78
"""A page may show a network so much smaller than it is drawn: its letters then have 10.1 pixels."""
DRAWING_DIGITS = 2
LATE = 0.15
"""Settings are compared behind this part of their epochs."""
VANISHED = 1_000.0


# --------------------------------------------------------------------------------------------------- what may be wrong


def notices_section(report: ModelReport) -> Section:
    """Say what may be wrong with the training, each with the command that goes on from it."""
    words = ["This is what the training alone tells; the command beside it looks closer, or leaves the trouble out."]
    blocks: list[Block] = []
    for command, notices in groupby(report.notices, lambda notice: notice.command):
        blocks.append(Notes([notice_words(notice) for notice in notices]))
        blocks += [Code(plain(command, SENTENCE), "command")] if command else []
    return Section("wrong", "What may be wrong", words, blocks)


def notice_words(notice: Notice) -> str:
    """Give a notice as a sentence, with the code of its finding."""
    said = f"{plain(notice.words, SENTENCE)}{notice.code and f' ({notice.code})'}."
    return said[:1].upper() + said[1:]


# -------------------------------------------------------------------------------------------------------------- columns


def columns_section(report: ModelReport) -> Section:
    """Say what was done to each column."""
    columns = report.columns
    blocks: list[Block] = []
    words = []
    if columns:
        kinds = Counter(plain(column.kind, 40) for column in columns)
        inputs = sum(column.outputs for column in columns)
        used = sum(column.outputs > 0 for column in columns)
        taken = listed([f"{kind} ({n:,})" for kind, n in kinds.items()])
        words = [
            f"The network reads {used:,} of {counted(len(columns), 'column')} as {counted(inputs, 'input')}. The "
            f"columns are taken for: {taken}. Look for one that is something else, and for one that would not be known "
            "when a prediction is wanted."
        ]
        rows = [(plain(column.column), plain(column.kind, 40), plain(column.done, WORDS), f"{column.outputs:,}")
                for column in columns[:MOST_COLUMNS]]  # fmt: skip
        more = len(columns) - len(rows)
        note = f"{counted(more, 'more column')} in the report as JSON." if more else ""
        head = ("column", "taken for", "what was done", "inputs")
        blocks.append(Grid("What was done to each column", head, rows, 3, note, stacked="5fr 12fr 3fr"))
    else:
        blocks.append(Said("The model's file does not say what was done to the columns."))
    if report.task is not None:
        task = report.task
        missing = f" Rows without a target that were left out: {task.n_missing:,}." if task.n_missing else ""
        words.append(f"The target: {plain(task.reason, SENTENCE)}.{missing}")
    if report.surprises:
        notes = [f"{plain(one.column)}: {plain(one.what, WORDS)}, in {counted(one.rows, 'row')}"
                 for one in report.surprises[:MOST_SURPRISES]]  # fmt: skip
        left = len(report.surprises) - len(notes)
        blocks.append(Said("In the measured rows, some things were new to the network:"))
        blocks.append(Notes([*notes, *([f"{left:,} more"] if left else [])]))
    return Section("columns", "What was done to each column", words, blocks)


# -------------------------------------------------------------------------------------------------------------- network


def network_section(report: ModelReport) -> Section:
    """Draw the network, and say how it was built and trained."""
    pairs = [("network", plain(report.network, WORDS))]
    pairs += _recipe_facts(report.recipe) if report.recipe else []
    undrawn = (
        "The network is not drawn here: a drawing of units and weights is of dense layers, one behind another. "
        "`backlit explain MODEL --data DATA` draws other layers, on a row."
    )
    blocks: list[Block] = [_picture(report.drawing) if report.drawing else Said(undrawn)]
    words = f"Training adjusts {counted(report.parameters, 'number')}: the weights and biases."
    return Section("network", "The network", [words], [*blocks, Facts(pairs)])


def _recipe_facts(recipe: Recipe) -> list[tuple[str, str]]:
    rate = "" if recipe.rate is None else f", rate {number(recipe.rate)}"
    schedule = "" if recipe.schedule == "constant" else f", schedule {plain(recipe.schedule, 40)}"
    facts = [("optimizer", f"{plain(recipe.optimizer, 40)}{rate}{schedule}"), ("batch", f"{recipe.batch_size} rows"
              if recipe.batch_size != "full" else "all rows"), ("l2 penalty", number(recipe.l2))]  # fmt: skip
    facts += [("weight decay", number(recipe.decay))] if recipe.decay else []
    facts += [("dropout", number(recipe.dropout))] if recipe.dropout else []
    return facts


def _picture(drawing: Drawing) -> NetworkPicture:
    title = "The network with its final weights"
    clipped = _clipped(drawing)
    svg = network_svg(clipped, backward=False, digits=DRAWING_DIGITS, standalone=False, title=title)
    width = int(re.findall(r'width="(\d+)"', svg)[0])
    part = any(column.size > len(column.nodes) for column in drawing.columns)
    caption = "Each line is a weight; a dashed one is a bias, from the constant 1."
    caption += " Of large layers, the units with the strongest weights are drawn." if part else ""
    faint = " Of many weights to a unit, the strongest and the bias have their numbers." if "weak" in svg else ""
    return NetworkPicture(Markup(svg), caption + faint, round(SHRUNK * width))


def _clipped(drawing: Drawing) -> Drawing:
    """Give a drawing whose names are short and visible."""

    def node(one: Node) -> Node:
        return msgspec.structs.replace(one, name=plain(one.name))

    def edge(one: Edge) -> Edge:
        return msgspec.structs.replace(one, name=plain(one.name))

    def column(one: Column) -> Column:
        return msgspec.structs.replace(one, title=plain(one.title), nodes=tuple(map(node, one.nodes)),
                                       edges=tuple(map(edge, one.edges)))  # fmt: skip

    return msgspec.structs.replace(drawing, columns=tuple(map(column, drawing.columns)), back=None)


# ------------------------------------------------------------------------------------------------------------- training


def training_section(report: ModelReport) -> Section:
    """Draw the losses over the epochs, with the best one, and the settings that were compared."""
    blocks: list[Block] = []
    words = [f"Training ended {_sentence(report.stopped)}"] if report.stopped else []
    curve, choice = report.curve, report.choice
    first = _chosen_figure(choice) if choice is not None else []
    figures: list[Figure] = []
    if curve is not None and curve.numbers:
        figures = curve_figures(curve)[: 1 + MOST_METRICS]
        if first:
            figures[0] = msgspec.structs.replace(figures[0], title="The loss of the final training")
        beside = "these are the rows it learned from, so the loss alone says nothing about new ones."
        if first or curve.validation_loss is not None:
            beside = "a validation loss that rises while the training loss falls shows rows that are learned by heart."
        words.append(f"A good loss falls steeply at first and then levels off; {beside}")
    figures = [*first, *figures, *(_trial_figures(choice) if choice is not None else [])]
    if figures:
        blocks.append(charts(figures))
    if curve is None or not curve.numbers:
        blocks.append(Said("The model's file has no training curve."))
    if choice is not None:
        blocks.append(_trials(choice))
    return Section("training", "Training", words, blocks)


def _sentence(text: str) -> str:
    text = plain(text, SENTENCE)
    return text if text.endswith((".", ":")) else f"{text}."


def _chosen_figure(choice: Choice) -> list[Figure]:
    """Draw the losses of the chosen setting while it was compared: training and validation, with the best epoch."""
    chosen = choice.trials[choice.chosen] if choice.chosen < len(choice.trials) else None
    if chosen is None or chosen.curve is None or chosen.curve.validation_loss is None:
        return []
    figure = curve_figures(chosen.curve)[0]
    words = f"By {plain(choice.how, WORDS)}, with the setting that was chosen. {figure.summary}"
    return [msgspec.structs.replace(figure, title="The best epoch", summary=words)]


def _trial_figures(choice: Choice) -> list[Figure]:
    """Draw the validation losses of the settings that were tried: of many, the chosen one and the first others."""
    places = [choice.chosen, *(k for k in range(len(choice.trials)) if k != choice.chosen)]
    known = [choice.trials[k] for k in sorted(k for k in places[:TRIAL_CURVES] if k < len(choice.trials))]
    curves = {plain(trial.what): msgspec.structs.replace(trial.curve, loss=trial.curve.validation_loss, metrics={},
              validation_loss=None)
              for trial in known if trial.curve is not None and trial.curve.validation_loss is not None}  # fmt: skip
    if len(curves) < 2:
        return []
    best, more = choice.trials[choice.chosen], len(choice.trials) - len(curves)
    lowest = "" if best.loss is None else f" has its lowest loss, {number(best.loss)}, in epoch {best.epochs:,}"
    summary = f"The chosen setting, {plain(best.what)},{lowest}. Marks show the best epoch of each."
    summary += f" {counted(more, 'more setting')} tried." if more else ""
    figure = curve_figures(curves, loss="validation loss")[0]
    return [_near_the_end(msgspec.structs.replace(figure, title="Settings compared", summary=summary), curves)]


def _near_the_end(figure: Figure, curves: Mapping[str, TrainingCurve]) -> Figure:
    """Leave out the high losses of the first epochs, beside which the settings all look the same."""
    late = [loss for curve in curves.values() for number, loss in zip(curve.numbers, curve.loss, strict=True)
            if loss is not None and (number > LATE * curve.numbers[-1] or number == curve.best)]  # fmt: skip
    every = [loss for curve in curves.values() for loss in curve.loss if loss is not None]
    if figure.y.log or not late or max(every) - min(late) < 2 * (max(late) - min(late)):
        return figure
    top = max(late) + 0.1 * (max(late) - min(late))
    layers = [msgspec.structs.replace(layer, y=[y if y <= top else math.nan for y in layer.y])
              if isinstance(layer, Line) else layer for layer in figure.layers]  # fmt: skip
    summary = f"{figure.summary} Losses above {number(top, 3)}, most of them of the first epochs, are not drawn."
    return msgspec.structs.replace(figure, layers=tuple(layers), summary=summary)


def _trials(choice: Choice) -> Grid:
    """Give the settings that were compared; of many, those with the lowest loss."""
    trials = list(enumerate(choice.trials))
    note = ""
    if len(trials) > MOST_TRIALS:
        best = sorted(trials, key=lambda pair: (pair[0] != choice.chosen, pair[1].loss is None, pair[1].loss or 0.0))
        trials = sorted(best[:MOST_TRIALS])
        note = f" The {MOST_TRIALS} best of {len(choice.trials):,} are shown."
    rows = [(plain(trial.what, CELL), "diverged" if trial.loss is None else score(trial.loss), f"{trial.epochs:,}",
             "chosen" if place == choice.chosen else "") for place, trial in trials]  # fmt: skip
    rule = _sentence(choice.rule.rstrip(":")) if choice.rule else ""
    caption = f"Settings compared by {plain(choice.how, WORDS)}"
    return Grid(caption, ("setting", "validation loss", "epochs", ""), rows, 1, f"{rule}{note}")


# ------------------------------------------------------------------------------------------------------------ gradients


def gradients_section(report: ModelReport) -> Section:
    """Draw the gradient norm of each layer over the epochs."""
    title = "Gradients"
    curve = report.curve
    norms = curve.gradient_norms if curve is not None else {}
    if curve is None or not norms:
        return Section("gradients", title, [], [Said("The gradients of this training were not kept.")])
    shown = {name: norms[name] for name in list(norms)[:MOST_LAYERS]}
    figure = curve_figures(msgspec.structs.replace(curve, gradient_norms=shown), gradient_norms=True, metrics=False)[-1]
    words = [
        "The norm of a layer's gradient says how strongly the error asks its weights to change. Layers should learn "
        "side by side; norms fall as a training settles."
    ]
    if len(norms) > len(shown):
        words.append(f"The first {len(shown)} of {len(norms):,} layers are drawn.")
    ends = {name: values[-1] for name, values in norms.items() if values and values[-1]}
    if len(ends) > 1:
        sizes = sorted((value, name) for name, value in ends.items() if value is not None)
        (low, smallest), (high, largest) = sizes[0], sizes[-1]
        judged = " Layers so far apart do not learn alike." if high / low >= VANISHED else ""
        words.append(f"In the last epoch, that of layer {plain(largest, 40)} is {number(high / low, 2)} times that of "
                     f"layer {plain(smallest, 40)}.{judged}")  # fmt: skip
    return Section("gradients", title, words, [charts([figure])])


# --------------------------------------------------------------------------------------------------------------- repeat


def repeat_section(report: ModelReport) -> Section:
    """Say how to repeat it."""
    repeat = report.repeat
    pairs = [("seed", "–" if repeat.seed is None else str(repeat.seed))]
    pairs += [(plain(name, 40), plain(version, 40)) for name, version in list(repeat.versions.items())[:20]]
    pairs += [("digest of the table", plain(repeat.digest, 80))] if repeat.digest else []
    lines = [plain(line, 4 * SENTENCE) for line in repeat.command.split("\n")[:MOST_LINES]]
    blocks: list[Block] = [Code("\n".join(lines), "command")] if repeat.command else [
        Said("The model's file does not say how it was made.")]  # fmt: skip
    words = (
        "On the same kind of computer, the same table, command and versions give the same numbers, and the same report."
    )
    if _ended_early(report):
        words = "It was ended early, by Ctrl-C or a time limit. Where is a matter of chance, and so are the numbers."
    return Section("repeat", "How to repeat it", [words] if repeat.command else [], [*blocks, Facts(pairs)])


def _ended_early(report: ModelReport) -> bool:
    """Tell whether a person or the clock ended a part of the training."""
    told = f"{report.stopped} {report.choice.how if report.choice else ''} {report.linear}"
    return "Ctrl-C" in told or "time limit" in told


def rows_fact(report: ModelReport) -> str:
    """Give in words how many rows there are for what; those that were measured are named beside."""
    return listed([f"{n:,} {plain(name, 40)}" for name, n in report.counts.items() if n and name != "measured"])


def header_facts(report: ModelReport) -> Sequence[tuple[str, str]]:
    """Give what the report is about."""
    facts = [("target", plain(report.target, NAME)), ("table", plain(report.table, NAME))]
    facts += [("measured on", plain(report.rows, WORDS))] if report.rows else []
    return [*facts, *([("rows", rows)] if (rows := rows_fact(report)) else [])]
