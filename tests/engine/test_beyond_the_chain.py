"""Networks beyond the chain, drawn at random: each holds to every promise, above all to PyTorch's numbers.

A drawn network has convolutions, pooling, recurrent layers, embeddings, norms and dropout, branches within branches,
ties and several inputs; `tests/any_network.py` draws it, `tests/torch_network.py` reads it a second time, and
`tests/network_checks.py` says what must be true.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import any_network
import network_checks
import numpy as np
import pytest

import backlit as bl
from backlit.ops.registry import layers

STEADY = (50, 16188, 958, 308, 935, 1310, 2838, 1126)
"""Eight small networks which together have all layers and losses that are drawn, joins, ties, groups and lengths. The
checks share them, since compiling a network takes seconds and a check much less."""
MANY = int(os.environ.get("BACKLIT_NETWORKS", "0"))
"""How many others are drawn for each check in their place:
`BACKLIT_NETWORKS=500 pytest -n 2 tests/engine/test_beyond_the_chain.py` is the large setting, for a release."""


def seeds_for(check: str) -> Sequence[int]:
    """Give the large setting's numbers, or the steady networks: half of them where all kernels are compiled anew."""
    return range(MANY) if MANY else STEADY[: 4 if check == "single_precision_is_near" else None]


@pytest.mark.parametrize(
    ("check", "seed"), [(check, seed) for check in network_checks.CHECKS for seed in seeds_for(check)]
)
def test_any_network(check, seed, tmp_path):
    number = list(network_checks.CHECKS).index(check) if MANY else 0
    drawn = network_checks.drawn_for(check, 1000 * number + seed)
    given = [tmp_path] if check == "copies_are_equal" else []
    try:
        network_checks.CHECKS[check](drawn, *given)
    except Exception as error:
        error.add_note(repr(drawn))
        raise


def test_the_networks_of_all_checks_have_all_there_is():
    drawn = [any_network.draw(seed) for seed in STEADY]
    said = " ".join(map(repr, drawn))
    missing = [name for name in EVERY if name not in said]
    assert not missing
    assert {network.loss for network in drawn} == {"half_squared_error", "mse", "cross_entropy"}


EVERY = (
    *(f"{cls.__name__}(" for cls in layers.values() if cls.__module__.startswith("backlit.")),
    "join='add'", "join='multiply'", "tie=", "shortcut=", "groups=", "dilation=", "padding='same'", "bias=False",
    "bias='shared'", "lengths=", "reverse=True", "returns='sequence'", "truncate=",
)  # fmt: skip


LARGE = {
    "padded, in bands of rows": ([bl.Conv2D(2, 3, "tanh", padding="same")], (60, 130, 10)),
    "not padded, in bands of rows": ([bl.Conv2D(3, 3, "tanh")], (90, 128, 2)),
    "groups, moved by 2": ([bl.Conv2D(4, 5, "tanh", 2, 2, groups=2)], (150, 140, 4)),
    "more windows in a row than fit": ([bl.Conv1D(2, 3, "tanh", padding=1)], (8_400, 1)),
    "windows of more numbers than fit": ([bl.Conv2D(1, 92, "tanh")], (94, 94, 1)),
    "rows of more numbers than fit": ([bl.Conv2D(1, 2, "tanh", padding="same")], (3, 9_000, 8)),
    "one place, padded by more": ([bl.Conv2D(2, (3, 1), "tanh", (1, 5), (1, 2))], (2, 1, 900)),
    "pooled": ([bl.MaxPool(3, 2, 1), bl.AveragePool(2)], (150, 150, 3)),
    "a long sequence": ([bl.GRU(3, returns="sequence"), bl.LSTM(2, truncate=50)], (300, 4)),
}
"""Those that do not fit into the memory that a loop has to work in at once."""


@pytest.mark.parametrize("case", LARGE)
def test_what_is_large(case):
    chain, shape = LARGE[case]
    ending = [bl.GlobalAveragePool()] * (not isinstance(chain[-1], bl.LSTM))
    rng = np.random.default_rng(0)
    drawn = any_network.Drawn(
        0, [*chain, *ending, bl.Dense(2)], shape, "mse", rng.normal(size=(2, *shape)), rng.normal(size=(2, 2)), False
    )
    network_checks.pytorch_agrees(drawn)
