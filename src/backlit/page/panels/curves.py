"""The curves: loss and metric over the epochs, of the training and the validation rows, with a baseline."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

from backlit.analysis.live.score import Baseline, LiveScore, baseline, live_score
from backlit.engine import Network, SteppedTraining
from backlit.page.design import Design, difference
from backlit.page.session import Panel, Part, Session
from backlit.page.view import Kept, View
from backlit.show.live.curves import Curves, Earlier, MetricPoint, curves_html, curves_numbers

MOST_CURVE = 200
"""Epochs of a curve: at 300 pixels more are not told apart."""

MOST_MEASURED, FINE = 400, 100
"""Of more measured moments every second one is dropped; moments are measured until they are as near as 1 / FINE."""

WHILE_PLAYING, WHILE_PAUSED = 0.006, 0.06
"""Seconds of a snapshot in which weights of earlier moments are measured."""

EARLIER = 2
"""So many runs of other settings stay to compare."""


class Measured(NamedTuple):
    """What was measured of a training: `network` is the one that its moments are drawn with, `scratch` a copy of it.

    A design may change while a moment of the one before is drawn; each has its own measurements.
    """

    network: Network
    scratch: Network
    baseline: Baseline | None
    points: dict[int, MetricPoint]

    def in_order(self) -> tuple[MetricPoint, ...]:
        """Give the points by their place."""
        return tuple(self.points[step] for step in sorted(self.points))


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
        self.measured: Measured | None = None

    def forget(self) -> None:
        """Begin anew; the curves so far stay where the settings have changed."""
        drawn, measured, design = self._drawn, self.measured, self.session.design
        if drawn is not None and measured is not None and drawn[0].history and drawn[1] != design:
            curve = drawn[0].history.curve(MOST_CURVE)
            self.earlier.append(Earlier(difference(drawn[1], design), curve, measured.in_order()))
            del self.earlier[:-EARLIER]
        self._drawn = self.measured = None

    def draw(self, view: View) -> Part:
        """Draw the curves."""
        measured = self.measured
        if measured is None or measured.network is not view.network:
            network = view.network
            measured = Measured(network, network.copy(), baseline(network, view.source.Y), {})
            self.measured = measured
        self._drawn = self.session.training, view.design
        self._measure(view, measured)
        replayed = None if view.replayed is None else view.step / view.batches
        curves = Curves(
            view.curve, measured.in_order(), view.score.metric, view.network.loss.name.replace("_", " "),
            measured.baseline, replayed, tuple(self.earlier), view.score.sampled,
        )  # fmt: skip
        return Part(curves_html(curves), numbers=curves_numbers(curves))

    def _measure(self, view: View, measured: Measured) -> None:
        """Measure the metric now, and of earlier moments where the gaps are large, as long as there is time."""
        began, points = time.perf_counter(), measured.points
        if view.replayed is None:
            for step in [step for step in points if step > view.step]:  # undone, since the epoch diverged
                del points[step]
            if not (view.keeps_best and view.stopped):  # the network has then the weights of another epoch
                points[view.step] = _point(view.step, view.batches, view.score)
        seconds = WHILE_PLAYING if view.playing else WHILE_PAUSED
        while gap := _gap(view.kept, points):
            if time.perf_counter() - began > seconds:
                if not view.playing:
                    self.session.change()  # the rest follows
                break
            points[gap.step] = _point(gap.step, view.batches, _score(measured.scratch, gap, view))
        if len(points) > MOST_MEASURED:
            last = max(points)
            for step in sorted(points)[1::2]:
                if step != last:
                    del points[step]


def _gap(kept: tuple[Kept, ...], points: Mapping[int, MetricPoint]) -> Kept | None:
    """Give the moment in the middle of the largest gap between those measured; None where all are near enough."""
    if kept[0].step not in points:
        return kept[0]
    inside: list[Kept] = []
    best: tuple[float, Kept] | None = None
    end = kept[-1]
    for moment in kept:
        if moment.step not in points:
            inside.append(moment)
        if inside and (moment.step in points or moment is end):
            span = inside[-1].step - inside[0].step + 1
            if best is None or span > best[0]:
                best = span, inside[len(inside) // 2]
            inside = []
    least = (end.step - kept[0].step) / FINE
    return best[1] if best and (best[0] > least or best[1] is end or len(kept) <= FINE) else None


def _score(scratch: Network, moment: Kept, view: View) -> LiveScore:
    scratch.parameters[:], scratch.state[:] = moment.parameters, moment.statistics
    return live_score(scratch, (view.source.X, view.source.Y), view.source.validation)


def _point(step: int, batches: int, score: LiveScore) -> MetricPoint:
    return MetricPoint(step / batches, score.value, score.validation_value)
