"""Training curves as figures: which scale, what is marked, what is said, and names of any kind."""

from __future__ import annotations

import math

import pytest
from visible import visible_text

from backlit.engine import TrainingCurve
from backlit.errors import BacklitError
from backlit.show.charts.figure import Line, Points, Rule
from backlit.show.curves.figures import curve_figures, curve_picture

FALLING = tuple(1.0 / k for k in range(1, 21))


def curve(loss=FALLING, **given) -> TrainingCurve:
    numbers = tuple(range(1, len(loss) + 1))
    return TrainingCurve(**{"epochs": len(loss), "numbers": numbers, "loss": loss, "best": len(loss) or None} | given)


def lines(figure) -> dict[str, Line]:
    return {layer.name: layer for layer in figure.layers if isinstance(layer, Line)}


@pytest.mark.parametrize(
    ("loss", "log"),
    [
        ((1.0, 0.5, 0.2), False),
        ((1.0, 0.1, 0.02), True),
        ((1e12, 1.0, 1e-12), True),
        ((0.5, 0.5, 0.5), False),
        ((1000.0, 1.0, -1.0), False),
        ((100.0, 1.0, 0.0), False),
        ((100.0, *[1.0] * 30, 0.0), True),
        ((0.0, 0.0, 0.0), False),
        ((100.0, 1.0, None), True),
        ((None, None), False),
        ((), False),
    ],
)
def test_a_scale_is_logarithmic_where_numbers_span_decades(loss, log):
    (figure,) = curve_figures(curve(loss))
    assert figure.y.log == log
    assert figure.y.label == ("loss, on a logarithmic scale" if log else "loss")


def test_numbers_that_a_logarithmic_scale_lacks_are_counted():
    (figure,) = curve_figures(curve((1.0, 0.0, -3.0, 0.5)), log=True)
    assert "2 numbers of 0 or below not drawn." in figure.summary


def test_training_and_validation_are_two_lines_that_the_best_epoch_crosses():
    (figure,) = curve_figures(curve(validation_loss=tuple(0.1 + 1.0 / k for k in range(20, 0, -1)), best=1))
    assert {name: (line.series, line.dash) for name, line in lines(figure).items()} == {
        "training": (0, "solid"),
        "validation": (1, "dashed"),
    }
    assert [layer for layer in figure.layers if isinstance(layer, Rule)] == [Rule(x=1, text="best epoch 1")]
    assert figure.summary == (
        "Training loss goes from 1 in epoch 1 (the best one) to 0.05 in epoch 20. "
        "Validation loss goes from 0.15 in epoch 1 (the best one) to 1.1 in epoch 20."
    )


def test_the_charts_of_metrics_say_by_what_an_epoch_is_the_best():
    metrics = {"accuracy": FALLING}
    assert curve_figures(curve(metrics=metrics))[1].summary.endswith("The best epoch is that of the lowest loss.")
    validated = curve(metrics=metrics, validation_loss=FALLING)
    assert curve_figures(validated)[1].summary.endswith("The best epoch is that of the lowest validation loss.")


def test_another_scale_is_refused():
    with pytest.raises(BacklitError, match="log is 'yes'; expected True, False, or None"):
        curve_figures(curve(), log="yes")


def test_each_metric_has_a_chart_with_its_validation_rows():
    metrics = dict.fromkeys(("accuracy", "my_own", "validation_accuracy", "validation_my_own", "validation_alone"),
                            FALLING)  # fmt: skip
    figures = curve_figures(curve(metrics=metrics))
    assert [figure.title.removesuffix(" over the epochs") for figure in figures] == [
        "Loss", "Accuracy", "My own", "Validation alone",
    ]  # fmt: skip
    assert [*lines(figures[1])] == ["training", "validation"]
    assert [*lines(figures[3])] == [""]
    assert len(curve_figures(curve(metrics=metrics), metrics=False)) == 1


def test_gradient_norms_are_drawn_on_request():
    norms = curve(gradient_norms={"1": FALLING, "3": FALLING})
    assert len(curve_figures(norms)) == 1
    assert [*lines(curve_figures(norms, gradient_norms=True)[1])] == ["layer 1", "layer 3"]


def test_several_runs_lie_over_each_other():
    runs = {"SGD": curve(validation_loss=FALLING), "Adam": curve(FALLING[:10]), "none": curve(())}
    (figure,) = curve_figures(runs, loss="E")
    assert [*lines(figure)] == ["SGD, training", "SGD, validation", "Adam"]
    assert [line.series for line in lines(figure).values()] == [0, 0, 1]
    rings = [layer for layer in figure.layers if isinstance(layer, Points)]
    assert [(ring.x, ring.y) for ring in rings] == [((20,), (0.05,)), ((10,), (0.1,))]
    assert figure.table.head == ("run", "epoch", "training", "validation", "")
    assert {row[0] for row in figure.table.rows} == {"SGD", "Adam"}
    assert figure.title == "E over the epochs"


def test_a_table_has_the_first_the_best_and_the_last_epoch():
    many = tuple(float(k) for k in range(1, 1001))
    (figure,) = curve_figures(curve(many, best=333))
    epochs = [row[0] for row in figure.table.rows]
    assert len(epochs) < 20
    assert (epochs[0], epochs[-1]) == ("1", "1,000")
    assert [row for row in figure.table.rows if row[-1]] == [("333", "333", "best")]


def test_epochs_that_are_not_finite_are_marked_and_counted():
    assert not any(layer.dots for layer in lines(curve_figures(curve((*FALLING, None)))[0]).values())
    assert lines(curve_figures(curve((*FALLING, None, 1.0, None)))[0])[""].dots  # else a single point is not seen
    (figure,) = curve_figures(curve((2.0, None, 1.0, None), best=3))
    (line,) = lines(figure).values()
    assert [math.isnan(y) for y in line.y] == [False, True, False, True]
    assert line.dots
    (crosses,) = (layer for layer in figure.layers if isinstance(layer, Points))
    assert (list(crosses.x), crosses.name) == ([2, 4], "not finite")
    assert "2 not finite" in figure.summary
    assert [row[1] for row in figure.table.rows] == ["2", "not finite", "1", "not finite"]


def test_what_is_left_out_and_what_it_is_of_are_said():
    thinned = TrainingCurve(epochs=500, numbers=(1, 500), loss=(2.0, 1.0), best=500, what="the mean over five folds")
    (figure,) = curve_figures(thinned)
    left_out = "2 of 500 epochs are drawn, the highest and the lowest numbers among them."
    said = f"Each number is the mean over five folds. {left_out}"
    assert said in figure.summary


@pytest.mark.parametrize("loss", [(), (0.5,), (0.5, 0.5), (None,), (1e300, -1e300), (5e-324, 1.0), (1e308,) * 3])
def test_any_losses_are_drawn(loss):
    picture = curve_picture({"": curve(loss, metrics={"r2": loss})}, metrics=True)
    assert picture.to_svg().count("<svg") >= 2
    assert "nan" not in picture.to_html().lower()
    assert str(picture)


HOSTILE = ["<script>alert(1)</script>" * 500, "", "a\nb\u202ec", "\x00", '"><b>', "x" * 10_000]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_any_kind_are_text_in_a_line(name):
    picture = curve_picture({name: curve(metrics={name: FALLING}), "other": curve(metrics={name: FALLING})})
    html = picture.to_html()
    assert "<script>" not in html
    assert "<b>" not in html
    assert len(html) < 40_000
    for figure in picture.figures:
        for text in (
            figure.title,
            figure.summary,
            *lines(figure),
            *(cell for row in figure.table.rows for cell in row),
        ):
            assert text.isprintable()
    assert all(len(line) <= 72 or line.endswith(".") for line in str(picture).splitlines())
    assert "over the epochs" in visible_text(html)


def test_names_that_look_the_same_stay_two_runs():
    runs = {"x" * 50 + "y" + "z" * 50: curve(), "x" * 50 + "w" + "z" * 50: curve()}
    assert len(lines(curve_figures(runs)[0])) == 2
    assert len(lines(curve_figures({"a": curve(), "a (3)": curve(), "a\n": curve(), " a": curve()})[0])) == 4


def test_runs_and_layers_are_told_apart_by_more_than_their_colours():
    (figure,) = curve_figures({name: curve() for name in "abc"})
    assert [line.dash for line in lines(figure).values()] == ["solid", "dashed", "dotted"]
    assert len({layer.symbol for layer in figure.layers if isinstance(layer, Points)}) == 3
    norms = curve_figures(curve(gradient_norms={"1": FALLING, "3": FALLING}), gradient_norms=True)[1]
    assert [line.dash for line in lines(norms).values()] == ["solid", "dashed"]


def test_the_same_curve_gives_the_same_bytes():
    one, other = (curve_picture({"": curve(metrics={"accuracy": FALLING})}).to_html() for _ in range(2))
    assert one == other
