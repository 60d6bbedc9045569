"""One row's way through a step, stage by stage: the buttons, the network with the numbers so far, and the formulas."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

import msgspec

from backlit.errors import counted
from backlit.explain.record.step_records import Drawing
from backlit.explain.walk import StageWork, WalkStage
from backlit.show.live.choices import choice_html
from backlit.show.live.formulas import brief_html, formulas_html
from backlit.show.live.numbers import partial, powers, printed, signs
from backlit.show.network.staged import staged_svg
from backlit.show.network.svg import drawing_svgs
from backlit.show.network.words import left_out

DIGITS = 4
MOST_COLUMNS, NEARBY, BEFORE = 5, 3, 1
"""Of a network with more columns so many are drawn, of which so many come before the one at hand."""
MOST_CELLS = 200
"""Of a row with more numbers so many are in the table."""
PHASES = {"forward": "Forward", "error": "Error", "backward": "Back", "update": "Update"}


class ShownRow(NamedTuple):
    """The row that is looked at.

    `number` counts the rows of its kind from 1, `of` is how many there are; `place` its place in the batch, from 1, and
    `batch` the numbers of the batch's rows. `alone` says that it is a batch of its own. `which` says which batch it is.
    `kind` says whether it trains or validates, `counts` how many rows there are of each kind. `line` is the row's
    number in the table, 0 without one.
    """

    number: int
    of: int
    place: int
    batch: tuple[int, ...]
    alone: bool
    which: str
    kind: str = "training"
    counts: Mapping[str, int] = {}
    line: int = 0


class Cell(NamedTuple):
    """A number that a row enters with: its name, what stood in the table, or nothing, and the number."""

    name: str
    said: str
    number: str


def step_html(
    stages: Sequence[WalkStage], now: int, row: ShownRow, picture: str, work: StageWork, cells: Sequence[Cell],
    remarks: Sequence[str],
) -> str:  # fmt: skip
    """Give the panel at a stage."""
    stage = stages[now]
    said = "".join(f'<p class="note">{escape(remark)}</p>' for remark in remarks if remark)
    return (
        f'{row_html(row)}<p data-errors role="alert"></p>'
        f'<div id="step-walk" class="walk {stage.phase}">{_track(stages, now)}'
        f'<h2 id="step-title" aria-live="polite">{now + 1} of {len(stages)}: {escape(stage.title)}</h2>'
        f'{said}{picture}<div id="step-formulas" class="formulas scroll" data-keep-scroll tabindex="0" '
        f'role="group" aria-label="Formulas">{formulas_html(work.sections)}</div>{brief_html(work, "step-more")}</div>'
        f"{_cells(cells)}"
    )


def row_html(row: ShownRow) -> str:
    """Give which row it is, and the ways to another."""
    count = len(row.batch)
    line = f" (row {row.line:,} of the table)" if row.line else ""
    if row.alone:
        where = f"Row {row.number} of the {counted(row.of, f'{row.kind} row')}{line}, worked out as a batch of its own."
        back = '<button id="step-batch" data-do="step.batch">To the coming batch</button>'
    else:
        within = f"row {row.place} of {count} in " if count > 1 else ""
        where, back = f"Row {row.number}{line}: {within}{row.which}.", ""
    alone = (
        ""
        if row.alone or count == 1
        else (
            f'<button id="step-alone" data-do="step.single" data-given=\'{{"number":{row.number}}}\'>'
            "This row alone</button>"
        )
    )
    kinds = ""
    if sum(map(bool, row.counts.values())) > 1:
        options = [(kind, f"the {counted(many, f'{kind} row')}") for kind, many in row.counts.items()]
        kinds = choice_html("of", "step-which", "step.show", "which", options, row.kind)
    return (
        '<div class="rows">'
        f"{_other('step-previous', -1, 'The row before', '‹ Row', row)}"
        f"{_other('step-next', 1, 'The row after', 'Row ›', row)}"
        f'<label>Row <input id="step-row" type="number" min="1" max="{row.of}" value="{row.number}"></label>'
        f"{kinds}{alone}{back}"
        '<button type="button" id="step-check" data-view="check">Check my own numbers</button>'
        f'<p id="step-where" class="quiet" role="status">{escape(where)}</p></div>'
    )


def _other(key: str, by: int, label: str, words: str, row: ShownRow) -> str:
    """Give a button that leads to another row."""
    given = f'data-do="step.move" data-given=\'{{"by":{by}}}\'' + (" disabled" if row.of == 1 else "")
    return f'<button id="{key}" {given} aria-label="{label}">{words}</button>'


def _track(stages: Sequence[WalkStage], now: int) -> str:
    """Give the stages as buttons, in their phases, between those that go back and on."""
    last = len(stages) - 1
    groups = []
    for phase, found in itertools.groupby(enumerate(stages), key=lambda pair: pair[1].phase):
        buttons = "".join(_stage_button(place, stage, now) for place, stage in found)
        groups.append(f'<li class="{phase}"><span class="phase">{PHASES[phase]}</span><span>{buttons}</span></li>')
    return (
        f'<div class="track">{_go("step-first", 0, "First", "First stage", now == 0)}'
        f"{_go('step-back', max(now - 1, 0), '‹ Back', 'One stage back', now == 0)}"
        f"{_go('step-on', min(now + 1, last), 'Next ›', 'Next stage', now == last, main=True)}"
        f"{_go('step-last', last, 'Last', 'Last stage', now == last)}"
        f'<ol class="stages" aria-label="Stages">{"".join(groups)}</ol></div>'
    )


def _go(key: str, stage: int, words: str, label: str, off: bool, *, main: bool = False) -> str:
    kind = ' class="main"' if main else ""
    disabled = ' aria-disabled="true"' if off else ""
    return (f'<button id="{key}"{kind} data-do="step.go" data-given=\'{{"stage":{stage}}}\' aria-label="{label}"'
            f"{disabled}>{words}</button>")  # fmt: skip


def _stage_button(place: int, stage: WalkStage, now: int) -> str:
    current = ' aria-current="step"' if place == now else ""
    done, title = " done" if place < now else "", escape(stage.title)
    return (f'<button id="step-stage-{place}" class="stage{done}" data-do="step.go" data-given=\'{{"stage":{place}}}\' '
            f'title="{title}" aria-label="{title}"{current}>{stage.layer or "E"}</button>')  # fmt: skip


# ------------------------------------------------------------------------------------------------------------- pictures


def picture_html(drawing: Drawing, stage: WalkStage, *, whose: str) -> str:
    """Draw a stage: the network with the numbers known so far, or of layers that panels show the one at hand."""
    if drawing.columns and (stage.column is not None or (stage.phase == "error" and not _only_panels(drawing))):
        dense = msgspec.structs.replace(drawing, panels=())
        if stage.phase == "update":
            dense = _updated(dense)
        title = f"{stage.title}. {caption(drawing, stage, whose)}"
        dense, column = _nearby(dense, stage.column)
        svg = typeset(staged_svg(dense, stage.phase, column, done=stage.done, digits=DIGITS, title=title))
    else:
        svg = _panel_svg(drawing, stage)
    words = caption(drawing, stage, whose)
    if not svg:
        return f'<p class="note">{escape(words)}</p>' if words else ""
    return (f'<figure><div id="step-picture" class="scroll" data-keep-scroll role="group" aria-label="Picture" '
            f'tabindex="0">{svg}</div><figcaption class="note">{escape(words)}</figcaption></figure>')  # fmt: skip


def _nearby(drawing: Drawing, column: int | None) -> tuple[Drawing, int | None]:
    """Give the columns next to the one at hand, of a drawing with many, and where it is among these."""
    count = len(drawing.columns)
    if count <= MOST_COLUMNS:
        return drawing, column
    now = count - 1 if column is None else column
    first = min(max(now - BEFORE, 0), count - NEARBY)
    found = list(drawing.columns[first : first + NEARBY])
    found[0] = msgspec.structs.replace(found[0], edges=())
    targets = drawing.targets if first + NEARBY == count else ()
    return msgspec.structs.replace(
        drawing, columns=tuple(found), targets=targets
    ), None if column is None else now - first


def _only_panels(drawing: Drawing) -> bool:
    return not any(column.edges for column in drawing.columns)


def _updated(drawing: Drawing) -> Drawing:
    """Put the new weights where the weights stand."""
    columns = [
        msgspec.structs.replace(column, edges=tuple(msgspec.structs.replace(edge, weight=edge.new)
                                                    for edge in column.edges))
        for column in drawing.columns
    ]  # fmt: skip
    return msgspec.structs.replace(drawing, columns=tuple(columns))


def _panel_svg(drawing: Drawing, stage: WalkStage) -> str:
    """Draw the panel of the layer at hand; of the first layer on the way forward, its inputs' too."""
    backward = stage.phase != "forward"
    place = next((k for k, panel in enumerate(drawing.panels)
                  if re.match(rf"layer {stage.layer}\b", panel.title)), None)  # fmt: skip
    if place is None or stage.phase in {"error", "update"}:
        return ""
    first = place if backward or any(p.title.startswith("layer") for p in drawing.panels[:place]) else 0
    shown = msgspec.structs.replace(drawing, columns=(), panels=drawing.panels[first : place + 1], back=None)
    svgs = drawing_svgs(shown, backward=backward, digits=DIGITS)
    narrow = re.compile('class="network (?:forward|backward) narrow')
    return "".join(
        typeset(re.sub(r' style="--least:(\d+)px"', r' data-least="\1"', svg)) for svg in svgs if not narrow.search(svg)
    )


_TEXT = re.compile(r"(?<=>)[^<]+(?=<)")


def typeset(svg: str) -> str:
    """Write the signs of a drawing's numbers as the formulas below it do.

    >>> typeset('<text x="-1">w7 -0.02</text><text>2e-05</text><text>a-1</text>')
    '<text x="-1">w7 −0.02</text><text>2×10⁻⁵</text><text>a-1</text>'
    """
    return partial(_TEXT.sub(lambda found: powers(signs(found[0])), svg))


def caption(drawing: Drawing, stage: WalkStage, whose: str) -> str:
    """Say what the numbers of a stage's picture are, and what is left out of it."""
    if stage.column is None and stage.phase != "error":
        return {
            "forward": "The picture shows the layer at hand and its weights.",
            "backward": "The picture shows the slopes of the error at the layer at hand.",
            "update": "",
        }[stage.phase]
    words = {
        "forward": ["Blue: units show what they pass on, edges their weights. What comes later is empty"],
        "error": ["The outputs stand beside their targets; their error is worked out below"],
        "backward": ["Orange: units show ∂E/∂net (many books: δ), edges ∂E/∂w, which is ∂E/∂net of the unit they lead "
                     "to times what comes from the unit they come from" + whose,
                     "Blue numbers are those of the forward pass, where the slopes have not come yet"],
        "update": ["Blue: edges show the new weights. Orange: ∂E/∂w, where the update comes later"],
    }[stage.phase]  # fmt: skip
    if len(drawing.columns) > MOST_COLUMNS:
        words.append(f"Of {len(drawing.columns)} columns those next to the layer at hand are drawn")
    words += left_out(msgspec.structs.replace(drawing, panels=()), backward=False) if drawing.columns else []
    return ". ".join(words) + "."


# ----------------------------------------------------------------------------------------------------------- row values


def _cells(cells: Sequence[Cell]) -> str:
    """Give the numbers that the row enters with, beside what stood in the table."""
    own = any(cell.said for cell in cells)
    head = f'<th scope="col">column{"<th scope=col>in the table" if own else ""}<th scope="col" class="n">number'
    rows = "".join(
        f'<tr><th scope="row">{escape(cell.name)}' + (f"<td>{escape(cell.said)}" if own else "")
        + f'<td class="n">{escape(printed(cell.number))}' for cell in cells[:MOST_CELLS]
    )  # fmt: skip
    more = f'<p class="note">and {len(cells) - MOST_CELLS:,} more</p>' if len(cells) > MOST_CELLS else ""
    return (
        '<details id="step-cells"><summary>The row’s own values</summary><div id="step-cells-box" class="scroll" '
        f'data-keep-scroll tabindex="0" role="group" aria-label="Values of the row"><table><thead><tr>{head}'
        f"<tbody>{rows}</table></div>{more}</details>"
    )


def idle_html(words: str, *, playing: bool) -> str:
    """Say why no row is shown."""
    pause = ' <button id="step-pause" data-do="bar.pause">Pause</button>' if playing else ""
    return f'<p>{escape(words)}{pause}</p><p data-errors role="alert"></p>'
