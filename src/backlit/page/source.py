"""What the page trains on: rows to train on and to validate on, with their names and a design to begin with."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec
import numpy as np

from backlit.data import ColumnReport, Encoder, Table, Task
from backlit.data.target import TaskKind
from backlit.engine import Network
from backlit.examples import NetworkFile, Setup
from backlit.kernels.types import Array
from backlit.page.design import Design

Which = Literal["training", "validation"]


class TableRows(msgspec.Struct, frozen=True, eq=False):
    """The table that rows come from, all of whose rows have a target, and how its columns become numbers.

    `rows` are places in the table: "train", the validation rows among them, and "test". `folds` has at most one pair:
    the places in `rows["train"]` of the rows that train, and of those that validate.
    """

    table: Table
    encoder: Encoder
    task: Task
    rows: dict[str, Array]
    folds: list[tuple[Array, Array]]

    def of(self, which: Which) -> Array:
        """Give the places in the table of the rows that train or validate, in their order."""
        rest = self.rows["train"]
        if not self.folds:
            return rest if which == "training" else rest[:0]
        trained, held_out = self.folds[0]
        return rest[trained if which == "training" else held_out]


class FirstWeights(msgspec.Struct, frozen=True, eq=False):
    """Weights that a network begins with, and the file that they come from, by its name."""

    of: str
    network: Network


class Source(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """Rows to train on, with their names and the design that the page begins with.

    `given` are the words of the command line that name it, without the target; `asks` says that these need the target,
    `task` whether they say that classes or numbers are learned, and `uploaded` that the browser gave the file, so that
    they name a file whose folder is not known.
    `X` (n, inputs) and `Y` train, `validation` measures.
    `classes` are the labels of class numbers, `target` names what is predicted. `columns` says of each column of a
    table what is done to it. `table` is the table that rows and own units come from.
    `whole` is the table with all its rows, `kept` counts its rows for the test, `told` is what is to be known about it.
    `retarget` gives the source with another column of the table as the target, learned as classes, numbers or as its
    values decide, where that can be chosen.
    `setup` is the run of a network file; its first weights and names count while its layers are not changed. `file` is
    that file where it has several runs. `first` are the weights of a model that is trained further.
    `sample_weight` (n,) are the rows' weights, `changes` says what was done to the rows as a remedy.
    """

    title: str
    given: tuple[str, ...]
    X: Array
    Y: Array
    validation: tuple[Array, Array] | None
    design: Design
    asks: bool = False
    task: TaskKind | None = None
    uploaded: bool = False
    target: str = ""
    classes: tuple[str, ...] = ()
    columns: tuple[ColumnReport, ...] = ()
    table: TableRows | None = None
    whole: Table | None = None
    kept: int = 0
    told: tuple[str, ...] = ()
    retarget: Callable[[str, TaskKind | None], Source] | None = None
    setup: Setup | None = None
    file: NetworkFile | None = None
    first: FirstWeights | None = None
    sample_weight: Array | None = None
    changes: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the command line that give this source again."""
        name, *rest = self.given
        name = f"./{name}" if name.startswith("-") else name
        target = [f"--target={self.target}"] if self.target.startswith("-") else ["--target", self.target]
        return (name, *rest, *(target if self.asks else []), *(["--task", self.task] if self.task else []))

    @property
    def data_word(self) -> str:
        """The word of the command line that names the table."""
        word = self.given[2] if self.given[1:2] == ("--data",) else self.given[0]
        return f"./{word}" if word.startswith("-") else word

    @property
    def beyond_the_command(self) -> str:
        """Say what the command line's words do not say of this source, if anything."""
        said = []
        if self.uploaded:
            said.append(
                f"The browser does not say in which folder {self.given[0]} lies: run the command in that folder."
            )
        if self.changes:
            said.append("The command does not hold what was changed about the rows: " + "; ".join(self.changes) + ".")
        return " ".join(said)

    def places(self, which: Which) -> Array | None:
        """Give the places in the table's rows of those that train or validate, in their order; None without a table."""
        return None if self.table is None else self.table.of(which)

    def rows(self, which: Which) -> tuple[Array, Array]:
        """Give X and Y of the rows that train or validate; there may be none that validate."""
        if which == "training":
            return self.X, self.Y
        return self.validation[:2] if self.validation is not None else (self.X[:0], self.Y[:0])

    def network(self, design: Design) -> Network:
        """Build a design's network at its first weights: those of the model while its layers stay, else drawn ones."""
        network = design.setup().build()
        if self.first is not None and self.begins_at_model(design, network):
            network.parameters[:], network.state[:] = self.first.network.parameters, self.first.network.state
        return network

    def for_network(self, network: Network) -> Source:
        """Give the source with classes as a network's loss takes them: as numbers of classes, or a target for each.

        A target for each is 1 for the row's own class and 0, or for the hinge loss -1, for the others.
        """
        k = len(self.classes)
        each = not network.loss.class_targets and network.output_size == k > 1
        low = -1.0 if network.loss.name == "hinge" else 0.0
        if not k or (not each and self.Y.ndim == 1) or (each and self.Y.ndim == 2 and self.Y.min() == low):
            return self

        def converted(Y: Array) -> Array:
            codes = Y if Y.ndim == 1 else Y.argmax(axis=1)
            return np.where(np.arange(k) == codes[:, None], 1.0, low).astype(self.X.dtype) if each else codes

        held_out = self.validation
        if held_out is not None:
            held_out = (held_out[0], converted(held_out[1]), *held_out[2:])
        return msgspec.structs.replace(self, Y=converted(self.Y), validation=held_out)

    def tables(self, design: Design) -> dict[str, Any]:
        """Give a design as a network file has it, with the rows where they are those of a network file."""
        tables = design.tables()
        if self.setup is None or self.setup.data is None or self.changes:
            return tables
        return {"title": self.title, "data": _given(msgspec.to_builtins(self.setup.data)), **tables}

    def opened_by(self, name: str, options: Sequence[str] = ()) -> str:
        """Say by which command line a saved network file of this name opens again, with options of the program."""
        rows = self.setup is not None and self.setup.data is not None and not self.changes
        words = ["backlit", "page", name]
        if not rows:
            words += ["--data", self.data_word, *self.words[len(self.given) :]]
        return shlex.join([*words, *options])

    def begins_at_model(self, design: Design, network: Network) -> bool:
        """Say whether a design's network begins at the weights of the model: its layers and its seed are the same.

        Other activations, another loss and another type of numbers change nothing about the weights.
        """
        if self.first is None:
            return False
        mine, theirs = self.design.network, design.network
        if _bare(mine["layers"]) != _bare(theirs["layers"]) or mine.get("seed", 0) != theirs.get("seed", 0):
            return False
        return network.layout == self.first.network.layout and network.state_layout == self.first.network.state_layout


def _given(value: Any) -> Any:
    """Give tables without the keys that have no value: TOML has no word for none."""
    if not isinstance(value, dict):
        return value
    return {key: _given(inner) for key, inner in value.items() if inner is not None}


def _bare(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give layers without what is chosen about them beside their weights."""
    return [{key: value for key, value in layer.items() if key not in {"activation", "labels"}} for layer in layers]
