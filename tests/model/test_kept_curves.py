"""What a report of a training keeps of its course: the curves of the final training and of what was tried."""

import json
import math
import struct
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from safetensors.numpy import save as to_bytes

from backlit.data import Table
from backlit.engine import Epoch, History, curve_of
from backlit.errors import BacklitError
from backlit.model import FitReport, Settings, TableTraining, fit_table, load, save
from backlit.model.file import DESCRIPTION, DIGEST, digest
from backlit.model.held_out import held_out_rows
from backlit.model.recipe import Recipe, recipes
from backlit.model.recipe_search import mean_history
from backlit.model.scores import scores_of
from backlit.ops import base, registry


def blobs(n, k=2):
    rng = np.random.default_rng(0)
    codes = rng.integers(0, k, n)
    return Table.from_arrays(rng.normal(size=(n, 3)) + codes[:, None], np.array(["no", "yes", "perhaps"])[codes])


def ran(source, **settings):
    training = TableTraining(source, settings=Settings(**settings))
    for _ in training:
        pass
    return training


def at(curve, column):
    """The elements of a full column at the epochs that a curve keeps."""
    return column[np.array(curve.numbers) - 1].tolist()


SETTINGS = [
    ("iris", {"layers": (5,), "epochs": 30}),
    ("diabetes", {"layers": (), "epochs": 30, "l2": 0.1}),
    ("iris", {"layers": (4, 3), "activation": "relu", "l2": 0.01, "epochs": 900, "validation": 0.0, "seed": 2}),
]


@pytest.mark.parametrize(("source", "settings"), SETTINGS)
def test_the_final_curve_is_that_of_the_training(source, settings):
    training = ran(source, **settings)
    curve, history = training.report.curve, training.training.history
    assert curve.epochs == len(history) == training.report.epochs
    assert len(curve.numbers) <= 400
    assert (curve.numbers[0], curve.numbers[-1]) == (1, len(history))
    assert list(curve.loss) == at(curve, history["loss"])
    assert curve.loss[-1] == training.report.loss
    assert curve.validation_loss is curve.best is None  # the weights are those of the last epoch
    dense = [str(k + 1) for k in range(len(settings["layers"]) + 1)]
    assert list(curve.gradient_norms) == dense
    assert list(training.report.signals.layers) == dense
    for layer in dense:
        assert list(curve.gradient_norms[layer]) == at(curve, history[f"gradient_norm_{layer}"])


def test_with_its_own_validation_the_final_curve_has_the_epoch_whose_weights_are_kept():
    training = ran(blobs(26_000), layers=(4,), activation="tanh", l2=0.01, epochs=9)
    curve, report = training.report.curve, training.report
    assert f"the weights of epoch {curve.best} are kept" in report.stopped
    assert curve.validation_loss[curve.numbers.index(curve.best)] == min(curve.validation_loss)


@pytest.mark.parametrize("settings", [{}, {"validation": 0.25}])
def test_the_curve_of_a_trial_is_the_mean_over_the_folds(monkeypatch, settings):
    made = []
    training_of = Recipe.training
    monkeypatch.setattr(Recipe, "training", lambda *given, **how: made.append(training_of(*given, **how)) or made[-1])
    training = ran("iris", layers=(5,), activation="tanh", **settings)
    folds, choice = len(training.folds), training.report.choice
    assert len(choice.trials) == 3
    for k, trial in enumerate(choice.trials):
        curve, tried = trial.curve, made[k * folds : (k + 1) * folds]
        assert curve.what == ("the mean over 5 folds" if folds == 5 else "")
        for name in ("loss", "validation_loss"):
            mean = np.mean([one.history[name][: curve.epochs] for one in tried], axis=0)
            assert list(getattr(curve, name)) == at(curve, mean)
        assert curve.best == trial.epochs
        assert curve.validation_loss[curve.numbers.index(curve.best)] == trial.loss
        assert len(curve.numbers) <= (200 if k == choice.chosen else 60)
        assert curve.epochs > 60
        assert (curve.numbers[0], curve.numbers[-1]) == (1, curve.epochs)


def test_gradient_norms_change_no_bit(monkeypatch):
    with_norms = ran("wine", layers=(6,), activation="tanh", l2=0.01, epochs=20, dropout=0.1)
    training_of = Recipe.training

    def without(*given, **how):
        how.pop("gradient_norms", None)
        return training_of(*given, **how)

    monkeypatch.setattr(Recipe, "training", without)
    bare = ran("wine", layers=(6,), activation="tanh", l2=0.01, epochs=20, dropout=0.1)
    assert not bare.report.curve.gradient_norms
    assert np.array_equal(bare.model.network.parameters, with_norms.model.network.parameters)


def test_numbers_that_are_not_finite_are_null():
    losses = [0.5, 1e308, math.inf, math.nan]
    history = History.of([Epoch(k, loss / 2, loss, 0.1, 0.0, best=False) for k, loss in enumerate(losses, 1)])
    mean = mean_history([SimpleNamespace(history=history)] * 2, 3)
    text = msgspec.json.encode(curve_of(mean, best=1))
    found = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert (found["loss"], found["validation_loss"]) == ([0.25, 5e307, None], [0.5, None, None])


def test_a_setting_that_diverges_at_once_has_no_curve(monkeypatch):
    """The first of three has a rate that no network stands."""
    monkeypatch.setattr("backlit.model.fitting.recipes", lambda *given: [
        msgspec.structs.replace(recipe, rate=rate)
        for recipe, rate in zip(recipes(*given), (1e35, 0.1, 0.1), strict=True)
    ])  # fmt: skip
    training = ran("iris", layers=(4,), activation="tanh", optimizer="sgd", epochs=30)
    diverged, *others = training.report.choice.trials
    assert diverged.loss is diverged.curve is None
    assert all(trial.curve.best == trial.epochs for trial in others)
    assert msgspec.json.decode(msgspec.json.encode(training.report), type=FitReport) == training.report


def test_predictions_for_the_test_rows_are_those_that_were_scored():
    for source in ("iris", "diabetes"):
        training = ran(source, layers=(3,), activation="tanh", l2=0.01, epochs=3)
        compared, test = training.compared, training.report.test
        assert scores_of(training.model.encoder, compared.targets, compared.baseline) == test.baseline
        assert scores_of(training.model.encoder, compared.targets, compared.linear) == test.linear
        kept = training.table.take(training.rows["test"])
        assert len(compared.baseline) == len(compared.linear) == kept.n_rows
        assert compared.targets.tolist() == training.model.targets(kept).tolist()
        assert training.report.settings == training.settings


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, None])
def test_where_the_linear_model_is_left_out_there_are_no_predictions_of_it(monkeypatch, error):
    def left_out(*_):
        if error:
            raise error
        return None, "left out: it would take too long"

    monkeypatch.setattr("backlit.model.fitting.linear", left_out)
    training = ran("iris", layers=(3,), activation="tanh", l2=0.01, epochs=3)
    assert training.compared.linear is training.report.test.linear is None
    assert training.report.test.linear_what.startswith("left out")
    assert len(training.compared.baseline) == 30
    assert ran("iris", layers=(3,), l2=0.01, epochs=3, test=0.0).compared is None


@pytest.mark.parametrize(
    ("settings", "most"), [({"layers": (5,)}, 40), ({"layers": (2,) * 4}, 16), ({"layers": (2,) * 9}, 12)]
)
def test_the_signals_of_the_final_training_are_kept_in_short_form(settings, most):
    training = ran("iris", l2=0.01, epochs=900, validation=0.0, **settings)
    kept, signals = training.report.signals, training.training.signals
    assert kept.epochs == len(training.training.history) == 900
    assert len(kept.numbers) == most < len(signals)
    assert (kept.numbers[0], kept.numbers[-1]) == (signals.numbers[0], signals.numbers[-1])
    places = np.searchsorted(signals.numbers, kept.numbers)
    assert signals.numbers[places].tolist() == list(kept.numbers)
    for layer, own in kept.layers.items():
        for name, values in own.items():
            full = signals.of(name, layer)[places]
            assert np.allclose([math.nan if value is None else value for value in values], full, rtol=5e-4, atol=0,
                               equal_nan=True)  # fmt: skip
    assert all(len(f"{value:.15g}".strip("-0.").replace(".", "").partition("e")[0]) <= 4
               for value in kept.layers["1"]["gradient_norm"])  # fmt: skip


def test_a_training_by_l_bfgs_keeps_no_signals():
    assert ran("iris", layers=(3,), l2=0.01, epochs=9, optimizer="lbfgs").report.signals is None


def without_what_came_later(path, *, fields):
    """Write a model file as a Backlit wrote it that did not know these fields of the report and of its trials."""
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    description = json.loads(json.loads(raw[8 : 8 + length])["__metadata__"][DESCRIPTION])
    for field in fields:
        del description["report"][field]
    for trial in description["report"]["choice"]["trials"]:
        del trial["curve"]
    network = load(path).network
    text, tensors = json.dumps(description), {"parameters": network.parameters, "state": network.state}
    path.write_bytes(to_bytes(tensors, {DESCRIPTION: text, DIGEST: digest(text.encode(), tensors)}))


def test_an_older_model_file_loads(tmp_path):
    model, report = fit_table("iris", settings=Settings(layers=(4,), epochs=5))
    path = save(model, tmp_path / "m.safetensors")
    without_what_came_later(path, fields=("curve", "settings", "table_digest", "signals"))
    old = load(path)
    assert old.report.curve is old.report.settings is old.report.table_digest is old.report.signals is None
    assert {trial.curve for trial in old.report.choice.trials} == {None}
    assert old.report.test == report.test
    assert held_out_rows(old.report, old.read("iris")) is None
    assert load(save(old, path)).report == old.report


def test_a_model_file_of_a_small_table_stays_small(tmp_path):
    model, report = fit_table("iris")
    assert save(model, tmp_path / "m.safetensors").stat().st_size < 60_000
    assert len(msgspec.json.encode(report.signals)) < 10_000


def test_an_op_that_is_not_registered_is_named_though_the_settings_name_it_first(tmp_path):
    @registry.register("square_of_test_kept_curves")
    class Square(base.Activation):
        @staticmethod
        def value(z):
            return z * z

        @staticmethod
        def slope(z):
            return 2 * z

    settings = Settings(layers=(2,), activation="square_of_test_kept_curves", l2=0.1, epochs=2)
    path = save(fit_table("iris", settings=settings)[0], tmp_path / "m.safetensors")
    assert load(path).report.settings == settings
    del registry.activations["square_of_test_kept_curves"]
    with pytest.raises(BacklitError, match=r"unknown activation 'square.*'\. Import the module.*--plugin"):
        load(path)
