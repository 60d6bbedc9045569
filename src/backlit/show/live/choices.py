"""Controls of the live page that send a choice: lists, and text fields where a list would be too long."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from backlit.show.names import short

MOST = 200
"""A list has so many entries; of more, the name is typed."""


def choice_html(
    label: str, name: str, command: str, key: str, options: Sequence[tuple[str, str]], chosen: str,
    *, number: bool = False,
) -> str:  # fmt: skip
    """Give a labelled list of options, (value, text), that sends `command` with the value as its argument `key`.

    `name` is the control's id; `number` sends the value as a number. The chosen value may be none of the options.

    >>> print(choice_html("Rows", "rows", "a.show", "which", [("x", "<x>")], "x"))
    <label class="choice" for="rows">Rows <select id="rows" data-choose="a.show" data-key="which"><option value="x" \
selected>&lt;x&gt;</option></select></label>
    """
    kind = ' data-kind="number"' if number else ""
    attributes = f'id="{name}" data-choose="{command}" data-key="{key}"{kind}'
    head = f'<label class="choice" for="{name}">{escape(label)} '
    if len(options) > MOST:
        return f'{head}<input {attributes} value="{escape(chosen)}" autocomplete="off"></label>'
    return f"{head}<select {attributes}>{options_html(options, chosen)}</select></label>"


def options_html(options: Sequence[tuple[str, str]], chosen: str) -> str:
    """Give the options of a list."""
    return "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(short(text))}</option>'
        for value, text in options
    )
