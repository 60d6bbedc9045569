"""The settings of a training: every argument that is no data, with its type, its bounds and its description.

`Training`, the network file, `backlit train`, the model of a table and `backlit.explain` take types, bounds and
messages from here.
"""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta

from backlit.engine.program.structs import Rule
from backlit.errors import BacklitError
from backlit.ops.registry import optimizers, schedules
from backlit.ops.value_checks import Count, NotNegative, Whole, check_fields, types_of

T = TypeVar("T")

LARGEST_SEED = 2**63 - 1
"""The compiled machine holds the seed as an integer of 64 bits."""

Seed = Annotated[int, Meta(ge=0, le=LARGEST_SEED, extra={"expected": "a whole number from 0 to 2**63 - 1"})]


def _says(description: str) -> Meta:
    return Meta(description=description)


class TrainingSettings(msgspec.Struct, frozen=True, kw_only=True):
    r"""What a training does, whatever the network and the rows: the arguments of `Training` that are no data.

    Optimizer and schedule are given as ops or by name, and held as ops. NumPy's numbers become Python's.

    Errors: a BacklitError that says which setting was given, as what, and which values are expected; or that limits
    stand beside an optimizer whose steps come from a line search.

    >>> TrainingSettings(epochs=5, l2=1).l2
    1.0
    >>> TrainingSettings(patience=0)
    Traceback (most recent call last):
    backlit.errors.BacklitError: patience is 0; expected a whole number of at least 1.
    """

    optimizer: Annotated[Any, _says("update rule of the weights: an optimizer, or its name")] = "adam"
    schedule: Annotated[Any, _says("how the learning rate changes: a schedule, or its name")] = "constant"
    batch_size: Annotated[
        Count | Literal["full"], _says('rows per update: 1 is stochastic gradient descent, "full" takes all rows')
    ] = 32
    epochs: Annotated[Whole, _says("passes over the rows at the most")] = 100
    shuffle: Annotated[bool, _says("whether to take the rows in a new random order in each epoch")] = True
    seed: Annotated[Seed, _says("seed of the shuffles and of dropout; the same seed gives the same bits")] = 0
    target: Annotated[float | None, _says("stop after the first epoch whose training loss is at most this")] = None
    patience: Annotated[
        Count | None,
        _says(
            "stop after so many epochs in a row without an improvement of the monitored loss (of the validation rows "
            "if given, else of training) by more than `tolerance`"
        ),
    ] = None
    tolerance: Annotated[NotNegative, _says("how much lower a monitored loss must be to count as an improvement")] = 0.0
    time_limit: Annotated[NotNegative | None, _says("stop after so many seconds of training")] = None
    keep_best: Annotated[
        bool | None,
        _says(
            "end with the weights of the epoch of the lowest monitored loss; by default, where there are validation "
            "rows"
        ),
    ] = None
    l1: Annotated[NotNegative, _says("penalty l1 Σ|w| on the weights")] = 0.0
    l2: Annotated[NotNegative, _says("penalty l2/2 Σw² on the weights")] = 0.0
    decay_biases: Annotated[bool, _says("whether penalties and decay act on biases too")] = False
    penalty_per_batch: Annotated[
        bool,
        _says(
            "divide the penalties by the rows of the batch, and count each batch's mean error by its rows, as "
            "scikit-learn does"
        ),
    ] = False
    clip_value: Annotated[NotNegative | None, _says("limit of each element of the gradient")] = None
    clip_norm: Annotated[NotNegative | None, _says("limit of the Euclidean norm of the whole gradient")] = None
    max_norm: Annotated[
        NotNegative | None, _says("limit of the norm of each unit's incoming weights, enforced after each update")
    ] = None
    gradient_norms: Annotated[
        bool, _says("give each `Epoch` the norms of its last batch's gradients, layer by layer; L-BFGS has none")
    ] = False
    signals: Annotated[
        bool, _says("measure gradients, weights and outputs, layer by layer, at some epochs; L-BFGS has none")
    ] = True
    divergence: Annotated[
        Literal["warn", "raise"],
        _says('what a loss that is not finite, or exploded weights, lead to: "warn" or "raise" (a DivergedError)'),
    ] = "warn"
    compiled: Annotated[
        bool, _says("False runs the same maths as plain NumPy Python, to step through with a debugger")
    ] = True
    threads: Annotated[
        Count | None,
        _says(
            "how many threads the batches of a network that is not small are shared out to, at the most; by default "
            "BACKLIT_THREADS, else OMP_NUM_THREADS, else all processors. It does not change a bit of the result"
        ),
    ] = None

    def __post_init__(self) -> None:
        check_fields(self)
        msgspec.structs.force_setattr(self, "optimizer", optimizers.make(self.optimizer))
        msgspec.structs.force_setattr(self, "schedule", schedules.make(self.schedule))
        for name in ("clip_value", "clip_norm", "max_norm") if self.optimizer.full_batch else ():
            if limit := getattr(self, name):
                raise BacklitError(
                    f"{name} is {limit:g}; expected none beside the optimizer {self.optimizer.name!r}, whose steps "
                    "come from a line search. Leave it out, or take another optimizer."
                )

    def batch_rows(self, rows: int) -> int:
        """Give the rows of a batch where there are `rows` in all."""
        if isinstance(self.batch_size, str) or self.optimizer.full_batch:
            return rows
        return min(self.batch_size, rows)

    def rule(self, reduction: int) -> Rule:
        """Give what is done with a batch's gradient, as the machine reads it."""
        return Rule(
            reduction, l1=self.l1, l2=self.l2, penalty_per_batch=self.penalty_per_batch,
            decay=self.optimizer.weight_decay, clip_value=self.clip_value or 0.0, clip_norm=self.clip_norm or 0.0,
            max_norm=self.max_norm or 0.0,
        )  # fmt: skip


def describe_setting(name: str) -> str:
    """Give a setting's description, as documents and the command line show it."""
    found: Any = msgspec.inspect.type_info(types_of(TrainingSettings)[name])
    return str(found.extra_json_schema["description"])


class Fixed(Generic[T]):
    """An attribute of a training that is set once: the program is built for it."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, training: Any, owner: type | None = None) -> T:
        if training is None:
            return self  # type: ignore[return-value]
        value: T = training.__dict__[self.name]
        return value

    def __set__(self, training: Any, value: T) -> None:
        if self.name in training.__dict__:
            raise BacklitError(
                f"{self.name} of a training is fixed, {training.__dict__[self.name]!r}; expected no other value. "
                f"Make a new Training with {self.name}={value!r}; it may go on from this one's state."
            )
        training.__dict__[self.name] = value


class Setting(Generic[T]):
    """An attribute that reads a field of a training's `settings`; assigning a value replaces it there, checked."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, training: Any, owner: type | None = None) -> T:
        if training is None:  # asked of the class, by `help` for instance
            return self  # type: ignore[return-value]
        value: T = getattr(training.settings, self.name)
        return value

    def __set__(self, training: Any, value: T) -> None:
        training.settings = msgspec.structs.replace(training.settings, **{self.name: value})
