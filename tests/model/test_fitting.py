import time

import msgspec
import numpy as np
import pandas as pd
import pytest

from backlit.data import Encoder, Table, read_table
from backlit.errors import BacklitError
from backlit.model import Settings, TableTraining, fit_table
from backlit.model.recipe import PRIOR_ROWS, SHAPES, Recipe, recipes
from backlit.model.recipe_search import FOLDS, PATIENCE, fold_numbers, simplest_of_the_best
from backlit.model.scores import class_scores, linear, number_scores

ONE = Settings(layers=(6,), activation=("tanh",), l2=0.01, epochs=5)


def blobs(n, k=2, seed=0):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, k, n)
    X = rng.normal(size=(n, 3)) + codes[:, None]
    return Table.from_arrays(X, np.array(["no", "yes", "perhaps"])[codes])


def test_defaults_learn_iris():
    accuracies = [fit_table("iris", settings=Settings(seed=seed))[1].test.model.accuracy for seed in range(1, 5)]
    assert np.mean(accuracies) >= 0.93


def test_the_same_seed_gives_the_same_bits():
    first, again, other = (fit_table("wine", settings=Settings(seed=seed, epochs=8))[0] for seed in (3, 3, 4))
    assert np.array_equal(first.network.parameters, again.network.parameters)
    assert first.network.parameters.shape != other.network.parameters.shape or not np.array_equal(
        first.network.parameters, other.network.parameters
    )


def test_test_rows_change_only_the_scores():
    """Spoil the inputs of the test rows: nothing but the scores may change."""
    table = read_table("iris")
    X = np.column_stack([table.values(name) for name in table.columns[:4]])
    spoiled = X.copy()
    rows = TableTraining(Table.from_arrays(X, table.values("species")), settings=ONE).rows
    assert sorted([*rows["train"], *rows["test"]]) == list(range(150))
    spoiled[rows["test"]] = 1e3
    (clean, was), (other, now) = (
        fit_table(Table.from_arrays(x, table.values("species")), settings=ONE) for x in (X, spoiled)
    )
    assert np.array_equal(clean.network.parameters, other.network.parameters)
    assert clean.encoder == other.encoder
    assert was.test.model != now.test.model


def test_predictions_probabilities_and_evaluation_agree():
    table = blobs(300, k=3)
    model, _ = fit_table(table, settings=Settings(layers=(8,), activation=("tanh",), l2=0.001, epochs=40))
    predicted, actual = model.predict(table), table.values("target")
    P = model.predict_probabilities(table)
    assert np.array_equal(predicted, np.array(model.encoder.classes)[P.argmax(axis=1)])
    evaluation = model.evaluate(table)
    assert evaluation.scores.accuracy == pytest.approx(np.mean(predicted == actual))
    for i, row in enumerate(evaluation.classes):
        for j, column in enumerate(evaluation.classes):
            assert evaluation.confusion[i][j] == np.sum((actual == row.label) & (predicted == column.label))
        assert row.recall == pytest.approx(np.mean(predicted[actual == row.label] == row.label))
        assert row.precision == pytest.approx(np.mean(actual[predicted == row.label] == row.label))


def test_folds_are_even_within_each_class():
    labels = np.repeat([0, 1, 2], [50, 23, 4])
    fold = fold_numbers(labels, len(labels), np.random.default_rng(0))
    for label in range(3):
        counts = np.bincount(fold[labels == label], minlength=FOLDS)
        assert counts.max() - counts.min() <= 1
    sizes = np.bincount(fold, minlength=FOLDS)
    assert sizes.max() - sizes.min() <= 1


@pytest.mark.parametrize(
    ("losses", "chosen"),
    [
        ([[1.0, 1.2], [0.5, 0.7]], 1),  # always worse: the difference has no error
        ([[0.5, 0.9], [0.6, 0.7]], 0),  # sometimes better: as good a bet, and simpler
        ([[np.inf, np.inf], [0.6, 0.7]], 1),  # diverged
        ([[0.5], [0.4], [0.45]], 1),  # one fold: no error is known
    ],
)
def test_the_simplest_of_the_best_is_taken(losses, chosen):
    assert simplest_of_the_best([np.array(loss) for loss in losses]) == chosen


def test_only_settings_that_are_not_given_are_compared():
    assert len(recipes(Settings(), 100, 50)) == len(SHAPES) * len(PRIOR_ROWS)
    assert [recipe.l2 for recipe in recipes(Settings(layers=(4,), activation=("relu",)), 100, 50)] == [0.1, 0.03, 0.01]
    assert len(recipes(ONE, 100, 50)) == 1
    (recipe,) = recipes(Settings(layers=(4, 3), activation=("relu", "tanh"), l2=0.0, dropout=0.5), 100, 50)
    assert (recipe.layers, recipe.activations, recipe.dropout) == ((4, 3), ("relu", "tanh"), 0.5)


@pytest.mark.parametrize(
    ("table", "settings", "stopped", "choice"),
    [
        (blobs(60), ONE, "5-fold validation on 48 rows", True),
        (blobs(60), Settings(layers=(3,), l2=0.1, validation=0.0, epochs=4), "4 epochs, as asked", False),
        (blobs(60), Settings(layers=(3,), l2=0.1, validation=0.25, epochs=4), "on 15 of 48 rows", True),
        (blobs(1500), ONE, "validation on 150 of 1,200 rows", True),
        (blobs(30000), ONE, "all 5 epochs done; the weights of epoch", False),
        (blobs(8), Settings(epochs=2), "2 epochs, as asked", False),
        (blobs(60), Settings(epochs=0), "0 epochs, as asked", False),
    ],
)  # fmt: skip
def test_how_training_stops(table, settings, stopped, choice):
    _, report = fit_table(table, settings=settings)
    assert stopped in report.stopped
    assert (report.choice is not None) == choice
    assert report.train_rows + report.validation_rows + report.test_rows == table.n_rows


@pytest.mark.parametrize("phase", ["choosing", "training"])
def test_stop_ends_the_phase_under_way(phase):
    training = TableTraining("iris", settings=Settings(epochs=200))
    seen = 0
    for progress in training:
        if progress.phase == phase:
            seen += 1
            training.stop("as the test wishes")
    assert seen <= 2
    said = training.report.choice.how if phase == "choosing" else training.report.stopped
    assert said.endswith("as the test wishes: 1 of 6 settings tried" if phase == "choosing" else "as the test wishes")
    assert training.report.test.model.accuracy >= 0


def test_a_stop_while_choosing_trains_the_best_recipe_for_its_epochs():
    training = TableTraining("iris", settings=Settings(epochs=200))
    for progress in training:
        if progress.trial == 2:
            training.stop()
    choice = training.report.choice
    assert len(choice.trials) == 2
    assert training.report.epochs == choice.trials[choice.chosen].epochs > 1


def test_a_trial_ends_when_its_loss_has_not_fallen_for_its_patience():
    training = TableTraining(blobs(200), settings=Settings(layers=(16,), activation=("tanh",), l2=0.0, rate=0.03))
    tried = max(progress.epoch for progress in training if progress.phase == "choosing")
    (trial,) = training.report.choice.trials
    assert tried - trial.epochs == max(PATIENCE, trial.epochs // 2)


def test_an_interrupt_in_a_trial_ends_the_choosing(monkeypatch):
    training_of = Recipe.training

    def interrupted(*arguments, **settings):
        training = training_of(*arguments, **settings)
        chunks = training.in_chunks

        def in_chunks(longest):
            yield next(iter(chunks(longest)))
            training.stopped = "interrupted"

        training.in_chunks = in_chunks
        return training

    monkeypatch.setattr(Recipe, "training", interrupted)
    _, report = fit_table("iris", settings=Settings(epochs=20))
    assert len(report.choice.trials) == 1
    assert report.choice.how.endswith(", ended by Ctrl-C: 1 of 6 settings tried")
    assert report.stopped.startswith("after 1 epoch: chosen by 5-fold validation")


def test_a_time_limit_ends_with_a_model():
    _, report = fit_table(blobs(3000), settings=Settings(time_limit=0.2))
    assert report.epochs >= 1
    assert report.test.model.accuracy > 0.5


def test_a_linear_model_that_would_take_long_is_left_out_or_cut_short():
    table = blobs(40, 3)
    encoder = Encoder.fit(table)
    X, Y = encoder.encode_features(table), encoder.encode_target(table)

    def compared(times, seconds=None):
        return linear(encoder, np.tile(X, (times, 1)), np.tile(Y, times), X, seconds)

    assert compared(1)[1] == "LogisticRegression"
    needed = 30 * 40 * (X.shape[1] + 10) * len(encoder.classes) * 2e-9  # seconds of 30 iterations
    assert compared(1, needed * 0.9) == (None, "left out: the time limit leaves too little")
    assert compared(1, needed * 1.01)[0] is not None
    assert compared(2, needed * 1.01)[0] is None


def test_the_comparison_counts_in_all_and_in_the_time_limit(monkeypatch):
    given = []

    def slow(*arguments):
        given.append(arguments[-1])
        time.sleep(0.5)
        return None, "left out"

    monkeypatch.setattr("backlit.model.fitting.linear", slow)
    for limit in (None, 0.2, 1000.0):
        _, report = fit_table("iris", settings=msgspec.structs.replace(ONE, time_limit=limit))
        assert report.seconds > 0.5
    assert given[0] is None
    assert 0.01 <= given[1] <= 0.2
    assert 900 < given[2] < 1000


@pytest.mark.filterwarnings("error")
def test_a_class_with_a_single_row_does_no_harm():
    table = blobs(80, k=2)
    y = table.values("target").copy()
    y[5] = "only once"
    X = np.column_stack([table.values(name) for name in table.columns[:3]])
    model, report = fit_table(Table.from_arrays(X, y), settings=Settings(epochs=5))
    assert report.test is not None
    assert model.encoder.classes == ("no", "only once", "yes")


WRONG = [
    ({"layers": (4, 3), "activation": ("relu",) * 3}, "3 activations are given for 2 hidden layers"),
    ({"activation": ("relu", "tanh")}, "say the sizes"),
    ({"activation": ("rleu",)}, "did you mean 'relu'"),
    ({"optimizer": "adm"}, "did you mean 'adam'"),
    ({"schedule": "cosin"}, "did you mean 'cosine'"),
    ({"optimizer": "lbfgs", "rate": 0.1}, "has no learning rate"),
    ({"rate": -1.0}, "rate is -1"),
    ({"rate": float("nan")}, "rate is nan"),
    ({"epochs": -1}, "epochs is -1"),
    ({"layers": (0,)}, r"layers is \(0,\); expected whole numbers of units from 1 to 10,000,000"),
    ({"dropout": 1.0}, "dropout is 1"),
    ({"batch_size": 0}, "batch_size is 0"),
    ({"seed": -1}, "seed is -1"),
    ({"l2": -0.1}, "l2 is -0.1"),
    ({"kind": "class"}, "kind is 'class'; expected 'classes' or 'numbers'"),
    ({"epochs": 1.5}, "epochs is 1.5; expected a whole number"),
    ({"seed": "0"}, "seed is '0'; expected a whole number"),
    ({"batch_size": "half"}, "batch_size is 'half'; expected a whole number of at least 1, or 'full'"),
    ({"batch_size": True}, "batch_size is True"),
    ({"layers": "64,32"}, "layers is '64,32'; expected whole numbers of units"),
    ({"layers": [8, 0.5]}, r"layers is \[8, 0.5\]"),
    ({"layers": [[8]]}, r"layers is \[\[8\]\]"),
    ({"ignore": 1}, "ignore is 1; expected names of columns"),
    ({"ignore": None}, "ignore is None"),
    ({"activation": "rleu"}, "did you mean 'relu'"),
    ({"optimizer": None}, "optimizer is None; expected a name"),
    ({"rate": "fast"}, "rate is 'fast'; expected a finite number of at least 0"),
    ({"dtype": "float16"}, "dtype is 'float16'; expected 'float32' or 'float64'"),
]


@pytest.mark.parametrize(("settings", "message"), WRONG)
def test_settings_that_do_not_fit_are_named(settings, message):
    with pytest.raises(BacklitError, match=message):
        Settings(**settings)


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ({"layers": [8, 4]}, {"layers": (8, 4)}),
        ({"layers": np.array([8, 4])}, {"layers": (8, 4)}),
        ({"layers": 8}, {"layers": (8,)}),
        ({"layers": []}, {"layers": ()}),
        ({"activation": "relu"}, {"activation": ("relu",)}),
        ({"activation": ["relu", "tanh"], "layers": [3, 2]}, {"activation": ("relu", "tanh"), "layers": (3, 2)}),
        ({"ignore": "a name"}, {"ignore": ("a name",)}),
        ({"ignore": pd.Index(["a", "b"])}, {"ignore": ("a", "b")}),
        ({"seed": np.int64(3), "rate": np.float32(0.5)}, {"seed": 3, "rate": 0.5}),
        ({"dropout": 0, "rate": 1}, {"dropout": 0.0, "rate": 1.0}),
    ],
)
def test_settings_as_people_write_them(given, same):
    assert Settings(**given) == Settings(**same)
    hash(Settings(**given))


def test_divergence_everywhere_is_an_error_with_advice():
    with pytest.raises(BacklitError, match="smaller learning rate"):
        fit_table("iris", settings=Settings(layers=(4,), optimizer="sgd", rate=1e35, epochs=30))


def test_chunks_change_nothing_and_errors_name_the_row_of_the_table(monkeypatch):
    model, _ = fit_table("iris", settings=ONE)
    table = read_table("iris")
    whole = model.predict_probabilities(table)
    monkeypatch.setattr("backlit.model.tabular.CHUNK_ROWS", 40)
    assert np.array_equal(model.predict_probabilities(table), whole)
    values = [str(value) for value in table.values(table.columns[0])]
    values[120] = "wide"
    arrow = table.arrow.set_column(0, table.columns[0], [values])
    with pytest.raises(BacklitError, match="Row 121"):
        model.predict(Table(arrow))


@pytest.mark.parametrize("chunk", [3, 65_536])
@pytest.mark.parametrize(("column", "value"), [("x", "wide"), ("flag", 2), ("y", "much")])
def test_evaluate_names_the_row_as_counted_in_the_file(column, value, chunk, tmp_path, monkeypatch):
    rows = [{"x": k / 2, "flag": k % 3 > 0, "t": "ab"[k % 2], "y": k / 4} for k in range(20)]
    target = "y" if column == "y" else "t"
    model, _ = fit_table(pd.DataFrame(rows), target, ONE)
    monkeypatch.setattr("backlit.model.tabular.CHUNK_ROWS", chunk)
    for row in rows[:10]:
        row[target] = ""
    rows[15][column] = value
    pd.DataFrame(rows).astype({"flag": int}).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(BacklitError, match=f'^Row 16 of the (column|target) "{column}" holds "?{value}'):
        model.evaluate(tmp_path / "t.csv")


def test_a_class_that_training_did_not_have_counts_as_wrong():
    X, y = np.arange(40.0)[:, None], np.array(["a", "b"] * 20)
    model, _ = fit_table(Table.from_arrays(X, y), settings=ONE)
    clean = model.evaluate(Table.from_arrays(X, y))
    spoiled = y.astype(object)
    spoiled[[3, 5]], spoiled[6], spoiled[7] = "c", "d", None
    known = np.flatnonzero(spoiled == y)
    found = model.evaluate(Table.from_arrays(X, spoiled))
    predicted = model.predict(Table.from_arrays(X))
    assert found.scores.accuracy == np.sum(predicted[known] == y[known]) / 39
    of_the_known = model.evaluate(Table.from_arrays(X[known], y[known])).scores.log_loss
    assert found.scores.log_loss == pytest.approx(of_the_known, rel=1e-6)  # float32
    assert [(row.label, row.rows, row.predicted, row.recall) for row in found.classes[2:]] == [
        ("c", 2, 0, 0),
        ("d", 1, 0, 0),
    ]
    confusion = np.array(found.confusion)
    assert confusion.shape == (4, 4)
    assert confusion[2, :2].sum() == 2
    assert not confusion[:, 2:].any()
    assert [row.predicted for row in found.classes[:2]] == confusion.sum(axis=0)[:2].tolist()
    (surprise,) = found.surprises
    assert (surprise.column, surprise.rows) == ("target", 3)
    assert 'not seen in training ("c", "d"), counted as wrong and left out of the log-loss' in surprise.what
    assert clean.surprises == ()


@pytest.mark.parametrize("labels", [["c", "d"] * 20, ["a", *(f"customer {k}" for k in range(150))]])
def test_evaluate_refuses_a_target_of_other_classes(labels):
    model, _ = fit_table(Table.from_arrays(np.arange(40.0)[:, None], np.array(["a", "b"] * 20)), settings=ONE)
    with pytest.raises(BacklitError, match=r"Row [12] of the target .* expected one of the 2 classes"):
        model.evaluate(Table.from_arrays(np.arange(float(len(labels)))[:, None], np.array(labels)))


@pytest.mark.parametrize("scale", [1e-320, 1e-300, 1e-160, 1e160, 1e250, 1e300])
def test_scores_of_numbers_of_any_size(scale):
    """No warning, which would be an error here, and the same scores in their own unit."""
    rng = np.random.default_rng(0)
    targets = rng.normal(size=30)
    predictions = targets + 0.1 * rng.normal(size=30)
    plain, scaled = number_scores(targets, predictions), number_scores(targets * scale, predictions * scale)
    rough = 1e-2 if scale < 1e-307 else 1e-12  # where float64 has few digits left
    assert scaled.r2 == pytest.approx(plain.r2, rel=rough)
    assert [scaled.mae / scale, scaled.rmse / scale] == pytest.approx([plain.mae, plain.rmse], rel=rough)


def test_log_loss_of_float32_probabilities_needs_no_warning():
    P = np.full((3, 3), 1 / 3, np.float32)
    assert class_scores(np.array([0, 1, 2]), P).log_loss == pytest.approx(np.log(3))


@pytest.mark.parametrize("test", [0.2, 0.0])
def test_measuring_on_the_test_rows_is_a_phase_of_its_own(monkeypatch, test):
    """So that it is not told as a part of the training; without test rows there is none."""
    measured, during = TableTraining._measure, []
    monkeypatch.setattr(TableTraining, "_measure", lambda self: during.append(self.phase) or measured(self))
    training = TableTraining("iris", settings=Settings(layers=(3,), epochs=3, validation=0.0, test=test))
    told = list(dict.fromkeys(progress.phase for progress in training))
    assert told == (["training", "testing", "comparing"] if test else ["training"])
    assert during == ["testing" if test else "training"]
