"""Every registered initializer: shape, scale, and the same values from the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from backlit.errors import BacklitError
from backlit.ops.initializers import Orthogonal, Uniform, fill
from backlit.ops.registry import initializers

SHAPES = [(300, 200), (200, 300), (1, 1), (7,), (0,)]
VARIANCES = {
    "zeros": 0.0, "constant": 0.0, "normal": 0.05**2, "uniform": 0.1**2 / 12, "glorot_uniform": 2 / 500,
    "glorot_normal": 2 / 500, "he_uniform": 2 / 300, "he_normal": 2 / 300, "lecun_uniform": 1 / 300,
    "lecun_normal": 1 / 300, "orthogonal": 1 / 300,
}  # fmt: skip
"""Of the weights of a (300, 200) matrix, by the papers' formulas."""


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.mark.parametrize("name", initializers)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_draws_finite_values_of_the_shape_and_repeats_them(name, shape):
    given = initializers[name]()
    values = given.draw(shape, rng())
    assert values.shape == shape
    assert values.dtype == np.float64
    assert np.isfinite(values).all()
    np.testing.assert_array_equal(values, given.draw(shape, rng()))
    assert initializers.from_dict(given.to_dict()) == given


@pytest.mark.parametrize("name", initializers)
def test_mean_and_variance_are_the_papers(name):
    if name not in VARIANCES:
        pytest.skip("an initializer from outside")
    values = initializers[name]().draw((300, 200), rng())
    assert values.var() == pytest.approx(VARIANCES[name], rel=0.02)
    assert abs(values.mean()) <= 4 * np.sqrt(VARIANCES[name] / values.size)
    if name.endswith("uniform"):
        limit = np.sqrt(3 * VARIANCES[name])
        assert 0.999 * limit < np.abs(values).max() <= limit


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (6,)], ids=str)
def test_orthogonal_is(shape):
    W = Orthogonal(gain=2.0).draw(shape, rng()).reshape(-1, shape[-1])
    gram = W @ W.T if W.shape[0] < W.shape[1] else W.T @ W
    np.testing.assert_allclose(gram, 4.0 * np.eye(len(gram)), atol=1e-14)


def test_orthogonal_favours_no_direction():
    corners = [Orthogonal().draw((2, 2), np.random.default_rng(seed))[0, 0] for seed in range(2000)]
    assert abs(np.mean(corners)) < 4 * np.sqrt(0.5 / 2000)
    assert np.mean(np.square(corners)) == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize(
    ("name", "settings"),
    [("normal", {"std": -1.0}), ("normal", {"std": float("nan")}), ("constant", {"value": float("inf")}),
     ("uniform", {"low": 1.0, "high": 0.0}), ("orthogonal", {"gain": "much"})],
)  # fmt: skip
def test_settings_out_of_bounds_are_refused(name, settings):
    with pytest.raises(BacklitError, match=name):
        initializers[name](**settings)


def test_a_uniform_of_no_width_is_a_constant():
    assert Uniform(0.5, 0.5).draw((3,), rng()).tolist() == [0.5, 0.5, 0.5]


def test_fill_takes_names_numbers_and_values():
    assert fill("constant", (2,), rng(), "b").tolist() == [0.0, 0.0]
    assert fill(0.5, (2, 1), rng(), "W").tolist() == [[0.5], [0.5]]
    assert fill([[1, 2]], (1, 2), rng(), "W").tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize(
    ("given", "message"),
    [([[1.0, 2.0]], r"layer 1, W: values of shape \(1, 2\) were given; expected \(2, 1\)"),
     (float("nan"), "not all finite"), ([[1.0], ["x"]], "expected an initializer's name"),
     ([[1.0], [2.0, 3.0]], "expected an initializer's name"), ("glorot_unifrom", "did you mean 'glorot_uniform'")],
)  # fmt: skip
def test_fill_refuses_what_does_not_fit(given, message):
    with pytest.raises(BacklitError, match=message):
        fill(given, (2, 1), rng(), "layer 1, W")
