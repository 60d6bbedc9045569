"""The network of a demo as a picture: its units, and the weights that training left."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from backlit.examples import SetupRun
from backlit.explain.record.node_record import Node
from backlit.explain.record.step_records import Column, Drawing, Edge
from backlit.show.demo import tables as demo_tables
from backlit.show.network.svg import network_svg
from backlit.show.network.words import left_out
from backlit.show.notebook import picture_html, svg_size, words_html
from backlit.show.text_charts import network_drawing


def network_picture(setup: SetupRun) -> str:
    """Give a run's network with its weights after training as HTML for a notebook; nothing where it has no drawing.

    It has none where a layer is large, or where weights alone do not lead from units to units.
    """
    columns = demo_tables.drawn_units(setup)
    drawing = _drawing(setup, columns) if columns else None
    if drawing is None:
        return ""
    svg = network_svg(drawing, backward=False, title=_words(setup))
    return words_html(_caption(setup, drawing)) + picture_html(svg, svg_size(svg), "\n".join(network_drawing(columns)))


def network_part(setup: SetupRun) -> str:
    """Give the same as a part of a page that brings `NETWORK_STYLE`."""
    columns = demo_tables.drawn_units(setup)
    drawing = _drawing(setup, columns) if columns else None
    if drawing is None:
        return f"<pre>{escape(chr(10).join(network_drawing(columns)))}</pre>" if columns else ""
    svg = network_svg(drawing, backward=False, standalone=False, title=_words(setup))
    return f"<figure>\n{svg}\n<figcaption>{escape(_caption(setup, drawing))}</figcaption>\n</figure>"


def _words(setup: SetupRun) -> str:
    return f"The network {demo_tables.after(setup.end.epoch)}: the edges show their weights"


def _caption(setup: SetupRun, drawing: Drawing) -> str:
    return ". ".join([_words(setup), *left_out(drawing, backward=False)]) + "."


def _drawing(setup: SetupRun, names: Sequence[Sequence[str]]) -> Drawing | None:
    """Make the drawing of the parameters, which are known by their names."""
    parameters = {parameter.name: parameter for parameter in setup.parameters}
    columns = [Column("inputs", _nodes(names[0]), len(names[0]), (), "input")]
    for number, (before, units) in enumerate(pairwise(names), 1):
        edges = []
        for k, unit in enumerate(units):
            for source, name in [*enumerate(f"w({one},{unit})" for one in before), (-1, f"b({unit})")]:
                parameter = parameters.get(name)
                if parameter is None and source >= 0:
                    return None
                if parameter is not None:
                    own = parameter.label
                    edges.append(Edge(source, k, own or name, bool(own), parameter.after, None, parameter.after))
        title = "outputs" if number == len(names) - 1 else f"layer {number}"
        columns.append(Column(title, _nodes(units), len(units), tuple(edges)))
    return Drawing(tuple(columns), (), "")


def _nodes(names: Sequence[str]) -> tuple[Node, ...]:
    return tuple(Node(name, None, None) for name in names)
