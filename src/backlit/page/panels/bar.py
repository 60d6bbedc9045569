"""The bar: play, pause, one epoch, one batch, one row, reset, the speed; how far it is and how good; going back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from backlit.errors import BacklitError
from backlit.page.commands import command
from backlit.page.endings import as_controls, limit_of
from backlit.page.facts import whole
from backlit.page.session import Panel, Part
from backlit.page.speeds import SPEEDS, first_speed
from backlit.page.view import View
from backlit.show.live.bar import Ending, Moment, RunState, bar_html, bar_layout, bar_numbers


class BarPanel(Panel):
    """What runs the training."""

    name: ClassVar[str] = "bar"
    NAMES: ClassVar[tuple[str, ...]] = ("speed",)

    def draw(self, view: View) -> Part:
        """Draw the buttons and the state; from one moment to the next the numbers alone change."""
        state = self._state(view)
        return Part(bar_html(state), bar_layout(state), bar_numbers(state))

    def _state(self, view: View) -> RunState:
        session, moments = self.session, view.kept
        at = next((k for k, kept in enumerate(moments) if kept.step == view.step), len(moments) - 1)
        last = moments[-1]
        return RunState(
            now=Moment(view.epoch, view.batch, view.step), epochs=view.epochs, batches=view.batches,
            ended_epochs=view.ended, score=view.score, playing=view.playing, speed=session.speed,
            speeds=SPEEDS, pace=session.pace, place=at, moments=len(moments), replayed=view.replayed is not None,
            last=Moment(last.epoch, max(0, last.step - last.epoch * view.batches), last.step), ending=_ending(view),
            steps="step" in session.panels,
        )  # fmt: skip

    def facts(self) -> Mapping[str, str]:
        """Give the speed, where it is not that at which such a training begins."""
        speed = self.session.speed
        if speed == self._usual():
            return {}
        return {"speed": "full" if math.isinf(speed) else f"{speed:g}"}

    def recall(self, facts: Mapping[str, str]) -> None:
        """Take the speed again."""
        speed = facts.get("speed")
        if speed is None:
            self.session.speed = self._usual()
        else:
            self.pace(0 if speed == "full" else whole(facts, "speed", 0))

    def _usual(self) -> float:
        session = self.session
        return first_speed(session.training.settings.epochs * session.batches)

    # --------------------------------------------------------------------------------------------------- commands

    @command
    def play(self) -> None:
        """Train until it is paused, or ends."""
        self.session.play()

    @command
    def pause(self) -> None:
        """Stop training; it can go on."""
        self.session.pause()

    @command
    def advance(self, epochs: int = 0, updates: int = 0) -> None:
        """Train so many epochs, or so many updates; of both, until the first of them is done."""
        if epochs < 0 or updates < 0 or not epochs + updates:
            raise BacklitError(f"epochs are {epochs} and updates {updates}; expected one of them to be at least 1.")
        self.session.advance_at_once(updates or None, epochs or None)

    @command
    def pace(self, speed: int) -> None:
        """Play at so many updates a second; 0 is full speed."""
        if speed not in {0, *SPEEDS}:
            raise BacklitError(f"the speed is {speed}; expected {', '.join(map(str, SPEEDS))}, or 0 for full speed.")
        self.session.speed = speed or math.inf

    @command
    def go_on(self) -> None:
        """Lift the limit that ended the training, and play."""
        self.session.lift()
        self.session.play()

    @command
    def reset(self) -> None:
        """Rewind to the very same first weights."""
        self.session.reset()

    @command
    def replay(self, place: int, of: int) -> None:
        """Look at an earlier moment, the place among so many that a browser knows of, from 0 on; it pauses."""
        if not 0 <= place < of:
            raise BacklitError(f"the moment is number {place + 1} of {of}; expected one from 1 to {of}.")
        session = self.session
        session.pause()
        moments = session.kept.all()
        at = round(place * (len(moments) - 1) / max(1, of - 1))  # some may have been added or dropped meanwhile
        session.replayed = None if at == len(moments) - 1 else moments[at].step

    @command
    def at(self, epoch: int) -> None:
        """Look at the last moment kept of at most so many epochs; it pauses."""
        session = self.session
        session.pause()
        moments = session.kept.all()
        found = next((kept for kept in reversed(moments) if kept.epoch <= epoch), moments[0])
        session.replayed = None if found is moments[-1] else found.step

    @command
    def now(self) -> None:
        """Look at the last moment again."""
        self.session.replayed = None


def _ending(view: View) -> Ending:
    """Say how the training ended, and what can be done."""
    best = view.curve.best if view.stopped and view.keeps_best else None
    at = 0
    if view.divergence is not None:
        at = (view.divergence.epoch - 1) * view.batches + view.divergence.batch
    return Ending(view.stopped, as_controls(view.told), limit_of(view.stopped), at, best or 0)
