"""The conventions by which a sheet's numbers differ from the worked example's by a factor, and are right all the same.

Backlit's δ is dE/dnet, its Δw the new weight minus the old one, its velocity v = μv - ηg with w + v, and its slopes are
those of E, in a batch the mean over the rows. Books and programs differ. Each topic has its ways, Backlit's own first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from backlit.check.graph import StepGraph
from backlit.check.reading.name_rules import Reading
from backlit.check.roles import Role
from backlit.explain import Step
from backlit.ops.optimizers.descent import Momentum, Nesterov

ROW_SLOPES: frozenset[Role] = frozenset({"output slope", "net slope", "unit slope", "backward", "row gradient"})
AFTER: frozenset[Role] = frozenset({"gradient", "limited gradient", "norm", "new slot", "new weight"})
"""The roles of numbers that follow from a row's slopes and are not of a row."""


class Factor(NamedTuple):
    """What a number of the sheet is multiplied by to be the worked example's.

    `times` and `over` say the inverse in symbols, without its sign: the sheet's is times · record / over.

    >>> Factor(-0.5, times="n").means("dE/dnet(o1)"), Factor(-0.1, over="η").means("v(w5)+"), Factor(1.0).means("E")
    ('-n · dE/dnet(o1)', '-v(w5)+ / η', '')
    """

    value: float = 1.0
    times: str = ""
    over: str = ""

    def by(self, other: Factor) -> Factor:
        """Give the factor of two conventions together."""
        return Factor(self.value * other.value, self.times or other.times, self.over or other.over)

    def means(self, name: str) -> str:
        """Say what the sheet's number is, by the name of the worked example's; empty where it is that itself."""
        if self == Factor():
            return ""
        front = f"{self.times} · " if self.times else ""
        return f"{'-' if self.value < 0 else ''}{front}{name}{f' / {self.over}' if self.over else ''}"


ITSELF = Factor()
Kind = str
"""A kind of number that a convention is about: delta, change, velocity, row slope, gradient, error."""


class Way(NamedTuple):
    """One way to write the numbers of a topic.

    Attributes:
        name: by which it is declared; may be empty. says: what it is, in words; may be empty of Backlit's own.
        factors: that of each kind of number in a step.
    """

    name: str
    says: str
    factors: Mapping[Kind, Callable[[Step], Factor]] = {}


class Topic(NamedTuple):
    """What there are several ways to write.

    Attributes:
        kinds: the numbers that it is about. after: the roles of those that follow from them, and so tell the way.
        ways: Backlit's own first.
    """

    name: str
    kinds: frozenset[Kind]
    after: frozenset[Role]
    ways: tuple[Way, ...]


def kinds_of(graph: StepGraph, reading: Reading) -> tuple[Kind, ...]:
    """Give the kinds that a number is of: a δ is the slope of a row, too."""
    role, step = graph.role(reading.key), graph.steps[graph.step_of(reading.key)]
    found: list[Kind] = [reading.kind] if reading.kind else []
    if role in {"slot", "new slot"} and isinstance(step.recording.optimizer, (Momentum, Nesterov)):
        found.append("velocity")
    elif is_mean(step) and role in ROW_SLOPES and reading.key.quantity.rows:
        found.append("row slope")
    elif is_mean(step) and role in {"gradient", "error"}:
        found.append(role)
    return tuple(found)


def is_mean(step: Step) -> bool:
    """Tell whether E is the mean over several rows that count alike."""
    error = step.contents.error
    return step.recording.rows > 1 and error.loss.reduction != "sum" and not error.mean.weighted


def topics(graph: StepGraph) -> tuple[Topic, ...]:
    """Give the topics of steps, each with the ways that are other forms of the same rule there."""
    none: frozenset[Role] = frozenset()
    return (
        Topic("delta", frozenset({"delta"}), none, DELTA),
        Topic("change", frozenset({"change"}), none, CHANGE),
        Topic("mean", frozenset({"row slope", "gradient", "error"}), AFTER, MEAN),
        Topic("velocity", frozenset({"velocity"}), frozenset({"new weight"}), tuple(_velocities(graph))),
    )


def _negative(step: Step) -> Factor:
    return Factor(-1.0)


def _share(step: Step) -> Factor:
    return Factor(1.0 / step.recording.rows, times="n")


DELTA = (Way("dE/dnet", "δ is read as dE/dnet"), Way("-dE/dnet", "δ is read as -dE/dnet", {"delta": _negative}))
CHANGE = (
    Way("", "Δw is read as the new weight minus the old one"),
    Way("", "Δw is read as the old weight minus the new one", {"change": _negative}),
)
OF_A_ROW = Way(
    "n", "the slopes of a row, and δ, are read without the 1/n of the mean, which dE/dw has", {"row slope": _share}
)
MEAN = (
    Way("", ""), OF_A_ROW,
    Way("", "the slopes, and δ, are read as those of the sum over the rows, n times those of the mean",
        {"row slope": _share, "gradient": _share}),
    Way("", "E and the slopes, and δ, are read as those of the sum over the rows, n times those of the mean",
        {"row slope": _share, "gradient": _share, "error": _share}),
)  # fmt: skip


def _velocities(graph: StepGraph) -> list[Way]:
    """Give the ways to write v = μv - ηg with w + v: with the rate outside, only where it stays the same."""
    rates = {rate for step in graph.steps for rate in step.recording.rates}
    rate = float(rates.pop()) if len(rates) == 1 else 0.0
    found = [Way("μv - ηg", ""), _velocity("μv + ηg", "w - v", Factor(-1.0))]
    if rate:
        found.append(_velocity("μv + g", "w - ηv", Factor(-rate, over="η")))
    return found


def _velocity(rule: str, update: str, factor: Factor) -> Way:
    return Way(rule, f"v is read as {rule}, with {update}", {"velocity": lambda _: factor})
