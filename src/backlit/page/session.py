"""The session: what one person trains and looks at, and what every part of the page is. All tabs show the same one."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from html import escape
from typing import Any, ClassVar

import msgspec

from backlit.analysis.live.growing_curve import GrowingCurve
from backlit.engine import Divergence, Network, SteppedTraining, all_done
from backlit.errors import BacklitError, collecting
from backlit.page import commands
from backlit.page.design import Design
from backlit.page.endings import limit_of, words_of
from backlit.page.going_on import go_on
from backlit.page.kept import KeptWeights
from backlit.page.limits import refuse_too_large, refuse_too_many
from backlit.page.recorded import Recorder
from backlit.page.source import Source
from backlit.page.speeds import first_speed
from backlit.page.turns import Turns
from backlit.page.view import Kept, View


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """A panel as it is drawn: `html` whole.

    Where most of it stays the same from one moment to the next, `layout` names what stays, and `numbers` are what
    changes: a browser that has the layout is sent these alone, and the panel's own module writes them in.
    """

    html: str
    layout: str = ""
    numbers: Any = None


class Panel:
    """A part of the page.

    A panel is made anew for each source, unless it is lasting. Its attributes are what a person chose there (a unit, a
    row, two columns); all tabs share them. `draw` runs in a thread of its own, without the session's lock, and only
    where a browser shows the panel; commands run with the lock held, but for slow ones.
    """

    name: ClassVar[str]
    lasting: ClassVar[bool] = False
    """Whether the panel stays as it is where another source is taken."""
    touches: ClassVar[tuple[str, ...]] = ()
    """The panels that its commands change at once, which are answered without the others; all where none is named."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def draw(self, view: View) -> Part:
        """Draw the panel for a moment of the training."""
        raise NotImplementedError

    def forget(self) -> None:
        """Forget what was chosen that another network does not have: called after the design has changed."""

    def raster(self, kind: str, view: View) -> bytes | None:
        """Give a picture's numbers as bytes, fetched apart; None where there is none of that kind."""
        return None

    def saved(self, kind: str) -> tuple[str, str, bytes] | None:
        """Give a file to save: its name, its media type and its bytes; None where there is none of that kind."""
        return None

    NAMES: ClassVar[tuple[str, ...]] = ()
    """The names of what is chosen here, as the address, the copied command and lessons have them."""

    def facts(self) -> Mapping[str, str]:
        """Give what is chosen here, as texts by `NAMES`; nothing where it is what it is at first."""
        return {}

    def recall(self, facts: Mapping[str, str]) -> None:
        """Choose what `facts` gave, of the names of this panel; what is not given is as at first.

        Errors: a BacklitError, in the words of the panel's commands, for what does not fit.
        """


ON_THE_WAY = 200
"""Weights are kept at so many places of all updates at least, however fast these are."""

AT_ONCE = 0.1
"""Seconds that a command trains itself; what is left then is played."""


class Session:
    """What one person trains and looks at.

    `lock` guards all of it; the trainer's thread holds it for at most some 50 ms at a time. `drawing` guards the
    network that views are drawn with: one is drawn at a time.

    Attributes:
        source, design: what is trained, and how. training: the training of the design. kept: weights on the way.
        panels: the parts of the page by name. version: counts the changes. playing: whether the trainer trains.
        until: the epoch after which it pauses, and `beyond` updates later;
            None for none. hurried: whether it trains at full speed until then. speed: the updates a second, infinite
            at full speed. pace: how many it makes as measured, 0 where that is not known yet.
        recorder: records the training's next step, for all panels that work it out.
        replayed: the moment that is looked at, by its number of updates, None for the last one.
        saved: the names of files that were saved, in their order.
        stopped: why the training ended, else "". divergence: where it diverged, or None. told: what it warned of last.
        straight: whether a training from the first weights by the design as it is comes to the weights of now.
        listeners: called after each change, from whichever thread made it.
    """

    training: SteppedTraining
    options: tuple[str, ...] = ()
    """Of the command line, those that every source needs, such as the files of own ops."""

    def __init__(self, source: Source, panels: Sequence[type[Panel]]) -> None:
        self.kinds = panels
        self.lock, self.drawing = threading.RLock(), threading.Lock()
        self.turns = Turns()
        self.recorder = Recorder(self.turn)
        self.version = 0
        self.listeners: list[Callable[[], None]] = []
        self.wake = threading.Condition(self.lock)
        self.playing, self.closed = False, False
        self.speed, self.pace = math.inf, 0.0
        self.panels: dict[str, Panel] = {}
        self.saved: list[str] = []
        self.take(source)

    # ------------------------------------------------------------------------------------------- source and design

    def take(self, source: Source, design: Design | None = None) -> None:
        """Train on a source from now on; nothing changes where it does not fit.

        Errors: a BacklitError that says what does not fit.
        """
        with self.turn():
            before = getattr(self, "source", source), self.panels
            self.source = source
            self.panels = {
                kind.name: self.panels[kind.name] if kind.lasting and kind.name in self.panels else kind(self)
                for kind in self.kinds
            }
            try:
                self.build(design or source.design)
            except BaseException:
                self.source, self.panels = before
                raise
            self.speed = first_speed(self.training.settings.epochs * self.batches)

    def build(self, design: Design, *, going_on: bool = False) -> None:
        """Make the network of a design, at its first weights, and its training; nothing changes where it does not fit.

        With `going_on` it goes on from the weights of now, where the layers are the same.

        Errors: a BacklitError that says what does not fit.
        """
        with self.lock:
            refuse_too_large(design, len(self.source.X))
            network = self.source.network(design)
            source = self.source.for_network(network)
            rules = {"keep_best": False, **design.setup().rules_alone(), "validation": source.validation}
            told: list[str] = []
            with collecting(told):
                training = SteppedTraining(network, source.X, source.Y, sample_weight=source.sample_weight, **rules)
            whole = going_on and go_on(self.training, training)
            if hasattr(self, "training"):
                self.training.close()
            self.source, self.design, self.training, self.playing = source, design, training, False
            self.growing = GrowingCurve(training.history)
            self.shown: Network = network.copy()
            if not whole:
                self.kept = KeptWeights(network)
            self.replayed: int | None = None
            self.until: int | None = None
            self.beyond, self.hurried = 0, False
            done, epochs = len(training.history), training.settings.epochs
            self.stopped = all_done(epochs) if done >= epochs > 0 else ""
            self.told, self.pace = " ".join(told), 0.0
            self.divergence: Divergence | None = None
            self.asked, self.straight = training.settings.epochs, not going_on
            for panel in self.panels.values():
                panel.forget()
            self.keep()
            self.change()

    def reset(self) -> None:
        """Rewind to the very same first weights."""
        self.build(self.design)

    # --------------------------------------------------------------------------------------------------- commands

    def change(self) -> None:
        """Say that something has changed."""
        with self.lock:
            self.version += 1
            self.wake.notify_all()
        for listener in tuple(self.listeners):
            listener()

    def do(self, name: str, given: Mapping[str, Any]) -> None:
        """Carry out a command: "panel.name" with its arguments.

        Errors: a BacklitError for one that is not known or does not fit.
        """
        panel, _, method = name.partition(".")
        if panel not in self.panels:
            raise BacklitError(f"the page has no panel {panel!r}.")
        with nullcontext() if commands.is_slow(self.panels[panel], method) else self.turn():
            commands.call(self.panels[panel], method, given)  # others are there where a source was taken meanwhile
            self.change()

    # --------------------------------------------------------------------------------------------------- training

    def check_left(self) -> None:
        """Check that there are epochs to train."""
        if len(self.training.history) >= self.training.settings.epochs:
            epochs = self.training.settings.epochs
            done = f"all {epochs:,} epochs are done" if epochs > 1 else "the epoch is done"
            raise BacklitError(f"{done}: go on for more of them, reset, or set other epochs.")

    def play(self, until: int | None = None, beyond: int = 0, *, hurried: bool = False) -> None:
        """Let the trainer train from the last moment on, to the end, or to an epoch and some updates beyond it.

        `hurried` trains at full speed until then, whatever speed is chosen.

        Errors: a BacklitError where all epochs are done.
        """
        self.check_left()
        self.playing, self.until, self.replayed, self.pace = True, until, None, 0.0
        self.beyond, self.hurried = beyond, hurried

    def pause(self) -> None:
        """Stop training; what is looked at is the state at which it stopped."""
        self.playing, self.hurried = False, False
        self.keep()

    def advance(self, updates: int | None = None, epochs: int | None = None, seconds: float = math.inf) -> None:
        """Train, with the lock held, and keep why the training ended, if it did; no error leaves this.

        An error, too, ends the training: the page says which.
        """
        told: list[str] = []
        if self.divergence is not None:  # it goes on from the weights before: what was told is over
            self.divergence, self.told = None, ""
        stopped = ""
        try:
            with collecting(told):
                done = self.training.advance(updates, epochs, seconds)
            stopped, self.divergence = done.stopped or "", done.divergence
        except Exception as error:  # noqa: BLE001  (the person who looks at the page is to know of any)
            self.end(error)
            return
        self.stopped = stopped
        if told:
            self.told = " ".join(told)
        if stopped:
            self.playing = False

    def end(self, error: Exception) -> None:
        """End the training by an error, which the page shows."""
        self.playing, self.stopped = False, words_of(error)
        self.change()

    def lift(self) -> None:
        """Lift the limit that ended the training, so that it goes on: as many epochs more, or no target and the like.

        Errors: a BacklitError where it did not end by a limit.
        """
        limit = limit_of(self.stopped)
        if not limit:
            raise BacklitError("the training did not end by a limit that can be lifted; reset it, or change a setting.")
        settings = {name: value for name, value in self.design.training.items() if name != limit}
        if limit == "epochs":
            epochs = max(self.training.settings.epochs, len(self.training.history)) + self.asked
            refuse_too_many(epochs)
            self.straight &= self.training.settings.schedule.name == "constant"  # others spread over all epochs
            settings["epochs"] = self.training.epochs = epochs
        else:
            setattr(self.training, limit, None)
        self.design, self.stopped = Design(self.design.network, settings), ""

    def advance_at_once(self, updates: int | None = None, epochs: int | None = None) -> None:
        """Train so many updates, or epochs, from the last moment on; play what is left of those that take long.

        Errors: a BacklitError where all epochs are done.
        """
        self.check_left()
        self.playing, self.replayed = False, None
        training, batches = self.training, self.batches
        goal = training.step + updates if updates else (len(training.history) + (epochs or 1)) * batches
        self.advance(updates, epochs, AT_ONCE)
        if not self.stopped and training.step < goal:
            self.play(goal // batches, goal % batches, hurried=True)
        else:
            self.keep()

    def train(self, seconds: float, updates: float = math.inf) -> str:
        """Train for so long, so many updates or until a command waits, keeping weights on the way.

        Give why the training ended, or "".
        """
        training, end = self.training, time.perf_counter() + seconds
        goal = math.inf if self.until is None else self.until * self.batches + self.beyond
        last = min(training.step + updates, max(goal, training.step + 1))
        while True:
            left = max(0.0, end - time.perf_counter())
            self.advance(*self._share(last - training.step), left)
            if training.step >= goal:
                self.playing, self.until = False, None
            self.hurried &= self.playing
            self.keep(now=not self.playing)
            ended = self.stopped or not self.playing or training.step >= last
            if ended or left <= 0.1 * seconds or self.turns.waiting or self.closed:
                return self.stopped

    def _share(self, left: float) -> tuple[int | None, int]:
        """Give the updates and the epochs of the next part of a training, of so many updates that are left."""
        settings, batches = self.training.settings, self.batches
        epochs = int(min(max(1, settings.epochs // ON_THE_WAY), left / batches))
        if epochs and settings.epochs >= ON_THE_WAY:
            return None, epochs
        return int(max(1, min(settings.epochs * batches // ON_THE_WAY, left))), 1

    @property
    def batches(self) -> int:
        """The updates of an epoch; an optimizer with a line search takes all rows as one batch."""
        return -(-len(self.training.X) // self.training.batch_size)

    def keep(self, *, now: bool = True) -> None:
        """Keep the weights as they are now; without `now`, only where the last ones that were kept are far enough."""
        training = self.training
        values = training.network.parameters, training.network.state
        if training.keep_best and training.stopped:
            last = training.state  # the network has the best weights, not the last ones
            values = last.parameters, last.statistics
        self.kept.add(len(training.history), training.step, *values, now=now)

    # ------------------------------------------------------------------------------------------------------ views

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the lock, for another thread than the trainer's, which lets those that wait go first."""
        with self.turns:
            self.lock.acquire()
        try:
            yield
        finally:
            self.lock.release()

    @contextmanager
    def view(self) -> Iterator[View]:
        """Give the moment as it is now; until the end of the block nobody else draws."""
        with self.drawing:
            with self.turn():
                view = self.moment(self.shown)
            yield view

    def moment(self, network: Network) -> View:
        """Give the moment as it is now, with the lock held, written into a network of the design."""
        training, batches = self.training, self.batches
        replayed = None if self.replayed is None else self.kept.at(self.replayed)
        of = training.network
        values = replayed or Kept(len(training.history), training.step, of.parameters, of.state)
        network.parameters[:], network.state[:] = values.parameters, values.statistics
        return View(
            self.version, self.source, self.design, training, network, epoch=values.epoch, step=values.step,
            batch=max(0, values.step - values.epoch * batches), batches=batches,
            epochs=training.settings.epochs, ended=len(training.history), growing=self.growing,
            playing=self.playing, stopped=self.stopped, told=self.told, divergence=self.divergence,
            keeps_best=training.keep_best,
            replayed=None if replayed is None else replayed.epoch, kept=self.kept.all(),
        )  # fmt: skip

    def draw(self, names: tuple[str, ...]) -> tuple[int, dict[str, Part]]:
        """Draw panels by name, and give the version that they show."""
        while True:
            with self.view() as view:
                panels = {name: panel for name, panel in self.panels.items() if name in names}
                parts = {name: self._part_of(panel, view) for name, panel in panels.items()}
                if self.training is view.training:  # else another design was built meanwhile
                    return view.version, parts

    def _part_of(self, panel: Panel, view: View) -> Part:
        """Draw a panel; an error of the program takes its place, and no other panel's."""
        try:
            return panel.draw(view)
        except Exception as error:  # one panel's error is not to take the page
            if self.training is view.training:
                logging.getLogger(__name__).exception("the panel %r cannot be drawn", panel.name)
            return Part(f'<p class="error" role="alert">This part cannot be drawn: {escape(words_of(error))}</p>')
