"""The signals of a training as pictures and as a table: what is drawn, how it is named, what is said."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import pytest
from visible import visible_text

from backlit.engine import SIGNALS, TrainingSignals
from backlit.errors import BacklitError
from backlit.show.charts.figure import Line, Points
from backlit.show.charts.line_ends import spread
from backlit.show.charts.svg import figure_svg
from backlit.show.charts.text import figure_text
from backlit.show.signals.figures import layer_figure, signal_figures

EPOCHS = (1, 2, 10, 30)


def signals(layers=3, epochs=30, numbers=EPOCHS, noise=0.5, **given) -> TrainingSignals:
    """Signals of layers; each is a function of layer (from 0) and place, or 0.1."""
    per_layer = {
        str(k + 1): {
            name: tuple(given[name](k, place) if name in given else 0.1 for place in range(len(numbers)))
            for name in SIGNALS
        }
        for k in range(layers)
    }  # fmt: skip
    return TrainingSignals(epochs=epochs, numbers=numbers, gradient_noise=(noise,) * len(numbers), layers=per_layer)


def vanishing(layers=10) -> TrainingSignals:
    return signals(layers, gradient_norm=lambda k, place: 0.1 ** (layers - 1 - k) / (place + 1))


def lines(figure) -> list[Line]:
    return [layer for layer in figure.layers if isinstance(layer, Line)]


def test_each_layer_is_a_line_over_the_measured_epochs():
    (figure,) = signal_figures(vanishing())
    assert [line.name for line in lines(figure)] == [f"layer {k}" for k in range(1, 11)]
    assert {tuple(line.x) for line in lines(figure)} == {EPOCHS}
    assert lines(figure)[0].y == pytest.approx([1e-9 / k for k in (1, 2, 3, 4)])
    assert figure.y.log


def test_the_colours_of_layers_run_in_their_order_also_where_few_are_drawn():
    colours = [line.series for line in lines(signal_figures(vanishing())[0])]
    assert colours == sorted(set(colours))
    (figure,) = signal_figures(vanishing(), layers=[10, 2])
    assert [(line.name, line.series) for line in lines(figure)] == [("layer 2", colours[1]), ("layer 10", colours[9])]


@pytest.mark.parametrize("layers", [1, 2, 10, 16, 17, 40])
def test_the_first_and_the_last_layer_are_named_beside_their_lines_and_no_name_lies_on_another(layers):
    svg = figure_svg(signal_figures(vanishing(layers))[0])
    names = re.findall(r'x="([\d.]+)" y="([\d.]+)"[^>]*>(layer \d+)<', svg)
    said = [name for _, _, name in names]
    assert said == [*dict.fromkeys(said)]
    assert {"layer 1", f"layer {layers}"} <= set(said)
    assert len(said) == layers if layers <= 16 else len(said) <= 17
    heights = sorted(float(y) for _, y, _ in names)
    assert all(after - before >= 11.9 for before, after in pairwise(heights))
    wide = float(re.search(r'viewBox="0 0 ([\d.]+)', svg)[1])
    assert all(float(x) + 8.0 * len(name) <= wide for x, _, name in names)


def test_names_that_would_meet_are_moved_apart_within_the_ends():
    same = spread([50.0] * 10, 0.0, 200.0, 13.0)
    assert same == sorted(same)
    assert sum(same) / 10 == pytest.approx(58.5)  # half of nine gaps: the upper end is in the way
    assert same[0] == 0.0
    assert spread([0.0, 199.0, 200.0], 0.0, 200.0, 13.0) == [0.0, 187.0, 200.0]
    assert spread([], 0.0, 1.0, 1.0) == []


def test_in_block_characters_each_layer_is_marked_by_its_number():
    text = figure_text(signal_figures(vanishing())[0])
    assert "1 layer 1   2 layer 2" in text
    assert "a layer 10" in text
    plot = [row for line in text.splitlines() if "▕" in line and (row := line.split("▕")[1].strip())]
    assert [set(row) - {" "} for row in (plot[0], plot[-1])] == [{"a"}, {"1"}]


@pytest.mark.parametrize(
    ("name", "value", "log", "ends"),
    [
        ("gradient_norm", lambda k, place: 10.0 ** -(3 * k), True, (None, None)),
        ("gradient_norm", lambda k, place: 0.0 if k < 2 else 10.0**-place, True, (None, None)),
        ("gradient_norm", lambda k, place: 1.0 + k, False, (None, None)),
        ("update_ratio", lambda k, place: 10.0 ** -(3 * k), True, (None, None)),
        ("output_mean", lambda k, place: -(10.0**k), False, (None, None)),
        ("dead", lambda k, place: 10.0 ** -(3 * k), False, (0.0, 1.0)),
        ("saturated", lambda k, place: 0.01 * k, False, (0.0, None)),
        ("saturated", lambda k, place: 0.0, False, (0.0, 1.0)),
    ],
)
def test_a_scale_is_logarithmic_where_numbers_span_decades(name, value, log, ends):
    made = signals(**{name: value})
    for figure in (signal_figures(made, name)[0], layer_figure(made, name)):
        assert (figure.y.log, figure.y.low, figure.y.high) == (log, *ends)


def test_what_is_said_has_the_first_and_the_last_measured_epoch():
    (figure,) = signal_figures(vanishing())
    assert "In epoch 1, 1.00e−9 in layer 1 and 1.00 in layer 10: the last is 1.00e9 times the first." in figure.summary
    assert "In epoch 30, 2.50e−10 in layer 1 and 0.250 in layer 10" in figure.summary
    assert figure.summary.endswith("4 of 30 epochs are drawn.")
    (whole,) = signal_figures(signals(epochs=4, numbers=(1, 2, 3, 4)))
    assert "are drawn" not in whole.summary


def test_a_layer_in_between_is_named_where_it_is_lowest_or_highest():
    (figure,) = signal_figures(signals(output_spread=lambda k, place: (0.5, 0.001, 0.4)[k]), "output_spread")
    assert "; lowest in layer 2, 0.00100" in figure.summary
    assert "highest" not in figure.summary


def test_zeros_on_a_logarithmic_scale_are_counted():
    dead = signals(gradient_norm=lambda k, place: 0.0 if k == 1 else 10.0 ** -(k + place))
    assert "Of layer 2 4 numbers of 0 are not drawn." in signal_figures(dead)[0].summary
    assert "In epoch 30 it is 0, which is not drawn, in layer 2." in layer_figure(dead).summary


def test_numbers_that_are_not_finite_are_marked_and_a_signal_that_no_layer_has_says_so():
    broken = signals(gradient_norm=lambda k, place: None if place == 3 else 1.0)
    (figure,) = signal_figures(broken)
    crosses = [layer for layer in figure.layers if isinstance(layer, Points)]
    assert [(cross.x, cross.y, cross.name) for cross in crosses] == [
        ([30], [1.0], "not finite"), ([30], [1.0], ""), ([30], [1.0], ""),
    ]  # fmt: skip
    linear = signals(dead=lambda k, place: None)
    assert "every row of the batch. It is not defined for these layers." in signal_figures(linear, "dead")[0].summary
    last = signals(dead=lambda k, place: None if k == 2 else 0.5)
    assert "It is not defined in layer 3." in signal_figures(last, "dead")[0].summary
    assert not [layer for layer in signal_figures(last, "dead")[0].layers if isinstance(layer, Points)]


@pytest.mark.parametrize(
    "made",
    [
        signals(0),
        signals(3, epochs=0, numbers=()),
        signals(1, epochs=1, numbers=(1,)),
        signals(2, gradient_norm=lambda k, place: None),
        signals(2, gradient_norm=lambda k, place: 1e300),
        signals(2, gradient_norm=lambda k, place: 0.0),
        signals(2, noise=None),
    ],
)
def test_every_record_is_drawn_in_every_form(made):
    picture = made.plot(signals="all")
    assert len(picture.figures) == 10
    for text in (picture.to_text(), picture.to_html(), picture.to_svg(), str(made), made._repr_html_()):
        assert "nan" not in text.lower().replace("nan_", "")
    assert figure_text(layer_figure(made))
    assert figure_svg(layer_figure(made))


def test_the_noise_of_the_gradient_is_one_line_of_the_run():
    (figure,) = signal_figures(vanishing(), "gradient_noise")
    assert [line.name for line in lines(figure)] == [""]
    assert "In epoch 30: 0.500." in figure.summary
    assert figure.table.head == ("epoch", "gradient noise")


def test_the_chart_over_the_layers_has_the_first_and_the_last_measured_epoch():
    figure = layer_figure(vanishing())
    assert [(line.name, line.x[0], line.x[-1]) for line in lines(figure)] == [("epoch 1", 1, 10), ("epoch 30", 1, 10)]
    assert lines(figure)[0].y == pytest.approx([10.0**-k for k in range(9, -1, -1)])
    assert lines(figure)[1].y == pytest.approx([10.0**-k / 4 for k in range(9, -1, -1)])
    assert figure.table.rows[0] == ("1", "1.00e−9", "2.50e−10")
    assert [text for _, text in figure.x.marks] == [str(k) for k in range(1, 11)]


def test_signals_are_drawn_by_layer_on_request():
    picture = vanishing().plot(signals=("gradient_norm", "dead"), layers=(1, 3, 10), by_layer=True)
    assert [figure.title for figure in picture.figures] == ["Gradient norm of each layer", "Dead units of each layer"]
    assert [text for _, text in picture.figures[0].x.marks] == ["1", "3", "10"]
    assert lines(picture.figures[0])[0].y == pytest.approx([1e-9, 1e-7, 1.0])
    assert picture.record == vanishing()
    assert len(vanishing().plot(signals="all", by_layer=True).figures) == 9
    with pytest.raises(BacklitError, match="signal is 'gradient_noise'"):
        vanishing().plot(signals="gradient_noise", by_layer=True)


def test_layers_may_have_names():
    named = layer_figure(vanishing(3), names=("first", "second", "output"))
    assert [text for _, text in named.x.marks] == ["first", "second", "output"]
    assert "0.0100 in first and 1.00 in output" in named.summary
    assert [text for _, text in layer_figure(vanishing(3), names={"3": "output"}).x.marks] == ["1", "2", "output"]
    with pytest.raises(BacklitError, match="2 names of layers were given; there are 3 layers"):
        layer_figure(vanishing(3), names=("first", "output"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"signals": "grad_norm"}, "signals has 'grad_norm'; expected 'gradient_norm', "),
        ({"signals": ()}, "signals names none"),
        ({"layers": [11]}, r"layers has '11'; the layers with weights are '1', '2', '3'\."),
        ({"layers": ()}, "layers names none"),
    ],
)
def test_what_there_is_not_is_refused(given, message):
    with pytest.raises(BacklitError, match=message):
        signals().plot(**given)
    with pytest.raises(BacklitError, match="signal is 'gradient_noise'; expected 'gradient_norm'"):
        layer_figure(signals(), "gradient_noise")


def test_a_picture_is_saved_by_its_path(tmp_path):
    picture = vanishing().plot(tmp_path / "signals.svg", signals=["gradient_norm", "dead"], layers=(1, 10))
    assert [figure.title for figure in picture.figures] == [
        "Gradient norm over the epochs",
        "Dead units over the epochs",
    ]
    assert (tmp_path / "signals.svg").read_text(encoding="utf-8") == picture.to_svg() + "\n"
    assert picture.record == vanishing()


def test_the_table_has_the_last_measured_epoch_of_each_layer():
    made = signals(2, gradient_norm=lambda k, place: 1e-9 * (k + 1) * (place + 1), dead=lambda k, place: 0.125 * k,
                   saturated=lambda k, place: None)  # fmt: skip
    title, head, first, second, *notes = str(made).splitlines()
    assert title == "signals of 30 epochs, at the end of epoch 30"
    assert re.split(r"\s{2,}", head.strip()) == [
        "layer", "|gradient|", "mean |g|", "zeros", "|weights|", "update/weights", "output mean", "spread", "flat",
        "dead",
    ]  # fmt: skip
    assert re.split(r"\s{2,}", first.strip())[:4] == ["1", "4.00e−9", "0.100", "10 %"]
    assert re.split(r"\s{2,}", second.strip())[-2:] == ["-", "12.5 %"]
    assert notes[0] == "gradient noise between the last two batches: 0.500"


def test_a_notebook_shows_the_table_and_the_gradient_norms():
    seen = visible_text(vanishing()._repr_html_())
    assert "signals of 30 epochs, at the end of epoch 30" in seen
    assert "Gradient norm over the epochs" in seen
    assert math.isclose(float(re.search(r"the last is ([\d.e]+) times", seen)[1]), 1e9)
