"""Errors of a call in the words that were typed: the option as it stands in the call, and the one that is meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from cyclopts import CycloptsError, UnknownOptionError
from cyclopts.exceptions import UnknownCommandError, UnusedCliTokensError

from backlit.ops.synonyms import hint

KINDS = ("layer", "activation", "loss", "optimizer", "schedule", "initializer")
_SETTING = re.compile(r"^(?:\w+ '\w+': )?(?P<name>\w+) is (?P<given>\S+); (?P<expected>expected .*?)\.?$", re.DOTALL)


def of_call(error: CycloptsError, commands: Iterable[str]) -> str:
    """Say what is wrong with a call that cyclopts refuses."""
    if isinstance(error, UnknownOptionError):
        given = error.token.keyword or error.token.value
        known = [name for argument in error.argument_collection or () for name in argument.names if name != "*"]
        return f"Unknown option: {given}. {_sentence(hint(given, known, 'option'))}"
    if isinstance(error, UnusedCliTokensError):
        plugin = next((token for token in error.unused_tokens or () if token.endswith(".py")), None)
        if plugin:
            return (
                f'"{plugin}" is more than this command takes: each plugin has an option of its own, --plugin {plugin}.'
            )
        more = " ".join(f'"{token}"' for token in error.unused_tokens or ())
        return f"{more} is more than this command takes: a name with blanks stands in quotes."
    if isinstance(error, UnknownCommandError) and error.unused_tokens:
        given = error.unused_tokens[0]
        advice = hint(given, commands).replace("'", '"')
        return f'Unknown command "{given}". {advice[:1].upper()}{advice[1:]}'
    return str(error)


def _sentence(advice: str) -> str:
    """Make a sentence of a hint, with options as they are typed."""
    return (advice[:1].upper() + advice[1:]).replace("'-", "-").replace("'?", "?").replace("' or", " or")


def of_setting(message: str, given: Sequence[str]) -> str:
    """Name the option that was typed, and its text, in a message about a setting of that name.

    >>> of_setting("batch_size is 'few'; expected a whole number.", ["train", "iris", "--batch-size", "few"])
    '--batch-size is few; expected a whole number.'
    >>> of_setting("seed is 1000.0; expected a whole number.", ["train", "iris", "--seed=1e3"])
    '--seed is 1e3; expected a whole number: write 1000.'
    """
    if (found := _SETTING.match(message)) is None:
        return _of_names(message, given)
    typed = _typed(f"--{found['name'].replace('_', '-')}", given)
    if typed is None:
        return message
    option, text = typed
    return f"{option} is {text}; {found['expected']}{fitting(text, whole='a whole number' in found['expected'])}."


def _of_names(message: str, given: Sequence[str]) -> str:
    """Put the options of a worked example as they are typed in a message that names them as in Python.

    >>> _of_names("run is 'a'; xor has one run: leave run out.", ["explain", "xor", "--run", "a"])
    "--run is 'a'; xor has one run: leave --run out."
    """
    if given[:1] != ["explain"]:
        return message
    name = "(?:row|run|only|epoch|steps|rate)"
    places = (
        rf"^{name}(?= is |: | chooses )", r"(?<=; )row(?= chooses )",
        rf"(?<= and ){name}(?= is | names | shows )", rf"(?<=leave ){name}(?= out)",
        rf"(?<= or ){name}(?= out)", rf"(?<=: use ){name}(?=\.)", r"(?<= that )row(?= names)",
    )  # fmt: skip
    return re.sub("|".join(places), r"--\g<0>", message)


def of_own_op(message: str) -> str:
    """Name --plugin in a message about an unknown op that is near to none: it may be one of one's own.

    >>> of_own_op("unknown loss 'mine'; known: mse, mae.")
    "unknown loss 'mine'; known: mse, mae. An op of your own is registered with --plugin FILE.py."
    """
    words, *place = message.split("\n")
    if (
        re.search(rf"unknown (?:{'|'.join(KINDS)}) '", words)
        and "did you mean" not in words
        and "--plugin" not in words
    ):
        words += " An op of your own is registered with --plugin FILE.py."
    return "\n".join([words, *place])


def _typed(option: str, given: Sequence[str]) -> tuple[str, str] | None:
    """Give the option as it was typed, and the text behind it; None where it was not."""
    for token, following in zip(given, [*given[1:], ""], strict=True):
        name, equals, text = token.partition("=")
        if name.replace("_", "-") == option:
            return name, text if equals else following
    return None


def fitting(text: str, *, whole: bool) -> str:
    """Give the end of a message with the number that a text stands for, where it is written in another way.

    >>> fitting("1e3", whole=True), fitting("0,5", whole=False), fitting("1/4", whole=False), fitting("x", whole=True)
    (': write 1000', ': write 0.5', ': write 0.25', '')
    >>> fitting("-1.0", whole=False), fitting("7", whole=True), fitting("0.50", whole=False)
    ('', '', '')
    """
    if quotient := re.fullmatch(r"([\d.]+)/([\d.]+)", text):
        upper, lower = (float(part) if part.count(".") < 2 else 0.0 for part in quotient.groups())
        number = upper / lower if lower else None
    else:
        try:
            number = float(text.replace(",", "."))
        except ValueError:
            number = None
    if number is None or not 0 < number < 2**53 or (whole and number != int(number)):
        return ""  # no number, or none that any option takes
    if _is_number(text) and not (whole and not text.isdigit()):
        return ""
    return f": write {int(number) if whole else f'{number:.15g}'}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
