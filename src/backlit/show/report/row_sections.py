"""The sections of a report about single rows: the most wrong ones, and one that is worked out."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence

from markupsafe import Markup

from backlit.analysis.report.records import ModelReport, WorkedRow, WorkedUnit, WorstRow
from backlit.errors import counted
from backlit.show.report.parts import Block, Code, Grid, Said, Section, Sum, Sums
from backlit.show.report.texts import CELL, SENTENCE, WORDS, number, plain, share

MOST_WORST, MOST_CELLS, MOST_INPUTS, MOST_UNITS, MOST_PARTS, MOST_LAYERS = 10, 20, 20, 8, 6, 8
PICTURE = 64
"""The longer side of a picture, in pixels of the page, at most."""
UPRIGHT = 6
"""A table of the most wrong rows with more of their columns is turned: a sheet of paper is not as wide as that."""


def worst_section(report: ModelReport) -> Section:
    """Show the rows that are most wrong."""
    title, worst = "The most wrong rows", report.worst[:MOST_WORST]
    if report.measured is None:
        return Section("worst", title, [], [Said("No rows were measured.")])
    if not worst:
        return Section("worst", title, [], [Said("No measured row is predicted wrong.")])
    words = [_worst_words(worst[0], report)]
    return Section("worst", title, words, [_worst_table(worst, private=report.private)])


def _worst_words(first: WorstRow, report: ModelReport) -> str:
    probability = first.probability
    if report.private:
        said = f"Row {first.row:,} of the table is most wrong. Values of rows are left out of a private report."
    elif probability is not None:
        said = (f"Row {first.row:,} of the table is most wrong: the network gave its class, “{plain(first.true)}”, a "
                f"probability of {share(probability)}, and says “{plain(first.predicted)}”.")  # fmt: skip
    else:
        true, predicted = plain(first.true, CELL), plain(first.predicted, CELL)
        said = f"Row {first.row:,} of the table is most wrong: its true number is {true}, predicted is {predicted}."
    return f"{said} Look these rows up: a wrong entry in the table often shows here."


def _worst_table(worst: Sequence[WorstRow], *, private: bool) -> Grid:
    if private:
        return Grid("The rows that are most wrong", ["row"], [(f"{row.row:,}",) for row in worst], 1)
    classes = any(row.probability is not None for row in worst)
    pictured = any(row.picture for row in worst)
    names = [name for name, _ in worst[0].cells[:MOST_CELLS] if not pictured]
    head = ["row", *(["picture"] if pictured else []), "true", "predicted"]
    head += ["probability of the true class", "loss −log\u00a0p"] if classes else ["residual"]
    rows = []
    for row in worst:
        said = [*([_picture(row)] if pictured else []), plain(row.true, CELL), plain(row.predicted, CELL)]
        error = [share(row.probability), number(row.error, 3)] if classes else [number(row.error)]
        cells = [plain(cell, CELL) for _, cell in row.cells[: len(names)]]
        rows.append((f"{row.row:,}", *said, *error, *cells))
    more = len(worst[0].cells) - MOST_CELLS
    note = f"{counted(more, 'more column')} in the report as JSON." if more > 0 else ""
    head += [plain(name, CELL) for name in names]
    if len(names) > UPRIGHT:
        return Grid("The rows that are most wrong", head[:1] + [row[0] for row in rows],
                    list(zip(head[1:], *(row[1:] for row in rows), strict=True)), 1, note)  # fmt: skip
    texts = [k for k in range(len(head)) if not all(map(_is_number, (row[k] for row in rows)))]
    if not pictured:
        return Grid("The rows that are most wrong", head, rows, 1, note, texts=texts)
    files = [", ".join(plain(cell, CELL) for _, cell in row.cells) for row in worst]
    return Grid("The rows that are most wrong", head, rows, 1, note, files, texts, "4rem 3fr 4fr 5fr 4fr")


def _picture(row: WorstRow) -> Markup:
    """Give a row's picture as a part of a page, small ones enlarged."""
    size = struct.unpack(">II", row.picture[16:24])  # a PNG file says its width and height there
    width, height = (side * max(1, PICTURE // max(size)) for side in size)
    data = base64.b64encode(row.picture).decode()
    return Markup('<img src="data:image/png;base64,{}" width="{}" height="{}" alt="the picture of row {}">').format(
        data, width, height, f"{row.row:,}"
    )


def _is_number(cell: str) -> bool:
    """Whether a cell is a number, or empty."""
    return not cell.strip("–") or cell.strip("0123456789.,eE+-−–%<>\u00a0") == ""


def worked_section(report: ModelReport) -> Section:
    """Work one row out, from its cells to its error."""
    title, worked = "One row worked out", report.worked
    if worked is None:
        why = "No row is worked out here. `backlit explain MODEL --data DATA` works one out."
        if report.private:
            why = "A private report works no row out: that would show its values."
        return Section("worked", title, [], [Said(why)])
    which = f" ({plain(worked.which, WORDS)})" if worked.which else ""
    words = [
        f"Row {worked.row:,} of the table{which}: from its cells to the network's answer. A unit adds up each weight "
        "times what comes in, and its bias; the numbers are the network's own."
    ]
    blocks: list[Block] = [_inputs(worked)]
    sizes = worked.sizes[:MOST_LAYERS]
    for place, units in enumerate(worked.layers[:MOST_LAYERS]):
        blocks.append(_layer(worked, place, units, last=place == len(worked.layers) - 1, size=sizes[place]))
    blocks.append(Said(_answer(worked)))
    if worked.explained:
        files = " in the folder of these files" if worked.explained.startswith("backlit explain ") else ""
        blocks.append(Said(f"To see every number of this row, forward and backward{files}:"))
        blocks.append(Code(plain(worked.explained, SENTENCE), "command"))
    return Section("worked", title, words, blocks)


def _inputs(worked: WorkedRow) -> Grid:
    shown = worked.inputs[:MOST_INPUTS]
    rows = [(plain(one.name), plain(one.cell, CELL), number(one.value)) for one in shown]
    left = worked.of_inputs - len(shown)
    note = f"{counted(left, 'more input')} not shown: those that the sums below name are." if left > 0 else ""
    return Grid(f"The row's inputs, {len(shown):,} of {worked.of_inputs:,}" if left > 0 else "The row's inputs",
                ("input", "cell", "what the network reads"), rows, 1, note)  # fmt: skip


def _layer(worked: WorkedRow, place: int, units: Sequence[WorkedUnit], *, last: bool, size: int) -> Sums:
    activation = plain(worked.activations[place], 40) if place < len(worked.activations) else ""
    shown = units[:MOST_UNITS]
    title = "Outputs" if last else f"Layer {place + 1}"
    which = "" if len(shown) >= size else f": {len(shown)} of {counted(size, 'unit')}"
    softmax = last and activation == "softmax"
    note = ("The softmax makes probabilities of all net inputs z: exp(z) divided by the sum of exp(z) over the outputs."
            if softmax else "")  # fmt: skip
    return Sums(f"{title}{which}", [_sum(unit, activation) for unit in shown], note)


def _sum(unit: WorkedUnit, activation: str) -> Sum:
    parts = unit.parts[:MOST_PARTS]
    lines = [(plain(name, CELL), f"{number(weight, 3)} · {_factor(value)}", number(weight * value, 3))
             for name, weight, value in parts]  # fmt: skip
    dropped = unit.parts[MOST_PARTS:]
    others, rest = unit.others + len(dropped), unit.rest + sum(weight * value for _, weight, value in dropped)
    lines += [(counted(others, "other"), "", number(rest, 3))] if others else []
    lines += [("bias", "", number(unit.bias, 3))]
    called = (
        "output"
        if activation in {"identity", "linear", ""}
        else f"{activation}(z)"
        if activation != "softmax"
        else "softmax"
    )
    return Sum(plain(unit.name, CELL), lines, number(unit.net, 3), (called, number(unit.output, 3)))


def _factor(value: float) -> str:
    """Give the second factor of a product, a negative one in brackets."""
    return f"({number(value, 3)})" if value < 0 else number(value, 3)


def _answer(worked: WorkedRow) -> str:
    wanted = f"“{plain(worked.wanted, CELL)}”" if isinstance(worked.wanted, str) else number(worked.wanted)
    said = f"The loss, {plain(worked.loss.replace('_', ' '), 60)}, compares this with {wanted}: {number(worked.error)}."
    if worked.mean is not None and worked.deviation is not None:
        scale = f"the mean {number(worked.mean)} + output · the standard deviation {number(worked.deviation)}"
        predicted, target = plain(worked.predicted, CELL), plain(worked.target, CELL)
        return f"{said} The prediction is {scale} = {predicted}; the true number is {target}."
    return f"{said} The network says “{plain(worked.predicted, CELL)}”; the row is “{plain(worked.target, CELL)}”."
