"""Networks beyond the chain by their definitions, at 50 digits in mpmath, without arrays and without backpropagation.

Every number, weights included, may be shifted a little under the name that the worked example gives it, before the
rest is computed from it; with `via` a reader's copy alone is shifted, with a row's name a weight in that row alone.
So derivatives are central differences, good to some 25 digits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mpmath import mp, mpf

DIGITS = 50
STEP = mpf(10) ** -17


class Numbers:
    """The numbers of one forward pass; `shifts` are added to those that they name."""

    def __init__(self, given: Mapping[str, float], rows: int, shifts: Mapping[str, mpf]) -> None:
        self.given, self.rows, self.shifts = given, rows, shifts
        self.seen: dict[str, mpf] = {}
        self.row = ""

    def put(self, name: str, value: Any) -> mpf:
        """Keep a number of the row at hand: net(h1)."""
        full = name + self.row
        self.seen[full] = mpf(value) + self.shifts.get(full, 0)
        return self.seen[full]

    def of(self, name: str, via: str = "") -> mpf:
        """Give a number of the row as a layer reads it."""
        full = name + self.row
        return self.seen[full] + self.shifts.get(f"{full} via {via}", 0)

    def w(self, name: str, via: str = "") -> mpf:
        """Give a weight as a layer uses it on the row."""
        value = mpf(float(self.given[name])) + self.shifts.get(name, 0)
        return value + (self.shifts.get(name + self.row, 0) if self.row else 0) + self.shifts.get(
            f"{name}{self.row} via {via}", 0)  # fmt: skip


Forward = Callable[[Numbers, Any], list[mpf]]
"""Gives the outputs of a row, and keeps all numbers on the way."""


class Definition:
    """A network by its definition, with its rows X and targets T; `weights` has the numbers of the weights by name."""

    def __init__(self, forward: Forward, weights: Mapping[str, float], X: Any, T: Any, rate: float) -> None:
        self.forward, self.weights, self.X, self.T, self.rate = forward, weights, X, T, mpf(rate)

    def run(self, shifts: Mapping[str, mpf] | None = None) -> tuple[mpf, dict[str, mpf]]:
        """Give E, the mean over the rows of half the squared error, and all numbers on the way to it."""
        numbers = Numbers(self.weights, len(self.X), shifts or {})
        total = mpf(0)
        for r, (x, t) in enumerate(zip(self.X, self.T, strict=True)):
            numbers.row = f"[{r + 1}]" if len(self.X) > 1 else ""
            outputs, error = self.forward(numbers, x), mpf(0)
            for j, out in enumerate(outputs):
                part = (out - mpf(float(t[j]))) ** 2 / 2
                numbers.seen[f"E(o{j + 1}){numbers.row}"] = part
                error += part
            if len(self.X) > 1:
                numbers.seen[f"E{numbers.row}"] = error
            total += error
        return total / len(self.X), numbers.seen

    def slope(self, name: str, of: str = "") -> mpf:
        """Give the derivative of E, or of another number, with respect to a number."""
        ends = []
        for step in (STEP, -STEP):
            E, seen = self.run({name: step})
            ends.append(seen[of] if of else E)
        return (ends[0] - ends[1]) / (2 * STEP)

    def number(self, name: str) -> mpf:
        """Give the number that the worked example calls so."""
        if size := re.fullmatch(r"‖dE/d(\w+)\(layer (\d+)(@t\d+)\)‖(.*)", name):
            kind, layer, moment, row = size.groups()
            units = [n for n in self.run()[1] if re.fullmatch(rf"{kind}\(\w+{moment}\){re.escape(row)}", n)]
            of_layer = [n for n in units if layer == "1" or ".1" in n]
            return mp.sqrt(sum(self.slope(n) ** 2 for n in of_layer))
        if local := re.fullmatch(r"d(\w+)/d(\w+)(\(.*\).*)", name):
            if local[1] != "E":
                return self.slope(local[2] + local[3], local[1] + local[3])
            return self.slope(name.removeprefix("dE/d"))
        if name.endswith("+"):
            old = name.removesuffix("+")
            return mpf(float(self.weights[old])) - self.rate * self.slope(old)
        E, seen = self.run()
        return E if name == "E" else seen[name]


def tanh(z: mpf) -> mpf:
    return mp.tanh(z)


def sigmoid(z: mpf) -> mpf:
    return 1 / (1 + mp.exp(-z))


def dense(
    n: Numbers, units: Sequence[str], sources: Sequence[tuple[str, str]], act: Any = None, via: str = ""
) -> list[str]:
    """net = Σ w x + b, out = f(net) or net; `sources` pairs the names in the weights with the numbers' own names."""
    for unit in units:
        z = n.put(f"net({unit})", sum(n.w(f"w({s},{unit})") * n.of(x, via) for s, x in sources) + n.w(f"b({unit})"))
        n.put(f"out({unit})", act(z) if act else z)
    return [f"out({unit})" for unit in units]


def outputs(n: Numbers, names: Sequence[str]) -> list[mpf]:
    return [n.of(name) for name in names]
