"""Formulas evaluated in decimal arithmetic of many digits, to tell which digits of a float64 result are right."""

from __future__ import annotations

import decimal
import functools
import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from types import SimpleNamespace

from backlit.explain.algebra.tree import COMPARISONS, Apply, Literal, Node, Ref, Symbol, branch_of, evaluate

FEW, MANY = 60, 420
"""Digits of the usual evaluation; and of that of numbers as small as float64 has them, beside a 1."""
LOGARITHMS = ("log", "ln")
LEFT = 30
"""Where a sum cancels so far that rounded terms leave it fewer digits than this, the digits do not suffice."""

WIDE = decimal.Context(prec=1500, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN, traps=[])
"""For sums, so that no term is lost beside a larger one."""

FLOATS = SimpleNamespace(
    mpf=float, exp=math.exp, log=math.log, tanh=math.tanh, cosh=math.cosh, sqrt=math.sqrt, erf=math.erf, pi=math.pi
)
"""The arithmetic in which signs and conditions are decided, as the engine decides them."""

Number = Callable[[Ref], Decimal]
"""Gives the number of a quantity."""


def context(digits: int) -> decimal.Context:
    """Give a context in which nothing raises: what has no number is NaN or infinite."""
    return decimal.Context(prec=digits, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN, traps=[])


def as_written(value: float) -> Decimal:
    """Give the shortest decimal that means a float64: 0.1 is a tenth."""
    return Decimal(repr(float(value)))


def recorded(ref: Ref) -> Decimal:
    """Give the number that the engine has of a quantity."""
    return as_written(ref.value)


def distance(one: Decimal, other: Decimal) -> Decimal:
    """Give |one - other| without an overflow, however large the two are; the usual context raises."""
    return WIDE.subtract(one, other).copy_abs()


def decimal_value(node: Node, number: Number = recorded, digits: int = FEW) -> Decimal:
    """Give a formula's number; NaN or infinite where it has none. Where a sum cancels, it takes as many digits as that.

    Signs and conditions are decided by the engine's numbers: it took that branch.

    >>> from backlit.explain.algebra.parsing import parse
    >>> str(decimal_value(parse(r"10^{-30} + 1 - 1")))
    '1E-30'
    >>> cancelled = parse(r"1 + \\operatorname{erf}(-15)")
    >>> f"{decimal_value(cancelled):.3e}"
    '7.213e-100'
    """
    value, enough = value_and_trust(node, number, digits)
    return value if enough or digits >= MANY else value_and_trust(node, number, MANY)[0]


Sums = dict[int, tuple[Apply, Decimal]]
"""Sums that were worked out, by the identity of the tree, which is kept beside the number."""


def value_and_trust(node: Node, number: Number, digits: int, sums: Sums | None = None) -> tuple[Decimal, bool]:
    """Give a formula's number in so many digits, and whether they suffice: no sum of rounded terms cancels.

    A sum in `sums` is not worked out again, others are added there: several formulas may share its tree.
    """
    with decimal.localcontext(context(digits)):
        evaluation = _Evaluation(number, digits, sums)
        return +evaluation.value(node), evaluation.enough


class _Evaluation:
    """Evaluates a formula; `enough` tells whether its digits have sufficed so far."""

    def __init__(self, number: Number, digits: int, sums: Sums | None) -> None:
        self.number, self.digits, self.sums, self.enough = number, digits, sums, True

    def value(self, node: Node) -> Decimal:
        """Give the number of a tree."""
        if isinstance(node, Ref):
            return self.number(node)
        if isinstance(node, (Literal, Symbol)):
            return _constant(node.symbol)
        if node.head == "cases":
            return self.value(branch_of(node, FLOATS))
        if node.head == "+" and self.sums is not None:
            return self._of_sum(node, self.sums)
        return _decided(node) if node.head in {"sign", "[]"} else self._of_operation(node)

    def _of_sum(self, node: Apply, sums: Sums) -> Decimal:
        found = sums.get(id(node))
        if found is not None:
            return found[1]
        result = self._of_operation(node)
        if self.enough:
            sums[id(node)] = node, result
        return result

    def _of_operation(self, node: Apply) -> Decimal:
        if node.head == "^" and node.args[0] == Literal("e"):
            return _exp(self.value(node.args[1]), self.digits)
        function = _FUNCTIONS.get(node.head)
        if function is None:
            return Decimal("NaN")
        args = [self.value(arg) for arg in node.args]
        result = self._log_of(node.args[0]) if node.head in LOGARITHMS and not args[0].is_finite() else function(*args)
        if node.head == "+" and self.enough:
            self.enough = not self._cancels(args, result)
        return result

    def _log_of(self, node: Node) -> Decimal:
        """Give the logarithm of e^x, or of a sum of such powers, where these are beyond all decimals: x is not."""
        terms = node.args if isinstance(node, Apply) and node.head == "+" else (node,)
        logs = []
        for term in terms:
            power = isinstance(term, Apply) and term.head == "^" and term.args[0] == Literal("e")
            logs.append(self.value(term.args[1]) if power else self.value(term).ln())  # type: ignore[union-attr]
        top = max(logs)
        return top + _sum(*((log - top).exp() for log in logs)).ln() if top.is_finite() else top

    def _cancels(self, terms: list[Decimal], total: Decimal) -> bool:
        """Tell whether a sum is so much smaller than a rounded term that this one's rounding may be all of it."""
        if not total.is_finite():
            return False
        least = total.adjusted() + self.digits - LEFT if total else decimal.MIN_EMIN
        return any(term and term.adjusted() > least and len(term.as_tuple().digits) >= self.digits for term in terms)


def _constant(symbol: str) -> Decimal:
    if symbol == "e":
        return Decimal(1).exp()
    return pi(decimal.getcontext().prec) if symbol == r"\pi" else Decimal(symbol)


def _decided(node: Apply) -> Decimal:
    """Give a sign or a condition as float64 has it."""
    try:
        return Decimal(int(evaluate(node, FLOATS)))
    except (ArithmeticError, ValueError):
        return Decimal("NaN")


def decisions(node: Node) -> Iterator[Node]:
    """Give the numbers whose signs decide in a formula: of `sign`, and of both sides' difference in a condition."""
    if isinstance(node, Apply):
        if node.head == "sign":
            yield node.args[0]
        elif node.head in COMPARISONS.values():
            yield Apply("+", (node.args[0], Apply("neg", (node.args[1],))))
        for arg in node.args:
            yield from decisions(arg)


def _sum(*terms: Decimal) -> Decimal:
    total = Decimal(0)
    for term in terms:
        total = WIDE.add(total, term)
    return total


def _product(*factors: Decimal) -> Decimal:
    total = Decimal(1)
    for factor in factors:
        total = total * factor
    return total


def _power(base: Decimal, exponent: Decimal) -> Decimal:
    return base * base if exponent == 2 else base**exponent


@functools.lru_cache(maxsize=4096)
def _exp(x: Decimal, digits: int) -> Decimal:
    """Give e^x; the outputs of a softmax, and their slopes, have the same ones."""
    return x.exp(context(digits))


def _tanh(x: Decimal) -> Decimal:
    prec, size = decimal.getcontext().prec, x.adjusted()
    if not x or 2 * size < -prec:  # x but for less than the last digit
        return +x
    e = (-2 * abs(x)).exp(context(prec + max(-size, 0)))  # of a small x, 1 - e cancels
    return (WIDE.subtract(1, e) / (1 + e)).copy_sign(x)


def _erf(x: Decimal) -> Decimal:
    """Give 2 / √π exp(-x²) Σ 2ⁿ x²ⁿ⁺¹ / (1 · 3 · ... · (2n + 1)), whose terms do not cancel."""
    prec = decimal.getcontext().prec
    if not x.is_finite() or x * x > 3 * prec:  # 1 but for less than the last digit
        return (1 - Decimal(10) ** (-2 * prec)).copy_sign(x) if not x.is_nan() else x
    term = total = x
    odd = 1
    while abs(term) > abs(total) * Decimal(10) ** -prec:
        odd += 2
        term = term * 2 * x * x / odd
        total += term
    return 2 / pi(prec).sqrt() * (-x * x).exp() * total


@functools.cache
def pi(digits: int) -> Decimal:
    """Give π by Machin's formula.

    >>> str(pi(20))
    '3.1415926535897932385'
    """
    with decimal.localcontext(context(digits + 10)):
        total = 16 * _arctan_of_one_over(5) - 4 * _arctan_of_one_over(239)
    return context(digits).plus(total)


def _arctan_of_one_over(n: int) -> Decimal:
    power, total, odd, sign = Decimal(1) / n, Decimal(0), 1, 1
    while power > Decimal(10) ** -decimal.getcontext().prec:
        total += sign * power / odd
        power, odd, sign = power / (n * n), odd + 2, -sign
    return total


_FUNCTIONS: dict[str, Callable[..., Decimal]] = {
    "+": _sum, "*": _product, "^": _power, "tanh": _tanh, "erf": _erf,
    "neg": lambda x: -x,
    "/": lambda x, y: x / y,
    "abs": abs,
    "max": lambda *x: max(x),
    "min": lambda *x: min(x),
    "exp": lambda x: _exp(x, decimal.getcontext().prec),
    "log": lambda x: x.ln(),
    "ln": lambda x: x.ln(),
    "sqrt": lambda x: x.sqrt(),
    "cosh": lambda x: (x.exp() + (-x).exp()) / 2,
}  # fmt: skip
