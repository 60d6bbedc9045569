"""Checked code as text for a terminal and as HTML for a notebook: tables, the mistake, the line that is right."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from backlit.check.code.records import CheckedArray, CheckedGradients, CheckedLayer, CheckedLosses, FoundMistake
from backlit.errors import counted
from backlit.show.notebook import heading_html, lines_html, padded, table_html, words_html

DIGITS = 6
SHOWN_AROUND = 3
"""So many epochs on each side of the first that differs are shown."""

Checked = CheckedGradients | CheckedLosses


class Table(NamedTuple):
    """A table; the columns from `numbers` on stand to the right."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: int


class Parts(NamedTuple):
    """What is shown of checked code, from top to bottom."""

    title: str
    tables: Sequence[Table]
    mistakes: Sequence[tuple[str, str, str]]
    """Of each what it is, why it is wrong, and the two lines."""
    notes: Sequence[str]


def line_of(record: Checked) -> str:
    """Give the most important in a line."""
    title = _parts(record).title
    named = record.named
    return f"{title}; {named.title}" if named else title


def text_of(record: Checked) -> str:
    """Give a record as text."""
    parts = _parts(record)
    lines = [parts.title]
    for table in parts.tables:
        lines += ["  " + "  ".join(row).rstrip() for row in padded([table.head, *table.rows], table.numbers)]
    for what, why, two in parts.mistakes:
        lines += [what, why, *(f"  {line}" for line in two.splitlines())]
    return "\n".join([*lines, *parts.notes])


def html_of(record: Checked) -> str:
    """Give a record as HTML that is true without its styles too."""
    parts = _parts(record)
    made = [heading_html(parts.title)]
    made += [table_html(table.head, table.rows, table.numbers) for table in parts.tables]
    for what, why, two in parts.mistakes:
        made += [heading_html(what, size="1em"), words_html(why), *([lines_html(two)] if two else [])]
    return f"<div>{''.join([*made, *map(words_html, parts.notes)])}</div>"


def _parts(record: Checked) -> Parts:
    return _of_gradients(record) if isinstance(record, CheckedGradients) else _of_losses(record)


# ------------------------------------------------------------------------------------------------------------ gradients


def _of_gradients(record: CheckedGradients) -> Parts:
    right, count = sum(array.passed for array in record.arrays), len(record.arrays)
    said = f"all {count} gradients are right" if right == count else f"{right} of {count} gradients are right"
    title = f"{said}: {counted(record.rows, 'row')}, tolerance {record.tolerance:g}"
    first = record.first_layer
    if first is not None:
        title += f"; the forward pass differs from layer {first.layer} on"
    head = ("array", "yours", "shape", "", "difference", "worst at", "yours", "right")
    tables = [_without_empty(Table(head, [_array(array) for array in record.arrays], 4))]
    if record.layers:
        of_layers = ("layer", "what", "", "difference", "worst at", "yours", "right")
        tables.insert(0, _without_empty(Table(of_layers, [_layer(layer) for layer in record.layers], 3)))
    named = any(one.explains_all for one in record.mistakes)
    notes = [*_remarks(record.wrong, related=not named)]
    notes += [f"layer {layer.layer} {layer.what}: {layer.remark}" for layer in record.layers if layer.remark]
    if record.named_on and not record.mistakes and not all(array.relation for array in record.wrong):
        notes.append("No mistake of the catalogue gives these gradients.")
    if record.unused:
        notes.append(f"No array of the network: {', '.join(record.unused)}.")
    if record.loss is not None and record.right_loss is not None:
        notes.append(_losses(record.loss, record.right_loss, record.tolerance))
    notes += [_sentence(note) for note in record.notes]
    return Parts(
        title,
        tables,
        [*_mistakes(record.forward_mistakes, of="forward pass"), *_mistakes(record.mistakes, together=record.together)],
        notes,
    )


def _without_empty(table: Table) -> Table:
    """Leave out the columns on the right that say nothing: where all is right, those of the worst element."""
    width = max(k + 1 for row in table.rows for k, cell in enumerate(row) if cell)
    return Table(table.head[:width], [row[:width] for row in table.rows], table.numbers)


def _array(array: CheckedArray) -> tuple[str, ...]:
    shape = " x ".join(map(str, array.shape))
    given = array.given if array.given.lstrip("[").rstrip("]") and not array.given.startswith("[") else ""
    if array.mine is None or array.passed:
        size = _size(array.difference) if array.passed else ""
        return array.name, given, shape, array.verdict, size, "", "", ""
    place = f"{array.name}[{', '.join(map(str, array.index or ()))}]" + (f" = {array.element}" if array.element else "")
    return (array.name, given, shape, array.verdict, _size(array.difference), place, *_pair(array.mine, array.right))


def _layer(layer: CheckedLayer) -> tuple[str, ...]:
    verdict = "right" if layer.passed else "wrong"
    if layer.mine is None or layer.passed:
        return layer.layer, layer.what, verdict, _size(layer.difference) if layer.passed else "", "", "", ""
    place = f"row {layer.row}, {layer.unit}"
    return (layer.layer, layer.what, verdict, _size(layer.difference), place, *_pair(layer.mine, layer.right))


def _size(difference: float) -> str:
    return "not finite" if not math.isfinite(difference) else f"{difference:.1e}"


def _pair(mine: float | None, right: float | None) -> tuple[str, str]:
    return tuple("" if value is None else f"{value:.{DIGITS}g}" for value in (mine, right))  # type: ignore[return-value]


def _remarks(arrays: Sequence[CheckedArray], *, related: bool) -> Iterator[str]:
    """Say what the arrays are as a whole, where no mistake says it, and what else there is."""
    relations = {array.relation for array in arrays}
    if related and len(arrays) > 1 and len(relations) == 1 and relations != {""}:
        yield f"{_listed([array.name for array in arrays])}: each is {relations.pop()}."
        related = False
    for array in arrays:
        parts = [f"it is {array.relation}" if array.relation and related else "", array.remark]
        if any(parts):
            yield f"{array.name}: {'; '.join(filter(None, parts))}."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _losses(mine: float, right: float, tolerance: float) -> str:
    same = abs(mine - right) <= tolerance * max(abs(right), 1e-300)
    return f"Your loss {mine:.9g} is right." if same else f"Your loss is {mine:.9g}, the right one {right:.9g}."


# ------------------------------------------------------------------------------------------------------------- mistakes


def _mistakes(found: Sequence[FoundMistake], *, together: bool = False, of: str = "") -> Iterator[tuple[str, str, str]]:
    """Give of each mistake what it is, why it is wrong, and the two lines."""
    tie = len(found) > 1 and not together
    alone = f"The mistake of the {of}" if of else "The mistake"
    for number, one in enumerate(found):
        begins = alone if not tie and not together else "Together" if together and not number else (
            "and" if together else f"One of {len(found)} that give these numbers")  # fmt: skip
        if not together and one.of and not one.explains_all:
            begins = f"{'It may be' if tie else 'The mistake'} in {_listed(one.explains)}"
        detail = f" ({one.detail.strip('()')})" if one.detail else ""
        where = f", {one.where if one.where == 'everywhere' else f'in {one.where}'}" if one.of else ""
        explains = f"; explains {len(one.explains)} of {one.of}" if one.of else ""
        if together and not one.explains_all:
            explains += f" ({', '.join(one.explains)})"
        lines = f"yours: {one.line}\nright: {one.right_line}" if one.line else ""
        yield f"{begins}: {one.title}{detail}{where}{explains}. [{one.code}]", one.why, lines


# --------------------------------------------------------------------------------------------------------------- losses


def _of_losses(record: CheckedLosses) -> Parts:
    count, differs = len(record.mine), record.first is not None
    at = record.agree if differs else 0
    if not differs:
        said = f"all {count:,} losses are" if count > 1 else "the loss is"
        title = f"{said} right, measured {record.measured}"
    elif record.stage == "before training":
        title = "the loss before any step differs"
    elif record.stage == "first loss":
        title = "the losses differ from the first one on"
    else:
        title = f"the losses differ from {record.per} {at + record.begins} on"
    chosen = range(count) if count <= 2 * SHOWN_AROUND + 1 else sorted(
        {0, count - 1, *range(max(at - SHOWN_AROUND, 0), min(at + SHOWN_AROUND, count))})  # fmt: skip
    rows, before = [], -1
    for k in chosen:
        if k > before + 1:
            rows.append(("...", "", "", ""))
        before = k
        right = f"{record.right[k]:.9g}" if k < len(record.right) else ""
        verdict = "differs" if differs and k >= at else ""
        rows.append((str(k + record.begins), f"{record.mine[k]:.9g}", right, verdict))
    notes = [f"Ours are measured {record.measured}; tolerance {record.tolerance:g}."] if differs else []
    notes += [_sentence(note) for note in record.notes]
    if differs and not record.mistakes:
        notes.append("No training with one setting changed gives these losses.")
    return Parts(title, [Table((record.per, "yours", "ours", ""), rows, 1)], [*_mistakes(record.mistakes)], notes)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:].rstrip('.')}."
