"""Elementary functions in plain arithmetic, so that compiled loops over them use the whole width of the vector unit.

The maths of an op says ``np.exp(z)``. On arrays NumPy answers that with its own vector code; a compiled loop over
numbers would call the C library once per element, and such a call cannot be vectorised. The engine therefore compiles
the functions of this module in the place of NumPy's (``engine/compiled/substitutes.py`` has the table).

Every function takes and gives one number and is written in the subset that Numba compiles: no branches, only
selections; no library calls. Written once, it is compiled for float32 and for float64: the compiler gives its literals
that type, and takes from each `ByType` the constant, type or polynomial for it. (Integers are converted after each
operation, which Numba computes in 64 bits; and it knows `view` only on a number whose type is spelled, hence
``Float(k).view(Bits)``.)

Common to all of them:

- They are compiled to be inlined always (``forceinline``): a call inside a loop keeps it from being vectorised.
- The compiler may fuse ``a * b + c`` (flag ``contract``). The stated errors also hold if it ignores the sign of zero
  (``nsz``) or divides by way of the reciprocal (``arcp``), but not with other liberties.
- NaN in gives NaN out, infinities give the limit, and arguments outside the domain give NaN: as in NumPy, but without
  warnings. Subnormal arguments are not taken for 0, and results underflow gradually.
- Errors are stated in ulp, units in the last place of the exact result (of a subnormal result, in the smallest
  subnormal), as bounds that ``tests/kernels/test_vector_math.py`` holds against mpmath, with fused multiply-add.

Method: exp, expm1 and tanh write x = k ln 2 + r with |r| <= ln(2)/2 (Cody and Waite, Software Manual for the
Elementary Functions, 1980); log and log1p write x = 2^k (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2) and expand in
s = f / (2 + f), as Sun's fdlibm does; erf(x) is x P(x^2) for |x| < 1 and 1 - exp(-g(|x|)) beyond. The polynomials are
weighted minimax fits to the exact functions, evaluated in pairs of terms (Estrin's scheme). That shortens the longest
chain of dependent operations, which limits the loop: the processor overlaps only a few iterations.
"""

from typing import Any

import numpy as np

from backlit.kernels.types import ByType

# The compiler replaces each `ByType` by its form for the type at hand. The code uses it as that form, hence Any.
Float: Any = ByType(np.float32, np.float64)
Bits: Any = ByType(np.int32, np.int64)  # as many bits as Float has
_MANTISSA: Any = ByType(23, 52)  # bits

_INFINITY, _NAN = float("inf"), float("nan")

# ------------------------------------------------------------------------------------------------------ exp and kin

_LOG2_E = 1.4426950408889634
# ln 2 in two parts; the high part has trailing zeros, so that its product with a whole number k is exact.
_LN2_HIGH: Any = ByType(0.693359375, 6.93147180369123816490e-01)
_LN2_LOW: Any = ByType(-2.12194440e-4, 1.90821492927058770002e-10)

# Adding 1.5 * 2^(mantissa bits) + m rounds a float to a whole number k, and leaves k + m in the low bits of the sum:
# with the bias for m, these are the exponent of 2^k; with one less, that of 2^(k-1). With twice the bias, two exponents
# share the sum.
_BIASED: Any = ByType(12582912.0 + 127, 6755399441055744.0 + 1023)
_TWICE_BIASED: Any = ByType(12582912.0 + 254, 6755399441055744.0 + 2046)
_HALF_POWER: Any = ByType(12582912.0 + 126, 6755399441055744.0 + 1022)

# Beyond these every result is 0 or infinity, or -1 or 1; the reduced k still fits the exponents it is used for.
_EXP_LOW: Any = ByType(-104.5, -746.0)
_EXP_HIGH: Any = ByType(89.5, 710.5)
_EXPM1_LOW: Any = ByType(-20.0, -40.0)
_EXPM1_HIGH: Any = ByType(88.75, 709.8)
_TANH_HIGH: Any = ByType(10.0, 20.0)

# (exp(r) - 1 - r - r^2/2) / r^3 on |r| <= ln(2)/2; times r^3 it is within 2^-33 and 2^-57.
_EXP_SERIES: Any = ByType(
    (0.16666667, 0.04166646, 0.008333275, 0.0013935443, 0.00019913237),
    (
        0.16666666666666685, 0.04166666666660259, 0.008333333333313936, 0.0013888888927355823, 0.00019841269904878468,
        2.4801507976894813e-05, 2.755722611343192e-06, 2.762546753791097e-07, 2.5115084010176466e-08,
    ),
)  # fmt: skip


def _expm1_reduced_float32(r: Any) -> Any:
    c0, c1, c2, c3, c4 = _EXP_SERIES
    r2 = r * r
    return r + r2 * ((0.5 + r * c0) + r2 * ((c1 + r * c2) + r2 * (c3 + r * c4)))


def _expm1_reduced_float64(r: Any) -> Any:
    c0, c1, c2, c3, c4, c5, c6, c7, c8 = _EXP_SERIES
    r2 = r * r
    r4 = r2 * r2
    tail = ((c3 + r * c4) + r2 * (c5 + r * c6)) + r4 * (c7 + r * c8)
    return r + r2 * (((0.5 + r * c0) + r2 * (c1 + r * c2)) + r4 * tail)


_expm1_reduced: Any = ByType(_expm1_reduced_float32, _expm1_reduced_float64)
"""exp(r) - 1 for |r| <= ln(2)/2."""


def _power_of_two(biased: Any) -> Any:
    """2^n from n plus the bias, for all n whose 2^n is normal; only the low bits count."""
    return Bits(biased << _MANTISSA).view(Float)


def exp(x: Any) -> Any:
    """e^x; error below 1.5 ulp."""
    x = _EXP_HIGH if x > _EXP_HIGH else x
    x = _EXP_LOW if x < _EXP_LOW else x
    rounded = x * _LOG2_E + _TWICE_BIASED
    k = rounded - _TWICE_BIASED
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    # 2^k in two factors: one alone would overflow before exp does, and could not underflow gradually.
    half = k * 0.5 + _BIASED
    k1 = Float(half).view(Bits)
    k2 = Bits(Float(rounded).view(Bits) - k1)
    return (1.0 + _expm1_reduced(r)) * _power_of_two(k1) * _power_of_two(k2)


def expm1(x: Any) -> Any:
    """e^x - 1, exact to the last places near 0 too; error below 2.5 ulp."""
    x = _EXPM1_HIGH if x > _EXPM1_HIGH else x
    x = _EXPM1_LOW if x < _EXPM1_LOW else x
    rounded = x * _LOG2_E + _HALF_POWER
    k = rounded - _HALF_POWER
    p = _expm1_reduced((x - k * _LN2_HIGH) - k * _LN2_LOW)
    # Half of 2^k: 2^k itself overflows at the largest k, where the result does not yet.
    scale = _power_of_two(Float(rounded).view(Bits))
    return p if k == 0.0 else 2.0 * (scale * p + (scale - 0.5))


def tanh(x: Any) -> Any:
    """Hyperbolic tangent, as t / (t + 2) with t = e^(2|x|) - 1, and the sign of x; error below 3 ulp."""
    y = -x if x < 0.0 else x
    y = _TANH_HIGH if y > _TANH_HIGH else y
    y = y + y
    rounded = y * _LOG2_E + _BIASED
    k = rounded - _BIASED
    p = _expm1_reduced((y - k * _LN2_HIGH) - k * _LN2_LOW)
    scale = _power_of_two(Float(rounded).view(Bits))
    t = scale * p + (scale - 1.0)
    a = t / (t + 2.0)
    return -a if x < 0.0 else a


# ------------------------------------------------------------------------------------------------------ log and log1p

# (log((1 + s) / (1 - s)) / s - 2) / s^2 as a polynomial in s^2; times s^2 it is within 2^-36 and 2^-58.
_LOG_SERIES: Any = ByType(
    (0.6666666, 0.40000334, 0.28537273, 0.23582876),
    (
        0.6666666666666735, 0.3999999999941284, 0.2857142874283361, 0.2222219852382649, 0.18183567068555495,
        0.15313976057535028, 0.14796736643638464,
    ),
)  # fmt: skip

# Subnormals are multiplied by 2^lift into the normal range first.
_SMALLEST_NORMAL: Any = ByType(2.0**-126, 2.0**-1022)
_LIFT: Any = ByType(25.0, 54.0)
_TWO_TO_LIFT: Any = ByType(2.0**25, 2.0**54)

# By type: the bits of sqrt(1/2), and what added to them gives the bits of 1: it moves the limits between exponents so
# that 1 + f begins at sqrt(1/2).
_ROOT_HALF: Any = ByType(np.int32(0x3F3504F3), np.uint64(0x3FE6A09E667F3BCD))
_ROOT_SHIFT: Any = ByType(np.int32(0x3F800000 - 0x3F3504F3), np.uint64(0x3FF0000000000000 - 0x3FE6A09E667F3BCD))
_FRACTION: Any = ByType(np.int32(0x7FFFFF), np.uint64(0x000FFFFFFFFFFFFF))
# A whole number below 2^52 put into the mantissa of 2^52 is the float 2^52 + number: the conversion vector units lack.
_TWO_TO_52_BITS, _SHIFT_52, _TWO_TO_52_BIASED = np.uint64(0x4330000000000000), np.uint64(52), 2.0**52 + 1023


def _log_parts_float32(u: Any) -> Any:
    bits = np.int32(np.float32(u).view(np.int32) + _ROOT_SHIFT)
    k = np.float32(np.int32(np.int32(bits >> np.int32(23)) - np.int32(127)))
    return k, np.int32(np.int32(bits & _FRACTION) + _ROOT_HALF).view(np.float32) - 1.0


def _log_parts_float64(u: Any) -> Any:
    bits = np.float64(u).view(np.uint64) + _ROOT_SHIFT
    k = np.uint64((bits >> _SHIFT_52) | _TWO_TO_52_BITS).view(np.float64) - _TWO_TO_52_BIASED
    return k, np.uint64((bits & _FRACTION) + _ROOT_HALF).view(np.float64) - 1.0


_log_parts: Any = ByType(_log_parts_float32, _log_parts_float64)
"""k and f of u = 2^k (1 + f), for a normal u."""


def _log_series_float32(z: Any) -> Any:
    c0, c1, c2, c3 = _LOG_SERIES
    return z * ((c0 + z * c1) + z * z * (c2 + z * c3))


def _log_series_float64(z: Any) -> Any:
    c0, c1, c2, c3, c4, c5, c6 = _LOG_SERIES
    z2 = z * z
    return z * (((c0 + z * c1) + z2 * (c2 + z * c3)) + z2 * z2 * ((c4 + z * c5) + z2 * c6))


_log_series: Any = ByType(_log_series_float32, _log_series_float64)
"""log((1 + s) / (1 - s)) / s - 2 from z = s^2."""


def _log(u: Any, lifted: Any, correction: Any) -> Any:
    """log(u) - lifted ln 2 + correction, for a normal or special u."""
    k, f = _log_parts(u)
    k = k - lifted
    s = f / (2.0 + f)
    half_square = 0.5 * f * f
    low = s * (half_square + _log_series(s * s)) + (k * _LN2_LOW + correction)
    result = k * _LN2_HIGH + (f - (half_square - low))
    result = result if u > 0.0 else (-_INFINITY if u == 0.0 else _NAN)
    return result if u < _INFINITY else u


def log(x: Any) -> Any:
    """Natural logarithm; error below 1 ulp."""
    subnormal = x < _SMALLEST_NORMAL
    return _log(x * _TWO_TO_LIFT if subnormal else x, _LIFT if subnormal else 0.0, 0.0)


def log1p(x: Any) -> Any:
    """log(1 + x), exact to the last places near 0 too; error below 1 ulp."""
    u = 1.0 + x
    # The part that rounding 1 + x lost, exactly (Dekker's fast two-sum: the larger operand first).
    lost = 1.0 - (u - x) if x > 1.0 else x - (u - 1.0)
    return _log(u, 0.0, lost / u)


# --------------------------------------------------------------------------------------------------------------- erf

# erf(x) / x - 1 as a polynomial in x^2 on |x| <= 1, within 2^-34 and 2^-62.
_ERF_NEAR: Any = ByType(
    (
        0.12837917, -0.37612638, 0.11283783, -0.026865445, 0.005221075, -0.00084847107, 0.00011270539, -9.6801205e-06,
    ),
    (
        0.1283791670955126, -0.3761263890318375, 0.11283791670954885, -0.026866170645077868, 0.005223977624828374,
        -0.0008548326981422747, 0.0001205533113286878, -1.4925595770404226e-05, 1.6461008453762338e-06,
        -1.6350396009890374e-07, 1.4660327540584841e-08, -1.137495202868298e-09, 5.960680369370434e-11,
    ),
)  # fmt: skip

# -log(1 - erf(t)) / t - 1 as a polynomial in t, from t = 1 to where erf rounds to 1; erf is within 2^-31 and 2^-61.
_ERF_FAR: Any = ByType(
    (0.12869158, 0.63497984, 0.10651511, -0.023997512, 0.0037519673, -0.00034933072, 1.38447285e-05),
    (
        0.1283792017716293, 0.6366193580004805, 0.10277492997013088, -0.0191366122329913, -0.00018910315820500176,
        0.0016593574667209897, -0.0005378741079024727, -3.2719171118816494e-05, 0.00011714730035863776,
        -6.781130965976007e-05, 2.5459687654357977e-05, -7.150531717094727e-06, 1.5603416311604099e-06,
        -2.6573420758091674e-07, 3.48141636613555e-08, -3.396566462504681e-09, 2.3262587965084588e-10,
        -9.980343553185222e-12, 2.0176113455669586e-13,
    ),
)  # fmt: skip
_ERF_IS_ONE: Any = ByType(4.0, 6.0)


def _erf_near_float32(z: Any) -> Any:
    c0, c1, c2, c3, c4, c5, c6, c7 = _ERF_NEAR
    z2 = z * z
    lower, upper = (c0 + z * c1) + z2 * (c2 + z * c3), (c4 + z * c5) + z2 * (c6 + z * c7)
    return lower + z2 * z2 * upper


def _erf_near_float64(z: Any) -> Any:
    c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12 = _ERF_NEAR
    z2 = z * z
    z4 = z2 * z2
    lower, middle = (c0 + z * c1) + z2 * (c2 + z * c3), (c4 + z * c5) + z2 * (c6 + z * c7)
    upper = ((c8 + z * c9) + z2 * (c10 + z * c11)) + z4 * c12
    return lower + z4 * (middle + z4 * upper)


def _erf_far_float32(t: Any) -> Any:
    c0, c1, c2, c3, c4, c5, c6 = _ERF_FAR
    t2 = t * t
    lower, upper = (c0 + t * c1) + t2 * (c2 + t * c3), (c4 + t * c5) + t2 * c6
    return lower + t2 * t2 * upper


def _erf_far_float64(t: Any) -> Any:
    c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18 = _ERF_FAR
    t2 = t * t
    t4 = t2 * t2
    lower, middle = (c0 + t * c1) + t2 * (c2 + t * c3), (c4 + t * c5) + t2 * (c6 + t * c7)
    upper, last = (c8 + t * c9) + t2 * (c10 + t * c11), (c12 + t * c13) + t2 * (c14 + t * c15)
    last = last + t4 * ((c16 + t * c17) + t2 * c18)
    return lower + t4 * (middle + t4 * (upper + t4 * last))


_erf_near: Any = ByType(_erf_near_float32, _erf_near_float64)
"""erf(x) / x - 1 for |x| <= 1, from z = x^2."""
_erf_far: Any = ByType(_erf_far_float32, _erf_far_float64)
"""-log(1 - erf(t)) / t - 1 for t >= 1."""


def erf(x: Any) -> Any:
    """Error function 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x; error below 1.5 ulp."""
    near = x + x * _erf_near(x * x)
    size = -x if x < 0.0 else x
    t = _ERF_IS_ONE if size > _ERF_IS_ONE else size
    far = 1.0 - exp(-(t + t * _erf_far(t)))
    return near if size < 1.0 else (-far if x < 0.0 else far)
