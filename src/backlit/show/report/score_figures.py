"""The scores of a report: as a table, and as pictures with their bootstrap intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

from backlit.analysis.report.records import ModelReport, Score
from backlit.errors import counted
from backlit.show.charts.figure import Axis, DataTable, Figure, Layer, Line, Points, Symbol
from backlit.show.report.parts import Grid
from backlit.show.report.texts import SENTENCE, WORDS, plain
from backlit.show.report.texts import score as score_text

SHORT = {
    "balanced_accuracy": "bal. accuracy", "f1": "F1", "auc": "AUC", "average_precision": "avg. precision",
    "log_loss": "log-loss", "brier": "Brier score", "r2": "R²", "mae": "mean |error|", "rmse": "RMSE",
    "median_absolute_error": "median |error|",
}  # fmt: skip
"""What a score is called beside a picture, where there is little room."""

MOST_SCORES = 20
ROW_PIXELS = 30


def score_table(report: ModelReport) -> Grid:
    """Give the scores of the network, with their intervals, beside those of the linear model and the baseline."""
    shown = report.scores[:MOST_SCORES]
    rows = [(plain(score.words, WORDS), score_text(score.value), interval_text(score), score_text(score.linear),
             score_text(score.baseline)) for score in shown]  # fmt: skip
    notes = [f"{name}: {plain(words, WORDS)}." for name, words in
             (("Linear model", report.linear), ("Baseline", report.baseline)) if words]  # fmt: skip
    return Grid(
        "Scores of the network, a linear model and a baseline",
        ("score", "network", "95 % interval", "linear model", "baseline"), rows, 1, " ".join(notes),
        [plain(score.meaning, SENTENCE) for score in shown], stacked="4fr 8fr 4fr 4fr",
    )  # fmt: skip


def interval_text(score: Score) -> str:
    """Give the interval of a score."""
    return f"{score_text(score.interval.low)} to {score_text(score.interval.high)}" if score.interval else "–"


def compared(scores: Sequence[Score], other: str) -> str:
    """Say in how many scores the network is better than the "linear" model or the "baseline", where both are known."""
    pairs = [(score.value, getattr(score, other), score.higher_is_better) for score in scores]
    known = [(mine, beside, higher) for mine, beside, higher in pairs if mine is not None and beside is not None]
    if not known:
        return ""
    better = sum(mine != beside and (mine > beside) == higher for mine, beside, higher in known)
    equal = sum(mine == beside for mine, beside, _ in known)
    rest = [("equal", equal), ("worse", len(known) - better - equal)]
    told = [f"better in {better} of {counted(len(known), 'score')}", *(f"{word} in {n}" for word, n in rest if n)]
    return ", ".join(told)


def interval_figures(report: ModelReport) -> list[Figure]:
    """Give a picture of the scores where more is better, and one of those where less is."""
    shown = [score for score in report.scores[:MOST_SCORES] if score.value is not None]
    return [_figure([score for score in shown if score.higher_is_better == higher], higher=higher)
            for higher in (True, False) if any(score.higher_is_better == higher for score in shown)]  # fmt: skip


def _figure(scores: Sequence[Score], *, higher: bool) -> Figure:
    places = [float(k) for k in range(len(scores))]
    layers: list[Layer] = []
    spans = [(place, score.interval) for place, score in zip(places, scores, strict=True) if score.interval]
    if spans:
        x = [value for _, span in spans for value in (span.low, span.high, math.nan)]
        y = [value for place, _ in spans for value in (place, place, math.nan)]
        layers.append(Line(x=x, y=y))
    columns: tuple[tuple[str, list[float | None], int, Symbol], ...] = (
        ("network", [score.value for score in scores], 0, "dot"),
        ("linear model", [score.linear for score in scores], 1, "diamond"),
        ("baseline", [score.baseline for score in scores], 7, "ring"),
    )
    for name, values, series, symbol in columns:
        known = [(value, place) for value, place in zip(values, places, strict=True) if value is not None]
        if known:
            x, y = [value for value, _ in known], [place for _, place in known]
            layers.append(Points(x=x, y=y, name=name, series=series, symbol=symbol, size=4.5))
    marks = tuple((place, SHORT.get(score.name) or plain(score.name.replace("_", " "), 24))
                  for place, score in zip(places, scores, strict=True))  # fmt: skip
    rows = tuple((text, score_text(score.value), interval_text(score), score_text(score.linear),
                  score_text(score.baseline))
                 for score, (_, text) in zip(scores, marks, strict=True))  # fmt: skip
    side, lines = "right" if higher else "left", "Lines are the 95 % intervals. " if spans else ""
    return Figure(
        title=f"{'Higher' if higher else 'Lower'} is better",
        summary=f"{lines}{_held(scores)} The further to the {side}, the better.",
        x=Axis(), y=Axis(marks=marks, low=-0.6, high=len(scores) - 0.4), layers=tuple(layers),
        table=DataTable(("score", "network", "95 % interval", "linear model", "baseline"), rows, 1), down=True,
        height=74 + ROW_PIXELS * len(scores),
    )  # fmt: skip


def _held(scores: Sequence[Score]) -> str:
    """Say of how many scores the interval holds the linear model's score."""
    both = [score for score in scores if score.interval and score.linear is not None]
    if not both:
        return "No linear model stands beside the network here."
    held = [
        score for score in both if score.interval and score.interval.low <= (score.linear or 0.0) <= score.interval.high
    ]
    if len(both) == 1:
        return f"The linear model's score lies {'within' if held else 'outside'} the network's interval."
    part = "all" if len(held) == len(both) else "none" if not held else f"{len(held)}"
    return f"The linear model's score lies within the network's interval in {part} of {len(both)} scores."
