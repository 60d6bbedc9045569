"""How a training ended, and what went wrong, in words."""

from __future__ import annotations

import re

from backlit.errors import BacklitError
from backlit.page.op_fields import label_of

LIMITS = {"all ": "epochs", "1 epoch done": "epochs", "error target": "target", "no better": "patience",
          "time limit": "time_limit"}  # fmt: skip
"""How the engine's words for an end begin, and the setting that it came from."""


def limit_of(stopped: str) -> str:
    """Name the setting by which a training ended; nothing where it goes on, or ended otherwise.

    >>> limit_of("all 20 epochs done"), limit_of("diverged in epoch 3, batch 1")
    ('epochs', '')
    """
    return next((setting for words, setting in LIMITS.items() if stopped.startswith(words)), "")


def as_controls(told: str) -> str:
    """Give what a training warned of with its settings named as the page's controls are.

    >>> as_controls("Try a smaller rate than 1e+20 or clip_norm=1.")
    'Try a smaller learning rate than 1e20 or 1 as limit of the gradient.'
    """
    told = told.replace("a smaller rate", f"a smaller {label_of('rate')}")
    told = re.sub(r"\b(\w*_norm)=(\d+)", lambda found: f"{found[2]} as {label_of(found[1])}", told)
    return re.sub(r"e\+0*(?=\d)", "e", told)


def words_of(error: Exception) -> str:
    """Give an error's words, for the person who looks at the page.

    >>> words_of(BacklitError("no rows.")), words_of(ZeroDivisionError("division by zero"))
    ('no rows.', 'an error of the program: ZeroDivisionError: division by zero')
    """
    return (
        str(error) if isinstance(error, BacklitError) else f"an error of the program: {type(error).__name__}: {error}"
    )
