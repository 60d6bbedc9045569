"""Arguments of another kind are refused in words that say what to give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import backlit as bl
from backlit.errors import BacklitError

X, Y = [[0.0, 1.0], [1.0, 0.0]], [1.0, 0.0]


def network() -> bl.Network:
    return bl.Network([bl.Dense(1)], 2, seed=1)


CALLS: dict[str, tuple[Callable[[], Any], str]] = {
    "row": (lambda: bl.explain(network(), X, Y, row=2), r"explain\(network, X\[1:2\], Y\[1:2\]\) explains row 2"),
    "rows, a number": (
        lambda: bl.explain(network(), X, Y, rows=1),
        r"rows is 1; expected a list of names; .* X\[0:1\]",
    ),
    "rows, a text": (lambda: bl.explain(network(), X, Y, rows="ab"), "rows is 'ab'; expected a list of names"),
    "inputs": (lambda: bl.explain(network(), X, Y, inputs=2), "inputs is 2; expected a list of names"),
    "outputs": (lambda: bl.explain(network(), X, Y, outputs=1), "outputs is 1; expected a list of names"),
    "units": (lambda: bl.explain(network(), X, Y, units=1), "units is 1; expected a list of names for each layer"),
    "labels": (lambda: bl.explain(network(), X, Y, labels=["w1"]), "expected names by usual names, such as"),
    "only": (lambda: bl.explain(network(), X, Y, only=1), 'expected a part, such as "h1"'),
    "demo": (lambda: bl.demo(network()), r"demo was given Network; .* explain\(network, X, Y\) shows a step"),  # type: ignore[arg-type]
    "load, a name": (lambda: bl.load("nope"), r"-o nope\.safetensors` writes one"),
    "load, a network": (lambda: bl.load(network()), "load was given Network; expected the path"),
}


@pytest.mark.parametrize("name", CALLS)
def test_an_argument_of_another_kind_is_refused_in_words(name: str) -> None:
    call, words = CALLS[name]
    with pytest.raises(BacklitError, match=words):
        call()


def test_names_may_come_in_any_order_of_things() -> None:
    example = bl.explain(network(), X, Y, inputs=(name for name in "ab"), rows=("p", "q"))
    assert example["net(o1)[q]"].plain_formula == "w(a,o1) · a[q] + w(b,o1) · b[q] + b(o1)"
