"""Schedules: what the learning rate is multiplied by, step after step.

A step is one update; steps count from 0 through the whole training, and e = ⌊step / steps per epoch⌋ is the number of
the epoch, from 0. The optimizer's rate η times the schedule's scale is the rate of the step.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Annotated, Any, ClassVar

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from backlit.kernels.types import Array
from backlit.ops.base import Op, check_settings
from backlit.ops.registry import register, schedules
from backlit.ops.value_checks import Count, Factor, NotNegative, Portion, Positive, Whole

State = MutableMapping[str, float]


class Schedule(Op, frozen=True):
    """The base of schedules.

    `needs_loss` says that the schedule needs each epoch's loss: `observe` is then called after every epoch.

    Errors: a BacklitError where a setting is out of its bounds.
    """

    kind: ClassVar[str] = "schedule"
    formula: ClassVar[str] = ""

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def needs_loss(self) -> bool:
        """Whether `observe` has anything to do."""
        return False

    def scale(self, steps: npt.ArrayLike, steps_per_epoch: int, total_steps: int) -> Array:
        """Give the factor of the rate for each of the steps (any shape), in float64."""
        return np.ones(np.shape(steps))

    def observe(self, state: State, loss: float) -> float:
        """Take the loss of the epoch that ended, and give the factor of the rate from here on.

        `state` is plain data, empty at first, which the schedule writes to; a training that is resumed passes it in
        again. With `state["stop"]` at 1 the schedule ends the training.
        """
        return 1.0


def _steps(steps: npt.ArrayLike) -> Array:
    return np.asarray(steps, np.float64)


def _epochs(steps: npt.ArrayLike, steps_per_epoch: int) -> Array:
    """Give the number of each step's epoch, from 0."""
    return np.floor(_steps(steps) / steps_per_epoch)


@register("constant")
class ConstantRate(Schedule, frozen=True):
    """The same rate throughout: the scale is 1.

    Source: the default of Robbins, Monro's method with a fixed step; see `sgd`.

    >>> from backlit.ops.schedules import ConstantRate
    >>> ConstantRate().scale([0, 1, 2], steps_per_epoch=1, total_steps=3)
    array([1., 1., 1.])
    """

    formula: ClassVar[str] = "1"


@register("step")
class StepDecay(Schedule, frozen=True):
    r"""Steps down every few epochs: the scale is factor^⌊e / every⌋. PyTorch's `StepLR`.

    Args:
        every: the epochs between two steps. factor: what each multiplies the rate by, above 0.

    Source: He et al., "Deep residual learning for image recognition", CVPR 2016 (a tenth at each step).

    >>> from backlit.ops.schedules import StepDecay
    >>> StepDecay(every=2, factor=0.5).scale([0, 1, 2, 3, 4], steps_per_epoch=1, total_steps=5)
    array([1.  , 1.  , 0.5 , 0.5 , 0.25])
    """

    every: Count = 10
    factor: Positive = 0.1
    formula: ClassVar[str] = r"f^{\lfloor e / k \rfloor}"

    def scale(self, steps: npt.ArrayLike, steps_per_epoch: int, total_steps: int) -> Array:
        """Give factor^⌊e / every⌋."""
        scale: Array = self.factor ** np.floor(_epochs(steps, steps_per_epoch) / self.every)
        return scale


@register("exponential")
class ExponentialDecay(Schedule, frozen=True):
    r"""Falls by the same factor each epoch: the scale is factor^e. PyTorch's `ExponentialLR`.

    Args:
        factor: what each epoch multiplies the rate by, above 0.

    Source: Bottou, "Stochastic gradient descent tricks", Neural Networks: Tricks of the Trade, 2012, on falling rates.

    >>> from backlit.ops.schedules import ExponentialDecay
    >>> ExponentialDecay(0.5).scale([0, 1, 2, 3], steps_per_epoch=2, total_steps=4)
    array([1. , 1. , 0.5, 0.5])
    """

    factor: Positive = 0.95
    formula: ClassVar[str] = r"f^e"

    def scale(self, steps: npt.ArrayLike, steps_per_epoch: int, total_steps: int) -> Array:
        """Give factor^e."""
        scale: Array = self.factor ** _epochs(steps, steps_per_epoch)
        return scale


@register("inverse_scaling")
class InverseScaling(Schedule, frozen=True):
    r"""Falls as a power of time: the scale is 1 / (1 + e per_epoch)^power.

    scikit-learn's `learning_rate="invscaling"` counts time in rows: it is this with the number of training rows as
    `per_epoch` and `power_t` as `power`.

    Args:
        power: at least 0. per_epoch: what time counts in an epoch: 1 counts epochs.

    Source: Robbins, Monro, "A stochastic approximation method", Annals of Mathematical Statistics 22, 1951 (powers
    above 1/2 up to 1 converge).

    >>> from backlit.ops.schedules import InverseScaling
    >>> InverseScaling(power=0.5, per_epoch=3).scale([0, 1, 5], steps_per_epoch=1, total_steps=6)
    array([1.  , 0.5 , 0.25])
    """

    power: NotNegative = 0.5
    per_epoch: Positive = 1.0
    formula: ClassVar[str] = r"\frac{1}{(1 + c\,e)^p}"

    def scale(self, steps: npt.ArrayLike, steps_per_epoch: int, total_steps: int) -> Array:
        """Give 1 / (1 + e per_epoch)^power."""
        scale: Array = (1.0 + self.per_epoch * _epochs(steps, steps_per_epoch)) ** -self.power
        return scale


@register("cosine")
class CosineAnnealing(Schedule, frozen=True):
    r"""Half a cosine from 1 down to `floor`, again and again: floor + (1 - floor) (1 + cos π τ) / 2.

    τ runs from 0 to 1 over a period, step by step, and starts anew at the next. With the period of the whole training
    this is PyTorch's `CosineAnnealingLR`, else its `CosineAnnealingWarmRestarts`, both stepped after every batch.

    Args:
        period: the epochs of the first period; 0 is the whole training, without restarts.
        multiplier: how many times longer each period is than the one before, at least 1.
        floor: where a period ends, from 0 to 1.

    Source: Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.

    >>> from backlit.ops.schedules import CosineAnnealing
    >>> CosineAnnealing(period=2).scale([0, 1, 2, 3], steps_per_epoch=1, total_steps=4)
    array([1. , 0.5, 1. , 0.5])
    """

    period: NotNegative = 0.0
    multiplier: Annotated[float, Meta(ge=1)] = 1.0
    floor: Portion = 0.0
    formula: ClassVar[str] = r"\mathit{floor} + (1 - \mathit{floor}) \frac{1 + \cos \pi \tau}{2}"

    def scale(self, steps: npt.ArrayLike, steps_per_epoch: int, total_steps: int) -> Array:
        """Give floor + (1 - floor) (1 + cos π τ) / 2."""
        if self.period:
            time = self._within(_steps(steps), self.period * steps_per_epoch)
        else:
            time = np.minimum(_steps(steps) / max(total_steps, 1), 1.0)
        return self.floor + (1.0 - self.floor) * 0.5 * (1.0 + np.cos(np.pi * time))

    def _within(self, steps: Array, first: float) -> Array:
        """Give the part of its period before each step, where the first period has `first` steps."""
        if self.multiplier == 1.0:
            return np.mod(steps, first) / first
        starts = [0.0]
        while starts[-1] <= steps.max(initial=0.0):
            starts.append(starts[-1] + first * self.multiplier ** (len(starts) - 1))
        bounds = np.array(starts)
        k = np.searchsorted(bounds, steps, side="right") - 1
        within: Array = (steps - bounds[k]) / (bounds[k + 1] - bounds[k])
        return within


@register("warmup")
class Warmup(Schedule, frozen=True):
    r"""Rises evenly to the full rate, then follows another schedule: (step + 1) / W over the first W steps.

    W is `epochs` times the steps per epoch, at least 1 step; the first step has 1/W of the rate, the W-th all of it.
    PyTorch's `LinearLR(start_factor=1/W, total_iters=W - 1)`. The other schedule counts its steps from the end of the
    rise.

    Args:
        epochs: how long the rise takes, above 0; parts of an epoch will do.
        then: the schedule that follows, or its name.

    Source: Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", arXiv 1706.02677, 2017; this
    rise: Ma, Yarats, "On the adequacy of untuned warmup for adaptive optimization", AAAI 2021.

    >>> from backlit.ops.schedules import Warmup
    >>> Warmup(epochs=2, then="exponential").scale([0, 1, 2, 3, 4, 6], steps_per_epoch=2, total_steps=8)
    array([0.25, 0.5 , 0.75, 1.  , 1.  , 0.95])
    """

    nested: ClassVar[dict[str, str]] = {"then": "schedule"}
    epochs: Positive = 5.0
    then: str | Schedule = "constant"
    formula: ClassVar[str] = r"\min\left(1, \frac{\mathit{step} + 1}{W}\right)"

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "then", schedules.make(self.then))
        super().__post_init__()

    @property
    def _following(self) -> Schedule:
        following: Any = self.then
        return following  # type: ignore[no-any-return]

    @property
    def needs_loss(self) -> bool:
        """Whether the schedule that follows needs the loss."""
        return self._following.needs_loss

    def scale(self, steps: npt.ArrayLike, steps_per_epoch: int, total_steps: int) -> Array:
        """Give min(1, (step + 1) / W) times the other schedule's scale."""
        rise = max(1, round(self.epochs * steps_per_epoch))
        after = np.maximum(_steps(steps) - rise, 0.0)
        following = self._following.scale(after, steps_per_epoch, max(total_steps - rise, 1))
        return np.minimum((_steps(steps) + 1.0) / rise, 1.0) * following

    def observe(self, state: State, loss: float) -> float:
        """Pass the loss to the schedule that follows."""
        return self._following.observe(state, loss)


@register("one_cycle")
class OneCycle(Schedule, frozen=True):
    r"""One rise to the full rate and one long fall, over the whole training.

    From 1 / start_divisor up to 1 until the share `peak` of the steps, then down to 1 / (start_divisor end_divisor) at
    the last; along half cosines, or along lines. The optimizer's rate is the highest one. PyTorch's `OneCycleLR`, but
    for the momentum, which stays as it is: PyTorch moves it from 0.95 down to 0.85 and back (`cycle_momentum`).

    Args:
        peak: the share of the steps before the peak, between 0 and 1.
        start_divisor: how many times lower the rate starts. end_divisor: how many times lower still it ends.
        linear: lines instead of cosines.

    Source: Smith, "A disciplined approach to neural network hyper-parameters: part 1", arXiv 1803.09820, 2018.

    >>> from backlit.ops.schedules import OneCycle
    >>> OneCycle(peak=0.5, start_divisor=4, linear=True).scale([0, 1, 2, 3], steps_per_epoch=1, total_steps=6)
    array([0.25    , 0.625   , 1.      , 0.666675])
    """

    peak: Factor = 0.3
    start_divisor: Annotated[float, Meta(ge=1)] = 25.0
    end_divisor: Annotated[float, Meta(ge=1)] = 1e4
    linear: bool = False
    formula: ClassVar[str] = r"\mathit{low} + (\mathit{high} - \mathit{low}) \frac{1 - \cos \pi \tau}{2}"

    def scale(self, steps: npt.ArrayLike, steps_per_epoch: int, total_steps: int) -> Array:
        """Give the rise up to the peak and the fall after it."""
        top, last = self.peak * total_steps - 1.0, total_steps - 1.0
        start, end = 1.0 / self.start_divisor, 1.0 / (self.start_divisor * self.end_divisor)
        rise = self._ease(_steps(steps) / max(top, 1.0))
        fall = self._ease((_steps(steps) - top) / max(last - top, 1.0))
        return np.where(_steps(steps) <= top, start + (1.0 - start) * rise, 1.0 + (end - 1.0) * fall)

    def _ease(self, time: Array) -> Array:
        """Go from 0 to 1 as time does, and stay there."""
        time = np.clip(time, 0.0, 1.0)
        return time if self.linear else 0.5 * (1.0 - np.cos(np.pi * time))


class Watcher(Schedule, frozen=True):
    """The base of schedules that lower the rate when the loss has not improved in more than `patience` epochs."""

    factor: Factor = 0.1
    patience: Whole = 10

    @property
    def needs_loss(self) -> bool:
        """True: `observe` counts the epochs without improvement."""
        return True

    def _count(self, state: State, improved: bool) -> bool:
        """Count the epochs without improvement, and tell whether there are too many; then counting starts anew."""
        state["waited"] = 0 if improved else state.get("waited", 0) + 1
        if state["waited"] <= self.patience:
            return False
        state["waited"] = 0
        return True


@register("plateau")
class ReduceOnPlateau(Watcher, frozen=True):
    r"""Lowers the rate when the loss has not improved in more than `patience` epochs in a row.

    An epoch improves if its loss is below the best one less `threshold` (of its size if `relative`); only then it is
    the new best. The loss is the monitored one: of the validation rows if there are any. PyTorch's `ReduceLROnPlateau`,
    but for losses below 0: PyTorch compares with best (1 - threshold), which is above a negative best, so that a loss
    that became a little worse counts as an improvement there.

    Args:
        factor: what the rate is multiplied by, between 0 and 1. patience: epochs, at least 0.
        threshold: the least decrease that counts, at least 0. relative: whether it is a part of the best loss.
        floor: the least scale, from 0 to 1.

    Source: the practice described in Bengio, "Practical recommendations for gradient-based training of deep
    architectures", Neural Networks: Tricks of the Trade, 2012, section 3.1.1.

    >>> from backlit.ops.schedules import ReduceOnPlateau
    >>> schedule, state = ReduceOnPlateau(factor=0.5, patience=1), {}
    >>> [schedule.observe(state, loss) for loss in (3.0, 2.0, 2.0, 2.0, 1.0)]
    [1.0, 1.0, 1.0, 0.5, 0.5]
    """

    threshold: NotNegative = 1e-4
    relative: bool = True
    floor: Portion = 0.0
    formula: ClassVar[str] = r"\max(f^k, \mathit{floor})"

    def observe(self, state: State, loss: float) -> float:
        """Compare the loss with the best, and give the scale from here on."""
        best = state.get("best")
        margin = self.threshold * (abs(best) if self.relative and best is not None else 1.0)
        improved = best is None or loss < best - margin
        if improved:
            state["best"] = loss
        if self._count(state, improved):
            state["scale"] = max(state.get("scale", 1.0) * self.factor, self.floor)
        return state.get("scale", 1.0)


@register("adaptive")
class AdaptiveRate(Watcher, frozen=True):
    r"""scikit-learn's `learning_rate="adaptive"`: a fifth of the rate after more than `patience` epochs on a plateau.

    An epoch improves if its loss is at or below the lowest so far less `tolerance`; every lower loss is the new lowest,
    so many small decreases in a row do not count as improvement, other than with `plateau`. A plateau at a scale of at
    most `stop` ends the training instead.

    Args:
        factor: what the rate is multiplied by, between 0 and 1. patience: epochs, scikit-learn's `n_iter_no_change`.
        tolerance: scikit-learn's `tol`. stop: scikit-learn's is 1e-6 divided by the optimizer's rate; 0 is never.

    Source: scikit-learn's MLPClassifier, `sklearn/neural_network/_stochastic_optimizers.py`.

    >>> from backlit.ops.schedules import AdaptiveRate
    >>> schedule, state = AdaptiveRate(patience=1, stop=0.1), {}
    >>> [schedule.observe(state, loss) for loss in (2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0)]
    [1.0, 1.0, 0.2, 0.2, 0.04..., 0.04..., 0.04...]
    >>> state["stop"]
    1
    """

    factor: Factor = 0.2
    tolerance: NotNegative = 1e-4
    stop: NotNegative = 0.0
    formula: ClassVar[str] = r"f^k"

    def observe(self, state: State, loss: float) -> float:
        """Compare the loss with the lowest, and give the scale from here on."""
        lowest, scale = state.get("best"), state.get("scale", 1.0)
        improved = lowest is None or loss <= lowest - self.tolerance
        state["best"] = loss if lowest is None else min(loss, lowest)
        if self._count(state, improved):
            if scale <= self.stop:
                state["stop"] = 1
            else:
                state["scale"] = scale = scale * self.factor
        return scale
