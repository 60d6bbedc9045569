"""The lesson: a classic example or a trouble of training, step by step."""

from __future__ import annotations

from typing import ClassVar

from backlit.errors import BacklitError
from backlit.page.commands import command
from backlit.page.lesson_files import LessonStep, lessons
from backlit.page.session import Panel, Part, Session
from backlit.page.sources import source_of
from backlit.page.view import View
from backlit.show.live.lesson import lesson_html, lesson_list_html


class LessonPanel(Panel):
    """What a lesson says and asks for; without one, the list of lessons."""

    name: ClassVar[str] = "lesson"
    lasting: ClassVar[bool] = True

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.lesson, self.at = "", 0
        self.shown = 0
        """Counts the times that a view is asked for, so that a browser shows it once."""

    @property
    def step(self) -> LessonStep:
        """The step of the lesson at hand."""
        return lessons()[self.lesson].steps[self.at]

    def draw(self, view: View) -> Part:
        """Draw the step, or the list."""
        if not self.lesson:
            return Part(lesson_list_html([(name, one.title, one.about) for name, one in lessons().items()]))
        lesson, step = lessons()[self.lesson], self.step
        html = lesson_html(
            lesson.title, self.at + 1, len(lesson.steps), step.title, step.say, step.do, step.notice,
        )  # fmt: skip
        return Part(html, numbers={"view": step.state.view, "shown": self.shown})

    @command
    def begin(self, name: str) -> None:
        """Begin a lesson: its example is taken, at its first weights."""
        if name not in lessons():
            raise BacklitError(f"there is no lesson {name!r}; there are {', '.join(lessons())}.")
        self.lesson, self.at = name, 0
        self._start()

    @command
    def leave(self) -> None:
        """Leave the lesson; what is trained stays."""
        self.lesson, self.at = "", 0

    @command
    def go(self, step: int) -> None:
        """Go to a step, by its number from 1, and leave everything else as it is."""
        steps = len(lessons()[self.lesson].steps) if self.lesson else 0
        if not 1 <= step <= steps:
            raise BacklitError(f"the step is {step}; expected a number from 1 to {steps}.")
        self.at = step - 1
        self.shown += 1

    @command
    def show(self) -> None:
        """Give the state in which the step has been done, made anew from the first weights."""
        if not self.lesson:
            raise BacklitError("no lesson has begun.")
        session, state = self.session, self.step.state
        self._start()
        if state.epochs:
            session.play(state.epochs)
            while session.playing:
                session.train(1.0)
        if state.updates:
            session.advance_at_once(updates=state.updates)
        for name, given in state.choose:
            session.do(name, given)

    def _start(self) -> None:
        """Take the example, by the design of the step's state, at its first weights."""
        session, example = self.session, lessons()[self.lesson].example
        design = self.step.state.design(example)
        if session.source.given == (example,) and not session.source.changes:
            session.build(design)
        else:
            session.take(source_of(example), design)
        self.shown += 1
