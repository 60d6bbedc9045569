"""`backlit.check_losses`: the losses of a learner's whole training beside ours, from the same first weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from backlit.check.code.calling import Call
from backlit.check.code.comparing import checked_tolerance, factors
from backlit.check.code.plan import Plan
from backlit.check.code.recording import MOST_STEPS, EpochLosses, Way, epochs_of, ways_of
from backlit.check.code.records import CheckedLosses, FoundMistake, LossStage
from backlit.check.code.returned import as_array, shortly
from backlit.check.code.trials import TRIALS, Trial
from backlit.check.reading.number_texts import number_of
from backlit.engine import Network, Training
from backlit.errors import BacklitError, collecting, counted

TOLERANCES = {"float64": 1e-6, "float32": 1e-3}
"""The largest relative difference that passes; of numbers with fewer digits, half a unit of the last one counts too."""
ROUNDED = range(3, 9)
"""Losses whose longest has so many decimals were rounded; with fewer they tell nothing."""
FIRST_LOSSES = (
    ("before training, then after each epoch", "before any step"),
    ("as the mean of the epoch's batches, before each one's step", "as the mean of the first epoch's batches"),
    ("after each epoch", "after the first epoch"),
)


class Followed:
    """The learner's losses along a training, recorded in one way, times a factor.

    `values` are the training's, as far as it was followed; `agree` says how many of the learner's agree, from the first
    on; `open` is False after the first that does not.
    """

    def __init__(self, way: Way, factor: float = 1.0, name: str = "") -> None:
        self.way, self.factor, self.name = way, factor, name
        self.values: list[float] = []
        self.agree, self.open = 0, True

    @property
    def first(self) -> int:
        """How many epochs, or steps, were begun before the first loss that differs was measured."""
        return self.way.first + self.agree


def check_losses(
    my_losses: Sequence[float] | Callable[..., Any], network: Network | Training, X: npt.ArrayLike | None = None,
    Y: npt.ArrayLike | None = None, *, tolerance: float | None = None, **settings: Any,
) -> CheckedLosses:  # fmt: skip
    r"""Compare the losses of a whole training of yours, epoch by epoch, with ours from the same first weights.

    Ours is `bl.Training(network, X, Y, **settings)` on a copy of the network. Yours may be recorded in the usual ways,
    and `measured` says which it is: before each step, after each epoch on all rows, or before training and after each
    epoch; of several batches as their mean or their sum, each before or after its step, the first or the last batch of
    an epoch, or every batch; on the rows of the validation; with the penalties or without; as a sum over the rows.
    Where they differ, the first that does tells what differs: the loss before any step (its definition, the forward
    pass, the first weights), the first step (the gradient, or the update), or a later one (what a training remembers:
    momentum, the order of the rows, a schedule).

    The name is looked for by trainings with one setting changed: the rate 2 η, η/n, momentum left out, other batches,
    rows shuffled by another seed or not at all, epochs counted from 1, biases that are not trained, and others. A wrong
    gradient has no such name; `bl.check_gradients` finds it. Rows that you shuffle by another generator lead to other
    losses: shuffle neither, `shuffle=False`.

    Args:
        my_losses: a loss for each epoch, or for each step, numbers or texts such as "0.2871"; or a function as
            `bl.check_gradients` takes it, which trains and returns them.
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
        return _checked(my_losses, _plan(network, X, Y, settings), checked_tolerance(tolerance))


def _checked(my_losses: Any, plan: Plan, tolerance: float | None) -> CheckedLosses:
    mine, half_units = _losses(my_losses, plan)
    plan = plan.for_losses(len(mine))
    usual = TOLERANCES.get(plan.network.dtype.name, TOLERANCES["float32"])
    judge = _Judge(mine, half_units, usual if tolerance is None else tolerance)
    ours = judge.follow(Trial("", "", "", plan), to_the_end=True)
    whole = judge.whole(ours)
    if whole is not None and (whole.factor == 1.0 or _is_sum(plan, whole.factor)):
        return _record(judge, whole, None, "")
    named = _named(judge, plan) if whole is None else [(_scaled(whole), whole.way)]
    found = [mistake for mistake, _ in named]
    ours = [one for one in ours if one.factor == 1.0]
    best = max(ours, key=lambda one: one.agree)
    way = named[0][1] if named else best.way
    best = max(ours, key=lambda one: (one.way.measured == way.measured, one.agree))
    first = best.first if way.measured == best.way.measured else max(best.first, way.first)
    stage = _stage(first, told=bool(best.agree or named))
    notes = [*_notes(judge, plan, ours, best, stage, found)]
    return _record(judge, best, first, stage, found=found, notes=notes)


def _record(
    judge: _Judge, of: Followed, first: int | None, stage: LossStage, *,
    found: Sequence[FoundMistake] = (), notes: Sequence[str] = (),
) -> CheckedLosses:  # fmt: skip
    measured = of.way.measured
    if of.factor != 1.0:
        measured += f", as {'a sum' if of.factor > 1.0 else 'a mean'}: {of.name} × ours"
    right = tuple(of.factor * value for value in of.values[: len(judge.mine)])
    return CheckedLosses(
        tuple(judge.mine), right, measured, first, stage, judge.tolerance, tuple(found),
        tuple(notes), of.way.begins, of.agree, of.way.per,
    )  # fmt: skip


def _stage(first: int, *, told: bool) -> LossStage:
    """Give what differs first; nothing tells where it is measured if no loss of ours agrees with it."""
    if not told:
        return "first loss"
    return "before training" if first == 0 else "first step" if first == 1 else "later"


def _is_sum(plan: Plan, factor: float) -> bool:
    """Tell whether a loss times a factor is one that is summed where ours is averaged, or the other way round."""
    n, k = len(plan.X), plan.network.output_size
    known = {"sum": (1.0 / n,), "mean": (float(n),), "mean_all": (float(n), float(n * k))}
    return any(math.isclose(factor, one) for one in known[plan.network.loss.reduction] if one != 1.0)


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
        validation = None if given.validation is None else (*given.validation[:2], given.validation[2])
        return Plan(given.network, given.X, given.Y, {**own, "sample_weight": weights}, validation)
    if not isinstance(given, Network):
        raise BacklitError(f"network is {given!r}; expected a bl.Network, or a bl.Training that has not run.")
    if X is None or Y is None:
        raise BacklitError(
            "X and Y are missing: check_losses(my_losses, network, X, Y, optimizer=..., batch_size=...)."
        )
    made = Training(given.copy(), X, Y, **{**settings, "compiled": False})  # says which setting is wrong
    return Plan(given, made.X, made.Y, settings, made.validation)


def _losses(given: Any, plan: Plan) -> tuple[list[float], list[float]]:
    """Give the learner's losses, and half a unit of each one's last digit where they were rounded."""
    if callable(given):
        given = Call(given, "my_losses", plan.network)(plan.X, plan.Y)
    if isinstance(given, Mapping) and "loss" in given:  # Keras's history
        given = given["loss"]
    array = as_array(given)
    whole = list(given) if array is None and isinstance(given, (list, tuple)) else None
    if whole is not None and whole and all(isinstance(one, str) for one in whole):
        read = [number_of(one, points=any("." in other for other in whole)) for one in whole]
        return [one.value for one in read], [one.half for one in read]
    if whole is not None:
        parts = [as_array(one) for one in whole]
        array = None if any(part is None or part.size != 1 for part in parts) else np.array(
            [float(part.reshape(-1)[0]) for part in parts if part is not None])  # fmt: skip
    if array is None or array.size == 0 or array.ndim > 2 or max(array.shape, default=1) != array.size:
        said = "no losses" if array is not None and not array.size else shortly(given)
        raise BacklitError(f"my_losses is {said}; expected a loss for each epoch: [0.2983, 0.2871, ...].")
    values = [float(value) for value in array.reshape(-1)]
    exponents = [Decimal(str(value)).as_tuple().exponent for value in values if math.isfinite(value)]
    decimals = -min((exponent for exponent in exponents if isinstance(exponent, int)), default=0)
    rounded = 0.5 * 10.0**-decimals if decimals in ROUNDED else 0.0
    return values, [rounded] * len(values)


class _Judge:
    """Compares the learner's losses with those of trainings."""

    def __init__(self, mine: list[float], half_units: list[float], tolerance: float) -> None:
        self.mine, self.half_units, self.tolerance = mine, half_units, tolerance

    def agrees(self, k: int, value: float) -> bool:
        """Tell whether the learner's loss number k, from 0, is a value."""
        return abs(self.mine[k] - value) <= self.tolerance * abs(value) + self.half_units[k] * 1.01

    def follow(self, trial: Trial, *, to_the_end: bool = False) -> list[Followed]:
        """Make a training for as long as one of the ways of recording it may give the learner's losses.

        Each way comes as it is, and times the factors with a name by which the first loss is the learner's;
        `to_the_end` says to go on with the former where nothing agrees any more.
        """
        plan, count = trial.plan, len(self.mine)
        followed = [Followed(way) for way in ways_of(plan)]
        for epoch in epochs_of(plan, trial.step):
            if epoch.number == 1:
                followed += self._scaled(plan, epoch)
            waiting = [one for one in followed if one.open or (to_the_end and one.factor == 1.0)]
            for one in waiting:
                self._go_on(one, one.way.losses(epoch))
            if all(len(one.values) >= count or not (one.open or to_the_end) for one in waiting):
                break
        return followed

    def _scaled(self, plan: Plan, epoch: EpochLosses) -> Iterator[Followed]:
        """Give the ways with a factor by which the first loss is the learner's."""
        for way in ways_of(plan):
            for value in way.losses(epoch)[:1]:
                for factor, name in factors(len(plan.X), plan.network.output_size):
                    if factor != 1.0 and self.agrees(0, factor * value):
                        yield Followed(way, factor, name)

    def _go_on(self, one: Followed, values: Sequence[float]) -> None:
        for value in values[: len(self.mine) - len(one.values)]:
            k = len(one.values)
            one.values.append(value)
            if one.open:
                one.open = self.agrees(k, one.factor * value)
                one.agree += one.open

    def whole(self, followed: Sequence[Followed]) -> Followed | None:
        """Give the first way in which all losses agree, with a factor only where there is no other; None if none."""
        found = (one for one in followed if one.agree == len(self.mine))
        return min(found, key=lambda one: one.factor != 1.0, default=None)


def _scaled(one: Followed) -> FoundMistake:
    return FoundMistake(
        "loss-factor", f"the loss is {one.name} × ours in every epoch",
        "The weights learn the same; only the definition of the loss differs.", one.way.measured,
    )  # fmt: skip


def _named(judge: _Judge, plan: Plan) -> list[tuple[FoundMistake, Way]]:
    """Give the mistakes whose training has all of the learner's losses; else those of which it has a factor."""
    scaled = list[tuple[FoundMistake, Way]]()
    for kind in TRIALS:
        exact = list[tuple[FoundMistake, Way]]()
        for trial in kind(plan):
            one = judge.whole(judge.follow(trial))
            if one is not None and one.factor == 1.0:
                exact.append((trial.found(one.way.measured), one.way))
            elif one is not None:
                scaled.append((trial.found(one.way.measured, f"and the loss is {one.name} × ours"), one.way))
        if exact:
            return exact
    return scaled


def _notes(
    judge: _Judge, plan: Plan, ours: Sequence[Followed], best: Followed, stage: LossStage,
    found: Sequence[FoundMistake],
) -> Iterator[str]:  # fmt: skip
    """Say what the first loss that differs tells."""
    k, values = best.agree, best.values
    if not math.isfinite(judge.mine[k]):
        yield f"your loss is {judge.mine[k]} there: a division by 0, a logarithm of 0, or too large steps"
    if plan.batches > 1 and plan.steps > MOST_STEPS:
        yield (
            f"the training has {plan.steps:,} steps, and losses recorded by batches are recognised in up to "
            f"{MOST_STEPS:,}: give fewer epochs"
        )
    if found:
        return
    if stage == "first loss":
        yield from _of_the_first(judge, plan, ours)
    elif stage == "first step" and plan.batches > 1:
        yield (
            f"it differs within the first epoch, of {plan.batches} steps: the order of the rows (shuffle=False on both "
            "sides makes them the same), the last batch, the gradient or the update"
        )
    elif stage == "first step":
        yield "the loss before it agrees: the gradient or the update differs. bl.check_gradients compares the gradient"
    else:
        yield (
            f"{counted(k, 'loss', 'losses')} agree before it: what a training remembers differs (momentum or "
            "other sums, the number of the step, a schedule, the order of the rows), or a rare case (relu at 0)"
        )
    if 0 < k < min(len(judge.mine), len(values)):
        change, right = judge.mine[k] - judge.mine[k - 1], values[k] - values[k - 1]
        if change > 0 > right:
            yield "your loss rises where ours falls: look at the sign of the update, and at the rate"


def _of_the_first(judge: _Judge, plan: Plan, ours: Sequence[Followed]) -> Iterator[str]:
    """Say what ours are where the learner's first loss is none of them."""
    firsts = {one.way.measured: one.values[0] for one in ours if one.values and one.way.penalized}
    said = [f"{firsts[name]:.9g} {text}" for name, text in FIRST_LOSSES if name in firsts]
    yield f"your first loss, {judge.mine[0]:.9g}, is none of ours: {', '.join(said)}"
    yield (
        "if yours is measured before any step, the first weights, the forward pass or the loss itself differs: "
        "bl.check_gradients(..., my_forward=...) compares the outputs layer by layer"
    )
    steps = "the batches, their order (shuffle=False on both sides makes it the same), " if plan.batches > 1 else ""
    yield f"if yours is measured after a step, it may be {steps}the gradient or the update"
