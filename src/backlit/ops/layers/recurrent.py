"""The recurrent layer of Elman: the state is an activation of the inputs and of the state before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from backlit.errors import BacklitError
from backlit.kernels.functions import part, positions
from backlit.kernels.matmul import affine, product_nt, sum_rows
from backlit.kernels.matmul import product as matrix_product
from backlit.ops.base import Activation, Interval, Shape, Shapes, tuned
from backlit.ops.equations import Activated, Equations, Formula, of, product, total
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
    slope_of_output,
    stay_loops,
    way_back,
)
from backlit.ops.layers.through_time_equations import ZERO, Unrolled
from backlit.ops.registry import activations, register


def recurrent_loops(
    X: Any, lengths: Any, W: Any, U: Any, b: Any, N: Any, H: Any, Z: Any, S: Any, value: Any, settings: Any,
    reverse: float,
) -> None:  # fmt: skip
    """Run the steps, each for all rows; S holds h U."""
    n, steps, units = H.shape
    affine(positions(X), W, b, positions(N))  # (n T, F) (F, units) -> (n T, units)
    for s in range(steps):
        t, before = place_loops(s, steps, reverse)
        if s > 0:
            matrix_product(H[:, before], U, S)  # (n, units) (units, units) -> (n, units)
        for i in range(n):
            if t >= length_of(lengths, i, steps):
                stay_loops(H, i, t, before, s)
                continue
            if s > 0:
                add_loops(part(N, i * steps + t, units), part(S, i, units))
            net, state = part(N, i * steps + t, units), part(H, i * steps + t, units)
            for j in range(units):
                state[j] = value(net[j], settings)
    passed_on_loops(H, lengths, Z, reverse)


def recurrent_backward_loops(
    X: Any, lengths: Any, W: Any, U: Any, N: Any, H: Any, Z: Any, R: Any, dZ: Any, dH: Any, dN: Any, dX: Any,
    dlengths: Any, dW: Any, dU: Any, db: Any, slope: Any, settings: Any, reverse: float, truncate: float,
) -> None:  # fmt: skip
    """Run the steps backward, each for all rows, then the products over all steps; R holds dnet Uᵀ."""
    n, steps, units = H.shape
    for s in range(steps - 1, -1, -1):
        t, after = place_back_loops(s, steps, reverse)
        if s < steps - 1:
            product_nt(dN[:, after], U, R)  # (n, units) (units, units) -> (n, units)
        for i in range(n):
            length = length_of(lengths, i, steps)
            way = way_back(s, t, after, length, steps, reverse, truncate)
            if way == THROUGH:
                copy_loops(part(dH, i * steps + t, units), part(R, i, units))
            else:
                carry_loops(dH, i, t, after, way)
            add_output_loops(dH, dZ, i, t, s, length)
            if t < length:
                of_state, of_net = part(dH, i * steps + t, units), part(dN, i * steps + t, units)
                net, state = part(N, i * steps + t, units), part(H, i * steps + t, units)
                for j in range(units):
                    of_net[j] = of_state[j] * slope(net[j], state[j], settings)
            else:
                clear_loops(part(dN, i * steps + t, units))
    input_gradients(X, W, dN, dX, dW)
    recurrent_gradient_loops(H, lengths, Z, dN, dU, reverse)
    if db.size:
        sum_rows(positions(dN), db)
    for i in range(dlengths.shape[0]):
        dlengths[i] = 0.0


@register("recurrent")
class Recurrent(ThroughTime, frozen=True):
    r"""A recurrent layer of `units` units: each reads the inputs of a step and all units' outputs of the step before.

    Forward, with h_0 = 0: net_t = x_t W + h_{t-1} U + b, h_t = f(net_t). It passes on h_T, or h_1 ... h_T.
    Backward: dh_t = (what is passed on at t) + dnet_{t+1} Uᵀ, dnet_t = dh_t f'(net_t), from the last step to the
    first; dW = Σ_t x_tᵀ dnet_t, dU = Σ_t h_{t-1}ᵀ dnet_t, db = Σ_t dnet_t, dx_t = dnet_t Wᵀ.

    Shapes: X (n, T, F), W (F, units), U (units, units), b (units,); N and H (n, T, units): net inputs and states; Z
    (n, units), or (n, T, units).

    It is PyTorch's `RNN` and Keras's `SimpleRNN`. PyTorch has two biases, which are always added: b is their sum.
    Their W and U are PyTorch's `weight_ih` and `weight_hh` transposed.

    Args:
        units: the number of units.
        activation: f, the name of an element-wise activation, or the activation.
        returns: "last" for the state behind the last step, or "sequence" for all states.
        reverse: run from the last step to the first. Its sequence stays in the order of the inputs, so its last state
            is that at the first step.
        lengths: the name of a network input of shape (1,) that holds each row's length, a whole number from 1 to T.
            Steps behind it keep the state, pass on 0 in a sequence and give no slope, as PyTorch's packed sequences do;
            with `reverse` each row begins at its own last step. (Keras's masks repeat the last output instead, unless
            zero_output_for_mask=True.)
        truncate: k cuts slopes between steps k - 1 and k, 2k - 1 and 2k ..., counted from 0, while the state is carried
            on: truncated backpropagation through time, within a row. 0 cuts none. From row to row no state is carried.
        bias: whether there is b.
        weights: initializer of W, or W outright; by default Glorot's uniform one.
        recurrent_weights: the same of U; by default orthogonal, so that states keep their size.
        biases: the same of b; by default zeros.
        freeze: names of the parameters that training leaves alone: "W", "U", "b".
        tie: layers of one tie share W, U and b, whose gradients add up; their first values are those of the first.

    Errors: a BacklitError where a setting is out of its bounds, the activation is not element-wise, or rows are no
    sequences.

    Source: Elman, "Finding structure in time", Cognitive Science 14, 1990; Werbos, "Backpropagation through time: what
    it does and how to do it", Proceedings of the IEEE 78, 1990.

    >>> Recurrent(16).shapes((50, 8)).parameters
    {'W': (8, 16), 'U': (16, 16), 'b': (16,)}
    """

    activation: str | Activation = "tanh"

    nested: ClassVar[Mapping[str, str]] = {**ThroughTime.nested, "activation": "activation"}
    formula: ClassVar[str] = (
        r"\mathrm{net}_j^{(t)} = \sum_i w_{ij} x_i^{(t)} + \sum_k u_{kj} h_k^{(t-1)} + b_j, \quad "
        r"h_j^{(t)} = f(\mathrm{net}_j^{(t)})"
    )

    def __post_init__(self) -> None:
        if not hasattr(activation := activations.make(self.activation), "value"):
            raise BacklitError(
                f"recurrent: activation is {activation.name!r}, which is not element-wise; expected one such as 'tanh'."
            )
        super().__post_init__()

    def inside(self) -> Activation:
        """Give f."""
        return activations.make(self.activation)  # type: ignore[no-any-return]

    def reach(self, *inputs: Interval | None) -> Interval | None:
        """Give where f's outputs lie, and 0 where a step may be behind a row's end."""
        of_f = self.inside().outputs
        return of_f and ((min(of_f[0], 0.0), max(of_f[1], 0.0)) if self.lengths else of_f)

    def shapes(self, *rows: Shape) -> Shapes:
        """Give the buffers X, N, H and Z, and the parameters W, U and b."""
        return self.arrays(rows, {"N": 1, "H": 1})

    def equations(self, *rows: Shape) -> Equations:
        """Give the steps written out, and back from the last to the first."""
        steps, f = Unrolled(self, rows, ("",)), self.inside()

        def net(t: int, j: int, length: int) -> Formula:
            return total(*steps.from_inputs(0, t, j), *(steps.from_state(0, t, j, length) if t < length else []))

        def of_net(t: int, j: int, _: int) -> Formula:
            return product(of("dH", t, j), Activated(f, of("N", t, j), of("H", t, j)))

        out = steps.within(lambda t, j, _: Activated(f, of("N", t, j)), steps.stays("H"))
        forward, backward = [], []
        for t in steps.moments:
            forward += [steps.part("N", "net", t, net, title=steps.title(t)),
                        steps.part("H", "out", t, out, note=steps.state_note)]  # fmt: skip
        for t in reversed(steps.moments):
            state = steps.part(
                "dH", "out", t, lambda t, j, length: steps.passed_back(t, j, length, ["dN"], lambda _: None),
                title=steps.title(t), note=steps.slope_note,
            )  # fmt: skip
            backward += [state, steps.part("dN", "net", t, steps.within(of_net, lambda *_: ZERO))]
        return steps.equations(forward, backward, ["dN"])

    def to_dict(self) -> dict[str, Any]:
        """Give the settings as plain data."""
        activation = self.inside().to_dict()
        return super().to_dict() | {"activation": activation["op"] if len(activation) == 1 else activation}

    def also_told(self) -> tuple[str, ...]:
        """Give the activation."""
        return (self.inside().name,)

    @staticmethod
    @tuned(recurrent_loops)
    def forward(
        X: Any, lengths: Any, W: Any, U: Any, b: Any, N: Any, H: Any, Z: Any, S: Any, value: Any, settings: Any,
        reverse: bool,
    ) -> None:  # fmt: skip
        """net_t = x_t W + h_{t-1} U + b, h_t = f(net_t)."""
        n, steps, _ = H.shape
        affine(X, W, b, N)
        state, runs = np.zeros_like(H[:, 0]), running(lengths, n, steps)
        for t in order(steps, reverse):
            matrix_product(state, U, S)
            N[:, t] += np.where(runs[:, t], S, 0.0)
            H[:, t] = np.where(runs[:, t], value(N[:, t], settings), state)
            state = H[:, t]
        passed_on(H, lengths, Z, reverse)

    @staticmethod
    @tuned(recurrent_backward_loops)
    def backward(
        X: Any, lengths: Any, W: Any, U: Any, N: Any, H: Any, Z: Any, R: Any, dZ: Any, dH: Any, dN: Any, dX: Any,
        dlengths: Any, dW: Any, dU: Any, db: Any, slope: Any, settings: Any, reverse: bool, truncate: int,
    ) -> None:  # fmt: skip
        """dh_t = dz_t + dnet_{t+1} Uᵀ, dnet_t = dh_t f'(net_t); then the sums over the steps."""
        n, steps, _ = H.shape
        dH[:] = slope_of_output(dZ, H, lengths, reverse)
        runs, behind = running(lengths, n, steps), np.zeros_like(H[:, 0])
        for t in reversed(order(steps, reverse)):
            dH[:, t] += np.where(runs[:, t], behind, 0.0 if reverse else behind)
            dN[:, t] = np.where(runs[:, t], dH[:, t] * slope(N[:, t], H[:, t], settings), 0.0)
            product_nt(dN[:, t], U, R)
            behind = np.where(runs[:, t], R, dH[:, t])
            behind = np.where(cut_before(t, lengths, steps, reverse, truncate), 0.0, behind)
        input_gradients(X, W, dN, dX, dW)
        recurrent_gradient(H, dN, dU, reverse)
        if db.size:
            sum_rows(positions(dN), db)
        dlengths[:] = 0.0
