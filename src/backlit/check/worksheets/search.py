"""The search for numbers of a sheet: bearable by hand, nothing degenerate, and every mistake told from every other."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from backlit.check.graph import StepGraph
from backlit.check.worksheets.draws import Array, Draw, generator
from backlit.check.worksheets.numbers import Numbers, drawn_keys
from backlit.check.worksheets.separation import Asked, asked_numbers, separation, unit_of
from backlit.errors import BacklitError
from backlit.explain.algebra.tree import Literal, Ref
from backlit.explain.record.quantities import Key
from backlit.explain.stages.activation import ActivationStage

APART = 20.0
"""So many units of the last digit are between the results of any two mistakes, and from the right one."""
TOGETHER, MOST = 1024, 60
"""So many draws are measured at once, and so many times at most."""
FRESH, PARENTS, CHANGED, ANEW = 128, 30, 0.2, 20
"""After the first time so many draws are fresh; the others vary so many of the best, this share of their numbers. After
so many times the search begins anew, from fresh draws."""
SAMPLE = 48
SMALLEST, LARGEST = 0.004, 12.0
"""Of the size of results: smaller ones have few digits left, larger ones many."""
NEAR_TIE = 0.03
"""A result is farther from where rounding changes, in units of the last digit."""
SATURATED = {"sigmoid": 2.6, "tanh": 1.6, "softmax": 3.0}
"""A unit's net is smaller than that, by its activation."""
NOT_NULL = 0.05
"""And larger than that."""


class Drawable(NamedTuple):
    """An array of a network file to be drawn: its name, such as "X" or "1.W", rows and how many numbers in a row."""

    name: str
    rows: int
    size: int


class Plan(msgspec.Struct, frozen=True):
    """What all sheets of one kind share.

    Attributes:
        arrays: what is drawn together from each `Draw`: the weights and biases of all layers are drawn as one.
        like: for an array, which of its numbers are equal: places of the number that each repeats.
        asked: the numbers of the sheet with their mistakes. nets: weighted sums, each with the size that it must not
            have. kinks: others, that must not be near 0.
    """

    graph: StepGraph
    draws: Mapping[str, Draw]
    arrays: Mapping[str, Sequence[Drawable]]
    like: Mapping[str, Sequence[int]]
    asked: tuple[Asked, ...]
    nets: tuple[tuple[Key, float], ...]
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
    keys = tuple(key for key in graph.numbers(None) if is_worked(graph, key))
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
    """Tell whether a number is on sheets: of a joined loss, the short way back is, the long one not."""
    if graph.name(key).startswith("‖"):
        return False
    groups = graph.steps[graph.step_of(key)].contents.backward.groups
    long_way = (group.quantities for group in groups if any(q.kind.startswith("chain ") for q in group.quantities))
    return not any(key.quantity in quantities for quantities in long_way)


def _guarded(graph: StepGraph) -> tuple[tuple[tuple[Key, float], ...], tuple[Key, ...]]:
    """Give the inputs of saturating activations with their bounds, and those of activations with a kink."""
    nets: list[tuple[Key, float]] = []
    kinks: list[Key] = []
    for key in graph.numbers(None):
        kind = key.quantity.kind
        if kind == "net" and graph.role(key) in {"sum", "forward"}:
            stage = next((s for s in graph.steps[graph.step_of(key)].contents.stages
                          if isinstance(s, ActivationStage) and s.read is key.quantity), None)  # fmt: skip
            name = stage.op.name if stage is not None else "tanh"
            if name in SATURATED:
                nets.append((key, SATURATED[name]))
            elif name != "identity":
                kinks.append(key)
    return tuple(nets), tuple(kinks)


def find(plan: Plan, seed: int, what: str, fits: Callable[[Found], bool]) -> Found:
    """Search the numbers of one sheet: the first draw for this seed and name that is good, far apart, and `fits`.

    After the first time, most draws are the best so far with some of their numbers drawn anew. Where none is far enough
    apart in `MOST` times `TOGETHER` draws, the best one is given.
    """
    rng = generator(seed, what)
    parents: dict[str, Array] = {}
    apart = np.empty(0)
    best: Found | None = None
    allowed = len(plan.asked)  # faults: as few as any draw has had, 0 mostly
    for turn in range(MOST):
        drawn = _draw(plan, rng, TOGETHER)
        if len(apart):
            drawn = _bred(plan, rng, drawn, parents)
        with np.errstate(all="ignore"):
            wrong = faults(plan, _numbers(plan, drawn), TOGETHER)
            if wrong.min() < allowed:
                allowed, parents, apart, best = int(wrong.min()), {}, np.empty(0), None
            good = np.flatnonzero(wrong <= allowed)
            kept = {name: array[good] for name, array in drawn.items()}
            least = separation(plan.asked, _numbers(plan, kept), len(good), plan.digits, zeros=plan.zeros).least
        for k in np.flatnonzero(least >= APART) if not allowed else ():
            one = _found(kept, int(k), float(least[k]), turn * TOGETHER + int(good[k]) + 1)
            if fits(one):
                return one
            least[k] = 0.0
        parents, apart = _best(parents, apart, kept, least)
        if len(apart) and (best is None or apart[0] > best.apart):
            best = _found(parents, 0, float(apart[0]), (turn + 1) * TOGETHER)
        if turn % ANEW == ANEW - 1:
            parents, apart = {}, np.empty(0)
    if best is None or not fits(best):
        raise BacklitError(
            f"no numbers were found for {what.splitlines()[0]!r} in {MOST * TOGETHER:,} draws that are short and far "
            "from saturation; choose a smaller network, other activations, or another seed."
        )
    return best


def _found(arrays: Mapping[str, Array], k: int, apart: float, draws: int) -> Found:
    return Found({name: tuple(map(float, array[k])) for name, array in arrays.items()}, apart, draws)


def _best(
    before: Mapping[str, Array], apart: Array, kept: Mapping[str, Array], least: Array
) -> tuple[dict[str, Array], Array]:
    """Give the draws that are the farthest apart, of those before and of new ones, the best first."""
    both = {name: np.concatenate([before[name], array]) if before else array for name, array in kept.items()}
    every = np.concatenate([apart, least])
    order = np.argsort(-every, kind="stable")[:PARENTS]
    return {name: array[order] for name, array in both.items()}, every[order]


def _bred(
    plan: Plan, rng: np.random.Generator, fresh: Mapping[str, Array], parents: Mapping[str, Array]
) -> dict[str, Array]:
    """Give draws of which the first ones are fresh, and each other one is a parent with some numbers of a fresh one."""
    found = {}
    count = len(next(iter(parents.values())))
    whose = rng.integers(count, size=TOGETHER)
    for name, array in fresh.items():
        new = rng.random(array.shape) < CHANGED
        if plan.draws.get(name, Draw()).one_hot:
            new = np.repeat(new[:, :1], array.shape[1], axis=1)
        if name in plan.like:
            new = new[:, list(plan.like[name])]
        new[:FRESH] = True
        found[name] = np.where(new, array, parents[name][whose])
    return found


def faults(plan: Plan, numbers: Numbers, draws: int) -> npt.NDArray[np.int64]:
    """Count in each draw what is no good for work by hand: saturated units, tiny and huge results, those near a tie."""
    found = np.zeros(draws, np.int64)
    for key, largest in plan.nets:
        size = np.abs(_many(numbers.of(key), draws))
        found += ~((size < largest) & (size > NOT_NULL))
    idle = np.zeros(draws)
    for key in plan.kinks:
        net = _many(numbers.of(key), draws)
        found += ~(np.abs(net) > NOT_NULL)
        idle += net < 0
    if plan.kinks:
        found += ~((idle >= 1) & (idle <= max(1, len(plan.kinks) // 3)))
    for one in plan.asked:
        value = _many(numbers.of(one.key), draws)
        size = np.abs(value)
        zero = (size == 0) if plan.zeros else np.zeros(draws, bool)
        found += ~((size < LARGEST) & ((size > SMALLEST) | zero))
        shifted = value / unit_of(value, plan.digits) - 0.5
        found += ~(np.abs(shifted - np.round(shifted)) > NEAR_TIE)
    return found


def _draw(plan: Plan, rng: np.random.Generator, draws: int) -> dict[str, Array]:
    """Draw all arrays so many times (draws, numbers)."""
    found: dict[str, Array] = {}
    for name, draw in plan.draws.items():
        parts = plan.arrays.get(name, ())
        if not parts:
            continue
        if draw.one_hot:
            together = draw.many(rng, draws, parts[0].rows, parts[0].size)
        else:
            together = draw.many(rng, draws, 1, sum(part.rows * part.size for part in parts))
        start = 0
        for part in parts:
            size = part.rows * part.size
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
    keys = [key for key in graph.numbers(None) if is_worked(graph, key)]
    same = len(keys) == len(plan.asked) and all(
        math.isclose(
            float(np.ravel(numbers.of(one.key))[0]), key.quantity.value(key.place), rel_tol=1e-9, abs_tol=1e-12
        )
        for one, key in zip(plan.asked, keys, strict=True)
    )
    if not same or not plan.kinks or found.apart < APART:
        return same
    own = Numbers(graph, {})  # at a kink, which mistakes can be made depends on the numbers
    asked = asked_numbers(graph, keys, own)
    return bool(separation(asked, own, 1, plan.digits, zeros=plan.zeros).least[0] >= APART)
