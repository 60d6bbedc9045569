"""Trainings with one setting changed, as a learner's script has it by mistake.

Where the catalogue of mistakes has the same one for a single step, the code is that of its entry.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import numpy as np

from backlit.check.code.plan import Orders, Plan
from backlit.check.code.records import FoundMistake
from backlit.engine import Network, TrainingSettings
from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.ops.base import Optimizer
from backlit.ops.optimizers.descent import SGD, Momentum, Nesterov
from backlit.ops.registry import optimizers
from backlit.ops.schedules import ExponentialDecay, Schedule

MANY_STEPS = 10**6
"""So many steps done: the bias correction of Adam's moments is 1."""
BATCHES = (2, 4, 5, 8, 10, 16, 20, 32, 50, 64, 100, 128, 256)
"""Sizes of batches that are tried where the training has another one."""
SEEDS = (0, 1, 2, 3, 42, 123)
"""Seeds of shuffles that are tried."""
FALLING = (0.5, 0.9, 0.95, 0.99)
"""Factors of the rate that are tried where it stays the same."""
EPOCH = "An epoch takes the steps of its batches, each with the gradient of its rows."


class Uphill(SGD, frozen=True):
    """Gradient ascent: w ← w + η g."""

    name = "uphill"

    @staticmethod
    def update(w: Any, g: Any, rate: float) -> Any:
        """Give w + η g."""
        return (w + rate * g,)


class Recounted(Schedule, frozen=True):
    """A schedule that counts from later epochs or steps, by steps, or takes each epoch on top of the one before."""

    of: Schedule
    epochs: int = 0
    steps: int = 0
    by_steps: bool = False
    on_top: bool = False

    def scale(self, steps: Any, steps_per_epoch: int, total_steps: int) -> Array:
        """Give the factor of the rate."""
        counted = np.asarray(steps) + self.steps + self.epochs * steps_per_epoch
        if self.by_steps:
            return self.of.scale(counted, 1, total_steps)
        if not self.on_top:
            return self.of.scale(counted, steps_per_epoch, total_steps)
        epochs = counted // steps_per_epoch
        each = self.of.scale(np.arange(epochs.max() + 1) * steps_per_epoch, steps_per_epoch, total_steps)
        found: Array = np.cumprod(each)[epochs]
        return found


class Trial(msgspec.Struct, frozen=True):
    """A training as a mistake makes it; `step` is how many steps the optimizer takes for done."""

    code: str
    title: str
    why: str
    plan: Plan
    step: int = 0

    def found(self, where: str, detail: str = "") -> FoundMistake:
        """Give the record of the mistake."""
        return FoundMistake(self.code, self.title, self.why, where, detail)


def trials(plan: Plan) -> Iterator[Trial]:
    """Give the trainings that are tried first, each with the name of the mistake: those with a setting changed."""
    settings = plan.training_settings()
    for make in (_rates, _memory, _batches, _penalties, _parts, _schedules, _others):
        yield from make(plan, settings)


def far_trials(plan: Plan) -> Iterator[Trial]:
    """Give the trainings that are tried where no other has the losses: other batches, orders of rows, falling rates."""
    settings = plan.training_settings()
    for make in (_sizes, _orders, _falling):
        yield from make(plan, settings)


def _rates(plan: Plan, settings: TrainingSettings) -> Iterator[Trial]:
    """Give trainings at other rates: a factor that the gradient has too many or too few."""
    optimizer = settings.optimizer
    rate = getattr(optimizer, "rate", None)
    if rate is None:
        return
    n, b, k = len(plan.X), settings.batch_rows(len(plan.X)), plan.network.output_size
    why = (
        "A constant factor of the gradient is a factor of the rate: look at the loss's slope, at 1/n, and at the rate."
    )
    titles = [(2.0, "2 η: a 2 too many in the gradient"), (0.5, "η/2: a ½ too many in the gradient, or its 2 left out"),
              (float(b), f"{b} η: the sum over the {b} rows of a batch in place of their mean"),
              (1.0 / b, f"η/{b}: divided by the {b} rows of a batch once too often"),
              (float(n), f"{n} η: the sum over the {n} rows in place of their mean"),
              (1.0 / n, f"η/{n}: divided by the {n} rows once too often"),
              (float(k), f"{k} η: not divided by the {k} outputs"), (1.0 / k, f"η/{k}: divided by the {k} outputs"),
              (2.0 * k, f"{2 * k} η"), (0.5 / k, f"η/{2 * k}"), (2.0 / b, f"2 η/{b}"), (2.0 * b, f"{2 * b} η"),
              (b / 2.0, f"{b} η/2"), (float(n * k), f"{n * k} η"), (1.0 / (n * k), f"η/{n * k}"), (10.0, "10 η"),
              (0.1, "η/10")]  # fmt: skip
    first: dict[float, str] = {}
    for factor, title in titles:
        first.setdefault(round(factor, 12), title)
    for factor, title in first.items():
        if factor != 1.0:
            yield from _with(
                plan, "rate-factor", f"the steps are those of the rate {title}", why, optimizer, factor * rate
            )
    why = "The step is η times the gradient; here the gradient has the rate in it already."
    yield from _with(plan, "rate-twice", "the rate is applied twice: η²", why, optimizer, rate**2)
    yield from _with(plan, "rate-left-out", "the rate is left out", "The step is η times the gradient.", optimizer, 1.0)
    if type(optimizer) is SGD:
        yield Trial("update-sign", "the sign of the update is wrong: w + η dE/dw",
                    "The gradient points to where the error grows; the step goes against it.",
                    plan.changed(optimizer=Uphill(rate=rate, weight_decay=optimizer.weight_decay)))  # fmt: skip


def _with(
    plan: Plan, code: str, title: str, why: str, optimizer: Optimizer, rate: float
) -> Iterator[Trial]:  # fmt: skip
    try:
        yield Trial(code, title, why, plan.changed(optimizer=msgspec.structs.replace(optimizer, rate=rate)))
    except BacklitError:
        return


def _memory(plan: Plan, settings: TrainingSettings) -> Iterator[Trial]:
    """Give trainings whose optimizer forgets, or remembers otherwise."""
    optimizer = settings.optimizer
    if isinstance(optimizer, (Momentum, Nesterov)):
        rate, decay, momentum = optimizer.rate, optimizer.weight_decay, optimizer.momentum
        yield Trial("past-left-out", "momentum is left out", "The step keeps μ times the last one.",
                    plan.changed(optimizer=SGD(rate=rate, weight_decay=decay)))  # fmt: skip
        mean = msgspec.structs.replace(optimizer, rate=(1 - momentum) * rate)
        yield Trial("momentum-as-mean", "the gradient enters the velocity with 1 - μ",
                    "Here v ← μ v - η g; with (1 - μ) g the steps are those of the rate (1 - μ) η.",
                    plan.changed(optimizer=mean))  # fmt: skip
        other = Nesterov if isinstance(optimizer, Momentum) else Momentum
        yield Trial("momentum-of-another-kind", f"the steps are those of {other.name}",
                    "Nesterov's momentum looks ahead by one step, the heavy ball does not.",
                    plan.changed(optimizer=other(rate=rate, momentum=momentum, weight_decay=decay)))  # fmt: skip
    if hasattr(optimizer, "beta1"):
        yield Trial("bias-correction-left-out", "the moments are not divided by 1 - β^t",
                    "The moments begin at 0; without the division the first steps have another size.",
                    plan, MANY_STEPS)  # fmt: skip
        yield Trial("step-counted-from-two", "the steps are counted from 2", "The first step has t = 1 in 1 - β^t.",
                    plan, 1)  # fmt: skip


def _batches(plan: Plan, settings: TrainingSettings) -> Iterator[Trial]:
    """Give trainings with other batches, and in another order of the rows."""
    n = len(plan.X)
    b = settings.batch_rows(n)
    weighted = plan.settings.get("sample_weight") is not None
    for size, title in ((n, "all rows make one batch"), (1, "each row makes a step")):
        if size != b and not settings.optimizer.full_batch:
            yield Trial("batch-size", title, EPOCH, plan.changed(batch_size=size))
    if b < n and settings.shuffle:
        yield Trial("not-shuffled", "the rows are not shuffled", "Each epoch takes the rows in another order.",
                    plan.changed(shuffle=False))  # fmt: skip
    if n % b and n > b and not settings.shuffle and not weighted:
        left = n - n % b
        yield Trial("last-batch-dropped", f"the last {n % b} rows, too few for a batch, are left out", EPOCH,
                    msgspec.structs.replace(plan, X=plan.X[:left], Y=plan.Y[:left]))  # fmt: skip
    if b == n and n > 1 and not weighted:
        for row, title in ((0, "the first row"), (n - 1, "the last row")):
            yield Trial("one-row", f"only {title} is trained on", "The gradient is that of all rows.",
                        msgspec.structs.replace(plan, X=plan.X[row : row + 1], Y=plan.Y[row : row + 1]))  # fmt: skip


def _sizes(plan: Plan, settings: TrainingSettings) -> Iterator[Trial]:
    """Give trainings by batches of other sizes."""
    n = len(plan.X)
    for size in BATCHES if not settings.optimizer.full_batch else ():
        if size < n and size != settings.batch_rows(n):
            yield Trial("batch-size", f"a batch has {size} rows", EPOCH, plan.changed(batch_size=size))


def _orders(plan: Plan, settings: TrainingSettings) -> Iterator[Trial]:
    """Give trainings that take the rows in another order."""
    n = len(plan.X)
    if settings.batch_rows(n) == n:
        return
    code = "other-seed" if settings.shuffle else "shuffled"
    why = "The order of the rows decides which of them make a batch; it is no mistake of the gradient."
    for seed in SEEDS:
        said = f"the rows are shuffled in each epoch, by rng.permutation(n) of np.random.default_rng({seed})"
        if not settings.shuffle or seed != settings.seed:
            yield Trial(code, said, why, plan.changed(shuffle=True, seed=seed))
        for called, orders in (
            (f"in each epoch, by np.random.permutation(n) after np.random.seed({seed})", _drawn_before(seed)),
            (f"once, by np.random.permutation(n) after np.random.seed({seed})", _drawn_once(seed, legacy=True)),
            (f"once, by rng.permutation(n) of np.random.default_rng({seed})", _drawn_once(seed, legacy=False)),
        ):
            yield Trial(code, f"the rows are shuffled {called}", why, msgspec.structs.replace(plan, orders=orders(n)))


def _drawn_before(seed: int) -> Callable[[int], Orders]:
    """Give what makes the order of each epoch as NumPy's older generator does."""
    return lambda n: lambda: functools.partial(np.random.RandomState(seed).permutation, n)


def _drawn_once(seed: int, *, legacy: bool) -> Callable[[int], Orders]:
    """Give what makes one order for all epochs."""

    def orders(n: int) -> Orders:
        order = (np.random.RandomState(seed) if legacy else np.random.default_rng(seed)).permutation(n)
        return lambda: lambda: order

    return orders


def _penalties(plan: Plan, settings: TrainingSettings) -> Iterator[Trial]:
    """Give trainings without penalties, and with others."""
    for name, what in (("l2", "l2/2 Σw²"), ("l1", "l1 Σ|w|")):
        value = getattr(settings, name)
        if value:
            yield Trial(f"{name}-left-out", f"the penalty {what} is left out of the gradient",
                        "Its slope belongs to dE/dw of each weight.", plan.changed(**{name: 0.0}))  # fmt: skip
            why = "Its slope is l2 w, since E has l2/2 w²." if name == "l2" else "Its slope is l1 or -l1."
            n = len(plan.X)
            b = settings.batch_rows(n)
            shares = {2.0: "2 ×", 0.5: "½ ×", 1.0 / n: f"1/{n} (the rows) ×", 1.0 / b: f"1/{b} (the rows of a batch) ×"}
            for factor, said in shares.items() if n > 1 else ():
                yield Trial(f"{name}-factor", f"the penalty is {said} {what}", why,
                            plan.changed(**{name: factor * value}))  # fmt: skip
    if settings.l1 or settings.l2 or settings.optimizer.weight_decay:
        what = "left out for" if settings.decay_biases else "applied to"
        yield Trial("biases-decay", f"penalty and decay are {what} the biases", "Here `decay_biases` says otherwise.",
                    plan.changed(decay_biases=not settings.decay_biases))  # fmt: skip
    if settings.optimizer.weight_decay:
        optimizer = msgspec.structs.replace(settings.optimizer, weight_decay=0.0)
        yield Trial("decay-left-out", "the weight decay is left out", "w is multiplied by 1 - η λ before each step.",
                    plan.changed(optimizer=optimizer))  # fmt: skip
    for name in ("clip_value", "clip_norm", "max_norm"):
        if getattr(settings, name):
            yield Trial("limit-left-out", f"{name} is left out", "The limit holds in every step.",
                        plan.changed(**{name: None}))  # fmt: skip


def _parts(plan: Plan, settings: TrainingSettings) -> Iterator[Trial]:
    """Give trainings in which a part of the network stays as it is."""
    del settings
    for title, why, frozen in _frozen_parts(plan.network):
        twin = _frozen(plan.network, frozen)
        if twin is not None:
            code = "bias-not-updated" if set(frozen.values()) == {("b",)} else "layer-not-updated"
            yield Trial(code, title, why, msgspec.structs.replace(plan, network=twin))


def _frozen_parts(network: Network) -> Iterator[tuple[str, str, dict[str, tuple[str, ...]]]]:
    labels = [name.rpartition(".")[0] for name in network if name.endswith(".W")]
    biased = [label for label in labels if f"{label}.b" in network.layout]
    why = "Every weight and every bias takes the step."
    if biased:
        yield "the biases are not trained", why, dict.fromkeys(biased, ("b",))
    for label in labels if len(labels) > 1 else ():
        yield f"layer {label} is not trained", why, {label: ("W", "b") if label in biased else ("W",)}
    for label in labels[1:-1] if len(labels) > 2 else ():
        others: dict[str, tuple[str, ...]] = {
            one: ("W", "b") if one in biased else ("W",) for one in labels if one != label
        }
        yield f"only layer {label} is trained", why, others


def _frozen(network: Network, parts: Mapping[str, tuple[str, ...]]) -> Network | None:
    """Give a copy of which some arrays are not trained; None of networks whose description has no such layers."""
    if not network.layers:
        return None
    data = network.to_dict()
    for label, names in parts.items():
        place = int(label) - 1 if label.isdigit() else -1
        if not 0 <= place < len(data["layers"]) or "freeze" not in data["layers"][place]:
            return None
        data["layers"][place] = {**data["layers"][place], "freeze": names}
    twin = Network.from_dict(data)
    twin.parameters[:], twin.state[:] = network.parameters, network.state
    return twin


def _schedules(plan: Plan, settings: TrainingSettings) -> Iterator[Trial]:
    """Give trainings whose rate falls otherwise."""
    schedule, why = settings.schedule, "The schedule changes the rate from step to step."
    if schedule.name == "constant":
        return
    yield Trial("schedule-left-out", "the schedule is left out: the rate stays the same", why,
                plan.changed(schedule="constant"))  # fmt: skip
    if schedule.needs_loss:
        return
    counted: list[tuple[str, dict[str, Any]]] = [
        ("the schedule counts the epochs from 1, where they count from 0", {"epochs": 1}),
        ("each epoch's rate is that of the epoch before, times the schedule", {"on_top": True}),
    ]
    if plan.batches > 1:
        counted += [("the schedule counts the steps from 1, where they count from 0", {"steps": 1}),
                    ("the schedule counts steps in place of epochs", {"by_steps": True})]  # fmt: skip
    for title, changes in counted:
        yield Trial("schedule-counted", title, why, plan.changed(schedule=Recounted(schedule, **changes)))


def _falling(plan: Plan, settings: TrainingSettings) -> Iterator[Trial]:
    """Give trainings whose rate falls where it stays the same."""
    for factor in FALLING if settings.schedule.name == "constant" else ():
        schedule = ExponentialDecay(factor)
        yield Trial("another-schedule", f"the rate is multiplied by {factor} after each epoch",
                    "The rate of this training stays the same.", plan.changed(schedule=schedule))  # fmt: skip


def _others(plan: Plan, settings: TrainingSettings) -> Iterator[Trial]:
    """Give trainings by other optimizers of the same rate."""
    optimizer = settings.optimizer
    rate = getattr(optimizer, "rate", None)
    tried = ("sgd", "momentum") if isinstance(optimizer, (Momentum, Nesterov)) else (optimizer.name,)  # by `_memory`
    for name in ("sgd", "momentum", "rmsprop", "adagrad", "adam") if rate is not None else ():
        if name not in tried:
            try:
                other = optimizers[name](rate=rate)
            except (BacklitError, TypeError):
                continue
            yield Trial("another-optimizer", f"the steps are those of {name} at the same rate",
                        f"This training is by {optimizer.name}.", plan.changed(optimizer=other))  # fmt: skip


TRIALS = (trials, far_trials)
"""The trainings that are tried, in groups: the later ones only where none of the earlier has all losses."""
