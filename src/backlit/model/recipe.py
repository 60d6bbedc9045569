"""How a table's network is built and trained: what a person may settle, and the recipes that leave nothing open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

import backlit.ops.schedules  # noqa: F401  (registers the schedules)
from backlit.data import Task
from backlit.data.target import TaskKind
from backlit.engine import Network, Training, TrainingSettings
from backlit.errors import BacklitError, counted
from backlit.kernels.types import Array
from backlit.model.own_layers import described, network_of
from backlit.ops.base import Layer, Optimizer
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.dropout import Dropout
from backlit.ops.registry import activations, layer_from_dict, losses, optimizers
from backlit.ops.value_checks import checked, plain, types_of

Dtype = Literal["float32", "float64"]

RATE, WIDTH, HIGHEST_RATE = 2e-3, 64, 2e-2
"""Adam's learning rate where none is given: RATE for a widest hidden layer of WIDTH units or more, in proportion more
for narrower ones. Adam moves every weight by about the rate, so what a layer passes on moves by about rate times
width."""

OWN_RATE = 1e-3
"""Adam's learning rate for layers of one's own, where none is given: the authors' own."""

BATCH_ROWS = 64
BIG_BATCH_ROWS = 256
BIG_TABLE = 10_000
"""From so many training rows on, batches are of BIG_BATCH_ROWS."""

SHAPES = (("tanh", 64), ("gelu", 128))
"""The hidden layer that is compared where none is given: activation and units. The smooth, bounded tanh does best on
small and on nearly linear tables, gelu on larger ones: see bench/defaults.py."""

PRIOR_ROWS = (10.0, 3.0, 1.0)
"""The penalties l2/2 Σw² that are compared where none is given: l2 = PRIOR_ROWS / rows. The penalty is added to a
mean over rows, so it weighs as much as so many rows, whatever the size of the table. Strongest first."""


LARGEST_SEED = 10**18
"""The compiled machine takes seeds of 63 bits; the trainings on folds have seeds a little above the one given."""

MOST_UNITS = 10_000_000
"""More units in a layer than fit into any memory, and few enough to count weights in 64 bits."""


def _expects(words: str) -> Meta:
    """Say in a message which values are expected, where the type alone would not tell."""
    return Meta(extra={"expected": words})


Name = Annotated[str, _expects("a name")]
NotNegative = Annotated[float, Meta(ge=0)]
Fraction = Annotated[float, Meta(ge=0, lt=1), _expects("a fraction of the rows, of at least 0 and below 1")]
Units = Annotated[int, Meta(ge=1, le=MOST_UNITS)]
Size = Annotated[int, Meta(ge=1)]


class Settings(msgspec.Struct, frozen=True):
    """What a person settles about training on a table; what is None is chosen, by validation or by the rows' number.

    Where several values may stand, a list or a single one is as good as a tuple.

    >>> Settings(layers=[64, 32], activation="relu") == Settings(layers=(64, 32), activation=("relu",))
    True

    Args:
        kind: "classes" or "numbers", to override what the target column looks like.
        ignore: columns to leave out.
        layers: units of the hidden layers; () for none, a linear model.
        activation: of the hidden layers, one name for all or one each.
        optimizer, rate, schedule: how the weights move; the rate is the optimizer's own where it is not Adam.
        batch_size: rows per update, or "full".
        epochs: passes over the training rows at the most; exactly so many where `validation` is 0.
        dropout: the probability with which a hidden unit is left out of an update.
        decay: decoupled weight decay. l2: the penalty l2/2 Σw².
        seed: of the split, the first weights, the shuffles. Same seed, same bits.
        dtype: of weights and arithmetic.
        time_limit: in seconds, after which training ends with the model so far. It is for choosing, training and the
            comparison with a linear model together; reading the table, compiling and the test do not count.
        validation: the fraction of all rows that choose when to stop and what to use; 0 for none.
        test: the fraction of all rows that is kept for the test.
        network: the hidden layers themselves, such as [Conv2D(16, 3, "relu"), Flatten()], or as plain data; the output
            layer and the loss are added where the last layer is none for the target. `select` may name columns.
        inputs: the shape of a row that these layers read, such as (8, 8, 1); by default what the table has.
        loss: that of `network`, where its last layer is the output layer.
    """

    kind: TaskKind | None = None
    ignore: Annotated[tuple[str, ...], _expects("names of columns")] = ()
    layers: Annotated[
        tuple[Units, ...] | None, _expects(f"whole numbers of units from 1 to {MOST_UNITS:,}, such as (64, 32)")
    ] = None
    activation: Annotated[tuple[str, ...] | None, _expects("a name, or one for each hidden layer")] = None
    optimizer: Name = "adam"
    rate: NotNegative | None = None
    schedule: Name = "constant"
    batch_size: int | Literal["full"] | None = None
    epochs: int | None = None
    dropout: Annotated[float, Meta(ge=0, lt=1), _expects("a probability of at least 0 and below 1")] = 0.0
    decay: NotNegative = 0.0
    l2: float | None = None
    seed: Annotated[int, Meta(ge=0, le=LARGEST_SEED), _expects("a whole number from 0 to 10**18")] = 0
    dtype: Dtype = "float32"
    time_limit: float | None = None
    validation: Fraction | None = None
    test: Fraction = 0.2
    network: Annotated[tuple[dict[str, Any], ...] | None, _expects("a list of layers")] = None
    inputs: Annotated[tuple[Size, ...] | None, _expects("the shape of a row, such as (8, 8, 1)")] = None
    loss: Annotated[dict[str, Any] | None, _expects("a loss")] = None

    def __post_init__(self) -> None:
        self._take_network()
        shared = (name for name in TrainingSettings.__struct_fields__ if name in self.__struct_fields__)
        TrainingSettings(**{name: value for name in shared if (value := getattr(self, name)) is not None})
        for name, kind in types_of(Settings).items():
            read = _several if name in {"ignore", "layers", "activation", "inputs"} else plain
            msgspec.structs.force_setattr(self, name, checked(name, getattr(self, name), kind, read=read))
        optimizer(self.optimizer, self.rate, self.decay)
        for name in self.activation or ():
            activations.make(name)
        if self.layers is not None and self.activation and len(self.activation) not in {1, len(self.layers)}:
            raise BacklitError(
                f"{len(self.activation)} activations are given for {counted(len(self.layers), 'hidden layer')}; "
                "expected one for all, or one each."
            )
        if self.layers is None and self.activation and len(self.activation) > 1:
            raise BacklitError(f"{len(self.activation)} activations are given; say the sizes of the hidden layers too.")
        self._refuse_two_networks()
        validation = self.validation or 0.0
        if validation + self.test >= 1:
            raise BacklitError(
                f"validation is {validation:g} and test is {self.test:g}; expected a sum below 1, so that rows are "
                "left for training."
            )

    def _take_network(self) -> None:
        """Take layers and loss as plain data, and check that there are such."""
        network = described(self.network)
        for layer in network or ():
            layer_from_dict(layer)
        loss = self.loss if self.loss is None or isinstance(self.loss, Mapping) else losses.make(self.loss).to_dict()
        msgspec.structs.force_setattr(self, "network", network)
        msgspec.structs.force_setattr(self, "loss", loss)

    def _refuse_two_networks(self) -> None:
        """Refuse what a list of layers says already, and what only such a list can have."""
        if self.network is None:
            given = [name for name in ("inputs", "loss") if getattr(self, name) is not None]
            if given:
                raise BacklitError(f"{given[0]} is given without network; expected the layers that it belongs to.")
            return
        said = {"layers": self.layers is not None, "activation": bool(self.activation), "dropout": bool(self.dropout)}
        twice = [name for name, given in said.items() if given]
        if twice:
            raise BacklitError(
                f"{twice[0]} and network are both given; expected one of them: the network says its layers itself."
            )


def _several(given: Any) -> Any:
    """Give a tuple of values without NumPy's types, be they in a list or a single one."""
    if isinstance(given, Iterable) and not isinstance(given, str):
        return tuple(map(plain, given))
    return None if given is None else (plain(given),)


class Recipe(msgspec.Struct, frozen=True):
    """Everything that says how a network is built and trained, with one activation per layer and `epochs` at most."""

    layers: tuple[int, ...]
    activations: tuple[str, ...]
    l2: float
    decay: float
    dropout: float
    optimizer: str
    rate: float | None
    schedule: str
    batch_size: int | Literal["full"]
    epochs: int
    seed: int
    dtype: Dtype
    own: tuple[dict[str, Any], ...] = ()
    """Hidden layers as plain data, in place of `layers` and `activations`."""
    inputs: tuple[int, ...] = ()
    """The shape of a row that they read; of one axis where it is empty."""
    loss: dict[str, Any] | None = None

    def network(self, task: Task, inputs: int, seed: int) -> Network:
        """A fresh network for a task: softmax with cross-entropy for classes, one linear output for numbers."""
        if self.own:
            return network_of(task, self.own, self.loss, self.inputs or (inputs,), self.dtype, seed)
        chain: list[Layer] = []
        for units, activation in zip(self.layers, self.activations, strict=True):
            chain.append(Dense(units, activation))
            if self.dropout:
                chain.append(Dropout(self.dropout))
        if task.kind == "classes":
            chain.append(Dense(len(task.classes), "softmax"))
            return Network(chain, inputs, "cross_entropy", dtype=self.dtype, seed=seed)
        return Network([*chain, Dense(1)], inputs, "half_squared_error", dtype=self.dtype, seed=seed)

    def training(
        self, task: Task, X: Array, Y: Array, *, seed: int, validation: tuple[Array, Array] | None = None, **how: Any
    ) -> Training:
        """The training of a fresh network on rows X, Y."""
        return Training(
            self.network(task, X.shape[1], seed), X, Y, optimizer=optimizer(self.optimizer, self.rate, self.decay),
            schedule=self.schedule, batch_size=self.batch_size, epochs=self.epochs, l2=self.l2, seed=seed,
            validation=validation, **{"divergence": "raise", **how},
        )  # fmt: skip

    def summary(self) -> str:
        """The hidden layers and the penalty in a few words."""
        if self.own:
            return f"{', '.join(layer_from_dict(layer).summary() for layer in self.own)}; l2 {self.l2:.2g}"
        hidden = ", ".join(f"{units} {name}" for units, name in zip(self.layers, self.activations, strict=True))
        return f"{hidden or 'no hidden layer'}; l2 {self.l2:.2g}"


def optimizer(name: str, rate: float | None, decay: float) -> Optimizer:
    """The optimizer of that name, with what is settled about it."""
    cls = optimizers[name]
    settings: Mapping[str, Any] = {"rate": rate, "weight_decay": decay or None}
    given = {key: value for key, value in settings.items() if value is not None}
    if "rate" in given and "rate" not in cls.__struct_fields__:
        raise BacklitError(f"optimizer {name!r} has no learning rate: leave the rate out.")
    made: Optimizer = optimizers.from_dict({"op": name, **given})
    return made


def recipes(
    settings: Settings, n_rows: int, max_epochs: int, own: tuple[dict[str, Any], ...] = (), shape: tuple[int, ...] = ()
) -> list[Recipe]:
    """Give the recipes to compare for so many training rows, the strongest penalty first: all that is left open.

    Of layers of one's own, on rows of a shape, there is one: the weakest penalty.
    """
    batch_size = settings.batch_size or (BATCH_ROWS if n_rows < BIG_TABLE else BIG_BATCH_ROWS)
    if own:
        rate = OWN_RATE if settings.rate is None and settings.optimizer == "adam" else settings.rate
        l2 = min(PRIOR_ROWS) / n_rows if settings.l2 is None else settings.l2
        return [Recipe(
            (), (), l2, settings.decay, settings.dropout, settings.optimizer,
            rate if rate is not None else _rate(settings, ()), settings.schedule, batch_size,
            max_epochs if settings.epochs is None else settings.epochs, settings.seed, settings.dtype, own, shape,
            settings.loss,
        )]  # fmt: skip
    penalties = [c / n_rows for c in PRIOR_ROWS] if settings.l2 is None else [settings.l2]
    made = []
    for l2 in penalties:
        for name, units in SHAPES:
            hidden = (units,) if settings.layers is None else settings.layers
            names = settings.activation or (name,)
            made.append(Recipe(
                hidden, names * len(hidden) if len(names) == 1 else names, l2, settings.decay, settings.dropout,
                settings.optimizer, _rate(settings, hidden), settings.schedule, batch_size,
                max_epochs if settings.epochs is None else settings.epochs, settings.seed, settings.dtype,
            ))  # fmt: skip
    return list(dict.fromkeys(made))


def _rate(settings: Settings, hidden: tuple[int, ...]) -> float | None:
    """The learning rate: what is settled, or Adam's for these layers, or the optimizer's own if it has one."""
    if settings.rate is None and settings.optimizer == "adam":
        return min(RATE * max(1.0, WIDTH / max(hidden, default=1)), HIGHEST_RATE)
    return getattr(optimizer(settings.optimizer, settings.rate, settings.decay), "rate", None)
