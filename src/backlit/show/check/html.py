"""Checked work as one self-contained page, and as a part of a page."""

from __future__ import annotations

from html import escape

from markupsafe import Markup

from backlit.show.check.lines import Pieces, outermost
from backlit.show.check.parts import Parts
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
    made: str = template("check.html").render(
        parts=parts, prefix=prefix, first=f"h{level}", level=f"h{level + 1}",
        several=len(parts.details) > 1, heads=head_of(parts), equation=equation, table_note=TABLE_NOTE,
        large=large, formula=formula,
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


def formula(part: Pieces) -> Markup:
    """Give a formula in which each part between outermost operators keeps a line where it fits into one."""
    return Markup(_grouped(part, 0, sum(len(piece.text) for piece in part)))


def _grouped(part: Pieces, start: int, end: int) -> str:
    text = "".join(piece.text for piece in part)
    parts = outermost(text, start, end)
    if not parts:
        return _marked(part, start, end)
    return " ".join(f'<span class="whole">{_grouped(part, begin, stop)}</span>' for begin, stop in parts)


def _marked(part: Pieces, start: int, end: int) -> str:
    """Give a part of the pieces as HTML, with what differs marked."""
    made, at = "", 0
    for piece in part:
        text = escape(piece.text[max(start - at, 0) : max(end - at, 0)])
        made += f"<mark>{text}</mark>" if piece.differs and text else text
        at += len(piece.text)
    return made
