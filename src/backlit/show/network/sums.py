"""What is said of a panel: how the marked cell of a map comes about, and whether it has slopes."""

from __future__ import annotations

from backlit.errors import counted
from backlit.explain.algebra.numerals import given_text, short_text
from backlit.explain.record.drawing_records import Branches, Maps, Panel, Sum

MOST_TERMS = 12
"""A sum of more terms is not written out."""


def sum_text(made: Sum, digits: int) -> str:
    """Write how the marked cell comes about; a sum of many terms by their number.

    >>> sum_text(Sum("net(f1@r1c1)", ((1.0, 0.5), (2.0, -1.0)), 0.25, -1.25), 4)
    'net(f1@r1c1) = 1·0.5 + 2·(−1) + 0.25 = −1.25'
    """
    result = short_text(made.result, digits).replace("-", "−")
    numbers = [short_text(number, digits).replace("-", "−") for number, _ in made.terms]
    if made.head != "sum":
        shown = ", ".join(numbers) if len(numbers) <= MOST_TERMS else f"{len(numbers):,} numbers"
        return f"{made.name} = {made.head}({shown}) = {result}"
    weights = [_factor(given_text(weight, digits)) for _, weight in made.terms]
    numbers = [_factor(number) if k else number for k, number in enumerate(numbers)]
    terms = [f"{number}·{weight}" for number, weight in zip(numbers, weights, strict=True)]
    if len(terms) > MOST_TERMS:
        terms = [f"sum of {len(terms):,} products"]
    bias = [_factor(given_text(made.bias, digits))] if made.bias is not None else []
    text = f"{made.name} = {' + '.join([*terms, *bias])} = {result}"
    if made.after is None:
        return text
    return f"{text}; {made.activation} gives {short_text(made.after, digits)}".replace("-", "−")


def _factor(text: str) -> str:
    """Give a number so that it may stand behind a sign.

    >>> _factor("-1"), _factor("2")
    ('(−1)', '2')
    """
    return f"(−{text[1:]})" if text[:1] in {"-", "−"} else text


def has_slopes(panel: Panel) -> bool:
    """Tell whether the backward pass reaches something of a panel."""
    if isinstance(panel, Branches):
        return any(grid.slopes for grid in panel.grids) or any(has_slopes(one) for way in panel.branches for one in way)
    return not isinstance(panel, Maps) or any(grid.slopes for grid in (*panel.grids, *panel.weights))


def left_out_words(panel: Maps) -> str:
    """Say how many maps or units of a layer are not drawn, and of how many channels the weights; nothing if all are.

    >>> from backlit.explain.record.drawing_records import Grid
    >>> left_out_words(Maps("", (Grid("f1", ((0.5,),)),), 6, (Grid("w(i1,f1)", ((1.0,),)),), weights_size=3))
    'and 5 more maps; of the weights those from 2 more channels'
    """
    kind = "map" if any(grid.name for grid in panel.grids) else "unit"
    more = panel.size - len(panel.grids)
    words = [f"and {counted(more, f'more {kind}')}"] if more > 0 else []
    rest = panel.weights_size - len(panel.weights)
    if panel.weights and rest > 0:
        words.append(f"{'' if words else 'and '}of the weights those from {counted(rest, 'more channel')}")
    return "; ".join(words)
