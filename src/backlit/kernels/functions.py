"""Functions that NumPy lacks, for the maths of ops: `functions.erf(z)` beside `np.exp(z)`, and `flat`.

Compiled code has other functions in their place: an `erf` that vectorises (`vector_math`), and a `flat` of a few
instructions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from backlit.kernels.types import Array

Function = TypeVar("Function", bound=Callable[..., Any])


def erf(z: Any) -> Any:
    """Give the error function, 2/√π times the integral of exp(-t²) from 0 to z; on arrays it is SciPy's.

    >>> import numpy as np
    >>> erf(np.array([0.0, 1.0])).round(6).tolist()
    [0.0, 0.842701]
    """
    from scipy.special import erf as scipy_erf  # noqa: PLC0415  (SciPy is slow to import, and few ops need it)

    return scipy_erf(z)


def apart(function: Function) -> Function:
    """Mark a function of many loops that compiled kernels call as it is: copied to each call it would compile again.

    >>> apart(lambda A: A).apart
    True
    """
    vars(function)["apart"] = True
    return function


def positions(A: Array) -> Array:
    """Give a C-contiguous array of several axes as a matrix in the same place: a row for each place of the last axis.

    >>> import numpy as np
    >>> positions(np.zeros((2, 5, 3))).shape
    (10, 3)
    """
    return A.reshape(-1, A.shape[-1])


def part(A: Array, k: int, size: int) -> Array:
    """Give part k of a C-contiguous array that is cut into parts of so many numbers, as a vector in the same place.

    >>> import numpy as np
    >>> part(np.arange(12.0).reshape(2, 6), 3, 3)
    array([ 9., 10., 11.])
    """
    return A.reshape(-1)[k * size : (k + 1) * size]


def flat(A: Array) -> Array:
    """Give the elements of a C-contiguous matrix, row after row, as a vector in the same place.

    Written as one loop over it, a loop over all elements vectorises and compiles in half the time. NumPy's `reshape`
    would do the same, but takes Numba half a second to compile.

    >>> import numpy as np
    >>> A = np.zeros((2, 2))
    >>> flat(A)[2] = 1.0
    >>> A
    array([[0., 0.],
           [1., 0.]])
    """
    return A.reshape(-1)
