"""The options that say how a network is trained on a table, for each command that trains one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter
from msgspec import Meta

import backlit.ops.schedules  # noqa: F401  (registers the schedules, whose names are in the help)
from backlit.cli.options import column_names, described, layer_sizes, names, value
from backlit.errors import BacklitError
from backlit.ops.registry import Registry, activations, optimizers, schedules
from backlit.ops.value_checks import checked

if TYPE_CHECKING:
    from backlit.data import Table
    from backlit.model import Settings

ROWS, NETWORK, DESCENT, OUTPUT = (
    Group(name, sort_key=k) for k, name in enumerate(("Rows and columns", "Network", "Training", "Output"))
)


def _one_of(registry: Registry) -> str:
    return f"One of {', '.join(registry)}."


def _option(group: Group, help: str, **how: Any) -> Parameter:  # noqa: A002  (cyclopts's own name)
    return Parameter(group=group, help=help, **how)


@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """What a person may settle about a training on a table; what is not given is chosen."""

    target: Annotated[str | None, _option(ROWS, "The column to predict. Bundled data sets know theirs.")] = None
    task: Annotated[
        Literal["classes", "numbers"] | None,
        _option(ROWS, "Learn the target as classes or as numbers, instead of choosing by its values."),
    ] = None
    ignore: Annotated[list[str] | None, _option(ROWS, "Columns to leave out, with commas between.", negative="")] = None
    validation: Annotated[
        float | None,
        _option(
            ROWS, "The fraction of the rows to validate on, 0 for none; by default 5-fold validation up to 1,000 rows, "
            "a tenth above.", converter=value,
        ),
    ] = None  # fmt: skip
    test: Annotated[float, _option(ROWS, "The fraction of the rows to keep for the test.", converter=value)] = 0.2
    layers: Annotated[str | None, _option(NETWORK, "Units of the hidden layers: 64,32; or none.")] = None
    activation: Annotated[
        str | None,
        _option(NETWORK, f"Activation of the hidden layers, or one for each: relu,tanh. {_one_of(activations)}"),
    ] = None
    dropout: Annotated[
        float,
        _option(NETWORK, "The probability with which a hidden unit is left out of an update.", converter=value),
    ] = 0.0
    network: Annotated[
        Path | None,
        _option(
            NETWORK, "A network file whose layers are the hidden ones, instead of the options above; an output layer "
            "and a loss that fit the target are added where it has none. Its rows and steps do not count.",
        ),
    ] = None  # fmt: skip
    optimizer: Annotated[str, _option(DESCENT, _one_of(optimizers))] = "adam"
    rate: Annotated[
        float | None,
        _option(
            DESCENT, "The learning rate; by default the optimizer's own (adam: 0.002, more for narrow layers).",
            converter=value,
        ),
    ] = None  # fmt: skip
    schedule: Annotated[str, _option(DESCENT, f"How the learning rate changes. {_one_of(schedules)}")] = "constant"
    batch_size: Annotated[
        int | Literal["full"] | None,
        described("batch_size", DESCENT, "; by default 64, or 256 from 10,000 rows on"),
    ] = None
    epochs: Annotated[int | None, described("epochs", DESCENT, ", 1 or more; exactly so many with --validation 0")] = (
        None
    )
    decay: Annotated[float, _option(DESCENT, "Decoupled weight decay.", converter=value)] = 0.0
    l2: Annotated[float | None, described("l2", DESCENT)] = None
    seed: Annotated[
        int,
        _option(DESCENT, "Of the split, the first weights and the shuffles. Same seed, same bits.", converter=value),
    ] = 0
    dtype: Annotated[Literal["float32", "float64"], _option(DESCENT, "The type of the numbers.")] = "float32"

    def settings(self, table: Table, *, time_limit: float | None = None) -> Settings:
        """Give the settings for a table.

        Errors: a BacklitError for values that do not fit, and where the column to predict is not known.
        """
        from backlit.data.messages import listed
        from backlit.model import Settings

        if self.target is None and table.target is None:
            from backlit.data.target import without_target

            raise BacklitError(
                without_target(table)
                or f"which column is to be predicted? Name it with --target: {listed(table.columns)}."
            )
        checked("epochs", self.epochs, Annotated[int, Meta(ge=1)] | None)
        return Settings(
            kind=self.task, ignore=column_names(self.ignore or (), table), layers=layer_sizes(self.layers),
            activation=names(self.activation), optimizer=self.optimizer, rate=self.rate, schedule=self.schedule,
            batch_size=self.batch_size, epochs=self.epochs, dropout=self.dropout, decay=self.decay, l2=self.l2,
            seed=self.seed, dtype=self.dtype, time_limit=time_limit, validation=self.validation, test=self.test,
            **self._own_network(),
        )  # fmt: skip

    def _own_network(self) -> dict[str, Any]:
        """The settings that say which layers the network file has."""
        if self.network is None:
            return {}
        from backlit.examples import read_layers

        found = read_layers(self.network)
        return {"network": found.layers, "inputs": found.inputs, "loss": found.loss}


USUAL = TableOptions()
"""What stands where no option is given."""
