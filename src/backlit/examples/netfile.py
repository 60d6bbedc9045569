"""The network file: a network, rows and steps written down in TOML, read strictly.

docs/network-file.md describes the format for people; `tables.py` holds its keys.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from backlit.engine import Network, Training, TrainingSettings, layer_from_dict
from backlit.errors import BacklitError
from backlit.examples.file_checks import check_columns, check_data, check_values
from backlit.examples.file_rows import generator_of, inline_rows, set_rows
from backlit.examples.file_tables import (
    LABELS,
    TRAINING,
    ComputedTable,
    DataTable,
    FileTable,
    InitialTable,
    NetworkTable,
    PublishedTable,
    SetupTable,
)
from backlit.examples.quantity_parsing import Names, names_of, parse_quantity
from backlit.examples.strict import decode, refuse_not_finite, unknown_key
from backlit.kernels.types import Array
from backlit.ops.base import Layer
from backlit.ops.layers.dense import Dense
from backlit.ops.registry import REGISTRIES, Registry, layers, losses

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
        return [layer_of(table, number) for number, table in enumerate(self.network.layers, 1)]

    def build(self) -> Network:
        """Give the network with its initial weights."""
        table = self.network
        network = Network(
            self.layers(), self.names.input_count, op_of(losses, table.loss, "loss"), dtype=table.dtype, seed=table.seed
        )
        if table.initial is not None:
            _draw(network, table.initial)
        return network

    def rows(self) -> tuple[Array, Array]:
        """Give the training rows, X (n, inputs) and the targets (n, outputs), scaled as the file states.

        Errors: a BacklitError where the file has no rows.
        """
        return self._parts()[0]

    def held_out(self) -> tuple[Array, Array]:
        """Give the test rows; none where the file does not split."""
        return self._parts()[1]

    def training(self, network: Network, *, compiled: bool = True, **overrides: Any) -> Training:
        """Give the training of `network` on the file's rows; `overrides` are arguments of `Training`."""
        X, Y = self.rows()
        return Training(network, X, Y, compiled=compiled, **(self.rules() | overrides))

    def rules(self) -> dict[str, Any]:
        """Give the arguments of `Training` that the file states, optimizer and schedule as ops."""
        return dict(self.steps)

    def _parts(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        if self.data is None:
            raise BacklitError("the network file has no [data]; expected inputs and targets, or a bundled data set.")
        if self.data.set is None:
            X, Y = inline_rows(self.data)
            return (X, Y), (X[:0], Y[:0])
        return set_rows(self.data)


class NetworkFile(msgspec.Struct, frozen=True):
    """A network file as read; see docs/network-file.md.

    `setups` are its runs, one at least; `build`, `rows` and `training` are those of the first.

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

    Errors: a BacklitError in one line where the file cannot be read, is not TOML (with line and column), has an unknown
    key (with the nearest known one), a value of a wrong type or shape, or a number that is not finite.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BacklitError(f"{path} is not text in UTF-8; expected a network file in TOML.") from None
    except OSError as error:
        raise BacklitError(f"cannot read {path}: {error.strerror}.") from None
    return parse_network_file(text, str(path))


def parse_network_file(text: str, name: str = "the network file") -> NetworkFile:
    """Read a network file's text; `name` begins the messages of errors."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BacklitError(f"{name} is not valid TOML: {str(error).replace(chr(10), ' ')}.") from None
    try:
        refuse_not_finite(raw)
        return _checked(raw)
    except BacklitError as error:
        raise BacklitError(f"{name}: {error}") from None


def _checked(raw: dict[str, Any]) -> NetworkFile:
    file = decode(raw, FileTable)
    base = {part: getattr(file, part) for part in PARTS if part in raw}
    if not file.runs:
        setups = [_setup("", "", base | {"published": file.published, "computed": file.computed})]
    else:
        setups = []
        for run in file.runs:
            given = {part: base.get(part, {}) | getattr(run, part) for part in PARTS}
            tables = {part: keys for part, keys in given.items() if keys}
            try:
                published, computed = file.published + run.published, file.computed + run.computed
                setups.append(_setup(run.name, run.about, tables | {"published": published, "computed": computed}))
            except BacklitError as error:
                raise BacklitError(f"run {run.name!r}: {error}") from None
    return NetworkFile(file.title, file.teaches, file.about, file.source, file.race, tuple(setups))


def _setup(name: str, about: str, raw: dict[str, Any]) -> Setup:
    table = decode(raw, SetupTable)
    network = table.network
    chain = [layer_of(given, number) for number, given in enumerate(network.layers, 1)]
    if not chain:
        raise BacklitError("network.layers is empty; expected at least one [[network.layers]] table.")
    if table.data is not None:
        check_data(table.data)
    names = names_of(network, chain)
    check_values(network, chain, names)
    for quantity in (figure.quantity for figures in (table.published, table.computed) for figure in figures):
        parse_quantity(quantity, names)
    setup = Setup(name, about, network, table.data, _steps(table.training), table.published, names, table.computed)
    built = setup.build()
    if table.data is not None and table.data.set is None:
        check_columns(table.data, built)
    return setup


def _steps(table: Mapping[str, Any]) -> dict[str, Any]:
    """Check the keys of `[training]`; give them with optimizer and schedule as ops."""
    given = dict(table)
    for name in given:
        if name not in TRAINING:
            raise BacklitError(f"training: {unknown_key(name, TRAINING)}")
    for name in ("optimizer", "schedule"):
        if name in given:
            given[name] = op_of(REGISTRIES[name], given[name], f"training, {name}")
    try:
        settings = TrainingSettings(**given)
    except BacklitError as error:
        raise BacklitError(f"training: {error}") from None
    return {name: getattr(settings, name) for name in given}


def op_of(registry: Registry, given: str | Mapping[str, Any], where: str) -> Any:
    """Give the op that a name, or a table of a name and settings, describes."""
    try:
        if isinstance(given, Mapping) and "op" not in given:
            raise BacklitError(f"the key 'op' is missing; expected a name such as op = \"{next(iter(registry))}\".")
        return registry.from_dict(given) if isinstance(given, Mapping) else registry.make(given)
    except BacklitError as error:
        raise BacklitError(f"{where}: {error}") from None


def layer_of(table: Mapping[str, Any], number: int) -> Layer:
    """Give the layer that a `[[network.layers]]` table describes; `op` is `"dense"` where it is not given."""
    name = table.get("op", "dense")
    try:
        cls = (REGISTRIES["activation"] if name in REGISTRIES["activation"] else layers)[name]
        labels = LABELS if issubclass(cls, Dense) else {}
        settings = {"op": name} | {key: value for key, value in table.items() if key not in labels}
        for key in settings:
            if key != "op" and key not in cls.__struct_fields__:
                raise BacklitError(unknown_key(key, [*cls.__struct_fields__, *labels]))
        missing = [field.name for field in msgspec.structs.fields(cls) if field.required and field.name not in settings]
        if missing:
            raise BacklitError(f"the key {missing[0]!r} is missing.")
        for key, kind_name in cls.nested.items():
            if isinstance(settings.get(key), Mapping):
                op_of(REGISTRIES[kind_name], settings[key], key)
        return layer_from_dict(settings)
    except BacklitError as error:
        raise BacklitError(f"layer {number}: {error}") from None


def _draw(network: Network, recipe: InitialTable) -> None:
    """Draw the parameters that the recipe names, in its order."""
    rng = generator_of(recipe.generator, recipe.seed)
    initializer: Any = op_of(REGISTRIES["initializer"], recipe.draw, "network.initial, draw")
    for name in recipe.order:
        if name not in network.layout:
            raise BacklitError(f"network.initial, order: {unknown_key(name, network).replace('key', 'parameter')}")
        network[name] = initializer.draw(network[name].shape, rng)
