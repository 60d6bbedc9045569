"""Keys that TOML does not take, and calls in place of tables: what to write, with the value that was given."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from backlit.examples.file_tables import LABELS, TRAINING, DataTable, NetworkTable
from backlit.ops.layers.dense import Dense
from backlit.ops.registry import optimizers
from backlit.ops.synonyms import hint, normal

TABLES = {
    "network": NetworkTable.__struct_fields__, "network.layers": (*Dense.__struct_fields__, *LABELS),
    "data": DataTable.__struct_fields__, "training": TRAINING,
}  # fmt: skip
"""The keys below each heading."""


def known_at(lines: list[str], line: int, before: str) -> list[str]:
    """Give the keys that are known where a line has `before` in front: of a table in braces, or of the heading."""
    if before.count("{") > before.count("}"):
        op = re.search(r"\bop\s*=\s*[\"'](\w+)", lines[line - 1])
        cls = optimizers.get(op[1]) if op else None
        return list(cls.__struct_fields__ if cls else optimizers["adamw"].__struct_fields__)
    for content in reversed(lines[: line - 1]):
        if heading := re.match(r"\s*\[\[?\s*([\w.]+)\s*\]", content):
            return list(TABLES.get(heading[1], ()))
    return []


def claimed_name(lines: list[str], line: int) -> str | None:
    """Give the name of a number below [claimed] that stands without the quotes that it needs; else None.

    >>> claimed_name(["[claimed]", "net(h1) = 0.3775"], 2), claimed_name(["[claimed]", "E = 0.3775"], 2)
    ('net(h1)', None)
    """
    heading = next((found[1] for content in reversed(lines[: line - 1])
                    if (found := re.match(r"\s*\[\[?\s*([\w.]+)\s*\]\]?\s*(?:#.*)?$", content))), "")  # fmt: skip
    name = re.match(r"\s*([^\s\"#=[][^\"#=]*?)\s*=[^=]*$", lines[line - 1])
    if heading != "claimed" or name is None or re.fullmatch(r"[A-Za-z0-9_-]+|'[^']*'", name[1]):
        return None
    return name[1]


def named(key: str, known: list[str], value: str = "") -> str:
    """Give what to write for a key as people write it, such as η or "learning rate"; an empty text where none is meant.

    >>> named("η", ["rate"]), named("batch size", ["batch_size"])
    ('rate', 'batch_size')
    >>> named("learning rate", ["optimizer"], "0.5")
    'optimizer = { op = "sgd", rate = 0.5 }'
    """
    exact = [name for name in known if normal(name) == normal(key)]
    advice = f"did you mean {exact[0]!r}?" if exact else hint(key, known, "file", _read(value))
    if meant := re.match(r"did you mean '(\w+)'", advice):
        return meant[1]
    return advice.removeprefix("write ").removesuffix(".") if advice.startswith("write ") else ""


def joined_key(name: str, words: str, value: str, known: list[str]) -> str:
    """Say what to write for a key of two words, with `value` behind it.

    >>> joined_key("batch", "size", "4", ["batch_size"])
    'a key is one word: write batch_size for batch size.'
    """
    meant = named(f"{name}_{words}", known, value) or f"{name}_{re.sub(' +', '_', words)}"
    return f"a key is one word: write {meant} for {name} {words}{f' = {value}' if '=' in meant else ''}."


def letters_key(key: str, value: str, known: list[str]) -> str:
    """Say what to write for a key with letters that TOML does not take.

    >>> letters_key("η", "0.5", ["rate"])
    'a key has the letters a to z only: write rate for η.'
    """
    meant = named(key, known, value)
    if not meant:
        others = "".join(dict.fromkeys(sign for sign in key if not sign.isascii()))
        return f"a key has the letters a to z only, without {others}."
    return f"a key has the letters a to z only: write {meant} for {key}{f' = {value}' if '=' in meant else ''}."


def whole_op(name: str, inner: str) -> str:
    """Say what to write for an op that is called as in Python.

    >>> whole_op("sgd", "0.5"), whole_op("Adam", "lr=0.01")
    ('an op with settings is a table: write { op = "sgd", rate = 0.5 }.', \
'an op with settings is a table: write { op = "adam", rate = 0.01 }.')
    """
    op = next((known for known in optimizers if normal(known) == normal(name)), "")
    fields = list(optimizers[op].__struct_fields__) if op else []
    parts = [part.strip() for part in inner.split(",") if part.strip()]
    settings = []
    for k, part in enumerate(parts):
        key, equals, value = (text.strip() for text in part.partition("="))
        place = (named(key, fields) or key) if equals else fields[0] if k == 0 and "rate" in fields[:1] else ""
        settings.append(f"{place} = {value if equals else key}" if place else "")
    if not all(settings) or "=" in "".join(text.split("=", 1)[1] for text in settings):
        return (
            f'an op with settings is a table: write {{ op = "{op or name}", and its settings, each as key = value }}.'
        )
    inside = ", ".join([f'op = "{op or name}"', *settings])
    return f"an op with settings is a table: write {{ {inside} }}."


def _read(value: str) -> Any:
    """Give a value as TOML reads it, or with a digit before its point; None for anything else."""
    number = re.sub(r"^([+-]?)\.(?=\d)", r"\g<1>0.", value)
    try:
        return tomllib.loads(f"value = {number}")["value"]
    except (tomllib.TOMLDecodeError, ValueError):
        return None
