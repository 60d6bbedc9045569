"""The step that `partial_fit` would take next, as the arguments of `backlit.explain`."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from backlit.errors import BacklitError
from backlit.estimators.build import Settings, is_random, settings_of
from backlit.estimators.ensemble import random_states
from backlit.kernels.types import Array


def next_step_settings(estimator: Any, weights: Array | None, count: int, given: Mapping[str, Any]) -> dict[str, Any]:
    """Give the settings of `backlit.explain` for a batch of `count` rows with these weights (n,), or None.

    The optimizer goes on from where training left it, with the estimator's penalties and limits; those `given` count
    in place of the estimator's own.

    Errors: a BacklitError for several steps that `partial_fit` would not take the same way in several calls.
    """
    chosen = settings_of(estimator)
    total = float(count if weights is None else weights.sum()) or 1.0  # explain itself refuses weights that are all 0
    settings = {**chosen.penalties, "l2": estimator.alpha / total, "sample_weight": weights}
    if chosen.optimizer.full_batch:
        settings["optimizer"] = "sgd"
    elif "optimizer" not in given:
        settings |= _optimizer_settings(estimator, chosen, int(given.get("steps", 1)))
    if estimator.preprocess is None and hasattr(estimator, "feature_names_in_"):
        settings["inputs"] = list(estimator.feature_names_in_)
    if len(getattr(estimator, "classes_", ())) == estimator._members[0].network.output_size:
        settings["outputs"] = [str(label) for label in estimator.classes_]
    return {**settings, **given}


def _optimizer_settings(estimator: Any, chosen: Settings, steps: int) -> dict[str, Any]:
    """Give the optimizer with its state and the learning rates of the next steps."""
    member, optimizer = estimator._members[0], chosen.optimizer
    drawn = is_random(member.network)
    if steps > 1 and (chosen.policy != "constant" or drawn):
        what = "dropout draws anew" if drawn else f"learning_rate={estimator.learning_rate!r} may change the rate"
        raise BacklitError(f"steps is {steps}, but {what} at each call of partial_fit; explain one step at a time.")
    initial: float = optimizer.rate  # type: ignore[attr-defined]
    state = member.state_for(optimizer)
    taken, rate = (0, initial) if state is None else (state.step, state.learning_rate)
    if chosen.schedule.needs_loss:  # such a schedule begins anew with each call
        rate = initial
    scale = chosen.schedule.scale(taken + np.arange(steps), 1, int(estimator.max_iter))
    settings = {"optimizer": optimizer, "rates": tuple(rate * np.asarray(scale, np.float64)), "taken": taken}
    if state is not None:
        settings["slots"] = state.slots
    if drawn:
        source = random_states(estimator, copy.deepcopy(check_random_state(estimator.random_state)))[0]
        settings["seed"] = source.randint(2**31 - 1)
    return settings
