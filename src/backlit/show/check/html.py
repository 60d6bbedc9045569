"""Checked work as one self-contained page, and as a part of a page."""

from __future__ import annotations

from html import escape

import msgspec
from markupsafe import Markup

from backlit.show.check.parts import Cause, Detail, Parts
from backlit.show.check.text import TABLE_NOTE, head_of
from backlit.show.pages import template
from backlit.show.worked.html import equation

PREFIX = "check"


def checked_page(parts: Parts) -> str:
    """Give a page of its own that loads nothing and runs no script."""
    return check_page(parts.title, checked_parts(parts))


def check_page(title: str, body: str) -> str:
    """Give a page of parts that are HTML already and belong to `templates/check.css`."""
    made: str = template("check_page.html").render(title=title, body=Markup(body))
    return made


def checked_fragment(parts: Parts, *, prefix: str = PREFIX, level: int = 2) -> str:
    """Give checked work as a part of a page, such as the live page.

    Args:
        parts: what is shown.
        prefix: what the ids begin with, where a page has several.
        level: that of its first heading, from 1 to 5.

    The page brings `check_style()` and the colours of `page.css`: --ink, --quiet, --line, --paper, --soft, --good,
    --poor, --link.
    """
    label = escape(parts.title)
    return f'<section class="checked-work" aria-label="{label}">\n{checked_parts(parts, prefix, level)}\n</section>'


def checked_parts(parts: Parts, prefix: str = PREFIX, level: int = 1) -> str:
    """Give the HTML of checked work, without what is around it."""
    details = tuple(map(_labelled, parts.details))
    made: str = template("check.html").render(
        parts=msgspec.structs.replace(parts, details=details), prefix=prefix, first=f"h{level}", level=f"h{level + 1}",
        several=len(details) > 1, heads=head_of(parts), equation=equation, table_note=TABLE_NOTE,
        large=large,
    )  # fmt: skip
    return made


def check_style() -> str:
    """Give the style of checked work, for a page that holds it as a part."""
    made: str = template("check.css").render()
    return made


def large(text: str) -> str:
    """Give a text with a large first letter, where it begins with a word.

    >>> large("right"), large("dE/dw")
    ('Right', 'dE/dw')
    """
    return text[:1].upper() + text[1:] if text.split(" ", maxsplit=1)[0].rstrip(",").isalpha() else text


def _labelled(detail: Detail) -> Detail:
    """Put the title of each of several mistakes above its line, since the lines stand apart from the list."""
    if len(detail.causes) < 2:
        return detail
    return msgspec.structs.replace(detail, causes=tuple(map(_with_title, detail.causes)))


def _with_title(cause: Cause) -> Cause:
    line = cause.line and msgspec.structs.replace(cause.line, label=f"when {cause.title}")
    return msgspec.structs.replace(cause, line=line)
