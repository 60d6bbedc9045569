"""Lessons: classic examples and troubles of training as steps on the page, read from `page/lessons/*.toml`."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import msgspec

from backlit.examples import example_file, read_network_file
from backlit.page.design import Design
from backlit.page.sources import design_of

FOLDER = Path(__file__).parent / "lessons"


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The state that a step ends with, made from the first weights on, so that it is the same each time.

    `run` is a run of the example, its first by default; `network` and `training` have keys that replace those of its
    tables. After `epochs` and then `updates`, the `view` is shown and the commands of `choose` are given, each
    "panel.command" with its arguments.
    """

    run: str = ""
    network: dict[str, Any] = {}
    training: dict[str, Any] = {}
    epochs: int = 0
    updates: int = 0
    view: str = "network"
    choose: tuple[tuple[str, dict[str, Any]], ...] = ()

    def design(self, example: str) -> Design:
        """Give the design that the state has."""
        file = read_network_file(example_file(example))
        base = design_of(file.setup(self.run) if self.run else file.setups[0])
        return Design(base.network | self.network, base.training | self.training)


class LessonStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A step: a sentence, a thing to do, what to notice, and the state in which it has been done.

    `expect` has bounds that hold in that state: what `notice` says is tested by them.
    """

    title: str
    say: str
    do: str
    notice: str
    state: State
    expect: dict[str, Any] = {}


class Lesson(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A lesson on one of the classic examples."""

    title: str
    about: str
    example: str
    steps: tuple[LessonStep, ...]
    place: int = 0


@functools.cache
def lessons() -> dict[str, Lesson]:
    """Give all lessons by name, in the order in which they are listed."""
    found = {path.stem: msgspec.toml.decode(path.read_bytes(), type=Lesson) for path in FOLDER.glob("*.toml")}
    return dict(sorted(found.items(), key=lambda item: (item[1].place, item[0])))
