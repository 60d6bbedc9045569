"""Networks beyond the chain, drawn at random: each holds to every promise, above all to PyTorch's numbers.

A drawn network has convolutions, pooling, recurrent layers, embeddings, norms and dropout, branches within branches,
ties and several inputs; `tests/any_network.py` draws it, `tests/torch_network.py` reads it a second time, and
`tests/network_checks.py` says what must be true.
"""

from __future__ import annotations

import os

import network_checks
import pytest

STEADY = 4
SEEDS = int(os.environ.get("BACKLIT_NETWORKS", STEADY))
"""How many networks are drawn for each check:
`BACKLIT_NETWORKS=500 pytest -n 2 tests/engine/test_beyond_the_chain.py` is the large setting, for a release."""


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("check", network_checks.CHECKS)
def test_any_network(check, seed, tmp_path):
    number = list(network_checks.CHECKS).index(check)
    drawn = network_checks.drawn_for(check, 1000 * number + seed)
    given = [tmp_path] if check == "copies_are_equal" else []
    try:
        network_checks.CHECKS[check](drawn, *given)
    except Exception as error:
        error.add_note(repr(drawn))
        raise
