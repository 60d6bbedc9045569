"""Square matrices typed with a row for each unit, as many pages print them, where the file has one for each input; and
the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from backlit.errors import counted
from backlit.examples.measuring import Measurement
from backlit.examples.netfile import Setup
from backlit.examples.quantity_parsing import parse_quantity
from backlit.examples.run_records import Figure, same_digits


def rows_are_units(setup: Setup, figures: Sequence[Figure], *, compiled: bool) -> str:
    """Say that the published figures agree with the square matrices transposed; "" where they agree as they are.

    Only figures before the first update count, since they follow from the weights as they are typed.
    """
    before = [figure for figure in figures if figure.after == 0]
    layers = [_transposed(table) for table in setup.network.layers]
    turned = [k for k, (new, old) in enumerate(zip(layers, setup.network.layers, strict=True), 1) if new is not old]
    if not turned or all(figure.equal for figure in before):
        return ""
    other = msgspec.structs.replace(setup, network=msgspec.structs.replace(setup.network, layers=layers))
    measured = Measurement(other, network := other.build(), compiled=compiled, rows=other.all_rows())
    measured.at(network)
    if not all(same_digits(figure.published, measured.value(parse_quantity(figure.quantity, other.names)))
               for figure in before):  # fmt: skip
        return ""
    of = f"layer{'s' * (len(turned) > 1)} {', '.join(map(str, turned))}"
    equal = sum(bool(figure.equal) for figure in before)
    here, there = ("input", "unit") if _layout(setup.network.layers[turned[0] - 1]) == "inputs" else ("unit", "input")
    return (
        f"{equal} of {counted(len(before), 'published figure')} before the first update agree; with the weights of "
        f"{of} transposed all do. Here weights have a row for each {here}; the page's have perhaps one for each "
        f'{there}: then write layout = "{there}s" in {of}, or in [network] for all layers.'
    )


def _layout(table: Any) -> Any:
    return table.get("layout", "inputs")


def _transposed(table: Any) -> Any:
    """Give a dense layer's table with its square weights transposed, where that changes them; else the table itself."""
    given = table.get("weights")
    if table.get("op", "dense") != "dense" or not isinstance(given, list) or "weight_labels" in table:
        return table
    W = np.array(given, dtype=object)
    if W.ndim != 2 or W.shape[0] != W.shape[1] or (W == W.T).all():
        return table
    return {**table, "weights": W.T.tolist()}
