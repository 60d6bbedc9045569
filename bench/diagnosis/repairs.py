"""What changes are worth on the clean rows: the remedies, random changes of equal cost, `train`'s own search."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np

from backlit.data import Task
from backlit.diagnose import changes as make
from backlit.diagnose.changes import changed
from backlit.diagnose.plan import Plan, run
from backlit.diagnose.records import Change
from backlit.engine import DivergedError, Training
from backlit.errors import BacklitError
from backlit.model.recipe import Settings, recipes
from backlit.ops.optimizers.adaptive import Adam
from bench.diagnosis.tables import Rows
from bench.diagnosis.truth import score_of_outputs

MOST_EPOCHS, PATIENCE = 200, 20
"""So many epochs a recipe of `train`'s search is trained at the most, and so many without a lower validation loss."""


class Scored(msgspec.Struct, frozen=True):
    """A training with a changed plan: what it is worth on the validation rows, and on the clean ones."""

    plan: Plan
    validation: float
    clean: float


def scored(plan: Plan, rows: Rows, training: Training | None = None) -> Scored:
    """Train a plan, if it has not been trained, and measure it on the validation rows and the clean rows."""
    training = training or run(plan.training(divergence="warn"))
    judged = msgspec.structs.replace(rows, X_clean=rows.X_validation, y_clean=rows.y_validation / rows.unit)
    return Scored(plan, _score(plan, training, judged), _score(plan, training, rows))


def _score(plan: Plan, training: Training, rows: Rows) -> float:
    with np.errstate(all="ignore"):
        outputs = training.network.predict(plan.inputs_of(rows.X_clean), threads=1)
        if not rows.classes:
            outputs = plan.outputs_of(outputs)
    return score_of_outputs(training.network, outputs, rows, rows.unit)


def worth(plan: Plan, changes: Iterable[Change], rows: Rows) -> float | None:
    """Train with some changes and give the score on the clean rows; None where they do not fit."""
    try:
        return scored(changed(plan, changes), rows).clean
    except BacklitError:
        return None


def possible_changes(training: Training, rows: Rows) -> list[Change]:
    """Give all changes among which chance picks: of every kind that a remedy has, in usual sizes."""
    settings, layers = training.settings, training.network.layers
    hidden = [layer.units for layer in layers[:-1] if hasattr(layer, "units")]
    rate = getattr(settings.optimizer, "rate", 0.01)
    last = ("softmax", "cross_entropy") if rows.classes else ("identity", "half_squared_error")
    return [
        *(make.set_rate(rate * factor, rate) for factor in (0.001, 0.01, 0.1, 10.0, 100.0, 1000.0)),
        make.set_rate(0.005, rate),
        Change("optimizer", Adam().to_dict(), "adam"),
        *(make.set_activation(name, "the present one") for name in ("relu", "tanh")),
        make.usual_weights(), make.usual_biases(), make.add_batch_norm(),
        *(make.set_dropout(p, 0.0) for p in (0.0, 0.2)),
        make.set_units([max(1, units // 4) for units in hidden], hidden),
        make.set_units([4 * units for units in hidden], hidden), make.set_units([32], hidden),
        make.set_output(*last, "the present one", rows.classes or 1),
        make.standardize(), make.balance() if rows.classes else make.standardize_targets(),
        *(make.set_setting("l2", value, f"l2 {value:g}") for value in (0.0, 1e-3, 1e-1)),
        *(make.set_setting("batch_size", size, f"batches of {size}") for size in (8, 32, 128)),
        make.set_setting("epochs", 4 * settings.epochs, "more epochs"), make.set_setting("epochs", 150, "150 epochs"),
        make.set_setting("patience", 30, "patience 30"), make.set_setting("keep_best", True, "the best epoch"),
        make.set_setting("clip_norm", 1.0, "clipping at 1"), make.set_setting("clip_norm", None, "no clipping"),
    ]  # fmt: skip


def random_changes(training: Training, rows: Rows, trials: int, rng: np.random.Generator) -> float:
    """Try so many changes that chance picks, keep each that the validation rows gain by; give the clean rows' score."""
    pool = possible_changes(training, rows)
    plan = Plan.of(training)
    now = scored(plan, rows, training)
    for k in rng.permutation(len(pool))[:trials]:
        try:
            after = scored(changed(now.plan, [pool[k]]), rows)
        except BacklitError:
            continue
        if after.validation > now.validation:
            now = after
    return now.clean


def searched(training: Training, rows: Rows) -> float:
    """Train the recipes that `backlit train` compares, on the training's own rows, and give the best one's clean score.

    As `train` does, it standardizes the inputs, and targets that are numbers, and takes the recipe with the lowest
    validation loss.
    """
    plan = changed(Plan.of(training), [make.standardize(), *([] if rows.classes else [make.standardize_targets()])])
    X, Y, Xv, Yv = plan.rows[0], plan.rows[1], plan.validation[0], plan.validation[1]  # type: ignore[index]
    names = tuple(map(str, range(rows.classes)))
    task = Task("target", "classes" if names else "numbers", "", names, len(X), 0)
    if rows.classes and Y.shape[1] > 1:
        Y, Yv = Y.argmax(axis=1), Yv.argmax(axis=1)
    found: list[tuple[float, float]] = []
    for recipe in recipes(Settings(dtype="float64", seed=training.settings.seed), len(X), MOST_EPOCHS):
        one = recipe.training(task, X, Y, seed=recipe.seed, validation=(Xv, Yv), patience=PATIENCE, threads=1)
        try:
            run(one)
        except DivergedError:
            continue
        found.append((_best_loss(one), _score(plan, one, rows)))
    return min(found)[1] if found else 0.0


def _best_loss(training: Training) -> float:
    return min((epoch.monitored for epoch in training.history), default=float("inf"))
