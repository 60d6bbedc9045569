"""A network as SVG: values on nodes and edges, forward and backward; inline in a page, or a picture of its own."""

from __future__ import annotations

from html import escape

from backlit.explain.record.step_records import Drawing
from backlit.show.network.layout import layout
from backlit.show.network.parts import Circle, Layout, Line, Text
from backlit.show.network.words import drawing_title

LIGHT = {"ink": "#1c2430", "quiet": "#566375", "paper": "#ffffff", "forward": "#1a62d6", "backward": "#b93a0a"}
DARK = {"ink": "#e6ebf2", "quiet": "#a3afbf", "paper": "#151a21", "forward": "#7ab0ff", "backward": "#ff9f4a"}
FONT = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', sans-serif"

INKS = {
    "name": "ink", "value": "accent", "label": "ink", "fixed": "quiet", "target": "quiet", "more": "quiet",
    "title": "quiet",
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
    placed = layout(drawing, backward=backward, digits=digits, names=names)
    kind = "backward" if backward else "forward"
    title = escape(title or drawing_title(drawing, backward=backward))
    width, height = round(placed.width), round(placed.height)
    size = f'width="{width}" height="{height}"'
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" class="network {kind}" {size} viewBox="0 0 {width} {height}" '
            f'role="img" aria-label="{title}" font-family="{FONT}"><title>{title}</title>')  # fmt: skip
    if standalone:
        head += f'<style>{NETWORK_STYLE}</style><rect class="paper" {size} fill="{LIGHT["paper"]}"/>'
    return "\n".join([head, *_parts(placed, kind), "</svg>"])


def _rules(colours: dict[str, str]) -> str:
    """Give the style of a set of colours."""
    paper = colours["paper"]
    rules = [f".network .paper,.network circle{{fill:{paper}}}", f".network .label{{stroke:{paper}}}"]
    rules += [f".network .{ink}{{fill:{colours[ink]}}}" for ink in ("ink", "quiet")]
    for kind in ("forward", "backward"):
        rules.append(f".network.{kind} line,.network.{kind} circle{{stroke:{colours[kind]}}}")
        rules.append(f".network.{kind} .accent{{fill:{colours[kind]}}}")
    return "".join(rules)


NETWORK_STYLE = f"@media screen and (prefers-color-scheme:dark){{{_rules(DARK)}}}"
"""What changes in the dark; all else stands in the parts themselves, for viewers that drop styles."""


def _parts(placed: Layout, kind: str) -> list[str]:
    lines = [_line(line, LIGHT[kind]) for line in placed.lines]
    texts = [_text(text, kind) for text in placed.texts]
    circles = [part for circle in placed.circles for part in _circle(circle, kind)]
    return [*sorted(lines, key=lambda line: "weak" not in line), *texts, *circles]


def _line(line: Line, colour: str) -> str:
    opacity = 0.16 if "weak" in line.role else 0.35 if "fixed" in line.role else 0.6
    dashes = ' stroke-dasharray="4 4"' if "bias" in line.role else ""
    return (f'<line class="{line.role}" x1="{line.x1:.1f}" y1="{line.y1:.1f}" x2="{line.x2:.1f}" y2="{line.y2:.1f}" '
            f'stroke="{colour}" stroke-width="1.5" stroke-opacity="{opacity}"{dashes}/>')  # fmt: skip


def _circle(circle: Circle, kind: str) -> list[str]:
    thick = 2 if circle.role == "node" else 1.5
    head = (f'<circle class="{circle.role}" cx="{circle.x:.1f}" cy="{circle.y:.1f}" r="{circle.radius:.1f}" '
            f'fill="{LIGHT["paper"]}" stroke="{LIGHT[kind]}" stroke-width="{thick}"/>')  # fmt: skip
    return [head, *(_text(text, kind) for text in circle.texts)]


HALO = f' style="paint-order:stroke" stroke="{LIGHT["paper"]}" stroke-width="4" stroke-linejoin="round"'
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
