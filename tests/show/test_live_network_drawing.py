"""The network as the live page draws it: widths by size, colours by sign, what is left out is said, few bytes."""

import re
from html import unescape

import msgspec
import numpy as np
import pytest

import backlit as bl
from backlit.analysis.live.network import chosen_rows, live_network
from backlit.analysis.live.outline import plan_of
from backlit.analysis.live.records import Histogram, LiveUnit, UnitWeight
from backlit.analysis.live.unit import live_unit
from backlit.engine import Network
from backlit.explain.quantity_names import Names
from backlit.show.live.network import LEVELS, layout_of, network_html, network_numbers, nice_above
from backlit.show.live.network_layout import PILL, geometry
from backlit.show.live.network_panel import network_panel_html
from backlit.show.live.unit import flat_words, unit_html, unit_line

rng = np.random.default_rng(0)


def network(*sizes, **more):
    layers = [*(bl.Dense(size, "tanh", **more) for size in sizes[1:-1]), bl.Dense(sizes[-1], "softmax")]
    return Network(layers, sizes[0], "cross_entropy", seed=0)


def live(made, rows=None):
    return live_network(made, plan_of(made, Names(made)), rows)


def paths(html):
    """Give class, ends and other attributes of each edge."""
    inside = "".join(re.findall(r'<g class="edges".*?</g>', html))
    found = re.findall(r'<path class="(.)" d="M(\d+) (\d+)L(\d+) (\d+)"([^/]*)/>', inside)
    return [(code, tuple(map(int, ends)), rest) for code, *ends, rest in found]


def test_the_letter_of_an_edge_says_sign_and_size():
    made = network(2, 3, 2)
    made.parameters[:] = np.linspace(-1.0, 1.0, made.parameters.size)
    shown = live(made)
    numbers = network_numbers(shown, slopes=False)
    for weight, code, text in zip(shown.weights, numbers.codes, numbers.values, strict=True):
        level = 0 if code == "z" else ord(code.upper()) - ord("A") + 1
        assert level == np.ceil(abs(weight) * LEVELS - 1e-9)
        assert code.isupper() == (weight > 0.0)
        assert text.replace("−", "-") == f"{weight:.4g}"
    assert numbers.texts["full"] == "1"
    assert "= −1." in numbers.texts["note"]


@pytest.mark.parametrize("largest", [5e-324, 1e-300, 0.3, 0.9999, 1.0, 12.0, 1.7e308])
def test_the_scale_is_a_round_number_that_no_weight_is_above(largest):
    nice = nice_above(largest)
    assert nice >= largest
    assert nice == np.inf or nice <= 2.0 * largest or largest < 1e-300
    made = network(2, 3, 2)
    made.parameters[:] = 0.0
    made["1.W"][0, 0] = -largest
    codes = network_numbers(live(made), slopes=False).codes
    assert codes[0].islower()
    assert set(codes[1:]) == {"z"}


def test_numbers_that_are_not_finite_are_dotted_and_counted():
    made = network(2, 3, 2)
    made["1.W"][0, :2] = [np.nan, np.inf]
    numbers = network_numbers(live(made), slopes=False)
    assert numbers.codes.count("y") == 2
    assert numbers.texts["note"] == "2 weights are not a finite number: dotted."
    slopes = live(made, chosen_rows(np.ones((3, 2)), np.zeros(3)))
    assert network_numbers(slopes, slopes=True).texts["note"].startswith("No slopes: ")


def test_slopes_have_their_own_scale_and_weights_that_stay_are_fixed():
    made = network(2, 3, 2, freeze=("b",))
    shown = live(made, chosen_rows(rng.normal(size=(20, 2)), rng.integers(0, 2, 20)))
    numbers = network_numbers(shown, slopes=True)
    fixed = [edge.name for edge, code in zip(shown.outline.edges, numbers.codes, strict=True) if code == "x"]
    assert fixed == ["b(h1)", "b(h2)", "b(h3)"]
    assert [value for value in numbers.values if value == "fixed"] == ["fixed"] * 3
    assert numbers.texts["note"].startswith("Largest drawn: ∂E/∂")
    html = network_html(shown, slopes=True)
    assert "E is that of all 20 training rows, dropout off. Grey: not trained." in html
    assert '<th scope="row">∂E/∂w(i1,h1)' in html
    assert layout_of(shown.outline, slopes=True) != layout_of(shown.outline, slopes=False)


def test_edges_go_from_their_source_to_their_unit_and_nothing_meets():
    shown = live(network(4, 8, 3))
    placed = geometry(shown.outline)
    for edge, (_, (x1, y1, x2, y2), rest) in zip(
        shown.outline.edges, paths(network_html(shown, slopes=False)), strict=True
    ):
        before, after = placed.columns[edge.column - 1], placed.columns[edge.column]
        assert (x2, y2) == (after.x - after.half, after.units[edge.unit].y)
        assert y1 == (before.one if edge.source < 0 else before.units[edge.source].y)
        assert before.x < x1 < x2
        assert ("data-b" in rest) == (edge.source < 0)
    for before, after in zip(placed.columns, placed.columns[1:], strict=False):
        assert before.x + before.half < after.x - after.half
    for column in placed.columns:
        heights = [unit.y for unit in column.units]
        assert min(np.diff(heights), default=PILL) >= PILL
        assert max(heights) + PILL / 2 <= placed.height


def test_texts_are_escaped_and_own_names_written():
    made = network(2, 2, 2)
    names = Names(made, ["<i>", 'a"b'], ["x&y", "z"], None, {"w(<i>,h1)": "<w1>"})
    html = network_html(live_network(made, plan_of(made, names)), slopes=False)
    assert "<i>" not in html
    assert 'data-unit="a&quot;b"' in html
    assert 'data-weight="&lt;w1&gt;"' in html
    assert html.count("data-weight=") == 1
    made_unit = live_unit(made, plan_of(made, names), "h1", chosen_rows(np.ones((3, 2)), np.zeros(3)))
    assert "<w1>" not in unit_html(made_unit)


def test_no_style_and_no_script_stands_in_the_parts():
    made = network(4, 40, 3)
    rows = chosen_rows(rng.normal(size=(30, 4)), rng.integers(0, 3, 30))
    shown = live(made, rows)
    unit = live_unit(made, plan_of(made, Names(made)), "h1", rows, ("a", "b", "c"))
    drawing = network_panel_html(network_html(shown, slopes=False), shown.outline, slopes=False)
    for html in (drawing, unit_html(unit)):
        assert not re.search(r"\sstyle=|<script|<style|\son\w+=|https?://(?!www\.w3\.org)", html)


def test_what_is_left_out_is_said():
    html = network_html(live(network(64, 32, 10)), slopes=False)
    assert "+ 56 more" in html
    assert "+ 24 more" in html
    assert "Of a large layer the units with the strongest weights are drawn." in html
    assert "The first 64 of 162 that are drawn" in html
    assert html.count("data-edge=") == 64
    whole = network_html(live(network(4, 8, 3)), slopes=False)
    assert " more" not in whole
    assert "Of a large layer" not in whole


def test_a_network_of_blocks_alone_is_drawn_without_weights():
    made = Network([bl.Recurrent(3, returns="sequence"), bl.Dense(2)], inputs=(4, 2))
    shown = live(made)
    html = network_html(shown, slopes=False)
    assert html.count('class="block"') == 3
    assert "No weights are drawn" in html
    assert "recurrent, 3 units" in unescape(html)
    assert network_numbers(shown, slopes=False).codes == ""


SIZES = {"4-8-3": ((4, 8, 3), 15_000), "64-32-10": ((64, 32, 10), 40_000), "deep": ((4, *[10] * 10, 3), 40_000),
         "very deep": ((4, *[10] * 40, 3), 40_000), "widest": ((12, 12, 12, 12, 12), 40_000)}  # fmt: skip


@pytest.mark.parametrize("name", SIZES)
def test_a_drawing_is_small_and_what_changes_smaller(name):
    sizes, most = SIZES[name]
    shown = live(network(*sizes))
    html = network_html(shown, slopes=False)
    assert len(paths(html)) == len(shown.outline.edges)
    assert len(html.encode()) <= most
    assert len(msgspec.json.encode(network_numbers(shown, slopes=False).plain())) <= most / 5


# ----------------------------------------------------------------------------------------------------------------- unit


def unit(**given):
    usual = {
        "name": "h1", "place": "layer 1", "activation": "relu", "weights": (UnitWeight("w(i1,h1)", "i1", -2.0),),
        "weight_count": 1, "bias": UnitWeight("b(h1)", "1", 1.0), "histogram": Histogram((0.0, 0.5, 1.0), (7, 3)),
        "rows": 10, "all_rows": 10, "mean": 0.25, "spread": 0.1,
    }  # fmt: skip
    return LiveUnit(**(usual | given))


def test_a_unit_says_its_numbers():
    html = unit_html(unit())
    assert "layer 1, relu. Output over 10 training rows: mean 0.25, standard deviation 0.1." in html
    assert re.search(r'data-weight="w\(i1,h1\)">w\(i1,h1\)</button><td class="n">−2<', html)
    assert 'class="minus" width="60"' in html
    assert 'class="plus" width="30"' in html
    assert '<th scope="row">0 to 0.5<td class="n">7' in html
    assert "smaller weight" not in html
    more = unit_html(unit(weight_count=64, rows=2_000, all_rows=60_000))
    assert "and 63 smaller weights." in more
    assert "2,000 of the 60,000 training rows, evenly chosen" in more


def test_words_say_how_much_is_flat():
    assert flat_words(unit(flat=0.0)).startswith("Off for no row")
    assert flat_words(unit(flat=0.4)) == "Off for 40 % of the rows: relu is flat there."
    assert flat_words(unit(flat=1.0, dead=True)).startswith("Dead: relu is flat for all 10 rows")
    tanh = {"activation": "tanh", "both_ends": True}
    assert unit_line(unit(flat=1.0, dead=True)) == "h1: mean 0.25, bias 1, dead"
    assert unit_line(unit(flat=0.125, bias=None, **tanh)) == "h1: mean 0.25, saturated for 12.5 %"
    assert flat_words(unit(flat=0.125, **tanh)).startswith("Saturated for 12.5 % of the rows: tanh is flat there")
    assert "unit-flat" not in unit_html(unit())
    assert "data-poor" in unit_html(unit(flat=0.5, **tanh))
    assert "data-poor" not in unit_html(unit(flat=0.4))
