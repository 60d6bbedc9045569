"""Layers beyond the chain where numbers are large, equal, many or none."""

from __future__ import annotations

import numpy as np
import pytest

from backlit.ops.layers.embedding import MOST, Embedding

LARGE = np.array([[0, 2**23 - 1, 2**23 + 1, 2**23 + 3, MOST - 2, MOST - 1]], np.float32)
"""Category numbers of which float32 holds each, but from 2²³ on none with a half more."""


@pytest.mark.parametrize("function", [Embedding.forward, Embedding.forward.compiled], ids=["whole", "loops"])
def test_every_category_that_float32_holds_is_found(function):
    W, Z, found = np.zeros((MOST, 1), np.float32), np.arange(1, 7, dtype=np.float32)[None], np.empty((1, 6), np.float32)
    W[LARGE[0].astype(np.int64), 0] = Z[0]
    function(LARGE, W, found)
    assert found.tolist() == Z.tolist()


def test_the_slope_of_every_category_goes_to_its_row():
    dZ, dW = np.arange(1, 7, dtype=np.float32)[None], np.empty((MOST, 1), np.float32)
    Embedding.backward(LARGE, dW, dZ, np.empty((0, 0), np.float32), dW)
    assert dW[LARGE[0].astype(np.int64), 0].tolist() == dZ[0].tolist()
