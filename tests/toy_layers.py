"""Small layers that give their formulas as data: a convolution of one picture, a pooling, and a recurrent layer."""

from __future__ import annotations

from itertools import product as pairs
from typing import Any, ClassVar

import numpy as np

from backlit.ops.activations.smooth import Tanh
from backlit.ops.base import Layer, Shape, Shapes
from backlit.ops.equations import Activated, Constant, Equations, Part, every, function, of, product, total

WINDOW = 2


class ToyConvolution(Layer, frozen=True):
    """Slides windows of 2 by 2 over a picture (rows, columns, channels), with so many filters."""

    filters: int = 2
    name: ClassVar[str] = "toy_convolution"
    shaped: ClassVar[bool] = True

    def shapes(self, *rows: Shape) -> Shapes:
        ((height, width, channels),) = rows
        out = (height - WINDOW + 1, width - WINDOW + 1, self.filters)
        return Shapes({"X": rows[0], "Z": out},
                      {"W": (WINDOW, WINDOW, channels, self.filters), "b": (self.filters,)})  # fmt: skip

    def initial(self, name: str) -> Any:
        return "glorot_uniform" if name == "W" else 0.25

    @staticmethod
    def forward(X: Any, W: Any, b: Any, Z: Any) -> None:
        Z[:] = b
        for r, c in pairs(range(WINDOW), repeat=2):
            Z += X[:, r : r + Z.shape[1], c : c + Z.shape[2]] @ W[r, c]

    @staticmethod
    def backward(X: Any, W: Any, dZ: Any, dX: Any, dW: Any, db: Any) -> None:
        if db.size:
            db[:] = dZ.sum(axis=(0, 1, 2))
        if dX.size:
            dX[:] = 0.0
        for r, c in pairs(range(WINDOW), repeat=2):
            seen = X[:, r : r + dZ.shape[1], c : c + dZ.shape[2]]
            if dW.size:
                dW[r, c] = np.einsum("nijc,nijf->cf", seen, dZ)
            if dX.size:
                dX[:, r : r + dZ.shape[1], c : c + dZ.shape[2]] += dZ @ W[r, c].T

    def equations(self, *rows: Shape) -> Equations:
        (*_, channels) = rows[0]
        out = self.shapes(*rows).buffers["Z"]
        window = list(pairs(range(WINDOW), range(WINDOW)))

        def net(index: Any) -> Any:
            i, j, f = index
            terms = (product(of("W", r, c, k, f), of("X", i + r, j + c, k)) for r, c in window for k in range(channels))
            return total(total(*terms), of("b", f))

        def of_weight(index: Any) -> Any:
            r, c, k, f = index
            spots = pairs(range(out[0]), range(out[1]))
            return total(*(product(of("dZ", i, j, f), of("X", i + r, j + c, k)) for i, j in spots))

        def of_input(index: Any) -> Any:
            i, j, k = index
            spots = [(r, c) for r, c in window if 0 <= i - r < out[0] and 0 <= j - c < out[1]]
            return total(*(product(of("dZ", i - r, j - c, f), of("W", r, c, k, f))
                           for r, c in reversed(spots) for f in range(self.filters)))  # fmt: skip

        w = {"unit": lambda index: index[3], "source": lambda index: index[2], "position": lambda index: index[:2]}
        weights = every((WINDOW, WINDOW, channels, self.filters))
        of_bias = lambda index: total(*(of("dZ", i, j, index[0]) for i, j in pairs(range(out[0]), range(out[1]))))  # noqa: E731
        return Equations(
            letter="f",
            parameters=(Part(array="W", kind="w", places=weights, **w),
                        Part(array="b", kind="b", places=every((self.filters,)))),
            forward=(Part(array="Z", kind="net", places=every(out), formula=net),),
            backward=(Part(array="dX", kind="x", places=every(rows[0]), formula=of_input),),
            gradients=(Part(array="dW", kind="w", places=weights, formula=of_weight, **w),
                       Part(array="db", kind="b", places=every((self.filters,)), formula=of_bias)),
        )  # fmt: skip


class ToyPool(Layer, frozen=True):
    """The largest of each window of 2 by 2, side by side; of equal ones the first takes the slope."""

    name: ClassVar[str] = "toy_pool"
    shaped: ClassVar[bool] = True

    def shapes(self, *rows: Shape) -> Shapes:
        ((height, width, channels),) = rows
        return Shapes({"X": rows[0], "Z": (height // 2, width // 2, channels)})

    @staticmethod
    def forward(X: Any, Z: Any) -> None:
        for i, j in pairs(range(Z.shape[1]), range(Z.shape[2])):
            Z[:, i, j] = X[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max(axis=(1, 2))

    @staticmethod
    def backward(X: Any, dZ: Any, dX: Any) -> None:
        if dX.size:
            dX[:] = 0.0
            for n, i, j, c in np.ndindex(*dZ.shape):
                window = X[n, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2, c]
                r, s = divmod(int(np.argmax(window)), 2)
                dX[n, 2 * i + r, 2 * j + s, c] += dZ[n, i, j, c]

    def equations(self, *rows: Shape) -> Equations:
        out = self.shapes(*rows).buffers["Z"]

        def window(i: int, j: int, c: int) -> list[Any]:
            return [of("X", 2 * i + r, 2 * j + s, c) for r in range(2) for s in range(2)]

        def largest(index: Any) -> Any:
            return function("max", *window(*index))

        def passed(index: Any, value: Any) -> Any:
            i, j, c = index[0] // 2, index[1] // 2, index[2]
            if i >= out[0] or j >= out[1]:
                return Constant("0")
            first = max(window(i, j, c), key=value)
            return of("dZ", i, j, c) if first == of("X", *index) else Constant("0")

        def tie(index: Any, value: Any) -> str:
            values = [value(element) for element in window(*index)]
            return "several are the largest: the first takes the slope" if values.count(max(values)) > 1 else ""

        return Equations(
            forward=(Part(array="Z", kind="pool", places=every(out), formula=largest, note=tie),),
            backward=(Part(array="dX", kind="x", places=every(rows[0]), row_formula=passed),),
        )


class ToyRecurrent(Layer, frozen=True):
    """h_t = tanh(x_t W + h_{t-1} U + b); gives the last state."""

    units: int = 2
    name: ClassVar[str] = "toy_recurrent"
    shaped: ClassVar[bool] = True

    def shapes(self, *rows: Shape) -> Shapes:
        ((steps, features),) = rows
        u = self.units
        return Shapes({"X": rows[0], "N": (steps, u), "H": (steps, u), "Z": (u,)},
                      {"W": (features, u), "U": (u, u), "b": (u,)})  # fmt: skip

    def initial(self, name: str) -> Any:
        return 0.125 if name == "b" else "glorot_uniform"

    @staticmethod
    def forward(X: Any, W: Any, U: Any, b: Any, N: Any, H: Any, Z: Any) -> None:
        for t in range(X.shape[1]):
            N[:, t] = X[:, t] @ W + b
            if t:
                N[:, t] += H[:, t - 1] @ U
            H[:, t] = np.tanh(N[:, t])
        Z[:] = H[:, -1]

    @staticmethod
    def backward(
        X: Any, W: Any, U: Any, N: Any, H: Any, dZ: Any, dX: Any, dN: Any, dH: Any, dW: Any, dU: Any, db: Any
    ) -> None:
        steps = X.shape[1]
        dH[:, -1] = dZ
        for t in reversed(range(steps)):
            dN[:, t] = dH[:, t] * (1.0 - H[:, t] ** 2)
            if t:
                dH[:, t - 1] = dN[:, t] @ U.T
        if dW.size:
            dW[:] = sum(X[:, t].T @ dN[:, t] for t in range(steps))
        if dU.size:
            dU[:] = sum(H[:, t - 1].T @ dN[:, t] for t in range(1, steps))
        if db.size:
            db[:] = dN.sum(axis=(0, 1))
        if dX.size:
            dX[:] = dN @ W.T

    def equations(self, *rows: Shape) -> Equations:
        ((steps, features),) = rows
        u = self.units

        def net(index: Any) -> Any:
            t, j = index
            terms = [product(of("W", i, j), of("X", t, i)) for i in range(features)]
            terms += [product(of("U", i, j), of("H", t - 1, i)) for i in range(u)] if t else []
            return total(*terms, of("b", j))

        def out(index: Any) -> Any:
            return Activated(Tanh(), of("N", *index))

        def of_state(index: Any) -> Any:
            t, j = index
            return (
                of("dZ", j)
                if t == steps - 1
                else total(*(product(of("dN", t + 1, i), of("U", j, i)) for i in range(u)))
            )

        def of_net(index: Any) -> Any:
            return product(of("dH", *index), Activated(Tanh(), of("N", *index), of("H", *index)))

        def of_w(index: Any) -> Any:
            return total(*(product(of("dN", t, index[1]), of("X", t, index[0])) for t in range(steps)))

        def of_u(index: Any) -> Any:
            return total(*(product(of("dN", t, index[1]), of("H", t - 1, index[0])) for t in range(1, steps)))

        def at(t: int) -> Any:
            return tuple((t, j) for j in range(u))

        forward, backward = [], []
        for t in range(steps):
            forward += [Part(array="N", kind="net", places=at(t), formula=net, title=f"time {t + 1}"),
                        Part(array="H", kind="out", places=at(t), formula=out)]  # fmt: skip
        for t in reversed(range(steps)):
            backward += [Part(array="dH", kind="out", places=at(t), formula=of_state, title=f"time {t + 1}"),
                         Part(array="dN", kind="net", places=at(t), formula=of_net)]  # fmt: skip
        last = Part(array="Z", kind="y", places=every((u,)), formula=lambda index: of("H", steps - 1, *index))
        grid = {"unit": lambda index: index[1], "position": lambda index: (), "source": lambda index: index[0]}
        w, uu = every((features, u)), every((u, u))
        return Equations(
            letter="h",
            parameters=(Part(array="W", kind="w", places=w, **grid),
                        Part(array="U", kind="u", places=uu, own_source=True, **grid),
                        Part(array="b", kind="b", places=every((u,)))),
            forward=(*forward, last),
            backward=(*backward, Part(array="dX", kind="x", places=every(rows[0]), formula=lambda index: total(
                *(product(of("dN", index[0], j), of("W", index[1], j)) for j in range(u))))),
            gradients=(Part(array="dW", kind="w", places=w, formula=of_w, **grid),
                       Part(array="dU", kind="u", places=uu, formula=of_u, own_source=True, **grid),
                       Part(array="db", kind="b", places=every((u,)), formula=lambda index: total(
                           *(of("dN", t, index[0]) for t in range(steps))))),
        )  # fmt: skip
