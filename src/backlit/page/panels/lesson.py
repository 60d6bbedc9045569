"""The lesson: a classic example or a trouble of training, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import msgspec

from backlit.engine import TrainingSettings
from backlit.errors import BacklitError, counted
from backlit.page.commands import command
from backlit.page.design import Design
from backlit.page.facts import facts_of, recall, whole
from backlit.page.lesson_files import LessonStep, State, lesson_named, lessons
from backlit.page.op_fields import YES_NO, label_of
from backlit.page.own_numbers import names_with_numbers
from backlit.page.panels.address import VIEWS, AddressPanel
from backlit.page.session import Panel, Part, Session
from backlit.page.settings_text import settings_of
from backlit.page.view import View
from backlit.show.live.lesson import StepWords, lesson_html, lesson_list_html

CHOICES = {
    "weight": "choose the weight {}", "unit": "look at the unit {}", "edges": "show {} on the edges",
    "step.stage": "go on to stage {}", "step.alone": "choose row {}", "predictions.rows": "look at the {} rows",
    "predictions.chosen": "choose {} in the table", "check.numbers": "write your numbers behind the names",
}  # fmt: skip
"""What a step may ask to choose, in words; what else it chooses is shown by its button alone."""

FIRST_WEIGHTS = "press Begin this step, for the first weights that the numbers here belong to"
"""What is to be done where the layers are those of the step, and no control gives the weights."""

LEFT_AS_IT_IS = ("source", "build", "bar", "lesson", "address")
"""Panels with what no step of a lesson chooses anew: the speed, the lesson itself."""

SHORT = 24
"""A setting's value that is longer is not written out."""


class LessonPanel(Panel):
    """What a lesson says and asks for; without one, the list of lessons.

    Attributes:
        place: the lesson's name, or nothing, and the place of the step, from 0 on: one value, as drawing holds no lock.
        shown: counts the times that a view is asked for, so that a browser opens it once. view: which one that is.
    """

    name: ClassVar[str] = "lesson"
    lasting: ClassVar[bool] = True
    NAMES: ClassVar[tuple[str, ...]] = ("lesson", "lesson.step")

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.place: tuple[str, int] = ("", 0)
        self.shown, self.view = 0, ""

    @property
    def step(self) -> LessonStep:
        """The step of the lesson at hand.

        Errors: a BacklitError where no lesson has begun.
        """
        lesson, at = self._of_a_lesson()
        return lessons()[lesson].steps[at]

    def facts(self) -> Mapping[str, str]:
        """Give the lesson and its step, from 1 on."""
        lesson, at = self.place
        return {"lesson": lesson, "lesson.step": str(at + 1)} if lesson else {}

    def recall(self, facts: Mapping[str, str]) -> None:
        """Go to a step of a lesson, or to none; what is trained is not changed."""
        lesson = facts.get("lesson", "")
        if lesson:
            self._check(lesson, whole(facts, "lesson.step", 1))
        self.place = lesson, whole(facts, "lesson.step", 1) - 1 if lesson else 0

    def draw(self, view: View) -> Part:
        """Draw the step, or the list."""
        numbers = {"view": self.view, "shown": self.shown}
        name, at = self.place
        if not name:
            found = [(name, one.title, one.about) for name, one in lessons().items()]
            return Part(lesson_list_html(found), numbers=numbers)
        lesson = lessons()[name]
        step = lesson.steps[at]
        words = StepWords(
            lesson.title, at + 1, len(lesson.steps), step.title, step.say, step.do, step.notice, self._way(view),
            self.left(view, lesson.example, step.state), _ahead(view, step.state.epochs), step.state.epochs,
        )  # fmt: skip
        return Part(lesson_html(words), numbers=numbers)

    # ------------------------------------------------------------------------------------------------- what is left

    def _way(self, view: View) -> str:
        """Say that it trains on the way to a state, or nothing."""
        session = self.session
        if not (session.hurried and view.playing and session.until is not None):
            return ""
        goal = f"epoch {session.until:,}" if session.until else f"update {session.beyond:,}"
        return f"It trains to {goal} at full speed …"

    def left(self, view: View, example: str, state: State) -> list[str] | None:
        """Say what is left to do until a state, by what is there; None where other data than the lesson's are there."""
        source = view.source
        if source.given != state.given(example) or source.changes:
            other = state.rows and source.given[:1] == (example,) and not source.changes
            return [f"choose the run {state.rows}", f"train to epoch {state.epochs:,}"] if other else None
        left = []
        settings = settings_of(_told(state.design(source)), _told(view.design))
        for name, text in settings.items():
            if name == "network.initial":
                left += [] if "layers" in settings else [FIRST_WEIGHTS]
                continue
            where = label_of(name.split(".")[-1])
            short = 0 < len(text) <= SHORT and not text.startswith(("[", "{"))
            words = dict(YES_NO).get(text, text.replace(":", " "))
            left.append(f"set {where} to {words}" if short else f"change {where}")
        session = self.session
        if session.training.step < state.epochs * view.batches + state.updates and not view.stopped:
            more = f"train {counted(state.updates, 'update')}"
            left.append(f"train to epoch {state.epochs:,}" if state.epochs else more)
        address = session.panels.get("address")
        if isinstance(address, AddressPanel) and address.shown != state.view != VIEWS[0][0]:
            left.append(f"open the view {dict(VIEWS)[state.view]}")
        facts = facts_of(session)
        left += [CHOICES[name].format(text) for name, text in state.chosen.items()
                 if name in CHOICES and not _chosen(name, facts.get(name, ""), text)]  # fmt: skip
        return left

    # --------------------------------------------------------------------------------------------------- commands

    @command
    def begin(self, name: str, step: int = 1) -> None:
        """Begin a lesson: its example is taken, at its first weights; a later step begins where the one before ends."""
        self._check(name, step)
        self.place = name, step - 1
        self._take(lessons()[name].start(step - 1), chosen=False)

    @command
    def leave(self) -> None:
        """Leave the lesson; what is trained stays."""
        self.place = "", 0

    @command
    def go(self, step: int) -> None:
        """Go to a step, by its number from 1, and leave everything else as it is."""
        self._check(self._of_a_lesson()[0], step)
        self.place = self.place[0], step - 1

    @command
    def again(self) -> None:
        """Give the state that the step begins in."""
        lesson, at = self._of_a_lesson()
        self._take(lessons()[lesson].start(at), chosen=False)

    @command
    def play(self) -> None:
        """Train to the epoch that the step is about, at the speed that is chosen."""
        epochs, session = self.step.state.epochs, self.session
        if not epochs:
            raise BacklitError("this step trains nothing; do what it says.")
        if len(session.training.history) >= epochs:
            raise BacklitError(
                f"it is trained to epoch {len(session.training.history):,}; expected one before {epochs:,}. "
                "Reset goes back to the first weights."
            )
        session.play(epochs)

    @command
    def show(self) -> None:
        """Give the state in which the step has been done, made anew from the first weights."""
        self._take(self.step.state, chosen=True)

    def _of_a_lesson(self) -> tuple[str, int]:
        if not self.place[0]:
            raise BacklitError("no lesson has begun.")
        return self.place

    def _check(self, lesson: str, step: int) -> None:
        steps = len(lesson_named(lesson).steps)
        if not 1 <= step <= steps:
            raise BacklitError(f"the step is {step}; expected a number from 1 to {steps}.")

    def _take(self, state: State, *, chosen: bool) -> None:
        """Make a state from the first weights on: its training is played at full speed, which takes a while."""
        session, example = self.session, lessons()[self.place[0]].example
        source = session.source
        if source.given != state.given(example) or source.changes:
            source = state.source(example)
        design = state.design(source)
        if source is session.source:
            session.build(design)
        else:
            session.take(source, design)
        panels = [panel for name, panel in session.panels.items() if name not in LEFT_AS_IT_IS]
        refused = recall(panels, state.chosen if chosen else {})
        if refused:
            raise BacklitError(" ".join(refused))
        self.view = state.view
        self.shown += 1
        address = session.panels.get("address")
        if isinstance(address, AddressPanel):
            address.show(state.view)
        if state.epochs or state.updates:
            session.play(state.epochs, state.updates, hurried=True)


def _ahead(view: View, epochs: int) -> str:
    """Say that the training has gone further than what is to be noticed."""
    if not epochs or view.ended <= epochs or view.playing or view.replayed == epochs:
        return ""
    return f"The numbers are those of epoch {epochs:,}; the slider goes back to it."


def _told(design: Design) -> Design:
    """Give a design without settings of the training that are the usual ones, and without the epochs."""
    usual = {field.name: field.default for field in msgspec.structs.fields(TrainingSettings)}
    told = {name: value for name, value in design.training.items() if name != "epochs" and value != usual.get(name)}
    return Design(design.network, told)


def _chosen(name: str, now: str, wanted: str) -> bool:
    """Whether what a step chooses is chosen; a stage behind it is, too, and so are other numbers of the same names."""
    if name == "step.stage":
        return int(now or 1) >= int(wanted)
    if name == "check.numbers":
        return names_with_numbers(wanted) <= names_with_numbers(now)
    return now == wanted
