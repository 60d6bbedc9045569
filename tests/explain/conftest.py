"""A training step at 80 digits by mpmath, from the definitions of oracles.py and without backpropagation.

Derivatives are central differences of E with a step of 1e-25, good to some 50 digits: every quantity of the forward
pass, weights included, may be shifted a little before the rest is computed from it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import oracles
import pytest
from mpmath import mp, mpf
from oracles import DIGITS

STEP = mpf(10) ** -25

# ----------------------------------------------------------------------------------------------------- the computation


class Reference:
    """All numbers of a step by the names that the worked example gives them.

    `masks` holds what dropout drew, by layer: (rows, columns); `weights` the rows' weights.
    """

    def __init__(
        self, network: Any, X: Any, T: Any, optimizer: Any, settings: Any, weights: Any, masks: dict[int, Any]
    ):
        self.network, self.X, self.optimizer, self.settings = network, np.asarray(X), optimizer, settings
        self.rows = self.X.shape[0]
        self.weights = [mpf(1)] * self.rows if weights is None else [mpf(float(x)) for x in weights]
        self.weighted, self.masks = weights is not None, masks
        self.targets = [oracles.long_row(row) for row in np.asarray(T, float).reshape(self.rows, -1)]
        self.names: dict[str, mpf] = {}
        self.smallest = mp.inf  # of all gradients' elements but zeros
        self.parameters = {(name, *index): mpf(float(network[name][index]))
                           for name in network.layout for index in np.ndindex(network[name].shape)}  # fmt: skip
        self.slots = {key: oracles.first_slots(optimizer) for key in self.parameters}

    def row(self, r: int) -> str:
        return f"[{r + 1}]" if self.rows > 1 else ""

    def forward(self, shift: dict[str, mpf] | None = None) -> tuple[mpf, dict[str, mpf]]:
        """Give E and every quantity on the way, each shifted first where `shift` names it."""
        shift = shift or {}
        seen: dict[str, mpf] = {}

        def note(kind: str, unit: str, r: int | None, value: mpf) -> mpf:
            tail = f"({unit})" + ("" if r is None else self.row(r))
            number = next(n for n in range(1, 9) if f"{kind}{n if n > 1 else ''}{tail}" not in seen)
            name = f"{kind}{number if number > 1 else ''}{tail}"
            seen[name] = value + shift.get(name, 0)
            return seen[name]

        p = {key: value + shift.get(str(key), 0) for key, value in self.parameters.items()}
        network = self.network
        A = [[mpf(float(x)) for x in row] for row in self.X]
        units = [f"i{j + 1}" for j in range(network.inputs)]
        dense = [k for k, op in enumerate(network.ops) if op.name == "dense"]
        for k, op in enumerate(network.ops):
            label = network.labels[k]
            if op.name == "dense":
                place = dense.index(k)
                prefix = "o" if k == dense[-1] else "h" if len(dense) == 2 else f"h{place + 1}."
                units = [f"{prefix}{j + 1}" for j in range(op.units)]
                A = [[note("net", u, r, sum(a * p[f"{label}.W", i, j] for i, a in enumerate(row))
                           + (p[f"{label}.b", j] if op.bias else 0)) for j, u in enumerate(units)]
                     for r, row in enumerate(A)]  # fmt: skip
                if self.bare(k):
                    A = [[note("out", u, r, a) for u, a in zip(units, row, strict=True)] for r, row in enumerate(A)]
            elif op.name == "dropout":
                masks = self.masks[int(label)]
                A = [[note("drop", u, r, a * mpf(float(m))) for u, a, m in zip(units, row, masks[r], strict=True)]
                     for r, row in enumerate(A)]  # fmt: skip
            elif op.name in {"batch_norm", "layer_norm"}:
                A = self.normalize(op, label, units, A, p, note)
            else:
                outputs = [oracles.activation_of_row(op, row) for row in A]
                A = [[note("out", u, r, a) for u, a in zip(units, row, strict=True)] for r, row in enumerate(outputs)]
        return self.error(A, units, seen), seen

    def bare(self, k: int) -> bool:
        """Whether a dense op's output goes on as it is."""
        follows = self.network.ops[k + 1] if k + 1 < len(self.network.ops) else None
        return follows is None or follows.name in {"dense", "dropout"}

    def normalize(self, op: Any, label: str, units: list[str], A: Any, p: Any, note: Any) -> Any:
        eps = mpf(float(op.epsilon))

        def moments(values: list[mpf]) -> tuple[mpf, mpf]:
            mean = sum(values) / len(values)
            return mean, 1 / mp.sqrt(sum((x - mean) ** 2 for x in values) / len(values) + eps)

        if op.name == "batch_norm":
            by_unit = [moments([row[j] for row in A]) for j in range(len(units))]
            by_unit = [
                (note("mu", u, None, m), note("r", u, None, r)) for u, (m, r) in zip(units, by_unit, strict=True)
            ]
            of = [by_unit for _ in A]
        else:
            of = [[moments(row)] * len(row) for row in A]
            for r, pairs in enumerate(of):
                note("r", f"layer {label}", r, pairs[0][1])
        N = [
            [note("norm", u, r, (a - m) * s) for u, a, (m, s) in zip(units, row, of[r], strict=True)]
            for r, row in enumerate(A)
        ]
        return [[note("scaled", u, r, p[f"{label}.gamma", j] * x + p[f"{label}.beta", j])
                 for j, (u, x) in enumerate(zip(units, row, strict=True))] for r, row in enumerate(N)]  # fmt: skip

    def error(self, A: Any, units: list[str], seen: dict[str, mpf]) -> mpf:
        loss, losses = self.network.loss, []
        for r, (row, targets) in enumerate(zip(A, self.targets, strict=True)):
            parts = oracles.loss_parts(loss, row, targets)
            if loss.name in oracles.LOSSES:
                seen |= {f"E({u}){self.row(r)}": part for u, part in zip(units, parts, strict=True)}
            losses.append(sum(parts))
            if self.rows > 1:
                seen[f"E[{r + 1}]"] = losses[-1]
        total = sum(w * x for w, x in zip(self.weights, losses, strict=True))
        divisor = {"sum": 1, "mean": sum(self.weights), "mean_all": sum(self.weights) * len(units)}[loss.reduction]
        return total / divisor

    def slope(self, name: str) -> mpf:
        return (self.forward({name: STEP})[0] - self.forward({name: -STEP})[0]) / (2 * STEP)

    # -------------------------------------------------------------------------------------------------------- one step

    def run(self, steps: int) -> dict[str, mpf]:
        """Run steps and give all numbers of the last."""
        with mp.workdps(DIGITS):
            for number in range(1, steps + 1):
                last = number == steps
                self.names = {}
                E, seen = self.forward()
                self.names |= seen | {"E": E}
                if last:
                    self.slopes(seen)
                self.update(number)
        return self.names

    def slopes(self, seen: dict[str, mpf]) -> None:
        """Take the derivatives with respect to every quantity of the forward pass, and of outputs by inputs."""
        for name in [
            n for n in seen if n.split("(")[0].rstrip("0123456789") in {"net", "out", "drop", "norm", "scaled"}
        ]:
            up, down = self.forward({name: STEP}), self.forward({name: -STEP})
            self.names[f"dE/d{name}"] = (up[0] - down[0]) / (2 * STEP)
            unit, row = name.split("(", 1)[1].split(")")
            for other in [n for n in seen if n.startswith("out") and n.endswith(")" + row)]:
                slope = (up[1][other] - down[1][other]) / (2 * STEP)
                of, at = other.removesuffix(f"){row}").split("(")
                self.names[f"d{of}/d{name}" if at == unit else f"d{of}({at})/d{name}"] = slope

    def update(self, number: int) -> None:
        s, o = self.settings, self.optimizer
        settings = oracles.optimizer_settings(o)
        gradient = {key: self.slope(str(key)) for key in self.parameters if key[0] not in self.network.frozen}
        names = {key: self.parameter_name(key) for key in gradient}
        decays = {key: len(self.network.layout[key[0]][1]) > 1 or s.decay_biases for key in gradient}
        p = self.parameters
        for key, g in gradient.items():
            self.names[f"dE/d{names[key]}"] = g
            self.names[names[key]] = p[key]
        penalised = {k: g + (mpf(s.l2) * p[k] + mpf(s.l1) * mp.sign(p[k])) * decays[k] for k, g in gradient.items()}
        self.names["penalty"] = sum(
            ((mpf(s.l2) / 2 * p[k] ** 2 + mpf(s.l1) * abs(p[k])) * decays[k] for k in gradient), mpf(0)
        )
        bound = mpf(s.clip_value) if s.clip_value else mp.inf
        limited = {k: min(max(g, -bound), bound) for k, g in penalised.items()}
        norm = mp.sqrt(sum(g**2 for g in limited.values()))
        self.names["‖g‖"] = norm
        self.smallest = min([self.smallest, *(abs(g) for g in limited.values() if g)])
        by = mpf(s.clip_norm) / norm if s.clip_norm and norm > s.clip_norm else mpf(1)
        scaled = {k: g * by for k, g in limited.items()}
        new = {}
        for key, g in scaled.items():
            for kind, value in (("g", penalised[key]), ("g limited", limited[key]), ("g scaled", g)):
                self.names[f"{kind}({names[key]})"] = value
            w = p[key] * (1 - settings["rate"] * settings.get("weight_decay", 0) * decays[key])
            new[key], self.slots[key] = oracles.OPTIMIZERS[o.name](w, g, self.slots[key], settings, number)
            self.names |= {f"{slot}({names[key]})+": value for slot, value in self.slots[key].items()}
        if s.max_norm:
            self.limit(new, decays)
        for key, value in new.items():
            self.parameters[key] = value
            self.names[f"{names[key]}+"] = value

    def limit(self, new: dict[Any, mpf], decays: dict[Any, bool]) -> None:
        for name, shape in ((n, s) for n, (_, s) in self.network.layout.items() if len(s) > 1):
            for j in range(shape[1]) if (name, 0, 0) in new else ():
                norm = mp.sqrt(sum(new[name, i, j] ** 2 for i in range(shape[0])))
                if norm > self.settings.max_norm:
                    for i in range(shape[0]):
                        new[name, i, j] *= mpf(self.settings.max_norm) / norm

    def parameter_name(self, key: tuple[Any, ...]) -> str:
        label, _, array = key[0].partition(".")
        dense = [k for k, op in enumerate(self.network.ops) if op.name == "dense"]
        labels = [self.network.labels[k] for k in dense]

        def unit(place: int, j: int) -> str:
            if place < 0:
                return f"i{j + 1}"
            last = place == len(dense) - 1
            return f"o{j + 1}" if last else f"h{j + 1}" if len(dense) == 2 else f"h{place + 1}.{j + 1}"

        place = max((n for n, x in enumerate(labels) if int(x) <= int(label)), default=-1)
        if array == "W":
            return f"w({unit(place - 1, key[1])},{unit(place, key[2])})"
        return f"{array}({unit(place, key[1])})"


@pytest.fixture(scope="session")
def reference() -> type[Reference]:
    """The independent recomputation."""
    return Reference
