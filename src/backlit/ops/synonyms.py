"""The hint at the end of a message about an unknown name: the word that is meant, by the one table of synonyms.

It serves wherever a name is looked up: names and settings of ops, keys of a network file, options of a command,
arguments and names in Python.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterable
from typing import Any

from backlit.ops.call_table import NAMES
from backlit.ops.word_table import ABSENT, AS_WRITTEN, THEIRS, WRITTEN

KINDS = ("file", "python", "option")
"""For what a thing to write is."""


def hint(given: str, known: Iterable[str], kind: str = "", value: Any = None) -> str:
    """Give the end of a message about an unknown name: the word that is meant, what to write, or all that are known.

    Args:
        given: the unknown name.
        known: the names that exist where it was given.
        kind: of what to write where it is more than a word: "file" for a network file, "python" or "option"; by
            default for a file and for Python.
        value: what was given for the name: a number or a text, it stands in what to write.

    >>> hint("categorical_crossentropy", ["binary_cross_entropy", "cross_entropy"])
    "did you mean 'cross_entropy'?"
    >>> hint("learning-rate", ["optimizer", "epochs"], "file")
    'write optimizer = { op = "sgd", rate = 0.1 }.'
    >>> hint("learning-rate", ["optimizer", "epochs"], "file", 0.5)
    'write optimizer = { op = "sgd", rate = 0.5 }.'
    >>> hint("adamax", ["sgd", "adam"])
    "Backlit has none; the nearest is 'adam'."
    >>> hint("colour", ["units", "bias"])
    'known: units, bias.'
    """
    names = list(known)
    word = normal(given)
    if found := _meant(given, names, kind, value):
        return found
    every = f"known: {', '.join(names) or 'none'}."
    absent = [near for near, words in ABSENT.items() if word in _split(words)]
    if here := [name for name in names for near in absent if near and normal(name) == normal(near)]:
        return f"Backlit has none; the nearest is {here[0]!r}."
    if word in _groups() or word in map(normal, THEIRS) or any(word in _split(entry.words) for entry in WRITTEN):
        return every  # of a word whose meaning is known, a word that looks alike means something else
    if absent:
        return f"Backlit has none; {every}"
    return _nearest(word, names, kind, value) or every


def instead(asked: str, name: str, known: Iterable[str]) -> str:
    """Give the end of a message about a name that "network", "training" or "backlit" was asked for; or an empty text.

    >>> instead("network", "grad", ["gradient", "predict"])
    '; write network.gradient(X, Y)["1.W"].'
    >>> instead("network", "evalute", ["gradient", "evaluate"]), instead("network", "_private", ["evaluate"])
    ("; did you mean 'evaluate'?", '')
    """
    if name.startswith("_"):  # Python and its tools ask for such names
        return ""
    for words, text in NAMES[asked].items():
        if name in words.split():
            return f"; write {text}."
    near = difflib.get_close_matches(name, [other for other in known if not other.startswith("_")], n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _meant(given: str, names: list[str], kind: str, value: Any) -> str:
    """Give the hint for a word of the table; an empty text where it leads to nothing that is known here."""
    word, by_word = normal(given), {normal(name): name for name in names}
    ours = [AS_WRITTEN[given]] if given in AS_WRITTEN else []
    ours += [] if normal(next(iter(ours), "")) in by_word else _groups().get(word, [])
    same = [by_word[word]] if word in by_word else [by_word[key] for x in ours if (key := normal(x)) in by_word]
    return (
        (_asked(same) if word in by_word else "")
        or _written([word], names, kind, value)
        or (_asked(same) if same else _written([normal(x) for x in ours], names, kind, value))
    )


def _asked(names: Iterable[str]) -> str:
    return f"did you mean {' or '.join(map(repr, dict.fromkeys(names)))}?"


def _written(words: list[str], names: list[str], kind: str, value: Any) -> str:
    """Give what to write for one of the words, where the table has it for this place and kind."""
    here = set(map(normal, names))
    for entry in WRITTEN:
        named = _split(entry.words).intersection(words)
        if normal(entry.beside) in here and named:
            texts = {which: _carried(getattr(entry, which), named, entry.carry, value) for which in KINDS}
            in_file = f"{texts['file']} in a network file" if entry.file else ""
            in_python = f"{texts['python']} in Python" if entry.python else ""
            both = ", or ".join(filter(None, (in_file, in_python)))
            if text := texts[kind] if kind else both:
                return f"write {text}."
    return ""


def _carried(text: str, named: Iterable[str], carry: str, value: Any) -> str:
    """Put the value that was given in place of the one that the text has as an example."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number and not isinstance(value, str):
        return text
    example = r"-?[\d.]+(?:e-?\d+)?" if number else r'"[^"]*"'
    given = repr(value) if number else f'"{value}"'

    def put(match: re.Match[str]) -> str:
        return match[1] + given if normal(match[2]) in named or match[2] == carry else match[0]

    return re.sub(rf"((?<![\w-])([a-z]\w*) ?= ?){example}", put, text)


def _nearest(word: str, names: list[str], kind: str, value: Any) -> str:
    """Give the hint for a misspelt name: of ours, or of a word of the table that leads to one here."""
    by_word = {normal(name): name for name in names}
    near = difflib.get_close_matches(word, by_word, n=1)
    for other in difflib.get_close_matches(word, _groups(), n=3, cutoff=0.8):
        if (found := _meant(other, names, kind, value)) and not (near and _ratio(word, near[0]) >= _ratio(word, other)):
            return found
    return _asked([by_word[near[0]]]) if near else ""


def _ratio(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


def normal(name: str) -> str:
    """Give a name without what does not count.

    >>> normal("Binary Cross-Entropy"), normal("--learning_rate")
    ('binarycrossentropy', 'learningrate')
    """
    return re.sub(r"[\W_]+", "", name.lower())


@functools.cache
def _split(words: str) -> frozenset[str]:
    return frozenset(map(normal, words.split()))


@functools.cache
def _groups() -> dict[str, list[str]]:
    """Give our words for each of theirs."""
    groups: dict[str, list[str]] = {}
    for ours, words in THEIRS.items():
        for word in _split(words):
            groups.setdefault(word, []).append(ours)
    return groups
