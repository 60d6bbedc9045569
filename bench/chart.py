"""The chart for the README: each peer's time as a multiple of Backlit's, one line per row, on a logarithmic axis.

`python -m bench.chart RESULTS.json docs/speed.svg` draws it again from a run's results.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from xml.etree import ElementTree as Xml

import msgspec

from bench.peers import LIMITS, OURS
from bench.results import Results, Row

LEFT, RIGHT, TOP, LINE, WIDTH = 120, 24, 64, 30, 860
COLORS = {
    "scikit-learn": "#e08a1e",
    "torch": "#d1495b",
    "torch.compile": "#8d5a97",
    "jax": "#2a9d8f",
    "numpy loop": "#7a8793",
}
OTHER = "#5577aa"
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#24292f}.small{font-size:11px}.line{stroke:#8886}.one{stroke:#24292f}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.one{stroke:#e6edf3}}"
)


def ratios(row: Row) -> dict[str, float]:
    """Give each peer's median over Backlit's."""
    found = {m.name: row.times(m.name) for m in row.measurements if m.name not in LIMITS and m.name not in OURS}
    return {name: value for name, value in found.items() if value}


def draw(results: Results) -> str:
    """Draw the SVG; right of 1 Backlit is faster, left of 1 the peer is."""
    rows = [(row, values) for row in results.rows if (values := ratios(row))]
    reached = [value for _, values in rows for value in values.values()] or [1.0]
    low, high = math.floor(min(0, math.log10(min(reached)))), math.ceil(max(1, math.log10(max(reached))))
    height = TOP + LINE * len(rows) + 34
    svg = Xml.Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {height}", role="img")
    Xml.SubElement(svg, "title").text = "Time of each peer as a multiple of Backlit's"
    Xml.SubElement(svg, "style").text = STYLE

    def x_of(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(value) - low) / (high - low)

    _legend(svg, sorted({name for _, values in rows for name in values}, key=_rank))
    for power in range(low, high + 1):
        x = f"{x_of(10.0**power):.1f}"
        style = "one" if power == 0 else "line"
        Xml.SubElement(svg, "line", {"x1": x, "x2": x, "y1": str(TOP - 12), "y2": str(height - 30), "class": style})
        _text(svg, float(x), height - 14, f"{10.0**power:g}×", "middle", "small")
    for number, (row, values) in enumerate(rows):
        y = TOP + LINE * number + 8
        _text(svg, LEFT - 12, y + 4, row.name, "end")
        for name, value in values.items():
            dot = {"cx": f"{x_of(value):.1f}", "cy": str(y), "r": "6", "fill": COLORS.get(name, OTHER)}
            Xml.SubElement(
                Xml.SubElement(svg, "circle", dot), "title"
            ).text = f"{name}: {value:.2f} times Backlit's time"
    how = f"{results.rounds} rounds{', quick' if results.quick else ''}; load {results.machine.load_before:g} "
    _text(svg, WIDTH - RIGHT, 20, f"{how}to {results.machine.load_after:g}", "end", "small")
    Xml.indent(svg)
    return Xml.tostring(svg, encoding="unicode") + "\n"


def _rank(name: str) -> tuple[int, str]:
    return (list(COLORS).index(name) if name in COLORS else len(COLORS), name)


def _text(svg: Xml.Element, x: float, y: float, words: str, anchor: str, style: str = "") -> None:
    Xml.SubElement(svg, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, "class": style}).text = words


def _legend(svg: Xml.Element, names: list[str]) -> None:
    """Name the colours, and the meaning of the axis."""
    _text(svg, 12, 20, "Time as a multiple of Backlit's (right of 1×: Backlit is faster)", "start")
    x = 12.0
    for name in names:
        Xml.SubElement(svg, "circle", {"cx": f"{x + 5:.1f}", "cy": "36", "r": "5", "fill": COLORS.get(name, OTHER)})
        _text(svg, x + 14, 40, name, "start", "small")
        x += 34 + 6.5 * len(name)


if __name__ == "__main__":
    found = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Results)
    Path(sys.argv[2]).write_text(draw(found), encoding="utf-8")
