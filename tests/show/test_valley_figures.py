"""Pictures of a valley: contours at errors that tell, and a caption that says how far the picture is true."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import msgspec
import numpy as np
import pytest

from backlit.analysis.valley.records import PathPoint, Valley, ValleyPath
from backlit.show.charts.figure import Field, Line, Note, Points
from backlit.show.picture import Picture
from backlit.show.valley.captions import apart, caption
from backlit.show.valley.figures import contour_levels, valley_figures

GRID = tuple(np.linspace(-1.0, 2.0, 13).tolist())
BOWL = tuple(tuple(x * x + 10.0 * y * y + 0.1 for x in GRID) for y in GRID)
POINTS = tuple(
    PathPoint(k, 2 * k, 1.5 - 0.15 * k, 1.0 - 0.1 * k, (1.5 - 0.15 * k) ** 2 + 0.1, (1.5 - 0.15 * k) ** 2 + 0.2)
    for k in range(11)
)
POINTS = (msgspec.structs.replace(POINTS[0], drawn=2.5), *POINTS[1:])
PATH = ValleyPath(points=POINTS, epochs=10, updates=20, ended="all 10 epochs done")
PLANE = Valley(
    kind="plane", x_name="first main direction", y_name="second main direction", x=GRID, y=GRID, error=BOWL,
    what="mse, the mean of 4 rows", base="The plane goes through the last weights, which are at 0, 0.", weights=9,
    paths=(PATH,), share=0.987, shares=(0.9, 0.087),
)  # fmt: skip
HOSTILE = "</svg><script>alert(1)</script>\" & '\n\u202e" + "x" * 10_000


def changed(record, **fields):
    return msgspec.structs.replace(record, **fields)


EXACT = changed(PLANE, kind="weights", x_name="w", y_name="b", weights=2, share=None, shares=None, base="All of it.")
HOLES = tuple(tuple(None if x > 1.0 else e for x, e in zip(GRID, row, strict=True)) for row in BOWL)
CASES = {
    "plane": PLANE,
    "exact": EXACT,
    "two weights of many": changed(EXACT, weights=9),
    "no path": changed(EXACT, paths=(), here=(0.5, 0.5), chosen="These are the steepest."),
    "hostile": changed(EXACT, x_name=HOSTILE, y_name=HOSTILE, weights=9, paths=(changed(PATH, name=HOSTILE), PATH)),
    "holes": changed(PLANE, error=HOLES),
    "nothing finite": changed(PLANE, error=tuple(tuple(None for _ in GRID) for _ in GRID), paths=(
        changed(PATH, points=(changed(POINTS[0], true=None, drawn=None),)),)),
    "level": changed(PLANE, error=tuple(tuple(1.0 for _ in GRID) for _ in GRID)),
    "huge": changed(PLANE, error=tuple(tuple(1e307 * (2.0 + x) for x in GRID) for _ in GRID)),
    "tiny": changed(PLANE, error=tuple(tuple(1e-300 * (2.0 + x) for x in GRID) for _ in GRID)),
    "negative": changed(PLANE, error=tuple(tuple(e - 100.0 for e in row) for row in BOWL)),
    "one point": changed(EXACT, paths=(changed(PATH, points=POINTS[:1], far=10, ended="diverged in epoch 3"),)),
    "several": changed(EXACT, weights=9, paths=(
        changed(PATH, name="batch"), changed(PATH, name="stochastic", each="step"))),
    "best": changed(PLANE, paths=(changed(PATH, kept=3, left_out=7),)),
}  # fmt: skip


@pytest.mark.parametrize("record", CASES.values(), ids=CASES.keys())
def test_each_valley_is_drawn_in_all_forms(record):
    figures = valley_figures(record)
    picture = Picture(figures, record)
    ET.fromstring(picture.to_svg())
    page, text = picture.to_html(), picture.to_text()
    assert "<script" not in page
    assert "\u202e" not in text
    assert msgspec.json.decode(picture.to_json(), type=Valley) == record
    for figure in figures:
        assert all(len(row) == len(figure.table.head) for row in figure.table.rows)
        assert figure.table.rows
    assert (picture.to_svg(), page, text) == (Picture(figures, record).to_svg(), page, text)


@pytest.mark.parametrize("record", CASES.values(), ids=CASES.keys())
def test_contours_rise_between_the_ends(record):
    (field,) = (layer for layer in valley_figures(record)[0].layers if isinstance(layer, Field))
    values = np.array(field.z)
    values = values[np.isfinite(values)]
    assert list(field.levels) == sorted(set(field.levels))
    if values.size and values.min() < values.max():
        assert 0 < len(field.levels) <= 11
        assert values.min() < field.levels[0]
        assert field.levels[-1] <= 1.1 * abs(values.max()) + values.max()


def test_levels_are_spaced_by_factors_where_errors_span_decades():
    values = np.geomspace(1e-4, 1e2, 1000)
    levels = np.array(contour_levels(values - 1e-4, 9))
    factors = levels[1:] / levels[:-1]
    assert factors.max() / factors.min() < 1.2
    even = np.array(contour_levels(np.append(1.0, np.linspace(1.5, 2.0, 1000)), 9))
    np.testing.assert_allclose(np.diff(even, 2), 0.0, atol=0.021)


def test_a_path_has_its_start_its_end_and_epochs_between():
    layers = valley_figures(PLANE)[0].layers
    (line,) = (layer for layer in layers if isinstance(layer, Line))
    ends = {layer.name: (layer.x[0], layer.y[0]) for layer in layers if isinstance(layer, Points) and layer.name}
    assert (line.x[0], line.x[-1], len(line.x)) == (1.5, 0.0, 11)
    assert ends == {"start": (1.5, 1.0), "end": (0.0, 0.0)}
    notes = [(note.text, note.x) for note in layers if isinstance(note, Note)]
    assert notes == [("epoch 5", 0.75)]


def test_true_and_drawn_error_stand_beside_each_other_where_they_can_differ():
    assert [len(valley_figures(CASES[name])) for name in ("plane", "exact", "two weights of many", "no path")] == [
        2, 1, 2, 1,
    ]  # fmt: skip
    beside = valley_figures(PLANE)[1]
    assert [list(layer.y) for layer in beside.layers] == [[p.true for p in POINTS], [p.drawn for p in POINTS]]
    assert beside.table.head == ("epoch", "updates", "true E", "drawn E", "drawn - true")
    assert beside.table.rows[0] == ("0", "0", "2.35", "2.5", "0.15")


@pytest.mark.parametrize(("name", "parts"), {
    "plane": (
        "The stronger the shading, the lower the error E: mse, the mean of 4 rows.",
        "from E = 2.35 at the start to 0.1 after 10 epochs.",
        "98.7 % of the path's variance about its last weights lies in this plane.",
        "differ the most at epoch 0: with all its weights the network's error is 2.35, and the surface shows 2.5",
    ),
    "exact": ("All of it. The path lies on the surface.",),
    "no path": ("These are the steepest.",),
    "holes": ("At 52 of 169 places E is not a finite number; nothing is drawn there.",),
    "one point": ("10 points not drawn; the training ended: diverged in epoch 3.",),
    "several": ("The path 'stochastic' goes from E = 2.35 at the start to 0.1 after 20 updates.",),
    "best": ("Of its 18 points 11 are drawn, evenly spaced.", "was given the weights of the best epoch, 3."),
    "nothing finite": ("from E = no finite number at the start",),
}.items(), ids=str)  # fmt: skip
def test_the_caption_says_what_is_true(name, parts):
    said = caption(CASES[name])
    assert [part for part in parts if part not in said] == []


def test_the_best_epoch_is_marked_where_its_weights_were_kept():
    marks = [layer for layer in valley_figures(CASES["best"])[0].layers if isinstance(layer, Points)]
    best = next(point for point in CASES["best"].paths[0].points if point.epoch == 3)
    assert [(mark.x[0], mark.y[0]) for mark in marks if mark.name == "best epoch 3"] == [(best.x, best.y)]


def test_two_errors_that_differ_are_written_with_the_digits_that_tell_them_apart():
    assert apart(0.7645878, 0.7645677) == ("0.76459", "0.76457")
    assert apart(2.0, 3.0) == ("2", "3")


def test_numbers_that_are_not_there_are_not_drawn():
    (line, drawn) = valley_figures(CASES["nothing finite"])[1].layers
    assert math.isnan(line.y[0])
    assert math.isnan(drawn.y[0])
