"""A lesson on the live page: the step at hand, or the list of lessons."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html import escape
from typing import NamedTuple


class StepWords(NamedTuple):
    """A step of a lesson.

    Attributes:
        lesson: its title. number: of the step, of `steps` in all. title, say, do, notice: what the step says.
        way: says that it trains on the way to a state, else "". left: what is left to do, None where other data are
            there. ahead: a remark where the training has gone further. epoch: up to which it is played, 0 for none.
    """

    lesson: str
    number: int
    steps: int
    title: str
    say: str
    do: str
    notice: str
    way: str
    left: Sequence[str] | None
    ahead: str
    epoch: int


def lesson_list_html(lessons: Sequence[tuple[str, str, str]]) -> str:
    """Give the list of lessons, folded: name, title and what each is about."""
    items = "".join(
        f"<li>{_button(f'lesson-{name}', 'begin', title, name=name)}<span>{escape(about)}</span></li>"
        for name, title, about in lessons
    )
    return (
        '<details id="lesson-list"><summary id="lesson-open">Lessons</summary>'
        f'<ol class="lessons">{items}</ol></details>'
    )


def lesson_html(step: StepWords) -> str:
    """Give a step: what is said, what to do, what to notice, what is left, and the ways on and back."""
    back = _button("lesson-back", "go", "Back", off=step.number == 1, step=step.number - 1)
    forward = _button("lesson-next", "go", "Next", main=True, step=step.number + 1) if step.number < step.steps else ""
    play = _button("lesson-play", "play", f"Play to epoch {step.epoch:,}") if step.epoch else ""
    ahead = f'<p class="quiet">{escape(step.ahead)}</p>' if step.ahead else ""
    return (
        f'<div class="step"><p class="where">{escape(step.lesson)} · step {step.number} of {step.steps}</p>'
        f"<h2>{escape(step.title)}</h2><p>{escape(step.say)}</p>"
        f"<dl><dt>Do</dt><dd>{controls_html(step.do)}</dd><dt>Notice</dt><dd>{escape(step.notice)}</dd></dl>"
        f'<p id="lesson-left" class="left" role="status">{_left(step)}</p>{ahead}</div>'
        f'<div class="ways">{play}{_button("lesson-again", "again", "Begin this step")}'
        f"{_button('lesson-show', 'show', 'Do it for me')}{back}{forward}"
        f"{_button('lesson-leave', 'leave', 'Leave the lesson')}</div><p data-errors></p>"
    )


def controls_html(text: str) -> str:
    """Write a text with the words of controls in bold.

    >>> controls_html("Press `Play` & wait.")
    'Press <b>Play</b> &amp; wait.'
    """
    return re.sub(r"`([^`]+)`", r"<b>\1</b>", escape(text))


def _left(step: StepWords) -> str:
    if step.way:
        return escape(step.way)
    if step.left is None:
        return "Other data are there: <b>Begin this step</b> takes those of the lesson."
    if not step.left:
        return "✓ Done."
    return escape(f"Still to do: {'; '.join(step.left)}.")


def _button(id_: str, do: str, words: str, *, off: bool = False, main: bool = False, **given: object) -> str:
    arguments = f" data-given='{escape(json.dumps(given), quote=True)}'" if given else ""
    state = (" disabled" if off else "") + (' class="main"' if main else "")
    return f'<button type="button" id="{escape(id_)}" data-do="lesson.{do}"{arguments}{state}>{escape(words)}</button>'
