"""A training that is copied, or pickled, goes on by itself with the bits of the one that it is of."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import backlit as bl
from backlit.engine import Repetition

RNG = np.random.default_rng(7)
X, Y = RNG.normal(size=(20, 3)), RNG.integers(0, 2, 20)
SETTINGS = {
    "plain": {"compiled": False},
    "compiled": {},
    "validated": {"validation": (X[:6] + 0.1, Y[:6], np.arange(6.0)), "sample_weight": np.arange(1.0, 21.0)},
    "measured": {"metrics": ["accuracy"], "callbacks": print, "gradient_norms": True, "optimizer": "momentum"},
    "own order": {"order": RNG.permutation(20).copy},
    "threads": {"threads": 2, "batch_size": "full"},
}
DUPLICATES = {"deepcopy": copy.deepcopy, "pickle": lambda given: pickle.loads(pickle.dumps(given))}


def training(**given):
    layers = [bl.Dense(4, "tanh"), bl.BatchNorm(), bl.Dropout(0.2), bl.Dense(2, "softmax")]
    network = bl.Network(layers, 3, "cross_entropy", seed=1)
    return bl.Training(network, X, Y, **{"batch_size": 5, "epochs": 4, "seed": 3} | given)


@pytest.mark.parametrize("duplicate", DUPLICATES.values(), ids=DUPLICATES)
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("begun", [0, 2, 4])
def test_a_copy_goes_on_with_the_same_bits(begun, settings, duplicate):
    one = training(**settings)
    for epoch in one if begun else ():
        if epoch.number == begun:
            break
    before = one.state
    network, other = duplicate((one.network, one))
    assert other.network is network
    assert (one.state, one.stopped) == (before, other.stopped)
    for each in (one, other):
        each.epochs = 6
    other.run()
    assert one.state == before  # nothing is shared
    one.run()
    assert one.state == other.state
    assert one.network.parameters.tobytes() == network.parameters.tobytes()


def test_a_copy_keeps_where_its_training_began():
    one = copy.deepcopy(training().run())
    again = Repetition.of(one)
    assert [place.epoch for place in again.places(one)] == [0, 1, 2, 3, 4]
    again.refuse_another_end(one)


def test_what_is_compiled_for_the_validation_rows_is_shown_as_compiling(monkeypatch):
    one, asked = training(validation=(X, Y)), []
    compiling = type(one.hooks).compiling
    monkeypatch.setattr(
        type(one.hooks), "compiling", lambda *given: asked.append("monitor" in vars(one.loop)) or compiling(*given)
    )
    one.run()
    assert asked[0] is False
