"""Dropout: the mask's statistics, its independence of how the work is cut, and the gradient through it."""

from __future__ import annotations

import numpy as np
import pytest

from backlit.errors import BacklitError
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.dropout import LOWER, SHIFT_32, Dropout, draw, mix, stream


def mask(run, p=0.5, rows=400, columns=250, **settings):
    """The mask of a dropout layer on ones, as 0 and 1."""
    return (run([Dropout(p)], np.ones((rows, columns)), **settings)["1.M"] > 0).astype(float)


def correlation(a, b):
    return abs(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def test_mix_is_splitmix64():
    """The first outputs of the published generator from seed 1234567."""
    state = np.uint64(1234567) + np.arange(1, 6, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    assert mix(state).tolist() == [
        6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821,
    ]  # fmt: skip


def draws(step, size=65536):
    """The random bits of the first elements of one step."""
    with np.errstate(over="ignore"):
        start = stream(3, step, 2)
    return draw(np.arange(size, dtype=np.uint32), np.uint32(start & LOWER), np.uint32(start >> SHIFT_32))


@pytest.mark.parametrize("shift", [0, 8, 16, 24])
def test_every_byte_of_a_draw_is_as_even_as_chance(shift):
    """χ² of 256 cells over 300 steps: its mean and, which too regular a hash would miss too, its spread."""
    squares = []
    for step in range(300):
        counts = np.bincount(draws(step) >> np.uint32(shift) & np.uint32(255), minlength=256)
        squares.append(((counts - 256.0) ** 2).sum() / 256.0)
    assert abs(np.mean(squares) - 255.0) < 4 * np.sqrt(2 * 255 / 300)
    assert np.std(squares) == pytest.approx(np.sqrt(2 * 255), rel=4 / np.sqrt(2 * 300))


def test_neighbouring_elements_and_steps_fall_together_as_often_as_chance():
    """χ² of the pairs of upper five bits, of an element with the next one and with itself a step later."""
    for other in (draws(7)[1:], draws(8)[:-1]):
        pairs = (draws(7)[:-1] >> np.uint32(27)) * np.uint32(32) + (other >> np.uint32(27))
        counts = np.bincount(pairs, minlength=1024)
        square = ((counts - 65535 / 1024) ** 2).sum() / (65535 / 1024)
        assert abs(square - 1023) < 4 * np.sqrt(2 * 1023)


@pytest.mark.parametrize("p", [0.01, 0.1, 0.5, 0.9])
def test_the_fraction_dropped_is_p(p, run):
    M = mask(run, p)
    deviation = np.sqrt(p * (1 - p))
    assert abs(M.mean() - (1 - p)) < 4 * deviation / np.sqrt(M.size)
    for axis in (0, 1):
        means = M.mean(axis=axis)
        spread = deviation / np.sqrt(M.shape[axis])
        assert means.std() == pytest.approx(spread, rel=0.25)  # as wide as independent draws are, no narrower
        assert np.abs(means - (1 - p)).max() < 5 * spread


def test_rows_columns_steps_ops_and_seeds_are_independent(run):
    M = mask(run)
    limit = 4 / np.sqrt(M.size)
    assert correlation(M[1:], M[:-1]) < limit
    assert correlation(M[:, 1:], M[:, :-1]) < limit
    assert correlation(M[1:, 1:], M[:-1, :-1]) < limit
    for other in (mask(run, step=1), mask(run, step=250), mask(run, seed=1), mask(run, seed=2**62)):
        assert correlation(M, other) < limit
        assert correlation(M[1:], other[:-1]) < limit
    second = run([Dropout(0.0), Dropout(0.5)], np.ones(M.shape))["2.M"] > 0
    assert correlation(M, second) < limit


def test_kept_inputs_are_scaled_so_that_the_expected_value_stays(run, mode, dtype):
    got = run([Dropout(0.2)], np.full((50, 40), 3.0), mode=mode, dtype=dtype)
    assert set(got.outputs.ravel().tolist()) == {0.0, 3.0 * (np.dtype(dtype).type(1) / np.dtype(dtype).type(0.8))}
    np.testing.assert_array_equal(got.d_inputs, got["1.M"])


@pytest.mark.parametrize("p", [0.1, 0.3, 0.999])
def test_plain_and_compiled_masks_are_the_same_bits(p, plain_and_compiled, dtype):
    plain, compiled = plain_and_compiled([Dropout(p)], np.ones((300, 33)), step=12, seed=2**62 + 5)
    np.testing.assert_array_equal(plain["1.M"], compiled["1.M"])


def test_nothing_is_dropped_outside_training(run, mode):
    X = np.random.default_rng(0).normal(size=(6, 5))
    for settings in ({"p": 0.7, "training": 0}, {"p": 0.0, "training": 1}):
        got = run([Dropout(settings["p"])], X, X + 1.0, mode=mode, training=settings["training"])
        np.testing.assert_array_equal(got.outputs, X)
        np.testing.assert_array_equal(got.d_inputs, X + 1.0)


def test_the_mask_does_not_depend_on_how_a_batch_is_cut(run, mode):
    """With more rows than a shard holds, the gradient equals the one whose mask is drawn row by absolute row."""
    rng = np.random.default_rng(1)
    layers, X = [Dropout(0.5), Dense(300, weights="zeros", bias=False)], rng.normal(size=(1500, 4))
    T = rng.normal(size=(1500, 300))
    cut = run(layers, X, T, mode=mode)
    assert cut.executable.rows < 1500
    M = mask(run, rows=1500, columns=4)
    np.testing.assert_allclose(cut.gradient.reshape(4, 300), (2.0 * M * X).T @ T, rtol=1e-12, atol=1e-11)


def test_backward_is_the_central_difference(run, mode):
    rng = np.random.default_rng(2)
    X, G, direction = rng.normal(size=(3, 7, 5))
    layers = [Dense(5, "tanh"), Dropout(0.4), Dense(5, "sigmoid")]
    ends = [run(layers, X + sign * 1e-5 * direction, G, mode=mode).error for sign in (1, -1)]
    slope = float((run(layers, X, G, mode=mode).d_inputs * direction).sum())
    assert slope == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6)


@pytest.mark.parametrize("p", [-0.1, 1.0, float("nan"), "half"])
def test_a_fraction_out_of_bounds_is_refused(p):
    with pytest.raises(BacklitError, match=r"dropout.*p is"):
        Dropout(p)
