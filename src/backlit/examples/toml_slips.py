"""Slips in TOML in plain words: which character of which line is wrong, and what to write there.

tomllib says only that a value is invalid, and often behind the place where it went wrong.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable

import msgspec

from backlit.examples.key_slips import claimed_name, joined_key, known_at, letters_key, whole_op
from backlit.examples.number_slips import comma_at, computed, percent

_PLACE = re.compile(r"^(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$", re.DOTALL)
_QUOTES = "“”„‟«»‘’‚‛`´″′"
_MINUS = "−–—‒‐‑﹣－"
_SPACES = (
    "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u202f\u205f\u2060\u3000\ufeff"
)
_KEY = re.compile(r"""^\s*([\w.-]+|"[^"]*"|'[^']*')\s*=""")


WORDS = {
    "Invalid value": "here stands no value: write a number, text in quotes, true, false, a list in [] or a table in {}",
    "Invalid initial character for a key part": "a key has letters, digits, _ and - only, or stands in quotes",
    "Invalid statement": "a line begins with a key, or with a heading in square brackets",
    "Unclosed array": "the list before this is not closed, or its item is not: look for a missing ] or comma",
    "Expected newline or end of document after a statement": "a value is complete before this",
}
"""What is said where nothing more is known."""

LONGEST_LINE = 4_000
"""Characters of a line that is searched for what went wrong: the time grows with their square."""


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
    if len(lines[line - 1]) > LONGEST_LINE:
        return Slip(line, column, f"{WORDS.get(what) or _lowered(what)}.")
    for find in (_claimed, _sign, _twice, _braces, _comma, _open, _of_value, _of_key):
        if found := find(lines, line, column, what):
            return found
    return Slip(line, column, f"{WORDS.get(what) or _lowered(what)}.")


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


def _claimed(lines: list[str], line: int, column: int, what: str) -> Slip | None:
    """A number's name below [claimed] that needs quotes."""
    name = claimed_name(lines, line)
    if name is None or column > len(lines[line - 1].partition("=")[0]) + 1:
        return None
    says = f'a name with more than letters, digits, _ and - stands in quotes: write "{name}" = ...'
    return Slip(line, lines[line - 1].index(name) + 1, says)


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


def _plain(content: str) -> str:
    """Give a line with x in place of what stands in quotes and comments."""
    return "".join("x" if inside else sign for sign, inside in zip(content, _in_quotes(content), strict=True))


# --------------------------------------------------------------------------------------------------- more than one line


def _twice(lines: list[str], line: int, column: int, what: str) -> Slip | None:
    """A key or a table that stands twice."""
    if declared := re.match(r"Cannot declare \((.*)\) twice", what):
        name = ".".join(re.findall(r"'([^']*)'", declared[1]))
        places = [k for k, content in enumerate(lines, 1) if re.match(rf"\s*\[\[?\s*{re.escape(name)}\s*\]", content)]
        if len(places) > 1:
            advice = f"write [[{name}]] for each" if name == "network.layers" else "put its keys below the first one"
            return Slip(line, 1, f"[{name}] stands in line {places[0]} too: {advice}.")
    if what.startswith(("Cannot mutate immutable namespace", "Cannot overwrite a value")) and (
        found := _layers_twice(lines, line)
    ):
        return found
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


def _layers_twice(lines: list[str], line: int) -> Slip | None:
    """A list of tables that is begun above in another way, with one bracket or as a key."""
    heading = re.match(r"\s*\[\[\s*([\w.]+)\s*\]\]", lines[line - 1])
    if heading is None:
        return None
    name, last = heading[1], heading[1].rpartition(".")[2]
    for k, content in enumerate(lines[: line - 1], 1):
        if re.match(rf"\s*\[\s*{re.escape(name)}\s*\]", content):
            return Slip(k, content.index("[") + 1, f"write [[{name}]] in double brackets, as in line {line}.")
        if (key := _KEY.match(content)) and key[1] == last:
            says = f"{last} is given in line {line} too, as [[{name}]]: take this line out."
            return Slip(k, key.start(1) + 1, says)
    return None


def _braces(lines: list[str], line: int, column: int, what: str) -> Slip | None:
    """A table in braces that goes on in the next line, or whose key has other letters."""
    content = lines[line - 1].rstrip("\r")
    plain = _plain(content)
    ended = not re.search(r"[^x\s]", plain[column - 1 :])
    if "key part" in what and ended and plain.count("{") > plain.count("}"):
        begin = plain.rindex("{")
        return Slip(line, begin + 1, "a table in braces stands on one line: put all of it there, and } at its end.")
    if what in {"Invalid statement", "Invalid initial character for a key part"} or "Expected '='" in what:
        begin = max(plain.rfind(sign, 0, column - 1) for sign in "{,") + 1
        letters = re.match(r"\s*([\w ]*[^\W\d_][\w -]*?)\s*(?:=|:)\s*([^,}#]*)", content[begin:])
        if letters and not letters[1].isascii():
            place = begin + letters.start(1)
            known = known_at(lines, line, plain[: column - 1])
            return Slip(line, place + 1, letters_key(letters[1], letters[2].strip(), known))
    return None


def _comma(lines: list[str], line: int, column: int, what: str) -> Slip | None:
    """A number with a comma, where the text stops being TOML in it or behind it."""
    content = lines[line - 1].rstrip("\r")
    key = _KEY.match(content)
    plain, name = _plain(content), key[1] if key else ""
    inner = re.findall(r"([\w-]+)\s*=[^=]*$", plain[: column - 1])
    found = comma_at(content, plain, column - 1, inner[0] if inner else name)
    return Slip(line, found[0] + 1, found[1]) if found else None


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
    if says := _of_table(content, begin, column) or _of_whole(given, rest, what):
        return Slip(line, begin, says)
    return Slip(line, column, says) if (says := _of_rest(rest, what)) else None


def _of_table(content: str, begin: int, column: int) -> str:
    """Say what to write for an op with settings that is no table in braces, and for braces that are no table."""
    if (called := re.match(r"([^\W\d]\w*)\((.+?)\)", content[begin - 1 :])) and not computed(called[0]):
        return whole_op(called[1], called[2])
    name = r"(?:optimizer|schedule|activation|loss|draw)\s*=\s*(?:op\s*=\s*)?[\"']?([^\W\d]\w*)[\"']?"
    if bare := re.match(rf"{name}\s*,\s*(\w+\s*=\s*[^,=]+|[\d.]+)$", content.strip()):
        return whole_op(bare[1], bare[2])
    before = _plain(content)[: column - 1]
    if content[column - 1 :].startswith(",") and before.count("{") > before.count("}"):
        return "a list stands in square brackets, and a table in braces has key = value."
    return ""


def _value_at(content: str, column: int) -> tuple[int, str] | None:
    """Give the column and the text of the value around a column; None where the line has no `=` before it."""
    plain = _plain(content)
    before = plain[: column - 1]
    if "=" not in before and not re.match(r"\s*[\[\d]", content):
        return None
    begin = max((before.rfind(sign) + 1 for sign in "=[,{"), default=0)
    end = min((k for sign in ",]}#" if (k := plain.find(sign, column - 1)) >= 0), default=len(content))
    given = content[begin : max(end, column)]
    return begin + len(given) - len(given.lstrip()) + 1, given.strip()


def _of_whole(given: str, rest: str, what: str) -> str:
    """Say what is wrong with a whole value, or give an empty text; `rest` is the line from the place on."""
    if what == "Unclosed array" and re.search(r"\d\s+[+-]\d", given):
        return ""
    if re.fullmatch(r"[\d.]+/0+(\.0*)?", given):
        return f"{given} is no number: nothing is divided by 0."
    if value := computed(given):
        return f"a value is not computed in TOML: write {value}."
    for pattern, says in GIVEN:
        if found := re.fullmatch(pattern, given, re.IGNORECASE):
            return says(found)
    return f"{given} is no number of TOML." if re.fullmatch(r"[+-]?\d[\w.+-]*", given) else ""


def _of_rest(rest: str, what: str) -> str:
    """Say what is wrong with the signs at the place, inside or behind a value."""
    if rest.startswith(",") and what.startswith("Expected newline"):
        more = re.sub(r"#.*", "", rest[1:]).strip()
        several = "several values stand in square brackets: write [ before the first and ] behind the last."
        return several if more else "a line ends without a comma."
    if rest.startswith(";") and what in {"Unclosed array", "Unclosed inline table"}:
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


NO_DIGIT = r"\D"
GIVEN: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (r"([+-]?)(\.\d+(e[+-]?\d+)?)", lambda m: f"a number has a digit before its point: write {m[1]}0{m[2]}."),
    (r"([+-]?\d+\.)(e[+-]?\d+)?", lambda m: f"a number has a digit behind its point: write {m[1]}0{m[2] or ''}."),
    (
        r"([+-]?\d{1,3})((?:\.\d{3}){2,}|(?:[ '_]\d{3})+)",
        lambda m: f"a number is written in one: write {m[1]}{re.sub(NO_DIGIT, '', m[2])}.",
    ),
    (
        r"([+-])\s+(\d+(?:\.\d+)?(?:e[+-]?\d+)?)",
        lambda m: f"a sign stands right before its number: write {m[1]}{m[2]}.",
    ),
    (r"([+-]?)0+(\d+(\.\d+)?)", lambda m: f"a number has no 0 in front: write {m[1]}{m[2]}."),
    (r"([+-]?[\d.]+)\s*%", lambda m: f"a number has no percent sign: write {percent(m[1])}."),
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
    if "declaration" in what and what.startswith("Expected"):
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
    if "declaration" in what and what.startswith("Expected"):
        return Slip(line, column, "a heading has letters a to z, and ends in ], one that begins with [[ in ]].")
    if "key part" in what and rest.startswith("}"):
        return Slip(line, column, "there is a comma before }: take it out.")
    known = known_at(lines, line, before)
    return Slip(line, column, _without_equals(before, rest, known)) if "Expected '='" in what else None


def _without_equals(before: str, rest: str, known: list[str]) -> str:
    name = re.split(r"[,{]", before)[-1].strip()
    if sign := re.match(r":=|:|->|<-|=>|~", rest):
        return f"a value stands behind =: write = in place of {sign[0]}."
    if words := re.match(r"([\w-]+(?: [\w-]+)*)\s*[=:]\s*([^,}#]*)", rest):
        return joined_key(name, words[1], words[2].strip(), known)
    return f"= is missing behind {name}."


LINES = (
    (r"//|--|;|%|/\*", "a comment begins with #."),
    (r"[-*•]\s", "a line begins with its key, without a dash."),
    (r"\{", "this is not TOML: a line is key = value, below a heading such as [network]."),
)
"""What is wrong with a whole line, by its beginning."""
