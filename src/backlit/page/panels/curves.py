"""The curves: loss and metric over the epochs, of the training and the validation rows, with a baseline."""

from __future__ import annotations

import time
from typing import ClassVar, NamedTuple

from backlit.analysis.live.growing_curve import GrowingCurve
from backlit.analysis.live.score import Baseline, LiveScore, baseline, live_score
from backlit.engine import Network, SteppedTraining
from backlit.page.design import Design, difference
from backlit.page.session import Panel, Part, Session
from backlit.page.view import Kept, View
from backlit.show.live.curves import Curves, Earlier, MetricPoint, curves_html, curves_numbers

MOST_MEASURED, FINE = 400, 100
"""Of more measured moments every second one is dropped; moments are measured until they are as near as 1 / FINE."""

WHILE_PLAYING, WHILE_PAUSED = 0.006, 0.06
"""Seconds of a snapshot in which weights of earlier moments are measured."""

EARLIER = 2
"""So many runs of other settings stay to compare."""


class Run(NamedTuple):
    """What is measured of one training, by the number of updates, with a network to measure earlier weights by."""

    training: SteppedTraining
    design: Design
    measured: dict[int, MetricPoint]
    scratch: Network
    baseline: Baseline | None

    def points(self) -> tuple[MetricPoint, ...]:
        """Give what was measured, in the order of the updates."""
        return tuple(self.measured[step] for step in sorted(self.measured))

    def score(self, moment: Kept, view: View) -> LiveScore:
        """Measure the weights of an earlier moment."""
        self.scratch.parameters[:], self.scratch.state[:] = moment.parameters, moment.statistics
        return live_score(self.scratch, (view.source.X, view.source.Y), view.source.validation)


class CurvesPanel(Panel):
    """The curves of the training.

    The engine gives the loss of each epoch. A metric of each epoch would slow it, so the metric is measured when a
    snapshot is drawn: of its network, and of weights that were kept on the way.
    """

    name: ClassVar[str] = "curves"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.earlier: list[Earlier] = []
        self._run: Run | None = None

    @property
    def measured(self) -> dict[int, MetricPoint]:
        """What was measured of the training, by the number of updates."""
        return self._run.measured if self._run is not None else {}

    def forget(self) -> None:
        """Begin anew; the curves so far stay where the settings have changed."""
        run, self._run = self._run, None
        design = self.session.design
        if run is not None and run.training.history and run.design != design:
            history = run.training.history
            curve = GrowingCurve(history).curve(len(history))
            self.earlier.append(Earlier(difference(run.design, design), curve, run.points()))
            del self.earlier[:-EARLIER]

    def draw(self, view: View) -> Part:
        """Draw the curves."""
        run = self._run
        if run is None or run.training is not view.training:
            run = Run(view.training, view.design, {}, view.network.copy(), baseline(view.network, view.source.Y))
            if self.session.training is view.training:
                self._run = run
        self._measure(view, run)
        replayed = None if view.replayed is None else view.step / view.batches
        curves = Curves(
            view.curve, run.points(), view.score.metric, view.network.loss.name.replace("_", " "),
            run.baseline, replayed, tuple(self.earlier), view.score.sampled,
        )  # fmt: skip
        return Part(curves_html(curves), numbers=curves_numbers(curves))

    def _measure(self, view: View, run: Run) -> None:
        """Measure the metric now, and of earlier moments where the gaps are large, as long as there is time."""
        measured = run.measured
        began = time.perf_counter()
        if view.replayed is None:
            for step in [step for step in measured if step > view.step]:  # undone, since the epoch diverged
                del measured[step]
            if not (view.keeps_best and view.stopped):  # the network has then the weights of another epoch
                measured[view.step] = _point(view.step, view.batches, view.score)
        seconds = WHILE_PLAYING if view.playing else WHILE_PAUSED
        while gap := _gap(view.kept, measured):
            if time.perf_counter() - began > seconds:
                if not view.playing:
                    self.session.change()  # the rest follows
                break
            measured[gap.step] = _point(gap.step, view.batches, run.score(gap, view))
        if len(measured) > MOST_MEASURED:
            last = max(measured)
            for step in sorted(measured)[1::2]:
                if step != last:
                    del measured[step]


def _gap(kept: tuple[Kept, ...], measured: dict[int, MetricPoint]) -> Kept | None:
    """Give the moment in the middle of the largest gap between those measured; None where all are near enough."""
    if kept[0].step not in measured:
        return kept[0]
    inside: list[Kept] = []
    best: tuple[float, Kept] | None = None
    end = kept[-1]
    for moment in kept:
        if moment.step not in measured:
            inside.append(moment)
        if inside and (moment.step in measured or moment is end):
            span = inside[-1].step - inside[0].step + 1
            if best is None or span > best[0]:
                best = span, inside[len(inside) // 2]
            inside = []
    least = (end.step - kept[0].step) / FINE
    return best[1] if best and (best[0] > least or best[1] is end or len(kept) <= FINE) else None


def _point(step: int, batches: int, score: LiveScore) -> MetricPoint:
    return MetricPoint(step / batches, score.value, score.validation_value)
