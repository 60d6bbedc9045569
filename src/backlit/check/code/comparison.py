"""A learner's backward pass on rows of choice beside the engine's, and the search for the mistake on few of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace

from backlit.check.code.calling import Call, Layout
from backlit.check.code.comparing import (
    ALL_ZEROS,
    OF_WEIGHTS,
    Facts,
    Scale,
    checked_array,
    checked_tolerance,
    tolerance_of,
)
from backlit.check.code.from_torch import of_a_module
from backlit.check.code.gates import in_our_order
from backlit.check.code.matching import Pairing, paired
from backlit.check.code.naming import Search
from backlit.check.code.planted import gradient_keys
from backlit.check.code.records import CheckedArray, FoundMistake
from backlit.check.code.returned import given_arrays, holds_gradients
from backlit.check.graph import StepGraph
from backlit.engine import Network
from backlit.errors import BacklitError, counted
from backlit.explain import explain_step
from backlit.kernels.types import Array
from backlit.ops.base import Activation, Optimizer

NAMED_UP_TO = 12_000
"""A mistake is looked for in a step of about so many numbers at the most, on fewer rows if need be."""
FEW_ROWS = 3
MOST_PARTS = 64
"""Of so many rows at the most each one's part of the gradient is looked at."""
COMPILED_FROM = 2_000_000
"""Products of parameters and rows from which the gradient is taken with compiled code."""


class Rows(NamedTuple):
    """Rows as they were given, to be handed on; X is floats."""

    X: Array
    Y: Array

    def some(self, places: Sequence[int]) -> Rows:
        """Give some of the rows."""
        return Rows(self.X[list(places)], self.Y[list(places)])


class Compared(NamedTuple):
    """The learner's gradients of some rows beside the right ones."""

    arrays: tuple[CheckedArray, ...]
    mine: dict[str, Array]
    right: dict[str, Array]
    scale: Scale
    pairing: Pairing
    loss: float | None

    @property
    def passed(self) -> bool:
        """Whether all arrays are right."""
        return all(array.passed for array in self.arrays)


class Check:
    """The comparison of a learner's gradients on rows of choice.

    Args:
        backward: the learner's function, or its gradients. network: in its own dtype. settings: of
            `network.gradient`, the penalties. layout: how the learner's arrays lie. tolerance: None chooses one.
    """

    def __init__(
        self, backward: Any, network: Network, *, settings: Mapping[str, Any], layout: Layout,
        tolerance: float | None, convert: Callable[[Array], Any] | None, optimizer: Optimizer | str,
    ) -> None:  # fmt: skip
        self.network, self.exact = network, _without_draws(network.copy("float64"))
        self.settings, self.layout, self.optimizer = settings, layout, optimizer
        self.tolerance = checked_tolerance(tolerance)
        self.call = (
            Call(backward, "my_backward", network, layout=layout, convert=convert)
            if callable(backward) and not holds_gradients(backward)
            else None
        )
        self.given, self.convert = backward, convert
        self.changes: list[str] = []

    def gradient(self, network: Network, rows: Rows, **other: Any) -> dict[str, Array]:
        """Give the right gradients."""
        compiled = network.parameters.size * len(rows.X) > COMPILED_FROM
        return dict(network.gradient(rows.X, rows.Y, compiled=compiled, **{**self.settings, **other}))

    def on(self, rows: Rows) -> Compared:
        """Compare on rows. Errors: a BacklitError where what the learner gives cannot be compared."""
        right = self.gradient(self.exact, rows)
        found_by = self.given if self.call is None else self.call(rows.X, rows.Y)
        if self.call is not None:
            self.changes = self.call.changes
        given, loss = given_arrays(found_by, [array.shape for array in right.values()])
        arrays = [one.array for one in given if one.array is not None]
        usual, dtype = tolerance_of(arrays, self.network)
        largest = max((float(np.abs(array).max()) for array in right.values() if array.size), default=0.0)
        scale = Scale(usual if self.tolerance is None else self.tolerance, largest)
        pairing = of_a_module(given, self.network, right) or paired(given, right, scale.close)
        pairing = in_our_order(pairing, self.exact, right, scale)
        facts = self._facts(rows, right, pairing, scale)
        rounded = self.gradient(self.network.copy("float32"), rows) if dtype != "float64" else {}
        found, mine = [], {}
        layout = self.layout != "inputs"
        for name, array in right.items():
            record, own = checked_array(name, pairing.of.get(name), array, self.network, scale, facts, layout=layout)
            if record.verdict == "wrong" and name in rounded:  # a kink may lie on its other side in float32
                other, _ = checked_array(
                    name, pairing.of.get(name), rounded[name].astype(np.float64), self.network, scale, facts,
                    layout=layout,
                )  # fmt: skip
                record = other if other.passed else record
            if layout and record.verdict == "transposed":
                record = replace(record, verdict="right")
            found.append(record)
            if own is not None:
                mine[name] = own if record.verdict != "right" else array
        return Compared(tuple(self._as_a_layout(found, mine, right, scale)), mine, right, scale, pairing, loss)

    def _as_a_layout(
        self, found: list[CheckedArray], mine: dict[str, Array], right: Mapping[str, Array], scale: Scale
    ) -> list[CheckedArray]:
        """Take square matrices for transposed where all others are, and where all are right so."""
        matrices = [array for array in found if len(array.shape) == 2 and min(array.shape) > 1]
        square = [array for array in matrices if array.shape[0] == array.shape[1] and array.verdict == "wrong"]
        others = [array for array in matrices if array not in square]
        if not square or any(array.verdict != "transposed" for array in others):
            return found
        if not others and any(not scale.close(mine[array.name].T, right[array.name]) for array in square):
            return found
        for k, array in enumerate(found):
            if array in square and scale.close(mine[array.name].T, right[array.name]):
                mine[array.name] = mine[array.name].T
                found[k] = replace(array, verdict="transposed", relation="", remark="", off=0,
                                    difference=scale.difference(mine[array.name], right[array.name]))  # fmt: skip
        return found

    def _facts(self, rows: Rows, right: Mapping[str, Array], pairing: Pairing, scale: Scale) -> Facts:
        """Give what relations are looked for with; rows' parts only where something differs."""
        n, plain = len(rows.X), not any(self.settings.get(name) for name in ("l1", "l2", "sample_weight"))
        parts: dict[str, list[Array]] = {}
        wrong = any(one.array is None or not scale.close(one.array.reshape(-1), right[name].reshape(-1))
                    for name, one in pairing.of.items())  # fmt: skip
        alone = not any(op.batch_coupled for op in self.exact.ops)
        if wrong and plain and alone and 1 < n <= MOST_PARTS and n * self.exact.parameters.size < COMPILED_FROM:
            share = 1.0 if self.exact.loss.reduction == "sum" else 1.0 / n
            for k in range(n):
                for name, array in self.gradient(self.exact, rows.some([k])).items():
                    parts.setdefault(name, []).append(share * array)
        others = {}
        if wrong and any(self.settings.get(name) for name in ("l1", "l2")):
            others["the gradient without the penalty"] = self.gradient(self.exact, rows, l1=0.0, l2=0.0)
        return Facts(n, self.exact.output_size, parts, others, {name: self.exact[name] for name in right})

    def attempt(self, rows: Rows) -> Compared | None:
        """Compare on other rows than those that were given; None where the learner's function cannot take them."""
        if self.call is None or not self.call.takes_rows:
            return None
        try:
            return self.on(rows)
        except BacklitError:
            return None

    def loss(self, rows: Rows) -> float:
        """Give the right error, with the penalties."""
        weights = self.settings.get("sample_weight")
        error = self.exact.evaluate(rows.X, rows.Y, sample_weight=weights, metrics=(), compiled=False).loss
        decayed = [array for name, array in ((name, self.exact[name]) for name in self.exact)
                   if array.ndim > 1 or self.settings.get("decay_biases")]  # fmt: skip
        l1, l2 = (float(self.settings.get(name) or 0.0) for name in ("l1", "l2"))
        return float(error + sum(l1 * np.abs(array).sum() + 0.5 * l2 * (array**2).sum() for array in decayed))

    def scale_for(self, array: Array) -> Scale:
        """Give how an array of the learner's is compared where it is no gradient."""
        usual, _ = tolerance_of([array], self.network)
        return Scale(usual if self.tolerance is None else self.tolerance, 0.0)

    # --------------------------------------------------------------------------------------------------------- naming

    def named(self, rows: Rows, compared: Compared) -> tuple[list[FoundMistake], bool, int, str]:
        """Give the mistakes that give the learner's arrays, whether together, on how many rows, and a note."""
        places, note = self.few(rows)
        if places is None:
            return [], False, 0, note
        if len(places) < len(rows.X):
            rows = rows.some(places)
            compared = self.on(rows)
            if compared.passed:
                return [], False, 0, f"on {counted(len(places), 'row')} alone all gradients are right"
        relations = [array.relation for array in compared.arrays if not array.passed]
        if not compared.mine or {*relations} == {ALL_ZEROS} or any(one.startswith(OF_WEIGHTS) for one in relations):
            return [], False, 0, ""
        graph = self.graph(rows)
        empty = {array.name for array in compared.arrays if not array.passed and array.relation == ALL_ZEROS}
        mine = {name: array for name, array in compared.mine.items() if name not in empty}
        search = Search(graph, gradient_keys(graph), mine, compared.right, compared.scale)
        found, together = search.found()
        return found, together, len(rows.X), note

    def graph(self, rows: Rows) -> StepGraph:
        """Give the numbers of the step on rows."""
        asked = {name: value for name, value in self.settings.items() if value is not None}
        step = explain_step(
            self.exact, rows.X, rows.Y, optimizer=self.optimizer, batch_size="full", shuffle=False, **asked
        )
        return StepGraph([step])

    def few(self, rows: Rows) -> tuple[list[int] | None, str]:
        """Give the rows on which a mistake is looked for; None where the step has too many numbers."""
        n = len(rows.X)
        per_row = self.exact.parameters.size + 6 * sum(int(np.prod(shape)) for shape in self.exact.graph.rows.values())
        once = 3 * self.exact.parameters.size
        if n * per_row + once <= NAMED_UP_TO:
            return list(range(n)), ""
        fewer = min(FEW_ROWS, (NAMED_UP_TO - once) // per_row)
        again = self.call is not None and self.call.takes_rows
        if fewer < 1 or not again or n == 1:
            why = f"no mistake was looked for: the step has more than {NAMED_UP_TO:,} numbers"
            if fewer >= 1 and not again:
                why = "no mistake was looked for: there are many rows; give a function of X and Y, to call on fewer"
            return None, f"{why}. A smaller network of the same code, or fewer rows, gives a name."
        if any(op.batch_coupled for op in self.exact.ops):
            return None, "no mistake was looked for: the rows of normalization depend on each other; give fewer rows"
        weights = self.settings.get("sample_weight")
        if weights is not None:
            return None, "no mistake was looked for: with row weights, give fewer rows"
        return list(range(min(fewer, n))), f"the mistake was looked for on the first {counted(fewer, 'row')}"

    def rows_at_kinks(self, rows: Rows) -> list[int]:
        """Give the rows in which a weighted sum lies on a kink of its activation, where the slope is a choice."""
        labels = self.exact.labels
        at = np.zeros(len(rows.X), bool)
        for k, op in enumerate(self.exact.ops):
            if isinstance(op, Activation) and op.kinks:
                sums = self.exact.outputs(rows.X, labels[k], activated=False, compiled=False)
                size = 1e-6 * max(1.0, float(np.abs(sums).max(initial=0.0)))
                for kink in op.kinks:
                    at |= (np.abs(sums - kink) < size).reshape(len(sums), -1).any(axis=1)
        return np.flatnonzero(at).tolist()


def _without_draws(network: Network) -> Network:
    """Give the network whose ops draw no random numbers, as `Network.gradient` takes it: dropout keeps all."""
    graph = network.graph
    nodes = [replace(node, op=node.op.without_draws()) for node in graph.nodes]
    if nodes == list(graph.nodes):
        return network
    twin = Network.from_graph(type(graph)(graph.inputs, nodes), network.loss, dtype=network.dtype)
    twin.parameters[:], twin.state[:] = network.parameters, network.state
    return twin
