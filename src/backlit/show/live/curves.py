"""The curves of the live page: loss and metric over the epochs as small charts, with a cursor and tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import msgspec

from backlit.analysis.live.score import Baseline
from backlit.engine import TrainingCurve
from backlit.show.charts.figure import Axis, DataTable, Figure, Layer, Line, Note, Points, Rule
from backlit.show.charts.frame import Frame
from backlit.show.charts.svg import figure_svg
from backlit.show.curves.figures import curve_figures, spans_decades
from backlit.show.live.bar import metric as metric_text
from backlit.show.live.bar import number
from backlit.show.pages import table_html

WIDTH, HEIGHT = 232, 190
"""Pixels of a chart: two stand side by side, and are drawn larger where one alone has room."""

NAMED = 20
"""Pixels that the name of a run before takes."""

FEW = 12
"""Of at most so many points each is marked."""

TABLE_ROWS = 14


class MetricPoint(NamedTuple):
    """The metric after so many epochs, of training and validation rows."""

    epoch: float
    value: float
    validation: float | None


class Earlier(NamedTuple):
    """The curves of a run before: what was set otherwise, its losses and its metric."""

    words: str
    curve: TrainingCurve
    points: tuple[MetricPoint, ...]


class Curves(NamedTuple):
    """What the panel draws. `loss` names the loss; `replayed` is the moment looked at, in epochs, or None.

    `sampled` says of which rows the metric is, where these are not all.
    """

    curve: TrainingCurve
    points: tuple[MetricPoint, ...]
    metric: str
    loss: str
    baseline: Baseline | None
    replayed: float | None
    earlier: tuple[Earlier, ...]
    sampled: str


def curves_html(curves: Curves) -> str:
    """Give the charts with their words and tables."""
    charts = "".join(f"<div>{_chart(key, figure)}</div>" for key, figure in _figures(curves).items())
    return f'<h2>Curves</h2><div class="charts">{charts}</div>{_notes(curves)}'


def _figures(curves: Curves) -> dict[str, Figure]:
    """Give the charts; none of a metric where the targets have none."""
    loss = {"loss": loss_figure(curves)}
    return loss | {"metric": metric_figure(curves)} if curves.metric else loss


def _chart(key: str, figure: Figure) -> str:
    svg = figure_svg(figure, standalone=False, titled=False).replace('role="img"', 'aria-hidden="true"', 1)
    told, table = escape(figure.summary), figure.table
    rows = table_html(table.head, table.rows, table.numbers, label=f"{figure.title}, as a table") if table.rows else ""
    folded = (
        f'<details id="curves-{key}-numbers"><summary>Numbers</summary><div class="scroll" tabindex="0" role="group" '
        f'aria-label="{escape(figure.title)}, as a table" id="curves-{key}-box" data-keep-scroll>{rows}</div></details>'
    )  # fmt: skip
    return (
        f'<h3 id="curves-{key}-title">{escape(figure.title.removesuffix(" over the epochs"))}</h3>'
        f'<div class="curve" id="curves-{key}" data-curve="{key}" tabindex="0" role="slider" '
        f'aria-labelledby="curves-{key}-title" aria-describedby="curves-{key}-words" aria-valuemin="0" '
        f'aria-valuemax="0" aria-valuenow="0" aria-valuetext="no epoch chosen">{svg}</div>'
        f'<p class="unseen" id="curves-{key}-words">{told}</p>'
        f'<p class="curve-told" id="curves-{key}-told" aria-hidden="true"></p>{folded if rows else ""}'
    )


def _notes(curves: Curves) -> str:
    notes = []
    if curves.baseline is not None:
        notes.append(f"Baseline: {curves.baseline.what}.")
    notes.append("Each batch’s loss is measured before its own update.")
    if curves.sampled:
        notes.append(f"The metric is {curves.sampled}.")
    return f'<p class="note">{escape(" ".join(notes))}</p>'


# -------------------------------------------------------------------------------------------------------------- figures


def loss_figure(curves: Curves) -> Figure:
    """Give the chart of the losses."""
    curve, own = curves.curve, [*_losses(curves.curve)]
    others = [(earlier.words, list(zip(earlier.curve.numbers, _monitored(earlier.curve), strict=True)))
              for earlier in curves.earlier]  # fmt: skip
    level = curves.baseline.loss if curves.baseline else None
    found = [*own, *(value for _, line in others for _, value in line if value is not None)]
    log = spans_decades(found) if found else False
    figure = curve_figures(curve, metrics=False, log=log if curve.numbers else False)[0]
    layers = [layer for layer in figure.layers if not isinstance(layer, Rule | (Note if others else Rule))]
    if not curve.numbers and not others:
        layers = [Note(x=0.3, y=0.5 * (level or 1.0), text="press Play")]
    line = dict(zip(curve.numbers, _monitored(curve), strict=True))
    best = line.get(curve.best or 0)
    if best is not None and curve.best is not None:
        layers.append(Points(x=(curve.best,), y=(best,), name=f"best epoch {curve.best:,}", symbol="ring", size=5.0,
                             series=0 if curve.validation_loss is None else 1))  # fmt: skip
    label = f"{curves.loss} (log)" if log else curves.loss
    if log and level is not None and level <= 0.0:
        level = None
    x = figure.x if curve.numbers and not others else _epochs(others, curve.numbers)
    return _finished(figure, curves, [*_faint(others), *layers], level, number, label, x, line)


def _losses(curve: TrainingCurve) -> Iterator[float]:
    for values in (curve.loss, curve.validation_loss or ()):
        yield from (value for value in values if value is not None)


def _monitored(curve: TrainingCurve) -> Sequence[float | None]:
    return curve.validation_loss or curve.loss


def metric_figure(curves: Curves) -> Figure:
    """Give the chart of the metric."""
    name, points = curves.metric, curves.points
    unit = 100.0 if name == "accuracy" else 1.0
    x = [point.epoch for point in points]
    lines = [("training", [point.value for point in points])]
    if points and points[0].validation is not None:
        lines.append(("validation", [math.nan if p.validation is None else p.validation for p in points]))
    layers: list[Layer] = [
        Line(x=x, y=[unit * value for value in y], name=part if len(lines) > 1 else "", series=k,
             dash="dashed" if k else "solid", dots=len(points) <= FEW)
        for k, (part, y) in enumerate(lines)
    ]  # fmt: skip
    others = [(earlier.words, [(p.epoch, unit * _watched(p)) for p in earlier.points])
              for earlier in curves.earlier if earlier.points]  # fmt: skip
    title = name[:1].upper() + name[1:]
    said = [f"{part} {name}: {metric_text(name, y[0])} at first, {metric_text(name, y[-1])} now."
            for part, y in lines if y]  # fmt: skip
    rows = [points[k] for k in sorted({round(k * (len(points) - 1) / (TABLE_ROWS - 1)) for k in range(TABLE_ROWS)})
            ] if points[1:] else []  # fmt: skip
    table = DataTable(("epoch", *(part for part, _ in lines)), tuple(_row(name, p, len(lines)) for p in rows))
    figure = Figure(title=f"{title} over the epochs", summary=" ".join(said), x=Axis("epoch"), y=Axis(name),
                    layers=(), table=table)  # fmt: skip
    level = unit * curves.baseline.value if curves.baseline else None
    label = "accuracy, %" if name == "accuracy" else name
    watched = {point.epoch: unit * _watched(point) for point in points}
    return _finished(figure, curves, [*_faint(others), *layers], level,
                     lambda value: metric_text(name, value / unit), label, _epochs(others, x), watched)  # fmt: skip


def _epochs(others: Sequence[object], epochs: Sequence[float]) -> Axis:
    """Give the axis of the epochs: of no epoch yet, as long as one."""
    if others or max(epochs, default=0.0) > 0.0:
        return Axis("epoch")
    return Axis("epoch", low=0.0, high=1.0, marks=((0.0, "0"), (1.0, "1")))


def _watched(point: MetricPoint) -> float:
    return point.value if point.validation is None else point.validation


def _row(name: str, point: MetricPoint, columns: int) -> tuple[str, ...]:
    values = (point.value, math.nan if point.validation is None else point.validation)[:columns]
    return (f"{round(point.epoch, 2):,.10g}", *(metric_text(name, value) for value in values))


def _faint(others: Sequence[tuple[str, Sequence[tuple[float, float | None]]]]) -> Iterator[Line]:
    """Draw runs before as quiet lines, told apart by their dashes."""
    for dash, (words, line) in zip(("solid", "dotted"), reversed(others), strict=False):
        y = [math.nan if value is None else value for _, value in line]
        yield Line(x=[epoch for epoch, _ in line], y=y, name=f"before: {words}", quiet=True, dash=dash)  # type: ignore[arg-type]


def _finished(
    figure: Figure, curves: Curves, layers: list[Layer], level: float | None, text: Any, label: str, x: Axis,
    line: Mapping[Any, float | None],
) -> Figure:  # fmt: skip
    """Add what both charts have: the baseline and the replayed moment."""
    summary = [figure.summary]
    if level is not None and math.isfinite(level) and curves.baseline is not None:
        layers.append(Rule(y=level, text=f"baseline {text(level)}"))
        summary.append(f"The baseline, {curves.baseline.what}, has {text(level)}.")
    if curves.replayed is not None:
        layers.append(Rule(x=curves.replayed, series=2))
        near = min(line, key=lambda epoch: abs(epoch - curves.replayed), default=None)
        if near is not None and (value := line[near]) is not None and math.isfinite(value):
            layers.append(Points(x=(near,), y=(value,), name="replayed", symbol="diamond", size=5.0, series=2))
        summary.append(f"Replayed: epoch {curves.replayed:,.4g}.")
    return msgspec.structs.replace(
        figure, layers=tuple(layers), width=WIDTH, height=HEIGHT + NAMED * len(curves.earlier),
        y=msgspec.structs.replace(figure.y, label=label),
        x=x, summary=" ".join(filter(None, summary)),
    )  # fmt: skip


# --------------------------------------------------------------------------------------------------------------- cursor


def curves_numbers(curves: Curves) -> dict[str, Any]:
    """Give what the cursor needs: of each chart the lines' names, their points, and where the plot is."""
    curve, validated = curves.curve, curves.curve.validation_loss
    losses = [(epoch, value, None if validated is None else validated[k])
              for k, (epoch, value) in enumerate(zip(curve.numbers, curve.loss, strict=True))]  # fmt: skip
    on_both = any(point.validation is not None for point in curves.points)
    points = {"loss": (losses, validated is not None, "loss"), "metric": (curves.points, on_both, curves.metric)}
    return {key: _numbers(figure, *points[key]) for key, figure in _figures(curves).items()}


def _numbers(figure: Figure, points: Sequence[Any], validated: bool, name: str) -> dict[str, Any]:
    frame = Frame(figure, titled=False)
    rounded = [[_rounded(value) for value in point[: 3 if validated else 2]] for point in points]
    return {
        "name": name,
        "points": rounded,
        "plot": [round(value, 1) for value in (frame.left, frame.wide, frame.top, frame.high)],
        "ends": [frame.x.low, frame.x.high],
        "lines": ["training", "validation"] if validated else [""],
    }


def _rounded(value: float | None) -> float | None:
    return float(f"{value:.6g}") if value is not None and math.isfinite(value) else None
