r"""Formulas as trees: of one tree, the symbols and the numbers, in LaTeX and in plain text.

A leaf that names a quantity (`Ref`) knows its symbol and its number, so the two lines of a worked example, the formula
and the formula with numbers, are one tree printed twice:

>>> w, x = Ref("w(i1,h1)", r"w_{i_1 h_1}", 0.15), Ref("i1", "i_1", 0.05)
>>> product = times(w, x)
>>> latex(product), plain(product), plain(product, 9)
('w_{i_1 h_1} \\cdot i_1', 'w(i1,h1) · i1', '0.15 · 0.05')
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from backlit.errors import BacklitError
from backlit.explain.algebra.numerals import latex_number, short_text

LONGEST_SUM = 8
"""A sum of more terms is shortened to its first ones, how many are left out, and the total."""
FIRST_TERMS = 3


class Ref(msgspec.Struct, frozen=True):
    """A quantity of the step: its name, its symbol in LaTeX, its number.

    `key` says where the step has it; None of settings and counts, which no record is about.
    """

    name: str
    symbol: str
    value: float
    key: Any = None


class Literal(msgspec.Struct, frozen=True):
    """A number or a constant that a formula states: 1, 1.05, e, π."""

    symbol: str


class Symbol(msgspec.Struct, frozen=True):
    """A symbol of a formula text that nothing has been put in for yet."""

    symbol: str


class Apply(msgspec.Struct, frozen=True):
    """An operation on other trees: `head` is +, neg, *, /, ^, a comparison, "cases", "sum:k" or a function's name."""

    head: str
    args: tuple[Node, ...]


Node = Ref | Literal | Symbol | Apply

COMPARISONS = {">": ">", "<": "<", r"\le": "≤", r"\leq": "≤", r"\ge": "≥", r"\geq": "≥", "=": "=", r"\neq": "≠"}
FUNCTIONS = {
    r"\tanh": "tanh", r"\cosh": "cosh", r"\log": "log", r"\ln": "ln", r"\exp": "exp", r"\max": "max", r"\min": "min",
    r"\operatorname{erf}": "erf", r"\operatorname{sign}": "sign",
}  # fmt: skip
LATEX_FUNCTIONS = {name: command for command, name in FUNCTIONS.items()}
GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "varepsilon": "ε", "epsilon": "ε", "eta": "η", "lambda": "λ",
    "mu": "μ", "rho": "ρ", "sigma": "σ", "pi": "π", "partial": "∂",
}  # fmt: skip

# -------------------------------------------------------------------------------------------------------------- making


def plus(*terms: Node) -> Node:
    """Give a sum; of one term, the term."""
    return terms[0] if len(terms) == 1 else Apply("+", terms)


def neg(term: Node) -> Node:
    """Give minus a term."""
    return Apply("neg", (term,))


def times(*factors: Node) -> Node:
    """Give a product; of one factor, the factor."""
    return factors[0] if len(factors) == 1 else Apply("*", factors)


def over(upper: Node, lower: Node) -> Node:
    """Give a quotient."""
    return Apply("/", (upper, lower))


def power(base: Node, exponent: Node) -> Node:
    """Give a power."""
    return Apply("^", (base, exponent))


def call(name: str, *args: Node) -> Node:
    """Give a function of trees."""
    return Apply(name, args)


def number(value: float) -> Node:
    """Give a number that has no name."""
    return Literal(short_text(value, 17))


# ------------------------------------------------------------------------------------------------------------- walking


def replace(node: Node, put: Callable[[Symbol], Node]) -> Node:
    """Put something in for every symbol."""
    if isinstance(node, Symbol):
        return put(node)
    if isinstance(node, Apply):
        return Apply(node.head, tuple(replace(arg, put) for arg in node.args))
    return node


def expand(node: Node, sizes: Mapping[str, int], put: Callable[..., Node], at: Mapping[str, int]) -> Node:
    """Write out what runs over indices: `put("w", 0, 1)` gives what w_{ij} stands for at i = 0, j = 1.

    `sizes` says how far each index runs, `at` where the free ones stand.
    """
    if isinstance(node, Symbol):
        base, _, index = node.symbol.partition("_")
        places = [at[letter] for letter in index.strip("{}") if letter in at]
        return put(base, *places) if places else put(node.symbol)
    if not isinstance(node, Apply):
        return node
    kind, _, index = node.head.partition(":")
    if index:
        index, _, without = index.partition(r"\neq")
        places = [k for k in range(sizes[index]) if not without or k != at[without]]
        terms = [expand(node.args[0], sizes, put, {**at, index: k}) for k in places]
        return plus(*terms) if kind == "sum" else call(kind, *terms)
    if kind == "[]" and isinstance(node.args[0], Apply):
        sides = [arg.symbol for arg in node.args[0].args if isinstance(arg, Symbol)]
        if len(sides) == 2 and all(side in at for side in sides):
            return Literal(str(int(at[sides[0]] == at[sides[1]])))
    return Apply(node.head, tuple(expand(arg, sizes, put, at) for arg in node.args))


def refs(node: Node) -> Iterator[Ref]:
    """Give the quantities of a tree, from left to right."""
    if isinstance(node, Ref):
        yield node
    elif isinstance(node, Apply):
        for arg in node.args:
            yield from refs(arg)


def shown_refs(node: Node) -> Iterator[Ref]:
    """Give the quantities that are left where long sums are shortened."""
    if isinstance(node, Ref):
        yield node
    elif isinstance(node, Apply):
        for arg in node.args[:FIRST_TERMS] if is_long(node) else node.args:
            yield from shown_refs(arg)


def is_long(node: Apply) -> bool:
    """Tell whether a sum is shortened."""
    return node.head == "+" and len(node.args) > LONGEST_SUM


def evaluate(node: Node, maths: Any) -> Any:
    """Give the number of a tree in the arithmetic of `maths`: a module or object with `mpf`, `exp`, `log`, `tanh` ...

    Errors: a BacklitError for a symbol that has no number.
    """
    if isinstance(node, Ref):
        return maths.mpf(node.value)
    if isinstance(node, Literal):
        if node.symbol == "e":
            return maths.exp(maths.mpf(1))
        return maths.mpf(maths.pi) if node.symbol == r"\pi" else maths.mpf(node.symbol)
    if isinstance(node, Symbol):
        raise BacklitError(f"the symbol {node.symbol!r} of a formula has no number.")
    if node.head == "cases":
        return evaluate(branch_of(node, maths), maths)
    return _operation(node.head)(maths, *(evaluate(arg, maths) for arg in node.args))


def branch_of(node: Apply, maths: Any) -> Node:
    """Give the case whose condition holds."""
    for value, condition in zip(node.args[::2], node.args[1::2], strict=True):
        if evaluate(condition, maths):
            return value
    return node.args[-2]


def choose_cases(node: Node, maths: Any) -> Node:
    """Put the case that holds in the place of all cases."""
    if not isinstance(node, Apply):
        return node
    if node.head == "cases":
        return choose_cases(branch_of(node, maths), maths)
    return Apply(node.head, tuple(choose_cases(arg, maths) for arg in node.args))


def _sum(maths: Any, *terms: Any) -> Any:
    return sum(terms, start=maths.mpf(0))


def _product(maths: Any, *factors: Any) -> Any:
    total = maths.mpf(1)
    for factor in factors:
        total = total * factor
    return total


def _operation(head: str) -> Callable[..., Any]:
    """Give what an operation does with numbers."""
    known: dict[str, Callable[..., Any]] = {
        "+": _sum, "*": _product,
        "neg": lambda _, x: -x,
        "/": lambda _, x, y: x / y,
        "^": lambda _, x, y: x**y,
        "otherwise": lambda _: True,
        "abs": lambda _, x: abs(x),
        "max": lambda _, *x: max(x),
        "min": lambda _, *x: min(x),
        "sign": lambda m, x: m.mpf((x > 0) - (x < 0)),
        "ln": lambda m, x: m.log(x),
        "[]": lambda m, x: m.mpf(1 if x else 0),
        "and": lambda _, *x: all(x),
        ">": lambda _, x, y: x > y, "<": lambda _, x, y: x < y, "=": lambda _, x, y: x == y,
        "≤": lambda _, x, y: x <= y, "≥": lambda _, x, y: x >= y, "≠": lambda _, x, y: x != y,
    }  # fmt: skip
    return known.get(head) or (lambda m, *x: getattr(m, head)(*x))


# ------------------------------------------------------------------------------------------------------------ printing

SUM, MINUS, PRODUCT, POWER, ATOM = range(5)
"""How tightly a piece of text holds together."""


class Piece(NamedTuple):
    """A printed piece and how tightly it holds together."""

    text: str
    level: int

    def within(self, level: int, brackets: tuple[str, str]) -> str:
        """Give the text, in brackets where it would fall apart."""
        return self.text if self.level >= level else f"{brackets[0]}{self.text}{brackets[1]}"


def latex(node: Node, digits: int | None = None) -> str:
    """Print a tree in LaTeX: symbols, or numbers of so many digits."""
    return _print(node, _Latex(digits)).text


def plain(node: Node, digits: int | None = None) -> str:
    """Print a tree as plain text: names, or numbers of so many digits."""
    return _print(node, _Plain(digits)).text


def _print(node: Node, style: _Style) -> Piece:
    if isinstance(node, Apply):
        return _print_operation(node, style)
    return style.ref(node) if isinstance(node, Ref) else style.symbol(node.symbol)


def _print_operation(node: Apply, style: _Style) -> Piece:
    structures = {"+": _print_sum, "*": _print_product, "neg": _print_sum, "cases": _print_cases, "and": _print_and}
    if node.head in structures:
        return structures[node.head](node, style)
    if node.head in {"/", "^"}:
        left_piece, right_piece = (_print(arg, style) for arg in node.args)
        return (style.quotient if node.head == "/" else style.power)(left_piece, right_piece)
    if node.head in COMPARISONS.values():
        left, right = (_print(arg, style).text for arg in node.args)
        return Piece(f"{left} {style.comparison(node.head)} {right}", SUM)
    if node.head == "otherwise":
        return Piece("", ATOM)
    return style.function(node.head, [_print(arg, style) for arg in node.args])


def _terms(node: Node, sign: str) -> Iterator[tuple[str, Node]]:
    """Give the terms of a sum with their signs, sums within sums flat; a shortened sum stays one term."""
    if isinstance(node, Apply) and node.head == "neg":
        flipped = "-" if sign == "+" else "+"
        yield from [(flipped, node.args[0])] if _is_sum(node.args[0]) else _terms(node.args[0], flipped)
    elif isinstance(node, Apply) and node.head == "+" and sign == "+":
        kept = node.args[:FIRST_TERMS] if is_long(node) else node.args
        for arg in kept:
            yield from _terms(arg, sign)
        if is_long(node):
            yield sign, Literal(f"more:{len(node.args) - FIRST_TERMS}")
    else:
        yield sign, node


def _is_sum(node: Node) -> bool:
    return isinstance(node, Apply) and node.head == "+"


def _print_sum(node: Apply, style: _Style) -> Piece:
    text = ""
    for sign, term in _terms(node, "+"):
        piece = _print(term, style)
        leads_with_minus = piece.level < PRODUCT or piece.text.startswith("-")
        body = piece.within(ATOM if leads_with_minus and (text or sign == "-") else SUM, style.brackets)
        if not text:
            text = body if sign == "+" else f"-{body}"
        else:
            text += f" {sign} {body}"
    return Piece(text, SUM)


def _print_product(node: Apply, style: _Style) -> Piece:
    factors = [_print(arg, style).within(PRODUCT, style.brackets) for arg in node.args]
    return Piece(style.dot.join(factors), PRODUCT)


def _print_cases(node: Apply, style: _Style) -> Piece:
    pairs = [
        (_print(v, style).text, _print(c, style).text) for v, c in zip(node.args[::2], node.args[1::2], strict=True)
    ]
    return style.cases(pairs)


def _print_and(node: Apply, style: _Style) -> Piece:
    """Print conditions that share a middle as one: 0 < a < 1."""
    first, second = node.args
    return Piece(f"{_print(first, style).text}{_print(second, style).text.removeprefix(_middle(second, style))}", SUM)


def _middle(comparison: Node, style: _Style) -> str:
    return _print(comparison.args[0], style).text if isinstance(comparison, Apply) else ""


class _Style:
    """How pieces look; `digits` is None for symbols."""

    brackets = ("(", ")")
    dot = " · "

    def __init__(self, digits: int | None) -> None:
        self.digits = digits

    def ref(self, ref: Ref) -> Piece:
        if self.digits is None:
            return self.leaf(self.name(ref))
        return self.number(short_text(ref.value, self.digits))

    def number(self, text: str) -> Piece:
        if text.startswith("-"):
            return Piece(self.numeral(text), MINUS)
        return Piece(self.numeral(text), PRODUCT if "e" in text else ATOM)

    def symbol(self, symbol: str) -> Piece:
        if symbol.startswith("more:"):
            return Piece(self.more(int(symbol[5:])), ATOM)
        if re.fullmatch(r"-?[\d.]+(e-?\d+)?", symbol):
            return self.number(symbol)
        return self.leaf(self.sign(symbol))

    def leaf(self, text: str) -> Piece:
        """Give a symbol or a name as a piece."""
        return Piece(text, ATOM)

    def name(self, ref: Ref) -> str:
        raise NotImplementedError

    def numeral(self, text: str) -> str:
        raise NotImplementedError

    def sign(self, symbol: str) -> str:
        raise NotImplementedError

    def more(self, count: int) -> str:
        raise NotImplementedError

    def comparison(self, head: str) -> str:
        raise NotImplementedError

    def quotient(self, upper: Piece, lower: Piece) -> Piece:
        raise NotImplementedError

    def power(self, base: Piece, exponent: Piece) -> Piece:
        raise NotImplementedError

    def function(self, name: str, args: Sequence[Piece]) -> Piece:
        raise NotImplementedError

    def cases(self, pairs: Sequence[tuple[str, str]]) -> Piece:
        raise NotImplementedError


class _Latex(_Style):
    brackets = (r"\left(", r"\right)")
    dot = r" \cdot "

    def leaf(self, text: str) -> Piece:
        return Piece(text, POWER if is_raised(text) else ATOM)

    def name(self, ref: Ref) -> str:
        return ref.symbol

    def numeral(self, text: str) -> str:
        return latex_number(text)

    def sign(self, symbol: str) -> str:
        return symbol

    def more(self, count: int) -> str:
        return rf"\text{{… {count:,} more terms}}"

    def comparison(self, head: str) -> str:
        return next(command for command, sign in COMPARISONS.items() if sign == head)

    def quotient(self, upper: Piece, lower: Piece) -> Piece:
        return Piece(rf"\frac{{{upper.text}}}{{{lower.text}}}", POWER)

    def power(self, base: Piece, exponent: Piece) -> Piece:
        return Piece(f"{base.within(ATOM, self.brackets)}^{{{exponent.text}}}", POWER)

    def function(self, name: str, args: Sequence[Piece]) -> Piece:
        inside = ", ".join(arg.text for arg in args)
        if name == "abs":
            return Piece(rf"\left|{inside}\right|", ATOM)
        if name == "sqrt":
            return Piece(rf"\sqrt{{{inside}}}", ATOM)
        if name == "[]":
            return Piece(f"[{inside}]", ATOM)
        return Piece(rf"{LATEX_FUNCTIONS.get(name, name)}\left({inside}\right)", ATOM)

    def cases(self, pairs: Sequence[tuple[str, str]]) -> Piece:
        pairs = [(value, condition or r"\text{otherwise}") for value, condition in pairs]
        rows = r" \\ ".join(f"{value} & {condition}" for value, condition in pairs)
        return Piece(rf"\begin{{cases}} {rows} \end{{cases}}", PRODUCT)


def is_raised(symbol: str) -> bool:
    r"""Tell whether a symbol of LaTeX has a superscript of its own or is a fraction: a power of it takes brackets.

    >>> is_raised(r"{a_{1}}^{(2)}"), is_raised(r"\frac{\partial E}{\partial a}"), is_raised(r"m\left(w^{+}\right)")
    (True, True, False)
    """
    depth = 0
    for token in re.findall(r"\\[A-Za-z]+|\\.|.", symbol):
        depth += (token in {"{", r"\left"}) - (token in {"}", r"\right"})
        if not depth and token in {"^", "'", r"\frac"}:
            return True
    return False


class _Plain(_Style):
    def name(self, ref: Ref) -> str:
        return ref.name

    def numeral(self, text: str) -> str:
        return text

    def sign(self, symbol: str) -> str:
        return plain_symbol(symbol)

    def more(self, count: int) -> str:
        return f"… {count:,} more terms"

    def comparison(self, head: str) -> str:
        return head

    def quotient(self, upper: Piece, lower: Piece) -> Piece:
        if (upper.text + lower.text).isdigit():
            return Piece(f"{upper.text}/{lower.text}", PRODUCT)
        return Piece(f"{upper.within(PRODUCT, self.brackets)} / {lower.within(POWER, self.brackets)}", PRODUCT)

    def power(self, base: Piece, exponent: Piece) -> Piece:
        raised = "²" if exponent.text == "2" else f"^{exponent.within(ATOM, self.brackets)}"
        return Piece(base.within(ATOM, self.brackets) + raised, POWER)

    def function(self, name: str, args: Sequence[Piece]) -> Piece:
        inside = ", ".join(arg.text for arg in args)
        if name == "abs":
            return Piece(f"|{inside}|", ATOM)
        if name == "[]":
            return Piece(f"[{inside}]", ATOM)
        return Piece(f"{'√' if name == 'sqrt' else name}({inside})", ATOM)

    def cases(self, pairs: Sequence[tuple[str, str]]) -> Piece:
        return Piece(
            "{" + "; ".join(f"{value} {f'if {test}' if test else 'otherwise'}" for value, test in pairs) + "}", ATOM
        )


def plain_symbol(symbol: str) -> str:
    r"""Give a symbol of LaTeX in plain text.

    >>> plain_symbol(r"\beta_1"), plain_symbol(r"\hat m"), plain_symbol(r"d_{\max}")
    ('β1', 'm^', 'd_max')
    """
    text = re.sub(r"\\hat\s*\{?(\w+)\}?", r"\1^", symbol)
    text = re.sub(r"\\([A-Za-z]+)", lambda found: GREEK.get(found[1], found[1]), text)
    text = re.sub(r"_\{?(\d)\}?", r"\1", text)
    return text.replace("{", "").replace("}", "").replace("\\", "")
