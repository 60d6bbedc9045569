"""The formulas of recurrent layers as data: the steps written out one after another, and back again.

Each formula is a function of a place in the sequence, a unit and the row's length; where the layer has no lengths, that
is the number of steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from backlit.ops.base import Shape
from backlit.ops.equations import (
    Applied,
    Constant,
    Equations,
    Formula,
    Index,
    Part,
    Value,
    every,
    minus,
    of,
    product,
    total,
)
from backlit.ops.layers.through_time import ThroughTime, length_of, order

Step = Callable[[int, int, int], Formula]
"""The formula at a place, of a unit, in a row of a length."""

ZERO = Constant("0")
PASSED_ON = "what is passed on"
"""The heading of a layer's outputs, which belong to no step alone."""


def rest(share: Formula) -> Formula:
    """Give 1 - share."""
    return total(Constant("1"), minus(share))


def of_sigmoid(output: Formula) -> Formula:
    """Give the slope of the logistic curve by its output, a (1 - a)."""
    return product(output, rest(output))


def of_tanh(output: Formula) -> Formula:
    """Give the slope of tanh by its output, 1 - a²."""
    return rest(Applied("^", (output, Constant("2"))))


class Unrolled:
    """A recurrent layer on rows of one shape: the order of its steps, and the parts of its equations.

    `gates` are the endings of the gates' names, in their order in N, W and U: ("_r", "_z", "_n").
    """

    def __init__(self, layer: ThroughTime, rows: tuple[Shape, ...], gates: Sequence[str]) -> None:
        self.layer, self.gates, self.units = layer, gates, layer.units
        self.steps, self.columns = layer.steps_and_columns(*rows)
        self.every = layer.returns == "sequence"
        self.moments = list(order(self.steps, layer.reverse))

    # ---------------------------------------------------------------------------------------------- the order of steps

    def before(self, t: int, length: int) -> int | None:
        """Give the place of the step before, None where it is the row's first."""
        first, earlier = (length - 1, t + 1) if self.layer.reverse else (0, t - 1)
        return None if t == first else earlier

    def after(self, t: int, length: int) -> int | None:
        """Give the place of the step behind, None where there is none in the row."""
        later = t - 1 if self.layer.reverse else t + 1
        return later if 0 <= later < length else None

    def is_cut(self, t: int, length: int) -> bool:
        """Tell whether slopes are cut before the step at a place."""
        own = length - 1 - t if self.layer.reverse else t
        return self.layer.truncate > 0 and own % self.layer.truncate == 0

    # --------------------------------------------------------------------------------------------------- sums of terms

    def from_inputs(self, gate: int, t: int, j: int) -> list[Formula]:
        """Give the terms of a net input that come from the inputs, with the bias."""
        place = gate * self.units + j
        terms: list[Formula] = [product(of("W", i, place), of("X", t, i)) for i in range(self.columns)]
        return [*terms, *self.bias(place)]

    def from_state(self, gate: int, t: int, j: int, length: int) -> list[Formula]:
        """Give the terms that come from the state before."""
        before = self.before(t, length)
        if before is None:
            return []
        return [product(of("U", k, gate * self.units + j), of("H", before, k)) for k in range(self.units)]

    def bias(self, place: int) -> list[Formula]:
        """Give the bias of that place in b, if there is one."""
        return [of("b", place)] if self.layer.bias else []

    def passed_back(
        self, t: int, j: int, length: int, nets: Sequence[str], kept: Callable[[int], Formula | None]
    ) -> Formula:
        """Give the slope of a state: of what is passed on, and through each net input of the step behind.

        `nets` names, for each gate, the array with the slopes that reach U; `kept` gives what else the step behind
        passes back.
        """
        terms: list[Formula] = []
        if self.every:
            terms += [of("dZ", t, j)] if t < length else []
        elif t == self.moments[-1]:
            terms.append(of("dZ", j))
        after = self.after(t, length)
        if t >= length and self.layer.reverse:
            return ZERO
        if after is None:
            return total(*terms, *([of("dH", t + 1, j)] if not self.layer.reverse and t + 1 < self.steps else []))
        if t < length and not self.is_cut(after, length):
            terms += [
                product(of("U", j, gate * self.units + k), of(net, after, gate * self.units + k))
                for gate, net in enumerate(nets) for k in range(self.units)
            ]  # fmt: skip
            also = kept(after)
            terms += [] if also is None else [also]
        return total(*terms)

    # ------------------------------------------------------------------------------------------------------------ parts

    def within(self, formula: Step, behind: Step) -> Step:
        """Give one formula for steps within the row's length, and another behind it."""
        return lambda t, j, length: formula(t, j, length) if t < length else behind(t, j, length)

    def stays(self, array: str) -> Step:
        """Give that behind a row's length the number before stays as it is."""

        def formula(t: int, j: int, length: int) -> Formula:
            earlier = t + 1 if self.layer.reverse else t - 1
            return of(array, earlier, j) if 0 <= earlier < self.steps else ZERO

        return formula

    def part(
        self, array: str, kind: str, t: int, formula: Step, gate: int = 0, title: str = "", note: Any = None
    ) -> Part:
        """Give the part of one step; `note` gives a remark at a place in a row of a length."""
        first = gate * self.units
        places = tuple((t, first + j) for j in range(self.units))
        told = note or (self.unused_note if self.layer.lengths else None)
        noted = None if told is None else self._noted(told)
        return Part(
            array=array, kind=kind, places=places, unit=lambda index: index[1] - first, title=title, note=noted,
            position=lambda index: index[:1],
            **self._formula(lambda index, length: formula(index[0], index[1] - first, length)),
        )  # fmt: skip

    def _noted(self, note: Callable[[int, int], str]) -> Callable[[Index, Value], str]:
        """Give a remark on a step in a row of a length as parts have it."""
        return lambda index, value: note(index[0], self._length(value))

    def _formula(self, formula: Callable[[Index, int], Formula]) -> dict[str, Any]:
        if self.layer.lengths:
            return {"row_formula": lambda index, value: formula(index, self._length(value))}
        return {"formula": lambda index: formula(index, self.steps)}

    def _length(self, value: Value) -> int:
        if not self.layer.lengths:
            return self.steps
        return length_of(_Lengths(value), 0, self.steps)

    def title(self, t: int) -> str:
        """Give the heading of a step."""
        return f"time {t + 1}"

    def unused_note(self, t: int, length: int) -> str:
        """Say that a number belongs to a step behind the row's end, which is not run."""
        return f"behind the row's end, {length}: this step is not run" if t >= length else ""

    def first_note(self, t: int, length: int) -> str:
        """Say that a step is the row's first."""
        if t < length and self.before(t, length) is None:
            return "there is no state before the first step"
        return self.unused_note(t, length)

    def state_note(self, t: int, length: int) -> str:
        """Say that a step is behind the row's end."""
        return f"behind the row's end, {length}: the state stays as it is" if t >= length else ""

    def slope_note(self, t: int, length: int) -> str:
        """Say where slopes are cut, and what becomes of them behind the row's end."""
        if t >= length:
            kept = "no slope comes here" if self.every or self.layer.reverse else "the slope passes on as it is"
            return f"behind the row's end, {length}: {kept}"
        after = self.after(t, length)
        if after is None or not self.is_cut(after, length):
            return ""
        return f"slopes are cut between times {t + 1} and {after + 1}, truncate = {self.layer.truncate}"

    # ------------------------------------------------------------------------------------------------------- equations

    def equations(
        self, forward: Iterable[Part], backward: Iterable[Part], of_u: Sequence[str],
        own_biases: Sequence[tuple[str, int, str]] = (),
    ) -> Equations:  # fmt: skip
        """Join the steps' parts with what is passed on, the inputs' slopes and the parameters.

        `of_u` names for each gate the array with the slopes of its recurrent part; `own_biases` are biases behind those
        of the gates: a name, the gate it belongs to, and the array with its slopes.
        """
        biases = [(f"b{ending}", gate, gate, "dN") for gate, ending in enumerate(self.gates)]
        biases += [(kind, len(self.gates) + k, gate, net) for k, (kind, gate, net) in enumerate(own_biases)]
        weights = [
            (array, f"{array.lower()}{ending}", gate)
            for array in ("W", "U") for gate, ending in enumerate(self.gates)
        ]  # fmt: skip
        given = biases if self.layer.bias else []
        return Equations(
            letter="h",
            parameters=(
                *(self._weight(array, kind, gate) for array, kind, gate in weights),
                *(self._bias("b", kind, place) for kind, place, _, _ in given),
            ),
            forward=(*forward, self._written()),
            backward=(*backward, self._inputs()),
            gradients=(
                *(self._weight(f"d{array}", kind, gate, self._sum(array, gate, of_u)) for array, kind, gate in weights),
                *(self._bias(
                    "db", kind, place,
                    lambda j, length, gate=gate, net=net: [of(net, t, gate * self.units + j) for t in range(length)],
                ) for kind, place, gate, net in given),
            ),
        )  # fmt: skip

    def _sum(self, array: str, gate: int, of_u: Sequence[str]) -> Callable[[int, int, int], list[Formula]]:
        """Give the terms of a weight's slope: of each step, what the weight multiplies there."""

        def of_w(i: int, j: int, length: int) -> list[Formula]:
            return [product(of("dN", t, j), of("X", t, i)) for t in range(length)]

        def of_recurrent(k: int, j: int, length: int) -> list[Formula]:
            pairs = [(t, self.before(t, length)) for t in range(length)]
            return [product(of(of_u[gate], t, j), of("H", before, k)) for t, before in pairs if before is not None]

        return of_w if array == "W" else of_recurrent

    def _weight(self, array: str, kind: str, gate: int, terms: Any = None) -> Part:
        first, sources = gate * self.units, self.columns if array.endswith("W") else self.units
        places = tuple((i, first + j) for i in range(sources) for j in range(self.units))
        formula = {} if terms is None else self._formula(lambda index, length: total(*terms(*index, length)))
        return Part(
            array=array, kind=kind, places=places, unit=lambda index: index[1] - first, position=lambda _: (),
            source=lambda index: index[0], own_source=array.endswith("U"), **formula,
            note=self._lone_note if array == "dU" else None,
        )  # fmt: skip

    def _lone_note(self, _: Index, value: Value) -> str:
        return "the row has one step, and no state before it" if self._length(value) == 1 else ""

    def _bias(self, array: str, kind: str, place: int, terms: Any = None) -> Part:
        first = place * self.units
        places = tuple((first + j,) for j in range(self.units))
        formula = {} if terms is None else self._formula(
            lambda index, length: total(*terms(index[0] - first, length))
        )  # fmt: skip
        return Part(array=array, kind=kind, places=places, unit=lambda index: index[0] - first, **formula)

    def _written(self) -> Part:
        """Give what the layer passes on."""
        if not self.every:
            last = self.moments[-1]
            return Part(
                array="Z", kind="y", places=every((self.units,)), formula=lambda index: of("H", last, *index),
                title=PASSED_ON,
            )  # fmt: skip
        return Part(
            array="Z", kind="y", places=every((self.steps, self.units)), title=PASSED_ON,
            note=self._noted(lambda t, length: f"behind the row's end, {length}: 0 is passed on" * (t >= length)),
            **self._formula(lambda index, length: of("H", *index) if index[0] < length else ZERO),
        )  # fmt: skip

    def _inputs(self) -> Part:
        """Give the slopes of the inputs."""
        wide = range(len(self.gates) * self.units)

        def formula(index: Index, length: int) -> Formula:
            t, i = index
            return total(*(product(of("W", i, place), of("dN", t, place)) for place in wide)) if t < length else ZERO

        return Part(array="dX", kind="x", places=every((self.steps, self.columns)), note=self._noted(self.unused_note),
                    **self._formula(formula))  # fmt: skip


class _Lengths:
    """The lengths of the row at hand as `length_of` reads them."""

    shape = (1,)

    def __init__(self, value: Value) -> None:
        self.value = value

    def __getitem__(self, i: int) -> float:
        return self.value(of("lengths", 0))
