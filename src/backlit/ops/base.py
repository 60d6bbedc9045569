"""What an op is, and how one is registered.

An op is a frozen record: its fields are its settings, its static methods are its maths. Inside the maths the names
carry the meaning, and the engine reads them:

* an upper-case name is a matrix, a lower-case name a vector (`X` and `W`, `b` and `gamma`); an op that declares
  `shaped` sees its arrays in their own shapes instead, a buffer as (rows, *shape per row); one that declares
  `by_position` sees a matrix with a row for each position of a picture or a sequence, and the last axis as columns;
* a leading `d` means "the derivative of the error with respect to": `dW` lies in the gradient vector where `W` lies in
  the parameter vector, `dX` in the gradient arena where `X` lies in the activation arena;
* the names of an op's own numeric fields, and of the other `numbers` that it gives, are its settings, handed over as
  scalars (`alpha`, `rate`);
* an op that applies an activation itself, see `Layer.inside`, asks for it by the names `INSIDE`;
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

import inspect
import math
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, ClassVar, TypeVar

import msgspec

from backlit.errors import ArgumentError, BacklitError
from backlit.ops.equations import Equations
from backlit.ops.synonyms import hint
from backlit.ops.value_checks import NotNegative, check_fields

Shape = tuple[int, ...]
"""The shape of one row of a buffer: (4,), (28, 28, 1) or (50, 8)."""

Interval = tuple[float, float]
"""The lowest and the highest of some numbers, ends included."""

REDUCTIONS = ("sum", "mean", "mean_all")

MACHINE_SCALARS = ("training", "seed", "step", "first_row", "op_number")
"""Scalars that any function of an op may take by name: whether dropout and batch statistics are on, the run's seed, the
number of the step, the number within the batch of the first row given, and the op's own number in the network."""

INSIDE = ("value", "slope", "settings")
"""The names by which functions ask for the activation that their op applies itself: `value(z, settings)`,
`slope(z, a, settings)` with a = value(z), and the activation's numeric settings, which these take."""


class OpType(msgspec.StructMeta):
    """The class of all classes of ops: a call with wrong settings is refused in the words of this package."""

    def __call__(cls: Any, *values: Any, **settings: Any) -> Any:  # noqa: N805
        """Make an op of these settings. Errors: an ArgumentError where the op has no such settings, or needs more."""
        fields = cls.__struct_fields__
        for name in settings:
            if name not in fields:
                advice = hint(name, fields, "python") if fields else "it has no settings."
                raise ArgumentError(f"{cls.kind} {cls.name!r} has no setting {name!r}; {advice}")
        try:
            return super().__call__(*values, **settings)
        except BacklitError:
            raise
        except TypeError as error:
            told = f"{cls.__name__}({', '.join(fields)})"
            raise ArgumentError(f"{cls.kind} {cls.name!r}: {_lowered(error)}; expected {told}.") from None


def _lowered(error: Exception) -> str:
    text = str(error)
    return text[:1].lower() + text[1:]


class Op(msgspec.Struct, frozen=True, metaclass=OpType):
    """The base of all ops: a frozen record of settings with static methods of maths."""

    kind: ClassVar[str] = "op"
    name: ClassVar[str] = ""
    symbols: ClassVar[Mapping[str, str]] = {}
    """How a setting or a slot is written in formulas, in LaTeX: {"alpha": r"\\alpha"}; those of the bases hold too."""
    nested: ClassVar[Mapping[str, str]] = {}
    """For a setting that may itself be an op, the kind of that op."""

    def numbers(self) -> dict[str, float]:
        """Give the numbers that the functions may ask for by name: the numeric settings; an op may add what it derives.

        The names do not depend on the settings' values, since a compiled kernel serves all values.
        """
        given = {field: getattr(self, field) for field in self.__struct_fields__}
        inside = self.inside() if isinstance(self, Layer) else None
        given |= {f"inside_{name}": value for name, value in (inside.numbers() if inside else {}).items()}
        return {name: value for name, value in given.items() if isinstance(value, (int, float))}

    def to_dict(self) -> dict[str, Any]:
        """Give the op's name and settings as plain data, the inverse of `Registry.from_dict`; an empty tie is none."""
        settings = {field: getattr(self, field) for field in self.__struct_fields__}
        return {"op": self.name, **{k: _plain(v) for k, v in settings.items() if k != "tie" or v}}


def _plain(value: Any) -> Any:
    """Give a setting as plain data: an op as its name and settings, ops in a row, or rows of them, as a list."""
    if isinstance(value, Op):
        return value.to_dict()
    ops = isinstance(value, (tuple, list)) and value and all(isinstance(item, (Op, tuple, list)) for item in value)
    return [_plain(item) for item in value] if ops else value


def check_settings(op: Op) -> None:
    """Check an op's settings against the types and bounds of their annotations; `__post_init__` calls this.

    NumPy's numbers become Python's, so that settings can be written to files as they are.

    Errors: a BacklitError that names the op, the setting, the value and the bound.
    """
    check_fields(op, f"{op.kind} {op.name!r}: ", leave=Op)


class Shapes(msgspec.Struct, frozen=True):
    """The arrays that an op works on, given the shapes per row of the buffers it reads.

    `buffers` maps each buffer's name to its shape per row (it has as many rows as the batch); `parameters`, `state` and
    `work` map names to whole shapes. State is kept with the network. Work is what the forward pass of a batch keeps for
    the backward pass where that is not one entry for each row; `constants` are vectors of given numbers, in float64.
    Names follow the rule of this module: upper case for matrices, lower case for vectors.
    """

    buffers: Mapping[str, Shape]
    parameters: Mapping[str, tuple[int, ...]] = {}
    state: Mapping[str, tuple[int, ...]] = {}
    work: Mapping[str, tuple[int, ...]] = {}
    constants: Mapping[str, tuple[float, ...]] = {}


class Layer(Op, frozen=True):
    """An op of a network: `forward` goes from the buffers that it `reads` to the buffer that it `writes`.

    `shaped` says that the functions take buffers in their shapes, (rows, *shape per row); `by_position` that they take
    a matrix with a row for each position, (rows positions, last axis), so that one weight matrix serves all moments of
    a sequence and all places of a picture; otherwise they take a matrix, rows by numbers, whatever the shape is. An op
    whose `reads` depend on its settings gives them by a property; those after the first are inputs of the network that
    `beside` names. Layers whose setting `tie` is one name share their parameters. `batch_coupled` says that a row's
    result depends on the other rows of its batch; such an op, and one with state, is given the whole batch at once.
    `outputs` declares where the outputs lie, whatever the inputs and the settings are; a network refuses a loss that is
    not defined there.
    """

    kind: ClassVar[str] = "layer"
    reads: ClassVar[tuple[str, ...]] = ("X",)
    writes: ClassVar[str] = "Z"
    shaped: ClassVar[bool] = False
    by_position: ClassVar[bool] = False
    batch_coupled: ClassVar[bool] = False
    choices: ClassVar[tuple[str, ...]] = ()
    """Buffers that say which of several numbers was taken, as max pooling has: where one changes, E has a kink."""
    outputs: ClassVar[Interval | None] = None
    """The lowest and the highest output; with None a network accepts any loss."""

    def reach(self, *inputs: Interval | None) -> Interval | None:
        """Give where the outputs lie if the inputs, one for each buffer read, lie there (None: not known)."""
        return self.outputs

    def shapes(self, *rows: Shape) -> Shapes:
        """Give the arrays that this layer needs for buffers of these shapes per row, one for each buffer it reads.

        By default all have one shape, the output's too.
        """
        if len(set(rows)) > 1:
            raise BacklitError(f"{self.kind} {self.name!r} reads rows of one shape; it is given rows of {rows}.")
        return Shapes(dict(zip(self.reads, rows, strict=True)) | {self.writes: rows[0]})

    def multiply_adds(self, *rows: Shape) -> int:
        """Give about how many multiply-adds a row's forward pass takes, by which batches are cut into shards.

        By default each parameter is used once, or once for each position.
        """
        positions = math.prod(rows[0][:-1]) if self.by_position else 1
        return positions * sum(map(math.prod, self.shapes(*rows).parameters.values()))

    @property
    def beside(self) -> tuple[str, ...]:
        """The inputs of the network that it reads beside what the layer before writes, in the order of `reads`."""
        return ()

    def whole_numbers(self, *rows: Shape) -> Mapping[str, tuple[int, int]]:
        """Give, for arrays that it reads and that hold whole numbers, the lowest and the highest that it takes.

        Such an array is an input of the network, or columns that a Select takes of one; the network checks the numbers.
        """
        return {}

    @classmethod
    def sample(cls) -> tuple[Layer, Shape]:
        """Give a layer of this class with small settings and the shape of a row that fits it, to compile or to test."""
        return cls(), (4,)

    def equations(self, *rows: Shape) -> Equations | None:
        """Give how each number comes about, for worked examples, where buffers have these shapes: see `equations`."""
        return None

    def columns(self, row: Shape) -> int:
        """Give the numbers of a row that has one axis. Errors: a BacklitError where it has more."""
        if len(row) != 1:
            raise BacklitError(
                f"{self.kind} {self.name!r} reads rows of one axis, such as (16,); it is given rows of shape {row}."
            )
        return row[0]

    def initial(self, name: str) -> Any:
        """Give the first value of a parameter or a running statistic: a number, an array or an initializer."""
        return 0.0

    def ops(self) -> tuple[Layer, ...]:
        """Give the ops this layer is made of: itself, and what follows in the same layer."""
        return (self,)

    def without_draws(self) -> Layer:
        """Give the layer that draws no random numbers while training, such as dropout that keeps all."""
        return self

    def inside(self) -> Activation | None:
        """Give the element-wise activation that the op's own functions apply to N by `value` and `slope`, if any.

        Its numeric settings are among the op's `numbers`, with "inside_" before their names.
        """
        return None

    def summary(self) -> str:
        """Give the layer in a few words, for the network's repr."""
        return self.name


class Activation(Layer, frozen=True):
    """An element-wise function: `value(z)` and the slope, either `slope(z)` of the input or `slope(a)` of the output.

    Both are single expressions without branches, so that NumPy evaluates them on arrays and a compiled loop on
    scalars. A slope of the output never needs the input again, so the op runs in place.

    `kinks` are the inputs where the function has no derivative; there `slope` gives one of the one-sided derivatives.
    `tails` are the inputs up to which, and from which on, it is flat; by default they are computed: see
    `engine/flatness.py`.
    """

    kind: ClassVar[str] = "activation"
    reads: ClassVar[tuple[str, ...]] = ("Z",)
    writes: ClassVar[str] = "A"
    kinks: ClassVar[tuple[float, ...]] = ()
    tails: ClassVar[Interval | None] = None
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
    limited_formula: ClassVar[str] = ""
    limited_slope_formula: ClassVar[str] = ""
    limits: ClassVar[str] = ""
    """The formulas with the limits that keep the loss finite, for a worked example in which they act; what they are."""
    reduction: str = "mean"
    kinks: ClassVar[tuple[float, ...]] = ()
    """Values of (output - target) at which the loss has no derivative."""

    def __post_init__(self) -> None:
        if self.reduction not in REDUCTIONS:
            known = ", ".join(map(repr, REDUCTIONS))
            raise BacklitError(f"loss {self.name!r}: reduction is {self.reduction!r}; expected one of {known}.")
        check_settings(self)

    def __call__(self, *rows: Any, **settings: Any) -> Any:
        """Refuse the call: a loss has no network, and network.loss(X, Y) would take X for outputs.

        Errors: an ArgumentError that names `network.evaluate`.
        """
        raise ArgumentError(
            f"the loss {self.name!r} is not a function of rows; write network.evaluate(X, Y).loss for a network's loss "
            "on rows X with targets Y."
        )


class ElementwiseLoss(Loss, frozen=True):
    """A loss that is a sum over the outputs of `value(a, t)`, with `slope(a, t)` its derivative with respect to `a`."""


class Optimizer(Op, frozen=True, kw_only=True):
    """An update rule: `update(w, g, <slots>, <settings>)` returns the new `w` and the new slots, element by element.

    `slots` names the vectors it keeps beside the parameters, with their initial values. `scalars(step, rate, ...)`
    returns, once per step and in float64, the numbers named by `prepared` that `update` may ask for. Steps count from
    1. Settings arrive as numbers of the network's type, True and False as 1.0 and 0.0.

    `weight_decay` is decoupled from the gradient: before the update, the machine multiplies the weights (not the
    biases, unless asked) by 1 - rate weight_decay (Loshchilov, Hutter, "Decoupled weight decay regularization", ICLR
    2019). So it is in every optimizer, not in AdamW alone. PyTorch's `weight_decay` of SGD, Adam, RMSprop and others
    adds weight_decay w to the gradient instead; that is a training's `l2`.

    Errors: a BacklitError where a setting is out of its bounds.
    """

    kind: ClassVar[str] = "optimizer"
    slots: ClassVar[Mapping[str, float | str]] = {}
    """Initial value of each slot; a string names a setting that gives it."""
    prepared: ClassVar[tuple[str, ...]] = ()
    full_batch: ClassVar[bool] = False
    formula: ClassVar[str] = ""
    symbols: ClassVar[Mapping[str, str]] = {
        "rate": r"\eta", "momentum": r"\mu", "rho": r"\rho", "epsilon": r"\varepsilon", "beta1": r"\beta_1",
        "beta2": r"\beta_2", "weight_decay": r"\lambda",
    }  # fmt: skip
    weight_decay: NotNegative = 0.0

    def __post_init__(self) -> None:
        check_settings(self)

    def formula_used(self) -> str:
        """Give the formula of this rule with its settings, where a setting chooses between two forms."""
        return self.formula


def tuned(loops: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mark a function as having hand-tuned loops, which are compiled in its place.

    Allowed only where the benchmark shows that it pays; a test holds the two equal. The loops may take more of the op's
    arrays than the function does, to work in: a loss's forward takes `dA`, which is free until its backward.
    """

    def mark(function: Callable[..., Any]) -> Callable[..., Any]:
        function.compiled = loops  # type: ignore[attr-defined]
        return function

    return mark


F = TypeVar("F", bound=Callable[..., Any])


def any_order(loops: F) -> F:
    """Mark loops whose sums the compiler may split into interleaved parts, since a sum in order cannot vectorise.

    The length alone decides on the parts, so the bits of a row's sum do not depend on the rows beside it.
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
