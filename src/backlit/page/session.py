"""The session: what one person trains and looks at, and what every part of the page is. All tabs show the same one."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import msgspec

from backlit.analysis.live.growing_curve import GrowingCurve
from backlit.engine import Divergence, Network, SteppedTraining, all_done
from backlit.errors import BacklitError, collecting
from backlit.page import commands
from backlit.page.design import Design
from backlit.page.kept import KeptWeights
from backlit.page.recorded import Recorder
from backlit.page.settings_text import refuse_too_many
from backlit.page.sources import Source
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
    where a browser shows the panel; commands run with the lock held.
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

    def facts(self) -> Mapping[str, Any]:
        """Give what is chosen here, for the address's fragment."""
        return {}


SPEEDS = (1, 3, 10, 30, 100, 1_000)
"""The updates a second that one may choose, beside full speed."""

SLOWEST, LONGEST = 10, 90.0
"""At first a training plays at the slowest of SPEEDS, from SLOWEST on, at which all of it lasts at most LONGEST s."""

ON_THE_WAY = 200
"""Weights are kept at so many places of all updates at least, however fast these are."""

AT_ONCE = 0.1
"""Seconds that a command trains itself; what is left then is played."""


class Turns:
    """Who waits for the session's lock, so that the trainer lets them go first."""

    def __init__(self) -> None:
        self.waiting = 0
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        with self._changed:
            self.waiting += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self.waiting -= 1
            self._changed.notify_all()

    def let_go(self) -> None:
        """Wait until nobody waits for the lock."""
        with self._changed:
            self._changed.wait_for(lambda: self.waiting == 0)


class Session:
    """What one person trains and looks at.

    `lock` guards all of it; the trainer's thread holds it for at most some 50 ms at a time. `drawing` guards the
    network that views are drawn with: one is drawn at a time.

    Attributes:
        source, design: what is trained, and how. training: the training of the design. kept: weights on the way.
        panels: the parts of the page by name. version: counts the changes. playing: whether the trainer trains.
        until: the epoch after which it pauses; None for none. speed: the updates a second, infinite at full
            speed. pace: how many it makes as measured, 0 where that is not known yet.
        recorder: records the training's next step, for all panels that work it out.
        replayed: the moment that is looked at, by its number of updates, None for the last one.
        stopped: why the training ended, else "". divergence: where it diverged, or None. told: what it warned of last.
        listeners: called after each change, from whichever thread made it.
    """

    training: SteppedTraining

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
        self.take(source)

    # ------------------------------------------------------------------------------------------- source and design

    def take(self, source: Source, design: Design | None = None) -> None:
        """Train on a source from now on; nothing changes where it does not fit.

        Errors: a BacklitError that says what does not fit.
        """
        with self.lock:
            before = getattr(self, "source", source), self.panels
            self.source = source
            self.panels = {
                kind.name: self.panels[kind.name] if kind.lasting and kind.name in self.panels else kind(self)
                for kind in self.kinds
            }
            try:
                self.build(design or source.design)
            except BacklitError:
                self.source, self.panels = before
                raise
            self.speed = first_speed(self.training.settings.epochs * self.batches)

    def build(self, design: Design) -> None:
        """Make the network of a design, at its first weights, and its training; nothing changes where it does not fit.

        Errors: a BacklitError that says what does not fit.
        """
        with self.lock:
            network = self.source.network(design)
            rules = {"keep_best": False, **design.setup().rules_alone(), "validation": self.source.validation}
            told: list[str] = []
            with collecting(told):
                source = self.source
                training = SteppedTraining(network, source.X, source.Y, sample_weight=source.sample_weight, **rules)
            refuse_too_many(training.settings.epochs)
            if hasattr(self, "training"):
                self.training.close()
            self.design, self.training, self.playing = design, training, False
            self.growing = GrowingCurve(training.history)
            self.shown: Network = network.copy()
            self.kept = KeptWeights(network)
            self.replayed: int | None = None
            self.until: int | None = None
            self.stopped, self.told, self.pace = "", " ".join(told), 0.0
            self.divergence: Divergence | None = None
            self.asked = training.settings.epochs
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
        with self.turn():
            commands.call(self.panels[panel], method, given)
            self.change()

    # --------------------------------------------------------------------------------------------------- training

    def check_left(self) -> None:
        """Check that there are epochs to train."""
        if len(self.training.history) >= self.training.settings.epochs:
            done = all_done(self.training.settings.epochs)
            raise BacklitError(f"{done}: go on for more of them, reset, or set other epochs.")

    def play(self, until: int | None = None) -> None:
        """Let the trainer train from the last moment on, to an epoch or to the end.

        Errors: a BacklitError where all epochs are done.
        """
        self.check_left()
        self.playing, self.until, self.replayed, self.pace = True, until, None, 0.0

    def pause(self) -> None:
        """Stop training; what is looked at is the state at which it stopped."""
        self.playing = False
        self.keep()

    def advance(self, updates: int | None = None, epochs: int | None = None, seconds: float = math.inf) -> None:
        """Train, with the lock held, and keep why the training ended, if it did; no error leaves this.

        An error, too, ends the training: the page says which.
        """
        told: list[str] = []
        stopped, self.divergence = "", None
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
        program = "" if isinstance(error, BacklitError) else f"an error of the program: {type(error).__name__}: "
        self.playing, self.stopped = False, f"{program}{error}"
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
            refuse_too_many(self.training.settings.epochs + self.asked)
            settings["epochs"] = self.training.epochs = self.training.settings.epochs + self.asked
        else:
            setattr(self.training, limit, None)
        self.design, self.stopped = Design(self.design.network, settings), ""

    def advance_at_once(self, updates: int | None = None, epochs: int | None = None) -> None:
        """Train so many updates, or epochs, from the last moment on; play what is left of epochs that take long.

        Errors: a BacklitError where all epochs are done.
        """
        self.check_left()
        self.playing, self.replayed = False, None
        until = len(self.training.history) + (epochs or 0)
        self.advance(updates, epochs, math.inf if updates else AT_ONCE)
        if not self.stopped and len(self.training.history) < until:
            self.play(until)
        else:
            self.keep()

    def train(self, seconds: float, updates: float = math.inf) -> str:
        """Train for so long, so many updates or until a command waits, keeping weights on the way.

        Give why the training ended, or "".
        """
        training, end = self.training, time.perf_counter() + seconds
        last = training.step + updates
        while True:
            left = max(0.0, end - time.perf_counter())
            self.advance(*self._part(last - training.step), left)
            if self.until is not None and len(training.history) >= self.until:
                self.playing, self.until = False, None
            self.keep(now=not self.playing)
            if self.stopped or not self.playing or training.step >= last or left <= 0.1 * seconds or self.turns.waiting:
                return self.stopped

    def _part(self, left: float) -> tuple[int | None, int]:
        """Give the updates and the epochs of the next part of a training, of so many updates that are left."""
        settings, batches = self.training.settings, self.batches
        ahead = math.inf if self.until is None else max(1, self.until - len(self.training.history))
        epochs = int(min(max(1, settings.epochs // ON_THE_WAY), ahead))
        if epochs * batches <= left and settings.epochs >= ON_THE_WAY:
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
                training, network = self.training, self.shown
                replayed = None if self.replayed is None else self.kept.at(self.replayed)
                of = training.network
                values = replayed or Kept(len(training.history), training.step, of.parameters, of.state)
                batches = self.batches
                network.parameters[:], network.state[:] = values.parameters, values.statistics
                view = View(
                    self.version, self.source, self.design, network, epoch=values.epoch, step=values.step,
                    batch=max(0, values.step - values.epoch * batches), batches=batches,
                    epochs=training.settings.epochs, ended=len(training.history), growing=self.growing,
                    playing=self.playing, stopped=self.stopped, told=self.told, divergence=self.divergence,
                    keeps_best=training.keep_best,
                    replayed=None if replayed is None else replayed.epoch, kept=self.kept.all(),
                )  # fmt: skip
            yield view

    def draw(self, names: tuple[str, ...]) -> tuple[int, dict[str, Part]]:
        """Draw panels by name, and give the version that they show."""
        with self.view() as view:
            return view.version, {name: self.panels[name].draw(view) for name in names if name in self.panels}


LIMITS = {"all ": "epochs", "1 epoch done": "epochs", "error target": "target", "no better": "patience",
          "time limit": "time_limit"}  # fmt: skip
"""How the engine's words for an end begin, and the setting that it came from."""


def limit_of(stopped: str) -> str:
    """Name the setting by which a training ended; nothing where it goes on, or ended otherwise.

    >>> limit_of("all 20 epochs done"), limit_of("diverged in epoch 3, batch 1")
    ('epochs', '')
    """
    return next((setting for words, setting in LIMITS.items() if stopped.startswith(words)), "")


def first_speed(updates: int) -> float:
    """Give the speed at which a training of so many updates begins: slow enough to be seen, where it is short.

    Training of 1,000 updates begins at 30 a second, one of a million at full speed.
    """
    return next((speed for speed in SPEEDS if speed >= SLOWEST and updates <= LONGEST * speed), math.inf)
