"""Tables of records: what stands in their columns."""

from __future__ import annotations

import pytest

from backlit.engine import Epoch
from backlit.engine.history import History
from backlit.show.notebook import table_html
from backlit.show.summary_tables import _even


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.68206798, 0.687363454], ["0.682067980", "0.687363454"]),
        ([0.5, 1.0, 0.75], ["0.50", "1.00", "0.75"]),
        ([1 / 3, 1 / 30], ["0.333333333", "0.0333333333"]),
        ([1.2e-5, 1.23456789e-5], ["1.20000000e-05", "1.23456789e-05"]),
        ([1.2e-5], ["1.2e-05"]),
        ([float("nan"), float("inf"), 0.25], ["nan", "inf", "0.25"]),
        ([0.0, 1.0], ["0", "1"]),
        ([123456789.0, 1234567890123.0], ["123456789", "1.23456789e+12"]),
        ([], []),
    ],
)
def test_the_numbers_of_a_column_have_equally_many_digits(values: list[float], texts: list[str]) -> None:
    assert _even(values) == texts


def test_a_historys_losses_keep_their_last_zero() -> None:
    losses = [0.687363454, 0.68206798]
    history = History.of([Epoch(k, loss, None, 0.1, 0.0, best=True) for k, loss in enumerate(losses, 1)])
    assert [line.split()[-2] for line in str(history).splitlines()[2:]] == ["0.687363454", "0.682067980"]
    assert repr(history) == "<History: 2 epochs, loss 0.68206798 at the end>"
    assert repr(History()) == "<History: 0 epochs>"


def test_a_wide_table_scrolls_in_its_place() -> None:
    assert table_html(("a", "b"), [("1", "2")], 0).startswith('<div style="overflow-x:auto"><pre')
