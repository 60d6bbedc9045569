"""The network file: a network, rows and steps written down in TOML, read strictly.

docs/network-file.md describes the format for people; `tables.py` holds its keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from backlit.engine import Network, Training, TrainingSettings
from backlit.errors import BacklitError
from backlit.examples.claimed import Claimed, claimed_of
from backlit.examples.file_checks import (
    check_columns,
    check_data,
    check_shared,
    check_trouble,
    check_valley,
    check_values,
)
from backlit.examples.file_errors import MisfitError, inside, inside_key, misfit, of_setting
from backlit.examples.file_layers import chain_of, op_of, without_values
from backlit.examples.file_rows import FileRows, file_rows, generator_of
from backlit.examples.file_shapes import as_sequences, network_inputs, picture_advice
from backlit.examples.file_slips import refuse_flat_rows
from backlit.examples.file_tables import (
    TRAINING,
    ComparisonTable,
    ComputedTable,
    DataTable,
    FileTable,
    InitialTable,
    NetworkTable,
    PublishedTable,
    SetupTable,
    ValleyTable,
)
from backlit.examples.file_text import not_too_deep, parsed, text_of
from backlit.examples.layouts import settled
from backlit.examples.quantity_parsing import Names, names_of, parse_quantity
from backlit.examples.strict import decode, refuse_not_finite, unknown_key
from backlit.kernels.types import Array
from backlit.ops.base import Layer
from backlit.ops.registry import REGISTRIES, losses

PARTS = ("network", "data", "training")


class Setup(msgspec.Struct, frozen=True):
    """One run of a network file: the network, the rows and the steps.

    `name` and `about` are of the run where a file has several, else empty.
    """

    name: str
    about: str
    network: NetworkTable
    data: DataTable | None
    steps: Mapping[str, Any]
    published: tuple[PublishedTable, ...]
    names: Names
    computed: tuple[ComputedTable, ...] = ()

    def layers(self) -> list[Layer]:
        """Give the layers, without labels."""
        return chain_of(self.network)

    def build(self) -> Network:
        """Give the network with its initial weights."""
        table = self.network
        network = Network(
            self.layers(),
            network_inputs(table.inputs),
            op_of(losses, table.loss, "loss", "network", "loss"),
            dtype=table.dtype,
            seed=table.seed,
        )
        if table.initial is not None:
            _draw(network, table.initial)
        return network

    def rows(self) -> tuple[Array, Array]:
        """Give the training rows, X (n, inputs) and the targets (n, outputs), scaled as the file states.

        Errors: a BacklitError where the file has no rows.
        """
        return self.all_rows().training

    def held_out(self) -> tuple[Array, Array]:
        """Give the test rows; none where the file does not split."""
        return self.all_rows().test

    def validation(self) -> tuple[Array, Array]:
        """Give the validation rows; none where the file has none."""
        return self.all_rows().validation

    def training(self, network: Network, *, compiled: bool = True, **overrides: Any) -> Training:
        """Give the training of `network` on the file's rows; `overrides` are arguments of `Training`."""
        X, Y = self.rows()
        return Training(network, X, Y, compiled=compiled, **(self.rules() | overrides))

    def rules(self) -> dict[str, Any]:
        """Give the arguments of `Training` that the file states, optimizer and schedule as ops, with validation rows.

        Errors: a BacklitError where the file has no rows.
        """
        X, Y = self.validation()
        return dict(self.steps) | ({"validation": (X, Y)} if len(X) else {})

    def rules_alone(self) -> dict[str, Any]:
        """Give the arguments of `Training` that the file states, without rows."""
        return dict(self.steps)

    def all_rows(self) -> FileRows:
        """Give the rows for training, validation and testing; every call reads and scales them anew."""
        if self.data is None:
            raise BacklitError("the network file has no [data]; expected inputs and targets, or a bundled data set.")
        return file_rows(self.data, self.names.shapes)


class NetworkFile(msgspec.Struct, frozen=True):
    """A network file as read; see docs/network-file.md.

    `setups` are its runs, one at least; `build`, `rows` and `training` are those of the first. `valley` says what is
    shown of the error of a network of two weights, `trouble` what is shown of a trouble of training and its cures.
    `claimed` has a learner's numbers.

    >>> from backlit.examples import example_file, read_network_file
    >>> file = read_network_file(example_file("two-layer"))
    >>> network = file.build()
    >>> X, Y = file.rows()
    >>> training = file.training(network, epochs=1, compiled=False).run()
    >>> print(f"{training.history[0].loss:.9f}")
    0.298371109
    """

    title: str
    teaches: str
    about: str
    source: str
    race: bool
    setups: tuple[Setup, ...]
    valley: ValleyTable | None = None
    trouble: ComparisonTable | None = None
    claimed: Claimed = Claimed()

    def setup(self, name: str) -> Setup:
        """Give the run of that name; a BacklitError names the nearest where there is none."""
        by_name = {setup.name: setup for setup in self.setups}
        if name not in by_name:
            raise BacklitError(unknown_key(name, by_name).replace("unknown key", "unknown run"))
        return by_name[name]

    def build(self) -> Network:
        """Give the first run's network with its initial weights."""
        return self.setups[0].build()

    def rows(self) -> tuple[Array, Array]:
        """Give the first run's training rows."""
        return self.setups[0].rows()

    def training(self, network: Network, *, compiled: bool = True, **overrides: Any) -> Training:
        """Give the first run's training of `network`; `overrides` are arguments of `Training`."""
        return self.setups[0].training(network, compiled=compiled, **overrides)


# -------------------------------------------------------------------------------------------------------------- reading


def read_network_file(path: str | Path) -> NetworkFile:
    """Read and check a network file.

    Errors: a BacklitError where the file cannot be read, is not TOML, has an unknown key (with the one that is meant),
    a value of a wrong type or shape, or a number that is not finite. Its message shows the line, and the place in it
    where that is known.
    """
    return parse_network_file(text_of(Path(path)), str(path))


def parse_network_file(text: str, name: str = "the network file") -> NetworkFile:
    """Read a network file's text; `name` begins the messages of errors."""
    with not_too_deep(name):
        raw = parsed(text, name)
        try:
            refuse_not_finite(raw)
            refuse_flat_rows(raw)
            return _checked(raw, claimed_of(text) if "claimed" in raw else Claimed())
        except BacklitError as error:
            raise misfit(name, text, raw, error) from None


def setup_of(raw: Mapping[str, Any]) -> Setup:
    """Check the tables `network`, `data` and `training`, as TOML gives them, and give the run that they describe.

    Errors: a MisfitError whose `path` leads to the key that does not fit.
    """
    tables = dict(raw)
    refuse_not_finite(tables)
    return _setup("", "", tables)


def _checked(raw: dict[str, Any], claimed: Claimed) -> NetworkFile:
    file = decode(raw, FileTable)
    base = {part: getattr(file, part) for part in PARTS if part in raw}
    if not file.runs:
        setups = [_setup("", "", base | {"published": file.published, "computed": file.computed})]
    else:
        setups = []
        for run in file.runs:
            given = {part: base.get(part, {}) | getattr(run, part) for part in PARTS}
            tables = {part: keys for part, keys in given.items() if keys}
            with inside(f"run {run.name!r}"):
                published, computed = file.published + run.published, file.computed + run.computed
                setups.append(_setup(run.name, run.about, tables | {"published": published, "computed": computed}))
    names = [setup.name for setup in setups]
    if file.valley is not None:
        check_valley(file.valley, [setup.build() for setup in setups], [setup.steps for setup in setups], names)
    if file.trouble is not None:
        check_trouble(file.trouble, [setup.build() for setup in setups], names)
    if file.comparison is not None:
        if file.trouble is not None:
            says = "both trouble and comparison are given; expected one of them: a trouble compares its runs too."
            raise MisfitError(says, ("comparison",))
        check_trouble(file.comparison, [setup.build() for setup in setups], names, "comparison")
    return NetworkFile(
        file.title, file.teaches, file.about, file.source, file.race, tuple(setups), file.valley,
        file.trouble or file.comparison, claimed,
    )  # fmt: skip


def _setup(name: str, about: str, raw: dict[str, Any]) -> Setup:
    table = decode(raw, SetupTable)
    network, data = table.network, table.data
    if network.inputs is None:
        raise MisfitError("network: the key 'inputs' is missing.", ("network",))
    if not network.layers:
        says = "network.layers is empty; expected at least one [[network.layers]] table."
        raise MisfitError(says, ("network", "layers"))
    network, data = as_sequences(settled(network), data)
    if data is not None:
        check_data(data)
    chain_of(network)
    graph = graph_of(network)
    check_values(network, graph)
    check_shared(network, table.training)
    names = names_of(network, graph)
    figures: dict[str, tuple[PublishedTable | ComputedTable, ...]]
    figures = {"published": table.published, "computed": table.computed}
    for key, listed in figures.items():
        for k, figure in enumerate(listed):
            with inside_key(key, k, "quantity"):
                parse_quantity(figure.quantity, names)
    setup = Setup(name, about, network, data, _steps(table.training), table.published, names, table.computed)
    built = setup.build()
    if data is not None and data.set is None and data.drawn is None:
        check_columns(data, built)
    return setup


def _steps(table: Mapping[str, Any]) -> dict[str, Any]:
    """Check the keys of `[training]`; give them with optimizer and schedule as ops."""
    given = dict(table)
    for name, value in given.items():
        if name not in TRAINING:
            raise MisfitError(f"training: {unknown_key(name, TRAINING, value)}", ("training", name))
    for name in ("optimizer", "schedule"):
        if name in given:
            given[name] = op_of(REGISTRIES[name], given[name], f"training, {name}", "training", name)
    with inside("training", "training"), of_setting(given):
        settings = TrainingSettings(**given)
    return {name: getattr(settings, name) for name in given}


def graph_of(network: NetworkTable) -> Any:
    """Give the graph of the layers, without the numbers of their parameters: what has which shape.

    Errors: a MisfitError at the layer that does not fit what it reads.
    """
    plain = msgspec.structs.replace(network, layers=[without_values(table) for table in network.layers])
    try:
        return Network(chain_of(plain), network_inputs(network.inputs)).graph
    except MisfitError:
        raise
    except BacklitError as error:
        number = re.search(r"\b(?:layer|residual|parallel|bidirectional) (\d+)", str(error))
        path = ("network", "layers", int(number[1]) - 1) if number else ("network", "inputs")
        raise MisfitError(f"{error}{picture_advice(network, error)}", path) from None


def _draw(network: Network, recipe: InitialTable) -> None:
    """Draw the parameters that the recipe names, in its order."""
    rng = generator_of(recipe.generator, recipe.seed)
    initializer: Any = op_of(
        REGISTRIES["initializer"], recipe.draw, "network.initial, draw", "network", "initial", "draw"
    )
    for name in recipe.order:
        if name not in network.layout:
            raise MisfitError(
                f"network.initial, order: {unknown_key(name, network).replace('key', 'parameter')}",
                ("network", "initial", "order"),
            )
        network[name] = initializer.draw(network[name].shape, rng)
