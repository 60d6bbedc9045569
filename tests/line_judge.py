"""Judges the lines of a printed worked example by arithmetic of its own: reads the text, evaluates it, compares.

Nothing of `backlit.explain.algebra` is used. A formula is read twice, from the line with names and from that with
numbers; both must be the same tree. A number stands for an interval: half a unit of its last printed digit to each side
where it is rounded, itself alone where the formula states it or where it is written short, and so exact.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from mpmath import mp, mpf

FUNCTIONS = ("tanh", "cosh", "log", "ln", "exp", "max", "min", "erf", "sign", "√")
NUMBER = r"\d+(?:\.\d+)?(?:e-?\d+)?|∞|NaN"
COMPARISONS = {
    ">": lambda x, y: x > y, "<": lambda x, y: x < y, "≤": lambda x, y: x <= y, "≥": lambda x, y: x >= y,
    "=": lambda x, y: x == y, "≠": lambda x, y: x != y,
}  # fmt: skip


SETTING_DIGITS = 9
"""Settings, such as the rate, are printed with at least so many places."""


class Line(NamedTuple):
    """A number as it is printed: its name, its formula, the formula with numbers (or nothing), its value, a remark."""

    name: str
    formula: str
    numbers: str
    value: str
    note: str


# ------------------------------------------------------------------------------------------------- the printed text


def given_numbers(text: str) -> dict[str, str]:
    """Give the numbers that a printed worked example states, by name."""
    found: dict[str, str] = {}
    lines = text.splitlines()
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if re.match(r" {3,}.*= ", below):  # it is a formula that is a number
            continue
        cells = re.split(r" {3,}", line.strip())
        parts = [re.fullmatch(rf"(.+?) = (-?(?:{NUMBER}))(?: \(.*\))?", cell) for cell in cells]
        if line.startswith("  ") and all(parts):
            found |= {part[1].strip(): part[2] for part in parts if part}
    return found


def printed_lines(text: str) -> Iterator[Line]:
    """Give the worked numbers of a printed example, one after another."""
    lines, given = text.splitlines(), given_numbers(text)
    k = 0
    while k < len(lines):
        head = re.match(r"^  (\S.*?) += (.*)$", lines[k])
        k += 1
        if not head or head[1].strip() in given:
            continue
        body: list[str] = []
        while k < len(lines) and re.match(r"^ {3,}\S", lines[k]) and not re.match(r"^  \S", lines[k]):
            body.append(lines[k].strip())
            k += 1
        worked = " ".join(part for part in body if part.startswith("= "))
        note = " ".join(part for part in body if not part.startswith("= "))
        worked, _, checked = worked.partition("   by differences")
        numbers, _, value = ("= " + worked.removeprefix("= ")).rpartition("= ")
        if value:
            yield Line(head[1].strip(), head[2].strip(), numbers.removeprefix("= ").strip(), value.strip(),
                       f"{note} {checked}".strip())  # fmt: skip


# --------------------------------------------------------------------------------------------------- reading a line


class Tree(NamedTuple):
    """A node: `kind` is number, name, more, cases, or an operation."""

    kind: str
    text: str = ""
    args: tuple[Tree, ...] = ()


class Reader:
    """Reads one side of a line; names are the longest known ones, else words."""

    def __init__(self, text: str, names: Iterable[str] = ()) -> None:
        known = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
        word = r"[A-Za-zα-ωΑ-Ω_]\w*(?:\[[^\]]*\])?[+-]?(?![\w(])"
        functions = "|".join(map(re.escape, FUNCTIONS))
        pattern = (
            rf"… [\d,]+ more terms|(?:{functions})(?=\()|" + (f"(?:{known})|" if known else "") +
            rf"(?:{NUMBER})|e(?=[\^²])|\bif\b|\botherwise\b|{word}|\S"
        )  # fmt: skip
        self.tokens, self.place, self.names, self.text = re.findall(pattern, text), 0, set(names), text

    @property
    def next(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.next
        assert token, f"{self.text!r} ends early"
        assert not expected or token == expected, f"{self.text!r}: {token!r} for {expected!r}"
        self.place += 1
        return token

    def whole(self) -> Tree:
        tree = self.sum()
        assert not self.next, f"{self.text!r} goes on with {self.next!r}"
        return tree

    def sum(self) -> Tree:
        tree = Tree("neg", args=(self.product(),)) if self.next == "-" and self.take() else self.product()
        while self.next in {"+", "-"}:
            tree = Tree(self.take(), args=(tree, self.product()))
        return tree

    def product(self) -> Tree:
        tree = self.power()
        while self.next in {"·", "/"}:
            tree = Tree(self.take(), args=(tree, self.power()))
        return tree

    def power(self) -> Tree:
        base = self.atom()
        while self.next in {"^", "²"}:
            base = Tree("^", args=(base, Tree("number", "2") if self.take() == "²" else self.atom()))
        return base

    def atom(self) -> Tree:
        token = self.take()
        if token.startswith("…"):
            return Tree("more", token)
        if token in self.names:
            return Tree("name", token)
        if re.fullmatch(NUMBER, token):
            return Tree("number", token)
        if token in FUNCTIONS:
            self.take("(")
            args = [self.sum()]
            while self.next == "," and self.take():
                args.append(self.sum())
            self.take(")")
            return Tree(token, args=tuple(args))
        closing = {"(": ")", "|": "|", "[": "]"}
        if token in closing:
            inner = self.condition()
            self.take(closing[token])
            return inner if token == "(" else Tree(token, args=(inner,))
        return self.cases() if token == "{" else Tree("constant" if token in {"e", "π"} else "name", token)

    def condition(self) -> Tree:
        tree, found = self.sum(), []
        while self.next in COMPARISONS:
            sign = self.take()
            right = self.sum()
            found.append(Tree(sign, args=(tree, right)))
            tree = right
        return tree if not found else found[0] if len(found) == 1 else Tree("and", args=tuple(found))

    def cases(self) -> Tree:
        args = []
        while True:
            args.append(self.sum())
            args.append(self.condition() if self.take() == "if" else Tree("otherwise"))
            if self.take() == "}":
                return Tree("cases", args=tuple(args))


def pairs(formula: Tree, numbers: Tree) -> list[tuple[str, str]] | None:
    """Give each name of a formula with its number in the line below; None where the two are not the same tree."""
    if formula.kind == "cases":
        found = (pairs(value, numbers) for value in branches(formula))
        return next((match for match in found if match is not None), None)
    if formula.kind == "name":
        sign = "-" if numbers.kind == "neg" else ""
        number = numbers.args[0] if sign else numbers
        return [(formula.text, sign + number.text)] if number.kind == "number" else None
    if (formula.kind, len(formula.args)) != (numbers.kind, len(numbers.args)) or (
        formula.kind == "number" and exactly(formula.text) != exactly(numbers.text)
    ):
        # A sum that begins with a negative number: "-2 + 3" for "a + b", "-2 · 3" for "a · b".
        return _pairs_after_sign(formula, numbers)
    together = []
    for one, other in zip(formula.args, numbers.args, strict=True):
        match = pairs(one, other)
        if match is None:
            return _pairs_after_sign(formula, numbers)
        together += match
    return together


def branches(cases: Tree) -> list[Tree]:
    """Give the values of cases, those that are a number first: a name stands for any number."""
    return sorted(cases.args[::2], key=lambda value: value.kind == "name")


def _pairs_after_sign(formula: Tree, numbers: Tree) -> list[tuple[str, str]] | None:
    """Take a leading minus into the first number: a product or quotient whose first factor is negative."""
    if numbers.kind != "neg" or formula.kind not in {"·", "/"}:
        return None
    inner = numbers.args[0]
    if inner.kind != formula.kind:
        return None
    moved = Tree(inner.kind, args=(Tree("neg", args=(inner.args[0],)), inner.args[1]))
    return pairs(formula, moved)


# ------------------------------------------------------------------------------------------------------- intervals


class Interval(NamedTuple):
    """All numbers from `low` to `high`."""

    low: Any
    high: Any

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low)


REALS = Interval(-mp.inf, mp.inf)


def hull(*values: Any) -> Interval:
    return REALS if any(mp.isnan(v) for v in values) else Interval(min(values), max(values))


def times(x: Interval, y: Interval) -> Interval:
    def product(a: Any, b: Any) -> Any:
        return mpf(0) if not a or not b else a * b  # the end of an interval is never taken as infinite times 0

    return hull(*(product(a, b) for a in x for b in y))


def inverse(x: Interval) -> Interval:
    if x.low < 0 < x.high or x.low == x.high == 0:
        return REALS
    low = mp.inf if x.low == 0 else 1 / x.low
    high = -mp.inf if x.high == 0 else 1 / x.high
    return Interval(high, low)


def absolute(x: Interval) -> Interval:
    ends = (abs(x.low), abs(x.high))
    return Interval(mpf(0) if x.low <= 0 <= x.high else min(ends), max(ends))


def sign(v: Any) -> int:
    return (v > 0) - (v < 0)


def power(x: Interval, y: Interval) -> Interval:
    exponent = (
        mp.nint(y.low) if abs(y.high - y.low) < mpf("1e-9") and abs(y.low - mp.nint(y.low)) < mpf("1e-9") else None
    )
    assert exponent is not None, "a power has a whole exponent"
    if exponent == 2:
        size = absolute(x)
        return Interval(size.low**2, size.high**2)
    return hull(x.low**exponent, x.high**exponent)


def rising(function: Callable[[Any], Any], lowest: Any = -mp.inf) -> Callable[[Interval], Interval]:
    """Give a function that never falls, on intervals; below `lowest` it has no value."""

    def of(x: Interval) -> Interval:
        low = function(max(x.low, lowest)) if x.low > -mp.inf or lowest > -mp.inf else function(mpf("-1e400"))
        return Interval(low, function(x.high) if x.high >= lowest else mp.nan)

    return of


def exponential(v: Any) -> Any:
    return mp.exp(v) if mp.isfinite(v) else mp.inf if v > 0 else mpf(0)


def logarithm(v: Any) -> Any:
    return -mp.inf if v == 0 else mp.inf if v == mp.inf else mp.log(v)


def cosh(x: Interval) -> Interval:
    size = absolute(x)
    return Interval(*((exponential(v) + exponential(-v)) / 2 for v in size))


def steep(v: Any) -> Any:
    """Give tanh, of numbers of any size."""
    return mpf(sign(v)) if abs(v) > 1e4 else mp.tanh(v)


def error_function(v: Any) -> Any:
    return mpf(sign(v)) if abs(v) > 1e3 else mp.erf(v)


OPERATIONS: dict[str, Callable[..., Interval]] = {
    "+": lambda x, y: Interval(x.low + y.low, x.high + y.high),
    "-": lambda x, y: Interval(x.low - y.high, x.high - y.low),
    "neg": lambda x: -x,
    "·": times,
    "/": lambda x, y: times(x, inverse(y)),
    "^": power,
    "|": absolute,
    "√": rising(mp.sqrt, mpf(0)),
    "exp": rising(exponential),
    "log": rising(logarithm, mpf(0)),
    "ln": rising(logarithm, mpf(0)),
    "tanh": rising(steep),
    "erf": rising(error_function),
    "cosh": cosh,
    "sign": rising(lambda v: mpf(sign(v))),
    "max": lambda *x: Interval(max(v.low for v in x), max(v.high for v in x)),
    "min": lambda *x: Interval(min(v.low for v in x), min(v.high for v in x)),
}  # fmt: skip


class FalseLineError(Exception):
    """The two sides of a line do not say the same."""


class UnknownError(Exception):
    """A sum whose terms are not all printed."""


def value_of(tree: Tree, number: Callable[[Tree], Interval]) -> Interval:
    """Evaluate a tree on intervals; `number` gives those of its leaves."""
    if tree.kind == "more":
        raise UnknownError
    if tree.kind in {"number", "name"}:
        return number(tree)
    if tree.kind == "constant":
        return point(mp.pi + 0)
    if tree.kind == "[":
        truth = {holds(tree.args[0], number, side) for side in (min, max)}
        return hull(*(mpf(int(t)) for t in truth)) if len(truth) == 1 else Interval(mpf(0), mpf(1))
    if tree.kind == "cases":
        values = zip(tree.args[::2], tree.args[1::2], strict=True)
        return value_of(next(v for v, test in values if holds(test, number, None)), number)
    if tree.kind == "^" and tree.args[0] == Tree("constant", "e"):
        return OPERATIONS["exp"](value_of(tree.args[1], number))
    return OPERATIONS[tree.kind](*(value_of(arg, number) for arg in tree.args))


def holds(test: Tree, number: Callable[[Tree], Interval], side: Any) -> bool:
    """Tell whether a condition holds: at the middle of its numbers, or where the left side is least or largest."""
    if test.kind == "otherwise":
        return True
    if test.kind == "and":
        return all(holds(part, number, side) for part in test.args)
    left, right = (value_of(arg, number) for arg in test.args)
    if side is None:
        return COMPARISONS[test.kind]((left.low + left.high) / 2, (right.low + right.high) / 2)
    other = {min: max, max: min}[side]
    return COMPARISONS[test.kind](side(left), other(right))


# --------------------------------------------------------------------------------------------------------- judging


def exactly(text: str) -> Any:
    special = {"∞": mp.inf, "-∞": -mp.inf, "NaN": mp.nan}
    return special[text] if text in special else mpf(text)


def half_unit(text: str) -> Any:
    """Give half a unit of the last digit of a printed number."""
    mantissa, _, exponent = text.partition("e")
    return mpf(10) ** (int(exponent or 0) - len(mantissa.partition(".")[2])) / 2


def rounded(text: str, slack: str = "1") -> Interval:
    """Give the numbers that a printed, rounded number may be."""
    middle = exactly(text)
    if not mp.isfinite(middle):
        return REALS if mp.isnan(middle) else Interval(middle, middle)
    return Interval(middle - mpf(slack) * half_unit(text), middle + mpf(slack) * half_unit(text))


class Judge:
    """Judges the lines of one printed example, with so many digits."""

    def __init__(self, text: str, digits: int) -> None:
        self.lines = list(printed_lines(text))
        self.given, self.digits = given_numbers(text), digits
        self.values = {line.name: line.value for line in self.lines}
        self.names = [*self.values, *self.given]
        self.read: dict[Line, tuple[Tree, Tree, list[tuple[str, str]]]] = {}

    def operand(self, name: str, text: str) -> Interval:
        """Give the numbers that an operand may be: rounded as in its own line, or short and exact."""
        own = self.values.get(name, self.given.get(name))
        if own is not None:
            if text == own and name in self.values:
                return rounded(text)
            if exactly(text) != exactly(own) and not inside(exactly(text), own):
                raise FalseLineError(f"{name} is {own}, here {text}")
        places = self.digits if name in self.names else max(self.digits, SETTING_DIGITS)
        mantissa, e, _ = text.partition("e")
        full = max(places - 1, 0) if e else places
        return rounded(text) if len(mantissa.partition(".")[2]) >= full else point(exactly(text))

    def trees(self, line: Line) -> tuple[Tree, Tree, list[tuple[str, str]]]:
        """Read both sides of a line, and give the numbers of the names."""
        if line in self.read:
            return self.read[line]
        words = re.findall(r"[^\s·]+", line.formula)
        formula = Reader(
            line.formula, [name for name in self.names if any(name in w for w in words) or " " in name]
        ).whole()
        numbers = Reader(line.numbers or line.value).whole()
        found = pairs(formula, numbers)
        if found is None:
            raise FalseLineError(f"not one formula: {line.formula} and {line.numbers or line.value}")
        return self.read.setdefault(line, (formula, numbers, found))

    def complaint(self, line: Line) -> str:
        """Say what is wrong with a line; nothing where it is true."""
        with mp.workdps(40):
            found = self._complaint(line)
        if found:  # numbers beside a 1 may be as small as float64 has them
            with mp.workdps(450):
                return self._complaint(line)
        return ""

    def _complaint(self, line: Line) -> str:
        try:
            formula, numbers, found = self.trees(line)
            # The chosen case of the formula, with each name's interval in the order in which the names stand.
            result = value_of(chosen(formula, numbers), self.leaves(found))
        except UnknownError:
            return ""
        except FalseLineError as error:
            return str(error)
        shown = rounded(line.value, "1.0001")
        finite = all(mp.isfinite(exactly(text)) for _, text in found)
        if not mp.isfinite(exactly(line.value)):
            large = result == REALS or result.high > mpf("1.79e308") or result.low < mpf("-1.79e308")
            return "" if (large and "beyond float64" in line.note) or not finite else "infinite without a word"
        if not finite or mp.isnan(result.low) or mp.isnan(result.high):
            return "" if not finite else f"has no value: {result}"
        apart = result.low > shown.high or result.high < shown.low
        return f"evaluates to {mp.nstr(result.low, 25)} .. {mp.nstr(result.high, 25)}" if apart else ""

    def leaves(self, found: list[tuple[str, str]]) -> Callable[[Tree], Interval]:
        known = dict(found)

        def leaf(tree: Tree) -> Interval:
            if tree.kind == "number":
                return point(exactly(tree.text))
            return self.operand(tree.text, known[tree.text])

        return leaf

    def wrong_lines(self) -> list[str]:
        """Give all lines that are not true, each with what is wrong."""
        judged = [(line, self.complaint(line)) for line in self.lines]
        return [f"{line.name} = {line.formula} = {line.numbers} = {line.value}: {why}" for line, why in judged if why]

    def wrong_formulas(self, values: dict[str, float], slack: str = "1e-13") -> list[str]:
        """Give the lines whose formula, on the numbers in full, does not give the number but for float64's rounding."""
        wrong = []
        for line in self.lines:
            apart = ""
            for digits in (40, 450):
                with mp.workdps(digits):
                    apart = self._apart(line, values, slack)
                if not apart:
                    break
            wrong += [apart] if apart else []
        return wrong

    def _apart(self, line: Line, values: dict[str, float], slack: str) -> str:
        formula, _, found = self.trees(line)
        value = around(mpf(repr(values[line.name])), slack)
        settings = {name: self.operand(name, text) for name, text in found if name not in values}
        written = {name: mpf(repr(values[name])) for name in names_of(formula) if name in values}
        used = [*written.values()]
        if not all(map(mp.isfinite, [*value, *used])):
            return ""

        def leaf(tree: Tree) -> Interval:
            if tree.kind == "number":
                return around(mpf(tree.text), slack)
            # A setting of another case than the one that the numbers were read for has no number here.
            return around(written[tree.text], slack) if tree.text in written else settings.get(tree.text, REALS)

        def exact(tree: Tree) -> Interval:
            if tree.kind == "number":
                return point(mpf(tree.text))
            return point(written[tree.text] if tree.text in written else middle(leaf(tree)))

        try:
            result = value_of(decided(formula, exact), leaf)
        except UnknownError:
            return ""
        reach = mpf("1e-300") + 4 * mpf(2) ** -52 * max(map(abs, used), default=mpf(0))
        if result.low - reach <= value.high and result.high + reach >= value.low:
            return ""
        return f"{line.name} = {line.formula}: {mp.nstr(result.low, 17)} for {values[line.name]!r}"


def middle(x: Interval) -> Any:
    return (x.low + x.high) / 2 if mp.isfinite(x.low) and mp.isfinite(x.high) else mp.nan


def decided(tree: Tree, exact: Callable[[Tree], Interval]) -> Tree:
    """Put the case that holds in the place of all, and 1 or 0 in that of a condition in brackets."""
    if tree.kind == "cases":
        values = zip(tree.args[::2], tree.args[1::2], strict=True)
        return decided(next(value for value, test in values if holds(test, exact, None)), exact)
    if tree.kind == "[":
        return Tree("number", str(int(holds(tree.args[0], exact, None))))
    return tree._replace(args=tuple(decided(arg, exact) for arg in tree.args))


def names_of(tree: Tree) -> list[str]:
    return [tree.text] if tree.kind == "name" else [name for arg in tree.args for name in names_of(arg)]


def chosen(formula: Tree, numbers: Tree) -> Tree:
    """Put the case that the line with numbers shows in the place of all cases."""
    if formula.kind == "cases":
        return next(chosen(value, numbers) for value in branches(formula) if pairs(value, numbers) is not None)
    if formula.kind in {"·", "/"} and numbers.kind == "neg" and numbers.args[0].kind == formula.kind:
        inner = numbers.args[0]
        numbers = Tree(inner.kind, args=(Tree("neg", args=(inner.args[0],)), inner.args[1]))
    if len(formula.args) != len(numbers.args):
        return formula
    return formula._replace(args=tuple(chosen(a, b) for a, b in zip(formula.args, numbers.args, strict=True)))


def inside(value: Any, text: str) -> bool:
    bounds = rounded(text, "1.0001")
    return bool(bounds.low <= value <= bounds.high)


def point(value: Any) -> Interval:
    return REALS if mp.isnan(value) else Interval(value, value)


def around(value: Any, slack: str) -> Interval:
    reach = abs(value) * mpf(slack)
    return Interval(value - reach, value + reach)


# ------------------------------------------------------------------------------------------------------------ LaTeX

COMMANDS = {
    r"\cdot": "·", r"\left": "", r"\right": "", r"\le": "≤", r"\ge": "≥", r"\neq": "≠", r"\pi": "π", r"\infty": "∞",
    r"\log": "log", r"\ln": "ln", r"\tanh": "tanh", r"\cosh": "cosh", r"\max": "max", r"\min": "min",
    r"\operatorname{erf}": "erf", r"\operatorname{sign}": "sign", r"\mathrm{NaN}": "NaN",
}  # fmt: skip


def text_of_latex(latex: str) -> str:
    """Give a line of numbers in LaTeX in the notation of the printed text."""
    for command, text in sorted(COMMANDS.items(), key=lambda pair: -len(pair[0])):
        latex = latex.replace(command, text)
    latex = re.sub(r" \\times 10\^\{(-?\d+)\}", r"e\1", latex)
    latex = re.sub(r"\\text\{(… [\d,]+ more terms)\}", r"\1", latex)
    while found := re.search(r"\\(frac|sqrt)\{", latex):
        first, rest = _group(latex[found.end() - 1 :])
        if found[1] == "frac":
            second, rest = _group(rest)
            latex = f"{latex[: found.start()]}(({first}) / ({second})){rest}"
        else:
            latex = f"{latex[: found.start()]}√({first}){rest}"
    while (inner := re.sub(r"\^\{([^{}]*)\}", r"^(\1)", latex)) != latex:
        latex = inner
    return latex


def _group(latex: str) -> tuple[str, str]:
    """Give what stands in the braces at the beginning, and what follows them."""
    depth = 0
    for k, c in enumerate(latex):
        depth += (c == "{") - (c == "}")
        if not depth:
            return latex[1:k], latex[k + 1 :]
    raise AssertionError(latex)


def latex_differs(latex: str, text: str) -> str:
    """Say in what a line of numbers in LaTeX differs from that in plain text; nothing where both say the same."""
    one, other = Reader(text_of_latex(latex)).whole(), Reader(text).whole()
    if sorted(leaves(one)) != sorted(leaves(other)):
        return f"other numbers: {latex} for {text}"

    def number(leaf: Tree) -> Interval:
        return point(exactly(leaf.text))

    with mp.workdps(60):
        try:
            values = [value_of(tree, number) for tree in (one, other)]
        except UnknownError:
            return ""
        near = around(values[1].low, "1e-40")
        same = values[0] == values[1] or near.low <= values[0].low <= near.high or mp.isnan(values[1].low)
    return "" if same else f"another value: {latex} for {text}"


def leaves(tree: Tree) -> list[str]:
    """Give the numbers of a tree."""
    return [tree.text] if tree.kind == "number" else [text for arg in tree.args for text in leaves(arg)]
