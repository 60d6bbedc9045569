"""Tables of scores and columns, printed to the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from backlit.data import Surprise
    from backlit.model.reports import Scores

WIDTH = 100


def console() -> Console:
    """Standard output, at most WIDTH characters wide."""
    from rich.console import Console

    made = Console(highlight=False, markup=False, emoji=False)
    made.width = min(made.width, WIDTH)
    return made


def show_table(to: Console, heads: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> None:
    """Print a table without lines; the first `left` columns are aligned left, the others right."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=True, header_style="bold", show_edge=False)
    for k, head in enumerate(heads):
        table.add_column(Text(head), justify="left" if k < left else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    to.print(table)


def surprise_note(surprise: Surprise) -> str:
    """The line about a surprise in a table's column."""
    return f"note: {surprise.note}"


def score_heads(scores: Scores) -> list[str]:
    """The heads of the columns of scores."""
    from backlit.model.reports import ClassScores

    return ["accuracy", "log-loss"] if isinstance(scores, ClassScores) else ["R²", "mean |error|", "RMSE"]


def score_cells(scores: Scores) -> list[str]:
    """The scores as text."""
    from backlit.data.messages import in_full
    from backlit.model.reports import ClassScores

    if isinstance(scores, ClassScores):
        return [f"{scores.accuracy:.4f}", f"{scores.log_loss:.4f}"]
    return ["-" if scores.r2 is None else f"{scores.r2:z.4f}", in_full(scores.mae, 5), in_full(scores.rmse, 5)]
