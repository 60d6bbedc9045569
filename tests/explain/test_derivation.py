"""docs/derivation.md: its chain rules over windows and through time, written once more, give the engine's slopes."""

from __future__ import annotations

import numpy as np
import pytest

import backlit as bl


def numbers(layers, inputs):
    """Give the numbers of a step of a network by name."""
    network = bl.Network([*layers, bl.Dense(1)], inputs, "mse", seed=0)
    step = bl.explain(network, np.random.default_rng(0).normal(size=(1, *inputs)), [[1.0]])
    return lambda name: step[name].value


def test_windows():
    of = numbers([bl.Conv1D(2, 2), bl.Conv1D(2, 2), bl.Flatten()], (5, 1))
    windows, filters, places = range(1, 4), (1, 2), (1, 2)
    slope = {(t, f): of(f"dE/dnet(f2.{f}@t{t})") for t in windows for f in filters}
    for f in filters:
        for c in (1, 2):
            for k in places:
                weight = sum(slope[t, f] * of(f"out(f1.{c}@t{t + k - 1})") for t in windows)
                assert of(f"dE/dw(f1.{c},f2.{f}@t{k})") == pytest.approx(weight, rel=1e-12)
        assert of(f"dE/db(f2.{f})") == pytest.approx(sum(slope[t, f] for t in windows), rel=1e-12)
    for s in range(1, 5):
        for c in (1, 2):
            given = sum(slope.get((s - k + 1, f), 0.0) * of(f"w(f1.{c},f2.{f}@t{k})") for k in places for f in filters)
            assert of(f"dE/dout(f1.{c}@t{s})") == pytest.approx(given, rel=1e-12)


def test_a_recurrent_layer():
    of = numbers([bl.Recurrent(2, returns="sequence"), bl.Flatten()], (3, 1))
    for k in (1, 2):
        for t in (1, 2, 3):
            later = sum(of(f"u(h{k},h{j})") * of(f"dE/dnet(h{j}@t{t + 1})") for j in (1, 2)) if t < 3 else 0.0
            assert of(f"dE/dout(h{k}@t{t})") == pytest.approx(of(f"dE/dy(h{k}@t{t})") + later, rel=1e-12)
            inside = of(f"dE/dout(h{k}@t{t})") * (1 - of(f"out(h{k}@t{t})") ** 2)
            assert of(f"dE/dnet(h{k}@t{t})") == pytest.approx(inside, rel=1e-12)
        for j in (1, 2):
            times = sum(of(f"dE/dnet(h{j}@t{t})") * of(f"out(h{k}@t{t - 1})") for t in (2, 3))
            assert of(f"dE/du(h{k},h{j})") == pytest.approx(times, rel=1e-12)


@pytest.mark.parametrize("t", [1, 2])
def test_an_lstm(t):
    of = numbers([bl.LSTM(1)], (3, 1))
    i, f, g, o = (of(f"{gate}(h1@t{t})") for gate in "ifgo")
    c, h = of(f"dE/dc(h1@t{t})"), of(f"dE/dout(h1@t{t})")
    squashed, before = np.tanh(of(f"c(h1@t{t})")), of(f"c(h1@t{t - 1})") if t > 1 else 0.0
    later = of(f"dE/dc(h1@t{t + 1})") * of(f"f(h1@t{t + 1})")
    assert c == pytest.approx(h * o * (1 - squashed**2) + later, rel=1e-12)
    slopes = {"i": c * g * i * (1 - i), "g": c * i * (1 - g**2), "o": h * squashed * o * (1 - o)}
    slopes |= {"f": c * before * f * (1 - f)}
    for gate, slope in slopes.items():
        assert of(f"dE/dnet_{gate}(h1@t{t})") == pytest.approx(slope, rel=1e-12)


def test_a_gru():
    of = numbers([bl.GRU(1)], (2, 1))
    r, z, n, h, slope = (*(of(f"{gate}(h1@t2)") for gate in "rzn"), of("out(h1@t1)"), of("dE/dout(h1@t2)"))
    assert of("out(h1@t2)") == pytest.approx((1 - z) * n + z * h, rel=1e-12)
    into = {"n": slope * (1 - z) * (1 - n**2), "z": slope * (h - n) * z * (1 - z)}
    assert of("dE/dnet_n(h1@t2)") == pytest.approx(into["n"], rel=1e-12)
    assert of("dE/dnet_z(h1@t2)") == pytest.approx(into["z"], rel=1e-12)
    gates = of("u_z(h1,h1)") * into["z"] + of("u_r(h1,h1)") * of("dE/dnet_r(h1@t2)")
    before = slope * z + gates + of("u_n(h1,h1)") * r * into["n"]
    assert of("dE/dout(h1@t1)") == pytest.approx(before, rel=1e-12)
