"""Lessons: classic examples and troubles of training as steps on the page, read from `page/lessons/*.toml`."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import msgspec

from backlit.errors import BacklitError
from backlit.examples import example_file, read_network_file
from backlit.page.design import Design
from backlit.page.settings_text import restored
from backlit.page.sources import Source, design_of, source_of

FOLDER = Path(__file__).parent / "lessons"


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The state that a step ends with, made from the first weights on, so that it is the same each time.

    `run` is the run of the example whose design it has, and `rows` that whose rows are trained on, the first by
    default; `settings` are changed in the design, by the names that `--set` takes. It is trained for `epochs` and then
    `updates`. The `view` is open, and `chosen` is what is looked at there, by the names that the address has.
    """

    run: str = ""
    rows: str = ""
    settings: dict[str, str] = {}
    epochs: int = 0
    updates: int = 0
    view: str = "network"
    chosen: dict[str, str] = {}

    def given(self, example: str) -> tuple[str, ...]:
        """Give the words of the command line for the rows."""
        return (example, "--run", self.rows) if self.rows else (example,)

    def source(self, example: str) -> Source:
        """Give the rows, of an example or a bundled data set."""
        return source_of(example, run=self.rows or None)

    def design(self, source: Source) -> Design:
        """Give the design that the state has, on the rows of the lesson."""
        base = source.design
        if self.run:
            base = design_of(read_network_file(example_file(source.given[0])).setup(self.run))
        return restored(base, self.settings)


class LessonStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A step: a sentence, a thing to do, what to notice, and the state in which it has been done.

    `do` has the words of the page's controls between `backticks`. `start` is the state that the step begins in; by
    default that in which the step before has been done, and of the first step the example at its first weights.
    `expect` has bounds that hold in the state that is done: what `notice` says is tested by them.
    """

    title: str
    say: str
    do: str
    notice: str
    state: State
    start: State | None = None
    expect: dict[str, Any] = {}


class Lesson(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A lesson on one of the classic examples, or a bundled data set."""

    title: str
    about: str
    example: str
    steps: tuple[LessonStep, ...]
    place: int = 0

    def start(self, at: int) -> State:
        """Give the state that a step begins in, by its place from 0 on."""
        own = self.steps[at].start
        return own or (self.steps[at - 1].state if at else State())


def lesson_named(name: str) -> Lesson:
    """Give a lesson.

    Errors: a BacklitError where there is none of that name.
    """
    if name not in lessons():
        raise BacklitError(f"there is no lesson {name!r}; there are {', '.join(lessons())}.")
    return lessons()[name]


@functools.cache
def lessons() -> dict[str, Lesson]:
    """Give all lessons by name, in the order in which they are listed."""
    found = {path.stem: msgspec.toml.decode(path.read_bytes(), type=Lesson) for path in FOLDER.glob("*.toml")}
    return dict(sorted(found.items(), key=lambda item: (item[1].place, item[0])))
