"""Panels on the page and in the terminal: nothing lies on anything, large maps say what they leave out."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from xml.etree import ElementTree

import numpy as np
import pytest
from rich.cells import cell_len

import backlit as bl
from backlit.explain import Branches, Drawing, Grid, Maps, Node, Unrolled
from backlit.explain.record.drawing_records import Moment, Numbers, Panel, Sum
from backlit.show.network.grids import block_means, fitting_texts, place_grid
from backlit.show.network.panel_text import panel_lines
from backlit.show.network.panels import WIDTH, panels_layout
from backlit.show.network.parts import Box, Layout, Text
from backlit.show.network.stack import drawing_pieces
from backlit.show.network.svg import drawing_svgs, network_svg
from backlit.show.network.words import drawing_caption

RNG = np.random.default_rng(0)
HOSTILE = '<b>&"\N{RIGHT-TO-LEFT OVERRIDE}x'


def grid(rows: int, columns: int, name: str = "f1", **marks: object) -> Grid:
    values, slopes = (as_numbers(RNG.normal(size=(rows, columns))) for _ in range(2))
    return Grid(name, values, slopes, **marks)  # type: ignore[arg-type]


def as_numbers(array: np.ndarray) -> Numbers:
    return tuple(tuple(map(float, row)) for row in array)


def chain(times: int, units: int, drawn: int) -> Unrolled:
    moments = tuple(
        Moment(
            f"t{k + 1}", (Node("i1", 1.25, 0.5),), tuple(Node(f"h{j + 1}", -0.125, 1e-7) for j in range(min(units, 3)))
        )
        for k in range(drawn)
    )
    lengths = tuple(float(10.0**-k) for k in reversed(range(times)))
    onward = Node("u(h1,h1)", 0.5, -0.25) if units == 1 else Node(f"U {units} × {units}", None, None)
    return Unrolled("layer 1: recurrent", moments, times, 1, units, lengths, Node("w(i1,h1)", 0.5, 2.0), onward)


SUM = Sum("net(f1@r1c1)", tuple((1.0, -0.5) for _ in range(4)), 0.25, -1.75, after=0.0, activation="relu")
UNITS = Maps("layer 2.1: dense", (grid(1, 3, "", heads=("h1", "h2", "a very long name of a unit")),), 3)
CASES: dict[str, tuple[Panel, ...]] = {
    "small map": (
        Maps("inputs", (grid(4, 4, "i1", window=((0, 0), (0, 1), (1, 0), (1, 1))),), 1),
        Maps(
            "layer 1: conv2d, relu",
            (grid(3, 3, made=(0, 0)),),
            1,
            (grid(2, 2, "w(i1,f1)"),),
            Node("b(f1)", 0.1, 2.0),
            SUM,
        ),
    ),
    "wide": (Maps("inputs", (grid(8, 8, "i1", window=((0, 0), (2, 2))),), 1),),
    "large maps": (Maps("layer 1", tuple(grid(28, 28, f"f{k}", window=((3, 3), (3, 4))) for k in range(4)), 6),),
    "larger than the page": (Maps("inputs", (grid(300, 300, "i1", made=(299, 299)),), 1),),
    "one unit through time": (chain(2, 1, 2),),
    "many": (chain(50, 32, 4),),
    "sequence": (Maps("layer 2", (grid(2, 6, "", heads=tuple("abcdef"), sides=("o1", "o2")),), 1),),
    "branches": (UNITS, Branches("layer 2: residual", ((UNITS, UNITS), ()), "add", UNITS.grids, 3)),
    "hostile": (Maps(HOSTILE, (grid(2, 2, HOSTILE, heads=(HOSTILE, "y")),), 2),),
}


def placed(name: str, *, backward: bool = False) -> Layout:
    return panels_layout(CASES[name], backward=backward, digits=4)


def overlap(one: Sequence[float], other: Sequence[float]) -> bool:
    across = min(one[2], other[2]) - max(one[0], other[0])
    return across > 0.01 and min(one[3], other[3]) - max(one[1], other[1]) > 0.01


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_no_text_lies_on_another(name: str, backward: bool) -> None:
    texts = placed(name, backward=backward).texts
    assert texts
    wrong = [(one.text, other.text) for one, other in itertools.combinations(texts, 2) if overlap(one.box, other.box)]
    assert wrong == []


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_everything_is_within_the_picture(name: str, backward: bool) -> None:
    layout = placed(name, backward=backward)
    for part in (*layout.texts, *layout.boxes, *layout.circles):
        left, upper, right, lower = part.box
        assert left >= -2
        assert upper >= -2
        assert right <= layout.width + 2
        assert lower <= layout.height + 4
    if name != "branches":
        assert layout.width <= WIDTH + 40  # a telephone's page, where a word is not longer than it


def inside(text: Text, boxes: Sequence[Box]) -> bool:
    left, upper, right, lower = text.box
    return any(
        box.x <= left and right <= box.x + box.width and box.y <= upper and lower <= box.y + box.height for box in boxes
    )


@pytest.mark.parametrize("name", ["small map", "wide", "sequence", "one unit through time", "many", "branches"])
def test_a_number_is_within_its_cell(name: str) -> None:
    layout = placed(name)
    cells = [box for box in layout.boxes if box.role in {"cell", "state"}]
    numbers = [text for text in layout.texts if text.role == "cell"]
    assert numbers
    assert [text.text for text in numbers if not inside(text, cells)] == []


def test_the_window_and_the_marked_cell_are_framed() -> None:
    frames = [box for box in placed("small map").boxes if box.role in {"window", "made"}]
    assert [box.role for box in frames] == ["window", "made"]
    window, made = frames
    assert window.width / window.height == pytest.approx((made.width + 6) / (made.height + 6), rel=0.5)
    gaps = [box for box in placed("wide").boxes if box.role == "window"]
    assert len(gaps) == 2  # cells that do not touch have a frame each


@pytest.mark.parametrize("number", [1.0, -0.0199])
def test_the_frame_of_a_marked_cell_does_not_touch_its_number(number: float) -> None:
    given = Grid("f1", ((0.5, number), (0.5, 0.25)), made=(0, 1))
    placed = place_grid(given, given.values, digits=4, most=300.0)
    (made,) = [box for box in placed.boxes if box.role == "made"]
    left, _, right, _ = next(text for text in placed.texts if text.text == f"{number:g}").box
    assert made.x + 0.9 < left  # half of the frame's line
    assert right < made.x + made.width - 0.9


def test_a_map_of_many_cells_has_its_range_and_its_window_with_numbers() -> None:
    layout = placed("large maps")
    pixels = [box for box in layout.boxes if box.role == "pixel"]
    assert len(pixels) == 4 * 28 * 28
    first = np.array(CASES["large maps"][0].grids[0].values, float)  # type: ignore[union-attr]
    said = [text.text for text in layout.texts]
    assert f"28 × 28, from {first.min():.4f} to {first.max():.4f}" in " ".join(said)
    assert "row 4, columns 4 to 5" in " ".join(said)
    assert f"{first[3, 3]:.4f}" in said
    assert "and 2 more maps" in said


def test_a_map_with_more_cells_than_pixels_says_that_it_shows_means() -> None:
    layout = placed("larger than the page")
    assert "each square: the mean of 3 × 3" in [text.text for text in layout.texts]
    assert len([box for box in layout.boxes if box.role == "pixel"]) == 100 * 100
    array = np.arange(25.0).reshape(5, 5)
    np.testing.assert_array_equal(block_means(array, 2)[:, 0], [3.0, 13.0, 20.5])


def test_colours_are_the_numbers_in_parts_of_the_largest() -> None:
    given = Grid("f1", ((2.0, -1.0), (0.0, 0.5)))
    cells = [box.shade for box in place_grid(given, given.values, digits=4, most=300.0).boxes if box.role == "cell"]
    assert np.array(cells) / cells[0] == pytest.approx([1.0, -0.5, 0.0, 0.25])


def test_maps_that_are_compared_have_the_same_places_and_factor() -> None:
    small, tiny = np.full((6, 6), 0.043), np.full((6, 6), 1.25e-7)
    tiny[0] = [0.0, -0.0421, 0.01, 0.02, 0.03, 0.00999]
    assert fitting_texts(small, 4, 400.0)[1] == 0
    for one in (small, tiny):
        texts, power = fitting_texts(one, 4, 255.0, (small, tiny))
        assert power == -2
        assert not any("e" in text for row in texts for text in row)
    assert texts[0] == ["0", "-4.21", "1.00", "2.00", "3.00", "1.00"]
    assert texts[1][0] == "0.00"
    placed = place_grid(Grid("f1", as_numbers(tiny)), as_numbers(tiny), digits=4, most=255.0)
    assert placed.texts[0].text == "f1 (× 10⁻²)"


def test_a_panel_is_wide_where_maps_then_stand_beside_one_another() -> None:
    large, small, chained = (
        drawing_pieces(Drawing((), (), "", panels=CASES[name]), backward=False, digits=4)
        for name in ("large maps", "small map", "many")
    )
    assert large[0].wide
    assert large[0].wide.height < 0.6 * large[0].narrow.height
    assert [piece.title for piece in small] == ["inputs", "layer 1: conv2d, relu"]
    assert [piece.wide for piece in (small[0], *chained)] == [None] * 2


def test_a_page_has_a_picture_for_each_panel_that_says_what_it_is() -> None:
    svgs = list(drawing_svgs(Drawing((), (), "", panels=CASES["large maps"]), backward=False, digits=4))
    assert [svg.split('class="')[1].split('"')[0] for svg in svgs] == ["network forward narrow", "network forward wide"]
    assert all("<title>Forward pass: what each layer gives, and its weights: layer 1</title>" in svg for svg in svgs)
    assert len(svgs[1]) < 120_000  # cells of one colour are one path: as rectangles they would take 600 kB


def test_coloured_cells_are_drawn_where_they_are() -> None:
    values = np.zeros((13, 13))
    values[2, 3:5], values[4, 6] = 1.0, -0.5
    drawn = network_svg(Drawing((), (), "", panels=(Maps("", (Grid("", as_numbers(values)),), 1),)), backward=False)
    paths = [path for path in ElementTree.fromstring(drawn).iter() if path.tag.endswith("path")]
    said = [(path.get("class"), path.get("fill-opacity")) for path in paths]
    assert said == [("pixel minus", "0.5"), ("pixel plus", "1")]
    side = 140 / 13
    numbers = [[float(part) for part in re.findall(r"[\d.]+", str(path.get("d")))] for path in paths]
    (top,) = {number - row * side for number, row in ((numbers[0][1], 4),)}
    assert numbers[0] == pytest.approx([12 + 6 * side, top + 4 * side, side, side, side], abs=0.02)
    assert numbers[1] == pytest.approx([12 + 3 * side, top + 2 * side, 2 * side, side, 2 * side], abs=0.02)


def test_branches_without_slopes_are_left_out_on_the_way_back() -> None:
    inputs = Maps("layer 1a.1: select", (Grid("", ((1.0, 2.0),)),), 2)
    block = Branches("layer 1: parallel", ((inputs,), ()), "concatenate", (Grid("", ((1.0, 2.0),)),), 2)
    assert panels_layout((block,), backward=True, digits=4).texts == ()
    assert panels_layout((block,), backward=False, digits=4).texts


def test_a_title_breaks_between_words() -> None:
    long = Maps("layer 1a.3: flatten, 4 numbers", (), 0)
    lines = [text.text for text in panels_layout((long,), backward=False, digits=4, most=176.0).texts]
    assert " ".join(lines) == long.title


def test_arrows_turn_round_on_the_way_back() -> None:
    ahead, back = (placed("one unit through time", backward=backward).lines for backward in (False, True))
    for one, other in zip(ahead, back, strict=False):
        assert np.sign([one.x2 - one.x1, one.y2 - one.y1]).tolist() == [
            -value for value in np.sign([other.x2 - other.x1, other.y2 - other.y1])
        ]


def test_bars_grow_with_the_slope_through_time() -> None:
    bars = [box for box in placed("many", backward=True).boxes if box.role == "bar"]
    assert len(bars) == 50
    heights = [bar.height for bar in bars]
    assert heights == sorted(heights)
    assert np.diff(heights)[5:] == pytest.approx(np.diff(heights)[-1])  # equal factors are equal steps
    assert not [box for box in placed("many").boxes if box.role == "bar"]


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_the_picture_is_well_formed_and_escapes_names(name: str, backward: bool) -> None:
    svg = network_svg(Drawing((), (), "", panels=CASES[name]), backward=backward)
    ElementTree.fromstring(svg)
    assert "<b>" not in svg


@pytest.mark.parametrize("width", [40, 60, 100])
@pytest.mark.parametrize("name", CASES)
def test_no_line_of_text_is_wider_than_the_terminal(name: str, width: int) -> None:
    for backward in (False, True):
        assert max(map(cell_len, panel_lines(CASES[name], 4, width, backward=backward))) <= width


def test_the_terminal_marks_the_window_and_the_cell() -> None:
    lines = "\n".join(panel_lines(CASES["small map"], 1, 80))
    assert lines.count("[") == 4
    assert lines.count("‹") == 1
    assert "net(f1@r1c1) = 1·(−0.5) + 1·(−0.5)" in lines


def test_captions_say_what_the_numbers_are() -> None:
    drawing = Drawing((), (), "", panels=(*CASES["small map"], *CASES["one unit through time"]))
    forward, back = (drawing_caption(drawing, backward=backward) for backward in (False, True))
    assert "The frame in a map is the window" in forward
    assert "The same weights serve every time" in forward
    assert "the whole slope through time" in back
    every = Drawing((), (), None, panels=drawing.panels)
    assert "All rows together" in drawing_caption(every, backward=True)


def test_a_wide_grid_with_names_shows_the_window_of_its_last_columns():
    rows = np.random.default_rng(0).normal(size=(1, 12, 2))
    layers = [bl.Conv1D(4, 3, "tanh", padding="same"), bl.Recurrent(4, returns="sequence"), bl.Dense(2)]
    network = bl.Network(layers, inputs=(12, 2), loss="mse", seed=1)
    lines = str(bl.explain(network, rows, np.cumsum(rows, 1))).splitlines()
    assert any("‹-1.0872›" in line and line.split()[0] == "o2" for line in lines)
    place = next(k for k, line in enumerate(lines) if "‹-1.0872›" in line)
    assert lines[place - 1].split()[-1] == "t7"
