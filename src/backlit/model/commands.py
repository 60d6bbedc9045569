"""The command, or the call, that a training was made by, as another one that goes on from it."""

from __future__ import annotations

import shlex
from collections.abc import Collection

FLAGS = {"--fix", "--json", "--quiet", "-q", "--no-report", "--private"}
"""Options that take no value."""

SEVERAL = {"--ignore", "--plugin"}
"""Options that may be given more than once, each for something more."""

OF_TRAIN = {
    "--output", "-o", "--report", "--no-report", "--private", "--log", "--json", "--quiet", "-q", "--time-limit",
}  # fmt: skip
"""Options of `train` that `diagnose` does not have, or has for another file."""

CALL = "model, _ = fit_table("
"""What a call in Python begins with."""


def retyped(command: str, verb: str, more: str = "", *, without: Collection[str] = ()) -> str:
    """Give a typed command as one of another verb, with `more` options at its end.

    Options in `without` are left out, and those that `more` gives anew.

    >>> retyped("backlit train 'my data.csv' --rate 10 --l2=0 -o m.safetensors -q", "diagnose", "--rate 0.1 --fix",
    ...         without={"-o", "-q"})
    "backlit diagnose 'my data.csv' --l2=0 --rate 0.1 --fix"
    """
    added = shlex.split(more)
    replaced = {name.partition("=")[0] for name in added if name.startswith("-")} - SEVERAL
    kept: list[str] = []
    given = iter(shlex.split(command)[2:])
    for word in given:
        name, equals, _ = word.partition("=")
        if name not in {*without, *replaced}:
            kept.append(word)
        elif not equals and name not in FLAGS:
            next(given, None)
    return shlex.join(["backlit", verb, *kept, *added])


def training_again(command: str, more: str) -> str:
    """Give a command of `train` with `more` options; without its logs, whose places have that of the first training.

    >>> training_again("backlit train t.csv --epochs 5 --log tensorboard:runs/one", "--epochs 15")
    'backlit train t.csv --epochs 15'
    """
    return retyped(command, "train", more, without={"--log"})


def diagnosing(command: str) -> str:
    """Give the command, or the call in Python, that diagnoses a training by its own; empty where it is not known.

    >>> diagnosing("backlit train t.csv --target y -q"), diagnosing("model, _ = fit_table('t.csv', 'y')")
    ('backlit diagnose t.csv --target y --fix', "backlit.diagnose('t.csv', 'y', fix=True)")
    """
    if command.startswith("backlit train "):
        return retyped(command, "diagnose", "--fix", without=OF_TRAIN)
    if not command.startswith(CALL):
        return ""
    given = command.removeprefix(CALL).removesuffix(")").replace(", Settings(", ", settings=Settings(")
    return f"backlit.diagnose({given}, fix=True)"
