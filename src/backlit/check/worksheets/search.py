"""The search for numbers of a sheet: bearable by hand, nothing degenerate, and every mistake told from every other."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from backlit.check.graph import StepGraph
from backlit.check.worksheets.draws import Array, Draw, generator
from backlit.check.worksheets.numbers import Numbers, drawn_keys
from backlit.check.worksheets.separation import Asked, asked_numbers, separation, unit_of
from backlit.explain.algebra.tree import Literal, Ref
from backlit.explain.record.quantities import Key
from backlit.explain.stages.activation import ActivationStage

APART = 20.0
"""So many units of the last digit are between the results of any two mistakes, and from the right one."""
TOGETHER, MOST = 256, 24
"""So many draws are measured at once, and so many times at most."""
SAMPLE = 48
SMALLEST, LARGEST = 0.004, 12.0
"""Of the size of results: smaller ones have few digits left, larger ones many."""
NEAR_TIE = 0.04
"""A result is farther from where rounding changes, in units of the last digit."""
SATURATED = 2.6
"""A unit's net is smaller than that where its activation saturates, and larger than a tenth of a unit."""
SATURATING = frozenset({"sigmoid", "tanh", "softmax"})


class Drawable(NamedTuple):
    """An array of a network file to be drawn: its name, such as "X" or "1.W", rows and numbers in a row."""

    name: str
    rows: int
    count: int


class Plan(msgspec.Struct, frozen=True):
    """What all sheets of one kind share.

    Attributes:
        arrays: what is drawn together from each `Draw`: the weights and biases of all layers are drawn as one.
        like: for an array, which of its numbers are equal: places of the number that each repeats.
        asked: the numbers of the sheet with their mistakes. nets: weighted sums that must not saturate, and others
            that must not be 0.
    """

    graph: StepGraph
    draws: Mapping[str, Draw]
    arrays: Mapping[str, Sequence[Drawable]]
    like: Mapping[str, Sequence[int]]
    asked: tuple[Asked, ...]
    nets: tuple[Key, ...]
    kinks: tuple[Key, ...]
    digits: int
    zeros: bool


class Found(msgspec.Struct, frozen=True):
    """The numbers of a sheet: each array's, how far results are apart at least, and how many draws it took."""

    arrays: Mapping[str, tuple[float, ...]]
    apart: float
    draws: int


def plan_of(
    graph: StepGraph, draws: Mapping[str, Draw], arrays: Mapping[str, Sequence[Drawable]],
    like: Mapping[str, Sequence[int]], digits: int, *, zeros: bool,
) -> Plan:  # fmt: skip
    """Make the plan: the graph is that of the file with any numbers."""
    keys = tuple(key for key in graph.keys() if is_worked(graph, key))
    nets, kinks = _guarded(graph)
    plan = Plan(graph, draws, arrays, like, (), nets, kinks, digits, zeros)
    sample = _numbers(plan, _draw(plan, generator(0, "sample"), SAMPLE))
    return msgspec.structs.replace(plan, asked=tuple(asked_numbers(graph, keys, sample)))


def is_worked(graph: StepGraph, key: Key) -> bool:
    """Tell whether a number has to be worked out: it is not given, no copy of another number, and no remark's.

    A bias's slope, which is that of net, is asked for all the same.
    """
    node = graph.formula(key)
    if node is None or isinstance(node, Literal) or not is_shown(graph, key):
        return False
    return not isinstance(node, Ref) or graph.role(key) in {"gradient", "row gradient"}


def is_shown(graph: StepGraph, key: Key) -> bool:
    """Tell whether a number is on sheets: of a joined loss the short way back is, and the long one by each output not."""
    if graph.name(key).startswith("‖"):
        return False
    groups = graph.steps[graph.step_of(key)].contents.backward.groups
    long_way = (group.quantities for group in groups if any(q.kind.startswith("chain ") for q in group.quantities))
    return not any(key.quantity in quantities for quantities in long_way)


def _guarded(graph: StepGraph) -> tuple[tuple[Key, ...], tuple[Key, ...]]:
    """Give the inputs of saturating activations, and those of activations with a kink."""
    nets: list[Key] = []
    kinks: list[Key] = []
    for key in graph.keys():
        kind = key.quantity.kind
        if kind == "net" and graph.role(key) in {"sum", "forward"}:
            stage = next((s for s in graph.steps[graph.step_of(key)].contents.stages
                          if isinstance(s, ActivationStage) and s.read is key.quantity), None)  # fmt: skip
            name = stage.op.name if stage is not None else "tanh"
            if name in SATURATING:
                nets.append(key)
            elif name != "identity":
                kinks.append(key)
    return tuple(nets), tuple(kinks)


def find(plan: Plan, seed: int, what: str, fits: Callable[[Found], bool]) -> Found:
    """Search the numbers of one sheet: of the draws for this seed and name, the first that is good and `fits`.

    Where none is good in `MOST` times `TOGETHER` draws, the one whose results are the farthest apart.
    """
    rng = generator(seed, what)
    best: Found | None = None
    for turn in range(MOST):
        drawn = _draw(plan, rng, TOGETHER)
        with np.errstate(all="ignore"):
            numbers = _numbers(plan, drawn)
            good = bearable(plan, numbers, TOGETHER)
            if not good.any():
                continue
            kept = {name: array[good] for name, array in drawn.items()}
            many = int(good.sum())
            least = separation(plan.asked, _numbers(plan, kept), many, plan.digits, zeros=plan.zeros).least
        places = np.flatnonzero(good)
        for k in [*np.flatnonzero(least >= APART), int(least.argmax())]:
            one = Found({name: tuple(map(float, array[k])) for name, array in kept.items()}, float(least[k]),
                        turn * TOGETHER + int(places[k]) + 1)  # fmt: skip
            if least[k] >= APART and fits(one):
                return one
            if (best is None or one.apart > best.apart) and fits(one):
                best = one
    if best is None:
        best = Found({name: tuple(map(float, array[0])) for name, array in drawn.items()}, 0.0, MOST * TOGETHER)
    return best


def bearable(plan: Plan, numbers: Numbers, draws: int) -> Array:
    """Tell of each draw whether its numbers are bearable and not degenerate."""
    good = np.ones(draws, bool)
    for key in plan.nets:
        size = np.abs(_many(numbers.of(key), draws))
        good &= (size < SATURATED) & (size > 0.05)
    idle = np.zeros(draws)
    for key in plan.kinks:
        net = _many(numbers.of(key), draws)
        good &= np.abs(net) > 0.05
        idle += net < 0
    if plan.kinks:
        good &= (idle >= 1) & (idle <= max(1, len(plan.kinks) // 3))
    for one in plan.asked:
        value = _many(numbers.of(one.key), draws)
        size = np.abs(value)
        good &= np.isfinite(value) & (size < LARGEST) & ((size > SMALLEST) | (plan.zeros & (size == 0)))
        shifted = value / unit_of(value, plan.digits) - 0.5
        good &= np.abs(shifted - np.round(shifted)) > NEAR_TIE
    return good


def _draw(plan: Plan, rng: np.random.Generator, draws: int) -> dict[str, Array]:
    """Draw all arrays so many times (draws, numbers)."""
    found: dict[str, Array] = {}
    for name, draw in plan.draws.items():
        parts = plan.arrays.get(name, ())
        if not parts:
            continue
        if draw.one_hot:
            together = draw.many(rng, draws, parts[0].rows, parts[0].count)
        else:
            together = draw.many(rng, draws, 1, sum(part.rows * part.count for part in parts))
        start = 0
        for part in parts:
            size = part.rows * part.count
            array = together[:, start : start + size]
            found[part.name] = array[:, list(plan.like[part.name])] if part.name in plan.like else array
            start += size
    return found


def _numbers(plan: Plan, drawn: Mapping[str, Array]) -> Numbers:
    return Numbers(plan.graph, drawn_keys(plan.graph, drawn))


def _many(value: object, draws: int) -> Array:
    return np.broadcast_to(np.asarray(value, float), (draws,))


def agrees(plan: Plan, found: Found, graph: StepGraph) -> bool:
    """Tell whether the numbers of the plan are those of the steps recorded with the found numbers: no other path."""
    drawn = {name: np.array([array]) for name, array in found.arrays.items()}
    numbers = _numbers(plan, drawn)
    keys = [key for key in graph.keys() if is_worked(graph, key)]
    return len(keys) == len(plan.asked) and all(
        math.isclose(float(np.ravel(numbers.of(one.key))[0]), key.quantity.value(key.place), rel_tol=1e-9, abs_tol=1e-12)
        for one, key in zip(plan.asked, keys, strict=True)
    )
