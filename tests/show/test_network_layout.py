"""No label of a drawn network lies on another, on a circle or beyond its own: for networks of all sizes and names."""

from __future__ import annotations

import functools
import itertools
import math
import os
import random
import re
from xml.etree import ElementTree

import numpy as np
import pytest

import backlit as bl
from backlit.explain import Column, Drawing, Edge, Node
from backlit.explain.algebra.numerals import short_text
from backlit.show.network.edge_labels import isolated, told_apart
from backlit.show.network.layout import layout
from backlit.show.network.parts import Circle, Layout, Text
from backlit.show.network.svg import network_svg
from backlit.show.text_width import shortened, text_width

NAMES = (
    "{}", "h{}", "unit number {} of the first layer", "平方メートル単価{}", "Größe {} in m²", "الطول {}", "🌱 {}",
    "<b>&{}</b>", "WWWWWWWWWWWW{}", "sepal length (cm) {}",
)  # fmt: skip
VALUES = (
    0.0,
    -0.0,
    1.0,
    0.15,
    -123456.789,
    2.5e-17,
    -3.21e-300,
    7e300,
    -0.5999999,
    math.pi,
    math.inf,
    -math.inf,
    math.nan,
)


def random_drawing(rng: random.Random, *, row: str | None = "2") -> Drawing:
    """Give a drawing of 2 to 6 columns, of 1 to 12 drawn units each, with all kinds of names and values."""

    def value() -> float:
        return rng.choice(VALUES) if rng.random() < 0.5 else rng.gauss(0.0, 1.0)

    columns: list[Column] = []
    count = rng.randint(2, 6)
    for number in range(count):
        drawn = rng.randint(1, 12)
        pattern = rng.choice(NAMES)
        slope = number > 0 and row is not None and rng.random() < 0.9
        nodes = tuple(
            Node(pattern.format(k + 1), None if row is None else value(), value() if slope else None)
            for k in range(drawn)
        )
        sources = range(-rng.randint(0, 1), len(columns[-1].nodes)) if columns else range(0)
        label = rng.choice(("w({},{})", "w{}{}", "周{}{}"))
        edges = tuple(
            Edge(source, unit, label.format(source, unit), rng.random() < 0.5, value(),
                 None if rng.random() < 0.1 else value(), value())
            for source in sources for unit in range(drawn)
        )  # fmt: skip
        more = rng.choice((0, 0, 28, 1_000))
        columns.append(
            Column(rng.choice(("inputs", f"layer {number}", pattern.format(9) * 3)), nodes, drawn + more, edges)
        )
    targets = tuple(value() for _ in columns[-1].nodes) if row is not None else ()
    return Drawing(tuple(columns), targets, row)


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return min(one[2], other[2]) - max(one[0], other[0]) > 0.01 and min(one[3], other[3]) - max(one[1], other[1]) > 0.01


def beyond(text: Text, circle: Circle) -> bool:
    left, top, right, bottom = text.box
    corners = itertools.product((left, right), (top, bottom))
    return any(math.hypot(x - circle.x, y - circle.y) > circle.radius for x, y in corners)


def cuts(line: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Tell of each box whether a line goes through it: whether a part of the line lies inside."""
    first, last = np.zeros(len(boxes)), np.ones(len(boxes))
    for axis in (0, 1):
        step = line[axis + 2] - line[axis] or 1e-12
        ends = (boxes[:, [axis, axis + 2]] - line[axis]) / step
        first, last = np.maximum(first, ends.min(axis=1)), np.minimum(last, ends.max(axis=1))
    return last - first > 1e-6


def distances(line: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Give the distance of each point from a line's nearest point."""
    start, way = line[:2], line[2:] - line[:2]
    along = np.clip((points - start) @ way / max(way @ way, 1e-12), 0.0, 1.0)
    return np.hypot(*(points - start - along[:, None] * way).T)


def faults(placed: Layout) -> list[str]:
    """Name what is wrong with a drawing."""
    found = []
    inside = [text for circle in placed.circles for text in circle.texts]
    every = [*placed.texts, *inside]
    boxes = [text.box for text in every]
    boxes_outside = boxes[: len(placed.texts)]
    order = sorted(range(len(boxes)), key=lambda k: boxes[k][0])
    for place, k in enumerate(order):
        near = [other for other in order[place + 1 :] if overlap(boxes[k], boxes[other])]
        found += [f"{every[k].text!r} lies on {every[other].text!r}" for other in near]
    for circle in placed.circles:
        found += [f"{text.text!r} goes beyond its circle" for text in circle.texts if beyond(text, circle)]
    circle_boxes = [circle.box for circle in placed.circles]
    pairs = itertools.product(circle_boxes, boxes_outside)
    found += ["a text lies on a circle" for circle, box in pairs if overlap(box, circle)]
    pairs_of_circles = itertools.combinations(placed.circles, 2)
    found += ["two circles meet" for a, b in pairs_of_circles if math.dist(a[:2], b[:2]) < a.radius + b.radius]
    texts = np.array(boxes_outside).reshape(-1, 4)
    circles = np.array([circle[:3] for circle in placed.circles])
    for line in placed.lines:
        cut = cuts(np.array(line[:4]), texts)
        if "weak" not in line.role:
            found += [f"an edge goes through {placed.texts[k].text!r}" for k in np.flatnonzero(cut)]
        if (distances(np.array(line[:4]), circles[:, :2]) < circles[:, 2] - 0.01).any():
            found.append("an edge goes through a circle")
    for part, box in zip((*placed.texts, *placed.circles), (*boxes_outside, *circle_boxes), strict=True):
        left, top, right, bottom = box
        if left < 0 or top < 0 or right > placed.width or bottom > placed.height:
            found.append(f"{part} lies outside")
    return found


DRAWINGS = int(os.environ.get("BACKLIT_NETWORKS", "24"))
"""How many random networks are drawn: `BACKLIT_NETWORKS=500 pytest tests/show/test_network_layout.py` takes minutes."""


@pytest.mark.parametrize("seed", range(DRAWINGS))
def test_nothing_lies_on_anything(seed: int) -> None:
    rng = random.Random(seed)
    drawing = random_drawing(rng, row=rng.choice(("2", "", None)))
    for backward in (False, True):
        placed = layout(drawing, backward=backward, digits=rng.randint(0, 9), names=rng.choice((None, True, False)))
        assert faults(placed) == []


@functools.cache
def drawings(sizes: tuple[int, ...]) -> list[Drawing]:
    """Give the drawings of a network and two rows."""
    layers = [bl.Dense(units, "tanh") for units in sizes[1:]]
    network = bl.Network(layers, inputs=sizes[0], loss="half_squared_error", seed=1)
    return [*bl.explain(network, [[0.25] * sizes[0]] * 2, [[0.5] * sizes[-1]] * 2).step.drawings()]


@pytest.mark.parametrize("digits", range(4, 10))
@pytest.mark.parametrize("sizes", [(2, 4, 1), (2, 2, 2), (40, 1, 40), (1, 40, 33, 20, 13, 2)])
def test_networks_of_all_sizes_are_drawn_in_order(sizes: tuple[int, ...], digits: int) -> None:
    for drawing in drawings(sizes):
        for backward in (False, True):
            placed = layout(drawing, backward=backward, digits=digits, names=digits % 2 == 0)
            assert faults(placed) == []
            assert placed.height < 1700


def test_the_faults_are_found() -> None:
    """A planted fault of each kind is seen, so that the tests above can fail."""
    placed = layout(two_layer(), backward=True, digits=4)
    text, circle = placed.texts[0], placed.circles[0]
    assert any(
        "lies on" in fault for fault in faults(placed._replace(texts=(*placed.texts, text._replace(x=text.x + 3))))
    )
    small = circle._replace(radius=8.0)
    assert any("beyond" in fault for fault in faults(placed._replace(circles=(small, *placed.circles[1:]))))
    onto = text._replace(x=circle.x, y=circle.y)
    assert any("on a circle" in fault for fault in faults(placed._replace(texts=(onto,))))
    line = placed.lines[0]._replace(x1=0.0, y1=circle.y, x2=placed.width, y2=circle.y)
    assert any("through a circle" in fault for fault in faults(placed._replace(lines=(line,))))
    assert any("outside" in fault for fault in faults(placed._replace(width=placed.width / 2)))


def words(svg: str) -> list[str]:
    """Give the texts of a drawing as they are seen."""
    root = ElementTree.fromstring(svg)
    found = []
    for text in root.iter("{http://www.w3.org/2000/svg}text"):
        for title in text.findall("{http://www.w3.org/2000/svg}title"):
            text.remove(title)
        found.append("".join(text.itertext()))
    return found


def two_layer(**settings: object) -> Drawing:
    layers = [
        bl.Dense(2, "sigmoid", weights=[[0.15, 0.25], [0.2, 0.3]], biases=[0.35, 0.35], freeze=("b",)),
        bl.Dense(2, "sigmoid", weights=[[0.4, 0.5], [0.45, 0.55]], biases=[0.6, 0.6]),
    ]
    network = bl.Network(layers, inputs=2, loss="half_squared_error")
    return bl.explain(network, [[0.05, 0.1]], [[0.01, 0.99]], **settings).step.drawing()


def test_names_of_weights_stand_beside_their_values_where_they_are_own_ones_or_asked_for() -> None:
    labels = {"w(h1,o1)": "w5", "w(h2,o1)": "w6"}
    own = words(network_svg(two_layer(labels=labels), backward=False))
    assert {"w5 0.4", "w6 0.45", "0.5", "0.55"} <= set(own)
    everything = words(network_svg(two_layer(labels=labels), backward=False, names=True))
    assert {"w5 0.4", "w(h1,o2) 0.5", "b(o2) 0.6"} <= set(everything)
    none = words(network_svg(two_layer(labels=labels), backward=False, names=False))
    assert {"0.4", "0.45"} <= set(none)
    assert not any(word.startswith("w") for word in none)


def test_what_is_not_trained_is_fixed_on_the_way_back() -> None:
    back = words(network_svg(two_layer(), backward=True))
    assert back.count("fixed") == 2
    assert words(network_svg(two_layer(), backward=False)).count("fixed") == 0


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("sizes", [(20, 14, 5), (9, 9, 9)])
def test_each_number_of_a_crowded_drawing_says_whose_it_is(sizes: tuple[int, ...], backward: bool) -> None:
    layers = [bl.Dense(units, "tanh") for units in sizes[1:]]
    network = bl.Network(layers, inputs=sizes[0], loss="half_squared_error", seed=1)
    rng = np.random.default_rng(1)
    network["1.b"], network["2.b"] = rng.normal(size=sizes[1]), rng.normal(size=sizes[2])
    drawing = bl.explain(network, rng.normal(size=(1, sizes[0])), [[0.5] * sizes[2]]).step.drawing()
    found = [text for text in words(network_svg(drawing, backward=backward, digits=12)) if " " in text]
    expected, biases = set(), 0
    columns = drawing.way(backward=backward).columns
    for before, column in itertools.pairwise(columns):
        for edge in column.edges:
            number = short_text((edge.slope or 0.0) if backward else edge.weight, 12)
            expected.add(f"{before.nodes[edge.source].name if edge.source >= 0 else 'bias'} {number}")
        biases += len(column.nodes)
    numbers = [text for text in found if not text.startswith(("target", "…", "layer"))]
    assert set(numbers) <= expected
    assert sum(text.startswith("bias") for text in numbers) == biases
    assert len(numbers) > 3 * biases


@pytest.mark.parametrize("names", [["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"],
    [f"sensor_{k:03d}_temperature_of_the_hall" for k in range(12)], [f"x{'y' * 50}{k}z" for k in range(3)],
    ["a (cm)"], [" (cm)", "b (cm)"], ["same", "same"]])  # fmt: skip
def test_short_names_of_units_are_told_apart(names: list[str]) -> None:
    short = told_apart(names)
    assert len(set(short)) == len(set(names))
    assert max(text_width(name, 13) for name in short) <= 150
    assert all(short)


def test_a_network_of_few_units_has_bare_numbers() -> None:
    shown = words(network_svg(two_layer(), backward=True))
    assert [text for text in shown if " " in text] == ["layer 1", "target 0.01", "target 0.99"]


LONG = ["Stunden Lernens", "Müdigkeit am Morgen nach der Prüfung", "الطول بالسنتيمتر", "身長（センチメートル）", "i5"]


def test_long_names_stand_above_circles_of_the_usual_size() -> None:
    units = [[f"{name} {k}" for name in LONG] for k in (1, 2)]
    layers = [bl.Dense(5, "tanh"), bl.Dense(5, "tanh"), bl.Dense(5)]
    network = bl.Network(layers, inputs=5, loss="half_squared_error", seed=1)
    outputs = [f"{name} 3" for name in LONG]
    given = {"inputs": LONG, "units": [*units, []], "outputs": outputs}
    long, short = (
        bl.explain(network, [[123456.789, 1, 2, 3, 4]], [[0.5] * 5], **names).step.drawing() for names in (given, {})
    )
    for backward in (False, True):
        placed, usual = (layout(drawing, backward=backward, digits=4, names=True) for drawing in (long, short))
        assert faults(placed) == []
        assert placed.circles[0].radius <= usual.circles[0].radius <= 40
    svg = network_svg(long, backward=False, names=True)
    leads = {text.partition(" ")[0] for text in words(svg) if text.startswith("w(")}
    assert {"w(Stu…ns,Stu…"} <= leads
    assert "<title>w(Stunden Lernens,Stunden Lernens 1)</title>" in svg
    assert "<title>Müdigkeit am Morgen nach der Prüfung</title>" in svg


def test_a_number_stays_behind_a_name_from_right_to_left() -> None:
    assert isolated("i1") == "i1"
    assert isolated("الطول") == "\N{FIRST STRONG ISOLATE}الطول\N{POP DIRECTIONAL ISOLATE}"


@pytest.mark.parametrize("backward", [False, True])
def test_a_picture_stands_alone(backward: bool) -> None:
    svg = network_svg(two_layer(), backward=backward)
    root = ElementTree.fromstring(svg)
    label = root.get("aria-label") or ""
    assert ("dE/dnet in the units, dE/dw on the edges" in label) == backward
    assert root.findtext("{*}title") == label
    assert root.find("{*}rect") is not None
    assert "prefers-color-scheme" in (root.findtext("{*}style") or "")
    assert "var(" not in svg
    for part in root.iter():
        kind = part.tag.rpartition("}")[2]
        needed = {"text": "fill", "tspan": "fill", "line": "stroke", "circle": "stroke", "rect": "fill"}.get(kind)
        assert needed is None or re.fullmatch("#[0-9a-f]{6}", part.get(needed) or ""), ElementTree.tostring(part)
    inline = network_svg(two_layer(), backward=backward, standalone=False)
    assert "<style" not in inline
    assert "<rect" not in inline


def test_names_are_escaped() -> None:
    drawing = Drawing((Column("<i>", (Node("<b>&", 1.0, None),), 1, ()),), (), "<1>")
    assert "<b>&" in words(network_svg(drawing, backward=False))


@pytest.mark.parametrize("name", [pattern.format(12) for pattern in NAMES])
def test_a_shortened_name_fits_and_keeps_its_end(name: str) -> None:
    for most in (20.0, 40.0, 70.0):
        cut = shortened(name, most, 14.0, bold=True)
        assert text_width(cut, 14.0, bold=True) <= most or cut == "…"
        assert cut == name or "…" in cut
