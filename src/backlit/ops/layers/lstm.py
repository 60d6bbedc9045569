"""The long short-term memory: gates decide what its cells forget, take in and give out."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from backlit.kernels.functions import part, positions
from backlit.kernels.matmul import affine, product_nt, sum_rows
from backlit.kernels.matmul import product as matrix_product
from backlit.ops.base import Interval, Shape, Shapes, tuned
from backlit.ops.equations import Equations, Formula, function, of, product, total
from backlit.ops.layers.through_time import (
    THROUGH,
    ThroughTime,
    add_loops,
    add_output_loops,
    carry_loops,
    clear_loops,
    copy_loops,
    cut_before,
    input_gradients,
    length_of,
    order,
    passed_on,
    passed_on_loops,
    place_back_loops,
    place_loops,
    recurrent_gradient,
    recurrent_gradient_loops,
    running,
    sigmoid,
    slope_of_output,
    states_before,
    stay_loops,
    tanh,
    way_back,
)
from backlit.ops.layers.through_time_equations import ZERO, Step, Unrolled, of_sigmoid, of_tanh
from backlit.ops.registry import register

TAKE, KEEP, NEW, OUT = range(4)
"""The gates i, f, g and o by their places."""


def open_loops(N: Any, S: Any, G: Any, k: int, s: int) -> None:
    """Add the part of the state to a gate's net inputs, and open it."""
    if s > 0:
        add_loops(N, S)
    if k == NEW:
        for j in range(N.shape[0]):
            G[j] = tanh(N[j])
    else:
        for j in range(N.shape[0]):
            G[j] = sigmoid(N[j])


def step_loops(
    N: Any, G: Any, C: Any, K: Any, H: Any, S: Any, i: int, t: int, before: int, s: int
) -> None:  # fmt: skip
    """Run a step of a row."""
    _, steps, units = H.shape
    place = i * steps + t
    at = 4 * place
    for k in range(4):
        open_loops(part(N, at + k, units), part(S, 4 * i + k, units), part(G, at + k, units), k, s)
    take, keep, new = part(G, at + TAKE, units), part(G, at + KEEP, units), part(G, at + NEW, units)
    state, cell, through = part(S, 4 * i + NEW, units), part(C, place, units), part(K, place, units)
    for j in range(units):
        state[j] = take[j] * new[j]
    if s > 0:
        earlier = part(C, i * steps + before, units)
        for j in range(units):
            state[j] += keep[j] * earlier[j]
    copy_loops(cell, state)
    out, passed = part(G, at + OUT, units), part(H, place, units)
    for j in range(units):
        through[j] = tanh(cell[j])
        passed[j] = out[j] * through[j]


def lstm_loops(
    X: Any, lengths: Any, W: Any, U: Any, b: Any, N: Any, G: Any, C: Any, K: Any, H: Any, Z: Any, S: Any,
    reverse: float,
) -> None:  # fmt: skip
    """Run the steps, each for all rows; S holds h U, then the cells.

    No loop reads another part of the array that it writes, so each one vectorises.
    """
    n, steps, units = H.shape
    affine(positions(X), W, b, positions(N))  # (n T, F) (F, 4 units) -> (n T, 4 units)
    for s in range(steps):
        t, before = place_loops(s, steps, reverse)
        if s > 0:
            matrix_product(H[:, before], U, S)  # (n, units) (units, 4 units) -> (n, 4 units)
        for i in range(n):
            if t >= length_of(lengths, i, steps):
                stay_loops(H, i, t, before, s)
                stay_loops(C, i, t, before, s)
                stay_loops(K, i, t, before, s)
                clear_loops(part(G, i * steps + t, 4 * units))
                continue
            step_loops(N, G, C, K, H, S, i, t, before, s)
    passed_on_loops(H, lengths, Z, reverse)


def step_back_loops(
    dN: Any, G: Any, C: Any, K: Any, dH: Any, dC: Any, i: int, t: int, before: int, s: int
) -> None:  # fmt: skip
    """Go back through a step of a row."""
    _, steps, units = C.shape
    place = i * steps + t
    at = 4 * place
    take, keep, new, out = (
        part(G, at + TAKE, units), part(G, at + KEEP, units), part(G, at + NEW, units), part(G, at + OUT, units),
    )  # fmt: skip
    through, of_state, of_cell = part(K, place, units), part(dH, place, units), part(dC, place, units)
    for j in range(units):
        of_cell[j] += of_state[j] * out[j] * (1.0 - through[j] * through[j])
    of_take, of_keep = part(dN, at + TAKE, units), part(dN, at + KEEP, units)
    for j in range(units):
        of_take[j] = of_cell[j] * new[j] * take[j] * (1.0 - take[j])
    if s > 0:
        earlier = part(C, i * steps + before, units)
        for j in range(units):
            of_keep[j] = of_cell[j] * earlier[j] * keep[j] * (1.0 - keep[j])
    else:
        clear_loops(of_keep)
    of_new, of_out = part(dN, at + NEW, units), part(dN, at + OUT, units)
    for j in range(units):
        of_new[j] = of_cell[j] * take[j] * (1.0 - new[j] * new[j])
    for j in range(units):
        of_out[j] = of_state[j] * through[j] * out[j] * (1.0 - out[j])


def lstm_backward_loops(
    X: Any, lengths: Any, W: Any, U: Any, G: Any, C: Any, K: Any, H: Any, Z: Any, R: Any, dZ: Any, dH: Any, dC: Any,
    dN: Any, dX: Any, dlengths: Any, dW: Any, dU: Any, db: Any, reverse: float, truncate: float,
) -> None:  # fmt: skip
    """Run the steps backward, each for all rows, then the products over all steps; R holds dnet Uᵀ."""
    n, steps, units = H.shape
    for s in range(steps - 1, -1, -1):
        t, after = place_back_loops(s, steps, reverse)
        before = t - 1 if reverse == 0.0 else t + 1
        if s < steps - 1:
            product_nt(dN[:, after], U, R)  # (n, 4 units) (4 units, units) -> (n, units)
        for i in range(n):
            # dH and dC: what the step behind makes of state and cells, and what the layer passes on.
            length = length_of(lengths, i, steps)
            way = way_back(s, t, after, length, steps, reverse, truncate)
            if way == THROUGH:
                copy_loops(part(dH, i * steps + t, units), part(R, i, units))
                of_cell, behind = part(dC, i * steps + t, units), part(dC, i * steps + after, units)
                keep = part(G, 4 * (i * steps + after) + KEEP, units)
                for j in range(units):
                    of_cell[j] = behind[j] * keep[j]
            else:
                carry_loops(dH, i, t, after, way)
                carry_loops(dC, i, t, after, way)
            add_output_loops(dH, dZ, i, t, s, length)
            if t >= length:
                clear_loops(part(dN, i * steps + t, 4 * units))
                continue
            step_back_loops(dN, G, C, K, dH, dC, i, t, before, s)
    input_gradients(X, W, dN, dX, dW)
    recurrent_gradient_loops(H, lengths, Z, dN, dU, reverse)
    if db.size:
        sum_rows(positions(dN), db)
    for i in range(dlengths.shape[0]):
        dlengths[i] = 0.0


@register("lstm")
class LSTM(ThroughTime, frozen=True):
    r"""A layer of long short-term memory: cells that gates let forget, take in and give out.

    Forward, with h_0 = c_0 = 0 and all gates from net_t = x_t W + h_{t-1} U + b, in the order i, f, g, o:
    i, f, o = σ(net), g = tanh(net); c_t = f c_{t-1} + i g; h_t = o tanh(c_t). It passes on h_T, or h_1 ... h_T.
    Backward, from the last step to the first: dh_t = (what is passed on at t) + dnet_{t+1} Uᵀ,
    dc_t = dh_t o (1 - tanh²(c_t)) + dc_{t+1} f_{t+1}; dnet of i = dc_t g i (1 - i), of f = dc_t c_{t-1} f (1 - f), of
    g = dc_t i (1 - g²), of o = dh_t tanh(c_t) o (1 - o); dW, dU, db and dX as in `Recurrent`.

    Shapes: X (n, T, F), W (F, 4 units), U (units, 4 units), b (4 units,); N and G (n, T, 4 units): net inputs and
    gates; C, K and H (n, T, units): cells, their tanh and states; Z (n, units), or (n, T, units).

    It is PyTorch's `LSTM`, gates in its order i, f, g, o. PyTorch has two biases, which are always added: b is their
    sum. Keras's `LSTM` is the same too, in the order i, f, c, o, where c is our g.

    Args:
        units: the number of cells.
        returns, reverse, lengths, truncate, bias, freeze, tie: as in `Recurrent`; cutting cuts the slopes of the cells
            too.
        weights: initializer of W, or W outright; by default Glorot's uniform one.
        recurrent_weights: the same of U; by default orthogonal.
        biases: the same of b; by default 1 for the forget gate, so that cells remember at first, else 0.

    Errors: a BacklitError where a setting is out of its bounds, or rows are no sequences.

    Source: Hochreiter, Schmidhuber, "Long short-term memory", Neural Computation 9, 1997; with the forget gate of Gers,
    Schmidhuber, Cummins, "Learning to forget", Neural Computation 12, 2000; its bias of 1: Jozefowicz, Zaremba,
    Sutskever, "An empirical exploration of recurrent network architectures", ICML 2015.

    >>> LSTM(16).shapes((50, 8)).parameters
    {'W': (8, 64), 'U': (16, 64), 'b': (64,)}
    """

    gates: ClassVar[int] = 4
    biases_of_unit: ClassVar[int] = 4
    outputs: ClassVar[Interval] = (-1.0, 1.0)
    formula: ClassVar[str] = r"c^{(t)} = f^{(t)} c^{(t-1)} + i^{(t)} g^{(t)}, \quad h^{(t)} = o^{(t)} \tanh c^{(t)}"

    def shapes(self, *rows: Shape) -> Shapes:
        """Give the buffers X, N, G, C, K, H and Z, and the parameters W, U and b."""
        return self.arrays(rows, {"N": 4, "G": 4, "C": 1, "K": 1, "H": 1})

    def first_biases(self) -> Any:
        """Give 1 for the forget gates, else 0."""
        return np.repeat([0.0, 1.0, 0.0, 0.0], self.units if self.bias else 0)

    def equations(self, *rows: Shape) -> Equations:
        """Give the steps written out, and back from the last to the first."""
        steps, u = Unrolled(self, rows, ("_i", "_f", "_g", "_o")), self.units

        def gate(k: int, t: int, j: int) -> Formula:
            return of("G", t, k * u + j)

        def tanh_of_cell(t: int, j: int) -> Formula:
            return function("tanh", of("C", t, j))

        def net(k: int) -> Step:
            return lambda t, j, length: total(
                *steps.from_inputs(k, t, j), *(steps.from_state(k, t, j, length) if t < length else [])
            )

        def opened(k: int) -> Step:
            curve = "tanh" if k == NEW else "sigmoid"
            return steps.within(lambda t, j, _: function(curve, of("N", t, k * u + j)), lambda *_: ZERO)

        def cell(t: int, j: int, length: int) -> Formula:
            before = steps.before(t, length)
            taken = product(gate(TAKE, t, j), gate(NEW, t, j))
            return taken if before is None else total(product(gate(KEEP, t, j), of("C", before, j)), taken)

        def state(t: int, j: int, _: int) -> Formula:
            return product(gate(OUT, t, j), tanh_of_cell(t, j))

        def of_state(t: int, j: int, length: int) -> Formula:
            return steps.passed_back(t, j, length, ["dN"] * 4, lambda _: None)

        def of_cell(t: int, j: int, length: int) -> Formula:
            after = steps.after(t, length)
            through = product(of("dH", t, j), gate(OUT, t, j), of_tanh(tanh_of_cell(t, j)))
            if after is None:
                at_end = t + 1 < steps.steps and not self.reverse
                return total(through, of("dC", t + 1, j)) if at_end else through
            kept = product(of("dC", after, j), gate(KEEP, after, j))
            return through if steps.is_cut(after, length) else total(through, kept)

        def behind(t: int, j: int, _: int) -> Formula:
            return of("dC", t + 1, j) if t + 1 < steps.steps and not self.reverse else ZERO

        def of_net(k: int) -> Step:
            def formula(t: int, j: int, length: int) -> Formula:
                before, own = steps.before(t, length), gate(k, t, j)
                if k == KEEP and before is None:
                    return ZERO
                met = {TAKE: gate(NEW, t, j), KEEP: of("C", before or 0, j), NEW: gate(TAKE, t, j),
                       OUT: tanh_of_cell(t, j)}[k]  # fmt: skip
                return product(of("dH" if k == OUT else "dC", t, j), met, of_tanh(own) if k == NEW else of_sigmoid(own))

            return steps.within(formula, lambda *_: ZERO)

        forward, backward = [], []
        for t in steps.moments:
            for k, ending in enumerate(steps.gates):
                forward += [steps.part("N", f"net{ending}", t, net(k), k, steps.title(t) if k == 0 else ""),
                            steps.part("G", ending[1:], t, opened(k), k)]  # fmt: skip
            forward += [steps.part("C", "c", t, steps.within(cell, steps.stays("C")), note=steps.state_note),
                        steps.part("H", "out", t, steps.within(state, steps.stays("H")))]  # fmt: skip
        for t in reversed(steps.moments):
            backward += [steps.part("dH", "out", t, of_state, title=steps.title(t), note=steps.slope_note),
                         steps.part("dC", "c", t, steps.within(of_cell, behind))]  # fmt: skip
            backward += [steps.part("dN", f"net{ending}", t, of_net(k), k, note=steps.first_note if k == KEEP else None)
                         for k, ending in enumerate(steps.gates)]  # fmt: skip
        return steps.equations(forward, backward, ["dN"] * 4)

    @staticmethod
    @tuned(lstm_loops)
    def forward(
        X: Any, lengths: Any, W: Any, U: Any, b: Any, N: Any, G: Any, C: Any, K: Any, H: Any, Z: Any, S: Any,
        reverse: bool,
    ) -> None:  # fmt: skip
        """c_t = f c_{t-1} + i g, h_t = o tanh(c_t)."""
        n, steps, units = H.shape
        affine(X, W, b, N)
        h, c, runs = np.zeros_like(H[:, 0]), np.zeros_like(H[:, 0]), running(lengths, n, steps)
        for t in order(steps, reverse):
            matrix_product(h, U, S)
            N[:, t] += np.where(runs[:, t], S, 0.0)
            G[:, t] = np.where(runs[:, t], sigmoid(N[:, t]), 0.0)
            i, f, g, o = (G[:, t, k * units : (k + 1) * units] for k in range(4))
            g[:] = np.where(runs[:, t], tanh(N[:, t, 2 * units : 3 * units]), 0.0)
            C[:, t] = np.where(runs[:, t], f * c + i * g, c)
            K[:, t] = tanh(C[:, t])
            H[:, t] = np.where(runs[:, t], o * K[:, t], h)
            h, c = H[:, t], C[:, t]
        passed_on(H, lengths, Z, reverse)

    @staticmethod
    @tuned(lstm_backward_loops)
    def backward(
        X: Any, lengths: Any, W: Any, U: Any, G: Any, C: Any, K: Any, H: Any, Z: Any, R: Any, dZ: Any, dH: Any, dC: Any,
        dN: Any, dX: Any, dlengths: Any, dW: Any, dU: Any, db: Any, reverse: bool, truncate: int,
    ) -> None:  # fmt: skip
        """dh_t = dz_t + dnet_{t+1} Uᵀ, dc_t = dh_t o (1 - tanh²(c_t)) + dc_{t+1} f_{t+1}; then the sums over steps."""
        n, steps, units = H.shape
        dH[:] = slope_of_output(dZ, H, lengths, reverse)
        runs, of_state, of_cell = running(lengths, n, steps), np.zeros_like(H[:, 0]), np.zeros_like(H[:, 0])
        earlier = states_before(C, reverse)
        for t in reversed(order(steps, reverse)):
            passing = runs[:, t] | (not reverse)
            i, f, g, o = (G[:, t, k * units : (k + 1) * units] for k in range(4))
            dH[:, t] += np.where(passing, of_state, 0.0)
            through = np.where(runs[:, t], dH[:, t] * o * (1.0 - K[:, t] ** 2), 0.0)
            dC[:, t] = np.where(passing, of_cell, 0.0) + through
            cell = np.where(runs[:, t], dC[:, t], 0.0)
            dN[:, t, :units] = cell * g * i * (1.0 - i)
            dN[:, t, units : 2 * units] = cell * earlier[:, t] * f * (1.0 - f)
            dN[:, t, 2 * units : 3 * units] = cell * i * (1.0 - g**2)
            dN[:, t, 3 * units :] = np.where(runs[:, t], dH[:, t] * K[:, t] * o * (1.0 - o), 0.0)
            cut = cut_before(t, lengths, steps, reverse, truncate)
            product_nt(dN[:, t], U, R)
            of_state = np.where(cut, 0.0, np.where(runs[:, t], R, dH[:, t]))
            of_cell = np.where(cut, 0.0, np.where(runs[:, t], dC[:, t] * f, dC[:, t]))
        input_gradients(X, W, dN, dX, dW)
        recurrent_gradient(H, dN, dU, reverse)
        if db.size:
            sum_rows(positions(dN), db)
        dlengths[:] = 0.0
