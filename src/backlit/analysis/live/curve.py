"""What a network predicts over its one input that is a number, the others held still, and the rows beside it."""

from __future__ import annotations

import msgspec
import numpy as np

from backlit.analysis.boundary.outputs import OutputKind
from backlit.analysis.boundary.subject import Subject
from backlit.errors import BacklitError
from backlit.kernels.types import Array

POINTS, MOST_ROWS, MOST_OUTPUTS = 201, 300, 4
"""Points of the curve; so many rows are drawn, evenly chosen, and so many outputs, the first ones."""

ROOM = 0.1
"""Free space beside the outermost rows, as a part of the distance between them."""


class CurveOutput(msgspec.Struct, frozen=True):
    """One thing that is predicted: its `scores` (grids, points), and for each row its target and what is predicted.

    `scores` and `kind` are what a boundary's output has: of numbers and of two classes there is one grid.
    """

    kind: OutputKind
    scores: tuple[tuple[float, ...], ...]
    targets: tuple[float, ...]
    predicted: tuple[float, ...]


class InputCurve(msgspec.Struct, frozen=True, kw_only=True):
    """Predictions over the input `name` at `x`; `row_x` are the places of `rows` of `of_rows`, numbered from 1."""

    name: str
    x: tuple[float, ...]
    outputs: tuple[CurveOutput, ...]
    rows: tuple[int, ...]
    row_x: tuple[float, ...]
    of_rows: int
    held: tuple[tuple[str, str], ...] = ()


class OneInput:
    """The one input of a subject that is a number: its points and its rows, ready to be predicted again and again.

    Errors: a BacklitError where no row has a value of it.
    """

    def __init__(self, subject: Subject, place: int) -> None:
        inputs, outputs = subject.inputs, subject.outputs
        values = inputs.values(place)
        known = np.flatnonzero(np.isfinite(values))
        if not known.size:
            raise BacklitError(f"no row has a value of {inputs.names[place]!r}: nothing to draw.")
        self.subject, self.place = subject, place
        self.rows: Array = known[np.linspace(0, len(known) - 1, min(len(known), MOST_ROWS)).round().astype(np.int64)]
        self.row_x, self.of_rows = values[self.rows], subject.rows
        low, high = float(values[known].min()), float(values[known].max())
        room = ROOM * (high - low) if high > low else 0.1 * abs(high) or 0.5
        self.x = np.linspace(low - room, high + room, POINTS)
        self._points = outputs.prepared(inputs.plane((place, place), self.x, self.x))
        self._own = outputs.prepared(inputs.own(self.rows))
        self._targets = subject.targets(self.rows)

    def curve(self) -> InputCurve:
        """Predict the points and the rows with the subject's weights as they are now.

        Errors: a BacklitError where predictions are not finite.
        """
        outputs, inputs = self.subject.outputs, self.subject.inputs
        scores, own = outputs.scores_of(self._points), outputs.scores_of(self._own)
        if not all(np.isfinite(one).all() for one in (*scores, *own)):
            raise BacklitError("the predictions are not finite numbers: the weights or the inputs are too large.")
        found = []
        for k, kind in enumerate(outputs.kinds[:MOST_OUTPUTS]):
            targets = np.full(len(self.rows), np.nan) if self._targets is None else self._targets[k]
            grids = tuple(map(tuple, scores[k].T.tolist()))
            found.append(CurveOutput(kind, grids, tuple(targets.tolist()), tuple(kind.predicted(own[k]).tolist())))
        others = [place for place in range(len(inputs.names)) if place != self.place]
        return InputCurve(
            name=inputs.names[self.place], x=tuple(self.x.tolist()), outputs=tuple(found),
            rows=tuple((self.rows + 1).tolist()), row_x=tuple(self.row_x.tolist()), of_rows=self.of_rows,
            held=tuple((inputs.names[place], inputs.held(place)) for place in others),
        )  # fmt: skip
