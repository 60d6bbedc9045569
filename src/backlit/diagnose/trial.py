"""Remedies that are really trained, one by one, from the same seed; what helped the held-out rows is kept.

The rows are judged as `score` does. Where a remedy weighs the classes alike, each class counts alike in the judgement
too: of the rows as they are, a rare class would hardly count.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.changes import changed, class_codes, key_of
from backlit.diagnose.harm import errors_of, finite
from backlit.diagnose.plan import Plan, run
from backlit.diagnose.records import Change, Finding, Outcome, Remedy, Tried
from backlit.diagnose.score import row_scores, wanted
from backlit.engine import SIGNALS, Training
from backlit.errors import BacklitError
from backlit.kernels.types import Array

MOST_TRIALS = 8
"""So many remedies are trained at the most."""

HELPED = ((0.1, 2.0), (0.8, 1.0))
"""A remedy helped if it closed at least the first part of the gap that was left, and the rows gained by more than so
many standard errors: what closes nearly all of it needs to be less sure."""

CLOSED = 0.9
"""From this part of the gap on nothing more is tried."""


class State(NamedTuple):
    """A plan that has been trained, with its predictions of the held-out rows (n, outputs) and their scores (n,)."""

    plan: Plan
    training: Training
    predictions: Array
    scores: Array


def tried_remedies(
    case: Case, findings: Sequence[Finding], tell: Callable[[str], None] = lambda _: None
) -> tuple[tuple[Tried, ...], tuple[Change, ...]]:
    """Train the findings' remedies in their order; give what came of each, and the changes that helped."""
    now = State(case.plan, case.training, case.predictions_held_out, case.held_out_scores)
    target = case.reference.unexplained if case.reference is not None else 0.0
    tried: list[Tried] = []
    for finding, remedy in _in_order(findings):
        if len(tried) >= MOST_TRIALS:
            break
        if not weighs_classes(remedy) and _closed(case, target, float(now.scores.mean())) >= CLOSED:
            continue
        tell(f"training with {remedy.words}, for {finding.code}")
        result, after = _try(case, now, finding, remedy, target)
        tried.append(result)
        if result.helped and after is not None:
            now = after
    return tuple(tried), now.plan.changes


def _in_order(findings: Sequence[Finding]) -> Iterator[tuple[Finding, Remedy]]:
    """Give the first remedy of each finding, then the second ones, and so on."""
    for k in range(max((len(finding.remedies) for finding in findings), default=0)):
        for finding in findings:
            if k < len(finding.remedies):
                yield finding, finding.remedies[k]


def _try(case: Case, now: State, finding: Finding, remedy: Remedy, target: float) -> tuple[Tried, State | None]:
    """Train one remedy and compare it with what there is."""
    began = time.perf_counter()
    try:
        after = trained(case, changed(now.plan, remedy.changes))
    except BacklitError as error:
        before = outcome(case, now, finding, _class_weights(case) if weighs_classes(remedy) else None)
        seconds = time.perf_counter() - began
        return Tried(code=finding.code, remedy=remedy, before=before, after=None, closed=None, errors=None,
                     helped=False, verdict=f"not tried: {error}", seconds=seconds), None  # fmt: skip
    return _judged(case, now, after, finding, remedy, target, began), after


def judged(before: Training, after: Training, finding: Finding, remedy: Remedy) -> Tried:
    """Judge a training that was made with a remedy beside the one without it, without references."""
    began, case = time.perf_counter(), Case(before, Plan.of(before), compare=False, ahead=False)
    now = State(case.plan, before, case.predictions_held_out, case.held_out_scores)
    return _judged(case, now, state_of(case, changed(case.plan, remedy.changes), after), finding, remedy, 0.0, began)


def _judged(
    case: Case, now: State, after: State, finding: Finding, remedy: Remedy, target: float, began: float
) -> Tried:  # fmt: skip
    """Compare a training with a remedy with the one without it."""
    weights = _class_weights(case) if weighs_classes(remedy) else None
    each = 1.0 if weights is None else weights
    mine, theirs = float((now.scores * each).mean()), float((after.scores * each).mean())
    gained = (
        errors_of(now.scores, after.scores, weights=each) if np.isfinite(mine) else float("inf") * np.isfinite(theirs)
    )
    if weights is not None:
        closed = _part(mine, theirs, 0.0)
    else:
        closed = _closed(case, target, theirs) if not np.isfinite(mine) else _part(mine, theirs, target)
    sure = any(closed > part and gained > errors for part, errors in HELPED)
    helped = bool(np.isfinite(theirs) and theirs < mine and sure)
    return Tried(
        code=finding.code, remedy=remedy, before=outcome(case, now, finding, weights),
        after=outcome(case, after, finding, weights), closed=finite(closed), errors=finite(gained), helped=helped,
        verdict=_verdict(helped, mine, theirs), seconds=time.perf_counter() - began,
    )  # fmt: skip


def weighs_classes(remedy: Remedy) -> bool:
    """Tell whether a remedy weighs rows so that all classes count alike."""
    return any(change.name == "class weights" for change in remedy.changes)


def _class_weights(case: Case) -> Array:
    """Give weights of the held-out rows (n,): all of their classes count alike, and the baseline's mean is 1."""
    codes = class_codes(case.held_out[1])
    counts = np.bincount(codes)
    weights: Array = (1.0 / np.maximum(counts, 1))[codes]
    T = case.held_out_targets
    simple = row_scores(T, np.broadcast_to(case.targets.mean(axis=0), T.shape)) / case.baseline
    return weights / float((simple * weights).mean())


def trained(case: Case, plan: Plan) -> State:
    """Train a plan to its end; the same changes are trained once."""
    key = key_of(plan.changes)
    if key not in case.trained:
        case.trained[key] = state_of(case, plan, run(plan.training(divergence="warn")))
    state: State = case.trained[key]
    return state


def closed_by(case: Case, remedy: Remedy) -> float:
    """Give which part of the gap to the reference a remedy alone closes; minus infinity where it cannot be trained."""
    try:
        after = trained(case, changed(case.plan, remedy.changes))
    except BacklitError:
        return -np.inf
    mean = float(after.scores.mean())
    if case.reference is None or not np.isfinite(mean):
        return -np.inf
    return _closed(case, case.reference.unexplained, mean)


def _verdict(helped: bool, before: float, after: float) -> str:
    """Say what a trial showed."""
    if helped:
        return "helped, kept"
    if not np.isfinite(after):
        return "diverged"
    return "no better than chance" if after < before else "did not help"


def _closed(case: Case, target: float, unexplained: float) -> float:
    """Give how much of the gap between the training and the reference is closed."""
    first = min(case.unexplained, 1.0) if np.isfinite(case.unexplained) else 1.0
    return _part(first, unexplained, target)


def _part(before: float, after: float, target: float) -> float:
    """Give which part of the way from `before` down to `target` was gone."""
    way = before - target
    return (before - after) / way if way > 0.0 else float(after < before)


def state_of(case: Case, plan: Plan, training: Training) -> State:
    """Judge the training of a changed plan on the held-out rows of the first one, none left out, in its unit."""
    X = plan.inputs_of(case.held_out[0]) if plan.validation is None else plan.validation[0]
    P, T = case.predictions(training.network, X), case.held_out_targets
    outputs = P if case.of_classes else plan.outputs_of(P)
    if outputs.shape != T.shape:
        T = wanted(training.network, case.held_out[1])
    return State(plan, training, P, row_scores(T, outputs) / case.baseline)


def outcome(case: Case, state: State, finding: Finding, weights: Array | None = None) -> Outcome:
    """Describe how a training ended, with the signal that the finding names; the held-out rows with weights (n,).

    The losses are those of the epoch whose weights are kept.
    """
    training, history = state.training, state.training.history
    last = training.best if training.keep_best else history[-1] if len(history) else None
    mean = float((state.scores if weights is None else state.scores * weights).mean())
    metric, score = _metric(case, state, weights)
    return Outcome(
        epochs=len(history), loss=None if last is None else finite(last.loss),
        validation_loss=None if last is None or last.validation_loss is None else finite(last.validation_loss),
        unexplained=finite(mean), metric=metric, score=score, signal=_signal(training, finding),
        stopped=training.stopped or "", curve=history.curve(100) if len(history) else None,
        balanced=weights is not None,
    )  # fmt: skip


def _metric(case: Case, state: State, weights: Array | None) -> tuple[str, float | None]:
    """Give the accuracy of classes on the held-out rows, or R² of numbers."""
    if not case.of_classes:
        return "R²", finite(1.0 - float(state.scores.mean()))
    P, T = state.predictions, wanted(state.training.network, case.held_out[1])
    right = (P > 0.5) == (T > 0.5) if T.shape[1] == 1 else P.argmax(axis=1) == T.argmax(axis=1)
    if weights is not None:
        return "balanced accuracy", float(np.average(right.reshape(len(T), -1).mean(axis=1), weights=weights))
    return "accuracy", float(right.mean())


def _signal(training: Training, finding: Finding) -> float | None:
    """Give the last number of the finding's signal, in its layer; None where there is none."""
    signals = training.signals
    if finding.signal not in SIGNALS or not len(signals) or finding.layer not in signals.layers:
        return None
    return finite(float(signals.of(finding.signal, finding.layer)[-1]))
