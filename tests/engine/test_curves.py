"""The curve of a training: which epochs it keeps, and what it says of each; plot() of what has one."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import backlit as bl
from backlit.engine import History, TrainingCurve, curve_of


def history(length: int, *, validated: bool = True, layers=("1", "3"), metrics=("accuracy",), seed: int = 0) -> History:
    width = 6 + len(layers) + len(metrics)
    return History(validated, layers, np.random.default_rng(seed).random((length, width)), metrics)


def training(**given) -> bl.Training:
    network = bl.Network([bl.Dense(3, "tanh"), bl.Dense(1, "sigmoid")], 2, "binary_cross_entropy", seed=1)
    rows = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
    return bl.Training(network, *rows, **{"epochs": 12, "compiled": False, "optimizer": bl.Adam(0.05)} | given)


def series(curve: TrainingCurve) -> dict[str, tuple[float | None, ...]]:
    found = {"loss": curve.loss, "rate": curve.rates, **curve.metrics}
    found |= {f"gradient_norm_{label}": values for label, values in curve.gradient_norms.items()}
    return found if curve.validation_loss is None else found | {"validation_loss": curve.validation_loss}


@pytest.mark.parametrize("length", [0, 1, 2, 400, 401, 5000])
@pytest.mark.parametrize("validated", [False, True])
def test_a_curve_has_the_numbers_of_its_history(length, validated):
    made = history(length, validated=validated)
    curve = made.curve()
    places = np.array(curve.numbers, int) - 1
    assert curve.epochs == length
    assert len(places) == length if length <= 400 else 200 <= len(places) <= 400
    assert (np.diff(places) > 0).all()
    assert {*series(curve)} == {*made.columns()} - {"number", "seconds", "best", "penalty"}
    for name, values in series(curve).items():
        assert list(values) == made[name][places].tolist()
    if length:
        assert (places[0], places[-1], curve.best) == (0, length - 1, made.lowest().number)
        assert curve.best in curve.numbers
        assert np.diff(places, prepend=-1).max() <= max(1, length // 50)


@pytest.mark.parametrize("name", ["loss", "validation_loss", "accuracy", "gradient_norm_3"])
@pytest.mark.parametrize("found", [9.0, -9.0, np.nan, np.inf, -np.inf])
def test_a_peak_of_one_epoch_stays(name, found):
    columns = history(3000).columns()
    columns[name][1234] = found
    curve = curve_of(History.from_columns(columns), 60)
    assert len(curve.numbers) <= 60
    expected = found if np.isfinite(found) else None
    assert series(curve)[name][curve.numbers.index(1235)] == expected


def test_peaks_of_the_losses_stay_in_every_stretch():
    columns = history(10_000, layers=(), metrics=()).columns()
    peaks = [700, 2700, 4700, 6700, 8700]
    columns["loss"][peaks], columns["validation_loss"][peaks] = 5.0, -5.0
    assert {peak + 1 for peak in peaks} <= {*History.from_columns(columns).curve(100).numbers}


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(8, 80), st.integers(0, 5), st.data())
def test_no_curve_is_longer_than_asked_but_for_its_extremes(length, most, layers, data):
    made = history(length, layers=tuple(map(str, range(layers))))
    holes = data.draw(st.lists(st.integers(0, length - 1), max_size=5))
    made.rows[holes, data.draw(st.integers(0, 6))] = np.nan
    curve = curve_of(made, most)
    columns = 3 + layers
    assert len(curve.numbers) <= max(most, 3 + 3 * columns)
    for name, values in series(curve).items():
        finite = made[name][np.isfinite(made[name])]
        if name != "rate" and finite.size:
            known = [value for value in values if value is not None]
            assert (min(known), max(known)) == (finite.min(), finite.max())
    assert msgspec.json.decode(msgspec.json.encode(curve), type=TrainingCurve) == curve


def test_the_best_epoch_is_that_of_the_monitored_loss():
    columns = {"loss": np.array([1.0, 0.5, 0.2]), "validation_loss": np.array([np.nan, 0.7, 0.9])}
    assert History.from_columns(columns).curve().best == 2
    assert History.from_columns({"loss": columns["loss"]}).curve().best == 3
    nothing = History.from_columns({"loss": np.full(3, np.nan)}).curve()
    assert (nothing.best, nothing.loss) == (None, (None, None, None))


def test_a_curve_of_less_than_eight_epochs_is_refused():
    with pytest.raises(bl.BacklitError, match="most is 7; a curve keeps at least 8 epochs"):
        history(3).curve(7)


# ---------------------------------------------------------------------------------------------------------------- plot


def test_a_training_its_history_and_its_curve_draw_the_same():
    made = training(metrics="accuracy", gradient_norms=True).run()
    pictures = [one.plot(gradient_norms=True) for one in (made, made.history, made.curve())]
    assert len({picture.to_svg() for picture in pictures}) == 1
    assert [figure.title for figure in pictures[0].figures] == [
        "Loss over the epochs", "Accuracy over the epochs", "Gradient norm of each layer over the epochs",
    ]  # fmt: skip
    assert len(made.plot(metrics=False).figures) == 1
    assert pictures[0].record == made.history.curve()


@pytest.mark.parametrize("ending", [".svg", ".html", ".txt", ".json"])
def test_plot_writes_a_file_by_its_ending(tmp_path, ending):
    path = tmp_path / f"curve{ending}"
    picture = training().run().plot(path)
    made = {".svg": picture.to_svg, ".html": picture.to_html, ".txt": picture.to_text, ".json": picture.to_json}[ending]
    assert path.read_text(encoding="utf-8").strip() == made().strip()


def test_gradient_norms_that_were_not_measured_are_refused():
    with pytest.raises(bl.BacklitError, match=r"give bl.Training\(..., gradient_norms=True\)"):
        training().run().plot(gradient_norms=True)


def test_a_logarithmic_scale_is_asked_for_or_refused():
    made = training().run()
    assert [made.plot(log=log).figures[0].y.log for log in (None, False, True)] == [False, False, True]
    below = TrainingCurve(epochs=2, numbers=(1, 2), loss=(-1.0, -2.0), best=2)
    with pytest.raises(bl.BacklitError, match="log=True asks for a logarithmic scale, but no loss is above 0"):
        below.plot(log=True)


def test_a_training_without_epochs_is_drawn():
    assert "no epochs yet" in str(training().plot())
    assert "Loss: " in str(training(epochs=1).run().plot())


def test_a_diverged_training_is_drawn():
    diverging = training(optimizer=bl.SGD(1e200), l2=1.0)
    with pytest.warns(bl.DivergedWarning):
        diverging.run()
    assert str(diverging.plot()).startswith("Loss over the epochs")


def test_a_million_epochs_are_a_small_picture():
    picture = history(1_000_000, layers=(), metrics=()).plot()
    assert len(picture.to_svg()) < 40_000
    assert len(picture.to_html()) < 60_000
    assert "of 1,000,000 epochs are drawn" in str(picture)
