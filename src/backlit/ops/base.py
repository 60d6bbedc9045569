"""What an op is, and how one is registered.

An op is a frozen record: its fields are its settings, its static methods are its maths. Inside the maths the names
carry the meaning, and the engine reads them:

* an upper-case name is a matrix, a lower-case name a vector (`X` and `W`, `b` and `gamma`);
* a leading `d` means "the derivative of the error with respect to": `dW` lies in the gradient vector where `W` lies in
  the parameter vector, `dX` in the gradient arena where `X` lies in the activation arena;
* the names of an op's own fields are its settings, handed over as scalars (`alpha`, `rate`);
* a few names belong to the machine (`MACHINE_SCALARS`): whether this is training, the seed and the step.

An array that is not wanted (`dX` of the first layer, `dW` of frozen weights, `b` of a layer without bias) is handed
over with no elements, so `if dX.size:` asks whether it is wanted.

A new op is one class in one file:

>>> import numpy as np
>>> from backlit.ops import base, registry
>>> @registry.register("doc_cube")
... class Cube(base.Activation):
...     @staticmethod
...     def value(z):
...         return z * z * z
...     @staticmethod
...     def slope(z):
...         return 3.0 * z * z
>>> registry.activations["doc_cube"]().value(np.array([1.0, 2.0]))
array([1., 8.])
>>> del registry.activations["doc_cube"]
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Annotated, Any, ClassVar, TypeVar

import msgspec
import numpy as np

from backlit.errors import BacklitError

Interval = tuple[float, float]
"""The lowest and the highest of some numbers, ends included."""

REDUCTIONS = ("sum", "mean", "mean_all")

MACHINE_SCALARS = ("training", "seed", "step", "first_row", "op_number")
"""Scalars any kernel may ask for by name: whether dropout and batch statistics are on, the run's seed, the number of
the step, the number within the batch of the first row at hand, and the op's own place in the network."""


class Op(msgspec.Struct, frozen=True):
    """The base of all ops: a frozen record of settings with static methods of maths."""

    kind: ClassVar[str] = "op"
    name: ClassVar[str] = ""
    symbols: ClassVar[Mapping[str, str]] = {}
    """How a setting is written in formulas, in LaTeX: {"alpha": r"\\alpha"}."""
    nested: ClassVar[Mapping[str, str]] = {}
    """For a setting that may itself be an op, the kind of that op."""

    def to_dict(self) -> dict[str, Any]:
        """Give the op's name and settings as plain data, the inverse of `Registry.from_dict`."""
        settings = {field: getattr(self, field) for field in self.__struct_fields__}
        return {"op": self.name, **{k: v.to_dict() if isinstance(v, Op) else v for k, v in settings.items()}}


@functools.cache
def _setting_types(cls: type[Op]) -> Mapping[str, Any]:
    """Give the annotated type of each setting, bounds included."""
    return {field.name: field.type for field in msgspec.structs.fields(cls)}


def check_settings(op: Op) -> None:
    """Hold an op's settings to the types and bounds that their annotations state, to be called by `__post_init__`.

    NumPy's numbers become Python's, so that settings can be written to files as they are.

    Errors: a BacklitError that names the op, the setting, the value and the bound.
    """
    for name, kind in _setting_types(type(op)).items():
        given = getattr(op, name)
        if isinstance(given, Op):
            continue
        try:
            value = msgspec.convert(given.item() if isinstance(given, np.generic) else given, kind)
        except msgspec.ValidationError as error:
            wanted = str(error).replace("Expected", "expected")
            raise BacklitError(f"{op.kind} {op.name!r}: {name} is {given!r}; {wanted}.") from None
        if isinstance(value, float) and not math.isfinite(value):
            raise BacklitError(f"{op.kind} {op.name!r}: {name} is {given!r}; expected a finite number.")
        msgspec.structs.force_setattr(op, name, value)


class Shapes(msgspec.Struct, frozen=True):
    """What arrays an op works on, given the number of columns it reads.

    `columns` maps each buffer's name to its columns (its rows are the batch's), `parameters`, `state` and `work` map
    names to shapes. State is kept with the network; work is what a batch's forward leaves for its backward where it has
    no row per row of the batch. Names follow the rule of this module: upper case for matrices, lower case for vectors.
    """

    columns: Mapping[str, int]
    parameters: Mapping[str, tuple[int, ...]] = {}
    state: Mapping[str, tuple[int, ...]] = {}
    work: Mapping[str, tuple[int, ...]] = {}


class Layer(Op, frozen=True):
    """An op of the network's chain: `forward` goes from the buffer `reads` to the buffer `writes`.

    `batch_coupled` says that a row's result depends on the other rows of its batch, all of which the op is then given
    at once; so it is where it has state. `outputs` declares where the outputs lie, whatever the inputs and the settings
    are; a network refuses a loss that is not defined there.
    """

    kind: ClassVar[str] = "layer"
    reads: ClassVar[str] = "X"
    writes: ClassVar[str] = "Z"
    batch_coupled: ClassVar[bool] = False
    outputs: ClassVar[Interval | None] = None
    """The lowest and the highest output; None where nothing is declared, and then any loss is let through."""

    def reach(self, inputs: Interval | None) -> Interval | None:
        """Give where the outputs lie if the inputs lie in `inputs` (None: that is not known)."""
        return self.outputs

    def shapes(self, columns: int) -> Shapes:
        """Give the arrays this layer needs to read `columns` columns."""
        return Shapes({self.reads: columns, self.writes: columns})

    def initial(self, name: str) -> Any:
        """Give the first value of a parameter or a running statistic: a number, an array or an initializer."""
        return 0.0

    def ops(self) -> tuple[Layer, ...]:
        """Give the ops this layer is made of: itself, and what follows in the same layer."""
        return (self,)

    def summary(self) -> str:
        """Give the layer in a few words, for the network's repr."""
        return self.name


class Activation(Layer, frozen=True):
    """An element-wise function: `value(z)` and the slope, either `slope(z)` of the input or `slope(a)` of the output.

    Both are single expressions without branches, so that NumPy evaluates them on arrays and a compiled loop on
    scalars. A slope of the output never needs the input again, so the op runs in place.

    `kinks` are the inputs where the function has no derivative; there `slope` gives one of the one-sided derivatives.
    """

    kind: ClassVar[str] = "activation"
    reads: ClassVar[str] = "Z"
    writes: ClassVar[str] = "A"
    kinks: ClassVar[tuple[float, ...]] = ()
    initializer: ClassVar[str] = "glorot_uniform"
    formula: ClassVar[str] = ""
    slope_formula: ClassVar[str] = ""

    @property
    def in_place(self) -> bool:
        """Whether the output may overwrite the input: true of slopes that are functions of the output `a`."""
        slope = getattr(type(self), "slope", None)
        return slope is not None and arguments(slope)[0] == "a"


class Loss(Op, frozen=True, kw_only=True):
    """The error of a row's output `A` (n, k) against its target `T` (n, k, or n class numbers in one column).

    `forward(A, T, l)` writes each row's loss into `l` (n,). `backward(A, T, g, dA)` writes
    `dA[i] = g[i] * d l[i] / d A[i]`; the weight of the row and the reduction are in `g` (n,), which the machine gives.

    `reduction` says how the rows' losses, each times its weight, become one number E: their `"sum"`; their `"mean"`,
    the sum divided by the sum of the weights; or `"mean_all"`, the mean divided by the number of outputs too.

    Errors: a BacklitError where the reduction is another, or a setting is out of its bounds.
    """

    kind: ClassVar[str] = "loss"
    fused: ClassVar[Mapping[str, str]] = {}
    """For an output activation's name, the loss that takes that activation's input instead of its output."""
    class_targets: ClassVar[bool] = False
    """Whether a target may be one column of class numbers."""
    outputs: ClassVar[Interval] = (-math.inf, math.inf)
    """The lowest and the highest output for which the loss is defined."""
    targets: ClassVar[Interval] = (-math.inf, math.inf)
    """The lowest and the highest target for which the loss is defined."""
    formula: ClassVar[str] = ""
    slope_formula: ClassVar[str] = ""
    reduction: str = "mean"
    kinks: ClassVar[tuple[float, ...]] = ()
    """Values of (output - target) at which the loss has no derivative."""

    def __post_init__(self) -> None:
        if self.reduction not in REDUCTIONS:
            known = ", ".join(map(repr, REDUCTIONS))
            raise BacklitError(f"loss {self.name!r}: reduction is {self.reduction!r}; expected one of {known}.")
        check_settings(self)


class ElementwiseLoss(Loss, frozen=True):
    """A loss that is a sum over the outputs of `value(a, t)`, with `slope(a, t)` its derivative with respect to `a`."""


class Optimizer(Op, frozen=True, kw_only=True):
    """An update rule: `update(w, g, <slots>, <settings>)` returns the new `w` and the new slots, element by element.

    `slots` names the vectors it keeps beside the parameters, with their initial values. `scalars(step, rate, ...)`
    returns, once per step and in float64, the numbers named by `prepared` that `update` may ask for. Steps count from
    1. Settings arrive as numbers of the network's type, True and False as 1.0 and 0.0.

    `weight_decay` is decoupled from the gradient: before the update, the machine multiplies the weights (not the
    biases, unless asked) by 1 - rate weight_decay (Loshchilov, Hutter, "Decoupled weight decay regularization", ICLR
    2019).

    Errors: a BacklitError where a setting is out of its bounds.
    """

    kind: ClassVar[str] = "optimizer"
    slots: ClassVar[Mapping[str, float | str]] = {}
    """Initial value of each slot; a string names a setting that gives it."""
    prepared: ClassVar[tuple[str, ...]] = ()
    full_batch: ClassVar[bool] = False
    formula: ClassVar[str] = ""
    weight_decay: Annotated[float, msgspec.Meta(ge=0)] = 0.0

    def __post_init__(self) -> None:
        check_settings(self)


def tuned(loops: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mark a function as having a hand-tuned twin of loops, which the compiler takes in its place.

    Allowed only where the benchmark shows that it pays; a test holds the two equal. The loops may ask for more of the
    op's arrays than the function does, as room to work in: a loss's forward for `dA`, which is free until its backward.
    """

    def mark(function: Callable[..., Any]) -> Callable[..., Any]:
        function.compiled = loops  # type: ignore[attr-defined]
        return function

    return mark


F = TypeVar("F", bound=Callable[..., Any])


def any_order(loops: F) -> F:
    """Mark loops whose sums may be taken in interleaved parts: one from left to right waits for each addition.

    Which parts is a function of the length alone, so the bits of a row's sum do not depend on the rows beside it.
    """
    loops.any_order = True  # type: ignore[attr-defined]
    return loops


def arguments(function: Callable[..., Any]) -> tuple[str, ...]:
    """Give the parameter names of a function, by which the engine knows what to hand over.

    >>> arguments(lambda z, *, alpha: alpha * z)
    ('z', 'alpha')
    """
    # A plain function's code has the names. No cache: it would keep the functions that are made anew for each training.
    if isinstance(function, FunctionType) and not hasattr(function, "__wrapped__"):
        code = function.__code__
        if not code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS):
            return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return tuple(inspect.signature(function).parameters)
