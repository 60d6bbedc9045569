"""The curves: loss and metric over the epochs, of the training and the validation rows, with a baseline."""

from __future__ import annotations

import time
from typing import ClassVar

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


class CurvesPanel(Panel):
    """The curves of the training.

    The engine gives the loss of each epoch. A metric of each epoch would slow it, so the metric is measured when a
    snapshot is drawn: of its network, and of weights that were kept on the way.
    """

    name: ClassVar[str] = "curves"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.earlier: list[Earlier] = []
        self._drawn: tuple[SteppedTraining, Design] | None = None
        self._begin()

    def _begin(self) -> None:
        self.measured: dict[int, MetricPoint] = {}
        self._baseline: Baseline | None = None
        self._scratch: Network | None = None

    def forget(self) -> None:
        """Begin anew; the curves so far stay where the settings have changed."""
        drawn, design = self._drawn, self.session.design
        if drawn is not None and drawn[0].history and drawn[1] != design:
            curve = GrowingCurve(drawn[0].history).curve(len(drawn[0].history))
            self.earlier.append(Earlier(difference(drawn[1], design), curve, tuple(self._points())))
            del self.earlier[:-EARLIER]
        self._drawn = None
        self._begin()

    def draw(self, view: View) -> Part:
        """Draw the curves."""
        if self._scratch is None:
            self._scratch = view.network.copy()
            self._baseline = baseline(view.network, view.source.Y)
        self._drawn = self.session.training, view.design
        self._measure(view)
        replayed = None if view.replayed is None else view.step / view.batches
        curves = Curves(
            view.curve, tuple(self._points()), view.score.metric, view.network.loss.name.replace("_", " "),
            self._baseline, replayed, tuple(self.earlier), view.score.sampled,
        )  # fmt: skip
        return Part(curves_html(curves), numbers=curves_numbers(curves))

    def _points(self) -> list[MetricPoint]:
        return [self.measured[step] for step in sorted(self.measured)]

    def _measure(self, view: View) -> None:
        """Measure the metric now, and of earlier moments where the gaps are large, as long as there is time."""
        began = time.perf_counter()
        if view.replayed is None:
            for step in [step for step in self.measured if step > view.step]:  # undone, since the epoch diverged
                del self.measured[step]
            if not (view.keeps_best and view.stopped):  # the network has then the weights of another epoch
                self.measured[view.step] = _point(view.step, view.batches, view.score)
        seconds = WHILE_PLAYING if view.playing else WHILE_PAUSED
        while gap := self._gap(view.kept):
            if time.perf_counter() - began > seconds:
                if not view.playing:
                    self.session.change()  # the rest follows
                break
            self.measured[gap.step] = _point(gap.step, view.batches, self._score(gap, view))
        if len(self.measured) > MOST_MEASURED:
            last = max(self.measured)
            for step in sorted(self.measured)[1::2]:
                if step != last:
                    del self.measured[step]

    def _gap(self, kept: tuple[Kept, ...]) -> Kept | None:
        """Give the moment in the middle of the largest gap between those measured; None where all are near enough."""
        if kept[0].step not in self.measured:
            return kept[0]
        inside: list[Kept] = []
        best: tuple[float, Kept] | None = None
        end = kept[-1]
        for moment in kept:
            if moment.step not in self.measured:
                inside.append(moment)
            if inside and (moment.step in self.measured or moment is end):
                span = inside[-1].step - inside[0].step + 1
                if best is None or span > best[0]:
                    best = span, inside[len(inside) // 2]
                inside = []
        least = (end.step - kept[0].step) / FINE
        return best[1] if best and (best[0] > least or best[1] is end or len(kept) <= FINE) else None

    def _score(self, moment: Kept, view: View) -> LiveScore:
        assert self._scratch is not None
        self._scratch.parameters[:], self._scratch.state[:] = moment.parameters, moment.statistics
        return live_score(self._scratch, (view.source.X, view.source.Y), view.source.validation)


def _point(step: int, batches: int, score: LiveScore) -> MetricPoint:
    return MetricPoint(step / batches, score.value, score.validation_value)
