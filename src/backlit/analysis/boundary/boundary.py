"""A decision boundary: what a model predicts over the plane of two of its inputs, the other inputs held still."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from backlit.analysis.boundary.inputs import Inputs
from backlit.analysis.boundary.outputs import Kind
from backlit.analysis.boundary.records import Boundary, BoundaryOutput
from backlit.analysis.boundary.subject import Names, Subject, subject_of
from backlit.data.messages import did_you_mean, listed, quoted
from backlit.errors import BacklitError, counted
from backlit.kernels.types import Array

MOST_ROWS = 2_000
"""So many rows are drawn at the most, evenly chosen."""

MOST_OUTPUTS = 6
"""So many outputs of a model that has several are drawn, the first ones."""

CHOICE_ROWS, MOST_CANDIDATES = 200, 100
"""The two inputs that matter most are found on so many rows at the most, and among so many inputs."""

LARGEST = 1e250
"""Numbers of a column that is drawn are no larger, so that there is room beside them."""

ROOM = 0.25
"""Free space beside the outermost rows, as a part of the distance between them."""


def boundary(
    model: Any, data: Any = None, Y: Any = None, *, columns: Sequence[str | int] | None = None, points: int = 101,
    kind: Kind | None = None, inputs: Sequence[str] | None = None, outputs: Sequence[str] | None = None,
    classes: Sequence[str] | None = None, units: Sequence[str] | None = None,
) -> Boundary:  # fmt: skip
    """Predict a grid over the plane of two inputs, and the rows on it.

    `backlit.boundary` draws the record, and describes the arguments.

    >>> from backlit.engine import Network
    >>> from backlit.ops.layers.dense import Dense
    >>> network = Network([Dense(1, "sigmoid", weights=[[1.0], [1.0]], biases=[-1.5])], inputs=2)
    >>> found = boundary(network, [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1], points=3)
    >>> found.outputs[0].classes, found.outputs[0].right, found.x
    (('0', '1'), 4, (-0.25, 0.5, 1.25))
    """
    if kind not in {None, "classes", "numbers"}:
        raise BacklitError(f"kind is {kind!r}; expected 'classes' or 'numbers', or None to choose by the targets.")
    subject = subject_of(model, data, Y, kind, Names(inputs, outputs, classes, units))
    return Plane(subject, columns, points).boundary()


class Plane:
    """The plane of two inputs of a subject: its points and its rows, ready to be predicted whenever weights change.

    Attributes:
        places: the two inputs, by their places from 0. chosen: how they were chosen, "" where they were given.
        x, y: the points of the grid along each side. rows: the places of the rows that are drawn, of `of_rows`.

    Errors: a BacklitError where the subject has no such plane, and for `points` beside 2 to 400.
    """

    def __init__(
        self, subject: Subject, columns: Sequence[str | int] | None = None, points: int = 101,
        most_rows: int = MOST_ROWS,
    ) -> None:  # fmt: skip
        if isinstance(points, bool) or not isinstance(points, (int, np.integer)) or not 2 <= points <= 400:
            raise BacklitError(
                f"points is {points!r}; expected a whole number from 2 to 400, of each side of the grid."
            )
        if not subject.rows:
            raise BacklitError("the data has no rows; expected at least one, which says where the plane lies.")
        self.subject = subject
        self.places, self.chosen = _axes(subject, columns)
        inputs, outputs = subject.inputs, subject.outputs
        across, down = (inputs.values(place) for place in self.places)
        known = np.flatnonzero(np.isfinite(across) & np.isfinite(down))
        names = tuple(inputs.names[place] for place in self.places)
        if not known.size:
            raise BacklitError(f"no row has values of both {quoted(names[0])} and {quoted(names[1])}: nothing to draw.")
        self.rows, self.of_rows = _evenly(known, most_rows), len(known)
        self.x, self.y = (
            _side(name, values[known], int(points)) for name, values in zip(names, (across, down), strict=True)
        )
        self.row_x, self.row_y = across[self.rows], down[self.rows]
        X, Y = np.meshgrid(self.x, self.y)
        self._grid = outputs.prepared(inputs.plane(self.places, X.ravel(), Y.ravel()))
        self._own = outputs.prepared(inputs.own(self.rows))
        whole = len(inputs.names) == 2
        self._drawn = None if whole else outputs.prepared(inputs.plane(self.places, self.row_x, self.row_y))
        self._targets = subject.targets(self.rows)
        others = [place for place in range(len(inputs.names)) if place not in self.places]
        self._held = tuple((inputs.names[place], inputs.held(place)) for place in others)

    def boundary(self) -> Boundary:
        """Predict the grid and the rows with the subject's weights as they are now.

        Errors: a BacklitError where predictions are not finite.
        """
        subject, inputs = self.subject, self.subject.inputs
        return Boundary(
            model=subject.model, x_name=inputs.names[self.places[0]], y_name=inputs.names[self.places[1]],
            x=tuple(self.x.tolist()), y=tuple(self.y.tolist()), outputs=self._outputs(),
            of_outputs=len(subject.outputs.kinds), rows=tuple((self.rows + 1).tolist()),
            row_x=tuple(self.row_x.tolist()), row_y=tuple(self.row_y.tolist()), of_rows=self.of_rows,
            unplaced=subject.rows - self.of_rows, units=subject.lines(self.places), chosen=self.chosen,
            held=self._held,
        )  # fmt: skip

    def _outputs(self) -> tuple[BoundaryOutput, ...]:
        """Predict the grid, and the rows as they are and as the plane has them."""
        subject = self.subject
        grids = _finite(subject, self._grid, "points of the plane")
        own = _finite(subject, self._own, "rows")
        drawn = own if self._drawn is None else _finite(subject, self._drawn, "places of rows")
        found = []
        for k, kind in enumerate(subject.outputs.kinds[:MOST_OUTPUTS]):
            scores = grids[k].T.reshape(-1, len(self.y), len(self.x))  # (grids, y, x)
            wanted = np.full(len(self.rows), np.nan) if self._targets is None else self._targets[k]
            found.append(BoundaryOutput(
                name=kind.name, classes=kind.classes, level=kind.level, probabilities=kind.probabilities,
                scores=tuple(tuple(map(tuple, grid)) for grid in scores.tolist()),
                targets=tuple(value if np.isfinite(value) else None for value in wanted.tolist()),
                predicted=tuple(kind.predicted(own[k]).tolist()), drawn=tuple(kind.predicted(drawn[k]).tolist()),
            ))  # fmt: skip
        return tuple(found)


def _finite(subject: Subject, prepared: Any, what: str) -> list[Array]:
    """Give the scores of prepared rows. Errors: a BacklitError where some are not finite."""
    scores = subject.outputs.scores_of(prepared)
    bad = sum(int((~np.isfinite(one)).any(axis=1).sum()) for one in scores[:MOST_OUTPUTS])
    if bad:
        raise BacklitError(
            f"the predictions for {bad:,} {what} are not finite numbers: the weights or the inputs are too large. "
            "Scale the inputs, or train at a smaller rate."
        )
    return scores


# ------------------------------------------------------------------------------------------------------- the two inputs


def _axes(subject: Subject, columns: Sequence[str | int] | None) -> tuple[tuple[int, int], str]:
    """Give the places of the two inputs, and how they were chosen, "" where they were given."""
    inputs = subject.inputs
    if columns is not None:
        return _given(inputs, columns), ""
    able = [place for place in range(len(inputs.names)) if not inputs.refusal(place)]
    if len(able) < 2:
        which = f": {quoted(inputs.names[able[0]])}" if able else ""
        raise BacklitError(
            "a boundary lies in the plane of two inputs that are numbers; the model has "
            f"{counted(len(able), 'such input')}{which}."
        )  # fmt: skip
    if len(able) == 2:
        return (able[0], able[1]), ""
    if len(able) > MOST_CANDIDATES:
        raise BacklitError(
            f"the model has {len(able):,} inputs; say which two are drawn, such as columns={_example(inputs, able)!r}: "
            f"of up to {MOST_CANDIDATES} inputs, the two that change the predictions most are chosen."
        )
    return _strongest(subject, able)


def _example(inputs: Inputs, able: Sequence[int]) -> tuple[str, str]:
    return inputs.names[able[0]], inputs.names[able[1]]


def _strongest(subject: Subject, able: Sequence[int]) -> tuple[tuple[int, int], str]:
    """Choose the two inputs whose holding changes the predictions most, in the mean over some rows."""
    rows = _evenly(np.arange(subject.rows), CHOICE_ROWS)
    before = subject.outputs.scores(subject.inputs.own(rows))
    spreads = [float(scores.std()) or 1.0 for scores in before]
    changes = []
    for place in able:
        after = subject.outputs.scores(subject.inputs.own(rows, place))
        pairs = zip(after, before, spreads, strict=True)
        changes.append(sum(float(np.abs(new - old).mean()) / spread for new, old, spread in pairs))
    varied = [bool(np.ptp(_known(subject.inputs.values(place)))) for place in able]
    order = sorted(range(len(able)), key=lambda k: (not varied[k], -changes[k], k))
    first, second = sorted(able[k] for k in order[:2])
    how = (f"of {len(able)} inputs, these two change the predictions most where they are held at their median, in "
           f"{counted(len(rows), 'row')}")  # fmt: skip
    return (first, second), how


def _known(values: Array) -> Array:
    known = values[np.isfinite(values)]
    return known if known.size else np.zeros(1)


def _given(inputs: Inputs, columns: Sequence[str | int]) -> tuple[int, int]:
    """Give the places of two inputs that are named, or numbered from 0."""
    if isinstance(columns, str) or not np.iterable(columns) or len(given := list(columns)) != 2:
        raise BacklitError(f"columns is {columns!r}; expected two inputs, such as {inputs.names[:2]!r} or (0, 1).")
    first, second = (_place(inputs, one) for one in given)
    if first == second:
        raise BacklitError(f"columns names {quoted(inputs.names[first])} twice; expected two different inputs.")
    return first, second


def _place(inputs: Inputs, given: str | int) -> int:
    names = inputs.names
    if isinstance(given, str) and given in names:
        place = names.index(given)
    elif isinstance(given, (int, np.integer)) and not isinstance(given, bool) and 0 <= given < len(names):
        place = int(given)
    else:
        if not isinstance(given, str):
            raise BacklitError(f"columns: the model has no input {given!r}; expected names, or places from 0 to "
                               f"{len(names) - 1}.")  # fmt: skip
        why = f"; {inputs.others[given]}" if given in inputs.others else ""
        near = "" if why else did_you_mean(given, names)
        raise BacklitError(f"columns: the model has no input {quoted(given)}{why}.{near} It has {listed(names)}.")
    if why := inputs.refusal(place):
        able = [name for k, name in enumerate(names) if not inputs.refusal(k)]
        raise BacklitError(
            f"columns: {quoted(names[place])} {why}, and an axis of the plane needs numbers. Of the model's inputs, "
            f"these are numbers: {listed(able) or 'none'}."
        )
    return place


# ---------------------------------------------------------------------------------------------------- rows and the grid


def _evenly(rows: Array, most: int) -> Array:
    """Give up to so many of the rows, evenly chosen."""
    chosen: Array = rows[np.linspace(0, len(rows) - 1, min(len(rows), most)).round().astype(np.int64)]
    return chosen


def _side(name: str, values: Array, points: int) -> Array:
    """Give the places of the grid along a side: somewhat farther than the values (n,) lie."""
    low, high = float(values.min()), float(values.max())
    largest = max(abs(low), abs(high))
    if largest > LARGEST:
        raise BacklitError(
            f"{quoted(name)} holds numbers as large as {largest:.3g}; expected at most {LARGEST:g}: divide them by a "
            "power of ten."
        )
    room = ROOM * (high - low) if high - low > 1e-9 * largest else 0.1 * largest or 0.5
    return np.linspace(low - room, high + room, points)
