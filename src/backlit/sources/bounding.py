"""`backlit.boundary`: the decision boundary of whatever predicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from backlit.analysis.boundary.boundary import boundary as compute
from backlit.show.boundary.figures import boundary_figures
from backlit.show.picture import Picture


def boundary(
    model: Any, data: Any = None, Y: Any = None, *, columns: Sequence[str | int] | None = None, points: int = 101,
    kind: Literal["classes", "numbers"] | None = None, inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None, classes: Sequence[str] | None = None, units: Sequence[str] | None = None,
) -> Picture:  # fmt: skip
    """Draw what a model predicts over two of its inputs, with the rows of data on it.

    The predictions are the engine's, for a grid of `points` x `points` rows in which all other inputs are held: numbers
    at their median in the data, times at the middle one, categories and true or false at the most frequent value. Each
    row on the plane is predicted with all of its own inputs, so a row may lie in another class's region and be right;
    the picture says how many do. Of a network whose first layer has up to eight hidden units, each unit's line is
    drawn, where its net input Σ w x + b is 0.

    Args:
        model: one of these:
            a `Network`, with `data` a pair (X, Y), or X and Y; without Y the rows have no classes;
            a `Training`: its network on its own rows, or on others;
            a table's model, with any table that `backlit.data.read_table` takes; the target may be missing;
            a fitted estimator, also a pipeline, with (X, y): arrays (n, inputs), or a DataFrame;
            the path of a model file.
        data: the rows. Y: their targets, as `Training` takes them.
        columns: the two inputs, by name or by place from 0, the first one to the right. By default, of two inputs both,
            and of more the two that change the predictions most where they are held at their median; inputs that are
            no numbers cannot be drawn.
        points: of the grid along each side, from 2 to 400.
        kind: "classes" or "numbers", for a network. By default its loss and its targets say: class numbers and rows
            with a single 1 are classes, targets of 0 and 1 or -1 and 1 are two classes for each output, between which
            0.5 or 0 decides, others are numbers.
        inputs: names of a matrix's columns. outputs: names of a network's outputs. classes: names of its classes.
        units: names of the first layer's units.

    At most 2,000 rows are drawn, evenly chosen, and at most six outputs, a picture for each.

    Errors: a BacklitError where the model has less than two inputs that are numbers, a column cannot be drawn, rows do
        not fit the model, or a prediction is not finite.

    >>> import backlit as bl
    >>> network = bl.Network([bl.Dense(1, "sigmoid", weights=[[4.0], [4.0]], biases=[-6.0])], inputs=2)
    >>> picture = bl.boundary(network, [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1], inputs=["a", "b"])
    >>> picture.record.outputs[0].right
    4
    >>> print(picture)
    Decision boundary
    ...
    """
    record = compute(model, data, Y, columns=columns, points=points, kind=kind, inputs=inputs, outputs=outputs,
                     classes=classes, units=units)  # fmt: skip
    return Picture(boundary_figures(record), record)
