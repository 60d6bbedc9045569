"""The network file: a network, rows and steps written down in TOML, read strictly.

docs/network-file.md describes the format for people; `tables.py` holds its keys.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from backlit import data as tables_in
from backlit.engine import Network, Training, layer_from_dict
from backlit.errors import BacklitError
from backlit.examples.quantity_names import Names, names_of, parse_quantity
from backlit.examples.strict import decode, in_plain_words, refuse_not_finite, unknown_key
from backlit.examples.tables import (
    LABELS,
    DataTable,
    FileTable,
    InitialTable,
    NetworkTable,
    PublishedTable,
    SetupTable,
    TrainingTable,
)
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
    steps: TrainingTable
    published: tuple[PublishedTable, ...]
    names: Names

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
        """Give the training rows, X (n, inputs) and the targets (n, outputs), scaled as the file says.

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
        given = {name: getattr(self.steps, name) for name in self.steps.__struct_fields__}
        settings = {name: value for name, value in given.items() if value is not msgspec.UNSET}
        for name in ("optimizer", "schedule"):
            if name in settings:
                settings[name] = op_of(REGISTRIES[name], settings[name], f"training, {name}")
        return settings

    def _parts(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        if self.data is None:
            raise BacklitError("the network file has no [data]; expected inputs and targets, or a bundled data set.")
        if self.data.set is None:
            X, Y = _inline_rows(self.data)
            return (X, Y), (X[:0], Y[:0])
        return _set_rows(self.data)


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
        setups = [_setup("", "", base | {"published": file.published})]
    else:
        setups = []
        for run in file.runs:
            given = {part: base.get(part, {}) | getattr(run, part) for part in PARTS}
            tables = {part: keys for part, keys in given.items() if keys}
            try:
                setups.append(_setup(run.name, run.about, tables | {"published": file.published + run.published}))
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
        _check_data(table.data)
    names = names_of(network, chain)
    _check_values(network, chain, names)
    for published in table.published:
        parse_quantity(published.quantity, names)
    setup = Setup(name, about, network, table.data, table.training, table.published, names)
    setup.rules()
    built = setup.build()
    if table.data is not None and table.data.set is None:
        _check_columns(table.data, built)
    return setup


def op_of(registry: Registry, given: str | Mapping[str, Any], where: str) -> Any:
    """Give the op that a name, or a table of a name and settings, describes."""
    try:
        if isinstance(given, Mapping) and "op" not in given:
            raise BacklitError(f"the key 'op' is missing; expected a name such as op = \"{next(iter(registry))}\".")
        return registry.make(given) if isinstance(given, str) else registry.from_dict(given)
    except BacklitError as error:
        raise BacklitError(f"{where}: {in_plain_words(str(error))}") from None


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
        raise BacklitError(f"layer {number}: {in_plain_words(str(error))}") from None


# ------------------------------------------------------------------------------------------------------------- checking


def _check_values(network: NetworkTable, chain: list[Layer], names: Names) -> None:
    """Hold weights and biases that are given outright to the layer's shapes."""
    columns = names.input_count
    for number, layer in enumerate(chain, 1):
        table = network.layers[number - 1]
        shapes = layer.shapes(columns)
        wanted = {"weights": shapes.parameters.get("W"), "biases": shapes.parameters.get("b")}
        for key, shape in wanted.items():
            for given_key in (key, {"weights": "weight_labels", "biases": "bias_labels"}[key]):
                given = table.get(given_key)
                if isinstance(given, list) and shape is not None and _shape(given) != shape:
                    raise BacklitError(
                        f"layer {number}: {given_key} has {_shape_words(given)}; expected {_expected(shape)}."
                    )
        columns = _columns_after(layer, columns)


def _columns_after(layer: Layer, columns: int) -> int:
    for op in layer.ops():
        columns = op.shapes(columns).columns[op.writes]
    return columns


def _shape(given: list[Any]) -> tuple[int, ...] | None:
    """Give the shape of nested lists; None where rows differ in length."""
    if not any(isinstance(row, list) for row in given):
        return (len(given),)
    lengths = {len(row) if isinstance(row, list) else -1 for row in given}
    return None if len(lengths) > 1 else (len(given), lengths.pop())


def _shape_words(given: list[Any]) -> str:
    shape = _shape(given)
    if shape is None:
        return f"{len(given)} rows of different lengths"
    return f"{shape[0]} numbers" if len(shape) == 1 else f"{shape[0]} rows of {shape[1]}"


def _expected(shape: tuple[int, ...]) -> str:
    if len(shape) == 1:
        return f"{shape[0]} numbers, one per unit" if shape[0] else "none, for the layer has no bias"
    return f"{shape[0]} rows, one per input of the layer, of {shape[1]}, one per unit"


def _check_data(table: DataTable) -> None:
    """Hold the rows to one of the two ways to give them."""
    inline = {key: getattr(table, key) for key in ("inputs", "targets", "input_divisors", "target_divisors")}
    given = [key for key, value in inline.items() if value is not None]
    if table.set is not None:
        if given:
            raise BacklitError(
                f"data: both set and {given[0]} are given; expected a bundled data set or rows, not both."
            )
        if table.set not in tables_in.BUNDLED:
            raise BacklitError(f"data, set: {unknown_key(table.set, tables_in.BUNDLED).replace('key', 'data set')}")
        return
    for key in ("inputs", "targets"):
        if not inline[key]:
            raise BacklitError(
                f"data: {key} is {'missing' if inline[key] is None else 'empty'}; expected at least one row."
            )
    if table.split is not None:
        raise BacklitError("data: split is given with rows inline; only a bundled data set is split.")
    if len(inline["inputs"]) != len(inline["targets"]):
        raise BacklitError(
            f"data: {len(inline['inputs'])} rows of inputs and {len(inline['targets'])} targets are given; "
            "expected one target per row."
        )
    for key in ("input_divisors", "target_divisors"):
        if any(divisor == 0.0 for divisor in inline[key] or []):
            raise BacklitError(f"data: {key} has a 0; expected numbers to divide by.")


def _check_columns(table: DataTable, network: Network) -> None:
    """Hold every row and divisor to the network's inputs and outputs."""
    numbered = network.loss.class_targets and network.outputs > 1
    for what, columns in (("input", network.inputs), ("target", network.outputs)):
        widths = {columns, 1} if what == "target" and numbered else {columns}
        has = f"{columns} {_plural(columns, 'input' if what == 'input' else 'output')}"
        for number, row in enumerate(getattr(table, f"{what}s"), 1):
            width = len(row) if isinstance(row, list) else 1
            if width not in widths:
                raise BacklitError(
                    f"data, {what}s, row {number}: {width} {_plural(width, 'number')} given; the network has {has}."
                )
        divisors = getattr(table, f"{what}_divisors")
        if divisors is not None and len(divisors) != columns:
            raise BacklitError(f"data, {what}_divisors: {len(divisors)} given; the network has {has}.")


def _plural(count: int, word: str) -> str:
    return word if count == 1 else word + "s"


# ------------------------------------------------------------------------------------------------ weights, rows as give


def generator_of(name: str, seed: int) -> Any:
    """Give NumPy's legacy or its present random generator."""
    if name == "default":
        return np.random.default_rng(seed)
    return np.random.RandomState(seed)  # the published examples were drawn from it


def _draw(network: Network, recipe: InitialTable) -> None:
    """Draw the parameters that the recipe names, in its order."""
    rng = generator_of(recipe.generator, recipe.seed)
    initializer: Any = op_of(REGISTRIES["initializer"], recipe.draw, "network.initial, draw")
    for name in recipe.order:
        if name not in network.layout:
            raise BacklitError(f"network.initial, order: {unknown_key(name, network).replace('key', 'parameter')}")
        network[name] = initializer.draw(network[name].shape, rng)


def _inline_rows(table: DataTable) -> tuple[Array, Array]:
    X = np.array(table.inputs, np.float64)
    Y = np.array(table.targets, np.float64).reshape(len(X), -1)
    X = X / np.array(table.input_divisors) if table.input_divisors else X
    Y = Y / np.array(table.target_divisors) if table.target_divisors else Y
    return (_standard(X, X) if table.scale == "standard" else X), Y


def _set_rows(table: DataTable) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Give training and test rows of a bundled data set."""
    source = tables_in.read_table(table.set)
    target = tables_in.BUNDLED[str(table.set)]
    X = np.column_stack([source.values(name) for name in source.columns if name != target]).astype(np.float64)
    labels = source.values(target)
    task = tables_in.choose_task(source)
    Y = labels[:, None] == np.array(task.classes) if task.classes else labels.reshape(-1, 1)
    Y = Y.astype(np.float64)
    train, test = np.arange(len(X)), np.arange(0)
    if table.split is not None:
        if table.split.test >= len(X):
            raise BacklitError(f"data.split: test is {table.split.test}; {table.set} has {len(X)} rows in all.")
        order = generator_of(table.split.generator, table.split.seed).permutation(len(X))
        train, test = order[table.split.test :], order[: table.split.test]
    if table.scale == "standard":
        X = _standard(X, X[train])
    return (X[train], Y[train]), (X[test], Y[test])


def _standard(X: Array, training: Array) -> Array:
    spread = training.std(axis=0)
    scaled: Array = (X - training.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
    return scaled
