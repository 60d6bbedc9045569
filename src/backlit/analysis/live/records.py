"""The records of a network as it is at a moment: plain numbers and names, for a drawing that changes as it trains."""

from __future__ import annotations

import msgspec


class LiveColumn(msgspec.Struct, frozen=True):
    """A column of a drawn network: units, or a block, a layer whose weights are not drawn.

    Attributes:
        title: what it is: "inputs", "layer 1", "outputs". details: more of it, line by line: activation, dropout.
        units: the names of the units that are drawn; none of a block. size: how many there are.
        weighted: whether the column's edges come from the units of the column before; else a block gives its numbers.
        first: the name of a block's first array of weights, such as "1.W"; "" where it has none.
    """

    title: str
    details: tuple[str, ...]
    units: tuple[str, ...]
    size: int
    weighted: bool = False
    first: str = ""

    @property
    def block(self) -> bool:
        """Whether it is a block."""
        return not self.units


class LiveEdge(msgspec.Struct, frozen=True):
    """A weight that is drawn: from unit `source` of the column before, -1 for a bias, to `unit` of its column.

    `name` is that of worked examples: w(i1,h1), or the user's own.
    """

    column: int
    source: int
    unit: int
    name: str
    frozen: bool = False


class LiveOutline(msgspec.Struct, frozen=True):
    """What stays the same while a network trains: columns from left to right, and the weights that are drawn.

    The edges stand column by column, of a column unit by unit, of a unit in the order of the sources, the bias last.
    `weights` counts all parameters of the network.
    """

    columns: tuple[LiveColumn, ...]
    edges: tuple[LiveEdge, ...]
    weights: int


class LiveNetwork(msgspec.Struct, frozen=True):
    """A network at a moment: the weight of each edge and, where they were asked for, the slopes dE/dw.

    A slope is None where the weight is not trained. `rows` are those that E is of, `all_rows` how many there are;
    `problem` says why there are no slopes though they were asked for.
    """

    outline: LiveOutline
    weights: tuple[float, ...]
    slopes: tuple[float | None, ...] | None = None
    rows: int = 0
    all_rows: int = 0
    problem: str = ""


class UnitWeight(msgspec.Struct, frozen=True):
    """A weight that leads to a unit: its name, the name of the unit that it comes from, and its value."""

    name: str
    source: str
    value: float


class Histogram(msgspec.Struct, frozen=True):
    """How often numbers lie between `edges` (bins + 1): `counts` (bins); `outside` are not finite."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    outside: int = 0


class ClassMean(msgspec.Struct, frozen=True):
    """The mean of a unit's output over the rows of a class."""

    name: str
    mean: float
    rows: int


class LiveUnit(msgspec.Struct, frozen=True):
    """A unit at a moment: the weights that lead to it, and its output over rows of the data.

    Attributes:
        name, place: what it is called, and where it stands: "layer 1", "inputs".
        activation: the name of its activation; empty of an input and of what a block gives.
        weights: the largest first, of `weight_count` in all. bias: with its name, if there is one.
        rows: how many it was run on, of `all_rows`. mean, spread: of its finite outputs; None where there are none.
        flat: the share of the rows where the activation is flat; None where it is flat nowhere. both_ends: whether it
            is flat at both ends, as tanh is, so that its units saturate; else it is so at one, as relu is.
        dead: whether it is flat for all rows, where only one end of the activation is.
        classes: the mean of each class, where the rows have classes.
    """

    name: str
    place: str
    activation: str
    weights: tuple[UnitWeight, ...]
    weight_count: int
    bias: UnitWeight | None
    histogram: Histogram
    rows: int
    all_rows: int
    mean: float | None
    spread: float | None
    flat: float | None = None
    both_ends: bool = False
    dead: bool = False
    classes: tuple[ClassMean, ...] = ()
