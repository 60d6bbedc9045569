"""Compares the gradient that trains a network with differences of its error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.differentiate import derivative

from backlit.engine.architecture import Architecture
from backlit.engine.arguments import known_arguments
from backlit.engine.compiled import can_compile
from backlit.engine.display import Summary
from backlit.engine.executable import Executable
from backlit.engine.gradients import Revealing, refuse_not_finite, step_gradient
from backlit.engine.input_checks import refuse_swapped, rows_of
from backlit.engine.objective import Objective, rule_of
from backlit.engine.program.graph import Graph
from backlit.engine.program.structs import Clock, Data, Rule
from backlit.engine.unit_names import element_name
from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.ops.base import Activation, Loss
from backlit.ops.value_checks import Count, NotNegative, checked

ENTRYWISE = 2000
"""Up to so many parameters, or inputs, every one is checked; beyond, random directions are."""

DIRECTIONS = 8

STEPS = (1e-2, 1e-3, 1e-4, 1e-5)
"""Half widths of the differences, relative to the number that is moved; a smaller one is taken at a kink."""

ROUNDING = 200 * float(np.finfo(np.float64).eps)
"""The rounding error of a difference of E, as a part of E divided by the step; measured on smooth functions."""


class ArrayCheck(msgspec.Struct, frozen=True):
    """What the check found in one array: `name` as in the network, or `"X"`.

    Of `checked` derivatives the worst has the relative error `error`; it is that of the element `index`, or along a
    random direction where that is None. `skipped` derivatives cannot be measured: a kink is too close, or E is not
    finite there.
    """

    name: str
    shape: tuple[int, ...]
    checked: int
    skipped: int
    error: float
    index: tuple[int, ...] | None
    backprop: float
    numeric: float
    passed: bool
    element: str = ""
    """The worst element as worked examples name it, such as w(i1,h2) for 1.W[0, 1]; empty along a direction."""

    @property
    def verdict(self) -> str:
        """Give the finding in a word or two."""
        return "wrong" if not self.passed else "right" if self.checked else "all at kinks"


class GradientCheck(Summary, msgspec.Struct, frozen=True):
    """A gradient check array by array; printed, a table.

    `loss` is the error E at which it was made, penalties included.
    """

    loss: float
    tolerance: float
    compiled: bool
    arrays: tuple[ArrayCheck, ...]
    uncut: tuple[str, ...] = ()
    """The layers that cut slopes by `truncate`, which were checked without cutting: "layer 1 (truncate=2)"."""

    @property
    def passed(self) -> bool:
        """Whether derivatives were checked, and none is off by more than the tolerance."""
        return any(array.checked for array in self.arrays) and all(array.passed for array in self.arrays)

    @property
    def worst(self) -> ArrayCheck:
        """The array of the largest relative error."""
        return max(self.arrays, key=lambda array: array.error)


@known_arguments("gradcheck")
def gradcheck(
    network: Architecture, X: npt.ArrayLike, Y: npt.ArrayLike, *, sample_weight: npt.ArrayLike | None = None,
    tolerance: float = 1e-6, directions: int | None = None, compiled: bool = False,
    l1: float = 0.0, l2: float = 0.0, decay_biases: bool = False, seed: int = 0,
) -> GradientCheck:  # fmt: skip
    r"""Check backpropagation on a network and data of yours against differences of the error.

    For every parameter w, and every input,

        dE/dw ≈ (E(w + h) - E(w - h)) / (2 h),

    taken at three steps h and extrapolated to an error of order h⁶, with h halved until the value settles. E is the
    loss of the whole batch as a training measures it: reduction, row weights and penalties included, batch statistics
    on, dropout on with one fixed mask. Both sides come from the machine that trains, in float64; the network given is
    left as it is.

    Layers that cut slopes through time, `truncate=k`, leave out paths on purpose: what they give is not the slope of E,
    and no difference of E can judge it. They are checked as they would be without cutting, and `uncut` names them.

    An error counts relative to the larger of the two values, but values so small that the rounding of E hides them
    count as the smallest that it does not. A loss's `ceiling` limits the error alone, not its slope: the differences
    are those of the error without it. Where a difference would step over a kink of an activation or of the loss,
    it is taken with a smaller step; where even that does not help, the entry is skipped and counted as skipped. Frozen
    parameters have no gradient and are left out, and so are inputs that hold whole numbers, such as categories.

    Args:
        network: what to check, in any dtype. X: inputs (n, inputs). Y: targets, as for a training.
        sample_weight: a weight per row (n,).
        tolerance: the largest relative error that passes.
        directions: derivatives along so many random directions per array; by default every entry of a network of up
            to 2000 parameters (of X, up to 2000 inputs), and 8 directions of larger ones.
        compiled: whether to check the compiled kernels, in float64; the plain ones otherwise.
        l1, l2, decay_biases: penalties, as for a training.
        seed: of the dropout masks and the directions.

    Errors: a BacklitError for shapes that do not fit the network, or an error E that is not finite.

    Source: the check, Bishop, "Pattern Recognition and Machine Learning", 2006, section 5.3.3; the extrapolation,
    Richardson, "The approximate arithmetical solution by finite differences", Philosophical Transactions A 210, 1911.

    >>> from backlit.engine.gradcheck import gradcheck
    >>> from backlit.engine.network import Network
    >>> from backlit.ops.layers.dense import Dense
    >>> network = Network([Dense(3, "tanh"), Dense(1, "sigmoid")], inputs=2, loss="binary_cross_entropy", seed=1)
    >>> check = gradcheck(network, [[0.0, 1.0], [1.0, 1.0]], [1.0, 0.0])
    >>> check.passed, [(array.name, array.shape, array.checked) for array in check.arrays]
    (True, [('1.W', (2, 3), 6), ('1.b', (3,), 3), ('2.W', (3, 1), 3), ('2.b', (1,), 1), ('X', (2, 2), 4)])
    """
    refuse_swapped(network, "gradcheck")
    network, uncut = without_cutting(network)
    X, Y, weights = rows_of(network, X, Y, sample_weight)
    if not X.shape[0]:
        raise BacklitError("X has no rows; expected at least one to check the gradient on.")
    directions = checked("directions", directions, Count | None)
    tolerance = checked("tolerance", tolerance, NotNegative)
    compiled = compiled and can_compile()

    def objective(kind: Any = Objective, **program: Any) -> Any:
        return kind.of(
            network, X.copy(), Y, weights, rule=rule_of(network, l1=l1, l2=l2), seed=seed,
            optimizer=Revealing(), decay_biases=decay_biases, compiled=compiled, **program,
        )  # fmt: skip

    loss, dP = trained_gradient(objective())
    network.loss = _without_ceiling(network.loss)
    error: MovedError = objective(MovedError, keep=True, input_gradient=True, rows=X.shape[0])
    dX = error.executable.input_gradient_of(error.memory, X.shape[0]).reshape(-1).copy()
    rng = np.random.default_rng(seed)
    probes = [*_probes(error, dP, directions, rng), *_input_probes(error, dX, X.shape, directions, rng)]
    numeric, floors = differences(error, probes, loss, tolerance)
    backprop = np.array([np.dot(probe.gradient, probe.direction) for probe in probes])
    arrays = dict.fromkeys((probe.name, probe.shape) for probe in probes)
    owners = np.array([probe.name for probe in probes])
    checks = [_array_check(name, shape, [probes[k] for k in np.flatnonzero(owners == name)], tolerance,
                           *(values[owners == name] for values in (backprop, numeric, floors)))
              for name, shape in arrays]  # fmt: skip
    named = [check if check.index is None else
             msgspec.structs.replace(check, element=element_name(network, check.name, check.index))
             for check in checks]  # fmt: skip
    return GradientCheck(loss, tolerance, compiled, tuple(named), uncut)


def without_cutting(network: Architecture) -> tuple[Architecture, tuple[str, ...]]:
    """Give a copy in float64 whose layers cut no slopes through time, and name those that would."""
    graph, cutting = network.graph, []
    nodes = list(graph.nodes)
    for k, node in enumerate(nodes):
        every = getattr(node.op, "truncate", 0)
        if every and every < graph.rows[node.reads[0]][0]:
            cutting.append(f"layer {node.label} (truncate={every})")
            nodes[k] = msgspec.structs.replace(node, op=msgspec.structs.replace(node.op, truncate=0))
    if not cutting:
        return network.copy("float64"), ()
    twin = type(network).from_graph(Graph(graph.inputs, nodes), network.loss, dtype="float64")
    twin.layers = network.layers
    twin.parameters[:], twin.state[:] = network.parameters, network.state
    return twin, tuple(cutting)


def _without_ceiling(loss: Loss) -> Loss:
    """Give the loss whose slope backpropagation takes: that without a ceiling."""
    return msgspec.structs.replace(loss, ceiling=0.0) if getattr(loss, "ceiling", 0.0) else loss


def trained_gradient(objective: Objective) -> tuple[float, Array]:
    """Give E and its gradient as a training has them: by one of its steps, which writes the gradient to the weights.

    A step on other weights, with the rows reversed, goes before: an op that reads what it left behind is found out.
    """
    memory, data = objective.memory, objective.data
    start = memory.P.copy()
    memory.P[:] = 0.5 * start
    step_gradient(objective, data._replace(order=data.order[::-1].copy()))
    memory.P[:] = start
    loss, gradient = step_gradient(objective)
    refuse_not_finite(loss)
    return loss, gradient


class MovedError(Objective):
    """A network's error E on a batch as a function of its weights and inputs; NaN where a kink is crossed."""

    def __init__(self, executable: Executable, data: Data, rule: Rule, clock: Clock, **given: Any) -> None:
        super().__init__(executable, data, rule, clock, **given)
        self.weights, self.inputs = self.memory.P.copy(), data.X.copy()
        self.kinked = tuple(_kinked(executable))
        self.loss()
        self.sides = self._sides()

    def along(self, probe: Probe, step: float) -> float:
        """Give E with the probe's array moved by `step`, or NaN where that steps over a kink."""
        vector = self.data.X if probe.name == "X" else self.memory.P
        vector[probe.place] += step * probe.direction
        error = self.loss() + self.penalty()
        self.memory.P[:], self.data.X[:] = self.weights, self.inputs
        crossed = any(not np.array_equal(here, there) for here, there in zip(self._sides(), self.sides, strict=True))
        return np.nan if crossed else error

    def _sides(self) -> list[Array]:
        """Give for each kink and each number that may cross it the side on which it lies."""
        sides = []
        for op, name in self.kinked:
            values = self.view(name)
            if op is None:
                sides.append(values.copy())
                continue
            if isinstance(op, Loss):
                values = values - self.view("T")
            sides += [np.sign(values - kink) for kink in op.kinks]
        return sides


def _kinked(program: Executable) -> Iterator[tuple[Activation | Loss | None, str]]:
    """Give the ops that have kinks, each with the name of the buffer that may lie on either side of them.

    None stands beside a buffer that tells sides by itself: where a number of it changes, a kink is crossed.
    """
    labels = program.network.labels
    for label, op in zip(labels, program.trained_ops, strict=False):
        if isinstance(op, Activation) and op.kinks:
            yield op, f"{label}.{op.reads[0]}"
        elif (inside := op.inside()) is not None and inside.kinks:
            yield inside, f"{label}.N"
        for name in op.choices:
            yield None, f"{label}.{name}"
    if program.loss.kinks:
        count = len(program.trained_ops)
        yield program.loss, f"{labels[count - 1]}.{program.trained_ops[-1].writes}" if count else "X"


class Probe(NamedTuple):
    """A derivative to check: of an element of an array, or of the array along a direction."""

    name: str
    shape: tuple[int, ...]
    element: tuple[int, ...] | None
    place: slice  # of its flat vector
    direction: Array
    gradient: Array  # of the same place, by backpropagation
    size: float  # of what is moved


def _probes(error: MovedError, dP: Array, directions: int | None, rng: np.random.Generator) -> Iterator[Probe]:
    """Give the derivatives to check of every array that is trained."""
    network = error.network
    if directions is None and network.parameters.size > ENTRYWISE:
        directions = DIRECTIONS
    for name, (offset, shape) in network.layout.items():
        if name not in network.frozen:
            yield from _array_probes(name, shape, offset, error.weights, dP, directions, rng)


def _input_probes(
    error: MovedError, dX: Array, shape: tuple[int, ...], directions: int | None, rng: np.random.Generator
) -> Iterator[Probe]:
    """Give the derivatives to check of the inputs, but for those that a layer takes for whole numbers."""
    if directions is None and dX.size > ENTRYWISE:
        directions = DIRECTIONS
    probes = _array_probes("X", shape, 0, error.inputs, dX, directions, rng)
    moves = np.ones(shape, bool)
    for rule in error.network.whole_numbers:
        moves[:, rule.columns] = False
    for probe in probes:
        free = moves.reshape(-1)[probe.place]
        if free.any():
            yield probe if free.all() else probe._replace(direction=np.where(free, probe.direction, 0.0))


def _array_probes(
    name: str, shape: tuple[int, ...], offset: int, values: Array, gradient: Array, directions: int | None,
    rng: np.random.Generator,
) -> Iterator[Probe]:  # fmt: skip
    size = int(np.prod(shape))
    if directions is None:
        for k in range(size):
            index = tuple(int(i) for i in np.unravel_index(k, shape))
            place = slice(offset + k, offset + k + 1)
            yield Probe(name, shape, index, place, np.ones(1), gradient[place], abs(float(values[offset + k])))
        return
    place = slice(offset, offset + size)
    for _ in range(directions if size else 0):
        direction = rng.normal(size=size)
        direction /= np.linalg.norm(direction)
        yield Probe(name, shape, None, place, direction, gradient[place], float(np.abs(values[place]).max()))


def differences(error: MovedError, probes: list[Probe], loss: float, tolerance: float) -> tuple[Array, Array]:
    """Give each probe's derivative by differences of E, NaN where a kink is too close, and what E's rounding hides."""
    numeric, claimed = np.full(len(probes), np.nan), np.full(len(probes), np.inf)
    floors = np.zeros(len(probes))
    sizes = np.array([max(1.0, probe.size) for probe in probes])

    def along(steps: Array, numbers: Array) -> Array:
        pairs = np.broadcast(steps, numbers)
        return np.array([error.along(probes[int(number)], step) for step, number in pairs]).reshape(pairs.shape)

    left = np.arange(len(probes))
    for step in STEPS:
        hidden = ROUNDING * abs(loss) / (step * sizes[left])  # by the rounding of E
        with np.errstate(all="ignore"):
            found = derivative(along, np.zeros(left.size), args=(left.astype(np.float64),), order=6, maxiter=8,
                               initial_step=step * sizes[left],
                               tolerances={"rtol": tolerance / 100, "atol": np.max(hidden)})  # fmt: skip
        better = found.error < claimed[left]
        where = left[better]
        numeric[where], claimed[where], floors[where] = (
            found.df[better],
            found.error[better],
            hidden[better] / tolerance,
        )
        left = left[~found.success]
        if not left.size:
            break
    return numeric, floors


def _array_check(
    name: str,
    shape: tuple[int, ...],
    probes: list[Probe],
    tolerance: float,
    backprop: Array,
    numeric: Array,
    floors: Array,
) -> ArrayCheck:
    """Judge the derivatives of one array."""
    measured = ~np.isnan(numeric)
    scale = np.fmax(np.fmax(np.abs(backprop), np.abs(numeric)), np.fmax(floors, np.finfo(np.float64).tiny))
    errors = np.abs(backprop - numeric) / scale
    errors = np.where(measured, np.nan_to_num(errors, nan=np.inf), -1.0)  # a gradient of NaN has an infinite error
    worst = int(errors.argmax())
    error = max(float(errors[worst]), 0.0)
    return ArrayCheck(
        name, shape, int(measured.sum()), int((~measured).sum()), error, probes[worst].element, float(backprop[worst]),
        float(numeric[worst]), error <= tolerance,
    )  # fmt: skip
