"""The importance of the columns as a picture."""

from __future__ import annotations

from backlit.analysis.report.records import Importances
from backlit.show.charts.figure import Axis, Bars, DataTable, Figure
from backlit.show.report.score_figures import SHORT
from backlit.show.report.texts import number, plain

BARS = 30
"""So many columns are drawn, so many stand in the table."""
TABLE_COLUMNS = 100


def score_name(importances: Importances) -> str:
    """Give the name of the score that falls."""
    return SHORT.get(importances.score) or plain(importances.score.replace("_", " "), 24)


def importance_figure(importances: Importances) -> Figure | None:
    """Give the columns with the largest importance as bars; None without columns."""
    columns = importances.columns[:BARS]
    if not columns:
        return None
    count = len(columns)
    names = [plain(one.column, 40) for one in columns]
    places = [float(k) for k in range(count)]
    rows = tuple((plain(one.column), number(one.mean, 3), number(one.deviation, 2))
                 for one in importances.columns[:TABLE_COLUMNS])  # fmt: skip
    score = score_name(importances)
    spread = ([one.mean - one.deviation for one in columns], [one.mean + one.deviation for one in columns])
    return Figure(
        title="Permutation importance", summary=_words(importances, names),
        x=Axis(f"fall of {score} when the column is shuffled"),
        y=Axis(marks=tuple(zip(places, names, strict=True)), low=-0.7, high=count - 0.3), down=True,
        layers=(Bars(low=[place - 0.35 for place in places], high=[place + 0.35 for place in places],
                     values=[one.mean for one in columns], across=True, spread=spread),),
        table=DataTable(("column", f"fall of {score}", "standard deviation"), rows, 1),
        height=64 + 22 * count,
    )  # fmt: skip


def _words(importances: Importances, names: list[str]) -> str:
    first, score = importances.columns[0], score_name(importances)
    if first.mean <= 0:
        return f"No column's shuffling lowers the {score} of {number(importances.before)}."
    words = (f"Shuffling “{names[0]}” among the rows lowers the {score} of {number(importances.before)} by "
             f"{number(first.mean, 3)}, the most of all. The lines are one standard deviation over "
             f"{importances.repeats} shuffles.")  # fmt: skip
    flat = sum(one.mean <= 2 * one.deviation for one in importances.columns)
    if flat:
        some = "1 column is" if flat == 1 else f"{flat:,} columns are"
        words += (
            f" {some} within two of them of no effect: the others can stand in for such a column, or it says little."
        )
    return words
