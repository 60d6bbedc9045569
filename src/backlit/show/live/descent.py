"""The panel descent: a valley with the way on it, a walk along its points, and what it says in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, NamedTuple

import msgspec

from backlit.analysis.valley.records import PathPoint, Valley, ValleyPath
from backlit.show.charts.figure import Figure
from backlit.show.charts.frame import Frame
from backlit.show.charts.palette import LIGHT
from backlit.show.charts.symbols import stroke
from backlit.show.live.figures import figure_part, narrow
from backlit.show.live.numbers import partial, powers, signs
from backlit.show.valley.captions import SHADING, apart, is_exact, left_out, number, shared
from backlit.show.valley.figures import valley_figures

Over = str | tuple[str, str]


class Choice(NamedTuple):
    """What the valley lies over: "path", "steepest" or two weights; `names` to choose from, and the first two.

    `names` is empty where there are too many for a list; `weights` counts them, as far as that matters.
    """

    over: Over
    names: tuple[str, ...]
    first: tuple[str, ...]
    weights: int


class Growth(NamedTuple):
    """Where the drawn path ends, in pixels, and the frame that places later points."""

    frame: Frame
    last: tuple[float, float]
    epoch: int
    ended: bool


def waiting_html(choice: Choice, error: str) -> str:
    """Give the panel before there is a surface, or where none can be drawn."""
    said = escape(error) if error else "The surface is being computed."
    return f'<h2>Descent</h2>{_choice_html(choice)}<p class="note" role="status">{said}</p>'


def descent_html(valley: Valley, choice: Choice, note: str) -> tuple[str, Growth]:
    """Give the panel, and what later points need.

    Args:
        valley: the record. choice: what was asked for. note: why it is not the plane of the path.
    """
    surface, *comparison = (narrow(figure) for figure in valley_figures(valley))
    frame = Frame(surface, titled=False)
    path = valley.paths[0]
    spots = frame.points([point.x for point in path.points], [point.y for point in path.points]).tolist()
    html = [
        "<h2>Descent</h2>",
        _choice_html(choice),
        '<p class="state"><span id="descent-state"></span>'
        '<button id="descent-redraw" data-do="descent.redraw" hidden>Draw it anew</button></p>',
        '<div class="pair"><div>',
        figure_part(surface, "descent-surface",
                    above=_overlay(frame), said=_said(valley, note), titled=False),
        "</div><div>",
        *_along(path, spots, comparison, exact=is_exact(valley)),
        "</div></div>",
    ]  # fmt: skip
    last = (float(spots[-1][0]), float(spots[-1][1]))
    return "".join(html), Growth(frame, last, path.points[-1].epoch, bool(path.far))


def growth_of(
    growth: Growth, later: Sequence[tuple[float, float]], now: tuple[float, float], epoch: int, made: int,
    busy: bool, error: str,
) -> dict[str, Any]:  # fmt: skip
    """Give what changes on a surface that stays: the path since then, where the network is now, and the state."""
    points = growth.frame.points([x for x, _ in later], [y for _, y in later]).tolist() if later else []
    way = [growth.last, *points] if points and not growth.ended else []
    at = growth.frame.points([now[0]], [now[1]]).tolist()[0]
    said = f"Surface through the weights after {_epochs(growth.epoch)}"
    said += "" if epoch == growth.epoch else f"; the network drawn here now: {_epochs(epoch)}"
    said += ". A new one is being computed." if busy else "."
    return {
        "later": " ".join(f"{x:.1f},{y:.1f}" for x, y in way if abs(x) < 1e5 and abs(y) < 1e5),
        "now": [round(at[0], 1), round(at[1], 1)] if max(map(abs, at)) < 1e5 else None,
        "state": f"{said} {error}".strip(),
        "aged": epoch != made and not busy,
    }


def _epochs(count: int) -> str:
    return f"{count:,} epoch{'' if count == 1 else 's'}"


# ------------------------------------------------------------------------------------------------------------ the parts


def _said(valley: Valley, note: str) -> str:
    """Say which error is drawn, over what, and how much of the path lies there."""
    path = valley.paths[0]
    parts = [note, f"E: {valley.what.replace('_', ' ')}. {SHADING}."]
    if is_exact(valley):
        parts.append(f"{valley.base} The path lies on the surface.")
    else:
        parts += [shared(valley, alone=True), valley.chosen, valley.base]
    said = " ".join(part for part in [*parts, *left_out(path, alone=True)] if part)
    return partial(powers(signs(said))).replace(" %", "\u00a0%")


def _choice_html(choice: Choice) -> str:
    """Give the choice of the plane; a network of two weights has but one."""
    if choice.weights <= 2:
        return ""
    two = "weights" if not isinstance(choice.over, str) else choice.over
    options = (("path", "the plane of the path"), ("steepest", "the two steepest weights"), ("weights", "two weights"))
    chosen = "".join(
        f'<option value="{value}"{" selected" if value == two else ""}>{words}</option>' for value, words in options
    )
    fields = ""
    if isinstance(choice.over, tuple):
        fields = "".join(
            f'<label for="descent-{axis}">{words}</label>{_weight_html(f"descent-{axis}", name, choice.names)}'
            for axis, words, name in zip("xy", ("across", "up"), choice.over, strict=True)
        )
    first = escape(msgspec.json.encode(choice.first).decode())
    return (
        f'<div class="over" data-first="{first}"><label for="descent-over">The error over</label>'
        f'<select id="descent-over">{chosen}</select>{fields}</div><p data-errors></p>'
    )


def _weight_html(place: str, name: str, names: Sequence[str]) -> str:
    if not names:
        return f'<input id="{place}" type="text" value="{escape(name)}" spellcheck="false" autocomplete="off">'
    options = "".join(
        f"<option{' selected' if one == name else ''}>{escape(one)}</option>"
        for one in (names if name in names else (name, *names))
    )
    return f'<select id="{place}">{options}</select>'


def _along(
    path: ValleyPath, spots: Sequence[Sequence[float]], comparison: Sequence[Figure], *, exact: bool
) -> Iterator[str]:  # fmt: skip
    """Give the walk along the points and the comparison of their errors; nothing of a path that has not moved."""
    if len(path.points) > 1:
        yield _walk_html(path, spots, exact=exact)
        yield from (f"</div><div>{figure_part(figure, 'descent-errors')}" for figure in comparison)


def _walk_html(path: ValleyPath, spots: Sequence[Sequence[float]], *, exact: bool) -> str:
    """Give the slider that walks along the path's points."""
    words = [_point_words(path, point, exact) for point in path.points]
    points = [(round(x, 1), round(y, 1), said) for (x, y), said in zip(spots, words, strict=True)]
    last, said = len(points) - 1, escape(words[-1])
    return (
        '<div class="along"><label for="descent-point">Walk along the path</label>'
        f'<input id="descent-point" type="range" min="0" max="{last}" value="{last}" '
        f'data-points="{escape(msgspec.json.encode(points).decode())}" aria-valuetext="{said}">'
        f'<output id="descent-said" for="descent-point">{said}</output></div>'
    )


def _point_words(path: ValleyPath, point: PathPoint, exact: bool) -> str:
    """Say where a point is, with its true error and the one that is drawn."""
    where = f"Epoch {point.epoch:,}" + (f", update {point.step:,}" if path.each == "step" else "")
    if exact or point.true is None or point.drawn is None or point.true == point.drawn:
        both = "" if exact or point.drawn is None or point.true is None else ", true and drawn"
        return powers(f"{where}: E = {number(point.true)}{both}")
    true, drawn = apart(point.true, point.drawn)
    return powers(f"{where}: true E = {true}, drawn E = {drawn}")


def _overlay(frame: Frame) -> str:
    """Give the parts that the page's module moves: the path since then, the network as it is, the point at hand."""
    box = f"{frame.left:.1f} {frame.top:.1f} {frame.wide:.1f} {frame.high:.1f}".split()
    place = f'x="{box[0]}" y="{box[1]}" width="{box[2]}" height="{box[3]}" viewBox="{" ".join(box)}"'
    ink = f'class="si" stroke="{LIGHT["ink"]}"'
    return (
        f'<svg {place} aria-hidden="true"><polyline id="descent-later" {stroke(1)} stroke-width="2" fill="none" '
        'stroke-dasharray="3 3" points=""/>'
        f'<circle id="descent-now" {ink} stroke-width="2" fill="none" r="0"/>'
        f'<circle id="descent-ring" {ink} stroke-width="2.5" fill="none" r="0"/></svg>'
    )
