"""Formulas as LaTeX and as plain text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from backlit.explain.algebra.numerals import latex_number, short_text
from backlit.explain.algebra.tree import COMPARISONS, FIRST_TERMS, FUNCTIONS, OWN, Apply, Literal, Node, Ref, is_long
from backlit.explain.quantity_names import latex_text

SUM, MINUS, PRODUCT, POWER, ATOM = range(5)
"""How tightly a printed piece holds together: a looser one within a tighter one takes brackets."""

OPERAND = r"\operand"
r"""Marks a number of the step in LaTeX: `\operand{...}{0.5}` with the number's name in hexadecimal UTF-8."""

LATEX_FUNCTIONS = {name: command for command, name in FUNCTIONS.items()}
GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "varepsilon": "ε", "epsilon": "ε", "eta": "η", "lambda": "λ",
    "mu": "μ", "rho": "ρ", "sigma": "σ", "pi": "π", "partial": "∂",
}  # fmt: skip


class Piece(NamedTuple):
    """A printed piece, and how tightly it holds together: SUM to ATOM."""

    text: str
    level: int

    def within(self, level: int, brackets: tuple[str, str]) -> str:
        """Give the text, in brackets where it holds together less tightly than `level`."""
        return self.text if self.level >= level else f"{brackets[0]}{self.text}{brackets[1]}"


NumberText = Callable[[Ref], str]
"""Gives the text of a quantity's number."""


def latex(node: Node, digits: int | None = None, text: NumberText | None = None) -> str:
    """Print a tree in LaTeX: symbols, or numbers of so many digits, or those that `text` gives."""
    return _print(node, _Latex(_numbers(digits, text))).text


def plain(node: Node, digits: int | None = None, text: NumberText | None = None) -> str:
    """Print a tree as plain text: names, or numbers of so many digits, or those that `text` gives."""
    return _print(node, _Plain(_numbers(digits, text))).text


def linked_latex(node: Node, text: NumberText) -> str:
    r"""Print a tree in LaTeX with the numbers that `text` gives, those of the step marked by the name of each.

    >>> linked_latex(Ref("w1", "w_1", 0.5, key=1), lambda ref: str(ref.value))
    '\\operand{7731}{0.5}'
    """
    return _print(node, _Linked(text)).text


def _numbers(digits: int | None, text: NumberText | None) -> NumberText | None:
    return text if digits is None else lambda ref: short_text(ref.value, digits)


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
    """How pieces look; `text` gives the quantities' numbers, and is None for symbols."""

    brackets = ("(", ")")
    dot = " · "

    def __init__(self, text: NumberText | None) -> None:
        self.text = text

    def ref(self, ref: Ref) -> Piece:
        return self.leaf(self.name(ref)) if self.text is None else self.number(self.text(ref))

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
        command = own_command(name) if name.startswith(OWN) else LATEX_FUNCTIONS.get(name, name)
        return Piece(rf"{command}\left({inside}\right)", ATOM)

    def cases(self, pairs: Sequence[tuple[str, str]]) -> Piece:
        pairs = [(value, condition or r"\text{otherwise}") for value, condition in pairs]
        rows = r" \\ ".join(f"{value} & {condition}" for value, condition in pairs)
        return Piece(rf"\begin{{cases}} {rows} \end{{cases}}", PRODUCT)


class _Linked(_Latex):
    def ref(self, ref: Ref) -> Piece:
        piece = super().ref(ref)
        if ref.key is None:
            return piece
        return piece._replace(text=f"{OPERAND}{{{ref.name.encode().hex()}}}{{{piece.text}}}")


def own_command(name: str) -> str:
    r"""Give the name of a function of one's own in LaTeX.

    >>> own_command("own my_act'")
    "\\text{my\\_act}'"
    """
    bare = name.removeprefix(OWN).rstrip("'")
    return rf"\text{{{latex_text(bare)}}}" + "'" * (len(name.removeprefix(OWN)) - len(bare))


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
        return Piece(f"{'√' if name == 'sqrt' else name.removeprefix(OWN)}({inside})", ATOM)

    def cases(self, pairs: Sequence[tuple[str, str]]) -> Piece:
        return Piece(
            "{" + "; ".join(f"{value} {f'if {test}' if test else 'otherwise'}" for value, test in pairs) + "}", ATOM
        )


def plain_symbol(symbol: str) -> str:
    r"""Give a symbol of LaTeX in plain text.

    >>> plain_symbol(r"\beta_1"), plain_symbol(r"\hat m"), plain_symbol(r"d_{\max}")
    ('β1', 'm^', 'd_max')
    >>> plain_symbol(r"\eta^+")
    'η+'
    """
    text = re.sub(r"\\hat\s*\{?(\w+)\}?", r"\1^", symbol)
    text = re.sub(r"\\([A-Za-z]+)", lambda found: GREEK.get(found[1], found[1]), text)
    text = re.sub(r"_\{?(\d)\}?", r"\1", text)
    text = re.sub(r"\^([+-])", r"\1", text)
    return text.replace("{", "").replace("}", "").replace("\\", "")
