"""A unit as the live page shows it: its weights, the histogram of its output, what is flat, the means by class."""

from __future__ import annotations

from html import escape
from zlib import crc32

from backlit.analysis.live.records import LiveUnit, UnitWeight
from backlit.errors import counted
from backlit.show.charts.figure import Axis, Bars, DataTable, Figure
from backlit.show.charts.svg import figure_svg
from backlit.show.live.numbers import four_digits, printed
from backlit.show.names import without_middle

BAR = 60
"""Pixels of the longest bar beside a weight."""


def unit_html(unit: LiveUnit) -> str:
    """Give a unit's panel."""
    outputs = figure_svg(histogram(unit), standalone=False) + _table(unit)
    return (f"<h2>Unit {escape(without_middle(unit.name, 40))}</h2>{_facts(unit)}"
            f'<div class="unit-parts"><div>{outputs}</div>'
            f"<div>{_weights(unit)}{_classes(unit)}</div></div>")  # fmt: skip


def _facts(unit: LiveUnit) -> str:
    kind = f", {escape(unit.activation)}" if unit.activation else ""
    over = counted(unit.rows, "training row") if unit.rows == unit.all_rows else (
        f"{unit.rows:,} of the {unit.all_rows:,} training rows, evenly chosen"
    )  # fmt: skip
    middle = "no finite output" if unit.mean is None or unit.spread is None else (
        f"mean {four_digits(unit.mean)}, standard deviation {four_digits(unit.spread)}"
    )  # fmt: skip
    lines = [f"<p>{escape(unit.place)}{kind}. Output over {over}: {middle}.</p>"]
    if unit.flat is not None:
        lines.append(
            f'<p class="unit-flat"{" data-poor" if unit.dead or unit.flat >= 0.5 else ""}>{flat_words(unit)}</p>'
        )
    return f'<div class="unit-facts">{"".join(lines)}</div>'


def flat_words(unit: LiveUnit) -> str:
    """Say for how many rows the activation is flat."""
    share = f"{100.0 * (unit.flat or 0.0):.3g} %"
    name = escape(unit.activation)
    if not unit.flat:
        state = "Saturated" if unit.both_ends else "Off"
        return f"{state} for no row: nowhere is the slope of {name} at most 1/50 of the steepest."
    if unit.both_ends:
        return f"Saturated for {share} of the rows: {name} is flat there, its slope at most 1/50 of the steepest."
    if unit.dead:
        return f"Dead: {name} is flat for all {counted(unit.rows, 'row')}, so hardly any gradient reaches its weights."
    return f"Off for {share} of the rows: {name} is flat there."


def unit_line(unit: LiveUnit) -> str:
    """Say a unit's numbers in a line, to stand beside it."""
    parts = [f"mean {four_digits(unit.mean)}" if unit.mean is not None else "no finite output"]
    if unit.bias:
        parts.append(f"bias {four_digits(unit.bias.value)}")
    if unit.flat is not None:
        what = "dead" if unit.dead else f"{'saturated' if unit.both_ends else 'off'} for {100.0 * unit.flat:.3g} %"
        parts.append(what)
    return f"{without_middle(unit.name, 40)}: {', '.join(parts)}"


def histogram(unit: LiveUnit) -> Figure:
    """Give the histogram of a unit's output as a figure."""
    edges, counts = unit.histogram.edges, unit.histogram.counts
    rows = tuple(
        (f"{four_digits(low)} to {four_digits(high)}", f"{count:,}")
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
    )
    most = max(range(len(counts)), key=counts.__getitem__)
    summary = f"Most rows, {counts[most]:,}, lie from {rows[most][0]}."
    if unit.histogram.outside:
        summary += f" {counted(unit.histogram.outside, 'output')} not finite."
    return Figure(
        title=f"Output of {unit.name} over {unit.rows:,} rows", summary=summary,
        x=Axis("output", low=edges[0], high=edges[-1]), y=Axis("rows", low=0.0),
        layers=(Bars(low=edges[:-1], high=edges[1:], values=counts),),
        table=DataTable(("output", "rows"), rows, 1), width=340, height=190, legend=False,
    )  # fmt: skip


def _table(unit: LiveUnit) -> str:
    table = histogram(unit).table
    rows = "".join(f'<tr><th scope="row">{words}<td class="n">{count}' for words, count in table.rows)
    wrong = unit.histogram.outside
    also = f'<p class="note">{counted(wrong, "row")} with an output that is not a finite number.</p>' if wrong else ""
    return (f'{also}<details id="unit-histogram"><summary>Histogram as a table</summary>'
            '<div class="scroll" id="unit-counts" tabindex="0" role="group" aria-label="Histogram"><table>'
            f"<thead>{_head('output', 'rows')}<tbody>{rows}</table></div></details>")  # fmt: skip


def _classes(unit: LiveUnit) -> str:
    if not unit.classes:
        return ""
    rows = "".join(f'<tr><th scope="row">{escape(without_middle(one.name, 40))}<td class="n">{_aligned(one.mean)}'
                   f'<td class="n">{one.rows:,}' for one in unit.classes)  # fmt: skip
    frame = 'class="scroll" id="unit-means" tabindex="0" role="group" aria-label="Mean output by class"'
    return (f'<h3>Mean output by class</h3><div {frame}><table><thead>{_head("class", "mean", "rows")}'
            f"<tbody>{rows}</table></div>")  # fmt: skip


def _aligned(value: float) -> str:
    """Write a mean with four digits behind the point, as far as that says something."""
    return printed(f"{value:.4f}") if 0.001 <= abs(value) < 1000.0 or value == 0.0 else four_digits(value)


def _weights(unit: LiveUnit) -> str:
    if not unit.weights and unit.bias is None:
        return '<p class="note">No weights of its own lead here.</p>'
    every = [*unit.weights, *([unit.bias] if unit.bias else [])]
    largest = max((abs(one.value) for one in every if abs(one.value) < float("inf")), default=0.0) or 1.0
    rows = "".join(_weight(one, largest) for one in every)
    left = unit.weight_count - len(unit.weights)
    more = f'<p class="note">and {counted(left, "smaller weight")}.</p>' if left else ""
    frame = 'class="scroll unit-frame" id="unit-frame" data-keep-scroll tabindex="0" role="group" aria-label="Weights"'
    return (f'<h3>Weights that lead to it</h3><div {frame}><table class="unit-weights">'
            f'<thead>{_head("weight", "value")}<td><tbody>{rows}</table></div>{more}')  # fmt: skip


def _head(first: str, *others: str) -> str:
    return f'<tr><th scope="col">{first}' + "".join(f'<th scope="col" class="n">{name}' for name in others)


def _weight(one: UnitWeight, largest: float) -> str:
    size = abs(one.value) / largest
    length = round(BAR * size, 1) if size <= 1.0 else 0.0
    sign = "minus" if one.value < 0 else "plus"
    key = f'id="unit-w-{crc32(one.name.encode()):x}" data-weight="{escape(one.name)}"'  # keeps the focus, as they move
    button = f'<button class="link" {key}>{escape(without_middle(one.name, 40))}</button>'
    bar = f'<svg class="unit-bar" width="{BAR}" height="10" aria-hidden="true"><rect class="{sign}"'
    return (f'<tr><th scope="row">{button}<td class="n">{four_digits(one.value)}'
            f'<td>{bar} width="{length:g}" height="10"/></svg>')  # fmt: skip
