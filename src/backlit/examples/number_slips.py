"""Numbers that are written as on paper, and what they are in TOML: decimal commas, thousands, fractions, powers.

What is advised has the digits that were typed; where they can mean two numbers, both are named.
"""

from __future__ import annotations

import ast
import math
import operator
import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

WHOLE = {"epochs", "batch_size", "seed", "patience", "units", "inputs", "after", "test", "every", "period", "memory"}
"""Keys of whole numbers: of these, a comma before three digits marks thousands."""
LISTS = {"weights", "biases", "inputs", "targets", "input_divisors", "target_divisors", "milestones"}
"""Keys of lists of numbers."""
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?"
_COMMA = re.compile(r"(?<![\w.,])(?:[+-]\s*)?\d[\d.]*(?:,\d+)+(?:\.\d+)?(?:e[+-]?\d+)?(?!\w)", re.IGNORECASE)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SIGNS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.UAdd: operator.pos, ast.USub: operator.neg,
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[[Any], float]] = {"exp": math.exp, "sqrt": math.sqrt, "log": math.log, "ln": math.log}
_CONSTANTS = {"pi": math.pi, "e": math.e}


def computed(given: str) -> str:
    """Give the value of an expression of numbers with all its digits; an empty text for anything else.

    >>> computed("1/3"), computed("3·10^-1"), computed("√2"), computed("½"), computed("4/2"), computed("0.5")
    ('0.3333333333333333', '0.3', '1.4142135623730951', '0.5', '2', '')
    """
    text = re.sub(r"[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda m: f"**{m[0].translate(_SUPERSCRIPTS)}", given)
    text = re.sub(r"√\s*([\d.]+|\()", lambda m: "sqrt(" if m[1] == "(" else f"sqrt({m[1]})", text)
    text = re.sub(r"(\d*)([¼-¾⅐-⅞])", _vulgar, text)
    text = re.sub(r"[·×⋅∙]", "*", text).replace("÷", "/").replace("^", "**")
    try:
        tree = ast.parse(text, mode="eval").body
        if not isinstance(tree, ast.BinOp | ast.Call):
            return ""
        value = _value(tree)
        whole = isinstance(value, Fraction) and value.denominator == 1 and not re.search(r"\.|\de", text)
        return str(value) if whole else _digits(float(value))
    except (ValueError, SyntaxError, ArithmeticError, RecursionError, TypeError):
        return ""


def _value(node: ast.expr) -> Any:
    """Give the value of a part of an expression: exactly, as a fraction, as long as that is possible."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return Fraction(str(node.value))
    if isinstance(node, ast.Name) and node.id in _CONSTANTS:
        return Fraction(_CONSTANTS[node.id])
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1 and not node.keywords:
        return Fraction(_FUNCTIONS.get(node.func.id, _unknown)(_value(node.args[0])))
    if isinstance(node, ast.BinOp) and type(node.op) in _SIGNS:
        left, right = _value(node.left), _value(node.right)
        if isinstance(node.op, ast.Pow) and abs(right) > 99:
            raise ValueError("too large")
        return _SIGNS[type(node.op)](left, right)
    if isinstance(node, ast.UnaryOp) and type(node.op) in _SIGNS:
        return _SIGNS[type(node.op)](_value(node.operand))
    raise ValueError("no expression of numbers")


def _unknown(_: Any) -> float:
    raise ValueError("no function of numbers")


def _vulgar(found: re.Match[str]) -> str:
    part = Fraction(unicodedata.numeric(found[2])).limit_denominator(10)
    return f"({int(found[1] or 0) + part})" if part.denominator > 1 else found[0]


def _digits(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError("no finite number")
    return repr(value)


def percent(given: str) -> str:
    """Give a number of percent as a share, with its own digits.

    >>> percent("12.345678"), percent("5"), percent("0,5")
    ('0.12345678', '0.05', '0.005')
    """
    return format(Decimal(given.replace(",", ".")) / 100, "f")


# ----------------------------------------------------------------------------------------------------------- commas


def comma_at(content: str, plain: str, place: int, key: str) -> tuple[int, str] | None:
    """Find a decimal comma, or one between thousands, at a place of a line or just before it, from 0.

    Args:
        content: the line. `plain` has "x" in place of what stands in quotes and comments.
        place: where the text stops being TOML.
        key: the key of the value.

    Returns: where the number begins, and what to write; None where there is none.
    """
    around = _around(plain, place)
    if around == "=" and (found := _grouped(content) or _values(plain, place, key)):
        return found
    if around == "[" and (found := _items(plain, place)):
        return found
    for match in _COMMA.finditer(plain):
        near = match.start() <= place <= match.end() or not plain[match.end() : place].strip()
        if near and match.start() <= place and (around != "[" or place <= match.end()):
            where, given = match.start(), re.sub(r"\s", "", match[0])
            says = _in_list(given, place - match.end() + len(given)) if around == "[" else point(given, key)
            return (where, says) if says else None
    apart = re.search(r"(?<![\d.])(\d+),\s+(0\d+)$", plain[:place] + "".join(re.findall(r"^\d+", plain[place:])))
    if around == "[" and apart and re.match(r"0\d|\d", plain[place:]):
        whole, rest = apart.groups()
        both = f"write {int(rest)}; or {whole}.{rest}, where {apart[0]} is one number."
        return apart.start(), f"a number has no 0 in front: {both}"
    return None


def point(given: str, key: str = "") -> str:
    """Say what to write for a number with commas.

    >>> point("0,05"), point("1.000,5"), point("1,000", "epochs")
    ('a number has a point, not a comma: write 0.05.', 'a number has a point, not a comma: write 1000.5.', 'a number \
has no comma: write 1000.')
    """
    if re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?", given):
        joined = given.replace(",", "")
        if given.count(",") > 1 or "." in given or key in WHOLE:
            return f"a number has no comma: write {joined}."
        return f"a number has no comma: write {given.replace(',', '.')}, or {joined} where it marks thousands."
    if re.fullmatch(r"[+-]?\d+,\d+(e[+-]?\d+)?", given, re.IGNORECASE):
        return f"a number has a point, not a comma: write {given.replace(',', '.')}."
    if re.fullmatch(r"[+-]?\d{1,3}(\.\d{3})+,\d+", given):
        return f"a number has a point, not a comma: write {given.replace('.', '').replace(',', '.')}."
    return ""


def _around(plain: str, place: int) -> str:
    """Give what a place is inside of: "{", "[" or, of a key's value that is neither, "="."""
    opened = "=" if "=" in plain[:place] else "["
    stack = [opened]
    for sign in plain[:place]:
        if sign in "[{":
            stack.append(sign)
        elif sign in "]}" and len(stack) > 1:
            stack.pop()
    return stack[-1]


def _grouped(content: str) -> tuple[int, str] | None:
    """Say what to write for a number with signs between its thousands, and a comma."""
    found = re.match(r"[^=#]*=\s*([+-]?\d{1,3}(?:[ '.]\d{3})+),(\d+)\s*(?:#|$)", content)
    if found is None:
        return None
    number = f"{re.sub(r'[^0-9+-]', '', found[1])}.{found[2]}"
    return found.start(1), f"a number has a point, not a comma: write {number}."


def _values(plain: str, place: int, key: str) -> tuple[int, str] | None:
    """Say what to write for numbers behind a key that are neither in a list nor one number of TOML."""
    match = re.match(rf"[^=]*=\s*({_NUMBER}(?:\s*,\s*{_NUMBER})+)\s*,?\s*(%)?\s*(?:x*)$", plain, re.IGNORECASE)
    if match is None or place < match.start(1):
        return None
    given, start = match[1], match.start(1)
    numbers = re.split(r"\s*,\s*", given)
    several = f"[{', '.join(_with_digits(number) for number in numbers)}]"
    one = re.sub(r"^(\d+),\s*(\d+)$", r"\1.\2", given.lstrip("+-"))
    one = f"{given[0] if given[0] in '+-' else ''}{one}" if "," not in one else ""
    if match[2]:
        if not one:
            return None
        thousands = re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", given)
        other = f", or {percent(given.replace(',', ''))} where the comma marks thousands" if thousands else ""
        return start, f"a number has no comma and no percent sign: write {percent(one)}{other}."
    if says := point(given, key) if key not in LISTS - WHOLE else "":
        return start, says
    if one and (" " in given or key in LISTS):
        single = f"[{one}]" if key in LISTS else one
        return start, f"a number has a point, not a comma: write {single}; or {several} for two numbers."
    return start, f"several numbers stand in square brackets: write {several}."


def _with_digits(number: str) -> str:
    """Give a number with a digit on both sides of its point, as TOML has it."""
    return re.sub(r"\.(?!\d)", ".0", re.sub(r"(?<!\d)\.", "0.", number))


def _items(plain: str, place: int) -> tuple[int, str] | None:
    """Say what to write for a list whose numbers have commas, with semicolons or a comma and a space between them."""
    begin = plain.rfind("[", 0, place) + 1
    end = plain.find("]", begin)
    inner = plain[begin : end if end >= 0 else len(plain)]
    given = inner.strip()
    items = [item.strip() for item in re.split(";" if ";" in given else r",\s+", given)]
    number = r"[+-]?\d+([.,]\d+)?" if ";" in given else r"[+-]?\d+,\d+"
    if len(items) < 2 or not all(re.fullmatch(number, item) for item in items):
        return None
    right = ", ".join(item.replace(",", ".") for item in items)
    start = begin + len(inner) - len(inner.lstrip())
    return start, f"numbers have points, and commas stand between them: write {right} in place of {given}."


def _in_list(given: str, place: int) -> str:
    """Say what to write for digits and commas without spaces in a list, of which an item begins with 0."""
    parts = given.split(",")
    if len(parts) == 2:
        return point(given)
    k = given[: place + 1].count(",")
    before, item = (parts[k - 1], parts[k]) if 0 < k < len(parts) else ("", "")
    if not re.fullmatch(r"0\d+", item):
        return ""
    if len(parts) % 2 == 0 and all(part.isdigit() for part in parts):
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return f"numbers have points, not commas: write {', '.join(f'{a}.{b}' for a, b in pairs)} in place of {given}."
    return f"a number has no 0 in front: write {int(item)}; or {before}.{item}, where {before},{item} is one number."
