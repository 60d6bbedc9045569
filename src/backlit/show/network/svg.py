"""A network as SVG: values on nodes and edges, forward and backward; inline in a page, or a picture of its own."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from backlit.explain.record.step_records import Drawing
from backlit.show.network.parts import Box, Circle, Layout, Line, Text
from backlit.show.network.stack import drawing_layout, drawing_pieces
from backlit.show.network.words import drawing_title

LIGHT = {"ink": "#1c2430", "quiet": "#566375", "paper": "#ffffff", "forward": "#1a62d6", "backward": "#b93a0a"}
DARK = {"ink": "#e6ebf2", "quiet": "#a3afbf", "paper": "#151a21", "forward": "#7ab0ff", "backward": "#ff9f4a"}
FONT = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', sans-serif"

LEGIBLE = 11.05
"""The size of letters that a page keeps, in pixels."""

OTHER = {"forward": "backward", "backward": "forward"}
"""The colour of negative numbers, where cells have colours."""

INKS = {
    "name": "ink", "value": "accent", "label": "ink", "fixed": "quiet", "target": "quiet", "more": "quiet",
    "title": "quiet", "heading": "ink", "cell": "ink", "sum": "ink",
}  # fmt: skip
"""The colour of each kind of text."""


def network_svg(
    drawing: Drawing,
    *,
    backward: bool,
    digits: int = 4,
    standalone: bool = True,
    names: bool | None = None,
    title: str = "",
) -> str:
    """Give a drawing with outputs and weights, or with the slopes of the error with respect to them.

    Args:
        drawing: the network with its numbers.
        backward: dE/dnet in the units and dE/dw on the edges.
        digits: places behind the point.
        standalone: a picture of its own, with a background and the style that turns dark where the viewer's system is;
            without it the page brings `NETWORK_STYLE`.
        names: put each weight's name before its number; None does so for the user's own names alone.
        title: says what it shows; else `drawing_title` does.
    """
    placed = drawing_layout(drawing, backward=backward, digits=digits, names=names)
    return _svg(placed, title or drawing_title(drawing, backward=backward), backward=backward, standalone=standalone)


def drawing_svgs(drawing: Drawing, *, backward: bool, digits: int, names: bool | None = None) -> Iterator[str]:
    """Give a drawing panel by panel, for a page that brings `NETWORK_STYLE`; see `network_svg` for the arguments.

    A panel that is shorter on a wide page comes twice, of which the page shows one.
    """
    title = drawing_title(drawing, backward=backward)
    for piece in drawing_pieces(drawing, backward=backward, digits=digits, names=names):
        whole = f"{title}: {piece.title}" if piece.title else title
        for placed, kind in ((piece.narrow, "narrow"), (piece.wide, "wide")):
            if placed:
                least = f"--least:{least_width(placed)}px"
                yield _svg(placed, whole, backward=backward, kind=kind if piece.wide else "", style=least)


def _svg(
    placed: Layout, title: str, *, backward: bool, standalone: bool = False, kind: str = "", style: str = ""
) -> str:
    """Write a layout as SVG."""
    way = "backward" if backward else "forward"
    title = escape(title)
    width, height = round(placed.width), round(placed.height)
    size = f'width="{width}" height="{height}"'
    classes = f"network {way} {kind}".strip()
    style = f' style="{style}"' if style else ""
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" class="{classes}" {size} viewBox="0 0 {width} {height}"{style} '
            f'role="img" aria-label="{title}" font-family="{FONT}"><title>{title}</title>')  # fmt: skip
    if standalone:
        head += f'<style>{NETWORK_STYLE}</style><rect class="paper" {size} fill="{LIGHT["paper"]}"/>'
    return "\n".join([head, *svg_parts(placed, way), "</svg>"])


def least_width(placed: Layout) -> int:
    """Give the width to which a picture may shrink: its smallest letters keep `LEGIBLE` pixels."""
    texts = [*placed.texts, *(text for circle in placed.circles for text in circle.texts)]
    smallest = min((text.size for text in texts), default=LEGIBLE)
    return math.ceil(placed.width * min(1.0, LEGIBLE / smallest))


def _rules(colours: dict[str, str]) -> str:
    """Give the style of a set of colours."""
    paper = colours["paper"]
    rules = [f".network .paper,.network circle{{fill:{paper}}}", f".network .label{{stroke:{paper}}}"]
    rules += [f".network .{ink}{{fill:{colours[ink]}}}" for ink in ("ink", "quiet")]
    rules.append(f".network .edged{{stroke:{colours['quiet']}}}")
    for kind in ("forward", "backward"):
        rules.append(f".network.{kind} line,.network.{kind} circle{{stroke:{colours[kind]}}}")
        rules.append(f".network.{kind} .accent,.network.{kind} .plus{{fill:{colours[kind]}}}")
        rules.append(f".network.{kind} .minus{{fill:{colours[OTHER[kind]]}}}")
        rules.append(f".network.{kind} .framed{{stroke:{colours[kind]}}}")
    return "".join(rules)


NETWORK_STYLE = f"@media screen and (prefers-color-scheme:dark){{{_rules(DARK)}}}"
"""What changes in the dark; all else stands in the parts themselves, for viewers that drop styles."""

PIECES_STYLE = """
.pieces svg.network{display:block;max-width:100%;min-width:var(--least);height:auto}
.pieces svg.narrow.network{display:none}
@media screen and (max-width:40rem){.pieces svg.wide.network{display:none}.pieces svg.narrow.network{display:block}}
"""
"""How a page shows `drawing_svgs`."""


def svg_parts(placed: Layout, kind: str) -> list[str]:
    """Write the parts of a layout, in the colours of the forward or the backward pass."""
    lines = [_line(line, kind) for line in placed.lines]
    pixels = [box for box in placed.boxes if box.role == "pixel"]
    others = [box for box in placed.boxes if box.role != "pixel"]
    boxes = [*_pixels(pixels, kind), *(_box(box, kind) for box in sorted(others, key=lambda box: box.role in FRAMES))]
    texts = [_text(text, kind) for text in placed.texts]
    circles = [part for circle in placed.circles for part in _circle(circle, kind)]
    return [*sorted(lines, key=lambda line: "weak" not in line), *boxes, *texts, *circles]


FRAMES = {"window": 3.0, "made": 1.8}
"""How thick a frame is: the window that a cell reads, and the cell."""


SHADES = 40
"""How many strengths of a colour cells without numbers have."""


def _pixels(boxes: Sequence[Box], kind: str) -> Iterator[str]:
    """Write cells without numbers: all of one colour and strength as one path, neighbours in a row as one rectangle."""

    def shade(box: Box) -> int:
        return round(box.shade * SHADES)

    for strength, found in groupby(sorted(boxes, key=shade), key=shade):
        if not strength:
            continue
        runs: list[Box] = []
        for box in found:
            last = runs[-1] if runs else None
            if last and last.y == box.y and abs(last.x + last.width - box.x) < TOUCHING:
                runs[-1] = last._replace(width=box.x + box.width - last.x)
            else:
                runs.append(box)
        sign, colour = ("minus", OTHER[kind]) if strength < 0 else ("plus", kind)
        drawn = "".join(map(_rectangle, runs))
        fill = f'fill="{LIGHT[colour]}" fill-opacity="{abs(strength) / SHADES:g}"'
        yield f'<path class="pixel {sign}" {fill} shape-rendering="crispEdges" d="{drawn}"/>'


TOUCHING = 0.01


def _rectangle(box: Box) -> str:
    """Write a rectangle as a part of a path."""
    x, y, width, height = (f"{number:.2f}".rstrip("0").rstrip(".") for number in box[:4])
    return f"M{x} {y}h{width}v{height}h-{width}z"


def _box(box: Box, kind: str) -> str:
    """Write a cell, a frame or a state."""
    place = f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'
    if box.role in FRAMES:
        edge = f'stroke="{LIGHT[kind]}" stroke-width="{FRAMES[box.role]:g}"'
        return f'<rect class="{box.role} framed" {place} fill="none" {edge} rx="2"/>'
    edge = f'stroke="{LIGHT["quiet"]}" stroke-opacity="0.45"'
    if box.role in {"state", "frame"}:
        round_ = ' rx="6"' if box.role == "state" else ""
        return f'<rect class="{box.role} edged" {place} fill="none" {edge}{round_}/>'
    sign, colour = ("minus", OTHER[kind]) if box.shade < 0 else ("plus", kind)
    strength = 0.75 if box.role == "bar" else abs(box.shade)
    fill = f'fill="{LIGHT[colour]}" fill-opacity="{strength:.2f}"'
    if box.role == "cell":
        return f'<rect class="cell {sign} edged" {place} {fill} {edge}/>'
    return f'<rect class="{box.role} {sign}" {place} {fill}/>'


def _line(line: Line, kind: str) -> str:
    """Write a line, with a head at its end where it is an arrow."""
    colour = LIGHT[kind]
    opacity = 0.16 if "weak" in line.role else 0.35 if "fixed" in line.role else 0.6
    dashes = ' stroke-dasharray="4 4"' if "bias" in line.role else ""
    drawn = (f'<line class="{line.role}" x1="{line.x1:.1f}" y1="{line.y1:.1f}" x2="{line.x2:.1f}" y2="{line.y2:.1f}" '
             f'stroke="{colour}" stroke-width="1.5" stroke-opacity="{opacity}"{dashes}/>')  # fmt: skip
    return drawn + _head(line, colour) if "arrow" in line.role else drawn


def _head(line: Line, colour: str) -> str:
    """Write the head of an arrow."""
    length = math.hypot(line.x2 - line.x1, line.y2 - line.y1) or 1.0
    x, y = (line.x2 - line.x1) / length, (line.y2 - line.y1) / length
    ends = ((line.x2 - HEAD * x - side * HEAD / 2 * y, line.y2 - HEAD * y + side * HEAD / 2 * x) for side in (1, -1))
    points = " ".join(f"{px:.1f},{py:.1f}" for px, py in ((line.x2, line.y2), *ends))
    return f'<polygon class="plus" points="{points}" fill="{colour}" fill-opacity="0.8"/>'


HEAD = 8.0
"""The length of an arrow's head."""


def _circle(circle: Circle, kind: str) -> list[str]:
    thick = 2 if circle.role == "node" else 1.5
    head = (f'<circle class="{circle.role}" cx="{circle.x:.1f}" cy="{circle.y:.1f}" r="{circle.radius:.1f}" '
            f'fill="{LIGHT["paper"]}" stroke="{LIGHT[kind]}" stroke-width="{thick}"/>')  # fmt: skip
    return [head, *(_text(text, kind) for text in circle.texts)]


HALO = f' paint-order="stroke" stroke="{LIGHT["paper"]}" stroke-width="4" stroke-linejoin="round"'
"""Around the numbers of weights, so that a faint edge behind one does not touch its digits."""


def _text(text: Text, kind: str) -> str:
    """Write a text, with the whole of a shortened one as its title."""
    ink = INKS[text.role]
    style = f'text-anchor="{text.anchor}" font-size="{text.size:g}" fill="{LIGHT[kind if ink == "accent" else ink]}"'
    style += (' font-weight="600"' if text.bold else "") + (HALO if text.role == "label" else "")
    lead = f'<tspan class="quiet" fill="{LIGHT["quiet"]}">{escape(text.lead)} </tspan>' if text.lead else ""
    whole = f"<title>{escape(text.full)}</title>" if text.full not in {"", text.text} else ""
    place = f'x="{text.x:.1f}" y="{text.y:.1f}"'
    return f'<text class="{text.role} {ink}" {place} {style}>{lead}{escape(text.text)}{whole}</text>'
