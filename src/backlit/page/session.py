"""The session: what one person trains and looks at, and what every part of the page is. All tabs show the same one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import msgspec

from backlit.engine import Network, SteppedTraining
from backlit.errors import BacklitError, collecting
from backlit.page import commands
from backlit.page.design import Design
from backlit.page.kept import KeptWeights
from backlit.page.recorded import Recorder
from backlit.page.sources import Source
from backlit.page.view import View


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


class Session:
    """What one person trains and looks at.

    `lock` guards all of it; the trainer's thread holds it for at most some 50 ms at a time. `drawing` guards the
    network that views are drawn with: one is drawn at a time.

    Attributes:
        source, design: what is trained, and how. training: the training of the design. kept: weights on the way.
        panels: the parts of the page by name. version: counts the changes. playing: whether the trainer trains.
        recorder: records the training's next step, for all panels that work it out.
        replayed: the epoch that is looked at, None for the last one. told: what went wrong last.
        listeners: called after each change, from whichever thread made it.
    """

    def __init__(self, source: Source, panels: Sequence[type[Panel]]) -> None:
        self.kinds = panels
        self.lock, self.drawing = threading.RLock(), threading.Lock()
        self.waiting = 0
        self.recorder = Recorder(self.turn)
        self.version = 0
        self.listeners: list[Callable[[], None]] = []
        self.wake = threading.Condition(self.lock)
        self.playing, self.closed = False, False
        self.panels: dict[str, Panel] = {}
        self.take(source)

    # ------------------------------------------------------------------------------------------- source and design

    def take(self, source: Source, design: Design | None = None) -> None:
        """Train on a source from now on."""
        with self.lock:
            self.source = source
            before = self.panels
            self.panels = {
                kind.name: before[kind.name] if kind.lasting and kind.name in before else kind(self)
                for kind in self.kinds
            }
            self.build(design or source.design)

    def build(self, design: Design) -> None:
        """Make the network of a design, at its first weights, and its training; nothing changes where it does not fit.

        Errors: a BacklitError that says what does not fit.
        """
        with self.lock:
            network = self.source.network(design)
            rules = {"keep_best": False, **design.setup().rules_alone(), "validation": self.source.validation}
            told: list[str] = []
            with collecting(told):
                training = SteppedTraining(network, self.source.X, self.source.Y, **rules)
            self.design, self.training, self.playing = design, training, False
            self.shown: Network = network.copy()
            self.kept = KeptWeights(network)
            self.replayed: int | None = None
            self.stopped, self.told = "", " ".join(told)
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

    # ------------------------------------------------------------------------------------------------------ views

    def keep(self) -> None:
        """Keep the weights as they are now."""
        training = self.training
        self.kept.add(len(training.history), training.step, training.network.parameters, training.network.state)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the lock, for another thread than the trainer's, which lets those that wait go first."""
        self.waiting += 1  # a miscount by a race costs the trainer a millisecond, or the one who waits a slice
        try:
            with self.lock:
                yield
        finally:
            self.waiting -= 1

    @contextmanager
    def view(self) -> Iterator[View]:
        """Give the moment as it is now; until the end of the block nobody else draws."""
        with self.drawing:
            with self.turn():
                training, network = self.training, self.shown
                replayed = None if self.replayed is None else self.kept.at(self.replayed)
                values = replayed or self.kept.of(training)
                batches = -(-len(training.X) // training.batch_size)
                network.parameters[:], network.state[:] = values.parameters, values.statistics
                view = View(
                    self.version, self.source, self.design, network, epoch=values.epoch, step=values.step,
                    batch=training.step % batches, batches=batches, history=training.history.copy(),
                    playing=self.playing, stopped=self.stopped, told=self.told,
                    replayed=None if replayed is None else replayed.epoch, kept=self.kept.all(),
                )  # fmt: skip
            yield view

    def draw(self, names: tuple[str, ...]) -> tuple[int, dict[str, Part]]:
        """Draw panels by name, and give the version that they show."""
        with self.view() as view:
            return view.version, {name: _styled(self.panels[name].draw(view)) for name in names if name in self.panels}


def _styled(part: Part) -> Part:
    """Give a part in the page's way: a picture that is saved alone needs a style of its own, which the page refuses."""
    html = part.html.replace(' style="paint-order:stroke"', ' paint-order="stroke"')
    return msgspec.structs.replace(part, html=html)
