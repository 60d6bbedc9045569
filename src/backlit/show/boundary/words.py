"""What a picture of a decision boundary says in words: its title, what is seen, a prediction in a cell of its table."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from backlit.analysis.boundary.records import Boundary, BoundaryOutput
from backlit.errors import counted
from backlit.show.charts.numbers import four_digits, minus, plain_digits
from backlit.show.names import short

TIES = 0.03
"""Points of the grid between two classes are spoken of from this share on: a line alone has fewer."""

ROUNDING = 1e-9
"""Scores of classes that differ by no more, all over the plane, are level but for rounding errors."""

MOST_HELD, MOST_WRONG = 4, 12
"""So many of the held inputs, and of the rows that are wrong, are named."""


WRONG = "; wrong, and marked: "
"""Behind it the rows that are wrong are named."""


class BoundaryWords:
    """The words for one output of a boundary."""

    def __init__(self, boundary: Boundary, output: BoundaryOutput) -> None:
        self.boundary, self.output = boundary, output
        self.tilt = self._tilt()

    @property
    def flat(self) -> bool:
        """Whether no class is ahead anywhere, but for rounding errors: there is no boundary to draw then."""
        return self.tilt <= ROUNDING

    def _tilt(self) -> float:
        """Give by how much a class is ahead of another, where it is the most; infinite of numbers."""
        scores = np.asarray(self.output.scores)
        if not self.output.classes:
            return math.inf
        if self.output.level is not None:
            return float(np.abs(scores[0] - self.output.level).max())
        return float(np.ptp(scores, axis=0).max())

    def title(self) -> str:
        """Name the picture."""
        name = self.output.name and short(self.output.name)
        if self.output.classes:
            what = "No decision boundary" if self.flat else "Decision boundary"
            return f"{what} of {name}" if name else what
        return f"Predicted {name}" if name else "Predictions"

    def summary(self, *, dashed: bool) -> str:
        """Say what is seen; `dashed` says that there are lines of hidden units."""
        said = [
            self._what(),
            self._flat() or self._ties() or self._nowhere(),
            self._rows(),
            self._drawn() if self.boundary.held and not self.flat else "",
        ]
        if self.boundary.unplaced:
            one = self.boundary.unplaced == 1
            said.append(
                f"{counted(self.boundary.unplaced, 'row')} without a value of both {'is' if one else 'are'} not drawn."
            )
        if dashed:
            said.append("A line with a hidden unit's name is where its net input is 0.")
        if self.boundary.chosen:
            said.append(f"{self.boundary.chosen[0].upper()}{self.boundary.chosen[1:]}.")
        return " ".join(filter(None, said))

    def brief(self) -> str:
        """Say what is seen, and for how many rows it is right."""
        return f"{self._what()} {self._flat() or self._rows().partition(WRONG)[0].rstrip('.') + '.'}"

    def cell(self, i: int, k: int) -> str:
        """Give the prediction at a place of the grid: the class and its score, or the number."""
        scores = [grid[i][k] for grid in self.output.scores]
        if not self.output.classes:
            return four_digits(scores[0])
        if self.flat:
            return minus(f"{scores[0]:.2f}")
        if self.output.level is not None:
            chosen, score = int(scores[0] > self.output.level), scores[0]
        else:
            chosen = int(np.argmax(scores))
            score = scores[chosen]
        return f"{short(self.output.classes[chosen])} ({minus(f'{score:.2f}')})"

    def root_mean_square(self) -> float:
        """Give the root of the mean squared difference of targets and predictions; 0 where no target is known."""
        pairs = zip(self.output.targets, self.output.predicted, strict=True)
        off = np.array([target - found for target, found in pairs if target is not None], np.float64)
        largest = float(np.abs(off).max(initial=0.0))
        return largest * float(np.sqrt(np.mean((off / largest) ** 2))) if largest else 0.0  # squares might overflow

    # ------------------------------------------------------------------------------------------------------ sentences

    def _what(self) -> str:
        boundary, what = self.boundary, "class" if self.output.classes else "number"
        plane = f"over {short(boundary.x_name)} and {short(boundary.y_name)}"
        held = [f"{short(name)} at {short(value)}" for name, value in boundary.held]
        others = f", with {_listed(held)}" if held else ""
        several = f", output {self._place()} of {boundary.of_outputs}" if boundary.of_outputs > 1 else ""
        return f"The predicted {what}{several} {plane}{others}."

    def _flat(self) -> str:
        """Say that there is no boundary, where there is none."""
        if not self.flat:
            return ""
        level = self.output.level
        alike = "All classes have the same score" if level is None else f"The output is {four_digits(level)}"
        within = f", to within {self.tilt:.1g}" if self.tilt else ""
        counts = "What counts as predicted is left to rounding errors."
        if not self.tilt:
            counts = f"That counts as {short(self.output.classes[0])}."
        return f"{alike} all over the plane{within}: no class is ahead, so there is no boundary. {counts}"

    def _ties(self) -> str:
        """Say how much is left uncoloured: where two classes are level, over more than a line."""
        output = self.output
        if output.level is None:
            return ""
        same = np.asarray(output.scores[0]) == output.level
        if same.mean() < TIES:
            return ""
        return (f"At {100 * same.mean():.0f} % of the plane's points the output is exactly "
                f"{four_digits(output.level)}, between the two classes; that counts as "
                f"{short(output.classes[0])}, and has no colour.")  # fmt: skip

    def _nowhere(self) -> str:
        """Name the rows' classes that have no region, of several classes."""
        output = self.output
        if output.level is not None or not output.classes:
            return ""
        found = {*np.asarray(output.scores).argmax(axis=0).ravel().tolist()}
        known = {int(target) for target in output.targets if target is not None}
        missing = [short(output.classes[k]) for k in sorted(known - found)]
        if not missing:
            return ""
        more = (
            f" and {counted(len(missing) - MOST_HELD, 'other class', 'other classes')}"
            if len(missing) > MOST_HELD
            else ""
        )
        return f"No point of the plane is predicted as {' or '.join(missing[:MOST_HELD])}{more}."

    def _place(self) -> int:
        return self.boundary.outputs.index(self.output) + 1

    def _rows(self) -> str:
        output, drawn = self.output, len(self.boundary.rows)
        rows = counted(drawn, "row")
        few = f"Of {self.boundary.of_rows:,} rows, {drawn:,} evenly chosen ones are drawn. "
        few = few if drawn < self.boundary.of_rows else ""
        if not output.known:
            return f"{few}The target of no row is known."
        of = rows if output.known == drawn else f"{counted(output.known, 'row')} with a known target"
        if not output.classes:
            usual = plain_digits(self.root_mean_square())
            return f"{few}Of {of}, predicted and true numbers differ by {usual}, as a root mean square."
        wrong = [row for row, target, found in zip(self.boundary.rows, output.targets, output.predicted, strict=True)
                 if target is not None and target != found]  # fmt: skip
        if not wrong:
            verb = "all are" if output.known > 1 else "it is"
            return f"{few}Of {of}, {verb} predicted right."
        if self.flat:
            return f"{few}Of {of}, {output.right:,} {'count' if output.right != 1 else 'counts'} as right."
        right = f"{output.right:,}" if output.right else "none"
        verb = "are" if output.right > 1 else "is"
        named = ", ".join(str(row) for row in wrong[:MOST_WRONG])
        more = f" and {len(wrong) - MOST_WRONG:,} more" if len(wrong) > MOST_WRONG else ""
        which = "row" if len(wrong) == 1 else "rows"
        return f"{few}Of {of}, {right} {verb} predicted right{WRONG}{which} {named}{more}."

    def _drawn(self) -> str:
        """Say how far the rows' own predictions are what the plane shows at their place."""
        output, rows = self.output, counted(len(self.boundary.rows), "row")
        own = "Each row is predicted with all of its own inputs"
        if output.classes:
            return f"{own}: {output.as_drawn:,} of {rows} as the class that the plane shows there."
        off = float(np.mean(np.abs(np.asarray(output.predicted) - np.asarray(output.drawn))))
        return f"{own}; that differs from what the plane shows there by {plain_digits(off)} in the mean."


def _listed(parts: Sequence[str]) -> str:
    more = len(parts) - MOST_HELD
    if more > 0:
        return ", ".join(parts[:MOST_HELD]) + f" and {counted(more, 'more input')} held"
    return ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1] + " held"
