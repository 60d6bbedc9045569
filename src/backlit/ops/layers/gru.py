"""The gated recurrent unit: gates decide how much of its state is renewed, and from how much of the old one."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from backlit.kernels.functions import flat, part, positions
from backlit.kernels.matmul import affine, product_nt, sum_rows
from backlit.kernels.matmul import product as matrix_product
from backlit.ops.base import Interval, Shape, Shapes, tuned
from backlit.ops.equations import Equations, Formula, function, minus, of, product, total
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
from backlit.ops.layers.through_time_equations import ZERO, Step, Unrolled, of_sigmoid, of_tanh, rest
from backlit.ops.registry import register

RESET, KEEP, NEW = range(3)
"""The gates r, z and n by their places."""


def open_loops(N: Any, Q: Any, S: Any, G: Any) -> None:
    """Add the part of the state to the net inputs of r or z, and open it."""
    for j in range(N.shape[0]):
        Q[j] = S[j]
        N[j] += S[j]
        G[j] = sigmoid(N[j])


def step_loops(N: Any, Q: Any, G: Any, H: Any, S: Any, i: int, t: int, before: int, s: int) -> None:
    """Run a step of a row."""
    _, steps, units = H.shape
    place = i * steps + t
    at = 3 * place
    reset, keep, new = part(G, at + RESET, units), part(G, at + KEEP, units), part(G, at + NEW, units)
    open_loops(part(N, at + RESET, units), part(Q, at + RESET, units), part(S, 3 * i + RESET, units), reset)
    open_loops(part(N, at + KEEP, units), part(Q, at + KEEP, units), part(S, 3 * i + KEEP, units), keep)
    net, recurrent, state = part(N, at + NEW, units), part(Q, at + NEW, units), part(S, 3 * i + NEW, units)
    copy_loops(recurrent, state)
    for j in range(units):
        net[j] += reset[j] * recurrent[j]
    for j in range(units):
        new[j] = tanh(net[j])
    for j in range(units):
        state[j] = (1.0 - keep[j]) * new[j]
    if s > 0:
        earlier = part(H, i * steps + before, units)
        for j in range(units):
            state[j] += keep[j] * earlier[j]
    copy_loops(part(H, place, units), state)


def gru_loops(
    X: Any, lengths: Any, W: Any, U: Any, b: Any, N: Any, Q: Any, G: Any, H: Any, Z: Any, S: Any, reverse: float
) -> None:
    """Run the steps, each for all rows; S holds h U, then the states.

    No loop reads another part of the array that it writes, so each one vectorises.
    """
    n, steps, units = H.shape
    affine(positions(X), W, b[: 3 * units], positions(N))  # (n T, F) (F, 3 units) -> (n T, 3 units)
    for s in range(steps):
        t, before = place_loops(s, steps, reverse)
        if s > 0:
            matrix_product(H[:, before], U, S)  # (n, units) (units, 3 units) -> (n, 3 units)
        else:
            of_all = flat(S)
            for j in range(of_all.shape[0]):
                of_all[j] = 0.0
        if b.shape[0] > 0:
            for i in range(n):
                add_loops(part(S, 3 * i + NEW, units), part(b, 3, units))
        for i in range(n):
            if t >= length_of(lengths, i, steps):
                stay_loops(H, i, t, before, s)
                clear_loops(part(Q, i * steps + t, 3 * units))
                clear_loops(part(G, i * steps + t, 3 * units))
                continue
            step_loops(N, Q, G, H, S, i, t, before, s)
    passed_on_loops(H, lengths, Z, reverse)


def step_back_loops(
    dN: Any, dQ: Any, Q: Any, G: Any, H: Any, dH: Any, i: int, t: int, before: int, s: int
) -> None:  # fmt: skip
    """Go back through a step of a row."""
    _, steps, units = H.shape
    place = i * steps + t
    at = 3 * place
    reset, keep, new = part(G, at + RESET, units), part(G, at + KEEP, units), part(G, at + NEW, units)
    of_reset, of_keep, of_new = part(dN, at + RESET, units), part(dN, at + KEEP, units), part(dN, at + NEW, units)
    of_recurrent, recurrent, of_state = part(dQ, at + NEW, units), part(Q, at + NEW, units), part(dH, place, units)
    for j in range(units):
        of_new[j] = of_state[j] * (1.0 - keep[j]) * (1.0 - new[j] * new[j])
    for j in range(units):
        of_recurrent[j] = of_new[j] * reset[j]
    for j in range(units):
        of_reset[j] = of_recurrent[j] * recurrent[j] * (1.0 - reset[j])
    if s > 0:
        earlier = part(H, i * steps + before, units)
        for j in range(units):
            of_keep[j] = of_state[j] * (earlier[j] - new[j]) * keep[j] * (1.0 - keep[j])
    else:
        for j in range(units):
            of_keep[j] = of_state[j] * -new[j] * keep[j] * (1.0 - keep[j])
    copy_loops(part(dQ, at + RESET, units), of_reset)
    copy_loops(part(dQ, at + KEEP, units), of_keep)


def own_bias_loops(dQ: Any, own: Any) -> None:
    """Sum the slopes of the recurrent part of n over rows and steps."""
    units = own.shape[0]
    clear_loops(own)
    for place in range(dQ.shape[0] * dQ.shape[1]):
        add_loops(own, part(dQ, 3 * place + NEW, units))


def gru_backward_loops(
    X: Any, lengths: Any, W: Any, U: Any, Q: Any, G: Any, H: Any, Z: Any, R: Any, dZ: Any, dH: Any, dQ: Any, dN: Any,
    dX: Any, dlengths: Any, dW: Any, dU: Any, db: Any, reverse: float, truncate: float,
) -> None:  # fmt: skip
    """Run the steps backward, each for all rows, then the products over all steps; R holds dq Uᵀ."""
    n, steps, units = H.shape
    for s in range(steps - 1, -1, -1):
        t, after = place_back_loops(s, steps, reverse)
        before = t - 1 if reverse == 0.0 else t + 1
        if s < steps - 1:
            product_nt(dQ[:, after], U, R)  # (n, 3 units) (3 units, units) -> (n, units)
        for i in range(n):
            # dH: what the step behind makes of the state, and what the layer passes on.
            length = length_of(lengths, i, steps)
            way = way_back(s, t, after, length, steps, reverse, truncate)
            if way == THROUGH:
                back, behind = part(R, i, units), part(dH, i * steps + after, units)
                keep = part(G, 3 * (i * steps + after) + KEEP, units)
                for j in range(units):
                    back[j] += behind[j] * keep[j]
                copy_loops(part(dH, i * steps + t, units), back)
            else:
                carry_loops(dH, i, t, after, way)
            add_output_loops(dH, dZ, i, t, s, length)
            if t >= length:
                clear_loops(part(dN, i * steps + t, 3 * units))
                clear_loops(part(dQ, i * steps + t, 3 * units))
                continue
            step_back_loops(dN, dQ, Q, G, H, dH, i, t, before, s)
    input_gradients(X, W, dN, dX, dW)
    recurrent_gradient_loops(H, lengths, Z, dQ, dU, reverse)
    if db.size:
        sum_rows(positions(dN), db[: 3 * units])
        own_bias_loops(dQ, part(db, 3, units))
    for i in range(dlengths.shape[0]):
        dlengths[i] = 0.0


@register("gru")
class GRU(ThroughTime, frozen=True):
    r"""A layer of gated recurrent units: gates decide how much of the state is renewed, and from what.

    Forward, with h_0 = 0 and q_t = h_{t-1} U (+ the recurrent bias for n): r, z = σ(x_t W + b + q_t),
    n = tanh(x_t W + b + r q_t), h_t = (1 - z) n + z h_{t-1}. It passes on h_T, or h_1 ... h_T.
    Backward, from the last step to the first: dh_t = (what is passed on at t) + dq_{t+1} Uᵀ + dh_{t+1} z_{t+1};
    dnet of n = dh_t (1 - z) (1 - n²), of z = dh_t (h_{t-1} - n) z (1 - z), of r = dnet_n q_n r (1 - r); dq = dnet, but
    of n it is dnet_n r; dW = Σ_t x_tᵀ dnet_t, dU = Σ_t h_{t-1}ᵀ dq_t, dx_t = dnet_t Wᵀ.

    Shapes: X (n, T, F), W (F, 3 units), U (units, 3 units), b (4 units,): of r, z and n, then the recurrent bias of n,
    which r multiplies; N, Q and G (n, T, 3 units): net inputs, their recurrent parts and gates; H (n, T, units):
    states; Z (n, units), or (n, T, units).

    It is PyTorch's `GRU`, gates in its order r, z, n. PyTorch's two biases of r and z are always added: ours are their
    sums; the last of b is its `bias_hh` of n. Keras's `GRU` with reset_after=True, its default, is the same in the
    order z, r, h, where h is our n. (With reset_after=False, as in the paper, r multiplies the state before U does.)

    Args:
        units: the number of units.
        returns, reverse, lengths, truncate, bias, freeze, tie: as in `Recurrent`.
        weights: initializer of W, or W outright; by default Glorot's uniform one.
        recurrent_weights: the same of U; by default orthogonal.
        biases: the same of b; by default zeros.

    Errors: a BacklitError where a setting is out of its bounds, or rows are no sequences.

    Source: Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine translation",
    EMNLP 2014.

    >>> GRU(16).shapes((50, 8)).parameters
    {'W': (8, 48), 'U': (16, 48), 'b': (64,)}
    """

    gates: ClassVar[int] = 3
    biases_of_unit: ClassVar[int] = 4
    outputs: ClassVar[Interval] = (-1.0, 1.0)
    formula: ClassVar[str] = r"h^{(t)} = (1 - z^{(t)}) n^{(t)} + z^{(t)} h^{(t-1)}"

    def shapes(self, *rows: Shape) -> Shapes:
        """Give the buffers X, N, Q, G, H and Z, and the parameters W, U and b."""
        return self.arrays(rows, {"N": 3, "Q": 3, "G": 3, "H": 1})

    def equations(self, *rows: Shape) -> Equations:
        """Give the steps written out, and back from the last to the first."""
        steps, u = Unrolled(self, rows, ("_r", "_z", "_n")), self.units

        def gate(k: int, t: int, j: int) -> Formula:
            return of("G", t, k * u + j)

        def recurrent(t: int, j: int, length: int) -> Formula:
            return total(*steps.from_state(NEW, t, j, length), *steps.bias(3 * u + j))

        def net(k: int) -> Step:
            def formula(t: int, j: int, length: int) -> Formula:
                if t >= length:
                    return total(*steps.from_inputs(k, t, j))
                last = [product(gate(RESET, t, j), of("Q", t, 2 * u + j))]
                return total(*steps.from_inputs(k, t, j), *(last if k == NEW else steps.from_state(k, t, j, length)))

            return formula

        def opened(k: int) -> Step:
            curve = "tanh" if k == NEW else "sigmoid"
            return steps.within(lambda t, j, _: function(curve, of("N", t, k * u + j)), lambda *_: ZERO)

        def state(t: int, j: int, length: int) -> Formula:
            before = steps.before(t, length)
            renewed = product(rest(gate(KEEP, t, j)), gate(NEW, t, j))
            return renewed if before is None else total(renewed, product(gate(KEEP, t, j), of("H", before, j)))

        def of_state(t: int, j: int, length: int) -> Formula:
            return steps.passed_back(
                t, j, length, ["dN", "dN", "dQ"], lambda after: product(of("dH", after, j), gate(KEEP, after, j))
            )

        def of_new(t: int, j: int, _: int) -> Formula:
            return product(of("dH", t, j), rest(gate(KEEP, t, j)), of_tanh(gate(NEW, t, j)))

        def of_keep(t: int, j: int, length: int) -> Formula:
            before, new = steps.before(t, length), minus(gate(NEW, t, j))
            change = new if before is None else total(of("H", before, j), new)
            return product(of("dH", t, j), change, of_sigmoid(gate(KEEP, t, j)))

        def of_reset(t: int, j: int, _: int) -> Formula:
            return product(of("dN", t, 2 * u + j), of("Q", t, 2 * u + j), of_sigmoid(gate(RESET, t, j)))

        def of_recurrent(t: int, j: int, _: int) -> Formula:
            return product(of("dN", t, 2 * u + j), gate(RESET, t, j))

        def nothing(*_: int) -> Formula:
            return ZERO

        forward, backward = [], []
        for t in steps.moments:
            for k, ending in enumerate(steps.gates):
                if k == NEW:
                    forward.append(steps.part("Q", "q", t, steps.within(recurrent, nothing), k, note=steps.first_note))
                forward += [steps.part("N", f"net{ending}", t, net(k), k, steps.title(t) if k == 0 else ""),
                            steps.part("G", ending[1:], t, opened(k), k)]  # fmt: skip
            forward.append(steps.part("H", "out", t, steps.within(state, steps.stays("H")), note=steps.state_note))
        for t in reversed(steps.moments):
            backward += [
                steps.part("dH", "out", t, of_state, title=steps.title(t), note=steps.slope_note),
                steps.part("dN", "net_n", t, steps.within(of_new, nothing), NEW),
                steps.part("dN", "net_z", t, steps.within(of_keep, nothing), KEEP),
                steps.part("dN", "net_r", t, steps.within(of_reset, nothing), RESET),
                steps.part("dQ", "q", t, steps.within(of_recurrent, nothing), NEW),
            ]
        return steps.equations(forward, backward, ["dN", "dN", "dQ"], [("b_q", NEW, "dQ")])

    @staticmethod
    @tuned(gru_loops)
    def forward(
        X: Any, lengths: Any, W: Any, U: Any, b: Any, N: Any, Q: Any, G: Any, H: Any, Z: Any, S: Any, reverse: bool
    ) -> None:
        """r, z = σ(net), n = tanh(x W + b + r q), h_t = (1 - z) n + z h_{t-1}."""
        n, steps, units = H.shape
        wide = 3 * units
        affine(X, W, b[:wide], N)
        h, runs = np.zeros_like(H[:, 0]), running(lengths, n, steps)
        for t in order(steps, reverse):
            matrix_product(h, U, S)
            if b.size:
                S[:, 2 * units :] += b[wide:]
            Q[:, t] = np.where(runs[:, t], S, 0.0)
            N[:, t, : 2 * units] += Q[:, t, : 2 * units]
            G[:, t, : 2 * units] = np.where(runs[:, t], sigmoid(N[:, t, : 2 * units]), 0.0)
            reset, keep, new = (G[:, t, k * units : (k + 1) * units] for k in range(3))
            N[:, t, 2 * units :] += reset * Q[:, t, 2 * units :]
            new[:] = np.where(runs[:, t], tanh(N[:, t, 2 * units :]), 0.0)
            H[:, t] = np.where(runs[:, t], (1.0 - keep) * new + keep * h, h)
            h = H[:, t]
        passed_on(H, lengths, Z, reverse)

    @staticmethod
    @tuned(gru_backward_loops)
    def backward(
        X: Any, lengths: Any, W: Any, U: Any, Q: Any, G: Any, H: Any, Z: Any, R: Any, dZ: Any, dH: Any, dQ: Any,
        dN: Any, dX: Any, dlengths: Any, dW: Any, dU: Any, db: Any, reverse: bool, truncate: int,
    ) -> None:  # fmt: skip
        """dh_t = dz_t + dq_{t+1} Uᵀ + dh_{t+1} z_{t+1}; then the sums over the steps."""
        n, steps, units = H.shape
        dH[:] = slope_of_output(dZ, H, lengths, reverse)
        runs, behind, earlier = running(lengths, n, steps), np.zeros_like(H[:, 0]), states_before(H, reverse)
        for t in reversed(order(steps, reverse)):
            reset, keep, new = (G[:, t, k * units : (k + 1) * units] for k in range(3))
            dH[:, t] += np.where(runs[:, t] | (not reverse), behind, 0.0)
            dh = np.where(runs[:, t], dH[:, t], 0.0)
            of_new = dh * (1.0 - keep) * (1.0 - new**2)
            dN[:, t, :units] = of_new * Q[:, t, 2 * units :] * reset * (1.0 - reset)
            dN[:, t, units : 2 * units] = dh * (earlier[:, t] - new) * keep * (1.0 - keep)
            dN[:, t, 2 * units :] = of_new
            dQ[:, t] = dN[:, t]
            dQ[:, t, 2 * units :] *= reset
            product_nt(dQ[:, t], U, R)
            behind = np.where(runs[:, t], R + dH[:, t] * keep, dH[:, t])
            behind = np.where(cut_before(t, lengths, steps, reverse, truncate), 0.0, behind)
        input_gradients(X, W, dN, dX, dW)
        recurrent_gradient(H, dQ, dU, reverse)
        if db.size:
            sum_rows(positions(dN), db[: 3 * units])
            sum_rows(positions(dQ)[:, 2 * units :], db[3 * units :])
        dlengths[:] = 0.0
