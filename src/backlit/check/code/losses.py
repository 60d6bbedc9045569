"""`backlit.check_losses`: the losses of a learner's whole training beside ours, from the same first weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from backlit.check.code.calling import Call
from backlit.check.code.comparing import factors
from backlit.check.code.records import CheckedLosses, FoundMistake
from backlit.check.code.returned import as_array
from backlit.check.code.trials import Plan, Trial, trials
from backlit.check.written import Written
from backlit.engine import Network, Training
from backlit.errors import BacklitError, collecting, counted

TOLERANCES = {"float64": 1e-6, "float32": 1e-3}
"""The largest relative difference that passes; of numbers with fewer digits, half a unit of the last one counts too."""
ROUNDED = range(3, 9)
"""Losses whose longest has so many decimals were rounded; with fewer they tell nothing."""


class Trace(NamedTuple):
    """Losses of a training, measured somewhere: `measured` says where; `first` is the epoch of the first one."""

    measured: str
    first: int
    values: list[float]


class Prefix(NamedTuple):
    """How many losses agree with a trace."""

    agree: int
    trace: Trace


def check_losses(
    my_losses: Sequence[float] | Callable[..., Any], network: Network | Training, X: npt.ArrayLike | None = None,
    Y: npt.ArrayLike | None = None, *, tolerance: float | None = None, **settings: Any,
) -> CheckedLosses:  # fmt: skip
    r"""Compare the losses of a whole training of yours, epoch by epoch, with ours from the same first weights.

    Ours is `bl.Training(network, X, Y, **settings)` on a copy of the network. Yours may be measured before the steps
    (of several batches, their mean over the epoch, as ours), after each epoch on all rows, or before training and
    after each epoch; with the penalties or without. Where they differ, the first epoch that does tells what differs:
    the loss before any step (its definition, the forward pass, the first weights), the first step (the gradient, or the
    update), or a later one (what a training remembers: momentum, the order of the rows, a schedule).

    The name is looked for by trainings with one setting changed: the rate 2 η, η/n, momentum left out, the last batch
    dropped, biases that are not trained, and others. A wrong gradient has no such name; `bl.check_gradients` finds it.
    Rows that you shuffle by another generator lead to other losses: shuffle neither, `shuffle=False`.

    Args:
        my_losses: a loss for each epoch, numbers or texts such as "0.2871"; or a function as `bl.check_gradients` takes
            it, which trains and returns them.
        network: with the weights that your training began with; or a `bl.Training` that has not run yet.
        X, Y: the rows, not given beside a training. settings: of `bl.Training`.
        tolerance: the largest relative difference that passes: by default 1e-6, 1e-3 in float32.

    Errors: a BacklitError where there are no losses, they are no numbers, or a training has run already.

    >>> import backlit as bl
    >>> network = bl.Network([bl.Dense(1, weights=[[0.5]])], inputs=1, loss="half_squared_error")
    >>> X, Y = [[1.0], [2.0]], [1.0, 1.0]
    >>> settings = {"optimizer": bl.SGD(0.1), "batch_size": "full", "compiled": False}
    >>> mine = [epoch.loss for epoch in bl.Training(network.copy(), X, Y, epochs=4, **settings)]
    >>> bl.check_losses(mine, network, X, Y, **settings).all_right
    True
    """
    with collecting([]):  # the warnings of a training are about ours, and of the trials about none
        return _checked(my_losses, _plan(network, X, Y, settings), tolerance)


def _checked(my_losses: Any, plan: Plan, tolerance: float | None) -> CheckedLosses:
    mine, half_units = _losses(my_losses, plan)
    plan = plan.of_epochs(len(mine))
    usual = TOLERANCES.get(plan.network.dtype.name, TOLERANCES["float32"])
    judge = _Judge(mine, half_units, usual if tolerance is None else tolerance)
    ours = [*_traces(Trial("", "", "", plan))]
    best = judge.best(ours)
    right = tuple(best.trace.values[: len(mine)])
    if best.agree == len(mine):
        return CheckedLosses(tuple(mine), right, best.trace.measured, None, "", judge.tolerance)
    first = best.trace.first + best.agree
    found = [*_named(judge, plan, ours)]
    stage = "before training" if first == 0 else "first step" if first == 1 else "later"
    notes = [*_notes(judge, plan, best, stage, found)]
    return CheckedLosses(
        tuple(mine), right, best.trace.measured, first, stage, judge.tolerance, tuple(found), tuple(notes)
    )


def _plan(given: Any, X: Any, Y: Any, settings: dict[str, Any]) -> Plan:
    """Give the training that ours is. Errors: a BacklitError for what is none."""
    if isinstance(given, Training):
        if X is not None or Y is not None or settings:
            raise BacklitError(
                "a training has its own rows and settings; give check_losses(my_losses, training) alone."
            )
        if len(given.history) or given.step:
            raise BacklitError(
                f"the training has run for {counted(len(given.history), 'epoch')}; expected one that has not run, "
                "whose network has the weights that yours began with."
            )
        if given.order is not None:
            raise BacklitError(
                "the training takes the order of its rows from a function; give network, X and Y instead."
            )
        own = {name: getattr(given.settings, name) for name in given.settings.__struct_fields__}
        weights = given.weights if given.weights.size else None
        return Plan(given.network, given.X, given.Y, {**own, "sample_weight": weights})
    if not isinstance(given, Network):
        raise BacklitError(f"network is {given!r}; expected a bl.Network, or a bl.Training that has not run.")
    if X is None or Y is None:
        raise BacklitError(
            "X and Y are missing: check_losses(my_losses, network, X, Y, optimizer=..., batch_size=...)."
        )
    made = Training(given.copy(), X, Y, **{**settings, "compiled": False})  # says which setting is wrong
    return Plan(given, made.X, made.Y, settings)


def _losses(given: Any, plan: Plan) -> tuple[list[float], list[float]]:
    """Give the learner's losses, and half a unit of each one's last digit where they were rounded."""
    if callable(given):
        given = Call(given, "my_losses", plan.network)(plan.X, plan.Y)
    array = as_array(given)
    whole = list(given) if array is None and isinstance(given, (list, tuple)) else None
    if whole is not None and whole and all(isinstance(one, str) for one in whole):
        read = [Written.of(one) for one in whole]
        return [one.value for one in read], [one.half for one in read]
    if whole is not None:
        parts = [as_array(one) for one in whole]
        array = None if any(part is None or part.size != 1 for part in parts) else np.array(
            [float(part.reshape(-1)[0]) for part in parts if part is not None])  # fmt: skip
    if array is None or array.size == 0 or array.ndim > 2 or max(array.shape, default=1) != array.size:
        said = "no losses" if array is not None and not array.size else f"{given!r}"[:60]
        raise BacklitError(f"my_losses is {said}; expected a loss for each epoch: [0.2983, 0.2871, ...].")
    values = [float(value) for value in array.reshape(-1)]
    decimals = max((-int(Written.of(value).unit and math.floor(math.log10(Written.of(value).unit)))
                    for value in values if math.isfinite(value)), default=0)  # fmt: skip
    rounded = 0.5 * 10.0**-decimals if decimals in ROUNDED else 0.0
    return values, [rounded] * len(values)


class _Judge:
    """Compares the learner's losses with traces."""

    def __init__(self, mine: list[float], half_units: list[float], tolerance: float) -> None:
        self.mine, self.half_units, self.tolerance = mine, half_units, tolerance

    def agree(self, values: Sequence[float], factor: float = 1.0) -> int:
        """Give how many losses from the first on agree."""
        count = 0
        for mine, half, other in zip(self.mine, self.half_units, values, strict=False):
            if not abs(mine - factor * other) <= self.tolerance * abs(factor * other) + half * 1.01:
                break
            count += 1
        return count

    def factor(self, values: Sequence[float], rows: int, outputs: int) -> tuple[float, str]:
        """Give a factor with a name by which the first loss is another, and its name; 1 where there is none."""
        for factor, name in factors(rows, outputs):
            if factor != 1.0 and self.agree(values[:1], factor):
                return factor, name
        return 1.0, ""

    def best(self, traces: Sequence[Trace]) -> Prefix:
        """Give the trace that agrees for the longest; of several the first."""
        found = [Prefix(self.agree(trace.values), trace) for trace in traces]
        return max(found, key=lambda prefix: prefix.agree)


def _traces(trial: Trial) -> Iterator[Trace]:
    """Give the losses of a training as learners measure them."""
    plan = trial.plan
    network = plan.network.copy()
    training = Training(network, plan.X, plan.Y, **plan.arguments())
    training.step = trial.step
    alone = [_loss(network, plan)]
    penalties, during = [plan.penalty(network)], []
    try:
        for epoch in training:
            during.append(epoch.loss)
            alone.append(_loss(network, plan))
            penalties.append(plan.penalty(network))
    except BacklitError:
        pass  # it diverged: the losses so far count
    whole = [loss + penalty for loss, penalty in zip(alone, penalties, strict=True)]
    several = plan.batches > 1
    before = "the mean of the epoch's batches, before each one's step" if several else "before each step"
    yield Trace(before, int(several), during)
    yield Trace("before training, then after each epoch", 0, whole)
    yield Trace("after each epoch", 1, whole[1:])
    if any(penalties):
        yield Trace("before training, then after each epoch, without the penalty", 0, alone)
        yield Trace("after each epoch, without the penalty", 1, alone[1:])


def _loss(network: Network, plan: Plan) -> float:
    try:
        weights = plan.settings.get("sample_weight")
        return network.evaluate(plan.X, plan.Y, sample_weight=weights, metrics=(), compiled=False).loss
    except BacklitError:
        return math.nan


def _named(judge: _Judge, plan: Plan, ours: Sequence[Trace]) -> Iterator[FoundMistake]:
    """Give the mistakes whose training has all of the learner's losses."""
    outputs, count, exact = plan.network.output_size, len(judge.mine), list[FoundMistake]()
    for trace in ours:
        factor, name = judge.factor(trace.values, len(plan.X), outputs)
        if factor != 1.0 and judge.agree(trace.values, factor) == count:
            yield FoundMistake(
                "loss-factor", f"the loss is {name} × ours in every epoch",
                "The weights learn the same; only the definition of the loss differs: its factor, or a sum in place of "
                "a mean.", trace.measured,
            )  # fmt: skip
            return
    scaled: list[FoundMistake] = []
    for trial in trials(plan):
        for trace in _traces(trial):
            if judge.agree(trace.values) == count:
                exact.append(trial.found(trace.measured))
                break
            factor, name = judge.factor(trace.values, len(plan.X), outputs)
            if factor != 1.0 and judge.agree(trace.values, factor) == count:
                scaled.append(trial.found(trace.measured, f"and the loss is {name} × ours"))
                break
    yield from exact or scaled


def _notes(judge: _Judge, plan: Plan, best: Prefix, stage: str, found: Sequence[FoundMistake]) -> Iterator[str]:
    """Say what the first loss that differs tells."""
    values = best.trace.values
    if best.agree < len(judge.mine) and not math.isfinite(judge.mine[best.agree]):
        yield f"your loss is {judge.mine[best.agree]} there: a division by 0, a logarithm of 0, or too large steps"
    if found:
        return
    if stage == "before training":
        yield (
            "the loss before any step differs: the first weights, the forward pass, or the loss itself. "
            "bl.check_gradients(..., my_forward=...) compares the outputs layer by layer"
        )
    elif stage == "first step" and plan.batches > 1:
        yield (
            f"it differs within the first epoch, of {plan.batches} steps: the order of the rows (shuffle=False on both "
            "sides makes them the same), the last batch, the gradient or the update"
        )
    elif stage == "first step":
        yield "the loss before it agrees: the gradient or the update differs. bl.check_gradients compares the gradient"
    else:
        yield (
            f"{counted(best.agree, 'loss', 'losses')} agree before it: what a training remembers differs (momentum or "
            "other sums, the number of the step, a schedule, the order of the rows), or a rare case (relu at 0)"
        )
    k = best.agree
    if 0 < k < min(len(judge.mine), len(values)):
        change, ours = judge.mine[k] - judge.mine[k - 1], values[k] - values[k - 1]
        if change > 0 > ours:
            yield "your loss rises where ours falls: look at the sign of the update, and at the rate"
