"""How a training ended, and what went wrong, in words."""

from __future__ import annotations

from backlit.errors import BacklitError

LIMITS = {"all ": "epochs", "1 epoch done": "epochs", "error target": "target", "no better": "patience",
          "time limit": "time_limit"}  # fmt: skip
"""How the engine's words for an end begin, and the setting that it came from."""


def limit_of(stopped: str) -> str:
    """Name the setting by which a training ended; nothing where it goes on, or ended otherwise.

    >>> limit_of("all 20 epochs done"), limit_of("diverged in epoch 3, batch 1")
    ('epochs', '')
    """
    return next((setting for words, setting in LIMITS.items() if stopped.startswith(words)), "")


def words_of(error: Exception) -> str:
    """Give an error's words, for the person who looks at the page.

    >>> words_of(BacklitError("no rows.")), words_of(ZeroDivisionError("division by zero"))
    ('no rows.', 'an error of the program: ZeroDivisionError: division by zero')
    """
    return (
        str(error) if isinstance(error, BacklitError) else f"an error of the program: {type(error).__name__}: {error}"
    )
