"""The records of what a drawing shows of layers other than dense ones: maps, chains through time, branches."""

from __future__ import annotations

import msgspec

from backlit.explain.record.node_record import Node

Cell = tuple[int, int]
"""A place in a grid: row and column, from 0."""
Numbers = tuple[tuple[float | None, ...], ...]
"""Numbers by row and column."""


class Grid(msgspec.Struct, frozen=True):
    """Numbers in rows and columns: a channel of a picture, a sequence, units in a row, or the weights of a filter.

    `slopes` are dE/d of the numbers, of a picture's the whole slope that comes back to them; empty where the backward
    pass does not reach them. `made` is the cell whose making is shown, and `window` are the cells of it that the next
    layer's such cell reads; `winner` is the one of them that a max pooling passes on. `heads` are the columns' names,
    `sides` the rows'.
    """

    name: str
    values: Numbers
    slopes: Numbers = ()
    window: tuple[Cell, ...] = ()
    made: Cell | None = None
    winner: Cell | None = None
    heads: tuple[str, ...] = ()
    sides: tuple[str, ...] = ()


class Sum(msgspec.Struct, frozen=True):
    """How the marked cell of a map comes about: `terms` are pairs of a number that is read and its weight.

    The number is their sum and `bias`; `after` is what the activation makes of it, None where there is none. Of a max
    pooling, `head` is max, and of an average pooling mean; the weights are 1 then.
    """

    name: str
    terms: tuple[tuple[float, float], ...]
    bias: float | None
    result: float
    head: str = "sum"
    after: float | None = None
    activation: str = ""


class Maps(msgspec.Struct, frozen=True, tag="maps"):
    """What a layer gives: its channels as grids, the weights that lead to the marked one, and how its cell is made.

    `size` counts all channels, of which `grids` are some, `weights_size` all grids of such weights. `bias` is that of
    the marked channel, with its slope.
    """

    title: str
    grids: tuple[Grid, ...]
    size: int
    weights: tuple[Grid, ...] = ()
    bias: Node | None = None
    made: Sum | None = None
    targets: tuple[Grid, ...] = ()
    weights_size: int = 0


class Moment(msgspec.Struct, frozen=True):
    """A time of a recurrent layer: its inputs and its states, of each at most a few; `cells` are those of an LSTM.

    `run` is False behind the row's end, where the state stays as it is.
    """

    name: str
    inputs: tuple[Node, ...]
    states: tuple[Node, ...]
    cells: tuple[Node, ...] = ()
    run: bool = True


class Unrolled(msgspec.Struct, frozen=True, tag="unrolled"):
    """A recurrent layer, unrolled over the times in the order in which it reads them.

    `moments` are all times, or of many the first and the last; `times` counts all. `lengths` has for each time, in the
    same order, the length of the slope dE/dout of all the layer's states: the slope through time. `inward` and `onward`
    are the weights from an input and from a state to a state, one where there is one of each, else of each array the
    name and shape. `units` and `inputs` count those of a time.
    """

    title: str
    moments: tuple[Moment, ...]
    times: int
    inputs: int
    units: int
    lengths: tuple[float, ...]
    inward: Node
    onward: Node
    reverse: bool = False
    sequence: bool = False


class Branches(msgspec.Struct, frozen=True, tag="branches"):
    """Layers side by side that read the same numbers; `join` says how their results become one.

    An empty branch passes on what is read. `grids` are what comes of the join, of `size` in all.
    """

    title: str
    branches: tuple[tuple[Panel, ...], ...]
    join: str
    grids: tuple[Grid, ...] = ()
    size: int = 0


Panel = Maps | Unrolled | Branches
