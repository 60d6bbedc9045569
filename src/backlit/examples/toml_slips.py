"""Slips in TOML in plain words: which character of which line is wrong, and what to write there.

tomllib says only that a value is invalid, and often behind the place where it went wrong.
"""

from __future__ import annotations

import ast
import math
import operator
import re
import tomllib
from collections.abc import Callable
from typing import Any

import msgspec

_PLACE = re.compile(r"^(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$", re.DOTALL)
_QUOTES = "“”„‟«»‘’‚‛`´″′"
_MINUS = "−–—‒‐‑﹣－"
_SPACES = (
    "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u202f\u205f\u2060\u3000\ufeff"
)
_KEY = re.compile(r"""^\s*([\w.-]+|"[^"]*"|'[^']*')\s*=""")
_SIGNS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.UAdd: operator.pos, ast.USub: operator.neg,
}  # fmt: skip


class Slip(msgspec.Struct, frozen=True):
    """Where a text stops being TOML, line and column from 1, and what to do there."""

    line: int
    column: int
    says: str


def slip(text: str, error: tomllib.TOMLDecodeError) -> Slip:
    """Give the slip behind an error of tomllib.

    >>> text = "rate = .5"
    >>> try:
    ...     tomllib.loads(text)
    ... except tomllib.TOMLDecodeError as error:
    ...     print(slip(text, error).says)
    a number has a digit before its point: write 0.5.
    """
    match = _PLACE.match(str(error))
    what = match["what"] if match else str(error)
    lines = text.split("\n")
    if match and match["line"]:
        line, column = int(match["line"]), int(match["column"])
    else:
        line = max((k for k, content in enumerate(lines, 1) if content.strip()), default=1)
        column = len(lines[line - 1].rstrip()) + 1
    if "\\n" in what and column > len(lines[line - 1].rstrip("\r")):
        what = "the line ends"
    for find in (_sign, _twice, _open, _of_value, _of_key):
        if found := find(lines, line, column, what):
            return found
    return Slip(line, column, f"{_lowered(what)}.")


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


# ---------------------------------------------------------------------------------------------- signs of other programs


def _sign(lines: list[str], line: int, column: int, _: str) -> Slip | None:
    """A sign that a word processor or a PDF puts in place of the keyboard's, at the place or before it in the line."""
    content = lines[line - 1]
    quoted = _in_quotes(content)
    for k, sign in enumerate(content):
        if sign in _QUOTES and not quoted[k]:
            inner = re.match(rf"[{_QUOTES}](.*?)[{_QUOTES}\"']", content[k:])
            say = f' write "{inner[1]}"' if inner else ' write "'
            return Slip(line, k + 1, f"{sign} is no quotation mark of TOML:{say} with the keyboard's straight quotes.")
        if sign in _MINUS and not quoted[k]:
            number = re.match(r"\s*[\d.]+(e-?\d+)?", content[k + 1 :])
            return Slip(
                line, k + 1, f"{sign} is not the keyboard's minus: write -{number[0].strip() if number else ''}."
            )
        if sign in _SPACES and not quoted[k]:
            return Slip(line, k + 1, f"a space that is not the keyboard's (U+{ord(sign):04X}): write an ordinary one.")
    return None


def _in_quotes(content: str) -> list[bool]:
    """Tell of each character whether it stands in straight quotes or in a comment."""
    inside, quote, escaped = [], "", False
    for sign in content:
        inside.append(bool(quote))
        if quote == "#":
            continue
        if quote:
            if sign == quote and not escaped:
                quote = ""
            escaped = quote == '"' and sign == "\\" and not escaped
        elif sign in "\"'#":
            quote = sign
    return inside


# --------------------------------------------------------------------------------------------------- more than one line


def _twice(lines: list[str], line: int, column: int, what: str) -> Slip | None:
    """A key or a table that stands twice."""
    if declared := re.match(r"Cannot declare \((.*)\) twice", what):
        name = ".".join(re.findall(r"'([^']*)'", declared[1]))
        places = [k for k, content in enumerate(lines, 1) if re.match(rf"\s*\[\[?\s*{re.escape(name)}\s*\]", content)]
        if len(places) > 1:
            advice = f"write [[{name}]] for each" if name == "network.layers" else "put its keys below the first one"
            return Slip(line, 1, f"[{name}] stands in line {places[0]} too: {advice}.")
    if what != "Cannot overwrite a value":
        return None
    key = _KEY.match(lines[line - 1])
    if key is None:
        return Slip(line, 1, "that is a value above already, and cannot be a table too.")
    begin = max((k for k in range(line - 1) if re.match(r"\s*\[", lines[k])), default=-1)
    for k in range(begin + 1, line - 1):
        if (other := _KEY.match(lines[k])) and other[1].strip("\"'") == key[1].strip("\"'"):
            return Slip(line, key.start(1) + 1, f"the key {key[1]} stands in line {k + 1} too: keep one of them.")
    return Slip(line, key.start(1) + 1, f"the key {key[1]} has a value above already: keep one of them.")


def _open(lines: list[str], line: int, column: int, what: str) -> Slip | None:
    """A list that is not closed before the next key, table or the end."""
    ended = column > len(lines[line - 1].rstrip())
    if what != "Unclosed array" or not (ended or column == 1 or _KEY.match(lines[line - 1][column - 1 :])):
        return None
    opened: list[tuple[int, int]] = []
    for k, content in enumerate(lines[: line if ended else line - 1], 1):
        quoted = _in_quotes(content)
        if _KEY.match(content):
            opened = []
        for c, sign in enumerate(content, 1):
            if not quoted[c - 1] and sign in "[]":
                opened = [*opened, (k, c)] if sign == "[" else opened[:-1]
    if not opened:
        return None
    start, place = opened[0]
    brackets = "]" * len(opened)
    last = line if ended else max(k for k in range(1, line) if lines[k - 1].strip())
    return Slip(start, place, f"this list is not closed: write {brackets} at the end of line {last}.")


# --------------------------------------------------------------------------------------------------------------- values


def _of_value(lines: list[str], line: int, column: int, what: str) -> Slip | None:
    """A value that is none in TOML."""
    content = lines[line - 1].rstrip("\r")
    if "key part" in what or ("declaration" in what and column <= len(content.rstrip())):
        return None
    if column > len(content.rstrip()):
        return _of_end(content, line, column, what)
    found = _value_at(content, column)
    if found is None:
        return None
    begin, given = found
    rest = content[column - 1 :]
    if says := _of_whole(given, rest, what):
        return Slip(line, begin, says)
    return Slip(line, column, says) if (says := _of_rest(rest, what)) else None


def _value_at(content: str, column: int) -> tuple[int, str] | None:
    """Give the column and the text of the value around a column; None where the line has no `=` before it."""
    quoted = _in_quotes(content)
    plain = "".join("x" if inside else sign for sign, inside in zip(content, quoted, strict=True))
    before = plain[: column - 1]
    if "=" not in before and not re.match(r"\s*[\[\d]", content):
        return None
    begin = max((before.rfind(sign) + 1 for sign in "=[,{"), default=0)
    end = min((k for sign in ",]}#" if (k := plain.find(sign, column - 1)) >= 0), default=len(content))
    given = content[begin : max(end, column)]
    return begin + len(given) - len(given.lstrip()) + 1, given.strip()


def _of_whole(given: str, rest: str, what: str) -> str:
    """Say what is wrong with a whole value, or give an empty text; `rest` is the line from the place on."""
    number = given.rstrip(",")
    if (comma := re.match(r"\s*,\s?(\d+)\b", rest)) and re.fullmatch(r"[+-]?[\d.]+", number):
        return f"a number has a point, not a comma: write {number.replace('.', '')}.{comma[1]}."
    if what == "Unclosed array" and re.search(r"\d\s+[+-]\d", given):
        return ""
    if value := _computed(given):
        return f"a value is not computed in TOML: write {value}."
    for pattern, says in GIVEN:
        if found := re.fullmatch(pattern, given, re.IGNORECASE):
            return says(found)
    return f"{given} is no number of TOML." if re.fullmatch(r"[+-]?\d[\w.+-]*", given) else ""


def _of_rest(rest: str, what: str) -> str:
    """Say what is wrong with the signs at the place, inside or behind a value."""
    if rest.startswith(";") and what == "Unclosed array":
        return "items are separated by commas: write , in place of ;."
    for pattern, words in REST:
        if re.match(pattern, rest):
            return words
    if what in {"Unclosed array", "Unclosed inline table"}:
        return "a comma is missing before this."
    if what.startswith("Expected newline"):
        return "a value is complete before this: write one value for a key, and each key on a line of its own."
    return ""


def _true_or_false(found: re.Match[str]) -> str:
    word = "true" if found[0].lower() in {"true", "yes", "on"} else "false"
    return f"true and false are written in small letters: write {word}."


GIVEN: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (r"([+-]?)(\.\d+(e[+-]?\d+)?)", lambda m: f"a number has a digit before its point: write {m[1]}0{m[2]}."),
    (r"([+-]?\d+\.)(e[+-]?\d+)?", lambda m: f"a number has a digit behind its point: write {m[1]}0{m[2] or ''}."),
    (r"([+-]?)0+(\d+(\.\d+)?)", lambda m: f"a number has no 0 in front: write {m[1]}{m[2]}."),
    (r"([+-]?[\d.]+)\s*%", lambda m: f"a number has no percent sign: write {float(m[1]) / 100:g}."),
    (r"true|false|yes|no|on|off", _true_or_false),
    (r"none|null|nil", lambda _: "TOML has no empty value: leave the key out."),
    (r"([^\W\d][\w.-]*)\(\)", lambda m: f'text stands in quotes: write "{m[1]}".'),
    (r"[^\W\d][\w. -]*", lambda m: f'text stands in quotes: write "{m[0]}".'),
    (r"\"(.*\\.*)\"", lambda m: f"text with a \\ stands in single quotes: write '{m[1]}'."),
)
"""What is wrong with a whole value, by its form."""

REST = (
    (r"\(", "a list stands in square brackets: write [ and ]."),
    (r"=", "one = is enough: write key = value."),
    (r"//|--|%|/\*", "a comment begins with #."),
    (r";", "a line ends without ;."),
    (r"\]", "there is one ] too many, or its [ is missing."),
    (r"\}", "there is one } too many, or its { is missing."),
    (r",", "a value is missing before this comma."),
)
"""What is wrong with a value, by the signs at the place."""


def _computed(given: str) -> str:
    """Give the value of an expression of numbers, such as 1/3, with all its digits; an empty text for anything else."""

    def value(node: ast.expr) -> Any:
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return node.value
        if isinstance(node, ast.BinOp) and type(node.op) in _SIGNS:
            left, right = value(node.left), value(node.right)
            if isinstance(node.op, ast.Pow) and abs(right) > 99:
                raise ValueError("too large")
            return _SIGNS[type(node.op)](left, right)
        if isinstance(node, ast.UnaryOp) and type(node.op) in _SIGNS:
            return _SIGNS[type(node.op)](value(node.operand))
        raise ValueError("no expression of numbers")

    try:
        tree = ast.parse(given.replace("^", "**"), mode="eval").body
        found = value(tree) if isinstance(tree, ast.BinOp) else None
        return repr(found) if isinstance(found, (int, float)) and math.isfinite(found) else ""
    except (ValueError, SyntaxError, ArithmeticError, RecursionError):
        return ""


def _of_end(content: str, line: int, column: int, what: str) -> Slip | None:
    """A line that ends too early."""
    bare = content.rstrip()
    if bare.endswith("="):
        return Slip(line, len(bare) + 1, "a value is missing behind =.")
    if what in {"Unterminated string", 'Expected "\'"', "the line ends"}:
        quoted = _in_quotes(content)
        opened = [k for k in range(len(content)) if content[k] in "\"'" and not quoted[k]]
        if opened:
            return Slip(line, opened[-1] + 1, f"the text has no closing {content[opened[-1]]}.")
    if "end of a table declaration" in what:
        return Slip(line, column, f"the closing ] is missing: write {bare}{']' * bare.count('[')}.")
    if "Unclosed inline table" in what:
        return Slip(line, column, "a table in braces stands on one line: put all of it there, and } at its end.")
    if "Expected '='" in what:
        return Slip(line, column, f"= and a value are missing: write {bare.strip()} = value.")
    return None


# ----------------------------------------------------------------------------------------------------------------- keys


def _of_key(lines: list[str], line: int, column: int, what: str) -> Slip | None:
    """A key, a table's heading or a comment that is none in TOML."""
    content = lines[line - 1].rstrip("\r")
    rest, before = content[column - 1 :], content[: column - 1].strip()
    for pattern, words in LINES:
        if re.match(pattern, content.lstrip()):
            return Slip(line, len(content) - len(content.lstrip()) + 1, words)
    if "end of a table declaration" in what:
        return Slip(line, column, "a heading ends in ], one that begins with [[ in ]].")
    if "key part" in what and rest.startswith("}"):
        return Slip(line, column, "there is a comma before }: take it out.")
    return Slip(line, column, _without_equals(before, rest)) if "Expected '='" in what else None


def _without_equals(before: str, rest: str) -> str:
    name = re.split(r"[,{]", before)[-1].strip()
    if sign := re.match(r":=|:|->|<-|=>|~", rest):
        return f"a value stands behind =: write = in place of {sign[0]}."
    if words := re.match(r"[\w-]+(?=\s*=)", rest):
        return f"a key is one word: write {name}_{words[0]} for {name} {words[0]}."
    return f"= is missing behind {name}."


LINES = (
    (r"//|--|;|%|/\*", "a comment begins with #."),
    (r"[-*•]\s", "a line begins with its key, without a dash."),
    (r"\{", "this is not TOML: a line is key = value, below a heading such as [network]."),
)
"""What is wrong with a whole line, by its beginning."""
