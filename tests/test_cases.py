"""An op is tested by being registered: the tests' cases, outputs and targets follow from what it declares."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import LOSSES, draw_outputs, draw_targets, ends, label, last_activation

import backlit as bl
from backlit.ops.base import ElementwiseLoss

INTERVALS = [(-math.inf, math.inf), (0.0, math.inf), (-math.inf, 2.0), (0.0, 1.0), (-1.0, 1.0), (3.0, 5.0)]


@pytest.mark.parametrize("interval", INTERVALS, ids=str)
def test_numbers_are_drawn_where_a_loss_declares_that_it_is_defined(interval):
    class Toy(ElementwiseLoss, frozen=True):
        outputs = targets = interval

    for numbers in (draw(Toy(), 50, 4, np.random.default_rng(0)) for draw in (draw_outputs, draw_targets)):
        assert numbers.shape == (50, 4)
        assert interval[0] <= numbers.min() < numbers.max() <= interval[1]
    assert all(interval[0] <= number <= interval[1] for number in ends(interval, "float32"))


@pytest.mark.parametrize("loss", LOSSES, ids=label)
def test_a_network_may_end_in_the_activation_and_the_loss(loss):
    network = bl.Network([bl.Dense(3, last_activation(loss))], 2, loss)
    targets = draw_targets(loss, 8, 3, np.random.default_rng(0))
    assert np.isfinite(bl.Training(network, np.ones((8, 2)), targets, epochs=1, compiled=False).run().history[-1].loss)


TOYS = """
from typing import Any
import backlit as bl
from backlit.ops.base import ElementwiseLoss

@bl.register("toy_activation")
class ToyActivation(bl.Activation, frozen=True):
    value = staticmethod(lambda z: z * z)
    slope = staticmethod(lambda z: 2.0 * z)

@bl.register("toy_layer")
class ToyLayer(bl.Layer, frozen=True):
    factor: float = 1.5
    @staticmethod
    def forward(X: Any, Z: Any, factor: Any) -> None:
        Z[:] = factor * X
    @staticmethod
    def backward(dZ: Any, dX: Any, factor: Any) -> None:
        if dX.size:
            dX[:] = factor * dZ

@bl.register("toy_loss")
class ToyLoss(ElementwiseLoss, frozen=True):
    outputs = targets = (0.0, 1.0)
    value = staticmethod(lambda a, t: (a - t) * (a - t))
    slope = staticmethod(lambda a, t: 2.0 * (a - t))

@bl.register("toy_wrong_loss")
class ToyWrongLoss(ToyLoss, frozen=True):
    slope = staticmethod(lambda a, t: 2.01 * (a - t))
"""


def test_ops_that_are_registered_have_their_gradients_checked(tmp_path: Path):
    """By another run of the tests, where a plug-in registers a loss, an activation, a layer and a wrong loss."""
    (tmp_path / "toys.py").write_text(TOYS, encoding="utf-8")
    options = ["-q", "-rA", "-p", "toys", "-p", "no:randomly", "-p", "no:xdist", "-p", "no:cacheprovider"]
    chosen = ["-k", "toy and entry_by_entry and plain", str(Path(__file__).with_name("engine") / "test_gradcheck.py")]
    search = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *chosen], env=os.environ | {"PYTHONPATH": search},
        cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False,
    )  # fmt: skip

    def named(outcome: str) -> list[Any]:
        lines = [line.split()[1] for line in done.stdout.splitlines() if line.startswith(outcome)]
        return sorted(line.rpartition("[")[2].removesuffix("-plain]") for line in lines)

    assert named("FAILED") == ["toy_wrong_loss"], done.stdout
    assert named("PASSED") == ["toy_activation", "toy_layer", "toy_loss"], done.stdout
