"""The address: all that is chosen on the page, for the address's fragment, and as a command that opens the same."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import ClassVar

from backlit.errors import BacklitError
from backlit.page.commands import command
from backlit.page.facts import facts_of, owners, recall
from backlit.page.panels.build import BuildPanel
from backlit.page.panels.source import SourcePanel
from backlit.page.session import Panel, Part, Session
from backlit.page.source import Source
from backlit.page.view import View
from backlit.show.live.address import address_html

VIEWS = (
    ("network", "Network"), ("step", "One row"), ("check", "Check"), ("data", "Data"), ("descent", "Descent"),
    ("health", "Health"),
)  # fmt: skip
"""The views of the page, one at a time, with their names. The first one is shown at first."""

OF_VIEWS = {
    "network": ("network", "unit", "weight"), "step": ("step",), "check": ("check", "checked"),
    "data": ("predictions", "columns"), "descent": ("descent",), "health": ("findings", "health"),
}  # fmt: skip
"""The panels of each view; all others are always there."""

TRAINED = re.compile(r"(\d{1,12})(?:\+(\d{1,12}))?", re.ASCII)

NOT_STRAIGHT = "It does not hold how far it was trained: the training went on by other settings than it began with."

KEPT = 5
"""A training of so many epochs is not given up for an address without asking."""

OF_THE_SOURCE = ("data", "data.target")
OF_THE_LESSON = ("lesson", "lesson.step")


class AddressPanel(Panel):
    """What the address holds. Its own are the view, and up to where it was trained.

    Attributes:
        shown: the view that was opened last, in whichever tab. waiting: what an address holds that would undo a
            training, until a person says what to do with it.
    """

    name: ClassVar[str] = "address"
    lasting: ClassVar[bool] = True
    NAMES: ClassVar[tuple[str, ...]] = ("view", "trained")

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.shown = VIEWS[0][0]
        self.waiting: dict[str, str] | None = None

    def forget(self) -> None:
        """Forget what waited: another training is there."""
        self.waiting = None

    def draw(self, view: View) -> Part:
        """Draw the command; the numbers are what the address holds."""
        facts = facts_of(self.session)
        lost = view.source.beyond_the_command
        if not self.session.straight:
            lost = f"{lost} {NOT_STRAIGHT}".strip()
        undone = max(1, view.ended) if self.waiting is not None else 0
        return Part(address_html(command_of(view.source, self.session.options, facts), lost, undone), numbers=facts)

    def facts(self) -> Mapping[str, str]:
        """Give the view and, where it is paused, the epochs and updates that were trained."""
        session = self.session
        found = {} if self.shown == VIEWS[0][0] else {"view": self.shown}
        if session.playing or not session.straight:
            return found
        epochs = len(session.training.history)
        beyond = max(0, session.training.step - epochs * session.batches)
        if session.divergence is not None:  # of that epoch the updates are undone
            epochs, beyond = session.divergence.epoch, 0
        trained = f"{epochs}+{beyond}" if beyond else f"{epochs}"
        return found if trained == "0" else found | {"trained": trained}

    def recall(self, facts: Mapping[str, str]) -> None:
        """Open the view; train up to where facts say, where it has not come so far: nothing is undone."""
        self.show(facts.get("view", VIEWS[0][0]))
        if "trained" not in facts:
            return
        found, session = TRAINED.fullmatch(facts["trained"]), self.session
        if found is None:
            raise BacklitError(
                f"trained is {facts['trained']!r}; expected epochs, such as 200, or epochs and updates, such as 200+3."
            )
        epochs, beyond = int(found[1]), int(found[2] or 0)
        most, goal = session.training.settings.epochs, epochs * session.batches + beyond
        if goal > most * session.batches:
            raise BacklitError(f"trained is {facts['trained']}; expected at most the {most:,} epochs of the training.")
        if goal > session.training.step and not session.stopped:
            session.play(epochs, beyond, hurried=True)

    # --------------------------------------------------------------------------------------------------- commands

    @command
    def show(self, view: str) -> None:
        """Say which view is open, so that the page opens with it.

        Errors: a BacklitError for another name.
        """
        names = [name for name, _ in VIEWS]
        if view not in names:
            raise BacklitError(f"there is no view {view!r}; expected one of {', '.join(names)}.")
        self.shown = view

    @command
    def restore(self, settings: dict[str, str]) -> None:
        """Make the state that an address holds: what is trained on, its settings, what is looked at, how far it is.

        Where the settings are those that are there already, the training goes on as it is. Where others would undo a
        training of some epochs, they wait until `build` or `keep`.

        Errors: a BacklitError with all that does not fit. Data and settings are refused whole; of the rest, what fits
        is chosen.
        """
        self.waiting = None
        if len(self.session.training.history) >= KEPT and self._undoes(settings):
            self.waiting = settings
        else:
            self._make(settings)

    @command
    def build(self) -> None:
        """Make the state of the address that waits; the training that is there is lost.

        Errors: a BacklitError where none waits, and as `restore`.
        """
        settings, self.waiting = self.waiting, None
        if settings is None:
            raise BacklitError("no address waits to be built; put one behind the page's address.")
        self._make(settings)

    @command
    def keep(self) -> None:
        """Keep the training that is there, and forget the address that waits."""
        self.waiting = None

    def _undoes(self, settings: Mapping[str, str]) -> bool:
        """Whether another network would be built; what does not fit builds none, which its panel says."""
        panels = self.session.panels
        source, build, known = panels.get("source"), panels["build"], owners(panels.values())
        if isinstance(source, SourcePanel) and source.takes(settings):
            return True
        try:
            return isinstance(build, BuildPanel) and build.builds(_of_no_panel(settings, known))
        except BacklitError:
            return False

    def _make(self, settings: Mapping[str, str]) -> None:
        panels = self.session.panels
        known = owners(panels.values())
        if "source" in panels:
            panels["source"].recall({name: settings[name] for name in OF_THE_SOURCE if name in settings})
        panels = self.session.panels  # those of the source
        panels["build"].recall(_of_no_panel(settings, known))
        refused = recall([panel for name, panel in panels.items() if name not in {"source", "build"}], settings)
        if refused:
            raise BacklitError(" ".join(refused))


def _of_no_panel(settings: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in settings.items() if name not in known}


def command_of(source: Source, options: Sequence[str], facts: Mapping[str, str]) -> str:
    """Write the command that opens a page in this state, with options that the program was started with."""
    words = ["backlit", "page", *source.words, *options]
    if "lesson" in facts:
        words += ["--lesson", facts["lesson"], "--step", facts.get("lesson.step", "1")]
    for name, text in facts.items():
        if name not in {*OF_THE_SOURCE, *OF_THE_LESSON}:
            words += ["--set", f"{name}={text}"]
    return shlex.join(words)
