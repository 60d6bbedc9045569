"""The elementary functions of compiled code, against mpmath and against NumPy."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from backlit.engine.compiled.retype import Retyper
from backlit.engine.compiled.substitutes import SCALAR_MATHS, VECTOR_MATH
from backlit.kernels import vector_math
from backlit.kernels.types import ByType

mpmath = pytest.importorskip("mpmath")
numba = pytest.importorskip("numba")
special = pytest.importorskip("scipy.special")

FLAGS = {"contract", "nsz", "arcp"}
LARGEST_ERROR = {"exp": 1.5, "expm1": 2.5, "tanh": 3.0, "log": 1.0, "log1p": 1.0, "erf": 1.5}  # ulp, as documented
NUMPY: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in LARGEST_ERROR if hasattr(np, name)},
    "erf": special.erf,
}
NAMES = [name for name, (module, _) in SCALAR_MATHS.items() if module == VECTOR_MATH]
CASES = [(dtype, name) for dtype in ("float32", "float64") for name in NAMES]


@functools.cache
def retyper(dtype: str) -> Retyper:
    """What compiles the functions, with all liberties that they stand."""
    made = Retyper(dtype, {"np": np})
    made.liberties = FLAGS
    return made


def loop_of(compiled: Retyper, name: str) -> Callable[[Any, Any], None]:
    function = compiled(getattr(vector_math, name), scalar=True)

    @numba.njit(error_model="numpy", fastmath=FLAGS)
    def loop(x, y):
        for i in range(x.size):
            y[i] = function(x[i])

    return loop


@functools.cache
def loop_over(dtype: str, name: str) -> Callable[[Any, Any], None]:
    return loop_of(retyper(dtype), name)


def compiled(dtype: str, name: str, x: np.ndarray) -> np.ndarray:
    y = np.empty_like(x)
    loop_over(dtype, name)(x, y)
    return y


def points(dtype: str, name: str, count: int = 400) -> np.ndarray:
    """Points spread over the domain, crowded near where each function is hard, and next to its reductions' edges."""
    rng = np.random.default_rng(0)
    info = np.finfo(dtype)
    exponents = rng.uniform(np.log10(info.smallest_subnormal), np.log10(info.max), count)
    everywhere, small = 10.0**exponents, 10.0 ** rng.uniform(-8, 0.5, count) * rng.choice([-1, 1], count)
    edges = (np.arange(-60, 61) + 0.5) * np.log(2)
    largest, lowest = float(np.log(info.max)), float(np.log(info.smallest_subnormal))
    spread = {
        "exp": [rng.uniform(lowest, largest, count), edges, [largest, lowest, float(np.log(info.tiny))]],
        "expm1": [rng.uniform(-45, largest, count), edges, [largest], small],
        "tanh": [rng.uniform(-22, 22, count), edges / 2, small, everywhere],
        "log": [
            everywhere,
            rng.uniform(0.3, 3, count),
            1 + small[abs(small) < 1],
            np.sqrt(0.5) * 2.0 ** np.arange(-9, 9),
        ],
        "log1p": [everywhere, small[small > -1], rng.uniform(-1, 2, count), -1 + 10.0 ** rng.uniform(-7, 0, count)],
        "erf": [rng.uniform(-7, 7, count), small, rng.uniform(0.95, 1.05, count), everywhere],
    }[name]
    x = np.concatenate(spread).astype(dtype)
    x = np.concatenate([x, np.nextafter(x, np.asarray(np.inf, dtype))])
    if name == "log1p":
        x = x[x > -1]
    return x[np.isfinite(x)]


def error_in_ulp(name: str, x: np.ndarray, y: np.ndarray) -> float:
    """Give the largest distance of y from the exact value, in units in the last place of the exact value."""
    info = np.finfo(x.dtype)
    exact_function = getattr(mpmath, name)
    worst = 0.0
    with mpmath.workdps(40):
        for a, b in zip(x.tolist(), y.tolist(), strict=True):
            exact = exact_function(mpmath.mpf(a))
            exponent = max(mpmath.frexp(abs(exact))[1], info.minexp + 1)
            if abs(exact) < mpmath.mpf(2) ** info.maxexp * (1 - mpmath.mpf(2) ** (-info.nmant - 2)):
                worst = max(worst, float(abs(mpmath.mpf(b) - exact) / mpmath.mpf(2) ** (exponent - info.nmant - 1)))
            else:
                assert b == np.inf
    return worst


@pytest.mark.parametrize(("dtype", "name"), CASES)
def test_error_is_as_small_as_documented(dtype, name):
    x = points(dtype, name)
    assert error_in_ulp(name, x, compiled(dtype, name, x)) < LARGEST_ERROR[name]


@pytest.mark.parametrize("name", NAMES)
def test_docstring_states_the_tested_error(name):
    text = getattr(vector_math, name).__doc__
    assert f"below {LARGEST_ERROR[name]:g} ulp" in text


def test_a_wrong_coefficient_is_caught(monkeypatch):
    series = list(vector_math._EXP_SERIES.float64)
    series[0] *= 1 + 1e-12
    monkeypatch.setattr(vector_math, "_EXP_SERIES", ByType(vector_math._EXP_SERIES.float32, tuple(series)))
    x = points("float64", "exp")
    y = np.empty_like(x)
    loop_of(Retyper("float64", {"np": np}), "exp")(x, y)
    assert error_in_ulp("exp", x, y) > LARGEST_ERROR["exp"]


@pytest.mark.parametrize(("dtype", "name"), CASES)
def test_special_values_are_numpys(dtype, name):
    info = np.finfo(dtype)
    small, tiny, large = info.smallest_subnormal, info.tiny, info.max
    x = np.array([np.nan, np.inf, 0, -1, 1, -2, 1e4, small, tiny, large], dtype)
    x = np.concatenate([x, -x])
    with np.errstate(all="ignore"):
        expected = NUMPY[name](x)
    np.testing.assert_allclose(compiled(dtype, name, x), expected, rtol=4 * info.eps, atol=0)


@pytest.mark.parametrize("name", sorted(LARGEST_ERROR))
def test_agrees_with_numpy_to_twelve_digits(name):
    x = points("float64", name, 2000)
    with np.errstate(over="ignore", under="ignore"):
        expected = NUMPY[name](x)
    np.testing.assert_allclose(compiled("float64", name, x), expected, rtol=1e-12, atol=5e-324)


@pytest.mark.parametrize("name", ["tanh", "erf"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_odd_functions_are_odd_to_the_last_bit(dtype, name):
    x = points(dtype, name)
    np.testing.assert_array_equal(compiled(dtype, name, -x), -compiled(dtype, name, x))


@pytest.mark.parametrize(("dtype", "name"), CASES)
def test_type_is_kept(dtype, name):
    compiled(dtype, name, np.ones(1, dtype))
    (overload,) = retyper(dtype)(getattr(vector_math, name), scalar=True).overloads.values()
    assert str(overload.signature.return_type) == dtype


def test_float32_is_nowhere_computed_in_float64():
    for name in NAMES:
        compiled("float32", name, np.ones(1, "float32"))
    overloads = [overload for twin in retyper("float32").done.values() for overload in twin.overloads.values()]
    inside = {str(kind) for overload in overloads for kind in overload.type_annotation.typemap.values()}
    assert "float32" in inside
    assert not any("float64" in kind for kind in inside)


@pytest.mark.parametrize(("dtype", "name"), CASES)
def test_loops_are_vectorised_and_call_no_library(dtype, name):
    compiled(dtype, name, np.ones(1, dtype))
    (text,) = loop_over(dtype, name).inspect_llvm().values()
    scalar = {"float32": "float", "float64": "double"}[dtype]
    assert f" x {scalar}>" in text
    assert f"@{name}" not in text
