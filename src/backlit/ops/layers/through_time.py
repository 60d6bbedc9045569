"""What recurrent layers share: their settings, the order of the steps, lengths of rows, and the gradients of weights.

A recurrent layer reads a sequence x_1 ... x_T and keeps a state h, from h_0 = 0. Of each step's net inputs, the part
that comes from the inputs, x_t W + b, is one product over all steps; the part that comes from the state before, h_{t-1}
U, is computed step by step. Backward, the steps run in the other order: what is stated as the slope of a state, dH, is
the whole one, of what the layer passes on at that step and of all that the steps behind make of it. Then the weights'
gradients are products over all steps at once.

The order of the steps, for loops: step s of a row, counted from 0 in the order in which the layer runs, is at place
t = s of the sequence, or with `reverse` at t = T - 1 - s. A row of a shorter sequence has its numbers at the places
before its length; at the places behind, its state passes on unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from backlit.errors import BacklitError, counted
from backlit.kernels.functions import part, positions
from backlit.kernels.matmul import product_nt, product_tn
from backlit.ops.base import Layer, Op, Shape, Shapes, check_settings
from backlit.ops.value_checks import Count, Whole, refuse_texts

PARAMETERS = ("W", "U", "b")

NOT_AT_ALL, AS_IT_IS, THROUGH = range(3)
"""How a slope comes back from the step behind."""


class _Units(Layer, frozen=True):
    units: Count


class ThroughTime(_Units, frozen=True, kw_only=True):
    """A recurrent layer: `gates` says how many numbers a unit has in the net inputs of a step.

    Attributes:
        returns: "last", the state behind the last step, or "sequence", the state behind each.
        reverse: run from the last step to the first.
        lengths: the name of a network input of one number for each row, its length; "" where all rows are whole.
        truncate: cut slopes between steps k - 1 and k, 2k - 1 and 2k ...; 0 cuts none.
        bias: whether there is b.
        weights, recurrent_weights, biases: initializer or values of W, U and b.
        freeze: names of the parameters that training leaves alone.
        tie: layers of one tie share their parameters, whose gradients add up.
    """

    returns: Literal["last", "sequence"] = "last"
    reverse: bool = False
    lengths: str = ""
    truncate: Whole = 0
    bias: bool = True
    weights: Any = None
    recurrent_weights: Any = None
    biases: Any = None
    freeze: tuple[str, ...] = ()
    tie: str = ""

    shaped: ClassVar[bool] = True
    gates: ClassVar[int] = 1
    biases_of_unit: ClassVar[int] = 1
    """How many biases a unit has."""
    nested: ClassVar[Mapping[str, str]] = {
        "weights": "initializer",
        "recurrent_weights": "initializer",
        "biases": "initializer",
    }

    def __post_init__(self) -> None:
        if not isinstance(self.lengths, str):
            raise BacklitError(
                f"{self.name}: lengths is {self.lengths!r}; expected the name of an input of the network that holds "
                "the lengths: lengths='lengths' with inputs={'X': (50, 8), 'lengths': (1,)}."
            )
        check_settings(self)
        for name in ("weights", "recurrent_weights", "biases"):
            if not isinstance(given := getattr(self, name), (str, Op)):
                refuse_texts(given, f"{self.name}: {name}", "an initializer's name, or numbers")
        for name in self.freeze:
            if name not in PARAMETERS:
                raise BacklitError(
                    f"{self.name}: freeze names {name!r}; the layer has the parameters 'W', 'U' and 'b'."
                )

    @property
    def reads(self) -> tuple[str, ...]:  # type: ignore[override]
        """The sequence, and the lengths where they are an input of the network."""
        return ("X", "lengths") if self.lengths else ("X",)

    @property
    def beside(self) -> tuple[str, ...]:
        """The input that holds the lengths, if there is one."""
        return (self.lengths,) if self.lengths else ()

    def whole_numbers(self, *rows: Shape) -> Mapping[str, tuple[int, int]]:
        """Give that lengths are whole numbers from 1 to T."""
        return {"lengths": (1, rows[0][0])} if self.lengths else {}

    @classmethod
    def sample(cls) -> tuple[Layer, Shape]:
        """Give two units and rows of three steps of two numbers."""
        return cls(2), (3, 2)

    def steps_and_columns(self, *rows: Shape) -> tuple[int, int]:
        """Give T and F of rows (T, F). Errors: a BacklitError where rows have other axes, or lengths are no number."""
        row, *others = rows
        if len(row) != 2:
            shaped = f"({row[0]}, 1) for {row[0]} steps of one number each" if len(row) == 1 else "(steps, numbers)"
            raise BacklitError(
                f"{self.name} reads sequences, rows of shape (steps, numbers of a step) such as (50, 8); it is given "
                f"rows of shape {row}. Behind a recurrent layer, let that one pass on all steps: returns='sequence'; "
                f"else give the network inputs={shaped}."
            )
        if others and others[0] != (1,):
            raise BacklitError(
                f"{self.name}: lengths={self.lengths!r} is an input of shape {others[0]}; expected one number for each "
                f"row, (1,)."
            )
        return row[0], row[1]

    def arrays(self, rows: tuple[Shape, ...], buffers: Mapping[str, int]) -> Shapes:
        """Give the parameters, and the buffers X, Z and those named, each with so many numbers for a unit and step.

        S and R are what loops work in: numbers of one step.
        """
        steps, columns = self.steps_and_columns(*rows)
        units, wide = self.units, self.gates * self.units
        lengths = {"lengths": (1 if self.lengths else 0,)}
        kept = {name: (steps, count * units) for name, count in buffers.items()}
        written = (units,) if self.returns == "last" else (steps, units)
        return Shapes(
            {"X": (steps, columns), **lengths, **kept, "Z": written, "S": (wide,), "R": (units,)},
            {"W": (columns, wide), "U": (units, wide), "b": (self.biases_of_unit * units if self.bias else 0,)},
        )

    def multiply_adds(self, *rows: Shape) -> int:
        """Give how many multiply-adds a row takes: each weight is used once for each step."""
        return rows[0][0] * super().multiply_adds(*rows)

    def initial(self, name: str) -> Any:
        """Give the initializer or the values of W, U or b."""
        given = {"W": self.weights, "U": self.recurrent_weights, "b": self.biases}[name]
        return {"W": "glorot_uniform", "U": "orthogonal", "b": self.first_biases()}[name] if given is None else given

    def first_biases(self) -> Any:
        """Give the biases that the layer starts from."""
        return 0.0

    def to_dict(self) -> dict[str, Any]:
        """Give the settings as plain data; initial values given outright are left out, the parameters hold them."""
        plain = super().to_dict()
        return plain | {
            name: value if isinstance(value := plain[name], (str, dict)) else None
            for name in ("weights", "recurrent_weights", "biases")
        }

    def summary(self) -> str:
        """Give the layer's name, its units, and what it passes on where that is a sequence."""
        told = [self.name, counted(self.units, "unit"), *self.also_told()]
        told += ["reversed"] if self.reverse else []
        return ", ".join(told + (["sequence"] if self.returns == "sequence" else []))

    def also_told(self) -> tuple[str, ...]:
        """Give what else its summary tells."""
        return ()


# ------------------------------------------------------------------------------------------------------------ the gates


def sigmoid(z: Any) -> Any:
    """Give 1 / (1 + exp(-z)), written with exp(-|z|), which cannot overflow."""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0.0, 1.0, e) / (1.0 + e)


def tanh(z: Any) -> Any:
    """Give tanh(z)."""
    return np.tanh(z)


# --------------------------------------------------------------------------------------------------------- whole arrays


def order(steps: int, reverse: Any) -> range:
    """Give the places of a sequence in the order of the steps."""
    return range(steps - 1, -1, -1) if reverse else range(steps)


def running(lengths: Any, n: int, steps: int) -> Any:
    """Give whether a row has numbers at a place: (n, T, 1)."""
    places = np.arange(steps)[None, :, None]
    if not lengths.size:
        return np.ones((n, steps, 1), bool)
    return places < lengths[:, None, None]


def cut_before(t: int, lengths: Any, steps: int, reverse: Any, truncate: Any) -> Any:
    """Give whether slopes are cut between the step at place t and the one before it: a truth value, or (n, 1)."""
    if not truncate:
        return False
    if not reverse:
        return t % int(truncate) == 0 and running(lengths, max(lengths.size, 1), steps)[:, t]
    ends = np.clip(lengths[:, None], 0, steps) if lengths.size else steps
    return (ends - 1 - t) % int(truncate) == 0


def passed_on(H: Any, lengths: Any, Z: Any, reverse: Any) -> None:
    """Write what the layer passes on: the states, 0 behind a row's end; or the last one."""
    steps = H.shape[1]
    if Z.ndim == H.ndim:
        Z[:] = np.where(running(lengths, len(H), steps), H, 0.0)
    else:
        Z[:] = H[:, order(steps, reverse)[-1]]


def slope_of_output(dZ: Any, H: Any, lengths: Any, reverse: Any) -> Any:
    """Give what slopes the states have from what the layer passes on, not from later steps: (n, T, units)."""
    steps = H.shape[1]
    if dZ.ndim == H.ndim:
        return np.where(running(lengths, len(H), steps), dZ, 0.0)
    direct = np.zeros_like(H)
    direct[:, order(steps, reverse)[-1]] = dZ
    return direct


def states_before(H: Any, reverse: Any) -> Any:
    """Give the state before each step, 0 before the first: (n, T, units)."""
    before = np.zeros_like(H)
    if reverse:
        before[:, :-1] = H[:, 1:]
    else:
        before[:, 1:] = H[:, :-1]
    return before


def input_gradients(X: Any, W: Any, dN: Any, dX: Any, dW: Any) -> None:
    """dW = Σ_t x_tᵀ dnet_t, dX = dnet Wᵀ, each where it is wanted."""
    if dW.size:
        product_tn(positions(X), positions(dN), dW)  # (F, n T) (n T, wide) -> (F, wide)
    if dX.size:
        product_nt(positions(dN), W, positions(dX))  # (n T, wide) (wide, F) -> (n T, F)


def recurrent_gradient(H: Any, dN: Any, dU: Any, reverse: Any) -> None:
    """dU = Σ_t h_{t-1}ᵀ dnet_t."""
    if dU.size:
        product_tn(positions(states_before(H, reverse)), positions(dN), dU)


# ---------------------------------------------------------------------------------------------------------------- loops


def length_of(lengths: Any, i: int, steps: int) -> int:
    """Give a row's length, a whole number from 0 to `steps` whatever is given, so that no memory outside is touched."""
    if lengths.shape[0] == 0:
        return steps
    given = lengths[i]
    if not given >= 1.0:
        return 0
    return steps if given >= steps else int(given)


def place_loops(s: int, steps: int, reverse: float) -> tuple[int, int]:
    """Give the place of step s in the sequence, and that of the step before."""
    return (s, s - 1) if reverse == 0.0 else (steps - 1 - s, steps - s)


def place_back_loops(s: int, steps: int, reverse: float) -> tuple[int, int]:
    """Give the place of step s in the sequence, and that of the step behind."""
    return (s, s + 1) if reverse == 0.0 else (steps - 1 - s, steps - 2 - s)


def way_back(s: int, t: int, after: int, length: int, steps: int, reverse: float, truncate: float) -> int:
    """Tell how a slope comes back to step s: not at all, as it is from behind a row's end, or through a step."""
    if s < steps - 1 and reverse == 0.0 and after >= length:
        return AS_IT_IS
    if s == steps - 1 or t >= length:
        return NOT_AT_ALL
    own = s + 1 if reverse == 0.0 else length - 1 - after  # the number of the step behind among those of the row
    if truncate != 0.0 and own % int(truncate) == 0:
        return NOT_AT_ALL
    return THROUGH


def clear_loops(A: Any) -> None:
    """Write 0 into a vector."""
    for j in range(A.shape[0]):
        A[j] = 0.0


def copy_loops(A: Any, B: Any) -> None:
    """Write the numbers of B into A."""
    for j in range(A.shape[0]):
        A[j] = B[j]


def add_loops(A: Any, B: Any) -> None:
    """Add the numbers of B to those of A."""
    for j in range(A.shape[0]):
        A[j] += B[j]


def stay_loops(H: Any, i: int, t: int, before: int, s: int) -> None:
    """Keep a row's numbers as they were the step before, 0 at the first step."""
    _, steps, units = H.shape
    if s > 0:
        copy_loops(part(H, i * steps + t, units), part(H, i * steps + before, units))
    else:
        clear_loops(part(H, i * steps + t, units))


def carry_loops(A: Any, i: int, t: int, after: int, way: int) -> None:
    """Write the slopes of the step behind as they are, or 0."""
    _, steps, units = A.shape
    if way == AS_IT_IS:
        copy_loops(part(A, i * steps + t, units), part(A, i * steps + after, units))
    else:
        clear_loops(part(A, i * steps + t, units))


def passed_on_loops(H: Any, lengths: Any, Z: Any, reverse: float) -> None:
    """Write what the layer passes on, row by row."""
    n, steps, units = H.shape
    if Z.size == n * steps * units:
        for i in range(n):
            length = length_of(lengths, i, steps)
            for t in range(steps):
                if t < length:
                    copy_loops(part(Z, i * steps + t, units), part(H, i * steps + t, units))
                else:
                    clear_loops(part(Z, i * steps + t, units))
    else:
        last = steps - 1 if reverse == 0.0 else 0
        for i in range(n):
            copy_loops(part(Z, i, units), part(H, i * steps + last, units))


def add_output_loops(dH: Any, dZ: Any, i: int, t: int, s: int, length: int) -> None:
    """Add the slopes of what the layer passes on: at each step that a row has, or at the last step of all."""
    n, steps, units = dH.shape
    if dZ.size == n * steps * units:
        if t < length:
            add_loops(part(dH, i * steps + t, units), part(dZ, i * steps + t, units))
    elif s == steps - 1:
        add_loops(part(dH, i * steps + t, units), part(dZ, i, units))


def recurrent_gradient_loops(H: Any, lengths: Any, Z: Any, dN: Any, dU: Any, reverse: float) -> None:
    """dU = Σ_t h_{t-1}ᵀ dnet_t, as one product over all rows and steps, each with the step before.

    The first step of a row would meet the last state of another row. So the last states are 0 meanwhile.
    """
    n, steps, units = H.shape
    if dU.shape[0] == 0:
        return
    last = steps - 1 if reverse == 0.0 else 0
    for i in range(n):
        clear_loops(part(H, i * steps + last, units))
    states, nets = positions(H), positions(dN)
    if reverse == 0.0:
        product_tn(states[: n * steps - 1], nets[1:], dU)
    else:
        product_tn(states[1:], nets[: n * steps - 1], dU)
    every = Z.size == n * steps * units
    for i in range(n):
        length = length_of(lengths, i, steps)
        place = i  # of the row's last state in Z
        if every:
            end = length - 1 if reverse == 0.0 else 0
            if length == 0:
                continue
            place = i * steps + end
        copy_loops(part(H, i * steps + last, units), part(Z, place, units))
