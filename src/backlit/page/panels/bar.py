"""The bar: play, pause, one epoch, one batch, reset; how far it is and how good."""

from __future__ import annotations

import math
from typing import ClassVar

from backlit.page.commands import command
from backlit.page.session import Panel, Part
from backlit.page.view import View
from backlit.show.live.bar import bar_html


class BarPanel(Panel):
    """What runs the training."""

    name: ClassVar[str] = "bar"

    def draw(self, view: View) -> Part:
        """Draw the buttons and the state."""
        losses = view.curve.loss
        return Part(
            bar_html(view.epoch, view.step, losses[-1] if losses else None, view.playing, view.stopped, view.told)
        )

    @command
    def play(self) -> None:
        """Train until it is paused, or ends."""
        self.session.playing, self.session.replayed = True, None

    @command
    def pause(self) -> None:
        """Stop training; it can go on."""
        self.session.playing = False

    @command
    def advance(self, epochs: int = 0, updates: int = 0) -> None:
        """Train so many epochs or updates."""
        session = self.session
        session.playing, session.replayed = False, None
        done = session.training.advance(updates=updates or None, epochs=epochs or None, seconds=math.inf)
        session.stopped = done.stopped or ""
        session.keep()

    @command
    def reset(self) -> None:
        """Rewind to the very same first weights."""
        self.session.reset()
