"""The command that opens the page in the same state."""

from __future__ import annotations

from html import escape


def address_html(command: str, beyond: str, lost: int = 0) -> str:
    """Give the command with its button; `beyond` is what the command does not hold, in a sentence, or nothing.

    `lost` are the epochs that would be lost by an address that waits until one says what to do with it.

    >>> print(address_html("backlit page iris", ""))  # doctest: +ELLIPSIS
    <h2>This state again</h2><p class="quiet">...
    """
    note = f'<p class="note">{escape(beyond)}</p>' if beyond else ""
    asked = (
        f'<div class="note" role="alert"><p>The address that was given is of another state. To build it, the page '
        f"begins anew, and the training of {lost:,} epochs that is here is lost.</p>"
        '<p><button type="button" id="address-keep" data-do="address.keep">Keep this training</button> '
        '<button type="button" id="address-build" data-do="address.build">Build it</button></p></div>'
        if lost
        else ""
    )
    return (
        f"{asked}<h2>This state again</h2>"
        '<p class="quiet">The address of this page holds it, and so does this command.</p>'
        f'<p><button type="button" id="address-copy">Copy the command</button> '
        f'<span id="address-said" role="status"></span></p>{note}'
        f'<pre id="address-command" tabindex="0">{escape(command)}</pre><p data-errors role="alert"></p>'
    )
