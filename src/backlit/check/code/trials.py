"""Trainings with one setting changed, as a learner's script has it by mistake.

Where the catalogue of mistakes has the same one for a single step, the code is that of its entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import numpy as np

from backlit.check.code.records import FoundMistake
from backlit.engine import Network, TrainingSettings
from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.ops.base import Optimizer
from backlit.ops.optimizers.descent import SGD, Momentum, Nesterov
from backlit.ops.registry import optimizers

MANY_STEPS = 10**6
"""So many steps done: the bias correction of Adam's moments is 1."""
COMPILED_FROM = 5_000_000
"""Products of parameters, rows and epochs from which a training is compiled."""


class Uphill(SGD, frozen=True):
    """Gradient ascent: w ← w + η g."""

    name = "uphill"

    @staticmethod
    def update(w: Any, g: Any, rate: float) -> Any:
        """Give w + η g."""
        return (w + rate * g,)


class Plan(msgspec.Struct, frozen=True):
    """A training that is to be made: a network that stays as it is, rows, settings of `Training`.

    `validation` are rows whose loss is measured too; `orders` makes what gives the order of the rows of each epoch.
    """

    network: Network
    X: Array
    Y: Array
    settings: Mapping[str, Any]
    validation: tuple[Any, ...] | None = None
    orders: Callable[[], Callable[[], Array]] | None = None

    def for_losses(self, count: int) -> Plan:
        """Give the same, for so many losses, to the end: the epochs that are asked for, if they are as many."""
        given = self.settings.get("epochs") or 0
        epochs = given if given >= count - 1 and given else count
        asked = {**self.settings, "epochs": epochs, "signals": False}
        for name in ("target", "patience", "time_limit", "validation", "keep_best", "metrics", "callbacks", "progress"):
            asked.pop(name, None)
        return msgspec.structs.replace(self, settings=asked)

    def arguments(self) -> dict[str, Any]:
        """Give the arguments of `Training` beside network and rows."""
        epochs = int(self.settings.get("epochs", 1))
        large = self.network.parameters.size * len(self.X) * epochs > COMPILED_FROM
        order = {} if self.orders is None else {"order": self.orders()}
        compiled = large and bool(self.settings.get("compiled", True))
        return {**self.settings, **order, "compiled": compiled, "divergence": "raise"}

    def training_settings(self) -> TrainingSettings:
        """Give the settings with the usual ones for those that are not given."""
        known = TrainingSettings.__struct_fields__
        return TrainingSettings(**{name: value for name, value in self.settings.items() if name in known})

    @property
    def batches(self) -> int:
        """How many steps an epoch has."""
        return -(-len(self.X) // self.training_settings().batch_rows(len(self.X)))

    @property
    def steps(self) -> int:
        """How many steps the training has."""
        return self.batches * int(self.settings.get("epochs", 1))

    @property
    def penalized(self) -> bool:
        """Whether the error has penalties."""
        return bool(self.settings.get("l1") or self.settings.get("l2"))

    def penalty(self, network: Network) -> float:
        """Give the penalties of the weights as they are."""
        if not self.penalized:
            return 0.0
        s = self.training_settings()
        arrays = [network[name] for name in network if network[name].ndim > 1 or s.decay_biases]
        return float(sum(s.l1 * np.abs(array).sum() + 0.5 * s.l2 * (array**2).sum() for array in arrays))

    def changed(self, **settings: Any) -> Plan:
        """Give the same with other settings."""
        return msgspec.structs.replace(self, settings={**self.settings, **settings})


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
    """Give the trainings that are tried, each with the name of the mistake."""
    settings = plan.training_settings()
    for make in (_rates, _memory, _batches, _penalties, _parts, _others):
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
    why = "An epoch takes the steps of its batches, each with the gradient of its rows."
    for size, title in ((n, "all rows make one batch"), (1, "each row makes a step")):
        if size != b and not settings.optimizer.full_batch:
            yield Trial("batch-size", title, why, plan.changed(batch_size=size))
    if b < n and settings.shuffle:
        yield Trial("not-shuffled", "the rows are not shuffled", "Each epoch takes the rows in another order.",
                    plan.changed(shuffle=False))  # fmt: skip
    if n % b and n > b and not settings.shuffle and not weighted:
        left = n - n % b
        yield Trial("last-batch-dropped", f"the last {n % b} rows, too few for a batch, are left out", why,
                    msgspec.structs.replace(plan, X=plan.X[:left], Y=plan.Y[:left]))  # fmt: skip
    if b == n and n > 1 and not weighted:
        for row, title in ((0, "the first row"), (n - 1, "the last row")):
            yield Trial("one-row", f"only {title} is trained on", "The gradient is that of all rows.",
                        msgspec.structs.replace(plan, X=plan.X[row : row + 1], Y=plan.Y[row : row + 1]))  # fmt: skip


def _penalties(plan: Plan, settings: TrainingSettings) -> Iterator[Trial]:
    """Give trainings without penalties, and with others."""
    for name, what in (("l2", "l2/2 Σw²"), ("l1", "l1 Σ|w|")):
        value = getattr(settings, name)
        if value:
            yield Trial(f"{name}-left-out", f"the penalty {what} is left out of the gradient",
                        "Its slope belongs to dE/dw of each weight.", plan.changed(**{name: 0.0}))  # fmt: skip
            why = "Its slope is l2 w, since E has l2/2 w²." if name == "l2" else "Its slope is l1 or -l1."
            for factor, said in ((2.0, "2 ×"), (0.5, "½ ×")):
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


def _others(plan: Plan, settings: TrainingSettings) -> Iterator[Trial]:
    """Give trainings by other optimizers of the same rate, and without the schedule."""
    optimizer = settings.optimizer
    if settings.schedule.name != "constant":
        yield Trial("schedule-left-out", "the schedule is left out: the rate stays the same",
                    "The schedule changes the rate from step to step.", plan.changed(schedule="constant"))  # fmt: skip
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
