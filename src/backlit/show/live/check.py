"""A learner's own numbers on the live page: the form that takes them, and what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from backlit.show.live.choices import choice_html, options_html

HINTS = {"1": "hint 1: the place", "2": "hint 2: the kind", "3": "hint 3: the line", "0": "everything"}
"""How much is shown, by the number of the hint; 0 is none of them."""

FURTHER = {1: "Show the kind of mistake", 2: "Show its line", 3: "Show everything"}
"""Of each hint, the words of the button that gives the next one."""

SIGNS = (
    ("", "as the numbers tell"), ("dE/dnet", "∂E/∂net"), ("-dE/dnet", "−∂E/∂net"),
    ("n · dE/dnet", "n · ∂E/∂net"), ("-n · dE/dnet", "−n · ∂E/∂net"),
)  # fmt: skip
"""What δ may mean on a sheet; in a batch it may leave out the 1/n of the mean."""


def form_html(where: str, text: str, parts: Sequence[tuple[str, str]], hint: int, sign: str) -> str:
    """Give the form: which step it is checked against, the numbers, and the choices.

    The page's module writes in what changes, so that nothing that is half typed is lost.
    """
    return (
        f'<h2>Your own numbers</h2><p id="check-where" class="quiet">{escape(where)}</p>'
        '<div class="ways"><label class="pick" for="check-part">Names of <select id="check-part">'
        f"{options_html(parts, parts[0][0])}</select></label>"
        '<button type="button" id="check-names">Add the names</button></div>'
        '<label for="check-text">A name and a number on each line, such as net(h1) = 0.3775</label>'
        '<textarea id="check-text" rows="10" spellcheck="false" autocomplete="off" autocapitalize="off" '
        f'aria-describedby="check-error check-help">{_inside(text)}</textarea>'
        '<p id="check-error" data-errors role="alert"></p>'
        '<div class="ways"><button type="button" id="check-check" class="main">Check</button>'
        f"{choice_html('Show', 'check-hint', 'check.reveal', 'hint', list(HINTS.items()), str(hint), number=True)}"
        '<label class="pick" for="check-sign">δ is <select id="check-sign">'
        f"{options_html(SIGNS, sign)}</select></label></div>"
        '<p id="check-help" class="note">The names are those of One row: net(h1), out(h1), E, dE/dw5, w5+ after the '
        "update; δ(h1), own names of weights, and names that books use are read, too. Write as many digits as you "
        "like: a number is right within half a unit of its last one. Numbers that you leave out are worked out from "
        "yours.</p>"
        '<p id="check-said" class="unseen" role="status"></p>'
    )


def _inside(text: str) -> str:
    """Give the content of a text field: of a line break at its beginning browsers take one away."""
    return escape(("\n" if text.startswith("\n") else "") + text)


def unchecked_html(words: str, *, playing: bool) -> str:
    """Say why nothing is said of the numbers."""
    pause = ' <button type="button" id="checked-pause" data-do="bar.pause">Pause</button>' if playing else ""
    return f'<p class="quiet">{escape(words)}{pause}</p>'


def checked_html(fragment: str, remarks: Sequence[str], hint: int, *, good: bool) -> str:
    """Give what is said of the numbers, as `backlit.show.check` draws it, and the button that shows more."""
    notes = "".join(f'<p class="note">{escape(remark)}</p>' for remark in remarks if remark)
    more = FURTHER.get(hint)
    button = ""
    if more and not good:
        button = f'<p><button type="button" id="checked-more" data-do="check.further">{more}</button></p>'
    return f"{notes}{fragment}{button}"
