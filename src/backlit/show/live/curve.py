"""The curve of predictions over one input on the live page, with the rows."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from backlit.analysis.live.curve import CurveOutput, InputCurve
from backlit.errors import counted
from backlit.show.boundary.figures import GREY, SYMBOLS
from backlit.show.charts.figure import Axis, Dash, DataTable, Figure, Layer, Line, Points
from backlit.show.charts.svg import figure_svg
from backlit.show.live.numbers import four_digits
from backlit.show.names import short
from backlit.show.pages import table_html

WIDTH, HEIGHT = 372, 300

DASHES: tuple[Dash, ...] = ("solid", "dashed", "dash-dotted", "dotted")

MOST_HELD, MOST_CLASSES, PLACES = 4, 8, 9


def curve_html(curve: InputCurve, chosen: tuple[float, float, str] | None) -> str:
    """Give the panel: a figure for each output, with its words and its table."""
    figures = [curve_figure(curve, output, chosen) for output in curve.outputs]
    parts = ["<h2>Predictions over the input</h2>"]
    for k, figure in enumerate(figures):
        table = table_html(figure.table.head, figure.table.rows, figure.table.numbers, label="Predictions at places")
        parts.append(
            f"<h3>{escape(figure.title)}</h3>{figure_svg(figure, standalone=False)}"
            f'<p class="note">{escape(figure.summary)}</p>'
            f'<details id="curve-table-{k}"><summary>As a table</summary>{table}</details>'
        )
    return "".join(parts)


def curve_figure(curve: InputCurve, output: CurveOutput, chosen: tuple[float, float, str] | None) -> Figure:
    """Give the curve of a number, or of the scores of classes with the rows at their own class."""
    layers: list[Layer] = []
    known = np.isfinite(output.targets)
    row_x: Any
    targets: Any
    row_x, targets = np.asarray(curve.row_x)[known], np.asarray(output.targets)[known]
    names, two = _lines(output), int(output.kind.level is not None)  # of two classes the line is the second one's
    for k, (name, scores) in enumerate(zip(names, output.scores, strict=True)):
        if k < MOST_CLASSES:
            layers.append(Line(x=curve.x, y=scores, name=name, series=k + two, dash=DASHES[k % len(DASHES)]))
    if output.kind.classes:
        for k, label in enumerate(output.kind.classes[:MOST_CLASSES]):
            at = row_x[targets == k]
            high = 1.0 if k or not two else -1.0 if output.kind.level == 0.0 else 0.0
            if at.size:
                layers.append(Points(x=at, y=[high] * len(at), name=f"rows of {short(label)}", series=k,
                                     symbol=SYMBOLS[k % len(SYMBOLS)], faint=len(at) > 60))  # fmt: skip
    else:
        layers.append(Points(x=row_x, y=targets, name="rows", series=GREY))
    if chosen is not None:
        layers.append(
            Points(x=[chosen[0]], y=[_height(output, chosen[0], curve)], series=GREY, symbol="ring", size=8.0)
        )
    name = output.kind.name and short(output.kind.name)
    what = "Scores of the classes" if output.kind.classes else "Predicted number"
    return Figure(
        title=f"{what} of {name}" if name and output.kind.classes else f"Predicted {name}" if name else what,
        summary=_summary(curve, output), x=Axis(short(curve.name)),
        y=Axis("score" if output.kind.classes else name or "prediction"),
        layers=tuple(layers), table=_table(curve, output), width=WIDTH, height=HEIGHT,
    )  # fmt: skip


def _lines(output: CurveOutput) -> list[str]:
    kind = output.kind
    if not kind.classes:
        return ["prediction"]
    return [f"score of {short(label)}" for label in (kind.classes[1:] if kind.level is not None else kind.classes)]


def _height(output: CurveOutput, x: float, curve: InputCurve) -> float:
    """Give the height of the first curve at a place."""
    return float(np.interp(x, curve.x, output.scores[0]))


def _summary(curve: InputCurve, output: CurveOutput) -> str:
    held = [f"{short(name)} at {short(value)}" for name, value in curve.held[:MOST_HELD]]
    more = len(curve.held) - len(held)
    others = f", with {', '.join(held)}{f' and {more} more' if more else ''} held" if held else ""
    said = f"What is predicted over {short(curve.name)}{others}."
    rows = len(curve.rows)
    pairs = [(t, p) for t, p in zip(output.targets, output.predicted, strict=True) if np.isfinite(t)]
    few = f" Of {curve.of_rows:,} rows, {rows:,} are drawn." if rows < curve.of_rows else ""
    if not pairs:
        return said + few
    if output.kind.classes:
        right = sum(target == found for target, found in pairs)
        return f"{said}{few} Of {counted(len(pairs), 'row')}, {right:,} {'is' if right == 1 else 'are'} right."
    off = np.subtract(*np.transpose(pairs))
    usual = (
        f"predicted and true numbers differ by {four_digits(float(np.sqrt(np.mean(off**2))))}, as a root mean square"
    )
    return f"{said}{few} Of {counted(len(pairs), 'row')}, {usual}."


def _table(curve: InputCurve, output: CurveOutput) -> DataTable:
    places = np.linspace(0, len(curve.x) - 1, PLACES).round().astype(int).tolist()
    names = _lines(output)[:MOST_CLASSES]
    rows = tuple(
        (four_digits(curve.x[k]), *(four_digits(scores[k]) for scores in output.scores[: len(names)])) for k in places
    )
    return DataTable((short(curve.name), *names), rows, numbers=1)
