"""A lesson on the live page: the step at hand, or the list of lessons."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape


def lesson_list_html(lessons: Sequence[tuple[str, str, str]]) -> str:
    """Give the list of lessons, folded: name, title and what each is about."""
    items = "".join(
        f"<li>{_button(f'lesson-{name}', 'begin', title, name=name)}<span>{escape(about)}</span></li>"
        for name, title, about in lessons
    )
    return f'<details id="lesson-list"><summary>Lessons</summary><ol class="lessons">{items}</ol></details>'


def lesson_html(lesson: str, number: int, count: int, title: str, say: str, do: str, notice: str) -> str:
    """Give a step: what is said, what to do, what to notice, and the ways on and back."""
    back = _button("lesson-back", "go", "Back", off=number == 1, step=number - 1)
    forward = _button("lesson-next", "go", "Next", main=True, step=number + 1) if number < count else ""
    return (
        f'<div class="step"><p class="where">{escape(lesson)} · step {number} of {count}</p>'
        f"<h2>{escape(title)}</h2><p>{escape(say)}</p>"
        f"<dl><dt>Do</dt><dd>{escape(do)}</dd><dt>Notice</dt><dd>{escape(notice)}</dd></dl></div>"
        f'<div class="ways">{_button("lesson-show", "show", "Do it for me")}{back}{forward}'
        f"{_button('lesson-leave', 'leave', 'Leave the lesson')}</div><p data-errors></p>"
    )


def _button(id_: str, do: str, words: str, *, off: bool = False, main: bool = False, **given: object) -> str:
    arguments = f" data-given='{escape(json.dumps(given), quote=True)}'" if given else ""
    state = (" disabled" if off else "") + (' class="main"' if main else "")
    return f'<button type="button" id="{escape(id_)}" data-do="lesson.{do}"{arguments}{state}>{escape(words)}</button>'
