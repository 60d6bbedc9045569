"""Elementary functions in plain arithmetic, so that compiled loops over them use the whole width of the vector unit.

The maths of an op says ``np.exp(z)``. On arrays NumPy answers that with its own vector code; a compiled loop over
scalars would call the C library once per element, and such a call cannot be vectorised. The compiler therefore puts
the functions of this module (`SUBSTITUTES`) in the place of NumPy's when it compiles an op.

Every function is a scalar function of one type, in the subset Numba compiles: no branches, only selections; no
library calls. (Numba knows `view` on a scalar only where its type is spelled, hence ``np.float32(k).view``.) Each is
written twice, for float32 and for float64, because the bit layouts, the degrees of the polynomials and the types of
the constants differ: a Python literal beside a float32 would make float64 of it.

What holds for all of them:

- They are to be compiled for inlining always (``forceinline``): a call inside a loop keeps it from being vectorised.
- The compiler may fuse ``a * b + c`` (flag ``contract``), ignore the sign of zero (``nsz``) and replace a division by
  a multiplication with the reciprocal (``arcp``), nothing more. NaN in gives NaN out; infinities are answered with the
  limit, and arguments outside the domain with NaN, as NumPy does (NumPy's warnings are not raised).
- Subnormal arguments and results are honoured, with gradual underflow.
- Errors are stated in ulp, units in the last place of the exact result (of a subnormal result, in the smallest
  subnormal), as bounds that ``tests/ops/test_elementary.py`` holds against mpmath, with fused multiply-add.

Method: exp, expm1 and tanh write x = k ln 2 + r with |r| <= ln(2)/2 (Cody and Waite, Software Manual for the
Elementary Functions, 1980); log and log1p write x = 2^k (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2) and expand in
s = f / (2 + f), as Sun's fdlibm does; erf(x) is x P(x^2) for |x| < 1 and 1 - exp(-g(|x|)) beyond. The polynomials are
weighted least-maximum fits to the exact functions, evaluated in pairs of terms (Estrin's scheme): a loop over them
waits for its longest chain of operations, since only a few iterations fit into the processor's window.

>>> round(float(exp_float64(np.float64(1))), 12)
2.718281828459
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


def _constants(scalar: type[np.floating[Any]], *values: float) -> tuple[Any, ...]:
    return tuple(scalar(value) for value in values)


_ZERO_32, _HALF_32, _ONE_32, _TWO_32, _INF_32, _NAN_32 = _constants(np.float32, 0, 0.5, 1, 2, np.inf, np.nan)
_ZERO_64, _HALF_64, _ONE_64, _TWO_64, _INF_64, _NAN_64 = _constants(np.float64, 0, 0.5, 1, 2, np.inf, np.nan)

# ln 2 in two parts; the high part has trailing zeros, so that its product with a whole number k is exact.
_LOG2_E_32, _LN2_HIGH_32, _LN2_LOW_32 = _constants(np.float32, 1.4426950408889634, 0.693359375, -2.12194440e-4)
_LOG2_E_64, _LN2_HIGH_64, _LN2_LOW_64 = _constants(
    np.float64, 1.4426950408889634, 6.93147180369123816490e-01, 1.90821492927058770002e-10
)

# Adding 1.5 * 2^(mantissa bits) + m rounds a float to a whole number k, and leaves k + m in the low bits of the sum:
# with the bias for m, these are the exponent of 2^k.
_MANTISSA_32, _BIAS_32, _MANTISSA_64 = np.int32(23), np.int32(127), np.int64(52)
_BIASED_32, _TWICE_BIASED_32, _HALF_POWER_32 = _constants(np.float32, 12582912 + 127, 12582912 + 254, 12582912 + 126)
_BIASED_64, _TWICE_BIASED_64, _HALF_POWER_64 = _constants(
    np.float64, 6755399441055744 + 1023, 6755399441055744 + 2046, 6755399441055744 + 1022
)

# ------------------------------------------------------------------------------------------------------ exp and kin

# (exp(r) - 1 - r - r^2/2) / r^3 on |r| <= ln(2)/2; times r^3 it is within 2^-33 and 2^-57.
_EXP_SERIES_32 = _constants(np.float32, 0.16666667, 0.04166646, 0.008333275, 0.0013935443, 0.00019913237)
_EXP_SERIES_64 = _constants(
    np.float64,
    0.16666666666666685,
    0.04166666666660259,
    0.008333333333313936,
    0.0013888888927355823,
    0.00019841269904878468,
    2.4801507976894813e-05,
    2.755722611343192e-06,
    2.762546753791097e-07,
    2.5115084010176466e-08,
)

# Beyond these every result is 0 or infinity, or -1 or 1; the reduced k still fits the exponents it is used for.
_EXP_LOW_32, _EXP_HIGH_32, _EXPM1_LOW_32, _EXPM1_HIGH_32, _TANH_HIGH_32 = _constants(
    np.float32, -104.5, 89.5, -20, 88.75, 10
)
_EXP_LOW_64, _EXP_HIGH_64, _EXPM1_LOW_64, _EXPM1_HIGH_64, _TANH_HIGH_64 = _constants(
    np.float64, -746, 710.5, -40, 709.8, 20
)


def _expm1_reduced_float32(r: Any) -> Any:
    """exp(r) - 1 for |r| <= ln(2)/2."""
    c0, c1, c2, c3, c4 = _EXP_SERIES_32
    r2 = r * r
    return r + r2 * ((_HALF_32 + r * c0) + r2 * ((c1 + r * c2) + r2 * (c3 + r * c4)))


def _expm1_reduced_float64(r: Any) -> Any:
    """exp(r) - 1 for |r| <= ln(2)/2."""
    c0, c1, c2, c3, c4, c5, c6, c7, c8 = _EXP_SERIES_64
    r2 = r * r
    r4 = r2 * r2
    tail = ((c3 + r * c4) + r2 * (c5 + r * c6)) + r4 * (c7 + r * c8)
    return r + r2 * (((_HALF_64 + r * c0) + r2 * (c1 + r * c2)) + r4 * tail)


def _power_of_two_float32(biased: Any) -> Any:
    """2^n from n plus the bias, -126 <= n <= 127; only the low bits count."""
    return np.int32(biased << _MANTISSA_32).view(np.float32)


def _power_of_two_float64(biased: Any) -> Any:
    """2^n from n plus the bias, -1022 <= n <= 1023; only the low bits count."""
    return np.int64(biased << _MANTISSA_64).view(np.float64)


def exp_float32(x: Any) -> Any:
    """e^x; error below 1.5 ulp."""
    x = _EXP_HIGH_32 if x > _EXP_HIGH_32 else x
    x = _EXP_LOW_32 if x < _EXP_LOW_32 else x
    rounded = x * _LOG2_E_32 + _TWICE_BIASED_32
    k = rounded - _TWICE_BIASED_32
    r = (x - k * _LN2_HIGH_32) - k * _LN2_LOW_32
    # 2^k in two factors: one alone would overflow before exp does, and could not underflow gradually.
    half = k * _HALF_32 + _BIASED_32
    k1 = np.float32(half).view(np.int32)
    k2 = np.int32(np.float32(rounded).view(np.int32) - k1)
    return (_ONE_32 + _expm1_reduced_float32(r)) * _power_of_two_float32(k1) * _power_of_two_float32(k2)


def exp_float64(x: Any) -> Any:
    """e^x; error below 1.5 ulp."""
    x = _EXP_HIGH_64 if x > _EXP_HIGH_64 else x
    x = _EXP_LOW_64 if x < _EXP_LOW_64 else x
    rounded = x * _LOG2_E_64 + _TWICE_BIASED_64
    k = rounded - _TWICE_BIASED_64
    r = (x - k * _LN2_HIGH_64) - k * _LN2_LOW_64
    half = k * _HALF_64 + _BIASED_64
    k1 = np.float64(half).view(np.int64)
    k2 = np.float64(rounded).view(np.int64) - k1
    return (_ONE_64 + _expm1_reduced_float64(r)) * _power_of_two_float64(k1) * _power_of_two_float64(k2)


def expm1_float32(x: Any) -> Any:
    """e^x - 1, exact to the last places near 0 too; error below 2.5 ulp."""
    x = _EXPM1_HIGH_32 if x > _EXPM1_HIGH_32 else x
    x = _EXPM1_LOW_32 if x < _EXPM1_LOW_32 else x
    rounded = x * _LOG2_E_32 + _HALF_POWER_32
    k = rounded - _HALF_POWER_32
    p = _expm1_reduced_float32((x - k * _LN2_HIGH_32) - k * _LN2_LOW_32)
    # Half of 2^k: 2^k itself overflows at k = 128, where the result does not yet.
    scale = _power_of_two_float32(np.float32(rounded).view(np.int32))
    return p if k == _ZERO_32 else _TWO_32 * (scale * p + (scale - _HALF_32))


def expm1_float64(x: Any) -> Any:
    """e^x - 1, exact to the last places near 0 too; error below 2.5 ulp."""
    x = _EXPM1_HIGH_64 if x > _EXPM1_HIGH_64 else x
    x = _EXPM1_LOW_64 if x < _EXPM1_LOW_64 else x
    rounded = x * _LOG2_E_64 + _HALF_POWER_64
    k = rounded - _HALF_POWER_64
    p = _expm1_reduced_float64((x - k * _LN2_HIGH_64) - k * _LN2_LOW_64)
    scale = _power_of_two_float64(np.float64(rounded).view(np.int64))
    return p if k == _ZERO_64 else _TWO_64 * (scale * p + (scale - _HALF_64))


def tanh_float32(x: Any) -> Any:
    """Hyperbolic tangent, as t / (t + 2) with t = e^(2|x|) - 1, and the sign of x; error below 3 ulp."""
    y = -x if x < _ZERO_32 else x
    y = _TANH_HIGH_32 if y > _TANH_HIGH_32 else y
    y = y + y
    rounded = y * _LOG2_E_32 + _BIASED_32
    k = rounded - _BIASED_32
    p = _expm1_reduced_float32((y - k * _LN2_HIGH_32) - k * _LN2_LOW_32)
    scale = _power_of_two_float32(np.float32(rounded).view(np.int32))
    t = scale * p + (scale - _ONE_32)
    a = t / (t + _TWO_32)
    return -a if x < _ZERO_32 else a


def tanh_float64(x: Any) -> Any:
    """Hyperbolic tangent, as t / (t + 2) with t = e^(2|x|) - 1, and the sign of x; error below 3 ulp."""
    y = -x if x < _ZERO_64 else x
    y = _TANH_HIGH_64 if y > _TANH_HIGH_64 else y
    y = y + y
    rounded = y * _LOG2_E_64 + _BIASED_64
    k = rounded - _BIASED_64
    p = _expm1_reduced_float64((y - k * _LN2_HIGH_64) - k * _LN2_LOW_64)
    scale = _power_of_two_float64(np.float64(rounded).view(np.int64))
    t = scale * p + (scale - _ONE_64)
    a = t / (t + _TWO_64)
    return -a if x < _ZERO_64 else a


# ------------------------------------------------------------------------------------------------------ log and log1p

# (log((1 + s) / (1 - s)) / s - 2) / s^2 as a polynomial in s^2; times s^2 it is within 2^-36 and 2^-58.
_LOG_SERIES_32 = _constants(np.float32, 0.6666666, 0.40000334, 0.28537273, 0.23582876)
_LOG_SERIES_64 = _constants(
    np.float64,
    0.6666666666666735,
    0.3999999999941284,
    0.2857142874283361,
    0.2222219852382649,
    0.18183567068555495,
    0.15313976057535028,
    0.14796736643638464,
)

# The bits of sqrt(1/2), and their distance from those of 1: shifts the binade so that 1 + f starts at sqrt(1/2).
_ROOT_HALF_32, _ROOT_SHIFT_32, _FRACTION_32 = (
    np.int32(0x3F3504F3),
    np.int32(0x3F800000 - 0x3F3504F3),
    np.int32(0x7FFFFF),
)
_ROOT_HALF_64, _ROOT_SHIFT_64, _FRACTION_64 = (
    np.uint64(0x3FE6A09E667F3BCD),
    np.uint64(0x3FF0000000000000 - 0x3FE6A09E667F3BCD),
    np.uint64(0x000FFFFFFFFFFFFF),
)
# A whole number below 2^52 put into the mantissa of 2^52 is the float 2^52 + number: the conversion vector units lack.
_TWO_TO_52, _TWO_TO_52_BITS, _EXPONENT_SHIFT_64 = (
    np.float64(4503599627370496.0),
    np.uint64(0x4330000000000000),
    np.uint64(52),
)

# Subnormals are scaled into the normal range first.
_NORMAL_32, _LIFT_32, _LIFT_POWER_32 = np.float32(2.0**-126), np.float32(2.0**25), np.float32(25)
_NORMAL_64, _LIFT_64, _LIFT_POWER_64 = np.float64(2.0**-1022), np.float64(2.0**54), np.float64(54)


def _log_float32(u: Any, lifted: Any, correction: Any) -> Any:
    """log(u) - lifted ln 2 + correction, for a normal or special u."""
    bits = np.int32(np.float32(u).view(np.int32) + _ROOT_SHIFT_32)
    k = np.float32(np.int32(np.int32(bits >> _MANTISSA_32) - _BIAS_32)) - lifted
    f = np.int32(np.int32(bits & _FRACTION_32) + _ROOT_HALF_32).view(np.float32) - _ONE_32
    s = f / (_TWO_32 + f)
    z = s * s
    c0, c1, c2, c3 = _LOG_SERIES_32
    series = z * ((c0 + z * c1) + z * z * (c2 + z * c3))
    half_square = _HALF_32 * f * f
    low = s * (half_square + series) + (k * _LN2_LOW_32 + correction)
    result = k * _LN2_HIGH_32 + (f - (half_square - low))
    result = result if u > _ZERO_32 else (-_INF_32 if u == _ZERO_32 else _NAN_32)
    return result if u < _INF_32 else u


def _log_float64(u: Any, lifted: Any, correction: Any) -> Any:
    """log(u) - lifted ln 2 + correction, for a normal or special u."""
    bits = np.float64(u).view(np.uint64) + _ROOT_SHIFT_64
    k = (
        np.uint64((bits >> _EXPONENT_SHIFT_64) | _TWO_TO_52_BITS).view(np.float64)
        - (_TWO_TO_52 + np.float64(1023))
        - lifted
    )
    f = np.uint64((bits & _FRACTION_64) + _ROOT_HALF_64).view(np.float64) - _ONE_64
    s = f / (_TWO_64 + f)
    z = s * s
    c0, c1, c2, c3, c4, c5, c6 = _LOG_SERIES_64
    z2 = z * z
    series = z * (((c0 + z * c1) + z2 * (c2 + z * c3)) + z2 * z2 * ((c4 + z * c5) + z2 * c6))
    half_square = _HALF_64 * f * f
    low = s * (half_square + series) + (k * _LN2_LOW_64 + correction)
    result = k * _LN2_HIGH_64 + (f - (half_square - low))
    result = result if u > _ZERO_64 else (-_INF_64 if u == _ZERO_64 else _NAN_64)
    return result if u < _INF_64 else u


def log_float32(x: Any) -> Any:
    """Natural logarithm; error below 1 ulp."""
    subnormal = x < _NORMAL_32
    lifted = _LIFT_POWER_32 if subnormal else _ZERO_32
    return _log_float32(x * _LIFT_32 if subnormal else x, lifted, _ZERO_32)


def log_float64(x: Any) -> Any:
    """Natural logarithm; error below 1 ulp."""
    subnormal = x < _NORMAL_64
    lifted = _LIFT_POWER_64 if subnormal else _ZERO_64
    return _log_float64(x * _LIFT_64 if subnormal else x, lifted, _ZERO_64)


def log1p_float32(x: Any) -> Any:
    """log(1 + x), exact to the last places near 0 too; error below 1 ulp."""
    u = _ONE_32 + x
    # What the rounding of 1 + x lost, exactly (Dekker's fast two-sum: the larger operand first).
    lost = _ONE_32 - (u - x) if x > _ONE_32 else x - (u - _ONE_32)
    return _log_float32(u, _ZERO_32, lost / u)


def log1p_float64(x: Any) -> Any:
    """log(1 + x), exact to the last places near 0 too; error below 1 ulp."""
    u = _ONE_64 + x
    lost = _ONE_64 - (u - x) if x > _ONE_64 else x - (u - _ONE_64)
    return _log_float64(u, _ZERO_64, lost / u)


# --------------------------------------------------------------------------------------------------------------- erf

# erf(x) / x - 1 as a polynomial in x^2 on |x| <= 1, within 2^-34 and 2^-62.
_ERF_NEAR_32 = _constants(
    np.float32,
    0.12837917,
    -0.37612638,
    0.11283783,
    -0.026865445,
    0.005221075,
    -0.00084847107,
    0.00011270539,
    -9.6801205e-06,
)
_ERF_NEAR_64 = _constants(
    np.float64,
    0.1283791670955126,
    -0.3761263890318375,
    0.11283791670954885,
    -0.026866170645077868,
    0.005223977624828374,
    -0.0008548326981422747,
    0.0001205533113286878,
    -1.4925595770404226e-05,
    1.6461008453762338e-06,
    -1.6350396009890374e-07,
    1.4660327540584841e-08,
    -1.137495202868298e-09,
    5.960680369370434e-11,
)

# -log(1 - erf(t)) / t - 1 as a polynomial in t, from t = 1 to where erf rounds to 1; erf is within 2^-31 and 2^-61.
_ERF_FAR_32 = _constants(
    np.float32, 0.12869158, 0.63497984, 0.10651511, -0.023997512, 0.0037519673, -0.00034933072, 1.38447285e-05
)
_ERF_FAR_64 = _constants(
    np.float64,
    0.1283792017716293,
    0.6366193580004805,
    0.10277492997013088,
    -0.0191366122329913,
    -0.00018910315820500176,
    0.0016593574667209897,
    -0.0005378741079024727,
    -3.2719171118816494e-05,
    0.00011714730035863776,
    -6.781130965976007e-05,
    2.5459687654357977e-05,
    -7.150531717094727e-06,
    1.5603416311604099e-06,
    -2.6573420758091674e-07,
    3.48141636613555e-08,
    -3.396566462504681e-09,
    2.3262587965084588e-10,
    -9.980343553185222e-12,
    2.0176113455669586e-13,
)
_ERF_IS_ONE_32, _ERF_IS_ONE_64 = np.float32(4), np.float64(6)


def erf_float32(x: Any) -> Any:
    """Error function 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x; error below 1.5 ulp."""
    z = x * x
    c0, c1, c2, c3, c4, c5, c6, c7 = _ERF_NEAR_32
    z2 = z * z
    lower, upper = (c0 + z * c1) + z2 * (c2 + z * c3), (c4 + z * c5) + z2 * (c6 + z * c7)
    near = x + x * (lower + z2 * z2 * upper)

    size = -x if x < _ZERO_32 else x
    t = _ERF_IS_ONE_32 if size > _ERF_IS_ONE_32 else size
    c0, c1, c2, c3, c4, c5, c6 = _ERF_FAR_32
    t2 = t * t
    lower, upper = (c0 + t * c1) + t2 * (c2 + t * c3), (c4 + t * c5) + t2 * c6
    g = t + t * (lower + t2 * t2 * upper)
    far = _ONE_32 - exp_float32(-g)
    return near if size < _ONE_32 else (-far if x < _ZERO_32 else far)


def erf_float64(x: Any) -> Any:
    """Error function 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x; error below 1.5 ulp."""
    z = x * x
    c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12 = _ERF_NEAR_64
    z2 = z * z
    z4 = z2 * z2
    lower, middle = (c0 + z * c1) + z2 * (c2 + z * c3), (c4 + z * c5) + z2 * (c6 + z * c7)
    upper = ((c8 + z * c9) + z2 * (c10 + z * c11)) + z4 * c12
    near = x + x * (lower + z4 * (middle + z4 * upper))

    size = -x if x < _ZERO_64 else x
    t = _ERF_IS_ONE_64 if size > _ERF_IS_ONE_64 else size
    c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18 = _ERF_FAR_64
    t2 = t * t
    t4 = t2 * t2
    lower, middle = (c0 + t * c1) + t2 * (c2 + t * c3), (c4 + t * c5) + t2 * (c6 + t * c7)
    upper, last = (c8 + t * c9) + t2 * (c10 + t * c11), (c12 + t * c13) + t2 * (c14 + t * c15)
    last = last + t4 * ((c16 + t * c17) + t2 * c18)
    g = t + t * (lower + t4 * (middle + t4 * (upper + t4 * last)))
    far = _ONE_64 - exp_float64(-g)
    return near if size < _ONE_64 else (-far if x < _ZERO_64 else far)


SUBSTITUTES: Mapping[str, Mapping[str, Callable[[Any], Any]]] = {
    "float32": {
        "exp": exp_float32,
        "expm1": expm1_float32,
        "tanh": tanh_float32,
        "log": log_float32,
        "log1p": log1p_float32,
        "erf": erf_float32,
    },
    "float64": {
        "exp": exp_float64,
        "expm1": expm1_float64,
        "tanh": tanh_float64,
        "log": log_float64,
        "log1p": log1p_float64,
        "erf": erf_float64,
    },
}
"""By type: the function to compile in the place of NumPy's, or for erf SciPy's, function of that name."""
