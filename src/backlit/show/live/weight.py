"""One weight: its chain rule with the numbers put in, its slope by differences, and the update that follows."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from backlit.explain.algebra.numerals import short_text
from backlit.explain.one_weight import WeightWork
from backlit.show.live.formulas import section_html
from backlit.show.live.numbers import printed


class Choice(NamedTuple):
    """What a weight can be chosen by: names to choose from, and which of them is chosen.

    `arrays` are what the network's arrays of weights are called, `sources` and `units` what a weight of the chosen one
    comes from and leads to; too many are left out. `names` are suggested where a name is typed.
    """

    arrays: tuple[str, ...]
    array: int
    sources: tuple[str, ...]
    source: int
    units: tuple[str, ...]
    unit: int
    names: tuple[str, ...]
    name: str


def choice_html(choice: Choice) -> str:
    """Give the ways to choose a weight by keyboard: by its name, or by its array, and the units that it joins."""
    names = "".join(f'<option value="{escape(name)}">' for name in choice.names)
    selects = [_select("array", "weights", choice.arrays, choice.array)]
    if choice.sources:
        selects.append(_select("source", "from", choice.sources, choice.source))
    if choice.units:
        selects.append(_select("unit", "to", choice.units, choice.unit))
    return (
        f'<div class="choice"><label>Weight <input id="weight-name" list="weight-names" value="{escape(choice.name)}" '
        'placeholder="click a line, or type" autocomplete="off" spellcheck="false" size="14"></label>'
        f'<datalist id="weight-names">{names}</datalist><details id="weight-by"><summary>By layer and units</summary>'
        f'<div class="choice">{"".join(selects)}</div></details></div><p data-errors role="alert"></p>'
    )


def _select(key: str, label: str, names: Sequence[str], chosen: int) -> str:
    options = "".join(
        f'<option value="{place}"{" selected" if place == chosen else ""}>{escape(name)}'
        for place, name in enumerate(names)
    )
    return f'<label>{label} <select id="weight-{key}" data-weight-part="{key}">{options}</select></label>'


def weight_html(work: WeightWork, choice: str, *, rows: int, remarks: Sequence[str], why: str) -> str:
    """Give a weight whole."""
    said = "".join(f'<p class="note">{escape(remark)}</p>' for remark in remarks if remark)
    name = escape(work.name)
    given = escape(printed(work.given.shown))
    head = f'{choice}<h2 id="weight-title">{name} = <span class="now">{given}</span></h2>{said}'
    if work.slope is None:
        return head + f"<p>{_untrained(work)}</p>"
    total = work.slope.records[-1]
    parts = [head, "<h3>Its slope, by the chain rule</h3>"]
    if rows > 1:
        parts.append(f'<p class="note">Each row has its part in ∂E/∂{name}; the parts of all {rows:,} rows of the '
                     f'batch add up.{_beside(work.rows_left_out)}</p>')  # fmt: skip
    parts.append(section_html(work.slope))
    parts.append(
        f'<p class="checked"><b>{escape(printed(_first(work.checked)))}</b> {_difference(work, total.value)}</p>'
    )
    if why:
        parts.append(f'<p class="note">{escape(why)}</p>')
    elif work.update is not None:
        new = work.update.records[-1]
        parts.append(f"<h3>The update that follows</h3>{section_html(work.update)}")
        change = short_text(new.value - work.given.value, 9)
        parts.append('<table class="change"><thead><tr><th scope="col">before<th scope="col">step<th scope="col">after'
                     f'<tbody><tr><td class="n">{given}<td class="n">{escape(printed(change))}'
                     f'<td class="n">{escape(printed(new.shown))}</table>')  # fmt: skip
    if work.behind is not None:
        parts.append(f"<h3>How the numbers in the slope came about</h3>{section_html(work.behind)}")
    return (f'{parts[0]}<div id="weight-box" class="scroll" data-keep-scroll tabindex="0" role="group" '
            f'aria-label="{name} worked out">{"".join(parts[1:])}</div>')  # fmt: skip


def _beside(left_out: int) -> str:
    return f" {left_out:,} of them {'is' if left_out == 1 else 'are'} not worked out here." if left_out else ""


def _first(words: str) -> str:
    return words[:1].upper() + words[1:] + "."


def _difference(work: WeightWork, slope: float) -> str:
    if work.numeric is None:
        return ""
    return f'<span class="quiet">The two differ by {printed(f"{abs(work.numeric - slope):.1e}")}.</span>'


def _untrained(work: WeightWork) -> str:
    return f"{escape(work.name)} is frozen: training leaves it as it is, and no slope is computed for it."


def live_weight_html(name: str, value: str, words: str, choice: str) -> str:
    """Give a weight whose value alone follows; the browser's module writes it where the rest is the same."""
    return (f'{choice}<h2 id="weight-title">{escape(name)} = <span id="weight-live" class="now">{escape(value)}</span>'
            f'</h2><p class="quiet">{escape(words)}</p>')  # fmt: skip


def idle_weight_html(words: str, choice: str = "") -> str:
    """Say that no weight is worked out, and why."""
    return f'{choice or "<p data-errors role=alert></p>"}<p class="quiet">{escape(words)}</p>'
