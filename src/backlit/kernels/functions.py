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


def parts(A: Array, size: int) -> Array:
    """Give a C-contiguous array in the same place with its last axis in parts of so many, on an axis of their own.

    >>> import numpy as np
    >>> parts(np.zeros((2, 5, 6)), 3).shape
    (2, 5, 2, 3)
    """
    return A.reshape(*A.shape[:-1], -1, size)


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
