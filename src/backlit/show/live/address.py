"""The command that opens the page in the same state."""

from __future__ import annotations

from html import escape


def address_html(command: str, beyond: str) -> str:
    """Give the command with its button; `beyond` is what the command does not hold, in a sentence, or nothing.

    >>> print(address_html("backlit page iris", ""))  # doctest: +ELLIPSIS
    <h2>This state again</h2><p class="quiet">...
    """
    lost = f'<p class="note">{escape(beyond)}</p>' if beyond else ""
    return (
        '<h2>This state again</h2><p class="quiet">The address of this page holds it, and so does this command.</p>'
        f'<p><button type="button" id="address-copy">Copy the command</button> '
        f'<span id="address-said" role="status"></span></p>{lost}'
        f'<pre id="address-command" tabindex="0">{escape(command)}</pre><p data-errors role="alert"></p>'
    )
