"""Predictions beside targets on the live page, the most wrong rows first."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import msgspec

from backlit.analysis.live.predictions import PredictedRow, Predictions
from backlit.errors import counted
from backlit.show.live.choices import choice_html
from backlit.show.live.numbers import four_digits, plain_digits, printed
from backlit.show.names import short
from backlit.show.pages import table_html

RIGHT, WRONG = "✓ right", "✗ wrong"

_NUMBER = re.compile(r"[-−+]?[\d.,]+(×10[⁻⁰-⁹¹²³]+|e[-+]?\d+)?")


class RowCells(msgspec.Struct, frozen=True):
    """What stands in the table: the `names` of columns, of `of_names`, and the cells of each row shown.

    `lines` are the rows' numbers in the table that was read, from 1, where there is one.
    """

    names: tuple[str, ...]
    of_names: int
    cells: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...] = ()


class PageOfRows(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows are looked at: `which` of them, how many `training` and `validation` rows there are, `size` a page.

    `chosen` is a row's place, from 0, among those that are looked at; None where there is none. `said` is what is said
    of it, `step` the arguments that lead to its way through the network, if there is one.
    """

    which: str
    training: int
    validation: int
    size: int
    chosen: int | None
    said: str = ""
    step: Mapping[str, Any] = {}


def predictions_html(found: Predictions, cells: RowCells, page: PageOfRows) -> str:
    """Give the panel: which rows, how good, the table, and the table of confusions."""
    counts = (("training", page.training), ("validation", page.validation))
    options = [(name, counted(count, f"{name} row")) for name, count in counts if count]
    choice = choice_html("of", "predictions-which", "predictions.show", "which", options, page.which)
    said = f'<p class="said">{escape(page.said)}{_step_button(page.step)}</p>' if page.said else ""
    return (
        f'<h2>Predictions, largest loss first</h2><div class="ways">{choice}{_paging(found, page)}</div>'
        f'<p>{_summary(found)}</p><p data-errors role="alert"></p>{said}'
        '<div class="scroll" id="predictions-scroll" data-keep-scroll tabindex="0" role="group" '
        f'aria-label="Predictions of rows">{_table(found, cells, page)}</div>'
        f"{_left_out(cells)}{_confusion(found)}"
    )


def _step_button(step: Mapping[str, Any]) -> str:
    """Give the button that leads to the view One row, where there is a row."""
    if not step:
        return ""
    given = escape(msgspec.json.encode(step).decode())
    return (f' <button id="predictions-step" data-do="step.row" data-given="{given}" data-view="step">'
            "Step through this row</button>")  # fmt: skip


def nothing_html(why: str) -> str:
    """Say why there are no predictions."""
    return f'<h2>Predictions</h2><p class="note">{escape(why)}</p>'


def _paging(found: Predictions, page: PageOfRows) -> str:
    last = found.first + len(found.shown)
    if found.rows <= page.size:
        return ""
    here = found.first // page.size
    parts = []
    for key, name, to, able in (("before", "Previous rows", here - 1, found.first > 0),
                                ("next", "Next rows", here + 1, last < found.rows)):  # fmt: skip
        parts.append(f'<button id="predictions-{key}" data-do="predictions.go" data-given=\'{{"page":{to}}}\''
                     f"{'' if able else ' disabled'}>{name}</button>")  # fmt: skip
    return f"{parts[0]}<span>{found.first + 1:,} to {last:,} of {found.rows:,}</span>{parts[1]}"


def _summary(found: Predictions) -> str:
    rows = counted(found.rows, "row")
    loss = f"{escape(found.loss_name.replace('_', ' '))} {four_digits(found.loss)}"
    if found.right is None:
        return f"{loss} over {rows}."
    wrong = found.rows - found.right
    return f"{found.right:,} of {rows} right, {wrong:,} wrong; {loss}."


def _table(found: Predictions, cells: RowCells, page: PageOfRows) -> str:
    sorts = any(kind.classes for kind in found.outputs)
    several = len(found.outputs) > 1
    head = [("row", False), *([("in the table", True)] if cells.lines else [])]
    for kind in found.outputs:
        name = short(kind.name) if kind.name else ""
        of = f" {name}" if several else f" {name}".rstrip()
        score = " (probability)" if kind.probabilities else " (output)" if kind.classes else ""
        number = not kind.classes
        head += [(f"predicted{of}{score}", number), (f"target{of if several else ''}", number)]
        if number:
            head.append(("off by", True))
    head += [("", False)] if sorts else []
    head += [("loss", True), *((short(name), _numbers(cells, k)) for k, name in enumerate(cells.names))]
    heads = "".join(f'<th scope="col"{" class=n" if number else ""}>{escape(text)}</th>' for text, number in head)
    lines = cells.lines or (0,) * len(found.shown)
    body = "".join(
        _row(found, at, row, texts, line, page)
        for at, (row, texts, line) in enumerate(zip(found.shown, cells.cells, lines, strict=True))
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _row(found: Predictions, at: int, row: PredictedRow, texts: Sequence[str], line: int, page: PageOfRows) -> str:
    chosen = row.row == page.chosen
    given = escape(msgspec.json.encode({"row": row.row + 1, "which": page.which}).decode())
    parts = [f'<th scope="row"><button id="predictions-at-{at}" aria-pressed="{"true" if chosen else "false"}">'
             f"{row.row + 1:,}</button></th>"]  # fmt: skip
    parts += [f'<td class="n">{line:,}</td>'] if line else []
    for k, kind in enumerate(found.outputs):
        target, predicted = row.targets[k], row.predicted[k]
        if kind.classes:
            wanted = short(kind.classes[int(target)])
            if predicted is None:
                said = "no finite number"
            else:
                said = f"{short(kind.classes[int(predicted)])} ({_score(row.scores[k], known=kind.probabilities)})"
            parts += [f"<td>{escape(said)}</td>", f"<td>{escape(wanted)}</td>"]
        else:
            said = "no finite number" if predicted is None else _number(predicted)
            off = "" if predicted is None else _signed(predicted - target)
            parts += [f'<td class="n">{text}</td>' for text in (said, _number(target), off)]
    if row.right is not None:
        parts.append(f'<td class="{"right" if row.right else "wrong"}">{RIGHT if row.right else WRONG}</td>')
    parts.append(f'<td class="n">{four_digits(row.loss)}</td>')
    empty = '<span class="quiet">empty</span>'
    parts += [f"<td{_as_number(text)}>{escape(short(text)) if text else empty}</td>" for text in texts]
    kind_of = ' class="chosen"' if chosen else ""
    return f'<tr{kind_of} data-do="predictions.choose" data-given="{given}">{"".join(parts)}</tr>'


def _numbers(cells: RowCells, place: int) -> bool:
    """Tell whether a column has numbers alone."""
    return all(_NUMBER.fullmatch(row[place]) for row in cells.cells if row[place])


def _as_number(text: str) -> str:
    """Give the attribute of a cell with a number."""
    return ' class="n"' if _NUMBER.fullmatch(text) else ""


def _number(value: float) -> str:
    return plain_digits(value, 6)


def _score(value: float | None, *, known: bool) -> str:
    """Write what an output is; a probability that is not 1 is not written as 1.

    >>> _score(0.99996, known=True), _score(0.25, known=True), _score(1.0, known=True)
    ('> 0.999', '0.25', '1')
    """
    if value is None:
        return "no finite number"
    return "> 0.999" if known and 0.9995 <= value < 1.0 else printed(f"{value:.3g}")


def _signed(value: float) -> str:
    return plain_digits(value, sign="+")


def _left_out(cells: RowCells) -> str:
    more = cells.of_names - len(cells.names)
    return f'<p class="note">{counted(more, "more column")} not shown.</p>' if more > 0 else ""


def _confusion(found: Predictions) -> str:
    """Give the table of confusions."""
    if not found.confusion:
        return ""
    names = [short(name) for name in found.outputs[0].classes]
    head = ("target ↓, predicted →", *names)
    rows = [(name, *(f"{count:,}" for count in counts))
            for name, counts in zip(names, found.confusion, strict=True)]  # fmt: skip
    return f"<h3>Which classes are confused</h3>{table_html(head, rows, 1, label='Targets and predicted classes')}"
