"""The command that opens the page in the same state."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def address_html(command: str, lost: Sequence[str]) -> str:
    """Give the command with its button; `lost` is what no command makes again, such as changes of the rows.

    >>> print(address_html("backlit page iris", ()))  # doctest: +ELLIPSIS
    <h2>This state again</h2><p class="quiet">...
    """
    note = f'<p class="note">Not in it: {escape("; ".join(lost))}.</p>' if lost else ""
    return (
        '<h2>This state again</h2><p class="quiet">The address of this page holds it, and so does this command.</p>'
        f'<p><button type="button" id="address-copy">Copy the command</button> '
        f'<span id="address-said" role="status"></span></p>{note}'
        f'<pre id="address-command" tabindex="0">{escape(command)}</pre><p data-errors role="alert"></p>'
    )
