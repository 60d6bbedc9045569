"""What a sheet, a file or a call declares of its conventions: what δ is, and how the velocity v is worked out."""

from __future__ import annotations

import re
from typing import NamedTuple

from backlit.check.reading.name_forms import plain, squashed
from backlit.errors import BacklitError

VELOCITIES = {"μv-ηg": "μv - ηg", "μv+ηg": "μv + ηg", "μv+g": "μv + g"}
"""The ways to write a velocity, by their texts without spaces."""
SYMBOLS = (
    (r"^(?:momentum|gamma|beta|mu|β|γ|m)", "μ"), (r"(?<=[+-])(?:learningrate|alpha|rate|lr|eta|α)", "η"),
    (r"(?<=[+\-η])(?:gradient|grad|de/dw|dw)$", "g"),
)  # fmt: skip
"""Other names of the share that is kept, the rate and the slope."""


class Declared(NamedTuple):
    """What is said of a sheet's conventions: the sign of δ, whether it is n times dE/dnet, the rule of v."""

    sign: int | None = None
    rows: bool = False
    velocity: str = ""


def delta_of(text: str) -> str:
    """Give the convention that a text declares of δ, such as "dE/dnet" or "-n · dE/dnet"; empty for an empty text.

    Errors: a BacklitError for another text.

    >>> delta_of("−∂E/∂net"), delta_of("dE/dz"), delta_of("negative"), delta_of("δ = -n*dE/dnet")
    ('-dE/dnet', 'dE/dnet', '-dE/dnet', '-n · dE/dnet')
    """
    word = squashed(plain(str(text))).removeprefix("δ=")
    sign, rest = ("-", word[1:]) if word.startswith("-") else ("", word.removeprefix("+"))
    times = re.match(r"n[·*×]?(?=d)", rest)
    rest = rest[times.end() :] if times else rest
    sign += "n · " if times else ""
    if rest in {"minus", "negative"}:
        return "-dE/dnet"
    if word in {"plus", "positive"} or (not rest and word):
        return f"{sign}dE/dnet"
    if re.fullmatch(r"d(e|l|c|j|loss|etotal)/d(net|z|in|a)[a-z]?", rest):
        return f"{sign}dE/dnet"
    if not word:
        return ""
    raise BacklitError(
        f'delta is {text!r}; expected what δ means on the sheet: "dE/dnet", or "-dE/dnet", where a weight\'s change is '
        'plus the rate times δ times the input; in a batch "n dE/dnet", without the 1/n of the mean.'
    )


def velocity_of(text: str) -> str:
    """Give the rule that a text declares of the velocity: one of `VELOCITIES`; empty for an empty text.

    Errors: a BacklitError for another text.

    >>> velocity_of("v = mu*v + g"), velocity_of("μ v − η·g"), velocity_of("beta v + alpha grad")
    ('μv + g', 'μv - ηg', 'μv + ηg')
    """
    word = re.sub(r"[\s_·*()]+", "", plain(str(text))).casefold().removeprefix("v=").replace("δ=", "")
    for names, sign in SYMBOLS:
        word = re.sub(names, sign, word)
    if not word:
        return ""
    if word not in VELOCITIES:
        raise BacklitError(
            f'velocity is {text!r}; expected how the sheet works v out: "μv - ηg", then w + v; "μv + ηg", then w - v; '
            'or "μv + g", then w - ηv.'
        )
    return VELOCITIES[word]
