"""Charts: a figure of any data is drawn as valid SVG and as text, within its borders, and hostile names stay text."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from typing import get_args

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backlit.errors import BacklitError
from backlit.show.charts.figure import (
    Arrow,
    Axis,
    Bars,
    Cells,
    Dash,
    DataTable,
    Field,
    Figure,
    Line,
    Note,
    Points,
    Regions,
    Rule,
)
from backlit.show.charts.frame import SMALL, Frame
from backlit.show.charts.palette import DARK, DARK_SERIES, DARK_SHADES, LIGHT, SERIES, SHADES
from backlit.show.charts.scales import scale
from backlit.show.charts.svg import figure_svg
from backlit.show.charts.symbols import SHAPES
from backlit.show.charts.text import figure_text
from backlit.show.picture import Picture
from backlit.show.saving import saved
from backlit.show.text_width import text_width

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</svg><script>alert(1)</script>\" & ' {{7*7}}\n\u202e" + "x" * 500
TABLE = DataTable(("epoch", "loss"), (("1", "0.5"), (HOSTILE, "<b>")), 1)
GRID = np.linspace(-2.0, 2.0, 21)
BOWL = GRID[None, :] ** 2 + 3 * GRID[:, None] ** 2


def figure(*layers, x=None, y=None, **how) -> Figure:
    return Figure(title="a title", summary="A summary.", x=x or Axis("across"), y=y or Axis("up"), layers=layers,
                  table=TABLE, **how)  # fmt: skip


NAMES = Axis("class", marks=((0.0, "first"), (1.0, HOSTILE)))
KINDS = {
    "line": figure(Line(x=(1, 2, 3), y=(3.0, math.nan, 1.0), name=HOSTILE, dots=True)),
    "log": figure(Line(x=(1, 2, 3), y=(1e-9, 0.0, 1e3)), y=Axis("loss", log=True)),
    "points": figure(*(Points(x=(1.0,), y=(2.0,), symbol=kind, name=kind) for kind in ("dot", "ring", *SHAPES))),
    "bars": figure(Bars(low=(0, 1), high=(1, 2), values=(3.0, -1.0), spread=((2.0, -2.0), (4.0, 0.0)))),
    "across": figure(Bars(low=(-0.4, 0.6), high=(0.4, 1.4), values=(3.0, 0.0), across=True), y=NAMES, down=True),
    "cells": figure(Cells(shares=((1.0, 0.0), (0.5, math.nan)), texts=(("5", "0"), ("1", HOSTILE)), diagonal=True),
                    x=NAMES, y=NAMES, down=True, square=True),
    "field": figure(Field(x=GRID, y=GRID, z=BOWL, levels=(0.5, 2.0, 8.0), labels=("", HOSTILE, "")), square=True),
    "regions": figure(Regions(x=GRID, y=GRID, scores=(BOWL, 4.0 - BOWL), series=(0, 1)), square=True),
    "rules": figure(Rule(x=1.0, text=HOSTILE), Rule(y=2.0, text="two", series=1), Line(x=(0, 3), y=(0, 3))),
    "notes": figure(*(Note(x=0.0, y=0.0, text=HOSTILE, side=side) for side in ("right", "left", "above", "below"))),
    "arrow": figure(Arrow(x0=0.0, y0=0.0, x1=1.0, y1=-1.0)),
    "nothing": figure(),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_layer_is_valid_svg_and_text(kind):
    svg = figure_svg(KINDS[kind])
    root = ET.fromstring(svg)
    assert root.get("aria-label") == "a title. A summary."
    assert not [part for part in root.iter() if part.tag == f"{SVG}script"]
    assert "nan" not in svg.replace("nan</title>", "").lower().replace("finance", "")
    assert all(len(line) <= 72 for line in figure_text(KINDS[kind]).splitlines())


def test_block_characters_have_a_key():
    regions = Regions(x=GRID, y=GRID, scores=(BOWL, 4.0 - BOWL), series=(0, 1))
    rows = [Points(x=(0.0,), y=(0.0,), name=name, series=series) for series, name in enumerate(("no", "yes"))]
    legend = figure_text(figure(regions, *rows))
    assert "no (blank)" in legend
    assert "yes (░)" in legend
    assert "▓ low" in figure_text(figure(Field(x=GRID, y=GRID, z=BOWL, levels=(1.0, 4.0))))


@pytest.mark.parametrize("side", ["right", "left", "above", "below"])
def test_a_note_is_written_letter_by_letter_in_the_middle_of_a_column_too(side):
    axis = Axis(low=0.0, high=1.0, shown=False)
    for width in range(40, 72):
        made = figure(Note(x=0.5, y=0.5, text="an epoch of one batch", side=side), x=axis, y=axis)
        assert "an epoch of one batch" in figure_text(made, width)


def test_ends_beyond_what_an_axis_can_have_are_moved():
    made = figure(Line(x=(-1.0, 1.0), y=(1.0, 2.0)), x=Axis(low=-1e300, high=1e300))
    assert "nan" not in figure_svg(made)
    assert "×10²⁵⁰" in figure_text(made)


def test_a_value_is_drawn_where_the_axis_has_it():
    made = figure(Points(x=(0.0, 5.0, 10.0), y=(1.0, 10.0, 100.0)), x=Axis(low=0.0, high=10.0),
                  y=Axis(log=True, low=1.0, high=100.0))  # fmt: skip
    frame = Frame(made, titled=True)
    expected = [[frame.left + share * frame.wide, frame.top + (1 - share) * frame.high] for share in (0.0, 0.5, 1.0)]
    np.testing.assert_allclose(frame.points((0.0, 5.0, 10.0), (1.0, 10.0, 100.0)), expected)
    found = re.search(r'd="((?:M[\d.]+ [\d.]+h0)+)"', figure_svg(made))
    assert found is not None
    drawn = [list(map(float, place.split())) for place in re.findall(r"M([\d.]+ [\d.]+)h0", found[1])]
    np.testing.assert_allclose(drawn, expected, atol=0.051)


def test_marks_lie_at_the_values_that_they_name():
    for low, high, log in ((0.0, 1.0, False), (-3e7, 5e9, False), (1e-12, 3e-12, False), (1e-5, 10.0, True)):
        made = scale(Axis(log=log), (low, high))
        assert 2 <= len(made.marks) <= 9
        for value, text in made.marks:
            plain = text.replace("−", "-").replace(",", "")
            mantissa, _, power = plain.rpartition("10") if "⁻" in plain or "×" in plain else (plain, "", "")
            raised = power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
            said = float(mantissa.rstrip("×") or 1.0) * 10.0 ** int(raised) if power else float(plain)
            assert said == pytest.approx(value, rel=1e-6, abs=1e-9 * (high - low))


@pytest.mark.parametrize("across", [False, True])
def test_a_bar_reaches_from_zero_to_its_value(across):
    bars = Bars(low=(0.0, 1.0), high=(1.0, 3.0), values=(4.0, -2.0), across=across, spread=((3.0, -3.0), (5.0, -1.0)))
    made = figure(bars)
    frame, svg = Frame(made, titled=True), figure_svg(made)
    along, length = (frame.down, frame.across) if across else (frame.across, frame.down)
    rects = [
        tuple(map(float, found)) for found in re.findall(r"M([-\d.]+) ([-\d.]+)h([-\d.]+)v([-\d.]+)h[-\d.]+z", svg)
    ]
    for (x, y, wide, high), low, end, value in zip(rects, bars.low, bars.high, bars.values, strict=True):
        ends, sides = ((x, x + wide), (y, y + high)) if across else ((y, y + high), (x, x + wide))
        assert ends == pytest.approx(sorted((float(length(0.0)), float(length(value)))), abs=0.11)
        assert sides == pytest.approx(sorted((float(along(low)), float(along(end)))), abs=0.61)  # a gap of a pixel
    whiskers = re.findall(r"M([-\d.]+) ([-\d.]+)([HV])([-\d.]+)", svg)
    for (x, y, way, end), low, high in zip(whiskers, *bars.spread, strict=True):
        assert way == ("H" if across else "V")
        drawn = float(x if across else y), float(end)
        assert drawn == pytest.approx((float(length(low)), float(length(high))), abs=0.06)


def test_a_field_is_deep_where_it_is_low():
    svg = figure_svg(figure(Field(x=GRID, y=GRID, z=BOWL, levels=(1.0, 4.0)), square=True))
    depths = [int(found) for found in re.findall(r'class="d(\d+)"', svg)]
    assert depths == [0, 6, 11]
    assert len(re.findall(r'class="d11"[^>]*d="([^"]*)"', svg)[0].split("M")) > 2  # the corners, without the middle


def test_a_contour_lies_where_the_surface_has_its_level():
    made = figure(Field(x=GRID, y=GRID, z=BOWL, levels=(1.0,)), square=True)
    frame = Frame(made, titled=True)
    outline = re.findall(r'fill="none" d="M([\d.]+) ([\d.]+)', figure_svg(made))[-1]
    x, y = map(float, outline)
    across = frame.x.value((x - frame.left) / frame.wide)
    up = frame.y.value(1 - (y - frame.top) / frame.high)
    assert across**2 + 3 * up**2 == pytest.approx(1.0, abs=0.05)


def test_regions_belong_to_the_highest_score():
    text = figure_text(
        figure(Regions(x=GRID, y=GRID, scores=(np.tile(GRID, (21, 1)), np.zeros((21, 21))), series=(0, 1)))
    )
    rows = [line.partition("▕")[2] for line in text.splitlines() if "▕" in line]
    assert all(row[0] == "░" and row.rstrip()[-1:] in {"░", ""} for row in rows)


def names(*named: str):
    return figure(*(Line(x=(0.0, 1.0), y=(0.0, float(k)), name=name) for k, name in enumerate(named)))


@pytest.mark.parametrize("named", [("a", "b"), ("a" * 12,) * 9, ("a" * 30, "b", "c" * 22, "d"), (HOSTILE, "a" * 60)])
def test_the_names_of_a_legend_do_not_meet(named):
    frame = Frame(names(*named), titled=True)
    entries = sorted((entry.y, entry.x, text_width(entry.name, SMALL)) for entry in frame.legend)
    for (y, x, wide), (next_y, next_x, _) in pairwise(entries):
        assert next_y - y >= SMALL or next_x - 20.0 > x + 26.0 + wide - 12.0  # a sample of 20 pixels comes first
    assert all(x + 26.0 + wide <= frame.width for _, x, wide in entries)
    assert entries[-1][0] < frame.label_at - SMALL


def test_letters_can_be_read_on_a_phone():
    sizes = [float(size) for made in KINDS.values() for size in re.findall(r'font-size="([\d.]+)"', figure_svg(made))]
    assert min(sizes) * 358 / 440 >= 10  # a screen of 390 pixels has 358 for a chart of 440


def test_lines_that_lie_on_each_other_are_seen_in_the_gaps():
    made = figure(*(Line(x=(0.0, 1.0), y=(1.0, 1.0), dash=dash) for dash in get_args(Dash)))
    drawn = [part for part in re.findall(r"<path [^>]*>", figure_svg(made)) if 'stroke-width="2.2"' in part]
    dashes = [re.findall(r'stroke-dasharray="([^"]+)"', part) for part in drawn]
    assert len({str(found) for found in dashes}) == len(get_args(Dash))
    assert ['linecap="round"' in part for part in drawn] == [True, False, False, False]


def test_a_line_along_the_end_of_an_axis_is_whole():
    made = figure(Line(x=(0.0, 0.0, 1.0), y=(0.0, 1.0, 1.0)), x=Axis(low=0.0, high=1.0), y=Axis(low=0.0, high=1.0))
    frame, (plot,) = Frame(made, titled=True), ET.fromstring(figure_svg(made)).findall(f"{SVG}svg")
    assert float(plot.get("y", 0)) <= frame.top - 2
    assert float(plot.get("x", 0)) + float(plot.get("width", 0)) >= frame.left + frame.wide + 2


def test_a_text_drawing_says_which_character_is_what():
    scores = (BOWL, 4.0 - BOWL, 2.0 - BOWL)
    made = figure(Regions(x=GRID, y=GRID, scores=scores, series=(0, 1, 2)), Line(x=(0, 1), y=(0, 1), name="way"),
                  *(Points(x=(k,), y=(k,), name=f"of {k}", series=k, symbol=symbol)
                    for k, symbol in enumerate(("dot", "square", "square"))),
                  Points(x=(0.5,), y=(-1.0,), name="wrong", series=7, symbol="ring"))  # fmt: skip
    legend = figure_text(made).splitlines()[1:3]
    glyphs = re.findall(r"(\S) (?:way|of \d|wrong)", " ".join(legend))
    assert len(set(glyphs)) == len(glyphs) == 5
    assert "■ of 1 (░)" in legend[0]
    assert "of 0 (blank)" in legend[0]
    assert "○ wrong" in " ".join(legend)


def test_bars_and_cells_say_their_numbers_in_text():
    assert re.search(r"first +█+ 3\n</svg>.*… +0\n", figure_text(KINDS["across"]))
    assert "first 1 5 0" in re.sub(" {2,}", " ", figure_text(KINDS["cells"]))


@pytest.mark.parametrize("ink", [*SERIES, *SHADES, LIGHT["ink"], LIGHT["quiet"]])
def test_ink_can_be_read_on_light_paper(ink):
    assert contrast(ink, LIGHT["paper"]) >= 4.5


@pytest.mark.parametrize("ink", [*DARK_SERIES, *DARK_SHADES, DARK["ink"], DARK["quiet"]])
def test_ink_can_be_read_on_dark_paper(ink):
    assert contrast(ink, DARK["paper"]) >= 4.5


def contrast(one: str, other: str) -> float:
    """Give the contrast of two colours as WCAG 2 defines it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


numbers = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(st.tuples(numbers, numbers), max_size=30), st.booleans(), st.booleans())
@settings(max_examples=100, deadline=None)
def test_any_numbers_are_drawn_within_the_picture(points, log, square):
    x, y = [a for a, _ in points], [b for _, b in points]
    made = figure(Line(x=x, y=y, name="line"), Points(x=x, y=y), x=Axis("x"), y=Axis("y", log=log), square=square)
    svg = figure_svg(made)
    root = ET.fromstring(svg)
    wide, high = float(root.get("width", 0)), float(root.get("height", 0))
    for part in root.iter(f"{SVG}text"):
        assert 0 <= float(part.get("x", 0)) <= wide
        assert 0 <= float(part.get("y", 0)) <= high
    for place in re.findall(r"M(-?[\d.]+) (-?[\d.]+)h0", svg):
        assert 0 <= float(place[0]) <= wide
        assert 0 <= float(place[1]) <= high
    assert all(len(line) <= 60 for line in figure_text(made, 60).splitlines())


def test_a_picture_is_saved_as_its_ending_says(tmp_path):
    picture = Picture([KINDS["line"], KINDS["cells"]], {"loss": [0.5]})
    assert str(picture) == repr(picture) == picture.to_text()
    ET.parse(picture.save(tmp_path / "a.svg"))
    page = picture.save(tmp_path / "a.HTML").read_text(encoding="utf-8")
    assert "<script" not in page
    assert page.count("<svg xmlns") == page.count("<details>") == 2
    assert not re.search(r"<figure>(?:(?!</figure>).)*<details", page, re.DOTALL)  # HTML has a figure without
    assert picture.save(tmp_path / "a.txt").read_text(encoding="utf-8") == picture.to_text() + "\n"
    assert picture.save(tmp_path / "a.json").read_text(encoding="utf-8") == '{"loss":[0.5]}\n'


def test_the_cells_of_a_picture_s_table_are_named():
    table = DataTable(("class", "rows", ""), (("a", "1", "chosen"), ("", "2", "")), 1)
    page = Picture([msgspec.structs.replace(KINDS["line"], table=table)]).to_html()
    assert page.count('<th scope="col"') == 2
    assert page.count('<th scope="row"') == 1
    assert not re.search(r"<th[^>]*></th>", page)


UNSAVED = [
    ("a.png", "expected a name that ends in .svg, .html, .txt or .json. A browser, or Inkscape"),
    ("a", "cannot save a picture as 'a'"),
    ("missing/a.svg", "No such file"),
]


@pytest.mark.parametrize(("name", "words"), UNSAVED)
def test_what_cannot_be_saved_is_refused_in_words(name, words, tmp_path):
    with pytest.raises(BacklitError, match=re.escape(words)):
        Picture([KINDS["line"]]).save(tmp_path / name)


def test_what_is_saved_has_the_same_bytes_on_every_system(tmp_path):
    made = {".txt": lambda: "two\nlines, and a name \udce9 from a file system\n\n"}
    file = saved(tmp_path / "a.txt", made, "a text")
    assert file.read_bytes() == b"two\nlines, and a name \\udce9 from a file system\n"
